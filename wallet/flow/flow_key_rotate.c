/* A rotation begun, hastened, or forced by a key that is not to be believed any more. */
#include "flow_key_internal.h"
#include "wallet/flow_status.h"

struct rotation {
    struct wallet_home *home;
    const struct wallet_key_order *order;
    struct wallet_key_result *result;
    const struct wallet_key_record *active;
    const struct wallet_key_record *successor; /* NULL: none is published */
    struct hsm_cert cert;                      /* of `active`, when it has one */
};

static void done(const struct rotation *r, const char *what, const char *label)
{
    r->result->steps++;
    if (r->order->progress != NULL) {
        r->order->progress(r->order->progress_ctx, what, label);
    }
}

static lw_err check_order(const struct wallet_key_order *order)
{
    const struct home_key_rule *rule = home_key_rule(order->purpose);
    if (!rule->kept) {
        return LW_FAIL(LW_E_NOT_FOUND, "key: there are no keys of this purpose", LW_NOWHERE);
    }
    if ((order->now ? 1 : 0) + (order->compromised ? 1 : 0) + (order->same_key ? 1 : 0) > 1) {
        return LW_FAIL(LW_E_MISUSE, "key: orders that do not go together", LW_NOWHERE);
    }
    if (order->same_key && !rule->certified) {
        return LW_FAIL(LW_E_VALUE, "key: keys of this purpose have no certificate", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static lw_err find(struct rotation *r, const struct home_keys *keys)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct wallet_key_record *key = &keys->list[i];
        if (key->state == WALLET_KEY_ACTIVE && key->purpose == r->order->purpose &&
            lw_str_is(r->order->agency, key->agency)) {
            r->active = key;
        }
    }
    if (r->active == NULL) {
        return LW_FAIL(LW_E_NOT_FOUND, "key: no key of this purpose and agency is active",
                       LW_NOWHERE);
    }
    r->successor = home_key_successor(keys, r->active);
    return r->active->cert.len == 0 ? LW_SUCCESS : hsm_cert_parse(r->active->cert, &r->cert);
}

static struct home_key_order order_of(const struct rotation *r, enum wallet_key_state state)
{
    return (struct home_key_order){
        .purpose = r->active->purpose,
        .agency = lw_str_c(r->active->agency),
        .common_name = lw_str_c(r->cert.common_name),
        .organization_id = lw_str_c(r->cert.organization_id),
        .state = state,
        .again = r->order->same_key ? r->active : NULL,
        .actor = r->order->actor,
    };
}

static lw_err read_record(const struct rotation *r, struct wallet_key_record *key)
{
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(r->home->store, &txn));
    LW_TRY(wallet_store_key_get(txn, lw_str_c(r->result->label), key));
    key->cert = (lw_bytes){NULL, 0};
    return LW_SUCCESS;
}

/* Whatever is left to do; a signature that fails now is made later by the service. */
static lw_err go_on(const struct rotation *r)
{
    struct wallet_key_record key;
    size_t steps = 0;
    const lw_err err = wallet_flow_key_advance(r->home, r->order->actor, r->order->progress,
                                               r->order->progress_ctx, &steps);
    r->result->steps += steps;
    LW_TRY(read_record(r, &key));
    r->result->ready_at = home_key_ready_at(&key);
    return err;
}

/* The last epochs are kept for a theft, which cannot wait. */
static lw_err check_epochs(const struct rotation *r)
{
    uint32_t left = 0;
    if (r->order->purpose != HSM_PURPOSE_SEAL || r->successor != NULL) {
        return LW_SUCCESS;
    }
    LW_TRY(wallet_flow_epochs_left(r->home, &left));
    return left > WALLET_EPOCHS_RESERVE
               ? LW_SUCCESS
               : LW_FAIL(LW_E_LIMIT, "key: the store's last epoch is kept for a stolen seal key",
                         LW_NOWHERE);
}

