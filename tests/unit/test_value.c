#include "wallet/value.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"
#include "wallet/cbor.h"

enum { VALUE_BUF = 1 << 18 };

static lw_bytes bytes_of(const char *text)
{
    return (lw_bytes){.ptr = (const uint8_t *)text, .len = strlen(text)};
}

/* Items written out by RFC 8949 appendix A's rules; tag 100 by RFC 8943 section 1.1. */
static const struct {
    enum wallet_claim_kind kind;
    const char *text;
    const char *item;
    const char *json;
} values[] = {
    {WALLET_KIND_TEXT, "IETF", "64 49455446", "\"IETF\""},
    {WALLET_KIND_TEXT, "\xe6\xb0\xb4", "63 e6b0b4", "\"\xe6\xb0\xb4\""},
    {WALLET_KIND_TEXT, "a\"b", "63 612262", "\"a\\\"b\""},
    {WALLET_KIND_INTEGER, "0", "00", "0"},
    {WALLET_KIND_INTEGER, "1000000", "1a 000f4240", "1000000"},
    {WALLET_KIND_INTEGER, "-1", "20", "-1"},
    {WALLET_KIND_INTEGER, "9223372036854775807", "1b 7fffffffffffffff", "9223372036854775807"},
    {WALLET_KIND_INTEGER, "-9223372036854775808", "3b 7fffffffffffffff", "-9223372036854775808"},
    {WALLET_KIND_BOOLEAN, "true", "f5", "true"},
    {WALLET_KIND_BOOLEAN, "false", "f4", "false"},
    {WALLET_KIND_DATE, "1940-10-09", "d864 39 29b3", "\"1940-10-09\""},
    {WALLET_KIND_DATE, "1980-12-08", "d864 19 0f9a", "\"1980-12-08\""},
    {WALLET_KIND_DATE, "0001-01-01", "d864 3a 000af939", "\"0001-01-01\""},
    {WALLET_KIND_DATE, "9999-12-31", "d864 1a 002cc0a0", "\"9999-12-31\""},
    {WALLET_KIND_TIME, "2013-03-21T20:04:00Z", "c1 1a 514b67b0", "\"2013-03-21T20:04:00Z\""},
    {WALLET_KIND_TEXTS, "a|b", "82 6161 6162", "[\"a\",\"b\"]"},
    {WALLET_KIND_TEXTS, "Retail | Tax help | ", "82 66 52657461696c 68 5461782068656c70",
     "[\"Retail\",\"Tax help\"]"},
    {WALLET_KIND_TEXTS, "", "80", "[]"},
    {WALLET_KIND_BYTES, "AQIDBA==", "44 01020304",
     "\"data:application/octet-stream;base64,AQIDBA==\""},
    {WALLET_KIND_BYTES, "/9j/4A==", "44 ffd8ffe0", "\"data:image/jpeg;base64,/9j/4A==\""},
    {WALLET_KIND_BYTES, "iVBORw0KGgo=", "48 89504e470d0a1a0a",
     "\"data:image/png;base64,iVBORw0KGgo=\""},
    {WALLET_KIND_OBJECTS, "[]", "80", "[]"},
    {WALLET_KIND_OBJECTS,
     "[{\"vehicle_category_code\":\"C1\",\"issue_date\":\"2018-08-09\",\"n\":3,"
     "\"codes\":[{\"sign\":true}]}]",
     "81 a4 61 6e 03 65 636f646573 81 a1 64 7369676e f5 6a 69737375655f64617465 6a "
     "323031382d30382d3039 75 76656869636c655f63617465676f72795f636f6465 62 4331",
     "[{\"n\":3,\"codes\":[{\"sign\":true}],\"issue_date\":\"2018-08-09\","
     "\"vehicle_category_code\":\"C1\"}]"},
};

