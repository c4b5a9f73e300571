/* Certificates: read, and check a path at a given time. Parsed certificates are values. */
#ifndef HSM_X509_H
#define HSM_X509_H

#include "hsm/verify.h"

enum { HSM_CERT_MAX = 8192, HSM_CERT_NAME_MAX = 128, HSM_CHAIN_MAX = 4 };

enum hsm_cert_use {
    HSM_CERT_USE_CA = 1 << 0,      /* basicConstraints CA with keyCertSign */
    HSM_CERT_USE_SIGN = 1 << 1,    /* keyUsage digitalSignature */
    HSM_CERT_USE_CRL = 1 << 2,     /* keyUsage cRLSign */
    HSM_CERT_USE_MDOC_DS = 1 << 3, /* EKU 1.0.18013.5.1.2 */
    HSM_CERT_USE_STATUS = 1 << 4,  /* EKU id-kp-oauthStatusSigning (configurable OID) */
};

struct hsm_cert {
    lw_bytes der; /* borrowed from the caller of hsm_cert_parse() */
    struct hsm_public_key key;
    uint8_t sha256[32];                      /* of `der` */
    int64_t not_before;                      /* Unix seconds */
    int64_t not_after;                       /* Unix seconds, inclusive as in RFC 5280 */
    unsigned uses;                           /* enum hsm_cert_use */
    char common_name[HSM_CERT_NAME_MAX];     /* UTF-8, NUL-terminated, "" when absent */
    char organization_id[HSM_CERT_NAME_MAX]; /* organizationIdentifier 2.5.4.97: agency's code */
    char country[3];                         /* two capitals, "" when absent */
    char uri[HSM_CERT_NAME_MAX];             /* first URI of subjectAltName, "" when absent */
};

/**
 * Read one DER certificate.
 *
 * errors  LW_E_SYNTAX  not one certificate, or trailing bytes; LW_E_UNSUPPORTED  its key or
 *         signature is of no algorithm we accept, or it has an unknown critical extension;
 *         LW_E_LIMIT  longer than HSM_CERT_MAX
 * does not check  its signature, its time, or whom it belongs to
 */
LW_MUST_USE lw_err hsm_cert_parse(lw_bytes der, struct hsm_cert *cert);

/**
 * Check the path from chain[0] (leaf) over chain[1..] to one of `anchors` at `now`.
 *
 * chain   DER, leaf first, without the anchor; 1 to HSM_CHAIN_MAX
 * need    bits of enum hsm_cert_use the leaf must have
 * leaf    set to the parsed leaf, borrowing chain[0]
 * errors  LW_E_UNTRUSTED  no path, a CA without the right, a self-signed leaf, or `need` unmet;
 *         LW_E_EXPIRED    a certificate of the path is outside its time; as hsm_cert_parse()
 * does not check  revocation
 * source  RFC 5280 section 6.1, profile of specs/mdoc.md section 6
 */
LW_MUST_USE lw_err hsm_cert_check_path(const lw_bytes *chain, size_t count,
                                       const struct hsm_cert *anchors, size_t anchor_count,
                                       unsigned need, int64_t now, struct hsm_cert *leaf);

#endif
