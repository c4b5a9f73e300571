/* A recovery key made and split among custodians; put together again from their shares. */
#define _DEFAULT_SOURCE /* explicit_bzero */

#include <stdio.h>
#include <string.h>

#include "recovery_internal.h"
#include "wallet/cbor.h"

enum { SHARES_BYTES_MAX = WALLET_CUSTODIANS_MAX * WALLET_SHARE_SEALED_MAX, DETAIL_MAX = 4096 };

static lw_err check_order(const struct wallet_recovery_order *order)
{
    if (order->threshold < 2 || order->threshold > order->count ||
        order->count > WALLET_CUSTODIANS_MAX) {
        return LW_FAIL(LW_E_VALUE,
                       "recovery: the threshold is 2 to the number of custodians, at most 16",
                       LW_NOWHERE);
    }
    for (size_t i = 0; i < order->count; i++) {
        if (order->custodians[i].name.len > WALLET_CUSTODIAN_NAME_MAX) {
            return LW_FAIL(LW_E_VALUE, "recovery: a custodian's name is longer than 64 bytes",
                           LW_NOWHERE);
        }
        for (size_t j = 0; j < i; j++) {
            if (hsm_public_key_eq(&order->custodians[i].key, &order->custodians[j].key)) {
                return LW_FAIL(LW_E_VALUE, "recovery: two custodians have the same key",
                               LW_NOWHERE);
            }
        }
    }
    return LW_SUCCESS;
}

struct splitting {
    const struct wallet_recovery_order *order;
    struct hsm_shamir_share shares[WALLET_CUSTODIANS_MAX]; /* secret */
    struct wallet_recovery recovery;
    lw_buf sealed;
    struct home_sealed_epochs epochs;
};

static lw_err seal_share(const struct wallet_home *home, struct splitting *s, size_t i,
                         const uint8_t id[WALLET_SHARE_ID_LEN])
{
    const struct wallet_recovery_custodian *from = &s->order->custodians[i];
    struct wallet_custodian *c = &s->recovery.custodians[i];
    (void)snprintf(c->name, sizeof(c->name), "%.*s", (int)from->name.len, from->name.ptr);
    LW_TRY(recovery_commit(&s->recovery.key, &s->shares[i], c->commitment));
    const size_t before = s->sealed.len;
    LW_TRY(recovery_share_seal(&from->key, id, &s->shares[i], home->env->rng, &s->sealed));
    c->sealed = (lw_bytes){.ptr = NULL, .len = s->sealed.len - before}; /* the buffer may move */
    return LW_SUCCESS;
}

static lw_err seal_shares(const struct wallet_home *home, struct splitting *s)
{
    uint8_t id[WALLET_SHARE_ID_LEN];
    size_t at = 0;
    LW_TRY(recovery_id(&s->recovery.key, id));
    for (size_t i = 0; i < s->order->count; i++) {
        LW_TRY(seal_share(home, s, i, id));
    }
    for (size_t i = 0; i < s->order->count; i++) {
        s->recovery.custodians[i].sealed.ptr = s->sealed.ptr + at;
        at += s->recovery.custodians[i].sealed.len;
    }
    return LW_SUCCESS;
}

static lw_err split(struct wallet_home *home, struct splitting *s)
{
    HSM_AUTO_SOFT_KEY key = NULL;
    uint8_t secret[HSM_P256_LEN];
    LW_TRY(hsm_soft_key_generate(&key));
    s->recovery.key = *hsm_soft_key_public(key);
    lw_err err = hsm_soft_key_secret(key, secret);
    if (err.code == LW_OK) {
        err = hsm_shamir_split(secret, s->order->threshold, s->order->count, home->env->rng,
                               s->shares);
    }
    explicit_bzero(secret, sizeof(secret));
    LW_TRY(err);
    LW_TRY(seal_shares(home, s));
    return home_epochs_seal(home, &s->recovery.key, &s->epochs);
}

/* [k, [name, ...]] */
static lw_err put_detail(const struct wallet_recovery *recovery, lw_buf *detail)
{
    LW_TRY(wallet_cbor_put_array(detail, 2));
    LW_TRY(wallet_cbor_put_uint(detail, recovery->threshold));
    LW_TRY(wallet_cbor_put_array(detail, recovery->count));
    for (size_t i = 0; i < recovery->count; i++) {
        LW_TRY(wallet_cbor_put_text(detail, lw_str_c(recovery->custodians[i].name)));
    }
    return LW_SUCCESS;
}

static lw_err write_recovery(struct wallet_txn *txn, void *ctx)
{
    const struct splitting *s = ctx;
    struct wallet_epoch newest;
    LW_AUTO_BUF detail = LW_BUF(DETAIL_MAX);
    LW_TRY(wallet_store_epoch_get(txn, 0, &newest));
    if (newest.number != s->epochs.count) {
        return LW_FAIL(LW_E_CONFLICT, "recovery: an epoch was made meanwhile", LW_NOWHERE);
    }
    LW_TRY(wallet_store_recovery_put(txn, &s->recovery));
    for (size_t i = 0; i < s->epochs.count; i++) {
        LW_TRY(wallet_store_recovery_epoch_put(
            txn, (uint32_t)(i + 1), &s->recovery.key,
            (lw_bytes){.ptr = s->epochs.bytes[i], .len = s->epochs.len[i]}));
    }
    LW_TRY(put_detail(&s->recovery, &detail));
    const struct wallet_audit_event event = {.time = s->recovery.made,
                                             .kind = WALLET_AUDIT_RECOVERY_SET,
                                             .actor = s->order->actor,
                                             .detail = lw_buf_view(&detail)};
    return wallet_audit_append(txn, &event, NULL);
}

