#include "wallet/import_map.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "edit.h"
#include "lw/clock.h"
#include "register.h"

enum { DOC_MAX = 1 << 20 };

static void assert_claim(const struct wallet_import_row *row, size_t i, size_t def,
                         const char *item, size_t len)
{
    assert_int_equal(row->claims[i].def, def);
    assert_true(lw_bytes_eq(row->claims[i].value, (lw_bytes){(const uint8_t *)item, len}));
}

static void a_row_becomes_a_license(void **state)
{
    (void)state;
    struct support_register s;
    struct wallet_import_row row;
    support_register_open(&s, support_register_type, support_register_map,
                          SUPPORT_REGISTER_HEADER
                          " L-1 ,9,54, 1,\"A, \"\"B\"\"\",01/02/1970,12/31/1970,01/01/1970,REV,"
                          "x | y,12,1970-01-01T00:00:10Z\n",
                          0);
    assert_int_equal(s.err.code, LW_OK);
    assert_int_equal(wallet_import_map_form(s.map).encoding, WALLET_CSV_AUTO);
    assert_int_equal(support_register_row(&s, &row).code, LW_OK);
    assert_int_equal(row.line, 2);
    assert_true(lw_str_is(row.number, "L-1"));
    assert_true(lw_str_is(row.version, "9"));
    assert_string_equal(row.who.text, "999:54-1");
    assert_true(lw_str_is(row.holder.code_type, "999"));
    assert_true(lw_str_is(row.holder.code, "54-1"));
    assert_true(lw_str_is(row.holder.role, "manager"));
    assert_true(lw_str_is(row.holder.name, "A, \"B\""));
    assert_int_equal(row.valid_from, LW_DAY_S);
    assert_int_equal(row.valid_until, 365 * LW_DAY_S);
    assert_int_equal(row.issued_at, 0);
    assert_int_equal(row.state, WALLET_REVOKED);
    assert_int_equal(row.notes, 0);
    assert_int_equal(row.claim_count, 6);
    assert_claim(&row, 0, 0,
                 "\x66"
                 "A, \"B\"",
                 7);
    assert_claim(&row, 1, 1, "\x82\x61x\x61y", 5);
    assert_claim(&row, 2, 2, "\x0c", 1);
    assert_claim(&row, 3, 3, "\xd8\x64\x19\x01\x6c", 5);
    assert_claim(&row, 4, 4, "\xc1\x0a", 2);
    assert_claim(&row, 5, 5,
                 "\x62"
                 "CN",
                 3);
    support_register_close(&s);
}

static void a_shift_moves_every_date_of_a_row(void **state)
{
    (void)state;
    struct support_register s;
    struct wallet_import_row row;
    support_register_open(
        &s, support_register_type, support_register_map,
        SUPPORT_REGISTER_HEADER
        "L,9,54,1,A,01/02/1970,12/31/1970,01/01/1970,AAI,,,1970-01-01T00:00:10Z\n",
        10);
    assert_int_equal(support_register_row(&s, &row).code, LW_OK);
    assert_int_equal(row.valid_from, 11 * LW_DAY_S);
    assert_int_equal(row.valid_until, 375 * LW_DAY_S);
    assert_int_equal(row.issued_at, 10 * LW_DAY_S);
    assert_claim(&row, 1, 3, "\xd8\x64\x19\x01\x76", 5);
    assert_claim(&row, 2, 4, "\xc1\x1a\x00\x0d\x2f\x0a", 6);
    support_register_close(&s);
}

