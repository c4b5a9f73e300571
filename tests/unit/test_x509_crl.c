#include "hsm/x509_issue.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

#include "issuing_ca.h"
#include "hsm/rng.h"

enum { NOW = 1795000000, DER_MAX = 4096 };

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

static X509_CRL *openssl_crl(lw_bytes der)
{
    const uint8_t *at = der.ptr;
    X509_CRL *crl = d2i_X509_CRL(NULL, &at, (long)der.len);
    assert_non_null(crl);
    assert_ptr_equal(at, der.ptr + der.len);
    return crl;
}

static void a_crl_names_what_was_revoked(void **state)
{
    (void)state;
    const struct hsm_cert_request req = support_request(&ca, NOW);
    LW_AUTO_BUF first = LW_BUF(DER_MAX);
    LW_AUTO_BUF second = LW_BUF(DER_MAX);
    LW_AUTO_BUF der = LW_BUF(DER_MAX);
    struct hsm_cert cert;
    assert_int_equal(issue(&req, &first), LW_OK);
    assert_int_equal(issue(&req, &second), LW_OK);
    assert_int_equal(hsm_cert_parse(lw_buf_view(&first), &cert).code, LW_OK);
    const struct hsm_revoked revoked = {.serial = cert.serial, .revoked_at = NOW - 60};
    assert_int_equal(hsm_crl_issue(&ca.signer, &revoked, 1, 7, NOW, NOW + 3600, &der).code, LW_OK);

    X509_CRL *crl = openssl_crl(lw_buf_view(&der));
    X509 *root = openssl_cert(lw_buf_view(&ca.der));
    X509 *gone = openssl_cert(lw_buf_view(&first));
    X509 *kept = openssl_cert(lw_buf_view(&second));
    X509_REVOKED *entry = NULL;
    assert_int_equal(X509_CRL_verify(crl, X509_get0_pubkey(root)), 1);
    assert_int_equal(X509_CRL_get0_by_cert(crl, &entry, gone), 1);
    assert_int_equal(X509_CRL_get0_by_cert(crl, &entry, kept), 0);
    assert_int_equal(X509_CRL_get_version(crl), 1);
    time_t from = NOW;
    time_t until = NOW + 3600;
    assert_int_equal(ASN1_TIME_cmp_time_t(X509_CRL_get0_lastUpdate(crl), from), 0);
    assert_int_equal(ASN1_TIME_cmp_time_t(X509_CRL_get0_nextUpdate(crl), until), 0);
    ASN1_INTEGER *number = X509_CRL_get_ext_d2i(crl, NID_crl_number, NULL, NULL);
    assert_int_equal(ASN1_INTEGER_get(number), 7);
    ASN1_INTEGER_free(number);
    assert_true(X509_CRL_get_ext_by_NID(crl, NID_authority_key_identifier, -1) >= 0);
    X509_CRL_free(crl);
    X509_free(root);
    X509_free(gone);
    X509_free(kept);
}

static void an_empty_crl_is_one_too(void **state)
{
    (void)state;
    LW_AUTO_BUF der = LW_BUF(DER_MAX);
    assert_int_equal(hsm_crl_issue(&ca.signer, NULL, 0, 1, NOW, NOW + 1, &der).code, LW_OK);
    X509_CRL *crl = openssl_crl(lw_buf_view(&der));
    assert_null(X509_CRL_get_REVOKED(crl));
    X509_CRL_free(crl);
}

static void crls_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    static const uint8_t long_serial[21] = {1};
    static const uint8_t negative[1] = {0x80};
    const struct hsm_revoked bad[] = {{.serial = {.ptr = NULL, .len = 0}, .revoked_at = NOW},
                                      {.serial = LW_BYTES(long_serial), .revoked_at = NOW},
                                      {.serial = LW_BYTES(negative), .revoked_at = NOW}};
    LW_AUTO_BUF der = LW_BUF(DER_MAX);
    LW_AUTO_BUF no_crl = LW_BUF(DER_MAX);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(hsm_crl_issue(&ca.signer, &bad[i], 1, 1, NOW, NOW + 1, &der).code,
                         LW_E_VALUE);
    }
    assert_int_equal(hsm_crl_issue(&ca.signer, NULL, 0, 1, NOW, NOW, &der).code, LW_E_VALUE);

    struct hsm_signer signer = ca.signer;
    signer.cert.len = 0;
    assert_int_equal(hsm_crl_issue(&signer, NULL, 0, 1, NOW, NOW + 1, &der).code, LW_E_DENIED);

    struct hsm_cert_request req =
        support_ca_request(&ca, NOW); /* an authority without the right to a CRL */
    req.uses = HSM_CERT_USE_CA;
    assert_int_equal(hsm_cert_issue(&signer, &req, NOW, hsm_rng_system(), &no_crl).code, LW_OK);
    signer.cert = lw_buf_view(&no_crl);
    assert_int_equal(hsm_crl_issue(&signer, NULL, 0, 1, NOW, NOW + 1, &der).code, LW_E_DENIED);
    assert_int_equal(der.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crl_names_what_was_revoked),
        cmocka_unit_test(an_empty_crl_is_one_too),
        cmocka_unit_test(crls_that_make_no_sense_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
