#include "hsm/digest.h"
#include "sdjwt_vc_internal.h"
#include "wallet/base64.h"

/* What verify() works on. */
struct work {
    const struct wallet_expect *expect;
    lw_buf *arena;
    struct wallet_checks *checks;
    struct wallet_sdjwt sd;
    struct sdjwt_vc vc;
    struct wallet_sdjwt_kb kb;
    struct wallet_verified made;
    lw_str aud; /* JSON value of the credential's own "aud"; empty when absent */
};

static lw_err refuse(lw_code code, const char *why)
{
    return LW_FAIL(code, why, LW_NOWHERE);
}

/* Reasons of this module begin with this; a check's detail does without. */
static const lw_str module = {.ptr = "sdjwt: ", .len = 7};

/* Enters how a check ended, and passes the error on. */
static lw_err note(struct work *w, enum wallet_check check, lw_err err)
{
    if (err.code == LW_OK) {
        wallet_check_set(w->checks, check, WALLET_CHECK_OK, NULL);
        return err;
    }
    const bool ours = lw_str_starts(lw_str_c(err.why), module);
    wallet_check_set(w->checks, check, WALLET_CHECK_FAILED, err.why + (ours ? module.len : 0));
    return err;
}

static bool is_bound(const struct work *w)
{
    return w->sd.kb_jwt.len > 0;
}

/* SDJ-4, and the structure of what SDJ-17 to SDJ-20 judge. */
static lw_err parse(struct work *w)
{
    LW_TRY(sdjwt_vc_parse(w->sd.issuer_jwt, w->arena, &w->vc));
    return is_bound(w) ? wallet_sdjwt_kb_parse(&w->sd, w->arena, &w->kb) : LW_SUCCESS;
}

/* SDJ-5 and SDJ-18: x5c is the one mechanism; "iss" must be who the certificate says. */
static lw_err check_trust(struct work *w, const struct wallet_issuer **issuer)
{
    lw_bytes chain[WALLET_JWS_CHAIN_MAX];
    size_t count = 0;
    const struct sdjwt_vc *vc = &w->vc;
    const int64_t now = w->expect->now;
    if (vc->jws.x5c.len == 0) {
        return refuse(LW_E_UNTRUSTED, "sdjwt: SDJ-5 no x5c says whose key it is");
    }
    LW_TRY(wallet_jws_chain(&vc->jws, w->arena, chain, &count));
    LW_TRY(wallet_trust_by_chain(w->expect->trust, chain, count, now, issuer));
    const char *uri = (*issuer)->cert.uri;
    if (vc->has_iss && (uri[0] == '\0' || !lw_str_is(vc->iss, uri))) {
        return refuse(LW_E_UNTRUSTED, "sdjwt: SDJ-5 iss is not the certificate's");
    }
    return wallet_trust_allows(*issuer, vc->vct, vc->iat, now);
}

static lw_err check_issuer_signature(const struct work *w, const struct wallet_issuer *issuer)
{
    uint8_t room[HSM_DIGEST_MAX];
    struct wallet_seen seen;
    const struct wallet_jws *jws = &w->vc.jws;
    struct wallet_issued_part issued = {
        .trust = w->expect->trust, .issuer = issuer, .sig = {.ptr = jws->sig, .len = jws->sig_len}};
    LW_TRY(wallet_jws_digest(jws, &issuer->cert.key, room, &issued.digest));
    const lw_err err = wallet_issued_verify(w->expect->shortcuts, &issued, &seen);
    if (err.code == LW_E_SIGNATURE) {
        return refuse(LW_E_SIGNATURE, "jws: the signature does not hold");
    }
    LW_TRY(err);
    wallet_issued_remember(w->expect->shortcuts, &seen);
    return LW_SUCCESS;
}

/* SDJ-19: the key that the issuer bound signed exactly this text. */
static lw_err check_holder(struct work *w)
{
    uint8_t hash[HSM_SHA256_LEN];
    uint8_t claimed[HSM_SHA256_LEN];
    if (!w->vc.has_cnf) {
        return refuse(LW_E_DENIED, "sdjwt: SDJ-19 the credential is bound to no key");
    }
    LW_TRY(wallet_jws_verify(&w->kb.jws, &w->vc.holder_key));
    LW_TRY(wallet_sdjwt_hash(&w->sd, hash));
    if (wallet_base64url_decode_exact(w->kb.sd_hash.raw, claimed, sizeof(claimed)).code != LW_OK ||
        !lw_bytes_eq(LW_BYTES(hash), LW_BYTES(claimed))) {
        return refuse(LW_E_SIGNATURE, "sdjwt: SDJ-19 sd_hash is of another text");
    }
    return LW_SUCCESS;
}

/* SDJ-19: why the presentation is out of date, or NULL. That is a doubt and no refusal: asked
 * again, the holder signs anew. */
