/* Published tokens of status lists, and the lists' changes that follow from a license's. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "records.h"
#include "wallet/store_credential.h"

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

static lw_err open_list(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_status_open(txn, LW_STR("a"), WALLET_STATUS_SIZE_MIN, SUPPORT_NOW, ctx);
}

struct publish {
    uint64_t number;
    struct wallet_status_tokens tokens;
};

static lw_err publish(struct wallet_txn *txn, void *ctx)
{
    const struct publish *p = ctx;
    return wallet_store_status_publish(txn, p->number, &p->tokens);
}

static struct wallet_stored_list list_of(const struct support_store *f, uint64_t number)
{
    struct wallet_stored_list list;
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_status_list_get(txn, number, &list).code, LW_OK);
    return list;
}

struct change {
    struct wallet_status_place place;
    enum wallet_entry_status status;
};

static lw_err allocate_and_set(struct wallet_txn *txn, void *ctx)
{
    struct change *c = ctx;
    const struct wallet_status_owner owner = {.exp = SUPPORT_NOW};
    LW_TRY(wallet_store_status_allocate(txn, LW_STR("a"), &owner, SUPPORT_NOW, &c->place));
    return wallet_store_status_set(txn, c->place, c->status, NULL);
}

static struct publish tokens_of(uint64_t number, uint64_t version, int64_t iat)
{
    return (struct publish){.number = number,
                            .tokens = {.version = version,
                                       .iat = iat,
                                       .exp = iat + 100,
                                       .jwt = lw_str_bytes(LW_STR("a.jwt.token")),
                                       .cwt = lw_str_bytes(LW_STR("cwt"))}};
}

static void published_tokens_are_read_back_and_make_the_list_clean(void **state)
{
    struct support_store *f = *state;
    struct change c = {.status = WALLET_ENTRY_INVALID};
    struct wallet_status_tokens tokens;
    support_store_write(f, allocate_and_set, &c);
    struct publish p = tokens_of(c.place.list, 1, SUPPORT_NOW);
    assert_true(wallet_status_list_dirty(&(struct wallet_stored_list){.published = UINT64_MAX}));
    support_store_write(f, publish, &p);
    const struct wallet_stored_list list = list_of(f, c.place.list);
    assert_false(wallet_status_list_dirty(&list));
    assert_int_equal(list.token_iat, SUPPORT_NOW);
    assert_int_equal(list.token_exp, SUPPORT_NOW + 100);
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_status_tokens(txn, c.place.list, &tokens).code, LW_OK);
    assert_int_equal(tokens.version, 1);
    assert_int_equal(tokens.iat, SUPPORT_NOW);
    assert_int_equal(tokens.exp, SUPPORT_NOW + 100);
    assert_true(lw_bytes_eq(tokens.jwt, p.tokens.jwt));
    assert_true(lw_bytes_eq(tokens.cwt, p.tokens.cwt));
    assert_int_equal(wallet_store_status_tokens(txn, 99, &tokens).code, LW_E_NOT_FOUND);
}

static void a_change_between_reading_and_publishing_leaves_the_list_dirty(void **state)
{
    struct support_store *f = *state;
    struct change c = {.status = WALLET_ENTRY_SUSPENDED};
    support_store_write(f, allocate_and_set, &c);
    struct publish p = tokens_of(c.place.list, 0, SUPPORT_NOW); /* of the array before */
    support_store_write(f, publish, &p);
    const struct wallet_stored_list list = list_of(f, c.place.list);
    assert_true(wallet_status_list_dirty(&list));
}

static void older_tokens_do_not_replace_newer_ones(void **state)
{
    struct support_store *f = *state;
    struct change c = {.status = WALLET_ENTRY_SUSPENDED};
    support_store_write(f, allocate_and_set, &c);
    struct publish p = tokens_of(c.place.list, 1, SUPPORT_NOW);
    support_store_write(f, publish, &p);
    p = tokens_of(c.place.list, 0, SUPPORT_NOW + 5);
    assert_int_equal(wallet_store_write(f->store, publish, &p).code, LW_E_CONFLICT);
    p = tokens_of(c.place.list, 1, SUPPORT_NOW - 1);
    assert_int_equal(wallet_store_write(f->store, publish, &p).code, LW_E_CONFLICT);
    p = tokens_of(c.place.list, 1, SUPPORT_NOW + 5); /* on a steady cadence, changed or not */
    assert_int_equal(wallet_store_write(f->store, publish, &p).code, LW_OK);
}

