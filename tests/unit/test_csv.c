#include "wallet/csv.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static lw_bytes bytes_of(const char *text)
{
    return (lw_bytes){.ptr = (const uint8_t *)text, .len = strlen(text)};
}

static struct wallet_csv *open_text(const char *text)
{
    struct wallet_csv *csv = NULL;
    size_t line = 7;
    assert_int_equal(wallet_csv_open(&csv, bytes_of(text), WALLET_CSV_AUTO, &line).code, LW_OK);
    assert_int_equal(line, 0);
    return csv;
}

/* Joins a row's cells with '~' to compare it in one line. */
static void assert_row(const struct wallet_csv_row *row, size_t line, const char *cells)
{
    LW_AUTO_BUF joined = LW_BUF(1 << 16);
    for (size_t i = 0; i < row->count; i++) {
        assert_int_equal(lw_buf_put_str(&joined, row->cells[i]).code, LW_OK);
        assert_int_equal(lw_buf_put_c(&joined, i + 1 < row->count ? "~" : "").code, LW_OK);
    }
    const char *text = NULL;
    assert_int_equal(lw_buf_c(&joined, &text).code, LW_OK);
    assert_string_equal(text, cells);
    assert_int_equal(row->line, line);
}

static void expect_row(struct wallet_csv *csv, size_t line, const char *cells)
{
    struct wallet_csv_row row;
    assert_int_equal(wallet_csv_next(csv, &row).code, LW_OK);
    assert_row(&row, line, cells);
}

static void expect_bad(struct wallet_csv *csv, lw_code code, size_t line, const char *raw)
{
    struct wallet_csv_row row;
    assert_int_equal(wallet_csv_next(csv, &row).code, code);
    assert_int_equal(row.line, line);
    assert_true(lw_bytes_eq(row.raw, bytes_of(raw)));
}

static void expect_end(struct wallet_csv *csv)
{
    struct wallet_csv_row row;
    assert_int_equal(wallet_csv_next(csv, &row).code, LW_E_NOT_FOUND);
    assert_int_equal(wallet_csv_next(csv, &row).code, LW_E_NOT_FOUND);
}

/* RFC 4180 section 2, rules 1, 2, 4 to 7. */
static void rows_read_as_the_rfc_writes_them(void **state)
{
    (void)state;
    WALLET_AUTO_CSV *csv = open_text("a,b,c\r\n"
                                     "aaa,bbb,ccc\r\n"
                                     "\"aaa\",\"bbb\",\"ccc\"\r\n"
                                     "\"aaa\",\"b\r\nbb\",\"ccc\"\r\n"
                                     "\"aaa\",\"b\"\"bb\",\"c,c\"\r\n"
                                     " x , ,\r\n"
                                     "zzz,yyy,xxx");
    assert_int_equal(wallet_csv_columns(csv), 3);
    assert_true(lw_bytes_eq(wallet_csv_header_raw(csv), bytes_of("a,b,c\r\n")));
    expect_row(csv, 2, "aaa~bbb~ccc");
    expect_row(csv, 3, "aaa~bbb~ccc");
    expect_row(csv, 4, "aaa~b\r\nbb~ccc");
    expect_row(csv, 6, "aaa~b\"bb~c,c");
    expect_row(csv, 7, " x ~ ~");
    expect_row(csv, 8, "zzz~yyy~xxx");
    expect_end(csv);
}

static void every_line_end_is_one_line(void **state)
{
    static const char *const texts[] = {"a,b\n1,2\n\n\n3,4\n", "a,b\r\n1,2\r\n\r\n\r\n3,4\r\n",
                                        "a,b\r1,2\r\r\r3,4\r", "a,b\r1,2\n\r\n\r3,4"};
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        WALLET_AUTO_CSV *csv = open_text(texts[i]);
        expect_row(csv, 2, "1~2");
        expect_row(csv, 5, "3~4");
        expect_end(csv);
    }
}