/* Dates of one row, and what is made of them: SHAPES "Catalogue documents", last lines. */
static void dates_follow_the_rules_of_registers(void **state)
{
    static const struct {
        const char *dates; /* START,END,ISSUED */
        unsigned notes;
        int64_t from; /* days */
        int64_t until;
        int64_t issued;
    } cases[] = {
        {"01/02/1970,01/05/1970,01/01/1970", 0, 1, 5, 0},
        {"1/2/1970,1/5/1970,1/1/1970", 0, 1, 5, 0},
        {"01/02/1970,01/02/1970,01/02/1970", 0, 1, 2, 1},
        {",01/05/1970,01/04/1970", WALLET_ROW_START_FROM_ISSUE, 3, 5, 3},
        {"01/02/1970,01/05/1970,01/05/1970", 0, 1, 5, 4},
        {"01/02/1970,01/05/1970,01/06/1970", WALLET_ROW_ISSUED_AFTER_END, 1, 5, 5},
        {"01/02/1970,01/05/1970,", WALLET_ROW_ISSUE_FROM_START, 1, 5, 1},
        {" 01/02/1970 ,01/05/1970,01/01/1970", 0, 1, 5, 0},
        {"12/31/1969,01/05/1970,01/01/1960", 0, -1, 5, -3653},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF csv = LW_BUF(DOC_MAX);
        const char *text = NULL;
        struct support_register s;
        struct wallet_import_row row;
        assert_int_equal(lw_buf_put_c(&csv, SUPPORT_REGISTER_HEADER "L,9,54,1,A,").code, LW_OK);
        assert_int_equal(lw_buf_put_c(&csv, cases[i].dates).code, LW_OK);
        assert_int_equal(lw_buf_put_c(&csv, ",AAI,,,\n").code, LW_OK);
        assert_int_equal(lw_buf_c(&csv, &text).code, LW_OK);
        support_register_open(&s, support_register_type, support_register_map, text, 0);
        assert_int_equal(support_register_row(&s, &row).code, LW_OK);
        assert_int_equal(row.notes, cases[i].notes);
        assert_int_equal(row.valid_from, cases[i].from * LW_DAY_S);
        assert_int_equal(row.valid_until, cases[i].until * LW_DAY_S);
        assert_int_equal(row.issued_at, cases[i].issued * LW_DAY_S);
        support_register_close(&s);
    }
}

