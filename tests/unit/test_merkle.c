#include "wallet/merkle.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"

enum { LEAVES = 70 };

static uint8_t leaves[LEAVES][WALLET_HASH_LEN];

/* The definition itself, RFC 9162 section 2.1.1, against which the product's way is held. */
static void mth(uint64_t start, uint64_t end, uint8_t root[WALLET_HASH_LEN])
{
    if (end - start == 1) {
        memcpy(root, leaves[start], WALLET_HASH_LEN);
        return;
    }
    uint64_t k = 1;
    while (2 * k < end - start) {
        k *= 2;
    }
    uint8_t left[WALLET_HASH_LEN];
    uint8_t right[WALLET_HASH_LEN];
    mth(start, start + k, left);
    mth(start + k, end, right);
    assert_int_equal(wallet_merkle_node(left, right, root).code, LW_OK);
}

static lw_err node(void *ctx, unsigned level, uint64_t index, uint8_t hash[WALLET_HASH_LEN])
{
    const uint64_t limit = *(const uint64_t *)ctx;
    const uint64_t end = (index + 1) << level;
    assert_true(end <= limit); /* only complete subtrees are asked for */
    mth(index << level, end, hash);
    return LW_SUCCESS;
}

/* The inputs and roots of certificate-transparency's reference tests (merkletree/testing). */
static const char *const inputs[] = {
    "",
    "00",
    "10",
    "2021",
    "3031",
    "40414243",
    "5051525354555657",
    "606162636465666768696a6b6c6d6e6f",
};
static const char *const roots[] = {
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
};

static void fill_leaves(void)
{
    for (size_t i = 0; i < LEAVES; i++) {
        const uint8_t entry[2] = {(uint8_t)i, 7};
        const lw_bytes part = LW_BYTES(entry);
        assert_int_equal(wallet_merkle_leaf(&part, 1, leaves[i]).code, LW_OK);
    }
}

static void the_reference_trees_have_their_roots(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(inputs) / sizeof(inputs[0]); i++) {
        LW_AUTO_BUF in = LW_BUF(32);
        support_hex(inputs[i], &in);
        const lw_bytes part = lw_buf_view(&in);
        assert_int_equal(wallet_merkle_leaf(&part, 1, leaves[i]).code, LW_OK);
    }
    for (uint64_t size = 0; size < sizeof(roots) / sizeof(roots[0]); size++) {
        const struct wallet_merkle_source source = {.node = node, .ctx = &size};
        LW_AUTO_BUF expected = LW_BUF(32);
        uint8_t root[WALLET_HASH_LEN];
        support_hex(roots[size], &expected);
        assert_int_equal(wallet_merkle_root(&source, size, root).code, LW_OK);
        assert_memory_equal(root, expected.ptr, sizeof(root));
    }
}

/* RFC 9162 section 2.1.5 lists the proofs of the tree of seven leaves. */
static void the_proofs_of_the_rfcs_example_tree_are_those_it_lists(void **state)
{
    (void)state;
    fill_leaves();
    uint64_t size = 7;
    const struct wallet_merkle_source source = {.node = node, .ctx = &size};
    struct wallet_merkle_path path;
    uint8_t h[WALLET_HASH_LEN];
    assert_int_equal(wallet_merkle_inclusion(&source, 0, 7, &path).code, LW_OK);
    assert_int_equal(path.count, 3); /* [b, h, l] */
    assert_memory_equal(path.hash[0], leaves[1], sizeof(h));
    mth(2, 4, h);
    assert_memory_equal(path.hash[1], h, sizeof(h));
    mth(4, 7, h);
    assert_memory_equal(path.hash[2], h, sizeof(h));
    assert_int_equal(wallet_merkle_inclusion(&source, 6, 7, &path).code, LW_OK);
    assert_int_equal(path.count, 2); /* [i, k] */
    mth(4, 6, h);
    assert_memory_equal(path.hash[0], h, sizeof(h));
    mth(0, 4, h);
    assert_memory_equal(path.hash[1], h, sizeof(h));
    assert_int_equal(wallet_merkle_consistency(&source, 3, 7, &path).code, LW_OK);
    assert_int_equal(path.count, 4); /* [c, d, g, l] */
    assert_memory_equal(path.hash[0], leaves[2], sizeof(h));
    assert_memory_equal(path.hash[1], leaves[3], sizeof(h));
    mth(0, 2, h);
    assert_memory_equal(path.hash[2], h, sizeof(h));
    assert_int_equal(wallet_merkle_consistency(&source, 4, 7, &path).code, LW_OK);
    assert_int_equal(path.count, 1); /* [l] */
    assert_int_equal(wallet_merkle_consistency(&source, 6, 7, &path).code, LW_OK);
    assert_int_equal(path.count, 3); /* [i, j, k] */
    assert_memory_equal(path.hash[1], leaves[6], sizeof(h));
}

