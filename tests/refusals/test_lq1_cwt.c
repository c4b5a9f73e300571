/* QR-5 to QR-7 of specs/qr.md: the SD-CWT, whose key it is signed with, and its claims. */
#include "lq1_cases.h"

#define ANOTHER_ALG "alg is neither -9 nor -7"
#define DUPLICATE "cbor: duplicate map key"
#define INDEFINITE "cbor: indefinite length"
#define ONE_KEY "not exactly one of kid, x5t and x5chain"
#define NO_KID "kid is not 8 bytes"
#define NO_X5T "x5t is no SHA-256 hash"
#define NO_CHAIN "x5chain is no list of certificates"
#define NO_STATUS "status is no status_list reference"
#define NO_VCT "vct is neither text nor number"
#define NO_CNF "cnf holds no key"
#define OFF_CURVE "cnf is no key on P-256"
#define NO_SIGNATURE "signature: does not hold"
#define MORE_THAN_DISCLOSURES "unprotected header holds more than disclosures"
#define WRONG_KEY "claim key is neither number nor text"
#define UNKNOWN "no issuer of this key is trusted"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define ORDER "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551"
#define X "11d6bf7f71e9b445e41d1c4c44a0fb730a39f3bd23464d2f40388abe95220eac"

static void signed_by_another(struct bend *b)
{
    hsm_soft_key_free(b->cwt.key);
    bend_other_key(1, &b->cwt.key);
}

static void signed_by_the_holder(struct bend *b)
{
    struct hsm_soft_key *issuer = b->cwt.key;
    b->cwt.key = b->kbt.key;
    b->kbt.key = issuer;
}

static void bound_by_another(struct bend *b)
{
    hsm_soft_key_free(b->kbt.key);
    bend_other_key(2, &b->kbt.key);
}

/* The issuer's signature stays that of other claims. */
static void changed_after_signing(struct bend *b)
{
    LW_AUTO_BUF cwt = LW_BUF(BEND_BYTES_MAX);
    LW_AUTO_BUF hex = LW_BUF(BEND_BYTES_MAX);
    const char *text = NULL;
    bend_build_cwt(b, &cwt);
    const lw_bytes sig = {cwt.ptr + cwt.len - 66, 66};
    if (lw_buf_put_hex(&hex, sig).code == LW_OK && lw_buf_c(&hex, &text).code == LW_OK) {
        bend_bytes(&b->cwt.signature, text);
    }
    bend_set(&b->cwt.claims, "3a00011172", "d8641a00010000");
}

static void revoked(struct bend *b)
{
    b->trust.issuers[0].state = WALLET_ISSUER_REVOKED;
}

static void revoked_before_issue(struct bend *b)
{
    b->trust.issuers[0].state = WALLET_ISSUER_REVOKED;
    b->trust.issuers[0].revoked_since = 1795000000;
}

static void ended(struct bend *b)
{
    b->trust.issuers[0].not_after = BEND_NOW;
}

static void of_another_type(struct bend *b)
{
    b->trust.issuers[0].vcts[0] = LW_STR("https://lic.example/shop");
}

static void of_an_unknown_kid(struct bend *b)
{
    b->trust.issuers[0].kid[0] ^= 1;
}

