#include "status_claims.h"

#include "wallet/cose.h"

static lw_err bad_value(const char *why)
{
    return LW_FAIL(LW_E_VALUE, why, LW_NOWHERE);
}

/* An integer claim; `absent` stands for one that is not there. Floats are not taken. */
static lw_err read_int(lw_bytes claims, int64_t key, int64_t absent, int64_t *value)
{
    const lw_bytes item = wallet_cbor_map_get_int(claims, key);
    if (item.len == 0) {
        *value = absent;
        return LW_SUCCESS;
    }
    struct wallet_cbor r = wallet_cbor_reader(item);
    *value = wallet_cbor_int(&r);
    return wallet_cbor_ok(&r) ? LW_SUCCESS : bad_value("status: a time is no integer");
}

static lw_err read_list(lw_bytes list, struct status_claims *claims)
{
    struct wallet_cbor bits = wallet_cbor_reader(wallet_cbor_map_get_text(list, LW_STR("bits")));
    struct wallet_cbor lst = wallet_cbor_reader(wallet_cbor_map_get_text(list, LW_STR("lst")));
    const uint64_t n = wallet_cbor_uint(&bits);
    if (!wallet_status_bits_ok(n)) {
        return bad_value("status: bits are none of 1, 2, 4, 8");
    }
    claims->bits = (unsigned)n;
    claims->lst = wallet_cbor_bytes(&lst);
    return wallet_cbor_ok(&lst) ? LW_SUCCESS : bad_value("status: lst is no byte string");
}

static lw_err read_claims(lw_bytes payload, struct status_claims *claims)
{
    LW_TRY(wallet_cbor_check(payload));
    struct wallet_cbor sub = wallet_cbor_reader(wallet_cbor_map_get_int(payload, STATUS_CWT_SUB));
    claims->sub = wallet_cbor_text(&sub);
    if (!wallet_cbor_ok(&sub)) {
        return bad_value("status: sub is missing or no text");
    }
    LW_TRY(read_int(payload, STATUS_CWT_IAT, INT64_MIN, &claims->iat));
    LW_TRY(read_int(payload, STATUS_CWT_EXP, INT64_MAX, &claims->exp));
    LW_TRY(read_int(payload, STATUS_CWT_NBF, INT64_MIN, &claims->nbf));
    LW_TRY(read_int(payload, STATUS_CWT_TTL, 0, &claims->ttl_s));
    if (claims->iat == INT64_MIN) {
        return bad_value("status: a claim is missing");
    }
    if (claims->ttl_s < 0 ||
        (claims->ttl_s == 0 && wallet_cbor_map_get_int(payload, STATUS_CWT_TTL).len > 0)) {
        return bad_value("status: ttl is not positive");
    }
    return read_list(wallet_cbor_map_get_int(payload, STATUS_CWT_LIST), claims);
}

static lw_err check_typ(const struct wallet_cose_sign1 *cose)
{
    struct wallet_cbor r =
        wallet_cbor_reader(wallet_cbor_map_get_int(cose->protected, WALLET_COSE_TYP));
    const lw_str typ = wallet_cbor_text(&r);
    if (!lw_str_is(typ, STATUS_CWT_TYP)) {
        return LW_FAIL(LW_E_UNSUPPORTED, "status: typ is not application/statuslist+cwt",
                       LW_NOWHERE);
    }
    return LW_SUCCESS;
}

/* RFC 9360 section 2: one byte string, or an array of two or more; in either header. */
static lw_err read_chain(const struct wallet_cose_sign1 *cose, lw_bytes chain[HSM_CHAIN_MAX],
                         size_t *count)
{
    lw_bytes item = wallet_cbor_map_get_int(cose->protected, WALLET_COSE_X5CHAIN);
    if (item.len == 0) {
        item = wallet_cbor_map_get_int(cose->unprotected, WALLET_COSE_X5CHAIN);
    }
    *count = 0;
    if (item.len == 0) {
        return LW_SUCCESS;
    }
    struct wallet_cbor r = wallet_cbor_reader(item);
    const bool many = wallet_cbor_peek(&r) == WALLET_CBOR_ARRAY;
    const size_t n = many ? wallet_cbor_array(&r) : 1;
    if (n == 0 || n > HSM_CHAIN_MAX) {
        return bad_value("status: x5chain is empty or too long");
    }
    for (size_t i = 0; i < n; i++) {
        chain[i] = wallet_cbor_bytes(&r);
    }
    *count = n;
    return wallet_cbor_ok(&r) ? LW_SUCCESS : bad_value("status: x5chain is no byte strings");
}

lw_err status_read_cwt(lw_bytes token, const struct wallet_status_expect *expect,
                       struct status_signer *signer, struct status_claims *claims)
{
    struct wallet_cose_sign1 cose;
    lw_bytes chain[HSM_CHAIN_MAX];
    size_t count = 0;
    const lw_bytes nothing = {.ptr = NULL, .len = 0};
    LW_TRY(wallet_cose_sign1_parse(token, &cose));
    LW_TRY(check_typ(&cose));
    LW_TRY(read_chain(&cose, chain, &count));
    LW_TRY(status_signer_find(expect, chain, count, signer));
    LW_TRY(wallet_cose_sign1_verify(&cose, nothing, &signer->key));
    return read_claims(cose.payload, claims);
}
