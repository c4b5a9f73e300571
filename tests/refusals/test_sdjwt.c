/*
 * A test for each rule of specs/sd-jwt-vc.md section 6 that can refuse a whole presentation:
 * here SDJ-1 to SDJ-7; SDJ-8 to SDJ-16 in test_sdjwt_disclosures.c, SDJ-17 and all times in
 * test_sdjwt_times.c, SDJ-18 to SDJ-20 in test_sdjwt_binding.c; attacks in test_sdjwt_attacks.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sdjwt_refused.h"

static void the_presentation_that_is_bent_holds_as_it_stands(void **state)
{
    struct wallet_verified out;
    LW_AUTO_BUF arena = LW_BUF(VC_ARENA_MAX);
    struct vc_bend *b = *state;
    vc_accepted(b, &arena, &out);
    assert_string_equal(out.format, "dc+sd-jwt");
    assert_int_equal(out.encoding, WALLET_ENCODING_JSON);
    assert_true(lw_str_is(out.vct, VC_TYPE));
    assert_true(lw_str_is(out.sub, "DL-0001"));
    assert_true(lw_str_is(out.issuer->agency, "dmv"));
    assert_int_equal(out.iat, 1795046400);
    assert_int_equal(out.nbf, INT64_MIN);
    assert_int_equal(out.exp, 1797638400);
    assert_true(out.status.present);
    assert_int_equal(out.status.idx, 12);
    assert_true(lw_str_is(out.status.uri, VC_STATUS));
    assert_true(out.holder_proven);
    assert_int_equal(out.kb_iat, VC_NOW);
    struct hsm_signer holder;
    hsm_soft_key_signer(b->holder, &holder);
    assert_true(hsm_public_key_eq(&out.holder_key, &holder.key));
    assert_int_equal(out.claim_count, 3);
    static const char *const claims[][2] = {{"issuing_country", "\"CN\""},
                                            {"classes", "[{\"code\":\"0\"},{\"code\":\"A\"}]"},
                                            {"category", "\"C1\""}};
    for (size_t i = 0; i < 3; i++) {
        assert_true(lw_str_is(out.claims[i].name, claims[i][0]));
        assert_true(lw_str_is(lw_bytes_str(out.claims[i].value), claims[i][1]));
        assert_int_equal(out.claims[i].cwt_key, 0);
    }
}

static void sdj_1_without_binding_required_a_credential_alone_proves_no_holder(void **state)
{
    struct wallet_verified out;
    LW_AUTO_BUF arena = LW_BUF(VC_ARENA_MAX);
    struct vc_bend *b = *state;
    b->expect.holder_required = false;
    b->unbound = true;
    vc_accepted(b, &arena, &out);
    assert_false(out.holder_proven);
    assert_int_equal(out.kb_iat, INT64_MIN);
}

static void sdj_2_a_text_too_long(void **state)
{
    struct vc_bend *b = *state;
    LW_AUTO_BUF text = LW_BUF(1 << 18);
    vc_bend_build(b, &text);
    LW_AUTO_BUF filler = LW_BUF(1 << 18);
    while (text.len + filler.len <= WALLET_SDJWT_MAX) {
        assert_int_equal(lw_buf_put_byte(&filler, 'A').code, LW_OK);
    }
    b->tail = vc_bend_keep(b, lw_buf_text(&filler));
    vc_refused(b, WALLET_CHECK_DECODE, LW_E_LIMIT, "SDJ-2 text too long");
}

static void sdj_2_too_many_disclosures(void **state)
{
    struct vc_bend *b = *state;
    while (b->disclosure_count <= WALLET_SDJWT_DISCLOSURES_MAX) {
        char text[64];
        (void)snprintf(text, sizeof(text), "[\"t%zu\",\"n%zu\",1]", b->disclosure_count,
                       b->disclosure_count);
        const char *kept = vc_bend_keep(b, lw_str_c(text));
        vc_bend_hide(b->jwt.payload, kept);
        vc_bend_show(b, kept);
    }
    vc_refused(b, WALLET_CHECK_DECODE, LW_E_LIMIT, "SDJ-2 too many disclosures");
    vc_bend_unshow(b, b->disclosure_count - 1);
    /* At the bound they are taken apart, but a license has no more claims than this. */
    vc_refused(b, WALLET_CHECK_DISCLOSURES, LW_E_LIMIT, "SDJ-14 too many claims");
}

