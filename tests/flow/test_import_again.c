/* A register given again: what is new, changed, the same, and what it says of states. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "importing.h"
#include "wallet/audit.h"
#include "wallet/flow_status.h"
#include "wallet/store_journal.h"
#include "wallet/store_license.h"
#include "wallet/store_person.h"

static struct support_home home; /* made once for all tests: a token takes its time */
static const char *const map = support_import_map;
static const char *const no_terms = support_import_map_without_terms;

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

#define ROW(no, term, from, to, state, street)                                                     \
    no "," term ",ACC-" no ",Company " no "," from "," to "," from "," state "," street ",Food\n"
#define NOW_ROW(no, term) ROW(no, term, "2026-01-01", "2028-12-31", "AAI", "Main Street")

static void change(const char *number, enum wallet_state to)
{
    enum wallet_state from = 0;
    must(wallet_flow_change_state(
        home.home, (struct wallet_license_ref){LW_STR("business-license"), lw_str_c(number)}, to,
        LW_STR("inspection"), LW_STR("officer"), &from));
}

static void for_the_same_register_nothing_is_signed_or_written(void **state)
{
    (void)state;
    static const char rows[] = NOW_ROW("A-1", "a1") NOW_ROW("A-2", "a2")
        ROW("A-1", "a0", "2024-01-01", "2025-12-31", "AAI", "Main Street")
            ROW("A-3", "a3", "2026-01-01", "2028-12-31", "REV", "Main Street")
                ROW("A-4", "a4", "2026-01-01", "2028-12-31", "SUS", "Main Street");
    const struct wallet_import_result first = support_give(&home, "a", rows, map, NULL);
    assert_int_equal(first.fresh, 5);
    assert_int_equal(first.issued, 5);
    assert_int_equal(support_batch(&home, first.number).counts.fresh, 5);
    assert_int_equal(support_batch(&home, first.number).issued, 5);
    const uint64_t log = log_size();
    const struct wallet_import_result again = support_give(&home, "a", rows, map, NULL);
    assert_int_equal(again.already, 5);
    assert_int_equal(again.fresh + again.changed + again.states + again.kept + again.gone, 0);
    assert_int_equal(again.number, 0);
    assert_true(again.resumed);
    assert_int_equal(log_size(), log);
    /* A longer file, in another order. */
    const struct wallet_import_result longer =
        support_give(&home, "a",
                     NOW_ROW("A-5", "a5") NOW_ROW("A-2", "a2") NOW_ROW("A-1", "a1")
                         ROW("A-1", "a0", "2024-01-01", "2025-12-31", "AAI", "Main Street")
                             ROW("A-3", "a3", "2026-01-01", "2028-12-31", "REV", "Main Street")
                                 ROW("A-4", "a4", "2026-01-01", "2028-12-31", "SUS", "Main Street"),
                     map, NULL);
    assert_int_equal(longer.already, 5);
    assert_int_equal(longer.fresh, 1);
    assert_int_equal(longer.issued, 1);
    assert_false(longer.resumed);
    assert_true(longer.number > first.number);
}

static void a_changed_row_is_the_next_version_of_its_term(void **state)
{
    (void)state;
    WALLET_AUTO_LICENSE old = {.state = 0};
    WALLET_AUTO_LICENSE now = {.state = 0};
    static const char second[] =
        ROW("B-1", "b1", "2026-01-01", "2028-12-31", "AAI", "North Street");
    (void)support_give(&home, "b", NOW_ROW("B-1", "b1"), map, NULL);
    struct wallet_import_result r = support_give(&home, "b", second, map, NULL);
    assert_int_equal(r.changed, 1);
    assert_int_equal(r.fresh + r.already + r.gone, 0);
    assert_int_equal(r.issued, 1);
    support_load_version(&home, "B-1", "b1", &old);
    support_load_version(&home, "B-1", "b1~2", &now);
    assert_int_equal(old.state, WALLET_SUPERSEDED);
    assert_int_equal(now.state, WALLET_ACTIVE);
    assert_memory_equal(old.successor, now.license.id, WALLET_UUID_LEN);
    assert_true(now.has_predecessor);
    assert_memory_equal(now.predecessor, old.license.id, WALLET_UUID_LEN);
    r = support_give(&home, "b", second, map, NULL);
    assert_int_equal(r.already, 1);
    assert_int_equal(r.issued, 0);
    r = support_give(&home, "b", NOW_ROW("B-1", "b1"), map,
                     NULL); /* as it was at first: a change as well */
    assert_int_equal(r.changed, 1);
    support_version_is(&home, "B-1", "b1~2", WALLET_SUPERSEDED);
    support_version_is(&home, "B-1", "b1~3", WALLET_ACTIVE);
}

