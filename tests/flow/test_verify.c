/* Issue to verify within one process, on a real token: each answer, and what is kept of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "home.h"
#include "wallet/audit.h"
#include "wallet/flow_status.h"
#include "wallet/lq1.h"

enum { JSON_MAX = 256 * 1024 };

static struct support_home home; /* made once for all tests: a token takes its time */
static unsigned numbers;

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

/* A license of its own for each test. */
static const char *new_license(char number[32])
{
    (void)snprintf(number, 32, "L-%u", ++numbers);
    support_home_issue(&home, number);
    return number;
}

static struct wallet_verification request_of(lw_str text)
{
    return (struct wallet_verification){
        .text = text, .at = INT64_MIN, .record = true, .locale = LW_STR("en")};
}

static enum wallet_result verify_as(const struct wallet_verification *request,
                                    struct wallet_answer *answer)
{
    must(wallet_flow_verify(home.verifier, request, answer));
    return answer->result;
}

static uint64_t log_size(void)
{
    WALLET_AUTO_TXN txn = NULL;
    uint64_t size = 0;
    uint8_t root[WALLET_HASH_LEN];
    must(wallet_read_begin(wallet_home_store(home.home), &txn));
    must(wallet_audit_head(txn, &size, root));
    return size;
}

static const struct wallet_check_line *line(const struct wallet_answer *answer,
                                            enum wallet_check check)
{
    return &answer->checks.line[check];
}

/* Verifies once and compares result and reason; NULL: none. */
static void expect_answer(lw_str text, enum wallet_result result, const char *reason)
{
    WALLET_AUTO_ANSWER answer = {.result = WALLET_REFUSED};
    const struct wallet_verification request = request_of(text);
    assert_int_equal(verify_as(&request, &answer), result);
    if (reason == NULL) {
        assert_null(answer.reason_code);
    } else {
        assert_string_equal(answer.reason_code, reason);
        assert_non_null(answer.reason_text);
    }
}

static void change(const char *number, enum wallet_state to)
{
    enum wallet_state from = WALLET_ACTIVE;
    must(wallet_flow_change_state(home.home, wallet_license_ref_parse(lw_str_c(number)), to,
                                  LW_STR("because"), LW_STR("test"), &from));
}

static void accepts_a_presentation_and_gives_exactly_the_two_claims(void **state)
{
    (void)state;
    char number[32];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF json = LW_BUF(JSON_MAX);
    const char *shown = NULL;
    support_home_lq1(&home, new_license(number), &text);
    WALLET_AUTO_ANSWER answer = {.result = WALLET_REFUSED};
    const struct wallet_verification request = request_of(lw_buf_text(&text));
    assert_int_equal(verify_as(&request, &answer), WALLET_ACCEPTED);
    assert_true(answer.holder_proven);
    assert_true(lw_str_is(lw_buf_text(&answer.type), "business-license"));
    assert_true(lw_str_is(lw_buf_text(&answer.claims),
                          "{\"category\":\"Retail Food\",\"legal_name\":\"Corner Bakery Ltd.\"}"));
    assert_string_equal(answer.status_value, "valid");
    assert_int_equal(answer.status_as_of, SUPPORT_HOME_NOW);
    for (int i = 0; i < WALLET_CHECK_COUNT; i++) {
        assert_int_equal(answer.checks.line[i].result, WALLET_CHECK_OK);
    }
    must(wallet_answer_json(&answer, &json));
    must(lw_buf_c(&json, &shown));
    assert_non_null(strstr(shown, "\"result\":\"accepted\""));
    assert_non_null(strstr(shown, "\"checks\":[{\"name\":\"decode\",\"result\":\"ok\"}"));
    assert_non_null(strstr(shown, "\"as_of\":\"2027-01-15T08:00:00Z\",\"age_s\":0"));
    assert_non_null(strstr(shown, "\"receipt\":\""));
    assert_null(strstr(shown, "\"reason\""));
}

