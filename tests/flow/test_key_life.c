/* The keys of a home over time: when each signs, what a rotation leaves, what a theft ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "syncing.h"
#include "wallet/flow_key.h"
#include "wallet/flow_status.h"
#include "wallet/trust_list.h"

enum {
    OVERLAP_S = WALLET_TRUST_LIST_LIFE_S + WALLET_TRUST_LIST_GRACE_S,
    KEYS_MAX = 64,
};

static const char agency[] = "market-regulation";

static struct support_home home;
static char folder[SUPPORT_PATH_MAX];
static unsigned numbers;

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

/* --- looking ------------------------------------------------------------------------------------
 */

struct seen {
    struct wallet_key_info keys[KEYS_MAX];
    size_t count;
};

static lw_err see(void *ctx, const struct wallet_key_info *info)
{
    struct seen *seen = ctx;
    assert_true(seen->count < KEYS_MAX);
    seen->keys[seen->count] = *info;
    seen->keys[seen->count++].record.cert = (lw_bytes){NULL, 0};
    return LW_SUCCESS;
}

static void look(struct seen *seen)
{
    *seen = (struct seen){.count = 0};
    must(wallet_flow_key_each(home.home, see, seen));
}

static struct wallet_key_info key_of(const char *label)
{
    struct seen seen;
    look(&seen);
    for (size_t i = 0; i < seen.count; i++) {
        if (strcmp(seen.keys[i].record.label, label) == 0) {
            return seen.keys[i];
        }
    }
    fail_msg("no key %s", label);
    return seen.keys[0];
}

static const char *of_agency(enum hsm_purpose purpose)
{
    return purpose == HSM_PURPOSE_CREDENTIAL || purpose == HSM_PURPOSE_MDOC ||
                   purpose == HSM_PURPOSE_STATUS
               ? agency
               : "";
}

static struct wallet_key_info active_of(enum hsm_purpose purpose)
{
    struct seen seen;
    look(&seen);
    for (size_t i = 0; i < seen.count; i++) {
        const struct wallet_key_record *key = &seen.keys[i].record;
        if (key->purpose == purpose && key->state == WALLET_KEY_ACTIVE &&
            strcmp(key->agency, of_agency(purpose)) == 0) {
            return seen.keys[i];
        }
    }
    fail_msg("no active key");
    return seen.keys[0];
}

static bool in_token(const char *label)
{
    struct hsm_token_key keys[KEYS_MAX];
    size_t count = 0;
    must(hsm_pool_list(wallet_home_pool(home.home), keys, KEYS_MAX, &count));
    assert_true(count <= KEYS_MAX);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(keys[i].label, label) == 0) {
            return true;
        }
    }
    return false;
}

/* --- doing --------------------------------------------------------------------------------------
 */

static lw_err rotate(struct wallet_key_order order, struct wallet_key_result *result)
{
    order.agency = lw_str_c(of_agency(order.purpose));
    order.actor = LW_STR("test");
    return wallet_flow_key_rotate(home.home, &order, result);
}

static size_t advance(void)
{
    size_t steps = 0;
    must(wallet_flow_key_advance(home.home, LW_STR("test"), NULL, NULL, &steps));
    return steps;
}

static void rotate_whole(enum hsm_purpose purpose)
{
    struct wallet_key_result result;
    must(rotate((struct wallet_key_order){.purpose = purpose}, &result));
    home.clock.now = result.ready_at;
    (void)advance();
    assert_string_equal(active_of(purpose).record.label, result.label);
}

static const char *new_license(char number[32])
{
    (void)snprintf(number, 32, "L-%u", ++numbers);
    support_home_issue(&home, number);
    return number;
}

static void show(const char *number, const char *pass, lw_buf *text)
{
    const struct support_show how = {.number = number,
                                     .format = "dc+sd-cwt",
                                     .pass = pass,
                                     .claims = pass == NULL ? "legal_name" : ""};
    must(support_home_show(&home, &how, text));
}

