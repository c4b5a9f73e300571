/*
 * A24 and A28: whole status lists signed by everybody who may not (specs/status-list.md SL-6).
 */
#include "wallet/status_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "edit.h"
#include "lw/clock.h"
#include "signed.h"
#include "status_bend.h"
#include "wallet/base64.h"
#include "wallet/cbor.h"

enum { YEAR_S = 365 * LW_DAY_S };

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

static lw_err read_with(lw_bytes token, const struct wallet_status_expect *expect)
{
    WALLET_AUTO_STATUS_LIST list = {.bits = 0};
    const lw_err err = wallet_status_read(token, expect, &list);
    if (err.code != LW_OK) { /* nothing of a refused list is left */
        assert_null(list.array.ptr);
        assert_null(list.uri.ptr);
        assert_int_equal(list.bits, 0);
    }
    return err;
}

static lw_err read_token(lw_bytes token)
{
    const struct wallet_status_expect expect = status_expectation(&place);
    return read_with(token, &expect);
}

/* The reason is compared too: the code alone could come from another rule. */
static void assert_refused(lw_err err, lw_code code, const char *why)
{
    if (err.code != code || err.why == NULL || strstr(err.why, why) == NULL) {
        print_error("expected %s (%s), got %s (%s)\n", lw_code_name(code), why,
                    lw_code_name(err.code), err.why == NULL ? "" : err.why);
    }
    assert_int_equal(err.code, code);
    assert_non_null(strstr(err.why, why));
}

/* Reads both forms, signed with `key` and carrying `chain`; both must end the same way. */
static lw_err read_signed_by(const struct support_key *key, const lw_bytes *chain, size_t count)
{
    LW_AUTO_BUF jwt = LW_BUF(STATUS_TOKEN_MAX);
    LW_AUTO_BUF cwt = LW_BUF(STATUS_TOKEN_MAX);
    status_make_jwt(key, chain, count, &jwt);
    status_make_cwt(key, chain, count, &cwt);
    const lw_err of_jwt = read_token(lw_buf_view(&jwt));
    const lw_err of_cwt = read_token(lw_buf_view(&cwt));
    assert_int_equal(of_jwt.code, of_cwt.code);
    return of_cwt;
}

static void the_issuers_own_key_and_its_agencys_status_key_are_taken(void **state)
{
    (void)state;
    const lw_bytes own = lw_buf_view(&place.authority.ds.cert);
    const lw_bytes status = lw_buf_view(&place.authority.status.cert);
    assert_int_equal(read_signed_by(&place.authority.ds, &own, 1).code, LW_OK);
    assert_int_equal(read_signed_by(&place.authority.ds, NULL, 0).code, LW_OK);
    assert_int_equal(read_signed_by(&place.authority.status, &status, 1).code, LW_OK);
}

/* A24: a stranger, with his own chain, with ours, or with none. */
static void a_stranger_is_refused(void **state)
{
    (void)state;
    struct support_authority stranger;
    support_authority_init(&stranger, "agency-1", STATUS_NOW);
    const lw_bytes his[] = {lw_buf_view(&stranger.status.cert), lw_buf_view(&stranger.ca.cert)};
    const lw_bytes ours = lw_buf_view(&place.authority.status.cert);
    const lw_bytes own = lw_buf_view(&place.authority.ds.cert);
    assert_refused(read_signed_by(&stranger.status, his, 1), LW_E_UNTRUSTED, "certificate");
    assert_refused(read_signed_by(&stranger.status, his, 2), LW_E_UNTRUSTED, "certificate");
    assert_refused(read_signed_by(&stranger.status, &ours, 1), LW_E_SIGNATURE, "");
    assert_refused(read_signed_by(&stranger.status, &own, 1), LW_E_SIGNATURE, "");
    assert_refused(read_signed_by(&stranger.status, NULL, 0), LW_E_SIGNATURE, "");
    support_authority_free(&stranger);
}

