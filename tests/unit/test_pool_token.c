/* Faults F8 and F9, and keys that are not what they should be: a token that misbehaves. */
#define _GNU_SOURCE

#include "hsm/pool.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "pool_fixture.h"

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

static void a_key_that_fails_its_test_is_not_published(void **state)
{
    struct pool_fixture *f = *state;
    struct hsm_public_key key;
    size_t count = 0;
    pool_sign_fault(f, SHIM_WRONG, POOL_FOR_EVER, 0);
    assert_int_equal(hsm_pool_generate(f->pool, "n", HSM_PURPOSE_CA, &key).code, LW_E_TOKEN);
    pool_sign_fault(f, SHIM_NONE, 0, 0);
    atomic_store(&f->token.control->unfit_pair, 1);
    assert_int_equal(hsm_pool_generate(f->pool, "n", HSM_PURPOSE_CA, &key).code, LW_E_TOKEN);
    atomic_store(&f->token.control->unfit_pair, 0);
    atomic_store(&f->token.control->extractable, 1);
    assert_int_equal(hsm_pool_generate(f->pool, "n", HSM_PURPOSE_CA, &key).code, LW_E_TOKEN);
    assert_int_equal(hsm_pool_generate_wrap(f->pool, "n", HSM_PURPOSE_SEAL).code, LW_E_TOKEN);
    atomic_store(&f->token.control->extractable, 0);
    assert_int_equal(hsm_pool_list(f->pool, NULL, 0, &count).code, LW_OK);
    assert_int_equal(count, 1);
    assert_int_equal(hsm_pool_generate(f->pool, "n", HSM_PURPOSE_CA, &key).code, LW_OK);
}

/* The halves of a key whose making was cut off are found by nobody and make way. */
static void a_key_whose_making_was_killed_can_be_made_again(void **state)
{
    struct pool_fixture *f = *state;
    struct hsm_public_key key;
    pool_sign_fault(f, SHIM_CRASH, 1, 0);
    assert_int_equal(hsm_pool_generate(f->pool, "n", HSM_PURPOSE_CA, &key).code, LW_E_TOKEN);
    assert_int_equal(hsm_pool_find(f->pool, "n", &key).code, LW_E_NOT_FOUND);
    assert_int_equal(hsm_pool_destroy(f->pool, "n").code, LW_E_NOT_FOUND);
    assert_int_equal(hsm_pool_generate(f->pool, "n", HSM_PURPOSE_CA, &key).code, LW_OK);
    struct hsm_public_key found;
    assert_int_equal(hsm_pool_find(f->pool, "n", &found).code, LW_OK);
    assert_true(hsm_public_key_eq(&found, &key));
}

static void a_token_pulled_out_is_told_and_comes_back_by_itself(void **state)
{
    struct pool_fixture *f = *state;
    atomic_store(&f->token.control->absent, 1);
    assert_int_equal(pool_sign_one(f), LW_E_TOKEN);
    assert_true(pool_health_becomes(f->pool, LW_E_TOKEN));
    assert_int_equal(pool_sign_one(f), LW_E_TOKEN);
    atomic_store(&f->token.control->absent, 0);
    assert_true(pool_health_becomes(f->pool, LW_OK));
    assert_int_equal(pool_sign_one(f), LW_OK);
}

static void a_service_starts_without_its_token(void **state)
{
    struct pool_fixture *f = *state;
    pool_fixture_close(f);
    atomic_store(&f->token.control->absent, 1);
    assert_int_equal(hsm_pool_open(&f->token.config, &f->pool).code, LW_E_TOKEN);
    f->token.config.without_token = true;
    pool_fixture_reopen(f);
    assert_int_equal(hsm_pool_health(f->pool).code, LW_E_TOKEN);
    assert_int_equal(pool_sign_one(f), LW_E_TOKEN);
    atomic_store(&f->token.control->absent, 0);
    assert_true(pool_health_becomes(f->pool, LW_OK));
    assert_int_equal(pool_sign_one(f), LW_OK);
}

static void a_module_that_hangs_at_load_is_given_up(void **state)
{
    struct pool_fixture *f = *state;
    pool_fixture_close(f);
    f->token.config.deadline_ms = 800;
    atomic_store(&f->token.control->hang_at_load, 1);
    assert_int_equal(hsm_pool_open(&f->token.config, &f->pool).code, LW_E_TIMEOUT);
    assert_int_equal(pool_children_become(0), 0);
}

