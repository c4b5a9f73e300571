#include "wallet/json_write.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "wallet/json.h"

static void a_value_is_written_compact_and_in_order(void **state)
{
    (void)state;
    LW_AUTO_BUF out = LW_BUF(512);
    assert_int_equal(lw_buf_put_c(&out, "kept ").code, LW_OK);
    struct wallet_json_writer w = wallet_json_writer(&out);
    wallet_json_put_object(&w);
    wallet_json_member_c(&w, "z", "1");
    wallet_json_member_text(&w, "a", LW_STR("\xe8\xaf\x81"));
    wallet_json_member_int(&w, "n", INT64_MIN);
    wallet_json_member_bool(&w, "t", true);
    wallet_json_member_time(&w, "at", 0);
    wallet_json_member_raw(&w, "raw", LW_STR("[1]"));
    wallet_json_put_name(&w, "list");
    wallet_json_put_array(&w);
    wallet_json_put_null(&w);
    wallet_json_put_bool(&w, false);
    wallet_json_put_base64url(&w, LW_BYTES(((const uint8_t[]){0xfb, 0xff})));
    wallet_json_put_object(&w);
    wallet_json_put_end(&w);
    wallet_json_put_array(&w);
    wallet_json_put_end(&w);
    wallet_json_put_end(&w);
    wallet_json_put_name_str(&w, LW_STR("\""));
    wallet_json_put_object(&w);
    wallet_json_member_int(&w, "x", 1);
    wallet_json_put_end(&w);
    wallet_json_put_end(&w);
    assert_int_equal(wallet_json_written(&w).code, LW_OK);
    assert_true(lw_str_is(lw_buf_text(&out),
                          "kept {\"z\":\"1\",\"a\":\"\xe8\xaf\x81\",\"n\":-9223372036854775808,"
                          "\"t\":true,\"at\":\"1970-01-01T00:00:00Z\",\"raw\":[1],"
                          "\"list\":[null,false,\"-_8\",{},[]],\"\\\"\":{\"x\":1}}"));
}

static void every_character_that_must_be_is_escaped(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 0x80; c++) {
        const char text[3] = {'<', (char)c, '>'};
        LW_AUTO_BUF out = LW_BUF(32);
        struct wallet_json_writer w = wallet_json_writer(&out);
        wallet_json_put_text(&w, (lw_str){text, sizeof(text)});
        assert_int_equal(wallet_json_written(&w).code, LW_OK);
        const bool must = c < 0x20 || c == '"' || c == '\\';
        assert_int_equal(memchr(out.ptr, '\\', out.len) != NULL, must);
        struct wallet_json r;
        wallet_json_start(&r, lw_buf_text(&out));
        LW_AUTO_BUF back = LW_BUF(8);
        assert_int_equal(wallet_json_unescape(wallet_json_string(&r), &back).code, LW_OK);
        assert_int_equal(wallet_json_finish(&r).code, LW_OK);
        assert_true(lw_str_eq(lw_buf_text(&back), (lw_str){text, sizeof(text)}));
    }
    LW_AUTO_BUF out = LW_BUF(64);
    struct wallet_json_writer w = wallet_json_writer(&out);
    wallet_json_put_c(&w, "\b\f\n\r\t\x01\x1f");
    assert_int_equal(wallet_json_written(&w).code, LW_OK);
    assert_true(lw_str_is(lw_buf_text(&out), "\"\\b\\f\\n\\r\\t\\u0001\\u001f\""));
}

static void text_that_is_not_utf8_is_refused(void **state)
{
    (void)state;
    LW_AUTO_BUF out = LW_BUF(64);
    struct wallet_json_writer w = wallet_json_writer(&out);
    wallet_json_put_array(&w);
    wallet_json_put_c(&w, "ab\xff");
    wallet_json_put_end(&w);
    const lw_err err = wallet_json_written(&w);
    assert_int_equal(err.code, LW_E_VALUE);
    assert_int_equal(err.at, 2);
    assert_int_equal(out.len, 0);
    w = wallet_json_writer(&out);
    wallet_json_put_object(&w);
    wallet_json_member_c(&w, "\xc0\x80", "");
    wallet_json_put_end(&w);
    assert_int_equal(wallet_json_written(&w).code, LW_E_VALUE);
}

