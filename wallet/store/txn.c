#define _POSIX_C_SOURCE 200809L

#include "txn.h"

#include <assert.h>
#include <stdlib.h>

#include "store_internal.h"

lw_err wallet_read_begin(struct wallet_store *store, struct wallet_txn **txn)
{
    struct wallet_txn *t = calloc(1, sizeof(*t));
    if (t == NULL) {
        return LW_FAIL(LW_E_NOMEM, "store: out of memory", LW_NOWHERE);
    }
    t->store = store;
    t->ops = store->ops;
    const lw_err err = t->ops->begin(store->engine, WALLET_ENGINE_READ, NULL, &t->engine);
    if (err.code != LW_OK) {
        free(t);
        return err;
    }
    *txn = t;
    return LW_SUCCESS;
}

void wallet_txn_end(struct wallet_txn *txn)
{
    if (txn != NULL) {
        assert(!txn->write); /* the writer ends its own */
        txn->ops->abort(txn->engine);
        free(txn);
    }
}

struct wallet_store *wallet_txn_store(const struct wallet_txn *txn)
{
    return txn->store;
}

const struct lw_rng *wallet_txn_rng(const struct wallet_txn *txn)
{
    return txn->store->rng;
}

const struct lw_clock *wallet_txn_clock(const struct wallet_txn *txn)
{
    return txn->store->clock;
}

const struct wallet_seal_ctx *wallet_txn_seal_ctx(const struct wallet_txn *txn)
{
    return &txn->store->seal;
}

lw_err wallet_txn_get(const struct wallet_txn *txn, enum wallet_keyspace ks, lw_bytes key,
                      lw_bytes *value)
{
    return txn->ops->get(txn->engine, ks, key, value);
}

lw_err wallet_txn_has(const struct wallet_txn *txn, enum wallet_keyspace ks, lw_bytes key,
                      bool *there)
{
    lw_bytes value = {0};
    const lw_err err = wallet_txn_get(txn, ks, key, &value);
    *there = err.code == LW_OK;
    return err.code == LW_E_NOT_FOUND ? LW_SUCCESS : err;
}

/* A change that found the entry there, or not there, has changed nothing. */
static lw_err changed(struct wallet_txn *txn, lw_err err)
{
    if (err.code != LW_E_CONFLICT && err.code != LW_E_NOT_FOUND) {
        txn->changes++;
    }
    return err;
}

lw_err wallet_txn_put(struct wallet_txn *txn, enum wallet_keyspace ks, lw_bytes key, lw_bytes value)
{
    return changed(txn, txn->ops->put(txn->engine, ks, key, value, WALLET_PUT));
}

lw_err wallet_txn_insert(struct wallet_txn *txn, enum wallet_keyspace ks, lw_bytes key,
                         lw_bytes value)
{
    return changed(txn, txn->ops->put(txn->engine, ks, key, value, WALLET_PUT_INSERT));
}

lw_err wallet_txn_append(struct wallet_txn *txn, enum wallet_keyspace ks, lw_bytes key,
                         lw_bytes value)
{
    return changed(txn, txn->ops->put(txn->engine, ks, key, value, WALLET_PUT_LAST));
}

lw_err wallet_txn_delete(struct wallet_txn *txn, enum wallet_keyspace ks, lw_bytes key)
{
    return changed(txn, txn->ops->del(txn->engine, ks, key));
}

lw_err wallet_txn_count(const struct wallet_txn *txn, enum wallet_keyspace ks, uint64_t *entries)
{
    return txn->ops->count(txn->engine, ks, entries);
}

static struct wallet_scan start(const struct wallet_txn *txn, enum wallet_keyspace ks,
                                lw_bytes prefix, bool back)
{
    struct wallet_scan scan = {.txn = txn, .ks = ks, .back = back, .err = LW_SUCCESS};
    if (prefix.len > WALLET_KEY_MAX) { /* no key has it */
        scan.ended = true;
        return scan;
    }
    if (prefix.len > 0) {
        memcpy(scan.prefix, prefix.ptr, prefix.len);
    }
    scan.prefix_len = prefix.len;
    return scan;
}

struct wallet_scan wallet_scan(const struct wallet_txn *txn, enum wallet_keyspace ks,
                               lw_bytes prefix)
{
    return start(txn, ks, prefix, false);
}

struct wallet_scan wallet_scan_back(const struct wallet_txn *txn, enum wallet_keyspace ks,
                                    lw_bytes prefix)
{
    return start(txn, ks, prefix, true);
}

void wallet_scan_from(struct wallet_scan *scan, lw_bytes key)
{
    assert(!scan->begun);
    /* No key is longer, so the first WALLET_KEY_MAX bytes order it among them all the same. */
    scan->last_len = key.len < WALLET_KEY_MAX ? key.len : WALLET_KEY_MAX;
    if (scan->last_len > 0) {
        memcpy(scan->last, key.ptr, scan->last_len);
    }
}

