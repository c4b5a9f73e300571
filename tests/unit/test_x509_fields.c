#include "hsm/x509.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/x509v3.h>

#include "bytes.h"
#include "certs.h"

enum { NOW = 1795000000, BEGIN = NOW - 86400, END = NOW + 86400 };

#define KEY_IDS "subjectKeyIdentifier", "hash", "authorityKeyIdentifier", "keyid:always"
static const char *const ca_ext[] = {"basicConstraints",
                                     "critical,CA:TRUE",
                                     "keyUsage",
                                     "critical,keyCertSign,cRLSign",
                                     "subjectKeyIdentifier",
                                     "hash",
                                     NULL};
static const char *const leaf_ext[] = {"keyUsage", "critical,digitalSignature", KEY_IDS, NULL};

/* Made once: one authority and the keys that tests use. */
static EVP_PKEY *ca_key;
static EVP_PKEY *leaf_key;
static X509 *ca;

static struct support_cert leaf_spec(void)
{
    return (struct support_cert){.common_name = "Signer",
                                 .issuer = ca,
                                 .key = leaf_key,
                                 .signer = ca_key,
                                 .not_before = BEGIN,
                                 .not_after = END,
                                 .extensions = leaf_ext};
}

static struct support_cert ca_spec(void)
{
    return (struct support_cert){.common_name = "Root",
                                 .key = ca_key,
                                 .not_before = BEGIN,
                                 .not_after = END,
                                 .extensions = ca_ext};
}

static int set_up(void **state)
{
    (void)state;
    ca_key = EVP_EC_gen("P-256");
    leaf_key = EVP_EC_gen("P-256");
    const struct support_cert spec = ca_spec();
    ca = support_cert(&spec);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    X509_free(ca);
    EVP_PKEY_free(ca_key);
    EVP_PKEY_free(leaf_key);
    return 0;
}

static lw_buf der_of(const struct support_cert *spec)
{
    lw_buf der = LW_BUF(16384);
    X509 *made = support_cert(spec);
    support_cert_der(made, &der);
    X509_free(made);
    return der;
}

static lw_code parse(const struct support_cert *spec)
{
    LW_AUTO_BUF der = der_of(spec);
    struct hsm_cert cert;
    return hsm_cert_parse(lw_buf_view(&der), &cert).code;
}

static void to_version_1(X509 *x509)
{
    while (X509_get_ext_count(x509) > 0) {
        X509_EXTENSION_free(X509_delete_ext(x509, 0));
    }
    assert_int_equal(X509_set_version(x509, 0), 1);
}

static void to_version_2(X509 *x509)
{
    assert_int_equal(X509_set_version(x509, 1), 1);
}

static void set_serial(X509 *x509, const char *hex)
{
    BIGNUM *n = NULL;
    assert_true(BN_hex2bn(&n, hex) > 0);
    assert_non_null(BN_to_ASN1_INTEGER(n, X509_get_serialNumber(x509)));
    BN_free(n);
}

static void to_serial_0(X509 *x509)
{
    set_serial(x509, "0");
}

static void to_serial_negative(X509 *x509)
{
    set_serial(x509, "-1");
}

static void to_serial_of_20_bytes(X509 *x509)
{
    set_serial(x509, "7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF");
}

static void to_serial_of_21_bytes(X509 *x509)
{
    set_serial(x509, "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF");
}

static void put_name(X509 *x509, int nid, int type, const char *text, int len)
{
    assert_int_equal(X509_NAME_add_entry_by_NID(X509_get_subject_name(x509), nid, type,
                                                (const unsigned char *)text, len, -1, 0),
                     1);
}

static void to_two_common_names(X509 *x509)
{
    put_name(x509, NID_commonName, MBSTRING_UTF8, "Another", -1);
}

static void to_two_countries(X509 *x509)
{
    put_name(x509, NID_countryName, MBSTRING_UTF8, "UT", -1);
}

static void only_name(X509 *x509, int nid, int type, const char *text, int len)
{
    X509_NAME *name = X509_get_subject_name(x509);
    while (X509_NAME_entry_count(name) > 0) {
        X509_NAME_ENTRY_free(X509_NAME_delete_entry(name, 0));
    }
    put_name(x509, nid, type, text, len);
}

static void to_name_with_nul(X509 *x509)
{
    only_name(x509, NID_commonName, V_ASN1_UTF8STRING, "a\0b", 3);
}

static void to_name_of_256_bytes(X509 *x509)
{
    char text[257];
    memset(text, 'x', sizeof(text));
    only_name(x509, NID_commonName, V_ASN1_UTF8STRING, text, 256);
}

