#include "wallet/store_key.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "bytes.h"
#include "records.h"

/* The generator of P-256 (SEC 2 section 2.4.2): a point of the curve. */
static const char generator[] = "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296"
                                "4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5";

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

static struct wallet_key_record record_of(const char *label, enum hsm_purpose purpose,
                                          const char *agency, enum wallet_key_state state)
{
    struct wallet_key_record record = {.purpose = purpose,
                                       .state = state,
                                       .not_before = SUPPORT_NOW - 1,
                                       .not_after = SUPPORT_NOW + 100,
                                       .created = SUPPORT_NOW,
                                       .cert = lw_str_bytes(LW_STR("a certificate"))};
    LW_AUTO_BUF point = LW_BUF(128);
    (void)snprintf(record.label, sizeof(record.label), "%s", label);
    (void)snprintf(record.agency, sizeof(record.agency), "%s", agency);
    support_hex(generator, &point);
    assert_int_equal(hsm_public_key_from_point(&record.key, HSM_ES256, lw_buf_view(&point)).code,
                     LW_OK);
    return record;
}

static lw_err add(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_key_add(txn, ctx);
}

static lw_code add_key(struct support_store *f, const struct wallet_key_record *record)
{
    struct wallet_key_record copy = *record;
    return wallet_store_write(f->store, add, &copy).code;
}

struct change {
    const char *label;
    enum wallet_key_state state;
    lw_bytes cert;
    int64_t not_before;
    int64_t not_after;
};

static lw_err set_state(struct wallet_txn *txn, void *ctx)
{
    const struct change *c = ctx;
    return wallet_store_key_set_state(txn, lw_str_c(c->label), c->state, SUPPORT_NOW + 7);
}

static lw_err certify(struct wallet_txn *txn, void *ctx)
{
    const struct change *c = ctx;
    return wallet_store_key_certify(txn, lw_str_c(c->label), c->cert, c->not_before, c->not_after);
}

static lw_code go_on(struct support_store *f, const char *label, enum wallet_key_state state)
{
    struct change c = {.label = label, .state = state};
    return wallet_store_write(f->store, set_state, &c).code;
}

static uint64_t generation(const struct support_store *f)
{
    uint64_t n = 0;
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_generation(txn, &n).code, LW_OK);
    return n;
}

static void a_record_is_read_back_by_its_label(void **state)
{
    struct support_store *f = *state;
    const struct wallet_key_record made =
        record_of("ds-vc-1", HSM_PURPOSE_CREDENTIAL, "city", WALLET_KEY_PUBLISHED);
    struct wallet_key_record found;
    const uint64_t before = generation(f);
    assert_int_equal(add_key(f, &made), LW_OK);
    assert_true(generation(f) != before);
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_key_get(txn, LW_STR("ds-vc-1"), &found).code, LW_OK);
    assert_string_equal(found.label, "ds-vc-1");
    assert_int_equal(found.purpose, HSM_PURPOSE_CREDENTIAL);
    assert_string_equal(found.agency, "city");
    assert_true(hsm_public_key_eq(&found.key, &made.key));
    assert_int_equal(found.state, WALLET_KEY_PUBLISHED);
    assert_int_equal(found.not_before, SUPPORT_NOW - 1);
    assert_int_equal(found.not_after, SUPPORT_NOW + 100);
    assert_int_equal(found.created, SUPPORT_NOW);
    assert_true(lw_bytes_eq(found.cert, made.cert));
    assert_int_equal(wallet_store_key_get(txn, LW_STR("ds-vc"), &found).code, LW_E_NOT_FOUND);
    assert_int_equal(wallet_store_key_get(txn, (lw_str){0}, &found).code, LW_E_NOT_FOUND);
}

static void every_purpose_is_kept_and_a_wrapping_key_has_no_point(void **state)
{
    struct support_store *f = *state;
    for (unsigned p = HSM_PURPOSE_CA; p <= HSM_PURPOSE_HOLDER; p++) {
        struct wallet_key_record found;
        struct wallet_key_record made = record_of(hsm_purpose_name((enum hsm_purpose)p),
                                                  (enum hsm_purpose)p, "", WALLET_KEY_ACTIVE);
        if (p == HSM_PURPOSE_SEAL) {
            made.key = (struct hsm_public_key){.alg = HSM_ALG_NONE};
        }
        assert_int_equal(add_key(f, &made), LW_OK);
        WALLET_AUTO_TXN txn = NULL;
        assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
        assert_int_equal(
            wallet_store_key_active(txn, (enum hsm_purpose)p, (lw_str){0}, &found).code, LW_OK);
        assert_int_equal(found.purpose, p);
        assert_int_equal(found.key.alg, made.key.alg);
    }
}

