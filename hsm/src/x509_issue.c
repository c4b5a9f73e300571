#include "hsm/x509_issue.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "auto.h"
#include "x509_build.h"

enum { VERSION_3 = 2, SERIAL_LEN = HSM_CERT_SERIAL_MAX, CRL_URI_MAX = 1024 };
#define FIRST_TIME (INT64_C(-631152000))  /* 1950-01-01T00:00:00Z, RFC 5280 section 4.1.2.5.1 */
#define LAST_TIME (INT64_C(253402300799)) /* 9999-12-31T23:59:59Z */
enum { USES_BY_EKU = HSM_CERT_USE_MDOC_DS | HSM_CERT_USE_STATUS };

HSM_AUTO_FREE(x509, X509, X509_free)
HSM_AUTO_FREE(name, X509_NAME, X509_NAME_free)
HSM_AUTO_FREE(number, ASN1_INTEGER, ASN1_INTEGER_free)
HSM_AUTO_FREE(bignum, BIGNUM, BN_free)

static lw_err bad_value(const char *why)
{
    return LW_FAIL(LW_E_VALUE, why, LW_NOWHERE);
}

static lw_err check_uri(lw_str uri, size_t longest)
{
    for (size_t i = 0; i < uri.len; i++) {
        if (uri.ptr[i] <= ' ' || uri.ptr[i] >= 0x7f) {
            return bad_value("certificate request: a URI with other than ASCII");
        }
    }
    return uri.len <= longest ? LW_SUCCESS : bad_value("certificate request: a URI too long");
}

static lw_err check_country(lw_str country)
{
    if (country.len != 2 || country.ptr[0] < 'A' || country.ptr[0] > 'Z' || country.ptr[1] < 'A' ||
        country.ptr[1] > 'Z') {
        return bad_value("certificate request: country is not two capitals");
    }
    return LW_SUCCESS;
}

static lw_err check_uses(unsigned uses)
{
    const unsigned by_eku = uses & USES_BY_EKU;
    const bool authority = (uses & ~(unsigned)HSM_CERT_USE_CRL) == HSM_CERT_USE_CA;
    const bool signer = (uses & ~(unsigned)USES_BY_EKU) == HSM_CERT_USE_SIGN &&
                        (by_eku & (by_eku - 1)) == 0; /* one key, one purpose */
    return authority || signer ? LW_SUCCESS
                               : bad_value("certificate request: uses that do not go together");
}

static lw_err check_request(const struct hsm_cert_request *req)
{
    if (req->not_before > req->not_after || req->not_before < FIRST_TIME ||
        req->not_after > LAST_TIME) {
        return bad_value("certificate request: a life no certificate can have");
    }
    LW_TRY(check_country(req->country));
    LW_TRY(check_uri(req->crl_uri, CRL_URI_MAX));
    LW_TRY(check_uri(req->issuer_uri, HSM_CERT_NAME_MAX - 1));
    return check_uses(req->uses);
}

static lw_err put_attribute(X509_NAME *name, int nid, lw_str text)
{
    if (text.len == 0) {
        return LW_SUCCESS;
    }
    if (text.len >= HSM_CERT_NAME_MAX) {
        return bad_value("certificate request: a name too long");
    }
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.ptr[i];
        if (c < 0x20 || c == 0x7f) {
            return bad_value("certificate request: a name with control characters");
        }
    }
    /* Checks UTF-8 and the upper bounds of RFC 5280 appendix A. */
    if (X509_NAME_add_entry_by_NID(name, nid, MBSTRING_UTF8, lw_str_bytes(text).ptr, (int)text.len,
                                   -1, 0) != 1) {
        ERR_clear_error();
        return bad_value("certificate request: a name too long or no UTF-8");
    }
    return LW_SUCCESS;
}

static lw_err set_subject(X509 *x509, const struct hsm_cert_request *req)
{
    HSM_AUTO(name) X509_NAME *name = X509_NAME_new();
    if (name == NULL) {
        return hsm_x509_failed();
    }
    if (req->common_name.len == 0) {
        return bad_value("certificate request: no common name");
    }
    LW_TRY(put_attribute(name, NID_countryName, req->country));
    LW_TRY(put_attribute(name, NID_organizationName, req->organization));
    LW_TRY(put_attribute(name, NID_organizationIdentifier, req->organization_id));
    LW_TRY(put_attribute(name, NID_commonName, req->common_name));
    return X509_set_subject_name(x509, name) == 1 ? LW_SUCCESS : hsm_x509_failed();
}

