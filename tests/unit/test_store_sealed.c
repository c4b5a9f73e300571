/* What is sealed of a license: several holders, erasure, altered and exchanged data. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "records.h"

enum { PERSONS = 3 };

struct bench {
    struct support_store store;
    uint8_t persons[PERSONS][WALLET_UUID_LEN];
};

static int make(void **state)
{
    static struct bench b;
    support_store_make(&b.store);
    support_unlock(&b.store);
    for (unsigned i = 0; i < PERSONS; i++) {
        support_person(&b.store, i, b.persons[i]);
    }
    *state = &b;
    return 0;
}

static int drop(void **state)
{
    support_store_drop(&((struct bench *)*state)->store);
    return 0;
}

/* A license of the persons from `first` on. */
static void issue(struct bench *b, const char *number, size_t first, size_t count,
                  uint8_t id[WALLET_UUID_LEN])
{
    const struct support_license what = {.number = number,
                                         .reason = "a reason",
                                         .persons = b->persons + first,
                                         .person_count = count};
    assert_int_equal(support_license(&b->store, &what, id).code, LW_OK);
}

static lw_code load(const struct bench *b, const uint8_t id[WALLET_UUID_LEN], enum wallet_load what,
                    struct wallet_stored_license *out)
{
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(b->store.store, &txn).code, LW_OK);
    return wallet_store_license_load(txn, id, what, out).code;
}

static lw_code load_all(const struct bench *b, const uint8_t id[WALLET_UUID_LEN])
{
    WALLET_AUTO_LICENSE l = {.state = 0};
    return load(b, id, WALLET_LOAD_ALL, &l);
}

static lw_err erase(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_person_erase(txn, ctx, SUPPORT_NOW);
}

static void assert_holder(const struct wallet_stored_license *l, size_t i, const char *code,
                          const char *name)
{
    uint8_t salt[WALLET_SALT_LEN];
    memset(salt, (int)(0x80 + i), sizeof(salt));
    assert_true(lw_str_is(l->license.holders[i].role, "owner"));
    assert_true(lw_str_is(l->license.holders[i].code_type, "999"));
    assert_true(lw_str_is(l->license.holders[i].code, code));
    assert_true(lw_str_is(l->license.holders[i].name, name));
    assert_memory_equal(l->license.holders[i].salt, salt, sizeof(salt));
}

static void assert_claims(const struct wallet_stored_license *l)
{
    assert_int_equal(l->license.claim_count, 3);
    assert_true(lw_str_is(lw_bytes_str(l->license.claims[1].value), "gvalue 1"));
    assert_true(lw_str_is(l->reason, "a reason"));
}

static void several_holders_are_opened_each_with_its_own_name(void **state)
{
    struct bench *b = *state;
    uint8_t id[WALLET_UUID_LEN];
    WALLET_AUTO_LICENSE l = {.state = 0};
    issue(b, "N-1", 0, PERSONS, id);
    assert_int_equal(load(b, id, WALLET_LOAD_ALL, &l), LW_OK);
    assert_int_equal(l.license.holder_count, PERSONS);
    assert_holder(&l, 0, "ACCOUNT-0", "Wang Wei");
    assert_holder(&l, 1, "ACCOUNT-1", "Li Na");
    assert_holder(&l, 2, "ACCOUNT-2", "Zhang Min");
    assert_claims(&l);
    assert_memory_equal(l.persons, b->persons, sizeof(b->persons));
}

static void a_license_is_in_the_wallet_of_each_holder(void **state)
{
    struct bench *b = *state;
    uint8_t id[WALLET_UUID_LEN];
    issue(b, "N-1", 0, PERSONS, id);
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(b->store.store, &txn).code, LW_OK);
    for (size_t i = 0; i < PERSONS; i++) {
        struct wallet_page page = {.len = 0};
        uint8_t ids[2][WALLET_UUID_LEN];
        size_t count = 2;
        assert_int_equal(wallet_store_wallet_page(txn, b->persons[i], &page, ids, &count).code,
                         LW_OK);
        assert_int_equal(count, 1);
        assert_memory_equal(ids[0], id, sizeof(id));
    }
}

static void an_erased_holder_leaves_the_others_their_license(void **state)
{
    struct bench *b = *state;
    uint8_t id[WALLET_UUID_LEN];
    WALLET_AUTO_LICENSE l = {.state = 0};
    issue(b, "N-1", 0, PERSONS, id);
    support_store_write(&b->store, erase, b->persons[0]);
    assert_int_equal(load(b, id, WALLET_LOAD_ALL, &l), LW_OK);
    assert_int_equal(l.license.holder_count, PERSONS);
    assert_true(lw_str_is(l.license.holders[0].role, "owner"));
    assert_int_equal(l.license.holders[0].code.len, 0);
    assert_int_equal(l.license.holders[0].name.len, 0);
    assert_int_equal(l.license.holders[0].salt[0], 0); /* or the record's digest could be tried */
    assert_holder(&l, 1, "ACCOUNT-1", "Li Na");
    assert_claims(&l);
    support_store_write(&b->store, erase, b->persons[1]);
    assert_int_equal(load(b, id, WALLET_LOAD_ALL, &l), LW_OK);
    assert_holder(&l, 2, "ACCOUNT-2", "Zhang Min");
    assert_claims(&l);
}

