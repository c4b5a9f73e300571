#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>

#include "hsm/digest.h"
#include "hsm/sign.h"

static const uint8_t exponent[] = {0x01, 0x00, 0x01};
static EVP_PKEY *pair;
static struct hsm_public_key key;

static struct hsm_public_key public_of(const EVP_PKEY *pkey)
{
    struct hsm_public_key made;
    uint8_t n[HSM_RSA_LEN_MAX];
    BIGNUM *number = NULL;
    assert_int_equal(EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_RSA_N, &number), 1);
    const int len = BN_bn2bin(number, n);
    BN_free(number);
    assert_int_equal(
        hsm_public_key_from_rsa(&made, (lw_bytes){n, (size_t)len}, LW_BYTES(exponent)).code, LW_OK);
    return made;
}

static int make_pair(void **state)
{
    (void)state;
    pair = EVP_RSA_gen(2048);
    key = public_of(pair);
    return 0;
}

static int free_pair(void **state)
{
    (void)state;
    EVP_PKEY_free(pair);
    return 0;
}

/* Signs a digest by OpenSSL, of a hash and with a padding of the caller's choice. */
static size_t sign_by(EVP_PKEY *pkey, int padding, const EVP_MD *md, lw_bytes digest,
                      uint8_t sig[HSM_RSA_LEN_MAX])
{
    size_t len = HSM_RSA_LEN_MAX;
    EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    assert_int_equal(EVP_PKEY_sign_init(ctx), 1);
    assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(ctx, padding), 1);
    if (md != NULL) {
        assert_int_equal(EVP_PKEY_CTX_set_signature_md(ctx, md), 1);
    }
    assert_int_equal(EVP_PKEY_sign(ctx, sig, &len, digest.ptr, digest.len), 1);
    EVP_PKEY_CTX_free(ctx);
    return len;
}

static void a_signature_holds_for_its_message_key_and_length_only(void **state)
{
    (void)state;
    const lw_bytes message = lw_str_bytes(LW_STR("an ID token"));
    const lw_bytes other = lw_str_bytes(LW_STR("an ID tokem"));
    uint8_t digest[HSM_SHA256_LEN];
    uint8_t sig[HSM_RSA_LEN_MAX] = {0};
    assert_int_equal(hsm_sha256(message, digest).code, LW_OK);
    assert_int_equal(sign_by(pair, RSA_PKCS1_PADDING, EVP_sha256(), LW_BYTES(digest), sig), 256);
    assert_int_equal(hsm_sig_len(&key), 256);
    for (size_t len = 0; len <= sizeof(sig); len++) {
        assert_int_equal(hsm_verify(&key, message, (lw_bytes){sig, len}).code,
                         len == 256 ? LW_OK : LW_E_SIGNATURE);
    }
    assert_int_equal(hsm_verify(&key, other, (lw_bytes){sig, 256}).code, LW_E_SIGNATURE);
    for (size_t i = 0; i < 256; i++) {
        sig[i] ^= 1;
        assert_int_equal(hsm_verify(&key, message, (lw_bytes){sig, 256}).code, LW_E_SIGNATURE);
        sig[i] ^= 1;
    }
    EVP_PKEY *stranger = EVP_RSA_gen(2048);
    const struct hsm_public_key theirs = public_of(stranger);
    EVP_PKEY_free(stranger);
    assert_int_equal(hsm_verify(&theirs, message, (lw_bytes){sig, 256}).code, LW_E_SIGNATURE);
    assert_false(hsm_public_key_eq(&theirs, &key));
}

/* RFC 8017 section 9.2: the digest's algorithm is signed too, and PSS is another scheme. */
static void other_paddings_and_hashes_are_refused(void **state)
{
    (void)state;
    uint8_t digest[HSM_SHA256_LEN] = {7};
    uint8_t long_digest[48] = {7};
    uint8_t sig[HSM_RSA_LEN_MAX];
    (void)sign_by(pair, RSA_PKCS1_PADDING, NULL, LW_BYTES(digest), sig); /* without DigestInfo */
    assert_int_equal(hsm_verify_digest(&key, LW_BYTES(digest), (lw_bytes){sig, 256}).code,
                     LW_E_SIGNATURE);
    (void)sign_by(pair, RSA_PKCS1_PSS_PADDING, EVP_sha256(), LW_BYTES(digest), sig);
    assert_int_equal(hsm_verify_digest(&key, LW_BYTES(digest), (lw_bytes){sig, 256}).code,
                     LW_E_SIGNATURE);
    (void)sign_by(pair, RSA_PKCS1_PADDING, EVP_sha384(), LW_BYTES(long_digest), sig);
    assert_int_equal(hsm_verify_digest(&key, LW_BYTES(digest), (lw_bytes){sig, 256}).code,
                     LW_E_SIGNATURE);
    assert_int_equal(hsm_verify_digest(&key, LW_BYTES(long_digest), (lw_bytes){sig, 256}).code,
                     LW_E_MISUSE);
}

