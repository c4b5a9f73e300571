/*
 * F1, what a month brings: registers given again with what changed, what is gone revoked, batches
 * voided, approved and rejected, while keys are rotated, lists published and the home is backed up
 * beside licenses that are issued and changed. The process is killed at any moment; the next one
 * finds each number as it was told or as it was asked to become, and the same again ends it.
 */
#define _GNU_SOURCE

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fault.h"
#include "kill_home.h"
#include "kill_programs.h"
#include "kill_register.h"
#include "wallet/flow_issue.h"
#include "wallet/flow_store.h"

enum {
    ROUNDS_SHORT = 12,
    ROUNDS_FULL = 400, /* of each kind of type */
    ALL_EACH = 100,
    ROUND_S = 61, /* so that an intent that a kill left is stale at the next start */
    WINDOW_US = 120000,
    START_US = 40000,
    START_EACH = 9,
    LATE_EACH = 6,
    LATE_US = 1000000,
};

struct run {
    struct support_home home;
    struct kill_ledger *ledger;
    struct kill_registers *registers;
    struct kill_home *whole;
    struct kill_people people;
    unsigned checked; /* the last round whose effects were looked at */
    unsigned kills;
};

struct child {
    struct run *run;
    unsigned round;
    bool last;
};

/* Rounds of licenses are odd, as those without an import are (kill_work.h). */
static unsigned slots_round(unsigned round)
{
    return 2 * round + 1;
}

static void *work_on_slots(void *arg)
{
    const struct child *c = arg;
    if (c->run->registers->two_people) { /* then no license is issued by itself */
        return NULL;
    }
    kill_work(&c->run->home, c->run->ledger, slots_round(c->round), c->last ? 4 : 0);
    return NULL;
}

static void *back_up(void *arg)
{
    const struct child *c = arg;
    kill_home_backup(&c->run->home, c->run->ledger, c->run->whole);
    return NULL;
}

/* Registers, keys and lists, until it is killed. */
static void work(const struct child *c)
{
    struct run *run = c->run;
    struct support_home *h = &run->home;
    for (size_t n = 0; !c->last; n++) {
        const uint64_t random = kill_below(UINT64_MAX);
        const uint64_t what = kill_below(8);
        if (what <= 1) {
            kill_home_rotate(h, run->ledger, run->whole, random);
        } else if (what == 2) {
            kill_home_publish(h, run->ledger, run->whole);
        } else {
            kill_register_step(h, run->ledger, run->registers, (c->round + n) % KILL_REGISTERS,
                               &run->people, random);
        }
    }
    for (size_t r = 0; r < KILL_REGISTERS; r++) {
        while (atomic_load(&run->registers->list[r].doing) != KILL_NOTHING &&
               atomic_load(&run->ledger->violations) == 0) {
            kill_register_step(h, run->ledger, run->registers, r, &run->people, 3);
        }
    }
}

static void look(struct child *c, bool all)
{
    struct run *run = c->run;
    struct support_home *h = &run->home;
    struct wallet_store_report report = {.whole = false};
    atomic_store(&run->ledger->import_begun, kill_registers_busy(run->registers) ? 1 : 0);
    kill_check(h, run->ledger, slots_round(run->checked), all);
    kill_registers_check(h, run->ledger, run->registers);
    kill_home_check(h, run->ledger, run->whole, all);
    if (all) {
        const lw_err err = wallet_flow_store_check(h->home, &report);
        if (err.code != LW_OK || !report.whole || !report.log.whole) {
            kill_violation(run->ledger, "the store is not whole", err);
        }
        kill_home_restore(h, run->ledger, run->whole);
    }
}

static void tell(int fd)
{
    if (write(fd, "", 1) != 1) {
        _exit(4);
    }
}

static void child(struct child *c, int fd)
{
    struct run *run = c->run;
    struct support_home *h = &run->home;
    pthread_t slots;
    pthread_t backup;
    size_t voided = 0;
    h->clock.now =
        SUPPORT_HOME_NOW + (int64_t)c->round * ROUND_S + atomic_load(&run->whole->skipped_s);
    h->config.signers = 1;
    lw_err err = wallet_home_open(&h->config, &h->env, WALLET_HOME_SIGN, &h->home);
    err = err.code == LW_OK ? wallet_flow_recover(h->home, &voided) : err;
    err = err.code == LW_OK ? wallet_verifier_online(h->home, &h->verifier) : err;
    if (err.code != LW_OK) {
        kill_violation(run->ledger, "the next start fails", err);
        _exit(3);
    }
    look(c, c->round % ALL_EACH == 0);
    tell(fd);
    if (pthread_create(&slots, NULL, work_on_slots, c) != 0 ||
        pthread_create(&backup, NULL, back_up, c) != 0) {
        _exit(3);
    }
    work(c);
    (void)pthread_join(slots, NULL);
    (void)pthread_join(backup, NULL);
    c->run->checked = c->round;
    look(c, true);
    _exit(0);
}

