#include "wallet/jwk.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "wallet/base64.h"

/* RFC 7515 appendix A.3.1. */
#define X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define EC(more) "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y "\"" more "}"

/* RFC 9449 section 4.1: the key, and in section 6.1 its thumbprint. */
#define DPOP_KEY                                                                                   \
    "{\"kty\":\"EC\",\"x\":\"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs\","                       \
    "\"y\":\"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA\",\"crv\":\"P-256\"}"
#define DPOP_THUMBPRINT "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"

static void a_public_key_is_read_and_written_back(void **state)
{
    (void)state;
    struct hsm_public_key key;
    assert_int_equal(wallet_jwk_parse(LW_STR(EC(",\"kid\":\"1\",\"ext\":true")), &key).code, LW_OK);
    assert_int_equal(key.alg, HSM_ES256);
    uint8_t x[32];
    assert_int_equal(wallet_base64url_decode_exact(LW_STR(X), x, 32).code, LW_OK);
    assert_true(lw_bytes_eq(hsm_public_key_x(&key), LW_BYTES(x)));
    LW_AUTO_BUF out = LW_BUF(256);
    assert_int_equal(wallet_jwk_write(&key, &out).code, LW_OK);
    assert_true(lw_str_is(lw_buf_text(&out),
                          "{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"" X "\",\"y\":\"" Y "\"}"));
    struct hsm_public_key again;
    assert_int_equal(wallet_jwk_parse(lw_buf_text(&out), &again).code, LW_OK);
    assert_true(hsm_public_key_eq(&key, &again));
}

/* RFC 7638 section 3, over an EC key. */
static void the_thumbprint_is_that_of_rfc_9449(void **state)
{
    (void)state;
    struct hsm_public_key key;
    uint8_t thumbprint[WALLET_JWK_THUMBPRINT_LEN];
    LW_AUTO_BUF text = LW_BUF(64);
    assert_int_equal(wallet_jwk_parse(LW_STR(DPOP_KEY), &key).code, LW_OK);
    assert_int_equal(wallet_jwk_thumbprint(&key, thumbprint).code, LW_OK);
    assert_int_equal(wallet_base64url_encode(LW_BYTES(thumbprint), &text).code, LW_OK);
    assert_true(lw_str_is(lw_buf_text(&text), DPOP_THUMBPRINT));
}

static void a_key_says_what_it_is_for(void **state)
{
    static const struct {
        const char *json;
        lw_code code;
    } cases[] = {
        {EC(",\"use\":\"sig\""), LW_OK},
        {EC(",\"use\":\"enc\""), LW_E_VALUE},
        {EC(",\"alg\":\"ES256\""), LW_OK},
        {EC(",\"alg\":\"ES384\""), LW_E_VALUE},
        {EC(",\"alg\":\"ECDH-ES\""), LW_E_VALUE},
        {EC(",\"key_ops\":[\"sign\",\"verify\"]"), LW_OK},
        {EC(",\"key_ops\":[\"verify\",\"sign\"]"), LW_OK},
        {EC(",\"key_ops\":[\"sign\"]"), LW_E_VALUE},
        {EC(",\"key_ops\":[]"), LW_E_VALUE},
        {EC(",\"key_ops\":\"verify\""), LW_E_VALUE},
        {EC(",\"key_ops\":[1]"), LW_E_VALUE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hsm_public_key key;
        assert_int_equal(wallet_jwk_parse(lw_str_c(cases[i].json), &key).code, cases[i].code);
    }
}

static void private_and_secret_members_are_denied(void **state)
{
    static const char *const names[] = {"d", "k", "p", "q", "dp", "dq", "qi", "oth", "\\u0064"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        struct hsm_public_key key;
        LW_AUTO_BUF json = LW_BUF(512);
        assert_int_equal(lw_buf_put_c(&json, "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X
                                             "\",\"y\":\"" Y "\",\"")
                             .code,
                         LW_OK);
        assert_int_equal(lw_buf_put_c(&json, names[i]).code, LW_OK);
        assert_int_equal(lw_buf_put_c(&json, "\":\"AA\"}").code, LW_OK);
        assert_int_equal(wallet_jwk_parse(lw_buf_text(&json), &key).code, LW_E_DENIED);
    }
}

static void keys_that_are_none_are_refused(void **state)
{
    static const struct {
        const char *json;
        lw_code code;
    } cases[] = {
        {"", LW_E_SYNTAX},
        {"[]", LW_E_VALUE},
        {"{}", LW_E_VALUE},
        {EC("") " ", LW_OK},
        {EC("") "x", LW_E_SYNTAX},
        {EC(",\"x\":\"" X "\""), LW_E_VALUE},
        {"{\"kty\":\"RSA\",\"n\":\"AQ\",\"e\":\"AQAB\"}", LW_E_UNSUPPORTED},
        {"{\"kty\":\"oct\"}", LW_E_UNSUPPORTED},
        {"{\"kty\":7}", LW_E_VALUE},
        {"{\"kty\":\"ec\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y "\"}", LW_E_UNSUPPORTED},
        {"{\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" Y "\"}", LW_E_VALUE},
        {"{\"kty\":\"EC\",\"x\":\"" X "\",\"y\":\"" Y "\"}", LW_E_VALUE},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"y\":\"" Y "\"}", LW_E_VALUE},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\"}", LW_E_VALUE},
        {"{\"kty\":\"EC\",\"crv\":\"P-521\",\"x\":\"" X "\",\"y\":\"" Y "\"}", LW_E_UNSUPPORTED},
        {"{\"kty\":\"EC\",\"crv\":\"secp256k1\",\"x\":\"" X "\",\"y\":\"" Y "\"}",
         LW_E_UNSUPPORTED},
        {"{\"kty\":\"EC\",\"crv\":\"P-384\",\"x\":\"" X "\",\"y\":\"" Y "\"}", LW_E_VALUE},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"" X "\"}", LW_E_VALUE},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":\"AA\"}", LW_E_VALUE},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AA" X "\",\"y\":\"" Y "\"}", LW_E_SYNTAX},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAA" X "\",\"y\":\"" Y "\"}", LW_E_VALUE},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "=\",\"y\":\"" Y "\"}", LW_E_VALUE},
        {"{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"" X "\",\"y\":5}", LW_E_VALUE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hsm_public_key key;
        const lw_err err = wallet_jwk_parse(lw_str_c(cases[i].json), &key);
        if (err.code != cases[i].code) {
            print_message("%s: %s\n", cases[i].json, lw_code_name(err.code));
        }
        assert_int_equal(err.code, cases[i].code);
    }
}

