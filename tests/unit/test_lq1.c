#include "wallet/lq1.h"

#include <setjmp.h>
#include <stdarg.h>
#include <zlib.h>

#include <cmocka.h>

#include "bytes.h"
#include "wallet/base45.h"
#include "wallet/cbor.h"

enum { SPACE = 1 << 16, PAYLOAD_LONGEST = 2861 }; /* 2861 bytes are 4292 characters */

static void put_text(const char *prefix, lw_bytes payload, lw_buf *text)
{
    assert_int_equal(lw_buf_put_c(text, prefix).code, LW_OK);
    assert_int_equal(wallet_base45_encode(payload, text).code, LW_OK);
}

/* Compresses `len` bytes that begin with `first` and are 0 beyond. */
static void deflated(uint8_t first, size_t len, int level, lw_buf *out)
{
    LW_AUTO_BUF plain = LW_BUF(2 << 20);
    uint8_t *room = NULL;
    uLongf out_len = compressBound((uLong)len);
    assert_int_equal(lw_buf_reserve(&plain, len + 1, &room).code, LW_OK);
    memset(room, 0, len);
    if (len > 0) {
        room[0] = first;
    }
    lw_buf_commit(&plain, len);
    assert_int_equal(lw_buf_reserve(out, out_len, &room).code, LW_OK);
    assert_int_equal(compress2(room, &out_len, plain.ptr, (uLong)len, level), Z_OK);
    lw_buf_commit(out, out_len);
}

static void payloads_of_every_length_round_trip(void **state)
{
    (void)state;
    static uint8_t bytes[PAYLOAD_LONGEST + 1] = {0xd2};
    for (size_t len = 1; len <= PAYLOAD_LONGEST;
         len = len < 8 || len > 2850 ? len + 1 : len + 101) {
        LW_AUTO_BUF text = LW_BUF(SPACE);
        LW_AUTO_BUF back = LW_BUF(SPACE);
        const lw_bytes payload = {bytes, len};
        assert_int_equal(wallet_lq1_put(payload, &text).code, LW_OK);
        assert_true(text.len <= WALLET_LQ1_TEXT_MAX);
        assert_int_equal(wallet_lq1_read(lw_buf_text(&text), &back).code, LW_OK);
        assert_true(lw_bytes_eq(lw_buf_view(&back), payload));
    }
    LW_AUTO_BUF text = LW_BUF(SPACE);
    assert_int_equal(wallet_lq1_put((lw_bytes){bytes, PAYLOAD_LONGEST + 1}, &text).code,
                     LW_E_LIMIT);
    assert_int_equal(text.len, 0);
}

static void what_is_no_token_or_too_long_is_not_written(void **state)
{
    (void)state;
    static uint8_t bytes[3000] = {0xd2};
    LW_AUTO_BUF text = LW_BUF(SPACE);
    assert_int_equal(wallet_lq1_put((lw_bytes){NULL, 0}, &text).code, LW_E_MISUSE);
    assert_int_equal(wallet_lq1_put(LW_BYTES(((uint8_t[]){0xd1})), &text).code, LW_E_MISUSE);
    assert_int_equal(wallet_lq1_put((lw_bytes){bytes, 2864}, &text).code, LW_E_LIMIT);
    assert_int_equal(wallet_lq1_put((lw_bytes){bytes, 3000}, &text).code, LW_E_LIMIT);
    assert_int_equal(text.len, 0);
    LW_AUTO_BUF small = LW_BUF(6);
    assert_int_equal(wallet_lq1_put((lw_bytes){bytes, 2}, &small).code, LW_E_LIMIT);
    assert_int_equal(small.len, 0);
}

static void check_refused(lw_str text, lw_code code, size_t at)
{
    LW_AUTO_BUF out = LW_BUF(SPACE);
    assert_int_equal(lw_buf_put_byte(&out, 7).code, LW_OK);
    const lw_err err = wallet_lq1_read(text, &out);
    if (err.code != code || err.at != at) {
        print_error("%.*s: %s at %zu\n", (int)text.len, text.ptr, err.why, err.at);
    }
    assert_int_equal(err.code, code);
    assert_int_equal(err.at, at);
    assert_int_equal(out.len, 1);
}

