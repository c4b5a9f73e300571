/*
 * Attacks A1 to A5 of specs/security.md on SD-JWT VC, and every key by every credential. Each
 * attack leaves all else whole; what the attacker cannot sign with the right key, he signs with
 * his own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>

#include "sdjwt_refused.h"
#include "wallet/base64.h"
#include "wallet/jwk.h"

enum { SECRETS = 4 };

static const char unsupported[] = "jws: no algorithm that is offered here";

/* The issuer's public key in the forms that libraries have taken for an HMAC secret. */
static void secret_of(const struct hsm_public_key *key, size_t form, lw_buf *out)
{
    static const uint8_t spki[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                   0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
    const lw_bytes point = {key->point, key->point_len};
    if (form == 0) {
        assert_int_equal(lw_buf_put(out, point).code, LW_OK);
        return;
    }
    if (form == 1) {
        assert_int_equal(wallet_jwk_write(key, out).code, LW_OK);
        return;
    }
    LW_AUTO_BUF der = LW_BUF(128);
    assert_int_equal(lw_buf_put(&der, LW_BYTES(spki)).code, LW_OK);
    assert_int_equal(lw_buf_put(&der, point).code, LW_OK);
    if (form == 2) {
        assert_int_equal(lw_buf_put(out, lw_buf_view(&der)).code, LW_OK);
        return;
    }
    BIO *bio = BIO_new(BIO_s_mem());
    char *pem = NULL;
    assert_int_not_equal(PEM_write_bio(bio, "PUBLIC KEY", "", der.ptr, (long)der.len), 0);
    const long len = BIO_get_mem_data(bio, &pem);
    assert_int_equal(lw_buf_put_str(out, (lw_str){pem, (size_t)len}).code, LW_OK);
    BIO_free(bio);
}

/* The HMAC over what the JWT signs, as its signature part. */
static const char *hmac_part(struct vc_bend *b, struct vc_jwt *jwt, const EVP_MD *md,
                             lw_bytes secret)
{
    LW_AUTO_BUF text = LW_BUF(1 << 16);
    LW_AUTO_BUF part = LW_BUF(128);
    uint8_t mac[EVP_MAX_MD_SIZE];
    unsigned mac_len = 0;
    lw_str hashed;
    lw_str rest;
    jwt->sig_part = "";
    if (jwt == &b->jwt) {
        vc_bend_build_hashed(b, &text);
        (void)lw_str_split(lw_buf_text(&text), '~', &hashed, &rest);
    } else {
        vc_bend_build(b, &text);
        hashed = lw_buf_text(&text);
        for (lw_str head; lw_str_split(hashed, '~', &head, &rest);) {
            hashed = rest;
        }
    }
    const size_t signed_len = hashed.len - 1; /* without the last dot */
    assert_non_null(HMAC(md, secret.ptr, (int)secret.len, (const uint8_t *)hashed.ptr, signed_len,
                         mac, &mac_len));
    assert_int_equal(wallet_base64url_encode((lw_bytes){mac, mac_len}, &part).code, LW_OK);
    return vc_bend_keep(b, lw_buf_text(&part));
}

static void attack_with_hmac(struct vc_bend *b, struct vc_jwt *jwt, const struct hsm_signer *signer)
{
    static const char *const names[] = {"\"HS256\"", "\"HS384\"", "\"HS512\""};
    const EVP_MD *const hashes[] = {EVP_sha256(), EVP_sha384(), EVP_sha512()};
    for (size_t i = 0; i < 3; i++) {
        for (size_t form = 0; form < SECRETS; form++) {
            LW_AUTO_BUF secret = LW_BUF(1024);
            secret_of(&signer->key, form, &secret);
            vc_set(jwt->header, "alg", names[i]);
            jwt->sig_part = hmac_part(b, jwt, hashes[i], lw_buf_view(&secret));
            vc_refused(b, WALLET_CHECK_PARSE, LW_E_UNSUPPORTED, unsupported);
            /* Said to be ES256, it is a signature of some other length, or none. */
            vc_set(jwt->header, "alg", "\"ES256\"");
            jwt->sig_part = hmac_part(b, jwt, hashes[i], lw_buf_view(&secret));
            vc_refused(
                b, jwt == &b->jwt ? WALLET_CHECK_ISSUER_SIGNATURE : WALLET_CHECK_HOLDER_SIGNATURE,
                LW_E_SIGNATURE, "jws: the signature does not hold");
        }
    }
}

static void a1_the_public_key_as_hmac_secret(void **state)
{
    struct vc_bend *b = *state;
    struct hsm_signer holder;
    hsm_soft_key_signer(b->holder, &holder);
    attack_with_hmac(b, &b->kb, &holder);
    b->kb.sig_part = NULL;
    attack_with_hmac(b, &b->jwt, &b->issuer.signer);
}

static void a2_unsigned(void **state)
{
    static const char *const algs[] = {"\"none\"", "\"None\"", "\"NONE\"",
                                       "\"nOnE\"", "\"\"",     "\"none\\u0000\""};
    struct vc_bend *b = *state;
    struct vc_jwt *const both[] = {&b->jwt, &b->kb};
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {

            both[k]->header_text = vc_edit(b, both[k]->header, "\"ES256\"", algs[i]);
            vc_refused(b, WALLET_CHECK_PARSE, LW_E_UNSUPPORTED, unsupported);
            both[k]->sig_part = "";
            vc_refused(b, WALLET_CHECK_PARSE, LW_E_UNSUPPORTED, unsupported);
            both[k]->sig_part = NULL;
            both[k]->header_text = NULL;
        }
        vc_drop(both[k]->header, "alg");
        vc_refused(b, WALLET_CHECK_PARSE, LW_E_UNSUPPORTED, unsupported);
        vc_set(both[k]->header, "alg", "\"ES256\"");
        both[k]->sig_part = "";
        vc_refused(b, WALLET_CHECK_PARSE, LW_E_SIGNATURE, "jws: not signed");
        both[k]->sig_part = NULL;
    }
}