static void records_that_make_no_sense_are_refused(void **state)
{
    struct support_store *f = *state;
    static uint8_t large[WALLET_CERT_STORE_MAX + 1];
    struct wallet_key_record bad = record_of("", HSM_PURPOSE_CA, "", WALLET_KEY_ACTIVE);
    assert_int_equal(add_key(f, &bad), LW_E_VALUE);
    bad = record_of("k", HSM_PURPOSE_CA, "a\n", WALLET_KEY_ACTIVE);
    assert_int_equal(add_key(f, &bad), LW_E_VALUE);
    bad = record_of("k", HSM_PURPOSE_NONE, "", WALLET_KEY_ACTIVE);
    assert_int_equal(add_key(f, &bad), LW_E_VALUE);
    bad = record_of("k", HSM_PURPOSE_CA, "", (enum wallet_key_state)0);
    assert_int_equal(add_key(f, &bad), LW_E_VALUE);
    bad = record_of("k", HSM_PURPOSE_CA, "", (enum wallet_key_state)(WALLET_KEY_DESTROYED + 1));
    assert_int_equal(add_key(f, &bad), LW_E_VALUE);
    bad = record_of("k", HSM_PURPOSE_CA, "", WALLET_KEY_ACTIVE);
    bad.not_after = bad.not_before - 1;
    assert_int_equal(add_key(f, &bad), LW_E_VALUE);
    bad = record_of("k", HSM_PURPOSE_CA, "", WALLET_KEY_ACTIVE);
    bad.cert = LW_BYTES(large);
    assert_int_equal(add_key(f, &bad), LW_E_LIMIT);
    bad.cert.len--;
    assert_int_equal(add_key(f, &bad), LW_OK);
    assert_int_equal(add_key(f, &bad), LW_E_CONFLICT);
}

static void a_key_goes_on_and_never_back(void **state)
{
    struct support_store *f = *state;
    for (unsigned from = WALLET_KEY_PUBLISHED; from <= WALLET_KEY_DESTROYED; from++) {
        for (unsigned to = 0; to <= WALLET_KEY_DESTROYED + 1; to++) {
            char label[32];
            (void)snprintf(label, sizeof(label), "k-%u-%u", from, to);
            const struct wallet_key_record made =
                record_of(label, HSM_PURPOSE_CREDENTIAL, label, (enum wallet_key_state)from);
            assert_int_equal(add_key(f, &made), LW_OK);
            const bool may = to > from && to <= WALLET_KEY_DESTROYED &&
                             !(from == WALLET_KEY_ACTIVE && to == WALLET_KEY_DESTROYED);
            assert_int_equal(go_on(f, label, (enum wallet_key_state)to),
                             may ? LW_OK : LW_E_CONFLICT);
        }
    }
    assert_int_equal(go_on(f, "none", WALLET_KEY_ACTIVE), LW_E_NOT_FOUND);
}

static void one_key_is_active_for_a_purpose_and_agency(void **state)
{
    struct support_store *f = *state;
    struct wallet_key_record found;
    const struct wallet_key_record keys[] = {
        record_of("b", HSM_PURPOSE_CREDENTIAL, "city", WALLET_KEY_ACTIVE),
        record_of("a", HSM_PURPOSE_CREDENTIAL, "city", WALLET_KEY_PUBLISHED),
        record_of("c", HSM_PURPOSE_CREDENTIAL, "harbour", WALLET_KEY_ACTIVE),
        record_of("d", HSM_PURPOSE_STATUS, "city", WALLET_KEY_ACTIVE),
    };
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(add_key(f, &keys[i]), LW_OK);
    }
    const struct wallet_key_record second =
        record_of("e", HSM_PURPOSE_CREDENTIAL, "city", WALLET_KEY_ACTIVE);
    assert_int_equal(add_key(f, &second), LW_E_CONFLICT);
    assert_int_equal(go_on(f, "a", WALLET_KEY_ACTIVE), LW_E_CONFLICT);
    {
        WALLET_AUTO_TXN txn = NULL;
        assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
        assert_int_equal(
            wallet_store_key_active(txn, HSM_PURPOSE_CREDENTIAL, LW_STR("city"), &found).code,
            LW_OK);
        assert_string_equal(found.label, "b");
        assert_int_equal(
            wallet_store_key_active(txn, HSM_PURPOSE_MDOC, LW_STR("city"), &found).code,
            LW_E_NOT_FOUND);
    }
    assert_int_equal(go_on(f, "b", WALLET_KEY_RETIRED), LW_OK);
    assert_int_equal(go_on(f, "a", WALLET_KEY_ACTIVE), LW_OK);
}

