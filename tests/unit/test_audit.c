#include "wallet/audit.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "store_fixture.h"

enum { EVENTS = 152, SUBJECTS = 4 }; /* so that the tree has nodes above the low ones */

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

static const char *const subjects[SUBJECTS] = {"s-0", "s-1", "s-2", "s-3"};

/* Event n: its subject is n modulo SUBJECTS, its receipt id begins with n. */
static lw_err append_one(struct wallet_txn *txn, void *ctx)
{
    const uint8_t n = *(const uint8_t *)ctx;
    const uint8_t receipt[WALLET_AUDIT_RECEIPT_LEN] = {n, 1};
    uint64_t index = 0;
    const struct wallet_audit_event event = {.time = SUPPORT_NOW + n,
                                             .kind = WALLET_AUDIT_VERIFIED,
                                             .actor = LW_STR("agency"),
                                             .subject = text(subjects[n % SUBJECTS]),
                                             .detail = text("\x82\x01\x02"),
                                             .receipt = LW_BYTES(receipt)};
    LW_TRY(wallet_audit_append(txn, &event, &index));
    return index == (uint64_t)n + 1 ? LW_SUCCESS /* leaf 0 tells of the store's making */
                                    : LW_FAIL(LW_E_MISUSE, "test: another index", LW_NOWHERE);
}

static void append(struct support_store *f, uint8_t count)
{
    for (uint8_t n = 0; n < count; n++) {
        support_store_write(f, append_one, &n);
    }
}

static struct wallet_audit_found check(struct support_store *f)
{
    struct wallet_audit_found found = {0};
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_audit_check(txn, &found).code, LW_OK);
    return found;
}

static void a_new_log_tells_of_the_stores_making(void **state)
{
    struct support_store *f = *state;
    struct wallet_audit_leaf leaf = {0};
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_audit_get(txn, 0, &leaf).code, LW_OK);
    assert_int_equal(leaf.event.kind, WALLET_AUDIT_STORE_CREATED);
    assert_int_equal(leaf.event.time, SUPPORT_NOW);
    assert_int_equal(leaf.event.subject.len, 0);
    assert_int_equal(leaf.event.detail.len, 1 + WALLET_STORE_ID_LEN); /* a byte string of 16 */
    assert_memory_equal(leaf.event.detail.ptr + 1, wallet_store_id(f->store), WALLET_STORE_ID_LEN);
    assert_int_equal(wallet_audit_get(txn, 1, &leaf).code, LW_E_NOT_FOUND);
    wallet_txn_end(txn);
    txn = NULL;
    const struct wallet_audit_found found = check(f);
    assert_true(found.whole);
    assert_int_equal(found.size, 1);
}

static void appended_events_are_read_back_and_hash_to_their_leaves(void **state)
{
    struct support_store *f = *state;
    append(f, EVENTS);
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    for (uint8_t n = 0; n < EVENTS; n++) {
        struct wallet_audit_leaf leaf = {0};
        uint8_t hash[WALLET_HASH_LEN];
        assert_int_equal(wallet_audit_get(txn, (uint64_t)n + 1, &leaf).code, LW_OK);
        const lw_bytes parts[] = {leaf.nonce, leaf.encoded};
        assert_int_equal(wallet_merkle_leaf(parts, 2, hash).code, LW_OK);
        assert_memory_equal(hash, leaf.hash, sizeof(hash));
        assert_false(leaf.erased);
        assert_int_equal(leaf.event.time, SUPPORT_NOW + n);
        assert_int_equal(leaf.event.kind, WALLET_AUDIT_VERIFIED);
        assert_true(lw_str_is(leaf.event.actor, "agency"));
        assert_true(lw_bytes_eq(leaf.event.subject, text(subjects[n % SUBJECTS])));
        assert_true(lw_bytes_eq(leaf.event.detail, text("\x82\x01\x02")));
        assert_int_equal(leaf.event.receipt.ptr[0], n);
    }
}

