/*
 * SDJ-18 to SDJ-20 of specs/sd-jwt-vc.md section 6: the type, the key-binding JWT, the status.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sdjwt_refused.h"

static void sdj_18_no_type(void **state)
{
    struct vc_bend *b = *state;
    vc_set(b->jwt.payload, "vct", "7");
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_VALUE, "SDJ-18 vct is no string");
    vc_set(b->jwt.payload, "vct", "\"\"");
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_VALUE, "SDJ-18 vct is missing");
    vc_drop(b->jwt.payload, "vct");
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_VALUE, "SDJ-18 vct is missing");
}

static void sdj_18_a_type_the_issuer_may_not_sign(void **state)
{
    struct vc_bend *b = *state;
    vc_set(b->jwt.payload, "vct", "\"https://lic.example/DL\"");
    vc_refused(b, WALLET_CHECK_TRUST, LW_E_DENIED, "trust: issuer may not sign this type");
}

static void sdj_19_a_credential_bound_to_no_key(void **state)
{
    struct vc_bend *b = *state;
    vc_drop(b->jwt.payload, "cnf");
    vc_refused(b, WALLET_CHECK_HOLDER_SIGNATURE, LW_E_DENIED,
               "SDJ-19 the credential is bound to no key");
}

static void sdj_19_a_key_that_is_none(void **state)
{
    static const struct {
        const char *cnf;
        lw_code code;
        const char *detail;
    } cases[] = {
        {"7", LW_E_VALUE, "SDJ-19 cnf is no object"},
        {"{}", LW_E_VALUE, "SDJ-19 cnf has no jwk"},
        {"{\"kid\":\"1\"}", LW_E_VALUE, "SDJ-19 cnf has no jwk"},
        {"{\"jwk\":7}", LW_E_VALUE, "json: a value of another type"},
        {"{\"jwk\":{}}", LW_E_VALUE, "jwk: no key type"},
        {"{\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\",\"d\":\"AA\"}}", LW_E_DENIED,
         "jwk: holds a private or secret key"},
    };
    struct vc_bend *b = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        vc_set(b->jwt.payload, "cnf", cases[i].cnf);
        vc_refused(b, WALLET_CHECK_PARSE, cases[i].code, cases[i].detail);
    }
}

static void sdj_19_a_signature_by_another_key(void **state)
{
    struct vc_bend *b = *state;
    b->kb.key = b->other;
    vc_refused(b, WALLET_CHECK_HOLDER_SIGNATURE, LW_E_SIGNATURE,
               "jws: the signature does not hold");
    b->kb.key = b->issuer.key; /* the issuer proves no holder */
    vc_refused(b, WALLET_CHECK_HOLDER_SIGNATURE, LW_E_SIGNATURE,
               "jws: the signature does not hold");
}

static void sdj_19_another_typ(void **state)
{
    struct vc_bend *b = *state;
    vc_set(b->kb.header, "typ", "\"JWT\"");
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_VALUE, "SDJ-19 typ is not kb+jwt");
    vc_drop(b->kb.header, "typ");
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_VALUE, "SDJ-19 typ is not kb+jwt");
}

static void sdj_19_a_claim_missing_or_of_another_type(void **state)
{
    static const char missing[] = "SDJ-19 iat, aud, nonce or sd_hash is missing";
    static const char type[] = "json: a value of another type";
    struct vc_bend *b = *state;
    static const char *const names[] = {"aud", "nonce", "iat"};
    static const char *const others[] = {"[\"" VC_AUD "\"]", "7", "\"1795086400\""};
    for (size_t i = 0; i < 3; i++) {
        json_t *kept = json_incref(json_object_get(b->kb.payload, names[i]));
        vc_drop(b->kb.payload, names[i]);
        vc_refused(b, WALLET_CHECK_PARSE, LW_E_VALUE, missing);
        vc_set(b->kb.payload, names[i], others[i]);
        vc_refused(b, WALLET_CHECK_PARSE, LW_E_VALUE, type);
        assert_int_equal(json_object_set_new(b->kb.payload, names[i], kept), 0);
    }
    vc_set(b->kb.payload, "sd_hash", "null");
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_VALUE, type);
    b->kb.payload_text = "{\"aud\":\"" VC_AUD "\",\"nonce\":\"" VC_NONCE "\",\"iat\":1795086400}";
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_VALUE, missing);
}

