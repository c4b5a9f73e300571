#include "wallet/store_status.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "records.h"
#include "txn.h"

enum { SIZE = WALLET_STATUS_SIZE_MIN };

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

struct open_list {
    const char *agency;
    uint64_t size;
    uint64_t number;
};

static lw_err open_list(struct wallet_txn *txn, void *ctx)
{
    struct open_list *o = ctx;
    return wallet_store_status_open(txn, lw_str_c(o->agency), o->size, SUPPORT_NOW, &o->number);
}

enum { MANY = 3000 };

struct allocate {
    const char *agency;
    struct wallet_status_owner owner;
    size_t count;
    struct wallet_status_place places[MANY];
};

static lw_err allocate(struct wallet_txn *txn, void *ctx)
{
    struct allocate *a = ctx;
    for (size_t i = 0; i < a->count; i++) {
        LW_TRY(wallet_store_status_allocate(txn, lw_str_c(a->agency), &a->owner, SUPPORT_NOW,
                                            &a->places[i]));
    }
    return LW_SUCCESS;
}

static struct wallet_status_place allocate_one(struct support_store *f, const char *agency)
{
    static struct allocate a;
    a = (struct allocate){.agency = agency, .count = 1, .owner = {.exp = SUPPORT_NOW + 9}};
    support_store_write(f, allocate, &a);
    return a.places[0];
}

struct set {
    struct wallet_status_place place;
    enum wallet_entry_status status;
    bool changed;
};

static lw_err set_status(struct wallet_txn *txn, void *ctx)
{
    struct set *s = ctx;
    return wallet_store_status_set(txn, s->place, s->status, &s->changed);
}

static lw_code set(struct support_store *f, struct wallet_status_place place,
                   enum wallet_entry_status status, bool *changed)
{
    struct set s = {.place = place, .status = status};
    const lw_err err = wallet_store_write(f->store, set_status, &s);
    if (changed != NULL) {
        *changed = s.changed;
    }
    return err.code;
}

static enum wallet_entry_status get(const struct support_store *f, struct wallet_status_place place)
{
    enum wallet_entry_status status = WALLET_ENTRY_VALID;
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_status_get(txn, place, &status).code, LW_OK);
    return status;
}

static struct wallet_stored_list list_of(const struct support_store *f, uint64_t number)
{
    struct wallet_stored_list list;
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_status_list_get(txn, number, &list).code, LW_OK);
    return list;
}

static void lists_are_numbered_over_all_agencies(void **state)
{
    struct support_store *f = *state;
    struct open_list o[] = {{.agency = "a", .size = SIZE},
                            {.agency = "b", .size = WALLET_STATUS_SIZE_MAX},
                            {.agency = "a", .size = (uint64_t)SIZE * 2}};
    for (size_t i = 0; i < 3; i++) {
        support_store_write(f, open_list, &o[i]);
        assert_int_equal(o[i].number, i + 1);
        const struct wallet_stored_list list = list_of(f, i + 1);
        assert_int_equal(list.number, i + 1);
        assert_string_equal(list.agency, o[i].agency);
        assert_int_equal(list.size, o[i].size);
        assert_int_equal(list.allocated, 0);
        assert_true(list.open);
        assert_true(wallet_status_list_dirty(&list)); /* nothing published yet */
        assert_int_equal(list.created, SUPPORT_NOW);
    }
}

static void a_list_of_another_size_or_no_agency_is_refused(void **state)
{
    struct support_store *f = *state;
    const struct open_list bad[] = {
        {.agency = "a", .size = 0},
        {.agency = "a", .size = SIZE - 1},
        {.agency = "a", .size = SIZE + 1},
        {.agency = "a", .size = (uint64_t)WALLET_STATUS_SIZE_MAX + SIZE},
        {.agency = "", .size = SIZE},
        {.agency = "a\n", .size = SIZE},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct open_list o = bad[i];
        assert_int_equal(wallet_store_write(f->store, open_list, &o).code, LW_E_VALUE);
    }
}

static int by_place(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct wallet_status_place));
}

