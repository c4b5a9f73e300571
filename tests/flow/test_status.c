/* Changes of state as others see them: in the register, in the lists, in what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "home.h"
#include "row.h"
#include "txn.h"
#include "wallet/audit.h"
#include "wallet/flow_issue.h"
#include "wallet/flow_status.h"
#include "wallet/jwk.h"
#include "wallet/status_check.h"
#include "wallet/store_credential.h"
#include "wallet/store_key.h"
#include "wallet/store_license.h"
#include "wallet/trust_list.h"

enum { TOKEN_MAX = 4 * 1024 * 1024 };

static struct support_home home;
static unsigned numbers;

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

/* A license of its own, with a credential in a status list. */
static const char *new_license(char number[32])
{
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    (void)snprintf(number, 32, "S-%u", ++numbers);
    support_home_issue(&home, number);
    support_home_lq1(&home, number, &text);
    return number;
}

static lw_err change(const char *number, enum wallet_state to, enum wallet_state *from)
{
    return wallet_flow_change_state(home.home, wallet_license_ref_parse(lw_str_c(number)), to,
                                    LW_STR("because"), LW_STR("test"), from);
}

static struct wallet_status_place place_of(const char *number)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_credential_info info = {.format = "dc+sd-cwt"};
    must(wallet_read_begin(wallet_home_store(home.home), &txn));
    must(wallet_store_license_find(txn, LW_STR(""), lw_str_c(number), info.license));
    must(wallet_jwk_thumbprint(&home.holder.key, info.holder));
    must(wallet_store_credential_get(txn, &info, NULL));
    return info.status;
}

/* What the published token of either form says of a license's credential, to a relying party. */
static struct wallet_status published(const char *number, bool cwt)
{
    const struct wallet_status_place place = place_of(number);
    const struct wallet_snapshot *snapshot = NULL;
    LW_AUTO_BUF token = LW_BUF(TOKEN_MAX);
    LW_AUTO_BUF uri = LW_BUF(256);
    WALLET_AUTO_STATUS_LIST list = {.bits = 0};
    int64_t iat = 0;
    int64_t exp = 0;
    must(wallet_flow_status_token(home.home, place.list, cwt, &token, &iat, &exp));
    must(lw_buf_put_c(&uri, SUPPORT_BASE_URL "/status/"));
    must(lw_buf_put_int(&uri, (int64_t)place.list));
    must(wallet_home_snapshot(home.home, &snapshot));
    const struct wallet_trust *trust = wallet_snapshot_trust(snapshot);
    const struct wallet_issuer *issuer = NULL;
    for (size_t i = 0; i < wallet_trust_count(trust); i++) {
        const struct wallet_issuer *at = wallet_trust_at(trust, i);
        for (size_t k = 0; k < at->vct_count; k++) {
            issuer = lw_str_is(at->vcts[k], "https://lic.example/bl") ? at : issuer;
        }
    }
    assert_non_null(issuer);
    const struct wallet_status_expect expect = {.uri = lw_buf_text(&uri),
                                                .trust = trust,
                                                .issuer = issuer,
                                                .now = lw_now(home.env.clock),
                                                .held_iat = INT64_MIN};
    must(wallet_status_read(lw_buf_view(&token), &expect, &list));
    const struct wallet_status_ref ref = {
        .present = true, .idx = place.idx, .uri = lw_buf_text(&uri)};
    const struct wallet_status status =
        wallet_status_lookup(&list, issuer, &ref, lw_now(home.env.clock));
    wallet_snapshot_release(snapshot);
    assert_int_equal(exp - iat, WALLET_STATUS_LIFE_S);
    return status;
}