static void values_go_from_text_to_cbor_to_json_and_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        LW_AUTO_BUF expected = LW_BUF(VALUE_BUF);
        LW_AUTO_BUF item = LW_BUF(VALUE_BUF);
        LW_AUTO_BUF json = LW_BUF(VALUE_BUF);
        LW_AUTO_BUF again = LW_BUF(VALUE_BUF);
        support_hex(values[i].item, &expected);
        assert_int_equal(
            wallet_value_from_text(values[i].kind, lw_str_c(values[i].text), &item).code, LW_OK);
        assert_true(lw_bytes_eq(lw_buf_view(&item), lw_buf_view(&expected)));
        assert_int_equal(wallet_value_check(values[i].kind, lw_buf_view(&item)).code, LW_OK);
        assert_int_equal(wallet_value_to_json(lw_buf_view(&item), &json).code, LW_OK);
        assert_true(lw_str_is(lw_buf_text(&json), values[i].json));
        assert_int_equal(wallet_value_from_json(values[i].kind, lw_buf_view(&json), &again).code,
                         LW_OK);
        assert_true(lw_bytes_eq(lw_buf_view(&again), lw_buf_view(&expected)));
    }
}

static void a_value_is_of_its_own_kind_and_no_other(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
        LW_AUTO_BUF item = LW_BUF(VALUE_BUF);
        support_hex(values[i].item, &item);
        for (int kind = WALLET_KIND_TEXT; kind <= WALLET_KIND_OBJECTS; kind++) {
            /* An empty list is one of texts and one of objects. */
            const bool empty = lw_str_is(lw_str_c(values[i].item), "80") &&
                               (kind == WALLET_KIND_TEXTS || kind == WALLET_KIND_OBJECTS);
            const lw_code code = (int)values[i].kind == kind || empty ? LW_OK : LW_E_VALUE;
            assert_int_equal(
                wallet_value_check((enum wallet_claim_kind)kind, lw_buf_view(&item)).code, code);
        }
    }
}

