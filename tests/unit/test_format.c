#include "wallet/format.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void formats_are_found_by_name(void **state)
{
    static const struct {
        const char *name;
        unsigned bit;
    } cases[] = {{"dc+sd-cwt", WALLET_FORMAT_BIT_SDCWT}, {"pass", WALLET_FORMAT_BIT_SDCWT}};
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const struct wallet_format *format = wallet_format_by_name(lw_str_c(cases[i].name));
        assert_non_null(format);
        assert_string_equal(format->name, cases[i].name);
        assert_int_equal(format->bit, cases[i].bit);
        assert_non_null(format->issue);
        assert_non_null(format->present);
        assert_non_null(format->verify);
    }
}

static void other_names_are_not_found(void **state)
{
    static const char *const names[] = {"", "PASS", "pass ", "dc+sd-cw", "dc+sd-cwtx"};
    (void)state;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        assert_null(wallet_format_by_name(lw_str_c(names[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_are_found_by_name),
        cmocka_unit_test(other_names_are_not_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
