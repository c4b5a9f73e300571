#include "wallet/store_journal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

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

static struct wallet_import_record import_of(uint8_t id, uint64_t good, uint32_t batch_size)
{
    struct wallet_import_record record = {.type = "permit",
                                          .issuer = "city",
                                          .actor = "operator",
                                          .rows = good + 3,
                                          .good = good,
                                          .bad = 3,
                                          .batch_size = batch_size,
                                          .begun = SUPPORT_NOW};
    memset(record.id, id, sizeof(record.id));
    return record;
}

struct begin {
    struct wallet_import_record record;
    bool resumed;
};

static lw_err begin(struct wallet_txn *txn, void *ctx)
{
    struct begin *b = ctx;
    return wallet_store_import_begin(txn, &b->record, &b->resumed);
}

struct batch {
    uint8_t id[WALLET_IMPORT_ID_LEN];
    uint64_t batch;
    uint64_t issued;
};

static lw_err put_batch(struct wallet_txn *txn, void *ctx)
{
    const struct batch *b = ctx;
    return wallet_store_import_batch_put(txn, b->id, b->batch, b->issued, SUPPORT_NOW + 9);
}

static lw_code done(struct support_store *f, uint8_t id, uint64_t batch, uint64_t issued)
{
    struct batch b = {.batch = batch, .issued = issued};
    memset(b.id, id, sizeof(b.id));
    return wallet_store_write(f->store, put_batch, &b).code;
}

static struct wallet_import_record get(const struct support_store *f, uint8_t id)
{
    struct wallet_import_record record;
    uint8_t key[WALLET_IMPORT_ID_LEN];
    WALLET_AUTO_TXN txn = NULL;
    memset(key, id, sizeof(key));
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_import_get(txn, key, &record).code, LW_OK);
    return record;
}

static void an_id_depends_on_each_part_and_where_it_ends(void **state)
{
    uint8_t ids[5][WALLET_IMPORT_ID_LEN];
    const lw_str parts[5][2] = {{LW_STR("ab"), LW_STR("c")},
                                {LW_STR("a"), LW_STR("bc")},
                                {LW_STR("ab"), LW_STR("d")},
                                {LW_STR("c"), LW_STR("ab")},
                                {LW_STR("abc"), LW_STR("")}};
    lw_bytes nine[9] = {{0}};
    (void)state;
    for (size_t i = 0; i < 5; i++) {
        const lw_bytes two[] = {lw_str_bytes(parts[i][0]), lw_str_bytes(parts[i][1])};
        assert_int_equal(wallet_import_id(two, 2, ids[i]).code, LW_OK);
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(ids[i], ids[j], sizeof(ids[i]));
        }
    }
    assert_int_equal(wallet_import_id(nine, 0, ids[0]).code, LW_E_MISUSE);
    assert_int_equal(wallet_import_id(nine, 9, ids[0]).code, LW_E_MISUSE);
    assert_int_equal(wallet_import_id(nine, 8, ids[0]).code, LW_OK);
}

static void an_import_given_again_is_found_and_goes_on(void **state)
{
    struct support_store *f = *state;
    struct begin b = {.record = import_of(1, 10, 4)};
    support_store_write(f, begin, &b);
    assert_false(b.resumed);
    assert_int_equal(b.record.number, 1);
    assert_int_equal(b.record.state, WALLET_IMPORT_RUNNING);
    assert_int_equal(done(f, 1, 0, 4), LW_OK);
    support_store_reopen(f);
    struct begin again = {.record = import_of(1, 10, 4)};
    again.record.begun += 50;
    support_store_write(f, begin, &again);
    assert_true(again.resumed);
    assert_int_equal(again.record.number, 1);
    assert_int_equal(again.record.begun, SUPPORT_NOW);
    assert_int_equal(again.record.batches, 1);
    assert_int_equal(again.record.done, 4);
    assert_string_equal(again.record.type, "permit");
    assert_string_equal(again.record.issuer, "city");
    assert_string_equal(again.record.actor, "operator");
    struct begin other = {.record = import_of(2, 10, 4)};
    support_store_write(f, begin, &other);
    assert_int_equal(other.record.number, 2);
}

