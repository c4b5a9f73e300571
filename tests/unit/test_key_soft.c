#define _POSIX_C_SOURCE 200809L

#include "hsm/key_soft.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <fcntl.h>
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bytes.h"
#include "hsm/digest.h"

enum { NOW = 1795000000 };

/* RFC 6979 section A.2.5. */
static const char d_hex[] = "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721";
static const char x_hex[] = "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6";
static const char y_hex[] = "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299";

static char folder[64];

static int make_folder(void **state)
{
    (void)state;
    (void)snprintf(folder, sizeof(folder), "/tmp/lw-key-XXXXXX");
    return mkdtemp(folder) == NULL ? -1 : 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder); /* fails when a test left a file behind */
}

struct path {
    char text[128];
};

static struct path path_of(const char *name)
{
    struct path p;
    (void)snprintf(p.text, sizeof(p.text), "%s/%s", folder, name);
    return p;
}

static lw_bytes text(const char *t)
{
    return (lw_bytes){.ptr = (const uint8_t *)t, .len = strlen(t)};
}

static struct hsm_soft_key *rfc_key(void)
{
    struct hsm_soft_key *key = NULL;
    LW_AUTO_BUF d = LW_BUF(32);
    support_hex(d_hex, &d);
    assert_int_equal(hsm_soft_key_from_secret(d.ptr, &key).code, LW_OK);
    return key;
}

static void a_secret_gives_the_public_key_of_rfc_6979(void **state)
{
    (void)state;
    HSM_AUTO_SOFT_KEY key = rfc_key();
    LW_AUTO_BUF point = LW_BUF(65);
    assert_int_equal(lw_buf_put_byte(&point, 4).code, LW_OK);
    support_hex(x_hex, &point);
    support_hex(y_hex, &point);
    const struct hsm_public_key *made = hsm_soft_key_public(key);
    assert_int_equal(made->alg, HSM_ES256);
    assert_true(
        lw_bytes_eq((lw_bytes){.ptr = made->point, .len = made->point_len}, lw_buf_view(&point)));
}

