#include "wallet/json_write.h"

#include <stdio.h>

#include "lw/clock.h"
#include "utf8.h"
#include "wallet/base64.h"

struct wallet_json_writer wallet_json_writer(lw_buf *out)
{
    return (struct wallet_json_writer){.out = out, .start = out->len, .err = LW_SUCCESS};
}

void wallet_json_put_fail(struct wallet_json_writer *w, lw_err err)
{
    if (w->err.code == LW_OK) {
        w->err = err;
    }
}

static bool ok(const struct wallet_json_writer *w)
{
    return w->err.code == LW_OK;
}

static void misuse(struct wallet_json_writer *w, const char *why)
{
    wallet_json_put_fail(w, LW_FAIL(LW_E_MISUSE, why, LW_NOWHERE));
}

static void put(struct wallet_json_writer *w, lw_str text)
{
    if (ok(w)) {
        wallet_json_put_fail(w, lw_buf_put_str(w->out, text));
    }
}

static uint32_t bit_of(const struct wallet_json_writer *w)
{
    return UINT32_C(1) << (w->depth - 1);
}

static bool in_object(const struct wallet_json_writer *w)
{
    return w->depth > 0 && (w->in_object & bit_of(w)) != 0;
}

/* Puts the comma that parts an item from the one before. */
static void begin_item(struct wallet_json_writer *w)
{
    if (w->depth == 0) {
        return;
    }
    if ((w->has_items & bit_of(w)) != 0) {
        put(w, LW_STR(","));
    }
    w->has_items |= bit_of(w);
}

/* Says whether a value may stand here, and makes room for it. */
static bool begin_value(struct wallet_json_writer *w)
{
    if (!ok(w)) {
        return false;
    }
    if (w->done || (in_object(w) && !w->named)) {
        misuse(w, "json: a value has no place here");
        return false;
    }
    if (!in_object(w)) {
        begin_item(w);
    }
    w->named = false;
    w->done = w->depth == 0;
    return ok(w);
}

static void open_level(struct wallet_json_writer *w, bool object)
{
    if (ok(w) && w->depth == WALLET_JSON_WRITE_DEPTH_MAX) {
        wallet_json_put_fail(w, LW_FAIL(LW_E_LIMIT, "json: nested too deep", LW_NOWHERE));
    }
    if (!begin_value(w)) {
        return;
    }
    put(w, object ? LW_STR("{") : LW_STR("["));
    w->depth++;
    w->done = false;
    w->has_items &= ~bit_of(w);
    w->in_object = object ? w->in_object | bit_of(w) : w->in_object & ~bit_of(w);
}

void wallet_json_put_object(struct wallet_json_writer *w)
{
    open_level(w, true);
}

void wallet_json_put_array(struct wallet_json_writer *w)
{
    open_level(w, false);
}

void wallet_json_put_end(struct wallet_json_writer *w)
{
    if (ok(w) && (w->depth == 0 || w->named)) {
        misuse(w, "json: nothing to end here");
    }
    if (!ok(w)) {
        return;
    }
    put(w, in_object(w) ? LW_STR("}") : LW_STR("]"));
    w->depth--;
    w->done = w->depth == 0;
}

/* The short escape of a character that must be escaped, or 0 (RFC 8259 section 7). */
static char short_escape(uint8_t c)
{
    switch (c) {
    case '"':
    case '\\':
        return (char)c;
    case '\b':
        return 'b';
    case '\f':
        return 'f';
    case '\n':
        return 'n';
    case '\r':
        return 'r';
    case '\t':
        return 't';
    default:
        return 0;
    }
}

static void put_escape(struct wallet_json_writer *w, uint8_t c)
{
    char escape[8] = {'\\', short_escape(c), '\0'};
    if (escape[1] == 0) {
        (void)snprintf(escape, sizeof(escape), "\\u%04x", c);
    }
    put(w, lw_str_c(escape));
}

