/* The keys of a home over time: when each signs, what a rotation leaves, what a theft ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "keyring.h"
#include "syncing.h"
#include "wallet/flow_key.h"
#include "wallet/flow_status.h"
#include "wallet/trust_list.h"

enum {
    OVERLAP_S = WALLET_TRUST_LIST_LIFE_S + WALLET_TRUST_LIST_GRACE_S,
};

static struct support_home home;

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

/* --- A30 ----------------------------------------------------------------------------------------
 */

static const enum hsm_purpose signers[] = {
    HSM_PURPOSE_CA,     HSM_PURPOSE_CREDENTIAL,   HSM_PURPOSE_MDOC,
    HSM_PURPOSE_STATUS, HSM_PURPOSE_ACCESS,       HSM_PURPOSE_ID_TOKEN,
    HSM_PURPOSE_LOG,    HSM_PURPOSE_ID_TOKEN_RSA, HSM_PURPOSE_TRUST_LIST,
};
enum { SIGNERS = sizeof(signers) / sizeof(signers[0]) };

static void no_signer_signs_before_its_time_or_from_its_end_on(void **state)
{
    (void)state;
    const int64_t start = home.clock.now;
    for (size_t i = 0; i < SIGNERS; i++) {
        struct hsm_signer signer;
        uint8_t sig[HSM_SIG_MAX];
        const struct wallet_key_info key = support_active_key(&home, signers[i]);
        const lw_str of = lw_str_c(key.record.agency);
        const lw_bytes message = lw_str_bytes(LW_STR("m"));
        const int64_t times[] = {key.record.not_before - 1, key.record.not_before,
                                 key.record.not_after - 1, key.record.not_after};
        for (size_t t = 0; t < 4; t++) {
            const lw_code want = t == 0 || t == 3 ? LW_E_EXPIRED : LW_OK;
            home.clock.now = times[t];
            assert_int_equal(wallet_home_signer(home.home, signers[i], of, &signer).code, want);
            assert_int_equal(hsm_sign(&signer, signers[i], home.clock.now, message, sig).code,
                             want);
        }
    }
    home.clock.now = start;
}

static void a_signer_stops_before_its_certificate_by_the_life_of_what_it_signs(void **state)
{
    (void)state;
    static const int64_t days[SIGNERS] = {731, 366, 366, 7, 7, 7, 7};
    for (size_t i = 0; i + 2 < SIGNERS; i++) {
        const struct wallet_key_info key = support_active_key(&home, signers[i]);
        assert_int_equal(key.cert_end - key.record.not_after, days[i] * LW_DAY_S);
        assert_int_equal(key.record.not_before, key.record.created - LW_DAY_S);
    }
    const struct wallet_key_info rsa = support_active_key(&home, HSM_PURPOSE_ID_TOKEN_RSA);
    assert_int_equal(rsa.cert_end, WALLET_KEY_NEVER);
    assert_int_equal(rsa.record.not_after, rsa.record.created + (731 - 7) * LW_DAY_S);
    assert_int_equal(support_active_key(&home, HSM_PURPOSE_TRUST_LIST).cert_end, WALLET_KEY_NEVER);
}

static void an_alarm_stands_for_the_last_thirty_days(void **state)
{
    (void)state;
    const int64_t start = home.clock.now;
    const int64_t end = support_active_key(&home, HSM_PURPOSE_CREDENTIAL).record.not_after;
    home.clock.now = end - WALLET_KEY_ALARM_S - 1;
    assert_false(support_active_key(&home, HSM_PURPOSE_CREDENTIAL).alarm);
    assert_int_equal(support_active_key(&home, HSM_PURPOSE_CREDENTIAL).days_left, 30);
    home.clock.now = end - WALLET_KEY_ALARM_S;
    assert_true(support_active_key(&home, HSM_PURPOSE_CREDENTIAL).alarm);
    assert_false(support_active_key(&home, HSM_PURPOSE_STATUS).alarm);
    home.clock.now = end;
    assert_true(support_active_key(&home, HSM_PURPOSE_CREDENTIAL).alarm);
    assert_int_equal(support_active_key(&home, HSM_PURPOSE_CREDENTIAL).days_left, 0);
    home.clock.now = start;
}

