#include "wallet/numbering.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
static const char credit_alphabet[] = "0123456789ABCDEFGHJKLMNPQRTUWXY";

/* DESIGN section 7: real numbers of three provinces. */
static const char *const numbers[] = {
    "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U",
    "1.2.156.3005.2.11100000000013338W009.11330105002500287C.2025052201.002.0",
    "1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.F",
};
enum { NUMBERS = sizeof(numbers) / sizeof(numbers[0]), ROOT_LEN = 15 };

static lw_err parse(const char *text)
{
    struct wallet_gbt36904 parts;
    return wallet_gbt36904_parse(lw_str_c(text), &parts);
}

static void the_numbers_of_the_design_parse_and_build_again(void **state)
{
    (void)state;
    for (size_t i = 0; i < NUMBERS; i++) {
        struct wallet_gbt36904 parts;
        LW_AUTO_BUF out = LW_BUF(WALLET_GBT36904_MAX);
        assert_int_equal(wallet_gbt36904_parse(lw_str_c(numbers[i]), &parts).code, LW_OK);
        assert_int_equal(parts.check, numbers[i][strlen(numbers[i]) - 1]);
        assert_int_equal(wallet_gbt36904_build(&parts, &out).code, LW_OK);
        assert_true(lw_str_is(lw_buf_text(&out), numbers[i]));
    }
    struct wallet_gbt36904 parts;
    assert_int_equal(wallet_gbt36904_parse(lw_str_c(numbers[0]), &parts).code, LW_OK);
    assert_true(lw_str_is(parts.type, "11100000000013338W011"));
    assert_true(lw_str_is(parts.issuer, "11430000006122244L"));
    assert_true(lw_str_is(parts.serial, "20230000403"));
    assert_true(lw_str_is(parts.version, "001"));
}

static void every_substitution_of_one_character_is_caught(void **state)
{
    (void)state;
    for (size_t n = 0; n < NUMBERS; n++) {
        char text[WALLET_GBT36904_MAX];
        const size_t len = strlen(numbers[n]);
        memcpy(text, numbers[n], len + 1);
        for (size_t i = ROOT_LEN; i < len; i++) {
            for (const char *c = alphabet; text[i] != '.' && *c != '\0'; c++) {
                const char was = text[i];
                text[i] = *c;
                assert_int_equal(parse(text).code == LW_OK, *c == was);
                text[i] = was;
            }
        }
    }
}

/* Of all pairs in the numbers of the design one is among the 36 that MOD 37,36 lets pass. */
static void every_transposition_of_neighbours_but_a_known_one_is_caught(void **state)
{
    static const char passes[] =
        "1.2.156.3005.2.11100000000013338W032.11220000013544451J.2430599.001.F";
    (void)state;
    size_t tried = 0;
    for (size_t n = 0; n < NUMBERS; n++) {
        char text[WALLET_GBT36904_MAX];
        const size_t len = strlen(numbers[n]);
        memcpy(text, numbers[n], len + 1);
        for (size_t i = ROOT_LEN; i + 1 < len; i++) {
            /* The check runs without the dots, so a dot that moved is for the lengths to see. */
            if (text[i] == text[i + 1] || text[i] == '.' || text[i + 1] == '.') {
                continue;
            }
            const char was = text[i];
            text[i] = text[i + 1];
            text[i + 1] = was;
            assert_int_equal(parse(text).code == LW_OK, strcmp(text, passes) == 0);
            text[i + 1] = text[i];
            text[i] = was;
            tried++;
        }
    }
    assert_true(tried > 60);
}

static char check_of(const char *text)
{
    char check = '\0';
    assert_int_equal(wallet_mod37_36(lw_str_c(text), &check).code, LW_OK);
    return check;
}

/* Every state before the pair is reached by some one-character prefix: 36 of them. */
static void mod37_36_misses_just_the_transpositions_its_header_names(void **state)
{
    (void)state;
    size_t missed = 0;
    size_t tried = 0;
    for (const char *p = alphabet; *p != '\0'; p++) {
        for (const char *a = alphabet; *a != '\0'; a++) {
            for (const char *b = alphabet; b < a; b++) {
                const char one[] = {*p, *a, *b, '\0'};
                const char two[] = {*p, *b, *a, '\0'};
                missed += check_of(one) == check_of(two) ? 1 : 0;
                tried++;
            }
        }
    }
    assert_int_equal(tried, 22680);
    assert_int_equal(missed, 36);
}

