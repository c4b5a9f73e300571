#include "wallet/store_credential.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "records.h"

struct bench {
    struct support_store store;
    uint8_t persons[2][WALLET_UUID_LEN];
    uint8_t license[WALLET_UUID_LEN]; /* of both persons */
    uint8_t other[WALLET_UUID_LEN];   /* of the first */
};

static int make(void **state)
{
    static struct bench b;
    support_store_make(&b.store);
    support_unlock(&b.store);
    support_person(&b.store, 0, b.persons[0]);
    support_person(&b.store, 1, b.persons[1]);
    const struct support_license both = {.number = "N-1", .persons = b.persons, .person_count = 2};
    const struct support_license one = {.number = "N-2", .persons = b.persons, .person_count = 1};
    assert_int_equal(support_license(&b.store, &both, b.license).code, LW_OK);
    assert_int_equal(support_license(&b.store, &one, b.other).code, LW_OK);
    *state = &b;
    return 0;
}

static int drop(void **state)
{
    support_store_drop(&((struct bench *)*state)->store);
    return 0;
}

static struct wallet_credential_info info_of(const uint8_t license[WALLET_UUID_LEN], uint8_t holder,
                                             const char *format, int64_t exp)
{
    struct wallet_credential_info info = {.iat = SUPPORT_NOW, .exp = exp};
    memcpy(info.license, license, WALLET_UUID_LEN);
    memset(info.holder, holder, sizeof(info.holder));
    (void)snprintf(info.format, sizeof(info.format), "%s", format);
    return info;
}

struct put {
    struct wallet_credential_info info;
    lw_bytes bytes;
};

static lw_err put_credential(struct wallet_txn *txn, void *ctx)
{
    const struct put *p = ctx;
    return wallet_store_credential_put(txn, &p->info, p->bytes);
}

static lw_code put(struct bench *b, const struct wallet_credential_info *info, const char *bytes)
{
    struct put p = {.info = *info, .bytes = lw_str_bytes(lw_str_c(bytes))};
    return wallet_store_write(b->store.store, put_credential, &p).code;
}

static lw_code get(const struct bench *b, struct wallet_credential_info *info, lw_buf *credential)
{
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(b->store.store, &txn).code, LW_OK);
    return wallet_store_credential_get(txn, info, credential).code;
}

static void a_credential_is_found_by_license_key_and_format(void **state)
{
    struct bench *b = *state;
    struct wallet_credential_info info = info_of(b->license, 1, "dc+sd-jwt", SUPPORT_NOW + 10);
    struct wallet_credential_info asked = info_of(b->license, 1, "dc+sd-jwt", 0);
    LW_AUTO_BUF bytes = LW_BUF(1024);
    info.has_status = true;
    info.status = (struct wallet_status_place){.list = 3, .idx = 4};
    assert_int_equal(put(b, &info, "a credential"), LW_OK);
    assert_int_equal(get(b, &asked, &bytes), LW_OK);
    assert_true(lw_str_is(lw_buf_text(&bytes), "a credential"));
    assert_int_equal(asked.iat, SUPPORT_NOW);
    assert_int_equal(asked.exp, SUPPORT_NOW + 10);
    assert_true(asked.has_status);
    assert_int_equal(asked.status.list, 3);
    assert_int_equal(asked.status.idx, 4);
    struct wallet_credential_info others[] = {
        info_of(b->other, 1, "dc+sd-jwt", 0), info_of(b->license, 2, "dc+sd-jwt", 0),
        info_of(b->license, 1, "dc+sd-cwt", 0), info_of(b->license, 1, "dc+sd", 0),
        info_of(b->license, 1, "", 0)};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_int_equal(get(b, &others[i], NULL), LW_E_NOT_FOUND);
    }
}

static void the_one_that_ends_last_is_given_and_the_others_are_kept(void **state)
{
    struct bench *b = *state;
    static const int64_t ends[] = {SUPPORT_NOW + 20, SUPPORT_NOW + 300, SUPPORT_NOW + 100};
    struct wallet_credential_info asked = info_of(b->license, 1, "f", 0);
    LW_AUTO_BUF bytes = LW_BUF(1024);
    for (size_t i = 0; i < 3; i++) {
        const char text[2] = {(char)('a' + i), '\0'};
        const struct wallet_credential_info info = info_of(b->license, 1, "f", ends[i]);
        assert_int_equal(put(b, &info, text), LW_OK);
        assert_int_equal(put(b, &info, "again"), LW_E_CONFLICT);
    }
    assert_int_equal(get(b, &asked, &bytes), LW_OK);
    assert_true(lw_str_is(lw_buf_text(&bytes), "b"));
    assert_int_equal(support_count(&b->store, "credential"), 3);
}

