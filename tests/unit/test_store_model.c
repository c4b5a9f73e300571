/*
 * Random sequences of what can be done to licenses, compared with a plain model after each dozen:
 * every index says what the model says, and no entry of any index is left over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "bytes.h"
#include "lw/rng.h"
#include "records.h"

enum { SEQUENCES = 3, STEPS = 240, COMPARE_EACH = 12, NUMBERS = 8, PERSONS = 4, ITEMS_MAX = 300 };

static const char *const types[] = {"food", "food-service"};

/* A license, or an intent while its state is 0. */
struct item {
    uint8_t id[WALLET_UUID_LEN];
    unsigned type;
    unsigned number;
    unsigned version;
    bool is_key;
    bool gone; /* voided */
    enum wallet_state state;
    unsigned first_person;
    unsigned person_count;
    struct wallet_intent intent;
};

struct model {
    struct support_store store;
    struct support_rng seed;
    struct lw_rng rng;
    uint8_t persons[2 * PERSONS][WALLET_UUID_LEN]; /* twice, so that any run of them is there */
    struct item items[ITEMS_MAX];
    size_t count;
};

static unsigned draw(struct model *m, unsigned below)
{
    uint64_t n = 0;
    assert_int_equal(lw_rng_below(&m->rng, below, &n).code, LW_OK);
    return (unsigned)n;
}

static bool open_version(const struct model *m, const struct item *of)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct item *one = &m->items[i];
        if (one != of && !one->gone && one->type == of->type && one->number == of->number &&
            (one->state == WALLET_ACTIVE || one->state == WALLET_SUSPENDED)) {
            return true;
        }
    }
    return false;
}

static bool taken(const struct model *m, const struct item *of)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct item *one = &m->items[i];
        const bool same = !one->gone && one->type == of->type && one->version == of->version;
        if (same && (one->number == of->number || (one->is_key && of->is_key))) {
            return true;
        }
    }
    return false;
}

static void names_of(const struct item *it, char number[32], char version[32])
{
    (void)snprintf(number, 32, "N-%u", it->number);
    (void)snprintf(version, 32, "%u", it->version);
}

static struct support_license license_of(struct model *m, const struct item *it)
{
    return (struct support_license){.state = it->state,
                                    .persons = m->persons + it->first_person,
                                    .person_count = it->person_count};
}

static lw_err reserve(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_license_reserve(txn, ctx);
}

static lw_err void_intent(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_license_void(txn, ctx);
}

struct complete {
    const struct wallet_intent *intent;
    struct support_license what;
};

static lw_err complete(struct wallet_txn *txn, void *ctx)
{
    const struct complete *c = ctx;
    return support_complete(txn, c->intent, &c->what);
}

static void step_reserve(struct model *m)
{
    struct item *it = &m->items[m->count];
    char number[32];
    char version[32];
    *it = (struct item){.type = draw(m, 2),
                        .number = draw(m, NUMBERS),
                        .version = draw(m, 40),
                        .is_key = draw(m, 2) == 0,
                        .first_person = draw(m, PERSONS),
                        .person_count = 1 + draw(m, 3)};
    names_of(it, number, version);
    const struct support_license what = {.type = types[it->type],
                                         .number = number,
                                         .version = version,
                                         .version_is_key = it->is_key};
    support_intent(&m->store, &what, &it->intent);
    memcpy(it->id, it->intent.id, WALLET_UUID_LEN);
    const bool conflict = taken(m, it);
    assert_int_equal(wallet_store_write(m->store.store, reserve, &it->intent).code,
                     conflict ? LW_E_CONFLICT : LW_OK);
    m->count += conflict ? 0 : 1;
}

static void step_void(struct model *m, struct item *it)
{
    const bool open = !it->gone && it->state == 0;
    assert_int_equal(wallet_store_write(m->store.store, void_intent, it->id).code,
                     open ? LW_OK : LW_E_NOT_FOUND);
    it->gone = it->gone || open;
}

static void step_complete(struct model *m, struct item *it)
{
    const enum wallet_state state = (enum wallet_state)(1 + draw(m, WALLET_SUPERSEDED));
    struct complete c = {.intent = &it->intent, .what = license_of(m, it)};
    c.what.state = state;
    lw_code expected = LW_OK;
    if (it->gone || it->state != 0) {
        expected = LW_E_NOT_FOUND;
    } else if ((state == WALLET_ACTIVE || state == WALLET_SUSPENDED) && open_version(m, it)) {
        expected = LW_E_CONFLICT;
    }
    assert_int_equal(wallet_store_write(m->store.store, complete, &c).code, expected);
    it->state = expected == LW_OK ? state : it->state;
}

