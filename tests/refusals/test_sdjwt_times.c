/*
 * SDJ-17 and the times of SDJ-19, at their exact bounds: the last second that is taken and the
 * first that is not. VC_NOW is now; the window is 300 s back and 60 s ahead, the skew 60 s.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sdjwt_refused.h"

static void set_time(json_t *object, const char *name, int64_t t)
{
    assert_int_equal(json_object_set_new(object, name, json_integer(t)), 0);
}

static void sdj_17_a_credential_that_has_expired(void **state)
{
    struct vc_bend *b = *state;
    set_time(b->jwt.payload, "exp", VC_NOW - 59);
    vc_holds(b);
    set_time(b->jwt.payload, "exp", VC_NOW - 60);
    vc_refused(b, WALLET_CHECK_VALIDITY, LW_E_EXPIRED, "SDJ-17 the credential has expired");
}

static void sdj_17_a_credential_that_does_not_hold_yet(void **state)
{
    struct vc_bend *b = *state;
    set_time(b->jwt.payload, "nbf", VC_NOW + 60);
    vc_holds(b);
    set_time(b->jwt.payload, "nbf", VC_NOW + 61);
    vc_refused(b, WALLET_CHECK_VALIDITY, LW_E_EXPIRED, "SDJ-17 the credential does not hold yet");
}

static void sdj_17_a_credential_dated_ahead(void **state)
{
    struct vc_bend *b = *state;
    set_time(b->jwt.payload, "iat", VC_NOW + 60);
    vc_holds(b);
    set_time(b->jwt.payload, "iat", VC_NOW + 61);
    vc_refused(b, WALLET_CHECK_VALIDITY, LW_E_EXPIRED, "SDJ-17 the credential is dated ahead");
}

static void sdj_17_without_skew_the_bounds_are_now(void **state)
{
    struct vc_bend *b = *state;
    b->expect.skew_s = 0;
    set_time(b->jwt.payload, "iat", VC_NOW);
    set_time(b->jwt.payload, "nbf", VC_NOW);
    set_time(b->jwt.payload, "exp", VC_NOW + 1);
    vc_holds(b);
    set_time(b->jwt.payload, "exp", VC_NOW);
    vc_refused(b, WALLET_CHECK_VALIDITY, LW_E_EXPIRED, "SDJ-17 the credential has expired");
}

static void sdj_17_times_that_are_no_numbers(void **state)
{
    static const char *const names[] = {"iat", "nbf", "exp"};
    static const char *const values[] = {"\"1797638400\"", "null", "[1797638400]", "true"};
    struct vc_bend *b = *state;
    for (size_t i = 0; i < 3; i++) {
        json_t *kept = json_incref(json_object_get(b->jwt.payload, names[i]));
        for (size_t k = 0; k < 4; k++) {
            vc_set(b->jwt.payload, names[i], values[k]);
            vc_refused(b, WALLET_CHECK_PARSE, LW_E_VALUE, "SDJ-17 iat, nbf or exp is no number");
        }
        vc_drop(b->jwt.payload, names[i]);
        if (kept != NULL) {
            assert_int_equal(json_object_set_new(b->jwt.payload, names[i], kept), 0);
        }
    }
    vc_set(b->jwt.payload, "exp", "1797638400.5");
    vc_holds(b);
    b->jwt.payload_text = vc_edit(b, b->jwt.payload, "1797638400.5", "1e300");
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_VALUE, "json: number out of range");
    b->jwt.payload_text = vc_edit(b, b->jwt.payload, "1797638400.5", "99999999999999999999");
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_VALUE, "json: number out of range");
}

static void sdj_16_a_credential_without_end(void **state)
{
    struct vc_bend *b = *state;
    vc_drop(b->jwt.payload, "exp");
    vc_refused(b, WALLET_CHECK_VALIDITY, LW_E_VALUE, "SDJ-16 exp is missing");
}

static void sdj_17_a_credential_for_other_verifiers(void **state)
{
    static const char detail[] = "SDJ-17 the credential is for other verifiers";
    static const char *const refused[] = {"\"other\"", "[]", "[\"other\"]",
                                          "7",         "{}", "[7,\"" VC_AUD "\"]"};
    static const char *const held[] = {"\"" VC_AUD "\"", "[\"other\",\"" VC_AUD "\"]",
                                       "[\"" VC_AUD "\",\"other\"]"};
    struct vc_bend *b = *state;
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        vc_set(b->jwt.payload, "aud", refused[i]);
        vc_refused(b, WALLET_CHECK_VALIDITY, LW_E_DENIED, detail);
    }
    for (size_t i = 0; i < sizeof(held) / sizeof(held[0]); i++) {
        vc_set(b->jwt.payload, "aud", held[i]);
        vc_holds(b);
    }
    /* Disclosed, it counts as well. */
    vc_drop(b->jwt.payload, "aud");
    vc_bend_hide(b->jwt.payload, "[\"s\",\"aud\",\"other\"]");
    vc_bend_show(b, "[\"s\",\"aud\",\"other\"]");
    vc_refused(b, WALLET_CHECK_VALIDITY, LW_E_DENIED, detail);
}

