/* Holders' P-256 keys in PEM files; refused for every issuer's purpose. */
#ifndef HSM_KEY_SOFT_H
#define HSM_KEY_SOFT_H

#include "hsm/sign.h"

struct hsm_soft_key;
#define HSM_AUTO_SOFT_KEY __attribute__((cleanup(hsm_soft_key_auto))) struct hsm_soft_key *

/**
 * Load the key of `path`, an unencrypted PKCS#8 PEM file of mode 0600 that belongs to us.
 *
 * key     the caller's, freed by hsm_soft_key_free(); so with each function below
 * errors  LW_E_NOT_FOUND  no file; LW_E_DENIED  others can read it or own it, or it is no
 *         regular file; LW_E_SYNTAX  no such PEM; LW_E_UNSUPPORTED  not of P-256; LW_E_IO
 */
LW_MUST_USE lw_err hsm_soft_key_load(const char *path, struct hsm_soft_key **key);

/**
 * Make a key and write it to `path`, with mode 0600. Once it returns, the file survives a
 * power cut; after an error there is no file.
 *
 * errors  LW_E_CONFLICT  `path` exists; LW_E_NOT_FOUND  its folder does not; LW_E_NOSPACE; LW_E_IO;
 * LW_E_CRYPTO; LW_E_NOMEM
 */
LW_MUST_USE lw_err hsm_soft_key_create(const char *path, struct hsm_soft_key **key);

/** Make a key that lives in memory only: tests, benchmarks. */
LW_MUST_USE lw_err hsm_soft_key_generate(struct hsm_soft_key **key);

/**
 * Make a key of the secret `d`, big-endian: one put together from its parts, or of a test.
 *
 * errors  LW_E_VALUE  d is 0 or not below the curve's order
 */
LW_MUST_USE lw_err hsm_soft_key_from_secret(const uint8_t d[32], struct hsm_soft_key **key);

/** Wipe and free. Accepts NULL. */
void hsm_soft_key_free(struct hsm_soft_key *key);
static inline void hsm_soft_key_auto(struct hsm_soft_key **key)
{
    hsm_soft_key_free(*key);
}

/** Return the public key; valid while `key` lives. */
const struct hsm_public_key *hsm_soft_key_public(const struct hsm_soft_key *key);

/**
 * Agree on a secret with another P-256 key: the x coordinate of the product.
 *
 * shared  for a key derivation, never used as it is; the caller wipes it
 * errors  LW_E_UNSUPPORTED  another curve; LW_E_CRYPTO
 * source  SEC 1 section 3.3.1
 */
LW_MUST_USE lw_err hsm_soft_key_agree(const struct hsm_soft_key *key,
                                      const struct hsm_public_key *peer,
                                      uint8_t shared[HSM_P256_LEN]);

/**
 * Give the secret `d`, big-endian, so that it can be kept in parts.
 *
 * secret  the caller wipes it
 */
LW_MUST_USE lw_err hsm_soft_key_secret(const struct hsm_soft_key *key,
                                       uint8_t secret[HSM_P256_LEN]);

/** Fill a signer of purpose HSM_PURPOSE_HOLDER, at any time; valid while `key` lives. */
void hsm_soft_key_signer(struct hsm_soft_key *key, struct hsm_signer *signer);

#endif
