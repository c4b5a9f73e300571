#include "wallet/cose.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"
#include "hsm/digest.h"
#include "hsm/key_soft.h"

enum { SPACE = 4096, NOW = 1795086400 };

static const lw_bytes nothing = {.ptr = NULL, .len = 0};

static struct hsm_public_key key_of(const char *x, const char *y)
{
    struct hsm_public_key key;
    LW_AUTO_BUF bx = LW_BUF(SPACE);
    LW_AUTO_BUF by = LW_BUF(SPACE);
    support_hex(x, &bx);
    support_hex(y, &by);
    const enum hsm_alg alg = bx.len == 48 ? HSM_ES384 : HSM_ES256;
    assert_int_equal(hsm_public_key_from_xy(&key, alg, lw_buf_view(&bx), lw_buf_view(&by)).code,
                     LW_OK);
    return key;
}

/* RFC 8392 appendix A.2.3: the key of A.3. */
static struct hsm_public_key rfc8392_key(void)
{
    return key_of("143329cce7868e416927599cf65a34f3ce2ffda55a7eca69ed8919a394d42f0f",
                  "60f7f1a780d8a783bfb7a2dd6b2796e8128dbbcef9d3d168db9529971a36e7b9");
}

/* RFC 8392 appendix A.3. */
static const char rfc8392_a3[] = "d28443a10126a104524173796d6d657472696345434453413235365850a701756"
                                 "36f61703a2f2f61732e6578616d706c652e636f6d02656572696b77037818636f"
                                 "61703a2f2f6c696768742e6578616d706c652e636f6d041a5612aeb0051a5610d"
                                 "9f0061a5610d9f007420b7158405427c1ff28d23fbad1f29c4c7c6a555e601d6f"
                                 "a29f9179bc3d7438bacaca5acd08c8d4d4f96131680c429a01f85951ecee743a5"
                                 "2b9b63632c57209120e1c9e30";

static void the_signed_cwt_of_rfc_8392_verifies(void **state)
{
    (void)state;
    LW_AUTO_BUF in = LW_BUF(SPACE);
    support_hex(rfc8392_a3, &in);
    struct wallet_cose_sign1 message;
    const struct hsm_public_key key = rfc8392_key();
    assert_int_equal(wallet_cose_sign1_parse(lw_buf_view(&in), &message).code, LW_OK);
    assert_int_equal(message.alg, WALLET_COSE_ES256);
    assert_int_equal(message.payload.len, 80);
    assert_false(wallet_cose_unprotected_empty(&message));
    assert_int_equal(wallet_cose_sign1_verify(&message, nothing, &key).code, LW_OK);
}

/* RFC 9052 appendix C.2.1, with the key "11" of appendix C.7.1. */
static void the_single_signature_of_rfc_9052_verifies(void **state)
{
    (void)state;
    LW_AUTO_BUF in = LW_BUF(SPACE);
    support_hex("d28443a10126a10442313154546869732069732074686520636f6e74656e742e58408eb33e4ca31d1c"
                "465ab05aac34cc6b23d58fef5c083106c4d25a91aef0b0117e2af9a291aa32e14ab834dc56ed2a2234"
                "44547e01f11d3b0916e5a4c345cacb36",
                &in);
    const struct hsm_public_key key =
        key_of("bac5b11cad8f99f9c72b05cf4b9e26d244dc189f745228255a219a86d6a09eff",
               "20138bf82dc1b6d562be0fa54ab7804a3a64b6d72ccfed6b6fb6ed28bbfc117e");
    struct wallet_cose_sign1 message;
    assert_int_equal(wallet_cose_sign1_parse(lw_buf_view(&in), &message).code, LW_OK);
    assert_true(lw_bytes_eq(message.payload, lw_str_bytes(LW_STR("This is the content."))));
    assert_int_equal(wallet_cose_sign1_verify(&message, nothing, &key).code, LW_OK);

    const struct hsm_public_key other = rfc8392_key();
    assert_int_equal(wallet_cose_sign1_verify(&message, nothing, &other).code, LW_E_SIGNATURE);
    const lw_bytes external = lw_str_bytes(LW_STR("x"));
    assert_int_equal(wallet_cose_sign1_verify(&message, external, &key).code, LW_E_SIGNATURE);
}

