/* What spreadsheets do to cells, told by column with what to do; and the forms of dates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "edit.h"
#include "lw/clock.h"
#include "register.h"

enum { DOC_MAX = 64 * 1024 };

/* The cells of a good row, in the order of the header. */
static const char *const good[] = {"L-1",  "9",          "54",         "1",
                                   "Name", "01/02/1970", "01/05/1970", "01/01/1970",
                                   "AAI",  "x",          "12",         "1970-01-01T00:00:10Z"};
static const char *const columns[] = {"NO",  "TERM",   "ACCOUNT", "SITE", "NAME",  "START",
                                      "END", "ISSUED", "STATE",   "WHAT", "SEATS", "CHECKED"};

enum { COLUMNS = sizeof(good) / sizeof(good[0]) };

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s", err.why);
    }
}

/* Opens a file of the good row with the cell of one column replaced. */
static void open_row(struct support_register *s, const char *type, const char *map,
                     const char *column, const char *cell, lw_buf *csv)
{
    const char *text = NULL;
    must(lw_buf_put_c(csv, "\xef\xbb\xbf" SUPPORT_REGISTER_HEADER));
    for (size_t i = 0; i < COLUMNS; i++) {
        must(lw_buf_put_c(csv, i == 0 ? "\"" : "\",\""));
        must(lw_buf_put_c(csv, strcmp(columns[i], column) == 0 ? cell : good[i]));
    }
    must(lw_buf_put_c(csv, "\"\n"));
    must(lw_buf_c(csv, &text));
    support_register_open(s, type, map, text, 0);
    if (s->err.code != LW_OK) {
        fail_msg("map: %s %s", s->errors[0].pointer, s->errors[0].what);
    }
}

/* Expects one reason that holds `says`, at the column; or a good row when it is NULL. */
static void expect(const char *type, const char *map, const char *column, const char *cell,
                   const char *says)
{
    LW_AUTO_BUF csv = LW_BUF(DOC_MAX);
    struct support_register s;
    struct wallet_import_row row;
    open_row(&s, type, map, column, cell, &csv);
    const lw_err err = support_register_row(&s, &row);
    const bool told = row.error_count == 1 && says != NULL &&
                      strstr(row.errors[0].why, says) != NULL &&
                      (lw_str_is(row.errors[0].column, column) ||
                       (strcmp(column, "SITE") == 0 && lw_str_is(row.errors[0].column, "ACCOUNT")));
    if (says == NULL ? err.code != LW_OK : !told) {
        fail_msg("%s \"%s\": %zu errors, %s", column, cell, row.error_count,
                 row.error_count == 0 ? "" : row.errors[0].why);
    }
    support_register_close(&s);
}

static void expect_here(const char *column, const char *cell, const char *says)
{
    expect(support_register_type, support_register_map, column, cell, says);
}

static void what_formulas_and_narrow_columns_leave_is_named(void **state)
{
    (void)state;
    expect_here("NAME", "#N/A", "error that a formula");
    expect_here("WHAT", "#REF!", "error that a formula");
    expect_here("STATE", "#VALUE!", "error that a formula");
    expect_here("SEATS", "#DIV/0!", "error that a formula");
    expect_here("NO", "#NAME?", "error that a formula");
    expect_here("END", "########", "too narrow");
    expect_here("SITE", "###", "too narrow");
    expect_here("NAME", "=VLOOKUP(A2", "is a formula");
    expect_here("NO", "=\"\"0012\"\"", "is a formula");
    expect_here("NAME", "# 5", NULL);
    expect_here("NAME", "##", NULL);
    expect_here("NAME", "#N/A Club", NULL);
}

static void what_wrong_encodings_left_is_named(void **state)
{
    (void)state;
    expect_here("NAME", "????", "question marks");
    expect_here("NAME", "?", NULL);
    expect_here("NAME", "Who?", NULL);
    expect_here("NAME", "caf\xef\xbf\xbd", "earlier conversion");
    expect_here("WHAT", "a锟斤拷b", "earlier conversion");
    expect_here("NAME", "锟山", NULL);
}

static void numbers_that_became_scientific_are_named(void **state)
{
    (void)state;
    expect_here("NO", "4.30102E+17", "scientific");
    expect_here("NO", "1E+17", "scientific");
    expect_here("ACCOUNT", "1.1E+17", "scientific");
    expect_here("NAME", "4,30102E+17", "scientific");
    expect_here("NO", "1.1E+100", "scientific");
    expect_here("NO", "1E5", NULL);
    expect_here("NO", "1.E+17", NULL);
    expect_here("NO", "11.1E+17", NULL);
    expect_here("NO", "1.1E+1", NULL);
    expect_here("NO", "1.1E+1000", NULL);
    expect_here("NO", "1.1E-17", NULL);
}

