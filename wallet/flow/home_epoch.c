/* Epoch keys of a home: made, released by the token, wrapped anew under another seal key. */
#include <stdio.h>

#include "home_key.h"
#include "hsm/envelope.h"
#include "wallet/flow_key.h"
#include "wallet/store_recovery.h"

enum { EPOCH_KEY_LEN = 32, EPOCHS_MAX = WALLET_STORE_EPOCHS, NAME_MAX_LEN = 64 };

static lw_err read_epoch(struct wallet_home *home, uint32_t number, struct wallet_epoch *epoch,
                         lw_buf *wrapped)
{
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(home->store, &txn));
    LW_TRY(wallet_store_epoch_get(txn, number, epoch));
    LW_TRY(lw_buf_put(wrapped, epoch->wrapped));
    epoch->wrapped = lw_buf_view(wrapped);
    return LW_SUCCESS;
}

static lw_err release_by_standby(struct wallet_home *home, uint32_t number, uint8_t *key)
{
    LW_AUTO_BUF wrapped = LW_BUF(HSM_WRAP_MAX);
    struct wallet_standby_wrap wrap;
    {
        WALLET_AUTO_TXN txn = NULL;
        LW_TRY(wallet_read_begin(home->store, &txn));
        LW_TRY(wallet_store_standby_get(txn, number, &wrap));
        LW_TRY(lw_buf_put(&wrapped, wrap.wrapped));
    }
    return hsm_pool_unwrap(home->pool, wrap.seal, lw_buf_view(&wrapped), key);
}

/* Fills a buffer, which is wiped with its end, with the epoch's key. */
static lw_err release(struct wallet_home *home, uint32_t number, struct wallet_epoch *epoch,
                      lw_buf *secret, uint8_t **key)
{
    LW_AUTO_BUF wrapped = LW_BUF(HSM_WRAP_MAX);
    LW_TRY(read_epoch(home, number, epoch, &wrapped));
    LW_TRY(lw_buf_reserve(secret, EPOCH_KEY_LEN, key));
    lw_buf_commit(secret, EPOCH_KEY_LEN);
    lw_err err = hsm_pool_unwrap(home->pool, epoch->seal, epoch->wrapped, *key);
    epoch->wrapped = (lw_bytes){NULL, 0};
    if (err.code == LW_E_NOT_FOUND) { /* not the token that it was wrapped in: the second one? */
        const lw_err other = release_by_standby(home, number, *key);
        err = other.code == LW_E_NOT_FOUND ? err : other;
    }
    return err;
}

static lw_err write_released(struct wallet_txn *txn, void *ctx)
{
    const struct wallet_home *home = ctx;
    return home_audit(txn, lw_now(home->env->clock), WALLET_AUDIT_EPOCH_RELEASED, LW_STR("system"),
                      (lw_bytes){NULL, 0});
}

static lw_err newest(struct wallet_home *home, uint32_t *number)
{
    struct wallet_epoch epoch;
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(home->store, &txn));
    LW_TRY(wallet_store_epoch_get(txn, 0, &epoch));
    *number = epoch.number;
    return LW_SUCCESS;
}

lw_err wallet_flow_epochs_left(struct wallet_home *home, uint32_t *left)
{
    uint32_t last = 0;
    LW_TRY(newest(home, &last));
    *left = last < EPOCHS_MAX ? EPOCHS_MAX - last : 0;
    return LW_SUCCESS;
}

/* The token releases each epoch key once at each start, and the log says so (DESIGN section 6). */
lw_err home_epochs_unlock(struct wallet_home *home)
{
    uint32_t last = 0;
    bool any = false;
    LW_TRY(newest(home, &last));
    for (uint32_t number = 1; number <= last; number++) {
        LW_AUTO_BUF secret = LW_BUF(EPOCH_KEY_LEN);
        struct wallet_epoch epoch;
        uint8_t *key = NULL;
        if (wallet_store_epoch_unlocked(home->store, number)) {
            continue;
        }
        LW_TRY(release(home, number, &epoch, &secret, &key));
        LW_TRY(wallet_store_unlock(home->store, number, key));
        any = true;
    }
    LW_TRY(wallet_store_epoch_follow(home->store));
    return any ? wallet_store_write(home->store, write_released, home) : LW_SUCCESS;
}

