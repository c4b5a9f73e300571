/*
 * The crypto context of a thread: fetched algorithms and kept handles. Fetching or allocating
 * them for each call costs more than the call, and contends between threads. Made when a thread
 * first needs it, freed when the thread ends. Internal to hsm.
 */
#ifndef HSM_CONTEXT_H
#define HSM_CONTEXT_H

#include <openssl/evp.h>

#include "algorithm.h"
#include "p256.h"

struct hsm_context {
    EVP_MD *md[HSM_HASH_COUNT];
    EVP_MD_CTX *digest[HSM_HASH_COUNT];
    EVP_MAC_CTX *hmac; /* with SHA-256 */
    EVP_CIPHER *gcm;
    EVP_CIPHER_CTX *cipher;
    struct hsm_ec *ec[HSM_ALG_COUNT]; /* by enum hsm_alg; NULL where the table has no curve */
};

/**
 * Find the calling thread's context.
 *
 * ctx     set to it; valid until the thread ends, not to be passed to another
 * errors  LW_E_NOMEM; LW_E_CRYPTO  OpenSSL lacks an algorithm
 */
LW_MUST_USE lw_err hsm_context(struct hsm_context **ctx);

#endif
