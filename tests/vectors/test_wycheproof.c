/* C2SP wycheproof: edge cases of ECDSA, AES-GCM, HMAC and HKDF. */
#include "hsm/verify.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>

#include "bytes.h"
#include "hsm/digest.h"
#include "hsm/seal.h"
#include "vectors.h"

static const char set[] = "wycheproof";

enum { FIELD_MAX = 1 << 17 };

static lw_buf hex_of(const json_t *object, const char *name)
{
    lw_buf out = LW_BUF(FIELD_MAX);
    const char *hex = json_string_value(json_object_get(object, name));
    assert_non_null(hex);
    support_hex(hex, &out);
    return out;
}

static size_t number_of(const json_t *object, const char *name)
{
    const json_t *n = json_object_get(object, name);
    assert_true(json_is_integer(n));
    return (size_t)json_integer_value(n);
}

static void assert_result(const json_t *test, lw_code code)
{
    const char *result = json_string_value(json_object_get(test, "result"));
    const bool valid = strcmp(result, "valid") == 0;
    assert_true(valid || strcmp(result, "invalid") == 0);
    if ((code == LW_OK) != valid) {
        fail_msg("case %zu: %s, but we say %s", number_of(test, "tcId"), result,
                 lw_code_name(code));
    }
}

/* Runs each case of a file; `judge` returns whether it ran the case. */
static void run_file(const char *file, bool (*judge)(const json_t *group, const json_t *test),
                     const char *why_left_out)
{
    if (support_vectors(set) == NULL) {
        skip();
    }
    json_t *whole = support_vector_json(set, file);
    size_t run = 0;
    size_t left_out = 0;
    size_t i = 0;
    json_t *group = NULL;
    json_array_foreach(json_object_get(whole, "testGroups"), i, group)
    {
        size_t j = 0;
        json_t *test = NULL;
        json_array_foreach(json_object_get(group, "tests"), j, test)
        {
            const bool ran = judge(group, test);
            run += ran ? 1 : 0;
            left_out += ran ? 0 : 1;
        }
    }
    char name[128];
    (void)snprintf(name, sizeof(name), "%s %s", set, file);
    support_vector_report(name, run, left_out, why_left_out, number_of(whole, "numberOfTests"));
    json_decref(whole);
}

static struct hsm_public_key key_of(const json_t *group)
{
    const json_t *public_key = json_object_get(group, "publicKey");
    const char *curve = json_string_value(json_object_get(public_key, "curve"));
    const enum hsm_alg alg = strcmp(curve, "secp256r1") == 0 ? HSM_ES256 : HSM_ES384;
    struct hsm_public_key key;
    LW_AUTO_BUF point = hex_of(public_key, "uncompressed");
    assert_int_equal(hsm_public_key_from_point(&key, alg, lw_buf_view(&point)).code, LW_OK);
    return key;
}

static bool judge_pair(const json_t *group, const json_t *test)
{
    const struct hsm_public_key key = key_of(group);
    LW_AUTO_BUF message = hex_of(test, "msg");
    LW_AUTO_BUF sig = hex_of(test, "sig");
    assert_result(test, hsm_verify(&key, lw_buf_view(&message), lw_buf_view(&sig)).code);
    return true;
}

static bool judge_der(const json_t *group, const json_t *test)
{
    const struct hsm_public_key key = key_of(group);
    LW_AUTO_BUF message = hex_of(test, "msg");
    LW_AUTO_BUF der = hex_of(test, "sig");
    uint8_t sig[HSM_SIG_MAX];
    size_t len = 0;
    lw_err err = hsm_sig_from_der(key.alg, lw_buf_view(&der), sig, &len);
    if (err.code == LW_OK) {
        err = hsm_verify(&key, lw_buf_view(&message), (lw_bytes){.ptr = sig, .len = len});
    }
    assert_result(test, err.code);
    return true;
}

static bool judge_nothing(const json_t *group, const json_t *test)
{
    (void)group;
    (void)test;
    return false;
}

static void p_256_pairs(void **state)
{
    (void)state;
    run_file("ecdsa_secp256r1_sha256_p1363_test.json", judge_pair, "");
}

static void p_256_der(void **state)
{
    (void)state;
    run_file("ecdsa_secp256r1_sha256_test.json", judge_der, "");
}

static void p_384_pairs(void **state)
{
    (void)state;
    run_file("ecdsa_secp384r1_sha384_p1363_test.json", judge_pair, "");
}

static void p_384_der(void **state)
{
    (void)state;
    run_file("ecdsa_secp384r1_sha384_test.json", judge_der, "");
}

