#define _DEFAULT_SOURCE /* usleep */

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "bytes.h"
#include "store_fixture.h"
#include "txn.h"

enum { THREADS = 64, WRITES = 40, KILL_ROUNDS = 50, BAD_EACH = 5 };
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

static void key_of(uint8_t key[8], uint64_t thread, uint64_t n)
{
    wallet_key_put_u64(key, thread << 32 | n);
}

/* A number as a stored value. */
static lw_err put_number(struct wallet_txn *txn, const uint8_t key[8], uint64_t n)
{
    LW_AUTO_BUF value = LW_BUF(16);
    LW_TRY(wallet_stored_begin(&value, 1, 1));
    LW_TRY(wallet_cbor_put_uint(&value, n));
    return wallet_txn_put(txn, ks, (lw_bytes){.ptr = key, .len = 8}, lw_buf_view(&value));
}

static lw_err get_number(const struct wallet_txn *txn, const uint8_t key[8], uint64_t *n)
{
    lw_bytes value = {0};
    struct wallet_cbor r;
    LW_TRY(wallet_txn_get(txn, ks, (lw_bytes){.ptr = key, .len = 8}, &value));
    LW_TRY(wallet_stored_open(value, 1, &r, NULL, NULL));
    *n = wallet_cbor_uint(&r);
    return wallet_stored_end(&r);
}

static const uint8_t total_key[8] = {0xff};

static lw_err add_to_total(struct wallet_txn *txn)
{
    uint64_t total = 0;
    const lw_err err = get_number(txn, total_key, &total);
    if (err.code != LW_OK && err.code != LW_E_NOT_FOUND) {
        return err;
    }
    return put_number(txn, total_key, total + 1);
}

struct job {
    struct wallet_store *store;
    uint64_t thread;
    uint64_t n;
    bool spoil; /* fail after changing much */
};

