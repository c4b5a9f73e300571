/*
 * F2: the power goes while a home is at work. What reached the disk is made again from a record of
 * its writes; every such store opens, holds all that was acknowledged before, nothing by halves,
 * and its log goes on from what it was.
 */
#define _GNU_SOURCE /* RTLD_NEXT */

#include <dlfcn.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bytes.h"
#include "fault.h"
#include "hsm/rng.h"
#include "kill_work.h"
#include "power_cut.h"
#include "wallet/flow_issue.h"

enum {
    IMAGES_SHORT = 40,
    IMAGES_FULL = 5000,
    IMAGES_A_SESSION = 100,
    STEPS = 30, /* of each thread in a session */
    LIMIT_S = 60,
    FILE_MAX = 1 << 30,
    ROUND_S = 61,
    NS_PER_US = 1000,
};

/* The engine's own flag for "no syncs": the sabotage that the images must bring to light. */
enum { MDB_NOSYNC = 0x10000 };
static bool sabotage;

int mdb_env_open(void *env, const char *path, unsigned flags, mode_t mode);
int mdb_env_open(void *env, const char *path, unsigned flags, mode_t mode)
{
    int (*real)(void *, const char *, unsigned, mode_t) = NULL;
    void *found = dlsym(RTLD_NEXT, "mdb_env_open");
    memcpy(&real, &found, sizeof(real)); /* ISO C has no cast for it */
    return real(env, path, sabotage ? flags | MDB_NOSYNC : flags, mode);
}

struct run {
    struct support_home home;
    struct kill_ledger *ledger; /* of the session at work */
    struct kill_ledger *told;   /* what was told up to the cut */
    struct kill_ledger *image;  /* that of the image looked at, shared with its process */
    struct support_io_event *events;
    size_t count;
    uint32_t restart_us;
    unsigned session;
    size_t images;
    size_t violations;
    char why[KILL_WHY_MAX];
};

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

static uint64_t below(uint64_t bound)
{
    uint64_t n = 0;
    must(lw_rng_below(hsm_rng_system(), bound, &n));
    return n;
}

static void on_noted(const struct kill_ledger *ledger, const void *field, size_t len)
{
    support_io_mark((uint64_t)((const char *)field - (const char *)ledger), field, len);
}

static void on_mark(void *ctx, const struct support_io_event *mark)
{
    memcpy((char *)ctx + mark->offset, mark->bytes, mark->len);
}

static void close_home(struct support_home *h)
{
    wallet_verifier_free(h->verifier);
    wallet_home_close(h->home);
    h->home = NULL;
    h->verifier = NULL;
}

/* Opens the home, notes what there is, and records a while of work. */
static void record(struct run *run, lw_buf *file)
{
    char path[SUPPORT_PATH_MAX];
    struct support_home *h = &run->home;
    run->session++;
    h->clock.now += ROUND_S;
    must(wallet_home_open(&h->config, &h->env, WALLET_HOME_SIGN, &h->home));
    must(wallet_verifier_online(h->home, &h->verifier));
    run->ledger->noted = NULL;
    kill_check(h, run->ledger, 0, true);
    *run->told = *run->ledger;
    support_path(h->dir, "store/data.mdb", path);
    lw_buf_truncate(file, 0);
    support_read_file(path, file);
    run->ledger->noted = on_noted;
    support_io_record("/store/data.mdb");
    /* Each second session has an import in it. */
    kill_work(h, run->ledger, run->session * 4, STEPS);
    run->events = support_io_recorded(&run->count);
    run->violations += atomic_load(&run->ledger->violations);
    close_home(h);
}

static void write_image(const char *home, const char *dir, const lw_buf *file)
{
    char store[SUPPORT_PATH_MAX];
    char path[SUPPORT_PATH_MAX];
    support_remove(dir);
    support_path(dir, "store", store);
    support_path(store, "data.mdb", path);
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(mkdir(store, 0700), 0);
    static const char *const kept[] = {"token", "pin"}; /* the token had no part in it */
    for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++) {
        char place[SUPPORT_PATH_MAX];
        char target[SUPPORT_PATH_MAX];
        support_path(dir, kept[i], place);
        support_path(home, kept[i], target);
        /* A PIN file that is a symbolic link is refused. */
        assert_int_equal(i == 0 ? symlink(target, place) : link(target, place), 0);
    }
    FILE *out = fopen(path, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(file->ptr, 1, file->len, out), file->len);
    assert_int_equal(fclose(out), 0);
}

/* What the next start finds. A process of its own: a store that is not whole may end it. */
static void look(struct run *run, const char *dir)
{
    struct support_home *h = &run->home;
    size_t voided = 0;
    const int64_t begun = lw_mono_ns(lw_clock_system());
    (void)alarm(LIMIT_S);
    h->config.dir = dir;
    h->config.unguarded = true; /* an image lies in another file than the store it is of */
    h->config.signers = 1;
    h->clock.now += ROUND_S;
    lw_err err = wallet_home_open(&h->config, &h->env, WALLET_HOME_SIGN, &h->home);
    err = err.code == LW_OK ? wallet_flow_recover(h->home, &voided) : err;
    if (err.code != LW_OK) {
        kill_violation(run->image, "the next start fails", err);
        _exit(1);
    }
    /* The time of a start is kept where nothing else is by now. */
    const int64_t took = (lw_mono_ns(lw_clock_system()) - begun) / NS_PER_US;
    kill_check(h, run->image, 0, false);
    kill_check_whole(h, run->image);
    atomic_store(&run->image->acked, (unsigned long long)took);
    _exit(0);
}

