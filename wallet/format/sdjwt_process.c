/* SDJ-7 to SDJ-16: payload and disclosures put together (RFC 9901 sections 7.1 and 7.3). */
#include "hsm/digest.h"
#include "sdjwt_digests.h"
#include "wallet/base64.h"

/* A disclosure decoded; its ranges lie in the arena. */
struct disclosure {
    struct wallet_sdjwt_digest digest;
    bool named;
    struct wallet_json_text name;
    lw_str value;
};

struct walk {
    const struct wallet_sdjwt_rules *rules;
    lw_buf *arena;
    uint8_t *out; /* the result, in the room that reserve() made */
    size_t len;
    size_t max;
    lw_err err; /* the first error */
    unsigned depth;
    size_t parent; /* the disclosure being walked, or SIZE_MAX in the payload */
    size_t embedded;
    struct wallet_json_text path[WALLET_JSON_DEPTH_MAX];
    struct disclosure disclosures[WALLET_SDJWT_DISCLOSURES_MAX];
    struct sdjwt_digests digests;
};

static void walk_value(struct walk *w, struct wallet_json *r);

static bool ok(const struct walk *w)
{
    return w->err.code == LW_OK;
}

static void take_error(struct walk *w, lw_err err)
{
    if (ok(w)) {
        w->err = err;
    }
}

static void fail(struct walk *w, lw_code code, const char *why)
{
    take_error(w, LW_FAIL(code, why, LW_NOWHERE));
}

static void put(struct walk *w, lw_str text)
{
    if (!ok(w)) {
        return;
    }
    if (w->max - w->len < text.len) {
        fail(w, LW_E_LIMIT, "sdjwt: the result is longer than its parts");
        return;
    }
    if (text.len > 0) {
        memcpy(w->out + w->len, text.ptr, text.len);
        w->len += text.len;
    }
}

/* Puts the comma that parts an item from the one before. */
static void begin_item(struct walk *w, bool *items)
{
    if (*items) {
        put(w, LW_STR(","));
    }
    *items = true;
}

/* A name with its quotes, as it stands in its text. */
static lw_str quoted(struct wallet_json_text name)
{
    return (lw_str){.ptr = name.raw.ptr - 1, .len = name.raw.len + 2};
}

static void put_name(struct walk *w, struct wallet_json_text name)
{
    put(w, quoted(name));
    put(w, LW_STR(":"));
    w->path[w->depth - 1] = name;
}

static void enter(struct walk *w)
{
    if (w->depth == WALLET_JSON_DEPTH_MAX) {
        fail(w, LW_E_LIMIT, "sdjwt: SDJ-2 nested too deep");
        return;
    }
    w->path[w->depth] = (struct wallet_json_text){.raw = {.ptr = NULL, .len = 0}};
    w->depth++;
}

static void end_level(struct walk *w, const struct wallet_json *r, lw_str bracket)
{
    if (!wallet_json_ok(r)) {
        take_error(w, r->err);
    }
    put(w, bracket);
    w->depth -= ok(w) ? 1 : 0;
}

static bool is_permanent(const struct walk *w)
{
    const char *const *names = w->rules->permanent;
    for (size_t i = 0; names != NULL && names[i] != NULL; i++) {
        if (w->path[0].raw.ptr != NULL && wallet_json_is(w->path[0], names[i])) {
            return true;
        }
    }
    return false;
}

/* Puts a disclosed value in its place, which w->path names, and goes on within it. */
static void insert(struct walk *w, size_t index)
{
    if (is_permanent(w)) {
        fail(w, LW_E_VALUE, "sdjwt: SDJ-16 a claim that must be permanent was disclosed");
    }
    if (ok(w) && w->rules->found != NULL) {
        const struct wallet_sdjwt_place place = {
            .disclosure = index, .parent = w->parent, .path = w->path, .depth = w->depth};
        w->err = w->rules->found(w->rules->ctx, &place);
    }
    if (!ok(w)) {
        return;
    }
    struct wallet_json r;
    const size_t parent = w->parent;
    w->parent = index;
    wallet_json_start(&r, w->disclosures[index].value);
    walk_value(w, &r);
    w->parent = parent;
    if (ok(w)) {
        w->err = wallet_json_finish(&r);
    }
}