static void p_521_is_not_offered(void **state)
{
    (void)state;
    run_file("ecdsa_secp521r1_sha512_p1363_test.json", judge_nothing,
             "ES512 is no row of the algorithm table");
}

static lw_err give_nonce(void *ctx, uint8_t *out, size_t n)
{
    memcpy(out, ctx, n);
    return LW_SUCCESS;
}

static bool judge_gcm(const json_t *group, const json_t *test)
{
    if (number_of(group, "keySize") != 256 || number_of(group, "ivSize") != 96 ||
        number_of(group, "tagSize") != 128) {
        return false;
    }
    LW_AUTO_BUF key = hex_of(test, "key");
    LW_AUTO_BUF nonce = hex_of(test, "iv");
    LW_AUTO_BUF aad = hex_of(test, "aad");
    LW_AUTO_BUF plain = hex_of(test, "msg");
    LW_AUTO_BUF cipher = hex_of(test, "ct");
    LW_AUTO_BUF tag = hex_of(test, "tag");
    LW_AUTO_BUF sealed = LW_BUF(FIELD_MAX);
    LW_AUTO_BUF opened = LW_BUF(FIELD_MAX);
    assert_int_equal(lw_buf_put(&sealed, lw_buf_view(&nonce)).code, LW_OK);
    assert_int_equal(lw_buf_put(&sealed, lw_buf_view(&cipher)).code, LW_OK);
    assert_int_equal(lw_buf_put(&sealed, lw_buf_view(&tag)).code, LW_OK);
    const lw_err err = hsm_open(key.ptr, lw_buf_view(&aad), lw_buf_view(&sealed), &opened);
    assert_result(test, err.code);
    if (err.code == LW_OK) {
        const struct lw_rng rng = {.fill = give_nonce, .ctx = nonce.ptr};
        LW_AUTO_BUF again = LW_BUF(FIELD_MAX);
        assert_true(lw_bytes_eq(lw_buf_view(&opened), lw_buf_view(&plain)));
        assert_int_equal(
            hsm_seal(key.ptr, lw_buf_view(&aad), lw_buf_view(&plain), &rng, &again).code, LW_OK);
        assert_true(lw_bytes_eq(lw_buf_view(&again), lw_buf_view(&sealed)));
    }
    return true;
}

static void aes_gcm(void **state)
{
    (void)state;
    run_file("aes_gcm_test.json", judge_gcm, "sealing has 256-bit keys and 96-bit nonces only");
}

static bool judge_hmac(const json_t *group, const json_t *test)
{
    LW_AUTO_BUF key = hex_of(test, "key");
    LW_AUTO_BUF message = hex_of(test, "msg");
    LW_AUTO_BUF tag = hex_of(test, "tag");
    uint8_t mac[HSM_SHA256_LEN];
    const lw_bytes part = lw_buf_view(&message);
    assert_int_equal(hsm_hmac_sha256(lw_buf_view(&key), &part, 1, mac).code, LW_OK);
    const lw_bytes cut = {.ptr = mac, .len = number_of(group, "tagSize") / 8};
    assert_result(test, hsm_equal(cut, lw_buf_view(&tag)) ? LW_OK : LW_E_SIGNATURE);
    return true;
}

static void hmac_sha256(void **state)
{
    (void)state;
    run_file("hmac_sha256_test.json", judge_hmac, "");
}

static bool judge_hkdf(const json_t *group, const json_t *test)
{
    (void)group;
    static uint8_t out[FIELD_MAX];
    LW_AUTO_BUF salt = hex_of(test, "salt");
    LW_AUTO_BUF key = hex_of(test, "ikm");
    LW_AUTO_BUF info = hex_of(test, "info");
    LW_AUTO_BUF want = hex_of(test, "okm");
    const size_t size = number_of(test, "size");
    if (salt.len > 0 || size > sizeof(out)) {
        return false;
    }
    const lw_err err = hsm_derive(lw_buf_view(&key), lw_buf_view(&info), out, size);
    assert_result(test, err.code);
    if (err.code == LW_OK) {
        assert_true(lw_bytes_eq((lw_bytes){.ptr = out, .len = size}, lw_buf_view(&want)));
    }
    return true;
}

static void hkdf_sha256(void **state)
{
    (void)state;
    run_file("hkdf_sha256_test.json", judge_hkdf, "keys are derived without a salt only");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(p_256_pairs),          cmocka_unit_test(p_256_der),
        cmocka_unit_test(p_384_pairs),          cmocka_unit_test(p_384_der),
        cmocka_unit_test(p_521_is_not_offered), cmocka_unit_test(aes_gcm),
        cmocka_unit_test(hmac_sha256),          cmocka_unit_test(hkdf_sha256),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
