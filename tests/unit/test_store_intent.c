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

static lw_err reserve(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_license_reserve(txn, ctx);
}

static lw_err void_intent(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_license_void(txn, ctx);
}

static lw_err note_digest(struct wallet_txn *txn, void *ctx)
{
    const struct wallet_intent *intent = ctx;
    return wallet_store_license_signs(txn, intent->id, intent->signs);
}

static struct wallet_intent intent_of(struct support_store *f, const char *type, const char *number,
                                      const char *version, bool is_key)
{
    const struct support_license what = {
        .type = type, .number = number, .version = version, .version_is_key = is_key, .import = 7};
    struct wallet_intent intent;
    support_intent(f, &what, &intent);
    return intent;
}

static lw_code write(struct support_store *f, wallet_write_fn *fn, void *ctx)
{
    return wallet_store_write(f->store, fn, ctx).code;
}

/* Number `n` in the store's time is a license with the state active. */
static void issue(struct support_store *f, const char *type, const char *number,
                  const char *version)
{
    uint8_t person[1][WALLET_UUID_LEN];
    uint8_t id[WALLET_UUID_LEN];
    support_person(f, 1, person[0]);
    const struct support_license what = {.type = type,
                                         .number = number,
                                         .version = version,
                                         .persons = person,
                                         .person_count = 1,
                                         .version_is_key = true};
    assert_int_equal(support_license(f, &what, id).code, LW_OK);
}

static void what_was_set_aside_is_found_again(void **state)
{
    struct support_store *f = *state;
    struct wallet_intent intent = intent_of(f, "permit", "N-1", "T-9", true);
    struct wallet_intent found;
    memset(intent.signs, 0xab, sizeof(intent.signs));
    assert_int_equal(write(f, reserve, &intent), LW_OK);
    support_store_reopen(f);
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_intent_get(txn, intent.id, &found).code, LW_OK);
    assert_memory_equal(found.id, intent.id, sizeof(found.id));
    assert_string_equal(found.type, "permit");
    assert_string_equal(found.number, "N-1");
    assert_string_equal(found.version, "T-9");
    assert_string_equal(found.issuer, "city-licensing");
    assert_true(found.version_is_key);
    assert_int_equal(found.created, SUPPORT_NOW);
    assert_int_equal(found.import, 7);
    assert_memory_equal(found.signs, intent.signs, sizeof(found.signs));
    assert_int_equal(
        wallet_store_intent_find(txn, LW_STR("permit"), LW_STR("N-1"), LW_STR("T-9"), &found).code,
        LW_OK);
    assert_memory_equal(found.id, intent.id, sizeof(found.id));
}

static void an_intent_is_no_license(void **state)
{
    struct support_store *f = *state;
    struct wallet_intent intent = intent_of(f, "permit", "N-1", "1", false);
    WALLET_AUTO_LICENSE license = {.state = 0};
    struct wallet_page page = {.len = 0};
    struct wallet_type_id types[1];
    uint8_t id[1][WALLET_UUID_LEN];
    size_t count = 1;
    assert_int_equal(write(f, reserve, &intent), LW_OK);
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    const lw_str type = LW_STR("permit");
    const lw_str number = LW_STR("N-1");
    assert_int_equal(wallet_store_license_load(txn, intent.id, WALLET_LOAD_PUBLIC, &license).code,
                     LW_E_NOT_FOUND);
    assert_int_equal(wallet_store_license_find(txn, type, number, id[0]).code, LW_E_NOT_FOUND);
    assert_int_equal(wallet_store_license_find(txn, (lw_str){0}, number, id[0]).code,
                     LW_E_NOT_FOUND);
    assert_int_equal(wallet_store_license_find_version(txn, type, number, LW_STR("1"), id[0]).code,
                     LW_E_NOT_FOUND);
    assert_int_equal(wallet_store_license_types(txn, number, types, &count).code, LW_OK);
    assert_int_equal(count, 0);
    count = 1;
    assert_int_equal(wallet_store_license_versions(txn, type, number, &page, id, &count).code,
                     LW_OK);
    assert_int_equal(count, 0);
}

