/* The example city's register as offices save it: the same licenses, whatever the encoding. */
#include <iconv.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bytes.h"
#include "importing.h"

#define CITY LW_SOURCE_DIR "/docs/example-city/"

enum { ROWS = 200 };

static struct support_home home;

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

/* Appends `from` in another encoding, by the C library's own converter. */
static void put_as(const char *encoding, lw_bytes from, lw_buf *out)
{
    const iconv_t cd = iconv_open(encoding, "UTF-8");
    uint8_t *room = NULL;
    char *in = NULL;
    size_t in_len = from.len;
    assert_true(cd != (iconv_t)-1);
    must(lw_buf_reserve(out, 2 * from.len, &room));
    memcpy(&in, &from.ptr, sizeof(in));
    char *to = (char *)room;
    size_t to_len = 2 * from.len;
    assert_true(iconv(cd, &in, &in_len, &to, &to_len) != (size_t)-1 && in_len == 0);
    lw_buf_commit(out, 2 * from.len - to_len);
    (void)iconv_close(cd);
}

static void put_tabbed_cell(lw_str cell, lw_buf *out)
{
    const bool quoted = memchr(cell.ptr, '"', cell.len) != NULL;
    must(lw_buf_put_c(out, quoted ? "\"" : ""));
    for (size_t i = 0; i < cell.len; i++) {
        must(lw_buf_put_c(out, cell.ptr[i] == '"' ? "\"" : ""));
        must(lw_buf_put_byte(out, (uint8_t)cell.ptr[i]));
    }
    must(lw_buf_put_c(out, quoted ? "\"" : ""));
}

/* The register as Excel saves "Unicode text": tabs, commas no reason to quote, CRLF. */
static void put_tabbed(lw_bytes csv_text, lw_buf *out)
{
    struct wallet_csv *csv = NULL;
    struct wallet_csv_row row;
    size_t line = 0;
    must(wallet_csv_open(&csv, csv_text, WALLET_CSV_UTF8, &line));
    for (size_t i = 0; i < wallet_csv_columns(csv); i++) {
        must(lw_buf_put_c(out, i == 0 ? "" : "\t"));
        put_tabbed_cell(wallet_csv_column_name(csv, i), out);
    }
    while (wallet_csv_next(csv, &row).code == LW_OK) {
        must(lw_buf_put_c(out, "\r\n"));
        for (size_t i = 0; i < row.count; i++) {
            must(lw_buf_put_c(out, i == 0 ? "" : "\t"));
            put_tabbed_cell(row.cells[i], out);
        }
    }
    must(lw_buf_put_c(out, "\r\n"));
    wallet_csv_free(csv);
}

static void import_as(const lw_buf *csv, const char *map, size_t issued)
{
    struct support_import import = {.order = {.shift_days = 3000}};
    must(support_import(home.home, lw_buf_view(csv), map, &import));
    assert_int_equal(import.result.rows, ROWS);
    assert_int_equal(import.result.bad, 1);
    assert_int_equal(import.issues[0].line, 2);
    assert_string_equal(import.issues[0].column, "LICENSE TERM START DATE");
    assert_int_equal(import.result.issued, issued);
    assert_int_equal(import.result.already, ROWS - 1 - issued);
}

static void a_register_saved_in_any_encoding_gives_the_same_licenses(void **state)
{
    LW_AUTO_BUF plain = LW_BUF(SUPPORT_REGISTER_MAX);
    LW_AUTO_BUF map_text = LW_BUF(SUPPORT_REGISTER_MAX);
    LW_AUTO_BUF other = LW_BUF(SUPPORT_REGISTER_MAX);
    LW_AUTO_BUF tabbed = LW_BUF(SUPPORT_REGISTER_MAX);
    LW_AUTO_BUF wide = LW_BUF(SUPPORT_REGISTER_MAX);
    const char *map = NULL;
    size_t line = 0;
    (void)state;
    support_read_file(CITY "registers/business-licenses.csv", &plain);
    support_read_file(CITY "maps/business-licenses.json", &map_text);
    must(lw_buf_c(&map_text, &map));
    import_as(&plain, map, ROWS - 1);

    must(lw_buf_put_c(&other, "\xef\xbb\xbf"));
    must(lw_buf_put(&other, lw_buf_view(&plain)));
    import_as(&other, map, 0);

    lw_buf_truncate(&other, 0);
    put_as("GB18030", lw_buf_view(&plain), &other);
    assert_false(lw_bytes_eq(lw_buf_view(&other), lw_buf_view(&plain)));
    import_as(&other, map, 0);

    put_tabbed(lw_buf_view(&plain), &tabbed);
    must(lw_buf_put_c(&wide, "\xff\xfe"));
    put_as("UTF-16LE", lw_buf_view(&tabbed), &wide);
    lw_buf_truncate(&other, 0);
    must(wallet_csv_from_utf16(lw_buf_view(&wide), &other, &line));
    import_as(&other, map, 0);
}

static int make(void **state)
{
    (void)state;
    support_home_make(&home);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    support_home_drop(&home);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_register_saved_in_any_encoding_gives_the_same_licenses),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
