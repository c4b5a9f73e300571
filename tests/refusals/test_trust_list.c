/*
 * A27, F7: a trust list bent in one place and signed again, so that only the rule it breaks can
 * refuse it (specs/qr.md section 6).
 */
#include "wallet/trust_list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "authority.h"
#include "bytes.h"
#include "lw/clock.h"
#include "signed.h"
#include "wallet/cose.h"

enum { NOW = 1795086400, LIST_MAX = 1 << 16 };

static struct support_authority authority;
static uint8_t pin[1][WALLET_PIN_LEN];

/* The list in its items; what is empty is left out. */
enum item {
    ALG,
    KID,
    KCCS,
    TYP,
    UNPROTECTED,
    ISS,
    EXP,
    IAT,
    TTL,
    VERSION,
    ENTRIES,
    ANCHORS,
    NEXT_PINS,
    E_KID,
    E_CERT,
    E_VCTS,
    E_NOT_AFTER,
    E_STATE,
    E_SINCE,
    E_PREFIXES,
    SHELL,
    TAIL,
    PAYLOAD, /* instead of the claims */
    ITEM_COUNT,
};

struct bent_list {
    lw_buf item[ITEM_COUNT];
};

static const char *const whole[ITEM_COUNT] = {
    [ALG] = "28",          [TYP] = "73 6170706c69636174696f6e2f6c746c2b637774",
    [UNPROTECTED] = "a0",  [ISS] = "64 43697479",
    [EXP] = "1a 6b0812c0", /* NOW + 7 days */
    [IAT] = "1a 6afed840", /* NOW */
    [TTL] = "190e10",      [VERSION] = "07",
    [E_VCTS] = "81 61 78", [E_NOT_AFTER] = "1a 6b0812c0",
    [E_STATE] = "00",      [E_PREFIXES] = "81 69 68747470733a2f2f78", /* https://x */
    [SHELL] = "d2",
};

static int set_up(void **state)
{
    (void)state;
    support_authority_init(&authority, "agency-1", NOW);
    return wallet_trust_pin(&authority.tl.signer.key, pin[0]).code == LW_OK ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    support_authority_free(&authority);
    return 0;
}

static void must(lw_err err)
{
    assert_int_equal(err.code, LW_OK);
}

static void put_key(const struct hsm_public_key *key, struct bent_list *b)
{
    uint8_t own[WALLET_PIN_LEN];
    must(wallet_trust_pin(key, own));
    lw_buf_truncate(&b->item[KID], 0);
    lw_buf_truncate(&b->item[KCCS], 0);
    must(wallet_cbor_put_bytes(&b->item[KID], (lw_bytes){.ptr = own, .len = 8}));
    support_hex("a1 08 a1 01", &b->item[KCCS]);
    must(wallet_cose_key_put(key, false, &b->item[KCCS]));
}

static void put_cert(const struct support_key *key, struct bent_list *b)
{
    lw_buf_truncate(&b->item[E_KID], 0);
    lw_buf_truncate(&b->item[E_CERT], 0);
    must(wallet_cbor_put_bytes(&b->item[E_KID], (lw_bytes){.ptr = key->signer.kid, .len = 8}));
    must(wallet_cbor_put_bytes(&b->item[E_CERT], lw_buf_view(&key->cert)));
}

static void bent_init(struct bent_list *b)
{
    for (size_t i = 0; i < ITEM_COUNT; i++) {
        b->item[i] = LW_BUF(LIST_MAX);
        if (whole[i] != NULL) {
            support_hex(whole[i], &b->item[i]);
        }
    }
    put_key(&authority.tl.signer.key, b);
    put_cert(&authority.ds, b);
    support_hex("81", &b->item[ANCHORS]);
    must(wallet_cbor_put_bytes(&b->item[ANCHORS], lw_buf_view(&authority.ca.cert)));
}

static void bent_free(struct bent_list *b)
{
    for (size_t i = 0; i < ITEM_COUNT; i++) {
        lw_buf_free(&b->item[i]);
    }
}

static void bent_set(struct bent_list *b, enum item item, const char *hex)
{
    lw_buf_truncate(&b->item[item], 0);
    support_hex(hex, &b->item[item]);
}

static struct support_pair pair_of(const struct bent_list *b, const char *key, size_t key_len,
                                   enum item item)
{
    return (struct support_pair){.key = {.ptr = (const uint8_t *)key, .len = key_len},
                                 .value = lw_buf_view(&b->item[item])};
}

