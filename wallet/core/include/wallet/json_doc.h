/*
 * JSON documents that people write (configuration, catalogue, import maps) and API bodies, as
 * jansson trees. Tokens are read by wallet/json.h. Reading reports every fault with its JSON
 * pointer, so that one run shows all that is wrong.
 *
 *     WALLET_AUTO_JSON doc = NULL;
 *     LW_TRY(wallet_json_doc_parse(text, 256 * 1024, &doc));
 *     struct wallet_json_faults faults = {.list = errors, .max = 32};
 *     const struct wallet_json_at root = wallet_json_at_root(doc, &faults);
 *     wallet_json_at_only(&root, (const char *const[]){"id", "name", NULL});
 *     const struct wallet_json_at id = wallet_json_at_member(&root, "id");
 *     const lw_str text = wallet_json_at_text(&id, 1, 64);
 *     return faults.count == 0 ? LW_SUCCESS : LW_FAIL(LW_E_VALUE, "...", LW_NOWHERE);
 */
#ifndef WALLET_JSON_DOC_H
#define WALLET_JSON_DOC_H

#include <jansson.h>

#include "lw/buf.h"
#include "wallet/doc_error.h"

enum { WALLET_JSON_DOC_DEPTH_MAX = 32 };

/* A tree that is released at the end of its scope; initialise it in the same line. */
#define WALLET_AUTO_JSON __attribute__((cleanup(wallet_json_doc_free))) json_t *
void wallet_json_doc_free(json_t **doc);

/**
 * Read one JSON object or array.
 *
 * text    UTF-8 without byte order mark, at most `max` bytes; copied
 * doc     set to a new tree: the caller calls json_decref(), or uses WALLET_AUTO_JSON
 * errors  LW_E_SYNTAX  not JSON, duplicate member names at any level, or bytes after it, at the
 *                      offset; LW_E_LIMIT  longer than `max`, or nested deeper than
 *                      WALLET_JSON_DOC_DEPTH_MAX; LW_E_NOMEM
 */
LW_MUST_USE lw_err wallet_json_doc_parse(lw_bytes text, size_t max, json_t **doc);

/** Append `value` as compact JSON, members in the order they were put. errors  as lw_buf_put() */
LW_MUST_USE lw_err wallet_json_doc_write(const json_t *value, lw_buf *out);

/* Where faults go: all are counted, the first `max` are kept. */
struct wallet_json_faults {
    struct wallet_doc_error *list;
    size_t max;
    size_t count;
};

/* A place in a document and what stands there; lives as long as its parent and the tree. */
struct wallet_json_at {
    const json_t *value; /* NULL when absent */
    const struct wallet_json_at *parent;
    const char *name; /* of the member, or NULL for an element */
    size_t index;     /* of the element */
    struct wallet_json_faults *faults;
};

/** The whole document. `faults` is borrowed by every place below it. */
struct wallet_json_at wallet_json_at_root(const json_t *doc, struct wallet_json_faults *faults);

/** Member `name` of an object; its value is NULL when there is none, or `at` is no object. */
struct wallet_json_at wallet_json_at_member(const struct wallet_json_at *at, const char *name);

/** Element `index` of an array; its value is NULL past the end. */
struct wallet_json_at wallet_json_at_element(const struct wallet_json_at *at, size_t index);

/** Write the JSON pointer of `at`; cut short with "..." when it does not fit. */
void wallet_json_at_pointer(const struct wallet_json_at *at, char pointer[WALLET_POINTER_MAX]);

/** Report that what stands at `at` is wrong; `what` is static. */
void wallet_json_at_fault(const struct wallet_json_at *at, const char *what);

static inline bool wallet_json_at_present(const struct wallet_json_at *at)
{
    return at->value != NULL;
}

/*
 * Readers report a fault and return a zero value when what stands there is missing or of another
 * type or outside its bounds. The _or forms take a default for what is absent. Texts borrow from
 * the tree.
 */

/** Text of `min` to `max` bytes. */
lw_str wallet_json_at_text(const struct wallet_json_at *at, size_t min, size_t max);
lw_str wallet_json_at_text_or(const struct wallet_json_at *at, size_t max, lw_str absent);

/** Integer within bounds, both inclusive. */
int64_t wallet_json_at_int(const struct wallet_json_at *at, int64_t min, int64_t max);
int64_t wallet_json_at_int_or(const struct wallet_json_at *at, int64_t min, int64_t max,
                              int64_t absent);

bool wallet_json_at_bool(const struct wallet_json_at *at);
bool wallet_json_at_bool_or(const struct wallet_json_at *at, bool absent);

/** Index of the text among `words` (ends with NULL). A fault, and SIZE_MAX, when it is none. */
size_t wallet_json_at_word(const struct wallet_json_at *at, const char *const *words);

/** Check that an object stands there; returns whether it does. */
bool wallet_json_at_object(const struct wallet_json_at *at);

/** Check that an array of `min` to `max` elements stands there; returns its length, else 0. */
size_t wallet_json_at_array(const struct wallet_json_at *at, size_t min, size_t max);

/** Read an array of texts into `texts`; returns how many (0 when absent and `min` is 0). */
size_t wallet_json_at_texts(const struct wallet_json_at *at, size_t min, size_t max, lw_str *texts);

/**
 * Return the name of the first member (`name` NULL) or of the one after `name`, NULL at the end or
 * when `object` is none. In no set order; `name` must be one that this returned.
 */
const char *wallet_json_name_after(const json_t *object, const char *name);

/** Report each member of an object that is not among `names` (ends with NULL). */
void wallet_json_at_only(const struct wallet_json_at *at, const char *const *names);

#endif