static void every_leaf_of_every_tree_proves_itself_and_no_other(void **state)
{
    (void)state;
    fill_leaves();
    for (uint64_t size = 1; size <= LEAVES; size++) {
        const struct wallet_merkle_source source = {.node = node, .ctx = &size};
        uint8_t root[WALLET_HASH_LEN];
        uint8_t by_definition[WALLET_HASH_LEN];
        assert_int_equal(wallet_merkle_root(&source, size, root).code, LW_OK);
        mth(0, size, by_definition);
        assert_memory_equal(root, by_definition, sizeof(root));
        for (uint64_t i = 0; i < size; i++) {
            struct wallet_merkle_path path;
            assert_int_equal(wallet_merkle_inclusion(&source, i, size, &path).code, LW_OK);
            for (uint64_t j = 0; j <= size; j++) {
                const lw_err err = wallet_merkle_check_inclusion(leaves[i], j, size, &path, root);
                assert_int_equal(err.code, i == j ? LW_OK : LW_E_SIGNATURE);
            }
        }
    }
}

static void every_tree_is_the_beginning_of_every_larger_one(void **state)
{
    (void)state;
    fill_leaves();
    for (uint64_t size2 = 1; size2 <= LEAVES; size2++) {
        const struct wallet_merkle_source source = {.node = node, .ctx = &size2};
        uint8_t root2[WALLET_HASH_LEN];
        mth(0, size2, root2);
        for (uint64_t size1 = 1; size1 <= size2; size1++) {
            struct wallet_merkle_path path;
            uint8_t root1[WALLET_HASH_LEN];
            mth(0, size1, root1);
            assert_int_equal(wallet_merkle_consistency(&source, size1, size2, &path).code, LW_OK);
            assert_int_equal(
                wallet_merkle_check_consistency(size1, size2, &path, root1, root2).code, LW_OK);
            root1[5] ^= 1;
            assert_int_equal(
                wallet_merkle_check_consistency(size1, size2, &path, root1, root2).code,
                LW_E_SIGNATURE);
        }
    }
}

/* Asks nothing of the source when the question is wrong. */
static lw_err never(void *ctx, unsigned level, uint64_t index, uint8_t hash[WALLET_HASH_LEN])
{
    (void)ctx;
    (void)level;
    (void)index;
    (void)hash;
    fail();
    return LW_SUCCESS;
}

static void what_is_not_in_the_tree_has_no_proof(void **state)
{
    (void)state;
    const struct wallet_merkle_source source = {.node = never, .ctx = NULL};
    const uint64_t too_large = ((uint64_t)1 << 62) + 1;
    struct wallet_merkle_path path;
    uint8_t root[WALLET_HASH_LEN];
    assert_int_equal(wallet_merkle_root(&source, too_large, root).code, LW_E_VALUE);
    assert_int_equal(wallet_merkle_inclusion(&source, 0, 0, &path).code, LW_E_VALUE);
    assert_int_equal(wallet_merkle_inclusion(&source, 5, 5, &path).code, LW_E_VALUE);
    assert_int_equal(wallet_merkle_inclusion(&source, 5, too_large, &path).code, LW_E_VALUE);
    assert_int_equal(wallet_merkle_consistency(&source, 0, 5, &path).code, LW_E_VALUE);
    assert_int_equal(wallet_merkle_consistency(&source, 6, 5, &path).code, LW_E_VALUE);
    assert_int_equal(wallet_merkle_consistency(&source, 1, too_large, &path).code, LW_E_VALUE);
}

static lw_err flat(void *ctx, unsigned level, uint64_t index, uint8_t hash[WALLET_HASH_LEN])
{
    (void)ctx;
    memset(hash, (int)(level ^ (unsigned)index), WALLET_HASH_LEN);
    return LW_SUCCESS;
}

static void the_largest_trees_have_paths_that_fit(void **state)
{
    (void)state;
    const struct wallet_merkle_source source = {.node = flat, .ctx = NULL};
    const uint64_t most = (uint64_t)1 << 62;
    struct wallet_merkle_path path;
    uint8_t root[WALLET_HASH_LEN];
    assert_int_equal(wallet_merkle_root(&source, most - 1, root).code, LW_OK);
    assert_int_equal(wallet_merkle_inclusion(&source, most - 1, most, &path).code, LW_OK);
    assert_int_equal(path.count, 62);
    assert_int_equal(wallet_merkle_consistency(&source, most - 1, most, &path).code, LW_OK);
    assert_true(path.count <= WALLET_MERKLE_PATH_MAX);
}

