/* Registers imported on a real token: what becomes of rows, chains and registers given again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "bytes.h"
#include "importing.h"
#include "wallet/audit.h"
#include "wallet/store_license.h"

enum { FILE_MAX = 1024 * 1024 };

static struct support_home home; /* made once for all tests: a token takes its time */

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

static uint64_t log_size(void)
{
    WALLET_AUTO_TXN txn = NULL;
    uint64_t size = 0;
    uint8_t root[WALLET_HASH_LEN];
    must(wallet_read_begin(wallet_home_store(home.home), &txn));
    must(wallet_audit_head(txn, &size, root));
    return size;
}

static lw_buf register_of(void)
{
    lw_buf csv = LW_BUF(SUPPORT_REGISTER_MAX);
    must(lw_buf_put_c(&csv, SUPPORT_IMPORT_HEADER));
    return csv;
}

static void import_ok(const lw_buf *csv, const char *map, struct support_import *import)
{
    must(support_import(home.home, lw_buf_view(csv), map, import));
}

/* The state of a term, and of which term the number's license is. */
static enum wallet_state state_of(const char *number, const char *version, bool *current)
{
    WALLET_AUTO_TXN txn = NULL;
    WALLET_AUTO_LICENSE stored = {.state = 0};
    uint8_t id[WALLET_UUID_LEN];
    uint8_t newest[WALLET_UUID_LEN];
    const lw_str type = LW_STR("business-license");
    must(wallet_read_begin(wallet_home_store(home.home), &txn));
    must(wallet_store_license_find_version(txn, type, lw_str_c(number), lw_str_c(version), id));
    must(wallet_store_license_find(txn, type, lw_str_c(number), newest));
    must(wallet_store_license_load(txn, id, WALLET_LOAD_PUBLIC, &stored));
    if (current != NULL) {
        *current = memcmp(id, newest, sizeof(id)) == 0;
    }
    return stored.state;
}

static void assert_term(const char *number, const char *version, enum wallet_state state,
                        bool current)
{
    bool is_current = !current;
    assert_string_equal(wallet_state_name(state_of(number, version, &is_current)),
                        wallet_state_name(state));
    assert_int_equal(is_current, current);
}

static void assert_states_sum(const struct wallet_import_result *r)
{
    assert_int_equal(
        r->active + r->suspended + r->expired + r->superseded + r->revoked + r->cancelled, r->good);
    assert_int_equal(r->good + r->bad, r->rows);
}

/* Dry, then in earnest, then again some days later: the same each time. */
static void import_whole(const lw_buf *csv, const char *map, size_t rows)
{
    const lw_str own = rows == 200 ? LW_STR("example") : LW_STR("real");
    struct support_import dry = {
        .order = {.shift_auto = true, .dry_run = true, .register_name = own}};
    struct support_import first = {.order = {.shift_auto = true, .register_name = own}};
    struct support_import again = {.order = {.shift_auto = true, .register_name = own}};
    struct support_held before;
    struct support_held after;
    support_held(home.home, true, &before);
    const uint64_t log = log_size();
    import_ok(csv, map, &dry);
    assert_int_equal(log_size(), log);
    assert_int_equal(dry.result.issued, 0);
    import_ok(csv, map, &first);
    assert_int_equal(first.result.rows, rows);
    assert_int_equal(first.result.bad, 1);
    assert_int_equal(first.result.issued, rows - 1);
    assert_false(first.result.resumed);
    assert_states_sum(&first.result);
    assert_int_equal(first.issues[0].line, 2);
    assert_string_equal(first.issues[0].column, "LICENSE TERM START DATE");
    assert_true(first.issues[0].fatal);
    assert_int_equal(dry.result.active, first.result.active);
    assert_int_equal(dry.result.superseded, first.result.superseded);
    assert_true(first.result.active > 10);
    assert_true(first.result.revoked > 0 && first.result.cancelled > 0);
    support_held(home.home, true, &after);
    assert_int_equal(after.licenses - before.licenses, rows - 1);
    assert_int_equal(after.issued - before.issued, rows - 1);
    assert_int_equal(after.intents, 0);
    assert_int_equal(after.by_state[WALLET_SUPERSEDED] - before.by_state[WALLET_SUPERSEDED],
                     first.result.superseded);
    assert_int_equal(after.by_state[WALLET_REVOKED] - before.by_state[WALLET_REVOKED],
                     first.result.revoked);

    const uint64_t done = log_size();
    home.clock.now += 3 * LW_DAY_S;
    import_ok(csv, map, &again);
    home.clock.now -= 3 * LW_DAY_S;
    assert_int_equal(again.result.issued, 0);
    assert_int_equal(again.result.already, rows - 1);
    assert_true(again.result.resumed);
    assert_int_equal(again.result.shift_days, first.result.shift_days);
    assert_int_equal(log_size(), done);
    assert_int_equal(again.reported, 0);
}

