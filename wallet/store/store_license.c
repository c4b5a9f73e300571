#define _DEFAULT_SOURCE /* explicit_bzero */

#include "wallet/store_license.h"

#include "license_row.h"
#include "wallet/record.h"

enum { REASON_SEALED_MAX = 2 * WALLET_REASON_MAX, OPENED_MAX = 2 * WALLET_LICENSE_ROW_MAX };

static lw_err bad(const char *why)
{
    return LW_FAIL(LW_E_VALUE, why, LW_NOWHERE);
}

static lw_err check_reason(lw_str reason)
{
    if (reason.len > 0 && !wallet_row_text_ok(reason, WALLET_REASON_MAX)) {
        return bad("license: the reason is too long or holds no plain text");
    }
    return LW_SUCCESS;
}

static lw_err check_holders(const struct wallet_license_put *put)
{
    const struct wallet_license *l = put->license;
    if (l->holder_count == 0 || l->holder_count > WALLET_HOLDERS_MAX) {
        return bad("license: no holder, or too many");
    }
    for (size_t i = 0; i < l->holder_count; i++) {
        const struct wallet_holder *holder = &l->holders[i];
        if (!wallet_row_text_ok(holder->role, WALLET_ROLE_MAX) ||
            (holder->name.len > 0 && !wallet_row_text_ok(holder->name, WALLET_NAME_MAX))) {
            return bad("license: a holder's role or name is no plain text");
        }
        for (size_t j = 0; j < i; j++) {
            if (lw_bytes_eq(wallet_row_id(put->persons[i]), wallet_row_id(put->persons[j]))) {
                return LW_FAIL(LW_E_CONFLICT, "license: a holder is named twice", LW_NOWHERE);
            }
        }
    }
    return LW_SUCCESS;
}

static lw_err check_claims(const struct wallet_license *l)
{
    if (l->claim_count > WALLET_CLAIMS_MAX) {
        return bad("license: too many claims");
    }
    for (size_t i = 0; i < l->claim_count; i++) {
        if (l->claims[i].def >= WALLET_CLAIMS_MAX ||
            wallet_cbor_check(l->claims[i].value).code != LW_OK) {
            return bad("license: a claim is no CBOR item");
        }
    }
    return LW_SUCCESS;
}

/* The record is what will be read, so it must say what was reserved and goes into the indexes. */
static lw_err check_record(const struct wallet_license *l, lw_bytes bytes)
{
    struct wallet_record record;
    const lw_err err = wallet_record_parse(bytes, &record);
    if (err.code == LW_E_NOMEM) {
        return err;
    }
    if (err.code != LW_OK) {
        return bad("license: no record");
    }
    if (!lw_str_eq(record.type, l->type) || record.type_version != l->type_version ||
        !lw_str_eq(record.number, l->number) || !lw_str_eq(record.version, l->version) ||
        !lw_str_eq(record.issuer, l->issuer) || record.issued_at != l->issued_at ||
        record.valid_from != l->valid_from || record.valid_until != l->valid_until) {
        return bad("license: the record says something else");
    }
    return LW_SUCCESS;
}

static lw_err check_put(const struct wallet_license_put *put)
{
    if (put->license->valid_until < put->license->valid_from) {
        return bad("license: ends before it begins");
    }
    if (put->state < WALLET_ACTIVE || put->state > WALLET_SUPERSEDED ||
        (put->successor != NULL && put->state != WALLET_SUPERSEDED)) {
        return bad("license: no such state, or a successor without one");
    }
    LW_TRY(check_reason(put->reason));
    LW_TRY(check_holders(put));
    LW_TRY(check_claims(put->license));
    return check_record(put->license, put->record);
}

