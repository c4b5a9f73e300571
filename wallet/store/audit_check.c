/*
 * The log recomputed from its first leaf. Leaves and openings are walked side by side; each index
 * entry must lead to an event that has it, and there must be as many as events ask for.
 */
#include "audit_internal.h"

enum { LEVELS_MAX = 62 };

struct checking {
    const struct wallet_txn *txn;
    struct wallet_audit_found *found;
    uint8_t left[LEVELS_MAX + 1][WALLET_HASH_LEN]; /* roots of complete subtrees, by level */
    uint64_t subjects;                             /* index entries that the events ask for */
    uint64_t receipts;
};

static void fault(struct checking *c, uint64_t index, const char *why)
{
    if (c->found->whole) {
        c->found->whole = false;
        c->found->first_bad = index;
        c->found->why = why;
    }
}

/* Recomputes the nodes that leaf `index` completes, and compares them with those stored. */
static lw_err compare_nodes(struct checking *c, uint64_t index, lw_bytes value)
{
    uint8_t hash[WALLET_HASH_LEN];
    unsigned level = 0;
    if (value.len < WALLET_HASH_LEN) {
        fault(c, index, "the leaf is not of its form");
        return LW_SUCCESS;
    }
    memcpy(hash, value.ptr, sizeof(hash));
    while (((index >> level) & 1) != 0) {
        LW_TRY(wallet_merkle_node(c->left[level], hash, hash));
        level++;
        const size_t at = (size_t)level * WALLET_HASH_LEN;
        if (value.len < at + WALLET_HASH_LEN ||
            memcmp(value.ptr + at, hash, WALLET_HASH_LEN) != 0) {
            fault(c, index, "the leaf does not chain with those before it");
            return LW_SUCCESS;
        }
    }
    memcpy(c->left[level], hash, sizeof(hash));
    if (value.len != ((size_t)level + 1) * WALLET_HASH_LEN) {
        fault(c, index, "the leaf is not of its form");
    }
    return LW_SUCCESS;
}

/* With every 64th leaf go the nodes above the low ones. */
static lw_err check_nodes(struct checking *c, uint64_t index, lw_bytes low)
{
    static const uint64_t mask = ((uint64_t)1 << WALLET_AUDIT_LOW_LEVELS) - 1;
    uint8_t key[8];
    lw_bytes above = {0};
    LW_AUTO_BUF nodes = LW_BUF((size_t)(LEVELS_MAX + 1) * WALLET_HASH_LEN);
    if (low.len > (size_t)WALLET_AUDIT_LOW_LEVELS * WALLET_HASH_LEN) {
        fault(c, index, "the leaf is not of its form");
        return LW_SUCCESS;
    }
    if ((index & mask) != mask) {
        return compare_nodes(c, index, low);
    }
    wallet_key_put_u64(key, index >> WALLET_AUDIT_LOW_LEVELS);
    const lw_err err = wallet_txn_get(c->txn, WALLET_KS_AUDIT_NODE, LW_BYTES(key), &above);
    if (err.code == LW_E_NOT_FOUND || above.len > nodes.max - low.len) {
        fault(c, index, "the nodes above the leaf are missing or not of their form");
        return LW_SUCCESS;
    }
    LW_TRY(err);
    LW_TRY(lw_buf_put(&nodes, low));
    LW_TRY(lw_buf_put(&nodes, above));
    return compare_nodes(c, index, lw_buf_view(&nodes));
}

/* An erased opening must be told of by the later leaf that it names. */
static lw_err check_erased(struct checking *c, uint64_t index, uint64_t by)
{
    struct wallet_audit_leaf leaf = {0};
    uint64_t entry = 0;
    size_t count = 1;
    c->found->erased++;
    const lw_err err = by > index ? wallet_audit_get(c->txn, by, &leaf)
                                  : LW_FAIL(LW_E_CORRUPT, "audit: erased early", LW_NOWHERE);
    if (err.code == LW_E_NOT_FOUND || err.code == LW_E_CORRUPT || leaf.erased ||
        leaf.event.kind != WALLET_AUDIT_OPENINGS_ERASED) {
        fault(c, index, "the opening is gone, and no event tells of it");
        return LW_SUCCESS;
    }
    LW_TRY(err);
    LW_TRY(wallet_audit_find_subject(c->txn, leaf.event.subject, index, &entry, &count));
    if (count == 0 || entry != index) {
        fault(c, index, "the opening is gone, and the event named tells of others");
        return LW_SUCCESS;
    }
    c->subjects++; /* its entry stays */
    return LW_SUCCESS;
}

