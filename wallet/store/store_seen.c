/*
 * Presentations seen.
 *
 *   seen   made, first half of the id  ->  [1, when it was seen first]
 */
#include "wallet/store_seen.h"

#include "row.h"

enum { FIELDS = 1, TIME_LEN = 8, KEPT_ID_LEN = WALLET_SEEN_ID_LEN / 2, VALUE_MAX = 32 };

lw_err wallet_store_seen(struct wallet_txn *txn, int64_t made, const uint8_t id[WALLET_SEEN_ID_LEN],
                         int64_t now, int64_t *before)
{
    struct wallet_row_key key = {0};
    lw_bytes found = {0};
    struct wallet_cbor r;
    LW_AUTO_BUF value = LW_BUF(VALUE_MAX);
    wallet_row_key_time(&key, made);
    wallet_row_key_put(&key, (lw_bytes){id, KEPT_ID_LEN});
    const lw_err err = wallet_txn_get(txn, WALLET_KS_SEEN, wallet_row_key_view(&key), &found);
    if (err.code == LW_OK) {
        LW_TRY(wallet_row_open(found, FIELDS, &r));
        *before = wallet_cbor_int(&r);
        return wallet_stored_end(&r);
    }
    if (err.code != LW_E_NOT_FOUND) {
        return err;
    }
    *before = INT64_MIN;
    LW_TRY(wallet_stored_begin(&value, 1, FIELDS));
    LW_TRY(wallet_cbor_put_int(&value, now));
    return wallet_txn_put(txn, WALLET_KS_SEEN, wallet_row_key_view(&key), lw_buf_view(&value));
}

lw_err wallet_store_seen_purge(struct wallet_txn *txn, int64_t made_before, size_t max,
                               size_t *purged)
{
    struct wallet_row_key at = {0};
    lw_bytes key = {0};
    lw_bytes value = {0};
    *purged = 0;
    WALLET_AUTO_SCAN scan = wallet_scan(txn, WALLET_KS_SEEN, (lw_bytes){0});
    while (*purged < max && wallet_scan_next(&scan, &key, &value)) {
        if (key.len != TIME_LEN + KEPT_ID_LEN) {
            return LW_FAIL(LW_E_CORRUPT, "seen: a key is not of its form", LW_NOWHERE);
        }
        if (wallet_row_key_time_of(key.ptr) >= made_before) {
            break;
        }
        at.len = 0;
        wallet_row_key_put(&at, key); /* the key is gone with the change */
        LW_TRY(wallet_txn_delete(txn, WALLET_KS_SEEN, wallet_row_key_view(&at)));
        (*purged)++;
    }
    return scan.err;
}
