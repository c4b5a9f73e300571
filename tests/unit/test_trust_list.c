#include "wallet/trust_list.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "authority.h"
#include "lw/clock.h"
#include "wallet/cose.h"

enum { NOW = 1795086400, YEAR_S = 365 * LW_DAY_S, LIST_MAX = 1 << 20 };

static struct support_authority one;
static struct support_authority two;
static uint8_t pins[2][WALLET_PIN_LEN];

static int set_up(void **state)
{
    (void)state;
    support_authority_init(&one, "agency-1", NOW);
    support_authority_init(&two, "agency-2", NOW);
    return wallet_trust_pin(&one.tl.signer.key, pins[0]).code == LW_OK &&
                   wallet_trust_pin(&two.tl.signer.key, pins[1]).code == LW_OK
               ? 0
               : -1;
}

static int tear_down(void **state)
{
    (void)state;
    support_authority_free(&one);
    support_authority_free(&two);
    return 0;
}

static const lw_str vcts[] = {{.ptr = "https://lic.example/dl", .len = 22},
                              {.ptr = "https://lic.example/bl", .len = 22}};
static const lw_str prefixes[] = {{.ptr = "https://status.example/", .len = 23},
                                  {.ptr = "http://localhost:8080/status", .len = 28}};

/* A list of two agencies: everything that can be said of an entry is said once. */
struct contents {
    struct wallet_trust_entry entries[2];
    lw_bytes anchors[2];
    struct wallet_trust_list_parts parts;
};

static void fill(struct contents *c)
{
    c->entries[0] = (struct wallet_trust_entry){.cert = lw_buf_view(&one.ds.cert),
                                                .vcts = vcts,
                                                .vct_count = 2,
                                                .not_after = NOW + YEAR_S,
                                                .revoked_since = INT64_MIN,
                                                .status_prefixes = prefixes,
                                                .status_prefix_count = 2};
    c->entries[1] = (struct wallet_trust_entry){.cert = lw_buf_view(&two.ds.cert),
                                                .state = WALLET_ISSUER_REVOKED,
                                                .not_after = NOW + 1,
                                                .revoked_since = NOW - 1};
    c->anchors[0] = lw_buf_view(&one.ca.cert);
    c->anchors[1] = lw_buf_view(&two.ca.cert);
    c->parts =
        (struct wallet_trust_list_parts){.issuer = LW_STR("City"),
                                         .iat = NOW,
                                         .exp = NOW + WALLET_TRUST_LIST_LIFE_S,
                                         .ttl_s = 3600,
                                         .version = 7,
                                         .entries = c->entries,
                                         .entry_count = 2,
                                         .anchors = c->anchors,
                                         .anchor_count = 2,
                                         .next_pins = (const uint8_t(*)[WALLET_PIN_LEN]) & pins[1],
                                         .next_pin_count = 1};
}

static struct wallet_trust_list_expect expectation(void)
{
    return (struct wallet_trust_list_expect){.pins = (const uint8_t(*)[WALLET_PIN_LEN])pins,
                                             .pin_count = 1,
                                             .now = NOW,
                                             .skew_s = 60,
                                             .grace_s = WALLET_TRUST_LIST_GRACE_S};
}

/* The pin is what `openssl pkey -pubin -outform DER | sha256sum` prints. */
static void a_pin_hashes_the_der_public_key(void **state)
{
    static const struct {
        const char *curve;
        enum hsm_alg alg;
    } cases[] = {{"P-256", HSM_ES256}, {"P-384", HSM_ES384}};
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        uint8_t point[HSM_POINT_MAX];
        uint8_t pin[WALLET_PIN_LEN];
        uint8_t expected[HSM_SHA256_LEN];
        size_t len = 0;
        unsigned char *der = NULL;
        struct hsm_public_key key;
        EVP_PKEY *pkey = EVP_EC_gen(cases[i].curve);
        assert_int_equal(EVP_PKEY_get_octet_string_param(pkey, "pub", point, sizeof(point), &len),
                         1);
        assert_int_equal(hsm_public_key_from_point(&key, cases[i].alg, (lw_bytes){point, len}).code,
                         LW_OK);
        const int der_len = i2d_PUBKEY(pkey, &der);
        assert_true(der_len > 0);
        assert_int_equal(hsm_sha256((lw_bytes){der, (size_t)der_len}, expected).code, LW_OK);
        assert_int_equal(wallet_trust_pin(&key, pin).code, LW_OK);
        assert_memory_equal(pin, expected, sizeof(expected));
        OPENSSL_free(der);
        EVP_PKEY_free(pkey);
    }
    const struct hsm_public_key none = {.alg = HSM_ALG_NONE};
    uint8_t pin[WALLET_PIN_LEN];
    assert_int_equal(wallet_trust_pin(&none, pin).code, LW_E_UNSUPPORTED);
}

