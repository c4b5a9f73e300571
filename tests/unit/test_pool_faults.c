/* Fault F10: what the pool makes of a module that fails, hangs or lies. */
#define _GNU_SOURCE

#include "hsm/pool.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include <cmocka.h>

#include "pool_fixture.h"

enum { PATIENT_MS = 20000, LOG_MAX = 64 * 1024 };

/* For tokens that hang: a machine that does other things, too, must not look like one. */
static int open_pool(void **state)
{
    *state = pool_fixture_new(1500);
    return 0;
}

/* For all that is to end by itself: making an RSA key alone may take seconds. */
static int open_patient_pool(void **state)
{
    *state = pool_fixture_new(PATIENT_MS);
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

/* All are signed but the marked one, which fails by itself. */
static void assert_only_the_marked_fails(struct pool_fixture *f, size_t count, size_t marked,
                                         lw_code code)
{
    struct pool_batch b;
    pool_batch_start(&b, f, count, marked);
    pool_batch_wait(&b);
    for (size_t i = 0; i < count; i++) {
        if (i == marked) {
            assert_int_equal(b.jobs[i].err.code, code);
            assert_int_equal(b.jobs[i].sig_len, 0);
        } else {
            assert_signed(f, &b.jobs[i]);
        }
    }
    pool_batch_free(&b);
}

static void assert_all_signed(struct pool_fixture *f, size_t count)
{
    assert_only_the_marked_fails(f, count, POOL_NONE_MARKED, LW_OK);
}

static void a_request_that_hangs_the_token_fails_alone(void **state)
{
    struct pool_fixture *f = *state;
    pool_sign_fault(f, SHIM_HANG, POOL_FOR_EVER, POOL_MARK);
    assert_only_the_marked_fails(f, 200, 20, LW_E_TIMEOUT);
}

static void a_request_that_crashes_the_module_fails_alone(void **state)
{
    struct pool_fixture *f = *state;
    pool_sign_fault(f, SHIM_CRASH, POOL_FOR_EVER, POOL_MARK);
    assert_only_the_marked_fails(f, 200, 20, LW_E_TOKEN);
    pool_sign_fault(f, SHIM_NONE, 0, 0);
    assert_int_equal(pool_sign_one(f), LW_OK);
}

static void a_token_that_hangs_once_signs_after_a_restart(void **state)
{
    struct pool_fixture *f = *state;
    char said[LOG_MAX] = {0};
    FILE *file = tmpfile();
    assert_non_null(file);
    const struct lw_log log = {.least = LW_INFO, .clock = lw_clock_system(), .fd = fileno(file)};
    f->token.config.log = &log;
    pool_fixture_reopen(f);
    pool_sign_fault(f, SHIM_HANG, 1, 0);
    assert_all_signed(f, 100);
    pool_fixture_close(f); /* its log ends here */
    /* By the signer's own watchdog: the pool did not have to kill it. */
    assert_true(pread(log.fd, said, sizeof(said) - 1, 0) >= 0);
    assert_null(strstr(said, "event=signer_killed"));
    (void)fclose(file);
}

static void a_slow_token_within_its_deadline_signs(void **state)
{
    struct pool_fixture *f = *state;
    pid_t before[8];
    pid_t after[8];
    assert_int_equal(pool_children_become(2), 2);
    (void)support_children(before, 8);
    atomic_store(&f->token.control->slow_ms, 400);
    pool_sign_fault(f, SHIM_SLOW, 2, 0);
    assert_all_signed(f, 4);
    (void)support_children(after, 8);
    assert_memory_equal(before, after, 2 * sizeof(pid_t));
}

static void each_third_signature_failing_costs_none(void **state)
{
    static const unsigned long failures[] = {SHIM_CKR_DEVICE_ERROR, SHIM_CKR_GENERAL_ERROR,
                                             SHIM_CKR_FUNCTION_FAILED, SHIM_CKR_DEVICE_MEMORY};
    struct pool_fixture *f = *state;
    f->token.config.processes = 1; /* so that no two failures in turn are one request's */
    pool_fixture_reopen(f);
    atomic_store(&f->token.control->sign_every, 3);
    for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
        atomic_store(&f->token.control->sign_rv, failures[i]);
        pool_sign_fault(f, SHIM_FAIL, POOL_FOR_EVER, 0);
        assert_all_signed(f, 100);
    }
}

