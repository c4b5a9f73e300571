/* Writes for tests of the writer: numbers under numbers, and a total that must agree with them. */
#ifndef UNIT_WRITER_JOBS_H
#define UNIT_WRITER_JOBS_H

#include "txn.h"

enum { JOB_KEY_LEN = 8 };

/* One write: its thread and number make its key. */
struct job {
    struct wallet_store *store;
    uint64_t thread;
    uint64_t n;
    bool spoil; /* fail after changing much */
};

static inline void key_of(uint8_t key[JOB_KEY_LEN], uint64_t thread, uint64_t n)
{
    wallet_key_put_u64(key, thread << 32 | n);
}

/* A number as a stored value. */
static inline lw_err put_number(struct wallet_txn *txn, const uint8_t key[JOB_KEY_LEN], uint64_t n)
{
    LW_AUTO_BUF value = LW_BUF(16);
    LW_TRY(wallet_stored_begin(&value, 1, 1));
    LW_TRY(wallet_cbor_put_uint(&value, n));
    return wallet_txn_put(txn, WALLET_KS_GRANT, (lw_bytes){.ptr = key, .len = JOB_KEY_LEN},
                          lw_buf_view(&value));
}

static inline lw_err get_number(const struct wallet_txn *txn, const uint8_t key[JOB_KEY_LEN],
                                uint64_t *n)
{
    lw_bytes value = {0};
    struct wallet_cbor r;
    LW_TRY(
        wallet_txn_get(txn, WALLET_KS_GRANT, (lw_bytes){.ptr = key, .len = JOB_KEY_LEN}, &value));
    LW_TRY(wallet_stored_open(value, 1, &r, NULL, NULL));
    *n = wallet_cbor_uint(&r);
    return wallet_stored_end(&r);
}

static const uint8_t total_key[JOB_KEY_LEN] = {0xff};

static inline lw_err add_to_total(struct wallet_txn *txn)
{
    uint64_t total = 0;
    const lw_err err = get_number(txn, total_key, &total);
    if (err.code != LW_OK && err.code != LW_E_NOT_FOUND) {
        return err;
    }
    return put_number(txn, total_key, total + 1);
}

static inline lw_err write_job(struct wallet_txn *txn, void *ctx)
{
    const struct job *job = ctx;
    uint8_t key[JOB_KEY_LEN];
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

#endif
