#define _GNU_SOURCE /* RTLD_NEXT, syscall */

#include "engine.h"

#include <dlfcn.h>
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"

/* The library's calls to the disk come here first: some are made to fail. */
static atomic_int fail_sync;  /* the n-th fdatasync from now; 0: none */
static atomic_int fail_pages; /* likewise a write of pages */
static atomic_int fail_meta;  /* likewise a write of a meta page */
static atomic_int fail_code;  /* what they give; 0: a short write */

static atomic_int map_full_at_commit;

int mdb_txn_commit(void *txn);
void mdb_txn_abort(void *txn);
int mdb_txn_commit(void *txn)
{
    enum { MAP_FULL = -30792 };
    int (*real)(void *) = NULL;
    void *found = dlsym(RTLD_NEXT, "mdb_txn_commit");
    memcpy(&real, &found, sizeof(real)); /* ISO C has no cast for it */
    if (atomic_exchange(&map_full_at_commit, 0) == 1) {
        mdb_txn_abort(txn);
        return MAP_FULL;
    }
    return real(txn);
}

enum { META_END = 2 * 4096 };

static bool now(atomic_int *counter)
{
    return atomic_load(counter) > 0 && atomic_fetch_sub(counter, 1) == 1;
}

int fdatasync(int fd)
{
    if (now(&fail_sync)) {
        errno = fail_code;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    if (now(&fail_pages)) {
        if (fail_code == 0) {
            return (ssize_t)syscall(SYS_write, fd, parts[0].iov_base, 512);
        }
        errno = fail_code;
        return -1;
    }
    return (ssize_t)syscall(SYS_writev, fd, parts, count);
}

ssize_t pwrite(int fd, const void *from, size_t n, off_t offset)
{
    if (now(offset < META_END ? &fail_meta : &fail_pages)) {
        if (fail_code == 0) {
            return (ssize_t)syscall(SYS_pwrite64, fd, from, n / 2, offset);
        }
        errno = fail_code;
        return -1;
    }
    return (ssize_t)syscall(SYS_pwrite64, fd, from, n, offset);
}

enum { SMALL_MAP = 512 * 1024 };
static const enum wallet_keyspace ks = WALLET_KS_AGENCY;
static const struct wallet_engine_ops *const ops = &wallet_engine_lmdb;

struct fixture {
    char folder[SUPPORT_PATH_MAX];
    struct wallet_engine *engine;
    int fatal;
};

static void count_fatal(void *ctx, lw_err err)
{
    assert_int_equal(err.code, LW_E_IO);
    ((struct fixture *)ctx)->fatal++;
}

static struct wallet_engine *open_in(struct fixture *f, size_t map_size)
{
    struct wallet_engine *engine = NULL;
    const struct wallet_engine_config config = {.dir = f->folder,
                                                .map_size = map_size,
                                                .create = true,
                                                .fatal = count_fatal,
                                                .fatal_ctx = f};
    assert_int_equal(ops->open(&config, &engine).code, LW_OK);
    assert_int_equal(ops->prepare(engine).code, LW_OK);
    return engine;
}

static int make(void **state)
{
    static struct fixture f;
    f.fatal = 0;
    support_folder(f.folder);
    f.engine = open_in(&f, SMALL_MAP);
    *state = &f;
    return 0;
}

static int drop(void **state)
{
    struct fixture *f = *state;
    ops->close(f->engine);
    support_remove(f->folder);
    return 0;
}

static lw_bytes text(const char *s)
{
    return lw_str_bytes(lw_str_c(s));
}

static struct wallet_engine_txn *begin(struct wallet_engine *engine, enum wallet_engine_mode mode)
{
    struct wallet_engine_txn *txn = NULL;
    assert_int_equal(ops->begin(engine, mode, NULL, &txn).code, LW_OK);
    return txn;
}

static lw_err put_one(struct wallet_engine *engine, const char *key, const char *value)
{
    struct wallet_engine_txn *txn = NULL;
    LW_TRY(ops->begin(engine, WALLET_ENGINE_WRITE, NULL, &txn));
    assert_int_equal(ops->put(txn, ks, text(key), text(value), WALLET_PUT).code, LW_OK);
    return ops->commit(txn);
}

static bool holds(struct wallet_engine *engine, const char *key, const char *value)
{
    struct wallet_engine_txn *txn = begin(engine, WALLET_ENGINE_READ);
    lw_bytes got = {0};
    const lw_err err = ops->get(txn, ks, text(key), &got);
    const bool same = err.code == LW_OK && lw_bytes_eq(got, text(value));
    ops->abort(txn);
    return same;
}

/* Writes `count` entries of 1 KiB in one transaction, running it again as the writer does. */
static unsigned fill(struct wallet_engine *engine, unsigned first, unsigned count)
{
    static const uint8_t value[1024] = {7};
    for (unsigned round = 0; round < 20; round++) {
        struct wallet_engine_txn *txn = begin(engine, WALLET_ENGINE_WRITE);
        for (unsigned i = 0; i < count && ops->state(txn) == WALLET_ENGINE_SOUND; i++) {
            char key[16];
            (void)snprintf(key, sizeof(key), "k%06u", first + i);
            const lw_err err = ops->put(txn, ks, text(key), LW_BYTES(value), WALLET_PUT_LAST);
            assert_true(err.code == LW_OK || ops->state(txn) == WALLET_ENGINE_RERUN);
        }
        if (ops->commit(txn).code == LW_OK) {
            return round;
        }
    }
    fail();
    return 0;
}

static void deferred_commits_are_synced_at_the_end_and_each_one_after(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(ops->defer(f->engine, true).code, LW_OK);
    atomic_store(&fail_code, EIO);
    atomic_store(&fail_sync, 1);
    assert_int_equal(put_one(f->engine, "a", "1").code, LW_OK); /* nothing is synced */
    assert_true(atomic_load(&fail_sync) == 1);
    atomic_store(&fail_sync, 0);
    assert_int_equal(ops->defer(f->engine, false).code, LW_OK);
    atomic_store(&fail_sync, 1);
    assert_int_equal(put_one(f->engine, "a", "2").code, LW_E_IO);
    assert_int_equal(f->fatal, 1);
    assert_int_equal(ops->defer(f->engine, true).code, LW_E_IO);
}

static void a_failed_sync_of_deferred_commits_is_the_end(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(ops->defer(f->engine, true).code, LW_OK);
    assert_int_equal(put_one(f->engine, "a", "1").code, LW_OK);
    atomic_store(&fail_code, EIO);
    atomic_store(&fail_sync, 1);
    assert_int_equal(ops->defer(f->engine, false).code, LW_E_IO);
    assert_int_equal(f->fatal, 1);
    assert_int_equal(ops->health(f->engine).code, LW_E_IO);
}

static void a_failed_sync_is_the_end(void **state)
{
    struct fixture *f = *state;
    struct wallet_engine_txn *txn = NULL;
    lw_bytes value = {0};
    assert_int_equal(put_one(f->engine, "a", "1").code, LW_OK);
    struct wallet_engine_txn *reader = begin(f->engine, WALLET_ENGINE_READ);
    atomic_store(&fail_code, EIO);
    atomic_store(&fail_sync, 1);
    assert_int_equal(put_one(f->engine, "a", "2").code, LW_E_IO);
    assert_int_equal(f->fatal, 1);
    assert_int_equal(ops->get(reader, ks, text("a"), &value).code, LW_E_IO);
    ops->abort(reader);
    assert_int_equal(ops->begin(f->engine, WALLET_ENGINE_WRITE, NULL, &txn).code, LW_E_IO);
    assert_int_equal(ops->begin(f->engine, WALLET_ENGINE_READ, NULL, &txn).code, LW_E_IO);
    assert_int_equal(ops->health(f->engine).code, LW_E_IO);
    assert_int_equal(ops->sync(f->engine).code, LW_E_IO);
    assert_int_equal(f->fatal, 1);
    ops->close(f->engine);
    f->engine = open_in(f, SMALL_MAP); /* as the next start of the process does */
    assert_true(holds(f->engine, "a", "1"));
    assert_int_equal(put_one(f->engine, "a", "3").code, LW_OK);
}

static void a_broken_write_on_a_disk_with_room_is_the_end(void **state)
{
    struct fixture *f = *state;
    atomic_store(&fail_code, 0); /* short */
    atomic_store(&fail_pages, 1);
    assert_int_equal(put_one(f->engine, "a", "1").code, LW_E_IO);
    assert_int_equal(f->fatal, 1);
}

static void a_failed_write_of_the_meta_page_is_the_end(void **state)
{
    struct fixture *f = *state;
    atomic_store(&fail_code, EIO);
    atomic_store(&fail_meta, 1);
    assert_int_equal(put_one(f->engine, "a", "1").code, LW_E_IO);
    assert_int_equal(f->fatal, 1);
}

/* LMDB puts the older head back with the trees of the commit that failed, which lie beyond its
 * last page. */
static void a_store_opens_after_the_write_of_a_meta_page_failed(void **state)
{
    struct fixture *f = *state;
    static const uint8_t value[65536] = {1};
    const int codes[] = {EIO, 0, ENOSPC};
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        assert_int_equal(put_one(f->engine, "a", "1").code, LW_OK);
        struct wallet_engine_txn *txn = begin(f->engine, WALLET_ENGINE_WRITE);
        assert_int_equal(ops->put(txn, ks, text("b"), LW_BYTES(value), WALLET_PUT).code, LW_OK);
        atomic_store(&fail_code, codes[i]);
        atomic_store(&fail_meta, 1);
        assert_int_not_equal(ops->commit(txn).code, LW_OK);
        ops->close(f->engine);
        f->engine = open_in(f, SMALL_MAP);
        assert_true(holds(f->engine, "a", "1"));
        txn = begin(f->engine, WALLET_ENGINE_READ);
        lw_bytes none = {0};
        assert_int_equal(ops->get(txn, ks, text("b"), &none).code, LW_E_NOT_FOUND);
        ops->abort(txn);
    }
}

