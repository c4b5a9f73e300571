/*
 * What wallet_sdjwt_process() refuses: SDJ-2 and SDJ-7 to SDJ-16, each by a payload or disclosure
 * that breaks one rule. Whole presentations are bent in test_sdjwt.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "sdjwt_bench.h"

enum { ARENA = 1024 * 1024 };

#define D0 "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

static const struct wallet_sdjwt_rules no_rules = {.permanent = NULL};

static void payloads_that_break_a_rule_are_refused(void **state)
{
    static const struct {
        const char *payload;
        lw_code code;
        const char *rule;
    } cases[] = {
        {"[]", LW_E_SYNTAX, "SDJ-4"},
        {"{\"a\":1", LW_E_SYNTAX, "json"},
        {"{\"a\":1}x", LW_E_SYNTAX, "json"},
        {"{\"a\":1,\"a\":2}", LW_E_VALUE, "json"},
        {"{\"_sd_alg\":1}", LW_E_VALUE, "SDJ-7"},
        {"{\"_sd_alg\":null}", LW_E_VALUE, "SDJ-7"},
        {"{\"_sd_alg\":\"sha-512\"}", LW_E_UNSUPPORTED, "SDJ-7"},
        {"{\"_sd_alg\":\"SHA-256\"}", LW_E_UNSUPPORTED, "SDJ-7"},
        {"{\"_sd_alg\":\"sha-256-64\"}", LW_E_UNSUPPORTED, "SDJ-7"},
        {"{\"a\":{\"_sd_alg\":\"sha-256\"}}", LW_E_VALUE, "SDJ-7"},
        {"{\"a\":[{\"_sd_alg\":\"sha-256\"}]}", LW_E_VALUE, "SDJ-7"},
        {"{\"_sd\":\"" D0 "\"}", LW_E_VALUE, "SDJ-9"},
        {"{\"_sd\":{}}", LW_E_VALUE, "SDJ-9"},
        {"{\"_sd\":null}", LW_E_VALUE, "SDJ-9"},
        {"{\"_sd\":[1]}", LW_E_VALUE, "SDJ-9"},
        {"{\"_sd\":[[\"" D0 "\"]]}", LW_E_VALUE, "SDJ-9"},
        {"{\"_sd\":[\"\"]}", LW_E_VALUE, "SDJ-9"},
        {"{\"_sd\":[\"" D0 "A\"]}", LW_E_VALUE, "SDJ-9"},
        {"{\"_sd\":[\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB\"]}", LW_E_VALUE, "SDJ-9"},
        {"{\"_sd\":[\"+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"]}", LW_E_VALUE, "SDJ-9"},
        {"{\"...\":\"" D0 "\"}", LW_E_VALUE, "SDJ-9"},
        {"{\"a\":{\"...\":\"" D0 "\"}}", LW_E_VALUE, "SDJ-9"},
        {"{\"a\":[{\"...\":1}]}", LW_E_VALUE, "SDJ-9"},
        {"{\"a\":[{\"...\":[\"" D0 "\"]}]}", LW_E_VALUE, "SDJ-9"},
        {"{\"a\":[{\"...\":\"" D0 "\",\"b\":1}]}", LW_E_VALUE, "SDJ-9"},
        {"{\"a\":[{\"b\":1,\"...\":\"" D0 "\"}]}", LW_E_VALUE, "SDJ-9"},
        {"{\"a\":[{\"\\u002e..\":\"" D0 "\",\"b\":1}]}", LW_E_VALUE, "SDJ-9"},
        {"{\"_sd\":[\"" D0 "\",\"" D0 "\"]}", LW_E_VALUE, "SDJ-10"},
        {"{\"_sd\":[\"" D0 "\"],\"a\":{\"_sd\":[\"" D0 "\"]}}", LW_E_VALUE, "SDJ-10"},
        {"{\"_sd\":[\"" D0 "\"],\"a\":[{\"...\":\"" D0 "\"}]}", LW_E_VALUE, "SDJ-10"},
        {"{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", LW_E_LIMIT, ""},
    };
    (void)state;
    struct support_sdjwt b;
    support_sdjwt_start(&b);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF arena = LW_BUF(ARENA);
        lw_str claims = LW_STR("not empty");
        const lw_err err = support_sdjwt_run(&b, cases[i].payload, &no_rules, &arena, &claims);
        if (err.code != cases[i].code || strstr(err.why, cases[i].rule) == NULL) {
            print_message("%s: %s\n", cases[i].payload, err.why == NULL ? "ok" : err.why);
        }
        assert_int_equal(err.code, cases[i].code);
        assert_non_null(strstr(err.why, cases[i].rule));
        assert_int_equal(claims.len, 0);
    }
    support_sdjwt_end(&b);
}

/* One disclosure given as JSON, whose digest stands where "%s" is in the payload. */
static lw_err run_one(const char *disclosure, const char *payload,
                      const struct wallet_sdjwt_rules *rules)
{
    struct support_sdjwt b;
    support_sdjwt_start(&b);
    char digest[WALLET_SDJWT_DIGEST_LEN + 1] = "";
    char whole[1024];
    memcpy(digest, support_sdjwt_disclose_raw(&b, disclosure).text, WALLET_SDJWT_DIGEST_LEN);
    const char *hole = strstr(payload, "%s");
    (void)snprintf(whole, sizeof(whole), "%.*s%s%s",
                   (int)(hole == NULL ? (ptrdiff_t)strlen(payload) : hole - payload), payload,
                   hole == NULL ? "" : digest, hole == NULL ? "" : hole + 2);
    LW_AUTO_BUF arena = LW_BUF(ARENA);
    lw_str claims;
    const lw_err err = support_sdjwt_run(&b, whole, rules, &arena, &claims);
    support_sdjwt_end(&b);
    return err;
}

