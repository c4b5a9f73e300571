#include "hsm/digest.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <pthread.h>

#include "bytes.h"

static lw_bytes text(const char *t)
{
    return (lw_bytes){.ptr = (const uint8_t *)t, .len = strlen(t)};
}

static void assert_hex(const uint8_t *got, size_t len, const char *want)
{
    LW_AUTO_BUF w = LW_BUF(512);
    support_hex(want, &w);
    assert_int_equal(w.len, len);
    assert_memory_equal(got, w.ptr, len);
}

/* FIPS 180-4 examples, as NIST publishes them. */
static void sha_2_gives_the_answers_of_fips_180_4(void **state)
{
    static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    uint8_t digest[HSM_SHA384_LEN];
    (void)state;
    assert_int_equal(hsm_sha256(text("abc"), digest).code, LW_OK);
    assert_hex(digest, 32, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_int_equal(hsm_sha256(text(two_blocks), digest).code, LW_OK);
    assert_hex(digest, 32, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    assert_int_equal(hsm_sha256((lw_bytes){.ptr = NULL, .len = 0}, digest).code, LW_OK);
    assert_hex(digest, 32, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    assert_int_equal(hsm_sha384(text("abc"), digest).code, LW_OK);
    assert_hex(digest, 48,
               "cb00753f45a35e8bb5a03d699ac65007272c32ab0eded163"
               "1a8b605a43ff5bed8086072ba1e7cc2358baeca134c825a7");
}

static void a_million_letters_hash_in_parts_as_in_one(void **state)
{
    enum { PART = 1000 };
    static uint8_t letters[PART];
    static lw_bytes parts[1000];
    uint8_t digest[HSM_SHA256_LEN];
    (void)state;
    memset(letters, 'a', sizeof(letters));
    for (size_t i = 0; i < 1000; i++) {
        parts[i] = LW_BYTES(letters);
    }
    assert_int_equal(hsm_sha256_parts(parts, 1000, digest).code, LW_OK);
    assert_hex(digest, 32, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void every_cut_in_two_gives_the_same_hash(void **state)
{
    uint8_t in[130];
    uint8_t whole[HSM_SHA256_LEN];
    uint8_t cut[HSM_SHA256_LEN];
    (void)state;
    for (size_t i = 0; i < sizeof(in); i++) {
        in[i] = (uint8_t)i;
    }
    assert_int_equal(hsm_sha256(LW_BYTES(in), whole).code, LW_OK);
    for (size_t at = 0; at <= sizeof(in); at++) {
        const lw_bytes parts[] = {{.ptr = in, .len = at}, {.ptr = in + at, .len = sizeof(in) - at}};
        assert_int_equal(hsm_sha256_parts(parts, 2, cut).code, LW_OK);
        assert_memory_equal(cut, whole, sizeof(whole));
    }
}

/* RFC 4231 section 4; case 5 gives the first 16 bytes only. */
static void hmac_gives_the_answers_of_rfc_4231(void **state)
{
    static const struct {
        const char *key;
        const char *data;
        const char *mac;
    } cases[] = {
        {"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
         "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
        {"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
         "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
         "dddddddddddddddddddddddddddddddddddddddddddddddddd"
         "dddddddddddddddddddddddddddddddddddddddddddddddddd",
         "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
        {"0102030405060708090a0b0c0d0e0f10111213141516171819",
         "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
         "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
         "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
        {"0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c0c", "546573742057697468205472756e636174696f6e",
         "a3b6167473100ee06e0c796c2955552b"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF key = LW_BUF(64);
        LW_AUTO_BUF data = LW_BUF(64);
        uint8_t mac[HSM_SHA256_LEN];
        support_hex(cases[i].key, &key);
        support_hex(cases[i].data, &data);
        const lw_bytes part = lw_buf_view(&data);
        assert_int_equal(hsm_hmac_sha256(lw_buf_view(&key), &part, 1, mac).code, LW_OK);
        assert_hex(mac, strlen(cases[i].mac) / 2, cases[i].mac);
    }
}

static void hmac_hashes_a_key_longer_than_a_block(void **state)
{
    uint8_t key[131];
    uint8_t mac[HSM_SHA256_LEN];
    const lw_bytes parts[] = {text("Test Using Larger Than Block-Size Key"),
                              text(" - Hash Key First")};
    const lw_bytes long_data =
        text("This is a test using a larger than block-size key and a larger "
             "than block-size data. The key needs to be hashed before being "
             "used by the HMAC algorithm.");
    (void)state;
    memset(key, 0xaa, sizeof(key));
    assert_int_equal(hsm_hmac_sha256(LW_BYTES(key), parts, 2, mac).code, LW_OK);
    assert_hex(mac, 32, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    assert_int_equal(hsm_hmac_sha256(LW_BYTES(key), &long_data, 1, mac).code, LW_OK);
    assert_hex(mac, 32, "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

/* The context is kept: an empty key must not mean the key of the call before. */
static void an_empty_key_is_a_key_of_its_own(void **state)
{
    uint8_t mac[HSM_SHA256_LEN];
    const lw_bytes none = {.ptr = NULL, .len = 0};
    (void)state;
    assert_int_equal(hsm_hmac_sha256(text("Jefe"), &none, 1, mac).code, LW_OK);
    assert_int_equal(hsm_hmac_sha256(none, &none, 1, mac).code, LW_OK);
    assert_hex(mac, 32, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* RFC 5869 section A.3: the case without a salt. */
static void derivation_gives_the_answer_of_rfc_5869(void **state)
{
    uint8_t key[22];
    uint8_t out[42];
    const lw_bytes none = {.ptr = NULL, .len = 0};
    (void)state;
    memset(key, 0x0b, sizeof(key));
    assert_int_equal(hsm_derive(LW_BYTES(key), none, out, sizeof(out)).code, LW_OK);
    assert_hex(out, sizeof(out),
               "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
               "9d201395faa4b61a96c8");
}

static void derived_keys_differ_by_use_and_share_their_beginning(void **state)
{
    enum { MOST = 255 * HSM_SHA256_LEN };
    static uint8_t most[MOST];
    static uint8_t part[MOST];
    static const uint8_t key[32] = {7};
    (void)state;
    assert_int_equal(hsm_derive(LW_BYTES(key), text("a"), most, MOST).code, LW_OK);
    static const size_t lengths[] = {0, 1, 31, 32, 33, 64, 65, MOST - 1};
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
        memset(part, 0x5a, sizeof(part));
        assert_int_equal(hsm_derive(LW_BYTES(key), text("a"), part, lengths[i]).code, LW_OK);
        assert_memory_equal(part, most, lengths[i]);
        assert_int_equal(part[lengths[i]], 0x5a); /* nothing is written past the end */
    }
    assert_int_equal(hsm_derive(LW_BYTES(key), text("b"), part, 32).code, LW_OK);
    assert_memory_not_equal(part, most, 32);
    assert_int_equal(hsm_derive(LW_BYTES(key), text("a"), most, MOST + 1).code, LW_E_MISUSE);
}

static void secrets_are_equal_only_when_every_byte_is(void **state)
{
    uint8_t a[33];
    uint8_t b[33];
    (void)state;
    memset(a, 0x11, sizeof(a));
    memset(b, 0x11, sizeof(b));
    for (size_t i = 0; i < sizeof(a); i++) {
        b[i] ^= 0x80;
        assert_false(hsm_equal(LW_BYTES(a), LW_BYTES(b)));
        b[i] ^= 0x80;
    }
    assert_true(hsm_equal(LW_BYTES(a), LW_BYTES(b)));
    assert_false(hsm_equal(LW_BYTES(a), (lw_bytes){.ptr = b, .len = 32}));
    assert_false(hsm_equal((lw_bytes){.ptr = NULL, .len = 0}, LW_BYTES(b)));
    assert_true(hsm_equal((lw_bytes){.ptr = NULL, .len = 0}, (lw_bytes){.ptr = b, .len = 0}));
}

static void *hash_in_a_thread(void *arg)
{
    uint8_t digest[HSM_SHA256_LEN];
    for (int i = 0; i < 200; i++) {
        if (hsm_sha256(text("abc"), digest).code != LW_OK || digest[0] != 0xba) {
            return NULL;
        }
    }
    return arg;
}

static void threads_hash_side_by_side(void **state)
{
    pthread_t threads[4];
    (void)state;
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, hash_in_a_thread, threads), 0);
    }
    for (size_t i = 0; i < 4; i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_non_null(result);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sha_2_gives_the_answers_of_fips_180_4),
        cmocka_unit_test(a_million_letters_hash_in_parts_as_in_one),
        cmocka_unit_test(every_cut_in_two_gives_the_same_hash),
        cmocka_unit_test(hmac_gives_the_answers_of_rfc_4231),
        cmocka_unit_test(hmac_hashes_a_key_longer_than_a_block),
        cmocka_unit_test(an_empty_key_is_a_key_of_its_own),
        cmocka_unit_test(derivation_gives_the_answer_of_rfc_5869),
        cmocka_unit_test(derived_keys_differ_by_use_and_share_their_beginning),
        cmocka_unit_test(secrets_are_equal_only_when_every_byte_is),
        cmocka_unit_test(threads_hash_side_by_side),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
