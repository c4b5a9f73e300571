#include "x509_ext.h"

#include <limits.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "auto.h"

enum { EXTENSIONS_MAX = 32, OID_TEXT_MAX = 128 };
enum { BIT_DIGITAL_SIGNATURE = 0, BIT_CERT_SIGN = 5, BIT_CRL_SIGN = 6, UNUSED_BITS = 7 };

HSM_AUTO_FREE(extension, X509_EXTENSION, X509_EXTENSION_free)
HSM_AUTO_FREE(constraints, BASIC_CONSTRAINTS, BASIC_CONSTRAINTS_free)
HSM_AUTO_FREE(bits, ASN1_BIT_STRING, ASN1_BIT_STRING_free)
HSM_AUTO_FREE(usages, EXTENDED_KEY_USAGE, EXTENDED_KEY_USAGE_free)
HSM_AUTO_FREE(string, ASN1_OCTET_STRING, ASN1_OCTET_STRING_free)
HSM_AUTO_FREE(authority, AUTHORITY_KEYID, AUTHORITY_KEYID_free)
HSM_AUTO_FREE(names, GENERAL_NAMES, GENERAL_NAMES_free)

/* What one extension says is judged only beside the others. */
struct found {
    struct hsm_cert *cert;
    bool cert_sign;        /* keyUsage keyCertSign */
    bool constraints_crit; /* and critical */
};

static lw_err bad_value(const char *why)
{
    return LW_FAIL(LW_E_VALUE, why, LW_NOWHERE);
}

/*
 * Whether `value`, decoded from `ext`, is written in its one form: encoded again it is the same.
 * DEFAULT values written out and bytes after the value show only so.
 */
static lw_err check_form(X509_EXTENSION *ext, void *value)
{
    const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(ext));
    HSM_AUTO(extension)
    X509_EXTENSION *again = value == NULL ? NULL : X509V3_EXT_i2d(nid, 0, value);
    if (again == NULL ||
        ASN1_OCTET_STRING_cmp(X509_EXTENSION_get_data(again), X509_EXTENSION_get_data(ext)) != 0) {
        return LW_FAIL(LW_E_SYNTAX, "certificate: extension not in strict DER", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static lw_err read_key_usage(X509_EXTENSION *ext, struct found *found)
{
    HSM_AUTO(bits) ASN1_BIT_STRING *bits = X509V3_EXT_d2i(ext);
    LW_TRY(check_form(ext, bits));
    const int len = ASN1_STRING_length(bits);
    if (len == 0) {
        return bad_value("certificate: key usage is empty"); /* RFC 5280 section 4.2.1.3 */
    }
    const unsigned last = ASN1_STRING_get0_data(bits)[len - 1];
    if ((last >> (bits->flags & UNUSED_BITS) & 1) == 0) { /* X.690 section 11.2.2 */
        return LW_FAIL(LW_E_SYNTAX, "certificate: key usage with zero bits kept", LW_NOWHERE);
    }
    found->cert_sign = ASN1_BIT_STRING_get_bit(bits, BIT_CERT_SIGN) == 1;
    if (ASN1_BIT_STRING_get_bit(bits, BIT_DIGITAL_SIGNATURE) == 1) {
        found->cert->uses |= HSM_CERT_USE_SIGN;
    }
    if (ASN1_BIT_STRING_get_bit(bits, BIT_CRL_SIGN) == 1) {
        found->cert->uses |= HSM_CERT_USE_CRL;
    }
    return LW_SUCCESS;
}

static lw_err read_constraints(X509_EXTENSION *ext, struct found *found)
{
    HSM_AUTO(constraints) BASIC_CONSTRAINTS *constraints = X509V3_EXT_d2i(ext);
    LW_TRY(check_form(ext, constraints));
    found->constraints_crit = X509_EXTENSION_get_critical(ext) == 1;
    found->cert->is_ca = constraints->ca != 0;
    if (constraints->pathlen == NULL) {
        return LW_SUCCESS;
    }
    int64_t len = -1;
    if (ASN1_INTEGER_get_int64(&len, constraints->pathlen) != 1 || len < 0 ||
        constraints->ca == 0) {
        return bad_value("certificate: impossible path length");
    }
    found->cert->path_len = len > INT_MAX ? INT_MAX : (int)len;
    return LW_SUCCESS;
}

static lw_err read_usages(X509_EXTENSION *ext, struct found *found)
{
    HSM_AUTO(usages) EXTENDED_KEY_USAGE *usages = X509V3_EXT_d2i(ext);
    LW_TRY(check_form(ext, usages));
    const int count = sk_ASN1_OBJECT_num(usages);
    if (count <= 0) {
        return bad_value("certificate: extended key usage is empty");
    }
    found->cert->limited = true;
    for (int i = 0; i < count; i++) {
        char oid[OID_TEXT_MAX];
        const ASN1_OBJECT *usage = sk_ASN1_OBJECT_value(usages, i);
        (void)OBJ_obj2txt(oid, sizeof(oid), usage, 1); /* cut when longer: then none of ours */
        if (strcmp(oid, HSM_OID_MDOC_DS) == 0) {
            found->cert->uses |= HSM_CERT_USE_MDOC_DS;
        } else if (strcmp(oid, HSM_OID_STATUS_SIGNING) == 0) {
            found->cert->uses |= HSM_CERT_USE_STATUS;
        } else if (OBJ_obj2nid(usage) == NID_anyExtendedKeyUsage) {
            found->cert->limited = false;
        }
    }
    return LW_SUCCESS;
}

static lw_err copy_key_id(const ASN1_OCTET_STRING *id, uint8_t *out, uint8_t *out_len)
{
    const int len = ASN1_STRING_length(id);
    if (len < 1 || len > HSM_CERT_KEY_ID_MAX) {
        return LW_FAIL(LW_E_LIMIT, "certificate: key identifier too long", LW_NOWHERE);
    }
    memcpy(out, ASN1_STRING_get0_data(id), (size_t)len);
    *out_len = (uint8_t)len;
    return LW_SUCCESS;
}

static lw_err read_key_id(X509_EXTENSION *ext, struct found *found)
{
    HSM_AUTO(string) ASN1_OCTET_STRING *id = X509V3_EXT_d2i(ext);
    LW_TRY(check_form(ext, id));
    return copy_key_id(id, found->cert->key_id, &found->cert->key_id_len);
}

static lw_err read_authority(X509_EXTENSION *ext, struct found *found)
{
    HSM_AUTO(authority) AUTHORITY_KEYID *authority = X509V3_EXT_d2i(ext);
    LW_TRY(check_form(ext, authority));
    if (authority->keyid == NULL) {
        return LW_SUCCESS;
    }
    return copy_key_id(authority->keyid, found->cert->authority_key_id,
                       &found->cert->authority_key_id_len);
}

/* IA5String: ASCII; control characters and spaces are in no URI (RFC 3986 section 2). */
static lw_err copy_uri(const ASN1_STRING *text, char out[HSM_CERT_NAME_MAX])
{
    const uint8_t *c = ASN1_STRING_get0_data(text);
    const size_t len = (size_t)ASN1_STRING_length(text);
    if (len >= HSM_CERT_NAME_MAX) {
        return LW_FAIL(LW_E_LIMIT, "certificate: URI too long", LW_NOWHERE);
    }
    for (size_t i = 0; i < len; i++) {
        if (c[i] <= 0x20 || c[i] >= 0x7f) {
            return bad_value("certificate: a URI with other than ASCII");
        }
        out[i] = (char)c[i];
    }
    out[len] = 0;
    return LW_SUCCESS;
}

static lw_err read_names(X509_EXTENSION *ext, struct found *found)
{
    HSM_AUTO(names) GENERAL_NAMES *names = X509V3_EXT_d2i(ext);
    LW_TRY(check_form(ext, names));
    const int count = sk_GENERAL_NAME_num(names);
    if (count <= 0) {
        return bad_value("certificate: alternative name is empty");
    }
    for (int i = 0; i < count; i++) {
        int kind = 0;
        const ASN1_STRING *text = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, i), &kind);
        if (kind == GEN_URI) {
            return copy_uri(text, found->cert->uri);
        }
    }
    return LW_SUCCESS;
}

