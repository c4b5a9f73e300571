/* Fault F10, and signers that end: what the pool makes of a module that misbehaves. */
#define _GNU_SOURCE

#include "hsm/pool.h"

#include <poll.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "hsm/digest.h"
#include "token.h"

enum { MARK = 0xee, FOR_EVER = 0x7fffffff, WAIT_TRIES = 1000, WAIT_TICK_MS = 10 };

struct fixture {
    struct support_token token;
    struct hsm_pool *pool;
    struct hsm_public_key key; /* of "k", for credentials */
};

static void open_again(struct fixture *f)
{
    assert_int_equal(hsm_pool_open(&f->token.config, &f->pool).code, LW_OK);
}

static int open_pool(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    support_token_make(&f->token, true);
    f->token.config.deadline_ms = 1000;
    open_again(f);
    assert_int_equal(hsm_pool_generate(f->pool, "k", HSM_PURPOSE_CREDENTIAL, &f->key).code, LW_OK);
    *state = f;
    return 0;
}

static int close_pool(void **state)
{
    struct fixture *f = *state;
    hsm_pool_close(f->pool);
    support_token_free(&f->token);
    free(f);
    return 0;
}

struct batch {
    struct hsm_job *jobs;
    size_t count;
    sem_t done;
};

static void job_done(struct hsm_job *job)
{
    (void)sem_post(job->ctx);
}

/* Digests count up from `first`; none begins with MARK unless `marked` is its index. */
static void batch_start(struct batch *b, struct hsm_pool *pool, size_t count, size_t marked)
{
    *b = (struct batch){.count = count, .jobs = calloc(count, sizeof(struct hsm_job))};
    (void)sem_init(&b->done, 0, 0);
    for (size_t i = 0; i < count; i++) {
        struct hsm_job *job = &b->jobs[i];
        *job = (struct hsm_job){.label = "k",
                                .purpose = HSM_PURPOSE_CREDENTIAL,
                                .digest_len = HSM_SHA256_LEN,
                                .done = job_done,
                                .ctx = &b->done};
        const lw_bytes in = {.ptr = (const uint8_t *)&i, .len = sizeof(i)};
        assert_int_equal(hsm_sha256(in, job->digest).code, LW_OK);
        job->digest[0] = i == marked ? MARK : 0;
    }
    assert_int_equal(hsm_pool_submit(pool, b->jobs, count).code, LW_OK);
}

static void batch_wait(struct batch *b)
{
    for (size_t i = 0; i < b->count; i++) {
        (void)sem_wait(&b->done);
    }
}

static void assert_signed(const struct fixture *f, const struct hsm_job *job)
{
    const lw_bytes digest = {.ptr = job->digest, .len = job->digest_len};
    const lw_bytes sig = {.ptr = job->sig, .len = job->sig_len};
    if (job->err.code != LW_OK) {
        fail_msg("%s", job->err.why);
    }
    assert_int_equal(hsm_verify_digest(&f->key, digest, sig).code, LW_OK);
}

static void batch_free(struct batch *b)
{
    (void)sem_destroy(&b->done);
    free(b->jobs);
}

enum { NOT_MARKED = -1 };

/* All are signed but the marked one, which fails by itself. */
static void assert_only_the_marked_fails(struct fixture *f, size_t count, size_t marked,
                                         lw_code code)
{
    struct batch b;
    batch_start(&b, f->pool, count, marked);
    batch_wait(&b);
    for (size_t i = 0; i < count; i++) {
        if (i == marked) {
            assert_int_equal(b.jobs[i].err.code, code);
            assert_int_equal(b.jobs[i].sig_len, 0);
        } else {
            assert_signed(f, &b.jobs[i]);
        }
    }
    batch_free(&b);
}

static void assert_all_signed(struct fixture *f, size_t count)
{
    assert_only_the_marked_fails(f, count, (size_t)NOT_MARKED, LW_OK);
}

static void sign_fault(struct fixture *f, enum shim_fault fault, unsigned left, unsigned marked)
{
    atomic_store(&f->token.control->sign_left, left);
    atomic_store(&f->token.control->sign_marked, marked);
    atomic_store(&f->token.control->sign_fault, fault);
}