/* 64 bytes of zeros, and one. */
static void a2_a_signature_of_zero_bytes(void **state)
{
    static const uint8_t zeros[64] = {0};
    struct vc_bend *b = *state;
    LW_AUTO_BUF part = LW_BUF(128);
    assert_int_equal(wallet_base64url_encode(LW_BYTES(zeros), &part).code, LW_OK);
    b->jwt.sig_part = vc_bend_keep(b, lw_buf_text(&part));
    vc_refused(b, WALLET_CHECK_ISSUER_SIGNATURE, LW_E_SIGNATURE,
               "jws: the signature does not hold");
    b->jwt.sig_part = "AA";
    vc_refused(b, WALLET_CHECK_ISSUER_SIGNATURE, LW_E_SIGNATURE,
               "jws: the signature does not hold");
}

static void set_jwk(json_t *header, struct hsm_soft_key *key)
{
    struct hsm_signer signer;
    LW_AUTO_BUF text = LW_BUF(512);
    const char *json = NULL;
    hsm_soft_key_signer(key, &signer);
    assert_int_equal(wallet_jwk_write(&signer.key, &text).code, LW_OK);
    assert_int_equal(lw_buf_c(&text, &json).code, LW_OK);
    vc_set(header, "jwk", json);
}

static void a3_a_header_that_brings_or_names_its_own_key(void **state)
{
    struct vc_bend *b = *state;
    b->jwt.key = b->other;
    set_jwk(b->jwt.header, b->other);
    vc_set(b->jwt.header, "jku", "\"http://127.0.0.1:1/jwks\"");
    vc_set(b->jwt.header, "x5u", "\"http://127.0.0.1:1/x5u\"");
    vc_set(b->jwt.header, "kid", "\"../../other\"");
    vc_refused(b, WALLET_CHECK_ISSUER_SIGNATURE, LW_E_SIGNATURE,
               "jws: the signature does not hold");
    vc_drop(b->jwt.header, "x5c");
    vc_refused(b, WALLET_CHECK_TRUST, LW_E_UNTRUSTED, "SDJ-5 no x5c says whose key it is");
}