/* QR-1 and QR-2. */
static void text_that_is_no_lq1_is_refused(void **state)
{
    (void)state;
    check_refused(LW_STR(""), LW_E_SYNTAX, 0);
    check_refused(LW_STR("LQ1"), LW_E_SYNTAX, 0);
    check_refused(LW_STR("lq1:BB8"), LW_E_SYNTAX, 0);
    check_refused(LW_STR("LC1:BB8"), LW_E_SYNTAX, 0);
    check_refused(LW_STR("LP1:BB8"), LW_E_SYNTAX, 0);
    check_refused(LW_STR(" LQ1:BB8"), LW_E_SYNTAX, 0);
    check_refused(LW_STR("https://example.org/q"), LW_E_SYNTAX, 0);
    check_refused(LW_STR("LQ1:bb8"), LW_E_SYNTAX, 4);
    check_refused(LW_STR("LQ1:BB8"), LW_E_SYNTAX, 0); /* begins with 41 */
    check_refused(LW_STR("LQ1:BB8B"), LW_E_SYNTAX, 7);
    check_refused(LW_STR("LQ1:GGW"), LW_E_SYNTAX, 4);
    check_refused(LW_STR("LQ1:BB8V5"), LW_E_SYNTAX, 7);
    check_refused(LW_STR("LQ1:"), LW_E_SYNTAX, 0);
}

/* QR-1: 4296 characters; one more is refused before anything is decoded. */
static void text_longer_than_a_code_is_refused(void **state)
{
    (void)state;
    static uint8_t bytes[PAYLOAD_LONGEST + 1] = {0xd2};
    LW_AUTO_BUF text = LW_BUF(SPACE);
    put_text("LQ1:", (lw_bytes){bytes, PAYLOAD_LONGEST}, &text);
    assert_int_equal(text.len, WALLET_LQ1_TEXT_MAX);
    LW_AUTO_BUF back = LW_BUF(SPACE);
    assert_int_equal(wallet_lq1_read(lw_buf_text(&text), &back).code, LW_OK);
    LW_AUTO_BUF longer = LW_BUF(SPACE);
    put_text("LQ1:", (lw_bytes){bytes, PAYLOAD_LONGEST + 1}, &longer);
    assert_int_equal(longer.len, WALLET_LQ1_TEXT_MAX + 1);
    check_refused(lw_buf_text(&longer), LW_E_LIMIT, WALLET_LQ1_TEXT_MAX);
}

/* QR-3. */
static void payloads_are_inflated_within_bounds(void **state)
{
    static const struct {
        uint8_t first;
        size_t len;
        lw_code code;
    } cases[] = {
        {0xd2, 0, LW_E_SYNTAX},   {0xd2, 1, LW_OK},
        {0xd2, 600, LW_OK},       {0xd2, 8191, LW_OK},
        {0xd2, 8192, LW_OK},      {0xd2, 8193, LW_E_LIMIT},
        {0xd2, 8194, LW_E_LIMIT}, {0xd2, 1 << 20, LW_E_LIMIT},
        {0xd1, 600, LW_E_SYNTAX}, {0x78, 600, LW_E_SYNTAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF stream = LW_BUF(2 << 20);
        LW_AUTO_BUF text = LW_BUF(SPACE);
        LW_AUTO_BUF back = LW_BUF(SPACE);
        deflated(cases[i].first, cases[i].len, Z_DEFAULT_COMPRESSION, &stream);
        assert_int_equal(stream.ptr[0], 0x78);
        put_text("LQ1:", lw_buf_view(&stream), &text);
        assert_int_equal(wallet_lq1_read(lw_buf_text(&text), &back).code, cases[i].code);
        assert_int_equal(back.len, cases[i].code == LW_OK ? cases[i].len : 0);
        assert_true(back.cap <= WALLET_LQ1_PAYLOAD_MAX);
    }
}

static void broken_streams_are_refused(void **state)
{
    (void)state;
    LW_AUTO_BUF stream = LW_BUF(2 << 20);
    deflated(0xd2, 600, Z_DEFAULT_COMPRESSION, &stream);
    for (size_t cut = 1; cut < stream.len; cut++) {
        LW_AUTO_BUF text = LW_BUF(SPACE);
        put_text("LQ1:", (lw_bytes){stream.ptr, cut}, &text);
        check_refused(lw_buf_text(&text), LW_E_SYNTAX, LW_NOWHERE);
    }
    LW_AUTO_BUF sum = LW_BUF(SPACE);
    stream.ptr[stream.len - 1] ^= 1; /* the checksum */
    put_text("LQ1:", lw_buf_view(&stream), &sum);
    check_refused(lw_buf_text(&sum), LW_E_SYNTAX, LW_NOWHERE);
    stream.ptr[stream.len - 1] ^= 1;
    LW_AUTO_BUF more = LW_BUF(SPACE);
    const size_t whole = stream.len;
    assert_int_equal(lw_buf_put_byte(&stream, 0).code, LW_OK);
    put_text("LQ1:", lw_buf_view(&stream), &more);
    check_refused(lw_buf_text(&more), LW_E_SYNTAX, whole);
}

static struct wallet_challenge challenge(void)
{
    return (struct wallet_challenge){
        .verifier_id = LW_STR("gate-7"),
        .nonce = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16},
        .keys = {-70004, -70005},
        .key_count = 2,
        .exp = 1795086400,
    };
}