/* Reads an embedded digest; returns the disclosure it stands for, or SDJWT_NO_DISCLOSURE. */
static size_t read_digest(struct walk *w, struct wallet_json *r)
{
    uint8_t bytes[HSM_SHA256_LEN];
    if (wallet_json_peek(r) != WALLET_JSON_STRING) {
        fail(w, LW_E_VALUE, "sdjwt: SDJ-9 a digest is no string");
        return SDJWT_NO_DISCLOSURE;
    }
    /* One text for each digest: otherwise two texts of one digest could pass for two. */
    const struct wallet_json_text text = wallet_json_string(r);
    if (!wallet_json_ok(r) ||
        wallet_base64url_decode_exact(text.raw, bytes, sizeof(bytes)).code != LW_OK) {
        fail(w, LW_E_VALUE, "sdjwt: SDJ-9 a digest is not base64url of 32 bytes");
        return SDJWT_NO_DISCLOSURE;
    }
    if (w->embedded == WALLET_SDJWT_DIGESTS_MAX) {
        fail(w, LW_E_LIMIT, "sdjwt: SDJ-2 too many digests");
        return SDJWT_NO_DISCLOSURE;
    }
    w->embedded++;
    bool added = false;
    struct sdjwt_entry *entry = sdjwt_digests_take(&w->digests, text.raw.ptr, &added);
    if (entry->met) {
        fail(w, LW_E_VALUE, "sdjwt: SDJ-10 a digest is embedded twice");
    }
    entry->met = true;
    return ok(w) ? entry->disclosure : SDJWT_NO_DISCLOSURE;
}

/* "_sd": digests of members of the object that is being written. */
static void walk_sd(struct walk *w, struct wallet_json *r, bool *items)
{
    if (wallet_json_peek(r) != WALLET_JSON_ARRAY) {
        fail(w, LW_E_VALUE, "sdjwt: SDJ-9 _sd is no array");
        return;
    }
    wallet_json_array(r);
    while (ok(w) && wallet_json_element(r)) {
        const size_t index = read_digest(w, r);
        if (index == SDJWT_NO_DISCLOSURE) {
            continue;
        }
        if (!w->disclosures[index].named) {
            fail(w, LW_E_VALUE, "sdjwt: SDJ-11 a member is disclosed without a name");
            return;
        }
        begin_item(w, items);
        put_name(w, w->disclosures[index].name);
        insert(w, index);
    }
}

/* {"...": digest}, after the name was read: an element disclosed, or dropped. */
static void walk_placeholder(struct walk *w, struct wallet_json *r, bool *items)
{
    struct wallet_json_text name;
    const size_t index = read_digest(w, r);
    if (!ok(w)) {
        return;
    }
    if (wallet_json_member(r, &name)) {
        fail(w, LW_E_VALUE, "sdjwt: SDJ-9 a placeholder with other members");
    }
    if (!ok(w) || index == SDJWT_NO_DISCLOSURE) {
        return;
    }
    if (w->disclosures[index].named) {
        fail(w, LW_E_VALUE, "sdjwt: SDJ-12 an element is disclosed with a name");
        return;
    }
    begin_item(w, items);
    insert(w, index);
}

static void walk_alg(struct walk *w, struct wallet_json *r)
{
    if (w->depth != 1 || w->parent != SIZE_MAX) {
        fail(w, LW_E_VALUE, "sdjwt: SDJ-7 _sd_alg below the top level");
    } else if (wallet_json_peek(r) != WALLET_JSON_STRING) {
        fail(w, LW_E_VALUE, "sdjwt: SDJ-7 _sd_alg is no string");
    } else if (!wallet_json_is(wallet_json_string(r), "sha-256")) {
        fail(w, LW_E_UNSUPPORTED, "sdjwt: SDJ-7 _sd_alg is not sha-256");
    }
}

/* A member without anything to open is copied with its name in one piece. */
static void copy_member(struct walk *w, struct wallet_json *r, struct wallet_json_text name)
{
    const enum wallet_json_type type = wallet_json_peek(r);
    if (type == WALLET_JSON_OBJECT || type == WALLET_JSON_ARRAY) {
        put_name(w, name);
        walk_value(w, r);
        return;
    }
    const char *from = quoted(name).ptr;
    const lw_str value = wallet_json_value(r);
    if (wallet_json_ok(r)) {
        put(w, (lw_str){.ptr = from, .len = (size_t)(value.ptr + value.len - from)});
    }
}

