#include "wallet/audit.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "audit_internal.h"
#include "store_fixture.h"
#include "txn.h"

enum { EVENTS = 40, SUBJECTS = 4 };

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
    assert_memory_equal(leaf.event.subject.ptr, wallet_store_id(f->store), WALLET_STORE_ID_LEN);
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

/* What a forger does to the log behind its back, one change each. */
struct forgery {
    lw_err (*forge)(struct wallet_txn *txn);
    uint64_t first_bad;
    const char *name;
};

static lw_bytes index_key(uint64_t index, uint8_t key[8])
{
    wallet_key_put_u64(key, index);
    return (lw_bytes){.ptr = key, .len = 8};
}

/* Copies the value of an entry, for it is borrowed. */
static lw_err copy_of(const struct wallet_txn *txn, enum wallet_keyspace ks, uint64_t index,
                      lw_buf *out)
{
    uint8_t key[8];
    lw_bytes value = {0};
    lw_buf_truncate(out, 0);
    LW_TRY(wallet_txn_get(txn, ks, index_key(index, key), &value));
    return lw_buf_put(out, value);
}

static lw_err put_at(struct wallet_txn *txn, enum wallet_keyspace ks, uint64_t index,
                     const lw_buf *value)
{
    uint8_t key[8];
    return wallet_txn_put(txn, ks, index_key(index, key), lw_buf_view(value));
}

static lw_err flip(struct wallet_txn *txn, enum wallet_keyspace ks, uint64_t index, size_t byte)
{
    LW_AUTO_BUF value = LW_BUF(4096);
    LW_TRY(copy_of(txn, ks, index, &value));
    assert_true(byte < value.len);
    value.ptr[byte] ^= 1;
    return put_at(txn, ks, index, &value);
}

static lw_err swap(struct wallet_txn *txn, enum wallet_keyspace ks, uint64_t a, uint64_t b)
{
    LW_AUTO_BUF one = LW_BUF(4096);
    LW_AUTO_BUF two = LW_BUF(4096);
    LW_TRY(copy_of(txn, ks, a, &one));
    LW_TRY(copy_of(txn, ks, b, &two));
    LW_TRY(put_at(txn, ks, a, &two));
    return put_at(txn, ks, b, &one);
}

static lw_err delete_at(struct wallet_txn *txn, enum wallet_keyspace ks, uint64_t index)
{
    uint8_t key[8];
    return wallet_txn_delete(txn, ks, index_key(index, key));
}

static lw_err alter_leaf(struct wallet_txn *txn)
{
    return flip(txn, WALLET_KS_AUDIT_LEAF, 10, 3);
}

static lw_err alter_node(struct wallet_txn *txn)
{
    return flip(txn, WALLET_KS_AUDIT_LEAF, 11, 40);
}

static lw_err lengthen_leaf(struct wallet_txn *txn)
{
    LW_AUTO_BUF value = LW_BUF(4096);
    LW_TRY(copy_of(txn, WALLET_KS_AUDIT_LEAF, 10, &value));
    LW_TRY(lw_buf_put_byte(&value, 0));
    return put_at(txn, WALLET_KS_AUDIT_LEAF, 10, &value);
}

static lw_err shorten_leaf(struct wallet_txn *txn)
{
    LW_AUTO_BUF value = LW_BUF(4096);
    LW_TRY(copy_of(txn, WALLET_KS_AUDIT_LEAF, 10, &value));
    lw_buf_truncate(&value, 31);
    return put_at(txn, WALLET_KS_AUDIT_LEAF, 10, &value);
}

static lw_err alter_event(struct wallet_txn *txn)
{
    return flip(txn, WALLET_KS_AUDIT_OPENING, 10, 50);
}

static lw_err reorder_leaves(struct wallet_txn *txn)
{
    return swap(txn, WALLET_KS_AUDIT_LEAF, 10, 12);
}

/* Leaves and openings both: each fits the other, but no longer the nodes above. */
static lw_err reorder_with_openings(struct wallet_txn *txn)
{
    LW_TRY(swap(txn, WALLET_KS_AUDIT_LEAF, 10, 14));
    return swap(txn, WALLET_KS_AUDIT_OPENING, 10, 14);
}

static lw_err drop_leaf(struct wallet_txn *txn)
{
    return delete_at(txn, WALLET_KS_AUDIT_LEAF, 10);
}

static lw_err drop_last_leaf(struct wallet_txn *txn)
{
    return delete_at(txn, WALLET_KS_AUDIT_LEAF, EVENTS);
}

