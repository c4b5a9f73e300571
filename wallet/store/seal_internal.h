/* The sealing context from within: keys under a lock, so that a store can be locked in use. */
#ifndef STORE_SEAL_INTERNAL_H
#define STORE_SEAL_INTERNAL_H

#include <pthread.h>

#include "lw/rng.h"
#include "wallet/seal_ctx.h"

enum { WALLET_EPOCHS_MAX = 16 };

struct wallet_epoch_key {
    uint32_t number;
    uint8_t key[WALLET_DATA_KEY_LEN];
};

struct wallet_seal_ctx {
    const struct lw_rng *rng;
    pthread_rwlock_t *lock; /* guards what follows */
    struct wallet_epoch_key epochs[WALLET_EPOCHS_MAX];
    size_t epoch_count;
    uint32_t in_use;                   /* the epoch that seals what is new; 0: the newest */
    bool unlocked;                     /* `root` is known */
    uint8_t root[WALLET_DATA_KEY_LEN]; /* what look-up keys are derived from */
};

LW_MUST_USE lw_err wallet_seal_init(struct wallet_seal_ctx *ctx, const struct lw_rng *rng);

/** Wipe all keys. */
void wallet_seal_lock(struct wallet_seal_ctx *ctx);
/** Lock and free; also after a failed wallet_seal_init(). */
void wallet_seal_free(struct wallet_seal_ctx *ctx);

/** Wrap the look-up root for storing, under `epoch`; errors as wallet_data_key_make(). */
LW_MUST_USE lw_err wallet_seal_wrap_root(const struct lw_rng *rng,
                                         const struct wallet_epoch_key *epoch,
                                         const uint8_t root[WALLET_DATA_KEY_LEN], lw_buf *wrapped);

/** Open a stored look-up root whose epoch is `epoch`; errors as wallet_data_key_open(). */
LW_MUST_USE lw_err wallet_seal_open_root(const struct wallet_epoch_key *epoch, lw_bytes wrapped,
                                         uint8_t root[WALLET_DATA_KEY_LEN]);

/** Add an epoch's key. errors  LW_E_LIMIT */
LW_MUST_USE lw_err wallet_seal_add_epoch(struct wallet_seal_ctx *ctx,
                                         const struct wallet_epoch_key *epoch);
/** Seal what is new under epoch `number`, which was added. */
void wallet_seal_use(struct wallet_seal_ctx *ctx, uint32_t number);
/** Give the key of epoch `number`, 0 the one that seals what is new. errors  LW_E_DENIED  none;
 * LW_E_NOT_FOUND */
LW_MUST_USE lw_err wallet_seal_epoch(const struct wallet_seal_ctx *ctx, uint32_t number,
                                     struct wallet_epoch_key *epoch);
/** Give the look-up root; false when it is not known. */
bool wallet_seal_root(const struct wallet_seal_ctx *ctx, uint8_t root[WALLET_DATA_KEY_LEN]);
void wallet_seal_set_root(struct wallet_seal_ctx *ctx, const uint8_t root[WALLET_DATA_KEY_LEN]);

#endif
