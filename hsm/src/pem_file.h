/* Private keys in PEM files that only their owner can read. Internal to hsm. */
#ifndef HSM_PEM_FILE_H
#define HSM_PEM_FILE_H

#include <openssl/evp.h>

#include "lw/buf.h"

/**
 * Read an unencrypted PKCS#8 key. Refuses a file that others can read or own before reading it.
 *
 * pkey    the caller's
 * errors  LW_E_NOT_FOUND; LW_E_DENIED; LW_E_SYNTAX; LW_E_IO; LW_E_NOMEM
 */
LW_MUST_USE lw_err hsm_pem_read(const char *path, EVP_PKEY **pkey);

/**
 * Write a key to a file that must not exist, mode 0600, and sync file and folder; after an
 * error there is no file.
 *
 * errors  LW_E_CONFLICT; LW_E_NOSPACE; LW_E_IO; LW_E_CRYPTO
 */
LW_MUST_USE lw_err hsm_pem_create(const char *path, const EVP_PKEY *pkey);

#endif
