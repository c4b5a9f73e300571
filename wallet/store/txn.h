/*
 * Transactions as records use them. Private to wallet/store: above it, records are seen and not
 * keys. Lifetimes of borrowed values: struct wallet_txn in wallet/store.h.
 */
#ifndef STORE_TXN_H
#define STORE_TXN_H

#include "engine.h"
#include "wallet/cbor.h"
#include "wallet/seal_ctx.h"
#include "wallet/store.h"

/** Read. errors  LW_E_NOT_FOUND; LW_E_LIMIT  key of 0 or over WALLET_KEY_MAX bytes, as all below */
LW_MUST_USE lw_err wallet_txn_get(const struct wallet_txn *txn, enum wallet_keyspace ks,
                                  lw_bytes key, lw_bytes *value);

/** Say in `there` whether the key exists. */
LW_MUST_USE lw_err wallet_txn_has(const struct wallet_txn *txn, enum wallet_keyspace ks,
                                  lw_bytes key, bool *there);

/** Write, replacing. errors  LW_E_MISUSE  a read transaction, as all changes; LW_E_NOSPACE */
LW_MUST_USE lw_err wallet_txn_put(struct wallet_txn *txn, enum wallet_keyspace ks, lw_bytes key,
                                  lw_bytes value);

/** Write. errors  LW_E_CONFLICT  the key exists: nothing was changed */
LW_MUST_USE lw_err wallet_txn_insert(struct wallet_txn *txn, enum wallet_keyspace ks, lw_bytes key,
                                     lw_bytes value);

/** As wallet_txn_put(), for a key likely greater than all others: pages are filled to the end. */
LW_MUST_USE lw_err wallet_txn_append(struct wallet_txn *txn, enum wallet_keyspace ks, lw_bytes key,
                                     lw_bytes value);

/** Delete. errors  LW_E_NOT_FOUND */
LW_MUST_USE lw_err wallet_txn_delete(struct wallet_txn *txn, enum wallet_keyspace ks, lw_bytes key);

/** Count the entries of a keyspace. */
LW_MUST_USE lw_err wallet_txn_count(const struct wallet_txn *txn, enum wallet_keyspace ks,
                                    uint64_t *entries);

/** Return what the store was opened with. */
const struct lw_rng *wallet_txn_rng(const struct wallet_txn *txn);
const struct lw_clock *wallet_txn_clock(const struct wallet_txn *txn);
const struct wallet_seal_ctx *wallet_txn_seal_ctx(const struct wallet_txn *txn);

/*
 * A scan over the entries whose keys begin with a prefix, in order of their bytes. Entries may be
 * changed and deleted on the way: the scan goes on after the last key it gave.
 *
 *     WALLET_AUTO_SCAN scan = wallet_scan(txn, ks, prefix);
 *     while (wallet_scan_next(&scan, &key, &value)) { ... }
 *     return scan.err;
 */
struct wallet_scan {
    const struct wallet_txn *txn;
    struct wallet_engine_scan *engine;
    enum wallet_keyspace ks;
    bool back;
    bool begun;
    bool ended;
    uint64_t changes; /* of the transaction when the last entry was given */
    lw_err err;
    uint8_t prefix[WALLET_KEY_MAX];
    size_t prefix_len;
    uint8_t last[WALLET_KEY_MAX]; /* the place: the key last given, or where to begin */
    size_t last_len;
};
#define WALLET_AUTO_SCAN __attribute__((cleanup(wallet_scan_end))) struct wallet_scan

/** Start at the first key with the prefix, which may be empty. */
struct wallet_scan wallet_scan(const struct wallet_txn *txn, enum wallet_keyspace ks,
                               lw_bytes prefix);

/** As wallet_scan(), from the last key with the prefix backwards. */
struct wallet_scan wallet_scan_back(const struct wallet_txn *txn, enum wallet_keyspace ks,
                                    lw_bytes prefix);

/**
 * Move the start, before the first entry is taken: to the first key >= `key` (backwards: <=).
 * Keys without the prefix are still not given.
 */
void wallet_scan_from(struct wallet_scan *scan, lw_bytes key);

/** Give the next entry; false at the end or after an error, which is in scan->err. */
bool wallet_scan_next(struct wallet_scan *scan, lw_bytes *key, lw_bytes *value);

/** Free what the scan holds; before its transaction ends. */
void wallet_scan_end(struct wallet_scan *scan);

/*
 * Stored values: a CBOR array whose first element is the form's version.
 */

/** Begin a value: the head of an array of `fields` elements after the version, and the version. */
LW_MUST_USE lw_err wallet_stored_begin(lw_buf *out, unsigned version, size_t fields);

/**
 * Begin to read a value.
 *
 * newest   the newest version known; 1 to it are accepted
 * r        set after the version; read the fields, then wallet_stored_end()
 * version  may be NULL when newest is 1
 * fields   set to how many follow; may be NULL
 * errors   LW_E_CORRUPT  not of that form; LW_E_UNSUPPORTED  a newer version
 */
LW_MUST_USE lw_err wallet_stored_open(lw_bytes value, unsigned newest, struct wallet_cbor *r,
                                      unsigned *version, size_t *fields);

/** Return LW_SUCCESS when all was read without error, else LW_E_CORRUPT with the reader's place. */
LW_MUST_USE lw_err wallet_stored_end(const struct wallet_cbor *r);

/** Write and read numbers in keys, so that their order is that of their bytes. */
void wallet_key_put_u64(uint8_t key[8], uint64_t n);
uint64_t wallet_key_u64(const uint8_t key[8]);

#endif
