#include "wallet/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static lw_err check(const char *text)
{
    return wallet_json_check(lw_str_c(text));
}

static void a_cursor_reads_what_stands_there(void **state)
{
    (void)state;
    struct wallet_json r;
    wallet_json_start(&r,
                      LW_STR(" { \"a\" : [1, -2 ,{\"x\":null}] ,\"skip\":{\"y\":[[]]}, \"t\":true,"
                             "\"f\": false, \"s\":\"\\u8bc1\\u7167\", \"n\":null }\n"));
    struct wallet_json_text name;
    size_t members = 0;
    LW_AUTO_BUF text = LW_BUF(64);
    wallet_json_object(&r);
    while (wallet_json_member(&r, &name)) {
        members++;
        if (wallet_json_is(name, "a")) {
            assert_int_equal(wallet_json_peek(&r), WALLET_JSON_ARRAY);
            wallet_json_array(&r);
            assert_true(wallet_json_element(&r));
            assert_int_equal(wallet_json_peek(&r), WALLET_JSON_NUMBER);
            assert_int_equal(wallet_json_int(&r), 1);
            assert_int_equal(wallet_json_peek(&r), WALLET_JSON_NONE);
            assert_true(wallet_json_element(&r));
            assert_int_equal(wallet_json_int(&r), -2);
            assert_true(wallet_json_element(&r));
            assert_true(lw_str_is(wallet_json_value(&r), "{\"x\":null}"));
            assert_false(wallet_json_element(&r));
        } else if (wallet_json_is(name, "t")) {
            assert_true(wallet_json_bool(&r));
        } else if (wallet_json_is(name, "f")) {
            assert_false(wallet_json_bool(&r));
        } else if (wallet_json_is(name, "n")) {
            wallet_json_null(&r);
        } else if (wallet_json_is(name, "s")) {
            const struct wallet_json_text s = wallet_json_string(&r);
            assert_true(s.escaped);
            assert_int_equal(wallet_json_unescape(s, &text).code, LW_OK);
        } else {
            assert_true(wallet_json_is(name, "skip"));
        }
    }
    assert_int_equal(wallet_json_finish(&r).code, LW_OK);
    assert_int_equal(members, 6);
    assert_true(lw_str_is(lw_buf_text(&text), "\xe8\xaf\x81\xe7\x85\xa7"));
}