static void sdj_19_another_audience(void **state)
{
    struct vc_bend *b = *state;
    vc_set(b->kb.payload, "aud", "\"x509_san_dns:other.example\"");
    vc_refused(b, WALLET_CHECK_AUDIENCE, LW_E_DENIED, "SDJ-19 aud is another verifier");
    vc_set(b->kb.payload, "aud", "\"verifier.example\"");
    vc_refused(b, WALLET_CHECK_AUDIENCE, LW_E_DENIED, "SDJ-19 aud is another verifier");
}

static void sdj_19_another_nonce(void **state)
{
    struct vc_bend *b = *state;
    vc_set(b->kb.payload, "nonce", "\"n-0S6_WzA2Mk\"");
    vc_refused(b, WALLET_CHECK_AUDIENCE, LW_E_DENIED, "SDJ-19 nonce is not the one asked for");
    vc_set(b->kb.payload, "nonce", "\"\"");
    vc_refused(b, WALLET_CHECK_AUDIENCE, LW_E_DENIED, "SDJ-19 nonce is not the one asked for");
}

static void sdj_19_nothing_expected_is_answered_by_nothing(void **state)
{
    struct vc_bend *b = *state;
    b->expect.nonce = (lw_bytes){.ptr = NULL, .len = 0};
    vc_refused(b, WALLET_CHECK_AUDIENCE, LW_E_DENIED, "SDJ-19 nonce is not the one asked for");
    vc_set(b->kb.payload, "nonce", "\"\"");
    vc_refused(b, WALLET_CHECK_AUDIENCE, LW_E_DENIED, "SDJ-19 nonce is not the one asked for");
    b->expect.passive = true; /* said before the input was looked at */
    vc_holds(b);
    b->expect.passive = false;
    b->expect.aud = (lw_str){.ptr = NULL, .len = 0};
    vc_refused(b, WALLET_CHECK_AUDIENCE, LW_E_DENIED, "SDJ-19 aud is another verifier");
}

