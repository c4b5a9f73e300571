#include "x509_build.h"

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/x509v3.h>

#include "algorithm.h"
#include "auto.h"

enum { BIT_DIGITAL_SIGNATURE = 0, BIT_CERT_SIGN = 5, BIT_CRL_SIGN = 6, CA_TRUE = 0xff };

HSM_AUTO_FREE(pkey, EVP_PKEY, EVP_PKEY_free)
HSM_AUTO_FREE(pkey_ctx, EVP_PKEY_CTX, EVP_PKEY_CTX_free)
HSM_AUTO_FREE(constraints, BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free)
HSM_AUTO_FREE(bits, ASN1_BIT_STRING, ASN1_BIT_STRING_free)
HSM_AUTO_FREE(usages, EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free)
HSM_AUTO_FREE(string, ASN1_OCTET_STRING, ASN1_OCTET_STRING_free)
HSM_AUTO_FREE(authority, AUTHORITY_KEYID, AUTHORITY_KEYID_free)
HSM_AUTO_FREE(names, GENERAL_NAMES, GENERAL_NAMES_free)
HSM_AUTO_FREE(points, CRL_DIST_POINTS, CRL_DIST_POINTS_free)
HSM_AUTO_FREE(point, DIST_POINT, DIST_POINT_free)

lw_err hsm_x509_failed(void)
{
    ERR_clear_error();
    return LW_FAIL(LW_E_CRYPTO, "certificate: the library failed", LW_NOWHERE);
}

lw_err hsm_x509_issuer(struct hsm_x509_issuer *issuer, const struct hsm_signer *ca,
                       const struct hsm_public_key *subject)
{
    if (issuer->self) {
        return subject != NULL && hsm_public_key_eq(subject, &ca->key)
                   ? LW_SUCCESS
                   : LW_FAIL(LW_E_DENIED,
                             "certificate: signed by another key without a certificate",
                             LW_NOWHERE);
    }
    LW_TRY(hsm_cert_parse(ca->cert, &issuer->cert));
    if ((issuer->cert.uses & HSM_CERT_USE_CA) == 0 || issuer->cert.key_id_len == 0 ||
        !hsm_public_key_eq(&issuer->cert.key, &ca->key)) {
        return LW_FAIL(LW_E_DENIED, "certificate: the signer is no authority", LW_NOWHERE);
    }
    const uint8_t *at = ca->cert.ptr;
    issuer->x509 = d2i_X509(NULL, &at, (long)ca->cert.len);
    return issuer->x509 == NULL ? hsm_x509_failed() : LW_SUCCESS;
}

lw_err hsm_x509_set_key(X509 *x509, const struct hsm_public_key *key)
{
    const struct hsm_algorithm *row = hsm_algorithm(key->alg);
    if (row == NULL || row->curve == NULL) {
        return LW_FAIL(LW_E_UNSUPPORTED, "certificate: key of no algorithm we accept", LW_NOWHERE);
    }
    HSM_AUTO(pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    OSSL_PARAM *params = NULL;
    EVP_PKEY *made = NULL;
    if (builder != NULL &&
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, row->curve, 0) == 1 &&
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, key->point,
                                         key->point_len) == 1) {
        params = OSSL_PARAM_BLD_to_param(builder);
    }
    const bool done = params != NULL && ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1 &&
                      EVP_PKEY_fromdata(ctx, &made, EVP_PKEY_PUBLIC_KEY, params) == 1;
    OSSL_PARAM_free(params);
    OSSL_PARAM_BLD_free(builder);
    HSM_AUTO(pkey) EVP_PKEY *pkey = made;
    return done && X509_set_pubkey(x509, pkey) == 1 ? LW_SUCCESS : hsm_x509_failed();
}

static lw_err put(X509 *x509, int nid, void *value, bool critical)
{
    const bool done = value != NULL && X509_add1_ext_i2d(x509, nid, value, critical ? 1 : 0,
                                                         X509V3_ADD_DEFAULT) == 1;
    return done ? LW_SUCCESS : hsm_x509_failed();
}

lw_err hsm_x509_put_authority(X509 *x509)
{
    HSM_AUTO(constraints) BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();
    if (constraints == NULL) {
        return hsm_x509_failed();
    }
    constraints->ca = CA_TRUE;
    constraints->pathlen = ASN1_INTEGER_new(); /* 0 */
    return constraints->pathlen == NULL ? hsm_x509_failed()
                                        : put(x509, NID_basic_constraints, constraints, true);
}

static lw_err put_key_usage(X509 *x509, unsigned uses)
{
    static const struct {
        unsigned use;
        int bit;
    } rows[] = {{HSM_CERT_USE_SIGN, BIT_DIGITAL_SIGNATURE},
                {HSM_CERT_USE_CA, BIT_CERT_SIGN},
                {HSM_CERT_USE_CRL, BIT_CRL_SIGN}};
    HSM_AUTO(bits) ASN1_BIT_STRING *bits = ASN1_BIT_STRING_new();
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        if ((uses & rows[i].use) != 0 &&
            (bits == NULL || ASN1_BIT_STRING_set_bit(bits, rows[i].bit, 1) != 1)) {
            return hsm_x509_failed();
        }
    }
    return put(x509, NID_key_usage, bits, true);
}