/* Both heads are of no transaction then, and the first counts. */
static void a_store_whose_first_commit_failed_is_made_whole_by_the_next_start(void **state)
{
    struct fixture *f = *state;
    const struct wallet_engine_config config = {.dir = f->folder, .create = true};
    ops->close(f->engine);
    f->engine = NULL;
    ops->discard(f->folder);
    assert_int_equal(ops->open(&config, &f->engine).code, LW_OK);
    atomic_store(&fail_code, EIO);
    atomic_store(&fail_meta, 1);
    assert_int_equal(ops->prepare(f->engine).code, LW_E_IO);
    ops->close(f->engine);
    f->engine = open_in(f, SMALL_MAP);
    assert_int_equal(put_one(f->engine, "a", "1").code, LW_OK);
    assert_true(holds(f->engine, "a", "1"));
}

static void a_store_that_cannot_be_synced_is_not_opened(void **state)
{
    struct fixture *f = *state;
    struct wallet_engine *engine = NULL;
    const struct wallet_engine_config config = {.dir = f->folder};
    assert_int_equal(put_one(f->engine, "a", "1").code, LW_OK);
    ops->close(f->engine);
    atomic_store(&fail_code, EIO);
    atomic_store(&fail_sync, 1);
    assert_int_equal(ops->open(&config, &engine).code, LW_E_IO);
    f->engine = open_in(f, SMALL_MAP);
    assert_true(holds(f->engine, "a", "1"));
}