static lw_err list_key(struct wallet_txn *txn, void *ctx)
{
    const struct change *c = ctx;
    return wallet_store_key_listed(txn, lw_str_c(c->label), c->not_before);
}

static lw_err compromise(struct wallet_txn *txn, void *ctx)
{
    const struct change *c = ctx;
    return wallet_store_key_compromise(txn, lw_str_c(c->label), c->not_before);
}

static struct wallet_key_record get(struct support_store *f, const char *label)
{
    struct wallet_key_record found;
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_key_get(txn, lw_str_c(label), &found).code, LW_OK);
    found.cert = (lw_bytes){0}; /* borrowed from the transaction */
    return found;
}

static uint64_t changes(const struct support_store *f)
{
    uint64_t n = 0;
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_key_changes(txn, &n).code, LW_OK);
    return n;
}

static void the_times_of_a_life_are_kept_and_changes_are_counted(void **state)
{
    struct support_store *f = *state;
    struct wallet_key_record made = record_of("k", HSM_PURPOSE_CA, "", WALLET_KEY_PUBLISHED);
    struct change c = {.label = "k", .not_before = SUPPORT_NOW + 1};
    assert_int_equal(changes(f), 0);
    made.compromised = 5; /* not the caller's to say */
    assert_int_equal(add_key(f, &made), LW_OK);
    struct wallet_key_record found = get(f, "k");
    assert_string_equal(found.token, "k");
    assert_true(found.listed == WALLET_KEY_NEVER && found.activated == WALLET_KEY_NEVER);
    assert_true(found.retired == WALLET_KEY_NEVER && found.destroyed == WALLET_KEY_NEVER);
    assert_true(found.compromised == WALLET_KEY_NEVER);
    assert_int_equal(changes(f), 1);
    support_store_write(f, list_key, &c);
    c.not_before++;
    support_store_write(f, list_key, &c);
    assert_int_equal(get(f, "k").listed, SUPPORT_NOW + 1);
    assert_int_equal(changes(f), 1); /* a list that names it is not out of date by that */
    assert_int_equal(go_on(f, "k", WALLET_KEY_ACTIVE), LW_OK);
    assert_int_equal(go_on(f, "k", WALLET_KEY_RETIRED), LW_OK);
    assert_int_equal(go_on(f, "k", WALLET_KEY_DESTROYED), LW_OK);
    found = get(f, "k");
    assert_int_equal(found.activated, SUPPORT_NOW + 7);
    assert_int_equal(found.retired, SUPPORT_NOW + 7);
    assert_int_equal(found.destroyed, SUPPORT_NOW + 7);
    assert_int_equal(changes(f), 4);
    c.label = "none";
    assert_int_equal(wallet_store_write(f->store, list_key, &c).code, LW_E_NOT_FOUND);
    assert_int_equal(wallet_store_write(f->store, compromise, &c).code, LW_E_NOT_FOUND);
}

