/* The set token-status-list: lists of 2^20 entries, the small examples, and signed tokens. */
#include "wallet/status_check.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "authority.h"
#include "bytes.h"
#include "hsm/x509_issue.h"
#include "lw/clock.h"
#include "vectors.h"
#include "wallet/base64.h"
#include "wallet/cbor.h"
#include "wallet/jwk.h"

#define SET "token-status-list"

enum {
    CASES = 15,       /* as the set counts: lists and examples in JSON and CBOR, three tokens */
    IAT = 1686920170, /* of the tokens */
    ENTRIES = 1 << 20,
};

static lw_str text_of(const json_t *object, const char *name)
{
    return lw_str_c(json_string_value(json_object_get(object, name)));
}

static void inflate_text(lw_str base64url, lw_buf *array)
{
    LW_AUTO_BUF lst = LW_BUF(1 << 20);
    assert_int_equal(wallet_base64url_decode(base64url, &lst).code, LW_OK);
    assert_int_equal(wallet_status_inflate(lw_buf_view(&lst), array).code, LW_OK);
}

/* The CBOR form {"bits", "lst"} holds the same array. */
static void check_cbor(const char *hex, unsigned bits, lw_bytes array)
{
    LW_AUTO_BUF cbor = LW_BUF(1 << 20);
    LW_AUTO_BUF inflated = LW_BUF(WALLET_STATUS_ARRAY_MAX);
    support_hex(hex, &cbor);
    assert_int_equal(wallet_cbor_check(lw_buf_view(&cbor)).code, LW_OK);
    struct wallet_cbor n =
        wallet_cbor_reader(wallet_cbor_map_get_text(lw_buf_view(&cbor), LW_STR("bits")));
    struct wallet_cbor lst =
        wallet_cbor_reader(wallet_cbor_map_get_text(lw_buf_view(&cbor), LW_STR("lst")));
    assert_int_equal(wallet_cbor_uint(&n), bits);
    assert_int_equal(wallet_status_inflate(wallet_cbor_bytes(&lst), &inflated).code, LW_OK);
    assert_true(lw_bytes_eq(lw_buf_view(&inflated), array));
}

/* Every entry is read, and a list packed from the same values has the same bytes. */
static size_t run_large(const json_t *list)
{
    const unsigned bits = (unsigned)json_integer_value(json_object_get(list, "bits"));
    const json_t *non_zero = json_object_get(list, "non_zero_statuses");
    LW_AUTO_BUF array = LW_BUF(WALLET_STATUS_ARRAY_MAX);
    LW_AUTO_BUF packed = LW_BUF(WALLET_STATUS_ARRAY_MAX);
    uint8_t *values = calloc(1, ENTRIES);
    const char *key = NULL;
    json_t *value = NULL;
    assert_non_null(values);
    assert_int_equal(json_integer_value(json_object_get(list, "entries")), ENTRIES);
    json_object_foreach((json_t *)(uintptr_t)non_zero, key, value)
    {
        values[strtoul(key, NULL, 10)] = (uint8_t)json_integer_value(value);
    }
    inflate_text(text_of(list, "lst_base64url"), &array);
    assert_int_equal(array.len, (size_t)ENTRIES * bits / 8);
    for (uint64_t idx = 0; idx < ENTRIES; idx++) {
        unsigned got = 0;
        assert_int_equal(wallet_status_get(bits, lw_buf_view(&array), idx, &got).code, LW_OK);
        if (got != values[idx]) { /* an assertion for each would take long */
            fail_msg("entry %llu differs", (unsigned long long)idx);
        }
    }
    assert_int_equal(wallet_status_pack(bits, values, ENTRIES, &packed).code, LW_OK);
    assert_true(lw_bytes_eq(lw_buf_view(&packed), lw_buf_view(&array)));
    check_cbor(json_string_value(json_object_get(list, "status_list_cbor_hex")), bits,
               lw_buf_view(&array));
    free(values);
    return 2;
}