static void a_change_of_any_byte_breaks_the_message(void **state)
{
    (void)state;
    LW_AUTO_BUF in = LW_BUF(SPACE);
    support_hex(rfc8392_a3, &in);
    const struct hsm_public_key key = rfc8392_key();
    /* The unprotected header, bytes 6 to 26, is not signed. */
    for (size_t i = 0; i < in.len; i++) {
        struct wallet_cose_sign1 message;
        in.ptr[i] ^= 1;
        const bool parsed = wallet_cose_sign1_parse(lw_buf_view(&in), &message).code == LW_OK;
        const bool holds =
            parsed && wallet_cose_sign1_verify(&message, nothing, &key).code == LW_OK;
        if (i < 6 || i > 26) {
            assert_false(holds);
        }
        in.ptr[i] ^= 1;
    }
}

static void messages_of_another_shape_are_refused(void **state)
{
    static const struct {
        const char *hex;
        lw_code code;
    } cases[] = {
        {"", LW_E_SYNTAX},
        {"8443a10126a0404100", LW_E_SYNTAX},                  /* no tag */
        {"d903e68443a10126a0404100", LW_E_SYNTAX},            /* another tag */
        {"d2d28443a10126a0404100", LW_E_SYNTAX},              /* tag twice */
        {"d28343a10126a040", LW_E_SYNTAX},                    /* three elements */
        {"d28543a10126a040410000", LW_E_SYNTAX},              /* five */
        {"d2a243a10126a0404100", LW_E_SYNTAX},                /* a map */
        {"d284a10126a0404100", LW_E_SYNTAX},                  /* protected header is no bytes */
        {"d28443a1012680404100", LW_E_SYNTAX},                /* unprotected header is no map */
        {"d28443a10126a060 4100", LW_E_SYNTAX},               /* payload is text */
        {"d28443a10126a0f64100", LW_E_UNSUPPORTED},           /* payload is detached */
        {"d28443a10126a04060", LW_E_SYNTAX},                  /* signature is text */
        {"d28443a10126a040410000", LW_E_SYNTAX},              /* bytes after it */
        {"d28440a0404100", LW_E_UNSUPPORTED},                 /* no protected header */
        {"d28441a0a0404100", LW_E_UNSUPPORTED},               /* no algorithm */
        {"d28441a0a10126404100", LW_E_UNSUPPORTED},           /* algorithm is not protected */
        {"d28446a10165455332a0404100", LW_E_SYNTAX},          /* header cut off */
        {"d28448a101654553323536a0404100", LW_E_UNSUPPORTED}, /* algorithm is text */
        {"d28444a1012600a0404100", LW_E_SYNTAX},              /* bytes after the header */
        {"d2844126a0404100", LW_E_SYNTAX},                    /* header is no map */
        {"d28446a20126028101a0404100", LW_E_UNSUPPORTED},     /* critical headers */
        {"d28443a10126a10126404100", LW_E_VALUE},             /* label in both */
        {"d28445a201260126a0404100", LW_E_SYNTAX},            /* label twice */
        {"d28443a10126bf04413fff404100", LW_E_SYNTAX},        /* indefinite length */
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF in = LW_BUF(SPACE);
        struct wallet_cose_sign1 message;
        support_hex(cases[i].hex, &in);
        const lw_err err = wallet_cose_sign1_parse(lw_buf_view(&in), &message);
        if (err.code != cases[i].code) {
            print_error("%s: %s, %s\n", cases[i].hex, lw_code_name(err.code), err.why);
        }
        assert_int_equal(err.code, cases[i].code);
    }
    LW_AUTO_BUF good = LW_BUF(SPACE);
    struct wallet_cose_sign1 message;
    support_hex("d28443a10126a0404100", &good);
    assert_int_equal(wallet_cose_sign1_parse(lw_buf_view(&good), &message).code, LW_OK);
    assert_true(wallet_cose_unprotected_empty(&message));
}