static void with_its_last_holder_a_license_loses_all_but_its_public_part(void **state)
{
    struct bench *b = *state;
    uint8_t ids[2][WALLET_UUID_LEN];
    issue(b, "N-1", 0, 1, ids[0]);
    issue(b, "N-2", 0, 2, ids[1]);
    support_store_write(&b->store, erase, b->persons[0]);
    assert_int_equal(load_all(b, ids[0]), LW_E_NOT_FOUND);
    assert_int_equal(load_all(b, ids[1]), LW_OK);
    support_store_write(&b->store, erase, b->persons[1]);
    for (size_t i = 0; i < 2; i++) {
        WALLET_AUTO_LICENSE l = {.state = 0};
        assert_int_equal(load_all(b, ids[i]), LW_E_NOT_FOUND);
        assert_int_equal(load(b, ids[i], WALLET_LOAD_PUBLIC, &l), LW_OK);
        assert_int_equal(support_state(&b->store, ids[i], WALLET_REVOKED, "not kept").code, LW_OK);
        assert_int_equal(load(b, ids[i], WALLET_LOAD_PUBLIC, &l), LW_OK);
        assert_int_equal(l.state, WALLET_REVOKED);
        assert_int_equal(l.sealed_reason.len, 0);
    }
}

static void a_bit_changed_anywhere_in_the_sealed_part_is_found_out(void **state)
{
    struct bench *b = *state;
    uint8_t ids[2][WALLET_UUID_LEN];
    issue(b, "N-1", 0, 1, ids[0]);
    issue(b, "N-2", 0, 2, ids[1]);
    for (size_t k = 0; k < 2; k++) {
        LW_AUTO_BUF value = LW_BUF(4096);
        support_get(&b->store, "license-sealed", LW_BYTES(ids[k]), &value);
        for (size_t i = 0; i < value.len; i += 3) {
            value.ptr[i] ^= 1;
            support_put(&b->store, "license-sealed", LW_BYTES(ids[k]), lw_buf_view(&value));
            const lw_code code = load_all(b, ids[k]);
            assert_true(code == LW_E_SIGNATURE || code == LW_E_CORRUPT || code == LW_E_UNSUPPORTED);
            value.ptr[i] ^= 1;
        }
        support_put(&b->store, "license-sealed", LW_BYTES(ids[k]), lw_buf_view(&value));
        assert_int_equal(load_all(b, ids[k]), LW_OK);
    }
}

static void a_sealed_part_moved_to_another_license_does_not_open(void **state)
{
    struct bench *b = *state;
    uint8_t ids[4][WALLET_UUID_LEN];
    issue(b, "N-1", 0, 1, ids[0]);
    issue(b, "N-2", 0, 1, ids[1]);
    issue(b, "N-3", 0, 2, ids[2]);
    issue(b, "N-4", 0, 2, ids[3]);
    for (size_t k = 0; k < 4; k += 2) {
        LW_AUTO_BUF value = LW_BUF(4096);
        support_get(&b->store, "license-sealed", LW_BYTES(ids[k]), &value);
        support_put(&b->store, "license-sealed", LW_BYTES(ids[k + 1]), lw_buf_view(&value));
        assert_int_equal(load_all(b, ids[k + 1]), LW_E_SIGNATURE);
    }
}

static void a_license_sealed_under_another_person_does_not_open(void **state)
{
    struct bench *b = *state;
    uint8_t ids[2][WALLET_UUID_LEN];
    issue(b, "N-1", 0, 1, ids[0]);
    issue(b, "N-2", 0, 2, ids[1]);
    for (size_t k = 0; k < 2; k++) {
        LW_AUTO_BUF value = LW_BUF(4096);
        support_get(&b->store, "license", LW_BYTES(ids[k]), &value);
        for (size_t i = 0; i + WALLET_UUID_LEN <= value.len; i++) {
            if (memcmp(value.ptr + i, b->persons[0], WALLET_UUID_LEN) == 0) {
                memcpy(value.ptr + i, b->persons[2], WALLET_UUID_LEN);
            }
        }
        support_put_summed(&b->store, "license", LW_BYTES(ids[k]), lw_buf_view(&value));
        assert_int_equal(load_all(b, ids[k]), LW_E_SIGNATURE);
    }
}

static void a_missing_sealed_part_is_damage_and_not_an_erasure(void **state)
{
    struct bench *b = *state;
    uint8_t id[WALLET_UUID_LEN];
    issue(b, "N-1", 0, 1, id);
    support_delete(&b->store, "license-sealed", LW_BYTES(id));
    assert_int_equal(load_all(b, id), LW_E_CORRUPT);
}

