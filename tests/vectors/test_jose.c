/*
 * The set "jose" (RFC 7515, 7517, 7638, 7520) and the JOSE files of "wycheproof". Only EC keys and
 * ECDSA are offered here: a token of another algorithm must be refused, whatever its key, and a
 * key of another kind is not read. Cases that only another algorithm could accept are left out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "bytes.h"
#include "vectors.h"
#include "wallet/jwk.h"
#include "wallet/jws.h"

enum { ARENA = 256 * 1024 };

static lw_str text_of(const json_t *value)
{
    return (lw_str){.ptr = json_string_value(value), .len = json_string_length(value)};
}

/* Reads a key given as a jansson tree; `drop_d` takes the private part away first. */
static lw_err read_key(const json_t *tree, bool drop_d, struct hsm_public_key *key)
{
    json_t *copy = json_deep_copy(tree);
    assert_non_null(copy);
    if (drop_d) {
        (void)json_object_del(copy, "d");
    }
    char *text = json_dumps(copy, JSON_COMPACT);
    assert_non_null(text);
    const lw_err err = wallet_jwk_parse(lw_str_c(text), key);
    free(text);
    json_decref(copy);
    return err;
}

static lw_err verify(lw_str token, const struct hsm_public_key *key)
{
    LW_AUTO_BUF arena = LW_BUF(ARENA);
    struct wallet_jws jws;
    LW_TRY(wallet_jws_parse(token, &arena, &jws));
    return wallet_jws_verify(&jws, key);
}

static lw_code parse_code(lw_str token)
{
    LW_AUTO_BUF arena = LW_BUF(ARENA);
    struct wallet_jws jws;
    return wallet_jws_parse(token, &arena, &jws).code;
}

/* A flattened or general signature put back into compact form. */
static void compact_of(const json_t *payload, const json_t *signature, lw_buf *out)
{
    assert_int_equal(lw_buf_put_str(out, text_of(json_object_get(signature, "protected"))).code,
                     LW_OK);
    assert_int_equal(lw_buf_put_c(out, ".").code, LW_OK);
    assert_int_equal(lw_buf_put_str(out, text_of(payload)).code, LW_OK);
    assert_int_equal(lw_buf_put_c(out, ".").code, LW_OK);
    assert_int_equal(lw_buf_put_str(out, text_of(json_object_get(signature, "signature"))).code,
                     LW_OK);
}

static const json_t *member(const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    assert_non_null(value);
    return value;
}

/* RFC 7515 appendix A. Returns the number of cases. */
static size_t check_rfc_7515(const json_t *file)
{
    struct hsm_public_key key;
    const json_t *a3 = member(file, "rfc7515_A.3.jwk");
    assert_int_equal(read_key(a3, false, &key).code, LW_E_DENIED);
    assert_int_equal(read_key(a3, true, &key).code, LW_OK);
    assert_int_equal(verify(text_of(member(file, "rfc7515_A.3.jwsc")), &key).code, LW_OK);

    static const char *const unsupported[] = {"rfc7515_A.1.jwsc", "rfc7515_A.2.jwsc",
                                              "rfc7515_A.4.jwsc", "rfc7515_A.5.jwsc"};
    for (size_t i = 0; i < 4; i++) {
        const lw_str token = text_of(member(file, unsupported[i]));
        assert_int_equal(parse_code(token), LW_E_UNSUPPORTED);
    }

    const json_t *general = member(file, "rfc7515_A.6.jwsg");
    const json_t *second = json_array_get(member(general, "signatures"), 1);
    LW_AUTO_BUF compact = LW_BUF(ARENA);
    compact_of(member(general, "payload"), second, &compact);
    assert_int_equal(verify(lw_buf_text(&compact), &key).code, LW_OK);
    lw_buf_truncate(&compact, 0);
    const json_t *flat = member(file, "rfc7515_A.7.jwsf");
    compact_of(member(flat, "payload"), flat, &compact);
    assert_int_equal(verify(lw_buf_text(&compact), &key).code, LW_OK);
    return 7;
}

/* Keys by what must become of them. Returns the number of cases. */
static size_t check_keys(const json_t *file)
{
    struct hsm_public_key key;
    static const struct {
        const char *name;
        lw_code code;
    } cases[] = {
        {"rfc7515_A.1.jwk", LW_E_DENIED},   {"rfc7515_A.2.jwk", LW_E_DENIED},
        {"rfc7515_A.4.jwk", LW_E_DENIED},   {"rfc7515_A.6.1.jwk", LW_E_DENIED},
        {"rfc7515_A.6.2.jwk", LW_E_DENIED}, {"rfc7638_3.1.jwk", LW_E_UNSUPPORTED},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(read_key(member(file, cases[i].name), false, &key).code, cases[i].code);
    }
    /* RFC 7517 A.1 and A.2: an EC key "use": "enc", public then private; an RSA key after it. */
    const json_t *public_set = member(member(file, "rfc7517_A.1.jwkset"), "keys");
    assert_int_equal(read_key(json_array_get(public_set, 0), false, &key).code, LW_E_VALUE);
    assert_int_equal(read_key(json_array_get(public_set, 1), false, &key).code, LW_E_UNSUPPORTED);
    const json_t *private_set = member(member(file, "rfc7517_A.2.jwkset"), "keys");
    assert_int_equal(read_key(json_array_get(private_set, 0), false, &key).code, LW_E_DENIED);
    assert_int_equal(read_key(json_array_get(private_set, 1), false, &key).code, LW_E_DENIED);
    const json_t *secret_set = member(member(file, "rfc7517_A.3.jwkset"), "keys");
    assert_int_equal(read_key(json_array_get(secret_set, 0), false, &key).code, LW_E_DENIED);
    return sizeof(cases) / sizeof(cases[0]) + 3;
}

