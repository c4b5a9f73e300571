/*
 * SDJ-8 to SDJ-16 of specs/sd-jwt-vc.md section 6 on whole presentations, each signed again after
 * the bend (RFC 9901 section 7.1, steps 3 to 5). More cases of each are in test_sdjwt_process.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sdjwt_refused.h"

static const enum wallet_check here = WALLET_CHECK_DISCLOSURES;

/* Hides and shows one disclosure at the top level. */
static void both(struct vc_bend *b, const char *disclosure)
{
    vc_bend_hide(b->jwt.payload, disclosure);
    vc_bend_show(b, disclosure);
}

static void sdj_8_two_equal_disclosures(void **state)
{
    struct vc_bend *b = *state;
    vc_bend_show(b, b->disclosures[0]);
    vc_refused(b, here, LW_E_VALUE, "SDJ-8 two disclosures are equal");
}

static void sdj_8_a_disclosure_with_padding(void **state)
{
    struct vc_bend *b = *state;
    b->raw[0] = "WyJzMSIsImxpY2Vuc2VfbnVtYmVyIiwiREwtMDAwMSJd=";
    vc_refused(b, here, LW_E_VALUE, "SDJ-8 a disclosure is not base64url");
}

static void sdj_8_a_disclosure_that_is_not_json(void **state)
{
    struct vc_bend *b = *state;
    both(b, "[\"s\",\"n\",]");
    vc_refused(b, here, LW_E_SYNTAX, "SDJ-8 a disclosure is not strict JSON");
}

static void sdj_8_a_disclosed_object_with_a_name_twice(void **state)
{
    struct vc_bend *b = *state;
    both(b, "[\"s\",\"n\",{\"a\":1,\"a\":2}]");
    vc_refused(b, here, LW_E_VALUE, "SDJ-8 a disclosure is not strict JSON");
}

static void sdj_8_a_disclosure_that_is_no_array(void **state)
{
    struct vc_bend *b = *state;
    both(b, "{\"s\":1}");
    vc_refused(b, here, LW_E_VALUE, "SDJ-8 a disclosure is no array");
}

static void sdj_8_a_disclosure_of_one_element_or_four(void **state)
{
    struct vc_bend *b = *state;
    both(b, "[\"s\"]");
    vc_refused(b, here, LW_E_VALUE, "SDJ-8 a disclosure has not two or three elements");
    vc_bend_unshow(b, 3);
    both(b, "[\"s\",\"n\",1,2]");
    vc_refused(b, here, LW_E_VALUE, "SDJ-8 a disclosure has not two or three elements");
}

static void sdj_8_a_salt_that_is_no_string(void **state)
{
    struct vc_bend *b = *state;
    both(b, "[7,\"n\",1]");
    vc_refused(b, here, LW_E_VALUE, "SDJ-8 a salt is no string");
}

static void sdj_9_digests_that_are_no_array(void **state)
{
    struct vc_bend *b = *state;
    vc_set(b->jwt.payload, "nested", "{\"_sd\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}");
    vc_refused(b, here, LW_E_VALUE, "SDJ-9 _sd is no array");
}

static void sdj_9_a_digest_that_is_no_string(void **state)
{
    struct vc_bend *b = *state;
    vc_set(b->jwt.payload, "nested", "{\"_sd\":[7]}");
    vc_refused(b, here, LW_E_VALUE, "SDJ-9 a digest is no string");
    vc_set(b->jwt.payload, "nested", "[{\"...\":7}]");
    vc_refused(b, here, LW_E_VALUE, "SDJ-9 a digest is no string");
}

static void sdj_9_a_digest_of_another_length_or_spelling(void **state)
{
    static const char *const digests[] = {
        "{\"_sd\":[\"\"]}",
        "{\"_sd\":[\"AAAA\"]}",
        "{\"_sd\":[\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB\"]}",
        "{\"_sd\":[\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\"]}",
        "[{\"...\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB\"}]",
    };
    struct vc_bend *b = *state;
    for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
        vc_set(b->jwt.payload, "nested", digests[i]);
        vc_refused(b, here, LW_E_VALUE, "SDJ-9 a digest is not base64url of 32 bytes");
    }
}

#define D0 "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\""

