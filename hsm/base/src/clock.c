#define _POSIX_C_SOURCE 200809L

#include "lw/clock.h"

#include <stdio.h>
#include <time.h>

enum { NS_PER_S = 1000000000, MINUTE_S = 60, DAYS_PER_ERA = 146097, EPOCH_SHIFT_DAYS = 719468 };

static int64_t system_now(void *ctx)
{
    (void)ctx;
    struct timespec ts = {0};
    (void)clock_gettime(CLOCK_REALTIME, &ts);
    return (int64_t)ts.tv_sec;
}

static int64_t system_mono(void *ctx)
{
    (void)ctx;
    struct timespec ts = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &ts);
    return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

const struct lw_clock *lw_clock_system(void)
{
    static const struct lw_clock clock = {.now = system_now, .mono_ns = system_mono, .ctx = NULL};
    return &clock;
}

static int64_t fixed_now(void *ctx)
{
    return ((const struct lw_clock_fixed *)ctx)->now;
}

void lw_clock_fixed_init(struct lw_clock_fixed *c, int64_t now)
{
    *c = (struct lw_clock_fixed){.clock = {.now = fixed_now, .mono_ns = system_mono, .ctx = c},
                                 .now = now};
}

/* The year starts in March here, so that the leap day comes last. */
int64_t lw_days_from_date(int64_t year, unsigned month, unsigned day)
{
    const int64_t y = month <= 2 ? year - 1 : year;
    const int64_t era = (y >= 0 ? y : y - 399) / 400;
    const int64_t year_of_era = y - era * 400;
    const int64_t month_from_march = (month + 9) % 12;
    const int64_t day_of_year = (153 * month_from_march + 2) / 5 + (int64_t)day - 1;
    const int64_t day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * DAYS_PER_ERA + day_of_era - EPOCH_SHIFT_DAYS;
}

void lw_date_from_days(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    const int64_t z = days + EPOCH_SHIFT_DAYS;
    const int64_t era = (z >= 0 ? z : z - (DAYS_PER_ERA - 1)) / DAYS_PER_ERA;
    const int64_t day_of_era = z - era * DAYS_PER_ERA;
    const int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const int64_t month_from_march = (5 * day_of_year + 2) / 153;
    *day = (unsigned)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
    *month = (unsigned)(month_from_march < 10 ? month_from_march + 3 : month_from_march - 9);
    *year = year_of_era + era * 400 + (*month <= 2 ? 1 : 0);
}

int64_t lw_days_of(int64_t t)
{
    return t >= 0 ? t / LW_DAY_S : -((-(t + 1)) / LW_DAY_S) - 1;
}

static lw_err days_checked(int64_t year, unsigned month, unsigned day, int64_t *days)
{
    if (year < 1 || year > 9999 || month < 1 || month > 12 || day < 1 || day > 31) {
        return LW_FAIL(LW_E_VALUE, "date: no such day", LW_NOWHERE);
    }
    const int64_t found = lw_days_from_date(year, month, day);
    int64_t y = 0;
    unsigned m = 0;
    unsigned d = 0;
    lw_date_from_days(found, &y, &m, &d);
    if (y != year || m != month || d != day) {
        return LW_FAIL(LW_E_VALUE, "date: no such day", LW_NOWHERE);
    }
    *days = found;
    return LW_SUCCESS;
}

/* Reads between `least` and `most` digits at `*at`. */
static lw_err read_digits(lw_str text, size_t *at, size_t least, size_t most, unsigned *n)
{
    size_t count = 0;
    unsigned sum = 0;
    while (count < most && *at < text.len && text.ptr[*at] >= '0' && text.ptr[*at] <= '9') {
        sum = sum * 10 + (unsigned)(text.ptr[*at] - '0');
        (*at)++;
        count++;
    }
    if (count < least) {
        return LW_FAIL(LW_E_SYNTAX, "date: digit expected", *at);
    }
    *n = sum;
    return LW_SUCCESS;
}

static lw_err read_char(lw_str text, size_t *at, char c)
{
    if (*at >= text.len || text.ptr[*at] != c) {
        return LW_FAIL(LW_E_SYNTAX, "date: another character expected", *at);
    }
    (*at)++;
    return LW_SUCCESS;
}

static lw_err read_date(lw_str text, size_t *at, int64_t *days)
{
    unsigned year = 0;
    unsigned month = 0;
    unsigned day = 0;
    LW_TRY(read_digits(text, at, 4, 4, &year));
    LW_TRY(read_char(text, at, '-'));
    LW_TRY(read_digits(text, at, 2, 2, &month));
    LW_TRY(read_char(text, at, '-'));
    LW_TRY(read_digits(text, at, 2, 2, &day));
    return days_checked(year, month, day, days);
}

lw_err lw_date_parse(lw_str text, int64_t *days)
{
    size_t at = 0;
    int64_t found = 0;
    LW_TRY(read_date(text, &at, &found));
    if (at != text.len) {
        return LW_FAIL(LW_E_SYNTAX, "date: more text after the day", at);
    }
    *days = found;
    return LW_SUCCESS;
}