static void check_first(const struct wallet_issuer *issuer)
{
    assert_true(lw_str_is(issuer->agency, "agency-1"));
    assert_int_equal(issuer->state, WALLET_ISSUER_ACTIVE);
    assert_int_equal(issuer->not_after, NOW + YEAR_S);
    assert_true(issuer->has_ca);
    assert_int_equal(issuer->vct_count, 2);
    assert_int_equal(issuer->status_prefix_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_true(lw_str_eq(issuer->vcts[i], vcts[i]));
        assert_true(lw_str_eq(issuer->status_prefixes[i], prefixes[i]));
    }
}

static void check_second(const struct wallet_issuer *issuer)
{
    assert_true(lw_str_is(issuer->agency, "agency-2"));
    assert_int_equal(issuer->state, WALLET_ISSUER_REVOKED);
    assert_int_equal(issuer->revoked_since, NOW - 1);
    assert_int_equal(issuer->not_after, NOW + 1);
    assert_int_equal(issuer->vct_count, 0);
    assert_int_equal(issuer->status_prefix_count, 0);
}

static void a_signed_list_is_read_again_whole(void **state)
{
    (void)state;
    struct contents c;
    LW_AUTO_BUF cwt = LW_BUF(LIST_MAX);
    WALLET_AUTO_TRUST trust = NULL;
    struct wallet_trust_list list;
    const struct wallet_trust_list_expect expect = expectation();
    uint8_t id[HSM_SHA256_LEN];
    fill(&c);
    assert_int_equal(wallet_trust_list_sign(&c.parts, &one.tl.signer, NOW, &cwt).code, LW_OK);
    assert_int_equal(hsm_sha256(lw_buf_view(&cwt), id).code, LW_OK);
    assert_int_equal(wallet_trust_list_read(lw_buf_view(&cwt), &expect, &list, &trust).code, LW_OK);
    lw_buf_free(&cwt); /* the trust lives on */
    assert_int_equal(list.version, 7);
    assert_int_equal(list.iat, NOW);
    assert_int_equal(list.exp, NOW + WALLET_TRUST_LIST_LIFE_S);
    assert_int_equal(list.ttl_s, 3600);
    assert_false(list.in_grace);
    assert_memory_equal(list.id, id, sizeof(id));
    assert_memory_equal(list.pin, pins[0], WALLET_PIN_LEN);
    assert_int_equal(list.next_pin_count, 1);
    assert_memory_equal(list.next_pins[0], pins[1], WALLET_PIN_LEN);
    size_t anchors = 0;
    (void)wallet_trust_anchors(trust, &anchors);
    assert_int_equal(anchors, 2);
    assert_int_equal(wallet_trust_count(trust), 2);
    check_first(wallet_trust_at(trust, 0));
    check_second(wallet_trust_at(trust, 1));
    assert_non_null(wallet_trust_by_kid(trust, one.ds.signer.kid, 0));
}

static void an_empty_list_is_a_list(void **state)
{
    (void)state;
    struct contents c;
    LW_AUTO_BUF cwt = LW_BUF(LIST_MAX);
    WALLET_AUTO_TRUST trust = NULL;
    struct wallet_trust_list list;
    const struct wallet_trust_list_expect expect = expectation();
    fill(&c);
    c.parts.entry_count = 0;
    c.parts.anchor_count = 0;
    c.parts.next_pin_count = 0;
    assert_int_equal(wallet_trust_list_sign(&c.parts, &one.tl.signer, NOW, &cwt).code, LW_OK);
    assert_int_equal(wallet_trust_list_read(lw_buf_view(&cwt), &expect, &list, &trust).code, LW_OK);
    assert_int_equal(wallet_trust_count(trust), 0);
    assert_int_equal(list.next_pin_count, 0);
}

