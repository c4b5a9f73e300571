#include "sdcwt_internal.h"

#include "hsm/digest.h"
#include "wallet/value.h"

/* Reasons of this module begin with this; a check's detail does without. */
static const lw_str module = {.ptr = "sdcwt: ", .len = 7};

static const char *detail_of(lw_err err)
{
    const bool ours = lw_str_starts(lw_str_c(err.why), module);
    return ours ? err.why + module.len : err.why;
}

/* Enters how a check ended, and passes the error on. */
static lw_err note(struct wallet_checks *checks, enum wallet_check check, lw_err err)
{
    if (err.code == LW_OK) {
        wallet_check_set(checks, check, WALLET_CHECK_OK, NULL);
    } else {
        wallet_check_set(checks, check, WALLET_CHECK_FAILED, detail_of(err));
    }
    return err;
}

static lw_err find_by_chain(const struct wallet_sdcwt *cwt, const struct wallet_expect *expect,
                            const struct wallet_issuer **issuer)
{
    lw_bytes chain[HSM_CHAIN_MAX];
    struct wallet_cbor r = wallet_cbor_reader(cwt->key);
    const bool many = wallet_cbor_peek(&r) == WALLET_CBOR_ARRAY;
    const size_t count = many ? wallet_cbor_array(&r) : 1;
    for (size_t i = 0; i < count; i++) {
        chain[i] = wallet_cbor_bytes(&r);
    }
    return wallet_trust_by_chain(expect->trust, chain, count, expect->now, issuer);
}

/* Finds the `nth` issuer that the token's key reference can mean; NULL when there is none. */
static lw_err find_issuer(const struct wallet_sdcwt *cwt, const struct wallet_expect *expect,
                          size_t nth, const struct wallet_issuer **issuer)
{
    *issuer = NULL;
    switch (cwt->key_ref) {
    case WALLET_SDCWT_BY_KID:
        *issuer = wallet_trust_by_kid(expect->trust, cwt->key.ptr, nth);
        return LW_SUCCESS;
    case WALLET_SDCWT_BY_X5T:
        *issuer = wallet_trust_by_x5t(expect->trust, cwt->key, nth);
        return LW_SUCCESS;
    case WALLET_SDCWT_BY_X5CHAIN:
        return nth == 0 ? find_by_chain(cwt, expect, issuer) : LW_SUCCESS;
    }
    return LW_SUCCESS;
}

/* Whether this issuer may have signed this token, were the signature its own (QR-6). */
static lw_err check_issuer(const struct wallet_sdcwt *cwt, const struct wallet_issuer *issuer,
                           int64_t now)
{
    if (cwt->vct.len == 0) {
        return LW_FAIL(LW_E_UNTRUSTED,
                       cwt->vct_number ? "sdcwt: vct is a number, which nobody is trusted for"
                                       : "sdcwt: vct is missing",
                       LW_NOWHERE);
    }
    if (cwt->iss.len > 0 && !lw_str_eq(cwt->iss, issuer->agency) &&
        !lw_str_eq(cwt->iss, issuer->name)) {
        return LW_FAIL(LW_E_UNTRUSTED, "sdcwt: iss is not the issuer of the key", LW_NOWHERE);
    }
    return wallet_trust_allows(issuer, cwt->vct, cwt->iat, now);
}

static const lw_bytes nothing = {.ptr = NULL, .len = 0};

static lw_err check_signature(const struct wallet_sdcwt *cwt, const struct wallet_expect *expect,
                              const struct wallet_issuer *issuer, struct wallet_seen *seen)
{
    uint8_t room[HSM_DIGEST_MAX];
    struct wallet_issued_part issued = {
        .trust = expect->trust, .issuer = issuer, .sig = cwt->cose.signature};
    LW_TRY(wallet_cose_sign1_hash(&cwt->cose, nothing, &issuer->cert.key, room, &issued.digest));
    return wallet_issued_verify(expect->shortcuts, &issued, seen);
}

/* Key identifiers are short and can collide: each issuer with it is tried (QR-6, QR-7). */
static lw_err check_issuers(const struct wallet_sdcwt *cwt, const struct wallet_expect *expect,
                            struct wallet_checks *checks, const struct wallet_issuer **issuer,
                            struct wallet_seen *seen)
{
    lw_err trust = LW_FAIL(LW_E_UNTRUSTED, "sdcwt: no issuer of this key is trusted", LW_NOWHERE);
    lw_err signature = LW_SUCCESS;
    bool trusted = false;
    for (size_t nth = 0;; nth++) {
        const lw_err found = find_issuer(cwt, expect, nth, issuer);
        if (found.code != LW_OK) {
            return note(checks, WALLET_CHECK_TRUST, found);
        }
        if (*issuer == NULL) {
            break;
        }
        const lw_err allowed = check_issuer(cwt, *issuer, expect->now);
        if (allowed.code != LW_OK) {
            trust = allowed;
            continue;
        }
        trusted = true;
        signature = check_signature(cwt, expect, *issuer, seen);
        if (signature.code == LW_OK) {
            break;
        }
    }
    LW_TRY(note(checks, WALLET_CHECK_TRUST, trusted ? LW_SUCCESS : trust));
    return note(checks, WALLET_CHECK_ISSUER_SIGNATURE, signature);
}

