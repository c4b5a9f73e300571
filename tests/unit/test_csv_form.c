/* What a file is: its encoding, what parts its cells, and where it is at fault. */
#include "wallet/csv.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static lw_bytes bytes_of(const char *text)
{
    return lw_str_bytes(lw_str_c(text));
}

static lw_err open_as(const char *text, struct wallet_csv_form form, struct wallet_csv **csv,
                      struct wallet_csv_fault *fault)
{
    return wallet_csv_open_as(csv, bytes_of(text), &form, fault);
}

static struct wallet_csv *open_text(const char *text)
{
    struct wallet_csv *csv = NULL;
    struct wallet_csv_fault fault;
    const lw_err err = open_as(text, (struct wallet_csv_form){WALLET_CSV_AUTO}, &csv, &fault);
    if (err.code != LW_OK) {
        fail_msg("%s", err.why);
    }
    assert_int_equal(fault.line, 0);
    return csv;
}

static void expect_row(struct wallet_csv *csv, size_t line, const char *cells)
{
    struct wallet_csv_row row;
    LW_AUTO_BUF joined = LW_BUF(1 << 16);
    const char *text = NULL;
    const lw_err err = wallet_csv_next(csv, &row);
    if (err.code != LW_OK) {
        fail_msg("%s", err.why);
    }
    for (size_t i = 0; i < row.count; i++) {
        assert_int_equal(lw_buf_put_str(&joined, row.cells[i]).code, LW_OK);
        assert_int_equal(lw_buf_put_c(&joined, i + 1 < row.count ? "~" : "").code, LW_OK);
    }
    assert_int_equal(lw_buf_c(&joined, &text).code, LW_OK);
    assert_string_equal(text, cells);
    assert_int_equal(row.line, line);
}

static void expect_end(struct wallet_csv *csv)
{
    struct wallet_csv_row row;
    assert_int_equal(wallet_csv_next(csv, &row).code, LW_E_NOT_FOUND);
}

/* What must be told of a file that does not open. */
struct refusal {
    const char *text;
    struct wallet_csv_form form;
    lw_code code;
    size_t line;
    size_t cell;
    const char *column;
    const char *says; /* part of the reason */
};

static void expect_refusals(const struct refusal *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct wallet_csv *csv = NULL;
        struct wallet_csv_fault fault;
        const lw_err err = open_as(cases[i].text, cases[i].form, &csv, &fault);
        if (err.code != cases[i].code || strstr(err.why, cases[i].says) == NULL ||
            fault.line != cases[i].line || fault.cell != cases[i].cell ||
            strcmp(fault.column, cases[i].column) != 0) {
            fail_msg("case %zu: line %zu, cell %zu, column %s: %s", i, fault.line, fault.cell,
                     fault.column, err.code == LW_OK ? "opened" : err.why);
        }
        assert_null(csv);
    }
}