static const struct lq1_case cases[] = {
    /* QR-5: the message */
    REFUSED("an SD-CWT of another tag is refused", PARSE, SYNTAX, "cose: not tagged as COSE_Sign1",
            ALL(CWT_SHELL, "d184")),
    REFUSED("an SD-CWT without its tag is refused", PARSE, SYNTAX, "cose: not tagged as COSE_Sign1",
            ALL(CWT_SHELL, "84")),
    REFUSED("an SD-CWT of five elements is refused", PARSE, SYNTAX,
            "cose: COSE_Sign1 has not four elements", ALL(CWT_SHELL, "d285"), ALL(CWT_TAIL, "00")),
    REFUSED("an SD-CWT of indefinite length is refused", PARSE, SYNTAX, INDEFINITE,
            ALL(CWT_SHELL, "d29f"), ALL(CWT_TAIL, "ff")),
    REFUSED("a detached payload is refused", PARSE, UNSUPPORTED, "cose: payload is detached",
            ALL(CWT_PAYLOAD, "f6")),
    REFUSED("a payload that is text is refused", PARSE, SYNTAX, "cbor: item of another type",
            ALL(CWT_PAYLOAD, "60")),
    REFUSED("a missing signature is refused (A2)", PARSE, VALUE, "signature is not 64 bytes",
            ALL(CWT_SIG, "40")),
    REFUSED("a signature of 65 bytes is refused (A4)", PARSE, VALUE, "signature is not 64 bytes",
            ALL(CWT_SIG, "5841" ZEROS ZEROS "00")),

    /* QR-5: the protected header */
    REFUSED("a missing algorithm is refused", PARSE, UNSUPPORTED,
            "cose: no algorithm in the protected header", ALL(CWT_HEAD_DROP, "01")),
    REFUSED("HMAC 256 is refused (A1)", PARSE, UNSUPPORTED, ANOTHER_ALG,
            PUT(CWT_HEAD_SET, "01", "05")),
    REFUSED("ES384 is refused", PARSE, UNSUPPORTED, ANOTHER_ALG, PUT(CWT_HEAD_SET, "01", "3822")),
    REFUSED("a missing typ is refused", PARSE, UNSUPPORTED, "another typ",
            ALL(CWT_HEAD_DROP, "10")),
    REFUSED("typ of a key binding is refused", PARSE, UNSUPPORTED, "another typ",
            PUT(CWT_HEAD_SET, "10", "190126")),
    REFUSED("typ of a license record is refused", PARSE, UNSUPPORTED, "another typ",
            PUT(CWT_HEAD_SET, "10",
                "781e6170706c69636174696f6e2f6c6963656e73652d7265636f72642b637774")),
    REFUSED("critical headers are refused", PARSE, UNSUPPORTED, "cose: critical headers",
            PUT(CWT_HEAD_ADD, "02", "8110")),
    REFUSED("another hash of disclosures is refused", PARSE, UNSUPPORTED, "sd_alg is not SHA-256",
            PUT(CWT_HEAD_ADD, "18aa", "382b")),
    REFUSED("a hash of disclosures by name is refused", PARSE, UNSUPPORTED, "sd_alg is not SHA-256",
            PUT(CWT_HEAD_ADD, "18aa", "677368612d323536")),
    REFUSED("a header label twice is refused", PARSE, SYNTAX, DUPLICATE,
            PUT(CWT_HEAD_ADD, "10", "190125")),
    REFUSED("a byte after the header is refused", PARSE, SYNTAX, "cbor: bytes after the item",
            ALL(CWT_HEAD_RAW, "a30128044852bde1c8f27486e61019012500")),
    REFUSED("a header of indefinite length is refused", PARSE, SYNTAX, INDEFINITE,
            ALL(CWT_HEAD_RAW, "bf0128044852bde1c8f27486e610190125ff")),

    /* QR-5: exactly one key reference */
    REFUSED("no key reference is refused", PARSE, VALUE, ONE_KEY, ALL(CWT_HEAD_DROP, "04")),
    REFUSED("kid and x5t are refused", PARSE, VALUE, ONE_KEY,
            PUT(CWT_HEAD_ADD, "1822", "822e4852bde1c8f27486e6")),
    REFUSED("kid and x5chain are refused (A3)", PARSE, VALUE, ONE_KEY,
            PUT(CWT_HEAD_ADD, "1821", "4130")),
    REFUSED("x5t and x5chain are refused (A3)", PARSE, VALUE, ONE_KEY, ALL(CWT_HEAD_DROP, "04"),
            PUT(CWT_HEAD_ADD, "1822", "822e4852bde1c8f27486e6"), PUT(CWT_HEAD_ADD, "1821", "4130")),
    REFUSED("kid and x5u are refused (A3)", PARSE, VALUE, ONE_KEY,
            PUT(CWT_HEAD_ADD, "1823", "7168747470733a2f2f782e6578616d706c65")),
    REFUSED("kid and x5bag are refused (A3)", PARSE, VALUE, ONE_KEY,
            PUT(CWT_HEAD_ADD, "1820", "4130")),
    REFUSED("kid and kccs are refused (A3)", PARSE, VALUE, ONE_KEY, PUT(CWT_HEAD_ADD, "0e", "a0")),
    REFUSED("kid and kcwt are refused (A3)", PARSE, VALUE, ONE_KEY, PUT(CWT_HEAD_ADD, "0d", "a0")),
    REFUSED("kid of 7 bytes is refused", PARSE, VALUE, NO_KID,
            PUT(CWT_HEAD_SET, "04", "4752bde1c8f27486")),
    REFUSED("kid of 9 bytes is refused", PARSE, VALUE, NO_KID,
            PUT(CWT_HEAD_SET, "04", "4952bde1c8f27486e600")),
    REFUSED("kid as text is refused", PARSE, VALUE, NO_KID,
            PUT(CWT_HEAD_SET, "04", "682e2e2f6b657900 2f")),
    REFUSED("x5t of another hash is refused", PARSE, VALUE, NO_X5T, ALL(CWT_HEAD_DROP, "04"),
            PUT(CWT_HEAD_ADD, "1822", "820148 52bde1c8f27486e6")),
    REFUSED("x5t cut to 7 bytes is refused", PARSE, VALUE, NO_X5T, ALL(CWT_HEAD_DROP, "04"),
            PUT(CWT_HEAD_ADD, "1822", "822e4752bde1c8f27486")),
    REFUSED("x5t of SHA-256 with 8 bytes is refused", PARSE, VALUE, NO_X5T,
            ALL(CWT_HEAD_DROP, "04"), PUT(CWT_HEAD_ADD, "1822", "822f4852bde1c8f27486e6")),
    REFUSED("x5t of three elements is refused", PARSE, VALUE, NO_X5T, ALL(CWT_HEAD_DROP, "04"),
            PUT(CWT_HEAD_ADD, "1822", "832e4852bde1c8f27486e600")),
    REFUSED("x5chain without certificates is refused", PARSE, VALUE, NO_CHAIN,
            ALL(CWT_HEAD_DROP, "04"), PUT(CWT_HEAD_ADD, "1821", "80")),
    REFUSED("x5chain of five certificates is refused", PARSE, VALUE, NO_CHAIN,
            ALL(CWT_HEAD_DROP, "04"), PUT(CWT_HEAD_ADD, "1821", "8541304130413041304130")),
    REFUSED("x5chain of text is refused", PARSE, VALUE, NO_CHAIN, ALL(CWT_HEAD_DROP, "04"),
            PUT(CWT_HEAD_ADD, "1821", "6130")),

    /* QR-5: the unprotected header */
    REFUSED("an empty list of disclosures is refused", PARSE, VALUE, "sd_claims is empty",
            ALL(CWT_UNPROTECTED, "a11180")),
    REFUSED("disclosures that are no list are refused", PARSE, VALUE,
            "sd_claims is no array of byte strings", ALL(CWT_UNPROTECTED, "a1114100")),
    REFUSED("a disclosure that is no byte string is refused", PARSE, VALUE,
            "sd_claims is no array of byte strings", ALL(CWT_UNPROTECTED, "a1118180")),
    REFUSED("another unprotected label is refused", PARSE, VALUE, MORE_THAN_DISCLOSURES,
            ALL(CWT_UNPROTECTED, "a1190400 00")),
    REFUSED("a label beside disclosures is refused", PARSE, VALUE, MORE_THAN_DISCLOSURES,
            ALL(CWT_UNPROTECTED, "a21181410018aa2f")),
    REFUSED("an unprotected kid is refused", PARSE, SYNTAX, DUPLICATE,
            ALL(CWT_UNPROTECTED, "a2044100044100")),
    REFUSED("a label in both headers is refused", PARSE, VALUE,
            "cose: a label stands in both headers", ALL(CWT_UNPROTECTED, "a1044852bde1c8f27486e6")),
    REFUSED("an unprotected header of indefinite length is refused", PARSE, SYNTAX, INDEFINITE,
            ALL(CWT_UNPROTECTED, "bfff")),

    /* QR-5 and QR-7: the claims */
    REFUSED("claims that are no map are refused", PARSE, SYNTAX, "claims are no map",
            ALL(CWT_RAW, "80")),
    REFUSED("a byte after the claims is refused", PARSE, SYNTAX, "cbor: bytes after the item",
            ALL(CWT_RAW, "a000")),
    REFUSED("a claim twice is refused", PARSE, SYNTAX, DUPLICATE, PUT(CWT_ADD, "06", "1a6afd86c0")),
    REFUSED("claims of indefinite length are refused", PARSE, SYNTAX, INDEFINITE,
            ALL(CWT_RAW, "bfff")),
    REFUSED("aud in the SD-CWT is refused", PARSE, VALUE,
            "aud or cnonce outside the key-binding token", PUT(CWT_SET, "03", "6671723a616e79")),
    REFUSED("cnonce in the SD-CWT is refused", PARSE, VALUE,
            "aud or cnonce outside the key-binding token", PUT(CWT_SET, "1827", "4100")),
    REFUSED("iss as a number is refused", PARSE, VALUE, "iss is no text", PUT(CWT_SET, "01", "01")),
    REFUSED("an empty iss is refused", PARSE, VALUE, "iss is no text", PUT(CWT_SET, "01", "60")),
    REFUSED("sub as a number is refused", PARSE, VALUE, "sub is no text", PUT(CWT_SET, "02", "01")),
    REFUSED("a missing exp is refused", PARSE, VALUE, "exp is missing or no finite number",
            ALL(CWT_DROP, "04")),
    REFUSED("exp as text is refused", PARSE, VALUE, "exp is missing or no finite number",
            PUT(CWT_SET, "04", "6130")),
    REFUSED("an infinite exp is refused", PARSE, VALUE, "exp is missing or no finite number",
            PUT(CWT_SET, "04", "f97c00")),
    REFUSED("exp beyond what a float can count is refused", PARSE, VALUE,
            "exp is missing or no finite number", PUT(CWT_SET, "04", "fb4340000000000000")),
    REFUSED("exp behind a tag is refused", PARSE, VALUE, "exp is missing or no finite number",
            PUT(CWT_SET, "04", "c11a6b2513c0")),
    REFUSED("a missing iat is refused", PARSE, VALUE, "iat is missing or no finite number",
            ALL(CWT_DROP, "06")),
    REFUSED("iat that is not a number is refused", PARSE, VALUE,
            "iat is missing or no finite number", PUT(CWT_SET, "06", "f97e00")),
    REFUSED("an nbf of minus infinity is refused", PARSE, VALUE, "nbf is no finite number",
            PUT(CWT_SET, "05", "f9fc00")),
    REFUSED("nbf as text is refused", PARSE, VALUE, "nbf is no finite number",
            PUT(CWT_SET, "05", "6130")),
    REFUSED("cti as text is refused", PARSE, VALUE, "cti is no identifier",
            PUT(CWT_SET, "07", "6161")),
    REFUSED("an empty cti is refused", PARSE, VALUE, "cti is no identifier",
            PUT(CWT_SET, "07", "40")),
    REFUSED("cti of 65 bytes is refused", PARSE, VALUE, "cti is no identifier",
            PUT(CWT_SET, "07", "5841" ZEROS ZEROS "00")),
    REFUSED("vct as a byte string is refused", PARSE, VALUE, NO_VCT, PUT(CWT_SET, "0b", "4161")),
    REFUSED("an empty vct is refused", PARSE, VALUE, NO_VCT, PUT(CWT_SET, "0b", "60")),
    REFUSED("an experimental vct is refused", PARSE, VALUE, "vct is experimental",
            PUT(CWT_SET, "0b", "19fde8")),
    REFUSED("a missing cnf is refused", PARSE, VALUE, NO_CNF, ALL(CWT_DROP, "08")),
    REFUSED("cnf without a key is refused", PARSE, VALUE, NO_CNF, PUT(CWT_SET, "08", "a1034100")),
    REFUSED("cnf that is no map is refused", PARSE, VALUE, NO_CNF, PUT(CWT_SET, "08", "8101")),
    REFUSED("cnf with a key as bytes is refused", PARSE, VALUE, NO_CNF,
            PUT(CWT_SET, "08", "a1014100")),
    REFUSED("a status of another kind is refused", PARSE, VALUE, NO_STATUS,
            PUT(CWT_SET, "19ffff", "a1617800")),
    REFUSED("a status that is no map is refused", PARSE, VALUE, NO_STATUS,
            PUT(CWT_SET, "19ffff", "00")),
    REFUSED("a status without an index is refused", PARSE, VALUE, NO_STATUS,
            PUT(CWT_SET, "19ffff", "a16b7374617475735f6c697374a1637572696161")),
    REFUSED("a status with a negative index is refused", PARSE, VALUE, NO_STATUS,
            PUT(CWT_SET, "19ffff", "a16b7374617475735f6c697374a2636964782063757269 6161")),
    REFUSED("a status without a URI is refused", PARSE, VALUE, NO_STATUS,
            PUT(CWT_SET, "19ffff", "a16b7374617475735f6c697374a163696478 00")),
    REFUSED("a status with an empty URI is refused", PARSE, VALUE, NO_STATUS,
            PUT(CWT_SET, "19ffff", "a16b7374617475735f6c697374a2636964780063757269 60")),

    /* Section 3: redaction in its places */
    REFUSED("a key that is a byte string is refused", PARSE, VALUE, WRONG_KEY,
            PUT(CWT_SET, "4100", "00")),
    REFUSED("a key that is an array is refused", PARSE, VALUE, WRONG_KEY,
            PUT(CWT_SET, "8100", "00")),
    REFUSED("a key with a tag is refused", PARSE, VALUE, WRONG_KEY, PUT(CWT_SET, "c100", "00")),
    REFUSED("a key that is another simple value is refused", PARSE, VALUE, WRONG_KEY,
            PUT(CWT_SET, "f83c", "80")),
    REFUSED("a key of a claim's own map with a tag is refused", PARSE, VALUE, WRONG_KEY,
            PUT(CWT_SET, "190400", "a1c10000")),
    REFUSED("tag 58 is refused", PARSE, VALUE, "tag of a token before issue",
            PUT(CWT_SET, "190400", "d83a00")),
    REFUSED("tag 62 is refused", PARSE, VALUE, "tag of a token before issue",
            PUT(CWT_SET, "190400", "81d83e00")),
    REFUSED("tag 60 outside an array is refused", PARSE, VALUE, "redacted element outside an array",
            PUT(CWT_SET, "190400", "d83c5820" ZEROS)),
    REFUSED("tag 60 of 31 bytes is refused", PARSE, VALUE, "digest is not 32 bytes",
            PUT(CWT_SET, "190400",
                "81d83c581f00000000000000000000000000000000000000000000000000000000000000")),
    REFUSED("a redaction mark as a value is refused", PARSE, VALUE, "redaction mark is no key",
            PUT(CWT_SET, "190400", "f83b")),
    REFUSED("hidden claims that are no array are refused", PARSE, VALUE,
            "redacted claim keys are no array", PUT(CWT_SET, "190400", "a1f83ba0")),
    REFUSED("a digest of 33 bytes is refused", PARSE, VALUE, "digest is not 32 bytes",
            PUT(CWT_SET, "190400", "a1f83b815821" ZEROS "00")),
    REFUSED("a digest that is text is refused", PARSE, VALUE, "digest is not 32 bytes",
            PUT(CWT_SET, "190400", "a1f83b8160")),

    /* QR-6: whom the key belongs to */
    REFUSED_BY("an unknown kid is refused", TRUST, UNTRUSTED, UNKNOWN, of_an_unknown_kid),
    REFUSED("an unknown x5t is refused", TRUST, UNTRUSTED, UNKNOWN, ALL(CWT_HEAD_DROP, "04"),
            PUT(CWT_HEAD_ADD, "1822", "822e480000000000000000")),
    REFUSED("a chain to no anchor is refused (A3)", TRUST, UNTRUSTED, "double: no path",
            ALL(CWT_HEAD_DROP, "04"), PUT(CWT_HEAD_ADD, "1821", "4130")),
    REFUSED_BY("a revoked issuer is refused", TRUST, UNTRUSTED, "double: revoked", revoked),
    REFUSED_BY("an issuer revoked before the issue is refused", TRUST, UNTRUSTED, "double: revoked",
               revoked_before_issue),
    REFUSED_BY("an issuer past its end is refused", TRUST, EXPIRED, "double: ended", ended),
    REFUSED_BY("an issuer of other types is refused", TRUST, UNTRUSTED, "double: another type",
               of_another_type),
    REFUSED("a missing vct is refused", TRUST, UNTRUSTED, "vct is missing", ALL(CWT_DROP, "0b")),
    REFUSED("vct as a number is refused", TRUST, UNTRUSTED,
            "vct is a number, which nobody is trusted for", PUT(CWT_SET, "0b", "05")),
    REFUSED("another iss is refused", TRUST, UNTRUSTED, "iss is not the issuer of the key",
            PUT(CWT_SET, "01", "6c6c69632e6578616d706c6578")),

    /* QR-7: the issuer's signature */
    REFUSED_BY("a signature by a stranger is refused", ISSUER_SIGNATURE, SIGNATURE, NO_SIGNATURE,
               signed_by_another),
    REFUSED_BY("an SD-CWT signed by its holder is refused", ISSUER_SIGNATURE, SIGNATURE,
               NO_SIGNATURE, signed_by_the_holder),
    REFUSED_BY("claims changed after signing are refused", ISSUER_SIGNATURE, SIGNATURE,
               NO_SIGNATURE, changed_after_signing),
    REFUSED("a signature of zeros is refused (A2, A4)", ISSUER_SIGNATURE, SIGNATURE, NO_SIGNATURE,
            ALL(CWT_SIG, "5840" ZEROS ZEROS)),
    REFUSED("r and s of the order are refused (A4)", ISSUER_SIGNATURE, SIGNATURE, NO_SIGNATURE,
            ALL(CWT_SIG, "5840" ORDER ORDER)),

    /* QR-7 and QR-8: the holder's key */
    REFUSED_BY("a binding by another key is refused", HOLDER_SIGNATURE, SIGNATURE, NO_SIGNATURE,
               bound_by_another),
    REFUSED("the mirrored key is refused", HOLDER_SIGNATURE, SIGNATURE, NO_SIGNATURE,
            PUT(CWT_SET, "08", "a101a40102200121 5820" X "22f5")),
    REFUSED("a key off the curve is refused (A9)", HOLDER_SIGNATURE, VALUE, OFF_CURVE,
            PUT(CWT_SET, "08", "a101a401022001215820" X "225820" X)),
    REFUSED("a key of zeros is refused (A9)", HOLDER_SIGNATURE, VALUE, OFF_CURVE,
            PUT(CWT_SET, "08", "a101a401022001215820" ZEROS "225820" ZEROS)),
    REFUSED("a key on another curve is refused", HOLDER_SIGNATURE, VALUE, OFF_CURVE,
            PUT(CWT_SET, "08", "a101a401022003215820" X "22f4")),
    REFUSED("a key on P-384 is refused", HOLDER_SIGNATURE, VALUE, OFF_CURVE,
            PUT(CWT_SET, "08",
                "a101a4010220022158 30 aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f741e082"
                "542a385502f25dbf55296c3a545e3872760ab7 22f5")),
    REFUSED("a key of type OKP is refused", HOLDER_SIGNATURE, VALUE, OFF_CURVE,
            PUT(CWT_SET, "08", "a101a301012006215820" X)),
    REFUSED("a key with its private part is refused", HOLDER_SIGNATURE, VALUE, OFF_CURVE,
            PUT(CWT_SET, "08", "a101a501022001215820" X "22f4235820" X)),
};

int main(void)
{
    return lq1_run(cases, sizeof(cases) / sizeof(cases[0]));
}
