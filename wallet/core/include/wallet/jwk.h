/* Public keys as JSON Web Keys (RFC 7517, RFC 7518 section 6). Pure: no I/O. */
#ifndef WALLET_JWK_H
#define WALLET_JWK_H

#include "hsm/verify.h"
#include "wallet/json.h"

enum { WALLET_JWK_THUMBPRINT_LEN = 32 };

/**
 * Read a public key for signatures from one JSON object.
 *
 * key     set only on success; checked to lie on its curve
 * errors  LW_E_SYNTAX       not JSON, no object, or a coordinate that is not base64url;
 *         LW_E_VALUE        a member is missing, of another type, or of the wrong length; the
 *                           point is not on the curve; "use", "alg" or "key_ops" say that the
 *                           key is for something else
 *         LW_E_DENIED       it holds private or secret members ("d", "k", "p", ...)
 *         LW_E_UNSUPPORTED  "kty" is not "EC", or an unknown "crv"
 * source  RFC 7517 section 4; RFC 7518 section 6.2.1
 */
LW_MUST_USE lw_err wallet_jwk_parse(lw_str json, struct hsm_public_key *key);

/** As wallet_jwk_parse(), of the next value of `r`; the reader's own errors stay latched there. */
LW_MUST_USE lw_err wallet_jwk_read(struct wallet_json *r, struct hsm_public_key *key);

/** Append {"crv":..,"kty":"EC","x":..,"y":..}, or {"e":..,"kty":"RSA","n":..} of RS256, which is
 * written and not read: the form that the thumbprint hashes. */
LW_MUST_USE lw_err wallet_jwk_write(const struct hsm_public_key *key, lw_buf *out);

/** Compute the thumbprint with SHA-256. errors  LW_E_CRYPTO. source  RFC 7638 section 3 */
LW_MUST_USE lw_err wallet_jwk_thumbprint(const struct hsm_public_key *key,
                                         uint8_t thumbprint[WALLET_JWK_THUMBPRINT_LEN]);

#endif
