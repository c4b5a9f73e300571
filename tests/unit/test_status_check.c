#include "wallet/status_check.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "lw/clock.h"
#include "status_bend.h"

enum { NOW = STATUS_NOW, IAT = NOW - 100, YEAR_S = 365 * LW_DAY_S };

static struct status_place place;

static int set_up(void **state)
{
    (void)state;
    status_place_init(&place);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    status_place_free(&place);
    return 0;
}

/* A valid CWT with some items replaced, read. */
static void read_list(const char *lst, const char *bits, const char *exp,
                      struct wallet_status_list *list)
{
    struct status_cwt cwt;
    LW_AUTO_BUF token = LW_BUF(STATUS_TOKEN_MAX);
    const struct wallet_status_expect expect = status_expectation(&place);
    status_cwt_init(&cwt, &place.authority.status);
    status_cwt_set(&cwt, ITEM_LST, lst);
    status_cwt_set(&cwt, ITEM_BITS, bits);
    status_cwt_set(&cwt, ITEM_EXP, exp);
    status_cwt_build(&cwt, &place.authority.status, &token);
    status_cwt_free(&cwt);
    assert_int_equal(wallet_status_read(lw_buf_view(&token), &expect, list).code, LW_OK);
}

/* c944f9 of the draft, two bits an entry: 1,2,0,3,0,1,0,1,1,2,3,3. */
#define LST_C944F9 "4b 78da3be9f2130003df0207"
#define EXP_DAY "1a 6b00295c" /* IAT + 86400 */

static struct wallet_status_ref ref_of(uint64_t idx)
{
    return (struct wallet_status_ref){.present = true, .idx = idx, .uri = LW_STR(STATUS_URI)};
}

static const struct wallet_issuer *issuer(void)
{
    return wallet_trust_at(place.trust, 0);
}

static void each_entry_of_the_drafts_example_is_told(void **state)
{
    static const struct {
        enum wallet_status_outcome outcome;
        unsigned code;
        const char *name;
    } entries[] = {
        {WALLET_STATUS_NOT_VALID, 1, "revoked"},   {WALLET_STATUS_NOT_VALID, 2, "suspended"},
        {WALLET_STATUS_VALID, 0, "valid"},         {WALLET_STATUS_NOT_VALID, 3, "not_valid"},
        {WALLET_STATUS_VALID, 0, "valid"},         {WALLET_STATUS_NOT_VALID, 1, "revoked"},
        {WALLET_STATUS_VALID, 0, "valid"},         {WALLET_STATUS_NOT_VALID, 1, "revoked"},
        {WALLET_STATUS_NOT_VALID, 1, "revoked"},   {WALLET_STATUS_NOT_VALID, 2, "suspended"},
        {WALLET_STATUS_NOT_VALID, 3, "not_valid"}, {WALLET_STATUS_NOT_VALID, 3, "not_valid"},
        {WALLET_STATUS_NO_ENTRY, 0, "unknown"},
    };
    (void)state;
    WALLET_AUTO_STATUS_LIST list = {.bits = 0};
    read_list(LST_C944F9, "02", EXP_DAY, &list);
    for (uint64_t idx = 0; idx < sizeof(entries) / sizeof(entries[0]); idx++) {
        const struct wallet_status_ref ref = ref_of(idx);
        const struct wallet_status status = wallet_status_lookup(&list, issuer(), &ref, NOW);
        assert_int_equal(status.outcome, entries[idx].outcome);
        assert_int_equal(status.code, entries[idx].code);
        assert_int_equal(status.as_of, IAT);
        assert_false(status.stale);
        assert_string_equal(wallet_status_name(&status), entries[idx].name);
    }
    const struct wallet_status_ref far = ref_of(UINT64_MAX);
    assert_int_equal(wallet_status_lookup(&list, issuer(), &far, NOW).outcome,
                     WALLET_STATUS_NO_ENTRY);
}

