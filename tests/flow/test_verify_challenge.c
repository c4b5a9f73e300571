/* Challenges: answered once, by one of many, and by nobody else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <pthread.h>

#include <cmocka.h>

#include "home.h"
#include "wallet/audit.h"
#include "wallet/base64.h"
#include "wallet/lq1.h"

enum { RACERS = 16 };

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

/* An answer to `challenge` by the holder of `number`. */
static void answer_challenge(const char *number, lw_str challenge, lw_buf *text)
{
    LW_AUTO_BUF arena = LW_BUF(SUPPORT_TEXT_MAX);
    struct wallet_challenge asked;
    must(wallet_lc1_read(challenge, &arena, &asked));
    const struct support_show show = {.number = number,
                                      .format = "dc+sd-cwt",
                                      .claims = "legal_name",
                                      .aud = "qr:" SUPPORT_BASE_URL,
                                      .nonce = LW_BYTES(asked.nonce)};
    must(support_home_show(&home, &show, text));
}

static void new_challenge(lw_buf *text)
{
    const lw_str asked[] = {LW_STR("legal_name")};
    must(wallet_flow_challenge(home.home, LW_STR("business-license"), asked, 1, 120, text));
}

static void accepts_the_answer_to_a_challenge_once(void **state)
{
    (void)state;
    char number[32];
    LW_AUTO_BUF challenge = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    new_challenge(&challenge);
    answer_challenge(new_license(number), lw_buf_text(&challenge), &text);
    expect_answer(lw_buf_text(&text), WALLET_ACCEPTED, NULL);
    expect_answer(lw_buf_text(&text), WALLET_REFUSED, "replayed");
    struct wallet_verification request = request_of(lw_buf_text(&text));
    request.record = false;
    WALLET_AUTO_ANSWER answer = {.result = WALLET_ACCEPTED};
    assert_int_equal(verify_as(&request, &answer), WALLET_REFUSED);
    assert_string_equal(answer.reason_code, "replayed");
}

static void takes_the_challenge_even_when_no_record_is_wanted(void **state)
{
    (void)state;
    char number[32];
    LW_AUTO_BUF challenge = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    new_challenge(&challenge);
    answer_challenge(new_license(number), lw_buf_text(&challenge), &text);
    struct wallet_verification request = request_of(lw_buf_text(&text));
    request.record = false;
    const uint64_t before = log_size();
    {
        WALLET_AUTO_ANSWER answer = {.result = WALLET_REFUSED};
        assert_int_equal(verify_as(&request, &answer), WALLET_ACCEPTED);
        assert_string_equal(answer.receipt, "");
    }
    WALLET_AUTO_ANSWER answer = {.result = WALLET_ACCEPTED};
    assert_int_equal(verify_as(&request, &answer), WALLET_REFUSED);
    assert_string_equal(answer.reason_code, "replayed");
    assert_int_equal(log_size(), before);
}

static void refuses_a_challenge_that_is_nobodys_and_leaves_open_one_that_is_over(void **state)
{
    (void)state;
    char number[32];
    LW_AUTO_BUF challenge = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF foreign = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF answer = LW_BUF(SUPPORT_TEXT_MAX);
    const struct wallet_challenge theirs = {
        .verifier_id = LW_STR(SUPPORT_BASE_URL), .nonce = {1, 2, 3}, .exp = SUPPORT_HOME_NOW + 60};
    must(wallet_lc1_put(&theirs, &foreign));
    answer_challenge(new_license(number), lw_buf_text(&foreign), &answer);
    expect_answer(lw_buf_text(&answer), WALLET_REFUSED, "wrong_audience");
    new_challenge(&challenge);
    answer_challenge(number, lw_buf_text(&challenge), &text);
    struct wallet_verification request = request_of(lw_buf_text(&text));
    request.at = SUPPORT_HOME_NOW + 120;
    WALLET_AUTO_ANSWER late = {.result = WALLET_ACCEPTED};
    assert_int_equal(verify_as(&request, &late), WALLET_UNDETERMINED);
    assert_string_equal(late.reason_code, "out_of_date");
}

