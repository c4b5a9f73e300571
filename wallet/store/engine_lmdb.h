/* LMDB behind the engine table: what engine_lmdb.c and engine_lmdb_env.c share, and no one else. */
#ifndef STORE_ENGINE_LMDB_H
#define STORE_ENGINE_LMDB_H

#include <lmdb.h>
#include <pthread.h>
#include <stdatomic.h>

#include "engine.h"

enum { LMDB_SPARE_MAX = 64, LMDB_PATH_MAX = 4096 };

struct lmdb_engine;

struct lmdb_txn {
    struct lmdb_engine *engine;
    struct lmdb_txn *parent; /* of a savepoint */
    MDB_txn *mdb;
    bool write;
    enum wallet_engine_state state;
    uint64_t cost; /* upper bound of the bytes a commit writes */
};

struct lmdb_engine {
    struct wallet_engine base;
    MDB_env *env;
    int fd;                       /* of the data file; LMDB's */
    int lock_fd;                  /* of the same, ours: says that it is in use */
    size_t page;                  /* bytes */
    MDB_dbi dbi[WALLET_KS_COUNT]; /* 0: absent */
    void (*fatal)(void *ctx, lw_err err);
    void *fatal_ctx;
    atomic_bool failed;
    atomic_bool full;     /* the last commit found the disk full */
    atomic_bool grow;     /* the map was full: the next write grows it first */
    uint64_t reserved;    /* bytes of the file known to have room; the writer's */
    bool cannot_reserve;  /* the file system has no fallocate; the writer's */
    pthread_mutex_t lock; /* the gate: guards what follows */
    pthread_cond_t changed;
    size_t active;                          /* transactions open, of this process */
    bool growing;                           /* a thread waits for `active` to be 0, or resizes */
    struct lmdb_txn *spare[LMDB_SPARE_MAX]; /* reset readers, which keep their slots */
    size_t spare_count;
};

/** Return the error that an LMDB or system code means, outside a commit. */
lw_err lmdb_fault(int rc);

/** Say whether a system code means that the disk, a quota or a file limit is full. */
bool lmdb_is_full(int rc);

/** Enter the failed state, for good, and tell the owner once; returns the error to give. */
lw_err lmdb_fail(struct lmdb_engine *e);

/** Pass the gate; `spare` is set to a reset reader to renew, or NULL; may be NULL for a writer. */
void lmdb_enter(struct lmdb_engine *e, struct lmdb_txn **spare);
/** Leave the gate; `spare`, a reset reader, is kept unless there are enough. May be NULL. */
void lmdb_leave(struct lmdb_engine *e, struct lmdb_txn *spare);

/** Take over the size to which another process grew the map. errors  LW_E_BUSY, LW_E_IO */
lw_err lmdb_adopt_size(struct lmdb_engine *e);
/** Double the map. errors  as lmdb_adopt_size() */
lw_err lmdb_grow(struct lmdb_engine *e);
/** Have the file system set room aside for the next commits. errors  LW_E_NOSPACE */
lw_err lmdb_reserve(struct lmdb_engine *e);
/** Say, after a commit failed with EIO, whether the disk has no room for `cost` bytes. */
bool lmdb_disk_is_full(struct lmdb_engine *e, uint64_t cost);

/** Fill `path` with "dir/name"; returns 0 or ENAMETOOLONG. */
int lmdb_path(const char *dir, const char *name, char path[LMDB_PATH_MAX]);

/**
 * Open the data file beside LMDB, say by a lock that it is in use, and look whether its heads make
 * sense: both known as heads, one commit apart, the newer whole, and the file as long as that says.
 * Then sync it, so that nothing an earlier process wrote comes to the disk after what is written.
 *
 * fd              set to the file, the caller's to close
 * errors          LW_E_NOT_FOUND; LW_E_CORRUPT; LW_E_IO  it cannot be synced; LW_E_BUSY  compacted
 *                 now, or LMDB's lock file was deleted while another process has the store open
 * does not check  the trees of the older head, which a commit that failed may have left there
 */
LW_MUST_USE lw_err lmdb_file_check(const char *dir, int *fd);

/** Open the file when `*fd` is none (-1), and hold it with others. errors  LW_E_BUSY */
LW_MUST_USE lw_err lmdb_file_share(const char *dir, int *fd);

/** Hold it alone. errors  LW_E_BUSY  another process has the store open */
LW_MUST_USE lw_err lmdb_file_own(int fd);

lw_err lmdb_open(const struct wallet_engine_config *config, struct wallet_engine **engine);
void lmdb_close(struct wallet_engine *engine);
lw_err lmdb_prepare(struct wallet_engine *engine);
lw_err lmdb_sync(struct wallet_engine *engine);
lw_err lmdb_defer(struct wallet_engine *engine, bool yes);
lw_err lmdb_copy(struct wallet_engine *engine, const char *dir, bool compact);
lw_err lmdb_own(struct wallet_engine *engine);
lw_err lmdb_tend(struct wallet_engine *engine, unsigned *cleared);
void lmdb_discard(const char *dir);
lw_err lmdb_stat(struct wallet_engine *engine, struct wallet_engine_stat *stat);
lw_err lmdb_health(const struct wallet_engine *engine);

#endif
