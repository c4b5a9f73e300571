#include "wallet/store_person.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "records.h"

static int make(void **state)
{
    static struct support_store f;
    support_store_make(&f);
    support_unlock(&f);
    *state = &f;
    return 0;
}

static int drop(void **state)
{
    support_store_drop(*state);
    return 0;
}

static struct wallet_person_code code_of(const char *text)
{
    struct wallet_person_code code;
    assert_int_equal(wallet_person_parse(lw_str_c(text), &code).code, LW_OK);
    return code;
}

/* One call in a write transaction, with what it takes and gives. */
struct call {
    const char *code;
    lw_str name;
    uint8_t id[WALLET_PERSON_ID_LEN];
    bool added;
};

static lw_err add(struct wallet_txn *txn, void *ctx)
{
    struct call *c = ctx;
    const struct wallet_person_code code = code_of(c->code);
    return wallet_store_person_add(txn, &code, c->name, SUPPORT_NOW, c->id, &c->added);
}

static lw_err rename_person(struct wallet_txn *txn, void *ctx)
{
    const struct call *c = ctx;
    return wallet_store_person_rename(txn, c->id, c->name);
}

static lw_err erase(struct wallet_txn *txn, void *ctx)
{
    const struct call *c = ctx;
    return wallet_store_person_erase(txn, c->id, SUPPORT_NOW + 5);
}

static struct wallet_stored_person get(const struct support_store *f, const uint8_t id[],
                                       lw_code expected)
{
    struct wallet_stored_person person = {.name_len = 0};
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_person_get(txn, id, &person).code, expected);
    return person;
}

static void a_person_is_found_by_code_and_read_back(void **state)
{
    struct support_store *f = *state;
    struct call wei = {.code = "111:11010519491231002X", .name = LW_STR("王伟")};
    const struct wallet_person_code code = code_of(wei.code);
    uint8_t id[WALLET_PERSON_ID_LEN];
    assert_int_equal(wallet_store_write(f->store, add, &wei).code, LW_OK);
    assert_true(wei.added);
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_person_find(txn, &code, id).code, LW_OK);
    assert_memory_equal(id, wei.id, sizeof(id));
    const struct wallet_stored_person person = get(f, id, LW_OK);
    assert_string_equal(person.code.text, wei.code);
    assert_int_equal(person.code.len, strlen(wei.code));
    assert_string_equal(person.name, "王伟");
    assert_int_equal(person.name_len, strlen("王伟"));
    assert_int_equal(person.created, SUPPORT_NOW);
    assert_int_equal(person.erased, 0);
}

static void a_code_that_is_not_there_is_not_found(void **state)
{
    const struct support_store *f = *state;
    const struct wallet_person_code code = code_of("999:NOBODY");
    const uint8_t nobody[WALLET_PERSON_ID_LEN] = {0};
    uint8_t id[WALLET_PERSON_ID_LEN];
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_person_find(txn, &code, id).code, LW_E_NOT_FOUND);
    (void)get(f, nobody, LW_E_NOT_FOUND);
}

static void a_code_belongs_to_one_person_whose_first_name_stays(void **state)
{
    struct support_store *f = *state;
    struct call first = {.code = "999:A-1", .name = {0}};
    struct call named = {.code = "999:A-1", .name = LW_STR("First name")};
    struct call again = {.code = "999:A-1", .name = LW_STR("Another name")};
    assert_int_equal(wallet_store_write(f->store, add, &first).code, LW_OK);
    assert_string_equal(get(f, first.id, LW_OK).name, "");
    assert_int_equal(wallet_store_write(f->store, add, &named).code, LW_OK);
    assert_int_equal(wallet_store_write(f->store, add, &again).code, LW_OK);
    assert_false(named.added);
    assert_false(again.added);
    assert_memory_equal(first.id, named.id, sizeof(first.id));
    assert_memory_equal(first.id, again.id, sizeof(first.id));
    const struct wallet_stored_person person = get(f, first.id, LW_OK);
    assert_string_equal(person.name, "First name");
    assert_int_equal(person.revisions, 1);
}

