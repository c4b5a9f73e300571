#include "policy_fixture.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* What decoders, formats and the replay cache left: check, error, and what comes of them. */

static void expect_line(const struct policy_fixture *f, enum wallet_result result,
                        enum wallet_check check, enum wallet_reason reason)
{
    assert_int_equal(f->decision.result, result);
    assert_int_equal(f->decision.check, check);
    assert_int_equal(f->decision.reason, reason);
    assert_int_equal(f->checks.line[check].result,
                     result == WALLET_REFUSED ? WALLET_CHECK_FAILED : WALLET_CHECK_UNKNOWN);
    assert_non_null(wallet_reason_code(reason));
}

/* The mapping from a check that did not pass, and the error, to result and reason. */
static void each_failure_of_a_format_has_its_reason(void **state)
{
    static const struct {
        enum wallet_check check;
        enum wallet_check_result line;
        const char *detail;
        lw_code code;
        enum wallet_result result;
        enum wallet_reason reason;
    } cases[] = {
        {WALLET_CHECK_DECODE, WALLET_CHECK_FAILED, NULL, LW_E_SYNTAX, WALLET_REFUSED,
         WALLET_REASON_MALFORMED},
        {WALLET_CHECK_DECODE, WALLET_CHECK_FAILED, NULL, LW_E_UNSUPPORTED, WALLET_REFUSED,
         WALLET_REASON_UNSUPPORTED},
        {WALLET_CHECK_DECODE, WALLET_CHECK_FAILED, NULL, LW_E_LIMIT, WALLET_REFUSED,
         WALLET_REASON_MALFORMED},
        {WALLET_CHECK_PARSE, WALLET_CHECK_FAILED, NULL, LW_E_VALUE, WALLET_REFUSED,
         WALLET_REASON_MALFORMED},
        {WALLET_CHECK_PARSE, WALLET_CHECK_FAILED, NULL, LW_E_UNSUPPORTED, WALLET_REFUSED,
         WALLET_REASON_UNSUPPORTED},
        {WALLET_CHECK_TRUST, WALLET_CHECK_FAILED, NULL, LW_E_UNTRUSTED, WALLET_REFUSED,
         WALLET_REASON_ISSUER_UNKNOWN},
        {WALLET_CHECK_TRUST, WALLET_CHECK_FAILED, NULL, LW_E_DENIED, WALLET_REFUSED,
         WALLET_REASON_ISSUER_NOT_ALLOWED},
        {WALLET_CHECK_TRUST, WALLET_CHECK_FAILED, NULL, LW_E_CONFLICT, WALLET_REFUSED,
         WALLET_REASON_ISSUER_REVOKED},
        {WALLET_CHECK_TRUST, WALLET_CHECK_FAILED, NULL, LW_E_EXPIRED, WALLET_REFUSED,
         WALLET_REASON_ISSUER_EXPIRED},
        {WALLET_CHECK_ISSUER_SIGNATURE, WALLET_CHECK_FAILED, NULL, LW_E_SIGNATURE, WALLET_REFUSED,
         WALLET_REASON_SIGNATURE_INVALID},
        {WALLET_CHECK_HOLDER_SIGNATURE, WALLET_CHECK_FAILED, NULL, LW_E_SIGNATURE, WALLET_REFUSED,
         WALLET_REASON_HOLDER_SIGNATURE_INVALID},
        {WALLET_CHECK_HOLDER_SIGNATURE, WALLET_CHECK_FAILED, NULL, LW_E_DENIED, WALLET_REFUSED,
         WALLET_REASON_HOLDER_NOT_PROVEN},
        {WALLET_CHECK_FRESHNESS, WALLET_CHECK_FAILED, NULL, LW_E_VALUE, WALLET_REFUSED,
         WALLET_REASON_TIMES_INCONSISTENT},
        {WALLET_CHECK_FRESHNESS, WALLET_CHECK_UNKNOWN, NULL, LW_E_EXPIRED, WALLET_UNDETERMINED,
         WALLET_REASON_OUT_OF_DATE},
        {WALLET_CHECK_AUDIENCE, WALLET_CHECK_FAILED, NULL, LW_E_DENIED, WALLET_REFUSED,
         WALLET_REASON_WRONG_AUDIENCE},
        {WALLET_CHECK_REPLAY, WALLET_CHECK_FAILED, NULL, LW_E_CONFLICT, WALLET_REFUSED,
         WALLET_REASON_REPLAYED},
        {WALLET_CHECK_DISCLOSURES, WALLET_CHECK_FAILED, NULL, LW_E_SIGNATURE, WALLET_REFUSED,
         WALLET_REASON_DISCLOSURES_INVALID},
        {WALLET_CHECK_VALIDITY, WALLET_CHECK_FAILED, "credential has expired", LW_E_EXPIRED,
         WALLET_REFUSED, WALLET_REASON_EXPIRED},
        {WALLET_CHECK_VALIDITY, WALLET_CHECK_FAILED, "credential does not hold yet", LW_E_EXPIRED,
         WALLET_REFUSED, WALLET_REASON_NOT_YET_VALID},
        {WALLET_CHECK_VALIDITY, WALLET_CHECK_FAILED, "nbf is after iat", LW_E_VALUE, WALLET_REFUSED,
         WALLET_REASON_TIMES_INCONSISTENT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy_fixture f;
        policy_init(&f);
        f.in.verified = NULL;
        f.in.err = LW_FAIL(cases[i].code, "test", LW_NOWHERE);
        wallet_check_set(&f.checks, cases[i].check, cases[i].line, cases[i].detail);
        policy_decide(&f);
        expect_line(&f, cases[i].result, cases[i].check, cases[i].reason);
        assert_null(f.decision.status_value); /* nothing is said of a status not looked at */
        assert_int_equal(f.decision.status_as_of, INT64_MIN);
        assert_int_equal(f.checks.line[WALLET_CHECK_POLICY].result, WALLET_CHECK_SKIPPED);
    }
}

static void a_failed_check_outweighs_an_open_one_before_it(void **state)
{
    (void)state;
    struct policy_fixture f;
    policy_init(&f);
    f.in.verified = NULL;
    f.in.err = LW_FAIL(LW_E_DENIED, "test", LW_NOWHERE);
    wallet_check_set(&f.checks, WALLET_CHECK_FRESHNESS, WALLET_CHECK_UNKNOWN, "out of date");
    wallet_check_set(&f.checks, WALLET_CHECK_AUDIENCE, WALLET_CHECK_FAILED, "other");
    policy_decide(&f);
    expect_line(&f, WALLET_REFUSED, WALLET_CHECK_AUDIENCE, WALLET_REASON_WRONG_AUDIENCE);
}

/* The replay cache speaks after a presentation was verified. */
static void a_replayed_presentation_is_refused(void **state)
{
    (void)state;
    struct policy_fixture f;
    policy_init(&f);
    wallet_check_set(&f.checks, WALLET_CHECK_REPLAY, WALLET_CHECK_FAILED, "seen before");
    policy_decide(&f);
    expect_line(&f, WALLET_REFUSED, WALLET_CHECK_REPLAY, WALLET_REASON_REPLAYED);
}

/* What fails on our side says nothing of what was shown (A29 in spirit). */
static void faults_of_ours_refuse_nothing(void **state)
{
    static const lw_code codes[] = {LW_E_NOMEM, LW_E_CRYPTO, LW_E_IO,     LW_E_CORRUPT,
                                    LW_E_BUSY,  LW_E_MISUSE, LW_E_TIMEOUT};
    (void)state;
    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++) {
        for (int set = 0; set < 2; set++) {
            struct policy_fixture f;
            policy_init(&f);
            f.in.verified = NULL;
            f.in.err = LW_FAIL(codes[i], "test", LW_NOWHERE);
            if (set == 1) {
                wallet_check_set(&f.checks, WALLET_CHECK_ISSUER_SIGNATURE, WALLET_CHECK_FAILED,
                                 "library");
            }
            policy_decide(&f);
            expect_line(&f, WALLET_UNDETERMINED,
                        set == 1 ? WALLET_CHECK_ISSUER_SIGNATURE : WALLET_CHECK_DECODE,
                        WALLET_REASON_NOT_DECIDED);
        }
    }
}