static void the_example_citys_register_goes_in_whole(void **state)
{
    (void)state;
    LW_AUTO_BUF csv = LW_BUF(FILE_MAX);
    LW_AUTO_BUF map = LW_BUF(FILE_MAX);
    const char *text = NULL;
    support_read_file(LW_SOURCE_DIR "/docs/example-city/registers/business-licenses.csv", &csv);
    support_read_file(LW_SOURCE_DIR "/docs/example-city/maps/business-licenses.json", &map);
    must(lw_buf_c(&map, &text));
    import_whole(&csv, text, 200);
}

static void the_real_register_goes_in_whole(void **state)
{
    (void)state;
    static const char real[] = LW_SOURCE_DIR "/../shared/data/chicago-business-licenses.csv";
    LW_AUTO_BUF csv = LW_BUF(FILE_MAX);
    LW_AUTO_BUF map = LW_BUF(FILE_MAX);
    const char *text = NULL;
    if (access(real, R_OK) != 0) {
        skip();
    }
    support_read_file(real, &csv);
    support_read_file(LW_SOURCE_DIR "/docs/example-city/maps/business-licenses.json", &map);
    must(lw_buf_c(&map, &text));
    import_whole(&csv, text, 374);
}

/* Today is 2027-01-15. */
static void terms_of_a_number_are_one_chain(void **state)
{
    (void)state;
    LW_AUTO_BUF csv = register_of();
    struct support_import import = {.order = {.batch_rows = 3}};
    support_import_row(&csv, "C-1", "c14", "2026-01-01", "2028-12-31", "AAI");
    support_import_row(&csv, "C-1", "c11", "2020-01-01", "2021-12-31", "AAI");
    support_import_row(&csv, "C-1", "c13", "2024-01-01", "2025-12-31", "AAC");
    support_import_row(&csv, "C-1", "c12", "2022-01-01", "2023-12-31", "REV");
    support_import_row(&csv, "C-2", "c21", "2020-01-01", "2021-12-31", "SUS");
    support_import_row(&csv, "C-2", "c22", "2026-01-01", "2028-12-31", "REV");
    support_import_row(&csv, "C-3", "c31", "2026-01-01", "2028-12-31", "SUS");
    support_import_row(&csv, "C-4", "c41", "2020-01-01", "2021-12-31", "AAI");
    import_ok(&csv, support_import_map, &import);
    assert_int_equal(import.result.issued, 8);
    assert_term("C-1", "c11", WALLET_SUPERSEDED, false);
    assert_term("C-1", "c12", WALLET_REVOKED, false);
    assert_term("C-1", "c13", WALLET_CANCELLED, false);
    assert_term("C-1", "c14", WALLET_ACTIVE, true);
    assert_term("C-2", "c21", WALLET_SUPERSEDED, false);
    assert_term("C-2", "c22", WALLET_REVOKED, true);
    assert_term("C-3", "c31", WALLET_SUSPENDED, true);
    assert_int_equal(import.result.active, 1);
    assert_int_equal(import.result.suspended, 1);
    assert_int_equal(import.result.expired, 1);
    assert_int_equal(import.result.superseded, 2);
    assert_int_equal(import.result.revoked, 2);
    assert_int_equal(import.result.cancelled, 1);
}

