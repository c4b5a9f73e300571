#include "p256_scalar.h"

#include <gmp.h>

/* On fixed arrays with mpn_ functions, so that nothing is allocated. */
enum { LIMB_LEN = sizeof(mp_limb_t), LIMBS = HSM_SCALAR_LEN / LIMB_LEN };

/* SEC 2 section 2.4.2. */
static const uint8_t field_p[HSM_SCALAR_LEN] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
static const uint8_t order_n[HSM_SCALAR_LEN] = {
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51};

static const uint8_t curve_b[HSM_SCALAR_LEN] = {
    0x5a, 0xc6, 0x35, 0xd8, 0xaa, 0x3a, 0x93, 0xe7, 0xb3, 0xeb, 0xbd, 0x55, 0x76, 0x98, 0x86, 0xbc,
    0x65, 0x1d, 0x06, 0xb0, 0xcc, 0x53, 0xb0, 0xf6, 0x3b, 0xce, 0x3c, 0x3e, 0x27, 0xd2, 0x60, 0x4b};

static void load(const uint8_t *bytes, mp_limb_t number[LIMBS])
{
    for (size_t i = 0; i < LIMBS; i++) {
        mp_limb_t limb = 0;
        for (size_t k = 0; k < LIMB_LEN; k++) {
            limb = limb << 8 | bytes[(LIMBS - 1 - i) * LIMB_LEN + k];
        }
        number[i] = limb;
    }
}

static void store(const mp_limb_t number[LIMBS], uint8_t *bytes)
{
    for (size_t i = 0; i < HSM_SCALAR_LEN; i++) {
        bytes[HSM_SCALAR_LEN - 1 - i] = (uint8_t)(number[i / LIMB_LEN] >> (8 * (i % LIMB_LEN)));
    }
}

/* out = a * b modulo m, whose top bit is set; `out` may be a or b. */
static void multiply(const mp_limb_t *a, const mp_limb_t *b, const mp_limb_t *m, mp_limb_t *out)
{
    const mp_size_t twice = LIMBS + LIMBS;
    mp_limb_t product[2 * LIMBS];
    mp_limb_t quotient[LIMBS + 1];
    mpn_mul_n(product, a, b, LIMBS);
    mpn_tdiv_qr(quotient, out, 0, product, twice, m, LIMBS);
}

/* As GMP wants it: without leading zeros. */
static mp_size_t used(const mp_limb_t *number, mp_size_t limbs)
{
    while (limbs > 0 && number[limbs - 1] == 0) {
        limbs--;
    }
    return limbs;
}

/*
 * out = 1 / a modulo the prime n, for a in [1, n-1]. mpn_gcdext() gives the factor of its first
 * operand and wants that to be the longer one, so it is asked about a + n in place of a.
 */
static void invert(const mp_limb_t *a, const mp_limb_t *n, mp_limb_t *out)
{
    mp_limb_t sum[LIMBS + 2] = {0}; /* one limb more than it holds, as GMP asks */
    mp_limb_t modulus[LIMBS + 1] = {0};
    mp_limb_t gcd[LIMBS + 1];
    mp_limb_t factor[LIMBS + 2] = {0};
    mp_size_t factor_len = 0;
    sum[LIMBS] = mpn_add_n(sum, a, n, LIMBS);
    mpn_copyi(modulus, n, LIMBS);
    (void)mpn_gcdext(gcd, factor, &factor_len, sum, used(sum, LIMBS + 1), modulus, LIMBS);
    const mp_size_t len = factor_len < 0 ? -factor_len : factor_len;
    mpn_zero(factor + len, LIMBS + 2 - len);
    if (factor_len < 0) {
        mpn_sub_n(out, n, factor, LIMBS);
    } else {
        mpn_copyi(out, factor, LIMBS);
    }
}

static bool in_range(const mp_limb_t *number, const mp_limb_t *n)
{
    return used(number, LIMBS) > 0 && mpn_cmp(number, n, LIMBS) < 0;
}

