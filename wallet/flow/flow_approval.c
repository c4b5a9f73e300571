#include "flow_approval.h"

#include <stdio.h>

#include "hsm/digest.h"
#include "wallet/cbor.h"

enum { ASK_FIELDS = 20, COUNT_FIELDS = 9, DECIDE_FIELDS = 8 };

static lw_err put_store(const struct wallet_home *home, lw_buf *out)
{
    return wallet_cbor_put_bytes(out,
                                 (lw_bytes){wallet_store_id(home->store), WALLET_STORE_ID_LEN});
}

static lw_err put_counts(const struct wallet_import_counts *c, lw_buf *out)
{
    const uint64_t counts[COUNT_FIELDS] = {c->rows, c->good,   c->bad,  c->fresh,  c->changed,
                                           c->same, c->states, c->gone, c->revoked};
    LW_TRY(wallet_cbor_put_array(out, COUNT_FIELDS));
    for (size_t i = 0; i < COUNT_FIELDS; i++) {
        LW_TRY(wallet_cbor_put_uint(out, counts[i]));
    }
    return LW_SUCCESS;
}

static lw_err put_register(const struct wallet_import_record *r, const struct wallet_approval *a,
                           lw_buf *out)
{
    LW_TRY(wallet_cbor_put_bytes(out, LW_BYTES(r->file_hash)));
    LW_TRY(wallet_cbor_put_bytes(out, LW_BYTES(r->map_hash)));
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(r->type)));
    LW_TRY(wallet_cbor_put_uint(out, a->type_version));
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(r->issuer)));
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(r->register_name)));
    LW_TRY(wallet_cbor_put_bool(out, r->part));
    LW_TRY(wallet_cbor_put_bool(out, a->revoke));
    LW_TRY(wallet_cbor_put_bool(out, a->keep_states));
    LW_TRY(wallet_cbor_put_bool(out, a->shift_auto));
    LW_TRY(wallet_cbor_put_int(out, r->shift_days));
    LW_TRY(wallet_cbor_put_uint(out, a->encoding));
    return wallet_cbor_put_uint(out, a->delimiter);
}

lw_err approval_ask_text(const struct wallet_home *home, const struct wallet_import_record *record,
                         const struct wallet_approval *approval, lw_str by, int64_t at, lw_buf *out)
{
    LW_TRY(wallet_cbor_put_array(out, ASK_FIELDS));
    LW_TRY(wallet_cbor_put_text(out, LW_STR("license-wallet import ask 1")));
    LW_TRY(put_store(home, out));
    LW_TRY(wallet_cbor_put_bytes(out, LW_BYTES(record->id)));
    LW_TRY(put_register(record, approval, out));
    LW_TRY(put_counts(&record->counts, out));
    LW_TRY(wallet_cbor_put_bytes(out, LW_BYTES(approval->differences)));
    LW_TRY(wallet_cbor_put_text(out, by));
    return wallet_cbor_put_int(out, at);
}

lw_err approval_decide_text(const struct wallet_home *home,
                            const struct approval_decision *decision, lw_buf *out)
{
    const struct wallet_signed_statement *asked = &decision->approval->asked;
    uint8_t digest[HSM_SHA256_LEN];
    LW_TRY(hsm_sha256((lw_bytes){asked->text, asked->text_len}, digest));
    LW_TRY(wallet_cbor_put_array(out, DECIDE_FIELDS));
    LW_TRY(wallet_cbor_put_text(out, decision->approves
                                         ? LW_STR("license-wallet import approve 1")
                                         : LW_STR("license-wallet import reject 1")));
    LW_TRY(put_store(home, out));
    LW_TRY(wallet_cbor_put_bytes(out, LW_BYTES(decision->approval->id)));
    LW_TRY(wallet_cbor_put_bytes(out, LW_BYTES(digest)));
    LW_TRY(wallet_cbor_put_bytes(out, LW_BYTES(asked->sig)));
    LW_TRY(wallet_cbor_put_text(out, decision->reason));
    LW_TRY(wallet_cbor_put_text(out, decision->by));
    return wallet_cbor_put_int(out, decision->at);
}

void approval_actor(const struct wallet_approval *approval, lw_str approver,
                    char actor[WALLET_IMPORT_ACTOR_MAX + 1])
{
    (void)snprintf(actor, WALLET_IMPORT_ACTOR_MAX + 1, "%s, approved by %.*s", approval->asked.by,
                   (int)approver.len, approver.ptr);
}

lw_err approval_check_asked(const struct wallet_home *home, const struct wallet_txn *txn,
                            const struct wallet_import_record *record,
                            const struct wallet_approval *approval, struct wallet_operator *asked)
{
    LW_AUTO_BUF text = LW_BUF(WALLET_APPROVAL_STATEMENT_MAX);
    const lw_str by = lw_str_c(approval->asked.by);
    const lw_err err = flow_operator_acts(txn, by, NULL, lw_str_c(record->issuer), asked);
    if (err.code == LW_E_DENIED) {
        return LW_FAIL(LW_E_DENIED,
                       "approve: who asked for it is no operator for the agency any more",
                       LW_NOWHERE);
    }
    LW_TRY(err);
    LW_TRY(approval_ask_text(home, record, approval, by, approval->asked.at, &text));
    return flow_statement_check(&approval->asked, lw_buf_view(&text), asked);
}

/* Another name is another key: the store keeps none under two names. */
lw_err approval_check_second(const struct wallet_txn *txn, const struct wallet_operator_by *by,
                             lw_str agency, const struct wallet_operator *asked)
{
    struct wallet_operator who;
    LW_TRY(flow_operator_acts(txn, by->name, &by->signer->key, agency, &who));
    if (strcmp(who.name, asked->name) == 0) {
        return LW_FAIL(LW_E_DENIED, "approve: who asked for it cannot approve it", LW_NOWHERE);
    }
    return LW_SUCCESS;
}