/* As many openings must name this leaf as its event says were erased. */
static lw_err check_erasure(struct checking *c, uint64_t index,
                            const struct wallet_audit_event *event)
{
    struct wallet_cbor r = wallet_cbor_reader(event->detail);
    uint64_t told = wallet_cbor_uint(&r);
    uint8_t prefix[WALLET_AUDIT_SUBJECT_KEY_MAX];
    lw_bytes key = {0};
    lw_bytes value = {0};
    const size_t len = wallet_audit_subject_key(event->subject, 0, prefix);
    WALLET_AUTO_SCAN scan =
        wallet_scan(c->txn, WALLET_KS_AUDIT_SUBJECT, (lw_bytes){.ptr = prefix, .len = len - 8});
    while (wallet_scan_next(&scan, &key, &value) && key.len == len) {
        const lw_bytes at = {.ptr = key.ptr + len - 8, .len = 8};
        struct wallet_audit_opening opening = {0};
        const bool there =
            wallet_txn_get(c->txn, WALLET_KS_AUDIT_OPENING, at, &value).code == LW_OK &&
            wallet_audit_opening_parse(value, &opening).code == LW_OK;
        told -= there && opening.erased && opening.erased_by == index ? 1 : 0;
    }
    if (told != 0) {
        fault(c, index, "another number of openings was erased than the event tells");
    }
    return scan.err;
}

static lw_err check_entries(struct checking *c, uint64_t index,
                            const struct wallet_audit_event *event)
{
    uint64_t entry = 0;
    size_t count = 1;
    if (event->subject.len > 0) {
        c->subjects++;
        LW_TRY(wallet_audit_find_subject(c->txn, event->subject, index, &entry, &count));
        if (count == 0 || entry != index) {
            fault(c, index, "the event is missing among those of its subject");
        }
    }
    if (event->receipt.len > 0) {
        c->receipts++;
        const lw_err err = wallet_audit_find_receipt(c->txn, event->receipt, &entry);
        if (err.code == LW_E_NOT_FOUND || err.code == LW_E_CORRUPT ||
            (err.code == LW_OK && entry != index)) {
            fault(c, index, "the receipt does not lead to its event");
            return LW_SUCCESS;
        }
        LW_TRY(err);
    }
    return event->kind == WALLET_AUDIT_OPENINGS_ERASED ? check_erasure(c, index, event)
                                                       : LW_SUCCESS;
}

static lw_err check_opening(struct checking *c, uint64_t index, lw_bytes leaf, lw_bytes value)
{
    struct wallet_audit_opening opening = {0};
    struct wallet_audit_event event = {0};
    uint8_t hash[WALLET_HASH_LEN];
    if (wallet_audit_opening_parse(value, &opening).code != LW_OK) {
        fault(c, index, "the opening is not of its form");
        return LW_SUCCESS;
    }
    if (opening.erased) {
        return check_erased(c, index, opening.erased_by);
    }
    const lw_bytes parts[] = {opening.nonce, opening.encoded};
    LW_TRY(wallet_merkle_leaf(parts, 2, hash));
    if (leaf.len < sizeof(hash) || memcmp(leaf.ptr, hash, sizeof(hash)) != 0) {
        fault(c, index, "the event is not the one of the leaf");
        return LW_SUCCESS;
    }
    if (wallet_audit_event_parse(opening.encoded, &event).code != LW_OK) {
        fault(c, index, "the event is not of its form");
        return LW_SUCCESS;
    }
    return check_entries(c, index, &event);
}

