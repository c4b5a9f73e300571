/*
 * The parts of a stored license, as store_license.c, the files license_*.c and store_credential.c
 * share them. Private to wallet/store.
 */
#ifndef STORE_LICENSE_ROW_H
#define STORE_LICENSE_ROW_H

#include "row.h"
#include "wallet/store_license.h"

enum { WALLET_LICENSE_ROW_MAX = 256 * 1024 };

/** Append the public part; `row->sealed_reason` goes in as it is. */
LW_MUST_USE lw_err wallet_license_row_encode(const struct wallet_stored_license *row, lw_buf *out);

/**
 * Read a public part.
 *
 * row     its slices borrow from `value`; buffers are left alone. Holders get their roles
 * errors  LW_E_CORRUPT, LW_E_UNSUPPORTED
 */
LW_MUST_USE lw_err wallet_license_row_parse(const uint8_t id[WALLET_UUID_LEN], lw_bytes value,
                                            struct wallet_stored_license *row);

/** Read the public part of a license, borrowed from the transaction. errors  LW_E_NOT_FOUND */
LW_MUST_USE lw_err wallet_license_row_get(const struct wallet_txn *txn,
                                          const uint8_t id[WALLET_UUID_LEN],
                                          struct wallet_stored_license *row);

/** Say whether a state is final. */
bool wallet_state_is_final(enum wallet_state state);

/* The key under which a license's personal data is sealed, and whose it is. Wipe it after use. */
struct wallet_license_key {
    uint8_t key[WALLET_DATA_KEY_LEN];
    uint8_t owner[WALLET_ROW_ID_LEN]; /* the holder, or the license when there are several */
};

/**
 * Open the key of a license.
 *
 * row     its public part
 * errors  LW_E_NOT_FOUND  all holders were erased; LW_E_DENIED; LW_E_SIGNATURE; LW_E_CORRUPT
 */
LW_MUST_USE lw_err wallet_license_key_open(const struct wallet_txn *txn,
                                           const struct wallet_stored_license *row,
                                           struct wallet_license_key *key);

/**
 * Make the key of a new license and append its sealed part.
 *
 * errors  as wallet_store_license_complete()
 */
LW_MUST_USE lw_err wallet_license_seal(const struct wallet_txn *txn,
                                       const struct wallet_license_put *put,
                                       struct wallet_license_key *key, lw_buf *value);

/** Open claims, holders and reason into `row`, which gets a buffer of its own for them. */
LW_MUST_USE lw_err wallet_license_unseal(const struct wallet_txn *txn,
                                         struct wallet_stored_license *row);

/** Append `text` sealed as the reason of the license's state number `changes`. */
LW_MUST_USE lw_err wallet_license_seal_reason(const struct wallet_txn *txn,
                                              const struct wallet_license_key *key,
                                              const uint8_t id[WALLET_UUID_LEN], uint64_t changes,
                                              lw_str text, lw_buf *out);

/** Read the id in an entry of the index by number. errors  LW_E_CORRUPT */
LW_MUST_USE lw_err wallet_license_number_ref(lw_bytes value, uint8_t id[WALLET_UUID_LEN]);

/** Say whether another license of this type and number is in a state that is not final. */
LW_MUST_USE lw_err wallet_license_other_open(const struct wallet_txn *txn, lw_str type,
                                             lw_str number, const uint8_t id[WALLET_UUID_LEN],
                                             bool *other);

/** Enter a license into the list of its type and state, or take it out, and count it. */
LW_MUST_USE lw_err wallet_license_list_add(struct wallet_txn *txn, lw_str type,
                                           enum wallet_state state,
                                           const uint8_t id[WALLET_UUID_LEN]);
LW_MUST_USE lw_err wallet_license_list_remove(struct wallet_txn *txn, lw_str type,
                                              enum wallet_state state,
                                              const uint8_t id[WALLET_UUID_LEN]);

#endif