static void of_one_handed_away_only_the_rest_is_kept(void **state)
{
    struct bench *b = *state;
    struct wallet_credential_info info = info_of(b->license, 1, "f", SUPPORT_NOW + 1);
    LW_AUTO_BUF bytes = LW_BUF(1024);
    wallet_store_lock(b->store.store); /* nothing is sealed, so nothing is needed */
    assert_int_equal(put(b, &info, ""), LW_OK);
    assert_int_equal(get(b, &info, &bytes), LW_OK);
    assert_int_equal(bytes.len, 0);
    assert_int_equal(put(b, &(struct wallet_credential_info){.format = "f"}, "x"), LW_E_NOT_FOUND);
}

static void what_cannot_be_kept_is_refused(void **state)
{
    struct bench *b = *state;
    static uint8_t large[WALLET_CREDENTIAL_STORE_MAX + 1];
    const uint8_t nobody[WALLET_UUID_LEN] = {0};
    struct wallet_credential_info info = info_of(b->license, 1, "f", SUPPORT_NOW + 1);
    struct put p = {.info = info, .bytes = LW_BYTES(large)};
    assert_int_equal(wallet_store_write(b->store.store, put_credential, &p).code, LW_E_LIMIT);
    p.bytes.len--;
    assert_int_equal(wallet_store_write(b->store.store, put_credential, &p).code, LW_OK);
    info.exp = info.iat - 1;
    assert_int_equal(put(b, &info, "x"), LW_E_VALUE);
    info = info_of(b->license, 1, "", SUPPORT_NOW + 2);
    assert_int_equal(put(b, &info, "x"), LW_E_VALUE);
    info = info_of(nobody, 1, "f", SUPPORT_NOW + 2);
    assert_int_equal(put(b, &info, "x"), LW_E_NOT_FOUND);
    wallet_store_lock(b->store.store);
    info = info_of(b->license, 1, "f", SUPPORT_NOW + 3);
    assert_int_equal(put(b, &info, "x"), LW_E_DENIED);
    info = info_of(b->license, 1, "f", 0);
    LW_AUTO_BUF out = LW_BUF(WALLET_CREDENTIAL_STORE_MAX);
    assert_int_equal(get(b, &info, &out), LW_E_DENIED);
    assert_int_equal(get(b, &info, NULL), LW_OK);
}

static void key_of(const struct wallet_credential_info *info, uint8_t key[58])
{
    memcpy(key, info->license, 16);
    memcpy(key + 16, info->holder, 32);
    memcpy(key + 48, "f\0", 2);
    for (size_t i = 0; i < 8; i++) {
        key[50 + i] = (uint8_t)(((uint64_t)info->exp ^ (uint64_t)1 << 63) >> (56 - 8 * i));
    }
}

static void an_altered_or_moved_credential_does_not_open(void **state)
{
    struct bench *b = *state;
    struct wallet_credential_info one = info_of(b->license, 1, "f", SUPPORT_NOW + 1);
    struct wallet_credential_info two = info_of(b->license, 2, "f", SUPPORT_NOW + 1);
    struct wallet_credential_info three = info_of(b->other, 1, "f", SUPPORT_NOW + 1);
    uint8_t key[58];
    LW_AUTO_BUF value = LW_BUF(1024);
    LW_AUTO_BUF out = LW_BUF(1024);
    assert_int_equal(put(b, &one, "one"), LW_OK);
    assert_int_equal(put(b, &two, "two"), LW_OK);
    assert_int_equal(put(b, &three, "three"), LW_OK);
    key_of(&one, key);
    support_get(&b->store, "credential", LW_BYTES(key), &value);
    key_of(&two, key); /* the same license, another holder key */
    support_put(&b->store, "credential", LW_BYTES(key), lw_buf_view(&value));
    assert_int_equal(get(b, &two, &out), LW_E_SIGNATURE);
    key_of(&three, key); /* another license */
    support_put(&b->store, "credential", LW_BYTES(key), lw_buf_view(&value));
    assert_int_equal(get(b, &three, &out), LW_E_SIGNATURE);
    key_of(&one, key);
    support_flip(&b->store, "credential", LW_BYTES(key), 0);
    assert_int_equal(get(b, &one, &out), LW_E_SIGNATURE);
    assert_int_equal(out.len, 0);
    support_put(&b->store, "credential", LW_BYTES(key), lw_str_bytes(LW_STR("\x81\x01")));
    assert_int_equal(get(b, &one, &out), LW_E_CORRUPT);
}

