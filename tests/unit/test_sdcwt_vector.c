#include "wallet/sdcwt.h"

#include <setjmp.h>
#include <stdarg.h>
#include <zlib.h>

#include <cmocka.h>

#include "bytes.h"
#include "hsm/digest.h"
#include "lq1_vector.h"
#include "sdcwt_bend.h"
#include "wallet/base45.h"
#include "wallet/lq1.h"

enum { SPACE = 1 << 16 };

#define VECTOR_STARTS "LQ1:RRQGBBYN6Q60SX1XWGERKT25J6990O7IP+WE 3TB733Y4S92O6B1RGY*"
#define VECTOR_ENDS "LSTQU+PJZU2FA.3"
enum { VECTOR_BYTES = 651, VECTOR_CHARS = 981, VECTOR_ISS_BYTES = 13 };

/* Verifies what `b` comes to; returns the error and fills checks and result. */
static lw_err verify(const struct bend *b, lw_bytes presentation, lw_buf *arena,
                     struct wallet_checks *checks, struct wallet_verified *out)
{
    *checks = (struct wallet_checks){.line[0].result = WALLET_CHECK_SKIPPED};
    return wallet_sdcwt_verify(presentation, &b->expect, arena, checks, out);
}

static void load(struct bend *b)
{
    LW_AUTO_BUF payload = LW_BUF(SPACE);
    support_hex(lq1_vector, &payload);
    bend_load(b, lw_buf_view(&payload));
}

static void the_vector_has_this_text_both_ways(void **state)
{
    (void)state;
    LW_AUTO_BUF payload = LW_BUF(SPACE);
    LW_AUTO_BUF text = LW_BUF(SPACE);
    LW_AUTO_BUF back = LW_BUF(SPACE);
    support_hex(lq1_vector, &payload);
    assert_int_equal(payload.len, VECTOR_BYTES);
    assert_int_equal(wallet_lq1_put(lw_buf_view(&payload), &text).code, LW_OK);
    assert_int_equal(text.len, VECTOR_CHARS);
    const lw_str all = lw_buf_text(&text);
    assert_true(lw_str_starts(all, LW_STR(VECTOR_STARTS)));
    assert_true(lw_str_is(lw_str_from(all, all.len - strlen(VECTOR_ENDS)), VECTOR_ENDS));
    assert_int_equal(wallet_lq1_read(all, &back).code, LW_OK);
    assert_true(lw_bytes_eq(lw_buf_view(&payload), lw_buf_view(&back)));
}

static void the_vector_verifies(void **state)
{
    (void)state;
    struct bend b;
    bend_init(&b);
    LW_AUTO_BUF payload = LW_BUF(SPACE);
    LW_AUTO_BUF arena = LW_BUF(SPACE);
    struct wallet_checks checks;
    struct wallet_verified out;
    struct hsm_signer holder;
    support_hex(lq1_vector, &payload);
    assert_int_equal(verify(&b, lw_buf_view(&payload), &arena, &checks, &out).code, LW_OK);
    for (size_t i = WALLET_CHECK_PARSE; i <= WALLET_CHECK_VALIDITY; i++) {
        assert_int_equal(checks.line[i].result,
                         i == WALLET_CHECK_REPLAY ? WALLET_CHECK_SKIPPED : WALLET_CHECK_OK);
    }
    hsm_soft_key_signer(b.kbt.key, &holder);
    assert_true(hsm_public_key_eq(&out.holder_key, &holder.key));
    assert_string_equal(out.format, "dc+sd-cwt");
    assert_int_equal(out.encoding, WALLET_ENCODING_CBOR);
    assert_true(out.issuer == &b.trust.issuers[0]);
    assert_true(lw_str_is(out.vct, BEND_VCT));
    assert_int_equal(out.iat, 1795000000);
    assert_int_equal(out.exp, 1795000000 + 30 * 86400);
    assert_int_equal(out.nbf, INT64_MIN);
    assert_int_equal(out.kb_iat, BEND_NOW);
    assert_true(out.holder_proven);
    assert_true(out.status.present);
    assert_int_equal(out.status.idx, 48211);
    assert_true(lw_str_is(out.status.uri, "https://st.licence.example/7"));
    assert_int_equal(out.sub.len, 0);
    assert_int_equal(out.cti.len, 0);
    uint8_t id[32];
    assert_int_equal(hsm_sha256((lw_bytes){payload.ptr + VECTOR_BYTES - 64, 64}, id).code, LW_OK);
    assert_memory_equal(out.presentation_id, id, sizeof(id));

    static const struct {
        int64_t key;
        const char *value;
    } shown[] = {{-70001, "714f6b6f6e6b776f2d4c696e647176697374"},
                 {-70004, "64422c4245"},
                 {-70005, "d86419584d"}};
    assert_int_equal(out.claim_count, 3);
    for (size_t i = 0; i < 3; i++) {
        LW_AUTO_BUF value = LW_BUF(SPACE);
        support_hex(shown[i].value, &value);
        assert_int_equal(out.claims[i].cwt_key, shown[i].key);
        assert_int_equal(out.claims[i].name.len, 0);
        assert_true(lw_bytes_eq(out.claims[i].value, lw_buf_view(&value)));
    }
    bend_free(&b);
}

