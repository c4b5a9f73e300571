/*
 * Signing as the formats see it: an algorithm, a certificate and one function. Behind it stands
 * a token key reached through the signer process (hsm/pool.h), a holder's key file
 * (hsm/key_soft.h) or a test's key.
 */
#ifndef HSM_SIGN_H
#define HSM_SIGN_H

#include "hsm/verify.h"

/* One key, one purpose (DESIGN section 6). The signer refuses a key for another purpose. */
enum hsm_purpose {
    HSM_PURPOSE_NONE = 0,
    HSM_PURPOSE_CA,           /* certificates and CRL */
    HSM_PURPOSE_CREDENTIAL,   /* ds-vc: license records, SD-JWT VC, SD-CWT, passes */
    HSM_PURPOSE_MDOC,         /* ds-mdoc */
    HSM_PURPOSE_STATUS,       /* status lists */
    HSM_PURPOSE_ACCESS,       /* presentation requests, issuer metadata, challenges */
    HSM_PURPOSE_ID_TOKEN,     /* id */
    HSM_PURPOSE_ID_TOKEN_RSA, /* id-rsa: RS256, which OpenID Connect makes mandatory */
    HSM_PURPOSE_LOG,          /* tree heads */
    HSM_PURPOSE_TRUST_LIST,   /* tl */
    HSM_PURPOSE_SEAL,         /* wraps epoch keys; signs nothing */
    HSM_PURPOSE_CUSTODY,      /* wraps custody keys; signs nothing */
    HSM_PURPOSE_HOLDER,       /* a holder's own key; never an issuer's purpose */
};

/** Return the stable name of `purpose` ("ca", "ds-vc", "ds-mdoc", "status", ...); static. */
const char *hsm_purpose_name(enum hsm_purpose purpose);

/** Return the algorithm of token keys of `purpose`: RS256 for id-rsa, ES256 for all that sign. */
enum hsm_alg hsm_purpose_alg(enum hsm_purpose purpose);

struct hsm_signer {
    enum hsm_purpose purpose;
    struct hsm_public_key key; /* the algorithm is key.alg */
    lw_bytes cert;             /* DER certificate; borrowed, empty for holders and tl */
    uint8_t kid[8];            /* first bytes of SHA-256(cert); specs/qr.md section 3 */
    int64_t not_before;        /* signs nothing outside [not_before, not_after) */
    int64_t not_after;         /* Unix seconds; certificate's end less the longest life signed */
    /* Signs a digest of the algorithm's hash into hsm_sig_len(&key) bytes. Safe to call from
     * several threads. */
    lw_err (*sign_digest)(void *ctx, lw_bytes digest, uint8_t sig[HSM_SIG_MAX]);
    void *ctx;
};

/**
 * Sign `message` and check the signature just made with the signer's public key.
 *
 * now     Unix seconds, compared with the signer's time
 * purpose what the caller signs; must equal signer->purpose
 * sig     r||s, 64 bytes for ES256; 256 bytes for RS256; not to be used after an error
 * errors  LW_E_DENIED   another purpose, or RSA for anything but id-rsa; LW_E_EXPIRED  outside the
 * signer's time; LW_E_TOKEN    the token failed or the signature it made does not verify;
 *         LW_E_TIMEOUT, LW_E_BUSY, LW_E_CRYPTO
 */
LW_MUST_USE lw_err hsm_sign(const struct hsm_signer *signer, enum hsm_purpose purpose, int64_t now,
                            lw_bytes message, uint8_t sig[HSM_SIG_MAX]);

/** As hsm_sign(), of parts one after the other. */
LW_MUST_USE lw_err hsm_sign_parts(const struct hsm_signer *signer, enum hsm_purpose purpose,
                                  int64_t now, const lw_bytes *parts, size_t count,
                                  uint8_t sig[HSM_SIG_MAX]);

/* What is signed: the hash of a message, by the signer's algorithm. */
struct hsm_digest {
    uint8_t bytes[64];
    uint8_t len;
};

/**
 * Begin a signature that is made elsewhere, such as by hsm_pool_submit(): check that the signer may
 * sign and hash the parts one after the other.
 *
 * errors  LW_E_DENIED, LW_E_EXPIRED as hsm_sign(); LW_E_UNSUPPORTED  no such algorithm; LW_E_CRYPTO
 */
LW_MUST_USE lw_err hsm_sign_begin(const struct hsm_signer *signer, enum hsm_purpose purpose,
                                  int64_t now, const lw_bytes *parts, size_t count,
                                  struct hsm_digest *digest);

/**
 * Check the signature that was made of `digest`: it is not to be used before.
 *
 * sig     of hsm_sig_len(&signer->key) bytes
 * errors  LW_E_TOKEN  it does not verify, or has another length; LW_E_CRYPTO
 */
LW_MUST_USE lw_err hsm_sign_end(const struct hsm_signer *signer, const struct hsm_digest *digest,
                                lw_bytes sig);

#endif