static lw_err write_job(struct wallet_txn *txn, void *ctx)
{
    const struct job *job = ctx;
    uint8_t key[8];
    key_of(key, job->thread, job->n);
    LW_TRY(put_number(txn, key, job->n));
    LW_TRY(add_to_total(txn));
    if (job->spoil) {
        key_of(key, job->thread ^ 1, job->n); /* a neighbour's entry */
        LW_TRY(put_number(txn, key, UINT32_MAX));
        return LW_FAIL(LW_E_DENIED, "test: spoilt", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static void *write_many(void *arg)
{
    struct job job = *(struct job *)arg;
    for (job.n = 0; job.n < WRITES; job.n++) {
        job.spoil = job.thread % 4 == 3 && job.n % BAD_EACH == 0;
        const lw_err err = wallet_store_write(job.store, write_job, &job);
        if (err.code != (job.spoil ? LW_E_DENIED : LW_OK)) {
            return arg;
        }
        WALLET_AUTO_TXN txn = NULL; /* what was acknowledged is seen */
        uint8_t key[8];
        uint64_t n = 0;
        key_of(key, job.thread, job.n);
        if (wallet_read_begin(job.store, &txn).code != LW_OK ||
            (!job.spoil && (get_number(txn, key, &n).code != LW_OK || n != job.n))) {
            return arg;
        }
    }
    return NULL;
}

static void many_threads_write_and_failing_writes_harm_nobody(void **state)
{
    const struct support_store *f = *state;
    static struct job jobs[THREADS];
    pthread_t threads[THREADS];
    for (uint64_t i = 0; i < THREADS; i++) {
        jobs[i] = (struct job){.store = f->store, .thread = i};
        assert_int_equal(pthread_create(&threads[i], NULL, write_many, &jobs[i]), 0);
    }
    for (size_t i = 0; i < THREADS; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    uint64_t good = 0;
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    for (uint64_t i = 0; i < THREADS; i++) {
        for (uint64_t n = 0; n < WRITES; n++) {
            uint8_t key[8];
            uint64_t got = UINT64_MAX;
            const bool spoilt = i % 4 == 3 && n % BAD_EACH == 0;
            key_of(key, i, n);
            assert_int_equal(get_number(txn, key, &got).code, spoilt ? LW_E_NOT_FOUND : LW_OK);
            assert_true(spoilt || got == n);
            good += spoilt ? 0 : 1;
        }
    }
    uint64_t total = 0;
    assert_int_equal(get_number(txn, total_key, &total).code, LW_OK);
    assert_int_equal(total, good);
}

/* Writes by completion, all in one batch: they run in order, the failing one alone is undone. */
enum { BATCH = 200, SPOILT_AT = 77 };

struct ordered {
    struct wallet_write write;
    uint64_t n;
    unsigned runs;
    uint64_t seen; /* total when it ran */
    atomic_int *done;
};

static lw_err write_ordered(struct wallet_txn *txn, void *ctx)
{
    struct ordered *o = ctx;
    uint64_t total = 0;
    o->runs++; /* against the contract, to see what the writer does */
    const lw_err err = get_number(txn, total_key, &total);
    if (err.code != LW_OK && err.code != LW_E_NOT_FOUND) {
        return err;
    }
    o->seen = total;
    LW_TRY(put_number(txn, total_key, total + 1));
    if (o->n == SPOILT_AT) {
        return LW_FAIL(LW_E_CONFLICT, "test: spoilt", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static void count_done(struct wallet_write *w)
{
    atomic_fetch_add(((struct ordered *)w)->done, 1);
}

static void writes_of_one_thread_run_in_order(void **state)
{
    const struct support_store *f = *state;
    static struct ordered all[BATCH];
    atomic_int done = 0;
    for (uint64_t i = 0; i < BATCH; i++) {
        all[i] =
            (struct ordered){.write = {.fn = write_ordered, .ctx = &all[i], .done = count_done},
                             .n = i,
                             .done = &done};
        assert_int_equal(wallet_store_submit(f->store, &all[i].write).code, LW_OK);
    }
    wallet_store_drain(f->store);
    assert_int_equal(atomic_load(&done), BATCH);
    uint64_t expected = 0;
    for (uint64_t i = 0; i < BATCH; i++) {
        assert_int_equal(all[i].write.err.code, i == SPOILT_AT ? LW_E_CONFLICT : LW_OK);
        assert_int_equal(all[i].seen, expected);
        assert_true(all[i].runs >= 1 && all[i].runs <= 2);
        expected += i == SPOILT_AT ? 0 : 1;
    }
}

static lw_err fail_clean(struct wallet_txn *txn, void *ctx)
{
    uint64_t n = 0;
    unsigned *runs = ctx;
    ++*runs;
    (void)get_number(txn, total_key, &n);
    return wallet_txn_delete(txn, ks, (lw_bytes){.ptr = total_key, .len = 8});
}

static void a_write_that_fails_before_it_changed_anything_runs_once(void **state)
{
    const struct support_store *f = *state;
    unsigned runs = 0;
    assert_int_equal(wallet_store_write(f->store, fail_clean, &runs).code, LW_E_NOT_FOUND);
    assert_int_equal(runs, 1);
}

static lw_err ignore_failure(struct wallet_txn *txn, void *ctx)
{
    static const uint8_t key[WALLET_KEY_MAX + 1] = {0};
    (void)ctx;
    if (wallet_txn_put(txn, ks, LW_BYTES(key), LW_BYTES(total_key)).code != LW_E_LIMIT) {
        return LW_FAIL(LW_E_MISUSE, "test: not refused", LW_NOWHERE);
    }
    return put_number(txn, total_key, 5);
}

static void a_refused_change_does_not_spoil_the_rest_of_its_write(void **state)
{
    const struct support_store *f = *state;
    uint64_t n = 0;
    assert_int_equal(wallet_store_write(f->store, ignore_failure, NULL).code, LW_OK);
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(get_number(txn, total_key, &n).code, LW_OK);
    assert_int_equal(n, 5);
}

static void a_drained_store_takes_no_more_writes_but_reads(void **state)
{
    const struct support_store *f = *state;
    struct job job = {.store = f->store, .thread = 1, .n = 1};
    uint8_t key[8];
    uint64_t n = 0;
    assert_int_equal(wallet_store_write(f->store, write_job, &job).code, LW_OK);
    wallet_store_drain(f->store);
    wallet_store_drain(f->store);
    assert_int_equal(wallet_store_write(f->store, write_job, &job).code, LW_E_BUSY);
    struct wallet_write w = {.fn = write_job, .ctx = &job, .done = NULL};
    assert_int_equal(wallet_store_submit(f->store, &w).code, LW_E_BUSY);
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    key_of(key, 1, 1);
    assert_int_equal(get_number(txn, key, &n).code, LW_OK);
}

/* Holds the writer until told, so that a queue can be seen to fill. */
static pthread_mutex_t held = PTHREAD_MUTEX_INITIALIZER;
static atomic_bool holding;

static lw_err hold(struct wallet_txn *txn, void *ctx)
{
    (void)txn;
    (void)ctx;
    atomic_store(&holding, true);
    pthread_mutex_lock(&held);
    pthread_mutex_unlock(&held);
    return LW_SUCCESS;
}

static void a_full_queue_refuses_and_takes_again_later(void **state)
{
    struct support_store *f = *state;
    enum { QUEUE = 8 };
    static struct ordered all[QUEUE + 2];
    atomic_int done = 0;
    f->options.queue_max = QUEUE;
    f->options.batch_max = 1;
    support_store_reopen(f);
    atomic_store(&holding, false);
    pthread_mutex_lock(&held);
    all[0] = (struct ordered){.write = {.fn = hold, .done = count_done}, .done = &done};
    assert_int_equal(wallet_store_submit(f->store, &all[0].write).code, LW_OK);
    while (!atomic_load(&holding)) {
        (void)usleep(1000);
    }
    for (size_t i = 1; i <= QUEUE + 1; i++) {
        all[i] = (struct ordered){
            .write = {.fn = write_ordered, .ctx = &all[i], .done = count_done}, .done = &done};
        assert_int_equal(wallet_store_submit(f->store, &all[i].write).code,
                         i <= QUEUE ? LW_OK : LW_E_BUSY);
    }
    pthread_mutex_unlock(&held);
    struct job job = {.store = f->store, .thread = 1, .n = 1};
    lw_err err = LW_FAIL(LW_E_BUSY, "", LW_NOWHERE);
    while (err.code == LW_E_BUSY) { /* the queue empties */
        err = wallet_store_write(f->store, write_job, &job);
    }
    assert_int_equal(err.code, LW_OK);
    wallet_store_drain(f->store);
    assert_int_equal(atomic_load(&done), QUEUE + 1);
    f->options.queue_max = 0;
    f->options.batch_max = 0;
}

static lw_err fill_map(struct wallet_txn *txn, void *ctx)
{
    static const uint8_t body[64 * 1024] = {1};
    const struct job *job = ctx;
    uint8_t key[8];
    LW_AUTO_BUF value = LW_BUF(sizeof(body) + 16);
    key_of(key, job->thread, job->n);
    LW_TRY(wallet_stored_begin(&value, 1, 1));
    LW_TRY(wallet_cbor_put_bytes(&value, LW_BYTES(body)));
    LW_TRY(add_to_total(txn));
    return wallet_txn_put(txn, ks, LW_BYTES(key), lw_buf_view(&value));
}

static void *fill_many(void *arg)
{
    struct job job = *(struct job *)arg;
    for (job.n = 0; job.n < 20; job.n++) {
        if (wallet_store_write(job.store, fill_map, &job).code != LW_OK) {
            return arg;
        }
    }
    return NULL;
}

static void a_map_that_grows_under_many_writers_loses_nothing(void **state)
{
    struct support_store *f = *state;
    enum { FEW = 8 };
    static struct job jobs[FEW];
    pthread_t threads[FEW];
    char dir[SUPPORT_PATH_MAX];
    struct wallet_store_options options = f->options;
    struct wallet_store *small = NULL;
    options.map_size = 1 << 20;
    support_path(f->folder, "small", dir);
    assert_int_equal(wallet_store_create(dir, &options, &small).code, LW_OK);
    for (uint64_t i = 0; i < FEW; i++) {
        jobs[i] = (struct job){.store = small, .thread = i};
        assert_int_equal(pthread_create(&threads[i], NULL, fill_many, &jobs[i]), 0);
    }
    for (size_t i = 0; i < FEW; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    struct wallet_store_found found;
    struct wallet_store_stat stat;
    assert_int_equal(wallet_store_check(small, &found).code, LW_OK);
    assert_true(found.whole);
    assert_int_equal(wallet_store_stat(small, &stat).code, LW_OK);
    assert_true(stat.map_bytes >= 8 << 20);
    WALLET_AUTO_TXN txn = NULL;
    uint64_t total = 0;
    assert_int_equal(wallet_read_begin(small, &txn).code, LW_OK);
    assert_int_equal(get_number(txn, total_key, &total).code, LW_OK);
    assert_int_equal(total, FEW * 20);
    wallet_txn_end(txn);
    txn = NULL;
    wallet_store_close(small);
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
        (void)usleep((unsigned)wait_us + 3000);
        assert_int_equal(kill(pid, SIGKILL), 0);
        assert_int_equal(waitpid(pid, NULL, 0), pid);
        check_acknowledged(f, ends[0], &seen);
        close(ends[0]);
        wallet_store_close(f->store);
        f->store = NULL;
    }
    assert_true(seen > KILL_ROUNDS);
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
        /* first: they fork, and no thread of this process may be in the way */
        TEST(what_was_acknowledged_survives_kill_9),
        TEST(two_processes_write_to_one_store),
        TEST(many_threads_write_and_failing_writes_harm_nobody),
        TEST(writes_of_one_thread_run_in_order),
        TEST(a_write_that_fails_before_it_changed_anything_runs_once),
        TEST(a_refused_change_does_not_spoil_the_rest_of_its_write),
        TEST(a_drained_store_takes_no_more_writes_but_reads),
        TEST(a_full_queue_refuses_and_takes_again_later),
        TEST(a_map_that_grows_under_many_writers_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