static void places_are_drawn_once_and_spread_over_lists_and_their_whole_length(void **state)
{
    struct support_store *f = *state;
    static struct allocate a;
    static struct wallet_status_place sorted[MANY];
    size_t in_first = 0;
    size_t quarters[4] = {0};
    size_t rising = 0;
    a = (struct allocate){.agency = "a", .count = MANY, .owner = {.exp = SUPPORT_NOW + 9}};
    support_store_write(f, allocate, &a);
    for (size_t i = 0; i < MANY; i++) {
        assert_in_range(a.places[i].list, 1, WALLET_STATUS_OPEN);
        assert_true(a.places[i].idx < SIZE);
        in_first += a.places[i].list == 1 ? 1 : 0;
        quarters[a.places[i].idx / (SIZE / 4)]++;
        rising += i > 0 && a.places[i].idx > a.places[i - 1].idx ? 1 : 0;
    }
    /* binomial: 3000/2 +- 6 sigma (27), 3000/4 +- 6 sigma (24), and no order of drawing */
    assert_in_range(in_first, MANY / 2 - 165, MANY / 2 + 165);
    for (size_t i = 0; i < 4; i++) {
        assert_in_range(quarters[i], MANY / 4 - 145, MANY / 4 + 145);
    }
    assert_in_range(rising, MANY / 2 - 165, MANY / 2 + 165);
    memcpy(sorted, a.places, sizeof(sorted));
    qsort(sorted, MANY, sizeof(sorted[0]), by_place);
    for (size_t i = 1; i < MANY; i++) {
        assert_true(by_place(&sorted[i - 1], &sorted[i]) != 0);
    }
    assert_int_equal(list_of(f, 1).allocated + list_of(f, 2).allocated, MANY);
}

static void an_entry_knows_its_owner_and_the_list_its_longest_end(void **state)
{
    struct support_store *f = *state;
    static struct allocate a;
    struct wallet_status_owner owner;
    a = (struct allocate){.agency = "a", .count = 1};
    memset(a.owner.license, 7, WALLET_UUID_LEN);
    a.owner.credential = lw_str_bytes(LW_STR("key and format"));
    a.owner.exp = SUPPORT_NOW + 100;
    support_store_write(f, allocate, &a);
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_status_owner(txn, a.places[0], &owner).code, LW_OK);
    assert_memory_equal(owner.license, a.owner.license, WALLET_UUID_LEN);
    assert_true(lw_bytes_eq(owner.credential, a.owner.credential));
    assert_int_equal(owner.exp, SUPPORT_NOW + 100);
    assert_int_equal(list_of(f, a.places[0].list).last_exp, SUPPORT_NOW + 100);
    a.places[0].idx = (a.places[0].idx + 1) % SIZE;
    assert_int_equal(wallet_store_status_owner(txn, a.places[0], &owner).code, LW_E_NOT_FOUND);
}

static void an_owner_that_is_too_long_or_of_no_agency_is_refused(void **state)
{
    struct support_store *f = *state;
    static struct allocate a;
    static const uint8_t name[WALLET_STATUS_REF_MAX + 1] = {0};
    a = (struct allocate){.agency = "a", .count = 1, .owner = {.credential = LW_BYTES(name)}};
    assert_int_equal(wallet_store_write(f->store, allocate, &a).code, LW_E_VALUE);
    a.owner.credential.len--;
    assert_int_equal(wallet_store_write(f->store, allocate, &a).code, LW_OK);
    a.agency = "";
    assert_int_equal(wallet_store_write(f->store, allocate, &a).code, LW_E_VALUE);
}

