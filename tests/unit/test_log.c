#define _POSIX_C_SOURCE 200809L

#include "lw/log.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <stdio.h>
#include <unistd.h>

enum { NOW = 1795509000, LINE_MOST = 4096 };

#define TS "ts=2026-11-24T08:30:00Z "

/* A log whose lines can be read back. */
struct trap {
    struct lw_clock_fixed clock;
    struct lw_log log;
    int read_end;
    int write_end;
    char line[2 * LINE_MOST];
};

static void trap_open(struct trap *t, enum lw_level least)
{
    int ends[2];
    assert_int_equal(pipe(ends), 0);
    lw_clock_fixed_init(&t->clock, NOW);
    t->read_end = ends[0];
    t->write_end = ends[1];
    t->log = (struct lw_log){.least = least, .clock = &t->clock.clock, .fd = ends[1]};
}

/* Ends the log and returns all that was written. */
static const char *trap_close(struct trap *t)
{
    size_t len = 0;
    ssize_t got = 0;
    assert_int_equal(close(t->write_end), 0);
    while ((got = read(t->read_end, t->line + len, sizeof(t->line) - 1 - len)) > 0) {
        len += (size_t)got;
    }
    assert_int_equal(close(t->read_end), 0);
    t->line[len] = 0;
    assert_int_equal(strlen(t->line), len); /* no NUL got in */
    return t->line;
}

static void a_line_holds_time_level_event_and_fields(void **state)
{
    static const char *const levels[] = {"debug", "info", "warn", "error"};
    (void)state;
    for (int level = LW_DEBUG; level <= LW_ERROR; level++) {
        struct trap t;
        char want[128];
        trap_open(&t, LW_DEBUG);
        const struct lw_field fields[] = {{.key = "req", .value = LW_STR("a1")},
                                          {.key = "count", .value = LW_STR("7")}};
        lw_log_line(&t.log, (enum lw_level)level, "license_issued", fields, 2);
        (void)snprintf(want, sizeof(want), TS "level=%s event=license_issued req=a1 count=7\n",
                       levels[level]);
        assert_string_equal(trap_close(&t), want);
    }
}

static void lines_below_the_least_level_are_dropped(void **state)
{
    (void)state;
    for (int least = LW_DEBUG; least <= LW_ERROR; least++) {
        for (int level = LW_DEBUG; level <= LW_ERROR; level++) {
            struct trap t;
            trap_open(&t, (enum lw_level)least);
            lw_log_line(&t.log, (enum lw_level)level, "e", NULL, 0);
            assert_int_equal(strlen(trap_close(&t)) > 0, level >= least);
        }
    }
}

static void values_are_quoted_so_that_each_ends_where_it_should(void **state)
{
    static const struct {
        lw_str value;
        const char *written;
    } cases[] = {
        {{"abc-XYZ_0.9:/+", 14}, "abc-XYZ_0.9:/+"},
        {{"", 0}, "\"\""},
        {{NULL, 0}, "\"\""},
        {{"a b", 3}, "\"a b\""},
        {{"a=b", 3}, "\"a=b\""},
        {{"a\"b", 3}, "\"a\\\"b\""},
        {{"a\\", 2}, "\"a\\\\\""},
        {{"\xe5\xb8\x82", 3}, "\"\xe5\xb8\x82\""},
        /* An attempt to write a line of one's own. */
        {{"x\nts=0 level=error event=forged", 31}, "\"x?ts=0 level=error event=forged\""},
        {{"a\r\tb", 4}, "\"a??b\""},
        {{"a\0b", 3}, "\"a?b\""},
        {{"\x1b[2J", 4}, "\"?[2J\""},
        {{"a\x7f", 2}, "\"a?\""},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct trap t;
        char want[256];
        trap_open(&t, LW_INFO);
        const struct lw_field field = {.key = "v", .value = cases[i].value};
        lw_log_line(&t.log, LW_INFO, "e", &field, 1);
        (void)snprintf(want, sizeof(want), TS "level=info event=e v=%s\n", cases[i].written);
        assert_string_equal(trap_close(&t), want);
    }
}

