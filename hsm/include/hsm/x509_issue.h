/* Certificates and CRL of the issuing authority, signed through struct hsm_signer. */
#ifndef HSM_X509_ISSUE_H
#define HSM_X509_ISSUE_H

#include "hsm/sign.h"
#include "hsm/x509.h"
#include "lw/rng.h"

struct hsm_cert_request {
    struct hsm_public_key key; /* the subject's */
    lw_str common_name;        /* UTF-8, 1 to 64 characters, none of them a control */
    lw_str organization;       /* as common_name, but may be empty */
    lw_str organization_id;    /* agency's code, may be empty; organizationIdentifier 2.5.4.97 */
    lw_str country;            /* two capitals */
    unsigned uses;             /* CA with or without CRL; or SIGN with at most one of the others */
    lw_str crl_uri;            /* CRL distribution point, at most 1024 bytes, may be empty */
    lw_str issuer_uri;         /* subjectAltName URI, at most 256 bytes, may be empty */
    int64_t not_before;        /* Unix seconds; certificates begin 24 h in the past */
    int64_t not_after;         /* Unix seconds, inclusive */
};

/**
 * Make a certificate signed by `ca`, whose certificate gives issuer and key identifier; a
 * self-signed one of an authority when `ca->cert` is empty and `ca->key` equals the request's key.
 * A CA made here issues no further CA (path length 0). Certificates name the issuer's URI as
 * alternative name of the issuer too (specs/mdoc.md section 6).
 *
 * now     compared with the CA signer's time
 * serial  20 random bytes from `rng`, positive (CA/Browser Forum: 64 bits or more)
 * der     the DER certificate is appended
 * errors  as hsm_sign(); LW_E_VALUE  a name too long or no text, uses that do not go together, or
 *         a life outside the CA's; LW_E_DENIED  `ca` has no certificate of an authority, or
 *         another key's; LW_E_CRYPTO, LW_E_NOMEM, LW_E_LIMIT; `der` is then unchanged
 * source  RFC 5280 section 4, profile of specs/mdoc.md section 6
 */
LW_MUST_USE lw_err hsm_cert_issue(const struct hsm_signer *ca, const struct hsm_cert_request *req,
                                  int64_t now, const struct lw_rng *rng, lw_buf *der);

struct hsm_revoked {
    lw_bytes serial;    /* big-endian, positive; hsm_cert.serial */
    int64_t revoked_at; /* Unix seconds */
};

/**
 * Make a CRL (RFC 5280 section 5) of `revoked`, possibly none, and append it in DER.
 *
 * crl_number   higher than that of any before
 * next_update  Unix seconds, after `now`
 * errors       as hsm_cert_issue()
 */
LW_MUST_USE lw_err hsm_crl_issue(const struct hsm_signer *ca, const struct hsm_revoked *revoked,
                                 size_t count, uint64_t crl_number, int64_t now,
                                 int64_t next_update, lw_buf *der);

/* A CRL that was signed elsewhere, and checked. */
enum { HSM_CRL_MAX = 4 * 1024 * 1024 };
struct hsm_crl {
    lw_bytes der; /* borrowed from the caller of hsm_crl_check() */
    uint64_t number;
    int64_t this_update; /* Unix seconds */
    int64_t next_update;
};

/**
 * Read a CRL and check that `ca` issued and signed it, for all of its certificates.
 *
 * ca      as read by hsm_cert_parse(), with the use CRL
 * errors  LW_E_SYNTAX      not one list in strict DER, or longer than HSM_CRL_MAX;
 *         LW_E_UNTRUSTED   of another issuer or key, or of one who may not;
 *         LW_E_SIGNATURE   not signed by that key;
 *         LW_E_VALUE       no number from 1 on, a time missing, or it ends before it begins;
 *         LW_E_UNSUPPORTED not of version 2, a signature of no algorithm we accept, or an
 *                          extension is critical
 * does not check  times against a clock, or the list held before
 * source  RFC 5280 sections 5 and 6.3
 */
LW_MUST_USE lw_err hsm_crl_check(lw_bytes der, const struct hsm_cert *ca, struct hsm_crl *crl);

/** Say whether a checked list revokes the certificate of that number. errors  LW_E_NOMEM */
LW_MUST_USE lw_err hsm_crl_revokes(const struct hsm_crl *crl, lw_bytes serial, bool *revoked);

#endif
