/*
 * The LMDB environment: opened, grown, copied. What must be kept in mind of LMDB 0.9.24:
 * - the map may be resized only while no transaction of this process is open: a gate counts them;
 * - another process's growth shows as MDB_MAP_RESIZED when a transaction begins;
 * - a short write to a full disk is reported as EIO, like a broken disk: room is reserved ahead,
 *   so that it hardly happens, and lmdb_disk_is_full() tells them apart;
 * - after a failed fdatasync later commits report success (measured): such an engine fails.
 */
#define _GNU_SOURCE /* fallocate, statvfs */

#include "engine_lmdb.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "lw/clock.h"

enum {
    MAX_KEYSPACES = 128,
    MAX_READERS = 1022,
    GROW_WAIT_S = 5,
    RESERVE_LEAST = 1 << 20,
    RESERVE_MOST = 64 << 20,
    NS_PER_S = 1000000000,
};
static const size_t first_map_size = (size_t)1 << 30;
static const size_t grow_most = (size_t)64 << 30;

bool lmdb_is_full(int rc)
{
    return rc == ENOSPC || rc == EDQUOT || rc == EFBIG;
}

lw_err lmdb_fault(int rc)
{
    switch (rc) {
    case MDB_SUCCESS:
        return LW_SUCCESS;
    case MDB_NOTFOUND:
        return LW_FAIL(LW_E_NOT_FOUND, "engine: no such entry", LW_NOWHERE);
    case MDB_KEYEXIST:
        return LW_FAIL(LW_E_CONFLICT, "engine: the entry exists", LW_NOWHERE);
    case MDB_MAP_FULL:
        return LW_FAIL(LW_E_NOSPACE, "engine: the map is full", LW_NOWHERE);
    case MDB_TXN_FULL:
        return LW_FAIL(LW_E_LIMIT, "engine: the transaction is too large", LW_NOWHERE);
    case MDB_READERS_FULL:
        return LW_FAIL(LW_E_BUSY, "engine: too many readers", LW_NOWHERE);
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
    case MDB_INVALID:
    case MDB_INCOMPATIBLE:
        return LW_FAIL(LW_E_CORRUPT, "engine: the data file is damaged", LW_NOWHERE);
    case MDB_VERSION_MISMATCH:
        return LW_FAIL(LW_E_UNSUPPORTED, "engine: made by another version of LMDB", LW_NOWHERE);
    case ENOMEM:
        return LW_FAIL(LW_E_NOMEM, "engine: out of memory", LW_NOWHERE);
    case EACCES:
    case EPERM:
    case EROFS:
        return LW_FAIL(LW_E_DENIED, "engine: no permission for the store's files", LW_NOWHERE);
    case ENOENT:
        return LW_FAIL(LW_E_NOT_FOUND, "engine: no store there", LW_NOWHERE);
    default:
        if (lmdb_is_full(rc)) {
            return LW_FAIL(LW_E_NOSPACE, "engine: no space left on the disk", LW_NOWHERE);
        }
        return LW_FAIL(LW_E_IO, "engine: the data file cannot be read or written", LW_NOWHERE);
    }
}

static lw_err has_failed(void)
{
    return LW_FAIL(LW_E_IO, "engine: a commit failed; restart to check the store", LW_NOWHERE);
}

lw_err lmdb_fail(struct lmdb_engine *e)
{
    const lw_err err = has_failed();
    if (!atomic_exchange(&e->failed, true) && e->fatal != NULL) {
        e->fatal(e->fatal_ctx, err);
    }
    return err;
}

void lmdb_enter(struct lmdb_engine *e, struct lmdb_txn **spare)
{
    pthread_mutex_lock(&e->lock);
    while (e->growing) {
        pthread_cond_wait(&e->changed, &e->lock);
    }
    e->active++;
    if (spare != NULL) {
        *spare = e->spare_count > 0 ? e->spare[--e->spare_count] : NULL;
    }
    pthread_mutex_unlock(&e->lock);
}

void lmdb_leave(struct lmdb_engine *e, struct lmdb_txn *spare)
{
    pthread_mutex_lock(&e->lock);
    assert(e->active > 0);
    if (--e->active == 0 && e->growing) {
        pthread_cond_broadcast(&e->changed);
    }
    if (spare != NULL && e->spare_count < LMDB_SPARE_MAX) {
        e->spare[e->spare_count++] = spare;
        spare = NULL;
    }
    pthread_mutex_unlock(&e->lock);
    if (spare != NULL) {
        mdb_txn_abort(spare->mdb);
        free(spare);
    }
}

