#include "wallet/seal_ctx.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "hsm/digest.h"
#include "hsm/rng.h"
#include "hsm/seal.h"
#include "store_fixture.h"
#include "txn.h"

static const uint8_t epoch_one[WALLET_STORE_KEY_LEN] = {1};
static const uint8_t epoch_two[WALLET_STORE_KEY_LEN] = {2};
static const uint8_t wrong[WALLET_STORE_KEY_LEN] = {9};

static int make(void **state)
{
    static struct support_store f;
    support_store_make(&f);
    *state = &f;
    return 0;
}

static int drop(void **state)
{
    support_store_drop(*state);
    return 0;
}

static lw_bytes text(const char *s)
{
    return lw_str_bytes(lw_str_c(s));
}

static const struct wallet_seal_name a_name = {.keyspace = {"person", 6},
                                               .record = {(const uint8_t *)"record-1", 8},
                                               .version = 3,
                                               .person = {(const uint8_t *)"person-1", 8}};

static const struct wallet_seal_ctx *unlocked(const struct support_store *f)
{
    assert_int_equal(wallet_store_unlock(f->store, 1, epoch_one).code, LW_OK);
    return wallet_store_seal_ctx(f->store);
}

static void a_locked_store_seals_and_opens_nothing(void **state)
{
    const struct support_store *f = *state;
    const struct wallet_seal_ctx *ctx = wallet_store_seal_ctx(f->store);
    uint8_t key[WALLET_DATA_KEY_LEN] = {0};
    uint8_t mac[WALLET_LOOKUP_LEN];
    LW_AUTO_BUF out = LW_BUF(1024);
    LW_AUTO_BUF wrapped = LW_BUF(1024);
    const lw_bytes part = text("code");
    assert_false(wallet_seal_unlocked(ctx));
    assert_int_equal(wallet_data_key_make(ctx, text("p"), key, &out).code, LW_E_DENIED);
    assert_int_equal(wallet_seal_record(ctx, key, &a_name, text("x"), &out).code, LW_E_DENIED);
    assert_int_equal(wallet_open_record(ctx, key, &a_name, text("x"), &out).code, LW_E_DENIED);
    assert_int_equal(wallet_lookup(ctx, WALLET_LOOKUP_HOLDER_CODE, &part, 1, mac).code,
                     LW_E_DENIED);
    (void)unlocked(f);
    assert_true(wallet_seal_unlocked(ctx));
    assert_int_equal(wallet_data_key_make(ctx, text("p"), key, &wrapped).code, LW_OK);
    wallet_store_lock(f->store);
    assert_false(wallet_seal_unlocked(ctx));
    assert_int_equal(wallet_data_key_open(ctx, text("p"), lw_buf_view(&wrapped), key).code,
                     LW_E_DENIED);
    assert_int_equal(wallet_seal_record(ctx, key, &a_name, text("x"), &out).code, LW_E_DENIED);
    assert_int_equal(out.len, 0);
}

static void a_data_key_opens_for_its_person_alone(void **state)
{
    struct support_store *f = *state;
    const struct wallet_seal_ctx *ctx = unlocked(f);
    uint8_t key[WALLET_DATA_KEY_LEN];
    uint8_t again[WALLET_DATA_KEY_LEN];
    LW_AUTO_BUF wrapped = LW_BUF(1024);
    assert_int_equal(wallet_data_key_make(ctx, text("person-1"), key, &wrapped).code, LW_OK);
    support_store_reopen(f);
    ctx = unlocked(f);
    assert_int_equal(wallet_data_key_open(ctx, text("person-1"), lw_buf_view(&wrapped), again).code,
                     LW_OK);
    assert_memory_equal(key, again, sizeof(key));
    assert_int_equal(wallet_data_key_open(ctx, text("person-2"), lw_buf_view(&wrapped), again).code,
                     LW_E_SIGNATURE);
    assert_int_equal(wallet_data_key_open(ctx, text(""), lw_buf_view(&wrapped), again).code,
                     LW_E_LIMIT);
    for (size_t i = 0; i < wrapped.len; i++) {
        wrapped.ptr[i] ^= 1;
        const lw_code code =
            wallet_data_key_open(ctx, text("person-1"), lw_buf_view(&wrapped), again).code;
        assert_int_not_equal(code, LW_OK);
        wrapped.ptr[i] ^= 1;
    }
}

static void two_data_keys_of_a_person_differ(void **state)
{
    const struct wallet_seal_ctx *ctx = unlocked(*state);
    uint8_t one[WALLET_DATA_KEY_LEN];
    uint8_t two[WALLET_DATA_KEY_LEN];
    LW_AUTO_BUF wrapped = LW_BUF(1024);
    assert_int_equal(wallet_data_key_make(ctx, text("p"), one, &wrapped).code, LW_OK);
    assert_int_equal(wallet_data_key_make(ctx, text("p"), two, &wrapped).code, LW_OK);
    assert_memory_not_equal(one, two, sizeof(one));
}

