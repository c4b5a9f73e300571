/*
 * F9: the PIN is wrong, or the token has locked it. It is tried once, by one of the signers,
 * however long the service runs and whatever is asked of it; the service says so, goes on verifying
 * and issues nothing.
 */
#define _GNU_SOURCE

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "fault.h"
#include "http_expect.h"
#include "wallet/flow_key.h"
#include "issue.h"
#include "service.h"
#include "shimmed.h"

enum { SIGNERS = 3, PAUSE_NS = 100000000 };

static struct support_service s;
static struct support_shimmed shim;
static struct lw_log file_log;
static char pin[SUPPORT_PATH_MAX];
static char right[SUPPORT_PATH_MAX]; /* where the right PIN waits */
static lw_buf shown;

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

static unsigned logins(void)
{
    return atomic_load(&shim.control->logins);
}

static void expect_readyz(int status, const char *what)
{
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    support_http_get(s.port, "/readyz", "", &reply);
    assert_int_equal(reply.status, status);
    assert_true(support_contains(reply.body, what));
}

static void expect_unavailable(const char *path)
{
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    support_http_get(s.port, path, "", &reply);
    support_expect_problem(&reply, 503, "unavailable");
    support_expect_header(&reply, "Retry-After", "1");
}

static void expect_accepted(void)
{
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    support_verify(&s, lw_buf_text(&shown), "", &reply);
    assert_true(support_has_result(&reply, "accepted"));
}

/* Starts again as a service does, whose token may be unusable. */
static void start(void)
{
    support_home_reopen(&s.home, WALLET_HOME_SERVE);
    support_service_run(&s);
}

static void stop(void)
{
    idp_service_stop(s.service, 5000);
    s.service = NULL;
}

static void spoil_pin(void)
{
    assert_int_equal(rename(pin, right), 0);
    FILE *file = fopen(pin, "wx");
    assert_non_null(file);
    assert_true(fputs("00000000\n", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(pin, 0600), 0);
}

/* All that a client or clerk may do while the PIN does not fit, again and again. */
static void ask(size_t rounds, const char *number)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    for (size_t i = 0; i < rounds; i++) {
        expect_accepted();
        expect_unavailable("/api/v1/audit/head");
        assert_int_equal(support_issue_number(s.home.home, number).code, LW_E_DENIED);
        assert_int_equal(wallet_home_unlock(s.home.home).code, LW_E_TOKEN);
        (void)nanosleep(&pause, NULL);
    }
    assert_false(support_has_license(&s.home, number));
}

static void expect_well_again(const char *number)
{
    start();
    expect_readyz(200, "token ok");
    must(support_issue_number(s.home.home, number));
    expect_accepted();
    stop();
}

static void a_wrong_pin_is_tried_once_however_long_the_service_runs(void **state)
{
    (void)state;
    const size_t rounds = support_fault_rounds(10, 600);
    spoil_pin();
    const unsigned before = logins();
    start();
    expect_readyz(503, "the PIN is wrong; it is not tried again");
    ask(rounds, "P-2");
    expect_readyz(503, "the PIN is wrong; it is not tried again");
    const unsigned tries = logins() - before;
    stop();
    assert_int_equal(tries, 1);
    assert_true(support_log_says(&s.home, "event=token_unavailable"));
    assert_true(support_log_says(&s.home, "the PIN is wrong; it is not tried again"));
    assert_false(support_log_says(&s.home, "00000000")); /* nor does the log hold what was tried */
    assert_int_equal(rename(right, pin), 0);
    expect_well_again("P-2");
    support_fault_report("F9", "asks of a service whose PIN is wrong", rounds, tries == 1 ? 0 : 1);
}

static void not_tried_at_all(unsigned long flags, const char *says, const char *number)
{
    const size_t rounds = support_fault_rounds(5, 300);
    atomic_store(&shim.control->token_flags, flags);
    const unsigned before = logins();
    start();
    expect_readyz(503, says);
    ask(rounds, number);
    const unsigned tries = logins() - before;
    stop();
    assert_int_equal(tries, 0);
    assert_true(support_log_says(&s.home, says));
    atomic_store(&shim.control->token_flags, 0);
    expect_well_again(number);
    support_fault_report("F9", says, rounds, tries);
}

static void a_locked_pin_is_not_tried(void **state)
{
    (void)state;
    not_tried_at_all(SHIM_CKF_USER_PIN_LOCKED, "PIN is locked", "P-3");
}

static void the_last_try_before_the_lock_is_left_to_people(void **state)
{
    (void)state;
    not_tried_at_all(SHIM_CKF_USER_PIN_FINAL_TRY, "one more wrong PIN would lock the token", "P-4");
}

/* A command ends at once: one try, and no store is harmed. */
static void a_command_tries_a_wrong_pin_once(void **state)
{
    (void)state;
    struct wallet_home *again = NULL;
    wallet_verifier_free(s.home.verifier);
    wallet_home_close(s.home.home);
    s.home.verifier = NULL;
    s.home.home = NULL;
    spoil_pin();
    const unsigned before = logins();
    const lw_err err = wallet_home_open(&s.home.config, &s.home.env, WALLET_HOME_SIGN, &again);
    assert_int_equal(err.code, LW_E_TOKEN);
    assert_null(again);
    assert_int_equal(logins() - before, 1);
    assert_int_equal(rename(right, pin), 0);
    expect_well_again("P-5");
}

static int make(void **state)
{
    (void)state;
    support_service_make(&s);
    support_shimmed(&s.home, &shim);
    support_log_to_file(&s.home, &file_log);
    s.home.config.signers = SIGNERS;
    support_path(s.home.dir, "pin", pin);
    support_path(s.home.dir, "pin.right", right);
    shown = LW_BUF(SUPPORT_TEXT_MAX);
    support_home_issue(&s.home, "P-1");
    support_home_lq1(&s.home, "P-1", &shown);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    lw_buf_free(&shown);
    support_service_stop(&s);
    support_shimmed_drop(&shim);
    (void)close(file_log.fd);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_wrong_pin_is_tried_once_however_long_the_service_runs),
        cmocka_unit_test(a_locked_pin_is_not_tried),
        cmocka_unit_test(the_last_try_before_the_lock_is_left_to_people),
        cmocka_unit_test(a_command_tries_a_wrong_pin_once),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
