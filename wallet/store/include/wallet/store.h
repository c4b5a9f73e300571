/*
 * The wallet store: one folder, opened by any number of processes at once; one writer in each,
 * whose commits many waiters share. What records it holds say the other headers of this folder;
 * the engine below (LMDB) is not seen from here.
 */
#ifndef WALLET_STORE_H
#define WALLET_STORE_H

#include "lw/clock.h"
#include "lw/rng.h"

enum { WALLET_STORE_ID_LEN = 16, WALLET_STORE_KEY_LEN = 32 };

struct wallet_store;
#define WALLET_AUTO_STORE __attribute__((cleanup(wallet_store_auto))) struct wallet_store *

/*
 * A transaction. A thread may hold several read transactions, but must hold none while it waits
 * for a write: growing the store waits for readers to end (5 s, then the write is LW_E_BUSY).
 *
 * Values read in one are borrowed. In a read transaction they are valid until it ends; in a write
 * transaction until its next change or its end, whichever comes first.
 */
struct wallet_txn;
#define WALLET_AUTO_TXN __attribute__((cleanup(wallet_txn_auto))) struct wallet_txn *

struct wallet_store_options {
    const struct lw_clock *clock; /* borrowed while the store is open, as is rng */
    const struct lw_rng *rng;
    /* Called once, from any thread, when a commit failed for another cause than a full disk or
     * map: from then on every operation fails and the process should exit. May be NULL. */
    void (*fatal)(void *ctx, lw_err err);
    void *fatal_ctx;
    size_t map_size; /* first size of the map, in bytes; 0: 1 GiB. It grows by itself */
    /* Most of the store is going to be read, to copy or check it, and the system may read ahead;
     * for anything else that costs more than it brings (decision 0020). */
    bool reads_all;
    size_t queue_max;   /* writes waiting; 0: 16,384 */
    unsigned batch_max; /* writes sharing a commit; 0: 4,096 */
};

/**
 * Make a new store in `dir`, which is made with mode 0700 when absent, and open it.
 *
 * errors  LW_E_CONFLICT  a store is there already: nothing was changed; LW_E_IO, LW_E_NOSPACE
 */
LW_MUST_USE lw_err wallet_store_create(const char *dir, const struct wallet_store_options *options,
                                       struct wallet_store **store);

/**
 * Open the store in `dir`, and free what readers that were killed still hold.
 *
 * errors  LW_E_NOT_FOUND    no store there: nothing is made
 *         LW_E_UNSUPPORTED  made by a newer version of the program
 *         LW_E_CORRUPT      not a store, or damaged; LW_E_DENIED  no permission; LW_E_IO
 */
LW_MUST_USE lw_err wallet_store_open(const char *dir, const struct wallet_store_options *options,
                                     struct wallet_store **store);

/** Drain, then close: no transaction may be open and no other call be in progress. NULL is fine. */
void wallet_store_close(struct wallet_store *store);
static inline void wallet_store_auto(struct wallet_store **store)
{
    wallet_store_close(*store);
}

/** Take no more writes (they get LW_E_BUSY) and return when all that were queued are done. */
void wallet_store_drain(struct wallet_store *store);

/** Return the schema of stores that this program writes. */
unsigned wallet_store_schema(void);

/** Return the store's random id, WALLET_STORE_ID_LEN bytes; lives as long as the store. */
const uint8_t *wallet_store_id(const struct wallet_store *store);

/** Return LW_SUCCESS, LW_E_NOSPACE while the last write found no room, or why the store failed. */
lw_err wallet_store_health(const struct wallet_store *store);

/**
 * Make an internal identifier, never shown: UUIDv7, each greater than those made before by this
 * open store. Safe from several threads.
 *
 * errors  LW_E_CRYPTO
 * source  RFC 9562 sections 5.7 and 6.2 method 1
 */
LW_MUST_USE lw_err wallet_store_new_id(struct wallet_store *store, uint8_t id[16]);

