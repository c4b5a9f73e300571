#include "wallet/store_license.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "records.h"
#include "wallet/cbor.h"
#include "wallet/record.h"

/* A license that can be bent before it is completed. */
struct bench {
    struct support_store store;
    uint8_t persons[WALLET_HOLDERS_MAX][WALLET_UUID_LEN];
    struct wallet_intent intent;
    struct wallet_license license;
    struct wallet_license_type type;
    struct wallet_license_put put;
    lw_buf record;
};

static const uint8_t text_item[] = {0x63, 'a', 'b', 'c'};
static const uint8_t date_item[] = {0xd8, 100, 0x19, 0x4e, 0x20};

static void make_record(struct bench *b)
{
    static const uint8_t kid[8] = {0};
    static const uint8_t signature[64] = {0};
    LW_AUTO_BUF payload = LW_BUF(WALLET_RECORD_MAX);
    lw_buf_truncate(&b->record, 0);
    assert_int_equal(wallet_record_payload(&b->type, &b->license, &payload).code, LW_OK);
    assert_int_equal(
        wallet_record_assemble(kid, lw_buf_view(&payload), LW_BYTES(signature), &b->record).code,
        LW_OK);
    b->put.record = lw_buf_view(&b->record);
}

static void fill(struct bench *b)
{
    struct wallet_license *l = &b->license;
    *l = (struct wallet_license){.type = lw_str_c(b->intent.type),
                                 .type_version = 3,
                                 .number = lw_str_c(b->intent.number),
                                 .version = lw_str_c(b->intent.version),
                                 .issuer = lw_str_c(b->intent.issuer),
                                 .holder_count = 1,
                                 .claim_count = 2,
                                 .issued_at = SUPPORT_NOW - 5,
                                 .valid_from = SUPPORT_NOW,
                                 .valid_until = SUPPORT_NOW + 1000};
    memcpy(l->id, b->intent.id, WALLET_UUID_LEN);
    for (size_t i = 0; i < WALLET_HOLDERS_MAX; i++) {
        l->holders[i] = (struct wallet_holder){.role = LW_STR("owner"), .name = LW_STR("Wang Wei")};
    }
    l->claims[0] = (struct wallet_claim){.def = 0, .value = LW_BYTES(text_item)};
    l->claims[1] = (struct wallet_claim){.def = 5, .value = LW_BYTES(date_item)};
    b->put = (struct wallet_license_put){.license = l,
                                         .persons = b->persons,
                                         .state = WALLET_ACTIVE,
                                         .since = SUPPORT_NOW,
                                         .audit_index = 42};
}

static int make(void **state)
{
    static struct bench b;
    static const struct support_license what = {
        .number = "N-1", .version = "T-1", .version_is_key = true, .import = 9};
    memset(&b, 0, sizeof(b));
    b.record = LW_BUF(WALLET_RECORD_MAX);
    support_store_make(&b.store);
    support_unlock(&b.store);
    for (unsigned i = 0; i < WALLET_HOLDERS_MAX; i++) {
        support_person(&b.store, i, b.persons[i]);
    }
    support_intent(&b.store, &what, &b.intent);
    b.type.claim_count = 6;
    for (size_t i = 0; i < 6; i++) {
        b.type.claims[i].cwt_key = -71001 - (int64_t)i;
    }
    fill(&b);
    assert_int_equal(wallet_record_draw_salts(&b.license, b.store.options.rng).code, LW_OK);
    make_record(&b);
    *state = &b;
    return 0;
}

static int drop(void **state)
{
    struct bench *b = *state;
    lw_buf_free(&b->record);
    support_store_drop(&b->store);
    return 0;
}

static lw_err reserve(struct wallet_txn *txn, void *ctx)
{
    struct bench *b = ctx;
    return wallet_store_license_reserve(txn, &b->intent);
}

static lw_err complete(struct wallet_txn *txn, void *ctx)
{
    struct bench *b = ctx;
    return wallet_store_license_complete(txn, &b->put);
}

static void issue(struct bench *b)
{
    support_store_write(&b->store, reserve, b);
    support_store_write(&b->store, complete, b);
}

static lw_code load(const struct bench *b, enum wallet_load what, struct wallet_stored_license *out)
{
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(b->store.store, &txn).code, LW_OK);
    return wallet_store_license_load(txn, b->intent.id, what, out).code;
}

