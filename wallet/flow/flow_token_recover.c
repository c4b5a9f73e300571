/* A new token in the place of a lost one: which keys it lacks, and a new one for each. */
#define _DEFAULT_SOURCE /* explicit_bzero */

#include <stdio.h>
#include <stdlib.h>

#include "flow_key_internal.h"
#include "recovery_internal.h"
#include "wallet/cbor.h"
#include "wallet/flow_status.h"

enum { TOKEN_KEYS_MAX = HOME_KEYS_MAX, DETAIL_MAX = 2048 };

struct recovering {
    struct wallet_home *home;
    const struct wallet_recover_order *order;
    struct wallet_recover_result *result;
    struct hsm_token_key *held; /* by the token */
    size_t held_count;
    int64_t now;
};

static void free_recovering(struct recovering *r)
{
    free(r->held);
}
#define AUTO_RECOVERING __attribute__((cleanup(free_recovering))) struct recovering

static void done(const struct recovering *r, const char *what, const char *label)
{
    if (r->order->progress != NULL) {
        r->order->progress(r->order->progress_ctx, what, label);
    }
}

static lw_err list_token(struct recovering *r)
{
    r->held = calloc(TOKEN_KEYS_MAX, sizeof(*r->held));
    if (r->held == NULL) {
        return LW_FAIL(LW_E_NOMEM, "recover: out of memory", LW_NOWHERE);
    }
    LW_TRY(hsm_pool_list(r->home->pool, r->held, TOKEN_KEYS_MAX, &r->held_count));
    return r->held_count <= TOKEN_KEYS_MAX
               ? LW_SUCCESS
               : LW_FAIL(LW_E_LIMIT, "recover: too many keys in the token", LW_NOWHERE);
}

static const struct hsm_token_key *find_held(const struct recovering *r, const char *label)
{
    for (size_t i = 0; i < r->held_count; i++) {
        if (strcmp(r->held[i].label, label) == 0) {
            return &r->held[i];
        }
    }
    return NULL;
}

/* Another home's token has keys of the same labels: nothing must be signed with them. */
static lw_err is_held(const struct recovering *r, const struct wallet_key_record *key, bool *held)
{
    const struct hsm_token_key *found = find_held(r, key->token);
    *held = found != NULL;
    return found == NULL || key->key.alg == HSM_ALG_NONE ||
                   hsm_public_key_eq(&found->key, &key->key)
               ? LW_SUCCESS
               : LW_FAIL(LW_E_CONFLICT, "recover: the token holds another home's keys", LW_NOWHERE);
}

struct key_loss {
    const struct recovering *r;
    const char *label;
    bool stolen; /* and not active: such a one is noted when it is replaced */
};

static lw_err write_lost(struct wallet_txn *txn, void *ctx)
{
    const struct key_loss *loss = ctx;
    const struct recovering *r = loss->r;
    LW_TRY(wallet_store_key_lost(txn, lw_str_c(loss->label), r->now));
    LW_TRY(home_audit(txn, r->now, WALLET_AUDIT_KEY_LOST, r->order->actor,
                      lw_str_bytes(lw_str_c(loss->label))));
    return loss->stolen ? home_key_compromise(txn, loss->label, r->order->actor, r->now)
                        : LW_SUCCESS;
}

/* Notes every key that is gone; a run that was killed has noted some of them. */
static lw_err note_losses(const struct recovering *r, struct home_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        struct wallet_key_record *key = &keys->list[i];
        struct key_loss loss = {.r = r,
                                .label = key->label,
                                .stolen = r->order->compromised && key->state != WALLET_KEY_ACTIVE};
        bool held = false;
        LW_TRY(is_held(r, key, &held));
        if (held || key->state == WALLET_KEY_DESTROYED || key->lost != WALLET_KEY_NEVER ||
            key->standby) {
            continue;
        }
        LW_TRY(wallet_store_write(r->home->store, write_lost, &loss));
        key->lost = r->now;
    }
    return LW_SUCCESS;
}

