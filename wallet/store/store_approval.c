/*
 * Approvals.
 *
 *   approval       id               ->  [1, type version, flags, encoding, delimiter, differences,
 *                                        expires, by, at, text, signature (asked), the same
 *                                        (decided), file's length, map's length]
 *   approval-part  id, kind, place  ->  [1, sealed bytes]; of kind 0: [1, wrapped data key]
 */
#define _DEFAULT_SOURCE /* explicit_bzero */

#include "wallet/store_approval.h"

#include <string.h>

#include "row.h"
#include "wallet/seal_ctx.h"

enum {
    FIELDS = 16,
    VALUE_MAX = 16 * 1024,
    PART_LEN = 256 * 1024,
    PART_MAX = PART_LEN + 1024,
    KIND_KEY = 0,
    KIND_CSV = 1,
    KIND_MAP = 2,
    REVOKE = 1,
    KEEP_STATES = 2,
    SHIFT_AUTO = 4,
    FLAGS = 7,
    FORM_MAX = 255,
    PARTS_AT_ONCE = 64,
};

static lw_bytes id_bytes(const uint8_t id[WALLET_IMPORT_ID_LEN])
{
    return (lw_bytes){.ptr = id, .len = WALLET_IMPORT_ID_LEN};
}

static lw_err put_statement(const struct wallet_signed_statement *s, lw_buf *out)
{
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(s->by)));
    LW_TRY(wallet_cbor_put_int(out, s->at));
    LW_TRY(wallet_cbor_put_bytes(out, (lw_bytes){s->text, s->text_len}));
    return wallet_cbor_put_bytes(out, LW_BYTES(s->sig));
}

static void read_statement(struct wallet_cbor *r, struct wallet_signed_statement *s)
{
    wallet_row_read_text(r, WALLET_OPERATOR_NAME_MAX, s->by);
    s->at = wallet_cbor_int(r);
    const lw_bytes text = wallet_cbor_bytes(r);
    s->text_len = text.len;
    if (text.len > sizeof(s->text)) {
        wallet_cbor_fail(r, LW_FAIL(LW_E_CORRUPT, "approval: too long a statement", LW_NOWHERE));
    } else if (text.len > 0) {
        memcpy(s->text, text.ptr, text.len);
    }
    wallet_row_read_fixed(r, s->sig, sizeof(s->sig));
}

static lw_err encode(const struct wallet_approval *a, lw_buf *out)
{
    const unsigned flags = (a->revoke ? REVOKE : 0U) | (a->keep_states ? KEEP_STATES : 0U) |
                           (a->shift_auto ? SHIFT_AUTO : 0U);
    LW_TRY(wallet_stored_begin(out, 1, FIELDS));
    LW_TRY(wallet_cbor_put_uint(out, a->type_version));
    LW_TRY(wallet_cbor_put_uint(out, flags));
    LW_TRY(wallet_cbor_put_uint(out, a->encoding));
    LW_TRY(wallet_cbor_put_uint(out, a->delimiter));
    LW_TRY(wallet_cbor_put_bytes(out, LW_BYTES(a->differences)));
    LW_TRY(wallet_cbor_put_int(out, a->expires));
    LW_TRY(put_statement(&a->asked, out));
    LW_TRY(put_statement(&a->decided, out));
    LW_TRY(wallet_cbor_put_uint(out, a->csv_len));
    return wallet_cbor_put_uint(out, a->map_len);
}

lw_err wallet_store_approval_put(struct wallet_txn *txn, const struct wallet_approval *approval)
{
    LW_AUTO_BUF value = LW_BUF(VALUE_MAX);
    LW_TRY(encode(approval, &value));
    return wallet_txn_put(txn, WALLET_KS_APPROVAL, id_bytes(approval->id), lw_buf_view(&value));
}