static void malformed_text_is_refused_where_it_breaks(void **state)
{
    static const struct {
        const char *text;
        lw_code code;
        size_t at;
    } cases[] = {
        {"", LW_E_SYNTAX, 0},
        {" ", LW_E_SYNTAX, 1},
        {"\xef\xbb\xbf{}", LW_E_SYNTAX, 0},
        {"{}x", LW_E_SYNTAX, 2},
        {"{} {}", LW_E_SYNTAX, 3},
        {"{}\x0b", LW_E_SYNTAX, 2},
        {"{", LW_E_SYNTAX, 1},
        {"[", LW_E_SYNTAX, 1},
        {"[1", LW_E_SYNTAX, 2},
        {"[1,]", LW_E_SYNTAX, 3},
        {"[,1]", LW_E_SYNTAX, 1},
        {"[1 2]", LW_E_SYNTAX, 3},
        {"[1}", LW_E_SYNTAX, 2},
        {"{\"a\":1]", LW_E_SYNTAX, 6},
        {"{\"a\":1,}", LW_E_SYNTAX, 7},
        {"{,\"a\":1}", LW_E_SYNTAX, 1},
        {"{\"a\" 1}", LW_E_SYNTAX, 5},
        {"{\"a\":}", LW_E_SYNTAX, 5},
        {"{\"a\":", LW_E_SYNTAX, 5},
        {"{\"a\"", LW_E_SYNTAX, 4},
        {"{a:1}", LW_E_SYNTAX, 1},
        {"{1:1}", LW_E_SYNTAX, 1},
        {"tru", LW_E_SYNTAX, 0},
        {"nul", LW_E_SYNTAX, 0},
        {"falsy", LW_E_SYNTAX, 0},
        {"True", LW_E_SYNTAX, 0},
        {"truex", LW_E_SYNTAX, 4},
        {"NaN", LW_E_SYNTAX, 0},
        {"-", LW_E_SYNTAX, 0},
        {"-a", LW_E_SYNTAX, 0},
        {"01", LW_E_SYNTAX, 0},
        {"-01", LW_E_SYNTAX, 0},
        {"1.", LW_E_SYNTAX, 0},
        {"1.e1", LW_E_SYNTAX, 0},
        {".5", LW_E_SYNTAX, 0},
        {"+1", LW_E_SYNTAX, 0},
        {"1e", LW_E_SYNTAX, 0},
        {"1e+", LW_E_SYNTAX, 0},
        {"1e5.1", LW_E_SYNTAX, 3},
        {"0x1", LW_E_SYNTAX, 1},
        {"\"", LW_E_SYNTAX, 1},
        {"\"abc", LW_E_SYNTAX, 4},
        {"\"a\\", LW_E_SYNTAX, 2},
        {"\"a\\\"", LW_E_SYNTAX, 4},
        {"\"\\x41\"", LW_E_SYNTAX, 1},
        {"\"\\u12\"", LW_E_SYNTAX, 1},
        {"\"\\u123g\"", LW_E_SYNTAX, 1},
        {"\"\\U0041\"", LW_E_SYNTAX, 1},
        {"\"a\tb\"", LW_E_SYNTAX, 2},
        {"\"0123456789\x1f\"", LW_E_SYNTAX, 11},
        {"\"\\ud800\"", LW_E_SYNTAX, 1},
        {"\"\\ud800x\"", LW_E_SYNTAX, 1},
        {"\"\\ud800\\n1234\"", LW_E_SYNTAX, 1},
        {"\"\\ud800\\u0041\"", LW_E_SYNTAX, 1},
        {"\"\\ud800\\ud800\"", LW_E_SYNTAX, 1},
        {"\"\\udc00\\ud800\"", LW_E_SYNTAX, 1},
        {"\"\\udfff\"", LW_E_SYNTAX, 1},
        {"\"ab\x80\"", LW_E_SYNTAX, 3},
        {"\"\xc0\x80\"", LW_E_SYNTAX, 1},
        {"\"\xed\xa0\x80\"", LW_E_SYNTAX, 1},
        {"\"\xf5\x80\x80\x80\"", LW_E_SYNTAX, 1},
        {"\"0123456789abcdef\xff\"", LW_E_SYNTAX, 17},
        {"/**/1", LW_E_SYNTAX, 0},
        {"{\"a\":1,\"a\":1}", LW_E_VALUE, 8},
        {"{\"a\":1,\"b\":{},\"\\u0061\":1}", LW_E_VALUE, 15},
        {"{\"\\u0061\":1,\"\\u0061\":1}", LW_E_VALUE, 13},
        {"{\"\xe8\xaf\x81\":1,\"\\u8bc1\":1}", LW_E_VALUE, 10},
        {"{\"\xf0\x9d\x84\x9e\":1,\"\\ud834\\udd1e\":1}", LW_E_VALUE, 11},
        {"{\"\":1,\"\":1}", LW_E_VALUE, 7},
        {"[{\"x\":[{\"a\":1,\"a\":1}]}]", LW_E_VALUE, 15},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const lw_err err = check(cases[i].text);
        if (err.code != cases[i].code || err.at != cases[i].at) {
            print_message("%s: %s at %zu\n", cases[i].text, lw_code_name(err.code), err.at);
        }
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(err.at, cases[i].at);
    }
}

static void odd_but_well_formed_text_is_accepted(void **state)
{
    static const char *const cases[] = {
        "null",
        " true ",
        "\t\r\n 0\n",
        "-0",
        "1.5e-10",
        "0E+1",
        "\"\"",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e9\\ud834\\udd1e\"",
        "\"\x7f\xc2\x80\xef\xbf\xbf\xf4\x8f\xbf\xbf\"",
        "{}",
        "[]",
        "[[],{},[{}]]",
        "{\"a\":{\"a\":{\"a\":1}},\"b\":{\"a\":1}}",
        "[{\"a\":1},{\"a\":1}]",
        "{\"a\":1,\"A\":1,\"a \":1,\"\":1}",
        "123456789012345678901234567890",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(check(cases[i]).code, LW_OK);
    }
}

static void every_truncation_of_a_text_is_refused(void **state)
{
    (void)state;
    static const char text[] =
        "{\"a\":[1.5e3,\"\\ud834\\udd1e\xe8\xaf\x81\",true,\"\\u00e9\"],\"b\":{\"c\":null}}";
    assert_int_equal(check(text).code, LW_OK);
    for (size_t len = 0; len + 1 < sizeof(text); len++) {
        /* A copy of exactly this length, so that a read past it is seen. */
        char *cut = malloc(len + (len == 0));
        assert_non_null(cut);
        memcpy(cut, text, len);
        assert_int_not_equal(wallet_json_check((lw_str){cut, len}).code, LW_OK);
        free(cut);
    }
}

