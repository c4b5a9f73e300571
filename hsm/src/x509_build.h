/* Pieces of which certificates and CRLs are built. Internal to hsm. */
#ifndef HSM_X509_BUILD_H
#define HSM_X509_BUILD_H

#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "hsm/x509_issue.h"

/* Whoever signs: an authority with its certificate, or the subject itself. */
struct hsm_x509_issuer {
    bool self;
    X509 *x509;           /* NULL when self */
    struct hsm_cert cert; /* the same, parsed; empty when self */
};

static inline void hsm_x509_issuer_auto(struct hsm_x509_issuer *issuer)
{
    X509_free(issuer->x509);
}
#define HSM_AUTO_ISSUER __attribute__((cleanup(hsm_x509_issuer_auto))) struct hsm_x509_issuer

/** Return LW_E_CRYPTO, with OpenSSL's queue emptied. */
lw_err hsm_x509_failed(void);

/**
 * Read the certificate of `ca`, or check that there is none because `subject` is its own key.
 *
 * errors  LW_E_DENIED  no authority's certificate, or another key's; as hsm_cert_parse()
 */
LW_MUST_USE lw_err hsm_x509_issuer(struct hsm_x509_issuer *issuer, const struct hsm_signer *ca,
                                   const struct hsm_public_key *subject);

/** Return an authority key identifier that names `cert`'s key; the caller's, NULL on failure. */
AUTHORITY_KEYID *hsm_x509_authority_of(const struct hsm_cert *cert);

/** Set the subject's key. */
LW_MUST_USE lw_err hsm_x509_set_key(X509 *x509, const struct hsm_public_key *key);

/* Each adds one extension, with the criticality of specs/mdoc.md section 6. Errors LW_E_CRYPTO. */
LW_MUST_USE lw_err hsm_x509_put_authority(X509 *x509);
LW_MUST_USE lw_err hsm_x509_put_uses(X509 *x509, unsigned uses); /* key usage, extended usage */
LW_MUST_USE lw_err hsm_x509_put_key_id(X509 *x509);
LW_MUST_USE lw_err hsm_x509_put_authority_key_id(X509 *x509, const struct hsm_x509_issuer *issuer);
LW_MUST_USE lw_err hsm_x509_put_uri(X509 *x509, int nid, lw_str uri); /* none when empty */
LW_MUST_USE lw_err hsm_x509_put_issuer_uri(X509 *x509, const struct hsm_x509_issuer *issuer);
LW_MUST_USE lw_err hsm_x509_put_crl_uri(X509 *x509, lw_str uri); /* none when empty */

/**
 * Sign what was built and append it in DER; `x509` is not to be used afterwards.
 *
 * errors  as hsm_sign(); LW_E_LIMIT, LW_E_NOMEM, LW_E_CRYPTO
 */
LW_MUST_USE lw_err hsm_x509_sign(X509 *x509, const struct hsm_signer *ca, int64_t now, lw_buf *der);

/** As hsm_x509_sign(), for a CRL. */
LW_MUST_USE lw_err hsm_x509_sign_crl(X509_CRL *crl, const struct hsm_signer *ca, int64_t now,
                                     lw_buf *der);

#endif