static lw_err replacement_order(const struct recovering *r, const struct wallet_key_record *old,
                                struct hsm_cert *cert, struct home_key_order *order)
{
    *order = (struct home_key_order){.purpose = old->purpose,
                                     .agency = lw_str_c(old->agency),
                                     .state = WALLET_KEY_ACTIVE,
                                     .compromised = r->order->compromised ? old->label : NULL,
                                     .actor = r->order->actor};
    if (old->cert.len > 0) {
        LW_TRY(hsm_cert_parse(old->cert, cert));
        order->common_name = lw_str_c(cert->common_name);
        order->organization_id = lw_str_c(cert->organization_id);
    }
    return LW_SUCCESS;
}

static const struct wallet_key_record *find_standby(const struct recovering *r,
                                                    const struct home_keys *keys,
                                                    const struct wallet_key_record *old)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct wallet_key_record *key = &keys->list[i];
        if (key->standby && key->state == WALLET_KEY_PUBLISHED && key->purpose == old->purpose &&
            strcmp(key->agency, old->agency) == 0 && find_held(r, key->token) != NULL &&
            r->now < key->not_after) {
            return key;
        }
    }
    return NULL;
}

static lw_err replace(const struct recovering *r, const struct home_keys *keys,
                      const struct wallet_key_record *old)
{
    struct home_key_order order;
    struct hsm_cert cert;
    char label[WALLET_KEY_LABEL_MAX + 1];
    bool changed = false;
    const struct wallet_key_record *standby = find_standby(r, keys, old);
    LW_TRY(replacement_order(r, old, &cert, &order));
    if (standby != NULL) {
        LW_TRY(flow_key_activate(r->home, standby, order.compromised, order.actor, &changed));
        done(r, "standby key signs", standby->label);
    } else {
        LW_TRY(home_key_make(r->home, &order, label));
        done(r, "new key", label);
        r->result->new_ca = r->result->new_ca || old->purpose == HSM_PURPOSE_CA;
        r->result->new_pin = r->result->new_pin || old->purpose == HSM_PURPOSE_TRUST_LIST;
    }
    r->result->replaced++;
    return LW_SUCCESS;
}

static lw_err replace_if_lost(const struct recovering *r, const struct home_keys *keys,
                              const struct wallet_key_record *key)
{
    return key->state == WALLET_KEY_ACTIVE && key->lost != WALLET_KEY_NEVER ? replace(r, keys, key)
                                                                            : LW_SUCCESS;
}

/* The CA's first, since it certifies the others; the list's next, since it tells of them. */
static lw_err replace_all(const struct recovering *r, const struct home_keys *keys)
{
    static const enum hsm_purpose first[] = {HSM_PURPOSE_SEAL, HSM_PURPOSE_CA,
                                             HSM_PURPOSE_TRUST_LIST};
    enum { FIRST = sizeof(first) / sizeof(first[0]) };
    for (size_t p = 0; p <= FIRST; p++) {
        for (size_t i = 0; i < keys->count; i++) {
            bool early = false;
            for (size_t f = 0; f < FIRST; f++) {
                early = early || keys->list[i].purpose == first[f];
            }
            if (p < FIRST ? keys->list[i].purpose == first[p] : !early) {
                LW_TRY(replace_if_lost(r, keys, &keys->list[i]));
            }
        }
    }
    return LW_SUCCESS;
}

static lw_err unlock_epoch(void *ctx, uint32_t number, const uint8_t *key)
{
    const struct recovering *r = ctx;
    return wallet_store_unlock(r->home->store, number, key);
}

struct wrapping {
    const struct recovering *r;
    const char *seal;
    struct home_rewrapped rewrapped;
};

static lw_err wrap_epoch(void *ctx, uint32_t number, const uint8_t *key)
{
    struct wrapping *w = ctx;
    return home_epoch_wrap(w->r->home, number, key, w->seal, &w->rewrapped);
}

/* The places of the custodians whose shares were used. */
static lw_err put_detail(const struct wallet_recover_order *order, lw_buf *detail)
{
    LW_TRY(wallet_cbor_put_array(detail, order->share_count));
    for (size_t i = 0; i < order->share_count; i++) {
        LW_TRY(wallet_cbor_put_uint(detail, order->shares[i].index));
    }
    return LW_SUCCESS;
}

