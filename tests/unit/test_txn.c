#include "txn.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "store_fixture.h"

enum { TEXT_MAX = 512 };
static const enum wallet_keyspace ks = WALLET_KS_AGENCY;

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

/* Puts an entry for each word of a text. */
static lw_err put_words(struct wallet_txn *txn, void *ctx)
{
    lw_str rest = lw_str_c(ctx);
    lw_str word = {0};
    bool more = true;
    while (more) {
        more = lw_str_split(rest, ' ', &word, &rest);
        LW_TRY(wallet_txn_put(txn, ks, lw_str_bytes(word), text("v")));
    }
    return LW_SUCCESS;
}

static void put(struct support_store *f, const char *words)
{
    char copy[TEXT_MAX];
    (void)snprintf(copy, sizeof(copy), "%s", words);
    support_store_write(f, put_words, copy);
}

/* The keys of a scan as words. */
static void read_all(struct wallet_scan *scan, char out[TEXT_MAX])
{
    lw_bytes key = {0};
    lw_bytes value = {0};
    int len = 0;
    out[0] = 0;
    while (wallet_scan_next(scan, &key, &value)) {
        len += snprintf(out + len, TEXT_MAX - (size_t)len, "%s%.*s", len == 0 ? "" : " ",
                        (int)key.len, (const char *)key.ptr);
    }
    assert_int_equal(scan->err.code, LW_OK);
    assert_false(wallet_scan_next(scan, &key, &value)); /* the end stays the end */
}

static void expect(struct support_store *f, const char *prefix, const char *from, bool back,
                   const char *keys)
{
    char got[TEXT_MAX];
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    {
        WALLET_AUTO_SCAN scan =
            back ? wallet_scan_back(txn, ks, text(prefix)) : wallet_scan(txn, ks, text(prefix));
        if (from != NULL) {
            wallet_scan_from(&scan, text(from));
        }
        read_all(&scan, got);
    }
    assert_string_equal(got, keys);
}

static void scans_give_keys_in_the_order_of_their_bytes(void **state)
{
    expect(*state, "", NULL, false, "");
    expect(*state, "", NULL, true, "");
    put(*state, "b a ab c aa B");
    expect(*state, "", NULL, false, "B a aa ab b c");
    expect(*state, "", NULL, true, "c b ab aa a B");
}

static void a_prefix_ends_where_its_keys_end(void **state)
{
    put(*state, "a aa ab abc ac b");
    expect(*state, "a", NULL, false, "a aa ab abc ac");
    expect(*state, "a", NULL, true, "ac abc ab aa a");
    expect(*state, "ab", NULL, false, "ab abc");
    expect(*state, "ab", NULL, true, "abc ab");
    expect(*state, "abcd", NULL, false, "");
    expect(*state, "abcd", NULL, true, "");
    expect(*state, "b", NULL, true, "b");
    expect(*state, "c", NULL, false, "");
    expect(*state, "c", NULL, true, "");
    expect(*state, "A", NULL, true, "");
}

static void a_prefix_of_highest_bytes_ends_with_the_keyspace(void **state)
{
    put(*state, "a \xff \xff\xff \xff\xff\xff b");
    expect(*state, "\xff", NULL, false, "\xff \xff\xff \xff\xff\xff");
    expect(*state, "\xff", NULL, true, "\xff\xff\xff \xff\xff \xff");
    expect(*state, "\xff\xff", NULL, true, "\xff\xff\xff \xff\xff");
    put(*state, "a\xff a\xff\xff");
    expect(*state, "a\xff", NULL, true, "a\xff\xff a\xff");
}

static void a_scan_can_start_within_its_prefix(void **state)
{
    put(*state, "a ab ad af b");
    expect(*state, "a", "ac", false, "ad af");
    expect(*state, "a", "ad", false, "ad af");
    expect(*state, "a", "A", false, "a ab ad af");
    expect(*state, "a", "ag", false, "");
    expect(*state, "a", "b", false, "");
    expect(*state, "a", "ac", true, "ab a");
    expect(*state, "a", "ad", true, "ad ab a");
    expect(*state, "a", "A", true, "");
    expect(*state, "a", "b", true, "af ad ab a");
    expect(*state, "a", "z", true, "af ad ab a");
    expect(*state, "", "ad", true, "ad ab a");
}

static void a_prefix_longer_than_any_key_finds_nothing(void **state)
{
    const struct support_store *f = *state;
    static const uint8_t longer[WALLET_KEY_MAX + 1] = {'a'};
    char got[TEXT_MAX];
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    struct wallet_scan scan = wallet_scan(txn, ks, LW_BYTES(longer));
    read_all(&scan, got);
    assert_string_equal(got, "");
    wallet_scan_end(&scan);
}

/* Deletes every entry it meets, and writes others before and behind on the way. */
static lw_err change_while_scanning(struct wallet_txn *txn, void *ctx)
{
    const bool back = *(const bool *)ctx;
    lw_bytes key = {0};
    lw_bytes value = {0};
    char got[TEXT_MAX] = "";
    size_t len = 0;
    WALLET_AUTO_SCAN scan =
        back ? wallet_scan_back(txn, ks, text("k")) : wallet_scan(txn, ks, text("k"));
    while (wallet_scan_next(&scan, &key, &value)) {
        uint8_t kept[8];
        assert_true(key.len == 2 && len + 2 < TEXT_MAX);
        memcpy(kept, key.ptr, 2);
        memcpy(got + len, kept, 2);
        len += 2;
        LW_TRY(wallet_txn_delete(txn, ks, (lw_bytes){.ptr = kept, .len = 2}));
        if (kept[1] == 'd') {
            LW_TRY(wallet_txn_put(txn, ks, text("kc"), text("v")));
            LW_TRY(wallet_txn_put(txn, ks, text("ke"), text("v")));
        }
    }
    LW_TRY(scan.err);
    assert_string_equal(got, back ? "kfkdkckb" : "kbkdkekf");
    return LW_SUCCESS;
}