static void a_sealed_part_for_fewer_holders_is_damage(void **state)
{
    struct bench *b = *state;
    uint8_t ids[2][WALLET_UUID_LEN];
    LW_AUTO_BUF value = LW_BUF(4096);
    issue(b, "N-1", 0, 2, ids[0]);
    issue(b, "N-2", 0, 3, ids[1]);
    support_get(&b->store, "license-sealed", LW_BYTES(ids[0]), &value);
    support_put(&b->store, "license-sealed", LW_BYTES(ids[1]), lw_buf_view(&value));
    assert_int_equal(load_all(b, ids[1]), LW_E_CORRUPT);
}

static void a_public_part_cut_short_or_longer_is_found_out(void **state)
{
    struct bench *b = *state;
    uint8_t id[WALLET_UUID_LEN];
    LW_AUTO_BUF value = LW_BUF(4096);
    WALLET_AUTO_LICENSE l = {.state = 0};
    issue(b, "N-1", 0, 1, id);
    support_get(&b->store, "license", LW_BYTES(id), &value);
    for (size_t len = 0; len < value.len; len++) {
        support_put(&b->store, "license", LW_BYTES(id), (lw_bytes){value.ptr, len});
        assert_int_equal(load(b, id, WALLET_LOAD_PUBLIC, &l), LW_E_CORRUPT);
    }
    assert_int_equal(lw_buf_put_byte(&value, 0).code, LW_OK);
    support_put(&b->store, "license", LW_BYTES(id), lw_buf_view(&value));
    assert_int_equal(load(b, id, WALLET_LOAD_PUBLIC, &l), LW_E_CORRUPT);
}

static void a_bit_changed_anywhere_in_the_public_part_is_found_out(void **state)
{
    struct bench *b = *state;
    uint8_t ids[2][WALLET_UUID_LEN];
    LW_AUTO_BUF value = LW_BUF(4096);
    WALLET_AUTO_LICENSE l = {.state = 0};
    issue(b, "N-1", 0, 1, ids[0]);
    issue(b, "N-2", 0, 1, ids[1]);
    support_get(&b->store, "license", LW_BYTES(ids[0]), &value);
    for (size_t i = 0; i < value.len; i++) {
        const uint8_t bit = (uint8_t)(1U << i % 8);
        value.ptr[i] ^= bit;
        support_put(&b->store, "license", LW_BYTES(ids[0]), lw_buf_view(&value));
        const lw_code code = load(b, ids[0], WALLET_LOAD_PUBLIC, &l);
        assert_true(code == LW_E_CORRUPT || code == LW_E_UNSUPPORTED);
        value.ptr[i] ^= bit;
    }
    /* nor is one license's part another's */
    support_put(&b->store, "license", LW_BYTES(ids[1]), lw_buf_view(&value));
    assert_int_equal(load(b, ids[1], WALLET_LOAD_PUBLIC, &l), LW_E_CORRUPT);
}

static void a_record_of_a_newer_form_is_not_misread(void **state)
{
    struct bench *b = *state;
    uint8_t id[WALLET_UUID_LEN];
    LW_AUTO_BUF value = LW_BUF(4096);
    WALLET_AUTO_LICENSE l = {.state = 0};
    issue(b, "N-1", 0, 1, id);
    support_get(&b->store, "license", LW_BYTES(id), &value);
    value.ptr[1] = 2;
    support_put(&b->store, "license", LW_BYTES(id), lw_buf_view(&value));
    assert_int_equal(load(b, id, WALLET_LOAD_PUBLIC, &l), LW_E_UNSUPPORTED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(several_holders_are_opened_each_with_its_own_name, make,
                                        drop),
        cmocka_unit_test_setup_teardown(a_license_is_in_the_wallet_of_each_holder, make, drop),
        cmocka_unit_test_setup_teardown(an_erased_holder_leaves_the_others_their_license, make,
                                        drop),
        cmocka_unit_test_setup_teardown(
            with_its_last_holder_a_license_loses_all_but_its_public_part, make, drop),
        cmocka_unit_test_setup_teardown(a_bit_changed_anywhere_in_the_sealed_part_is_found_out,
                                        make, drop),
        cmocka_unit_test_setup_teardown(a_sealed_part_moved_to_another_license_does_not_open, make,
                                        drop),
        cmocka_unit_test_setup_teardown(a_license_sealed_under_another_person_does_not_open, make,
                                        drop),
        cmocka_unit_test_setup_teardown(a_missing_sealed_part_is_damage_and_not_an_erasure, make,
                                        drop),
        cmocka_unit_test_setup_teardown(a_sealed_part_for_fewer_holders_is_damage, make, drop),
        cmocka_unit_test_setup_teardown(a_public_part_cut_short_or_longer_is_found_out, make, drop),
        cmocka_unit_test_setup_teardown(a_bit_changed_anywhere_in_the_public_part_is_found_out,
                                        make, drop),
        cmocka_unit_test_setup_teardown(a_record_of_a_newer_form_is_not_misread, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
