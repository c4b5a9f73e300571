#include "hsm/envelope.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"
#include "hsm/rng.h"

enum { ROOM = 4096 };

static lw_err fill_nothing(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx;
    (void)out;
    (void)n;
    return LW_FAIL(LW_E_CRYPTO, "test: no random bytes", LW_NOWHERE);
}

static struct hsm_soft_key *make_key(void)
{
    struct hsm_soft_key *key = NULL;
    assert_int_equal(hsm_soft_key_generate(&key).code, LW_OK);
    return key;
}

/* NIST CAVS 14.1, ECC CDH primitive (SP 800-56A), P-256, COUNT = 0. */
static void an_agreement_is_that_of_nists_vector(void **state)
{
    HSM_AUTO_SOFT_KEY key = NULL;
    struct hsm_public_key peer;
    uint8_t shared[HSM_P256_LEN];
    LW_AUTO_BUF d = LW_BUF(32);
    LW_AUTO_BUF x = LW_BUF(32);
    LW_AUTO_BUF y = LW_BUF(32);
    LW_AUTO_BUF z = LW_BUF(32);
    (void)state;
    support_hex("7d7dc5f71eb29ddaf80d6214632eeae03d9058af1fb6d22ed80badb62bc1a534", &d);
    support_hex("700c48f77f56584c5cc632ca65640db91b6bacce3a4df6b42ce7cc838833d287", &x);
    support_hex("db71e509e3fd9b060ddb20ba5c51dcc5948d46fbf640dfe0441782cab85fa4ac", &y);
    support_hex("46fc62106420ff012e54a434fbdd2d25ccc5852060561e68040dd7778997bd7b", &z);
    assert_int_equal(hsm_soft_key_from_secret(d.ptr, &key).code, LW_OK);
    assert_int_equal(
        hsm_public_key_from_xy(&peer, HSM_ES256, lw_buf_view(&x), lw_buf_view(&y)).code, LW_OK);
    assert_int_equal(hsm_soft_key_agree(key, &peer, shared).code, LW_OK);
    assert_memory_equal(shared, z.ptr, sizeof(shared));
    peer.alg = HSM_ES384;
    assert_int_equal(hsm_soft_key_agree(key, &peer, shared).code, LW_E_UNSUPPORTED);
    assert_int_equal(hsm_soft_key_secret(key, shared).code, LW_OK);
    assert_memory_equal(shared, d.ptr, sizeof(shared));
}

static void what_is_sealed_opens_with_its_key_and_aad_only(void **state)
{
    static const size_t lengths[] = {0, 1, 32, 1000};
    HSM_AUTO_SOFT_KEY key = make_key();
    HSM_AUTO_SOFT_KEY other = make_key();
    const lw_bytes aad = lw_str_bytes(LW_STR("a share"));
    uint8_t plain[1000];
    (void)state;
    memset(plain, 0x5a, sizeof(plain));
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        const lw_bytes in = {.ptr = plain, .len = lengths[i]};
        LW_AUTO_BUF sealed = LW_BUF(ROOM);
        LW_AUTO_BUF opened = LW_BUF(ROOM);
        assert_int_equal(
            hsm_envelope_seal(hsm_soft_key_public(key), aad, in, hsm_rng_system(), &sealed).code,
            LW_OK);
        assert_int_equal(sealed.len, in.len + HSM_ENVELOPE_OVERHEAD);
        assert_int_equal(hsm_envelope_open(other, aad, lw_buf_view(&sealed), &opened).code,
                         LW_E_SIGNATURE);
        assert_int_equal(
            hsm_envelope_open(key, lw_str_bytes(LW_STR("another")), lw_buf_view(&sealed), &opened)
                .code,
            LW_E_SIGNATURE);
        assert_int_equal(opened.len, 0);
        assert_int_equal(hsm_envelope_open(key, aad, lw_buf_view(&sealed), &opened).code, LW_OK);
        assert_true(lw_bytes_eq(lw_buf_view(&opened), in));
    }
}

static void every_bit_of_an_envelope_counts(void **state)
{
    HSM_AUTO_SOFT_KEY key = make_key();
    const lw_bytes aad = {NULL, 0};
    LW_AUTO_BUF sealed = LW_BUF(ROOM);
    LW_AUTO_BUF opened = LW_BUF(ROOM);
    (void)state;
    assert_int_equal(hsm_envelope_seal(hsm_soft_key_public(key), aad,
                                       lw_str_bytes(LW_STR("secret")), hsm_rng_system(), &sealed)
                         .code,
                     LW_OK);
    for (size_t bit = 0; bit < sealed.len * 8; bit++) {
        sealed.ptr[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(hsm_envelope_open(key, aad, lw_buf_view(&sealed), &opened).code,
                         LW_E_SIGNATURE);
        sealed.ptr[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    for (size_t len = 0; len < sealed.len; len++) {
        assert_int_equal(
            hsm_envelope_open(key, aad, (lw_bytes){.ptr = sealed.ptr, .len = len}, &opened).code,
            LW_E_SIGNATURE);
    }
    assert_int_equal(opened.len, 0);
}

static void nothing_is_sealed_without_randomness_or_to_another_curve(void **state)
{
    HSM_AUTO_SOFT_KEY key = make_key();
    const struct lw_rng none = {.fill = fill_nothing};
    struct hsm_public_key to = *hsm_soft_key_public(key);
    LW_AUTO_BUF sealed = LW_BUF(ROOM);
    (void)state;
    assert_int_equal(
        hsm_envelope_seal(&to, (lw_bytes){NULL, 0}, LW_BYTES(to.point), &none, &sealed).code,
        LW_E_CRYPTO);
    to.alg = HSM_ES384;
    assert_int_equal(
        hsm_envelope_seal(&to, (lw_bytes){NULL, 0}, LW_BYTES(to.point), hsm_rng_system(), &sealed)
            .code,
        LW_E_UNSUPPORTED);
    assert_int_equal(sealed.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_agreement_is_that_of_nists_vector),
        cmocka_unit_test(what_is_sealed_opens_with_its_key_and_aad_only),
        cmocka_unit_test(every_bit_of_an_envelope_counts),
        cmocka_unit_test(nothing_is_sealed_without_randomness_or_to_another_curve),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
