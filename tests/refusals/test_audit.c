/* The log forged behind its back, one change each: the check must name the place. */
#include "wallet/audit.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "audit_internal.h"
#include "store_fixture.h"
#include "txn.h"

enum { EVENTS = 70, SUBJECTS = 4, LAST_LOW = 63 /* the first leaf with nodes above */ };

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

static lw_err sign_head(struct wallet_txn *txn, void *ctx)
{
    struct wallet_audit_signed_head *head = ctx;
    LW_TRY(wallet_audit_head(txn, &head->size, head->root));
    return wallet_audit_put_signed(txn, head);
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

static lw_err alter_node_above(struct wallet_txn *txn)
{
    return flip(txn, WALLET_KS_AUDIT_NODE, 0, 3);
}

static lw_err drop_node_above(struct wallet_txn *txn)
{
    return delete_at(txn, WALLET_KS_AUDIT_NODE, 0);
}

static lw_err lengthen_nodes_above(struct wallet_txn *txn, size_t hashes)
{
    static const uint8_t more[WALLET_HASH_LEN];
    LW_AUTO_BUF value = LW_BUF(4096);
    LW_TRY(copy_of(txn, WALLET_KS_AUDIT_NODE, 0, &value));
    for (size_t i = 0; i < hashes; i++) {
        LW_TRY(lw_buf_put(&value, LW_BYTES(more)));
    }
    return put_at(txn, WALLET_KS_AUDIT_NODE, 0, &value);
}

static lw_err one_node_too_many(struct wallet_txn *txn)
{
    return lengthen_nodes_above(txn, 1);
}

static lw_err more_nodes_than_any_tree_has(struct wallet_txn *txn)
{
    return lengthen_nodes_above(txn, 64);
}

/* As whole as before to who reads the leaf only; proofs look for the node elsewhere. */
static lw_err keep_node_above_with_the_leaf(struct wallet_txn *txn)
{
    LW_AUTO_BUF low = LW_BUF(4096);
    LW_AUTO_BUF above = LW_BUF(4096);
    LW_TRY(copy_of(txn, WALLET_KS_AUDIT_LEAF, LAST_LOW, &low));
    LW_TRY(copy_of(txn, WALLET_KS_AUDIT_NODE, 0, &above));
    LW_TRY(lw_buf_put(&low, lw_buf_view(&above)));
    lw_buf_truncate(&above, 0);
    LW_TRY(put_at(txn, WALLET_KS_AUDIT_LEAF, LAST_LOW, &low));
    return put_at(txn, WALLET_KS_AUDIT_NODE, 0, &above);
}

static lw_err add_node_above(struct wallet_txn *txn)
{
    LW_AUTO_BUF value = LW_BUF(4096);
    LW_TRY(copy_of(txn, WALLET_KS_AUDIT_NODE, 0, &value));
    return put_at(txn, WALLET_KS_AUDIT_NODE, 1, &value);
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
    {alter_node_above, LAST_LOW, "a node above altered"},
    {drop_node_above, LAST_LOW, "a node above dropped"},
    {one_node_too_many, LAST_LOW, "a node above too many"},
    {more_nodes_than_any_tree_has, LAST_LOW, "more nodes above than any tree has"},
    {keep_node_above_with_the_leaf, LAST_LOW, "a node above kept with its leaf"},
    {add_node_above, EVENTS + 1, "nodes above of leaves that are missing"},
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
        cmocka_unit_test(every_forgery_is_found_at_its_place),
        TEST(an_opening_erased_beside_a_true_erasure_is_found),
        TEST(an_erasure_that_tells_another_number_is_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
