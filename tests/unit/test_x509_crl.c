#include "hsm/x509_issue.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <openssl/x509v3.h>

#include "issuing_ca.h"
#include "hsm/rng.h"
#include "x509_build.h"

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

/* --- lists that were signed elsewhere ------------------------------------------------------------
 */

static struct hsm_cert authority(void)
{
    struct hsm_cert cert;
    assert_int_equal(hsm_cert_parse(lw_buf_view(&ca.der), &cert).code, LW_OK);
    return cert;
}

static void a_list_is_checked_against_its_issuer(void **state)
{
    (void)state;
    static const uint8_t gone[] = {0x40, 0x01};
    static const uint8_t kept[] = {0x40, 0x02};
    const struct hsm_revoked revoked = {.serial = LW_BYTES(gone), .revoked_at = NOW - 60};
    const struct hsm_cert cert = authority();
    LW_AUTO_BUF der = LW_BUF(DER_MAX);
    struct hsm_crl crl = {.number = 0};
    bool is = false;
    assert_int_equal(hsm_crl_issue(&ca.signer, &revoked, 1, 7, NOW, NOW + 3600, &der).code, LW_OK);
    assert_int_equal(hsm_crl_check(lw_buf_view(&der), &cert, &crl).code, LW_OK);
    assert_int_equal(crl.number, 7);
    assert_int_equal(crl.this_update, NOW);
    assert_int_equal(crl.next_update, NOW + 3600);
    assert_int_equal(hsm_crl_revokes(&crl, LW_BYTES(gone), &is).code, LW_OK);
    assert_true(is);
    assert_int_equal(hsm_crl_revokes(&crl, LW_BYTES(kept), &is).code, LW_OK);
    assert_false(is);

    struct support_issuing_ca other; /* of the same name, and another key */
    support_issuing_ca_new(&other, NOW);
    struct hsm_cert theirs;
    assert_int_equal(hsm_cert_parse(lw_buf_view(&other.der), &theirs).code, LW_OK);
    assert_int_equal(hsm_crl_check(lw_buf_view(&der), &theirs, &crl).code, LW_E_SIGNATURE);
    support_issuing_ca_free(&other);

    struct hsm_cert bent = cert;
    bent.key_id[0] ^= 1;
    assert_int_equal(hsm_crl_check(lw_buf_view(&der), &bent, &crl).code, LW_E_UNTRUSTED);
    bent = cert;
    bent.subject.len--;
    assert_int_equal(hsm_crl_check(lw_buf_view(&der), &bent, &crl).code, LW_E_UNTRUSTED);
    bent = cert;
    bent.uses &= ~(unsigned)HSM_CERT_USE_CRL;
    assert_int_equal(hsm_crl_check(lw_buf_view(&der), &bent, &crl).code, LW_E_UNTRUSTED);
    bent = cert;
    bent.key.alg = HSM_ES384;
    assert_int_equal(hsm_crl_check(lw_buf_view(&der), &bent, &crl).code, LW_E_UNSUPPORTED);
    assert_int_equal(crl.number, 7); /* untouched on failure */
}

static void no_byte_of_a_list_can_be_changed(void **state)
{
    (void)state;
    const struct hsm_cert cert = authority();
    LW_AUTO_BUF der = LW_BUF(DER_MAX);
    struct hsm_crl crl;
    assert_int_equal(hsm_crl_issue(&ca.signer, NULL, 0, 1, NOW, NOW + 1, &der).code, LW_OK);
    for (size_t i = 0; i < der.len; i++) {
        der.ptr[i] ^= 1;
        assert_int_not_equal(hsm_crl_check(lw_buf_view(&der), &cert, &crl).code, LW_OK);
        der.ptr[i] ^= 1;
    }
    for (size_t len = 0; len < der.len; len++) {
        assert_int_equal(hsm_crl_check((lw_bytes){der.ptr, len}, &cert, &crl).code, LW_E_SYNTAX);
    }
    assert_int_equal(lw_buf_put_byte(&der, 0).code, LW_OK);
    assert_int_equal(hsm_crl_check(lw_buf_view(&der), &cert, &crl).code, LW_E_SYNTAX);
    assert_int_equal(hsm_crl_check(lw_buf_view(&ca.der), &cert, &crl).code, LW_E_SYNTAX);
}