static void a_compromised_key_retires_at_once_and_stays_compromised(void **state)
{
    struct support_store *f = *state;
    struct wallet_key_record made = record_of("k", HSM_PURPOSE_CA, "", WALLET_KEY_ACTIVE);
    struct change c = {.label = "k", .not_before = SUPPORT_NOW + 3};
    (void)snprintf(made.token, sizeof(made.token), "the-token-key");
    assert_int_equal(add_key(f, &made), LW_OK);
    assert_int_equal(get(f, "k").activated, SUPPORT_NOW);
    support_store_write(f, compromise, &c);
    struct wallet_key_record found = get(f, "k");
    assert_string_equal(found.token, "the-token-key");
    assert_int_equal(found.state, WALLET_KEY_RETIRED);
    assert_int_equal(found.retired, SUPPORT_NOW + 3);
    assert_int_equal(found.compromised, SUPPORT_NOW + 3);
    assert_int_equal(changes(f), 2);
    assert_int_equal(go_on(f, "k", WALLET_KEY_DESTROYED), LW_OK);
    c.not_before++;
    support_store_write(f, compromise, &c);
    found = get(f, "k");
    assert_int_equal(found.state, WALLET_KEY_DESTROYED);
    assert_int_equal(found.compromised, SUPPORT_NOW + 3);
}

static lw_err lose(struct wallet_txn *txn, void *ctx)
{
    const struct change *c = ctx;
    return wallet_store_key_lost(txn, lw_str_c(c->label), c->not_before);
}

static void a_lost_key_stays_in_its_state_but_one_that_waits_is_gone(void **state)
{
    struct support_store *f = *state;
    struct wallet_key_record active = record_of("a", HSM_PURPOSE_CA, "", WALLET_KEY_ACTIVE);
    struct wallet_key_record waiting = record_of("w", HSM_PURPOSE_CA, "", WALLET_KEY_PUBLISHED);
    struct change c = {.label = "a", .not_before = SUPPORT_NOW + 3};
    active.lost = 5; /* not the caller's to say */
    assert_int_equal(add_key(f, &active), LW_OK);
    assert_int_equal(add_key(f, &waiting), LW_OK);
    assert_true(get(f, "a").lost == WALLET_KEY_NEVER);
    support_store_write(f, lose, &c);
    assert_int_equal(get(f, "a").state, WALLET_KEY_ACTIVE);
    assert_int_equal(get(f, "a").lost, SUPPORT_NOW + 3);
    assert_int_equal(changes(f), 3);
    c.not_before++;
    support_store_write(f, lose, &c);
    assert_int_equal(get(f, "a").lost, SUPPORT_NOW + 3);
    assert_int_equal(changes(f), 3);
    c.label = "w";
    support_store_write(f, lose, &c);
    assert_int_equal(get(f, "w").state, WALLET_KEY_DESTROYED);
    assert_int_equal(get(f, "w").destroyed, SUPPORT_NOW + 4);
    c.label = "none";
    assert_int_equal(wallet_store_write(f->store, lose, &c).code, LW_E_NOT_FOUND);
}

static void a_standby_key_is_one_no_more_once_it_signs(void **state)
{
    struct support_store *f = *state;
    struct wallet_key_record made = record_of("s", HSM_PURPOSE_CA, "", WALLET_KEY_PUBLISHED);
    made.standby = true;
    assert_int_equal(add_key(f, &made), LW_OK);
    assert_true(get(f, "s").standby);
    assert_int_equal(go_on(f, "s", WALLET_KEY_ACTIVE), LW_OK);
    assert_false(get(f, "s").standby);
}

static void a_certificate_comes_later_with_its_times(void **state)
{
    struct support_store *f = *state;
    static uint8_t large[WALLET_CERT_STORE_MAX + 1];
    struct wallet_key_record made = record_of("k", HSM_PURPOSE_CA, "", WALLET_KEY_PUBLISHED);
    struct wallet_key_record found;
    struct change c = {
        .label = "k", .cert = lw_str_bytes(LW_STR("DER")), .not_before = 5, .not_after = 6};
    made.cert = (lw_bytes){0};
    assert_int_equal(add_key(f, &made), LW_OK);
    const uint64_t before = generation(f);
    support_store_write(f, certify, &c);
    assert_true(generation(f) != before);
    {
        WALLET_AUTO_TXN txn = NULL;
        assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
        assert_int_equal(wallet_store_key_get(txn, LW_STR("k"), &found).code, LW_OK);
        assert_true(lw_bytes_eq(found.cert, c.cert));
        assert_int_equal(found.not_before, 5);
        assert_int_equal(found.not_after, 6);
        assert_int_equal(found.state, WALLET_KEY_PUBLISHED);
    }
    c.not_after = 4;
    assert_int_equal(wallet_store_write(f->store, certify, &c).code, LW_E_VALUE);
    c.not_after = 6;
    c.cert = LW_BYTES(large);
    assert_int_equal(wallet_store_write(f->store, certify, &c).code, LW_E_LIMIT);
    c.label = "none";
    assert_int_equal(wallet_store_write(f->store, certify, &c).code, LW_E_NOT_FOUND);
}

