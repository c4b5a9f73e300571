/*
 * F21: the audit log cannot be written, or does not chain. Issuing stops, nothing is half done,
 * verification goes on, and the check names the first bad entry.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "bytes.h"
#include "fault.h"
#include "home.h"
#include "issue.h"
#include "txn.h"
#include "wallet/audit.h"
#include "wallet/flow_audit.h"
#include "wallet/store_license.h"

enum { HEAD_BYTES = 8192, LEAF_MAX = 4096 };

static struct support_home home;

static int make(void **state)
{
    LW_AUTO_BUF head = LW_BUF(HEAD_BYTES);
    uint64_t size = 0;
    uint8_t root[32];
    (void)state;
    support_home_make(&home);
    support_home_issue(&home, "A-1");
    assert_int_equal(wallet_flow_audit_head(home.home, &head, &size, root).code, LW_OK);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    support_home_drop(&home);
    return 0;
}

/* A last leaf without an index: nothing can be appended to it. */
static lw_err spoil_end(struct wallet_txn *txn, void *ctx)
{
    static const uint8_t key[] = {0xff};
    (void)ctx;
    return wallet_txn_put(txn, WALLET_KS_AUDIT_LEAF, LW_BYTES(key), LW_BYTES(key));
}

static lw_err twist_leaf(struct wallet_txn *txn, void *ctx)
{
    uint8_t key[8];
    lw_bytes value = {0};
    LW_AUTO_BUF bad = LW_BUF(LEAF_MAX);
    wallet_key_put_u64(key, *(const uint64_t *)ctx);
    LW_TRY(wallet_txn_get(txn, WALLET_KS_AUDIT_LEAF, LW_BYTES(key), &value));
    LW_TRY(lw_buf_put(&bad, value));
    bad.ptr[bad.len - 1] ^= 1;
    return wallet_txn_put(txn, WALLET_KS_AUDIT_LEAF, LW_BYTES(key), lw_buf_view(&bad));
}

/* Whose last hash is that of the largest full tree in the log: a part of every root from there on.
 */
static uint64_t peak_of(uint64_t size)
{
    uint64_t leaves = 1;
    while (leaves * 2 <= size) {
        leaves *= 2;
    }
    return leaves - 1;
}

static uint64_t log_size(void)
{
    uint64_t size = 0;
    uint8_t root[32];
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(wallet_home_store(home.home), &txn).code, LW_OK);
    assert_int_equal(wallet_audit_head(txn, &size, root).code, LW_OK);
    return size;
}

static void twist(uint64_t index)
{
    assert_int_equal(wallet_store_write(wallet_home_store(home.home), twist_leaf, &index).code,
                     LW_OK);
}

static bool has_license(const char *number)
{
    uint8_t id[WALLET_UUID_LEN];
    WALLET_AUTO_TXN txn = NULL;
    return wallet_read_begin(wallet_home_store(home.home), &txn).code == LW_OK &&
           wallet_store_license_find(txn, LW_STR("business-license"), lw_str_c(number), id).code ==
               LW_OK;
}

static void accepted_offline_of_the_log(void)
{
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    support_home_lq1(&home, "A-1", &text);
    assert_true(text.len > 0); /* what is there can be shown: no new license is needed for it */
}

static void a_log_that_cannot_be_written_lets_nothing_be_issued(void **state)
{
    (void)state;
    accepted_offline_of_the_log();
    assert_int_equal(wallet_store_write(wallet_home_store(home.home), spoil_end, NULL).code, LW_OK);
    assert_int_not_equal(support_issue_number(home.home, "A-2").code, LW_OK);
    assert_false(has_license("A-2"));
    assert_true(has_license("A-1"));
    support_fault_report("F21", "the log cannot be written", 1, has_license("A-2") ? 1 : 0);
}

static void a_log_that_does_not_chain_stops_issuing_and_its_first_bad_entry_is_named(void **state)
{
    struct wallet_audit_result result;
    LW_AUTO_BUF head = LW_BUF(HEAD_BYTES);
    uint64_t size = 0;
    uint8_t root[32];
    const uint64_t bad = peak_of(log_size());
    (void)state;
    twist(bad);
    assert_int_equal(wallet_flow_audit_head(home.home, &head, &size, root).code, LW_E_CORRUPT);
    const lw_err err = support_issue_number(home.home, "A-3");
    assert_int_equal(err.code, LW_E_CORRUPT);
    assert_false(has_license("A-3"));
    assert_int_equal(wallet_flow_audit_check(home.home, &result).code, LW_OK);
    assert_false(result.whole);
    assert_int_equal(result.first_bad, bad);
    support_fault_report("F21", "the log does not chain", 1, has_license("A-3") ? 1 : 0);
}

static void a_home_whose_log_was_altered_is_not_opened(void **state)
{
    struct wallet_home *again = NULL;
    (void)state;
    twist(peak_of(log_size()));
    wallet_verifier_free(home.verifier);
    home.verifier = NULL;
    wallet_home_close(home.home);
    home.home = NULL;
    assert_int_equal(wallet_home_open(&home.config, &home.env, WALLET_HOME_READ, &again).code,
                     LW_E_CONFLICT);
    assert_null(again);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_log_that_cannot_be_written_lets_nothing_be_issued),
        TEST(a_log_that_does_not_chain_stops_issuing_and_its_first_bad_entry_is_named),
        TEST(a_home_whose_log_was_altered_is_not_opened),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
