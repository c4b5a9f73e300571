#define _DEFAULT_SOURCE /* explicit_bzero */

#include "wallet/store_credential.h"

#include "license_row.h"

enum {
    FIELDS = 3, /* iat, status place, sealed bytes */
    TIME_LEN = 8,
    VALUE_MAX = WALLET_CREDENTIAL_STORE_MAX + 256,
};

/* license thumbprint format NUL end: those of a license stand together, the last to end last. */
static struct wallet_row_key series_key(const struct wallet_credential_info *info)
{
    struct wallet_row_key key = {0};
    wallet_row_key_id(&key, info->license);
    wallet_row_key_put(&key, LW_BYTES(info->holder));
    wallet_row_key_text(&key, lw_str_c(info->format));
    return key;
}

static struct wallet_row_key credential_key(const struct wallet_credential_info *info)
{
    struct wallet_row_key key = series_key(info);
    wallet_row_key_time(&key, info->exp);
    return key;
}

static struct wallet_row_key expiry_key(int64_t exp, lw_bytes what)
{
    struct wallet_row_key key = {0};
    wallet_row_key_time(&key, exp);
    wallet_row_key_put(&key, what);
    return key;
}

static lw_err corrupt_key(void)
{
    return LW_FAIL(LW_E_CORRUPT, "credential: a key is not of its form", LW_NOWHERE);
}

static lw_err parse_key(lw_bytes key, struct wallet_credential_info *info)
{
    const size_t head = WALLET_UUID_LEN + WALLET_THUMBPRINT_LEN;
    lw_str format = {0};
    lw_str end = {0};
    if (key.len < head) {
        return corrupt_key();
    }
    memcpy(info->license, key.ptr, WALLET_UUID_LEN);
    memcpy(info->holder, key.ptr + WALLET_UUID_LEN, WALLET_THUMBPRINT_LEN);
    (void)lw_str_split(lw_str_from(lw_bytes_str(key), head), '\0', &format, &end);
    if (format.len > WALLET_FORMAT_NAME_MAX || end.len != TIME_LEN) {
        return corrupt_key();
    }
    memcpy(info->format, format.ptr, format.len);
    info->format[format.len] = '\0';
    info->exp = wallet_row_key_time_of((const uint8_t *)end.ptr);
    return LW_SUCCESS;
}

static lw_err put_place(const struct wallet_credential_info *info, lw_buf *out)
{
    if (!info->has_status) {
        return wallet_cbor_put_null(out);
    }
    LW_TRY(wallet_cbor_put_array(out, 2));
    LW_TRY(wallet_cbor_put_uint(out, info->status.list));
    return wallet_cbor_put_uint(out, info->status.idx);
}

static void read_place(struct wallet_cbor *r, struct wallet_credential_info *info)
{
    info->has_status = wallet_cbor_peek(r) != WALLET_CBOR_NULL;
    info->status = (struct wallet_status_place){0};
    if (!info->has_status) {
        wallet_cbor_null(r);
        return;
    }
    const size_t count = wallet_cbor_array(r);
    info->status.list = wallet_cbor_uint(r);
    info->status.idx = wallet_cbor_uint(r);
    if (count != 2) {
        wallet_cbor_fail(r, corrupt_key());
    }
}

static lw_err parse_value(lw_bytes value, struct wallet_credential_info *info, lw_bytes *sealed)
{
    struct wallet_cbor r;
    LW_TRY(wallet_row_open(value, FIELDS, &r));
    info->iat = wallet_cbor_int(&r);
    read_place(&r, info);
    *sealed = wallet_cbor_bytes(&r);
    return wallet_stored_end(&r);
}

