/*
 * A certificate that we read, OpenSSL reads too, to the same key and names; reading it twice gives
 * the same; what the path check says of it as its own anchor is never yes.
 */
#include "hsm/x509.h"

#include <openssl/x509v3.h>
#include <stdlib.h>

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void compare_with_openssl(const struct hsm_cert *cert, const uint8_t *data, size_t size)
{
    const uint8_t *at = data;
    X509 *x509 = d2i_X509(NULL, &at, (long)size);
    must(x509 != NULL && at == data + size);
    must(X509_get_version(x509) == 2);
    must(strlen(cert->common_name) < HSM_CERT_NAME_MAX);
    must(cert->tbs.ptr > data && cert->tbs.ptr + cert->tbs.len < data + size);
    const unsigned char *name = NULL;
    size_t name_len = 0;
    must(X509_NAME_get0_der(X509_get_issuer_name(x509), &name, &name_len) == 1);
    must(lw_bytes_eq(cert->issuer, (lw_bytes){.ptr = name, .len = name_len}));
    must(X509_NAME_get0_der(X509_get_subject_name(x509), &name, &name_len) == 1);
    must(lw_bytes_eq(cert->subject, (lw_bytes){.ptr = name, .len = name_len}));
    const uint32_t usage = X509_get_key_usage(x509); /* all bits when there is none */
    const bool signs = usage != UINT32_MAX && (usage & KU_DIGITAL_SIGNATURE) != 0;
    must(signs == ((cert->uses & HSM_CERT_USE_SIGN) != 0));
    X509_free(x509);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const lw_bytes der = {.ptr = data, .len = size};
    struct hsm_cert cert;
    struct hsm_cert leaf;
    if (hsm_cert_parse(der, &cert).code != LW_OK) {
        return 0;
    }
    compare_with_openssl(&cert, data, size);
    must(hsm_cert_check_path(&der, 1, &cert, 1, 0, cert.not_before, &leaf).code != LW_OK);
    return 0;
}
