#include "lw/rng.h"

#include <assert.h>
#include <string.h>

lw_err lw_rng_below(const struct lw_rng *rng, uint64_t bound, uint64_t *n)
{
    assert(bound >= 1);
    /* Values past the last whole multiple of `bound` would favour small results: draw again. */
    const uint64_t spare = (UINT64_MAX % bound + 1) % bound;
    uint64_t drawn = 0;
    do {
        uint8_t bytes[sizeof(drawn)];
        LW_TRY(lw_rng_fill(rng, bytes, sizeof(bytes)));
        memcpy(&drawn, bytes, sizeof(drawn));
    } while (drawn > UINT64_MAX - spare);
    *n = drawn % bound;
    return LW_SUCCESS;
}
