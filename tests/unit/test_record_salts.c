/* Salts of a license's claims, which follow from one seed. */
#include "wallet/record.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"

static struct wallet_license with_seed(uint8_t first, size_t claims)
{
    struct wallet_license l = {.claim_count = claims};
    for (size_t i = 0; i < WALLET_SALT_SEED_LEN; i++) {
        l.salt_seed[i] = (uint8_t)(first + i);
    }
    assert_int_equal(wallet_record_derive_salts(&l).code, LW_OK);
    return l;
}

/* HKDF-SHA-256 (RFC 5869) without salt of 00..1f, with the header's use as info; made with
 * Python's hmac and hashlib. */
static void salts_are_those_of_hkdf(void **state)
{
    (void)state;
    LW_AUTO_BUF expected = LW_BUF(64);
    const struct wallet_license l = with_seed(0, 3);
    support_hex("b8f40699c520394d3c4cf00f43a70af681586340003933d4ad6a8c826a510766"
                "d5f0b035899754ac5049580592d5c911",
                &expected);
    for (size_t i = 0; i < 3; i++) {
        assert_memory_equal(l.claims[i].salt, expected.ptr + i * WALLET_SALT_LEN, WALLET_SALT_LEN);
    }
}

static void a_seed_gives_the_same_salts_and_another_seed_others(void **state)
{
    (void)state;
    const struct wallet_license one = with_seed(0, WALLET_CLAIMS_MAX);
    const struct wallet_license again = with_seed(0, WALLET_CLAIMS_MAX);
    const struct wallet_license other = with_seed(1, WALLET_CLAIMS_MAX);
    for (size_t i = 0; i < WALLET_CLAIMS_MAX; i++) {
        assert_memory_equal(one.claims[i].salt, again.claims[i].salt, WALLET_SALT_LEN);
        assert_memory_not_equal(one.claims[i].salt, other.claims[i].salt, WALLET_SALT_LEN);
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(one.claims[i].salt, one.claims[j].salt, WALLET_SALT_LEN);
        }
    }
}

static void a_license_without_claims_needs_none(void **state)
{
    static const uint8_t none[WALLET_SALT_LEN] = {0};
    (void)state;
    const struct wallet_license l = with_seed(0, 0);
    assert_memory_equal(l.claims[0].salt, none, sizeof(none));
}

static void what_is_drawn_follows_from_the_seed_but_for_holders(void **state)
{
    struct support_rng seed;
    (void)state;
    const struct lw_rng rng = support_rng(&seed, 7);
    struct wallet_license l = {.claim_count = 2, .holder_count = 2};
    assert_int_equal(wallet_record_draw_salts(&l, &rng).code, LW_OK);
    assert_true(l.salts_seeded);
    struct wallet_license derived = l;
    memset(derived.claims, 0, sizeof(derived.claims));
    assert_int_equal(wallet_record_derive_salts(&derived).code, LW_OK);
    assert_memory_equal(derived.claims[1].salt, l.claims[1].salt, WALLET_SALT_LEN);
    assert_memory_not_equal(l.holders[0].salt, l.holders[1].salt, WALLET_SALT_LEN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(salts_are_those_of_hkdf),
        cmocka_unit_test(a_seed_gives_the_same_salts_and_another_seed_others),
        cmocka_unit_test(a_license_without_claims_needs_none),
        cmocka_unit_test(what_is_drawn_follows_from_the_seed_but_for_holders),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