static lw_err leaf_hash(void *ctx, unsigned level, uint64_t index, uint8_t hash[WALLET_HASH_LEN])
{
    struct wallet_audit_leaf leaf = {0};
    if (level == 0) {
        LW_TRY(wallet_audit_get(ctx, index, &leaf));
        memcpy(hash, leaf.hash, WALLET_HASH_LEN);
        return LW_SUCCESS;
    }
    uint8_t right[WALLET_HASH_LEN];
    LW_TRY(leaf_hash(ctx, level - 1, 2 * index, hash));
    LW_TRY(leaf_hash(ctx, level - 1, 2 * index + 1, right));
    return wallet_merkle_node(hash, right, hash);
}

static void heads_at_every_size_are_those_of_the_leaves_alone(void **state)
{
    struct support_store *f = *state;
    append(f, EVENTS);
    uint64_t size = 0;
    uint8_t head[WALLET_HASH_LEN];
    uint8_t root[WALLET_HASH_LEN];
    uint8_t expected[WALLET_HASH_LEN];
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    const struct wallet_merkle_source source = {.node = leaf_hash, .ctx = txn};
    assert_int_equal(wallet_audit_head(txn, &size, head).code, LW_OK);
    assert_int_equal(size, EVENTS + 1);
    for (uint64_t n = 0; n <= size; n++) {
        assert_int_equal(wallet_merkle_root(&source, n, expected).code, LW_OK);
        assert_int_equal(wallet_audit_root_at(txn, n, root).code, LW_OK);
        assert_memory_equal(root, expected, sizeof(root));
    }
    assert_memory_equal(root, head, sizeof(root));
    assert_int_equal(wallet_audit_root_at(txn, size + 1, root).code, LW_E_VALUE);
}

static void every_event_is_proven_under_every_later_head(void **state)
{
    struct support_store *f = *state;
    append(f, EVENTS);
    struct wallet_merkle_path path;
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    for (uint64_t size = 1; size <= EVENTS + 1; size++) {
        uint8_t root[WALLET_HASH_LEN];
        uint8_t last[WALLET_HASH_LEN];
        assert_int_equal(wallet_audit_root_at(txn, size, root).code, LW_OK);
        assert_int_equal(wallet_audit_root_at(txn, EVENTS + 1, last).code, LW_OK);
        for (uint64_t i = 0; i < size; i++) {
            struct wallet_audit_leaf leaf = {0};
            assert_int_equal(wallet_audit_get(txn, i, &leaf).code, LW_OK);
            assert_int_equal(wallet_audit_inclusion(txn, i, size, &path).code, LW_OK);
            assert_int_equal(wallet_merkle_check_inclusion(leaf.hash, i, size, &path, root).code,
                             LW_OK);
        }
        assert_int_equal(wallet_audit_consistency(txn, size, EVENTS + 1, &path).code, LW_OK);
        assert_int_equal(wallet_merkle_check_consistency(size, EVENTS + 1, &path, root, last).code,
                         LW_OK);
    }
    assert_int_equal(wallet_audit_inclusion(txn, 3, 3, &path).code, LW_E_VALUE);
    assert_int_equal(wallet_audit_inclusion(txn, 3, EVENTS + 2, &path).code, LW_E_VALUE);
    assert_int_equal(wallet_audit_consistency(txn, 3, EVENTS + 2, &path).code, LW_E_VALUE);
}

