/*
 * From the formats' own verify functions to reason codes, with nothing in between: what they say
 * of time, trust and audience is understood by the policy.
 */
#include "wallet/format.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "authority.h"
#include "bytes.h"
#include "lw/clock.h"
#include "wallet/policy_accept.h"

enum { NOW = 1795086400, IAT = NOW - 7200, EXP = IAT + LW_DAY_S, YEAR_S = 365 * LW_DAY_S };

#define VCT "https://lic.example/dl"
#define STATUS_URI "https://status.example/7"

static struct support_authority authority;
static struct hsm_soft_key *holder_key;
static struct hsm_signer holder;
static struct wallet_license_type type;
static struct wallet_license license;
static struct wallet_pass_def pass_def;

static int set_up(void **state)
{
    static const uint8_t category[] = {0x61, 'B'};
    (void)state;
    support_authority_init(&authority, "agency-1", NOW);
    if (hsm_soft_key_generate(&holder_key).code != LW_OK) {
        return -1;
    }
    hsm_soft_key_signer(holder_key, &holder);
    type.vct = LW_STR(VCT);
    type.validity_claim = SIZE_MAX;
    type.offline_without_status = true;
    type.claim_count = 1;
    type.claims[0] =
        (struct wallet_claim_def){.path = {LW_STR("category")}, .depth = 1, .cwt_key = -70004};
    license.number = LW_STR("DL-1");
    license.valid_until = INT64_MAX;
    license.claim_count = 1;
    license.claims[0].value = LW_BYTES(category);
    pass_def = (struct wallet_pass_def){.claim_count = 1, .hours = 24};
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    hsm_soft_key_free(holder_key);
    support_authority_free(&authority);
    return 0;
}

static const char *const formats[] = {"dc+sd-cwt", "dc+sd-jwt", "pass"};
enum { FORMATS = 3, SD_JWT = 1, PASS = 2 };

static void show(size_t f, lw_buf *presentation)
{
    const struct wallet_format *format = wallet_format_by_name(lw_str_c(formats[f]));
    struct support_rng seed;
    const struct lw_rng rng = support_rng(&seed, f);
    const size_t disclose[] = {0};
    LW_AUTO_BUF credential = LW_BUF(WALLET_CREDENTIAL_MAX);
    const struct wallet_issue issue = {
        .type = &type,
        .license = &license,
        .holder_key = holder.key,
        .iat = IAT,
        .exp = EXP,
        .status = {.present = f != PASS, .idx = 7, .uri = LW_STR(STATUS_URI)},
        .pass = f == PASS ? &pass_def : NULL,
        .rng = &rng};
    const struct wallet_show what = {.disclose = disclose,
                                     .disclose_count = f == PASS ? 0 : 1,
                                     .aud = f == SD_JWT ? LW_STR("us") : LW_STR(""),
                                     .nonce = f == SD_JWT ? lw_str_bytes(LW_STR("nonce"))
                                                          : lw_str_bytes(LW_STR("")),
                                     .iat = NOW,
                                     .holder = &holder};
    assert_non_null(format);
    assert_int_equal(format->issue(&issue, &authority.ds.signer, NOW, &credential).code, LW_OK);
    assert_int_equal(format->present(&type, lw_buf_view(&credential), &what, presentation).code,
                     LW_OK);
}

/* One thing that differs from what is accepted. */
struct bend {
    int64_t now;
    const char *vct;
    enum wallet_issuer_state state;
    int64_t not_after;
    bool no_issuer;
    bool for_others;
};

static struct wallet_trust *trust_of(const struct bend *bend)
{
    const lw_str vct = lw_str_c(bend->vct);
    const struct wallet_trust_entry entry = {.cert = lw_buf_view(&authority.ds.cert),
                                             .vcts = &vct,
                                             .vct_count = 1,
                                             .state = bend->state,
                                             .revoked_since = INT64_MIN,
                                             .not_after = bend->not_after};
    struct wallet_trust *trust = NULL;
    assert_int_equal(wallet_trust_new(&trust).code, LW_OK);
    if (!bend->no_issuer) {
        assert_int_equal(wallet_trust_add(trust, &entry).code, LW_OK);
    }
    return trust;
}

static struct wallet_decision decide(size_t f, lw_bytes presentation, const struct bend *bend)
{
    const struct wallet_format *format = wallet_format_by_name(lw_str_c(formats[f]));
    WALLET_AUTO_TRUST trust = trust_of(bend);
    LW_AUTO_BUF arena = LW_BUF(1 << 20);
    struct wallet_checks checks = {.line = {{.detail = NULL}}};
    struct wallet_verified verified;
    struct wallet_decision decision;
    const bool jwt = f == SD_JWT;
    const struct wallet_expect expect = {
        .now = bend->now,
        .trust = trust,
        .passive = !bend->for_others,
        .aud = jwt && !bend->for_others ? LW_STR("us") : LW_STR("them"),
        .nonce = jwt ? lw_str_bytes(LW_STR("nonce")) : lw_str_bytes(LW_STR("")),
        .window_past_s = 45,
        .window_ahead_s = 30,
        .skew_s = 60,
        .holder_required = true};
    const lw_err err = format->verify(presentation, &expect, &arena, &checks, &verified);
    const struct wallet_policy_input in = {
        .err = err,
        .verified = err.code == LW_OK ? &verified : NULL,
        .type = &type,
        .status = {.outcome = WALLET_STATUS_VALID, .as_of = bend->now},
        .facts = {.now = bend->now, .skew_s = 60, .clock_trusted = true}};
    wallet_policy_decide(&in, &checks, &decision);
    return decision;
}

