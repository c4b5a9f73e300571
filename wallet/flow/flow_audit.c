#include "wallet/flow_audit.h"

#include "audit_proof.h"

enum { INDEX_PAGE = 64, COSE_MAX = WALLET_AUDIT_SIGNED_MAX };

lw_err audit_heads_check(const struct wallet_txn *txn, struct wallet_audit_result *result)
{
    struct wallet_audit_signed_head head;
    uint64_t from = 0;
    for (;;) {
        const lw_err found = wallet_audit_signed_at_least(txn, from, &head);
        if (found.code == LW_E_NOT_FOUND) {
            return LW_SUCCESS;
        }
        LW_TRY(found);
        const lw_err err = audit_head_check(txn, &head);
        if (err.code != LW_OK && lw_err_class(err.code) == LW_CLASS_ENVIRONMENT) {
            return err;
        }
        result->head_signed = err.code == LW_OK;
        result->head_size = head.size;
        if (err.code != LW_OK) {
            result->whole = false;
            result->first_bad = head.size;
            result->why = err.why;
            return LW_SUCCESS;
        }
        from = head.size + 1;
    }
}

lw_err wallet_flow_audit_check(struct wallet_home *home, struct wallet_audit_result *result)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_audit_found found;
    *result = (struct wallet_audit_result){.whole = false};
    LW_TRY(wallet_read_begin(home->store, &txn));
    LW_TRY(wallet_audit_check(txn, &found));
    result->size = found.size;
    memcpy(result->root, found.root, sizeof(result->root));
    result->whole = found.whole;
    result->first_bad = found.first_bad;
    result->why = found.why;
    return found.whole ? audit_heads_check(txn, result) : LW_SUCCESS;
}

/* A log that no longer has the root that was signed is not added to: nothing more is issued. */
static lw_err check_chains(struct wallet_home *home, const struct wallet_txn *txn,
                           const struct wallet_audit_signed_head *last)
{
    uint8_t root[WALLET_HASH_LEN];
    if (last->size == 0) {
        return LW_SUCCESS;
    }
    const lw_err err = wallet_audit_root_at(txn, last->size, root);
    if (err.code == LW_OK && memcmp(root, last->root, sizeof(root)) == 0) {
        return LW_SUCCESS;
    }
    if (err.code == LW_OK || err.code == LW_E_CORRUPT || err.code == LW_E_VALUE) {
        atomic_store(&home->log_broken, true);
        return LW_FAIL(LW_E_CORRUPT, "audit: the log does not chain with its signed head",
                       LW_NOWHERE);
    }
    return err;
}

/* The newest signed head, and whether the log has grown since; size 0: none yet. */
static lw_err read_heads(struct wallet_home *home, struct wallet_audit_signed_head *now, bool *news,
                         lw_buf *cose)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_audit_signed_head last = {.size = 0};
    LW_TRY(wallet_read_begin(home->store, &txn));
    LW_TRY(wallet_audit_head(txn, &now->size, now->root));
    const lw_err err = wallet_audit_last_signed(txn, &last);
    if (err.code != LW_OK && err.code != LW_E_NOT_FOUND) {
        return err;
    }
    *news = err.code == LW_E_NOT_FOUND || last.size != now->size;
    LW_TRY(check_chains(home, txn, &last));
    return *news ? LW_SUCCESS : lw_buf_put(cose, last.cose);
}

static lw_err write_head(struct wallet_txn *txn, void *ctx)
{
    return wallet_audit_put_signed(txn, ctx);
}

lw_err wallet_flow_audit_head(struct wallet_home *home, lw_buf *head, uint64_t *size,
                              uint8_t root[32])
{
    struct wallet_audit_signed_head made = {.time = lw_now(home->env->clock)};
    LW_AUTO_BUF cose = LW_BUF(COSE_MAX);
    bool news = false;
    LW_TRY(read_heads(home, &made, &news, &cose));
    if (news) {
        LW_TRY(audit_head_sign(home, &made, &cose));
        made.cose = lw_buf_view(&cose);
        LW_TRY(wallet_store_write(home->store, write_head, &made));
        LW_TRY(home_seen_note(home, false));
    }
    *size = made.size;
    memcpy(root, made.root, sizeof(made.root));
    return lw_buf_put(head, lw_buf_view(&cose));
}

static lw_err put_entries(const struct wallet_txn *txn, const uint8_t id[WALLET_UUID_LEN],
                          struct wallet_json_writer *w)
{
    uint64_t indexes[INDEX_PAGE];
    uint64_t from = 0;
    size_t count = INDEX_PAGE;
    while (count == INDEX_PAGE) {
        LW_TRY(wallet_audit_find_subject(txn, (lw_bytes){.ptr = id, .len = WALLET_UUID_LEN}, from,
                                         indexes, &count));
        for (size_t i = 0; i < count; i++) {
            LW_TRY(audit_proof_put(txn, indexes[i], LW_STR(""), w));
            from = indexes[i] + 1;
        }
    }
    return LW_SUCCESS;
}

/* Where the home can sign, the head is brought up to date, so that it covers every entry. */
static lw_err cover(struct wallet_home *home)
{
    LW_AUTO_BUF head = LW_BUF(COSE_MAX);
    uint8_t root[WALLET_HASH_LEN];
    uint64_t size = 0;
    return home->pool == NULL ? LW_SUCCESS : wallet_flow_audit_head(home, &head, &size, root);
}

lw_err wallet_flow_audit_prove(struct wallet_home *home, struct wallet_license_ref ref,
                               lw_buf *json)
{
    LW_TRY(cover(home));
    WALLET_AUTO_TXN txn = NULL;
    uint8_t id[WALLET_UUID_LEN];
    LW_TRY(wallet_read_begin(home->store, &txn));
    LW_TRY(flow_find(txn, ref, id));
    struct wallet_json_writer w = wallet_json_writer(json);
    wallet_json_put_object(&w);
    wallet_json_member_text(&w, "number", ref.number);
    wallet_json_put_name(&w, "entries");
    wallet_json_put_array(&w);
    const lw_err err = put_entries(txn, id, &w);
    if (err.code != LW_OK) {
        wallet_json_put_fail(&w, err);
    }
    wallet_json_put_end(&w);
    wallet_json_put_end(&w);
    return wallet_json_written(&w);
}
