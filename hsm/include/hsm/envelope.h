/* Bytes sealed to a P-256 key, so that who seals them cannot open them again. */
#ifndef HSM_ENVELOPE_H
#define HSM_ENVELOPE_H

#include "hsm/key_soft.h"
#include "hsm/seal.h"

enum {
    HSM_ENVELOPE_POINT_LEN = 65,
    HSM_ENVELOPE_OVERHEAD = HSM_ENVELOPE_POINT_LEN + HSM_SEAL_OVERHEAD,
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

#endif