lw_err wallet_store_approval_get(const struct wallet_txn *txn,
                                 const uint8_t id[WALLET_IMPORT_ID_LEN],
                                 struct wallet_approval *approval)
{
    lw_bytes value = {0};
    struct wallet_cbor r;
    LW_TRY(wallet_txn_get(txn, WALLET_KS_APPROVAL, id_bytes(id), &value));
    LW_TRY(wallet_row_open(value, FIELDS, &r));
    memmove(approval->id, id, WALLET_IMPORT_ID_LEN);
    approval->type_version = (unsigned)wallet_row_read_uint(&r, UINT32_MAX);
    const uint64_t flags = wallet_row_read_uint(&r, FLAGS);
    approval->revoke = (flags & REVOKE) != 0;
    approval->keep_states = (flags & KEEP_STATES) != 0;
    approval->shift_auto = (flags & SHIFT_AUTO) != 0;
    approval->encoding = (unsigned)wallet_row_read_uint(&r, FORM_MAX);
    approval->delimiter = (unsigned)wallet_row_read_uint(&r, FORM_MAX);
    wallet_row_read_fixed(&r, approval->differences, sizeof(approval->differences));
    approval->expires = wallet_cbor_int(&r);
    read_statement(&r, &approval->asked);
    read_statement(&r, &approval->decided);
    approval->csv_len = wallet_cbor_uint(&r);
    approval->map_len = wallet_cbor_uint(&r);
    return wallet_stored_end(&r);
}

static struct wallet_row_key part_key(const uint8_t id[WALLET_IMPORT_ID_LEN], uint8_t kind,
                                      uint32_t place)
{
    struct wallet_row_key key = {0};
    wallet_row_key_put(&key, id_bytes(id));
    wallet_row_key_byte(&key, kind);
    wallet_row_key_u32(&key, place);
    return key;
}

static struct wallet_seal_name seal_name(const struct wallet_row_key *key,
                                         const uint8_t id[WALLET_IMPORT_ID_LEN])
{
    return (struct wallet_seal_name){.keyspace = LW_STR("approval-part"),
                                     .record = wallet_row_key_view(key),
                                     .version = 1,
                                     .person = id_bytes(id)};
}

static lw_err put_part(struct wallet_txn *txn, const struct wallet_row_key *key, lw_bytes bytes)
{
    LW_AUTO_BUF value = LW_BUF(PART_MAX);
    LW_TRY(wallet_stored_begin(&value, 1, 1));
    LW_TRY(wallet_cbor_put_bytes(&value, bytes));
    return wallet_txn_put(txn, WALLET_KS_APPROVAL_PART, wallet_row_key_view(key),
                          lw_buf_view(&value));
}

static lw_err get_part(const struct wallet_txn *txn, const struct wallet_row_key *key,
                       lw_bytes *bytes)
{
    lw_bytes value = {0};
    struct wallet_cbor r;
    LW_TRY(wallet_txn_get(txn, WALLET_KS_APPROVAL_PART, wallet_row_key_view(key), &value));
    LW_TRY(wallet_row_open(value, 1, &r));
    *bytes = wallet_cbor_bytes(&r);
    return wallet_stored_end(&r);
}

/* What is sealed or opened: an approval's data key and one of its two texts. */
struct sealed {
    const uint8_t *id;
    const uint8_t *key;
    uint8_t kind;
};

static lw_err seal_text(struct wallet_txn *txn, const struct sealed *s, lw_bytes text)
{
    uint32_t place = 0;
    for (size_t at = 0; at < text.len; at += PART_LEN) {
        const size_t len = text.len - at < PART_LEN ? text.len - at : PART_LEN;
        const struct wallet_row_key key = part_key(s->id, s->kind, place++);
        const struct wallet_seal_name name = seal_name(&key, s->id);
        LW_AUTO_BUF part = LW_BUF(PART_MAX);
        LW_TRY(wallet_seal_record(wallet_txn_seal_ctx(txn), s->key, &name,
                                  (lw_bytes){text.ptr + at, len}, &part));
        LW_TRY(put_part(txn, &key, lw_buf_view(&part)));
    }
    return LW_SUCCESS;
}

static lw_err open_text(const struct wallet_txn *txn, const struct sealed *s, uint64_t len,
                        lw_buf *out)
{
    uint32_t place = 0;
    const size_t before = out->len;
    while (out->len - before < len) {
        const struct wallet_row_key key = part_key(s->id, s->kind, place++);
        const struct wallet_seal_name name = seal_name(&key, s->id);
        lw_bytes part = {0};
        const size_t was = out->len;
        const lw_err err = get_part(txn, &key, &part);
        if (err.code == LW_E_NOT_FOUND) {
            return LW_FAIL(LW_E_CORRUPT, "approval: a part of the file is missing", LW_NOWHERE);
        }
        LW_TRY(err);
        LW_TRY(wallet_open_record(wallet_txn_seal_ctx(txn), s->key, &name, part, out));
        if (out->len == was) {
            return LW_FAIL(LW_E_CORRUPT, "approval: a part of the file is empty", LW_NOWHERE);
        }
    }
    return out->len - before == len
               ? LW_SUCCESS
               : LW_FAIL(LW_E_CORRUPT, "approval: the file is longer than it was", LW_NOWHERE);
}

