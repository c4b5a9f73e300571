/* EC_KEY and tables are deprecated, not removed: only this file uses them; and bench.c, its
 * yardstick. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "p256.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <stdlib.h>

#include "p256_scalar.h"

enum { FORM_EVEN = 2, FORM_ODD = 3, FORM_WHOLE = 4 };

struct hsm_ec {
    const struct hsm_algorithm *row;
    EC_KEY *key;     /* holds the public key of the check at hand */
    EC_POINT *point; /* scratch */
    EC_POINT *part;  /* scratch */
    ECDSA_SIG *sig;  /* owns r and s */
    BIGNUM *r;
    BIGNUM *s;
    BN_CTX *numbers;
};

static bool make(struct hsm_ec *ec)
{
    ec->key = EC_KEY_new_by_curve_name(ec->row->curve_nid);
    ec->point = ec->key == NULL ? NULL : EC_POINT_new(EC_KEY_get0_group(ec->key));
    ec->part = ec->key == NULL ? NULL : EC_POINT_new(EC_KEY_get0_group(ec->key));
    ec->numbers = BN_CTX_new();
    ec->sig = ECDSA_SIG_new();
    ec->r = BN_new();
    ec->s = BN_new();
    if (ec->sig == NULL || ECDSA_SIG_set0(ec->sig, ec->r, ec->s) != 1) {
        BN_free(ec->r);
        BN_free(ec->s);
        return false;
    }
    return ec->point != NULL && ec->part != NULL && ec->numbers != NULL;
}

struct hsm_ec *hsm_ec_new(const struct hsm_algorithm *row)
{
    struct hsm_ec *ec = calloc(1, sizeof(*ec));
    if (ec == NULL) {
        return NULL;
    }
    ec->row = row;
    if (!make(ec)) {
        hsm_ec_free(ec);
        return NULL;
    }
    return ec;
}

void hsm_ec_free(struct hsm_ec *ec)
{
    if (ec != NULL) {
        ECDSA_SIG_free(ec->sig);
        EC_POINT_free(ec->point);
        EC_POINT_free(ec->part);
        EC_KEY_free(ec->key);
        BN_CTX_free(ec->numbers);
        free(ec);
    }
}

/* Nothing is left in OpenSSL's queue, where other users of it would find it. */
static lw_err fail(lw_code code, const char *why)
{
    ERR_clear_error();
    return LW_FAIL(code, why, LW_NOWHERE);
}

/* OpenSSL's queue tells a point that is at fault from memory that ran out; then it may be empty. */
static lw_err bad_point(void)
{
    unsigned long code = ERR_get_error();
    bool memory = code == 0;
    for (; code != 0; code = ERR_get_error()) {
        memory = memory || ERR_GET_REASON(code) == ERR_R_MALLOC_FAILURE;
    }
    return memory ? LW_FAIL(LW_E_NOMEM, "public key: out of memory", LW_NOWHERE)
                  : LW_FAIL(LW_E_VALUE, "public key: not on the curve", LW_NOWHERE);
}

/*
 * Writes the y of the point just decompressed. Its Z is 1, so that y stands there as it is, and
 * the inversion that writing a point takes, a quarter of decompressing it, is not needed.
 */
static lw_err put_y(struct hsm_ec *ec, uint8_t *out)
{
    const int n = ec->row->coordinate_len;
    BIGNUM *y = ec->r;
    BIGNUM *z = ec->s;
    if (EC_POINT_get_Jprojective_coordinates_GFp(EC_KEY_get0_group(ec->key), ec->point, NULL, y, z,
                                                 ec->numbers) != 1 ||
        !BN_is_one(z) || BN_bn2binpad(y, out, n) != n) {
        return fail(LW_E_CRYPTO, "public key: cannot be written");
    }
    return LW_SUCCESS;
}

/* GMP takes the root in half the time; that the point lies on the curve, OpenSSL says. */
static lw_err take_compressed(struct hsm_ec *ec, lw_bytes in, uint8_t point[HSM_POINT_MAX])
{
    uint8_t whole[1 + 2 * HSM_SCALAR_LEN] = {FORM_WHOLE};
    memcpy(whole + 1, in.ptr + 1, HSM_SCALAR_LEN);
    hsm_p256_guess_y(in.ptr + 1, in.ptr[0] == FORM_ODD, whole + 1 + HSM_SCALAR_LEN);
    if (EC_POINT_oct2point(EC_KEY_get0_group(ec->key), ec->point, whole, sizeof(whole),
                           ec->numbers) != 1) {
        return bad_point();
    }
    memcpy(point, whole, sizeof(whole));
    return LW_SUCCESS;
}

