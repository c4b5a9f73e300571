#include "wallet/record.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"
#include "hsm/digest.h"
#include "hsm/key_soft.h"
#include "wallet/cbor.h"
#include "wallet/sdcwt.h"

enum { SPACE = 1 << 16, NOW = 1795086400 };

static const uint8_t secret[32] = {9, 9, 9};
static struct hsm_soft_key *soft;
static struct hsm_signer signer;

static int make_signer(void **state)
{
    (void)state;
    assert_int_equal(hsm_soft_key_from_secret(secret, &soft).code, LW_OK);
    hsm_soft_key_signer(soft, &signer);
    signer.purpose = HSM_PURPOSE_CREDENTIAL;
    memcpy(signer.kid, "\1\2\3\4\5\6\7\10", sizeof(signer.kid));
    return 0;
}

static int free_signer(void **state)
{
    (void)state;
    hsm_soft_key_free(soft);
    return 0;
}

static struct wallet_license_type type(void)
{
    return (struct wallet_license_type){
        .id = LW_STR("business"),
        .version = 3,
        .claims = {{.cwt_key = -71001}, {.cwt_key = -71002}, {.cwt_key = -70005}},
        .claim_count = 3,
    };
}

static struct wallet_license license(void)
{
    static const uint8_t name[] = {0x63, 'B', 'a', 'r'};
    static const uint8_t ward[] = {0x18, 42};
    struct wallet_license l = {
        .type = LW_STR("business"),
        .type_version = 3,
        .number = LW_STR("1234"),
        .version = LW_STR("1234-20260101"),
        .issuer = LW_STR("bacp"),
        .holders = {{LW_STR("999"), LW_STR("77-1"), LW_STR("holder"), LW_STR("Bar LLC"), {0}},
                    {LW_STR("999"), LW_STR("78-1"), LW_STR("partner"), LW_STR(""), {0}}},
        .holder_count = 2,
        .claims = {{.def = 0, .value = LW_BYTES(name)}, {.def = 1, .value = LW_BYTES(ward)}},
        .claim_count = 2,
        .issued_at = 1700000000,
        .valid_from = 1700086400,
        .valid_until = 1763158400,
    };
    struct support_rng seeded;
    const struct lw_rng rng = support_rng(&seeded, 5);
    assert_int_equal(wallet_record_draw_salts(&l, &rng).code, LW_OK);
    return l;
}

static void make(const struct wallet_license *l, lw_buf *record)
{
    const struct wallet_license_type t = type();
    LW_AUTO_BUF payload = LW_BUF(SPACE);
    assert_int_equal(wallet_record_payload(&t, l, &payload).code, LW_OK);
    assert_int_equal(wallet_record_sign(&signer, NOW, lw_buf_view(&payload), record).code, LW_OK);
}

static void a_record_says_what_its_license_says(void **state)
{
    (void)state;
    const struct wallet_license_type t = type();
    struct wallet_license l = license();
    for (int endless = 0; endless <= 1; endless++) {
        LW_AUTO_BUF bytes = LW_BUF(SPACE);
        struct wallet_record record;
        l.valid_until = endless == 1 ? INT64_MAX : l.valid_until;
        make(&l, &bytes);
        assert_int_equal(wallet_record_parse(lw_buf_view(&bytes), &record).code, LW_OK);
        assert_int_equal(wallet_record_verify(&record, &signer.key).code, LW_OK);
        assert_int_equal(wallet_record_matches(&record, &t, &l).code, LW_OK);
        assert_true(lw_str_is(record.number, "1234"));
        assert_true(lw_str_is(record.version, "1234-20260101"));
        assert_true(lw_str_is(record.type, "business"));
        assert_true(lw_str_is(record.issuer, "bacp"));
        assert_int_equal(record.type_version, 3);
        assert_int_equal(record.issued_at, l.issued_at);
        assert_int_equal(record.valid_from, l.valid_from);
        assert_int_equal(record.valid_until, l.valid_until);
        assert_int_equal(record.claim_count, 2);
        assert_int_equal(record.holder_count, 2);
        assert_int_equal(record.claim_digests.len, 2 * 34);
        assert_int_equal(record.holder_digests.len, 2 * 36);
        assert_memory_equal(record.kid, signer.kid, 8);
    }
}