static void assert_str(lw_str is, const char *expected)
{
    assert_true(lw_str_is(is, expected));
}

static void assert_public(const struct bench *b, const struct wallet_stored_license *l)
{
    assert_memory_equal(l->license.id, b->intent.id, WALLET_UUID_LEN);
    assert_str(l->license.type, "business-license");
    assert_int_equal(l->license.type_version, 3);
    assert_str(l->license.number, "N-1");
    assert_str(l->license.version, "T-1");
    assert_str(l->license.issuer, "city-licensing");
    assert_int_equal(l->license.issued_at, SUPPORT_NOW - 5);
    assert_int_equal(l->license.valid_from, SUPPORT_NOW);
    assert_int_equal(l->license.valid_until, SUPPORT_NOW + 1000);
    assert_int_equal(l->license.holder_count, 1);
    assert_memory_equal(l->persons[0], b->persons[0], WALLET_UUID_LEN);
    assert_str(l->license.holders[0].role, "owner");
    assert_int_equal(l->state, WALLET_ACTIVE);
    assert_int_equal(l->since, SUPPORT_NOW);
    assert_int_equal(l->import, 9);
    assert_int_equal(l->audit_index, 42);
    assert_int_equal(l->changes, 0);
    assert_true(lw_bytes_eq(l->record, lw_buf_view(&b->record)));
}

static void assert_opened(const struct bench *b, const struct wallet_stored_license *l)
{
    assert_true(l->opened);
    assert_str(l->license.holders[0].code_type, "999");
    assert_str(l->license.holders[0].code, "ACCOUNT-0");
    assert_str(l->license.holders[0].name, "Wang Wei");
    assert_memory_equal(l->license.holders[0].salt, b->license.holders[0].salt, WALLET_SALT_LEN);
    assert_int_equal(l->license.claim_count, 2);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(l->license.claims[i].def, b->license.claims[i].def);
        assert_true(lw_bytes_eq(l->license.claims[i].value, b->license.claims[i].value));
        assert_memory_equal(l->license.claims[i].salt, b->license.claims[i].salt, WALLET_SALT_LEN);
    }
}

static void a_license_is_read_back_as_it_was_put(void **state)
{
    struct bench *b = *state;
    WALLET_AUTO_LICENSE l = {.state = 0};
    struct wallet_record record;
    b->put.reason = LW_STR("因为 this");
    b->put.reason_code = 12;
    b->put.predecessor = b->persons[3];
    issue(b);
    support_store_reopen(&b->store);
    support_unlock(&b->store);
    assert_int_equal(load(b, WALLET_LOAD_ALL, &l), LW_OK);
    assert_public(b, &l);
    assert_opened(b, &l);
    assert_str(l.reason, "因为 this");
    assert_int_equal(l.reason_code, 12);
    assert_true(l.has_predecessor);
    assert_false(l.has_successor);
    assert_memory_equal(l.predecessor, b->persons[3], WALLET_UUID_LEN);
    l.license.holders[0].code_type = (lw_str){0}; /* as it was signed in this test */
    l.license.holders[0].code = (lw_str){0};
    assert_int_equal(wallet_record_parse(l.record, &record).code, LW_OK);
    assert_int_equal(wallet_record_matches(&record, &b->type, &l.license).code, LW_OK);
}

static void the_public_part_opens_nothing(void **state)
{
    struct bench *b = *state;
    WALLET_AUTO_LICENSE l = {.state = 0};
    b->put.reason = LW_STR("secret");
    issue(b);
    wallet_store_lock(b->store.store);
    assert_int_equal(load(b, WALLET_LOAD_PUBLIC, &l), LW_OK);
    assert_public(b, &l);
    assert_false(l.opened);
    assert_int_equal(l.license.claim_count, 0);
    assert_int_equal(l.license.holders[0].name.len, 0);
    assert_int_equal(l.license.holders[0].code.len, 0);
    assert_int_equal(l.reason.len, 0);
    assert_int_equal(load(b, WALLET_LOAD_ALL, &l), LW_E_DENIED);
    assert_int_equal(l.license.number.len, 0); /* left empty */
}

static void salts_that_follow_from_no_seed_are_kept_themselves(void **state)
{
    struct bench *b = *state;
    WALLET_AUTO_LICENSE l = {.state = 0};
    b->license.claims[1].salt[3] ^= 1; /* the seed says otherwise */
    make_record(b);
    issue(b);
    assert_int_equal(load(b, WALLET_LOAD_ALL, &l), LW_OK);
    assert_opened(b, &l);
    assert_false(l.license.salts_seeded);
}