static void secrets_outside_the_order_are_refused(void **state)
{
    static const struct {
        const char *d;
        lw_code code;
    } cases[] = {
        {"0000000000000000000000000000000000000000000000000000000000000000", LW_E_VALUE},
        {"0000000000000000000000000000000000000000000000000000000000000001", LW_OK},
        {"FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632550", LW_OK},
        {"FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551", LW_E_VALUE},
        {"FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF", LW_E_VALUE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        HSM_AUTO_SOFT_KEY key = NULL;
        LW_AUTO_BUF d = LW_BUF(32);
        support_hex(cases[i].d, &d);
        assert_int_equal(hsm_soft_key_from_secret(d.ptr, &key).code, cases[i].code);
        assert_int_equal(key != NULL, cases[i].code == LW_OK);
    }
}

static void what_a_key_signs_verifies_with_its_public_key_only(void **state)
{
    (void)state;
    HSM_AUTO_SOFT_KEY one = rfc_key();
    HSM_AUTO_SOFT_KEY two = NULL;
    struct hsm_signer signer;
    uint8_t sig[HSM_SIG_MAX];
    assert_int_equal(hsm_soft_key_generate(&two).code, LW_OK);
    hsm_soft_key_signer(one, &signer);
    assert_int_equal(signer.purpose, HSM_PURPOSE_HOLDER);
    assert_int_equal(hsm_sign(&signer, HSM_PURPOSE_HOLDER, NOW, text("sample"), sig).code, LW_OK);
    const lw_bytes made = {.ptr = sig, .len = HSM_ES256_SIG_LEN};
    assert_int_equal(hsm_verify(hsm_soft_key_public(one), text("sample"), made).code, LW_OK);
    assert_int_equal(hsm_verify(hsm_soft_key_public(one), text("simple"), made).code,
                     LW_E_SIGNATURE);
    assert_int_equal(hsm_verify(hsm_soft_key_public(two), text("sample"), made).code,
                     LW_E_SIGNATURE);
}

/* One key, one purpose: a holder's key signs for nobody else. */
static void a_holder_s_key_is_refused_for_every_issuer_s_purpose(void **state)
{
    (void)state;
    HSM_AUTO_SOFT_KEY key = rfc_key();
    struct hsm_signer signer;
    uint8_t sig[HSM_SIG_MAX];
    hsm_soft_key_signer(key, &signer);
    for (int p = HSM_PURPOSE_NONE; p < HSM_PURPOSE_HOLDER; p++) {
        assert_int_equal(hsm_sign(&signer, (enum hsm_purpose)p, NOW, text("sample"), sig).code,
                         LW_E_DENIED);
    }
}

static void purposes_that_sign_nothing_are_refused(void **state)
{
    static const enum hsm_purpose silent[] = {HSM_PURPOSE_NONE, HSM_PURPOSE_SEAL,
                                              HSM_PURPOSE_CUSTODY};
    (void)state;
    HSM_AUTO_SOFT_KEY key = rfc_key();
    struct hsm_signer signer;
    uint8_t sig[HSM_SIG_MAX];
    hsm_soft_key_signer(key, &signer);
    for (int p = HSM_PURPOSE_NONE; p <= HSM_PURPOSE_HOLDER; p++) {
        const bool refuse = p == (int)silent[0] || p == (int)silent[1] || p == (int)silent[2] ||
                            p == (int)HSM_PURPOSE_ID_TOKEN_RSA; /* it takes RSA */
        signer.purpose = (enum hsm_purpose)p;
        assert_int_equal(hsm_sign(&signer, signer.purpose, NOW, text("sample"), sig).code,
                         refuse ? LW_E_DENIED : LW_OK);
    }
}

/* specs/security.md A30: refused the second the signer's time ends. */
static void a_signer_signs_only_within_its_time(void **state)
{
    (void)state;
    HSM_AUTO_SOFT_KEY key = rfc_key();
    struct hsm_signer signer;
    uint8_t sig[HSM_SIG_MAX];
    hsm_soft_key_signer(key, &signer);
    signer.not_before = NOW;
    signer.not_after = NOW + 10;
    static const struct {
        int64_t now;
        lw_code code;
    } cases[] = {{NOW - 1, LW_E_EXPIRED}, {NOW, LW_OK}, {NOW + 9, LW_OK}, {NOW + 10, LW_E_EXPIRED}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(
            hsm_sign(&signer, HSM_PURPOSE_HOLDER, cases[i].now, text("sample"), sig).code,
            cases[i].code);
    }
}

static lw_err sign_nothing(void *ctx, lw_bytes digest, uint8_t sig[HSM_SIG_MAX])
{
    (void)digest;
    memset(sig, 1, HSM_SIG_MAX);
    return *(const lw_err *)ctx;
}

/* specs/security.md F10: a wrong signature is never released. */
static void a_token_that_signs_wrongly_is_found_out(void **state)
{
    (void)state;
    HSM_AUTO_SOFT_KEY key = rfc_key();
    struct hsm_signer signer;
    uint8_t sig[HSM_SIG_MAX];
    lw_err answer = LW_SUCCESS;
    hsm_soft_key_signer(key, &signer);
    signer.sign_digest = sign_nothing;
    signer.ctx = &answer;
    assert_int_equal(hsm_sign(&signer, HSM_PURPOSE_HOLDER, NOW, text("a"), sig).code, LW_E_TOKEN);
    answer = LW_FAIL(LW_E_TIMEOUT, "test: late", LW_NOWHERE);
    assert_int_equal(hsm_sign(&signer, HSM_PURPOSE_HOLDER, NOW, text("a"), sig).code, LW_E_TIMEOUT);
    hsm_soft_key_signer(key, &signer);
    signer.key.alg = HSM_ALG_NONE;
    assert_int_equal(hsm_sign(&signer, HSM_PURPOSE_HOLDER, NOW, text("a"), sig).code,
                     LW_E_UNSUPPORTED);
}

static void purposes_have_names_of_their_own(void **state)
{
    (void)state;
    for (int a = HSM_PURPOSE_NONE; a <= HSM_PURPOSE_HOLDER; a++) {
        assert_string_not_equal(hsm_purpose_name((enum hsm_purpose)a), "unknown");
        for (int b = HSM_PURPOSE_NONE; b < a; b++) {
            assert_string_not_equal(hsm_purpose_name((enum hsm_purpose)a),
                                    hsm_purpose_name((enum hsm_purpose)b));
        }
    }
    assert_string_equal(hsm_purpose_name(HSM_PURPOSE_CREDENTIAL), "ds-vc");
    assert_string_equal(hsm_purpose_name((enum hsm_purpose)99), "unknown");
}

static void a_created_key_loads_again(void **state)
{
    (void)state;
    const struct path path = path_of("holder.pem");
    HSM_AUTO_SOFT_KEY made = NULL;
    HSM_AUTO_SOFT_KEY loaded = NULL;
    struct stat info;
    const mode_t before = umask(0);
    assert_int_equal(hsm_soft_key_create(path.text, &made).code, LW_OK);
    (void)umask(before);
    assert_int_equal(stat(path.text, &info), 0);
    assert_int_equal(info.st_mode & 07777, 0600);
    assert_int_equal(hsm_soft_key_load(path.text, &loaded).code, LW_OK);
    assert_true(hsm_public_key_eq(hsm_soft_key_public(made), hsm_soft_key_public(loaded)));

    HSM_AUTO_SOFT_KEY again = NULL; /* never written over */
    assert_int_equal(hsm_soft_key_create(path.text, &again).code, LW_E_CONFLICT);
    assert_null(again);
    HSM_AUTO_SOFT_KEY kept = NULL;
    assert_int_equal(hsm_soft_key_load(path.text, &kept).code, LW_OK);
    assert_true(hsm_public_key_eq(hsm_soft_key_public(made), hsm_soft_key_public(kept)));
    assert_int_equal(unlink(path.text), 0);
}

static void a_key_is_not_created_through_a_link(void **state)
{
    (void)state;
    const struct path link = path_of("link.pem");
    const struct path target = path_of("target.pem");
    HSM_AUTO_SOFT_KEY key = NULL;
    assert_int_equal(symlink(target.text, link.text), 0);
    assert_int_equal(hsm_soft_key_create(link.text, &key).code, LW_E_CONFLICT);
    assert_int_not_equal(access(target.text, F_OK), 0);
    assert_int_equal(unlink(link.text), 0);
}

static void a_missing_file_or_folder_is_told_apart(void **state)
{
    (void)state;
    HSM_AUTO_SOFT_KEY key = NULL;
    const struct path none = path_of("none.pem");
    const struct path deep = path_of("none/key.pem");
    assert_int_equal(hsm_soft_key_load(none.text, &key).code, LW_E_NOT_FOUND);
    assert_int_equal(hsm_soft_key_create(deep.text, &key).code, LW_E_NOT_FOUND);
    assert_int_equal(hsm_soft_key_load(folder, &key).code, LW_E_DENIED);
}

static void a_key_file_is_refused_for_each_bit_that_lets_others_in(void **state)
{
    (void)state;
    const struct path path = path_of("open.pem");
    HSM_AUTO_SOFT_KEY made = NULL;
    assert_int_equal(hsm_soft_key_create(path.text, &made).code, LW_OK);
    static const mode_t others[] = {0610, 0620, 0640, 0601, 0602, 0604, 0644, 0777};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        HSM_AUTO_SOFT_KEY key = NULL;
        assert_int_equal(chmod(path.text, others[i]), 0);
        assert_int_equal(hsm_soft_key_load(path.text, &key).code, LW_E_DENIED);
    }
    HSM_AUTO_SOFT_KEY key = NULL;
    assert_int_equal(chmod(path.text, 0400), 0);
    assert_int_equal(hsm_soft_key_load(path.text, &key).code, LW_OK);
    if (geteuid() == 0) { /* only root can give a file away */
        HSM_AUTO_SOFT_KEY foreign = NULL;
        assert_int_equal(chown(path.text, 65534, 65534), 0);
        assert_int_equal(hsm_soft_key_load(path.text, &foreign).code, LW_E_DENIED);
    }
    assert_int_equal(unlink(path.text), 0);
}

