/*
 * The data file as LMDB 0.9.24 takes it on trust: it has no check sums, and a head that was damaged
 * sends it to pages that are not there. So both heads are read here first, and the file is held by
 * a lock of our own: LMDB's is a file that can be deleted, and then two processes would write.
 *
 * The head of the newer transaction counts. When a commit's head cannot be written, LMDB puts the
 * transaction and last page back into the head that it was to replace, and leaves the trees of the
 * commit that failed: such a head is used by nobody and written over by the next commit.
 *
 *   page      number 8, pad 2, flags 2, bounds 4
 *   head      magic 4, version 4, address 8, map size 8, tree of free pages 48, main tree 48,
 *             last page 8, transaction 8
 *   tree      page size (of the first; else 0) 4, flags 2, depth 2, branch, leaf and overflow
 *             pages, entries, root 8 each
 */
#define _GNU_SOURCE /* flock, O_CLOEXEC */

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine_lmdb.h"

enum {
    HEAD_LEN = 152,
    HEADS = 2,
    PAGE_FLAG_META = 0x08,
    DEPTH_MAX = 32,
    PAGE_LEAST = 512,
    PAGE_MOST = 65536,
    TRIES = 50,
    PAUSE_MS = 20,
    MAGIC_LEN = 4,
};

/* Places in a page that holds a head. */
enum {
    AT_NUMBER = 0,
    AT_FLAGS = 10,
    AT_MAGIC = 16,
    AT_VERSION = 20,
    AT_MAP_SIZE = 32,
    AT_FREE_TREE = 40,
    AT_MAIN_TREE = 88,
    AT_LAST_PAGE = 136,
    AT_TXN = 144,
    TREE_DEPTH = 6,
    TREE_ROOT = 40,
};

static const uint32_t magic = 0xBEEFC0DE;

struct head {
    uint64_t page_size;
    uint64_t last_page;
    uint64_t txn;
    bool known; /* one that LMDB made, in its place */
    bool holds; /* and what it says can be so */
};

static uint64_t number(const uint8_t *at, size_t len)
{
    uint64_t n = 0;
    /* The order of bytes is this machine's, as LMDB writes it. */
    if (len == sizeof(uint64_t)) {
        memcpy(&n, at, len);
    } else if (len == sizeof(uint32_t)) {
        uint32_t four = 0;
        memcpy(&four, at, len);
        n = four;
    } else {
        uint16_t two = 0;
        memcpy(&two, at, sizeof(two));
        n = two;
    }
    return n;
}

static bool tree_holds(const uint8_t *tree, uint64_t last_page)
{
    const uint64_t root = number(tree + TREE_ROOT, 8);
    const uint64_t depth = number(tree + TREE_DEPTH, 2);
    if (root == UINT64_MAX) {
        return depth == 0;
    }
    return root >= HEADS && root <= last_page && depth >= 1 && depth <= DEPTH_MAX;
}

static struct head read_head(const uint8_t page[HEAD_LEN], uint64_t which)
{
    struct head h = {
        .page_size = number(page + AT_FREE_TREE, 4),
        .last_page = number(page + AT_LAST_PAGE, 8),
        .txn = number(page + AT_TXN, 8),
    };
    const uint64_t map = number(page + AT_MAP_SIZE, 8);
    h.known = number(page + AT_MAGIC, MAGIC_LEN) == magic && number(page + AT_VERSION, 4) == 1 &&
              number(page + AT_NUMBER, 8) == which &&
              number(page + AT_FLAGS, 2) == PAGE_FLAG_META && h.page_size >= PAGE_LEAST &&
              h.page_size <= PAGE_MOST && (h.page_size & (h.page_size - 1)) == 0 &&
              (h.txn == 0 || h.txn % HEADS == which);
    h.holds = h.known && h.last_page >= 1 && h.last_page < UINT64_MAX / PAGE_MOST &&
              map / h.page_size > h.last_page && tree_holds(page + AT_FREE_TREE, h.last_page) &&
              tree_holds(page + AT_MAIN_TREE, h.last_page);
    return h;
}

static bool read_at(int fd, uint8_t *out, size_t len, uint64_t at)
{
    return pread(fd, out, len, (off_t)at) == (ssize_t)len;
}

static lw_err damaged(void)
{
    return LW_FAIL(LW_E_CORRUPT, "engine: the head of the data file is damaged", LW_NOWHERE);
}

/* Commits take turns between the heads, so that their numbers are neighbours. */
static lw_err check_once(int fd)
{
    uint8_t page[HEAD_LEN];
    struct stat file = {0};
    if (fstat(fd, &file) != 0 || !read_at(fd, page, sizeof(page), 0)) {
        return LW_FAIL(LW_E_CORRUPT, "engine: the data file is cut short", LW_NOWHERE);
    }
    const struct head a = read_head(page, 0);
    if (!a.known || !read_at(fd, page, sizeof(page), a.page_size)) {
        return damaged();
    }
    const struct head b = read_head(page, 1);
    const uint64_t apart = a.txn > b.txn ? a.txn - b.txn : b.txn - a.txn;
    if (!b.known || b.page_size != a.page_size || apart > 1) {
        return damaged();
    }
    const struct head *counts = b.txn > a.txn ? &b : &a; /* the first of equals, as LMDB has it */
    if (!counts->holds) {
        return damaged();
    }
    return (uint64_t)file.st_size / a.page_size > counts->last_page
               ? LW_SUCCESS
               : LW_FAIL(LW_E_CORRUPT, "engine: the data file is cut short", LW_NOWHERE);
}