static void strings_of_every_length_end_where_they_should(void **state)
{
    (void)state;
    char text[64];
    for (size_t len = 0; len < 40; len++) {
        static const char special[] = "\"\\\x01";
        for (size_t s = 0; s < 3; s++) {
            memset(text, 'a', sizeof(text));
            text[0] = '"';
            text[1 + len] = special[s];
            struct wallet_json r;
            wallet_json_start(&r, (lw_str){text, sizeof(text)});
            const struct wallet_json_text got = wallet_json_string(&r);
            if (s == 0) {
                assert_int_equal(got.raw.len, len);
                assert_true(wallet_json_ok(&r));
            } else {
                assert_int_equal(r.err.code, LW_E_SYNTAX);
                assert_int_equal(r.err.at, 1 + len);
            }
        }
    }
}

static void depth_is_bounded(void **state)
{
    (void)state;
    static const char open[] = "[[[[[[[[[[[[[[[[[";
    static const char close[] = "]]]]]]]]]]]]]]]]]";
    char text[64];
    (void)snprintf(text, sizeof(text), "%.*s%.*s", WALLET_JSON_DEPTH_MAX, open,
                   WALLET_JSON_DEPTH_MAX, close);
    assert_int_equal(check(text).code, LW_OK);
    (void)snprintf(text, sizeof(text), "%s%s", open, close);
    assert_int_equal(check(text).code, LW_E_LIMIT);
    assert_int_equal(check(text).at, WALLET_JSON_DEPTH_MAX);
    (void)snprintf(text, sizeof(text), "%.*s{}%.*s", WALLET_JSON_DEPTH_MAX, open,
                   WALLET_JSON_DEPTH_MAX, close);
    assert_int_equal(check(text).code, LW_E_LIMIT);
}

/* {"n0":0,"n1":0,...} with `count` members. */
static void many_members(size_t count, lw_buf *out)
{
    assert_int_equal(lw_buf_put_c(out, "{").code, LW_OK);
    for (size_t i = 0; i < count; i++) {
        char member[32];
        (void)snprintf(member, sizeof(member), "%s\"n%zu\":0", i == 0 ? "" : ",", i);
        assert_int_equal(lw_buf_put_c(out, member).code, LW_OK);
    }
    assert_int_equal(lw_buf_put_c(out, "}").code, LW_OK);
}

static void members_are_bounded_in_open_objects_only(void **state)
{
    (void)state;
    LW_AUTO_BUF most = LW_BUF(8192);
    LW_AUTO_BUF over = LW_BUF(8192);
    many_members(WALLET_JSON_NAMES_MAX, &most);
    many_members(WALLET_JSON_NAMES_MAX + 1, &over);
    assert_int_equal(wallet_json_check(lw_buf_text(&most)).code, LW_OK);
    assert_int_equal(wallet_json_check(lw_buf_text(&over)).code, LW_E_LIMIT);
    LW_AUTO_BUF two = LW_BUF(32768);
    assert_int_equal(lw_buf_put_c(&two, "[").code, LW_OK);
    assert_int_equal(lw_buf_put(&two, lw_buf_view(&most)).code, LW_OK);
    assert_int_equal(lw_buf_put_c(&two, ",").code, LW_OK);
    assert_int_equal(lw_buf_put(&two, lw_buf_view(&most)).code, LW_OK);
    assert_int_equal(lw_buf_put_c(&two, "]").code, LW_OK);
    assert_int_equal(wallet_json_check(lw_buf_text(&two)).code, LW_OK);
}

static void size_is_bounded(void **state)
{
    (void)state;
    LW_AUTO_BUF text = LW_BUF(WALLET_JSON_MAX + 1);
    uint8_t *room = NULL;
    assert_int_equal(lw_buf_reserve(&text, WALLET_JSON_MAX + 1, &room).code, LW_OK);
    memset(room, ' ', WALLET_JSON_MAX + 1);
    room[0] = '0';
    assert_int_equal(wallet_json_check((lw_str){(const char *)room, WALLET_JSON_MAX}).code, LW_OK);
    assert_int_equal(wallet_json_check((lw_str){(const char *)room, WALLET_JSON_MAX + 1}).code,
                     LW_E_LIMIT);
}

