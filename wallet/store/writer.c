#define _POSIX_C_SOURCE 200809L

#include "writer.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>

#include "store_internal.h"

enum {
    QUEUE_MAX = 16384,
    BATCH_MAX = 4096,
    LINGER_NS = 2000000,
    ROUNDS_MAX = 64, /* a map that doubles each time has long grown enough */
    NS_PER_S = 1000000000,
};

struct queue {
    struct wallet_write *head;
    struct wallet_write *tail;
    size_t count;
};

struct wallet_writer {
    struct wallet_store *store;
    size_t queue_max;
    size_t batch_max;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t work;
    struct queue waiting;
    size_t wake_at;  /* signal when so many wait; 0: nobody listens */
    size_t expected; /* how many are likely to wait soon: the company worth lingering for */
    bool draining;
    bool started;
    pthread_t thread;
};

static void push(struct queue *q, struct wallet_write *w)
{
    w->next = NULL;
    if (q->tail == NULL) {
        q->head = w;
    } else {
        q->tail->next = w;
    }
    q->tail = w;
    q->count++;
}

static struct wallet_write *pop(struct queue *q)
{
    struct wallet_write *w = q->head;
    q->head = w->next;
    if (q->head == NULL) {
        q->tail = NULL;
    }
    q->count--;
    return w;
}

static void move(struct queue *from, struct queue *to, size_t max)
{
    while (from->count > 0 && to->count < max) {
        push(to, pop(from));
    }
}

/*
 * Waits, holding the lock, for work and then a little for company: those whose writes were just
 * done come back at once when they have more, so waiting for as many as were served last pays,
 * and a lone writer does not wait at all. No transaction is open meanwhile.
 */
static void wait_for_work(struct wallet_writer *w)
{
    while (w->waiting.count == 0 && !w->draining) {
        w->wake_at = 1;
        pthread_cond_wait(&w->work, &w->lock);
    }
    if (w->waiting.count < w->expected && !w->draining) {
        /* Condition variables here count on CLOCK_MONOTONIC, as the system's clock does. */
        const int64_t end = lw_mono_ns(lw_clock_system()) + LINGER_NS;
        const struct timespec until = {.tv_sec = end / NS_PER_S, .tv_nsec = end % NS_PER_S};
        w->wake_at = w->expected;
        while (w->waiting.count < w->expected && !w->draining &&
               pthread_cond_timedwait(&w->work, &w->lock, &until) != ETIMEDOUT) {
        }
    }
    w->wake_at = 0;
}

static void fail_all(const struct queue *batch, lw_err err)
{
    for (struct wallet_write *w = batch->head; w != NULL; w = w->next) {
        w->err = err;
    }
}

/* Those that failed by themselves keep their reason. */
static void fail_done(const struct queue *batch, lw_err err)
{
    for (struct wallet_write *w = batch->head; w != NULL; w = w->next) {
        w->err = w->err.code == LW_OK ? err : w->err;
    }
}

enum outcome { OUTCOME_DONE, OUTCOME_AGAIN, OUTCOME_SAVEPOINTS };

/* Runs one write in a savepoint: what a failure leaves behind goes, its neighbours stay. */
static enum outcome run_apart(struct wallet_txn *txn, struct wallet_write *w)
{
    const struct wallet_engine_ops *ops = txn->ops;
    struct wallet_engine_txn *whole = txn->engine;
    w->err = ops->begin(txn->store->engine, WALLET_ENGINE_WRITE, whole, &txn->engine);
    if (w->err.code != LW_OK) {
        txn->engine = whole;
        return OUTCOME_DONE;
    }
    w->err = w->fn(txn, w->ctx);
    const enum wallet_engine_state state = ops->state(txn->engine);
    if (state == WALLET_ENGINE_BROKEN && w->err.code == LW_OK) {
        w->err = LW_FAIL(LW_E_MISUSE, "store: a write passed over a failed change", LW_NOWHERE);
    }
    if (w->err.code == LW_OK && state == WALLET_ENGINE_SOUND) {
        w->err = ops->commit(txn->engine);
    } else {
        ops->abort(txn->engine);
    }
    txn->engine = whole;
    return ops->state(whole) == WALLET_ENGINE_RERUN ? OUTCOME_AGAIN : OUTCOME_DONE;
}