static void a_version_of_a_number_is_set_aside_once(void **state)
{
    struct support_store *f = *state;
    struct wallet_intent first = intent_of(f, "permit", "N-1", "1", false);
    struct wallet_intent same = intent_of(f, "permit", "N-1", "1", false);
    struct wallet_intent next = intent_of(f, "permit", "N-1", "2", false);
    struct wallet_intent other_type = intent_of(f, "pass-card", "N-1", "1", false);
    assert_int_equal(write(f, reserve, &first), LW_OK);
    assert_int_equal(write(f, reserve, &same), LW_E_CONFLICT);
    assert_int_equal(write(f, reserve, &next), LW_OK);
    assert_int_equal(write(f, reserve, &other_type), LW_OK);
    assert_int_equal(support_count(f, "intent"), 3);
    assert_int_equal(support_count(f, "license-number"), 3);
}

static void a_license_holds_its_version_against_intents(void **state)
{
    struct support_store *f = *state;
    struct wallet_intent same = intent_of(f, "permit", "N-1", "T-1", true);
    struct wallet_intent other_number = intent_of(f, "permit", "N-2", "T-1", true);
    struct wallet_intent other_key = intent_of(f, "permit", "N-1", "T-2", true);
    issue(f, "permit", "N-1", "T-1");
    assert_int_equal(write(f, reserve, &same), LW_E_CONFLICT);
    assert_int_equal(write(f, reserve, &other_number), LW_E_CONFLICT); /* the term's key */
    assert_int_equal(write(f, reserve, &other_key), LW_OK);
}

static void a_terms_key_is_unique_within_its_type_only(void **state)
{
    struct support_store *f = *state;
    struct wallet_intent first = intent_of(f, "permit", "N-1", "T-1", true);
    struct wallet_intent other_type = intent_of(f, "pass-card", "N-2", "T-1", true);
    struct wallet_intent count_1 = intent_of(f, "permit", "N-3", "1", false);
    struct wallet_intent count_2 = intent_of(f, "permit", "N-4", "1", false);
    assert_int_equal(write(f, reserve, &first), LW_OK);
    assert_int_equal(write(f, reserve, &other_type), LW_OK);
    assert_int_equal(write(f, reserve, &count_1), LW_OK);
    assert_int_equal(write(f, reserve, &count_2), LW_OK);
}

static bool key_taken(struct support_store *f, const char *type, const char *version)
{
    WALLET_AUTO_TXN txn = NULL;
    bool taken = false;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(
        wallet_store_license_key_taken(txn, lw_str_c(type), lw_str_c(version), &taken).code, LW_OK);
    return taken;
}

static void a_terms_key_is_known_to_be_taken(void **state)
{
    struct support_store *f = *state;
    struct wallet_intent open = intent_of(f, "permit", "N-1", "T-1", true);
    struct wallet_intent counted = intent_of(f, "permit", "N-3", "1", false);
    assert_false(key_taken(f, "permit", "T-1"));
    assert_int_equal(write(f, reserve, &open), LW_OK);
    assert_int_equal(write(f, reserve, &counted), LW_OK);
    assert_true(key_taken(f, "permit", "T-1"));
    assert_false(key_taken(f, "pass-card", "T-1"));
    assert_false(key_taken(f, "permit", "1")); /* a count is no key */
    assert_int_equal(write(f, void_intent, open.id), LW_OK);
    assert_false(key_taken(f, "permit", "T-1"));
}

static void a_type_and_a_key_do_not_run_into_each_other(void **state)
{
    struct support_store *f = *state;
    struct wallet_intent one = intent_of(f, "ab", "N-1", "c", true);
    struct wallet_intent two = intent_of(f, "a", "N-1", "bc", true);
    assert_int_equal(write(f, reserve, &one), LW_OK);
    assert_int_equal(write(f, reserve, &two), LW_OK);
}

