/* Verification with the offline folder alone: what it decides, and what it leaves open. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "home.h"
#include "wallet/flow_issue.h"
#include "wallet/flow_status.h"
#include "wallet/trust_list.h"

static struct support_home home;
static char folder[SUPPORT_PATH_MAX];
static unsigned numbers;

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

static const char *new_license(char number[32])
{
    (void)snprintf(number, 32, "O-%u", ++numbers);
    support_home_issue(&home, number);
    return number;
}

static void change(const char *number, enum wallet_state to)
{
    enum wallet_state from = WALLET_ACTIVE;
    must(wallet_flow_change_state(home.home, wallet_license_ref_parse(lw_str_c(number)), to,
                                  LW_STR("because"), LW_STR("test"), &from));
}

/* Verifies in a verifier opened for it, at the home's time plus `after`. */
static void expect_answer(lw_str text, int64_t after, enum wallet_result result, const char *reason)
{
    WALLET_AUTO_VERIFIER verifier = NULL;
    WALLET_AUTO_ANSWER answer = {.result = WALLET_REFUSED};
    must(wallet_verifier_offline(folder, &home.env, &verifier));
    const struct wallet_verification request = {
        .text = text, .at = home.clock.now + after, .record = true, .locale = LW_STR("en")};
    must(wallet_flow_verify(verifier, &request, &answer));
    assert_int_equal(answer.result, result);
    if (reason != NULL) {
        assert_non_null(answer.reason_code);
        assert_string_equal(answer.reason_code, reason);
    }
    assert_string_equal(answer.receipt, "");
}

static void decides_as_of_the_list_it_holds(void **state)
{
    (void)state;
    char number[32];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    support_home_lq1(&home, new_license(number), &text);
    support_home_offline(&home, folder);
    WALLET_AUTO_VERIFIER verifier = NULL;
    WALLET_AUTO_ANSWER answer = {.result = WALLET_REFUSED};
    const struct wallet_verification request = {
        .text = lw_buf_text(&text), .at = home.clock.now + 20, .locale = LW_STR("en")};
    must(wallet_verifier_offline(folder, &home.env, &verifier));
    must(wallet_flow_verify(verifier, &request, &answer));
    assert_int_equal(answer.result, WALLET_ACCEPTED);
    assert_string_equal(answer.status_value, "valid");
    assert_int_equal(answer.status_as_of, home.clock.now);
    assert_int_equal(answer.status_age_s, 20);
    assert_true(lw_str_is(lw_buf_text(&answer.type), "business-license"));
    change(number, WALLET_REVOKED);
    expect_answer(lw_buf_text(&text), 0, WALLET_ACCEPTED, NULL); /* the folder cannot know */
    support_home_offline(&home, folder);
    expect_answer(lw_buf_text(&text), 0, WALLET_REFUSED, "revoked");
}

static void leaves_open_what_a_list_past_its_end_or_not_there_would_say(void **state)
{
    (void)state;
    char number[32];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF late = LW_BUF(SUPPORT_TEXT_MAX);
    char command[SUPPORT_PATH_MAX];
    support_home_lq1(&home, new_license(number), &text);
    support_home_offline(&home, folder);
    home.clock.now += WALLET_STATUS_LIFE_S + 3600;
    support_home_lq1(&home, number, &late);
    expect_answer(lw_buf_text(&late), 0, WALLET_UNDETERMINED, "status_stale");
    home.clock.now -= WALLET_STATUS_LIFE_S + 3600;
    support_path(folder, "status", command);
    support_remove(command);
    expect_answer(lw_buf_text(&text), 0, WALLET_UNDETERMINED, "status_unknown");
}

static void accepts_a_pass_as_of_its_issue(void **state)
{
    (void)state;
    char number[32];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    const struct support_show show = {
        .number = new_license(number), .format = "lq1", .pass = "storefront", .claims = ""};
    must(support_home_show(&home, &show, &text));
    change(number, WALLET_SUSPENDED);
    support_home_offline(&home, folder);
    expect_answer(lw_buf_text(&text), 0, WALLET_ACCEPTED, NULL);
}