/* The disk is full: the limit of a file's size stands in for it. */
static void a_key_that_cannot_be_written_leaves_no_file(void **state)
{
    (void)state;
    const struct path path = path_of("cut.pem");
    HSM_AUTO_SOFT_KEY key = NULL;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    const struct rlimit small = {.rlim_cur = 10, .rlim_max = before.rlim_max};
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    const lw_err err = hsm_soft_key_create(path.text, &key);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    assert_int_equal(err.code, LW_E_IO);
    assert_null(key);
    assert_int_not_equal(access(path.text, F_OK), 0);
}

static lw_code load_text(lw_str content)
{
    const struct path path = path_of("given.pem");
    HSM_AUTO_SOFT_KEY key = NULL;
    const int fd = open(path.text, O_WRONLY | O_CREAT | O_EXCL, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content.ptr, content.len), content.len);
    assert_int_equal(close(fd), 0);
    const lw_code code = hsm_soft_key_load(path.text, &key).code;
    assert_int_equal(unlink(path.text), 0);
    return code;
}

/* Other kinds of keys, as OpenSSL writes them. */
static lw_code load_pkey(EVP_PKEY *pkey, bool traditional, const char *pass)
{
    char *text = NULL;
    BIO *bio = BIO_new(BIO_s_mem());
    const EVP_CIPHER *cipher = pass == NULL ? NULL : EVP_aes_128_cbc();
    if (traditional) {
        assert_int_equal(PEM_write_bio_PrivateKey_traditional(bio, pkey, NULL, NULL, 0, NULL, NULL),
                         1);
    } else {
        assert_int_equal(PEM_write_bio_PKCS8PrivateKey(bio, pkey, cipher, pass,
                                                       pass == NULL ? 0 : (int)strlen(pass), NULL,
                                                       NULL),
                         1);
    }
    const long len = BIO_get_mem_data(bio, &text);
    const lw_code code = load_text((lw_str){.ptr = text, .len = (size_t)len});
    BIO_free(bio);
    EVP_PKEY_free(pkey);
    return code;
}

