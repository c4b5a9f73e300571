#include "wallet/store_grant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "records.h"

static int make(void **state)
{
    static struct support_store f;
    support_store_make(&f);
    *state = &f;
    return 0;
}

static int drop(void **state)
{
    support_store_drop(*state);
    return 0;
}

struct grant {
    struct wallet_grant_name name;
    lw_bytes payload;
    int64_t now;
    int64_t expires;
    lw_buf out;
    size_t max;
    size_t purged;
};

static lw_err put(struct wallet_txn *txn, void *ctx)
{
    const struct grant *g = ctx;
    return wallet_store_grant_put(txn, g->name, g->payload, g->now, g->expires);
}

static lw_err take(struct wallet_txn *txn, void *ctx)
{
    struct grant *g = ctx;
    lw_buf_truncate(&g->out, 0);
    return wallet_store_grant_take(txn, g->name, g->now, &g->out);
}

static lw_err purge(struct wallet_txn *txn, void *ctx)
{
    struct grant *g = ctx;
    return wallet_store_grant_purge(txn, g->now, g->max, &g->purged);
}

static struct grant grant_of(enum wallet_grant_kind kind, const char *handle, int64_t expires)
{
    return (struct grant){.name = {.kind = kind, .handle = lw_str_bytes(lw_str_c(handle))},
                          .payload = lw_str_bytes(LW_STR("what for")),
                          .now = SUPPORT_NOW,
                          .expires = expires,
                          .out = LW_BUF(64)};
}

static lw_code peek(const struct support_store *f, const struct grant *g, lw_buf *out)
{
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    return wallet_store_grant_peek(txn, g->name, g->now, out).code;
}

static void a_grant_is_taken_once_with_what_it_is_for(void **state)
{
    struct support_store *f = *state;
    struct grant g = grant_of(WALLET_GRANT_CHALLENGE, "nonce", SUPPORT_NOW + 60);
    LW_AUTO_BUF seen = LW_BUF(64);
    assert_int_equal(wallet_store_write(f->store, take, &g).code, LW_E_NOT_FOUND);
    support_store_write(f, put, &g);
    assert_int_equal(peek(f, &g, &seen), LW_OK);
    assert_true(lw_bytes_eq(lw_buf_view(&seen), g.payload));
    support_store_reopen(f);
    assert_int_equal(wallet_store_write(f->store, take, &g).code, LW_OK);
    assert_true(lw_bytes_eq(lw_buf_view(&g.out), g.payload));
    assert_int_equal(wallet_store_write(f->store, take, &g).code, LW_E_NOT_FOUND);
    assert_int_equal(peek(f, &g, NULL), LW_E_NOT_FOUND);
    assert_int_equal(support_count(f, "grant-expiry"), 0);
    lw_buf_free(&g.out);
}

static void kinds_and_handles_are_kept_apart(void **state)
{
    struct support_store *f = *state;
    struct grant g = grant_of(WALLET_GRANT_CODE, "h", SUPPORT_NOW + 60);
    support_store_write(f, put, &g);
    const struct grant others[] = {grant_of(WALLET_GRANT_NONCE, "h", 0),
                                   grant_of(WALLET_GRANT_CODE, "h2", 0)};
    assert_int_equal(peek(f, &others[0], NULL), LW_E_NOT_FOUND);
    assert_int_equal(peek(f, &others[1], NULL), LW_E_NOT_FOUND);
    for (unsigned kind = WALLET_GRANT_CHALLENGE; kind < WALLET_GRANT_KIND_END; kind++) {
        struct grant one = grant_of((enum wallet_grant_kind)kind, "each", SUPPORT_NOW + 60);
        support_store_write(f, put, &one);
    }
    assert_int_equal(support_count(f, "grant"), WALLET_GRANT_KIND_END);
}

