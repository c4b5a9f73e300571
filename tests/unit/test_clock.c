#include "lw/clock.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { FIRST_DAY = -719162, LAST_DAY = 2932896 }; /* 0001-01-01 and 9999-12-31 */

static bool is_leap(int64_t year)
{
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static unsigned month_length(int64_t year, unsigned month)
{
    static const unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return month == 2 && is_leap(year) ? 29 : lengths[month - 1];
}

/* Counts up day by day, as a calendar on a wall does. */
static void every_day_of_9999_years_is_counted_right(void **state)
{
    int64_t year = 1;
    unsigned month = 1;
    unsigned day = 1;
    (void)state;
    for (int64_t n = FIRST_DAY; n <= LAST_DAY; n++) {
        int64_t y = 0;
        unsigned m = 0;
        unsigned d = 0;
        lw_date_from_days(n, &y, &m, &d);
        if (y != year || m != month || d != day || lw_days_from_date(year, month, day) != n) {
            fail_msg("day %lld", (long long)n);
        }
        if (++day > month_length(year, month)) {
            day = 1;
            month++;
        }
        if (month > 12) {
            month = 1;
            year++;
        }
    }
    assert_int_equal(year, 10000);
}

static void days_of_times_round_down(void **state)
{
    (void)state;
    assert_int_equal(lw_days_of(0), 0);
    assert_int_equal(lw_days_of(LW_DAY_S - 1), 0);
    assert_int_equal(lw_days_of(LW_DAY_S), 1);
    assert_int_equal(lw_days_of(-1), -1);
    assert_int_equal(lw_days_of(-LW_DAY_S), -1);
    assert_int_equal(lw_days_of(-LW_DAY_S - 1), -2);
    assert_true(lw_days_of(INT64_MIN) < 0);
    assert_true(lw_days_of(INT64_MAX) > 0);
}

static void dates_are_read_and_written(void **state)
{
    static const struct {
        const char *text;
        int64_t days;
    } cases[] = {{"1970-01-01", 0},     {"1969-12-31", -1},        {"2000-02-29", 11016},
                 {"2026-11-24", 20781}, {"0001-01-01", FIRST_DAY}, {"9999-12-31", LAST_DAY},
                 {"2038-01-19", 24855}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF out = LW_BUF(10);
        int64_t days = 99;
        assert_int_equal(lw_date_parse(lw_str_c(cases[i].text), &days).code, LW_OK);
        assert_int_equal(days, cases[i].days);
        assert_int_equal(lw_date_put(&out, days).code, LW_OK);
        assert_true(lw_str_is(lw_buf_text(&out), cases[i].text));
    }
}

static void what_is_no_date_is_refused(void **state)
{
    static const struct {
        const char *text;
        lw_code code;
        size_t at;
    } cases[] = {
        {"", LW_E_SYNTAX, 0},
        {"2026", LW_E_SYNTAX, 4},
        {"2026-", LW_E_SYNTAX, 5},
        {"2026-1-01", LW_E_SYNTAX, 6},
        {"2026-01-1", LW_E_SYNTAX, 9},
        {"2026-01-011", LW_E_SYNTAX, 10},
        {"2026-01-01 ", LW_E_SYNTAX, 10},
        {" 2026-01-01", LW_E_SYNTAX, 0},
        {"2026/01/01", LW_E_SYNTAX, 4},
        {"20260101", LW_E_SYNTAX, 4},
        {"-026-01-01", LW_E_SYNTAX, 0},
        {"+026-01-01", LW_E_SYNTAX, 0},
        {"10000-01-01", LW_E_SYNTAX, 4},
        {"0000-01-01", LW_E_VALUE, LW_NOWHERE},
        {"2026-00-01", LW_E_VALUE, LW_NOWHERE},
        {"2026-13-01", LW_E_VALUE, LW_NOWHERE},
        {"2026-01-00", LW_E_VALUE, LW_NOWHERE},
        {"2026-01-32", LW_E_VALUE, LW_NOWHERE},
        {"2026-04-31", LW_E_VALUE, LW_NOWHERE},
        {"2026-02-29", LW_E_VALUE, LW_NOWHERE}, /* not a leap year */
        {"1900-02-29", LW_E_VALUE, LW_NOWHERE}, /* nor a century */
        {"2000-02-30", LW_E_VALUE, LW_NOWHERE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t days = 99;
        const lw_err err = lw_date_parse(lw_str_c(cases[i].text), &days);
        assert_int_equal(err.code, cases[i].code);
        assert_int_equal(err.at, cases[i].at);
        assert_int_equal(days, 99);
    }
}

static void dates_are_read_by_a_format(void **state)
{
    static const struct {
        const char *format;
        const char *text;
        lw_code code;
        const char *date;
    } cases[] = {
        {"%m/%d/%Y", "7/4/2001", LW_OK, "2001-07-04"},
        {"%m/%d/%Y", "07/04/2001", LW_OK, "2001-07-04"},
        {"%m/%d/%Y", "12/31/2001", LW_OK, "2001-12-31"},
        {"%Y-%m-%d", "2001-07-04", LW_OK, "2001-07-04"},
        {"%Y%m%d", "20010704", LW_OK, "2001-07-04"},
        {"%d.%m.%Y", "29.2.2000", LW_OK, "2000-02-29"},
        {"%Y年%m月%d日", "2001年7月4日", LW_OK, "2001-07-04"},
        {"%d.%m.%Y", "29.2.2001", LW_E_VALUE, NULL},
        {"%m/%d/%Y", "13/04/2001", LW_E_VALUE, NULL},
        {"%m/%d/%Y", "7/4/01", LW_E_SYNTAX, NULL},
        {"%m/%d/%Y", "7/4/2001 ", LW_E_SYNTAX, NULL},
        {"%m/%d/%Y", "7-4-2001", LW_E_SYNTAX, NULL},
        {"%m/%d/%Y", "/4/2001", LW_E_SYNTAX, NULL},
        {"%m/%d/%Y", "", LW_E_SYNTAX, NULL},
        {"%m/%d/%y", "7/4/01", LW_E_MISUSE, NULL},
        {"%m/%d/%", "7/4/01", LW_E_MISUSE, NULL},
        {"%m/%d", "7/4", LW_E_MISUSE, NULL},
        {"%m/%Y", "7/2001", LW_E_MISUSE, NULL},
        {"%d/%Y", "7/2001", LW_E_MISUSE, NULL},
        {"", "", LW_E_MISUSE, NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t days = 99;
        const lw_err err =
            lw_date_parse_as(lw_str_c(cases[i].format), lw_str_c(cases[i].text), &days);
        assert_int_equal(err.code, cases[i].code);
        if (cases[i].date != NULL) {
            LW_AUTO_BUF out = LW_BUF(10);
            assert_int_equal(lw_date_put(&out, days).code, LW_OK);
            assert_true(lw_str_is(lw_buf_text(&out), cases[i].date));
        }
    }
}

/* RFC 3339 section 5.8, and the edges of what it allows. */
static void times_are_read_with_their_offset(void **state)
{
    static const struct {
        const char *text;
        int64_t t;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1969-12-31T23:59:59Z", -1},
        {"1996-12-19T16:39:57-08:00", 851042397},
        {"1996-12-20T00:39:57Z", 851042397},
        {"2026-11-24T08:30:00Z", 1795509000},
        {"2026-11-24T16:30:00+08:00", 1795509000},
        {"2038-01-19T03:14:08Z", 2147483648},
        {"2106-02-07T06:28:16Z", 4294967296},
        {"0001-01-01T00:00:00Z", -62135596800},
        {"9999-12-31T23:59:59Z", 253402300799},
        {"2000-01-01T00:00:00+23:59", 946684800 - 86340},
        {"2000-01-01T00:00:00-23:59", 946684800 + 86340},
        {"2000-01-01T00:00:00-00:00", 946684800},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t t = 99;
        assert_int_equal(lw_time_parse(lw_str_c(cases[i].text), &t).code, LW_OK);
        assert_true(t == cases[i].t);
    }
}

static void what_is_no_time_is_refused(void **state)
{
    static const struct {
        const char *text;
        lw_code code;
    } cases[] = {
        {"", LW_E_SYNTAX},
        {"2026-11-24", LW_E_SYNTAX},
        {"2026-11-24T08:30:00", LW_E_SYNTAX},
        {"2026-11-24 08:30:00Z", LW_E_SYNTAX},
        {"2026-11-24t08:30:00Z", LW_E_SYNTAX},
        {"2026-11-24T08:30:00z", LW_E_SYNTAX},
        {"2026-11-24T08:30Z", LW_E_SYNTAX},
        {"2026-11-24T8:30:00Z", LW_E_SYNTAX},
        {"2026-11-24T08:30:00.5Z", LW_E_SYNTAX},
        {"2026-11-24T08:30:00,5Z", LW_E_SYNTAX},
        {"2026-11-24T08:30:00ZZ", LW_E_SYNTAX},
        {"2026-11-24T08:30:00Z ", LW_E_SYNTAX},
        {"2026-11-24T08:30:00+08", LW_E_SYNTAX},
        {"2026-11-24T08:30:00+0800", LW_E_SYNTAX},
        {"2026-11-24T08:30:00+8:00", LW_E_SYNTAX},
        {"2026-11-24T08:30:00 08:00", LW_E_SYNTAX},
        {"2026-11-24T08:30:00+24:00", LW_E_VALUE},
        {"2026-11-24T08:30:00+00:60", LW_E_VALUE},
        {"2026-11-24T24:00:00Z", LW_E_VALUE},
        {"2026-11-24T23:60:00Z", LW_E_VALUE},
        {"2026-11-24T23:59:60Z", LW_E_VALUE},
        {"2026-02-29T00:00:00Z", LW_E_VALUE},
        {"2026-11-31T00:00:00Z", LW_E_VALUE},
        {"0000-01-01T00:00:00Z", LW_E_VALUE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        int64_t t = 99;
        assert_int_equal(lw_time_parse(lw_str_c(cases[i].text), &t).code, cases[i].code);
        assert_int_equal(t, 99);
    }
}

static void every_cut_of_a_time_is_refused(void **state)
{
    static const char text[] = "2026-11-24T08:30:00+08:00";
    (void)state;
    for (size_t len = 0; len < sizeof(text) - 1; len++) {
        int64_t t = 0;
        assert_int_equal(lw_time_parse((lw_str){.ptr = text, .len = len}, &t).code, LW_E_SYNTAX);
    }
}

static void times_are_written_and_read_back(void **state)
{
    static const int64_t times[] = {0,         -1,         1795509000,   951782399,
                                    951782400, 2147483648, -62135596800, 253402300799};
    (void)state;
    for (size_t i = 0; i < sizeof(times) / sizeof(times[0]); i++) {
        LW_AUTO_BUF out = LW_BUF(20);
        int64_t t = 99;
        assert_int_equal(lw_time_put(&out, times[i]).code, LW_OK);
        assert_int_equal(lw_time_parse(lw_buf_text(&out), &t).code, LW_OK);
        assert_true(t == times[i]);
    }
    LW_AUTO_BUF out = LW_BUF(20);
    assert_int_equal(lw_time_put(&out, 1795509000).code, LW_OK);
    assert_true(lw_str_is(lw_buf_text(&out), "2026-11-24T08:30:00Z"));
}

static void years_of_five_digits_are_not_written(void **state)
{
    (void)state;
    LW_AUTO_BUF out = LW_BUF(64);
    assert_int_equal(lw_date_put(&out, LAST_DAY + 1).code, LW_E_VALUE);
    assert_int_equal(lw_date_put(&out, FIRST_DAY - 1).code, LW_E_VALUE);
    assert_int_equal(lw_time_put(&out, 253402300800).code, LW_E_VALUE);
    assert_int_equal(lw_time_put(&out, -62135596801).code, LW_E_VALUE);
    assert_int_equal(lw_time_put(&out, INT64_MAX).code, LW_E_VALUE);
    assert_int_equal(lw_time_put(&out, INT64_MIN).code, LW_E_VALUE);
    assert_int_equal(out.len, 0);
}

static void a_time_that_does_not_fit_leaves_nothing(void **state)
{
    (void)state;
    for (size_t max = 0; max < 20; max++) {
        LW_AUTO_BUF out = LW_BUF(max);
        assert_int_equal(lw_time_put(&out, 0).code, LW_E_LIMIT);
        assert_int_equal(out.len, 0);
    }
}

static void a_fixed_clock_stands_until_it_is_moved(void **state)
{
    struct lw_clock_fixed clock;
    (void)state;
    lw_clock_fixed_init(&clock, 1000);
    assert_int_equal(lw_now(&clock.clock), 1000);
    assert_int_equal(lw_now(&clock.clock), 1000);
    clock.now = 2000;
    assert_int_equal(lw_now(&clock.clock), 2000);
    const int64_t before = lw_mono_ns(&clock.clock);
    assert_true(lw_mono_ns(&clock.clock) >= before);
}

static void the_system_clock_runs_forward(void **state)
{
    (void)state;
    const struct lw_clock *clock = lw_clock_system();
    const int64_t ns = lw_mono_ns(clock);
    assert_true(lw_now(clock) > 1700000000);
    assert_true(lw_mono_ns(clock) >= ns);
    assert_true(lw_mono_ms(clock) >= ns / 1000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_of_9999_years_is_counted_right),
        cmocka_unit_test(days_of_times_round_down),
        cmocka_unit_test(dates_are_read_and_written),
        cmocka_unit_test(what_is_no_date_is_refused),
        cmocka_unit_test(dates_are_read_by_a_format),
        cmocka_unit_test(times_are_read_with_their_offset),
        cmocka_unit_test(what_is_no_time_is_refused),
        cmocka_unit_test(every_cut_of_a_time_is_refused),
        cmocka_unit_test(times_are_written_and_read_back),
        cmocka_unit_test(years_of_five_digits_are_not_written),
        cmocka_unit_test(a_time_that_does_not_fit_leaves_nothing),
        cmocka_unit_test(a_fixed_clock_stands_until_it_is_moved),
        cmocka_unit_test(the_system_clock_runs_forward),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