static void sdj_19_a_hash_of_another_text(void **state)
{
    static const char detail[] = "SDJ-19 sd_hash is of another text";
    struct vc_bend *b = *state;
    vc_set(b->kb.payload, "sd_hash", "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"");
    vc_refused(b, WALLET_CHECK_HOLDER_SIGNATURE, LW_E_SIGNATURE, detail);
    vc_set(b->kb.payload, "sd_hash", "\"\"");
    vc_refused(b, WALLET_CHECK_HOLDER_SIGNATURE, LW_E_SIGNATURE, detail);
    vc_set(b->kb.payload, "sd_hash", "\"not base64url\"");
    vc_refused(b, WALLET_CHECK_HOLDER_SIGNATURE, LW_E_SIGNATURE, detail);
}

/* The hash of what the holder showed, then a disclosure more, less, or moved. */
static void sdj_19_disclosures_changed_after_they_were_bound(void **state)
{
    static const char detail[] = "SDJ-19 sd_hash is of another text";
    struct vc_bend *b = *state;
    LW_AUTO_BUF hashed = LW_BUF(1 << 16);
    LW_AUTO_BUF quoted = LW_BUF(64);
    struct wallet_sdjwt_digest digest;
    vc_bend_build_hashed(b, &hashed);
    lw_str jwt;
    lw_str rest;
    (void)lw_str_split(lw_buf_text(&hashed), '~', &jwt, &rest);
    lw_str sig = jwt;
    for (lw_str head; lw_str_split(sig, '.', &head, &rest);) {
        sig = rest;
    }
    b->jwt.sig_part = vc_bend_keep(b, sig); /* ECDSA makes another signature each time */
    assert_int_equal(wallet_sdjwt_digest_of(lw_buf_text(&hashed), &digest).code, LW_OK);
    assert_int_equal(lw_buf_put_c(&quoted, "\"").code, LW_OK);
    assert_int_equal(lw_buf_put_str(&quoted, (lw_str){digest.text, WALLET_SDJWT_DIGEST_LEN}).code,
                     LW_OK);
    assert_int_equal(lw_buf_put_c(&quoted, "\"").code, LW_OK);
    vc_set(b->kb.payload, "sd_hash", vc_bend_keep(b, lw_buf_text(&quoted)));
    vc_holds(b);
    vc_bend_show(b, "[\"s4\",\"family_name\",\"Li\"]");
    vc_refused(b, WALLET_CHECK_HOLDER_SIGNATURE, LW_E_SIGNATURE, detail);
    vc_bend_unshow(b, 3);
    vc_holds(b);
    const char *first = b->disclosures[0];
    b->disclosures[0] = b->disclosures[1];
    b->disclosures[1] = first;
    vc_refused(b, WALLET_CHECK_HOLDER_SIGNATURE, LW_E_SIGNATURE, detail);
    vc_bend_unshow(b, 0);
    vc_refused(b, WALLET_CHECK_HOLDER_SIGNATURE, LW_E_SIGNATURE, detail);
}

static void sdj_20_a_status_that_cannot_be_looked_up(void **state)
{
    static const struct {
        const char *status;
        const char *detail;
    } cases[] = {
        {"7", "SDJ-20 status is no object"},
        {"{}", "SDJ-20 status has no status_list"},
        {"{\"other\":{}}", "SDJ-20 status has no status_list"},
        {"{\"status_list\":7}", "SDJ-20 status_list is not well formed"},
        {"{\"status_list\":{}}", "SDJ-20 status_list is not well formed"},
        {"{\"status_list\":{\"idx\":0}}", "SDJ-20 status_list is not well formed"},
        {"{\"status_list\":{\"uri\":\"u\"}}", "SDJ-20 status_list is not well formed"},
        {"{\"status_list\":{\"idx\":-1,\"uri\":\"u\"}}", "SDJ-20 status_list is not well formed"},
        {"{\"status_list\":{\"idx\":0,\"uri\":\"\"}}", "SDJ-20 status_list is not well formed"},
        {"{\"status_list\":{\"idx\":0,\"uri\":1}}", "SDJ-20 status_list is not well formed"},
        {"{\"status_list\":{\"idx\":1.5,\"uri\":\"u\"}}", "json: number out of range"},
        {"{\"status_list\":{\"idx\":\"0\",\"uri\":\"u\"}}", "json: a value of another type"},
    };
    struct vc_bend *b = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        vc_set(b->jwt.payload, "status", cases[i].status);
        vc_refused(b, WALLET_CHECK_PARSE, LW_E_VALUE, cases[i].detail);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VC_TEST(sdj_18_no_type),
        VC_TEST(sdj_18_a_type_the_issuer_may_not_sign),
        VC_TEST(sdj_19_a_credential_bound_to_no_key),
        VC_TEST(sdj_19_a_key_that_is_none),
        VC_TEST(sdj_19_a_signature_by_another_key),
        VC_TEST(sdj_19_another_typ),
        VC_TEST(sdj_19_a_claim_missing_or_of_another_type),
        VC_TEST(sdj_19_another_audience),
        VC_TEST(sdj_19_another_nonce),
        VC_TEST(sdj_19_nothing_expected_is_answered_by_nothing),
        VC_TEST(sdj_19_a_hash_of_another_text),
        VC_TEST(sdj_19_disclosures_changed_after_they_were_bound),
        VC_TEST(sdj_20_a_status_that_cannot_be_looked_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
