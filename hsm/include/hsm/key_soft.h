/* Holders' P-256 keys in PEM files; refused for every issuer's purpose. */
#ifndef HSM_KEY_SOFT_H
#define HSM_KEY_SOFT_H

#include "hsm/sign.h"

struct hsm_soft_key;
#define HSM_AUTO_SOFT_KEY __attribute__((cleanup(hsm_soft_key_auto))) struct hsm_soft_key *

/**
 * Load the key of `path`, a PKCS#8 PEM file of mode 0600 that belongs to us.
 *
 * errors  LW_E_NOT_FOUND  no file; LW_E_DENIED  others can read it; LW_E_SYNTAX  no P-256 key
 */
LW_MUST_USE lw_err hsm_soft_key_load(const char *path, struct hsm_soft_key **key);

/** Make a key and write it to `path`, which must not exist, with mode 0600 (fsync'ed). */
LW_MUST_USE lw_err hsm_soft_key_create(const char *path, struct hsm_soft_key **key);

/** Make a key that lives in memory only: tests, benchmarks. */
LW_MUST_USE lw_err hsm_soft_key_generate(struct hsm_soft_key **key);

/** Make a key of the 32-byte big-endian secret `d`: published test keys only. */
LW_MUST_USE lw_err hsm_soft_key_from_secret(const uint8_t d[32], struct hsm_soft_key **key);

void hsm_soft_key_free(struct hsm_soft_key *key);
static inline void hsm_soft_key_auto(struct hsm_soft_key **key)
{
    hsm_soft_key_free(*key);
}

/** Fill a signer of purpose HSM_PURPOSE_HOLDER, valid while `key` lives. */
void hsm_soft_key_signer(struct hsm_soft_key *key, struct hsm_signer *signer);

#endif
