#include "wallet/sdcwt.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"
#include "sdcwt_bend.h"
#include "wallet/lq1.h"

enum { SPACE = 1 << 16 };

/* The vector of specs/qr.md section 12 has an `iss`, which we leave out. */
enum { VECTOR_BYTES = 651, VECTOR_ISS_BYTES = 13 };

/* Verifies what `b` comes to; returns the error and fills checks and result. */
static lw_err verify(const struct bend *b, lw_bytes presentation, lw_buf *arena,
                     struct wallet_checks *checks, struct wallet_verified *out)
{
    *checks = (struct wallet_checks){.line[0].result = WALLET_CHECK_SKIPPED};
    return wallet_sdcwt_verify(presentation, &b->expect, arena, checks, out);
}

/* The license of that vector, as our own issuing sees it. */
struct city {
    struct bend bend; /* its keys and trust */
    struct hsm_signer issuer;
    struct hsm_signer holder;
    struct support_rng seeded;
    struct lw_rng rng;
    struct wallet_license_type type;
    struct wallet_license license;
    struct wallet_issue issue;
};

enum { FAMILY, GIVEN, BIRTH, CATEGORIES, EXPIRY, CITY_CLAIMS };

static void city_init(struct city *c)
{
    static const uint8_t family[] = {0x71, 'O', 'k', 'o', 'n', 'k', 'w', 'o', '-',
                                     'L',  'i', 'n', 'd', 'q', 'v', 'i', 's', 't'};
    static const uint8_t given[] = {0x65, 'A', 'd', 'a', 'e', 'z'};
    static const uint8_t birth[] = {0xd8, 0x64, 0x19, 0x1f, 0x40};
    static const uint8_t category[] = {0x64, 'B', ',', 'B', 'E'};
    static const uint8_t expiry[] = {0xd8, 0x64, 0x19, 0x58, 0x4d};
    static const int64_t keys[] = {-70001, -70002, -70003, -70004, -70005};
    const lw_bytes values[] = {LW_BYTES(family), LW_BYTES(given), LW_BYTES(birth),
                               LW_BYTES(category), LW_BYTES(expiry)};
    bend_init(&c->bend);
    hsm_soft_key_signer(c->bend.cwt.key, &c->issuer);
    hsm_soft_key_signer(c->bend.kbt.key, &c->holder);
    c->issuer.purpose = HSM_PURPOSE_CREDENTIAL;
    memcpy(c->issuer.kid, c->bend.trust.issuers[0].kid, 8);
    c->rng = support_rng(&c->seeded, 12);
    c->type = (struct wallet_license_type){.vct = LW_STR(BEND_VCT), .claim_count = CITY_CLAIMS};
    c->license = (struct wallet_license){
        .number = LW_STR("DL-4711-0815"), .valid_until = INT64_MAX, .claim_count = CITY_CLAIMS};
    for (size_t i = 0; i < CITY_CLAIMS; i++) {
        c->type.claims[i].cwt_key = keys[i];
        c->license.claims[i] = (struct wallet_claim){.def = i, .value = values[i]};
    }
    c->issue = (struct wallet_issue){
        .type = &c->type,
        .license = &c->license,
        .holder_key = c->holder.key,
        .iat = 1795000000,
        .exp = 1795000000 + 30 * 86400,
        .status = {.present = true, .idx = 48211, .uri = LW_STR("https://st.licence.example/7")},
        .rng = &c->rng,
    };
}

static void city_pass(struct city *c, struct wallet_pass_def *pass)
{
    *pass = (struct wallet_pass_def){.id = LW_STR("drive"),
                                     .claims = {FAMILY, CATEGORIES, EXPIRY},
                                     .claim_count = 3,
                                     .hours = 24};
    c->issue.pass = pass;
    c->issue.status = (struct wallet_status_ref){.present = false};
    c->issue.iat = BEND_NOW / 3600 * 3600;
    c->issue.exp = c->issue.iat + 24 * 3600;
}

