/* A second token: keys that stand by, published before they are needed. */
#include <stdlib.h>

#include "flow_key_internal.h"
#include "wallet/flow_recovery.h"

enum { RENEW_S = 90 * LW_DAY_S };

struct standing {
    struct wallet_home *home;
    const struct wallet_standby_order *order;
    struct hsm_pool *second;
    struct hsm_token_key *held; /* by the second token */
    size_t held_count;
    int64_t now;
    size_t made;
};

static void free_standing(struct standing *s)
{
    hsm_pool_close(s->second);
    free(s->held);
}
#define AUTO_STANDING __attribute__((cleanup(free_standing))) struct standing

static void done(const struct standing *s, const char *what, const char *label)
{
    if (s->order->progress != NULL) {
        s->order->progress(s->order->progress_ctx, what, label);
    }
}

static lw_err list_second(struct standing *s)
{
    s->held = calloc(HOME_KEYS_MAX, sizeof(*s->held));
    if (s->held == NULL) {
        return LW_FAIL(LW_E_NOMEM, "standby: out of memory", LW_NOWHERE);
    }
    LW_TRY(hsm_pool_list(s->second, s->held, HOME_KEYS_MAX, &s->held_count));
    return s->held_count <= HOME_KEYS_MAX
               ? LW_SUCCESS
               : LW_FAIL(LW_E_LIMIT, "standby: too many keys in the token", LW_NOWHERE);
}

static const struct hsm_token_key *find_held(const struct standing *s, const char *label)
{
    for (size_t i = 0; i < s->held_count; i++) {
        if (strcmp(s->held[i].label, label) == 0) {
            return &s->held[i];
        }
    }
    return NULL;
}

/* A key of the first token, or of another home's, where only standby keys may be. */
static lw_err check_second(const struct standing *s, const struct home_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct wallet_key_record *key = &keys->list[i];
        const struct hsm_token_key *held = find_held(s, key->token);
        if (held != NULL && (!key->standby || (key->key.alg != HSM_ALG_NONE &&
                                               !hsm_public_key_eq(&held->key, &key->key)))) {
            return LW_FAIL(LW_E_CONFLICT,
                           "standby: the token is the first one, or holds another home's keys",
                           LW_NOWHERE);
        }
    }
    return LW_SUCCESS;
}

static const struct wallet_key_record *find_standby(const struct home_keys *keys,
                                                    const struct wallet_key_record *active)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct wallet_key_record *key = &keys->list[i];
        if (key->standby && key->state == WALLET_KEY_PUBLISHED && key->purpose == active->purpose &&
            strcmp(key->agency, active->agency) == 0) {
            return key;
        }
    }
    return NULL;
}

struct drop {
    const struct standing *s;
    const char *label;
};

static lw_err write_dropped(struct wallet_txn *txn, void *ctx)
{
    const struct drop *d = ctx;
    LW_TRY(wallet_store_key_set_state(txn, lw_str_c(d->label), WALLET_KEY_DESTROYED, d->s->now));
    return home_audit(txn, d->s->now, WALLET_AUDIT_KEY_DESTROYED, d->s->order->actor,
                      lw_str_bytes(lw_str_c(d->label)));
}

/* First in the token: a record that says "destroyed" is never wrong. */
static lw_err drop_old(const struct standing *s, const struct wallet_key_record *old)
{
    struct drop d = {.s = s, .label = old->label};
    if (find_held(s, old->token) != NULL) {
        LW_TRY(hsm_pool_destroy(s->second, old->token));
    }
    LW_TRY(wallet_store_write(s->home->store, write_dropped, &d));
    done(s, "destroyed", old->label);
    return LW_SUCCESS;
}

static lw_err make(struct standing *s, const struct wallet_key_record *active,
                   char label[WALLET_KEY_LABEL_MAX + 1])
{
    struct hsm_cert cert;
    struct home_key_order order = {.purpose = active->purpose,
                                   .agency = lw_str_c(active->agency),
                                   .state = WALLET_KEY_PUBLISHED,
                                   .second = s->second,
                                   .actor = s->order->actor};
    if (active->cert.len > 0) {
        LW_TRY(hsm_cert_parse(active->cert, &cert));
        order.common_name = lw_str_c(cert.common_name);
        order.organization_id = lw_str_c(cert.organization_id);
    }
    LW_TRY(home_key_make(s->home, &order, label));
    s->made++;
    done(s, "stands by", label);
    return LW_SUCCESS;
}

static lw_err stand_by(struct standing *s, const struct home_keys *keys,
                       const struct wallet_key_record *active)
{
    const struct wallet_key_record *old = find_standby(keys, active);
    char label[WALLET_KEY_LABEL_MAX + 1];
    if (old != NULL && find_held(s, old->token) != NULL && old->not_after - s->now > RENEW_S) {
        memcpy(label, old->label, sizeof(label));
    } else {
        if (old != NULL) {
            LW_TRY(drop_old(s, old));
        }
        LW_TRY(make(s, active, label));
    }
    return active->purpose == HSM_PURPOSE_SEAL ? home_epochs_standby(s->home, s->second, label)
                                               : LW_SUCCESS;
}

lw_err wallet_flow_standby(struct wallet_home *home, const struct wallet_standby_order *order,
                           size_t *made)
{
    AUTO_STANDING s = {.home = home, .order = order, .now = lw_now(home->env->clock)};
    HOME_AUTO_KEYS keys = {.list = NULL};
    size_t steps = 0;
    *made = 0;
    LW_TRY(home_open_pool(order->token, home->env, false, &s.second));
    LW_TRY(list_second(&s));
    LW_TRY(home_keys_read(home, &keys));
    LW_TRY(check_second(&s, &keys));
    for (size_t i = 0; i < keys.count; i++) {
        if (keys.list[i].state == WALLET_KEY_ACTIVE &&
            keys.list[i].purpose != HSM_PURPOSE_CUSTODY) {
            LW_TRY(stand_by(&s, &keys, &keys.list[i]));
        }
    }
    *made = s.made;
    return wallet_flow_key_advance(home, order->actor, order->progress, order->progress_ctx,
                                   &steps);
}
