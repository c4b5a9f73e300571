#include "hsm/x509.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <openssl/ec.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>

#include "bytes.h"
#include "certs.h"
#include "hsm/digest.h"

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
static EVP_PKEY *rsa_key;
static EVP_PKEY *p384_key;
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
    p384_key = EVP_EC_gen("P-384");
    rsa_key = EVP_RSA_gen(2048);
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
    EVP_PKEY_free(rsa_key);
    EVP_PKEY_free(p384_key);
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

static void add_organization_id(X509 *x509)
{
    assert_int_equal(X509_NAME_add_entry_by_NID(
                         X509_get_subject_name(x509), NID_organizationIdentifier, MBSTRING_UTF8,
                         (const unsigned char *)"11330105002500287C", -1, -1, 0),
                     1);
}

static void the_values_of_a_certificate_are_read(void **state)
{
    (void)state;
    struct support_cert spec = leaf_spec();
    struct hsm_cert cert;
    uint8_t digest[HSM_SHA256_LEN];
    spec.common_name = "示例市";
    spec.bend = add_organization_id;
    LW_AUTO_BUF der = der_of(&spec);
    assert_int_equal(hsm_cert_parse(lw_buf_view(&der), &cert).code, LW_OK);
    assert_string_equal(cert.common_name, "示例市");
    assert_string_equal(cert.organization_id, "11330105002500287C");
    assert_string_equal(cert.country, "UT");
    assert_int_equal(cert.not_before, BEGIN);
    assert_int_equal(cert.not_after, END);
    assert_int_equal(cert.uses, HSM_CERT_USE_SIGN);
    assert_false(cert.limited);
    assert_false(cert.is_ca);
    assert_int_equal(cert.path_len, -1);
    assert_int_equal(cert.key.alg, HSM_ES256);
    assert_true(
        lw_bytes_eq(cert.serial, (lw_bytes){.ptr = (const uint8_t *)"\x01\x23\x45\x67", .len = 4}));
    assert_int_equal(hsm_sha256(lw_buf_view(&der), digest).code, LW_OK);
    assert_memory_equal(cert.sha256, digest, sizeof(digest));
    assert_ptr_equal(cert.der.ptr, der.ptr);

    LW_AUTO_BUF ca_der = LW_BUF(4096);
    struct hsm_cert root;
    support_cert_der(ca, &ca_der);
    assert_int_equal(hsm_cert_parse(lw_buf_view(&ca_der), &root).code, LW_OK);
    assert_int_equal(root.uses, HSM_CERT_USE_CA | HSM_CERT_USE_CRL);
    assert_true(root.is_ca);
    assert_int_equal(root.authority_key_id_len, 0);
    assert_true(lw_bytes_eq(cert.issuer, root.subject));
    assert_true(lw_bytes_eq(root.issuer, root.subject));
    assert_int_equal(root.key_id_len, 20);
    assert_int_equal(cert.authority_key_id_len, 20);
    assert_memory_equal(cert.authority_key_id, root.key_id, 20);
    const lw_bytes sig = {.ptr = cert.signature, .len = cert.signature_len};
    assert_int_equal(hsm_verify(&root.key, cert.tbs, sig).code, LW_OK);
}

static unsigned uses_of(const char *const *extensions, bool *limited)
{
    struct support_cert spec = leaf_spec();
    struct hsm_cert cert;
    spec.extensions = extensions;
    LW_AUTO_BUF der = der_of(&spec);
    assert_int_equal(hsm_cert_parse(lw_buf_view(&der), &cert).code, LW_OK);
    *limited = cert.limited;
    return cert.uses;
}

