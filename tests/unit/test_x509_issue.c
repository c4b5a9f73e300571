#include "hsm/x509_issue.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <openssl/x509v3.h>
#include <openssl/x509_vfy.h>

#include "issuing_ca.h"
#include "bytes.h"
#include "hsm/rng.h"

enum { NOW = 1795000000, DER_MAX = 4096 };

#define BEGIN (NOW - (int64_t)86400)
#define END (NOW + (int64_t)86400 * 365)

static struct support_issuing_ca ca;

static int set_up(void **state)
{
    (void)state;
    support_issuing_ca_new(&ca, NOW);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_issuing_ca_free(&ca);
    return 0;
}

static lw_code issue(const struct hsm_cert_request *req, lw_buf *der)
{
    return hsm_cert_issue(&ca.signer, req, NOW, hsm_rng_system(), der).code;
}

static X509 *openssl_cert(lw_bytes der)
{
    const uint8_t *at = der.ptr;
    X509 *x509 = d2i_X509(NULL, &at, (long)der.len);
    assert_non_null(x509);
    assert_ptr_equal(at, der.ptr + der.len);
    return x509;
}

/* OpenSSL's own judgement of a leaf under our authority. */
static int openssl_verify(lw_bytes leaf, int64_t now)
{
    X509 *cert = openssl_cert(leaf);
    X509 *root = openssl_cert(lw_buf_view(&ca.der));
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *ctx = X509_STORE_CTX_new();
    assert_int_equal(X509_STORE_add_cert(store, root), 1);
    assert_int_equal(X509_STORE_CTX_init(ctx, store, cert, NULL), 1);
    X509_STORE_CTX_set_flags(ctx, X509_V_FLAG_X509_STRICT);
    X509_STORE_CTX_set_time(ctx, 0, now);
    (void)X509_verify_cert(ctx);
    const int error = X509_STORE_CTX_get_error(ctx);
    X509_STORE_CTX_free(ctx);
    X509_STORE_free(store);
    X509_free(root);
    X509_free(cert);
    return error;
}

static void an_issued_certificate_holds_for_us_and_for_openssl(void **state)
{
    (void)state;
    const struct hsm_cert_request req = support_request(&ca, NOW);
    LW_AUTO_BUF der = LW_BUF(DER_MAX);
    struct hsm_cert anchor;
    struct hsm_cert leaf;
    assert_int_equal(issue(&req, &der), LW_OK);
    assert_int_equal(hsm_cert_parse(lw_buf_view(&ca.der), &anchor).code, LW_OK);
    const lw_bytes chain = lw_buf_view(&der);
    assert_int_equal(hsm_cert_check_path(&chain, 1, &anchor, 1, HSM_CERT_USE_SIGN, NOW, &leaf).code,
                     LW_OK);
    assert_int_equal(openssl_verify(chain, NOW), X509_V_OK);
    assert_int_equal(openssl_verify(chain, END + 1), X509_V_ERR_CERT_HAS_EXPIRED);
    assert_string_equal(leaf.common_name, "Example City Market Regulation");
    assert_string_equal(leaf.organization_id, "11330105002500287C");
    assert_string_equal(leaf.country, "CN");
    assert_string_equal(leaf.uri, "https://city.example");
    assert_int_equal(leaf.not_before, BEGIN);
    assert_int_equal(leaf.not_after, END);
    assert_int_equal(leaf.uses, HSM_CERT_USE_SIGN);
    assert_true(hsm_public_key_eq(&leaf.key, &req.key));
    assert_int_equal(leaf.serial.len, HSM_CERT_SERIAL_MAX);

    der.ptr[der.len - 1] ^= 1;
    assert_int_equal(hsm_cert_check_path(&chain, 1, &anchor, 1, HSM_CERT_USE_SIGN, NOW, &leaf).code,
                     LW_E_UNTRUSTED);
    assert_int_equal(openssl_verify(chain, NOW), X509_V_ERR_CERT_SIGNATURE_FAILURE);
}

static void an_authority_signs_itself(void **state)
{
    (void)state;
    struct hsm_cert cert;
    assert_int_equal(hsm_cert_parse(lw_buf_view(&ca.der), &cert).code, LW_OK);
    assert_string_equal(cert.common_name, "示例市证照签发机构");
    assert_int_equal(cert.uses, HSM_CERT_USE_CA | HSM_CERT_USE_CRL);
    assert_int_equal(cert.path_len, 0);
    assert_true(lw_bytes_eq(cert.issuer, cert.subject));
    const lw_bytes sig = {.ptr = cert.signature, .len = cert.signature_len};
    assert_int_equal(hsm_verify(&cert.key, cert.tbs, sig).code, LW_OK);
}

