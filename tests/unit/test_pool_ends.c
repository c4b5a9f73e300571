/* Signers that end, are stopped or are killed, and the end of the pool. */
#define _GNU_SOURCE

#include "hsm/pool.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "pool_fixture.h"

enum { WAIT_TRIES = 6000, WAIT_TICK_MS = 10 };

static int open_pool(void **state)
{
    *state = pool_fixture_new(20000);
    return 0;
}

static int close_pool(void **state)
{
    pool_fixture_free(*state);
    return 0;
}

static void assert_signed(const struct pool_fixture *f, const struct hsm_job *job)
{
    const char *fault = pool_job_fault(f, job);
    if (fault != NULL) {
        fail_msg("%s", fault);
    }
}

static void nothing_is_lost_when_signers_are_killed_under_load(void **state)
{
    enum { COUNT = 8000, KILLS = 20 };
    struct pool_fixture *f = *state;
    struct pool_batch b;
    size_t kills = 0;
    f->token.config.deadline_ms = 60000; /* no job may wait longer than four of them */
    pool_fixture_reopen(f);
    pool_batch_start(&b, f, COUNT, POOL_NONE_MARKED);
    for (size_t i = 0; i < COUNT; i++) {
        pid_t pids[8];
        (void)sem_wait(&b.done);
        const size_t count = i % (COUNT / KILLS) == 0 ? support_children(pids, 8) : 0;
        if (count > 0 && kill(pids[i / (COUNT / KILLS) % count], SIGKILL) == 0) {
            kills++;
        }
    }
    for (size_t i = 0; i < COUNT; i++) {
        assert_signed(f, &b.jobs[i]);
    }
    assert_true(kills >= KILLS / 2);
    pool_batch_free(&b);
}

static void a_kill_by_somebody_else_is_not_held_against_a_request(void **state)
{
    enum { KILLS = 3 };
    struct pool_fixture *f = *state;
    struct pool_batch b;
    f->token.config.processes = 1;
    f->token.config.deadline_ms = 60000;
    pool_fixture_reopen(f);
    atomic_store(&f->token.control->slow_ms, 20000); /* each is killed long before */
    pool_sign_fault(f, SHIM_SLOW, KILLS, 0);
    const unsigned before = atomic_load(&f->token.control->signs);
    pool_batch_start(&b, f, 1, POOL_NONE_MARKED);
    for (unsigned i = 1; i <= KILLS; i++) {
        pid_t pid = 0;
        assert_true(pool_signs_become(f, before + i));
        assert_int_equal(support_children(&pid, 1), 1);
        assert_int_equal(kill(pid, SIGKILL), 0);
    }
    pool_batch_wait(&b);
    assert_signed(f, &b.jobs[0]);
    pool_batch_free(&b);
}

static void a_stopped_signer_is_replaced(void **state)
{
    struct pool_fixture *f = *state;
    pid_t pid = 0;
    f->token.config.processes = 1;
    f->token.config.deadline_ms = 3000; /* found silent after twice that, replaced before 4 times */
    pool_fixture_reopen(f);
    assert_int_equal(support_children(&pid, 1), 1);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_int_equal(pool_sign_one(f), LW_OK);
}

/* Whether a signer has come as far as its sandbox. */
static bool is_sandboxed(pid_t pid)
{
    char text[4096] = {0};
    (void)snprintf(text, sizeof(text), "/proc/%d/status", (int)pid);
    FILE *file = fopen(text, "re");
    assert_non_null(file);
    const size_t len = fread(text, 1, sizeof(text) - 1, file);
    (void)fclose(file);
    text[len] = 0;
    return strstr(text, "Seccomp:\t2") != NULL;
}

/* In a child process: opens a pool, has both signers hang in their token, and is killed. */
static void open_and_die(struct pool_fixture *f, int pipe_fd)
{
    struct pool_batch b;
    pid_t pids[2] = {0};
    pool_fixture_reopen(f);
    assert_int_equal(pool_children_become(2), 2);
    assert_int_equal(support_children(pids, 2), 2);
    for (int i = 0; i < WAIT_TRIES && !(is_sandboxed(pids[0]) && is_sandboxed(pids[1])); i++) {
        (void)poll(NULL, 0, WAIT_TICK_MS);
    }
    const unsigned before = atomic_load(&f->token.control->signs);
    pool_sign_fault(f, SHIM_HANG, POOL_FOR_EVER, 0);
    pool_batch_start(&b, f, 100, POOL_NONE_MARKED);
    assert_true(pool_signs_become(f, before + 2));
    assert_int_equal(write(pipe_fd, pids, sizeof(pids)), sizeof(pids));
    (void)kill(getpid(), SIGKILL);
}

static bool runs(pid_t pid)
{
    char path[64];
    char state = 'X';
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    FILE *file = fopen(path, "re");
    if (file != NULL) {
        const int got = fscanf(file, "%*d %*s %c", &state);
        (void)fclose(file);
        state = got == 1 ? state : 'X';
    }
    return state != 'X' && state != 'Z';
}

static void signers_do_not_outlive_their_parent(void **state)
{
    struct pool_fixture *f = *state;
    int ends[2];
    pid_t pids[2] = {0};
    pool_fixture_close(f);
    f->token.config.deadline_ms = 60000;
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        open_and_die(f, ends[1]);
    }
    (void)close(ends[1]);
    assert_int_equal(read(ends[0], pids, sizeof(pids)), sizeof(pids));
    assert_int_equal(waitpid(child, NULL, 0), child);
    for (size_t i = 0; i < 2; i++) {
        for (int tries = 0; tries < WAIT_TRIES && runs(pids[i]); tries++) {
            (void)poll(NULL, 0, WAIT_TICK_MS);
        }
        const bool outlived = runs(pids[i]);
        if (outlived) {
            (void)kill(pids[i], SIGKILL);
        }
        assert_false(outlived);
    }
    (void)close(ends[0]);
}

static void a_closed_pool_completes_what_is_in_flight(void **state)
{
    struct pool_fixture *f = *state;
    struct pool_batch b;
    pool_sign_fault(f, SHIM_HANG, POOL_FOR_EVER, 0);
    pool_batch_start(&b, f, 500, POOL_NONE_MARKED);
    pool_fixture_close(f);
    pool_batch_wait(&b);
    for (size_t i = 0; i < b.count; i++) {
        assert_int_equal(b.jobs[i].err.code, LW_E_TOKEN);
    }
    pool_batch_free(&b);
    assert_int_equal(pool_children_become(0), 0);
}

#define WITH_POOL(test_) cmocka_unit_test_setup_teardown(test_, open_pool, close_pool)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_POOL(nothing_is_lost_when_signers_are_killed_under_load),
        WITH_POOL(a_kill_by_somebody_else_is_not_held_against_a_request),
        WITH_POOL(a_stopped_signer_is_replaced),
        WITH_POOL(signers_do_not_outlive_their_parent),
        WITH_POOL(a_closed_pool_completes_what_is_in_flight),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