static void keys_of_other_kinds_are_refused(void **state)
{
    (void)state;
    assert_int_equal(load_pkey(EVP_EC_gen("P-256"), false, NULL), LW_OK);
    assert_int_equal(load_pkey(EVP_EC_gen("P-256"), true, NULL), LW_E_SYNTAX);
    assert_int_equal(load_pkey(EVP_EC_gen("P-256"), false, "secret"), LW_E_SYNTAX);
    assert_int_equal(load_pkey(EVP_EC_gen("P-384"), false, NULL), LW_E_UNSUPPORTED);
    assert_int_equal(load_pkey(EVP_EC_gen("secp256k1"), false, NULL), LW_E_UNSUPPORTED);
    assert_int_equal(load_pkey(EVP_RSA_gen(2048), false, NULL), LW_E_UNSUPPORTED);
    assert_int_equal(load_pkey(EVP_PKEY_Q_keygen(NULL, NULL, "ED25519"), false, NULL),
                     LW_E_UNSUPPORTED);
}

/* The key of RFC 6979 section A.2.5, and what is no PKCS#8 key of P-256. */
static const char pkcs8[] = "-----BEGIN PRIVATE KEY-----\n"
                            "MEECAQAwEwYHKoZIzj0CAQYIKoZIzj0DAQcEJzAlAgEBBCDJr6nYRbp1FmtcIVdn\n"
                            "sdaTTlDD2zbomxJ7imIrEg9nIQ==\n"
                            "-----END PRIVATE KEY-----\n";

static void files_that_hold_no_such_key_are_refused(void **state)
{
    (void)state;
    assert_int_equal(load_text(lw_str_c(pkcs8)), LW_OK);
    assert_int_equal(load_text(LW_STR("")), LW_E_SYNTAX);
    assert_int_equal(load_text(LW_STR("no key")), LW_E_SYNTAX);
    assert_int_equal(load_text(LW_STR("-----BEGIN PRIVATE KEY-----\n"
                                      "AAAA\n-----END PRIVATE KEY-----\n")),
                     LW_E_SYNTAX);
    LW_AUTO_BUF other = LW_BUF(32768);
    assert_int_equal(lw_buf_put_c(&other, pkcs8).code, LW_OK);
    other.ptr[27] = 'X'; /* the line that begins it */
    assert_int_equal(load_text(lw_buf_text(&other)), LW_E_SYNTAX);
    lw_buf_truncate(&other, 0);
    while (other.len < 17000) {
        assert_int_equal(lw_buf_put_c(&other, "\n").code, LW_OK);
    }
    assert_int_equal(lw_buf_put_c(&other, pkcs8).code, LW_OK);
    assert_int_equal(load_text(lw_buf_text(&other)), LW_E_SYNTAX);
}

static void *sign_in_a_thread(void *arg)
{
    struct hsm_signer *signer = arg;
    for (int i = 0; i < 20; i++) {
        uint8_t sig[HSM_SIG_MAX];
        if (hsm_sign(signer, HSM_PURPOSE_HOLDER, NOW, text("sample"), sig).code != LW_OK) {
            return NULL;
        }
    }
    return arg;
}

static void threads_sign_with_one_key(void **state)
{
    (void)state;
    HSM_AUTO_SOFT_KEY key = rfc_key();
    struct hsm_signer signer;
    pthread_t threads[4];
    hsm_soft_key_signer(key, &signer);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, sign_in_a_thread, &signer), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, &signer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_gives_the_public_key_of_rfc_6979),
        cmocka_unit_test(secrets_outside_the_order_are_refused),
        cmocka_unit_test(what_a_key_signs_verifies_with_its_public_key_only),
        cmocka_unit_test(a_holder_s_key_is_refused_for_every_issuer_s_purpose),
        cmocka_unit_test(purposes_that_sign_nothing_are_refused),
        cmocka_unit_test(a_signer_signs_only_within_its_time),
        cmocka_unit_test(a_token_that_signs_wrongly_is_found_out),
        cmocka_unit_test(purposes_have_names_of_their_own),
        cmocka_unit_test(a_created_key_loads_again),
        cmocka_unit_test(a_key_is_not_created_through_a_link),
        cmocka_unit_test(a_missing_file_or_folder_is_told_apart),
        cmocka_unit_test(a_key_file_is_refused_for_each_bit_that_lets_others_in),
        cmocka_unit_test(files_that_hold_no_such_key_are_refused),
        cmocka_unit_test(a_key_that_cannot_be_written_leaves_no_file),
        cmocka_unit_test(keys_of_other_kinds_are_refused),
        cmocka_unit_test(threads_sign_with_one_key),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
