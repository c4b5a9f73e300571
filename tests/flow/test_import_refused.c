/* What an import refuses, and the one message that each refusal gives. */
#define _GNU_SOURCE

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmocka.h>

#include "importing.h"
#include "wallet/store_license.h"

static struct support_home home; /* made once for all tests: a token takes its time */

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

static lw_bytes bytes_of(const char *text)
{
    return lw_str_bytes(lw_str_c(text));
}

static lw_buf register_of(void)
{
    lw_buf csv = LW_BUF(SUPPORT_REGISTER_MAX);
    must(lw_buf_put_c(&csv, SUPPORT_IMPORT_HEADER));
    return csv;
}

static uint64_t licenses(void)
{
    struct support_held held;
    support_held(home.home, true, &held);
    assert_int_equal(held.intents, 0);
    return held.licenses;
}

/* Refused as a whole: one issue, at `line` and `column`, and nothing issued. */
static void assert_refused(const char *csv, const char *map, lw_code code, size_t line,
                           const char *column)
{
    struct support_import import = {.stop_at = 0};
    const uint64_t before = licenses();
    assert_int_equal(support_import(home.home, bytes_of(csv), map, &import).code, code);
    assert_int_equal(import.issue_count, 1);
    assert_true(import.issues[0].fatal);
    assert_int_equal(import.issues[0].line, line);
    assert_string_equal(import.issues[0].column, column);
    assert_true(strlen(import.issues[0].why) > 5);
    assert_int_equal(licenses(), before);
}

#define ROW_OF(no) no ",T-" no ",A,Name,2026-01-01,2028-12-31,2026-01-01,AAI,Street,Food\n"

static void a_missing_column_is_named_in_the_map(void **state)
{
    (void)state;
    assert_refused("NO,TERM,ACC,NAME,FROM,TO,ISSUED,STATE,CAT\n", support_import_map, LW_E_VALUE, 0,
                   "/claims/address");
}

static void a_map_that_is_none_is_refused(void **state)
{
    (void)state;
    assert_refused(SUPPORT_IMPORT_HEADER ROW_OF("X-1"), "{\"number\"", LW_E_SYNTAX, 0, "");
}

static void a_file_of_no_encoding_is_refused_by_its_line(void **state)
{
    (void)state;
    assert_refused(SUPPORT_IMPORT_HEADER ROW_OF("X-1") "X-2,\xff\xff,\n", support_import_map,
                   LW_E_SYNTAX, 3, "TERM");
    assert_refused("", support_import_map, LW_E_SYNTAX, 0, "");
    assert_refused("NO,NO,TERM,ACC,NAME,FROM,TO,ISSUED,STATE,ADDR,CAT\n", support_import_map,
                   LW_E_VALUE, 1, "NO");
}

static lw_code code_of(struct support_import *import, lw_str type, lw_str issuer)
{
    import->order.type = type;
    import->order.issuer = issuer;
    const lw_err err = support_import(home.home, bytes_of(SUPPORT_IMPORT_HEADER ROW_OF("X-1")),
                                      support_import_map, import);
    assert_true(err.code == LW_OK || err.why != NULL);
    return err.code;
}

static void types_and_agencies_must_be_there_and_fit(void **state)
{
    (void)state;
    struct support_import import = {.order = {.dry_run = true}};
    const lw_str type = LW_STR("business-license");
    assert_int_equal(code_of(&import, LW_STR("fishing-license"), LW_STR("")), LW_E_NOT_FOUND);
    assert_int_equal(code_of(&import, type, LW_STR("navy")), LW_E_NOT_FOUND);
    assert_int_equal(code_of(&import, type, LW_STR("tax-bureau")), LW_E_DENIED);
    assert_int_equal(code_of(&import, type, LW_STR("market-regulation")), LW_OK);
    assert_int_equal(code_of(&import, type, LW_STR("")), LW_OK);
}

static void dates_are_moved_in_development_only(void **state)
{
    (void)state;
    struct support_import automatic = {.order = {.shift_auto = true}};
    struct support_import fixed = {.order = {.shift_days = 1}};
    home.config.development = false;
    assert_int_equal(code_of(&automatic, LW_STR(""), LW_STR("")), LW_E_DENIED);
    assert_int_equal(code_of(&fixed, LW_STR(""), LW_STR("")), LW_E_DENIED);
    home.config.development = true;
    fixed.order.dry_run = true;
    fixed.order.shift_days = 400000;
    assert_int_equal(code_of(&fixed, LW_STR(""), LW_STR("")), LW_E_LIMIT);
}