/* The rule of the header, computed here from its words. */
static void digests_are_those_the_header_describes(void **state)
{
    (void)state;
    struct wallet_license l = license();
    LW_AUTO_BUF bytes = LW_BUF(SPACE);
    LW_AUTO_BUF claim = LW_BUF(SPACE);
    LW_AUTO_BUF holder = LW_BUF(SPACE);
    struct wallet_record record;
    uint8_t digest[32];
    l.claim_count = 1;
    l.holder_count = 1;
    make(&l, &bytes);
    assert_int_equal(wallet_record_parse(lw_buf_view(&bytes), &record).code, LW_OK);

    /* h'83 50 salt 63426172 3a00011558': 27 bytes, head 58 1b; -71001 is 3a 00 01 15 58 */
    support_hex("581b8350", &claim);
    assert_int_equal(lw_buf_put(&claim, LW_BYTES(l.claims[0].salt)).code, LW_OK);
    support_hex("634261723a00011558", &claim);
    assert_int_equal(claim.len, 2 + 27);
    assert_int_equal(hsm_sha256(lw_buf_view(&claim), digest).code, LW_OK);
    assert_memory_equal(record.claim_digests.ptr, "\x58\x20", 2);
    assert_memory_equal(record.claim_digests.ptr + 2, digest, 32);

    /* h'82 50 salt 84 "999" "77-1" "holder" "Bar LLC"' */
    support_hex("582b8250", &holder);
    assert_int_equal(lw_buf_put(&holder, LW_BYTES(l.holders[0].salt)).code, LW_OK);
    support_hex("84 63393939 6437372d31 66686f6c646572 67426172204c4c43", &holder);
    assert_int_equal(holder.len, 2 + 0x2b);
    assert_int_equal(hsm_sha256(lw_buf_view(&holder), digest).code, LW_OK);
    assert_memory_equal(record.holder_digests.ptr, "\xd8\x3c\x58\x20", 4);
    assert_memory_equal(record.holder_digests.ptr + 4, digest, 32);
}

static void in_two_steps_the_record_is_the_same(void **state)
{
    (void)state;
    const struct wallet_license_type t = type();
    const struct wallet_license l = license();
    LW_AUTO_BUF payload = LW_BUF(SPACE);
    LW_AUTO_BUF bytes = LW_BUF(SPACE);
    uint8_t digest[32];
    uint8_t sig[HSM_SIG_MAX];
    struct wallet_record record;
    assert_int_equal(wallet_record_payload(&t, &l, &payload).code, LW_OK);
    assert_int_equal(wallet_record_digest(signer.kid, lw_buf_view(&payload), digest).code, LW_OK);
    assert_int_equal(signer.sign_digest(signer.ctx, LW_BYTES(digest), sig).code, LW_OK);
    assert_int_equal(wallet_record_assemble(signer.kid, lw_buf_view(&payload),
                                            (lw_bytes){sig, HSM_ES256_SIG_LEN}, &bytes)
                         .code,
                     LW_OK);
    assert_int_equal(wallet_record_parse(lw_buf_view(&bytes), &record).code, LW_OK);
    assert_int_equal(wallet_record_verify(&record, &signer.key).code, LW_OK);
    assert_int_equal(wallet_record_matches(&record, &t, &l).code, LW_OK);
}