static void a_broken_disk_does_not_make_the_file_longer(void **state)
{
    const struct fixture *f = *state;
    struct stat before;
    struct stat after;
    char data[SUPPORT_PATH_MAX];
    support_path(f->folder, "data.mdb", data);
    assert_int_equal(put_one(f->engine, "a", "1").code, LW_OK);
    assert_int_equal(stat(data, &before), 0);
    atomic_store(&fail_code, EIO);
    atomic_store(&fail_pages, 1);
    assert_int_equal(put_one(f->engine, "a", "2").code, LW_E_IO);
    assert_int_equal(stat(data, &after), 0);
    assert_int_equal(after.st_size, before.st_size);
}

static void a_full_disk_refuses_writes_and_no_more(void **state)
{
    const struct fixture *f = *state;
    assert_int_equal(put_one(f->engine, "a", "1").code, LW_OK);
    atomic_store(&fail_code, ENOSPC);
    atomic_store(&fail_pages, 1);
    assert_int_equal(put_one(f->engine, "a", "2").code, LW_E_NOSPACE);
    assert_int_equal(ops->health(f->engine).code, LW_E_NOSPACE);
    assert_true(holds(f->engine, "a", "1"));
    assert_int_equal(put_one(f->engine, "a", "3").code, LW_OK);
    assert_int_equal(ops->health(f->engine).code, LW_OK);
    assert_true(holds(f->engine, "a", "3"));
    assert_int_equal(f->fatal, 0);
}