static void a_column_is_found_by_its_name_without_mark_and_spaces(void **state)
{
    (void)state;
    WALLET_AUTO_CSV *csv = open_text("\xef\xbb\xbfLICENSE ID,,NAME ,\n1,2,3,4\n");
    assert_int_equal(wallet_csv_column(csv, LW_STR("LICENSE ID")), 0);
    assert_int_equal(wallet_csv_column(csv, LW_STR("NAME")), 2);
    assert_true(wallet_csv_column(csv, LW_STR("license id")) == SIZE_MAX);
    assert_true(lw_str_is(wallet_csv_column_name(csv, 2), "NAME"));
    assert_int_equal(wallet_csv_encoding_of(csv), WALLET_CSV_UTF8);
    expect_row(csv, 2, "1~2~3~4");
}

/* "号" is BA C5 in GB18030 (GB 18030-2005), E5 8F B7 in UTF-8; 0x8130... is a four-byte one. */
static void gb18030_is_read_where_the_text_is_not_utf8(void **state)
{
    (void)state;
    WALLET_AUTO_CSV *csv = open_text("\xba\xc5,b\n1,\"\xba\xc5,\n\xba\xc5\"\n\x81\x30\x86\x30,2\n");
    assert_int_equal(wallet_csv_encoding_of(csv), WALLET_CSV_GB18030);
    assert_int_equal(wallet_csv_column(csv, LW_STR("\xe5\x8f\xb7")), 0);
    expect_row(csv, 2, "1~\xe5\x8f\xb7,\n\xe5\x8f\xb7");
    expect_row(csv, 4, "\xc2\xb8~2");
    expect_end(csv);

    WALLET_AUTO_CSV *marked = open_text("\x84\x31\x95\x33\xba\xc5\n1\n");
    assert_int_equal(wallet_csv_column(marked, LW_STR("\xe5\x8f\xb7")), 0);

    struct wallet_csv *asked = NULL;
    size_t line = 0;
    assert_int_equal(wallet_csv_open(&asked, bytes_of("a\n1\n"), WALLET_CSV_GB18030, &line).code,
                     LW_OK);
    assert_int_equal(wallet_csv_encoding_of(asked), WALLET_CSV_GB18030);
    wallet_csv_free(asked);
}

static void long_gb18030_lines_are_converted_whole(void **state)
{
    enum { CHARS = 20000 };
    (void)state;
    LW_AUTO_BUF text = LW_BUF(1 << 18);
    assert_int_equal(lw_buf_put_c(&text, "h\n").code, LW_OK);
    for (size_t i = 0; i < CHARS; i++) {
        assert_int_equal(lw_buf_put_c(&text, "\xba\xc5").code, LW_OK);
    }
    struct wallet_csv *csv = NULL;
    struct wallet_csv_row row;
    size_t line = 0;
    assert_int_equal(wallet_csv_open(&csv, lw_buf_view(&text), WALLET_CSV_AUTO, &line).code, LW_OK);
    assert_int_equal(wallet_csv_next(csv, &row).code, LW_OK);
    assert_int_equal(row.cells[0].len, 3 * CHARS);
    for (size_t i = 0; i < CHARS; i++) {
        assert_memory_equal(row.cells[0].ptr + 3 * i, "\xe5\x8f\xb7", 3);
    }
    wallet_csv_free(csv);
}

