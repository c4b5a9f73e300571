#include "wallet/license.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "wallet/check.h"

static void states_have_names_that_parse_back(void **state)
{
    static const char *const names[] = {"active", "suspended", "revoked", "cancelled",
                                        "superseded"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        enum wallet_state parsed = WALLET_ACTIVE;
        assert_int_equal(wallet_state_parse(lw_str_c(names[i]), &parsed).code, LW_OK);
        assert_int_equal(parsed, WALLET_ACTIVE + i);
        assert_string_equal(wallet_state_name(parsed), names[i]);
    }
    enum wallet_state kept = WALLET_REVOKED;
    assert_int_equal(wallet_state_parse(LW_STR("expired"), &kept).code, LW_E_VALUE);
    assert_int_equal(wallet_state_parse(LW_STR("Active"), &kept).code, LW_E_VALUE);
    assert_int_equal(wallet_state_parse(LW_STR(""), &kept).code, LW_E_VALUE);
    assert_int_equal(kept, WALLET_REVOKED);
}

static void only_active_and_suspended_go_anywhere_and_never_to_themselves(void **state)
{
    (void)state;
    for (int from = WALLET_ACTIVE; from <= WALLET_SUPERSEDED; from++) {
        for (int to = WALLET_ACTIVE; to <= WALLET_SUPERSEDED; to++) {
            const bool may = from <= WALLET_SUSPENDED && from != to;
            assert_int_equal(
                wallet_state_may_follow((enum wallet_state)from, (enum wallet_state)to), may);
        }
    }
}

static void a_license_expires_at_its_end_and_not_before(void **state)
{
    (void)state;
    static const struct wallet_license ends = {.valid_until = 100};
    static const struct wallet_license endless = {.valid_until = INT64_MAX};
    assert_false(wallet_license_expired(&ends, 99));
    assert_true(wallet_license_expired(&ends, 100));
    assert_false(wallet_license_expired(&endless, INT64_MAX - 1));
}

static void a_version_says_which_revision_of_its_term_it_is(void **state)
{
    static const struct {
        const char *version;
        size_t key;
        unsigned revision;
    } cases[] = {
        {"190822", 6, 1},       {"190822~2", 6, 2}, {"190822~999", 6, 999},
        {"190822~1000", 11, 1}, {"190822~1", 8, 1}, {"190822~02", 9, 1},
        {"190822~", 7, 1},      {"~2", 2, 1},       {"a~2~3", 3, 3},
        {"a~b", 3, 1},          {"", 0, 1},         {"7", 1, 1},
        {"a~0", 3, 1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        lw_str key;
        const lw_str version = lw_str_c(cases[i].version);
        assert_int_equal(wallet_version_revision(version, &key), cases[i].revision);
        assert_int_equal(key.len, cases[i].key);
        assert_ptr_equal(key.ptr, version.ptr);
    }
}

/* SHAPES "Answers". */
static void checks_are_named_as_the_answer_shows_them(void **state)
{
    static const char *const names[] = {
        "decode",   "parse",  "trust",       "issuer_signature", "holder_signature", "freshness",
        "audience", "replay", "disclosures", "validity",         "status",           "policy"};
    (void)state;
    assert_int_equal(sizeof(names) / sizeof(names[0]), WALLET_CHECK_COUNT);
    for (int i = 0; i < WALLET_CHECK_COUNT; i++) {
        assert_string_equal(wallet_check_name((enum wallet_check)i), names[i]);
    }
    assert_string_equal(wallet_check_result_name(WALLET_CHECK_OK), "ok");
    assert_string_equal(wallet_check_result_name(WALLET_CHECK_FAILED), "failed");
    assert_string_equal(wallet_check_result_name(WALLET_CHECK_UNKNOWN), "unknown");
    assert_string_equal(wallet_check_result_name(WALLET_CHECK_SKIPPED), "skipped");

    struct wallet_checks checks = {0};
    wallet_check_set(&checks, WALLET_CHECK_TRUST, WALLET_CHECK_FAILED, "why");
    assert_int_equal(checks.line[WALLET_CHECK_TRUST].result, WALLET_CHECK_FAILED);
    assert_string_equal(checks.line[WALLET_CHECK_TRUST].detail, "why");
    assert_int_equal(checks.line[WALLET_CHECK_POLICY].result, WALLET_CHECK_SKIPPED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(states_have_names_that_parse_back),
        cmocka_unit_test(only_active_and_suspended_go_anywhere_and_never_to_themselves),
        cmocka_unit_test(a_license_expires_at_its_end_and_not_before),
        cmocka_unit_test(a_version_says_which_revision_of_its_term_it_is),
        cmocka_unit_test(checks_are_named_as_the_answer_shows_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
