/* CRLs that were signed elsewhere. */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include "algorithm.h"
#include "auto.h"
#include "der.h"
#include "hsm/x509_issue.h"
#include "lw/clock.h"

enum { CRL_VERSION_2 = 1 };

HSM_AUTO_FREE(crl, X509_CRL, X509_CRL_free)
HSM_AUTO_FREE(x509, X509, X509_free)
HSM_AUTO_FREE(number, ASN1_INTEGER, ASN1_INTEGER_free)
HSM_AUTO_FREE(authority, AUTHORITY_KEYID, AUTHORITY_KEYID_free)
HSM_AUTO_FREE(bignum, BIGNUM, BN_free)

static lw_err bad_value(const char *why)
{
    return LW_FAIL(LW_E_VALUE, why, LW_NOWHERE);
}

static lw_err untrusted(const char *why)
{
    return LW_FAIL(LW_E_UNTRUSTED, why, LW_NOWHERE);
}

static lw_err read_time(const ASN1_TIME *time, int64_t *t)
{
    struct tm tm = {0};
    if (time == NULL || ASN1_TIME_to_tm(time, &tm) != 1) {
        return bad_value("crl: without both of its times");
    }
    *t = lw_days_from_date((int64_t)tm.tm_year + 1900, (unsigned)tm.tm_mon + 1,
                           (unsigned)tm.tm_mday) *
             LW_DAY_S +
         (int64_t)tm.tm_hour * LW_HOUR_S + (int64_t)tm.tm_min * 60 + tm.tm_sec;
    return LW_SUCCESS;
}

/* RFC 5280 section 5.2: what is critical and not understood makes the list another one. */
static lw_err read_extensions(const X509_CRL *crl, const struct hsm_cert *ca, struct hsm_crl *out)
{
    for (int i = 0; i < X509_CRL_get_ext_count(crl); i++) {
        if (X509_EXTENSION_get_critical(X509_CRL_get_ext(crl, i)) != 0) {
            return LW_FAIL(LW_E_UNSUPPORTED, "crl: for a part of the certificates only",
                           LW_NOWHERE);
        }
    }
    HSM_AUTO(number) ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    HSM_AUTO(authority)
    AUTHORITY_KEYID *authority =
        X509_CRL_get_ext_d2i(crl, NID_authority_key_identifier, NULL, NULL);
    if (number == NULL || ASN1_INTEGER_get_uint64(&out->number, number) != 1 || out->number == 0 ||
        out->number > INT64_MAX) {
        return bad_value("crl: without a number");
    }
    if (authority == NULL || authority->keyid == NULL ||
        !lw_bytes_eq((lw_bytes){.ptr = ASN1_STRING_get0_data(authority->keyid),
                                .len = (size_t)ASN1_STRING_length(authority->keyid)},
                     (lw_bytes){.ptr = ca->key_id, .len = ca->key_id_len})) {
        return untrusted("crl: of another key");
    }
    return LW_SUCCESS;
}

static lw_err check_signer(X509_CRL *crl, const struct hsm_cert *ca)
{
    const X509_ALGOR *algorithm = NULL;
    const ASN1_OBJECT *oid = NULL;
    HSM_AUTO(octets) uint8_t *name = NULL;
    const int len = i2d_X509_NAME(X509_CRL_get_issuer(crl), &name);
    const uint8_t *at = ca->der.ptr;
    HSM_AUTO(x509) X509 *x509 = d2i_X509(NULL, &at, (long)ca->der.len);
    if (len <= 0 || !lw_bytes_eq((lw_bytes){.ptr = name, .len = (size_t)len}, ca->subject)) {
        return untrusted("crl: of another issuer");
    }
    X509_CRL_get0_signature(crl, NULL, &algorithm);
    X509_ALGOR_get0(&oid, NULL, NULL, algorithm);
    const struct hsm_algorithm *row = hsm_algorithm_by_signature(OBJ_obj2nid(oid));
    if (row == NULL || row->alg != ca->key.alg) {
        return LW_FAIL(LW_E_UNSUPPORTED, "crl: signature of no algorithm we accept", LW_NOWHERE);
    }
    /* The bytes are checked as they came. The list's inner name of the algorithm is not compared:
     * whoever could make it differ has the authority's key (RFC 5280 section 5.1.1.2). */
    return x509 != NULL && X509_CRL_verify(crl, X509_get0_pubkey(x509)) == 1
               ? LW_SUCCESS
               : LW_FAIL(LW_E_SIGNATURE, "crl: not signed by its issuer's key", LW_NOWHERE);
}

static lw_err read_all(X509_CRL *crl, const struct hsm_cert *ca, struct hsm_crl *out)
{
    if (X509_CRL_get_version(crl) != CRL_VERSION_2) {
        return LW_FAIL(LW_E_UNSUPPORTED, "crl: not of version 2", LW_NOWHERE);
    }
    if ((ca->uses & HSM_CERT_USE_CRL) == 0) {
        return untrusted("crl: the authority may not sign it");
    }
    LW_TRY(check_signer(crl, ca));
    LW_TRY(read_extensions(crl, ca, out));
    LW_TRY(read_time(X509_CRL_get0_lastUpdate(crl), &out->this_update));
    LW_TRY(read_time(X509_CRL_get0_nextUpdate(crl), &out->next_update));
    return out->next_update > out->this_update ? LW_SUCCESS
                                               : bad_value("crl: ends before it begins");
}

static X509_CRL *decode(lw_bytes der)
{
    const uint8_t *at = der.ptr;
    return der.len > HSM_CRL_MAX ? NULL : d2i_X509_CRL(NULL, &at, (long)der.len);
}

lw_err hsm_crl_check(lw_bytes der, const struct hsm_cert *ca, struct hsm_crl *crl)
{
    struct hsm_crl made = {.der = der};
    LW_TRY(hsm_der_check(der));
    HSM_AUTO(crl) X509_CRL *decoded = decode(der);
    const lw_err err = decoded == NULL ? LW_FAIL(LW_E_SYNTAX, "crl: not a list in DER", LW_NOWHERE)
                                       : read_all(decoded, ca, &made);
    ERR_clear_error();
    LW_TRY(err);
    *crl = made;
    return LW_SUCCESS;
}

lw_err hsm_crl_revokes(const struct hsm_crl *crl, lw_bytes serial, bool *revoked)
{
    X509_REVOKED *entry = NULL;
    HSM_AUTO(crl) X509_CRL *decoded = decode(crl->der);
    HSM_AUTO(bignum) BIGNUM *n = BN_bin2bn(serial.ptr, (int)serial.len, NULL);
    HSM_AUTO(number) ASN1_INTEGER *number = n == NULL ? NULL : BN_to_ASN1_INTEGER(n, NULL);
    if (decoded == NULL || number == NULL) {
        ERR_clear_error();
        return LW_FAIL(LW_E_NOMEM, "crl: out of memory", LW_NOWHERE);
    }
    /* 2 stands for an entry that lifts a revocation. */
    *revoked = X509_CRL_get0_by_serial(decoded, &entry, number) == 1;
    return LW_SUCCESS;
}