static void entries_may_change_while_they_are_scanned(void **state)
{
    bool back = false;
    put(*state, "a kb kd kf z");
    support_store_write(*state, change_while_scanning, &back);
    expect(*state, "", NULL, false, "a kc z");
}

static void entries_may_change_while_they_are_scanned_backwards(void **state)
{
    bool back = true;
    put(*state, "a kb kd kf z");
    support_store_write(*state, change_while_scanning, &back);
    expect(*state, "", NULL, false, "a ke z");
}

static lw_err change_one(struct wallet_txn *txn, void *ctx)
{
    bool there = true;
    lw_bytes value = {0};
    (void)ctx;
    LW_TRY(wallet_txn_has(txn, ks, text("a"), &there));
    assert_false(there);
    assert_int_equal(wallet_txn_delete(txn, ks, text("a")).code, LW_E_NOT_FOUND);
    LW_TRY(wallet_txn_insert(txn, ks, text("a"), text("1")));
    assert_int_equal(wallet_txn_insert(txn, ks, text("a"), text("2")).code, LW_E_CONFLICT);
    LW_TRY(wallet_txn_has(txn, ks, text("a"), &there));
    assert_true(there);
    LW_TRY(wallet_txn_get(txn, ks, text("a"), &value));
    assert_true(lw_bytes_eq(value, text("1")));
    LW_TRY(wallet_txn_append(txn, ks, text("b"), text("3")));
    return wallet_txn_delete(txn, ks, text("a"));
}

static void a_transaction_sees_its_own_changes(void **state)
{
    support_store_write(*state, change_one, NULL);
    expect(*state, "", NULL, false, "b");
}

static void a_read_transaction_changes_nothing(void **state)
{
    const struct support_store *f = *state;
    put(*state, "a");
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_txn_put(txn, ks, text("b"), text("1")).code, LW_E_MISUSE);
    assert_int_equal(wallet_txn_insert(txn, ks, text("b"), text("1")).code, LW_E_MISUSE);
    assert_int_equal(wallet_txn_append(txn, ks, text("b"), text("1")).code, LW_E_MISUSE);
    assert_int_equal(wallet_txn_delete(txn, ks, text("a")).code, LW_E_MISUSE);
    assert_ptr_equal(wallet_txn_store(txn), f->store);
}

static void stored_values_carry_their_version(void **state)
{
    (void)state;
    struct wallet_cbor r;
    unsigned version = 0;
    size_t fields = 0;
    LW_AUTO_BUF value = LW_BUF(64);
    assert_int_equal(wallet_stored_begin(&value, 2, 1).code, LW_OK);
    assert_int_equal(wallet_cbor_put_uint(&value, 9).code, LW_OK);
    assert_int_equal(wallet_stored_open(lw_buf_view(&value), 2, &r, &version, &fields).code, LW_OK);
    assert_int_equal(version, 2);
    assert_int_equal(fields, 1);
    assert_int_equal(wallet_stored_end(&r).code, LW_E_CORRUPT); /* a field was not read */
    assert_int_equal(wallet_cbor_uint(&r), 9);
    assert_int_equal(wallet_stored_end(&r).code, LW_OK);
    assert_int_equal(wallet_stored_open(lw_buf_view(&value), 1, &r, NULL, NULL).code,
                     LW_E_UNSUPPORTED);
    static const char *const bad[] = {"", "\x80", "\x81\x60", "\x02", "\xa1\x01\x01", "\x82"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(wallet_stored_open(text(bad[i]), 1, &r, NULL, NULL).code, LW_E_CORRUPT);
    }
    const uint8_t zero[] = {0x81, 0x00};
    assert_int_equal(wallet_stored_open(LW_BYTES(zero), 1, &r, NULL, NULL).code, LW_E_CORRUPT);
}

static void numbers_in_keys_sort_as_numbers(void **state)
{
    (void)state;
    static const uint64_t cases[] = {0, 1, 255, 256, 65535, 1u << 31, UINT64_MAX - 1, UINT64_MAX};
    uint8_t last[8] = {0};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        uint8_t key[8];
        wallet_key_put_u64(key, cases[i]);
        assert_true(wallet_key_u64(key) == cases[i]);
        assert_true(i == 0 || memcmp(last, key, 8) < 0);
        memcpy(last, key, 8);
    }
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(scans_give_keys_in_the_order_of_their_bytes),
        TEST(a_prefix_ends_where_its_keys_end),
        TEST(a_prefix_of_highest_bytes_ends_with_the_keyspace),
        TEST(a_scan_can_start_within_its_prefix),
        TEST(a_prefix_longer_than_any_key_finds_nothing),
        TEST(entries_may_change_while_they_are_scanned),
        TEST(entries_may_change_while_they_are_scanned_backwards),
        TEST(a_transaction_sees_its_own_changes),
        TEST(a_read_transaction_changes_nothing),
        cmocka_unit_test(stored_values_carry_their_version),
        cmocka_unit_test(numbers_in_keys_sort_as_numbers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
