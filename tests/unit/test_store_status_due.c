/* Which lists are due, and how a list retires. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "records.h"
#include "wallet/store_status.h"

enum { SIZE = WALLET_STATUS_SIZE_MIN, LISTS = 4, END = SUPPORT_NOW + 100 };

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

static lw_err open_lists(struct wallet_txn *txn, void *ctx)
{
    uint64_t number = 0;
    (void)ctx;
    for (size_t i = 0; i < LISTS; i++) {
        LW_TRY(wallet_store_status_open(txn, LW_STR("a"), SIZE, SUPPORT_NOW, &number));
    }
    return LW_SUCCESS;
}

struct publish {
    uint64_t number;
    int64_t iat;
};

static lw_err publish(struct wallet_txn *txn, void *ctx)
{
    const struct publish *p = ctx;
    struct wallet_stored_list list;
    LW_TRY(wallet_store_status_list_get(txn, p->number, &list));
    const struct wallet_status_tokens tokens = {.version = list.version,
                                                .iat = p->iat,
                                                .exp = p->iat + 9,
                                                .jwt = lw_str_bytes(LW_STR("token"))};
    return wallet_store_status_publish(txn, p->number, &tokens);
}

static lw_err allocate(struct wallet_txn *txn, void *ctx)
{
    const struct wallet_status_owner owner = {.exp = END};
    return wallet_store_status_allocate(txn, LW_STR("a"), &owner, SUPPORT_NOW, ctx);
}

static lw_err invalidate(struct wallet_txn *txn, void *ctx)
{
    const struct wallet_status_place *place = ctx;
    return wallet_store_status_set(txn, *place, WALLET_ENTRY_INVALID, NULL);
}

/* Expects exactly these lists, in this order, whatever the size of a page. */
static void expect_due(const struct support_store *f, int64_t signed_until, const uint64_t *want,
                       size_t n)
{
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    for (size_t room = 1; room <= LISTS + 1; room++) {
        struct wallet_page page = {.len = 0};
        uint64_t numbers[LISTS + 1];
        size_t total = 0;
        while (!page.end) {
            size_t count = room;
            assert_int_equal(
                wallet_store_status_due(txn, signed_until, &page, numbers, &count).code, LW_OK);
            for (size_t i = 0; i < count; i++, total++) {
                assert_true(total < n);
                assert_int_equal(numbers[i], want[total]);
            }
        }
        assert_int_equal(total, n);
    }
}

static void lists_that_changed_are_due_before_those_of_an_age(void **state)
{
    struct support_store *f = *state;
    static const uint64_t fresh[] = {1, 2, 3, 4};
    static const uint64_t aged[] = {4, 3, 1};
    struct wallet_status_place place = {.list = 0};
    support_store_write(f, open_lists, NULL);
    expect_due(f, SUPPORT_NOW, fresh, LISTS);
    for (uint64_t i = 1; i <= LISTS; i++) {
        struct publish p = {.number = i, .iat = SUPPORT_NOW + (i == 2 ? 50 : 10 - (int64_t)i)};
        support_store_write(f, publish, &p);
    }
    expect_due(f, SUPPORT_NOW + 5, NULL, 0);
    expect_due(f, SUPPORT_NOW + 6, aged, 1);
    expect_due(f, SUPPORT_NOW + 9, aged, 3);
    support_store_write(f, allocate, &place); /* says nothing new */
    expect_due(f, SUPPORT_NOW + 5, NULL, 0);
    support_store_write(f, invalidate, &place);
    expect_due(f, SUPPORT_NOW - 1, &place.list, 1);
    struct publish p = {.number = place.list, .iat = SUPPORT_NOW + 60};
    support_store_write(f, publish, &p);
    expect_due(f, SUPPORT_NOW + 5, NULL, 0);
}

struct retire {
    uint64_t number;
    int64_t by;
};

static lw_err retire(struct wallet_txn *txn, void *ctx)
{
    const struct retire *r = ctx;
    return wallet_store_status_retire(txn, r->number, r->by);
}

static lw_code retire_by(struct support_store *f, uint64_t number, int64_t by)
{
    struct retire r = {.number = number, .by = by};
    return wallet_store_write(f->store, retire, &r).code;
}

static lw_err purge(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_status_purge(txn, 1, ctx);
}

