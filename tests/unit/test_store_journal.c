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

static struct wallet_import_record import_of(uint8_t id)
{
    struct wallet_import_record record = {
        .type = "permit",
        .issuer = "city",
        .register_name = "north",
        .actor = "operator",
        .part = true,
        .counts = {.rows = 13,
                   .good = 10,
                   .bad = 3,
                   .fresh = 4,
                   .changed = 2,
                   .same = 4,
                   .states = 1,
                   .gone = 5,
                   .revoked = 5},
        .begun = SUPPORT_NOW,
        .shift_days = -7,
    };
    memset(record.id, id, sizeof(record.id));
    memset(record.file_hash, 0x5a, sizeof(record.file_hash));
    memset(record.map_hash, 0xa5, sizeof(record.map_hash));
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

static lw_err wait_for_second(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_import_wait(txn, ctx);
}

struct decide {
    uint8_t id[WALLET_IMPORT_ID_LEN];
    enum wallet_import_state to;
};

static lw_err decide(struct wallet_txn *txn, void *ctx)
{
    const struct decide *d = ctx;
    return wallet_store_import_decide(txn, d->id, d->to, SUPPORT_NOW + 5);
}

struct batch {
    uint8_t id[WALLET_IMPORT_ID_LEN];
    struct wallet_import_batch batch;
};

static lw_err put_batch(struct wallet_txn *txn, void *ctx)
{
    const struct batch *b = ctx;
    return wallet_store_import_batch_put(txn, b->id, &b->batch);
}

/* A batch whose licenses lie between ids that begin with these bytes. */
static lw_code put(struct support_store *f, uint8_t id, uint64_t batch, uint64_t issued,
                   uint8_t first)
{
    struct batch b = {.batch = {.batch = batch, .issued = issued, .at = SUPPORT_NOW + 9}};
    memset(b.id, id, sizeof(b.id));
    memset(b.batch.first, first, sizeof(b.batch.first));
    memset(b.batch.last, first + 5, sizeof(b.batch.last));
    return wallet_store_write(f->store, put_batch, &b).code;
}

static lw_err end(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_import_end(txn, ctx, SUPPORT_NOW + 20);
}

static lw_code ended(struct support_store *f, uint8_t id)
{
    uint8_t key[WALLET_IMPORT_ID_LEN];
    memset(key, id, sizeof(key));
    return wallet_store_write(f->store, end, key).code;
}

struct voiding {
    uint64_t number;
    struct wallet_import_void by;
    struct wallet_import_record record;
    bool end;
};

static lw_err put_void(struct wallet_txn *txn, void *ctx)
{
    struct voiding *v = ctx;
    return v->end ? wallet_store_import_void_end(txn, v->number, SUPPORT_NOW + 40)
                  : wallet_store_import_void(txn, v->number, &v->by, &v->record);
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
    struct begin b = {.record = import_of(1)};
    support_store_write(f, begin, &b);
    assert_false(b.resumed);
    assert_int_equal(b.record.number, 1);
    assert_int_equal(b.record.state, WALLET_IMPORT_RUNNING);
    assert_int_equal(put(f, 1, 0, 4, 10), LW_OK);
    support_store_reopen(f);
    struct begin again = {.record = import_of(1)};
    again.record.begun += 50;
    again.record.counts = (struct wallet_import_counts){.rows = 1};
    support_store_write(f, begin, &again);
    assert_true(again.resumed);
    assert_int_equal(again.record.number, 1);
    assert_int_equal(again.record.begun, SUPPORT_NOW);
    assert_int_equal(again.record.batches, 1);
    assert_int_equal(again.record.issued, 4);
    struct begin other = {.record = import_of(2)};
    support_store_write(f, begin, &other);
    assert_int_equal(other.record.number, 2);
}

static void what_is_kept_of_an_import_is_what_was_said(void **state)
{
    struct support_store *f = *state;
    struct begin b = {.record = import_of(1)};
    const struct wallet_import_record said = import_of(1);
    support_store_write(f, begin, &b);
    const struct wallet_import_record kept = get(f, 1);
    assert_string_equal(kept.type, "permit");
    assert_string_equal(kept.issuer, "city");
    assert_string_equal(kept.register_name, "north");
    assert_string_equal(kept.actor, "operator");
    assert_true(kept.part);
    assert_memory_equal(kept.file_hash, said.file_hash, sizeof(said.file_hash));
    assert_memory_equal(kept.map_hash, said.map_hash, sizeof(said.map_hash));
    assert_memory_equal(&kept.counts, &said.counts, sizeof(said.counts));
    assert_int_equal(kept.shift_days, -7);
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_import_record found;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_import_find(txn, 1, &found).code, LW_OK);
    assert_memory_equal(found.id, said.id, sizeof(said.id));
    assert_int_equal(wallet_store_import_find(txn, 2, &found).code, LW_E_NOT_FOUND);
}