static void write_pin(struct pool_fixture *f, const char *pin)
{
    FILE *file = fopen(f->token.pin_file, "w");
    assert_non_null(file);
    assert_true(fputs(pin, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* Opened without its token a pool logs in by itself, in its own time. */
static unsigned logins_of_an_open(struct pool_fixture *f, bool without_token, int wait)
{
    pool_fixture_close(f);
    const unsigned before = atomic_load(&f->token.control->logins);
    f->token.config.without_token = without_token;
    const lw_err err = hsm_pool_open(&f->token.config, &f->pool);
    assert_int_equal(err.code, without_token ? LW_OK : LW_E_TOKEN);
    assert_true(!without_token || pool_logins_become(f, before + 1));
    (void)poll(NULL, 0, wait); /* another one would come now */
    return atomic_load(&f->token.control->logins) - before;
}

static void a_wrong_pin_is_tried_exactly_once(void **state)
{
    struct pool_fixture *f = *state;
    f->token.config.processes = 4;
    write_pin(f, "0000\n");
    assert_int_equal(logins_of_an_open(f, false, 200), 1);
    assert_int_equal(logins_of_an_open(f, true, 1000), 1);
    assert_int_equal(hsm_pool_health(f->pool).code, LW_E_TOKEN);
    assert_int_equal(pool_sign_one(f), LW_E_TOKEN);
    assert_int_equal(logins_of_an_open(f, true, 0), 1); /* a new pool is a new decision */
}

static void a_pin_that_goes_wrong_under_way_is_tried_once(void **state)
{
    struct pool_fixture *f = *state;
    pid_t pids[8];
    assert_int_equal(pool_children_become(2), 2);
    const unsigned before = atomic_load(&f->token.control->logins);
    write_pin(f, "0000\n");
    const size_t count = support_children(pids, 8);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(kill(pids[i], SIGKILL), 0);
    }
    assert_int_equal(pool_sign_one(f), LW_E_TOKEN);
    (void)poll(NULL, 0, 500);
    assert_int_equal(atomic_load(&f->token.control->logins) - before, 1);
}

static void a_pin_that_is_locked_or_nearly_so_is_not_tried(void **state)
{
    struct pool_fixture *f = *state;
    f->token.config.processes = 1; /* each logs in */
    atomic_store(&f->token.control->token_flags, SHIM_CKF_USER_PIN_LOCKED);
    assert_int_equal(logins_of_an_open(f, false, 0), 0);
    atomic_store(&f->token.control->token_flags, SHIM_CKF_USER_PIN_FINAL_TRY);
    assert_int_equal(logins_of_an_open(f, false, 0), 0);
    atomic_store(&f->token.control->token_flags, SHIM_CKF_USER_PIN_COUNT_LOW);
    assert_int_equal(logins_of_an_open(f, true, 0), 1);
    assert_int_equal(pool_sign_one(f), LW_OK);
}

static void without_gcm_the_token_wraps_by_key_wrap(void **state)
{
    struct pool_fixture *f = *state;
    LW_AUTO_BUF gcm = LW_BUF(HSM_WRAP_MAX);
    LW_AUTO_BUF plain = LW_BUF(HSM_WRAP_MAX);
    const uint8_t secret[32] = {9, 8, 7};
    uint8_t back[32] = {0};
    assert_int_equal(hsm_pool_generate_wrap(f->pool, "s", HSM_PURPOSE_SEAL).code, LW_OK);
    assert_int_equal(hsm_pool_wrap(f->pool, "s", secret, &gcm).code, LW_OK);
    atomic_store(&f->token.control->without_gcm, 1);
    assert_int_equal(hsm_pool_wrap(f->pool, "s", secret, &plain).code, LW_OK);
    assert_int_not_equal(gcm.ptr[0], plain.ptr[0]);
    assert_int_equal(hsm_pool_unwrap(f->pool, "s", lw_buf_view(&plain), back).code, LW_OK);
    assert_memory_equal(back, secret, sizeof(secret));
    assert_int_equal(hsm_pool_generate_wrap(f->pool, "t", HSM_PURPOSE_SEAL).code, LW_OK);
    assert_int_equal(hsm_pool_unwrap(f->pool, "t", lw_buf_view(&plain), back).code, LW_E_SIGNATURE);
    for (size_t i = 0; i < plain.len; i++) {
        plain.ptr[i] ^= 1;
        assert_int_equal(hsm_pool_unwrap(f->pool, "s", lw_buf_view(&plain), back).code,
                         LW_E_SIGNATURE);
        plain.ptr[i] ^= 1;
    }
}

/* Else a kill during the login, or a power cut after it, would lose the token and its keys. */
static void a_login_cannot_cut_the_token_file(void **state)
{
    struct pool_fixture *f = *state;
    assert_true(atomic_load(&f->token.control->logins) > 0);
    assert_int_equal(atomic_load(&f->token.control->truncations), 0);
}

#define WITH_POOL(test_) cmocka_unit_test_setup_teardown(test_, open_pool, close_pool)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_POOL(a_key_that_fails_its_test_is_not_published),
        WITH_POOL(a_key_whose_making_was_killed_can_be_made_again),
        WITH_POOL(a_token_pulled_out_is_told_and_comes_back_by_itself),
        WITH_POOL(a_service_starts_without_its_token),
        WITH_POOL(a_module_that_hangs_at_load_is_given_up),
        WITH_POOL(a_wrong_pin_is_tried_exactly_once),
        WITH_POOL(a_pin_that_goes_wrong_under_way_is_tried_once),
        WITH_POOL(a_pin_that_is_locked_or_nearly_so_is_not_tried),
        WITH_POOL(without_gcm_the_token_wraps_by_key_wrap),
        WITH_POOL(a_login_cannot_cut_the_token_file),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
