/*
 * The audit log: an RFC 9162 Merkle tree in the store. An event is appended in the transaction of
 * its effect; the leaf is the hash of 32 random bytes and the event, kept apart as its opening, so
 * that hashes alone say nothing. Events hold no personal data: internal ids, and a `detail` that a
 * record may have sealed. Tree heads are signed elsewhere and kept here.
 */
#ifndef WALLET_AUDIT_H
#define WALLET_AUDIT_H

#include "wallet/merkle.h"
#include "wallet/store.h"

enum {
    WALLET_AUDIT_ACTOR_MAX = 128,
    WALLET_AUDIT_SUBJECT_MAX = 64,
    WALLET_AUDIT_DETAIL_MAX = 16 * 1024,
    /* When it was made, then 16 random bytes: in order of time, so that pages fill (DESIGN 11). */
    WALLET_AUDIT_RECEIPT_TIME_LEN = 6,
    WALLET_AUDIT_RECEIPT_LEN = WALLET_AUDIT_RECEIPT_TIME_LEN + 16,
    WALLET_AUDIT_NONCE_LEN = 32,
    WALLET_AUDIT_SIGNED_MAX = 4096,
};

/* What happened. Numbers are stored: never given another meaning, new ones at the end. */
enum wallet_audit_kind {
    WALLET_AUDIT_STORE_CREATED = 1,
    WALLET_AUDIT_EPOCH_RELEASED, /* the token gave an epoch key to a process */
    WALLET_AUDIT_EPOCH_MADE,
    WALLET_AUDIT_KEY_MADE,
    WALLET_AUDIT_KEY_RETIRED,
    WALLET_AUDIT_KEY_DESTROYED,
    WALLET_AUDIT_CERT_ISSUED,
    WALLET_AUDIT_CATALOG_LOADED,
    WALLET_AUDIT_TRUST_LIST_SIGNED,
    WALLET_AUDIT_STATUS_LIST_SIGNED,
    WALLET_AUDIT_PERSON_ADDED,
    WALLET_AUDIT_PERSON_ERASED,
    WALLET_AUDIT_LICENSE_ISSUED,
    WALLET_AUDIT_LICENSE_SUSPENDED,
    WALLET_AUDIT_LICENSE_RESUMED,
    WALLET_AUDIT_LICENSE_REVOKED,
    WALLET_AUDIT_LICENSE_CANCELLED,
    WALLET_AUDIT_LICENSE_SUPERSEDED,
    WALLET_AUDIT_INTENT_FINISHED, /* found after a crash and completed */
    WALLET_AUDIT_INTENT_VOIDED,
    WALLET_AUDIT_IMPORT_BEGUN,
    WALLET_AUDIT_IMPORT_ENDED,
    WALLET_AUDIT_HOLDER_KEY_BOUND,
    WALLET_AUDIT_CREDENTIAL_ISSUED,
    WALLET_AUDIT_PASS_ISSUED,
    WALLET_AUDIT_PRESENTED,
    WALLET_AUDIT_VERIFIED,
    WALLET_AUDIT_REFUSED_REQUEST, /* asks for more than its basis allows */
    WALLET_AUDIT_OPENINGS_ERASED, /* by wallet_audit_erase() only */
    WALLET_AUDIT_BACKUP,
    WALLET_AUDIT_LICENSE_MENDED, /* revoked or cancelled by mistake: another was issued for it */
    WALLET_AUDIT_IMPORT_VOIDING,
    WALLET_AUDIT_IMPORT_VOIDED,
    WALLET_AUDIT_KEY_ACTIVATED,
    WALLET_AUDIT_KEY_COMPROMISED,
    WALLET_AUDIT_CRL_SIGNED,
    WALLET_AUDIT_EPOCH_REWRAPPED,   /* under another seal key; the epoch key is the same */
    WALLET_AUDIT_STORE_ADOPTED,     /* a copy, or an older state, goes on; detail: what was seen */
    WALLET_AUDIT_RECOVERY_SET,      /* shares of a recovery key made; detail: k, n, custodians */
    WALLET_AUDIT_TOKEN_RECOVERED,   /* epoch keys opened by shares; detail: whose */
    WALLET_AUDIT_KEY_LOST,          /* a key of the token is gone, and signs no more */
    WALLET_AUDIT_OPERATOR_PROPOSED, /* of this and what follows the detail holds the signatures */
    WALLET_AUDIT_OPERATOR_ADDED,
    WALLET_AUDIT_OPERATOR_REMOVING,
    WALLET_AUDIT_OPERATOR_REMOVED,
    WALLET_AUDIT_IMPORT_WAITING, /* for the approval of a second operator */
    WALLET_AUDIT_IMPORT_APPROVED,
    WALLET_AUDIT_IMPORT_REJECTED,
    WALLET_AUDIT_IMPORT_EXPIRED, /* nobody approved it in time */
    WALLET_AUDIT_KIND_END        /* one past the last */
};

/** Return the stable name of `kind`, such as "license.issued"; static. */
const char *wallet_audit_kind_name(enum wallet_audit_kind kind);

/* One event. Slices are borrowed. */
struct wallet_audit_event {
    int64_t time; /* Unix seconds */
    enum wallet_audit_kind kind;
    lw_str actor;     /* operator, API client or agency; no person's name; may be empty */
    lw_bytes subject; /* internal id the event is found by, a license's most often; may be empty */
    lw_bytes detail;  /* one CBOR item, or empty */
    lw_bytes receipt; /* WALLET_AUDIT_RECEIPT_LEN bytes it is found by, or empty */
};

