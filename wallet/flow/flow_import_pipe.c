/*
 * Batches of an import on their way. While the signers sign one, this thread checks the one before
 * and converts one to come, and the store's writer keeps an earlier one. The intents of a batch
 * are durable before its digests are given to the signers: they are in the transaction of the
 * records two batches before, and the first two in one of their own.
 */
#include <stdlib.h>

#include "flow_import_internal.h"

struct import_pipe {
    struct import_run *run;
    struct import_batch slots[IMPORT_SLOTS];
    size_t rows;              /* of a slot */
    struct import_row **todo; /* rows to issue, in order */
    size_t total;
    size_t todo_count; /* batches of them */
    uint64_t before;   /* batches that earlier runs wrote */
    size_t done;
    int64_t begun_ms;
    bool has_lock;
    pthread_mutex_t lock;
    pthread_cond_t moved; /* a batch was signed or written */
    lw_err err;           /* the first that happened; guarded by `lock` */
};

static void fail(struct import_pipe *p, lw_err err)
{
    (void)pthread_mutex_lock(&p->lock);
    p->err = p->err.code == LW_OK ? err : p->err;
    (void)pthread_mutex_unlock(&p->lock);
}

static lw_err failure(struct import_pipe *p)
{
    (void)pthread_mutex_lock(&p->lock);
    const lw_err err = p->err;
    (void)pthread_mutex_unlock(&p->lock);
    return err;
}

static void on_signed(struct hsm_job *job)
{
    struct import_batch *batch = job->ctx;
    struct import_pipe *p = batch->pipe;
    (void)pthread_mutex_lock(&p->lock);
    if (--batch->signing == 0) {
        (void)pthread_cond_signal(&p->moved);
    }
    (void)pthread_mutex_unlock(&p->lock);
}

/* Gives a batch whose intents are durable to the signers. */
static void sign(struct import_pipe *p, struct import_batch *batch)
{
    if (batch == NULL || batch->count == 0) {
        return;
    }
    for (size_t i = 0; i < batch->count; i++) {
        batch->jobs[i].done = on_signed;
        batch->jobs[i].ctx = batch;
    }
    (void)pthread_mutex_lock(&p->lock);
    batch->signing = batch->count;
    (void)pthread_mutex_unlock(&p->lock);
    const lw_err err = hsm_pool_submit(p->run->home->pool, batch->jobs, batch->count);
    if (err.code != LW_OK) {
        fail(p, err);
        (void)pthread_mutex_lock(&p->lock);
        batch->signing = 0;
        (void)pthread_mutex_unlock(&p->lock);
    }
}

/* In the writer's thread: what was reserved in this transaction can be signed from now on. */
static void on_written(struct wallet_write *write)
{
    struct import_batch *batch = write->ctx;
    struct import_pipe *p = batch->pipe;
    if (write->err.code == LW_OK) {
        sign(p, batch->next);
    } else {
        fail(p, write->err);
    }
    (void)pthread_mutex_lock(&p->lock);
    batch->writing = false;
    (void)pthread_cond_signal(&p->moved);
    (void)pthread_mutex_unlock(&p->lock);
}

static void wait_signed(struct import_pipe *p, const struct import_batch *batch)
{
    (void)pthread_mutex_lock(&p->lock);
    while (batch->signing > 0) {
        (void)pthread_cond_wait(&p->moved, &p->lock);
    }
    (void)pthread_mutex_unlock(&p->lock);
}

static void wait_written(struct import_pipe *p, const struct import_batch *batch)
{
    (void)pthread_mutex_lock(&p->lock);
    while (batch->writing) {
        (void)pthread_cond_wait(&p->moved, &p->lock);
    }
    (void)pthread_mutex_unlock(&p->lock);
}

/* The term that `row` took the place of may be a row of the file as well. */
static void settle_predecessor(struct import_run *run, const struct import_row *row)
{
    run->superseded = run->superseded || row->supersedes;
    for (const struct import_row *r = row; row->supersedes && r > run->rows; r--) {
        struct import_row *before = &run->rows[r - run->rows - 1];
        if (!lw_str_eq(import_number(run, before), import_number(run, row))) {
            return;
        }
        if (memcmp(before->id, row->predecessor, sizeof(before->id)) == 0) {
            before->state = WALLET_SUPERSEDED;
            return;
        }
    }
}

/* Waits until the batch in a slot is durable, counts it, and frees the slot. */
static void retire(struct import_pipe *p, struct import_batch *batch)
{
    struct import_run *run = p->run;
    wait_written(p, batch);
    if (!batch->used || batch->write.err.code != LW_OK) {
        return;
    }
    batch->used = false;
    for (size_t i = 0; i < batch->count; i++) {
        batch->items[i].row->issued = true;
        settle_predecessor(run, batch->items[i].row);
    }
    p->done += batch->count;
    run->result->issued += batch->count;
    if (run->watch->progress != NULL) {
        const struct wallet_import_progress progress = {
            .done = p->done,
            .total = p->total,
            .elapsed_ms = lw_mono_ms(run->home->env->clock) - p->begun_ms,
        };
        run->watch->progress(run->watch->ctx, &progress);
    }
}

static struct import_batch *slot_of(struct import_pipe *p, size_t nth)
{
    return &p->slots[nth % IMPORT_SLOTS];
}