static void a3_a_holder_that_brings_its_own_key(void **state)
{
    struct vc_bend *b = *state;
    b->kb.key = b->other;
    set_jwk(b->kb.header, b->other);
    vc_refused(b, WALLET_CHECK_HOLDER_SIGNATURE, LW_E_SIGNATURE,
               "jws: the signature does not hold");
    /* Nor does a key beside the one that the issuer bound. */
    char *jwk = json_dumps(json_object_get(b->kb.header, "jwk"), JSON_COMPACT);
    vc_set(b->kb.payload, "cnf", "{}");
    json_t *cnf = json_object_get(b->kb.payload, "cnf");
    vc_set(cnf, "jwk", jwk);
    free(jwk);
    vc_refused(b, WALLET_CHECK_HOLDER_SIGNATURE, LW_E_SIGNATURE,
               "jws: the signature does not hold");
}

static void a3_a_certificate_that_does_not_chain(void **state)
{
    struct vc_bend *b = *state;
    struct support_authority other;
    support_authority_init(&other, "dmv", VC_NOW);
    vc_bend_x5c(b, lw_buf_view(&other.ds.cert));
    b->jwt.key = other.ds.key;
    vc_refused(b, WALLET_CHECK_TRUST, LW_E_UNTRUSTED, "certificate: another key of its issuer");
    vc_bend_x5c(b, lw_buf_view(&other.ca.cert)); /* signed by itself */
    b->jwt.key = other.ca.key;
    struct wallet_checks checks = {0};
    struct wallet_verified out;
    LW_AUTO_BUF arena = LW_BUF(VC_ARENA_MAX);
    assert_int_equal(vc_bend_verify(b, &arena, &checks, &out).code, LW_E_UNTRUSTED);
    assert_int_equal(checks.line[WALLET_CHECK_TRUST].result, WALLET_CHECK_FAILED);
    b->jwt.key = b->issuer.key;
    support_authority_free(&other);
}

/* A certificate of our own CA, for another purpose, is in no list of issuers. */
static void a3_a_certificate_that_chains_but_is_not_listed(void **state)
{
    struct vc_bend *b = *state;
    const struct support_key_spec spec = {.purpose = HSM_PURPOSE_ACCESS,
                                          .name = "Test access",
                                          .agency = "dmv",
                                          .uses = HSM_CERT_USE_SIGN,
                                          .not_before = VC_NOW - 86400,
                                          .not_after = VC_NOW + 86400};
    struct support_key access;
    support_key_init(&access, &spec, &b->ca);
    vc_bend_x5c(b, lw_buf_view(&access.cert));
    b->jwt.key = access.key;
    vc_refused(b, WALLET_CHECK_TRUST, LW_E_UNTRUSTED,
               "trust: certificate is not in the trust list");
    b->jwt.key = b->issuer.key;
    support_key_free(&access);
}

static void a3_a_kid_with_a_path_a_nul_or_64_kilobytes(void **state)
{
    struct vc_bend *b = *state;
    /* With the certificate there, it says nothing. */
    vc_set(b->jwt.header, "kid", "\"../../../../dev/null\"");
    vc_holds(b);
    b->jwt.header_text = vc_edit(b, b->jwt.header, "../../../../dev/null", "key\\u0000' OR 1=1 --");
    vc_holds(b);
    LW_AUTO_BUF kid = LW_BUF(1 << 17);
    for (size_t i = 0; i < 48000; i++) {
        assert_int_equal(lw_buf_put_byte(&kid, 'k').code, LW_OK);
    }
    b->jwt.header_text =
        vc_edit(b, b->jwt.header, "../../../../dev/null", vc_bend_keep(b, lw_buf_text(&kid)));
    vc_refused(b, WALLET_CHECK_DECODE, LW_E_LIMIT, "SDJ-2 text too long");
    lw_buf_truncate(&kid, WALLET_JWS_KID_MAX + 1);
    b->jwt.header_text =
        vc_edit(b, b->jwt.header, "../../../../dev/null", vc_bend_keep(b, lw_buf_text(&kid)));
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_LIMIT, "jws: kid too long");
}

/* n of P-256 (FIPS 186-4), n + 1, and 0. */
static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,    0xff, 0xff, 0xff,
                                  0xff, 0xff, 0xff, 0xff, 0xff, 0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17,
                                  0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

