/*
 * Signed documents of the authority: its certificate, the newest CRL, every trust list.
 *
 *   cert         "ca"     ->  [1, DER]
 *   cert         "crl:" label of the CA key   ->  [1, number, iat, exp, basis, DER]
 *   cert         "tl:" pin of a succeeded key ->  [1, version, iat, exp, basis, trust list]
 *   trust-list   version                      ->  [1, version, iat, exp, basis, trust list]
 */
#include "row.h"
#include "wallet/store_key.h"

enum { DOC_FIELDS = 5, HEAD_MAX = 64, PIN_LEN = 32 };

static lw_bytes cert_key(const char *name)
{
    return lw_str_bytes(lw_str_c(name));
}

static lw_err check_size(lw_bytes bytes, size_t max)
{
    if (bytes.len == 0) {
        return LW_FAIL(LW_E_VALUE, "key: a document without bytes", LW_NOWHERE);
    }
    if (bytes.len > max) {
        return LW_FAIL(LW_E_LIMIT, "key: a document is too large", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

lw_err wallet_store_ca_put(struct wallet_txn *txn, lw_bytes der)
{
    LW_AUTO_BUF value = LW_BUF(WALLET_CERT_STORE_MAX + HEAD_MAX);
    LW_TRY(check_size(der, WALLET_CERT_STORE_MAX));
    LW_TRY(wallet_stored_begin(&value, 1, 1));
    LW_TRY(wallet_cbor_put_bytes(&value, der));
    LW_TRY(wallet_txn_put(txn, WALLET_KS_CERT, cert_key("ca"), lw_buf_view(&value)));
    return wallet_store_touch(txn);
}

lw_err wallet_store_ca_get(const struct wallet_txn *txn, lw_bytes *der)
{
    lw_bytes value = {0};
    struct wallet_cbor r;
    LW_TRY(wallet_txn_get(txn, WALLET_KS_CERT, cert_key("ca"), &value));
    LW_TRY(wallet_row_open(value, 1, &r));
    *der = wallet_cbor_bytes(&r);
    return wallet_stored_end(&r);
}

static lw_err parse_doc(lw_bytes value, struct wallet_signed_doc *doc)
{
    struct wallet_cbor r;
    LW_TRY(wallet_row_open(value, DOC_FIELDS, &r));
    doc->version = wallet_cbor_uint(&r);
    doc->iat = wallet_cbor_int(&r);
    doc->exp = wallet_cbor_int(&r);
    doc->basis = wallet_cbor_uint(&r);
    doc->bytes = wallet_cbor_bytes(&r);
    return wallet_stored_end(&r);
}

static lw_err put_doc(struct wallet_txn *txn, enum wallet_keyspace ks, lw_bytes key,
                      const struct wallet_signed_doc *doc)
{
    LW_AUTO_BUF value = LW_BUF(doc->bytes.len + HEAD_MAX);
    LW_TRY(wallet_stored_begin(&value, 1, DOC_FIELDS));
    LW_TRY(wallet_cbor_put_uint(&value, doc->version));
    LW_TRY(wallet_cbor_put_int(&value, doc->iat));
    LW_TRY(wallet_cbor_put_int(&value, doc->exp));
    LW_TRY(wallet_cbor_put_uint(&value, doc->basis));
    LW_TRY(wallet_cbor_put_bytes(&value, doc->bytes));
    LW_TRY(wallet_txn_put(txn, ks, key, lw_buf_view(&value)));
    return wallet_store_touch(txn);
}

static lw_err check_doc(const struct wallet_signed_doc *doc, size_t max)
{
    if (doc->version == 0 || doc->exp < doc->iat) {
        return LW_FAIL(LW_E_VALUE, "key: a document of no version, or that ends before it begins",
                       LW_NOWHERE);
    }
    return check_size(doc->bytes, max);
}

static lw_err crl_key(lw_str ca, struct wallet_row_key *key)
{
    if (ca.len == 0 || ca.len > WALLET_KEY_LABEL_MAX) {
        return LW_FAIL(LW_E_NOT_FOUND, "key: no such CA", LW_NOWHERE);
    }
    wallet_row_key_put(key, lw_str_bytes(LW_STR("crl:")));
    wallet_row_key_put(key, lw_str_bytes(ca));
    return LW_SUCCESS;
}

lw_err wallet_store_crl_get(const struct wallet_txn *txn, lw_str ca, struct wallet_signed_doc *crl)
{
    struct wallet_row_key key = {0};
    lw_bytes value = {0};
    LW_TRY(crl_key(ca, &key));
    LW_TRY(wallet_txn_get(txn, WALLET_KS_CERT, wallet_row_key_view(&key), &value));
    return parse_doc(value, crl);
}

lw_err wallet_store_crl_put(struct wallet_txn *txn, lw_str ca, const struct wallet_signed_doc *crl)
{
    struct wallet_row_key key = {0};
    struct wallet_signed_doc last = {0};
    LW_TRY(crl_key(ca, &key));
    LW_TRY(check_doc(crl, WALLET_CRL_MAX));
    const lw_err err = wallet_store_crl_get(txn, ca, &last);
    if (err.code == LW_OK && crl->version <= last.version) {
        return LW_FAIL(LW_E_CONFLICT, "key: the CRL kept has this number or a higher one",
                       LW_NOWHERE);
    }
    if (err.code != LW_OK && err.code != LW_E_NOT_FOUND) {
        return err;
    }
    return put_doc(txn, WALLET_KS_CERT, wallet_row_key_view(&key), crl);
}

static lw_bytes bridge_key(const uint8_t pin[PIN_LEN], struct wallet_row_key *key)
{
    wallet_row_key_put(key, lw_str_bytes(LW_STR("tl:")));
    wallet_row_key_put(key, (lw_bytes){.ptr = pin, .len = PIN_LEN});
    return wallet_row_key_view(key);
}

lw_err wallet_store_bridge_put(struct wallet_txn *txn, const uint8_t pin[PIN_LEN],
                               const struct wallet_signed_doc *list)
{
    struct wallet_row_key key = {0};
    LW_TRY(check_doc(list, WALLET_TRUST_LIST_STORE_MAX));
    return put_doc(txn, WALLET_KS_CERT, bridge_key(pin, &key), list);
}

lw_err wallet_store_bridge_get(const struct wallet_txn *txn, const uint8_t pin[PIN_LEN],
                               struct wallet_signed_doc *list)
{
    struct wallet_row_key key = {0};
    lw_bytes value = {0};
    LW_TRY(wallet_txn_get(txn, WALLET_KS_CERT, bridge_key(pin, &key), &value));
    return parse_doc(value, list);
}

lw_err wallet_store_bridge_drop(struct wallet_txn *txn, const uint8_t pin[PIN_LEN])
{
    struct wallet_row_key key = {0};
    return wallet_txn_delete(txn, WALLET_KS_CERT, bridge_key(pin, &key));
}

static lw_err newest_list(const struct wallet_txn *txn, struct wallet_signed_doc *list)
{
    lw_bytes key = {0};
    lw_bytes value = {0};
    WALLET_AUTO_SCAN scan = wallet_scan_back(txn, WALLET_KS_TRUST_LIST, (lw_bytes){0});
    if (wallet_scan_next(&scan, &key, &value)) {
        return parse_doc(value, list);
    }
    LW_TRY(scan.err);
    return LW_FAIL(LW_E_NOT_FOUND, "key: no trust list", LW_NOWHERE);
}

lw_err wallet_store_trust_list_get(const struct wallet_txn *txn, uint64_t version,
                                   struct wallet_signed_doc *list)
{
    struct wallet_row_key key = {0};
    lw_bytes value = {0};
    if (version == 0) {
        return newest_list(txn, list);
    }
    wallet_row_key_u64(&key, version);
    LW_TRY(wallet_txn_get(txn, WALLET_KS_TRUST_LIST, wallet_row_key_view(&key), &value));
    return parse_doc(value, list);
}

lw_err wallet_store_trust_list_put(struct wallet_txn *txn, const struct wallet_signed_doc *list)
{
    struct wallet_row_key key = {0};
    struct wallet_signed_doc last = {0};
    LW_TRY(check_doc(list, WALLET_TRUST_LIST_STORE_MAX));
    const lw_err err = newest_list(txn, &last);
    if (err.code == LW_OK && list->version == last.version &&
        lw_bytes_eq(list->bytes, last.bytes)) {
        return LW_SUCCESS;
    }
    if (err.code == LW_OK && list->version <= last.version) {
        return LW_FAIL(LW_E_CONFLICT, "key: a newer trust list is kept, or another of this version",
                       LW_NOWHERE);
    }
    if (err.code != LW_OK && err.code != LW_E_NOT_FOUND) {
        return err;
    }
    wallet_row_key_u64(&key, list->version);
    return put_doc(txn, WALLET_KS_TRUST_LIST, wallet_row_key_view(&key), list);
}
