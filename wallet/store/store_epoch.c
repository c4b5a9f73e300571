/* Epoch keys as stored, and the store's unlocking with them. */
#define _DEFAULT_SOURCE /* explicit_bzero */

#include <string.h>

#include "row.h"
#include "store_internal.h"

enum {
    RECORD_VERSION = 1,
    VALUE_MAX = 2048,
    ROOT_KEY_LEN = 8,
    EPOCH_KEY_LEN = 4,
    EPOCH_FIELDS = 4
};

static void put_u32(uint8_t out[4], uint32_t n)
{
    for (unsigned i = 0; i < 4; i++) {
        out[i] = (uint8_t)(n >> (24 - 8 * i));
    }
}

static lw_err encode(const struct wallet_epoch *epoch, lw_buf *value)
{
    if (epoch->number == 0) {
        return LW_FAIL(LW_E_MISUSE, "store: epochs begin at 1", LW_NOWHERE);
    }
    if (!wallet_row_text_ok(lw_str_c(epoch->seal), WALLET_EPOCH_SEAL_MAX)) {
        return LW_FAIL(LW_E_VALUE, "store: an epoch names the key that wraps it", LW_NOWHERE);
    }
    LW_TRY(wallet_stored_begin(value, RECORD_VERSION, EPOCH_FIELDS));
    LW_TRY(wallet_cbor_put_text(value, lw_str_c(epoch->seal)));
    LW_TRY(wallet_cbor_put_int(value, epoch->made));
    LW_TRY(wallet_cbor_put_uint(value, epoch->in_use ? 1 : 0));
    return wallet_cbor_put_bytes(value, epoch->wrapped);
}

lw_err wallet_store_epoch_put(struct wallet_txn *txn, const struct wallet_epoch *epoch)
{
    uint8_t key[EPOCH_KEY_LEN];
    LW_AUTO_BUF value = LW_BUF(VALUE_MAX);
    LW_TRY(encode(epoch, &value));
    put_u32(key, epoch->number);
    LW_TRY(wallet_txn_insert(txn, WALLET_KS_EPOCH, LW_BYTES(key), lw_buf_view(&value)));
    return wallet_store_touch(txn);
}

lw_err wallet_store_epoch_change(struct wallet_txn *txn, const struct wallet_epoch *epoch)
{
    uint8_t key[EPOCH_KEY_LEN];
    lw_bytes before = {0};
    LW_AUTO_BUF value = LW_BUF(VALUE_MAX);
    LW_TRY(encode(epoch, &value));
    put_u32(key, epoch->number);
    LW_TRY(wallet_txn_get(txn, WALLET_KS_EPOCH, LW_BYTES(key), &before));
    LW_TRY(wallet_txn_put(txn, WALLET_KS_EPOCH, LW_BYTES(key), lw_buf_view(&value)));
    return wallet_store_touch(txn);
}

static lw_err parse(lw_bytes key, lw_bytes value, struct wallet_epoch *epoch)
{
    struct wallet_cbor r;
    if (key.len != EPOCH_KEY_LEN) {
        return LW_FAIL(LW_E_CORRUPT, "store: an epoch without its number", LW_NOWHERE);
    }
    epoch->number = (uint32_t)key.ptr[0] << 24 | (uint32_t)key.ptr[1] << 16 |
                    (uint32_t)key.ptr[2] << 8 | key.ptr[3];
    LW_TRY(wallet_row_open(value, EPOCH_FIELDS, &r));
    wallet_row_read_text(&r, WALLET_EPOCH_SEAL_MAX, epoch->seal);
    epoch->made = wallet_cbor_int(&r);
    epoch->in_use = wallet_row_read_uint(&r, 1) == 1;
    epoch->wrapped = wallet_cbor_bytes(&r);
    return wallet_stored_end(&r);
}

lw_err wallet_store_epoch_get(const struct wallet_txn *txn, uint32_t number,
                              struct wallet_epoch *epoch)
{
    uint8_t wanted[EPOCH_KEY_LEN];
    lw_bytes key = LW_BYTES(wanted);
    lw_bytes value = {0};
    if (number != 0) {
        put_u32(wanted, number);
        LW_TRY(wallet_txn_get(txn, WALLET_KS_EPOCH, key, &value));
        return parse(key, value, epoch);
    }
    WALLET_AUTO_SCAN scan = wallet_scan_back(txn, WALLET_KS_EPOCH, (lw_bytes){0});
    if (!wallet_scan_next(&scan, &key, &value)) {
        LW_TRY(scan.err);
        return LW_FAIL(LW_E_NOT_FOUND, "store: no epoch key was made", LW_NOWHERE);
    }
    return parse(key, value, epoch);
}

bool wallet_store_epoch_unlocked(const struct wallet_store *store, uint32_t number)
{
    struct wallet_epoch_key epoch;
    const bool known = number != 0 && wallet_seal_epoch(&store->seal, number, &epoch).code == LW_OK;
    explicit_bzero(&epoch, sizeof(epoch));
    return known;
}

