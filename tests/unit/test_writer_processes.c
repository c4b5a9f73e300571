/* The writers of several processes, some of which are killed. Here no test leaves a thread. */
#define _DEFAULT_SOURCE /* usleep */

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bytes.h"
#include "store_fixture.h"
#include "writer_jobs.h"

enum { KILL_ROUNDS = 50, WAIT_MS = 60000 };
static const enum wallet_keyspace ks = WALLET_KS_GRANT;

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

/* The child acknowledges on a pipe what the store has acknowledged to it. */
struct acknowledging {
    struct job job;
    int fd;
};

static void *acknowledge(void *arg)
{
    struct acknowledging *a = arg;
    for (a->job.n = 0;; a->job.n++) {
        if (wallet_store_write(a->job.store, write_job, &a->job).code != LW_OK ||
            write(a->fd, &a->job, sizeof(a->job)) != sizeof(a->job)) {
            return NULL;
        }
    }
}

static void write_until_killed(const struct support_store *f, uint64_t round, int fd)
{
    enum { WRITERS = 4 };
    static struct acknowledging all[WRITERS];
    struct wallet_store *store = NULL;
    pthread_t thread;
    if (wallet_store_open(f->dir, &f->options, &store).code != LW_OK) {
        _exit(1);
    }
    for (uint64_t i = 0; i < WRITERS; i++) {
        all[i] = (struct acknowledging){.job = {.store = store, .thread = round * WRITERS + i},
                                        .fd = fd};
        if (pthread_create(&thread, NULL, acknowledge, &all[i]) != 0) {
            _exit(1);
        }
    }
    for (;;) {
        (void)pause();
    }
}

static void check_acknowledged(struct support_store *f, int fd, size_t *seen)
{
    struct job job;
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_store_open(f->dir, &f->options, &f->store).code, LW_OK);
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    while (read(fd, &job, sizeof(job)) == sizeof(job)) {
        uint8_t key[8];
        uint64_t n = 0;
        key_of(key, job.thread, job.n);
        assert_int_equal(get_number(txn, key, &n).code, LW_OK);
        assert_true(n == job.n);
        ++*seen;
    }
    uint64_t entries = 0;
    uint64_t total = 0;
    assert_int_equal(wallet_txn_count(txn, ks, &entries).code, LW_OK);
    const lw_err err = get_number(txn, total_key, &total);
    assert_true(err.code == LW_OK || (err.code == LW_E_NOT_FOUND && entries == 0));
    assert_int_equal(total, entries == 0 ? 0 : entries - 1); /* none half done */
}

static void what_was_acknowledged_survives_kill_9(void **state)
{
    struct support_store *f = *state;
    struct support_rng seed;
    const struct lw_rng rng = support_rng(&seed, 9);
    size_t seen = 0;
    wallet_store_close(f->store);
    f->store = NULL;
    for (uint64_t round = 1; round <= KILL_ROUNDS; round++) {
        int ends[2];
        uint64_t wait_us = 0;
        assert_int_equal(pipe(ends), 0);
        assert_int_equal(lw_rng_below(&rng, 20000, &wait_us).code, LW_OK);
        const pid_t pid = fork();
        if (pid == 0) {
            write_until_killed(f, round, ends[1]);
        }
        close(ends[1]);
        if (round % 2 == 0) { /* the others may be killed while they open the store */
            struct pollfd p = {.fd = ends[0], .events = POLLIN};
            assert_int_equal(poll(&p, 1, WAIT_MS), 1);
        }
        (void)usleep((unsigned)wait_us);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        check_acknowledged(f, ends[0], &seen);
        close(ends[0]);
        wallet_store_close(f->store);
        f->store = NULL;
    }
    assert_true(seen >= KILL_ROUNDS / 2); /* at least one of each round that waited for it */
    support_store_reopen(f);
    struct wallet_store_found found;
    assert_int_equal(wallet_store_check(f->store, &found).code, LW_OK);
    assert_true(found.whole);
}

enum { SHARED_WRITES = 100 };

static bool write_shared(const struct support_store *f, uint64_t thread)
{
    struct wallet_store *store = NULL;
    bool good = wallet_store_open(f->dir, &f->options, &store).code == LW_OK;
    struct job job = {.store = store, .thread = thread};
    for (; good && job.n < SHARED_WRITES; job.n++) {
        good = wallet_store_write(store, write_job, &job).code == LW_OK;
    }
    wallet_store_close(store);
    return good;
}

static void two_processes_write_to_one_store(void **state)
{
    struct support_store *f = *state;
    uint64_t total = 0;
    int status = 1;
    wallet_store_close(f->store);
    f->store = NULL;
    const pid_t pid = fork();
    if (pid == 0) {
        _exit(write_shared(f, 2) ? 0 : 1);
    }
    const bool good = write_shared(f, 4);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(good);
    assert_int_equal(status, 0);
    support_store_reopen(f);
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(get_number(txn, total_key, &total).code, LW_OK);
    assert_int_equal(total, 2 * SHARED_WRITES);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_acknowledged_survives_kill_9),
        TEST(two_processes_write_to_one_store),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
