/*
 * The set "sd-cwt": the complete example of draft-ietf-spice-sd-cwt. Its issuer signs with ES384,
 * which LQ1 does not take, so the profile refuses it; both signatures and every digest are
 * checked by the parts that LQ1 is made of.
 */
#include "wallet/sdcwt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "bytes.h"
#include "hsm/digest.h"
#include "vectors.h"

enum { SPACE = 1 << 16, FILES = 17 };

static const lw_bytes nothing = {.ptr = NULL, .len = 0};

static struct hsm_public_key key_of(const char *pem_file, enum hsm_alg alg)
{
    struct hsm_public_key key;
    uint8_t point[HSM_POINT_MAX];
    size_t len = 0;
    LW_AUTO_BUF pem = LW_BUF(SPACE);
    support_vector_file("sd-cwt", pem_file, &pem);
    BIO *bio = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    EVP_PKEY *pkey = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);
    assert_non_null(pkey);
    assert_int_equal(
        EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point), &len),
        1);
    EVP_PKEY_free(pkey);
    BIO_free(bio);
    assert_int_equal(hsm_public_key_from_point(&key, alg, (lw_bytes){point, len}).code, LW_OK);
    return key;
}

static void check_item(lw_bytes map, int64_t key, const char *hex)
{
    LW_AUTO_BUF expected = LW_BUF(SPACE);
    support_hex(hex, &expected);
    assert_true(lw_bytes_eq(wallet_cbor_map_get_int(map, key), lw_buf_view(&expected)));
}

/* Checks the issuer's signature of an SD-CWT and appends its claims as they are disclosed. */
static void reveal(lw_bytes in, lw_buf *claims)
{
    struct wallet_cose_sign1 message;
    const struct hsm_public_key issuer = key_of("issuer_privkey.pem.txt", HSM_ES384);
    assert_int_equal(wallet_cose_sign1_parse(in, &message).code, LW_OK);
    assert_int_equal(message.alg, WALLET_COSE_ES384);
    assert_int_equal(wallet_cose_sign1_verify(&message, nothing, &issuer).code, LW_OK);
    const lw_bytes sd_claims = wallet_cbor_map_get_int(message.unprotected, WALLET_COSE_SD_CLAIMS);
    assert_int_equal(wallet_sdcwt_reveal(message.payload, sd_claims, claims).code, LW_OK);
    assert_int_equal(wallet_cbor_map_get_int(lw_buf_view(claims), WALLET_CWT_EXP).len, 5);
    check_item(lw_buf_view(claims), 500, "f5");
    check_item(lw_buf_view(claims), 501, "6b 414243442d313233343536"); /* "ABCD-123456" */
}

/* All five disclosures: a claim, two elements of an array, two entries of a map. */
static void the_issued_token_discloses_everything(void **state)
{
    (void)state;
    if (support_vectors("sd-cwt") == NULL) {
        skip();
    }
    LW_AUTO_BUF in = LW_BUF(SPACE);
    LW_AUTO_BUF claims = LW_BUF(SPACE);
    struct wallet_sdcwt cwt;
    support_vector_file("sd-cwt", "issuer_cwt.cbor", &in);
    reveal(lw_buf_view(&in), &claims);
    check_item(lw_buf_view(&claims), 502, "83 1a5c5c6b90 1a601db950 1a63c74904");
    check_item(lw_buf_view(&claims), 503,
               "a3 66726567696f6e 626361 67636f756e747279 627573 6b706f7374616c5f636f6465 65"
               "3934313838");
    assert_int_equal(wallet_sdcwt_parse(lw_buf_view(&in), &cwt).code, LW_E_UNSUPPORTED);
}

static void the_key_binding_shows_three_of_five(void **state)
{
    (void)state;
    if (support_vectors("sd-cwt") == NULL) {
        skip();
    }
    LW_AUTO_BUF in = LW_BUF(SPACE);
    LW_AUTO_BUF claims = LW_BUF(SPACE);
    struct wallet_cose_sign1 kbt;
    struct wallet_sdkbt parsed;
    const struct hsm_public_key holder = key_of("holder_privkey.pem.txt", HSM_ES256);
    support_vector_file("sd-cwt", "kbt.cbor", &in);
    assert_int_equal(wallet_cose_sign1_parse(lw_buf_view(&in), &kbt).code, LW_OK);
    assert_true(wallet_cose_unprotected_empty(&kbt));
    assert_int_equal(wallet_cose_sign1_verify(&kbt, nothing, &holder).code, LW_OK);
    const lw_bytes kcwt = wallet_cbor_map_get_int(kbt.protected, WALLET_COSE_KCWT);
    reveal(kcwt, &claims);
    check_item(lw_buf_view(&claims), 502, "82 1a5c5c6b90 1a63c74904");
    check_item(lw_buf_view(&claims), 503, "a2 66726567696f6e 626361 67636f756e747279 627573");

    /* The key that the issuer bound is the one that signed. */
    struct hsm_public_key bound;
    const lw_bytes cnf = wallet_cbor_map_get_int(lw_buf_view(&claims), WALLET_CWT_CNF);
    assert_int_equal(wallet_cose_key_read(wallet_cbor_map_get_int(cnf, 1), &bound).code, LW_OK);
    assert_true(hsm_public_key_eq(&bound, &holder));
    assert_int_equal(wallet_sdkbt_parse(lw_buf_view(&in), &parsed).code, LW_E_UNSUPPORTED);
}

/*
 * The first disclosure. The draft's walk-through prints the hash without the byte string's head;
 * the signed example, like us, hashes with it.
 */
static void the_first_disclosure_is_hashed_with_its_head(void **state)
{
    static const char in_the_token[] =
        "af375dc3fba1d082448642c00be7b2f7bb05c9d8fb61cfc230ddfdfb4616a693";
    (void)state;
    if (support_vectors("sd-cwt") == NULL) {
        skip();
    }
    LW_AUTO_BUF contents = LW_BUF(SPACE);
    LW_AUTO_BUF walk_through = LW_BUF(SPACE);
    LW_AUTO_BUF blinded = LW_BUF(SPACE);
    LW_AUTO_BUF expected = LW_BUF(SPACE);
    const char *hex = NULL;
    uint8_t digest[32];
    support_vector_file("sd-cwt", "first-disclosure.seq.cbor", &contents);
    support_vector_file("sd-cwt", "first-blinded-hash.txt", &walk_through);
    assert_int_equal(lw_buf_c(&walk_through, &hex).code, LW_OK);
    support_hex(hex, &blinded);
    support_hex(in_the_token, &expected);
    assert_int_equal(wallet_sdcwt_digest(lw_buf_view(&contents), digest).code, LW_OK);
    assert_memory_equal(digest, expected.ptr, sizeof(digest));
    assert_int_equal(hsm_sha256(lw_buf_view(&contents), digest).code, LW_OK);
    assert_memory_equal(digest, blinded.ptr, sizeof(digest));
}

static void the_set_is_counted(void **state)
{
    (void)state;
    if (support_vectors("sd-cwt") == NULL) {
        skip();
    }
    support_vector_report("sd-cwt", 6, FILES - 6,
                          "the same in diagnostic notation, salts and decoys of the generator, "
                          "encrypted disclosures, which are not offered here",
                          FILES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_issued_token_discloses_everything),
        cmocka_unit_test(the_key_binding_shows_three_of_five),
        cmocka_unit_test(the_first_disclosure_is_hashed_with_its_head),
        cmocka_unit_test(the_set_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
