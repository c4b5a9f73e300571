/* Many threads after the same thing: exactly one gets it. Run under ThreadSanitizer too. */
#define _POSIX_C_SOURCE 200809L /* barriers */

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "records.h"
#include "wallet/store_grant.h"
#include "wallet/store_status.h"

enum { THREADS = 64, ROUNDS = 40, RACERS = 8, EACH = 25 };

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

struct racer {
    struct support_store *f;
    pthread_barrier_t *barrier;
    pthread_t thread;
    lw_code codes[ROUNDS];
    struct wallet_intent intents[ROUNDS];
    uint64_t serials[EACH];
    struct wallet_status_place places[EACH];
};

static struct racer racers[THREADS];

static void race(struct support_store *f, size_t count, void *(*run)(void *))
{
    pthread_barrier_t barrier;
    assert_int_equal(pthread_barrier_init(&barrier, NULL, (unsigned)count), 0);
    for (size_t i = 0; i < count; i++) {
        racers[i].f = f;
        racers[i].barrier = &barrier;
        assert_int_equal(pthread_create(&racers[i].thread, NULL, run, &racers[i]), 0);
    }
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
    }
    assert_int_equal(pthread_barrier_destroy(&barrier), 0);
}

static struct wallet_grant_name name_of(unsigned round, char text[32])
{
    (void)snprintf(text, 32, "handle %u", round);
    return (struct wallet_grant_name){.kind = WALLET_GRANT_CHALLENGE,
                                      .handle = lw_str_bytes(lw_str_c(text))};
}

static lw_err put_grant(struct wallet_txn *txn, void *ctx)
{
    const struct wallet_grant_name *name = ctx;
    return wallet_store_grant_put(txn, *name, lw_str_bytes(LW_STR("payload")), SUPPORT_NOW,
                                  SUPPORT_NOW + 1);
}

static lw_err take_grant(struct wallet_txn *txn, void *ctx)
{
    const struct wallet_grant_name *name = ctx;
    return wallet_store_grant_take(txn, *name, SUPPORT_NOW, NULL);
}

static void *take_all(void *ctx)
{
    struct racer *r = ctx;
    for (unsigned round = 0; round < ROUNDS; round++) {
        char text[32];
        struct wallet_grant_name name = name_of(round, text);
        (void)pthread_barrier_wait(r->barrier);
        r->codes[round] = wallet_store_write(r->f->store, take_grant, &name).code;
    }
    return NULL;
}

static void assert_one_winner(size_t count, unsigned round, lw_code losers)
{
    size_t won = 0;
    for (size_t i = 0; i < count; i++) {
        won += racers[i].codes[round] == LW_OK ? 1 : 0;
        assert_true(racers[i].codes[round] == LW_OK || racers[i].codes[round] == losers);
    }
    assert_int_equal(won, 1);
}

static void of_64_racing_takers_of_a_grant_exactly_one_succeeds(void **state)
{
    struct support_store *f = *state;
    for (unsigned round = 0; round < ROUNDS; round++) {
        char text[32];
        struct wallet_grant_name name = name_of(round, text);
        support_store_write(f, put_grant, &name);
    }
    race(f, THREADS, take_all);
    for (unsigned round = 0; round < ROUNDS; round++) {
        assert_one_winner(THREADS, round, LW_E_NOT_FOUND);
    }
    assert_int_equal(support_count(f, "grant"), 0);
    assert_int_equal(support_count(f, "grant-expiry"), 0);
}

static void *put_all(void *ctx)
{
    struct racer *r = ctx;
    for (unsigned round = 0; round < ROUNDS; round++) {
        char text[32];
        struct wallet_grant_name name = name_of(round, text);
        (void)pthread_barrier_wait(r->barrier);
        r->codes[round] = wallet_store_write(r->f->store, put_grant, &name).code;
    }
    return NULL;
}

static void of_64_racing_to_show_the_same_thing_exactly_one_is_the_first(void **state)
{
    struct support_store *f = *state;
    race(f, THREADS, put_all);
    for (unsigned round = 0; round < ROUNDS; round++) {
        assert_one_winner(THREADS, round, LW_E_CONFLICT);
    }
    assert_int_equal(support_count(f, "grant"), ROUNDS);
}

static lw_err reserve(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_license_reserve(txn, ctx);
}

static void *reserve_all(void *ctx)
{
    struct racer *r = ctx;
    for (unsigned round = 0; round < ROUNDS; round++) {
        (void)pthread_barrier_wait(r->barrier);
        r->codes[round] = wallet_store_write(r->f->store, reserve, &r->intents[round]).code;
    }
    return NULL;
}

static void a_number_is_set_aside_by_exactly_one(void **state)
{
    struct support_store *f = *state;
    for (size_t i = 0; i < RACERS; i++) {
        for (unsigned round = 0; round < ROUNDS; round++) {
            char number[32];
            (void)snprintf(number, sizeof(number), "N-%u", round);
            const struct support_license what = {.number = number};
            support_intent(f, &what, &racers[i].intents[round]);
        }
    }
    race(f, RACERS, reserve_all);
    for (unsigned round = 0; round < ROUNDS; round++) {
        assert_one_winner(RACERS, round, LW_E_CONFLICT);
    }
    assert_int_equal(support_count(f, "intent"), ROUNDS);
    assert_int_equal(support_count(f, "license-number"), ROUNDS);
}

struct next {
    uint64_t *serial;
    struct wallet_status_place *place;
};

static lw_err next_of_both(struct wallet_txn *txn, void *ctx)
{
    const struct next *n = ctx;
    const struct wallet_status_owner owner = {.exp = SUPPORT_NOW};
    LW_TRY(wallet_store_serial_next(txn, LW_STR("city"), LW_STR("permit"), n->serial));
    return wallet_store_status_allocate(txn, LW_STR("city"), &owner, SUPPORT_NOW, n->place);
}

static void *draw_all(void *ctx)
{
    struct racer *r = ctx;
    for (size_t i = 0; i < EACH; i++) {
        struct next n = {.serial = &r->serials[i], .place = &r->places[i]};
        r->codes[i] = wallet_store_write(r->f->store, next_of_both, &n).code;
    }
    return NULL;
}

static void serials_and_places_are_given_to_one_each(void **state)
{
    struct support_store *f = *state;
    static bool seen[RACERS * EACH + 1];
    race(f, RACERS, draw_all);
    for (size_t i = 0; i < RACERS; i++) {
        for (size_t k = 0; k < EACH; k++) {
            assert_int_equal(racers[i].codes[k], LW_OK);
            assert_in_range(racers[i].serials[k], 1, RACERS * EACH);
            assert_false(seen[racers[i].serials[k]]);
            seen[racers[i].serials[k]] = true;
        }
    }
    assert_int_equal(support_count(f, "status-entry"), RACERS * EACH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(of_64_racing_takers_of_a_grant_exactly_one_succeeds, make,
                                        drop),
        cmocka_unit_test_setup_teardown(
            of_64_racing_to_show_the_same_thing_exactly_one_is_the_first, make, drop),
        cmocka_unit_test_setup_teardown(a_number_is_set_aside_by_exactly_one, make, drop),
        cmocka_unit_test_setup_teardown(serials_and_places_are_given_to_one_each, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
