#include "wallet/sdjwt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>
#include <jansson.h>

#include "hsm/key_soft.h"
#include "sdjwt_bench.h"
#include "wallet/base64.h"
#include "wallet/jwk.h"

enum { ARENA = 1024 * 1024 };

/* RFC 9901 section 5.1: the issuer-signed JWT. */
#define JWT                                                                                        \
    "eyJhbGciOiAiRVMyNTYiLCAidHlwIjogImV4YW1wbGUrc2Qtand0In0.eyJfc2QiOiBbIkNyUWU3UzVrcUJBSHQtbk1Z" \
    "WGdjNmJkdDJTSDVhVFkxc1VfTS1QZ2tqUEkiLCAiSnpZakg0c3ZsaUgwUjNQeUVNZmVadTZKdDY5dTVxZWhabzdGN0VQ" \
    "WWxTRSIsICJQb3JGYnBLdVZ1Nnh5bUphZ3ZrRnNGWEFiUm9jMkpHbEFVQTJCQTRvN2NJIiwgIlRHZjRvTGJnd2Q1SlFh" \
    "SHlLVlFaVTlVZEdFMHc1cnREc3JaemZVYW9tTG8iLCAiWFFfM2tQS3QxWHlYN0tBTmtxVlI2eVoyVmE1TnJQSXZQWWJ5" \
    "TXZSS0JNTSIsICJYekZyendzY002R242Q0pEYzZ2Vks4QmtNbmZHOHZPU0tmcFBJWmRBZmRFIiwgImdiT3NJNEVkcTJ4" \
    "Mkt3LXc1d1BFemFrb2I5aFYxY1JEMEFUTjNvUUw5Sk0iLCAianN1OXlWdWx3UVFsaEZsTV8zSmx6TWFTRnpnbGhRRzBE" \
    "cGZheVF3TFVLNCJdLCAiaXNzIjogImh0dHBzOi8vaXNzdWVyLmV4YW1wbGUuY29tIiwgImlhdCI6IDE2ODMwMDAwMDAs" \
    "ICJleHAiOiAxODgzMDAwMDAwLCAic3ViIjogInVzZXJfNDIiLCAibmF0aW9uYWxpdGllcyI6IFt7Ii4uLiI6ICJwRm5k" \
    "amtaX1ZDem15VGE2VWpsWm8zZGgta284YUlLUWM5RGxHemhhVllvIn0sIHsiLi4uIjogIjdDZjZKa1B1ZHJ5M2xjYndI" \
    "Z2VaOGtoQXYxVTFPU2xlclAwVmtCSnJXWjAifV0sICJfc2RfYWxnIjogInNoYS0yNTYiLCAiY25mIjogeyJqd2siOiB7" \
    "Imt0eSI6ICJFQyIsICJjcnYiOiAiUC0yNTYiLCAieCI6ICJUQ0FFUjE5WnZ1M09IRjRqNFc0dmZTVm9ISVAxSUxpbERs" \
    "czd2Q2VHZW1jIiwgInkiOiAiWnhqaVdXYlpNUUdIVldLVlE0aGJTSWlyc1ZmdWVjQ0U2dDRqVDlGMkhaUSJ9fX0."     \
    "MczwjB"                                                                                       \
    "FGtzf-6WMT-hIvYbkb11NrV1WMO-jTijpMPNbswNzZ87wY2uHz-CXo6R04b7jYrpj9mNRAvVssXou1iw"