static void an_error_without_a_line_is_a_failure_to_decode(void **state)
{
    (void)state;
    struct policy_fixture f;
    policy_init(&f);
    f.in.verified = NULL;
    f.in.err = LW_FAIL(LW_E_SYNTAX, "test", LW_NOWHERE);
    policy_decide(&f);
    expect_line(&f, WALLET_REFUSED, WALLET_CHECK_DECODE, WALLET_REASON_MALFORMED);
}

static void a_clock_that_is_behind_excuses_what_formats_found(void **state)
{
    static const struct {
        enum wallet_check check;
        enum wallet_check_result line;
        const char *detail;
        lw_code code;
        enum wallet_result result;
        enum wallet_reason reason;
    } cases[] = {
        {WALLET_CHECK_FRESHNESS, WALLET_CHECK_UNKNOWN, "dated ahead", LW_E_EXPIRED,
         WALLET_UNDETERMINED, WALLET_REASON_CLOCK_UNTRUSTED},
        {WALLET_CHECK_TRUST, WALLET_CHECK_FAILED, "not valid yet", LW_E_EXPIRED,
         WALLET_UNDETERMINED, WALLET_REASON_CLOCK_UNTRUSTED},
        {WALLET_CHECK_VALIDITY, WALLET_CHECK_FAILED, "does not hold yet", LW_E_EXPIRED,
         WALLET_UNDETERMINED, WALLET_REASON_CLOCK_UNTRUSTED},
        {WALLET_CHECK_VALIDITY, WALLET_CHECK_FAILED, "has expired", LW_E_EXPIRED, WALLET_REFUSED,
         WALLET_REASON_EXPIRED},
        {WALLET_CHECK_ISSUER_SIGNATURE, WALLET_CHECK_FAILED, NULL, LW_E_SIGNATURE, WALLET_REFUSED,
         WALLET_REASON_SIGNATURE_INVALID},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy_fixture f;
        policy_init(&f);
        f.in.verified = NULL;
        f.in.facts.clock_trusted = false;
        f.in.err = LW_FAIL(cases[i].code, "test", LW_NOWHERE);
        wallet_check_set(&f.checks, cases[i].check, cases[i].line, cases[i].detail);
        policy_decide(&f);
        expect_line(&f, cases[i].result, cases[i].check, cases[i].reason);
    }
}

