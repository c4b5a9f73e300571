#include "wallet/status_publish.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"
#include "status_bend.h"
#include "wallet/cose.h"
#include "wallet/jws.h"

enum { NOW = STATUS_NOW, BITS = 2 };

static struct status_place place;
static lw_buf lst;

static int set_up(void **state)
{
    static const uint8_t values[] = {0, 1, 2, 3, 0, 0, 0, 2};
    (void)state;
    LW_AUTO_BUF array = LW_BUF(64);
    lst = LW_BUF(64);
    status_place_init(&place);
    return wallet_status_pack(BITS, values, sizeof(values), &array).code == LW_OK &&
                   wallet_status_deflate(lw_buf_view(&array), &lst).code == LW_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    lw_buf_free(&lst);
    status_place_free(&place);
    return 0;
}

static struct wallet_status_parts parts_of(void)
{
    return (struct wallet_status_parts){.uri = LW_STR(STATUS_URI),
                                        .iat = NOW,
                                        .exp = NOW + WALLET_STATUS_LIFE_S,
                                        .ttl_s = WALLET_STATUS_TTL_S,
                                        .bits = BITS,
                                        .lst = lw_buf_view(&lst),
                                        .aggregation_uri = LW_STR("https://status.example/")};
}

typedef lw_err signs(const struct wallet_status_parts *parts, const struct hsm_signer *signer,
                     int64_t now, lw_buf *out);
static signs *const forms[] = {wallet_status_sign_jwt, wallet_status_sign_cwt};

/* What is published is read by the ordinary reader, entry by entry. */
static void both_forms_are_read_again(void **state)
{
    (void)state;
    for (size_t f = 0; f < 2; f++) {
        LW_AUTO_BUF token = LW_BUF(STATUS_TOKEN_MAX);
        WALLET_AUTO_STATUS_LIST list = {.bits = 0};
        const struct wallet_status_parts parts = parts_of();
        const struct wallet_status_expect expect = status_expectation(&place);
        assert_int_equal(forms[f](&parts, &place.authority.status.signer, NOW, &token).code, LW_OK);
        assert_int_equal(wallet_status_read(lw_buf_view(&token), &expect, &list).code, LW_OK);
        assert_int_equal(list.bits, BITS);
        assert_int_equal(list.iat, NOW);
        assert_int_equal(list.until, NOW + WALLET_STATUS_LIFE_S);
        assert_int_equal(list.ttl_s, WALLET_STATUS_TTL_S);
        assert_false(list.same_key);
        assert_true(lw_str_is(lw_buf_text(&list.uri), STATUS_URI));
        static const unsigned values[] = {0, 1, 2, 3, 0, 0, 0, 2};
        for (uint64_t idx = 0; idx < 8; idx++) {
            unsigned value = 9;
            assert_int_equal(
                wallet_status_get(list.bits, lw_buf_view(&list.array), idx, &value).code, LW_OK);
            assert_int_equal(value, values[idx]);
        }
    }
}

/* Section 3: the headers and claims are exactly those of the draft. */
static void the_jwt_has_the_shape_of_the_draft(void **state)
{
    (void)state;
    LW_AUTO_BUF token = LW_BUF(STATUS_TOKEN_MAX);
    LW_AUTO_BUF arena = LW_BUF(STATUS_TOKEN_MAX);
    LW_AUTO_BUF der = LW_BUF(STATUS_TOKEN_MAX);
    LW_AUTO_BUF expected = LW_BUF(STATUS_TOKEN_MAX);
    const struct wallet_status_parts parts = parts_of();
    struct wallet_jws jws;
    lw_bytes chain[WALLET_JWS_CHAIN_MAX];
    size_t count = 0;
    assert_int_equal(
        wallet_status_sign_jwt(&parts, &place.authority.status.signer, NOW, &token).code, LW_OK);
    assert_int_equal(wallet_jws_reserve(&arena, token.len).code, LW_OK);
    assert_int_equal(wallet_jws_reserve(&der, token.len).code, LW_OK);
    assert_int_equal(wallet_jws_parse(lw_buf_text(&token), &arena, &jws).code, LW_OK);
    assert_true(wallet_json_is(jws.typ, "statuslist+jwt"));
    assert_int_equal(jws.kid.raw.len, 0);
    assert_int_equal(wallet_jws_chain(&jws, &der, chain, &count).code, LW_OK);
    assert_int_equal(count, 1); /* without the anchor */
    assert_true(lw_bytes_eq(chain[0], lw_buf_view(&place.authority.status.cert)));
    static const char start[] =
        "{\"exp\":1795172800,\"iat\":1795086400,\"status_list\":{\"aggregation_uri\":"
        "\"https://status.example/\",\"bits\":2,\"lst\":\"";
    static const char end[] = "\"},\"sub\":\"https://status.example/7\",\"ttl\":300}";
    const lw_str payload = lw_bytes_str(jws.payload);
    assert_true(lw_str_starts(payload, lw_str_c(start)));
    assert_true(lw_str_is(lw_str_from(payload, payload.len - strlen(end)), end));
}

