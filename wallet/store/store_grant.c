/*
 * Grants.
 *
 *   grant         kind SHA-256(handle)      ->  [1, expires, payload, made]
 *   grant-expiry  expires, key of the grant ->  nothing
 */
#include "wallet/store_grant.h"

#include "hsm/digest.h"
#include "row.h"

enum { FIELDS = 3, TIME_LEN = 8, VALUE_MAX = WALLET_GRANT_PAYLOAD_MAX + 64, SKEW_S = 60 };

struct grant {
    int64_t expires;
    int64_t made; /* INT64_MIN: whenever */
    lw_bytes payload;
};

static lw_err grant_key(struct wallet_grant_name name, struct wallet_row_key *key)
{
    uint8_t digest[HSM_SHA256_LEN];
    if (name.kind < WALLET_GRANT_CHALLENGE || name.kind >= WALLET_GRANT_KIND_END ||
        name.handle.len == 0 || name.handle.len > WALLET_GRANT_HANDLE_MAX) {
        return LW_FAIL(LW_E_VALUE, "grant: no such kind, or a handle of another length",
                       LW_NOWHERE);
    }
    LW_TRY(hsm_sha256(name.handle, digest));
    wallet_row_key_byte(key, (uint8_t)name.kind);
    wallet_row_key_put(key, LW_BYTES(digest));
    return LW_SUCCESS;
}

static struct wallet_row_key expiry_key(int64_t expires, lw_bytes grant)
{
    struct wallet_row_key key = {0};
    wallet_row_key_time(&key, expires);
    wallet_row_key_put(&key, grant);
    return key;
}

static lw_err read_grant(const struct wallet_txn *txn, const struct wallet_row_key *key,
                         struct grant *grant)
{
    lw_bytes value = {0};
    struct wallet_cbor r;
    LW_TRY(wallet_txn_get(txn, WALLET_KS_GRANT, wallet_row_key_view(key), &value));
    LW_TRY(wallet_row_open(value, FIELDS, &r));
    grant->expires = wallet_cbor_int(&r);
    grant->payload = wallet_cbor_bytes(&r);
    grant->made = wallet_cbor_int(&r);
    return wallet_stored_end(&r);
}

/* Makes room for a grant: what has expired is as good as gone. */
static lw_err clear(struct wallet_txn *txn, const struct wallet_row_key *key, int64_t now)
{
    struct grant grant = {0};
    const lw_err err = read_grant(txn, key, &grant);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_SUCCESS;
    }
    LW_TRY(err);
    if (now < grant.expires) {
        return LW_FAIL(LW_E_CONFLICT, "grant: the handle is there", LW_NOWHERE);
    }
    const struct wallet_row_key expiry = expiry_key(grant.expires, wallet_row_key_view(key));
    return wallet_txn_delete(txn, WALLET_KS_GRANT_EXPIRY, wallet_row_key_view(&expiry));
}

lw_err wallet_store_grant_put(struct wallet_txn *txn, struct wallet_grant_name name,
                              lw_bytes payload, int64_t now, int64_t expires)
{
    struct wallet_row_key key = {0};
    LW_AUTO_BUF value = LW_BUF(VALUE_MAX);
    LW_TRY(grant_key(name, &key));
    if (payload.len > WALLET_GRANT_PAYLOAD_MAX || expires <= now) {
        return LW_FAIL(LW_E_VALUE, "grant: the payload is too large, or it has expired already",
                       LW_NOWHERE);
    }
    LW_TRY(clear(txn, &key, now));
    const struct wallet_row_key expiry = expiry_key(expires, wallet_row_key_view(&key));
    LW_TRY(wallet_stored_begin(&value, 1, FIELDS));
    LW_TRY(wallet_cbor_put_int(&value, expires));
    LW_TRY(wallet_cbor_put_bytes(&value, payload));
    LW_TRY(wallet_cbor_put_int(&value, name.kind == WALLET_GRANT_REPLAY ? INT64_MIN : now));
    LW_TRY(wallet_txn_put(txn, WALLET_KS_GRANT, wallet_row_key_view(&key), lw_buf_view(&value)));
    return wallet_txn_put(txn, WALLET_KS_GRANT_EXPIRY, wallet_row_key_view(&expiry), (lw_bytes){0});
}