static lw_err erase(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_person_erase(txn, ctx, SUPPORT_NOW);
}

static void credentials_go_with_the_last_holder(void **state)
{
    struct bench *b = *state;
    struct wallet_credential_info info = info_of(b->license, 1, "f", SUPPORT_NOW + 1);
    LW_AUTO_BUF out = LW_BUF(1024);
    assert_int_equal(put(b, &info, "one"), LW_OK);
    support_store_write(&b->store, erase, b->persons[0]);
    assert_int_equal(get(b, &info, &out), LW_OK);
    support_store_write(&b->store, erase, b->persons[1]);
    assert_int_equal(get(b, &info, &out), LW_E_NOT_FOUND);
    info.exp++;
    assert_int_equal(put(b, &info, "two"), LW_E_NOT_FOUND);
}

static void the_credentials_of_a_license_are_listed(void **state)
{
    enum { CREDENTIALS = 7 };
    struct bench *b = *state;
    struct wallet_credential_info made[CREDENTIALS];
    for (uint8_t i = 0; i < CREDENTIALS; i++) {
        made[i] = info_of(b->license, i / 2, i % 2 == 0 ? "a" : "b", SUPPORT_NOW + i);
        assert_int_equal(put(b, &made[i], "x"), LW_OK);
    }
    const struct wallet_credential_info other = info_of(b->other, 1, "a", SUPPORT_NOW);
    assert_int_equal(put(b, &other, "x"), LW_OK);
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(b->store.store, &txn).code, LW_OK);
    for (size_t room = 1; room <= CREDENTIALS + 1; room++) {
        struct wallet_credential_info found[CREDENTIALS + 1];
        struct wallet_page page = {.len = 0};
        size_t total = 0;
        while (!page.end) {
            size_t count = room;
            assert_int_equal(
                wallet_store_credential_page(txn, b->license, &page, found, &count).code, LW_OK);
            for (size_t i = 0; i < count; i++, total++) {
                assert_memory_equal(found[i].holder, made[total].holder, 32);
                assert_string_equal(found[i].format, made[total].format);
                assert_int_equal(found[i].exp, made[total].exp);
                assert_false(found[i].has_status);
            }
        }
        assert_int_equal(total, CREDENTIALS);
    }
}

struct purge {
    int64_t before;
    size_t max;
    size_t purged;
    lw_err (*fn)(struct wallet_txn *, int64_t, size_t, size_t *);
};

static lw_err purge(struct wallet_txn *txn, void *ctx)
{
    struct purge *p = ctx;
    return p->fn(txn, p->before, p->max, &p->purged);
}

static void what_has_ended_is_purged_a_few_at_a_time(void **state)
{
    struct bench *b = *state;
    struct purge p = {.before = SUPPORT_NOW + 3, .max = 2, .fn = wallet_store_credential_purge};
    for (uint8_t i = 0; i < 5; i++) {
        const struct wallet_credential_info info = info_of(b->license, i, "f", SUPPORT_NOW + i);
        assert_int_equal(put(b, &info, "x"), LW_OK);
    }
    support_store_write(&b->store, purge, &p);
    assert_int_equal(p.purged, 2);
    support_store_write(&b->store, purge, &p);
    assert_int_equal(p.purged, 1);
    support_store_write(&b->store, purge, &p);
    assert_int_equal(p.purged, 0);
    assert_int_equal(support_count(&b->store, "credential"), 2);
    assert_int_equal(support_count(&b->store, "credential-expiry"), 2);
}

struct bind {
    const uint8_t *license;
    uint8_t holder[WALLET_THUMBPRINT_LEN];
    int64_t now;
    bool is_new;
};

static lw_err bind_key(struct wallet_txn *txn, void *ctx)
{
    struct bind *k = ctx;
    return wallet_store_holder_key_bind(txn, k->license, k->holder, k->now, &k->is_new);
}

