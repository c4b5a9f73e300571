#include "hsm/verify.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdio.h>

#include "bytes.h"
#include "hsm/digest.h"

/* RFC 6979 section A.2.5: P-256, SHA-256. */
static const char x_hex[] = "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6";
static const char y_hex[] = "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299";
static const char sample_sig[] = "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"
                                 "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8";
static const char test_sig[] = "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367"
                               "019F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083";

/* RFC 6979 section A.2.6: P-384, SHA-384. */
static const char x384_hex[] = "EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E"
                               "06AAE5286B300C64DEF8F0EA9055866064A254515480BC13";
static const char y384_hex[] = "8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9"
                               "F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD2533264720";
static const char sample384_sig[] = "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA7"
                                    "3D64C4EA95AD133C81A648152E44ACF96E36DD1E80FABE46"
                                    "99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526"
                                    "203B6351D0A3A94FA329C145786E679E7B82C71A38628AC8";

/* The order of P-256's group (SEC 2 section 2.4.2). */
static const char n_hex[] = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551";

static lw_bytes text(const char *t)
{
    return (lw_bytes){.ptr = (const uint8_t *)t, .len = strlen(t)};
}

static struct hsm_public_key key_of(enum hsm_alg alg, const char *x, const char *y)
{
    LW_AUTO_BUF xb = LW_BUF(48);
    LW_AUTO_BUF yb = LW_BUF(48);
    struct hsm_public_key key;
    support_hex(x, &xb);
    support_hex(y, &yb);
    assert_int_equal(hsm_public_key_from_xy(&key, alg, lw_buf_view(&xb), lw_buf_view(&yb)).code,
                     LW_OK);
    return key;
}

static struct hsm_public_key rfc_key(void)
{
    return key_of(HSM_ES256, x_hex, y_hex);
}

static lw_code verify_hex(const struct hsm_public_key *key, const char *message, const char *sig)
{
    LW_AUTO_BUF s = LW_BUF(256);
    support_hex(sig, &s);
    return hsm_verify(key, text(message), lw_buf_view(&s)).code;
}

static void signatures_of_rfc_6979_hold(void **state)
{
    (void)state;
    const struct hsm_public_key p256 = rfc_key();
    const struct hsm_public_key p384 = key_of(HSM_ES384, x384_hex, y384_hex);
    assert_int_equal(verify_hex(&p256, "sample", sample_sig), LW_OK);
    assert_int_equal(verify_hex(&p256, "test", test_sig), LW_OK);
    assert_int_equal(verify_hex(&p384, "sample", sample384_sig), LW_OK);
    assert_int_equal(verify_hex(&p256, "sampl", sample_sig), LW_E_SIGNATURE);
    assert_int_equal(verify_hex(&p256, "sample", test_sig), LW_E_SIGNATURE);
    assert_int_equal(verify_hex(&p384, "test", sample384_sig), LW_E_SIGNATURE);
}

static void parts_are_verified_as_one_message(void **state)
{
    (void)state;
    const struct hsm_public_key key = rfc_key();
    LW_AUTO_BUF sig = LW_BUF(64);
    uint8_t digest[HSM_SHA256_LEN];
    const lw_bytes parts[] = {text("sam"), text(""), text("ple")};
    support_hex(sample_sig, &sig);
    assert_int_equal(hsm_verify_parts(&key, parts, 3, lw_buf_view(&sig)).code, LW_OK);
    assert_int_equal(hsm_verify_parts(&key, parts, 2, lw_buf_view(&sig)).code, LW_E_SIGNATURE);
    assert_int_equal(hsm_sha256(text("sample"), digest).code, LW_OK);
    assert_int_equal(hsm_verify_digest(&key, LW_BYTES(digest), lw_buf_view(&sig)).code, LW_OK);
    const lw_bytes cut = {.ptr = digest, .len = 31};
    assert_int_equal(hsm_verify_digest(&key, cut, lw_buf_view(&sig)).code, LW_E_MISUSE);
}