/* Waits, with the gate's lock held, until no transaction is open; false when it took too long. */
static bool wait_for_none(struct lmdb_engine *e)
{
    /* Condition variables here count on CLOCK_MONOTONIC, as the system's clock does. */
    const int64_t end = lw_mono_ns(lw_clock_system()) + (int64_t)GROW_WAIT_S * NS_PER_S;
    const struct timespec until = {.tv_sec = end / NS_PER_S, .tv_nsec = end % NS_PER_S};
    while (e->active > 0) {
        if (pthread_cond_timedwait(&e->changed, &e->lock, &until) == ETIMEDOUT) {
            return e->active == 0;
        }
    }
    return true;
}

/* Reads the map: only where it cannot be resized, inside the gate. */
static MDB_envinfo info_of(struct lmdb_engine *e)
{
    MDB_envinfo info = {0};
    (void)mdb_env_info(e->env, &info); /* fails for NULL only */
    return info;
}

static MDB_envinfo gated_info_of(struct lmdb_engine *e)
{
    lmdb_enter(e, NULL);
    const MDB_envinfo info = info_of(e);
    lmdb_leave(e, NULL);
    return info;
}

/* `size` 0 takes over what the data file says, which another process set. */
static lw_err resize(struct lmdb_engine *e, size_t size)
{
    pthread_mutex_lock(&e->lock);
    while (e->growing) {
        pthread_cond_wait(&e->changed, &e->lock);
    }
    e->growing = true;
    const bool alone = wait_for_none(e);
    const int rc = alone ? mdb_env_set_mapsize(e->env, size) : 0;
    e->growing = false;
    pthread_cond_broadcast(&e->changed);
    pthread_mutex_unlock(&e->lock);
    if (!alone) {
        return LW_FAIL(LW_E_BUSY, "engine: readers keep the map from growing", LW_NOWHERE);
    }
    /* The old map is gone: there is no way on without the new one. */
    return rc == 0 ? LW_SUCCESS : lmdb_fail(e);
}

lw_err lmdb_adopt_size(struct lmdb_engine *e)
{
    return resize(e, 0);
}

lw_err lmdb_grow(struct lmdb_engine *e)
{
    int dead = 0;
    (void)mdb_reader_check(e->env, &dead); /* what killed readers hold may be room enough */
    const size_t size = gated_info_of(e).me_mapsize;
    return resize(e, size + (size < grow_most ? size : grow_most));
}

static int allocate(int fd, int mode, uint64_t from, uint64_t len)
{
    int rc = 0;
    do {
        rc = fallocate(fd, mode, (off_t)from, (off_t)len) == 0 ? 0 : errno;
    } while (rc == EINTR);
    return rc;
}

static int reserve_to(struct lmdb_engine *e, uint64_t size)
{
    struct stat file = {0};
    if (fstat(e->fd, &file) != 0) {
        return errno;
    }
    const uint64_t have = (uint64_t)file.st_size;
    if (have >= size) {
        e->reserved = have;
        return 0;
    }
    const int rc = allocate(e->fd, 0, have, size - have);
    if (rc == 0) {
        e->reserved = size;
    }
    return rc;
}

lw_err lmdb_reserve(struct lmdb_engine *e)
{
    const MDB_envinfo info = info_of(e);
    const uint64_t used = ((uint64_t)info.me_last_pgno + 1) * e->page;
    uint64_t ahead = used / 8;
    ahead = ahead < RESERVE_LEAST ? RESERVE_LEAST : ahead;
    ahead = ahead > RESERVE_MOST ? RESERVE_MOST : ahead;
    if (e->cannot_reserve || used + ahead / 2 <= e->reserved) {
        return LW_SUCCESS;
    }
    int dead = 0;
    (void)mdb_reader_check(e->env, &dead);
    const uint64_t page = e->page;
    int rc = reserve_to(e, (used + ahead + page - 1) / page * page);
    if (lmdb_is_full(rc)) {
        rc = reserve_to(e, used + RESERVE_LEAST / 2 / page * page);
    }
    if (lmdb_is_full(rc)) {
        atomic_store(&e->full, true);
        return LW_FAIL(LW_E_NOSPACE, "engine: no space left on the disk", LW_NOWHERE);
    }
    e->cannot_reserve = rc != 0;
    return LW_SUCCESS;
}

/* Finds room for `more` bytes, and keeps the size as it is: else each start on a broken disk would
 * make the file longer. A limit on the size is not met that way, so it is asked for. */
static int find_room(int fd, uint64_t more)
{
    struct stat file = {0};
    struct rlimit limit = {0};
    if (fstat(fd, &file) != 0 || getrlimit(RLIMIT_FSIZE, &limit) != 0) {
        return errno;
    }
    const uint64_t size = (uint64_t)file.st_size;
    if (limit.rlim_cur < size || limit.rlim_cur - size < more) {
        return EFBIG;
    }
    return allocate(fd, FALLOC_FL_KEEP_SIZE, size, more);
}