static void challenges_round_trip(void **state)
{
    /* 18([h'a10128', {}, h'', h'00']): the shape of a signature */
    static const uint8_t signature[] = {0xd2, 0x84, 0x43, 0xa1, 0x01, 0x28, 0xa0, 0x40, 0x41, 0};
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        struct wallet_challenge made = challenge();
        struct wallet_challenge read;
        LW_AUTO_BUF text = LW_BUF(SPACE);
        LW_AUTO_BUF arena = LW_BUF(SPACE);
        made.key_count = i == 1 ? 0 : i == 2 ? WALLET_CLAIMS_MAX : 2;
        made.signature = i == 3 ? LW_BYTES(signature) : (lw_bytes){NULL, 0};
        assert_int_equal(wallet_lc1_put(&made, &text).code, LW_OK);
        assert_int_equal(wallet_lc1_read(lw_buf_text(&text), &arena, &read).code, LW_OK);
        assert_true(lw_str_eq(read.verifier_id, made.verifier_id));
        assert_memory_equal(read.nonce, made.nonce, sizeof(made.nonce));
        assert_int_equal(read.key_count, made.key_count);
        assert_memory_equal(read.keys, made.keys, made.key_count * sizeof(made.keys[0]));
        assert_int_equal(read.exp, made.exp);
        assert_true(lw_bytes_eq(read.signature, made.signature));
    }
}

/* [1, "gate-7", h'0102...10', [-70004, -70005], 1795086400] */
static void a_challenge_has_these_bytes(void **state)
{
    (void)state;
    LW_AUTO_BUF text = LW_BUF(SPACE);
    LW_AUTO_BUF expected = LW_BUF(SPACE);
    LW_AUTO_BUF expected_text = LW_BUF(SPACE);
    const struct wallet_challenge made = challenge();
    support_hex("85 01 66676174652d37 500102030405060708090a0b0c0d0e0f10 82 3a00011173 3a00011174"
                " 1a6afed840",
                &expected);
    put_text("LC1:", lw_buf_view(&expected), &expected_text);
    assert_int_equal(wallet_lc1_put(&made, &text).code, LW_OK);
    assert_true(lw_bytes_eq(lw_buf_view(&text), lw_buf_view(&expected_text)));
}

#define NONCE "500102030405060708090a0b0c0d0e0f10"
#define SIGNED "d28443a10128a0404100"

static void challenges_of_another_shape_are_refused(void **state)
{
    static const struct {
        const char *hex;
        lw_code code;
    } cases[] = {
        {"85016167" NONCE "8000", LW_OK},
        {"86016167" NONCE "8000" SIGNED, LW_OK},
        {"", LW_E_SYNTAX},
        {"a0", LW_E_SYNTAX},
        {"84016167" NONCE "80", LW_E_SYNTAX},                             /* no end */
        {"87016167" NONCE "8000" SIGNED "00", LW_E_SYNTAX},               /* one element more */
        {"85016167" NONCE "800000", LW_E_SYNTAX},                         /* bytes after it */
        {"9f016167" NONCE "8000ff", LW_E_SYNTAX},                         /* indefinite length */
        {"85026167" NONCE "8000", LW_E_UNSUPPORTED},                      /* version 2 */
        {"85006167" NONCE "8000", LW_E_UNSUPPORTED},                      /* version 0 */
        {"850160" NONCE "8000", LW_E_VALUE},                              /* empty name */
        {"85014167" NONCE "8000", LW_E_SYNTAX},                           /* name is no text */
        {"850161674f0102030405060708090a0b0c0d0e0f8000", LW_E_VALUE},     /* nonce of 15 */
        {"85016167510102030405060708090a0b0c0d0e0f10118000", LW_E_VALUE}, /* and 17 */
        {"85016167f68000", LW_E_SYNTAX},                                  /* no nonce */
        {"85016167" NONCE "0000", LW_E_SYNTAX},                           /* keys are no array */
        {"85016167" NONCE "81616100", LW_E_SYNTAX},                       /* key is text */
        {"85016167" NONCE "80f4", LW_E_SYNTAX},                           /* end is no number */
        {"86016167" NONCE "800000", LW_E_SYNTAX},                   /* signature is a number */
        {"86016167" NONCE "8000d18443a10128a0404100", LW_E_SYNTAX}, /* another tag */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF bytes = LW_BUF(SPACE);
        LW_AUTO_BUF text = LW_BUF(SPACE);
        LW_AUTO_BUF arena = LW_BUF(SPACE);
        struct wallet_challenge read;
        support_hex(cases[i].hex, &bytes);
        put_text("LC1:", lw_buf_view(&bytes), &text);
        const lw_err err = wallet_lc1_read(lw_buf_text(&text), &arena, &read);
        if (err.code != cases[i].code) {
            print_error("%s: %s, %s\n", cases[i].hex, lw_code_name(err.code), err.why);
        }
        assert_int_equal(err.code, cases[i].code);
        if (cases[i].hex[0] == '8' && (cases[i].hex[1] == '4' || cases[i].hex[1] == '7')) {
            assert_string_equal(err.why, "lc1: another number of elements");
        }
    }
}

