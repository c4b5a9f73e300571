/* The yardstick is OpenSSL's own check on EC_KEY, which is deprecated, not removed. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "p256_cases.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <stdlib.h>

enum { BASE_CASES = 8, EDGES = 10 };

/* A signature that holds, from which others are bent. */
struct base {
    BIGNUM *r;
    BIGNUM *s;
    BIGNUM *e;
    BIGNUM *d; /* the secret; 0 when nobody knows it */
};

struct p256_maker {
    uint64_t state;
    EC_GROUP *group;
    EC_KEY *asked; /* of the yardstick */
    EC_POINT *q;
    EC_POINT *point; /* scratch */
    BN_CTX *ctx;
    const BIGNUM *n;
    BIGNUM *p;
    BIGNUM *a; /* scratch, and below */
    BIGNUM *b;
    BIGNUM *k;
    BIGNUM *edges[EDGES];
    struct base base;
    unsigned used; /* cases made of the base */
    bool stale;    /* the base does not hold */
    enum p256_key_kind kind;
};

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

/* splitmix64: chance that a seed repeats. */
static uint64_t chance(struct p256_maker *m)
{
    m->state += 0x9e3779b97f4a7c15U;
    uint64_t x = m->state;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9U;
    x = (x ^ x >> 27) * 0x94d049bb133111ebU;
    return x ^ x >> 31;
}

static void chance_bytes(struct p256_maker *m, uint8_t bytes[P256_LEN])
{
    for (size_t i = 0; i < P256_LEN; i++) {
        bytes[i] = (uint8_t)chance(m);
    }
}

static void put(const BIGNUM *number, uint8_t bytes[P256_LEN])
{
    must(BN_bn2binpad(number, bytes, P256_LEN) == P256_LEN);
}

/* A number in [1, n-1]. */
static void chance_scalar(struct p256_maker *m, BIGNUM *out)
{
    uint8_t bytes[P256_LEN];
    do {
        chance_bytes(m, bytes);
        must(BN_bin2bn(bytes, P256_LEN, out) != NULL);
    } while (BN_is_zero(out) || BN_cmp(out, m->n) >= 0);
}

/* 0, 1, 2, n-1, n, n+1, p-1, p, 2^256-1, (n-1)/2. */
static void make_edges(struct p256_maker *m)
{
    for (size_t i = 0; i < EDGES; i++) {
        m->edges[i] = BN_new();
        must(m->edges[i] != NULL && BN_set_word(m->edges[i], i) == 1);
    }
    must(BN_sub(m->edges[3], m->n, BN_value_one()) == 1 && BN_copy(m->edges[4], m->n) != NULL &&
         BN_add(m->edges[5], m->n, BN_value_one()) == 1 &&
         BN_sub(m->edges[6], m->p, BN_value_one()) == 1 && BN_copy(m->edges[7], m->p) != NULL);
    BN_zero(m->edges[8]);
    must(BN_set_bit(m->edges[8], 256) == 1 && BN_sub_word(m->edges[8], 1) == 1 &&
         BN_rshift1(m->edges[9], m->edges[3]) == 1);
}

struct p256_maker *p256_maker_new(uint64_t seed)
{
    struct p256_maker *m = calloc(1, sizeof(*m));
    must(m != NULL);
    m->state = seed;
    m->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    m->asked = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    must(m->group != NULL && m->asked != NULL);
    m->q = EC_POINT_new(m->group);
    m->point = EC_POINT_new(m->group);
    m->ctx = BN_CTX_new();
    m->n = EC_GROUP_get0_order(m->group);
    BIGNUM **const numbers[] = {&m->p,      &m->a,      &m->b,      &m->k,
                                &m->base.r, &m->base.s, &m->base.e, &m->base.d};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        *numbers[i] = BN_new();
        must(*numbers[i] != NULL);
    }
    must(m->q != NULL && m->point != NULL && m->ctx != NULL &&
         EC_GROUP_get_curve(m->group, m->p, NULL, NULL, m->ctx) == 1);
    make_edges(m);
    p256_next_key(m, P256_KEY_RANDOM);
    return m;
}

void p256_maker_free(struct p256_maker *m)
{
    BIGNUM *const numbers[] = {m->p, m->a, m->b, m->k, m->base.r, m->base.s, m->base.e, m->base.d};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        BN_free(numbers[i]);
    }
    for (size_t i = 0; i < EDGES; i++) {
        BN_free(m->edges[i]);
    }
    BN_CTX_free(m->ctx);
    EC_POINT_free(m->point);
    EC_POINT_free(m->q);
    EC_KEY_free(m->asked);
    EC_GROUP_free(m->group);
    free(m);
}

/* out = a / b modulo n. */
static void divide(struct p256_maker *m, BIGNUM *out, const BIGNUM *a, const BIGNUM *b)
{
    must(BN_mod_inverse(m->k, b, m->n, m->ctx) != NULL &&
         BN_mod_mul(out, a, m->k, m->n, m->ctx) == 1);
}

