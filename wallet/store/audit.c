/*
 * The tree in the store: leaf i holds the hashes of all nodes that it completes, itself first, so
 * keys only ever grow at the end. The complete subtree of 2^l leaves that ends with leaf i is the
 * l-th of them. Those of 64 leaves and more lie in a keyspace of their own, under i / 64: a proof
 * has most of its hashes from there, and all of it is as small as a hundredth of the leaves.
 */
#include "wallet/audit.h"

#include "audit_internal.h"

enum {
    OPENING_VERSION = 1,
    OPENING_FIELDS = 2,
    LEVELS_MAX = 62,
    SMALL_VALUE_MAX = 32,
    ID_LEN = 16
};

static lw_err corrupt(const char *why)
{
    return LW_FAIL(LW_E_CORRUPT, why, LW_NOWHERE);
}

static lw_bytes index_key(uint64_t index, uint8_t key[8])
{
    wallet_key_put_u64(key, index);
    return (lw_bytes){.ptr = key, .len = 8};
}

lw_err wallet_audit_size(const struct wallet_txn *txn, uint64_t *size)
{
    lw_bytes key = {0};
    lw_bytes value = {0};
    WALLET_AUTO_SCAN scan = wallet_scan_back(txn, WALLET_KS_AUDIT_LEAF, (lw_bytes){0});
    *size = 0;
    if (!wallet_scan_next(&scan, &key, &value)) {
        return scan.err;
    }
    if (key.len != 8 || wallet_key_u64(key.ptr) >= (uint64_t)1 << LEVELS_MAX) {
        return corrupt("audit: a leaf without its index");
    }
    *size = wallet_key_u64(key.ptr) + 1;
    return LW_SUCCESS;
}

static lw_err node(void *ctx, unsigned level, uint64_t index, uint8_t hash[WALLET_HASH_LEN])
{
    const struct wallet_txn *txn = ctx;
    uint8_t key[8];
    lw_bytes value = {0};
    const uint64_t last = ((index + 1) << level) - 1;
    const bool low = level < WALLET_AUDIT_LOW_LEVELS;
    const size_t place = low ? level : level - WALLET_AUDIT_LOW_LEVELS;
    const lw_err err =
        low ? wallet_txn_get(txn, WALLET_KS_AUDIT_LEAF, index_key(last, key), &value)
            : wallet_txn_get(txn, WALLET_KS_AUDIT_NODE,
                             index_key(last >> WALLET_AUDIT_LOW_LEVELS, key), &value);
    if (err.code == LW_E_NOT_FOUND) {
        return corrupt("audit: a leaf is missing");
    }
    LW_TRY(err);
    if (value.len / WALLET_HASH_LEN <= place) {
        return corrupt("audit: a leaf is not of its form");
    }
    memcpy(hash, value.ptr + place * WALLET_HASH_LEN, WALLET_HASH_LEN);
    return LW_SUCCESS;
}

struct wallet_merkle_source wallet_audit_source(const struct wallet_txn *txn)
{
    union {
        const struct wallet_txn *in; /* only read, by node() above */
        void *ctx;
    } p = {.in = txn};
    return (struct wallet_merkle_source){.node = node, .ctx = p.ctx};
}

size_t wallet_audit_subject_key(lw_bytes subject, uint64_t index,
                                uint8_t key[WALLET_AUDIT_SUBJECT_KEY_MAX])
{
    /* The length first, so that no subject's keys lie among another's; that of ids last of all:
     * they come in order of time, and what stood behind them would leave their pages half full. */
    key[0] = subject.len == ID_LEN ? UINT8_MAX : (uint8_t)subject.len;
    if (subject.len > 0) {
        memcpy(key + 1, subject.ptr, subject.len);
    }
    wallet_key_put_u64(key + 1 + subject.len, index);
    return 1 + subject.len + 8;
}