/* Reads the field that `name` stands for in a format, and notes in `seen` that it was there. */
static lw_err read_field(char name, lw_str text, size_t *at, unsigned fields[3], unsigned *seen)
{
    static const struct {
        char name;
        size_t least;
        size_t most;
    } rows[3] = {{'Y', 4, 4}, {'m', 1, 2}, {'d', 1, 2}};
    for (size_t i = 0; i < 3; i++) {
        if (rows[i].name == name) {
            *seen |= 1U << i;
            return read_digits(text, at, rows[i].least, rows[i].most, &fields[i]);
        }
    }
    return LW_FAIL(LW_E_MISUSE, "date: unknown field in the format", LW_NOWHERE);
}

lw_err lw_date_parse_as(lw_str format, lw_str text, int64_t *days)
{
    unsigned fields[3] = {0}; /* year, month, day */
    unsigned seen = 0;
    size_t at = 0;
    for (size_t i = 0; i < format.len; i++) {
        if (format.ptr[i] != '%') {
            LW_TRY(read_char(text, &at, format.ptr[i]));
            continue;
        }
        i++;
        const char name = i < format.len ? format.ptr[i] : 0;
        LW_TRY(read_field(name, text, &at, fields, &seen));
    }
    if (seen != 7) {
        return LW_FAIL(LW_E_MISUSE, "date: the format lacks year, month or day", LW_NOWHERE);
    }
    if (at != text.len) {
        return LW_FAIL(LW_E_SYNTAX, "date: more text after the date", at);
    }
    return days_checked(fields[0], fields[1], fields[2], days);
}

lw_err lw_date_put(lw_buf *out, int64_t days)
{
    int64_t year = 0;
    unsigned month = 0;
    unsigned day = 0;
    lw_date_from_days(days, &year, &month, &day);
    if (year < 1 || year > 9999) {
        return LW_FAIL(LW_E_VALUE, "date: year outside 0001-9999", LW_NOWHERE);
    }
    char text[48]; /* as large as the compiler fears three numbers could be */
    const int len = snprintf(text, sizeof(text), "%04d-%02u-%02u", (int)year, month, day);
    return lw_buf_put_str(out, (lw_str){.ptr = text, .len = (size_t)len});
}

lw_err lw_time_put(lw_buf *out, int64_t t)
{
    const int64_t days = lw_days_of(t);
    const unsigned second = (unsigned)(t - days * LW_DAY_S);
    char text[48];
    const int len = snprintf(text, sizeof(text), "T%02u:%02u:%02uZ", second / LW_HOUR_S,
                             second % LW_HOUR_S / MINUTE_S, second % MINUTE_S);
    const size_t before = out->len;
    LW_TRY(lw_date_put(out, days));
    const lw_err err = lw_buf_put_str(out, (lw_str){.ptr = text, .len = (size_t)len});
    if (err.code != LW_OK) {
        lw_buf_truncate(out, before);
    }
    return err;
}

static lw_err read_offset(lw_str text, size_t *at, int64_t *offset_s)
{
    if (*at < text.len && text.ptr[*at] == 'Z') {
        (*at)++;
        *offset_s = 0;
        return LW_SUCCESS;
    }
    const bool minus = *at < text.len && text.ptr[*at] == '-';
    unsigned hours = 0;
    unsigned minutes = 0;
    LW_TRY(read_char(text, at, minus ? '-' : '+'));
    LW_TRY(read_digits(text, at, 2, 2, &hours));
    LW_TRY(read_char(text, at, ':'));
    LW_TRY(read_digits(text, at, 2, 2, &minutes));
    if (hours > 23 || minutes > 59) {
        return LW_FAIL(LW_E_VALUE, "time: no such offset", *at);
    }
    const int64_t magnitude = (int64_t)hours * LW_HOUR_S + (int64_t)minutes * MINUTE_S;
    *offset_s = minus ? -magnitude : magnitude;
    return LW_SUCCESS;
}

lw_err lw_time_parse(lw_str text, int64_t *t)
{
    size_t at = 0;
    int64_t days = 0;
    int64_t offset_s = 0;
    unsigned hour = 0;
    unsigned minute = 0;
    unsigned second = 0;
    LW_TRY(read_date(text, &at, &days));
    LW_TRY(read_char(text, &at, 'T'));
    LW_TRY(read_digits(text, &at, 2, 2, &hour));
    LW_TRY(read_char(text, &at, ':'));
    LW_TRY(read_digits(text, &at, 2, 2, &minute));
    LW_TRY(read_char(text, &at, ':'));
    LW_TRY(read_digits(text, &at, 2, 2, &second));
    LW_TRY(read_offset(text, &at, &offset_s));
    if (at != text.len) {
        return LW_FAIL(LW_E_SYNTAX, "time: more text after the time", at);
    }
    if (hour > 23 || minute > 59 || second > 59) {
        return LW_FAIL(LW_E_VALUE, "time: no such time of day", LW_NOWHERE);
    }
    *t = days * LW_DAY_S + (int64_t)hour * LW_HOUR_S + (int64_t)minute * MINUTE_S +
         (int64_t)second - offset_s;
    return LW_SUCCESS;
}
