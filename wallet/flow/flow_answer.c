/* The answer to a verification: what it says of a presentation, and its JSON (SHAPES "Answers"). */
#include "verify_source.h"
#include "wallet/json_write.h"
#include "wallet/value.h"

enum { CLAIMS_JSON_MAX = 256 * 1024, KEY_TEXT_MAX = 32 };

void wallet_answer_free(struct wallet_answer *answer)
{
    lw_buf_free(&answer->type);
    lw_buf_free(&answer->agency);
    lw_buf_free(&answer->issuer_name);
    lw_buf_free(&answer->claims);
}

/* Puts a claim's value as JSON, whatever its encoding. */
static void put_value(struct wallet_json_writer *w, const struct wallet_verified *verified,
                      lw_bytes value)
{
    if (verified->encoding == WALLET_ENCODING_JSON) {
        wallet_json_put_raw(w, lw_bytes_str(value));
        return;
    }
    LW_AUTO_BUF json = LW_BUF(CLAIMS_JSON_MAX);
    const lw_err err = wallet_value_to_json(value, &json);
    if (err.code != LW_OK) {
        wallet_json_put_fail(w, err);
        return;
    }
    wallet_json_put_raw(w, lw_buf_text(&json));
}

/* The claim's definition, or NULL: then it is called by its key. */
static const struct wallet_claim_def *def_of(const struct wallet_license_type *type,
                                             const struct wallet_shown *shown)
{
    const size_t def = type == NULL || shown->cwt_key == 0
                           ? SIZE_MAX
                           : wallet_license_type_claim_by_key(type, shown->cwt_key);
    return def == SIZE_MAX ? NULL : &type->claims[def];
}

/* What writes the claims of one level: those that share the first `depth` names of `of`. */
struct level {
    const struct wallet_verified *verified;
    const struct wallet_license_type *type;
    const struct wallet_claim_def *of;
    size_t depth;
};

static bool is_below(const struct wallet_claim_def *def, const struct wallet_claim_def *of,
                     size_t depth)
{
    if (def == NULL || def->depth < depth || of->depth < depth) {
        return false;
    }
    for (size_t i = 0; i < depth; i++) {
        if (!lw_str_eq(def->path[i], of->path[i])) {
            return false;
        }
    }
    return true;
}

/* Whether a claim before `at` stands under the same name, so that it was written with it. */
static bool is_written(const struct level *level, size_t at, const struct wallet_claim_def *def)
{
    for (size_t i = 0; i < at; i++) {
        if (is_below(def_of(level->type, &level->verified->claims[i]), def, level->depth + 1)) {
            return true;
        }
    }
    return false;
}

static void put_level(struct wallet_json_writer *w, const struct level *level);

static void put_claim(struct wallet_json_writer *w, const struct level *level, size_t at)
{
    const struct wallet_shown *shown = &level->verified->claims[at];
    const struct wallet_claim_def *def = def_of(level->type, shown);
    if (!is_below(def, level->of == NULL ? def : level->of, level->depth) ||
        is_written(level, at, def)) {
        return;
    }
    wallet_json_put_name_str(w, def->path[level->depth]);
    if (def->depth == level->depth + 1) {
        put_value(w, level->verified, shown->value);
        return;
    }
    const struct level below = {
        .verified = level->verified, .type = level->type, .of = def, .depth = level->depth + 1};
    wallet_json_put_object(w);
    put_level(w, &below);
    wallet_json_put_end(w);
}

/* At most WALLET_CLAIM_DEPTH_MAX levels. */
static void put_level(struct wallet_json_writer *w, const struct level *level)
{
    for (size_t i = 0; i < level->verified->claim_count; i++) {
        if (def_of(level->type, &level->verified->claims[i]) != NULL) {
            put_claim(w, level, i);
        }
    }
}

static void put_unnamed(struct wallet_json_writer *w, const struct wallet_verified *verified,
                        const struct wallet_shown *shown)
{
    LW_AUTO_BUF key = LW_BUF(KEY_TEXT_MAX);
    if (shown->name.len > 0) {
        wallet_json_put_name_str(w, shown->name);
    } else {
        const lw_err err = lw_buf_put_int(&key, shown->cwt_key);
        if (err.code != LW_OK) {
            wallet_json_put_fail(w, err);
            return;
        }
        wallet_json_put_name_str(w, lw_buf_text(&key));
    }
    put_value(w, verified, shown->value);
}

static lw_err put_claims(const struct wallet_verified *verified,
                         const struct wallet_license_type *type, lw_buf *claims)
{
    struct wallet_json_writer w = wallet_json_writer(claims);
    const struct level top = {.verified = verified, .type = type};
    wallet_json_put_object(&w);
    if (verified->sub.len > 0 && strcmp(verified->format, "pass") != 0) {
        wallet_json_member_text(&w, "number", verified->sub); /* a pass's is random */
    }
    put_level(&w, &top);
    for (size_t i = 0; i < verified->claim_count; i++) {
        if (def_of(type, &verified->claims[i]) == NULL) {
            put_unnamed(&w, verified, &verified->claims[i]);
        }
    }
    wallet_json_put_end(&w);
    return wallet_json_written(&w);
}