/* One character more than a code holds is not written. */
static void a_challenge_too_long_for_a_code_is_not_written(void **state)
{
    static char name[PAYLOAD_LONGEST];
    (void)state;
    memset(name, 'x', sizeof(name));
    for (size_t extra = 0; extra <= 1; extra++) {
        struct wallet_challenge made = challenge();
        LW_AUTO_BUF text = LW_BUF(SPACE);
        /* 38 bytes beside the name, its head among them */
        made.verifier_id = (lw_str){name, PAYLOAD_LONGEST - 38 + extra};
        assert_int_equal(wallet_lc1_put(&made, &text).code, extra == 0 ? LW_OK : LW_E_LIMIT);
        assert_int_equal(text.len, extra == 0 ? WALLET_LQ1_TEXT_MAX : 0);
    }
}

static void lengths_of_a_challenge_are_bounded(void **state)
{
    (void)state;
    static char name[WALLET_LC1_VERIFIER_MAX + 1];
    memset(name, 'x', sizeof(name));
    for (size_t len = WALLET_LC1_VERIFIER_MAX - 1; len <= sizeof(name); len++) {
        struct wallet_challenge made = challenge();
        struct wallet_challenge read;
        LW_AUTO_BUF text = LW_BUF(SPACE);
        LW_AUTO_BUF arena = LW_BUF(SPACE);
        made.verifier_id = (lw_str){name, len};
        assert_int_equal(wallet_lc1_put(&made, &text).code, LW_OK);
        assert_int_equal(wallet_lc1_read(lw_buf_text(&text), &arena, &read).code,
                         len <= WALLET_LC1_VERIFIER_MAX ? LW_OK : LW_E_VALUE);
    }
    LW_AUTO_BUF bytes = LW_BUF(SPACE);
    LW_AUTO_BUF text = LW_BUF(SPACE);
    LW_AUTO_BUF arena = LW_BUF(SPACE);
    struct wallet_challenge read;
    support_hex("85016167" NONCE "9841", &bytes); /* 65 keys */
    for (size_t i = 0; i <= WALLET_CLAIMS_MAX; i++) {
        assert_int_equal(lw_buf_put_byte(&bytes, 0).code, LW_OK);
    }
    assert_int_equal(lw_buf_put_byte(&bytes, 0).code, LW_OK);
    put_text("LC1:", lw_buf_view(&bytes), &text);
    assert_int_equal(wallet_lc1_read(lw_buf_text(&text), &arena, &read).code, LW_E_LIMIT);
}

static void text_that_is_no_lc1_is_refused(void **state)
{
    static const struct {
        const char *text;
        lw_code code;
        size_t at;
    } cases[] = {{"", LW_E_SYNTAX, 0},
                 {"LQ1:BB8", LW_E_SYNTAX, 0},
                 {"lc1:BB8", LW_E_SYNTAX, 0},
                 {"LC1:BB_", LW_E_SYNTAX, 6}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF arena = LW_BUF(SPACE);
        struct wallet_challenge read;
        const lw_err err = wallet_lc1_read(lw_str_c(cases[i].text), &arena, &read);
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(err.at, cases[i].at);
    }
    static char longest[WALLET_LQ1_TEXT_MAX + 1];
    LW_AUTO_BUF arena = LW_BUF(SPACE);
    struct wallet_challenge read;
    memset(longest, '0', sizeof(longest));
    memcpy(longest, "LC1:", 4);
    const lw_str text = {longest, sizeof(longest)};
    assert_int_equal(wallet_lc1_read(text, &arena, &read).code, LW_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payloads_of_every_length_round_trip),
        cmocka_unit_test(what_is_no_token_or_too_long_is_not_written),
        cmocka_unit_test(text_that_is_no_lq1_is_refused),
        cmocka_unit_test(text_longer_than_a_code_is_refused),
        cmocka_unit_test(payloads_are_inflated_within_bounds),
        cmocka_unit_test(broken_streams_are_refused),
        cmocka_unit_test(challenges_round_trip),
        cmocka_unit_test(a_challenge_has_these_bytes),
        cmocka_unit_test(challenges_of_another_shape_are_refused),
        cmocka_unit_test(a_challenge_too_long_for_a_code_is_not_written),
        cmocka_unit_test(lengths_of_a_challenge_are_bounded),
        cmocka_unit_test(text_that_is_no_lc1_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