static void assert_extension(const X509 *x509, int nid, int critical)
{
    const int at = X509_get_ext_by_NID(x509, nid, -1);
    assert_true(at >= 0);
    assert_int_equal(X509_EXTENSION_get_critical(X509_get_ext(x509, at)), critical);
}

/* specs/mdoc.md section 6. */
static void the_profile_of_mdoc_is_kept(void **state)
{
    (void)state;
    struct hsm_cert_request req = support_request(&ca, NOW);
    LW_AUTO_BUF der = LW_BUF(DER_MAX);
    req.uses = HSM_CERT_USE_SIGN | HSM_CERT_USE_MDOC_DS;
    assert_int_equal(issue(&req, &der), LW_OK);
    X509 *ds = openssl_cert(lw_buf_view(&der));
    X509 *root = openssl_cert(lw_buf_view(&ca.der));
    assert_extension(ds, NID_key_usage, 1);
    assert_extension(ds, NID_ext_key_usage, 1);
    assert_extension(ds, NID_subject_key_identifier, 0);
    assert_extension(ds, NID_authority_key_identifier, 0);
    assert_extension(ds, NID_issuer_alt_name, 0);
    assert_extension(ds, NID_subject_alt_name, 0);
    assert_extension(ds, NID_crl_distribution_points, 0);
    assert_true(X509_get_ext_by_NID(ds, NID_basic_constraints, -1) < 0);
    assert_int_equal(X509_get_key_usage(ds), KU_DIGITAL_SIGNATURE);
    assert_int_equal(X509_get_version(ds), 2);

    assert_extension(root, NID_key_usage, 1);
    assert_extension(root, NID_basic_constraints, 1);
    assert_extension(root, NID_subject_key_identifier, 0);
    assert_extension(root, NID_issuer_alt_name, 0);
    assert_extension(root, NID_crl_distribution_points, 0);
    assert_true(X509_get_ext_by_NID(root, NID_ext_key_usage, -1) < 0);
    assert_int_equal(X509_get_key_usage(root), KU_KEY_CERT_SIGN | KU_CRL_SIGN);
    assert_int_equal(X509_get_pathlen(root), 0);
    X509_free(ds);
    X509_free(root);
}

static void the_uris_are_where_they_are_looked_for(void **state)
{
    (void)state;
    const struct hsm_cert_request req = support_request(&ca, NOW);
    LW_AUTO_BUF der = LW_BUF(DER_MAX);
    assert_int_equal(issue(&req, &der), LW_OK);
    X509 *x509 = openssl_cert(lw_buf_view(&der));
    CRL_DIST_POINTS *points = X509_get_ext_d2i(x509, NID_crl_distribution_points, NULL, NULL);
    assert_int_equal(sk_DIST_POINT_num(points), 1);
    const DIST_POINT *point = sk_DIST_POINT_value(points, 0);
    assert_null(point->reasons);
    assert_null(point->CRLissuer);
    assert_int_equal(point->distpoint->type, 0);
    int kind = -1;
    const ASN1_STRING *uri =
        GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(point->distpoint->name.fullname, 0), &kind);
    assert_int_equal(kind, GEN_URI);
    assert_string_equal((const char *)ASN1_STRING_get0_data(uri), "https://city.example/ca.crl");
    CRL_DIST_POINTS_free(points);
    for (int i = 0; i < 2; i++) {
        const int nid = i == 0 ? NID_subject_alt_name : NID_issuer_alt_name;
        GENERAL_NAMES *names = X509_get_ext_d2i(x509, nid, NULL, NULL);
        assert_int_equal(sk_GENERAL_NAME_num(names), 1);
        uri = GENERAL_NAME_get0_value(sk_GENERAL_NAME_value(names, 0), &kind);
        assert_int_equal(kind, GEN_URI);
        assert_string_equal((const char *)ASN1_STRING_get0_data(uri), "https://city.example");
        GENERAL_NAMES_free(names);
    }
    X509_free(x509);
}

static void empty_fields_leave_their_extensions_out(void **state)
{
    (void)state;
    struct hsm_cert_request req = support_request(&ca, NOW);
    LW_AUTO_BUF der = LW_BUF(DER_MAX);
    struct hsm_cert cert;
    req.crl_uri.len = 0;
    req.issuer_uri.len = 0;
    req.organization.len = 0;
    req.organization_id.len = 0;
    assert_int_equal(issue(&req, &der), LW_OK);
    assert_int_equal(hsm_cert_parse(lw_buf_view(&der), &cert).code, LW_OK);
    assert_string_equal(cert.organization_id, "");
    assert_string_equal(cert.uri, "");
    X509 *x509 = openssl_cert(lw_buf_view(&der));
    assert_true(X509_get_ext_by_NID(x509, NID_crl_distribution_points, -1) < 0);
    assert_true(X509_get_ext_by_NID(x509, NID_subject_alt_name, -1) < 0);
    X509_free(x509);
}