static lw_err put_leaf(struct wallet_txn *txn, uint64_t index, const uint8_t leaf[WALLET_HASH_LEN])
{
    const struct wallet_merkle_source source = wallet_audit_source(txn);
    uint8_t hashes[LEVELS_MAX + 1][WALLET_HASH_LEN];
    size_t count = 1;
    uint8_t key[8];
    memcpy(hashes[0], leaf, WALLET_HASH_LEN);
    /* Each one bit at the end of the index is a node completed, its left half there already. */
    for (unsigned level = 0; ((index >> level) & 1) != 0; level++) {
        LW_TRY(source.node(source.ctx, level, (index >> level) - 1, hashes[count]));
        LW_TRY(wallet_merkle_node(hashes[count], hashes[count - 1], hashes[count]));
        count++;
    }
    const size_t low = count < WALLET_AUDIT_LOW_LEVELS ? count : WALLET_AUDIT_LOW_LEVELS;
    const lw_bytes value = {.ptr = hashes[0], .len = low * WALLET_HASH_LEN};
    const lw_bytes above = {.ptr = hashes[low], .len = (count - low) * WALLET_HASH_LEN};
    LW_TRY(wallet_txn_append(txn, WALLET_KS_AUDIT_LEAF, index_key(index, key), value));
    return above.len == 0
               ? LW_SUCCESS
               : wallet_txn_append(txn, WALLET_KS_AUDIT_NODE,
                                   index_key(index >> WALLET_AUDIT_LOW_LEVELS, key), above);
}

static lw_err put_opening(struct wallet_txn *txn, uint64_t index, lw_bytes nonce, lw_bytes encoded)
{
    uint8_t key[8];
    LW_AUTO_BUF value = LW_BUF(WALLET_AUDIT_VALUE_MAX);
    LW_TRY(wallet_stored_begin(&value, OPENING_VERSION, OPENING_FIELDS));
    LW_TRY(wallet_cbor_put_bytes(&value, nonce));
    LW_TRY(wallet_cbor_put_bytes(&value, encoded));
    return wallet_txn_append(txn, WALLET_KS_AUDIT_OPENING, index_key(index, key),
                             lw_buf_view(&value));
}

static lw_err put_indexes(struct wallet_txn *txn, uint64_t index,
                          const struct wallet_audit_event *event)
{
    if (event->subject.len > 0) {
        uint8_t key[WALLET_AUDIT_SUBJECT_KEY_MAX];
        const lw_bytes k = {.ptr = key,
                            .len = wallet_audit_subject_key(event->subject, index, key)};
        LW_TRY(wallet_txn_put(txn, WALLET_KS_AUDIT_SUBJECT, k, (lw_bytes){0}));
    }
    if (event->receipt.len > 0) {
        LW_AUTO_BUF value = LW_BUF(SMALL_VALUE_MAX);
        LW_TRY(wallet_stored_begin(&value, OPENING_VERSION, 1));
        LW_TRY(wallet_cbor_put_uint(&value, index));
        LW_TRY(
            wallet_txn_insert(txn, WALLET_KS_AUDIT_RECEIPT, event->receipt, lw_buf_view(&value)));
    }
    return LW_SUCCESS;
}

lw_err wallet_audit_append(struct wallet_txn *txn, const struct wallet_audit_event *event,
                           uint64_t *index)
{
    uint64_t at = 0;
    uint8_t nonce[WALLET_AUDIT_NONCE_LEN];
    uint8_t leaf[WALLET_HASH_LEN];
    LW_AUTO_BUF encoded = LW_BUF(WALLET_AUDIT_VALUE_MAX);
    LW_TRY(wallet_audit_event_encode(event, &encoded));
    LW_TRY(wallet_audit_size(txn, &at));
    LW_TRY(lw_rng_fill(wallet_txn_rng(txn), nonce, sizeof(nonce)));
    const lw_bytes parts[] = {LW_BYTES(nonce), lw_buf_view(&encoded)};
    LW_TRY(wallet_merkle_leaf(parts, 2, leaf));
    LW_TRY(put_indexes(txn, at, event)); /* first: it may find that the receipt id exists */
    LW_TRY(put_leaf(txn, at, leaf));
    LW_TRY(put_opening(txn, at, LW_BYTES(nonce), lw_buf_view(&encoded)));
    if (index != NULL) {
        *index = at;
    }
    return LW_SUCCESS;
}

