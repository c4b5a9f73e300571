#define _POSIX_C_SOURCE 200809L

#include "lw/log.h"

#include <unistd.h>

enum { LINE_MAX_BYTES = 4096 };

static bool is_plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c != 0 && strchr("_.:/+-", c) != NULL);
}

/* Control characters become '?', so that a value can never start a line of its own. */
static lw_err put_value(lw_buf *line, lw_str value)
{
    bool plain = value.len > 0;
    for (size_t i = 0; i < value.len && plain; i++) {
        plain = is_plain(value.ptr[i]);
    }
    if (plain) {
        return lw_buf_put_str(line, value);
    }
    LW_TRY(lw_buf_put_byte(line, '"'));
    for (size_t i = 0; i < value.len; i++) {
        const unsigned char c = (unsigned char)value.ptr[i];
        if (c == '"' || c == '\\') {
            LW_TRY(lw_buf_put_byte(line, '\\'));
        }
        LW_TRY(lw_buf_put_byte(line, c < 0x20 || c == 0x7f ? '?' : c));
    }
    return lw_buf_put_byte(line, '"');
}

static void put_field(lw_buf *line, const char *key, lw_str value)
{
    const size_t before = line->len;
    lw_err err = LW_SUCCESS;
    if (before > 0) {
        err = lw_buf_put_byte(line, ' ');
    }
    err = err.code == LW_OK ? lw_buf_put_c(line, key) : err;
    err = err.code == LW_OK ? lw_buf_put_byte(line, '=') : err;
    err = err.code == LW_OK ? put_value(line, value) : err;
    if (err.code != LW_OK || line->len == line->max) {
        lw_buf_truncate(line, before); /* a field is whole or absent, and the line ends */
    }
}

void lw_log_line(const struct lw_log *log, enum lw_level level, const char *event,
                 const struct lw_field *fields, size_t count)
{
    static const char *const names[] = {"debug", "info", "warn", "error"};
    if (log == NULL || level < log->least) {
        return;
    }
    LW_AUTO_BUF line = LW_BUF(LINE_MAX_BYTES);
    LW_AUTO_BUF ts = LW_BUF(64);
    if (lw_time_put(&ts, lw_now(log->clock)).code == LW_OK) { /* else a clock past all reason */
        put_field(&line, "ts", lw_buf_text(&ts));
    }
    put_field(&line, "level", lw_str_c(names[level]));
    put_field(&line, "event", lw_str_c(event));
    for (size_t i = 0; i < count; i++) {
        put_field(&line, fields[i].key, fields[i].value);
    }
    if (lw_buf_put_byte(&line, '\n').code == LW_OK) {
        const ssize_t written = write(log->fd, line.ptr, line.len);
        (void)written; /* nobody is left to tell */
    }
}

void lw_log_err(const struct lw_log *log, enum lw_level level, const char *event, lw_err err,
                struct lw_field more)
{
    const struct lw_field fields[] = {
        {.key = "code", .value = lw_str_c(lw_code_name(err.code))},
        {.key = "why", .value = lw_str_c(err.why == NULL ? "" : err.why)},
        more,
    };
    lw_log_line(log, level, event, fields, more.key == NULL ? 2 : 3);
}
