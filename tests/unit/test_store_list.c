/* Licenses listed by type and state, compared with what was made. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "records.h"

enum { LICENSES = 24, TYPES = 3 };

static const char *const types[TYPES] = {"food", "food-service", "zoo"};

struct made {
    uint8_t id[WALLET_UUID_LEN];
    unsigned type;
    enum wallet_state state;
};

struct bench {
    struct support_store store;
    uint8_t person[1][WALLET_UUID_LEN];
    struct made made[LICENSES];
};

/* States and types are mixed, so that each list has entries between those of others. */
static int make(void **state)
{
    static struct bench b;
    support_store_make(&b.store);
    support_unlock(&b.store);
    support_person(&b.store, 1, b.person[0]);
    for (unsigned i = 0; i < LICENSES; i++) {
        char number[32];
        (void)snprintf(number, sizeof(number), "N-%u", i);
        b.made[i].type = i * 7 % TYPES;
        b.made[i].state = (enum wallet_state)(1 + i * i % 5);
        const struct support_license what = {.type = types[b.made[i].type],
                                             .number = number,
                                             .state = b.made[i].state,
                                             .persons = b.person,
                                             .person_count = 1};
        assert_int_equal(support_license(&b.store, &what, b.made[i].id).code, LW_OK);
    }
    *state = &b;
    return 0;
}

static int drop(void **state)
{
    support_store_drop(&((struct bench *)*state)->store);
    return 0;
}

/* The ids that a filter should give, in order. */
static size_t expected(const struct bench *b, const struct wallet_license_filter *filter,
                       uint8_t ids[LICENSES][WALLET_UUID_LEN])
{
    size_t n = 0;
    for (size_t k = 0; k < LICENSES; k++) {
        const struct made *one = &b->made[filter->newest_first ? LICENSES - 1 - k : k];
        const bool type = filter->type.len == 0 || lw_str_is(filter->type, types[one->type]);
        if (type && (filter->state == 0 || filter->state == one->state)) {
            memcpy(ids[n++], one->id, WALLET_UUID_LEN);
        }
    }
    return n;
}

static void compare(const struct bench *b, const struct wallet_license_filter *filter, size_t room)
{
    uint8_t want[LICENSES][WALLET_UUID_LEN];
    uint8_t got[LICENSES + 1][WALLET_UUID_LEN];
    const size_t n = expected(b, filter, want);
    struct wallet_page page = {.len = 0};
    size_t total = 0;
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(b->store.store, &txn).code, LW_OK);
    while (!page.end) {
        size_t count = room;
        assert_int_equal(wallet_store_license_page(txn, filter, &page, got, &count).code, LW_OK);
        assert_true(count == room || page.end);
        assert_true(total + count <= n);
        assert_memory_equal(got, want[total], count * WALLET_UUID_LEN);
        total += count;
    }
    assert_int_equal(total, n);
}

static void every_filter_gives_its_licenses_in_order_of_time(void **state)
{
    const struct bench *b = *state;
    static const size_t rooms[] = {1, 2, 3, LICENSES - 1, LICENSES, LICENSES + 1};
    for (unsigned type = 0; type <= TYPES; type++) {
        for (unsigned st = 0; st <= WALLET_SUPERSEDED; st++) {
            struct wallet_license_filter filter = {.state = (enum wallet_state)st};
            filter.type = type == TYPES ? (lw_str){0} : lw_str_c(types[type]);
            for (size_t r = 0; r < sizeof(rooms) / sizeof(rooms[0]); r++) {
                filter.newest_first = false;
                compare(b, &filter, rooms[r]);
                filter.newest_first = true;
                compare(b, &filter, rooms[r]);
            }
        }
    }
}

static void a_list_follows_changes_of_state(void **state)
{
    struct bench *b = *state;
    for (size_t i = 0; i < LICENSES; i++) {
        if (b->made[i].state == WALLET_ACTIVE) {
            b->made[i].state = i % 2 == 0 ? WALLET_SUSPENDED : WALLET_REVOKED;
            assert_int_equal(support_state(&b->store, b->made[i].id, b->made[i].state, NULL).code,
                             LW_OK);
        }
    }
    for (unsigned st = 0; st <= WALLET_SUPERSEDED; st++) {
        const struct wallet_license_filter filter = {.type = lw_str_c(types[0]),
                                                     .state = (enum wallet_state)st};
        const struct wallet_license_filter all = {.state = (enum wallet_state)st};
        compare(b, &filter, 2);
        compare(b, &all, 2);
    }
}