static void each_format_has_its_row(void **state)
{
    (void)state;
    for (size_t f = 0; f < FORMATS; f++) {
        const struct wallet_format *format = wallet_format_by_name(lw_str_c(formats[f]));
        assert_non_null(format);
        assert_string_equal(format->name, formats[f]);
        assert_int_equal(format->bit,
                         f == SD_JWT ? WALLET_FORMAT_BIT_SDJWT : WALLET_FORMAT_BIT_SDCWT);
    }
    assert_null(wallet_format_by_name(LW_STR("")));
    assert_null(wallet_format_by_name(LW_STR("dc+sd-jw")));
    assert_null(wallet_format_by_name(LW_STR("DC+SD-JWT")));
    assert_null(wallet_format_by_name(LW_STR("mso_mdoc")));
}

static void every_format_gives_the_same_reasons(void **state)
{
    static const struct {
        struct bend bend;
        enum wallet_result result;
        enum wallet_check check;
        enum wallet_reason reason;
    } cases[] = {
        {{NOW, VCT, WALLET_ISSUER_ACTIVE, NOW, false, false},
         WALLET_ACCEPTED,
         0,
         WALLET_REASON_NONE},
        {{EXP - 1, VCT, WALLET_ISSUER_ACTIVE, EXP, false, false},
         WALLET_UNDETERMINED,
         WALLET_CHECK_FRESHNESS,
         WALLET_REASON_OUT_OF_DATE},
        {{EXP + 60, VCT, WALLET_ISSUER_ACTIVE, EXP + 60, false, false},
         WALLET_REFUSED,
         WALLET_CHECK_VALIDITY,
         WALLET_REASON_EXPIRED},
        {{IAT - 61, VCT, WALLET_ISSUER_ACTIVE, NOW, false, false},
         WALLET_REFUSED,
         WALLET_CHECK_VALIDITY,
         WALLET_REASON_NOT_YET_VALID},
        {{NOW + 46, VCT, WALLET_ISSUER_ACTIVE, EXP, false, false},
         WALLET_UNDETERMINED,
         WALLET_CHECK_FRESHNESS,
         WALLET_REASON_OUT_OF_DATE},
        {{NOW - 31, VCT, WALLET_ISSUER_ACTIVE, EXP, false, false},
         WALLET_UNDETERMINED,
         WALLET_CHECK_FRESHNESS,
         WALLET_REASON_OUT_OF_DATE},
        {{NOW, "other", WALLET_ISSUER_ACTIVE, NOW, false, false},
         WALLET_REFUSED,
         WALLET_CHECK_TRUST,
         WALLET_REASON_ISSUER_NOT_ALLOWED},
        {{NOW, VCT, WALLET_ISSUER_REVOKED, NOW, false, false},
         WALLET_REFUSED,
         WALLET_CHECK_TRUST,
         WALLET_REASON_ISSUER_REVOKED},
        {{NOW, VCT, WALLET_ISSUER_ACTIVE, NOW - 1, false, false},
         WALLET_REFUSED,
         WALLET_CHECK_TRUST,
         WALLET_REASON_ISSUER_EXPIRED},
        {{NOW, VCT, WALLET_ISSUER_ACTIVE, NOW, true, false},
         WALLET_REFUSED,
         WALLET_CHECK_TRUST,
         WALLET_REASON_ISSUER_UNKNOWN},
        {{NOW, VCT, WALLET_ISSUER_ACTIVE, NOW, false, true},
         WALLET_REFUSED,
         WALLET_CHECK_AUDIENCE,
         WALLET_REASON_WRONG_AUDIENCE},
    };
    (void)state;
    for (size_t f = 0; f < FORMATS; f++) {
        LW_AUTO_BUF presentation = LW_BUF(WALLET_CREDENTIAL_MAX);
        show(f, &presentation);
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            const struct wallet_decision decision =
                decide(f, lw_buf_view(&presentation), &cases[i].bend);
            if (decision.reason != cases[i].reason) {
                print_error("%s, case %zu: %s\n", formats[f], i,
                            decision.reason == 0 ? "accepted"
                                                 : wallet_reason_code(decision.reason));
            }
            assert_int_equal(decision.result, cases[i].result);
            assert_int_equal(decision.reason, cases[i].reason);
            assert_int_equal(decision.check, cases[i].check);
        }
    }
}

/* Whatever byte is changed, the answer is a refusal with a reason, and not of the status. */
static void a_changed_byte_is_refused_with_a_reason(void **state)
{
    static const struct bend none = {NOW, VCT, WALLET_ISSUER_ACTIVE, NOW, false, false};
    (void)state;
    for (size_t f = 0; f < FORMATS; f++) {
        LW_AUTO_BUF presentation = LW_BUF(WALLET_CREDENTIAL_MAX);
        show(f, &presentation);
        for (size_t i = 0; i < presentation.len; i += 3) {
            presentation.ptr[i] ^= 1;
            const struct wallet_decision decision = decide(f, lw_buf_view(&presentation), &none);
            presentation.ptr[i] ^= 1;
            assert_int_equal(decision.result, WALLET_REFUSED);
            assert_int_not_equal(decision.reason, WALLET_REASON_NONE);
            assert_true(decision.check < WALLET_CHECK_STATUS);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_format_has_its_row),
        cmocka_unit_test(every_format_gives_the_same_reasons),
        cmocka_unit_test(a_changed_byte_is_refused_with_a_reason),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
