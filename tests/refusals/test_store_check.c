/* The check of indexes: each entry that is missing, and each that leads nowhere, is named. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "bytes.h"
#include "records.h"
#include "txn.h"
#include "wallet/store_check.h"
#include "wallet/store_credential.h"
#include "wallet/store_grant.h"
#include "wallet/store_status.h"

struct setting {
    struct support_store store;
    uint8_t persons[1][WALLET_UUID_LEN];
    uint8_t license[WALLET_UUID_LEN];
    struct wallet_credential_info credential;
};

static lw_err put_rest(struct wallet_txn *txn, void *ctx)
{
    struct setting *s = ctx;
    static const uint8_t cti[WALLET_CTI_LEN] = {7};
    struct wallet_credential_info *info = &s->credential;
    bool is_new = false;
    *info = (struct wallet_credential_info){
        .format = "dc+sd-jwt", .iat = SUPPORT_NOW, .exp = SUPPORT_NOW + 100, .has_status = true};
    memcpy(info->license, s->license, sizeof(info->license));
    struct wallet_status_owner owner = {.exp = info->exp};
    memcpy(owner.license, s->license, sizeof(owner.license));
    LW_TRY(wallet_store_status_allocate(txn, LW_STR("city"), &owner, SUPPORT_NOW, &info->status));
    LW_TRY(wallet_store_credential_put(txn, info, lw_str_bytes(LW_STR("bytes"))));
    LW_TRY(wallet_store_holder_key_bind(txn, s->license, info->holder, SUPPORT_NOW, &is_new));
    struct wallet_stored_pass pass = {.exp = SUPPORT_NOW + 50, .profile = "bar"};
    memcpy(pass.license, s->license, sizeof(pass.license));
    LW_TRY(wallet_store_pass_put(txn, cti, &pass));
    const struct wallet_grant_name name = {.kind = WALLET_GRANT_CHALLENGE,
                                           .handle = lw_str_bytes(LW_STR("handle"))};
    return wallet_store_grant_put(txn, name, (lw_bytes){0}, SUPPORT_NOW, SUPPORT_NOW + 60);
}

static lw_err reserve(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_license_reserve(txn, ctx);
}

static int make(void **state)
{
    static struct setting s;
    struct wallet_intent intent;
    s = (struct setting){.license = {0}};
    support_store_make(&s.store);
    support_unlock(&s.store);
    support_person(&s.store, 1, s.persons[0]);
    struct support_license what = {.number = "N-1", .persons = s.persons, .person_count = 1};
    assert_int_equal(support_license(&s.store, &what, s.license).code, LW_OK);
    what.number = "N-2";
    support_intent(&s.store, &what, &intent);
    support_store_write(&s.store, reserve, &intent);
    support_store_write(&s.store, put_rest, &s);
    *state = &s;
    return 0;
}

static int drop(void **state)
{
    struct setting *s = *state;
    support_store_drop(&s->store);
    return 0;
}

static struct wallet_index_check check_of(const struct setting *s)
{
    struct wallet_index_check check = {.fault_count = 0};
    struct wallet_txn *txn = NULL;
    assert_int_equal(wallet_read_begin(s->store.store, &txn).code, LW_OK);
    const lw_err err = wallet_store_check_indexes(txn, &check);
    wallet_txn_end(txn);
    assert_int_equal(err.code, LW_OK);
    return check;
}

static void is_whole(const struct setting *s)
{
    const struct wallet_index_check check = check_of(s);
    if (check.fault_count > 0) {
        print_error("%s %s: %s\n", check.faults[0].where, check.faults[0].key, check.faults[0].why);
    }
    assert_int_equal(check.fault_count, 0);
    assert_true(check.checked > 10);
}

static void has_fault(const struct setting *s, const char *where, const char *why)
{
    const struct wallet_index_check check = check_of(s);
    for (size_t i = 0; i < check.fault_count && i < WALLET_FAULTS_MAX; i++) {
        if (strcmp(check.faults[i].where, where) == 0 && strcmp(check.faults[i].why, why) == 0) {
            return;
        }
    }
    fail_msg("%s: not told: %s", where, why);
}

/* The first entry of a keyspace. */
static void first(const struct setting *s, enum wallet_keyspace ks, lw_buf *key, lw_buf *value)
{
    lw_bytes k = {0};
    lw_bytes v = {0};
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(s->store.store, &txn).code, LW_OK);
    WALLET_AUTO_SCAN scan = wallet_scan(txn, ks, (lw_bytes){0});
    assert_true(wallet_scan_next(&scan, &k, &v));
    assert_int_equal(lw_buf_put(key, k).code, LW_OK);
    assert_int_equal(lw_buf_put(value, v).code, LW_OK);
}

static void what_was_written_is_whole(void **state)
{
    is_whole(*state);
}