static void the_key_decides_which_algorithms_fit(void **state)
{
    static const int64_t algs[] = {-7, -9, -35, -51, -36, -52, -8, -19, -37, -257, 0, 5};
    (void)state;
    const struct hsm_public_key p256 = rfc8392_key();
    const struct hsm_public_key p384 = key_of(/* the generator */
                                              "aa87ca22be8b05378eb1c71ef320ad746e1d3b628ba79b9859f7"
                                              "41e082542a385502f25dbf55296c3a545e387"
                                              "2760ab7",
                                              "3617de4a96262c6f5d9e98bf9292dc29f8f41dbd289a147ce9da"
                                              "3113b5f0b8c00a60b1ce1d7e819d7a431d7c9"
                                              "0ea0e5f");
    for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
        assert_int_equal(wallet_cose_alg_fits(algs[i], &p256), i < 2);
        assert_int_equal(wallet_cose_alg_fits(algs[i], &p384), i == 2 || i == 3);
    }
    const struct hsm_public_key none = {.alg = HSM_ALG_NONE};
    assert_false(wallet_cose_alg_fits(-7, &none));
    assert_int_equal(wallet_cose_alg_of(&p256), -9);
    assert_int_equal(wallet_cose_alg_of(&p384), -51);

    LW_AUTO_BUF in = LW_BUF(SPACE);
    support_hex(rfc8392_a3, &in);
    struct wallet_cose_sign1 message;
    assert_int_equal(wallet_cose_sign1_parse(lw_buf_view(&in), &message).code, LW_OK);
    message.alg = 5; /* HMAC 256/256: with a public key as its secret (CVE-2016-10555) */
    assert_int_equal(wallet_cose_sign1_verify(&message, nothing, &p256).code, LW_E_UNSUPPORTED);
    message.alg = -7;
    assert_int_equal(wallet_cose_sign1_verify(&message, nothing, &p384).code, LW_E_UNSUPPORTED);
}

static const uint8_t secret[32] = {1, 2, 3};

static void what_is_signed_verifies_and_both_ways_hash_the_same(void **state)
{
    (void)state;
    HSM_AUTO_SOFT_KEY soft = NULL;
    struct hsm_signer signer;
    assert_int_equal(hsm_soft_key_from_secret(secret, &soft).code, LW_OK);
    hsm_soft_key_signer(soft, &signer);
    const struct wallet_cose_parts parts = {
        .protected = LW_BYTES(((uint8_t[]){0xa1, 0x01, 0x28})),
        .payload = lw_str_bytes(LW_STR("payload")),
    };
    LW_AUTO_BUF out = LW_BUF(SPACE);
    assert_int_equal(lw_buf_put_byte(&out, 0xff).code, LW_OK);
    assert_int_equal(wallet_cose_sign1_sign(&parts, &signer, HSM_PURPOSE_HOLDER, NOW, &out).code,
                     LW_OK);
    struct wallet_cose_sign1 message;
    const lw_bytes made = {out.ptr + 1, out.len - 1};
    assert_int_equal(wallet_cose_sign1_parse(made, &message).code, LW_OK);
    assert_int_equal(message.alg, WALLET_COSE_ESP256);
    assert_int_equal(wallet_cose_sign1_verify(&message, nothing, &signer.key).code, LW_OK);

    uint8_t digest[32];
    LW_AUTO_BUF again = LW_BUF(SPACE);
    assert_int_equal(wallet_cose_sign1_digest(&parts, digest).code, LW_OK);
    assert_int_equal(hsm_verify_digest(&signer.key, LW_BYTES(digest), message.signature).code,
                     LW_OK);
    assert_int_equal(wallet_cose_sign1_put(&parts, message.signature, &again).code, LW_OK);
    assert_true(lw_bytes_eq(lw_buf_view(&again), made));

    /* RFC 9052 section 4.4, written out. */
    uint8_t expected[32];
    LW_AUTO_BUF structure = LW_BUF(SPACE);
    support_hex("846a5369676e617475726531 43a10128 40 477061796c6f6164", &structure);
    assert_int_equal(hsm_sha256(lw_buf_view(&structure), expected).code, LW_OK);
    assert_memory_equal(digest, expected, sizeof(digest));

    const size_t before = out.len;
    assert_int_equal(
        wallet_cose_sign1_sign(&parts, &signer, HSM_PURPOSE_CREDENTIAL, NOW, &out).code,
        LW_E_DENIED);
    LW_AUTO_BUF small = LW_BUF(20);
    assert_int_equal(wallet_cose_sign1_sign(&parts, &signer, HSM_PURPOSE_HOLDER, NOW, &small).code,
                     LW_E_LIMIT);
    assert_int_equal(small.len, 0);
    assert_int_equal(out.len, before);
}