static lw_err check_info(const struct wallet_credential_info *info, lw_bytes credential)
{
    if (!wallet_row_text_ok(lw_str_c(info->format), WALLET_FORMAT_NAME_MAX)) {
        return LW_FAIL(LW_E_VALUE, "credential: no format, or too long a name", LW_NOWHERE);
    }
    if (info->exp < info->iat) {
        return LW_FAIL(LW_E_VALUE, "credential: ends before it begins", LW_NOWHERE);
    }
    if (credential.len > WALLET_CREDENTIAL_STORE_MAX) {
        return LW_FAIL(LW_E_LIMIT, "credential: too large to keep", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static struct wallet_seal_name seal_name(const struct wallet_row_key *key,
                                         const struct wallet_license_key *license)
{
    return (struct wallet_seal_name){.keyspace = LW_STR("credential"),
                                     .record = wallet_row_key_view(key),
                                     .version = 1,
                                     .person = wallet_row_id(license->owner)};
}

static lw_err seal(const struct wallet_txn *txn, const struct wallet_stored_license *license,
                   const struct wallet_row_key *key, lw_bytes credential, lw_buf *sealed)
{
    struct wallet_license_key license_key;
    lw_err err = wallet_license_key_open(txn, license, &license_key);
    if (err.code == LW_OK) {
        const struct wallet_seal_name name = seal_name(key, &license_key);
        err = wallet_seal_record(wallet_txn_seal_ctx(txn), license_key.key, &name, credential,
                                 sealed);
    }
    explicit_bzero(&license_key, sizeof(license_key));
    return err;
}

lw_err wallet_store_credential_put(struct wallet_txn *txn,
                                   const struct wallet_credential_info *info, lw_bytes credential)
{
    struct wallet_stored_license license;
    LW_AUTO_BUF sealed = LW_BUF(VALUE_MAX);
    LW_AUTO_BUF value = LW_BUF(VALUE_MAX);
    LW_TRY(check_info(info, credential));
    LW_TRY(wallet_license_row_get(txn, info->license, &license));
    const struct wallet_row_key key = credential_key(info);
    const struct wallet_row_key expiry = expiry_key(info->exp, wallet_row_key_view(&key));
    if (credential.len > 0) {
        LW_TRY(seal(txn, &license, &key, credential, &sealed));
    }
    LW_TRY(wallet_stored_begin(&value, 1, FIELDS));
    LW_TRY(wallet_cbor_put_int(&value, info->iat));
    LW_TRY(put_place(info, &value));
    LW_TRY(wallet_cbor_put_bytes(&value, lw_buf_view(&sealed)));
    LW_TRY((info->replaces ? wallet_txn_put : wallet_txn_insert)(
        txn, WALLET_KS_CREDENTIAL, wallet_row_key_view(&key), lw_buf_view(&value)));
    return wallet_txn_put(txn, WALLET_KS_CREDENTIAL_EXPIRY, wallet_row_key_view(&expiry),
                          (lw_bytes){0});
}

static lw_err open_sealed(const struct wallet_txn *txn, const struct wallet_credential_info *info,
                          lw_bytes sealed, lw_buf *credential)
{
    struct wallet_stored_license license;
    struct wallet_license_key license_key;
    const struct wallet_row_key key = credential_key(info);
    LW_TRY(wallet_license_row_get(txn, info->license, &license));
    lw_err err = wallet_license_key_open(txn, &license, &license_key);
    if (err.code == LW_OK) {
        const struct wallet_seal_name name = seal_name(&key, &license_key);
        err = wallet_open_record(wallet_txn_seal_ctx(txn), license_key.key, &name, sealed,
                                 credential);
    }
    explicit_bzero(&license_key, sizeof(license_key));
    return err;
}

lw_err wallet_store_credential_get(const struct wallet_txn *txn,
                                   struct wallet_credential_info *info, lw_buf *credential)
{
    const lw_str format = lw_str_c(info->format);
    lw_bytes key = {0};
    lw_bytes value = {0};
    lw_bytes sealed = {0};
    if (format.len == 0 || format.len > WALLET_FORMAT_NAME_MAX) {
        return LW_FAIL(LW_E_NOT_FOUND, "credential: no such format", LW_NOWHERE);
    }
    const struct wallet_row_key series = series_key(info);
    WALLET_AUTO_SCAN scan =
        wallet_scan_back(txn, WALLET_KS_CREDENTIAL, wallet_row_key_view(&series));
    if (!wallet_scan_next(&scan, &key, &value)) {
        LW_TRY(scan.err);
        return LW_FAIL(LW_E_NOT_FOUND, "credential: none of this license, key and format",
                       LW_NOWHERE);
    }
    LW_TRY(parse_key(key, info));
    LW_TRY(parse_value(value, info, &sealed));
    if (credential == NULL || sealed.len == 0) {
        return LW_SUCCESS;
    }
    return open_sealed(txn, info, sealed, credential);
}

static lw_err take_info(void *ctx, size_t i, lw_bytes key, lw_bytes value, bool *take)
{
    struct wallet_credential_info *infos = ctx;
    lw_bytes sealed = {0};
    (void)take;
    LW_TRY(parse_key(key, &infos[i]));
    return parse_value(value, &infos[i], &sealed);
}

lw_err wallet_store_credential_page(const struct wallet_txn *txn,
                                    const uint8_t license[WALLET_UUID_LEN],
                                    struct wallet_page *page, struct wallet_credential_info *infos,
                                    size_t *count)
{
    const struct wallet_row_list list = {.txn = txn,
                                         .ks = WALLET_KS_CREDENTIAL,
                                         .prefix = wallet_row_id(license),
                                         .entry = take_info,
                                         .ctx = infos};
    return wallet_row_page(&list, page, count);
}

static lw_err set_one(struct wallet_txn *txn, struct wallet_status_place place,
                      enum wallet_entry_status status, size_t *changed)
{
    enum wallet_entry_status is = WALLET_ENTRY_VALID;
    struct wallet_stored_list list;
    bool one = false;
    LW_TRY(wallet_store_status_list_get(txn, place.list, &list));
    if (list.retired) { /* the credential ended, and is about to be purged */
        return LW_SUCCESS;
    }
    LW_TRY(wallet_store_status_get(txn, place, &is));
    if (is == WALLET_ENTRY_INVALID) {
        return LW_SUCCESS;
    }
    LW_TRY(wallet_store_status_set(txn, place, status, &one));
    *changed += one ? 1 : 0;
    return LW_SUCCESS;
}

lw_err wallet_store_credential_set_status(struct wallet_txn *txn,
                                          const uint8_t license[WALLET_UUID_LEN],
                                          enum wallet_entry_status status, size_t *changed)
{
    lw_bytes key = {0};
    lw_bytes value = {0};
    size_t count = 0;
    WALLET_AUTO_SCAN scan = wallet_scan(txn, WALLET_KS_CREDENTIAL, wallet_row_id(license));
    while (wallet_scan_next(&scan, &key, &value)) {
        struct wallet_credential_info info;
        lw_bytes sealed = {0};
        LW_TRY(parse_value(value, &info, &sealed));
        if (info.has_status) {
            LW_TRY(set_one(txn, info.status, status, &count));
        }
    }
    if (changed != NULL) {
        *changed = count;
    }
    return scan.err;
}

/* Removes what an index by end leads to, until `before` or `max` is reached. */
static lw_err purge(struct wallet_txn *txn, enum wallet_keyspace expiry, enum wallet_keyspace ks,
                    const struct wallet_row_key *before, size_t max, size_t *purged)
{
    struct wallet_row_key at = {0};
    lw_bytes key = {0};
    lw_bytes value = {0};
    *purged = 0;
    WALLET_AUTO_SCAN scan = wallet_scan(txn, expiry, (lw_bytes){0});
    while (*purged < max && wallet_scan_next(&scan, &key, &value)) {
        if (key.len <= TIME_LEN) {
            return corrupt_key();
        }
        if (memcmp(key.ptr, before->bytes, TIME_LEN) >= 0) {
            break;
        }
        at.len = 0;
        wallet_row_key_put(&at, key); /* the key is gone with the first change */
        LW_TRY(wallet_txn_delete(txn, ks, (lw_bytes){at.bytes + TIME_LEN, at.len - TIME_LEN}));
        LW_TRY(wallet_txn_delete(txn, expiry, wallet_row_key_view(&at)));
        (*purged)++;
    }
    return scan.err;
}

lw_err wallet_store_credential_purge(struct wallet_txn *txn, int64_t before, size_t max,
                                     size_t *purged)
{
    const struct wallet_row_key end = expiry_key(before, (lw_bytes){0});
    return purge(txn, WALLET_KS_CREDENTIAL_EXPIRY, WALLET_KS_CREDENTIAL, &end, max, purged);
}

static lw_err license_there(const struct wallet_txn *txn, const uint8_t license[WALLET_UUID_LEN])
{
    bool there = false;
    LW_TRY(wallet_txn_has(txn, WALLET_KS_LICENSE, wallet_row_id(license), &there));
    if (!there) {
        return LW_FAIL(LW_E_NOT_FOUND, "credential: no such license", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

lw_err wallet_store_holder_key_bind(struct wallet_txn *txn, const uint8_t license[WALLET_UUID_LEN],
                                    const uint8_t holder[WALLET_THUMBPRINT_LEN], int64_t now,
                                    bool *is_new)
{
    struct wallet_row_key key = {0};
    LW_AUTO_BUF value = LW_BUF(32);
    wallet_row_key_id(&key, license);
    wallet_row_key_put(&key, (lw_bytes){.ptr = holder, .len = WALLET_THUMBPRINT_LEN});
    LW_TRY(license_there(txn, license));
    LW_TRY(wallet_stored_begin(&value, 1, 1));
    LW_TRY(wallet_cbor_put_int(&value, now));
    const lw_err err = wallet_txn_insert(txn, WALLET_KS_HOLDER_KEY, wallet_row_key_view(&key),
                                         lw_buf_view(&value));
    *is_new = err.code == LW_OK;
    return err.code == LW_E_CONFLICT ? LW_SUCCESS : err;
}

static lw_err take_holder_key(void *ctx, size_t i, lw_bytes key, lw_bytes value, bool *take)
{
    struct wallet_bound_key *keys = ctx;
    struct wallet_cbor r;
    (void)take;
    if (key.len != WALLET_UUID_LEN + WALLET_THUMBPRINT_LEN) {
        return corrupt_key();
    }
    memcpy(keys[i].holder, key.ptr + WALLET_UUID_LEN, WALLET_THUMBPRINT_LEN);
    LW_TRY(wallet_row_open(value, 1, &r));
    keys[i].since = wallet_cbor_int(&r);
    return wallet_stored_end(&r);
}

lw_err wallet_store_holder_key_page(const struct wallet_txn *txn,
                                    const uint8_t license[WALLET_UUID_LEN],
                                    struct wallet_page *page, struct wallet_bound_key *keys,
                                    size_t *count)
{
    const struct wallet_row_list list = {.txn = txn,
                                         .ks = WALLET_KS_HOLDER_KEY,
                                         .prefix = wallet_row_id(license),
                                         .entry = take_holder_key,
                                         .ctx = keys};
    return wallet_row_page(&list, page, count);
}

lw_err wallet_store_pass_put(struct wallet_txn *txn, const uint8_t cti[WALLET_CTI_LEN],
                             const struct wallet_stored_pass *pass)
{
    const lw_bytes key = {.ptr = cti, .len = WALLET_CTI_LEN};
    const struct wallet_row_key expiry = expiry_key(pass->exp, key);
    LW_AUTO_BUF value = LW_BUF(128);
    if (!wallet_row_text_ok(lw_str_c(pass->profile), WALLET_FORMAT_NAME_MAX)) {
        return LW_FAIL(LW_E_VALUE, "pass: no profile, or too long a name", LW_NOWHERE);
    }
    LW_TRY(license_there(txn, pass->license));
    LW_TRY(wallet_stored_begin(&value, 1, 3));
    LW_TRY(wallet_cbor_put_bytes(&value, LW_BYTES(pass->license)));
    LW_TRY(wallet_cbor_put_int(&value, pass->exp));
    LW_TRY(wallet_cbor_put_text(&value, lw_str_c(pass->profile)));
    LW_TRY(wallet_txn_insert(txn, WALLET_KS_PASS, key, lw_buf_view(&value)));
    return wallet_txn_put(txn, WALLET_KS_PASS_EXPIRY, wallet_row_key_view(&expiry), (lw_bytes){0});
}

lw_err wallet_store_pass_get(const struct wallet_txn *txn, const uint8_t cti[WALLET_CTI_LEN],
                             struct wallet_stored_pass *pass)
{
    lw_bytes value = {0};
    struct wallet_cbor r;
    LW_TRY(wallet_txn_get(txn, WALLET_KS_PASS, (lw_bytes){cti, WALLET_CTI_LEN}, &value));
    LW_TRY(wallet_row_open(value, 3, &r));
    wallet_row_read_fixed(&r, pass->license, WALLET_UUID_LEN);
    pass->exp = wallet_cbor_int(&r);
    wallet_row_read_text(&r, WALLET_FORMAT_NAME_MAX, pass->profile);
    return wallet_stored_end(&r);
}

lw_err wallet_store_pass_purge(struct wallet_txn *txn, int64_t before, size_t max, size_t *purged)
{
    const struct wallet_row_key end = expiry_key(before, (lw_bytes){0});
    return purge(txn, WALLET_KS_PASS_EXPIRY, WALLET_KS_PASS, &end, max, purged);
}