static lw_code sign_one(struct fixture *f)
{
    const uint8_t digest[HSM_SHA256_LEN] = {1};
    uint8_t sig[HSM_SIG_MAX];
    return hsm_pool_sign(f->pool, "k", HSM_PURPOSE_CREDENTIAL, LW_BYTES(digest), sig).code;
}

static bool health_becomes(struct hsm_pool *pool, lw_code code)
{
    for (int i = 0; i < WAIT_TRIES; i++) {
        if (hsm_pool_health(pool).code == code) {
            return true;
        }
        (void)poll(NULL, 0, WAIT_TICK_MS);
    }
    return false;
}

static size_t children_become(size_t count)
{
    pid_t pids[16];
    for (int i = 0; i < WAIT_TRIES && support_children(pids, 16) != count; i++) {
        (void)poll(NULL, 0, WAIT_TICK_MS);
    }
    return support_children(pids, 16);
}

static void nothing_is_lost_when_signers_are_killed_under_load(void **state)
{
    enum { COUNT = 8000, KILLS = 20 };
    struct fixture *f = *state;
    struct batch b;
    size_t kills = 0;
    hsm_pool_close(f->pool);
    f->token.config.deadline_ms = 5000;
    open_again(f);
    batch_start(&b, f->pool, COUNT, (size_t)NOT_MARKED);
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
    batch_free(&b);
}

static void a_kill_by_somebody_else_is_not_held_against_a_request(void **state)
{
    enum { KILLS = 3 };
    struct fixture *f = *state;
    struct batch b;
    hsm_pool_close(f->pool);
    f->token.config.processes = 1;
    open_again(f);
    atomic_store(&f->token.control->slow_ms, 400);
    sign_fault(f, SHIM_SLOW, KILLS, 0);
    const unsigned before = atomic_load(&f->token.control->signs);
    batch_start(&b, f->pool, 1, (size_t)NOT_MARKED);
    for (unsigned i = 1; i <= KILLS; i++) {
        pid_t pid = 0;
        for (int t = 0; t < WAIT_TRIES && atomic_load(&f->token.control->signs) < before + i; t++) {
            (void)poll(NULL, 0, WAIT_TICK_MS);
        }
        assert_int_equal(support_children(&pid, 1), 1);
        assert_int_equal(kill(pid, SIGKILL), 0);
    }
    batch_wait(&b);
    assert_signed(f, &b.jobs[0]);
    batch_free(&b);
}

static void a_stopped_signer_is_replaced(void **state)
{
    struct fixture *f = *state;
    pid_t pid = 0;
    hsm_pool_close(f->pool);
    f->token.config.processes = 1;
    open_again(f);
    assert_int_equal(support_children(&pid, 1), 1);
    assert_int_equal(kill(pid, SIGSTOP), 0);
    assert_all_signed(f, 50);
}

static void a_request_that_hangs_the_token_fails_alone(void **state)
{
    struct fixture *f = *state;
    sign_fault(f, SHIM_HANG, FOR_EVER, MARK);
    assert_only_the_marked_fails(f, 200, 20, LW_E_TIMEOUT);
}

static void a_request_that_crashes_the_module_fails_alone(void **state)
{
    struct fixture *f = *state;
    sign_fault(f, SHIM_CRASH, FOR_EVER, MARK);
    assert_only_the_marked_fails(f, 200, 20, LW_E_TOKEN);
    sign_fault(f, SHIM_NONE, 0, 0);
    assert_int_equal(sign_one(f), LW_OK);
}

static void a_token_that_hangs_once_signs_after_a_restart(void **state)
{
    struct fixture *f = *state;
    const int64_t begin = lw_mono_ms(lw_clock_system());
    sign_fault(f, SHIM_HANG, 1, 0);
    assert_all_signed(f, 100);
    /* By the signer's own watchdog: the pool would give it two deadlines and half a second. */
    const int64_t took = lw_mono_ms(lw_clock_system()) - begin;
    assert_true(took < 2 * f->token.config.deadline_ms + 500);
}

static void a_slow_token_within_its_deadline_signs(void **state)
{
    struct fixture *f = *state;
    pid_t before[8];
    pid_t after[8];
    assert_int_equal(children_become(2), 2);
    (void)support_children(before, 8);
    atomic_store(&f->token.control->slow_ms, 400);
    sign_fault(f, SHIM_SLOW, 2, 0);
    assert_all_signed(f, 4);
    (void)support_children(after, 8);
    assert_memory_equal(before, after, 2 * sizeof(pid_t));
}