/* A29, in all combinations: unless a list or register said so, nothing is reported as revoked. */
static void nothing_but_a_list_or_register_revokes(void **state)
{
    (void)state;
    for (int code = LW_OK; code <= LW_E_NETWORK; code++) {
        for (int check = 0; check < WALLET_CHECK_COUNT; check++) {
            for (int line = WALLET_CHECK_SKIPPED; line <= WALLET_CHECK_UNKNOWN; line++) {
                struct policy_fixture f;
                policy_init(&f);
                f.in.err = code == LW_OK ? LW_SUCCESS : LW_FAIL((lw_code)code, "test", LW_NOWHERE);
                f.in.status = wallet_status_none();
                f.checks.line[check].result = (enum wallet_check_result)line;
                policy_decide(&f);
                assert_int_not_equal(f.decision.result, WALLET_ACCEPTED);
                assert_int_not_equal(f.decision.reason, WALLET_REASON_NONE);
                assert_int_not_equal(f.decision.reason, WALLET_REASON_REVOKED);
                assert_int_not_equal(f.decision.reason, WALLET_REASON_SUSPENDED);
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_failure_of_a_format_has_its_reason),
        cmocka_unit_test(a_failed_check_outweighs_an_open_one_before_it),
        cmocka_unit_test(a_replayed_presentation_is_refused),
        cmocka_unit_test(faults_of_ours_refuse_nothing),
        cmocka_unit_test(an_error_without_a_line_is_a_failure_to_decode),
        cmocka_unit_test(a_clock_that_is_behind_excuses_what_formats_found),
        cmocka_unit_test(nothing_but_a_list_or_register_revokes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
