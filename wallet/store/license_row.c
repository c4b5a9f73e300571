/*
 * The public part of a license. What the signed record says (type, number, version, issuer, times)
 * stands in it and nowhere else: the view is read out of it each time, so no copy can differ.
 *
 *   [1, state, since, reason code, changes, ? predecessor, ? successor, import, ? log index,
 *    [* person, role], sealed reason, record, check sum]
 *
 * The sum is there because one bit can make a revoked license an active one.
 */
#include "license_row.h"
#include "wallet/record.h"

enum { FIELDS = 12, SUM_ITEM_LEN = 1 + WALLET_ROW_SUM_LEN };

static lw_err encode_head(const struct wallet_stored_license *row, lw_buf *out)
{
    LW_TRY(wallet_stored_begin(out, 1, FIELDS));
    LW_TRY(wallet_cbor_put_uint(out, (uint64_t)row->state));
    LW_TRY(wallet_cbor_put_int(out, row->since));
    LW_TRY(wallet_cbor_put_uint(out, row->reason_code));
    LW_TRY(wallet_cbor_put_uint(out, row->changes));
    LW_TRY(wallet_row_put_opt_id(out, row->has_predecessor ? row->predecessor : NULL));
    LW_TRY(wallet_row_put_opt_id(out, row->has_successor ? row->successor : NULL));
    LW_TRY(wallet_cbor_put_uint(out, row->import));
    return row->audit_index == UINT64_MAX ? wallet_cbor_put_null(out)
                                          : wallet_cbor_put_uint(out, row->audit_index);
}

static lw_err encode_rest(const struct wallet_stored_license *row, lw_buf *out)
{
    const struct wallet_license *l = &row->license;
    LW_TRY(wallet_cbor_put_array(out, 2 * l->holder_count));
    for (size_t i = 0; i < l->holder_count; i++) {
        LW_TRY(wallet_cbor_put_bytes(out, wallet_row_id(row->persons[i])));
        LW_TRY(wallet_cbor_put_text(out, l->holders[i].role));
    }
    LW_TRY(wallet_cbor_put_bytes(out, row->sealed_reason));
    return wallet_cbor_put_bytes(out, row->record);
}

lw_err wallet_license_row_encode(const struct wallet_stored_license *row, lw_buf *out)
{
    uint8_t sum[WALLET_ROW_SUM_LEN];
    LW_AUTO_BUF value = LW_BUF(WALLET_LICENSE_ROW_MAX);
    LW_TRY(encode_head(row, &value));
    LW_TRY(encode_rest(row, &value));
    LW_TRY(wallet_row_sum(wallet_row_id(row->license.id), lw_buf_view(&value), sum));
    LW_TRY(wallet_cbor_put_bytes(&value, LW_BYTES(sum)));
    return lw_buf_put(out, lw_buf_view(&value));
}

static uint64_t read_audit_index(struct wallet_cbor *r)
{
    if (wallet_cbor_peek(r) == WALLET_CBOR_NULL) {
        wallet_cbor_null(r);
        return UINT64_MAX;
    }
    return wallet_cbor_uint(r);
}

static void parse_head(struct wallet_cbor *r, struct wallet_stored_license *row)
{
    row->state = (enum wallet_state)wallet_row_read_uint(r, WALLET_SUPERSEDED);
    row->since = wallet_cbor_int(r);
    row->reason_code = (unsigned)wallet_row_read_uint(r, UINT32_MAX);
    row->changes = wallet_cbor_uint(r);
    row->has_predecessor = wallet_row_read_opt_id(r, row->predecessor);
    row->has_successor = wallet_row_read_opt_id(r, row->successor);
    row->import = wallet_cbor_uint(r);
    row->audit_index = read_audit_index(r);
}

static lw_err bad_row(void)
{
    return LW_FAIL(LW_E_CORRUPT, "license: not of the form that is stored", LW_NOWHERE);
}

static lw_err read_record(lw_bytes bytes, struct wallet_license *l)
{
    struct wallet_record record;
    const lw_err err = wallet_record_parse(bytes, &record);
    if (err.code == LW_E_NOMEM) {
        return err;
    }
    if (err.code != LW_OK) {
        return bad_row();
    }
    l->type = record.type;
    l->type_version = record.type_version;
    l->number = record.number;
    l->version = record.version;
    l->issuer = record.issuer;
    l->issued_at = record.issued_at;
    l->valid_from = record.valid_from;
    l->valid_until = record.valid_until;
    return LW_SUCCESS;
}

lw_err wallet_license_row_parse(const uint8_t id[WALLET_UUID_LEN], lw_bytes value,
                                struct wallet_stored_license *row)
{
    uint8_t sum[WALLET_ROW_SUM_LEN];
    uint8_t expected[WALLET_ROW_SUM_LEN];
    struct wallet_cbor r;
    struct wallet_license *l = &row->license;
    LW_TRY(wallet_row_open(value, FIELDS, &r));
    memcpy(l->id, id, WALLET_UUID_LEN);
    l->claim_count = 0;
    parse_head(&r, row);
    const size_t pairs = wallet_cbor_array(&r);
    if (pairs % 2 != 0 || pairs / 2 > WALLET_HOLDERS_MAX || row->state == 0) {
        return bad_row();
    }
    l->holder_count = pairs / 2;
    for (size_t i = 0; i < l->holder_count; i++) {
        wallet_row_read_fixed(&r, row->persons[i], WALLET_UUID_LEN);
        l->holders[i] = (struct wallet_holder){.role = wallet_cbor_text(&r)};
    }
    row->sealed_reason = wallet_cbor_bytes(&r);
    row->record = wallet_cbor_bytes(&r);
    wallet_row_read_fixed(&r, sum, sizeof(sum));
    row->reason = (lw_str){0};
    row->opened = false;
    LW_TRY(wallet_stored_end(&r));
    LW_TRY(wallet_row_sum(wallet_row_id(id), (lw_bytes){value.ptr, value.len - SUM_ITEM_LEN},
                          expected));
    if (memcmp(sum, expected, sizeof(sum)) != 0) {
        return LW_FAIL(LW_E_CORRUPT, "license: not as it was written", LW_NOWHERE);
    }
    return read_record(row->record, l);
}

lw_err wallet_license_row_get(const struct wallet_txn *txn, const uint8_t id[WALLET_UUID_LEN],
                              struct wallet_stored_license *row)
{
    lw_bytes value = {0};
    LW_TRY(wallet_txn_get(txn, WALLET_KS_LICENSE, wallet_row_id(id), &value));
    return wallet_license_row_parse(id, value, row);
}

bool wallet_state_is_final(enum wallet_state state)
{
    return state != WALLET_ACTIVE && state != WALLET_SUSPENDED;
}
