/*
 * Records of the token's keys, the authority's certificate and CRL, and the signed trust lists. The
 * keys themselves are in the token; epoch keys that it wrapped are wallet_store_epoch_put()'s. Each
 * change moves the store's generation on, so caches made of them end.
 */
#ifndef WALLET_STORE_KEY_H
#define WALLET_STORE_KEY_H

#include "hsm/sign.h"
#include "wallet/store.h"
#include "wallet/store_page.h"

enum {
    WALLET_KEY_LABEL_MAX = 64,
    WALLET_CERT_STORE_MAX = 16 * 1024,
    WALLET_CRL_MAX = 4 * 1024 * 1024,
    WALLET_TRUST_LIST_STORE_MAX = 4 * 1024 * 1024,
};

/* Life of a key; it only goes on. Numbers are stored. */
enum wallet_key_state {
    WALLET_KEY_PUBLISHED = 1, /* known, signs not yet */
    WALLET_KEY_ACTIVE,
    WALLET_KEY_RETIRED,   /* still verifies */
    WALLET_KEY_DESTROYED, /* gone from the token */
};

/** Return "published", "active", "retired" or "destroyed"; static. */
const char *wallet_key_state_name(enum wallet_key_state state);

/* A time that did not come yet. */
#define WALLET_KEY_NEVER INT64_MIN

/*
 * A key's record: a token key with one certificate. A key that is certified anew gets a further
 * record, so that what was signed under the older certificate is still found. Texts are
 * NUL-terminated; `cert` is borrowed.
 */
struct wallet_key_record {
    char label[WALLET_KEY_LABEL_MAX + 1]; /* unique */
    char token[WALLET_KEY_LABEL_MAX + 1]; /* label of the token key; "" when added: `label` */
    enum hsm_purpose purpose;
    char agency[64 + 1];       /* id; "" for the authority's own keys */
    struct hsm_public_key key; /* alg HSM_ALG_NONE for wrapping keys */
    enum wallet_key_state state;
    int64_t not_before; /* signs nothing outside [not_before, not_after) */
    int64_t not_after;
    int64_t created;
    /* Since when it is in each state, WALLET_KEY_NEVER: not yet. Set by the calls below only. */
    int64_t listed; /* named by a signed trust list for the first time */
    int64_t activated;
    int64_t retired;
    int64_t destroyed;
    int64_t compromised; /* nothing that it signed is to be believed */
    int64_t lost;        /* the token with it is gone: it signs no more, what it signed holds */
    bool standby;        /* in the second token: it signs only once the first is lost */
    lw_bytes cert;       /* DER; empty: none. When read, borrows from the transaction */
};

/**
 * Add a key's record; its times of life follow from its state and `created`.
 *
 * errors  LW_E_CONFLICT  the label exists, or the key would be the second active one of its purpose
 *         and agency; LW_E_VALUE  a text, purpose, state or time is not one; LW_E_LIMIT  cert
 */
LW_MUST_USE lw_err wallet_store_key_add(struct wallet_txn *txn,
                                        const struct wallet_key_record *record);

/** Read a record. errors  LW_E_NOT_FOUND; LW_E_CORRUPT */
LW_MUST_USE lw_err wallet_store_key_get(const struct wallet_txn *txn, lw_str label,
                                        struct wallet_key_record *record);

/** Find the active key. errors  LW_E_NOT_FOUND. Does not check its times. */
LW_MUST_USE lw_err wallet_store_key_active(const struct wallet_txn *txn, enum hsm_purpose purpose,
                                           lw_str agency, struct wallet_key_record *record);

/** List all records in order of their labels; certificates borrow from the transaction. */
LW_MUST_USE lw_err wallet_store_key_page(const struct wallet_txn *txn, struct wallet_page *page,
                                         struct wallet_key_record *records, size_t *count);

/**
 * Let a key go on in its life.
 *
 * errors  LW_E_CONFLICT  back, from active to destroyed, or a second active one of its purpose and
 *         agency: retire the first before, in the same transaction; LW_E_NOT_FOUND
 */
