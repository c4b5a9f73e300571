/*
 * A token that is lost: the store's epoch keys opened by k of n custodians, a new token filled with
 * new keys (docs/decisions/0061, docs/operations.md "Lost token").
 */
#ifndef WALLET_FLOW_RECOVERY_H
#define WALLET_FLOW_RECOVERY_H

#include "hsm/key_soft.h"
#include "hsm/shamir.h"
#include "wallet/flow_key.h"
#include "wallet/store_recovery.h"

enum { WALLET_SHARE_ID_LEN = 16, WALLET_SHARE_TEXT_MAX = 1024 };

/*
 * A share as it is handed about: sealed to its custodian's key, or opened by it. As text it is
 * "LWS1:" and base64url, one line, fit for paper.
 */
struct wallet_share {
    bool opened;
    uint8_t id[WALLET_SHARE_ID_LEN]; /* of the recovery key that it is a part of */
    uint8_t index;
    size_t len;
    uint8_t bytes[WALLET_SHARE_SEALED_MAX]; /* HSM_SHAMIR_LEN when opened: wiped by who holds it */
};

/**
 * Read a share; white space at its end is passed over. Pure.
 *
 * errors  LW_E_SYNTAX  not of its form, at `at`; LW_E_VALUE  of a wrong length or index
 */
LW_MUST_USE lw_err wallet_share_read(lw_str text, struct wallet_share *share);

/** Append the share's text, with a line feed. */
LW_MUST_USE lw_err wallet_share_write(const struct wallet_share *share, lw_buf *text);

/**
 * Open a share with its custodian's key.
 *
 * errors  LW_E_CONFLICT  it is open already; LW_E_SIGNATURE  altered, or for another custodian
 */
LW_MUST_USE lw_err wallet_share_open(const struct wallet_share *sealed,
                                     const struct hsm_soft_key *key, struct wallet_share *opened);

struct wallet_recovery_custodian {
    lw_str name;
    struct hsm_public_key key;
};

struct wallet_recovery_order {
    size_t threshold;
    size_t count;
    struct wallet_recovery_custodian custodians[WALLET_CUSTODIANS_MAX];
    lw_str actor;
};

/**
 * Make a recovery key, seal every epoch key to it, and split it among custodians; the shares are
 * kept in the store, each sealed to its custodian. Shares made before open nothing that the store
 * holds from then on.
 *
 * home    opened to sign
 * errors  LW_E_VALUE  as wallet_store_recovery_put(), or two custodians of one key;
 *         LW_E_CONFLICT  an epoch was made meanwhile: try again; LW_E_TOKEN, LW_E_TIMEOUT
 */
LW_MUST_USE lw_err wallet_flow_recovery_init(struct wallet_home *home,
                                             const struct wallet_recovery_order *order);

/**
 * Read the record; its shares borrow from `bytes`.
 *
 * errors  LW_E_NOT_FOUND  none was made
 */
LW_MUST_USE lw_err wallet_flow_recovery_get(struct wallet_home *home,
                                            struct wallet_recovery *recovery, lw_buf *bytes);

/** Give the sealed share of custodian `i` of a record. */
LW_MUST_USE lw_err wallet_recovery_share(const struct wallet_recovery *recovery, size_t i,
                                         struct wallet_share *share);

struct wallet_recover_order {
    const struct wallet_share *shares; /* opened ones */
    size_t share_count;
    bool compromised; /* the token may be in wrong hands: what its keys signed is not believed */
    lw_str actor;
    wallet_key_progress *progress; /* may be NULL */
    void *progress_ctx;
};

struct wallet_recover_result {
    size_t bad; /* place of the share that was refused, counted from 0; SIZE_MAX: none */
    char name[WALLET_CUSTODIAN_NAME_MAX + 1]; /* whose it is or says to be; "" when unknown */
    size_t needed;                            /* shares; 0: unknown */
    bool opened;                              /* the store by shares: they were needed */
    bool new_ca;                              /* verifiers learn of it from the next trust list */
    bool new_pin;    /* the list key is another: verifiers need the new pin */
    size_t replaced; /* keys */
};

/**
 * Say whether the shares open the store; changes nothing.
 *
 * errors  LW_E_NOT_FOUND  no shares were made for this store; LW_E_DENIED  fewer than needed;
 *         LW_E_CONFLICT  a share is sealed still, of another recovery key, or given twice;
 *         LW_E_SIGNATURE  a share was altered, or the epoch keys do not open
 */
LW_MUST_USE lw_err wallet_flow_recover_check(struct wallet_home *home,
                                             const struct wallet_recover_order *order,
                                             struct wallet_recover_result *result);

/**
 * Make a new SoftHSM token where the home's is gone; its PIN files are put aside as "pin.lost" and
 * "so-pin.lost". A token that is there stays as it is, and so does one of another module.
 *
 * made    set to whether one was made
 * errors  as hsm_softhsm_init()
 */
LW_MUST_USE lw_err wallet_home_token_make(const struct wallet_home_config *config,
                                          const struct wallet_env *env, bool *made);

/**
 * Put a new key of the token in the place of each one that it does not hold: epoch keys, opened by
 * shares unless the token opens them, are wrapped under its seal key; new keys are certified and
 * sign at once, a standby key where there is one. Trust list, revocation lists and status lists are
 * signed anew. Killed at any point, the next call goes on.
 *
 * home    opened with WALLET_HOME_SERVE
 * errors  as wallet_flow_recover_check(); LW_E_CONFLICT  the token holds another home's keys, or
 *         LW_E_TOKEN; as wallet_store_write()
 */
LW_MUST_USE lw_err wallet_flow_token_recover(struct wallet_home *home,
                                             const struct wallet_recover_order *order,
                                             struct wallet_recover_result *result);

struct wallet_standby_order {
    /* The second token: module, token_label, pin_file, softhsm_conf; the rest as the home's. */
    const struct wallet_home_config *token;
    lw_str actor;
    wallet_key_progress *progress; /* may be NULL */
    void *progress_ctx;
};

/**
 * Fill a second token: a standby key for each active one, certified and published now, that signs
 * only once the first token is lost (wallet_flow_token_recover() with the second as the home's),
 * and every epoch key wrapped under its own seal key as well. Called again, it makes what is
 * missing, ends within 90 days, or is not in that token any more.
 *
 * home   opened to sign
 * made   set to how many keys were made
 * errors  LW_E_CONFLICT  the second token is the first, or holds another home's keys; LW_E_TOKEN;
 *         as wallet_store_write()
 */
LW_MUST_USE lw_err wallet_flow_standby(struct wallet_home *home,
                                       const struct wallet_standby_order *order, size_t *made);

/**
 * Make a SoftHSM token in a folder of its own, with its PIN files in it.
 *
 * dir     a new folder, or an empty one
 * errors  as hsm_softhsm_init()
 */
LW_MUST_USE lw_err wallet_standby_token_make(const struct wallet_home_config *config,
                                             const struct wallet_env *env, const char *dir);

#endif
