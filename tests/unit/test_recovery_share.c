#include "wallet/flow_recovery.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "bytes.h"
#include "wallet/base64.h"

static struct wallet_share known(bool opened)
{
    struct wallet_share share = {.opened = opened, .index = 16, .len = opened ? 32 : 125};
    for (size_t i = 0; i < sizeof(share.id); i++) {
        share.id[i] = (uint8_t)i;
    }
    for (size_t i = 0; i < share.len; i++) {
        share.bytes[i] = (uint8_t)(200 - i);
    }
    return share;
}

static void a_share_is_read_as_it_was_written(void **state)
{
    (void)state;
    for (int opened = 0; opened < 2; opened++) {
        const struct wallet_share share = known(opened == 1);
        struct wallet_share found;
        LW_AUTO_BUF text = LW_BUF(WALLET_SHARE_TEXT_MAX);
        LW_AUTO_BUF again = LW_BUF(WALLET_SHARE_TEXT_MAX);
        assert_int_equal(wallet_share_write(&share, &text).code, LW_OK);
        assert_int_equal(wallet_share_read(lw_buf_text(&text), &found).code, LW_OK);
        assert_int_equal(found.opened, share.opened);
        assert_int_equal(found.index, share.index);
        assert_memory_equal(found.id, share.id, sizeof(share.id));
        assert_int_equal(found.len, share.len);
        assert_memory_equal(found.bytes, share.bytes, share.len);
        assert_int_equal(wallet_share_write(&found, &again).code, LW_OK);
        assert_true(lw_bytes_eq(lw_buf_view(&again), lw_buf_view(&text)));
    }
}

static lw_code read_bytes(const uint8_t *bytes, size_t len)
{
    struct wallet_share share;
    LW_AUTO_BUF text = LW_BUF(WALLET_SHARE_TEXT_MAX);
    assert_int_equal(lw_buf_put_c(&text, "LWS1:").code, LW_OK);
    assert_int_equal(wallet_base64url_encode((lw_bytes){.ptr = bytes, .len = len}, &text).code,
                     LW_OK);
    return wallet_share_read(lw_buf_text(&text), &share).code;
}

static void kinds_lengths_and_indexes_are_bounded(void **state)
{
    uint8_t bytes[256] = {0};
    (void)state;
    bytes[17] = 1; /* the index */
    for (unsigned kind = 0; kind < 4; kind++) {
        bytes[0] = (uint8_t)kind;
        for (size_t len = 1; len < sizeof(bytes); len++) {
            const bool good = (kind == 1 && len == 18 + 125) || (kind == 2 && len == 18 + 32);
            assert_int_equal(read_bytes(bytes, len), good ? LW_OK : LW_E_VALUE);
        }
    }
    bytes[0] = 2;
    bytes[17] = 0;
    assert_int_equal(read_bytes(bytes, 18 + 32), LW_E_VALUE);
    bytes[17] = WALLET_CUSTODIANS_MAX;
    assert_int_equal(read_bytes(bytes, 18 + 32), LW_OK);
    bytes[17] = WALLET_CUSTODIANS_MAX + 1;
    assert_int_equal(read_bytes(bytes, 18 + 32), LW_E_VALUE);
}

static void what_is_no_share_is_refused(void **state)
{
    static const char *const texts[] = {"",       "LWS1:",   "LWS1",     "LWS2:AQ",  "lws1:AQ",
                                        "LWS1:A", "LWS1:A=", " LWS1:AQ", "LWS1:A Q", "\n\n"};
    static char long_text[WALLET_SHARE_TEXT_MAX + 2];
    struct wallet_share share;
    (void)state;
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        assert_int_equal(wallet_share_read(lw_str_c(texts[i]), &share).code, LW_E_SYNTAX);
    }
    memset(long_text, 'A', sizeof(long_text) - 1);
    memcpy(long_text, "LWS1:", 5);
    assert_int_equal(wallet_share_read(lw_str_c(long_text), &share).code, LW_E_SYNTAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_share_is_read_as_it_was_written),
        cmocka_unit_test(kinds_lengths_and_indexes_are_bounded),
        cmocka_unit_test(what_is_no_share_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
