/*
 * Orders for one number that come at once, each for a version of its own: of them all one version
 * is in force at the end, the others came before it or were refused, and none is half done.
 */
#define _GNU_SOURCE

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "importing.h"
#include "issue.h"
#include "wallet/store_license.h"

enum { RACERS = 6, ROUNDS = 8, TEXT = 32 };

static struct support_home home;

struct racer {
    pthread_t thread;
    pthread_barrier_t *start;
    char number[TEXT];
    char version[TEXT]; /* empty: the next */
    lw_err err;
};

static void *order(void *arg)
{
    struct racer *r = arg;
    const struct support_order what = {.number = r->number, .version = r->version};
    (void)pthread_barrier_wait(r->start);
    r->err = support_issue(home.home, &what);
    return NULL;
}

/* returns how many were acknowledged */
static size_t race(unsigned round, bool named)
{
    struct racer racers[RACERS];
    pthread_barrier_t start;
    size_t issued = 0;
    assert_int_equal(pthread_barrier_init(&start, NULL, RACERS), 0);
    for (size_t i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.start = &start};
        (void)snprintf(racers[i].number, TEXT, "%s-%u", named ? "N" : "U", round);
        if (named) {
            (void)snprintf(racers[i].version, TEXT, "T-%u-%zu", round, i);
        }
        assert_int_equal(pthread_create(&racers[i].thread, NULL, order, &racers[i]), 0);
    }
    for (size_t i = 0; i < RACERS; i++) {
        (void)pthread_join(racers[i].thread, NULL);
        issued += racers[i].err.code == LW_OK ? 1 : 0;
        if (racers[i].err.code != LW_OK) {
            assert_int_equal(racers[i].err.code, LW_E_CONFLICT);
        }
    }
    (void)pthread_barrier_destroy(&start);
    return issued;
}

/* What is acknowledged is there, of each number one version is in force, and no intent is left. */
static void expect_one_in_force(const struct support_held *before, size_t issued)
{
    struct support_held held;
    support_held(home.home, true, &held);
    assert_int_equal(held.licenses - before->licenses, issued);
    assert_int_equal(held.issued - before->issued, issued);
    assert_int_equal(held.by_state[WALLET_ACTIVE] - before->by_state[WALLET_ACTIVE], ROUNDS);
    assert_int_equal(held.by_state[WALLET_SUPERSEDED] - before->by_state[WALLET_SUPERSEDED],
                     issued - ROUNDS);
    assert_int_equal(held.intents, 0);
}

static void of_versions_ordered_at_once_one_is_in_force(void **state)
{
    (void)state;
    struct support_held before;
    size_t issued = 0;
    support_held(home.home, true, &before);
    for (unsigned i = 0; i < ROUNDS; i++) {
        const size_t some = race(i, true);
        assert_true(some >= 1);
        issued += some;
    }
    expect_one_in_force(&before, issued);
}

static void orders_for_the_next_version_at_once_leave_one_in_force(void **state)
{
    (void)state;
    struct support_held before;
    size_t issued = 0;
    support_held(home.home, true, &before);
    for (unsigned i = 0; i < ROUNDS; i++) {
        const size_t some = race(i, false);
        assert_true(some >= 1);
        issued += some;
    }
    expect_one_in_force(&before, issued);
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
        cmocka_unit_test(of_versions_ordered_at_once_one_is_in_force),
        cmocka_unit_test(orders_for_the_next_version_at_once_leave_one_in_force),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