/* What a clock that was fast has made would live longer than meant once the clock is set right. */
static lw_err read_live(const struct wallet_txn *txn, const struct wallet_row_key *key, int64_t now,
                        int64_t *expires, lw_buf *payload)
{
    struct grant grant = {0};
    LW_TRY(read_grant(txn, key, &grant));
    *expires = grant.expires;
    if (now >= grant.expires) {
        return LW_FAIL(LW_E_EXPIRED, "grant: has expired", LW_NOWHERE);
    }
    if (now + SKEW_S < grant.made) {
        return LW_FAIL(LW_E_EXPIRED, "grant: was made later than it is now", LW_NOWHERE);
    }
    return payload == NULL ? LW_SUCCESS : lw_buf_put(payload, grant.payload);
}

lw_err wallet_store_grant_peek(const struct wallet_txn *txn, struct wallet_grant_name name,
                               int64_t now, lw_buf *payload)
{
    struct wallet_row_key key = {0};
    int64_t expires = 0;
    LW_TRY(grant_key(name, &key));
    return read_live(txn, &key, now, &expires, payload);
}

lw_err wallet_store_grant_take(struct wallet_txn *txn, struct wallet_grant_name name, int64_t now,
                               lw_buf *payload)
{
    struct wallet_row_key key = {0};
    int64_t expires = 0;
    LW_TRY(grant_key(name, &key));
    LW_TRY(read_live(txn, &key, now, &expires, payload));
    const struct wallet_row_key expiry = expiry_key(expires, wallet_row_key_view(&key));
    LW_TRY(wallet_txn_delete(txn, WALLET_KS_GRANT, wallet_row_key_view(&key)));
    return wallet_txn_delete(txn, WALLET_KS_GRANT_EXPIRY, wallet_row_key_view(&expiry));
}

lw_err wallet_store_grant_purge(struct wallet_txn *txn, int64_t now, size_t max, size_t *purged)
{
    struct wallet_row_key at = {0};
    lw_bytes key = {0};
    lw_bytes value = {0};
    *purged = 0;
    WALLET_AUTO_SCAN scan = wallet_scan(txn, WALLET_KS_GRANT_EXPIRY, (lw_bytes){0});
    while (*purged < max && wallet_scan_next(&scan, &key, &value)) {
        if (key.len <= TIME_LEN) {
            return LW_FAIL(LW_E_CORRUPT, "grant: a key is not of its form", LW_NOWHERE);
        }
        if (wallet_row_key_time_of(key.ptr) > now) {
            break;
        }
        at.len = 0;
        wallet_row_key_put(&at, key); /* the key is gone with the first change */
        LW_TRY(wallet_txn_delete(txn, WALLET_KS_GRANT,
                                 (lw_bytes){at.bytes + TIME_LEN, at.len - TIME_LEN}));
        LW_TRY(wallet_txn_delete(txn, WALLET_KS_GRANT_EXPIRY, wallet_row_key_view(&at)));
        (*purged)++;
    }
    return scan.err;
}

static const char time_key[] = "time";

lw_err wallet_store_time_newest(const struct wallet_txn *txn, int64_t *newest)
{
    lw_bytes value = {0};
    struct wallet_cbor r;
    const lw_err err =
        wallet_txn_get(txn, WALLET_KS_META, lw_str_bytes(lw_str_c(time_key)), &value);
    if (err.code == LW_E_NOT_FOUND) {
        *newest = INT64_MIN;
        return LW_SUCCESS;
    }
    LW_TRY(err);
    LW_TRY(wallet_row_open(value, 1, &r));
    *newest = wallet_cbor_int(&r);
    return wallet_stored_end(&r);
}

lw_err wallet_store_time_seen(struct wallet_txn *txn, int64_t now)
{
    int64_t newest = 0;
    LW_AUTO_BUF value = LW_BUF(32);
    LW_TRY(wallet_store_time_newest(txn, &newest));
    if (now <= newest) {
        return LW_SUCCESS;
    }
    LW_TRY(wallet_stored_begin(&value, 1, 1));
    LW_TRY(wallet_cbor_put_int(&value, now));
    return wallet_txn_put(txn, WALLET_KS_META, lw_str_bytes(lw_str_c(time_key)),
                          lw_buf_view(&value));
}