static void ends_of_long_numbers_that_are_zeros_are_named(void **state)
{
    LW_AUTO_BUF map = LW_BUF(DOC_MAX);
    LW_AUTO_BUF citizens = LW_BUF(DOC_MAX);
    LW_AUTO_BUF both = LW_BUF(DOC_MAX);
    const char *text = NULL;
    (void)state;
    expect_here("NO", "430102199001010000", "more than 15 digits");
    expect_here("NO", "4301021990010100000", "more than 15 digits");
    expect_here("NO", "430102199001010001", NULL);
    expect_here("NO", "43010219900101000", NULL);
    expect_here("NO", "A30102199001010000", NULL);
    support_edit(support_register_map, "/long_numbers", "\"as-they-are\"", &map);
    must(lw_buf_c(&map, &text));
    expect(support_register_type, text, "NO", "430102199001010000", NULL);

    /* Of a code with a check digit it is told only where the check fails. */
    support_edit(support_register_map, "/holder/code", "\"ACCOUNT\"", &citizens);
    must(lw_buf_c(&citizens, &text));
    support_edit(text, "/holder/type", "\"111\"", &both);
    must(lw_buf_c(&both, &text));
    expect(support_register_type, text, "ACCOUNT", "329901198804120000", "lost its last digits");
    expect(support_register_type, text, "ACCOUNT", "32990119880412003", "18 characters");
    expect(support_register_type, text, "ACCOUNT", "329901880412003", "15 digits");
    expect(support_register_type, text, "ACCOUNT", "329901198804120038", NULL);
}

static void a_number_that_was_kept_as_one_is_named(void **state)
{
    (void)state;
    expect_here("NO", "12.0", "decimals");
    expect_here("TERM", "12.00", "decimals");
    expect_here("NO", "12.5", NULL);
    expect_here("NO", "V12.0", NULL);
    expect_here("NO", "'0012", "apostrophe");
    expect_here("NAME", "'Round Midnight", NULL);
}

static void zeros_for_empty_cells_are_named(void **state)
{
    (void)state;
    expect_here("NO", "0", "is 0");
    expect_here("NAME", "0", "is 0");
    expect_here("WHAT", "0", NULL);
    expect_here("START", "0", "made of 0");
    expect_here("START", "1/0/1900", "made of 0");
    expect_here("END", "1900-01-00", "made of 0");
    expect_here("ISSUED", "1900/1/0", "made of 0");
    expect_here("ISSUED", "0:00", "made of 0");
}

static void leading_zeros_that_were_lost_are_named_where_the_length_is_known(void **state)
{
    LW_AUTO_BUF map = LW_BUF(DOC_MAX);
    const char *text = NULL;
    (void)state;
    support_edit(support_register_map, "/lengths", "{\"NO\":6,\"NAME\":2}", &map);
    must(lw_buf_c(&map, &text));
    LW_AUTO_BUF short_name = LW_BUF(DOC_MAX);
    support_edit(text, "/lengths/NAME", NULL, &short_name);
    must(lw_buf_c(&short_name, &text));
    expect(support_register_type, text, "NO", "001234", NULL);
    expect(support_register_type, text, "NO", "1234", "leading zeros");
    expect(support_register_type, text, "NO", "12345A", NULL);
    expect(support_register_type, text, "NO", "1234A", "does not have the length");
    expect(support_register_type, text, "NO", "1234567", "does not have the length");
    expect(support_register_type, text, "NO", "字号字号字号", NULL);
}

static void dates_as_numbers_are_named_and_the_day_is_said(void **state)
{
    (void)state;
    expect_here("START", "45292", "2024-01-01, or 2028-01-02 in a workbook of the 1904 system");
    expect_here("END", "45292.0", "2024-01-01, or ");
    expect_here("START", "10000", "1927-05-18");
    expect_here("START", "73050", "2099-12-31");
    expect_here("START", "9999", "is no date of the map's form");
    expect_here("START", "73051", "is no date of the map's form");
    expect_here("START", "45292.5", "is no date of the map's form");
}