static void tokens_of_both_forms_follow_the_license(void **state)
{
    (void)state;
    char number[32];
    size_t count = 0;
    enum wallet_state from = WALLET_REVOKED;
    (void)new_license(number);
    must(wallet_flow_publish_status(home.home, &count));
    for (int cwt = 0; cwt < 2; cwt++) {
        assert_int_equal(published(number, cwt == 1).outcome, WALLET_STATUS_VALID);
    }
    must(change(number, WALLET_SUSPENDED, &from));
    assert_int_equal(from, WALLET_ACTIVE);
    for (int cwt = 0; cwt < 2; cwt++) {
        const struct wallet_status status = published(number, cwt == 1);
        assert_int_equal(status.outcome, WALLET_STATUS_NOT_VALID);
        assert_int_equal(status.code, WALLET_STATUS_CODE_SUSPENDED);
    }
    must(change(number, WALLET_ACTIVE, &from));
    assert_int_equal(from, WALLET_SUSPENDED);
    assert_int_equal(published(number, true).outcome, WALLET_STATUS_VALID);
    must(change(number, WALLET_REVOKED, &from));
    for (int cwt = 0; cwt < 2; cwt++) {
        const struct wallet_status status = published(number, cwt == 1);
        assert_int_equal(status.outcome, WALLET_STATUS_NOT_VALID);
        assert_int_equal(status.code, WALLET_STATUS_CODE_INVALID);
    }
}

static void resumes_only_what_is_suspended(void **state)
{
    (void)state;
    char number[32];
    enum wallet_state from = WALLET_REVOKED;
    (void)new_license(number);
    assert_int_equal(change(number, WALLET_ACTIVE, &from).code, LW_E_CONFLICT);
    assert_int_equal(from, WALLET_ACTIVE);
    must(change(number, WALLET_SUSPENDED, &from));
    assert_int_equal(change(number, WALLET_SUSPENDED, &from).code, LW_E_CONFLICT);
    assert_int_equal(from, WALLET_SUSPENDED);
}

static void final_states_never_go_back(void **state)
{
    (void)state;
    static const enum wallet_state finals[] = {WALLET_REVOKED, WALLET_CANCELLED};
    static const enum wallet_state all[] = {WALLET_ACTIVE, WALLET_SUSPENDED, WALLET_REVOKED,
                                            WALLET_CANCELLED};
    for (size_t i = 0; i < 2; i++) {
        char number[32];
        enum wallet_state from = WALLET_ACTIVE;
        (void)new_license(number);
        must(change(number, finals[i], &from));
        for (size_t k = 0; k < 4; k++) {
            assert_int_equal(change(number, all[k], &from).code, LW_E_CONFLICT);
            assert_int_equal(from, finals[i]);
        }
        assert_int_equal(published(number, true).outcome, WALLET_STATUS_NOT_VALID);
    }
}

static void a_change_needs_a_reason_a_license_and_a_state(void **state)
{
    (void)state;
    char number[32];
    char reason[258];
    enum wallet_state from = WALLET_ACTIVE;
    const struct wallet_license_ref ref = wallet_license_ref_parse(lw_str_c(new_license(number)));
    const lw_str actor = LW_STR("test");
    memset(reason, 'x', sizeof(reason));
    assert_int_equal(
        wallet_flow_change_state(home.home, ref, WALLET_SUSPENDED, LW_STR(""), actor, &from).code,
        LW_E_VALUE);
    assert_int_equal(wallet_flow_change_state(home.home, ref, WALLET_SUSPENDED,
                                              (lw_str){reason, 257}, actor, &from)
                         .code,
                     LW_E_VALUE);
    assert_int_equal(
        wallet_flow_change_state(home.home, ref, WALLET_SUPERSEDED, LW_STR("why"), actor, &from)
            .code,
        LW_E_VALUE);
    assert_int_equal(change("NO-SUCH", WALLET_SUSPENDED, &from).code, LW_E_NOT_FOUND);
    must(wallet_flow_change_state(home.home, ref, WALLET_SUSPENDED, (lw_str){reason, 256}, actor,
                                  &from));
}

static void a_list_is_signed_again_when_it_changed_or_is_half_its_ttl_old(void **state)
{
    (void)state;
    char number[32];
    size_t count = 0;
    enum wallet_state from = WALLET_ACTIVE;
    (void)new_license(number);
    must(wallet_flow_publish_status(home.home, &count));
    must(wallet_flow_publish_status(home.home, &count));
    assert_int_equal(count, 0);
    must(change(number, WALLET_SUSPENDED, &from)); /* publishes by itself */
    must(wallet_flow_publish_status(home.home, &count));
    assert_int_equal(count, 0);
    home.clock.now += WALLET_STATUS_TTL_S / 2 - 1;
    must(wallet_flow_publish_status(home.home, &count));
    assert_int_equal(count, 0);
    home.clock.now += 1;
    must(wallet_flow_publish_status(home.home, &count));
    assert_true(count >= WALLET_STATUS_OPEN);
    assert_int_equal(published(number, false).as_of, home.clock.now);
}

