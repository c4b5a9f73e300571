#include "lw/text.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "wallet/reason.h"

static const struct lw_message rows[] = {
    {"greet", {"Hello {name}, {{{name}", "{name}，你好 {{{name}"}},
    {"plain", {"Done", "完成"}},
    {"broken", {"Open {name", "Open {name"}},
    {"unnamed", {"Open {}", "Open {}"}},
};
static const struct lw_catalogue catalogue = {.rows = rows, .count = 4};

static void a_language_is_chosen_by_its_primary_subtag(void **state)
{
    static const struct {
        const char *tag;
        enum lw_locale locale;
    } cases[] = {
        {"zh", LW_LOCALE_ZH},    {"zh-CN", LW_LOCALE_ZH}, {"ZH-Hans-CN", LW_LOCALE_ZH},
        {"zh_CN", LW_LOCALE_ZH}, {"en", LW_LOCALE_EN},    {"en-GB", LW_LOCALE_EN},
        {"", LW_LOCALE_EN},      {"z", LW_LOCALE_EN},     {"zha", LW_LOCALE_EN},
        {"fr", LW_LOCALE_EN},    {"-zh", LW_LOCALE_EN},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        assert_int_equal(lw_locale_of(lw_str_c(cases[i].tag)), cases[i].locale);
    }
    assert_string_equal(lw_locale_tag(LW_LOCALE_ZH), "zh");
    assert_string_equal(lw_locale_tag(LW_LOCALE_EN), "en");
}

static void a_message_is_found_by_id_and_language(void **state)
{
    (void)state;
    assert_string_equal(lw_text(&catalogue, "plain", LW_STR("zh-CN")), "完成");
    assert_string_equal(lw_text(&catalogue, "plain", LW_STR("xx")), "Done");
    assert_null(lw_text(&catalogue, "pla", LW_STR("zh")));
}

static void parameters_are_filled_in(void **state)
{
    (void)state;
    const struct lw_text_param params[] = {{"x", LW_STR("no")}, {"name", LW_STR("{Ada}")}};
    LW_AUTO_BUF out = LW_BUF(64);
    assert_int_equal(lw_text_put(&catalogue, "greet", LW_STR("en"), params, 2, &out).code, LW_OK);
    assert_true(lw_str_is(lw_buf_text(&out), "Hello {Ada}, {{Ada}"));
}

static void a_text_that_cannot_be_filled_leaves_the_buffer_alone(void **state)
{
    static const struct {
        const char *id;
        size_t max;
        lw_code code;
    } cases[] = {
        {"none", 64, LW_E_NOT_FOUND}, {"greet", 64, LW_E_MISUSE}, {"broken", 64, LW_E_MISUSE},
        {"unnamed", 64, LW_E_MISUSE}, {"plain", 4, LW_E_LIMIT},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        LW_AUTO_BUF out = LW_BUF(cases[i].max);
        assert_int_equal(lw_buf_put_c(&out, "x").code, LW_OK);
        const lw_err err = lw_text_put(&catalogue, cases[i].id, LW_STR("en"), NULL, 0, &out);
        assert_int_equal(err.code, cases[i].code);
        assert_true(lw_str_is(lw_buf_text(&out), "x"));
    }
}

static void a_catalogue_with_a_fault_is_refused_at_its_row(void **state)
{
    static const struct lw_message good = {"a", {"{x} b", "{x} c {x}"}};
    static const struct lw_message bad[] = {
        {"a", {"again", "again"}},
        {"", {"b", "c"}},
        {NULL, {"b", "c"}},
        {"b", {"b", NULL}},
        {"b", {"", "c"}},
        {"b", {"{x}", "c"}},
        {"b", {"b", "{x}"}},
        {"b", {"{x}", "{y}"}},
        {"b", {"{x", "{x"}},
        {"b", {"{a}{b}{c}{d}{e}{f}{g}{h}{i}", "{a}{b}{c}{d}{e}{f}{g}{h}{i}"}},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        const struct lw_message two[] = {good, bad[i]};
        const struct lw_catalogue faulty = {.rows = two, .count = 2};
        const lw_err err = lw_catalogue_check(&faulty);
        assert_int_equal(err.code, LW_E_VALUE);
        assert_int_equal(err.at, 1);
    }
    const struct lw_catalogue whole = {.rows = &good, .count = 1};
    assert_int_equal(lw_catalogue_check(&whole).code, LW_OK);
}

/* Every locale has every id and the same placeholders. */
static void the_catalogue_of_reasons_is_whole(void **state)
{
    (void)state;
    assert_int_equal(lw_catalogue_check(wallet_reason_catalogue()).code, LW_OK);
}

static void every_reason_has_a_code_of_its_own_and_a_text(void **state)
{
    (void)state;
    assert_null(wallet_reason_code(WALLET_REASON_NONE));
    assert_null(wallet_reason_text(WALLET_REASON_NONE, LW_STR("en")));
    assert_null(wallet_reason_next(WALLET_REASON_NONE, LW_STR("en")));
    for (int i = WALLET_REASON_NONE + 1; i < WALLET_REASON_COUNT; i++) {
        const enum wallet_reason reason = (enum wallet_reason)i;
        const char *code = wallet_reason_code(reason);
        assert_non_null(code);
        for (const char *c = code; *c != 0; c++) {
            assert_true((*c >= 'a' && *c <= 'z') || *c == '_');
        }
        for (int k = WALLET_REASON_NONE + 1; k < i; k++) {
            assert_string_not_equal(code, wallet_reason_code((enum wallet_reason)k));
        }
        assert_non_null(wallet_reason_text(reason, LW_STR("en")));
        assert_non_null(wallet_reason_text(reason, LW_STR("zh")));
        assert_string_not_equal(wallet_reason_text(reason, LW_STR("en")),
                                wallet_reason_text(reason, LW_STR("zh")));
        assert_int_equal(wallet_reason_next(reason, LW_STR("en")) == NULL,
                         wallet_reason_next(reason, LW_STR("zh")) == NULL);
    }
    assert_string_equal(wallet_reason_code(WALLET_REASON_OUT_OF_DATE), "out_of_date");
    assert_non_null(
        strstr(wallet_reason_next(WALLET_REASON_OUT_OF_DATE, LW_STR("en")), "challenge"));
}

/* No row is there that no reason uses. */
static void the_catalogue_holds_nothing_else(void **state)
{
    (void)state;
    const struct lw_catalogue *all = wallet_reason_catalogue();
    size_t used = 0;
    for (int i = WALLET_REASON_NONE + 1; i < WALLET_REASON_COUNT; i++) {
        used += wallet_reason_next((enum wallet_reason)i, LW_STR("en")) == NULL ? 1 : 2;
    }
    assert_int_equal(used, all->count);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_language_is_chosen_by_its_primary_subtag),
        cmocka_unit_test(a_message_is_found_by_id_and_language),
        cmocka_unit_test(parameters_are_filled_in),
        cmocka_unit_test(a_text_that_cannot_be_filled_leaves_the_buffer_alone),
        cmocka_unit_test(a_catalogue_with_a_fault_is_refused_at_its_row),
        cmocka_unit_test(the_catalogue_of_reasons_is_whole),
        cmocka_unit_test(every_reason_has_a_code_of_its_own_and_a_text),
        cmocka_unit_test(the_catalogue_holds_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
