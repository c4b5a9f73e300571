/*
 * Presentations seen: for a while after one was shown, the same one is known again. Kept by the
 * time at which they were made, which each presentation says of itself: so new ones come last,
 * their pages fill, and what is over is a beginning that is cut off.
 */
#ifndef WALLET_STORE_SEEN_H
#define WALLET_STORE_SEEN_H

#include "wallet/store.h"

enum { WALLET_SEEN_ID_LEN = 32 };

/**
 * Note a presentation, and say when it was noted before.
 *
 * made    when it was made, as its holder signed it; Unix seconds
 * id      a hash that nobody can aim at
 * before  set to the time at which it was seen first, or INT64_MIN: it is noted as seen now
 */
LW_MUST_USE lw_err wallet_store_seen(struct wallet_txn *txn, int64_t made,
                                     const uint8_t id[WALLET_SEEN_ID_LEN], int64_t now,
                                     int64_t *before);

/** Remove at most `max` of those made before `made_before`, oldest first. */
LW_MUST_USE lw_err wallet_store_seen_purge(struct wallet_txn *txn, int64_t made_before, size_t max,
                                           size_t *purged);

#endif
