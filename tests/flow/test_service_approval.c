/* The service closes imports that nobody approved in time, without a command. */
#define _GNU_SOURCE

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "importing.h"
#include "service.h"
#include "two_people.h"
#include "wallet/store_approval.h"

enum { BATCHES = 10, WAIT_STEPS = 600, STEP_MS = 100 }; /* more than it closes in one step */

static struct support_service s;
static struct support_operator anna;

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

static uint64_t ask(unsigned n)
{
    struct support_import import = {.order = {.by = &anna.by, .part = true}};
    char number[32];
    char term[32];
    LW_AUTO_BUF csv = LW_BUF(SUPPORT_REGISTER_MAX);
    (void)snprintf(number, sizeof(number), "S-%u", n);
    (void)snprintf(term, sizeof(term), "t-%u", n);
    must(lw_buf_put_c(&csv, SUPPORT_IMPORT_HEADER));
    support_import_row(&csv, number, term, "2026-01-01", "2028-12-31", "AAI");
    must(support_import(s.home.home, lw_buf_view(&csv), support_import_map, &import));
    assert_true(import.result.waiting);
    return import.result.number;
}

struct expiry {
    uint64_t number;
    int64_t at;
};

static lw_err write_expiry(struct wallet_txn *txn, void *ctx)
{
    const struct expiry *e = ctx;
    const struct wallet_import_record record = support_batch(&s.home, e->number);
    struct wallet_approval approval;
    LW_TRY(wallet_store_approval_get(txn, record.id, &approval));
    approval.expires = e->at;
    return wallet_store_approval_put(txn, &approval);
}

static void expires_at(uint64_t number, int64_t at)
{
    struct expiry e = {.number = number, .at = at};
    must(wallet_store_write(wallet_home_store(s.home.home), write_expiry, &e));
}

static size_t waiting(const uint64_t *numbers, size_t count)
{
    size_t left = 0;
    for (size_t i = 0; i < count; i++) {
        left += support_batch(&s.home, numbers[i]).state == WALLET_IMPORT_WAITING ? 1 : 0;
    }
    return left;
}

static void what_waits_too_long_is_closed_by_the_service(void **state)
{
    (void)state;
    const int64_t now = lw_now(s.home.env.clock);
    uint64_t numbers[BATCHES];
    for (unsigned i = 0; i < BATCHES; i++) {
        numbers[i] = ask(i);
    }
    const uint64_t in_time = ask(BATCHES);
    for (unsigned i = 0; i < BATCHES; i++) {
        expires_at(numbers[i], now);
    }
    expires_at(in_time, now + 1);
    support_service_run(&s);
    for (unsigned i = 0; i < WAIT_STEPS && waiting(numbers, BATCHES) > 0; i++) {
        (void)poll(NULL, 0, STEP_MS);
    }
    for (unsigned i = 0; i < BATCHES; i++) {
        assert_int_equal(support_batch(&s.home, numbers[i]).state, WALLET_IMPORT_EXPIRED);
    }
    assert_int_equal(support_batch(&s.home, in_time).state, WALLET_IMPORT_WAITING);
}

static int start(void **state)
{
    enum wallet_operator_state kept;
    (void)state;
    support_service_make(&s);
    support_operator_make(&anna, "anna");
    must(support_operator_add(&s.home, &anna, NULL, &kept));
    must(support_two_people_load(&s.home, 2, true));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    support_operator_drop(&anna);
    support_service_stop(&s);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_waits_too_long_is_closed_by_the_service),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
