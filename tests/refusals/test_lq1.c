/* QR-3 and QR-4 of specs/qr.md: the key-binding token. QR-1 and QR-2 are in unit/test_lq1.c. */
#include "lq1_cases.h"

/* A key-binding header with the SD-CWT of `b` between `before` and `after`. */
static void frame(struct bend *b, const char *before, bool as_bytes, const char *after)
{
    LW_AUTO_BUF cwt = LW_BUF(BEND_BYTES_MAX);
    LW_AUTO_BUF hex = LW_BUF(BEND_BYTES_MAX);
    LW_AUTO_BUF item = LW_BUF(BEND_BYTES_MAX);
    const char *text = NULL;
    bend_build_cwt(b, &cwt);
    const lw_err err = as_bytes ? wallet_cbor_put_bytes(&item, lw_buf_view(&cwt))
                                : lw_buf_put(&item, lw_buf_view(&cwt));
    if (err.code == LW_OK && lw_buf_put_c(&hex, before).code == LW_OK &&
        lw_buf_put_hex(&hex, lw_buf_view(&item)).code == LW_OK &&
        lw_buf_put_c(&hex, after).code == LW_OK && lw_buf_c(&hex, &text).code == LW_OK) {
        bend_bytes(&b->kbt.protected_raw, text);
    }
}

static void framed_as_usual(struct bend *b)
{
    frame(b, "a301280d", false, "10190126");
}

static void framed_as_bytes(struct bend *b)
{
    frame(b, "a301280d", true, "10190126");
}

static void framed_with_more(struct bend *b)
{
    frame(b, "a301280d", false, "1019012600");
}

static void framed_without_end(struct bend *b)
{
    frame(b, "bf01280d", false, "10190126ff");
}

static void framed_twice(struct bend *b)
{
    frame(b, "a401280d00 0d", false, "10190126");
}

static void token_too_long(struct bend *b)
{
    static char hex[2 * 65536 + 16];
    memset(hex, '0', sizeof(hex) - 1);
    memcpy(hex, "59ffdc", 6);
    hex[2 * (65500 + 3)] = 0;
    bend_set(&b->kbt.claims, "1904d2", hex);
}

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define ORDER "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define ORDER_PLUS_1 "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632552"
#define DEEP_16 "81818181818181818181818181818181"
#define NOT_64 "signature is not 64 bytes"
#define NO_SIGNATURE "signature: does not hold"
#define OWN_KEY "key binding names a key of its own"
#define ANOTHER_ALG "alg is neither -9 nor -7"
#define DUPLICATE "cbor: duplicate map key"
#define INDEFINITE "cbor: indefinite length"

