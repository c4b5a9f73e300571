#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "auto.h"
#include "x509_build.h"

enum { CRL_VERSION_2 = 1, REVOKED_MAX = 1000000 };

HSM_AUTO_FREE(crl, X509_CRL, X509_CRL_free)
HSM_AUTO_FREE(revoked, X509_REVOKED, X509_REVOKED_free)
HSM_AUTO_FREE(number, ASN1_INTEGER, ASN1_INTEGER_free)
HSM_AUTO_FREE(bignum, BIGNUM, BN_free)
HSM_AUTO_FREE(time, ASN1_TIME, ASN1_TIME_free)
HSM_AUTO_FREE(authority, AUTHORITY_KEYID, AUTHORITY_KEYID_free)

static lw_err set_times(X509_CRL *crl, int64_t now, int64_t next_update)
{
    HSM_AUTO(time) ASN1_TIME *from = ASN1_TIME_set(NULL, now);
    HSM_AUTO(time) ASN1_TIME *until = ASN1_TIME_set(NULL, next_update);
    if (from == NULL || until == NULL || X509_CRL_set1_lastUpdate(crl, from) != 1 ||
        X509_CRL_set1_nextUpdate(crl, until) != 1) {
        return hsm_x509_failed();
    }
    return LW_SUCCESS;
}

static lw_err put_revoked(X509_CRL *crl, const struct hsm_revoked *entry)
{
    if (entry->serial.len == 0 || entry->serial.len > HSM_CERT_SERIAL_MAX ||
        (entry->serial.ptr[0] & 0x80) != 0) {
        return LW_FAIL(LW_E_VALUE, "crl: no such serial number", LW_NOWHERE);
    }
    HSM_AUTO(revoked) X509_REVOKED *made = X509_REVOKED_new();
    HSM_AUTO(bignum) BIGNUM *n = BN_bin2bn(entry->serial.ptr, (int)entry->serial.len, NULL);
    HSM_AUTO(number) ASN1_INTEGER *serial = n == NULL ? NULL : BN_to_ASN1_INTEGER(n, NULL);
    HSM_AUTO(time) ASN1_TIME *at = ASN1_TIME_set(NULL, entry->revoked_at);
    if (made == NULL || serial == NULL || at == NULL ||
        X509_REVOKED_set_serialNumber(made, serial) != 1 ||
        X509_REVOKED_set_revocationDate(made, at) != 1 || X509_CRL_add0_revoked(crl, made) != 1) {
        return hsm_x509_failed();
    }
    made = NULL; /* now the list's */
    return LW_SUCCESS;
}

/* RFC 5280 sections 5.2.1 and 5.2.3: both are required, and not critical. */
static lw_err put_extensions(X509_CRL *crl, const struct hsm_x509_issuer *issuer,
                             uint64_t crl_number)
{
    HSM_AUTO(number) ASN1_INTEGER *number = ASN1_INTEGER_new();
    HSM_AUTO(authority) AUTHORITY_KEYID *authority = hsm_x509_authority_of(&issuer->cert);
    if (number == NULL || authority == NULL || ASN1_INTEGER_set_uint64(number, crl_number) != 1 ||
        X509_CRL_add1_ext_i2d(crl, NID_authority_key_identifier, authority, 0, 0) != 1 ||
        X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0) != 1) {
        return hsm_x509_failed();
    }
    return LW_SUCCESS;
}

lw_err hsm_crl_issue(const struct hsm_signer *ca, const struct hsm_revoked *revoked, size_t count,
                     uint64_t crl_number, int64_t now, int64_t next_update, lw_buf *der)
{
    HSM_AUTO_ISSUER issuer = {.self = ca->cert.len == 0};
    if (next_update <= now || count > REVOKED_MAX) {
        return LW_FAIL(LW_E_VALUE, "crl: ends before it begins, or too long", LW_NOWHERE);
    }
    LW_TRY(hsm_x509_issuer(&issuer, ca, NULL));
    if ((issuer.cert.uses & HSM_CERT_USE_CRL) == 0) {
        return LW_FAIL(LW_E_DENIED, "crl: the authority may not sign it", LW_NOWHERE);
    }
    HSM_AUTO(crl) X509_CRL *crl = X509_CRL_new();
    if (crl == NULL || X509_CRL_set_version(crl, CRL_VERSION_2) != 1 ||
        X509_CRL_set_issuer_name(crl, X509_get_subject_name(issuer.x509)) != 1) {
        return hsm_x509_failed();
    }
    LW_TRY(set_times(crl, now, next_update));
    LW_TRY(put_extensions(crl, &issuer, crl_number));
    for (size_t i = 0; i < count; i++) {
        LW_TRY(put_revoked(crl, &revoked[i]));
    }
    return X509_CRL_sort(crl) == 1 ? hsm_x509_sign_crl(crl, ca, now, der) : hsm_x509_failed();
}