bool lmdb_disk_is_full(struct lmdb_engine *e, uint64_t cost)
{
    const uint64_t want = cost > RESERVE_MOST ? cost : RESERVE_MOST;
    if (!e->cannot_reserve) {
        return lmdb_is_full(find_room(e->fd, want));
    }
    struct statvfs fs = {0};
    return fstatvfs(e->fd, &fs) == 0 && (uint64_t)fs.f_bavail * fs.f_frsize < want;
}

int lmdb_path(const char *dir, const char *name, char path[LMDB_PATH_MAX])
{
    const int len = snprintf(path, LMDB_PATH_MAX, "%s/%s", dir, name);
    return len > 0 && len < LMDB_PATH_MAX ? 0 : ENAMETOOLONG;
}

/* Opens the keyspaces that are there; with MDB_CREATE in `flags` all of them. */
static int open_keyspaces(struct lmdb_engine *e, unsigned flags)
{
    MDB_txn *txn = NULL;
    int rc = mdb_txn_begin(e->env, NULL, (flags & MDB_CREATE) != 0 ? 0 : MDB_RDONLY, &txn);
    if (rc != 0) {
        return rc;
    }
    for (size_t i = 0; i < WALLET_KS_COUNT && (rc == 0 || rc == MDB_NOTFOUND); i++) {
        MDB_dbi dbi = 0;
        rc = mdb_dbi_open(txn, wallet_ks((enum wallet_keyspace)i)->name, flags, &dbi);
        e->dbi[i] = rc == 0 ? dbi : 0;
    }
    if (rc != 0 && rc != MDB_NOTFOUND) {
        mdb_txn_abort(txn);
        return rc;
    }
    return mdb_txn_commit(txn); /* only then other transactions may use the handles */
}

static int open_env(struct lmdb_engine *e, const struct wallet_engine_config *config)
{
    const size_t size = config->map_size == 0 ? first_map_size : config->map_size;
    const unsigned flags = config->reads_all ? MDB_NOTLS : MDB_NOTLS | MDB_NORDAHEAD;
    int rc = mdb_env_create(&e->env);
    rc = rc != 0 ? rc : mdb_env_set_maxdbs(e->env, MAX_KEYSPACES);
    rc = rc != 0 ? rc : mdb_env_set_maxreaders(e->env, MAX_READERS);
    rc = rc != 0 ? rc : mdb_env_set_mapsize(e->env, size);
    rc = rc != 0 ? rc : mdb_env_open(e->env, config->dir, flags, 0600);
    rc = rc != 0 ? rc : mdb_env_get_fd(e->env, &e->fd);
    if (rc != 0) {
        return rc;
    }
    int dead = 0;
    MDB_stat stat = {0};
    (void)mdb_reader_check(e->env, &dead);
    (void)mdb_env_stat(e->env, &stat);
    e->page = stat.ms_psize;
    /* A map that has grown stays as large, else the next reader would have to grow it again. */
    const size_t ours = info_of(e).me_mapsize;
    rc = mdb_env_set_mapsize(e->env, 0);
    if (rc == 0 && info_of(e).me_mapsize < ours) {
        rc = mdb_env_set_mapsize(e->env, ours);
    }
    return rc != 0 ? rc : open_keyspaces(e, 0);
}

static int find_or_make(const struct wallet_engine_config *config)
{
    char path[LMDB_PATH_MAX];
    struct stat file = {0};
    const int rc = lmdb_path(config->dir, "data.mdb", path);
    if (rc != 0) {
        return rc;
    }
    if (!config->create) {
        return stat(path, &file) == 0 ? 0 : errno;
    }
    return mkdir(config->dir, 0700) == 0 || errno == EEXIST ? 0 : errno;
}

static int init_gate(struct lmdb_engine *e)
{
    pthread_condattr_t attr;
    int rc = pthread_condattr_init(&attr);
    if (rc != 0) {
        return rc;
    }
    rc = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    rc = rc != 0 ? rc : pthread_cond_init(&e->changed, &attr);
    (void)pthread_condattr_destroy(&attr);
    return rc != 0 ? rc : pthread_mutex_init(&e->lock, NULL);
}

/* A new file is checked by those who open it later; it has nothing that could be damaged. */
static lw_err open_file(struct lmdb_engine *e, const struct wallet_engine_config *config)
{
    const lw_err err = lmdb_file_check(config->dir, &e->lock_fd);
    if (err.code != LW_OK && !(config->create && err.code == LW_E_NOT_FOUND)) {
        return err;
    }
    LW_TRY(lmdb_fault(open_env(e, config)));
    return lmdb_file_share(config->dir, &e->lock_fd);
}

