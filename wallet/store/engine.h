/*
 * The engine: ordered keyspaces of byte keys and values, snapshots for readers, one writer at a
 * time over all processes. Private to wallet/store, where only engine_*.c know what is behind it.
 */
#ifndef STORE_ENGINE_H
#define STORE_ENGINE_H

#include "keyspace.h"
#include "lw/buf.h"

struct wallet_engine;      /* each engine begins its own with this one's `ops` */
struct wallet_engine_txn;  /* likewise */
struct wallet_engine_scan; /* likewise */

struct wallet_engine_config {
    const char *dir;
    size_t map_size; /* first size of the map, where an engine has one; 0: the engine's choice */
    bool reads_all;  /* see struct wallet_store_options */
    bool create;     /* make files that are absent; else LW_E_NOT_FOUND */
    void (*fatal)(void *ctx, lw_err err); /* see struct wallet_store_options */
    void *fatal_ctx;
};

struct wallet_engine_stat {
    uint64_t entries;
    uint64_t used_bytes; /* free_bytes included */
    uint64_t free_bytes; /* of pages to be used again */
    uint64_t map_bytes;
    uint64_t readers;
    uint64_t commit;
    uint64_t oldest_reader; /* the commit that the oldest open reader sees; 0: nobody reads */
    int64_t oldest_reader_pid;
    struct {
        uint64_t entries;
        uint64_t bytes;
    } keyspace[WALLET_KS_COUNT];
};

enum wallet_engine_mode { WALLET_ENGINE_READ, WALLET_ENGINE_WRITE };

enum wallet_put {
    WALLET_PUT,        /* replaces */
    WALLET_PUT_INSERT, /* LW_E_CONFLICT when the key exists */
    WALLET_PUT_LAST,   /* as WALLET_PUT; the key is likely the keyspace's last, stored densely */
};

enum wallet_seek {
    WALLET_SEEK_GE, /* first entry with a key >= the given; an empty key: the first of all */
    WALLET_SEEK_GT,
    WALLET_SEEK_LE, /* last entry with a key <= the given; an empty key: the last of all */
    WALLET_SEEK_LT,
};

/* Whether a write transaction can still be committed; see after each run of changes. */
enum wallet_engine_state {
    WALLET_ENGINE_SOUND,
    WALLET_ENGINE_RERUN,  /* the map is full: abort and begin again, it grows then */
    WALLET_ENGINE_BROKEN, /* a change failed otherwise: abort */
};

/*
 * Errors of all: LW_E_IO once the engine failed; LW_E_CORRUPT  what is stored makes no sense.
 * Borrowed keys and values: see struct wallet_txn.
 */
struct wallet_engine_ops {
    const char *name;

    lw_err (*open)(const struct wallet_engine_config *config, struct wallet_engine **engine);
    void (*close)(struct wallet_engine *engine);
    lw_err (*prepare)(struct wallet_engine *engine); /* make keyspaces that are absent: they read
                                                        as empty, and cannot be written before */

    /*
     * Begin. `parent`, of a write, makes a savepoint: only the child may be used until it ends.
     * errors  LW_E_BUSY  no room for another reader, or growth waits for readers that do not end;
     *         LW_E_NOSPACE  for a write
     */
    lw_err (*begin)(struct wallet_engine *engine, enum wallet_engine_mode mode,
                    struct wallet_engine_txn *parent, struct wallet_engine_txn **txn);

    /*
     * Commit, durably unless it is a savepoint; `txn` ends in any case.
     * errors  LW_E_NOSPACE  disk full: nothing was kept, later commits may succeed;
     *         LW_E_LIMIT    the map was full: begin again and run the same again;
     *         LW_E_IO       any other cause: the engine has failed
     */
    lw_err (*commit)(struct wallet_engine_txn *txn);
    void (*abort)(struct wallet_engine_txn *txn);

    enum wallet_engine_state (*state)(const struct wallet_engine_txn *txn);

    lw_err (*get)(const struct wallet_engine_txn *txn, enum wallet_keyspace ks, lw_bytes key,
                  lw_bytes *value); /* LW_E_NOT_FOUND */
    lw_err (*put)(struct wallet_engine_txn *txn, enum wallet_keyspace ks, lw_bytes key,
                  lw_bytes value, enum wallet_put how);
    lw_err (*del)(struct wallet_engine_txn *txn, enum wallet_keyspace ks,
                  lw_bytes key); /* LW_E_NOT_FOUND */
    lw_err (*count)(const struct wallet_engine_txn *txn, enum wallet_keyspace ks,
                    uint64_t *entries);

    /* A scan ends before its transaction. After a change in the transaction, seek again. */
    lw_err (*scan)(const struct wallet_engine_txn *txn, enum wallet_keyspace ks,
                   struct wallet_engine_scan **scan);
    lw_err (*seek)(struct wallet_engine_scan *scan, enum wallet_seek how, lw_bytes from,
                   lw_bytes *key, lw_bytes *value); /* LW_E_NOT_FOUND */
    lw_err (*step)(struct wallet_engine_scan *scan, bool back, lw_bytes *key,
                   lw_bytes *value); /* LW_E_NOT_FOUND */
    void (*scan_end)(struct wallet_engine_scan *scan);

    lw_err (*sync)(struct wallet_engine *engine);
    lw_err (*defer)(struct wallet_engine *engine, bool yes); /* see wallet_store_defer_sync() */
    /* Copy into an existing empty folder, durably; what a failed copy left is for `discard`. */
    lw_err (*copy)(struct wallet_engine *engine, const char *dir,
                   bool compact);                /* without free pages: slower */
    lw_err (*own)(struct wallet_engine *engine); /* keep other processes out, until it is closed;
                                                    LW_E_BUSY  one has the store open */
    lw_err (*tend)(struct wallet_engine *engine, unsigned *cleared); /* free what readers hold that
                                                                        were killed */
    void (*discard)(const char *dir); /* remove a copy's files, not the folder */
    lw_err (*stat)(struct wallet_engine *engine, struct wallet_engine_stat *stat);
    lw_err (*health)(const struct wallet_engine *engine);
};

struct wallet_engine {
    const struct wallet_engine_ops *ops;
};

extern const struct wallet_engine_ops wallet_engine_lmdb;

#endif