lw_err hsm_ec_point(struct hsm_ec *ec, lw_bytes in, uint8_t point[HSM_POINT_MAX])
{
    const size_t n = ec->row->coordinate_len;
    const uint8_t form = in.len == 0 ? 0 : in.ptr[0];
    const bool whole = form == FORM_WHOLE && in.len == 1 + 2 * n;
    const bool compressed = (form == FORM_EVEN || form == FORM_ODD) && in.len == 1 + n;
    if (!whole && !compressed) {
        return fail(LW_E_VALUE, "public key: not a point of this curve's form");
    }
    const EC_GROUP *group = EC_KEY_get0_group(ec->key);
    if (compressed && ec->row->alg == HSM_ES256) {
        return take_compressed(ec, in, point);
    }
    if (EC_POINT_oct2point(group, ec->point, in.ptr, in.len, ec->numbers) != 1) {
        return bad_point();
    }
    memcpy(point, in.ptr, in.len);
    point[0] = FORM_WHOLE;
    return whole ? LW_SUCCESS : put_y(ec, point + 1 + n);
}

lw_err hsm_ec_public(struct hsm_ec *ec, lw_bytes d, uint8_t point[HSM_POINT_MAX])
{
    const size_t n = ec->row->coordinate_len;
    const EC_GROUP *group = EC_KEY_get0_group(ec->key);
    BIGNUM *secret = BN_secure_new();
    lw_err err = LW_SUCCESS;
    if (secret == NULL || BN_bin2bn(d.ptr, (int)d.len, secret) == NULL) {
        err = fail(LW_E_NOMEM, "secret key: out of memory");
    } else if (BN_is_zero(secret) || BN_cmp(secret, EC_GROUP_get0_order(group)) >= 0) {
        err = fail(LW_E_VALUE, "secret key: outside the curve's order");
    } else if (EC_POINT_mul(group, ec->point, secret, NULL, NULL, ec->numbers) != 1 ||
               EC_POINT_point2oct(group, ec->point, POINT_CONVERSION_UNCOMPRESSED, point,
                                  HSM_POINT_MAX, ec->numbers) != 1 + 2 * n) {
        err = fail(LW_E_CRYPTO, "secret key: no public point");
    }
    BN_clear_free(secret);
    return err;
}

/*
 * A forged signature can make the sum of the check the point at infinity, which OpenSSL reports
 * as a failure of its own.
 */
static lw_err judge_failure(void)
{
    unsigned long error = ERR_get_error();
    while (error != 0) {
        if (ERR_GET_REASON(error) == EC_R_POINT_AT_INFINITY) {
            return fail(LW_E_SIGNATURE, "signature: does not hold");
        }
        error = ERR_get_error();
    }
    return LW_FAIL(LW_E_CRYPTO, "signature: the check failed", LW_NOWHERE);
}

static lw_err refuse(void)
{
    return LW_FAIL(LW_E_SIGNATURE, "signature: does not hold", LW_NOWHERE);
}

static lw_err verify_by_openssl(struct hsm_ec *ec, lw_bytes point, lw_bytes digest, lw_bytes sig)
{
    const size_t n = ec->row->coordinate_len;
    if (EC_KEY_oct2key(ec->key, point.ptr, point.len, ec->numbers) != 1) {
        return fail(LW_E_VALUE, "public key: not on the curve");
    }
    if (BN_bin2bn(sig.ptr, (int)n, ec->r) == NULL ||
        BN_bin2bn(sig.ptr + n, (int)n, ec->s) == NULL) {
        return fail(LW_E_NOMEM, "signature: out of memory");
    }
    /* Refuses r and s outside [1, n-1] itself. */
    const int held = ECDSA_do_verify(digest.ptr, (int)digest.len, ec->sig, ec->key);
    if (held == 1) {
        return LW_SUCCESS;
    }
    return held == 0 ? refuse() : judge_failure();
}

/*
 * The check on P-256 (FIPS 186-5 section 6.4.2) is made here: the points by OpenSSL, the numbers
 * by p256_scalar.c. All of it is public, so its time may depend on it. Leaves u1 and u2 in ec->r
 * and ec->s.
 */
static lw_err read_scalars(struct hsm_ec *ec, lw_bytes digest, lw_bytes sig)
{
    struct hsm_p256_scalars u;
    if (!hsm_p256_scalars(digest.ptr, sig.ptr, &u)) {
        return refuse();
    }
    if (BN_bin2bn(u.u1, HSM_SCALAR_LEN, ec->r) == NULL ||
        BN_bin2bn(u.u2, HSM_SCALAR_LEN, ec->s) == NULL) {
        return fail(LW_E_NOMEM, "signature: out of memory");
    }
    return LW_SUCCESS;
}

