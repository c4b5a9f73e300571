/* The steps of a key's life that time allows. Each is durable by itself, and done once. */
#include <unistd.h>

#include "flow_key_internal.h"
#include "trust_publish.h"
#include "wallet/store_status.h"

struct advance {
    struct wallet_home *home;
    lw_str actor;
    wallet_key_progress *progress;
    void *progress_ctx;
    size_t steps;
    lw_err first; /* the first error; others go on */
    int64_t now;
};

static void done(struct advance *a, const char *what, const char *label)
{
    a->steps++;
    if (a->progress != NULL) {
        a->progress(a->progress_ctx, what, label);
    }
}

static void note(struct advance *a, lw_err err)
{
    a->first = a->first.code == LW_OK ? err : a->first;
}

static lw_err list_is_due(struct wallet_home *home, int64_t now, bool *due)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_signed_doc list;
    uint64_t changes = 0;
    LW_TRY(wallet_read_begin(home->store, &txn));
    LW_TRY(wallet_store_key_changes(txn, &changes));
    const lw_err err = wallet_store_trust_list_get(txn, 0, &list);
    *due = err.code == LW_E_NOT_FOUND;
    if (err.code == LW_OK) {
        *due = list.basis != changes || now >= list.iat + (list.exp - list.iat) / 2;
    }
    return err.code == LW_E_NOT_FOUND ? LW_SUCCESS : err;
}

static void sign_list(struct advance *a)
{
    bool due = false;
    lw_err err = list_is_due(a->home, a->now, &due);
    if (err.code == LW_OK && due) {
        err = home_trust_list_sign(a->home);
    }
    note(a, err);
    if (err.code == LW_OK && due) {
        done(a, "trust list signed", "");
    }
}

/* What is written when a key begins to sign. */
struct activation {
    const char *label;
    const char *compromised;
    const struct home_rewrapped *rewrapped; /* of a seal key */
    lw_str actor;
    int64_t now;
    bool changed;
};

static lw_err audit_key(struct wallet_txn *txn, const struct activation *w,
                        enum wallet_audit_kind kind, const char *label)
{
    return home_audit(txn, w->now, kind, w->actor, lw_str_bytes(lw_str_c(label)));
}

/* The last list of the old key names the new one: who knows only the old finds the new by it. */
static lw_err write_bridge(struct wallet_txn *txn, const struct wallet_key_record *old)
{
    struct wallet_signed_doc list;
    uint8_t pin[WALLET_PIN_LEN];
    if (old->purpose != HSM_PURPOSE_TRUST_LIST) {
        return LW_SUCCESS;
    }
    LW_TRY(wallet_trust_pin(&old->key, pin));
    LW_TRY(wallet_store_trust_list_get(txn, 0, &list));
    return wallet_store_bridge_put(txn, pin, &list);
}

static lw_err write_retired(struct wallet_txn *txn, const struct activation *w,
                            const struct wallet_key_record *key)
{
    struct wallet_key_record old;
    const lw_err err = wallet_store_key_active(txn, key->purpose, lw_str_c(key->agency), &old);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_SUCCESS;
    }
    LW_TRY(err);
    LW_TRY(write_bridge(txn, &old));
    LW_TRY(wallet_store_key_set_state(txn, lw_str_c(old.label), WALLET_KEY_RETIRED, w->now));
    return audit_key(txn, w, WALLET_AUDIT_KEY_RETIRED, old.label);
}

/* What hangs on a key of its purpose and changes with it. */
static lw_err write_effects(struct wallet_txn *txn, const struct activation *w,
                            const struct wallet_key_record *key)
{
    if (key->purpose == HSM_PURPOSE_CA) {
        struct wallet_key_record ca;
        LW_TRY(wallet_store_key_get(txn, lw_str_c(w->label), &ca));
        return wallet_store_ca_put(txn, ca.cert);
    }
    if (key->purpose == HSM_PURPOSE_STATUS) {
        return wallet_store_status_touch(txn, lw_str_c(key->agency));
    }
    if (key->purpose == HSM_PURPOSE_SEAL) {
        LW_TRY(home_epochs_put(txn, w->rewrapped));
        return audit_key(txn, w, WALLET_AUDIT_EPOCH_REWRAPPED, w->label);
    }
    return LW_SUCCESS;
}