static void walk_member(struct walk *w, struct wallet_json *r, struct wallet_json_text name,
                        bool *items)
{
    if (wallet_json_is(name, "_sd")) {
        walk_sd(w, r, items);
    } else if (wallet_json_is(name, "_sd_alg")) {
        walk_alg(w, r);
    } else if (wallet_json_is(name, "...")) {
        fail(w, LW_E_VALUE, "sdjwt: SDJ-9 a placeholder outside an array or with other members");
    } else {
        begin_item(w, items);
        copy_member(w, r, name);
    }
}

/* `items` belongs to the array whose element the object is; NULL when it is none. */
static void walk_object(struct walk *w, struct wallet_json *r, bool *items)
{
    struct wallet_json_text name;
    wallet_json_object(r);
    bool more = wallet_json_member(r, &name);
    if (items != NULL && more && wallet_json_is(name, "...")) {
        walk_placeholder(w, r, items);
        return;
    }
    if (items != NULL) {
        begin_item(w, items);
    }
    enter(w);
    put(w, LW_STR("{"));
    bool members = false;
    while (ok(w) && more) {
        walk_member(w, r, name, &members);
        more = ok(w) && wallet_json_member(r, &name);
    }
    end_level(w, r, LW_STR("}"));
}

static void walk_array(struct walk *w, struct wallet_json *r)
{
    wallet_json_array(r);
    enter(w);
    put(w, LW_STR("["));
    bool items = false;
    while (ok(w) && wallet_json_element(r)) {
        if (wallet_json_peek(r) == WALLET_JSON_OBJECT) {
            walk_object(w, r, &items);
        } else {
            begin_item(w, &items);
            walk_value(w, r);
        }
    }
    end_level(w, r, LW_STR("]"));
}

/* The recursion is bounded by enter(). */
static void walk_value(struct walk *w, struct wallet_json *r)
{
    const enum wallet_json_type type = wallet_json_peek(r);
    if (type == WALLET_JSON_OBJECT) {
        walk_object(w, r, NULL);
    } else if (type == WALLET_JSON_ARRAY) {
        walk_array(w, r);
    } else {
        put(w, wallet_json_value(r));
    }
}

/* A string's text out of the exact bytes of its value. */
static struct wallet_json_text text_of(lw_str quoted)
{
    const lw_str raw = {.ptr = quoted.ptr + 1, .len = quoted.len - 2};
    const bool escaped = raw.len > 0 && memchr(raw.ptr, '\\', raw.len) != NULL;
    return (struct wallet_json_text){.raw = raw, .escaped = escaped};
}

static lw_err bad_disclosure(const char *why)
{
    return LW_FAIL(LW_E_VALUE, why, LW_NOWHERE);
}

/* [salt, value] or [salt, name, value]. */
static lw_err read_disclosure(lw_str json, struct disclosure *d)
{
    static const char not_json[] = "sdjwt: SDJ-8 a disclosure is not strict JSON";
    struct wallet_json r;
    lw_str parts[3];
    size_t count = 0;
    bool text[3] = {false, false, false};
    wallet_json_start(&r, json);
    if (wallet_json_peek(&r) != WALLET_JSON_ARRAY) {
        return bad_disclosure("sdjwt: SDJ-8 a disclosure is no array");
    }
    wallet_json_array(&r);
    while (wallet_json_element(&r)) {
        if (count == 3) {
            return bad_disclosure("sdjwt: SDJ-8 a disclosure has not two or three elements");
        }
        text[count] = wallet_json_peek(&r) == WALLET_JSON_STRING;
        parts[count++] = wallet_json_value(&r);
    }
    const lw_err err = wallet_json_finish(&r);
    if (err.code != LW_OK) {
        return LW_FAIL(err.code, not_json, LW_NOWHERE);
    }
    if (count < 2) {
        return bad_disclosure("sdjwt: SDJ-8 a disclosure has not two or three elements");
    }
    if (!text[0]) {
        return bad_disclosure("sdjwt: SDJ-8 a salt is no string");
    }
    d->named = count == 3;
    d->value = parts[count - 1];
    if (!d->named) {
        return LW_SUCCESS;
    }
    if (!text[1]) {
        return bad_disclosure("sdjwt: SDJ-11 a name is no string");
    }
    d->name = text_of(parts[1]);
    if (wallet_json_is(d->name, "_sd") || wallet_json_is(d->name, "...") ||
        wallet_json_is(d->name, "_sd_alg")) {
        return bad_disclosure("sdjwt: SDJ-11 a reserved name is disclosed");
    }
    return LW_SUCCESS;
}

