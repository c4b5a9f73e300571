/* Heads of the log, signed and unsigned, and proofs under them. */
#include "audit_internal.h"

enum { HEAD_VERSION = 1, HEAD_FIELDS = 3 };

static lw_err beyond(void)
{
    return LW_FAIL(LW_E_VALUE, "audit: the log is not that long", LW_NOWHERE);
}

lw_err wallet_audit_head(const struct wallet_txn *txn, uint64_t *size,
                         uint8_t root[WALLET_HASH_LEN])
{
    const struct wallet_merkle_source source = wallet_audit_source(txn);
    LW_TRY(wallet_audit_size(txn, size));
    return wallet_merkle_root(&source, *size, root);
}

static lw_err reach(const struct wallet_txn *txn, uint64_t size)
{
    uint64_t have = 0;
    LW_TRY(wallet_audit_size(txn, &have));
    return size <= have ? LW_SUCCESS : beyond();
}

lw_err wallet_audit_root_at(const struct wallet_txn *txn, uint64_t size,
                            uint8_t root[WALLET_HASH_LEN])
{
    const struct wallet_merkle_source source = wallet_audit_source(txn);
    LW_TRY(reach(txn, size));
    return wallet_merkle_root(&source, size, root);
}

lw_err wallet_audit_inclusion(const struct wallet_txn *txn, uint64_t index, uint64_t size,
                              struct wallet_merkle_path *path)
{
    const struct wallet_merkle_source source = wallet_audit_source(txn);
    LW_TRY(reach(txn, size));
    return wallet_merkle_inclusion(&source, index, size, path);
}

lw_err wallet_audit_consistency(const struct wallet_txn *txn, uint64_t size1, uint64_t size2,
                                struct wallet_merkle_path *path)
{
    const struct wallet_merkle_source source = wallet_audit_source(txn);
    LW_TRY(reach(txn, size2));
    return wallet_merkle_consistency(&source, size1, size2, path);
}

lw_err wallet_audit_put_signed(struct wallet_txn *txn, const struct wallet_audit_signed_head *head)
{
    uint8_t root[WALLET_HASH_LEN];
    uint8_t key[8];
    LW_AUTO_BUF value = LW_BUF(WALLET_AUDIT_VALUE_MAX);
    if (head->cose.len > WALLET_AUDIT_SIGNED_MAX) {
        return LW_FAIL(LW_E_LIMIT, "audit: a signed head is too long", LW_NOWHERE);
    }
    LW_TRY(wallet_audit_root_at(txn, head->size, root));
    if (!lw_bytes_eq(LW_BYTES(root), LW_BYTES(head->root))) {
        return LW_FAIL(LW_E_VALUE, "audit: a signed head of another log", LW_NOWHERE);
    }
    wallet_key_put_u64(key, head->size);
    LW_TRY(wallet_stored_begin(&value, HEAD_VERSION, HEAD_FIELDS));
    LW_TRY(wallet_cbor_put_bytes(&value, LW_BYTES(head->root)));
    LW_TRY(wallet_cbor_put_int(&value, head->time));
    LW_TRY(wallet_cbor_put_bytes(&value, head->cose));
    return wallet_txn_append(txn, WALLET_KS_AUDIT_HEAD, LW_BYTES(key), lw_buf_view(&value));
}

lw_err wallet_audit_head_parse(lw_bytes key, lw_bytes value, struct wallet_audit_signed_head *head)
{
    struct wallet_cbor r;
    size_t fields = 0;
    LW_TRY(wallet_stored_open(value, HEAD_VERSION, &r, NULL, &fields));
    const lw_bytes root = wallet_cbor_bytes(&r);
    head->time = wallet_cbor_int(&r);
    head->cose = wallet_cbor_bytes(&r);
    LW_TRY(wallet_stored_end(&r));
    if (fields != HEAD_FIELDS || root.len != WALLET_HASH_LEN || key.len != 8) {
        return LW_FAIL(LW_E_CORRUPT, "audit: a signed head is not of its form", LW_NOWHERE);
    }
    head->size = wallet_key_u64(key.ptr);
    memcpy(head->root, root.ptr, WALLET_HASH_LEN);
    return LW_SUCCESS;
}

static lw_err first_head(struct wallet_scan *scan, struct wallet_audit_signed_head *head)
{
    lw_bytes key = {0};
    lw_bytes value = {0};
    if (!wallet_scan_next(scan, &key, &value)) {
        LW_TRY(scan->err);
        return LW_FAIL(LW_E_NOT_FOUND, "audit: no such head was signed yet", LW_NOWHERE);
    }
    return wallet_audit_head_parse(key, value, head);
}

lw_err wallet_audit_last_signed(const struct wallet_txn *txn, struct wallet_audit_signed_head *head)
{
    WALLET_AUTO_SCAN scan = wallet_scan_back(txn, WALLET_KS_AUDIT_HEAD, (lw_bytes){0});
    return first_head(&scan, head);
}

lw_err wallet_audit_signed_at_least(const struct wallet_txn *txn, uint64_t size,
                                    struct wallet_audit_signed_head *head)
{
    uint8_t key[8];
    wallet_key_put_u64(key, size);
    WALLET_AUTO_SCAN scan = wallet_scan(txn, WALLET_KS_AUDIT_HEAD, (lw_bytes){0});
    wallet_scan_from(&scan, LW_BYTES(key));
    return first_head(&scan, head);
}