static void a_list_that_is_not_signed_yet_is_busy_and_one_that_is_none_not_found(void **state)
{
    (void)state;
    LW_AUTO_BUF token = LW_BUF(TOKEN_MAX);
    int64_t iat = 0;
    int64_t exp = 0;
    assert_int_equal(wallet_flow_status_token(home.home, 1000000, true, &token, &iat, &exp).code,
                     LW_E_NOT_FOUND);
    char number[32];
    support_home_reopen(&home, WALLET_HOME_SIGN);
    (void)new_license(number);
    const struct wallet_status_place place = place_of(number);
    const lw_err err = wallet_flow_status_token(home.home, place.list, true, &token, &iat, &exp);
    assert_true(err.code == LW_OK || err.code == LW_E_BUSY); /* the list may be an older one */
}

static void the_aggregation_names_every_list(void **state)
{
    (void)state;
    LW_AUTO_BUF json = LW_BUF(TOKEN_MAX);
    const char *text = NULL;
    char number[32];
    (void)new_license(number);
    must(wallet_flow_status_aggregation(home.home, &json));
    must(lw_buf_c(&json, &text));
    assert_non_null(strstr(text, "\"status_lists\":[\"" SUPPORT_BASE_URL "/status/1\""));
    assert_non_null(strstr(text, "\"" SUPPORT_BASE_URL "/status/2\""));
}

static void many_lists_are_signed_together_at_most_so_many_in_a_call(void **state)
{
    (void)state;
    char number[32];
    size_t count = 0;
    size_t due = 0;
    size_t left = 0;
    enum wallet_state from = WALLET_ACTIVE;
    const struct wallet_publish_order one = {.cadence_s = WALLET_STATUS_TTL_S / 2, .max = 1};
    (void)new_license(number);
    must(wallet_flow_publish_status(home.home, &count));
    home.clock.now += WALLET_STATUS_TTL_S / 2;
    must(wallet_flow_publish(home.home, &one, &due));
    assert_int_equal(due, 1);
    must(wallet_flow_publish_status(home.home, &left));
    assert_true(left + 1 >= WALLET_STATUS_OPEN);
    /* What changed goes first, however old the others are. */
    home.clock.now += WALLET_STATUS_TTL_S;
    const struct wallet_license_ref ref = wallet_license_ref_parse(lw_str_c(number));
    must(wallet_flow_change_state(home.home, ref, WALLET_SUSPENDED, LW_STR("why"), LW_STR("test"),
                                  &from));
    assert_int_equal(published(number, true).outcome, WALLET_STATUS_NOT_VALID);
    assert_int_equal(published(number, true).as_of, home.clock.now);
    must(wallet_flow_publish_status(home.home, &left));
    assert_true(left + 1 >= WALLET_STATUS_OPEN); /* a change does not sign the unchanged */
}

/* Lists that are signed again and again. */
static size_t list_count(void)
{
    enum { MANY = 64 };
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_page page = {.len = 0};
    struct wallet_stored_list lists[MANY];
    size_t count = MANY;
    size_t live = 0;
    must(wallet_read_begin(wallet_home_store(home.home), &txn));
    must(wallet_store_status_list_page(txn, LW_STR(""), &page, lists, &count));
    assert_true(page.end);
    for (size_t i = 0; i < count; i++) {
        live += lists[i].retired ? 0 : 1;
    }
    return live;
}

struct lists_of {
    const char *agency;
    size_t count;
};

static lw_err open_lists(struct wallet_txn *txn, void *ctx)
{
    const struct lists_of *of = ctx;
    uint64_t number = 0;
    for (size_t i = 0; i < of->count; i++) {
        LW_TRY(wallet_store_status_open(txn, lw_str_c(of->agency), WALLET_STATUS_SIZE_MIN,
                                        home.clock.now, &number));
    }
    return LW_SUCCESS;
}

