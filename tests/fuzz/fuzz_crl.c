/* A list that anybody sends, held against an issuer of the name it says, with a key of ours. */
#include <openssl/crypto.h>
#include <openssl/x509.h>
#include <stdlib.h>

#include "hsm/x509_issue.h"

/* The generator of P-256 (SEC 2 section 2.4.2). */
static const uint8_t point[33] = {0x03, 0x6b, 0x17, 0xd1, 0xf2, 0xe1, 0x2c, 0x42, 0x47, 0xf8, 0xbc,
                                  0xe6, 0xe5, 0x63, 0xa4, 0x40, 0xf2, 0x77, 0x03, 0x7d, 0x81, 0x2d,
                                  0xeb, 0x33, 0xa0, 0xf4, 0xa1, 0x39, 0x45, 0xd8, 0x98, 0xc2, 0x96};

static uint8_t *issuer_of(const uint8_t *data, size_t size, size_t *len)
{
    uint8_t *name = NULL;
    const uint8_t *at = data;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)size);
    const int n = crl == NULL ? 0 : i2d_X509_NAME(X509_CRL_get_issuer(crl), &name);
    X509_CRL_free(crl);
    *len = n > 0 ? (size_t)n : 0;
    return name;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hsm_cert ca = {.uses = HSM_CERT_USE_CRL};
    struct hsm_crl crl = {.number = 0};
    size_t len = 0;
    uint8_t *name = issuer_of(data, size, &len);
    ca.subject = (lw_bytes){.ptr = name, .len = len};
    if (hsm_public_key_from_point(&ca.key, HSM_ES256, LW_BYTES(point)).code != LW_OK ||
        hsm_crl_check((lw_bytes){.ptr = data, .len = size}, &ca, &crl).code == LW_OK ||
        crl.number != 0) {
        abort();
    }
    OPENSSL_free(name);
    return 0;
}