static lw_err drop_opening(struct wallet_txn *txn)
{
    return delete_at(txn, WALLET_KS_AUDIT_OPENING, 10);
}

/* The end cut off cleanly, indexes and all: only the signed head knows. */
static lw_err cut_the_end(struct wallet_txn *txn)
{
    const uint8_t receipt[WALLET_AUDIT_RECEIPT_LEN] = {EVENTS - 1, 1};
    uint8_t key[WALLET_AUDIT_SUBJECT_KEY_MAX];
    const lw_bytes subject = text(subjects[(EVENTS - 1) % SUBJECTS]);
    const lw_bytes k = {.ptr = key, .len = wallet_audit_subject_key(subject, EVENTS, key)};
    LW_TRY(delete_at(txn, WALLET_KS_AUDIT_LEAF, EVENTS));
    LW_TRY(delete_at(txn, WALLET_KS_AUDIT_OPENING, EVENTS));
    LW_TRY(wallet_txn_delete(txn, WALLET_KS_AUDIT_RECEIPT, LW_BYTES(receipt)));
    return wallet_txn_delete(txn, WALLET_KS_AUDIT_SUBJECT, k);
}

static lw_err drop_subject_entry(struct wallet_txn *txn)
{
    uint8_t key[WALLET_AUDIT_SUBJECT_KEY_MAX];
    const lw_bytes k = {.ptr = key, .len = wallet_audit_subject_key(text("s-1"), 10, key)};
    return wallet_txn_delete(txn, WALLET_KS_AUDIT_SUBJECT, k);
}

static lw_err add_subject_entry(struct wallet_txn *txn)
{
    uint8_t key[WALLET_AUDIT_SUBJECT_KEY_MAX];
    const lw_bytes k = {.ptr = key, .len = wallet_audit_subject_key(text("s-9"), 10, key)};
    return wallet_txn_put(txn, WALLET_KS_AUDIT_SUBJECT, k, (lw_bytes){0});
}

static lw_err put_receipt(struct wallet_txn *txn, uint8_t n, uint64_t index)
{
    const uint8_t receipt[WALLET_AUDIT_RECEIPT_LEN] = {n, 1};
    LW_AUTO_BUF value = LW_BUF(16);
    LW_TRY(wallet_stored_begin(&value, 1, 1));
    LW_TRY(wallet_cbor_put_uint(&value, index));
    return wallet_txn_put(txn, WALLET_KS_AUDIT_RECEIPT, LW_BYTES(receipt), lw_buf_view(&value));
}

static lw_err turn_receipt(struct wallet_txn *txn)
{
    return put_receipt(txn, 9, 11);
}

static lw_err drop_receipt(struct wallet_txn *txn)
{
    const uint8_t receipt[WALLET_AUDIT_RECEIPT_LEN] = {9, 1};
    return wallet_txn_delete(txn, WALLET_KS_AUDIT_RECEIPT, LW_BYTES(receipt));
}

static lw_err add_receipt(struct wallet_txn *txn)
{
    return put_receipt(txn, 200, 11);
}

/* Says that the opening of leaf 10 was erased, and by which leaf. */
static lw_err pretend_erased(struct wallet_txn *txn, uint64_t by)
{
    LW_AUTO_BUF value = LW_BUF(16);
    LW_TRY(wallet_stored_begin(&value, 1, 2));
    LW_TRY(wallet_cbor_put_null(&value));
    LW_TRY(wallet_cbor_put_uint(&value, by));
    return put_at(txn, WALLET_KS_AUDIT_OPENING, 10, &value);
}

static lw_err erase_by_another_event(struct wallet_txn *txn)
{
    return pretend_erased(txn, 12);
}

static lw_err erase_by_nothing(struct wallet_txn *txn)
{
    return pretend_erased(txn, EVENTS + 1);
}

static lw_err erase_by_itself(struct wallet_txn *txn)
{
    return pretend_erased(txn, 10);
}

static lw_err alter_head(struct wallet_txn *txn)
{
    return flip(txn, WALLET_KS_AUDIT_HEAD, EVENTS + 1, 10);
}

static lw_err spoil_head(struct wallet_txn *txn)
{
    return flip(txn, WALLET_KS_AUDIT_HEAD, EVENTS + 1, 1);
}