static void an_id_serves_once(void **state)
{
    struct support_store *f = *state;
    struct wallet_intent first = intent_of(f, "permit", "N-1", "1", false);
    struct wallet_intent again = intent_of(f, "permit", "N-2", "1", false);
    uint8_t license[WALLET_UUID_LEN];
    memcpy(again.id, first.id, sizeof(again.id));
    assert_int_equal(write(f, reserve, &first), LW_OK);
    assert_int_equal(write(f, reserve, &again), LW_E_CONFLICT);
    issue(f, "permit", "N-3", "1");
    {
        WALLET_AUTO_TXN txn = NULL;
        assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
        assert_int_equal(wallet_store_license_find(txn, (lw_str){0}, LW_STR("N-3"), license).code,
                         LW_OK);
    }
    memcpy(again.id, license, sizeof(again.id));
    assert_int_equal(write(f, reserve, &again), LW_E_CONFLICT);
    assert_int_equal(support_count(f, "license-number"), 2); /* nothing is half done */
}

static void a_voided_intent_gives_number_and_key_back(void **state)
{
    struct support_store *f = *state;
    struct wallet_intent first = intent_of(f, "permit", "N-1", "T-1", true);
    struct wallet_intent again = intent_of(f, "permit", "N-1", "T-1", true);
    struct wallet_intent found;
    assert_int_equal(write(f, reserve, &first), LW_OK);
    assert_int_equal(write(f, void_intent, first.id), LW_OK);
    assert_int_equal(support_count(f, "intent"), 0);
    assert_int_equal(support_count(f, "license-number"), 0);
    assert_int_equal(support_count(f, "license-version"), 0);
    assert_int_equal(write(f, void_intent, first.id), LW_E_NOT_FOUND);
    {
        WALLET_AUTO_TXN txn = NULL;
        assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
        assert_int_equal(wallet_store_intent_get(txn, first.id, &found).code, LW_E_NOT_FOUND);
        assert_int_equal(
            wallet_store_intent_find(txn, LW_STR("permit"), LW_STR("N-1"), LW_STR("T-1"), &found)
                .code,
            LW_E_NOT_FOUND);
    }
    assert_int_equal(write(f, reserve, &again), LW_OK);
}

static void a_license_is_not_voided_nor_found_as_an_intent(void **state)
{
    struct support_store *f = *state;
    struct wallet_intent found;
    uint8_t id[WALLET_UUID_LEN];
    issue(f, "permit", "N-1", "1");
    {
        WALLET_AUTO_TXN txn = NULL;
        assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
        assert_int_equal(wallet_store_license_find(txn, (lw_str){0}, LW_STR("N-1"), id).code,
                         LW_OK);
        assert_int_equal(
            wallet_store_intent_find(txn, LW_STR("permit"), LW_STR("N-1"), LW_STR("1"), &found)
                .code,
            LW_E_NOT_FOUND);
        assert_int_equal(wallet_store_intent_get(txn, id, &found).code, LW_E_NOT_FOUND);
    }
    assert_int_equal(write(f, void_intent, id), LW_E_NOT_FOUND);
}

static void the_digest_to_be_signed_is_noted_before_it_is_signed(void **state)
{
    struct support_store *f = *state;
    struct wallet_intent intent = intent_of(f, "permit", "N-1", "1", false);
    struct wallet_intent found;
    assert_int_equal(write(f, reserve, &intent), LW_OK);
    memset(intent.signs, 0x5a, sizeof(intent.signs));
    assert_int_equal(write(f, note_digest, &intent), LW_OK);
    {
        WALLET_AUTO_TXN txn = NULL;
        assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
        assert_int_equal(wallet_store_intent_get(txn, intent.id, &found).code, LW_OK);
        assert_memory_equal(found.signs, intent.signs, sizeof(found.signs));
    }
    memset(intent.id, 0, sizeof(intent.id));
    assert_int_equal(write(f, note_digest, &intent), LW_E_NOT_FOUND);
}