static void disclosures_that_break_a_rule_are_refused(void **state)
{
    static const char sd[] = "{\"_sd\":[\"%s\"],\"taken\":1,\"nest\":{\"in\":1}}";
    static const char element[] = "{\"list\":[{\"...\":\"%s\"}]}";
    static const struct {
        const char *disclosure;
        const char *payload;
        lw_code code;
        const char *rule;
    } cases[] = {
        {"[\"s\",\"n\",1]", sd, LW_OK, NULL},
        {" [ \"s\" , \"n\" , null ] ", sd, LW_OK, NULL},
        {"[\"\",\"\",\"\"]", sd, LW_OK, NULL},
        {"[\"s\",1]", element, LW_OK, NULL},
        {"[\"s\",\"n\",1]", "{}", LW_E_SIGNATURE, "SDJ-15"},
        {"[\"s\",\"n\",1]", "{\"_sd\":[\"" D0 "\"]}", LW_E_SIGNATURE, "SDJ-15"},
        {"{}", sd, LW_E_VALUE, "SDJ-8"},
        {"\"s\"", sd, LW_E_VALUE, "SDJ-8"},
        {"[]", sd, LW_E_VALUE, "SDJ-8"},
        {"[\"s\"]", sd, LW_E_VALUE, "SDJ-8"},
        {"[\"s\",\"n\",1,2]", sd, LW_E_VALUE, "SDJ-8"},
        {"[1,\"n\",1]", sd, LW_E_VALUE, "SDJ-8"},
        {"[null,1]", element, LW_E_VALUE, "SDJ-8"},
        {"[\"s\",\"n\",1", sd, LW_E_SYNTAX, "SDJ-8"},
        {"[\"s\",\"n\",1]]", sd, LW_E_SYNTAX, "SDJ-8"},
        {"[\"s\",\"n\",{\"a\":1,\"a\":1}]", sd, LW_E_VALUE, "SDJ-8"},
        {"[\"s\",\"n\",\"\xff\"]", sd, LW_E_SYNTAX, "SDJ-8"},
        {"[\"s\",1,1]", sd, LW_E_VALUE, "SDJ-11"},
        {"[\"s\",\"_sd\",[]]", sd, LW_E_VALUE, "SDJ-11"},
        {"[\"s\",\"...\",1]", sd, LW_E_VALUE, "SDJ-11"},
        {"[\"s\",\"\\u005fsd\",[]]", sd, LW_E_VALUE, "SDJ-11"},
        {"[\"s\",\"_sd_alg\",\"sha-256\"]", sd, LW_E_VALUE, "SDJ-11"},
        {"[\"s\",1]", sd, LW_E_VALUE, "SDJ-11"},
        {"[\"s\",\"taken\",2]", sd, LW_E_VALUE, "SDJ-11"},
        {"[\"s\",\"t\\u0061ken\",2]", sd, LW_E_VALUE, "SDJ-11"},
        {"[\"s\",\"nest\",2]", sd, LW_E_VALUE, "SDJ-11"},
        {"[\"s\",\"in\",2]", sd, LW_OK, NULL},
        {"[\"s\",\"in\",2]", "{\"nest\":{\"in\":1,\"_sd\":[\"%s\"]}}", LW_E_VALUE, "SDJ-11"},
        {"[\"s\",\"n\",1]", element, LW_E_VALUE, "SDJ-12"},
        {"[\"s\",{\"...\":\"" D0 "\"}]", element, LW_E_VALUE, "SDJ-9"},
        {"[\"s\",\"n\",{\"...\":\"" D0 "\"}]", sd, LW_E_VALUE, "SDJ-9"},
        {"[\"s\",\"n\",{\"_sd_alg\":\"sha-256\"}]", sd, LW_E_VALUE, "SDJ-7"},
        {"[\"s\",\"n\",{\"_sd\":[\"" D0 "\"],\"b\":{\"_sd\":[\"" D0 "\"]}}]", sd, LW_E_VALUE,
         "SDJ-10"},
        {"[\"s\",\"vct\",\"x\"]", sd, LW_E_VALUE, "SDJ-16"},
        {"[\"s\",\"v\\u0063t\",\"x\"]", sd, LW_E_VALUE, "SDJ-16"},
        {"[\"s\",\"x\",1]", "{\"cnf\":{\"jwk\":{\"_sd\":[\"%s\"]}}}", LW_E_VALUE, "SDJ-16"},
        {"[\"s\",1]", "{\"cnf\":[{\"...\":\"%s\"}]}", LW_E_VALUE, "SDJ-16"},
        {"[\"s\",\"vct\",1]", "{\"other\":{\"_sd\":[\"%s\"]}}", LW_OK, NULL},
    };
    static const char *const permanent[] = {"vct", "cnf", NULL};
    const struct wallet_sdjwt_rules rules = {.permanent = permanent};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const lw_err err = run_one(cases[i].disclosure, cases[i].payload, &rules);
        if (err.code != cases[i].code) {
            print_message("%s: %s\n", cases[i].disclosure, err.why == NULL ? "ok" : err.why);
        }
        assert_int_equal(err.code, cases[i].code);
        if (cases[i].rule != NULL) {
            assert_non_null(strstr(err.why, cases[i].rule));
        }
    }
}