static void codes_of_different_types_are_different_people(void **state)
{
    struct support_store *f = *state;
    struct call one = {.code = "999:X1", .name = {0}};
    struct call two = {.code = "099:X1", .name = {0}};
    assert_int_equal(wallet_store_write(f->store, add, &one).code, LW_OK);
    assert_int_equal(wallet_store_write(f->store, add, &two).code, LW_OK);
    assert_true(two.added);
    assert_memory_not_equal(one.id, two.id, sizeof(one.id));
}

static void a_name_can_be_changed(void **state)
{
    struct support_store *f = *state;
    struct call c = {.code = "999:A-1", .name = LW_STR("Old")};
    assert_int_equal(wallet_store_write(f->store, add, &c).code, LW_OK);
    c.name = LW_STR("New");
    assert_int_equal(wallet_store_write(f->store, rename_person, &c).code, LW_OK);
    const struct wallet_stored_person person = get(f, c.id, LW_OK);
    assert_string_equal(person.name, "New");
    assert_string_equal(person.code.text, "999:A-1");
    memset(c.id, 0, sizeof(c.id));
    assert_int_equal(wallet_store_write(f->store, rename_person, &c).code, LW_E_NOT_FOUND);
}

static void names_that_are_no_plain_text_are_refused(void **state)
{
    struct support_store *f = *state;
    char text[WALLET_NAME_MAX + 2];
    struct call c = {.code = "999:A-1"};
    memset(text, 'n', sizeof(text));
    c.name = (lw_str){text, WALLET_NAME_MAX + 1};
    assert_int_equal(wallet_store_write(f->store, add, &c).code, LW_E_VALUE);
    c.name = LW_STR("line\nbreak");
    assert_int_equal(wallet_store_write(f->store, add, &c).code, LW_E_VALUE);
    c.name = LW_STR("del\x7f");
    assert_int_equal(wallet_store_write(f->store, add, &c).code, LW_E_VALUE);
    c.name = LW_STR("\xff\xfe");
    assert_int_equal(wallet_store_write(f->store, add, &c).code, LW_E_VALUE);
    c.name = (lw_str){text, WALLET_NAME_MAX};
    assert_int_equal(wallet_store_write(f->store, add, &c).code, LW_OK);
    assert_int_equal(get(f, c.id, LW_OK).name_len, WALLET_NAME_MAX);
    c.name = LW_STR("\xff\xfe");
    assert_int_equal(wallet_store_write(f->store, rename_person, &c).code, LW_E_VALUE);
}

static void nothing_is_read_or_written_while_the_store_is_locked(void **state)
{
    struct support_store *f = *state;
    struct call c = {.code = "999:A-1", .name = LW_STR("Name")};
    struct call other = {.code = "999:A-2", .name = LW_STR("Name")};
    const struct wallet_person_code code = code_of(c.code);
    uint8_t id[WALLET_PERSON_ID_LEN];
    assert_int_equal(wallet_store_write(f->store, add, &c).code, LW_OK);
    wallet_store_lock(f->store);
    (void)get(f, c.id, LW_E_DENIED);
    assert_int_equal(wallet_store_write(f->store, add, &other).code, LW_E_DENIED);
    assert_int_equal(wallet_store_write(f->store, erase, &c).code, LW_E_DENIED);
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_person_find(txn, &code, id).code, LW_E_DENIED);
}