static void another_import_under_the_same_id_is_refused(void **state)
{
    struct support_store *f = *state;
    struct begin b = {.record = import_of(1, 10, 4)};
    support_store_write(f, begin, &b);
    for (unsigned i = 0; i < 6; i++) {
        struct begin bad = {.record = import_of(1, 10, 4)};
        bad.record.rows += i == 0 ? 1 : 0;
        bad.record.good -= i == 1 ? 1 : 0;
        bad.record.bad -= i == 2 ? 1 : 0;
        bad.record.batch_size += i == 3 ? 1 : 0;
        bad.record.type[0] = i == 4 ? 'x' : 'p';
        bad.record.issuer[0] = i == 5 ? 'x' : 'c';
        assert_int_equal(wallet_store_write(f->store, begin, &bad).code, LW_E_CONFLICT);
    }
}

static void imports_that_make_no_sense_are_refused(void **state)
{
    struct support_store *f = *state;
    for (unsigned i = 0; i < 6; i++) {
        struct begin bad = {.record = import_of(1, 10, 4)};
        bad.record.type[0] = i == 0 ? '\0' : 'p';
        bad.record.issuer[0] = i == 1 ? '\n' : 'c';
        bad.record.actor[0] = i == 2 ? '\n' : 'o';
        bad.record.batch_size = i == 3 ? 0 : 4;
        bad.record.bad += i == 4 ? 1 : 0;
        bad.record.good = i == 5 ? 14 : 10;
        assert_int_equal(wallet_store_write(f->store, begin, &bad).code, LW_E_VALUE);
    }
    struct begin good = {.record = import_of(1, 10, 4)};
    good.record.actor[0] = '\0';
    support_store_write(f, begin, &good);
}

static void batches_are_done_once_in_any_order_and_the_last_ends_the_import(void **state)
{
    struct support_store *f = *state;
    struct begin b = {.record = import_of(1, 10, 4)};
    support_store_write(f, begin, &b);
    assert_int_equal(done(f, 1, 2, 2), LW_OK); /* the last one has two rows */
    assert_int_equal(done(f, 1, 0, 4), LW_OK);
    assert_int_equal(done(f, 1, 0, 4), LW_E_CONFLICT);
    struct wallet_import_record record = get(f, 1);
    assert_int_equal(record.state, WALLET_IMPORT_RUNNING);
    assert_int_equal(record.batches, 2);
    assert_int_equal(record.done, 6);
    assert_int_equal(record.issued, 6);
    assert_int_equal(done(f, 1, 1, 1), LW_OK); /* three were there before */
    record = get(f, 1);
    assert_int_equal(record.state, WALLET_IMPORT_DONE);
    assert_int_equal(record.done, 10);
    assert_int_equal(record.issued, 7);
    assert_int_equal(record.updated, SUPPORT_NOW + 9);
}

static void a_batch_that_is_none_or_issues_too_much_is_refused(void **state)
{
    struct support_store *f = *state;
    struct begin b = {.record = import_of(1, 8, 4)}; /* two batches, both full */
    support_store_write(f, begin, &b);
    assert_int_equal(done(f, 1, 2, 0), LW_E_VALUE);
    assert_int_equal(done(f, 1, UINT64_MAX, 0), LW_E_VALUE);
    assert_int_equal(done(f, 1, 0, 5), LW_E_VALUE);
    assert_int_equal(done(f, 2, 0, 0), LW_E_NOT_FOUND);
    assert_int_equal(get(f, 1).batches, 0);
}

static void an_import_without_good_rows_is_done_at_once(void **state)
{
    struct support_store *f = *state;
    struct begin b = {.record = import_of(1, 0, 4)};
    support_store_write(f, begin, &b);
    assert_int_equal(b.record.state, WALLET_IMPORT_DONE);
    assert_int_equal(done(f, 1, 0, 0), LW_E_VALUE);
}

/* The batch and its license, as an import writes them: both or neither. */
struct with_license {
    struct batch batch;
    const struct wallet_intent *intent;
    const struct support_license *what;
};

static lw_err license_and_batch(struct wallet_txn *txn, void *ctx)
{
    const struct with_license *w = ctx;
    LW_TRY(wallet_store_license_reserve(txn, w->intent));
    LW_TRY(support_complete(txn, w->intent, w->what));
    return wallet_store_import_batch_put(txn, w->batch.id, w->batch.batch, 1, SUPPORT_NOW);
}