/* Rows bent one by one: the column at fault, and why. */
static void a_bad_row_says_its_column_and_reason(void **state)
{
    static const struct {
        const char *row;
        const char *column;
        const char *why;
    } cases[] = {
        {",9,54,1,A,01/02/1970,01/05/1970,01/01/1970,AAI,,,", "NO", "is empty"},
        {"L\x01,9,54,1,A,01/02/1970,01/05/1970,01/01/1970,AAI,,,", "NO",
         "holds a control character"},
        {"12345678901234567890123456789012345678901234567890123456789012345678901234567890"
         "1234567890123456789012345678901234567890123456789,9,54,1,A,01/02/1970,01/05/1970,"
         "01/01/1970,AAI,,,",
         "NO", "is too long"},
        {"L,,54,1,A,01/02/1970,01/05/1970,01/01/1970,AAI,,,", "TERM", "is empty"},
        {"L,12345678901234567890123456789012345678901234567890123456789012345,54,1,A,"
         "01/02/1970,01/05/1970,01/01/1970,AAI,,,",
         "TERM", "is too long"},
        {"L,9,,1,A,01/02/1970,01/05/1970,01/01/1970,AAI,,,", "ACCOUNT", "is empty"},
        {"L,9,54, ,A,01/02/1970,01/05/1970,01/01/1970,AAI,,,", "ACCOUNT", "is empty"},
        {"L,9,1234567890123456789012345678901234567890123456789012345678901234,1,A,01/02/1970,"
         "01/05/1970,01/01/1970,AAI,,,",
         "ACCOUNT", "person: the code is too long"},
        {"L,9,54,1,,01/02/1970,01/05/1970,01/01/1970,AAI,,,", "NAME",
         "is empty, and the license type requires the claim"},
        {"L,9,54,1,\"A\nB\",01/02/1970,01/05/1970,01/01/1970,AAI,,,", "NAME",
         "holds a control character"},
        {"L,9,54,1,A,13/32/1970,01/05/1970,01/01/1970,AAI,,,", "START",
         "is no day of the calendar"},
        {"L,9,54,1,A,1970-01-02,01/05/1970,01/01/1970,AAI,,,", "START",
         "is a date with its year first, not of the map's form: give \"year-first\" in the map"},
        {"L,9,54,1,A,01/02/1970,02/30/1970,01/01/1970,AAI,,,", "END", "is no day of the calendar"},
        {"L,9,54,1,A,01/02/1970,01/05/1970,soon,AAI,,,", "ISSUED", "is no date of the map's form"},
        {"L,9,54,1,A,01/02/1970,,01/01/1970,AAI,,,", "END",
         "is empty, and the license type wants an end"},
        {"L,9,54,1,A,01/06/1970,01/05/1970,01/01/1970,AAI,,,", "END", "ends before it starts"},
        {"L,9,54,1,A,,01/05/1970,01/05/1970,AAI,,,", "START",
         "is empty, and the issue date does not lie before the end"},
        {"L,9,54,1,A,,01/05/1970,,AAI,,,", "START", "is empty, and no issue date stands in"},
        {"L,9,54,1,A,01/02/1970,12/31/9999,01/01/1970,AAI,,,", "END",
         "lies outside the years 0001 to 9999"},
        {"L,9,54,1,A,01/02/1970,01/05/1970,01/01/1970,,,,", "STATE",
         "has a value that the map gives no state for"},
        {"L,9,54,1,A,01/02/1970,01/05/1970,01/01/1970,aai,,,", "STATE",
         "has a value that the map gives no state for"},
        {"L,9,54,1,A,01/02/1970,01/05/1970,01/01/1970,AAI,,many,", "SEATS", "number: not a digit"},
        {"L,9,54,1,A,01/02/1970,01/05/1970,01/01/1970,AAI,,,noon", "CHECKED",
         "date: digit expected"},
        {"L,9,54,1,A,01/02/1970,01/05/1970,01/01/1970,AAI,,,9999-12-31T00:00:00Z", "CHECKED",
         "lies outside the years 0001 to 9999"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF csv = LW_BUF(DOC_MAX);
        const char *text = NULL;
        struct support_register s;
        struct wallet_import_row row;
        bool told = false;
        assert_int_equal(lw_buf_put_c(&csv, SUPPORT_REGISTER_HEADER).code, LW_OK);
        assert_int_equal(lw_buf_put_c(&csv, cases[i].row).code, LW_OK);
        assert_int_equal(lw_buf_c(&csv, &text).code, LW_OK);
        support_register_open(&s, support_register_type, support_register_map, text, 0);
        assert_int_equal(support_register_row(&s, &row).code, LW_E_VALUE);
        for (size_t k = 0; k < row.error_count; k++) {
            told = told || (lw_str_is(row.errors[k].column, cases[i].column) &&
                            strcmp(row.errors[k].why, cases[i].why) == 0);
        }
        if (!told) {
            print_error("case %zu: %s\n", i, row.errors[0].why);
        }
        assert_true(told);
        support_register_close(&s);
    }
}

static void a_row_says_all_that_is_wrong_with_it(void **state)
{
    (void)state;
    struct support_register s;
    struct wallet_import_row row;
    support_register_open(&s, support_register_type, support_register_map,
                          SUPPORT_REGISTER_HEADER ",,,,,x,y,z,?,,many,noon\n", 0);
    assert_int_equal(support_register_row(&s, &row).code, LW_E_VALUE);
    /* The end is wrong as a date and as a claim: one column, told once. */
    assert_int_equal(row.error_count, 10);
    support_register_close(&s);
}

static void a_long_name_is_refused(void **state)
{
    (void)state;
    for (size_t len = WALLET_NAME_MAX; len <= WALLET_NAME_MAX + 1; len++) {
        LW_AUTO_BUF csv = LW_BUF(DOC_MAX);
        const char *text = NULL;
        struct support_register s;
        struct wallet_import_row row;
        assert_int_equal(lw_buf_put_c(&csv, SUPPORT_REGISTER_HEADER "L,9,54,1,").code, LW_OK);
        for (size_t i = 0; i < len; i++) {
            assert_int_equal(lw_buf_put_byte(&csv, 'x').code, LW_OK);
        }
        assert_int_equal(lw_buf_put_c(&csv, ",01/02/1970,01/05/1970,,AAI,,,").code, LW_OK);
        assert_int_equal(lw_buf_c(&csv, &text).code, LW_OK);
        support_register_open(&s, support_register_type, support_register_map, text, 0);
        assert_int_equal(support_register_row(&s, &row).code,
                         len <= WALLET_NAME_MAX ? LW_OK : LW_E_VALUE);
        support_register_close(&s);
    }
}

/* A template of sixteen cells of 64 KiB fills all the room there is for a row. */
static void a_row_that_needs_too_much_room_is_refused(void **state)
{
    (void)state;
    LW_AUTO_BUF map = LW_BUF(DOC_MAX);
    LW_AUTO_BUF csv = LW_BUF(DOC_MAX);
    const char *map_text = NULL;
    const char *csv_text = NULL;
    struct support_register s;
    struct wallet_import_row row;
    size_t told = 0;
    support_edit(support_register_map, "/number",
                 "\"{NO}{NO}{NO}{NO}{NO}{NO}{NO}{NO}{NO}{NO}{NO}{NO}{NO}{NO}{NO}{NO}\"", &map);
    assert_int_equal(lw_buf_c(&map, &map_text).code, LW_OK);
    assert_int_equal(lw_buf_put_c(&csv, SUPPORT_REGISTER_HEADER).code, LW_OK);
    for (size_t i = 0; i < WALLET_CSV_CELL_MAX; i++) {
        assert_int_equal(lw_buf_put_byte(&csv, 'x').code, LW_OK);
    }
    assert_int_equal(lw_buf_put_c(&csv, ",9,54,1,A,01/02/1970,01/05/1970,,AAI,x,1,"
                                        "1970-01-01T00:00:10Z")
                         .code,
                     LW_OK);
    assert_int_equal(lw_buf_c(&csv, &csv_text).code, LW_OK);
    support_register_open(&s, support_register_type, map_text, csv_text, 0);
    assert_int_equal(s.err.code, LW_OK);
    assert_int_equal(support_register_row(&s, &row).code, LW_E_VALUE);
    for (size_t i = 0; i < row.error_count; i++) {
        const bool room = strcmp(row.errors[i].why, "the row is too long") == 0;
        told += room && (lw_str_is(row.errors[i].column, "ACCOUNT") ||
                         lw_str_is(row.errors[i].column, "END") ||
                         lw_str_is(row.errors[i].column, "CHECKED"))
                    ? 1
                    : 0;
    }
    assert_int_equal(told, 3);
    support_register_close(&s);
}

static void the_numbers_scheme_is_checked_in_each_row(void **state)
{
    static const struct {
        const char *row;
        lw_code code;
    } cases[] = {
        {SUPPORT_REGISTER_HEADER
         "1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.F,9,54,1,A,"
         "01/02/1970,01/05/1970,,AAI,,,",
         LW_OK},
        {SUPPORT_REGISTER_HEADER
         "1.2.156.3005.2.11100000000013338W032.11220000013544541J.2430599.001.G,9,54,1,A,"
         "01/02/1970,01/05/1970,,AAI,,,",
         LW_E_VALUE},
    };
    (void)state;
    LW_AUTO_BUF with_code = LW_BUF(DOC_MAX);
    LW_AUTO_BUF type = LW_BUF(DOC_MAX);
    const char *text = NULL;
    support_edit(support_register_type, "/type_code", "\"11100000000013338W032\"", &with_code);
    assert_int_equal(lw_buf_c(&with_code, &text).code, LW_OK);
    support_edit(text, "/number_scheme", "\"gbt36904\"", &type);
    assert_int_equal(lw_buf_c(&type, &text).code, LW_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct support_register s;
        struct wallet_import_row row;
        support_register_open(&s, text, support_register_map, cases[i].row, 0);
        assert_int_equal(support_register_row(&s, &row).code, cases[i].code);
        support_register_close(&s);
    }
}

/* The map without its end column, the type bent: where the end comes from. */
static void without_an_end_column_the_type_gives_the_end(void **state)
{
    static const struct {
        const char *validity;
        const char *end;
        lw_code code;
        int64_t until; /* days, or -1: without end */
    } cases[] = {
        {"{\"claim\":\"expiry_date\"}", "01/05/1970", LW_OK, 5},
        {"{\"claim\":\"expiry_date\"}", "", LW_E_VALUE, 0},
        {"{\"claim\":\"expiry_date\"}", "01/01/1970", LW_E_VALUE, 0},
        {"{\"days\":90}", "01/05/1970", LW_OK, 91},
        {"{}", "01/05/1970", LW_OK, -1},
    };
    (void)state;
    LW_AUTO_BUF map = LW_BUF(DOC_MAX);
    const char *map_text = NULL;
    support_edit(support_register_map, "/valid_until", NULL, &map);
    assert_int_equal(lw_buf_c(&map, &map_text).code, LW_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF type = LW_BUF(DOC_MAX);
        LW_AUTO_BUF csv = LW_BUF(DOC_MAX);
        const char *type_text = NULL;
        const char *csv_text = NULL;
        struct support_register s;
        struct wallet_import_row row;
        support_edit(support_register_type, "/validity", cases[i].validity, &type);
        assert_int_equal(lw_buf_c(&type, &type_text).code, LW_OK);
        assert_int_equal(lw_buf_put_c(&csv, SUPPORT_REGISTER_HEADER "L,9,54,1,A,01/02/1970,").code,
                         LW_OK);
        assert_int_equal(lw_buf_put_c(&csv, cases[i].end).code, LW_OK);
        assert_int_equal(lw_buf_put_c(&csv, ",,AAI,,,").code, LW_OK);
        assert_int_equal(lw_buf_c(&csv, &csv_text).code, LW_OK);
        support_register_open(&s, type_text, map_text, csv_text, 0);
        assert_int_equal(s.err.code, LW_OK);
        assert_int_equal(support_register_row(&s, &row).code, cases[i].code);
        if (cases[i].code == LW_OK) {
            assert_int_equal(row.valid_until,
                             cases[i].until < 0 ? INT64_MAX : cases[i].until * (int64_t)LW_DAY_S);
        }
        support_register_close(&s);
    }
}

static void an_empty_end_is_without_end_where_the_type_allows_it(void **state)
{
    (void)state;
    LW_AUTO_BUF type = LW_BUF(DOC_MAX);
    const char *text = NULL;
    struct support_register s;
    struct wallet_import_row row;
    support_edit(support_register_type, "/validity", "{}", &type);
    assert_int_equal(lw_buf_c(&type, &text).code, LW_OK);
    support_register_open(&s, text, support_register_map,
                          SUPPORT_REGISTER_HEADER "L,9,54,1,A,,,01/01/1970,SUS,,,\n", 0);
    assert_int_equal(support_register_row(&s, &row).code, LW_OK);
    assert_true(row.valid_until == INT64_MAX);
    assert_int_equal(row.valid_from, 0);
    assert_int_equal(row.notes, WALLET_ROW_START_FROM_ISSUE);
    assert_int_equal(row.state, WALLET_SUSPENDED);
    support_register_close(&s);
}

static void what_a_map_leaves_out_has_its_default(void **state)
{
    static const char least[] =
        "{\"number\":\"{NO}/{TERM}\",\"holder\":{\"type\":\"999\",\"code\":\"ACCOUNT\"},"
        "\"valid_from\":\"START\",\"valid_until\":\"END\",\"state\":{\"constant\":\"active\"},"
        "\"claims\":{\"legal_name\":\"{NAME} {SITE}\"},\"date_format\":\"%Y-%m-%d\","
        "\"encoding\":\"gb18030\"}";
    (void)state;
    struct support_register s;
    struct wallet_import_row row;
    support_register_open(&s, support_register_type, least,
                          SUPPORT_REGISTER_HEADER "L,9,54,,A,1970-01-02,1970-01-05,,?,,,\n", 0);
    assert_int_equal(s.err.code, LW_OK);
    assert_int_equal(wallet_import_map_form(s.map).encoding, WALLET_CSV_GB18030);
    assert_int_equal(support_register_row(&s, &row).code, LW_OK);
    assert_true(lw_str_is(row.number, "L/9"));
    assert_int_equal(row.version.len, 0);
    assert_int_equal(row.holder.name.len, 0);
    assert_true(lw_str_is(row.holder.role, "owner"));
    assert_int_equal(row.state, WALLET_ACTIVE);
    assert_int_equal(row.issued_at, row.valid_from);
    assert_int_equal(row.notes, 0);
    assert_claim(&row, 0, 0,
                 "\x61"
                 "A",
                 2);
    support_register_close(&s);
}

static void notes_have_texts(void **state)
{
    (void)state;
    assert_string_equal(wallet_row_note_text(WALLET_ROW_START_FROM_ISSUE),
                        "the start date is empty: the issue date stands in");
    assert_string_equal(wallet_row_note_text(WALLET_ROW_ISSUED_AFTER_END),
                        "the issue date lies after the end: kept as the register has it");
    assert_string_equal(wallet_row_note_text(WALLET_ROW_ISSUE_FROM_START),
                        "the issue date is empty: the start date stands in");
    assert_string_equal(wallet_row_note_text(WALLET_ROW_FULLWIDTH),
                        "fullwidth letters or digits were read as plain ones");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_becomes_a_license),
        cmocka_unit_test(a_shift_moves_every_date_of_a_row),
        cmocka_unit_test(dates_follow_the_rules_of_registers),
        cmocka_unit_test(a_bad_row_says_its_column_and_reason),
        cmocka_unit_test(a_row_says_all_that_is_wrong_with_it),
        cmocka_unit_test(a_long_name_is_refused),
        cmocka_unit_test(a_row_that_needs_too_much_room_is_refused),
        cmocka_unit_test(the_numbers_scheme_is_checked_in_each_row),
        cmocka_unit_test(without_an_end_column_the_type_gives_the_end),
        cmocka_unit_test(an_empty_end_is_without_end_where_the_type_allows_it),
        cmocka_unit_test(what_a_map_leaves_out_has_its_default),
        cmocka_unit_test(notes_have_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