static void any_change_of_the_license_is_noticed(void **state)
{
    enum { CHANGES = 18 };
    static const char *const whys[CHANGES] = {
        [0] = "record: of another type",
        [1] = "record: of another type",
        [2] = "record: of another number or version",
        [3] = "record: of another number or version",
        [4] = "record: of another issuer",
        [5] = "record: its times differ",
        [6] = "record: its times differ",
        [7] = "record: its times differ",
        [8] = "record: its holders differ",
        [9] = "record: its claims or holders differ",
        [10] = "record: its claims or holders differ",
        [11] = "record: its claims or holders differ",
        [12] = "record: its claims or holders differ",
        [13] = "record: its claims or holders differ",
        [14] = "record: its claims or holders differ",
        [15] = "record: its claims or holders differ",
        [16] = "record: its claims or holders differ",
        [17] = "record: its claims or holders differ",
    };
    static const uint8_t other[] = {0x63, 'B', 'a', 'z'};
    (void)state;
    const struct wallet_license_type t = type();
    const struct wallet_license l = license();
    LW_AUTO_BUF bytes = LW_BUF(SPACE);
    struct wallet_record record;
    make(&l, &bytes);
    assert_int_equal(wallet_record_parse(lw_buf_view(&bytes), &record).code, LW_OK);
    for (size_t i = 0; i < CHANGES; i++) {
        struct wallet_license c = l;
        switch (i) {
        case 0:
            c.type = LW_STR("x");
            break;
        case 1:
            c.type_version++;
            break;
        case 2:
            c.number = LW_STR("1235");
            break;
        case 3:
            c.version = LW_STR("2");
            break;
        case 4:
            c.issuer = LW_STR("x");
            break;
        case 5:
            c.issued_at++;
            break;
        case 6:
            c.valid_from++;
            break;
        case 7:
            c.valid_until++;
            break;
        case 8:
            c.holder_count--;
            break;
        case 9:
            c.claim_count--;
            break;
        case 10:
            c.claims[0].value = LW_BYTES(other);
            break;
        case 11:
            c.claims[1].def = 2;
            break;
        case 12:
            c.claims[1].salt[15] ^= 1;
            break;
        case 13:
            c.holders[1].salt[0] ^= 1;
            break;
        case 14:
            c.holders[0].code = LW_STR("77-2");
            break;
        case 15:
            c.holders[0].code_type = LW_STR("001");
            break;
        case 16:
            c.holders[1].role = LW_STR("holder");
            break;
        case 17:
            c.holders[1].name = LW_STR("x");
            break;
        }
        const lw_err err = wallet_record_matches(&record, &t, &c);
        assert_int_equal(err.code, LW_E_CORRUPT);
        assert_string_equal(err.why, whys[i]);
    }
    struct wallet_license swapped = l;
    swapped.claims[0] = l.claims[1];
    swapped.claims[1] = l.claims[0];
    assert_int_equal(wallet_record_matches(&record, &t, &swapped).code, LW_OK);
}

static void licenses_that_make_no_record_are_refused(void **state)
{
    (void)state;
    const struct wallet_license_type t = type();
    for (size_t i = 0; i < 6; i++) {
        struct wallet_license l = license();
        LW_AUTO_BUF payload = LW_BUF(SPACE);
        switch (i) {
        case 0:
            l.number.len = 0;
            break;
        case 1:
            l.version.len = 0;
            break;
        case 2:
            l.issuer.len = 0;
            break;
        case 3:
            l.type.len = 0;
            break;
        case 4:
            l.claims[1].def = 0;
            break;
        case 5:
            l.claims[1].value.len = 0;
            break;
        }
        assert_int_equal(wallet_record_payload(&t, &l, &payload).code, LW_E_VALUE);
        assert_int_equal(payload.len, 0);
    }
    struct wallet_license l = license();
    LW_AUTO_BUF small = LW_BUF(50);
    assert_int_equal(wallet_record_payload(&t, &l, &small).code, LW_E_LIMIT);
    assert_int_equal(small.len, 0);
}

