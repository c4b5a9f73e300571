/*
 * Recovery of epoch keys without the token (docs/decisions/0061): each is also sealed to a recovery
 * key, whose private half is nowhere but in shares that custodians hold. Here are its public half,
 * who holds which share, and the sealed epoch keys.
 */
#ifndef WALLET_STORE_RECOVERY_H
#define WALLET_STORE_RECOVERY_H

#include "hsm/digest.h"
#include "hsm/verify.h"
#include "wallet/store.h"

enum {
    WALLET_CUSTODIANS_MAX = 16,
    WALLET_CUSTODIAN_NAME_MAX = 64,
    WALLET_SHARE_SEALED_MAX = 512,
    WALLET_RECOVERY_SEALED_MAX = 512,
};

struct wallet_custodian {
    char name[WALLET_CUSTODIAN_NAME_MAX + 1];
    uint8_t commitment[HSM_SHA256_LEN]; /* to the share, so that a false one is known */
    lw_bytes sealed; /* the share, to the custodian's key; when read, borrows from the transaction
                      */
};

/* The share of custodian i has the index i + 1. */
struct wallet_recovery {
    struct hsm_public_key key;
    int64_t made;
    size_t threshold; /* 2 to `count` */
    size_t count;     /* at most WALLET_CUSTODIANS_MAX */
    struct wallet_custodian custodians[WALLET_CUSTODIANS_MAX];
};

/**
 * Keep the record in place of the one before, whose sealed epoch keys are dropped.
 *
 * errors  LW_E_VALUE  numbers, names (1 to WALLET_CUSTODIAN_NAME_MAX bytes of plain text, none
 *         twice) or a share that is none; LW_E_UNSUPPORTED  not a P-256 key
 */
LW_MUST_USE lw_err wallet_store_recovery_put(struct wallet_txn *txn,
                                             const struct wallet_recovery *recovery);

/** Read the record. errors  LW_E_NOT_FOUND  none was made; LW_E_CORRUPT */
LW_MUST_USE lw_err wallet_store_recovery_get(const struct wallet_txn *txn,
                                             struct wallet_recovery *recovery);

/**
 * Keep an epoch's key as sealed to the recovery key.
 *
 * errors  LW_E_CONFLICT  `key` is not the recovery key in the store; LW_E_VALUE  `sealed` is empty
 *         or too long; LW_E_NOT_FOUND  there is no recovery key
 */
LW_MUST_USE lw_err wallet_store_recovery_epoch_put(struct wallet_txn *txn, uint32_t number,
                                                   const struct hsm_public_key *key,
                                                   lw_bytes sealed);

/** Give it; borrows from the transaction. errors  LW_E_NOT_FOUND; LW_E_CORRUPT */
LW_MUST_USE lw_err wallet_store_recovery_epoch_get(const struct wallet_txn *txn, uint32_t number,
                                                   lw_bytes *sealed);

/*
 * The same epoch key as wrapped by the second token's seal key: what opens it once the first token
 * is lost.
 */
struct wallet_standby_wrap {
    char seal[WALLET_EPOCH_SEAL_MAX + 1];
    lw_bytes wrapped; /* when read, borrows from the transaction */
};

/** Keep it in place of the one before. errors  LW_E_VALUE  no label, or nothing wrapped */
LW_MUST_USE lw_err wallet_store_standby_put(struct wallet_txn *txn, uint32_t number,
                                            const struct wallet_standby_wrap *wrap);
/** Read it. errors  LW_E_NOT_FOUND; LW_E_CORRUPT */
LW_MUST_USE lw_err wallet_store_standby_get(const struct wallet_txn *txn, uint32_t number,
                                            struct wallet_standby_wrap *wrap);

#endif
