/* Time by parameter, and dates to and from text. All times are Unix seconds, UTC. */
#ifndef LW_CLOCK_H
#define LW_CLOCK_H

#include "lw/buf.h"

struct lw_clock {
    int64_t (*now)(void *ctx);     /* Unix seconds; may jump */
    int64_t (*mono_ns)(void *ctx); /* nanoseconds since some start; never goes back */
    void *ctx;
};

static inline int64_t lw_now(const struct lw_clock *c)
{
    return c->now(c->ctx);
}

static inline int64_t lw_mono_ns(const struct lw_clock *c)
{
    return c->mono_ns(c->ctx);
}

static inline int64_t lw_mono_ms(const struct lw_clock *c)
{
    return c->mono_ns(c->ctx) / 1000000;
}

/** Return the system's clock; static. */
const struct lw_clock *lw_clock_system(void);

/* A clock that stands at `now` until its owner moves it; its durations follow the system. */
struct lw_clock_fixed {
    struct lw_clock clock; /* pass this one */
    int64_t now;           /* Unix seconds; the owner may change it between calls */
};

/** Make `c` stand at `now`; `c` must stay where it is while its clock is used. */
void lw_clock_fixed_init(struct lw_clock_fixed *c, int64_t now);

enum { LW_DAY_S = 86400, LW_HOUR_S = 3600 };

/** Return days since 1970-01-01 of a date of the Gregorian calendar; month 1-12, day 1-31. */
int64_t lw_days_from_date(int64_t year, unsigned month, unsigned day);

/** Split days since 1970-01-01 into a date. */
void lw_date_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day);

/** Return days since 1970-01-01 of the day that holds `t`, rounding down. */
int64_t lw_days_of(int64_t t);

/**
 * Read "YYYY-MM-DD", years 0001 to 9999, as days since 1970-01-01.
 *
 * errors  LW_E_SYNTAX  not of that form; LW_E_VALUE  no such day
 */
LW_MUST_USE lw_err lw_date_parse(lw_str text, int64_t *days);

/**
 * Read a date by `format`: "%Y", "%m", "%d" and literal characters; a month or day may have
 * one digit, so "%m/%d/%Y" reads "7/4/2001" and "07/04/2001".
 *
 * errors  LW_E_SYNTAX  the text is not of that form, at its place; LW_E_VALUE  no such day;
 *         LW_E_MISUSE  the format lacks one of the three or names another
 */
LW_MUST_USE lw_err lw_date_parse_as(lw_str format, lw_str text, int64_t *days);

/** Append "YYYY-MM-DD". errors  LW_E_VALUE  year outside 0001-9999; as lw_buf_put() */
LW_MUST_USE lw_err lw_date_put(lw_buf *out, int64_t days);

/** Append RFC 3339 in UTC with seconds, "2026-11-24T08:30:00Z". Errors as lw_date_put(). */
LW_MUST_USE lw_err lw_time_put(lw_buf *out, int64_t t);

/**
 * Read RFC 3339 with seconds, "Z" or a numeric offset; fractions are refused.
 *
 * errors  LW_E_SYNTAX, LW_E_VALUE as lw_date_parse()
 * source  RFC 3339 section 5.6
 */
LW_MUST_USE lw_err lw_time_parse(lw_str text, int64_t *t);

#endif
