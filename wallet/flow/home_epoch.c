/* Epoch keys of a home: made, released by the token, wrapped anew under another seal key. */
#include <stdio.h>

#include "home_key.h"
#include "wallet/flow_key.h"

enum { EPOCH_KEY_LEN = 32, EPOCHS_MAX = 16 };

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

/* Fills a buffer, which is wiped with its end, with the epoch's key. */
static lw_err release(struct wallet_home *home, uint32_t number, struct wallet_epoch *epoch,
                      lw_buf *secret, uint8_t **key)
{
    LW_AUTO_BUF wrapped = LW_BUF(HSM_WRAP_MAX);
    LW_TRY(read_epoch(home, number, epoch, &wrapped));
    LW_TRY(lw_buf_reserve(secret, EPOCH_KEY_LEN, key));
    lw_buf_commit(secret, EPOCH_KEY_LEN);
    const lw_err err = hsm_pool_unwrap(home->pool, epoch->seal, epoch->wrapped, *key);
    epoch->wrapped = (lw_bytes){NULL, 0};
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

static lw_err write_epoch(struct wallet_txn *txn, void *ctx)
{
    const struct wallet_epoch *epoch = ctx;
    LW_TRY(wallet_store_epoch_put(txn, epoch));
    return home_audit(txn, epoch->made, WALLET_AUDIT_EPOCH_MADE, LW_STR("system"),
                      lw_str_bytes(lw_str_c(epoch->seal)));
}

lw_err home_epoch_make(struct wallet_home *home, const char *seal)
{
    LW_AUTO_BUF secret = LW_BUF(EPOCH_KEY_LEN);
    LW_AUTO_BUF wrapped = LW_BUF(HSM_WRAP_MAX);
    struct wallet_epoch epoch = {.made = lw_now(home->env->clock)};
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
    epoch.number = last + 1;
    epoch.in_use = last == 0;
    epoch.wrapped = lw_buf_view(&wrapped);
    (void)snprintf(epoch.seal, sizeof(epoch.seal), "%s", seal);
    LW_TRY(wallet_store_write(home->store, write_epoch, &epoch));
    return wallet_store_unlock(home->store, epoch.number, key);
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

static lw_err rewrap_one(struct wallet_home *home, uint32_t number, const char *seal,
                         struct home_rewrapped *out)
{
    LW_AUTO_BUF secret = LW_BUF(EPOCH_KEY_LEN);
    LW_AUTO_BUF wrapped = LW_BUF(HSM_WRAP_MAX);
    struct wallet_epoch *epoch = &out->epochs[out->count];
    uint8_t *key = NULL;
    LW_TRY(release(home, number, epoch, &secret, &key));
    LW_TRY(hsm_pool_wrap(home->pool, seal, key, &wrapped));
    memcpy(out->bytes[out->count], wrapped.ptr, wrapped.len);
    epoch->wrapped = (lw_bytes){.ptr = out->bytes[out->count], .len = wrapped.len};
    epoch->in_use = true;
    (void)snprintf(epoch->seal, sizeof(epoch->seal), "%s", seal);
    out->count++;
    return LW_SUCCESS;
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
