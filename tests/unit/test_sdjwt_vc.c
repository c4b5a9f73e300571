#include "wallet/sdjwt_vc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sdjwt_bend.h"
#include "wallet/cbor.h"
#include "wallet/value.h"

enum { ARENA = 1 << 20, CLAIMS = 9, LONG = 48600 };

#define TEXT(literal_)                                                                             \
    {                                                                                              \
        .ptr = (literal_), .len = sizeof(literal_) - 1                                             \
    }

/* Claims of every manner of disclosure, at the top and below. */
static const struct wallet_license_type type = {
    .id = TEXT("dl"),
    .vct = TEXT(VC_TYPE),
    .claims =
        {
            {.path = {TEXT("category")}, .depth = 1, .kind = WALLET_KIND_TEXT},
            {.path = {TEXT("issuing_country")},
             .depth = 1,
             .kind = WALLET_KIND_TEXT,
             .disclose = WALLET_DISCLOSE_ALWAYS},
            {.path = {TEXT("address"), TEXT("city")}, .depth = 2, .kind = WALLET_KIND_TEXT},
            {.path = {TEXT("expiry_date")}, .depth = 1, .kind = WALLET_KIND_DATE},
            {.path = {TEXT("address"), TEXT("country")},
             .depth = 2,
             .kind = WALLET_KIND_TEXT,
             .disclose = WALLET_DISCLOSE_ALWAYS},
            {.path = {TEXT("notes")},
             .depth = 1,
             .kind = WALLET_KIND_TEXT,
             .disclose = WALLET_DISCLOSE_NEVER},
            {.path = {TEXT("restrictions")}, .depth = 1, .kind = WALLET_KIND_TEXTS},
            {.path = {TEXT("secret"), TEXT("note")},
             .depth = 2,
             .kind = WALLET_KIND_TEXT,
             .disclose = WALLET_DISCLOSE_NEVER},
            {.path = {TEXT("vehicle"), TEXT("city")},
             .depth = 2,
             .kind = WALLET_KIND_TEXT,
             .disclose = WALLET_DISCLOSE_ALWAYS},
        },
    .claim_count = CLAIMS,
};

/* The license has all claims but "restrictions". */
static const char *const texts[CLAIMS] = {
    "C1",           "CN", "\xe5\x8d\x97\xe9\x80\x9a", "2027-03-01", "CN",
    "not for show", NULL, "not for show either",      "B"};

struct bench {
    struct vc_bend keys; /* issuer, holder, trust; its presentation is not used */
    struct wallet_license license;
    lw_buf values[CLAIMS];
    struct hsm_signer holder;
    struct wallet_issue issue;
    struct support_rng seed;
    struct lw_rng rng;
};

static int setup(void **state)
{
    struct bench *b = test_malloc(sizeof(*b));
    *b = (struct bench){.license = {.number = LW_STR("DL-\"0001\""), .valid_from = VC_NOW - 86400}};
    vc_bend_init(&b->keys);
    for (size_t i = 0; i < CLAIMS; i++) {
        b->values[i] = LW_BUF(256);
        if (texts[i] == NULL) {
            continue;
        }
        assert_int_equal(
            wallet_value_from_text(type.claims[i].kind, lw_str_c(texts[i]), &b->values[i]).code,
            LW_OK);
        b->license.claims[b->license.claim_count++] =
            (struct wallet_claim){.def = i, .value = lw_buf_view(&b->values[i])};
    }
    hsm_soft_key_signer(b->keys.holder, &b->holder);
    b->rng = support_rng(&b->seed, 7);
    b->issue = (struct wallet_issue){
        .type = &type,
        .license = &b->license,
        .holder_key = b->holder.key,
        .iat = 1795046400,
        .exp = 1797638400,
        .status = {.present = true, .idx = 99, .uri = LW_STR(VC_STATUS)},
        .issuer_uri = LW_STR(VC_ISSUER),
        .rng = &b->rng,
    };
    b->keys.issuer.signer.not_before = VC_NOW - 86400;
    b->keys.issuer.signer.not_after = VC_NOW + 86400;
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    for (size_t i = 0; i < CLAIMS; i++) {
        lw_buf_free(&b->values[i]);
    }
    vc_bend_free(&b->keys);
    test_free(b);
    return 0;
}