#define GIVEN_NAME "WyIyR0xDNDJzS1F2ZUNmR2ZyeU5STjl3IiwgImdpdmVuX25hbWUiLCAiSm9obiJd"
#define FAMILY_NAME "WyJlbHVWNU9nM2dTTklJOEVZbnN4QV9BIiwgImZhbWlseV9uYW1lIiwgIkRvZSJd"
#define EMAIL "WyI2SWo3dE0tYTVpVlBHYm9TNXRtdlZBIiwgImVtYWlsIiwgImpvaG5kb2VAZXhhbXBsZS5jb20iXQ"
#define PHONE "WyJlSThaV205UW5LUHBOUGVOZW5IZGhRIiwgInBob25lX251bWJlciIsICIrMS0yMDItNTU1LTAxMDEiXQ"
#define PHONE_OK "WyJRZ19PNjR6cUF4ZTQxMmExMDhpcm9BIiwgInBob25lX251bWJlcl92ZXJpZmllZCIsIHRydWVd"
#define ADDRESS                                                                                    \
    "WyJBSngtMDk1VlBycFR0TjRRTU9xUk9BIiwgImFkZHJlc3MiLCB7InN0cmVldF9hZGRyZXNzIjogIjEyMyBNYWluIFN0" \
    "IiwgImxvY2FsaXR5IjogIkFueXRvd24iLCAicmVnaW9uIjogIkFueXN0YXRlIiwgImNvdW50cnkiOiAiVVMifV0"
#define BIRTHDATE "WyJQYzMzSk0yTGNoY1VfbEhnZ3ZfdWZRIiwgImJpcnRoZGF0ZSIsICIxOTQwLTAxLTAxIl0"
#define UPDATED_AT "WyJHMDJOU3JRZmpGWFE3SW8wOXN5YWpBIiwgInVwZGF0ZWRfYXQiLCAxNTcwMDAwMDAwXQ"
#define US "WyJsa2x4RjVqTVlsR1RQVW92TU5JdkNBIiwgIlVTIl0"
#define DE "WyJuUHVvUW5rUkZxM0JJZUFtN0FuWEZBIiwgIkRFIl0"

/* RFC 9901 section 5.2: the key-binding JWT over JWT~FAMILY_NAME~ADDRESS~GIVEN_NAME~US~. */
#define KB                                                                                         \
    "eyJhbGciOiAiRVMyNTYiLCAidHlwIjogImtiK2p3dCJ9.eyJub25jZSI6ICIxMjM0NTY3ODkwIiwgImF1ZCI6ICJodHR" \
    "wczovL3ZlcmlmaWVyLmV4YW1wbGUub3JnIiwgImlhdCI6IDE3NDg1MzcyNDQsICJzZF9oYXNoIjogIjBfQWYtMkItRWh" \
    "MV1g1eWRoX3cyeHp3bU82aU02NkJfMlFDRWFuSTRmVVkifQ.T3SIus2OidNl41nmVkTZVCKKhOAX97aOldMyHFiYjHm2" \
    "61eLiJ1YiuONFiMN8QlCmYzDlBLAdPvrXh52KaLgUQ"

/* RFC 9901 appendix A.5. */
static const char issuer_jwk[] =
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"b28d4MwZMjw8-00CG4xfnn9SLMVMM19SlqZpVb_uNtQ\","
    "\"y\":\"Xv5zWwuoaTgdS6hV43yI6gBwTnjukmFQQnJ_kCxzqk8\"}";
static const char holder_jwk[] =
    "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"TCAER19Zvu3OHF4j4W4vfSVoHIP1ILilDls7vCeGemc\","
    "\"y\":\"ZxjiWWbZMQGHVWKVQ4hbSIirsVfuecCE6t4jT9F2HZQ\"}";

static const struct wallet_sdjwt_rules no_rules = {.permanent = NULL};

/* Splits, checks the signature with `jwk` unless NULL, and processes. */
static lw_err process(lw_str text, const char *jwk, lw_buf *arena, lw_str *claims)
{
    struct wallet_sdjwt sd;
    struct wallet_jws jws;
    LW_TRY(wallet_sdjwt_split(text, &sd));
    LW_TRY(wallet_sdjwt_reserve(arena, text.len));
    LW_TRY(wallet_jws_parse(sd.issuer_jwt, arena, &jws));
    if (jwk != NULL) {
        struct hsm_public_key key;
        LW_TRY(wallet_jwk_parse(lw_str_c(jwk), &key));
        LW_TRY(wallet_jws_verify(&jws, &key));
    }
    return wallet_sdjwt_process(&sd, lw_bytes_str(jws.payload), &no_rules, arena, claims);
}

