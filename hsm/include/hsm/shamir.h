/* A 32-byte secret in n shares, of which any k give it back and fewer say nothing. */
#ifndef HSM_SHAMIR_H
#define HSM_SHAMIR_H

#include "lw/buf.h"
#include "lw/rng.h"

enum { HSM_SHAMIR_LEN = 32, HSM_SHAMIR_MAX = 255 };

/* The value of the secret's polynomials at `index`, one polynomial a byte. */
struct hsm_shamir_share {
    uint8_t index; /* 1 to HSM_SHAMIR_MAX; public */
    uint8_t value[HSM_SHAMIR_LEN];
};

/**
 * Split a secret: polynomials of degree threshold - 1 over GF(2^8) with random coefficients, whose
 * values at 0 are the secret's bytes. Time depends on the numbers, not on secret or shares.
 *
 * threshold  2 to `count`; `count` at most HSM_SHAMIR_MAX
 * shares     room for `count`, with the indexes 1 to `count`; the caller wipes them
 * errors     LW_E_VALUE  the numbers; LW_E_CRYPTO  no randomness
 * source     A. Shamir, "How to share a secret", 1979; the field of FIPS 197 section 4.2
 */
LW_MUST_USE lw_err hsm_shamir_split(const uint8_t secret[HSM_SHAMIR_LEN], size_t threshold,
                                    size_t count, const struct lw_rng *rng,
                                    struct hsm_shamir_share *shares);

/**
 * Put a secret together from `count` shares, at least as many as the threshold was.
 *
 * errors  LW_E_VALUE  none, too many, index 0, or an index twice
 * does not check  that the shares are enough, or true: the result is then another secret, and the
 *         caller must know the right one by other means
 */
LW_MUST_USE lw_err hsm_shamir_join(const struct hsm_shamir_share *shares, size_t count,
                                   uint8_t secret[HSM_SHAMIR_LEN]);

#endif