static void sdj_19_a_binding_out_of_date_is_a_doubt(void **state)
{
    struct vc_bend *b = *state;
    set_time(b->kb.payload, "iat", VC_NOW - 300);
    vc_holds(b);
    set_time(b->kb.payload, "iat", VC_NOW - 301);
    vc_stale(b, "SDJ-19 the key binding is out of date");
    set_time(b->kb.payload, "iat", INT64_MIN);
    vc_stale(b, "SDJ-19 the key binding is out of date");
}

static void sdj_19_a_binding_dated_ahead_is_a_doubt(void **state)
{
    struct vc_bend *b = *state;
    set_time(b->kb.payload, "iat", VC_NOW + 60);
    vc_holds(b);
    set_time(b->kb.payload, "iat", VC_NOW + 61);
    vc_stale(b, "SDJ-19 the key binding is dated ahead");
    set_time(b->kb.payload, "iat", INT64_MAX);
    vc_stale(b, "SDJ-19 the key binding is dated ahead");
}

static void sdj_19_a_binding_outside_its_own_times_is_a_doubt(void **state)
{
    struct vc_bend *b = *state;
    set_time(b->kb.payload, "exp", VC_NOW + 1);
    set_time(b->kb.payload, "nbf", VC_NOW + 60);
    vc_holds(b);
    set_time(b->kb.payload, "exp", VC_NOW);
    vc_stale(b, "SDJ-19 the key binding has ended");
    vc_drop(b->kb.payload, "exp");
    set_time(b->kb.payload, "nbf", VC_NOW + 61);
    vc_stale(b, "SDJ-19 the key binding does not hold yet");
}

static void sdj_19_what_is_out_of_date_and_false_is_refused(void **state)
{
    struct wallet_checks checks = {0};
    struct wallet_verified out;
    struct vc_bend *b = *state;
    LW_AUTO_BUF arena = LW_BUF(VC_ARENA_MAX);
    set_time(b->kb.payload, "iat", VC_NOW - 301);
    set_time(b->jwt.payload, "exp", VC_NOW - 60);
    assert_int_equal(vc_bend_verify(b, &arena, &checks, &out).code, LW_E_EXPIRED);
    assert_int_equal(checks.line[WALLET_CHECK_FRESHNESS].result, WALLET_CHECK_UNKNOWN);
    assert_int_equal(checks.line[WALLET_CHECK_VALIDITY].result, WALLET_CHECK_FAILED);
    vc_bend_show(b, "[\"s\",\"made_up\",true]");
    lw_buf_truncate(&arena, 0);
    assert_int_equal(vc_bend_verify(b, &arena, &checks, &out).code, LW_E_SIGNATURE);
    assert_int_equal(checks.line[WALLET_CHECK_DISCLOSURES].result, WALLET_CHECK_FAILED);
}

static void sdj_19_another_window_is_kept_to_the_second(void **state)
{
    struct vc_bend *b = *state;
    b->expect.window_past_s = 0;
    b->expect.window_ahead_s = 0;
    vc_holds(b);
    set_time(b->kb.payload, "iat", VC_NOW - 1);
    vc_stale(b, "SDJ-19 the key binding is out of date");
    set_time(b->kb.payload, "iat", VC_NOW + 1);
    vc_stale(b, "SDJ-19 the key binding is dated ahead");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VC_TEST(sdj_17_a_credential_that_has_expired),
        VC_TEST(sdj_17_a_credential_that_does_not_hold_yet),
        VC_TEST(sdj_17_a_credential_dated_ahead),
        VC_TEST(sdj_17_without_skew_the_bounds_are_now),
        VC_TEST(sdj_17_times_that_are_no_numbers),
        VC_TEST(sdj_16_a_credential_without_end),
        VC_TEST(sdj_17_a_credential_for_other_verifiers),
        VC_TEST(sdj_19_a_binding_out_of_date_is_a_doubt),
        VC_TEST(sdj_19_a_binding_dated_ahead_is_a_doubt),
        VC_TEST(sdj_19_a_binding_outside_its_own_times_is_a_doubt),
        VC_TEST(sdj_19_what_is_out_of_date_and_false_is_refused),
        VC_TEST(sdj_19_another_window_is_kept_to_the_second),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