static lw_err issue(struct bench *b, lw_buf *credential)
{
    return wallet_sdjwt_vc_issue(&b->issue, &b->keys.issuer.signer, VC_NOW, credential);
}

static struct wallet_show show_of(const struct bench *b, const size_t *disclose, size_t count)
{
    return (struct wallet_show){.disclose = disclose,
                                .disclose_count = count,
                                .aud = LW_STR(VC_AUD),
                                .nonce = lw_str_bytes(LW_STR(VC_NONCE)),
                                .iat = VC_NOW,
                                .holder = &b->holder};
}

/* The decoded payload of the issuer-signed JWT, as a tree. */
static json_t *payload_of(const lw_buf *credential)
{
    struct wallet_sdjwt sd;
    struct wallet_jws jws;
    LW_AUTO_BUF arena = LW_BUF(ARENA);
    assert_int_equal(wallet_sdjwt_split(lw_buf_text(credential), &sd).code, LW_OK);
    assert_int_equal(wallet_jws_parse(sd.issuer_jwt, &arena, &jws).code, LW_OK);
    json_t *tree =
        json_loadb((const char *)jws.payload.ptr, jws.payload.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(tree);
    return tree;
}

static void a_credential_says_what_the_checklist_demands(void **state)
{
    struct bench *b = *state;
    LW_AUTO_BUF credential = LW_BUF(WALLET_CREDENTIAL_MAX);
    assert_int_equal(issue(b, &credential).code, LW_OK);
    assert_int_equal(credential.ptr[credential.len - 1], '~');
    json_t *payload = payload_of(&credential);
    assert_string_equal(json_string_value(json_object_get(payload, "vct")), VC_TYPE);
    assert_string_equal(json_string_value(json_object_get(payload, "iss")), VC_ISSUER);
    assert_int_equal(json_integer_value(json_object_get(payload, "iat")), 1795046400);
    assert_int_equal(json_integer_value(json_object_get(payload, "exp")), 1797638400);
    assert_null(json_object_get(payload, "nbf"));
    assert_string_equal(json_string_value(json_object_get(payload, "_sd_alg")), "sha-256");
    assert_string_equal(json_string_value(json_object_get(payload, "issuing_country")), "CN");
    const json_t *list = json_object_get(json_object_get(payload, "status"), "status_list");
    assert_int_equal(json_integer_value(json_object_get(list, "idx")), 99);
    assert_string_equal(json_string_value(json_object_get(list, "uri")), VC_STATUS);
    assert_non_null(json_object_get(json_object_get(payload, "cnf"), "jwk"));
    /* What is never disclosed leaves neither claim nor digest. */
    assert_null(json_object_get(payload, "notes"));
    assert_null(json_object_get(payload, "secret"));
    assert_int_equal(json_object_size(payload), 11);
    const json_t *address = json_object_get(payload, "address");
    assert_string_equal(json_string_value(json_object_get(address, "country")), "CN");
    assert_int_equal(json_array_size(json_object_get(address, "_sd")), 1);
    assert_int_equal(json_object_size(address), 2);
    /* Number, category, expiry date, and a decoy for the restrictions that are not there. */
    const json_t *digests = json_object_get(payload, "_sd");
    assert_int_equal(json_array_size(digests), 4);
    for (size_t i = 1; i < 4; i++) {
        assert_true(strcmp(json_string_value(json_array_get(digests, i - 1)),
                           json_string_value(json_array_get(digests, i))) < 0);
    }
    json_decref(payload);
}

static void the_number_of_digests_says_nothing_about_the_claims(void **state)
{
    struct bench *b = *state;
    LW_AUTO_BUF credential = LW_BUF(WALLET_CREDENTIAL_MAX);
    b->license.claim_count = 0;
    assert_int_equal(issue(b, &credential).code, LW_OK);
    json_t *payload = payload_of(&credential);
    assert_int_equal(json_array_size(json_object_get(payload, "_sd")), 4);
    assert_int_equal(json_array_size(json_object_get(json_object_get(payload, "address"), "_sd")),
                     1);
    json_decref(payload);
}

static void two_credentials_of_one_license_share_no_digest_or_disclosure(void **state)
{
    struct bench *b = *state;
    LW_AUTO_BUF one = LW_BUF(WALLET_CREDENTIAL_MAX);
    LW_AUTO_BUF two = LW_BUF(WALLET_CREDENTIAL_MAX);
    struct wallet_sdjwt first;
    struct wallet_sdjwt second;
    assert_int_equal(issue(b, &one).code, LW_OK);
    assert_int_equal(issue(b, &two).code, LW_OK);
    assert_int_equal(wallet_sdjwt_split(lw_buf_text(&one), &first).code, LW_OK);
    assert_int_equal(wallet_sdjwt_split(lw_buf_text(&two), &second).code, LW_OK);
    assert_int_equal(first.disclosure_count, 4);
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < 4; k++) {
            assert_false(lw_str_eq(first.disclosures[i], second.disclosures[k]));
        }
    }
}

