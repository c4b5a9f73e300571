#define _GNU_SOURCE /* explicit_bzero */

#include <errno.h>
#include <semaphore.h>
#include <string.h>

#include "pool_private.h"

static void post(struct hsm_job *job)
{
    (void)sem_post(job->ctx);
}

static void wait_for(sem_t *done)
{
    while (sem_wait(done) != 0) {
        continue; /* a signal */
    }
}

static lw_err copy_label(char to[HSM_LABEL_MAX], const char *label)
{
    const size_t len = strlen(label);
    if (len == 0 || len >= HSM_LABEL_MAX) {
        return LW_FAIL(LW_E_VALUE, "pool: a label has 1 to 63 bytes", LW_NOWHERE);
    }
    memset(to, 0, HSM_LABEL_MAX);
    memcpy(to, label, len + 1);
    return LW_SUCCESS;
}

lw_err hsm_pool_sign(struct hsm_pool *pool, const char *label, enum hsm_purpose purpose,
                     lw_bytes digest, uint8_t sig[HSM_SIG_MAX])
{
    sem_t done;
    struct hsm_job job = {.purpose = purpose, .done = post, .ctx = &done};
    if (digest.len > sizeof(job.digest)) {
        return LW_FAIL(LW_E_VALUE, "pool: a digest of the wrong length", LW_NOWHERE);
    }
    LW_TRY(copy_label(job.label, label));
    memcpy(job.digest, digest.ptr, digest.len);
    job.digest_len = (uint8_t)digest.len;
    (void)sem_init(&done, 0, 0);
    lw_err err = hsm_pool_submit(pool, &job, 1);
    if (err.code == LW_OK) {
        wait_for(&done);
        err = job.err;
    }
    (void)sem_destroy(&done);
    if (err.code == LW_OK) {
        memcpy(sig, job.sig, job.sig_len);
    }
    return err;
}

static lw_err sign_digest(void *ctx, lw_bytes digest, uint8_t sig[HSM_SIG_MAX])
{
    const struct hsm_pool_key *key = ctx;
    return hsm_pool_sign(key->pool, key->label, key->purpose, digest, sig);
}

void hsm_pool_signer(struct hsm_pool_key *key, const struct hsm_public_key *public_key,
                     struct hsm_signer *signer)
{
    *signer = (struct hsm_signer){
        .purpose = key->purpose,
        .key = *public_key,
        .sign_digest = sign_digest,
        .ctx = key,
    };
}

void hsm_pool_job(const struct hsm_signer *signer, const struct hsm_digest *digest,
                  struct hsm_job *job)
{
    const struct hsm_pool_key *key = signer->ctx;
    *job = (struct hsm_job){.purpose = signer->purpose, .digest_len = digest->len};
    _Static_assert(sizeof(job->digest) == sizeof(digest->bytes), "the same room");
    memcpy(job->label, key->label, sizeof(job->label));
    memcpy(job->digest, digest->bytes, sizeof(job->digest));
}

/* Sends the request of `call` and waits; its reply stays for the caller to read and wipe. */
static lw_err call_and_wait(struct hsm_pool *pool, struct pool_call *call)
{
    sem_t done;
    (void)sem_init(&done, 0, 0);
    call->job.done = post;
    call->job.ctx = &done;
    lw_err err = pool_submit_call(pool, call);
    if (err.code == LW_OK) {
        wait_for(&done);
        err = call->job.err;
    }
    (void)sem_destroy(&done);
    return err;
}

static lw_err call_on_key(struct hsm_pool *pool, struct pool_call *call, const char *label)
{
    LW_TRY(copy_label(call->request.label, label));
    return call_and_wait(pool, call);
}

static lw_err call_for_point(struct hsm_pool *pool, struct pool_call *call, const char *label,
                             struct hsm_public_key *key)
{
    LW_TRY(call_on_key(pool, call, label));
    const lw_bytes half = {.ptr = call->reply.data, .len = call->reply.len};
    const enum hsm_alg alg = hsm_purpose_alg((enum hsm_purpose)call->reply.purpose);
    const lw_err err = hsm_public_key_from_bytes(key, alg, half);
    return err.code == LW_E_VALUE || err.code == LW_E_UNSUPPORTED
               ? LW_FAIL(LW_E_TOKEN, "pool: the token gave no public key", LW_NOWHERE)
               : err;
}

lw_err hsm_pool_generate(struct hsm_pool *pool, const char *label, enum hsm_purpose purpose,
                         struct hsm_public_key *key)
{
    struct pool_call call = {.request = {.op = HSM_WIRE_GENERATE, .purpose = (uint8_t)purpose}};
    return call_for_point(pool, &call, label, key);
}

lw_err hsm_pool_generate_wrap(struct hsm_pool *pool, const char *label, enum hsm_purpose purpose)
{
    struct pool_call call = {
        .request = {.op = HSM_WIRE_GENERATE_WRAP, .purpose = (uint8_t)purpose},
    };
    return call_on_key(pool, &call, label);
}

lw_err hsm_pool_find(struct hsm_pool *pool, const char *label, struct hsm_public_key *key)
{
    struct pool_call call = {.request = {.op = HSM_WIRE_FIND}};
    return call_for_point(pool, &call, label, key);
}

lw_err hsm_pool_list(struct hsm_pool *pool, struct hsm_token_key *keys, size_t max, size_t *count)
{
    struct pool_call call = {.request = {.op = HSM_WIRE_LIST}, .keys = keys, .keys_max = max};
    LW_TRY(call_and_wait(pool, &call));
    *count = call.keys_count;
    return LW_SUCCESS;
}

lw_err hsm_pool_destroy(struct hsm_pool *pool, const char *label)
{
    struct pool_call call = {.request = {.op = HSM_WIRE_DESTROY}};
    return call_on_key(pool, &call, label);
}

lw_err hsm_pool_wrap(struct hsm_pool *pool, const char *label, const uint8_t secret[32],
                     lw_buf *wrapped)
{
    struct pool_call call = {.request = {.op = HSM_WIRE_WRAP, .len = 32}};
    memcpy(call.request.data, secret, 32);
    const lw_err err = call_on_key(pool, &call, label);
    explicit_bzero(call.request.data, sizeof(call.request.data));
    LW_TRY(err);
    return lw_buf_put(wrapped, (lw_bytes){.ptr = call.reply.data, .len = call.reply.len});
}

lw_err hsm_pool_unwrap(struct hsm_pool *pool, const char *label, lw_bytes wrapped,
                       uint8_t secret[32])
{
    struct pool_call call = {.request = {.op = HSM_WIRE_UNWRAP}};
    if (wrapped.len == 0 || wrapped.len > HSM_WRAP_MAX) {
        return LW_FAIL(LW_E_SIGNATURE, "pool: not of the length that was wrapped", LW_NOWHERE);
    }
    memcpy(call.request.data, wrapped.ptr, wrapped.len);
    call.request.len = (uint16_t)wrapped.len;
    lw_err err = call_on_key(pool, &call, label);
    if (err.code == LW_OK && call.reply.len != 32) {
        err = LW_FAIL(LW_E_TOKEN, "pool: a secret of the wrong length", LW_NOWHERE);
    }
    if (err.code == LW_OK) {
        memcpy(secret, call.reply.data, 32);
    }
    explicit_bzero(&call.reply, sizeof(call.reply));
    return err;
}