static const char *staleness(const struct work *w)
{
    const struct wallet_expect *expect = w->expect;
    const struct wallet_sdjwt_kb *kb = &w->kb;
    if (kb->exp <= expect->now) {
        return "SDJ-19 the key binding has ended";
    }
    if (kb->nbf > expect->now + expect->window_ahead_s) {
        return "SDJ-19 the key binding does not hold yet";
    }
    if (kb->iat < expect->now - expect->window_past_s) {
        return "SDJ-19 the key binding is out of date";
    }
    return kb->iat > expect->now + expect->window_ahead_s ? "SDJ-19 the key binding is dated ahead"
                                                          : NULL;
}

/* Whether `text` is what was expected; nothing expected is matched by nothing, save passively. */
static bool answers(struct wallet_json_text text, lw_str expected, bool passive)
{
    if (expected.len == 0) {
        return passive;
    }
    return wallet_json_same(text, (struct wallet_json_text){.raw = expected});
}

static lw_err check_audience(const struct work *w)
{
    const struct wallet_expect *expect = w->expect;
    if (!answers(w->kb.aud, expect->aud, expect->passive)) {
        return refuse(LW_E_DENIED, "sdjwt: SDJ-19 aud is another verifier");
    }
    if (!answers(w->kb.nonce, lw_bytes_str(expect->nonce), expect->passive)) {
        return refuse(LW_E_DENIED, "sdjwt: SDJ-19 nonce is not the one asked for");
    }
    return LW_SUCCESS;
}

static lw_err take_sub(struct work *w, struct wallet_json *r)
{
    if (wallet_json_peek(r) != WALLET_JSON_STRING) {
        return refuse(LW_E_VALUE, "sdjwt: SDJ-14 sub or the license number is no string");
    }
    return sdjwt_vc_text(wallet_json_string(r), w->arena, &w->made.sub);
}

static lw_err take_value(struct work *w, struct wallet_json_text name, lw_str value)
{
    struct wallet_verified *made = &w->made;
    if (made->claim_count == WALLET_CLAIMS_MAX) {
        return refuse(LW_E_LIMIT, "sdjwt: SDJ-14 too many claims");
    }
    struct wallet_shown *shown = &made->claims[made->claim_count++];
    *shown = (struct wallet_shown){.value = lw_str_bytes(value)};
    return sdjwt_vc_text(name, w->arena, &shown->name);
}

/* Takes one claim of the processed payload. "iat" and "sub" may have been disclosed. */
static lw_err take_claim(void *ctx, struct wallet_json *r, struct wallet_json_text name)
{
    struct work *w = ctx;
    if (wallet_json_is(name, WALLET_SDJWT_VC_NUMBER)) {
        return take_sub(w, r);
    }
    if (wallet_json_is(name, "sub")) {
        return w->made.sub.len > 0 ? LW_SUCCESS : take_sub(w, r);
    }
    if (wallet_json_is(name, "aud")) {
        w->aud = wallet_json_value(r);
        return LW_SUCCESS;
    }
    if (wallet_json_is(name, "iat")) {
        if (wallet_json_peek(r) != WALLET_JSON_NUMBER) {
            return refuse(LW_E_VALUE, "sdjwt: SDJ-17 iat, nbf or exp is no number");
        }
        w->made.iat = wallet_json_seconds(r);
        return LW_SUCCESS;
    }
    return sdjwt_vc_is_own(name) ? LW_SUCCESS : take_value(w, name, wallet_json_value(r));
}

/* SDJ-7 to SDJ-16. */
static lw_err check_disclosures(struct work *w)
{
    const struct wallet_sdjwt_rules rules = {
        .permanent = sdjwt_vc_permanent, .claim = take_claim, .ctx = w};
    lw_str claims;
    return wallet_sdjwt_process(&w->sd, lw_bytes_str(w->vc.jws.payload), &rules, w->arena, &claims);
}

/* RFC 7519 section 4.1.3: one string, or an array of them. */
static bool aud_holds(lw_str aud, lw_str us)
{
    const struct wallet_json_text own = {.raw = us};
    struct wallet_json r;
    bool found = false;
    wallet_json_start(&r, aud);
    if (wallet_json_peek(&r) == WALLET_JSON_STRING) {
        found = wallet_json_same(wallet_json_string(&r), own);
        return wallet_json_finish(&r).code == LW_OK && found;
    }
    wallet_json_array(&r);
    while (wallet_json_element(&r)) {
        found = wallet_json_same(wallet_json_string(&r), own) || found;
    }
    return wallet_json_finish(&r).code == LW_OK && found;
}