static void uses_follow_from_the_extensions(void **state)
{
    static const struct {
        const char *extensions[7];
        unsigned uses;
        bool limited;
    } cases[] = {
        {{NULL}, 0, false},
        {{"keyUsage", "digitalSignature", NULL}, HSM_CERT_USE_SIGN, false},
        {{"keyUsage", "nonRepudiation", NULL}, 0, false},
        {{"keyUsage", "cRLSign", NULL}, HSM_CERT_USE_CRL, false},
        {{"extendedKeyUsage", "critical," HSM_OID_MDOC_DS, NULL}, HSM_CERT_USE_MDOC_DS, true},
        {{"extendedKeyUsage", HSM_OID_STATUS_SIGNING, NULL}, HSM_CERT_USE_STATUS, true},
        {{"extendedKeyUsage", HSM_OID_MDOC_DS "," HSM_OID_STATUS_SIGNING, NULL},
         HSM_CERT_USE_MDOC_DS | HSM_CERT_USE_STATUS,
         true},
        {{"extendedKeyUsage", "serverAuth", NULL}, 0, true},
        {{"extendedKeyUsage", "anyExtendedKeyUsage", NULL}, 0, false},
        {{"basicConstraints", "critical,CA:TRUE", "keyUsage", "keyCertSign", NULL},
         HSM_CERT_USE_CA,
         false},
        /* RFC 5280 section 4.2.1.9: an authority's constraints are critical. */
        {{"basicConstraints", "CA:TRUE", "keyUsage", "keyCertSign", NULL}, 0, false},
        {{"basicConstraints", "critical,CA:TRUE", NULL}, 0, false},
        {{"1.2.3.4", "DER:0500", NULL}, 0, false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        bool limited = false;
        assert_int_equal(uses_of(cases[i].extensions, &limited), cases[i].uses);
        assert_int_equal(limited, cases[i].limited);
    }
}

static void bent_extensions_are_refused(void **state)
{
    static const struct {
        const char *extensions[7];
        lw_code code;
    } cases[] = {
        {{"1.2.3.4", "critical,DER:0500", NULL}, LW_E_UNSUPPORTED},
        {{"subjectKeyIdentifier", "critical,hash", NULL}, LW_E_UNSUPPORTED},
        {{"authorityKeyIdentifier", "critical,keyid:always", NULL}, LW_E_UNSUPPORTED},
        {{"authorityInfoAccess", "critical,OCSP;URI:http://a.example", NULL}, LW_E_UNSUPPORTED},
        {{"nameConstraints", "permitted;DNS:a.example", NULL}, LW_E_UNSUPPORTED},
        {{"nameConstraints", "critical,permitted;DNS:a.example", NULL}, LW_E_UNSUPPORTED},
        {{"policyConstraints", "requireExplicitPolicy:0", NULL}, LW_E_UNSUPPORTED},
        {{"inhibitAnyPolicy", "0", NULL}, LW_E_UNSUPPORTED},
        {{"keyUsage", "digitalSignature", "keyUsage", "digitalSignature", NULL}, LW_E_VALUE},
        {{"1.2.3.4", "DER:0500", "1.2.3.4", "DER:0500", NULL}, LW_E_VALUE},
        {{"keyUsage", "keyCertSign", NULL}, LW_E_VALUE},
        {{"basicConstraints", "critical,CA:FALSE", "keyUsage", "keyCertSign", NULL}, LW_E_VALUE},
        {{"basicConstraints", "CA:FALSE,pathlen:0", NULL}, LW_E_VALUE},
        {{"basicConstraints", "critical,CA:TRUE,pathlen:-1", NULL}, LW_E_VALUE},
        {{"keyUsage", "DER:030100", NULL}, LW_E_VALUE},
        {{"extendedKeyUsage", "DER:3000", NULL}, LW_E_VALUE},
        {{"subjectAltName", "DER:3000", NULL}, LW_E_VALUE},
        {{"subjectAltName", "DER:0500", NULL}, LW_E_SYNTAX},
        {{"basicConstraints", "DER:3003010100", NULL}, LW_E_SYNTAX},   /* CA FALSE written out */
        {{"basicConstraints", "DER:30030101FF00", NULL}, LW_E_SYNTAX}, /* trailing byte */
        {{"basicConstraints", "DER:308103010101", NULL}, LW_E_SYNTAX}, /* not the shortest */
        {{"keyUsage", "DER:03020080", NULL}, LW_E_SYNTAX},             /* zero bits kept */
        {{"keyUsage", "DER:0500", NULL}, LW_E_SYNTAX},
        {{"extendedKeyUsage", "DER:0500", NULL}, LW_E_SYNTAX},
        {{"subjectKeyIdentifier", "DER:0500", NULL}, LW_E_SYNTAX},
        {{"authorityKeyIdentifier", "DER:0500", NULL}, LW_E_SYNTAX},
        {{"crlDistributionPoints", "DER:0500", NULL}, LW_E_SYNTAX},
        {{"subjectKeyIdentifier", "DER:0400", NULL}, LW_E_LIMIT},
        {{"subjectKeyIdentifier",
          "DER:0420000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F", NULL},
         LW_OK},
        {{"subjectKeyIdentifier",
          "DER:0421000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F20", NULL},
         LW_E_LIMIT},
        {{"authorityKeyIdentifier", "DER:30028000", NULL}, LW_E_LIMIT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct support_cert spec = leaf_spec();
        spec.extensions = cases[i].extensions;
        assert_int_equal(parse(&spec), cases[i].code);
    }
}

static void the_first_uri_is_read(void **state)
{
    static const struct {
        const char *names;
        const char *uri;
        lw_code code;
    } cases[] = {
        {"URI:https://a.example", "https://a.example", LW_OK},
        {"DNS:b.example,URI:https://a.example,URI:https://c.example", "https://a.example", LW_OK},
        {"DNS:b.example", "", LW_OK},
        {"DER:3003860141", "A", LW_OK},
        {"DER:30048602410A", "", LW_E_VALUE},
        {"DER:300486024100", "", LW_E_VALUE},
        {"DER:30048602417F", "", LW_E_VALUE},
        {"DER:3004860241E4", "", LW_E_VALUE},
        {"DER:300486024120", "", LW_E_VALUE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *const extensions[] = {"subjectAltName", cases[i].names, NULL};
        struct support_cert spec = leaf_spec();
        struct hsm_cert cert = {.uri = ""};
        spec.extensions = extensions;
        LW_AUTO_BUF der = der_of(&spec);
        assert_int_equal(hsm_cert_parse(lw_buf_view(&der), &cert).code, cases[i].code);
        assert_string_equal(cert.uri, cases[i].uri);
    }
    for (size_t len = HSM_CERT_NAME_MAX - 1; len <= HSM_CERT_NAME_MAX; len++) {
        char names[4 + HSM_CERT_NAME_MAX + 1] = "URI:";
        memset(names + 4, 'x', len);
        names[4 + len] = 0;
        const char *const extensions[] = {"subjectAltName", names, NULL};
        struct support_cert spec = leaf_spec();
        spec.extensions = extensions;
        assert_int_equal(parse(&spec), len < HSM_CERT_NAME_MAX ? LW_OK : LW_E_LIMIT);
    }
}

static void more_than_32_extensions_are_refused(void **state)
{
    static const char *names[] = {"1.2.3.1", "1.2.3.2", "1.2.3.3", "1.2.3.4", "1.2.3.5", "1.2.3.6"};
    (void)state;
    for (size_t count = 31; count <= 33; count++) {
        char oids[33][16];
        const char *extensions[67] = {NULL};
        for (size_t i = 0; i < count; i++) {
            (void)snprintf(oids[i], sizeof(oids[i]), "%s.%zu", names[i % 6], i);
            extensions[2 * i] = oids[i];
            extensions[2 * i + 1] = "DER:0500";
        }
        struct support_cert spec = leaf_spec();
        spec.extensions = extensions;
        assert_int_equal(parse(&spec), count <= 32 ? LW_OK : LW_E_LIMIT);
    }
}

static void keys_and_signatures_of_other_algorithms_are_refused(void **state)
{
    (void)state;
    struct support_cert spec = leaf_spec();
    EVP_PKEY *k1 = EVP_EC_gen("secp256k1");
    spec.key = rsa_key;
    assert_int_equal(parse(&spec), LW_E_UNSUPPORTED);
    spec.key = k1;
    assert_int_equal(parse(&spec), LW_E_UNSUPPORTED);
    spec.key = p384_key;
    assert_int_equal(parse(&spec), LW_OK);
    spec = leaf_spec();
    spec.signer = rsa_key;
    assert_int_equal(parse(&spec), LW_E_UNSUPPORTED);
    spec = leaf_spec();
    spec.digest = "SHA512";
    assert_int_equal(parse(&spec), LW_E_UNSUPPORTED);
    spec.digest = "SHA1";
    assert_int_equal(parse(&spec), LW_E_UNSUPPORTED);
    EVP_PKEY_free(k1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_values_of_a_certificate_are_read),
        cmocka_unit_test(uses_follow_from_the_extensions),
        cmocka_unit_test(bent_extensions_are_refused),
        cmocka_unit_test(the_first_uri_is_read),
        cmocka_unit_test(more_than_32_extensions_are_refused),
        cmocka_unit_test(keys_and_signatures_of_other_algorithms_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