static lw_err write_activation(struct wallet_txn *txn, void *ctx)
{
    struct activation *w = ctx;
    struct wallet_key_record key;
    LW_TRY(wallet_store_key_get(txn, lw_str_c(w->label), &key));
    w->changed = key.state == WALLET_KEY_PUBLISHED;
    if (!w->changed) {
        return LW_SUCCESS; /* another process was faster */
    }
    if (w->compromised != NULL) {
        LW_TRY(home_key_compromise(txn, w->compromised, w->actor, w->now));
    }
    LW_TRY(write_retired(txn, w, &key));
    LW_TRY(wallet_store_key_set_state(txn, lw_str_c(w->label), WALLET_KEY_ACTIVE, w->now));
    LW_TRY(audit_key(txn, w, WALLET_AUDIT_KEY_ACTIVATED, w->label));
    return write_effects(txn, w, &key);
}

lw_err flow_key_activate(struct wallet_home *home, const struct wallet_key_record *key,
                         const char *compromised, lw_str actor, bool *changed)
{
    struct home_rewrapped rewrapped;
    struct activation w = {.label = key->label,
                           .compromised = compromised,
                           .rewrapped = &rewrapped,
                           .actor = actor,
                           .now = lw_now(home->env->clock)};
    if (w.now < key->not_before || w.now >= key->not_after) {
        return LW_FAIL(LW_E_EXPIRED, "home: the successor's time to sign is over", LW_NOWHERE);
    }
    if (key->purpose == HSM_PURPOSE_SEAL) {
        LW_TRY(home_epochs_rewrap(home, key->label, &rewrapped));
    }
    LW_TRY(wallet_store_write(home->store, write_activation, &w));
    *changed = w.changed;
    return key->purpose == HSM_PURPOSE_SEAL ? home_epochs_unlock(home) : LW_SUCCESS;
}

/* A seal key waits with an epoch of its own; one that a crash left without gets it now. */
static lw_err seal_is_ready(struct advance *a, const struct wallet_key_record *key, bool *ready)
{
    int64_t made = 0;
    const lw_err err = home_epoch_waits(a->home, key->label, &made);
    *ready = err.code == LW_OK && a->now >= made + home_key_rule(HSM_PURPOSE_SEAL)->overlap;
    if (err.code == LW_E_NOT_FOUND) {
        LW_TRY(home_epoch_make(a->home, key->label));
        done(a, "epoch made", key->label);
        return LW_SUCCESS;
    }
    return err;
}

static lw_err activate_if_ready(struct advance *a, const struct wallet_key_record *key)
{
    const int64_t at = home_key_ready_at(key);
    bool ready = at != WALLET_KEY_NEVER && a->now >= at;
    bool changed = false;
    if (key->purpose == HSM_PURPOSE_SEAL) {
        LW_TRY(seal_is_ready(a, key, &ready));
    }
    if (!ready) {
        return LW_SUCCESS;
    }
    LW_TRY(flow_key_activate(a->home, key, NULL, a->actor, &changed));
    if (changed) {
        done(a, "active", key->label);
    }
    return LW_SUCCESS;
}

static bool token_key_is_shared(const struct home_keys *keys, const struct wallet_key_record *key)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct wallet_key_record *other = &keys->list[i];
        if (other != key && other->state != WALLET_KEY_DESTROYED &&
            strcmp(other->token, key->token) == 0) {
            return true;
        }
    }
    return false;
}

static lw_err write_destroyed(struct wallet_txn *txn, void *ctx)
{
    struct activation *w = ctx;
    struct wallet_key_record key;
    LW_TRY(wallet_store_key_get(txn, lw_str_c(w->label), &key));
    w->changed = key.state == WALLET_KEY_RETIRED;
    if (!w->changed) {
        return LW_SUCCESS;
    }
    LW_TRY(wallet_store_key_set_state(txn, lw_str_c(w->label), WALLET_KEY_DESTROYED, w->now));
    return audit_key(txn, w, WALLET_AUDIT_KEY_DESTROYED, w->label);
}

/* First in the token: a record that says "destroyed" is never wrong. */
static lw_err destroy_in_token(struct advance *a, const char *token)
{
    int fd = -1;
    LW_TRY(home_keys_lock(a->home, &fd));
    const lw_err err = hsm_pool_destroy(a->home->pool, token);
    (void)close(fd);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_SUCCESS; /* a run that was killed has done it */
    }
    LW_TRY(err);
    done(a, "destroyed in the token", token);
    return LW_SUCCESS;
}