static lw_err put_extended_usage(X509 *x509, const char *oid)
{
    HSM_AUTO(usages) EXTENDED_KEY_USAGE *usages = EXTENDED_KEY_USAGE_new();
    ASN1_OBJECT *usage = OBJ_txt2obj(oid, 1);
    if (usages == NULL || usage == NULL || sk_ASN1_OBJECT_push(usages, usage) <= 0) {
        ASN1_OBJECT_free(usage);
        return hsm_x509_failed();
    }
    return put(x509, NID_ext_key_usage, usages, true);
}

lw_err hsm_x509_put_uses(X509 *x509, unsigned uses)
{
    LW_TRY(put_key_usage(x509, uses));
    if ((uses & HSM_CERT_USE_MDOC_DS) != 0) {
        return put_extended_usage(x509, HSM_OID_MDOC_DS);
    }
    return (uses & HSM_CERT_USE_STATUS) != 0 ? put_extended_usage(x509, HSM_OID_STATUS_SIGNING)
                                             : LW_SUCCESS;
}

/* SHA-1 of the public key's bits: an identifier, not a protection (RFC 5280 section 4.2.1.2). */
static bool key_id_of(const X509 *x509, ASN1_OCTET_STRING *id)
{
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    return X509_pubkey_digest(x509, EVP_sha1(), digest, &len) == 1 &&
           ASN1_OCTET_STRING_set(id, digest, (int)len) == 1;
}

lw_err hsm_x509_put_key_id(X509 *x509)
{
    HSM_AUTO(string) ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    if (id == NULL || !key_id_of(x509, id)) {
        return hsm_x509_failed();
    }
    return put(x509, NID_subject_key_identifier, id, false);
}

AUTHORITY_KEYID *hsm_x509_authority_of(const struct hsm_cert *cert)
{
    AUTHORITY_KEYID *authority = AUTHORITY_KEYID_new();
    ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
    if (authority == NULL || id == NULL ||
        ASN1_OCTET_STRING_set(id, cert->key_id, cert->key_id_len) != 1) {
        ASN1_OCTET_STRING_free(id);
        AUTHORITY_KEYID_free(authority);
        return NULL;
    }
    authority->keyid = id;
    return authority;
}

lw_err hsm_x509_put_authority_key_id(X509 *x509, const struct hsm_x509_issuer *issuer)
{
    if (issuer->self) {
        return LW_SUCCESS; /* it would repeat the subject's */
    }
    HSM_AUTO(authority) AUTHORITY_KEYID *authority = hsm_x509_authority_of(&issuer->cert);
    return put(x509, NID_authority_key_identifier, authority, false);
}

static GENERAL_NAMES *names_of(lw_str uri)
{
    GENERAL_NAMES *names = GENERAL_NAMES_new();
    GENERAL_NAME *name = GENERAL_NAME_new();
    ASN1_IA5STRING *text = ASN1_IA5STRING_new();
    if (names == NULL || name == NULL || text == NULL ||
        ASN1_STRING_set(text, uri.ptr, (int)uri.len) != 1 ||
        sk_GENERAL_NAME_push(names, name) <= 0) {
        ASN1_IA5STRING_free(text);
        GENERAL_NAME_free(name);
        GENERAL_NAMES_free(names);
        return NULL;
    }
    GENERAL_NAME_set0_value(name, GEN_URI, text);
    return names;
}

lw_err hsm_x509_put_uri(X509 *x509, int nid, lw_str uri)
{
    if (uri.len == 0) {
        return LW_SUCCESS;
    }
    HSM_AUTO(names) GENERAL_NAMES *names = names_of(uri);
    return put(x509, nid, names, false);
}

lw_err hsm_x509_put_issuer_uri(X509 *x509, const struct hsm_x509_issuer *issuer)
{
    HSM_AUTO(names)
    GENERAL_NAMES *names =
        X509_get_ext_d2i(issuer->self ? x509 : issuer->x509, NID_subject_alt_name, NULL, NULL);
    return names == NULL ? LW_SUCCESS : put(x509, NID_issuer_alt_name, names, false);
}

lw_err hsm_x509_put_crl_uri(X509 *x509, lw_str uri)
{
    if (uri.len == 0) {
        return LW_SUCCESS;
    }
    HSM_AUTO(points) CRL_DIST_POINTS *points = CRL_DIST_POINTS_new();
    HSM_AUTO(point) DIST_POINT *made = DIST_POINT_new();
    if (points == NULL || made == NULL) {
        return hsm_x509_failed();
    }
    made->distpoint = DIST_POINT_NAME_new();
    if (made->distpoint == NULL) {
        return hsm_x509_failed();
    }
    made->distpoint->type = 0; /* fullName */
    made->distpoint->name.fullname = names_of(uri);
    if (made->distpoint->name.fullname == NULL || sk_DIST_POINT_push(points, made) <= 0) {
        return hsm_x509_failed();
    }
    made = NULL; /* now the list's */
    return put(x509, NID_crl_distribution_points, points, false);
}
