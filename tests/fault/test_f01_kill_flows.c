/*
 * F1: a process that issues, changes, binds, verifies and imports on several threads is killed at
 * any moment, also while it starts; the next one finds everything that was acknowledged, nothing
 * half done, and the log whole. One home lives through all rounds.
 */
#define _GNU_SOURCE

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fault.h"
#include "hsm/rng.h"
#include "kill_work.h"
#include "wallet/flow_issue.h"

enum {
    ROUNDS_SHORT = 25,
    ROUNDS_FULL = 8300,
    ALL_EACH = 250, /* rounds between looks at everything */
    ROUND_S = 61,   /* so that an intent that a kill left is stale at the next start */
    WINDOW_US = 80000,
    START_US = 60000,
    START_EACH = 7, /* one of so many rounds is killed while it starts */
    US_PER_S = 1000000,
    NS_PER_US = 1000,
};

struct run {
    struct support_home home;
    struct kill_ledger *ledger;
    uint32_t *restart_us; /* of each start that came to its end */
    size_t restarts;
    unsigned checked; /* the last round whose effects were looked at */
};

static uint64_t below(uint64_t bound)
{
    uint64_t n = 0;
    assert_int_equal(lw_rng_below(hsm_rng_system(), bound, &n).code, LW_OK);
    return n;
}

static uint32_t since_us(int64_t begun_ns)
{
    return (uint32_t)((lw_mono_ns(lw_clock_system()) - begun_ns) / NS_PER_US);
}

static void tell(int fd, uint32_t value)
{
    if (write(fd, &value, sizeof(value)) != (ssize_t)sizeof(value)) {
        _exit(4);
    }
}

/* What a start does, then the work. It tells how long the start took, then that all was looked at.
 */
static void child(struct run *run, unsigned round, bool last, int fd)
{
    struct support_home *h = &run->home;
    size_t voided = 0;
    const int64_t begun = lw_mono_ns(lw_clock_system());
    h->clock.now = SUPPORT_HOME_NOW + (int64_t)round * ROUND_S;
    h->config.signers = 1;
    lw_err err = wallet_home_open(&h->config, &h->env, WALLET_HOME_SIGN, &h->home);
    err = err.code == LW_OK ? wallet_flow_recover(h->home, &voided) : err;
    if (err.code != LW_OK) {
        kill_violation(run->ledger, "the next start fails", err);
        _exit(3);
    }
    tell(fd, since_us(begun));
    if (last && atomic_load(&run->ledger->import_begun) > atomic_load(&run->ledger->import_ended)) {
        const lw_err import = kill_import(h, run->ledger);
        if (import.code != LW_OK) {
            kill_violation(run->ledger, "an import given again fails", import);
        }
    }
    kill_check(h, run->ledger, run->checked, last || round % ALL_EACH == 0);
    if (last || round % ALL_EACH == 0) {
        kill_check_whole(h, run->ledger);
    }
    if (wallet_verifier_online(h->home, &h->verifier).code != LW_OK) {
        _exit(3);
    }
    tell(fd, 0);
    kill_work(h, run->ledger, round, last ? 4 : 0);
    _exit(0);
}

static void pause_us(uint64_t us)
{
    const struct timespec pause = {.tv_sec = (time_t)(us / US_PER_S),
                                   .tv_nsec = (long)(us % US_PER_S) * NS_PER_US};
    (void)nanosleep(&pause, NULL);
}

static bool hear(int fd, uint32_t *value)
{
    return read(fd, value, sizeof(*value)) == (ssize_t)sizeof(*value);
}

/* Half of the kills come within the first milliseconds, where steps are closest together. */
static uint64_t moment_us(void)
{
    return below(2) == 0 ? below(WINDOW_US / 8) : below(WINDOW_US);
}

