/* What a test says of a bent presentation. Included by cmocka tests only. */
#ifndef SUPPORT_SDJWT_REFUSED_H
#define SUPPORT_SDJWT_REFUSED_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sdjwt_bend.h"

enum { VC_ARENA_MAX = 1 << 21 };

static inline int vc_setup(void **state)
{
    struct vc_bend *b = test_malloc(sizeof(*b));
    vc_bend_init(b);
    *state = b;
    return 0;
}

static inline int vc_teardown(void **state)
{
    vc_bend_free(*state);
    test_free(*state);
    return 0;
}

#define VC_TEST(name_) cmocka_unit_test_setup_teardown(name_, vc_setup, vc_teardown)

/* Every check before `check` held; REPLAY is not the format's. */
static inline void vc_held_before(const struct wallet_checks *checks, enum wallet_check check)
{
    for (int i = 0; i < (int)check; i++) {
        assert_int_equal(checks->line[i].result,
                         i == WALLET_CHECK_REPLAY ? WALLET_CHECK_SKIPPED : WALLET_CHECK_OK);
    }
}

/* Only the named check failed, for the named reason, and nothing came out. */
static inline void vc_refused(const struct vc_bend *b, enum wallet_check check, lw_code code,
                              const char *detail)
{
    struct wallet_checks checks = {0};
    struct wallet_verified out;
    struct wallet_verified before;
    LW_AUTO_BUF arena = LW_BUF(VC_ARENA_MAX);
    memset(&before, 0xa5, sizeof(before));
    memset(&out, 0xa5, sizeof(out));
    const lw_err err = vc_bend_verify(b, &arena, &checks, &out);
    const struct wallet_check_line line = checks.line[check];
    if (err.code != code || line.result != WALLET_CHECK_FAILED ||
        strcmp(line.detail, detail) != 0) {
        print_message("%s: %s; %s\n", lw_code_name(err.code), err.why == NULL ? "" : err.why,
                      line.detail == NULL ? "" : line.detail);
    }
    assert_int_equal(err.code, code);
    vc_held_before(&checks, check);
    assert_int_equal(line.result, WALLET_CHECK_FAILED);
    assert_string_equal(line.detail, detail);
    for (int i = (int)check + 1; i < WALLET_CHECK_COUNT; i++) {
        assert_int_equal(checks.line[i].result, WALLET_CHECK_SKIPPED);
    }
    assert_memory_equal(&out, &before, sizeof(out));
}

/* All holds save that it is out of date: a doubt, and nothing came out. */
static inline void vc_stale(const struct vc_bend *b, const char *detail)
{
    struct wallet_checks checks = {0};
    struct wallet_verified out = {.format = NULL};
    LW_AUTO_BUF arena = LW_BUF(VC_ARENA_MAX);
    assert_int_equal(vc_bend_verify(b, &arena, &checks, &out).code, LW_E_EXPIRED);
    assert_int_equal(checks.line[WALLET_CHECK_FRESHNESS].result, WALLET_CHECK_UNKNOWN);
    assert_string_equal(checks.line[WALLET_CHECK_FRESHNESS].detail, detail);
    for (int i = 0; i <= WALLET_CHECK_VALIDITY; i++) {
        if (i != WALLET_CHECK_FRESHNESS && i != WALLET_CHECK_REPLAY) {
            assert_int_equal(checks.line[i].result, WALLET_CHECK_OK);
        }
    }
    assert_null(out.format);
}

/* It holds; `out` may be looked at while `arena` lives. */
static inline void vc_accepted(const struct vc_bend *b, lw_buf *arena, struct wallet_verified *out)
{
    struct wallet_checks checks = {0};
    const lw_err err = vc_bend_verify(b, arena, &checks, out);
    if (err.code != LW_OK) {
        print_message("%s\n", err.why);
    }
    assert_int_equal(err.code, LW_OK);
    if (!b->unbound) {
        vc_held_before(&checks, WALLET_CHECK_STATUS);
    }
    assert_int_equal(checks.line[WALLET_CHECK_STATUS].result, WALLET_CHECK_SKIPPED);
    assert_int_equal(checks.line[WALLET_CHECK_POLICY].result, WALLET_CHECK_SKIPPED);
}

/* It holds, whatever it says. */
static inline void vc_holds(const struct vc_bend *b)
{
    struct wallet_verified out;
    LW_AUTO_BUF arena = LW_BUF(VC_ARENA_MAX);
    vc_accepted(b, &arena, &out);
}

/* Set a member of a part to JSON text; replaces what is there. */
static inline void vc_set(json_t *object, const char *name, const char *json)
{
    json_t *value = json_loads(json, JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    assert_int_equal(json_object_set_new(object, name, value), 0);
}

static inline void vc_drop(json_t *object, const char *name)
{
    assert_int_equal(json_object_del(object, name), 0);
}

/* A part's JSON as text, with the first `from` in it replaced by `to`; lives as long as `b`. */
static inline const char *vc_edit(struct vc_bend *b, const json_t *part, const char *from,
                                  const char *to)
{
    char *text = json_dumps(part, JSON_COMPACT);
    assert_non_null(text);
    const char *hit = strstr(text, from);
    assert_non_null(hit);
    LW_AUTO_BUF out = LW_BUF(1 << 18);
    assert_int_equal(lw_buf_put_str(&out, (lw_str){text, (size_t)(hit - text)}).code, LW_OK);
    assert_int_equal(lw_buf_put_c(&out, to).code, LW_OK);
    assert_int_equal(lw_buf_put_c(&out, hit + strlen(from)).code, LW_OK);
    free(text);
    return vc_bend_keep(b, lw_buf_text(&out));
}

#endif
