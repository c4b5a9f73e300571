/* F5: a process that reads is killed. What it held is given back, and the file stops growing. */
#define _POSIX_C_SOURCE 200809L

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "fault.h"
#include "records.h"
#include "txn.h"
#include "wallet/audit.h"

enum { WRITES = 400, VALUE_LEN = 3000 };

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

/* The same entry written anew: without readers its old pages are used again. */
static lw_err rewrite(struct wallet_txn *txn, void *ctx)
{
    static uint8_t value[VALUE_LEN];
    static const uint8_t key[] = {1};
    (void)ctx;
    value[0]++;
    return wallet_txn_put(txn, WALLET_KS_STATUS_CHUNK, LW_BYTES(key), LW_BYTES(value));
}

static void write_often(struct support_store *f)
{
    for (int i = 0; i < WRITES; i++) {
        support_store_write(f, rewrite, NULL);
    }
}

static struct wallet_store_stat stat_of(struct support_store *f)
{
    struct wallet_store_stat stat;
    assert_int_equal(wallet_store_stat(f->store, &stat).code, LW_OK);
    return stat;
}

/* A process that has a read transaction open; it says so by a byte. */
static pid_t start_reader(const struct support_store *f)
{
    int pipe_fds[2];
    char byte = 0;
    assert_int_equal(pipe(pipe_fds), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct wallet_store *store = NULL;
        struct wallet_txn *txn = NULL;
        if (wallet_store_open(f->dir, &f->options, &store).code == LW_OK &&
            wallet_read_begin(store, &txn).code == LW_OK && write(pipe_fds[1], "r", 1) == 1) {
            for (;;) {
                (void)pause();
            }
        }
        _exit(1);
    }
    (void)close(pipe_fds[1]);
    assert_int_equal(read(pipe_fds[0], &byte, 1), 1);
    (void)close(pipe_fds[0]);
    return child;
}

static void end_reader(pid_t child)
{
    int status = 0;
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
}

static void what_a_killed_reader_held_is_given_back(void **state)
{
    struct support_store *f = *state;
    const size_t rounds = support_fault_rounds(3, 100);
    unsigned cleared = 0;
    size_t violations = 0;
    write_often(f);
    const uint64_t before = stat_of(f).used_bytes;
    uint64_t most = 0;
    for (size_t i = 0; i < rounds; i++) {
        const pid_t child = start_reader(f);
        write_often(f);
        const struct wallet_store_stat held = stat_of(f);
        assert_int_equal(held.oldest_reader_pid, child);
        assert_true(held.oldest_reader_lag >= WRITES);
        assert_true(held.used_bytes > before); /* it does keep pages: the test would see a leak */
        end_reader(child);
        assert_int_equal(wallet_store_tend(f->store, &cleared).code, LW_OK);
        violations += cleared == 1 ? 0 : 1;
        assert_int_equal(stat_of(f).oldest_reader_pid, 0);
        most = most == 0 ? stat_of(f).used_bytes : most;
        write_often(f);
        violations +=
            stat_of(f).used_bytes <= 2 * most ? 0 : 1; /* not by what was held, each time */
    }
    support_fault_report("F5", "a reader killed, then as many writes", rounds, violations);
    assert_int_equal(violations, 0);
}

static void a_store_that_is_opened_clears_them_too(void **state)
{
    struct support_store *f = *state;
    unsigned cleared = 0;
    end_reader(start_reader(f));
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct wallet_store *other = NULL;
        const int code = wallet_store_open(f->dir, &f->options, &other).code == LW_OK ? 0 : 1;
        wallet_store_close(other);
        _exit(code);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(wallet_store_tend(f->store, &cleared).code, LW_OK);
    assert_int_equal(cleared, 0);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_a_killed_reader_held_is_given_back),
        TEST(a_store_that_is_opened_clears_them_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
