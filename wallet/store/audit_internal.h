/* What audit.c, audit_head.c and audit_check.c share. */
#ifndef STORE_AUDIT_INTERNAL_H
#define STORE_AUDIT_INTERNAL_H

#include "txn.h"
#include "wallet/audit.h"

enum { WALLET_AUDIT_VALUE_MAX = 64 * 1024, WALLET_AUDIT_SUBJECT_KEY_MAX = 1 + 64 + 8 };

/* So many levels of nodes lie with the leaf that completes them, those above in `audit-node`. */
enum { WALLET_AUDIT_LOW_LEVELS = 6 };

/** Number of leaves: one past the last key. */
LW_MUST_USE lw_err wallet_audit_size(const struct wallet_txn *txn, uint64_t *size);

/** Return the source of the tree's hashes; `ctx` of it is the transaction. */
struct wallet_merkle_source wallet_audit_source(const struct wallet_txn *txn);

/** Write the index key of a subject's event; returns its length. At least the 8 last are `index`.
 */
size_t wallet_audit_subject_key(lw_bytes subject, uint64_t index,
                                uint8_t key[WALLET_AUDIT_SUBJECT_KEY_MAX]);

/* A stored opening: nonce and event, or the leaf that says it was erased. */
struct wallet_audit_opening {
    bool erased;
    uint64_t erased_by;
    lw_bytes nonce;
    lw_bytes encoded;
};

/** errors  LW_E_CORRUPT  not of that form */
LW_MUST_USE lw_err wallet_audit_opening_parse(lw_bytes value, struct wallet_audit_opening *opening);

/** Read a value that is one number. errors  LW_E_CORRUPT */
LW_MUST_USE lw_err wallet_audit_number(lw_bytes value, uint64_t *n);

/** Read a stored head. errors  LW_E_CORRUPT */
LW_MUST_USE lw_err wallet_audit_head_parse(lw_bytes key, lw_bytes value,
                                           struct wallet_audit_signed_head *head);

#endif
