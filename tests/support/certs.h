/* Certificates made with OpenSSL alone, good and bent, for tests of what reads them. */
#ifndef SUPPORT_CERTS_H
#define SUPPORT_CERTS_H

#include <openssl/x509.h>

#include "lw/buf.h"

struct support_cert {
    const char *common_name; /* NULL: no name at all */
    X509 *issuer;            /* NULL: it issues itself */
    EVP_PKEY *key;           /* the subject's */
    EVP_PKEY *signer;        /* the issuer's; NULL: `key` */
    int64_t not_before;      /* Unix seconds */
    int64_t not_after;
    const char *const *extensions; /* name, value, ..., NULL in the words of x509v3_config(5) */
    void (*bend)(X509 *x509);      /* changes it before it is signed; may be NULL */
    const char *digest;            /* NULL: SHA256 */
};

/** Make a certificate; aborts the test when it cannot. The caller calls X509_free(). */
X509 *support_cert(const struct support_cert *spec);

/** Append its DER. */
void support_cert_der(const X509 *x509, lw_buf *der);

#endif