static void show_as_text(struct city *c, lw_bytes credential, struct wallet_show show, lw_buf *text,
                         lw_buf *presentation)
{
    show.iat = BEND_NOW;
    show.holder = &c->holder;
    assert_int_equal(wallet_sdcwt_present(&c->type, credential, &show, presentation).code, LW_OK);
    assert_int_equal(wallet_lq1_put(lw_buf_view(presentation), text).code, LW_OK);
}

static void our_own_license_is_as_long_as_the_vector_and_verifies(void **state)
{
    static const size_t shown[] = {FAMILY, CATEGORIES, EXPIRY};
    (void)state;
    struct city c;
    city_init(&c);
    LW_AUTO_BUF credential = LW_BUF(SPACE);
    LW_AUTO_BUF presentation = LW_BUF(SPACE);
    LW_AUTO_BUF text = LW_BUF(SPACE);
    LW_AUTO_BUF arena = LW_BUF(SPACE);
    struct wallet_checks checks;
    struct wallet_verified out;
    assert_int_equal(wallet_sdcwt_issue(&c.issue, &c.issuer, BEND_NOW, &credential).code, LW_OK);
    show_as_text(&c, lw_buf_view(&credential),
                 (struct wallet_show){.disclose = shown, .disclose_count = 3}, &text,
                 &presentation);
    assert_int_equal(presentation.len, VECTOR_BYTES - VECTOR_ISS_BYTES);
    assert_int_equal(verify(&c.bend, lw_buf_view(&presentation), &arena, &checks, &out).code,
                     LW_OK);
    assert_string_equal(out.format, "dc+sd-cwt");
    assert_int_equal(out.claim_count, 3);
    assert_int_equal(out.sub.len, 0);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(out.claims[i].cwt_key, c.type.claims[shown[i]].cwt_key);
        assert_true(lw_bytes_eq(out.claims[i].value, c.license.claims[shown[i]].value));
    }
    bend_free(&c.bend);
}

/* Alphanumeric capacity at level L (ISO/IEC 18004 table 7): version 13 and version 17. */
static void codes_stay_within_their_versions(void **state)
{
    enum { V13_L = 619, V17_L = 938 };
    static const size_t shown[] = {CATEGORIES, EXPIRY};
    (void)state;
    struct city c;
    struct wallet_pass_def pass;
    LW_AUTO_BUF license = LW_BUF(SPACE);
    LW_AUTO_BUF license_text = LW_BUF(SPACE);
    LW_AUTO_BUF license_bytes = LW_BUF(SPACE);
    LW_AUTO_BUF pass_credential = LW_BUF(SPACE);
    LW_AUTO_BUF pass_text = LW_BUF(SPACE);
    LW_AUTO_BUF pass_bytes = LW_BUF(SPACE);
    city_init(&c);
    assert_int_equal(wallet_sdcwt_issue(&c.issue, &c.issuer, BEND_NOW, &license).code, LW_OK);
    show_as_text(&c, lw_buf_view(&license),
                 (struct wallet_show){.disclose = shown, .disclose_count = 2}, &license_text,
                 &license_bytes);
    city_pass(&c, &pass);
    assert_int_equal(wallet_pass_issue(&c.issue, &c.issuer, BEND_NOW, &pass_credential).code,
                     LW_OK);
    show_as_text(&c, lw_buf_view(&pass_credential), (struct wallet_show){.disclose_count = 0},
                 &pass_text, &pass_bytes);
    print_message("license, 2 of 6 shown: %zu bytes, %zu characters\n", license_bytes.len,
                  license_text.len);
    print_message("pass of 3 claims: %zu bytes, %zu characters\n", pass_bytes.len, pass_text.len);
    assert_true(license_text.len <= V17_L);
    assert_true(pass_text.len <= V13_L);
    bend_free(&c.bend);
}