static void what_parts_the_cells_is_recognised(void **state)
{
    static const struct {
        const char *text;
        enum wallet_csv_delimiter delimiter;
        const char *row;
    } cases[] = {
        {"a,b\n1,2\n", WALLET_CSV_COMMA, "1~2"},
        {"a;b\n1;2\n", WALLET_CSV_SEMICOLON, "1~2"},
        {"a\tb\n1\t2\n", WALLET_CSV_TAB, "1~2"},
        {"a\n1;2\n", WALLET_CSV_COMMA, "1;2"},
        {"\"a;b\",c\n1;2,3\n", WALLET_CSV_COMMA, "1;2~3"},
        /* One in the header only. */
        {"a;b\n1,5;2,5\n", WALLET_CSV_SEMICOLON, "1,5~2,5"},
        {"a,b;c\n1;2\n3;4\n", WALLET_CSV_SEMICOLON, "1~2"},
        {"\"a\nb\";c\n\"1\n,\";2\n", WALLET_CSV_SEMICOLON, "1\n,~2"},
        {"sep=;\r\na,b;c\r\n1,2;3\r\n", WALLET_CSV_SEMICOLON, "1,2~3"},
        {"\xef\xbb\xbfsep=\t\na\tb;c\n1;2\t3\n", WALLET_CSV_TAB, "1;2~3"},
        {"sep=,b\n1,2\n", WALLET_CSV_COMMA, "1~2"},
        {"sep=|\n1\n", WALLET_CSV_COMMA, "1"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wallet_csv_row row;
        WALLET_AUTO_CSV *csv = open_text(cases[i].text);
        LW_AUTO_BUF joined = LW_BUF(256);
        assert_int_equal(wallet_csv_delimiter_of(csv), cases[i].delimiter);
        assert_int_equal(wallet_csv_next(csv, &row).code, LW_OK);
        for (size_t k = 0; k < row.count; k++) {
            assert_int_equal(lw_buf_put_str(&joined, row.cells[k]).code, LW_OK);
            assert_int_equal(lw_buf_put_c(&joined, k + 1 < row.count ? "~" : "").code, LW_OK);
        }
        assert_true(lw_str_is(lw_buf_text(&joined), cases[i].row));
    }
}

static void delimiters_that_are_not_certain_are_asked_for(void **state)
{
    static const struct refusal cases[] = {
        {"a,b;c\n1,2;3\n", {0}, LW_E_VALUE, 0, 0, "", "--delimiter"},
        {"a,b;c\n1\n", {0}, LW_E_VALUE, 0, 0, "", "--delimiter"},
        {"a\tb;c\n", {0}, LW_E_VALUE, 0, 0, "", "--delimiter"},
    };
    (void)state;
    expect_refusals(cases, sizeof(cases) / sizeof(cases[0]));
    struct wallet_csv *csv = NULL;
    struct wallet_csv_fault fault;
    const struct wallet_csv_form said = {.delimiter = WALLET_CSV_SEMICOLON};
    assert_int_equal(open_as("a,b;c\n1,2;3\n", said, &csv, &fault).code, LW_OK);
    expect_row(csv, 2, "1,2~3");
    wallet_csv_free(csv);
}

/* "é" is U+00E9, c3 a9 in UTF-8, which are the character U+8305 in GB18030. */
static void an_encoding_that_is_not_certain_is_asked_for(void **state)
{
    static const struct refusal cases[] = {
        {"a,b\n1,caf\xc3\xa9\n", {0}, LW_E_SYNTAX, 2, 2, "b", "UTF-8 or GB18030"},
        /* Windows-1252 and Big5, which GB18030 reads as rare characters. */
        {"a,b\n\xc9glise,\xc9glise\n", {0}, LW_E_SYNTAX, 2, 1, "a", "another encoding"},
        {"a,b\n1,\xb8\x67\xc0\xc0\xa8\x76\xa5\x40\xac\x43\n",
         {0},
         LW_E_SYNTAX,
         2,
         2,
         "b",
         "another encoding"},
    };
    (void)state;
    expect_refusals(cases, sizeof(cases) / sizeof(cases[0]));
    for (enum wallet_csv_encoding e = WALLET_CSV_UTF8; e <= WALLET_CSV_GB18030; e++) {
        struct wallet_csv *csv = NULL;
        struct wallet_csv_fault fault;
        const struct wallet_csv_form said = {.encoding = e};
        assert_int_equal(open_as(cases[0].text, said, &csv, &fault).code, LW_OK);
        expect_row(csv, 2, e == WALLET_CSV_UTF8 ? "1~café" : "1~caf茅");
        wallet_csv_free(csv);
    }
    /* A mark says it, and three bytes say it. */
    wallet_csv_free(open_text("\xef\xbb\xbf"
                              "a\ncaf\xc3\xa9\n"));
    wallet_csv_free(open_text("a\ncaf\xc3\xa9 \xe5\x8f\xb7\n"));
}

static void wrong_bytes_are_named_by_line_and_column(void **state)
{
    static const struct refusal cases[] = {
        {"a,b\n1,\xe5\x8f\xb7\n2,\xba\xc5\xff\n", {0}, LW_E_SYNTAX, 3, 2, "b", "two encodings"},
        {"a;\xba\xc5\n\"1\n;\";\xff\n", {0}, LW_E_SYNTAX, 3, 2, "\xe5\x8f\xb7", "two encodings"},
        {"\n\xef\xbb\xbf\xff,\n", {0}, LW_E_SYNTAX, 2, 1, "", "two encodings"},
        {"a,b\n1,x\xff\n", {WALLET_CSV_UTF8, 0}, LW_E_SYNTAX, 2, 2, "b", "not UTF-8"},
        {"a,b\n1,x\xff\n", {WALLET_CSV_GB18030, 0}, LW_E_SYNTAX, 2, 2, "b", "not GB18030"},
        {"\xef\xbb\xbf"
         "a,b\n\xba\xc5,1\n",
         {0},
         LW_E_SYNTAX,
         2,
         1,
         "a",
         "not UTF-8"},
        {"\xef\xbb\xbf\xba\xc5,1\n", {0}, LW_E_SYNTAX, 1, 0, "", "not UTF-8"},
    };
    (void)state;
    expect_refusals(cases, sizeof(cases) / sizeof(cases[0]));
}

static void files_that_are_no_sheets_are_named(void **state)
{
    static const struct refusal cases[] = {
        {"PK\x03\x04zip", {0}, LW_E_SYNTAX, 1, 1, "", ".xlsx"},
        {"\xd0\xcf\x11\xe0\xa1", {0}, LW_E_SYNTAX, 1, 1, "", ".xls)"},
        {"%PDF-1.7\n", {0}, LW_E_SYNTAX, 1, 1, "", "PDF"},
        {"<html><table>\n", {0}, LW_E_SYNTAX, 1, 1, "", "HTML"},
        {"\xff\xfe"
         "a",
         {0},
         LW_E_SYNTAX,
         1,
         1,
         "",
         "UTF-16"},
        {"\xfe\xff"
         "a",
         {0},
         LW_E_SYNTAX,
         1,
         1,
         "",
         "UTF-16"},
    };
    (void)state;
    expect_refusals(cases, sizeof(cases) / sizeof(cases[0]));
}

static void a_name_of_two_columns_is_told(void **state)
{
    static const struct refusal cases[] = {
        {"a,b,a\n", {0}, LW_E_VALUE, 1, 3, "a", "two columns"},
        {"\n\"a\nb\", a  b\n", {0}, LW_E_VALUE, 2, 2, "a b", "two columns"},
        /* Cut short, not inside a character. */
        {"0123456789012345678901234567890123456789012345678901234567890\xc3\xa9\xe5\x8f\xb7,"
         "0123456789012345678901234567890123456789012345678901234567890\xc3\xa9\xe5\x8f\xb7\n",
         {0},
         LW_E_VALUE,
         1,
         2,
         "0123456789012345678901234567890123456789012345678901234567890\xc3\xa9",
         "two columns"},
    };
    (void)state;
    expect_refusals(cases, sizeof(cases) / sizeof(cases[0]));
}

/* Non-breaking, fullwidth and zero-width spaces, and line breaks that lay a header out. */
static void header_cells_lose_their_layout(void **state)
{
    (void)state;
    WALLET_AUTO_CSV *csv = open_text("\xef\xbb\xbf\xc2\xa0NO\xe3\x80\x80,\"valid\r\n  until\","
                                     "\xe2\x80\x8b\xe5\x8f\xb7\xef\xbb\xbf,a\xc2\xa0 b\n1,2,3,4\n");
    assert_int_equal(wallet_csv_column(csv, LW_STR("NO")), 0);
    assert_int_equal(wallet_csv_column(csv, LW_STR("valid until")), 1);
    assert_int_equal(wallet_csv_column(csv, LW_STR("\xe5\x8f\xb7")), 2);
    assert_int_equal(wallet_csv_column(csv, LW_STR("a b")), 3);
    expect_row(csv, 3, "1~2~3~4");
}

static void empty_rows_and_columns_at_the_end_are_left_away(void **state)
{
    (void)state;
    WALLET_AUTO_CSV *csv = open_text("a,b,,\n1,2,,\n3,4\n5,6,,,, \n \xe3\x80\x80,\xc2\xa0,,\n,,,\n"
                                     "\n7,8,,,,x\n9\n");
    struct wallet_csv_row row;
    expect_row(csv, 2, "1~2~~");
    expect_row(csv, 3, "3~4~~");
    expect_row(csv, 4, "5~6~~");
    const lw_err more = wallet_csv_next(csv, &row);
    assert_int_equal(more.code, LW_E_VALUE);
    assert_string_equal(more.why, "csv: the row has more cells than the header");
    const lw_err fewer = wallet_csv_next(csv, &row);
    assert_int_equal(fewer.code, LW_E_VALUE);
    assert_string_equal(fewer.why, "csv: the row has fewer cells than the header");
    assert_int_equal(row.line, 9);
    expect_end(csv);
}

static void the_copy_of_bad_rows_reads_as_the_file_does(void **state)
{
    (void)state;
    WALLET_AUTO_CSV *csv = open_text("\xef\xbb\xbfsep=;\na;b,c\n1;2,3\n");
    assert_true(lw_bytes_eq(wallet_csv_header_raw(csv), bytes_of("\xef\xbb\xbfsep=;\na;b,c\n")));
}

static void unicode_text_of_excel_becomes_utf8(void **state)
{
    /* Of each: mark, "a", tab, U+53F7, U+20BB7 as two halves, CR, LF. */
    static const uint8_t little[] = {0xff, 0xfe, 'a',  0,    '\t', 0, 0xf7, 0x53,
                                     0x42, 0xd8, 0xb7, 0xdf, '\r', 0, '\n', 0};
    static const uint8_t big[] = {0xfe, 0xff, 0,    'a',  0, '\t', 0x53, 0xf7,
                                  0xd8, 0x42, 0xdf, 0xb7, 0, '\r', 0,    '\n'};
    size_t line = 9;
    (void)state;
    LW_AUTO_BUF out = LW_BUF(256);
    assert_true(wallet_csv_is_utf16(LW_BYTES(little)) && wallet_csv_is_utf16(LW_BYTES(big)));
    assert_false(wallet_csv_is_utf16(bytes_of("\xff")));
    assert_false(wallet_csv_is_utf16(bytes_of("\xff\xff")));
    assert_int_equal(wallet_csv_from_utf16(LW_BYTES(little), &out, &line).code, LW_OK);
    assert_int_equal(line, 0);
    assert_true(lw_str_is(lw_buf_text(&out), "\xef\xbb\xbf"
                                             "a\t\xe5\x8f\xb7\xf0\xa0\xae\xb7\r\n"));
    lw_buf_truncate(&out, 0);
    assert_int_equal(wallet_csv_from_utf16(LW_BYTES(big), &out, &line).code, LW_OK);
    assert_true(lw_str_is(lw_buf_text(&out), "\xef\xbb\xbf"
                                             "a\t\xe5\x8f\xb7\xf0\xa0\xae\xb7\r\n"));
}

static void half_a_character_of_utf16_is_told_by_its_line(void **state)
{
    static const struct {
        uint8_t bytes[8];
        size_t len;
        size_t line;
        size_t at;
    } cases[] = {
        {{0xff, 0xfe, 'a'}, 3, 1, 2},
        {{0xff, 0xfe, '\n', 0, 0x00, 0xd8}, 6, 2, 4},
        {{0xff, 0xfe, '\r', 0, 'a', 0, 0x00, 0xdc}, 8, 2, 6},
        {{0xff, 0xfe, '\r', 0, '\n', 0, 0xff, 0xdf}, 8, 2, 6},
        {{0xfe, 0xff, 0xd8, 0x00, 0x00, 'a'}, 6, 1, 2},
        {{0xfe, 0xff, 0xd8, 0x00, 0xe0, 0x00}, 6, 1, 2},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF out = LW_BUF(64);
        size_t line = 0;
        const lw_err err =
            wallet_csv_from_utf16((lw_bytes){cases[i].bytes, cases[i].len}, &out, &line);
        assert_int_equal(err.code, LW_E_SYNTAX);
        assert_int_equal(line, cases[i].line);
        assert_int_equal(err.at, cases[i].at);
        assert_int_equal(out.len, 0);
    }
}

static void forms_have_names(void **state)
{
    enum wallet_csv_delimiter d = WALLET_CSV_ANY;
    enum wallet_csv_encoding e = WALLET_CSV_AUTO;
    (void)state;
    for (enum wallet_csv_delimiter i = WALLET_CSV_ANY; i <= WALLET_CSV_TAB; i++) {
        const lw_str name = lw_str_c(wallet_csv_delimiter_name(i));
        assert_int_equal(wallet_csv_delimiter_parse(name, &d).code, LW_OK);
        assert_int_equal(d, i);
    }
    for (enum wallet_csv_encoding i = WALLET_CSV_AUTO; i <= WALLET_CSV_GB18030; i++) {
        const lw_str name = lw_str_c(wallet_csv_encoding_name(i));
        assert_int_equal(wallet_csv_encoding_parse(name, &e).code, LW_OK);
        assert_int_equal(e, i);
    }
    assert_int_equal(wallet_csv_delimiter_parse(LW_STR(";"), &d).code, LW_E_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_parts_the_cells_is_recognised),
        cmocka_unit_test(delimiters_that_are_not_certain_are_asked_for),
        cmocka_unit_test(an_encoding_that_is_not_certain_is_asked_for),
        cmocka_unit_test(wrong_bytes_are_named_by_line_and_column),
        cmocka_unit_test(files_that_are_no_sheets_are_named),
        cmocka_unit_test(a_name_of_two_columns_is_told),
        cmocka_unit_test(header_cells_lose_their_layout),
        cmocka_unit_test(empty_rows_and_columns_at_the_end_are_left_away),
        cmocka_unit_test(the_copy_of_bad_rows_reads_as_the_file_does),
        cmocka_unit_test(unicode_text_of_excel_becomes_utf8),
        cmocka_unit_test(half_a_character_of_utf16_is_told_by_its_line),
        cmocka_unit_test(forms_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