/* r is the x of m->point modulo n. */
static void take_r(struct p256_maker *m)
{
    must(EC_POINT_get_affine_coordinates(m->group, m->point, m->base.r, NULL, m->ctx) == 1 &&
         BN_nnmod(m->base.r, m->base.r, m->n, m->ctx) == 1);
}

/* From u1 in m->a, u2 in m->b and r: the s and the digest that give them. */
static void take_s_and_e(struct p256_maker *m)
{
    divide(m, m->base.s, m->base.r, m->b);
    must(BN_mod_mul(m->base.e, m->a, m->base.s, m->n, m->ctx) == 1);
}

/* Signs a digest, at times one at an edge: s = (e + r * d) / k. A false r is x + 2^256 - n. */
static void sign(struct p256_maker *m, bool false_r)
{
    const uint64_t dice = chance(m);
    chance_scalar(m, m->base.e);
    if (dice % 8 == 0) {
        must(BN_copy(m->base.e, m->edges[chance(m) % EDGES]) != NULL);
    }
    chance_scalar(m, m->a);
    must(EC_POINT_mul(m->group, m->point, m->a, NULL, NULL, m->ctx) == 1);
    take_r(m);
    if (false_r) {
        must(BN_sub(m->b, m->edges[8], m->n) == 1 && BN_add_word(m->b, 1) == 1 &&
             BN_mod_add(m->base.r, m->base.r, m->b, m->n, m->ctx) == 1);
    }
    must(BN_mod_mul(m->b, m->base.r, m->base.d, m->n, m->ctx) == 1 &&
         BN_mod_add(m->b, m->b, m->base.e, m->n, m->ctx) == 1);
    divide(m, m->base.s, m->b, m->a);
}

/* u1 * G = u2 * Q: adding them takes another formula. */
static void sign_doubling(struct p256_maker *m)
{
    chance_scalar(m, m->a);
    must(EC_POINT_mul(m->group, m->point, m->a, NULL, NULL, m->ctx) == 1 &&
         EC_POINT_dbl(m->group, m->point, m->point, m->ctx) == 1);
    take_r(m);
    divide(m, m->b, m->a, m->base.d);
    take_s_and_e(m);
}

/*
 * A point with an x in [n, p), and the key for which it is u1 * G + u2 * Q; or with a small x,
 * for which r is taken to be x + p - n.
 */
static void find_by_x(struct p256_maker *m, bool small)
{
    BN_zero(m->base.d);
    do {
        must(BN_copy(m->k, m->edges[small ? 0 : 4]) != NULL &&
             BN_add_word(m->k, chance(m) % 1000000 + 1) == 1);
    } while (EC_POINT_set_compressed_coordinates(m->group, m->point, m->k, (int)(chance(m) % 2),
                                                 m->ctx) != 1);
    ERR_clear_error();
    take_r(m);
    if (small) {
        must(BN_add(m->base.r, m->base.r, m->p) == 1 && BN_sub(m->base.r, m->base.r, m->n) == 1);
    }
    chance_scalar(m, m->a);
    chance_scalar(m, m->b);
    must(EC_POINT_mul(m->group, m->q, m->a, NULL, NULL, m->ctx) == 1 &&
         EC_POINT_invert(m->group, m->q, m->ctx) == 1 &&
         EC_POINT_add(m->group, m->point, m->point, m->q, m->ctx) == 1 &&
         BN_mod_inverse(m->k, m->b, m->n, m->ctx) != NULL &&
         EC_POINT_mul(m->group, m->q, NULL, m->point, m->k, m->ctx) == 1);
    take_s_and_e(m);
}

void p256_next_key(struct p256_maker *m, enum p256_key_kind kind)
{
    m->kind = kind;
    m->used = 0;
    m->stale = false;
    if (kind == P256_KEY_LARGE_X || kind == P256_KEY_FALSE_X) {
        find_by_x(m, kind == P256_KEY_FALSE_X);
        return;
    }
    chance_scalar(m, m->base.d);
    if (kind == P256_KEY_SMALL) {
        must(BN_set_word(m->base.d, chance(m) % 4 + 1) == 1);
        if (chance(m) % 2 == 0) {
            must(BN_sub(m->base.d, m->n, m->base.d) == 1);
        }
    }
    must(EC_POINT_mul(m->group, m->q, m->base.d, NULL, NULL, m->ctx) == 1);
    sign(m, false);
}

void p256_point(const struct p256_maker *m, uint8_t point[P256_POINT_LEN])
{
    must(EC_POINT_point2oct(m->group, m->q, POINT_CONVERSION_UNCOMPRESSED, point, P256_POINT_LEN,
                            m->ctx) == P256_POINT_LEN);
}

void p256_bend_point(struct p256_maker *m, uint8_t point[P256_POINT_LEN])
{
    if (chance(m) % 2 == 0) { /* the opposite: on the curve */
        uint8_t *y = point + 1 + P256_LEN;
        must(BN_bin2bn(y, P256_LEN, m->a) != NULL && BN_sub(m->a, m->p, m->a) == 1);
        put(m->a, y);
        return;
    }
    const uint64_t dice = chance(m);
    point[1 + dice % (P256_POINT_LEN - 1)] ^= (uint8_t)(1U << (dice >> 8) % 8);
}

