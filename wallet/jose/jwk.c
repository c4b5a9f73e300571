#include "wallet/jwk.h"

#include "hsm/digest.h"
#include "jose_alg.h"
#include "wallet/base64.h"
#include "wallet/json_write.h"

enum { COORDINATE_MAX = 48, MEMBERS_MAX = 1024 };

/* What a JWK says; `raw.ptr` is NULL for what it does not. */
struct jwk {
    struct wallet_json_text kty;
    struct wallet_json_text crv;
    struct wallet_json_text x;
    struct wallet_json_text y;
    struct wallet_json_text use;
    struct wallet_json_text alg;
    bool has_key_ops;
    bool may_verify;
    bool is_private;
};

static bool given(struct wallet_json_text text)
{
    return text.raw.ptr != NULL;
}

/* Private and secret members: RFC 7518 sections 6.2.2, 6.3.2 and 6.4.1. */
static bool is_private_name(struct wallet_json_text name)
{
    static const char *const names[] = {"d", "k", "p", "q", "dp", "dq", "qi", "oth"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (wallet_json_is(name, names[i])) {
            return true;
        }
    }
    return false;
}

static void read_key_ops(struct wallet_json *r, struct jwk *jwk)
{
    jwk->has_key_ops = true;
    wallet_json_array(r);
    while (wallet_json_element(r)) {
        jwk->may_verify = wallet_json_is(wallet_json_string(r), "verify") || jwk->may_verify;
    }
}

static void read_members(struct wallet_json *r, struct jwk *jwk)
{
    const struct {
        const char *name;
        struct wallet_json_text *text;
    } texts[] = {
        {"kty", &jwk->kty}, {"crv", &jwk->crv}, {"x", &jwk->x},
        {"y", &jwk->y},     {"use", &jwk->use}, {"alg", &jwk->alg},
    };
    struct wallet_json_text name;
    wallet_json_object(r);
    while (wallet_json_member(r, &name)) {
        jwk->is_private = jwk->is_private || is_private_name(name);
        if (wallet_json_is(name, "key_ops")) {
            read_key_ops(r, jwk);
            continue;
        }
        for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
            if (wallet_json_is(name, texts[i].name)) {
                *texts[i].text = wallet_json_string(r);
                break;
            }
        }
    }
}

static const struct jose_alg *alg_of_curve(struct wallet_json_text crv)
{
    size_t nth = 0;
    const struct jose_alg *row = jose_alg_row(nth);
    while (row != NULL && (row->curve == NULL || !wallet_json_is(crv, row->curve))) {
        row = jose_alg_row(++nth);
    }
    return row;
}

/* RFC 7517 sections 4.2 to 4.4: a key says what it is for. */
static lw_err check_use(const struct jwk *jwk, const struct jose_alg *row)
{
    if (given(jwk->use) && !wallet_json_is(jwk->use, "sig")) {
        return LW_FAIL(LW_E_VALUE, "jwk: the key is not for signatures", LW_NOWHERE);
    }
    if (given(jwk->alg) && !wallet_json_is(jwk->alg, row->name)) {
        return LW_FAIL(LW_E_VALUE, "jwk: the key is for another algorithm", LW_NOWHERE);
    }
    if (jwk->has_key_ops && !jwk->may_verify) {
        return LW_FAIL(LW_E_VALUE, "jwk: the key is not for verifying", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static lw_err key_of(const struct jwk *jwk, struct hsm_public_key *key)
{
    if (jwk->is_private) {
        return LW_FAIL(LW_E_DENIED, "jwk: holds a private or secret key", LW_NOWHERE);
    }
    if (!given(jwk->kty)) {
        return LW_FAIL(LW_E_VALUE, "jwk: no key type", LW_NOWHERE);
    }
    if (!wallet_json_is(jwk->kty, "EC")) {
        return LW_FAIL(LW_E_UNSUPPORTED, "jwk: another key type", LW_NOWHERE);
    }
    if (!given(jwk->crv) || !given(jwk->x) || !given(jwk->y)) {
        return LW_FAIL(LW_E_VALUE, "jwk: curve or coordinate missing", LW_NOWHERE);
    }
    const struct jose_alg *row = alg_of_curve(jwk->crv);
    if (row == NULL) {
        return LW_FAIL(LW_E_UNSUPPORTED, "jwk: unknown curve", LW_NOWHERE);
    }
    LW_TRY(check_use(jwk, row));
    uint8_t x[COORDINATE_MAX];
    uint8_t y[COORDINATE_MAX];
    LW_TRY(wallet_base64url_decode_exact(jwk->x.raw, x, row->coordinate_len));
    LW_TRY(wallet_base64url_decode_exact(jwk->y.raw, y, row->coordinate_len));
    return hsm_public_key_from_xy(key, row->alg, (lw_bytes){x, row->coordinate_len},
                                  (lw_bytes){y, row->coordinate_len});
}

lw_err wallet_jwk_read(struct wallet_json *r, struct hsm_public_key *key)
{
    struct jwk jwk = {.is_private = false};
    read_members(r, &jwk);
    return wallet_json_ok(r) ? key_of(&jwk, key) : r->err;
}

lw_err wallet_jwk_parse(lw_str json, struct hsm_public_key *key)
{
    struct wallet_json r;
    struct jwk jwk = {.is_private = false};
    wallet_json_start(&r, json);
    read_members(&r, &jwk);
    LW_TRY(wallet_json_finish(&r));
    return key_of(&jwk, key);
}

/* RFC 7638 section 3.2: the required members, in this order. */
static void write_rsa(const struct hsm_public_key *key, struct wallet_json_writer *w)
{
    wallet_json_member_c(w, "e", "AQAB"); /* 65537, the only one there is */
    wallet_json_member_c(w, "kty", "RSA");
    wallet_json_put_name(w, "n");
    wallet_json_put_base64url(w, (lw_bytes){.ptr = key->point, .len = key->point_len});
}

static void write_point(const struct hsm_public_key *key, const char *curve,
                        struct wallet_json_writer *w)
{
    wallet_json_member_c(w, "crv", curve);
    wallet_json_member_c(w, "kty", "EC");
    wallet_json_put_name(w, "x");
    wallet_json_put_base64url(w, hsm_public_key_x(key));
    wallet_json_put_name(w, "y");
    wallet_json_put_base64url(w, hsm_public_key_y(key));
}

lw_err wallet_jwk_write(const struct hsm_public_key *key, lw_buf *out)
{
    const struct jose_alg *row = jose_alg_of(key->alg);
    if (row == NULL) {
        return LW_FAIL(LW_E_UNSUPPORTED, "jwk: the key's algorithm has no name", LW_NOWHERE);
    }
    struct wallet_json_writer w = wallet_json_writer(out);
    wallet_json_put_object(&w);
    if (row->curve == NULL) {
        write_rsa(key, &w);
    } else {
        write_point(key, row->curve, &w);
    }
    wallet_json_put_end(&w);
    return wallet_json_written(&w);
}

lw_err wallet_jwk_thumbprint(const struct hsm_public_key *key,
                             uint8_t thumbprint[WALLET_JWK_THUMBPRINT_LEN])
{
    LW_AUTO_BUF json = LW_BUF(MEMBERS_MAX);
    LW_TRY(wallet_jwk_write(key, &json));
    return hsm_sha256(lw_buf_view(&json), thumbprint);
}