static void salts_are_drawn_for_each_claim_and_holder(void **state)
{
    static const uint8_t none[WALLET_SALT_LEN] = {0};
    (void)state;
    const struct wallet_license l = license();
    assert_memory_not_equal(l.claims[0].salt, none, sizeof(none));
    assert_memory_not_equal(l.claims[1].salt, l.claims[0].salt, sizeof(none));
    assert_memory_not_equal(l.holders[0].salt, l.claims[1].salt, sizeof(none));
    assert_memory_not_equal(l.holders[1].salt, l.holders[0].salt, sizeof(none));
    assert_memory_equal(l.claims[2].salt, none, sizeof(none));
}

/* Signs header and payload given in hex; what wallet_record_parse() then says. */
static void check_bent(const char *header, const char *payload, lw_code code)
{
    LW_AUTO_BUF protected = LW_BUF(SPACE);
    LW_AUTO_BUF claims = LW_BUF(SPACE);
    LW_AUTO_BUF bytes = LW_BUF(SPACE);
    struct wallet_record record;
    support_hex(header, &protected);
    support_hex(payload, &claims);
    const struct wallet_cose_parts parts = {.protected = lw_buf_view(&protected),
                                            .payload = lw_buf_view(&claims)};
    assert_int_equal(
        wallet_cose_sign1_sign(&parts, &signer, HSM_PURPOSE_CREDENTIAL, NOW, &bytes).code, LW_OK);
    const lw_err err = wallet_record_parse(lw_buf_view(&bytes), &record);
    if (err.code != code) {
        print_error("%s %s: %s, %s\n", header, payload, lw_code_name(err.code), err.why);
    }
    assert_int_equal(err.code, code);
}

static void an_unprotected_header_and_too_long_a_record_are_refused(void **state)
{
    static const uint8_t one_member[] = {0xa1, 0x00, 0x00};
    static uint8_t zeros[WALLET_RECORD_MAX + 1];
    (void)state;
    const struct wallet_license l = license();
    LW_AUTO_BUF good = LW_BUF(SPACE);
    LW_AUTO_BUF bent = LW_BUF(SPACE);
    struct wallet_cose_sign1 message;
    struct wallet_record record;
    make(&l, &good);
    assert_int_equal(wallet_cose_sign1_parse(lw_buf_view(&good), &message).code, LW_OK);
    const struct wallet_cose_parts parts = {.protected = message.protected,
                                            .unprotected = LW_BYTES(one_member),
                                            .payload = message.payload};
    assert_int_equal(wallet_cose_sign1_put(&parts, message.signature, &bent).code, LW_OK);
    assert_int_equal(wallet_record_parse(lw_buf_view(&bent), &record).code, LW_E_VALUE);
    assert_int_equal(wallet_record_parse(LW_BYTES(zeros), &record).code, LW_E_LIMIT);
}

#define TYP "10781e6170706c69636174696f6e2f6c6963656e73652d7265636f72642b637774"
#define HEADER "a30128044801020304050607 08" TYP
#define HASH_A "5820aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define HASH_B "5820bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define START "a9 01 6161 02 6162 05 00 06 01 3a00011238 6163 3a00011239 01 3a0001123a 6131 "
#define HOLDERS "3a0001123b 81 d83c" HASH_A
#define CLAIMS "f83b 82" HASH_A HASH_B

