/* A source of random bytes, passed by parameter: tests give a seeded one. */
#ifndef LW_RNG_H
#define LW_RNG_H

#include "lw/err.h"

struct lw_rng {
    /* Fills `n` bytes or fails and leaves `out` unusable. Safe to call from several threads. */
    lw_err (*fill)(void *ctx, uint8_t *out, size_t n);
    void *ctx;
};

/** Fill `out` with `n` random bytes. errors  LW_E_CRYPTO  the source failed: nothing was drawn */
LW_MUST_USE static inline lw_err lw_rng_fill(const struct lw_rng *rng, uint8_t *out, size_t n)
{
    return rng->fill(rng->ctx, out, n);
}

/**
 * Draw a number in [0, bound), each equally likely.
 *
 * bound   at least 1
 * errors  as lw_rng_fill()
 */
LW_MUST_USE lw_err lw_rng_below(const struct lw_rng *rng, uint64_t bound, uint64_t *n);

#endif
