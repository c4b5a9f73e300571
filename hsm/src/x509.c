#include "hsm/x509.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <time.h>

#include "algorithm.h"
#include "auto.h"
#include "der.h"
#include "hsm/digest.h"
#include "lw/clock.h"
#include "x509_ext.h"

enum { VERSION_3 = 2, FIRST_GENERALIZED_YEAR = 2050, UNUSED_BITS = 7, MINUTE_S = 60 };

HSM_AUTO_FREE(x509, X509, X509_free)

static lw_err syntax(void)
{
    return LW_FAIL(LW_E_SYNTAX, "certificate: not strict DER", LW_NOWHERE);
}

static lw_err bad_value(const char *why)
{
    return LW_FAIL(LW_E_VALUE, why, LW_NOWHERE);
}

static lw_err unsupported(const char *why)
{
    return LW_FAIL(LW_E_UNSUPPORTED, why, LW_NOWHERE);
}

/* Finds the parts that are compared or hashed as they came (RFC 5280 section 4.1). */
static lw_err read_slices(struct hsm_cert *cert)
{
    lw_bytes rest = cert->der;
    struct hsm_der e;
    LW_TRY(hsm_der_next(&rest, HSM_DER_SEQUENCE, &e));
    rest = e.content;
    LW_TRY(hsm_der_next(&rest, HSM_DER_SEQUENCE, &e));
    cert->tbs = e.whole;
    rest = e.content;
    LW_TRY(hsm_der_next(&rest, HSM_DER_EXPLICIT_0, &e)); /* version */
    LW_TRY(hsm_der_next(&rest, HSM_DER_INTEGER, &e));
    cert->serial = e.content;
    LW_TRY(hsm_der_next(&rest, HSM_DER_SEQUENCE, &e)); /* signature algorithm */
    LW_TRY(hsm_der_next(&rest, HSM_DER_SEQUENCE, &e));
    cert->issuer = e.whole;
    LW_TRY(hsm_der_next(&rest, HSM_DER_SEQUENCE, &e)); /* validity */
    LW_TRY(hsm_der_next(&rest, HSM_DER_SEQUENCE, &e));
    cert->subject = e.whole;
    return LW_SUCCESS;
}

/* RFC 5280 section 4.1.2.2: positive, at most 20 bytes. */
static lw_err check_serial(struct hsm_cert *cert)
{
    lw_bytes *n = &cert->serial;
    if ((n->ptr[0] & 0x80) != 0 || (n->len == 1 && n->ptr[0] == 0)) {
        return bad_value("certificate: serial number not positive");
    }
    if (n->len > HSM_CERT_SERIAL_MAX) {
        return bad_value("certificate: serial number too long");
    }
    return LW_SUCCESS;
}

static lw_err read_signature(const X509 *x509, struct hsm_cert *cert)
{
    const ASN1_BIT_STRING *bits = NULL;
    const X509_ALGOR *outer = NULL;
    X509_get0_signature(&bits, &outer, x509);
    const ASN1_OBJECT *oid = NULL;
    int parameter = V_ASN1_UNDEF;
    X509_ALGOR_get0(&oid, &parameter, NULL, outer);
    if (X509_ALGOR_cmp(outer, X509_get0_tbs_sigalg(x509)) != 0) {
        return bad_value("certificate: two signature algorithms");
    }
    const struct hsm_algorithm *row = hsm_algorithm_by_signature(OBJ_obj2nid(oid));
    if (row == NULL || parameter != V_ASN1_UNDEF) {
        return unsupported("certificate: signature of no algorithm we accept");
    }
    if ((bits->flags & UNUSED_BITS) != 0) { /* nobody signs how many bits are unused */
        return syntax();
    }
    size_t len = 0;
    const lw_bytes der = {.ptr = ASN1_STRING_get0_data(bits),
                          .len = (size_t)ASN1_STRING_length(bits)};
    LW_TRY(hsm_sig_from_der(row->alg, der, cert->signature, &len));
    cert->sig_alg = row->alg;
    cert->signature_len = (uint8_t)len;
    return LW_SUCCESS;
}

/* RFC 5480 section 2.1: id-ecPublicKey with a named curve. */
static lw_err read_key(const X509 *x509, struct hsm_cert *cert)
{
    ASN1_OBJECT *oid = NULL;
    X509_ALGOR *algorithm = NULL;
    const uint8_t *point = NULL;
    int len = 0;
    int kind = V_ASN1_UNDEF;
    const void *curve = NULL;
    (void)X509_PUBKEY_get0_param(&oid, &point, &len, &algorithm, X509_get_X509_PUBKEY(x509));
    X509_ALGOR_get0(NULL, &kind, &curve, algorithm);
    const struct hsm_algorithm *row =
        kind == V_ASN1_OBJECT ? hsm_algorithm_by_curve(OBJ_obj2nid(curve)) : NULL;
    if (OBJ_obj2nid(oid) != NID_X9_62_id_ecPublicKey || row == NULL) {
        return unsupported("certificate: key of no algorithm we accept");
    }
    return hsm_public_key_from_point(&cert->key, row->alg,
                                     (lw_bytes){.ptr = point, .len = (size_t)len});
}

