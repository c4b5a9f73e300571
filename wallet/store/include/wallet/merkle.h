/* Merkle trees of RFC 9162 (SHA-256): hashes, roots, proofs and their checks. Pure. */
#ifndef WALLET_MERKLE_H
#define WALLET_MERKLE_H

#include "lw/buf.h"

enum { WALLET_HASH_LEN = 32, WALLET_MERKLE_PATH_MAX = 64 };

/* A proof. Sizes of trees are at most 2^62, so no path is longer than its room. */
struct wallet_merkle_path {
    uint8_t hash[WALLET_MERKLE_PATH_MAX][WALLET_HASH_LEN];
    size_t count;
};

/** Hash of an entry: SHA-256(00 || parts one after the other); at most 4 parts. errors  LW_E_CRYPTO
 */
LW_MUST_USE lw_err wallet_merkle_leaf(const lw_bytes *parts, size_t count,
                                      uint8_t hash[WALLET_HASH_LEN]);

/** Hash of an inner node: SHA-256(01 || left || right); `hash` may be one of them. errors
 * LW_E_CRYPTO */
LW_MUST_USE lw_err wallet_merkle_node(const uint8_t left[WALLET_HASH_LEN],
                                      const uint8_t right[WALLET_HASH_LEN],
                                      uint8_t hash[WALLET_HASH_LEN]);

/*
 * Where hashes come from: `node` gives the root of the complete subtree of 2^level leaves that
 * begins at leaf index << level. Level 0 is the leaves.
 */
struct wallet_merkle_source {
    lw_err (*node)(void *ctx, unsigned level, uint64_t index, uint8_t hash[WALLET_HASH_LEN]);
    void *ctx;
};

/** Root of the tree of the first `size` leaves. errors  LW_E_VALUE  size over 2^62; the source's */
LW_MUST_USE lw_err wallet_merkle_root(const struct wallet_merkle_source *source, uint64_t size,
                                      uint8_t root[WALLET_HASH_LEN]);

/**
 * Proof that leaf `index` is in the tree of `size` leaves.
 *
 * errors  LW_E_VALUE  index >= size or size over 2^62; the source's
 * source  RFC 9162 section 2.1.3.1
 */
LW_MUST_USE lw_err wallet_merkle_inclusion(const struct wallet_merkle_source *source,
                                           uint64_t index, uint64_t size,
                                           struct wallet_merkle_path *path);

/**
 * Proof that the tree of `size1` leaves is the beginning of that of `size2`.
 *
 * errors  LW_E_VALUE  size1 is 0 or over size2, or size2 over 2^62; the source's
 * source  RFC 9162 section 2.1.4.1
 */
LW_MUST_USE lw_err wallet_merkle_consistency(const struct wallet_merkle_source *source,
                                             uint64_t size1, uint64_t size2,
                                             struct wallet_merkle_path *path);

/**
 * Check a proof of inclusion.
 *
 * errors  LW_E_SIGNATURE  it does not hold; LW_E_CRYPTO
 * source  RFC 9162 section 2.1.3.2
 */
LW_MUST_USE lw_err wallet_merkle_check_inclusion(const uint8_t leaf[WALLET_HASH_LEN],
                                                 uint64_t index, uint64_t size,
                                                 const struct wallet_merkle_path *path,
                                                 const uint8_t root[WALLET_HASH_LEN]);

/**
 * Check a proof that the tree of `size1` leaves is the beginning of that of `size2`.
 *
 * errors  LW_E_SIGNATURE  it does not hold, or size1 is 0 and size2 is not; LW_E_CRYPTO
 * source  RFC 9162 section 2.1.4.2
 */
LW_MUST_USE lw_err wallet_merkle_check_consistency(uint64_t size1, uint64_t size2,
                                                   const struct wallet_merkle_path *path,
                                                   const uint8_t root1[WALLET_HASH_LEN],
                                                   const uint8_t root2[WALLET_HASH_LEN]);

/* The leaves [start, end) of a tree, `start` a multiple of the least power of two >= end - start.
 */
struct wallet_merkle_range {
    uint64_t start;
    uint64_t end;
};

/**
 * Check a proof that the subtree over `range` with root `node` is part of the tree of `size`
 * leaves with root `root`. An empty range is, with the empty tree's root and no proof.
 *
 * errors  LW_E_SIGNATURE  it does not hold, or no tree has such a subtree; LW_E_CRYPTO
 * source  draft-ietf-plants-merkle-tree-certs section 4.4.3
 */
LW_MUST_USE lw_err wallet_merkle_check_subtree(struct wallet_merkle_range range, uint64_t size,
                                               const struct wallet_merkle_path *path,
                                               const uint8_t node[WALLET_HASH_LEN],
                                               const uint8_t root[WALLET_HASH_LEN]);

#endif