/**
 * Begin to read: a snapshot of the last commit.
 *
 * errors  LW_E_BUSY  too many readers; LW_E_IO  the store failed
 */
LW_MUST_USE lw_err wallet_read_begin(struct wallet_store *store, struct wallet_txn **txn);

/** End a read transaction and all values borrowed from it. Accepts NULL. */
void wallet_txn_end(struct wallet_txn *txn);
static inline void wallet_txn_auto(struct wallet_txn **txn)
{
    wallet_txn_end(*txn);
}

/** Return the store that `txn` is of. */
struct wallet_store *wallet_txn_store(const struct wallet_txn *txn);

/*
 * One write: reads and changes in a transaction shared with other writes. If it returns an error,
 * all that it changed is undone and its neighbours are not harmed.
 *
 * It runs in the writer's thread, may wait for nothing (no token, no network), and may be run
 * more than once (the map grew, a neighbour failed): each run starts afresh from the store, sets
 * its outputs by assignment and has no other effect. It must not call wallet_store_write().
 */
typedef lw_err wallet_write_fn(struct wallet_txn *txn, void *ctx);

/**
 * Run `fn` in a write transaction and return once it is durable.
 *
 * errors  what `fn` returned; LW_E_BUSY  the queue is full or drained; LW_E_NOSPACE  disk full,
 *         nothing was kept; LW_E_IO  the store failed
 */
LW_MUST_USE lw_err wallet_store_write(struct wallet_store *store, wallet_write_fn *fn, void *ctx);

/* A write by completion. The caller keeps it in place until `done` was called. */
struct wallet_write {
    /* in */
    wallet_write_fn *fn;
    void *ctx;
    void (*done)(struct wallet_write *w); /* once, in the writer's thread; must not block */
    /* out */
    lw_err err; /* as wallet_store_write(); set before `done` */
    /* the writer's own */
    struct wallet_write *next;
};

/**
 * Queue `w`; its `done` is called after its commit is durable, or after it failed. Writes of one
 * thread are run in the order in which it queued them.
 *
 * errors  LW_E_BUSY  the queue is full or drained, LW_E_NOMEM  no writer thread: `done` is not
 *         called then
 */
LW_MUST_USE lw_err wallet_store_submit(struct wallet_store *store, struct wallet_write *w);

/**
 * Read the counter that ends caches: it changes whenever what caches are made of (catalogue,
 * keys, trust) did, by whichever process.
 */
LW_MUST_USE lw_err wallet_store_generation(const struct wallet_txn *txn, uint64_t *generation);

/** Move the counter on; in a write transaction. */
LW_MUST_USE lw_err wallet_store_touch(struct wallet_txn *txn);

/*
 * Epochs: the key that opens personal data is made for an epoch, wrapped by the token's `seal`
 * key, and kept here in that form. Numbers begin at 1; the newest in use seals what is new. One is
 * made some time before it is used, so that every process has unlocked it by then.
 */
enum { WALLET_EPOCH_SEAL_MAX = 64 };

struct wallet_epoch {
    uint32_t number;
    char seal[WALLET_EPOCH_SEAL_MAX + 1]; /* label of the token key that wraps it */
    int64_t made;
    bool in_use;
    lw_bytes wrapped; /* when read, borrows from the transaction */
};

/** Keep a new epoch. errors  LW_E_CONFLICT  the number is taken; LW_E_MISUSE  number 0; LW_E_VALUE
 */
LW_MUST_USE lw_err wallet_store_epoch_put(struct wallet_txn *txn, const struct wallet_epoch *epoch);
/** Put another wrapping of the same epoch key, or its use, in place. errors  LW_E_NOT_FOUND */
LW_MUST_USE lw_err wallet_store_epoch_change(struct wallet_txn *txn,
                                             const struct wallet_epoch *epoch);
/** Find an epoch; number 0: the newest. errors  LW_E_NOT_FOUND */
LW_MUST_USE lw_err wallet_store_epoch_get(const struct wallet_txn *txn, uint32_t number,
                                          struct wallet_epoch *epoch);
