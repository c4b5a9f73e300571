#include "wallet/merkle.h"

#include <assert.h>

#include "hsm/digest.h"

enum { LEAF_PARTS_MAX = 4, LEVELS_MAX = 62 };
static const uint64_t size_max = (uint64_t)1 << LEVELS_MAX;
static const uint8_t leaf_mark = 0;
static const uint8_t node_mark = 1;

lw_err wallet_merkle_leaf(const lw_bytes *parts, size_t count, uint8_t hash[WALLET_HASH_LEN])
{
    lw_bytes all[1 + LEAF_PARTS_MAX] = {{.ptr = &leaf_mark, .len = 1}};
    assert(count <= LEAF_PARTS_MAX);
    for (size_t i = 0; i < count; i++) {
        all[1 + i] = parts[i];
    }
    return hsm_sha256_parts(all, 1 + count, hash);
}

lw_err wallet_merkle_node(const uint8_t left[WALLET_HASH_LEN], const uint8_t right[WALLET_HASH_LEN],
                          uint8_t hash[WALLET_HASH_LEN])
{
    const lw_bytes parts[] = {{.ptr = &node_mark, .len = 1},
                              {.ptr = left, .len = WALLET_HASH_LEN},
                              {.ptr = right, .len = WALLET_HASH_LEN}};
    return hsm_sha256_parts(parts, sizeof(parts) / sizeof(parts[0]), hash);
}

static lw_err out_of_range(void)
{
    return LW_FAIL(LW_E_VALUE, "merkle: no such leaf or tree", LW_NOWHERE);
}

/* Levels of the largest complete subtree with which the leaves [start, end) begin. */
static unsigned levels_at(uint64_t start, uint64_t end)
{
    unsigned level = 0;
    while (level < LEVELS_MAX && ((start >> level) & 1) == 0 &&
           (uint64_t)2 << level <= end - start) {
        level++;
    }
    return level;
}

/*
 * Root of the leaves [start, end), which begin where a subtree of that size may: it is made of
 * complete subtrees of falling size, joined from the right.
 */
static lw_err range_root(const struct wallet_merkle_source *source, uint64_t start, uint64_t end,
                         uint8_t root[WALLET_HASH_LEN])
{
    uint8_t part[LEVELS_MAX + 1][WALLET_HASH_LEN];
    size_t count = 0;
    while (start < end) {
        const unsigned level = levels_at(start, end);
        assert(count <= LEVELS_MAX);
        LW_TRY(source->node(source->ctx, level, start >> level, part[count++]));
        start += (uint64_t)1 << level;
    }
    assert(count > 0);
    memcpy(root, part[count - 1], WALLET_HASH_LEN);
    for (size_t i = count - 1; i > 0; i--) {
        LW_TRY(wallet_merkle_node(part[i - 1], root, root));
    }
    return LW_SUCCESS;
}

lw_err wallet_merkle_root(const struct wallet_merkle_source *source, uint64_t size,
                          uint8_t root[WALLET_HASH_LEN])
{
    if (size > size_max) {
        return out_of_range();
    }
    return size == 0 ? hsm_sha256((lw_bytes){0}, root) : range_root(source, 0, size, root);
}

/* The largest power of two smaller than n; n is at least 2. */
static uint64_t split_of(uint64_t n)
{
    uint64_t k = 1;
    while (k < n - k) {
        k *= 2;
    }
    return k;
}

static uint8_t *next_hash(struct wallet_merkle_path *path)
{
    assert(path->count < WALLET_MERKLE_PATH_MAX);
    return path->hash[path->count++];
}

/* Paths are collected from the root down, and given from the leaf up. */
static void reverse(struct wallet_merkle_path *path)
{
    for (size_t i = 0, j = path->count; i + 1 < j; i++) {
        uint8_t kept[WALLET_HASH_LEN];
        j--;
        memcpy(kept, path->hash[i], sizeof(kept));
        memcpy(path->hash[i], path->hash[j], sizeof(kept));
        memcpy(path->hash[j], kept, sizeof(kept));
    }
}

lw_err wallet_merkle_inclusion(const struct wallet_merkle_source *source, uint64_t index,
                               uint64_t size, struct wallet_merkle_path *path)
{
    if (size > size_max || index >= size) {
        return out_of_range();
    }
    uint64_t start = 0;
    uint64_t end = size;
    path->count = 0;
    while (end - start > 1) {
        const uint64_t middle = start + split_of(end - start);
        if (index < middle) {
            LW_TRY(range_root(source, middle, end, next_hash(path)));
            end = middle;
        } else {
            LW_TRY(range_root(source, start, middle, next_hash(path)));
            start = middle;
        }
    }
    reverse(path);
    return LW_SUCCESS;
}

lw_err wallet_merkle_consistency(const struct wallet_merkle_source *source, uint64_t size1,
                                 uint64_t size2, struct wallet_merkle_path *path)
{
    if (size2 > size_max || size1 == 0 || size1 > size2) {
        return out_of_range();
    }
    uint64_t start = 0;
    uint64_t end = size2;
    path->count = 0;
    while (size1 != end) { /* SUBPROOF of RFC 9162, with both trees' common part [start, size1) */
        const uint64_t middle = start + split_of(end - start);
        if (size1 <= middle) {
            LW_TRY(range_root(source, middle, end, next_hash(path)));
            end = middle;
        } else {
            LW_TRY(range_root(source, start, middle, next_hash(path)));
            start = middle;
        }
    }
    if (start > 0) { /* else it is the first tree's root, which the checker has */
        LW_TRY(range_root(source, start, end, next_hash(path)));
    }
    reverse(path);
    return LW_SUCCESS;
}