/* Presents, verifies, and gives what was shown as "name=value;..." in order of names. */
static void shown(struct bench *b, const struct wallet_show *show, char *out, size_t len)
{
    LW_AUTO_BUF credential = LW_BUF(WALLET_CREDENTIAL_MAX);
    LW_AUTO_BUF presentation = LW_BUF(WALLET_CREDENTIAL_MAX);
    LW_AUTO_BUF arena = LW_BUF(ARENA);
    struct wallet_checks checks = {0};
    struct wallet_verified verified;
    assert_int_equal(issue(b, &credential).code, LW_OK);
    assert_int_equal(
        wallet_sdjwt_vc_present(&type, lw_buf_view(&credential), show, &presentation).code, LW_OK);
    const lw_err err = wallet_sdjwt_vc_verify(lw_buf_view(&presentation), &b->keys.expect, &arena,
                                              &checks, &verified);
    assert_int_equal(err.code, LW_OK);
    size_t at = (size_t)snprintf(out, len, "%.*s;", (int)verified.sub.len,
                                 verified.sub.len == 0 ? "" : verified.sub.ptr);
    static const char *const names[] = {"address", "category", "expiry_date", "issuing_country"};
    assert_int_equal(verified.claim_count,
                     3 + (show->disclose_count > 0 && show->disclose[0] == 0 ? 2 : 0));
    for (size_t i = 0; i < 4; i++) {
        for (size_t k = 0; k < verified.claim_count; k++) {
            if (lw_str_is(verified.claims[k].name, names[i])) {
                at += (size_t)snprintf(out + at, len - at, "%s=%.*s;", names[i],
                                       (int)verified.claims[k].value.len,
                                       (const char *)verified.claims[k].value.ptr);
            }
        }
    }
}

static void exactly_what_is_chosen_is_shown(void **state)
{
    struct bench *b = *state;
    char out[512];
    struct wallet_show show = show_of(b, NULL, 0);
    shown(b, &show, out, sizeof(out));
    assert_string_equal(out, ";address={\"country\":\"CN\"};issuing_country=\"CN\";");
    show.disclose_number = true;
    shown(b, &show, out, sizeof(out));
    assert_string_equal(out, "DL-\"0001\";address={\"country\":\"CN\"};issuing_country=\"CN\";");
    const size_t two[] = {0, 3};
    show = show_of(b, two, 2);
    shown(b, &show, out, sizeof(out));
    assert_string_equal(out, ";address={\"country\":\"CN\"};category=\"C1\";"
                             "expiry_date=\"2027-03-01\";issuing_country=\"CN\";");
    const size_t below[] = {2, 1}; /* one of them is shown anyway */
    show = show_of(b, below, 2);
    shown(b, &show, out, sizeof(out));
    assert_string_equal(out, ";address={\"country\":\"CN\",\"city\":\"\xe5\x8d\x97\xe9\x80\x9a\"};"
                             "issuing_country=\"CN\";");
}