/* SDJ-17, after what may be disclosed was. */
static lw_err check_validity(const struct work *w)
{
    const struct wallet_verified *made = &w->made;
    const int64_t now = w->expect->now;
    const int64_t skew = w->expect->skew_s;
    if (made->exp == INT64_MIN) {
        return refuse(LW_E_VALUE, "sdjwt: SDJ-16 exp is missing");
    }
    if (made->exp <= now - skew) {
        return refuse(LW_E_EXPIRED, "sdjwt: SDJ-17 the credential has expired");
    }
    if (made->nbf > now + skew) {
        return refuse(LW_E_EXPIRED, "sdjwt: SDJ-17 the credential does not hold yet");
    }
    if (made->iat > now + skew) {
        return refuse(LW_E_EXPIRED, "sdjwt: SDJ-17 the credential is dated ahead");
    }
    if (w->aud.len > 0 && !aud_holds(w->aud, w->expect->aud)) {
        return refuse(LW_E_DENIED, "sdjwt: SDJ-17 the credential is for other verifiers");
    }
    return LW_SUCCESS;
}

/* SDJ-19, or SDJ-3 where it is not there. Sets `*stale` to why it is out of date, or NULL. */
static lw_err check_binding(struct work *w, const char **stale)
{
    *stale = NULL;
    if (!is_bound(w)) {
        return w->expect->holder_required ? note(w, WALLET_CHECK_HOLDER_SIGNATURE,
                                                 refuse(LW_E_DENIED, "sdjwt: SDJ-3 no key binding"))
                                          : LW_SUCCESS;
    }
    LW_TRY(note(w, WALLET_CHECK_HOLDER_SIGNATURE, check_holder(w)));
    *stale = staleness(w);
    wallet_check_set(w->checks, WALLET_CHECK_FRESHNESS,
                     *stale == NULL ? WALLET_CHECK_OK : WALLET_CHECK_UNKNOWN, *stale);
    return note(w, WALLET_CHECK_AUDIENCE, check_audience(w));
}

static struct wallet_verified begin(const struct sdjwt_vc *vc)
{
    return (struct wallet_verified){
        .format = "dc+sd-jwt",
        .encoding = WALLET_ENCODING_JSON,
        .vct = vc->vct,
        .iat = vc->iat,
        .nbf = vc->nbf,
        .exp = vc->exp,
        .status = vc->status,
        .kb_iat = INT64_MIN,
        .holder_key = vc->holder_key,
    };
}

static lw_err verify(struct work *w)
{
    const char *stale = NULL;
    struct wallet_verified *made = &w->made;
    LW_TRY(note(w, WALLET_CHECK_PARSE, parse(w)));
    *made = begin(&w->vc);
    LW_TRY(note(w, WALLET_CHECK_TRUST, check_trust(w, &made->issuer)));
    LW_TRY(note(w, WALLET_CHECK_ISSUER_SIGNATURE, check_issuer_signature(w, made->issuer)));
    LW_TRY(check_binding(w, &stale));
    LW_TRY(note(w, WALLET_CHECK_DISCLOSURES, check_disclosures(w)));
    LW_TRY(note(w, WALLET_CHECK_VALIDITY, check_validity(w)));
    if (stale != NULL) {
        return refuse(LW_E_EXPIRED, "sdjwt: SDJ-19 the presentation is out of date");
    }
    made->holder_proven = is_bound(w);
    made->kb_iat = is_bound(w) ? w->kb.iat : INT64_MIN;
    const struct wallet_jws *last = is_bound(w) ? &w->kb.jws : &w->vc.jws;
    return hsm_sha256((lw_bytes){.ptr = last->sig, .len = last->sig_len}, made->presentation_id);
}

lw_err wallet_sdjwt_vc_verify(lw_bytes presentation, const struct wallet_expect *expect,
                              lw_buf *arena, struct wallet_checks *checks,
                              struct wallet_verified *out)
{
    struct work w;
    w.expect = expect;
    w.arena = arena;
    w.checks = checks;
    w.aud = (lw_str){.ptr = NULL, .len = 0};
    LW_TRY(note(&w, WALLET_CHECK_DECODE, wallet_sdjwt_split(lw_bytes_str(presentation), &w.sd)));
    LW_TRY(wallet_sdjwt_reserve(arena, presentation.len));
    LW_TRY(verify(&w));
    *out = w.made;
    return LW_SUCCESS;
}

lw_err wallet_sdjwt_vc_nonce(lw_bytes presentation, lw_buf *arena, lw_str *nonce)
{
    struct wallet_sdjwt sd;
    struct wallet_sdjwt_kb kb;
    LW_TRY(wallet_sdjwt_split(lw_bytes_str(presentation), &sd));
    if (sd.kb_jwt.len == 0) {
        return refuse(LW_E_NOT_FOUND, "sdjwt: SDJ-3 no key binding");
    }
    LW_TRY(wallet_sdjwt_reserve(arena, presentation.len));
    LW_TRY(wallet_sdjwt_kb_parse(&sd, arena, &kb));
    return sdjwt_vc_text(kb.nonce, arena, nonce);
}
