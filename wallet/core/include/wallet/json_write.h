/*
 * Writing JSON (RFC 8259): compact, escaped, in the order given. The writer latches its first
 * error and puts the commas and brackets, so that no JSON is assembled by hand elsewhere.
 *
 *     struct wallet_json_writer w = wallet_json_writer(out);
 *     wallet_json_put_object(&w);
 *     wallet_json_put_name(&w, "alg");
 *     wallet_json_put_text(&w, LW_STR("ES256"));
 *     wallet_json_put_end(&w);
 *     return wallet_json_written(&w);
 */
#ifndef WALLET_JSON_WRITE_H
#define WALLET_JSON_WRITE_H

#include "lw/buf.h"

enum { WALLET_JSON_WRITE_DEPTH_MAX = 32 };

struct wallet_json_writer {
    lw_buf *out;
    size_t start; /* length of `out` at the beginning */
    unsigned depth;
    uint32_t in_object; /* a bit for each open level: object, not array */
    uint32_t has_items; /* a bit for each open level: something stands there */
    bool named;         /* a member name waits for its value */
    bool done;          /* the one value is whole */
    lw_err err;         /* the first error; what is put after it does nothing */
};

/** Write one value at the end of `out`, which must outlive the writer. */
struct wallet_json_writer wallet_json_writer(lw_buf *out);

/** Open an object or array; wallet_json_put_end() closes what was opened last. */
void wallet_json_put_object(struct wallet_json_writer *w);
void wallet_json_put_array(struct wallet_json_writer *w);
void wallet_json_put_end(struct wallet_json_writer *w);

/** Name the next value, inside an object. Not checked: that the name is new there. */
void wallet_json_put_name(struct wallet_json_writer *w, const char *name);
void wallet_json_put_name_str(struct wallet_json_writer *w, lw_str name);

/** Put a value. Text that is not UTF-8 latches LW_E_VALUE; any character may occur in it. */
void wallet_json_put_text(struct wallet_json_writer *w, lw_str text);
void wallet_json_put_c(struct wallet_json_writer *w, const char *text);
void wallet_json_put_int(struct wallet_json_writer *w, int64_t n);
void wallet_json_put_bool(struct wallet_json_writer *w, bool value);
void wallet_json_put_null(struct wallet_json_writer *w);

/** Put bytes as unpadded base64url text. */
void wallet_json_put_base64url(struct wallet_json_writer *w, lw_bytes bytes);

/** Put a time as RFC 3339 text in UTC. */
void wallet_json_put_time(struct wallet_json_writer *w, int64_t t);

/** Put one JSON value that is there already; not checked. */
void wallet_json_put_raw(struct wallet_json_writer *w, lw_str json);

/* A member in one call: name and value. */
void wallet_json_member_text(struct wallet_json_writer *w, const char *name, lw_str text);
void wallet_json_member_c(struct wallet_json_writer *w, const char *name, const char *text);
void wallet_json_member_int(struct wallet_json_writer *w, const char *name, int64_t n);
void wallet_json_member_bool(struct wallet_json_writer *w, const char *name, bool value);
void wallet_json_member_time(struct wallet_json_writer *w, const char *name, int64_t t);
void wallet_json_member_raw(struct wallet_json_writer *w, const char *name, lw_str json);

/** Latch `err` unless one is latched: for values that the caller writes itself. */
void wallet_json_put_fail(struct wallet_json_writer *w, lw_err err);

/**
 * End: exactly one whole value was put.
 *
 * errors  the latched one: LW_E_VALUE  text is not UTF-8; LW_E_MISUSE  a name without value, a
 *         value without name, or something left open; LW_E_LIMIT; LW_E_NOMEM. `out` is then as
 *         it was at the beginning
 */
LW_MUST_USE lw_err wallet_json_written(struct wallet_json_writer *w);

#endif
