#include "wallet/person.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void codes_come_in_one_spelling(void **state)
{
    static const char *const cases[][2] = {
        {"001:91320600MA1MABCD0W", "001:91320600MA1MABCD0W"},
        {"001:91320600ma1mabcd0w", "001:91320600MA1MABCD0W"},
        {"111:320602199001010018", "111:320602199001010018"},
        {"111:11010519491231002x", "111:11010519491231002X"},
        {"414:e12345678", "414:E12345678"},
        {"511:H1234567890", "511:H1234567890"},
        {"516:12345", "516:12345"},
        {"099:x y", "099:x y"},
        {"999:54671-1", "999:54671-1"},
        {"999:a:b", "999:a:b"},
        {"999:\xe5\x8f\xb7-1", "999:\xe5\x8f\xb7-1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wallet_person_code code;
        assert_int_equal(wallet_person_parse(lw_str_c(cases[i][0]), &code).code, LW_OK);
        assert_string_equal(code.text, cases[i][1]);
        assert_int_equal(code.len, strlen(cases[i][1]));
        assert_true(lw_str_is(wallet_person_code_value(&code), cases[i][1] + 4));
        assert_true(lw_str_eq(wallet_person_code_type(&code), (lw_str){cases[i][1], 3}));
    }
}

static void a_code_that_does_not_hold_is_refused_where_it_breaks(void **state)
{
    static const struct {
        const char *text;
        lw_code code;
        size_t at;
    } cases[] = {
        {"", LW_E_SYNTAX, 0},
        {"91320600MA1MABCD0W", LW_E_SYNTAX, 0},
        {":91320600MA1MABCD0W", LW_E_UNSUPPORTED, LW_NOWHERE},
        {"112:320602199001010018", LW_E_UNSUPPORTED, LW_NOWHERE},
        {"0011:91320600MA1MABCD0W", LW_E_UNSUPPORTED, LW_NOWHERE},
        {"001:91320600MA1MABCD01", LW_E_VALUE, 21},
        {"001:91320600MA1MABCD0I", LW_E_SYNTAX, 21},
        {"001:", LW_E_SYNTAX, 4},
        {"111:320602199001010019", LW_E_VALUE, 21},
        {"111: 20602199001010018", LW_E_SYNTAX, 4},
        {"414:E123", LW_E_SYNTAX, 8},
        {"414:E12345678901234567890", LW_E_SYNTAX, 25},
        {"414:E-2345", LW_E_SYNTAX, 5},
        {"511:H123_567", LW_E_SYNTAX, 8},
        {"516:\xe5\x8f\xb7", LW_E_SYNTAX, 7},
        {"999:", LW_E_SYNTAX, 4},
        {"999: a", LW_E_SYNTAX, 4},
        {"999:a ", LW_E_SYNTAX, 5},
        {"999:a\tb", LW_E_SYNTAX, 5},
        {"999:a\x7f", LW_E_SYNTAX, 5},
        {"999:a\xff", LW_E_SYNTAX, 5},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wallet_person_code code = {.len = 7};
        const lw_err err = wallet_person_parse(lw_str_c(cases[i].text), &code);
        if (err.code != cases[i].code || err.at != cases[i].at) {
            print_error("%s: %s at %zu\n", cases[i].text, err.why, err.at);
        }
        assert_int_equal(err.code, cases[i].code);
        assert_true(err.at == cases[i].at);
        assert_int_equal(code.len, 7);
    }
}

static void codes_of_the_register_end_at_64_bytes(void **state)
{
    char text[WALLET_CODE_MAX + 1];
    struct wallet_person_code code;
    (void)state;
    memset(text, 'z', sizeof(text));
    const lw_str type = LW_STR("999");
    assert_int_equal(wallet_person_code(type, (lw_str){text, 64}, &code).code, LW_OK);
    assert_int_equal(code.len, 68);
    assert_int_equal(code.text[68], '\0');
    assert_int_equal(wallet_person_code(type, (lw_str){text, 65}, &code).code, LW_E_SYNTAX);
    assert_int_equal(wallet_person_code(LW_STR("414"), (lw_str){text, 20}, &code).code, LW_OK);
    assert_int_equal(wallet_person_code(LW_STR("414"), (lw_str){text, 21}, &code).code,
                     LW_E_SYNTAX);
}

static void the_types_of_the_standard_are_known_and_no_others(void **state)
{
    (void)state;
    static const char *const known[] = {"001", "111", "414", "511", "516", "099", "999"};
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        assert_true(wallet_person_type_known(lw_str_c(known[i])));
    }
    assert_false(wallet_person_type_known(LW_STR("000")));
    assert_false(wallet_person_type_known(LW_STR("")));
}

static void screens_show_only_the_ends_of_a_personal_code(void **state)
{
    static const char *const cases[][2] = {
        {"111:320602199001010018", "111:32**************18"},
        {"001:91320600MA1MABCD0W", "001:91320600MA1MABCD0W"},
        {"414:E12345678", "414:E1*****78"},
        {"516:12345", "516:12*45"},
        {"999:1234", "999:****"},
        {"999:1", "999:*"},
        {"999:\xe5\x8f\xb7\xe5\x8f\xb7xy\xe5\x8f\xb7",
         "999:\xe5\x8f\xb7\xe5\x8f\xb7*y\xe5\x8f\xb7"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF out = LW_BUF(128);
        struct wallet_person_code code;
        assert_int_equal(wallet_person_parse(lw_str_c(cases[i][0]), &code).code, LW_OK);
        assert_int_equal(wallet_person_masked(&code, &out).code, LW_OK);
        assert_true(lw_str_is(lw_buf_text(&out), cases[i][1]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(codes_come_in_one_spelling),
        cmocka_unit_test(a_code_that_does_not_hold_is_refused_where_it_breaks),
        cmocka_unit_test(codes_of_the_register_end_at_64_bytes),
        cmocka_unit_test(the_types_of_the_standard_are_known_and_no_others),
        cmocka_unit_test(screens_show_only_the_ends_of_a_personal_code),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