/* Everything that a license says counts. */
static void holder_dates_and_claims_are_compared(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "C-1,c1,ACC-1,Company,2026-01-01,2028-12-31,2026-01-01,AAI,Street,Food\n",
        "C-1,c1,ACC-2,Company,2026-01-01,2028-12-31,2026-01-01,AAI,Street,Food\n",
        "C-1,c1,ACC-1,Other Company,2026-01-01,2028-12-31,2026-01-01,AAI,Street,Food\n",
        "C-1,c1,ACC-1,Company,2026-01-02,2028-12-31,2026-01-01,AAI,Street,Food\n",
        "C-1,c1,ACC-1,Company,2026-01-01,2029-12-31,2026-01-01,AAI,Street,Food\n",
        "C-1,c1,ACC-1,Company,2026-01-01,2028-12-31,2026-01-02,AAI,Street,Food\n",
        "C-1,c1,ACC-1,Company,2026-01-01,2028-12-31,2026-01-01,AAI,Road,Food\n",
        "C-1,c1,ACC-1,Company,2026-01-01,2028-12-31,2026-01-01,AAI,Street,Drink\n",
    };
    assert_int_equal(support_give(&home, "c", rows[0], map, NULL).fresh, 1);
    for (size_t i = 1; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct support_import dry = {.order = {.dry_run = true}};
        const struct wallet_import_result r = support_give(&home, "c", rows[i], map, &dry);
        assert_int_equal(r.changed, 1);
        assert_int_equal(r.issued, 0);
    }
    assert_int_equal(support_give(&home, "c", rows[0], map, NULL).already, 1);
}

static void a_term_of_the_past_is_mended_behind_the_newer_ones(void **state)
{
    (void)state;
    WALLET_AUTO_LICENSE old = {.state = 0};
    WALLET_AUTO_LICENSE next = {.state = 0};
    static const char mended[] = ROW("D-1", "d1", "2022-01-01", "2023-12-31", "AAI", "Right Street")
        ROW("D-1", "d2", "2024-01-01", "2025-12-31", "AAC", "Right Street") NOW_ROW("D-1", "d3");
    (void)support_give(&home, "d",
                       ROW("D-1", "d1", "2022-01-01", "2023-12-31", "AAI", "Wrong Street")
                           ROW("D-1", "d2", "2024-01-01", "2025-12-31", "AAC", "Wrong Street")
                               NOW_ROW("D-1", "d3"),
                       map, NULL);
    const struct wallet_import_result r = support_give(&home, "d", mended, map, NULL);
    assert_int_equal(r.changed, 2);
    assert_int_equal(r.already, 1);
    support_version_is(&home, "D-1", "d1", WALLET_SUPERSEDED);
    support_version_is(&home, "D-1", "d2~2", WALLET_CANCELLED);
    support_version_is(&home, "D-1", "d3", WALLET_ACTIVE);
    support_load_version(&home, "D-1", "d1~2", &old);
    support_load_version(&home, "D-1", "d2~2", &next);
    assert_int_equal(old.state, WALLET_SUPERSEDED);
    assert_memory_equal(old.successor, next.license.id, WALLET_UUID_LEN);
    assert_int_equal(support_give(&home, "d", mended, map, NULL).issued, 0);
}

static void without_keys_the_next_version_is_counted(void **state)
{
    (void)state;
    (void)support_give(&home, "e", NOW_ROW("E-1", ""), no_terms, NULL);
    struct wallet_import_result r =
        support_give(&home, "e", ROW("E-1", "", "2026-01-01", "2028-12-31", "AAI", "North Street"),
                     no_terms, NULL);
    assert_int_equal(r.changed, 1);
    support_version_is(&home, "E-1", "1", WALLET_SUPERSEDED);
    support_version_is(&home, "E-1", "2", WALLET_ACTIVE);
    /* A later start renews; the only row of a number with an earlier start corrects it. */
    r = support_give(&home, "e", ROW("E-1", "", "2026-06-01", "2029-12-31", "AAI", "North Street"),
                     no_terms, NULL);
    assert_int_equal(r.fresh, 1);
    assert_int_equal(r.renewed, 1);
    support_version_is(&home, "E-1", "3", WALLET_ACTIVE);
    r = support_give(&home, "e", ROW("E-1", "", "2026-05-01", "2029-12-31", "AAI", "North Street"),
                     no_terms, NULL);
    assert_int_equal(r.changed, 1);
    assert_int_equal(r.gone, 0);
    support_version_is(&home, "E-1", "3", WALLET_SUPERSEDED);
    support_version_is(&home, "E-1", "4", WALLET_ACTIVE);
}