lw_err wallet_home_unlock(struct wallet_home *home)
{
    return home->pool == NULL ? LW_FAIL(LW_E_MISUSE, "home: not opened to sign", LW_NOWHERE)
                              : home_epochs_unlock(home);
}

/* The name of an epoch's key, bound to it when it is sealed. */
static lw_err put_name(uint32_t number, lw_buf *aad)
{
    LW_TRY(lw_buf_put_c(aad, "license-wallet epoch 1 "));
    for (unsigned shift = 32; shift > 0; shift -= 8) {
        LW_TRY(lw_buf_put_byte(aad, (uint8_t)(number >> (shift - 8))));
    }
    return LW_SUCCESS;
}

static lw_err seal_to(const struct wallet_home *home, const struct hsm_public_key *to,
                      uint32_t number, const uint8_t *key, lw_buf *out)
{
    LW_AUTO_BUF aad = LW_BUF(NAME_MAX_LEN);
    LW_TRY(put_name(number, &aad));
    return hsm_envelope_seal(to, lw_buf_view(&aad), (lw_bytes){.ptr = key, .len = EPOCH_KEY_LEN},
                             home->env->rng, out);
}

static lw_err recovery_key(struct wallet_home *home, struct hsm_public_key *key)
{
    struct wallet_recovery recovery;
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(home->store, &txn));
    const lw_err err = wallet_store_recovery_get(txn, &recovery);
    *key = (struct hsm_public_key){.alg = HSM_ALG_NONE};
    if (err.code == LW_OK) {
        *key = recovery.key;
    }
    return err.code == LW_E_NOT_FOUND ? LW_SUCCESS : err;
}

struct epoch_write {
    struct wallet_epoch epoch;
    struct hsm_public_key recovery; /* HSM_ALG_NONE: there is no recovery key */
    lw_bytes sealed;
};

/* A recovery key that was made meanwhile does not go without this epoch. */
static lw_err write_recoverable(struct wallet_txn *txn, const struct epoch_write *w)
{
    struct wallet_recovery recovery;
    if (w->recovery.alg != HSM_ALG_NONE) {
        return wallet_store_recovery_epoch_put(txn, w->epoch.number, &w->recovery, w->sealed);
    }
    const lw_err err = wallet_store_recovery_get(txn, &recovery);
    return err.code == LW_OK
               ? LW_FAIL(LW_E_CONFLICT, "home: a recovery key was made meanwhile", LW_NOWHERE)
           : err.code == LW_E_NOT_FOUND ? LW_SUCCESS
                                        : err;
}

static lw_err write_epoch(struct wallet_txn *txn, void *ctx)
{
    const struct epoch_write *w = ctx;
    const struct wallet_epoch *epoch = &w->epoch;
    LW_TRY(wallet_store_epoch_put(txn, epoch));
    LW_TRY(write_recoverable(txn, w));
    return home_audit(txn, epoch->made, WALLET_AUDIT_EPOCH_MADE, LW_STR("system"),
                      lw_str_bytes(lw_str_c(epoch->seal)));
}