static void items_that_do_not_hold_are_refused(void **state)
{
    static const struct {
        enum wallet_claim_kind kind;
        const char *item;
        lw_code code;
    } cases[] = {
        {WALLET_KIND_TEXT, "", LW_E_SYNTAX},
        {WALLET_KIND_TEXT, "61 61 00", LW_E_SYNTAX},
        {WALLET_KIND_TEXT, "61 ff", LW_E_SYNTAX},
        {WALLET_KIND_TEXT, "78 01 61", LW_E_SYNTAX},
        {WALLET_KIND_INTEGER, "18 01", LW_E_SYNTAX},
        {WALLET_KIND_INTEGER, "1b 8000000000000000", LW_E_VALUE},
        {WALLET_KIND_INTEGER, "fb 3ff8000000000000", LW_E_VALUE},
        {WALLET_KIND_DATE, "d864 3a 000af93a", LW_E_VALUE}, /* the day before 0001-01-01 */
        {WALLET_KIND_DATE, "d864 1a 002cc0a1", LW_E_VALUE}, /* 10000-01-01 */
        {WALLET_KIND_DATE, "d864 61 61", LW_E_VALUE},
        {WALLET_KIND_DATE, "d865 00", LW_E_VALUE},
        {WALLET_KIND_DATE, "d903ec 6a 323031382d30382d3039", LW_E_VALUE},
        {WALLET_KIND_TIME, "c1 1b 0000003afff44180", LW_E_VALUE}, /* 10000-01-01T00:00:00Z */
        {WALLET_KIND_TIME, "c0 61 61", LW_E_VALUE},
        {WALLET_KIND_TEXTS, "81 01", LW_E_VALUE},
        {WALLET_KIND_TEXTS, "9f ff", LW_E_SYNTAX},
        {WALLET_KIND_OBJECTS, "81 6161", LW_E_VALUE},
        {WALLET_KIND_OBJECTS, "81 a1 01 01", LW_E_VALUE},
        {WALLET_KIND_OBJECTS, "81 a1 61 61 41 00", LW_E_VALUE},
        {WALLET_KIND_OBJECTS, "81 a1 61 61 f6", LW_E_VALUE},
        {WALLET_KIND_OBJECTS, "81 a1 61 61 f93c00", LW_E_VALUE},
        {WALLET_KIND_OBJECTS, "81 a1 61 61 e0", LW_E_VALUE},
        {WALLET_KIND_OBJECTS, "81 a1 61 61 c1 01", LW_E_VALUE},
        {WALLET_KIND_OBJECTS, "81 a1 61 61 d864 01", LW_E_VALUE},
        {WALLET_KIND_OBJECTS, "81 a2 61 62 01 61 61 01", LW_E_SYNTAX},   /* keys out of order */
        {WALLET_KIND_OBJECTS, "81 a2 62 6161 01 61 62 01", LW_E_SYNTAX}, /* the longer first */
        {WALLET_KIND_OBJECTS, "81 a2 61 61 01 61 61 01", LW_E_SYNTAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF item = LW_BUF(VALUE_BUF);
        support_hex(cases[i].item, &item);
        const lw_err err = wallet_value_check(cases[i].kind, lw_buf_view(&item));
        if (err.code != cases[i].code) {
            print_error("case %zu: %s\n", i, err.why);
        }
        assert_int_equal(err.code, cases[i].code);
    }
}

static void text_that_is_no_value_is_refused_and_leaves_nothing(void **state)
{
    static const struct {
        enum wallet_claim_kind kind;
        const char *text;
        lw_code code;
    } cases[] = {
        {WALLET_KIND_TEXT, "a\xff", LW_E_SYNTAX},
        {WALLET_KIND_INTEGER, "", LW_E_SYNTAX},
        {WALLET_KIND_INTEGER, "1.5", LW_E_SYNTAX},
        {WALLET_KIND_INTEGER, "9223372036854775808", LW_E_VALUE},
        {WALLET_KIND_BOOLEAN, "yes", LW_E_SYNTAX},
        {WALLET_KIND_BOOLEAN, "True", LW_E_SYNTAX},
        {WALLET_KIND_DATE, "2026-02-29", LW_E_VALUE},
        {WALLET_KIND_DATE, "02/28/2026", LW_E_SYNTAX},
        {WALLET_KIND_TIME, "2026-02-28", LW_E_SYNTAX},
        {WALLET_KIND_TEXTS, "a|\xff", LW_E_SYNTAX},
        {WALLET_KIND_BYTES, "AQIDBA", LW_E_SYNTAX},
        {WALLET_KIND_OBJECTS, "[1]", LW_E_VALUE},
        {WALLET_KIND_OBJECTS, "{}", LW_E_VALUE},
        {WALLET_KIND_OBJECTS, "[{}", LW_E_SYNTAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF item = LW_BUF(VALUE_BUF);
        assert_int_equal(lw_buf_put_byte(&item, 7).code, LW_OK);
        const lw_err err = wallet_value_from_text(cases[i].kind, lw_str_c(cases[i].text), &item);
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(item.len, 1);
    }
}

static void json_that_is_no_value_is_refused_and_leaves_nothing(void **state)
{
    static const struct {
        enum wallet_claim_kind kind;
        const char *json;
        lw_code code;
    } cases[] = {
        {WALLET_KIND_TEXT, "1", LW_E_VALUE},
        {WALLET_KIND_TEXT, "null", LW_E_VALUE},
        {WALLET_KIND_TEXT, "", LW_E_SYNTAX},
        {WALLET_KIND_TEXT, "\"a\",\"b\"", LW_E_SYNTAX},
        {WALLET_KIND_TEXT, "\"a\"],[\"b\"", LW_E_SYNTAX},
        {WALLET_KIND_TEXT, "\"a", LW_E_SYNTAX},
        {WALLET_KIND_INTEGER, "1.0", LW_E_VALUE},
        {WALLET_KIND_INTEGER, "\"1\"", LW_E_VALUE},
        {WALLET_KIND_BOOLEAN, "1", LW_E_VALUE},
        {WALLET_KIND_DATE, "20000", LW_E_VALUE},
        {WALLET_KIND_DATE, "\"2026-13-01\"", LW_E_VALUE},
        {WALLET_KIND_TIME, "0", LW_E_VALUE},
        {WALLET_KIND_TEXTS, "\"a\"", LW_E_VALUE},
        {WALLET_KIND_TEXTS, "[\"a\",1]", LW_E_VALUE},
        {WALLET_KIND_BYTES, "\"AQIDBA==\"", LW_E_VALUE},
        {WALLET_KIND_BYTES, "\"data:text/plain,a\"", LW_E_VALUE},
        {WALLET_KIND_BYTES, "\"data:image/png;base64\"", LW_E_VALUE},
        {WALLET_KIND_BYTES, "\"data:image/png;base64,A\"", LW_E_SYNTAX},
        {WALLET_KIND_BYTES, "1", LW_E_VALUE},
        {WALLET_KIND_OBJECTS, "{}", LW_E_VALUE},
        {WALLET_KIND_OBJECTS, "[{\"a\":1.5}]", LW_E_VALUE},
        {WALLET_KIND_OBJECTS, "[{\"a\":null}]", LW_E_VALUE},
        {WALLET_KIND_OBJECTS, "[{\"a\":1,\"a\":2}]", LW_E_SYNTAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF item = LW_BUF(VALUE_BUF);
        assert_int_equal(lw_buf_put_byte(&item, 7).code, LW_OK);
        const lw_err err = wallet_value_from_json(cases[i].kind, bytes_of(cases[i].json), &item);
        if (err.code != cases[i].code) {
            print_error("case %zu: %s\n", i, err.why);
        }
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(item.len, 1);
    }
}

static void what_no_claim_uses_has_no_json_form(void **state)
{
    static const char *const cases[] = {"f93c00",          "e0",       "c2 41 01", "c6 01",
                                        "d864 61 61",      "a1 01 01", "c0 61 61", "82 01 e0",
                                        "a1 61 61 f93c00", "01 02",    ""};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF item = LW_BUF(64);
        LW_AUTO_BUF json = LW_BUF(64);
        support_hex(cases[i], &item);
        assert_int_equal(lw_buf_put_c(&json, "x").code, LW_OK);
        assert_int_not_equal(wallet_value_to_json(lw_buf_view(&item), &json).code, LW_OK);
        assert_int_equal(json.len, 1);
    }
    LW_AUTO_BUF item = LW_BUF(64);
    LW_AUTO_BUF json = LW_BUF(64);
    support_hex("c6 01", &item);
    assert_int_equal(wallet_value_to_json(lw_buf_view(&item), &json).code, LW_E_VALUE);
    lw_buf_truncate(&item, 0);
    support_hex("82 f6 d903ec 6a 323031382d30382d3039", &item); /* null; an mdoc full-date */
    assert_int_equal(wallet_value_to_json(lw_buf_view(&item), &json).code, LW_OK);
    assert_true(lw_str_is(lw_buf_text(&json), "[null,\"2018-08-09\"]"));
}

static void fill(lw_buf *out, char c, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(lw_buf_put_byte(out, (uint8_t)c).code, LW_OK);
    }
}

static void texts_end_at_4096_bytes_and_lists_at_256_elements(void **state)
{
    (void)state;
    for (size_t over = 0; over <= 1; over++) {
        const lw_code code = over == 0 ? LW_OK : LW_E_LIMIT;
        LW_AUTO_BUF text = LW_BUF(VALUE_BUF);
        LW_AUTO_BUF list = LW_BUF(VALUE_BUF);
        LW_AUTO_BUF json = LW_BUF(VALUE_BUF);
        LW_AUTO_BUF item = LW_BUF(VALUE_BUF);
        fill(&text, 'x', WALLET_TEXT_CLAIM_MAX + over);
        assert_int_equal(wallet_value_from_text(WALLET_KIND_TEXT, lw_buf_text(&text), &item).code,
                         code);
        fill(&json, '"', 1);
        fill(&json, 'x', WALLET_TEXT_CLAIM_MAX + over);
        fill(&json, '"', 1);
        assert_int_equal(wallet_value_from_json(WALLET_KIND_TEXT, lw_buf_view(&json), &item).code,
                         code);
        for (size_t i = 0; i < 256 + over; i++) {
            assert_int_equal(lw_buf_put_c(&list, "x|").code, LW_OK);
        }
        assert_int_equal(wallet_value_from_text(WALLET_KIND_TEXTS, lw_buf_text(&list), &item).code,
                         code);
        lw_buf_truncate(&item, 0);
        assert_int_equal(wallet_cbor_put_array(&item, 256 + over).code, LW_OK);
        fill(&item, 0x60, 256 + over); /* empty texts */
        assert_int_equal(wallet_value_check(WALLET_KIND_TEXTS, lw_buf_view(&item)).code, code);
        lw_buf_truncate(&item, 0);
        lw_buf_truncate(&json, 0);
        fill(&json, '[', 1);
        for (size_t i = 0; i < 256 + over; i++) {
            assert_int_equal(lw_buf_put_c(&json, i == 0 ? "\"x\"" : ",\"x\"").code, LW_OK);
        }
        fill(&json, ']', 1);
        assert_int_equal(wallet_value_from_json(WALLET_KIND_TEXTS, lw_buf_view(&json), &item).code,
                         code);
    }
}

static void a_value_ends_at_64_kib(void **state)
{
    (void)state;
    /* bstr heads take 3 bytes up to 65,535 bytes of contents. */
    for (size_t len = WALLET_VALUE_MAX - 3; len <= WALLET_VALUE_MAX - 2; len++) {
        LW_AUTO_BUF item = LW_BUF(VALUE_BUF);
        const uint8_t head[] = {0x59, (uint8_t)(len >> 8), (uint8_t)len};
        assert_int_equal(lw_buf_put(&item, LW_BYTES(head)).code, LW_OK);
        fill(&item, 'x', len);
        assert_int_equal(wallet_value_check(WALLET_KIND_BYTES, lw_buf_view(&item)).code,
                         item.len <= WALLET_VALUE_MAX ? LW_OK : LW_E_LIMIT);
        LW_AUTO_BUF json = LW_BUF(VALUE_BUF);
        assert_int_equal(wallet_value_to_json(lw_buf_view(&item), &json).code,
                         item.len <= WALLET_VALUE_MAX ? LW_OK : LW_E_LIMIT);
        LW_AUTO_BUF text = LW_BUF(VALUE_BUF);
        LW_AUTO_BUF back = LW_BUF(VALUE_BUF);
        fill(&text, 'A', (len + 2) / 3 * 4); /* zero bytes, the padding right below */
        for (size_t i = 0; i < (3 - len % 3) % 3; i++) {
            text.ptr[text.len - 1 - i] = '=';
        }
        assert_int_equal(wallet_value_from_text(WALLET_KIND_BYTES, lw_buf_text(&text), &back).code,
                         len + 3 <= WALLET_VALUE_MAX ? LW_OK : LW_E_LIMIT);
    }
}

static void objects_have_64_members_at_most(void **state)
{
    (void)state;
    for (size_t members = 64; members <= 65; members++) {
        LW_AUTO_BUF json = LW_BUF(VALUE_BUF);
        LW_AUTO_BUF item = LW_BUF(VALUE_BUF);
        assert_int_equal(lw_buf_put_c(&json, "[{").code, LW_OK);
        for (size_t i = 0; i < members; i++) {
            assert_int_equal(lw_buf_put_c(&json, i == 0 ? "\"k" : ",\"k").code, LW_OK);
            assert_int_equal(lw_buf_put_int(&json, (int64_t)(members - i)).code, LW_OK);
            assert_int_equal(lw_buf_put_c(&json, "\":1").code, LW_OK);
        }
        assert_int_equal(lw_buf_put_c(&json, "}]").code, LW_OK);
        assert_int_equal(
            wallet_value_from_json(WALLET_KIND_OBJECTS, lw_buf_view(&json), &item).code,
            members == 64 ? LW_OK : LW_E_LIMIT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_go_from_text_to_cbor_to_json_and_back),
        cmocka_unit_test(a_value_is_of_its_own_kind_and_no_other),
        cmocka_unit_test(items_that_do_not_hold_are_refused),
        cmocka_unit_test(text_that_is_no_value_is_refused_and_leaves_nothing),
        cmocka_unit_test(json_that_is_no_value_is_refused_and_leaves_nothing),
        cmocka_unit_test(what_no_claim_uses_has_no_json_form),
        cmocka_unit_test(texts_end_at_4096_bytes_and_lists_at_256_elements),
        cmocka_unit_test(a_value_ends_at_64_kib),
        cmocka_unit_test(objects_have_64_members_at_most),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