/* The least key after all that begin with the scan's prefix; empty when there is none. */
static lw_bytes after_prefix(const struct wallet_scan *scan, uint8_t out[WALLET_KEY_MAX])
{
    size_t len = scan->prefix_len;
    while (len > 0 && scan->prefix[len - 1] == UINT8_MAX) {
        len--;
    }
    if (len > 0) {
        memcpy(out, scan->prefix, len);
        out[len - 1]++;
    }
    return (lw_bytes){.ptr = out, .len = len};
}

static lw_err first(struct wallet_scan *scan, lw_bytes *key, lw_bytes *value)
{
    const struct wallet_engine_ops *ops = scan->txn->ops;
    const lw_bytes from = {.ptr = scan->last, .len = scan->last_len};
    const lw_bytes prefix = {.ptr = scan->prefix, .len = scan->prefix_len};
    LW_TRY(ops->scan(scan->txn->engine, scan->ks, &scan->engine));
    if (!scan->back) {
        const bool later = lw_bytes_cmp(from, prefix) > 0;
        return ops->seek(scan->engine, WALLET_SEEK_GE, later ? from : prefix, key, value);
    }
    uint8_t room[WALLET_KEY_MAX];
    const lw_bytes end = after_prefix(scan, room);
    if (from.len > 0 && (end.len == 0 || lw_bytes_cmp(from, end) < 0)) {
        return ops->seek(scan->engine, WALLET_SEEK_LE, from, key, value);
    }
    return ops->seek(scan->engine, WALLET_SEEK_LT, end, key, value);
}

static lw_err next(struct wallet_scan *scan, lw_bytes *key, lw_bytes *value)
{
    const struct wallet_engine_ops *ops = scan->txn->ops;
    if (!scan->begun) {
        scan->begun = true;
        return first(scan, key, value);
    }
    if (scan->changes == scan->txn->changes) {
        return ops->step(scan->engine, scan->back, key, value);
    }
    const lw_bytes last = {.ptr = scan->last, .len = scan->last_len};
    return ops->seek(scan->engine, scan->back ? WALLET_SEEK_LT : WALLET_SEEK_GT, last, key, value);
}

bool wallet_scan_next(struct wallet_scan *scan, lw_bytes *key, lw_bytes *value)
{
    if (scan->ended) {
        return false;
    }
    lw_err err = next(scan, key, value);
    const lw_str prefix = {.ptr = (const char *)scan->prefix, .len = scan->prefix_len};
    if (err.code == LW_OK && lw_str_starts(lw_bytes_str(*key), prefix)) {
        scan->changes = scan->txn->changes;
        memcpy(scan->last, key->ptr, key->len);
        scan->last_len = key->len;
        return true;
    }
    scan->ended = true;
    scan->err = err.code == LW_E_NOT_FOUND ? LW_SUCCESS : err;
    return false;
}

void wallet_scan_end(struct wallet_scan *scan)
{
    if (scan->engine != NULL) {
        scan->txn->ops->scan_end(scan->engine);
        scan->engine = NULL;
    }
    scan->ended = true;
}

lw_err wallet_stored_begin(lw_buf *out, unsigned version, size_t fields)
{
    LW_TRY(wallet_cbor_put_array(out, fields + 1));
    return wallet_cbor_put_uint(out, version);
}

lw_err wallet_stored_open(lw_bytes value, unsigned newest, struct wallet_cbor *r, unsigned *version,
                          size_t *fields)
{
    *r = wallet_cbor_reader(value);
    const size_t count = wallet_cbor_array(r);
    const uint64_t is = wallet_cbor_uint(r);
    if (!wallet_cbor_ok(r) || count == 0 || is == 0) {
        return LW_FAIL(LW_E_CORRUPT, "store: a value without its version", LW_NOWHERE);
    }
    if (is > newest) {
        return LW_FAIL(LW_E_UNSUPPORTED, "store: a value of a newer version", LW_NOWHERE);
    }
    if (version != NULL) {
        *version = (unsigned)is;
    }
    if (fields != NULL) {
        *fields = count - 1;
    }
    return LW_SUCCESS;
}

lw_err wallet_stored_end(const struct wallet_cbor *r)
{
    const lw_err err = wallet_cbor_finish(r);
    if (err.code != LW_OK) {
        return LW_FAIL(LW_E_CORRUPT, "store: a value is not of its form", err.at);
    }
    return LW_SUCCESS;
}

void wallet_key_put_u64(uint8_t key[8], uint64_t n)
{
    for (size_t i = 0; i < 8; i++) {
        key[i] = (uint8_t)(n >> (56 - 8 * i));
    }
}

uint64_t wallet_key_u64(const uint8_t key[8])
{
    uint64_t n = 0;
    for (size_t i = 0; i < 8; i++) {
        n = n << 8 | key[i];
    }
    return n;
}
