#include "keyring.h"

#include <stdio.h>
#include <stdlib.h>

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fprintf(stderr, "test support: %s: %s\n", lw_code_name(err.code), err.why);
        abort();
    }
}

static lw_err see(void *ctx, const struct wallet_key_info *info)
{
    struct support_keys *keys = ctx;
    if (keys->count == SUPPORT_KEYS_MAX) {
        abort();
    }
    keys->list[keys->count] = *info;
    keys->list[keys->count++].record.cert = (lw_bytes){NULL, 0}; /* borrowed */
    return LW_SUCCESS;
}

void support_keys(struct support_home *h, struct support_keys *keys)
{
    *keys = (struct support_keys){.count = 0};
    must(wallet_flow_key_each(h->home, see, keys));
}

struct wallet_key_info support_key(struct support_home *h, const char *label)
{
    struct support_keys keys;
    support_keys(h, &keys);
    for (size_t i = 0; i < keys.count; i++) {
        if (strcmp(keys.list[i].record.label, label) == 0) {
            return keys.list[i];
        }
    }
    abort();
}

static const char *of_agency(enum hsm_purpose purpose)
{
    return purpose == HSM_PURPOSE_CREDENTIAL || purpose == HSM_PURPOSE_MDOC ||
                   purpose == HSM_PURPOSE_STATUS
               ? SUPPORT_KEY_AGENCY
               : "";
}

struct wallet_key_info support_active_key(struct support_home *h, enum hsm_purpose purpose)
{
    struct support_keys keys;
    support_keys(h, &keys);
    for (size_t i = 0; i < keys.count; i++) {
        const struct wallet_key_record *key = &keys.list[i].record;
        if (key->purpose == purpose && key->state == WALLET_KEY_ACTIVE &&
            strcmp(key->agency, of_agency(purpose)) == 0) {
            return keys.list[i];
        }
    }
    abort();
}

bool support_key_in_token(struct support_home *h, const char *label)
{
    struct hsm_token_key keys[SUPPORT_KEYS_MAX];
    size_t count = 0;
    must(hsm_pool_list(wallet_home_pool(h->home), keys, SUPPORT_KEYS_MAX, &count));
    if (count > SUPPORT_KEYS_MAX) {
        abort();
    }
    for (size_t i = 0; i < count; i++) {
        if (strcmp(keys[i].label, label) == 0) {
            return true;
        }
    }
    return false;
}

lw_err support_rotate(struct support_home *h, struct wallet_key_order order,
                      struct wallet_key_result *result)
{
    order.agency = lw_str_c(of_agency(order.purpose));
    order.actor = LW_STR("test");
    return wallet_flow_key_rotate(h->home, &order, result);
}

size_t support_advance(struct support_home *h)
{
    size_t steps = 0;
    must(wallet_flow_key_advance(h->home, LW_STR("test"), NULL, NULL, &steps));
    return steps;
}

void support_rotate_whole(struct support_home *h, enum hsm_purpose purpose)
{
    struct wallet_key_result result;
    must(support_rotate(h, (struct wallet_key_order){.purpose = purpose}, &result));
    h->clock.now = result.ready_at;
    (void)support_advance(h);
    if (strcmp(support_active_key(h, purpose).record.label, result.label) != 0) {
        abort();
    }
}