static void another_import_under_the_same_id_is_refused(void **state)
{
    struct support_store *f = *state;
    struct begin b = {.record = import_of(1)};
    support_store_write(f, begin, &b);
    for (unsigned i = 0; i < 3; i++) {
        struct begin bad = {.record = import_of(1)};
        bad.record.type[0] = i == 0 ? 'x' : 'p';
        bad.record.issuer[0] = i == 1 ? 'x' : 'c';
        bad.record.register_name[0] = i == 2 ? 'x' : 'n';
        assert_int_equal(wallet_store_write(f->store, begin, &bad).code, LW_E_CONFLICT);
    }
    assert_int_equal(ended(f, 1), LW_OK); /* and one that ended does not go on */
    struct begin late = {.record = import_of(1)};
    assert_int_equal(wallet_store_write(f->store, begin, &late).code, LW_E_CONFLICT);
}

static void imports_that_make_no_sense_are_refused(void **state)
{
    struct support_store *f = *state;
    for (unsigned i = 0; i < 11; i++) {
        struct begin bad = {.record = import_of(1)};
        bad.record.type[0] = i == 0 ? '\0' : 'p';
        bad.record.issuer[0] = i == 1 ? '\n' : 'c';
        bad.record.actor[0] = i == 2 ? '\n' : 'o';
        bad.record.register_name[0] = i == 3 ? '\n' : 'n';
        bad.record.counts.bad += i == 4 ? 1 : 0;
        bad.record.counts.good = i == 5 ? 14 : 10;
        bad.record.counts.fresh += i == 6 ? 7 : 0;
        bad.record.counts.changed += i == 7 ? 5 : 0;
        bad.record.counts.same += i == 8 ? 1 : 0;
        bad.record.counts.states += i == 9 ? 4 : 0;
        bad.record.counts.revoked += i == 10 ? 1 : 0;
        assert_int_equal(wallet_store_write(f->store, begin, &bad).code, LW_E_VALUE);
    }
    struct begin good = {.record = import_of(1)};
    good.record.actor[0] = '\0';
    good.record.register_name[0] = '\0';
    support_store_write(f, begin, &good);
}

static void batches_come_one_after_the_other_and_say_between_which_ids_they_lie(void **state)
{
    struct support_store *f = *state;
    struct begin b = {.record = import_of(1)};
    support_store_write(f, begin, &b);
    assert_int_equal(put(f, 1, 0, 4, 100), LW_OK);
    assert_int_equal(put(f, 1, 0, 4, 100), LW_E_CONFLICT);
    assert_int_equal(put(f, 1, 2, 4, 100), LW_E_CONFLICT);
    assert_int_equal(put(f, 1, 1, 2, 50), LW_OK);
    assert_int_equal(put(f, 1, 2, 1, 80), LW_OK);
    struct wallet_import_record record = get(f, 1);
    assert_int_equal(record.batches, 3);
    assert_int_equal(record.issued, 7);
    assert_int_equal(record.first[0], 50);
    assert_int_equal(record.last[15], 105);
    assert_int_equal(record.updated, SUPPORT_NOW + 9);
    assert_int_equal(record.state, WALLET_IMPORT_RUNNING);
    assert_int_equal(ended(f, 1), LW_OK);
    assert_int_equal(ended(f, 1), LW_E_CONFLICT);
    assert_int_equal(ended(f, 9), LW_E_NOT_FOUND);
    record = get(f, 1);
    assert_int_equal(record.state, WALLET_IMPORT_DONE);
    assert_int_equal(record.updated, SUPPORT_NOW + 20);
    assert_int_equal(put(f, 1, 3, 1, 80), LW_E_VALUE);
}