static void mod37_36_takes_digits_and_capitals_only(void **state)
{
    (void)state;
    char check = '\0';
    assert_int_equal(wallet_mod37_36(LW_STR(""), &check).code, LW_E_SYNTAX);
    assert_int_equal(wallet_mod37_36(LW_STR("A1b"), &check).code, LW_E_SYNTAX);
    assert_int_equal(wallet_mod37_36(LW_STR("A1b"), &check).at, 2);
    assert_int_equal(wallet_mod37_36((lw_str){"A\0", 2}, &check).at, 1);
}

static void a_number_out_of_shape_is_refused_where_it_breaks(void **state)
{
    static const struct {
        const char *text;
        size_t at;
    } cases[] = {
        {"", 0},
        {"1.2.156.3005.2", 0},
        {"1.2.156.3005.3.11100000000013338W011.11430000006122244L.20230000403.001.U", 0},
        {"1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001", 68},
        {"1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.U.1", 72},
        {"1.2.156.3005.2.11100000000013338W01.11430000006122244L.20230000403.001.U", 35},
        {"1.2.156.3005.2.11100000000013338W0A1.11430000006122244L.20230000403.001.U", 34},
        {"1.2.156.3005.2.11100000000013338W011.11430.20230000403.001.U", 42},
        {"1.2.156.3005.2.11100000000013338W011.1143000000612224401.2023000.001.U", 56},
        {"1.2.156.3005.2.11100000000013338W011.11430000006122244L.202300.001.U", 62},
        {"1.2.156.3005.2.11100000000013338W011.11430000006122244L.2023-00403.001.U", 60},
        {"1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.01.U", 70},
        {"1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.", 72},
        {"1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.u", 72},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const lw_err err = parse(cases[i].text);
        assert_int_equal(err.code, LW_E_SYNTAX);
        if (err.at != cases[i].at) {
            print_error("case %zu: at %zu\n", i, err.at);
        }
        assert_int_equal(err.at, cases[i].at);
    }
    const lw_err err =
        parse("1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.001.V");
    assert_int_equal(err.code, LW_E_VALUE);
    assert_int_equal(err.at, 72);
}

static void parts_are_built_only_within_their_lengths(void **state)
{
    static const char many[] = "A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1A1";
    static const struct {
        size_t issuer;
        size_t serial;
        size_t version;
        lw_code code;
    } cases[] = {{6, 7, 3, LW_OK},        {18, 32, 3, LW_OK},      {5, 7, 3, LW_E_SYNTAX},
                 {19, 7, 3, LW_E_SYNTAX}, {6, 6, 3, LW_E_SYNTAX},  {6, 33, 3, LW_E_SYNTAX},
                 {6, 7, 2, LW_E_SYNTAX},  {18, 32, 4, LW_E_SYNTAX}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF out = LW_BUF(WALLET_GBT36904_MAX);
        const struct wallet_gbt36904 parts = {.type = LW_STR("11100000000013338W011"),
                                              .issuer = {many, cases[i].issuer},
                                              .serial = {many, cases[i].serial},
                                              .version = {many, cases[i].version}};
        struct wallet_gbt36904 back;
        assert_int_equal(wallet_gbt36904_build(&parts, &out).code, cases[i].code);
        if (cases[i].code == LW_OK) {
            assert_int_equal(wallet_gbt36904_parse(lw_buf_text(&out), &back).code, LW_OK);
            assert_true(lw_str_eq(back.serial, parts.serial));
        } else {
            assert_int_equal(out.len, 0);
        }
    }
    LW_AUTO_BUF out = LW_BUF(WALLET_GBT36904_MAX);
    const struct wallet_gbt36904 no_digits = {.type = LW_STR("11100000000013338W01A"),
                                              .issuer = LW_STR("114300"),
                                              .serial = LW_STR("1234567"),
                                              .version = LW_STR("001")};
    assert_int_equal(wallet_gbt36904_build(&no_digits, &out).code, LW_E_SYNTAX);
}

/* Real authorities' codes, out of the numbers of the design, and the one of SHAPES. */
static const char *const credit_codes[] = {
    "11100000000013338W", "11430000006122244L", "11330105002500287C",
    "11220000013544541J", "91320600MA1MABCD0W",
};

static void credit_codes_hold_and_any_slip_is_caught(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof(credit_codes) / sizeof(credit_codes[0]); n++) {
        char text[WALLET_CREDIT_CODE_LEN + 1];
        memcpy(text, credit_codes[n], sizeof(text));
        for (size_t i = 0; i < WALLET_CREDIT_CODE_LEN; i++) {
            const char was = text[i];
            for (const char *c = credit_alphabet; *c != '\0'; c++) {
                text[i] = *c;
                assert_int_equal(wallet_credit_code_check(lw_str_c(text)).code,
                                 *c == was ? LW_OK : LW_E_VALUE);
            }
            text[i] = was;
            if (i + 1 < WALLET_CREDIT_CODE_LEN && text[i + 1] != was) {
                text[i] = text[i + 1];
                text[i + 1] = was;
                assert_int_equal(wallet_credit_code_check(lw_str_c(text)).code, LW_E_VALUE);
                text[i + 1] = text[i];
                text[i] = was;
            }
        }
    }
}