static const struct lq1_case cases[] = {
    ACCEPTED("a presentation as it should be is accepted", ALL(LQ1_NOTHING, NULL)),
    ACCEPTED_BY("a header put together by hand is accepted", framed_as_usual),
    /* QR-3 */
    REFUSED("a token without its tag is refused", DECODE, SYNTAX,
            "lq1: first byte is neither D2 nor 78", ALL(KBT_SHELL, "84")),
    REFUSED("a token of another tag is refused", DECODE, SYNTAX,
            "lq1: first byte is neither D2 nor 78", ALL(KBT_SHELL, "d184")),
    /* QR-4: the message */
    REFUSED("a tag within a tag is refused", PARSE, SYNTAX,
            "cose: COSE_Sign1 has not four elements", ALL(KBT_SHELL, "d2d284")),
    REFUSED("five elements are refused", PARSE, SYNTAX, "cose: COSE_Sign1 has not four elements",
            ALL(KBT_SHELL, "d285"), ALL(KBT_TAIL, "00")),
    REFUSED("a byte after the token is refused", PARSE, SYNTAX, "cbor: bytes after the item",
            ALL(KBT_TAIL, "00")),
    REFUSED("a token of indefinite length is refused", PARSE, SYNTAX, INDEFINITE,
            ALL(KBT_SHELL, "d29f"), ALL(KBT_TAIL, "ff")),
    REFUSED("a detached payload is refused", PARSE, UNSUPPORTED, "cose: payload is detached",
            ALL(KBT_PAYLOAD, "f6")),
    REFUSED("a payload that is text is refused", PARSE, SYNTAX, "cbor: item of another type",
            ALL(KBT_PAYLOAD, "60")),
    REFUSED_BY("a token longer than the limit is refused", PARSE, LIMIT, "token too long",
               token_too_long),
    /* QR-4: the protected header */
    REFUSED("a missing algorithm is refused", PARSE, UNSUPPORTED,
            "cose: no algorithm in the protected header", ALL(KBT_HEAD_DROP, "01")),
    REFUSED("an algorithm in the unprotected header is refused", PARSE, UNSUPPORTED,
            "cose: no algorithm in the protected header", ALL(KBT_HEAD_DROP, "01"),
            ALL(KBT_UNPROTECTED, "a10128")),
    REFUSED("HMAC 256 is refused (A1)", PARSE, UNSUPPORTED, ANOTHER_ALG,
            PUT(KBT_HEAD_SET, "01", "05")),
    REFUSED("HMAC 512 is refused (A1)", PARSE, UNSUPPORTED, ANOTHER_ALG,
            PUT(KBT_HEAD_SET, "01", "07")),
    REFUSED("algorithm 0 is refused (A2)", PARSE, UNSUPPORTED, ANOTHER_ALG,
            PUT(KBT_HEAD_SET, "01", "00")),
    REFUSED("algorithm none is refused (A2)", PARSE, UNSUPPORTED, "cose: algorithm is no number",
            PUT(KBT_HEAD_SET, "01", "646e6f6e65")),
    REFUSED("algorithm null is refused (A2)", PARSE, UNSUPPORTED, "cose: algorithm is no number",
            PUT(KBT_HEAD_SET, "01", "f6")),
    REFUSED("ES384 is refused", PARSE, UNSUPPORTED, ANOTHER_ALG, PUT(KBT_HEAD_SET, "01", "3822")),
    REFUSED("EdDSA is refused", PARSE, UNSUPPORTED, ANOTHER_ALG, PUT(KBT_HEAD_SET, "01", "27")),
    REFUSED("a missing typ is refused", PARSE, UNSUPPORTED, "another typ",
            ALL(KBT_HEAD_DROP, "10")),
    REFUSED("typ of an SD-CWT is refused", PARSE, UNSUPPORTED, "another typ",
            PUT(KBT_HEAD_SET, "10", "190125")),
    REFUSED("typ application/sd-cwt is refused", PARSE, UNSUPPORTED, "another typ",
            PUT(KBT_HEAD_SET, "10", "726170706c69636174696f6e2f73642d637774")),
    REFUSED("critical headers are refused", PARSE, UNSUPPORTED, "cose: critical headers",
            PUT(KBT_HEAD_ADD, "02", "8110")),
    REFUSED("a header that is no map is refused", PARSE, SYNTAX, "cose: protected header is no map",
            ALL(KBT_HEAD_RAW, "80")),
    REFUSED("a header label twice is refused", PARSE, SYNTAX, DUPLICATE,
            PUT(KBT_HEAD_ADD, "10", "190126")),
    REFUSED_BY("a byte after the header is refused", PARSE, SYNTAX, "cbor: bytes after the item",
               framed_with_more),
    REFUSED_BY("a header of indefinite length is refused", PARSE, SYNTAX, INDEFINITE,
               framed_without_end),
    REFUSED("a key binding without an SD-CWT is refused", PARSE, VALUE,
            "key binding holds no SD-CWT", ALL(KBT_HEAD_RAW, "a2012810190126")),
    REFUSED_BY("an SD-CWT as a byte string is refused", PARSE, SYNTAX,
               "cose: not tagged as COSE_Sign1", framed_as_bytes),
    REFUSED_BY("two SD-CWTs are refused", PARSE, SYNTAX, DUPLICATE, framed_twice),
    REFUSED("kid in the key binding is refused (A3)", PARSE, VALUE, OWN_KEY,
            PUT(KBT_HEAD_ADD, "04", "4852bde1c8f27486e6")),
    REFUSED("x5chain in the key binding is refused (A3)", PARSE, VALUE, OWN_KEY,
            PUT(KBT_HEAD_ADD, "1821", "4130")),
    REFUSED("x5t in the key binding is refused (A3)", PARSE, VALUE, OWN_KEY,
            PUT(KBT_HEAD_ADD, "1822", "822f4100")),
    REFUSED("x5u in the key binding is refused (A3)", PARSE, VALUE, OWN_KEY,
            PUT(KBT_HEAD_ADD, "1823", "6161")),
    REFUSED("x5bag in the key binding is refused (A3)", PARSE, VALUE, OWN_KEY,
            PUT(KBT_HEAD_ADD, "1820", "4130")),
    REFUSED("kccs in the key binding is refused (A3)", PARSE, VALUE, OWN_KEY,
            PUT(KBT_HEAD_ADD, "0e", "a0")),
    /* QR-4: the unprotected header */
    REFUSED("an unprotected header is refused", PARSE, VALUE,
            "unprotected header of the key binding is not empty", ALL(KBT_UNPROTECTED, "a10441aa")),
    REFUSED("a label in both headers is refused", PARSE, VALUE,
            "cose: a label stands in both headers", ALL(KBT_UNPROTECTED, "a10128")),
    REFUSED("an unprotected header that is no map is refused", PARSE, SYNTAX,
            "cose: unprotected header is no map", ALL(KBT_UNPROTECTED, "80")),
    REFUSED("an unprotected label twice is refused", PARSE, SYNTAX, DUPLICATE,
            ALL(KBT_UNPROTECTED, "a200000000")),
    REFUSED("an unprotected header of indefinite length is refused", PARSE, SYNTAX, INDEFINITE,
            ALL(KBT_UNPROTECTED, "bfff")),
    /* QR-4 and QR-8: the signature */
    REFUSED("a missing signature is refused (A2)", PARSE, VALUE, NOT_64, ALL(KBT_SIG, "40")),
    REFUSED("a signature of 63 bytes is refused (A4)", PARSE, VALUE, NOT_64,
            ALL(KBT_SIG,
                "583f" ZEROS "00000000000000000000000000000000000000000000000000000000000000")),
    REFUSED("a signature of 65 bytes is refused (A4)", PARSE, VALUE, NOT_64,
            ALL(KBT_SIG, "5841" ZEROS ZEROS "00")),
    REFUSED("a signature of zeros is refused (A2, A4)", HOLDER_SIGNATURE, SIGNATURE, NO_SIGNATURE,
            ALL(KBT_SIG, "5840" ZEROS ZEROS)),
    REFUSED("r and s of the order are refused (A4)", HOLDER_SIGNATURE, SIGNATURE, NO_SIGNATURE,
            ALL(KBT_SIG, "5840" ORDER ORDER)),
    REFUSED("r and s above the order are refused (A4)", HOLDER_SIGNATURE, SIGNATURE, NO_SIGNATURE,
            ALL(KBT_SIG, "5840" ORDER_PLUS_1 ORDER_PLUS_1)),
    /* QR-4: the claims */
    REFUSED("claims that are no map are refused", PARSE, SYNTAX, "claims are no map",
            ALL(KBT_RAW, "80")),
    REFUSED("a byte after the claims is refused", PARSE, SYNTAX, "cbor: bytes after the item",
            ALL(KBT_RAW, "a2036671723a616e79061a6afed84000")),
    REFUSED("a claim twice is refused", PARSE, SYNTAX, DUPLICATE, PUT(KBT_ADD, "06", "1a6afed840")),
    REFUSED("claims of indefinite length are refused", PARSE, SYNTAX, INDEFINITE,
            ALL(KBT_RAW, "bf036671723a616e79061a6afed840ff")),
    REFUSED("a claim of indefinite length is refused", PARSE, SYNTAX, INDEFINITE,
            PUT(KBT_SET, "07", "5f41aaff")),
    REFUSED("a head that is not the shortest is refused", PARSE, SYNTAX,
            "cbor: head is not in its shortest form", PUT(KBT_SET, "03", "780671723a616e79")),
    REFUSED("text that is not UTF-8 is refused", PARSE, SYNTAX, "cbor: text is not UTF-8",
            PUT(KBT_SET, "03", "6471723aff")),
    REFUSED("claims nested too deep are refused", PARSE, LIMIT, "cbor: nested too deep",
            PUT(KBT_SET, "190400", DEEP_16 "00")),
    REFUSED("iss in the key binding is refused", PARSE, VALUE, "iss or sub in the key binding",
            PUT(KBT_SET, "01", "6161")),
    REFUSED("sub in the key binding is refused", PARSE, VALUE, "iss or sub in the key binding",
            PUT(KBT_SET, "02", "6161")),
    REFUSED("a missing aud is refused", PARSE, VALUE, "key binding lacks aud", ALL(KBT_DROP, "03")),
    REFUSED("an empty aud is refused", PARSE, VALUE, "aud is no text", PUT(KBT_SET, "03", "60")),
    REFUSED("aud as a number is refused", PARSE, VALUE, "aud is no text", PUT(KBT_SET, "03", "01")),
    REFUSED("aud as a list is refused", PARSE, VALUE, "aud is no text",
            PUT(KBT_SET, "03", "816671723a616e79")),
    REFUSED("a missing iat is refused", PARSE, VALUE, "key binding lacks iat", ALL(KBT_DROP, "06")),
    REFUSED("a missing iat beside exp is refused", PARSE, VALUE, "key binding lacks iat",
            ALL(KBT_DROP, "06"), INT(KBT_INT, "04", BEND_NOW + 9)),
    REFUSED("iat as text is refused", PARSE, VALUE, "time of the key binding is no integer",
            PUT(KBT_SET, "06", "6130")),
    REFUSED("iat as a float is refused", PARSE, VALUE, "time of the key binding is no integer",
            PUT(KBT_SET, "06", "fb41dabfb610000000")),
    REFUSED("exp as a float is refused", PARSE, VALUE, "time of the key binding is no integer",
            PUT(KBT_SET, "04", "fb41dabfb620000000")),
    REFUSED("nbf as text is refused", PARSE, VALUE, "time of the key binding is no integer",
            PUT(KBT_SET, "05", "6130")),
    REFUSED("a cnonce of 15 bytes is refused", PARSE, VALUE, "cnonce is not 16 bytes",
            PUT(KBT_SET, "1827", "4f000000000000000000000000000000")),
    REFUSED("a cnonce of 17 bytes is refused", PARSE, VALUE, "cnonce is not 16 bytes",
            PUT(KBT_SET, "1827", "510000000000000000000000000000000000")),
    REFUSED("an empty cnonce is refused", PARSE, VALUE, "cnonce is not 16 bytes",
            PUT(KBT_SET, "1827", "40")),
    REFUSED("a cnonce as text is refused", PARSE, VALUE, "cnonce is not 16 bytes",
            PUT(KBT_SET, "1827", "7030303030303030303030303030303030")),
    REFUSED("hidden claims in the key binding are refused", PARSE, VALUE,
            "redaction in the key binding", PUT(KBT_SET, "f83b", "80")),
    REFUSED("a hidden element in the key binding is refused", PARSE, VALUE,
            "redaction in the key binding", PUT(KBT_SET, "190400", "81d83c5820" ZEROS)),
    REFUSED("a tag of before issue in the key binding is refused", PARSE, VALUE,
            "tag of a token before issue", PUT(KBT_SET, "190400", "d83a00")),
    REFUSED("a key that is a byte string is refused", PARSE, VALUE,
            "claim key is neither number nor text", PUT(KBT_SET, "4100", "00")),
};

int main(void)
{
    return lq1_run(cases, sizeof(cases) / sizeof(cases[0]));
}