/* RFC 8392 appendix A.2.3, with its private part left out. */
static const char rfc8392_cose_key[] =
    "a72358206c1382765aec5358f117733d281c1c7bdc39884d04a45a1e6c67c858bc206c1922582060f7f1a780d8a7"
    "83bfb7a2dd6b2796e8128dbbcef9d3d168db9529971a36e7b9215820143329cce7868e416927599cf65a34f3ce2f"
    "fda55a7eca69ed8919a394d42f0f2001010202524173796d6d657472696345434453413235360326";

static void keys_are_read_and_written_in_both_forms(void **state)
{
    (void)state;
    const struct hsm_public_key key = rfc8392_key();
    for (int compressed = 0; compressed <= 1; compressed++) {
        LW_AUTO_BUF out = LW_BUF(SPACE);
        struct hsm_public_key back;
        assert_int_equal(wallet_cose_key_put(&key, compressed == 1, &out).code, LW_OK);
        assert_int_equal(out.len, compressed == 1 ? 42 : 75);
        assert_int_equal(wallet_cose_key_read(lw_buf_view(&out), &back).code, LW_OK);
        assert_true(hsm_public_key_eq(&key, &back));
    }
    LW_AUTO_BUF in = LW_BUF(SPACE);
    struct hsm_public_key back;
    support_hex(rfc8392_cose_key, &in);
    assert_int_equal(wallet_cose_key_read(lw_buf_view(&in), &back).code, LW_E_VALUE);
}

/* RFC 8152 appendix C.3.1 has a key with `y` as its sign. */
static void a_compressed_key_of_rfc_8152_is_its_point(void **state)
{
    (void)state;
    LW_AUTO_BUF in = LW_BUF(SPACE);
    struct hsm_public_key key;
    support_hex("a401022001215820 98f50a4ff6c05861c8860d13a638ea56c3f5ad7590bbfbf054e1c7b4d91d6280"
                " 22f5",
                &in);
    assert_int_equal(wallet_cose_key_read(lw_buf_view(&in), &key).code, LW_OK);
    const struct hsm_public_key whole =
        key_of("98f50a4ff6c05861c8860d13a638ea56c3f5ad7590bbfbf054e1c7b4d91d6280",
               "f01400b089867804b8e9fc96c3932161f1934f4223069170d924b7e03bf822bb");
    assert_true(hsm_public_key_eq(&key, &whole));
}

static void a_guess_at_y_changes_no_key(void **state)
{
    (void)state;
    static const char *const guesses[] = {
        "f01400b089867804b8e9fc96c3932161f1934f4223069170d924b7e03bf822bb", /* right */
        "0febff4e767987fc471603693c6cde9e0e6cb0bedcf96e8f26db481fc407dd46", /* no y at all */
        "f01400b089867804b8e9fc96c3932161f1934f4223069170d924b7e03bf822ba", /* another sign */
        "f01400b089867804b8e9fc96c3932161f1934f4223069170d924b7e03bf822b9", /* off the curve */
        "f01400b089867804b8e9fc96c3932161f1934f4223069170d924b7e03bf822",   /* too short */
        "0febff4e767987fc471603693c6cde9e0e6cb0bedcf96e8f26db481fc407dd44", /* p - y */
        "",
    };
    LW_AUTO_BUF in = LW_BUF(SPACE);
    struct hsm_public_key whole;
    support_hex("a401022001215820 98f50a4ff6c05861c8860d13a638ea56c3f5ad7590bbfbf054e1c7b4d91d6280"
                " 22f5",
                &in);
    assert_int_equal(wallet_cose_key_read(lw_buf_view(&in), &whole).code, LW_OK);
    for (size_t i = 0; i < sizeof(guesses) / sizeof(guesses[0]); i++) {
        LW_AUTO_BUF y = LW_BUF(SPACE);
        struct hsm_public_key key;
        support_hex(guesses[i], &y);
        assert_int_equal(wallet_cose_key_read_guessed(lw_buf_view(&in), lw_buf_view(&y), &key).code,
                         LW_OK);
        assert_true(hsm_public_key_eq(&key, &whole));
    }
}

#define X "143329cce7868e416927599cf65a34f3ce2ffda55a7eca69ed8919a394d42f0f"
#define Y "60f7f1a780d8a783bfb7a2dd6b2796e8128dbbcef9d3d168db9529971a36e7b9"

