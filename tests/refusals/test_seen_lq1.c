/* As test_seen_parts.c, of LQ1 presentations, whose holder's key is kept with what was seen. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "sdcwt_bend.h"
#include "wallet/sdcwt.h"

enum { PARTS = 64, ARENA_MAX = 1 << 20 };

static lw_code verify_lq1(const struct bend *b, lw_bytes token, struct hsm_public_key *holder)
{
    LW_AUTO_BUF arena = LW_BUF(ARENA_MAX);
    struct wallet_checks checks = {0};
    struct wallet_verified out;
    const lw_code code = wallet_sdcwt_verify(token, &b->expect, &arena, &checks, &out).code;
    if (code == LW_OK) {
        *holder = out.holder_key;
    }
    return code;
}

static void a_byte_of_an_lq1_changed_after_it_was_seen_is_refused(void **state)
{
    (void)state;
    static struct bend b;
    struct wallet_shortcuts shortcuts;
    struct hsm_public_key first;
    struct hsm_public_key again;
    LW_AUTO_BUF token = LW_BUF(BEND_BYTES_MAX);
    bend_init(&b);
    bend_build(&b, &token);
    assert_int_equal(wallet_shortcuts_make(1, PARTS, &shortcuts).code, LW_OK);
    b.expect.shortcuts = &shortcuts;
    assert_int_equal(verify_lq1(&b, lw_buf_view(&token), &first), LW_OK);
    for (size_t bit = 0; bit < 8 * token.len; bit += 3) {
        token.ptr[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_not_equal(verify_lq1(&b, lw_buf_view(&token), &again), LW_OK);
        token.ptr[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_int_equal(wallet_seen_count(shortcuts.seen), 1);
    assert_int_equal(verify_lq1(&b, lw_buf_view(&token), &again), LW_OK);
    assert_true(hsm_public_key_eq(&first, &again));
    b.trust.digest[0] ^= 1;
    assert_int_equal(verify_lq1(&b, lw_buf_view(&token), &again), LW_OK);
    assert_int_equal(wallet_seen_count(shortcuts.seen), 2);
    wallet_shortcuts_end(&shortcuts);
    bend_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_byte_of_an_lq1_changed_after_it_was_seen_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
