/* Public keys of P-256 as people hand them over: PEM of a SubjectPublicKeyInfo. */
#ifndef HSM_KEY_PEM_H
#define HSM_KEY_PEM_H

#include "hsm/verify.h"

enum { HSM_KEY_PEM_MAX = 4096 }; /* bytes */

/**
 * Read a public key from PEM text ("-----BEGIN PUBLIC KEY-----", RFC 7468 section 13).
 *
 * pem     one key and nothing around it; at most HSM_KEY_PEM_MAX bytes
 * errors  LW_E_SYNTAX  no such PEM, as a private key is none, or more than it, or a point that is
 *         not on the curve; LW_E_UNSUPPORTED  not of P-256; LW_E_LIMIT  empty or too long;
 *         LW_E_CRYPTO
 */
LW_MUST_USE lw_err hsm_public_key_from_pem(struct hsm_public_key *key, lw_bytes pem);

/** Append a P-256 key as such PEM text. errors  LW_E_UNSUPPORTED  of another curve; LW_E_CRYPTO */
LW_MUST_USE lw_err hsm_public_key_to_pem(const struct hsm_public_key *key, lw_buf *pem);

#endif