static void put_scalar(size_t which, uint8_t out[32])
{
    memset(out, 0, 32);
    if (which > 0) {
        memcpy(out, order, 32);
        out[31] = (uint8_t)(out[31] + (which - 1));
    }
}

static void a4_r_and_s_out_of_range(void **state)
{
    struct vc_bend *b = *state;
    struct vc_jwt *const both[] = {&b->jwt, &b->kb};
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; i < 9; i++) {
            uint8_t sig[64];
            LW_AUTO_BUF part = LW_BUF(128);
            put_scalar(i / 3, sig);
            put_scalar(i % 3, sig + 32);
            assert_int_equal(wallet_base64url_encode(LW_BYTES(sig), &part).code, LW_OK);
            both[k]->sig_part = vc_bend_keep(b, lw_buf_text(&part));
            vc_refused(b, k == 0 ? WALLET_CHECK_ISSUER_SIGNATURE : WALLET_CHECK_HOLDER_SIGNATURE,
                       LW_E_SIGNATURE, "jws: the signature does not hold");
        }
        both[k]->sig_part = NULL;
    }
}

/* A true signature of the issuer over the same bytes, in other dress. */
static void a4_der_and_other_lengths_instead_of_r_and_s(void **state)
{
    struct vc_bend *b = *state;
    LW_AUTO_BUF text = LW_BUF(1 << 16);
    lw_str message;
    lw_str rest;
    uint8_t sig[HSM_SIG_MAX + 1] = {0};
    b->jwt.sig_part = "";
    vc_bend_build_hashed(b, &text);
    (void)lw_str_split(lw_buf_text(&text), '~', &message, &rest);
    message.len--; /* the dot before the signature */
    struct hsm_signer signer;
    hsm_soft_key_signer(b->issuer.key, &signer);
    assert_int_equal(hsm_sign(&signer, HSM_PURPOSE_HOLDER, VC_NOW, lw_str_bytes(message), sig).code,
                     LW_OK);
    LW_AUTO_BUF der = LW_BUF(128);
    assert_int_equal(hsm_sig_to_der((lw_bytes){sig, 64}, &der).code, LW_OK);
    const lw_bytes dresses[] = {{sig, 64}, lw_buf_view(&der), {sig, 63}, {sig, 65}, {sig + 1, 64}};
    for (size_t i = 0; i < sizeof(dresses) / sizeof(dresses[0]); i++) {
        LW_AUTO_BUF part = LW_BUF(256);
        assert_int_equal(wallet_base64url_encode(dresses[i], &part).code, LW_OK);
        b->jwt.sig_part = vc_bend_keep(b, lw_buf_text(&part));
        if (i == 0) {
            vc_holds(b);
        } else {
            vc_refused(b, WALLET_CHECK_ISSUER_SIGNATURE, LW_E_SIGNATURE,
                       "jws: the signature does not hold");
        }
    }
}

static void a5_a_member_given_twice(void **state)
{
    static const char detail[] = "json: member name given twice";
    struct vc_bend *b = *state;
    b->jwt.header_text = vc_edit(b, b->jwt.header, "{", "{\"alg\":\"none\",");
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_VALUE, detail);
    b->jwt.header_text = vc_edit(b, b->jwt.header, "{", "{\"\\u0061lg\":\"ES256\",");
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_VALUE, detail);
    b->jwt.header_text = NULL;
    b->jwt.payload_text = vc_edit(b, b->jwt.payload, "{", "{\"exp\":1,");
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_VALUE, detail);
    b->jwt.payload_text = vc_edit(b, b->jwt.payload, "\"idx\":12", "\"idx\":12,\"idx\":13");
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_VALUE, detail);
    b->jwt.payload_text = NULL;
    b->kb.payload_text = vc_edit(b, b->kb.payload, "{", "{\"sd_hash\":\"\",\"sd_hash\":\"\",");
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_VALUE, detail);
}

