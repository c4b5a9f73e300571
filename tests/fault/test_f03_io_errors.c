/*
 * F3: the n-th write or sync of the store fails, each n in turn, in each thing that a home does.
 * After a failed sync the process ends and nothing more is written or answered with success; a
 * write that finds no room is refused, and the same process goes on when there is room again. The
 * next start opens the store. After a violation the home is made anew, and the next thing is tried.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fault.h"
#include "io_fault.h"
#include "kill_work.h"
#include "wallet/flow_issue.h"

enum {
    STRIDE_SHORT = 17, /* of n, where pages are written; in the whole campaign each */
    NTH_MAX = 2000,    /* more than anything here writes */
    ROUND_S = 61,
    SLOT = 3,
    FATAL_EXIT = 3,
    LIMIT_S = 60,
};

/* What is done, after what: the state that it begins from is made first. */
static const struct work {
    const char *name;
    unsigned before[2]; /* 0: none */
    unsigned way;
    bool import;
} works[] = {
    {"issue", {0, 0}, KILL_ISSUES, false},
    {"issue a new version", {KILL_BINDS, 0}, KILL_ISSUES, false},
    {"suspend", {KILL_BINDS, 0}, WALLET_SUSPENDED, false},
    {"resume", {KILL_BINDS, WALLET_SUSPENDED}, WALLET_ACTIVE, false},
    {"revoke", {KILL_BINDS, 0}, WALLET_REVOKED, false},
    {"cancel", {0, 0}, WALLET_CANCELLED, false},
    {"bind", {0, 0}, KILL_BINDS, false},
    {"pass", {0, 0}, KILL_PASSES, false},
    {"verify", {KILL_BINDS, 0}, KILL_VERIFIES, false},
    {"import", {0, 0}, 0, true},
};

static const struct fault {
    const char *name;
    unsigned ops;
    int code;
    unsigned times;
} faults[] = {
    {"a sync fails", SUPPORT_IO_SYNC, EIO, 1},
    {"a write fails", SUPPORT_IO_WRITE | SUPPORT_IO_META, EIO, 1},
    {"a write is cut short", SUPPORT_IO_WRITE | SUPPORT_IO_META, 0, 1},
    {"a write is done and said to fail", SUPPORT_IO_WRITE | SUPPORT_IO_META | SUPPORT_IO_DONE, EIO,
     1},
    {"a meta page fails and is not put back", SUPPORT_IO_META, EIO, 2},
    {"a meta page is cut short and not put back", SUPPORT_IO_META, 0, 2},
    {"a meta page is done, said to fail and not put back", SUPPORT_IO_META | SUPPORT_IO_DONE, EIO,
     2},
    {"a write finds no room", SUPPORT_IO_WRITE, ENOSPC, 1},
    {"a meta page finds no room", SUPPORT_IO_META, ENOSPC, 1},
    {"the disk is full", SUPPORT_IO_WRITE | SUPPORT_IO_ROOM, ENOSPC, UINT32_MAX},
};

struct outcome {
    atomic_uint armed;    /* it came as far as the thing to be done */
    atomic_uint answered; /* the thing returned */
    atomic_int code;      /* with this enum lw_code */
    atomic_uint again;    /* the same was done once more when the fault was over */
};

struct run {
    struct support_home home;
    struct kill_ledger *ledger;
    struct outcome *outcome;
    unsigned round;
    size_t rounds;
    size_t violations;
    char why[256];
};

static void *shared(size_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(at != MAP_FAILED);
    return at;
}

static lw_err open_home(struct run *run)
{
    struct support_home *h = &run->home;
    size_t voided = 0;
    h->clock.now = SUPPORT_HOME_NOW + (int64_t)run->round * ROUND_S;
    h->config.signers = 1;
    LW_TRY(wallet_home_open(&h->config, &h->env, WALLET_HOME_SIGN, &h->home));
    LW_TRY(wallet_flow_recover(h->home, &voided));
    return wallet_verifier_online(h->home, &h->verifier);
}

static void must(struct run *run, const char *what, lw_err err)
{
    if (err.code != LW_OK) {
        kill_violation(run->ledger, what, err);
        _exit(1);
    }
}

