#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "bytes.h"
#include "records.h"
#include "wallet/store_adopt.h"
#include "wallet/store_status.h"

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

static lw_err adopt(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_adopt(txn, *(const uint64_t *)ctx);
}

struct give {
    const char *issuer;
    uint64_t serial;
    struct wallet_status_place place;
};

static lw_err give(struct wallet_txn *txn, void *ctx)
{
    struct give *g = ctx;
    const struct wallet_status_owner owner = {.exp = SUPPORT_NOW + 100};
    LW_TRY(wallet_store_serial_next(txn, lw_str_c(g->issuer), LW_STR("permit"), &g->serial));
    return wallet_store_status_allocate(txn, lw_str_c(g->issuer), &owner, SUPPORT_NOW, &g->place);
}

static struct wallet_store_floors floors_of(const struct support_store *f)
{
    struct wallet_store_floors floors;
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_floors_get(txn, &floors).code, LW_OK);
    return floors;
}

static void an_adopted_store_gives_nothing_that_its_other_state_may_give(void **state)
{
    struct support_store *f = *state;
    uint64_t trust = 7;
    struct give before = {.issuer = "city"};
    struct give after = {.issuer = "city"};
    struct give fresh = {.issuer = "another"};
    struct wallet_stored_list list;
    assert_int_equal(floors_of(f).adoptions, 0);
    support_store_write(f, give, &before);
    assert_int_equal(before.serial, 1);
    assert_in_range(before.place.list, 1, 2);
    support_store_write(f, adopt, &trust);
    support_store_write(f, give, &after);
    assert_int_equal(after.serial, 2 + WALLET_SERIAL_SKIP);
    assert_in_range(after.place.list, 1024, 70000);
    support_store_write(f, give, &fresh);
    assert_int_equal(fresh.serial, 1 + WALLET_SERIAL_SKIP);
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_status_list_get(txn, before.place.list, &list).code, LW_OK);
    assert_false(list.open);
    assert_int_equal(list.allocated, 1);
}

static void what_is_skipped_only_grows(void **state)
{
    struct support_store *f = *state;
    uint64_t trust = 7;
    support_store_write(f, adopt, &trust);
    const struct wallet_store_floors first = floors_of(f);
    assert_int_equal(first.adoptions, 1);
    assert_int_equal(first.trust, 7);
    trust = 3;
    support_store_write(f, adopt, &trust);
    const struct wallet_store_floors second = floors_of(f);
    assert_int_equal(second.adoptions, 2);
    assert_int_equal(second.trust, 7);
    assert_true(second.list > first.list + 1024);
    assert_int_equal(second.serial, 2 * WALLET_SERIAL_SKIP);
}

static lw_err put_place(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_place_put(txn, ctx);
}

static void a_place_is_kept_as_recorded(void **state)
{
    struct support_store *f = *state;
    struct wallet_store_place none = {.file = 9};
    struct wallet_store_place read;
    struct wallet_store_place place = {
        .file = 12, .made_s = -3, .made_ns = 999999999, .machine = {1, 2, 3}};
    {
        WALLET_AUTO_TXN txn = NULL;
        assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
        assert_int_equal(wallet_store_place_get(txn, &none).code, LW_OK);
        assert_int_equal(none.file, 0);
    }
    support_store_write(f, put_place, &place);
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_place_get(txn, &read).code, LW_OK);
    assert_int_equal(read.file, place.file);
    assert_int_equal(read.made_s, place.made_s);
    assert_int_equal(read.made_ns, place.made_ns);
    assert_memory_equal(read.machine, place.machine, sizeof(read.machine));
}

static void serials_that_are_used_up_are_told(void **state)
{
    struct support_store *f = *state;
    uint64_t trust = 0;
    LW_AUTO_BUF key = LW_BUF(64);
    LW_AUTO_BUF value = LW_BUF(64);
    assert_int_equal(lw_buf_put(&key, (lw_bytes){(const uint8_t *)"city\0permit", 12}).code, LW_OK);
    support_hex("82011bffffffffffffffff", &value);
    support_put(f, "serial", lw_buf_view(&key), lw_buf_view(&value));
    assert_int_equal(wallet_store_write(f->store, adopt, &trust).code, LW_E_LIMIT);
    assert_int_equal(floors_of(f).adoptions, 0);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_adopted_store_gives_nothing_that_its_other_state_may_give),
        TEST(what_is_skipped_only_grows),
        TEST(a_place_is_kept_as_recorded),
        TEST(serials_that_are_used_up_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
