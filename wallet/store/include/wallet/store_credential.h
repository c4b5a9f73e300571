/*
 * Credentials and passes made from a license, and the holder keys they were bound to. A credential
 * is sealed as the license's claims are; of one handed to another wallet only what revocation needs
 * is kept (empty bytes). Holder keys are named by the SHA-256 thumbprint of the key.
 */
#ifndef WALLET_STORE_CREDENTIAL_H
#define WALLET_STORE_CREDENTIAL_H

#include "wallet/license.h"
#include "wallet/store.h"
#include "wallet/store_page.h"
#include "wallet/store_status.h"

enum {
    WALLET_THUMBPRINT_LEN = 32,
    WALLET_FORMAT_NAME_MAX = 32,
    WALLET_CTI_LEN = 16,
    WALLET_CREDENTIAL_STORE_MAX = 64 * 1024,
};

/* What is known of a credential without opening it. A value. */
struct wallet_credential_info {
    uint8_t license[WALLET_UUID_LEN];
    uint8_t holder[WALLET_THUMBPRINT_LEN];
    char format[WALLET_FORMAT_NAME_MAX + 1]; /* "dc+sd-jwt", "dc+sd-cwt", ...; NUL-terminated */
    int64_t iat;                             /* Unix seconds */
    int64_t exp;                             /* Unix seconds, exclusive */
    bool has_status;
    struct wallet_status_place status;
    bool replaces; /* when put: takes the place of the one kept, whose signer is not believed */
};

/**
 * Keep a credential beside those that the license, key and format have already.
 *
 * credential  the bytes; may be empty: handed away
 * errors      LW_E_NOT_FOUND  no such license, or its holders were erased; LW_E_CONFLICT  one of
 *             the same license, key, format and end is kept; LW_E_VALUE  format's name empty or too
 *             long, or ends before it begins; LW_E_DENIED  locked; LW_E_LIMIT  too large
 */
LW_MUST_USE lw_err wallet_store_credential_put(struct wallet_txn *txn,
                                               const struct wallet_credential_info *info,
                                               lw_bytes credential);

/**
 * Give the credential that ends last of a license, key and format.
 *
 * info        license, holder and format say which; the rest is set
 * credential  the bytes are appended; may be NULL: then nothing is opened
 * errors      LW_E_NOT_FOUND  none; LW_E_DENIED; LW_E_SIGNATURE
 * does not check  that it has not ended, nor its status
 */
LW_MUST_USE lw_err wallet_store_credential_get(const struct wallet_txn *txn,
                                               struct wallet_credential_info *info,
                                               lw_buf *credential);

/** List the credentials of a license, expired ones that were not purged among them. */
LW_MUST_USE lw_err wallet_store_credential_page(const struct wallet_txn *txn,
                                                const uint8_t license[WALLET_UUID_LEN],
                                                struct wallet_page *page,
                                                struct wallet_credential_info *infos,
                                                size_t *count);

/**
 * Set the status entry of every credential of a license; those that are invalid stay so.
 *
 * changed  set to how many entries changed; may be NULL
 */
LW_MUST_USE lw_err wallet_store_credential_set_status(struct wallet_txn *txn,
                                                      const uint8_t license[WALLET_UUID_LEN],
                                                      enum wallet_entry_status status,
                                                      size_t *changed);

/** Remove credentials that ended before `before`, at most `max`; sets how many. */
LW_MUST_USE lw_err wallet_store_credential_purge(struct wallet_txn *txn, int64_t before, size_t max,
                                                 size_t *purged);

/**
 * Note that a holder key was bound to a license.
 *
 * is_new  set to false when it was before; its first time stays
 * errors  LW_E_NOT_FOUND  no such license
 */
LW_MUST_USE lw_err wallet_store_holder_key_bind(struct wallet_txn *txn,
                                                const uint8_t license[WALLET_UUID_LEN],
                                                const uint8_t holder[WALLET_THUMBPRINT_LEN],
                                                int64_t now, bool *is_new);

/* A holder key and when it was first bound. A value. */
struct wallet_bound_key {
    uint8_t holder[WALLET_THUMBPRINT_LEN];
    int64_t since; /* Unix seconds */
};

/** List the holder keys bound to a license, in order of their thumbprints. */
LW_MUST_USE lw_err wallet_store_holder_key_page(const struct wallet_txn *txn,
                                                const uint8_t license[WALLET_UUID_LEN],
                                                struct wallet_page *page,
                                                struct wallet_bound_key *keys, size_t *count);

/* A pass that was given out. A value. */
struct wallet_stored_pass {
    uint8_t license[WALLET_UUID_LEN];
    int64_t exp;                              /* Unix seconds, exclusive */
    char profile[WALLET_FORMAT_NAME_MAX + 1]; /* the pass's id in its type; NUL-terminated */
};

/**
 * Keep a pass by its cti, 16 random bytes, until it is purged.
 *
 * errors  LW_E_CONFLICT  the cti exists; LW_E_NOT_FOUND  no such license; LW_E_VALUE
 */
LW_MUST_USE lw_err wallet_store_pass_put(struct wallet_txn *txn, const uint8_t cti[WALLET_CTI_LEN],
                                         const struct wallet_stored_pass *pass);

/** Find a pass. errors  LW_E_NOT_FOUND  none, or purged. Does not check its end. */
LW_MUST_USE lw_err wallet_store_pass_get(const struct wallet_txn *txn,
                                         const uint8_t cti[WALLET_CTI_LEN],
                                         struct wallet_stored_pass *pass);

/** Remove passes that ended before `before`, at most `max`; sets how many. */
LW_MUST_USE lw_err wallet_store_pass_purge(struct wallet_txn *txn, int64_t before, size_t max,
                                           size_t *purged);

#endif