/* The empty tree is said to be the beginning of none, but of itself. */
static void the_empty_tree_is_consistent_with_itself_alone(void **state)
{
    (void)state;
    const struct wallet_merkle_source source = {.node = never, .ctx = NULL};
    struct wallet_merkle_path path = {.count = 0};
    uint8_t empty[WALLET_HASH_LEN];
    uint8_t other[WALLET_HASH_LEN] = {0};
    assert_int_equal(wallet_merkle_root(&source, 0, empty).code, LW_OK);
    assert_int_equal(wallet_merkle_check_consistency(0, 0, &path, empty, empty).code, LW_OK);
    assert_int_equal(wallet_merkle_check_consistency(0, 0, &path, empty, other).code,
                     LW_E_SIGNATURE);
    assert_int_equal(wallet_merkle_check_consistency(0, 0, &path, other, other).code,
                     LW_E_SIGNATURE);
    assert_int_equal(wallet_merkle_check_consistency(0, 1, &path, empty, other).code,
                     LW_E_SIGNATURE);
    path.count = 1;
    assert_int_equal(wallet_merkle_check_consistency(0, 0, &path, empty, empty).code,
                     LW_E_SIGNATURE);
}

/* Each of these would hold if one comparison were left out, by hashes made to fit. */
static void proofs_that_fit_another_tree_are_refused(void **state)
{
    (void)state;
    fill_leaves();
    struct wallet_merkle_path path = {.count = 1};
    uint8_t root[WALLET_HASH_LEN];
    mth(0, 2, root);
    memcpy(path.hash[0], leaves[0], WALLET_HASH_LEN);
    assert_int_equal(wallet_merkle_check_inclusion(leaves[1], 1, 2, &path, root).code, LW_OK);
    assert_int_equal(wallet_merkle_check_inclusion(leaves[1], 0, 1, &path, root).code,
                     LW_E_SIGNATURE);
    assert_int_equal(wallet_merkle_check_consistency(1, 1, &path, leaves[1], root).code,
                     LW_E_SIGNATURE);
    path.count = 0;
    assert_int_equal(wallet_merkle_check_consistency(2, 1, &path, root, root).code, LW_E_SIGNATURE);
}

static void a_range_that_is_no_subtree_has_no_proof(void **state)
{
    (void)state;
    fill_leaves();
    struct wallet_merkle_path path = {.count = 4};
    uint8_t node_[WALLET_HASH_LEN];
    uint8_t root[WALLET_HASH_LEN];
    for (size_t i = 0; i < path.count; i++) {
        memcpy(path.hash[i], leaves[i], WALLET_HASH_LEN);
    }
    /* What the climb from [1, 3) in a tree of 8 would compute. */
    assert_int_equal(wallet_merkle_node(leaves[2], leaves[0], node_).code, LW_OK);
    assert_int_equal(wallet_merkle_node(leaves[0], leaves[1], root).code, LW_OK);
    assert_int_equal(wallet_merkle_node(leaves[2], root, root).code, LW_OK);
    assert_int_equal(wallet_merkle_node(root, leaves[3], root).code, LW_OK);
    const struct wallet_merkle_range range = {.start = 1, .end = 3};
    assert_int_equal(wallet_merkle_check_subtree(range, 8, &path, node_, root).code,
                     LW_E_SIGNATURE);
    const struct wallet_merkle_range backwards = {.start = 3, .end = 1};
    assert_int_equal(wallet_merkle_check_subtree(backwards, 8, &path, node_, root).code,
                     LW_E_SIGNATURE);
}

static void a_longer_path_than_fits_is_refused(void **state)
{
    (void)state;
    struct wallet_merkle_path path = {.count = WALLET_MERKLE_PATH_MAX + 1};
    const uint8_t zero[WALLET_HASH_LEN] = {0};
    assert_int_equal(wallet_merkle_check_inclusion(zero, 0, 1, &path, zero).code, LW_E_SIGNATURE);
    assert_int_equal(wallet_merkle_check_consistency(1, 1, &path, zero, zero).code, LW_E_SIGNATURE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_reference_trees_have_their_roots),
        cmocka_unit_test(the_proofs_of_the_rfcs_example_tree_are_those_it_lists),
        cmocka_unit_test(every_leaf_of_every_tree_proves_itself_and_no_other),
        cmocka_unit_test(every_tree_is_the_beginning_of_every_larger_one),
        cmocka_unit_test(what_is_not_in_the_tree_has_no_proof),
        cmocka_unit_test(the_largest_trees_have_paths_that_fit),
        cmocka_unit_test(the_empty_tree_is_consistent_with_itself_alone),
        cmocka_unit_test(proofs_that_fit_another_tree_are_refused),
        cmocka_unit_test(a_range_that_is_no_subtree_has_no_proof),
        cmocka_unit_test(a_longer_path_than_fits_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
