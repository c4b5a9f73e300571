#include "wallet/jws.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "hsm/key_soft.h"
#include "wallet/base64.h"
#include "wallet/jwk.h"

enum { ARENA = 16384 };

/* RFC 7515 appendix A.3. */
#define A3_HEADER "eyJhbGciOiJFUzI1NiJ9"
#define A3_PAYLOAD                                                                                 \
    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVl" \
    "fQ"
#define A3_SIG                                                                                     \
    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
#define A3_JWK                                                                                     \
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\","     \
    "\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"

static struct hsm_public_key key_of(const char *jwk)
{
    struct hsm_public_key key;
    assert_int_equal(wallet_jwk_parse(lw_str_c(jwk), &key).code, LW_OK);
    return key;
}

static void the_es256_example_of_rfc_7515_holds(void **state)
{
    (void)state;
    const struct hsm_public_key key = key_of(A3_JWK);
    LW_AUTO_BUF arena = LW_BUF(ARENA);
    struct wallet_jws jws;
    assert_int_equal(
        wallet_jws_parse(LW_STR(A3_HEADER "." A3_PAYLOAD "." A3_SIG), &arena, &jws).code, LW_OK);
    assert_int_equal(wallet_jws_verify(&jws, &key).code, LW_OK);
    assert_true(lw_str_is(lw_bytes_str(jws.header), "{\"alg\":\"ES256\"}"));
    assert_true(lw_str_is(
        lw_bytes_str(jws.payload),
        "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}"));
    assert_int_equal(jws.typ.raw.len + jws.kid.raw.len + jws.x5c.len, 0);
}

/* "header payload sig" of a token whose header is given as JSON. */
static void token_of(const char *header, const char *payload, const char *sig, lw_buf *out)
{
    assert_int_equal(wallet_base64url_encode(lw_str_bytes(lw_str_c(header)), out).code, LW_OK);
    assert_int_equal(lw_buf_put_c(out, ".").code, LW_OK);
    assert_int_equal(lw_buf_put_c(out, payload).code, LW_OK);
    assert_int_equal(lw_buf_put_c(out, ".").code, LW_OK);
    assert_int_equal(lw_buf_put_c(out, sig).code, LW_OK);
}

static lw_code parse_code(const char *header, const char *payload, const char *sig)
{
    LW_AUTO_BUF text = LW_BUF(ARENA);
    LW_AUTO_BUF arena = LW_BUF(ARENA);
    struct wallet_jws jws;
    token_of(header, payload, sig, &text);
    return wallet_jws_parse(lw_buf_text(&text), &arena, &jws).code;
}