static void dates_of_other_forms_are_named(void **state)
{
    static const struct {
        const char *cell;
        const char *says;
    } cases[] = {
        {"2024/1/5", "year first"},
        {"2024年1月5日", "year first"},
        {"2024-01-05 00:00:00", "year first"},
        {"20240105", "year first"},
        {"5.1.2024", "day or its month"},
        {"01-05-2024", "day or its month"},
        {"25.12.2024", "day first"},
        {"12-25-2024", "month first"},
        {"13/02/1970", "unless its day stands first"},
        {"02/30/1970", "is no day of the calendar"},
        {"24/1/5", "two digits"},
        {"2024-01-05 08:30", "time of day"},
        {"5-Jan-24", "name its month"},
        {"2024-01", "names no day"},
        {"2024年1月", "names no day"},
        {"soon", "is no date of the map's form"},
        {"1234/5", "names no day"},
        {"123456/7/8", "is no date of the map's form"},
        {"1/2/3/4", "is no date of the map's form"},
        {"13/13/2024", "is no day of the calendar"},
        {"99999999999999999999", "is no date of the map's form"},
    };
    LW_AUTO_BUF map = LW_BUF(DOC_MAX);
    const char *text = NULL;
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        expect_here("START", cases[i].cell, cases[i].says);
    }
    support_edit(support_register_map, "/date_formats", "{\"START\":\"%d/%m/%Y\"}", &map);
    must(lw_buf_c(&map, &text));
    expect(support_register_type, text, "START", "12/25/1970", "unless its month stands first");
    expect(support_register_type, text, "START", "30/02/1970", "is no day of the calendar");
}

/* START in a form of its own; the other dates keep the map's. */
static void expect_start(const char *form, const char *cell, int64_t days)
{
    LW_AUTO_BUF map = LW_BUF(DOC_MAX);
    LW_AUTO_BUF ends = LW_BUF(DOC_MAX);
    LW_AUTO_BUF csv = LW_BUF(DOC_MAX);
    const char *text = NULL;
    struct support_register s;
    struct wallet_import_row row;
    support_edit(support_register_map, "/date_formats", "{}", &map);
    must(lw_buf_c(&map, &text));
    support_edit(text, "/date_formats/START", form, &ends);
    must(lw_buf_c(&ends, &text));
    open_row(&s, support_register_type, text, "START", cell, &csv);
    const lw_err err = support_register_row(&s, &row);
    assert_true(err.code == LW_OK || err.code == LW_E_VALUE);
    if (row.valid_from != days * LW_DAY_S) {
        fail_msg("%s: day %lld", cell, (long long)(row.valid_from / LW_DAY_S));
    }
    support_register_close(&s);
}

static void a_column_has_a_form_of_its_own(void **state)
{
    (void)state;
    static const char *const first_days[] = {
        "1970-01-02",
        "1970/1/2",
        "1970.1.2",
        "1970年1月2日",
        "1970年01月02号",
        "1970 年 1 月 2 日",
        "19700102",
        "1970-01-02 00:00:00.000",
        "1970/1/2 0:00",
        "1970-01-02T00:00:00",
        "\xef\xbc\x91\xef\xbc\x99\xef\xbc\x97\xef\xbc\x90/1/2"};
    for (size_t i = 0; i < sizeof(first_days) / sizeof(first_days[0]); i++) {
        expect_start("\"year-first\"", first_days[i], 1);
    }
    expect_start("\"%d/%m/%Y\"", "02/01/1970", 1);
    /* Microsoft's documentation of DATEVALUE: 39448 is 1 January 2008; 1904 is 1,462 days later. */
    expect_start("\"excel-serial\"", "39448", 13879);
    expect_start("\"excel-serial\"", "1", -25567);
    expect_start("\"excel-serial\"", "59", -25509);
    expect_start("\"excel-serial\"", "61", -25508);
    expect_start("\"excel-serial-1904\"", "0", -24107);
    expect_start("\"excel-serial-1904\"", "37986", 13879);
}

