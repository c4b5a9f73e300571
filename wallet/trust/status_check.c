#include "wallet/status_check.h"

#include "status_claims.h"

enum { CBOR_TAG_SIGN1 = 0xd2 }; /* the first byte of the CWT form; no JWS begins with it */

static lw_err untrusted(const char *why)
{
    return LW_FAIL(LW_E_UNTRUSTED, why, LW_NOWHERE);
}

static bool same_agency(const struct wallet_issuer *issuer, const char *organization_id)
{
    return issuer->agency.len > 0 && lw_str_is(issuer->agency, organization_id);
}

static void take_own_key(const struct wallet_issuer *issuer, struct status_signer *signer)
{
    signer->key = issuer->cert.key;
    signer->same_key = true;
    memcpy(signer->sha256, issuer->cert.sha256, sizeof(signer->sha256));
}

lw_err status_signer_find(const struct wallet_status_expect *expect, const lw_bytes *chain,
                          size_t count, struct status_signer *signer)
{
    const struct wallet_issuer *issuer = expect->issuer;
    const unsigned need = HSM_CERT_USE_SIGN | HSM_CERT_USE_STATUS;
    struct hsm_cert leaf;
    if (count == 0 || lw_bytes_eq(chain[0], issuer->cert.der)) {
        take_own_key(issuer, signer);
        return LW_SUCCESS;
    }
    size_t anchor_count = 0;
    const struct hsm_cert *anchors = wallet_trust_authority(expect->trust, issuer, &anchor_count);
    if (anchors == NULL) {
        return untrusted("status: no anchor for the issuer's status certificates");
    }
    LW_TRY(hsm_cert_check_path(chain, count, anchors, anchor_count, need, expect->now, &leaf));
    if (!same_agency(issuer, leaf.organization_id)) {
        return untrusted("status: signed by another agency");
    }
    signer->key = leaf.key;
    signer->same_key = false;
    memcpy(signer->sha256, leaf.sha256, sizeof(signer->sha256));
    return LW_SUCCESS;
}

