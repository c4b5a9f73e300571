/* Places in lists as text. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "wallet/base64.h"
#include "wallet/store_page.h"

static void a_place_of_every_length_comes_back_from_its_text(void **state)
{
    (void)state;
    for (size_t len = 0; len <= WALLET_PAGE_MAX; len++) {
        struct wallet_page page = {.len = len};
        struct wallet_page back = {.len = 7, .end = true};
        LW_AUTO_BUF text = LW_BUF(512);
        for (size_t i = 0; i < len; i++) {
            page.at[i] = (uint8_t)(i * 31 + len);
        }
        assert_int_equal(wallet_page_put(&page, &text).code, LW_OK);
        assert_int_equal(wallet_page_read(lw_buf_text(&text), &back).code, LW_OK);
        assert_int_equal(back.len, len);
        assert_memory_equal(back.at, page.at, sizeof(page.at));
        assert_false(back.end);
    }
}

static void what_is_no_place_is_refused(void **state)
{
    static const char *const bad[] = {"A", "AB=", "A B", "AB+", "\xe5\x9f\x8e"};
    uint8_t bytes[WALLET_PAGE_MAX + 1] = {0};
    struct wallet_page page = {.len = 3};
    LW_AUTO_BUF text = LW_BUF(512);
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(wallet_page_read(lw_str_c(bad[i]), &page).code, LW_E_SYNTAX);
    }
    assert_int_equal(wallet_base64url_encode(LW_BYTES(bytes), &text).code, LW_OK);
    assert_int_equal(wallet_page_read(lw_buf_text(&text), &page).code, LW_E_VALUE);
    assert_int_equal(page.len, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_of_every_length_comes_back_from_its_text),
        cmocka_unit_test(what_is_no_place_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
