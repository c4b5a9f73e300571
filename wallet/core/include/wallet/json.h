/*
 * Strict JSON for tokens (RFC 8259), read by a cursor without allocation. Everything read or
 * passed over is checked: grammar, UTF-8, surrogate pairs, no member name twice in an object
 * (compared unescaped), depth, size, nothing before or after the one value. The reader hands out
 * ranges of its input, and latches its first error, so a run of reads is checked once.
 *
 *     struct wallet_json r;
 *     wallet_json_start(&r, text);
 *     wallet_json_object(&r);
 *     struct wallet_json_text name;
 *     while (wallet_json_member(&r, &name)) {
 *         if (wallet_json_is(name, "alg")) {
 *             alg = wallet_json_string(&r);
 *         }
 *     }
 *     LW_TRY(wallet_json_finish(&r));
 *
 * A value that the caller does not read is checked and passed over.
 */
#ifndef WALLET_JSON_H
#define WALLET_JSON_H

#include "lw/buf.h"

enum {
    WALLET_JSON_DEPTH_MAX = 16,
    WALLET_JSON_NAMES_MAX = 256,  /* member names in the objects open at one time */
    WALLET_JSON_MAX = 1024 * 1024 /* bytes of a whole text */
};

enum wallet_json_type {
    WALLET_JSON_NONE, /* no value stands here, or an error is latched */
    WALLET_JSON_OBJECT,
    WALLET_JSON_ARRAY,
    WALLET_JSON_STRING,
    WALLET_JSON_NUMBER,
    WALLET_JSON_TRUE,
    WALLET_JSON_FALSE,
    WALLET_JSON_NULL,
};

/* A string as it stands between its quotes: checked, its escapes not undone. */
struct wallet_json_text {
    lw_str raw;
    bool escaped; /* `raw` holds a backslash */
};

/* Fields are the reader's own, save `err`. */
struct wallet_json {
    const char *start;
    const char *at;
    const char *end;
    lw_err err; /* the first error; reads after it return zero values */
    unsigned depth;
    uint32_t in_object; /* a bit for each open level */
    bool fresh;         /* nothing stands yet in the innermost container */
    bool value_due;     /* a value must come next */
    uint16_t name_count;
    uint16_t names_before[WALLET_JSON_DEPTH_MAX]; /* names open outside each level */
    struct {
        uint32_t hash; /* 0: escaped, to be compared with every name */
        uint32_t at;
        uint32_t len;
    } names[WALLET_JSON_NAMES_MAX];
};

/**
 * Start reading `in`, which must outlive the reader and every range taken from it.
 *
 * errors  latches LW_E_LIMIT when `in` is longer than WALLET_JSON_MAX
 */
void wallet_json_start(struct wallet_json *r, lw_str in);

/** Return the type of the next value, by its first character, without consuming it. */
enum wallet_json_type wallet_json_peek(const struct wallet_json *r);

/** Enter an object or array. Another type latches LW_E_VALUE. */
void wallet_json_object(struct wallet_json *r);
void wallet_json_array(struct wallet_json *r);

/**
 * Go to the next member of the innermost object, passing over a value that was not read.
 *
 * name    set when true; borrows from the input
 * returns false at its end, which is then left, or after an error
 */
bool wallet_json_member(struct wallet_json *r, struct wallet_json_text *name);

/** Go to the next element of the innermost array; otherwise as wallet_json_member(). */
bool wallet_json_element(struct wallet_json *r);

/*
 * Consume the next value. Another type latches LW_E_VALUE and a zero value is returned.
 */
struct wallet_json_text wallet_json_string(struct wallet_json *r);
int64_t wallet_json_int(struct wallet_json *r);     /* no fraction, no exponent, in int64_t */
int64_t wallet_json_seconds(struct wallet_json *r); /* NumericDate: a fraction is rounded down */
bool wallet_json_bool(struct wallet_json *r);
void wallet_json_null(struct wallet_json *r);

/** Consume one whole value of any type and return its exact bytes, without space around it. */
lw_str wallet_json_value(struct wallet_json *r);

/** Latch `err` (with the reader's place when its `at` is LW_NOWHERE) unless one is latched. */
void wallet_json_fail(struct wallet_json *r, lw_err err);

static inline bool wallet_json_ok(const struct wallet_json *r)
{
    return r->err.code == LW_OK;
}

/**
 * Check that one value was read to its end and nothing but space follows.
 *
 * errors  the latched one, `at` from the start of the text:
 *         LW_E_SYNTAX  not well formed, or not UTF-8; LW_E_VALUE  a member name given twice, or
 *         a value of another type than was asked for; LW_E_LIMIT  too long, too deep, too many
 *         names
 */
LW_MUST_USE lw_err wallet_json_finish(struct wallet_json *r);

/** Check that `in` is one value, as a reader would that passes over all of it. */
LW_MUST_USE lw_err wallet_json_check(lw_str in);

/** Say whether two strings are the same once their escapes are undone. */
bool wallet_json_same(struct wallet_json_text a, struct wallet_json_text b);

/** Say whether `text`, its escapes undone, is `literal`. Nothing is copied. */
static inline bool wallet_json_is(struct wallet_json_text text, const char *literal)
{
    const lw_str plain = lw_str_c(literal);
    return text.escaped ? wallet_json_same(text, (struct wallet_json_text){.raw = plain})
                        : lw_str_eq(text.raw, plain);
}

/** Append `text` with its escapes undone, as UTF-8. errors  as lw_buf_put() */
LW_MUST_USE lw_err wallet_json_unescape(struct wallet_json_text text, lw_buf *out);

#endif
