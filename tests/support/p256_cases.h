/*
 * P-256 signatures to compare checks with: valid ones, bent ones, and those at the edges that
 * chance never finds. All of it follows from a seed.
 */
#ifndef SUPPORT_P256_CASES_H
#define SUPPORT_P256_CASES_H

#include "lw/buf.h"

enum { P256_LEN = 32, P256_POINT_LEN = 65 };

/* Where a key comes from. */
enum p256_key_kind {
    P256_KEY_RANDOM,
    P256_KEY_SMALL,   /* a few times the generator, or as many times its opposite */
    P256_KEY_LARGE_X, /* found for a signature whose point has an x of n or more */
    P256_KEY_FALSE_X, /* found for one whose r + n is x modulo p, but not x: it does not hold */
    P256_KEY_KINDS,
};

enum p256_case_kind {
    P256_VALID,
    P256_VALID_OPPOSITE, /* n - s in place of s: holds as well */
    P256_VALID_DOUBLING, /* both products are the same point; with a known secret only */
    P256_INFINITY,       /* the products are opposites; with a known secret only */
    P256_FALSE_R,        /* signed so that r + n is x modulo 2^256, not x; the same */
    P256_FLIP_R,
    P256_FLIP_S,
    P256_FLIP_DIGEST,
    P256_EDGE_R,
    P256_EDGE_S,
    P256_EDGE_ALL,
    P256_R_PLUS_N, /* the same number modulo n, but out of range, or cut to 32 bytes */
    P256_SWAPPED,
    P256_RANDOM,
    P256_CASE_KINDS,
};

struct p256_case {
    enum p256_case_kind kind;
    bool valid; /* known to hold; if not, it may by accident */
    uint8_t digest[P256_LEN];
    uint8_t sig[2 * P256_LEN];
};

struct p256_maker;

/** Make a maker and its first key; aborts when OpenSSL cannot. */
struct p256_maker *p256_maker_new(uint64_t seed);
void p256_maker_free(struct p256_maker *maker);

/** Go on to another key. */
void p256_next_key(struct p256_maker *maker, enum p256_key_kind kind);

/** Write the key, 04 || x || y. */
void p256_point(const struct p256_maker *maker, uint8_t point[P256_POINT_LEN]);

/** Change a byte or more of a key: mostly it leaves the curve; else it is another's. */
void p256_bend_point(struct p256_maker *maker, uint8_t point[P256_POINT_LEN]);

void p256_next_case(struct p256_maker *maker, struct p256_case *made);

/** Ask OpenSSL's own check, ECDSA_do_verify(). returns LW_OK, LW_E_VALUE for a key off the curve,
 * LW_E_SIGNATURE */
lw_code p256_openssl_says(struct p256_maker *maker, const uint8_t point[P256_POINT_LEN],
                          const uint8_t *digest, const uint8_t *sig);

/** A compressed point, 33 bytes, chosen at random, at times with an x at an edge; one of two is on
 * the curve. */
void p256_compressed(struct p256_maker *maker, uint8_t in[1 + P256_LEN]);

/** Let OpenSSL read it. returns LW_OK with 04 || x || y, or LW_E_VALUE */
lw_code p256_openssl_reads(struct p256_maker *maker, const uint8_t in[1 + P256_LEN],
                           uint8_t point[P256_POINT_LEN]);

#endif