static void each_use_is_written_so_that_it_is_read_again(void **state)
{
    static const struct {
        unsigned uses;
        lw_code code;
    } cases[] = {
        {HSM_CERT_USE_SIGN, LW_OK},
        {HSM_CERT_USE_SIGN | HSM_CERT_USE_MDOC_DS, LW_OK},
        {HSM_CERT_USE_SIGN | HSM_CERT_USE_STATUS, LW_OK},
        {HSM_CERT_USE_CA, LW_OK},
        {HSM_CERT_USE_CA | HSM_CERT_USE_CRL, LW_OK},
        {0, LW_E_VALUE},
        {HSM_CERT_USE_CRL, LW_E_VALUE},
        {HSM_CERT_USE_MDOC_DS, LW_E_VALUE},
        {HSM_CERT_USE_STATUS, LW_E_VALUE},
        {HSM_CERT_USE_CA | HSM_CERT_USE_SIGN, LW_E_VALUE},
        {HSM_CERT_USE_CA | HSM_CERT_USE_MDOC_DS, LW_E_VALUE},
        {HSM_CERT_USE_SIGN | HSM_CERT_USE_CRL, LW_E_VALUE},
        {HSM_CERT_USE_SIGN | HSM_CERT_USE_MDOC_DS | HSM_CERT_USE_STATUS, LW_E_VALUE},
        {HSM_CERT_USE_SIGN | 1U << 20, LW_E_VALUE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hsm_cert_request req = support_request(&ca, NOW);
        LW_AUTO_BUF der = LW_BUF(DER_MAX);
        struct hsm_cert cert;
        req.uses = cases[i].uses;
        assert_int_equal(issue(&req, &der), cases[i].code);
        if (cases[i].code == LW_OK) {
            assert_int_equal(hsm_cert_parse(lw_buf_view(&der), &cert).code, LW_OK);
            assert_int_equal(cert.uses, cases[i].uses);
        }
    }
}

static void serial_numbers_come_from_the_source_and_are_positive(void **state)
{
    (void)state;
    const struct hsm_cert_request req = support_request(&ca, NOW);
    struct support_rng seed;
    const struct lw_rng rng = support_rng(&seed, 1);
    LW_AUTO_BUF first = LW_BUF(DER_MAX);
    for (int i = 0; i < 50; i++) {
        LW_AUTO_BUF der = LW_BUF(DER_MAX);
        struct hsm_cert cert;
        assert_int_equal(hsm_cert_issue(&ca.signer, &req, NOW, &rng, &der).code, LW_OK);
        assert_int_equal(hsm_cert_parse(lw_buf_view(&der), &cert).code, LW_OK);
        assert_int_equal(cert.serial.len, 20);
        assert_false(lw_bytes_eq(cert.serial, lw_buf_view(&first)));
        lw_buf_truncate(&first, 0);
        assert_int_equal(lw_buf_put(&first, cert.serial).code, LW_OK);
    }
}

static lw_err no_bytes(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx;
    (void)out;
    (void)n;
    return LW_FAIL(LW_E_CRYPTO, "test: no random bytes", LW_NOWHERE);
}

static void nothing_is_issued_without_random_bytes(void **state)
{
    (void)state;
    static const struct lw_rng broken = {.fill = no_bytes, .ctx = NULL};
    const struct hsm_cert_request req = support_request(&ca, NOW);
    LW_AUTO_BUF der = LW_BUF(DER_MAX);
    assert_int_equal(hsm_cert_issue(&ca.signer, &req, NOW, &broken, &der).code, LW_E_CRYPTO);
    assert_int_equal(der.len, 0);
}

struct text {
    char bytes[320];
};

/* `count` characters of three bytes. */
static struct text characters(size_t count)
{
    struct text t = {{0}};
    for (size_t i = 0; i < count; i++) {
        memcpy(t.bytes + 3 * i, "\xe5\xb8\x82", 3);
    }
    return t;
}

static lw_code issue_named(lw_str name)
{
    struct hsm_cert_request req = support_request(&ca, NOW);
    LW_AUTO_BUF der = LW_BUF(DER_MAX);
    req.common_name = name;
    const lw_code code = issue(&req, &der);
    assert_int_equal(der.len > 0, code == LW_OK);
    return code;
}

static void names_that_no_certificate_should_hold_are_refused(void **state)
{
    (void)state;
    const struct text longest = characters(64);
    const struct text too_long = characters(65);
    const struct text far_too_long = characters(90);
    assert_int_equal(issue_named(lw_str_c(longest.bytes)), LW_OK);
    assert_int_equal(issue_named(lw_str_c(too_long.bytes)), LW_E_VALUE);
    assert_int_equal(issue_named(lw_str_c(far_too_long.bytes)), LW_E_VALUE);
    assert_int_equal(issue_named(LW_STR("a")), LW_OK);
    assert_int_equal(issue_named(LW_STR("")), LW_E_VALUE);
    assert_int_equal(issue_named(LW_STR("a\0b")), LW_E_VALUE);
    assert_int_equal(issue_named(LW_STR("a\nb")), LW_E_VALUE);
    assert_int_equal(issue_named(LW_STR("a\x7f")), LW_E_VALUE);
    assert_int_equal(issue_named(LW_STR("\xe5\xb8")), LW_E_VALUE);

    static const char *const countries[] = {"", "C", "cn", "Cn", "cN", "CHN", "C1"};
    for (size_t i = 0; i < sizeof(countries) / sizeof(countries[0]); i++) {
        struct hsm_cert_request req = support_request(&ca, NOW);
        LW_AUTO_BUF der = LW_BUF(DER_MAX);
        req.country = lw_str_c(countries[i]);
        assert_int_equal(issue(&req, &der), LW_E_VALUE);
    }
    /* No upper bound of RFC 5280: ours is what a parsed certificate has room for. */
    struct hsm_cert_request req = support_request(&ca, NOW);
    LW_AUTO_BUF der = LW_BUF(DER_MAX);
    char id[HSM_CERT_NAME_MAX];
    memset(id, 'x', sizeof(id));
    req.organization_id = (lw_str){.ptr = id, .len = sizeof(id)};
    assert_int_equal(issue(&req, &der), LW_E_VALUE);
    req.organization_id.len--;
    assert_int_equal(issue(&req, &der), LW_OK);
}

static void uris_of_other_than_ascii_are_refused(void **state)
{
    static char longest[1025];
    const lw_str bad[] = {LW_STR("https://a b"), LW_STR("https://\xc3\xa4"), LW_STR("https://a\n"),
                          LW_STR("https://a\0"), LW_STR("https://a\x7f")};
    (void)state;
    memset(longest, 'x', sizeof(longest));
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct hsm_cert_request req = support_request(&ca, NOW);
        LW_AUTO_BUF der = LW_BUF(DER_MAX);
        req.crl_uri = bad[i];
        assert_int_equal(issue(&req, &der), LW_E_VALUE);
        req = support_request(&ca, NOW);
        req.issuer_uri = bad[i];
        assert_int_equal(issue(&req, &der), LW_E_VALUE);
    }
    struct hsm_cert_request req = support_request(&ca, NOW);
    LW_AUTO_BUF der = LW_BUF(DER_MAX);
    req.crl_uri = (lw_str){.ptr = longest, .len = 1025};
    assert_int_equal(issue(&req, &der), LW_E_VALUE);
    req.crl_uri.len = 1024;
    assert_int_equal(issue(&req, &der), LW_OK);
    req.issuer_uri = (lw_str){.ptr = longest, .len = HSM_CERT_NAME_MAX};
    assert_int_equal(issue(&req, &der), LW_E_VALUE);
    req.issuer_uri.len--;
    lw_buf_truncate(&der, 0);
    assert_int_equal(issue(&req, &der), LW_OK);
    struct hsm_cert cert;
    assert_int_equal(hsm_cert_parse(lw_buf_view(&der), &cert).code, LW_OK);
    assert_int_equal(strlen(cert.uri), HSM_CERT_NAME_MAX - 1);
}

