/*
 * One line an event to standard error: "ts=... level=... event=... key=value ...".
 * Values hold no personal data and no secrets; identifiers appear only as a keyed hash.
 */
#ifndef LW_LOG_H
#define LW_LOG_H

#include "lw/clock.h"

enum lw_level { LW_DEBUG, LW_INFO, LW_WARN, LW_ERROR };

struct lw_log {
    _Atomic(enum lw_level) least; /* lines below it are dropped; may change while others log */
    const struct lw_clock *clock; /* borrowed; gives `ts` */
    int fd;                       /* where lines go; one write(2) each */
};

struct lw_field {
    const char *key; /* lower-case letters and '_' */
    lw_str value;    /* quoted when it holds anything but [A-Za-z0-9_.:/+-] */
};

/**
 * Write one line of at most 4096 bytes; a field that would pass that is left out. `log` may be
 * NULL, then nothing happens. A failed write is ignored.
 */
void lw_log_line(const struct lw_log *log, enum lw_level level, const char *event,
                 const struct lw_field *fields, size_t count);

/** Write one line for `err`, with its code and reason, and one field more unless key is NULL. */
void lw_log_err(const struct lw_log *log, enum lw_level level, const char *event, lw_err err,
                struct lw_field more);

#endif
