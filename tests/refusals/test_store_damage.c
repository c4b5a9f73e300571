/* Stored data that is not what was written: each reader says so instead of going on. */
#define _GNU_SOURCE /* RTLD_NEXT */

#include <dlfcn.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"
#include "store_fixture.h"
#include "txn.h"
#include "wallet/audit.h"

/* The library's cursors come here first: a test may have one give a key twice. */
enum { CURSOR_NEXT = 8 };
static bool repeat_key;
struct library_value {
    size_t len;
    void *data;
};

int mdb_cursor_get(void *cursor, struct library_value *key, struct library_value *value, int op);
int mdb_cursor_get(void *cursor, struct library_value *key, struct library_value *value, int op)
{
    static struct library_value last;
    int (*real)(void *, struct library_value *, struct library_value *, int) = NULL;
    void *found = dlsym(RTLD_NEXT, "mdb_cursor_get");
    memcpy(&real, &found, sizeof(real)); /* ISO C has no cast for it */
    const int rc = real(cursor, key, value, op);
    if (rc == 0 && repeat_key && op == CURSOR_NEXT) {
        *key = last;
    } else if (rc == 0) {
        last = *key;
    }
    return rc;
}

/* Likewise its counting of a keyspace's entries. */
static bool count_more;
struct library_stat {
    unsigned page;
    unsigned depth;
    size_t pages[3];
    size_t entries;
};

int mdb_stat(void *txn, unsigned dbi, struct library_stat *stat);
int mdb_stat(void *txn, unsigned dbi, struct library_stat *stat)
{
    int (*real)(void *, unsigned, struct library_stat *) = NULL;
    void *found = dlsym(RTLD_NEXT, "mdb_stat");
    memcpy(&real, &found, sizeof(real));
    const int rc = real(txn, dbi, stat);
    stat->entries += count_more ? 1 : 0;
    return rc;
}

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

static lw_bytes text(const char *s)
{
    return lw_str_bytes(lw_str_c(s));
}

struct entry {
    enum wallet_keyspace ks;
    const char *key; /* hex */
    const char *value;
};

static lw_err put_entry(struct wallet_txn *txn, void *ctx)
{
    const struct entry *e = ctx;
    LW_AUTO_BUF key = LW_BUF(64);
    LW_AUTO_BUF value = LW_BUF(256);
    support_hex(e->key, &key);
    support_hex(e->value, &value);
    return wallet_txn_put(txn, e->ks, lw_buf_view(&key), lw_buf_view(&value));
}

static void put(struct support_store *f, enum wallet_keyspace ks, const char *key,
                const char *value)
{
    struct entry e = {.ks = ks, .key = key, .value = value};
    support_store_write(f, put_entry, &e);
}

static lw_err drop_entry(struct wallet_txn *txn, void *ctx)
{
    const struct entry *e = ctx;
    LW_AUTO_BUF key = LW_BUF(64);
    support_hex(e->key, &key);
    return wallet_txn_delete(txn, e->ks, lw_buf_view(&key));
}

static struct wallet_txn *reading(struct support_store *f)
{
    struct wallet_txn *txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    return txn;
}

static lw_code get_leaf(struct support_store *f, uint64_t index)
{
    struct wallet_audit_leaf leaf = {0};
    WALLET_AUTO_TXN txn = reading(f);
    return wallet_audit_get(txn, index, &leaf).code;
}

static const char first[] = "0000000000000000";
#define EVENT "48 8701000d6040f640"
#define HASH32 "0101010101010101010101010101010101010101010101010101010101010101"

static void openings_not_of_their_form_are_corrupt(void **state)
{
    static const char *const bad[] = {
        "83 01 4101" EVENT,        /* a nonce of one byte */
        "84 01 5820" HASH32 EVENT, /* a field more is told than there is */
        "82 01 5820" HASH32,       /* a field less */
        "83 01 5820" HASH32 "40",  /* no event within */
        "83 01 f6 60",             /* erased by a text */
        "80",
    };
    assert_int_equal(get_leaf(*state, 0), LW_OK);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        put(*state, WALLET_KS_AUDIT_OPENING, first, bad[i]);
        assert_int_equal(get_leaf(*state, 0), LW_E_CORRUPT);
    }
    put(*state, WALLET_KS_AUDIT_OPENING, first, "83 01 f6 01");
    assert_int_equal(get_leaf(*state, 0), LW_OK); /* erased is a form */
}