static void a_license_without_end_or_claims_is_kept(void **state)
{
    struct bench *b = *state;
    WALLET_AUTO_LICENSE l = {.state = 0};
    b->license.valid_until = INT64_MAX;
    b->license.claim_count = 0;
    b->put.audit_index = UINT64_MAX;
    make_record(b);
    issue(b);
    assert_int_equal(load(b, WALLET_LOAD_ALL, &l), LW_OK);
    assert_int_equal(l.license.valid_until, INT64_MAX);
    assert_int_equal(l.license.claim_count, 0);
    assert_int_equal(l.audit_index, UINT64_MAX);
}

static void the_intent_is_gone_once_it_is_completed(void **state)
{
    struct bench *b = *state;
    issue(b);
    assert_int_equal(support_count(&b->store, "intent"), 0);
    assert_int_equal(wallet_store_write(b->store.store, complete, b).code, LW_E_NOT_FOUND);
    assert_int_equal(support_count(&b->store, "license"), 1);
}

/* Bends the put, tries to complete, and expects `code` and nothing stored. */
static void refused(struct bench *b, lw_code code)
{
    assert_int_equal(wallet_store_write(b->store.store, complete, b).code, code);
    assert_int_equal(support_count(&b->store, "license"), 0);
    assert_int_equal(support_count(&b->store, "license-holder"), 0);
    assert_int_equal(support_count(&b->store, "license-count"), 0);
    assert_int_equal(support_count(&b->store, "intent"), 1);
    fill(b);
    make_record(b);
}

static void what_is_not_what_was_set_aside_is_refused(void **state)
{
    struct bench *b = *state;
    assert_int_equal(wallet_store_write(b->store.store, complete, b).code, LW_E_NOT_FOUND);
    support_store_write(&b->store, reserve, b);
    lw_str *const fields[] = {&b->license.type, &b->license.number, &b->license.version,
                              &b->license.issuer};
    for (size_t i = 0; i < 4; i++) {
        *fields[i] = LW_STR("other");
        make_record(b);
        refused(b, LW_E_CONFLICT);
    }
    b->license.id[0] ^= 1;
    refused(b, LW_E_NOT_FOUND);
    assert_int_equal(wallet_store_write(b->store.store, complete, b).code, LW_OK);
}

static void a_record_that_says_something_else_is_refused(void **state)
{
    struct bench *b = *state;
    support_store_write(&b->store, reserve, b);
    lw_str *const texts[] = {&b->license.type, &b->license.number, &b->license.version,
                             &b->license.issuer};
    for (size_t i = 0; i < 4; i++) {
        const lw_str before = *texts[i];
        *texts[i] = LW_STR("other");
        make_record(b);
        *texts[i] = before;
        refused(b, LW_E_VALUE);
    }
    int64_t *const times[] = {&b->license.issued_at, &b->license.valid_from,
                              &b->license.valid_until};
    for (size_t i = 0; i < 3; i++) {
        *times[i] += 1;
        refused(b, LW_E_VALUE);
    }
    b->license.type_version++;
    refused(b, LW_E_VALUE);
    b->put.record = (lw_bytes){0};
    refused(b, LW_E_VALUE);
    b->put.record = LW_BYTES(text_item);
    refused(b, LW_E_VALUE);
}

static void texts_states_and_times_out_of_bounds_are_refused(void **state)
{
    static char long_text[WALLET_REASON_MAX + 1];
    struct bench *b = *state;
    memset(long_text, 'r', sizeof(long_text));
    support_store_write(&b->store, reserve, b);
    b->put.state = (enum wallet_state)0;
    refused(b, LW_E_VALUE);
    b->put.state = (enum wallet_state)(WALLET_SUPERSEDED + 1);
    refused(b, LW_E_VALUE);
    b->put.successor = b->persons[1]; /* of an active license */
    refused(b, LW_E_VALUE);
    b->put.reason = (lw_str){long_text, sizeof(long_text)};
    refused(b, LW_E_VALUE);
    b->put.reason = LW_STR("\xff");
    refused(b, LW_E_VALUE);
    b->license.holders[0].role = (lw_str){0};
    refused(b, LW_E_VALUE);
    b->license.holders[0].role = (lw_str){long_text, WALLET_ROLE_MAX + 1};
    refused(b, LW_E_VALUE);
    b->license.holders[0].name = (lw_str){long_text, WALLET_NAME_MAX + 1};
    refused(b, LW_E_VALUE);
    b->license.valid_until = b->license.valid_from - 1;
    make_record(b);
    refused(b, LW_E_VALUE);
}