static void a_sealed_record_opens_only_where_and_as_it_was_sealed(void **state)
{
    const struct wallet_seal_ctx *ctx = unlocked(*state);
    uint8_t key[WALLET_DATA_KEY_LEN] = {7};
    LW_AUTO_BUF sealed = LW_BUF(1024);
    LW_AUTO_BUF out = LW_BUF(1024);
    assert_int_equal(wallet_seal_record(ctx, key, &a_name, text("Zhang San"), &sealed).code, LW_OK);
    assert_int_equal(sealed.len, 9 + HSM_SEAL_OVERHEAD);
    assert_int_equal(wallet_open_record(ctx, key, &a_name, lw_buf_view(&sealed), &out).code, LW_OK);
    assert_true(lw_bytes_eq(lw_buf_view(&out), text("Zhang San")));
    lw_buf_truncate(&out, 0);

    struct wallet_seal_name moved[5] = {a_name, a_name, a_name, a_name, a_name};
    moved[0].keyspace = LW_STR("license");
    moved[1].record = text("record-2");
    moved[2].version = 2;
    moved[3].person = text("person-2");
    moved[4].record = text("record-"); /* a byte may not wander from one part to the next */
    moved[4].person = text("1person-1");
    for (size_t i = 0; i < 5; i++) {
        assert_int_equal(wallet_open_record(ctx, key, &moved[i], lw_buf_view(&sealed), &out).code,
                         LW_E_SIGNATURE);
    }
    key[0] ^= 1;
    assert_int_equal(wallet_open_record(ctx, key, &a_name, lw_buf_view(&sealed), &out).code,
                     LW_E_SIGNATURE);
    key[0] ^= 1;
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.ptr[i] ^= 0x80;
        assert_int_equal(wallet_open_record(ctx, key, &a_name, lw_buf_view(&sealed), &out).code,
                         LW_E_SIGNATURE);
        sealed.ptr[i] ^= 0x80;
    }
    assert_int_equal(out.len, 0);
}

static void names_that_are_too_long_are_refused(void **state)
{
    const struct wallet_seal_ctx *ctx = unlocked(*state);
    static const uint8_t id[WALLET_SEAL_ID_MAX + 1] = {0};
    static const char keyspace[] =
        "0123456789012345678901234567890123456789012345678901234567890123x";
    const uint8_t key[WALLET_DATA_KEY_LEN] = {0};
    uint8_t data_key[WALLET_DATA_KEY_LEN];
    LW_AUTO_BUF out = LW_BUF(4096);
    struct wallet_seal_name name = a_name;
    name.record = (lw_bytes){.ptr = id, .len = WALLET_SEAL_ID_MAX};
    name.person = name.record;
    name.keyspace = (lw_str){.ptr = keyspace, .len = 64};
    assert_int_equal(wallet_seal_record(ctx, key, &name, text("x"), &out).code, LW_OK);
    name.record.len++;
    assert_int_equal(wallet_seal_record(ctx, key, &name, text("x"), &out).code, LW_E_LIMIT);
    name.record.len--;
    name.person.len++;
    assert_int_equal(wallet_seal_record(ctx, key, &name, text("x"), &out).code, LW_E_LIMIT);
    name.person.len--;
    name.keyspace.len++;
    assert_int_equal(wallet_seal_record(ctx, key, &name, text("x"), &out).code, LW_E_LIMIT);
    name.keyspace.len = 0;
    assert_int_equal(wallet_seal_record(ctx, key, &name, text("x"), &out).code, LW_E_LIMIT);
    assert_int_equal(wallet_data_key_make(ctx, LW_BYTES(id), data_key, &out).code, LW_E_LIMIT);
}