static void the_examples_of_the_rfcs_are_judged_as_they_demand(void **state)
{
    (void)state;
    if (support_vectors("jose") == NULL) {
        skip();
    }
    json_t *file = support_vector_json("jose", "rfc7515-7517-7638.json");
    const size_t run = check_rfc_7515(file) + check_keys(file);
    /* The rest: the A.3 and A.7 keys and the A.6 key set go with their tokens. */
    support_vector_report("jose (rfc7515-7517-7638)", run + 3, 1,
                          "the RFC 7638 thumbprint is of an RSA key", json_object_size(file));
    json_decref(file);
}

static void the_cookbook_is_judged_by_what_is_offered(void **state)
{
    (void)state;
    if (support_vectors("jose") == NULL) {
        skip();
    }
    static const struct {
        const char *path;
        lw_code code;
    } keys[] = {
        {"cookbook/jwk/3_1.ec_public_key.json", LW_E_UNSUPPORTED}, /* P-521 */
        {"cookbook/jwk/3_2.ec_private_key.json", LW_E_DENIED},
        {"cookbook/jwk/3_3.rsa_public_key.json", LW_E_UNSUPPORTED},
        {"cookbook/jwk/3_4.rsa_private_key.json", LW_E_DENIED},
        {"cookbook/jwk/3_5.symmetric_key_mac_computation.json", LW_E_DENIED},
        {"cookbook/jwk/3_6.symmetric_key_encryption.json", LW_E_DENIED},
    };
    static const char *const compact[] = {
        "cookbook/jws/4_1.rsa_v15_signature.json", /* RS256 */
        "cookbook/jws/4_3.ecdsa_signature.json",   /* ES512 */
        "cookbook/curve25519/jws.json",            /* EdDSA */
    };
    for (size_t i = 0; i < 6; i++) {
        struct hsm_public_key key;
        json_t *tree = support_vector_json("jose", keys[i].path);
        assert_int_equal(read_key(tree, false, &key).code, keys[i].code);
        json_decref(tree);
    }
    for (size_t i = 0; i < 3; i++) {
        json_t *tree = support_vector_json("jose", compact[i]);
        const lw_str token = text_of(member(member(tree, "output"), "compact"));
        assert_int_equal(parse_code(token), LW_E_UNSUPPORTED);
        json_decref(tree);
    }
    support_vector_report("jose (cookbook)", 9, 10,
                          "6 JWE and 1 nested: encryption comes with OpenID4VP; 3 JSON "
                          "serialisation only",
                          19);
}

/* What a file of Wycheproof came to. */
struct tally {
    size_t run;
    size_t left_out;
    size_t accepted;
};

static void judge_case(const json_t *group, const json_t *one, bool wants_d, struct tally *tally)
{
    const json_t *keys = json_object_get(group, wants_d ? "private" : "public");
    const json_t *set = json_object_get(keys, "keys");
    const json_t *first = set == NULL ? keys : json_array_get(set, 0);
    struct hsm_public_key key = {.alg = HSM_ALG_NONE};
    const lw_str token = text_of(member(one, "jws"));
    const bool has_key = first != NULL && read_key(first, false, &key).code == LW_OK;
    const bool accepted = has_key && verify(token, &key).code == LW_OK;
    tally->accepted += accepted;
    if (lw_str_is(text_of(member(one, "result")), "invalid")) {
        if (accepted) {
            print_message("wycheproof %lld accepted\n", json_integer_value(member(one, "tcId")));
        }
        assert_false(accepted);
        tally->run++;
        return;
    }
    /* Only other algorithms are valid or acceptable in this half of the set. */
    assert_false(has_key);
    tally->left_out++;
}

static struct tally judge_file(const char *path)
{
    struct tally tally = {.run = 0};
    json_t *file = support_vector_json("wycheproof", path);
    const json_t *groups = member(file, "testGroups");
    for (size_t g = 0; g < json_array_size(groups); g++) {
        const json_t *group = json_array_get(groups, g);
        const json_t *tests = member(group, "tests");
        const bool secret = json_object_get(group, "public") == NULL;
        for (size_t t = 0; t < json_array_size(tests); t++) {
            judge_case(group, json_array_get(tests, t), secret, &tally);
        }
    }
    json_decref(file);
    return tally;
}

static void wycheproof_signatures_and_keys_are_judged_as_it_demands(void **state)
{
    (void)state;
    if (support_vectors("wycheproof") == NULL) {
        skip();
    }
    static const char why[] = "valid only with RSA, HMAC or ES512, which are not offered";
    const struct tally jws = judge_file("json_web_signature_test.json");
    support_vector_report("wycheproof (json_web_signature)", jws.run, jws.left_out, why, 201);
    const struct tally jwk = judge_file("json_web_key_test.json");
    support_vector_report("wycheproof (json_web_key)", jwk.run, jwk.left_out, why, 13);
    assert_int_equal(jws.accepted + jwk.accepted, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_examples_of_the_rfcs_are_judged_as_they_demand),
        cmocka_unit_test(the_cookbook_is_judged_by_what_is_offered),
        cmocka_unit_test(wycheproof_signatures_and_keys_are_judged_as_it_demands),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
