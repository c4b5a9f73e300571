#include "wallet/json_doc.h"

#include <stdio.h>

void wallet_json_doc_free(json_t **doc)
{
    json_decref(*doc);
    *doc = NULL;
}

/* jansson's own limit of 2,048 levels is far above what a document needs, and too deep for the
 * functions that walk a tree. Brackets inside strings do not count. */
static lw_err check_depth(lw_bytes text)
{
    size_t depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = text.ptr[i];
        if (in_string) {
            if (c == '\\') {
                i++;
            } else if (c == '"') {
                in_string = false;
            }
            continue;
        }
        if (c == '"') {
            in_string = true;
        } else if (c == '{' || c == '[') {
            depth++;
            if (depth > WALLET_JSON_DOC_DEPTH_MAX) {
                return LW_FAIL(LW_E_LIMIT, "json: nested too deep", i);
            }
        } else if ((c == '}' || c == ']') && depth > 0) {
            depth--;
        }
    }
    return LW_SUCCESS;
}

lw_err wallet_json_doc_parse(lw_bytes text, size_t max, json_t **doc)
{
    if (text.len > max) {
        return LW_FAIL(LW_E_LIMIT, "json: document too long", max);
    }
    LW_TRY(check_depth(text));
    json_error_t error = {.text = ""};
    const char *in = text.len == 0 ? "" : (const char *)text.ptr;
    json_t *tree = json_loadb(in, text.len, JSON_REJECT_DUPLICATES, &error);
    if (tree != NULL) {
        *doc = tree;
        return LW_SUCCESS;
    }
    const size_t at = error.position < 0 ? LW_NOWHERE : (size_t)error.position;
    /* jansson says nothing at all when an allocation fails. */
    if (error.text[0] == '\0') {
        return LW_FAIL(LW_E_NOMEM, "json: out of memory", LW_NOWHERE);
    }
    if (json_error_code(&error) == json_error_duplicate_key) {
        return LW_FAIL(LW_E_SYNTAX, "json: member name given twice", at);
    }
    return LW_FAIL(LW_E_SYNTAX, "json: not well formed", at);
}

static int append(const char *text, size_t len, void *ctx)
{
    return lw_buf_put_str(ctx, (lw_str){.ptr = text, .len = len}).code == LW_OK ? 0 : -1;
}