static void a_pass_shows_its_claims_under_names_of_its_own(void **state)
{
    (void)state;
    struct city c;
    struct wallet_pass_def pass;
    struct wallet_verified out[2];
    LW_AUTO_BUF arena = LW_BUF(SPACE);
    lw_buf presentations[2] = {LW_BUF(SPACE), LW_BUF(SPACE)};
    city_init(&c);
    city_pass(&c, &pass);
    for (size_t i = 0; i < 2; i++) {
        LW_AUTO_BUF credential = LW_BUF(SPACE);
        LW_AUTO_BUF text = LW_BUF(SPACE);
        LW_AUTO_BUF own_arena = LW_BUF(SPACE);
        struct wallet_checks checks;
        assert_int_equal(wallet_pass_issue(&c.issue, &c.issuer, BEND_NOW, &credential).code, LW_OK);
        show_as_text(&c, lw_buf_view(&credential), (struct wallet_show){.disclose_count = 0}, &text,
                     &presentations[i]);
        assert_int_equal(verify(&c.bend, lw_buf_view(&presentations[i]),
                                i == 0 ? &arena : &own_arena, &checks, &out[i])
                             .code,
                         LW_OK);
        assert_string_equal(out[i].format, "pass");
        assert_false(out[i].status.present);
        assert_int_equal(out[i].cti.len, 16);
        assert_int_equal(out[i].sub.len, 22);
        assert_int_equal(out[i].claim_count, 3);
        if (i == 1) {
            assert_false(lw_bytes_eq(out[0].cti, out[1].cti));
            assert_false(lw_str_eq(out[0].sub, out[1].sub));
        }
    }
    lw_buf_free(&presentations[0]);
    lw_buf_free(&presentations[1]);
    bend_free(&c.bend);
}

/* Each subset of what can be disclosed: exactly that is shown. */
static void every_choice_shows_what_was_chosen(void **state)
{
    (void)state;
    struct city c;
    LW_AUTO_BUF credential = LW_BUF(SPACE);
    city_init(&c);
    assert_int_equal(wallet_sdcwt_issue(&c.issue, &c.issuer, BEND_NOW, &credential).code, LW_OK);
    for (unsigned subset = 0; subset < 1u << (CITY_CLAIMS + 1); subset++) {
        LW_AUTO_BUF presentation = LW_BUF(SPACE);
        LW_AUTO_BUF text = LW_BUF(SPACE);
        LW_AUTO_BUF arena = LW_BUF(SPACE);
        struct wallet_checks checks;
        struct wallet_verified out;
        size_t chosen[CITY_CLAIMS];
        size_t count = 0;
        for (size_t i = CITY_CLAIMS; i-- > 0;) { /* from the last, as order is free */
            if ((subset >> i & 1) != 0) {
                chosen[count++] = i;
            }
        }
        const bool number = (subset >> CITY_CLAIMS & 1) != 0;
        const struct wallet_show show = {
            .disclose = chosen, .disclose_count = count, .disclose_number = number};
        show_as_text(&c, lw_buf_view(&credential), show, &text, &presentation);
        assert_int_equal(verify(&c.bend, lw_buf_view(&presentation), &arena, &checks, &out).code,
                         LW_OK);
        assert_int_equal(out.claim_count, count);
        for (size_t i = 0; i < count; i++) {
            const size_t def = chosen[count - 1 - i]; /* keys -70001, -70002, ... sort so */
            assert_int_equal(out.claims[i].cwt_key, c.type.claims[def].cwt_key);
            assert_true(lw_bytes_eq(out.claims[i].value, c.license.claims[def].value));
        }
        assert_true(lw_str_is(out.sub, number ? "DL-4711-0815" : ""));
    }
    bend_free(&c.bend);
}

