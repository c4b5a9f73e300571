/* Changes of a license's state, and the chain of a number's versions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "records.h"

struct bench {
    struct support_store store;
    uint8_t person[1][WALLET_UUID_LEN];
};

static int make(void **state)
{
    static struct bench b;
    support_store_make(&b.store);
    support_unlock(&b.store);
    support_person(&b.store, 1, b.person[0]);
    *state = &b;
    return 0;
}

static int drop(void **state)
{
    support_store_drop(&((struct bench *)*state)->store);
    return 0;
}

static lw_code try_issue(struct bench *b, const char *number, const char *version,
                         enum wallet_state state, uint8_t id[WALLET_UUID_LEN])
{
    const struct support_license what = {.number = number,
                                         .version = version,
                                         .state = state,
                                         .persons = b->person,
                                         .person_count = 1};
    return support_license(&b->store, &what, id).code;
}

static void load(const struct bench *b, const uint8_t id[WALLET_UUID_LEN],
                 struct wallet_stored_license *out)
{
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(b->store.store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_license_load(txn, id, WALLET_LOAD_ALL, out).code, LW_OK);
}

static enum wallet_state state_of(const struct bench *b, const uint8_t id[WALLET_UUID_LEN])
{
    WALLET_AUTO_LICENSE l = {.state = 0};
    load(b, id, &l);
    return l.state;
}

static void counts_are(const struct bench *b, const char *type, const uint64_t expected[6])
{
    WALLET_AUTO_TXN txn = NULL;
    uint64_t counts[WALLET_SUPERSEDED + 1];
    assert_int_equal(wallet_read_begin(b->store.store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_license_count(txn, lw_str_c(type), counts).code, LW_OK);
    assert_memory_equal(counts, expected, sizeof(counts));
}

static void from_every_state_only_the_rule_decides_where_to(void **state)
{
    struct bench *b = *state;
    for (unsigned from = WALLET_ACTIVE; from <= WALLET_SUPERSEDED; from++) {
        for (unsigned to = WALLET_ACTIVE; to <= WALLET_SUPERSEDED; to++) {
            char number[32];
            uint8_t id[WALLET_UUID_LEN];
            (void)snprintf(number, sizeof(number), "N-%u-%u", from, to);
            assert_int_equal(try_issue(b, number, "1", (enum wallet_state)from, id), LW_OK);
            const bool may =
                wallet_state_may_follow((enum wallet_state)from, (enum wallet_state)to);
            assert_int_equal(support_state(&b->store, id, (enum wallet_state)to, "why").code,
                             may ? LW_OK : LW_E_CONFLICT);
            assert_int_equal(state_of(b, id), may ? to : from);
        }
    }
}

static void final_states_never_go_back(void **state)
{
    static const enum wallet_state finals[] = {WALLET_REVOKED, WALLET_CANCELLED, WALLET_SUPERSEDED};
    struct bench *b = *state;
    for (size_t i = 0; i < 3; i++) {
        char number[32];
        uint8_t id[WALLET_UUID_LEN];
        (void)snprintf(number, sizeof(number), "N-%zu", i);
        assert_int_equal(try_issue(b, number, "1", WALLET_ACTIVE, id), LW_OK);
        assert_int_equal(support_state(&b->store, id, finals[i], NULL).code, LW_OK);
        for (unsigned to = WALLET_ACTIVE; to <= WALLET_SUPERSEDED; to++) {
            assert_int_equal(support_state(&b->store, id, (enum wallet_state)to, NULL).code,
                             LW_E_CONFLICT);
        }
        assert_int_equal(state_of(b, id), finals[i]);
    }
}

struct change {
    const uint8_t *id;
    struct wallet_state_change change;
    enum wallet_state from;
};

static lw_err set_state(struct wallet_txn *txn, void *ctx)
{
    struct change *c = ctx;
    return wallet_store_license_set_state(txn, c->id, &c->change, &c->from);
}

static void a_change_says_from_where_why_and_since_when(void **state)
{
    struct bench *b = *state;
    uint8_t id[WALLET_UUID_LEN];
    WALLET_AUTO_LICENSE l = {.state = 0};
    assert_int_equal(try_issue(b, "N-1", "1", WALLET_ACTIVE, id), LW_OK);
    struct change c = {.id = id,
                       .change = {.to = WALLET_SUSPENDED,
                                  .since = SUPPORT_NOW + 10,
                                  .reason_code = 4,
                                  .reason = LW_STR("暂扣三个月")}};
    assert_int_equal(wallet_store_write(b->store.store, set_state, &c).code, LW_OK);
    assert_int_equal(c.from, WALLET_ACTIVE);
    load(b, id, &l);
    assert_int_equal(l.state, WALLET_SUSPENDED);
    assert_int_equal(l.since, SUPPORT_NOW + 10);
    assert_int_equal(l.reason_code, 4);
    assert_true(lw_str_is(l.reason, "暂扣三个月"));
    assert_int_equal(l.changes, 1);
    c.change = (struct wallet_state_change){.to = WALLET_ACTIVE, .since = SUPPORT_NOW + 20};
    assert_int_equal(wallet_store_write(b->store.store, set_state, &c).code, LW_OK);
    load(b, id, &l);
    assert_int_equal(l.reason.len, 0);
    assert_int_equal(l.reason_code, 0);
    assert_int_equal(l.changes, 2);
    c.change.to = WALLET_REVOKED;
    assert_int_equal(wallet_store_write(b->store.store, set_state, &c).code, LW_OK);
    c.from = 0;
    assert_int_equal(wallet_store_write(b->store.store, set_state, &c).code, LW_E_CONFLICT);
    assert_int_equal(c.from, WALLET_REVOKED);
}

static void changes_that_make_no_sense_are_refused(void **state)
{
    static char long_text[WALLET_REASON_MAX + 1];
    struct bench *b = *state;
    uint8_t id[WALLET_UUID_LEN];
    const uint8_t none[WALLET_UUID_LEN] = {0};
    memset(long_text, 'r', sizeof(long_text));
    assert_int_equal(try_issue(b, "N-1", "1", WALLET_ACTIVE, id), LW_OK);
    const struct wallet_state_change bad[] = {
        {.to = (enum wallet_state)0},
        {.to = (enum wallet_state)(WALLET_SUPERSEDED + 1)},
        {.to = WALLET_SUSPENDED, .reason = {long_text, sizeof(long_text)}},
        {.to = WALLET_SUSPENDED, .reason = LW_STR("a\nb")},
        {.to = WALLET_REVOKED, .successor = id},
    };
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct change c = {.id = id, .change = bad[i]};
        assert_int_equal(wallet_store_write(b->store.store, set_state, &c).code, LW_E_VALUE);
    }
    assert_int_equal(state_of(b, id), WALLET_ACTIVE);
    assert_int_equal(support_state(&b->store, none, WALLET_REVOKED, NULL).code, LW_E_NOT_FOUND);
    assert_int_equal(
        support_state(&b->store, id, WALLET_SUSPENDED, "within the limit of its text").code, LW_OK);
}

static void with_the_store_locked_only_a_change_without_text_is_possible(void **state)
{
    struct bench *b = *state;
    uint8_t id[WALLET_UUID_LEN];
    assert_int_equal(try_issue(b, "N-1", "1", WALLET_ACTIVE, id), LW_OK);
    wallet_store_lock(b->store.store);
    assert_int_equal(support_state(&b->store, id, WALLET_REVOKED, "why").code, LW_E_DENIED);
    assert_int_equal(support_state(&b->store, id, WALLET_REVOKED, NULL).code, LW_OK);
    support_unlock(&b->store);
    assert_int_equal(state_of(b, id), WALLET_REVOKED);
}

static void a_reason_belongs_to_its_change_only(void **state)
{
    struct bench *b = *state;
    uint8_t id[WALLET_UUID_LEN];
    WALLET_AUTO_TXN txn = NULL;
    WALLET_AUTO_LICENSE l = {.state = 0};
    LW_AUTO_BUF before = LW_BUF(4096);
    assert_int_equal(try_issue(b, "N-1", "1", WALLET_ACTIVE, id), LW_OK);
    assert_int_equal(support_state(&b->store, id, WALLET_SUSPENDED, "first").code, LW_OK);
    support_get(&b->store, "license", LW_BYTES(id), &before);
    /* [1, state, since (5 bytes), reason code, changes, ...: one more change, the old reason */
    assert_int_equal(before.ptr[9], 1);
    before.ptr[9] = 2;
    support_put_summed(&b->store, "license", LW_BYTES(id), lw_buf_view(&before));
    assert_int_equal(wallet_read_begin(b->store.store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_license_load(txn, id, WALLET_LOAD_ALL, &l).code, LW_E_SIGNATURE);
}

