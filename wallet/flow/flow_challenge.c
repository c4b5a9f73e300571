/* Challenges: 16 random bytes, good for one answer while they live. */
#include "verify_source.h"
#include "wallet/lq1.h"

enum { ANSWERED_KEPT_S = 3600, MARK_LEN = 5 };

/* How an answered challenge is remembered, among the presentations that were seen. */
static lw_bytes mark_answered(lw_bytes nonce, uint8_t mark[MARK_LEN + VERIFY_CHALLENGE_LEN])
{
    static const char used[] = "used:";
    const size_t len = nonce.len < VERIFY_CHALLENGE_LEN ? nonce.len : VERIFY_CHALLENGE_LEN;
    memcpy(mark, used, MARK_LEN);
    memcpy(mark + MARK_LEN, nonce.ptr, len);
    return (lw_bytes){.ptr = mark, .len = MARK_LEN + len};
}

lw_err verify_challenge_find(const struct verify_view *view, lw_bytes nonce,
                             enum verify_challenge *found)
{
    uint8_t mark[MARK_LEN + VERIFY_CHALLENGE_LEN];
    *found = VERIFY_CHALLENGE_NONE;
    if (view->txn == NULL || nonce.len != VERIFY_CHALLENGE_LEN) {
        return LW_SUCCESS;
    }
    const struct wallet_grant_name live = {.kind = WALLET_GRANT_CHALLENGE, .handle = nonce};
    lw_err err = wallet_store_grant_peek(view->txn, live, view->now, NULL);
    if (err.code == LW_OK || err.code == LW_E_EXPIRED) {
        *found = err.code == LW_OK ? VERIFY_CHALLENGE_LIVE : VERIFY_CHALLENGE_OVER;
        return LW_SUCCESS;
    }
    if (err.code != LW_E_NOT_FOUND) {
        return err;
    }
    const struct wallet_grant_name used = {.kind = WALLET_GRANT_REPLAY,
                                           .handle = mark_answered(nonce, mark)};
    err = wallet_store_grant_peek(view->txn, used, view->now, NULL);
    *found = err.code == LW_OK ? VERIFY_CHALLENGE_USED : VERIFY_CHALLENGE_NONE;
    return err.code == LW_E_NOT_FOUND || err.code == LW_E_EXPIRED ? LW_SUCCESS : err;
}

lw_err verify_challenge_take(struct wallet_txn *txn, lw_bytes nonce, int64_t now, bool *used)
{
    uint8_t mark[MARK_LEN + VERIFY_CHALLENGE_LEN];
    const struct wallet_grant_name live = {.kind = WALLET_GRANT_CHALLENGE, .handle = nonce};
    const lw_err err = wallet_store_grant_take(txn, live, now, NULL);
    *used = err.code != LW_OK;
    if (err.code == LW_E_NOT_FOUND || err.code == LW_E_EXPIRED) {
        return LW_SUCCESS;
    }
    LW_TRY(err);
    const struct wallet_grant_name answered = {.kind = WALLET_GRANT_REPLAY,
                                               .handle = mark_answered(nonce, mark)};
    return wallet_store_grant_put(txn, answered, (lw_bytes){NULL, 0}, now, now + ANSWERED_KEPT_S);
}

struct challenge_write {
    lw_bytes nonce;
    int64_t now;
    int64_t exp;
};

static lw_err write_challenge(struct wallet_txn *txn, void *ctx)
{
    const struct challenge_write *w = ctx;
    const struct wallet_grant_name name = {.kind = WALLET_GRANT_CHALLENGE, .handle = w->nonce};
    return wallet_store_grant_put(txn, name, (lw_bytes){NULL, 0}, w->now, w->exp);
}

static lw_err fill_keys(struct wallet_home *home, lw_str type_id, const lw_str *requested,
                        size_t count, struct wallet_challenge *challenge)
{
    FLOW_AUTO_SNAPSHOT snapshot = NULL;
    LW_TRY(wallet_home_snapshot(home, &snapshot));
    const struct wallet_license_type *type = wallet_snapshot_type(snapshot, type_id);
    if (type == NULL) {
        return LW_FAIL(LW_E_NOT_FOUND, "challenge: there is no such license type", LW_NOWHERE);
    }
    for (size_t i = 0; i < count; i++) {
        const size_t def = wallet_license_type_claim(type, requested[i]);
        if (def == SIZE_MAX || challenge->key_count == WALLET_CLAIMS_MAX) {
            return LW_FAIL(LW_E_VALUE, "challenge: the license type has no such claim", LW_NOWHERE);
        }
        challenge->keys[challenge->key_count++] = type->claims[def].cwt_key;
    }
    return LW_SUCCESS;
}

lw_err wallet_flow_challenge(struct wallet_home *home, lw_str type, const lw_str *requested,
                             size_t count, int64_t life_s, lw_buf *text)
{
    const int64_t now = lw_now(home->env->clock);
    struct wallet_challenge challenge = {.verifier_id = lw_str_c(home->config->base_url),
                                         .exp = now + life_s};
    const size_t before = text->len;
    if (count > 0) {
        LW_TRY(fill_keys(home, type, requested, count, &challenge));
    }
    LW_TRY(lw_rng_fill(home->env->rng, challenge.nonce, sizeof(challenge.nonce)));
    LW_TRY(wallet_lc1_put(&challenge, text));
    struct challenge_write write = {
        .nonce = LW_BYTES(challenge.nonce), .now = now, .exp = challenge.exp};
    const lw_err err = wallet_store_write(home->store, write_challenge, &write);
    if (err.code != LW_OK) {
        lw_buf_truncate(text, before); /* nothing is asked that could not be answered */
    }
    return err;
}