static void to_name_of_257_bytes(X509 *x509)
{
    char text[257];
    memset(text, 'x', sizeof(text));
    only_name(x509, NID_organizationIdentifier, V_ASN1_UTF8STRING, text, 257);
}

static void to_country_small(X509 *x509)
{
    only_name(x509, NID_countryName, V_ASN1_PRINTABLESTRING, "uT", 2);
}

static void to_country_half_small(X509 *x509)
{
    only_name(x509, NID_countryName, V_ASN1_PRINTABLESTRING, "Ut", 2);
}

static void to_country_of_one(X509 *x509)
{
    only_name(x509, NID_countryName, V_ASN1_PRINTABLESTRING, "U", 1);
}

static void to_country_of_three(X509 *x509)
{
    only_name(x509, NID_countryName, V_ASN1_PRINTABLESTRING, "UTO", 3);
}

static void to_no_issuer(X509 *x509)
{
    X509_NAME *empty = X509_NAME_new();
    assert_int_equal(X509_set_issuer_name(x509, empty), 1);
    X509_NAME_free(empty);
}

static void to_utc_of_2050(X509 *x509) /* UTCTime counts from 1950 to 2049 */
{
    assert_int_equal(ASN1_GENERALIZEDTIME_set_string(X509_getm_notAfter(x509), "20500101000000Z"),
                     1);
}

static void to_generalized_of_2049(X509 *x509)
{
    assert_int_equal(ASN1_GENERALIZEDTIME_set_string(X509_getm_notAfter(x509), "20491231235959Z"),
                     1);
}

static void to_february_30(X509 *x509)
{
    assert_int_equal(ASN1_STRING_set(X509_getm_notBefore(x509), "240230000000Z", 13), 1);
}

static void to_february_29(X509 *x509)
{
    assert_int_equal(ASN1_STRING_set(X509_getm_notBefore(x509), "240229000000Z", 13), 1);
}

static void to_time_without_seconds(X509 *x509)
{
    assert_int_equal(ASN1_STRING_set(X509_getm_notBefore(x509), "2402290000Z", 11), 1);
}

static void to_time_with_an_offset(X509 *x509)
{
    assert_int_equal(ASN1_STRING_set(X509_getm_notBefore(x509), "240229000000+0100", 17), 1);
}

static void bent_fields_are_refused(void **state)
{
    static const struct {
        void (*bend)(X509 *x509);
        lw_code code;
    } cases[] = {
        {to_version_1, LW_E_UNSUPPORTED},
        {to_version_2, LW_E_UNSUPPORTED},
        {to_serial_0, LW_E_VALUE},
        {to_serial_negative, LW_E_VALUE},
        {to_serial_of_20_bytes, LW_OK},
        {to_serial_of_21_bytes, LW_E_VALUE},
        {to_two_common_names, LW_E_VALUE},
        {to_two_countries, LW_E_VALUE},
        {to_name_with_nul, LW_E_VALUE},
        {to_name_of_256_bytes, LW_OK},
        {to_name_of_257_bytes, LW_E_LIMIT},
        {to_country_small, LW_E_VALUE},
        {to_country_half_small, LW_E_VALUE},
        {to_country_of_one, LW_E_VALUE},
        {to_country_of_three, LW_E_LIMIT},
        {to_no_issuer, LW_E_VALUE},
        {to_utc_of_2050, LW_OK},
        {to_generalized_of_2049, LW_E_VALUE},
        {to_february_29, LW_OK},
        {to_february_30, LW_E_VALUE},
        {to_time_without_seconds, LW_E_SYNTAX},
        {to_time_with_an_offset, LW_E_SYNTAX},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct support_cert spec = leaf_spec();
        spec.bend = cases[i].bend;
        assert_int_equal(parse(&spec), cases[i].code);
    }
    struct support_cert nameless = leaf_spec();
    nameless.common_name = NULL;
    assert_int_equal(parse(&nameless), LW_OK);
    nameless.extensions = ca_ext;
    assert_int_equal(parse(&nameless), LW_E_VALUE);
}