static void sdj_2_no_tilde_at_all(void **state)
{
    struct wallet_checks checks = {0};
    struct wallet_verified out;
    struct vc_bend *b = *state;
    LW_AUTO_BUF text = LW_BUF(1 << 16);
    LW_AUTO_BUF arena = LW_BUF(VC_ARENA_MAX);
    vc_bend_build(b, &text);
    const lw_bytes cut = {text.ptr,
                          (size_t)((uint8_t *)memchr(text.ptr, '~', text.len) - text.ptr)};
    assert_int_equal(wallet_sdjwt_vc_verify(cut, &b->expect, &arena, &checks, &out).code,
                     LW_E_SYNTAX);
    assert_string_equal(checks.line[WALLET_CHECK_DECODE].detail,
                        "SDJ-2 no issuer-signed JWT before a tilde");
}

static void sdj_2_an_empty_part_in_the_middle(void **state)
{
    struct vc_bend *b = *state;
    b->raw[1] = "";
    vc_refused(b, WALLET_CHECK_DECODE, LW_E_SYNTAX, "SDJ-2 an empty part");
}

static void sdj_2_a_last_part_that_is_no_jwt(void **state)
{
    struct vc_bend *b = *state;
    b->unbound = true;
    b->tail = "WyJzIiwxXQ";
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_SYNTAX, "jws: not three parts");
}

static void sdj_2_a_payload_nested_too_deep(void **state)
{
    struct vc_bend *b = *state;
    vc_set(b->jwt.payload, "deep", "[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]");
    vc_holds(b);
    vc_set(b->jwt.payload, "deep", "[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]");
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_LIMIT, "json: nested too deep");
}

static void sdj_3_a_binding_demanded_and_not_there(void **state)
{
    struct vc_bend *b = *state;
    b->unbound = true;
    vc_refused(b, WALLET_CHECK_HOLDER_SIGNATURE, LW_E_DENIED, "SDJ-3 no key binding");
}

static void sdj_3_a_binding_that_fails_is_not_ignored_where_none_is_demanded(void **state)
{
    struct vc_bend *b = *state;
    b->expect.holder_required = false;
    b->kb.key = b->other;
    vc_refused(b, WALLET_CHECK_HOLDER_SIGNATURE, LW_E_SIGNATURE,
               "jws: the signature does not hold");
}

static void sdj_4_base64url_with_padding_or_space(void **state)
{
    struct vc_bend *b = *state;
    b->jwt.header_part = "eyJhbGciOiJFUzI1NiJ9==";
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_SYNTAX, "base64: character outside the alphabet");
    b->jwt.header_part = "eyJh\nbGciOiJFUzI1NiJ9abc";
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_SYNTAX, "base64: character outside the alphabet");
    b->jwt.header_part = NULL;
    b->kb.payload_part = "e30Z==";
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_SYNTAX, "base64: character outside the alphabet");
}

static void sdj_4_base64url_with_bits_to_spare(void **state)
{
    struct vc_bend *b = *state;
    b->kb.header_part = "eyJhbGciOiJFUzI1NiIsInR5cCI6ImtiK2p3dCJ9IB"; /* "... " is IA */
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_SYNTAX, "base64: unused bits are not zero");
}

static void sdj_4_parts_that_are_no_objects(void **state)
{
    struct vc_bend *b = *state;
    b->jwt.payload_text = "[]";
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_VALUE, "json: a value of another type");
    b->jwt.payload_text = NULL;
    b->jwt.header_text = "\"ES256\"";
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_VALUE, "json: a value of another type");
    b->jwt.header_text = NULL;
    b->kb.payload_text = "7";
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_VALUE, "json: a value of another type");
}