lw_err wallet_flow_recovery_init(struct wallet_home *home,
                                 const struct wallet_recovery_order *order)
{
    struct splitting s = {.order = order,
                          .recovery = {.made = lw_now(home->env->clock),
                                       .threshold = order->threshold,
                                       .count = order->count},
                          .sealed = LW_BUF(SHARES_BYTES_MAX)};
    LW_TRY(check_order(order));
    lw_err err = split(home, &s);
    err = err.code == LW_OK ? wallet_store_write(home->store, write_recovery, &s) : err;
    lw_buf_free(&s.sealed);
    explicit_bzero(&s, sizeof(s));
    return err;
}

lw_err wallet_flow_recovery_get(struct wallet_home *home, struct wallet_recovery *recovery,
                                lw_buf *bytes)
{
    WALLET_AUTO_TXN txn = NULL;
    size_t at = bytes->len;
    LW_TRY(wallet_read_begin(home->store, &txn));
    LW_TRY(wallet_store_recovery_get(txn, recovery));
    for (size_t i = 0; i < recovery->count; i++) {
        LW_TRY(lw_buf_put(bytes, recovery->custodians[i].sealed));
    }
    for (size_t i = 0; i < recovery->count; i++) {
        recovery->custodians[i].sealed.ptr = bytes->ptr + at;
        at += recovery->custodians[i].sealed.len;
    }
    return LW_SUCCESS;
}

static lw_err refuse(struct wallet_recover_result *result, size_t place, lw_code code,
                     const char *why)
{
    result->bad = place;
    return LW_FAIL(code, why, LW_NOWHERE);
}

/* Each share by itself against its commitment, so that a false one is known by its name. */
static lw_err check_share(const struct wallet_recovery *recovery,
                          const struct wallet_recover_order *order, size_t i,
                          struct wallet_recover_result *result, struct hsm_shamir_share *out)
{
    const struct wallet_share *share = &order->shares[i];
    uint8_t id[WALLET_SHARE_ID_LEN];
    uint8_t commitment[HSM_SHA256_LEN];
    LW_TRY(recovery_id(&recovery->key, id));
    if (memcmp(id, share->id, sizeof(id)) != 0 || share->index > recovery->count) {
        return refuse(result, i, LW_E_CONFLICT, "recover: a share of another recovery key");
    }
    const struct wallet_custodian *c = &recovery->custodians[share->index - 1];
    memcpy(result->name, c->name, sizeof(result->name));
    if (!share->opened) {
        return refuse(result, i, LW_E_CONFLICT, "recover: a share that is still sealed");
    }
    for (size_t j = 0; j < i; j++) {
        if (order->shares[j].index == share->index) {
            return refuse(result, i, LW_E_CONFLICT, "recover: a share that was given twice");
        }
    }
    out->index = share->index;
    memcpy(out->value, share->bytes, sizeof(out->value));
    LW_TRY(recovery_commit(&recovery->key, out, commitment));
    return hsm_equal(LW_BYTES(commitment), LW_BYTES(c->commitment))
               ? LW_SUCCESS
               : refuse(result, i, LW_E_SIGNATURE, "recover: a share was altered");
}

static lw_err join(const struct hsm_public_key *want, const struct hsm_shamir_share *shares,
                   size_t count, struct hsm_soft_key **key)
{
    uint8_t secret[HSM_SHAMIR_LEN];
    struct hsm_soft_key *made = NULL;
    lw_err err = hsm_shamir_join(shares, count, secret);
    err = err.code == LW_OK ? hsm_soft_key_from_secret(secret, &made) : err;
    explicit_bzero(secret, sizeof(secret));
    if (err.code != LW_OK || !hsm_public_key_eq(hsm_soft_key_public(made), want)) {
        hsm_soft_key_free(made);
        return LW_FAIL(LW_E_SIGNATURE, "recover: the shares do not make the recovery key",
                       LW_NOWHERE);
    }
    *key = made;
    return LW_SUCCESS;
}

lw_err recovery_join(struct wallet_home *home, const struct wallet_recover_order *order,
                     struct wallet_recover_result *result, struct hsm_soft_key **key)
{
    LW_AUTO_BUF bytes = LW_BUF(SHARES_BYTES_MAX);
    struct wallet_recovery recovery;
    struct hsm_shamir_share shares[WALLET_CUSTODIANS_MAX];
    lw_err err = wallet_flow_recovery_get(home, &recovery, &bytes);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_FAIL(LW_E_NOT_FOUND, "recover: no shares were ever made for this store",
                       LW_NOWHERE);
    }
    LW_TRY(err);
    result->needed = recovery.threshold;
    for (size_t i = 0; i < order->share_count && err.code == LW_OK; i++) {
        err = i < recovery.count
                  ? check_share(&recovery, order, i, result, &shares[i])
                  : refuse(result, i, LW_E_CONFLICT, "recover: more shares than custodians");
    }
    if (err.code == LW_OK && order->share_count < recovery.threshold) {
        err = LW_FAIL(LW_E_DENIED, "recover: fewer shares than it takes", LW_NOWHERE);
    }
    if (err.code == LW_OK) {
        err = join(&recovery.key, shares, order->share_count, key);
    }
    explicit_bzero(shares, sizeof(shares));
    return err;
}

lw_err wallet_flow_recover_check(struct wallet_home *home, const struct wallet_recover_order *order,
                                 struct wallet_recover_result *result)
{
    HSM_AUTO_SOFT_KEY key = NULL;
    *result = (struct wallet_recover_result){.bad = SIZE_MAX};
    LW_TRY(recovery_join(home, order, result, &key));
    return home_epochs_open(home, key, NULL, NULL);
}