static void a_certificate_cut_anywhere_or_with_more_behind_is_refused(void **state)
{
    (void)state;
    const struct support_cert spec = leaf_spec();
    LW_AUTO_BUF der = der_of(&spec);
    struct hsm_cert cert;
    for (size_t len = 0; len < der.len; len++) {
        const lw_bytes cut = {.ptr = der.ptr, .len = len};
        assert_int_equal(hsm_cert_parse(cut, &cert).code, LW_E_SYNTAX);
    }
    assert_int_equal(lw_buf_put_byte(&der, 0).code, LW_OK);
    const lw_err err = hsm_cert_parse(lw_buf_view(&der), &cert);
    assert_int_equal(err.code, LW_E_SYNTAX);
    assert_int_equal(err.at, der.len - 1);
    while (der.len <= HSM_CERT_MAX) {
        assert_int_equal(lw_buf_put_byte(&der, 0).code, LW_OK);
    }
    assert_int_equal(hsm_cert_parse(lw_buf_view(&der), &cert).code, LW_E_LIMIT);
    lw_buf_truncate(&der, HSM_CERT_MAX);
    assert_int_equal(hsm_cert_parse(lw_buf_view(&der), &cert).code, LW_E_SYNTAX);
}

/* Finds `pattern` in `der`, which must hold it once. */
static size_t find(const lw_buf *der, const char *pattern)
{
    LW_AUTO_BUF want = LW_BUF(64);
    size_t found = SIZE_MAX;
    support_hex(pattern, &want);
    for (size_t i = 0; i + want.len <= der->len; i++) {
        if (memcmp(der->ptr + i, want.ptr, want.len) == 0) {
            assert_int_equal(found, SIZE_MAX);
            found = i;
        }
    }
    assert_int_not_equal(found, SIZE_MAX);
    return found;
}

static void forms_that_only_ber_allows_are_refused(void **state)
{
    (void)state;
    const struct support_cert spec = leaf_spec();
    LW_AUTO_BUF der = der_of(&spec);
    struct hsm_cert cert;
    assert_int_equal(hsm_cert_parse(lw_buf_view(&der), &cert).code, LW_OK);

    /* "critical" of keyUsage: FALSE written out, and a TRUE that is not FF. */
    const size_t critical = find(&der, "0603551d0f0101ff") + 7;
    der.ptr[critical] = 0x00;
    assert_int_equal(hsm_cert_parse(lw_buf_view(&der), &cert).code, LW_E_SYNTAX);
    der.ptr[critical] = 0x01;
    assert_int_equal(hsm_cert_parse(lw_buf_view(&der), &cert).code, LW_E_SYNTAX);
    der.ptr[critical] = 0xff;

    /* Unused bits of the signature, which nothing signs. */
    const size_t unused = (size_t)(cert.tbs.ptr - der.ptr) + cert.tbs.len + 12 + 2;
    assert_int_equal(der.ptr[unused - 2], 0x03);
    const uint8_t last = der.ptr[der.len - 1];
    der.ptr[der.len - 1] = last & 0xfe;
    assert_int_equal(hsm_cert_parse(lw_buf_view(&der), &cert).code, LW_OK);
    der.ptr[unused] = 1;
    assert_int_equal(hsm_cert_parse(lw_buf_view(&der), &cert).code, LW_E_SYNTAX);
    der.ptr[unused] = 0;
    der.ptr[der.len - 1] = last;

    /* Another algorithm outside than inside: SHA-384 for SHA-256. */
    const size_t outer = (size_t)(cert.tbs.ptr - der.ptr) + cert.tbs.len + 11;
    assert_int_equal(der.ptr[outer], 2);
    der.ptr[outer] = 3;
    assert_int_equal(hsm_cert_parse(lw_buf_view(&der), &cert).code, LW_E_VALUE);
    der.ptr[outer] = 2;

    /* A name that is no UTF-8. */
    const size_t name = find(&der, "5369676e6572");
    der.ptr[name] = 0xff;
    assert_int_equal(hsm_cert_parse(lw_buf_view(&der), &cert).code, LW_E_SYNTAX);
    der.ptr[name] = 'S';
    assert_int_equal(hsm_cert_parse(lw_buf_view(&der), &cert).code, LW_OK);

    /* A key that is not on its curve. */
    const size_t point = find(&der, "034200") + 3;
    der.ptr[point + 64] ^= 1;
    assert_int_equal(hsm_cert_parse(lw_buf_view(&der), &cert).code, LW_E_VALUE);
}

static void a_failed_parse_leaves_the_result_alone(void **state)
{
    (void)state;
    struct hsm_cert cert = {.path_len = 77};
    assert_int_equal(hsm_cert_parse((lw_bytes){.ptr = NULL, .len = 0}, &cert).code, LW_E_SYNTAX);
    assert_int_equal(cert.path_len, 77);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bent_fields_are_refused),
        cmocka_unit_test(a_certificate_cut_anywhere_or_with_more_behind_is_refused),
        cmocka_unit_test(forms_that_only_ber_allows_are_refused),
        cmocka_unit_test(a_failed_parse_leaves_the_result_alone),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