static lw_err begin(const struct rotation *r)
{
    const struct home_key_order order = order_of(r, WALLET_KEY_PUBLISHED);
    if (r->successor != NULL) {
        LW_TRY(go_on(r)); /* a run that was killed may have left it unlisted */
        return LW_FAIL(LW_E_CONFLICT, "key: a successor is published already", LW_NOWHERE);
    }
    LW_TRY(check_epochs(r));
    LW_TRY(home_key_make(r->home, &order, r->result->label));
    done(r, "published", r->result->label);
    return go_on(r);
}

static lw_err hasten(const struct rotation *r)
{
    if (r->successor == NULL) {
        return LW_FAIL(LW_E_DENIED, "key: no successor is published: begin the rotation first",
                       LW_NOWHERE);
    }
    r->result->ready_at = home_key_ready_at(r->successor);
    if (r->result->ready_at == WALLET_KEY_NEVER ||
        lw_now(r->home->env->clock) < r->result->ready_at) {
        return LW_FAIL(LW_E_DENIED,
                       "key: verifiers that know the successor not yet would refuse what it signs",
                       LW_NOWHERE);
    }
    return go_on(r);
}

static lw_err activate(const struct rotation *r, const struct wallet_key_record *key)
{
    bool changed = false;
    LW_TRY(flow_key_activate(r->home, key, r->active->label, r->order->actor, &changed));
    if (changed) {
        done(r, "active", key->label);
    }
    return LW_SUCCESS;
}

/* Without one left, the epochs that there are go on: better than a stolen key that stays. */
static lw_err make_epoch(const struct rotation *r, const char *seal)
{
    int64_t made = 0;
    uint32_t left = 0;
    const lw_err waits = home_epoch_waits(r->home, seal, &made);
    if (waits.code != LW_E_NOT_FOUND) {
        return waits;
    }
    LW_TRY(wallet_flow_epochs_left(r->home, &left));
    if (left == 0) {
        done(r, "no epoch is left: what is sealed from now on is sealed as before", "");
        return LW_SUCCESS;
    }
    return home_epoch_make(r->home, seal);
}

/* Epochs are wrapped anew while the old seal key can still open them. */
static lw_err replace_seal(const struct rotation *r)
{
    const struct home_key_order order = order_of(r, WALLET_KEY_PUBLISHED);
    struct wallet_key_record key;
    if (r->successor == NULL) {
        LW_TRY(home_key_make(r->home, &order, r->result->label));
        done(r, "published", r->result->label);
    }
    LW_TRY(read_record(r, &key));
    LW_TRY(make_epoch(r, key.label));
    return activate(r, &key);
}

/* A successor that verifiers know already is better than a new one; not one of the same key. */
static lw_err replace(const struct rotation *r)
{
    struct home_key_order order = order_of(r, WALLET_KEY_ACTIVE);
    if (r->order->purpose == HSM_PURPOSE_SEAL) {
        return replace_seal(r);
    }
    if (r->successor != NULL && strcmp(r->successor->token, r->active->token) != 0) {
        return activate(r, r->successor);
    }
    order.compromised = r->active->label;
    LW_TRY(home_key_make(r->home, &order, r->result->label));
    done(r, "active", r->result->label);
    return LW_SUCCESS;
}

static lw_err compromised(const struct rotation *r)
{
    size_t lists = 0;
    LW_TRY(replace(r));
    const lw_err err = go_on(r);
    const lw_err published = wallet_flow_publish_status(r->home, &lists);
    for (size_t i = 0; i < lists; i++) {
        done(r, "status list signed", "");
    }
    return err.code == LW_OK ? published : err;
}

lw_err wallet_flow_key_rotate(struct wallet_home *home, const struct wallet_key_order *order,
                              struct wallet_key_result *result)
{
    HOME_AUTO_KEYS keys = {.list = NULL};
    struct rotation r = {.home = home, .order = order, .result = result};
    *result = (struct wallet_key_result){.ready_at = WALLET_KEY_NEVER};
    LW_TRY(check_order(order));
    LW_TRY(home_keys_read(home, &keys));
    LW_TRY(find(&r, &keys));
    if (r.successor != NULL) {
        memcpy(result->label, r.successor->label, sizeof(result->label));
    }
    if (order->compromised) {
        return compromised(&r);
    }
    return order->now ? hasten(&r) : begin(&r);
}
