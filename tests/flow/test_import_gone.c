/* What a register lists no more: told, kept, or revoked, and when a file is not believed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "importing.h"
#include "wallet/store_journal.h"
#include "wallet/store_license.h"

static struct support_home home; /* made once for all tests: a token takes its time */
static const char *const map = support_import_map;

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

#define ROW(no, term, until, state, street)                                                        \
    no "," term ",ACC-" no ",Company " no ",2026-01-01," until ",2026-01-01," state "," street     \
       ",Food\n"
#define NOW_ROW(no, term) ROW(no, term, "2028-12-31", "AAI", "Main Street")

static void what_is_gone_is_told_and_kept_unless_it_is_to_be_revoked(void **state)
{
    (void)state;
    struct support_import kept = {.stop_at = 0};
    struct support_import revoked = {.says_revoke = true};
    (void)support_give(&home, "gone",
                       NOW_ROW("A-1", "a1") NOW_ROW("A-2", "a2") NOW_ROW("A-3", "a3"), NULL, NULL);
    struct wallet_import_result r = support_give(&home, "gone", NOW_ROW("A-1", "a1"), NULL, &kept);
    assert_int_equal(r.gone, 2);
    assert_int_equal(r.revoked_gone, 0);
    assert_int_equal(kept.asked_to_revoke, 2);
    assert_int_equal(kept.missing_count, 2);
    assert_string_equal(kept.missing[0], "A-2 a2");
    support_version_is(&home, "A-2", "a2", WALLET_ACTIVE);
    struct support_import dry = {.order = {.dry_run = true, .gone = WALLET_GONE_REVOKE}};
    r = support_give(&home, "gone", NOW_ROW("A-1", "a1"), NULL, &dry);
    assert_int_equal(r.revoked_gone, 2);
    support_version_is(&home, "A-2", "a2", WALLET_ACTIVE);
    r = support_give(&home, "gone", NOW_ROW("A-1", "a1"), NULL, &revoked);
    assert_int_equal(r.revoked_gone, 2);
    assert_int_equal(support_batch(&home, r.number).counts.revoked, 2);
    assert_int_equal(support_batch(&home, r.number).state, WALLET_IMPORT_DONE);
    support_version_is(&home, "A-1", "a1", WALLET_ACTIVE);
    support_version_is(&home, "A-2", "a2", WALLET_REVOKED);
    support_version_is(&home, "A-3", "a3", WALLET_REVOKED);
    r = support_give(&home, "gone", NOW_ROW("A-1", "a1"), NULL, &revoked);
    assert_int_equal(r.gone, 0);
    assert_int_equal(revoked.asked_to_revoke, 0);
}

static void only_what_this_register_brought_and_what_is_in_force_is_gone(void **state)
{
    (void)state;
    struct support_import import = {.order = {.gone = WALLET_GONE_REVOKE}};
    support_home_issue(&home, "BY-HAND");
    (void)support_give(&home, "north", NOW_ROW("B-1", "b1"), NULL, NULL);
    (void)support_give(&home, "south",
                       NOW_ROW("B-2", "b2") NOW_ROW("B-3", "b3")
                           ROW("B-4", "b4", "2026-12-31", "AAI", "Main Street")
                               ROW("B-5", "b5", "2028-12-31", "REV", "Main Street"),
                       NULL, NULL);
    const struct wallet_import_result r =
        support_give(&home, "south", NOW_ROW("B-2", "b2"), NULL, &import);
    assert_int_equal(r.gone, 1);
    assert_int_equal(r.lapsed, 1); /* B-4 ended last year */
    assert_int_equal(r.revoked_gone, 1);
    assert_int_equal(import.asked_to_revoke, 0); /* the order says so already */
    support_version_is(&home, "B-1", "b1", WALLET_ACTIVE);
    support_version_is(&home, "B-3", "b3", WALLET_REVOKED);
    support_version_is(&home, "B-4", "b4", WALLET_ACTIVE);
}

