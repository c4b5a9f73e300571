/* The table of signature algorithms: a new one is a row here. Internal to hsm. */
#ifndef HSM_ALGORITHM_H
#define HSM_ALGORITHM_H

#include "hsm/verify.h"

enum hsm_hash { HSM_HASH_SHA256, HSM_HASH_SHA384, HSM_HASH_COUNT };
enum { HSM_HASH_MAX = 48, HSM_ALG_COUNT = HSM_RS256 + 1 };

struct hsm_algorithm {
    enum hsm_alg alg;
    enum hsm_hash hash;
    uint8_t hash_len;
    uint8_t coordinate_len; /* of x, y, r and s; 0 without a curve */
    int curve_nid;          /* OpenSSL's number of the curve */
    int signature_nid;      /* OpenSSL's number of ecdsa-with-...; 0: certificates use it not */
    const char *curve;      /* OpenSSL's name of the curve; NULL: RSA */
    const char *hash_name;
};

/** Return the row of `alg`, static, or NULL when there is none. */
const struct hsm_algorithm *hsm_algorithm(enum hsm_alg alg);

/** Return the row whose signatures have OpenSSL's number `nid`, static, or NULL. */
const struct hsm_algorithm *hsm_algorithm_by_signature(int nid);

/** Return the row whose curve has OpenSSL's number `nid`, static, or NULL. */
const struct hsm_algorithm *hsm_algorithm_by_curve(int nid);

/** Hash the parts one after the other into `digest`, which has room for HSM_HASH_MAX bytes. */
LW_MUST_USE lw_err hsm_hash_parts(enum hsm_hash hash, const lw_bytes *parts, size_t count,
                                  uint8_t *digest);

#endif