/* A CA with a new key: what either key signs is the one authority's. */
static void a_joined_anchor_is_the_same_authoritys(void **state)
{
    (void)state;
    size_t count = 0;
    struct support_authority third;
    WALLET_AUTO_TRUST trust = NULL;
    support_authority_init(&third, "city", NOW);
    const lw_bytes certs[] = {lw_buf_view(&one.ds.cert), lw_buf_view(&two.ds.cert),
                              lw_buf_view(&third.ds.cert)};
    assert_int_equal(wallet_trust_new(&trust).code, LW_OK);
    assert_int_equal(wallet_trust_join_anchor(trust, lw_buf_view(&two.ca.cert)).code, LW_E_VALUE);
    assert_int_equal(wallet_trust_add_anchor(trust, lw_buf_view(&one.ca.cert)).code, LW_OK);
    assert_int_equal(wallet_trust_join_anchor(trust, lw_buf_view(&one.ca.cert)).code, LW_E_VALUE);
    assert_int_equal(wallet_trust_join_anchor(trust, lw_buf_view(&two.ca.cert)).code, LW_OK);
    assert_int_equal(wallet_trust_add_anchor(trust, lw_buf_view(&third.ca.cert)).code, LW_OK);
    for (size_t i = 0; i < 3; i++) {
        const struct wallet_trust_entry entry = {.cert = certs[i], .revoked_since = INT64_MIN};
        assert_int_equal(wallet_trust_add(trust, &entry).code, LW_OK);
    }
    const struct wallet_issuer *first = wallet_trust_at(trust, 0);
    const struct wallet_issuer *second = wallet_trust_at(trust, 1);
    const struct wallet_issuer *last = wallet_trust_at(trust, 2);
    assert_memory_equal(first->ca, second->ca, sizeof(first->ca));
    assert_memory_not_equal(first->ca, last->ca, sizeof(first->ca));
    const struct hsm_cert *anchors = wallet_trust_authority(trust, second, &count);
    assert_int_equal(count, 2);
    assert_true(lw_bytes_eq(anchors[0].der, lw_buf_view(&one.ca.cert)));
    assert_true(lw_bytes_eq(anchors[1].der, lw_buf_view(&two.ca.cert)));
    anchors = wallet_trust_authority(trust, last, &count);
    assert_int_equal(count, 1);
    assert_true(lw_bytes_eq(anchors[0].der, lw_buf_view(&third.ca.cert)));
    support_authority_free(&third);
}

static void certificates_of_one_authority_stay_one(void **state)
{
    (void)state;
    for (int one_authority = 0; one_authority < 2; one_authority++) {
        struct contents c;
        LW_AUTO_BUF cwt = LW_BUF(LIST_MAX);
        WALLET_AUTO_TRUST trust = NULL;
        struct wallet_trust_list list;
        const struct wallet_trust_list_expect expect = expectation();
        size_t count = 0;
        fill(&c);
        c.parts.one_authority = one_authority == 1;
        assert_int_equal(wallet_trust_list_sign(&c.parts, &one.tl.signer, NOW, &cwt).code, LW_OK);
        assert_int_equal(wallet_trust_list_read(lw_buf_view(&cwt), &expect, &list, &trust).code,
                         LW_OK);
        assert_non_null(wallet_trust_authority(trust, wallet_trust_at(trust, 1), &count));
        assert_int_equal(count, one_authority == 1 ? 2 : 1);
        (void)wallet_trust_anchors(trust, &count);
        assert_int_equal(count, 2);
    }
}

/* The story of a rollover: the successor is announced, pinned, and then signs alone. */
static void a_successor_signs_once_it_is_pinned(void **state)
{
    (void)state;
    struct contents c;
    LW_AUTO_BUF cwt = LW_BUF(LIST_MAX);
    struct wallet_trust_list list;
    struct wallet_trust_list_expect expect = expectation();
    fill(&c);
    assert_int_equal(wallet_trust_list_sign(&c.parts, &two.tl.signer, NOW, &cwt).code, LW_OK);
    for (size_t count = 1; count <= 2; count++) {
        WALLET_AUTO_TRUST trust = NULL;
        expect.pin_count = count;
        assert_int_equal(wallet_trust_list_read(lw_buf_view(&cwt), &expect, &list, &trust).code,
                         count == 1 ? LW_E_UNTRUSTED : LW_OK);
    }
    assert_memory_equal(list.pin, pins[1], WALLET_PIN_LEN);
}