static void claims_are_hidden_shown_or_left_out_as_the_type_says(void **state)
{
    static const size_t everything[] = {GIVEN, CATEGORIES};
    static const size_t left_out[] = {BIRTH};
    (void)state;
    struct city c;
    LW_AUTO_BUF credential = LW_BUF(SPACE);
    LW_AUTO_BUF presentation = LW_BUF(SPACE);
    LW_AUTO_BUF text = LW_BUF(SPACE);
    LW_AUTO_BUF arena = LW_BUF(SPACE);
    struct wallet_checks checks;
    struct wallet_verified out;
    city_init(&c);
    c.type.claims[CATEGORIES].disclose = WALLET_DISCLOSE_ALWAYS;
    c.type.claims[BIRTH].disclose = WALLET_DISCLOSE_NEVER;
    assert_int_equal(wallet_sdcwt_issue(&c.issue, &c.issuer, BEND_NOW, &credential).code, LW_OK);
    show_as_text(&c, lw_buf_view(&credential),
                 (struct wallet_show){.disclose = everything, .disclose_count = 2}, &text,
                 &presentation);
    assert_int_equal(verify(&c.bend, lw_buf_view(&presentation), &arena, &checks, &out).code,
                     LW_OK);
    assert_int_equal(out.claim_count, 2);
    const struct wallet_show bad = {
        .disclose = left_out, .disclose_count = 1, .iat = BEND_NOW, .holder = &c.holder};
    LW_AUTO_BUF unshown = LW_BUF(SPACE);
    assert_int_equal(wallet_sdcwt_present(&c.type, lw_buf_view(&credential), &bad, &unshown).code,
                     LW_E_NOT_FOUND);
    assert_int_equal(unshown.len, 0);
    bend_free(&c.bend);
}

static void a_challenge_is_answered(void **state)
{
    (void)state;
    struct city c;
    LW_AUTO_BUF credential = LW_BUF(SPACE);
    city_init(&c);
    bend_challenge(&c.bend);
    assert_int_equal(wallet_sdcwt_issue(&c.issue, &c.issuer, BEND_NOW, &credential).code, LW_OK);
    for (size_t right = 0; right <= 1; right++) {
        static const uint8_t other[16] = {9};
        LW_AUTO_BUF presentation = LW_BUF(SPACE);
        LW_AUTO_BUF text = LW_BUF(SPACE);
        LW_AUTO_BUF arena = LW_BUF(SPACE);
        struct wallet_checks checks;
        struct wallet_verified out;
        const struct wallet_show show = {
            .aud = c.bend.expect.aud, .nonce = right == 1 ? c.bend.expect.nonce : LW_BYTES(other)};
        show_as_text(&c, lw_buf_view(&credential), show, &text, &presentation);
        assert_int_equal(verify(&c.bend, lw_buf_view(&presentation), &arena, &checks, &out).code,
                         right == 1 ? LW_OK : LW_E_DENIED);
    }
    bend_free(&c.bend);
}

static void what_cannot_be_shown_is_refused_before_signing(void **state)
{
    static const uint8_t short_nonce[15] = {1};
    (void)state;
    struct city c;
    LW_AUTO_BUF credential = LW_BUF(SPACE);
    LW_AUTO_BUF out = LW_BUF(SPACE);
    city_init(&c);
    assert_int_equal(wallet_sdcwt_issue(&c.issue, &c.issuer, BEND_NOW, &credential).code, LW_OK);
    struct wallet_show show = {.iat = BEND_NOW, .holder = &c.holder};
    show.nonce = LW_BYTES(short_nonce);
    assert_int_equal(wallet_sdcwt_present(&c.type, lw_buf_view(&credential), &show, &out).code,
                     LW_E_VALUE);
    show.nonce = (lw_bytes){NULL, 0};
    struct hsm_signer stranger = c.issuer;
    stranger.purpose = HSM_PURPOSE_HOLDER;
    show.holder = &stranger;
    assert_int_equal(wallet_sdcwt_present(&c.type, lw_buf_view(&credential), &show, &out).code,
                     LW_E_DENIED);
    show.holder = &c.holder;
    const lw_bytes cut = {credential.ptr, credential.len - 1};
    assert_int_equal(wallet_sdcwt_present(&c.type, cut, &show, &out).code, LW_E_SYNTAX);
    assert_int_equal(out.len, 0);
    bend_free(&c.bend);
}