/* Refused means that nothing of it is there: only a process that ended may have done it or not. */
static void take_back(struct run *run)
{
    struct kill_said said = kill_said_get(&run->ledger->slots[SLOT]);
    said.pending = 0;
    kill_said_put(run->ledger, SLOT, said);
}

static lw_err attempt(struct run *run, const struct work *work)
{
    return work->import ? kill_import(&run->home, run->ledger)
                        : kill_do(&run->home, run->ledger, SLOT, work->way);
}

static void child(struct run *run, const struct work *work, const struct fault *fault, unsigned nth)
{
    struct outcome *o = run->outcome;
    (void)alarm(LIMIT_S);
    must(run, "open", open_home(run));
    const struct kill_said said = kill_said_get(&run->ledger->slots[SLOT]);
    if (said.versions == 0 || said.state != WALLET_ACTIVE || work->before[0] != 0) {
        must(run, "issue", kill_do(&run->home, run->ledger, SLOT, KILL_ISSUES));
    }
    for (size_t i = 0; i < 2 && work->before[i] != 0; i++) {
        must(run, "before", kill_do(&run->home, run->ledger, SLOT, work->before[i]));
    }
    atomic_store(&o->armed, 1);
    support_io_fail("/store/data.mdb", fault->ops, nth, fault->times, fault->code);
    const lw_err err = attempt(run, work);
    support_io_pass();
    atomic_store(&o->code, (int)err.code);
    atomic_store(&o->answered, 1);
    if (err.code != LW_OK) {
        take_back(run);
        run->home.clock.now += ROUND_S; /* what was set aside for the first try is stale by then */
        must(run, lw_code_name(err.code), attempt(run, work));
        atomic_store(&o->again, 1);
    }
    _exit(0);
}

static void wrong(struct run *run, const struct work *work, const struct fault *fault, unsigned nth,
                  const char *what)
{
    char why[sizeof(run->why)];
    (void)snprintf(why, sizeof(why), "%s, %s (%u): %s", work->name, fault->name, nth, what);
    fprintf(stderr, "%s\n", why);
    if (run->violations++ == 0) {
        memcpy(run->why, why, sizeof(why));
    }
}

/* What the fault's own process may have done. */
static const char *judge(const struct run *run, const struct fault *fault, int status)
{
    const struct outcome *o = run->outcome;
    const bool ended = WIFEXITED(status) && WEXITSTATUS(status) == FATAL_EXIT;
    if (atomic_load(&run->ledger->violations) > 0) {
        return run->ledger->why;
    }
    if (!atomic_load(&o->armed) || !(ended || (WIFEXITED(status) && WEXITSTATUS(status) == 0))) {
        return "it died";
    }
    if (fault->ops == SUPPORT_IO_SYNC || fault->code != ENOSPC) {
        /* Nothing is known any more of what is on the disk: fail-stop. */
        if (!ended) {
            return "it went on";
        }
        /* After a failed write of the meta page LMDB puts back the old one, once. */
        const unsigned least = fault->ops == SUPPORT_IO_SYNC ? 0 : 1;
        return atomic_load(&support_io()->after) <= least ? NULL : "it wrote on";
    }
    if (ended) { /* which meta page counts must be known: without it, the end too */
        return fault->ops == SUPPORT_IO_META ? NULL : "a full disk ended it";
    }
    const int code = atomic_load(&o->code);
    if (code != LW_OK && code != LW_E_NOSPACE) {
        return "it was refused for another reason";
    }
    return code == LW_OK || atomic_load(&o->again) ? NULL : "it did not go on";
}

static void look(struct run *run)
{
    run->round++;
    (void)alarm(LIMIT_S);
    must(run, "the next start fails", open_home(run));
    if (atomic_load(&run->ledger->import_begun) > atomic_load(&run->ledger->import_ended)) {
        must(run, "the import given again", kill_import(&run->home, run->ledger));
    }
    kill_check(&run->home, run->ledger, 0, false);
    kill_check_whole(&run->home, run->ledger);
    _exit(0);
}