static void check_image(struct run *run, const char *dir)
{
    int status = 0;
    *run->image = *run->told;
    run->image->noted = NULL;
    atomic_store(&run->image->violations, 0);
    const pid_t pid = support_fault_fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        look(run, dir);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    run->images++;
    if (atomic_load(&run->image->violations) > 0 || !WIFEXITED(status) ||
        WEXITSTATUS(status) != 0) {
        if (run->violations++ == 0) {
            (void)snprintf(run->why, sizeof(run->why), "%s",
                           atomic_load(&run->image->violations) > 0 ? run->image->why
                                                                    : "the process died");
        }
        return;
    }
    const uint32_t us = (uint32_t)atomic_load(&run->image->acked);
    run->restart_us = us > run->restart_us ? us : run->restart_us;
}

static int by_size(const void *a, const void *b)
{
    const size_t x = *(const size_t *)a;
    const size_t y = *(const size_t *)b;
    return (x > y) - (x < y);
}

/* Half of the cuts fall right before a write or a sync, the others anywhere, marks included. */
static size_t moment(const struct run *run)
{
    size_t at = (size_t)below(run->count + 1);
    while (below(2) == 0 && at < run->count && run->events[at].kind == SUPPORT_IO_MARKED) {
        at++;
    }
    return at;
}

static void cut_session(struct run *run, size_t images, lw_buf *file)
{
    LW_AUTO_BUF image = LW_BUF(FILE_MAX);
    struct support_cut cut;
    char dir[SUPPORT_PATH_MAX];
    size_t *cuts = calloc(images, sizeof(*cuts));
    assert_non_null(cuts);
    record(run, file);
    support_path(run->home.folder, "image", dir);
    for (size_t i = 0; i < images; i++) {
        cuts[i] = moment(run);
    }
    qsort(cuts, images, sizeof(*cuts), by_size);
    support_cut_begin(&cut, run->events, run->count, lw_buf_view(file));
    cut.marked = on_mark;
    cut.ctx = run->told;
    for (size_t i = 0; i < images; i++) {
        support_cut_to(&cut, cuts[i]);
        support_cut_file(&cut, hsm_rng_system(), &image);
        write_image(run->home.dir, dir, &image);
        check_image(run, dir);
    }
    support_cut_end(&cut);
    support_io_events_free(run->events, run->count);
    free(cuts);
}

static void begin(struct run *run)
{
    *run = (struct run){.session = 0};
    run->ledger = kill_ledger_new();
    run->told = kill_ledger_new();
    run->image = kill_ledger_new();
    support_home_make(&run->home);
    close_home(&run->home);
    atomic_store(&support_io()->no_sync, true); /* the images say what a sync is for */
}

static void end(struct run *run)
{
    atomic_store(&support_io()->no_sync, false);
    support_home_drop(&run->home);
}

static void every_acknowledged_effect_survives_a_power_cut(void **state)
{
    (void)state;
    static struct run run;
    LW_AUTO_BUF file = LW_BUF(FILE_MAX);
    char what[200];
    const size_t images = support_fault_rounds(IMAGES_SHORT, IMAGES_FULL);
    begin(&run);
    while (run.images < images && run.violations == 0) {
        const size_t left = images - run.images;
        cut_session(&run, left < IMAGES_A_SESSION ? left : IMAGES_A_SESSION, &file);
    }
    (void)snprintf(
        what, sizeof(what),
        "power cut: images of the store torn at 512 and 4096 bytes, %u sessions of work; "
        "start with recovery %u ms at most",
        run.session, run.restart_us / 1000);
    support_fault_report("F2", what, run.images, run.violations);
    end(&run);
    if (run.violations > 0) {
        fail_msg("%zu violations, the first: %s", run.violations, run.why);
    }
}

static void a_store_that_does_not_sync_is_found_out(void **state)
{
    (void)state;
    static struct run run;
    LW_AUTO_BUF file = LW_BUF(FILE_MAX);
    begin(&run);
    sabotage = true;
    cut_session(&run, IMAGES_SHORT, &file);
    sabotage = false;
    end(&run);
    /* Most are: those with nothing acknowledged yet, or all of it on the disk by chance, are not.
     */
    assert_true(run.violations > IMAGES_SHORT / 4);
    assert_true(run.violations < IMAGES_SHORT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_that_does_not_sync_is_found_out),
        cmocka_unit_test(every_acknowledged_effect_survives_a_power_cut),
    };
    if (access("/dev/shm", W_OK) == 0) {
        (void)setenv("TMPDIR", "/dev/shm", 1); /* images are many, and need no disk */
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