static void open_intents_are_listed_oldest_first(void **state)
{
    enum { INTENTS = 5 };
    struct support_store *f = *state;
    struct wallet_intent made[INTENTS];
    for (size_t i = 0; i < INTENTS; i++) {
        char number[32];
        (void)snprintf(number, sizeof(number), "N-%zu", INTENTS - i);
        made[i] = intent_of(f, "permit", number, "1", false);
        assert_int_equal(write(f, reserve, &made[i]), LW_OK);
    }
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    for (size_t room = 1; room <= INTENTS + 1; room++) {
        struct wallet_intent found[INTENTS + 1];
        struct wallet_page page = {.len = 0};
        size_t total = 0;
        while (!page.end) {
            size_t count = room;
            assert_int_equal(wallet_store_license_intents(txn, &page, found, &count).code, LW_OK);
            for (size_t i = 0; i < count; i++) {
                assert_memory_equal(found[i].id, made[total++].id, WALLET_UUID_LEN);
            }
        }
        assert_int_equal(total, INTENTS);
    }
}

static void texts_that_are_empty_too_long_or_not_plain_are_refused(void **state)
{
    char text[WALLET_NUMBER_MAX + 2];
    const lw_str good = LW_STR("x");
    struct wallet_intent intent;
    (void)state;
    memset(text, 'n', sizeof(text));
    const lw_str id_max = {text, WALLET_ID_TEXT_MAX};
    const lw_str id_over = {text, WALLET_ID_TEXT_MAX + 1};
    const lw_str number_max = {text, WALLET_NUMBER_MAX};
    const lw_str number_over = {text, WALLET_NUMBER_MAX + 1};
    const lw_str bad[] = {{0}, LW_STR("a\0b"), LW_STR("a\tb"), LW_STR("\xc3\x28")};
    assert_int_equal(wallet_intent_fill(&intent, id_max, number_max, number_max, id_max).code,
                     LW_OK);
    assert_int_equal(wallet_intent_fill(&intent, id_over, good, good, good).code, LW_E_VALUE);
    assert_int_equal(wallet_intent_fill(&intent, good, number_over, good, good).code, LW_E_VALUE);
    assert_int_equal(wallet_intent_fill(&intent, good, good, number_over, good).code, LW_E_VALUE);
    assert_int_equal(wallet_intent_fill(&intent, good, good, good, id_over).code, LW_E_VALUE);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(wallet_intent_fill(&intent, bad[i], good, good, good).code, LW_E_VALUE);
        assert_int_equal(wallet_intent_fill(&intent, good, bad[i], good, good).code, LW_E_VALUE);
        assert_int_equal(wallet_intent_fill(&intent, good, good, bad[i], good).code, LW_E_VALUE);
        assert_int_equal(wallet_intent_fill(&intent, good, good, good, bad[i]).code, LW_E_VALUE);
    }
}

static void an_intent_without_a_number_is_not_set_aside(void **state)
{
    struct support_store *f = *state;
    struct wallet_intent intent = intent_of(f, "permit", "N-1", "1", false);
    intent.number[0] = '\0';
    assert_int_equal(write(f, reserve, &intent), LW_E_VALUE);
}

static void an_altered_intent_is_found_out(void **state)
{
    struct support_store *f = *state;
    struct wallet_intent intent = intent_of(f, "permit", "N-1", "1", false);
    struct wallet_intent found;
    assert_int_equal(write(f, reserve, &intent), LW_OK);
    support_put(f, "intent", LW_BYTES(intent.id), lw_str_bytes(LW_STR("\x82\x01\x02")));
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_intent_get(txn, intent.id, &found).code, LW_E_CORRUPT);
}