/* A29, F20: what cannot be known is unknown, and never revoked. */
static void no_list_and_an_old_list_are_unknown(void **state)
{
    (void)state;
    WALLET_AUTO_STATUS_LIST list = {.bits = 0};
    const struct wallet_status_ref ref = ref_of(0); /* says 1, revoked */
    read_list(LST_C944F9, "02", EXP_DAY, &list);
    struct wallet_status status = wallet_status_lookup(&list, issuer(), &ref, IAT + LW_DAY_S - 1);
    assert_int_equal(status.outcome, WALLET_STATUS_NOT_VALID);
    status = wallet_status_lookup(&list, issuer(), &ref, IAT + LW_DAY_S);
    assert_int_equal(status.outcome, WALLET_STATUS_UNKNOWN);
    assert_true(status.stale);
    assert_int_equal(status.as_of, IAT); /* "status unknown since" */
    assert_string_equal(wallet_status_name(&status), "unknown");
    status = wallet_status_lookup(NULL, issuer(), &ref, NOW);
    assert_int_equal(status.outcome, WALLET_STATUS_UNKNOWN);
    assert_false(status.stale);
    assert_int_equal(status.as_of, INT64_MIN);
}

static void a_list_of_another_uri_or_a_credential_without_reference_is_unknown(void **state)
{
    (void)state;
    WALLET_AUTO_STATUS_LIST list = {.bits = 0};
    struct wallet_status_ref ref = ref_of(0);
    read_list(LST_C944F9, "02", EXP_DAY, &list);
    ref.uri = LW_STR("https://status.example/8");
    assert_int_equal(wallet_status_lookup(&list, issuer(), &ref, NOW).outcome,
                     WALLET_STATUS_UNKNOWN);
    ref = ref_of(0);
    ref.present = false;
    assert_int_equal(wallet_status_lookup(&list, issuer(), &ref, NOW).outcome,
                     WALLET_STATUS_UNKNOWN);
}

static enum wallet_status_outcome outcome_for(const struct wallet_status_list *list,
                                              const struct support_key *ds,
                                              const struct support_key *anchor)
{
    const struct wallet_trust_entry entry = {
        .cert = lw_buf_view(&ds->cert), .not_after = NOW + YEAR_S, .revoked_since = INT64_MIN};
    const struct wallet_status_ref ref = ref_of(0);
    WALLET_AUTO_TRUST trust = NULL;
    assert_int_equal(wallet_trust_new(&trust).code, LW_OK);
    if (anchor != NULL) {
        assert_int_equal(wallet_trust_add_anchor(trust, lw_buf_view(&anchor->cert)).code, LW_OK);
    }
    assert_int_equal(wallet_trust_add(trust, &entry).code, LW_OK);
    return wallet_status_lookup(list, wallet_trust_at(trust, 0), &ref, NOW).outcome;
}

/* A list read once serves every signer of the agency under its anchor, and nobody else. */
static void a_list_speaks_for_its_agency_and_anchor_only(void **state)
{
    (void)state;
    WALLET_AUTO_STATUS_LIST list = {.bits = 0};
    struct support_authority stranger;
    struct support_key second;
    struct support_key foreign;
    struct support_key nameless;
    struct support_key_spec spec = {HSM_PURPOSE_CREDENTIAL, "Second", "agency-1",
                                    HSM_CERT_USE_SIGN,      NOW,      NOW + YEAR_S};
    const struct support_key *ca = &place.authority.ca;
    support_authority_init(&stranger, "agency-1", NOW);
    support_key_init(&second, &spec, ca);
    spec.agency = "agency-2";
    support_key_init(&foreign, &spec, ca);
    spec.agency = "";
    support_key_init(&nameless, &spec, ca);
    read_list(LST_C944F9, "02", EXP_DAY, &list);
    assert_int_equal(outcome_for(&list, &place.authority.ds, ca), WALLET_STATUS_NOT_VALID);
    assert_int_equal(outcome_for(&list, &second, ca), WALLET_STATUS_NOT_VALID);
    assert_int_equal(outcome_for(&list, &foreign, ca), WALLET_STATUS_UNKNOWN);
    assert_int_equal(outcome_for(&list, &nameless, ca), WALLET_STATUS_UNKNOWN);
    assert_int_equal(outcome_for(&list, &second, NULL), WALLET_STATUS_UNKNOWN);
    assert_int_equal(outcome_for(&list, &stranger.ds, &stranger.ca), WALLET_STATUS_UNKNOWN);
    support_key_free(&second);
    support_key_free(&foreign);
    support_key_free(&nameless);
    support_authority_free(&stranger);
}

