#define _POSIX_C_SOURCE 200809L

#include "engine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "folder.h"

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

static void what_was_committed_is_read_and_what_was_aborted_is_not(void **state)
{
    const struct fixture *f = *state;
    assert_int_equal(put_one(f->engine, "a", "1").code, LW_OK);
    struct wallet_engine_txn *txn = begin(f->engine, WALLET_ENGINE_WRITE);
    assert_int_equal(ops->put(txn, ks, text("a"), text("2"), WALLET_PUT).code, LW_OK);
    assert_int_equal(ops->put(txn, ks, text("b"), text("2"), WALLET_PUT).code, LW_OK);
    ops->abort(txn);
    assert_true(holds(f->engine, "a", "1"));
    assert_false(holds(f->engine, "b", "2"));
}

static void a_reader_keeps_its_snapshot(void **state)
{
    const struct fixture *f = *state;
    lw_bytes value = {0};
    assert_int_equal(put_one(f->engine, "a", "1").code, LW_OK);
    struct wallet_engine_txn *txn = begin(f->engine, WALLET_ENGINE_READ);
    assert_int_equal(put_one(f->engine, "a", "2").code, LW_OK);
    assert_int_equal(ops->get(txn, ks, text("a"), &value).code, LW_OK);
    assert_true(lw_bytes_eq(value, text("1")));
    ops->abort(txn);
    assert_true(holds(f->engine, "a", "2"));
}

static void inserting_over_an_entry_is_a_conflict_and_changes_nothing(void **state)
{
    const struct fixture *f = *state;
    struct wallet_engine_txn *txn = begin(f->engine, WALLET_ENGINE_WRITE);
    assert_int_equal(ops->put(txn, ks, text("a"), text("1"), WALLET_PUT_INSERT).code, LW_OK);
    assert_int_equal(ops->put(txn, ks, text("a"), text("2"), WALLET_PUT_INSERT).code,
                     LW_E_CONFLICT);
    assert_int_equal(ops->state(txn), WALLET_ENGINE_SOUND);
    assert_int_equal(ops->del(txn, ks, text("b")).code, LW_E_NOT_FOUND);
    assert_int_equal(ops->state(txn), WALLET_ENGINE_SOUND);
    assert_int_equal(ops->commit(txn).code, LW_OK);
    assert_true(holds(f->engine, "a", "1"));
}

static void appending_out_of_order_still_lands_in_its_place(void **state)
{
    const struct fixture *f = *state;
    struct wallet_engine_txn *txn = begin(f->engine, WALLET_ENGINE_WRITE);
    assert_int_equal(ops->put(txn, ks, text("b"), text("1"), WALLET_PUT_LAST).code, LW_OK);
    assert_int_equal(ops->put(txn, ks, text("c"), text("1"), WALLET_PUT_LAST).code, LW_OK);
    assert_int_equal(ops->put(txn, ks, text("a"), text("2"), WALLET_PUT_LAST).code, LW_OK);
    assert_int_equal(ops->put(txn, ks, text("c"), text("3"), WALLET_PUT_LAST).code, LW_OK);
    assert_int_equal(ops->commit(txn).code, LW_OK);
    assert_true(holds(f->engine, "a", "2"));
    assert_true(holds(f->engine, "b", "1"));
    assert_true(holds(f->engine, "c", "3"));
}

static void keys_of_no_or_too_many_bytes_are_refused(void **state)
{
    const struct fixture *f = *state;
    static const uint8_t long_key[WALLET_KEY_MAX + 1] = {1};
    const lw_bytes longest = {.ptr = long_key, .len = WALLET_KEY_MAX};
    const lw_bytes longer = LW_BYTES(long_key);
    lw_bytes value = {0};
    struct wallet_engine_txn *txn = begin(f->engine, WALLET_ENGINE_WRITE);
    assert_int_equal(ops->put(txn, ks, longest, text("1"), WALLET_PUT).code, LW_OK);
    assert_int_equal(ops->put(txn, ks, longer, text("1"), WALLET_PUT).code, LW_E_LIMIT);
    assert_int_equal(ops->put(txn, ks, (lw_bytes){0}, text("1"), WALLET_PUT).code, LW_E_LIMIT);
    assert_int_equal(ops->get(txn, ks, longest, &value).code, LW_OK);
    assert_int_equal(ops->get(txn, ks, longer, &value).code, LW_E_LIMIT);
    assert_int_equal(ops->get(txn, ks, (lw_bytes){0}, &value).code, LW_E_LIMIT);
    assert_int_equal(ops->del(txn, ks, longer).code, LW_E_LIMIT);
    assert_int_equal(ops->commit(txn).code, LW_OK);
}