static void flip(struct p256_maker *m, uint8_t bytes[P256_LEN])
{
    const uint64_t dice = chance(m);
    bytes[dice % P256_LEN] ^= (uint8_t)(1U << (dice >> 8) % 8);
}

static const BIGNUM *chance_edge(struct p256_maker *m)
{
    return m->edges[chance(m) % EDGES];
}

static void bend(struct p256_maker *m, struct p256_case *c)
{
    uint8_t *r = c->sig;
    uint8_t *s = c->sig + P256_LEN;
    switch (c->kind) {
    case P256_VALID:
    case P256_VALID_DOUBLING:
    case P256_FALSE_R:
        break;
    case P256_VALID_OPPOSITE:
        must(BN_sub(m->a, m->n, m->base.s) == 1);
        put(m->a, s);
        break;
    case P256_INFINITY: /* e = -r * d */
        must(BN_mod_mul(m->a, m->base.r, m->base.d, m->n, m->ctx) == 1 &&
             BN_sub(m->a, m->n, m->a) == 1);
        put(m->a, c->digest);
        break;
    case P256_FLIP_R:
        flip(m, r);
        break;
    case P256_FLIP_S:
        flip(m, s);
        break;
    case P256_FLIP_DIGEST:
        flip(m, c->digest);
        break;
    case P256_EDGE_ALL:
        put(chance_edge(m), c->digest);
        put(chance_edge(m), s);
        put(chance_edge(m), r);
        break;
    case P256_EDGE_R:
        put(chance_edge(m), r);
        break;
    case P256_EDGE_S:
        put(chance_edge(m), s);
        break;
    case P256_R_PLUS_N:
        must(BN_add(m->a, m->base.r, m->n) == 1);
        (void)BN_mask_bits(m->a, 256); /* fails when there is nothing to cut */
        put(m->a, r);
        break;
    case P256_SWAPPED:
        put(m->base.s, r);
        put(m->base.r, s);
        break;
    case P256_RANDOM:
        chance_bytes(m, r);
        chance_bytes(m, s);
        break;
    case P256_CASE_KINDS:
        abort();
    }
}

static bool needs_secret(enum p256_case_kind kind)
{
    return kind == P256_VALID_DOUBLING || kind == P256_INFINITY || kind == P256_FALSE_R;
}

void p256_next_case(struct p256_maker *m, struct p256_case *c)
{
    const bool known = !BN_is_zero(m->base.d);
    do {
        c->kind = (enum p256_case_kind)(chance(m) % P256_CASE_KINDS);
    } while (!known && needs_secret(c->kind));
    if (known && c->kind == P256_VALID_DOUBLING) {
        sign_doubling(m);
    } else if (c->kind == P256_FALSE_R) {
        sign(m, true);
    } else if (known && (m->stale || ++m->used % BASE_CASES == 0)) {
        sign(m, false);
    }
    m->stale = c->kind == P256_FALSE_R; /* the next needs one that holds */
    c->valid = c->kind <= P256_VALID_DOUBLING && m->kind != P256_KEY_FALSE_X;
    put(m->base.e, c->digest);
    put(m->base.r, c->sig);
    put(m->base.s, c->sig + P256_LEN);
    bend(m, c);
}

lw_code p256_openssl_says(struct p256_maker *m, const uint8_t point[P256_POINT_LEN],
                          const uint8_t *digest, const uint8_t *sig)
{
    if (EC_KEY_oct2key(m->asked, point, P256_POINT_LEN, m->ctx) != 1) {
        ERR_clear_error();
        return LW_E_VALUE;
    }
    ECDSA_SIG *pair = ECDSA_SIG_new();
    must(pair != NULL && ECDSA_SIG_set0(pair, BN_bin2bn(sig, P256_LEN, NULL),
                                        BN_bin2bn(sig + P256_LEN, P256_LEN, NULL)) == 1);
    const int held = ECDSA_do_verify(digest, P256_LEN, pair, m->asked);
    ECDSA_SIG_free(pair);
    ERR_clear_error();
    return held == 1 ? LW_OK : LW_E_SIGNATURE;
}

void p256_compressed(struct p256_maker *m, uint8_t in[1 + P256_LEN])
{
    in[0] = (uint8_t)(2 + chance(m) % 2);
    chance_bytes(m, in + 1);
    if (chance(m) % 4 == 0) {
        put(chance_edge(m), in + 1);
        in[P256_LEN] ^= (uint8_t)(chance(m) % 16);
    }
}

lw_code p256_openssl_reads(struct p256_maker *m, const uint8_t in[1 + P256_LEN],
                           uint8_t point[P256_POINT_LEN])
{
    const bool read = EC_POINT_oct2point(m->group, m->point, in, 1 + P256_LEN, m->ctx) == 1;
    ERR_clear_error();
    if (read) {
        must(EC_POINT_point2oct(m->group, m->point, POINT_CONVERSION_UNCOMPRESSED, point,
                                P256_POINT_LEN, m->ctx) == P256_POINT_LEN);
    }
    return read ? LW_OK : LW_E_VALUE;
}
