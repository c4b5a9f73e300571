#include "wallet/policy_accept.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lw/clock.h"
#include "policy_fixture.h"

enum { NOW = POLICY_NOW, TODAY = NOW / LW_DAY_S };

static const lw_str vct = {.ptr = "https://lic.example/dl", .len = 22};

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

static void expect_accepted(const struct policy_fixture *f)
{
    assert_int_equal(f->decision.result, WALLET_ACCEPTED);
    assert_int_equal(f->decision.reason, WALLET_REASON_NONE);
    assert_int_equal(f->checks.line[WALLET_CHECK_VALIDITY].result, WALLET_CHECK_OK);
    assert_int_equal(f->checks.line[WALLET_CHECK_STATUS].result, WALLET_CHECK_OK);
    assert_int_equal(f->checks.line[WALLET_CHECK_POLICY].result, WALLET_CHECK_OK);
}

static void what_holds_is_accepted(void **state)
{
    (void)state;
    struct policy_fixture f;
    policy_init(&f);
    policy_decide(&f);
    expect_accepted(&f);
    assert_string_equal(f.decision.status_value, "valid");
    assert_int_equal(f.decision.status_as_of, NOW - 100);
}

static void the_credentials_own_times_are_exact(void **state)
{
    static const struct {
        int64_t iat;
        int64_t nbf;
        int64_t exp;
        enum wallet_reason reason;
    } cases[] = {
        {NOW - 9, INT64_MIN, NOW + 1, WALLET_REASON_NONE},
        {NOW - 9, INT64_MIN, NOW, WALLET_REASON_EXPIRED},
        {NOW + 60, INT64_MIN, NOW + 99, WALLET_REASON_NONE},
        {NOW + 61, INT64_MIN, NOW + 99, WALLET_REASON_NOT_YET_VALID},
        {INT64_MIN, NOW + 60, NOW + 99, WALLET_REASON_NONE},
        {INT64_MIN, NOW + 61, NOW + 99, WALLET_REASON_NOT_YET_VALID},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy_fixture f;
        policy_init(&f);
        f.verified.iat = cases[i].iat;
        f.verified.nbf = cases[i].nbf;
        f.verified.exp = cases[i].exp;
        policy_decide(&f);
        if (cases[i].reason == WALLET_REASON_NONE) {
            expect_accepted(&f);
        } else {
            expect_line(&f, WALLET_REFUSED, WALLET_CHECK_VALIDITY, cases[i].reason);
        }
    }
}

/* SL-1: expired beats whatever the list says. */
static void an_expired_credential_is_expired_whatever_its_status(void **state)
{
    (void)state;
    struct policy_fixture f;
    policy_init(&f);
    f.verified.exp = NOW;
    f.in.status.outcome = WALLET_STATUS_NOT_VALID;
    f.in.status.code = WALLET_STATUS_CODE_INVALID;
    policy_decide(&f);
    expect_line(&f, WALLET_REFUSED, WALLET_CHECK_VALIDITY, WALLET_REASON_EXPIRED);
}

/* QR-14: the license's own last day, as either format shows it. */
static void the_licenses_last_day_counts_whole(void **state)
{
    static const struct {
        enum wallet_encoding encoding;
        const char *value;
        size_t len;
        bool expired;
    } cases[] = {
        {WALLET_ENCODING_JSON, "\"2026-11-19\"", 12, false}, /* NOW is on this day */
        {WALLET_ENCODING_JSON, "\"2026-11-18\"", 12, true},
        {WALLET_ENCODING_JSON, "\"2027-01-01\"", 12, false},
        {WALLET_ENCODING_JSON, "20", 2, false}, /* no date says nothing */
        {WALLET_ENCODING_JSON, "", 0, false},
        {WALLET_ENCODING_CBOR, "\xd8\x64\x19\x51\x28", 5, false}, /* 100(20776) */
        {WALLET_ENCODING_CBOR, "\xd8\x64\x19\x51\x27", 5, true},
        {WALLET_ENCODING_CBOR, "\xd8\x63\x19\x51\x27", 5, false},
        {WALLET_ENCODING_CBOR, "\x19\x51\x27", 3, false},
    };
    (void)state;
    assert_int_equal(TODAY, 0x5128);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy_fixture f;
        policy_init(&f);
        f.type.claim_count = 1;
        f.type.validity_claim = 0;
        f.type.claims[0] = (struct wallet_claim_def){
            .path = {LW_STR("expiry_date")}, .depth = 1, .cwt_key = -70005};
        const bool json = cases[i].encoding == WALLET_ENCODING_JSON;
        f.verified.encoding = cases[i].encoding;
        f.verified.claim_count = 1;
        f.verified.claims[0] = (struct wallet_shown){
            .cwt_key = json ? 0 : -70005,
            .name = json ? LW_STR("expiry_date") : LW_STR(""),
            .value = {.ptr = (const uint8_t *)cases[i].value, .len = cases[i].len}};
        policy_decide(&f);
        if (cases[i].expired) {
            expect_line(&f, WALLET_REFUSED, WALLET_CHECK_VALIDITY, WALLET_REASON_EXPIRED);
        } else {
            expect_accepted(&f);
        }
    }
}

