#define _GNU_SOURCE

#include "pool_fixture.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "hsm/digest.h"

enum { WAIT_TRIES = 6000, WAIT_TICK_MS = 10 };

static void must(lw_err err, const char *what)
{
    if (err.code != LW_OK) {
        fprintf(stderr, "test support: pool: %s: %s\n", what, err.why);
        abort();
    }
}

void pool_fixture_close(struct pool_fixture *f)
{
    hsm_pool_close(f->pool);
    f->pool = NULL;
}

void pool_fixture_reopen(struct pool_fixture *f)
{
    pool_fixture_close(f);
    must(hsm_pool_open(&f->token.config, &f->pool), "open");
}

struct pool_fixture *pool_fixture_new(int64_t deadline_ms)
{
    struct pool_fixture *f = calloc(1, sizeof(*f));
    if (f == NULL) {
        abort();
    }
    support_token_make(&f->token, true);
    f->token.config.deadline_ms = deadline_ms;
    pool_fixture_reopen(f);
    must(hsm_pool_generate(f->pool, "k", HSM_PURPOSE_CREDENTIAL, &f->key), "generate");
    return f;
}

void pool_fixture_free(struct pool_fixture *f)
{
    pool_fixture_close(f);
    support_token_free(&f->token);
    free(f);
}

void pool_sign_fault(struct pool_fixture *f, enum shim_fault fault, unsigned left, unsigned marked)
{
    atomic_store(&f->token.control->sign_left, left);
    atomic_store(&f->token.control->sign_marked, marked);
    atomic_store(&f->token.control->sign_fault, fault);
}

lw_code pool_sign_one(struct pool_fixture *f)
{
    const uint8_t digest[HSM_SHA256_LEN] = {1};
    uint8_t sig[HSM_SIG_MAX];
    return hsm_pool_sign(f->pool, "k", HSM_PURPOSE_CREDENTIAL, LW_BYTES(digest), sig).code;
}

bool pool_health_becomes(struct hsm_pool *pool, lw_code code)
{
    bool is = hsm_pool_health(pool).code == code;
    for (int i = 0; i < WAIT_TRIES && !is; i++) {
        (void)poll(NULL, 0, WAIT_TICK_MS);
        is = hsm_pool_health(pool).code == code;
    }
    return is;
}

size_t pool_children_become(size_t count)
{
    pid_t pids[16];
    for (int i = 0; i < WAIT_TRIES && support_children(pids, 16) != count; i++) {
        (void)poll(NULL, 0, WAIT_TICK_MS);
    }
    return support_children(pids, 16);
}

/* Of a counter that the shim counts up in another process. */
static bool becomes(const atomic_uint *counter, unsigned count)
{
    for (int i = 0; i < WAIT_TRIES && atomic_load(counter) < count; i++) {
        (void)poll(NULL, 0, WAIT_TICK_MS);
    }
    return atomic_load(counter) >= count;
}

bool pool_signs_become(struct pool_fixture *f, unsigned count)
{
    return becomes(&f->token.control->signs, count);
}

bool pool_logins_become(struct pool_fixture *f, unsigned count)
{
    return becomes(&f->token.control->logins, count);
}

static void job_done(struct hsm_job *job)
{
    (void)sem_post(job->ctx);
}

void pool_batch_start(struct pool_batch *b, struct pool_fixture *f, size_t count, size_t marked)
{
    *b = (struct pool_batch){.count = count, .jobs = calloc(count, sizeof(struct hsm_job))};
    if (b->jobs == NULL || sem_init(&b->done, 0, 0) != 0) {
        abort();
    }
    for (size_t i = 0; i < count; i++) {
        struct hsm_job *job = &b->jobs[i];
        *job = (struct hsm_job){.label = "k",
                                .purpose = HSM_PURPOSE_CREDENTIAL,
                                .digest_len = HSM_SHA256_LEN,
                                .done = job_done,
                                .ctx = &b->done};
        const lw_bytes in = {.ptr = (const uint8_t *)&i, .len = sizeof(i)};
        must(hsm_sha256(in, job->digest), "digest");
        job->digest[0] = i == marked ? POOL_MARK : 0;
    }
    must(hsm_pool_submit(f->pool, b->jobs, count), "submit");
}

void pool_batch_wait(struct pool_batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        (void)sem_wait(&b->done);
    }
}

void pool_batch_free(struct pool_batch *b)
{
    (void)sem_destroy(&b->done);
    free(b->jobs);
}

const char *pool_job_fault(const struct pool_fixture *f, const struct hsm_job *job)
{
    const lw_bytes digest = {.ptr = job->digest, .len = job->digest_len};
    const lw_bytes sig = {.ptr = job->sig, .len = job->sig_len};
    if (job->err.code != LW_OK) {
        return job->err.why;
    }
    return hsm_verify_digest(&f->key, digest, sig).why;
}