/* Runs one write straight in the shared transaction: right for all that do not fail half way. */
static enum outcome run_flat(struct wallet_txn *txn, struct wallet_write *w)
{
    const uint64_t before = txn->changes;
    w->err = w->fn(txn, w->ctx);
    switch (txn->ops->state(txn->engine)) {
    case WALLET_ENGINE_RERUN:
        return OUTCOME_AGAIN;
    case WALLET_ENGINE_BROKEN:
        return OUTCOME_SAVEPOINTS;
    case WALLET_ENGINE_SOUND:
        break;
    }
    const bool clean = w->err.code == LW_OK || txn->changes == before;
    return clean ? OUTCOME_DONE : OUTCOME_SAVEPOINTS;
}

static void take_late(struct wallet_writer *w, struct queue *batch)
{
    pthread_mutex_lock(&w->lock);
    move(&w->waiting, batch, w->batch_max);
    pthread_mutex_unlock(&w->lock);
}

/* Runs every write of the batch, and those that came meanwhile, without committing. */
static enum outcome run_all(struct wallet_writer *writer, struct wallet_txn *txn,
                            struct queue *batch, bool savepoints)
{
    for (struct wallet_write *w = batch->head; w != NULL; w = w->next) {
        const enum outcome outcome = savepoints ? run_apart(txn, w) : run_flat(txn, w);
        if (outcome != OUTCOME_DONE) {
            return outcome;
        }
        if (w->next == NULL) {
            take_late(writer, batch);
        }
    }
    return OUTCOME_DONE;
}

static enum outcome attempt(struct wallet_writer *writer, struct queue *batch, bool savepoints)
{
    struct wallet_store *store = writer->store;
    struct wallet_txn txn = {.store = store, .ops = store->ops, .write = true};
    lw_err err = txn.ops->begin(store->engine, WALLET_ENGINE_WRITE, NULL, &txn.engine);
    if (err.code != LW_OK) {
        fail_all(batch, err);
        return OUTCOME_DONE;
    }
    const enum outcome outcome = run_all(writer, &txn, batch, savepoints);
    if (outcome != OUTCOME_DONE) {
        txn.ops->abort(txn.engine);
        return outcome;
    }
    err = txn.ops->commit(txn.engine);
    if (err.code == LW_E_LIMIT) {
        return OUTCOME_AGAIN;
    }
    if (err.code != LW_OK) {
        fail_done(batch, err);
    }
    return OUTCOME_DONE;
}

static void serve(struct wallet_writer *writer, struct queue *batch)
{
    bool savepoints = false;
    for (unsigned i = 0; i < ROUNDS_MAX; i++) {
        const enum outcome outcome = attempt(writer, batch, savepoints);
        if (outcome == OUTCOME_DONE) {
            return;
        }
        savepoints = savepoints || outcome == OUTCOME_SAVEPOINTS;
    }
    fail_all(batch, LW_FAIL(LW_E_NOSPACE, "store: a write larger than the map", LW_NOWHERE));
}

static void *run(void *arg)
{
    struct wallet_writer *w = arg;
    for (;;) {
        struct queue batch = {0};
        pthread_mutex_lock(&w->lock);
        wait_for_work(w);
        move(&w->waiting, &batch, w->batch_max);
        pthread_mutex_unlock(&w->lock);
        if (batch.count == 0) {
            return NULL; /* drained */
        }
        serve(w, &batch);
        pthread_mutex_lock(&w->lock);
        const size_t likely = batch.count + w->waiting.count;
        w->expected = likely < w->batch_max ? likely : w->batch_max;
        pthread_mutex_unlock(&w->lock);
        while (batch.count > 0) {
            struct wallet_write *done = pop(&batch);
            done->done(done); /* its owner may free it now */
        }
    }
}

