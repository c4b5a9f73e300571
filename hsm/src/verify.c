#include "hsm/verify.h"

#include <openssl/bn.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>

#include "auto.h"
#include "context.h"
#include "rsa.h"

enum { FORM_WHOLE = 4 };

static lw_err row_of(enum hsm_alg alg, const struct hsm_algorithm **row)
{
    *row = hsm_algorithm(alg);
    return *row == NULL ? LW_FAIL(LW_E_UNSUPPORTED, "public key: no such algorithm", LW_NOWHERE)
                        : LW_SUCCESS;
}

/* A row of an algorithm on a curve. */
static lw_err curve_of(enum hsm_alg alg, const struct hsm_algorithm **row)
{
    LW_TRY(row_of(alg, row));
    return (*row)->curve == NULL
               ? LW_FAIL(LW_E_UNSUPPORTED, "public key: not of an elliptic curve", LW_NOWHERE)
               : LW_SUCCESS;
}

lw_err hsm_public_key_from_point(struct hsm_public_key *key, enum hsm_alg alg, lw_bytes point)
{
    const struct hsm_algorithm *row = NULL;
    struct hsm_context *ctx = NULL;
    struct hsm_public_key made = {.alg = alg};
    LW_TRY(curve_of(alg, &row));
    LW_TRY(hsm_context(&ctx));
    LW_TRY(hsm_ec_point(ctx->ec[alg], point, made.point));
    made.point_len = (uint16_t)(1 + 2 * row->coordinate_len);
    *key = made;
    return LW_SUCCESS;
}

lw_err hsm_public_key_from_xy(struct hsm_public_key *key, enum hsm_alg alg, lw_bytes x, lw_bytes y)
{
    const struct hsm_algorithm *row = NULL;
    uint8_t point[HSM_POINT_MAX] = {FORM_WHOLE};
    LW_TRY(curve_of(alg, &row));
    const size_t n = row->coordinate_len;
    if (x.len != n || y.len != n) {
        return LW_FAIL(LW_E_VALUE, "public key: coordinate of another length", LW_NOWHERE);
    }
    memcpy(point + 1, x.ptr, n);
    memcpy(point + 1 + n, y.ptr, n);
    return hsm_public_key_from_point(key, alg, (lw_bytes){.ptr = point, .len = 1 + 2 * n});
}

lw_err hsm_public_key_from_bytes(struct hsm_public_key *key, enum hsm_alg alg, lw_bytes bytes)
{
    return alg == HSM_RS256 ? hsm_public_key_from_rsa(key, bytes, LW_BYTES(hsm_rsa_exponent))
                            : hsm_public_key_from_point(key, alg, bytes);
}

size_t hsm_sig_len(const struct hsm_public_key *key)
{
    const struct hsm_algorithm *row = hsm_algorithm(key->alg);
    if (row == NULL) {
        return 0;
    }
    return row->curve == NULL ? key->point_len : 2 * (size_t)row->coordinate_len;
}

lw_bytes hsm_public_key_x(const struct hsm_public_key *key)
{
    return (lw_bytes){.ptr = key->point + 1, .len = key->point_len / 2};
}

lw_bytes hsm_public_key_y(const struct hsm_public_key *key)
{
    const size_t n = key->point_len / 2;
    return (lw_bytes){.ptr = key->point + 1 + n, .len = n};
}

bool hsm_public_key_eq(const struct hsm_public_key *a, const struct hsm_public_key *b)
{
    return a->alg == b->alg && lw_bytes_eq((lw_bytes){.ptr = a->point, .len = a->point_len},
                                           (lw_bytes){.ptr = b->point, .len = b->point_len});
}

lw_err hsm_verify_digest(const struct hsm_public_key *key, lw_bytes digest, lw_bytes sig)
{
    const struct hsm_algorithm *row = NULL;
    struct hsm_context *ctx = NULL;
    LW_TRY(row_of(key->alg, &row));
    if (digest.len != row->hash_len) {
        return LW_FAIL(LW_E_MISUSE, "signature: digest of another hash", LW_NOWHERE);
    }
    if (sig.len != hsm_sig_len(key)) {
        return LW_FAIL(LW_E_SIGNATURE, "signature: wrong length", LW_NOWHERE);
    }
    if (row->curve == NULL) {
        return hsm_rsa_verify(key, digest, sig);
    }
    LW_TRY(hsm_context(&ctx));
    const lw_bytes point = {.ptr = key->point, .len = key->point_len};
    return hsm_ec_verify(ctx->ec[key->alg], point, digest, sig);
}