/* Now and then later, so that what takes long comes to its end, too. */
static uint64_t moment_us(void)
{
    return kill_below(kill_below(LATE_EACH) == 0 ? LATE_US : WINDOW_US);
}

static void round_of(struct run *run, unsigned round, bool last)
{
    int ends[2];
    int status = 0;
    char told = 0;
    struct child c = {.run = run, .round = round, .last = last};
    const bool early = !last && kill_below(START_EACH) == 0 && round % ALL_EACH != 0;
    assert_int_equal(pipe(ends), 0);
    const pid_t pid = support_fault_fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)close(ends[0]);
        child(&c, ends[1]);
    }
    (void)close(ends[1]);
    if (early) {
        kill_pause_us(kill_below(START_US));
    } else if (read(ends[0], &told, 1) == 1) {
        run->checked = round;
        kill_pause_us(last ? 0 : moment_us());
    }
    if (!last) {
        (void)kill(pid, SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    (void)close(ends[0]);
    const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
    run->kills += killed ? 1 : 0;
    if (last ? !WIFEXITED(status) || WEXITSTATUS(status) != 0 : !killed) {
        kill_violation(run->ledger, "a process ended by itself", LW_SUCCESS);
    }
}

static void make(struct run *run, bool two_people)
{
    struct support_home *h = &run->home;
    enum wallet_operator_state kept;
    *run = (struct run){.ledger = kill_ledger_new(),
                        .registers = kill_registers_new(two_people),
                        .whole = kill_home_new()};
    support_home_make(h);
    support_operator_make(&run->people.asks, "anna");
    support_operator_make(&run->people.approves, "berta");
    if (two_people) {
        assert_int_equal(support_two_people_load(h, 2, true).code, LW_OK);
        assert_int_equal(support_operator_add(h, &run->people.asks, NULL, &kept).code, LW_OK);
        assert_int_equal(
            support_operator_add(h, &run->people.approves, &run->people.asks, &kept).code, LW_OK);
    }
    wallet_verifier_free(h->verifier);
    wallet_home_close(h->home);
    h->home = NULL;
    h->verifier = NULL;
}

static void report(struct run *run)
{
    char what[512];
    const atomic_ullong *done = run->registers->done;
    (void)snprintf(what, sizeof(what),
                   "kill -9 beside three threads of work: %llu registers given again, %llu to be "
                   "approved, %llu approved, %llu rejected, %llu voided, %llu voided half done, %u "
                   "rotations, %u backups, %u lists published; %llu acknowledged",
                   atomic_load(&done[KILL_IMPORTS]), atomic_load(&done[KILL_WAITS]),
                   atomic_load(&done[KILL_APPROVES]), atomic_load(&done[KILL_REJECTS]),
                   atomic_load(&done[KILL_VOIDS]), atomic_load(&done[KILL_VOIDS_HALF]),
                   atomic_load(&run->whole->rotations), atomic_load(&run->whole->backups),
                   atomic_load(&run->whole->published), atomic_load(&run->ledger->acked));
    support_fault_report("F1", what, run->kills, atomic_load(&run->ledger->violations));
}

static void registers_survive_kills(bool two_people)
{
    static struct run run;
    const size_t rounds = support_fault_rounds(ROUNDS_SHORT, ROUNDS_FULL);
    make(&run, two_people);
    for (unsigned round = 1; round <= rounds && atomic_load(&run.ledger->violations) == 0;
         round++) {
        round_of(&run, round, false);
    }
    if (atomic_load(&run.ledger->violations) == 0) {
        round_of(&run, (unsigned)rounds + 1, true);
    }
    report(&run);
    const unsigned violations = atomic_load(&run.ledger->violations);
    support_operator_drop(&run.people.asks);
    support_operator_drop(&run.people.approves);
    support_home_drop(&run.home);
    if (violations > 0) {
        fail_msg("%u violations, the first: %s", violations, run.ledger->why);
    }
}

static void registers_given_again_and_voided_survive_kills(void **state)
{
    (void)state;
    registers_survive_kills(false);
}

static void registers_that_two_people_approve_survive_kills(void **state)
{
    (void)state;
    registers_survive_kills(true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(registers_given_again_and_voided_survive_kills),
        cmocka_unit_test(registers_that_two_people_approve_survive_kills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