static void sync_folder(void)
{
    struct wallet_sync_result result;
    must(support_sync(&home, folder, LW_STR(""), &result));
    assert_int_equal(result.lists_kept, 0);
}

static void expect_of(struct wallet_verifier *verifier, lw_str text, enum wallet_result result,
                      const char *reason)
{
    WALLET_AUTO_ANSWER answer = {.result = WALLET_REFUSED};
    const struct wallet_verification request = {
        .text = text, .at = INT64_MIN, .record = false, .locale = LW_STR("en")};
    must(wallet_flow_verify(verifier, &request, &answer));
    if (answer.result != result) {
        fail_msg("%d: %s", (int)answer.result, answer.reason_code);
    }
    if (reason != NULL) {
        assert_string_equal(answer.reason_code, reason);
    }
}

static void expect_offline(lw_str text, enum wallet_result result, const char *reason)
{
    WALLET_AUTO_VERIFIER verifier = NULL;
    must(wallet_verifier_offline(folder, &home.env, &verifier));
    expect_of(verifier, text, result, reason);
}

/* --- A30 ----------------------------------------------------------------------------------------
 */

static const enum hsm_purpose signers[] = {
    HSM_PURPOSE_CA,     HSM_PURPOSE_CREDENTIAL, HSM_PURPOSE_MDOC, HSM_PURPOSE_STATUS,
    HSM_PURPOSE_ACCESS, HSM_PURPOSE_ID_TOKEN,   HSM_PURPOSE_LOG,  HSM_PURPOSE_TRUST_LIST,
};
enum { SIGNERS = sizeof(signers) / sizeof(signers[0]) };