static void put_claims(const struct bent_list *b, lw_buf *out)
{
    LW_AUTO_BUF entries = LW_BUF(LIST_MAX);
    const struct support_pair entry[] = {
        pair_of(b, "\x01", 1, E_KID),      pair_of(b, "\x02", 1, E_CERT),
        pair_of(b, "\x03", 1, E_VCTS),     pair_of(b, "\x04", 1, E_NOT_AFTER),
        pair_of(b, "\x05", 1, E_STATE),    pair_of(b, "\x06", 1, E_SINCE),
        pair_of(b, "\x07", 1, E_PREFIXES), pair_of(b, "\x18\x63", 2, E_STATE), /* passed over */
    };
    support_hex("81", &entries);
    support_map(entry, sizeof(entry) / sizeof(entry[0]), &entries);
    struct support_pair claims[] = {
        pair_of(b, "\x01", 1, ISS),
        pair_of(b, "\x04", 1, EXP),
        pair_of(b, "\x06", 1, IAT),
        pair_of(b, "\x19\xff\xfe", 3, TTL),
        pair_of(b, "\x3a\x00\x01\x11\xd3", 5, VERSION),
        pair_of(b, "\x3a\x00\x01\x11\xd4", 5, ENTRIES),
        pair_of(b, "\x3a\x00\x01\x11\xd5", 5, ANCHORS),
        pair_of(b, "\x3a\x00\x01\x11\xd6", 5, NEXT_PINS),
        pair_of(b, "\x3a\x00\x01\x11\xff", 5, ISS), /* passed over */
    };
    if (claims[5].value.len == 0) {
        claims[5].value = lw_buf_view(&entries);
    }
    support_map(claims, sizeof(claims) / sizeof(claims[0]), out);
}

static void bent_build(const struct bent_list *b, const struct hsm_signer *signer, lw_buf *out)
{
    LW_AUTO_BUF protected = LW_BUF(LIST_MAX);
    LW_AUTO_BUF claims = LW_BUF(LIST_MAX);
    const struct support_pair header[] = {pair_of(b, "\x01", 1, ALG), pair_of(b, "\x04", 1, KID),
                                          pair_of(b, "\x0e", 1, KCCS), pair_of(b, "\x10", 1, TYP)};
    support_map(header, 4, &protected);
    if (b->item[PAYLOAD].len > 0) {
        must(lw_buf_put(&claims, lw_buf_view(&b->item[PAYLOAD])));
    } else {
        put_claims(b, &claims);
    }
    must(lw_buf_put(out, lw_buf_view(&b->item[SHELL])));
    support_cose(lw_buf_view(&protected), lw_buf_view(&b->item[UNPROTECTED]), lw_buf_view(&claims),
                 signer, out);
    must(lw_buf_put(out, lw_buf_view(&b->item[TAIL])));
}

static struct wallet_trust_list_expect expectation(void)
{
    return (struct wallet_trust_list_expect){.pins = (const uint8_t(*)[WALLET_PIN_LEN])pin,
                                             .pin_count = 1,
                                             .now = NOW,
                                             .skew_s = 60,
                                             .grace_s = 100};
}

static lw_err read_with(lw_bytes cwt, const struct wallet_trust_list_expect *expect)
{
    struct wallet_trust_list list;
    struct wallet_trust *trust = NULL;
    const lw_err err = wallet_trust_list_read(cwt, expect, &list, &trust);
    assert_int_equal(err.code == LW_OK, trust != NULL);
    wallet_trust_free(trust);
    return err;
}

static lw_err read_bent(const struct bent_list *b, const struct hsm_signer *signer)
{
    LW_AUTO_BUF cwt = LW_BUF(LIST_MAX);
    const struct wallet_trust_list_expect expect = expectation();
    bent_build(b, signer, &cwt);
    return read_with(lw_buf_view(&cwt), &expect);
}

static lw_err read_item(enum item item, const char *hex)
{
    struct bent_list b;
    bent_init(&b);
    bent_set(&b, item, hex);
    const lw_err err = read_bent(&b, &authority.tl.signer);
    bent_free(&b);
    return err;
}

