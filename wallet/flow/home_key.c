/* New token keys with their certificates and records. */
#define _GNU_SOURCE

#include "home_key.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include "hsm/x509_issue.h"
#include "wallet/store_status.h"

enum {
    CERT_BYTES_MAX = 8192,
    KEY_PAGE = 16,
    LABEL_TRIES = 10000,
    /* No verifier that lacks the key still believes the list that it has. */
    OVERLAP_S = WALLET_TRUST_LIST_LIFE_S + WALLET_TRUST_LIST_GRACE_S,
    SHORT_LIFE_S = 7 * LW_DAY_S,  /* status lists, tokens, requests, heads */
    WRAP_OVERLAP_S = LW_DAY_S,    /* every process has unlocked the new epoch by then */
    WRAP_HOLD_S = 366 * LW_DAY_S, /* backups of before the rotation can be opened so long */
};

/* DESIGN section 6; decision 0060 says why these times. */
static const struct home_key_rule rules[] = {
    [HSM_PURPOSE_CA] = {true, true, true, false, LEAF_LIFE_S, OVERLAP_S, LEAF_LIFE_S},
    [HSM_PURPOSE_CREDENTIAL] = {true, true, true, false, SIGNED_LIFE_S, OVERLAP_S,
                                SIGNED_LIFE_S + LW_DAY_S},
    [HSM_PURPOSE_MDOC] = {true, true, false, false, SIGNED_LIFE_S, OVERLAP_S,
                          SIGNED_LIFE_S + LW_DAY_S},
    [HSM_PURPOSE_STATUS] = {true, true, false, false, SHORT_LIFE_S, OVERLAP_S, SHORT_LIFE_S},
    [HSM_PURPOSE_ACCESS] = {true, true, false, false, SHORT_LIFE_S, OVERLAP_S, SHORT_LIFE_S},
    [HSM_PURPOSE_ID_TOKEN] = {true, true, false, false, SHORT_LIFE_S, OVERLAP_S, SHORT_LIFE_S},
    /* Others know it by /jwks: a certificate would say nothing more. */
    [HSM_PURPOSE_ID_TOKEN_RSA] = {true, false, false, false, SHORT_LIFE_S, OVERLAP_S, SHORT_LIFE_S},
    [HSM_PURPOSE_LOG] = {true, true, false, false, SHORT_LIFE_S, OVERLAP_S, SHORT_LIFE_S},
    [HSM_PURPOSE_TRUST_LIST] = {true, false, true, false, OVERLAP_S, OVERLAP_S, OVERLAP_S},
    [HSM_PURPOSE_SEAL] = {true, false, false, true, 0, WRAP_OVERLAP_S, WRAP_HOLD_S},
    [HSM_PURPOSE_CUSTODY] = {true, false, false, true, 0, WRAP_OVERLAP_S, WRAP_HOLD_S},
    [HSM_PURPOSE_HOLDER] = {.kept = false},
};

const struct home_key_rule *home_key_rule(enum hsm_purpose purpose)
{
    return &rules[purpose <= HSM_PURPOSE_HOLDER ? purpose : HSM_PURPOSE_NONE];
}

static unsigned uses_of(enum hsm_purpose purpose)
{
    if (purpose == HSM_PURPOSE_CA) {
        return HSM_CERT_USE_CA | HSM_CERT_USE_CRL;
    }
    if (purpose == HSM_PURPOSE_MDOC) {
        return HSM_CERT_USE_SIGN | HSM_CERT_USE_MDOC_DS;
    }
    return purpose == HSM_PURPOSE_STATUS ? HSM_CERT_USE_SIGN | HSM_CERT_USE_STATUS
                                         : HSM_CERT_USE_SIGN;
}

lw_err home_key_each(const struct wallet_txn *txn, home_key_visit *visit, void *ctx)
{
    struct wallet_page page = {.len = 0};
    while (!page.end) {
        struct wallet_key_record keys[KEY_PAGE];
        size_t count = KEY_PAGE;
        LW_TRY(wallet_store_key_page(txn, &page, keys, &count));
        for (size_t i = 0; i < count; i++) {
            LW_TRY(visit(ctx, &keys[i]));
        }
    }
    return LW_SUCCESS;
}

static lw_err take_key(void *ctx, const struct wallet_key_record *key)
{
    struct home_keys *keys = ctx;
    if (keys->count == HOME_KEYS_MAX) {
        return LW_FAIL(LW_E_LIMIT, "home: too many keys", LW_NOWHERE);
    }
    void *grown = realloc(keys->list, (keys->count + 1) * sizeof(*keys->list));
    if (grown == NULL) {
        return LW_FAIL(LW_E_NOMEM, "home: out of memory", LW_NOWHERE);
    }
    keys->list = grown;
    keys->list[keys->count] = *key;
    keys->list[keys->count++].cert.ptr = NULL; /* set once the buffer grows no more */
    return lw_buf_put(&keys->certs, key->cert);
}