static void counts_follow_the_states(void **state)
{
    struct bench *b = *state;
    uint8_t ids[4][WALLET_UUID_LEN];
    counts_are(b, "", (uint64_t[6]){0});
    for (unsigned i = 0; i < 4; i++) {
        char number[32];
        (void)snprintf(number, sizeof(number), "N-%u", i);
        assert_int_equal(try_issue(b, number, "1", WALLET_ACTIVE, ids[i]), LW_OK);
    }
    counts_are(b, "business-license", (uint64_t[6]){[WALLET_ACTIVE] = 4});
    assert_int_equal(support_state(&b->store, ids[0], WALLET_SUSPENDED, NULL).code, LW_OK);
    assert_int_equal(support_state(&b->store, ids[1], WALLET_REVOKED, NULL).code, LW_OK);
    assert_int_equal(support_state(&b->store, ids[1], WALLET_ACTIVE, NULL).code, LW_E_CONFLICT);
    counts_are(b, "",
               (uint64_t[6]){[WALLET_ACTIVE] = 2, [WALLET_SUSPENDED] = 1, [WALLET_REVOKED] = 1});
    counts_are(b, "business", (uint64_t[6]){0});
}

static void a_new_version_wants_the_old_one_out_of_the_way(void **state)
{
    struct bench *b = *state;
    uint8_t ids[3][WALLET_UUID_LEN];
    WALLET_AUTO_LICENSE l = {.state = 0};
    assert_int_equal(try_issue(b, "N-1", "1", WALLET_SUSPENDED, ids[0]), LW_OK);
    for (unsigned to = WALLET_ACTIVE; to <= WALLET_SUSPENDED; to++) {
        assert_int_equal(try_issue(b, "N-1", "2", (enum wallet_state)to, ids[1]), LW_E_CONFLICT);
    }
    assert_int_equal(support_count(&b->store, "intent"), 0); /* undone with the rest */
    struct change c = {.id = ids[0], .change = {.to = WALLET_SUPERSEDED, .successor = ids[1]}};
    assert_int_equal(wallet_store_write(b->store.store, set_state, &c).code, LW_OK);
    assert_int_equal(try_issue(b, "N-1", "2", WALLET_ACTIVE, ids[1]), LW_OK);
    load(b, ids[0], &l);
    assert_true(l.has_successor);
    assert_int_equal(support_state(&b->store, ids[1], WALLET_REVOKED, NULL).code, LW_OK);
    assert_int_equal(try_issue(b, "N-1", "3", WALLET_ACTIVE, ids[2]), LW_OK);
}