static lw_err write_wrapped(struct wallet_txn *txn, void *ctx)
{
    const struct wrapping *w = ctx;
    const struct recovering *r = w->r;
    LW_AUTO_BUF detail = LW_BUF(DETAIL_MAX);
    LW_TRY(home_epochs_put(txn, &w->rewrapped));
    LW_TRY(home_audit(txn, r->now, WALLET_AUDIT_EPOCH_REWRAPPED, r->order->actor,
                      lw_str_bytes(lw_str_c(w->seal))));
    LW_TRY(put_detail(r->order, &detail));
    const struct wallet_audit_event event = {.time = r->now,
                                             .kind = WALLET_AUDIT_TOKEN_RECOVERED,
                                             .actor = r->order->actor,
                                             .detail = lw_buf_view(&detail)};
    return wallet_audit_append(txn, &event, NULL);
}

/* A seal key of the token, made unless a run that was killed has made it. */
static lw_err find_seal(struct recovering *r, char label[WALLET_KEY_LABEL_MAX + 1])
{
    struct wallet_key_record active;
    bool held = false;
    {
        WALLET_AUTO_TXN txn = NULL;
        LW_TRY(wallet_read_begin(r->home->store, &txn));
        LW_TRY(wallet_store_key_active(txn, HSM_PURPOSE_SEAL, LW_STR(""), &active));
        active.cert = (lw_bytes){NULL, 0};
    }
    LW_TRY(is_held(r, &active, &held));
    if (held) {
        memcpy(label, active.label, sizeof(active.label));
        return LW_SUCCESS;
    }
    const struct home_key_order order = {.purpose = HSM_PURPOSE_SEAL,
                                         .state = WALLET_KEY_ACTIVE,
                                         .compromised = r->order->compromised ? active.label : NULL,
                                         .actor = r->order->actor};
    LW_TRY(home_key_make(r->home, &order, label));
    done(r, "new key", label);
    r->result->replaced++;
    return LW_SUCCESS;
}

static lw_err open_by_shares(struct recovering *r)
{
    HSM_AUTO_SOFT_KEY key = NULL;
    char seal[WALLET_KEY_LABEL_MAX + 1];
    struct wrapping w = {.r = r, .seal = seal};
    LW_TRY(recovery_join(r->home, r->order, r->result, &key));
    LW_TRY(home_epochs_open(r->home, key, unlock_epoch, r)); /* a wrong key changes nothing */
    LW_TRY(find_seal(r, seal));
    LW_TRY(home_epochs_open(r->home, key, wrap_epoch, &w));
    LW_TRY(wallet_store_write(r->home->store, write_wrapped, &w));
    r->result->opened = true;
    done(r, "epoch keys wrapped", seal);
    return wallet_store_epoch_follow(r->home->store);
}

/* A token that has the epochs' seal key, or a standby's, opens them without shares. */
static lw_err open_store(struct recovering *r)
{
    const lw_err err = home_epochs_unlock(r->home);
    if (err.code == LW_E_NOT_FOUND) {
        return open_by_shares(r);
    }
    return err.code == LW_E_SIGNATURE
               ? LW_FAIL(LW_E_CONFLICT, "recover: the token holds another home's keys", LW_NOWHERE)
               : err;
}

static lw_err publish(const struct recovering *r)
{
    size_t steps = 0;
    size_t lists = 0;
    LW_TRY(wallet_flow_key_advance(r->home, r->order->actor, r->order->progress,
                                   r->order->progress_ctx, &steps));
    LW_TRY(wallet_flow_publish_status(r->home, &lists));
    for (size_t i = 0; i < lists; i++) {
        done(r, "status list signed", "");
    }
    return LW_SUCCESS;
}

lw_err wallet_flow_token_recover(struct wallet_home *home, const struct wallet_recover_order *order,
                                 struct wallet_recover_result *result)
{
    AUTO_RECOVERING r = {
        .home = home, .order = order, .result = result, .now = lw_now(home->env->clock)};
    HOME_AUTO_KEYS keys = {.list = NULL};
    *result = (struct wallet_recover_result){.bad = SIZE_MAX};
    LW_TRY(list_token(&r));
    LW_TRY(open_store(&r));
    LW_TRY(home_keys_read(home, &keys));
    LW_TRY(note_losses(&r, &keys));
    LW_TRY(replace_all(&r, &keys));
    return publish(&r);
}