static void a_value_that_is_not_whole_is_misuse(void **state)
{
    (void)state;
    LW_AUTO_BUF out = LW_BUF(64);
    for (int i = 0; i < 9; i++) {
        struct wallet_json_writer w = wallet_json_writer(&out);
        switch (i) {
        case 0: /* nothing at all */
            break;
        case 1: /* left open */
            wallet_json_put_object(&w);
            break;
        case 2: /* a value without name */
            wallet_json_put_object(&w);
            wallet_json_put_int(&w, 1);
            wallet_json_put_end(&w);
            break;
        case 3: /* a name without value */
            wallet_json_put_object(&w);
            wallet_json_put_name(&w, "a");
            wallet_json_put_end(&w);
            break;
        case 4: /* two names */
            wallet_json_put_object(&w);
            wallet_json_put_name(&w, "a");
            wallet_json_put_name(&w, "b");
            wallet_json_put_null(&w);
            wallet_json_put_end(&w);
            break;
        case 5: /* a name in an array */
            wallet_json_put_array(&w);
            wallet_json_put_name(&w, "a");
            wallet_json_put_end(&w);
            break;
        case 6: /* two values */
            wallet_json_put_null(&w);
            wallet_json_put_null(&w);
            break;
        case 7: /* an end too many */
            wallet_json_put_array(&w);
            wallet_json_put_end(&w);
            wallet_json_put_end(&w);
            break;
        default: /* a name outside everything */
            wallet_json_put_name(&w, "a");
            wallet_json_put_null(&w);
            break;
        }
        assert_int_equal(wallet_json_written(&w).code, LW_E_MISUSE);
        assert_int_equal(out.len, 0);
    }
}

static void a_full_buffer_is_left_as_it_was(void **state)
{
    (void)state;
    for (size_t max = 0; max < 40; max++) {
        LW_AUTO_BUF out = LW_BUF(max);
        struct wallet_json_writer w = wallet_json_writer(&out);
        wallet_json_put_object(&w);
        wallet_json_member_c(&w, "a", "x\ny");
        wallet_json_put_name(&w, "b");
        wallet_json_put_base64url(&w, LW_BYTES(((const uint8_t[]){1, 2, 3})));
        wallet_json_member_int(&w, "c", 12345);
        wallet_json_put_end(&w);
        const lw_code code = wallet_json_written(&w).code;
        assert_int_equal(code, max < 33 ? LW_E_LIMIT : LW_OK);
        assert_int_equal(out.len, max < 33 ? 0 : 33);
    }
}

static void depth_is_bounded(void **state)
{
    (void)state;
    for (size_t depth = 1; depth <= WALLET_JSON_WRITE_DEPTH_MAX + 1; depth++) {
        LW_AUTO_BUF out = LW_BUF(512);
        struct wallet_json_writer w = wallet_json_writer(&out);
        for (size_t i = 0; i < depth; i++) {
            wallet_json_put_array(&w);
        }
        for (size_t i = 0; i < depth; i++) {
            wallet_json_put_end(&w);
        }
        assert_int_equal(wallet_json_written(&w).code,
                         depth > WALLET_JSON_WRITE_DEPTH_MAX ? LW_E_LIMIT : LW_OK);
    }
}

static void a_callers_own_failure_is_kept(void **state)
{
    (void)state;
    LW_AUTO_BUF out = LW_BUF(64);
    struct wallet_json_writer w = wallet_json_writer(&out);
    wallet_json_put_array(&w);
    wallet_json_put_fail(&w, LW_FAIL(LW_E_NOT_FOUND, "test: gone", LW_NOWHERE));
    wallet_json_put_fail(&w, LW_FAIL(LW_E_DENIED, "test: later", LW_NOWHERE));
    wallet_json_put_int(&w, 1);
    wallet_json_put_end(&w);
    assert_int_equal(wallet_json_written(&w).code, LW_E_NOT_FOUND);
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_value_is_written_compact_and_in_order),
        cmocka_unit_test(every_character_that_must_be_is_escaped),
        cmocka_unit_test(text_that_is_not_utf8_is_refused),
        cmocka_unit_test(a_value_that_is_not_whole_is_misuse),
        cmocka_unit_test(a_full_buffer_is_left_as_it_was),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(a_callers_own_failure_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
