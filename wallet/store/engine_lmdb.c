/* LMDB behind the engine table: transactions and what they do. */
#define _POSIX_C_SOURCE 200809L

#include "engine_lmdb.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct lmdb_scan {
    const struct lmdb_txn *txn;
    MDB_cursor *cursor;
};

enum { BEGIN_TRIES = 8, PAGES_A_CHANGE = 8 };

static const struct lmdb_txn *txn_of(const struct wallet_engine_txn *txn)
{
    return (const struct lmdb_txn *)txn;
}

static struct wallet_engine_txn *as_engine_txn(struct lmdb_txn *txn)
{
    return (struct wallet_engine_txn *)txn;
}

static bool failed(const struct lmdb_engine *e)
{
    return atomic_load_explicit(&e->failed, memory_order_relaxed);
}

static MDB_val val_of(lw_bytes b)
{
    /* LMDB writes through no pointer that it is given to read from. */
    union {
        const void *in;
        void *out;
    } p = {.in = b.ptr};
    return (MDB_val){.mv_size = b.len, .mv_data = p.out};
}

static lw_bytes bytes_of(const MDB_val *v)
{
    return (lw_bytes){.ptr = v->mv_data, .len = v->mv_size};
}

static lw_err check_key(lw_bytes key)
{
    if (key.len == 0 || key.len > WALLET_KEY_MAX) {
        return LW_FAIL(LW_E_LIMIT, "engine: a key of no or too many bytes", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static struct lmdb_txn *new_txn(struct lmdb_engine *e, bool write, struct lmdb_txn *parent)
{
    struct lmdb_txn *t = malloc(sizeof(*t));
    if (t != NULL) {
        *t = (struct lmdb_txn){.engine = e, .parent = parent, .write = write};
    }
    return t;
}

static lw_err no_memory(void)
{
    return LW_FAIL(LW_E_NOMEM, "engine: out of memory", LW_NOWHERE);
}

/* What can be done about a code that beginning gave; an error when nothing can. */
static lw_err mend(struct lmdb_engine *e, int rc)
{
    if (rc == MDB_MAP_RESIZED) {
        return lmdb_adopt_size(e);
    }
    if (rc == MDB_READERS_FULL) {
        int dead = 0;
        (void)mdb_reader_check(e->env, &dead);
        return dead > 0 ? LW_SUCCESS : lmdb_fault(rc);
    }
    if (rc == MDB_PANIC) {
        return lmdb_fail(e);
    }
    return lmdb_fault(rc);
}

static lw_err begin_read(struct lmdb_engine *e, struct lmdb_txn **txn)
{
    for (unsigned i = 0; i < BEGIN_TRIES; i++) {
        struct lmdb_txn *t = NULL;
        int rc = 0;
        lmdb_enter(e, &t);
        if (t != NULL) {
            rc = mdb_txn_renew(t->mdb);
        } else if ((t = new_txn(e, false, NULL)) == NULL) {
            rc = ENOMEM;
        } else if ((rc = mdb_txn_begin(e->env, NULL, MDB_RDONLY, &t->mdb)) != 0) {
            free(t);
            t = NULL;
        }
        if (rc == 0) {
            *txn = t;
            return LW_SUCCESS;
        }
        lmdb_leave(e, t);
        LW_TRY(mend(e, rc));
    }
    return LW_FAIL(LW_E_BUSY, "engine: the map keeps growing", LW_NOWHERE);
}

static lw_err begin_write(struct lmdb_engine *e, struct lmdb_txn **txn)
{
    if (atomic_exchange(&e->grow, false)) {
        const lw_err err = lmdb_grow(e);
        if (err.code != LW_OK) {
            atomic_store(&e->grow, true);
            return err;
        }
    }
    struct lmdb_txn *t = new_txn(e, true, NULL);
    if (t == NULL) {
        return no_memory();
    }
    lw_err err = LW_FAIL(LW_E_BUSY, "engine: the map keeps growing", LW_NOWHERE);
    for (unsigned i = 0; i < BEGIN_TRIES; i++) {
        lmdb_enter(e, NULL);
        const int rc = mdb_txn_begin(e->env, NULL, 0, &t->mdb);
        err = rc == 0 ? lmdb_reserve(e) : LW_SUCCESS;
        if (rc == 0 && err.code == LW_OK) {
            *txn = t;
            return LW_SUCCESS;
        }
        if (rc == 0) {
            mdb_txn_abort(t->mdb);
        }
        lmdb_leave(e, NULL);
        err = rc == 0 ? err : mend(e, rc);
        if (err.code != LW_OK) {
            break;
        }
    }
    free(t);
    return err;
}

static lw_err begin_savepoint(struct lmdb_engine *e, struct lmdb_txn *parent, struct lmdb_txn **txn)
{
    struct lmdb_txn *t = new_txn(e, true, parent);
    if (t == NULL) {
        return no_memory();
    }
    const int rc = mdb_txn_begin(e->env, parent->mdb, 0, &t->mdb);
    if (rc != 0) {
        free(t);
        return lmdb_fault(rc);
    }
    *txn = t;
    return LW_SUCCESS;
}

static lw_err begin(struct wallet_engine *engine, enum wallet_engine_mode mode,
                    struct wallet_engine_txn *parent, struct wallet_engine_txn **txn)
{
    struct lmdb_engine *e = (struct lmdb_engine *)engine;
    struct lmdb_txn *t = NULL;
    if (failed(e)) {
        return lmdb_health(engine);
    }
    if (parent != NULL) {
        LW_TRY(begin_savepoint(e, (struct lmdb_txn *)parent, &t));
    } else if (mode == WALLET_ENGINE_WRITE) {
        LW_TRY(begin_write(e, &t));
    } else {
        LW_TRY(begin_read(e, &t));
    }
    *txn = as_engine_txn(t);
    return LW_SUCCESS;
}

/* Ends the bookkeeping of a transaction that LMDB has ended. */
static void ended(struct lmdb_txn *t)
{
    if (t->parent != NULL) {
        t->parent->cost += t->cost;
        if (t->state == WALLET_ENGINE_RERUN) {
            t->parent->state = WALLET_ENGINE_RERUN;
        }
    } else {
        if (t->state == WALLET_ENGINE_RERUN) {
            atomic_store(&t->engine->grow, true);
        }
        lmdb_leave(t->engine, NULL);
    }
    free(t);
}

static void abort_txn(struct wallet_engine_txn *txn)
{
    struct lmdb_txn *t = (struct lmdb_txn *)txn;
    if (t->write) {
        mdb_txn_abort(t->mdb);
        ended(t);
    } else {
        mdb_txn_reset(t->mdb);
        lmdb_leave(t->engine, t);
    }
}

static lw_err commit_result(struct lmdb_txn *t, int rc)
{
    struct lmdb_engine *e = t->engine;
    if (rc == 0) {
        if (t->parent == NULL) {
            atomic_store(&e->full, false);
        }
        return LW_SUCCESS;
    }
    if (rc == MDB_MAP_FULL) {
        t->state = WALLET_ENGINE_RERUN;
        return LW_FAIL(LW_E_LIMIT, "engine: the map was full", LW_NOWHERE);
    }
    if (t->parent != NULL) { /* nothing was written yet */
        t->parent->state = WALLET_ENGINE_BROKEN;
        return lmdb_fault(rc);
    }
    /* The meta page was not written, so the pages that were are free ones as before. */
    if (lmdb_is_full(rc) || (rc == EIO && lmdb_disk_is_full(e, t->cost))) {
        atomic_store(&e->full, true);
        return lmdb_fault(ENOSPC);
    }
    return lmdb_fail(e);
}

static lw_err may_commit(const struct lmdb_txn *t)
{
    if (failed(t->engine)) {
        return lmdb_health(&t->engine->base);
    }
    switch (t->state) {
    case WALLET_ENGINE_SOUND:
        break;
    case WALLET_ENGINE_RERUN:
        return LW_FAIL(LW_E_LIMIT, "engine: the map was full", LW_NOWHERE);
    case WALLET_ENGINE_BROKEN:
        return LW_FAIL(LW_E_MISUSE, "engine: commit of a broken transaction", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static lw_err commit(struct wallet_engine_txn *txn)
{
    struct lmdb_txn *t = (struct lmdb_txn *)txn;
    assert(t->write);
    lw_err err = may_commit(t);
    if (err.code == LW_OK) {
        err = commit_result(t, mdb_txn_commit(t->mdb));
    } else {
        mdb_txn_abort(t->mdb);
    }
    ended(t);
    return err;
}

static enum wallet_engine_state state(const struct wallet_engine_txn *txn)
{
    return txn_of(txn)->state;
}

static lw_err get(const struct wallet_engine_txn *txn, enum wallet_keyspace ks, lw_bytes key,
                  lw_bytes *value)
{
    const struct lmdb_txn *t = txn_of(txn);
    LW_TRY(check_key(key));
    if (failed(t->engine)) {
        return lmdb_health(&t->engine->base);
    }
    MDB_val k = val_of(key);
    MDB_val v = {0};
    const MDB_dbi dbi = t->engine->dbi[ks];
    const int rc = dbi == 0 ? MDB_NOTFOUND : mdb_get(t->mdb, dbi, &k, &v);
    if (rc != 0) {
        return lmdb_fault(rc);
    }
    *value = bytes_of(&v);
    return LW_SUCCESS;
}

/* Counts a change of `bytes` and remembers what makes the transaction unfit to be committed. */
static lw_err changed(struct lmdb_txn *t, int rc, size_t bytes)
{
    t->cost += bytes + PAGES_A_CHANGE * t->engine->page;
    if (rc == MDB_MAP_FULL) {
        t->state = WALLET_ENGINE_RERUN;
    } else if (rc != 0 && rc != MDB_KEYEXIST && rc != MDB_NOTFOUND) {
        t->state = WALLET_ENGINE_BROKEN;
    }
    return rc == MDB_PANIC ? lmdb_fail(t->engine) : lmdb_fault(rc);
}

static lw_err writable(const struct lmdb_txn *t, enum wallet_keyspace ks, lw_bytes key)
{
    LW_TRY(check_key(key));
    if (failed(t->engine)) {
        return lmdb_health(&t->engine->base);
    }
    if (!t->write || t->engine->dbi[ks] == 0) {
        return LW_FAIL(LW_E_MISUSE, "engine: a change where none may be made", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static lw_err put(struct wallet_engine_txn *txn, enum wallet_keyspace ks, lw_bytes key,
                  lw_bytes value, enum wallet_put how)
{
    struct lmdb_txn *t = (struct lmdb_txn *)txn;
    LW_TRY(writable(t, ks, key));
    const MDB_dbi dbi = t->engine->dbi[ks];
    MDB_val k = val_of(key);
    MDB_val v = val_of(value);
    int rc = MDB_KEYEXIST;
    if (how == WALLET_PUT_LAST) {
        rc = mdb_put(t->mdb, dbi, &k, &v, MDB_APPEND);
        how = WALLET_PUT;
    }
    if (rc == MDB_KEYEXIST) {
        k = val_of(key);
        v = val_of(value);
        rc = mdb_put(t->mdb, dbi, &k, &v, how == WALLET_PUT_INSERT ? MDB_NOOVERWRITE : 0);
    }
    return changed(t, rc, key.len + value.len);
}

static lw_err del(struct wallet_engine_txn *txn, enum wallet_keyspace ks, lw_bytes key)
{
    struct lmdb_txn *t = (struct lmdb_txn *)txn;
    LW_TRY(writable(t, ks, key));
    MDB_val k = val_of(key);
    return changed(t, mdb_del(t->mdb, t->engine->dbi[ks], &k, NULL), 0);
}

static lw_err count(const struct wallet_engine_txn *txn, enum wallet_keyspace ks, uint64_t *entries)
{
    const struct lmdb_txn *t = txn_of(txn);
    MDB_stat stat = {0};
    if (failed(t->engine)) {
        return lmdb_health(&t->engine->base);
    }
    const MDB_dbi dbi = t->engine->dbi[ks];
    const int rc = dbi == 0 ? 0 : mdb_stat(t->mdb, dbi, &stat);
    *entries = stat.ms_entries;
    return lmdb_fault(rc);
}

static lw_err scan(const struct wallet_engine_txn *txn, enum wallet_keyspace ks,
                   struct wallet_engine_scan **out)
{
    const struct lmdb_txn *t = txn_of(txn);
    if (failed(t->engine)) {
        return lmdb_health(&t->engine->base);
    }
    struct lmdb_scan *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return no_memory();
    }
    s->txn = t;
    const MDB_dbi dbi = t->engine->dbi[ks];
    const int rc = dbi == 0 ? 0 : mdb_cursor_open(t->mdb, dbi, &s->cursor);
    if (rc != 0) {
        free(s);
        return lmdb_fault(rc);
    }
    *out = (struct wallet_engine_scan *)s;
    return LW_SUCCESS;
}

static int seek_key(MDB_cursor *cursor, enum wallet_seek how, lw_bytes from, MDB_val *k, MDB_val *v)
{
    *k = val_of(from);
    const int rc = mdb_cursor_get(cursor, k, v, MDB_SET_RANGE);
    const bool same = rc == 0 && lw_bytes_eq(bytes_of(k), from);
    switch (how) {
    case WALLET_SEEK_GE:
        return rc;
    case WALLET_SEEK_GT:
        return same ? mdb_cursor_get(cursor, k, v, MDB_NEXT) : rc;
    case WALLET_SEEK_LE:
    case WALLET_SEEK_LT:
        if (rc == MDB_NOTFOUND) {
            return mdb_cursor_get(cursor, k, v, MDB_LAST);
        }
        return rc != 0 || (same && how == WALLET_SEEK_LE) ? rc
                                                          : mdb_cursor_get(cursor, k, v, MDB_PREV);
    }
    return MDB_NOTFOUND;
}

static lw_err found(const struct lmdb_scan *s, int rc, const MDB_val *k, const MDB_val *v,
                    lw_bytes out[2])
{
    if (failed(s->txn->engine)) {
        return lmdb_health(&s->txn->engine->base);
    }
    if (rc == 0) {
        out[0] = bytes_of(k);
        out[1] = bytes_of(v);
    }
    return lmdb_fault(rc);
}

static lw_err seek(struct wallet_engine_scan *scan_, enum wallet_seek how, lw_bytes from,
                   lw_bytes *key, lw_bytes *value)
{
    struct lmdb_scan *s = (struct lmdb_scan *)scan_;
    MDB_val k = {0};
    MDB_val v = {0};
    lw_bytes out[2] = {{0}, {0}};
    int rc = MDB_NOTFOUND;
    if (s->cursor != NULL && from.len == 0) {
        const bool forward = how == WALLET_SEEK_GE || how == WALLET_SEEK_GT;
        rc = mdb_cursor_get(s->cursor, &k, &v, forward ? MDB_FIRST : MDB_LAST);
    } else if (s->cursor != NULL) {
        rc = seek_key(s->cursor, how, from, &k, &v);
    }
    LW_TRY(found(s, rc, &k, &v, out));
    *key = out[0];
    *value = out[1];
    return LW_SUCCESS;
}

static lw_err step(struct wallet_engine_scan *scan_, bool back, lw_bytes *key, lw_bytes *value)
{
    struct lmdb_scan *s = (struct lmdb_scan *)scan_;
    MDB_val k = {0};
    MDB_val v = {0};
    lw_bytes out[2] = {{0}, {0}};
    const int rc = s->cursor == NULL
                       ? MDB_NOTFOUND
                       : mdb_cursor_get(s->cursor, &k, &v, back ? MDB_PREV : MDB_NEXT);
    LW_TRY(found(s, rc, &k, &v, out));
    *key = out[0];
    *value = out[1];
    return LW_SUCCESS;
}

static void scan_end(struct wallet_engine_scan *scan_)
{
    struct lmdb_scan *s = (struct lmdb_scan *)scan_;
    if (s->cursor != NULL) {
        mdb_cursor_close(s->cursor);
    }
    free(s);
}

const struct wallet_engine_ops wallet_engine_lmdb = {
    .name = "lmdb",
    .open = lmdb_open,
    .close = lmdb_close,
    .prepare = lmdb_prepare,
    .begin = begin,
    .commit = commit,
    .abort = abort_txn,
    .state = state,
    .get = get,
    .put = put,
    .del = del,
    .count = count,
    .scan = scan,
    .seek = seek,
    .step = step,
    .scan_end = scan_end,
    .sync = lmdb_sync,
    .defer = lmdb_defer,
    .copy = lmdb_copy,
    .own = lmdb_own,
    .tend = lmdb_tend,
    .discard = lmdb_discard,
    .stat = lmdb_stat,
    .health = lmdb_health,
};