static void each_third_signature_failing_costs_none(void **state)
{
    static const unsigned long failures[] = {SHIM_CKR_DEVICE_ERROR, SHIM_CKR_GENERAL_ERROR,
                                             SHIM_CKR_FUNCTION_FAILED, SHIM_CKR_DEVICE_MEMORY};
    struct fixture *f = *state;
    hsm_pool_close(f->pool);
    f->token.config.processes = 1; /* so that no two failures in turn are one request's */
    open_again(f);
    atomic_store(&f->token.control->sign_every, 3);
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        atomic_store(&f->token.control->sign_rv, failures[i]);
        sign_fault(f, SHIM_FAIL, FOR_EVER, 0);
        assert_all_signed(f, 100);
    }
}

static void a_token_that_always_fails_is_given_up_and_told(void **state)
{
    struct fixture *f = *state;
    const unsigned before = atomic_load(&f->token.control->signs);
    atomic_store(&f->token.control->sign_rv, SHIM_CKR_DEVICE_ERROR);
    sign_fault(f, SHIM_FAIL, FOR_EVER, 0);
    assert_int_equal(sign_one(f), LW_E_TOKEN);
    assert_int_equal(atomic_load(&f->token.control->signs) - before, 2); /* bounded retry */
    assert_true(health_becomes(f->pool, LW_E_TOKEN));
    sign_fault(f, SHIM_NONE, 0, 0);
    assert_int_equal(sign_one(f), LW_OK);
    assert_true(health_becomes(f->pool, LW_OK));
}

static void a_short_signature_is_never_released(void **state)
{
    struct fixture *f = *state;
    sign_fault(f, SHIM_SHORT, FOR_EVER, MARK);
    assert_only_the_marked_fails(f, 50, 5, LW_E_TOKEN);
    sign_fault(f, SHIM_SHORT, 1, 0);
    assert_all_signed(f, 10);
}

static void a_wrong_signature_is_never_released(void **state)
{
    struct fixture *f = *state;
    struct hsm_pool_key key = {.pool = f->pool, .label = "k", .purpose = HSM_PURPOSE_CREDENTIAL};
    struct hsm_signer signer;
    uint8_t sig[HSM_SIG_MAX];
    hsm_pool_signer(&key, &f->key, &signer);
    signer.not_after = INT64_MAX;
    const lw_bytes message = lw_str_bytes(LW_STR("a license"));
    sign_fault(f, SHIM_WRONG, FOR_EVER, 0);
    assert_int_equal(hsm_sign(&signer, HSM_PURPOSE_CREDENTIAL, 1, message, sig).code, LW_E_TOKEN);
    sign_fault(f, SHIM_NONE, 0, 0);
    assert_int_equal(hsm_sign(&signer, HSM_PURPOSE_CREDENTIAL, 1, message, sig).code, LW_OK);
}

static void sessions_and_handles_that_vanish_are_renewed(void **state)
{
    static const unsigned long vanished[] = {
        SHIM_CKR_SESSION_HANDLE_INVALID,   SHIM_CKR_SESSION_CLOSED,
        SHIM_CKR_KEY_HANDLE_INVALID,       SHIM_CKR_OBJECT_HANDLE_INVALID,
        SHIM_CKR_OPERATION_ACTIVE,         SHIM_CKR_DEVICE_REMOVED,
        SHIM_CKR_TOKEN_NOT_PRESENT,        SHIM_CKR_USER_NOT_LOGGED_IN,
        SHIM_CKR_CRYPTOKI_NOT_INITIALIZED,
    };
    struct fixture *f = *state;
    for (size_t i = 0; i < sizeof(vanished) / sizeof(vanished[0]); i++) {
        atomic_store(&f->token.control->sign_init_rv, vanished[i]);
        atomic_store(&f->token.control->sign_init_left, 1);
        assert_all_signed(f, 20);
        assert_int_equal(atomic_load(&f->token.control->sign_init_left), 0);
    }
}

static void a_login_that_is_lost_is_made_anew(void **state)
{
    struct fixture *f = *state;
    atomic_store(&f->token.control->logs_out, 1);
    atomic_store(&f->token.control->sign_init_rv, SHIM_CKR_SESSION_HANDLE_INVALID);
    atomic_store(&f->token.control->sign_init_left, 1);
    assert_all_signed(f, 20);
}

