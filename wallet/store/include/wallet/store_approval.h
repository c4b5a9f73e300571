/*
 * What is kept of an import that needs two people, beside its record in the journal: who asked for
 * it and what they signed, the file and its map, sealed, and who decided. The record stays; file
 * and map go with the decision being carried out.
 */
#ifndef WALLET_STORE_APPROVAL_H
#define WALLET_STORE_APPROVAL_H

#include "wallet/store_journal.h"
#include "wallet/store_operator.h"

enum { WALLET_APPROVAL_SIG_LEN = 64, WALLET_APPROVAL_STATEMENT_MAX = 4096 };

/* A statement that an operator signed. A value. */
struct wallet_signed_statement {
    char by[WALLET_OPERATOR_NAME_MAX + 1];       /* "": nobody did */
    int64_t at;                                  /* Unix seconds */
    uint8_t text[WALLET_APPROVAL_STATEMENT_MAX]; /* CBOR */
    size_t text_len;
    uint8_t sig[WALLET_APPROVAL_SIG_LEN]; /* ES256, r||s, over the text */
};

struct wallet_approval {
    uint8_t id[WALLET_IMPORT_ID_LEN]; /* of the import */
    unsigned type_version;
    bool revoke;      /* what is gone */
    bool keep_states; /* those that differ */
    bool shift_auto;
    unsigned encoding; /* enum wallet_csv_encoding and wallet_csv_delimiter, as ordered */
    unsigned delimiter;
    uint8_t differences[WALLET_IMPORT_HASH_LEN]; /* digest of what the comparison found */
    int64_t expires;                             /* Unix seconds */
    struct wallet_signed_statement asked;
    struct wallet_signed_statement decided;
    uint64_t csv_len;
    uint64_t map_len;
};

/** Keep an approval, new or changed. errors  LW_E_LIMIT */
LW_MUST_USE lw_err wallet_store_approval_put(struct wallet_txn *txn,
                                             const struct wallet_approval *approval);

/** Read one. errors  LW_E_NOT_FOUND */
LW_MUST_USE lw_err wallet_store_approval_get(const struct wallet_txn *txn,
                                             const uint8_t id[WALLET_IMPORT_ID_LEN],
                                             struct wallet_approval *approval);

/** Seal file and map of an approval and keep them; those kept before are replaced. errors
 * LW_E_DENIED  locked */
LW_MUST_USE lw_err wallet_store_approval_seal(struct wallet_txn *txn,
                                              const struct wallet_approval *approval, lw_bytes csv,
                                              lw_bytes map);

/** Append file and map as they were sealed. errors  LW_E_NOT_FOUND  removed; LW_E_DENIED  locked;
 * LW_E_SIGNATURE  altered; LW_E_CORRUPT  a part is missing */
LW_MUST_USE lw_err wallet_store_approval_open(const struct wallet_txn *txn,
                                              const struct wallet_approval *approval, lw_buf *csv,
                                              lw_buf *map);

/** Remove file and map; nothing happens when they were removed. */
LW_MUST_USE lw_err wallet_store_approval_clear(struct wallet_txn *txn,
                                               const uint8_t id[WALLET_IMPORT_ID_LEN]);

#endif