static void check_not_issued(struct city *c, bool pass, lw_code code)
{
    LW_AUTO_BUF out = LW_BUF(SPACE);
    const lw_err err = pass ? wallet_pass_issue(&c->issue, &c->issuer, BEND_NOW, &out)
                            : wallet_sdcwt_issue(&c->issue, &c->issuer, BEND_NOW, &out);
    assert_int_equal(err.code, code);
    assert_int_equal(out.len, 0);
    bend_free(&c->bend);
    city_init(c);
}

static lw_err no_random(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx;
    (void)out;
    (void)n;
    return LW_FAIL(LW_E_CRYPTO, "test: no random bytes", LW_NOWHERE);
}

static void what_breaks_a_rule_is_not_issued(void **state)
{
    (void)state;
    struct city c;
    struct wallet_pass_def pass;
    city_init(&c);
    c.issue.exp = c.issue.iat;
    check_not_issued(&c, false, LW_E_VALUE);
    c.license.valid_until = c.issue.exp - 1;
    check_not_issued(&c, false, LW_E_VALUE);
    c.issuer.purpose = HSM_PURPOSE_MDOC;
    check_not_issued(&c, false, LW_E_DENIED);
    c.issuer.not_after = BEND_NOW;
    check_not_issued(&c, false, LW_E_EXPIRED);
    c.type.claims[GIVEN].cwt_key = 11; /* a claim that may not be hidden */
    check_not_issued(&c, false, LW_E_VALUE);
    c.type.claims[GIVEN].cwt_key = c.type.claims[FAMILY].cwt_key;
    check_not_issued(&c, false, LW_E_VALUE);
    c.type.claims[GIVEN].cwt_key = c.type.claims[FAMILY].cwt_key;
    c.type.claims[GIVEN].disclose = WALLET_DISCLOSE_ALWAYS;
    c.type.claims[FAMILY].disclose = WALLET_DISCLOSE_ALWAYS;
    check_not_issued(&c, false, LW_E_CONFLICT);
    c.license.claims[GIVEN].value = LW_BYTES(((uint8_t[]){0x61}));
    check_not_issued(&c, false, LW_E_SYNTAX);
    c.issue.rng = &(struct lw_rng){.fill = no_random};
    check_not_issued(&c, false, LW_E_CRYPTO);

    c.issue.status.present = false;
    check_not_issued(&c, true, LW_E_MISUSE);
    city_pass(&c, &pass);
    c.issue.status.present = true;
    check_not_issued(&c, true, LW_E_MISUSE);
    city_pass(&c, &pass);
    c.issue.exp++;
    check_not_issued(&c, true, LW_E_VALUE);
    city_pass(&c, &pass);
    c.issue.rng = &(struct lw_rng){.fill = no_random};
    check_not_issued(&c, true, LW_E_CRYPTO);
    bend_free(&c.bend);
}

static void a_token_longer_than_the_limit_is_not_read(void **state)
{
    static uint8_t zeros[WALLET_SDCWT_MAX + 1];
    (void)state;
    struct wallet_sdcwt cwt;
    struct wallet_sdkbt kbt;
    assert_int_equal(wallet_sdcwt_parse(LW_BYTES(zeros), &cwt).code, LW_E_LIMIT);
    assert_int_equal(wallet_sdkbt_parse(LW_BYTES(zeros), &kbt).code, LW_E_LIMIT);
}