static void two_imports_at_once_are_one_too_many(void **state)
{
    (void)state;
    char path[SUPPORT_PATH_MAX];
    struct support_import import = {.stop_at = 0};
    support_path(home.dir, "import.lock", path);
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(code_of(&import, LW_STR(""), LW_STR("")), LW_E_BUSY);
    import.order.dry_run = true; /* which only reads */
    assert_int_equal(code_of(&import, LW_STR(""), LW_STR("")), LW_OK);
    assert_int_equal(close(fd), 0);
}

static void a_home_that_cannot_sign_reads_only(void **state)
{
    (void)state;
    struct support_import import = {.order = {.dry_run = true}};
    support_home_reopen(&home, WALLET_HOME_READ);
    assert_int_equal(code_of(&import, LW_STR(""), LW_STR("")), LW_OK);
    assert_int_equal(import.result.good, 1);
    import.order.dry_run = false;
    assert_int_equal(code_of(&import, LW_STR(""), LW_STR("")), LW_E_MISUSE);
    support_home_reopen(&home, WALLET_HOME_SIGN);
}

static void bad_rows_are_told_and_the_good_ones_go_in(void **state)
{
    (void)state;
    LW_AUTO_BUF csv = register_of();
    struct support_import import = {.stop_at = 0};
    support_import_row(&csv, "B-1", "b1", "2026-01-01", "2028-12-31", "AAI"); /* line 2 */
    support_import_row(&csv, "B-2", "b2", "2026-13-01", "2028-12-31", "AAI");
    support_import_row(&csv, "B-3", "b3", "2026-01-01", "2025-12-31", "AAI");
    support_import_row(&csv, "B-4", "b1", "2026-01-01", "2028-12-31", "AAI");
    support_import_row(&csv, "B-5", "b5", "2026-01-01", "2028-12-31", "aai");
    support_import_row(&csv, "", "b6", "2026-01-01", "2028-12-31", "AAI");
    must(lw_buf_put_c(&csv, "B-7,b7,A\n"));
    must(lw_buf_put_c(&csv, "B-8,b8,\"A\"x,Name\n"));
    support_import_row(&csv, "B-9", "b9", "2038-01-01", "2040-12-31", "AAI");
    support_import_row(&csv, "B-10", "b10", "2026-01-01", "2028-12-31", "AAI");
    must(support_import(home.home, lw_buf_view(&csv), support_import_map, &import));
    assert_int_equal(import.result.rows, 10);
    assert_int_equal(import.result.bad, 9); /* of b1, given twice, nobody can say which holds */
    assert_int_equal(import.result.unread, 3);
    assert_int_equal(import.result.issued, 1);
    bool named[12] = {false};
    for (size_t i = 0; i < import.issue_count; i++) {
        assert_true(import.issues[i].fatal);
        assert_true(import.issues[i].line < 12);
        named[import.issues[i].line] = true;
    }
    for (size_t line = 2; line <= 11; line++) {
        assert_int_equal(named[line], line != 11);
    }
    assert_string_equal(import.issues[0].column, "ISSUED");
    assert_string_equal(import.issues[1].column, "FROM");
    assert_string_equal(import.issues[import.issue_count - 1].column, "valid_from");
    assert_string_equal(import.issues[import.issue_count - 1].why,
                        "begins more than ten years from now");
}

static void a_file_without_good_rows_leaves_no_trace(void **state)
{
    (void)state;
    struct support_import import = {.stop_at = 0};
    const uint64_t before = licenses();
    must(support_import(home.home, bytes_of(SUPPORT_IMPORT_HEADER "A,B\n"), support_import_map,
                        &import));
    assert_int_equal(import.result.good, 0);
    assert_int_equal(import.result.bad, 1);
    must(support_import(home.home, bytes_of(SUPPORT_IMPORT_HEADER), support_import_map, &import));
    assert_int_equal(import.result.rows, 0);
    assert_int_equal(licenses(), before);
}