lw_err answer_describe(const struct wallet_verified *verified,
                       const struct wallet_license_type *type, struct wallet_answer *answer)
{
    LW_TRY(lw_buf_put_str(&answer->type, type == NULL ? verified->vct : type->id));
    LW_TRY(lw_buf_put_str(&answer->agency, verified->issuer->agency));
    LW_TRY(lw_buf_put_str(&answer->issuer_name, verified->issuer->name));
    answer->holder_proven = verified->holder_proven;
    return answer->result == WALLET_ACCEPTED ? put_claims(verified, type, &answer->claims)
                                             : LW_SUCCESS;
}

static const char *result_name(enum wallet_result result)
{
    switch (result) {
    case WALLET_ACCEPTED:
        return "accepted";
    case WALLET_REFUSED:
        return "refused";
    case WALLET_UNDETERMINED:
        break;
    }
    return "undetermined";
}

static void put_reason(struct wallet_json_writer *w, const struct wallet_answer *answer)
{
    if (answer->reason_code == NULL) {
        return;
    }
    wallet_json_put_name(w, "reason");
    wallet_json_put_object(w);
    wallet_json_member_c(w, "code", answer->reason_code);
    wallet_json_member_c(w, "text", answer->reason_text == NULL ? "" : answer->reason_text);
    if (answer->reason_next != NULL) {
        wallet_json_member_c(w, "next", answer->reason_next);
    }
    wallet_json_put_end(w);
}

static void put_checks(struct wallet_json_writer *w, const struct wallet_checks *checks)
{
    wallet_json_put_name(w, "checks");
    wallet_json_put_array(w);
    for (size_t i = 0; i < WALLET_CHECK_COUNT; i++) {
        const struct wallet_check_line *line = &checks->line[i];
        wallet_json_put_object(w);
        wallet_json_member_c(w, "name", wallet_check_name((enum wallet_check)i));
        wallet_json_member_c(w, "result", wallet_check_result_name(line->result));
        if (line->detail != NULL) {
            wallet_json_member_c(w, "detail", line->detail);
        }
        wallet_json_put_end(w);
    }
    wallet_json_put_end(w);
}

static void put_issuer(struct wallet_json_writer *w, const struct wallet_answer *answer)
{
    wallet_json_put_name(w, "issuer");
    if (answer->issuer_name.len == 0 && answer->agency.len == 0) {
        wallet_json_put_null(w);
        return;
    }
    wallet_json_put_object(w);
    wallet_json_member_text(w, "agency", lw_buf_text(&answer->agency));
    wallet_json_member_text(w, "name", lw_buf_text(&answer->issuer_name));
    wallet_json_put_end(w);
}

static void put_status(struct wallet_json_writer *w, const struct wallet_answer *answer)
{
    wallet_json_put_name(w, "status");
    if (answer->status_value == NULL && answer->status_as_of == INT64_MIN) {
        wallet_json_put_null(w);
        return;
    }
    wallet_json_put_object(w);
    wallet_json_put_name(w, "value");
    if (answer->status_value == NULL) {
        wallet_json_put_null(w);
    } else {
        wallet_json_put_c(w, answer->status_value);
    }
    if (answer->status_as_of != INT64_MIN) {
        wallet_json_member_time(w, "as_of", answer->status_as_of);
        wallet_json_member_int(w, "age_s", answer->status_age_s);
    }
    wallet_json_put_end(w);
}

static void put_type(struct wallet_json_writer *w, const struct wallet_answer *answer)
{
    wallet_json_put_name(w, "type");
    if (answer->type.len == 0) {
        wallet_json_put_null(w);
    } else {
        wallet_json_put_text(w, lw_buf_text(&answer->type));
    }
}

lw_err wallet_answer_json(const struct wallet_answer *answer, lw_buf *json)
{
    struct wallet_json_writer w = wallet_json_writer(json);
    wallet_json_put_object(&w);
    wallet_json_member_c(&w, "id", answer->id);
    wallet_json_member_c(&w, "result", result_name(answer->result));
    put_reason(&w, answer);
    put_checks(&w, &answer->checks);
    put_type(&w, answer);
    put_issuer(&w, answer);
    wallet_json_member_bool(&w, "holder_proven", answer->holder_proven);
    wallet_json_member_raw(&w, "claims",
                           answer->claims.len == 0 ? LW_STR("{}") : lw_buf_text(&answer->claims));
    put_status(&w, answer);
    if (answer->receipt[0] != 0) {
        wallet_json_member_c(&w, "receipt", answer->receipt);
    }
    wallet_json_put_end(&w);
    return wallet_json_written(&w);
}