#define STATE_ROW(no, term, state) ROW(no, term, "2026-01-01", "2028-12-31", state, "Main Street")

static void states_that_the_register_changed_are_set(void **state)
{
    (void)state;
    WALLET_AUTO_LICENSE stored = {.state = 0};
    (void)support_give(&home, "f",
                       STATE_ROW("F-1", "f1", "AAI") STATE_ROW("F-2", "f2", "AAI")
                           STATE_ROW("F-3", "f3", "AAI") STATE_ROW("F-4", "f4", "SUS"),
                       map, NULL);
    const char *later = STATE_ROW("F-1", "f1", "REV") STATE_ROW("F-2", "f2", "AAC")
        STATE_ROW("F-3", "f3", "SUS") STATE_ROW("F-4", "f4", "AAI");
    struct support_import kept = {.order = {.keep_states = true}};
    const uint64_t log = log_size();
    struct wallet_import_result r = support_give(&home, "f", later, map, &kept);
    assert_int_equal(r.states, 0);
    assert_int_equal(r.kept, 4);
    assert_int_equal(kept.issue_count, 4);
    assert_int_equal(log_size(), log);
    r = support_give(&home, "f", later, map, NULL);
    assert_int_equal(r.already, 4);
    assert_int_equal(r.states, 4);
    assert_int_equal(r.issued, 0);
    assert_true(r.number > 0);
    assert_int_equal(r.revoked + r.cancelled + r.suspended + r.active, 4);
    support_version_is(&home, "F-1", "f1", WALLET_REVOKED);
    support_version_is(&home, "F-2", "f2", WALLET_CANCELLED);
    support_version_is(&home, "F-3", "f3", WALLET_SUSPENDED);
    support_version_is(&home, "F-4", "f4", WALLET_ACTIVE);
    support_load_version(&home, "F-1", "f1", &stored);
    assert_int_equal(stored.reason_code, WALLET_REASON_REGISTER);
    assert_non_null(strstr((const char *)stored.reason.ptr, "the register says so"));
    /* And back again, as the register suspended it. */
    r = support_give(&home, "f", STATE_ROW("F-3", "f3", "AAI"), map,
                     &(struct support_import){.order = {.part = true}});
    assert_int_equal(r.states, 1);
    support_version_is(&home, "F-3", "f3", WALLET_ACTIVE);
}

static void what_officers_decided_stays(void **state)
{
    (void)state;
    struct support_import import = {.stop_at = 0};
    static const char rows[] = STATE_ROW("G-1", "g1", "AAI") STATE_ROW("G-2", "g2", "AAI")
        STATE_ROW("G-3", "g3", "AAI") STATE_ROW("G-4", "g4", "AAI");
    (void)support_give(&home, "g", rows, map, NULL);
    change("G-1", WALLET_SUSPENDED);
    change("G-2", WALLET_REVOKED);
    change("G-3", WALLET_SUSPENDED);
    change("G-4", WALLET_CANCELLED);
    struct wallet_import_result r =
        support_give(&home, "g",
                     STATE_ROW("G-1", "g1", "AAI") STATE_ROW("G-2", "g2", "AAI")
                         ROW("G-3", "g3", "2026-01-01", "2028-12-31", "AAI", "North Street")
                             ROW("G-4", "g4", "2026-01-01", "2028-12-31", "AAI", "North Street"),
                     map, &import);
    assert_int_equal(r.states, 0);
    assert_int_equal(r.changed, 1);
    assert_int_equal(r.kept, 3);
    assert_int_equal(import.issue_count, 3);
    assert_non_null(strstr(import.issues[0].why, "lw license resume"));
    assert_non_null(strstr(import.issues[1].why, "lw license reissue"));
    support_version_is(&home, "G-1", "g1", WALLET_SUSPENDED);
    support_version_is(&home, "G-2", "g2", WALLET_REVOKED);
    support_version_is(&home, "G-3", "g3", WALLET_SUPERSEDED);
    support_version_is(&home, "G-3", "g3~2",
                       WALLET_SUSPENDED); /* changed, and as suspended as before */
    support_version_is(&home, "G-4", "g4", WALLET_CANCELLED);
}