static void a_part_or_a_file_of_bad_rows_leaves_nothing_out(void **state)
{
    (void)state;
    struct support_import part = {.order = {.part = true, .gone = WALLET_GONE_REVOKE}};
    (void)support_give(&home, "part", NOW_ROW("C-1", "c1") NOW_ROW("C-2", "c2"), NULL, NULL);
    struct wallet_import_result r = support_give(&home, "part", NOW_ROW("C-1", "c1"), NULL, &part);
    assert_int_equal(r.gone, 0);
    assert_true(r.part);
    LW_AUTO_BUF csv = LW_BUF(SUPPORT_REGISTER_MAX);
    struct support_import mended = {
        .order = {.gone = WALLET_GONE_REVOKE, .register_name = LW_STR("part")}};
    must(lw_buf_put_c(&csv, WALLET_IMPORT_REASON_COLUMN "," SUPPORT_IMPORT_HEADER
                                                        "FROM: is no date," NOW_ROW("C-3", "c3")));
    must(support_import(home.home, lw_buf_view(&csv), map, &mended));
    assert_true(mended.result.part);
    assert_int_equal(mended.result.gone, 0);
    assert_int_equal(mended.result.fresh, 1);
}

static void a_bad_row_is_not_gone(void **state)
{
    (void)state;
    struct support_import revoke = {.order = {.gone = WALLET_GONE_REVOKE}};
    (void)support_give(&home, "bad", NOW_ROW("D-1", "d1") NOW_ROW("D-2", "d2") NOW_ROW("D-3", "d3"),
                       NULL, NULL);
    struct wallet_import_result r = support_give(
        &home, "bad", NOW_ROW("D-1", "d1") ROW("D-2", "d2", "2025-12-31", "AAI", "Main Street"),
        NULL, &revoke);
    assert_int_equal(r.bad, 1);
    assert_int_equal(r.unread, 0);
    assert_int_equal(r.gone, 1);
    support_version_is(&home, "D-2", "d2", WALLET_ACTIVE);
    support_version_is(&home, "D-3", "d3", WALLET_REVOKED);
    /* Whose row cannot be read at all, nobody knows. */
    (void)support_give(&home, "bad", NOW_ROW("D-4", "d4"), NULL,
                       &(struct support_import){.order = {.part = true}});
    r = support_give(&home, "bad", NOW_ROW("D-1", "d1") NOW_ROW("D-2", "d2") "\"D-4,d4\n", NULL,
                     &revoke);
    assert_int_equal(r.unread, 1);
    assert_int_equal(r.gone, 1);
    assert_int_equal(r.revoked_gone, 0);
    assert_true(r.revoke_refused);
    support_version_is(&home, "D-4", "d4", WALLET_ACTIVE);
}

/* A sheet that made zeros of a number's last digits lists the license, under a name nobody has. */
static void a_row_whose_number_is_damaged_leaves_all_as_it_is(void **state)
{
    (void)state;
    struct support_import revoke = {.order = {.gone = WALLET_GONE_REVOKE}};
    (void)support_give(&home, "sheet", NOW_ROW("S-1", "s1") NOW_ROW("123456789012345678", "s2"),
                       NULL, NULL);
    const struct wallet_import_result r = support_give(
        &home, "sheet", NOW_ROW("S-1", "s1") NOW_ROW("123456789012345000", "s2"), NULL, &revoke);
    assert_int_equal(r.bad, 1);
    assert_int_equal(r.unread, 1);
    assert_int_equal(r.gone, 1);
    assert_true(r.revoke_refused);
    support_version_is(&home, "123456789012345678", "s2", WALLET_ACTIVE);
}

