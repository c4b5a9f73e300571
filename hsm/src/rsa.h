/* RSA keys and signatures of RS256 (RFC 8017 section 8.2). Internal to hsm. */
#ifndef HSM_RSA_H
#define HSM_RSA_H

#include "hsm/verify.h"

/* 65537, big-endian: the only exponent. */
extern const uint8_t hsm_rsa_exponent[3];

/**
 * Check a signature over the SHA-256 `digest`.
 *
 * key     of RS256
 * sig     of the modulus' length, checked by the caller
 * errors  LW_E_SIGNATURE  not by this key; LW_E_CRYPTO
 */
LW_MUST_USE lw_err hsm_rsa_verify(const struct hsm_public_key *key, lw_bytes digest, lw_bytes sig);

#endif