static void a_signer_cannot_leave_its_sandbox(void **state)
{
    struct fixture *f = *state;
    sign_fault(f, SHIM_ESCAPE, FOR_EVER, 0);
    assert_all_signed(f, 10);
    assert_int_equal(atomic_load(&f->token.control->escapes), 0);
}

static void a_closed_pool_completes_what_is_in_flight(void **state)
{
    struct fixture *f = *state;
    struct batch b;
    sign_fault(f, SHIM_HANG, FOR_EVER, 0);
    batch_start(&b, f->pool, 500, (size_t)NOT_MARKED);
    hsm_pool_close(f->pool);
    f->pool = NULL;
    batch_wait(&b);
    for (size_t i = 0; i < b.count; i++) {
        assert_int_equal(b.jobs[i].err.code, LW_E_TOKEN);
    }
    batch_free(&b);
    assert_int_equal(children_become(0), 0);
}

static void a_token_that_hangs_for_good_delays_nobody_for_ever(void **state)
{
    struct fixture *f = *state;
    struct batch b;
    const int64_t begin = lw_mono_ms(lw_clock_system());
    sign_fault(f, SHIM_HANG, FOR_EVER, 0);
    batch_start(&b, f->pool, 300, (size_t)NOT_MARKED);
    batch_wait(&b);
    for (size_t i = 0; i < b.count; i++) {
        assert_int_equal(b.jobs[i].err.code, LW_E_TIMEOUT);
    }
    const int64_t took = lw_mono_ms(lw_clock_system()) - begin;
    assert_true(took < 6 * f->token.config.deadline_ms);
    batch_free(&b);
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

/* In a child process: opens a pool, tells its signers' ids, stops them, and is killed. */
static void open_and_die(const struct hsm_pool_config *config, int pipe_fd)
{
    struct hsm_pool *pool = NULL;
    pid_t pids[2] = {0};
    const bool ready = hsm_pool_open(config, &pool).code == LW_OK && children_become(2) == 2 &&
                       support_children(pids, 2) == 2;
    for (int tries = 0; tries < WAIT_TRIES && ready; tries++) {
        if (is_sandboxed(pids[0]) && is_sandboxed(pids[1])) {
            break;
        }
        (void)poll(NULL, 0, WAIT_TICK_MS);
    }
    if (ready && write(pipe_fd, pids, sizeof(pids)) == sizeof(pids) &&
        kill(pids[0], SIGSTOP) == 0 && kill(pids[1], SIGSTOP) == 0) {
        (void)kill(getpid(), SIGKILL);
    }
    _exit(1);
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
    struct fixture *f = *state;
    int ends[2];
    pid_t pids[2] = {0};
    hsm_pool_close(f->pool);
    f->pool = NULL;
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0) {
        open_and_die(&f->token.config, ends[1]);
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

#define WITH_POOL(test_) cmocka_unit_test_setup_teardown(test_, open_pool, close_pool)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_POOL(nothing_is_lost_when_signers_are_killed_under_load),
        WITH_POOL(a_kill_by_somebody_else_is_not_held_against_a_request),
        WITH_POOL(a_stopped_signer_is_replaced),
        WITH_POOL(a_request_that_hangs_the_token_fails_alone),
        WITH_POOL(a_request_that_crashes_the_module_fails_alone),
        WITH_POOL(a_token_that_hangs_once_signs_after_a_restart),
        WITH_POOL(a_slow_token_within_its_deadline_signs),
        WITH_POOL(each_third_signature_failing_costs_none),
        WITH_POOL(a_token_that_always_fails_is_given_up_and_told),
        WITH_POOL(a_short_signature_is_never_released),
        WITH_POOL(a_wrong_signature_is_never_released),
        WITH_POOL(sessions_and_handles_that_vanish_are_renewed),
        WITH_POOL(a_login_that_is_lost_is_made_anew),
        WITH_POOL(a_signer_cannot_leave_its_sandbox),
        WITH_POOL(a_closed_pool_completes_what_is_in_flight),
        WITH_POOL(a_token_that_hangs_for_good_delays_nobody_for_ever),
        WITH_POOL(signers_do_not_outlive_their_parent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
