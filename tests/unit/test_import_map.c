#include "wallet/import_map.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "edit.h"
#include "register.h"

enum { DOC_MAX = 1 << 20 };

#define BAD_FORM                                                                                   \
    "must hold %Y, %m and %d once each, and no other field; or be year-first, excel-serial or "    \
    "excel-serial-1904"

static void each_fault_of_a_map_is_told_with_its_place(void **state)
{
    static const struct {
        const char *at;
        const char *value;
        const char *pointer;
        const char *what;
    } cases[] = {
        {"/number", NULL, "/number", "is missing"},
        {"/number", "1", "/number", "must be text"},
        {"/number", "\"NUMBER\"", "/number", "names a column that the file does not have"},
        {"/number", "\"{NUMBER}\"", "/number", "names a column that the file does not have"},
        {"/number", "\"{NO\"", "/number", "has a brace without its other"},
        {"/number", "\"NO}\"", "/number", "has a brace without its other"},
        {"/number", "\"}{NO}\"", "/number", "has a brace without its other"},
        {"/number", "\"{{NO}\"", "/number", "has a brace without its other"},
        {"/number", "\"{NO}}\"", "/number", "has a brace without its other"},
        {"/number", "\"{NO} {\"", "/number", "has a brace without its other"},
        {"/number", "\"{}\"", "/number", "names no column between its braces"},
        {"/number", "\"{NO}{NO}{NO}{NO}{NO}{NO}{NO}{NO}{NO}{NO}{NO}{NO}{NO}{NO}{NO}{NO}{NO}\"",
         "/number", "has more than 16 parts"},
        {"/version", "\"VERSION\"", "/version", "names a column that the file does not have"},
        {"/more", "1", "/more", "is not known here"},
        {"/holder", NULL, "/holder", "is missing"},
        {"/holder/more", "1", "/holder/more", "is not known here"},
        {"/holder/type", NULL, "/holder/type", "is missing"},
        {"/holder/type", "\"112\"", "/holder/type", "is no code type (GB/T 36903)"},
        {"/holder/code", NULL, "/holder/code", "is missing"},
        {"/holder/name", "\"WHO\"", "/holder/name", "names a column that the file does not have"},
        {"/holder/role", "\"guest\"", "/holder/role", "is no role of the license type"},
        {"/holder/role", "\"Owner\"", "/holder/role",
         "must be lower-case letters, digits and '-' between them"},
        {"/valid_from", NULL, "/valid_from", "is missing"},
        {"/valid_until", "\"LAST\"", "/valid_until", "names a column that the file does not have"},
        {"/issued", "\"GIVEN\"", "/issued", "names a column that the file does not have"},
        {"/state", NULL, "/state", "is missing"},
        {"/state", "\"STATE\"", "/state", "must be an object"},
        {"/state/more", "1", "/state/more", "is not known here"},
        {"/state/column", NULL, "/state/column", "is missing"},
        {"/state/values", NULL, "/state/values", "is missing"},
        {"/state/values", "{}", "/state/values", "must have 1 to 32 members"},
        {"/state/values/AAI", "\"expired\"", "/state/values/AAI",
         "is none of the words allowed here"},
        {"/state/values/AAI", "\"superseded\"", "/state/values/AAI",
         "is none of the words allowed here"},
        {"/state", "{\"constant\":\"x\"}", "/state/constant", "is none of the words allowed here"},
        {"/state/constant", "\"active\"", "/state/column", "is not known here"},
        {"/claims", NULL, "/claims", "is missing"},
        {"/claims", "{}", "/claims", "must have 1 to 64 members"},
        {"/claims/other", "\"NO\"", "/claims/other", "names no claim of the license type"},
        {"/claims/legal_name", NULL, "/claims", "lack a claim that the license type requires"},
        {"/claims/legal_name", "\"WHO\"", "/claims/legal_name",
         "names a column that the file does not have"},
        {"/claims/legal_name", "1", "/claims/legal_name", "must be text"},
        {"/claims/country", "{}", "/claims/country/constant", "is missing"},
        {"/claims/country/more", "1", "/claims/country/more", "is not known here"},
        {"/claims/country/constant", "7", "/claims/country/constant", "is not of the claim's type"},
        {"/claims/seats", "{\"constant\":\"7\"}", "/claims/seats/constant",
         "is not of the claim's type"},
        {"/date_format", NULL, "/date_format", "is missing"},
        {"/date_format", "\"%m/%d\"", "/date_format", BAD_FORM},
        {"/date_format", "\"%m/%d/%Y %H\"", "/date_format", BAD_FORM},
        {"/date_format", "\"%m/%d/%Y %Y\"", "/date_format", BAD_FORM},
        {"/date_format", "\"%Y%\"", "/date_format", BAD_FORM},
        {"/date_format", "\"excel\"", "/date_format", BAD_FORM},
        {"/date_formats", "[]", "/date_formats", "must be an object"},
        {"/date_formats", "{\"START\":1}", "/date_formats/START", "must be text"},
        {"/date_formats", "{\"START\":\"%Y\"}", "/date_formats/START", BAD_FORM},
        {"/date_formats", "{\"BEGIN\":\"year-first\"}", "/date_formats/BEGIN",
         "names a column that the file does not have"},
        {"/lengths", "{\"BEGIN\":7}", "/lengths/BEGIN",
         "names a column that the file does not have"},
        {"/lengths", "{\"NO\":0}", "/lengths/NO", "is too small"},
        {"/lengths", "{\"NO\":257}", "/lengths/NO", "is too large"},
        {"/lengths", "{\"NO\":\"7\"}", "/lengths/NO", "must be a whole number"},
        {"/long_numbers", "true", "/long_numbers", "must be text"},
        {"/long_numbers", "\"exact\"", "/long_numbers", "is none of the words allowed here"},
        {"/delimiter", "\";\"", "/delimiter", "is none of the words allowed here"},
        {"/encoding", NULL, "/encoding", "is missing"},
        {"/encoding", "\"gbk\"", "/encoding", "is none of the words allowed here"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF map = LW_BUF(DOC_MAX);
        const char *text = NULL;
        struct support_register s;
        bool told = false;
        support_edit(support_register_map, cases[i].at, cases[i].value, &map);
        assert_int_equal(lw_buf_c(&map, &text).code, LW_OK);
        support_register_open(&s, support_register_type, text, SUPPORT_REGISTER_HEADER, 0);
        for (size_t k = 0; k < s.error_count; k++) {
            told = told || (strcmp(s.errors[k].pointer, cases[i].pointer) == 0 &&
                            strcmp(s.errors[k].what, cases[i].what) == 0);
        }
        if (!told) {
            print_error("case %zu: %s %s\n", i, cases[i].pointer, cases[i].what);
        }
        assert_int_equal(s.err.code, LW_E_VALUE);
        assert_null(s.plan);
        assert_true(told);
        support_register_close(&s);
    }
}

static void a_map_that_names_no_end_at_all_is_refused(void **state)
{
    (void)state;
    LW_AUTO_BUF no_column = LW_BUF(DOC_MAX);
    LW_AUTO_BUF no_claim = LW_BUF(DOC_MAX);
    const char *text = NULL;
    struct support_register s;
    support_edit(support_register_map, "/valid_until", NULL, &no_column);
    assert_int_equal(lw_buf_c(&no_column, &text).code, LW_OK);
    support_edit(text, "/claims/expiry_date", NULL, &no_claim);
    assert_int_equal(lw_buf_c(&no_claim, &text).code, LW_OK);
    support_register_open(&s, support_register_type, text, SUPPORT_REGISTER_HEADER, 0);
    assert_int_equal(s.err.code, LW_E_VALUE);
    assert_int_equal(s.error_count, 1);
    assert_string_equal(s.errors[0].pointer, "/valid_until");
    support_register_close(&s);
}

static void a_shift_of_more_than_a_thousand_years_is_refused(void **state)
{
    static const int64_t shifts[] = {366000, 366001, -366000, -366001, INT64_MIN};
    static const lw_code codes[] = {LW_OK, LW_E_LIMIT, LW_OK, LW_E_LIMIT, LW_E_LIMIT};
    (void)state;
    for (size_t i = 0; i < sizeof(shifts) / sizeof(shifts[0]); i++) {
        struct support_register s;
        support_register_open(&s, support_register_type, support_register_map,
                              SUPPORT_REGISTER_HEADER, shifts[i]);
        assert_int_equal(s.err.code, codes[i]);
        support_register_close(&s);
    }
}

static void terms_of_one_number_stand_in_the_order_of_their_chain(void **state)
{
    struct wallet_import_term terms[] = {
        {LW_STR("B"), LW_STR("10"), 5, 0}, {LW_STR("A"), LW_STR("10"), 7, 1},
        {LW_STR("B"), LW_STR("9"), 5, 2},  {LW_STR("A"), LW_STR("2"), 9, 3},
        {LW_STR("B"), LW_STR("1"), 3, 4},  {LW_STR("B"), LW_STR("10"), 5, 5},
        {LW_STR("AB"), LW_STR("1"), 1, 6},
    };
    static const size_t order[] = {1, 3, 6, 4, 2, 0, 5};
    static const bool current[] = {false, true, true, false, false, false, true};
    enum { COUNT = sizeof(terms) / sizeof(terms[0]) };
    (void)state;
    wallet_import_terms_sort(terms, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        assert_int_equal(terms[i].row, order[i]);
        assert_int_equal(wallet_import_term_current(terms, COUNT, i), current[i]);
    }
    wallet_import_terms_sort(NULL, 0);
}

static void versions_compare_as_numbers_where_they_are(void **state)
{
    (void)state;
    assert_true(wallet_version_cmp(LW_STR("9"), LW_STR("10")) < 0);
    assert_true(wallet_version_cmp(LW_STR("99999999999999999999999"),
                                   LW_STR("100000000000000000000000")) < 0);
    assert_true(wallet_version_cmp(LW_STR("10"), LW_STR("9")) > 0);
    assert_true(wallet_version_cmp(LW_STR("7"), LW_STR("7")) == 0);
    assert_true(wallet_version_cmp(LW_STR("007"), LW_STR("8")) < 0);
    assert_true(wallet_version_cmp(LW_STR("007"), LW_STR("7")) != 0);
    assert_true(wallet_version_cmp(LW_STR("9a"), LW_STR("10")) > 0);
    assert_true(wallet_version_cmp(LW_STR(""), LW_STR("1")) < 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_fault_of_a_map_is_told_with_its_place),
        cmocka_unit_test(a_map_that_names_no_end_at_all_is_refused),
        cmocka_unit_test(a_shift_of_more_than_a_thousand_years_is_refused),
        cmocka_unit_test(terms_of_one_number_stand_in_the_order_of_their_chain),
        cmocka_unit_test(versions_compare_as_numbers_where_they_are),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
