#include "wallet/store_recovery.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "bytes.h"
#include "hsm/key_soft.h"
#include "records.h"

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

static struct wallet_recovery known(void)
{
    static const char *const names[] = {"alice", "bob", "carol"};
    HSM_AUTO_SOFT_KEY key = NULL;
    struct wallet_recovery recovery = {.made = SUPPORT_NOW, .threshold = 2, .count = 3};
    assert_int_equal(hsm_soft_key_generate(&key).code, LW_OK);
    recovery.key = *hsm_soft_key_public(key);
    for (size_t i = 0; i < recovery.count; i++) {
        (void)snprintf(recovery.custodians[i].name, sizeof(recovery.custodians[i].name), "%s",
                       names[i]);
        memset(recovery.custodians[i].commitment, (int)i, HSM_SHA256_LEN);
        recovery.custodians[i].sealed = lw_str_bytes(lw_str_c(names[i]));
    }
    return recovery;
}

static lw_err put(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_recovery_put(txn, ctx);
}

static lw_code put_recovery(struct support_store *f, struct wallet_recovery recovery)
{
    return wallet_store_write(f->store, put, &recovery).code;
}

struct epoch_put {
    uint32_t number;
    const struct hsm_public_key *key;
    lw_bytes sealed;
};

static lw_err put_one(struct wallet_txn *txn, void *ctx)
{
    const struct epoch_put *e = ctx;
    return wallet_store_recovery_epoch_put(txn, e->number, e->key, e->sealed);
}

static lw_code put_epoch(struct support_store *f, const struct hsm_public_key *key, size_t len)
{
    static const uint8_t bytes[WALLET_RECOVERY_SEALED_MAX + 1] = {1, 2, 3};
    struct epoch_put e = {.number = 7, .key = key, .sealed = {.ptr = bytes, .len = len}};
    return wallet_store_write(f->store, put_one, &e).code;
}

static lw_code get_epoch(struct support_store *f, uint32_t number, size_t *len)
{
    WALLET_AUTO_TXN txn = NULL;
    lw_bytes sealed = {0};
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    const lw_code code = wallet_store_recovery_epoch_get(txn, number, &sealed).code;
    *len = sealed.len;
    return code;
}

static void the_record_is_read_as_it_was_written(void **state)
{
    struct support_store *f = *state;
    const struct wallet_recovery made = known();
    struct wallet_recovery found;
    assert_int_equal(put_recovery(f, made), LW_OK);
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_recovery_get(txn, &found).code, LW_OK);
    assert_true(hsm_public_key_eq(&found.key, &made.key));
    assert_int_equal(found.made, made.made);
    assert_int_equal(found.threshold, 2);
    assert_int_equal(found.count, 3);
    for (size_t i = 0; i < 3; i++) {
        assert_string_equal(found.custodians[i].name, made.custodians[i].name);
        assert_memory_equal(found.custodians[i].commitment, made.custodians[i].commitment,
                            HSM_SHA256_LEN);
        assert_true(lw_bytes_eq(found.custodians[i].sealed, made.custodians[i].sealed));
    }
}

static void sealed_epochs_belong_to_one_recovery_key(void **state)
{
    struct support_store *f = *state;
    const struct wallet_recovery first = known();
    const struct wallet_recovery second = known();
    size_t len = 0;
    assert_int_equal(put_epoch(f, &first.key, 3), LW_E_NOT_FOUND);
    assert_int_equal(put_recovery(f, first), LW_OK);
    assert_int_equal(put_epoch(f, &second.key, 3), LW_E_CONFLICT);
    assert_int_equal(put_epoch(f, &first.key, 0), LW_E_VALUE);
    assert_int_equal(put_epoch(f, &first.key, WALLET_RECOVERY_SEALED_MAX + 1), LW_E_VALUE);
    assert_int_equal(put_epoch(f, &first.key, 3), LW_OK);
    assert_int_equal(get_epoch(f, 7, &len), LW_OK);
    assert_int_equal(len, 3);
    assert_int_equal(get_epoch(f, 8, &len), LW_E_NOT_FOUND);
    assert_int_equal(put_recovery(f, second), LW_OK); /* drops what the first key opens */
    assert_int_equal(get_epoch(f, 7, &len), LW_E_NOT_FOUND);
}

static void a_record_that_is_none_is_refused(void **state)
{
    struct support_store *f = *state;
    struct wallet_recovery bad = known();
    bad.threshold = 1;
    assert_int_equal(put_recovery(f, bad), LW_E_VALUE);
    bad.threshold = 4;
    assert_int_equal(put_recovery(f, bad), LW_E_VALUE);
    bad = known();
    bad.count = WALLET_CUSTODIANS_MAX + 1;
    assert_int_equal(put_recovery(f, bad), LW_E_VALUE);
    bad = known();
    bad.key.alg = HSM_ES384;
    assert_int_equal(put_recovery(f, bad), LW_E_UNSUPPORTED);
    bad = known();
    bad.custodians[1].name[0] = '\0';
    assert_int_equal(put_recovery(f, bad), LW_E_VALUE);
    bad = known();
    bad.custodians[1].name[1] = '\n';
    assert_int_equal(put_recovery(f, bad), LW_E_VALUE);
    bad = known();
    memcpy(bad.custodians[2].name, bad.custodians[0].name, sizeof(bad.custodians[0].name));
    assert_int_equal(put_recovery(f, bad), LW_E_VALUE);
    bad = known();
    bad.custodians[2].sealed.len = 0;
    assert_int_equal(put_recovery(f, bad), LW_E_VALUE);
}

static lw_err put_wrap(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_standby_put(txn, 3, ctx);
}

static void a_second_wrapping_is_read_as_it_was_written(void **state)
{
    static const uint8_t bytes[WALLET_RECOVERY_SEALED_MAX + 1] = {9, 8, 7};
    struct support_store *f = *state;
    struct wallet_standby_wrap wrap = {.seal = "seal-2", .wrapped = {.ptr = bytes, .len = 3}};
    struct wallet_standby_wrap found;
    assert_int_equal(wallet_store_write(f->store, put_wrap, &wrap).code, LW_OK);
    {
        WALLET_AUTO_TXN txn = NULL;
        assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
        assert_int_equal(wallet_store_standby_get(txn, 3, &found).code, LW_OK);
        assert_string_equal(found.seal, "seal-2");
        assert_true(lw_bytes_eq(found.wrapped, wrap.wrapped));
        assert_int_equal(wallet_store_standby_get(txn, 4, &found).code, LW_E_NOT_FOUND);
    }
    wrap.wrapped.len = 0;
    assert_int_equal(wallet_store_write(f->store, put_wrap, &wrap).code, LW_E_VALUE);
    wrap.wrapped.len = sizeof(bytes);
    assert_int_equal(wallet_store_write(f->store, put_wrap, &wrap).code, LW_E_VALUE);
    wrap.wrapped.len = 3;
    wrap.seal[0] = '\0';
    assert_int_equal(wallet_store_write(f->store, put_wrap, &wrap).code, LW_E_VALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_record_is_read_as_it_was_written, make, drop),
        cmocka_unit_test_setup_teardown(sealed_epochs_belong_to_one_recovery_key, make, drop),
        cmocka_unit_test_setup_teardown(a_record_that_is_none_is_refused, make, drop),
        cmocka_unit_test_setup_teardown(a_second_wrapping_is_read_as_it_was_written, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
