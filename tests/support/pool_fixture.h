/* A pool on a token behind the shim, and batches of jobs, for tests of what goes wrong. */
#ifndef SUPPORT_POOL_FIXTURE_H
#define SUPPORT_POOL_FIXTURE_H

#include <semaphore.h>

#include "token.h"

/* Digests that begin with it are the marked ones; without end, and no job of a batch marked. */
enum { POOL_MARK = 0xee, POOL_FOR_EVER = 0x7fffffff };
#define POOL_NONE_MARKED SIZE_MAX

struct pool_fixture {
    struct support_token token;
    struct hsm_pool *pool;
    struct hsm_public_key key; /* of "k", for credentials */
};

/** Make a token with the key "k" and open a pool of two signers on it; aborts when it cannot. */
struct pool_fixture *pool_fixture_new(int64_t deadline_ms);
void pool_fixture_free(struct pool_fixture *f);

/** Close the pool and open it again as `f->token.config` says now; aborts when it cannot. */
void pool_fixture_reopen(struct pool_fixture *f);

/** Close the pool only. */
void pool_fixture_close(struct pool_fixture *f);

/** Have C_Sign do `fault` the next `left` times, to digests that begin with `marked` or to any. */
void pool_sign_fault(struct pool_fixture *f, enum shim_fault fault, unsigned left, unsigned marked);

/** Sign one digest with "k" and wait. */
lw_code pool_sign_one(struct pool_fixture *f);

/** Wait, a minute at most, until the health is `code`. */
bool pool_health_becomes(struct hsm_pool *pool, lw_code code);

/** Wait, a minute at most, for that many children. returns how many there are */
size_t pool_children_become(size_t count);

/** Wait, a minute at most, until C_Sign was called so often. */
bool pool_signs_become(struct pool_fixture *f, unsigned count);

/** Wait, a minute at most, until C_Login was called so often. */
bool pool_logins_become(struct pool_fixture *f, unsigned count);

struct pool_batch {
    struct hsm_job *jobs;
    size_t count;
    sem_t done;
};

/** Queue `count` jobs for "k" with digests of their numbers; that of job `marked` is marked. */
void pool_batch_start(struct pool_batch *b, struct pool_fixture *f, size_t count, size_t marked);
void pool_batch_wait(struct pool_batch *b);
void pool_batch_free(struct pool_batch *b);

/** Return NULL when the job's signature holds, else why not. */
const char *pool_job_fault(const struct pool_fixture *f, const struct hsm_job *job);

#endif
