/* Bytes sealed to a P-256 key, so that who seals them cannot open them again. */
#ifndef HSM_ENVELOPE_H
#define HSM_ENVELOPE_H

#include "hsm/key_soft.h"
#include "hsm/seal.h"

enum {
    HSM_ENVELOPE_POINT_LEN = 65,
    HSM_ENVELOPE_OVERHEAD = HSM_ENVELOPE_POINT_LEN + HSM_SEAL_OVERHEAD,
    HSM_PEM_PUBLIC_MAX = 4096, /* bytes of a public key file that are looked at */
};

/**
 * Append ephemeral point || nonce || ciphertext || tag: AES-256-GCM under a key that ECDH with an
 * ephemeral key agreed on, by HKDF-SHA-256 over both points.
 *
 * to      a P-256 key
 * aad     says what is sealed, and where it belongs; not stored
 * errors  LW_E_UNSUPPORTED  another curve; LW_E_CRYPTO, LW_E_LIMIT, LW_E_NOMEM
 * source  NIST SP 800-56A rev. 3 section 6.2.2.2, C(1e, 1s, ECC CDH)
 */
LW_MUST_USE lw_err hsm_envelope_seal(const struct hsm_public_key *to, lw_bytes aad, lw_bytes plain,
                                     const struct lw_rng *rng, lw_buf *out);

/**
 * Append the plain bytes of what hsm_envelope_seal() made.
 *
 * errors  LW_E_SIGNATURE  altered, or for another key or aad; nothing is appended then
 */
LW_MUST_USE lw_err hsm_envelope_open(const struct hsm_soft_key *key, lw_bytes aad, lw_bytes sealed,
                                     lw_buf *out);

/**
 * Read a P-256 public key in PEM ("PUBLIC KEY", uncompressed point of the named curve).
 *
 * errors  LW_E_SYNTAX  none, a private key, or anything after it; LW_E_UNSUPPORTED  of another kind
 *         or form; LW_E_VALUE  not on the curve
 * source  RFC 7468 section 13; RFC 5480 section 2
 */
LW_MUST_USE lw_err hsm_pem_public_read(lw_bytes pem, struct hsm_public_key *key);

/** Append a P-256 public key in PEM. errors  LW_E_UNSUPPORTED  another curve; LW_E_CRYPTO */
LW_MUST_USE lw_err hsm_pem_public_write(const struct hsm_public_key *key, lw_buf *pem);

#endif