/* The stored heads, each against the root that the tree had at its size. */
static lw_err check_heads(struct checking *c, uint64_t size)
{
    lw_bytes key = {0};
    lw_bytes value = {0};
    WALLET_AUTO_SCAN scan = wallet_scan(c->txn, WALLET_KS_AUDIT_HEAD, (lw_bytes){0});
    while (c->found->whole && wallet_scan_next(&scan, &key, &value)) {
        struct wallet_audit_signed_head head = {0};
        uint8_t root[WALLET_HASH_LEN];
        if (wallet_audit_head_parse(key, value, &head).code != LW_OK) {
            fault(c, size, "a signed head is not of its form");
        } else if (head.size > size) {
            fault(c, size, "a signed head tells of leaves that are missing");
        } else {
            LW_TRY(wallet_audit_root_at(c->txn, head.size, root));
            if (memcmp(root, head.root, sizeof(root)) != 0) {
                fault(c, head.size == 0 ? 0 : head.size - 1, "a signed head has another root");
            }
        }
    }
    return scan.err;
}

/* Receipts of erased openings keep their entries: how many there were is not known any more. */
static lw_err check_counts(struct checking *c, uint64_t size)
{
    uint64_t subjects = 0;
    uint64_t receipts = 0;
    uint64_t nodes = 0;
    LW_TRY(wallet_txn_count(c->txn, WALLET_KS_AUDIT_NODE, &nodes));
    LW_TRY(wallet_txn_count(c->txn, WALLET_KS_AUDIT_SUBJECT, &subjects));
    LW_TRY(wallet_txn_count(c->txn, WALLET_KS_AUDIT_RECEIPT, &receipts));
    if (nodes != size >> WALLET_AUDIT_LOW_LEVELS) {
        fault(c, size, "there are nodes of leaves that are missing");
    }
    if (subjects != c->subjects) {
        fault(c, size, "a subject's entry leads to no event of it");
    }
    if (receipts < c->receipts || receipts > c->receipts + c->found->erased) {
        fault(c, size, "a receipt leads to no event of it");
    }
    return LW_SUCCESS;
}

/* Gives the value of entry `index`, or an empty one when the next key is another. */
static lw_err take(struct wallet_scan *scan, uint64_t index, bool *more, lw_bytes *value)
{
    lw_bytes key = {0};
    *value = (lw_bytes){0};
    *more = wallet_scan_next(scan, &key, value);
    if (*more && (key.len != 8 || wallet_key_u64(key.ptr) != index)) {
        *value = (lw_bytes){0};
    }
    return scan->err;
}

static lw_err check_leaves(struct checking *c, uint64_t *size)
{
    WALLET_AUTO_SCAN leaves = wallet_scan(c->txn, WALLET_KS_AUDIT_LEAF, (lw_bytes){0});
    WALLET_AUTO_SCAN openings = wallet_scan(c->txn, WALLET_KS_AUDIT_OPENING, (lw_bytes){0});
    *size = 0;
    for (uint64_t i = 0; c->found->whole; i++) {
        lw_bytes leaf = {0};
        lw_bytes opening = {0};
        bool more_leaves = false;
        bool more_openings = false;
        LW_TRY(take(&leaves, i, &more_leaves, &leaf));
        LW_TRY(take(&openings, i, &more_openings, &opening));
        if (!more_leaves && !more_openings) {
            return LW_SUCCESS;
        }
        if (leaf.len == 0) {
            fault(c, i, "the leaf is missing");
        } else if (opening.len == 0) {
            fault(c, i, "the opening is missing, and was not erased");
        } else {
            LW_TRY(check_nodes(c, i, leaf));
            LW_TRY(check_opening(c, i, leaf, opening));
            *size = i + 1;
        }
    }
    return LW_SUCCESS;
}

lw_err wallet_audit_check(const struct wallet_txn *txn, struct wallet_audit_found *found)
{
    struct checking c = {.txn = txn, .found = found};
    *found = (struct wallet_audit_found){.whole = true};
    LW_TRY(check_leaves(&c, &found->size));
    if (found->whole) {
        LW_TRY(check_counts(&c, found->size));
        LW_TRY(check_heads(&c, found->size));
    }
    if (found->whole) {
        LW_TRY(wallet_audit_root_at(txn, found->size, found->root));
    }
    return LW_SUCCESS;
}
