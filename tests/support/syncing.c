#include "syncing.h"

#include <stdio.h>
#include <stdlib.h>

#include "wallet/flow_status.h"
#include "wallet/store_catalog.h"
#include "wallet/trust_list.h"

#define LIST SUPPORT_BASE_URL "/trust-list"
#define TYPES SUPPORT_BASE_URL "/api/v1/catalog/types"
#define STATUS SUPPORT_BASE_URL "/status"

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fprintf(stderr, "test support: %s: %s\n", lw_code_name(err.code), err.why);
        abort();
    }
}

static lw_err put_type(struct support_home *h, lw_str id, lw_buf *body)
{
    struct wallet_doc doc;
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(wallet_home_store(h->home), &txn));
    LW_TRY(wallet_store_doc_get(txn, WALLET_DOC_LICENSE_TYPE, id, 0, &doc));
    return lw_buf_put(body, doc.json);
}

static lw_err put_list(struct support_home *h, lw_str number, lw_buf *body)
{
    int64_t n = 0;
    int64_t iat = 0;
    int64_t exp = 0;
    LW_TRY(lw_str_int(number, &n));
    return wallet_flow_status_token(h->home, (uint64_t)n, true, body, &iat, &exp);
}

lw_err support_fetch(void *ctx, lw_str uri, const char *accept, lw_buf *body)
{
    struct support_home *h = ctx;
    (void)accept;
    if (lw_str_is(uri, LIST)) {
        return wallet_flow_trust_list(h->home, body);
    }
    if (lw_str_starts(uri, LW_STR(LIST "?pin="))) {
        return wallet_flow_trust_list_after(h->home, lw_str_from(uri, sizeof(LIST "?pin=") - 1),
                                            body);
    }
    if (lw_str_is(uri, TYPES)) {
        return lw_buf_put_c(body, "{\"types\":[{\"id\":\"business-license\",\"version\":1}]}");
    }
    if (lw_str_starts(uri, LW_STR(TYPES "/"))) {
        return put_type(h, lw_str_from(uri, sizeof(TYPES "/") - 1), body);
    }
    if (lw_str_is(uri, STATUS)) {
        return wallet_flow_status_aggregation(h->home, body);
    }
    return put_list(h, lw_str_from(uri, sizeof(STATUS "/") - 1), body);
}

lw_err support_sync(struct support_home *h, const char *dir, lw_str pin,
                    struct wallet_sync_result *result)
{
    size_t published = 0;
    const struct wallet_sync_order order = {.server = LW_STR(SUPPORT_BASE_URL),
                                            .dir = dir,
                                            .pin = pin,
                                            .fetch = support_fetch,
                                            .fetch_ctx = h};
    LW_TRY(wallet_flow_publish_status(h->home, &published));
    return wallet_flow_sync(&order, &h->env, result);
}

void support_pin(struct support_home *h, lw_buf *hex)
{
    struct hsm_signer signer;
    uint8_t pin[WALLET_PIN_LEN];
    must(wallet_home_signer(h->home, HSM_PURPOSE_TRUST_LIST, LW_STR(""), &signer));
    must(wallet_trust_pin(&signer.key, pin));
    must(lw_buf_put_hex(hex, LW_BYTES(pin)));
}