static void a_holder_key_is_bound_once_and_its_first_time_stays(void **state)
{
    struct bench *b = *state;
    const uint8_t nobody[WALLET_UUID_LEN] = {0};
    struct bind k = {.license = b->license, .holder = {9}, .now = SUPPORT_NOW};
    struct bind other = {.license = b->license, .holder = {3}, .now = SUPPORT_NOW + 1};
    struct wallet_page page = {.len = 0};
    struct wallet_bound_key keys[3];
    size_t count = 3;
    support_store_write(&b->store, bind_key, &k);
    assert_true(k.is_new);
    support_store_write(&b->store, bind_key, &other);
    k.now += 100;
    support_store_write(&b->store, bind_key, &k);
    assert_false(k.is_new);
    k.license = nobody;
    assert_int_equal(wallet_store_write(b->store.store, bind_key, &k).code, LW_E_NOT_FOUND);
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(b->store.store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_holder_key_page(txn, b->license, &page, keys, &count).code,
                     LW_OK);
    assert_int_equal(count, 2);
    assert_true(page.end);
    assert_memory_equal(keys[0].holder, other.holder, sizeof(other.holder));
    assert_memory_equal(keys[1].holder, k.holder, sizeof(k.holder));
    assert_int_equal(keys[1].since, SUPPORT_NOW);
}

struct pass {
    uint8_t cti[WALLET_CTI_LEN];
    struct wallet_stored_pass pass;
};

static lw_err put_pass(struct wallet_txn *txn, void *ctx)
{
    const struct pass *p = ctx;
    return wallet_store_pass_put(txn, p->cti, &p->pass);
}

static void a_pass_is_found_by_its_cti_until_it_is_purged(void **state)
{
    struct bench *b = *state;
    struct pass p = {.cti = {1}, .pass = {.exp = SUPPORT_NOW + 5, .profile = "age"}};
    struct purge gone = {.before = SUPPORT_NOW + 5, .max = 9, .fn = wallet_store_pass_purge};
    struct wallet_stored_pass found;
    memcpy(p.pass.license, b->license, WALLET_UUID_LEN);
    support_store_write(&b->store, put_pass, &p);
    assert_int_equal(wallet_store_write(b->store.store, put_pass, &p).code, LW_E_CONFLICT);
    wallet_store_lock(b->store.store); /* a verifier needs no key to look it up */
    support_store_write(&b->store, purge, &gone);
    assert_int_equal(gone.purged, 0);
    {
        WALLET_AUTO_TXN txn = NULL;
        assert_int_equal(wallet_read_begin(b->store.store, &txn).code, LW_OK);
        assert_int_equal(wallet_store_pass_get(txn, p.cti, &found).code, LW_OK);
        assert_memory_equal(found.license, b->license, WALLET_UUID_LEN);
        assert_int_equal(found.exp, SUPPORT_NOW + 5);
        assert_string_equal(found.profile, "age");
    }
    gone.before++;
    support_store_write(&b->store, purge, &gone);
    assert_int_equal(gone.purged, 1);
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(b->store.store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_pass_get(txn, p.cti, &found).code, LW_E_NOT_FOUND);
}

static void a_pass_without_license_or_profile_is_refused(void **state)
{
    struct bench *b = *state;
    struct pass p = {.cti = {1}, .pass = {.exp = SUPPORT_NOW + 5, .profile = "age"}};
    assert_int_equal(wallet_store_write(b->store.store, put_pass, &p).code, LW_E_NOT_FOUND);
    memcpy(p.pass.license, b->license, WALLET_UUID_LEN);
    p.pass.profile[0] = '\0';
    assert_int_equal(wallet_store_write(b->store.store, put_pass, &p).code, LW_E_VALUE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_credential_is_found_by_license_key_and_format, make,
                                        drop),
        cmocka_unit_test_setup_teardown(the_one_that_ends_last_is_given_and_the_others_are_kept,
                                        make, drop),
        cmocka_unit_test_setup_teardown(of_one_handed_away_only_the_rest_is_kept, make, drop),
        cmocka_unit_test_setup_teardown(what_cannot_be_kept_is_refused, make, drop),
        cmocka_unit_test_setup_teardown(an_altered_or_moved_credential_does_not_open, make, drop),
        cmocka_unit_test_setup_teardown(credentials_go_with_the_last_holder, make, drop),
        cmocka_unit_test_setup_teardown(the_credentials_of_a_license_are_listed, make, drop),
        cmocka_unit_test_setup_teardown(what_has_ended_is_purged_a_few_at_a_time, make, drop),
        cmocka_unit_test_setup_teardown(a_holder_key_is_bound_once_and_its_first_time_stays, make,
                                        drop),
        cmocka_unit_test_setup_teardown(a_pass_is_found_by_its_cti_until_it_is_purged, make, drop),
        cmocka_unit_test_setup_teardown(a_pass_without_license_or_profile_is_refused, make, drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