/* The arrays as the draft's text prints them; the set gives the second as text only. */
static size_t run_small(const json_t *list)
{
    const unsigned bits = (unsigned)json_integer_value(json_object_get(list, "bits"));
    LW_AUTO_BUF array = LW_BUF(64);
    LW_AUTO_BUF expected = LW_BUF(64);
    assert_true(bits == 1 || bits == 2);
    support_hex(bits == 1 ? "b9a3" : "c944f9", &expected);
    inflate_text(text_of(list, "lst_base64url"), &array);
    assert_true(lw_bytes_eq(lw_buf_view(&array), lw_buf_view(&expected)));
    check_cbor(json_string_value(json_object_get(list, "cbor_hex")), bits, lw_buf_view(&array));
    return 2;
}

/* The set's key, certified by a test CA, is the issuer whose own key signed the tokens. */
static void certify(const struct support_authority *a, const json_t *jwk, lw_buf *der)
{
    char *text = json_dumps(jwk, JSON_COMPACT);
    struct support_rng seed;
    const struct lw_rng rng = support_rng(&seed, 1);
    struct hsm_cert_request req = {.common_name = LW_STR("Draft's example"),
                                   .country = LW_STR("CN"),
                                   .uses = HSM_CERT_USE_SIGN,
                                   .not_before = IAT,
                                   .not_after = IAT + 365 * LW_DAY_S};
    assert_non_null(text);
    assert_int_equal(wallet_jwk_parse(lw_str_c(text), &req.key).code, LW_OK);
    assert_int_equal(hsm_cert_issue(&a->ca.signer, &req, IAT, &rng, der).code, LW_OK);
    free(text);
}

static void read_whole(lw_bytes token, const struct wallet_trust *trust)
{
    static const uint8_t b9a3[] = {0xb9, 0xa3};
    const struct wallet_status_expect expect = {.uri = LW_STR("https://example.com/statuslists/1"),
                                                .trust = trust,
                                                .issuer = wallet_trust_at(trust, 0),
                                                .now = IAT + 1,
                                                .held_iat = INT64_MIN};
    WALLET_AUTO_STATUS_LIST list = {.bits = 0};
    assert_int_equal(wallet_status_read(token, &expect, &list).code, LW_OK);
    assert_true(list.same_key);
    assert_int_equal(list.bits, 1);
    assert_int_equal(list.iat, IAT);
    assert_int_equal(list.ttl_s, 43200);
    assert_true(lw_bytes_eq(lw_buf_view(&list.array), LW_BYTES(b9a3)));
}

static size_t run_tokens(const json_t *tokens)
{
    struct support_authority a;
    LW_AUTO_BUF der = LW_BUF(HSM_CERT_MAX);
    LW_AUTO_BUF cwt = LW_BUF(4096);
    const lw_str prefix = LW_STR("https://example.com/statuslists");
    support_authority_init(&a, "agency-1", IAT);
    certify(&a, json_object_get(tokens, "key"), &der);
    const struct wallet_trust_entry entry = {.cert = lw_buf_view(&der),
                                             .not_after = INT64_MAX,
                                             .revoked_since = INT64_MIN,
                                             .status_prefixes = &prefix,
                                             .status_prefix_count = 1};
    WALLET_AUTO_TRUST trust = NULL;
    assert_int_equal(wallet_trust_new(&trust).code, LW_OK);
    assert_int_equal(wallet_trust_add(trust, &entry).code, LW_OK);
    read_whole(lw_str_bytes(text_of(tokens, "status_list_jwt")), trust);
    support_hex(json_string_value(json_object_get(tokens, "status_list_cwt_hex")), &cwt);
    read_whole(lw_buf_view(&cwt), trust);
    support_authority_free(&a);
    return 2;
}

static void the_set_holds(void **state)
{
    size_t run = 0;
    size_t i = 0;
    json_t *list = NULL;
    (void)state;
    if (support_vectors(SET) == NULL) {
        print_message("vectors " SET ": absent\n");
        skip();
    }
    json_t *encoding = support_vector_json(SET, "encoding.json");
    json_t *tokens = support_vector_json(SET, "tokens.json");
    json_array_foreach(json_object_get(encoding, "large"), i, list)
    {
        run += run_large(list);
    }
    json_array_foreach(json_object_get(encoding, "small"), i, list)
    {
        run += run_small(list);
    }
    run += run_tokens(tokens);
    json_decref(encoding);
    json_decref(tokens);
    support_vector_report(SET, run, 1, "a plain CWT is no credential of ours", CASES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_set_holds)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
