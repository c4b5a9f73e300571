/* SHA-2, HMAC and constant-time comparison. */
#ifndef HSM_DIGEST_H
#define HSM_DIGEST_H

#include "lw/buf.h"

enum { HSM_SHA256_LEN = 32, HSM_SHA384_LEN = 48, HSM_SHA512_LEN = 64 };

/** Hash the parts one after the other. errors  LW_E_CRYPTO  the library failed */
LW_MUST_USE lw_err hsm_sha256_parts(const lw_bytes *parts, size_t count,
                                    uint8_t digest[HSM_SHA256_LEN]);

/** As hsm_sha256_parts(), of one part. */
LW_MUST_USE lw_err hsm_sha256(lw_bytes in, uint8_t digest[HSM_SHA256_LEN]);

/** As hsm_sha256(), with SHA-384. */
LW_MUST_USE lw_err hsm_sha384(lw_bytes in, uint8_t digest[HSM_SHA384_LEN]);

/** HMAC-SHA-256 (RFC 2104) of the parts one after the other. errors  LW_E_CRYPTO */
LW_MUST_USE lw_err hsm_hmac_sha256(lw_bytes key, const lw_bytes *parts, size_t count,
                                   uint8_t mac[HSM_SHA256_LEN]);

/**
 * Derive `len` bytes, at most 255 * 32, from `key` (RFC 5869 HKDF-SHA-256, no salt).
 *
 * key     uniform key material, 32 bytes
 * info    says what the result is for: each use has its own
 */
LW_MUST_USE lw_err hsm_derive(lw_bytes key, lw_bytes info, uint8_t *out, size_t len);

/** Compare secrets: the time taken depends on the lengths only. */
bool hsm_equal(lw_bytes a, lw_bytes b);

#endif