static void a_life_lies_within_the_authority_s(void **state)
{
    static const struct {
        int64_t not_before;
        int64_t not_after;
        lw_code code;
    } cases[] = {
        {BEGIN, END, LW_OK}, {BEGIN - 1, END, LW_E_VALUE}, {BEGIN, END + 1, LW_E_VALUE},
        {NOW, NOW, LW_OK},   {NOW, NOW - 1, LW_E_VALUE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hsm_cert_request req = support_request(&ca, NOW);
        LW_AUTO_BUF der = LW_BUF(DER_MAX);
        req.not_before = cases[i].not_before;
        req.not_after = cases[i].not_after;
        assert_int_equal(issue(&req, &der), cases[i].code);
    }
}

static void times_reach_from_1950_to_9999(void **state)
{
    static const struct {
        int64_t not_before;
        int64_t not_after;
        lw_code code;
    } cases[] = {
        {-631152000, 253402300799, LW_OK},
        {-631152001, 253402300799, LW_E_VALUE},
        {-631152000, 253402300800, LW_E_VALUE},
        {2524607999, 2524608000, LW_OK}, /* the turn of 2049 to 2050 changes the form */
    };
    (void)state;
    struct hsm_signer self = ca.signer;
    self.cert.len = 0;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct hsm_cert_request req = support_ca_request(&ca, NOW);
        LW_AUTO_BUF der = LW_BUF(DER_MAX);
        struct hsm_cert cert;
        req.not_before = cases[i].not_before;
        req.not_after = cases[i].not_after;
        assert_int_equal(hsm_cert_issue(&self, &req, NOW, hsm_rng_system(), &der).code,
                         cases[i].code);
        if (cases[i].code == LW_OK) {
            assert_int_equal(hsm_cert_parse(lw_buf_view(&der), &cert).code, LW_OK);
            assert_int_equal(cert.not_before, req.not_before);
            assert_int_equal(cert.not_after, req.not_after);
        }
    }
}