static void sdj_9_a_placeholder_with_other_members(void **state)
{
    struct vc_bend *b = *state;
    vc_set(b->jwt.payload, "nested", "[{\"...\":" D0 ",\"a\":1}]");
    vc_refused(b, here, LW_E_VALUE, "SDJ-9 a placeholder with other members");
    vc_set(b->jwt.payload, "nested", "[{\"a\":1,\"...\":" D0 "}]");
    vc_refused(b, here, LW_E_VALUE, "SDJ-9 a placeholder outside an array or with other members");
}

static void sdj_9_a_placeholder_outside_an_array(void **state)
{
    struct vc_bend *b = *state;
    vc_set(b->jwt.payload, "nested", "{\"...\":" D0 "}");
    vc_refused(b, here, LW_E_VALUE, "SDJ-9 a placeholder outside an array or with other members");
}

static void sdj_10_a_digest_twice_in_the_payload(void **state)
{
    struct vc_bend *b = *state;
    vc_bend_hide(b->jwt.payload, b->disclosures[0]);
    vc_refused(b, here, LW_E_VALUE, "SDJ-10 a digest is embedded twice");
}

static void sdj_10_a_digest_in_the_payload_and_in_a_disclosed_value(void **state)
{
    struct vc_bend *b = *state;
    json_t *value = json_object();
    vc_bend_hide(value, "[\"s4\",\"family_name\",\"Li\"]"); /* hidden in the payload as well */
    json_t *disclosure = json_pack("[s, s, o]", "s6", "again", value);
    char *text = json_dumps(disclosure, JSON_COMPACT);
    both(b, vc_bend_keep(b, lw_str_c(text)));
    free(text);
    json_decref(disclosure);
    vc_refused(b, here, LW_E_VALUE, "SDJ-10 a digest is embedded twice");
}

static void sdj_11_a_member_disclosed_without_a_name(void **state)
{
    struct vc_bend *b = *state;
    both(b, "[\"s\",1]");
    vc_refused(b, here, LW_E_VALUE, "SDJ-11 a member is disclosed without a name");
}

static void sdj_11_a_name_that_is_no_string(void **state)
{
    struct vc_bend *b = *state;
    both(b, "[\"s\",7,1]");
    vc_refused(b, here, LW_E_VALUE, "SDJ-11 a name is no string");
}

static void sdj_11_a_reserved_name(void **state)
{
    static const char *const disclosures[] = {"[\"s\",\"_sd\",[]]", "[\"s\",\"...\",1]",
                                              "[\"s\",\"_sd_alg\",\"sha-256\"]"};
    struct vc_bend *b = *state;
    for (size_t i = 0; i < 3; i++) {
        both(b, disclosures[i]);
        vc_refused(b, here, LW_E_VALUE, "SDJ-11 a reserved name is disclosed");
        vc_bend_unshow(b, 3);
    }
}

static void sdj_11_a_name_that_exists_in_the_clear(void **state)
{
    struct vc_bend *b = *state;
    both(b, "[\"s\",\"issuing_country\",\"US\"]");
    vc_refused(b, here, LW_E_VALUE, "SDJ-11 a disclosed name exists already");
}

static void sdj_11_a_name_that_was_disclosed_before(void **state)
{
    struct vc_bend *b = *state;
    both(b, "[\"s\",\"c\\u0061tegory\",\"A1\"]");
    vc_refused(b, here, LW_E_VALUE, "SDJ-11 a disclosed name exists already");
}

static void sdj_12_an_element_disclosed_with_a_name(void **state)
{
    struct vc_bend *b = *state;
    static const char disclosure[] = "[\"s\",\"code\",\"C\"]";
    json_t *placeholder = json_object();
    assert_int_equal(json_object_set_new(placeholder, "...", vc_bend_digest(disclosure)), 0);
    json_t *classes = json_object_get(b->jwt.payload, "classes");
    assert_int_equal(json_array_append_new(classes, placeholder), 0);
    vc_bend_show(b, disclosure);
    vc_refused(b, here, LW_E_VALUE, "SDJ-12 an element is disclosed with a name");
}

/* No rule refuses here: what is not disclosed is not there, and nothing says that it was. */
static void sdj_13_and_14_what_is_hidden_leaves_no_trace(void **state)
{
    struct wallet_verified out;
    LW_AUTO_BUF arena = LW_BUF(VC_ARENA_MAX);
    struct vc_bend *b = *state;
    b->disclosure_count = 0;
    vc_set(b->jwt.payload, "nested", "{\"_sd\":[" D0 "]}");
    vc_accepted(b, &arena, &out);
    assert_int_equal(out.claim_count, 3);
    for (size_t i = 0; i < out.claim_count; i++) {
        const lw_str value = lw_bytes_str(out.claims[i].value);
        if (lw_str_is(out.claims[i].name, "classes")) {
            assert_true(lw_str_is(value, "[{\"code\":\"0\"}]"));
        } else if (lw_str_is(out.claims[i].name, "nested")) {
            assert_true(lw_str_is(value, "{}"));
        } else {
            assert_true(lw_str_is(out.claims[i].name, "issuing_country"));
        }
    }
    assert_int_equal(out.sub.len, 0);
}