static lw_err find_newest(struct bench *b, uint8_t id[WALLET_UUID_LEN])
{
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(b->store.store, &txn));
    return wallet_store_license_find(txn, LW_STR("business-license"), LW_STR("N-1"), id);
}

static void a_version_in_a_final_state_may_come_at_any_time(void **state)
{
    static const enum wallet_state finals[] = {WALLET_SUPERSEDED, WALLET_REVOKED, WALLET_CANCELLED};
    struct bench *b = *state;
    uint8_t ids[4][WALLET_UUID_LEN];
    uint8_t id[WALLET_UUID_LEN];
    assert_int_equal(try_issue(b, "N-1", "1", WALLET_ACTIVE, ids[0]), LW_OK);
    for (unsigned i = 0; i < 3; i++) {
        const char version[2] = {(char)('2' + i), '\0'};
        assert_int_equal(try_issue(b, "N-1", version, finals[i], ids[i + 1]), LW_OK);
    }
    assert_int_equal(state_of(b, ids[0]), WALLET_ACTIVE);
    assert_int_equal(find_newest(b, id).code, LW_OK);
    assert_memory_equal(id, ids[0], sizeof(id)); /* what is in force stands for the number */
}

static void a_superseded_version_does_not_stand_for_its_number(void **state)
{
    struct bench *b = *state;
    uint8_t ids[3][WALLET_UUID_LEN];
    uint8_t id[WALLET_UUID_LEN];
    assert_int_equal(try_issue(b, "N-1", "1", WALLET_CANCELLED, ids[0]), LW_OK);
    assert_int_equal(try_issue(b, "N-1", "2", WALLET_REVOKED, ids[1]), LW_OK);
    assert_int_equal(try_issue(b, "N-1", "3", WALLET_SUPERSEDED, ids[2]), LW_OK);
    assert_int_equal(find_newest(b, id).code, LW_OK);
    assert_memory_equal(id, ids[1], sizeof(id));
}

