#include "status_claims.h"

#include "wallet/base64.h"
#include "wallet/jws.h"

/* Which members were there. */
enum seen { SEEN_SUB = 1, SEEN_IAT = 2, SEEN_LIST = 4, SEEN_BITS = 8, SEEN_LST = 16 };

static void take_lst(struct wallet_json *r, struct status_claims *claims)
{
    const lw_err err = wallet_base64url_decode(wallet_json_string(r).raw, &claims->owned_lst);
    if (err.code != LW_OK) {
        wallet_json_fail(r, LW_FAIL(err.code, "status: lst is no base64url", LW_NOWHERE));
    }
}

static void take_bits(struct wallet_json *r, struct status_claims *claims)
{
    const int64_t bits = wallet_json_int(r);
    if (wallet_json_ok(r) && (bits < 0 || !wallet_status_bits_ok((uint64_t)bits))) {
        wallet_json_fail(r, LW_FAIL(LW_E_VALUE, "status: bits are none of 1, 2, 4, 8", LW_NOWHERE));
    }
    claims->bits = (unsigned)bits;
}

static unsigned take_list(struct wallet_json *r, struct status_claims *claims)
{
    struct wallet_json_text name;
    unsigned seen = SEEN_LIST;
    wallet_json_object(r);
    while (wallet_json_member(r, &name)) {
        if (wallet_json_is(name, "bits")) {
            take_bits(r, claims);
            seen |= SEEN_BITS;
        } else if (wallet_json_is(name, "lst")) {
            take_lst(r, claims);
            seen |= SEEN_LST;
        }
    }
    return seen;
}

static void take_sub(struct wallet_json *r, struct status_claims *claims)
{
    const lw_err err = wallet_json_unescape(wallet_json_string(r), &claims->owned_sub);
    if (err.code != LW_OK) {
        wallet_json_fail(r, err);
    }
}

static unsigned take_member(struct wallet_json *r, struct wallet_json_text name,
                            struct status_claims *claims)
{
    if (wallet_json_is(name, "sub")) {
        take_sub(r, claims);
        return SEEN_SUB;
    }
    if (wallet_json_is(name, "iat")) {
        claims->iat = wallet_json_seconds(r);
        return SEEN_IAT;
    }
    if (wallet_json_is(name, "status_list")) {
        return take_list(r, claims);
    }
    if (wallet_json_is(name, "exp")) {
        claims->exp = wallet_json_seconds(r);
    } else if (wallet_json_is(name, "nbf")) {
        claims->nbf = wallet_json_seconds(r);
    } else if (wallet_json_is(name, "ttl")) {
        claims->ttl_s = wallet_json_seconds(r);
        if (wallet_json_ok(r) && claims->ttl_s <= 0) {
            wallet_json_fail(r, LW_FAIL(LW_E_VALUE, "status: ttl is not positive", LW_NOWHERE));
        }
    }
    return 0;
}

static lw_err read_claims(lw_bytes payload, struct status_claims *claims)
{
    struct wallet_json r;
    struct wallet_json_text name;
    const unsigned needed = SEEN_SUB | SEEN_IAT | SEEN_LIST | SEEN_BITS | SEEN_LST;
    unsigned seen = 0;
    *claims = (struct status_claims){.exp = INT64_MAX,
                                     .nbf = INT64_MIN,
                                     .owned_sub = LW_BUF(WALLET_TRUST_TEXT_MAX),
                                     .owned_lst = LW_BUF(WALLET_STATUS_TOKEN_MAX)};
    wallet_json_start(&r, lw_bytes_str(payload));
    wallet_json_object(&r);
    while (wallet_json_member(&r, &name)) {
        seen |= take_member(&r, name, claims);
    }
    LW_TRY(wallet_json_finish(&r));
    if (seen != needed) {
        return LW_FAIL(LW_E_VALUE, "status: a claim is missing", LW_NOWHERE);
    }
    claims->sub = lw_buf_text(&claims->owned_sub);
    claims->lst = lw_buf_view(&claims->owned_lst);
    return LW_SUCCESS;
}

static lw_err find_signer(const struct wallet_jws *jws, const struct wallet_status_expect *expect,
                          struct status_signer *signer)
{
    LW_AUTO_BUF der = LW_BUF(jws->x5c.len); /* more than its Base64 stands for */
    lw_bytes chain[WALLET_JWS_CHAIN_MAX];
    size_t count = 0;
    LW_TRY(wallet_jws_reserve(&der, jws->x5c.len));
    const lw_err err = wallet_jws_chain(jws, &der, chain, &count);
    if (err.code != LW_OK && err.code != LW_E_NOT_FOUND) {
        return err;
    }
    return status_signer_find(expect, chain, err.code == LW_OK ? count : 0, signer);
}

lw_err status_read_jwt(lw_str token, const struct wallet_status_expect *expect,
                       struct status_signer *signer, struct status_claims *claims)
{
    LW_AUTO_BUF arena = LW_BUF(token.len);
    struct wallet_jws jws;
    LW_TRY(wallet_jws_reserve(&arena, token.len));
    LW_TRY(wallet_jws_parse(token, &arena, &jws));
    if (!wallet_json_is(jws.typ, STATUS_JWT_TYP)) {
        return LW_FAIL(LW_E_UNSUPPORTED, "status: typ is not statuslist+jwt", LW_NOWHERE);
    }
    LW_TRY(find_signer(&jws, expect, signer));
    LW_TRY(wallet_jws_verify(&jws, &signer->key));
    return read_claims(jws.payload, claims);
}