static void a_token_that_always_fails_is_given_up_and_told(void **state)
{
    struct pool_fixture *f = *state;
    const unsigned before = atomic_load(&f->token.control->signs);
    atomic_store(&f->token.control->sign_rv, SHIM_CKR_DEVICE_ERROR);
    pool_sign_fault(f, SHIM_FAIL, POOL_FOR_EVER, 0);
    assert_int_equal(pool_sign_one(f), LW_E_TOKEN);
    assert_int_equal(atomic_load(&f->token.control->signs) - before, 2); /* bounded retry */
    assert_true(pool_health_becomes(f->pool, LW_E_TOKEN));
    pool_sign_fault(f, SHIM_NONE, 0, 0);
    assert_int_equal(pool_sign_one(f), LW_OK);
    assert_true(pool_health_becomes(f->pool, LW_OK));
}

static void a_short_signature_is_never_released(void **state)
{
    struct pool_fixture *f = *state;
    pool_sign_fault(f, SHIM_SHORT, POOL_FOR_EVER, POOL_MARK);
    assert_only_the_marked_fails(f, 50, 5, LW_E_TOKEN);
    pool_sign_fault(f, SHIM_SHORT, 1, 0);
    assert_all_signed(f, 10);
}

static void a_wrong_signature_is_never_released(void **state)
{
    struct pool_fixture *f = *state;
    struct hsm_pool_key key = {.pool = f->pool, .label = "k", .purpose = HSM_PURPOSE_CREDENTIAL};
    struct hsm_signer signer;
    uint8_t sig[HSM_SIG_MAX];
    hsm_pool_signer(&key, &f->key, &signer);
    signer.not_after = INT64_MAX;
    const lw_bytes message = lw_str_bytes(LW_STR("a license"));
    pool_sign_fault(f, SHIM_WRONG, POOL_FOR_EVER, 0);
    assert_int_equal(hsm_sign(&signer, HSM_PURPOSE_CREDENTIAL, 1, message, sig).code, LW_E_TOKEN);
    pool_sign_fault(f, SHIM_NONE, 0, 0);
    assert_int_equal(hsm_sign(&signer, HSM_PURPOSE_CREDENTIAL, 1, message, sig).code, LW_OK);
}

static void a_wrong_rsa_signature_is_never_released(void **state)
{
    struct pool_fixture *f = *state;
    struct hsm_pool_key name = {.pool = f->pool, .label = "r", .purpose = HSM_PURPOSE_ID_TOKEN_RSA};
    struct hsm_public_key key;
    struct hsm_signer signer;
    uint8_t sig[HSM_SIG_MAX];
    const lw_bytes message = lw_str_bytes(LW_STR("an ID token"));
    pool_sign_fault(f, SHIM_WRONG, POOL_FOR_EVER, 0);
    assert_int_equal(hsm_pool_generate(f->pool, "r", HSM_PURPOSE_ID_TOKEN_RSA, &key).code,
                     LW_E_TOKEN);
    pool_sign_fault(f, SHIM_NONE, 0, 0);
    assert_int_equal(hsm_pool_generate(f->pool, "r", HSM_PURPOSE_ID_TOKEN_RSA, &key).code, LW_OK);
    hsm_pool_signer(&name, &key, &signer);
    signer.not_after = INT64_MAX;
    pool_sign_fault(f, SHIM_WRONG, POOL_FOR_EVER, 0);
    assert_int_equal(hsm_sign(&signer, HSM_PURPOSE_ID_TOKEN_RSA, 1, message, sig).code, LW_E_TOKEN);
    pool_sign_fault(f, SHIM_SHORT, POOL_FOR_EVER, 0);
    assert_int_equal(hsm_sign(&signer, HSM_PURPOSE_ID_TOKEN_RSA, 1, message, sig).code, LW_E_TOKEN);
    pool_sign_fault(f, SHIM_NONE, 0, 0);
    assert_int_equal(hsm_sign(&signer, HSM_PURPOSE_ID_TOKEN_RSA, 1, message, sig).code, LW_OK);
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
    struct pool_fixture *f = *state;
    for (size_t i = 0; i < sizeof(vanished) / sizeof(vanished[0]); i++) {
        atomic_store(&f->token.control->sign_init_rv, vanished[i]);
        atomic_store(&f->token.control->sign_init_left, 1);
        assert_all_signed(f, 20);
        assert_int_equal(atomic_load(&f->token.control->sign_init_left), 0);
    }
}

static void no_job_is_kept_longer_than_four_deadlines(void **state)
{
    enum { COUNT = 20 };
    struct pool_fixture *f = *state;
    struct pool_batch b;
    size_t signed_ones = 0;
    f->token.config.processes = 1;
    pool_fixture_reopen(f);
    atomic_store(&f->token.control->slow_ms, 500); /* 20 of them take 10 s, and four deadlines 6 */
    pool_sign_fault(f, SHIM_SLOW, POOL_FOR_EVER, 0);
    pool_batch_start(&b, f, COUNT, POOL_NONE_MARKED);
    pool_batch_wait(&b);
    for (size_t i = 0; i < COUNT; i++) {
        signed_ones += b.jobs[i].err.code == LW_OK ? 1 : 0;
        assert_true(b.jobs[i].err.code == LW_OK || b.jobs[i].err.code == LW_E_TIMEOUT);
    }
    assert_in_range(signed_ones, 1, COUNT - 1);
    pool_batch_free(&b);
    pool_sign_fault(f, SHIM_NONE, 0, 0); /* answers that come too late do no harm */
    assert_all_signed(f, 20);
}

