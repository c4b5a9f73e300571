#include "sdjwt_vc_internal.h"
#include "wallet/json_write.h"
#include "wallet/jwk.h"
#include "wallet/value.h"

enum {
    LEVEL_DIGESTS_MAX = WALLET_CLAIMS_MAX + 1,
    JWK_MAX = 512,
    NUMBER_JSON_MAX = 8 * WALLET_NUMBER_MAX, /* each byte may take an escape */
};

/* What issue() works on: the payload being written, and the disclosures beside it. */
struct work {
    const struct wallet_issue *issue;
    struct wallet_json_writer *payload;
    lw_buf *disclosures;
};

/* The digests of one object's "_sd". */
struct level {
    const struct wallet_claim_def *first; /* its first `depth` names lead to the object */
    size_t depth;
    struct wallet_sdjwt_digest digests[LEVEL_DIGESTS_MAX];
    size_t count;
};

static lw_err write_level(struct work *w, const struct wallet_claim_def *first, size_t depth);

static bool leads_to(const struct wallet_claim_def *def, const struct wallet_claim_def *first,
                     size_t depth)
{
    for (size_t i = 0; i < depth; i++) {
        if (!lw_str_eq(def->path[i], first->path[i])) {
            return false;
        }
    }
    return def->depth > depth;
}

static lw_err claim_json(const struct wallet_license *license, size_t def, lw_buf *json, bool *has)
{
    *has = false;
    for (size_t i = 0; i < license->claim_count; i++) {
        if (license->claims[i].def == def) {
            *has = true;
            return wallet_value_to_json(license->claims[i].value, json);
        }
    }
    return LW_SUCCESS;
}

/* Redacts a member of the level's object; without a value, a decoy stands in. */
static lw_err redact(struct work *w, struct level *level, lw_str name, lw_str value)
{
    struct wallet_sdjwt_digest *digest = &level->digests[level->count++];
    return value.len == 0
               ? wallet_sdjwt_decoy(w->issue->rng, digest)
               : wallet_sdjwt_disclose(w->issue->rng, name, value, w->disclosures, digest);
}

static lw_err write_claim(struct work *w, struct level *level, size_t index)
{
    const struct wallet_claim_def *def = &w->issue->type->claims[index];
    const lw_str name = def->path[level->depth];
    bool has = false;
    LW_AUTO_BUF json = LW_BUF(WALLET_VALUE_MAX);
    LW_TRY(claim_json(w->issue->license, index, &json, &has));
    switch (def->disclose) {
    case WALLET_DISCLOSE_CHOICE:
        return redact(w, level, name, lw_buf_text(&json));
    case WALLET_DISCLOSE_ALWAYS:
        if (has) {
            wallet_json_put_name_str(w->payload, name);
            wallet_json_put_raw(w->payload, lw_buf_text(&json));
        }
        return LW_SUCCESS;
    case WALLET_DISCLOSE_NEVER:
        return LW_SUCCESS;
    }
    return LW_SUCCESS;
}

/* Whether an earlier claim has opened the object that `index` lies in. */
static bool was_opened(const struct wallet_license_type *type, size_t index, size_t depth)
{
    for (size_t i = 0; i < index; i++) {
        const struct wallet_claim_def *def = &type->claims[i];
        if (def->disclose != WALLET_DISCLOSE_NEVER && def->depth > depth + 1 &&
            leads_to(def, &type->claims[index], depth + 1)) {
            return true;
        }
    }
    return false;
}

static lw_err write_below(struct work *w, size_t index, size_t depth)
{
    const struct wallet_license_type *type = w->issue->type;
    const struct wallet_claim_def *def = &type->claims[index];
    if (def->disclose == WALLET_DISCLOSE_NEVER || was_opened(type, index, depth)) {
        return LW_SUCCESS;
    }
    wallet_json_put_name_str(w->payload, def->path[depth]);
    wallet_json_put_object(w->payload);
    LW_TRY(write_level(w, def, depth + 1));
    wallet_json_put_end(w->payload);
    return LW_SUCCESS;
}

static void write_digests(struct work *w, struct level *level)
{
    if (level->count == 0) {
        return;
    }
    wallet_sdjwt_sort(level->digests, level->count);
    wallet_json_put_name(w->payload, "_sd");
    wallet_json_put_array(w->payload);
    for (size_t i = 0; i < level->count; i++) {
        wallet_json_put_text(
            w->payload, (lw_str){.ptr = level->digests[i].text, .len = WALLET_SDJWT_DIGEST_LEN});
    }
    wallet_json_put_end(w->payload);
}

/* Writes the claims of one object; as deep as a claim's path, at most WALLET_CLAIM_DEPTH_MAX. */
static lw_err write_level(struct work *w, const struct wallet_claim_def *first, size_t depth)
{
    const struct wallet_license_type *type = w->issue->type;
    struct level level = {.first = first, .depth = depth};
    if (depth == 0) {
        LW_AUTO_BUF number = LW_BUF(NUMBER_JSON_MAX);
        struct wallet_json_writer text = wallet_json_writer(&number);
        wallet_json_put_text(&text, w->issue->license->number);
        LW_TRY(wallet_json_written(&text));
        LW_TRY(redact(w, &level, LW_STR(WALLET_SDJWT_VC_NUMBER), lw_buf_text(&number)));
    }
    for (size_t i = 0; i < type->claim_count; i++) {
        const struct wallet_claim_def *def = &type->claims[i];
        if (!leads_to(def, first, depth)) {
            continue;
        }
        LW_TRY(def->depth == depth + 1 ? write_claim(w, &level, i) : write_below(w, i, depth));
    }
    write_digests(w, &level);
    return LW_SUCCESS;
}