/** Seal from now on under the newest epoch that is in use, as the store has it. */
LW_MUST_USE lw_err wallet_store_epoch_follow(struct wallet_store *store);
/** Say whether the epoch was unlocked in this process. */
bool wallet_store_epoch_unlocked(const struct wallet_store *store, uint32_t number);

/**
 * Open sealed data with an epoch key that the token unwrapped. Once for each epoch in use, oldest
 * first; the first unlocking of a store writes to it. Copies the key.
 *
 * number  as stored by wallet_store_epoch_put(), at least 1
 * errors  LW_E_SIGNATURE  not the key of that epoch; LW_E_LIMIT  more than 16 epochs; as
 *         wallet_store_write()
 */
LW_MUST_USE lw_err wallet_store_unlock(struct wallet_store *store, uint32_t number,
                                       const uint8_t epoch_key[WALLET_STORE_KEY_LEN]);

/** Wipe the epoch keys: sealed data gives LW_E_DENIED until unlocked again. */
void wallet_store_lock(struct wallet_store *store);

/* What a check found; `where` and `why` are static. */
struct wallet_store_found {
    bool whole;
    const char *where; /* keyspace of the first fault */
    const char *why;
    uint64_t index;   /* of the first bad leaf, when `where` is the audit log; else entries read */
    uint64_t entries; /* read in all */
    uint64_t leaves;  /* of the audit log */
};

/**
 * Read every entry: keys in order, values well formed, the audit log whole.
 *
 * errors  LW_E_CORRUPT  the engine cannot read a page; faults found are in `found`, not errors
 */
LW_MUST_USE lw_err wallet_store_check(struct wallet_store *store, struct wallet_store_found *found);

/**
 * Copy the store to the new folder `dir` while others read and write, then open the copy and
 * compare its audit log's head with this store's.
 *
 * errors  LW_E_CONFLICT  `dir` exists and is not empty; LW_E_CORRUPT  the copy is not whole;
 *         LW_E_IO, LW_E_NOSPACE: what was begun is removed
 */
LW_MUST_USE lw_err wallet_store_backup(struct wallet_store *store, const char *dir);

enum { WALLET_SPACES_MAX = 64 };

struct wallet_store_stat {
    uint64_t entries;
    uint64_t used_bytes; /* of the data file, free pages within included */
    uint64_t free_bytes; /* of pages that will be used again */
    uint64_t map_bytes;
    uint64_t readers;           /* slots in use, of all processes */
    uint64_t commit;            /* number of the last commit */
    uint64_t oldest_reader_lag; /* commits since the oldest open reader began: their free pages
                                   wait for it */
    int64_t oldest_reader_pid;  /* 0: nobody reads */
    struct wallet_store_space {
        const char *name; /* keyspace; static */
        uint64_t entries;
        uint64_t bytes;
    } spaces[WALLET_SPACES_MAX];
    size_t space_count;
};
LW_MUST_USE lw_err wallet_store_stat(struct wallet_store *store, struct wallet_store_stat *stat);

/**
 * Let commits return before they are durable, or, with `yes` false, make all durable that was
 * committed meanwhile and go on as before. A power cut in between can leave a store that does not
 * open: only for one that is filled to be measured and thrown away. While no write is queued.
 *
 * errors  LW_E_IO  the store failed
 */
LW_MUST_USE lw_err wallet_store_defer_sync(struct wallet_store *store, bool yes);

/** Free what readers that were killed still hold; sets how many there were. Cheap: call it often.
 */
LW_MUST_USE lw_err wallet_store_tend(struct wallet_store *store, unsigned *cleared);

/**
 * Keep other processes out until the store is closed.
 *
 * errors  LW_E_BUSY  another process has it open
 */
LW_MUST_USE lw_err wallet_store_own(struct wallet_store *store);

/** As wallet_store_backup(), without free pages: slower, and the copy's commits begin at 1. */
LW_MUST_USE lw_err wallet_store_copy_compact(struct wallet_store *store, const char *dir);

#endif