/* A claim that the type does not know is not taken for the one that ends the license. */
static void a_past_date_of_another_claim_says_nothing(void **state)
{
    (void)state;
    struct policy_fixture f;
    policy_init(&f);
    f.verified.encoding = WALLET_ENCODING_JSON;
    f.verified.claim_count = 1;
    f.verified.claims[0] =
        (struct wallet_shown){.name = LW_STR("birth_date"),
                              .value = {.ptr = (const uint8_t *)"\"1999-01-01\"", .len = 12}};
    policy_decide(&f);
    expect_accepted(&f);
}

static void each_status_has_its_reason(void **state)
{
    static const struct {
        struct wallet_status status;
        enum wallet_result result;
        enum wallet_reason reason;
        const char *value;
    } cases[] = {
        {{WALLET_STATUS_NOT_VALID, 1, 0, NOW, false},
         WALLET_REFUSED,
         WALLET_REASON_REVOKED,
         "revoked"},
        {{WALLET_STATUS_NOT_VALID, 2, 0, NOW, false},
         WALLET_REFUSED,
         WALLET_REASON_SUSPENDED,
         "suspended"},
        {{WALLET_STATUS_NOT_VALID, 3, 0, NOW, false},
         WALLET_REFUSED,
         WALLET_REASON_STATUS_NOT_VALID,
         "not_valid"},
        {{WALLET_STATUS_NOT_VALID, 1, WALLET_REVOKED, NOW, false},
         WALLET_REFUSED,
         WALLET_REASON_REVOKED,
         "revoked"},
        {{WALLET_STATUS_NOT_VALID, 1, WALLET_CANCELLED, NOW, false},
         WALLET_REFUSED,
         WALLET_REASON_CANCELLED,
         "cancelled"},
        {{WALLET_STATUS_NOT_VALID, 1, WALLET_SUPERSEDED, NOW, false},
         WALLET_REFUSED,
         WALLET_REASON_SUPERSEDED,
         "superseded"},
        {{WALLET_STATUS_NOT_VALID, 2, WALLET_SUSPENDED, NOW, false},
         WALLET_REFUSED,
         WALLET_REASON_SUSPENDED,
         "suspended"},
        {{WALLET_STATUS_NO_ENTRY, 0, 0, NOW, false},
         WALLET_REFUSED,
         WALLET_REASON_STATUS_NO_ENTRY,
         "unknown"},
        {{WALLET_STATUS_UNKNOWN, 0, 0, INT64_MIN, false},
         WALLET_UNDETERMINED,
         WALLET_REASON_STATUS_UNKNOWN,
         "unknown"},
        {{WALLET_STATUS_UNKNOWN, 0, 0, NOW - 9, true},
         WALLET_UNDETERMINED,
         WALLET_REASON_STATUS_STALE,
         "unknown"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct policy_fixture f;
        policy_init(&f);
        f.in.status = cases[i].status;
        policy_decide(&f);
        expect_line(&f, cases[i].result, WALLET_CHECK_STATUS, cases[i].reason);
        assert_string_equal(f.decision.status_value, cases[i].value);
        assert_int_equal(f.decision.status_as_of, cases[i].status.as_of);
    }
}

/* An older list than the matter allows leaves the answer open; the list's word still refuses. */
static void the_age_of_a_status_can_be_bounded(void **state)
{
    (void)state;
    struct policy_fixture f;
    policy_init(&f);
    f.in.facts.status_age_max_s = 100;
    policy_decide(&f);
    expect_accepted(&f);
    policy_init(&f);
    f.in.facts.status_age_max_s = 99;
    policy_decide(&f);
    expect_line(&f, WALLET_UNDETERMINED, WALLET_CHECK_STATUS, WALLET_REASON_STATUS_STALE);
    f.in.status.outcome = WALLET_STATUS_NOT_VALID;
    f.in.status.code = WALLET_STATUS_CODE_SUSPENDED;
    policy_decide(&f);
    expect_line(&f, WALLET_REFUSED, WALLET_CHECK_STATUS, WALLET_REASON_SUSPENDED);
}

static void a_pass_is_accepted_as_of_its_issue(void **state)
{
    (void)state;
    struct policy_fixture f;
    policy_init_pass(&f);
    policy_decide(&f);
    expect_accepted(&f);
    assert_string_equal(f.decision.status_value, "valid");
    assert_int_equal(f.decision.status_as_of, NOW - 3600);
}

/* Online, a pass is looked up by its cti, so a suspension counts at once. */
static void a_pass_that_our_store_knows_has_its_licenses_state(void **state)
{
    (void)state;
    struct policy_fixture f;
    policy_init_pass(&f);
    f.in.status = wallet_status_of_state(WALLET_SUSPENDED, NOW);
    policy_decide(&f);
    expect_line(&f, WALLET_REFUSED, WALLET_CHECK_STATUS, WALLET_REASON_SUSPENDED);
    policy_init_pass(&f);
    f.in.status = wallet_status_of_state(WALLET_ACTIVE, NOW);
    policy_decide(&f);
    expect_accepted(&f);
    assert_int_equal(f.decision.status_as_of, NOW);
}

/* Where every pass is in the store that was asked, one that is not there is not let pass. */
static void a_pass_that_our_store_should_know_and_does_not_is_left_open(void **state)
{
    (void)state;
    struct policy_fixture f;
    policy_init_pass(&f);
    f.in.facts.passes_known = true;
    policy_decide(&f);
    expect_accepted(&f); /* no pass: it has no cti */
    f.verified.cti = (lw_bytes){.ptr = (const uint8_t *)"cti", .len = 3};
    policy_decide(&f);
    expect_line(&f, WALLET_UNDETERMINED, WALLET_CHECK_STATUS, WALLET_REASON_STATUS_UNKNOWN);
    f.in.facts.passes_known = false;
    policy_decide(&f);
    expect_accepted(&f);
}

/* Status may be missing only from what lives a day and whose type allows it (DESIGN section 7). */
static void a_credential_without_status_is_refused_unless_it_may_be(void **state)
{
    (void)state;
    struct policy_fixture f;
    for (int bend = 0; bend < 3; bend++) {
        policy_init_pass(&f);
        if (bend == 0) {
            f.verified.exp++; /* a day and a second */
        } else if (bend == 1) {
            f.type.offline_without_status = false;
        } else {
            f.verified.iat = INT64_MIN; /* nobody knows how long it lives */
        }
        policy_decide(&f);
        expect_line(&f, WALLET_REFUSED, WALLET_CHECK_STATUS, WALLET_REASON_STATUS_MISSING);
        assert_null(f.decision.status_value);
    }
    policy_init_pass(&f);
    f.in.type = NULL;
    policy_decide(&f);
    expect_line(&f, WALLET_REFUSED, WALLET_CHECK_STATUS, WALLET_REASON_STATUS_MISSING);
}

static void the_age_of_a_pass_can_be_bounded(void **state)
{
    (void)state;
    struct policy_fixture f;
    policy_init_pass(&f);
    f.in.facts.pass_age_max_s = 3600;
    policy_decide(&f);
    expect_accepted(&f);
    f.in.facts.pass_age_max_s = 3599;
    policy_decide(&f);
    expect_line(&f, WALLET_REFUSED, WALLET_CHECK_POLICY, WALLET_REASON_PASS_TOO_OLD);
    policy_init(&f); /* a license with its status is no pass */
    f.in.facts.pass_age_max_s = 1;
    policy_decide(&f);
    expect_accepted(&f);
    policy_init_pass(&f);
    f.in.facts.pass_age_max_s = 3600;
    f.verified.iat = INT64_MIN;
    f.in.status = wallet_status_of_state(WALLET_ACTIVE, NOW);
    policy_decide(&f);
    expect_line(&f, WALLET_REFUSED, WALLET_CHECK_POLICY, WALLET_REASON_PASS_TOO_OLD);
}

static void what_the_verifier_asks_for_is_demanded(void **state)
{
    static const lw_str other[] = {{.ptr = "https://lic.example/d", .len = 21},
                                   {.ptr = "https://lic.example/dl2", .len = 23}};
    (void)state;
    struct policy_fixture f;
    policy_init(&f);
    f.in.facts.vcts = other;
    f.in.facts.vct_count = 2;
    policy_decide(&f);
    expect_line(&f, WALLET_REFUSED, WALLET_CHECK_POLICY, WALLET_REASON_TYPE_NOT_ACCEPTED);
    f.in.facts.vcts = &vct;
    f.in.facts.vct_count = 1;
    policy_decide(&f);
    expect_accepted(&f);

    policy_init(&f);
    f.in.type = NULL;
    policy_decide(&f);
    expect_line(&f, WALLET_UNDETERMINED, WALLET_CHECK_POLICY, WALLET_REASON_TYPE_UNKNOWN);

    policy_init(&f);
    f.verified.holder_proven = false;
    policy_decide(&f);
    expect_accepted(&f); /* genuine, bearer not proven */
    f.in.facts.holder_required = true;
    policy_decide(&f);
    expect_line(&f, WALLET_REFUSED, WALLET_CHECK_POLICY, WALLET_REASON_HOLDER_NOT_PROVEN);

    policy_init(&f);
    f.in.facts.challenge_demanded = true;
    policy_decide(&f);
    expect_line(&f, WALLET_UNDETERMINED, WALLET_CHECK_POLICY, WALLET_REASON_CHALLENGE_REQUIRED);
    f.in.facts.challenge_answered = true;
    policy_decide(&f);
    expect_accepted(&f);
}

/* A clock that is behind cannot say that something holds, or is too new; it can say it is over. */
static void a_clock_that_is_behind_decides_nothing_by_time(void **state)
{
    (void)state;
    struct policy_fixture f;
    policy_init(&f);
    f.in.facts.clock_trusted = false;
    policy_decide(&f);
    expect_line(&f, WALLET_UNDETERMINED, WALLET_CHECK_VALIDITY, WALLET_REASON_CLOCK_UNTRUSTED);
    f.verified.iat = NOW + 999;
    policy_decide(&f);
    expect_line(&f, WALLET_UNDETERMINED, WALLET_CHECK_VALIDITY, WALLET_REASON_CLOCK_UNTRUSTED);
    f.verified.exp = NOW;
    policy_decide(&f);
    expect_line(&f, WALLET_REFUSED, WALLET_CHECK_VALIDITY, WALLET_REASON_EXPIRED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_holds_is_accepted),
        cmocka_unit_test(the_credentials_own_times_are_exact),
        cmocka_unit_test(an_expired_credential_is_expired_whatever_its_status),
        cmocka_unit_test(the_licenses_last_day_counts_whole),
        cmocka_unit_test(a_past_date_of_another_claim_says_nothing),
        cmocka_unit_test(each_status_has_its_reason),
        cmocka_unit_test(the_age_of_a_status_can_be_bounded),
        cmocka_unit_test(a_pass_is_accepted_as_of_its_issue),
        cmocka_unit_test(a_pass_that_our_store_knows_has_its_licenses_state),
        cmocka_unit_test(a_pass_that_our_store_should_know_and_does_not_is_left_open),
        cmocka_unit_test(a_credential_without_status_is_refused_unless_it_may_be),
        cmocka_unit_test(the_age_of_a_pass_can_be_bounded),
        cmocka_unit_test(what_the_verifier_asks_for_is_demanded),
        cmocka_unit_test(a_clock_that_is_behind_decides_nothing_by_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