static lw_err seal_both(struct wallet_txn *txn, const struct wallet_approval *approval,
                        const uint8_t *key, const lw_bytes texts[2])
{
    for (uint8_t i = 0; i < 2; i++) {
        const struct sealed s = {approval->id, key, (uint8_t)(KIND_CSV + i)};
        LW_TRY(seal_text(txn, &s, texts[i]));
    }
    return LW_SUCCESS;
}

lw_err wallet_store_approval_seal(struct wallet_txn *txn, const struct wallet_approval *approval,
                                  lw_bytes csv, lw_bytes map)
{
    uint8_t key[WALLET_DATA_KEY_LEN];
    LW_AUTO_BUF wrapped = LW_BUF(VALUE_MAX);
    const lw_bytes texts[2] = {csv, map};
    const struct wallet_row_key key_name = part_key(approval->id, KIND_KEY, 0);
    LW_TRY(wallet_store_approval_clear(txn, approval->id));
    lw_err err =
        wallet_data_key_make(wallet_txn_seal_ctx(txn), id_bytes(approval->id), key, &wrapped);
    err = err.code == LW_OK ? put_part(txn, &key_name, lw_buf_view(&wrapped)) : err;
    err = err.code == LW_OK ? seal_both(txn, approval, key, texts) : err;
    explicit_bzero(key, sizeof(key));
    return err;
}

lw_err wallet_store_approval_open(const struct wallet_txn *txn,
                                  const struct wallet_approval *approval, lw_buf *csv, lw_buf *map)
{
    uint8_t key[WALLET_DATA_KEY_LEN];
    lw_bytes wrapped = {0};
    const struct wallet_row_key key_name = part_key(approval->id, KIND_KEY, 0);
    const struct sealed of_csv = {approval->id, key, KIND_CSV};
    const struct sealed of_map = {approval->id, key, KIND_MAP};
    LW_TRY(get_part(txn, &key_name, &wrapped));
    lw_err err =
        wallet_data_key_open(wallet_txn_seal_ctx(txn), id_bytes(approval->id), wrapped, key);
    err = err.code == LW_OK ? open_text(txn, &of_csv, approval->csv_len, csv) : err;
    err = err.code == LW_OK ? open_text(txn, &of_map, approval->map_len, map) : err;
    explicit_bzero(key, sizeof(key));
    return err;
}

/* Some at once: a scan may not go on over what it deletes. */
static lw_err clear_some(struct wallet_txn *txn, const uint8_t id[WALLET_IMPORT_ID_LEN],
                         size_t *count)
{
    struct wallet_row_key keys[PARTS_AT_ONCE];
    lw_bytes key = {0};
    lw_bytes value = {0};
    *count = 0;
    {
        WALLET_AUTO_SCAN scan = wallet_scan(txn, WALLET_KS_APPROVAL_PART, id_bytes(id));
        while (*count < PARTS_AT_ONCE && wallet_scan_next(&scan, &key, &value)) {
            keys[*count] = (struct wallet_row_key){0};
            wallet_row_key_put(&keys[(*count)++], key);
        }
        LW_TRY(scan.err);
    }
    for (size_t i = 0; i < *count; i++) {
        LW_TRY(wallet_txn_delete(txn, WALLET_KS_APPROVAL_PART, wallet_row_key_view(&keys[i])));
    }
    return LW_SUCCESS;
}

lw_err wallet_store_approval_clear(struct wallet_txn *txn, const uint8_t id[WALLET_IMPORT_ID_LEN])
{
    size_t count = PARTS_AT_ONCE;
    while (count == PARTS_AT_ONCE) {
        LW_TRY(clear_some(txn, id, &count));
    }
    return LW_SUCCESS;
}