static struct wallet_json reader_of(const char *text)
{
    struct wallet_json r;
    wallet_json_start(&r, lw_str_c(text));
    return r;
}

static void whole_numbers_are_read_exactly_or_refused(void **state)
{
    static const struct {
        const char *text;
        int64_t n;
        lw_code code;
    } cases[] = {
        {"0", 0, LW_OK},
        {"-0", 0, LW_OK},
        {"9223372036854775807", INT64_MAX, LW_OK},
        {"-9223372036854775808", INT64_MIN, LW_OK},
        {"9223372036854775808", 0, LW_E_VALUE},
        {"-9223372036854775809", 0, LW_E_VALUE},
        {"1.0", 0, LW_E_VALUE},
        {"1e2", 0, LW_E_VALUE},
        {"\"1\"", 0, LW_E_VALUE},
        {"true", 0, LW_E_VALUE},
        {"01", 0, LW_E_SYNTAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wallet_json r = reader_of(cases[i].text);
        assert_int_equal(wallet_json_int(&r), cases[i].n);
        assert_int_equal(wallet_json_finish(&r).code, cases[i].code);
    }
}

/* RFC 7519 section 2, NumericDate: non-integer values can be represented. */
static void seconds_may_have_a_fraction(void **state)
{
    static const struct {
        const char *text;
        int64_t n;
        lw_code code;
    } cases[] = {
        {"1700000000", 1700000000, LW_OK},
        {"1700000000.999", 1700000000, LW_OK},
        {"-1.5", -2, LW_OK},
        {"-0.5", -1, LW_OK},
        {"-1.0", -1, LW_OK},
        {"1e9", 0, LW_E_VALUE},
        {"1.5e9", 0, LW_E_VALUE},
        {"1.5E9", 0, LW_E_VALUE},
        {"99999999999999999999", 0, LW_E_VALUE},
        {"\"1700000000\"", 0, LW_E_VALUE},
        {"null", 0, LW_E_VALUE},
        {"1.", 0, LW_E_SYNTAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wallet_json r = reader_of(cases[i].text);
        assert_int_equal(wallet_json_seconds(&r), cases[i].n);
        assert_int_equal(wallet_json_finish(&r).code, cases[i].code);
    }
}

static void another_type_than_asked_for_is_latched(void **state)
{
    (void)state;
    struct wallet_json r = reader_of("[1]");
    wallet_json_object(&r);
    assert_int_equal(r.err.code, LW_E_VALUE);
    r = reader_of("{}");
    wallet_json_array(&r);
    assert_int_equal(r.err.code, LW_E_VALUE);
    r = reader_of("1");
    assert_int_equal(wallet_json_string(&r).raw.len, 0);
    assert_int_equal(r.err.code, LW_E_VALUE);
    r = reader_of("\"true\"");
    assert_false(wallet_json_bool(&r));
    assert_int_equal(r.err.code, LW_E_VALUE);
    r = reader_of("false");
    wallet_json_null(&r);
    assert_int_equal(r.err.code, LW_E_VALUE);
    r = reader_of("trux");
    assert_false(wallet_json_bool(&r));
    assert_int_equal(r.err.code, LW_E_SYNTAX);
}

static void the_first_error_stays(void **state)
{
    (void)state;
    struct wallet_json r = reader_of("[1,\"x\"]");
    wallet_json_array(&r);
    assert_true(wallet_json_element(&r));
    wallet_json_fail(&r, LW_FAIL(LW_E_DENIED, "test: mine", LW_NOWHERE));
    assert_false(wallet_json_element(&r));
    assert_int_equal(wallet_json_int(&r), 0);
    assert_int_equal(wallet_json_value(&r).len, 0);
    assert_int_equal(wallet_json_peek(&r), WALLET_JSON_NONE);
    wallet_json_fail(&r, LW_FAIL(LW_E_LIMIT, "test: later", 0));
    const lw_err err = wallet_json_finish(&r);
    assert_int_equal(err.code, LW_E_DENIED);
    assert_int_equal(err.at, 1);
}

static void reads_out_of_order_are_misuse(void **state)
{
    (void)state;
    struct wallet_json_text name;
    struct wallet_json r = reader_of("1");
    assert_int_equal(wallet_json_int(&r), 1);
    assert_int_equal(wallet_json_int(&r), 0);
    assert_int_equal(r.err.code, LW_E_MISUSE);
    r = reader_of("{}");
    assert_false(wallet_json_member(&r, &name));
    assert_int_equal(r.err.code, LW_E_MISUSE);
    r = reader_of("[1]");
    wallet_json_array(&r);
    assert_false(wallet_json_member(&r, &name));
    assert_int_equal(r.err.code, LW_E_MISUSE);
    r = reader_of("{\"a\":1}");
    wallet_json_object(&r);
    assert_false(wallet_json_element(&r));
    assert_int_equal(r.err.code, LW_E_MISUSE);
}

static void finishing_checks_what_was_not_read(void **state)
{
    (void)state;
    struct wallet_json_text name;
    struct wallet_json r = reader_of("{\"a\":[1,{\"b\":2}],\"c\":3}");
    wallet_json_object(&r);
    assert_true(wallet_json_member(&r, &name));
    wallet_json_array(&r);
    assert_int_equal(wallet_json_finish(&r).code, LW_OK);
    r = reader_of("{\"a\":[1,{\"b\":2}],\"c\":03}");
    wallet_json_object(&r);
    assert_true(wallet_json_member(&r, &name));
    wallet_json_array(&r);
    assert_int_equal(wallet_json_finish(&r).code, LW_E_SYNTAX);
}

static struct wallet_json_text text_of(const char *json)
{
    struct wallet_json r = reader_of(json);
    const struct wallet_json_text text = wallet_json_string(&r);
    assert_int_equal(wallet_json_finish(&r).code, LW_OK);
    return text;
}

static void strings_compare_as_what_they_mean(void **state)
{
    (void)state;
    assert_true(wallet_json_is(text_of("\"\\u0061l\\u0067\""), "alg"));
    assert_true(wallet_json_is(text_of("\"a\\\\b\""), "a\\b"));
    assert_false(wallet_json_is(text_of("\"al\\u0067\\u0000\""), "alg"));
    assert_false(wallet_json_is(text_of("\"al\""), "alg"));
    assert_false(wallet_json_is(text_of("\"\\u0061lgo\""), "alg"));
    assert_true(wallet_json_is(text_of("\"\""), ""));
    assert_true(wallet_json_same(text_of("\"\\uD834\\uDD1E\""), text_of("\"\xf0\x9d\x84\x9e\"")));
    assert_true(
        wallet_json_same(text_of("\"\\u00E9\\u8bc1\""), text_of("\"\xc3\xa9\xe8\xaf\x81\"")));
    assert_false(wallet_json_same(text_of("\"\\u00E9\""), text_of("\"e\\u0301\"")));
}

static void escapes_are_undone_into_utf8(void **state)
{
    (void)state;
    LW_AUTO_BUF out = LW_BUF(64);
    assert_int_equal(wallet_json_unescape(
                         text_of("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u07ff\\u0800\\uffff"
                                 "\\ud800\\udc00\\udbff\\udfff\xc2\xa9\""),
                         &out)
                         .code,
                     LW_OK);
    assert_true(lw_str_is(lw_buf_text(&out),
                          "\"\\/\b\f\n\r\tA\xc3\xa9\xdf\xbf\xe0\xa0\x80\xef\xbf\xbf"
                          "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\xc2\xa9"));
    lw_buf_truncate(&out, 0);
    assert_int_equal(wallet_json_unescape(text_of("\"\\u0000\""), &out).code, LW_OK);
    assert_int_equal(out.len, 1);
    LW_AUTO_BUF small = LW_BUF(2);
    assert_int_equal(wallet_json_unescape(text_of("\"abc\""), &small).code, LW_E_LIMIT);
    assert_int_equal(small.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cursor_reads_what_stands_there),
        cmocka_unit_test(malformed_text_is_refused_where_it_breaks),
        cmocka_unit_test(odd_but_well_formed_text_is_accepted),
        cmocka_unit_test(every_truncation_of_a_text_is_refused),
        cmocka_unit_test(strings_of_every_length_end_where_they_should),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(members_are_bounded_in_open_objects_only),
        cmocka_unit_test(size_is_bounded),
        cmocka_unit_test(whole_numbers_are_read_exactly_or_refused),
        cmocka_unit_test(seconds_may_have_a_fraction),
        cmocka_unit_test(another_type_than_asked_for_is_latched),
        cmocka_unit_test(the_first_error_stays),
        cmocka_unit_test(reads_out_of_order_are_misuse),
        cmocka_unit_test(finishing_checks_what_was_not_read),
        cmocka_unit_test(strings_compare_as_what_they_mean),
        cmocka_unit_test(escapes_are_undone_into_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