/* What is renewed in the same register as it is revoked was revoked first. */
static void a_term_that_is_revoked_and_renewed_at_once_is_revoked(void **state)
{
    (void)state;
    (void)support_give(&home, "h", STATE_ROW("H-1", "h1", "AAI") STATE_ROW("H-2", "h2", "AAI"), map,
                       NULL);
    const struct wallet_import_result r = support_give(
        &home, "h",
        STATE_ROW("H-1", "h1", "REV") ROW("H-1", "h11", "2026-06-01", "2029-12-31", "AAI",
                                          "Main Street") STATE_ROW("H-2", "h2", "SUS")
            ROW("H-2", "h22", "2026-06-01", "2029-12-31", "AAI", "Main Street"),
        map, NULL);
    assert_int_equal(r.states, 1);
    assert_int_equal(r.renewed, 2);
    support_version_is(&home, "H-1", "h1", WALLET_REVOKED);
    support_version_is(&home, "H-1", "h11", WALLET_ACTIVE);
    support_version_is(&home, "H-2", "h2", WALLET_SUPERSEDED);
    support_version_is(&home, "H-2", "h22", WALLET_ACTIVE);
}

static void rows_that_stand_twice_are_named_with_both_lines(void **state)
{
    (void)state;
    struct support_import import = {.stop_at = 0};
    (void)support_give(&home, "i", NOW_ROW("I-1", "i1"), map, NULL);
    const struct wallet_import_result r =
        support_give(&home, "i",
                     NOW_ROW("I-1", "i1") NOW_ROW("I-2", "i2") NOW_ROW("I-2", "i2")
                         ROW("I-1", "i1", "2026-01-01", "2028-12-31", "AAI", "North Street")
                             ROW("I-1", "i1", "2026-01-01", "2028-12-31", "AAI", "South Street"),
                     map, &import);
    assert_int_equal(r.bad, 4);
    assert_int_equal(r.fresh, 1); /* I-2, once */
    assert_int_equal(r.changed + r.already + r.gone, 0);
    assert_int_equal(import.issue_count, 4);
    assert_int_equal(import.issues[0].line, 4);
    assert_int_equal(import.issues[0].other, 3);
    assert_non_null(strstr(import.issues[0].why, "the same row"));
    assert_int_equal(import.issues[1].line, 2);
    assert_int_equal(import.issues[1].other, 5);
    assert_int_equal(import.issues[2].line, 5);
    assert_int_equal(import.issues[2].other, 2);
    assert_int_equal(import.issues[3].line, 6);
    support_version_is(&home, "I-1", "i1",
                       WALLET_ACTIVE); /* which of the three holds, nobody can say */
}

static void a_key_that_looks_as_if_it_were_counted_is_refused(void **state)
{
    (void)state;
    struct support_import import = {.stop_at = 0};
    const struct wallet_import_result r =
        support_give(&home, "k", NOW_ROW("K-1", "k1~2") NOW_ROW("K-2", "k2~x"), map, &import);
    assert_int_equal(r.bad, 1);
    assert_int_equal(r.fresh, 1);
    assert_int_equal(import.issues[0].line, 2);
}

static lw_err erase(struct wallet_txn *txn, void *ctx)
{
    const struct wallet_stored_license *stored = ctx;
    return wallet_store_person_erase(txn, stored->persons[0], SUPPORT_HOME_NOW);
}

static void a_license_whose_holder_was_erased_is_left(void **state)
{
    (void)state;
    struct support_import import = {.stop_at = 0};
    WALLET_AUTO_LICENSE stored = {.state = 0};
    (void)support_give(&home, "l", NOW_ROW("L-1", "l1"), map, NULL);
    support_load_version(&home, "L-1", "l1", &stored);
    must(wallet_store_write(wallet_home_store(home.home), erase, &stored));
    const struct wallet_import_result r =
        support_give(&home, "l", NOW_ROW("L-1", "l1"), map, &import);
    assert_int_equal(r.already, 1);
    assert_int_equal(r.kept, 1);
    assert_int_equal(r.issued, 0);
    assert_non_null(strstr(import.issues[0].why, "erased"));
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
        cmocka_unit_test(for_the_same_register_nothing_is_signed_or_written),
        cmocka_unit_test(a_changed_row_is_the_next_version_of_its_term),
        cmocka_unit_test(holder_dates_and_claims_are_compared),
        cmocka_unit_test(a_term_of_the_past_is_mended_behind_the_newer_ones),
        cmocka_unit_test(without_keys_the_next_version_is_counted),
        cmocka_unit_test(states_that_the_register_changed_are_set),
        cmocka_unit_test(what_officers_decided_stays),
        cmocka_unit_test(a_term_that_is_revoked_and_renewed_at_once_is_revoked),
        cmocka_unit_test(rows_that_stand_twice_are_named_with_both_lines),
        cmocka_unit_test(a_key_that_looks_as_if_it_were_counted_is_refused),
        cmocka_unit_test(a_license_whose_holder_was_erased_is_left),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