static void credit_codes_out_of_shape_are_refused_where_they_break(void **state)
{
    static const struct {
        const char *text;
        size_t at;
    } cases[] = {
        {"", 0},
        {"11100000000013338", 17},
        {"11100000000013338WW", 19},
        {"11100000000O13338W", 11},
        {"1110000000001333SW", 16},
        {"11100000000013338I", 17},
        {"11100000000013338w", 17},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const lw_err err = wallet_credit_code_check(lw_str_c(cases[i].text));
        assert_int_equal(err.code, LW_E_SYNTAX);
        assert_int_equal(err.at, cases[i].at);
    }
    char check = '\0';
    assert_int_equal(wallet_credit_code_digit(LW_STR("1110000000001333"), &check).code,
                     LW_E_SYNTAX);
    assert_int_equal(wallet_credit_code_digit(LW_STR("11100000000013338"), &check).code, LW_OK);
    assert_int_equal(check, 'W');
}

/* SHAPES' example, GB 11643's own (its annex A), and one whose check character is X. */
static const char *const citizen_numbers[] = {"320602199001010018", "11010519491231002X",
                                              "440524188001010014"};

static void citizen_numbers_hold_and_any_slip_is_caught(void **state)
{
    (void)state;
    for (size_t n = 0; n < sizeof(citizen_numbers) / sizeof(citizen_numbers[0]); n++) {
        char text[WALLET_CITIZEN_NUMBER_LEN + 1];
        memcpy(text, citizen_numbers[n], sizeof(text));
        assert_int_equal(wallet_citizen_number_check(lw_str_c(text)).code, LW_OK);
        for (size_t i = 0; i < WALLET_CITIZEN_NUMBER_LEN; i++) {
            const char was = text[i];
            for (const char *c = "0123456789X"; *c != '\0'; c++) {
                text[i] = *c;
                assert_int_equal(wallet_citizen_number_check(lw_str_c(text)).code == LW_OK,
                                 *c == was);
            }
            text[i] = was;
            if (i + 1 < WALLET_CITIZEN_NUMBER_LEN && text[i + 1] != was) {
                text[i] = text[i + 1];
                text[i + 1] = was;
                assert_int_not_equal(wallet_citizen_number_check(lw_str_c(text)).code, LW_OK);
                text[i + 1] = text[i];
                text[i] = was;
            }
        }
    }
}

static void citizen_numbers_out_of_shape_are_refused_where_they_break(void **state)
{
    static const struct {
        const char *text;
        lw_code code;
        size_t at;
    } cases[] = {
        {"", LW_E_SYNTAX, 0},
        {"32060219900101001", LW_E_SYNTAX, 17},
        {"3206021990010100181", LW_E_SYNTAX, 19},
        {"32060219900101A018", LW_E_SYNTAX, 14},
        {"11010519491231002x", LW_E_SYNTAX, 17},
        {"11010519491231002A", LW_E_SYNTAX, 17},
        {"110105194912310021", LW_E_VALUE, 17},
        /* Right check characters over days that never were. */
        {"320602199002300017", LW_E_VALUE, 6},
        {"320602199013010015", LW_E_VALUE, 6},
        {"320602199000010016", LW_E_VALUE, 6},
        {"320602199001000012", LW_E_VALUE, 6},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const lw_err err = wallet_citizen_number_check(lw_str_c(cases[i].text));
        if (err.at != cases[i].at) {
            print_error("case %zu: %s at %zu\n", i, err.why, err.at);
        }
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(err.at, cases[i].at);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_numbers_of_the_design_parse_and_build_again),
        cmocka_unit_test(every_substitution_of_one_character_is_caught),
        cmocka_unit_test(every_transposition_of_neighbours_but_a_known_one_is_caught),
        cmocka_unit_test(mod37_36_misses_just_the_transpositions_its_header_names),
        cmocka_unit_test(mod37_36_takes_digits_and_capitals_only),
        cmocka_unit_test(a_number_out_of_shape_is_refused_where_it_breaks),
        cmocka_unit_test(parts_are_built_only_within_their_lengths),
        cmocka_unit_test(credit_codes_hold_and_any_slip_is_caught),
        cmocka_unit_test(credit_codes_out_of_shape_are_refused_where_they_break),
        cmocka_unit_test(citizen_numbers_hold_and_any_slip_is_caught),
        cmocka_unit_test(citizen_numbers_out_of_shape_are_refused_where_they_break),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