/* Makes the `nth` batch ready in its slot, which is free; NULL when there is none. */
static lw_err make_ready(struct import_pipe *p, size_t nth, struct import_batch **batch)
{
    *batch = NULL;
    if (nth >= p->todo_count) {
        return LW_SUCCESS;
    }
    struct import_batch *slot = slot_of(p, nth);
    const size_t begin = nth * p->rows;
    const size_t left = p->total - begin;
    LW_TRY(failure(p));
    slot->number = p->before + nth;
    LW_TRY(import_batch_prepare(slot, p->todo + begin, left < p->rows ? left : p->rows));
    *batch = slot;
    return LW_SUCCESS;
}

static lw_err write_first(struct wallet_txn *txn, void *ctx)
{
    struct import_batch *const *first = ctx;
    for (size_t i = 0; i < 2 && first[i] != NULL; i++) {
        LW_TRY(import_reserve(txn, first[i]));
    }
    return LW_SUCCESS;
}

static lw_err start(struct import_pipe *p)
{
    struct import_batch *first[2];
    LW_TRY(make_ready(p, 0, &first[0]));
    LW_TRY(make_ready(p, 1, &first[1]));
    LW_TRY(wallet_store_write(p->run->home->store, write_first, first));
    sign(p, first[0]);
    sign(p, first[1]);
    return LW_SUCCESS;
}

static lw_err keep(struct import_pipe *p, struct import_batch *batch)
{
    batch->write = (struct wallet_write){
        .fn = import_write_batch, .ctx = batch, .done = on_written, .err = LW_SUCCESS};
    batch->used = true;
    batch->writing = true;
    const lw_err err = wallet_store_submit(p->run->home->store, &batch->write);
    if (err.code != LW_OK) {
        batch->writing = false;
        batch->used = false;
    }
    return err;
}

static bool is_stopped(struct import_run *run)
{
    if (!run->result->stopped && run->watch->stop != NULL) {
        run->result->stopped = run->watch->stop(run->watch->ctx);
    }
    return run->result->stopped;
}

/* After a stop what was reserved is finished, so that no intent stays open. */
static lw_err go_through(struct import_pipe *p)
{
    LW_TRY(start(p));
    size_t last = p->todo_count;
    for (size_t i = 0; i < last; i++) {
        struct import_batch *batch = slot_of(p, i);
        struct import_batch *next = NULL;
        retire(p, slot_of(p, i + 2)); /* of batch i - 2, whose commit lets this one be signed */
        if (last == p->todo_count && last > i + 2 && is_stopped(p->run)) {
            last = i + 2;
        }
        if (i + 2 < last) {
            LW_TRY(make_ready(p, i + 2, &next));
        }
        wait_signed(p, batch);
        LW_TRY(failure(p));
        LW_TRY(import_batch_check(batch));
        batch->next = next;
        LW_TRY(keep(p, batch));
    }
    return LW_SUCCESS;
}

/* Nothing of the pipe may be in the hands of signers or writer when it goes. */
static lw_err settle(struct import_pipe *p)
{
    for (size_t i = 0; i < IMPORT_SLOTS; i++) {
        wait_written(p, &p->slots[i]);
    }
    for (size_t i = 0; i < IMPORT_SLOTS; i++) {
        wait_signed(p, &p->slots[i]);
        retire(p, &p->slots[i]);
    }
    return failure(p);
}

static lw_err list_rows(struct import_pipe *p)
{
    const struct import_run *run = p->run;
    p->todo = calloc(run->count + 1, sizeof(struct import_row *));
    if (p->todo == NULL) {
        return LW_FAIL(LW_E_NOMEM, "import: out of memory", LW_NOWHERE);
    }
    for (size_t i = 0; i < run->count; i++) {
        struct import_row *row = &run->rows[i];
        if (!row->there && !row->clash) {
            p->todo[p->total++] = row;
        }
    }
    p->todo_count = (p->total + p->rows - 1) / p->rows;
    p->before = run->record.batches;
    return LW_SUCCESS;
}

static lw_err make_pipe(struct import_pipe *p)
{
    struct import_run *run = p->run;
    p->rows = run->order->batch_rows == 0 ? IMPORT_BATCH_ROWS : run->order->batch_rows;
    p->begun_ms = lw_mono_ms(run->home->env->clock);
    LW_TRY(list_rows(p));
    if (p->total == 0) {
        return LW_SUCCESS;
    }
    p->rows = p->rows < p->total ? p->rows : p->total;
    for (size_t i = 0; i < IMPORT_SLOTS; i++) {
        p->slots[i].run = run;
        p->slots[i].pipe = p;
        LW_TRY(import_batch_make(&p->slots[i], p->rows));
    }
    if (pthread_mutex_init(&p->lock, NULL) != 0 || pthread_cond_init(&p->moved, NULL) != 0) {
        return LW_FAIL(LW_E_NOMEM, "import: out of memory", LW_NOWHERE);
    }
    p->has_lock = true;
    return LW_SUCCESS;
}

static void free_pipe(struct import_pipe *p)
{
    for (size_t i = 0; i < IMPORT_SLOTS; i++) {
        import_batch_free(&p->slots[i], p->rows);
    }
    if (p->has_lock) {
        (void)pthread_cond_destroy(&p->moved);
        (void)pthread_mutex_destroy(&p->lock);
    }
    free(p->todo);
}

static lw_err run_pipe(struct import_pipe *p)
{
    LW_TRY(make_pipe(p));
    if (p->todo_count == 0) {
        return LW_SUCCESS;
    }
    const lw_err err = go_through(p);
    const lw_err settled = settle(p);
    return err.code != LW_OK ? err : settled;
}

lw_err import_issue(struct import_run *run)
{
    struct import_pipe p = {.run = run, .err = LW_SUCCESS};
    const lw_err err = run_pipe(&p);
    free_pipe(&p);
    return err;
}