static void asks_for_a_challenge_where_one_is_demanded(void **state)
{
    (void)state;
    char number[32];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    support_home_lq1(&home, new_license(number), &text);
    struct wallet_verification request = request_of(lw_buf_text(&text));
    request.challenge_only = true;
    WALLET_AUTO_ANSWER answer = {.result = WALLET_ACCEPTED};
    assert_int_equal(verify_as(&request, &answer), WALLET_UNDETERMINED);
    assert_string_equal(answer.reason_code, "challenge_required");
}

static void does_not_take_a_challenge_for_an_answer_that_does_not_hold(void **state)
{
    (void)state;
    char number[32];
    LW_AUTO_BUF challenge = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF payload = LW_BUF(WALLET_LQ1_PAYLOAD_MAX);
    LW_AUTO_BUF bent = LW_BUF(SUPPORT_TEXT_MAX);
    new_challenge(&challenge);
    answer_challenge(new_license(number), lw_buf_text(&challenge), &text);
    must(wallet_lq1_read(lw_buf_text(&text), &payload));
    payload.ptr[payload.len - 1] ^= 1; /* of the holder's signature */
    must(wallet_lq1_put(lw_buf_view(&payload), &bent));
    expect_answer(lw_buf_text(&bent), WALLET_REFUSED, "holder_signature_invalid");
    expect_answer(lw_buf_text(&text), WALLET_ACCEPTED, NULL);
}

struct racer {
    pthread_t thread;
    lw_str text;
    lw_str nonce; /* that the caller expects; empty: none given */
    bool unrecorded;
    enum wallet_result result;
    bool replayed;
    bool failed;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    struct wallet_verification request = request_of(r->text);
    request.nonce = r->nonce;
    request.record = !r->unrecorded;
    WALLET_AUTO_ANSWER answer = {.result = WALLET_REFUSED};
    r->failed = wallet_flow_verify(home.verifier, &request, &answer).code != LW_OK;
    r->result = answer.result;
    r->replayed = answer.reason_code != NULL && strcmp(answer.reason_code, "replayed") == 0;
    return NULL;
}

/* Sixteen at once, every fourth with the nonce that the caller expects, every other unrecorded. */
static void expect_one_of_sixteen(lw_str text, lw_str nonce)
{
    struct racer racers[RACERS];
    size_t accepted = 0;
    for (size_t i = 0; i < RACERS; i++) {
        racers[i] = (struct racer){.text = text,
                                   .nonce = i % 4 == 0 ? nonce : (lw_str){NULL, 0},
                                   .unrecorded = i % 2 == 1};
        assert_int_equal(pthread_create(&racers[i].thread, NULL, race, &racers[i]), 0);
    }
    for (size_t i = 0; i < RACERS; i++) {
        assert_int_equal(pthread_join(racers[i].thread, NULL), 0);
        assert_false(racers[i].failed);
        accepted += racers[i].result == WALLET_ACCEPTED ? 1 : 0;
        assert_true(racers[i].result == WALLET_ACCEPTED || racers[i].replayed);
    }
    assert_int_equal(accepted, 1);
}

static void accepts_exactly_one_of_sixteen_racing_answers(void **state)
{
    (void)state;
    char number[32];
    LW_AUTO_BUF challenge = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    new_challenge(&challenge);
    answer_challenge(new_license(number), lw_buf_text(&challenge), &text);
    expect_one_of_sixteen(lw_buf_text(&text), (lw_str){NULL, 0});
}