static void a5_a_byte_order_mark_or_bytes_after_the_object(void **state)
{
    struct vc_bend *b = *state;
    struct vc_jwt *const both[] = {&b->jwt, &b->kb};
    for (size_t k = 0; k < 2; k++) {
        both[k]->header_text = vc_edit(b, both[k]->header, "{", "\xef\xbb\xbf{");
        vc_refused(b, WALLET_CHECK_PARSE, LW_E_SYNTAX, "json: a value is missing");
        both[k]->header_text = vc_edit(b, both[k]->header, "{", "{}{");
        vc_refused(b, WALLET_CHECK_PARSE, LW_E_SYNTAX, "json: bytes after the value");
        both[k]->header_text = NULL;
        both[k]->payload_text = vc_edit(b, both[k]->payload, "{", "{}{");
        vc_refused(b, WALLET_CHECK_PARSE, LW_E_SYNTAX, "json: bytes after the value");
        both[k]->payload_text = NULL;
    }
}

/* One text that is JSON serialisation to one parser and compact to another. */
static void a5_a_polyglot_of_json_and_compact(void **state)
{
    struct vc_bend *b = *state;
    LW_AUTO_BUF text = LW_BUF(1 << 16);
    LW_AUTO_BUF part = LW_BUF(1 << 16);
    char *header = json_dumps(b->jwt.header, JSON_COMPACT);
    assert_int_equal(lw_buf_put_c(&text, "{\"protected\":\"").code, LW_OK);
    assert_int_equal(wallet_base64url_encode(lw_str_bytes(lw_str_c(header)), &text).code, LW_OK);
    assert_int_equal(lw_buf_put_c(&text, "\",\"payload\":\"").code, LW_OK);
    free(header);
    b->jwt.header_part = vc_bend_keep(b, lw_buf_text(&text));
    b->tail = "\"}";
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_SYNTAX, "base64: character outside the alphabet");
    b->jwt.header_part = NULL;
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_SYNTAX, "base64: character outside the alphabet");
}

/* Each issuer's credential by each certificate, each holder's binding by each key. */
static void every_key_by_every_credential(void **state)
{
    enum { COUNT = 3 };
    struct vc_bend b[COUNT];
    (void)state;
    for (size_t i = 0; i < COUNT; i++) {
        vc_bend_init(&b[i]);
    }
    size_t accepted = 0;
    for (size_t cert = 0; cert < COUNT; cert++) {
        for (size_t issuer = 0; issuer < COUNT; issuer++) {
            for (size_t holder = 0; holder < COUNT; holder++) {
                struct vc_bend *one = &b[cert];
                one->jwt.key = b[issuer].issuer.key;
                one->kb.key = b[holder].holder;
                if (issuer != cert) {
                    vc_refused(one, WALLET_CHECK_ISSUER_SIGNATURE, LW_E_SIGNATURE,
                               "jws: the signature does not hold");
                } else if (holder != cert) {
                    vc_refused(one, WALLET_CHECK_HOLDER_SIGNATURE, LW_E_SIGNATURE,
                               "jws: the signature does not hold");
                } else {
                    vc_holds(one);
                    accepted++;
                }
                /* Where another list is trusted, the same is refused for its certificate. */
                one->expect.trust = b[(cert + 1) % COUNT].trust;
                vc_refused(one, WALLET_CHECK_TRUST, LW_E_UNTRUSTED,
                           "certificate: another key of its issuer");
                one->expect.trust = one->trust;
            }
        }
    }
    assert_int_equal(accepted, COUNT);
    for (size_t i = 0; i < COUNT; i++) {
        vc_bend_free(&b[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VC_TEST(a1_the_public_key_as_hmac_secret),
        VC_TEST(a2_unsigned),
        VC_TEST(a2_a_signature_of_zero_bytes),
        VC_TEST(a3_a_header_that_brings_or_names_its_own_key),
        VC_TEST(a3_a_holder_that_brings_its_own_key),
        VC_TEST(a3_a_certificate_that_does_not_chain),
        VC_TEST(a3_a_certificate_that_chains_but_is_not_listed),
        VC_TEST(a3_a_kid_with_a_path_a_nul_or_64_kilobytes),
        VC_TEST(a4_r_and_s_out_of_range),
        VC_TEST(a4_der_and_other_lengths_instead_of_r_and_s),
        VC_TEST(a5_a_member_given_twice),
        VC_TEST(a5_a_byte_order_mark_or_bytes_after_the_object),
        VC_TEST(a5_a_polyglot_of_json_and_compact),
        cmocka_unit_test(every_key_by_every_credential),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