static void an_empty_batch_is_refused(void **state)
{
    struct support_store *f = *state;
    struct begin b = {.record = import_of(1)};
    support_store_write(f, begin, &b);
    assert_int_equal(put(f, 1, 0, 0, 1), LW_E_VALUE);
    assert_int_equal(put(f, 2, 0, 1, 1), LW_E_NOT_FOUND);
    assert_int_equal(get(f, 1).batches, 0);
}

static lw_err adopt(struct wallet_txn *txn, void *ctx)
{
    uint8_t license[16];
    memset(license, 200, sizeof(license));
    return wallet_store_import_adopt(txn, *(const uint64_t *)ctx, license);
}

static void a_license_that_is_counted_in_later_widens_the_bounds(void **state)
{
    struct support_store *f = *state;
    struct begin b = {.record = import_of(1)};
    uint64_t number = 1;
    support_store_write(f, begin, &b);
    assert_int_equal(put(f, 1, 0, 4, 100), LW_OK);
    assert_int_equal(ended(f, 1), LW_OK);
    support_store_write(f, adopt, &number);
    const struct wallet_import_record record = get(f, 1);
    assert_int_equal(record.issued, 5);
    assert_int_equal(record.first[0], 100);
    assert_int_equal(record.last[0], 200);
    number = 2;
    assert_int_equal(wallet_store_write(f->store, adopt, &number).code, LW_E_NOT_FOUND);
}

static void an_import_is_voided_once_by_who_began_it(void **state)
{
    struct support_store *f = *state;
    struct begin b = {.record = import_of(1)};
    struct voiding v = {
        .number = 1,
        .by = {.actor = LW_STR("anna"), .reason = LW_STR("wrong map"), .now = SUPPORT_NOW + 30}};
    struct voiding over = {.number = 1, .end = true};
    support_store_write(f, begin, &b);
    assert_int_equal(ended(f, 1), LW_OK);
    assert_int_equal(wallet_store_write(f->store, put_void, &over).code, LW_E_CONFLICT);
    struct voiding bad = v;
    bad.by.reason = LW_STR("");
    assert_int_equal(wallet_store_write(f->store, put_void, &bad).code, LW_E_VALUE);
    bad = v;
    bad.by.actor = LW_STR("a\nb");
    assert_int_equal(wallet_store_write(f->store, put_void, &bad).code, LW_E_VALUE);
    bad = v;
    bad.number = 2;
    assert_int_equal(wallet_store_write(f->store, put_void, &bad).code, LW_E_NOT_FOUND);
    support_store_write(f, put_void, &v);
    assert_int_equal(v.record.state, WALLET_IMPORT_VOIDING);
    struct voiding again = v;
    again.by.actor = LW_STR("berta");
    again.by.reason = LW_STR("another");
    support_store_write(f, put_void, &again);
    assert_string_equal(get(f, 1).voided_by, "anna");
    assert_string_equal(get(f, 1).void_reason, "wrong map");
    assert_int_equal(get(f, 1).voided, SUPPORT_NOW + 30);
    support_store_write(f, put_void, &over);
    assert_int_equal(get(f, 1).state, WALLET_IMPORT_VOIDED);
    assert_int_equal(get(f, 1).updated, SUPPORT_NOW + 40);
    assert_int_equal(wallet_store_write(f->store, put_void, &again).code, LW_E_CONFLICT);
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
    return wallet_store_import_batch_put(txn, w->batch.id, &w->batch.batch);
}

static void a_batch_done_before_keeps_none_of_its_licenses(void **state)
{
    struct support_store *f = *state;
    struct begin b = {.record = import_of(1)};
    uint8_t person[1][WALLET_UUID_LEN];
    struct wallet_intent intent;
    support_unlock(f);
    support_person(f, 1, person[0]);
    support_store_write(f, begin, &b);
    const struct support_license what = {.number = "N-1", .persons = person, .person_count = 1};
    support_intent(f, &what, &intent);
    struct with_license w = {
        .intent = &intent, .what = &what, .batch = {.batch = {.issued = 1, .at = SUPPORT_NOW}}};
    memset(w.batch.id, 1, sizeof(w.batch.id));
    support_store_write(f, license_and_batch, &w);
    const struct support_license second = {.number = "N-2", .persons = person, .person_count = 1};
    support_intent(f, &second, &intent);
    w.what = &second;
    assert_int_equal(wallet_store_write(f->store, license_and_batch, &w).code, LW_E_CONFLICT);
    assert_int_equal(support_count(f, "license"), 1);
    assert_int_equal(support_count(f, "license-number"), 1);
}

