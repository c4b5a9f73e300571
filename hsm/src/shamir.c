#include "hsm/shamir.h"

#include <openssl/crypto.h>

static lw_err bad_numbers(void)
{
    return LW_FAIL(LW_E_VALUE, "shares: numbers that do not go together", LW_NOWHERE);
}

/* FIPS 197 section 4.2, by masks: no branch and no look-up depends on a factor. */
static uint8_t times(uint8_t a, uint8_t b)
{
    unsigned factor = a;
    unsigned product = 0;
    for (unsigned bit = 0; bit < 8; bit++) {
        product ^= factor & (0U - ((unsigned)b >> bit & 1U));
        factor = factor << 1 ^ (0x11bU & (0U - (factor >> 7 & 1U)));
    }
    return (uint8_t)product;
}

/* a^254, which is the inverse of every a but 0. */
static uint8_t inverse(uint8_t a)
{
    uint8_t power = a;
    for (unsigned i = 0; i < 6; i++) {
        power = times(times(power, power), a); /* a^3, a^7, ... a^127 */
    }
    return times(power, power);
}

/* Horner's rule: `higher` are the coefficients above the secret, the highest first. */
static void evaluate(const uint8_t *secret, const uint8_t *higher, size_t degree,
                     struct hsm_shamir_share *share)
{
    for (size_t i = 0; i < HSM_SHAMIR_LEN; i++) {
        uint8_t y = 0;
        for (size_t c = 0; c < degree; c++) {
            y = times((uint8_t)(y ^ higher[c * HSM_SHAMIR_LEN + i]), share->index);
        }
        share->value[i] = (uint8_t)(y ^ secret[i]);
    }
}

lw_err hsm_shamir_split(const uint8_t secret[HSM_SHAMIR_LEN], size_t threshold, size_t count,
                        const struct lw_rng *rng, struct hsm_shamir_share *shares)
{
    uint8_t higher[(HSM_SHAMIR_MAX - 1) * HSM_SHAMIR_LEN];
    if (threshold < 2 || threshold > count || count > HSM_SHAMIR_MAX) {
        return bad_numbers();
    }
    const size_t degree = threshold - 1;
    const lw_err err = lw_rng_fill(rng, higher, degree * HSM_SHAMIR_LEN);
    for (size_t i = 0; i < count && err.code == LW_OK; i++) {
        shares[i].index = (uint8_t)(i + 1);
        evaluate(secret, higher, degree, &shares[i]);
    }
    OPENSSL_cleanse(higher, sizeof(higher));
    return err;
}

static lw_err check(const struct hsm_shamir_share *shares, size_t count)
{
    if (count == 0 || count > HSM_SHAMIR_MAX) {
        return bad_numbers();
    }
    for (size_t i = 0; i < count; i++) {
        bool bad = shares[i].index == 0;
        for (size_t j = 0; j < i; j++) {
            bad = bad || shares[j].index == shares[i].index;
        }
        if (bad) {
            return bad_numbers();
        }
    }
    return LW_SUCCESS;
}

/* Lagrange's polynomial of share `i` at 0; in this field minus is plus. */
static uint8_t weight(const struct hsm_shamir_share *shares, size_t count, size_t i)
{
    uint8_t over = 1;
    uint8_t under = 1;
    for (size_t j = 0; j < count; j++) {
        if (j != i) {
            over = times(over, shares[j].index);
            under = times(under, shares[j].index ^ shares[i].index);
        }
    }
    return times(over, inverse(under));
}

lw_err hsm_shamir_join(const struct hsm_shamir_share *shares, size_t count,
                       uint8_t secret[HSM_SHAMIR_LEN])
{
    LW_TRY(check(shares, count));
    memset(secret, 0, HSM_SHAMIR_LEN);
    for (size_t i = 0; i < count; i++) {
        const uint8_t w = weight(shares, count, i);
        for (size_t b = 0; b < HSM_SHAMIR_LEN; b++) {
            secret[b] = (uint8_t)(secret[b] ^ times(shares[i].value[b], w));
        }
    }
    return LW_SUCCESS;
}
