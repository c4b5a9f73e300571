/* Random bytes from OpenSSL's generator, drawn in bulk for each thread. */
#ifndef HSM_RNG_H
#define HSM_RNG_H

#include "lw/rng.h"

/**
 * Return the system's random source; static, safe from several threads and after fork().
 * Its fill fails with LW_E_CRYPTO when OpenSSL's generator does.
 */
const struct lw_rng *hsm_rng_system(void);

#endif