/* Ten of a register are listed, or none: whoever asks is told, and an order must say how many. */
static void a_file_that_lists_too_little_revokes_nothing_unless_it_is_said_how_many(void **state)
{
    (void)state;
    LW_AUTO_BUF rows = LW_BUF(SUPPORT_REGISTER_MAX);
    struct support_import revoke = {.order = {.gone = WALLET_GONE_REVOKE}};
    struct support_import kept = {.stop_at = 0};
    const char *text = NULL;
    for (int i = 0; i < 60; i++) {
        char number[16];
        char term[16];
        (void)snprintf(number, sizeof(number), "M-%d", i);
        (void)snprintf(term, sizeof(term), "m%d", i);
        support_import_row(&rows, number, term, "2026-01-01", "2028-12-31", "AAI");
    }
    must(lw_buf_c(&rows, &text));
    (void)support_give(&home, "many", text, NULL, NULL);
    const char *at = text;
    for (int i = 0; i < 6; i++) {
        at = strchr(at, '\n') + 1;
    }
    struct wallet_import_result r =
        support_give(&home, "many", at, NULL, &kept); /* six of sixty: a tenth */
    assert_int_equal(r.gone, 6);
    assert_int_equal(r.in_force, 60);
    assert_false(r.gone_many);
    r = support_give(&home, "many", strchr(at, '\n') + 1, NULL, &revoke);
    assert_int_equal(r.gone, 7);
    assert_true(r.gone_too_many);
    assert_int_equal(r.revoked_gone, 0);
    revoke.order.gone_max = 59;
    r = support_give(&home, "many", "", NULL, &revoke); /* the header, and no row */
    assert_int_equal(r.gone, 60);
    assert_true(r.gone_too_many);
    support_version_is(&home, "M-59", "m59", WALLET_ACTIVE);
    revoke.order.gone_max = 60;
    r = support_give(&home, "many", "", NULL, &revoke);
    assert_false(r.gone_too_many);
    assert_int_equal(r.revoked_gone, 60);
    support_version_is(&home, "M-59", "m59", WALLET_REVOKED);
}

/* The last of a register is many, too. */
static void a_file_without_a_good_row_revokes_not_one(void **state)
{
    (void)state;
    struct support_import revoke = {.order = {.gone = WALLET_GONE_REVOKE}};
    (void)support_give(&home, "last", NOW_ROW("L-1", "l1"), NULL, NULL);
    const struct wallet_import_result r = support_give(&home, "last", "", NULL, &revoke);
    assert_true(r.gone_too_many);
    support_version_is(&home, "L-1", "l1", WALLET_ACTIVE);
}

/* The term in force is not listed any more, an older one of the number is. */
static void a_term_can_be_gone_while_its_number_is_not(void **state)
{
    (void)state;
    struct support_import revoke = {.order = {.gone = WALLET_GONE_REVOKE}};
    static const char old[] =
        "E-1,e1,ACC-E-1,Company,2024-01-01,2025-12-31,2024-01-01,AAI,Street,Food\n";
    char both[512];
    (void)snprintf(both, sizeof(both), "%s%s", old, NOW_ROW("E-1", "e2"));
    (void)support_give(&home, "term", both, NULL, NULL);
    const struct wallet_import_result r = support_give(&home, "term", old, NULL, &revoke);
    assert_int_equal(r.gone, 1);
    support_version_is(&home, "E-1", "e2", WALLET_REVOKED);
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
        cmocka_unit_test(what_is_gone_is_told_and_kept_unless_it_is_to_be_revoked),
        cmocka_unit_test(only_what_this_register_brought_and_what_is_in_force_is_gone),
        cmocka_unit_test(a_part_or_a_file_of_bad_rows_leaves_nothing_out),
        cmocka_unit_test(a_bad_row_is_not_gone),
        cmocka_unit_test(a_row_whose_number_is_damaged_leaves_all_as_it_is),
        cmocka_unit_test(a_file_that_lists_too_little_revokes_nothing_unless_it_is_said_how_many),
        cmocka_unit_test(a_file_without_a_good_row_revokes_not_one),
        cmocka_unit_test(a_term_can_be_gone_while_its_number_is_not),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