static void every_changed_bit_of_a_signature_is_refused(void **state)
{
    (void)state;
    const struct hsm_public_key key = rfc_key();
    LW_AUTO_BUF sig = LW_BUF(64);
    support_hex(sample_sig, &sig);
    for (size_t bit = 0; bit < sig.len * 8; bit++) {
        sig.ptr[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(hsm_verify(&key, text("sample"), lw_buf_view(&sig)).code, LW_E_SIGNATURE);
        sig.ptr[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
}

static void signatures_of_every_other_length_are_refused(void **state)
{
    (void)state;
    const struct hsm_public_key key = rfc_key();
    LW_AUTO_BUF sig = LW_BUF(160);
    support_hex(sample_sig, &sig);
    support_hex(sample_sig, &sig);
    for (size_t len = 0; len <= sig.len; len++) {
        const lw_bytes part = {.ptr = sig.ptr, .len = len};
        assert_int_equal(hsm_verify(&key, text("sample"), part).code,
                         len == HSM_ES256_SIG_LEN ? LW_OK : LW_E_SIGNATURE);
    }
}

/* specs/security.md A4: r and s in {0, n, n + r}, which a careless check takes. */
static void numbers_outside_the_order_are_refused(void **state)
{
    (void)state;
    const struct hsm_public_key key = rfc_key();
    static const char zero[] = "0000000000000000000000000000000000000000000000000000000000000000";
    static const char n1[] = "FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632552";
    const char *const bad[] = {zero, n_hex, n1};
    for (size_t i = 0; i < 3; i++) {
        for (size_t j = 0; j < 3; j++) {
            char both[129];
            assert_int_equal(snprintf(both, sizeof(both), "%s%s", bad[i], bad[j]), 128);
            assert_int_equal(verify_hex(&key, "sample", both), LW_E_SIGNATURE);
        }
        char half[129];
        assert_int_equal(snprintf(half, sizeof(half), "%.64s%s", sample_sig, bad[i]), 128);
        assert_int_equal(verify_hex(&key, "sample", half), LW_E_SIGNATURE);
        assert_int_equal(snprintf(half, sizeof(half), "%s%s", bad[i], sample_sig + 64), 128);
        assert_int_equal(verify_hex(&key, "sample", half), LW_E_SIGNATURE);
    }
}

/*
 * With the key -G, digest e and r = e the sum e/s * G + r/s * (-G) is the point at infinity,
 * which OpenSSL reports as a failure of its own: it is a refused signature, not our fault.
 */
static void a_sum_at_infinity_is_refused(void **state)
{
    (void)state;
    const struct hsm_public_key key =
        key_of(HSM_ES256, "6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296",
               "B01CBD1C01E58065711814B583F061E9D431CCA994CEA1313449BF97C840AE0A");
    uint8_t digest[HSM_SHA256_LEN] = {1};
    uint8_t sig[HSM_ES256_SIG_LEN] = {1};
    sig[63] = 1;
    assert_int_equal(hsm_verify_digest(&key, LW_BYTES(digest), LW_BYTES(sig)).code, LW_E_SIGNATURE);
}

static void compressed_points_give_the_same_key(void **state)
{
    (void)state;
    const struct hsm_public_key whole = rfc_key();
    uint8_t small[1 + HSM_P256_LEN] = {3}; /* y is odd */
    struct hsm_public_key key;
    memcpy(small + 1, whole.point + 1, HSM_P256_LEN);
    assert_int_equal(hsm_public_key_from_point(&key, HSM_ES256, LW_BYTES(small)).code, LW_OK);
    assert_true(hsm_public_key_eq(&key, &whole));
    assert_int_equal(verify_hex(&key, "sample", sample_sig), LW_OK);
    small[0] = 2; /* the other root: a good key, but another */
    assert_int_equal(hsm_public_key_from_point(&key, HSM_ES256, LW_BYTES(small)).code, LW_OK);
    assert_false(hsm_public_key_eq(&key, &whole));
    assert_int_equal(verify_hex(&key, "sample", sample_sig), LW_E_SIGNATURE);
    assert_true(lw_bytes_eq(hsm_public_key_x(&key), hsm_public_key_x(&whole)));
    assert_false(lw_bytes_eq(hsm_public_key_y(&key), hsm_public_key_y(&whole)));
}

static void compressed_points_of_p_384_give_the_same_key(void **state)
{
    (void)state;
    const struct hsm_public_key whole = key_of(HSM_ES384, x384_hex, y384_hex);
    uint8_t small[49] = {2}; /* y is even */
    struct hsm_public_key key;
    memcpy(small + 1, whole.point + 1, 48);
    assert_int_equal(hsm_public_key_from_point(&key, HSM_ES384, LW_BYTES(small)).code, LW_OK);
    assert_true(hsm_public_key_eq(&key, &whole));
    assert_int_equal(verify_hex(&key, "sample", sample384_sig), LW_OK);
    assert_int_equal(hsm_public_key_from_point(&key, HSM_ES256, LW_BYTES(small)).code, LW_E_VALUE);
}

static void points_of_another_form_or_length_are_refused(void **state)
{
    (void)state;
    const struct hsm_public_key good = rfc_key();
    uint8_t point[HSM_POINT_MAX + 1] = {0};
    memcpy(point, good.point, good.point_len);
    for (unsigned form = 0; form <= UINT8_MAX; form++) {
        point[0] = (uint8_t)form;
        for (size_t len = 0; len <= sizeof(point); len++) {
            struct hsm_public_key key = {.alg = HSM_ALG_NONE};
            const lw_bytes in = {.ptr = point, .len = len};
            const bool fits = (form == 4 && len == 65) || ((form == 2 || form == 3) && len == 33);
            const lw_err err = hsm_public_key_from_point(&key, HSM_ES256, in);
            assert_int_equal(err.code, fits ? LW_OK : LW_E_VALUE);
            assert_int_equal(key.alg, fits ? HSM_ES256 : HSM_ALG_NONE); /* untouched on failure */
        }
    }
}

static void points_off_the_curve_are_refused(void **state)
{
    (void)state;
    struct hsm_public_key key = rfc_key();
    uint8_t point[65];
    memcpy(point, key.point, sizeof(point));
    point[64] ^= 1;
    assert_int_equal(hsm_public_key_from_point(&key, HSM_ES256, LW_BYTES(point)).code, LW_E_VALUE);
    key.point[64] ^= 1; /* a key that was not made by our functions */
    assert_int_equal(verify_hex(&key, "sample", sample_sig), LW_E_VALUE);

    /* 5^3 - 3 * 5 + b has a root and 4^3 - 3 * 4 + b has none; 2^256 - 1 is past the field. */
    uint8_t x[33] = {2};
    x[32] = 5;
    assert_int_equal(hsm_public_key_from_point(&key, HSM_ES256, LW_BYTES(x)).code, LW_OK);
    x[32] = 4;
    assert_int_equal(hsm_public_key_from_point(&key, HSM_ES256, LW_BYTES(x)).code, LW_E_VALUE);
    memset(x + 1, 0xff, 32);
    assert_int_equal(hsm_public_key_from_point(&key, HSM_ES256, LW_BYTES(x)).code, LW_E_VALUE);
    uint8_t zero[65] = {4};
    assert_int_equal(hsm_public_key_from_point(&key, HSM_ES256, LW_BYTES(zero)).code, LW_E_VALUE);
}

static void coordinates_have_exactly_the_curve_s_length(void **state)
{
    (void)state;
    const struct hsm_public_key good = rfc_key();
    struct hsm_public_key key;
    uint8_t room[HSM_P256_LEN + 1] = {0};
    memcpy(room, good.point + 1, HSM_P256_LEN);
    const lw_bytes x = hsm_public_key_x(&good);
    const lw_bytes y = hsm_public_key_y(&good);
    for (size_t len = 0; len <= sizeof(room); len++) {
        const lw_bytes part = {.ptr = room, .len = len};
        const lw_code want = len == HSM_P256_LEN ? LW_OK : LW_E_VALUE;
        assert_int_equal(hsm_public_key_from_xy(&key, HSM_ES256, part, y).code, want);
        if (len != HSM_P256_LEN) {
            assert_int_equal(hsm_public_key_from_xy(&key, HSM_ES256, x, part).code, want);
        }
    }
}

static void algorithms_without_a_row_are_refused(void **state)
{
    (void)state;
    struct hsm_public_key key = rfc_key();
    const lw_bytes x = hsm_public_key_x(&key);
    struct hsm_public_key other;
    uint8_t sig[HSM_SIG_MAX] = {0};
    size_t len = 0;
    assert_int_equal(hsm_public_key_from_xy(&other, HSM_ALG_NONE, x, x).code, LW_E_UNSUPPORTED);
    assert_int_equal(hsm_public_key_from_point(&other, HSM_ALG_NONE, x).code, LW_E_UNSUPPORTED);
    assert_int_equal(hsm_sig_from_der(HSM_ALG_NONE, x, sig, &len).code, LW_E_UNSUPPORTED);
    key.alg = HSM_ALG_NONE;
    assert_int_equal(verify_hex(&key, "sample", sample_sig), LW_E_UNSUPPORTED);
    key.alg = (enum hsm_alg)99;
    assert_int_equal(verify_hex(&key, "sample", sample_sig), LW_E_UNSUPPORTED);
    key.alg = HSM_ES384; /* the right bytes under another algorithm */
    assert_int_equal(verify_hex(&key, "sample", sample_sig), LW_E_SIGNATURE);
}

static void der_round_trips(void **state)
{
    static const char *const pairs[] = {
        sample_sig,
        test_sig,
        "000000000000000000000000000000000000000000000000000000000000007F"
        "0000000000000000000000000000000000000000000000000000000000000080",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        LW_AUTO_BUF sig = LW_BUF(64);
        LW_AUTO_BUF der = LW_BUF(72);
        uint8_t back[HSM_SIG_MAX];
        size_t len = 0;
        support_hex(pairs[i], &sig);
        assert_int_equal(hsm_sig_to_der(lw_buf_view(&sig), &der).code, LW_OK);
        assert_int_equal(hsm_sig_from_der(HSM_ES256, lw_buf_view(&der), back, &len).code, LW_OK);
        assert_true(lw_bytes_eq((lw_bytes){.ptr = back, .len = len}, lw_buf_view(&sig)));
    }
}

static void only_strict_der_is_read(void **state)
{
    /* After a good one: what X.690 forbids in DER, or what a pair cannot be. */
    static const struct {
        const char *der;
        lw_code code;
    } cases[] = {
        {"3006020101020102", LW_OK},
        {"", LW_E_SYNTAX},
        {"30", LW_E_SYNTAX},
        {"3000", LW_E_SYNTAX},
        {"3003020101", LW_E_SYNTAX},
        {"300602010102010200", LW_E_SYNTAX},     /* trailing byte outside */
        {"30070201010201020000", LW_E_SYNTAX},   /* and inside */
        {"3009020101020102020103", LW_E_SYNTAX}, /* three numbers */
        {"308106020101020102", LW_E_SYNTAX},     /* length in a form too long */
        {"30078201000102010200", LW_E_SYNTAX},   /* not a number */
        {"3080020101020102"
         "0000",
         LW_E_SYNTAX}, /* indefinite length */
        {"30070202000102"
         "0102",
         LW_E_SYNTAX},                     /* needless leading zero */
        {"3006020181020102", LW_E_SYNTAX}, /* negative r */
        {"3006020101020182", LW_E_SYNTAX}, /* negative s */
        {"3005020002"
         "0102",
         LW_E_SYNTAX},                     /* empty number */
        {"3106020101020102", LW_E_SYNTAX}, /* a set */
        {"3007020101020102", LW_E_SYNTAX}, /* cut */
        {"30270222"
         "00"
         "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
         "020102",
         LW_E_SYNTAX}, /* 33 bytes */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF der = LW_BUF(160);
        uint8_t sig[HSM_SIG_MAX];
        size_t len = 0;
        support_hex(cases[i].der, &der);
        assert_int_equal(hsm_sig_from_der(HSM_ES256, lw_buf_view(&der), sig, &len).code,
                         cases[i].code);
    }
    uint8_t large[400] = {0x30, 0x82, 0x01, 0x8c};
    uint8_t sig[HSM_SIG_MAX];
    size_t len = 0;
    assert_int_equal(hsm_sig_from_der(HSM_ES256, LW_BYTES(large), sig, &len).code, LW_E_SYNTAX);
}

static void only_pairs_are_written_as_der(void **state)
{
    (void)state;
    static const uint8_t sig[HSM_PAIR_MAX + 2] = {1};
    for (size_t len = 0; len <= sizeof(sig); len++) {
        LW_AUTO_BUF der = LW_BUF(128);
        const bool pair = len > 0 && len % 2 == 0 && len <= HSM_PAIR_MAX;
        assert_int_equal(hsm_sig_to_der((lw_bytes){.ptr = sig, .len = len}, &der).code,
                         pair ? LW_OK : LW_E_MISUSE);
        assert_int_equal(der.len > 0, pair);
    }
}

static void *verify_in_a_thread(void *arg)
{
    const struct hsm_public_key *key = arg;
    LW_AUTO_BUF sig = LW_BUF(64);
    support_hex(sample_sig, &sig);
    for (int i = 0; i < 50; i++) {
        if (hsm_verify(key, text("sample"), lw_buf_view(&sig)).code != LW_OK ||
            hsm_verify(key, text("simple"), lw_buf_view(&sig)).code != LW_E_SIGNATURE) {
            return NULL;
        }
    }
    return arg;
}

/* Under AddressSanitizer also: the context of a thread is freed when it ends. */
static void threads_have_contexts_of_their_own(void **state)
{
    (void)state;
    struct hsm_public_key key = rfc_key();
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, verify_in_a_thread, &key), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, &key);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signatures_of_rfc_6979_hold),
        cmocka_unit_test(parts_are_verified_as_one_message),
        cmocka_unit_test(every_changed_bit_of_a_signature_is_refused),
        cmocka_unit_test(signatures_of_every_other_length_are_refused),
        cmocka_unit_test(numbers_outside_the_order_are_refused),
        cmocka_unit_test(a_sum_at_infinity_is_refused),
        cmocka_unit_test(compressed_points_give_the_same_key),
        cmocka_unit_test(compressed_points_of_p_384_give_the_same_key),
        cmocka_unit_test(points_of_another_form_or_length_are_refused),
        cmocka_unit_test(points_off_the_curve_are_refused),
        cmocka_unit_test(coordinates_have_exactly_the_curve_s_length),
        cmocka_unit_test(algorithms_without_a_row_are_refused),
        cmocka_unit_test(der_round_trips),
        cmocka_unit_test(only_strict_der_is_read),
        cmocka_unit_test(only_pairs_are_written_as_der),
        cmocka_unit_test(threads_have_contexts_of_their_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