lw_err wallet_json_doc_write(const json_t *value, lw_buf *out)
{
    const size_t start = out->len;
    if (json_dump_callback(value, append, out, JSON_COMPACT | JSON_ENCODE_ANY) != 0) {
        lw_buf_truncate(out, start);
        return LW_FAIL(LW_E_LIMIT, "json: document does not fit", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

struct wallet_json_at wallet_json_at_root(const json_t *doc, struct wallet_json_faults *faults)
{
    return (struct wallet_json_at){.value = doc, .faults = faults};
}

struct wallet_json_at wallet_json_at_member(const struct wallet_json_at *at, const char *name)
{
    return (struct wallet_json_at){.value = json_object_get(at->value, name),
                                   .parent = at,
                                   .name = name,
                                   .faults = at->faults};
}

struct wallet_json_at wallet_json_at_element(const struct wallet_json_at *at, size_t index)
{
    return (struct wallet_json_at){.value = json_array_get(at->value, index),
                                   .parent = at,
                                   .index = index,
                                   .faults = at->faults};
}

/* A pointer being written; once it is full the rest is dropped. */
struct pointer {
    char *text;
    size_t len;
    bool full;
};

static void put(struct pointer *p, const char *text)
{
    const size_t len = strlen(text);
    if (p->full || WALLET_POINTER_MAX - 1 - p->len < len) {
        p->full = true;
        return;
    }
    memcpy(p->text + p->len, text, len + 1);
    p->len += len;
}

/* RFC 6901 section 3: "~" and "/" inside a name are written "~0" and "~1". */
static void put_name(struct pointer *p, const char *name)
{
    for (const char *c = name; *c != '\0'; c++) {
        const char plain[2] = {*c, '\0'};
        put(p, *c == '~' ? "~0" : *c == '/' ? "~1" : plain);
    }
}

/* The recursion is as deep as the document. */
static void put_place(struct pointer *p, const struct wallet_json_at *at)
{
    if (at->parent == NULL) {
        return;
    }
    put_place(p, at->parent);
    put(p, "/");
    if (at->name != NULL) {
        put_name(p, at->name);
        return;
    }
    char index[24];
    (void)snprintf(index, sizeof(index), "%zu", at->index);
    put(p, index);
}

void wallet_json_at_pointer(const struct wallet_json_at *at, char pointer[WALLET_POINTER_MAX])
{
    struct pointer p = {.text = pointer};
    pointer[0] = '\0';
    put_place(&p, at);
    if (p.full) {
        const size_t keep = p.len < WALLET_POINTER_MAX - 4 ? p.len : WALLET_POINTER_MAX - 4;
        memcpy(pointer + keep, "...", 4);
    }
}

void wallet_json_at_fault(const struct wallet_json_at *at, const char *what)
{
    struct wallet_json_faults *faults = at->faults;
    if (faults->count < faults->max) {
        wallet_json_at_pointer(at, faults->list[faults->count].pointer);
        faults->list[faults->count].what = what;
    }
    faults->count++;
}

static lw_str text_of(const json_t *value)
{
    return (lw_str){.ptr = json_string_value(value), .len = json_string_length(value)};
}

/* Reports what stands in the way of reading a value; true when nothing does. */
static bool holds(const struct wallet_json_at *at, bool is_type, const char *what)
{
    if (at->value == NULL) {
        wallet_json_at_fault(at, "is missing");
        return false;
    }
    if (!is_type) {
        wallet_json_at_fault(at, what);
        return false;
    }
    return true;
}

lw_str wallet_json_at_text(const struct wallet_json_at *at, size_t min, size_t max)
{
    if (!holds(at, json_is_string(at->value), "must be text")) {
        return LW_STR("");
    }
    const lw_str text = text_of(at->value);
    if (text.len < min || text.len > max) {
        wallet_json_at_fault(at, text.len < min ? "is too short" : "is too long");
        return LW_STR("");
    }
    return text;
}

lw_str wallet_json_at_text_or(const struct wallet_json_at *at, size_t max, lw_str absent)
{
    return at->value == NULL ? absent : wallet_json_at_text(at, 0, max);
}

int64_t wallet_json_at_int(const struct wallet_json_at *at, int64_t min, int64_t max)
{
    if (!holds(at, json_is_integer(at->value), "must be a whole number")) {
        return 0;
    }
    const int64_t n = json_integer_value(at->value);
    if (n < min || n > max) {
        wallet_json_at_fault(at, n < min ? "is too small" : "is too large");
        return 0;
    }
    return n;
}

int64_t wallet_json_at_int_or(const struct wallet_json_at *at, int64_t min, int64_t max,
                              int64_t absent)
{
    return at->value == NULL ? absent : wallet_json_at_int(at, min, max);
}

bool wallet_json_at_bool(const struct wallet_json_at *at)
{
    return holds(at, json_is_boolean(at->value), "must be true or false") &&
           json_is_true(at->value);
}

bool wallet_json_at_bool_or(const struct wallet_json_at *at, bool absent)
{
    return at->value == NULL ? absent : wallet_json_at_bool(at);
}

/* Index of `text` in `words`, which ends with NULL; SIZE_MAX when it is not there. */
static size_t find_word(lw_str text, const char *const *words)
{
    for (size_t i = 0; words[i] != NULL; i++) {
        if (lw_str_is(text, words[i])) {
            return i;
        }
    }
    return SIZE_MAX;
}

size_t wallet_json_at_word(const struct wallet_json_at *at, const char *const *words)
{
    if (!holds(at, json_is_string(at->value), "must be text")) {
        return SIZE_MAX;
    }
    const size_t i = find_word(text_of(at->value), words);
    if (i == SIZE_MAX) {
        wallet_json_at_fault(at, "is none of the words allowed here");
    }
    return i;
}

bool wallet_json_at_object(const struct wallet_json_at *at)
{
    return holds(at, json_is_object(at->value), "must be an object");
}

size_t wallet_json_at_array(const struct wallet_json_at *at, size_t min, size_t max)
{
    if (!holds(at, json_is_array(at->value), "must be an array")) {
        return 0;
    }
    const size_t count = json_array_size(at->value);
    if (count < min || count > max) {
        wallet_json_at_fault(at, count < min ? "has too few elements" : "has too many elements");
        return 0;
    }
    return count;
}

size_t wallet_json_at_texts(const struct wallet_json_at *at, size_t min, size_t max, lw_str *texts)
{
    if (at->value == NULL && min == 0) {
        return 0;
    }
    const size_t count = wallet_json_at_array(at, min, max);
    for (size_t i = 0; i < count; i++) {
        const struct wallet_json_at element = wallet_json_at_element(at, i);
        texts[i] = wallet_json_at_text(&element, 1, SIZE_MAX);
    }
    return count;
}

const char *wallet_json_name_after(const json_t *object, const char *name)
{
    /* jansson's iterator wants a tree it may write to; only names are read here. */
    union {
        const json_t *given;
        json_t *object;
    } tree = {.given = object};
    void *i = name == NULL ? json_object_iter(tree.object)
                           : json_object_iter_next(tree.object, json_object_key_to_iter(name));
    return i == NULL ? NULL : json_object_iter_key(i);
}

void wallet_json_at_only(const struct wallet_json_at *at, const char *const *names)
{
    for (const char *name = wallet_json_name_after(at->value, NULL); name != NULL;
         name = wallet_json_name_after(at->value, name)) {
        if (find_word(lw_str_c(name), names) == SIZE_MAX) {
            const struct wallet_json_at member = wallet_json_at_member(at, name);
            wallet_json_at_fault(&member, "is not known here");
        }
    }
}