/* SDJ-8. */
static lw_err take_disclosure(struct walk *w, lw_str text, size_t index)
{
    struct disclosure *d = &w->disclosures[index];
    const size_t from = w->arena->len;
    bool added = false;
    LW_TRY(wallet_sdjwt_digest_of(text, &d->digest));
    struct sdjwt_entry *entry = sdjwt_digests_take(&w->digests, d->digest.text, &added);
    if (!added) {
        return bad_disclosure("sdjwt: SDJ-8 two disclosures are equal");
    }
    entry->disclosure = (uint8_t)index; /* below WALLET_SDJWT_DISCLOSURES_MAX */
    const lw_err err = wallet_base64url_decode(text, w->arena);
    if (err.code == LW_E_SYNTAX) {
        return bad_disclosure("sdjwt: SDJ-8 a disclosure is not base64url");
    }
    LW_TRY(err);
    return read_disclosure(lw_str_from(lw_buf_text(w->arena), from), d);
}

static lw_err check_all_used(const struct walk *w, size_t disclosure_count)
{
    for (size_t i = 0; i < disclosure_count; i++) {
        if (!w->digests.entries[i].met) {
            return LW_FAIL(LW_E_SIGNATURE, "sdjwt: SDJ-15 no digest stands for a disclosure",
                           LW_NOWHERE);
        }
    }
    return LW_SUCCESS;
}

static lw_err walk_payload(struct walk *w, lw_str payload)
{
    struct wallet_json r;
    wallet_json_start(&r, payload);
    if (wallet_json_peek(&r) != WALLET_JSON_OBJECT) {
        return LW_FAIL(LW_E_SYNTAX, "sdjwt: SDJ-4 the payload is no object", 0);
    }
    walk_value(w, &r);
    return ok(w) ? wallet_json_finish(&r) : w->err;
}

/* Reads the result once more, strictly. All its parts were checked, so what can be wrong now is a
 * name that was disclosed beside itself. */
static lw_err read_result(const struct walk *w, lw_str result)
{
    struct wallet_json r;
    struct wallet_json_text name;
    wallet_json_start(&r, result);
    wallet_json_object(&r);
    while (wallet_json_member(&r, &name)) {
        if (w->rules->claim != NULL) {
            LW_TRY(w->rules->claim(w->rules->ctx, &r, name));
        }
    }
    const lw_err err = wallet_json_finish(&r);
    if (err.code == LW_E_VALUE) {
        return LW_FAIL(LW_E_VALUE, "sdjwt: SDJ-11 a disclosed name exists already", LW_NOWHERE);
    }
    return err;
}

static lw_err process(struct walk *w, const struct wallet_sdjwt *sd, lw_str payload, lw_str *claims)
{
    const size_t before = w->arena->len;
    for (size_t i = 0; i < sd->disclosure_count; i++) {
        LW_TRY(take_disclosure(w, sd->disclosures[i], i));
    }
    /* The result is never longer than its parts, for it leaves out brackets and salts. */
    w->max = payload.len + (w->arena->len - before);
    LW_TRY(lw_buf_reserve(w->arena, w->max, &w->out));
    LW_TRY(walk_payload(w, payload));
    LW_TRY(check_all_used(w, sd->disclosure_count));
    const lw_str result = {.ptr = (const char *)w->out, .len = w->len};
    lw_buf_commit(w->arena, w->len);
    LW_TRY(read_result(w, result));
    *claims = result;
    return LW_SUCCESS;
}

/* What is appended must not move while ranges of it are kept. */
static lw_err reserve(const struct wallet_sdjwt *sd, size_t payload_len, lw_buf *arena)
{
    size_t decoded = 0;
    for (size_t i = 0; i < sd->disclosure_count; i++) {
        decoded += sd->disclosures[i].len / 4 * 3 + 2;
    }
    return wallet_jws_reserve(arena, payload_len + 2 * decoded);
}

lw_err wallet_sdjwt_process(const struct wallet_sdjwt *sd, lw_str payload,
                            const struct wallet_sdjwt_rules *rules, lw_buf *arena, lw_str *claims)
{
    struct walk w;
    w.rules = rules;
    w.arena = arena;
    w.out = NULL;
    w.len = 0;
    w.max = 0;
    w.err = LW_SUCCESS;
    w.depth = 0;
    w.parent = SIZE_MAX;
    w.embedded = 0;
    sdjwt_digests_init(&w.digests);
    *claims = (lw_str){.ptr = NULL, .len = 0};
    LW_TRY(reserve(sd, payload.len, arena));
    return process(&w, sd, payload, claims);
}