static void a_missing_opening_is_corrupt_and_not_unknown(void **state)
{
    struct entry e = {.ks = WALLET_KS_AUDIT_OPENING, .key = first};
    support_store_write(*state, drop_entry, &e);
    assert_int_equal(get_leaf(*state, 0), LW_E_CORRUPT);
    assert_int_equal(get_leaf(*state, 1), LW_E_NOT_FOUND);
}

static void a_leaf_shorter_than_a_hash_is_corrupt(void **state)
{
    uint64_t size = 0;
    uint8_t root[WALLET_HASH_LEN];
    put(*state, WALLET_KS_AUDIT_LEAF, first, "01");
    assert_int_equal(get_leaf(*state, 0), LW_E_CORRUPT);
    WALLET_AUTO_TXN txn = reading(*state);
    assert_int_equal(wallet_audit_head(txn, &size, root).code, LW_E_CORRUPT);
}

static void a_missing_leaf_is_corrupt_and_not_unknown(void **state)
{
    uint64_t size = 0;
    uint8_t root[WALLET_HASH_LEN];
    struct entry e = {.ks = WALLET_KS_AUDIT_LEAF, .key = first};
    put(*state, WALLET_KS_AUDIT_LEAF, "0000000000000002", HASH32);
    put(*state, WALLET_KS_AUDIT_LEAF, "0000000000000001", HASH32 HASH32);
    support_store_write(*state, drop_entry, &e);
    put(*state, WALLET_KS_AUDIT_LEAF, "0000000000000003", HASH32); /* lacks its nodes */
    WALLET_AUTO_TXN txn = reading(*state);
    assert_int_equal(wallet_audit_root_at(txn, 2, root).code, LW_OK); /* one stored node */
    assert_int_equal(wallet_audit_root_at(txn, 1, root).code, LW_E_CORRUPT);
    assert_int_equal(wallet_audit_head(txn, &size, root).code, LW_E_CORRUPT);
}

static void a_leaf_without_a_proper_index_is_corrupt(void **state)
{
    static const char *const keys[] = {"ff", "4000000000000000", "ffffffffffffffff",
                                       "400000000000000000"};
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        uint64_t size = 0;
        uint8_t root[WALLET_HASH_LEN];
        struct entry e = {.ks = WALLET_KS_AUDIT_LEAF, .key = keys[i], .value = HASH32};
        support_store_write(*state, put_entry, &e);
        {
            WALLET_AUTO_TXN txn = reading(*state);
            assert_int_equal(wallet_audit_head(txn, &size, root).code, LW_E_CORRUPT);
        }
        support_store_write(*state, drop_entry, &e);
    }
}

static lw_err erase(struct wallet_txn *txn, void *ctx)
{
    uint64_t erased = 0;
    (void)ctx;
    return wallet_audit_erase(txn, text("ab"), LW_STR("op"), SUPPORT_NOW, &erased);
}

static void a_subjects_key_of_another_length_is_corrupt(void **state)
{
    const struct support_store *f = *state;
    uint64_t indexes[4];
    size_t count = 4;
    put(*state, WALLET_KS_AUDIT_SUBJECT, "02 6162 00000000000000", "");
    {
        WALLET_AUTO_TXN txn = reading(*state);
        assert_int_equal(wallet_audit_find_subject(txn, text("ab"), 0, indexes, &count).code,
                         LW_OK); /* before the first index */
    }
    put(*state, WALLET_KS_AUDIT_SUBJECT, "02 6162 000000000000000000", "");
    count = 4;
    {
        WALLET_AUTO_TXN txn = reading(*state);
        assert_int_equal(wallet_audit_find_subject(txn, text("ab"), 0, indexes, &count).code,
                         LW_E_CORRUPT);
    }
    assert_int_equal(wallet_store_write(f->store, erase, NULL).code, LW_E_CORRUPT);
}

