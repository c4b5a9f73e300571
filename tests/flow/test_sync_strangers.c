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

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

static lw_err fetch(void *ctx, lw_str uri, const char *accept, lw_buf *body)
{
    (void)ctx;
    (void)accept;
    if (lw_str_is(uri, SUPPORT_BASE_URL "/trust-list")) {
        return wallet_flow_trust_list(home.home, body);
    }
    if (lw_str_is(uri, SUPPORT_BASE_URL "/api/v1/catalog/types")) {
        return lw_buf_put_c(body, "{\"types\":[]}");
    }
    if (lw_str_is(uri, SUPPORT_BASE_URL "/status")) {
        return lw_buf_put_c(body, "{\"status_lists\":[\"http://127.0.0.1:9/status/1\"]}");
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
    };
    return cmocka_run_group_tests(tests, make, drop);
}