/* All but the holder's new signature is as in the vector. */
static void put_together_again_the_vector_is_the_same(void **state)
{
    (void)state;
    struct bend b;
    load(&b);
    LW_AUTO_BUF payload = LW_BUF(SPACE);
    LW_AUTO_BUF made = LW_BUF(SPACE);
    support_hex(lq1_vector, &payload);
    bend_build(&b, &made);
    assert_int_equal(made.len, VECTOR_BYTES);
    assert_memory_equal(made.ptr, payload.ptr, VECTOR_BYTES - 64);
    assert_memory_not_equal(made.ptr + VECTOR_BYTES - 64, payload.ptr + VECTOR_BYTES - 64, 64);
    bend_free(&b);
}

/* Builds `b`, verifies it, and demands that `check` is the only one that did not hold. */
static void check_ends(struct bend *b, enum wallet_check check, enum wallet_check_result result,
                       lw_code code)
{
    LW_AUTO_BUF made = LW_BUF(SPACE);
    LW_AUTO_BUF arena = LW_BUF(SPACE);
    struct wallet_checks checks;
    struct wallet_verified out;
    bend_build(b, &made);
    assert_int_equal(verify(b, lw_buf_view(&made), &arena, &checks, &out).code, code);
    for (size_t i = 0; i < WALLET_CHECK_COUNT; i++) {
        if (i == (size_t)check) {
            assert_int_equal(checks.line[i].result, result);
            assert_non_null(checks.line[i].detail);
        } else {
            assert_true(checks.line[i].result == WALLET_CHECK_OK ||
                        checks.line[i].result == WALLET_CHECK_SKIPPED);
        }
    }
    bend_free(b);
}

#define FAMILY_NAME                                                                                \
    "8350dc90cf07de907ccc64636ceddb38e552714f6b6f6e6b776f2d4c696e6471766973743a00011170"
#define CATEGORY "835051e0ed5c000f3205a88bca9498b3992264422c42453a00011173"
#define EXPIRY_DATE "8350cc4efc6ae0d270fd4816cceea255e959d86419584d3a00011174"

/* The negative cases that specs/qr.md section 12 names, in its order. */
static void the_vector_with_a_salt_changed_is_refused(void **state)
{
    (void)state;
    struct bend b;
    load(&b);
    b.disclosed.ptr[b.disclosed.len - 20] ^= 1; /* inside the last salt */
    check_ends(&b, WALLET_CHECK_DISCLOSURES, WALLET_CHECK_FAILED, LW_E_SIGNATURE);
}

static void the_vector_with_value_and_key_swapped_is_refused(void **state)
{
    (void)state;
    struct bend b;
    load(&b);
    bend_bytes(&b.disclosed, "");
    b.disclosed_count = 0;
    bend_show(&b, FAMILY_NAME);
    bend_show(&b, "835051e0ed5c000f3205a88bca9498b399223a0001117364422c4245");
    bend_show(&b, EXPIRY_DATE);
    check_ends(&b, WALLET_CHECK_DISCLOSURES, WALLET_CHECK_FAILED, LW_E_SIGNATURE);
}

