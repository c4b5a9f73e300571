#include "hsm/shamir.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"
#include "hsm/rng.h"

static lw_err fill_known(void *ctx, uint8_t *out, size_t n)
{
    memset(out, *(const uint8_t *)ctx, n);
    return LW_SUCCESS;
}

static lw_err fill_nothing(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx;
    (void)out;
    (void)n;
    return LW_FAIL(LW_E_CRYPTO, "test: no random bytes", LW_NOWHERE);
}

/* With secret 0 and threshold 2 the share of x is coefficient times x. */
static void products_of_the_field_are_those_of_fips_197(void **state)
{
    static const struct {
        uint8_t coefficient;
        uint8_t index;
        uint8_t product;
    } answers[] = {
        {0x57, 0x83, 0xc1}, /* FIPS 197 section 4.2 */
        {0x57, 0x13, 0xfe}, /* section 4.2.1, as the three below */
        {0x57, 0x02, 0xae}, {0x57, 0x04, 0x47}, {0x57, 0x10, 0x07},
        {0xff, 0x01, 0xff}, {0x00, 0xff, 0x00},
    };
    static const uint8_t zero[HSM_SHAMIR_LEN] = {0};
    static struct hsm_shamir_share shares[HSM_SHAMIR_MAX];
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        uint8_t coefficient = answers[i].coefficient;
        const struct lw_rng rng = {.fill = fill_known, .ctx = &coefficient};
        assert_int_equal(hsm_shamir_split(zero, 2, HSM_SHAMIR_MAX, &rng, shares).code, LW_OK);
        const struct hsm_shamir_share *share = &shares[answers[i].index - 1];
        assert_int_equal(share->index, answers[i].index);
        assert_int_equal(share->value[0], answers[i].product);
        assert_int_equal(share->value[HSM_SHAMIR_LEN - 1], answers[i].product);
    }
}

static void every_factor_has_its_inverse(void **state)
{
    static struct hsm_shamir_share shares[HSM_SHAMIR_MAX];
    uint8_t secret[HSM_SHAMIR_LEN];
    uint8_t found[HSM_SHAMIR_LEN];
    (void)state;
    memset(secret, 0xa5, sizeof(secret));
    assert_int_equal(hsm_shamir_split(secret, 2, HSM_SHAMIR_MAX, hsm_rng_system(), shares).code,
                     LW_OK);
    for (size_t i = 1; i < HSM_SHAMIR_MAX; i++) { /* divides by 1 + x for every x */
        const struct hsm_shamir_share two[] = {shares[0], shares[i]};
        assert_int_equal(hsm_shamir_join(two, 2, found).code, LW_OK);
        assert_memory_equal(found, secret, sizeof(secret));
    }
}

static size_t pick(const struct hsm_shamir_share *from, unsigned set,
                   struct hsm_shamir_share *picked)
{
    size_t count = 0;
    for (size_t i = 0; i < 5; i++) {
        if ((set >> i & 1U) != 0) {
            picked[count++] = from[i];
        }
    }
    return count;
}

static void any_k_of_n_give_the_secret_and_fewer_another(void **state)
{
    (void)state;
    for (size_t k = 2; k <= 5; k++) {
        struct hsm_shamir_share shares[5];
        uint8_t secret[HSM_SHAMIR_LEN];
        uint8_t found[HSM_SHAMIR_LEN];
        assert_int_equal(lw_rng_fill(hsm_rng_system(), secret, sizeof(secret)).code, LW_OK);
        assert_int_equal(hsm_shamir_split(secret, k, 5, hsm_rng_system(), shares).code, LW_OK);
        for (unsigned set = 1; set < 32; set++) {
            struct hsm_shamir_share picked[5];
            const size_t count = pick(shares, set, picked);
            assert_int_equal(hsm_shamir_join(picked, count, found).code, LW_OK);
            assert_int_equal(memcmp(found, secret, sizeof(secret)) == 0, count >= k);
        }
    }
}

static void a_share_that_was_altered_gives_another_secret(void **state)
{
    struct hsm_shamir_share shares[3];
    uint8_t secret[HSM_SHAMIR_LEN];
    uint8_t found[HSM_SHAMIR_LEN];
    (void)state;
    memset(secret, 7, sizeof(secret));
    assert_int_equal(hsm_shamir_split(secret, 3, 3, hsm_rng_system(), shares).code, LW_OK);
    shares[1].value[31] ^= 1;
    assert_int_equal(hsm_shamir_join(shares, 3, found).code, LW_OK);
    assert_memory_equal(found, secret, 31);
    assert_int_not_equal(found[31], secret[31]);
}

static void numbers_that_do_not_go_together_are_refused(void **state)
{
    static struct hsm_shamir_share shares[HSM_SHAMIR_MAX + 1];
    uint8_t secret[HSM_SHAMIR_LEN] = {1};
    const struct lw_rng none = {.fill = fill_nothing};
    (void)state;
    assert_int_equal(hsm_shamir_split(secret, 1, 3, hsm_rng_system(), shares).code, LW_E_VALUE);
    assert_int_equal(hsm_shamir_split(secret, 4, 3, hsm_rng_system(), shares).code, LW_E_VALUE);
    assert_int_equal(hsm_shamir_split(secret, 2, 256, hsm_rng_system(), shares).code, LW_E_VALUE);
    assert_int_equal(hsm_shamir_split(secret, 2, 3, &none, shares).code, LW_E_CRYPTO);
    assert_int_equal(hsm_shamir_split(secret, 2, 3, hsm_rng_system(), shares).code, LW_OK);
    assert_int_equal(hsm_shamir_join(shares, 0, secret).code, LW_E_VALUE);
    assert_int_equal(hsm_shamir_join(shares, HSM_SHAMIR_MAX + 1, secret).code, LW_E_VALUE);
    shares[1].index = shares[0].index;
    assert_int_equal(hsm_shamir_join(shares, 2, secret).code, LW_E_VALUE);
    shares[1].index = 0;
    assert_int_equal(hsm_shamir_join(shares, 2, secret).code, LW_E_VALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_of_the_field_are_those_of_fips_197),
        cmocka_unit_test(every_factor_has_its_inverse),
        cmocka_unit_test(any_k_of_n_give_the_secret_and_fewer_another),
        cmocka_unit_test(a_share_that_was_altered_gives_another_secret),
        cmocka_unit_test(numbers_that_do_not_go_together_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