/* --- orders that are refused ---------------------------------------------------------------------
 */

static void a_successor_does_not_sign_before_verifiers_know_it(void **state)
{
    (void)state;
    struct wallet_key_result result;
    const struct wallet_key_order begin = {.purpose = HSM_PURPOSE_ACCESS};
    const struct wallet_key_order now = {.purpose = HSM_PURPOSE_ACCESS, .now = true};
    assert_int_equal(support_rotate(&home, now, &result).code, LW_E_DENIED); /* there is none */
    must(support_rotate(&home, begin, &result));
    assert_int_equal(result.ready_at, home.clock.now + OVERLAP_S);
    assert_int_equal(support_rotate(&home, begin, &result).code, LW_E_CONFLICT);
    home.clock.now += OVERLAP_S - 1;
    assert_int_equal(support_rotate(&home, now, &result).code, LW_E_DENIED);
    assert_int_equal(result.ready_at, home.clock.now + 1);
    home.clock.now++;
    must(support_rotate(&home, now, &result));
    assert_string_equal(support_active_key(&home, HSM_PURPOSE_ACCESS).record.label, result.label);
}

static void orders_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    struct wallet_key_result result;
    const struct wallet_key_order bad[] = {
        {.purpose = HSM_PURPOSE_LOG, .now = true, .compromised = true},
        {.purpose = HSM_PURPOSE_LOG, .same_key = true, .compromised = true},
        {.purpose = HSM_PURPOSE_LOG, .same_key = true, .now = true},
    };
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(support_rotate(&home, bad[i], &result).code, LW_E_MISUSE);
    }
    assert_int_equal(
        support_rotate(&home,
                       (struct wallet_key_order){.purpose = HSM_PURPOSE_SEAL, .same_key = true},
                       &result)
            .code,
        LW_E_VALUE);
    assert_int_equal(
        support_rotate(&home, (struct wallet_key_order){.purpose = HSM_PURPOSE_HOLDER}, &result)
            .code,
        LW_E_NOT_FOUND);
    const struct wallet_key_order strange = {.purpose = HSM_PURPOSE_STATUS,
                                             .agency = LW_STR("nobody")};
    assert_int_equal(wallet_flow_key_rotate(home.home, &strange, &result).code, LW_E_NOT_FOUND);
}

/* --- the end of a life ---------------------------------------------------------------------------
 */

static void a_retired_key_is_destroyed_when_what_it_signed_is_over(void **state)
{
    (void)state;
    const struct wallet_key_info old = support_active_key(&home, HSM_PURPOSE_STATUS);
    support_rotate_whole(&home, HSM_PURPOSE_STATUS);
    const struct wallet_key_info retired = support_key(&home, old.record.label);
    assert_int_equal(retired.record.state, WALLET_KEY_RETIRED);
    assert_int_equal(retired.next, WALLET_KEY_STEP_DESTROY);
    home.clock.now = retired.next_at - 1;
    (void)support_advance(&home);
    assert_int_equal(support_key(&home, old.record.label).record.state, WALLET_KEY_RETIRED);
    assert_true(support_key_in_token(&home, old.record.token));
    home.clock.now++;
    assert_true(support_advance(&home) > 0);
    assert_int_equal(support_key(&home, old.record.label).record.state, WALLET_KEY_DESTROYED);
    assert_false(support_key_in_token(&home, old.record.token));
    assert_int_equal(support_advance(&home), 0);
}

static void a_certificate_that_ends_leaves_its_key_to_the_newer_one(void **state)
{
    (void)state;
    const struct wallet_key_info old = support_active_key(&home, HSM_PURPOSE_STATUS);
    struct wallet_key_result result;
    must(support_rotate(&home,
                        (struct wallet_key_order){.purpose = HSM_PURPOSE_STATUS, .same_key = true},
                        &result));
    home.clock.now = result.ready_at;
    (void)support_advance(&home);
    home.clock.now = support_key(&home, old.record.label).next_at;
    (void)support_advance(&home);
    assert_int_equal(support_key(&home, old.record.label).record.state, WALLET_KEY_DESTROYED);
    assert_true(support_key_in_token(&home, old.record.token));
    assert_string_equal(support_active_key(&home, HSM_PURPOSE_STATUS).record.token,
                        old.record.token);
}