bool hsm_p256_scalars(const uint8_t *digest, const uint8_t *sig, struct hsm_p256_scalars *u)
{
    mp_limb_t n[LIMBS];
    mp_limb_t e[LIMBS];
    mp_limb_t r[LIMBS];
    mp_limb_t s[LIMBS];
    load(order_n, n);
    load(digest, e);
    load(sig, r);
    load(sig + HSM_SCALAR_LEN, s);
    if (!in_range(r, n) || !in_range(s, n)) {
        return false;
    }
    invert(s, n, s);
    multiply(e, s, n, e);
    multiply(r, s, n, r);
    store(e, u->u1);
    store(r, u->u2);
    return true;
}

bool hsm_p256_x_is(const uint8_t *x, const uint8_t *z, const uint8_t *r)
{
    mp_limb_t p[LIMBS];
    mp_limb_t n[LIMBS];
    mp_limb_t want[LIMBS];
    mp_limb_t square[LIMBS];
    mp_limb_t number[LIMBS];
    mp_limb_t scaled[LIMBS];
    load(field_p, p);
    load(order_n, n);
    load(x, want);
    load(z, square);
    load(r, number);
    if (used(square, LIMBS) == 0) {
        return false;
    }
    multiply(square, square, p, square);
    multiply(number, square, p, scaled);
    if (mpn_cmp(scaled, want, LIMBS) == 0) {
        return true;
    }
    if (mpn_add_n(number, number, n, LIMBS) != 0 || mpn_cmp(number, p, LIMBS) >= 0) {
        return false;
    }
    multiply(number, square, p, scaled);
    return mpn_cmp(scaled, want, LIMBS) == 0;
}

/* out = a - b modulo p, for a and b below p. */
static void subtract(const mp_limb_t *a, const mp_limb_t *b, const mp_limb_t *p, mp_limb_t *out)
{
    if (mpn_sub_n(out, a, b, LIMBS) != 0) {
        (void)mpn_add_n(out, out, p, LIMBS);
    }
}

/* out = a^((p + 1) / 4) modulo p: the square root, as p is 3 modulo 4. */
static void take_root(const mp_limb_t *a, const mp_limb_t *p, mp_limb_t *out)
{
    mp_limb_t exponent[LIMBS];
    mp_limb_t room[2 * LIMBS + 1];
    mpz_t base;
    mpz_t power;
    mpz_t modulus;
    /* In room of its own, for GMP ends the process when it cannot allocate. */
    mpz_t root = {{._mp_alloc = 2 * LIMBS + 1, ._mp_size = 0, ._mp_d = room}};
    (void)mpn_add_1(exponent, p, LIMBS, 1);
    (void)mpn_rshift(exponent, exponent, LIMBS, 2);
    mpz_powm(root, mpz_roinit_n(base, a, LIMBS), mpz_roinit_n(power, exponent, LIMBS),
             mpz_roinit_n(modulus, p, LIMBS));
    const mp_size_t len = (mp_size_t)mpz_size(root);
    mpn_copyi(out, mpz_limbs_read(root), len);
    mpn_zero(out + len, LIMBS - len);
}

void hsm_p256_guess_y(const uint8_t *x, bool odd, uint8_t *y)
{
    mp_limb_t p[LIMBS];
    mp_limb_t b[LIMBS];
    mp_limb_t number[LIMBS];
    mp_limb_t sum[LIMBS];
    load(field_p, p);
    load(curve_b, b);
    load(x, number);
    if (mpn_cmp(number, p, LIMBS) >= 0) {
        (void)mpn_sub_n(number, number, p, LIMBS); /* refused by the caller's check all the same */
    }
    multiply(number, number, p, sum);
    multiply(sum, number, p, sum);
    for (int i = 0; i < 3; i++) {
        subtract(sum, number, p, sum);
    }
    subtract(p, b, p, b); /* -b */
    subtract(sum, b, p, sum);
    take_root(sum, p, number);
    if ((number[0] & 1) != (odd ? 1 : 0)) {
        subtract(p, number, p, number);
    }
    store(number, y);
}
