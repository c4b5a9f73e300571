/*
 * The life of the token's keys (docs/decisions/0060): what each purpose asks for, and the making
 * of keys and certificates. Private to wallet/flow.
 */
#ifndef WALLET_HOME_KEY_H
#define WALLET_HOME_KEY_H

#include "home_internal.h"
#include "hsm/key_soft.h"
#include "wallet/flow_key.h"
#include "wallet/trust_list.h"

/* What a purpose asks of its keys. Durations in seconds. */
struct home_key_rule {
    bool kept;           /* homes have keys of this purpose; if not, the rest says nothing */
    bool certified;      /* has a certificate by the `ca` key (the `ca` certifies itself) */
    bool listed;         /* verifiers know it, or its successor, by the trust list */
    bool wraps;          /* AES, and signs nothing */
    int64_t signed_life; /* longest life of what it signs: it stops so long before its end */
    int64_t overlap;     /* published so long before it signs */
    int64_t hold;        /* retired so long before it is destroyed */
};

/** Return the rule of a purpose; never NULL, `kept` tells whether it is one of ours. */
const struct home_key_rule *home_key_rule(enum hsm_purpose purpose);

/* What a new key, or a further certificate of one, is to be. Texts are borrowed. */
struct home_key_order {
    enum hsm_purpose purpose;
    lw_str agency;               /* id; empty: the authority's own */
    lw_str common_name;          /* of the certificate */
    lw_str organization_id;      /* the agency's credit code, or empty */
    enum wallet_key_state state; /* WALLET_KEY_PUBLISHED or WALLET_KEY_ACTIVE */
    /* A key that is certified anew; NULL: a new one is made in the token. Of a published one the
       old record retires, and the new one waits from now on. */
    const struct wallet_key_record *again;
    const char
        *compromised; /* label of the record whose token key is not to be believed, or NULL */
    struct hsm_pool *second; /* a standby key is made there, in the second token; else NULL */
    lw_str actor;
};

/**
 * Make a token key and its certificate, and keep its record. A new active key takes the place of
 * the one that was, which retires, or is noted as compromised, in the same transaction.
 *
 * label   set to the record's, may be NULL
 * errors  LW_E_CONFLICT  a successor is published already, or the one that is certified anew has
 *         gone on; LW_E_EXPIRED  the `ca` key's time to
 *         sign is over; LW_E_TOKEN, LW_E_TIMEOUT; as wallet_store_write()
 */
LW_MUST_USE lw_err home_key_make(struct wallet_home *home, const struct home_key_order *order,
                                 char label[WALLET_KEY_LABEL_MAX + 1]);

/** Note that no certificate of the token key of record `label` is to be believed any more. */
LW_MUST_USE lw_err home_key_compromise(struct wallet_txn *txn, const char *label, lw_str actor,
                                       int64_t now);

/** Call `visit` for every record; certificates borrow from `txn`. Ends with the first error. */
typedef lw_err home_key_visit(void *ctx, const struct wallet_key_record *key);
LW_MUST_USE lw_err home_key_each(const struct wallet_txn *txn, home_key_visit *visit, void *ctx);

/** Copy all records; certificates are put into `certs`, from which they borrow. */
enum { HOME_KEYS_MAX = 8192, HOME_CERTS_MAX = 32 * 1024 * 1024 };
struct home_keys {
    struct wallet_key_record *list;
    size_t count;
    lw_buf certs;
};
LW_MUST_USE lw_err home_keys_read(struct wallet_home *home, struct home_keys *keys);
void home_keys_free(struct home_keys *keys);
#define HOME_AUTO_KEYS __attribute__((cleanup(home_keys_free))) struct home_keys

/** Take the lock that keeps makers and destroyers of token keys apart; close(*fd) gives it back. */
LW_MUST_USE lw_err home_keys_lock(const struct wallet_home *home, int *fd);

/** Give a signer by a record, whatever its state; the caller looks at times. */
LW_MUST_USE lw_err home_signer_of(struct wallet_home *home, const struct wallet_key_record *record,
                                  struct hsm_signer *signer);

/* flow_key.c */

/** Say when a published key may sign; WALLET_KEY_NEVER: not before a list names it. */
int64_t home_key_ready_at(const struct wallet_key_record *key);
/** Find the published successor of a key, or NULL. */
const struct wallet_key_record *home_key_successor(const struct home_keys *keys,
                                                   const struct wallet_key_record *key);

/* home_crl.c */
enum { HOME_CRL_LIFE_S = 30 * LW_DAY_S, HOME_CRL_CADENCE_S = 7 * LW_DAY_S };

/**
 * Sign a CRL by each CA key that is not destroyed and whose last one is due: there is none, it is
 * HOME_CRL_CADENCE_S old, or a certificate was revoked since.
 *
 * all     whether due or not
 * signed_count  set to how many were signed
 */
LW_MUST_USE lw_err home_crl_sign(struct wallet_home *home, bool all, size_t *signed_count);

/* home_epoch.c */

/** Unlock the epochs that this process has not unlocked yet, and seal under the one in use. */
LW_MUST_USE lw_err home_epochs_unlock(struct wallet_home *home);

/** Wrap every epoch's key under `seal` of the second token as well, and keep that. */
LW_MUST_USE lw_err home_epochs_standby(struct wallet_home *home, struct hsm_pool *second,
                                       const char *seal);

/** Make the next epoch, wrapped under the seal key `seal`; the first is in use at once. */
LW_MUST_USE lw_err home_epoch_make(struct wallet_home *home, const char *seal);

/** Say when the epoch was made that waits for `seal`; LW_E_NOT_FOUND: none. */
LW_MUST_USE lw_err home_epoch_waits(struct wallet_home *home, const char *seal, int64_t *made);

/* The epochs wrapped anew, to be written in the transaction in which a seal key is activated. */
struct home_rewrapped {
    size_t count;
    struct wallet_epoch epochs[WALLET_STORE_EPOCHS];
    uint8_t bytes[WALLET_STORE_EPOCHS][HSM_WRAP_MAX];
};
/** Wrap an epoch's key, released before, under `seal`. */
LW_MUST_USE lw_err home_epoch_wrap(struct wallet_home *home, uint32_t number, const uint8_t *key,
                                   const char *seal, struct home_rewrapped *out);
LW_MUST_USE lw_err home_epochs_rewrap(struct wallet_home *home, const char *seal,
                                      struct home_rewrapped *out);
LW_MUST_USE lw_err home_epochs_put(struct wallet_txn *txn, const struct home_rewrapped *rewrapped);

/* Every epoch's key sealed to a recovery key: that of epoch i at place i - 1. */
struct home_sealed_epochs {
    size_t count;
    size_t len[WALLET_STORE_EPOCHS];
    uint8_t bytes[WALLET_STORE_EPOCHS][HSM_WRAP_MAX];
};
LW_MUST_USE lw_err home_epochs_seal(struct wallet_home *home, const struct hsm_public_key *to,
                                    struct home_sealed_epochs *out);

/**
 * Open every epoch's key with the recovery key, and give each to `visit`, which may be NULL.
 *
 * errors  LW_E_SIGNATURE  one does not open; LW_E_CORRUPT  one is not there; as `visit`
 */
typedef lw_err home_epoch_visit(void *ctx, uint32_t number, const uint8_t *key);
LW_MUST_USE lw_err home_epochs_open(struct wallet_home *home, const struct hsm_soft_key *key,
                                    home_epoch_visit *visit, void *ctx);

#endif