/* Whether two texts say the same: spaces are copied as they stand. */
static bool same_json(lw_str a, const char *b)
{
    json_t *left = json_loadb(a.ptr, a.len, JSON_REJECT_DUPLICATES, NULL);
    json_t *right = json_loads(b, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(left);
    assert_non_null(right);
    const bool same = json_equal(left, right) == 1;
    json_decref(left);
    json_decref(right);
    return same;
}

static void disclosures_have_the_digests_of_rfc_9901(void **state)
{
    static const char *const cases[][2] = {
        {GIVEN_NAME, "jsu9yVulwQQlhFlM_3JlzMaSFzglhQG0DpfayQwLUK4"},
        {FAMILY_NAME, "TGf4oLbgwd5JQaHyKVQZU9UdGE0w5rtDsrZzfUaomLo"},
        {ADDRESS, "XzFrzwscM6Gn6CJDc6vVK8BkMnfG8vOSKfpPIZdAfdE"},
        {US, "pFndjkZ_VCzmyTa6UjlZo3dh-ko8aIKQc9DlGzhaVYo"},
        /* Section 4.2.3. */
        {"WyJfMjZiYzRMVC1hYzZxMktJNmNCVzVlcyIsICJmYW1pbHlfbmFtZSIsICJNw7ZiaXVzIl0",
         "X9yH0Ajrdm1Oij4tWso9UzzKJvPoDxwmuEcO3XAdRC0"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wallet_sdjwt_digest digest;
        assert_int_equal(wallet_sdjwt_digest_of(lw_str_c(cases[i][0]), &digest).code, LW_OK);
        assert_memory_equal(digest.text, cases[i][1], WALLET_SDJWT_DIGEST_LEN);
    }
}

static void the_issuance_of_rfc_9901_is_put_together(void **state)
{
    (void)state;
    LW_AUTO_BUF arena = LW_BUF(ARENA);
    lw_str claims;
    const lw_str text = LW_STR(JWT "~" GIVEN_NAME "~" FAMILY_NAME "~" EMAIL "~" PHONE "~" PHONE_OK
                                   "~" ADDRESS "~" BIRTHDATE "~" UPDATED_AT "~" US "~" DE "~");
    assert_int_equal(process(text, issuer_jwk, &arena, &claims).code, LW_OK);
    assert_true(same_json(
        claims, "{\"updated_at\":1570000000,\"email\":\"johndoe@example.com\","
                "\"phone_number\":\"+1-202-555-0101\",\"family_name\":\"Doe\","
                "\"phone_number_verified\":true,\"address\":{\"street_address\":\"123 Main St\","
                "\"locality\":\"Anytown\",\"region\":\"Anystate\",\"country\":\"US\"},"
                "\"birthdate\":\"1940-01-01\",\"given_name\":\"John\","
                "\"iss\":\"https://issuer.example.com\",\"iat\":1683000000,\"exp\":1883000000,"
                "\"sub\":\"user_42\",\"nationalities\":[\"US\",\"DE\"],"
                "\"cnf\":{\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\","
                "\"x\":\"TCAER19Zvu3OHF4j4W4vfSVoHIP1ILilDls7vCeGemc\","
                "\"y\":\"ZxjiWWbZMQGHVWKVQ4hbSIirsVfuecCE6t4jT9F2HZQ\"}}}"));
}

static void the_presentation_of_rfc_9901_holds(void **state)
{
    (void)state;
    const lw_str text = LW_STR(JWT "~" FAMILY_NAME "~" ADDRESS "~" GIVEN_NAME "~" US "~" KB);
    LW_AUTO_BUF arena = LW_BUF(ARENA);
    LW_AUTO_BUF kb_arena = LW_BUF(ARENA);
    lw_str claims;
    assert_int_equal(process(text, issuer_jwk, &arena, &claims).code, LW_OK);
    assert_true(same_json(
        claims, "{\"family_name\":\"Doe\",\"address\":{\"street_address\":\"123 Main St\","
                "\"locality\":\"Anytown\",\"region\":\"Anystate\",\"country\":\"US\"},"
                "\"given_name\":\"John\",\"iss\":\"https://issuer.example.com\","
                "\"iat\":1683000000,\"exp\":1883000000,\"sub\":\"user_42\","
                "\"nationalities\":[\"US\"],\"cnf\":{\"jwk\":{\"kty\":\"EC\",\"crv\":\"P-256\","
                "\"x\":\"TCAER19Zvu3OHF4j4W4vfSVoHIP1ILilDls7vCeGemc\","
                "\"y\":\"ZxjiWWbZMQGHVWKVQ4hbSIirsVfuecCE6t4jT9F2HZQ\"}}}"));

    struct wallet_sdjwt sd;
    struct wallet_sdjwt_kb kb;
    struct hsm_public_key holder;
    uint8_t hash[32];
    uint8_t claimed[32];
    assert_int_equal(wallet_sdjwt_split(text, &sd).code, LW_OK);
    assert_int_equal(wallet_sdjwt_kb_parse(&sd, &kb_arena, &kb).code, LW_OK);
    assert_int_equal(wallet_jwk_parse(lw_str_c(holder_jwk), &holder).code, LW_OK);
    assert_int_equal(wallet_jws_verify(&kb.jws, &holder).code, LW_OK);
    assert_true(wallet_json_is(kb.nonce, "1234567890"));
    assert_true(wallet_json_is(kb.aud, "https://verifier.example.org"));
    assert_int_equal(kb.iat, 1748537244);
    assert_int_equal(wallet_sdjwt_hash(&sd, hash).code, LW_OK);
    assert_int_equal(wallet_base64url_decode_exact(kb.sd_hash.raw, claimed, 32).code, LW_OK);
    assert_memory_equal(hash, claimed, 32);
}

static void texts_of_another_shape_are_refused(void **state)
{
    static const struct {
        const char *text;
        lw_code code;
        size_t at;
    } cases[] = {
        {"", LW_E_SYNTAX, 0},       {"a", LW_E_SYNTAX, 0},     {"~", LW_E_SYNTAX, 0},
        {"~a~", LW_E_SYNTAX, 0},    {"a~~", LW_E_SYNTAX, 2},   {"a~b~~c~", LW_E_SYNTAX, 4},
        {"a~b~~c", LW_E_SYNTAX, 4}, {"a~", LW_OK, LW_NOWHERE}, {"a~b~", LW_OK, LW_NOWHERE},
        {"a~b", LW_OK, LW_NOWHERE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wallet_sdjwt sd;
        const lw_err err = wallet_sdjwt_split(lw_str_c(cases[i].text), &sd);
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(err.at, cases[i].at);
    }
}

static void parts_are_where_they_stand(void **state)
{
    (void)state;
    struct wallet_sdjwt sd;
    assert_int_equal(wallet_sdjwt_split(LW_STR("a.b.c~d~e~f.g.h"), &sd).code, LW_OK);
    assert_true(lw_str_is(sd.issuer_jwt, "a.b.c"));
    assert_true(lw_str_is(sd.hashed, "a.b.c~d~e~"));
    assert_true(lw_str_is(sd.kb_jwt, "f.g.h"));
    assert_int_equal(sd.disclosure_count, 2);
    assert_true(lw_str_is(sd.disclosures[1], "e"));
}

static void size_and_number_of_disclosures_are_bounded(void **state)
{
    (void)state;
    struct wallet_sdjwt sd;
    LW_AUTO_BUF text = LW_BUF(WALLET_SDJWT_MAX + 1);
    uint8_t *room = NULL;
    assert_int_equal(lw_buf_reserve(&text, WALLET_SDJWT_MAX + 1, &room).code, LW_OK);
    memset(room, 'a', WALLET_SDJWT_MAX + 1);
    room[1] = '~';
    const char *start = (const char *)room;
    assert_int_equal(wallet_sdjwt_split((lw_str){start, WALLET_SDJWT_MAX}, &sd).code, LW_OK);
    assert_int_equal(wallet_sdjwt_split((lw_str){start, WALLET_SDJWT_MAX + 1}, &sd).code,
                     LW_E_LIMIT);
    for (size_t i = 0; i < 2 * (WALLET_SDJWT_DISCLOSURES_MAX + 2); i += 2) {
        room[i + 1] = '~';
    }
    const size_t most = 2 * (WALLET_SDJWT_DISCLOSURES_MAX + 1);
    assert_int_equal(wallet_sdjwt_split((lw_str){start, most}, &sd).code, LW_OK);
    assert_int_equal(sd.disclosure_count, WALLET_SDJWT_DISCLOSURES_MAX);
    assert_int_equal(wallet_sdjwt_split((lw_str){start, most + 2}, &sd).code, LW_E_LIMIT);
}

static void nested_structures_are_opened_where_all_ancestors_are_shown(void **state)
{
    (void)state;
    struct support_sdjwt b;
    support_sdjwt_start(&b);
    char value[512];
    char payload[1024];
    const struct wallet_sdjwt_digest leaf = support_sdjwt_disclose(&b, "leaf", "[1,{\"x\":null}]");
    (void)snprintf(value, sizeof(value), "{\"_sd\":[\"%.*s\"],\"kept\":{}}", SUPPORT_DIGEST(leaf));
    const struct wallet_sdjwt_digest element = support_sdjwt_disclose(&b, "", value);
    (void)snprintf(value, sizeof(value), "[\"first\",{\"...\":\"%.*s\"}]", SUPPORT_DIGEST(element));
    const struct wallet_sdjwt_digest list = support_sdjwt_disclose(&b, "list", value);
    (void)snprintf(payload, sizeof(payload),
                   "{ \"a\" : [ {\"...\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"} , 2 ],"
                   "\"o\":{\"_sd\":[\"%.*s\"]},\"_sd_alg\":\"sha-256\"}",
                   SUPPORT_DIGEST(list));
    LW_AUTO_BUF arena = LW_BUF(ARENA);
    lw_str claims;
    assert_int_equal(support_sdjwt_run(&b, payload, &no_rules, &arena, &claims).code, LW_OK);
    assert_true(lw_str_is(claims,
                          "{\"a\":[2],\"o\":{\"list\":[\"first\",{\"leaf\":[1,{\"x\":null}],"
                          "\"kept\":{}}]}}"));

    /* Without the disclosure in the middle, the leaf belongs nowhere. */
    struct wallet_sdjwt sd;
    assert_int_equal(wallet_sdjwt_split(lw_buf_text(&b.text), &sd).code, LW_OK);
    sd.disclosures[1] = sd.disclosures[2];
    sd.disclosure_count = 2;
    const lw_err err = wallet_sdjwt_process(&sd, lw_str_c(payload), &no_rules, &arena, &claims);
    assert_int_equal(err.code, LW_E_SIGNATURE);
    assert_string_equal(err.why, "sdjwt: SDJ-15 no digest stands for a disclosure");
    assert_int_equal(claims.len, 0);
    support_sdjwt_end(&b);
}

struct seen {
    char paths[256];
    size_t parents[8];
    size_t count;
};

static lw_err note_place(void *ctx, const struct wallet_sdjwt_place *place)
{
    struct seen *seen = ctx;
    for (size_t i = 0; i < place->depth; i++) {
        const lw_str name = place->path[i].raw;
        const size_t len = strlen(seen->paths);
        (void)snprintf(seen->paths + len, sizeof(seen->paths) - len, "/%.*s%s",
                       (int)(name.ptr == NULL ? 1 : name.len), name.ptr == NULL ? "*" : name.ptr,
                       i + 1 == place->depth ? " " : "");
    }
    seen->parents[place->disclosure] = place->parent;
    seen->count++;
    return seen->count == 4 ? LW_FAIL(LW_E_DENIED, "test: enough", LW_NOWHERE) : LW_SUCCESS;
}

static void places_are_told_parents_first(void **state)
{
    (void)state;
    struct support_sdjwt b;
    support_sdjwt_start(&b);
    char value[512];
    char payload[1024];
    const struct wallet_sdjwt_digest leaf = support_sdjwt_disclose(&b, "leaf", "1");
    (void)snprintf(value, sizeof(value), "{\"_sd\":[\"%.*s\"]}", SUPPORT_DIGEST(leaf));
    const struct wallet_sdjwt_digest element = support_sdjwt_disclose(&b, "", value);
    const struct wallet_sdjwt_digest top = support_sdjwt_disclose(&b, "top", "2");
    (void)snprintf(payload, sizeof(payload), "{\"l\":[0,{\"...\":\"%.*s\"}],\"_sd\":[\"%.*s\"]}",
                   SUPPORT_DIGEST(element), SUPPORT_DIGEST(top));
    struct seen seen = {.count = 0};
    const struct wallet_sdjwt_rules rules = {.found = note_place, .ctx = &seen};
    LW_AUTO_BUF arena = LW_BUF(ARENA);
    lw_str claims;
    assert_int_equal(support_sdjwt_run(&b, payload, &rules, &arena, &claims).code, LW_OK);
    assert_string_equal(seen.paths, "/l/* /l/*/leaf /top ");
    assert_int_equal(seen.parents[0], 1);
    assert_int_equal(seen.parents[1], SIZE_MAX);
    assert_int_equal(seen.parents[2], SIZE_MAX);
    /* What the callback says ends it. */
    assert_int_equal(support_sdjwt_run(&b, payload, &rules, &arena, &claims).code, LW_E_DENIED);
    support_sdjwt_end(&b);
}

static void disclosures_are_made_with_fresh_salts_and_fit_their_digests(void **state)
{
    (void)state;
    struct support_sdjwt b;
    support_sdjwt_start(&b);
    const struct wallet_sdjwt_digest one = support_sdjwt_disclose(&b, "a\"b", "{\"x\":1}");
    const struct wallet_sdjwt_digest two = support_sdjwt_disclose(&b, "a\"b", "{\"x\":1}");
    assert_memory_not_equal(one.text, two.text, WALLET_SDJWT_DIGEST_LEN);
    struct wallet_sdjwt sd;
    struct wallet_sdjwt_digest again;
    assert_int_equal(wallet_sdjwt_split(lw_buf_text(&b.text), &sd).code, LW_OK);
    assert_int_equal(sd.disclosure_count, 2);
    assert_int_equal(wallet_sdjwt_digest_of(sd.disclosures[1], &again).code, LW_OK);
    assert_memory_equal(two.text, again.text, WALLET_SDJWT_DIGEST_LEN);
    LW_AUTO_BUF json = LW_BUF(256);
    assert_int_equal(wallet_base64url_decode(sd.disclosures[0], &json).code, LW_OK);
    assert_int_equal(json.len, strlen("[\"0123456789012345678901\",\"a\\\"b\",{\"x\":1}]"));
    assert_true(lw_str_is(lw_str_from(lw_buf_text(&json), 25), ",\"a\\\"b\",{\"x\":1}]"));

    static const char *const reserved[] = {"_sd", "...", "_sd_alg"};
    const size_t before = b.text.len;
    for (size_t i = 0; i < 3; i++) {
        const lw_err err =
            wallet_sdjwt_disclose(&b.rng, lw_str_c(reserved[i]), LW_STR("1"), &b.text, &again);
        assert_int_equal(err.code, LW_E_VALUE);
    }
    assert_int_equal(
        wallet_sdjwt_disclose(&b.rng, LW_STR("\xff"), LW_STR("1"), &b.text, &again).code,
        LW_E_VALUE);
    assert_int_equal(b.text.len, before);
    support_sdjwt_end(&b);
}

static void digests_are_sorted(void **state)
{
    (void)state;
    struct support_rng seed;
    const struct lw_rng rng = support_rng(&seed, 1);
    struct wallet_sdjwt_digest digests[50];
    for (size_t i = 0; i < 50; i++) {
        assert_int_equal(wallet_sdjwt_decoy(&rng, &digests[i]).code, LW_OK);
    }
    wallet_sdjwt_sort(digests, 50);
    for (size_t i = 1; i < 50; i++) {
        assert_true(memcmp(digests[i - 1].text, digests[i].text, WALLET_SDJWT_DIGEST_LEN) < 0);
    }
}

static void a_binding_made_here_reads_back(void **state)
{
    (void)state;
    HSM_AUTO_SOFT_KEY key = NULL;
    struct hsm_signer holder;
    assert_int_equal(hsm_soft_key_generate(&key).code, LW_OK);
    hsm_soft_key_signer(key, &holder);
    LW_AUTO_BUF text = LW_BUF(4096);
    LW_AUTO_BUF arena = LW_BUF(ARENA);
    assert_int_equal(lw_buf_put_c(&text, "before a.b.c~d~").code, LW_OK);
    const struct wallet_sdjwt_binding binding = {
        .aud = LW_STR("https://v"), .nonce = LW_STR("n\"1"), .iat = 1700000000};
    assert_int_equal(wallet_sdjwt_bind(&text, 7, &binding, &holder).code, LW_OK);
    struct wallet_sdjwt sd;
    struct wallet_sdjwt_kb kb;
    uint8_t hash[32];
    uint8_t claimed[32];
    assert_int_equal(wallet_sdjwt_split(lw_str_from(lw_buf_text(&text), 7), &sd).code, LW_OK);
    assert_int_equal(wallet_sdjwt_kb_parse(&sd, &arena, &kb).code, LW_OK);
    assert_int_equal(wallet_jws_verify(&kb.jws, &holder.key).code, LW_OK);
    assert_true(wallet_json_is(kb.nonce, "n\"1"));
    assert_int_equal(kb.iat, 1700000000);
    assert_int_equal(kb.nbf, INT64_MIN);
    assert_int_equal(kb.exp, INT64_MAX);
    assert_int_equal(wallet_sdjwt_hash(&sd, hash).code, LW_OK);
    assert_int_equal(wallet_base64url_decode_exact(kb.sd_hash.raw, claimed, 32).code, LW_OK);
    assert_memory_equal(hash, claimed, 32);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(disclosures_have_the_digests_of_rfc_9901),
        cmocka_unit_test(the_issuance_of_rfc_9901_is_put_together),
        cmocka_unit_test(the_presentation_of_rfc_9901_holds),
        cmocka_unit_test(texts_of_another_shape_are_refused),
        cmocka_unit_test(parts_are_where_they_stand),
        cmocka_unit_test(size_and_number_of_disclosures_are_bounded),
        cmocka_unit_test(nested_structures_are_opened_where_all_ancestors_are_shown),
        cmocka_unit_test(places_are_told_parents_first),
        cmocka_unit_test(disclosures_are_made_with_fresh_salts_and_fit_their_digests),
        cmocka_unit_test(digests_are_sorted),
        cmocka_unit_test(a_binding_made_here_reads_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
