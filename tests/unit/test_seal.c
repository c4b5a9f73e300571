#define _POSIX_C_SOURCE 200809L

#include "hsm/seal.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bytes.h"
#include "hsm/rng.h"

/* Gives the same bytes each time: the nonce of a known answer. */
static lw_err fill_known(void *ctx, uint8_t *out, size_t n)
{
    memcpy(out, ctx, n);
    return LW_SUCCESS;
}

static lw_err fill_nothing(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx;
    (void)out;
    (void)n;
    return LW_FAIL(LW_E_CRYPTO, "test: no random bytes", LW_NOWHERE);
}

#define KEY_16                                                                                     \
    "feffe9928665731c6d6a8f9467308308"                                                             \
    "feffe9928665731c6d6a8f9467308308"
#define PLAIN_60                                                                                   \
    "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"                             \
    "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define CIPHER_60                                                                                  \
    "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"                             \
    "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"

/* "The Galois/Counter Mode of Operation", appendix B, cases 13 to 16 (NIST's submission). */
static const struct {
    const char *key;
    const char *nonce;
    const char *plain;
    const char *aad;
    const char *cipher_and_tag;
} answers[] = {
    {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000",
     "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
    {"0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000",
     "00000000000000000000000000000000", "",
     "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919"},
    {KEY_16, "cafebabefacedbaddecaf888", PLAIN_60 "1aafd255", "",
     CIPHER_60 "898015adb094dac5d93471bdec1a502270e3cc6c"},
    {KEY_16, "cafebabefacedbaddecaf888", PLAIN_60, "feedfacedeadbeeffeedfacedeadbeefabaddad2",
     CIPHER_60 "76fc6ece0f4e1768cddf8853bb2d551b"},
};

static void the_answers_of_the_gcm_submission_are_given(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
        LW_AUTO_BUF key = LW_BUF(32);
        LW_AUTO_BUF nonce = LW_BUF(12);
        LW_AUTO_BUF plain = LW_BUF(64);
        LW_AUTO_BUF aad = LW_BUF(64);
        LW_AUTO_BUF want = LW_BUF(128);
        LW_AUTO_BUF sealed = LW_BUF(128);
        LW_AUTO_BUF opened = LW_BUF(64);
        support_hex(answers[i].key, &key);
        support_hex(answers[i].nonce, &nonce);
        support_hex(answers[i].plain, &plain);
        support_hex(answers[i].aad, &aad);
        support_hex(answers[i].nonce, &want);
        support_hex(answers[i].cipher_and_tag, &want);
        const struct lw_rng rng = {.fill = fill_known, .ctx = nonce.ptr};
        assert_int_equal(
            hsm_seal(key.ptr, lw_buf_view(&aad), lw_buf_view(&plain), &rng, &sealed).code, LW_OK);
        assert_true(lw_bytes_eq(lw_buf_view(&sealed), lw_buf_view(&want)));
        assert_int_equal(hsm_open(key.ptr, lw_buf_view(&aad), lw_buf_view(&sealed), &opened).code,
                         LW_OK);
        assert_true(lw_bytes_eq(lw_buf_view(&opened), lw_buf_view(&plain)));
    }
}

static const uint8_t key[HSM_SEAL_KEY_LEN] = {1, 2, 3};
static const uint8_t aad_bytes[] = {'p', 'e', 'r', 's', 'o', 'n'};

static void every_length_round_trips_behind_what_the_buffer_holds(void **state)
{
    uint8_t plain[70];
    (void)state;
    memset(plain, 0xa5, sizeof(plain));
    for (size_t len = 0; len <= sizeof(plain); len++) {
        LW_AUTO_BUF sealed = LW_BUF(128);
        LW_AUTO_BUF opened = LW_BUF(1 + len); /* not a byte more than the plain text needs */
        const lw_bytes in = {.ptr = plain, .len = len};
        assert_int_equal(lw_buf_put_byte(&sealed, 'x').code, LW_OK);
        assert_int_equal(lw_buf_put_byte(&opened, 'y').code, LW_OK);
        assert_int_equal(hsm_seal(key, LW_BYTES(aad_bytes), in, hsm_rng_system(), &sealed).code,
                         LW_OK);
        assert_int_equal(sealed.len, 1 + len + HSM_SEAL_OVERHEAD);
        const lw_bytes rest = {.ptr = sealed.ptr + 1, .len = sealed.len - 1};
        assert_int_equal(hsm_open(key, LW_BYTES(aad_bytes), rest, &opened).code, LW_OK);
        assert_int_equal(opened.len, 1 + len);
        assert_int_equal(opened.ptr[0], 'y');
        assert_true(lw_bytes_eq((lw_bytes){.ptr = opened.ptr + 1, .len = len}, in));
    }
}