static void what_cannot_be_read_is_not_revealed(void **state)
{
    static const struct {
        const char *claims;
        const char *sd_claims;
        lw_code code;
    } cases[] = {
        {"a10102", "", LW_OK},
        {"a10102", "80", LW_OK},
        {"a1010200", "", LW_E_SYNTAX},
        {"80", "", LW_E_SYNTAX},
        {"a2010201 02", "", LW_E_SYNTAX},
        {"a101d83a00", "", LW_E_VALUE},
        {"a10102", "8000", LW_E_SYNTAX},
        {"a10102", "00", LW_E_SYNTAX},
        {"a10102", "8100", LW_E_SYNTAX},
        {"a10102", "9f41 00ff", LW_E_SYNTAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF claims = LW_BUF(SPACE);
        LW_AUTO_BUF sd_claims = LW_BUF(SPACE);
        LW_AUTO_BUF out = LW_BUF(SPACE);
        support_hex(cases[i].claims, &claims);
        support_hex(cases[i].sd_claims, &sd_claims);
        const lw_err err = wallet_sdcwt_reveal(lw_buf_view(&claims), lw_buf_view(&sd_claims), &out);
        if (err.code != cases[i].code) {
            print_error("%s %s: %s\n", cases[i].claims, cases[i].sd_claims, err.why);
        }
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(out.len, err.code == LW_OK ? claims.len : 0);
    }
}

static void the_nonce_is_read_alone_for_looking_it_up(void **state)
{
    (void)state;
    struct bend b;
    LW_AUTO_BUF passive = LW_BUF(SPACE);
    LW_AUTO_BUF challenged = LW_BUF(SPACE);
    lw_bytes cnonce;
    bend_init(&b);
    bend_build(&b, &passive);
    assert_int_equal(wallet_sdkbt_cnonce(lw_buf_view(&passive), &cnonce).code, LW_OK);
    assert_int_equal(cnonce.len, 0);
    bend_challenge(&b);
    bend_build(&b, &challenged);
    assert_int_equal(wallet_sdkbt_cnonce(lw_buf_view(&challenged), &cnonce).code, LW_OK);
    assert_true(lw_bytes_eq(cnonce, b.expect.nonce));
    const lw_bytes cut = {.ptr = challenged.ptr, .len = challenged.len - 1};
    assert_int_equal(wallet_sdkbt_cnonce(cut, &cnonce).code, LW_E_SYNTAX);
    bend_set(&b.kbt.claims, "1827", "4f 000102030405060708090a0b0c0d0e");
    lw_buf_truncate(&challenged, 0);
    bend_build(&b, &challenged);
    assert_int_equal(wallet_sdkbt_cnonce(lw_buf_view(&challenged), &cnonce).code, LW_E_VALUE);
    bend_bytes(&b.kbt.claims_raw, "a1 1827");
    lw_buf_truncate(&challenged, 0);
    bend_build(&b, &challenged);
    assert_int_equal(wallet_sdkbt_cnonce(lw_buf_view(&challenged), &cnonce).code, LW_E_SYNTAX);
    static const uint8_t long_one[WALLET_SDCWT_MAX + 1];
    assert_int_equal(wallet_sdkbt_cnonce(LW_BYTES(long_one), &cnonce).code, LW_E_LIMIT);
    bend_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(our_own_license_is_as_long_as_the_vector_and_verifies),
        cmocka_unit_test(codes_stay_within_their_versions),
        cmocka_unit_test(a_pass_shows_its_claims_under_names_of_its_own),
        cmocka_unit_test(every_choice_shows_what_was_chosen),
        cmocka_unit_test(claims_are_hidden_shown_or_left_out_as_the_type_says),
        cmocka_unit_test(a_challenge_is_answered),
        cmocka_unit_test(the_nonce_is_read_alone_for_looking_it_up),
        cmocka_unit_test(what_cannot_be_shown_is_refused_before_signing),
        cmocka_unit_test(what_cannot_be_read_is_not_revealed),
        cmocka_unit_test(a_token_longer_than_the_limit_is_not_read),
        cmocka_unit_test(what_breaks_a_rule_is_not_issued),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