static void sdj_14_a_license_number_that_is_no_string(void **state)
{
    struct vc_bend *b = *state;
    vc_bend_unshow(b, 0);
    both(b, "[\"s\",\"license_number\",7]");
    vc_refused(b, here, LW_E_VALUE, "SDJ-14 sub or the license number is no string");
    vc_bend_unshow(b, 2);
    both(b, "[\"s\",\"sub\",{}]");
    vc_refused(b, here, LW_E_VALUE, "SDJ-14 sub or the license number is no string");
}

static void sdj_15_a_disclosure_no_digest_stands_for(void **state)
{
    struct vc_bend *b = *state;
    vc_bend_show(b, "[\"s\",\"made_up\",true]");
    vc_refused(b, here, LW_E_SIGNATURE, "SDJ-15 no digest stands for a disclosure");
}

static void sdj_15_a_disclosed_value_changed(void **state)
{
    struct vc_bend *b = *state;
    b->disclosures[1] = "[\"s2\",\"category\",\"C2\"]";
    vc_refused(b, here, LW_E_SIGNATURE, "SDJ-15 no digest stands for a disclosure");
    /* Not even the space in it may change: the text is hashed, not the value. */
    b->disclosures[1] = "[\"s2\", \"category\",\"C1\"]";
    vc_refused(b, here, LW_E_SIGNATURE, "SDJ-15 no digest stands for a disclosure");
}

static void sdj_15_a_disclosure_whose_parent_is_not_shown(void **state)
{
    struct vc_bend *b = *state;
    json_t *value = json_object();
    vc_bend_hide(value, "[\"s7\",\"inner\",1]");
    json_t *disclosure = json_pack("[s, s, o]", "s6", "outer", value);
    char *text = json_dumps(disclosure, JSON_COMPACT);
    const char *outer = vc_bend_keep(b, lw_str_c(text));
    free(text);
    json_decref(disclosure);
    vc_bend_hide(b->jwt.payload, outer);
    vc_bend_show(b, "[\"s7\",\"inner\",1]");
    vc_refused(b, here, LW_E_SIGNATURE, "SDJ-15 no digest stands for a disclosure");
    vc_bend_show(b, outer); /* in any order */
    vc_holds(b);
}

static void sdj_16_a_claim_that_must_be_permanent(void **state)
{
    static const char detail[] = "SDJ-16 a claim that must be permanent was disclosed";
    static const char *const cases[][2] = {
        {"iss", "[\"s\",\"iss\",\"" VC_ISSUER "\"]"},
        {"nbf", "[\"s\",\"nbf\",1795046400]"},
        {"exp", "[\"s\",\"exp\",1797638400]"},
        {"status", "[\"s\",\"status\",{\"status_list\":{\"idx\":1,\"uri\":\"u\"}}]"},
        {"aka_vcts", "[\"s\",\"aka_vcts\",[\"x\"]]"},
        {"vct#integrity", "[\"s\",\"vct#integrity\",\"sha256-x\"]"},
    };
    struct vc_bend *b = *state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        json_t *kept = json_incref(json_object_get(b->jwt.payload, cases[i][0]));
        (void)json_object_del(b->jwt.payload, cases[i][0]);
        both(b, cases[i][1]);
        vc_refused(b, here, LW_E_VALUE, detail);
        vc_bend_unshow(b, 3);
        if (kept != NULL) {
            assert_int_equal(json_object_set_new(b->jwt.payload, cases[i][0], kept), 0);
        }
    }
}