static void only_an_authority_issues(void **state)
{
    (void)state;
    struct hsm_cert_request req = support_request(&ca, NOW);
    struct hsm_signer signer = ca.signer;
    LW_AUTO_BUF der = LW_BUF(DER_MAX);
    LW_AUTO_BUF leaf = LW_BUF(DER_MAX);
    const struct lw_rng *rng = hsm_rng_system();

    signer.purpose = HSM_PURPOSE_CREDENTIAL;
    assert_int_equal(hsm_cert_issue(&signer, &req, NOW, rng, &der).code, LW_E_DENIED);
    signer = ca.signer;
    signer.not_after = NOW;
    assert_int_equal(hsm_cert_issue(&signer, &req, NOW, rng, &der).code, LW_E_EXPIRED);

    hsm_soft_key_signer(ca.leaf_key, &signer); /* the certificate is of another key */
    signer.purpose = HSM_PURPOSE_CA;
    signer.cert = ca.signer.cert;
    assert_int_equal(hsm_cert_issue(&signer, &req, NOW, rng, &der).code, LW_E_DENIED);
    assert_int_equal(issue(&req, &leaf), LW_OK);
    signer.cert = lw_buf_view(&leaf); /* of the key, but not an authority's */
    assert_int_equal(hsm_cert_issue(&signer, &req, NOW, rng, &der).code, LW_E_DENIED);

    signer = ca.signer;
    signer.cert.len = 0; /* itself, but for another key, and not as an authority */
    assert_int_equal(hsm_cert_issue(&signer, &req, NOW, rng, &der).code, LW_E_DENIED);
    req.key = *hsm_soft_key_public(ca.key);
    assert_int_equal(hsm_cert_issue(&signer, &req, NOW, rng, &der).code, LW_E_VALUE);
    req.key.alg = HSM_ALG_NONE;
    assert_int_equal(issue(&req, &der), LW_E_UNSUPPORTED);
    assert_int_equal(der.len, 0);
}

static void a_full_buffer_is_left_as_it_was(void **state)
{
    (void)state;
    const struct hsm_cert_request req = support_request(&ca, NOW);
    LW_AUTO_BUF der = LW_BUF(DER_MAX);
    assert_int_equal(issue(&req, &der), LW_OK);
    LW_AUTO_BUF small = LW_BUF(300);
    assert_int_equal(issue(&req, &small), LW_E_LIMIT);
    assert_int_equal(small.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_issued_certificate_holds_for_us_and_for_openssl),
        cmocka_unit_test(an_authority_signs_itself),
        cmocka_unit_test(the_profile_of_mdoc_is_kept),
        cmocka_unit_test(the_uris_are_where_they_are_looked_for),
        cmocka_unit_test(empty_fields_leave_their_extensions_out),
        cmocka_unit_test(each_use_is_written_so_that_it_is_read_again),
        cmocka_unit_test(serial_numbers_come_from_the_source_and_are_positive),
        cmocka_unit_test(nothing_is_issued_without_random_bytes),
        cmocka_unit_test(names_that_no_certificate_should_hold_are_refused),
        cmocka_unit_test(uris_of_other_than_ascii_are_refused),
        cmocka_unit_test(a_life_lies_within_the_authority_s),
        cmocka_unit_test(times_reach_from_1950_to_9999),
        cmocka_unit_test(only_an_authority_issues),
        cmocka_unit_test(a_full_buffer_is_left_as_it_was),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