/* The reason is compared too: the code alone could come from another rule. */
static void assert_refused(lw_err err, lw_code code, const char *why)
{
    if (err.code != code || err.why == NULL || strstr(err.why, why) == NULL) {
        print_error("expected %s (%s), got %s (%s)\n", lw_code_name(code), why,
                    lw_code_name(err.code), err.why == NULL ? "" : err.why);
    }
    assert_int_equal(err.code, code);
    assert_non_null(strstr(err.why, why));
}

static void a_whole_list_is_read(void **state)
{
    (void)state;
    assert_int_equal(read_item(SHELL, "d2").code, LW_OK);
    assert_int_equal(read_item(ALG, "26").code, LW_OK); /* -7 */
    assert_int_equal(read_item(ANCHORS, "").code, LW_OK);
    assert_int_equal(read_item(E_PREFIXES, "").code, LW_OK);
    assert_int_equal(read_item(E_VCTS, "80").code, LW_OK);
    assert_int_equal(read_item(E_SINCE, "00").code, LW_OK);
    assert_int_equal(read_item(IAT, "1a 6afed87c").code, LW_OK); /* 60 s ahead */
    assert_int_equal(read_item(ENTRIES, "80").code, LW_OK);
}

static void each_bent_item_is_refused(void **state)
{
    static const struct {
        enum item item;
        const char *hex;
        lw_code code;
        const char *why;
    } cases[] = {
        {SHELL, "", LW_E_SYNTAX, "cose"},
        {SHELL, "d83d d2", LW_E_SYNTAX, "cose"},
        {SHELL, "d1", LW_E_SYNTAX, "cose"},
        {TAIL, "00", LW_E_SYNTAX, ""},
        {ALG, "", LW_E_UNSUPPORTED, "cose"},
        {ALG, "05", LW_E_UNSUPPORTED, "cose"},
        {ALG, "3822", LW_E_UNSUPPORTED, "cose"},
        {KID, "", LW_E_VALUE, "kid"},
        {KID, "48 0000000000000000", LW_E_VALUE, "kid"},
        {KCCS, "", LW_E_SYNTAX, ""},
        {KCCS, "a0", LW_E_SYNTAX, ""},
        {KCCS, "a1 08 a0", LW_E_SYNTAX, ""},
        {KCCS, "a1 08 a1 01 00", LW_E_SYNTAX, ""},
        {TYP, "", LW_E_UNSUPPORTED, "typ"},
        {TYP, "190125", LW_E_UNSUPPORTED, "typ"},
        {TYP, "73 6170706c69636174696f6e2f6c746c2b4a5754", LW_E_UNSUPPORTED, "typ"},
        {UNPROTECTED, "a1 18 63 00", LW_E_VALUE, "unprotected"},
        {ISS, "", LW_E_VALUE, "issuer"},
        {ISS, "01", LW_E_VALUE, "issuer"},
        {IAT, "", LW_E_VALUE, "time is missing"},
        {IAT, "20", LW_E_VALUE, "not in order"},
        {IAT, "f9 0000", LW_E_VALUE, "time is missing"},
        {IAT, "1a 6afed87d", LW_E_EXPIRED, "dated ahead"}, /* 61 s */
        {EXP, "", LW_E_VALUE, "time is missing"},
        {EXP, "61 78", LW_E_VALUE, "time is missing"},
        {EXP, "1a 6afed840", LW_E_VALUE, "not in order"}, /* iat itself */
        {TTL, "", LW_E_VALUE, "time is missing"},
        {TTL, "20", LW_E_VALUE, "time is missing"},
        {VERSION, "", LW_E_VALUE, "version"},
        {VERSION, "00", LW_E_VALUE, "version"},
        {VERSION, "20", LW_E_VALUE, "version"},
        {ENTRIES, "a0", LW_E_VALUE, "entries"},
        {ENTRIES, "81 00", LW_E_VALUE, "without certificate"},
        {ANCHORS, "00", LW_E_VALUE, "anchors"},
        {ANCHORS, "81 00", LW_E_VALUE, "anchors"},
        {ANCHORS, "81 41 00", LW_E_SYNTAX, ""},
        {NEXT_PINS, "00", LW_E_VALUE, "pins"},
        {NEXT_PINS, "81 41 00", LW_E_VALUE, "pin is no"},
        {NEXT_PINS, "81 00", LW_E_VALUE, "pin is no"},
        {NEXT_PINS, "89 40 40 40 40 40 40 40 40 40", LW_E_LIMIT, "too many pins"},
        {E_KID, "", LW_E_VALUE, "kid"},
        {E_KID, "48 0000000000000000", LW_E_VALUE, "kid"},
        {E_CERT, "", LW_E_VALUE, "without certificate"},
        {E_CERT, "01", LW_E_VALUE, "without certificate"},
        {E_VCTS, "", LW_E_VALUE, "no texts"},
        {E_VCTS, "81 01", LW_E_VALUE, "no texts"},
        {E_VCTS, "81 60", LW_E_VALUE, "type is empty"},
        {E_NOT_AFTER, "", LW_E_VALUE, "end or state"},
        {E_NOT_AFTER, "f6", LW_E_VALUE, "end or state"},
        {E_STATE, "", LW_E_VALUE, "end or state"},
        {E_STATE, "03", LW_E_VALUE, "end or state"},
        {E_STATE, "20", LW_E_VALUE, "end or state"},
        {E_STATE, "1b 0000000100000000", LW_E_VALUE, "end or state"},
        {E_SINCE, "60", LW_E_VALUE, "revoked_since"},
        {E_PREFIXES, "00", LW_E_VALUE, "no texts"},
        {E_PREFIXES, "81 61 78", LW_E_VALUE, "prefix"},
        {E_PREFIXES, "89 60 60 60 60 60 60 60 60 60", LW_E_LIMIT, "too many"},
        {PAYLOAD, "80", LW_E_VALUE, "issuer"},
        {PAYLOAD, "a2 01 60 01 60", LW_E_SYNTAX, ""},
        {PAYLOAD, "a0 00", LW_E_SYNTAX, ""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_refused(read_item(cases[i].item, cases[i].hex), cases[i].code, cases[i].why);
    }
}

/* A key of a stranger, with his name, with ours, and his signature under our key. */
static void a_list_by_a_stranger_is_refused(void **state)
{
    (void)state;
    struct support_authority stranger;
    struct bent_list b;
    support_authority_init(&stranger, "agency-1", NOW);
    bent_init(&b);
    assert_refused(read_bent(&b, &stranger.tl.signer), LW_E_SIGNATURE, "");
    put_key(&stranger.tl.signer.key, &b);
    assert_refused(read_bent(&b, &stranger.tl.signer), LW_E_UNTRUSTED, "not pinned");
    assert_refused(read_bent(&b, &authority.tl.signer), LW_E_UNTRUSTED, "not pinned");
    bent_free(&b);
    support_authority_free(&stranger);
}

/* A28: the authority's other keys are not pinned either. */
static void a_list_by_another_key_of_the_authority_is_refused(void **state)
{
    (void)state;
    const struct support_key *const keys[] = {&authority.ca, &authority.ds, &authority.status};
    for (size_t i = 0; i < 3; i++) {
        struct bent_list b;
        bent_init(&b);
        put_key(&keys[i]->signer.key, &b);
        assert_refused(read_bent(&b, &keys[i]->signer), LW_E_UNTRUSTED, "not pinned");
        bent_free(&b);
    }
}

/* A28: what is no issuer's certificate makes no issuer, whatever the list says. */
static void an_entry_with_a_certificate_for_another_use_is_refused(void **state)
{
    (void)state;
    const struct support_key *const keys[] = {&authority.ca, &authority.status};
    for (size_t i = 0; i < 2; i++) {
        struct bent_list b;
        bent_init(&b);
        put_cert(keys[i], &b);
        assert_refused(read_bent(&b, &authority.tl.signer), LW_E_VALUE, "issuer has");
        bent_free(&b);
    }
}

static void an_anchor_that_is_no_ca_is_refused(void **state)
{
    (void)state;
    struct bent_list b;
    bent_init(&b);
    bent_set(&b, ANCHORS, "81");
    must(wallet_cbor_put_bytes(&b.item[ANCHORS], lw_buf_view(&authority.ds.cert)));
    assert_refused(read_bent(&b, &authority.tl.signer), LW_E_VALUE, "anchor is no CA");
    bent_free(&b);
}

static void an_issuer_named_twice_is_refused(void **state)
{
    (void)state;
    struct bent_list b;
    LW_AUTO_BUF claims = LW_BUF(LIST_MAX);
    bent_init(&b);
    put_claims(&b, &claims);
    /* The one entry, doubled: everything before the key of ENTRIES stays as it is. */
    struct wallet_cbor r =
        wallet_cbor_reader(wallet_cbor_map_get_int(lw_buf_view(&claims), -70101));
    assert_int_equal(wallet_cbor_array(&r), 1);
    const lw_bytes entry = wallet_cbor_item(&r);
    must(wallet_cbor_put_array(&b.item[ENTRIES], 2));
    must(wallet_cbor_put_raw(&b.item[ENTRIES], entry));
    must(wallet_cbor_put_raw(&b.item[ENTRIES], entry));
    assert_refused(read_bent(&b, &authority.tl.signer), LW_E_VALUE, "twice");
    bent_free(&b);
}

/* A27, F7: roll-back, and two lists of one version. */
static void a_list_that_takes_back_the_one_held_is_refused(void **state)
{
    (void)state;
    struct bent_list b;
    LW_AUTO_BUF cwt = LW_BUF(LIST_MAX);
    uint8_t id[HSM_SHA256_LEN];
    uint8_t other[HSM_SHA256_LEN] = {0};
    bent_init(&b);
    bent_build(&b, &authority.tl.signer, &cwt);
    must(hsm_sha256(lw_buf_view(&cwt), id));
    const struct {
        uint64_t version;
        const uint8_t *held;
        lw_code code;
    } cases[] = {
        {0, NULL, LW_OK},          {6, other, LW_OK},      {7, id, LW_OK},
        {7, other, LW_E_CONFLICT}, {8, id, LW_E_CONFLICT}, {UINT64_MAX, NULL, LW_E_CONFLICT},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct wallet_trust_list_expect expect = expectation();
        expect.held_version = cases[i].version;
        expect.held_id = cases[i].held;
        assert_int_equal(read_with(lw_buf_view(&cwt), &expect).code, cases[i].code);
    }
    bent_free(&b);
}

static void a_list_past_its_grace_is_refused(void **state)
{
    (void)state;
    struct bent_list b;
    LW_AUTO_BUF cwt = LW_BUF(LIST_MAX);
    struct wallet_trust_list_expect expect = expectation();
    bent_init(&b);
    bent_build(&b, &authority.tl.signer, &cwt);
    expect.now = NOW + 7 * LW_DAY_S + 99;
    assert_int_equal(read_with(lw_buf_view(&cwt), &expect).code, LW_OK);
    expect.now++;
    assert_refused(read_with(lw_buf_view(&cwt), &expect), LW_E_EXPIRED, "past its end");
    bent_free(&b);
}

static void any_byte_changed_is_refused(void **state)
{
    (void)state;
    struct bent_list b;
    LW_AUTO_BUF cwt = LW_BUF(LIST_MAX);
    const struct wallet_trust_list_expect expect = expectation();
    bent_init(&b);
    bent_build(&b, &authority.tl.signer, &cwt);
    for (size_t i = 0; i < cwt.len; i++) {
        cwt.ptr[i] ^= 1;
        assert_int_not_equal(read_with(lw_buf_view(&cwt), &expect).code, LW_OK);
        cwt.ptr[i] ^= 1;
    }
    for (size_t len = 0; len < cwt.len; len++) {
        const lw_bytes cut = {.ptr = cwt.ptr, .len = len};
        assert_int_not_equal(read_with(cut, &expect).code, LW_OK);
    }
    bent_free(&b);
}

static void a_list_beyond_the_bound_is_refused(void **state)
{
    (void)state;
    const struct wallet_trust_list_expect expect = expectation();
    uint8_t *large = calloc(1, WALLET_TRUST_LIST_MAX + 1);
    assert_non_null(large);
    const lw_bytes cwt = {.ptr = large, .len = WALLET_TRUST_LIST_MAX + 1};
    assert_refused(read_with(cwt, &expect), LW_E_LIMIT, "too large");
    free(large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_list_is_read),
        cmocka_unit_test(each_bent_item_is_refused),
        cmocka_unit_test(a_list_by_a_stranger_is_refused),
        cmocka_unit_test(a_list_by_another_key_of_the_authority_is_refused),
        cmocka_unit_test(an_entry_with_a_certificate_for_another_use_is_refused),
        cmocka_unit_test(an_anchor_that_is_no_ca_is_refused),
        cmocka_unit_test(an_issuer_named_twice_is_refused),
        cmocka_unit_test(a_list_that_takes_back_the_one_held_is_refused),
        cmocka_unit_test(a_list_past_its_grace_is_refused),
        cmocka_unit_test(any_byte_changed_is_refused),
        cmocka_unit_test(a_list_beyond_the_bound_is_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