static void accepts_an_sd_jwt_for_its_audience_and_nonce_only(void **state)
{
    (void)state;
    char number[32];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    const struct support_show show = {.number = new_license(number),
                                      .format = "dc+sd-jwt",
                                      .claims = "category,expiry_date",
                                      .aud = SUPPORT_BASE_URL,
                                      .nonce = lw_str_bytes(LW_STR("n-1234567890123456"))};
    must(support_home_show(&home, &show, &text));
    struct wallet_verification request = request_of(lw_buf_text(&text));
    request.nonce = LW_STR("n-1234567890123456");
    {
        WALLET_AUTO_ANSWER answer = {.result = WALLET_REFUSED};
        assert_int_equal(verify_as(&request, &answer), WALLET_ACCEPTED);
        assert_true(lw_str_is(lw_buf_text(&answer.claims),
                              "{\"category\":\"Retail Food\",\"expiry_date\":\"2028-01-15\"}") ||
                    lw_str_is(lw_buf_text(&answer.claims),
                              "{\"expiry_date\":\"2028-01-15\",\"category\":\"Retail Food\"}"));
    }
    request.nonce = LW_STR("n-another");
    {
        WALLET_AUTO_ANSWER answer = {.result = WALLET_ACCEPTED};
        assert_int_equal(verify_as(&request, &answer), WALLET_REFUSED);
        assert_string_equal(answer.reason_code, "wrong_audience");
        assert_true(lw_buf_text(&answer.claims).len == 0);
    }
    request.nonce = LW_STR("n-1234567890123456");
    request.aud = LW_STR("https://other.example");
    WALLET_AUTO_ANSWER answer = {.result = WALLET_ACCEPTED};
    assert_int_equal(verify_as(&request, &answer), WALLET_REFUSED);
}

static void follows_the_license_from_suspended_to_active_to_revoked(void **state)
{
    (void)state;
    char number[32];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    support_home_lq1(&home, new_license(number), &text);
    change(number, WALLET_SUSPENDED);
    expect_answer(lw_buf_text(&text), WALLET_REFUSED, "suspended");
    change(number, WALLET_ACTIVE);
    expect_answer(lw_buf_text(&text), WALLET_ACCEPTED, NULL);
    change(number, WALLET_REVOKED);
    expect_answer(lw_buf_text(&text), WALLET_REFUSED, "revoked");
}

static void says_cancelled_and_superseded_by_name(void **state)
{
    (void)state;
    char first[32];
    char second[32];
    LW_AUTO_BUF cancelled = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF superseded = LW_BUF(SUPPORT_TEXT_MAX);
    support_home_lq1(&home, new_license(first), &cancelled);
    change(first, WALLET_CANCELLED);
    expect_answer(lw_buf_text(&cancelled), WALLET_REFUSED, "cancelled");
    support_home_lq1(&home, new_license(second), &superseded);
    support_home_issue(&home, second);
    expect_answer(lw_buf_text(&superseded), WALLET_REFUSED, "superseded");
}

static void leaves_open_what_was_shown_ten_minutes_ago(void **state)
{
    (void)state;
    char number[32];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    support_home_lq1(&home, new_license(number), &text);
    struct wallet_verification request = request_of(lw_buf_text(&text));
    const uint64_t before = log_size();
    const struct {
        int64_t after;
        enum wallet_result result;
    } cases[] = {{45, WALLET_ACCEPTED},
                 {46, WALLET_UNDETERMINED},
                 {600, WALLET_UNDETERMINED},
                 {-30, WALLET_ACCEPTED},
                 {-31, WALLET_UNDETERMINED}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        WALLET_AUTO_ANSWER answer = {.result = WALLET_REFUSED};
        request.at = SUPPORT_HOME_NOW + cases[i].after;
        assert_int_equal(verify_as(&request, &answer), cases[i].result);
        assert_string_equal(answer.receipt, "");
        if (cases[i].result == WALLET_UNDETERMINED) {
            assert_string_equal(answer.reason_code, "out_of_date");
        }
    }
    assert_int_equal(log_size(), before); /* as of another time: nothing is kept */
}

static void warns_of_a_presentation_seen_before_and_keeps_its_result(void **state)
{
    (void)state;
    char number[32];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    support_home_lq1(&home, new_license(number), &text);
    const struct wallet_verification request = request_of(lw_buf_text(&text));
    {
        WALLET_AUTO_ANSWER answer = {.result = WALLET_REFUSED};
        assert_int_equal(verify_as(&request, &answer), WALLET_ACCEPTED);
        assert_int_equal(line(&answer, WALLET_CHECK_REPLAY)->result, WALLET_CHECK_OK);
    }
    WALLET_AUTO_ANSWER answer = {.result = WALLET_REFUSED};
    assert_int_equal(verify_as(&request, &answer), WALLET_ACCEPTED);
    assert_int_equal(line(&answer, WALLET_CHECK_REPLAY)->result, WALLET_CHECK_UNKNOWN);
    assert_non_null(strstr(line(&answer, WALLET_CHECK_REPLAY)->detail, "seen before"));
}