static int64_t shifted_ns(void *ctx)
{
    const atomic_llong *shift = ctx;
    return lw_mono_ns(lw_clock_system()) + atomic_load(shift);
}

static void an_ailing_token_is_worth_another_try_after_ten_seconds(void **state)
{
    struct pool_fixture *f = *state;
    atomic_llong shift = 0;
    const struct lw_clock clock = {
        .now = lw_clock_system()->now, .mono_ns = shifted_ns, .ctx = &shift};
    struct hsm_public_key key;
    f->token.config.clock = &clock;
    pool_fixture_reopen(f);
    atomic_store(&f->token.control->sign_rv, SHIM_CKR_DEVICE_ERROR);
    pool_sign_fault(f, SHIM_FAIL, POOL_FOR_EVER, 0);
    assert_int_equal(pool_sign_one(f), LW_E_TOKEN);
    assert_true(pool_health_becomes(f->pool, LW_E_TOKEN));
    atomic_store(&shift, 9000000000);
    assert_int_equal(hsm_pool_find(f->pool, "k", &key).code, LW_OK);
    assert_int_equal(hsm_pool_health(f->pool).code, LW_E_TOKEN);
    atomic_store(&shift, 11000000000);
    assert_int_equal(hsm_pool_find(f->pool, "k", &key).code, LW_OK);
    assert_true(pool_health_becomes(f->pool, LW_OK));
    pool_fixture_close(f); /* its clock ends here */
}

static void a_login_that_is_lost_is_made_anew(void **state)
{
    struct pool_fixture *f = *state;
    atomic_store(&f->token.control->logs_out, 1);
    atomic_store(&f->token.control->sign_init_rv, SHIM_CKR_SESSION_HANDLE_INVALID);
    atomic_store(&f->token.control->sign_init_left, 1);
    assert_all_signed(f, 20);
}

static void a_signer_cannot_leave_its_sandbox(void **state)
{
    struct pool_fixture *f = *state;
    pool_sign_fault(f, SHIM_ESCAPE, POOL_FOR_EVER, 0);
    assert_all_signed(f, 10);
    assert_int_equal(atomic_load(&f->token.control->escapes), 0);
}

static void a_token_that_hangs_for_good_delays_nobody_for_ever(void **state)
{
    struct pool_fixture *f = *state;
    struct pool_batch b;
    const unsigned before = atomic_load(&f->token.control->signs);
    pool_sign_fault(f, SHIM_HANG, POOL_FOR_EVER, 0);
    pool_batch_start(&b, f, 300, POOL_NONE_MARKED);
    pool_batch_wait(&b);
    for (size_t i = 0; i < b.count; i++) {
        assert_int_equal(b.jobs[i].err.code, LW_E_TIMEOUT);
    }
    /* Most are given up untried: each hang takes a deadline, and none waits longer than four. */
    assert_in_range(atomic_load(&f->token.control->signs) - before, 1, 20);
    pool_batch_free(&b);
}

#define WITH_POOL(test_) cmocka_unit_test_setup_teardown(test_, open_pool, close_pool)
#define WITH_PATIENT(test_) cmocka_unit_test_setup_teardown(test_, open_patient_pool, close_pool)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_POOL(a_request_that_hangs_the_token_fails_alone),
        WITH_PATIENT(a_request_that_crashes_the_module_fails_alone),
        WITH_POOL(a_token_that_hangs_once_signs_after_a_restart),
        WITH_PATIENT(a_slow_token_within_its_deadline_signs),
        WITH_PATIENT(each_third_signature_failing_costs_none),
        WITH_PATIENT(a_token_that_always_fails_is_given_up_and_told),
        WITH_PATIENT(a_short_signature_is_never_released),
        WITH_PATIENT(a_wrong_signature_is_never_released),
        WITH_PATIENT(a_wrong_rsa_signature_is_never_released),
        WITH_PATIENT(sessions_and_handles_that_vanish_are_renewed),
        WITH_POOL(no_job_is_kept_longer_than_four_deadlines),
        WITH_PATIENT(an_ailing_token_is_worth_another_try_after_ten_seconds),
        WITH_PATIENT(a_login_that_is_lost_is_made_anew),
        WITH_PATIENT(a_signer_cannot_leave_its_sandbox),
        WITH_POOL(a_token_that_hangs_for_good_delays_nobody_for_ever),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