static void write_status(struct wallet_json_writer *w, const struct wallet_status_ref *status)
{
    wallet_json_put_name(w, "status");
    wallet_json_put_object(w);
    wallet_json_put_name(w, "status_list");
    wallet_json_put_object(w);
    wallet_json_member_int(w, "idx", (int64_t)status->idx);
    wallet_json_member_text(w, "uri", status->uri);
    wallet_json_put_end(w);
    wallet_json_put_end(w);
}

static lw_err write_own_claims(const struct wallet_issue *issue, struct wallet_json_writer *w)
{
    LW_AUTO_BUF jwk = LW_BUF(JWK_MAX);
    LW_TRY(wallet_jwk_write(&issue->holder_key, &jwk));
    wallet_json_member_text(w, "vct", issue->type->vct);
    if (issue->issuer_uri.len > 0) {
        wallet_json_member_text(w, "iss", issue->issuer_uri);
    }
    wallet_json_member_int(w, "iat", issue->iat);
    if (issue->license->valid_from > issue->iat) {
        wallet_json_member_int(w, "nbf", issue->license->valid_from);
    }
    wallet_json_member_int(w, "exp", issue->exp);
    wallet_json_put_name(w, "cnf");
    wallet_json_put_object(w);
    wallet_json_member_raw(w, "jwk", lw_buf_text(&jwk));
    wallet_json_put_end(w);
    if (issue->status.present) {
        write_status(w, &issue->status);
    }
    return LW_SUCCESS;
}

static lw_err write_payload(const struct wallet_issue *issue, lw_buf *payload, lw_buf *disclosures)
{
    struct wallet_json_writer w = wallet_json_writer(payload);
    struct work work = {.issue = issue, .payload = &w, .disclosures = disclosures};
    wallet_json_put_object(&w);
    LW_TRY(write_own_claims(issue, &w));
    LW_TRY(write_level(&work, NULL, 0));
    wallet_json_member_c(&w, "_sd_alg", "sha-256");
    wallet_json_put_end(&w);
    return wallet_json_written(&w);
}

/* A claim of the type under a name that means something else would be issued as that. */
static lw_err check_names(const struct wallet_license_type *type)
{
    for (size_t i = 0; i < type->claim_count; i++) {
        const struct wallet_json_text name = {.raw = type->claims[i].path[0]};
        if (sdjwt_vc_is_own(name) || wallet_json_is(name, WALLET_SDJWT_VC_NUMBER)) {
            return LW_FAIL(LW_E_VALUE, "sdjwt: a claim of the type has a reserved name",
                           LW_NOWHERE);
        }
        for (size_t k = 0; k < type->claims[i].depth; k++) {
            const lw_str part = type->claims[i].path[k];
            if (lw_str_is(part, "_sd") || lw_str_is(part, "...") || lw_str_is(part, "_sd_alg")) {
                return LW_FAIL(LW_E_VALUE, "sdjwt: a claim of the type has a reserved name",
                               LW_NOWHERE);
            }
        }
    }
    return LW_SUCCESS;
}

static lw_err check_order(const struct wallet_issue *issue, const struct hsm_signer *signer)
{
    if (issue->pass != NULL) {
        return LW_FAIL(LW_E_UNSUPPORTED, "sdjwt: a pass is no SD-JWT", LW_NOWHERE);
    }
    if (signer->cert.len == 0) {
        return LW_FAIL(LW_E_MISUSE, "sdjwt: the signer has no certificate", LW_NOWHERE);
    }
    if (issue->iat >= issue->exp || issue->license->valid_from >= issue->exp) {
        return LW_FAIL(LW_E_VALUE, "sdjwt: the credential would end before it holds", LW_NOWHERE);
    }
    if (issue->status.present && issue->status.idx > INT64_MAX) {
        return LW_FAIL(LW_E_VALUE, "sdjwt: status index out of range", LW_NOWHERE);
    }
    return check_names(issue->type);
}

static lw_err append(const struct wallet_jws_signing *signing, lw_bytes payload, lw_bytes rest,
                     lw_buf *out)
{
    const struct wallet_jws_header header = {
        .typ = "dc+sd-jwt", .x5c = &signing->signer->cert, .x5c_count = 1};
    LW_TRY(wallet_jws_sign(&header, payload, signing, out));
    LW_TRY(lw_buf_put_byte(out, '~'));
    return lw_buf_put(out, rest);
}

lw_err wallet_sdjwt_vc_issue(const struct wallet_issue *issue, const struct hsm_signer *signer,
                             int64_t now, lw_buf *credential)
{
    LW_AUTO_BUF payload = LW_BUF(WALLET_SDJWT_MAX);
    LW_AUTO_BUF disclosures = LW_BUF(WALLET_SDJWT_MAX);
    LW_TRY(check_order(issue, signer));
    LW_TRY(write_payload(issue, &payload, &disclosures));
    const struct wallet_jws_signing signing = {
        .signer = signer, .purpose = HSM_PURPOSE_CREDENTIAL, .now = now};
    const size_t from = credential->len;
    lw_err err = append(&signing, lw_buf_view(&payload), lw_buf_view(&disclosures), credential);
    if (err.code == LW_OK && credential->len - from > WALLET_SDJWT_MAX) {
        err = LW_FAIL(LW_E_LIMIT, "sdjwt: credential too long", LW_NOWHERE);
    }
    if (err.code != LW_OK) {
        lw_buf_truncate(credential, from);
    }
    return err;
}