/* An SD-JWT with a new challenge's nonce, which is written as text into `nonce`. */
static void show_sd_jwt(char nonce[23], lw_buf *text)
{
    char number[32];
    LW_AUTO_BUF challenge = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF arena = LW_BUF(SUPPORT_TEXT_MAX);
    struct wallet_challenge asked;
    memset(nonce, 0, 23);
    new_challenge(&challenge);
    must(wallet_lc1_read(lw_buf_text(&challenge), &arena, &asked));
    wallet_base64url_write(LW_BYTES(asked.nonce), nonce);
    const struct support_show show = {.number = new_license(number),
                                      .format = "dc+sd-jwt",
                                      .claims = "category",
                                      .aud = SUPPORT_BASE_URL,
                                      .nonce = lw_str_bytes(lw_str_c(nonce))};
    must(support_home_show(&home, &show, text));
}

static void takes_a_challenge_as_the_nonce_of_an_sd_jwt_once(void **state)
{
    (void)state;
    char nonce[23];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    show_sd_jwt(nonce, &text);
    expect_answer(lw_buf_text(&text), WALLET_ACCEPTED, NULL);
    expect_answer(lw_buf_text(&text), WALLET_REFUSED, "replayed");
}

static void takes_a_challenge_that_the_caller_names_as_the_nonce_once(void **state)
{
    (void)state;
    char nonce[23];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    show_sd_jwt(nonce, &text);
    for (int i = 0; i < 3; i++) {
        WALLET_AUTO_ANSWER answer = {.result = WALLET_REFUSED};
        struct wallet_verification request = request_of(lw_buf_text(&text));
        request.nonce = lw_str_c(nonce);
        request.record = i == 1;
        assert_int_equal(verify_as(&request, &answer), i == 0 ? WALLET_ACCEPTED : WALLET_REFUSED);
        assert_true(i == 0 || strcmp(answer.reason_code, "replayed") == 0);
    }
    expect_answer(lw_buf_text(&text), WALLET_REFUSED, "replayed");
}

static void accepts_exactly_one_of_sixteen_that_race_with_a_nonce_of_ours(void **state)
{
    (void)state;
    char nonce[23];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    show_sd_jwt(nonce, &text);
    expect_one_of_sixteen(lw_buf_text(&text), lw_str_c(nonce));
}

static void does_not_take_a_challenge_that_the_caller_names_for_another_answer(void **state)
{
    (void)state;
    char nonce[23];
    char other[23];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF foreign = LW_BUF(SUPPORT_TEXT_MAX);
    show_sd_jwt(nonce, &text);
    show_sd_jwt(other, &foreign);
    WALLET_AUTO_ANSWER answer = {.result = WALLET_ACCEPTED};
    struct wallet_verification request = request_of(lw_buf_text(&foreign));
    request.nonce = lw_str_c(nonce);
    assert_int_equal(verify_as(&request, &answer), WALLET_REFUSED);
    expect_answer(lw_buf_text(&text), WALLET_ACCEPTED, NULL);
    expect_answer(lw_buf_text(&foreign), WALLET_ACCEPTED, NULL);
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
        cmocka_unit_test(accepts_the_answer_to_a_challenge_once),
        cmocka_unit_test(takes_the_challenge_even_when_no_record_is_wanted),
        cmocka_unit_test(refuses_a_challenge_that_is_nobodys_and_leaves_open_one_that_is_over),
        cmocka_unit_test(asks_for_a_challenge_where_one_is_demanded),
        cmocka_unit_test(does_not_take_a_challenge_for_an_answer_that_does_not_hold),
        cmocka_unit_test(accepts_exactly_one_of_sixteen_racing_answers),
        cmocka_unit_test(takes_a_challenge_as_the_nonce_of_an_sd_jwt_once),
        cmocka_unit_test(takes_a_challenge_that_the_caller_names_as_the_nonce_once),
        cmocka_unit_test(accepts_exactly_one_of_sixteen_that_race_with_a_nonce_of_ours),
        cmocka_unit_test(does_not_take_a_challenge_that_the_caller_names_for_another_answer),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