/*
 * Reads the holder's key. Its y, which takes long to compute, is kept with a part that was seen: as
 * a guess, which is checked as any y is.
 */
static lw_err read_cnf(const struct wallet_sdcwt *cwt, const struct wallet_expect *expect,
                       struct wallet_seen *seen, struct hsm_public_key *key)
{
    const lw_bytes guess = {.ptr = seen->hint, .len = seen->before ? sizeof(seen->hint) : 0};
    const lw_err err = wallet_cose_key_read_guessed(cwt->cnf_key, guess, key);
    if (lw_err_class(err.code) == LW_CLASS_ENVIRONMENT) {
        return err; /* memory ran out: the key is not at fault */
    }
    if (err.code != LW_OK || key->alg != HSM_ES256) {
        return LW_FAIL(LW_E_VALUE, "sdcwt: cnf is no key on P-256", LW_NOWHERE);
    }
    memcpy(seen->hint, hsm_public_key_y(key).ptr, sizeof(seen->hint));
    wallet_issued_remember(expect->shortcuts, seen);
    return LW_SUCCESS;
}

/* QR-8: the key that the issuer bound signs the presentation. */
static lw_err check_holder(const struct wallet_sdkbt *kbt, const struct wallet_expect *expect,
                           struct wallet_seen *seen, struct hsm_public_key *key)
{
    LW_TRY(read_cnf(&kbt->cwt, expect, seen, key));
    return wallet_cose_sign1_verify(&kbt->cose, nothing, key);
}

static bool answers_nonce(const struct wallet_sdkbt *kbt, const struct wallet_expect *expect)
{
    return expect->nonce.len > 0 && lw_bytes_eq(kbt->cnonce, expect->nonce) &&
           lw_str_eq(kbt->aud, expect->aud);
}

/* QR-9: times of the presentation within those of the credential. */
static lw_err check_kbt_times(const struct wallet_sdkbt *kbt)
{
    const struct wallet_sdcwt *cwt = &kbt->cwt;
    const char *why = NULL;
    if (kbt->iat < cwt->iat) {
        why = "sdcwt: signed before the credential was issued";
    } else if (kbt->iat < cwt->nbf) {
        why = "sdcwt: signed before the credential holds";
    } else if (kbt->iat >= cwt->exp) {
        why = "sdcwt: signed after the credential ended";
    } else if (kbt->nbf > kbt->iat) {
        why = "sdcwt: signed before it holds";
    } else if (kbt->exp <= kbt->iat) {
        why = "sdcwt: ended before it was signed";
    } else if (kbt->exp != INT64_MAX && kbt->exp > cwt->exp) {
        why = "sdcwt: outlives the credential";
    }
    return why == NULL ? LW_SUCCESS : LW_FAIL(LW_E_VALUE, why, LW_NOWHERE);
}

/* Why the presentation is out of date, or NULL; that is a doubt, not a refusal (section 14). */
static const char *staleness(const struct wallet_sdkbt *kbt, const struct wallet_expect *expect)
{
    if (kbt->exp <= expect->now) {
        return "presentation has ended";
    }
    if (answers_nonce(kbt, expect)) {
        return NULL;
    }
    if (kbt->iat < expect->now - expect->window_past_s) {
        return "presentation is out of date";
    }
    return kbt->iat > expect->now + expect->window_ahead_s ? "presentation is dated ahead" : NULL;
}

/* QR-10: whom the presentation is for. */
static lw_err check_audience(const struct wallet_sdkbt *kbt, const struct wallet_expect *expect)
{
    const char *why = NULL;
    if (lw_str_is(kbt->aud, "qr:any")) {
        if (!expect->passive) {
            why = "sdcwt: a challenge is demanded";
        } else if (kbt->cnonce.len > 0) {
            why = "sdcwt: cnonce without a verifier's name";
        }
    } else if (!lw_str_eq(kbt->aud, expect->aud)) { /* a token's aud is not empty */
        why = "sdcwt: aud is not this verifier";
    } else if (expect->nonce.len == 0 || !lw_bytes_eq(kbt->cnonce, expect->nonce)) {
        why = "sdcwt: cnonce is not the challenge's";
    }
    return why == NULL ? LW_SUCCESS : LW_FAIL(LW_E_DENIED, why, LW_NOWHERE);
}