/** Append the event's encoding. errors  LW_E_VALUE  a bound is passed or no such kind */
LW_MUST_USE lw_err wallet_audit_event_encode(const struct wallet_audit_event *event, lw_buf *out);

/** Read what wallet_audit_event_encode() wrote; slices borrow from `in`. errors  LW_E_SYNTAX,
 * LW_E_VALUE */
LW_MUST_USE lw_err wallet_audit_event_parse(lw_bytes in, struct wallet_audit_event *event);

/**
 * Append `event` in the write transaction of its effect.
 *
 * index   set to the leaf's place, from 0; may be NULL
 * errors  LW_E_VALUE  as wallet_audit_event_encode(); LW_E_CONFLICT  the receipt id exists;
 *         LW_E_MISUSE  a read transaction; LW_E_CRYPTO, LW_E_NOSPACE
 */
LW_MUST_USE lw_err wallet_audit_append(struct wallet_txn *txn,
                                       const struct wallet_audit_event *event, uint64_t *index);

/** Give the number of leaves and the tree's root (of no leaves: SHA-256 of nothing). */
LW_MUST_USE lw_err wallet_audit_head(const struct wallet_txn *txn, uint64_t *size,
                                     uint8_t root[WALLET_HASH_LEN]);

/** Give the root that the tree had at `size`. errors  LW_E_VALUE  larger than the tree */
LW_MUST_USE lw_err wallet_audit_root_at(const struct wallet_txn *txn, uint64_t size,
                                        uint8_t root[WALLET_HASH_LEN]);

/* A leaf with its opening; slices borrow from the transaction. */
struct wallet_audit_leaf {
    uint64_t index;
    uint8_t hash[WALLET_HASH_LEN];
    bool erased;      /* what follows is empty then */
    lw_bytes nonce;   /* 32 bytes; hash = SHA-256(00 || nonce || encoded) */
    lw_bytes encoded; /* the event as wallet_audit_event_encode() wrote it */
    struct wallet_audit_event event;
};

/** Read a leaf. errors  LW_E_NOT_FOUND  beyond the end; LW_E_CORRUPT */
LW_MUST_USE lw_err wallet_audit_get(const struct wallet_txn *txn, uint64_t index,
                                    struct wallet_audit_leaf *leaf);

/** Find the leaf of a receipt. errors  LW_E_NOT_FOUND */
LW_MUST_USE lw_err wallet_audit_find_receipt(const struct wallet_txn *txn, lw_bytes receipt,
                                             uint64_t *index);

/**
 * List the leaves of a subject, oldest first.
 *
 * from    the least index wanted
 * count   in: room in `indexes`; out: how many were filled; fewer than the room: there are no more
 */
LW_MUST_USE lw_err wallet_audit_find_subject(const struct wallet_txn *txn, lw_bytes subject,
                                             uint64_t from, uint64_t *indexes, size_t *count);

/** Prove that leaf `index` is in the tree of `size` leaves. errors  LW_E_VALUE  index >= size, or
 * size too large */
LW_MUST_USE lw_err wallet_audit_inclusion(const struct wallet_txn *txn, uint64_t index,
                                          uint64_t size, struct wallet_merkle_path *path);

/** Prove that the tree of `size1` leaves is the beginning of that of `size2`. errors  LW_E_VALUE */
LW_MUST_USE lw_err wallet_audit_consistency(const struct wallet_txn *txn, uint64_t size1,
                                            uint64_t size2, struct wallet_merkle_path *path);

/* A head that was signed. */
struct wallet_audit_signed_head {
    uint64_t size;
    uint8_t root[WALLET_HASH_LEN];
    int64_t time;
    lw_bytes cose; /* COSE_Sign1; borrows from the transaction when read */
};

/**
 * Keep a signed head.
 *
 * errors  LW_E_VALUE  larger than the log, or another root than the log's; LW_E_LIMIT  over
 *         WALLET_AUDIT_SIGNED_MAX
 * does not check  the signature
 */
LW_MUST_USE lw_err wallet_audit_put_signed(struct wallet_txn *txn,
                                           const struct wallet_audit_signed_head *head);

/** Give the newest signed head. errors  LW_E_NOT_FOUND */
LW_MUST_USE lw_err wallet_audit_last_signed(const struct wallet_txn *txn,
                                            struct wallet_audit_signed_head *head);

/** Give the smallest signed head of at least `size` leaves. errors  LW_E_NOT_FOUND  not yet */
LW_MUST_USE lw_err wallet_audit_signed_at_least(const struct wallet_txn *txn, uint64_t size,
                                                struct wallet_audit_signed_head *head);

/**
 * Erase the openings of a subject's events: their hashes stay, so the log still chains. Appends
 * one event, of kind WALLET_AUDIT_OPENINGS_ERASED, that says so and how many there were.
 *
 * errors  LW_E_NOT_FOUND  no such events, or all erased
 */
LW_MUST_USE lw_err wallet_audit_erase(struct wallet_txn *txn, lw_bytes subject, lw_str actor,
                                      int64_t now, uint64_t *erased);

/* What wallet_audit_check() found; `why` is static. */
struct wallet_audit_found {
    uint64_t size;
    uint8_t root[WALLET_HASH_LEN];
    uint64_t erased;
    bool whole;
    uint64_t first_bad; /* index of a leaf, when not whole */
    const char *why;
};

/**
 * Recompute the log from its first leaf: every hash, opening, index entry and stored head.
 *
 * errors  LW_E_CORRUPT  the engine cannot read; faults of the log are in `found`, not errors
 * does not check  signatures of heads
 */
LW_MUST_USE lw_err wallet_audit_check(const struct wallet_txn *txn,
                                      struct wallet_audit_found *found);

#endif
