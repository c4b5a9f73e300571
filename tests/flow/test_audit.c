/* Receipts and entries as somebody outside checks them; a log that was changed is found out. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <jansson.h>

#include "home.h"
#include "txn.h"
#include "wallet/audit.h"
#include "wallet/base64.h"
#include "wallet/flow_audit.h"
#include "wallet/flow_issue.h"
#include "wallet/flow_status.h"
#include "wallet/json_doc.h"
#include "wallet/store_key.h"

enum { JSON_MAX = 1024 * 1024, HEAD_MAX = 4096, INDEX_KEY_LEN = 8 };

static struct support_home home;
static unsigned numbers;

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

static uint64_t sign_head(void)
{
    LW_AUTO_BUF head = LW_BUF(HEAD_MAX);
    uint64_t size = 0;
    uint8_t root[WALLET_HASH_LEN];
    must(wallet_flow_audit_head(home.home, &head, &size, root));
    assert_true(head.len > 64);
    return size;
}

/* Verifies a new license's presentation with a record; gives its receipt's id. */
static void make_receipt(char id[32])
{
    char number[32];
    LW_AUTO_BUF text = LW_BUF(SUPPORT_TEXT_MAX);
    WALLET_AUTO_ANSWER answer = {.result = WALLET_REFUSED};
    (void)snprintf(number, sizeof(number), "A-%u", ++numbers);
    support_home_issue(&home, number);
    support_home_lq1(&home, number, &text);
    const struct wallet_verification request = {
        .text = lw_buf_text(&text), .at = INT64_MIN, .record = true, .locale = LW_STR("en")};
    must(wallet_flow_verify(home.verifier, &request, &answer));
    assert_int_equal(answer.result, WALLET_ACCEPTED);
    assert_int_equal(strlen(answer.receipt), 30);
    memcpy(id, answer.receipt, sizeof(answer.receipt));
}

static void member_bytes(const json_t *object, const char *name, lw_buf *out)
{
    const char *text = json_string_value(json_object_get(object, name));
    assert_non_null(text);
    must(wallet_base64url_decode(lw_str_c(text), out));
}

/* What a stranger does with an entry: hash the opening, walk the path to the head's root. */
static lw_err check_entry(const json_t *entry)
{
    LW_AUTO_BUF nonce = LW_BUF(JSON_MAX);
    LW_AUTO_BUF encoded = LW_BUF(JSON_MAX);
    LW_AUTO_BUF root = LW_BUF(JSON_MAX);
    struct wallet_merkle_path path = {.count = 0};
    uint8_t leaf[WALLET_HASH_LEN];
    uint8_t want[WALLET_HASH_LEN];
    const json_t *opening = json_object_get(entry, "opening");
    const json_t *head = json_object_get(entry, "head");
    const json_t *steps = json_object_get(entry, "path");
    member_bytes(opening, "nonce", &nonce);
    member_bytes(opening, "entry", &encoded);
    member_bytes(head, "root", &root);
    assert_int_equal(root.len, WALLET_HASH_LEN);
    memcpy(want, root.ptr, sizeof(want));
    for (size_t i = 0; i < json_array_size(steps); i++) {
        must(wallet_base64url_decode_exact(lw_str_c(json_string_value(json_array_get(steps, i))),
                                           path.hash[path.count++], WALLET_HASH_LEN));
    }
    const lw_bytes parts[] = {lw_buf_view(&nonce), lw_buf_view(&encoded)};
    must(wallet_merkle_leaf(parts, 2, leaf));
    return wallet_merkle_check_inclusion(
        leaf, (uint64_t)json_integer_value(json_object_get(entry, "index")),
        (uint64_t)json_integer_value(json_object_get(head, "size")), &path, want);
}

static void a_receipt_waits_for_the_head_and_is_proven_under_it(void **state)
{
    (void)state;
    char id[32];
    LW_AUTO_BUF json = LW_BUF(JSON_MAX);
    make_receipt(id);
    assert_int_equal(wallet_flow_receipt(home.home, lw_str_c(id), &json).code, LW_E_BUSY);
    assert_int_equal(json.len, 0);
    (void)sign_head();
    must(wallet_flow_receipt(home.home, lw_str_c(id), &json));
    WALLET_AUTO_JSON doc = NULL;
    must(wallet_json_doc_parse(lw_buf_view(&json), JSON_MAX, &doc));
    assert_string_equal(json_string_value(json_object_get(doc, "id")), id);
    assert_string_equal(json_string_value(json_object_get(doc, "event")),
                        wallet_audit_kind_name(WALLET_AUDIT_VERIFIED));
    must(check_entry(doc));
    assert_int_equal(wallet_flow_receipt(home.home, LW_STR("AAAAAAAAAAAAAAAAAAAAAA"), &json).code,
                     LW_E_NOT_FOUND);
    assert_int_equal(wallet_flow_receipt(home.home, LW_STR("short"), &json).code, LW_E_NOT_FOUND);
}