static void look_ups_stay_the_same_and_differ_by_purpose_and_parts(void **state)
{
    struct support_store *f = *state;
    const struct wallet_seal_ctx *ctx = unlocked(f);
    uint8_t mac[5][WALLET_LOOKUP_LEN];
    const lw_bytes one[] = {text("111"), text("320602199001010018")};
    const lw_bytes shifted[] = {text("1113"), text("20602199001010018")};
    const lw_bytes joined = text("111320602199001010018");
    assert_int_equal(wallet_lookup(ctx, WALLET_LOOKUP_HOLDER_CODE, one, 2, mac[0]).code, LW_OK);
    assert_int_equal(wallet_lookup(ctx, WALLET_LOOKUP_PASS_CTI, one, 2, mac[1]).code, LW_OK);
    assert_int_equal(wallet_lookup(ctx, WALLET_LOOKUP_HOLDER_CODE, shifted, 2, mac[2]).code, LW_OK);
    assert_int_equal(wallet_lookup(ctx, WALLET_LOOKUP_HOLDER_CODE, &joined, 1, mac[3]).code, LW_OK);
    for (size_t i = 0; i < 4; i++) {
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(mac[i], mac[j], WALLET_LOOKUP_LEN);
        }
    }
    support_store_reopen(f);
    ctx = unlocked(f);
    assert_int_equal(wallet_lookup(ctx, WALLET_LOOKUP_HOLDER_CODE, one, 2, mac[4]).code, LW_OK);
    assert_memory_equal(mac[0], mac[4], WALLET_LOOKUP_LEN);
    assert_int_equal(wallet_lookup(ctx, WALLET_LOOKUP_HOLDER_CODE, one, 0, mac[4]).code,
                     LW_E_MISUSE);
    assert_int_equal(wallet_lookup(ctx, WALLET_LOOKUP_HOLDER_CODE, one, 9, mac[4]).code,
                     LW_E_MISUSE);
}

static void another_store_has_other_look_ups(void **state)
{
    struct support_store other;
    uint8_t here[WALLET_LOOKUP_LEN];
    uint8_t there[WALLET_LOOKUP_LEN];
    const lw_bytes part = text("code");
    const struct wallet_seal_ctx *ctx = unlocked(*state);
    support_store_make(&other);
    const struct wallet_seal_ctx *ctx2 = unlocked(&other);
    assert_int_equal(wallet_lookup(ctx, WALLET_LOOKUP_LOG, &part, 1, here).code, LW_OK);
    assert_int_equal(wallet_lookup(ctx2, WALLET_LOOKUP_LOG, &part, 1, there).code, LW_OK);
    assert_memory_not_equal(here, there, sizeof(here));
    support_store_drop(&other);
}

static void a_wrong_epoch_key_is_noticed_and_opens_nothing(void **state)
{
    struct support_store *f = *state;
    (void)unlocked(f);
    support_store_reopen(f);
    assert_int_equal(wallet_store_unlock(f->store, 1, wrong).code, LW_E_SIGNATURE);
    assert_false(wallet_seal_unlocked(wallet_store_seal_ctx(f->store)));
    assert_int_equal(wallet_store_unlock(f->store, 0, epoch_one).code, LW_E_MISUSE);
    assert_int_equal(wallet_store_unlock(f->store, 1, epoch_one).code, LW_OK);
}

static void epochs_begin_at_one(void **state)
{
    const struct support_store *f = *state;
    assert_int_equal(wallet_store_unlock(f->store, 0, epoch_one).code, LW_E_MISUSE);
    assert_false(wallet_seal_unlocked(wallet_store_seal_ctx(f->store)));
}

/* Sealed as a data key is, by the same derivation, but shorter than one. */
static void a_wrapped_key_of_another_length_is_corrupt(void **state)
{
    const struct wallet_seal_ctx *ctx = unlocked(*state);
    uint8_t key[WALLET_DATA_KEY_LEN];
    LW_AUTO_BUF name = LW_BUF(256);
    LW_AUTO_BUF value = LW_BUF(256);
    for (size_t len = 31; len <= 32; len++) {
        LW_AUTO_BUF sealed = LW_BUF(256);
        lw_buf_truncate(&name, 0);
        lw_buf_truncate(&value, 0);
        assert_int_equal(wallet_cbor_put_array(&name, 3).code, LW_OK);
        assert_int_equal(wallet_cbor_put_text(&name, LW_STR("person data key")).code, LW_OK);
        assert_int_equal(wallet_cbor_put_uint(&name, 1).code, LW_OK);
        assert_int_equal(wallet_cbor_put_bytes(&name, text("p")).code, LW_OK);
        assert_int_equal(hsm_derive(LW_BYTES(epoch_one), lw_buf_view(&name), key, sizeof(key)).code,
                         LW_OK);
        const lw_bytes plain = {.ptr = wrong, .len = len};
        assert_int_equal(hsm_seal(key, lw_buf_view(&name), plain, hsm_rng_system(), &sealed).code,
                         LW_OK);
        assert_int_equal(wallet_stored_begin(&value, 1, 2).code, LW_OK);
        assert_int_equal(wallet_cbor_put_uint(&value, 1).code, LW_OK);
        assert_int_equal(wallet_cbor_put_bytes(&value, lw_buf_view(&sealed)).code, LW_OK);
        assert_int_equal(wallet_data_key_open(ctx, text("p"), lw_buf_view(&value), key).code,
                         len == 32 ? LW_OK : LW_E_CORRUPT);
    }
}

