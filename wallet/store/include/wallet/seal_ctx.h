/*
 * Sealing of personal data in the store (DESIGN section 5). An epoch key, which only the token can
 * unwrap, wraps each person's data key; a key derived from that for the one record seals it. The
 * associated data names keyspace, record, version and person, so a record moved, altered or of
 * another version does not open. Destroying a person's data key erases the person.
 *
 * Every function gives LW_E_DENIED while the store is locked. All are safe from several threads.
 */
#ifndef WALLET_SEAL_CTX_H
#define WALLET_SEAL_CTX_H

#include "lw/buf.h"

enum { WALLET_DATA_KEY_LEN = 32, WALLET_LOOKUP_LEN = 32, WALLET_SEAL_ID_MAX = 255 };

struct wallet_store;
struct wallet_seal_ctx;

/** Return the sealing context of `store`; lives as long as the store. */
const struct wallet_seal_ctx *wallet_store_seal_ctx(const struct wallet_store *store);

/** Say whether sealed data can be opened. */
bool wallet_seal_unlocked(const struct wallet_seal_ctx *ctx);

/**
 * Make a person's data key.
 *
 * person  internal id, 1 to WALLET_SEAL_ID_MAX bytes
 * key     set; wipe it after use
 * wrapped the form to store is appended: under the newest epoch's key, bound to the person
 */
LW_MUST_USE lw_err wallet_data_key_make(const struct wallet_seal_ctx *ctx, lw_bytes person,
                                        uint8_t key[WALLET_DATA_KEY_LEN], lw_buf *wrapped);

/**
 * Open a stored data key.
 *
 * errors  LW_E_SIGNATURE  altered, or another person's; LW_E_NOT_FOUND  its epoch is not unlocked;
 *         LW_E_CORRUPT    not of the form that wallet_data_key_make() stores
 */
LW_MUST_USE lw_err wallet_data_key_open(const struct wallet_seal_ctx *ctx, lw_bytes person,
                                        lw_bytes wrapped, uint8_t key[WALLET_DATA_KEY_LEN]);

/* Names one sealed record. */
struct wallet_seal_name {
    lw_str keyspace; /* its stable name, or a part of a record: "license", "license/photo" */
    lw_bytes record; /* the record's id or key, at most WALLET_SEAL_ID_MAX bytes */
    uint64_t
        version;     /* of the record; must be known from elsewhere for an old copy to be noticed */
    lw_bytes person; /* whose data key it is, at most WALLET_SEAL_ID_MAX bytes */
};

/**
 * Append `plain` sealed for the record so named; HSM_SEAL_OVERHEAD bytes longer.
 *
 * errors  LW_E_LIMIT  a name is too long, or the buffer's max; LW_E_CRYPTO
 */
LW_MUST_USE lw_err wallet_seal_record(const struct wallet_seal_ctx *ctx,
                                      const uint8_t key[WALLET_DATA_KEY_LEN],
                                      const struct wallet_seal_name *name, lw_bytes plain,
                                      lw_buf *out);

/** Undo wallet_seal_record(). errors  LW_E_SIGNATURE  altered, moved, or of another version or key
 */
LW_MUST_USE lw_err wallet_open_record(const struct wallet_seal_ctx *ctx,
                                      const uint8_t key[WALLET_DATA_KEY_LEN],
                                      const struct wallet_seal_name *name, lw_bytes sealed,
                                      lw_buf *out);

/* What a look-up is for; each has a key of its own. Numbers enter the derivation: keep them. */
enum wallet_lookup {
    WALLET_LOOKUP_HOLDER_CODE = 1,
    WALLET_LOOKUP_PASS_CTI,
    WALLET_LOOKUP_HOLDER_KEY,
    WALLET_LOOKUP_ACCOUNT,
    WALLET_LOOKUP_GRANT,
    WALLET_LOOKUP_LOG, /* identifiers as logs may show them */
};

/**
 * Make the keyed hash by which a record is found: HMAC-SHA-256 over the parts, each preceded by
 * its length. The same for as long as the store lives, whatever epoch.
 *
 * parts   at most 8
 */
LW_MUST_USE lw_err wallet_lookup(const struct wallet_seal_ctx *ctx, enum wallet_lookup purpose,
                                 const lw_bytes *parts, size_t count,
                                 uint8_t mac[WALLET_LOOKUP_LEN]);

#endif