static lw_err destroy_if_over(struct advance *a, const struct home_keys *keys,
                              struct wallet_key_record *key)
{
    const int64_t over = key->retired + home_key_rule(key->purpose)->hold;
    struct activation w = {.label = key->label, .actor = a->actor, .now = a->now};
    if (key->compromised == WALLET_KEY_NEVER &&
        (a->now < over || !wallet_home_clock_holds(a->home, a->now))) {
        return LW_SUCCESS;
    }
    if (!token_key_is_shared(keys, key)) {
        LW_TRY(destroy_in_token(a, key->token));
    }
    LW_TRY(wallet_store_write(a->home->store, write_destroyed, &w));
    key->state = WALLET_KEY_DESTROYED;
    if (w.changed) {
        done(a, "destroyed", key->label);
    }
    return LW_SUCCESS;
}

static bool is_of_compromised_ca(const struct home_keys *keys, const struct hsm_cert *cert)
{
    for (size_t i = 0; i < keys->count; i++) {
        const struct wallet_key_record *ca = &keys->list[i];
        struct hsm_cert parsed;
        if (ca->purpose == HSM_PURPOSE_CA && ca->compromised != WALLET_KEY_NEVER &&
            hsm_cert_parse(ca->cert, &parsed).code == LW_OK && parsed.key_id_len > 0 &&
            parsed.key_id_len == cert->authority_key_id_len &&
            memcmp(parsed.key_id, cert->authority_key_id, parsed.key_id_len) == 0) {
            return true;
        }
    }
    return false;
}

/* What a compromised CA certified, is certified anew by its successor; the keys are not at fault.
 */
static lw_err certify_again(struct advance *a, const struct home_keys *keys,
                            const struct wallet_key_record *key, bool *again)
{
    struct hsm_cert cert;
    char label[WALLET_KEY_LABEL_MAX + 1];
    *again = false;
    if (key->cert.len == 0 || key->purpose == HSM_PURPOSE_CA) {
        return LW_SUCCESS;
    }
    LW_TRY(hsm_cert_parse(key->cert, &cert));
    *again = is_of_compromised_ca(keys, &cert);
    if (!*again) {
        return LW_SUCCESS;
    }
    const struct home_key_order order = {.purpose = key->purpose,
                                         .agency = lw_str_c(key->agency),
                                         .common_name = lw_str_c(cert.common_name),
                                         .organization_id = lw_str_c(cert.organization_id),
                                         .state = key->state,
                                         .again = key,
                                         .actor = a->actor};
    LW_TRY(home_key_make(a->home, &order, label));
    done(a, "certified anew", label);
    return LW_SUCCESS;
}

/* A certificate that nobody is to believe never begins to sign: its successor waits anew. */
static lw_err go_on_published(struct advance *a, const struct home_keys *keys,
                              const struct wallet_key_record *key)
{
    bool again = false;
    LW_TRY(certify_again(a, keys, key, &again));
    return again || key->standby ? LW_SUCCESS : activate_if_ready(a, key);
}

static void go_on(struct advance *a, const struct home_keys *keys, struct wallet_key_record *key)
{
    bool again = false;
    switch (key->state) {
    case WALLET_KEY_PUBLISHED:
        note(a, go_on_published(a, keys, key));
        break;
    case WALLET_KEY_ACTIVE:
        note(a, certify_again(a, keys, key, &again));
        break;
    case WALLET_KEY_RETIRED:
        note(a, destroy_if_over(a, keys, key));
        break;
    case WALLET_KEY_DESTROYED:
        break;
    }
}

lw_err wallet_flow_key_advance(struct wallet_home *home, lw_str actor,
                               wallet_key_progress *progress, void *progress_ctx, size_t *steps)
{
    HOME_AUTO_KEYS keys = {.list = NULL};
    struct advance a = {.home = home,
                        .actor = actor,
                        .progress = progress,
                        .progress_ctx = progress_ctx,
                        .first = LW_SUCCESS,
                        .now = lw_now(home->env->clock)};
    size_t crls = 0;
    *steps = 0;
    sign_list(&a); /* what was published and not yet named begins to count */
    LW_TRY(home_keys_read(home, &keys));
    for (size_t i = 0; i < keys.count; i++) {
        go_on(&a, &keys, &keys.list[i]);
    }
    sign_list(&a);
    note(&a, home_crl_sign(home, false, &crls));
    for (size_t i = 0; i < crls; i++) {
        done(&a, "revocation list signed", "");
    }
    *steps = a.steps;
    return a.first;
}
