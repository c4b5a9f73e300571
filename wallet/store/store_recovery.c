#include "wallet/store_recovery.h"

#include "row.h"

enum {
    HEAD_FIELDS = 4, /* before the custodians */
    CUSTODIAN_FIELDS = 3,
    VALUE_MAX = 16 * 1024,
    THRESHOLD_MIN = 2,
};

static const lw_str record_key = {.ptr = "recovery", .len = sizeof("recovery") - 1};
static const lw_str epoch_prefix = {.ptr = "recoverable", .len = sizeof("recoverable") - 1};

static const lw_str standby_prefix = {.ptr = "standby", .len = sizeof("standby") - 1};

static lw_err bad(const char *why)
{
    return LW_FAIL(LW_E_VALUE, why, LW_NOWHERE);
}

static lw_err check_custodian(const struct wallet_recovery *recovery, size_t i)
{
    const struct wallet_custodian *c = &recovery->custodians[i];
    if (!wallet_row_text_ok(lw_str_c(c->name), WALLET_CUSTODIAN_NAME_MAX)) {
        return bad("recovery: a custodian's name is no plain text of 1 to 64 bytes");
    }
    if (c->sealed.len == 0 || c->sealed.len > WALLET_SHARE_SEALED_MAX) {
        return bad("recovery: a custodian without a share");
    }
    for (size_t j = 0; j < i; j++) {
        if (strcmp(recovery->custodians[j].name, c->name) == 0) {
            return bad("recovery: two custodians of one name");
        }
    }
    return LW_SUCCESS;
}

static lw_err check(const struct wallet_recovery *recovery)
{
    if (recovery->key.alg != HSM_ES256) {
        return LW_FAIL(LW_E_UNSUPPORTED, "recovery: not a key of P-256", LW_NOWHERE);
    }
    if (recovery->threshold < THRESHOLD_MIN || recovery->threshold > recovery->count ||
        recovery->count > WALLET_CUSTODIANS_MAX) {
        return bad("recovery: the threshold is 2 to the number of custodians, which is 16 at most");
    }
    for (size_t i = 0; i < recovery->count; i++) {
        LW_TRY(check_custodian(recovery, i));
    }
    return LW_SUCCESS;
}

static lw_err encode(const struct wallet_recovery *recovery, lw_buf *out)
{
    LW_TRY(wallet_stored_begin(out, 1, HEAD_FIELDS + recovery->count * CUSTODIAN_FIELDS));
    LW_TRY(wallet_cbor_put_bytes(out, (lw_bytes){recovery->key.point, recovery->key.point_len}));
    LW_TRY(wallet_cbor_put_int(out, recovery->made));
    LW_TRY(wallet_cbor_put_uint(out, recovery->threshold));
    LW_TRY(wallet_cbor_put_uint(out, recovery->count));
    for (size_t i = 0; i < recovery->count; i++) {
        const struct wallet_custodian *c = &recovery->custodians[i];
        LW_TRY(wallet_cbor_put_text(out, lw_str_c(c->name)));
        LW_TRY(wallet_cbor_put_bytes(out, LW_BYTES(c->commitment)));
        LW_TRY(wallet_cbor_put_bytes(out, c->sealed));
    }
    return LW_SUCCESS;
}

static lw_err drop_epochs(struct wallet_txn *txn)
{
    lw_bytes key = {0};
    lw_bytes value = {0};
    WALLET_AUTO_SCAN scan = wallet_scan(txn, WALLET_KS_META, lw_str_bytes(epoch_prefix));
    while (wallet_scan_next(&scan, &key, &value)) {
        LW_TRY(wallet_txn_delete(txn, WALLET_KS_META, key));
    }
    return scan.err;
}

lw_err wallet_store_recovery_put(struct wallet_txn *txn, const struct wallet_recovery *recovery)
{
    LW_AUTO_BUF value = LW_BUF(VALUE_MAX);
    LW_TRY(check(recovery));
    LW_TRY(encode(recovery, &value));
    LW_TRY(drop_epochs(txn));
    return wallet_txn_put(txn, WALLET_KS_META, lw_str_bytes(record_key), lw_buf_view(&value));
}

static lw_err corrupt(void)
{
    return LW_FAIL(LW_E_CORRUPT, "recovery: the record is not of its form", LW_NOWHERE);
}