static void next_months_register_supersedes_what_it_renews(void **state)
{
    (void)state;
    LW_AUTO_BUF csv = register_of();
    struct support_import first = {.order = {.batch_rows = 2}};
    struct support_import next = {.order = {.batch_rows = 2}};
    support_import_row(&csv, "N-1", "n11", "2024-01-01", "2027-02-01", "AAI");
    support_import_row(&csv, "N-2", "n21", "2024-01-01", "2027-02-01", "AAI");
    import_ok(&csv, support_import_map, &first);
    assert_term("N-1", "n11", WALLET_ACTIVE, true);
    support_import_row(&csv, "N-1", "n12", "2027-01-01", "2029-12-31", "AAI");
    import_ok(&csv, support_import_map, &next);
    assert_int_equal(next.result.issued, 1);
    assert_int_equal(next.result.already, 2);
    assert_int_equal(next.result.active, 2);
    assert_int_equal(next.result.superseded, 1);
    assert_false(next.result.resumed);
    assert_term("N-1", "n11", WALLET_SUPERSEDED, false);
    assert_term("N-1", "n12", WALLET_ACTIVE, true);
    assert_term("N-2", "n21", WALLET_ACTIVE, true);
}

/* A register that no longer lists the old terms renews them as well. */
static void a_term_that_only_the_store_has_is_superseded(void **state)
{
    (void)state;
    LW_AUTO_BUF old = register_of();
    LW_AUTO_BUF csv = register_of();
    struct support_import first = {.stop_at = 0};
    struct support_import next = {.stop_at = 0};
    support_import_row(&old, "O-1", "o11", "2024-01-01", "2027-02-01", "SUS");
    import_ok(&old, support_import_map, &first);
    support_import_row(&csv, "O-1", "o13", "2026-06-01", "2029-12-31", "AAI");
    support_import_row(&csv, "O-1", "o12", "2025-06-01", "2029-12-31", "REV");
    import_ok(&csv, support_import_map, &next);
    assert_int_equal(next.result.issued, 2);
    assert_term("O-1", "o11", WALLET_SUPERSEDED, false);
    assert_term("O-1", "o12", WALLET_REVOKED, false);
    assert_term("O-1", "o13", WALLET_ACTIVE, true);
}

static void an_older_term_that_was_mended_goes_behind_the_newer(void **state)
{
    (void)state;
    LW_AUTO_BUF csv = register_of();
    LW_AUTO_BUF mended = register_of();
    struct support_import first = {.stop_at = 0};
    struct support_import next = {.stop_at = 0};
    support_import_row(&csv, "M-1", "m11", "2024-02-30", "2025-12-31", "AAI");
    support_import_row(&csv, "M-1", "m12", "2026-01-01", "2028-12-31", "AAI");
    support_import_row(&csv, "M-2", "m22", "2026-01-01", "2028-12-31", "AAI");
    import_ok(&csv, support_import_map, &first);
    assert_int_equal(first.result.bad, 1);
    support_import_row(&mended, "M-1", "m11", "2024-02-28", "2025-12-31", "AAI");
    support_import_row(&mended, "M-2", "m21", "2024-02-28", "2025-12-31", "REV");
    import_ok(&mended, support_import_map, &next);
    assert_int_equal(next.result.issued, 2);
    assert_int_equal(next.result.superseded, 1);
    assert_term("M-1", "m11", WALLET_SUPERSEDED, false);
    assert_term("M-1", "m12", WALLET_ACTIVE, true);
    assert_term("M-2", "m21", WALLET_REVOKED, false);
    assert_term("M-2", "m22", WALLET_ACTIVE, true);
}

