/* What changes between asking for an import, approving it and its end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "importing.h"
#include "two_people.h"
#include "wallet/flow_approve.h"
#include "wallet/flow_mend.h"
#include "wallet/store_approval.h"

static struct support_home home;
static struct support_operator anna;
static struct support_operator berta;

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

#define ROW(no, street)                                                                            \
    no ",t-" no ",ACC-" no ",Company " no ",2026-01-01,2028-12-31,2026-01-01,AAI," street ",Food"  \
       "\n"

/* Of one register of five licenses. */
#define FIVE(no)                                                                                   \
    ROW(no "-1", "Main Street")                                                                    \
    ROW(no "-2", "Main Street")                                                                    \
    ROW(no "-3", "Main Street") ROW(no "-4", "Main Street") ROW(no "-5", "Main Street")

static uint64_t waiting(const char *rows)
{
    struct support_import import = {.order = {.by = &anna.by, .part = true}};
    LW_AUTO_BUF csv = LW_BUF(SUPPORT_REGISTER_MAX);
    must(lw_buf_put_c(&csv, SUPPORT_IMPORT_HEADER));
    must(lw_buf_put_c(&csv, rows));
    must(support_import(home.home, lw_buf_view(&csv), support_import_map, &import));
    assert_true(import.result.waiting);
    return import.result.number;
}

struct approving {
    bool stops; /* after the first batches */
    struct wallet_import_result result;
};

static void on_issue(void *ctx, const struct wallet_import_issue *issue)
{
    (void)ctx;
    (void)issue;
}

static bool on_approve(void *ctx, const struct wallet_import_result *found)
{
    (void)ctx;
    (void)found;
    return true;
}

static bool on_stop(void *ctx)
{
    const struct approving *a = ctx;
    return a->stops;
}

static lw_err approve(uint64_t number, struct approving *a)
{
    const struct wallet_approve_order order = {.number = number, .by = &berta.by, .batch_rows = 1};
    const struct wallet_import_watch watch = {
        .issue = on_issue, .approve = on_approve, .stop = on_stop, .ctx = a};
    return wallet_flow_approve(home.home, &order, &watch, &a->result);
}

static void read_approval(uint64_t number, struct wallet_approval *approval)
{
    const struct wallet_import_record record = support_batch(&home, number);
    WALLET_AUTO_TXN txn = NULL;
    must(wallet_read_begin(wallet_home_store(home.home), &txn));
    must(wallet_store_approval_get(txn, record.id, approval));
}

/* Approved, and stopped before all of it was issued. */
static void stopped(uint64_t number, struct approving *a)
{
    a->stops = true;
    must(approve(number, a));
    assert_true(a->result.stopped && a->result.issued > 0 && a->result.issued < 5);
    assert_int_equal(support_batch(&home, number).state, WALLET_IMPORT_RUNNING);
    a->stops = false;
}

static lw_code file_of(uint64_t number)
{
    struct wallet_approval approval;
    LW_AUTO_BUF csv = LW_BUF(1 << 20);
    LW_AUTO_BUF map = LW_BUF(1 << 20);
    read_approval(number, &approval);
    WALLET_AUTO_TXN txn = NULL;
    must(wallet_read_begin(wallet_home_store(home.home), &txn));
    return wallet_store_approval_open(txn, &approval, &csv, &map).code;
}

static void a_voided_batch_that_had_not_ended_leaves_no_file(void **state)
{
    (void)state;
    struct approving a = {.stops = false};
    struct wallet_void_result voided;
    const uint64_t number = waiting(FIVE("A"));
    stopped(number, &a);
    assert_int_equal(file_of(number), LW_OK);
    must(
        wallet_flow_void_import(home.home, number, LW_STR("wrong"), LW_STR("test"), NULL, &voided));
    assert_int_equal(support_batch(&home, number).state, WALLET_IMPORT_VOIDED);
    assert_int_equal(file_of(number), LW_E_NOT_FOUND);
}

static int make(void **state)
{
    enum wallet_operator_state kept;
    (void)state;
    support_home_make(&home);
    support_operator_make(&anna, "anna");
    support_operator_make(&berta, "berta");
    must(support_two_people_load(&home, 2, true));
    must(support_operator_add(&home, &anna, NULL, &kept));
    must(support_operator_add(&home, &berta, &anna, &kept));
    return 0;
}

static int drop(void **state)
{
    struct support_held held;
    (void)state;
    support_held(home.home, false, &held);
    support_operator_drop(&anna);
    support_operator_drop(&berta);
    support_home_drop(&home);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_voided_batch_that_had_not_ended_leaves_no_file),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