/* A limit on file sizes stands in for a full disk: the same calls fail, and it can be lifted. */
static void a_file_limit_is_met_and_lifted_without_a_restart(void **state)
{
    const struct fixture *f = *state;
    struct rlimit before;
    struct stat info;
    char data[SUPPORT_PATH_MAX];
    support_path(f->folder, "data.mdb", data);
    (void)fill(f->engine, 0, 4000);
    assert_int_equal(stat(data, &info), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    void (*const was)(int) = signal(SIGXFSZ, SIG_IGN);
    struct rlimit tight = before;
    tight.rlim_cur = (rlim_t)info.st_size + 1;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    unsigned written = 4000;
    lw_err err = LW_SUCCESS;
    while (err.code == LW_OK && written < 20000) {
        static const uint8_t value[65536] = {1};
        char key[16];
        struct wallet_engine_txn *txn = NULL;
        err = ops->begin(f->engine, WALLET_ENGINE_WRITE, NULL, &txn);
        if (err.code == LW_OK) {
            (void)snprintf(key, sizeof(key), "k%06u", written);
            err = ops->put(txn, ks, text(key), LW_BYTES(value), WALLET_PUT_LAST);
            if (err.code != LW_OK) {
                ops->abort(txn);
                assert_int_equal(err.code, LW_E_NOSPACE); /* the map's turn: it grows */
                err = LW_SUCCESS;
                continue;
            }
            err = ops->commit(txn);
            written += err.code == LW_OK ? 1 : 0;
            err = err.code == LW_E_LIMIT ? LW_SUCCESS : err;
        }
    }
    assert_int_equal(err.code, LW_E_NOSPACE);
    assert_true(holds(f->engine, "k000001", "") == false);
    struct wallet_engine_txn *txn = begin(f->engine, WALLET_ENGINE_READ);
    uint64_t n = 0;
    assert_int_equal(ops->count(txn, ks, &n).code, LW_OK);
    assert_int_equal(n, written);
    ops->abort(txn);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, was);
    assert_int_equal(put_one(f->engine, "after", "1").code, LW_OK);
    assert_true(holds(f->engine, "after", "1"));
    assert_int_equal(f->fatal, 0);
}

/* One transaction larger than what was reserved ahead is written short where the limit is. */
static void a_large_write_over_the_limit_is_a_full_disk_too(void **state)
{
    const struct fixture *f = *state;
    struct rlimit before;
    struct stat info;
    char data[SUPPORT_PATH_MAX];
    support_path(f->folder, "data.mdb", data);
    (void)fill(f->engine, 0, 16000); /* grows the map past what follows */
    struct wallet_engine_txn *txn = begin(f->engine, WALLET_ENGINE_WRITE);
    assert_int_equal(stat(data, &info), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    void (*const was)(int) = signal(SIGXFSZ, SIG_IGN);
    struct rlimit tight = before;
    tight.rlim_cur = (rlim_t)info.st_size + 100 * 4096 + 77;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
    static const uint8_t value[8 << 20] = {1};
    assert_int_equal(ops->put(txn, ks, text("z"), LW_BYTES(value), WALLET_PUT).code, LW_OK);
    assert_int_equal(ops->commit(txn).code, LW_E_NOSPACE);
    assert_int_equal(f->fatal, 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    (void)signal(SIGXFSZ, was);
    assert_int_equal(put_one(f->engine, "a", "1").code, LW_OK);
    assert_true(holds(f->engine, "a", "1"));
}

static void a_map_found_full_at_the_commit_grows_too(void **state)
{
    const struct fixture *f = *state;
    struct wallet_engine_stat before = {0};
    struct wallet_engine_stat after = {0};
    assert_int_equal(ops->stat(f->engine, &before).code, LW_OK);
    atomic_store(&map_full_at_commit, 1);
    assert_int_equal(put_one(f->engine, "a", "1").code, LW_E_LIMIT);
    assert_int_equal(put_one(f->engine, "a", "1").code, LW_OK);
    assert_int_equal(ops->stat(f->engine, &after).code, LW_OK);
    assert_int_equal(after.map_bytes, 2 * before.map_bytes);
    assert_int_equal(f->fatal, 0);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_failed_sync_is_the_end),
        TEST(deferred_commits_are_synced_at_the_end_and_each_one_after),
        TEST(a_failed_sync_of_deferred_commits_is_the_end),
        TEST(a_broken_write_on_a_disk_with_room_is_the_end),
        TEST(a_failed_write_of_the_meta_page_is_the_end),
        TEST(a_store_opens_after_the_write_of_a_meta_page_failed),
        TEST(a_store_whose_first_commit_failed_is_made_whole_by_the_next_start),
        TEST(a_store_that_cannot_be_synced_is_not_opened),
        TEST(a_broken_disk_does_not_make_the_file_longer),
        TEST(a_full_disk_refuses_writes_and_no_more),
        TEST(a_file_limit_is_met_and_lifted_without_a_restart),
        TEST(a_large_write_over_the_limit_is_a_full_disk_too),
        TEST(a_map_found_full_at_the_commit_grows_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