lw_err wallet_store_recovery_get(const struct wallet_txn *txn, struct wallet_recovery *recovery)
{
    lw_bytes value = {0};
    struct wallet_cbor r;
    size_t fields = 0;
    LW_TRY(wallet_txn_get(txn, WALLET_KS_META, lw_str_bytes(record_key), &value));
    LW_TRY(wallet_stored_open(value, 1, &r, NULL, &fields));
    const lw_bytes point = wallet_cbor_bytes(&r);
    recovery->made = wallet_cbor_int(&r);
    recovery->threshold = (size_t)wallet_row_read_uint(&r, WALLET_CUSTODIANS_MAX);
    recovery->count = (size_t)wallet_row_read_uint(&r, WALLET_CUSTODIANS_MAX);
    if (fields != HEAD_FIELDS + recovery->count * CUSTODIAN_FIELDS) {
        return corrupt();
    }
    for (size_t i = 0; i < recovery->count; i++) {
        struct wallet_custodian *c = &recovery->custodians[i];
        wallet_row_read_text(&r, WALLET_CUSTODIAN_NAME_MAX, c->name);
        wallet_row_read_fixed(&r, c->commitment, sizeof(c->commitment));
        c->sealed = wallet_cbor_bytes(&r);
    }
    LW_TRY(wallet_stored_end(&r));
    return hsm_public_key_from_point(&recovery->key, HSM_ES256, point).code == LW_OK &&
                   check(recovery).code == LW_OK
               ? LW_SUCCESS
               : corrupt();
}

static struct wallet_row_key epoch_key(lw_str prefix, uint32_t number)
{
    struct wallet_row_key key = {.len = 0};
    wallet_row_key_put(&key, lw_str_bytes(prefix));
    wallet_row_key_u32(&key, number);
    return key;
}

lw_err wallet_store_recovery_epoch_put(struct wallet_txn *txn, uint32_t number,
                                       const struct hsm_public_key *key, lw_bytes sealed)
{
    struct wallet_recovery recovery;
    const struct wallet_row_key place = epoch_key(epoch_prefix, number);
    LW_AUTO_BUF value = LW_BUF(VALUE_MAX);
    LW_TRY(wallet_store_recovery_get(txn, &recovery));
    if (!hsm_public_key_eq(&recovery.key, key)) {
        return LW_FAIL(LW_E_CONFLICT, "recovery: another recovery key was made meanwhile",
                       LW_NOWHERE);
    }
    if (sealed.len == 0 || sealed.len > WALLET_RECOVERY_SEALED_MAX) {
        return bad("recovery: an epoch key that is not sealed");
    }
    LW_TRY(wallet_stored_begin(&value, 1, 1));
    LW_TRY(wallet_cbor_put_bytes(&value, sealed));
    return wallet_txn_put(txn, WALLET_KS_META, wallet_row_key_view(&place), lw_buf_view(&value));
}

lw_err wallet_store_recovery_epoch_get(const struct wallet_txn *txn, uint32_t number,
                                       lw_bytes *sealed)
{
    const struct wallet_row_key place = epoch_key(epoch_prefix, number);
    lw_bytes value = {0};
    struct wallet_cbor r;
    LW_TRY(wallet_txn_get(txn, WALLET_KS_META, wallet_row_key_view(&place), &value));
    LW_TRY(wallet_row_open(value, 1, &r));
    *sealed = wallet_cbor_bytes(&r);
    return wallet_stored_end(&r);
}

lw_err wallet_store_standby_put(struct wallet_txn *txn, uint32_t number,
                                const struct wallet_standby_wrap *wrap)
{
    const struct wallet_row_key place = epoch_key(standby_prefix, number);
    LW_AUTO_BUF value = LW_BUF(VALUE_MAX);
    if (!wallet_row_text_ok(lw_str_c(wrap->seal), WALLET_EPOCH_SEAL_MAX) ||
        wrap->wrapped.len == 0 || wrap->wrapped.len > WALLET_RECOVERY_SEALED_MAX) {
        return bad("recovery: an epoch key that the second token did not wrap");
    }
    LW_TRY(wallet_stored_begin(&value, 1, 2));
    LW_TRY(wallet_cbor_put_text(&value, lw_str_c(wrap->seal)));
    LW_TRY(wallet_cbor_put_bytes(&value, wrap->wrapped));
    return wallet_txn_put(txn, WALLET_KS_META, wallet_row_key_view(&place), lw_buf_view(&value));
}

lw_err wallet_store_standby_get(const struct wallet_txn *txn, uint32_t number,
                                struct wallet_standby_wrap *wrap)
{
    const struct wallet_row_key place = epoch_key(standby_prefix, number);
    lw_bytes value = {0};
    struct wallet_cbor r;
    LW_TRY(wallet_txn_get(txn, WALLET_KS_META, wallet_row_key_view(&place), &value));
    LW_TRY(wallet_row_open(value, 2, &r));
    wallet_row_read_text(&r, WALLET_EPOCH_SEAL_MAX, wrap->seal);
    wrap->wrapped = wallet_cbor_bytes(&r);
    return wallet_stored_end(&r);
}
