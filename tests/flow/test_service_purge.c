/* What has expired is cleared away as fast as it can be made. */
#define _GNU_SOURCE

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "service.h"
#include "wallet/store_grant.h"
#include "wallet/store_seen.h"

enum { GRANTS = 4000, WAIT_STEPS = 600, STEP_MS = 100 };

static struct support_service s;

static struct wallet_grant_name name_of(uint8_t handle[16], unsigned n)
{
    memset(handle, 0, 16);
    memcpy(handle, &n, sizeof(n));
    return (struct wallet_grant_name){.kind = WALLET_GRANT_CHALLENGE,
                                      .handle = {.ptr = handle, .len = 16}};
}

static lw_err write_grants(struct wallet_txn *txn, void *ctx)
{
    const int64_t now = lw_now(s.home.env.clock);
    (void)ctx;
    for (unsigned i = 0; i < GRANTS; i++) {
        uint8_t handle[16];
        LW_TRY(wallet_store_grant_put(txn, name_of(handle, i), (lw_bytes){NULL, 0}, now - 100,
                                      now - 10));
    }
    return LW_SUCCESS;
}

static size_t left(void)
{
    size_t count = 0;
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(wallet_home_store(s.home.home), &txn).code, LW_OK);
    for (unsigned i = 0; i < GRANTS; i++) {
        uint8_t handle[16];
        const lw_err err =
            wallet_store_grant_peek(txn, name_of(handle, i), lw_now(s.home.env.clock), NULL);
        count += err.code == LW_E_NOT_FOUND ? 0 : 1;
    }
    return count;
}

static void thousands_of_expired_grants_go_by_themselves(void **state)
{
    (void)state;
    size_t count = GRANTS;
    assert_int_equal(wallet_store_write(wallet_home_store(s.home.home), write_grants, NULL).code,
                     LW_OK);
    for (unsigned i = 0; i < WAIT_STEPS && count > 0; i++) {
        (void)poll(NULL, 0, STEP_MS);
        count = left();
    }
    assert_int_equal(count, 0);
}

static lw_err write_seen(struct wallet_txn *txn, void *ctx)
{
    const int64_t now = lw_now(s.home.env.clock);
    int64_t *before = ctx;
    for (unsigned i = 0; i < GRANTS; i++) {
        uint8_t id[WALLET_SEEN_ID_LEN] = {0};
        memcpy(id, &i, sizeof(i));
        LW_TRY(wallet_store_seen(txn, now - WALLET_SEEN_KEPT_S - 1, id, now, &before[0]));
        LW_TRY(wallet_store_seen(txn, now - WALLET_SEEN_KEPT_S, id, now, &before[1]));
    }
    return LW_SUCCESS;
}

/* Looks the last one up by noting it, and leaves no trace. */
static lw_err look(struct wallet_txn *txn, void *ctx)
{
    const int64_t now = lw_now(s.home.env.clock);
    int64_t *before = ctx;
    const unsigned last = GRANTS - 1;
    uint8_t id[WALLET_SEEN_ID_LEN] = {0};
    memcpy(id, &last, sizeof(last));
    LW_TRY(wallet_store_seen(txn, now - WALLET_SEEN_KEPT_S - 1, id, now, &before[0]));
    LW_TRY(wallet_store_seen(txn, now - WALLET_SEEN_KEPT_S, id, now, &before[1]));
    return LW_FAIL(LW_E_CONFLICT, "test: only a look", LW_NOWHERE);
}

static void presentations_seen_are_gone_when_they_cannot_be_accepted_any_more(void **state)
{
    (void)state;
    struct wallet_store *store = wallet_home_store(s.home.home);
    int64_t before[2] = {0, 0};
    assert_int_equal(wallet_store_write(store, write_seen, before).code, LW_OK);
    before[0] = 0;
    for (unsigned i = 0; i < WAIT_STEPS && before[0] != INT64_MIN; i++) {
        (void)poll(NULL, 0, STEP_MS);
        assert_int_equal(wallet_store_write(store, look, before).code, LW_E_CONFLICT);
    }
    assert_true(before[0] == INT64_MIN);
    assert_int_equal(before[1], lw_now(s.home.env.clock)); /* the younger ones stay */
}

static int start(void **state)
{
    (void)state;
    support_service_start(&s);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    support_service_stop(&s);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(thousands_of_expired_grants_go_by_themselves),
        cmocka_unit_test(presentations_seen_are_gone_when_they_cannot_be_accepted_any_more),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