static void a_key_is_read_from_within_a_document(void **state)
{
    (void)state;
    struct wallet_json r;
    struct wallet_json_text name;
    struct hsm_public_key key;
    wallet_json_start(&r, LW_STR("{\"cnf\":{\"jwk\":" EC("") "},\"z\":1}"));
    wallet_json_object(&r);
    assert_true(wallet_json_member(&r, &name));
    wallet_json_object(&r);
    assert_true(wallet_json_member(&r, &name));
    assert_int_equal(wallet_jwk_read(&r, &key).code, LW_OK);
    assert_false(wallet_json_member(&r, &name));
    assert_true(wallet_json_member(&r, &name));
    assert_int_equal(wallet_json_int(&r), 1);
    assert_int_equal(wallet_json_finish(&r).code, LW_OK);
    wallet_json_start(&r, LW_STR("{\"kty\":"));
    assert_int_equal(wallet_jwk_read(&r, &key).code, LW_E_SYNTAX);
}

/* RFC 7638 section 3.1. */
static void an_rsa_key_is_written_and_named_and_not_read(void **state)
{
    (void)state;
    static const char n_text[] =
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJE"
        "CPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2Q"
        "vzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6"
        "WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
    static const uint8_t e[] = {0x01, 0x00, 0x01};
    uint8_t n[256];
    uint8_t thumbprint[WALLET_JWK_THUMBPRINT_LEN];
    struct hsm_public_key key;
    LW_AUTO_BUF text = LW_BUF(64);
    LW_AUTO_BUF json = LW_BUF(1024);
    assert_int_equal(wallet_base64url_decode_exact(lw_str_c(n_text), n, sizeof(n)).code, LW_OK);
    assert_int_equal(hsm_public_key_from_rsa(&key, LW_BYTES(n), LW_BYTES(e)).code, LW_OK);
    assert_int_equal(wallet_jwk_thumbprint(&key, thumbprint).code, LW_OK);
    assert_int_equal(wallet_base64url_encode(LW_BYTES(thumbprint), &text).code, LW_OK);
    assert_true(lw_str_is(lw_buf_text(&text), "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"));
    assert_int_equal(wallet_jwk_write(&key, &json).code, LW_OK);
    assert_int_equal(wallet_jwk_parse(lw_buf_text(&json), &key).code, LW_E_UNSUPPORTED);
}

static void a_key_without_a_name_in_jose_is_not_written(void **state)
{
    (void)state;
    const struct hsm_public_key key = {.alg = HSM_ALG_NONE};
    uint8_t thumbprint[WALLET_JWK_THUMBPRINT_LEN];
    LW_AUTO_BUF out = LW_BUF(64);
    assert_int_equal(wallet_jwk_write(&key, &out).code, LW_E_UNSUPPORTED);
    assert_int_equal(wallet_jwk_thumbprint(&key, thumbprint).code, LW_E_UNSUPPORTED);
    assert_int_equal(out.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_public_key_is_read_and_written_back),
        cmocka_unit_test(the_thumbprint_is_that_of_rfc_9449),
        cmocka_unit_test(an_rsa_key_is_written_and_named_and_not_read),
        cmocka_unit_test(a_key_says_what_it_is_for),
        cmocka_unit_test(private_and_secret_members_are_denied),
        cmocka_unit_test(keys_that_are_none_are_refused),
        cmocka_unit_test(a_key_is_read_from_within_a_document),
        cmocka_unit_test(a_key_without_a_name_in_jose_is_not_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