static void a_batch_done_before_keeps_none_of_its_licenses(void **state)
{
    struct support_store *f = *state;
    struct begin b = {.record = import_of(1, 2, 1)};
    uint8_t person[1][WALLET_UUID_LEN];
    struct wallet_intent intent;
    support_unlock(f);
    support_person(f, 1, person[0]);
    support_store_write(f, begin, &b);
    const struct support_license what = {.number = "N-1", .persons = person, .person_count = 1};
    support_intent(f, &what, &intent);
    struct with_license w = {.intent = &intent, .what = &what};
    memset(w.batch.id, 1, sizeof(w.batch.id));
    support_store_write(f, license_and_batch, &w);
    const struct support_license second = {.number = "N-2", .persons = person, .person_count = 1};
    support_intent(f, &second, &intent);
    w.what = &second;
    assert_int_equal(wallet_store_write(f->store, license_and_batch, &w).code, LW_E_CONFLICT);
    assert_int_equal(support_count(f, "license"), 1);
    assert_int_equal(support_count(f, "license-number"), 1);
}

static void imports_and_batches_are_listed_page_by_page(void **state)
{
    struct support_store *f = *state;
    for (uint8_t i = 0; i < 5; i++) {
        struct begin b = {.record = import_of((uint8_t)(200 - i), 5, 1)};
        support_store_write(f, begin, &b);
        assert_int_equal(done(f, 198, i, i % 2), i < 2 ? LW_E_NOT_FOUND : LW_OK);
    }
    uint8_t id[WALLET_IMPORT_ID_LEN];
    memset(id, 198, sizeof(id));
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    for (size_t room = 1; room <= 6; room++) {
        struct wallet_import_record records[6];
        struct wallet_import_batch batches[6];
        struct wallet_page page = {.len = 0};
        size_t total = 0;
        while (!page.end) {
            size_t count = room;
            assert_int_equal(wallet_store_import_page(txn, &page, records, &count).code, LW_OK);
            for (size_t i = 0; i < count; i++, total++) {
                assert_int_equal(records[i].number, total + 1);
                assert_int_equal(records[i].id[0], 200 - total);
            }
        }
        assert_int_equal(total, 5);
        page = (struct wallet_page){.len = 0};
        total = 0;
        while (!page.end) {
            size_t count = room;
            assert_int_equal(wallet_store_import_batch_page(txn, id, &page, batches, &count).code,
                             LW_OK);
            for (size_t i = 0; i < count; i++, total++) {
                assert_int_equal(batches[i].batch, total + 2);
                assert_int_equal(batches[i].rows, 1);
                assert_int_equal(batches[i].issued, total % 2);
                assert_int_equal(batches[i].at, SUPPORT_NOW + 9);
            }
        }
        assert_int_equal(total, 3);
    }
    bool is_done = true;
    assert_int_equal(wallet_store_import_batch_done(txn, id, 1, &is_done).code, LW_OK);
    assert_false(is_done);
    assert_int_equal(wallet_store_import_batch_done(txn, id, 2, &is_done).code, LW_OK);
    assert_true(is_done);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_depends_on_each_part_and_where_it_ends),
        cmocka_unit_test_setup_teardown(an_import_given_again_is_found_and_goes_on, make, drop),
        cmocka_unit_test_setup_teardown(another_import_under_the_same_id_is_refused, make, drop),
        cmocka_unit_test_setup_teardown(imports_that_make_no_sense_are_refused, make, drop),
        cmocka_unit_test_setup_teardown(
            batches_are_done_once_in_any_order_and_the_last_ends_the_import, make, drop),
        cmocka_unit_test_setup_teardown(a_batch_that_is_none_or_issues_too_much_is_refused, make,
                                        drop),
        cmocka_unit_test_setup_teardown(an_import_without_good_rows_is_done_at_once, make, drop),
        cmocka_unit_test_setup_teardown(a_batch_done_before_keeps_none_of_its_licenses, make, drop),
        cmocka_unit_test_setup_teardown(imports_and_batches_are_listed_page_by_page, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
