/*
 * The set "sd-jwt": outputs of the reference implementation for RFC 9901. Each presentation must
 * verify with the published keys and come out as its verified contents; each issuance, with all
 * disclosures, as the claims the user had. ECDSA is randomised, so signatures are checked.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bytes.h"
#include "vectors.h"
#include "wallet/base64.h"
#include "wallet/jwk.h"
#include "wallet/sdjwt.h"

enum { TEXT_MAX = 1 << 20, CASES = 17 };

static const char *const compact[] = {
    "testcases/array_data_types",
    "testcases/array_in_sd",
    "testcases/array_none_disclosed",
    "testcases/array_of_objects",
    "testcases/array_recursive_sd",
    "testcases/no_sd",
    "testcases/recursions",
    "examples/address_only_flat",
    "examples/address_only_structured",
    "examples/arf-pid",
    "examples/complex_eidas_proposal",
    "examples/jsonld",
    "examples/simple_structured",
    "examples/w3c-vc_for_slide_deck",
};

/* settings.yaml of both folders. */
static const char issuer_jwk[] =
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"b28d4MwZMjw8-00CG4xfnn9SLMVMM19SlqZpVb_uNtQ\","
    "\"y\":\"Xv5zWwuoaTgdS6hV43yI6gBwTnjukmFQQnJ_kCxzqk8\"}";
static const char holder_jwk[] =
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"TCAER19Zvu3OHF4j4W4vfSVoHIP1ILilDls7vCeGemc\","
    "\"y\":\"ZxjiWWbZMQGHVWKVQ4hbSIirsVfuecCE6t4jT9F2HZQ\"}";

static json_t *file_of(const char *folder, const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    return support_vector_json("sd-jwt", path);
}

/* The text without the line break that its file may end with. */
static lw_str text_of(const char *folder, const char *name, lw_buf *out)
{
    char path[256];
    (void)snprintf(path, sizeof(path), "%s/%s", folder, name);
    support_vector_file("sd-jwt", path, out);
    lw_str text = lw_buf_text(out);
    while (text.len > 0 && text.ptr[text.len - 1] == '\n') {
        text.len--;
    }
    return text;
}

static struct hsm_public_key key_of(const char *jwk)
{
    struct hsm_public_key key;
    assert_int_equal(wallet_jwk_parse(lw_str_c(jwk), &key).code, LW_OK);
    return key;
}

