#define _GNU_SOURCE /* RTLD_NEXT, usleep */

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>

#include <cmocka.h>

#include "store_fixture.h"
#include "writer_jobs.h"

enum { THREADS = 64, WRITES = 40, BAD_EACH = 5 };
static const enum wallet_keyspace ks = WALLET_KS_GRANT;

/* The library's put comes here first: while told to, it refuses values of the length below. */
enum { REFUSED_LEN = 77, REFUSED_RC = -30781 /* MDB_BAD_VALSIZE */ };
static atomic_bool refuse_some;
struct library_value {
    size_t len;
    void *data;
};

int mdb_put(void *txn, unsigned dbi, struct library_value *key, struct library_value *value,
            unsigned flags);
int mdb_put(void *txn, unsigned dbi, struct library_value *key, struct library_value *value,
            unsigned flags)
{
    int (*real)(void *, unsigned, struct library_value *, struct library_value *, unsigned) = NULL;
    void *found = dlsym(RTLD_NEXT, "mdb_put");
    memcpy(&real, &found, sizeof(real)); /* ISO C has no cast for it */
    if (atomic_load(&refuse_some) && value->len == REFUSED_LEN) {
        return REFUSED_RC;
    }
    return real(txn, dbi, key, value, flags);
}

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

static lw_err pass_over_a_failure(struct wallet_txn *txn, void *ctx)
{
    static const uint8_t value[REFUSED_LEN] = {0x81, 1};
    (void)ctx;
    LW_TRY(put_number(txn, total_key, 6));
    (void)wallet_txn_put(txn, ks, LW_BYTES(total_key), LW_BYTES(value)).code;
    return LW_SUCCESS;
}

static void a_write_that_passes_over_a_broken_change_fails_alone(void **state)
{
    const struct support_store *f = *state;
    static struct ordered all[3];
    atomic_int done = 0;
    atomic_store(&refuse_some, true);
    for (uint64_t i = 0; i < 3; i++) {
        all[i] = (struct ordered){.write = {.fn = i == 1 ? pass_over_a_failure : write_ordered,
                                            .ctx = &all[i],
                                            .done = count_done},
                                  .done = &done};
        assert_int_equal(wallet_store_submit(f->store, &all[i].write).code, LW_OK);
    }
    wallet_store_drain(f->store);
    atomic_store(&refuse_some, false);
    assert_int_equal(all[0].write.err.code, LW_OK);
    assert_int_equal(all[1].write.err.code, LW_E_MISUSE);
    assert_int_equal(all[2].write.err.code, LW_OK);
    assert_int_equal(all[2].seen, 1); /* not 6 */
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

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(many_threads_write_and_failing_writes_harm_nobody),
        TEST(writes_of_one_thread_run_in_order),
        TEST(a_write_that_fails_before_it_changed_anything_runs_once),
        TEST(a_refused_change_does_not_spoil_the_rest_of_its_write),
        TEST(a_write_that_passes_over_a_broken_change_fails_alone),
        TEST(a_drained_store_takes_no_more_writes_but_reads),
        TEST(a_full_queue_refuses_and_takes_again_later),
        TEST(a_map_that_grows_under_many_writers_loses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