/* Another process may commit between the two reads: only what stays wrong is wrong. */
static lw_err check_heads(int fd)
{
    lw_err err = check_once(fd);
    for (int i = 0; i < TRIES / 4 && err.code != LW_OK; i++) {
        (void)poll(NULL, 0, 1);
        err = check_once(fd);
    }
    return err;
}

/*
 * What an earlier process wrote may be in memory only. A head that it put back must not come to the
 * disk after the pages of the next commit: its new form, which the disk may have taken although it
 * said no, leads to pages that this commit uses again.
 */
static lw_err settle(int fd)
{
    int rc = 0;
    do {
        rc = fdatasync(fd) == 0 ? 0 : errno;
    } while (rc == EINTR);
    return rc == 0 ? LW_SUCCESS
                   : LW_FAIL(LW_E_IO, "engine: the data file cannot be synced", LW_NOWHERE);
}

static bool lock_file(int fd, int how)
{
    for (int i = 0; i < TRIES; i++) {
        if (flock(fd, how | LOCK_NB) == 0) {
            return true;
        }
        (void)poll(NULL, 0, PAUSE_MS);
    }
    return false;
}

static bool is_same_file(int fd, const char *path)
{
    struct stat held = {0};
    struct stat named = {0};
    return fstat(fd, &held) == 0 && stat(path, &named) == 0 && held.st_dev == named.st_dev &&
           held.st_ino == named.st_ino;
}

/* A compaction that was waited for has put another file in the place of the one opened: a lock on
 * that would hold nothing. */
static lw_err open_shared(const char *path, int *fd)
{
    for (int i = 0; i < TRIES; i++) {
        *fd = open(path, O_RDONLY | O_CLOEXEC);
        if (*fd < 0) {
            return lmdb_fault(errno);
        }
        const bool held = lock_file(*fd, LOCK_SH);
        if (held && is_same_file(*fd, path)) {
            return LW_SUCCESS;
        }
        (void)close(*fd);
        *fd = -1;
        if (!held) {
            break;
        }
    }
    return LW_FAIL(LW_E_BUSY, "engine: the store is being compacted", LW_NOWHERE);
}

/*
 * Without LMDB's lock file the store must be nobody's: it is made again, and who holds the old one
 * would not see it.
 */
static lw_err hold(const char *dir, int fd)
{
    char path[LMDB_PATH_MAX];
    struct stat info = {0};
    if (lmdb_path(dir, "lock.mdb", path) != 0) {
        return LW_FAIL(LW_E_VALUE, "engine: the folder's name is too long", LW_NOWHERE);
    }
    if (stat(path, &info) != 0 && !lock_file(fd, LOCK_EX)) {
        return LW_FAIL(LW_E_BUSY,
                       "engine: lock.mdb was deleted while another process has the store open: "
                       "end it first",
                       LW_NOWHERE);
    }
    return LW_SUCCESS;
}

lw_err lmdb_file_check(const char *dir, int *fd)
{
    char path[LMDB_PATH_MAX];
    struct stat file = {0};
    if (lmdb_path(dir, "data.mdb", path) != 0) {
        return LW_FAIL(LW_E_VALUE, "engine: the folder's name is too long", LW_NOWHERE);
    }
    LW_TRY(open_shared(path, fd));
    lw_err err = hold(dir, *fd);
    /* An empty file is one whose making was begun: LMDB makes its heads. */
    if (err.code == LW_OK && (fstat(*fd, &file) != 0 || file.st_size > 0)) {
        err = check_heads(*fd);
        err = err.code == LW_OK ? settle(*fd) : err;
    }
    if (err.code != LW_OK) {
        (void)close(*fd);
        *fd = -1;
    }
    return err;
}

lw_err lmdb_file_share(const char *dir, int *fd)
{
    char path[LMDB_PATH_MAX];
    if (lmdb_path(dir, "data.mdb", path) != 0) {
        return LW_FAIL(LW_E_VALUE, "engine: the folder's name is too long", LW_NOWHERE);
    }
    if (*fd < 0) {
        return open_shared(path, fd);
    }
    return lock_file(*fd, LOCK_SH)
               ? LW_SUCCESS
               : LW_FAIL(LW_E_BUSY, "engine: the store is being compacted", LW_NOWHERE);
}

lw_err lmdb_file_own(int fd)
{
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
        return LW_SUCCESS;
    }
    (void)flock(fd, LOCK_SH); /* a change that was refused may have lost the lock held before */
    return LW_FAIL(LW_E_BUSY, "engine: another process has the store open", LW_NOWHERE);
}

void lmdb_discard(const char *dir)
{
    static const char *const names[] = {"data.mdb", "lock.mdb"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[LMDB_PATH_MAX];
        if (lmdb_path(dir, names[i], path) == 0) {
            (void)unlink(path);
        }
    }
}
