/* What is known of each key: its name to others, its time left, its next step. */
#include "wallet/flow_key.h"

#include "home_key.h"
#include "wallet/jwk.h"

static lw_err identify(const struct wallet_key_record *key, struct wallet_key_info *info)
{
    info->has_id = true;
    info->cert_end = WALLET_KEY_NEVER;
    if (key->cert.len > 0) {
        struct hsm_cert cert;
        LW_TRY(hsm_cert_parse(key->cert, &cert));
        memcpy(info->id, cert.sha256, sizeof(info->id));
        info->cert_end = cert.not_after;
        return LW_SUCCESS;
    }
    if (key->key.alg == HSM_RS256) {
        return wallet_jwk_thumbprint(&key->key, info->id);
    }
    if (key->key.alg != HSM_ALG_NONE) {
        return wallet_trust_pin(&key->key, info->id);
    }
    info->has_id = false;
    return LW_SUCCESS;
}

const struct wallet_key_record *home_key_successor(const struct home_keys *keys,
                                                   const struct wallet_key_record *key)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct wallet_key_record *other = &keys->list[i];
        if (other->state == WALLET_KEY_PUBLISHED && !other->standby &&
            other->purpose == key->purpose && strcmp(other->agency, key->agency) == 0) {
            return other;
        }
    }
    return NULL;
}

int64_t home_key_ready_at(const struct wallet_key_record *key)
{
    const struct home_key_rule *rule = home_key_rule(key->purpose);
    const int64_t since = rule->listed ? key->listed : key->created;
    return since == WALLET_KEY_NEVER ? WALLET_KEY_NEVER : since + rule->overlap;
}

static void find_next(const struct wallet_key_record *key, const struct home_key_rule *rule,
                      struct wallet_key_info *info)
{
    info->next_at = WALLET_KEY_NEVER;
    switch (key->state) {
    case WALLET_KEY_PUBLISHED:
        if (key->standby) {
            break; /* it waits for the loss of the first token */
        }
        info->next_at = home_key_ready_at(key);
        info->next =
            info->next_at == WALLET_KEY_NEVER ? WALLET_KEY_STEP_LIST : WALLET_KEY_STEP_ACTIVATE;
        break;
    case WALLET_KEY_ACTIVE:
        if (!info->succeeded) {
            info->next = WALLET_KEY_STEP_ROTATE;
            info->next_at = key->not_after - rule->overlap;
        }
        break;
    case WALLET_KEY_RETIRED:
        info->next = WALLET_KEY_STEP_DESTROY;
        info->next_at =
            key->compromised != WALLET_KEY_NEVER ? key->compromised : key->retired + rule->hold;
        break;
    case WALLET_KEY_DESTROYED:
        break;
    }
}

static lw_err tell(const struct home_keys *keys, const struct wallet_key_record *key, int64_t now,
                   struct wallet_key_info *info)
{
    const struct home_key_rule *rule = home_key_rule(key->purpose);
    *info = (struct wallet_key_info){.record = *key, .next = WALLET_KEY_STEP_NONE};
    if (!rule->kept) {
        return LW_FAIL(LW_E_CORRUPT, "home: a key of a purpose that is none of ours", LW_NOWHERE);
    }
    LW_TRY(identify(key, info));
    info->succeeded = key->state == WALLET_KEY_ACTIVE && home_key_successor(keys, key) != NULL;
    const bool signs = key->state == WALLET_KEY_ACTIVE || key->state == WALLET_KEY_PUBLISHED;
    const int64_t left = signs && key->not_after > now ? key->not_after - now : 0;
    info->days_left = left / LW_DAY_S;
    info->alarm = key->state == WALLET_KEY_ACTIVE && left <= WALLET_KEY_ALARM_S;
    find_next(key, rule, info);
    return LW_SUCCESS;
}

lw_err wallet_flow_key_each(struct wallet_home *home, wallet_key_visit *visit, void *ctx)
{
    const int64_t now = lw_now(home->env->clock);
    HOME_AUTO_KEYS keys = {.list = NULL};
    LW_TRY(home_keys_read(home, &keys));
    for (size_t i = 0; i < keys.count; i++) {
        struct wallet_key_info info;
        LW_TRY(tell(&keys, &keys.list[i], now, &info));
        LW_TRY(visit(ctx, &info));
    }
    return LW_SUCCESS;
}

lw_err wallet_flow_crl_sign(struct wallet_home *home, size_t *signed_count)
{
    return home_crl_sign(home, true, signed_count);
}