static void what_cannot_be_shown_is_refused(void **state)
{
    struct bench *b = *state;
    LW_AUTO_BUF credential = LW_BUF(WALLET_CREDENTIAL_MAX);
    LW_AUTO_BUF out = LW_BUF(WALLET_CREDENTIAL_MAX);
    assert_int_equal(issue(b, &credential).code, LW_OK);
    const lw_bytes bytes = lw_buf_view(&credential);
    assert_int_equal(lw_buf_put_c(&out, "kept").code, LW_OK);

    const size_t absent[] = {6};
    const size_t never[] = {5};
    const size_t beyond[] = {CLAIMS};
    const size_t *const wishes[] = {absent, never, beyond};
    for (size_t i = 0; i < 3; i++) {
        const struct wallet_show show = show_of(b, wishes[i], 1);
        assert_int_equal(wallet_sdjwt_vc_present(&type, bytes, &show, &out).code, LW_E_NOT_FOUND);
    }
    struct wallet_show show = show_of(b, NULL, 0);
    struct hsm_signer stranger;
    hsm_soft_key_signer(b->keys.other, &stranger);
    show.holder = &stranger;
    assert_int_equal(wallet_sdjwt_vc_present(&type, bytes, &show, &out).code, LW_E_DENIED);
    show = show_of(b, NULL, 0);
    show.aud = LW_STR("\xff");
    assert_int_equal(wallet_sdjwt_vc_present(&type, bytes, &show, &out).code, LW_E_VALUE);
    show = show_of(b, NULL, 0);
    const lw_bytes cut = {bytes.ptr, bytes.len - 1};
    assert_int_equal(wallet_sdjwt_vc_present(&type, cut, &show, &out).code, LW_E_VALUE);
    LW_AUTO_BUF small = LW_BUF(100);
    assert_int_equal(wallet_sdjwt_vc_present(&type, bytes, &show, &small).code, LW_E_LIMIT);
    assert_int_equal(small.len, 0);
    assert_true(lw_str_is(lw_buf_text(&out), "kept"));
}

static void a_presentation_is_no_credential_to_present_from(void **state)
{
    struct bench *b = *state;
    LW_AUTO_BUF credential = LW_BUF(WALLET_CREDENTIAL_MAX);
    LW_AUTO_BUF once = LW_BUF(WALLET_CREDENTIAL_MAX);
    LW_AUTO_BUF twice = LW_BUF(WALLET_CREDENTIAL_MAX);
    const struct wallet_show show = show_of(b, NULL, 0);
    assert_int_equal(issue(b, &credential).code, LW_OK);
    assert_int_equal(wallet_sdjwt_vc_present(&type, lw_buf_view(&credential), &show, &once).code,
                     LW_OK);
    const lw_err err = wallet_sdjwt_vc_present(&type, lw_buf_view(&once), &show, &twice);
    assert_int_equal(err.code, LW_E_VALUE);
    assert_string_equal(err.why, "sdjwt: a presentation is no credential");
}

static void a_license_that_begins_later_has_its_beginning(void **state)
{
    struct bench *b = *state;
    LW_AUTO_BUF credential = LW_BUF(WALLET_CREDENTIAL_MAX);
    b->license.valid_from = b->issue.iat + 1;
    assert_int_equal(issue(b, &credential).code, LW_OK);
    json_t *payload = payload_of(&credential);
    assert_int_equal(json_integer_value(json_object_get(payload, "nbf")), b->issue.iat + 1);
    json_decref(payload);
}