static void valid_and_suspended_alternate_and_invalid_is_final(void **state)
{
    struct support_store *f = *state;
    const struct wallet_status_place place = allocate_one(f, "a");
    bool changed = true;
    assert_int_equal(get(f, place), WALLET_ENTRY_VALID);
    assert_int_equal(set(f, place, WALLET_ENTRY_VALID, &changed), LW_OK);
    assert_false(changed);
    assert_int_equal(list_of(f, place.list).version, 0);
    assert_int_equal(set(f, place, WALLET_ENTRY_SUSPENDED, &changed), LW_OK);
    assert_true(changed);
    assert_int_equal(set(f, place, WALLET_ENTRY_VALID, NULL), LW_OK);
    assert_int_equal(set(f, place, WALLET_ENTRY_SUSPENDED, NULL), LW_OK);
    assert_int_equal(list_of(f, place.list).version, 3);
    assert_int_equal(set(f, place, WALLET_ENTRY_INVALID, NULL), LW_OK);
    assert_int_equal(set(f, place, WALLET_ENTRY_INVALID, &changed), LW_OK);
    assert_false(changed);
    assert_int_equal(set(f, place, WALLET_ENTRY_VALID, NULL), LW_E_CONFLICT);
    assert_int_equal(set(f, place, WALLET_ENTRY_SUSPENDED, NULL), LW_E_CONFLICT);
    assert_int_equal(get(f, place), WALLET_ENTRY_INVALID);
    assert_int_equal(list_of(f, place.list).version, 4);
}

static void a_status_is_set_only_of_what_was_given(void **state)
{
    struct support_store *f = *state;
    struct wallet_status_place place = allocate_one(f, "a");
    enum wallet_entry_status status = WALLET_ENTRY_VALID;
    assert_int_equal(set(f, place, (enum wallet_entry_status)3, NULL), LW_E_VALUE);
    place.idx = (place.idx + 1) % SIZE;
    assert_int_equal(set(f, place, WALLET_ENTRY_INVALID, NULL), LW_E_NOT_FOUND);
    place.idx = SIZE;
    assert_int_equal(set(f, place, WALLET_ENTRY_INVALID, NULL), LW_E_NOT_FOUND);
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_status_get(txn, place, &status).code, LW_E_NOT_FOUND);
    place.list = 99;
    assert_int_equal(wallet_store_status_get(txn, place, &status).code, LW_E_NOT_FOUND);
}

/* specs/status-list.md section 1: from the least significant bit, two bits an entry. */
static void the_array_is_packed_as_the_draft_has_it(void **state)
{
    struct support_store *f = *state;
    static struct allocate a;
    LW_AUTO_BUF array = LW_BUF(SIZE);
    struct wallet_stored_list list;
    a = (struct allocate){.agency = "a", .count = 200};
    support_store_write(f, allocate, &a);
    for (size_t i = 0; i < a.count; i++) {
        const enum wallet_entry_status status = (enum wallet_entry_status)(i % 3);
        assert_int_equal(set(f, a.places[i], status, NULL), LW_OK);
    }
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_status_array(txn, 1, &list, &array).code, LW_OK);
    assert_int_equal(array.len, SIZE / 4);
    for (size_t i = 0; i < a.count; i++) {
        const uint64_t idx = a.places[i].idx;
        if (a.places[i].list == 1) {
            assert_int_equal(array.ptr[idx * 2 / 8] >> idx * 2 % 8 & 3, i % 3);
            array.ptr[idx * 2 / 8] &= (uint8_t) ~(3U << idx * 2 % 8);
        }
    }
    for (size_t i = 0; i < array.len; i++) {
        assert_int_equal(array.ptr[i], 0); /* all others are valid */
    }
    assert_int_equal(wallet_store_status_array(txn, 9, &list, &array).code, LW_E_NOT_FOUND);
}

static void the_array_is_appended_or_refused_whole(void **state)
{
    struct support_store *f = *state;
    struct wallet_stored_list list;
    struct open_list o = {.agency = "a", .size = SIZE};
    LW_AUTO_BUF small = LW_BUF(SIZE / 4);
    support_store_write(f, open_list, &o);
    assert_int_equal(lw_buf_put_byte(&small, 1).code, LW_OK);
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_status_array(txn, 1, &list, &small).code, LW_E_LIMIT);
    assert_int_equal(small.len, 1);
}