static void step_state(struct model *m, struct item *it)
{
    const enum wallet_state to = (enum wallet_state)(1 + draw(m, WALLET_SUPERSEDED));
    lw_code expected = LW_E_NOT_FOUND;
    if (!it->gone && it->state != 0) {
        expected = wallet_state_may_follow(it->state, to) ? LW_OK : LW_E_CONFLICT;
    }
    assert_int_equal(support_state(&m->store, it->id, to, draw(m, 2) == 0 ? "why" : NULL).code,
                     expected);
    it->state = expected == LW_OK ? to : it->state;
}

static void step(struct model *m)
{
    const unsigned what = draw(m, 10);
    struct item *it = m->count == 0 ? NULL : &m->items[draw(m, (unsigned)m->count)];
    if (it == NULL || what < 4) {
        step_reserve(m);
    } else if (what == 4) {
        step_void(m, it);
    } else if (what < 8) {
        step_complete(m, it);
    } else {
        step_state(m, it);
    }
}

/* How many entries each keyspace must have. */
static void compare_sizes(const struct model *m)
{
    size_t licenses = 0;
    size_t intents = 0;
    size_t keys = 0;
    size_t holders = 0;
    for (size_t i = 0; i < m->count; i++) {
        const struct item *it = &m->items[i];
        licenses += !it->gone && it->state != 0 ? 1 : 0;
        intents += !it->gone && it->state == 0 ? 1 : 0;
        keys += !it->gone && it->is_key ? 1 : 0;
        holders += !it->gone && it->state != 0 ? it->person_count : 0;
    }
    assert_int_equal(support_count(&m->store, "license"), licenses);
    assert_int_equal(support_count(&m->store, "license-sealed"), licenses);
    assert_int_equal(support_count(&m->store, "license-state"), licenses);
    assert_int_equal(support_count(&m->store, "license-holder"), holders);
    assert_int_equal(support_count(&m->store, "intent"), intents);
    assert_int_equal(support_count(&m->store, "license-number"), licenses + intents);
    assert_int_equal(support_count(&m->store, "license-version"), keys);
}

static void compare_lists(const struct model *m, const struct wallet_txn *txn)
{
    for (unsigned type = 0; type < 2; type++) {
        uint64_t counts[WALLET_SUPERSEDED + 1];
        assert_int_equal(wallet_store_license_count(txn, lw_str_c(types[type]), counts).code,
                         LW_OK);
        for (unsigned st = WALLET_ACTIVE; st <= WALLET_SUPERSEDED; st++) {
            const struct wallet_license_filter filter = {.type = lw_str_c(types[type]),
                                                         .state = (enum wallet_state)st};
            uint8_t ids[ITEMS_MAX][WALLET_UUID_LEN];
            struct wallet_page page = {.len = 0};
            size_t count = ITEMS_MAX;
            size_t n = 0;
            assert_int_equal(wallet_store_license_page(txn, &filter, &page, ids, &count).code,
                             LW_OK);
            for (size_t i = 0; i < m->count; i++) {
                const struct item *it = &m->items[i];
                if (!it->gone && it->type == type && (unsigned)it->state == st) {
                    assert_memory_equal(ids[n++], it->id, WALLET_UUID_LEN);
                }
            }
            assert_int_equal(count, n);
            assert_int_equal(counts[st], n);
        }
    }
}