#define ZERO "0000000000000000000000000000000000000000000000000000000000000000"

static void keys_of_another_kind_are_refused(void **state)
{
    static const struct {
        const char *hex;
        lw_code code;
    } cases[] = {
        {"", LW_E_SYNTAX},
        {"80", LW_E_SYNTAX},
        {"a401022001215820" X "225820" Y "00", LW_E_SYNTAX},
        {"a401022001215820" X "225820" Y, LW_OK},
        {"a50102032620 01215820" X "225820" Y, LW_OK},              /* alg -7 */
        {"a50102032820 01215820" X "225820" Y, LW_OK},              /* alg -9 */
        {"a5010203382220 01215820" X "225820" Y, LW_E_UNSUPPORTED}, /* alg -35 */
        {"a501020340 2001215820" X "225820" Y, LW_E_UNSUPPORTED},   /* alg of no kind */
        {"a5010204810220 01215820" X "225820" Y, LW_OK},            /* for verifying */
        {"a501020482010220 01215820" X "225820" Y, LW_OK},
        {"a5010204810120 01215820" X "225820" Y, LW_E_UNSUPPORTED}, /* for signing only */
        {"a5010204802001215820" X "225820" Y, LW_E_UNSUPPORTED},
        {"a5010204022001215820" X "225820" Y, LW_E_UNSUPPORTED},
        {"a401012001215820" X "225820" Y, LW_E_UNSUPPORTED}, /* OKP */
        {"a3 2001215820" X "225820" Y, LW_E_UNSUPPORTED},    /* no type */
        {"a401022003215820" X "225820" Y, LW_E_UNSUPPORTED}, /* P-521 */
        {"a3 0102215820" X "225820" Y, LW_E_UNSUPPORTED},    /* no curve */
        {"a3010220 01215820" X, LW_E_SYNTAX},                /* no y */
        {"a3010220 01225820" Y, LW_E_SYNTAX},                /* no x */
        {"a40102200121f522f5", LW_E_SYNTAX},                 /* x is no bytes */
        {"a401022001215820" X "22f6", LW_E_SYNTAX},          /* y is null */
        {"a401022001215821" X "0022f4", LW_E_VALUE},         /* x of 33 bytes */
        {"a40102200121581f"
         "143329cce7868e416927599cf65a34f3ce2ffda55a7eca69ed8919a394d42f"
         "22f4",
         LW_E_VALUE},                                  /* and of 31 */
        {"a401022001214112 225820" Y, LW_E_VALUE},     /* x of one byte */
        {"a401022001215820" X "2240", LW_E_VALUE},     /* y of none */
        {"a401022001215820" X "225820" X, LW_E_VALUE}, /* not on the curve */
        {"a401022001215820" ZERO "225820" ZERO, LW_E_VALUE},
        /* x beyond the field, and one that is no abscissa of the curve */
        {"a401022001215820fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
         "f22f5",
         LW_E_VALUE},
        {"a4010220012158200000000000000000000000000000000000000000000000000000000000000001"
         "22f5",
         LW_E_VALUE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF in = LW_BUF(SPACE);
        struct hsm_public_key key;
        support_hex(cases[i].hex, &in);
        const lw_err err = wallet_cose_key_read(lw_buf_view(&in), &key);
        if (err.code != cases[i].code) {
            print_error("%s: %s, %s\n", cases[i].hex, lw_code_name(err.code), err.why);
        }
        assert_int_equal(err.code, cases[i].code);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_signed_cwt_of_rfc_8392_verifies),
        cmocka_unit_test(the_single_signature_of_rfc_9052_verifies),
        cmocka_unit_test(a_change_of_any_byte_breaks_the_message),
        cmocka_unit_test(messages_of_another_shape_are_refused),
        cmocka_unit_test(the_key_decides_which_algorithms_fit),
        cmocka_unit_test(what_is_signed_verifies_and_both_ways_hash_the_same),
        cmocka_unit_test(keys_are_read_and_written_in_both_forms),
        cmocka_unit_test(a_compressed_key_of_rfc_8152_is_its_point),
        cmocka_unit_test(a_guess_at_y_changes_no_key),
        cmocka_unit_test(keys_of_another_kind_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