static lw_err check_intent(const struct wallet_txn *txn, const struct wallet_license *l,
                           struct wallet_intent *intent)
{
    LW_TRY(wallet_store_intent_get(txn, l->id, intent));
    if (!lw_str_is(l->type, intent->type) || !lw_str_is(l->number, intent->number) ||
        !lw_str_is(l->version, intent->version) || !lw_str_is(l->issuer, intent->issuer)) {
        return LW_FAIL(LW_E_CONFLICT, "license: not what its intent set aside", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static lw_err check_chain(const struct wallet_txn *txn, const struct wallet_license_put *put)
{
    const struct wallet_license *l = put->license;
    bool other = false;
    if (wallet_state_is_final(put->state)) {
        return LW_SUCCESS;
    }
    LW_TRY(wallet_license_other_open(txn, l->type, l->number, l->id, &other));
    if (other) {
        return LW_FAIL(LW_E_CONFLICT, "license: another version of the number is current",
                       LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static void row_of(const struct wallet_license_put *put, uint64_t import,
                   struct wallet_stored_license *row)
{
    row->license = *put->license;
    row->state = put->state;
    row->since = put->since;
    row->reason_code = put->reason_code;
    row->import = import;
    row->audit_index = put->audit_index;
    row->record = put->record;
    memcpy(row->persons, put->persons, put->license->holder_count * sizeof(row->persons[0]));
    row->has_predecessor = put->predecessor != NULL;
    row->has_successor = put->successor != NULL;
    if (row->has_predecessor) {
        memcpy(row->predecessor, put->predecessor, WALLET_UUID_LEN);
    }
    if (row->has_successor) {
        memcpy(row->successor, put->successor, WALLET_UUID_LEN);
    }
}

/* Both parts of the license as they are stored. */
static lw_err encode(const struct wallet_txn *txn, const struct wallet_license_put *put,
                     uint64_t import, lw_buf *public_part, lw_buf *sealed_part)
{
    struct wallet_stored_license row = {0};
    struct wallet_license_key key;
    LW_AUTO_BUF reason = LW_BUF(REASON_SEALED_MAX);
    lw_err err = wallet_license_seal(txn, put, &key, sealed_part);
    if (err.code == LW_OK && put->reason.len > 0) {
        err = wallet_license_seal_reason(txn, &key, put->license->id, 0, put->reason, &reason);
    }
    explicit_bzero(&key, sizeof(key));
    LW_TRY(err);
    row_of(put, import, &row);
    row.sealed_reason = lw_buf_view(&reason);
    return wallet_license_row_encode(&row, public_part);
}

static lw_err put_into_wallets(struct wallet_txn *txn, const struct wallet_license_put *put)
{
    for (size_t i = 0; i < put->license->holder_count; i++) {
        struct wallet_row_key key = {0};
        wallet_row_key_id(&key, put->persons[i]);
        wallet_row_key_id(&key, put->license->id);
        LW_TRY(wallet_txn_append(txn, WALLET_KS_LICENSE_HOLDER, wallet_row_key_view(&key),
                                 (lw_bytes){0}));
    }
    return LW_SUCCESS;
}

lw_err wallet_store_license_complete(struct wallet_txn *txn, const struct wallet_license_put *put)
{
    const lw_bytes id = wallet_row_id(put->license->id);
    struct wallet_intent intent;
    LW_AUTO_BUF public_part = LW_BUF(WALLET_LICENSE_ROW_MAX);
    LW_AUTO_BUF sealed_part = LW_BUF(WALLET_LICENSE_ROW_MAX);
    LW_TRY(check_put(put));
    LW_TRY(check_intent(txn, put->license, &intent));
    LW_TRY(check_chain(txn, put));
    LW_TRY(encode(txn, put, intent.import, &public_part, &sealed_part));
    LW_TRY(wallet_txn_delete(txn, WALLET_KS_INTENT, id));
    LW_TRY(wallet_txn_append(txn, WALLET_KS_LICENSE, id, lw_buf_view(&public_part)));
    LW_TRY(wallet_txn_append(txn, WALLET_KS_LICENSE_SEALED, id, lw_buf_view(&sealed_part)));
    LW_TRY(put_into_wallets(txn, put));
    return wallet_license_list_add(txn, put->license->type, put->state, put->license->id);
}

static lw_err load(const struct wallet_txn *txn, const uint8_t id[WALLET_UUID_LEN],
                   enum wallet_load what, struct wallet_stored_license *out)
{
    lw_bytes value = {0};
    out->public_bytes = LW_BUF(WALLET_LICENSE_ROW_MAX);
    out->opened_bytes = LW_BUF(OPENED_MAX);
    LW_TRY(wallet_txn_get(txn, WALLET_KS_LICENSE, wallet_row_id(id), &value));
    LW_TRY(lw_buf_put(&out->public_bytes, value));
    LW_TRY(wallet_license_row_parse(id, lw_buf_view(&out->public_bytes), out));
    return what == WALLET_LOAD_ALL ? wallet_license_unseal(txn, out) : LW_SUCCESS;
}

lw_err wallet_store_license_load(const struct wallet_txn *txn, const uint8_t id[WALLET_UUID_LEN],
                                 enum wallet_load what, struct wallet_stored_license *out)
{
    uint8_t wanted[WALLET_UUID_LEN];
    memcpy(wanted, id, sizeof(wanted)); /* `id` may lie in `out` */
    wallet_stored_license_free(out);
    const lw_err err = load(txn, wanted, what, out);
    if (err.code != LW_OK) {
        wallet_stored_license_free(out);
    }
    return err;
}

void wallet_stored_license_free(struct wallet_stored_license *license)
{
    lw_buf_free(&license->public_bytes);
    lw_buf_free(&license->opened_bytes);
    explicit_bzero(license, sizeof(*license));
}

static lw_err check_change(const struct wallet_state_change *change)
{
    if (change->to < WALLET_ACTIVE || change->to > WALLET_SUPERSEDED) {
        return bad("license: no such state");
    }
    if (change->successor != NULL && change->to != WALLET_SUPERSEDED) {
        return bad("license: a successor of what is not superseded");
    }
    return check_reason(change->reason);
}

/* A license whose holders were erased can still be revoked; nothing personal is kept of it then. */
static lw_err seal_reason(const struct wallet_txn *txn, const struct wallet_stored_license *row,
                          lw_str text, lw_buf *out)
{
    struct wallet_license_key key;
    if (text.len == 0) {
        return LW_SUCCESS;
    }
    lw_err err = wallet_license_key_open(txn, row, &key);
    if (err.code == LW_OK) {
        err = wallet_license_seal_reason(txn, &key, row->license.id, row->changes, text, out);
    } else if (err.code == LW_E_NOT_FOUND) {
        err = LW_SUCCESS;
    }
    explicit_bzero(&key, sizeof(key));
    return err;
}

static lw_err write_state(struct wallet_txn *txn, struct wallet_stored_license *row,
                          const struct wallet_state_change *change)
{
    const enum wallet_state from = row->state;
    const struct wallet_license *l = &row->license;
    LW_AUTO_BUF reason = LW_BUF(REASON_SEALED_MAX);
    LW_AUTO_BUF value = LW_BUF(WALLET_LICENSE_ROW_MAX);
    row->state = change->to;
    row->since = change->since;
    row->reason_code = change->reason_code;
    row->changes++;
    if (change->successor != NULL) {
        row->has_successor = true;
        memcpy(row->successor, change->successor, WALLET_UUID_LEN);
    }
    LW_TRY(seal_reason(txn, row, change->reason, &reason));
    row->sealed_reason = lw_buf_view(&reason);
    LW_TRY(wallet_license_row_encode(row, &value));
    LW_TRY(wallet_txn_put(txn, WALLET_KS_LICENSE, wallet_row_id(l->id), lw_buf_view(&value)));
    LW_TRY(wallet_license_list_remove(txn, l->type, from, l->id));
    return wallet_license_list_add(txn, l->type, change->to, l->id);
}

lw_err wallet_store_license_set_state(struct wallet_txn *txn, const uint8_t id[WALLET_UUID_LEN],
                                      const struct wallet_state_change *change,
                                      enum wallet_state *from)
{
    WALLET_AUTO_LICENSE row = {0};
    LW_TRY(check_change(change));
    LW_TRY(wallet_store_license_load(txn, id, WALLET_LOAD_PUBLIC, &row));
    if (from != NULL) {
        *from = row.state;
    }
    if (!wallet_state_may_follow(row.state, change->to)) {
        return LW_FAIL(LW_E_CONFLICT, "license: its state does not allow that", LW_NOWHERE);
    }
    return write_state(txn, &row, change);
}
