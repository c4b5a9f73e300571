/*
 * F8: the token is absent when the service starts, or pulled out while it works. Verification works
 * all the time, what needs a signature is put off (503 with Retry-After; LW_E_TOKEN), nothing of it
 * is half done, and all of it works again, without a restart, once the token is back.
 */
#define _GNU_SOURCE

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "fault.h"
#include "http_expect.h"
#include "importing.h"
#include "issue.h"
#include "service.h"
#include "shimmed.h"
#include "wallet/flow_issue.h"

enum { TRIES = 1200, PAUSE_NS = 25000000, ISSUERS = 2, NUMBER_MAX = 32 };

static struct support_service s;
static struct support_shimmed shim;
static lw_buf shown;

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

static void rest(void)
{
    const struct timespec pause = {.tv_nsec = PAUSE_NS};
    (void)nanosleep(&pause, NULL);
}

static int status_of(const char *path)
{
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    support_http_get(s.port, path, "", &reply);
    return reply.status;
}

static void wait_for(const char *path, int status)
{
    for (int i = 0; i < TRIES && status_of(path) != status; i++) {
        rest();
    }
    assert_int_equal(status_of(path), status);
}

static void expect_accepted(void)
{
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    support_verify(&s, lw_buf_text(&shown), "", &reply);
    assert_true(support_has_result(&reply, "accepted"));
}

/* A log that has grown, as it does by each recorded verification, wants a new signed head. */
static void expect_put_off(const char *path)
{
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    support_http_get(s.port, path, "", &reply);
    support_expect_problem(&reply, 503, "unavailable");
    support_expect_header(&reply, "Retry-After", "1");
}

static lw_err bind(const char *number)
{
    LW_AUTO_BUF credential = LW_BUF(SUPPORT_TEXT_MAX);
    const lw_err err =
        wallet_flow_credential(s.home.home, wallet_license_ref_parse(lw_str_c(number)),
                               LW_STR("dc+sd-jwt"), &s.home.holder.key, &credential);
    assert_true(err.code == LW_OK || credential.len == 0);
    return err;
}

/* The service opens by itself what the token seals. */
static void wait_for_issue(const char *number)
{
    lw_err err = support_issue_number(s.home.home, number);
    for (int i = 0; i < TRIES && (err.code == LW_E_TOKEN || err.code == LW_E_DENIED); i++) {
        rest();
        err = support_issue_number(s.home.home, number);
    }
    must(err);
}

static void expect_whole(uint64_t more, const struct support_held *before)
{
    struct support_held held;
    support_held(s.home.home, true, &held);
    assert_int_equal(held.licenses - before->licenses, more);
    assert_int_equal(held.issued - before->issued, more);
    assert_int_equal(held.intents, 0);
}

/* Issue on threads while the token comes and goes; each number until it is issued. */
struct issuer {
    pthread_t thread;
    unsigned index;
    unsigned issued; /* acknowledged */
    atomic_bool *stop;
    lw_err strange; /* an end other than success or a missing token */
};

static void *issue_on(void *arg)
{
    struct issuer *w = arg;
    char number[NUMBER_MAX];
    while (!atomic_load(w->stop) && w->strange.code == LW_OK) {
        (void)snprintf(number, sizeof(number), "I-%u-%u", w->index, w->issued);
        const lw_err err = support_issue_number(s.home.home, number);
        w->issued += err.code == LW_OK ? 1 : 0;
        if (err.code != LW_OK && err.code != LW_E_TOKEN && err.code != LW_E_TIMEOUT) {
            w->strange = err;
        }
    }
    return NULL;
}

static void pulled_out_once(size_t round)
{
    char number[NUMBER_MAX];
    (void)snprintf(number, sizeof(number), "R-%zu", round);
    atomic_store(&shim.control->absent, 1);
    wait_for("/readyz", 503);
    expect_accepted();
    expect_put_off("/api/v1/audit/head");
    assert_int_equal(support_issue_number(s.home.home, number).code, LW_E_TOKEN);
    assert_false(support_has_license(&s.home, number));
    assert_int_equal(bind("F-1").code, LW_E_TOKEN);
    assert_int_equal(status_of("/trust-list"), 200);
    assert_int_equal(status_of("/status/1"), 200);
    expect_accepted();
    atomic_store(&shim.control->absent, 0);
    wait_for("/api/v1/audit/head", 200);
    wait_for_issue(number);
    expect_accepted();
}

static void pulled_out_in_flight_it_verifies_and_signs_again_by_itself(void **state)
{
    (void)state;
    const size_t rounds = support_fault_rounds(3, 100);
    struct issuer issuers[ISSUERS] = {0};
    struct support_held before;
    atomic_bool stop = false;
    uint64_t issued = rounds;
    support_held(s.home.home, true, &before);
    for (unsigned i = 0; i < ISSUERS; i++) {
        issuers[i] = (struct issuer){.index = i, .stop = &stop};
        assert_int_equal(pthread_create(&issuers[i].thread, NULL, issue_on, &issuers[i]), 0);
    }
    for (size_t i = 0; i < rounds; i++) {
        pulled_out_once(i);
    }
    atomic_store(&stop, true);
    for (unsigned i = 0; i < ISSUERS; i++) {
        (void)pthread_join(issuers[i].thread, NULL);
        must(issuers[i].strange);
        assert_true(issuers[i].issued > 0);
        issued += issuers[i].issued;
    }
    must(bind("F-1")); /* what was put off */
    expect_whole(issued, &before);
    support_fault_report("F8", "the token is pulled out of a service that issues and verifies",
                         rounds, 0);
}

static void absent_at_the_start_it_verifies_and_signs_when_the_token_comes(void **state)
{
    (void)state;
    const size_t rounds = support_fault_rounds(1, 25);
    char number[NUMBER_MAX];
    struct support_held before;
    support_held(s.home.home, true, &before);
    for (size_t i = 0; i < rounds; i++) {
        (void)snprintf(number, sizeof(number), "A-%zu", i);
        idp_service_stop(s.service, 5000);
        s.service = NULL;
        atomic_store(&shim.control->absent, 1);
        support_home_reopen(&s.home, WALLET_HOME_SERVE);
        support_service_run(&s);
        wait_for("/readyz", 503);
        expect_accepted();
        expect_put_off("/api/v1/audit/head");
        assert_int_equal(support_issue_number(s.home.home, number).code,
                         LW_E_DENIED); /* it is locked */
        atomic_store(&shim.control->absent, 0);
        wait_for("/readyz", 200);
        wait_for_issue(number);
        expect_accepted();
    }
    expect_whole(rounds, &before);
    support_fault_report("F8", "the token is absent when the service starts, and comes", rounds, 0);
}

static int make(void **state)
{
    (void)state;
    support_service_make(&s);
    support_shimmed(&s.home, &shim);
    support_home_reopen(&s.home, WALLET_HOME_SERVE);
    shown = LW_BUF(SUPPORT_TEXT_MAX);
    support_home_issue(&s.home, "F-1");
    support_home_lq1(&s.home, "F-1", &shown);
    support_service_run(&s);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    lw_buf_free(&shown);
    support_service_stop(&s);
    support_shimmed_drop(&shim);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pulled_out_in_flight_it_verifies_and_signs_again_by_itself),
        cmocka_unit_test(absent_at_the_start_it_verifies_and_signs_when_the_token_comes),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