static void the_grace_is_exact_and_said(void **state)
{
    static const struct {
        int64_t after; /* seconds from exp */
        lw_code code;
        bool in_grace;
    } cases[] = {
        {-1, LW_OK, false},
        {0, LW_OK, true},
        {WALLET_TRUST_LIST_GRACE_S - 1, LW_OK, true},
        {WALLET_TRUST_LIST_GRACE_S, LW_E_EXPIRED, true},
    };
    (void)state;
    struct contents c;
    LW_AUTO_BUF cwt = LW_BUF(LIST_MAX);
    fill(&c);
    assert_int_equal(wallet_trust_list_sign(&c.parts, &one.tl.signer, NOW, &cwt).code, LW_OK);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        WALLET_AUTO_TRUST trust = NULL;
        struct wallet_trust_list list;
        struct wallet_trust_list_expect expect = expectation();
        expect.now = NOW + WALLET_TRUST_LIST_LIFE_S + cases[i].after;
        assert_int_equal(wallet_trust_list_read(lw_buf_view(&cwt), &expect, &list, &trust).code,
                         cases[i].code);
        assert_int_equal(list.in_grace, cases[i].in_grace);
    }
}

/* A28: each other key of the authority; A30: outside the signer's time. */
static void only_a_trust_list_key_within_its_time_signs(void **state)
{
    (void)state;
    struct contents c;
    LW_AUTO_BUF cwt = LW_BUF(LIST_MAX);
    const struct hsm_signer *const others[] = {&one.ca.signer, &one.ds.signer, &one.status.signer};
    struct hsm_signer ending = one.tl.signer;
    ending.not_after = NOW;
    fill(&c);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(wallet_trust_list_sign(&c.parts, others[i], NOW, &cwt).code, LW_E_DENIED);
    }
    assert_int_equal(wallet_trust_list_sign(&c.parts, &ending, NOW, &cwt).code, LW_E_EXPIRED);
    assert_int_equal(wallet_trust_list_sign(&c.parts, &ending, NOW - 1, &cwt).code, LW_OK);
}

static void bend_parts(int bend, struct contents *c)
{
    static const uint8_t kid[WALLET_KID_LEN] = {1};
    switch (bend) {
    case 0:
        c->parts.version = 0;
        break;
    case 1:
        c->parts.exp = c->parts.iat;
        break;
    case 2:
        c->parts.iat = -1;
        break;
    case 3:
        c->parts.next_pin_count = WALLET_PINS_MAX + 1;
        break;
    case 4:
        c->entries[0].kid = kid;
        break;
    case 5:
        c->entries[1].cert = c->entries[0].cert; /* twice */
        break;
    case 6:
        c->entries[0].cert = lw_buf_view(&one.status.cert);
        break;
    case 7:
        c->anchors[1] = c->anchors[0];
        break;
    default:
        c->anchors[1] = lw_buf_view(&two.ds.cert);
        break;
    }
}

static void a_list_that_no_reader_would_take_is_not_signed(void **state)
{
    (void)state;
    for (int bend = 0; bend < 9; bend++) {
        struct contents c;
        LW_AUTO_BUF cwt = LW_BUF(LIST_MAX);
        fill(&c);
        bend_parts(bend, &c);
        assert_int_equal(wallet_trust_list_sign(&c.parts, &one.tl.signer, NOW, &cwt).code,
                         bend == 3 ? LW_E_LIMIT : LW_E_VALUE);
        assert_int_equal(cwt.len, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_pin_hashes_the_der_public_key),
        cmocka_unit_test(a_signed_list_is_read_again_whole),
        cmocka_unit_test(an_empty_list_is_a_list),
        cmocka_unit_test(a_joined_anchor_is_the_same_authoritys),
        cmocka_unit_test(certificates_of_one_authority_stay_one),
        cmocka_unit_test(a_successor_signs_once_it_is_pinned),
        cmocka_unit_test(the_grace_is_exact_and_said),
        cmocka_unit_test(only_a_trust_list_key_within_its_time_signs),
        cmocka_unit_test(a_list_that_no_reader_would_take_is_not_signed),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