static void what_waits_is_replaced_until_it_is_decided_once(void **state)
{
    struct support_store *f = *state;
    struct wallet_import_record record = import_of(1);
    struct wallet_import_record kept;
    struct decide d = {.to = WALLET_IMPORT_RUNNING};
    memcpy(d.id, record.id, sizeof(d.id));
    assert_int_equal(wallet_store_write(f->store, decide, &d).code, LW_E_NOT_FOUND);
    assert_int_equal(wallet_store_write(f->store, wait_for_second, &record).code, LW_OK);
    assert_int_equal(record.number, 1);
    record = import_of(1);
    record.counts.bad = 2;
    record.begun = SUPPORT_NOW + 3;
    assert_int_equal(wallet_store_write(f->store, wait_for_second, &record).code, LW_OK);
    assert_int_equal(wallet_store_write(f->store, decide, &d).code, LW_OK);
    {
        WALLET_AUTO_TXN txn = NULL;
        assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
        assert_int_equal(wallet_store_import_find(txn, 1, &kept).code, LW_OK);
    }
    assert_int_equal(kept.state, WALLET_IMPORT_RUNNING);
    assert_int_equal(kept.counts.bad, 2);
    assert_int_equal(kept.begun, SUPPORT_NOW);
    assert_int_equal(kept.updated, SUPPORT_NOW + 5);
    assert_int_equal(wallet_store_write(f->store, decide, &d).code, LW_E_CONFLICT);
    assert_int_equal(wallet_store_write(f->store, wait_for_second, &record).code, LW_E_CONFLICT);
}

static void imports_and_batches_are_listed_page_by_page(void **state)
{
    struct support_store *f = *state;
    for (uint8_t i = 0; i < 5; i++) {
        struct begin b = {.record = import_of((uint8_t)(200 - i))};
        support_store_write(f, begin, &b);
        assert_int_equal(put(f, 198, i < 2 ? 0 : i - 2, i + 1, i), i < 2 ? LW_E_NOT_FOUND : LW_OK);
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
        while (!page.end) {
            size_t count = room;
            assert_int_equal(wallet_store_import_newest(txn, &page, records, &count).code, LW_OK);
            for (size_t i = 0; i < count; i++, total--) {
                assert_int_equal(records[i].number, total);
            }
        }
        assert_int_equal(total, 0);
        page = (struct wallet_page){.len = 0};
        while (!page.end) {
            size_t count = room;
            assert_int_equal(wallet_store_import_batch_page(txn, id, &page, batches, &count).code,
                             LW_OK);
            for (size_t i = 0; i < count; i++, total++) {
                assert_int_equal(batches[i].batch, total);
                assert_int_equal(batches[i].issued, total + 3);
                assert_int_equal(batches[i].first[3], total + 2);
                assert_int_equal(batches[i].last[3], total + 7);
                assert_int_equal(batches[i].at, SUPPORT_NOW + 9);
            }
        }
        assert_int_equal(total, 3);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_id_depends_on_each_part_and_where_it_ends),
        cmocka_unit_test_setup_teardown(an_import_given_again_is_found_and_goes_on, make, drop),
        cmocka_unit_test_setup_teardown(what_is_kept_of_an_import_is_what_was_said, make, drop),
        cmocka_unit_test_setup_teardown(another_import_under_the_same_id_is_refused, make, drop),
        cmocka_unit_test_setup_teardown(imports_that_make_no_sense_are_refused, make, drop),
        cmocka_unit_test_setup_teardown(
            batches_come_one_after_the_other_and_say_between_which_ids_they_lie, make, drop),
        cmocka_unit_test_setup_teardown(an_empty_batch_is_refused, make, drop),
        cmocka_unit_test_setup_teardown(a_license_that_is_counted_in_later_widens_the_bounds, make,
                                        drop),
        cmocka_unit_test_setup_teardown(an_import_is_voided_once_by_who_began_it, make, drop),
        cmocka_unit_test_setup_teardown(a_batch_done_before_keeps_none_of_its_licenses, make, drop),
        cmocka_unit_test_setup_teardown(what_waits_is_replaced_until_it_is_decided_once, make,
                                        drop),
        cmocka_unit_test_setup_teardown(imports_and_batches_are_listed_page_by_page, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