static void what_comes_later_is_given_by_the_page_that_was_not_yet_read(void **state)
{
    struct bench *b = *state;
    const struct wallet_license_filter filter = {.type = LW_STR("late")};
    struct wallet_page page = {.len = 0};
    uint8_t ids[2][WALLET_UUID_LEN];
    uint8_t got[1][WALLET_UUID_LEN];
    size_t count = 1;
    for (unsigned i = 0; i < 2; i++) {
        const struct support_license what = {.type = "late",
                                             .number = i == 0 ? "L-0" : "L-1",
                                             .persons = b->person,
                                             .person_count = 1};
        WALLET_AUTO_TXN txn = NULL;
        assert_int_equal(support_license(&b->store, &what, ids[i]).code, LW_OK);
        assert_int_equal(wallet_read_begin(b->store.store, &txn).code, LW_OK);
        count = 1;
        assert_int_equal(wallet_store_license_page(txn, &filter, &page, got, &count).code, LW_OK);
        assert_int_equal(count, 1);
        assert_memory_equal(got[0], ids[i], WALLET_UUID_LEN);
        assert_false(page.end);
    }
}

static void an_unknown_or_overlong_type_has_no_licenses(void **state)
{
    const struct bench *b = *state;
    char text[WALLET_ID_TEXT_MAX + 1];
    uint64_t counts[WALLET_SUPERSEDED + 1];
    memset(text, 'f', sizeof(text));
    const struct wallet_license_filter over = {.type = {text, sizeof(text)}};
    const struct wallet_license_filter part = {.type = LW_STR("foo")};
    compare(b, &over, 2);
    compare(b, &part, 2);
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(b->store.store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_license_count(txn, over.type, counts).code, LW_OK);
    assert_int_equal(counts[WALLET_ACTIVE], 0);
}

/* Goes on from the text of a place, in a transaction of its own each time. */
static void a_list_goes_on_from_the_text_of_a_place_while_licenses_change(void **state)
{
    struct bench *b = *state;
    const struct wallet_license_filter filter = {.state = WALLET_ACTIVE};
    uint8_t want[LICENSES][WALLET_UUID_LEN];
    uint8_t got[1][WALLET_UUID_LEN];
    struct wallet_page page = {.len = 0};
    LW_AUTO_BUF text = LW_BUF(512);
    const size_t n = expected(b, &filter, want);
    assert_true(n > 2);
    for (size_t i = 0; i < n; i++) {
        WALLET_AUTO_TXN txn = NULL;
        size_t count = 1;
        lw_buf_truncate(&text, 0);
        assert_int_equal(wallet_page_put(&page, &text).code, LW_OK);
        assert_int_equal(wallet_page_read(lw_buf_text(&text), &page).code, LW_OK);
        assert_int_equal(wallet_read_begin(b->store.store, &txn).code, LW_OK);
        assert_int_equal(wallet_store_license_page(txn, &filter, &page, got, &count).code, LW_OK);
        assert_int_equal(count, 1);
        assert_memory_equal(got[0], want[i], WALLET_UUID_LEN);
        wallet_txn_end(txn);
        txn = NULL;
        /* The license at the place is listed no more, and the place holds. */
        assert_int_equal(support_state(&b->store, got[0], WALLET_REVOKED, NULL).code, LW_OK);
    }
}

static void a_place_of_another_list_is_refused(void **state)
{
    const struct bench *b = *state;
    static const struct wallet_license_filter filters[] = {
        {.state = (enum wallet_state)0}, {.state = WALLET_ACTIVE}, {.type = {"food", 4}}};
    static const size_t lengths[] = {1, WALLET_UUID_LEN - 1, WALLET_UUID_LEN + 1, WALLET_PAGE_MAX};
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(b->store.store, &txn).code, LW_OK);
    for (size_t f = 0; f < sizeof(filters) / sizeof(filters[0]); f++) {
        for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++) {
            struct wallet_page page = {.len = lengths[i]};
            uint8_t got[1][WALLET_UUID_LEN];
            size_t count = 1;
            assert_int_equal(wallet_store_license_page(txn, &filters[f], &page, got, &count).code,
                             LW_E_VALUE);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(every_filter_gives_its_licenses_in_order_of_time, make,
                                        drop),
        cmocka_unit_test_setup_teardown(a_list_follows_changes_of_state, make, drop),
        cmocka_unit_test_setup_teardown(what_comes_later_is_given_by_the_page_that_was_not_yet_read,
                                        make, drop),
        cmocka_unit_test_setup_teardown(
            a_list_goes_on_from_the_text_of_a_place_while_licenses_change, make, drop),
        cmocka_unit_test_setup_teardown(a_place_of_another_list_is_refused, make, drop),
        cmocka_unit_test_setup_teardown(an_unknown_or_overlong_type_has_no_licenses, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