static void versions_are_counted_where_the_register_has_no_keys(void **state)
{
    (void)state;
    LW_AUTO_BUF csv = register_of();
    struct support_import first = {.stop_at = 0};
    struct support_import next = {.order = {.batch_rows = 1}};
    support_import_row(&csv, "K-1", "", "2025-01-01", "2026-12-31", "AAI");
    import_ok(&csv, support_import_map_without_terms, &first);
    assert_term("K-1", "1", WALLET_ACTIVE, true);
    support_import_row(&csv, "K-1", "", "2027-01-01", "2028-12-31", "AAI");
    support_import_row(&csv, "K-1", "", "2021-01-01", "2022-12-31", "AAI");
    support_import_row(&csv, "K-1", "", "2025-01-01", "2027-12-31", "AAI");
    import_ok(&csv, support_import_map_without_terms, &next);
    assert_int_equal(next.result.issued, 2);
    assert_int_equal(next.result.already, 0);
    assert_int_equal(next.result.bad, 2); /* the same start once more, with another end */
    assert_int_equal(next.issues[0].line, 2);
    assert_int_equal(next.issues[0].other, 5);
    assert_int_equal(next.issues[1].line, 5);
    assert_int_equal(next.issues[1].other, 2);
    assert_term("K-1", "1", WALLET_SUPERSEDED, false);
    assert_term("K-1", "2", WALLET_SUPERSEDED, false);
    assert_term("K-1", "3", WALLET_ACTIVE, true);
}

/* Every other move in reach, tried one by one, is no better. */
static void an_auto_shift_lets_the_most_terms_hold(void **state)
{
    (void)state;
    LW_AUTO_BUF csv = register_of();
    uint32_t seed = 12345;
    for (unsigned i = 0; i < 40; i++) {
        char number[16];
        char from[16];
        char until[16];
        seed = seed * 1664525 + 1013904223;
        const unsigned month = (seed >> 8) % 12 + 1;
        const unsigned length = (seed >> 16) % 6;
        (void)snprintf(number, sizeof(number), "A-%u", i);
        (void)snprintf(from, sizeof(from), "2025-%02u-%02u", month, (seed >> 24) % 28 + 1);
        (void)snprintf(until, sizeof(until), "2026-%02u-28", (month + length) % 12 + 1);
        support_import_row(&csv, number, number, from, until, i % 9 == 0 ? "AAC" : "AAI");
    }
    const lw_str own = LW_STR("moved"); /* of a register that was imported the days are known */
    struct support_import chosen = {
        .order = {.shift_auto = true, .dry_run = true, .register_name = own}};
    import_ok(&csv, support_import_map, &chosen);
    size_t most = 0;
    for (int64_t days = -200; days <= 800; days++) {
        struct support_import tried = {.order = {.shift_days = days, .dry_run = true}};
        import_ok(&csv, support_import_map, &tried);
        most = tried.result.active > most ? tried.result.active : most;
    }
    assert_int_equal(chosen.result.active, most);
    assert_true(most > 1);
}

static int make(void **state)
{
    (void)state;
    support_home_make(&home);
    return 0;
}

static int drop(void **state)
{
    struct support_held held;
    (void)state;
    support_held(home.home, true, &held); /* everything holds together to the end */
    support_home_drop(&home);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_example_citys_register_goes_in_whole),
        cmocka_unit_test(the_real_register_goes_in_whole),
        cmocka_unit_test(terms_of_a_number_are_one_chain),
        cmocka_unit_test(next_months_register_supersedes_what_it_renews),
        cmocka_unit_test(a_term_that_only_the_store_has_is_superseded),
        cmocka_unit_test(an_older_term_that_was_mended_goes_behind_the_newer),
        cmocka_unit_test(versions_are_counted_where_the_register_has_no_keys),
        cmocka_unit_test(an_auto_shift_lets_the_most_terms_hold),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