lw_err wallet_audit_opening_parse(lw_bytes value, struct wallet_audit_opening *opening)
{
    struct wallet_cbor r;
    size_t fields = 0;
    struct wallet_audit_opening o = {0};
    LW_TRY(wallet_stored_open(value, OPENING_VERSION, &r, NULL, &fields));
    o.erased = wallet_cbor_peek(&r) == WALLET_CBOR_NULL;
    if (o.erased) {
        wallet_cbor_null(&r);
        o.erased_by = wallet_cbor_uint(&r);
    } else {
        o.nonce = wallet_cbor_bytes(&r);
        o.encoded = wallet_cbor_bytes(&r);
    }
    LW_TRY(wallet_stored_end(&r));
    if (fields != OPENING_FIELDS || (!o.erased && o.nonce.len != WALLET_AUDIT_NONCE_LEN)) {
        return corrupt("audit: an opening is not of its form");
    }
    *opening = o;
    return LW_SUCCESS;
}

lw_err wallet_audit_number(lw_bytes value, uint64_t *n)
{
    struct wallet_cbor r;
    LW_TRY(wallet_stored_open(value, OPENING_VERSION, &r, NULL, NULL));
    *n = wallet_cbor_uint(&r);
    return wallet_stored_end(&r);
}

lw_err wallet_audit_get(const struct wallet_txn *txn, uint64_t index,
                        struct wallet_audit_leaf *leaf)
{
    uint8_t key[8];
    lw_bytes hashes = {0};
    lw_bytes value = {0};
    struct wallet_audit_opening opening = {0};
    struct wallet_audit_leaf l = {.index = index};
    LW_TRY(wallet_txn_get(txn, WALLET_KS_AUDIT_LEAF, index_key(index, key), &hashes));
    if (hashes.len < WALLET_HASH_LEN) {
        return corrupt("audit: a leaf is not of its form");
    }
    memcpy(l.hash, hashes.ptr, WALLET_HASH_LEN);
    const lw_err err = wallet_txn_get(txn, WALLET_KS_AUDIT_OPENING, index_key(index, key), &value);
    if (err.code == LW_E_NOT_FOUND) {
        return corrupt("audit: an opening is missing");
    }
    LW_TRY(err);
    LW_TRY(wallet_audit_opening_parse(value, &opening));
    l.erased = opening.erased;
    if (!opening.erased) {
        l.nonce = opening.nonce;
        l.encoded = opening.encoded;
        if (wallet_audit_event_parse(opening.encoded, &l.event).code != LW_OK) {
            return corrupt("audit: an event is not of its form");
        }
    }
    *leaf = l;
    return LW_SUCCESS;
}

lw_err wallet_audit_find_receipt(const struct wallet_txn *txn, lw_bytes receipt, uint64_t *index)
{
    lw_bytes value = {0};
    if (receipt.len != WALLET_AUDIT_RECEIPT_LEN) {
        return LW_FAIL(LW_E_NOT_FOUND, "audit: no such receipt", LW_NOWHERE);
    }
    LW_TRY(wallet_txn_get(txn, WALLET_KS_AUDIT_RECEIPT, receipt, &value));
    return wallet_audit_number(value, index);
}