static void put_quoted(struct wallet_json_writer *w, lw_str text)
{
    size_t bad = 0;
    if (ok(w) && !codec_utf8_valid(lw_str_bytes(text), &bad)) {
        wallet_json_put_fail(w, LW_FAIL(LW_E_VALUE, "json: text is not UTF-8", bad));
        return;
    }
    put(w, LW_STR("\""));
    size_t plain = 0;
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = (uint8_t)text.ptr[i];
        if (c >= 0x20 && c != '"' && c != '\\') {
            continue;
        }
        put(w, (lw_str){.ptr = text.ptr + plain, .len = i - plain});
        put_escape(w, c);
        plain = i + 1;
    }
    put(w, lw_str_from(text, plain));
    put(w, LW_STR("\""));
}

void wallet_json_put_name_str(struct wallet_json_writer *w, lw_str name)
{
    if (ok(w) && (!in_object(w) || w->named)) {
        misuse(w, "json: a name has no place here");
    }
    if (!ok(w)) {
        return;
    }
    begin_item(w);
    put_quoted(w, name);
    put(w, LW_STR(":"));
    w->named = true;
}

void wallet_json_put_name(struct wallet_json_writer *w, const char *name)
{
    wallet_json_put_name_str(w, lw_str_c(name));
}

void wallet_json_put_text(struct wallet_json_writer *w, lw_str text)
{
    if (begin_value(w)) {
        put_quoted(w, text);
    }
}

void wallet_json_put_c(struct wallet_json_writer *w, const char *text)
{
    wallet_json_put_text(w, lw_str_c(text));
}

void wallet_json_put_int(struct wallet_json_writer *w, int64_t n)
{
    if (begin_value(w)) {
        wallet_json_put_fail(w, lw_buf_put_int(w->out, n));
    }
}

void wallet_json_put_raw(struct wallet_json_writer *w, lw_str json)
{
    if (begin_value(w)) {
        put(w, json);
    }
}

void wallet_json_put_bool(struct wallet_json_writer *w, bool value)
{
    wallet_json_put_raw(w, value ? LW_STR("true") : LW_STR("false"));
}

void wallet_json_put_null(struct wallet_json_writer *w)
{
    wallet_json_put_raw(w, LW_STR("null"));
}

void wallet_json_put_base64url(struct wallet_json_writer *w, lw_bytes bytes)
{
    if (!begin_value(w)) {
        return;
    }
    put(w, LW_STR("\""));
    if (ok(w)) {
        wallet_json_put_fail(w, wallet_base64url_encode(bytes, w->out));
    }
    put(w, LW_STR("\""));
}

void wallet_json_put_time(struct wallet_json_writer *w, int64_t t)
{
    if (!begin_value(w)) {
        return;
    }
    put(w, LW_STR("\""));
    if (ok(w)) {
        wallet_json_put_fail(w, lw_time_put(w->out, t));
    }
    put(w, LW_STR("\""));
}

void wallet_json_member_text(struct wallet_json_writer *w, const char *name, lw_str text)
{
    wallet_json_put_name(w, name);
    wallet_json_put_text(w, text);
}

void wallet_json_member_c(struct wallet_json_writer *w, const char *name, const char *text)
{
    wallet_json_put_name(w, name);
    wallet_json_put_c(w, text);
}

void wallet_json_member_int(struct wallet_json_writer *w, const char *name, int64_t n)
{
    wallet_json_put_name(w, name);
    wallet_json_put_int(w, n);
}

void wallet_json_member_bool(struct wallet_json_writer *w, const char *name, bool value)
{
    wallet_json_put_name(w, name);
    wallet_json_put_bool(w, value);
}

void wallet_json_member_time(struct wallet_json_writer *w, const char *name, int64_t t)
{
    wallet_json_put_name(w, name);
    wallet_json_put_time(w, t);
}

void wallet_json_member_raw(struct wallet_json_writer *w, const char *name, lw_str json)
{
    wallet_json_put_name(w, name);
    wallet_json_put_raw(w, json);
}

lw_err wallet_json_written(struct wallet_json_writer *w)
{
    if (ok(w) && !w->done) {
        misuse(w, "json: the value is not whole");
    }
    if (!ok(w)) {
        lw_buf_truncate(w->out, w->start);
    }
    return w->err;
}