/* --- list keys -----------------------------------------------------------------------------------
 */

static void
who_was_away_for_years_finds_the_list_key_and_an_older_key_never_comes_back(void **state)
{
    (void)state;
    char away[SUPPORT_PATH_MAX];
    LW_AUTO_BUF first = LW_BUF(128);
    LW_AUTO_BUF last = LW_BUF(128);
    struct wallet_sync_result result;
    support_path(home.folder, "away", away);
    support_pin(&home, &first);
    must(support_sync(&home, away, lw_buf_text(&first), &result));
    const uint64_t version = result.trust_list_version;
    for (int i = 0; i < 3; i++) {
        support_rotate_whole(&home, HSM_PURPOSE_TRUST_LIST);
        home.clock.now += 20 * LW_DAY_S;
        (void)support_advance(&home);
    }
    must(support_sync(&home, away, LW_STR(""), &result));
    assert_true(result.trust_list_version > version);
    must(support_sync(&home, away, lw_buf_text(&first), &result)); /* a script gives it each time */
    support_pin(&home, &last);
    must(support_sync(&home, away, lw_buf_text(&last), &result));
    support_path(home.folder, "new", away);
    must(support_sync(&home, away, lw_buf_text(&first), &result)); /* by the bridges, too */
    LW_AUTO_BUF none = LW_BUF(SUPPORT_TEXT_MAX);
    assert_int_equal(wallet_flow_trust_list_after(home.home, lw_buf_text(&last), &none).code,
                     LW_E_NOT_FOUND);
    assert_int_equal(wallet_flow_trust_list_after(home.home, LW_STR("xy"), &none).code, LW_E_VALUE);
}

/* --- lists of revoked certificates
 * ---------------------------------------------------------------- */

static struct wallet_signed_doc crl_of(const char *ca)
{
    struct wallet_signed_doc crl = {.version = 0};
    WALLET_AUTO_TXN txn = NULL;
    must(wallet_read_begin(wallet_home_store(home.home), &txn));
    must(wallet_store_crl_get(txn, lw_str_c(ca), &crl));
    crl.bytes = (lw_bytes){NULL, 0};
    return crl;
}

static void revocation_lists_are_signed_each_week_and_on_demand(void **state)
{
    (void)state;
    size_t count = 0;
    const struct wallet_key_info key = support_active_key(&home, HSM_PURPOSE_CA);
    const char *ca = key.record.token;
    must(wallet_flow_crl_sign(home.home, &count));
    assert_true(count >= 1);
    const struct wallet_signed_doc crl = crl_of(ca);
    assert_int_equal(crl.iat, home.clock.now);
    assert_int_equal(crl.exp - crl.iat, 30 * LW_DAY_S);
    home.clock.now += 7 * LW_DAY_S - 1;
    (void)support_advance(&home);
    assert_int_equal(crl_of(ca).version, crl.version);
    home.clock.now++;
    (void)support_advance(&home);
    assert_int_equal(crl_of(ca).version, crl.version + 1);
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
        cmocka_unit_test(no_signer_signs_before_its_time_or_from_its_end_on),
        cmocka_unit_test(a_signer_stops_before_its_certificate_by_the_life_of_what_it_signs),
        cmocka_unit_test(an_alarm_stands_for_the_last_thirty_days),
        cmocka_unit_test(orders_that_make_no_sense_are_refused),
        cmocka_unit_test(revocation_lists_are_signed_each_week_and_on_demand),
        cmocka_unit_test(a_successor_does_not_sign_before_verifiers_know_it),
        cmocka_unit_test(a_retired_key_is_destroyed_when_what_it_signed_is_over),
        cmocka_unit_test(a_certificate_that_ends_leaves_its_key_to_the_newer_one),
        cmocka_unit_test(
            who_was_away_for_years_finds_the_list_key_and_an_older_key_never_comes_back),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
