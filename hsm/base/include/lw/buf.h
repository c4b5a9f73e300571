/* Borrowed slices and the owned, bounded buffer. */
#ifndef LW_BUF_H
#define LW_BUF_H

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "lw/err.h"

/*
 * Borrowed, read-only; never freed through the slice. `len` is in bytes and at
 * most PTRDIFF_MAX, as for any object; `ptr` may be NULL when `len` is 0.
 */
typedef struct lw_bytes {
    const uint8_t *ptr;
    size_t len;
} lw_bytes;

/* Borrowed text, not NUL-terminated; otherwise as lw_bytes. */
typedef struct lw_str {
    const char *ptr;
    size_t len;
} lw_str;

/* Owned; `len` never passes `max`. Fields are read-only outside buf.c. */
typedef struct lw_buf {
    uint8_t *ptr;
    size_t len;
    size_t cap;
    size_t max;
} lw_buf;

/* A local buffer that is wiped and freed at the end of its scope. */
#define LW_AUTO_BUF __attribute__((cleanup(lw_buf_free))) lw_buf
#define LW_BUF(max_) ((lw_buf){.ptr = NULL, .len = 0, .cap = 0, .max = (max_)})

/* A text literal, or a byte array whose size is its length, as a slice. */
#define LW_STR(literal_) ((lw_str){.ptr = "" literal_, .len = sizeof(literal_) - 1})
#define LW_BYTES(array_) ((lw_bytes){.ptr = (array_), .len = sizeof(array_)})

/**
 * Make room for `n` bytes past the end without counting them yet.
 *
 * room    set to the first free byte; valid until the next call on `b`
 * errors  LW_E_LIMIT  b->max would be passed; LW_E_NOMEM
 */
LW_MUST_USE lw_err lw_buf_reserve(lw_buf *b, size_t n, uint8_t **room);

/** Count `n` bytes written into the room last reserved; n is at most that room. */
void lw_buf_commit(lw_buf *b, size_t n);

/**
 * Append `in`, which must not lie inside `b`.
 *
 * errors  LW_E_LIMIT, LW_E_NOMEM; `b` is then unchanged
 */
LW_MUST_USE lw_err lw_buf_put(lw_buf *b, lw_bytes in);

/** As lw_buf_put(), for text. */
LW_MUST_USE lw_err lw_buf_put_str(lw_buf *b, lw_str in);

/** As lw_buf_put(), for NUL-terminated text; the NUL is not appended. */
LW_MUST_USE lw_err lw_buf_put_c(lw_buf *b, const char *in);

/** As lw_buf_put(), for one byte. */
LW_MUST_USE lw_err lw_buf_put_byte(lw_buf *b, uint8_t in);

/** Append `n` in decimal. Errors as lw_buf_put(). */
LW_MUST_USE lw_err lw_buf_put_int(lw_buf *b, int64_t n);

/** Append two lower-case hex digits a byte. Errors as lw_buf_put(). */
LW_MUST_USE lw_err lw_buf_put_hex(lw_buf *b, lw_bytes in);

/** Cut `b` to its first `len` bytes (at most its length) and wipe the rest. */
void lw_buf_truncate(lw_buf *b, size_t len);

/** Wipe the contents, free the memory and leave `b` empty. Safe to repeat. */
void lw_buf_free(lw_buf *b);

/** Move the contents out: the caller owns the result, `b` is left empty with its max. */
lw_buf lw_buf_take(lw_buf *b);

/**
 * NUL-terminate without counting the NUL, for the edge of a C library.
 *
 * text    set to the contents; valid until the next call on `b`
 * errors  LW_E_VALUE  the contents hold a NUL; LW_E_LIMIT; LW_E_NOMEM
 */
LW_MUST_USE lw_err lw_buf_c(lw_buf *b, const char **text);

static inline lw_bytes lw_buf_view(const lw_buf *b)
{
    return (lw_bytes){.ptr = b->ptr, .len = b->len};
}

static inline lw_str lw_buf_text(const lw_buf *b)
{
    return (lw_str){.ptr = (const char *)b->ptr, .len = b->len};
}

static inline lw_str lw_str_c(const char *text)
{
    return (lw_str){.ptr = text, .len = strlen(text)};
}

static inline lw_bytes lw_str_bytes(lw_str s)
{
    return (lw_bytes){.ptr = (const uint8_t *)s.ptr, .len = s.len};
}

static inline lw_str lw_bytes_str(lw_bytes b)
{
    return (lw_str){.ptr = (const char *)b.ptr, .len = b.len};
}

/* Not for secrets: the time taken depends on the contents. */
static inline bool lw_bytes_eq(lw_bytes a, lw_bytes b)
{
    assert((a.len == 0 || a.ptr != NULL) && (b.len == 0 || b.ptr != NULL));
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool lw_str_eq(lw_str a, lw_str b)
{
    return lw_bytes_eq(lw_str_bytes(a), lw_str_bytes(b));
}

static inline bool lw_str_is(lw_str a, const char *b)
{
    return lw_str_eq(a, lw_str_c(b));
}

static inline bool lw_str_starts(lw_str a, lw_str prefix)
{
    return a.len >= prefix.len && lw_str_eq((lw_str){a.ptr, prefix.len}, prefix);
}

/** Return a negative, zero or positive number as `a` sorts before, with or after `b` bytewise. */
int lw_bytes_cmp(lw_bytes a, lw_bytes b);

/** Return the part of `s` from byte `from`, which is at most its length. */
static inline lw_str lw_str_from(lw_str s, size_t from)
{
    assert(from <= s.len);
    return from == 0 ? s : (lw_str){.ptr = s.ptr + from, .len = s.len - from};
}

/**
 * Split `s` at the first `mark`.
 *
 * head    set to what stands before it, or to all of `s` when there is none
 * tail    set to what stands after it, or to the empty text
 * returns whether `mark` was found
 */
bool lw_str_split(lw_str s, char mark, lw_str *head, lw_str *tail);

/**
 * Read a decimal number: digits with an optional leading minus, nothing else.
 *
 * errors  LW_E_SYNTAX  no digits or another character, at its place; LW_E_VALUE  too large
 */
LW_MUST_USE lw_err lw_str_int(lw_str s, int64_t *n);

#endif