static void what_is_no_date_of_the_columns_form_is_told(void **state)
{
    static const struct {
        const char *form;
        const char *cell;
        const char *says;
    } cases[] = {
        {"{\"START\":\"excel-serial\"}", "60", "is no day of the calendar"},
        {"{\"START\":\"excel-serial\"}", "0", "made of 0"},
        {"{\"START\":\"excel-serial\"}", "45292.5", "is no date"},
        {"{\"START\":\"excel-serial\"}", "12345678", "is a date with its year first"},
        {"{\"START\":\"excel-serial\"}", "4000000", "lies outside"},
        {"{\"START\":\"year-first\"}", "1970-02-30", "is no day of the calendar"},
        {"{\"START\":\"year-first\"}", "1970-02-03 1:00", "time of day"},
        {"{\"START\":\"year-first\"}", "1970-02-03 x", "is no date"},
        {"{\"START\":\"year-first\"}", "70-02-03", "two digits"},
        {"{\"START\":\"year-first\"}", "1970-002-03", "is no date"},
        {"{\"START\":\"year-first\"}", "1970-02-003", "is no date"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF map = LW_BUF(DOC_MAX);
        const char *text = NULL;
        support_edit(support_register_map, "/date_formats", cases[i].form, &map);
        must(lw_buf_c(&map, &text));
        expect(support_register_type, text, "START", cases[i].cell, cases[i].says);
    }
}

/* A template's pieces stand in the same room as the value that is made of them. */
static void a_date_made_of_three_columns_is_a_claim(void **state)
{
    LW_AUTO_BUF map = LW_BUF(DOC_MAX);
    LW_AUTO_BUF csv = LW_BUF(DOC_MAX);
    const char *text = NULL;
    struct support_register s;
    struct wallet_import_row row;
    (void)state;
    support_edit(support_register_map, "/claims/expiry_date", "\"{TERM}/{SITE}/1970\"", &map);
    must(lw_buf_c(&map, &text));
    open_row(&s, support_register_type, text, "SITE", "5", &csv);
    must(support_register_row(&s, &row));
    assert_int_equal(row.claims[3].def, 3);
    assert_int_equal(row.claims[3].value.len, 4);
    assert_memory_equal(row.claims[3].value.ptr, "\xd8\x64\x18\xf7", 4);
    support_register_close(&s);
}

static void fullwidth_digits_are_read_as_plain_ones_and_noted(void **state)
{
    LW_AUTO_BUF csv = LW_BUF(DOC_MAX);
    struct support_register s;
    struct wallet_import_row row;
    (void)state;
    /* U+3000, "ＡＢｃ０９－" */
    open_row(&s, support_register_type, support_register_map, "NO",
             "\xe3\x80\x80\xef\xbc\xa1\xef\xbc\xa2\xef\xbd\x83\xef\xbc\x90\xef\xbc\x99\xef\xbc\x8d"
             "\xc2\xa0",
             &csv);
    must(support_register_row(&s, &row));
    assert_true(lw_str_is(row.number, "ABc09-"));
    assert_int_equal(row.notes, WALLET_ROW_FULLWIDTH);
    support_register_close(&s);
    expect_here("SEATS", "\xef\xbc\x91\xef\xbc\x92", NULL);
    /* Brackets of a number are its own. */
    lw_buf_truncate(&csv, 0);
    open_row(&s, support_register_type, support_register_map, "NO", "（2018）3号", &csv);
    must(support_register_row(&s, &row));
    assert_true(lw_str_is(row.number, "（2018）3号"));
    assert_int_equal(row.notes, 0);
    support_register_close(&s);
}

static void truth_values_and_integers_as_sheets_write_them(void **state)
{
    static const char *const yes[] = {"true", "TRUE", "True", "是", "真"};
    static const char *const no[] = {"false", "FALSE", "否", "假"};
    static const char *const none[] = {"WAHR", "faux", "1", "0", "Y", "ИСТИНА"};
    LW_AUTO_BUF type = LW_BUF(DOC_MAX);
    const char *text = NULL;
    (void)state;
    support_edit(support_register_type, "/claims/2/type", "\"boolean\"", &type);
    must(lw_buf_c(&type, &text));
    for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]) + sizeof(no) / sizeof(no[0]); i++) {
        const bool is_yes = i < sizeof(yes) / sizeof(yes[0]);
        LW_AUTO_BUF csv = LW_BUF(DOC_MAX);
        struct support_register s;
        struct wallet_import_row row;
        open_row(&s, text, support_register_map, "SEATS",
                 is_yes ? yes[i] : no[i - sizeof(yes) / sizeof(yes[0])], &csv);
        must(support_register_row(&s, &row));
        assert_int_equal(row.claims[2].value.ptr[0], is_yes ? 0xf5 : 0xf4);
        support_register_close(&s);
    }
    for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
        expect(text, support_register_map, "SEATS", none[i], "other programs or languages");
    }
    expect(text, support_register_map, "SEATS", "perhaps", "neither true nor false");
    expect_here("SEATS", "1,234", "comma or point");
    expect_here("SEATS", "12.5", "comma or point");
    expect_here("SEATS", "-1.2.3", "number: ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_formulas_and_narrow_columns_leave_is_named),
        cmocka_unit_test(what_wrong_encodings_left_is_named),
        cmocka_unit_test(numbers_that_became_scientific_are_named),
        cmocka_unit_test(ends_of_long_numbers_that_are_zeros_are_named),
        cmocka_unit_test(a_number_that_was_kept_as_one_is_named),
        cmocka_unit_test(zeros_for_empty_cells_are_named),
        cmocka_unit_test(leading_zeros_that_were_lost_are_named_where_the_length_is_known),
        cmocka_unit_test(dates_as_numbers_are_named_and_the_day_is_said),
        cmocka_unit_test(dates_of_other_forms_are_named),
        cmocka_unit_test(a_column_has_a_form_of_its_own),
        cmocka_unit_test(what_is_no_date_of_the_columns_form_is_told),
        cmocka_unit_test(a_date_made_of_three_columns_is_a_claim),
        cmocka_unit_test(fullwidth_digits_are_read_as_plain_ones_and_noted),
        cmocka_unit_test(truth_values_and_integers_as_sheets_write_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