static void an_altered_or_exchanged_record_does_not_open(void **state)
{
    struct support_store *f = *state;
    struct call one = {.code = "999:A-1", .name = LW_STR("One")};
    struct call two = {.code = "999:A-2", .name = LW_STR("Two")};
    assert_int_equal(wallet_store_write(f->store, add, &one).code, LW_OK);
    assert_int_equal(wallet_store_write(f->store, add, &two).code, LW_OK);
    support_flip(f, "person", LW_BYTES(one.id), 0);
    (void)get(f, one.id, LW_E_SIGNATURE);
    support_flip(f, "person", LW_BYTES(one.id), 0);
    (void)get(f, one.id, LW_OK);
    LW_AUTO_BUF value = LW_BUF(1024);
    support_get(f, "person", LW_BYTES(one.id), &value);
    support_put(f, "person", LW_BYTES(two.id), lw_buf_view(&value));
    (void)get(f, two.id, LW_E_SIGNATURE);
    support_flip(f, "person-key", LW_BYTES(one.id), 3);
    (void)get(f, one.id, LW_E_SIGNATURE);
}

static void an_older_copy_of_a_name_is_not_taken_for_the_new_one(void **state)
{
    struct support_store *f = *state;
    struct call c = {.code = "999:A-1", .name = LW_STR("Old")};
    LW_AUTO_BUF value = LW_BUF(1024);
    assert_int_equal(wallet_store_write(f->store, add, &c).code, LW_OK);
    support_get(f, "person", LW_BYTES(c.id), &value);
    c.name = LW_STR("New");
    assert_int_equal(wallet_store_write(f->store, rename_person, &c).code, LW_OK);
    assert_int_equal(value.ptr[8], 0); /* after array, version, time created and not erased */
    value.ptr[8] = 1;                  /* the revision that the new name has */
    support_put(f, "person", LW_BYTES(c.id), lw_buf_view(&value));
    (void)get(f, c.id, LW_E_SIGNATURE);
}

static void an_erased_person_leaves_neither_code_nor_name_nor_key(void **state)
{
    struct support_store *f = *state;
    struct call c = {.code = "999:A-1", .name = LW_STR("Name")};
    const struct wallet_person_code code = code_of(c.code);
    uint8_t id[WALLET_PERSON_ID_LEN];
    assert_int_equal(wallet_store_write(f->store, add, &c).code, LW_OK);
    assert_int_equal(wallet_store_write(f->store, erase, &c).code, LW_OK);
    const struct wallet_stored_person person = get(f, c.id, LW_OK);
    assert_int_equal(person.erased, SUPPORT_NOW + 5);
    assert_int_equal(person.created, SUPPORT_NOW);
    assert_string_equal(person.name, "");
    assert_string_equal(person.code.text, "");
    assert_false(support_there(f, "person-key", LW_BYTES(c.id)));
    {
        WALLET_AUTO_TXN txn = NULL;
        assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
        assert_int_equal(wallet_store_person_find(txn, &code, id).code, LW_E_NOT_FOUND);
    }
    assert_int_equal(wallet_store_write(f->store, erase, &c).code, LW_E_NOT_FOUND);
    assert_int_equal(wallet_store_write(f->store, rename_person, &c).code, LW_E_NOT_FOUND);
    memcpy(id, c.id, sizeof(id));
    assert_int_equal(wallet_store_write(f->store, add, &c).code, LW_OK);
    assert_true(c.added); /* a new person, with a new key */
    assert_memory_not_equal(id, c.id, sizeof(id));
}

static void a_missing_data_key_is_damage_and_not_an_erasure(void **state)
{
    struct support_store *f = *state;
    struct call c = {.code = "999:A-1", .name = LW_STR("Name")};
    assert_int_equal(wallet_store_write(f->store, add, &c).code, LW_OK);
    support_delete(f, "person-key", LW_BYTES(c.id));
    (void)get(f, c.id, LW_E_CORRUPT);
}

enum { PEOPLE = 10 };

