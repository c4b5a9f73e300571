#include "flow_statement.h"

#include "wallet/cbor.h"

enum { DETAIL_MAX = WALLET_AUDIT_DETAIL_MAX, SIGNED_FIELDS = 3 };

lw_err flow_operator_acts(const struct wallet_txn *txn, lw_str name,
                          const struct hsm_public_key *key, lw_str agency,
                          struct wallet_operator *who)
{
    const lw_err err = wallet_store_operator_get(txn, name, who);
    if (err.code == LW_E_NOT_FOUND || (err.code == LW_OK && !wallet_operator_acts(who))) {
        return LW_FAIL(LW_E_DENIED, "operator: there is none of this name, or not any more",
                       LW_NOWHERE);
    }
    LW_TRY(err);
    if (key != NULL && !hsm_public_key_eq(key, &who->key)) {
        return LW_FAIL(LW_E_DENIED, "operator: the key is not this operator's", LW_NOWHERE);
    }
    if (agency.len > 0 && !wallet_operator_may(who, agency)) {
        return LW_FAIL(LW_E_DENIED, "operator: may not act for this agency", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

lw_err flow_statement_sign(const struct wallet_operator_by *by, int64_t now, lw_bytes text,
                           struct wallet_signed_statement *out)
{
    uint8_t sig[HSM_SIG_MAX];
    if (text.len > sizeof(out->text) || by->name.len >= sizeof(out->by)) {
        return LW_FAIL(LW_E_LIMIT, "statement: too long", LW_NOWHERE);
    }
    LW_TRY(hsm_sign(by->signer, HSM_PURPOSE_HOLDER, now, text, sig));
    *out = (struct wallet_signed_statement){.at = now, .text_len = text.len};
    memcpy(out->by, by->name.ptr, by->name.len);
    memcpy(out->text, text.ptr, text.len);
    memcpy(out->sig, sig, sizeof(out->sig));
    return LW_SUCCESS;
}

lw_err flow_statement_check(const struct wallet_signed_statement *statement, lw_bytes text,
                            const struct wallet_operator *who)
{
    const lw_bytes kept = {statement->text, statement->text_len};
    if (!lw_bytes_eq(kept, text)) {
        return LW_FAIL(LW_E_SIGNATURE, "statement: what was signed is not about this", LW_NOWHERE);
    }
    return hsm_verify(&who->key, text, LW_BYTES(statement->sig));
}

lw_err flow_statement_audit(struct wallet_txn *txn, const struct flow_statement_entry *entry)
{
    LW_AUTO_BUF detail = LW_BUF(DETAIL_MAX);
    size_t count = 0;
    while (count < 2 && entry->signed_[count] != NULL) {
        count++;
    }
    LW_TRY(wallet_cbor_put_array(&detail, count));
    for (size_t i = 0; i < count; i++) {
        const struct wallet_signed_statement *s = entry->signed_[i];
        LW_TRY(wallet_cbor_put_array(&detail, SIGNED_FIELDS));
        LW_TRY(wallet_cbor_put_text(&detail, lw_str_c(s->by)));
        LW_TRY(wallet_cbor_put_bytes(&detail, (lw_bytes){s->text, s->text_len}));
        LW_TRY(wallet_cbor_put_bytes(&detail, LW_BYTES(s->sig)));
    }
    const struct wallet_audit_event event = {.time = entry->now,
                                             .kind = entry->kind,
                                             .actor = entry->actor,
                                             .subject = entry->subject,
                                             .detail = lw_buf_view(&detail)};
    return wallet_audit_append(txn, &event, NULL);
}
