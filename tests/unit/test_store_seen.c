#include "wallet/store_seen.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

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

struct shown {
    int64_t made;
    uint8_t id[WALLET_SEEN_ID_LEN];
    int64_t now;
    int64_t before;
    size_t max;
    size_t purged;
};

static lw_err see(struct wallet_txn *txn, void *ctx)
{
    struct shown *s = ctx;
    return wallet_store_seen(txn, s->made, s->id, s->now, &s->before);
}

static lw_err purge(struct wallet_txn *txn, void *ctx)
{
    struct shown *s = ctx;
    return wallet_store_seen_purge(txn, s->made, s->max, &s->purged);
}

static int64_t seen_before(struct support_store *f, int64_t made, uint8_t id, int64_t now)
{
    struct shown s = {.made = made, .id = {id}, .now = now};
    assert_int_equal(wallet_store_write(f->store, see, &s).code, LW_OK);
    return s.before;
}

static size_t purged(struct support_store *f, int64_t made_before, size_t max)
{
    struct shown s = {.made = made_before, .max = max};
    assert_int_equal(wallet_store_write(f->store, purge, &s).code, LW_OK);
    return s.purged;
}

static void a_presentation_is_known_again_with_the_time_it_was_seen_first(void **state)
{
    assert_true(seen_before(*state, SUPPORT_NOW, 1, SUPPORT_NOW + 5) == INT64_MIN);
    assert_int_equal(seen_before(*state, SUPPORT_NOW, 1, SUPPORT_NOW + 9), SUPPORT_NOW + 5);
    assert_int_equal(seen_before(*state, SUPPORT_NOW, 1, SUPPORT_NOW + 10), SUPPORT_NOW + 5);
    assert_true(seen_before(*state, SUPPORT_NOW, 2, SUPPORT_NOW + 9) == INT64_MIN);
    assert_true(seen_before(*state, SUPPORT_NOW + 1, 1, SUPPORT_NOW + 9) == INT64_MIN);
}

static void what_was_made_before_is_purged_oldest_first(void **state)
{
    enum { COUNT = 5 };
    for (uint8_t i = 0; i < COUNT; i++) {
        (void)seen_before(*state, SUPPORT_NOW + i, i, SUPPORT_NOW);
    }
    assert_int_equal(purged(*state, SUPPORT_NOW + 3, 2), 2);
    assert_int_equal(purged(*state, SUPPORT_NOW + 3, COUNT), 1);
    assert_int_equal(purged(*state, SUPPORT_NOW + 3, COUNT), 0);
    assert_true(seen_before(*state, SUPPORT_NOW + 2, 2, SUPPORT_NOW) == INT64_MIN);
    assert_int_equal(seen_before(*state, SUPPORT_NOW + 3, 3, SUPPORT_NOW + 1), SUPPORT_NOW);
}

static void a_time_before_1970_sorts_before_all_others(void **state)
{
    (void)seen_before(*state, -1, 1, SUPPORT_NOW);
    (void)seen_before(*state, 1, 1, SUPPORT_NOW);
    assert_int_equal(purged(*state, 0, 10), 1);
    assert_true(seen_before(*state, -1, 1, SUPPORT_NOW) == INT64_MIN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            a_presentation_is_known_again_with_the_time_it_was_seen_first, make, drop),
        cmocka_unit_test_setup_teardown(what_was_made_before_is_purged_oldest_first, make, drop),
        cmocka_unit_test_setup_teardown(a_time_before_1970_sorts_before_all_others, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