static int in_child(struct run *run, const struct work *work, const struct fault *fault,
                    unsigned nth)
{
    int status = 0;
    const pid_t pid = support_fault_fork();
    assert_true(pid >= 0);
    if (pid == 0 && work == NULL) {
        look(run);
    } else if (pid == 0) {
        child(run, work, fault, nth);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    run->round += 2;
    return status;
}

enum came { BORNE, VIOLATED, BEYOND /* there are fewer calls than n */ };

static enum came round_of(struct run *run, const struct work *work, const struct fault *fault,
                          unsigned nth)
{
    const size_t before = run->violations;
    *run->outcome = (struct outcome){0};
    support_io_fail("", 0, 0, 0, 0); /* counts from 0 */
    atomic_store(&run->ledger->slots[SLOT].round, run->round);
    const int status = in_child(run, work, fault, nth);
    const bool quiet =
        WIFEXITED(status) && WEXITSTATUS(status) == 0 && atomic_load(&support_io()->failed) == 0;
    const char *what = quiet ? NULL : judge(run, fault, status);
    if (what != NULL) {
        wrong(run, work, fault, nth, what);
    }
    atomic_store(&run->ledger->violations, 0);
    support_io_pass();
    const int looked = in_child(run, NULL, NULL, 0);
    if (atomic_load(&run->ledger->violations) > 0) {
        wrong(run, work, fault, nth, run->ledger->why);
    } else if (!WIFEXITED(looked) || WEXITSTATUS(looked) != 0) {
        wrong(run, work, fault, nth, "who looked at it died");
    }
    run->rounds += quiet ? 0 : 1;
    if (run->violations > before) {
        return VIOLATED;
    }
    return quiet ? BEYOND : BORNE;
}

static void make_home(struct run *run)
{
    run->round = 1;
    run->ledger = kill_ledger_new();
    support_home_make(&run->home);
    wallet_verifier_free(run->home.verifier);
    wallet_home_close(run->home.home);
    run->home.home = NULL;
    run->home.verifier = NULL;
}

/* Ends where the work has no n-th write, or at the first violation: what a broken home does in
 * later rounds says nothing of them. */
static void sweep(struct run *run, const struct work *work, const struct fault *fault)
{
    const bool pages = (fault->ops & SUPPORT_IO_WRITE) != 0;
    const unsigned stride = pages ? (unsigned)support_fault_stride(STRIDE_SHORT) : 1;
    unsigned nth = 1;
    enum came came = round_of(run, work, fault, nth);
    assert_int_not_equal(came, BEYOND); /* each has writes and syncs */
    while (came == BORNE && nth < NTH_MAX) {
        nth += stride;
        came = round_of(run, work, fault, nth);
    }
    if (came == BORNE) {
        wrong(run, work, fault, nth, "the sweep does not end");
    }
    if (came == VIOLATED) {
        fprintf(stderr, "the home is made anew, what is left of this sweep left out\n");
        support_home_drop(&run->home);
        make_home(run);
    }
}

static void every_write_and_sync_that_fails_is_borne(void **state)
{
    (void)state;
    static struct run run;
    run.outcome = shared(sizeof(*run.outcome));
    support_io_obey(shared(sizeof(struct support_io_control)));
    make_home(&run);
    for (size_t f = 0; f < sizeof(faults) / sizeof(faults[0]); f++) {
        const size_t rounds = run.rounds;
        const size_t violations = run.violations;
        for (size_t w = 0; w < sizeof(works) / sizeof(works[0]); w++) {
            sweep(&run, &works[w], &faults[f]);
        }
        char what[128];
        (void)snprintf(what, sizeof(what), "%s, the n-th in turn, in %zu kinds of work",
                       faults[f].name, sizeof(works) / sizeof(works[0]));
        support_fault_report("F3", what, run.rounds - rounds, run.violations - violations);
    }
    support_home_drop(&run.home);
    if (run.violations > 0) {
        fail_msg("%zu violations, the first: %s", run.violations, run.why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_write_and_sync_that_fails_is_borne),
    };
    if (access("/dev/shm", W_OK) == 0) {
        (void)setenv("TMPDIR", "/dev/shm", 1);
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
