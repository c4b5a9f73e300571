#include "wallet/store_approval.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "keyspace.h"
#include "records.h"
#include "txn.h"

enum { LARGE = 600 * 1024, MAX = 4 * 1024 * 1024 };

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

struct texts {
    struct wallet_approval approval;
    lw_bytes csv;
    lw_bytes map;
};

static lw_err seal(struct wallet_txn *txn, void *ctx)
{
    const struct texts *t = ctx;
    LW_TRY(wallet_store_approval_put(txn, &t->approval));
    return wallet_store_approval_seal(txn, &t->approval, t->csv, t->map);
}

static lw_err clear(struct wallet_txn *txn, void *ctx)
{
    const struct texts *t = ctx;
    return wallet_store_approval_clear(txn, t->approval.id);
}

/* Deletes, or exchanges with the first, the second part of the file. */
static lw_err bend(struct wallet_txn *txn, void *ctx)
{
    const bool *exchange = ctx;
    uint8_t first[WALLET_IMPORT_ID_LEN + 5] = {0};
    uint8_t second[WALLET_IMPORT_ID_LEN + 5] = {0};
    lw_bytes value = {0};
    LW_AUTO_BUF copy = LW_BUF(MAX);
    memset(first, 7, WALLET_IMPORT_ID_LEN);
    first[WALLET_IMPORT_ID_LEN] = 1;
    memcpy(second, first, sizeof(second));
    second[sizeof(second) - 1] = 1;
    if (!*exchange) {
        return wallet_txn_delete(txn, WALLET_KS_APPROVAL_PART, LW_BYTES(second));
    }
    LW_TRY(wallet_txn_get(txn, WALLET_KS_APPROVAL_PART, LW_BYTES(first), &value));
    LW_TRY(lw_buf_put(&copy, value));
    return wallet_txn_put(txn, WALLET_KS_APPROVAL_PART, LW_BYTES(second), lw_buf_view(&copy));
}

static lw_err read_back(struct support_store *f, const struct wallet_approval *approval,
                        lw_buf *csv, lw_buf *map)
{
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(f->store, &txn));
    return wallet_store_approval_open(txn, approval, csv, map);
}

static void fill(struct texts *t, uint8_t *large)
{
    for (size_t i = 0; i < LARGE; i++) {
        large[i] = (uint8_t)(i * 31);
    }
    *t = (struct texts){.csv = {large, LARGE}, .map = lw_str_bytes(LW_STR("{}"))};
    struct wallet_approval *a = &t->approval;
    memset(a->id, 7, sizeof(a->id));
    a->type_version = 3;
    a->revoke = true;
    a->shift_auto = true;
    a->encoding = 2;
    a->delimiter = 3;
    a->expires = SUPPORT_NOW + 9;
    a->csv_len = LARGE;
    a->map_len = 2;
    memset(a->differences, 0x5a, sizeof(a->differences));
    a->asked = (struct wallet_signed_statement){
        .by = "anna", .at = SUPPORT_NOW, .text = "said", .text_len = 4, .sig = {1, 2, 3}};
}

static void file_and_map_come_back_whole_until_they_are_removed(void **state)
{
    struct support_store *f = *state;
    static uint8_t large[LARGE];
    static struct texts t;
    struct wallet_approval kept;
    LW_AUTO_BUF csv = LW_BUF(MAX);
    LW_AUTO_BUF map = LW_BUF(MAX);
    fill(&t, large);
    assert_int_equal(wallet_store_write(f->store, seal, &t).code, LW_OK);
    assert_int_equal(wallet_store_write(f->store, seal, &t).code, LW_OK); /* replaced */
    {
        WALLET_AUTO_TXN txn = NULL;
        assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
        assert_int_equal(wallet_store_approval_get(txn, t.approval.id, &kept).code, LW_OK);
    }
    assert_int_equal(kept.type_version, 3);
    assert_true(kept.revoke && kept.shift_auto && !kept.keep_states);
    assert_int_equal(kept.encoding, 2);
    assert_int_equal(kept.delimiter, 3);
    assert_int_equal(kept.expires, SUPPORT_NOW + 9);
    assert_memory_equal(kept.differences, t.approval.differences, sizeof(kept.differences));
    assert_string_equal(kept.asked.by, "anna");
    assert_int_equal(kept.asked.at, SUPPORT_NOW);
    assert_int_equal(kept.asked.text_len, 4);
    assert_memory_equal(kept.asked.sig, t.approval.asked.sig, sizeof(kept.asked.sig));
    assert_string_equal(kept.decided.by, "");
    assert_int_equal(read_back(f, &kept, &csv, &map).code, LW_OK);
    assert_true(lw_bytes_eq(lw_buf_view(&csv), t.csv));
    assert_true(lw_bytes_eq(lw_buf_view(&map), t.map));
    assert_int_equal(wallet_store_write(f->store, clear, &t).code, LW_OK);
    assert_int_equal(wallet_store_write(f->store, clear, &t).code, LW_OK);
    assert_int_equal(read_back(f, &kept, &csv, &map).code, LW_E_NOT_FOUND);
}

static void a_part_that_is_missing_moved_or_too_long_is_found(void **state)
{
    struct support_store *f = *state;
    static uint8_t large[LARGE];
    static struct texts t;
    LW_AUTO_BUF csv = LW_BUF(MAX);
    LW_AUTO_BUF map = LW_BUF(MAX);
    bool exchange = true;
    fill(&t, large);
    assert_int_equal(wallet_store_write(f->store, seal, &t).code, LW_OK);
    t.approval.csv_len--;
    assert_int_equal(read_back(f, &t.approval, &csv, &map).code, LW_E_CORRUPT);
    t.approval.csv_len++;
    assert_int_equal(wallet_store_write(f->store, bend, &exchange).code, LW_OK);
    assert_int_equal(read_back(f, &t.approval, &csv, &map).code, LW_E_SIGNATURE);
    exchange = false;
    assert_int_equal(wallet_store_write(f->store, bend, &exchange).code, LW_OK);
    assert_int_equal(read_back(f, &t.approval, &csv, &map).code, LW_E_CORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(file_and_map_come_back_whole_until_they_are_removed, make,
                                        drop),
        cmocka_unit_test_setup_teardown(a_part_that_is_missing_moved_or_too_long_is_found, make,
                                        drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
