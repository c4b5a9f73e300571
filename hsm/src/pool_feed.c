#define _GNU_SOURCE /* explicit_bzero */

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "pool_private.h"

enum {
    WINDOW = 64,   /* in flight with one signer: a batch that it works on and one behind it */
    COMPANY = 16,  /* jobs wait for as many as this, so that messages stay few... */
    ENOUGH = 8,    /* ...while each signer has so many to work on */
    READS_MAX = 8, /* messages of one signer in a turn, so that others get theirs */
    PING_EVERY_MS = 5000,
    SILENCE_SLACK_MS = 500,
};

void pool_expect(struct hsm_pool *pool, struct signer_process *signer, int64_t now_ms)
{
    /* A request may take several token calls, each with its own deadline in the signer. */
    signer->when_ms = signer->flying.count == 0
                          ? now_ms + PING_EVERY_MS
                          : now_ms + 2 * pool->config.deadline_ms + SILENCE_SLACK_MS;
}

static void to_wire(const struct hsm_job *job, struct hsm_wire *record)
{
    if (job->op == HSM_WIRE_SIGN) {
        *record = (struct hsm_wire){.purpose = (uint8_t)job->purpose, .len = job->digest_len};
        memcpy(record->label, job->label, sizeof(record->label));
        memcpy(record->data, job->digest, sizeof(job->digest));
    } else if (job->op == HSM_WIRE_PING) {
        *record = (struct hsm_wire){.purpose = 0};
    } else {
        *record = ((const struct pool_call *)job)->request;
    }
    record->id = job->id;
    record->op = job->op;
}

/* Sends up to `count` jobs of `from` in one message. returns false when the socket is full */
static bool send_jobs(struct hsm_pool *pool, struct signer_process *signer, struct job_list *from,
                      size_t count, int64_t now_ms)
{
    struct hsm_wire records[HSM_WIRE_BATCH] = {0};
    size_t used = 0;
    for (struct hsm_job *job = from->head; job != NULL && used < count; job = job->next) {
        job->id = ++pool->last_id;
        to_wire(job, &records[used]);
        used++;
    }
    const size_t size = used * sizeof(records[0]);
    const ssize_t sent = send(signer->fd, records, size, MSG_NOSIGNAL);
    explicit_bzero(records, size);
    /* A dead peer is noticed when it is read from. */
    if (sent != (ssize_t)size) {
        return false;
    }
    const bool was_idle = signer->flying.count == 0;
    for (size_t i = 0; i < used; i++) {
        job_list_add(&signer->flying, job_list_pop(from));
    }
    if (was_idle) {
        pool_expect(pool, signer, now_ms);
    }
    return true;
}

static struct signer_process *least_busy(struct hsm_pool *pool, unsigned *ready)
{
    struct signer_process *best = NULL;
    *ready = 0;
    for (unsigned i = 0; i < pool->config.processes; i++) {
        struct signer_process *signer = &pool->signers[i];
        if (signer->state != SIGNER_READY || signer->solo) {
            continue;
        }
        (*ready)++;
        if (signer->flying.count < WINDOW &&
            (best == NULL || signer->flying.count < best->flying.count)) {
            best = signer;
        }
    }
    return best;
}

static void feed_suspects(struct hsm_pool *pool, int64_t now_ms)
{
    for (unsigned i = 0; i < pool->config.processes; i++) {
        struct signer_process *signer = &pool->signers[i];
        if (signer->state != SIGNER_READY || signer->flying.count > 0) {
            continue;
        }
        signer->solo = false;
        if (pool->suspects.count > 0) {
            signer->solo = send_jobs(pool, signer, &pool->suspects, 1, now_ms);
        }
    }
}