static void a_file_that_cannot_be_read_is_refused_by_line_and_byte(void **state)
{
    static const struct {
        const char *text;
        size_t len;
        enum wallet_csv_encoding encoding;
        lw_code code;
        size_t line;
        size_t at;
    } cases[] = {
        {"", 0, WALLET_CSV_AUTO, LW_E_SYNTAX, 0, 0},
        {"\xef\xbb\xbf", 3, WALLET_CSV_AUTO, LW_E_SYNTAX, 0, LW_NOWHERE},
        {"\n\n", 2, WALLET_CSV_AUTO, LW_E_SYNTAX, 0, LW_NOWHERE},
        {"a\n1\n\0", 5, WALLET_CSV_AUTO, LW_E_SYNTAX, 3, 0},
        {"a\n1\0\n", 5, WALLET_CSV_AUTO, LW_E_SYNTAX, 2, 1},
        {"\xff\xfe\x61\x00", 4, WALLET_CSV_AUTO, LW_E_SYNTAX, 1, 0},
        {"\xfe\xff\x00\x61", 4, WALLET_CSV_AUTO, LW_E_SYNTAX, 1, 0},
        {"a\nxy\xba\xc5\n", 7, WALLET_CSV_UTF8, LW_E_SYNTAX, 2, 2},
        {"\xef\xbb\xbf"
         "a\nxy\xba\xc5\n",
         10, WALLET_CSV_AUTO, LW_E_SYNTAX, 2, 2},
        {"a\nx\xff\n", 5, WALLET_CSV_AUTO, LW_E_SYNTAX, 2, 1},
        {"a\nx\xff\n", 5, WALLET_CSV_GB18030, LW_E_SYNTAX, 2, 1},
        {"a\r\nb\rc\nx\xba", 9, WALLET_CSV_GB18030, LW_E_SYNTAX, 4, 1},
        /* Three UTF-8 characters, then neither: the encoding that held longer is meant. */
        {"a\n\xe5\x8f\xb7\xe5\x8f\xb7\n\xe5\xff", 11, WALLET_CSV_AUTO, LW_E_SYNTAX, 3, 0},
        {"\"a\nb", 4, WALLET_CSV_AUTO, LW_E_SYNTAX, 1, LW_NOWHERE},
        {"b,\"a\"b\n", 7, WALLET_CSV_AUTO, LW_E_SYNTAX, 1, LW_NOWHERE},
        {"\na,b, a\n", 8, WALLET_CSV_AUTO, LW_E_VALUE, 2, LW_NOWHERE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wallet_csv *csv = NULL;
        size_t line = 99;
        const lw_bytes in = {(const uint8_t *)cases[i].text, cases[i].len};
        const lw_err err = wallet_csv_open(&csv, in, cases[i].encoding, &line);
        if (err.code != cases[i].code || line != cases[i].line || err.at != cases[i].at) {
            print_error("case %zu: %s, line %zu at %zu\n", i, err.why, line, err.at);
        }
        assert_null(csv);
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(line, cases[i].line);
        assert_true(err.at == cases[i].at);
    }
}

static void a_row_with_too_few_or_many_cells_is_told_and_reading_goes_on(void **state)
{
    (void)state;
    WALLET_AUTO_CSV *csv = open_text("a,b\n1\n1,2,3\n1,2\n,,\n,\n3,4\n");
    struct wallet_csv_row row;
    const lw_err few = wallet_csv_next(csv, &row);
    assert_int_equal(few.code, LW_E_VALUE);
    assert_string_equal(few.why, "csv: the row has fewer cells than the header");
    assert_row(&row, 2, "1");
    const lw_err many = wallet_csv_next(csv, &row);
    assert_int_equal(many.code, LW_E_VALUE);
    assert_string_equal(many.why, "csv: the row has more cells than the header");
    assert_row(&row, 3, "1~2~3");
    assert_true(lw_bytes_eq(row.raw, bytes_of("1,2,3\n")));
    expect_row(csv, 4, "1~2");
    expect_row(csv, 7, "3~4");
    expect_end(csv);
}

static void broken_quotes_cost_their_own_line_only(void **state)
{
    (void)state;
    WALLET_AUTO_CSV *csv = open_text("a,b\n"
                                     "1,JOE \"THE MAN\" INC\n"
                                     "2,x\n"
                                     "3,\"y\"z\n"
                                     "4,x\n"
                                     "5,\"not closed\n"
                                     "6,\"x\"\n"
                                     "7,x\n"
                                     "8,\"y\" \n"
                                     "9,\"never closed\n"
                                     "10,x\n");
    expect_bad(csv, LW_E_SYNTAX, 2, "1,JOE \"THE MAN\" INC\n");
    expect_row(csv, 3, "2~x");
    expect_bad(csv, LW_E_SYNTAX, 4, "3,\"y\"z\n");
    expect_row(csv, 5, "4~x");
    expect_bad(csv, LW_E_SYNTAX, 6, "5,\"not closed\n");
    expect_row(csv, 7, "6~x");
    expect_row(csv, 8, "7~x");
    expect_bad(csv, LW_E_SYNTAX, 9, "8,\"y\" \n");
    expect_bad(csv, LW_E_SYNTAX, 10, "9,\"never closed\n");
    expect_row(csv, 11, "10~x");
    expect_end(csv);
}

static void fill(lw_buf *out, size_t count)
{
    uint8_t *room = NULL;
    assert_int_equal(lw_buf_reserve(out, count, &room).code, LW_OK);
    memset(room, 'x', count);
    lw_buf_commit(out, count);
}

static void cells_and_rows_end_at_their_limits(void **state)
{
    (void)state;
    LW_AUTO_BUF text = LW_BUF(1 << 20);
    struct wallet_csv *csv = NULL;
    size_t line = 0;
    assert_int_equal(lw_buf_put_c(&text, "a,b,c,d,e\n").code, LW_OK);
    fill(&text, WALLET_CSV_CELL_MAX);
    assert_int_equal(lw_buf_put_c(&text, ",,,,\n").code, LW_OK);
    fill(&text, WALLET_CSV_CELL_MAX + 1);
    assert_int_equal(lw_buf_put_c(&text, ",,,,\n").code, LW_OK);
    for (size_t i = 0; i < 5; i++) { /* 4 * 65,535 + 5 - 1 + 1 bytes: one too many for a row */
        fill(&text, i < 4 ? WALLET_CSV_CELL_MAX - 1 : 1);
        assert_int_equal(lw_buf_put_c(&text, i < 4 ? "," : "\n").code, LW_OK);
    }
    for (size_t i = 0; i < 5; i++) {
        fill(&text, i < 4 ? WALLET_CSV_CELL_MAX - 2 : 2);
        assert_int_equal(lw_buf_put_c(&text, i < 4 ? "," : "\n").code, LW_OK);
    }
    assert_int_equal(lw_buf_put_c(&text, "1,2,3,4,5").code, LW_OK);
    assert_int_equal(wallet_csv_open(&csv, lw_buf_view(&text), WALLET_CSV_AUTO, &line).code, LW_OK);
    struct wallet_csv_row row;
    assert_int_equal(wallet_csv_next(csv, &row).code, LW_OK);
    assert_int_equal(row.cells[0].len, WALLET_CSV_CELL_MAX);
    assert_int_equal(wallet_csv_next(csv, &row).code, LW_E_LIMIT);
    assert_int_equal(row.line, 3);
    assert_int_equal(wallet_csv_next(csv, &row).code, LW_E_LIMIT);
    assert_int_equal(row.line, 4);
    assert_int_equal(wallet_csv_next(csv, &row).code, LW_OK);
    assert_int_equal(row.line, 5);
    assert_int_equal(row.raw.len, WALLET_CSV_ROW_MAX - 1);
    expect_row(csv, 6, "1~2~3~4~5");
    expect_end(csv);
    wallet_csv_free(csv);
}

static void a_header_has_256_columns_at_most(void **state)
{
    (void)state;
    for (size_t columns = 255; columns <= 257; columns++) {
        LW_AUTO_BUF text = LW_BUF(1 << 16);
        for (size_t i = 0; i < columns; i++) {
            assert_int_equal(lw_buf_put_int(&text, (int64_t)i).code, LW_OK);
            assert_int_equal(lw_buf_put_c(&text, i + 1 < columns ? "," : "\n").code, LW_OK);
        }
        struct wallet_csv *csv = NULL;
        size_t line = 0;
        const lw_err err = wallet_csv_open(&csv, lw_buf_view(&text), WALLET_CSV_AUTO, &line);
        assert_int_equal(err.code, columns <= 256 ? LW_OK : LW_E_LIMIT);
        wallet_csv_free(csv);
    }
    LW_AUTO_BUF wide = LW_BUF(1 << 16);
    assert_int_equal(lw_buf_put_c(&wide, "a\n1").code, LW_OK);
    for (size_t i = 0; i < 300; i++) {
        assert_int_equal(lw_buf_put_byte(&wide, ',').code, LW_OK);
    }
    struct wallet_csv *csv = NULL;
    struct wallet_csv_row row;
    size_t line = 0;
    assert_int_equal(wallet_csv_open(&csv, lw_buf_view(&wide), WALLET_CSV_AUTO, &line).code, LW_OK);
    assert_int_equal(wallet_csv_next(csv, &row).code, LW_E_VALUE);
    assert_int_equal(row.count, 256);
    wallet_csv_free(csv);
}

static void an_unclosed_quote_costs_one_row_of_a_long_file(void **state)
{
    enum { LINES = 60000 };
    (void)state;
    LW_AUTO_BUF text = LW_BUF(1 << 20);
    assert_int_equal(lw_buf_put_c(&text, "a,b\n1,\"open\n").code, LW_OK);
    for (size_t i = 0; i < LINES; i++) {
        assert_int_equal(lw_buf_put_c(&text, "1,22222\n").code, LW_OK);
    }
    struct wallet_csv *csv = NULL;
    struct wallet_csv_row row;
    size_t line = 0;
    assert_int_equal(wallet_csv_open(&csv, lw_buf_view(&text), WALLET_CSV_AUTO, &line).code, LW_OK);
    assert_int_equal(wallet_csv_next(csv, &row).code, LW_E_LIMIT);
    assert_int_equal(row.line, 2);
    for (size_t i = 0; i < LINES; i++) {
        assert_int_equal(wallet_csv_next(csv, &row).code, LW_OK);
        assert_int_equal(row.line, 3 + i);
    }
    expect_end(csv);
    wallet_csv_free(csv);
}

static void encodings_have_names(void **state)
{
    (void)state;
    enum wallet_csv_encoding encoding = WALLET_CSV_GB18030;
    assert_int_equal(wallet_csv_encoding_parse(LW_STR("auto"), &encoding).code, LW_OK);
    assert_int_equal(encoding, WALLET_CSV_AUTO);
    assert_int_equal(wallet_csv_encoding_parse(LW_STR("utf-8"), &encoding).code, LW_OK);
    assert_int_equal(encoding, WALLET_CSV_UTF8);
    assert_int_equal(wallet_csv_encoding_parse(LW_STR("gb18030"), &encoding).code, LW_OK);
    assert_int_equal(encoding, WALLET_CSV_GB18030);
    assert_int_equal(wallet_csv_encoding_parse(LW_STR("gbk"), &encoding).code, LW_E_UNSUPPORTED);
}

static void a_row_is_read_again_where_it_stands(void **state)
{
    (void)state;
    WALLET_AUTO_CSV *csv = open_text("A,B\r\n1,\"x\ny\"\r\n\r\n2,z\r\n3,w\r\n");
    struct wallet_csv_row row;
    expect_row(csv, 2, "1~x\ny");
    assert_int_equal(wallet_csv_next(csv, &row).code, LW_OK);
    const struct wallet_csv_row second = {.line = row.line, .raw = row.raw};
    expect_row(csv, 6, "3~w");
    expect_end(csv);
    wallet_csv_seek(csv, &second);
    expect_row(csv, 5, "2~z");
    expect_row(csv, 6, "3~w");
    wallet_csv_rewind(csv);
    expect_row(csv, 2, "1~x\ny");
    wallet_csv_seek(csv, &second);
    expect_row(csv, 5, "2~z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rows_read_as_the_rfc_writes_them),
        cmocka_unit_test(every_line_end_is_one_line),
        cmocka_unit_test(a_column_is_found_by_its_name_without_mark_and_spaces),
        cmocka_unit_test(gb18030_is_read_where_the_text_is_not_utf8),
        cmocka_unit_test(long_gb18030_lines_are_converted_whole),
        cmocka_unit_test(a_file_that_cannot_be_read_is_refused_by_line_and_byte),
        cmocka_unit_test(a_row_with_too_few_or_many_cells_is_told_and_reading_goes_on),
        cmocka_unit_test(broken_quotes_cost_their_own_line_only),
        cmocka_unit_test(cells_and_rows_end_at_their_limits),
        cmocka_unit_test(a_header_has_256_columns_at_most),
        cmocka_unit_test(an_unclosed_quote_costs_one_row_of_a_long_file),
        cmocka_unit_test(encodings_have_names),
        cmocka_unit_test(a_row_is_read_again_where_it_stands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