/* Without these in the clear nothing could be judged before the disclosures are. */
static void sdj_16_the_type_and_the_holders_key_in_a_disclosure(void **state)
{
    struct vc_bend *b = *state;
    char *cnf = json_dumps(json_object_get(b->jwt.payload, "cnf"), JSON_COMPACT);
    char disclosure[512];
    (void)snprintf(disclosure, sizeof(disclosure), "[\"s\",\"cnf\",%s]", cnf);
    free(cnf);
    both(b, disclosure);
    vc_drop(b->jwt.payload, "cnf");
    vc_refused(b, WALLET_CHECK_HOLDER_SIGNATURE, LW_E_DENIED,
               "SDJ-19 the credential is bound to no key");
    both(b, "[\"s\",\"vct\",\"" VC_TYPE "\"]");
    vc_drop(b->jwt.payload, "vct");
    vc_refused(b, WALLET_CHECK_PARSE, LW_E_VALUE, "SDJ-18 vct is missing");
}

static void sdj_16_a_member_below_a_permanent_claim(void **state)
{
    static const char detail[] = "SDJ-16 a claim that must be permanent was disclosed";
    struct vc_bend *b = *state;
    vc_bend_hide(json_object_get(b->jwt.payload, "cnf"), "[\"s\",\"kid\",\"1\"]");
    vc_bend_show(b, "[\"s\",\"kid\",\"1\"]");
    vc_refused(b, here, LW_E_VALUE, detail);
    vc_drop(json_object_get(b->jwt.payload, "cnf"), "_sd");
    json_t *list = json_object_get(json_object_get(b->jwt.payload, "status"), "status_list");
    vc_bend_hide(list, "[\"s\",\"kid\",\"1\"]");
    vc_refused(b, here, LW_E_VALUE, detail);
}

/* "iat" and "sub" may be disclosed; what is disclosed is judged. */
static void sdj_16_what_may_be_disclosed_is_taken(void **state)
{
    struct wallet_verified out;
    LW_AUTO_BUF arena = LW_BUF(VC_ARENA_MAX);
    struct vc_bend *b = *state;
    vc_drop(b->jwt.payload, "iat");
    vc_bend_unshow(b, 0); /* the license number */
    both(b, "[\"s\",\"iat\",1795046400]");
    both(b, "[\"s\",\"sub\",\"a\\/b\"]");
    vc_accepted(b, &arena, &out);
    assert_int_equal(out.iat, 1795046400);
    assert_true(lw_str_is(out.sub, "a/b"));
    vc_bend_unshow(b, 2);
    both(b, "[\"s\",\"iat\",\"1795046400\"]");
    vc_refused(b, here, LW_E_VALUE, "SDJ-17 iat, nbf or exp is no number");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        VC_TEST(sdj_8_two_equal_disclosures),
        VC_TEST(sdj_8_a_disclosure_with_padding),
        VC_TEST(sdj_8_a_disclosure_that_is_not_json),
        VC_TEST(sdj_8_a_disclosed_object_with_a_name_twice),
        VC_TEST(sdj_8_a_disclosure_that_is_no_array),
        VC_TEST(sdj_8_a_disclosure_of_one_element_or_four),
        VC_TEST(sdj_8_a_salt_that_is_no_string),
        VC_TEST(sdj_9_digests_that_are_no_array),
        VC_TEST(sdj_9_a_digest_that_is_no_string),
        VC_TEST(sdj_9_a_digest_of_another_length_or_spelling),
        VC_TEST(sdj_9_a_placeholder_with_other_members),
        VC_TEST(sdj_9_a_placeholder_outside_an_array),
        VC_TEST(sdj_10_a_digest_twice_in_the_payload),
        VC_TEST(sdj_10_a_digest_in_the_payload_and_in_a_disclosed_value),
        VC_TEST(sdj_11_a_member_disclosed_without_a_name),
        VC_TEST(sdj_11_a_name_that_is_no_string),
        VC_TEST(sdj_11_a_reserved_name),
        VC_TEST(sdj_11_a_name_that_exists_in_the_clear),
        VC_TEST(sdj_11_a_name_that_was_disclosed_before),
        VC_TEST(sdj_12_an_element_disclosed_with_a_name),
        VC_TEST(sdj_13_and_14_what_is_hidden_leaves_no_trace),
        VC_TEST(sdj_14_a_license_number_that_is_no_string),
        VC_TEST(sdj_15_a_disclosure_no_digest_stands_for),
        VC_TEST(sdj_15_a_disclosed_value_changed),
        VC_TEST(sdj_15_a_disclosure_whose_parent_is_not_shown),
        VC_TEST(sdj_16_a_claim_that_must_be_permanent),
        VC_TEST(sdj_16_the_type_and_the_holders_key_in_a_disclosure),
        VC_TEST(sdj_16_a_member_below_a_permanent_claim),
        VC_TEST(sdj_16_what_may_be_disclosed_is_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