static lw_err newest_in_use(struct wallet_store *store, uint32_t *number)
{
    struct wallet_epoch epoch = {.number = 0};
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(store, &txn));
    LW_TRY(wallet_store_epoch_get(txn, 0, &epoch));
    while (!epoch.in_use && epoch.number > 1) {
        LW_TRY(wallet_store_epoch_get(txn, epoch.number - 1, &epoch));
    }
    *number = epoch.number;
    return LW_SUCCESS;
}

lw_err wallet_store_epoch_follow(struct wallet_store *store)
{
    uint32_t number = 0;
    LW_TRY(newest_in_use(store, &number));
    if (wallet_store_epoch_unlocked(store, number)) {
        wallet_seal_use(&store->seal, number);
    }
    return LW_SUCCESS;
}

/*
 * The look-up root, from which the keys of look-ups are derived, outlives epochs: it is kept once
 * for each, wrapped under its key. So a wrong key is noticed, and a wrong new one spoils nothing.
 */
static void root_key(uint32_t epoch, uint8_t key[ROOT_KEY_LEN])
{
    static const uint8_t prefix[4] = {'r', 'o', 'o', 't'};
    memcpy(key, prefix, sizeof(prefix));
    put_u32(key + 4, epoch);
}

static lw_err open_root(const struct wallet_txn *txn, const struct wallet_epoch_key *epoch,
                        uint8_t root[WALLET_DATA_KEY_LEN])
{
    uint8_t key[ROOT_KEY_LEN];
    lw_bytes value = {0};
    root_key(epoch->number, key);
    LW_TRY(wallet_txn_get(txn, WALLET_KS_META, LW_BYTES(key), &value));
    return wallet_seal_open_root(epoch, value, root);
}

static lw_err no_root_yet(const struct wallet_txn *txn)
{
    lw_bytes key = {0};
    lw_bytes value = {0};
    WALLET_AUTO_SCAN scan = wallet_scan(txn, WALLET_KS_META, lw_str_bytes(LW_STR("root")));
    if (wallet_scan_next(&scan, &key, &value)) {
        return LW_FAIL(LW_E_MISUSE, "store: unlock the older epochs first", LW_NOWHERE);
    }
    return scan.err;
}

struct unlocking {
    const struct wallet_seal_ctx *seal;
    const struct wallet_epoch_key *epoch;
    bool known; /* the root is, from another epoch */
    uint8_t root[WALLET_DATA_KEY_LEN];
};

/* Opens the root with this epoch's key, or keeps it, perhaps a new one, under it. */
static lw_err keep_root(struct wallet_txn *txn, void *ctx)
{
    struct unlocking *u = ctx;
    uint8_t key[ROOT_KEY_LEN];
    LW_AUTO_BUF wrapped = LW_BUF(VALUE_MAX);
    const lw_err found = open_root(txn, u->epoch, u->root);
    if (found.code != LW_E_NOT_FOUND) {
        return found; /* another process was faster */
    }
    if (!u->known) {
        LW_TRY(no_root_yet(txn));
        LW_TRY(lw_rng_fill(u->seal->rng, u->root, sizeof(u->root)));
    }
    LW_TRY(wallet_seal_wrap_root(u->seal->rng, u->epoch, u->root, &wrapped));
    root_key(u->epoch->number, key);
    return wallet_txn_put(txn, WALLET_KS_META, LW_BYTES(key), lw_buf_view(&wrapped));
}

static lw_err find_root(struct wallet_store *store, struct unlocking *u)
{
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(store, &txn));
    return open_root(txn, u->epoch, u->root);
}

static lw_err unlock(struct wallet_store *store, struct unlocking *u)
{
    lw_err err = find_root(store, u);
    if (err.code == LW_E_NOT_FOUND) {
        u->known = wallet_seal_root(&store->seal, u->root);
        err = wallet_store_write(store, keep_root, u);
    }
    LW_TRY(err);
    LW_TRY(wallet_seal_add_epoch(&store->seal, u->epoch));
    wallet_seal_set_root(&store->seal, u->root);
    return LW_SUCCESS;
}

lw_err wallet_store_unlock(struct wallet_store *store, uint32_t number,
                           const uint8_t epoch_key[WALLET_STORE_KEY_LEN])
{
    if (number == 0) {
        return LW_FAIL(LW_E_MISUSE, "store: epochs begin at 1", LW_NOWHERE);
    }
    struct wallet_epoch_key epoch = {.number = number};
    struct unlocking u = {.seal = &store->seal, .epoch = &epoch};
    memcpy(epoch.key, epoch_key, sizeof(epoch.key));
    const lw_err err = unlock(store, &u);
    explicit_bzero(&u, sizeof(u));
    explicit_bzero(&epoch, sizeof(epoch));
    return err;
}

void wallet_store_lock(struct wallet_store *store)
{
    wallet_seal_lock(&store->seal);
}