/* The items of a number, in the order in which they were set aside. */
static void compare_number(const struct model *m, const struct wallet_txn *txn, unsigned type,
                           unsigned number)
{
    char text[32];
    uint8_t ids[ITEMS_MAX][WALLET_UUID_LEN];
    uint8_t newest[WALLET_UUID_LEN];
    struct wallet_page page = {.len = 0};
    size_t count = ITEMS_MAX;
    size_t n = 0;
    (void)snprintf(text, sizeof(text), "N-%u", number);
    assert_int_equal(wallet_store_license_versions(txn, lw_str_c(types[type]), lw_str_c(text),
                                                   &page, ids, &count)
                         .code,
                     LW_OK);
    const struct item *stands = NULL; /* lives, else is not superseded, else came last */
    unsigned best = 0;
    for (size_t i = 0; i < m->count; i++) {
        const struct item *it = &m->items[i];
        if (!it->gone && it->state != 0 && it->type == type && it->number == number) {
            const bool lives = it->state == WALLET_ACTIVE || it->state == WALLET_SUSPENDED;
            const unsigned rank = lives ? 3 : (it->state == WALLET_SUPERSEDED ? 1 : 2);
            stands = rank >= best ? it : stands;
            best = rank >= best ? rank : best;
            assert_memory_equal(ids[n++], it->id, WALLET_UUID_LEN);
        }
    }
    assert_int_equal(count, n);
    const lw_err err =
        wallet_store_license_find(txn, lw_str_c(types[type]), lw_str_c(text), newest);
    assert_int_equal(err.code, n == 0 ? LW_E_NOT_FOUND : LW_OK);
    if (stands != NULL) {
        assert_memory_equal(newest, stands->id, WALLET_UUID_LEN);
    }
}

static void compare_wallets(const struct model *m, const struct wallet_txn *txn)
{
    for (unsigned p = 0; p < PERSONS; p++) {
        uint8_t ids[ITEMS_MAX][WALLET_UUID_LEN];
        struct wallet_page page = {.len = 0};
        size_t count = ITEMS_MAX;
        size_t n = 0;
        assert_int_equal(wallet_store_wallet_page(txn, m->persons[p], &page, ids, &count).code,
                         LW_OK);
        for (size_t i = 0; i < m->count; i++) {
            const struct item *it = &m->items[i];
            const unsigned offset = (p + PERSONS - it->first_person) % PERSONS;
            if (!it->gone && it->state != 0 && offset < it->person_count) {
                assert_memory_equal(ids[n++], it->id, WALLET_UUID_LEN);
            }
        }
        assert_int_equal(count, n);
    }
}

static void compare_items(const struct model *m, const struct wallet_txn *txn)
{
    for (size_t i = 0; i < m->count; i++) {
        const struct item *it = &m->items[i];
        char number[32];
        char version[32];
        uint8_t id[WALLET_UUID_LEN];
        WALLET_AUTO_LICENSE l = {.state = 0};
        const lw_err err = wallet_store_license_load(txn, it->id, WALLET_LOAD_ALL, &l);
        assert_int_equal(err.code, it->gone || it->state == 0 ? LW_E_NOT_FOUND : LW_OK);
        if (err.code != LW_OK) {
            continue;
        }
        names_of(it, number, version);
        assert_int_equal(l.state, it->state);
        assert_int_equal(l.license.holder_count, it->person_count);
        assert_int_equal(wallet_store_license_find_version(txn, l.license.type, lw_str_c(number),
                                                           lw_str_c(version), id)
                             .code,
                         LW_OK);
        assert_memory_equal(id, it->id, WALLET_UUID_LEN);
    }
}

static void compare(const struct model *m)
{
    WALLET_AUTO_TXN txn = NULL;
    compare_sizes(m);
    assert_int_equal(wallet_read_begin(m->store.store, &txn).code, LW_OK);
    compare_lists(m, txn);
    compare_wallets(m, txn);
    compare_items(m, txn);
    for (unsigned type = 0; type < 2; type++) {
        for (unsigned number = 0; number < NUMBERS; number++) {
            compare_number(m, txn, type, number);
        }
    }
}

static void every_index_agrees_with_a_model_after_random_changes(void **state)
{
    static struct model m;
    (void)state;
    for (uint64_t seed = 1; seed <= SEQUENCES; seed++) {
        struct wallet_store_found found;
        memset(&m, 0, sizeof(m));
        m.rng = support_rng(&m.seed, seed);
        support_store_make(&m.store);
        support_unlock(&m.store);
        for (unsigned i = 0; i < 2 * PERSONS; i++) {
            support_person(&m.store, i % PERSONS, m.persons[i]);
        }
        for (unsigned i = 1; i <= STEPS; i++) {
            step(&m);
            if (i % COMPARE_EACH == 0) {
                compare(&m);
            }
        }
        support_store_reopen(&m.store);
        support_unlock(&m.store);
        compare(&m);
        assert_int_equal(wallet_store_check(m.store.store, &found).code, LW_OK);
        assert_true(found.whole);
        support_store_drop(&m.store);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_index_agrees_with_a_model_after_random_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
