/* Certificates: read, and check a path at a given time. Parsed certificates are values. */
#ifndef HSM_X509_H
#define HSM_X509_H

#include "hsm/verify.h"

/* A common name of 64 characters takes at most 256 bytes of UTF-8. */
enum { HSM_CERT_MAX = 8192, HSM_CERT_NAME_MAX = 257, HSM_CHAIN_MAX = 4 };
enum { HSM_CERT_KEY_ID_MAX = 32, HSM_CERT_SERIAL_MAX = 20 };

enum hsm_cert_use {
    HSM_CERT_USE_CA = 1 << 0,      /* critical basicConstraints CA with keyCertSign */
    HSM_CERT_USE_SIGN = 1 << 1,    /* keyUsage digitalSignature */
    HSM_CERT_USE_CRL = 1 << 2,     /* keyUsage cRLSign */
    HSM_CERT_USE_MDOC_DS = 1 << 3, /* EKU 1.0.18013.5.1.2 */
    HSM_CERT_USE_STATUS = 1 << 4,  /* EKU HSM_OID_STATUS_SIGNING */
};

#define HSM_OID_MDOC_DS "1.0.18013.5.1.2"
/*
 * id-kp-oauthStatusSigning: no number is assigned yet (specs/status-list.md), so one of the UUID
 * arc (ITU-T X.667) stands in; set the real one when building.
 */
#ifndef HSM_OID_STATUS_SIGNING
#define HSM_OID_STATUS_SIGNING "2.25.223835157952758279661651378910005593890"
#endif

/* Slices borrow `der`; the rest are values. */
struct hsm_cert {
    lw_bytes der; /* borrowed from the caller of hsm_cert_parse() */
    struct hsm_public_key key;
    uint8_t sha256[32]; /* of `der` */
    int64_t not_before; /* Unix seconds */
    int64_t not_after;  /* Unix seconds, inclusive as in RFC 5280 */
    unsigned uses;      /* enum hsm_cert_use */
    bool limited;       /* an extended key usage forbids other purposes than those it names */
    bool is_ca;         /* basicConstraints says so; whether it may sign, `uses` says */
    int path_len;       /* most CA certificates below it, -1 when not bounded */

    char common_name[HSM_CERT_NAME_MAX];     /* UTF-8, NUL-terminated, "" when absent */
    char organization_id[HSM_CERT_NAME_MAX]; /* organizationIdentifier 2.5.4.97: agency's code */
    char country[3];                         /* two capitals, "" when absent */
    char uri[HSM_CERT_NAME_MAX];             /* first URI of subjectAltName, "" when absent */

    lw_bytes tbs;     /* what is signed */
    lw_bytes issuer;  /* DER name */
    lw_bytes subject; /* DER name */
    lw_bytes serial;  /* big-endian, positive, at most HSM_CERT_SERIAL_MAX bytes */
    uint8_t key_id[HSM_CERT_KEY_ID_MAX]; /* subjectKeyIdentifier */
    uint8_t key_id_len;                  /* 0 when absent */
    uint8_t authority_key_id[HSM_CERT_KEY_ID_MAX];
    uint8_t authority_key_id_len;    /* 0 when absent */
    enum hsm_alg sig_alg;            /* of the issuer's signature */
    uint8_t signature[HSM_PAIR_MAX]; /* r||s */
    uint8_t signature_len;
};

/**
 * Read one DER certificate, version 3. Takes about 100 us: keep what comes of it.
 *
 * errors  LW_E_SYNTAX  not one certificate in strict DER, or trailing bytes; LW_E_VALUE  values
 *         that RFC 5280 forbids (serial, names, contradicting usages, an extension twice);
 *         LW_E_UNSUPPORTED  its key or signature is of no algorithm we accept, it has an unknown
 *         critical extension, or constraints on names or policies; LW_E_LIMIT  longer than
 *         HSM_CERT_MAX, or a name, URI or key identifier longer than its place
 * does not check  its signature, its time, or whom it belongs to
 * source  RFC 5280 section 4, RFC 5480, profile of specs/mdoc.md section 6
 */
LW_MUST_USE lw_err hsm_cert_parse(lw_bytes der, struct hsm_cert *cert);

/**
 * Check the path from chain[0] (leaf) over chain[1..] to one of `anchors` at `now`.
 *
 * chain   DER, leaf first, without the anchor; 1 to HSM_CHAIN_MAX
 * anchors trusted by the caller; each is held to its own time and constraints as well
 * need    bits of enum hsm_cert_use the leaf must have. A leaf that an extended key usage limits
 *         signs nothing else: HSM_CERT_USE_SIGN alone refuses it, together with the bit of its
 *         usage it passes. A CA is no leaf unless HSM_CERT_USE_CA is needed
 * leaf    set to the parsed leaf, borrowing chain[0]
 * errors  LW_E_UNTRUSTED  no path, a CA without the right, a self-issued leaf, a signature that
 *         does not hold, or `need` unmet; LW_E_EXPIRED  a certificate of the path is outside its
 *         time; LW_E_LIMIT  the chain is too long; as hsm_cert_parse()
 * does not check  revocation, or the leaf's names
 * source  RFC 5280 section 6.1, profile of specs/mdoc.md section 6
 */
LW_MUST_USE lw_err hsm_cert_check_path(const lw_bytes *chain, size_t count,
                                       const struct hsm_cert *anchors, size_t anchor_count,
                                       unsigned need, int64_t now, struct hsm_cert *leaf);

#endif