static void leaves_open_past_the_trust_lists_end_and_grace(void **state)
{
    (void)state;
    char number[32];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    const int64_t start = home.clock.now;
    const int64_t over = WALLET_TRUST_LIST_LIFE_S + WALLET_TRUST_LIST_GRACE_S;
    (void)new_license(number);
    support_home_lq1(&home, number, &text);
    support_home_offline(&home, folder);
    for (int i = 0; i < 2; i++) {
        LW_AUTO_BUF late = LW_BUF(SUPPORT_TEXT_MAX);
        home.clock.now = SUPPORT_HOME_NOW + over - 1 + i;
        support_home_lq1(&home, number, &late);
        /* In the grace only the status list is too old. */
        expect_answer(lw_buf_text(&late), 0, WALLET_UNDETERMINED,
                      i == 0 ? "status_stale" : "issuer_expired");
    }
    home.clock.now = start;
}

static void refuses_an_issuer_that_the_folder_does_not_name(void **state)
{
    (void)state;
    char number[32];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    struct support_home other;
    support_home_make(&other);
    (void)snprintf(number, sizeof(number), "X-1");
    support_home_issue(&other, number);
    support_home_lq1(&other, number, &text);
    support_home_drop(&other);
    support_home_offline(&home, folder);
    expect_answer(lw_buf_text(&text), 0, WALLET_REFUSED, "issuer_unknown");
    WALLET_AUTO_ANSWER answer = {.result = WALLET_ACCEPTED};
    const struct wallet_verification request = {
        .text = lw_buf_text(&text), .at = INT64_MIN, .locale = LW_STR("en")};
    must(wallet_flow_verify(home.verifier, &request, &answer));
    assert_int_equal(answer.result, WALLET_REFUSED);
    assert_string_equal(answer.reason_code, "issuer_unknown");
}

static void does_not_trust_a_clock_before_its_newest_list(void **state)
{
    (void)state;
    char number[32];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    WALLET_AUTO_VERIFIER verifier = NULL;
    WALLET_AUTO_ANSWER answer = {.result = WALLET_ACCEPTED};
    support_home_offline(&home, folder);
    const int64_t start = home.clock.now;
    home.clock.now = SUPPORT_HOME_NOW - 7200; /* before the trust list was signed */
    (void)new_license(number);
    support_home_lq1(&home, number, &text);
    must(wallet_verifier_offline(folder, &home.env, &verifier));
    const struct wallet_verification request = {
        .text = lw_buf_text(&text), .at = INT64_MIN, .locale = LW_STR("en")};
    must(wallet_flow_verify(verifier, &request, &answer));
    home.clock.now = start;
    assert_int_equal(answer.result, WALLET_UNDETERMINED);
    assert_string_equal(answer.reason_code, "clock_untrusted");
}

static void opens_no_folder_whose_trust_list_does_not_hold(void **state)
{
    (void)state;
    struct wallet_verifier *verifier = NULL;
    char path[SUPPORT_PATH_MAX];
    support_path(home.folder, "empty", path);
    assert_int_equal(wallet_verifier_offline(path, &home.env, &verifier).code, LW_E_NOT_FOUND);
    support_home_offline(&home, folder);
    support_path(folder, "pins.json", path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs("{\"pins\":[\"", file) >= 0);
    for (int i = 0; i < 64; i++) {
        assert_int_equal(fputc('a', file), 'a');
    }
    assert_true(fputs("\"]}", file) >= 0);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(wallet_verifier_offline(folder, &home.env, &verifier).code, LW_E_UNTRUSTED);
    support_home_offline(&home, folder);
    support_path(folder, "trust-list.cwt", path);
    file = fopen(path, "r+b");
    assert_non_null(file);
    assert_int_equal(fseek(file, -1, SEEK_END), 0);
    const int last = fgetc(file);
    assert_int_equal(fseek(file, -1, SEEK_END), 0);
    assert_true(fputc(last ^ 1, file) != EOF);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(wallet_verifier_offline(folder, &home.env, &verifier).code, LW_E_SIGNATURE);
}

static int make(void **state)
{
    (void)state;
    support_home_make(&home);
    support_path(home.folder, "offline", folder);
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
        cmocka_unit_test(decides_as_of_the_list_it_holds),
        cmocka_unit_test(leaves_open_what_a_list_past_its_end_or_not_there_would_say),
        cmocka_unit_test(accepts_a_pass_as_of_its_issue),
        cmocka_unit_test(leaves_open_past_the_trust_lists_end_and_grace),
        cmocka_unit_test(refuses_an_issuer_that_the_folder_does_not_name),
        cmocka_unit_test(does_not_trust_a_clock_before_its_newest_list),
        cmocka_unit_test(opens_no_folder_whose_trust_list_does_not_hold),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
