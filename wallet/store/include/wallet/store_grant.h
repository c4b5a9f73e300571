/*
 * Things that are good once, until they expire: challenge nonces, presentations seen (replay),
 * later codes and tokens. Kept under the hash of their handle, so the store gives no live handle
 * away. Taking one is a single write transaction: of many racing takers exactly one succeeds.
 */
#ifndef WALLET_STORE_GRANT_H
#define WALLET_STORE_GRANT_H

#include "wallet/store.h"

enum { WALLET_GRANT_HANDLE_MAX = 256, WALLET_GRANT_PAYLOAD_MAX = 16 * 1024 };

/* Numbers are stored: never given another meaning. */
enum wallet_grant_kind {
    WALLET_GRANT_CHALLENGE = 1,
    WALLET_GRANT_REPLAY,
    WALLET_GRANT_NONCE,
    WALLET_GRANT_CODE,
    WALLET_GRANT_REQUEST_URI,
    WALLET_GRANT_OFFER,
    WALLET_GRANT_ONE_TIME_QR,
    WALLET_GRANT_SESSION,
    WALLET_GRANT_KIND_END /* one past the last */
};

/* Names a grant. */
struct wallet_grant_name {
    enum wallet_grant_kind kind;
    lw_bytes handle; /* 128 random bits or more, or a hash; 1 to WALLET_GRANT_HANDLE_MAX bytes. What
                        can be guessed goes through wallet_lookup() first */
};

/**
 * Put a grant that is good until `expires` (Unix seconds, exclusive).
 *
 * payload  given back when it is taken; at most WALLET_GRANT_PAYLOAD_MAX bytes; not sealed
 * errors   LW_E_CONFLICT  the handle is there and has not expired at `now`; LW_E_VALUE  a bound is
 *          passed, or it has expired already
 */
LW_MUST_USE lw_err wallet_store_grant_put(struct wallet_txn *txn, struct wallet_grant_name name,
                                          lw_bytes payload, int64_t now, int64_t expires);

/**
 * Take a grant: it is gone once the transaction is committed.
 *
 * payload  appended; may be NULL. In a write that may be run again, empty it first
 * errors   LW_E_NOT_FOUND  never there, taken, or purged; LW_E_EXPIRED  its end has come, or it was
 *          made more than a minute after `now`: by a clock that was fast, so that it would live on
 *          for too long (except WALLET_GRANT_REPLAY, which does no harm by that)
 */
LW_MUST_USE lw_err wallet_store_grant_take(struct wallet_txn *txn, struct wallet_grant_name name,
                                           int64_t now, lw_buf *payload);

/** Read a grant without taking it. Errors as wallet_store_grant_take(). */
LW_MUST_USE lw_err wallet_store_grant_peek(const struct wallet_txn *txn,
                                           struct wallet_grant_name name, int64_t now,
                                           lw_buf *payload);

/** Remove grants of all kinds that had expired at `now`, at most `max`; sets how many. */
LW_MUST_USE lw_err wallet_store_grant_purge(struct wallet_txn *txn, int64_t now, size_t max,
                                            size_t *purged);

/**
 * Note that `now` was verified by something signed elsewhere, or by our own log: the newest is
 * kept, and a clock earlier than it is not to be trusted.
 */
LW_MUST_USE lw_err wallet_store_time_seen(struct wallet_txn *txn, int64_t now);

/** Give the newest time ever noted; INT64_MIN when there is none. */
LW_MUST_USE lw_err wallet_store_time_newest(const struct wallet_txn *txn, int64_t *newest);

#endif