static void orders_that_make_no_credential_are_refused(void **state)
{
    struct bench *b = *state;
    const struct wallet_issue good = b->issue;
    LW_AUTO_BUF out = LW_BUF(WALLET_CREDENTIAL_MAX);
    const struct wallet_pass_def pass = {.hours = 24};
    b->issue.pass = &pass;
    assert_int_equal(issue(b, &out).code, LW_E_UNSUPPORTED);
    b->issue = good;
    b->issue.exp = b->issue.iat;
    assert_int_equal(issue(b, &out).code, LW_E_VALUE);
    b->issue = good;
    b->license.valid_from = b->issue.exp;
    assert_int_equal(issue(b, &out).code, LW_E_VALUE);
    b->license.valid_from = 0;
    b->issue.status.idx = (uint64_t)INT64_MAX + 1;
    assert_int_equal(issue(b, &out).code, LW_E_VALUE);
    b->issue = good;
    b->keys.issuer.signer.purpose = HSM_PURPOSE_STATUS;
    assert_int_equal(issue(b, &out).code, LW_E_DENIED);
    b->keys.issuer.signer.purpose = HSM_PURPOSE_CREDENTIAL;
    b->keys.issuer.signer.not_after = VC_NOW;
    assert_int_equal(issue(b, &out).code, LW_E_EXPIRED);
    b->keys.issuer.signer.not_after = VC_NOW + 1;
    b->keys.issuer.signer.cert = (lw_bytes){.ptr = NULL, .len = 0};
    assert_int_equal(issue(b, &out).code, LW_E_MISUSE);
    assert_int_equal(out.len, 0);
    b->keys.issuer.signer.cert = lw_buf_view(&b->keys.issuer.cert);
    assert_int_equal(issue(b, &out).code, LW_OK);
}

static void a_type_whose_claims_have_reserved_names_is_refused(void **state)
{
    static const char *const names[] = {
        "vct", "iss", "exp",      "nbf",           "iat", "cnf", "status",  "sub",
        "aud", "jti", "aka_vcts", "vct#integrity", "_sd", "...", "_sd_alg", "license_number"};
    struct bench *b = *state;
    struct wallet_license_type bent = type;
    b->issue.type = &bent;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        LW_AUTO_BUF out = LW_BUF(WALLET_CREDENTIAL_MAX);
        bent.claims[0].path[0] = lw_str_c(names[i]);
        assert_int_equal(issue(b, &out).code, LW_E_VALUE);
    }
    bent.claims[0].path[0] = LW_STR("category");
    bent.claims[1].path[0] = LW_STR("_sd"); /* one that is always shown */
    LW_AUTO_BUF clear = LW_BUF(WALLET_CREDENTIAL_MAX);
    assert_int_equal(issue(b, &clear).code, LW_E_VALUE);
    bent.claims[1].path[0] = LW_STR("issuing_country");
    bent.claims[2].path[1] = LW_STR("_sd");
    LW_AUTO_BUF out = LW_BUF(WALLET_CREDENTIAL_MAX);
    assert_int_equal(issue(b, &out).code, LW_E_VALUE);
    bent.claims[2].path[1] = LW_STR("vct"); /* below the top it is a name like any other */
    assert_int_equal(issue(b, &out).code, LW_OK);
}

static void a_credential_longer_than_a_verifier_takes_is_not_made(void **state)
{
    struct bench *b = *state;
    LW_AUTO_BUF out = LW_BUF(2 * WALLET_CREDENTIAL_MAX);
    LW_AUTO_BUF text = LW_BUF(LONG);
    LW_AUTO_BUF value = LW_BUF(LONG + 8);
    for (size_t i = 0; i < LONG; i++) {
        assert_int_equal(lw_buf_put_byte(&text, 'a').code, LW_OK);
    }
    assert_int_equal(wallet_cbor_put_text(&value, lw_buf_text(&text)).code, LW_OK);
    b->license.claims[0].value = lw_buf_view(&value);
    const lw_err err = issue(b, &out);
    assert_int_equal(err.code, LW_E_LIMIT);
    assert_string_equal(err.why, "sdjwt: credential too long");
    assert_int_equal(out.len, 0);
}