static lw_err refuse(X509_EXTENSION *ext, struct found *found)
{
    (void)ext;
    (void)found;
    return LW_FAIL(LW_E_UNSUPPORTED, "certificate: constrains what we do not check", LW_NOWHERE);
}

static const struct {
    int nid;
    bool may_be_critical;
    lw_err (*read)(X509_EXTENSION *ext, struct found *found);
} known[] = {
    {NID_key_usage, true, read_key_usage},
    {NID_basic_constraints, true, read_constraints},
    {NID_ext_key_usage, true, read_usages},
    {NID_subject_alt_name, true, read_names},
    {NID_subject_key_identifier, false, read_key_id},
    {NID_authority_key_identifier, false, read_authority},
    {NID_name_constraints, true, refuse},
    {NID_policy_constraints, true, refuse},
    {NID_inhibit_any_policy, true, refuse},
};

static lw_err read_one(X509_EXTENSION *ext, struct found *found)
{
    const int nid = OBJ_obj2nid(X509_EXTENSION_get_object(ext));
    const bool critical = X509_EXTENSION_get_critical(ext) == 1;
    for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
        if (known[i].nid == nid && (!critical || known[i].may_be_critical)) {
            return known[i].read(ext, found);
        }
    }
    return critical
               ? LW_FAIL(LW_E_UNSUPPORTED, "certificate: unknown critical extension", LW_NOWHERE)
               : LW_SUCCESS;
}

/* RFC 5280 sections 4.2.1.3 and 4.2.1.9. */
static lw_err judge(const struct found *found)
{
    if (found->cert_sign && !found->cert->is_ca) {
        return bad_value("certificate: may sign certificates but is no CA");
    }
    if (found->cert->is_ca && found->cert_sign && found->constraints_crit) {
        found->cert->uses |= HSM_CERT_USE_CA;
    }
    return LW_SUCCESS;
}

lw_err hsm_x509_extensions(X509 *x509, struct hsm_cert *cert)
{
    struct found found = {.cert = cert};
    const int count = X509_get_ext_count(x509);
    if (count > EXTENSIONS_MAX) {
        return LW_FAIL(LW_E_LIMIT, "certificate: too many extensions", LW_NOWHERE);
    }
    for (int i = 0; i < count; i++) {
        X509_EXTENSION *ext = X509_get_ext(x509, i);
        if (X509_get_ext_by_OBJ(x509, X509_EXTENSION_get_object(ext), i) >= 0) {
            return bad_value("certificate: an extension twice");
        }
        LW_TRY(read_one(ext, &found));
    }
    /* Those that we do not read: OpenSSL knows more of them and finds what is malformed. */
    if ((X509_get_extension_flags(x509) & EXFLAG_INVALID) != 0) {
        return LW_FAIL(LW_E_SYNTAX, "certificate: malformed extension", LW_NOWHERE);
    }
    return judge(&found);
}