static void events_are_found_by_subject_and_by_receipt(void **state)
{
    struct support_store *f = *state;
    append(f, EVENTS);
    uint64_t indexes[EVENTS];
    size_t count = EVENTS;
    uint64_t index = 0;
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_audit_find_subject(txn, text("s-2"), 0, indexes, &count).code, LW_OK);
    assert_int_equal(count, EVENTS / SUBJECTS);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(indexes[i], 3 + SUBJECTS * i);
    }
    count = 2;
    assert_int_equal(wallet_audit_find_subject(txn, text("s-2"), 8, indexes, &count).code, LW_OK);
    assert_int_equal(count, 2);
    assert_int_equal(indexes[0], 11);
    count = EVENTS;
    assert_int_equal(wallet_audit_find_subject(txn, text("s-"), 0, indexes, &count).code, LW_OK);
    assert_int_equal(count, 0);
    count = EVENTS;
    assert_int_equal(wallet_audit_find_subject(txn, text(""), 0, indexes, &count).code, LW_OK);
    assert_int_equal(count, 0);
    const uint8_t receipt[WALLET_AUDIT_RECEIPT_LEN] = {7, 1};
    assert_int_equal(wallet_audit_find_receipt(txn, LW_BYTES(receipt), &index).code, LW_OK);
    assert_int_equal(index, 8);
    const uint8_t other[WALLET_AUDIT_RECEIPT_LEN] = {7, 2};
    assert_int_equal(wallet_audit_find_receipt(txn, LW_BYTES(other), &index).code, LW_E_NOT_FOUND);
    assert_int_equal(wallet_audit_find_receipt(txn, text("short"), &index).code, LW_E_NOT_FOUND);
    assert_int_equal(wallet_audit_find_receipt(txn, text(""), &index).code, LW_E_NOT_FOUND);
}

static lw_err append_again(struct wallet_txn *txn, void *ctx)
{
    const uint8_t receipt[WALLET_AUDIT_RECEIPT_LEN] = {0, 1};
    const struct wallet_audit_event event = {.time = SUPPORT_NOW,
                                             .kind = WALLET_AUDIT_VERIFIED,
                                             .subject = text("s-9"),
                                             .receipt = LW_BYTES(receipt)};
    (void)ctx;
    return wallet_audit_append(txn, &event, NULL);
}

static void a_receipt_id_is_used_once_and_the_second_leaves_nothing(void **state)
{
    struct support_store *f = *state;
    append(f, 1);
    assert_int_equal(wallet_store_write(f->store, append_again, NULL).code, LW_E_CONFLICT);
    const struct wallet_audit_found found = check(f);
    assert_true(found.whole);
    assert_int_equal(found.size, 2);
}

static void nothing_is_appended_in_a_read_transaction(void **state)
{
    const struct support_store *f = *state;
    const struct wallet_audit_event event = {.time = 1, .kind = WALLET_AUDIT_VERIFIED};
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_audit_append(txn, &event, NULL).code, LW_E_MISUSE);
}

static lw_err sign_head(struct wallet_txn *txn, void *ctx)
{
    struct wallet_audit_signed_head *head = ctx;
    LW_TRY(wallet_audit_head(txn, &head->size, head->root));
    return wallet_audit_put_signed(txn, head);
}

static lw_err put_head(struct wallet_txn *txn, void *ctx)
{
    return wallet_audit_put_signed(txn, ctx);
}

static void signed_heads_are_kept_and_found_by_size(void **state)
{
    struct support_store *f = *state;
    static const uint8_t too_long[WALLET_AUDIT_SIGNED_MAX + 1] = {0};
    struct wallet_audit_signed_head head = {.time = SUPPORT_NOW, .cose = text("signed at 1")};
    struct wallet_audit_signed_head got = {0};
    uint8_t n = 0;
    support_store_write(f, sign_head, &head);
    for (n = 0; n < 5; n++) {
        support_store_write(f, append_one, &n);
    }
    head.cose = text("signed at 6");
    support_store_write(f, sign_head, &head);
    {
        WALLET_AUTO_TXN txn = NULL;
        assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
        assert_int_equal(wallet_audit_last_signed(txn, &got).code, LW_OK);
        assert_int_equal(got.size, 6);
        assert_int_equal(got.time, SUPPORT_NOW);
        assert_memory_equal(got.root, head.root, sizeof(got.root));
        assert_true(lw_bytes_eq(got.cose, text("signed at 6")));
        assert_int_equal(wallet_audit_signed_at_least(txn, 1, &got).code, LW_OK);
        assert_int_equal(got.size, 1);
        assert_int_equal(wallet_audit_signed_at_least(txn, 2, &got).code, LW_OK);
        assert_int_equal(got.size, 6);
        assert_int_equal(wallet_audit_signed_at_least(txn, 7, &got).code, LW_E_NOT_FOUND);
    }
    head.root[0] ^= 1;
    assert_int_equal(wallet_store_write(f->store, put_head, &head).code, LW_E_VALUE);
    head.root[0] ^= 1;
    head.size++;
    assert_int_equal(wallet_store_write(f->store, put_head, &head).code, LW_E_VALUE);
    head.size--;
    head.cose = LW_BYTES(too_long);
    assert_int_equal(wallet_store_write(f->store, put_head, &head).code, LW_E_LIMIT);
    assert_true(check(f).whole);
}

