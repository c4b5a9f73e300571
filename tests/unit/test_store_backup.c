#define _GNU_SOURCE /* RTLD_NEXT, usleep */

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bytes.h"
#include "store_fixture.h"
#include "txn.h"
#include "wallet/audit.h"

enum { WRITERS = 4, EVENTS = 300 };

/* The library's copying comes here first: a test may have another file copied instead. */
static const char *copy_instead;

int mdb_env_copyfd2(void *env, int fd, unsigned flags);
int mdb_env_copyfd2(void *env, int fd, unsigned flags)
{
    if (copy_instead == NULL) {
        int (*real)(void *, int, unsigned) = NULL;
        void *found = dlsym(RTLD_NEXT, "mdb_env_copyfd2");
        memcpy(&real, &found, sizeof(real)); /* ISO C has no cast for it */
        return real(env, fd, flags);
    }
    LW_AUTO_BUF file = LW_BUF(64 << 20);
    support_read_file(copy_instead, &file);
    return write(fd, file.ptr, file.len) == (ssize_t)file.len ? 0 : -1;
}

static int make(void **state)
{
    static struct support_store f;
    support_store_make(&f);
    *state = &f;
    return 0;
}

static int drop(void **state)
{
    support_store_drop(*state);
    return 0;
}

static lw_err append(struct wallet_txn *txn, void *ctx)
{
    const struct wallet_audit_event event = {
        .time = SUPPORT_NOW, .kind = WALLET_AUDIT_VERIFIED, .actor = LW_STR("agency")};
    (void)ctx;
    return wallet_audit_append(txn, &event, NULL);
}

static atomic_bool stop;

static void *append_until_told(void *arg)
{
    while (!atomic_load(&stop)) {
        if (wallet_store_write(arg, append, NULL).code != LW_OK) {
            return arg;
        }
    }
    return NULL;
}

static void head_of(struct wallet_store *store, uint64_t *size, uint8_t root[WALLET_HASH_LEN])
{
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(store, &txn).code, LW_OK);
    assert_int_equal(wallet_audit_head(txn, size, root).code, LW_OK);
}

static void a_copy_made_while_others_write_is_whole(void **state)
{
    struct support_store *f = *state;
    pthread_t threads[WRITERS];
    char dir[SUPPORT_PATH_MAX];
    uint64_t before = 0;
    uint64_t copied = 0;
    uint8_t root[WALLET_HASH_LEN];
    for (int i = 0; i < EVENTS; i++) {
        support_store_write(f, append, NULL);
    }
    atomic_store(&stop, false);
    for (int i = 0; i < WRITERS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, append_until_told, f->store), 0);
    }
    (void)usleep(20000);
    for (int i = 0; i < 5; i++) {
        char name[32];
        struct wallet_store_found found;
        (void)snprintf(name, sizeof(name), "copy-%d", i);
        support_path(f->folder, name, dir);
        head_of(f->store, &before, root);
        assert_int_equal(wallet_store_backup(f->store, dir).code, LW_OK);
        WALLET_AUTO_STORE copy = NULL;
        assert_int_equal(wallet_store_open(dir, &f->options, &copy).code, LW_OK);
        head_of(copy, &copied, root);
        assert_true(copied >= before);
        assert_int_equal(wallet_store_check(copy, &found).code, LW_OK);
        assert_true(found.whole);
        assert_memory_equal(wallet_store_id(copy), wallet_store_id(f->store), WALLET_STORE_ID_LEN);
    }
    atomic_store(&stop, true);
    for (int i = 0; i < WRITERS; i++) {
        void *failed = NULL;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

static void a_copy_is_private_and_never_made_over_something(void **state)
{
    const struct support_store *f = *state;
    struct stat info;
    char dir[SUPPORT_PATH_MAX];
    char data[SUPPORT_PATH_MAX];
    support_path(f->folder, "copy", dir);
    support_path(dir, "data.mdb", data);
    assert_int_equal(wallet_store_backup(f->store, dir).code, LW_OK);
    assert_int_equal(stat(dir, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0700);
    assert_int_equal(stat(data, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(wallet_store_backup(f->store, dir).code, LW_E_CONFLICT);
    assert_int_equal(stat(data, &info), 0); /* the first copy stays */
    support_path(f->folder, "empty", dir);
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(wallet_store_backup(f->store, dir).code, LW_OK);
    support_path(f->folder, "no/such", dir);
    assert_int_equal(wallet_store_backup(f->store, dir).code, LW_E_IO);
}

static lw_err spoil(struct wallet_txn *txn, void *ctx)
{
    uint8_t key[8] = {0};
    static const uint8_t hash[WALLET_HASH_LEN] = {1};
    (void)ctx;
    return wallet_txn_put(txn, WALLET_KS_AUDIT_LEAF, LW_BYTES(key),
                          (lw_bytes){.ptr = hash, .len = 1});
}

static void a_store_whose_log_cannot_be_read_gives_no_copy_and_leaves_none(void **state)
{
    struct support_store *f = *state;
    struct stat info;
    char dir[SUPPORT_PATH_MAX];
    support_store_write(f, spoil, NULL);
    support_path(f->folder, "copy", dir);
    assert_int_equal(wallet_store_backup(f->store, dir).code, LW_E_CORRUPT);
    assert_int_not_equal(stat(dir, &info), 0);
}

static void a_copy_that_is_not_of_this_store_as_it_stands_is_refused(void **state)
{
    struct support_store *f = *state;
    struct support_store other;
    struct stat info;
    char old[SUPPORT_PATH_MAX];
    char dir[SUPPORT_PATH_MAX];
    char data[SUPPORT_PATH_MAX];
    support_path(f->folder, "old", old);
    support_path(f->folder, "copy", dir);
    assert_int_equal(wallet_store_backup(f->store, old).code, LW_OK);
    support_path(old, "data.mdb", data);
    copy_instead = data;
    assert_int_equal(wallet_store_backup(f->store, dir).code, LW_OK); /* nothing happened since */
    support_remove(dir);
    support_store_write(f, append, NULL);
    assert_int_equal(wallet_store_backup(f->store, dir).code, LW_E_CORRUPT);
    assert_int_not_equal(stat(dir, &info), 0);
    support_store_make(&other);
    support_store_write(&other, append, NULL);
    support_path(other.dir, "data.mdb", data);
    assert_int_equal(wallet_store_backup(f->store, dir).code, LW_E_CORRUPT);
    assert_int_not_equal(stat(dir, &info), 0);
    copy_instead = NULL;
    support_store_drop(&other);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_copy_made_while_others_write_is_whole),
        TEST(a_copy_is_private_and_never_made_over_something),
        TEST(a_copy_that_is_not_of_this_store_as_it_stands_is_refused),
        TEST(a_store_whose_log_cannot_be_read_gives_no_copy_and_leaves_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