static void tokens_of_another_shape_are_refused(void **state)
{
    static const struct {
        const char *text;
        lw_code code;
    } cases[] = {
        {"", LW_E_SYNTAX},
        {".", LW_E_SYNTAX},
        {"..", LW_E_SYNTAX},
        {A3_HEADER, LW_E_SYNTAX},
        {A3_HEADER "." A3_PAYLOAD, LW_E_SYNTAX},
        {A3_HEADER "." A3_PAYLOAD "." A3_SIG ".", LW_E_SYNTAX},
        {A3_HEADER "." A3_PAYLOAD "." A3_SIG "." A3_SIG "." A3_SIG, LW_E_SYNTAX},
        {A3_HEADER "." A3_PAYLOAD ".", LW_E_SIGNATURE},
        {A3_HEADER "=." A3_PAYLOAD "." A3_SIG, LW_E_SYNTAX},
        {A3_HEADER "." A3_PAYLOAD "==." A3_SIG, LW_E_SYNTAX},
        {A3_HEADER "." A3_PAYLOAD "." A3_SIG "=", LW_E_SYNTAX},
        {A3_HEADER " ." A3_PAYLOAD "." A3_SIG, LW_E_SYNTAX},
        {A3_HEADER "." A3_PAYLOAD "." A3_SIG "\n", LW_E_SYNTAX},
        {"W10." A3_PAYLOAD "." A3_SIG, LW_E_VALUE},
        {"." A3_PAYLOAD "." A3_SIG, LW_E_SYNTAX},
        {A3_HEADER "." A3_PAYLOAD "." A3_SIG A3_SIG, LW_E_SIGNATURE},
        {"{\"payload\":\"" A3_PAYLOAD "\",\"protected\":\"" A3_HEADER "\",\"signature\":\"" A3_SIG
         "\"}",
         LW_E_SYNTAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF arena = LW_BUF(ARENA);
        struct wallet_jws jws;
        assert_int_equal(wallet_jws_parse(lw_str_c(cases[i].text), &arena, &jws).code,
                         cases[i].code);
    }
}

static void headers_are_judged(void **state)
{
    static const struct {
        const char *header;
        lw_code code;
    } cases[] = {
        {"{\"alg\":\"ES256\"}", LW_OK},
        {"{\"alg\":\"ES384\"}", LW_OK},
        {"{\"alg\":\"ES256\",\"jku\":\"http://x\",\"jwk\":{},\"x5u\":\"http://x\"}", LW_OK},
        {"{\"alg\":\"none\"}", LW_E_UNSUPPORTED},
        {"{\"alg\":\"None\"}", LW_E_UNSUPPORTED},
        {"{\"alg\":\"NONE\"}", LW_E_UNSUPPORTED},
        {"{\"alg\":\"\"}", LW_E_UNSUPPORTED},
        {"{\"alg\":\"HS256\"}", LW_E_UNSUPPORTED},
        {"{\"alg\":\"RS256\"}", LW_E_UNSUPPORTED},
        {"{\"alg\":\"es256\"}", LW_E_UNSUPPORTED},
        {"{\"alg\":\"ES256 \"}", LW_E_UNSUPPORTED},
        {"{\"alg\":\"ES256\\u0000\"}", LW_E_UNSUPPORTED},
        {"{\"alg\":null}", LW_E_VALUE},
        {"{\"alg\":[\"ES256\"]}", LW_E_VALUE},
        {"{}", LW_E_UNSUPPORTED},
        {"{\"typ\":\"JWT\"}", LW_E_UNSUPPORTED},
        {"{\"alg\":\"ES256\",\"typ\":1}", LW_E_VALUE},
        {"{\"alg\":\"ES256\",\"kid\":1}", LW_E_VALUE},
        {"{\"alg\":\"ES256\",\"x5c\":\"AA==\"}", LW_E_VALUE},
        {"{\"alg\":\"ES256\",\"crit\":[\"exp\"],\"exp\":1}", LW_E_UNSUPPORTED},
        {"{\"alg\":\"ES256\",\"crit\":[]}", LW_E_UNSUPPORTED},
        {"{\"alg\":\"ES256\",\"cr\\u0069t\":[\"x\"]}", LW_E_UNSUPPORTED},
        {"{\"alg\":\"ES256\",\"b64\":false}", LW_E_UNSUPPORTED},
        {"{\"alg\":\"ES256\",\"alg\":\"ES256\"}", LW_E_VALUE},
        {"{\"alg\":\"none\",\"\\u0061lg\":\"ES256\"}", LW_E_VALUE},
        {"\xef\xbb\xbf{\"alg\":\"ES256\"}", LW_E_SYNTAX},
        {"{\"alg\":\"ES256\"}{}", LW_E_SYNTAX},
        {"\"ES256\"", LW_E_VALUE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const lw_code code = parse_code(cases[i].header, A3_PAYLOAD, A3_SIG);
        if (code != cases[i].code) {
            print_message("%s: %s\n", cases[i].header, lw_code_name(code));
        }
        assert_int_equal(code, cases[i].code);
    }
}

static void a_kid_is_bounded(void **state)
{
    (void)state;
    for (size_t len = WALLET_JWS_KID_MAX; len <= WALLET_JWS_KID_MAX + 1; len++) {
        LW_AUTO_BUF header = LW_BUF(1024);
        assert_int_equal(lw_buf_put_c(&header, "{\"alg\":\"ES256\",\"kid\":\"").code, LW_OK);
        for (size_t i = 0; i < len; i++) {
            assert_int_equal(lw_buf_put_byte(&header, 'k').code, LW_OK);
        }
        assert_int_equal(lw_buf_put_c(&header, "\"}").code, LW_OK);
        const char *text = NULL;
        assert_int_equal(lw_buf_c(&header, &text).code, LW_OK);
        assert_int_equal(parse_code(text, A3_PAYLOAD, A3_SIG),
                         len > WALLET_JWS_KID_MAX ? LW_E_LIMIT : LW_OK);
    }
}

static void the_key_decides_the_algorithm(void **state)
{
    (void)state;
    /* The signature holds over these bytes; the header's claim alone is another. */
    const struct hsm_public_key key = key_of(A3_JWK);
    LW_AUTO_BUF arena = LW_BUF(ARENA);
    struct wallet_jws jws;
    assert_int_equal(
        wallet_jws_parse(LW_STR(A3_HEADER "." A3_PAYLOAD "." A3_SIG), &arena, &jws).code, LW_OK);
    jws.alg = HSM_ES384;
    assert_int_equal(wallet_jws_verify(&jws, &key).code, LW_E_SIGNATURE);
}

static void signatures_of_other_lengths_and_values_are_refused(void **state)
{
    (void)state;
    static const uint8_t order[32] = {0xff, 0xff, 0xff, 0xff, 0,    0,    0,    0,
                                      0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                      0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84,
                                      0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};
    const struct hsm_public_key key = key_of(A3_JWK);
    LW_AUTO_BUF arena = LW_BUF(ARENA);
    struct wallet_jws good;
    assert_int_equal(
        wallet_jws_parse(LW_STR(A3_HEADER "." A3_PAYLOAD "." A3_SIG), &arena, &good).code, LW_OK);
    for (size_t len = 0; len <= HSM_PAIR_MAX; len++) {
        struct wallet_jws bent = good;
        bent.sig_len = len;
        assert_int_equal(wallet_jws_verify(&bent, &key).code, len == 64 ? LW_OK : LW_E_SIGNATURE);
    }
    for (size_t half = 0; half < 64; half += 32) {
        struct wallet_jws bent = good;
        memset(bent.sig + half, 0, 32);
        assert_int_equal(wallet_jws_verify(&bent, &key).code, LW_E_SIGNATURE);
        memcpy(bent.sig + half, order, 32);
        assert_int_equal(wallet_jws_verify(&bent, &key).code, LW_E_SIGNATURE);
        bent.sig[half + 31]++;
        assert_int_equal(wallet_jws_verify(&bent, &key).code, LW_E_SIGNATURE);
    }
    for (size_t bit = 0; bit < 512; bit++) {
        struct wallet_jws bent = good;
        bent.sig[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(wallet_jws_verify(&bent, &key).code, LW_E_SIGNATURE);
    }
}

static void certificates_are_taken_out_of_the_header(void **state)
{
    static const struct {
        const char *header;
        lw_code code;
        size_t count;
    } cases[] = {
        {"{\"alg\":\"ES256\"}", LW_E_NOT_FOUND, 0},
        {"{\"alg\":\"ES256\",\"x5c\":[\"MAMCAQA=\"]}", LW_OK, 1},
        {"{\"alg\":\"ES256\",\"x5c\":[\"MAMCAQA=\",\"A+z\\/4ME=\"]}", LW_OK, 2},
        {"{\"alg\":\"ES256\",\"x5c\":[\"AA==\",\"AA==\",\"AA==\",\"AA==\"]}", LW_OK, 4},
        {"{\"alg\":\"ES256\",\"x5c\":[\"AA==\",\"AA==\",\"AA==\",\"AA==\",\"AA==\"]}", LW_E_LIMIT,
         0},
        {"{\"alg\":\"ES256\",\"x5c\":[]}", LW_E_SYNTAX, 0},
        {"{\"alg\":\"ES256\",\"x5c\":[1]}", LW_E_VALUE, 0},
        {"{\"alg\":\"ES256\",\"x5c\":[\"MAMCAQA\"]}", LW_E_SYNTAX, 0},
        {"{\"alg\":\"ES256\",\"x5c\":[\"A-z_4ME=\"]}", LW_E_SYNTAX, 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF text = LW_BUF(ARENA);
        LW_AUTO_BUF arena = LW_BUF(ARENA);
        LW_AUTO_BUF der = LW_BUF(ARENA);
        struct wallet_jws jws;
        lw_bytes chain[WALLET_JWS_CHAIN_MAX];
        size_t count = 0;
        token_of(cases[i].header, A3_PAYLOAD, A3_SIG, &text);
        assert_int_equal(wallet_jws_parse(lw_buf_text(&text), &arena, &jws).code, LW_OK);
        assert_int_equal(wallet_jws_reserve(&der, ARENA).code, LW_OK);
        assert_int_equal(wallet_jws_chain(&jws, &der, chain, &count).code, cases[i].code);
        if (cases[i].code == LW_OK) {
            assert_int_equal(count, cases[i].count);
        }
        if (cases[i].count == 2) {
            const uint8_t second[] = {0x03, 0xec, 0xff, 0xe0, 0xc1};
            assert_true(lw_bytes_eq(chain[1], LW_BYTES(second)));
        }
    }
}

static void a_token_made_here_verifies_with_its_key_only(void **state)
{
    (void)state;
    HSM_AUTO_SOFT_KEY mine = NULL;
    HSM_AUTO_SOFT_KEY other = NULL;
    struct hsm_signer signer;
    struct hsm_signer stranger;
    assert_int_equal(hsm_soft_key_generate(&mine).code, LW_OK);
    assert_int_equal(hsm_soft_key_generate(&other).code, LW_OK);
    hsm_soft_key_signer(mine, &signer);
    hsm_soft_key_signer(other, &stranger);

    const uint8_t der[] = {0x30, 0x03, 0x02, 0x01, 0x00};
    const lw_bytes chain[] = {LW_BYTES(der)};
    const struct wallet_jws_header header = {
        .typ = "test+jwt", .kid = LW_STR("k\"1"), .x5c = chain, .x5c_count = 1};
    const struct wallet_jws_signing signing = {
        .signer = &signer, .purpose = HSM_PURPOSE_HOLDER, .now = 1700000000};
    LW_AUTO_BUF text = LW_BUF(ARENA);
    LW_AUTO_BUF arena = LW_BUF(ARENA);
    struct wallet_jws jws;
    lw_bytes found[WALLET_JWS_CHAIN_MAX];
    size_t count = 0;
    assert_int_equal(lw_buf_put_c(&text, "~").code, LW_OK);
    assert_int_equal(
        wallet_jws_sign(&header, lw_str_bytes(LW_STR("{\"a\":1}")), &signing, &text).code, LW_OK);
    assert_int_equal(wallet_jws_reserve(&arena, ARENA).code, LW_OK);
    assert_int_equal(wallet_jws_parse(lw_str_from(lw_buf_text(&text), 1), &arena, &jws).code,
                     LW_OK);
    assert_true(wallet_json_is(jws.typ, "test+jwt"));
    assert_true(wallet_json_is(jws.kid, "k\"1"));
    assert_true(lw_str_is(lw_bytes_str(jws.payload), "{\"a\":1}"));
    assert_int_equal(wallet_jws_chain(&jws, &arena, found, &count).code, LW_OK);
    assert_int_equal(count, 1);
    assert_true(lw_bytes_eq(found[0], LW_BYTES(der)));
    assert_int_equal(wallet_jws_verify(&jws, &signer.key).code, LW_OK);
    assert_int_equal(wallet_jws_verify(&jws, &stranger.key).code, LW_E_SIGNATURE);
}

static void what_may_not_be_signed_leaves_the_buffer_as_it_was(void **state)
{
    (void)state;
    HSM_AUTO_SOFT_KEY mine = NULL;
    struct hsm_signer signer;
    assert_int_equal(hsm_soft_key_generate(&mine).code, LW_OK);
    hsm_soft_key_signer(mine, &signer);
    const struct wallet_jws_header header = {.typ = "test+jwt"};
    struct wallet_jws_signing signing = {
        .signer = &signer, .purpose = HSM_PURPOSE_CREDENTIAL, .now = 1700000000};
    LW_AUTO_BUF text = LW_BUF(64);
    assert_int_equal(lw_buf_put_c(&text, "kept").code, LW_OK);
    const lw_bytes payload = lw_str_bytes(LW_STR("{}"));
    assert_int_equal(wallet_jws_sign(&header, payload, &signing, &text).code, LW_E_DENIED);
    signing.purpose = HSM_PURPOSE_HOLDER;
    assert_int_equal(wallet_jws_sign(&header, payload, &signing, &text).code, LW_E_LIMIT);
    signer.key.alg = HSM_ALG_NONE;
    assert_int_equal(wallet_jws_sign(&header, payload, &signing, &text).code, LW_E_UNSUPPORTED);
    assert_true(lw_str_is(lw_buf_text(&text), "kept"));
}

static void algorithms_have_their_names(void **state)
{
    (void)state;
    assert_string_equal(wallet_jws_alg_name(HSM_ES256), "ES256");
    assert_string_equal(wallet_jws_alg_name(HSM_ES384), "ES384");
    assert_null(wallet_jws_alg_name(HSM_ALG_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_es256_example_of_rfc_7515_holds),
        cmocka_unit_test(tokens_of_another_shape_are_refused),
        cmocka_unit_test(headers_are_judged),
        cmocka_unit_test(a_kid_is_bounded),
        cmocka_unit_test(the_key_decides_the_algorithm),
        cmocka_unit_test(signatures_of_other_lengths_and_values_are_refused),
        cmocka_unit_test(certificates_are_taken_out_of_the_header),
        cmocka_unit_test(a_token_made_here_verifies_with_its_key_only),
        cmocka_unit_test(what_may_not_be_signed_leaves_the_buffer_as_it_was),
        cmocka_unit_test(algorithms_have_their_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