lw_err home_keys_read(struct wallet_home *home, struct home_keys *keys)
{
    WALLET_AUTO_TXN txn = NULL;
    size_t at = 0;
    *keys = (struct home_keys){.certs = LW_BUF(HOME_CERTS_MAX)};
    LW_TRY(wallet_read_begin(home->store, &txn));
    LW_TRY(home_key_each(txn, take_key, keys));
    for (size_t i = 0; i < keys->count; i++) {
        keys->list[i].cert.ptr = keys->list[i].cert.len == 0 ? NULL : keys->certs.ptr + at;
        at += keys->list[i].cert.len;
    }
    return LW_SUCCESS;
}

void home_keys_free(struct home_keys *keys)
{
    free(keys->list);
    lw_buf_free(&keys->certs);
    *keys = (struct home_keys){.list = NULL};
}

lw_err home_keys_lock(const struct wallet_home *home, int *fd)
{
    char path[HOME_PATH_MAX];
    LW_TRY(home_path(home->config, "keys.lock", path));
    *fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (*fd < 0) {
        return LW_FAIL(LW_E_IO, "home: cannot write to the folder", LW_NOWHERE);
    }
    while (flock(*fd, LOCK_EX) != 0) {
        if (errno != EINTR) {
            (void)close(*fd);
            return LW_FAIL(LW_E_IO, "home: cannot lock the keys", LW_NOWHERE);
        }
    }
    return LW_SUCCESS;
}

/* "ds-vc-AGENCY-1" is the first of its purpose; its second certificate "ds-vc-AGENCY-1.2". */
static int write_label(const struct home_key_order *order, unsigned n,
                       char label[WALLET_KEY_LABEL_MAX + 1])
{
    if (order->again != NULL) {
        return snprintf(label, WALLET_KEY_LABEL_MAX + 1, "%s.%u", order->again->token, n + 1);
    }
    return snprintf(label, WALLET_KEY_LABEL_MAX + 1, "%s%s%.*s-%u",
                    hsm_purpose_name(order->purpose), order->agency.len > 0 ? "-" : "",
                    (int)order->agency.len, order->agency.len == 0 ? "" : order->agency.ptr, n);
}

static lw_err make_label(struct wallet_home *home, const struct home_key_order *order,
                         char label[WALLET_KEY_LABEL_MAX + 1])
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_key_record taken;
    LW_TRY(wallet_read_begin(home->store, &txn));
    for (unsigned n = 1; n < LABEL_TRIES; n++) {
        const int len = write_label(order, n, label);
        if (len < 0 || len >= HSM_LABEL_MAX) {
            return LW_FAIL(LW_E_LIMIT, "home: the agency's id is too long for a key's label",
                           LW_NOWHERE);
        }
        const lw_err err = wallet_store_key_get(txn, lw_str_c(label), &taken);
        if (err.code == LW_E_NOT_FOUND) {
            return LW_SUCCESS;
        }
        LW_TRY(err);
    }
    return LW_FAIL(LW_E_LIMIT, "home: too many keys of this purpose", LW_NOWHERE);
}

/* Certificates name the list of the key that signed them: /ca.crl is the first one's. */
static void name_crl(const struct wallet_home *home, const struct hsm_signer *ca,
                     char uri[HOME_PATH_MAX])
{
    const struct hsm_pool_key *key = ca->ctx;
    if (strcmp(key->label, "ca-1") == 0) {
        (void)snprintf(uri, HOME_PATH_MAX, "%s/ca.crl", home->config->base_url);
    } else {
        (void)snprintf(uri, HOME_PATH_MAX, "%s/crl/%s", home->config->base_url, key->label);
    }
}

static lw_err certify(struct wallet_home *home, const struct home_key_order *order,
                      struct wallet_key_record *record, lw_buf *der)
{
    const int64_t now = lw_now(home->env->clock);
    struct hsm_signer ca = {.purpose = HSM_PURPOSE_NONE};
    struct hsm_pool_key self = {.pool = order->second != NULL ? order->second : home->pool,
                                .purpose = HSM_PURPOSE_CA};
    char crl[HOME_PATH_MAX] = "";
    const bool is_ca = order->purpose == HSM_PURPOSE_CA;
    const int64_t end = now + (is_ca ? CA_LIFE_S : LEAF_LIFE_S);
    if (is_ca) {
        (void)snprintf(self.label, sizeof(self.label), "%.*s", HSM_LABEL_MAX - 1, record->token);
        hsm_pool_signer(&self, &record->key, &ca);
        ca.not_before = now - BACK_DATED_S;
        ca.not_after = end;
    } else {
        LW_TRY(wallet_home_signer(home, HSM_PURPOSE_CA, LW_STR(""), &ca));
        name_crl(home, &ca, crl);
    }
    const struct hsm_cert_request request = {
        .key = record->key,
        .common_name = order->common_name,
        .organization = lw_str_c(home->config->authority),
        .organization_id = order->organization_id,
        .country = lw_str_c(home->config->country),
        .uses = uses_of(order->purpose),
        .crl_uri = is_ca ? (lw_str){NULL, 0} : lw_str_c(crl),
        .issuer_uri = lw_str_c(home->config->base_url),
        .not_before = now - BACK_DATED_S,
        .not_after = end,
    };
    record->not_before = request.not_before;
    record->not_after = end - home_key_rule(order->purpose)->signed_life;
    return hsm_cert_issue(&ca, &request, now, home->env->rng, der);
}

