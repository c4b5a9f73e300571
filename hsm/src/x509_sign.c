#include <assert.h>
#include <openssl/asn1.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include "algorithm.h"
#include "auto.h"
#include "x509_build.h"

enum { BITS_MAX = 2 * HSM_PAIR_MAX };

HSM_AUTO_FREE(pkey, EVP_PKEY, EVP_PKEY_free)

/*
 * OpenSSL 3.0 has no call that names a signature algorithm without signing: a key of the moment
 * signs first, and our signature takes the place of its.
 */
static lw_err placeholder(const struct hsm_signer *ca, EVP_PKEY **pkey, const EVP_MD **md)
{
    const struct hsm_algorithm *row = hsm_algorithm(ca->key.alg);
    assert(row != NULL); /* the key is that of a certificate or of the subject, read before */
    if (row->curve == NULL) {
        return LW_FAIL(LW_E_UNSUPPORTED, "certificate: RSA signs none", LW_NOWHERE);
    }
    *md = EVP_get_digestbyname(row->hash_name);
    *pkey = EVP_EC_gen(row->curve);
    return *md == NULL || *pkey == NULL ? hsm_x509_failed() : LW_SUCCESS;
}

static lw_err put_element(lw_buf *out, int tag, bool constructed, lw_bytes content)
{
    uint8_t *room = NULL;
    const int size = ASN1_object_size(constructed ? 1 : 0, (int)content.len, tag);
    LW_TRY(lw_buf_reserve(out, (size_t)size, &room));
    ASN1_put_object(&room, constructed ? 1 : 0, (int)content.len, tag, V_ASN1_UNIVERSAL);
    memcpy(room, content.ptr, content.len);
    lw_buf_commit(out, (size_t)size);
    return LW_SUCCESS;
}

static lw_err put_signature(lw_buf *out, const struct hsm_signer *ca, int64_t now, lw_bytes tbs)
{
    uint8_t sig[HSM_SIG_MAX];
    LW_AUTO_BUF bits = LW_BUF(BITS_MAX);
    LW_TRY(hsm_sign(ca, HSM_PURPOSE_CA, now, tbs, sig));
    const lw_bytes pair = {.ptr = sig, .len = hsm_sig_len(&ca->key)};
    LW_TRY(lw_buf_put_byte(&bits, 0)); /* no bit of the last byte is unused */
    LW_TRY(hsm_sig_to_der(pair, &bits));
    return put_element(out, V_ASN1_BIT_STRING, false, lw_buf_view(&bits));
}

/* RFC 5280 sections 4.1 and 5.1: SEQUENCE { tbs, algorithm, signature }. */
static lw_err assemble(lw_bytes tbs, const X509_ALGOR *algorithm, const struct hsm_signer *ca,
                       int64_t now, lw_buf *der)
{
    HSM_AUTO(octets) uint8_t *name = NULL;
    const int name_len = i2d_X509_ALGOR(algorithm, &name);
    LW_AUTO_BUF body = LW_BUF(der->max);
    if (tbs.len == 0 || name_len <= 0) {
        return hsm_x509_failed();
    }
    LW_TRY(lw_buf_put(&body, tbs));
    LW_TRY(lw_buf_put(&body, (lw_bytes){.ptr = name, .len = (size_t)name_len}));
    LW_TRY(put_signature(&body, ca, now, tbs));
    return put_element(der, V_ASN1_SEQUENCE, true, lw_buf_view(&body));
}

static lw_bytes octets_of(const uint8_t *octets, int len)
{
    return (lw_bytes){.ptr = octets, .len = len > 0 ? (size_t)len : 0};
}

lw_err hsm_x509_sign(X509 *x509, const struct hsm_signer *ca, int64_t now, lw_buf *der)
{
    EVP_PKEY *made = NULL;
    const EVP_MD *md = NULL;
    LW_TRY(placeholder(ca, &made, &md));
    HSM_AUTO(pkey) EVP_PKEY *pkey = made;
    HSM_AUTO(octets) uint8_t *tbs = NULL;
    if (X509_sign(x509, pkey, md) <= 0) {
        return hsm_x509_failed();
    }
    const int len = i2d_re_X509_tbs(x509, &tbs);
    return assemble(octets_of(tbs, len), X509_get0_tbs_sigalg(x509), ca, now, der);
}

lw_err hsm_x509_sign_crl(X509_CRL *crl, const struct hsm_signer *ca, int64_t now, lw_buf *der)
{
    EVP_PKEY *made = NULL;
    const EVP_MD *md = NULL;
    const X509_ALGOR *algorithm = NULL;
    LW_TRY(placeholder(ca, &made, &md));
    HSM_AUTO(pkey) EVP_PKEY *pkey = made;
    HSM_AUTO(octets) uint8_t *tbs = NULL;
    if (X509_CRL_sign(crl, pkey, md) <= 0) {
        return hsm_x509_failed();
    }
    X509_CRL_get0_signature(crl, NULL, &algorithm);
    const int len = i2d_re_X509_CRL_tbs(crl, &tbs);
    return assemble(octets_of(tbs, len), algorithm, ca, now, der);
}