lw_err home_epoch_make(struct wallet_home *home, const char *seal)
{
    LW_AUTO_BUF secret = LW_BUF(EPOCH_KEY_LEN);
    LW_AUTO_BUF wrapped = LW_BUF(HSM_WRAP_MAX);
    LW_AUTO_BUF sealed = LW_BUF(HSM_WRAP_MAX);
    struct epoch_write w = {.epoch = {.made = lw_now(home->env->clock)}};
    uint8_t *key = NULL;
    uint32_t last = 0;
    const lw_err found = newest(home, &last);
    if (found.code != LW_OK && found.code != LW_E_NOT_FOUND) {
        return found;
    }
    if (last == EPOCHS_MAX) {
        return LW_FAIL(LW_E_LIMIT, "home: the store has 16 epochs, which is all it can hold",
                       LW_NOWHERE);
    }
    LW_TRY(lw_buf_reserve(&secret, EPOCH_KEY_LEN, &key));
    lw_buf_commit(&secret, EPOCH_KEY_LEN); /* wiped with its buffer */
    LW_TRY(lw_rng_fill(home->env->rng, key, EPOCH_KEY_LEN));
    LW_TRY(hsm_pool_wrap(home->pool, seal, key, &wrapped));
    w.epoch.number = last + 1;
    w.epoch.in_use = last == 0;
    w.epoch.wrapped = lw_buf_view(&wrapped);
    (void)snprintf(w.epoch.seal, sizeof(w.epoch.seal), "%s", seal);
    LW_TRY(recovery_key(home, &w.recovery));
    if (w.recovery.alg != HSM_ALG_NONE) {
        LW_TRY(seal_to(home, &w.recovery, w.epoch.number, key, &sealed));
        w.sealed = lw_buf_view(&sealed);
    }
    LW_TRY(wallet_store_write(home->store, write_epoch, &w));
    return wallet_store_unlock(home->store, w.epoch.number, key);
}

lw_err home_epoch_waits(struct wallet_home *home, const char *seal, int64_t *made)
{
    struct wallet_epoch epoch;
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(home->store, &txn));
    LW_TRY(wallet_store_epoch_get(txn, 0, &epoch));
    *made = epoch.made;
    return strcmp(epoch.seal, seal) == 0
               ? LW_SUCCESS
               : LW_FAIL(LW_E_NOT_FOUND, "home: no epoch was made for the seal key", LW_NOWHERE);
}

lw_err home_epoch_wrap(struct wallet_home *home, uint32_t number, const uint8_t *key,
                       const char *seal, struct home_rewrapped *out)
{
    LW_AUTO_BUF before = LW_BUF(HSM_WRAP_MAX);
    LW_AUTO_BUF wrapped = LW_BUF(HSM_WRAP_MAX);
    struct wallet_epoch *epoch = &out->epochs[out->count];
    LW_TRY(read_epoch(home, number, epoch, &before));
    LW_TRY(hsm_pool_wrap(home->pool, seal, key, &wrapped));
    memcpy(out->bytes[out->count], wrapped.ptr, wrapped.len);
    epoch->wrapped = (lw_bytes){.ptr = out->bytes[out->count], .len = wrapped.len};
    epoch->in_use = true;
    (void)snprintf(epoch->seal, sizeof(epoch->seal), "%s", seal);
    out->count++;
    return LW_SUCCESS;
}

static lw_err rewrap_one(struct wallet_home *home, uint32_t number, const char *seal,
                         struct home_rewrapped *out)
{
    LW_AUTO_BUF secret = LW_BUF(EPOCH_KEY_LEN);
    struct wallet_epoch epoch;
    uint8_t *key = NULL;
    LW_TRY(release(home, number, &epoch, &secret, &key));
    return home_epoch_wrap(home, number, key, seal, out);
}

lw_err home_epochs_rewrap(struct wallet_home *home, const char *seal, struct home_rewrapped *out)
{
    uint32_t last = 0;
    out->count = 0;
    LW_TRY(newest(home, &last));
    for (uint32_t number = 1; number <= last && number <= EPOCHS_MAX; number++) {
        LW_TRY(rewrap_one(home, number, seal, out));
    }
    return LW_SUCCESS;
}

lw_err home_epochs_put(struct wallet_txn *txn, const struct home_rewrapped *rewrapped)
{
    for (size_t i = 0; i < rewrapped->count; i++) {
        LW_TRY(wallet_store_epoch_change(txn, &rewrapped->epochs[i]));
    }
    return LW_SUCCESS;
}

