/* A credential asked for by many at the same moment: one is made, and everybody gets it. */
#define _GNU_SOURCE

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "home.h"
#include "wallet/flow_issue.h"

enum { RACERS = 8, CREDENTIAL_MAX = 64 * 1024 };

static struct support_home home;

struct racer {
    pthread_t thread;
    pthread_barrier_t *start;
    lw_err err;
    lw_buf out;
};

static void race(struct racer racers[RACERS], void *(*run)(void *))
{
    pthread_barrier_t start;
    assert_int_equal(pthread_barrier_init(&start, NULL, RACERS), 0);
    for (size_t i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.start = &start, .out = LW_BUF(CREDENTIAL_MAX)};
        assert_int_equal(pthread_create(&racers[i].thread, NULL, run, &racers[i]), 0);
    }
    for (size_t i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
    }
    (void)pthread_barrier_destroy(&start);
}

/* All succeeded, with the same bytes. */
static void expect_one(struct racer racers[RACERS])
{
    for (size_t i = 0; i < RACERS; i++) {
        if (racers[i].err.code != LW_OK) {
            fail_msg("%s: %s", lw_code_name(racers[i].err.code), racers[i].err.why);
        }
        assert_true(lw_bytes_eq(lw_buf_view(&racers[i].out), lw_buf_view(&racers[0].out)));
    }
    for (size_t i = 0; i < RACERS; i++) {
        lw_buf_free(&racers[i].out);
    }
}

static void *get_credential(void *arg)
{
    struct racer *r = arg;
    (void)pthread_barrier_wait(r->start);
    r->err = wallet_flow_credential(home.home, wallet_license_ref_parse(LW_STR("R-1")),
                                    LW_STR("dc+sd-cwt"), &home.holder.key, &r->out);
    return NULL;
}

static void a_credential_asked_for_many_times_at_once_is_made_once(void **state)
{
    (void)state;
    struct racer racers[RACERS];
    support_home_issue(&home, "R-1");
    race(racers, get_credential);
    expect_one(racers);
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
        cmocka_unit_test(a_credential_asked_for_many_times_at_once_is_made_once),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