static void records_of_another_shape_are_refused(void **state)
{
    (void)state;
    check_bent(HEADER, START HOLDERS CLAIMS, LW_OK);
    check_bent(HEADER, START "3a0001123b80 f83b80", LW_OK);
    check_bent("a30126044801020304050607 08" TYP, START HOLDERS CLAIMS, LW_E_UNSUPPORTED);
    check_bent("a2012804480102030405060708", START HOLDERS CLAIMS, LW_E_UNSUPPORTED);
    check_bent("a3012804480102030405060708 10 190125", START HOLDERS CLAIMS, LW_E_UNSUPPORTED);
    check_bent("a20128" TYP, START HOLDERS CLAIMS, LW_E_VALUE);
    check_bent("a301280447010203040506 07" TYP, START HOLDERS CLAIMS, LW_E_VALUE);
    check_bent(HEADER, "80", LW_E_SYNTAX);
    check_bent(HEADER,
               "a8 01 6161 02 6162 05 00 06 01 3a00011238 6163 3a00011239 01 3a0001123a "
               "6131 " HOLDERS,
               LW_E_VALUE); /* no claims */
    check_bent(HEADER,
               "a9 02 6162 01 6161 05 00 06 01 3a00011238 6163 3a00011239 01 3a0001123a "
               "6131 " HOLDERS CLAIMS,
               LW_E_VALUE); /* another order */
    check_bent(HEADER,
               "a9 01 60 02 6162 05 00 06 01 3a00011238 6163 3a00011239 01 3a0001123a "
               "6131 " HOLDERS CLAIMS,
               LW_E_VALUE); /* empty issuer */
    check_bent(HEADER,
               "a9 01 6161 02 6162 05 00 06 01 3a00011238 6163 3a00011239 20 3a0001123a "
               "6131 " HOLDERS CLAIMS,
               LW_E_VALUE); /* negative version */
    check_bent(HEADER,
               "a9 01 6161 02 6162 05 00 06 01 3a00011238 6163 3a00011239 1b0000000100000000 "
               "3a0001123a 6131 " HOLDERS CLAIMS,
               LW_E_VALUE); /* version beyond 32 bits */
    check_bent(HEADER,
               "a9 01 6161 02 6162 05 6130 06 01 3a00011238 6163 3a00011239 01 3a0001123a "
               "6131 " HOLDERS CLAIMS,
               LW_E_SYNTAX); /* time is text */
    check_bent(HEADER,
               "a9 01 6161 02 6162 05 00 07 01 3a00011238 6163 3a00011239 01 3a0001123a "
               "6131 " HOLDERS CLAIMS,
               LW_E_VALUE); /* no iat */
    check_bent(HEADER, START HOLDERS CLAIMS "00", LW_E_SYNTAX);
    check_bent(HEADER, START "3a0001123c 80" CLAIMS, LW_E_VALUE);
    check_bent(HEADER, START "3a0001123b 81" HASH_A CLAIMS, LW_E_SYNTAX);
    check_bent(HEADER, START "3a0001123b 81 d83d" HASH_A CLAIMS, LW_E_VALUE);
    check_bent(HEADER, START HOLDERS "f83c 81" HASH_A, LW_E_VALUE);
    check_bent(HEADER, START HOLDERS "f83b 81 41aa", LW_E_VALUE);
    check_bent(HEADER, START HOLDERS "f83b 82" HASH_B HASH_A, LW_E_VALUE);
    check_bent(HEADER, START HOLDERS "f83b 82" HASH_A HASH_A, LW_E_VALUE);
}