static void a_reader_cannot_change(void **state)
{
    const struct fixture *f = *state;
    struct wallet_engine_txn *txn = begin(f->engine, WALLET_ENGINE_READ);
    assert_int_equal(ops->put(txn, ks, text("a"), text("1"), WALLET_PUT).code, LW_E_MISUSE);
    assert_int_equal(ops->del(txn, ks, text("a")).code, LW_E_MISUSE);
    ops->abort(txn);
}

static void keyspaces_do_not_mix(void **state)
{
    const struct fixture *f = *state;
    lw_bytes value = {0};
    uint64_t n = 0;
    assert_int_equal(put_one(f->engine, "a", "1").code, LW_OK);
    struct wallet_engine_txn *txn = begin(f->engine, WALLET_ENGINE_READ);
    assert_int_equal(ops->get(txn, WALLET_KS_PERSON, text("a"), &value).code, LW_E_NOT_FOUND);
    assert_int_equal(ops->count(txn, WALLET_KS_PERSON, &n).code, LW_OK);
    assert_int_equal(n, 0);
    assert_int_equal(ops->count(txn, ks, &n).code, LW_OK);
    assert_int_equal(n, 1);
    ops->abort(txn);
}

static void a_savepoint_undone_leaves_the_rest(void **state)
{
    const struct fixture *f = *state;
    struct wallet_engine_txn *inner = NULL;
    struct wallet_engine_txn *txn = begin(f->engine, WALLET_ENGINE_WRITE);
    assert_int_equal(ops->put(txn, ks, text("a"), text("1"), WALLET_PUT).code, LW_OK);
    assert_int_equal(ops->begin(f->engine, WALLET_ENGINE_WRITE, txn, &inner).code, LW_OK);
    assert_int_equal(ops->put(inner, ks, text("a"), text("2"), WALLET_PUT).code, LW_OK);
    ops->abort(inner);
    assert_int_equal(ops->begin(f->engine, WALLET_ENGINE_WRITE, txn, &inner).code, LW_OK);
    assert_int_equal(ops->put(inner, ks, text("b"), text("3"), WALLET_PUT).code, LW_OK);
    assert_int_equal(ops->commit(inner).code, LW_OK);
    assert_int_equal(ops->commit(txn).code, LW_OK);
    assert_true(holds(f->engine, "a", "1"));
    assert_true(holds(f->engine, "b", "3"));
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

static void a_full_map_grows_and_the_same_is_run_again(void **state)
{
    const struct fixture *f = *state;
    struct wallet_engine_stat stat = {0};
    assert_true(fill(f->engine, 0, 4000) >= 3); /* 4 MiB in a map of half a MiB */
    assert_int_equal(ops->stat(f->engine, &stat).code, LW_OK);
    assert_int_equal(stat.entries, 4000);
    assert_true(stat.map_bytes >= 8 * SMALL_MAP);
    assert_true(stat.used_bytes > 4000 * 1024);
}

static void a_map_that_has_grown_stays_so_when_opened_again(void **state)
{
    struct fixture *f = *state;
    struct wallet_engine_stat stat = {0};
    (void)fill(f->engine, 0, 4000);
    ops->close(f->engine);
    f->engine = open_in(f, SMALL_MAP);
    assert_int_equal(ops->stat(f->engine, &stat).code, LW_OK);
    assert_int_equal(stat.entries, 4000);
    assert_int_equal(fill(f->engine, 4000, 100), 0);
}

static void growth_waits_for_readers_and_gives_up_in_time(void **state)
{
    const struct fixture *f = *state;
    struct wallet_engine_txn *reader = begin(f->engine, WALLET_ENGINE_READ);
    struct wallet_engine_txn *txn = begin(f->engine, WALLET_ENGINE_WRITE);
    static const uint8_t value[SMALL_MAP] = {7};
    assert_int_equal(ops->put(txn, ks, text("a"), LW_BYTES(value), WALLET_PUT).code, LW_E_NOSPACE);
    assert_int_equal(ops->state(txn), WALLET_ENGINE_RERUN);
    ops->abort(txn);
    assert_int_equal(ops->begin(f->engine, WALLET_ENGINE_WRITE, NULL, &txn).code, LW_E_BUSY);
    ops->abort(reader);
    txn = begin(f->engine, WALLET_ENGINE_WRITE);
    assert_int_equal(ops->put(txn, ks, text("a"), LW_BYTES(value), WALLET_PUT).code, LW_OK);
    assert_int_equal(ops->commit(txn).code, LW_OK);
}

/* Runs `child` in another process on the same folder and waits for it; false when it failed. */
static bool in_another_process(struct fixture *f, void (*child)(struct fixture *f))
{
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        f->engine = open_in(f, SMALL_MAP);
        child(f);
        ops->close(f->engine);
        _exit(0);
    }
    int status = 1;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

static void grow_it(struct fixture *f)
{
    (void)fill(f->engine, 0, 4000);
}

/* LMDB may not be used across a fork: the parent opens after the child was made. */
static void another_process_growth_is_noticed(void **state)
{
    struct fixture *f = *state;
    int begin_pipe[2];
    int status = 1;
    char go = 0;
    ops->close(f->engine);
    assert_int_equal(pipe(begin_pipe), 0);
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        if (read(begin_pipe[0], &go, 1) != 1) {
            _exit(1);
        }
        f->engine = open_in(f, SMALL_MAP);
        grow_it(f);
        ops->close(f->engine);
        _exit(0);
    }
    f->engine = open_in(f, SMALL_MAP);
    assert_int_equal(put_one(f->engine, "a", "1").code, LW_OK);
    struct wallet_engine_txn *kept = begin(f->engine, WALLET_ENGINE_READ); /* a spare to renew */
    ops->abort(kept);
    assert_int_equal(write(begin_pipe[1], "g", 1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    assert_true(holds(f->engine, "a", "1"));
    struct wallet_engine_txn *txn = begin(f->engine, WALLET_ENGINE_READ);
    uint64_t n = 0;
    assert_int_equal(ops->count(txn, ks, &n).code, LW_OK);
    assert_int_equal(n, 4001);
    ops->abort(txn);
    assert_int_equal(put_one(f->engine, "a", "2").code, LW_OK);
    close(begin_pipe[0]);
    close(begin_pipe[1]);
}

static void die_reading(struct fixture *f)
{
    (void)begin(f->engine, WALLET_ENGINE_READ);
    _exit(0);
}

static void a_reader_that_was_killed_does_not_make_the_file_grow(void **state)
{
    struct fixture *f = *state;
    struct wallet_engine_stat before = {0};
    struct wallet_engine_stat after = {0};
    (void)fill(f->engine, 0, 1000);
    ops->close(f->engine);
    assert_true(in_another_process(f, die_reading));
    f->engine = open_in(f, SMALL_MAP);
    (void)fill(f->engine, 0, 1000);
    (void)fill(f->engine, 0, 1000);
    assert_int_equal(ops->stat(f->engine, &before).code, LW_OK);
    for (unsigned i = 0; i < 20; i++) {
        (void)fill(f->engine, 0, 1000);
    }
    assert_int_equal(ops->stat(f->engine, &after).code, LW_OK);
    assert_true(after.used_bytes <= before.used_bytes + before.used_bytes / 2);
}

static void more_readers_than_there_are_slots_are_told_to_come_again(void **state)
{
    const struct fixture *f = *state;
    static struct wallet_engine_txn *open[2000];
    size_t n = 0;
    lw_err err = LW_SUCCESS;
    while (n < 2000) {
        err = ops->begin(f->engine, WALLET_ENGINE_READ, NULL, &open[n]);
        if (err.code != LW_OK) {
            break;
        }
        n++;
    }
    assert_int_equal(err.code, LW_E_BUSY);
    assert_true(n >= 1000);
    ops->abort(open[--n]);
    assert_int_equal(ops->begin(f->engine, WALLET_ENGINE_READ, NULL, &open[n++]).code, LW_OK);
    while (n > 0) {
        ops->abort(open[--n]);
    }
    assert_int_equal(put_one(f->engine, "a", "1").code, LW_OK);
    assert_true(holds(f->engine, "a", "1"));
}

static void a_copy_holds_what_was_there_and_files_are_private(void **state)
{
    struct fixture *f = *state;
    struct fixture copy = {0};
    struct stat info;
    char data[SUPPORT_PATH_MAX];
    assert_int_equal(put_one(f->engine, "a", "1").code, LW_OK);
    support_folder(copy.folder);
    assert_int_equal(ops->copy(f->engine, copy.folder, false).code, LW_OK);
    support_path(copy.folder, "data.mdb", data);
    assert_int_equal(stat(data, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(ops->copy(f->engine, copy.folder, false).code,
                     LW_E_IO); /* never over another */
    copy.engine = open_in(&copy, SMALL_MAP);
    assert_true(holds(copy.engine, "a", "1"));
    ops->close(copy.engine);
    ops->discard(copy.folder);
    assert_int_not_equal(stat(data, &info), 0);
    support_remove(copy.folder);
}

static void what_is_no_data_file_is_corrupt(void **state)
{
    struct fixture *f = *state;
    struct fixture other = {0};
    char data[SUPPORT_PATH_MAX];
    struct wallet_engine *engine = NULL;
    (void)f;
    support_folder(other.folder);
    support_path(other.folder, "data.mdb", data);
    FILE *file = fopen(data, "wb");
    assert_non_null(file);
    for (int i = 0; i < 40000; i++) {
        assert_int_not_equal(fputc(i & 0xff, file), EOF);
    }
    assert_int_equal(fclose(file), 0);
    const struct wallet_engine_config config = {.dir = other.folder};
    assert_int_equal(ops->open(&config, &engine).code, LW_E_CORRUPT);
    support_remove(other.folder);
}

static void take_all_and_die(struct fixture *f)
{
    struct wallet_engine_txn *txn = NULL;
    lw_err err = LW_SUCCESS;
    while (err.code == LW_OK) {
        err = ops->begin(f->engine, WALLET_ENGINE_READ, NULL, &txn);
    }
    _exit(err.code == LW_E_BUSY ? 0 : 1);
}

/* The parent holds the slot that it has, so that it needs another. */
static void slots_of_dead_readers_are_taken_when_there_are_no_others(void **state)
{
    struct fixture *f = *state;
    int status = 1;
    int begin_pipe[2];
    char go = 0;
    ops->close(f->engine);
    assert_int_equal(pipe(begin_pipe), 0);
    fflush(NULL);
    const pid_t pid = fork();
    if (pid == 0) {
        if (read(begin_pipe[0], &go, 1) != 1) {
            _exit(1);
        }
        f->engine = open_in(f, SMALL_MAP);
        take_all_and_die(f);
    }
    f->engine = open_in(f, SMALL_MAP);
    struct wallet_engine_txn *one = begin(f->engine, WALLET_ENGINE_READ);
    assert_int_equal(write(begin_pipe[1], "g", 1), 1);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
    ops->abort(begin(f->engine, WALLET_ENGINE_READ));
    ops->abort(one);
    close(begin_pipe[0]);
    close(begin_pipe[1]);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_committed_is_read_and_what_was_aborted_is_not),
        TEST(a_reader_keeps_its_snapshot),
        TEST(inserting_over_an_entry_is_a_conflict_and_changes_nothing),
        TEST(appending_out_of_order_still_lands_in_its_place),
        TEST(keys_of_no_or_too_many_bytes_are_refused),
        TEST(a_reader_cannot_change),
        TEST(keyspaces_do_not_mix),
        TEST(a_savepoint_undone_leaves_the_rest),
        TEST(a_full_map_grows_and_the_same_is_run_again),
        TEST(a_map_that_has_grown_stays_so_when_opened_again),
        TEST(growth_waits_for_readers_and_gives_up_in_time),
        TEST(another_process_growth_is_noticed),
        TEST(a_reader_that_was_killed_does_not_make_the_file_grow),
        TEST(slots_of_dead_readers_are_taken_when_there_are_no_others),
        TEST(more_readers_than_there_are_slots_are_told_to_come_again),
        TEST(a_copy_holds_what_was_there_and_files_are_private),
        TEST(what_is_no_data_file_is_corrupt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