static void heads_not_of_their_form_are_corrupt(void **state)
{
    static const struct {
        const char *key;
        const char *value;
    } cases[] = {
        {"0000000000000001", "84 01 4101 00 40"},             /* root of one byte */
        {"0000000000000001", "85 01 5820" HASH32 "00 40 00"}, /* a field more */
        {"0000000000000001", "83 01 5820" HASH32 "00"},       /* a field less */
        {"0000000000000001", "84 01 5820" HASH32 "60 40"},    /* time is a text */
        {"00000000000001", "84 01 5820" HASH32 "00 40"},      /* size of seven bytes */
    };
    struct wallet_audit_signed_head head = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct entry e = {.ks = WALLET_KS_AUDIT_HEAD, .key = cases[i].key, .value = cases[i].value};
        support_store_write(*state, put_entry, &e);
        {
            WALLET_AUTO_TXN txn = reading(*state);
            assert_int_equal(wallet_audit_last_signed(txn, &head).code, LW_E_CORRUPT);
        }
        support_store_write(*state, drop_entry, &e);
    }
    put(*state, WALLET_KS_AUDIT_HEAD, "0000000000000001", "84 01 5820" HASH32 "00 40");
    WALLET_AUTO_TXN txn = reading(*state);
    assert_int_equal(wallet_audit_last_signed(txn, &head).code, LW_OK);
}

static void a_receipt_without_its_index_is_corrupt(void **state)
{
    const uint8_t receipt[WALLET_AUDIT_RECEIPT_LEN] = {1};
    uint64_t index = 0;
    put(*state, WALLET_KS_AUDIT_RECEIPT,
        "01"
        "000000000000000000000000000000000000000000",
        "82 01 60");
    WALLET_AUTO_TXN txn = reading(*state);
    assert_int_equal(wallet_audit_find_receipt(txn, LW_BYTES(receipt), &index).code, LW_E_CORRUPT);
}

static void an_epoch_without_its_number_is_corrupt(void **state)
{
    struct wallet_epoch epoch;
    put(*state, WALLET_KS_EPOCH, "00000001", "85 01 61 73 00 01 41 01");
    {
        WALLET_AUTO_TXN txn = reading(*state);
        assert_int_equal(wallet_store_epoch_get(txn, 0, &epoch).code, LW_OK);
        assert_int_equal(epoch.number, 1);
    }
    put(*state, WALLET_KS_EPOCH, "000001", "85 01 61 73 00 01 41 01");
    WALLET_AUTO_TXN txn = reading(*state);
    assert_int_equal(wallet_store_epoch_get(txn, 0, &epoch).code, LW_E_CORRUPT);
}

static struct wallet_store_found check(struct support_store *f)
{
    struct wallet_store_found found;
    assert_int_equal(wallet_store_check(f->store, &found).code, LW_OK);
    return found;
}

static void keys_out_of_order_are_found(void **state)
{
    put(*state, WALLET_KS_AGENCY, "61", "81 01");
    put(*state, WALLET_KS_AGENCY, "62", "81 01");
    assert_true(check(*state).whole);
    repeat_key = true;
    const struct wallet_store_found found = check(*state);
    repeat_key = false;
    assert_false(found.whole);
    assert_string_equal(found.why, "keys are out of order");
}

static void entries_that_are_counted_but_not_there_are_found(void **state)
{
    count_more = true;
    const struct wallet_store_found found = check(*state);
    count_more = false;
    assert_false(found.whole);
    assert_string_equal(found.why, "entries are missing");
    assert_true(check(*state).whole);
}

static void a_log_that_does_not_chain_is_named_by_its_leaf(void **state)
{
    put(*state, WALLET_KS_AUDIT_LEAF, "0000000000000001", HASH32);
    const struct wallet_store_found found = check(*state);
    assert_false(found.whole);
    assert_string_equal(found.where, "audit-leaf");
    assert_int_equal(found.index, 1);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(openings_not_of_their_form_are_corrupt),
        TEST(a_missing_opening_is_corrupt_and_not_unknown),
        TEST(a_leaf_shorter_than_a_hash_is_corrupt),
        TEST(a_missing_leaf_is_corrupt_and_not_unknown),
        TEST(a_leaf_without_a_proper_index_is_corrupt),
        TEST(a_subjects_key_of_another_length_is_corrupt),
        TEST(heads_not_of_their_form_are_corrupt),
        TEST(a_receipt_without_its_index_is_corrupt),
        TEST(an_epoch_without_its_number_is_corrupt),
        TEST(keys_out_of_order_are_found),
        TEST(entries_that_are_counted_but_not_there_are_found),
        TEST(a_log_that_does_not_chain_is_named_by_its_leaf),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
