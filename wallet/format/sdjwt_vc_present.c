#include "sdjwt_vc_internal.h"

enum { ARENA_MAX = 8 * WALLET_SDJWT_MAX };

/* Which disclosures to show, found while the credential is put together. */
struct choice {
    const struct wallet_license_type *type;
    const struct wallet_show *show;
    bool shown[WALLET_SDJWT_DISCLOSURES_MAX];
    size_t parents[WALLET_SDJWT_DISCLOSURES_MAX];
};

static lw_err not_found(void)
{
    return LW_FAIL(LW_E_NOT_FOUND, "sdjwt: the credential lacks a claim to be shown", LW_NOWHERE);
}

static bool same_name(struct wallet_json_text name, lw_str plain)
{
    return name.raw.ptr != NULL && wallet_json_same(name, (struct wallet_json_text){.raw = plain});
}

/* Whether a disclosure is of the claim, or lies within it: then it is part of its value. */
static bool is_within(const struct wallet_sdjwt_place *place, const lw_str *path, size_t depth)
{
    if (place->depth < depth) {
        return false;
    }
    for (size_t i = 0; i < depth; i++) {
        if (!same_name(place->path[i], path[i])) {
            return false;
        }
    }
    return true;
}

static lw_err choose(void *ctx, const struct wallet_sdjwt_place *place)
{
    struct choice *choice = ctx;
    const struct wallet_show *show = choice->show;
    const lw_str number = LW_STR(WALLET_SDJWT_VC_NUMBER);
    bool shown = show->disclose_number && is_within(place, &number, 1);
    for (size_t i = 0; i < show->disclose_count && !shown; i++) {
        const struct wallet_claim_def *def = &choice->type->claims[show->disclose[i]];
        shown = is_within(place, def->path, def->depth);
    }
    choice->shown[place->disclosure] = shown;
    choice->parents[place->disclosure] = place->parent;
    return LW_SUCCESS;
}

/* A disclosure can be shown only with those that hold it. */
static void add_parents(struct choice *choice, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = choice->shown[i] ? choice->parents[i] : SIZE_MAX; k != SIZE_MAX;
             k = choice->parents[k]) {
            choice->shown[k] = true;
        }
    }
}

/* Whether the processed claims have a value at `path`. */
static bool has_claim(lw_str claims, const lw_str *path, size_t depth)
{
    struct wallet_json r;
    size_t level = 0;
    wallet_json_start(&r, claims);
    while (level < depth && wallet_json_peek(&r) == WALLET_JSON_OBJECT) {
        struct wallet_json_text name;
        bool found = false;
        wallet_json_object(&r);
        while (!found && wallet_json_member(&r, &name)) {
            found = same_name(name, path[level]);
        }
        if (!found) {
            return false;
        }
        level++;
    }
    return level == depth;
}

/* Refuses to show less than was asked for. */
static lw_err check_all_there(const struct choice *choice, lw_str claims)
{
    const struct wallet_show *show = choice->show;
    const lw_str number = LW_STR(WALLET_SDJWT_VC_NUMBER);
    if (show->disclose_number && !has_claim(claims, &number, 1)) {
        return not_found();
    }
    for (size_t i = 0; i < show->disclose_count; i++) {
        const struct wallet_claim_def *def = &choice->type->claims[show->disclose[i]];
        if (!has_claim(claims, def->path, def->depth)) {
            return not_found();
        }
    }
    return LW_SUCCESS;
}

/* The credential is bound to one key; a signature by another would only be refused later. */
static lw_err check_bound(const struct sdjwt_vc *vc, const struct hsm_signer *holder)
{
    if (!vc->has_cnf || !hsm_public_key_eq(&vc->holder_key, &holder->key)) {
        return LW_FAIL(LW_E_DENIED, "sdjwt: the credential is bound to another key", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static lw_err check_indexes(const struct wallet_license_type *type, const struct wallet_show *show)
{
    for (size_t i = 0; i < show->disclose_count; i++) {
        if (show->disclose[i] >= type->claim_count) {
            return not_found();
        }
    }
    return LW_SUCCESS;
}

static lw_err put_shown(const struct wallet_sdjwt *sd, const struct choice *choice, lw_buf *out)
{
    LW_TRY(lw_buf_put_str(out, sd->issuer_jwt));
    LW_TRY(lw_buf_put_byte(out, '~'));
    for (size_t i = 0; i < sd->disclosure_count; i++) {
        if (choice->shown[i]) {
            LW_TRY(lw_buf_put_str(out, sd->disclosures[i]));
            LW_TRY(lw_buf_put_byte(out, '~'));
        }
    }
    return LW_SUCCESS;
}

static lw_err append(const struct wallet_sdjwt *sd, const struct choice *choice, lw_buf *out)
{
    const size_t from = out->len;
    const struct wallet_sdjwt_binding binding = {.aud = choice->show->aud,
                                                 .nonce = lw_bytes_str(choice->show->nonce),
                                                 .iat = choice->show->iat};
    LW_TRY(put_shown(sd, choice, out));
    return wallet_sdjwt_bind(out, from, &binding, choice->show->holder);
}

lw_err wallet_sdjwt_vc_present(const struct wallet_license_type *type, lw_bytes credential,
                               const struct wallet_show *show, lw_buf *presentation)
{
    struct wallet_sdjwt sd;
    struct sdjwt_vc vc;
    lw_str claims;
    LW_AUTO_BUF arena = LW_BUF(ARENA_MAX);
    struct choice choice = {.type = type, .show = show};
    const struct wallet_sdjwt_rules rules = {
        .permanent = sdjwt_vc_permanent, .found = choose, .ctx = &choice};
    LW_TRY(check_indexes(type, show));
    LW_TRY(wallet_sdjwt_split(lw_bytes_str(credential), &sd));
    if (sd.kb_jwt.len > 0) {
        return LW_FAIL(LW_E_VALUE, "sdjwt: a presentation is no credential", LW_NOWHERE);
    }
    LW_TRY(wallet_sdjwt_reserve(&arena, credential.len));
    LW_TRY(sdjwt_vc_parse(sd.issuer_jwt, &arena, &vc));
    LW_TRY(check_bound(&vc, show->holder));
    LW_TRY(wallet_sdjwt_process(&sd, lw_bytes_str(vc.jws.payload), &rules, &arena, &claims));
    LW_TRY(check_all_there(&choice, claims));
    add_parents(&choice, sd.disclosure_count);
    const size_t from = presentation->len;
    const lw_err err = append(&sd, &choice, presentation);
    if (err.code != LW_OK) {
        lw_buf_truncate(presentation, from);
    }
    return err;
}