static lw_err does_not_hold(void)
{
    return LW_FAIL(LW_E_SIGNATURE, "merkle: the proof does not hold", LW_NOWHERE);
}

static bool same(const uint8_t a[WALLET_HASH_LEN], const uint8_t b[WALLET_HASH_LEN])
{
    return hsm_equal((lw_bytes){.ptr = a, .len = WALLET_HASH_LEN},
                     (lw_bytes){.ptr = b, .len = WALLET_HASH_LEN});
}

lw_err wallet_merkle_check_inclusion(const uint8_t leaf[WALLET_HASH_LEN], uint64_t index,
                                     uint64_t size, const struct wallet_merkle_path *path,
                                     const uint8_t root[WALLET_HASH_LEN])
{
    if (index >= size || path->count > WALLET_MERKLE_PATH_MAX) {
        return does_not_hold();
    }
    uint64_t fn = index;
    uint64_t sn = size - 1;
    uint8_t r[WALLET_HASH_LEN];
    memcpy(r, leaf, sizeof(r));
    for (size_t i = 0; i < path->count; i++) {
        if (sn == 0) {
            return does_not_hold();
        }
        if ((fn & 1) != 0 || fn == sn) {
            LW_TRY(wallet_merkle_node(path->hash[i], r, r));
            while ((fn & 1) == 0 && fn != 0) {
                fn >>= 1;
                sn >>= 1;
            }
        } else {
            LW_TRY(wallet_merkle_node(r, path->hash[i], r));
        }
        fn >>= 1;
        sn >>= 1;
    }
    return sn == 0 && same(r, root) ? LW_SUCCESS : does_not_hold();
}

static bool is_subtree(struct wallet_merkle_range range, uint64_t size)
{
    if (range.start >= range.end || range.end > size) {
        return false;
    }
    const uint64_t n = range.end - range.start;
    const uint64_t whole = n == 1 ? 1 : 2 * split_of(n);
    return n <= size_max && range.start % whole == 0;
}

/* The three places that a check of consistency follows upwards. */
struct climb {
    uint64_t fn;
    uint64_t sn;
    uint64_t tn;
};

static void up(struct climb *c)
{
    c->fn >>= 1;
    c->sn >>= 1;
    c->tn >>= 1;
}

/* To the largest complete subtree that both trees share at the end of the range. */
static struct climb start_climb(struct wallet_merkle_range range, uint64_t size)
{
    struct climb c = {.fn = range.start, .sn = range.end - 1, .tn = size - 1};
    const bool at_edge = c.sn == c.tn;
    while (c.fn != c.sn && (at_edge || (c.sn & 1) != 0)) {
        up(&c);
    }
    return c;
}

static lw_err climb_step(struct climb *c, const uint8_t hash[WALLET_HASH_LEN],
                         uint8_t fr[WALLET_HASH_LEN], uint8_t sr[WALLET_HASH_LEN])
{
    if (c->tn == 0) {
        return does_not_hold();
    }
    if ((c->sn & 1) != 0 || c->sn == c->tn) {
        if (c->fn < c->sn) {
            LW_TRY(wallet_merkle_node(hash, fr, fr));
        }
        LW_TRY(wallet_merkle_node(hash, sr, sr));
        while ((c->sn & 1) == 0 && c->sn != 0) {
            up(c);
        }
    } else {
        LW_TRY(wallet_merkle_node(sr, hash, sr));
    }
    up(c);
    return LW_SUCCESS;
}

/* No leaves are part of any tree, and need no proof. */
static lw_err check_empty(uint64_t size, const struct wallet_merkle_path *path,
                          const uint8_t node[WALLET_HASH_LEN], const uint8_t root[WALLET_HASH_LEN])
{
    uint8_t empty[WALLET_HASH_LEN];
    LW_TRY(hsm_sha256((lw_bytes){0}, empty));
    const bool holds = path->count == 0 && same(node, empty) && (size > 0 || same(root, empty));
    return holds ? LW_SUCCESS : does_not_hold();
}

lw_err wallet_merkle_check_subtree(struct wallet_merkle_range range, uint64_t size,
                                   const struct wallet_merkle_path *path,
                                   const uint8_t node[WALLET_HASH_LEN],
                                   const uint8_t root[WALLET_HASH_LEN])
{
    if (range.start == range.end && range.end <= size) {
        return check_empty(size, path, node, root);
    }
    if (!is_subtree(range, size) || path->count > WALLET_MERKLE_PATH_MAX) {
        return does_not_hold();
    }
    struct climb c = start_climb(range, size);
    uint8_t fr[WALLET_HASH_LEN];
    uint8_t sr[WALLET_HASH_LEN];
    size_t i = 0;
    memcpy(fr, node, sizeof(fr));
    if (c.fn != c.sn) {
        if (path->count == 0) {
            return does_not_hold();
        }
        memcpy(fr, path->hash[i++], sizeof(fr));
    }
    memcpy(sr, fr, sizeof(sr));
    for (; i < path->count; i++) {
        LW_TRY(climb_step(&c, path->hash[i], fr, sr));
    }
    return c.tn == 0 && same(fr, node) && same(sr, root) ? LW_SUCCESS : does_not_hold();
}

lw_err wallet_merkle_check_consistency(uint64_t size1, uint64_t size2,
                                       const struct wallet_merkle_path *path,
                                       const uint8_t root1[WALLET_HASH_LEN],
                                       const uint8_t root2[WALLET_HASH_LEN])
{
    if (size1 == 0 && size2 > 0) {
        return does_not_hold(); /* RFC 9162 has no such proof */
    }
    const struct wallet_merkle_range range = {.start = 0, .end = size1};
    return wallet_merkle_check_subtree(range, size2, path, root1, root2);
}