lw_err hsm_verify_hash(const struct hsm_public_key *key, const lw_bytes *parts, size_t count,
                       uint8_t *room, lw_bytes *digest)
{
    const struct hsm_algorithm *row = NULL;
    LW_TRY(row_of(key->alg, &row));
    LW_TRY(hsm_hash_parts(row->hash, parts, count, room));
    *digest = (lw_bytes){.ptr = room, .len = row->hash_len};
    return LW_SUCCESS;
}

lw_err hsm_verify_parts(const struct hsm_public_key *key, const lw_bytes *parts, size_t count,
                        lw_bytes sig)
{
    uint8_t room[HSM_DIGEST_MAX];
    lw_bytes digest;
    LW_TRY(hsm_verify_hash(key, parts, count, room, &digest));
    return hsm_verify_digest(key, digest, sig);
}

lw_err hsm_verify(const struct hsm_public_key *key, lw_bytes message, lw_bytes sig)
{
    return hsm_verify_parts(key, &message, 1, sig);
}

HSM_AUTO_FREE(sig, ECDSA_SIG, ECDSA_SIG_free)

/* Whether `sig` encodes to exactly `der`: OpenSSL's reader is not asked to be strict. */
static bool is_only_encoding(const ECDSA_SIG *sig, lw_bytes der)
{
    HSM_AUTO(octets) uint8_t *again = NULL;
    const int len = i2d_ECDSA_SIG(sig, &again);
    return len > 0 && lw_bytes_eq((lw_bytes){.ptr = again, .len = (size_t)len}, der);
}

static lw_err not_der(void)
{
    ERR_clear_error();
    return LW_FAIL(LW_E_SYNTAX, "signature: not a strict DER pair for this curve", LW_NOWHERE);
}

lw_err hsm_sig_from_der(enum hsm_alg alg, lw_bytes der, uint8_t sig[HSM_PAIR_MAX], size_t *sig_len)
{
    const struct hsm_algorithm *row = NULL;
    LW_TRY(curve_of(alg, &row));
    const uint8_t *at = der.ptr;
    HSM_AUTO(sig) ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, (long)der.len);
    if (pair == NULL || !is_only_encoding(pair, der)) {
        return not_der();
    }
    const BIGNUM *r = ECDSA_SIG_get0_r(pair);
    const BIGNUM *s = ECDSA_SIG_get0_s(pair);
    const int n = row->coordinate_len;
    if (BN_is_negative(r) || BN_is_negative(s) || BN_bn2binpad(r, sig, n) != n ||
        BN_bn2binpad(s, sig + n, n) != n) {
        return not_der();
    }
    *sig_len = 2 * (size_t)n;
    return LW_SUCCESS;
}

/* Moves both numbers into `pair`, which then owns them. */
static bool fill_pair(ECDSA_SIG *pair, lw_bytes sig)
{
    const int n = (int)(sig.len / 2);
    BIGNUM *r = BN_bin2bn(sig.ptr, n, NULL);
    BIGNUM *s = BN_bin2bn(sig.ptr + n, n, NULL);
    if (pair == NULL || ECDSA_SIG_set0(pair, r, s) != 1) {
        BN_free(r);
        BN_free(s);
        return false;
    }
    return true;
}

lw_err hsm_sig_to_der(lw_bytes sig, lw_buf *der)
{
    if (sig.len == 0 || sig.len % 2 != 0 || sig.len > HSM_PAIR_MAX) {
        return LW_FAIL(LW_E_MISUSE, "signature: not a pair", LW_NOWHERE);
    }
    HSM_AUTO(sig) ECDSA_SIG *pair = ECDSA_SIG_new();
    HSM_AUTO(octets) uint8_t *octets = NULL;
    if (!fill_pair(pair, sig)) {
        return LW_FAIL(LW_E_NOMEM, "signature: out of memory", LW_NOWHERE);
    }
    const int len = i2d_ECDSA_SIG(pair, &octets);
    if (len <= 0) {
        return LW_FAIL(LW_E_CRYPTO, "signature: cannot be encoded", LW_NOWHERE);
    }
    return lw_buf_put(der, (lw_bytes){.ptr = octets, .len = (size_t)len});
}