/* A28: every key of the authority at this purpose; what certificates and agency allow decides. */
static void certificates_for_another_use_or_agency_are_refused(void **state)
{
    static const struct {
        const char *agency;
        unsigned uses;
        int64_t not_before;
        int64_t not_after;
        lw_code code;
        const char *why;
    } cases[] = {
        {"agency-1", HSM_CERT_USE_SIGN, STATUS_NOW - 9, STATUS_NOW + 9, LW_E_UNTRUSTED,
         "certificate"},
        {"agency-1", HSM_CERT_USE_SIGN | HSM_CERT_USE_MDOC_DS, STATUS_NOW - 9, STATUS_NOW + 9,
         LW_E_UNTRUSTED, "certificate"},
        {"agency-2", HSM_CERT_USE_SIGN | HSM_CERT_USE_STATUS, STATUS_NOW - 9, STATUS_NOW + 9,
         LW_E_UNTRUSTED, "another agency"},
        {"", HSM_CERT_USE_SIGN | HSM_CERT_USE_STATUS, STATUS_NOW - 9, STATUS_NOW + 9,
         LW_E_UNTRUSTED, "another agency"},
        {"agency-1", HSM_CERT_USE_SIGN | HSM_CERT_USE_STATUS, STATUS_NOW - 9, STATUS_NOW - 1,
         LW_E_EXPIRED, "certificate"},
        {"agency-1", HSM_CERT_USE_SIGN | HSM_CERT_USE_STATUS, STATUS_NOW + 1, STATUS_NOW + 9,
         LW_E_EXPIRED, "certificate"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct support_key_spec spec = {HSM_PURPOSE_STATUS,  "Other",
                                              cases[i].agency,     cases[i].uses,
                                              cases[i].not_before, cases[i].not_after};
        struct support_key key;
        support_key_init(&key, &spec, &place.authority.ca);
        const lw_bytes chain = lw_buf_view(&key.cert);
        assert_refused(read_signed_by(&key, &chain, 1), cases[i].code, cases[i].why);
        support_key_free(&key);
    }
    const lw_bytes ca = lw_buf_view(&place.authority.ca.cert);
    assert_refused(read_signed_by(&place.authority.ca, &ca, 1), LW_E_UNTRUSTED, "certificate");
}

/* Two CAs of one trust list: the one cannot make status keys for agencies of the other. */
static void the_anchor_of_another_agency_is_refused(void **state)
{
    (void)state;
    struct support_authority other;
    support_authority_init(&other, "agency-1", STATUS_NOW);
    const lw_str vct = LW_STR("https://lic.example/dl");
    const lw_str prefix = LW_STR("https://status.example/");
    const struct wallet_trust_entry entry = {.cert = lw_buf_view(&place.authority.ds.cert),
                                             .vcts = &vct,
                                             .vct_count = 1,
                                             .not_after = STATUS_NOW + YEAR_S,
                                             .revoked_since = INT64_MIN,
                                             .status_prefixes = &prefix,
                                             .status_prefix_count = 1};
    for (int ours = 0; ours < 3; ours++) {
        WALLET_AUTO_TRUST both = NULL;
        assert_int_equal(wallet_trust_new(&both).code, LW_OK);
        assert_int_equal(wallet_trust_add_anchor(both, lw_buf_view(&other.ca.cert)).code, LW_OK);
        if (ours > 0) { /* beside it; or, with a new key, the same authority */
            assert_int_equal((ours == 1 ? wallet_trust_add_anchor : wallet_trust_join_anchor)(
                                 both, lw_buf_view(&place.authority.ca.cert))
                                 .code,
                             LW_OK);
        }
        assert_int_equal(wallet_trust_add(both, &entry).code, LW_OK);
        struct wallet_status_expect expect = status_expectation(&place);
        expect.trust = both;
        expect.issuer = wallet_trust_at(both, 0);
        const lw_bytes his = lw_buf_view(&other.status.cert);
        LW_AUTO_BUF token = LW_BUF(STATUS_TOKEN_MAX);
        status_make_cwt(&other.status, &his, 1, &token);
        if (ours == 2) {
            assert_int_equal(read_with(lw_buf_view(&token), &expect).code, LW_OK);
            continue;
        }
        assert_refused(read_with(lw_buf_view(&token), &expect), LW_E_UNTRUSTED,
                       ours == 1 ? "certificate" : "no anchor");
    }
    support_authority_free(&other);
}

static void an_issuer_of_no_agency_has_no_status_key(void **state)
{
    (void)state;
    struct support_authority nameless;
    support_authority_init(&nameless, "", STATUS_NOW);
    WALLET_AUTO_TRUST of = support_authority_trust(&nameless, "https://lic.example/dl");
    struct wallet_status_expect expect = status_expectation(&place);
    expect.trust = of;
    expect.issuer = wallet_trust_at(of, 0);
    const lw_bytes chain = lw_buf_view(&nameless.status.cert);
    LW_AUTO_BUF token = LW_BUF(STATUS_TOKEN_MAX);
    status_make_cwt(&nameless.status, &chain, 1, &token);
    assert_refused(read_with(lw_buf_view(&token), &expect), LW_E_UNTRUSTED, "another agency");
    support_authority_free(&nameless);
}

/* A thief of the issuer's key could otherwise take back his own revocation. */
static void a_revoked_issuers_own_key_is_refused(void **state)
{
    static const struct {
        enum wallet_issuer_state state;
        int64_t revoked_since;
        int64_t not_after;
        int64_t now;
        lw_code code;
    } cases[] = {
        {WALLET_ISSUER_ACTIVE, INT64_MIN, STATUS_NOW, STATUS_NOW, LW_OK},
        {WALLET_ISSUER_NO_NEW, INT64_MIN, STATUS_NOW, STATUS_NOW, LW_OK},
        {WALLET_ISSUER_REVOKED, INT64_MIN, STATUS_NOW, STATUS_NOW, LW_E_UNTRUSTED},
        {WALLET_ISSUER_REVOKED, STATUS_NOW - 100, STATUS_NOW, STATUS_NOW,
         LW_E_UNTRUSTED}, /* iat is STATUS_NOW - 100 */
        {WALLET_ISSUER_REVOKED, STATUS_NOW - 99, STATUS_NOW, STATUS_NOW, LW_OK},
        {WALLET_ISSUER_ACTIVE, INT64_MIN, STATUS_NOW - 1, STATUS_NOW, LW_E_EXPIRED},
        {WALLET_ISSUER_ACTIVE, INT64_MIN, INT64_MAX, STATUS_NOW + YEAR_S + 1, LW_E_EXPIRED},
    };
    (void)state;
    LW_AUTO_BUF token = LW_BUF(STATUS_TOKEN_MAX);
    status_make_cwt(&place.authority.ds, NULL, 0, &token);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const lw_str prefix = LW_STR("https://status.example/");
        const struct wallet_trust_entry entry = {.cert = lw_buf_view(&place.authority.ds.cert),
                                                 .state = cases[i].state,
                                                 .revoked_since = cases[i].revoked_since,
                                                 .not_after = cases[i].not_after,
                                                 .status_prefixes = &prefix,
                                                 .status_prefix_count = 1};
        WALLET_AUTO_TRUST of = NULL;
        assert_int_equal(wallet_trust_new(&of).code, LW_OK);
        assert_int_equal(wallet_trust_add(of, &entry).code, LW_OK);
        struct wallet_status_expect expect = status_expectation(&place);
        expect.trust = of;
        expect.issuer = wallet_trust_at(of, 0);
        expect.now = cases[i].now;
        assert_int_equal(read_with(lw_buf_view(&token), &expect).code, cases[i].code);
    }
}

