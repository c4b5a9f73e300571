/*
 * The numbers of a P-256 signature check, by GMP: its inverse takes 2 us where OpenSSL's takes 12.
 * Everything that is given here is public (signature, digest, point), so that time may depend on
 * it; no secret may ever be. Internal to hsm.
 */
#ifndef HSM_P256_SCALAR_H
#define HSM_P256_SCALAR_H

#include "algorithm.h"

enum { HSM_SCALAR_LEN = 32 };

/* What the check multiplies: u1 with the curve's generator, u2 with the public key; below n. */
struct hsm_p256_scalars {
    uint8_t u1[HSM_SCALAR_LEN]; /* big-endian */
    uint8_t u2[HSM_SCALAR_LEN];
};

/**
 * Compute u1 = e / s and u2 = r / s modulo the order n.
 *
 * digest  e, 32 bytes
 * sig     r||s, 64 bytes
 * returns false when r or s is outside [1, n-1]
 * source  FIPS 186-5 section 6.4.2, steps 1 and 4 to 6
 */
bool hsm_p256_scalars(const uint8_t *digest, const uint8_t *sig, struct hsm_p256_scalars *u);

/**
 * Say whether the x of a point, taken modulo n, is r: without the division that x itself takes,
 * as X = r * Z^2, or X = (r + n) * Z^2 where r + n is below the field's p.
 *
 * x, z    Jacobian coordinates, 32 bytes each, below p
 * r       32 bytes, below n
 * returns false also for the point at infinity, whose z is 0
 * source  FIPS 186-5 section 6.4.2, steps 7 to 9
 */
bool hsm_p256_x_is(const uint8_t *x, const uint8_t *z, const uint8_t *r);

/**
 * Compute the y of that sign which a point with this x would have: the square root of
 * x^3 - 3x + b modulo p, if there is one. The caller checks that the point lies on the curve.
 *
 * x, y  32 bytes each
 */
void hsm_p256_guess_y(const uint8_t *x, bool odd, uint8_t *y);

#endif