static void without_a_signed_head_none_is_found(void **state)
{
    const struct support_store *f = *state;
    struct wallet_audit_signed_head got = {0};
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
    assert_int_equal(wallet_audit_last_signed(txn, &got).code, LW_E_NOT_FOUND);
}

struct erasing {
    const char *subject;
    uint64_t erased;
};

static lw_err erase(struct wallet_txn *txn, void *ctx)
{
    struct erasing *e = ctx;
    return wallet_audit_erase(txn, text(e->subject), LW_STR("operator"), SUPPORT_NOW, &e->erased);
}

static void erased_openings_leave_a_log_that_still_chains(void **state)
{
    struct support_store *f = *state;
    struct erasing e = {.subject = "s-1"};
    struct wallet_audit_leaf leaf = {0};
    struct wallet_merkle_path path;
    uint64_t size = 0;
    uint8_t root[WALLET_HASH_LEN];
    append(f, EVENTS);
    support_store_write(f, erase, &e);
    assert_int_equal(e.erased, EVENTS / SUBJECTS);
    const struct wallet_audit_found found = check(f);
    assert_true(found.whole);
    assert_int_equal(found.erased, EVENTS / SUBJECTS);
    assert_int_equal(found.size, EVENTS + 2);
    {
        WALLET_AUTO_TXN txn = NULL;
        assert_int_equal(wallet_read_begin(f->store, &txn).code, LW_OK);
        assert_int_equal(wallet_audit_get(txn, 2, &leaf).code, LW_OK);
        assert_true(leaf.erased);
        assert_int_equal(leaf.encoded.len, 0);
        assert_int_equal(wallet_audit_head(txn, &size, root).code, LW_OK);
        assert_int_equal(wallet_audit_inclusion(txn, 2, size, &path).code, LW_OK);
        assert_int_equal(wallet_merkle_check_inclusion(leaf.hash, 2, size, &path, root).code,
                         LW_OK);
        assert_int_equal(wallet_audit_get(txn, EVENTS + 1, &leaf).code, LW_OK);
        assert_int_equal(leaf.event.kind, WALLET_AUDIT_OPENINGS_ERASED);
    }
    assert_int_equal(wallet_store_write(f->store, erase, &e).code, LW_E_NOT_FOUND);
    e.subject = "s-9";
    assert_int_equal(wallet_store_write(f->store, erase, &e).code, LW_E_NOT_FOUND);
    e.subject = "";
    assert_int_equal(wallet_store_write(f->store, erase, &e).code, LW_E_VALUE);
    assert_true(check(f).whole);
}

#define TEST(name_) cmocka_unit_test_setup_teardown(name_, make, drop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_new_log_tells_of_the_stores_making),
        TEST(appended_events_are_read_back_and_hash_to_their_leaves),
        TEST(heads_at_every_size_are_those_of_the_leaves_alone),
        TEST(every_event_is_proven_under_every_later_head),
        TEST(events_are_found_by_subject_and_by_receipt),
        TEST(a_receipt_id_is_used_once_and_the_second_leaves_nothing),
        TEST(nothing_is_appended_in_a_read_transaction),
        TEST(signed_heads_are_kept_and_found_by_size),
        TEST(without_a_signed_head_none_is_found),
        TEST(erased_openings_leave_a_log_that_still_chains),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