static const struct forgery forgeries[] = {
    {alter_leaf, 10, "a leaf altered"},
    {alter_node, 11, "a node altered"},
    {lengthen_leaf, 10, "a leaf lengthened"},
    {shorten_leaf, 10, "a leaf shortened"},
    {alter_event, 10, "an event altered"},
    {reorder_leaves, 10, "leaves reordered"},
    {reorder_with_openings, 10, "leaves and openings reordered"},
    {drop_leaf, 10, "a leaf dropped"},
    {drop_last_leaf, EVENTS, "the last leaf dropped"},
    {drop_opening, 10, "an opening dropped"},
    {cut_the_end, EVENTS, "the end cut off"},
    {drop_subject_entry, 10, "a subject's entry dropped"},
    {add_subject_entry, EVENTS + 1, "a subject's entry added"},
    {turn_receipt, 10, "a receipt turned to another event"},
    {drop_receipt, 10, "a receipt dropped"},
    {add_receipt, EVENTS + 1, "a receipt added"},
    {erase_by_another_event, 10, "an opening erased, told by another event"},
    {erase_by_nothing, 10, "an opening erased, told by no event"},
    {erase_by_itself, 10, "an opening erased, told by itself"},
    {alter_head, EVENTS, "a signed head altered"},
    {spoil_head, EVENTS + 1, "a signed head spoilt"},
};

static lw_err forge(struct wallet_txn *txn, void *ctx)
{
    return ((const struct forgery *)ctx)->forge(txn);
}

static void every_forgery_is_found_at_its_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(forgeries) / sizeof(forgeries[0]); i++) {
        struct support_store f;
        struct forgery forgery = forgeries[i];
        struct wallet_audit_signed_head head = {.time = SUPPORT_NOW, .cose = text("signed")};
        support_store_make(&f);
        append(&f, EVENTS);
        support_store_write(&f, sign_head, &head);
        assert_true(check(&f).whole);
        support_store_write(&f, forge, &forgery);
        const struct wallet_audit_found found = check(&f);
        if (found.whole || found.first_bad != forgery.first_bad || found.why == NULL) {
            fail_msg("%s: whole %d, first bad %d", forgery.name, found.whole, (int)found.first_bad);
        }
        struct wallet_store_found all;
        assert_int_equal(wallet_store_check(f.store, &all).code, LW_OK);
        assert_false(all.whole);
        support_store_drop(&f);
    }
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

static lw_err erase_one_more(struct wallet_txn *txn, void *ctx)
{
    (void)ctx;
    return pretend_erased(txn, EVENTS + 1);
}

static void an_opening_erased_beside_a_true_erasure_is_found(void **state)
{
    struct support_store *f = *state;
    struct erasing e = {.subject = "s-2"}; /* leaf 10 is of another subject, "s-1" */
    append(f, EVENTS);
    support_store_write(f, erase, &e);
    support_store_write(f, erase_one_more, NULL);
    const struct wallet_audit_found found = check(f);
    assert_false(found.whole);
    assert_int_equal(found.first_bad, 10);
}

static lw_err append_eleventh(struct wallet_txn *txn, void *ctx)
{
    const struct wallet_audit_event event = {
        .time = 1, .kind = WALLET_AUDIT_VERIFIED, .subject = text("s-1")};
    (void)ctx;
    return wallet_audit_append(txn, &event, NULL);
}

/* Of the same subject, but after the erasure told how many there were. */
static lw_err erase_later_one(struct wallet_txn *txn, void *ctx)
{
    struct erasing e = {.subject = "s-1"};
    LW_AUTO_BUF value = LW_BUF(16);
    (void)ctx;
    LW_TRY(erase(txn, &e));
    LW_TRY(wallet_stored_begin(&value, 1, 2));
    LW_TRY(wallet_cbor_put_null(&value));
    LW_TRY(wallet_cbor_put_uint(&value, EVENTS + 3));
    return put_at(txn, WALLET_KS_AUDIT_OPENING, 2, &value);
}

static void an_erasure_that_tells_another_number_is_found(void **state)
{
    struct support_store *f = *state;
    struct erasing e = {.subject = "s-1"};
    append(f, EVENTS);
    support_store_write(f, erase, &e);
    support_store_write(f, append_eleventh, NULL);
    support_store_write(f, erase_later_one, NULL); /* turns leaf 2 over to the second erasure */
    const struct wallet_audit_found found = check(f);
    assert_false(found.whole);
    assert_int_equal(found.first_bad, EVENTS + 1);
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
        cmocka_unit_test(every_forgery_is_found_at_its_place),
        TEST(erased_openings_leave_a_log_that_still_chains),
        TEST(an_opening_erased_beside_a_true_erasure_is_found),
        TEST(an_erasure_that_tells_another_number_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