static void a_receipt_holds_no_personal_data(void **state)
{
    (void)state;
    char id[32];
    LW_AUTO_BUF json = LW_BUF(JSON_MAX);
    LW_AUTO_BUF entry = LW_BUF(JSON_MAX);
    make_receipt(id);
    (void)sign_head();
    must(wallet_flow_receipt(home.home, lw_str_c(id), &json));
    WALLET_AUTO_JSON doc = NULL;
    must(wallet_json_doc_parse(lw_buf_view(&json), JSON_MAX, &doc));
    member_bytes(json_object_get(doc, "opening"), "entry", &entry);
    assert_null(memmem(entry.ptr, entry.len, "Bakery", 6));
    assert_non_null(memmem(entry.ptr, entry.len, "business-license", 16));
}

static void a_head_is_signed_only_when_there_is_news(void **state)
{
    (void)state;
    char id[32];
    LW_AUTO_BUF first = LW_BUF(HEAD_MAX);
    LW_AUTO_BUF again = LW_BUF(HEAD_MAX);
    uint64_t size = 0;
    uint8_t root[WALLET_HASH_LEN];
    const uint64_t before = sign_head();
    must(wallet_flow_audit_head(home.home, &first, &size, root));
    home.clock.now += 1;
    must(wallet_flow_audit_head(home.home, &again, &size, root));
    assert_int_equal(size, before);
    assert_true(lw_bytes_eq(lw_buf_view(&first), lw_buf_view(&again)));
    make_receipt(id);
    assert_true(sign_head() > before);
}

static void the_entries_of_a_license_are_proven(void **state)
{
    (void)state;
    char id[32];
    char number[32];
    LW_AUTO_BUF json = LW_BUF(JSON_MAX);
    enum wallet_state from = WALLET_ACTIVE;
    make_receipt(id);
    (void)snprintf(number, sizeof(number), "A-%u", numbers);
    const struct wallet_license_ref ref = wallet_license_ref_parse(lw_str_c(number));
    must(wallet_flow_change_state(home.home, ref, WALLET_SUSPENDED, LW_STR("why"), LW_STR("test"),
                                  &from));
    must(wallet_flow_audit_prove(home.home, ref, &json));
    WALLET_AUTO_JSON doc = NULL;
    must(wallet_json_doc_parse(lw_buf_view(&json), JSON_MAX, &doc));
    const json_t *entries = json_object_get(doc, "entries");
    static const enum wallet_audit_kind kinds[] = {
        WALLET_AUDIT_LICENSE_ISSUED, WALLET_AUDIT_HOLDER_KEY_BOUND, WALLET_AUDIT_CREDENTIAL_ISSUED,
        WALLET_AUDIT_LICENSE_SUSPENDED};
    assert_int_equal(json_array_size(entries), 4);
    for (size_t i = 0; i < 4; i++) {
        const json_t *entry = json_array_get(entries, i);
        assert_string_equal(json_string_value(json_object_get(entry, "event")),
                            wallet_audit_kind_name(kinds[i]));
        must(check_entry(entry));
    }
    assert_int_equal(
        wallet_flow_audit_prove(home.home, wallet_license_ref_parse(LW_STR("NONE")), &json).code,
        LW_E_NOT_FOUND);
}

static void the_log_is_whole_and_its_head_holds(void **state)
{
    (void)state;
    struct wallet_audit_result result;
    const uint64_t size = sign_head();
    must(wallet_flow_audit_check(home.home, &result));
    assert_true(result.whole);
    assert_true(result.head_signed);
    assert_int_equal(result.size, size);
    assert_int_equal(result.head_size, size);
}

static lw_err put_false_head(struct wallet_txn *txn, void *ctx)
{
    return wallet_audit_put_signed(txn, ctx);
}