static void no_signer_signs_before_its_time_or_from_its_end_on(void **state)
{
    (void)state;
    const int64_t start = home.clock.now;
    for (size_t i = 0; i < SIGNERS; i++) {
        struct hsm_signer signer;
        uint8_t sig[HSM_SIG_MAX];
        const struct wallet_key_info key = active_of(signers[i]);
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
    static const int64_t days[SIGNERS] = {731, 366, 366, 7, 7, 7, 7, 0};
    for (size_t i = 0; i + 1 < SIGNERS; i++) {
        const struct wallet_key_info key = active_of(signers[i]);
        assert_int_equal(key.cert_end - key.record.not_after, days[i] * LW_DAY_S);
        assert_int_equal(key.record.not_before, key.record.created - LW_DAY_S);
    }
    assert_int_equal(active_of(HSM_PURPOSE_TRUST_LIST).cert_end, WALLET_KEY_NEVER);
}

static void an_alarm_stands_for_the_last_thirty_days(void **state)
{
    (void)state;
    const int64_t start = home.clock.now;
    const int64_t end = active_of(HSM_PURPOSE_CREDENTIAL).record.not_after;
    home.clock.now = end - WALLET_KEY_ALARM_S - 1;
    assert_false(active_of(HSM_PURPOSE_CREDENTIAL).alarm);
    assert_int_equal(active_of(HSM_PURPOSE_CREDENTIAL).days_left, 30);
    home.clock.now = end - WALLET_KEY_ALARM_S;
    assert_true(active_of(HSM_PURPOSE_CREDENTIAL).alarm);
    assert_false(active_of(HSM_PURPOSE_STATUS).alarm);
    home.clock.now = end;
    assert_true(active_of(HSM_PURPOSE_CREDENTIAL).alarm);
    assert_int_equal(active_of(HSM_PURPOSE_CREDENTIAL).days_left, 0);
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
    assert_int_equal(rotate(now, &result).code, LW_E_DENIED); /* there is none */
    must(rotate(begin, &result));
    assert_int_equal(result.ready_at, home.clock.now + OVERLAP_S);
    assert_int_equal(rotate(begin, &result).code, LW_E_CONFLICT);
    home.clock.now += OVERLAP_S - 1;
    assert_int_equal(rotate(now, &result).code, LW_E_DENIED);
    assert_int_equal(result.ready_at, home.clock.now + 1);
    home.clock.now++;
    must(rotate(now, &result));
    assert_string_equal(active_of(HSM_PURPOSE_ACCESS).record.label, result.label);
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
        assert_int_equal(rotate(bad[i], &result).code, LW_E_MISUSE);
    }
    assert_int_equal(
        rotate((struct wallet_key_order){.purpose = HSM_PURPOSE_SEAL, .same_key = true}, &result)
            .code,
        LW_E_VALUE);
    assert_int_equal(rotate((struct wallet_key_order){.purpose = HSM_PURPOSE_HOLDER}, &result).code,
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
    const struct wallet_key_info old = active_of(HSM_PURPOSE_STATUS);
    rotate_whole(HSM_PURPOSE_STATUS);
    const struct wallet_key_info retired = key_of(old.record.label);
    assert_int_equal(retired.record.state, WALLET_KEY_RETIRED);
    assert_int_equal(retired.next, WALLET_KEY_STEP_DESTROY);
    home.clock.now = retired.next_at - 1;
    (void)advance();
    assert_int_equal(key_of(old.record.label).record.state, WALLET_KEY_RETIRED);
    assert_true(in_token(old.record.token));
    home.clock.now++;
    assert_true(advance() > 0);
    assert_int_equal(key_of(old.record.label).record.state, WALLET_KEY_DESTROYED);
    assert_false(in_token(old.record.token));
    assert_int_equal(advance(), 0);
}

static void a_certificate_that_ends_leaves_its_key_to_the_newer_one(void **state)
{
    (void)state;
    const struct wallet_key_info old = active_of(HSM_PURPOSE_STATUS);
    struct wallet_key_result result;
    must(rotate((struct wallet_key_order){.purpose = HSM_PURPOSE_STATUS, .same_key = true},
                &result));
    home.clock.now = result.ready_at;
    (void)advance();
    home.clock.now = key_of(old.record.label).next_at;
    (void)advance();
    assert_int_equal(key_of(old.record.label).record.state, WALLET_KEY_DESTROYED);
    assert_true(in_token(old.record.token));
    assert_string_equal(active_of(HSM_PURPOSE_STATUS).record.token, old.record.token);
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
        rotate_whole(HSM_PURPOSE_TRUST_LIST);
        home.clock.now += 20 * LW_DAY_S;
        (void)advance();
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

static void a_stolen_list_key_names_no_successor(void **state)
{
    (void)state;
    LW_AUTO_BUF old = LW_BUF(128);
    LW_AUTO_BUF pin = LW_BUF(128);
    char other[SUPPORT_PATH_MAX];
    struct wallet_sync_result synced;
    struct wallet_key_result result;
    support_pin(&home, &old);
    sync_folder();
    must(rotate((struct wallet_key_order){.purpose = HSM_PURPOSE_TRUST_LIST, .compromised = true},
                &result));
    assert_int_equal(support_sync(&home, folder, LW_STR(""), &synced).code, LW_E_UNTRUSTED);
    support_pin(&home, &pin);
    support_path(home.folder, "pinned-anew", other);
    must(support_sync(&home, other, lw_buf_text(&pin), &synced));
    memcpy(folder, other, sizeof(folder));
}

/* --- thefts --------------------------------------------------------------------------------------
 */

static void what_a_stolen_key_signed_is_refused_and_licenses_are_shown_anew(void **state)
{
    (void)state;
    char number[32];
    char later[32];
    struct wallet_key_result result;
    LW_AUTO_BUF old = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF pass = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF anew = LW_BUF(SUPPORT_TEXT_MAX);
    const struct wallet_key_info stolen = active_of(HSM_PURPOSE_CREDENTIAL);
    show(new_license(number), NULL, &old);
    sync_folder();
    expect_offline(lw_buf_text(&old), WALLET_ACCEPTED, NULL);
    must(rotate((struct wallet_key_order){.purpose = HSM_PURPOSE_CREDENTIAL, .compromised = true},
                &result));
    assert_false(in_token(stolen.record.token));
    assert_int_equal(key_of(stolen.record.label).record.state, WALLET_KEY_DESTROYED);
    assert_true(key_of(stolen.record.label).record.compromised != WALLET_KEY_NEVER);
    expect_of(home.verifier, lw_buf_text(&old), WALLET_REFUSED, NULL);
    sync_folder();
    expect_offline(lw_buf_text(&old), WALLET_REFUSED, NULL);
    old.len = 0;
    show(number, NULL, &old); /* the license itself is as good as before: made anew, and kept */
    expect_of(home.verifier, lw_buf_text(&old), WALLET_ACCEPTED, NULL);
    show(number, "storefront", &pass);
    expect_of(home.verifier, lw_buf_text(&pass), WALLET_ACCEPTED, NULL);
    expect_offline(lw_buf_text(&pass), WALLET_ACCEPTED, NULL);
    show(new_license(later), NULL, &anew);
    expect_of(home.verifier, lw_buf_text(&anew), WALLET_ACCEPTED, NULL);
    sync_folder();
    expect_offline(lw_buf_text(&anew), WALLET_ACCEPTED, NULL);
}

static void a_stolen_ca_is_replaced_and_all_signers_certified_anew(void **state)
{
    (void)state;
    char number[32];
    char later[32];
    struct seen seen;
    struct wallet_key_result result;
    LW_AUTO_BUF old = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF anew = LW_BUF(SUPPORT_TEXT_MAX);
    show(new_license(number), NULL, &old);
    must(
        rotate((struct wallet_key_order){.purpose = HSM_PURPOSE_CA, .compromised = true}, &result));
    const struct wallet_key_info ca = active_of(HSM_PURPOSE_CA);
    look(&seen);
    for (size_t i = 0; i < seen.count; i++) {
        const struct wallet_key_info *key = &seen.keys[i];
        if (key->record.state == WALLET_KEY_ACTIVE && key->cert_end != WALLET_KEY_NEVER) {
            assert_true(key->record.created >= ca.record.created);
        }
    }
    expect_of(home.verifier, lw_buf_text(&old), WALLET_ACCEPTED, NULL); /* online as before */
    show(new_license(later), NULL, &anew);
    sync_folder();
    expect_offline(lw_buf_text(&anew), WALLET_ACCEPTED, NULL);
    expect_offline(lw_buf_text(&old), WALLET_UNDETERMINED, NULL); /* its status: nobody's word */
}

static void the_other_keys_can_be_stolen_too(void **state)
{
    (void)state;
    static const enum hsm_purpose others[] = {HSM_PURPOSE_STATUS, HSM_PURPOSE_LOG,
                                              HSM_PURPOSE_ACCESS, HSM_PURPOSE_ID_TOKEN,
                                              HSM_PURPOSE_MDOC,   HSM_PURPOSE_CUSTODY};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct wallet_key_result result;
        const struct wallet_key_info old = active_of(others[i]);
        must(rotate((struct wallet_key_order){.purpose = others[i], .compromised = true}, &result));
        assert_string_not_equal(active_of(others[i]).record.token, old.record.token);
        assert_false(in_token(old.record.token));
    }
    sync_folder(); /* lists are signed by the new key */
}

static void a_published_successor_takes_the_place_of_a_stolen_key(void **state)
{
    (void)state;
    struct wallet_key_result begun;
    struct wallet_key_result forced;
    must(rotate((struct wallet_key_order){.purpose = HSM_PURPOSE_CREDENTIAL}, &begun));
    must(rotate((struct wallet_key_order){.purpose = HSM_PURPOSE_CREDENTIAL, .compromised = true},
                &forced));
    assert_string_equal(forced.label, begun.label);
    assert_string_equal(active_of(HSM_PURPOSE_CREDENTIAL).record.label, begun.label);
}

/* --- seal ----------------------------------------------------------------------------------------
 */

static uint32_t newest_epoch(struct wallet_epoch *epoch)
{
    WALLET_AUTO_TXN txn = NULL;
    must(wallet_read_begin(wallet_home_store(home.home), &txn));
    must(wallet_store_epoch_get(txn, 0, epoch));
    return epoch->number;
}

static void expect_opened(const char *number)
{
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    show(number, NULL, &text); /* the claims are opened for it */
    expect_of(home.verifier, lw_buf_text(&text), WALLET_ACCEPTED, NULL);
}

static void epochs_are_wrapped_anew_and_what_was_sealed_stays_as_it_is(void **state)
{
    (void)state;
    char number[32];
    char later[32];
    struct wallet_epoch epoch;
    struct wallet_key_result result;
    (void)new_license(number);
    const struct wallet_key_info old = active_of(HSM_PURPOSE_SEAL);
    const uint32_t before = newest_epoch(&epoch);
    must(rotate((struct wallet_key_order){.purpose = HSM_PURPOSE_SEAL}, &result));
    assert_int_equal(newest_epoch(&epoch), before + 1);
    assert_false(epoch.in_use);
    assert_string_equal(epoch.seal, result.label);
    home.clock.now = result.ready_at - 1;
    (void)advance();
    (void)newest_epoch(&epoch);
    assert_false(epoch.in_use);
    home.clock.now++;
    (void)advance();
    (void)newest_epoch(&epoch);
    assert_true(epoch.in_use);
    expect_opened(number);
    expect_opened(new_license(later));
    support_home_reopen(&home, WALLET_HOME_SIGN);
    expect_opened(number);
    expect_opened(later);
    const struct wallet_key_info stolen = active_of(HSM_PURPOSE_SEAL);
    must(rotate((struct wallet_key_order){.purpose = HSM_PURPOSE_SEAL, .compromised = true},
                &result));
    assert_false(in_token(stolen.record.token));
    assert_true(in_token(old.record.token)); /* retired: backups of before need it */
    support_home_reopen(&home, WALLET_HOME_SIGN);
    expect_opened(number);
    expect_opened(later);
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
    const struct wallet_key_info key = active_of(HSM_PURPOSE_CA);
    const char *ca = key.record.token;
    must(wallet_flow_crl_sign(home.home, &count));
    assert_true(count >= 1);
    const struct wallet_signed_doc crl = crl_of(ca);
    assert_int_equal(crl.iat, home.clock.now);
    assert_int_equal(crl.exp - crl.iat, 30 * LW_DAY_S);
    home.clock.now += 7 * LW_DAY_S - 1;
    (void)advance();
    assert_int_equal(crl_of(ca).version, crl.version);
    home.clock.now++;
    (void)advance();
    assert_int_equal(crl_of(ca).version, crl.version + 1);
}

static int make(void **state)
{
    (void)state;
    LW_AUTO_BUF pin = LW_BUF(128);
    struct wallet_sync_result result;
    support_home_make(&home);
    support_path(home.folder, "offline", folder);
    support_pin(&home, &pin);
    must(support_sync(&home, folder, lw_buf_text(&pin), &result));
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
        cmocka_unit_test(what_a_stolen_key_signed_is_refused_and_licenses_are_shown_anew),
        cmocka_unit_test(a_published_successor_takes_the_place_of_a_stolen_key),
        cmocka_unit_test(the_other_keys_can_be_stolen_too),
        cmocka_unit_test(a_stolen_ca_is_replaced_and_all_signers_certified_anew),
        cmocka_unit_test(epochs_are_wrapped_anew_and_what_was_sealed_stays_as_it_is),
        cmocka_unit_test(revocation_lists_are_signed_each_week_and_on_demand),
        cmocka_unit_test(a_successor_does_not_sign_before_verifiers_know_it),
        cmocka_unit_test(a_retired_key_is_destroyed_when_what_it_signed_is_over),
        cmocka_unit_test(a_certificate_that_ends_leaves_its_key_to_the_newer_one),
        cmocka_unit_test(
            who_was_away_for_years_finds_the_list_key_and_an_older_key_never_comes_back),
        cmocka_unit_test(a_stolen_list_key_names_no_successor),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