static void writes_nothing_when_no_record_is_wanted(void **state)
{
    (void)state;
    char number[32];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    support_home_lq1(&home, new_license(number), &text);
    struct wallet_verification request = request_of(lw_buf_text(&text));
    request.record = false;
    struct wallet_store_stat before;
    struct wallet_store_stat after;
    must(wallet_store_stat(wallet_home_store(home.home), &before));
    for (int i = 0; i < 2; i++) {
        WALLET_AUTO_ANSWER answer = {.result = WALLET_REFUSED};
        assert_int_equal(verify_as(&request, &answer), WALLET_ACCEPTED);
        assert_string_equal(answer.receipt, "");
        assert_int_equal(line(&answer, WALLET_CHECK_REPLAY)->result, WALLET_CHECK_SKIPPED);
    }
    must(wallet_store_stat(wallet_home_store(home.home), &after));
    assert_int_equal(after.commit, before.commit);
}

static void refuses_any_bent_byte_of_the_payload(void **state)
{
    (void)state;
    char number[32];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF payload = LW_BUF(WALLET_LQ1_PAYLOAD_MAX);
    support_home_lq1(&home, new_license(number), &text);
    must(wallet_lq1_read(lw_buf_text(&text), &payload));
    for (size_t at = 1; at < payload.len; at += 7) {
        LW_AUTO_BUF bent = LW_BUF(SUPPORT_TEXT_MAX);
        payload.ptr[at] ^= 1;
        must(wallet_lq1_put(lw_buf_view(&payload), &bent));
        payload.ptr[at] ^= 1;
        WALLET_AUTO_ANSWER answer = {.result = WALLET_ACCEPTED};
        struct wallet_verification request = request_of(lw_buf_text(&bent));
        request.record = false;
        assert_int_equal(verify_as(&request, &answer), WALLET_REFUSED);
        assert_int_equal(answer.claims.len, 0);
    }
}

static void refuses_at_decode_what_is_no_presentation(void **state)
{
    (void)state;
    static const char *const texts[] = {"",    "LX1:ABC",  "LQ1:",      "LQ1:%",
                                        "a.b", "a.b~c",    "lq1:ABC",   "LC1:ABC",
                                        "~",   "a.b.c.d~", "LQ1:abcdef"};
    const uint64_t before = log_size();
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        WALLET_AUTO_ANSWER answer = {.result = WALLET_ACCEPTED};
        const struct wallet_verification request = request_of(lw_str_c(texts[i]));
        assert_int_equal(verify_as(&request, &answer), WALLET_REFUSED);
        assert_string_equal(answer.reason_code, "malformed");
        assert_int_equal(line(&answer, WALLET_CHECK_DECODE)->result, WALLET_CHECK_FAILED);
        assert_string_equal(answer.receipt, "");
    }
    assert_int_equal(log_size(), before);
}

static void shows_a_pass_and_refuses_it_once_the_license_is_suspended(void **state)
{
    (void)state;
    char number[32];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    const struct support_show show = {
        .number = new_license(number), .format = "lq1", .pass = "storefront", .claims = ""};
    must(support_home_show(&home, &show, &text));
    expect_answer(lw_buf_text(&text), WALLET_ACCEPTED, NULL);
    change(number, WALLET_SUSPENDED);
    expect_answer(lw_buf_text(&text), WALLET_REFUSED, "suspended");
}

static void does_not_trust_a_clock_behind_what_was_verified(void **state)
{
    (void)state;
    char number[32];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF older = LW_BUF(SUPPORT_TEXT_MAX);
    (void)new_license(number);
    home.clock.now = SUPPORT_HOME_NOW + 3600;
    support_home_lq1(&home, number, &text);
    expect_answer(lw_buf_text(&text), WALLET_ACCEPTED, NULL);
    home.clock.now = SUPPORT_HOME_NOW + 3000;
    support_home_lq1(&home, number, &older);
    expect_answer(lw_buf_text(&older), WALLET_UNDETERMINED, "clock_untrusted");
    home.clock.now = SUPPORT_HOME_NOW + 3601;
}

static int make(void **state)
{
    (void)state;
    support_home_make(&home);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    support_home_drop(&home);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepts_a_presentation_and_gives_exactly_the_two_claims),
        cmocka_unit_test(accepts_an_sd_jwt_for_its_audience_and_nonce_only),
        cmocka_unit_test(follows_the_license_from_suspended_to_active_to_revoked),
        cmocka_unit_test(says_cancelled_and_superseded_by_name),
        cmocka_unit_test(leaves_open_what_was_shown_ten_minutes_ago),
        cmocka_unit_test(warns_of_a_presentation_seen_before_and_keeps_its_result),
        cmocka_unit_test(writes_nothing_when_no_record_is_wanted),
        cmocka_unit_test(refuses_any_bent_byte_of_the_payload),
        cmocka_unit_test(refuses_at_decode_what_is_no_presentation),
        cmocka_unit_test(shows_a_pass_and_refuses_it_once_the_license_is_suspended),
        cmocka_unit_test(does_not_trust_a_clock_behind_what_was_verified),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