static struct hsm_pool *pool_of(const struct wallet_home *home, const struct home_key_order *order)
{
    return order->second != NULL ? order->second : home->pool;
}

/* A key of that label without a record is left from a crash before its record was kept. */
static lw_err make_in_token(struct hsm_pool *pool, struct wallet_key_record *record)
{
    const bool wraps = home_key_rule(record->purpose)->wraps;
    for (int attempt = 0;; attempt++) {
        const lw_err err =
            wraps ? hsm_pool_generate_wrap(pool, record->label, record->purpose)
                  : hsm_pool_generate(pool, record->label, record->purpose, &record->key);
        if (err.code != LW_E_CONFLICT || attempt > 0) {
            return err;
        }
        LW_TRY(hsm_pool_destroy(pool, record->label));
    }
}

struct key_write {
    const struct home_key_order *order;
    const struct wallet_key_record *record;
    int64_t now;
};

static lw_str actor_of(const struct key_write *w)
{
    return w->order->actor.len > 0 ? w->order->actor : LW_STR("system");
}

static lw_err audit_key(struct wallet_txn *txn, const struct key_write *w,
                        enum wallet_audit_kind kind, const char *label)
{
    return home_audit(txn, w->now, kind, actor_of(w), lw_str_bytes(lw_str_c(label)));
}

struct find_published {
    const struct wallet_key_record *made;
    bool found;
};

static lw_err is_published(void *ctx, const struct wallet_key_record *key)
{
    struct find_published *f = ctx;
    f->found =
        f->found || (key->state == WALLET_KEY_PUBLISHED && key->purpose == f->made->purpose &&
                     key->standby == f->made->standby && strcmp(key->agency, f->made->agency) == 0);
    return LW_SUCCESS;
}

static lw_err one_successor(struct wallet_txn *txn, const struct key_write *w)
{
    struct find_published f = {.made = w->record};
    if (w->record->state != WALLET_KEY_PUBLISHED) {
        return LW_SUCCESS;
    }
    LW_TRY(home_key_each(txn, is_published, &f));
    return f.found ? LW_FAIL(LW_E_CONFLICT, "home: a successor is published already", LW_NOWHERE)
                   : LW_SUCCESS;
}

struct compromised {
    const char *token;
    char labels[KEY_PAGE][WALLET_KEY_LABEL_MAX + 1]; /* certificates of one key are few */
    size_t count;
};

static lw_err same_token(void *ctx, const struct wallet_key_record *key)
{
    struct compromised *c = ctx;
    if (strcmp(key->token, c->token) == 0 && c->count < KEY_PAGE) {
        memcpy(c->labels[c->count++], key->label, sizeof(key->label));
    }
    return LW_SUCCESS;
}

lw_err home_key_compromise(struct wallet_txn *txn, const char *label, lw_str actor, int64_t now)
{
    struct wallet_key_record old;
    LW_TRY(wallet_store_key_get(txn, lw_str_c(label), &old));
    struct compromised c = {.token = old.token};
    LW_TRY(home_key_each(txn, same_token, &c));
    for (size_t i = 0; i < c.count; i++) {
        LW_TRY(wallet_store_key_compromise(txn, lw_str_c(c.labels[i]), now));
        LW_TRY(home_audit(txn, now, WALLET_AUDIT_KEY_COMPROMISED, actor,
                          lw_str_bytes(lw_str_c(c.labels[i]))));
    }
    if (old.purpose == HSM_PURPOSE_TRUST_LIST) {
        uint8_t pin[WALLET_PIN_LEN];
        LW_TRY(wallet_trust_pin(&old.key, pin));
        const lw_err err = wallet_store_bridge_drop(txn, pin);
        return err.code == LW_E_NOT_FOUND ? LW_SUCCESS : err;
    }
    return LW_SUCCESS;
}