static void an_altered_record_is_found_out(void **state)
{
    struct support_store *f = *state;
    const struct wallet_key_record made = record_of("k", HSM_PURPOSE_CA, "", WALLET_KEY_ACTIVE);
    struct wallet_key_record found;
    LW_AUTO_BUF value = LW_BUF(1024);
    assert_int_equal(add_key(f, &made), LW_OK);
    support_get(f, "key", lw_str_bytes(LW_STR("k")), &value);
    /* [1, "ca", "", -7, point ... */
    static const size_t places[] = {3, 6, 7, 20};
    for (size_t i = 0; i < 4; i++) {
        value.ptr[places[i]] ^= 2;
        support_put(f, "key", lw_str_bytes(LW_STR("k")), lw_buf_view(&value));
        value.ptr[places[i]] ^= 2;
        WALLET_AUTO_TXN txn = NULL;
        assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
        assert_int_equal(wallet_store_key_get(txn, LW_STR("k"), &found).code, LW_E_CORRUPT);
    }
}

static void keys_are_listed_by_label_page_by_page(void **state)
{
    struct support_store *f = *state;
    static const char *const labels[] = {"c", "a", "b", "e", "d"};
    for (size_t i = 0; i < 5; i++) {
        const struct wallet_key_record made =
            record_of(labels[i], HSM_PURPOSE_CA, "", WALLET_KEY_RETIRED);
        assert_int_equal(add_key(f, &made), LW_OK);
    }
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    for (size_t room = 1; room <= 6; room++) {
        struct wallet_key_record found[6];
        struct wallet_page page = {.len = 0};
        size_t total = 0;
        while (!page.end) {
            size_t count = room;
            assert_int_equal(wallet_store_key_page(txn, &page, found, &count).code, LW_OK);
            for (size_t i = 0; i < count; i++, total++) {
                assert_int_equal(found[i].label[0], 'a' + (int)total);
            }
        }
        assert_int_equal(total, 5);
    }
}

static void states_have_names(void **state)
{
    (void)state;
    assert_string_equal(wallet_key_state_name(WALLET_KEY_PUBLISHED), "published");
    assert_string_equal(wallet_key_state_name(WALLET_KEY_ACTIVE), "active");
    assert_string_equal(wallet_key_state_name(WALLET_KEY_RETIRED), "retired");
    assert_string_equal(wallet_key_state_name(WALLET_KEY_DESTROYED), "destroyed");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_record_is_read_back_by_its_label, make, drop),
        cmocka_unit_test_setup_teardown(every_purpose_is_kept_and_a_wrapping_key_has_no_point, make,
                                        drop),
        cmocka_unit_test_setup_teardown(records_that_make_no_sense_are_refused, make, drop),
        cmocka_unit_test_setup_teardown(a_key_goes_on_and_never_back, make, drop),
        cmocka_unit_test_setup_teardown(one_key_is_active_for_a_purpose_and_agency, make, drop),
        cmocka_unit_test_setup_teardown(the_times_of_a_life_are_kept_and_changes_are_counted, make,
                                        drop),
        cmocka_unit_test_setup_teardown(a_compromised_key_retires_at_once_and_stays_compromised,
                                        make, drop),
        cmocka_unit_test_setup_teardown(a_lost_key_stays_in_its_state_but_one_that_waits_is_gone,
                                        make, drop),
        cmocka_unit_test_setup_teardown(a_standby_key_is_one_no_more_once_it_signs, make, drop),
        cmocka_unit_test_setup_teardown(a_certificate_comes_later_with_its_times, make, drop),
        cmocka_unit_test_setup_teardown(an_altered_record_is_found_out, make, drop),
        cmocka_unit_test_setup_teardown(keys_are_listed_by_label_page_by_page, make, drop),
        cmocka_unit_test(states_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
