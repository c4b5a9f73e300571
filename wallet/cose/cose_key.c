#include "wallet/cose.h"

/* Labels and values of COSE_Key (RFC 9052 section 7.1, RFC 9053 section 7.1.1). */
enum {
    KEY_KTY = 1,
    KEY_ALG = 3,
    KEY_OPS = 4,
    KEY_CRV = -1,
    KEY_X = -2,
    KEY_Y = -3,
    KEY_D = -4,
    KTY_EC2 = 2,
    CRV_P256 = 1,
    CRV_P384 = 2,
    OP_VERIFY = 2,
    P384_LEN = 48,
    SEC1_EVEN = 2,
    SEC1_ODD = 3,
};

/* The integer at `label`, or false when it is absent or no integer. */
static bool get_int(lw_bytes map, int64_t label, int64_t *value)
{
    const lw_bytes item = wallet_cbor_map_get_int(map, label);
    struct wallet_cbor r = wallet_cbor_reader(item);
    *value = wallet_cbor_int(&r);
    return wallet_cbor_ok(&r);
}

/* `key_ops`, when present, must allow verifying (RFC 9052 section 7.1). */
static lw_err check_use(lw_bytes map, const struct hsm_public_key *key)
{
    const lw_bytes alg = wallet_cbor_map_get_int(map, KEY_ALG);
    int64_t value = 0;
    if (alg.len > 0 && (!get_int(map, KEY_ALG, &value) || !wallet_cose_alg_fits(value, key))) {
        return LW_FAIL(LW_E_UNSUPPORTED, "cose: key is for another algorithm", LW_NOWHERE);
    }
    const lw_bytes ops = wallet_cbor_map_get_int(map, KEY_OPS);
    if (ops.len == 0) {
        return LW_SUCCESS;
    }
    struct wallet_cbor r = wallet_cbor_reader(ops);
    const size_t count = wallet_cbor_array(&r);
    for (size_t i = 0; i < count && wallet_cbor_ok(&r); i++) {
        struct wallet_cbor op = wallet_cbor_reader(wallet_cbor_item(&r));
        if (wallet_cbor_peek(&op) == WALLET_CBOR_UINT && wallet_cbor_uint(&op) == OP_VERIFY) {
            return LW_SUCCESS;
        }
    }
    return LW_FAIL(LW_E_UNSUPPORTED, "cose: key is for another use", LW_NOWHERE);
}

/* Reads x, and y as bytes or as its lowest bit, into a point. */
static lw_err read_point(lw_bytes map, enum hsm_alg alg, lw_bytes guess, struct hsm_public_key *key)
{
    const size_t len = alg == HSM_ES384 ? P384_LEN : HSM_P256_LEN;
    struct wallet_cbor rx = wallet_cbor_reader(wallet_cbor_map_get_int(map, KEY_X));
    struct wallet_cbor ry = wallet_cbor_reader(wallet_cbor_map_get_int(map, KEY_Y));
    const lw_bytes x = wallet_cbor_bytes(&rx);
    const bool compressed = wallet_cbor_peek(&ry) == WALLET_CBOR_BOOL;
    const bool odd = compressed && wallet_cbor_bool(&ry);
    const lw_bytes y = compressed ? (lw_bytes){.ptr = NULL, .len = 0} : wallet_cbor_bytes(&ry);
    if (!wallet_cbor_ok(&rx) || !wallet_cbor_ok(&ry)) {
        return LW_FAIL(LW_E_SYNTAX, "cose: key lacks a coordinate", LW_NOWHERE);
    }
    if (!compressed) {
        return hsm_public_key_from_xy(key, alg, x, y);
    }
    if (x.len != len) {
        return LW_FAIL(LW_E_VALUE, "cose: coordinate of another length", LW_NOWHERE);
    }
    /* Of an x on the curve there are two y, of which one is odd: a guess that fits is the one. */
    if (guess.len == len && (guess.ptr[len - 1] & 1) == (odd ? 1 : 0) &&
        hsm_public_key_from_xy(key, alg, x, guess).code == LW_OK) {
        return LW_SUCCESS;
    }
    uint8_t point[1 + P384_LEN];
    point[0] = odd ? SEC1_ODD : SEC1_EVEN;
    memcpy(point + 1, x.ptr, len);
    return hsm_public_key_from_point(key, alg, (lw_bytes){.ptr = point, .len = 1 + len});
}

lw_err wallet_cose_key_read(lw_bytes item, struct hsm_public_key *key)
{
    return wallet_cose_key_read_guessed(item, (lw_bytes){.ptr = NULL, .len = 0}, key);
}

lw_err wallet_cose_key_read_guessed(lw_bytes item, lw_bytes y, struct hsm_public_key *key)
{
    LW_TRY(wallet_cbor_check(item));
    struct wallet_cbor r = wallet_cbor_reader(item);
    if (wallet_cbor_peek(&r) != WALLET_CBOR_MAP) {
        return LW_FAIL(LW_E_SYNTAX, "cose: key is no map", LW_NOWHERE);
    }
    if (wallet_cbor_map_get_int(item, KEY_D).len > 0) {
        return LW_FAIL(LW_E_VALUE, "cose: key holds its private part", LW_NOWHERE);
    }
    int64_t kty = 0;
    int64_t crv = 0;
    if (!get_int(item, KEY_KTY, &kty) || kty != KTY_EC2) {
        return LW_FAIL(LW_E_UNSUPPORTED, "cose: key is not of type EC2", LW_NOWHERE);
    }
    if (!get_int(item, KEY_CRV, &crv) || (crv != CRV_P256 && crv != CRV_P384)) {
        return LW_FAIL(LW_E_UNSUPPORTED, "cose: key is on another curve", LW_NOWHERE);
    }
    LW_TRY(read_point(item, crv == CRV_P384 ? HSM_ES384 : HSM_ES256, y, key));
    return check_use(item, key);
}

static lw_err put_key(const struct hsm_public_key *key, bool compressed, lw_buf *out)
{
    const lw_bytes y = hsm_public_key_y(key);
    LW_TRY(wallet_cbor_put_map(out, 4));
    LW_TRY(wallet_cbor_put_int(out, KEY_KTY));
    LW_TRY(wallet_cbor_put_int(out, KTY_EC2));
    LW_TRY(wallet_cbor_put_int(out, KEY_CRV));
    LW_TRY(wallet_cbor_put_int(out, key->alg == HSM_ES384 ? CRV_P384 : CRV_P256));
    LW_TRY(wallet_cbor_put_int(out, KEY_X));
    LW_TRY(wallet_cbor_put_bytes(out, hsm_public_key_x(key)));
    LW_TRY(wallet_cbor_put_int(out, KEY_Y));
    return compressed ? wallet_cbor_put_bool(out, (y.ptr[y.len - 1] & 1) != 0)
                      : wallet_cbor_put_bytes(out, y);
}

lw_err wallet_cose_key_put(const struct hsm_public_key *key, bool compressed, lw_buf *out)
{
    const size_t before = out->len;
    if (key->alg != HSM_ES256 && key->alg != HSM_ES384) {
        return LW_FAIL(LW_E_UNSUPPORTED, "cose: key of no curve", LW_NOWHERE);
    }
    const lw_err err = put_key(key, compressed, out);
    if (err.code != LW_OK) {
        lw_buf_truncate(out, before);
    }
    return err;
}