static lw_err retire_active(struct wallet_txn *txn, const struct key_write *w)
{
    struct wallet_key_record active;
    if (w->record->state != WALLET_KEY_ACTIVE) {
        return LW_SUCCESS;
    }
    const lw_err err =
        wallet_store_key_active(txn, w->record->purpose, lw_str_c(w->record->agency), &active);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_SUCCESS;
    }
    LW_TRY(err);
    LW_TRY(wallet_store_key_set_state(txn, lw_str_c(active.label), WALLET_KEY_RETIRED, w->now));
    return audit_key(txn, w, WALLET_AUDIT_KEY_RETIRED, active.label);
}

/* A published record that another takes the place of: it never signed. */
static lw_err retire_published(struct wallet_txn *txn, const struct key_write *w)
{
    const struct wallet_key_record *again = w->order->again;
    struct wallet_key_record now;
    if (again == NULL || again->state != WALLET_KEY_PUBLISHED) {
        return LW_SUCCESS;
    }
    LW_TRY(wallet_store_key_get(txn, lw_str_c(again->label), &now));
    if (now.state != WALLET_KEY_PUBLISHED) {
        return LW_FAIL(LW_E_CONFLICT, "home: the key has gone on meanwhile", LW_NOWHERE);
    }
    LW_TRY(wallet_store_key_set_state(txn, lw_str_c(again->label), WALLET_KEY_RETIRED, w->now));
    return audit_key(txn, w, WALLET_AUDIT_KEY_RETIRED, again->label);
}

static lw_err write_key(struct wallet_txn *txn, void *ctx)
{
    const struct key_write *w = ctx;
    LW_TRY(retire_published(txn, w));
    LW_TRY(one_successor(txn, w));
    if (w->order->compromised != NULL) {
        LW_TRY(home_key_compromise(txn, w->order->compromised, actor_of(w), w->now));
    }
    LW_TRY(retire_active(txn, w));
    LW_TRY(wallet_store_key_add(txn, w->record));
    if (w->order->again == NULL) {
        LW_TRY(audit_key(txn, w, WALLET_AUDIT_KEY_MADE, w->record->label));
    }
    if (w->record->cert.len > 0) {
        LW_TRY(audit_key(txn, w, WALLET_AUDIT_CERT_ISSUED, w->record->label));
    }
    if (w->record->state != WALLET_KEY_ACTIVE) {
        return LW_SUCCESS;
    }
    if (w->record->purpose == HSM_PURPOSE_CA) {
        return wallet_store_ca_put(txn, w->record->cert);
    }
    return w->record->purpose == HSM_PURPOSE_STATUS
               ? wallet_store_status_touch(txn, lw_str_c(w->record->agency))
               : LW_SUCCESS;
}

static lw_err make_locked(struct wallet_home *home, const struct home_key_order *order,
                          struct wallet_key_record *record)
{
    LW_AUTO_BUF cert = LW_BUF(CERT_BYTES_MAX);
    LW_TRY(make_label(home, order, record->label));
    if (order->again == NULL) {
        memcpy(record->token, record->label, sizeof(record->token));
        LW_TRY(make_in_token(pool_of(home, order), record));
    } else {
        memcpy(record->token, order->again->token, sizeof(record->token));
        record->key = order->again->key;
    }
    if (home_key_rule(order->purpose)->certified) {
        LW_TRY(certify(home, order, record, &cert));
        record->cert = lw_buf_view(&cert);
    }
    struct key_write write = {.order = order, .record = record, .now = record->created};
    const lw_err err = wallet_store_write(home->store, write_key, &write);
    record->cert = (lw_bytes){NULL, 0};
    return err;
}

/* Of a key without a certificate. Verifiers learn a list key by hand, so it lives as long as a CA.
 */
static int64_t life_of(enum hsm_purpose purpose)
{
    return purpose == HSM_PURPOSE_ID_TOKEN_RSA ? LEAF_LIFE_S : CA_LIFE_S;
}

lw_err home_key_make(struct wallet_home *home, const struct home_key_order *order,
                     char label[WALLET_KEY_LABEL_MAX + 1])
{
    const int64_t now = lw_now(home->env->clock);
    int fd = -1;
    struct wallet_key_record record = {
        .purpose = order->purpose,
        .state = order->state,
        .not_before = now - BACK_DATED_S,
        .not_after = now + life_of(order->purpose) - home_key_rule(order->purpose)->signed_life,
        .created = now,
        .standby = order->second != NULL || (order->again != NULL && order->again->standby),
    };
    if (order->agency.len >= sizeof(record.agency)) {
        return LW_FAIL(LW_E_LIMIT, "home: the agency's id is too long", LW_NOWHERE);
    }
    memcpy(record.agency, order->agency.len == 0 ? "" : order->agency.ptr, order->agency.len);
    LW_TRY(home_keys_lock(home, &fd));
    const lw_err err = make_locked(home, order, &record);
    (void)close(fd);
    if (label != NULL) {
        memcpy(label, record.label, sizeof(record.label));
    }
    return err;
}
