#include "lq1_cases.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "same_verdict.h"
#include "wallet/base45.h"
#include "wallet/lq1.h"
#include "wallet/sdcwt.h"

enum { CASES_MAX = 128 };

static bool bend_map_by(struct bend_map *map, enum lq1_op op, enum lq1_op set,
                        const struct lq1_bend *bend)
{
    if (op == set) {
        bend_set(map, bend->a, bend->b);
    } else if (op == set + 1) {
        bend_add(map, bend->a, bend->b);
    } else if (op == set + 2) {
        bend_drop(map, bend->a);
    }
    return op >= set && op <= set + 2;
}

static bool bend_message_by(struct bend_message *m, enum lq1_op op, const struct lq1_bend *bend)
{
    /* In the order of the enum, from CWT_HEAD_RAW. */
    lw_buf *const raw[] = {&m->protected_raw, &m->unprotected, &m->claims_raw, &m->payload,
                           &m->signature,     &m->shell,       &m->tail};
    if (bend_map_by(&m->protected, op, CWT_HEAD_SET, bend) ||
        bend_map_by(&m->claims, op, CWT_SET, bend)) {
        return true;
    }
    if (op == CWT_INT) {
        bend_set_int(&m->claims, bend->a, bend->n);
    } else if (op >= CWT_HEAD_RAW && op <= CWT_TAIL) {
        bend_bytes(raw[op - CWT_HEAD_RAW], bend->a);
    }
    return op >= CWT_INT && op <= CWT_TAIL;
}

static void apply(struct bend *b, const struct lq1_bend *bend)
{
    if (bend->op == HIDE) {
        bend_hide(b, bend->a);
    } else if (bend->op == SHOW) {
        bend_show(b, bend->a);
    } else if (bend->op == HIDE_AND_SHOW) {
        bend_hide_and_show(b, bend->a);
    } else if (bend->op >= KBT_HEAD_SET) {
        (void)bend_message_by(&b->kbt, bend->op - KBT_HEAD_SET + CWT_HEAD_SET, bend);
    } else if (bend->op >= CWT_HEAD_SET) {
        (void)bend_message_by(&b->cwt, bend->op, bend);
    }
}

lw_err lq1_verify(const struct bend *b, lw_buf arena[2], struct wallet_checks *checks,
                  struct wallet_verified *out)
{
    LW_AUTO_BUF made = LW_BUF(BEND_BYTES_MAX);
    LW_AUTO_BUF text = LW_BUF(2 * BEND_BYTES_MAX);
    *checks = (struct wallet_checks){.line[0].result = WALLET_CHECK_SKIPPED};
    bend_build(b, &made);
    assert_int_equal(lw_buf_put_c(&text, "LQ1:").code, LW_OK);
    assert_int_equal(wallet_base45_encode(lw_buf_view(&made), &text).code, LW_OK);
    if (text.len > WALLET_LQ1_TEXT_MAX) { /* too long for a code, yet not for the format */
        assert_int_equal(lw_buf_put(&arena[0], lw_buf_view(&made)).code, LW_OK);
    } else {
        const lw_err err = wallet_lq1_read(lw_buf_text(&text), &arena[0]);
        if (err.code != LW_OK) {
            wallet_check_set(checks, WALLET_CHECK_DECODE, WALLET_CHECK_FAILED, err.why);
            return err;
        }
        wallet_check_set(checks, WALLET_CHECK_DECODE, WALLET_CHECK_OK, NULL);
    }
    const struct support_verified asked = {.verify = wallet_sdcwt_verify,
                                           .presentation = lw_buf_view(&arena[0]),
                                           .expect = &b->expect,
                                           .before = *checks};
    const lw_err err = wallet_sdcwt_verify(asked.presentation, &b->expect, &arena[1], checks, out);
    support_same_verdict(&asked, err, checks, out);
    return err;
}

static void check_line(const struct lq1_case *c, const struct wallet_checks *checks, size_t i)
{
    const struct wallet_check_line *line = &checks->line[i];
    if (i != (size_t)c->check) {
        if (line->result != WALLET_CHECK_OK && line->result != WALLET_CHECK_SKIPPED) {
            print_error("%s: check %zu: %s\n", c->name, i, line->detail);
        }
        assert_true(line->result == WALLET_CHECK_OK || line->result == WALLET_CHECK_SKIPPED);
        return;
    }
    const bool doubt = i == WALLET_CHECK_FRESHNESS && c->code == LW_E_EXPIRED;
    assert_int_equal(line->result, doubt ? WALLET_CHECK_UNKNOWN : WALLET_CHECK_FAILED);
    assert_non_null(line->detail);
    assert_string_equal(line->detail, c->detail);
}

static void run_case(void **state)
{
    const struct lq1_case *c = *state;
    struct bend *b = malloc(sizeof(*b));
    struct wallet_checks checks;
    struct wallet_verified out;
    lw_buf arena[2] = {LW_BUF(BEND_BYTES_MAX), LW_BUF(BEND_BYTES_MAX)};
    assert_non_null(b);
    bend_init(b);
    for (size_t i = 0; i < LQ1_BENDS_MAX; i++) {
        apply(b, &c->bends[i]);
    }
    if (c->more != NULL) {
        c->more(b);
    }
    const lw_err err = lq1_verify(b, arena, &checks, &out);
    bend_free(b);
    free(b);
    lw_buf_free(&arena[0]);
    lw_buf_free(&arena[1]);
    for (size_t i = 0; i < WALLET_CHECK_COUNT; i++) {
        check_line(c, &checks, i);
    }
    assert_int_equal(err.code, c->code);
}

int lq1_run(const struct lq1_case *cases, size_t count)
{
    struct CMUnitTest tests[CASES_MAX] = {{0}};
    if (count > CASES_MAX) {
        abort();
    }
    for (size_t i = 0; i < count; i++) {
        /* cmocka's pointer is not constant; run_case() only reads. */
        tests[i] = (struct CMUnitTest){.name = cases[i].name,
                                       .test_func = run_case,
                                       .initial_state = (void *)(uintptr_t)&cases[i]};
    }
    return _cmocka_run_group_tests("lq1", tests, count, NULL, NULL);
}