static void a_grant_ends_on_the_second_it_says(void **state)
{
    struct support_store *f = *state;
    struct grant g = grant_of(WALLET_GRANT_CHALLENGE, "nonce", SUPPORT_NOW + 60);
    support_store_write(f, put, &g);
    g.now = SUPPORT_NOW + 60;
    assert_int_equal(wallet_store_write(f->store, take, &g).code, LW_E_EXPIRED);
    assert_int_equal(peek(f, &g, NULL), LW_E_EXPIRED);
    g.now--;
    assert_int_equal(wallet_store_write(f->store, take, &g).code, LW_OK);
    lw_buf_free(&g.out);
}

/* A clock that was fast and was set right: what it made waits for its own time. */
static void a_grant_made_later_than_it_is_now_is_not_good(void **state)
{
    struct support_store *f = *state;
    struct grant g = grant_of(WALLET_GRANT_CHALLENGE, "0123456789abcdef", SUPPORT_NOW + 300);
    struct grant seen = grant_of(WALLET_GRANT_REPLAY, "0123456789abcdef", SUPPORT_NOW + 300);
    assert_int_equal(wallet_store_write(f->store, put, &g).code, LW_OK);
    assert_int_equal(wallet_store_write(f->store, put, &seen).code, LW_OK);
    g.now = SUPPORT_NOW - 61;
    seen.now = SUPPORT_NOW - 61;
    assert_int_equal(wallet_store_write(f->store, take, &g).code, LW_E_EXPIRED);
    assert_int_equal(wallet_store_write(f->store, take, &seen).code, LW_OK);
    g.now = SUPPORT_NOW - 60; /* clocks a moment apart */
    assert_int_equal(wallet_store_write(f->store, take, &g).code, LW_OK);
    lw_buf_free(&g.out);
    lw_buf_free(&seen.out);
}

static void a_handle_that_is_live_is_not_given_again(void **state)
{
    struct support_store *f = *state;
    struct grant g = grant_of(WALLET_GRANT_REPLAY, "seen", SUPPORT_NOW + 60);
    support_store_write(f, put, &g);
    g.now = SUPPORT_NOW + 59;
    g.expires = SUPPORT_NOW + 500;
    assert_int_equal(wallet_store_write(f->store, put, &g).code, LW_E_CONFLICT);
    g.now = SUPPORT_NOW + 60;
    assert_int_equal(wallet_store_write(f->store, put, &g).code, LW_OK); /* not yet purged */
    assert_int_equal(support_count(f, "grant"), 1);
    assert_int_equal(support_count(f, "grant-expiry"), 1);
    g.now = SUPPORT_NOW + 499;
    assert_int_equal(peek(f, &g, NULL), LW_OK);
}

static void grants_out_of_bounds_are_refused(void **state)
{
    struct support_store *f = *state;
    static uint8_t large[WALLET_GRANT_PAYLOAD_MAX + 1];
    static char handle[WALLET_GRANT_HANDLE_MAX + 2];
    memset(handle, 'h', sizeof(handle) - 1);
    struct grant g = grant_of(WALLET_GRANT_CODE, handle, SUPPORT_NOW + 1);
    assert_int_equal(wallet_store_write(f->store, put, &g).code, LW_E_VALUE);
    assert_int_equal(wallet_store_write(f->store, take, &g).code, LW_E_VALUE);
    g.name.handle.len--;
    g.payload = LW_BYTES(large);
    assert_int_equal(wallet_store_write(f->store, put, &g).code, LW_E_VALUE);
    g.payload.len--;
    assert_int_equal(wallet_store_write(f->store, put, &g).code, LW_OK);
    g = grant_of(WALLET_GRANT_CODE, "", SUPPORT_NOW + 1);
    assert_int_equal(wallet_store_write(f->store, put, &g).code, LW_E_VALUE);
    g = grant_of(WALLET_GRANT_CODE, "h", SUPPORT_NOW);
    assert_int_equal(wallet_store_write(f->store, put, &g).code, LW_E_VALUE);
    g = grant_of((enum wallet_grant_kind)0, "h", SUPPORT_NOW + 1);
    assert_int_equal(wallet_store_write(f->store, put, &g).code, LW_E_VALUE);
    g = grant_of(WALLET_GRANT_KIND_END, "h", SUPPORT_NOW + 1);
    assert_int_equal(wallet_store_write(f->store, put, &g).code, LW_E_VALUE);
}