static void the_cwt_has_the_shape_of_the_draft(void **state)
{
    (void)state;
    LW_AUTO_BUF token = LW_BUF(STATUS_TOKEN_MAX);
    LW_AUTO_BUF header = LW_BUF(STATUS_TOKEN_MAX);
    LW_AUTO_BUF claims = LW_BUF(STATUS_TOKEN_MAX);
    struct wallet_status_parts parts = parts_of();
    struct wallet_cose_sign1 cose;
    parts.aggregation_uri = LW_STR("");
    assert_int_equal(
        wallet_status_sign_cwt(&parts, &place.authority.status.signer, NOW, &token).code, LW_OK);
    assert_int_equal(token.ptr[0], 0xd2); /* tag 18, no tag 61 */
    assert_int_equal(wallet_cose_sign1_parse(lw_buf_view(&token), &cose).code, LW_OK);
    support_hex("a3 01 28 10 781a 6170706c69636174696f6e2f7374617475736c6973742b637774 1821",
                &header);
    assert_int_equal(wallet_cbor_put_bytes(&header, lw_buf_view(&place.authority.status.cert)).code,
                     LW_OK);
    assert_true(lw_bytes_eq(cose.protected, lw_buf_view(&header)));
    assert_true(wallet_cose_unprotected_empty(&cose));
    support_hex("a5 02 7818 68747470733a2f2f7374617475732e6578616d706c652f37 04 1a 6b0029c0"
                "06 1a 6afed840 19fffd a2 63 6c7374",
                &claims);
    assert_int_equal(wallet_cbor_put_bytes(&claims, lw_buf_view(&lst)).code, LW_OK);
    support_hex("64 62697473 02 19fffe 19012c", &claims);
    assert_true(lw_bytes_eq(cose.payload, lw_buf_view(&claims)));
}

static void parts_that_make_no_list_are_refused(void **state)
{
    (void)state;
    for (int bend = 0; bend < 8; bend++) {
        struct wallet_status_parts parts = parts_of();
        switch (bend) {
        case 0:
            parts.bits = 3;
            break;
        case 1:
            parts.bits = 0;
            break;
        case 2:
            parts.uri.len = 0;
            break;
        case 3:
            parts.iat = 0;
            break;
        case 4:
            parts.exp = parts.iat;
            break;
        case 5:
            parts.ttl_s = 0;
            break;
        case 6:
            parts.ttl_s = -1;
            break;
        default:
            parts.exp = parts.iat - 1;
            break;
        }
        for (size_t f = 0; f < 2; f++) {
            LW_AUTO_BUF token = LW_BUF(STATUS_TOKEN_MAX);
            assert_int_equal(forms[f](&parts, &place.authority.status.signer, NOW, &token).code,
                             LW_E_VALUE);
            assert_int_equal(token.len, 0);
        }
    }
}

/* A28: each other key; A30: the very second after the signer's end, and before its begin. */
static void only_a_status_signer_within_its_time_signs(void **state)
{
    (void)state;
    const struct wallet_status_parts parts = parts_of();
    const struct hsm_signer good = place.authority.status.signer;
    const struct hsm_signer *const others[] = {
        &place.authority.ds.signer, &place.authority.ca.signer, &place.authority.tl.signer};
    for (size_t f = 0; f < 2; f++) {
        LW_AUTO_BUF token = LW_BUF(STATUS_TOKEN_MAX);
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(forms[f](&parts, others[i], NOW, &token).code, LW_E_DENIED);
        }
        assert_int_equal(forms[f](&parts, &good, good.not_after, &token).code, LW_E_EXPIRED);
        assert_int_equal(forms[f](&parts, &good, good.not_before - 1, &token).code, LW_E_EXPIRED);
        assert_int_equal(token.len, 0);
        assert_int_equal(forms[f](&parts, &good, good.not_after - 1, &token).code, LW_OK);
    }
}

static void a_buffer_too_small_is_left_as_it_was(void **state)
{
    (void)state;
    const struct wallet_status_parts parts = parts_of();
    for (size_t f = 0; f < 2; f++) {
        LW_AUTO_BUF token = LW_BUF(100);
        assert_int_equal(lw_buf_put_c(&token, "x").code, LW_OK);
        assert_int_equal(forms[f](&parts, &place.authority.status.signer, NOW, &token).code,
                         LW_E_LIMIT);
        assert_true(lw_str_is(lw_buf_text(&token), "x"));
    }
}

/* A signer without certificate is the issuer's own key, known by the trust list. */
static void a_signer_without_certificate_signs_too(void **state)
{
    (void)state;
    const struct wallet_status_parts parts = parts_of();
    struct hsm_signer own = place.authority.ds.signer;
    own.purpose = HSM_PURPOSE_STATUS;
    own.cert = (lw_bytes){.ptr = NULL, .len = 0};
    for (size_t f = 0; f < 2; f++) {
        LW_AUTO_BUF token = LW_BUF(STATUS_TOKEN_MAX);
        WALLET_AUTO_STATUS_LIST list = {.bits = 0};
        const struct wallet_status_expect expect = status_expectation(&place);
        assert_int_equal(forms[f](&parts, &own, NOW, &token).code, LW_OK);
        assert_int_equal(wallet_status_read(lw_buf_view(&token), &expect, &list).code, LW_OK);
        assert_true(list.same_key);
    }
}