/* Lets a builder of lists that are none of ours sign them with the authority's key. */
static lw_code check_made(void (*bend)(X509_CRL *crl))
{
    const struct hsm_cert cert = authority();
    LW_AUTO_BUF der = LW_BUF(DER_MAX);
    LW_AUTO_BUF made = LW_BUF(DER_MAX);
    struct hsm_crl read;
    assert_int_equal(hsm_crl_issue(&ca.signer, NULL, 0, 1, NOW, NOW + 1, &der).code, LW_OK);
    X509_CRL *crl = openssl_crl(lw_buf_view(&der));
    bend(crl);
    assert_int_equal(hsm_x509_sign_crl(crl, &ca.signer, NOW, &made).code, LW_OK);
    X509_CRL_free(crl);
    return hsm_crl_check(lw_buf_view(&made), &cert, &read).code;
}

static void not_at_all(X509_CRL *crl)
{
    (void)crl;
}

static void without_number(X509_CRL *crl)
{
    X509_EXTENSION_free(X509_CRL_delete_ext(crl, X509_CRL_get_ext_by_NID(crl, NID_crl_number, -1)));
}

static void with_number_zero(X509_CRL *crl)
{
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    without_number(crl);
    assert_int_equal(X509_CRL_add1_ext_i2d(crl, NID_crl_number, number, 0, 0), 1);
    ASN1_INTEGER_free(number);
}

static void as_a_delta(X509_CRL *crl)
{
    ASN1_INTEGER *number = ASN1_INTEGER_new();
    assert_int_equal(ASN1_INTEGER_set(number, 1), 1);
    assert_int_equal(X509_CRL_add1_ext_i2d(crl, NID_delta_crl, number, 1, 0), 1);
    ASN1_INTEGER_free(number);
}

static void without_its_key(X509_CRL *crl)
{
    X509_EXTENSION_free(
        X509_CRL_delete_ext(crl, X509_CRL_get_ext_by_NID(crl, NID_authority_key_identifier, -1)));
}

static void ending_as_it_begins(X509_CRL *crl)
{
    ASN1_TIME *time = ASN1_TIME_set(NULL, NOW);
    assert_int_equal(X509_CRL_set1_nextUpdate(crl, time), 1);
    ASN1_TIME_free(time);
}

static void of_version_1(X509_CRL *crl)
{
    assert_int_equal(X509_CRL_set_version(crl, 0), 1);
}

static void lists_that_are_signed_and_none_of_ours_are_refused(void **state)
{
    (void)state;
    assert_int_equal(check_made(not_at_all), LW_OK);
    assert_int_equal(check_made(without_number), LW_E_VALUE);
    assert_int_equal(check_made(with_number_zero), LW_E_VALUE);
    assert_int_equal(check_made(as_a_delta), LW_E_UNSUPPORTED);
    assert_int_equal(check_made(without_its_key), LW_E_UNTRUSTED);
    assert_int_equal(check_made(ending_as_it_begins), LW_E_VALUE);
    assert_int_not_equal(check_made(of_version_1), LW_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_crl_names_what_was_revoked),
        cmocka_unit_test(an_empty_crl_is_one_too),
        cmocka_unit_test(crls_that_make_no_sense_are_refused),
        cmocka_unit_test(a_list_is_checked_against_its_issuer),
        cmocka_unit_test(no_byte_of_a_list_can_be_changed),
        cmocka_unit_test(lists_that_are_signed_and_none_of_ours_are_refused),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