static lw_err set_serial(X509 *x509, const struct lw_rng *rng)
{
    uint8_t bytes[SERIAL_LEN];
    LW_TRY(lw_rng_fill(rng, bytes, sizeof(bytes)));
    bytes[0] = (uint8_t)((bytes[0] & 0x3f) | 0x40); /* positive, and always of this length */
    HSM_AUTO(bignum) BIGNUM *n = BN_bin2bn(bytes, sizeof(bytes), NULL);
    HSM_AUTO(number) ASN1_INTEGER *serial = n == NULL ? NULL : BN_to_ASN1_INTEGER(n, NULL);
    return serial != NULL && X509_set_serialNumber(x509, serial) == 1 ? LW_SUCCESS
                                                                      : hsm_x509_failed();
}

static lw_err set_life(X509 *x509, const struct hsm_cert_request *req)
{
    if (ASN1_TIME_set(X509_getm_notBefore(x509), req->not_before) == NULL ||
        ASN1_TIME_set(X509_getm_notAfter(x509), req->not_after) == NULL) {
        return hsm_x509_failed();
    }
    return LW_SUCCESS;
}

static lw_err put_extensions(X509 *x509, const struct hsm_cert_request *req,
                             const struct hsm_x509_issuer *issuer)
{
    if ((req->uses & HSM_CERT_USE_CA) != 0) {
        LW_TRY(hsm_x509_put_authority(x509));
    }
    LW_TRY(hsm_x509_put_uses(x509, req->uses));
    LW_TRY(hsm_x509_put_key_id(x509));
    LW_TRY(hsm_x509_put_authority_key_id(x509, issuer));
    LW_TRY(hsm_x509_put_uri(x509, NID_subject_alt_name, req->issuer_uri));
    LW_TRY(hsm_x509_put_issuer_uri(x509, issuer));
    return hsm_x509_put_crl_uri(x509, req->crl_uri);
}

static lw_err check_life(const struct hsm_cert_request *req, const struct hsm_x509_issuer *issuer)
{
    if (!issuer->self &&
        (req->not_before < issuer->cert.not_before || req->not_after > issuer->cert.not_after)) {
        return bad_value("certificate request: a life outside the authority's");
    }
    if (issuer->self && (req->uses & HSM_CERT_USE_CA) == 0) {
        return bad_value("certificate request: only an authority signs itself");
    }
    return LW_SUCCESS;
}

static lw_err build(X509 *x509, const struct hsm_cert_request *req,
                    const struct hsm_x509_issuer *issuer, const struct lw_rng *rng)
{
    LW_TRY(set_subject(x509, req));
    LW_TRY(set_serial(x509, rng));
    LW_TRY(set_life(x509, req));
    LW_TRY(hsm_x509_set_key(x509, &req->key));
    const X509_NAME *name =
        issuer->self ? X509_get_subject_name(x509) : X509_get_subject_name(issuer->x509);
    if (X509_set_version(x509, VERSION_3) != 1 || X509_set_issuer_name(x509, name) != 1) {
        return hsm_x509_failed();
    }
    return put_extensions(x509, req, issuer);
}

lw_err hsm_cert_issue(const struct hsm_signer *ca, const struct hsm_cert_request *req, int64_t now,
                      const struct lw_rng *rng, lw_buf *der)
{
    HSM_AUTO_ISSUER issuer = {.self = ca->cert.len == 0};
    LW_TRY(check_request(req));
    LW_TRY(hsm_x509_issuer(&issuer, ca, &req->key));
    LW_TRY(check_life(req, &issuer));
    HSM_AUTO(x509) X509 *x509 = X509_new();
    if (x509 == NULL) {
        return hsm_x509_failed();
    }
    LW_TRY(build(x509, req, &issuer, rng));
    return hsm_x509_sign(x509, ca, now, der);
}