static void sdj_4_another_typ(void **state)
{
    struct vc_bend *b = *state;
    static const char *const types[] = {
        "\"vc+sd-jwt\"", "\"JWT\"", "\"DC+SD-JWT\"", "\"\"", "\"application/dc+sd-jwt\"",
        "\"kb+jwt\""};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        vc_set(b->jwt.header, "typ", types[i]);
        vc_refused(b, WALLET_CHECK_PARSE, LW_E_UNSUPPORTED, "SDJ-4 typ is not dc+sd-jwt");
    }
    vc_drop(b->jwt.header, "typ");
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_UNSUPPORTED, "SDJ-4 typ is not dc+sd-jwt");
    vc_set(b->jwt.header, "typ", "1");
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_VALUE, "json: a value of another type");
}

static void sdj_4_a_critical_header(void **state)
{
    struct vc_bend *b = *state;
    vc_set(b->jwt.header, "crit", "[\"exp\"]");
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_UNSUPPORTED, "jws: critical header");
    vc_drop(b->jwt.header, "crit");
    vc_set(b->kb.header, "crit", "[\"x\"]");
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_UNSUPPORTED, "jws: critical header");
}

static void sdj_4_an_algorithm_of_another_curve_than_the_keys(void **state)
{
    struct vc_bend *b = *state;
    vc_set(b->jwt.header, "alg", "\"ES384\"");
    vc_refused(b, WALLET_CHECK_ISSUER_SIGNATURE, LW_E_SIGNATURE,
               "jws: the header claims another algorithm than the key's");
    vc_set(b->jwt.header, "alg", "\"ES256\"");
    vc_set(b->kb.header, "alg", "\"ES384\"");
    vc_refused(b, WALLET_CHECK_HOLDER_SIGNATURE, LW_E_SIGNATURE,
               "jws: the header claims another algorithm than the key's");
}

static void sdj_5_no_certificate(void **state)
{
    struct vc_bend *b = *state;
    vc_drop(b->jwt.header, "x5c");
    vc_set(b->jwt.header, "kid", "\"1\"");
    vc_refused(b, WALLET_CHECK_TRUST, LW_E_UNTRUSTED, "SDJ-5 no x5c says whose key it is");
}

static void sdj_5_an_issuer_other_than_the_certificates(void **state)
{
    struct vc_bend *b = *state;
    vc_set(b->jwt.payload, "iss", "\"https://lic.example/\"");
    vc_refused(b, WALLET_CHECK_TRUST, LW_E_UNTRUSTED, "SDJ-5 iss is not the certificate's");
    vc_set(b->jwt.payload, "iss", "\"\"");
    vc_refused(b, WALLET_CHECK_TRUST, LW_E_UNTRUSTED, "SDJ-5 iss is not the certificate's");
    vc_set(b->jwt.payload, "iss", "1");
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_VALUE, "SDJ-5 iss is no string");
    /* Without one, the certificate alone says who it is. */
    vc_drop(b->jwt.payload, "iss");
    vc_holds(b);
}

static void sdj_5_a_certificate_that_is_no_base64_or_no_certificate(void **state)
{
    struct vc_bend *b = *state;
    vc_set(b->jwt.header, "x5c", "[\"MAMCAQA\"]");
    vc_refused(b, WALLET_CHECK_TRUST, LW_E_SYNTAX, "base64: length is no multiple of 4");
    vc_set(b->jwt.header, "x5c", "[]");
    vc_refused(b, WALLET_CHECK_TRUST, LW_E_SYNTAX, "jws: x5c is empty");
    vc_set(b->jwt.header, "x5c", "[\"AA==\",\"AA==\",\"AA==\",\"AA==\",\"AA==\"]");
    vc_refused(b, WALLET_CHECK_TRUST, LW_E_LIMIT, "jws: x5c too long");
    vc_set(b->jwt.header, "x5c", "\"MAMCAQA=\"");
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_VALUE, "jws: x5c is no array");
}

static void sdj_5_a_key_that_is_revoked(void **state)
{
    struct vc_bend *b = *state;
    struct wallet_trust_entry entry = vc_bend_entry(b);
    entry.state = WALLET_ISSUER_REVOKED;
    vc_bend_trust(b, entry);
    vc_refused(b, WALLET_CHECK_TRUST, LW_E_CONFLICT, "trust: issuer's key is revoked");
}

static void sdj_5_a_key_past_its_time(void **state)
{
    struct vc_bend *b = *state;
    struct wallet_trust_entry entry = vc_bend_entry(b);
    entry.not_after = VC_NOW - 1;
    vc_bend_trust(b, entry);
    vc_refused(b, WALLET_CHECK_TRUST, LW_E_EXPIRED, "trust: issuer's entry has ended");
}