static void versions_stand_in_order_and_the_last_is_found_by_number(void **state)
{
    enum { VERSIONS = 5 };
    struct bench *b = *state;
    uint8_t ids[VERSIONS][WALLET_UUID_LEN];
    uint8_t id[WALLET_UUID_LEN];
    const lw_str type = LW_STR("business-license");
    for (unsigned i = 0; i < VERSIONS; i++) {
        const char version[2] = {(char)('9' - i), '\0'}; /* not in the order of their texts */
        assert_int_equal(try_issue(b, "N-1", version,
                                   i == VERSIONS - 1 ? WALLET_ACTIVE : WALLET_SUPERSEDED, ids[i]),
                         LW_OK);
    }
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(b->store.store, &txn).code, LW_OK);
    for (size_t room = 1; room <= VERSIONS + 1; room++) {
        struct wallet_page page = {.len = 0};
        uint8_t found[VERSIONS + 1][WALLET_UUID_LEN];
        size_t total = 0;
        while (!page.end) {
            size_t count = room;
            assert_int_equal(
                wallet_store_license_versions(txn, type, LW_STR("N-1"), &page, found, &count).code,
                LW_OK);
            for (size_t i = 0; i < count; i++) {
                assert_memory_equal(found[i], ids[total++], WALLET_UUID_LEN);
            }
        }
        assert_int_equal(total, VERSIONS);
    }
    assert_int_equal(wallet_store_license_find(txn, type, LW_STR("N-1"), id).code, LW_OK);
    assert_memory_equal(id, ids[VERSIONS - 1], WALLET_UUID_LEN);
    assert_int_equal(
        wallet_store_license_find_version(txn, type, LW_STR("N-1"), LW_STR("8"), id).code, LW_OK);
    assert_memory_equal(id, ids[1], WALLET_UUID_LEN);
    assert_int_equal(
        wallet_store_license_find_version(txn, type, LW_STR("N-1"), LW_STR("1"), id).code,
        LW_E_NOT_FOUND);
}

static void a_number_that_two_types_share_needs_its_type(void **state)
{
    struct bench *b = *state;
    static const char *const types[] = {"food-permit", "shop-permit"};
    uint8_t ids[2][WALLET_UUID_LEN];
    uint8_t id[WALLET_UUID_LEN];
    struct wallet_type_id found[2];
    size_t count = 1;
    for (size_t i = 0; i < 2; i++) {
        const struct support_license what = {
            .type = types[i], .number = "77", .persons = b->person, .person_count = 1};
        assert_int_equal(support_license(&b->store, &what, ids[i]).code, LW_OK);
    }
    assert_int_equal(try_issue(b, "778", "1", WALLET_ACTIVE, id), LW_OK); /* begins alike */
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(b->store.store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_license_find(txn, (lw_str){0}, LW_STR("77"), id).code,
                     LW_E_CONFLICT);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(wallet_store_license_find(txn, lw_str_c(types[i]), LW_STR("77"), id).code,
                         LW_OK);
        assert_memory_equal(id, ids[i], WALLET_UUID_LEN);
    }
    assert_int_equal(wallet_store_license_types(txn, LW_STR("77"), found, &count).code, LW_OK);
    assert_int_equal(count, 2); /* more than there was room for */
    assert_int_equal(wallet_store_license_types(txn, LW_STR("77"), found, &count).code, LW_OK);
    assert_string_equal(found[0].text, types[0]);
    assert_string_equal(found[1].text, types[1]);
    assert_int_equal(wallet_store_license_find(txn, (lw_str){0}, LW_STR("778"), id).code, LW_OK);
}