/* The sum u1 * G + u2 * Q lies in ec->point: whether its x is r. */
static lw_err judge_sum(struct hsm_ec *ec, lw_bytes sig)
{
    uint8_t x[HSM_SCALAR_LEN];
    uint8_t z[HSM_SCALAR_LEN];
    const EC_GROUP *group = EC_KEY_get0_group(ec->key);
    if (EC_POINT_get_Jprojective_coordinates_GFp(group, ec->point, ec->r, NULL, ec->s,
                                                 ec->numbers) != 1 ||
        BN_bn2binpad(ec->r, x, HSM_SCALAR_LEN) != HSM_SCALAR_LEN ||
        BN_bn2binpad(ec->s, z, HSM_SCALAR_LEN) != HSM_SCALAR_LEN) {
        return fail(LW_E_CRYPTO, "signature: the check failed");
    }
    return hsm_p256_x_is(x, z, sig.ptr) ? LW_SUCCESS : refuse();
}

static lw_err verify_p256(struct hsm_ec *ec, lw_bytes point, lw_bytes digest, lw_bytes sig)
{
    const EC_GROUP *group = EC_KEY_get0_group(ec->key);
    if (EC_POINT_oct2point(group, ec->part, point.ptr, point.len, ec->numbers) != 1) {
        return bad_point();
    }
    if (EC_POINT_is_at_infinity(group, ec->part) == 1) {
        return fail(LW_E_VALUE, "public key: not on the curve");
    }
    LW_TRY(read_scalars(ec, digest, sig));
    if (EC_POINT_mul(group, ec->point, ec->r, ec->part, ec->s, ec->numbers) != 1) {
        return fail(LW_E_CRYPTO, "signature: the check failed");
    }
    return judge_sum(ec, sig);
}

lw_err hsm_ec_verify(struct hsm_ec *ec, lw_bytes point, lw_bytes digest, lw_bytes sig)
{
    return ec->row->alg == HSM_ES256 ? verify_p256(ec, point, digest, sig)
                                     : verify_by_openssl(ec, point, digest, sig);
}

/* P-256 with the public key in place of its generator, and multiples of that. */
struct hsm_ec_table {
    EC_GROUP *group;
};

static lw_err fill_table(struct hsm_ec *ec, lw_bytes point, EC_GROUP *group)
{
    const EC_GROUP *curve = EC_KEY_get0_group(ec->key);
    if (EC_POINT_oct2point(curve, ec->point, point.ptr, point.len, ec->numbers) != 1) {
        return bad_point();
    }
    if (EC_POINT_is_at_infinity(curve, ec->point) == 1) {
        return fail(LW_E_VALUE, "public key: not on the curve");
    }
    if (EC_GROUP_set_generator(group, ec->point, EC_GROUP_get0_order(curve),
                               EC_GROUP_get0_cofactor(curve)) != 1 ||
        EC_GROUP_precompute_mult(group, ec->numbers) != 1) {
        return fail(LW_E_CRYPTO, "public key: no table can be made");
    }
    return LW_SUCCESS;
}

lw_err hsm_ec_table_new(struct hsm_ec *ec, lw_bytes point, struct hsm_ec_table **table)
{
    if (ec->row->alg != HSM_ES256) {
        return LW_FAIL(LW_E_UNSUPPORTED, "public key: no table for this curve", LW_NOWHERE);
    }
    struct hsm_ec_table *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return fail(LW_E_NOMEM, "public key: out of memory");
    }
    made->group = EC_GROUP_dup(EC_KEY_get0_group(ec->key));
    const lw_err err = made->group == NULL ? fail(LW_E_NOMEM, "public key: out of memory")
                                           : fill_table(ec, point, made->group);
    if (err.code != LW_OK) {
        hsm_ec_table_free(made);
        return err;
    }
    *table = made;
    return LW_SUCCESS;
}

void hsm_ec_table_free(struct hsm_ec_table *table)
{
    if (table != NULL) {
        EC_GROUP_free(table->group);
        free(table);
    }
}

lw_err hsm_ec_table_verify(struct hsm_ec *ec, const struct hsm_ec_table *table, lw_bytes digest,
                           lw_bytes sig)
{
    const EC_GROUP *group = EC_KEY_get0_group(ec->key);
    LW_TRY(read_scalars(ec, digest, sig));
    if (EC_POINT_mul(group, ec->point, ec->r, NULL, NULL, ec->numbers) != 1 ||
        EC_POINT_mul(table->group, ec->part, ec->s, NULL, NULL, ec->numbers) != 1 ||
        EC_POINT_add(group, ec->point, ec->point, ec->part, ec->numbers) != 1) {
        return fail(LW_E_CRYPTO, "signature: the check failed");
    }
    return judge_sum(ec, sig);
}
