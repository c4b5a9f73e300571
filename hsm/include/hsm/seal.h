/* Sealing of stored data: AES-256-GCM with a random nonce. DESIGN section 5. */
#ifndef HSM_SEAL_H
#define HSM_SEAL_H

#include "lw/buf.h"
#include "lw/rng.h"

enum { HSM_SEAL_KEY_LEN = 32, HSM_SEAL_NONCE_LEN = 12, HSM_SEAL_TAG_LEN = 16 };
enum { HSM_SEAL_OVERHEAD = HSM_SEAL_NONCE_LEN + HSM_SEAL_TAG_LEN };

/**
 * Append nonce || ciphertext || tag.
 *
 * key     used for one record only (derive it with hsm_derive), so that random nonces suffice
 * aad     names keyspace, record, version and key; not stored
 * errors  LW_E_CRYPTO, LW_E_LIMIT, LW_E_NOMEM; `out` is then unchanged
 * source  NIST SP 800-38D section 8.2.2
 */
LW_MUST_USE lw_err hsm_seal(const uint8_t key[HSM_SEAL_KEY_LEN], lw_bytes aad, lw_bytes plain,
                            const struct lw_rng *rng, lw_buf *out);

/**
 * Append the plain bytes of what hsm_seal() made.
 *
 * errors  LW_E_SIGNATURE  altered, moved, or another key or aad; nothing is appended then
 */
LW_MUST_USE lw_err hsm_open(const uint8_t key[HSM_SEAL_KEY_LEN], lw_bytes aad, lw_bytes sealed,
                            lw_buf *out);

#endif