/* Digests over the contents alone, as the draft's walk-through page has it; issuer signs anew. */
static void the_vector_hashed_without_heads_is_refused(void **state)
{
    static const char *const shown[] = {FAMILY_NAME, CATEGORY, EXPIRY_DATE};
    (void)state;
    for (int with_head = 0; with_head <= 1; with_head++) {
        struct bend b;
        load(&b);
        bend_bytes(&b.cwt.signature, "");
        for (size_t i = 0; i < 3; i++) {
            LW_AUTO_BUF contents = LW_BUF(SPACE);
            LW_AUTO_BUF item = LW_BUF(SPACE);
            uint8_t old[32];
            uint8_t bare[32];
            support_hex(shown[i], &contents);
            assert_int_equal(wallet_cbor_put_bytes(&item, lw_buf_view(&contents)).code, LW_OK);
            assert_int_equal(hsm_sha256(lw_buf_view(&item), old).code, LW_OK);
            assert_int_equal(hsm_sha256(lw_buf_view(&contents), bare).code, LW_OK);
            size_t at = 0;
            while (memcmp(b.cwt.claims_raw.ptr + at, old, 32) != 0) {
                at++;
                assert_true(at + 32 <= b.cwt.claims_raw.len);
            }
            memcpy(b.cwt.claims_raw.ptr + at, with_head == 1 ? old : bare, 32);
        }
        if (with_head == 1) {
            LW_AUTO_BUF made = LW_BUF(SPACE);
            LW_AUTO_BUF arena = LW_BUF(SPACE);
            struct wallet_checks checks;
            struct wallet_verified out;
            bend_build(&b, &made);
            assert_int_equal(verify(&b, lw_buf_view(&made), &arena, &checks, &out).code, LW_OK);
            bend_free(&b);
        } else {
            check_ends(&b, WALLET_CHECK_DISCLOSURES, WALLET_CHECK_FAILED, LW_E_SIGNATURE);
        }
    }
}

static void the_vector_with_a_disclosure_more_is_refused(void **state)
{
    (void)state;
    struct bend b;
    load(&b);
    bend_show(&b, "8350000000000000000000000000000000006141 3a00011172");
    check_ends(&b, WALLET_CHECK_DISCLOSURES, WALLET_CHECK_FAILED, LW_E_SIGNATURE);
}

static void the_vector_with_a_disclosure_repeated_is_refused(void **state)
{
    (void)state;
    struct bend b;
    load(&b);
    bend_show(&b, CATEGORY);
    check_ends(&b, WALLET_CHECK_DISCLOSURES, WALLET_CHECK_FAILED, LW_E_SIGNATURE);
}

static void the_vector_out_of_its_time_is_in_doubt(void **state)
{
    static const struct {
        int64_t iat;
        bool holds;
    } cases[] = {{-46, false}, {-45, true}, {30, true}, {31, false}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct bend b;
        load(&b);
        bend_set_int(&b.kbt.claims, "06", BEND_NOW + cases[i].iat);
        if (cases[i].holds) {
            LW_AUTO_BUF made = LW_BUF(SPACE);
            LW_AUTO_BUF arena = LW_BUF(SPACE);
            struct wallet_checks checks;
            struct wallet_verified out;
            bend_build(&b, &made);
            assert_int_equal(verify(&b, lw_buf_view(&made), &arena, &checks, &out).code, LW_OK);
            bend_free(&b);
        } else {
            check_ends(&b, WALLET_CHECK_FRESHNESS, WALLET_CHECK_UNKNOWN, LW_E_EXPIRED);
        }
    }
}

static void the_vector_for_another_verifier_is_refused(void **state)
{
    (void)state;
    struct bend b;
    load(&b);
    bend_set(&b.kbt.claims, "03", "6471723a78"); /* "qr:x" */
    check_ends(&b, WALLET_CHECK_AUDIENCE, WALLET_CHECK_FAILED, LW_E_DENIED);
}