static void no_byte_but_the_last_ends_a_line(void **state)
{
    (void)state;
    char all[256];
    for (size_t i = 0; i < sizeof(all); i++) {
        all[i] = (char)i;
    }
    struct trap t;
    trap_open(&t, LW_INFO);
    const struct lw_field field = {.key = "v", .value = {.ptr = all, .len = sizeof(all)}};
    lw_log_line(&t.log, LW_INFO, "e", &field, 1);
    const char *line = trap_close(&t);
    for (const unsigned char *c = (const unsigned char *)line; *c != 0; c++) {
        assert_true(*c >= 0x20 || (*c == '\n' && c[1] == 0));
        assert_int_not_equal(*c, 0x7f);
    }
}

/* A caller must not be able to make a line vanish by the length of a value. */
static void a_value_of_any_length_leaves_the_line_standing(void **state)
{
    static char value[LINE_MOST + 1];
    static const char head[] = TS "level=info event=e v=";
    static const char alone[] = TS "level=info event=e";
    (void)state;
    memset(value, 'x', sizeof(value));
    for (size_t len = LINE_MOST - 100; len <= sizeof(value); len++) {
        struct trap t;
        trap_open(&t, LW_INFO);
        const struct lw_field fields[] = {{.key = "v", .value = {.ptr = value, .len = len}},
                                          {.key = "w", .value = LW_STR("1")}};
        lw_log_line(&t.log, LW_INFO, "e", fields, 2);
        const char *line = trap_close(&t);
        const size_t whole = strlen(line);
        const bool fits = sizeof(head) - 1 + len + 1 <= LINE_MOST;
        assert_true(whole <= LINE_MOST);
        assert_int_equal(line[whole - 1], '\n');
        assert_memory_equal(line, alone, sizeof(alone) - 1);
        assert_int_equal(strstr(line, "v=") != NULL, fits);
        if (!fits) {
            assert_string_equal(line + sizeof(alone) - 1, " w=1\n");
        }
    }
}

static void errors_are_logged_with_code_and_reason(void **state)
{
    (void)state;
    struct trap t;
    trap_open(&t, LW_INFO);
    const lw_err err = LW_FAIL(LW_E_NOT_FOUND, "store: no such record", 7);
    lw_log_err(&t.log, LW_WARN, "lookup_failed", err, (struct lw_field){.key = NULL});
    lw_log_err(&t.log, LW_WARN, "lookup_failed", err,
               (struct lw_field){.key = "req", .value = LW_STR("a1")});
    lw_log_err(&t.log, LW_INFO, "fine", LW_SUCCESS, (struct lw_field){.key = NULL});
    assert_string_equal(trap_close(&t), TS "level=warn event=lookup_failed code=not_found "
                                           "why=\"store: no such record\"\n" TS
                                           "level=warn event=lookup_failed code=not_found "
                                           "why=\"store: no such record\" req=a1\n" TS
                                           "level=info event=fine code=ok why=\"\"\n");
}

static void a_clock_past_all_reason_costs_the_time_only(void **state)
{
    (void)state;
    struct trap t;
    trap_open(&t, LW_INFO);
    t.clock.now = INT64_MAX;
    lw_log_line(&t.log, LW_INFO, "e", NULL, 0);
    assert_string_equal(trap_close(&t), "level=info event=e\n");
}

static void no_log_and_a_closed_log_are_no_trouble(void **state)
{
    (void)state;
    struct lw_clock_fixed clock;
    lw_clock_fixed_init(&clock, NOW);
    const struct lw_log closed = {.least = LW_DEBUG, .clock = &clock.clock, .fd = -1};
    lw_log_line(NULL, LW_ERROR, "e", NULL, 0);
    lw_log_err(NULL, LW_ERROR, "e", LW_SUCCESS, (struct lw_field){.key = NULL});
    lw_log_line(&closed, LW_ERROR, "e", NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_holds_time_level_event_and_fields),
        cmocka_unit_test(lines_below_the_least_level_are_dropped),
        cmocka_unit_test(values_are_quoted_so_that_each_ends_where_it_should),
        cmocka_unit_test(no_byte_but_the_last_ends_a_line),
        cmocka_unit_test(a_value_of_any_length_leaves_the_line_standing),
        cmocka_unit_test(errors_are_logged_with_code_and_reason),
        cmocka_unit_test(a_clock_past_all_reason_costs_the_time_only),
        cmocka_unit_test(no_log_and_a_closed_log_are_no_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
