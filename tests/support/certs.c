#include "certs.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

enum { VERSION_3 = 2 };

static void give_up(const char *what)
{
    fprintf(stderr, "test support: certificate: %s\n", what);
    ERR_print_errors_fp(stderr);
    abort();
}

static void must(int result, const char *what)
{
    if (result <= 0) {
        give_up(what);
    }
}

static void set_names(X509 *x509, const struct support_cert *spec)
{
    X509_NAME *name = X509_get_subject_name(x509);
    if (spec->common_name != NULL) {
        must(X509_NAME_add_entry_by_txt(name, "C", MBSTRING_UTF8, (const unsigned char *)"UT", -1,
                                        -1, 0),
             "country");
        must(X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_UTF8,
                                        (const unsigned char *)spec->common_name, -1, -1, 0),
             "common name");
    }
    must(X509_set_issuer_name(x509,
                              spec->issuer == NULL ? name : X509_get_subject_name(spec->issuer)),
         "issuer");
}

static void put_extensions(X509 *x509, const struct support_cert *spec)
{
    X509V3_CTX ctx;
    X509V3_set_ctx(&ctx, spec->issuer == NULL ? x509 : spec->issuer, x509, NULL, NULL, 0);
    for (const char *const *e = spec->extensions; e != NULL && *e != NULL; e += 2) {
        X509_EXTENSION *ext = X509V3_EXT_conf(NULL, &ctx, e[0], e[1]);
        if (ext == NULL) {
            give_up(e[0]);
        }
        must(X509_add_ext(x509, ext, -1), e[0]);
        X509_EXTENSION_free(ext);
    }
}

X509 *support_cert(const struct support_cert *spec)
{
    X509 *x509 = X509_new();
    if (x509 == NULL) {
        give_up("out of memory");
    }
    must(X509_set_version(x509, VERSION_3), "version");
    must(ASN1_INTEGER_set(X509_get_serialNumber(x509), 0x1234567), "serial");
    must(ASN1_TIME_set(X509_getm_notBefore(x509), spec->not_before) != NULL, "time");
    must(ASN1_TIME_set(X509_getm_notAfter(x509), spec->not_after) != NULL, "time");
    must(X509_set_pubkey(x509, spec->key), "key");
    set_names(x509, spec);
    put_extensions(x509, spec);
    if (spec->bend != NULL) {
        spec->bend(x509);
    }
    const EVP_MD *md = EVP_get_digestbyname(spec->digest == NULL ? "SHA256" : spec->digest);
    must(X509_sign(x509, spec->signer == NULL ? spec->key : spec->signer, md), "signature");
    return x509;
}

void support_cert_der(const X509 *x509, lw_buf *der)
{
    unsigned char *octets = NULL;
    const int len = i2d_X509(x509, &octets);
    must(len, "encoding");
    must(lw_buf_put(der, (lw_bytes){.ptr = octets, .len = (size_t)len}).code == LW_OK, "room");
    OPENSSL_free(octets);
}
