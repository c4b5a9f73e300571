/*
 * F1, the signers alone: `lw-signer` processes are killed while three threads of their parent work.
 * The parent starts them again and has what was under way signed once more: no flow fails, and
 * nothing is done twice or by halves.
 */
#define _GNU_SOURCE

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "fault.h"
#include "hsm/rng.h"
#include "kill_work.h"
#include "token.h"

enum {
    ROUNDS_SHORT = 10,
    ROUNDS_FULL = 400,
    STEPS = 6, /* of each thread between two looks */
    LEAST_MS = 20,
    WINDOW_MS = 120,
    CHILDREN_MAX = 16,
    NS_PER_MS = 1000000,
};

struct work {
    struct support_home home;
    struct kill_ledger *ledger;
    unsigned round;
    atomic_bool done;
};

static uint64_t below(uint64_t bound)
{
    uint64_t n = 0;
    assert_int_equal(lw_rng_below(hsm_rng_system(), bound, &n).code, LW_OK);
    return n;
}

static void *work_on(void *arg)
{
    struct work *w = arg;
    kill_work(&w->home, w->ledger, w->round, STEPS);
    atomic_store(&w->done, true);
    return NULL;
}

/* Kills one of the signers now and then. returns how many */
static size_t kill_some(struct work *w)
{
    size_t killed = 0;
    while (!atomic_load(&w->done)) {
        pid_t pids[CHILDREN_MAX];
        const struct timespec pause = {.tv_nsec = (long)(LEAST_MS + below(WINDOW_MS)) * NS_PER_MS};
        (void)nanosleep(&pause, NULL);
        const size_t count = support_children(pids, CHILDREN_MAX);
        if (count > 0 && !atomic_load(&w->done)) {
            (void)kill(pids[below(count)], SIGKILL);
            killed++;
        }
    }
    return killed;
}

static void signers_that_are_killed_cost_nothing(void **state)
{
    (void)state;
    static struct work w;
    const size_t rounds = support_fault_rounds(ROUNDS_SHORT, ROUNDS_FULL);
    size_t killed = 0;
    w.ledger = kill_ledger_new();
    support_home_make(&w.home);
    while (killed < rounds && atomic_load(&w.ledger->violations) == 0) {
        pthread_t thread;
        w.round++;
        atomic_store(&w.done, false);
        assert_int_equal(pthread_create(&thread, NULL, work_on, &w), 0);
        killed += kill_some(&w);
        (void)pthread_join(thread, NULL);
        kill_check(&w.home, w.ledger, w.round, false);
    }
    kill_check(&w.home, w.ledger, 0, true);
    kill_check_whole(&w.home, w.ledger);
    const unsigned violations = atomic_load(&w.ledger->violations);
    char what[128];
    (void)snprintf(what, sizeof(what),
                   "kill -9 of lw-signer under three threads: %llu acknowledged",
                   atomic_load(&w.ledger->acked));
    support_fault_report("F1", what, killed, violations);
    support_home_drop(&w.home);
    if (violations > 0) {
        fail_msg("%u violations, the first: %s", violations, w.ledger->why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signers_that_are_killed_cost_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
