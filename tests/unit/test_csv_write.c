/* A first column before rows that stay as they stand in their file. */
#include "wallet/csv_write.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static const struct wallet_csv_form comma = {WALLET_CSV_UTF8, WALLET_CSV_COMMA};
static const struct wallet_csv_form semicolon = {WALLET_CSV_UTF8, WALLET_CSV_SEMICOLON};
static const struct wallet_csv_form gb18030 = {WALLET_CSV_GB18030, WALLET_CSV_COMMA};

static void assert_put(const char *text, const struct wallet_csv_form *form, const char *expected)
{
    LW_AUTO_BUF out = LW_BUF(256);
    assert_int_equal(wallet_csv_put_first(&out, lw_str_c(text), form).code, LW_OK);
    assert_int_equal(out.len, strlen(expected));
    assert_memory_equal(out.ptr, expected, out.len);
}

static void a_cell_is_quoted_where_it_must_be(void **state)
{
    (void)state;
    assert_put("", &comma, ",");
    assert_put("plain", &comma, "plain,");
    assert_put("a,b", &comma, "\"a,b\",");
    assert_put("a,b", &semicolon, "a,b;");
    assert_put("a;b", &semicolon, "\"a;b\";");
    assert_put("say \"no\"", &comma, "\"say \"\"no\"\"\",");
    assert_put("a\nb", &comma, "\"a\nb\",");
    assert_put("a\rb", &comma, "\"a\rb\",");
}

static void a_cell_is_brought_into_the_files_encoding(void **state)
{
    (void)state;
    assert_put("黄", &comma, "黄,");
    assert_put("黄", &gb18030, "\xbb\xc6,");
    assert_put("\xf0\x9f\x98\x80", &gb18030, "\x94\x39\xfc\x36,"); /* four bytes there, too */
    LW_AUTO_BUF out = LW_BUF(256);
    assert_int_equal(lw_buf_put_c(&out, "before").code, LW_OK);
    assert_int_equal(wallet_csv_put_first(&out, LW_STR("\xff"), &gb18030).code, LW_E_VALUE);
    assert_int_equal(out.len, 6);
}

static size_t first_len(const char *row, const struct wallet_csv_form *form)
{
    return wallet_csv_first_len(lw_str_bytes(lw_str_c(row)), form);
}

static void the_first_cell_ends_with_its_delimiter(void **state)
{
    (void)state;
    assert_int_equal(first_len("a,b\n", &comma), 2);
    assert_int_equal(first_len(",b\n", &comma), 1);
    assert_int_equal(first_len("\"a,\"\"b\",c", &comma), 8);
    assert_int_equal(first_len("a;b,c", &semicolon), 2);
    assert_int_equal(first_len("no end", &comma), 6);
    assert_int_equal(first_len("\"not closed, at all", &comma), 19);
    assert_int_equal(first_len("", &comma), 0);
}

static size_t names_at(const char *header)
{
    return wallet_csv_names_at(lw_str_bytes(lw_str_c(header)));
}

static void names_begin_after_marks(void **state)
{
    (void)state;
    assert_int_equal(names_at("NO,NAME\n"), 0);
    assert_int_equal(names_at("\xef\xbb\xbfNO,NAME\n"), 3);
    assert_int_equal(names_at("\x84\x31\x95\x33NO,NAME\n"), 4);
    assert_int_equal(names_at("sep=;\nNO;NAME\n"), 6);
    assert_int_equal(names_at("\xef\xbb\xbfsep=;\r\nNO;NAME\n"), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_cell_is_quoted_where_it_must_be),
        cmocka_unit_test(a_cell_is_brought_into_the_files_encoding),
        cmocka_unit_test(the_first_cell_ends_with_its_delimiter),
        cmocka_unit_test(names_begin_after_marks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
