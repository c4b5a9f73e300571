/* Keys that were stolen, or may have been; and the seal key, whose rotation keeps all readable. */
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
    const struct wallet_key_info stolen = support_active_key(&home, HSM_PURPOSE_CREDENTIAL);
    show(new_license(number), NULL, &old);
    sync_folder();
    expect_offline(lw_buf_text(&old), WALLET_ACCEPTED, NULL);
    must(support_rotate(
        &home, (struct wallet_key_order){.purpose = HSM_PURPOSE_CREDENTIAL, .compromised = true},
        &result));
    assert_false(support_key_in_token(&home, stolen.record.token));
    assert_int_equal(support_key(&home, stolen.record.label).record.state, WALLET_KEY_DESTROYED);
    assert_true(support_key(&home, stolen.record.label).record.compromised != WALLET_KEY_NEVER);
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
    struct support_keys seen;
    struct wallet_key_result result;
    LW_AUTO_BUF old = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF anew = LW_BUF(SUPPORT_TEXT_MAX);
    show(new_license(number), NULL, &old);
    must(support_rotate(
        &home, (struct wallet_key_order){.purpose = HSM_PURPOSE_CA, .compromised = true}, &result));
    const struct wallet_key_info ca = support_active_key(&home, HSM_PURPOSE_CA);
    support_keys(&home, &seen);
    for (size_t i = 0; i < seen.count; i++) {
        const struct wallet_key_info *key = &seen.list[i];
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

static lw_str issuer_of(const struct hsm_cert *cert)
{
    return (lw_str){(const char *)cert->authority_key_id, cert->authority_key_id_len};
}

/* Reads a record with its certificate, which must be by the active CA key, or not. */
static struct wallet_key_record certified(const char *label, bool by_active)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_key_record ca;
    struct wallet_key_record key;
    struct hsm_cert ca_cert;
    struct hsm_cert cert;
    must(wallet_read_begin(wallet_home_store(home.home), &txn));
    must(wallet_store_key_active(txn, HSM_PURPOSE_CA, LW_STR(""), &ca));
    must(wallet_store_key_get(txn, lw_str_c(label), &key));
    must(hsm_cert_parse(ca.cert, &ca_cert));
    must(hsm_cert_parse(key.cert, &cert));
    assert_int_equal(
        lw_str_eq(issuer_of(&cert), (lw_str){(const char *)ca_cert.key_id, ca_cert.key_id_len}),
        by_active);
    key.cert = (lw_bytes){NULL, 0};
    return key;
}

static void a_successor_that_a_stolen_ca_certified_never_signs_so(void **state)
{
    (void)state;
    struct wallet_key_result begun;
    struct wallet_key_result stolen;
    struct support_keys seen;
    char number[32];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    must(support_rotate(&home, (struct wallet_key_order){.purpose = HSM_PURPOSE_CREDENTIAL},
                        &begun));
    home.clock.now += LW_DAY_S;
    must(support_rotate(
        &home, (struct wallet_key_order){.purpose = HSM_PURPOSE_CA, .compromised = true}, &stolen));
    const struct wallet_key_record old = certified(begun.label, false);
    assert_int_equal(old.state, WALLET_KEY_RETIRED);
    const struct wallet_key_info *anew = NULL;
    support_keys(&home, &seen);
    for (size_t i = 0; i < seen.count; i++) {
        if (seen.list[i].record.state == WALLET_KEY_PUBLISHED) {
            assert_null(anew);
            anew = &seen.list[i];
        }
    }
    assert_non_null(anew);
    assert_string_equal(anew->record.token, old.token);
    (void)certified(anew->record.label, true);
    home.clock.now = begun.ready_at; /* the time of the old certificate, which begins again */
    (void)support_advance(&home);
    assert_string_not_equal(support_active_key(&home, HSM_PURPOSE_CREDENTIAL).record.token,
                            old.token);
    home.clock.now = anew->next_at;
    (void)support_advance(&home);
    assert_string_equal(support_active_key(&home, HSM_PURPOSE_CREDENTIAL).record.label,
                        anew->record.label);
    show(new_license(number), NULL, &text);
    sync_folder();
    expect_offline(lw_buf_text(&text), WALLET_ACCEPTED, NULL);
}