static void expect_gone(struct support_store *f, struct wallet_status_place place)
{
    enum wallet_entry_status status = WALLET_ENTRY_VALID;
    struct wallet_stored_list list;
    struct wallet_status_tokens tokens;
    struct publish p = {.number = place.list, .iat = END};
    LW_AUTO_BUF array = LW_BUF(SIZE);
    assert_int_equal(wallet_store_write(f->store, publish, &p).code, LW_E_CONFLICT);
    assert_int_equal(wallet_store_write(f->store, invalidate, &place).code, LW_E_NOT_FOUND);
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_status_get(txn, place, &status).code, LW_E_NOT_FOUND);
    assert_int_equal(wallet_store_status_array(txn, place.list, &list, &array).code,
                     LW_E_NOT_FOUND);
    assert_int_equal(wallet_store_status_tokens(txn, place.list, &tokens).code, LW_E_NOT_FOUND);
    assert_int_equal(wallet_store_status_list_get(txn, place.list, &list).code, LW_OK);
    assert_true(list.retired);
    assert_false(list.open);
}

static void a_list_retires_once_all_its_credentials_have_ended(void **state)
{
    struct support_store *f = *state;
    struct wallet_status_place place = {.list = 0};
    struct wallet_status_place of[3] = {{.list = 0}}; /* the last drawn of list 1 and of list 2 */
    struct wallet_status_owner owner;
    const uint64_t other = 2;
    size_t in[3] = {0};
    while (in[1] < 2 || in[2] < 1) {
        support_store_write(f, allocate, &place);
        of[place.list] = place;
        in[place.list]++;
    }
    support_store_write(f, invalidate, &of[1]);
    struct publish p = {.number = 1, .iat = SUPPORT_NOW};
    support_store_write(f, publish, &p);
    assert_int_equal(retire_by(f, 1, END - 1), LW_E_CONFLICT);
    assert_int_equal(retire_by(f, 99, END), LW_E_NOT_FOUND);
    assert_int_equal(retire_by(f, 1, END), LW_OK);
    assert_int_equal(retire_by(f, 1, END), LW_E_CONFLICT);
    expect_gone(f, of[1]);
    expect_due(f, INT64_MAX, &other, 1);
    for (size_t left = in[1] + 1; left-- > 0;) { /* its entries go one by one */
        size_t purged = 9;
        support_store_write(f, purge, &purged);
        assert_int_equal(purged, left > 0 ? 1 : 0);
    }
    {
        WALLET_AUTO_TXN txn = NULL;
        assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
        assert_int_equal(wallet_store_status_owner(txn, of[1], &owner).code, LW_E_NOT_FOUND);
        assert_int_equal(wallet_store_status_owner(txn, of[2], &owner).code, LW_OK);
    }
    assert_int_equal(support_count(f, "status-entry"), in[2]);
    for (size_t i = 0; i < 64; i++) { /* another list is opened, under a number of its own */
        support_store_write(f, allocate, &place);
        assert_true(place.list != 1);
    }
    assert_int_equal(support_count(f, "status-list"), 3);
}

static void a_list_that_was_never_used_does_not_retire(void **state)
{
    struct support_store *f = *state;
    support_store_write(f, open_lists, NULL);
    assert_int_equal(retire_by(f, 1, INT64_MAX), LW_E_CONFLICT);
}

static void a_standing_that_makes_no_sense_is_found_out(void **state)
{
    struct support_store *f = *state;
    static const uint8_t bad[2][17] = {{3}, {0}};
    uint64_t numbers[LISTS];
    for (size_t i = 0; i < 2; i++) {
        struct wallet_page page = {.len = 0};
        size_t count = LISTS;
        support_put(f, "status-due", (lw_bytes){bad[i], i == 0 ? 17 : 16}, (lw_bytes){0});
        WALLET_AUTO_TXN txn = NULL;
        assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
        assert_int_equal(wallet_store_status_due(txn, 0, &page, numbers, &count).code,
                         LW_E_CORRUPT);
    }
}

static void entries_that_are_missing_are_found_out_when_they_are_purged(void **state)
{
    struct support_store *f = *state;
    struct wallet_status_place place;
    uint8_t key[16] = {0};
    size_t purged = 0;
    support_store_write(f, allocate, &place);
    assert_int_equal(retire_by(f, place.list, END), LW_OK);
    key[7] = (uint8_t)place.list;
    for (unsigned i = 0; i < 8; i++) {
        key[8 + i] = (uint8_t)(place.idx >> (56 - 8 * i));
    }
    support_delete(f, "status-entry", LW_BYTES(key));
    assert_int_equal(wallet_store_write(f->store, purge, &purged).code, LW_E_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lists_that_changed_are_due_before_those_of_an_age, make,
                                        drop),
        cmocka_unit_test_setup_teardown(a_list_retires_once_all_its_credentials_have_ended, make,
                                        drop),
        cmocka_unit_test_setup_teardown(a_list_that_was_never_used_does_not_retire, make, drop),
        cmocka_unit_test_setup_teardown(a_standing_that_makes_no_sense_is_found_out, make, drop),
        cmocka_unit_test_setup_teardown(entries_that_are_missing_are_found_out_when_they_are_purged,
                                        make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