static size_t page_through(const struct wallet_txn *txn, size_t room, uint8_t ids[][16])
{
    struct wallet_stored_person people[PEOPLE + 2];
    struct wallet_page page = {.len = 0};
    size_t total = 0;
    while (!page.end) {
        size_t count = room;
        assert_int_equal(wallet_store_person_page(txn, &page, people, &count).code, LW_OK);
        assert_true(count <= room);
        assert_true(count == room || page.end);
        for (size_t i = 0; i < count; i++) {
            memcpy(ids[total++], people[i].id, WALLET_PERSON_ID_LEN);
        }
    }
    size_t count = room;
    assert_int_equal(wallet_store_person_page(txn, &page, people, &count).code, LW_OK);
    assert_int_equal(count, 0);
    return total;
}

static void all_people_are_listed_whatever_the_size_of_a_page(void **state)
{
    struct support_store *f = *state;
    uint8_t made[PEOPLE][WALLET_PERSON_ID_LEN];
    uint64_t count = 0;
    for (unsigned i = 0; i < PEOPLE; i++) {
        support_person(f, i, made[i]);
    }
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    for (size_t room = 1; room <= PEOPLE + 2; room++) {
        uint8_t ids[PEOPLE][WALLET_PERSON_ID_LEN];
        assert_int_equal(page_through(txn, room, ids), PEOPLE);
        assert_memory_equal(ids, made, sizeof(made));
    }
    assert_int_equal(wallet_store_person_count(txn, &count).code, LW_OK);
    assert_int_equal(count, PEOPLE);
}

static void a_wallet_lists_the_licenses_of_its_person_only(void **state)
{
    struct support_store *f = *state;
    uint8_t persons[2][WALLET_PERSON_ID_LEN];
    uint8_t made[7][WALLET_UUID_LEN];
    support_person(f, 1, persons[0]);
    support_person(f, 2, persons[1]);
    for (unsigned i = 0; i < 7; i++) {
        char number[32];
        (void)snprintf(number, sizeof(number), "N%u", i);
        const struct support_license what = {
            .number = number, .persons = &persons[i % 2], .person_count = 1};
        assert_int_equal(support_license(f, &what, made[i]).code, LW_OK);
    }
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    for (size_t room = 1; room <= 5; room++) {
        struct wallet_page page = {.len = 0};
        uint8_t ids[5][WALLET_UUID_LEN];
        size_t total = 0;
        while (!page.end) {
            size_t count = room;
            assert_int_equal(wallet_store_wallet_page(txn, persons[0], &page, ids, &count).code,
                             LW_OK);
            for (size_t i = 0; i < count; i++) {
                assert_memory_equal(ids[i], made[2 * total++], WALLET_UUID_LEN);
            }
        }
        assert_int_equal(total, 4);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_person_is_found_by_code_and_read_back, make, drop),
        cmocka_unit_test_setup_teardown(a_code_that_is_not_there_is_not_found, make, drop),
        cmocka_unit_test_setup_teardown(a_code_belongs_to_one_person_whose_first_name_stays, make,
                                        drop),
        cmocka_unit_test_setup_teardown(codes_of_different_types_are_different_people, make, drop),
        cmocka_unit_test_setup_teardown(a_name_can_be_changed, make, drop),
        cmocka_unit_test_setup_teardown(names_that_are_no_plain_text_are_refused, make, drop),
        cmocka_unit_test_setup_teardown(nothing_is_read_or_written_while_the_store_is_locked, make,
                                        drop),
        cmocka_unit_test_setup_teardown(an_altered_or_exchanged_record_does_not_open, make, drop),
        cmocka_unit_test_setup_teardown(an_older_copy_of_a_name_is_not_taken_for_the_new_one, make,
                                        drop),
        cmocka_unit_test_setup_teardown(an_erased_person_leaves_neither_code_nor_name_nor_key, make,
                                        drop),
        cmocka_unit_test_setup_teardown(a_missing_data_key_is_damage_and_not_an_erasure, make,
                                        drop),
        cmocka_unit_test_setup_teardown(all_people_are_listed_whatever_the_size_of_a_page, make,
                                        drop),
        cmocka_unit_test_setup_teardown(a_wallet_lists_the_licenses_of_its_person_only, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