static void the_vector_with_a_byte_more_is_refused(void **state)
{
    (void)state;
    struct bend b;
    load(&b);
    bend_bytes(&b.kbt.tail, "00");
    check_ends(&b, WALLET_CHECK_PARSE, WALLET_CHECK_FAILED, LW_E_SYNTAX);
}

static void the_vector_with_an_indefinite_length_is_refused(void **state)
{
    (void)state;
    struct bend b;
    load(&b);
    bend_bytes(&b.kbt.claims_raw, "bf036671723a616e79061a6afed840ff");
    check_ends(&b, WALLET_CHECK_PARSE, WALLET_CHECK_FAILED, LW_E_SYNTAX);
}

static void the_vector_of_an_unknown_kid_is_refused(void **state)
{
    (void)state;
    struct bend b;
    load(&b);
    b.trust.issuers[0].kid[7] ^= 1;
    check_ends(&b, WALLET_CHECK_TRUST, WALLET_CHECK_FAILED, LW_E_UNTRUSTED);
}

static void the_vector_of_a_revoked_issuer_is_refused(void **state)
{
    (void)state;
    struct bend b;
    load(&b);
    b.trust.issuers[0].state = WALLET_ISSUER_REVOKED;
    check_ends(&b, WALLET_CHECK_TRUST, WALLET_CHECK_FAILED, LW_E_UNTRUSTED);
    load(&b);
    b.trust.issuers[0].state = WALLET_ISSUER_REVOKED;
    b.trust.issuers[0].revoked_since = 1795000000; /* the very second it was issued */
    check_ends(&b, WALLET_CHECK_TRUST, WALLET_CHECK_FAILED, LW_E_UNTRUSTED);
}

static void the_vector_inflated_from_a_bomb_is_refused(void **state)
{
    (void)state;
    static uint8_t plain[1 << 20];
    static uint8_t stream[1 << 15];
    LW_AUTO_BUF payload = LW_BUF(SPACE);
    support_hex(lq1_vector, &payload);
    memcpy(plain, payload.ptr, payload.len);
    for (int bomb = 0; bomb <= 1; bomb++) {
        LW_AUTO_BUF text = LW_BUF(SPACE);
        LW_AUTO_BUF back = LW_BUF(SPACE);
        uLongf len = sizeof(stream);
        const uLong plain_len = bomb == 1 ? sizeof(plain) : VECTOR_BYTES;
        assert_int_equal(compress2(stream, &len, plain, plain_len, 9), Z_OK);
        assert_int_equal(lw_buf_put_c(&text, "LQ1:").code, LW_OK);
        assert_int_equal(wallet_base45_encode((lw_bytes){stream, len}, &text).code, LW_OK);
        assert_int_equal(wallet_lq1_read(lw_buf_text(&text), &back).code,
                         bomb == 1 ? LW_E_LIMIT : LW_OK);
        assert_true(bomb == 1 || lw_bytes_eq(lw_buf_view(&back), lw_buf_view(&payload)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vector_has_this_text_both_ways),
        cmocka_unit_test(the_vector_verifies),
        cmocka_unit_test(put_together_again_the_vector_is_the_same),
        cmocka_unit_test(the_vector_with_a_salt_changed_is_refused),
        cmocka_unit_test(the_vector_with_value_and_key_swapped_is_refused),
        cmocka_unit_test(the_vector_hashed_without_heads_is_refused),
        cmocka_unit_test(the_vector_with_a_disclosure_more_is_refused),
        cmocka_unit_test(the_vector_with_a_disclosure_repeated_is_refused),
        cmocka_unit_test(the_vector_out_of_its_time_is_in_doubt),
        cmocka_unit_test(the_vector_for_another_verifier_is_refused),
        cmocka_unit_test(the_vector_with_a_byte_more_is_refused),
        cmocka_unit_test(the_vector_with_an_indefinite_length_is_refused),
        cmocka_unit_test(the_vector_of_an_unknown_kid_is_refused),
        cmocka_unit_test(the_vector_of_a_revoked_issuer_is_refused),
        cmocka_unit_test(the_vector_inflated_from_a_bomb_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