/* Returns the processed payload as a tree. */
static json_t *process(const struct wallet_sdjwt *sd, lw_buf *arena)
{
    static const struct wallet_sdjwt_rules rules = {.permanent = NULL};
    const struct hsm_public_key issuer = key_of(issuer_jwk);
    struct wallet_jws jws;
    lw_str claims;
    assert_int_equal(wallet_jws_parse(sd->issuer_jwt, arena, &jws).code, LW_OK);
    assert_int_equal(wallet_jws_verify(&jws, &issuer).code, LW_OK);
    const lw_err err = wallet_sdjwt_process(sd, lw_bytes_str(jws.payload), &rules, arena, &claims);
    if (err.code != LW_OK) {
        print_message("%s\n", err.why);
    }
    assert_int_equal(err.code, LW_OK);
    json_t *tree = json_loadb(claims.ptr, claims.len, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(tree);
    return tree;
}

static void check_binding(const struct wallet_sdjwt *sd, const char *folder, lw_buf *arena)
{
    const struct hsm_public_key holder = key_of(holder_jwk);
    struct wallet_sdjwt_kb kb;
    uint8_t hash[32];
    uint8_t claimed[32];
    LW_AUTO_BUF text = LW_BUF(TEXT_MAX);
    assert_true(lw_str_eq(sd->kb_jwt, text_of(folder, "kb_jwt_serialized.txt", &text)));
    assert_int_equal(wallet_sdjwt_kb_parse(sd, arena, &kb).code, LW_OK);
    assert_int_equal(wallet_jws_verify(&kb.jws, &holder).code, LW_OK);
    assert_true(wallet_json_is(kb.nonce, "1234567890"));
    assert_int_equal(wallet_sdjwt_hash(sd, hash).code, LW_OK);
    assert_int_equal(wallet_base64url_decode_exact(kb.sd_hash.raw, claimed, 32).code, LW_OK);
    assert_memory_equal(hash, claimed, 32);
}

static void check_presentation(const char *folder)
{
    struct wallet_sdjwt sd;
    LW_AUTO_BUF text = LW_BUF(TEXT_MAX);
    LW_AUTO_BUF arena = LW_BUF(TEXT_MAX);
    const lw_str presentation = text_of(folder, "sd_jwt_presentation.txt", &text);
    assert_int_equal(wallet_sdjwt_split(presentation, &sd).code, LW_OK);
    assert_int_equal(wallet_sdjwt_reserve(&arena, presentation.len).code, LW_OK);
    json_t *claims = process(&sd, &arena);
    json_t *expected = file_of(folder, "verified_contents.json");
    assert_true(json_equal(claims, expected));
    if (sd.kb_jwt.len > 0) {
        check_binding(&sd, folder, &arena);
    }
    json_decref(claims);
    json_decref(expected);
}

/* All disclosures at once: what the user had, beside what speaks of the token. */
static void check_issuance(const char *folder)
{
    struct wallet_sdjwt sd;
    LW_AUTO_BUF text = LW_BUF(TEXT_MAX);
    LW_AUTO_BUF arena = LW_BUF(TEXT_MAX);
    const lw_str issuance = text_of(folder, "sd_jwt_issuance.txt", &text);
    assert_int_equal(wallet_sdjwt_split(issuance, &sd).code, LW_OK);
    assert_int_equal(sd.kb_jwt.len, 0);
    assert_int_equal(wallet_sdjwt_reserve(&arena, issuance.len).code, LW_OK);
    json_t *claims = process(&sd, &arena);
    json_t *user = file_of(folder, "user_claims.json");
    const char *name = NULL;
    const json_t *value = NULL;
    json_object_foreach(user, name, value)
    {
        assert_true(json_equal(json_object_get(claims, name), value));
        (void)json_object_del(claims, name);
    }
    json_object_foreach(claims, name, value)
    {
        const bool own = strcmp(name, "iss") == 0 || strcmp(name, "iat") == 0 ||
                         strcmp(name, "exp") == 0 || strcmp(name, "cnf") == 0;
        assert_true(own);
    }
    json_decref(claims);
    json_decref(user);
}

static void presentations_come_out_as_their_verified_contents(void **state)
{
    (void)state;
    if (support_vectors("sd-jwt") == NULL) {
        skip();
    }
    const size_t count = sizeof(compact) / sizeof(compact[0]);
    for (size_t i = 0; i < count; i++) {
        check_presentation(compact[i]);
        check_issuance(compact[i]);
    }
    support_vector_report("sd-jwt", count, 3,
                          "2 in JSON serialisation, only the compact form is offered; header_mod, "
                          "whose kid is a number, which RFC 7515 section 4.1.4 forbids",
                          CASES);
}

static void a_kid_that_is_a_number_is_refused(void **state)
{
    (void)state;
    if (support_vectors("sd-jwt") == NULL) {
        skip();
    }
    struct wallet_sdjwt sd;
    struct wallet_jws jws;
    LW_AUTO_BUF text = LW_BUF(TEXT_MAX);
    LW_AUTO_BUF arena = LW_BUF(TEXT_MAX);
    const lw_str token = text_of("testcases/header_mod", "sd_jwt_presentation.txt", &text);
    assert_int_equal(wallet_sdjwt_split(token, &sd).code, LW_OK);
    assert_int_equal(wallet_jws_parse(sd.issuer_jwt, &arena, &jws).code, LW_E_VALUE);
}

/* The flattened JSON form must not pass for a compact one. */
static void json_serialisation_is_refused(void **state)
{
    (void)state;
    if (support_vectors("sd-jwt") == NULL) {
        skip();
    }
    struct wallet_sdjwt sd;
    LW_AUTO_BUF text = LW_BUF(TEXT_MAX);
    support_vector_file("sd-jwt", "examples/json_serialization_flattened/sd_jwt_presentation.json",
                        &text);
    assert_int_equal(wallet_sdjwt_split(lw_buf_text(&text), &sd).code, LW_E_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(presentations_come_out_as_their_verified_contents),
        cmocka_unit_test(a_kid_that_is_a_number_is_refused),
        cmocka_unit_test(json_serialisation_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