static void round_of(struct run *run, unsigned round, bool last)
{
    int ends[2];
    uint32_t us = 0;
    int status = 0;
    const bool early = !last && below(START_EACH) == 0 && round % ALL_EACH != 0;
    assert_int_equal(pipe(ends), 0);
    const pid_t pid = support_fault_fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(ends[0]);
        child(run, round, last, ends[1]);
    }
    (void)close(ends[1]);
    if (early) {
        pause_us(below(START_US));
    } else if (hear(ends[0], &us)) {
        run->restart_us[run->restarts++] = us;
        if (hear(ends[0], &us)) {
            run->checked = round;
            pause_us(last ? 0 : moment_us());
        }
    }
    if (!last) {
        (void)kill(pid, SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    (void)close(ends[0]);
    const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    if (last ? !WIFEXITED(status) || WEXITSTATUS(status) != 0 : !killed) {
        kill_violation(run->ledger, "a process ended by itself", LW_SUCCESS);
    }
}

static int by_size(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a;
    const uint32_t y = *(const uint32_t *)b;
    return (x > y) - (x < y);
}

static void every_acknowledged_effect_survives_a_kill(void **state)
{
    (void)state;
    static struct run run;
    char what[256];
    const size_t rounds = support_fault_rounds(ROUNDS_SHORT, ROUNDS_FULL);
    run.ledger = kill_ledger_new();
    run.restart_us = calloc(rounds + 1, sizeof(*run.restart_us));
    assert_non_null(run.restart_us);
    support_home_make(&run.home);
    wallet_verifier_free(run.home.verifier);
    wallet_home_close(run.home.home);
    run.home.home = NULL;
    run.home.verifier = NULL;
    for (unsigned round = 1; round <= rounds; round++) {
        round_of(&run, round, false);
        if (atomic_load(&run.ledger->violations) > 0) {
            fprintf(stderr, "round %u: %s\n", round, run.ledger->why);
            break;
        }
    }
    round_of(&run, (unsigned)rounds + 1, true);
    qsort(run.restart_us, run.restarts, sizeof(*run.restart_us), by_size);
    (void)snprintf(
        what, sizeof(what),
        "kill -9 of three threads in one process issuing, changing, binding, verifying, "
        "importing: %llu acknowledged; restart with recovery %u ms median, %u ms p99, %u "
        "ms at most",
        atomic_load(&run.ledger->acked), run.restart_us[run.restarts / 2] / 1000,
        run.restart_us[run.restarts * 99 / 100] / 1000, run.restart_us[run.restarts - 1] / 1000);
    const unsigned violations = atomic_load(&run.ledger->violations);
    support_fault_report("F1", what, rounds, violations);
    support_home_drop(&run.home);
    free(run.restart_us);
    if (violations > 0) {
        fail_msg("%u violations, the first: %s", violations, run.ledger->why);
    }
}

/* Says of a license what is not so; the check must object. */
static void bend(struct run *run, size_t slot, struct kill_said lie)
{
    const struct kill_said truth = kill_said_get(&run->ledger->slots[slot]);
    const unsigned before = atomic_load(&run->ledger->violations);
    kill_said_put(run->ledger, slot, lie);
    kill_check(&run->home, run->ledger, 0, true);
    assert_int_equal(atomic_load(&run->ledger->violations), before + 1);
    const struct kill_said found = kill_said_get(&run->ledger->slots[slot]);
    assert_int_equal(found.state, truth.state); /* it goes on from what there is */
    assert_int_equal(found.versions, truth.versions);
}

static size_t slot_with_state(const struct kill_ledger *ledger, unsigned state)
{
    for (size_t i = 0; i < KILL_SLOTS; i++) {
        if (kill_said_get(&ledger->slots[i]).state == state) {
            return i;
        }
    }
    fail_msg("no license in state %u", state);
    return 0;
}

static void what_is_lost_is_noticed(void **state)
{
    (void)state;
    static struct run run;
    run.ledger = kill_ledger_new();
    support_home_make(&run.home);
    kill_work(&run.home, run.ledger, 8, 24); /* a round with an import */
    kill_check(&run.home, run.ledger, 0, true);
    kill_check_whole(&run.home, run.ledger);
    assert_int_equal(atomic_load(&run.ledger->violations), 0);
    const size_t i = slot_with_state(run.ledger, WALLET_ACTIVE);
    struct kill_said lie = kill_said_get(&run.ledger->slots[i]);
    lie.versions++;
    bend(&run, i, lie);
    lie = kill_said_get(&run.ledger->slots[i]);
    lie.versions--;
    bend(&run, i, lie);
    lie = kill_said_get(&run.ledger->slots[i]);
    lie.state = WALLET_SUSPENDED;
    bend(&run, i, lie);
    lie = kill_said_get(&run.ledger->slots[i]);
    lie.changes++;
    bend(&run, i, lie);
    lie = kill_said_get(&run.ledger->slots[i]);
    lie.passes++;
    bend(&run, i, lie);
    lie = kill_said_get(&run.ledger->slots[i]);
    lie.credential = !lie.credential;
    bend(&run, i, lie);
    (void)snprintf(run.ledger->receipts[0][0], sizeof(run.ledger->receipts[0][0]), "%s",
                   "AAAAAAAAAAAAAAAAAAAAAA");
    atomic_store(&run.ledger->receipt_count[0], 1);
    const unsigned before = atomic_load(&run.ledger->violations);
    kill_check(&run.home, run.ledger, 0, false);
    assert_int_equal(atomic_load(&run.ledger->violations), before + 1);
    run.ledger->log_root[0] ^= 1;
    kill_check(&run.home, run.ledger, 0, false);
    assert_int_equal(atomic_load(&run.ledger->violations), before + 2);
    support_home_drop(&run.home);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_lost_is_noticed),
        cmocka_unit_test(every_acknowledged_effect_survives_a_kill),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
