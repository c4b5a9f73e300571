#include "wallet/base64.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"
#include "lw/rng.h"

/* RFC 4648 section 10, and RFC 7515 appendix C for the two characters that differ. */
static const struct {
    const char *bytes;
    const char *standard;
    const char *url;
} known[] = {
    {"", "", ""},
    {"f", "Zg==", "Zg"},
    {"fo", "Zm8=", "Zm8"},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg==", "Zm9vYg"},
    {"fooba", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    {"\x03\xec\xff\xe0\xc1", "A+z/4ME=", "A-z_4ME"},
};

static void known_answers(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        const lw_bytes bytes = lw_str_bytes(lw_str_c(known[i].bytes));
        LW_AUTO_BUF out = LW_BUF(64);
        assert_int_equal(wallet_base64url_encode(bytes, &out).code, LW_OK);
        assert_true(lw_str_is(lw_buf_text(&out), known[i].url));
        lw_buf_truncate(&out, 0);
        assert_int_equal(wallet_base64_encode(bytes, &out).code, LW_OK);
        assert_true(lw_str_is(lw_buf_text(&out), known[i].standard));
        lw_buf_truncate(&out, 0);
        assert_int_equal(wallet_base64url_decode(lw_str_c(known[i].url), &out).code, LW_OK);
        assert_true(lw_bytes_eq(lw_buf_view(&out), bytes));
        lw_buf_truncate(&out, 0);
        assert_int_equal(wallet_base64_decode(lw_str_c(known[i].standard), &out).code, LW_OK);
        assert_true(lw_bytes_eq(lw_buf_view(&out), bytes));
    }
}

static void malformed_base64url_is_refused_where_it_breaks(void **state)
{
    static const struct {
        const char *text;
        size_t at;
    } cases[] = {
        {"Z", 0},
        {"Zm9vZ", 4},
        {"Zh", 1},
        {"Zm9", 2},
        {"Zm8=", 3},
        {"Zg==", 2},
        {"Zm9v=", 4},
        {"Zm+v", 2},
        {"Zm/v", 2},
        {"Zm9v\n", 4},
        {" Zm9v", 0},
        {"Zm9vYm\xff", 6},
        {"!m9v", 0},
        {"Z!9v", 1},
        {"Zm!v", 2},
        {"Zm9!", 3},
        {"!g", 0},
        {"Z!", 1},
        {"!m8", 0},
        {"Z!8", 1},
        {"Zm!", 2},
        {"Zm9v!g", 4},
        {"Zm9vZm9vZm 9", 10},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF out = LW_BUF(64);
        const lw_err err = wallet_base64url_decode(lw_str_c(cases[i].text), &out);
        assert_int_equal(err.code, LW_E_SYNTAX);
        assert_int_equal(err.at, cases[i].at);
        assert_int_equal(out.len, 0);
    }
}

static void malformed_standard_base64_is_refused_where_it_breaks(void **state)
{
    static const struct {
        const char *text;
        size_t at;
    } cases[] = {
        {"Zg", 2},   {"Zg=", 3},  {"Z===", 1}, {"====", 0},     {"Zh==", 1},   {"Zm9=", 2},
        {"Zm-v", 2}, {"Zm_v", 2}, {"Z=9v", 1}, {"Zg==Zg==", 2}, {"Zm9v\n", 5}, {"Zm9v    ", 4},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF out = LW_BUF(64);
        const lw_err err = wallet_base64_decode(lw_str_c(cases[i].text), &out);
        assert_int_equal(err.code, LW_E_SYNTAX);
        assert_int_equal(err.at, cases[i].at);
        assert_int_equal(out.len, 0);
    }
}

static void a_byte_string_has_one_text(void **state)
{
    (void)state;
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    for (size_t a = 0; a < 64; a++) {
        size_t two_accepted = 0;
        size_t three_accepted = 0;
        for (size_t b = 0; b < 64; b++) {
            const char text[3] = {digits[a], digits[b], digits[b]};
            LW_AUTO_BUF out = LW_BUF(4);
            two_accepted += wallet_base64url_decode((lw_str){text, 2}, &out).code == LW_OK;
            three_accepted += wallet_base64url_decode((lw_str){text, 3}, &out).code == LW_OK;
        }
        assert_int_equal(two_accepted, 64 / 16);
        assert_int_equal(three_accepted, 64 / 4);
    }
}

static void every_length_round_trips_both_ways(void **state)
{
    (void)state;
    uint8_t bytes[100];
    struct support_rng seed;
    const struct lw_rng rng = support_rng(&seed, 64);
    for (size_t len = 0; len <= sizeof(bytes); len++) {
        assert_int_equal(lw_rng_fill(&rng, bytes, sizeof(bytes)).code, LW_OK);
        const lw_bytes in = {.ptr = bytes, .len = len};
        LW_AUTO_BUF url = LW_BUF(200);
        LW_AUTO_BUF standard = LW_BUF(200);
        LW_AUTO_BUF back = LW_BUF(len);
        assert_int_equal(wallet_base64url_encode(in, &url).code, LW_OK);
        assert_int_equal(url.len, wallet_base64url_len(len));
        char written[200];
        wallet_base64url_write(in, written);
        assert_true(lw_str_eq(lw_buf_text(&url), (lw_str){written, url.len}));
        assert_int_equal(wallet_base64_encode(in, &standard).code, LW_OK);
        assert_int_equal(standard.len % 4, 0);
        assert_int_equal(wallet_base64url_decode(lw_buf_text(&url), &back).code, LW_OK);
        assert_true(lw_bytes_eq(lw_buf_view(&back), in));
        lw_buf_truncate(&back, 0);
        assert_int_equal(wallet_base64_decode(lw_buf_text(&standard), &back).code, LW_OK);
        assert_true(lw_bytes_eq(lw_buf_view(&back), in));
        uint8_t exact[101];
        assert_int_equal(wallet_base64url_decode_exact(lw_buf_text(&url), exact, len).code, LW_OK);
        assert_true(len == 0 || memcmp(exact, bytes, len) == 0);
        const lw_err longer = wallet_base64url_decode_exact(lw_buf_text(&url), exact, len + 1);
        assert_int_equal(longer.code, LW_E_VALUE);
    }
    uint8_t one[1];
    assert_int_equal(wallet_base64url_decode_exact(LW_STR("Zm8vZ"), one, 1).code, LW_E_SYNTAX);
}

static void a_failed_call_keeps_what_the_buffer_held(void **state)
{
    (void)state;
    LW_AUTO_BUF out = LW_BUF(4);
    assert_int_equal(wallet_base64url_decode(LW_STR("Zm9v"), &out).code, LW_OK);
    assert_int_equal(wallet_base64url_decode(LW_STR("Zm8"), &out).code, LW_E_LIMIT);
    assert_int_equal(wallet_base64url_decode(LW_STR("Z*"), &out).code, LW_E_SYNTAX);
    assert_int_equal(
        wallet_base64url_encode(lw_buf_view(&(lw_buf){.ptr = (uint8_t[]){1}, .len = 1}), &out).code,
        LW_E_LIMIT);
    assert_true(lw_str_is(lw_buf_text(&out), "foo"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(malformed_base64url_is_refused_where_it_breaks),
        cmocka_unit_test(malformed_standard_base64_is_refused_where_it_breaks),
        cmocka_unit_test(a_byte_string_has_one_text),
        cmocka_unit_test(every_length_round_trips_both_ways),
        cmocka_unit_test(a_failed_call_keeps_what_the_buffer_held),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