static void equal_disclosures_and_bad_text_are_refused(void **state)
{
    static const struct {
        const char *text;
        lw_code code;
        const char *why;
    } cases[] = {
        {"x~WyJzIiwxXQ~WyJzIiwxXQ~", LW_E_VALUE, "sdjwt: SDJ-8 two disclosures are equal"},
        {"x~WyJzIiwxXQ=~", LW_E_VALUE, "sdjwt: SDJ-8 a disclosure is not base64url"},
        {"x~WyJzIiwxXR~", LW_E_VALUE, "sdjwt: SDJ-8 a disclosure is not base64url"},
        {"x~ WyJzIiwxXQ~", LW_E_VALUE, "sdjwt: SDJ-8 a disclosure is not base64url"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wallet_sdjwt sd;
        LW_AUTO_BUF arena = LW_BUF(ARENA);
        lw_str claims;
        assert_int_equal(wallet_sdjwt_split(lw_str_c(cases[i].text), &sd).code, LW_OK);
        const lw_err err = wallet_sdjwt_process(&sd, LW_STR("{}"), &no_rules, &arena, &claims);
        assert_int_equal(err.code, cases[i].code);
        assert_string_equal(err.why, cases[i].why);
    }
}

static void embedded_digests_are_bounded(void **state)
{
    (void)state;
    for (size_t count = WALLET_SDJWT_DIGESTS_MAX; count <= WALLET_SDJWT_DIGESTS_MAX + 1; count++) {
        struct support_sdjwt b;
        support_sdjwt_start(&b);
        LW_AUTO_BUF payload = LW_BUF(WALLET_SDJWT_MAX);
        LW_AUTO_BUF arena = LW_BUF(ARENA);
        assert_int_equal(lw_buf_put_c(&payload, "{\"_sd\":[").code, LW_OK);
        for (size_t i = 0; i < count; i++) {
            struct wallet_sdjwt_digest digest;
            assert_int_equal(wallet_sdjwt_decoy(&b.rng, &digest).code, LW_OK);
            assert_int_equal(lw_buf_put_c(&payload, i == 0 ? "\"" : "\",\"").code, LW_OK);
            assert_int_equal(
                lw_buf_put_str(&payload, (lw_str){digest.text, sizeof(digest.text)}).code, LW_OK);
        }
        assert_int_equal(lw_buf_put_c(&payload, "\"]}").code, LW_OK);
        const char *text = NULL;
        lw_str claims;
        assert_int_equal(lw_buf_c(&payload, &text).code, LW_OK);
        const lw_err err = support_sdjwt_run(&b, text, &no_rules, &arena, &claims);
        assert_int_equal(err.code, count > WALLET_SDJWT_DIGESTS_MAX ? LW_E_LIMIT : LW_OK);
        support_sdjwt_end(&b);
    }
}

/* A chain of disclosures, each inside the one before: one level more each time. */
static lw_err run_chain(size_t levels)
{
    struct support_sdjwt b;
    support_sdjwt_start(&b);
    char value[128] = "1";
    struct wallet_sdjwt_digest digest = {.text = ""};
    for (size_t i = 0; i < levels; i++) {
        digest = support_sdjwt_disclose(&b, "n", value);
        (void)snprintf(value, sizeof(value), "{\"_sd\":[\"%.*s\"]}", SUPPORT_DIGEST(digest));
    }
    LW_AUTO_BUF arena = LW_BUF(ARENA);
    lw_str claims;
    const lw_err err = support_sdjwt_run(&b, value, &no_rules, &arena, &claims);
    support_sdjwt_end(&b);
    return err;
}

static void nesting_through_disclosures_is_bounded(void **state)
{
    (void)state;
    assert_int_equal(run_chain(WALLET_JSON_DEPTH_MAX).code, LW_OK);
    const lw_err err = run_chain(WALLET_JSON_DEPTH_MAX + 1);
    assert_int_equal(err.code, LW_E_LIMIT);
    assert_string_equal(err.why, "sdjwt: SDJ-2 nested too deep");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(payloads_that_break_a_rule_are_refused),
        cmocka_unit_test(disclosures_that_break_a_rule_are_refused),
        cmocka_unit_test(equal_disclosures_and_bad_text_are_refused),
        cmocka_unit_test(embedded_digests_are_bounded),
        cmocka_unit_test(nesting_through_disclosures_is_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
