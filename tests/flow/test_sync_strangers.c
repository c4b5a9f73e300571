/* What a server says beside the signed trust list sends `lw sync` nowhere. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "home.h"
#include "wallet/flow_status.h"
#include "wallet/flow_sync.h"
#include "wallet/trust_list.h"

static struct support_home home;
static bool went_astray;
static size_t type_count; /* that the server names; each an odd one */
static size_t list_count;

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

static lw_err put_names(const char *before, const char *entry, size_t count, lw_buf *body)
{
    LW_TRY(lw_buf_put_c(body, before));
    for (size_t i = 0; i < count; i++) {
        LW_TRY(lw_buf_put_c(body, i == 0 ? "" : ","));
        LW_TRY(lw_buf_put_c(body, entry));
    }
    return lw_buf_put_c(body, "]}");
}

static lw_err fetch(void *ctx, lw_str uri, const char *accept, lw_buf *body)
{
    (void)ctx;
    (void)accept;
    if (lw_str_is(uri, SUPPORT_BASE_URL "/trust-list")) {
        return wallet_flow_trust_list(home.home, body);
    }
    if (lw_str_is(uri, SUPPORT_BASE_URL "/api/v1/catalog/types")) {
        return put_names("{\"types\":[", "{\"id\":\"../x\"}", type_count, body);
    }
    if (lw_str_is(uri, SUPPORT_BASE_URL "/status")) {
        return put_names("{\"status_lists\":[", "\"http://127.0.0.1:9/status/1\"", list_count,
                         body);
    }
    went_astray = true;
    return LW_FAIL(LW_E_NETWORK, "test: not there", LW_NOWHERE);
}

static void a_list_of_no_issuer_of_the_trust_list_is_not_even_asked_for(void **state)
{
    (void)state;
    char dir[SUPPORT_PATH_MAX];
    uint8_t pin[WALLET_PIN_LEN];
    struct hsm_signer signer;
    LW_AUTO_BUF hex = LW_BUF(128);
    struct wallet_sync_result result;
    list_count = 1;
    support_path(home.folder, "offline", dir);
    must(wallet_home_signer(home.home, HSM_PURPOSE_TRUST_LIST, LW_STR(""), &signer));
    must(wallet_trust_pin(&signer.key, pin));
    must(lw_buf_put_hex(&hex, LW_BYTES(pin)));
    const struct wallet_sync_order order = {
        .server = LW_STR(SUPPORT_BASE_URL), .dir = dir, .pin = lw_buf_text(&hex), .fetch = fetch};
    must(wallet_flow_sync(&order, &home.env, &result));
    assert_int_equal(result.lists_fetched, 0);
    assert_int_equal(result.lists_kept, 1);
    assert_false(went_astray);
}

static lw_code sync_again(void)
{
    char dir[SUPPORT_PATH_MAX];
    struct wallet_sync_result result;
    support_path(home.folder, "offline", dir);
    const struct wallet_sync_order order = {
        .server = LW_STR(SUPPORT_BASE_URL), .dir = dir, .pin = LW_STR(""), .fetch = fetch};
    return wallet_flow_sync(&order, &home.env, &result).code;
}

static void more_types_or_lists_than_a_server_can_have_are_refused(void **state)
{
    (void)state;
    type_count = WALLET_SYNC_TYPES_MAX;
    assert_int_equal(sync_again(), LW_E_NETWORK); /* an odd name, looked at one by one */
    type_count++;
    assert_int_equal(sync_again(), LW_E_LIMIT);
    type_count = 0;
    list_count = WALLET_SYNC_LISTS_MAX;
    assert_int_equal(sync_again(), LW_OK);
    list_count++;
    assert_int_equal(sync_again(), LW_E_LIMIT);
    assert_false(went_astray);
}

static int make(void **state)
{
    (void)state;
    support_home_make(&home);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    support_home_drop(&home);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_list_of_no_issuer_of_the_trust_list_is_not_even_asked_for),
        cmocka_unit_test(more_types_or_lists_than_a_server_can_have_are_refused),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