/* RFC 5280 section 4.1.2.5: two-digit years to 2049, four digits from 2050. */
static lw_err read_time(const ASN1_TIME *time, int64_t *t)
{
    struct tm tm = {0};
    if (ASN1_TIME_to_tm(time, &tm) != 1) {
        return bad_value("certificate: no such time");
    }
    const int64_t year = (int64_t)tm.tm_year + 1900;
    if ((ASN1_STRING_type(time) == V_ASN1_GENERALIZEDTIME) != (year >= FIRST_GENERALIZED_YEAR)) {
        return bad_value("certificate: time in the form of other years");
    }
    *t = lw_days_from_date(year, (unsigned)tm.tm_mon + 1, (unsigned)tm.tm_mday) * LW_DAY_S +
         (int64_t)tm.tm_hour * LW_HOUR_S + (int64_t)tm.tm_min * MINUTE_S + tm.tm_sec;
    return LW_SUCCESS;
}

/* Copies an attribute as UTF-8; "" when it is absent. */
static lw_err read_attribute(const X509_NAME *name, int nid, char *out, size_t room)
{
    const int at = X509_NAME_get_index_by_NID(name, nid, -1);
    out[0] = 0;
    if (at < 0) {
        return LW_SUCCESS;
    }
    if (X509_NAME_get_index_by_NID(name, nid, at) >= 0) {
        return bad_value("certificate: an attribute of its name twice");
    }
    HSM_AUTO(octets) uint8_t *text = NULL;
    const X509_NAME_ENTRY *entry = X509_NAME_get_entry(name, at);
    const int len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(entry));
    if (len < 0 || (len > 0 && memchr(text, 0, (size_t)len) != NULL)) {
        return bad_value("certificate: a name that is no text");
    }
    if ((size_t)len >= room) {
        return LW_FAIL(LW_E_LIMIT, "certificate: a name too long", LW_NOWHERE);
    }
    memcpy(out, text, (size_t)len);
    out[len] = 0;
    return LW_SUCCESS;
}

static bool is_capital(char c)
{
    return c >= 'A' && c <= 'Z';
}

static lw_err read_subject(const X509 *x509, struct hsm_cert *cert)
{
    const X509_NAME *subject = X509_get_subject_name(x509);
    LW_TRY(read_attribute(subject, NID_commonName, cert->common_name, HSM_CERT_NAME_MAX));
    LW_TRY(read_attribute(subject, NID_organizationIdentifier, cert->organization_id,
                          HSM_CERT_NAME_MAX));
    LW_TRY(read_attribute(subject, NID_countryName, cert->country, sizeof(cert->country)));
    if (cert->country[0] != 0 && (!is_capital(cert->country[0]) || !is_capital(cert->country[1]))) {
        return bad_value("certificate: country is not two capitals");
    }
    return LW_SUCCESS;
}

static lw_err read_names(const X509 *x509, struct hsm_cert *cert)
{
    /* RFC 5280 sections 4.1.2.4 and 4.1.2.6: issuers have names. */
    if (X509_NAME_entry_count(X509_get_issuer_name(x509)) == 0 ||
        (cert->is_ca && X509_NAME_entry_count(X509_get_subject_name(x509)) == 0)) {
        return bad_value("certificate: an issuer without a name");
    }
    return read_subject(x509, cert);
}

static lw_err read_all(X509 *x509, struct hsm_cert *cert)
{
    if (X509_get_version(x509) != VERSION_3) {
        return unsupported("certificate: not of version 3");
    }
    LW_TRY(read_slices(cert));
    LW_TRY(check_serial(cert));
    LW_TRY(read_signature(x509, cert));
    LW_TRY(read_key(x509, cert));
    LW_TRY(read_time(X509_get0_notBefore(x509), &cert->not_before));
    LW_TRY(read_time(X509_get0_notAfter(x509), &cert->not_after));
    LW_TRY(hsm_x509_extensions(x509, cert));
    return read_names(x509, cert);
}

lw_err hsm_cert_parse(lw_bytes der, struct hsm_cert *cert)
{
    struct hsm_cert made = {.der = der, .path_len = -1};
    if (der.len > HSM_CERT_MAX) {
        return LW_FAIL(LW_E_LIMIT, "certificate: too long", LW_NOWHERE);
    }
    LW_TRY(hsm_der_check(der));
    LW_TRY(hsm_sha256(der, made.sha256));
    const uint8_t *at = der.ptr;
    HSM_AUTO(x509) X509 *x509 = d2i_X509(NULL, &at, (long)der.len);
    const lw_err err = x509 == NULL ? syntax() : read_all(x509, &made);
    ERR_clear_error(); /* decoding leaves entries even where it succeeds */
    LW_TRY(err);
    *cert = made;
    return LW_SUCCESS;
}