static void holders_that_are_none_too_many_twice_or_unknown_are_refused(void **state)
{
    struct bench *b = *state;
    const uint8_t person[WALLET_UUID_LEN] = {0};
    uint8_t kept[WALLET_UUID_LEN];
    support_store_write(&b->store, reserve, b);
    memcpy(kept, b->persons[0], sizeof(kept));
    b->license.holder_count = 0;
    refused(b, LW_E_VALUE);
    b->license.holder_count = WALLET_HOLDERS_MAX + 1;
    refused(b, LW_E_VALUE);
    b->license.holder_count = 2;
    memcpy(b->persons[0], b->persons[1], sizeof(kept));
    refused(b, LW_E_CONFLICT);
    memcpy(b->persons[0], person, sizeof(kept));
    refused(b, LW_E_NOT_FOUND);
    b->license.holder_count = 2;
    refused(b, LW_E_NOT_FOUND);
    memcpy(b->persons[0], kept, sizeof(kept));
    assert_int_equal(wallet_store_write(b->store.store, complete, b).code, LW_OK);
}

static void claims_that_are_no_items_are_refused(void **state)
{
    static const uint8_t two_items[] = {1, 2};
    struct bench *b = *state;
    support_store_write(&b->store, reserve, b);
    b->license.claims[1].value = (lw_bytes){0};
    refused(b, LW_E_VALUE);
    b->license.claims[1].value = LW_BYTES(two_items);
    refused(b, LW_E_VALUE);
    b->license.claims[1].def = WALLET_CLAIMS_MAX;
    refused(b, LW_E_VALUE);
    b->license.claim_count = WALLET_CLAIMS_MAX + 1;
    refused(b, LW_E_VALUE);
}

static void nothing_is_completed_while_the_store_is_locked(void **state)
{
    struct bench *b = *state;
    support_store_write(&b->store, reserve, b);
    wallet_store_lock(b->store.store);
    refused(b, LW_E_DENIED);
}

static void a_license_can_be_read_over_the_one_before(void **state)
{
    struct bench *b = *state;
    WALLET_AUTO_LICENSE l = {.state = 0};
    WALLET_AUTO_TXN txn = NULL;
    issue(b);
    assert_int_equal(load(b, WALLET_LOAD_ALL, &l), LW_OK);
    assert_int_equal(wallet_read_begin(b->store.store, &txn).code, LW_OK);
    /* by the id that lies in it */
    assert_int_equal(wallet_store_license_load(txn, l.license.id, WALLET_LOAD_ALL, &l).code, LW_OK);
    assert_public(b, &l);
    assert_opened(b, &l);
    wallet_stored_license_free(&l);
    wallet_stored_license_free(&l);
    assert_null(l.public_bytes.ptr);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_license_is_read_back_as_it_was_put, make, drop),
        cmocka_unit_test_setup_teardown(the_public_part_opens_nothing, make, drop),
        cmocka_unit_test_setup_teardown(salts_that_follow_from_no_seed_are_kept_themselves, make,
                                        drop),
        cmocka_unit_test_setup_teardown(a_license_without_end_or_claims_is_kept, make, drop),
        cmocka_unit_test_setup_teardown(the_intent_is_gone_once_it_is_completed, make, drop),
        cmocka_unit_test_setup_teardown(what_is_not_what_was_set_aside_is_refused, make, drop),
        cmocka_unit_test_setup_teardown(a_record_that_says_something_else_is_refused, make, drop),
        cmocka_unit_test_setup_teardown(texts_states_and_times_out_of_bounds_are_refused, make,
                                        drop),
        cmocka_unit_test_setup_teardown(holders_that_are_none_too_many_twice_or_unknown_are_refused,
                                        make, drop),
        cmocka_unit_test_setup_teardown(claims_that_are_no_items_are_refused, make, drop),
        cmocka_unit_test_setup_teardown(nothing_is_completed_while_the_store_is_locked, make, drop),
        cmocka_unit_test_setup_teardown(a_license_can_be_read_over_the_one_before, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