/* The issuer's own key counts for lists as long as it counts for credentials. */
static lw_err check_own_key(const struct wallet_status_expect *expect, int64_t iat)
{
    const struct wallet_issuer *issuer = expect->issuer;
    if (issuer->state == WALLET_ISSUER_REVOKED && iat >= issuer->revoked_since) {
        return untrusted("status: signed by a revoked key");
    }
    if (expect->now > issuer->not_after || expect->now > issuer->cert.not_after ||
        expect->now < issuer->cert.not_before) {
        return LW_FAIL(LW_E_EXPIRED, "status: signed by a key outside its time", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

/* SL-7, SL-8, and no way back behind the list that is held. */
static lw_err check_claims(const struct status_claims *claims,
                           const struct wallet_status_expect *expect)
{
    if (!lw_str_eq(claims->sub, expect->uri)) {
        return LW_FAIL(LW_E_DENIED, "status: sub is not the URI asked for", LW_NOWHERE);
    }
    if (claims->iat < 0 || claims->exp <= claims->iat) {
        return LW_FAIL(LW_E_VALUE, "status: times are not in order", LW_NOWHERE);
    }
    if (claims->iat > expect->now + expect->skew_s || claims->nbf > expect->now + expect->skew_s) {
        return LW_FAIL(LW_E_EXPIRED, "status: list is dated ahead", LW_NOWHERE);
    }
    if (claims->iat < expect->held_iat) {
        return LW_FAIL(LW_E_CONFLICT, "status: older than the list held", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static int64_t until_of(const struct status_claims *claims)
{
    if (claims->exp == INT64_MAX) {
        return claims->iat + WALLET_STATUS_LIFE_DEFAULT_S;
    }
    const int64_t longest = claims->iat + WALLET_STATUS_LIFE_MAX_S;
    return claims->exp < longest ? claims->exp : longest;
}

static lw_err fill(const struct status_claims *claims, const struct status_signer *signer,
                   const struct wallet_status_expect *expect, struct wallet_status_list *list)
{
    list->array = LW_BUF(WALLET_STATUS_ARRAY_MAX);
    list->uri = LW_BUF(WALLET_TRUST_TEXT_MAX);
    LW_TRY(wallet_status_inflate(claims->lst, &list->array));
    LW_TRY(lw_buf_put_str(&list->uri, claims->sub));
    list->bits = claims->bits;
    list->iat = claims->iat;
    list->until = until_of(claims);
    list->ttl_s = claims->ttl_s;
    list->same_key = signer->same_key;
    memcpy(list->signer, signer->sha256, sizeof(list->signer));
    memcpy(list->ca, expect->issuer->ca, sizeof(list->ca));
    memcpy(list->organization_id, expect->issuer->cert.organization_id,
           sizeof(list->organization_id));
    return LW_SUCCESS;
}

static lw_err read_token(lw_bytes token, const struct wallet_status_expect *expect,
                         struct status_claims *claims, struct wallet_status_list *list)
{
    struct status_signer signer;
    if (token.ptr[0] == CBOR_TAG_SIGN1) {
        LW_TRY(status_read_cwt(token, expect, &signer, claims));
    } else {
        LW_TRY(status_read_jwt(lw_bytes_str(token), expect, &signer, claims));
    }
    LW_TRY(check_claims(claims, expect));
    if (signer.same_key) {
        LW_TRY(check_own_key(expect, claims->iat));
    }
    return fill(claims, &signer, expect, list);
}

lw_err wallet_status_read(lw_bytes token, const struct wallet_status_expect *expect,
                          struct wallet_status_list *list)
{
    struct status_claims claims = {.iat = 0};
    if (!wallet_trust_status_uri(expect->issuer, expect->uri)) {
        return LW_FAIL(LW_E_DENIED, "status: URI is not the issuer's", LW_NOWHERE);
    }
    if (token.len == 0) {
        return LW_FAIL(LW_E_SYNTAX, "status: token is empty", 0);
    }
    if (token.len > WALLET_STATUS_TOKEN_MAX) {
        return LW_FAIL(LW_E_LIMIT, "status: token is too large", LW_NOWHERE);
    }
    const lw_err err = read_token(token, expect, &claims, list);
    lw_buf_free(&claims.owned_sub);
    lw_buf_free(&claims.owned_lst);
    if (err.code != LW_OK) {
        wallet_status_list_free(list);
    }
    return err;
}

void wallet_status_list_free(struct wallet_status_list *list)
{
    lw_buf_free(&list->array);
    lw_buf_free(&list->uri);
    *list = (struct wallet_status_list){.bits = 0};
}

/* Whether the list speaks for credentials of `issuer`, which need not be the one it was read for.
 */
static bool speaks_for(const struct wallet_status_list *list, const struct wallet_issuer *issuer)
{
    if (list->same_key) {
        return memcmp(list->signer, issuer->cert.sha256, sizeof(list->signer)) == 0;
    }
    return issuer->has_ca && memcmp(list->ca, issuer->ca, sizeof(list->ca)) == 0 &&
           same_agency(issuer, list->organization_id);
}

struct wallet_status wallet_status_lookup(const struct wallet_status_list *list,
                                          const struct wallet_issuer *issuer,
                                          const struct wallet_status_ref *ref, int64_t now)
{
    struct wallet_status status = wallet_status_none();
    unsigned code = 0;
    if (list == NULL || !ref->present || !lw_str_eq(lw_buf_text(&list->uri), ref->uri) ||
        !speaks_for(list, issuer)) {
        return status;
    }
    status.as_of = list->iat;
    if (now >= list->until) {
        status.stale = true;
        return status;
    }
    if (wallet_status_get(list->bits, lw_buf_view(&list->array), ref->idx, &code).code != LW_OK) {
        status.outcome = WALLET_STATUS_NO_ENTRY;
        return status;
    }
    status.code = code;
    status.outcome =
        code == WALLET_STATUS_CODE_VALID ? WALLET_STATUS_VALID : WALLET_STATUS_NOT_VALID;
    return status;
}

struct wallet_status wallet_status_of_state(enum wallet_state state, int64_t now)
{
    struct wallet_status status = {.outcome = WALLET_STATUS_NOT_VALID,
                                   .code = WALLET_STATUS_CODE_INVALID,
                                   .state = state,
                                   .as_of = now};
    switch (state) {
    case WALLET_ACTIVE:
        status.outcome = WALLET_STATUS_VALID;
        status.code = WALLET_STATUS_CODE_VALID;
        break;
    case WALLET_SUSPENDED:
        status.code = WALLET_STATUS_CODE_SUSPENDED;
        break;
    case WALLET_REVOKED:
    case WALLET_CANCELLED:
    case WALLET_SUPERSEDED:
        break;
    }
    return status;
}

int64_t wallet_status_refresh_at(const struct wallet_status_list *list, int64_t fetched_at)
{
    int64_t wait = list->ttl_s == 0 ? WALLET_STATUS_TTL_MAX_S : list->ttl_s;
    wait = wait < WALLET_STATUS_TTL_MIN_S ? WALLET_STATUS_TTL_MIN_S : wait;
    wait = wait > WALLET_STATUS_TTL_MAX_S ? WALLET_STATUS_TTL_MAX_S : wait;
    const int64_t at = fetched_at + wait;
    return at < list->until ? at : list->until;
}

const char *wallet_status_name(const struct wallet_status *status)
{
    switch (status->outcome) {
    case WALLET_STATUS_VALID:
        return "valid";
    case WALLET_STATUS_UNKNOWN:
    case WALLET_STATUS_NO_ENTRY:
        return "unknown";
    case WALLET_STATUS_NOT_VALID:
        break;
    }
    if (status->state != 0) {
        return wallet_state_name(status->state);
    }
    if (status->code == WALLET_STATUS_CODE_INVALID) {
        return "revoked";
    }
    return status->code == WALLET_STATUS_CODE_SUSPENDED ? "suspended" : "not_valid";
}