static lw_err lose_key(struct wallet_txn *txn, void *ctx)
{
    const struct lists_of *of = ctx;
    struct wallet_key_record key;
    LW_TRY(wallet_store_key_active(txn, HSM_PURPOSE_STATUS, lw_str_c(of->agency), &key));
    return wallet_store_key_set_state(txn, lw_str_c(key.label), WALLET_KEY_RETIRED, home.clock.now);
}

static void an_agency_whose_lists_cannot_be_signed_does_not_hold_up_the_others(void **state)
{
    (void)state;
    char number[32];
    size_t count = 0;
    enum wallet_state from = WALLET_ACTIVE;
    const struct wallet_publish_order four = {.cadence_s = WALLET_STATUS_TTL_S / 2, .max = 4};
    struct lists_of failing = {.agency = "tax-bureau", .count = 40};
    struct wallet_store *store = wallet_home_store(home.home);
    (void)new_license(number);
    must(wallet_flow_publish_status(home.home, &count));
    home.clock.now += WALLET_STATUS_TTL_S;
    must(wallet_store_write(store, open_lists, &failing)); /* never signed: they come first */
    must(wallet_store_write(store, lose_key, &failing));
    assert_int_equal(wallet_flow_publish(home.home, &four, &count).code, LW_E_NOT_FOUND);
    assert_true(count > 0 && count <= four.max);
    while (count > 0) {
        assert_int_equal(wallet_flow_publish(home.home, &four, &count).code, LW_E_NOT_FOUND);
    }
    assert_int_equal(published(number, true).as_of, home.clock.now);
    must(change(number, WALLET_SUSPENDED, &from)); /* publishes, although theirs are due as well */
    assert_int_equal(published(number, false).outcome, WALLET_STATUS_NOT_VALID);
}

/* Puts list `number` where it is due and its record does not say it is: its write fails. */
static lw_err misplace(struct wallet_txn *txn, void *ctx)
{
    const uint64_t *number = ctx;
    struct wallet_stored_list list;
    LW_TRY(wallet_store_status_list_get(txn, *number, &list));
    for (unsigned to = 0; to < 2; to++) {
        struct wallet_row_key key = {0};
        wallet_row_key_byte(&key, wallet_status_list_dirty(&list) ? 0 : 1);
        wallet_row_key_time(&key, list.token_iat - (int64_t)to);
        wallet_row_key_u64(&key, *number);
        const lw_bytes at = wallet_row_key_view(&key);
        LW_TRY(to == 0 ? wallet_txn_delete(txn, WALLET_KS_STATUS_DUE, at)
                       : wallet_txn_put(txn, WALLET_KS_STATUS_DUE, at, (lw_bytes){0}));
    }
    return LW_SUCCESS;
}

static void a_list_that_cannot_be_kept_takes_no_other_with_it(void **state)
{
    (void)state;
    char number[32];
    size_t count = 0;
    const struct wallet_publish_order one = {.cadence_s = WALLET_STATUS_TTL_S / 2, .max = 1};
    (void)new_license(number);
    uint64_t list = place_of(number).list;
    must(wallet_flow_publish_status(home.home, &count));
    const size_t all = list_count();
    must(wallet_store_write(wallet_home_store(home.home), misplace, &list));
    home.clock.now += WALLET_STATUS_TTL_S;
    assert_int_equal(wallet_flow_publish(home.home, &one, &count).code, LW_E_NOT_FOUND);
    assert_int_equal(count, 1); /* the broken one stands first, and another is signed */
    assert_int_equal(wallet_flow_publish_status(home.home, &count).code, LW_E_NOT_FOUND);
    assert_int_equal(count, all - 2);
    assert_int_equal(wallet_flow_publish_status(home.home, &count).code, LW_E_NOT_FOUND);
    assert_int_equal(count, 0);
}

struct purge {
    size_t entries;
};

static lw_err purge(struct wallet_txn *txn, void *ctx)
{
    struct purge *p = ctx;
    return wallet_store_status_purge(txn, SIZE_MAX, &p->entries);
}

static int64_t last_end(uint64_t number)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_stored_list list;
    must(wallet_read_begin(wallet_home_store(home.home), &txn));
    must(wallet_store_status_list_get(txn, number, &list));
    return list.last_exp;
}