static void tokens_that_make_no_sense_are_refused(void **state)
{
    struct support_store *f = *state;
    static uint8_t large[WALLET_STATUS_TOKEN_STORE_MAX + 1];
    uint64_t number = 0;
    support_store_write(f, open_list, &number);
    struct publish p = tokens_of(number, 1, SUPPORT_NOW); /* it is at version 0 */
    assert_int_equal(wallet_store_write(f->store, publish, &p).code, LW_E_VALUE);
    p = tokens_of(number, 0, SUPPORT_NOW);
    p.tokens.exp = p.tokens.iat - 1;
    assert_int_equal(wallet_store_write(f->store, publish, &p).code, LW_E_VALUE);
    p = tokens_of(number, 0, SUPPORT_NOW);
    p.tokens.jwt = p.tokens.cwt = (lw_bytes){0};
    assert_int_equal(wallet_store_write(f->store, publish, &p).code, LW_E_VALUE);
    p.tokens.jwt = LW_BYTES(large);
    assert_int_equal(wallet_store_write(f->store, publish, &p).code, LW_E_LIMIT);
    p.tokens.cwt = LW_BYTES(large);
    p.tokens.jwt = (lw_bytes){0};
    assert_int_equal(wallet_store_write(f->store, publish, &p).code, LW_E_LIMIT);
    p = tokens_of(number + 1, 0, SUPPORT_NOW);
    assert_int_equal(wallet_store_write(f->store, publish, &p).code, LW_E_NOT_FOUND);
    p = tokens_of(number, 0, SUPPORT_NOW);
    p.tokens.cwt = (lw_bytes){0};
    assert_int_equal(wallet_store_write(f->store, publish, &p).code, LW_OK);
}

enum { CREDENTIALS = 4 };

struct credentials {
    uint8_t license[2][WALLET_UUID_LEN];
    struct wallet_status_place places[2 * CREDENTIALS];
};

/* Four credentials of each of two licenses, and for each one without status. */
static lw_err put_credentials(struct wallet_txn *txn, void *ctx)
{
    struct credentials *c = ctx;
    for (unsigned i = 0; i < 2 * CREDENTIALS; i++) {
        struct wallet_credential_info info = {
            .iat = SUPPORT_NOW, .exp = SUPPORT_NOW + i, .format = "f", .has_status = true};
        memcpy(info.license, c->license[i % 2], WALLET_UUID_LEN);
        struct wallet_status_owner owner = {.exp = info.exp};
        memcpy(owner.license, info.license, WALLET_UUID_LEN);
        LW_TRY(wallet_store_status_allocate(txn, LW_STR("a"), &owner, SUPPORT_NOW, &info.status));
        c->places[i] = info.status;
        LW_TRY(wallet_store_credential_put(txn, &info, (lw_bytes){0}));
        info.has_status = false;
        info.exp += 1000;
        LW_TRY(wallet_store_credential_put(txn, &info, (lw_bytes){0}));
    }
    return LW_SUCCESS;
}

struct set_all {
    const uint8_t *license;
    enum wallet_entry_status status;
    size_t changed;
};

static lw_err set_all(struct wallet_txn *txn, void *ctx)
{
    struct set_all *s = ctx;
    return wallet_store_credential_set_status(txn, s->license, s->status, &s->changed);
}

static void assert_places(const struct support_store *f, const struct credentials *c,
                          enum wallet_entry_status of_first)
{
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    for (size_t i = 0; i < 2 * CREDENTIALS; i++) {
        enum wallet_entry_status status = WALLET_ENTRY_VALID;
        assert_int_equal(wallet_store_status_get(txn, c->places[i], &status).code, LW_OK);
        assert_int_equal(status, i % 2 == 0 ? of_first : WALLET_ENTRY_VALID);
    }
}

static void a_change_of_a_license_reaches_all_its_credentials_and_no_others(void **state)
{
    struct support_store *f = *state;
    uint8_t person[1][WALLET_UUID_LEN];
    static struct credentials c;
    support_person(f, 1, person[0]);
    for (unsigned i = 0; i < 2; i++) {
        const struct support_license what = {
            .number = i == 0 ? "N-0" : "N-1", .persons = person, .person_count = 1};
        assert_int_equal(support_license(f, &what, c.license[i]).code, LW_OK);
    }
    support_store_write(f, put_credentials, &c);
    struct set_all s = {.license = c.license[0], .status = WALLET_ENTRY_SUSPENDED};
    support_store_write(f, set_all, &s);
    assert_int_equal(s.changed, CREDENTIALS);
    assert_places(f, &c, WALLET_ENTRY_SUSPENDED);
    support_store_write(f, set_all, &s);
    assert_int_equal(s.changed, 0);
    s.status = WALLET_ENTRY_INVALID;
    support_store_write(f, set_all, &s);
    assert_int_equal(s.changed, CREDENTIALS);
    s.status = WALLET_ENTRY_VALID; /* invalid stays invalid, and is no error here */
    support_store_write(f, set_all, &s);
    assert_int_equal(s.changed, 0);
    assert_places(f, &c, WALLET_ENTRY_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(published_tokens_are_read_back_and_make_the_list_clean,
                                        make, drop),
        cmocka_unit_test_setup_teardown(
            a_change_between_reading_and_publishing_leaves_the_list_dirty, make, drop),
        cmocka_unit_test_setup_teardown(older_tokens_do_not_replace_newer_ones, make, drop),
        cmocka_unit_test_setup_teardown(tokens_that_make_no_sense_are_refused, make, drop),
        cmocka_unit_test_setup_teardown(
            a_change_of_a_license_reaches_all_its_credentials_and_no_others, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