/* QR-7 and QR-9: times of the credential. */
static lw_err check_validity(const struct wallet_sdcwt *cwt, const struct wallet_expect *expect)
{
    if (cwt->nbf > cwt->iat) {
        return LW_FAIL(LW_E_VALUE, "sdcwt: nbf is after iat", LW_NOWHERE);
    }
    if (cwt->iat >= cwt->exp) { /* with a presentation, check_kbt_times() is first to say so */
        return LW_FAIL(LW_E_VALUE, "sdcwt: iat is not before exp", LW_NOWHERE);
    }
    if (cwt->exp <= expect->now) {
        return LW_FAIL(LW_E_EXPIRED, "sdcwt: credential has expired", LW_NOWHERE);
    }
    if (cwt->nbf > expect->now) {
        return LW_FAIL(LW_E_EXPIRED, "sdcwt: credential does not hold yet", LW_NOWHERE);
    }
    if (cwt->iat > expect->now + expect->skew_s) {
        return LW_FAIL(LW_E_EXPIRED, "sdcwt: credential is dated ahead", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

/* The claims that all types share have one kind each (specs/qr.md section 3, QR-12). */
static lw_err check_kind(int64_t key, lw_bytes value)
{
    static const struct {
        int64_t key;
        enum wallet_claim_kind kind;
    } shared[] = {
        {-70001, WALLET_KIND_TEXT},    /* family_name */
        {-70002, WALLET_KIND_TEXT},    /* given_name */
        {-70003, WALLET_KIND_DATE},    /* birth_date */
        {-70004, WALLET_KIND_TEXT},    /* category */
        {-70005, WALLET_KIND_DATE},    /* expiry_date */
        {-70006, WALLET_KIND_BYTES},   /* portrait hash */
        {-70007, WALLET_KIND_BOOLEAN}, /* age_over_18 */
    };
    for (size_t i = 0; i < sizeof(shared) / sizeof(shared[0]); i++) {
        if (shared[i].key == key && wallet_value_check(shared[i].kind, value).code != LW_OK) {
            return LW_FAIL(LW_E_VALUE, "sdcwt: claim is of another kind", LW_NOWHERE);
        }
    }
    return LW_SUCCESS;
}

/* Whether a claim speaks of the token itself and is no claim of the license. */
static bool is_registered(int64_t key)
{
    return key == WALLET_CWT_ISS || key == WALLET_CWT_EXP || key == WALLET_CWT_NBF ||
           key == WALLET_CWT_IAT || key == WALLET_CWT_CTI || key == WALLET_CWT_CNF ||
           key == WALLET_CWT_VCT || key == WALLET_CWT_STATUS;
}

static lw_err take_sub(lw_bytes value, struct wallet_verified *out)
{
    struct wallet_cbor r = wallet_cbor_reader(value);
    out->sub = wallet_cbor_text(&r);
    return wallet_cbor_ok(&r) && out->sub.len > 0
               ? LW_SUCCESS
               : LW_FAIL(LW_E_VALUE, "sdcwt: sub is no text", LW_NOWHERE);
}

static lw_err take_claim(struct wallet_shown shown, struct wallet_verified *out)
{
    if (out->claim_count == WALLET_CLAIMS_MAX) {
        return LW_FAIL(LW_E_LIMIT, "sdcwt: too many claims", LW_NOWHERE);
    }
    LW_TRY(check_kind(shown.cwt_key, shown.value));
    out->claims[out->claim_count++] = shown;
    return LW_SUCCESS;
}

static lw_err take_claims(lw_bytes revealed, struct wallet_verified *out)
{
    struct wallet_cbor r = wallet_cbor_reader(revealed);
    const size_t pairs = wallet_cbor_map(&r);
    for (size_t i = 0; i < pairs; i++) {
        struct wallet_shown shown = {.cwt_key = 0};
        const bool named = wallet_cbor_peek(&r) == WALLET_CBOR_TEXT;
        if (named) {
            shown.name = wallet_cbor_text(&r);
        } else {
            shown.cwt_key = wallet_cbor_int(&r);
        }
        shown.value = wallet_cbor_item(&r);
        if (!wallet_cbor_ok(&r)) {
            return LW_FAIL(LW_E_VALUE, "sdcwt: claim key outside 64 bits", LW_NOWHERE);
        }
        if (!named && shown.cwt_key == WALLET_CWT_SUB) {
            LW_TRY(take_sub(shown.value, out));
        } else if (named || !is_registered(shown.cwt_key)) {
            LW_TRY(take_claim(shown, out));
        }
    }
    return LW_SUCCESS;
}

/* QR-11 and QR-12: every disclosure resolved, what is still hidden dropped. */
static lw_err check_disclosures(const struct wallet_sdcwt *cwt, lw_buf *arena,
                                struct wallet_verified *out)
{
    const size_t from = arena->len;
    size_t hidden = 0;
    LW_TRY(format_sdcwt_reveal(cwt->cose.payload, cwt->sd_claims, arena, &hidden));
    LW_TRY(take_claims((lw_bytes){.ptr = arena->ptr + from, .len = arena->len - from}, out));
    if (out->sub.len == 0 && hidden == 0) {
        return LW_FAIL(LW_E_VALUE, "sdcwt: sub is neither there nor hidden", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static lw_err check_presentation(const struct wallet_sdkbt *kbt, const struct wallet_expect *expect,
                                 lw_buf *arena, struct wallet_checks *checks,
                                 struct wallet_verified *out)
{
    LW_TRY(note(checks, WALLET_CHECK_FRESHNESS, check_kbt_times(kbt)));
    const char *stale = staleness(kbt, expect);
    if (stale != NULL) {
        wallet_check_set(checks, WALLET_CHECK_FRESHNESS, WALLET_CHECK_UNKNOWN, stale);
    }
    LW_TRY(note(checks, WALLET_CHECK_AUDIENCE, check_audience(kbt, expect)));
    LW_TRY(note(checks, WALLET_CHECK_DISCLOSURES, check_disclosures(&kbt->cwt, arena, out)));
    LW_TRY(note(checks, WALLET_CHECK_VALIDITY, check_validity(&kbt->cwt, expect)));
    return stale == NULL ? LW_SUCCESS
                         : LW_FAIL(LW_E_EXPIRED, "sdcwt: presentation is out of date", LW_NOWHERE);
}

static void take_token(const struct wallet_sdcwt *cwt, struct wallet_verified *made)
{
    const bool is_pass = cwt->cti.len > 0 && !cwt->status.present && !cwt->redacted;
    made->format = is_pass ? "pass" : "dc+sd-cwt";
    made->vct = cwt->vct;
    made->iat = cwt->iat;
    made->nbf = cwt->nbf;
    made->exp = cwt->exp;
    made->status = cwt->status;
    made->cti = cwt->cti;
}

lw_err wallet_sdcwt_check(lw_bytes credential, const struct wallet_expect *expect, lw_buf *arena,
                          struct wallet_checks *checks, struct wallet_verified *out)
{
    struct wallet_sdcwt cwt;
    struct wallet_seen seen;
    struct wallet_verified made = {.encoding = WALLET_ENCODING_CBOR};
    LW_TRY(note(checks, WALLET_CHECK_PARSE, wallet_sdcwt_parse(credential, &cwt)));
    LW_TRY(check_issuers(&cwt, expect, checks, &made.issuer, &seen));
    const lw_err cnf = read_cnf(&cwt, expect, &seen, &made.holder_key);
    if (cnf.code != LW_OK) {
        return note(checks, WALLET_CHECK_HOLDER_SIGNATURE, cnf);
    }
    LW_TRY(note(checks, WALLET_CHECK_DISCLOSURES, check_disclosures(&cwt, arena, &made)));
    LW_TRY(note(checks, WALLET_CHECK_VALIDITY, check_validity(&cwt, expect)));
    take_token(&cwt, &made);
    made.holder_proven = false;
    made.kb_iat = INT64_MIN;
    *out = made;
    return LW_SUCCESS;
}

lw_err wallet_sdcwt_verify(lw_bytes presentation, const struct wallet_expect *expect, lw_buf *arena,
                           struct wallet_checks *checks, struct wallet_verified *out)
{
    struct wallet_sdkbt kbt;
    struct wallet_seen seen;
    struct wallet_verified made = {.encoding = WALLET_ENCODING_CBOR};
    LW_TRY(note(checks, WALLET_CHECK_PARSE, wallet_sdkbt_parse(presentation, &kbt)));
    LW_TRY(check_issuers(&kbt.cwt, expect, checks, &made.issuer, &seen));
    LW_TRY(note(checks, WALLET_CHECK_HOLDER_SIGNATURE,
                check_holder(&kbt, expect, &seen, &made.holder_key)));
    LW_TRY(check_presentation(&kbt, expect, arena, checks, &made));
    LW_TRY(hsm_sha256(kbt.cose.signature, made.presentation_id));
    take_token(&kbt.cwt, &made);
    made.holder_proven = true;
    made.kb_iat = kbt.iat;
    *out = made;
    return LW_SUCCESS;
}