static void an_index_that_leads_to_another_license_is_damage(void **state)
{
    struct bench *b = *state;
    uint8_t ids[2][WALLET_UUID_LEN];
    uint8_t id[1][WALLET_UUID_LEN];
    const lw_str type = LW_STR("business-license");
    const lw_str number = LW_STR("N-1");
    const lw_bytes key = lw_str_bytes(LW_STR("N-1\0business-license\0\0\0\0\x01"));
    struct wallet_page page = {.len = 0};
    struct wallet_type_id types[1];
    size_t count = 1;
    LW_AUTO_BUF value = LW_BUF(64);
    assert_int_equal(try_issue(b, "N-1", "1", WALLET_ACTIVE, ids[0]), LW_OK);
    assert_int_equal(try_issue(b, "N-2", "1", WALLET_ACTIVE, ids[1]), LW_OK);
    support_get(&b->store, "license-number", key, &value);
    memcpy(value.ptr + value.len - WALLET_UUID_LEN, ids[1], WALLET_UUID_LEN);
    support_put(&b->store, "license-number", key, lw_buf_view(&value));
    for (unsigned i = 0; i < 2; i++) { /* to another's license, then nowhere */
        WALLET_AUTO_TXN txn = NULL;
        assert_int_equal(wallet_read_begin(b->store.store, &txn).code, LW_OK);
        assert_int_equal(wallet_store_license_find(txn, type, number, id[0]).code, LW_E_CORRUPT);
        assert_int_equal(
            wallet_store_license_find_version(txn, type, number, LW_STR("1"), id[0]).code,
            LW_E_CORRUPT);
        assert_int_equal(wallet_store_license_types(txn, number, types, &count).code, LW_E_CORRUPT);
        count = 1;
        assert_int_equal(wallet_store_license_versions(txn, type, number, &page, id, &count).code,
                         LW_E_CORRUPT);
        wallet_txn_end(txn);
        txn = NULL;
        assert_int_equal(try_issue(b, "N-1", "2", WALLET_ACTIVE, id[0]), LW_E_CORRUPT);
        support_flip(&b->store, "license-number", key, 0);
    }
}

static void numbers_and_types_of_no_such_length_are_not_found(void **state)
{
    struct bench *b = *state;
    char text[WALLET_NUMBER_MAX + 1];
    uint8_t id[1][WALLET_UUID_LEN];
    struct wallet_page page = {.len = 0};
    struct wallet_intent intent;
    size_t count = 1;
    memset(text, 'n', sizeof(text));
    const lw_str over = {text, sizeof(text)};
    const lw_str type = LW_STR("t");
    const lw_str none = {0};
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(b->store.store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_license_find(txn, none, over, id[0]).code, LW_E_NOT_FOUND);
    assert_int_equal(wallet_store_license_find(txn, over, type, id[0]).code, LW_E_NOT_FOUND);
    assert_int_equal(wallet_store_license_find(txn, type, none, id[0]).code, LW_E_NOT_FOUND);
    assert_int_equal(wallet_store_license_find_version(txn, none, type, type, id[0]).code,
                     LW_E_NOT_FOUND);
    assert_int_equal(wallet_store_license_find_version(txn, type, over, type, id[0]).code,
                     LW_E_NOT_FOUND);
    assert_int_equal(wallet_store_intent_find(txn, none, type, type, &intent).code, LW_E_NOT_FOUND);
    assert_int_equal(wallet_store_license_versions(txn, none, type, &page, id, &count).code, LW_OK);
    assert_true(page.end);
    assert_int_equal(count, 0);
    count = 1;
    assert_int_equal(wallet_store_license_types(txn, over, NULL, &count).code, LW_OK);
    assert_int_equal(count, 0);
}

struct link {
    uint8_t old[WALLET_UUID_LEN];
    uint8_t successor[WALLET_UUID_LEN];
};

static lw_err put_link(struct wallet_txn *txn, void *ctx)
{
    const struct link *l = ctx;
    return wallet_store_license_mended(txn, l->old, l->successor);
}