static void the_other_keys_can_be_stolen_too(void **state)
{
    (void)state;
    static const enum hsm_purpose others[] = {
        HSM_PURPOSE_STATUS,       HSM_PURPOSE_LOG,  HSM_PURPOSE_ACCESS, HSM_PURPOSE_ID_TOKEN,
        HSM_PURPOSE_ID_TOKEN_RSA, HSM_PURPOSE_MDOC, HSM_PURPOSE_CUSTODY};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        struct wallet_key_result result;
        const struct wallet_key_info old = support_active_key(&home, others[i]);
        must(support_rotate(
            &home, (struct wallet_key_order){.purpose = others[i], .compromised = true}, &result));
        assert_string_not_equal(support_active_key(&home, others[i]).record.token,
                                old.record.token);
        assert_false(support_key_in_token(&home, old.record.token));
    }
    sync_folder(); /* lists are signed by the new key */
}

static void a_published_successor_takes_the_place_of_a_stolen_key(void **state)
{
    (void)state;
    struct wallet_key_result begun;
    struct wallet_key_result forced;
    must(support_rotate(&home, (struct wallet_key_order){.purpose = HSM_PURPOSE_CREDENTIAL},
                        &begun));
    must(support_rotate(
        &home, (struct wallet_key_order){.purpose = HSM_PURPOSE_CREDENTIAL, .compromised = true},
        &forced));
    assert_string_equal(forced.label, begun.label);
    assert_string_equal(support_active_key(&home, HSM_PURPOSE_CREDENTIAL).record.label,
                        begun.label);
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
    must(support_rotate(
        &home, (struct wallet_key_order){.purpose = HSM_PURPOSE_TRUST_LIST, .compromised = true},
        &result));
    assert_int_equal(support_sync(&home, folder, LW_STR(""), &synced).code, LW_E_UNTRUSTED);
    support_pin(&home, &pin);
    support_path(home.folder, "pinned-anew", other);
    must(support_sync(&home, other, lw_buf_text(&pin), &synced));
    memcpy(folder, other, sizeof(folder));
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
    const struct wallet_key_info old = support_active_key(&home, HSM_PURPOSE_SEAL);
    const uint32_t before = newest_epoch(&epoch);
    must(support_rotate(&home, (struct wallet_key_order){.purpose = HSM_PURPOSE_SEAL}, &result));
    assert_int_equal(newest_epoch(&epoch), before + 1);
    assert_false(epoch.in_use);
    assert_string_equal(epoch.seal, result.label);
    home.clock.now = result.ready_at - 1;
    (void)support_advance(&home);
    (void)newest_epoch(&epoch);
    assert_false(epoch.in_use);
    home.clock.now++;
    (void)support_advance(&home);
    (void)newest_epoch(&epoch);
    assert_true(epoch.in_use);
    expect_opened(number);
    expect_opened(new_license(later));
    support_home_reopen(&home, WALLET_HOME_SIGN);
    expect_opened(number);
    expect_opened(later);
    const struct wallet_key_info stolen = support_active_key(&home, HSM_PURPOSE_SEAL);
    must(support_rotate(&home,
                        (struct wallet_key_order){.purpose = HSM_PURPOSE_SEAL, .compromised = true},
                        &result));
    assert_false(support_key_in_token(&home, stolen.record.token));
    assert_true(
        support_key_in_token(&home, old.record.token)); /* retired: backups of before need it */
    support_home_reopen(&home, WALLET_HOME_SIGN);
    expect_opened(number);
    expect_opened(later);
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
        cmocka_unit_test(what_a_stolen_key_signed_is_refused_and_licenses_are_shown_anew),
        cmocka_unit_test(a_published_successor_takes_the_place_of_a_stolen_key),
        cmocka_unit_test(the_other_keys_can_be_stolen_too),
        cmocka_unit_test(a_stolen_ca_is_replaced_and_all_signers_certified_anew),
        cmocka_unit_test(a_successor_that_a_stolen_ca_certified_never_signs_so),
        cmocka_unit_test(epochs_are_wrapped_anew_and_what_was_sealed_stays_as_it_is),
        cmocka_unit_test(a_stolen_list_key_names_no_successor),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