static lw_err seal_one(struct wallet_home *home, const struct hsm_public_key *to, uint32_t number,
                       struct home_sealed_epochs *out)
{
    LW_AUTO_BUF secret = LW_BUF(EPOCH_KEY_LEN);
    LW_AUTO_BUF sealed = LW_BUF(HSM_WRAP_MAX);
    struct wallet_epoch epoch;
    uint8_t *key = NULL;
    LW_TRY(release(home, number, &epoch, &secret, &key));
    LW_TRY(seal_to(home, to, number, key, &sealed));
    if (sealed.len > 0) {
        memcpy(out->bytes[out->count], sealed.ptr, sealed.len);
    }
    out->len[out->count++] = sealed.len;
    return LW_SUCCESS;
}

lw_err home_epochs_seal(struct wallet_home *home, const struct hsm_public_key *to,
                        struct home_sealed_epochs *out)
{
    uint32_t last = 0;
    out->count = 0;
    LW_TRY(newest(home, &last));
    for (uint32_t number = 1; number <= last && number <= EPOCHS_MAX; number++) {
        LW_TRY(seal_one(home, to, number, out));
    }
    return LW_SUCCESS;
}

static lw_err read_sealed(struct wallet_home *home, uint32_t number, lw_buf *out)
{
    WALLET_AUTO_TXN txn = NULL;
    lw_bytes sealed = {0};
    LW_TRY(wallet_read_begin(home->store, &txn));
    const lw_err err = wallet_store_recovery_epoch_get(txn, number, &sealed);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_FAIL(LW_E_CORRUPT, "home: an epoch key was not sealed for recovery", LW_NOWHERE);
    }
    LW_TRY(err);
    return lw_buf_put(out, sealed);
}

lw_err home_epochs_open(struct wallet_home *home, const struct hsm_soft_key *key,
                        home_epoch_visit *visit, void *ctx)
{
    uint32_t last = 0;
    LW_TRY(newest(home, &last));
    for (uint32_t number = 1; number <= last; number++) {
        LW_AUTO_BUF aad = LW_BUF(NAME_MAX_LEN);
        LW_AUTO_BUF sealed = LW_BUF(WALLET_RECOVERY_SEALED_MAX);
        LW_AUTO_BUF secret = LW_BUF(EPOCH_KEY_LEN);
        LW_TRY(put_name(number, &aad));
        LW_TRY(read_sealed(home, number, &sealed));
        LW_TRY(hsm_envelope_open(key, lw_buf_view(&aad), lw_buf_view(&sealed), &secret));
        if (secret.len != EPOCH_KEY_LEN) {
            return LW_FAIL(LW_E_CORRUPT, "home: an epoch key of another length", LW_NOWHERE);
        }
        if (visit != NULL) {
            LW_TRY(visit(ctx, number, secret.ptr));
        }
    }
    return LW_SUCCESS;
}

struct standby_write {
    uint32_t number;
    struct wallet_standby_wrap wrap;
};

static lw_err write_standby(struct wallet_txn *txn, void *ctx)
{
    const struct standby_write *w = ctx;
    return wallet_store_standby_put(txn, w->number, &w->wrap);
}

lw_err home_epochs_standby(struct wallet_home *home, struct hsm_pool *second, const char *seal)
{
    uint32_t last = 0;
    LW_TRY(newest(home, &last));
    for (uint32_t number = 1; number <= last; number++) {
        LW_AUTO_BUF secret = LW_BUF(EPOCH_KEY_LEN);
        LW_AUTO_BUF wrapped = LW_BUF(HSM_WRAP_MAX);
        struct wallet_epoch epoch;
        struct standby_write w = {.number = number};
        uint8_t *key = NULL;
        LW_TRY(release(home, number, &epoch, &secret, &key));
        LW_TRY(hsm_pool_wrap(second, seal, key, &wrapped));
        (void)snprintf(w.wrap.seal, sizeof(w.wrap.seal), "%s", seal);
        w.wrap.wrapped = lw_buf_view(&wrapped);
        LW_TRY(wallet_store_write(home->store, write_standby, &w));
    }
    return LW_SUCCESS;
}
