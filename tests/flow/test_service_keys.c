/* The service without its token (F8), and what it tells of keys that end soon (A30). */
#define _GNU_SOURCE

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "service.h"
#include "wallet/flow_key.h"

enum { TRIES = 600, WAIT_NS = 50000000 };

static struct support_service s;

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

static bool says(const struct support_reply *reply, const char *what)
{
    const char *text = NULL;
    LW_AUTO_BUF copy = LW_BUF(SUPPORT_TEXT_MAX);
    must(lw_buf_put_str(&copy, reply->body));
    must(lw_buf_c(&copy, &text));
    return strstr(text, what) != NULL;
}

static int get(const char *path, const char *what)
{
    SUPPORT_AUTO_REPLY reply = {.status = 0};
    support_http_get(s.port, path, "", &reply);
    if (what != NULL && !says(&reply, what)) {
        fail_msg("%s does not say: %s", path, what);
    }
    return reply.status;
}

/* Starts the service again, at a later time. */
static void restart(int64_t after)
{
    idp_service_stop(s.service, 5000);
    s.home.clock.now += after;
    support_home_reopen(&s.home, WALLET_HOME_SERVE);
    must(idp_service_start(&s.config, s.home.home, LW_BIN_DIR "/lw-scan", &s.service));
    s.port = idp_service_port(s.service);
}

static void wait_for(const char *path, int status)
{
    const struct timespec wait = {.tv_nsec = WAIT_NS};
    for (int i = 0; i < TRIES && get(path, NULL) != status; i++) {
        (void)nanosleep(&wait, NULL);
    }
    assert_int_equal(get(path, NULL), status);
}

static void without_its_token_it_verifies_and_signs_when_the_token_comes(void **state)
{
    (void)state;
    char token[SUPPORT_PATH_MAX];
    char away[SUPPORT_PATH_MAX];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    SUPPORT_AUTO_REPLY verified = {.status = 0};
    SUPPORT_AUTO_REPLY again = {.status = 0};
    SUPPORT_AUTO_REPLY refused = {.status = 0};
    support_home_issue(&s.home, "T-1");
    support_home_lq1(&s.home, "T-1", &text);
    support_path(s.home.dir, "token", token);
    support_path(s.home.dir, "token.away", away);
    idp_service_stop(s.service, 5000);
    s.service = NULL;
    support_home_reopen(&s.home, WALLET_HOME_READ);
    assert_int_equal(rename(token, away), 0);
    restart(0);
    assert_int_equal(get("/readyz", "token signer: "), 503);
    support_verify(&s, lw_buf_text(&text), "", &verified); /* recorded, and logged */
    assert_true(support_has_result(&verified, "accepted"));
    support_http_get(s.port, "/api/v1/audit/head", "", &refused);
    assert_int_equal(refused.status, 503);
    assert_true(support_header(&refused, "Retry-After").len > 0);
    assert_int_equal(get("/trust-list", NULL), 200);
    struct hsm_signer signer;
    uint8_t sig[HSM_SIG_MAX];
    must(wallet_home_signer(s.home.home, HSM_PURPOSE_LOG, LW_STR(""), &signer));
    assert_int_equal(
        hsm_sign(&signer, HSM_PURPOSE_LOG, lw_now(s.home.env.clock), lw_str_bytes(LW_STR("m")), sig)
            .code,
        LW_E_TOKEN);
    assert_int_equal(rename(away, token), 0);
    wait_for("/readyz", 200);
    wait_for("/api/v1/audit/head", 200);
    for (int i = 0; i < TRIES && wallet_home_unlock(s.home.home).code != LW_OK; i++) {
        const struct timespec wait = {.tv_nsec = WAIT_NS};
        (void)nanosleep(&wait, NULL);
    }
    support_home_issue(&s.home, "T-2"); /* personal data is open again */
    support_verify(&s, lw_buf_text(&text), "", &again);
    assert_true(support_has_result(&again, "accepted"));
}

static void it_tells_of_keys_that_end_soon(void **state)
{
    (void)state;
    assert_int_equal(get("/readyz", "keys ok\n"), 200);
    assert_int_equal(get("/metrics", "\nlw_key_alarms 0\n"), 200);
    assert_int_equal(get("/metrics", "\nlw_epochs_left 15\n"), 200);
    assert_int_equal(get("/metrics", "lw_key_days_left{label=\"ca-1\",purpose=\"ca\",agency=\"\","
                                     "state=\"active\"} "),
                     200);
    assert_int_equal(get("/metrics", "lw_trust_list_signed_timestamp_seconds 1800000000\n"), 200);
    assert_int_equal(get("/metrics", "lw_crl_signed_timestamp_seconds 1800000000\n"), 200);
    restart(336 * LW_DAY_S); /* ds-vc signs for 365 days */
    assert_int_equal(get("/readyz", "keys ALARM: ds-"), 200);
    assert_int_equal(get("/readyz", "signs 29 more days"), 200);
    SUPPORT_AUTO_REPLY metrics = {.status = 0};
    support_http_get(s.port, "/metrics", "", &metrics);
    assert_false(says(&metrics, "\nlw_key_alarms 0\n"));
}

static void it_takes_the_steps_of_a_rotation_that_are_due(void **state)
{
    (void)state;
    struct wallet_key_result result;
    const struct wallet_key_order order = {.purpose = HSM_PURPOSE_ACCESS, .actor = LW_STR("test")};
    const struct timespec wait = {.tv_nsec = WAIT_NS};
    must(wallet_flow_key_rotate(s.home.home, &order, &result));
    restart(result.ready_at - lw_now(s.home.env.clock));
    bool active = false;
    for (int i = 0; i < TRIES && !active; i++) {
        WALLET_AUTO_TXN txn = NULL;
        struct wallet_key_record key;
        must(wallet_read_begin(wallet_home_store(s.home.home), &txn));
        must(wallet_store_key_get(txn, lw_str_c(result.label), &key));
        active = key.state == WALLET_KEY_ACTIVE;
        (void)nanosleep(&wait, NULL);
    }
    assert_true(active);
    assert_int_equal(get("/crl/ca-1", NULL), 200);
    assert_int_equal(get("/ca.crl", NULL), 200);
    assert_int_equal(get("/crl/ca-9", NULL), 404);
    assert_int_equal(get("/trust-list?pin=00", NULL), 400);
}

static int make(void **state)
{
    (void)state;
    support_service_start(&s);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    support_service_stop(&s);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_tells_of_keys_that_end_soon),
        cmocka_unit_test(it_takes_the_steps_of_a_rotation_that_are_due),
        cmocka_unit_test(without_its_token_it_verifies_and_signs_when_the_token_comes),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
