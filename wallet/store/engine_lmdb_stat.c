/* What the data file holds and who reads it. */
#define _GNU_SOURCE

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine_lmdb.h"

/* A row of LMDB's table of readers: process, thread, transaction or "-". */
static int take_reader(const char *row, void *ctx)
{
    struct wallet_engine_stat *stat = ctx;
    char *end = NULL;
    const long pid = strtol(row, &end, 10);
    if (end == row || pid <= 0) {
        return 0; /* the heading */
    }
    while (*end == ' ') {
        end++;
    }
    end += strcspn(end, " "); /* the thread */
    const char *at = end;
    const unsigned long long txn = strtoull(at, &end, 10);
    if (end != at && (stat->oldest_reader_pid == 0 || txn < stat->oldest_reader)) {
        stat->oldest_reader = txn;
        stat->oldest_reader_pid = pid;
    }
    return 0;
}

/* Free pages lie in LMDB's first tree: transaction -> how many, and which. */
static int count_free(MDB_txn *txn, uint64_t *pages)
{
    MDB_cursor *cursor = NULL;
    MDB_val key = {0};
    MDB_val value = {0};
    int rc = mdb_cursor_open(txn, 0, &cursor);
    *pages = 0;
    while (rc == 0 && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        size_t here = 0;
        if (value.mv_size < sizeof(here)) {
            rc = MDB_CORRUPTED;
            break;
        }
        memcpy(&here, value.mv_data, sizeof(here));
        *pages += here;
    }
    if (cursor != NULL) {
        mdb_cursor_close(cursor);
    }
    return rc == MDB_NOTFOUND ? 0 : rc;
}

static int count_keyspaces(struct lmdb_engine *e, MDB_txn *txn, struct wallet_engine_stat *stat)
{
    int rc = 0;
    for (size_t i = 0; i < WALLET_KS_COUNT && rc == 0; i++) {
        MDB_stat tree = {0};
        rc = e->dbi[i] == 0 ? 0 : mdb_stat(txn, e->dbi[i], &tree);
        stat->keyspace[i].entries = tree.ms_entries;
        stat->keyspace[i].bytes =
            (tree.ms_branch_pages + tree.ms_leaf_pages + tree.ms_overflow_pages) * e->page;
        stat->entries += tree.ms_entries;
    }
    return rc;
}

lw_err lmdb_stat(struct wallet_engine *engine, struct wallet_engine_stat *stat)
{
    struct lmdb_engine *e = (struct lmdb_engine *)engine;
    const struct wallet_engine_ops *ops = engine->ops;
    struct wallet_engine_txn *txn = NULL;
    MDB_envinfo info = {0};
    uint64_t pages = 0;
    *stat = (struct wallet_engine_stat){.entries = 0};
    (void)mdb_reader_list(e->env, take_reader, stat); /* before this one reads */
    LW_TRY(ops->begin(engine, WALLET_ENGINE_READ, NULL, &txn));
    MDB_txn *mdb = ((struct lmdb_txn *)txn)->mdb;
    int rc = count_keyspaces(e, mdb, stat);
    rc = rc != 0 ? rc : count_free(mdb, &pages);
    (void)mdb_env_info(e->env, &info); /* fails for NULL only */
    ops->abort(txn);
    stat->used_bytes = ((uint64_t)info.me_last_pgno + 1) * e->page;
    stat->free_bytes = pages * e->page;
    stat->map_bytes = info.me_mapsize;
    stat->readers = info.me_numreaders;
    stat->commit = info.me_last_txnid;
    return lmdb_fault(rc);
}

lw_err lmdb_tend(struct wallet_engine *engine, unsigned *cleared)
{
    struct lmdb_engine *e = (struct lmdb_engine *)engine;
    int dead = 0;
    LW_TRY(lmdb_health(engine));
    const int rc = mdb_reader_check(e->env, &dead);
    *cleared = dead > 0 ? (unsigned)dead : 0;
    return lmdb_fault(rc);
}