lw_err lmdb_open(const struct wallet_engine_config *config, struct wallet_engine **engine)
{
    const int found = find_or_make(config);
    if (found != 0) {
        return lmdb_fault(found);
    }
    struct lmdb_engine *e = calloc(1, sizeof(*e));
    if (e == NULL) {
        return LW_FAIL(LW_E_NOMEM, "engine: out of memory", LW_NOWHERE);
    }
    e->base.ops = &wallet_engine_lmdb;
    e->fatal = config->fatal;
    e->fatal_ctx = config->fatal_ctx;
    e->lock_fd = -1;
    const int rc = init_gate(e);
    if (rc != 0) {
        free(e);
        return lmdb_fault(rc);
    }
    const lw_err err = open_file(e, config);
    if (err.code != LW_OK) {
        lmdb_close(&e->base);
        return err;
    }
    *engine = &e->base;
    return LW_SUCCESS;
}

void lmdb_close(struct wallet_engine *engine)
{
    struct lmdb_engine *e = (struct lmdb_engine *)engine;
    assert(e->active == 0);
    for (size_t i = 0; i < e->spare_count; i++) {
        mdb_txn_abort(e->spare[i]->mdb);
        free(e->spare[i]);
    }
    mdb_env_close(e->env);
    if (e->lock_fd >= 0) {
        (void)close(e->lock_fd);
    }
    (void)pthread_cond_destroy(&e->changed);
    (void)pthread_mutex_destroy(&e->lock);
    free(e);
}

lw_err lmdb_sync(struct wallet_engine *engine)
{
    struct lmdb_engine *e = (struct lmdb_engine *)engine;
    LW_TRY(lmdb_health(engine));
    return mdb_env_sync(e->env, 1) == 0 ? LW_SUCCESS : lmdb_fail(e);
}

lw_err lmdb_defer(struct wallet_engine *engine, bool yes)
{
    struct lmdb_engine *e = (struct lmdb_engine *)engine;
    LW_TRY(lmdb_health(engine));
    LW_TRY(lmdb_fault(mdb_env_set_flags(e->env, MDB_NOSYNC, yes ? 1 : 0)));
    return yes ? LW_SUCCESS : lmdb_sync(engine);
}

static int sync_folder(const char *dir)
{
    const int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    const int rc = fsync(fd) == 0 ? 0 : errno;
    (void)close(fd);
    return rc;
}

lw_err lmdb_prepare(struct wallet_engine *engine)
{
    struct lmdb_engine *e = (struct lmdb_engine *)engine;
    bool all = true;
    for (size_t i = 0; i < WALLET_KS_COUNT; i++) {
        all = all && e->dbi[i] != 0;
    }
    if (all) {
        return LW_SUCCESS;
    }
    const char *dir = NULL;
    char above[LMDB_PATH_MAX];
    int rc = open_keyspaces(e, MDB_CREATE);
    rc = rc != 0 ? rc : mdb_env_get_path(e->env, &dir);
    rc = rc != 0 ? rc : lmdb_path(dir, "..", above);
    rc = rc != 0 ? rc : sync_folder(dir);
    return lmdb_fault(rc != 0 ? rc : sync_folder(above)); /* the files' and the folder's names */
}

lw_err lmdb_own(struct wallet_engine *engine)
{
    return lmdb_file_own(((struct lmdb_engine *)engine)->lock_fd);
}

lw_err lmdb_copy(struct wallet_engine *engine, const char *dir, bool compact)
{
    struct lmdb_engine *e = (struct lmdb_engine *)engine;
    char path[LMDB_PATH_MAX];
    if (lmdb_path(dir, "data.mdb", path) != 0) {
        return LW_FAIL(LW_E_VALUE, "engine: the folder's name is too long", LW_NOWHERE);
    }
    /* Long copies hold back growth, so make room for what is written meanwhile. */
    const MDB_envinfo info = gated_info_of(e);
    if (((uint64_t)info.me_last_pgno + 1) * e->page > info.me_mapsize / 2) {
        LW_TRY(lmdb_grow(e));
    }
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0) {
        return lmdb_fault(errno);
    }
    lmdb_enter(e, NULL);
    int rc =
        atomic_load(&e->failed) ? EIO : mdb_env_copyfd2(e->env, fd, compact ? MDB_CP_COMPACT : 0);
    lmdb_leave(e, NULL);
    if (rc == 0 && fsync(fd) != 0) {
        rc = errno;
    }
    if (close(fd) != 0 && rc == 0) {
        rc = errno;
    }
    return lmdb_fault(rc != 0 ? rc : sync_folder(dir));
}

lw_err lmdb_health(const struct wallet_engine *engine)
{
    const struct lmdb_engine *e = (const struct lmdb_engine *)engine;
    if (atomic_load(&e->failed)) {
        return has_failed();
    }
    if (atomic_load(&e->full)) {
        return LW_FAIL(LW_E_NOSPACE, "engine: no space left on the disk", LW_NOWHERE);
    }
    return LW_SUCCESS;
}