static void any_changed_bit_keeps_it_shut(void **state)
{
    static const uint8_t plain[20] = {9};
    LW_AUTO_BUF sealed = LW_BUF(64);
    LW_AUTO_BUF opened = LW_BUF(64);
    uint8_t other_key[HSM_SEAL_KEY_LEN];
    uint8_t other_aad[sizeof(aad_bytes)];
    (void)state;
    assert_int_equal(
        hsm_seal(key, LW_BYTES(aad_bytes), LW_BYTES(plain), hsm_rng_system(), &sealed).code, LW_OK);
    for (size_t bit = 0; bit < sealed.len * 8; bit++) {
        sealed.ptr[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_equal(hsm_open(key, LW_BYTES(aad_bytes), lw_buf_view(&sealed), &opened).code,
                         LW_E_SIGNATURE);
        sealed.ptr[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    memcpy(other_key, key, sizeof(key));
    other_key[31] ^= 1;
    assert_int_equal(hsm_open(other_key, LW_BYTES(aad_bytes), lw_buf_view(&sealed), &opened).code,
                     LW_E_SIGNATURE);
    memcpy(other_aad, aad_bytes, sizeof(aad_bytes));
    other_aad[0] ^= 1;
    assert_int_equal(hsm_open(key, LW_BYTES(other_aad), lw_buf_view(&sealed), &opened).code,
                     LW_E_SIGNATURE);
    assert_int_equal(
        hsm_open(key, (lw_bytes){.ptr = aad_bytes, .len = 5}, lw_buf_view(&sealed), &opened).code,
        LW_E_SIGNATURE);
    assert_int_equal(
        hsm_open(key, (lw_bytes){.ptr = NULL, .len = 0}, lw_buf_view(&sealed), &opened).code,
        LW_E_SIGNATURE);
    assert_int_equal(opened.len, 0);
    assert_int_equal(hsm_open(key, LW_BYTES(aad_bytes), lw_buf_view(&sealed), &opened).code, LW_OK);
}

/* What was decrypted before the tag was known to be wrong must not stay in the buffer. */
static void nothing_decrypted_stays_behind_after_a_refusal(void **state)
{
    static const uint8_t plain[16] = {0x33, 0x33, 0x33, 0x33};
    LW_AUTO_BUF sealed = LW_BUF(64);
    LW_AUTO_BUF opened = LW_BUF(64);
    (void)state;
    const lw_bytes none = {.ptr = NULL, .len = 0};
    assert_int_equal(hsm_seal(key, none, LW_BYTES(plain), hsm_rng_system(), &sealed).code, LW_OK);
    sealed.ptr[sealed.len - 1] ^= 1;
    uint8_t *room = NULL;
    assert_int_equal(lw_buf_reserve(&opened, 16, &room).code, LW_OK);
    memset(room, 0xee, 16);
    assert_int_equal(hsm_open(key, none, lw_buf_view(&sealed), &opened).code, LW_E_SIGNATURE);
    static const uint8_t zero[16] = {0};
    assert_memory_equal(opened.ptr, zero, 16);
}

static void every_shorter_text_is_refused(void **state)
{
    LW_AUTO_BUF sealed = LW_BUF(64);
    LW_AUTO_BUF opened = LW_BUF(64);
    static const uint8_t plain[4] = {9};
    (void)state;
    assert_int_equal(
        hsm_seal(key, LW_BYTES(aad_bytes), LW_BYTES(plain), hsm_rng_system(), &sealed).code, LW_OK);
    for (size_t len = 0; len < sealed.len; len++) {
        const lw_bytes cut = {.ptr = sealed.ptr, .len = len};
        assert_int_equal(hsm_open(key, LW_BYTES(aad_bytes), cut, &opened).code, LW_E_SIGNATURE);
    }
}

static void texts_longer_than_the_library_counts_are_refused_unread(void **state)
{
    static const uint8_t byte[1] = {0};
    const lw_bytes none = {.ptr = NULL, .len = 0};
    const lw_bytes most = {.ptr = byte, .len = (size_t)INT_MAX + 1}; /* never looked at */
    LW_AUTO_BUF out = LW_BUF(64);
    (void)state;
    assert_int_equal(hsm_seal(key, most, none, hsm_rng_system(), &out).code, LW_E_LIMIT);
    assert_int_equal(hsm_seal(key, none, most, hsm_rng_system(), &out).code, LW_E_LIMIT);
    assert_int_equal(hsm_open(key, none, most, &out).code, LW_E_LIMIT);
}

static void a_failure_leaves_the_buffer_as_it_was(void **state)
{
    static const uint8_t plain[4] = {9};
    static const struct lw_rng broken = {.fill = fill_nothing, .ctx = NULL};
    LW_AUTO_BUF out = LW_BUF(31); /* one byte too few */
    (void)state;
    assert_int_equal(
        hsm_seal(key, LW_BYTES(aad_bytes), LW_BYTES(plain), hsm_rng_system(), &out).code,
        LW_E_LIMIT);
    out.max = 64;
    assert_int_equal(hsm_seal(key, LW_BYTES(aad_bytes), LW_BYTES(plain), &broken, &out).code,
                     LW_E_CRYPTO);
    assert_int_equal(out.len, 0);
    LW_AUTO_BUF small = LW_BUF(3);
    assert_int_equal(
        hsm_seal(key, LW_BYTES(aad_bytes), LW_BYTES(plain), hsm_rng_system(), &out).code, LW_OK);
    assert_int_equal(hsm_open(key, LW_BYTES(aad_bytes), lw_buf_view(&out), &small).code,
                     LW_E_LIMIT);
    assert_int_equal(small.len, 0);
}

enum { SEALINGS = 1000000 };

struct nonce {
    uint8_t bytes[HSM_SEAL_NONCE_LEN];
};

static int compare_nonces(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct nonce));
}

static struct nonce one_nonce(lw_buf *sealed)
{
    struct nonce n;
    lw_buf_truncate(sealed, 0);
    assert_int_equal(
        hsm_seal(key, LW_BYTES(aad_bytes), LW_BYTES(key), hsm_rng_system(), sealed).code, LW_OK);
    memcpy(n.bytes, sealed->ptr, sizeof(n.bytes));
    return n;
}

static void assert_all_distinct(struct nonce *nonces, size_t count)
{
    qsort(nonces, count, sizeof(nonces[0]), compare_nonces);
    for (size_t i = 1; i < count; i++) {
        assert_memory_not_equal(nonces[i - 1].bytes, nonces[i].bytes, sizeof(nonces[0].bytes));
    }
}

/* specs/security.md A8. */
static void nonces_of_a_million_sealings_are_distinct(void **state)
{
    static struct nonce nonces[SEALINGS];
    LW_AUTO_BUF sealed = LW_BUF(128);
    (void)state;
    for (size_t i = 0; i < SEALINGS; i++) {
        nonces[i] = one_nonce(&sealed);
    }
    assert_all_distinct(nonces, SEALINGS);
}

/* Random bytes are drawn in bulk: parent and child must not share what was left. */
static void nonces_of_parent_and_child_are_distinct(void **state)
{
    enum { EACH = 500 };
    static struct nonce nonces[2 * EACH];
    LW_AUTO_BUF sealed = LW_BUF(128);
    int ends[2];
    (void)state;
    (void)one_nonce(&sealed);
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    for (size_t i = 0; i < EACH; i++) {
        nonces[i] = one_nonce(&sealed);
    }
    if (child == 0) {
        const ssize_t wrote = write(ends[1], nonces, EACH * sizeof(nonces[0]));
        _exit(wrote == (ssize_t)(EACH * sizeof(nonces[0])) ? 0 : 1);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(read(ends[0], nonces + EACH, EACH * sizeof(nonces[0])),
                     EACH * sizeof(nonces[0]));
    assert_int_equal(close(ends[0]), 0);
    assert_int_equal(close(ends[1]), 0);
    assert_all_distinct(nonces, 2 * EACH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_answers_of_the_gcm_submission_are_given),
        cmocka_unit_test(every_length_round_trips_behind_what_the_buffer_holds),
        cmocka_unit_test(any_changed_bit_keeps_it_shut),
        cmocka_unit_test(nothing_decrypted_stays_behind_after_a_refusal),
        cmocka_unit_test(every_shorter_text_is_refused),
        cmocka_unit_test(texts_longer_than_the_library_counts_are_refused_unread),
        cmocka_unit_test(a_failure_leaves_the_buffer_as_it_was),
        cmocka_unit_test(nonces_of_a_million_sealings_are_distinct),
        cmocka_unit_test(nonces_of_parent_and_child_are_distinct),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