static void a_newer_epoch_seals_what_is_new_and_the_old_one_still_opens(void **state)
{
    struct support_store *f = *state;
    const struct wallet_seal_ctx *ctx = unlocked(f);
    uint8_t old_key[WALLET_DATA_KEY_LEN];
    uint8_t new_key[WALLET_DATA_KEY_LEN];
    uint8_t got[WALLET_DATA_KEY_LEN];
    uint8_t before[WALLET_LOOKUP_LEN];
    uint8_t after[WALLET_LOOKUP_LEN];
    LW_AUTO_BUF old_wrapped = LW_BUF(1024);
    LW_AUTO_BUF new_wrapped = LW_BUF(1024);
    const lw_bytes part = text("code");
    assert_int_equal(wallet_data_key_make(ctx, text("p"), old_key, &old_wrapped).code, LW_OK);
    assert_int_equal(wallet_lookup(ctx, WALLET_LOOKUP_LOG, &part, 1, before).code, LW_OK);
    assert_int_equal(wallet_store_unlock(f->store, 2, epoch_two).code, LW_OK);
    assert_int_equal(wallet_data_key_make(ctx, text("q"), new_key, &new_wrapped).code, LW_OK);
    assert_int_equal(wallet_data_key_open(ctx, text("p"), lw_buf_view(&old_wrapped), got).code,
                     LW_OK);
    assert_memory_equal(got, old_key, sizeof(got));

    support_store_reopen(f); /* the new epoch alone: enough for look-ups and what is new */
    ctx = wallet_store_seal_ctx(f->store);
    assert_int_equal(wallet_store_unlock(f->store, 2, wrong).code, LW_E_SIGNATURE);
    assert_int_equal(wallet_store_unlock(f->store, 2, epoch_two).code, LW_OK);
    assert_int_equal(wallet_lookup(ctx, WALLET_LOOKUP_LOG, &part, 1, after).code, LW_OK);
    assert_memory_equal(before, after, sizeof(before));
    assert_int_equal(wallet_data_key_open(ctx, text("q"), lw_buf_view(&new_wrapped), got).code,
                     LW_OK);
    assert_memory_equal(got, new_key, sizeof(got));
    assert_int_equal(wallet_data_key_open(ctx, text("p"), lw_buf_view(&old_wrapped), got).code,
                     LW_E_NOT_FOUND);
    assert_int_equal(wallet_store_unlock(f->store, 1, epoch_one).code, LW_OK);
    assert_int_equal(wallet_data_key_open(ctx, text("p"), lw_buf_view(&old_wrapped), got).code,
                     LW_OK);
    assert_int_equal(wallet_data_key_make(ctx, text("r"), new_key, &new_wrapped).code, LW_OK);
}

static void an_epoch_unknown_to_the_store_needs_a_known_one_first(void **state)
{
    struct support_store *f = *state;
    (void)unlocked(f);
    support_store_reopen(f);
    assert_int_equal(wallet_store_unlock(f->store, 2, epoch_two).code, LW_E_MISUSE);
    assert_false(wallet_seal_unlocked(wallet_store_seal_ctx(f->store)));
}

static void no_more_epochs_than_there_is_room_for(void **state)
{
    const struct support_store *f = *state;
    for (uint32_t i = 1; i <= 16; i++) {
        const uint8_t key[WALLET_STORE_KEY_LEN] = {(uint8_t)i};
        assert_int_equal(wallet_store_unlock(f->store, i, key).code, LW_OK);
        assert_int_equal(wallet_store_unlock(f->store, i, key).code, LW_OK); /* again is fine */
    }
    const uint8_t key[WALLET_STORE_KEY_LEN] = {17};
    assert_int_equal(wallet_store_unlock(f->store, 17, key).code, LW_E_LIMIT);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_locked_store_seals_and_opens_nothing),
        TEST(a_data_key_opens_for_its_person_alone),
        TEST(two_data_keys_of_a_person_differ),
        TEST(a_sealed_record_opens_only_where_and_as_it_was_sealed),
        TEST(names_that_are_too_long_are_refused),
        TEST(look_ups_stay_the_same_and_differ_by_purpose_and_parts),
        TEST(another_store_has_other_look_ups),
        TEST(a_wrong_epoch_key_is_noticed_and_opens_nothing),
        TEST(epochs_begin_at_one),
        TEST(a_wrapped_key_of_another_length_is_corrupt),
        TEST(a_newer_epoch_seals_what_is_new_and_the_old_one_still_opens),
        TEST(an_epoch_unknown_to_the_store_needs_a_known_one_first),
        TEST(no_more_epochs_than_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