static void a_number_that_leads_nowhere_is_damage(void **state)
{
    struct support_store *f = *state;
    struct wallet_intent intent = intent_of(f, "permit", "N-1", "1", false);
    struct wallet_intent next = intent_of(f, "permit", "N-1", "2", false);
    assert_int_equal(write(f, reserve, &intent), LW_OK);
    support_delete(f, "intent", LW_BYTES(intent.id));
    assert_int_equal(write(f, reserve, &next), LW_E_CORRUPT);
}

struct serial {
    const char *issuer;
    const char *type;
    uint64_t got;
};

static lw_err next_serial(struct wallet_txn *txn, void *ctx)
{
    struct serial *s = ctx;
    return wallet_store_serial_next(txn, lw_str_c(s->issuer), lw_str_c(s->type), &s->got);
}

static void serials_count_for_each_issuer_and_type(void **state)
{
    struct support_store *f = *state;
    struct serial s[] = {
        {.issuer = "a", .type = "bc"}, {.issuer = "ab", .type = "c"}, {.issuer = "a", .type = "d"}};
    for (uint64_t round = 1; round <= 3; round++) {
        for (size_t i = 0; i < 3; i++) {
            assert_int_equal(write(f, next_serial, &s[i]), LW_OK);
            assert_int_equal(s[i].got, round);
        }
    }
    s[0].type = "";
    assert_int_equal(write(f, next_serial, &s[0]), LW_E_VALUE);
    s[1].issuer = "\n";
    assert_int_equal(write(f, next_serial, &s[1]), LW_E_VALUE);
}

static void a_serial_that_is_used_up_is_said(void **state)
{
    struct support_store *f = *state;
    struct serial s = {.issuer = "a", .type = "b"};
    const uint8_t last[] = {0x82, 1, 0x1b, 255, 255, 255, 255, 255, 255, 255, 255};
    support_put(f, "serial", lw_str_bytes(LW_STR("a\0b\0")), LW_BYTES(last));
    assert_int_equal(write(f, next_serial, &s), LW_E_LIMIT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_was_set_aside_is_found_again, make, drop),
        cmocka_unit_test_setup_teardown(an_intent_is_no_license, make, drop),
        cmocka_unit_test_setup_teardown(a_version_of_a_number_is_set_aside_once, make, drop),
        cmocka_unit_test_setup_teardown(a_license_holds_its_version_against_intents, make, drop),
        cmocka_unit_test_setup_teardown(a_terms_key_is_unique_within_its_type_only, make, drop),
        cmocka_unit_test_setup_teardown(a_terms_key_is_known_to_be_taken, make, drop),
        cmocka_unit_test_setup_teardown(a_type_and_a_key_do_not_run_into_each_other, make, drop),
        cmocka_unit_test_setup_teardown(an_id_serves_once, make, drop),
        cmocka_unit_test_setup_teardown(a_voided_intent_gives_number_and_key_back, make, drop),
        cmocka_unit_test_setup_teardown(a_license_is_not_voided_nor_found_as_an_intent, make, drop),
        cmocka_unit_test_setup_teardown(the_digest_to_be_signed_is_noted_before_it_is_signed, make,
                                        drop),
        cmocka_unit_test_setup_teardown(open_intents_are_listed_oldest_first, make, drop),
        cmocka_unit_test(texts_that_are_empty_too_long_or_not_plain_are_refused),
        cmocka_unit_test_setup_teardown(an_intent_without_a_number_is_not_set_aside, make, drop),
        cmocka_unit_test_setup_teardown(an_altered_intent_is_found_out, make, drop),
        cmocka_unit_test_setup_teardown(a_number_that_leads_nowhere_is_damage, make, drop),
        cmocka_unit_test_setup_teardown(serials_count_for_each_issuer_and_type, make, drop),
        cmocka_unit_test_setup_teardown(a_serial_that_is_used_up_is_said, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