static void too_many_digests_are_refused(void **state)
{
    (void)state;
    for (size_t holders = WALLET_HOLDERS_MAX; holders <= WALLET_HOLDERS_MAX + 1; holders++) {
        LW_AUTO_BUF hex = LW_BUF(SPACE);
        const char *text = NULL;
        assert_int_equal(lw_buf_put_c(&hex, START "3a0001123b").code, LW_OK);
        assert_int_equal(lw_buf_put_c(&hex, holders == 16 ? "90" : "91").code, LW_OK);
        for (size_t i = 0; i < holders; i++) {
            uint8_t hash[36] = {0xd8, 0x3c, 0x58, 0x20, (uint8_t)i};
            assert_int_equal(lw_buf_put_hex(&hex, LW_BYTES(hash)).code, LW_OK);
        }
        assert_int_equal(lw_buf_put_c(&hex, "f83b80").code, LW_OK);
        assert_int_equal(lw_buf_c(&hex, &text).code, LW_OK);
        check_bent(HEADER, text, holders <= WALLET_HOLDERS_MAX ? LW_OK : LW_E_LIMIT);
    }
    for (size_t claims = WALLET_CLAIMS_MAX; claims <= WALLET_CLAIMS_MAX + 1; claims++) {
        LW_AUTO_BUF hex = LW_BUF(SPACE);
        const char *text = NULL;
        assert_int_equal(lw_buf_put_c(&hex, START HOLDERS "f83b").code, LW_OK);
        assert_int_equal(lw_buf_put_c(&hex, claims == 64 ? "9840" : "9841").code, LW_OK);
        for (size_t i = 0; i < claims; i++) {
            uint8_t hash[34] = {0x58, 0x20, (uint8_t)i};
            assert_int_equal(lw_buf_put_hex(&hex, LW_BYTES(hash)).code, LW_OK);
        }
        assert_int_equal(lw_buf_c(&hex, &text).code, LW_OK);
        check_bent(HEADER, text, claims <= WALLET_CLAIMS_MAX ? LW_OK : LW_E_LIMIT);
    }
}

static void a_changed_byte_or_another_key_is_refused(void **state)
{
    (void)state;
    const struct wallet_license l = license();
    LW_AUTO_BUF bytes = LW_BUF(SPACE);
    struct wallet_record record;
    make(&l, &bytes);
    for (size_t i = 0; i < bytes.len; i++) {
        bytes.ptr[i] ^= 1;
        const lw_err err = wallet_record_parse(lw_buf_view(&bytes), &record);
        assert_false(err.code == LW_OK && wallet_record_verify(&record, &signer.key).code == LW_OK);
        bytes.ptr[i] ^= 1;
    }
    HSM_AUTO_SOFT_KEY other = NULL;
    struct hsm_signer stranger;
    assert_int_equal(hsm_soft_key_generate(&other).code, LW_OK);
    hsm_soft_key_signer(other, &stranger);
    assert_int_equal(wallet_record_parse(lw_buf_view(&bytes), &record).code, LW_OK);
    assert_int_equal(wallet_record_verify(&record, &stranger.key).code, LW_E_SIGNATURE);
    assert_int_equal(wallet_record_verify(&record, &signer.key).code, LW_OK);
    assert_int_equal(lw_buf_put_byte(&bytes, 0).code, LW_OK);
    assert_int_equal(wallet_record_parse(lw_buf_view(&bytes), &record).code, LW_E_SYNTAX);
}

static void only_a_key_for_credentials_signs_records(void **state)
{
    (void)state;
    struct hsm_signer holder = signer;
    LW_AUTO_BUF bytes = LW_BUF(SPACE);
    holder.purpose = HSM_PURPOSE_HOLDER;
    assert_int_equal(wallet_record_sign(&holder, NOW, LW_BYTES(((uint8_t[]){0xa0})), &bytes).code,
                     LW_E_DENIED);
    assert_int_equal(bytes.len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_record_says_what_its_license_says),
        cmocka_unit_test(digests_are_those_the_header_describes),
        cmocka_unit_test(in_two_steps_the_record_is_the_same),
        cmocka_unit_test(any_change_of_the_license_is_noticed),
        cmocka_unit_test(licenses_that_make_no_record_are_refused),
        cmocka_unit_test(salts_are_drawn_for_each_claim_and_holder),
        cmocka_unit_test(records_of_another_shape_are_refused),
        cmocka_unit_test(an_unprotected_header_and_too_long_a_record_are_refused),
        cmocka_unit_test(too_many_digests_are_refused),
        cmocka_unit_test(a_changed_byte_or_another_key_is_refused),
        cmocka_unit_test(only_a_key_for_credentials_signs_records),
    };
    return cmocka_run_group_tests(tests, make_signer, free_signer);
}