/* Makes list 1 say that `allocated` entries were given, where it says `before`. */
static void set_allocated(struct support_store *f, uint8_t before, uint64_t allocated)
{
    const uint8_t key[8] = {0, 0, 0, 0, 0, 0, 0, 1};
    const uint8_t n[] = {0x1a, (uint8_t)(allocated >> 24), (uint8_t)(allocated >> 16),
                         (uint8_t)(allocated >> 8), (uint8_t)allocated};
    LW_AUTO_BUF value = LW_BUF(256);
    LW_AUTO_BUF changed = LW_BUF(256);
    support_get(f, "status-list", LW_BYTES(key), &value);
    /* [1, "a", size (5 bytes), allocated, ...: the number gets its long form */
    assert_int_equal(value.ptr[9], before);
    assert_int_equal(lw_buf_put(&changed, (lw_bytes){value.ptr, 9}).code, LW_OK);
    assert_int_equal(lw_buf_put(&changed, LW_BYTES(n)).code, LW_OK);
    assert_int_equal(lw_buf_put(&changed, (lw_bytes){value.ptr + 10, value.len - 10}).code, LW_OK);
    support_put(f, "status-list", LW_BYTES(key), lw_buf_view(&changed));
}

/* Gives the first `count` entries of list 1. */
static lw_err give(struct wallet_txn *txn, void *ctx)
{
    static const uint8_t value[] = {0x81, 1};
    const uint64_t count = *(const uint64_t *)ctx;
    for (uint64_t idx = 0; idx < count; idx++) {
        uint8_t key[16];
        wallet_key_put_u64(key, 1);
        wallet_key_put_u64(key + 8, idx);
        LW_TRY(wallet_txn_append(txn, WALLET_KS_STATUS_ENTRY, LW_BYTES(key), LW_BYTES(value)));
    }
    return LW_SUCCESS;
}

static void a_list_filled_to_its_bound_is_closed_and_another_opened(void **state)
{
    const uint64_t bound = (uint64_t)SIZE / WALLET_STATUS_FILL_DEN * WALLET_STATUS_FILL_NUM;
    uint64_t given = bound - 3;
    struct support_store *f = *state;
    struct open_list o = {.agency = "a", .size = SIZE};
    static struct allocate a;
    support_store_write(f, open_list, &o);
    support_store_write(f, give, &given);
    set_allocated(f, 0, given);
    a = (struct allocate){.agency = "a", .count = 40};
    support_store_write(f, allocate, &a);
    size_t in_first = 0;
    for (size_t i = 0; i < a.count; i++) {
        if (a.places[i].list == 1) {
            assert_true(a.places[i].idx >= given); /* of the free ones */
            in_first++;
        }
    }
    assert_int_equal(in_first, 3); /* but for a chance of 2^-35 */
    assert_false(list_of(f, 1).open);
    assert_int_equal(list_of(f, 1).allocated, bound);
    assert_true(list_of(f, 2).open);
    assert_true(list_of(f, 3).open);
    assert_int_equal(support_count(f, "status-list"), 3);
    assert_int_equal(support_count(f, "status-open"), WALLET_STATUS_OPEN);
}

/* Gives entries until list 1 is drawn, or an error comes. */
static lw_err allocate_in_first(struct support_store *f, struct allocate *a)
{
    lw_err err = LW_SUCCESS;
    a->places[0].list = 0;
    for (size_t i = 0; i < 64 && err.code == LW_OK && a->places[0].list != 1; i++) {
        err = wallet_store_write(f->store, allocate, a);
    }
    return err;
}

static void a_list_that_gave_more_than_it_says_is_found_out(void **state)
{
    struct support_store *f = *state;
    static struct allocate a;
    uint64_t given = SIZE;
    struct open_list o[2] = {{.agency = "a", .size = SIZE}, {.agency = "a", .size = SIZE}};
    support_store_write(f, open_list, &o[0]);
    support_store_write(f, open_list, &o[1]);
    a = (struct allocate){.agency = "a", .count = 1};
    support_store_write(f, give, &given); /* and the list says none */
    assert_int_equal(allocate_in_first(f, &a).code, LW_E_CORRUPT);
}

