/* Signing through the signers: many outstanding by completion, and callers that block. */
#define _GNU_SOURCE

#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"

enum { BATCH = 128, BATCHES = 2, CALLERS = 32, DIGEST_LEN = 32 };

/* Jobs that are queued together; the last to be done wakes the one who waits. */
struct batch {
    struct hsm_job jobs[BATCH];
    atomic_uint open;
    atomic_uint failed;
    sem_t done;
};

static void job_done(struct hsm_job *job)
{
    struct batch *batch = job->ctx;
    if (job->err.code != LW_OK) {
        atomic_fetch_add(&batch->failed, 1);
    }
    if (atomic_fetch_sub(&batch->open, 1) == 1) {
        (void)sem_post(&batch->done);
    }
}

static void number_digest(uint8_t digest[DIGEST_LEN], uint64_t n)
{
    memset(digest, 0x5a, DIGEST_LEN);
    memcpy(digest, &n, sizeof(n));
}

static lw_err submit(struct bench *b, struct batch *batch, uint64_t first)
{
    for (size_t i = 0; i < BATCH; i++) {
        struct hsm_job *job = &batch->jobs[i];
        *job = (struct hsm_job){.purpose = HSM_PURPOSE_CREDENTIAL,
                                .digest_len = DIGEST_LEN,
                                .done = job_done,
                                .ctx = batch};
        memcpy(job->label, b->label, sizeof(job->label));
        number_digest(job->digest, first + i);
    }
    atomic_store(&batch->open, BATCH);
    return hsm_pool_submit(wallet_home_pool(b->home), batch->jobs, BATCH);
}

static lw_err collect(struct batch *batch)
{
    while (sem_wait(&batch->done) != 0) {
        continue; /* a signal */
    }
    return atomic_load(&batch->failed) == 0
               ? LW_SUCCESS
               : LW_FAIL(LW_E_TOKEN, "bench: a signature failed", LW_NOWHERE);
}

/* Both batches are always under way, but at the end: what was queued is waited for in any case. */
static lw_err sign_batches(struct bench *b, struct batch *batches, size_t rounds)
{
    lw_err err = LW_SUCCESS;
    size_t queued = 0;
    size_t collected = 0;
    while (collected < queued || (err.code == LW_OK && queued < rounds)) {
        if (err.code == LW_OK && queued < rounds && queued - collected < BATCHES) {
            err = submit(b, &batches[queued % BATCHES], queued * BATCH);
            queued += err.code == LW_OK ? 1 : 0;
            continue;
        }
        const lw_err ended = collect(&batches[collected % BATCHES]);
        err = err.code == LW_OK ? ended : err;
        collected++;
    }
    return err;
}

static lw_err by_completion(struct bench *b, size_t count)
{
    struct batch *batches = calloc(BATCHES, sizeof(*batches));
    if (batches == NULL) {
        return LW_FAIL(LW_E_NOMEM, "bench: out of memory", LW_NOWHERE);
    }
    for (size_t i = 0; i < BATCHES; i++) {
        (void)sem_init(&batches[i].done, 0, 0);
    }
    const lw_err err = sign_batches(b, batches, count / BATCH);
    for (size_t i = 0; i < BATCHES; i++) {
        (void)sem_destroy(&batches[i].done);
    }
    free(batches);
    return err;
}

struct caller {
    struct bench *b;
    pthread_t thread;
    size_t count;
    uint64_t first;
    lw_err err;
};

static void *call(void *arg)
{
    struct caller *c = arg;
    uint8_t digest[DIGEST_LEN];
    uint8_t sig[HSM_SIG_MAX];
    for (size_t i = 0; i < c->count && c->err.code == LW_OK; i++) {
        number_digest(digest, c->first + i);
        c->err = hsm_pool_sign(wallet_home_pool(c->b->home), c->b->label, HSM_PURPOSE_CREDENTIAL,
                               LW_BYTES(digest), sig);
    }
    /* The last one is checked: signatures that do not hold are no figure. */
    if (c->err.code == LW_OK && c->count > 0) {
        c->err = hsm_verify_digest(&c->b->key, LW_BYTES(digest),
                                   (lw_bytes){.ptr = sig, .len = HSM_ES256_SIG_LEN});
    }
    return NULL;
}

static lw_err by_callers(struct bench *b, size_t count)
{
    struct caller callers[CALLERS];
    lw_err err = LW_SUCCESS;
    size_t started = 0;
    for (; started < CALLERS && err.code == LW_OK; started++) {
        struct caller *c = &callers[started];
        *c = (struct caller){.b = b, .count = count / CALLERS, .first = started << 32};
        if (pthread_create(&c->thread, NULL, call, c) != 0) {
            err = LW_FAIL(LW_E_NOMEM, "bench: cannot start a thread", LW_NOWHERE);
            break;
        }
    }
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(callers[i].thread, NULL);
        err = err.code == LW_OK ? callers[i].err : err;
    }
    return err;
}

/* Signatures per CPU second of this process and its signers. */
static lw_err rate_of(struct bench *b, lw_err (*sign)(struct bench *, size_t), size_t count,
                      double *per_s)
{
    const int64_t begin = bench_cpu_family(getpid());
    LW_TRY(sign(b, count));
    const int64_t used = bench_cpu_family(getpid()) - begin;
    *per_s = used > 0 ? (double)count * bench_ns_per_s / (double)used : 0;
    return LW_SUCCESS;
}

lw_err bench_signing(struct bench *b)
{
    static const struct bench_samples none;
    struct bench_samples completion = none;
    struct bench_samples blocking = none;
    struct bench_samples rates = none;
    const unsigned count = b->quick ? 512 : 8192;
    bench_say(b, "signing through the signers");
    LW_TRY(by_completion(b, count)); /* keys are looked up when first needed */
    for (unsigned round = 0; round < b->rounds; round++) {
        double h = 0;
        double rate = 0;
        LW_TRY(bench_go_on());
        LW_TRY(bench_take_h(b, count, &h));
        LW_TRY(rate_of(b, by_completion, count, &rate));
        bench_sample(&completion, rate / h);
        bench_sample(&rates, rate);
        LW_TRY(bench_take_h(b, count, &h));
        LW_TRY(rate_of(b, by_callers, count, &rate));
        bench_sample(&blocking, rate / h);
    }
    struct bench_row *row =
        bench_row_goal(b, "sign_by_completion", bench_median(&completion), BENCH_AT_LEAST, 0.85);
    (void)snprintf(row->note, sizeof(row->note), "of H, %d to %d outstanding; %.0f a CPU second",
                   BATCH, BATCH * BATCHES, bench_median(&rates));
    row = bench_row_goal(b, "sign_by_blocking_callers", bench_median(&blocking), BENCH_AT_LEAST,
                         0.70);
    (void)snprintf(row->note, sizeof(row->note), "of H, %d callers", CALLERS);
    return LW_SUCCESS;
}
