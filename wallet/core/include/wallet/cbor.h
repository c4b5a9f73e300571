/*
 * CBOR (RFC 8949) over a bounded cursor. The reader hands out byte ranges of its input, for
 * digests and signatures cover the bytes received; it latches its first error, so a run of
 * reads is checked once. Pure: no I/O, no allocation in the reader.
 */
#ifndef WALLET_CBOR_H
#define WALLET_CBOR_H

#include "lw/buf.h"

enum { WALLET_CBOR_DEPTH_MAX = 16 };

enum wallet_cbor_type {
    WALLET_CBOR_END, /* no more items, or an error is latched */
    WALLET_CBOR_UINT,
    WALLET_CBOR_NINT,
    WALLET_CBOR_BYTES,
    WALLET_CBOR_TEXT,
    WALLET_CBOR_ARRAY,
    WALLET_CBOR_MAP,
    WALLET_CBOR_TAG,
    WALLET_CBOR_BOOL,
    WALLET_CBOR_NULL,
    WALLET_CBOR_SIMPLE, /* other simple values */
    WALLET_CBOR_FLOAT,
};

/* A value; copy it to look ahead. */
struct wallet_cbor {
    const uint8_t *start;
    const uint8_t *at;
    const uint8_t *end;
    lw_err err; /* the first error; reads after it return zero values */
};

/** Start reading `in`, which must outlive the reader and every slice taken from it. */
struct wallet_cbor wallet_cbor_reader(lw_bytes in);

/** Return the type of the next item without consuming it. */
enum wallet_cbor_type wallet_cbor_peek(const struct wallet_cbor *r);

/*
 * Consume one item of the named type and return its value. On another type, on indefinite
 * lengths, reserved bits, text that is not UTF-8, or a head that is not in its shortest form,
 * LW_E_SYNTAX is latched and zero returned. Slices borrow from the input.
 */
uint64_t wallet_cbor_uint(struct wallet_cbor *r);
int64_t wallet_cbor_int(struct wallet_cbor *r); /* LW_E_VALUE outside int64_t */
lw_bytes wallet_cbor_bytes(struct wallet_cbor *r);
lw_str wallet_cbor_text(struct wallet_cbor *r);
size_t wallet_cbor_array(struct wallet_cbor *r); /* returns the number of elements to read */
size_t wallet_cbor_map(struct wallet_cbor *r);   /* returns the number of pairs to read */
uint64_t wallet_cbor_tag(struct wallet_cbor *r); /* the tagged item is then the next one */
bool wallet_cbor_bool(struct wallet_cbor *r);
void wallet_cbor_null(struct wallet_cbor *r);
uint8_t wallet_cbor_simple(struct wallet_cbor *r);
double wallet_cbor_float(struct wallet_cbor *r); /* any width */

/**
 * Consume one whole item of any type and return its exact bytes.
 *
 * Checks well-formedness at every level: definite lengths, shortest heads (of floats any width),
 * UTF-8, no duplicate keys in any map (compared bytewise), at most WALLET_CBOR_DEPTH_MAX arrays,
 * maps and tags inside each other. A map of more than 128 pairs must be sorted (LW_E_LIMIT).
 */
lw_bytes wallet_cbor_item(struct wallet_cbor *r);

/** Latch `err` (with the reader's place when its `at` is LW_NOWHERE) unless one is latched. */
void wallet_cbor_fail(struct wallet_cbor *r, lw_err err);

static inline bool wallet_cbor_ok(const struct wallet_cbor *r)
{
    return r->err.code == LW_OK;
}

/** Return the latched error, or LW_E_SYNTAX when bytes are left over. */
LW_MUST_USE lw_err wallet_cbor_finish(const struct wallet_cbor *r);

/**
 * Check that `in` is exactly one item as wallet_cbor_item() demands.
 *
 * errors  LW_E_SYNTAX at the offset; LW_E_LIMIT  nested too deep
 */
LW_MUST_USE lw_err wallet_cbor_check(lw_bytes in);

/**
 * Find the value of integer key `key` in the map that is the single item `map`.
 *
 * returns its exact bytes, or an empty slice when absent or `map` is no map
 * does not check  what wallet_cbor_check() does: call that first
 */
lw_bytes wallet_cbor_map_get_int(lw_bytes map, int64_t key);

/* One of several look-ups made together. */
struct wallet_cbor_pick {
    int64_t key;
    lw_bytes value; /* set, as wallet_cbor_map_get_int() gives it */
};

enum { WALLET_CBOR_PICKS_MAX = 16 };

/** As wallet_cbor_map_get_int(), for at most WALLET_CBOR_PICKS_MAX keys in one pass. */
void wallet_cbor_map_pick(lw_bytes map, struct wallet_cbor_pick *picks, size_t count);

/** As wallet_cbor_map_get_int(), for a text key. */
lw_bytes wallet_cbor_map_get_text(lw_bytes map, lw_str key);

/*
 * Writers append one item, or a head, in its shortest form (RFC 8949 section 4.2.1). Arrays and
 * maps are written as a head followed by their items; the caller writes map keys in bytewise
 * order of their encodings, or uses wallet_cbor_put_map_sorted(). Errors as lw_buf_put().
 */
LW_MUST_USE lw_err wallet_cbor_put_uint(lw_buf *out, uint64_t n);
LW_MUST_USE lw_err wallet_cbor_put_int(lw_buf *out, int64_t n);
LW_MUST_USE lw_err wallet_cbor_put_bytes(lw_buf *out, lw_bytes bytes);
LW_MUST_USE lw_err wallet_cbor_put_bytes_head(lw_buf *out, size_t len);
LW_MUST_USE lw_err wallet_cbor_put_text(lw_buf *out, lw_str text);
LW_MUST_USE lw_err wallet_cbor_put_array(lw_buf *out, size_t count);
LW_MUST_USE lw_err wallet_cbor_put_map(lw_buf *out, size_t pairs);
LW_MUST_USE lw_err wallet_cbor_put_tag(lw_buf *out, uint64_t tag);
LW_MUST_USE lw_err wallet_cbor_put_bool(lw_buf *out, bool value);
LW_MUST_USE lw_err wallet_cbor_put_null(lw_buf *out);
LW_MUST_USE lw_err wallet_cbor_put_simple(lw_buf *out, uint8_t value);
LW_MUST_USE lw_err wallet_cbor_put_raw(lw_buf *out, lw_bytes item); /* an encoded item */

/* One entry of a map: a key and a value, each one encoded item. */
struct wallet_cbor_pair {
    lw_bytes key;
    lw_bytes value;
};

/**
 * Append a map of `count` entries in bytewise order of their keys.
 *
 * pairs   sorted in place
 * errors  LW_E_CONFLICT  two keys are the same; as lw_buf_put(); `out` is then unchanged
 * source  RFC 8949 section 4.2.1
 */
LW_MUST_USE lw_err wallet_cbor_put_map_sorted(lw_buf *out, struct wallet_cbor_pair *pairs,
                                              size_t count);

#endif