LW_MUST_USE lw_err wallet_store_key_set_state(struct wallet_txn *txn, lw_str label,
                                              enum wallet_key_state state, int64_t now);

/** Note that a signed trust list names the key; a later one changes nothing. */
LW_MUST_USE lw_err wallet_store_key_listed(struct wallet_txn *txn, lw_str label, int64_t now);

/** Retire a key, whatever its state, and note that nothing it signed is to be believed. */
LW_MUST_USE lw_err wallet_store_key_compromise(struct wallet_txn *txn, lw_str label, int64_t now);

/**
 * Note that a key is gone with its token: a published one counts as destroyed; others stay in their
 * state until they are replaced. Noted before, nothing changes.
 */
LW_MUST_USE lw_err wallet_store_key_lost(struct wallet_txn *txn, lw_str label, int64_t now);

/** Give the number of changes of keys so far: what was made of fewer is out of date. */
LW_MUST_USE lw_err wallet_store_key_changes(const struct wallet_txn *txn, uint64_t *changes);

/** Give a key its certificate and the times between which it signs. Errors as add and get. */
LW_MUST_USE lw_err wallet_store_key_certify(struct wallet_txn *txn, lw_str label, lw_bytes cert,
                                            int64_t not_before, int64_t not_after);

/** Keep, and give, the certificate of the issuing authority (whose key may be elsewhere). */
LW_MUST_USE lw_err wallet_store_ca_put(struct wallet_txn *txn, lw_bytes der);
LW_MUST_USE lw_err wallet_store_ca_get(const struct wallet_txn *txn, lw_bytes *der);

/* A signed document in versions. `bytes` is borrowed; when read, from the transaction. */
struct wallet_signed_doc {
    uint64_t version; /* of a CRL: its number */
    int64_t iat;
    int64_t exp;
    uint64_t basis; /* wallet_store_key_changes() when it was made */
    lw_bytes bytes;
};

/**
 * Keep the newest CRL of a CA key.
 *
 * ca      label of the token key
 * errors  LW_E_CONFLICT  its number is not higher than that of the one kept; LW_E_VALUE  empty, or
 *         ends before it begins; LW_E_LIMIT
 */
LW_MUST_USE lw_err wallet_store_crl_put(struct wallet_txn *txn, lw_str ca,
                                        const struct wallet_signed_doc *crl);
LW_MUST_USE lw_err wallet_store_crl_get(const struct wallet_txn *txn, lw_str ca,
                                        struct wallet_signed_doc *crl);

/**
 * Keep, and give, the last trust list of a list key that was succeeded: it names its successor, so
 * who pins the older key finds the newer one.
 *
 * pin     SHA-256 of the succeeded key
 * errors  LW_E_NOT_FOUND
 */
LW_MUST_USE lw_err wallet_store_bridge_put(struct wallet_txn *txn, const uint8_t pin[32],
                                           const struct wallet_signed_doc *list);
LW_MUST_USE lw_err wallet_store_bridge_get(const struct wallet_txn *txn, const uint8_t pin[32],
                                           struct wallet_signed_doc *list);
/** A list key that is not to be believed any more names no successor. */
LW_MUST_USE lw_err wallet_store_bridge_drop(struct wallet_txn *txn, const uint8_t pin[32]);

/**
 * Keep a trust list beside the older ones. The same version with the same bytes changes nothing.
 *
 * errors  LW_E_CONFLICT  lower than the newest kept, or the same version with other bytes;
 *         LW_E_VALUE, LW_E_LIMIT as above
 */
LW_MUST_USE lw_err wallet_store_trust_list_put(struct wallet_txn *txn,
                                               const struct wallet_signed_doc *list);

/** Give a trust list; version 0: the newest. errors  LW_E_NOT_FOUND */
LW_MUST_USE lw_err wallet_store_trust_list_get(const struct wallet_txn *txn, uint64_t version,
                                               struct wallet_signed_doc *list);

#endif