/* The thread takes no signals: they are the main thread's. */
static lw_err start(struct wallet_writer *w)
{
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    w->started = pthread_create(&w->thread, NULL, run, w) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!w->started) {
        return LW_FAIL(LW_E_NOMEM, "store: the writer cannot start", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static lw_err submit_locked(struct wallet_writer *w, struct wallet_write *write)
{
    if (w->draining) {
        return LW_FAIL(LW_E_BUSY, "store: closing", LW_NOWHERE);
    }
    if (w->waiting.count >= w->queue_max) {
        return LW_FAIL(LW_E_BUSY, "store: too many writes wait", LW_NOWHERE);
    }
    if (!w->started) {
        LW_TRY(start(w));
    }
    push(&w->waiting, write);
    if (w->wake_at != 0 && w->waiting.count >= w->wake_at) {
        w->wake_at = 0;
        pthread_cond_signal(&w->work);
    }
    return LW_SUCCESS;
}

lw_err wallet_writer_submit(struct wallet_writer *writer, struct wallet_write *w)
{
    pthread_mutex_lock(&writer->lock);
    const lw_err err = submit_locked(writer, w);
    pthread_mutex_unlock(&writer->lock);
    return err;
}

lw_err wallet_writer_new(struct wallet_store *store, size_t queue_max, unsigned batch_max,
                         struct wallet_writer **writer)
{
    struct wallet_writer *w = calloc(1, sizeof(*w));
    pthread_condattr_t attr;
    if (w == NULL) {
        return LW_FAIL(LW_E_NOMEM, "store: out of memory", LW_NOWHERE);
    }
    w->store = store;
    w->queue_max = queue_max == 0 ? QUEUE_MAX : queue_max;
    w->batch_max = batch_max == 0 ? BATCH_MAX : batch_max;
    /* On Linux these fail for lack of memory only, which glibc's never need. */
    if (pthread_condattr_init(&attr) != 0 ||
        pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0 ||
        pthread_cond_init(&w->work, &attr) != 0 || pthread_mutex_init(&w->lock, NULL) != 0) {
        free(w);
        return LW_FAIL(LW_E_NOMEM, "store: out of memory", LW_NOWHERE);
    }
    (void)pthread_condattr_destroy(&attr);
    *writer = w;
    return LW_SUCCESS;
}

void wallet_writer_drain(struct wallet_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    writer->draining = true;
    const bool join = writer->started;
    writer->started = false;
    pthread_cond_signal(&writer->work);
    pthread_mutex_unlock(&writer->lock);
    if (join) {
        (void)pthread_join(writer->thread, NULL);
    }
}

void wallet_writer_free(struct wallet_writer *writer)
{
    if (writer != NULL) {
        wallet_writer_drain(writer);
        (void)pthread_cond_destroy(&writer->work);
        (void)pthread_mutex_destroy(&writer->lock);
        free(writer);
    }
}

void wallet_store_drain(struct wallet_store *store)
{
    wallet_writer_drain(store->writer);
}

lw_err wallet_store_submit(struct wallet_store *store, struct wallet_write *w)
{
    return wallet_writer_submit(store->writer, w);
}

struct waiter {
    struct wallet_write write; /* first: `done` gets its address */
    sem_t served;
};

static void wake(struct wallet_write *w)
{
    (void)sem_post(&((struct waiter *)w)->served);
}

lw_err wallet_store_write(struct wallet_store *store, wallet_write_fn *fn, void *ctx)
{
    struct waiter waiter = {.write = {.fn = fn, .ctx = ctx, .done = wake}};
    if (sem_init(&waiter.served, 0, 0) != 0) {
        return LW_FAIL(LW_E_NOMEM, "store: out of memory", LW_NOWHERE);
    }
    const lw_err err = wallet_writer_submit(store->writer, &waiter.write);
    if (err.code == LW_OK) {
        while (sem_wait(&waiter.served) != 0) {
        } /* interrupted by a signal */
    }
    (void)sem_destroy(&waiter.served);
    return err.code == LW_OK ? waiter.write.err : err;
}