/* The register gave a term's key to one number, and to another in a later file. */
static void a_key_that_another_license_has_is_told(void **state)
{
    (void)state;
    LW_AUTO_BUF first = register_of();
    LW_AUTO_BUF second = register_of();
    struct support_import import = {.stop_at = 0};
    support_import_row(&first, "D-1", "d1", "2026-01-01", "2028-12-31", "AAI");
    must(support_import(home.home, lw_buf_view(&first), support_import_map, &import));
    support_import_row(&second, "D-2", "d2", "2026-01-01", "2028-12-31", "AAI");
    support_import_row(&second, "D-2", "d1", "2027-01-01", "2029-12-31", "AAI");
    for (unsigned i = 0; i < 2; i++) { /* the second time it is the same import again */
        must(support_import(home.home, lw_buf_view(&second), support_import_map, &import));
        assert_int_equal(import.issue_count, 1);
        assert_int_equal(import.issues[0].line, 3);
        assert_true(import.issues[0].fatal);
        assert_int_equal(import.result.bad, 1);
        assert_int_equal(import.result.good, 1);
        assert_int_equal(import.result.active, 1); /* d2 has no successor */
        assert_int_equal(import.result.issued, i == 0 ? 1 : 0);
    }
    assert_true(import.result.resumed);
}

static void a_number_has_999_terms_at_most(void **state)
{
    (void)state;
    for (size_t count = 999; count <= 1000; count++) {
        LW_AUTO_BUF csv = register_of();
        struct support_import import = {.order = {.dry_run = true}};
        for (size_t i = 0; i < count; i++) {
            char term[32];
            (void)snprintf(term, sizeof(term), "e%zu", i);
            support_import_row(&csv, "E-1", term, "2026-01-01", "2028-12-31", "AAI");
        }
        support_import_row(&csv, "E-2", "e", "2026-01-01", "2028-12-31", "AAI");
        must(support_import(home.home, lw_buf_view(&csv), support_import_map, &import));
        assert_int_equal(import.result.good, count == 999 ? 1000 : 1);
        assert_int_equal(import.result.bad, count == 999 ? 0 : 1000);
    }
}

/* "Name" in Chinese, once in each encoding. */
static void a_register_in_gb18030_reads_as_one_in_utf8(void **state)
{
    (void)state;
    static const char gb[] = "G-1,g1,A-1,\xbb\xc6\xb2\xe8\xb5\xea,2026-01-01,2028-12-31,2026-01-01,"
                             "AAI,\xc4\xcf\xcd\xa8,Food\n";
    LW_AUTO_BUF csv = register_of();
    struct support_import import = {.stop_at = 0};
    WALLET_AUTO_LICENSE stored = {.state = 0};
    uint8_t id[WALLET_UUID_LEN];
    must(lw_buf_put_c(&csv, gb));
    must(support_import(home.home, lw_buf_view(&csv), support_import_map, &import));
    assert_int_equal(import.result.issued, 1);
    WALLET_AUTO_TXN txn = NULL;
    must(wallet_read_begin(wallet_home_store(home.home), &txn));
    must(wallet_store_license_find(txn, LW_STR("business-license"), LW_STR("G-1"), id));
    must(wallet_store_license_load(txn, id, WALLET_LOAD_ALL, &stored));
    assert_true(lw_str_is(stored.license.holders[0].name, "黄茶店"));
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
    (void)licenses();
    support_home_drop(&home);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_missing_column_is_named_in_the_map),
        cmocka_unit_test(a_map_that_is_none_is_refused),
        cmocka_unit_test(a_file_of_no_encoding_is_refused_by_its_line),
        cmocka_unit_test(types_and_agencies_must_be_there_and_fit),
        cmocka_unit_test(dates_are_moved_in_development_only),
        cmocka_unit_test(two_imports_at_once_are_one_too_many),
        cmocka_unit_test(a_home_that_cannot_sign_reads_only),
        cmocka_unit_test(bad_rows_are_told_and_the_good_ones_go_in),
        cmocka_unit_test(a_file_without_good_rows_leaves_no_trace),
        cmocka_unit_test(a_key_that_another_license_has_is_told),
        cmocka_unit_test(a_number_has_999_terms_at_most),
        cmocka_unit_test(a_register_in_gb18030_reads_as_one_in_utf8),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