static void what_was_ended_is_linked_once_to_what_mends_it(void **state)
{
    struct bench *b = *state;
    struct link l;
    WALLET_AUTO_LICENSE stored = {.state = 0};
    assert_int_equal(try_issue(b, "M-1", "1", WALLET_ACTIVE, l.old), LW_OK);
    assert_int_equal(try_issue(b, "M-2", "1", WALLET_ACTIVE, l.successor), LW_OK);
    assert_int_equal(wallet_store_write(b->store.store, put_link, &l).code, LW_E_CONFLICT);
    assert_int_equal(support_state(&b->store, l.old, WALLET_REVOKED, NULL).code, LW_OK);
    support_store_write(&b->store, put_link, &l);
    load(b, l.old, &stored);
    assert_int_equal(stored.state, WALLET_REVOKED);
    assert_true(stored.has_successor);
    assert_memory_equal(stored.successor, l.successor, WALLET_UUID_LEN);
    assert_int_equal(wallet_store_write(b->store.store, put_link, &l).code, LW_E_CONFLICT);
    memset(l.old, 0xee, sizeof(l.old));
    assert_int_equal(wallet_store_write(b->store.store, put_link, &l).code, LW_E_NOT_FOUND);
}

static void a_list_can_begin_right_before_an_id(void **state)
{
    struct bench *b = *state;
    uint8_t ids[3][WALLET_UUID_LEN];
    const struct wallet_license_filter all = {.newest_first = false};
    for (size_t i = 0; i < 3; i++) {
        char number[8];
        (void)snprintf(number, sizeof(number), "L-%zu", i);
        assert_int_equal(try_issue(b, number, "1", WALLET_ACTIVE, ids[i]), LW_OK);
    }
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(b->store.store, &txn).code, LW_OK);
    for (size_t i = 0; i < 3; i++) {
        uint8_t found[4][WALLET_UUID_LEN];
        size_t count = 4;
        struct wallet_page page = wallet_store_license_before(ids[i]);
        assert_int_equal(wallet_store_license_page(txn, &all, &page, found, &count).code, LW_OK);
        assert_int_equal(count, 3 - i);
        assert_memory_equal(found[0], ids[i], WALLET_UUID_LEN);
    }
    static const uint8_t least[WALLET_UUID_LEN] = {0};
    static const uint8_t borrow[WALLET_UUID_LEN] = {1};
    assert_int_equal(wallet_store_license_before(least).len, 0);
    const struct wallet_page before = wallet_store_license_before(borrow);
    assert_int_equal(before.at[0], 0);
    assert_int_equal(before.at[1], 0xff);
    assert_int_equal(before.at[WALLET_UUID_LEN - 1], 0xff);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(from_every_state_only_the_rule_decides_where_to, make,
                                        drop),
        cmocka_unit_test_setup_teardown(final_states_never_go_back, make, drop),
        cmocka_unit_test_setup_teardown(a_change_says_from_where_why_and_since_when, make, drop),
        cmocka_unit_test_setup_teardown(changes_that_make_no_sense_are_refused, make, drop),
        cmocka_unit_test_setup_teardown(
            with_the_store_locked_only_a_change_without_text_is_possible, make, drop),
        cmocka_unit_test_setup_teardown(a_reason_belongs_to_its_change_only, make, drop),
        cmocka_unit_test_setup_teardown(counts_follow_the_states, make, drop),
        cmocka_unit_test_setup_teardown(a_new_version_wants_the_old_one_out_of_the_way, make, drop),
        cmocka_unit_test_setup_teardown(a_version_in_a_final_state_may_come_at_any_time, make,
                                        drop),
        cmocka_unit_test_setup_teardown(a_superseded_version_does_not_stand_for_its_number, make,
                                        drop),
        cmocka_unit_test_setup_teardown(versions_stand_in_order_and_the_last_is_found_by_number,
                                        make, drop),
        cmocka_unit_test_setup_teardown(a_number_that_two_types_share_needs_its_type, make, drop),
        cmocka_unit_test_setup_teardown(an_index_that_leads_to_another_license_is_damage, make,
                                        drop),
        cmocka_unit_test_setup_teardown(numbers_and_types_of_no_such_length_are_not_found, make,
                                        drop),
        cmocka_unit_test_setup_teardown(what_was_ended_is_linked_once_to_what_mends_it, make, drop),
        cmocka_unit_test_setup_teardown(a_list_can_begin_right_before_an_id, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