static void a_head_that_the_logs_key_did_not_sign_is_found_out(void **state)
{
    (void)state;
    char id[32];
    LW_AUTO_BUF cose = LW_BUF(HEAD_MAX);
    LW_AUTO_BUF json = LW_BUF(JSON_MAX);
    struct wallet_audit_result result;
    struct wallet_audit_signed_head head = {.time = home.clock.now};
    make_receipt(id);
    must(wallet_flow_audit_head(home.home, &cose, &head.size, head.root));
    cose.ptr[cose.len - 1] ^= 1;
    head.cose = lw_buf_view(&cose);
    must(wallet_store_write(wallet_home_store(home.home), put_false_head, &head));
    must(wallet_flow_audit_check(home.home, &result));
    assert_false(result.whole);
    assert_false(result.head_signed);
    assert_int_equal(result.first_bad, head.size);
    assert_int_equal(wallet_flow_receipt(home.home, lw_str_c(id), &json).code, LW_E_CORRUPT);
    assert_int_equal(json.len, 0);
    cose.ptr[cose.len - 1] ^= 1;
    must(wallet_store_write(wallet_home_store(home.home), put_false_head, &head));
    head.time += 1; /* signed, but not as it stands there */
    must(wallet_store_write(wallet_home_store(home.home), put_false_head, &head));
    must(wallet_flow_audit_check(home.home, &result));
    assert_false(result.whole);
    head.time -= 1;
    must(wallet_store_write(wallet_home_store(home.home), put_false_head, &head));
    must(wallet_flow_audit_check(home.home, &result));
    assert_true(result.whole);
}

static lw_err bend_opening(struct wallet_txn *txn, void *ctx)
{
    const uint64_t *index = ctx;
    uint8_t key[INDEX_KEY_LEN];
    lw_bytes value;
    LW_AUTO_BUF bent = LW_BUF(JSON_MAX);
    for (size_t i = 0; i < sizeof(key); i++) {
        key[i] = (uint8_t)(*index >> (8 * (sizeof(key) - 1 - i)));
    }
    LW_TRY(wallet_txn_get(txn, WALLET_KS_AUDIT_OPENING, LW_BYTES(key), &value));
    LW_TRY(lw_buf_put(&bent, value));
    bent.ptr[bent.len - 1] ^= 1;
    return wallet_txn_put(txn, WALLET_KS_AUDIT_OPENING, LW_BYTES(key), lw_buf_view(&bent));
}

static void a_changed_entry_is_named_by_its_place(void **state)
{
    (void)state;
    char id[32];
    uint64_t index = 0;
    uint8_t receipt[WALLET_AUDIT_RECEIPT_LEN];
    LW_AUTO_BUF json = LW_BUF(JSON_MAX);
    struct wallet_audit_result result;
    make_receipt(id);
    (void)sign_head();
    must(wallet_base64url_decode_exact(lw_str_c(id), receipt, sizeof(receipt)));
    {
        WALLET_AUTO_TXN txn = NULL;
        must(wallet_read_begin(wallet_home_store(home.home), &txn));
        must(wallet_audit_find_receipt(txn, LW_BYTES(receipt), &index));
    }
    must(wallet_store_write(wallet_home_store(home.home), bend_opening, &index));
    must(wallet_flow_audit_check(home.home, &result));
    assert_false(result.whole);
    assert_int_equal(result.first_bad, index);
    assert_non_null(result.why);
    assert_int_equal(wallet_flow_receipt(home.home, lw_str_c(id), &json).code, LW_E_CORRUPT);
    must(wallet_store_write(wallet_home_store(home.home), bend_opening, &index)); /* and back */
}

static lw_err retire_log_key(struct wallet_txn *txn, void *ctx)
{
    const int64_t *when = ctx;
    return wallet_store_key_set_state(txn, LW_STR("log-1"), WALLET_KEY_RETIRED, *when);
}

/* A minute is allowed, for a head that was being signed. */
static void a_head_dated_after_its_key_retired_is_found_out(void **state)
{
    (void)state;
    char id[32];
    struct wallet_audit_result result;
    make_receipt(id);
    (void)sign_head();
    home.clock.now += 1;
    make_receipt(id);
    const uint64_t late = sign_head();
    must(wallet_flow_audit_check(home.home, &result));
    assert_true(result.whole);
    int64_t retired = home.clock.now - 61;
    must(wallet_store_write(wallet_home_store(home.home), retire_log_key, &retired));
    must(wallet_flow_audit_check(home.home, &result));
    assert_false(result.whole);
    assert_int_equal(result.first_bad, late);
}

static int make(void **state)
{
    (void)state;
    support_home_make(&home);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    support_home_drop(&home);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_receipt_waits_for_the_head_and_is_proven_under_it),
        cmocka_unit_test(a_receipt_holds_no_personal_data),
        cmocka_unit_test(a_head_is_signed_only_when_there_is_news),
        cmocka_unit_test(the_entries_of_a_license_are_proven),
        cmocka_unit_test(the_log_is_whole_and_its_head_holds),
        cmocka_unit_test(a_head_that_the_logs_key_did_not_sign_is_found_out),
        cmocka_unit_test(a_changed_entry_is_named_by_its_place),
        cmocka_unit_test(a_head_dated_after_its_key_retired_is_found_out),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