static void lists_retire_a_day_after_their_last_credential(void **state)
{
    (void)state;
    char number[32];
    char uri[128];
    const char *text = NULL;
    size_t count = 0;
    int64_t iat = 0;
    int64_t exp = 0;
    enum wallet_state from = WALLET_REVOKED;
    const int64_t start = home.clock.now;
    LW_AUTO_BUF token = LW_BUF(TOKEN_MAX);
    LW_AUTO_BUF json = LW_BUF(TOKEN_MAX);
    (void)new_license(number);
    const struct wallet_status_place place = place_of(number);
    must(wallet_flow_publish_status(home.home, &count));
    home.clock.now = last_end(place.list) + LW_DAY_S - 1;
    must(wallet_flow_publish_status(home.home, &count));
    must(wallet_flow_status_token(home.home, place.list, true, &token, &iat, &exp));
    home.clock.now += WALLET_STATUS_TTL_S;
    must(wallet_flow_publish_status(home.home, &count));
    assert_int_equal(wallet_flow_status_token(home.home, place.list, true, &token, &iat, &exp).code,
                     LW_E_EXPIRED);
    (void)snprintf(uri, sizeof(uri), SUPPORT_BASE_URL "/status/%llu\"",
                   (unsigned long long)place.list);
    must(wallet_flow_status_aggregation(home.home, &json));
    must(lw_buf_c(&json, &text));
    assert_null(strstr(text, uri));
    /* Its credential is kept a while longer: the license changes as ever. */
    must(change(number, WALLET_REVOKED, &from));
    struct purge p = {.entries = 0};
    must(wallet_store_write(wallet_home_store(home.home), purge, &p));
    assert_true(p.entries > 0);
    home.clock.now = start;
}

static uint64_t trust_version(void)
{
    LW_AUTO_BUF cwt = LW_BUF(TOKEN_MAX);
    WALLET_AUTO_TRUST trust = NULL;
    struct wallet_trust_list list;
    struct hsm_signer signer;
    uint8_t pins[1][WALLET_PIN_LEN];
    must(wallet_home_signer(home.home, HSM_PURPOSE_TRUST_LIST, LW_STR(""), &signer));
    must(wallet_trust_pin(&signer.key, pins[0]));
    const struct wallet_trust_list_expect expect = {
        .pins = (const uint8_t(*)[WALLET_PIN_LEN])pins,
        .pin_count = 1,
        .now = lw_now(home.env.clock),
    };
    must(wallet_flow_trust_list(home.home, &cwt));
    must(wallet_trust_list_read(lw_buf_view(&cwt), &expect, &list, &trust));
    return list.version;
}

static void the_trust_list_is_signed_again_past_half_its_life(void **state)
{
    (void)state;
    const int64_t start = home.clock.now;
    const uint64_t version = trust_version();
    home.clock.now = SUPPORT_HOME_NOW + WALLET_TRUST_LIST_LIFE_S / 2 - 1;
    assert_int_equal(trust_version(), version);
    home.clock.now += 1;
    assert_int_equal(trust_version(), version + 1);
    assert_int_equal(trust_version(), version + 1);
    home.clock.now = start;
}

static int make(void **state)
{
    (void)state;
    support_home_make(&home);
    return 0;
}

static int make_again(void **state)
{
    support_home_drop(&home);
    return make(state);
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
        cmocka_unit_test(tokens_of_both_forms_follow_the_license),
        cmocka_unit_test(resumes_only_what_is_suspended),
        cmocka_unit_test(final_states_never_go_back),
        cmocka_unit_test(a_change_needs_a_reason_a_license_and_a_state),
        cmocka_unit_test(a_list_is_signed_again_when_it_changed_or_is_half_its_ttl_old),
        cmocka_unit_test(a_list_that_is_not_signed_yet_is_busy_and_one_that_is_none_not_found),
        cmocka_unit_test(the_aggregation_names_every_list),
        cmocka_unit_test(the_trust_list_is_signed_again_past_half_its_life),
        cmocka_unit_test(many_lists_are_signed_together_at_most_so_many_in_a_call),
        cmocka_unit_test(lists_retire_a_day_after_their_last_credential),
        cmocka_unit_test_setup(an_agency_whose_lists_cannot_be_signed_does_not_hold_up_the_others,
                               make_again),
        cmocka_unit_test_setup(a_list_that_cannot_be_kept_takes_no_other_with_it, make_again),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