static void a_payload_that_has_no_room_is_not_lost(void **state)
{
    struct support_store *f = *state;
    struct grant g = grant_of(WALLET_GRANT_CODE, "h", SUPPORT_NOW + 1);
    support_store_write(f, put, &g);
    g.out = LW_BUF(2);
    assert_int_equal(wallet_store_write(f->store, take, &g).code, LW_E_LIMIT);
    g.out = LW_BUF(64);
    assert_int_equal(wallet_store_write(f->store, take, &g).code, LW_OK);
    lw_buf_free(&g.out);
}

static void what_has_expired_is_purged_a_few_at_a_time(void **state)
{
    struct support_store *f = *state;
    struct grant g = {.now = SUPPORT_NOW + 3, .max = 2};
    for (int i = 1; i <= 5; i++) {
        char handle[16];
        (void)snprintf(handle, sizeof(handle), "h%d", i);
        struct grant one = grant_of(WALLET_GRANT_CODE, handle, SUPPORT_NOW + i);
        support_store_write(f, put, &one);
    }
    support_store_write(f, purge, &g);
    assert_int_equal(g.purged, 2);
    support_store_write(f, purge, &g);
    assert_int_equal(g.purged, 1); /* the third ends at that second */
    support_store_write(f, purge, &g);
    assert_int_equal(g.purged, 0);
    assert_int_equal(support_count(f, "grant"), 2);
    assert_int_equal(support_count(f, "grant-expiry"), 2);
}

static lw_err seen(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_time_seen(txn, *(const int64_t *)ctx);
}

static int64_t newest(const struct support_store *f)
{
    int64_t t = 0;
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_time_newest(txn, &t).code, LW_OK);
    return t;
}

static void the_newest_time_ever_verified_only_rises(void **state)
{
    struct support_store *f = *state;
    const int64_t times[] = {5, 3, 5, 900, 899, INT64_MAX};
    const int64_t after[] = {5, 5, 5, 900, 900, INT64_MAX};
    assert_true(newest(f) == INT64_MIN);
    for (size_t i = 0; i < 6; i++) {
        int64_t t = times[i];
        support_store_write(f, seen, &t);
        assert_true(newest(f) == after[i]);
    }
    support_store_reopen(f);
    assert_true(newest(f) == INT64_MAX);
}

static void ends_before_1970_come_before_those_after(void **state)
{
    struct support_store *f = *state;
    struct grant old = grant_of(WALLET_GRANT_CODE, "old", -5);
    struct grant g = {.now = -5, .max = 9};
    struct grant later = grant_of(WALLET_GRANT_CODE, "later", 5);
    old.now = later.now = -10;
    support_store_write(f, put, &later);
    support_store_write(f, put, &old);
    support_store_write(f, purge, &g);
    assert_int_equal(g.purged, 1);
    later.now = 4;
    assert_int_equal(peek(f, &later, NULL), LW_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_grant_is_taken_once_with_what_it_is_for, make, drop),
        cmocka_unit_test_setup_teardown(kinds_and_handles_are_kept_apart, make, drop),
        cmocka_unit_test_setup_teardown(a_grant_ends_on_the_second_it_says, make, drop),
        cmocka_unit_test_setup_teardown(a_grant_made_later_than_it_is_now_is_not_good, make, drop),
        cmocka_unit_test_setup_teardown(a_handle_that_is_live_is_not_given_again, make, drop),
        cmocka_unit_test_setup_teardown(grants_out_of_bounds_are_refused, make, drop),
        cmocka_unit_test_setup_teardown(a_payload_that_has_no_room_is_not_lost, make, drop),
        cmocka_unit_test_setup_teardown(what_has_expired_is_purged_a_few_at_a_time, make, drop),
        cmocka_unit_test_setup_teardown(the_newest_time_ever_verified_only_rises, make, drop),
        cmocka_unit_test_setup_teardown(ends_before_1970_come_before_those_after, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
