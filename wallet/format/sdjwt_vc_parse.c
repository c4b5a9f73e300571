#include "sdjwt_vc_internal.h"
#include "wallet/jwk.h"

/* specs/sd-jwt-vc.md section 2: what an issuer may not leave to the holder to show. */
const char *const sdjwt_vc_permanent[] = {"vct", "vct#integrity", "aka_vcts", "iss", "nbf",
                                          "exp", "cnf",           "status",   NULL};

bool sdjwt_vc_is_own(struct wallet_json_text name)
{
    for (size_t i = 0; sdjwt_vc_permanent[i] != NULL; i++) {
        if (wallet_json_is(name, sdjwt_vc_permanent[i])) {
            return true;
        }
    }
    return wallet_json_is(name, "iat") || wallet_json_is(name, "sub") ||
           wallet_json_is(name, "aud") || wallet_json_is(name, "jti");
}

lw_err sdjwt_vc_text(struct wallet_json_text text, lw_buf *arena, lw_str *plain)
{
    if (!text.escaped) {
        *plain = text.raw;
        return LW_SUCCESS;
    }
    const size_t from = arena->len;
    LW_TRY(wallet_json_unescape(text, arena));
    *plain = lw_str_from(lw_buf_text(arena), from);
    return LW_SUCCESS;
}

static void refuse(struct wallet_json *r, const char *why)
{
    wallet_json_fail(r, LW_FAIL(LW_E_VALUE, why, LW_NOWHERE));
}

static lw_str read_text(struct wallet_json *r, lw_buf *arena, const char *why)
{
    lw_str plain = {.ptr = "", .len = 0};
    if (wallet_json_peek(r) != WALLET_JSON_STRING) {
        refuse(r, why);
        return plain;
    }
    const struct wallet_json_text text = wallet_json_string(r);
    if (wallet_json_ok(r)) {
        wallet_json_fail(r, sdjwt_vc_text(text, arena, &plain));
    }
    return plain;
}

static int64_t read_time(struct wallet_json *r)
{
    if (wallet_json_peek(r) != WALLET_JSON_NUMBER) {
        refuse(r, "sdjwt: SDJ-17 iat, nbf or exp is no number");
    }
    return wallet_json_seconds(r);
}

/* {"jwk": {...}}; other confirmation methods beside it are not looked at (RFC 7800). */
static void read_cnf(struct wallet_json *r, struct sdjwt_vc *vc)
{
    struct wallet_json_text name;
    if (wallet_json_peek(r) != WALLET_JSON_OBJECT) {
        refuse(r, "sdjwt: SDJ-19 cnf is no object");
    }
    wallet_json_object(r);
    while (wallet_json_member(r, &name)) {
        if (wallet_json_is(name, "jwk")) {
            vc->has_cnf = true;
            wallet_json_fail(r, wallet_jwk_read(r, &vc->holder_key));
        }
    }
    if (!vc->has_cnf) {
        refuse(r, "sdjwt: SDJ-19 cnf has no jwk");
    }
}

static void read_status_list(struct wallet_json *r, lw_buf *arena, struct wallet_status_ref *status)
{
    static const char bad[] = "sdjwt: SDJ-20 status_list is not well formed";
    struct wallet_json_text name;
    int64_t idx = -1;
    if (wallet_json_peek(r) != WALLET_JSON_OBJECT) {
        refuse(r, bad);
    }
    wallet_json_object(r);
    while (wallet_json_member(r, &name)) {
        if (wallet_json_is(name, "idx")) {
            idx = wallet_json_int(r);
        } else if (wallet_json_is(name, "uri")) {
            status->uri = read_text(r, arena, bad);
        }
    }
    if (idx < 0 || status->uri.len == 0) {
        refuse(r, bad);
        return;
    }
    status->idx = (uint64_t)idx;
    status->present = true;
}

/* A status that cannot be looked up must not pass for none (SDJ-20). */
static void read_status(struct wallet_json *r, lw_buf *arena, struct wallet_status_ref *status)
{
    struct wallet_json_text name;
    if (wallet_json_peek(r) != WALLET_JSON_OBJECT) {
        refuse(r, "sdjwt: SDJ-20 status is no object");
    }
    wallet_json_object(r);
    while (wallet_json_member(r, &name)) {
        if (wallet_json_is(name, "status_list")) {
            read_status_list(r, arena, status);
        }
    }
    if (!status->present) {
        refuse(r, "sdjwt: SDJ-20 status has no status_list");
    }
}

static void read_claim(struct wallet_json *r, struct wallet_json_text name, lw_buf *arena,
                       struct sdjwt_vc *vc)
{
    if (wallet_json_is(name, "vct")) {
        vc->vct = read_text(r, arena, "sdjwt: SDJ-18 vct is no string");
    } else if (wallet_json_is(name, "iss")) {
        vc->has_iss = true;
        vc->iss = read_text(r, arena, "sdjwt: SDJ-5 iss is no string");
    } else if (wallet_json_is(name, "iat")) {
        vc->iat = read_time(r);
    } else if (wallet_json_is(name, "nbf")) {
        vc->nbf = read_time(r);
    } else if (wallet_json_is(name, "exp")) {
        vc->exp = read_time(r);
    } else if (wallet_json_is(name, "cnf")) {
        read_cnf(r, vc);
    } else if (wallet_json_is(name, "status")) {
        read_status(r, arena, &vc->status);
    }
}

lw_err sdjwt_vc_parse(lw_str issuer_jwt, lw_buf *arena, struct sdjwt_vc *vc)
{
    *vc = (struct sdjwt_vc){.iat = INT64_MIN, .nbf = INT64_MIN, .exp = INT64_MIN};
    LW_TRY(wallet_jws_parse(issuer_jwt, arena, &vc->jws));
    if (!wallet_json_is(vc->jws.typ, "dc+sd-jwt")) {
        return LW_FAIL(LW_E_UNSUPPORTED, "sdjwt: SDJ-4 typ is not dc+sd-jwt", LW_NOWHERE);
    }
    struct wallet_json r;
    struct wallet_json_text name;
    wallet_json_start(&r, lw_bytes_str(vc->jws.payload));
    wallet_json_object(&r);
    while (wallet_json_member(&r, &name)) {
        read_claim(&r, name, arena, vc);
    }
    LW_TRY(wallet_json_finish(&r));
    if (vc->vct.len == 0) {
        return LW_FAIL(LW_E_VALUE, "sdjwt: SDJ-18 vct is missing", LW_NOWHERE);
    }
    return LW_SUCCESS;
}