/* The list was made before the issuer's certificate began, and is read then too. */
static void an_own_key_before_its_time_is_refused(void **state)
{
    (void)state;
    struct status_cwt cwt;
    LW_AUTO_BUF token = LW_BUF(STATUS_TOKEN_MAX);
    struct wallet_status_expect expect = status_expectation(&place);
    status_cwt_init(&cwt, &place.authority.status);
    status_cwt_set(&cwt, ITEM_CHAIN, "");
    status_cwt_set(&cwt, ITEM_IAT, "1a 6afc3540"); /* two days before STATUS_NOW */
    status_cwt_build(&cwt, &place.authority.ds, &token);
    status_cwt_free(&cwt);
    expect.now = place.authority.ds.signer.not_before;
    assert_int_equal(read_with(lw_buf_view(&token), &expect).code, LW_OK);
    expect.now--;
    assert_refused(read_with(lw_buf_view(&token), &expect), LW_E_EXPIRED, "outside its time");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_issuers_own_key_and_its_agencys_status_key_are_taken),
        cmocka_unit_test(a_stranger_is_refused),
        cmocka_unit_test(certificates_for_another_use_or_agency_are_refused),
        cmocka_unit_test(the_anchor_of_another_agency_is_refused),
        cmocka_unit_test(an_issuer_of_no_agency_has_no_status_key),
        cmocka_unit_test(a_revoked_issuers_own_key_is_refused),
        cmocka_unit_test(an_own_key_before_its_time_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