static void the_aggregation_lists_every_uri(void **state)
{
    (void)state;
    const lw_str uris[] = {LW_STR("https://status.example/1"), LW_STR("https://status.example/2")};
    LW_AUTO_BUF json = LW_BUF(256);
    assert_int_equal(wallet_status_aggregation(uris, 2, &json).code, LW_OK);
    assert_true(lw_str_is(lw_buf_text(&json), "{\"status_lists\":[\"https://status.example/1\","
                                              "\"https://status.example/2\"]}"));
    lw_buf_truncate(&json, 0);
    assert_int_equal(wallet_status_aggregation(NULL, 0, &json).code, LW_OK);
    assert_true(lw_str_is(lw_buf_text(&json), "{\"status_lists\":[]}"));
}

/* As the service signs many at once: a signature made elsewhere, of the digest alone. */
static void a_token_is_finished_with_a_signature_made_elsewhere(void **state)
{
    const struct hsm_signer *signer = &place.authority.status.signer;
    const struct wallet_status_parts parts = parts_of();
    (void)state;
    for (unsigned f = 0; f < WALLET_STATUS_FORMS; f++) {
        struct wallet_status_draft draft = {.form = WALLET_STATUS_JWT};
        uint8_t sig[HSM_SIG_MAX];
        LW_AUTO_BUF token = LW_BUF(STATUS_TOKEN_MAX);
        WALLET_AUTO_STATUS_LIST list = {.bits = 0};
        const struct wallet_status_expect expect = status_expectation(&place);
        for (unsigned again = 0; again < 2; again++) { /* a draft can be used again */
            assert_int_equal(
                wallet_status_draft(&parts, (enum wallet_status_form)f, signer, NOW, &draft).code,
                LW_OK);
        }
        const lw_bytes digest = {.ptr = draft.digest.bytes, .len = draft.digest.len};
        assert_int_equal(signer->sign_digest(signer->ctx, digest, sig).code, LW_OK);
        const lw_bytes made = {.ptr = sig, .len = HSM_ES256_SIG_LEN};
        sig[9] ^= 1;
        assert_int_equal(wallet_status_finish(&draft, signer, made, &token).code, LW_E_TOKEN);
        assert_int_equal(token.len, 0);
        sig[9] ^= 1;
        LW_AUTO_BUF small = LW_BUF(draft.body.len);
        assert_int_equal(wallet_status_finish(&draft, signer, made, &small).code, LW_E_LIMIT);
        assert_int_equal(small.len, 0);
        assert_int_equal(wallet_status_finish(&draft, signer, made, &token).code, LW_OK);
        assert_int_equal(wallet_status_read(lw_buf_view(&token), &expect, &list).code, LW_OK);
        assert_int_equal(list.iat, NOW);
        wallet_status_draft_free(&draft);
    }
}

static void a_draft_is_made_only_for_a_signer_that_may_sign_it(void **state)
{
    struct hsm_signer signer = place.authority.status.signer;
    const struct wallet_status_parts parts = parts_of();
    struct wallet_status_draft draft = {.form = WALLET_STATUS_JWT};
    (void)state;
    for (unsigned f = 0; f < WALLET_STATUS_FORMS; f++) {
        const enum wallet_status_form form = (enum wallet_status_form)f;
        signer.purpose = HSM_PURPOSE_CREDENTIAL;
        assert_int_equal(wallet_status_draft(&parts, form, &signer, NOW, &draft).code, LW_E_DENIED);
        signer.purpose = HSM_PURPOSE_STATUS;
        signer.not_after = NOW;
        assert_int_equal(wallet_status_draft(&parts, form, &signer, NOW, &draft).code,
                         LW_E_EXPIRED);
        signer.not_after = NOW + 1;
        signer.not_before = NOW;
        assert_int_equal(wallet_status_draft(&parts, form, &signer, NOW, &draft).code, LW_OK);
    }
    wallet_status_draft_free(&draft);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_is_finished_with_a_signature_made_elsewhere),
        cmocka_unit_test(a_draft_is_made_only_for_a_signer_that_may_sign_it),
        cmocka_unit_test(both_forms_are_read_again),
        cmocka_unit_test(the_jwt_has_the_shape_of_the_draft),
        cmocka_unit_test(the_cwt_has_the_shape_of_the_draft),
        cmocka_unit_test(parts_that_make_no_list_are_refused),
        cmocka_unit_test(only_a_status_signer_within_its_time_signs),
        cmocka_unit_test(a_buffer_too_small_is_left_as_it_was),
        cmocka_unit_test(a_signer_without_certificate_signs_too),
        cmocka_unit_test(the_aggregation_lists_every_uri),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
