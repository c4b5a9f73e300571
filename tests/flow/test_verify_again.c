/* A credential shown again: its issuer's signature is not checked anew, everything else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "home.h"
#include "hsm/key_tables.h"
#include "wallet/flow_status.h"

static struct support_home home; /* made once for all tests: a token takes its time */

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

static void change(const char *number, enum wallet_state to)
{
    enum wallet_state from = WALLET_ACTIVE;
    must(wallet_flow_change_state(home.home, wallet_license_ref_parse(lw_str_c(number)), to,
                                  LW_STR("because"), LW_STR("test"), &from));
}

static void expect_answer(struct wallet_verifier *verifier, lw_str text, const char *reason)
{
    WALLET_AUTO_ANSWER answer = {.result = WALLET_REFUSED};
    const struct wallet_verification request = {
        .text = text, .at = INT64_MIN, .locale = LW_STR("en")};
    must(wallet_flow_verify(verifier, &request, &answer));
    assert_int_equal(answer.result, reason == NULL ? WALLET_ACCEPTED : WALLET_REFUSED);
    if (reason != NULL) {
        assert_string_equal(answer.reason_code, reason);
    }
}

static void a_license_revoked_after_it_was_seen_is_refused(void **state)
{
    (void)state;
    LW_AUTO_BUF first = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF second = LW_BUF(SUPPORT_TEXT_MAX);
    support_home_issue(&home, "A-1");
    support_home_lq1(&home, "A-1", &first);
    expect_answer(home.verifier, lw_buf_text(&first), NULL);
    support_home_lq1(&home, "A-1", &second); /* the same credential, signed anew by its holder */
    expect_answer(home.verifier, lw_buf_text(&second), NULL);
    change("A-1", WALLET_SUSPENDED);
    expect_answer(home.verifier, lw_buf_text(&second), "suspended");
    change("A-1", WALLET_ACTIVE);
    expect_answer(home.verifier, lw_buf_text(&second), NULL);
    change("A-1", WALLET_REVOKED);
    expect_answer(home.verifier, lw_buf_text(&first), "revoked");
    expect_answer(home.verifier, lw_buf_text(&second), "revoked");
}

static void another_policy_holds_for_what_was_seen(void **state)
{
    (void)state;
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    support_home_issue(&home, "A-2");
    support_home_lq1(&home, "A-2", &text);
    expect_answer(home.verifier, lw_buf_text(&text), NULL);
    WALLET_AUTO_ANSWER answer = {.result = WALLET_ACCEPTED};
    const struct wallet_verification request = {.text = lw_buf_text(&text),
                                                .at = INT64_MIN,
                                                .challenge_only = true,
                                                .locale = LW_STR("en")};
    must(wallet_flow_verify(home.verifier, &request, &answer));
    assert_int_not_equal(answer.result, WALLET_ACCEPTED);
}

static void with_a_table_or_without_the_answer_is_the_same(void **state)
{
    (void)state;
    WALLET_AUTO_VERIFIER limited = NULL;
    LW_AUTO_BUF good = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF gone = LW_BUF(SUPPORT_TEXT_MAX);
    support_home_issue(&home, "A-3");
    support_home_issue(&home, "A-4");
    support_home_lq1(&home, "A-3", &good);
    support_home_lq1(&home, "A-4", &gone);
    change("A-4", WALLET_REVOKED);
    must(wallet_verifier_online(home.home, &limited));
    wallet_verifier_limit(limited, true, false); /* else all but the first use no table */
    for (size_t i = 0; i < HSM_KEY_TABLE_USES + 8; i++) {
        expect_answer(limited, lw_buf_text(&good), NULL);
    }
    expect_answer(limited, lw_buf_text(&gone), "revoked");
    wallet_verifier_limit(limited, false, false);
    expect_answer(limited, lw_buf_text(&good), NULL);
    expect_answer(limited, lw_buf_text(&gone), "revoked");
    wallet_verifier_limit(limited, true, true);
    expect_answer(limited, lw_buf_text(&good), NULL);
    expect_answer(limited, lw_buf_text(&gone), "revoked");
}

static int make_home(void **state)
{
    (void)state;
    support_home_make(&home);
    return 0;
}

static int drop_home(void **state)
{
    (void)state;
    support_home_drop(&home);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_license_revoked_after_it_was_seen_is_refused),
        cmocka_unit_test(another_policy_holds_for_what_was_seen),
        cmocka_unit_test(with_a_table_or_without_the_answer_is_the_same),
    };
    return cmocka_run_group_tests(tests, make_home, drop_home);
}