static void a_chunk_of_another_length_is_found_out(void **state)
{
    struct support_store *f = *state;
    uint8_t key[12] = {0};
    const struct wallet_status_place place = allocate_one(f, "a");
    key[7] = (uint8_t)place.list;
    key[11] = (uint8_t)(place.idx / 4096);
    support_put(f, "status-chunk", LW_BYTES(key), lw_str_bytes(LW_STR("short")));
    assert_int_equal(set(f, place, WALLET_ENTRY_INVALID, NULL), LW_E_CORRUPT);
}

static void a_bit_changed_in_a_chunk_of_statuses_is_found_out(void **state)
{
    struct support_store *f = *state;
    enum wallet_entry_status status = WALLET_ENTRY_VALID;
    struct wallet_stored_list list;
    LW_AUTO_BUF array = LW_BUF(SIZE);
    uint8_t key[12] = {0};
    const struct wallet_status_place place = allocate_one(f, "a");
    assert_int_equal(set(f, place, WALLET_ENTRY_INVALID, NULL), LW_OK);
    key[7] = (uint8_t)place.list;
    key[11] = (uint8_t)(place.idx / 4096);
    support_flip(f, "status-chunk", LW_BYTES(key), 1031 - place.idx % 4096 / 4);
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_status_get(txn, place, &status).code, LW_E_CORRUPT);
    assert_int_equal(wallet_store_status_array(txn, place.list, &list, &array).code, LW_E_CORRUPT);
    assert_int_equal(array.len, 0);
}

static void lists_are_given_page_by_page_of_one_agency_or_all(void **state)
{
    struct support_store *f = *state;
    for (size_t i = 0; i < 6; i++) {
        struct open_list o = {.agency = i % 3 == 0 ? "a" : "b", .size = SIZE};
        support_store_write(f, open_list, &o);
    }
    static const uint64_t of_b[] = {2, 3, 5, 6};
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    for (size_t room = 1; room <= 7; room++) {
        struct wallet_stored_list lists[7];
        for (unsigned all = 0; all < 2; all++) {
            struct wallet_page page = {.len = 0};
            const lw_str agency = all == 1 ? (lw_str){0} : LW_STR("b");
            size_t total = 0;
            while (!page.end) {
                size_t count = room;
                assert_int_equal(
                    wallet_store_status_list_page(txn, agency, &page, lists, &count).code, LW_OK);
                for (size_t i = 0; i < count; i++, total++) {
                    assert_int_equal(lists[i].number, all == 1 ? total + 1 : of_b[total]);
                }
            }
            assert_int_equal(total, all == 1 ? 6 : 4);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(lists_are_numbered_over_all_agencies, make, drop),
        cmocka_unit_test_setup_teardown(a_list_of_another_size_or_no_agency_is_refused, make, drop),
        cmocka_unit_test_setup_teardown(
            places_are_drawn_once_and_spread_over_lists_and_their_whole_length, make, drop),
        cmocka_unit_test_setup_teardown(an_entry_knows_its_owner_and_the_list_its_longest_end, make,
                                        drop),
        cmocka_unit_test_setup_teardown(an_owner_that_is_too_long_or_of_no_agency_is_refused, make,
                                        drop),
        cmocka_unit_test_setup_teardown(valid_and_suspended_alternate_and_invalid_is_final, make,
                                        drop),
        cmocka_unit_test_setup_teardown(a_status_is_set_only_of_what_was_given, make, drop),
        cmocka_unit_test_setup_teardown(the_array_is_packed_as_the_draft_has_it, make, drop),
        cmocka_unit_test_setup_teardown(the_array_is_appended_or_refused_whole, make, drop),
        cmocka_unit_test_setup_teardown(a_list_filled_to_its_bound_is_closed_and_another_opened,
                                        make, drop),
        cmocka_unit_test_setup_teardown(a_list_that_gave_more_than_it_says_is_found_out, make,
                                        drop),
        cmocka_unit_test_setup_teardown(a_chunk_of_another_length_is_found_out, make, drop),
        cmocka_unit_test_setup_teardown(a_bit_changed_in_a_chunk_of_statuses_is_found_out, make,
                                        drop),
        cmocka_unit_test_setup_teardown(lists_are_given_page_by_page_of_one_agency_or_all, make,
                                        drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