static void a_list_by_the_issuers_own_key_speaks_for_that_key_only(void **state)
{
    (void)state;
    WALLET_AUTO_STATUS_LIST list = {.bits = 0};
    LW_AUTO_BUF token = LW_BUF(STATUS_TOKEN_MAX);
    const struct wallet_status_expect expect = status_expectation(&place);
    struct support_key second;
    const struct support_key_spec spec = {HSM_PURPOSE_CREDENTIAL, "Second", "agency-1",
                                          HSM_CERT_USE_SIGN,      NOW,      NOW + YEAR_S};
    support_key_init(&second, &spec, &place.authority.ca);
    status_make_cwt(&place.authority.ds, NULL, 0, &token);
    assert_int_equal(wallet_status_read(lw_buf_view(&token), &expect, &list).code, LW_OK);
    assert_int_equal(outcome_for(&list, &place.authority.ds, NULL), WALLET_STATUS_NOT_VALID);
    assert_int_equal(outcome_for(&list, &second, &place.authority.ca), WALLET_STATUS_UNKNOWN);
    support_key_free(&second);
}

/* Section 4: exp counts, within seven days; without it, half a day. */
static void a_list_is_good_until_its_end_within_bounds(void **state)
{
    static const struct {
        const char *exp;
        int64_t until;
    } cases[] = {
        {"1a 6afed7dd", IAT + 1},                    /* one second */
        {"1a 6b08125c", IAT + 7 * LW_DAY_S},         /* seven days to the second */
        {"1a 6b08125d", IAT + 7 * LW_DAY_S},         /* one more */
        {"1b 7ffffffffffffffe", IAT + 7 * LW_DAY_S}, /* for ever */
        {"", IAT + WALLET_STATUS_LIFE_DEFAULT_S},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        WALLET_AUTO_STATUS_LIST list = {.bits = 0};
        read_list(LST_C944F9, "02", cases[i].exp, &list);
        assert_int_equal(list.until, cases[i].until);
    }
}

static void a_list_is_fetched_again_after_its_ttl_within_bounds(void **state)
{
    static const struct {
        int64_t ttl_s;
        int64_t wait;
    } cases[] = {{0, 24 * 3600}, {1, 60}, {60, 60}, {61, 61}, {86400, 86400}, {86401, 86400}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wallet_status_list list = {.ttl_s = cases[i].ttl_s, .until = INT64_MAX};
        assert_int_equal(wallet_status_refresh_at(&list, NOW), NOW + cases[i].wait);
        list.until = NOW + 30;
        assert_int_equal(wallet_status_refresh_at(&list, NOW), NOW + 30);
    }
}

static void our_own_store_tells_the_state_itself(void **state)
{
    static const struct {
        enum wallet_state state;
        enum wallet_status_outcome outcome;
        const char *name;
    } cases[] = {
        {WALLET_ACTIVE, WALLET_STATUS_VALID, "valid"},
        {WALLET_SUSPENDED, WALLET_STATUS_NOT_VALID, "suspended"},
        {WALLET_REVOKED, WALLET_STATUS_NOT_VALID, "revoked"},
        {WALLET_CANCELLED, WALLET_STATUS_NOT_VALID, "cancelled"},
        {WALLET_SUPERSEDED, WALLET_STATUS_NOT_VALID, "superseded"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct wallet_status status = wallet_status_of_state(cases[i].state, NOW);
        assert_int_equal(status.outcome, cases[i].outcome);
        assert_int_equal(status.as_of, NOW);
        assert_string_equal(wallet_status_name(&status), cases[i].name);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_entry_of_the_drafts_example_is_told),
        cmocka_unit_test(no_list_and_an_old_list_are_unknown),
        cmocka_unit_test(a_list_of_another_uri_or_a_credential_without_reference_is_unknown),
        cmocka_unit_test(a_list_speaks_for_its_agency_and_anchor_only),
        cmocka_unit_test(a_list_by_the_issuers_own_key_speaks_for_that_key_only),
        cmocka_unit_test(a_list_is_good_until_its_end_within_bounds),
        cmocka_unit_test(a_list_is_fetched_again_after_its_ttl_within_bounds),
        cmocka_unit_test(our_own_store_tells_the_state_itself),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