static void a_modulus_has_2048_to_4096_bits_and_the_exponent_is_65537(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        uint8_t first;
        uint8_t last;
        lw_code code;
    } cases[] = {
        {256, 0x80, 0x01, LW_OK},
        {512, 0xff, 0xff, LW_OK},
        {257, 0x01, 0x01, LW_OK},
        {0, 0x80, 0x01, LW_E_UNSUPPORTED},
        {128, 0x80, 0x01, LW_E_UNSUPPORTED},
        {255, 0xff, 0x01, LW_E_UNSUPPORTED},
        {256, 0x7f, 0x01, LW_E_UNSUPPORTED}, /* 2047 bits */
        {513, 0x01, 0x01, LW_E_UNSUPPORTED}, /* 4097 bits */
        {257, 0x00, 0x01, LW_E_VALUE},       /* needless zero */
        {256, 0x80, 0x02, LW_E_VALUE},       /* even */
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t n[513] = {0};
        struct hsm_public_key made = {.alg = HSM_ALG_NONE};
        n[0] = cases[i].first;
        n[cases[i].len == 0 ? 0 : cases[i].len - 1] |= cases[i].last;
        const lw_bytes modulus = {n, cases[i].len};
        assert_int_equal(hsm_public_key_from_rsa(&made, modulus, LW_BYTES(exponent)).code,
                         cases[i].code);
        assert_int_equal(made.alg, cases[i].code == LW_OK ? HSM_RS256 : HSM_ALG_NONE);
        assert_int_equal(hsm_public_key_from_bytes(&made, HSM_RS256, modulus).code, cases[i].code);
    }
    static const uint8_t three[] = {0x03};
    static const uint8_t padded[] = {0x00, 0x01, 0x00, 0x01};
    const lw_bytes n = {key.point, key.point_len};
    struct hsm_public_key made;
    assert_int_equal(hsm_public_key_from_rsa(&made, n, LW_BYTES(three)).code, LW_E_UNSUPPORTED);
    assert_int_equal(hsm_public_key_from_rsa(&made, n, LW_BYTES(padded)).code, LW_E_UNSUPPORTED);
    assert_int_equal(hsm_public_key_from_rsa(&made, n, (lw_bytes){NULL, 0}).code, LW_E_UNSUPPORTED);
}

static void an_rsa_key_is_no_point(void **state)
{
    (void)state;
    struct hsm_public_key made;
    uint8_t sig[HSM_PAIR_MAX];
    size_t len = 0;
    static const uint8_t der[] = {0x30, 0x06, 0x02, 0x01, 0x01, 0x02, 0x01, 0x02};
    const lw_bytes half = {key.point, 32};
    assert_int_equal(hsm_public_key_from_point(&made, HSM_RS256, half).code, LW_E_UNSUPPORTED);
    assert_int_equal(hsm_public_key_from_xy(&made, HSM_RS256, half, half).code, LW_E_UNSUPPORTED);
    assert_int_equal(hsm_sig_from_der(HSM_RS256, LW_BYTES(der), sig, &len).code, LW_E_UNSUPPORTED);
}

static lw_err sign_digest(void *ctx, lw_bytes digest, uint8_t sig[HSM_SIG_MAX])
{
    (void)ctx;
    uint8_t room[HSM_RSA_LEN_MAX];
    (void)sign_by(pair, RSA_PKCS1_PADDING, EVP_sha256(), digest, room);
    memcpy(sig, room, HSM_SIG_MAX);
    return LW_SUCCESS;
}

static void rsa_signs_id_tokens_and_nothing_else(void **state)
{
    (void)state;
    const lw_bytes message = lw_str_bytes(LW_STR("m"));
    for (int p = HSM_PURPOSE_NONE; p <= HSM_PURPOSE_HOLDER; p++) {
        const enum hsm_purpose purpose = (enum hsm_purpose)p;
        const struct hsm_signer signer = {
            .purpose = purpose, .key = key, .not_after = 10, .sign_digest = sign_digest};
        uint8_t sig[HSM_SIG_MAX];
        const bool right = purpose == HSM_PURPOSE_ID_TOKEN_RSA;
        assert_int_equal(hsm_sign(&signer, purpose, 1, message, sig).code,
                         right ? LW_OK : LW_E_DENIED);
        assert_int_equal(hsm_purpose_alg(purpose), right ? HSM_RS256 : HSM_ES256);
    }
    struct hsm_signer other = {.purpose = HSM_PURPOSE_ID_TOKEN_RSA, .not_after = 10};
    uint8_t sig[HSM_SIG_MAX];
    other.key.alg = HSM_ES256;
    assert_int_equal(hsm_sign(&other, HSM_PURPOSE_ID_TOKEN_RSA, 1, message, sig).code, LW_E_DENIED);
}

static void signatures_longer_than_are_made_here_are_not_begun(void **state)
{
    (void)state;
    struct hsm_signer signer = {.purpose = HSM_PURPOSE_ID_TOKEN_RSA, .key = key, .not_after = 10};
    struct hsm_digest digest;
    const lw_bytes message = lw_str_bytes(LW_STR("m"));
    signer.key.point_len = HSM_SIG_MAX + 1;
    assert_int_equal(
        hsm_sign_begin(&signer, HSM_PURPOSE_ID_TOKEN_RSA, 1, &message, 1, &digest).code,
        LW_E_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_holds_for_its_message_key_and_length_only),
        cmocka_unit_test(other_paddings_and_hashes_are_refused),
        cmocka_unit_test(a_modulus_has_2048_to_4096_bits_and_the_exponent_is_65537),
        cmocka_unit_test(an_rsa_key_is_no_point),
        cmocka_unit_test(rsa_signs_id_tokens_and_nothing_else),
        cmocka_unit_test(signatures_longer_than_are_made_here_are_not_begun),
    };
    return cmocka_run_group_tests(tests, make_pair, free_pair);
}
