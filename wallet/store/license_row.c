#include "license_row.h"

enum { FIELDS = 19 };

/* The view is kept small: texts, then numbers, then holders, reason and the record. */
static lw_err encode_head(const struct wallet_stored_license *row, lw_buf *out)
{
    const struct wallet_license *l = &row->license;
    LW_TRY(wallet_stored_begin(out, 1, FIELDS));
    LW_TRY(wallet_cbor_put_text(out, l->type));
    LW_TRY(wallet_cbor_put_uint(out, l->type_version));
    LW_TRY(wallet_cbor_put_text(out, l->number));
    LW_TRY(wallet_cbor_put_text(out, l->version));
    LW_TRY(wallet_cbor_put_text(out, l->issuer));
    LW_TRY(wallet_cbor_put_uint(out, (uint64_t)row->state));
    LW_TRY(wallet_cbor_put_int(out, row->since));
    LW_TRY(wallet_cbor_put_uint(out, row->reason_code));
    LW_TRY(wallet_cbor_put_uint(out, row->changes));
    LW_TRY(wallet_cbor_put_int(out, l->issued_at));
    LW_TRY(wallet_cbor_put_int(out, l->valid_from));
    LW_TRY(wallet_row_put_opt_int(out, l->valid_until, INT64_MAX));
    LW_TRY(wallet_row_put_opt_id(out, row->has_predecessor ? row->predecessor : NULL));
    LW_TRY(wallet_row_put_opt_id(out, row->has_successor ? row->successor : NULL));
    LW_TRY(wallet_cbor_put_uint(out, row->import));
    return row->audit_index == UINT64_MAX ? wallet_cbor_put_null(out)
                                          : wallet_cbor_put_uint(out, row->audit_index);
}

lw_err wallet_license_row_encode(const struct wallet_stored_license *row, lw_buf *out)
{
    const struct wallet_license *l = &row->license;
    LW_TRY(encode_head(row, out));
    LW_TRY(wallet_cbor_put_array(out, 2 * l->holder_count));
    for (size_t i = 0; i < l->holder_count; i++) {
        LW_TRY(wallet_cbor_put_bytes(out, wallet_row_id(row->persons[i])));
        LW_TRY(wallet_cbor_put_text(out, l->holders[i].role));
    }
    LW_TRY(wallet_cbor_put_bytes(out, row->sealed_reason));
    return wallet_cbor_put_bytes(out, row->record);
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
    struct wallet_license *l = &row->license;
    l->type = wallet_cbor_text(r);
    l->type_version = (unsigned)wallet_row_read_uint(r, UINT32_MAX);
    l->number = wallet_cbor_text(r);
    l->version = wallet_cbor_text(r);
    l->issuer = wallet_cbor_text(r);
    row->state = (enum wallet_state)wallet_row_read_uint(r, WALLET_SUPERSEDED);
    row->since = wallet_cbor_int(r);
    row->reason_code = (unsigned)wallet_row_read_uint(r, UINT32_MAX);
    row->changes = wallet_cbor_uint(r);
    l->issued_at = wallet_cbor_int(r);
    l->valid_from = wallet_cbor_int(r);
    l->valid_until = wallet_row_read_opt_int(r, INT64_MAX);
    row->has_predecessor = wallet_row_read_opt_id(r, row->predecessor);
    row->has_successor = wallet_row_read_opt_id(r, row->successor);
    row->import = wallet_cbor_uint(r);
    row->audit_index = read_audit_index(r);
}

lw_err wallet_license_row_parse(const uint8_t id[WALLET_UUID_LEN], lw_bytes value,
                                struct wallet_stored_license *row)
{
    struct wallet_cbor r;
    struct wallet_license *l = &row->license;
    LW_TRY(wallet_row_open(value, FIELDS, &r));
    memcpy(l->id, id, WALLET_UUID_LEN);
    l->claim_count = 0;
    parse_head(&r, row);
    const size_t pairs = wallet_cbor_array(&r);
    if (pairs % 2 != 0 || pairs / 2 > WALLET_HOLDERS_MAX || row->state == 0) {
        return LW_FAIL(LW_E_CORRUPT, "license: not of the form that is stored", LW_NOWHERE);
    }
    l->holder_count = pairs / 2;
    for (size_t i = 0; i < l->holder_count; i++) {
        wallet_row_read_fixed(&r, row->persons[i], WALLET_UUID_LEN);
        l->holders[i] = (struct wallet_holder){.role = wallet_cbor_text(&r)};
    }
    row->sealed_reason = wallet_cbor_bytes(&r);
    row->record = wallet_cbor_bytes(&r);
    row->reason = (lw_str){0};
    row->opened = false;
    return wallet_stored_end(&r);
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