static void feed_pings(struct hsm_pool *pool, int64_t now_ms)
{
    for (unsigned i = 0; i < pool->config.processes; i++) {
        struct signer_process *signer = &pool->signers[i];
        if (signer->state == SIGNER_READY && signer->flying.count == 0 &&
            now_ms >= signer->when_ms) {
            struct job_list list = {0};
            signer->ping = (struct hsm_job){.op = HSM_WIRE_PING, .born_ms = INT64_MAX};
            job_list_add(&list, &signer->ping);
            (void)send_jobs(pool, signer, &list, 1, now_ms);
        }
    }
}

size_t pool_worth(const struct hsm_pool *pool)
{
    bool all_have_enough = false;
    for (unsigned i = 0; i < pool->config.processes; i++) {
        const struct signer_process *signer = &pool->signers[i];
        if (signer->state == SIGNER_READY && !signer->solo) {
            if (signer->flying.count < ENOUGH) {
                return 1;
            }
            all_have_enough = true;
        }
    }
    return all_have_enough && pool->waiting.count < COMPANY ? COMPANY - pool->waiting.count : 1;
}

static size_t share_of(const struct hsm_pool *pool, const struct signer_process *signer,
                       unsigned ready)
{
    const size_t waiting = pool->waiting.count;
    const size_t room = WINDOW - signer->flying.count;
    size_t share = (waiting + ready - 1) / ready;
    if (signer->flying.count > 0 && share < COMPANY) {
        share = waiting < COMPANY ? waiting : COMPANY;
    }
    share = share > room ? room : share;
    return share > HSM_WIRE_BATCH ? HSM_WIRE_BATCH : share;
}

void pool_feed(struct hsm_pool *pool, int64_t now_ms)
{
    feed_suspects(pool, now_ms);
    while (pool->waiting.count > 0) {
        unsigned ready = 0;
        struct signer_process *signer = least_busy(pool, &ready);
        if (signer == NULL || (pool->waiting.count < COMPANY && signer->flying.count >= ENOUGH)) {
            break;
        }
        const size_t share = share_of(pool, signer, ready);
        if (!send_jobs(pool, signer, &pool->waiting, share, now_ms)) {
            break;
        }
    }
    feed_pings(pool, now_ms);
}

static void forget_elsewhere(struct hsm_pool *pool, const struct signer_process *knows)
{
    const struct hsm_wire forget = {.op = HSM_WIRE_FORGET};
    for (unsigned i = 0; i < pool->config.processes; i++) {
        const struct signer_process *signer = &pool->signers[i];
        if (signer != knows && signer->state == SIGNER_READY) {
            /* A full socket: the module itself then finds the handle dead. */
            (void)send(signer->fd, &forget, sizeof(forget), MSG_NOSIGNAL);
        }
    }
}

static void add_listed(struct pool_call *call, const struct hsm_wire *reply)
{
    if (call->keys_count < call->keys_max) {
        struct hsm_token_key *key = &call->keys[call->keys_count];
        *key = (struct hsm_token_key){
            .purpose = (enum hsm_purpose)reply->purpose,
            .extractable = (reply->flags & HSM_WIRE_EXTRACTABLE) != 0,
        };
        memcpy(key->label, reply->label, sizeof(key->label));
        key->label[sizeof(key->label) - 1] = 0;
        if (reply->len > 0) {
            const lw_bytes half = {.ptr = reply->data, .len = reply->len};
            const enum hsm_alg alg = hsm_purpose_alg(key->purpose);
            const lw_err err = hsm_public_key_from_bytes(&key->key, alg, half);
            key->key.alg = err.code == LW_OK ? alg : HSM_ALG_NONE;
        }
    }
    call->keys_count++;
}

static void take_signature(struct hsm_job *job, const struct hsm_wire *reply, lw_err *err)
{
    const size_t want = hsm_purpose_alg(job->purpose) == HSM_RS256 ? (size_t)HSM_RSA_LEN
                                                                   : (size_t)HSM_ES256_SIG_LEN;
    if (err->code == LW_OK && reply->len != want) {
        *err = LW_FAIL(LW_E_TOKEN, "pool: a signature of the wrong length", LW_NOWHERE);
    }
    if (err->code == LW_OK) {
        memcpy(job->sig, reply->data, reply->len);
        job->sig_len = reply->len;
    }
}