static void sdj_6_a_signature_by_another_key(void **state)
{
    struct vc_bend *b = *state;
    b->jwt.key = b->other;
    vc_refused(b, WALLET_CHECK_ISSUER_SIGNATURE, LW_E_SIGNATURE,
               "jws: the signature does not hold");
}

static void sdj_6_a_payload_changed_after_it_was_signed(void **state)
{
    struct vc_bend *b = *state;
    LW_AUTO_BUF text = LW_BUF(1 << 16);
    vc_bend_build_hashed(b, &text);
    lw_str header;
    lw_str rest;
    lw_str payload;
    lw_str tail;
    lw_str sig;
    (void)lw_str_split(lw_buf_text(&text), '.', &header, &rest);
    (void)lw_str_split(rest, '.', &payload, &rest);
    (void)lw_str_split(rest, '~', &sig, &tail);
    b->jwt.sig_part = vc_bend_keep(b, sig);
    vc_set(b->jwt.payload, "issuing_country", "\"US\"");
    vc_refused(b, WALLET_CHECK_ISSUER_SIGNATURE, LW_E_SIGNATURE,
               "jws: the signature does not hold");
}

static void sdj_7_a_hash_that_is_not_offered(void **state)
{
    struct vc_bend *b = *state;
    vc_set(b->jwt.payload, "_sd_alg", "\"sha-256-64\"");
    vc_refused(b, WALLET_CHECK_DISCLOSURES, LW_E_UNSUPPORTED, "SDJ-7 _sd_alg is not sha-256");
    vc_set(b->jwt.payload, "_sd_alg", "256");
    vc_refused(b, WALLET_CHECK_DISCLOSURES, LW_E_VALUE, "SDJ-7 _sd_alg is no string");
    /* Absent, it is sha-256 (RFC 9901 section 4.1.1). */
    vc_drop(b->jwt.payload, "_sd_alg");
    vc_holds(b);
}

static void sdj_7_a_hash_named_below_the_top(void **state)
{
    struct vc_bend *b = *state;
    vc_set(b->jwt.payload, "nested", "{\"_sd_alg\":\"sha-256\"}");
    vc_refused(b, WALLET_CHECK_DISCLOSURES, LW_E_VALUE, "SDJ-7 _sd_alg below the top level");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VC_TEST(the_presentation_that_is_bent_holds_as_it_stands),
        VC_TEST(sdj_1_without_binding_required_a_credential_alone_proves_no_holder),
        VC_TEST(sdj_2_a_text_too_long),
        VC_TEST(sdj_2_too_many_disclosures),
        VC_TEST(sdj_2_no_tilde_at_all),
        VC_TEST(sdj_2_an_empty_part_in_the_middle),
        VC_TEST(sdj_2_a_last_part_that_is_no_jwt),
        VC_TEST(sdj_2_a_payload_nested_too_deep),
        VC_TEST(sdj_3_a_binding_demanded_and_not_there),
        VC_TEST(sdj_3_a_binding_that_fails_is_not_ignored_where_none_is_demanded),
        VC_TEST(sdj_4_base64url_with_padding_or_space),
        VC_TEST(sdj_4_base64url_with_bits_to_spare),
        VC_TEST(sdj_4_parts_that_are_no_objects),
        VC_TEST(sdj_4_another_typ),
        VC_TEST(sdj_4_a_critical_header),
        VC_TEST(sdj_4_an_algorithm_of_another_curve_than_the_keys),
        VC_TEST(sdj_5_no_certificate),
        VC_TEST(sdj_5_an_issuer_other_than_the_certificates),
        VC_TEST(sdj_5_a_certificate_that_is_no_base64_or_no_certificate),
        VC_TEST(sdj_5_a_key_that_is_revoked),
        VC_TEST(sdj_5_a_key_past_its_time),
        VC_TEST(sdj_6_a_signature_by_another_key),
        VC_TEST(sdj_6_a_payload_changed_after_it_was_signed),
        VC_TEST(sdj_7_a_hash_that_is_not_offered),
        VC_TEST(sdj_7_a_hash_named_below_the_top),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
