/*
 * The signature algorithms offered, by their names in JOSE. A new one is a row here. One without a
 * curve is signed with only: no JWS that comes in, and no JWK, may use it.
 */
#ifndef JOSE_ALG_H
#define JOSE_ALG_H

#include "hsm/verify.h"

struct jose_alg {
    enum hsm_alg alg;
    const char *name;      /* "alg", RFC 7518 section 3.1 */
    const char *curve;     /* "crv", RFC 7518 section 6.2.1.1; NULL: RSA */
    size_t coordinate_len; /* bytes of "x" and "y" */
};

/** Return the row of `alg`, or NULL; static. */
const struct jose_alg *jose_alg_of(enum hsm_alg alg);

/** Return the `nth` row, or NULL past the last; static. */
const struct jose_alg *jose_alg_row(size_t nth);

#endif