static void an_entry_that_is_missing_is_told_by_what_needs_it(void **state)
{
    struct setting *s = *state;
    static const struct {
        enum wallet_keyspace gone;
        const char *where;
        const char *why;
    } cases[] = {
        {WALLET_KS_LICENSE_SEALED, "license", "without its sealed part"},
        {WALLET_KS_LICENSE_NUMBER, "license", "not found by its number"},
        {WALLET_KS_LICENSE_STATE, "license", "not in the list of its type and state"},
        {WALLET_KS_LICENSE_STATE, "license-count", "the count of a type and state is wrong"},
        {WALLET_KS_LICENSE_HOLDER, "license", "not in its holder's wallet"},
        {WALLET_KS_PERSON, "license", "its holder is not there"},
        {WALLET_KS_PERSON, "person-code", "leads to no person"},
        {WALLET_KS_PERSON, "person-key", "leads to no person"},
        {WALLET_KS_PERSON_KEY, "person-code", "leads to a person without a key"},
        {WALLET_KS_LICENSE, "license-sealed", "leads to no license"},
        {WALLET_KS_LICENSE, "license-number", "leads to no license"},
        {WALLET_KS_LICENSE, "license-holder", "leads to no license"},
        {WALLET_KS_LICENSE, "license-state", "leads to no license"},
        {WALLET_KS_LICENSE, "credential", "of a license that is not there"},
        {WALLET_KS_LICENSE, "holder-key", "of a license that is not there"},
        {WALLET_KS_LICENSE, "pass", "of a license that is not there"},
        {WALLET_KS_LICENSE, "status-entry", "of a license that is not there"},
        {WALLET_KS_INTENT, "license-number", "leads to no license"},
        {WALLET_KS_CREDENTIAL, "credential-expiry", "leads to nothing"},
        {WALLET_KS_CREDENTIAL_EXPIRY, "credential", "not in the list by end"},
        {WALLET_KS_PASS, "pass-expiry", "leads to nothing"},
        {WALLET_KS_PASS_EXPIRY, "pass", "not in the list by end"},
        {WALLET_KS_GRANT, "grant-expiry", "leads to nothing"},
        {WALLET_KS_GRANT_EXPIRY, "grant", "not in the list by end"},
        {WALLET_KS_STATUS_ENTRY, "credential", "its place in a status list is nobody's"},
        {WALLET_KS_STATUS_LIST, "status-open", "leads to no list"},
        {WALLET_KS_STATUS_LIST, "status-due", "leads to no list"},
        {WALLET_KS_STATUS_DUE, "status-list", "not where it stands among those due"},
        {WALLET_KS_STATUS_OPEN, "status-list",
         "open and not among the open ones, or the other way round"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *name = wallet_ks(cases[i].gone)->name;
        LW_AUTO_BUF key = LW_BUF(1024);
        LW_AUTO_BUF value = LW_BUF(1 << 20);
        first(s, cases[i].gone, &key, &value);
        support_delete(&s->store, name, lw_buf_view(&key));
        has_fault(s, cases[i].where, cases[i].why);
        support_put(&s->store, name, lw_buf_view(&key), lw_buf_view(&value));
        is_whole(s);
    }
}

static void an_entry_of_a_list_that_is_gone_or_too_short_is_told(void **state)
{
    struct setting *s = *state;
    uint8_t key[16] = {0};
    LW_AUTO_BUF entry = LW_BUF(1024);
    LW_AUTO_BUF value = LW_BUF(1024);
    first(s, WALLET_KS_STATUS_ENTRY, &entry, &value);
    wallet_key_put_u64(key, 99);
    support_put(&s->store, "status-entry", LW_BYTES(key), lw_buf_view(&value));
    has_fault(s, "status-entry", "of a list that is not there, or beyond its end");
    support_delete(&s->store, "status-entry", LW_BYTES(key));
    memcpy(key, entry.ptr, 8);
    wallet_key_put_u64(key + 8, WALLET_STATUS_SIZE_MIN);
    support_put(&s->store, "status-entry", LW_BYTES(key), lw_buf_view(&value));
    has_fault(s, "status-entry", "of a list that is not there, or beyond its end");
    has_fault(s, "status-list", "entries given are not as many as it says");
    support_delete(&s->store, "status-entry", LW_BYTES(key));
    is_whole(s);
}

/* Puts the value of a keyspace's first entry under that key with one byte changed. */
static void twist(struct setting *s, enum wallet_keyspace ks, size_t from_end, const char *why)
{
    LW_AUTO_BUF key = LW_BUF(1024);
    LW_AUTO_BUF value = LW_BUF(1 << 20);
    first(s, ks, &key, &value);
    key.ptr[from_end < key.len ? key.len - 1 - from_end : 0] ^= 0x10;
    support_put(&s->store, wallet_ks(ks)->name, lw_buf_view(&key), lw_buf_view(&value));
    has_fault(s, wallet_ks(ks)->name, why);
    support_delete(&s->store, wallet_ks(ks)->name, lw_buf_view(&key));
    is_whole(s);
}

static void an_entry_under_another_key_is_told(void **state)
{
    struct setting *s = *state;
    twist(s, WALLET_KS_LICENSE_NUMBER, SIZE_MAX, "leads to another number's license");
    twist(s, WALLET_KS_LICENSE_HOLDER, SIZE_MAX, "leads to another holder's license");
    twist(s, WALLET_KS_LICENSE_STATE, SIZE_MAX, "its license is of another type or state");
    twist(s, WALLET_KS_LICENSE_SEALED, 0, "leads to no license");
    twist(s, WALLET_KS_GRANT_EXPIRY, 0, "leads to nothing");
    twist(s, WALLET_KS_STATUS_OPEN, 0, "leads to no list");
    twist(s, WALLET_KS_STATUS_DUE, 0, "leads to no list");
    twist(s, WALLET_KS_STATUS_DUE, 10, "its list stands elsewhere");
}

static void keys_of_another_length_are_told(void **state)
{
    struct setting *s = *state;
    static const enum wallet_keyspace all[] = {
        WALLET_KS_LICENSE,           WALLET_KS_INTENT,      WALLET_KS_LICENSE_HOLDER,
        WALLET_KS_LICENSE_STATE,     WALLET_KS_CREDENTIAL,  WALLET_KS_PASS,
        WALLET_KS_CREDENTIAL_EXPIRY, WALLET_KS_PASS_EXPIRY, WALLET_KS_GRANT_EXPIRY,
        WALLET_KS_STATUS_ENTRY,      WALLET_KS_STATUS_LIST, WALLET_KS_STATUS_OPEN,
        WALLET_KS_HOLDER_KEY,        WALLET_KS_STATUS_DUE,
    };
    static const uint8_t key[] = {1, 2};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        const char *name = wallet_ks(all[i])->name;
        support_put(&s->store, name, LW_BYTES(key), (lw_bytes){0});
        has_fault(s, name, "a key of another length");
        support_delete(&s->store, name, LW_BYTES(key));
    }
    is_whole(s);
}

