/* What an issuer-signed part that was seen to hold does not help: anything but itself. */
#include "lw/clock.h"
#include "sdjwt_refused.h"

enum { PARTS = 64 };

/* A valid presentation that was verified once with shortcuts. */
struct warm {
    struct vc_bend vc;
    struct wallet_shortcuts shortcuts;
    lw_buf text;
};

static lw_err verify(const struct warm *w, lw_bytes text)
{
    LW_AUTO_BUF arena = LW_BUF(VC_ARENA_MAX);
    struct wallet_checks checks = {0};
    struct wallet_verified out;
    return wallet_sdjwt_vc_verify(text, &w->vc.expect, &arena, &checks, &out);
}

static int warm_up(void **state)
{
    struct warm *w = test_calloc(1, sizeof(*w));
    vc_bend_init(&w->vc);
    w->text = LW_BUF(VC_ARENA_MAX);
    vc_bend_build(&w->vc, &w->text);
    assert_int_equal(wallet_shortcuts_make(1, PARTS, &w->shortcuts).code, LW_OK);
    w->vc.expect.shortcuts = &w->shortcuts;
    assert_int_equal(verify(w, lw_buf_view(&w->text)).code, LW_OK);
    assert_int_equal(wallet_seen_count(w->shortcuts.seen), 1);
    *state = w;
    return 0;
}

static int cool_down(void **state)
{
    struct warm *w = *state;
    vc_bend_free(&w->vc);
    lw_buf_free(&w->text);
    wallet_shortcuts_end(&w->shortcuts);
    test_free(w);
    return 0;
}

static void a_character_changed_after_it_was_seen_is_refused(void **state)
{
    struct warm *w = *state;
    for (size_t i = 0; i < w->text.len; i++) {
        const uint8_t was = w->text.ptr[i];
        w->text.ptr[i] = was == 'A' ? 'B' : 'A';
        assert_int_not_equal(verify(w, lw_buf_view(&w->text)).code, LW_OK);
        w->text.ptr[i] = was;
    }
    assert_int_equal(wallet_seen_count(w->shortcuts.seen), 1);
    assert_int_equal(verify(w, lw_buf_view(&w->text)).code, LW_OK);
}

static void a_part_that_does_not_hold_is_not_remembered(void **state)
{
    struct warm *w = *state;
    w->vc.jwt.key = w->vc.other;
    vc_refused(&w->vc, WALLET_CHECK_ISSUER_SIGNATURE, LW_E_SIGNATURE,
               "jws: the signature does not hold");
    vc_refused(&w->vc, WALLET_CHECK_ISSUER_SIGNATURE, LW_E_SIGNATURE,
               "jws: the signature does not hold");
    assert_int_equal(wallet_seen_count(w->shortcuts.seen), 1);
}

static void the_holder_is_asked_each_time(void **state)
{
    struct warm *w = *state;
    w->vc.kb.key = w->vc.other;
    lw_buf_truncate(&w->text, 0);
    vc_bend_build(&w->vc, &w->text);
    assert_int_equal(verify(w, lw_buf_view(&w->text)).code, LW_E_SIGNATURE);
    w->vc.kb.key = w->vc.holder;
    w->vc.expect.aud = LW_STR("another verifier");
    assert_int_equal(verify(w, lw_buf_view(&w->text)).code, LW_E_SIGNATURE);
    lw_buf_truncate(&w->text, 0);
    vc_bend_build(&w->vc, &w->text);
    assert_int_equal(verify(w, lw_buf_view(&w->text)).code, LW_E_DENIED);
}

static void its_time_is_asked_each_time(void **state)
{
    struct warm *w = *state;
    w->vc.expect.now += 20 * 366 * LW_DAY_S;
    const lw_err err = verify(w, lw_buf_view(&w->text));
    assert_int_equal(err.code, LW_E_EXPIRED);
}

static void an_issuer_that_was_revoked_since_is_refused(void **state)
{
    struct warm *w = *state;
    struct wallet_trust_entry entry = vc_bend_entry(&w->vc);
    entry.state = WALLET_ISSUER_REVOKED;
    vc_bend_trust(&w->vc, entry);
    assert_int_equal(verify(w, lw_buf_view(&w->text)).code, LW_E_CONFLICT);
}

static void under_another_trust_nothing_counts_as_seen(void **state)
{
    struct warm *w = *state;
    struct wallet_trust_entry entry = vc_bend_entry(&w->vc);
    vc_bend_trust(&w->vc, entry); /* another, that says the same */
    assert_int_equal(verify(w, lw_buf_view(&w->text)).code, LW_OK);
    const size_t same = wallet_seen_count(w->shortcuts.seen);
    entry.not_after++;
    vc_bend_trust(&w->vc, entry);
    assert_int_equal(verify(w, lw_buf_view(&w->text)).code, LW_OK);
    assert_int_equal(wallet_seen_count(w->shortcuts.seen), same + 1);
    assert_int_equal(verify(w, lw_buf_view(&w->text)).code, LW_OK);
    assert_int_equal(wallet_seen_count(w->shortcuts.seen), same + 1);
}

#define WARM_TEST(name_) cmocka_unit_test_setup_teardown(name_, warm_up, cool_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WARM_TEST(a_character_changed_after_it_was_seen_is_refused),
        WARM_TEST(a_part_that_does_not_hold_is_not_remembered),
        WARM_TEST(the_holder_is_asked_each_time),
        WARM_TEST(its_time_is_asked_each_time),
        WARM_TEST(an_issuer_that_was_revoked_since_is_refused),
        WARM_TEST(under_another_trust_nothing_counts_as_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