static void a_number_that_is_not_there_cannot_be_shown(void **state)
{
    struct bench *b = *state;
    LW_AUTO_BUF credential = LW_BUF(WALLET_CREDENTIAL_MAX);
    LW_AUTO_BUF out = LW_BUF(WALLET_CREDENTIAL_MAX);
    struct wallet_show show = show_of(b, NULL, 0);
    b->keys.unbound = true;
    vc_bend_build(&b->keys, &credential);
    show.disclose_number = true;
    assert_int_equal(wallet_sdjwt_vc_present(&type, lw_buf_view(&credential), &show, &out).code,
                     LW_OK);
    vc_bend_unshow(&b->keys, 0);
    lw_buf_truncate(&credential, 0);
    lw_buf_truncate(&out, 0);
    vc_bend_build(&b->keys, &credential);
    assert_int_equal(wallet_sdjwt_vc_present(&type, lw_buf_view(&credential), &show, &out).code,
                     LW_E_NOT_FOUND);
}

static void the_nonce_of_a_presentation_can_be_looked_up(void **state)
{
    struct bench *b = *state;
    LW_AUTO_BUF credential = LW_BUF(WALLET_CREDENTIAL_MAX);
    LW_AUTO_BUF presentation = LW_BUF(WALLET_CREDENTIAL_MAX);
    LW_AUTO_BUF arena = LW_BUF(ARENA);
    lw_str nonce;
    struct wallet_show show = show_of(b, NULL, 0);
    show.nonce = lw_str_bytes(LW_STR("a\"b"));
    assert_int_equal(issue(b, &credential).code, LW_OK);
    assert_int_equal(
        wallet_sdjwt_vc_present(&type, lw_buf_view(&credential), &show, &presentation).code, LW_OK);
    assert_int_equal(wallet_sdjwt_vc_nonce(lw_buf_view(&presentation), &arena, &nonce).code, LW_OK);
    assert_true(lw_str_is(nonce, "a\"b"));
    assert_int_equal(wallet_sdjwt_vc_nonce(lw_buf_view(&credential), &arena, &nonce).code,
                     LW_E_NOT_FOUND);
}

static void an_arena_too_small_is_a_limit(void **state)
{
    struct bench *b = *state;
    struct wallet_checks checks = {0};
    struct wallet_verified out;
    LW_AUTO_BUF text = LW_BUF(WALLET_CREDENTIAL_MAX);
    vc_bend_build(&b->keys, &text);
    LW_AUTO_BUF small = LW_BUF(4 * text.len + 1023);
    LW_AUTO_BUF enough = LW_BUF(4 * text.len + 1024);
    assert_int_equal(
        wallet_sdjwt_vc_verify(lw_buf_view(&text), &b->keys.expect, &small, &checks, &out).code,
        LW_E_LIMIT);
    assert_int_equal(
        wallet_sdjwt_vc_verify(lw_buf_view(&text), &b->keys.expect, &enough, &checks, &out).code,
        LW_OK);
}

static void the_table_of_formats_has_it(void **state)
{
    (void)state;
    const struct wallet_format *format = wallet_format_by_name(LW_STR("dc+sd-jwt"));
    assert_non_null(format);
    assert_int_equal(format->bit, WALLET_FORMAT_BIT_SDJWT);
    assert_ptr_equal(format->verify, wallet_sdjwt_vc_verify);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_credential_says_what_the_checklist_demands, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_number_of_digests_says_nothing_about_the_claims, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            two_credentials_of_one_license_share_no_digest_or_disclosure, setup, teardown),
        cmocka_unit_test_setup_teardown(exactly_what_is_chosen_is_shown, setup, teardown),
        cmocka_unit_test_setup_teardown(what_cannot_be_shown_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_presentation_is_no_credential_to_present_from, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_license_that_begins_later_has_its_beginning, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(orders_that_make_no_credential_are_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_type_whose_claims_have_reserved_names_is_refused, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(a_credential_longer_than_a_verifier_takes_is_not_made,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(a_number_that_is_not_there_cannot_be_shown, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(the_nonce_of_a_presentation_can_be_looked_up, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_arena_too_small_is_a_limit, setup, teardown),
        cmocka_unit_test(the_table_of_formats_has_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