static lw_err valid_again(struct wallet_txn *txn, void *ctx)
{
    const struct setting *s = ctx;
    return wallet_store_status_set(txn, s->credential.status, WALLET_ENTRY_VALID, NULL);
}

static lw_err as_suspended(struct wallet_txn *txn, void *ctx)
{
    const struct setting *s = ctx;
    return wallet_store_credential_set_status(txn, s->license, WALLET_ENTRY_SUSPENDED, NULL);
}

static void a_status_that_is_not_its_licenses_is_told(void **state)
{
    struct setting *s = *state;
    assert_int_equal(support_state(&s->store, s->license, WALLET_SUSPENDED, "why").code, LW_OK);
    has_fault(s, "credential", "its status is not that of its license");
    support_store_write(&s->store, as_suspended, s);
    is_whole(s);
    support_store_write(&s->store, valid_again, s);
    has_fault(s, "credential", "its status is not that of its license");
}

static lw_err retire(struct wallet_txn *txn, void *ctx)
{
    const struct setting *s = ctx;
    return wallet_store_status_retire(txn, s->credential.status.list, s->credential.exp);
}

static lw_err purge(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_status_purge(txn, 10, ctx);
}

static void a_list_that_retired_is_no_fault_of_credentials_not_purged_yet(void **state)
{
    struct setting *s = *state;
    size_t purged = 0;
    support_store_write(&s->store, retire, s);
    is_whole(s);
    support_store_write(&s->store, purge, &purged);
    assert_int_equal(purged, 1);
    is_whole(s);
}

static void a_license_whose_sum_does_not_hold_is_told(void **state)
{
    struct setting *s = *state;
    LW_AUTO_BUF key = LW_BUF(64);
    LW_AUTO_BUF value = LW_BUF(1 << 20);
    first(s, WALLET_KS_LICENSE, &key, &value);
    support_flip(&s->store, "license", lw_buf_view(&key), 20);
    has_fault(s, "license", "license: not as it was written");
}

static void faults_are_counted_beyond_those_that_are_kept_and_keys_are_cut(void **state)
{
    struct setting *s = *state;
    for (uint8_t i = 0; i < 2 * WALLET_FAULTS_MAX; i++) {
        uint8_t key[100] = {0x41, 0, 1, i};
        support_put(&s->store, "license-state", LW_BYTES(key), (lw_bytes){0});
    }
    const struct wallet_index_check check = check_of(s);
    assert_int_equal(check.fault_count, 2 * WALLET_FAULTS_MAX);
    assert_int_equal(strlen(check.faults[0].key), WALLET_FAULT_KEY_MAX - 2);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_was_written_is_whole),
        TEST(an_entry_that_is_missing_is_told_by_what_needs_it),
        TEST(an_entry_of_a_list_that_is_gone_or_too_short_is_told),
        TEST(an_entry_under_another_key_is_told),
        TEST(keys_of_another_length_are_told),
        TEST(a_status_that_is_not_its_licenses_is_told),
        TEST(a_list_that_retired_is_no_fault_of_credentials_not_purged_yet),
        TEST(a_license_whose_sum_does_not_hold_is_told),
        TEST(faults_are_counted_beyond_those_that_are_kept_and_keys_are_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