static bool proves_the_token(uint8_t op)
{
    return op == HSM_WIRE_SIGN || op == HSM_WIRE_GENERATE || op == HSM_WIRE_GENERATE_WRAP ||
           op == HSM_WIRE_WRAP || op == HSM_WIRE_UNWRAP;
}

static void answered(struct hsm_pool *pool, struct signer_process *signer, struct hsm_job *job,
                     const struct hsm_wire *reply)
{
    lw_err err = hsm_wire_error(reply->result);
    if (job->op == HSM_WIRE_PING) {
        return;
    }
    if (job->op == HSM_WIRE_SIGN) {
        take_signature(job, reply, &err);
    } else {
        ((struct pool_call *)job)->reply = *reply;
    }
    if (job->op == HSM_WIRE_DESTROY) {
        forget_elsewhere(pool, signer);
    }
    if (proves_the_token(job->op)) {
        signer->failures = err.code == LW_OK ? 0 : signer->failures;
        if (err.code == LW_OK || err.code == LW_E_TOKEN) {
            pool->ailment = err;
            pool->ailment_ms = err.code == LW_OK ? 0 : lw_mono_ms(pool->config.clock);
        }
    }
    pool_finish(pool, job, err);
}

static void hello(struct hsm_pool *pool, struct signer_process *signer,
                  const struct hsm_wire *reply, int64_t now_ms)
{
    signer->greeted = true;
    if (reply->result != HSM_WIRE_OK) {
        pool->pin_refused = pool->pin_refused || hsm_wire_pin_refused(reply->result);
        pool_fault(pool, hsm_wire_error(reply->result), reply->rv);
        return; /* it ends by itself */
    }
    signer->state = SIGNER_READY;
    pool_expect(pool, signer, now_ms);
    pool->fault = LW_SUCCESS;
}

static bool heard(struct hsm_pool *pool, struct signer_process *signer,
                  const struct hsm_wire *reply, int64_t now_ms)
{
    if (signer->state == SIGNER_STARTING) {
        if (reply->op == HSM_WIRE_HELLO) {
            hello(pool, signer, reply, now_ms);
        }
        return reply->op == HSM_WIRE_HELLO;
    }
    if (reply->len > sizeof(reply->data)) {
        return false;
    }
    if ((reply->flags & HSM_WIRE_MORE) != 0) {
        struct hsm_job *job = signer->flying.head;
        while (job != NULL && job->id != reply->id) {
            job = job->next;
        }
        if (job != NULL && job->op == HSM_WIRE_LIST) {
            add_listed((struct pool_call *)job, reply);
        }
        return true;
    }
    struct hsm_job *job = job_list_take(&signer->flying, reply->id);
    if (job != NULL) {
        answered(pool, signer, job, reply);
    }
    /* An id that is not in flight was given up before the answer came. */
    return reply->id <= pool->last_id;
}

bool pool_listen(struct hsm_pool *pool, struct signer_process *signer, int64_t now_ms)
{
    struct hsm_wire replies[HSM_WIRE_BATCH];
    for (int reads = 0; reads < READS_MAX; reads++) {
        const ssize_t got = recv(signer->fd, replies, sizeof(replies), 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) {
            return true;
        }
        if (got <= 0 || (size_t)got % sizeof(replies[0]) != 0) {
            return false;
        }
        bool sound = true;
        for (size_t i = 0; i < (size_t)got / sizeof(replies[0]) && sound; i++) {
            sound = heard(pool, signer, &replies[i], now_ms);
        }
        const int64_t cpu_us = replies[(size_t)got / sizeof(replies[0]) - 1].cpu_us;
        explicit_bzero(replies, (size_t)got);
        if (!sound) {
            return false;
        }
        signer->cpu_us = cpu_us;
        pool_expect(pool, signer, now_ms);
    }
    return true;
}