lw_err wallet_audit_find_subject(const struct wallet_txn *txn, lw_bytes subject, uint64_t from,
                                 uint64_t *indexes, size_t *count)
{
    const size_t room = *count;
    uint8_t start[WALLET_AUDIT_SUBJECT_KEY_MAX];
    lw_bytes key = {0};
    lw_bytes value = {0};
    *count = 0;
    if (subject.len == 0 || subject.len > WALLET_AUDIT_SUBJECT_MAX) {
        return LW_SUCCESS; /* no event has it */
    }
    const size_t len = wallet_audit_subject_key(subject, from, start);
    WALLET_AUTO_SCAN scan =
        wallet_scan(txn, WALLET_KS_AUDIT_SUBJECT, (lw_bytes){.ptr = start, .len = len - 8});
    wallet_scan_from(&scan, (lw_bytes){.ptr = start, .len = len});
    while (*count < room && wallet_scan_next(&scan, &key, &value)) {
        if (key.len != len) {
            return corrupt("audit: a subject's key is not of its form");
        }
        indexes[(*count)++] = wallet_key_u64(key.ptr + len - 8);
    }
    return scan.err;
}

static lw_err erase_opening(struct wallet_txn *txn, uint64_t index, uint64_t by)
{
    uint8_t key[8];
    LW_AUTO_BUF value = LW_BUF(SMALL_VALUE_MAX);
    LW_TRY(wallet_stored_begin(&value, OPENING_VERSION, OPENING_FIELDS));
    LW_TRY(wallet_cbor_put_null(&value));
    LW_TRY(wallet_cbor_put_uint(&value, by));
    return wallet_txn_put(txn, WALLET_KS_AUDIT_OPENING, index_key(index, key), lw_buf_view(&value));
}

/* Whether the opening of a leaf is there and may go; what tells of erasures stays. */
static lw_err may_erase(const struct wallet_txn *txn, uint64_t index, bool *yes)
{
    struct wallet_audit_leaf leaf = {0};
    LW_TRY(wallet_audit_get(txn, index, &leaf));
    *yes = !leaf.erased && leaf.event.kind != WALLET_AUDIT_OPENINGS_ERASED;
    return LW_SUCCESS;
}

static lw_err erase_all(struct wallet_txn *txn, lw_bytes subject, uint64_t by, uint64_t *erased)
{
    uint8_t prefix[WALLET_AUDIT_SUBJECT_KEY_MAX];
    lw_bytes key = {0};
    lw_bytes value = {0};
    const size_t len = wallet_audit_subject_key(subject, 0, prefix);
    WALLET_AUTO_SCAN scan =
        wallet_scan(txn, WALLET_KS_AUDIT_SUBJECT, (lw_bytes){.ptr = prefix, .len = len - 8});
    while (wallet_scan_next(&scan, &key, &value)) {
        bool yes = false;
        if (key.len != len) {
            return corrupt("audit: a subject's key is not of its form");
        }
        const uint64_t index = wallet_key_u64(key.ptr + len - 8);
        LW_TRY(may_erase(txn, index, &yes));
        if (yes) {
            LW_TRY(erase_opening(txn, index, by));
            ++*erased;
        }
    }
    return scan.err;
}

lw_err wallet_audit_erase(struct wallet_txn *txn, lw_bytes subject, lw_str actor, int64_t now,
                          uint64_t *erased)
{
    uint64_t by = 0;
    uint64_t count = 0;
    LW_AUTO_BUF detail = LW_BUF(SMALL_VALUE_MAX);
    if (subject.len == 0 || subject.len > WALLET_AUDIT_SUBJECT_MAX) {
        return LW_FAIL(LW_E_VALUE, "audit: no subject to erase", LW_NOWHERE);
    }
    LW_TRY(wallet_audit_size(txn, &by)); /* the leaf that will tell of it */
    LW_TRY(erase_all(txn, subject, by, &count));
    if (count == 0) {
        return LW_FAIL(LW_E_NOT_FOUND, "audit: nothing to erase", LW_NOWHERE);
    }
    LW_TRY(wallet_cbor_put_uint(&detail, count));
    const struct wallet_audit_event event = {.time = now,
                                             .kind = WALLET_AUDIT_OPENINGS_ERASED,
                                             .actor = actor,
                                             .subject = subject,
                                             .detail = lw_buf_view(&detail)};
    LW_TRY(wallet_audit_append(txn, &event, NULL));
    *erased = count;
    return LW_SUCCESS;
}
