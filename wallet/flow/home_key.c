/* New token keys with their certificates and records; the CRL. */
#include <stdio.h>

#include "hsm/x509_issue.h"
#include "home_internal.h"

enum { CERT_BYTES_MAX = 8192, NAME_MAX_BYTES = 192, CRL_LIFE_S = 30 * LW_DAY_S };

static bool has_certificate(enum hsm_purpose purpose)
{
    switch (purpose) {
    case HSM_PURPOSE_CA:
    case HSM_PURPOSE_CREDENTIAL:
    case HSM_PURPOSE_MDOC:
    case HSM_PURPOSE_STATUS:
    case HSM_PURPOSE_ACCESS:
    case HSM_PURPOSE_LOG:
    case HSM_PURPOSE_ID_TOKEN:
        return true;
    case HSM_PURPOSE_TRUST_LIST: /* pinned by its key */
    case HSM_PURPOSE_SEAL:
    case HSM_PURPOSE_CUSTODY:
    case HSM_PURPOSE_HOLDER:
    case HSM_PURPOSE_NONE:
        break;
    }
    return false;
}

static bool wraps(enum hsm_purpose purpose)
{
    return purpose == HSM_PURPOSE_SEAL || purpose == HSM_PURPOSE_CUSTODY;
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

/* "ds-vc-AGENCY-1": the first of its purpose; rotation counts on. */
static lw_err make_label(struct wallet_home *home, const struct home_key_order *order,
                         char label[WALLET_KEY_LABEL_MAX + 1])
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_key_record taken;
    LW_TRY(wallet_read_begin(home->store, &txn));
    for (unsigned n = 1; n < 10000; n++) {
        const int len = snprintf(label, WALLET_KEY_LABEL_MAX + 1, "%s%s%.*s-%u",
                                 hsm_purpose_name(order->purpose), order->agency.len > 0 ? "-" : "",
                                 (int)order->agency.len, order->agency.ptr, n);
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

static lw_err certify(struct wallet_home *home, const struct home_key_order *order,
                      struct wallet_key_record *record, lw_buf *der)
{
    const int64_t now = lw_now(home->env->clock);
    struct hsm_signer ca = {.purpose = HSM_PURPOSE_NONE};
    struct hsm_pool_key self = {.pool = home->pool, .purpose = HSM_PURPOSE_CA};
    char crl[HOME_PATH_MAX];
    const bool is_ca = order->purpose == HSM_PURPOSE_CA;
    (void)snprintf(crl, sizeof(crl), "%s/ca.crl", home->config->base_url);
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
        .not_after = now + (is_ca ? CA_LIFE_S : LEAF_LIFE_S),
    };
    if (is_ca) {
        (void)snprintf(self.label, sizeof(self.label), "%.*s", HSM_LABEL_MAX - 1, record->label);
        hsm_pool_signer(&self, &record->key, &ca);
        ca.not_before = request.not_before;
        ca.not_after = request.not_after;
    } else {
        LW_TRY(wallet_home_signer(home, HSM_PURPOSE_CA, LW_STR(""), &ca));
    }
    record->not_before = request.not_before;
    record->not_after = request.not_after - (is_ca ? LEAF_LIFE_S : SIGNED_LIFE_S);
    return hsm_cert_issue(&ca, &request, now, home->env->rng, der);
}

struct key_write {
    const struct wallet_key_record *record;
    int64_t now;
};

static lw_err write_key(struct wallet_txn *txn, void *ctx)
{
    const struct key_write *w = ctx;
    const lw_bytes subject = lw_str_bytes(lw_str_c(w->record->label));
    LW_TRY(wallet_store_key_add(txn, w->record));
    LW_TRY(home_audit(txn, w->now, WALLET_AUDIT_KEY_MADE, LW_STR("system"), subject));
    if (w->record->cert.len > 0) {
        LW_TRY(home_audit(txn, w->now, WALLET_AUDIT_CERT_ISSUED, LW_STR("system"), subject));
    }
    if (w->record->purpose == HSM_PURPOSE_CA) {
        LW_TRY(wallet_store_ca_put(txn, w->record->cert));
    }
    return LW_SUCCESS;
}

/* A key of that label without a record is left from a crash before its record was kept. */
static lw_err make_in_token(struct wallet_home *home, struct wallet_key_record *record)
{
    lw_err err = wraps(record->purpose)
                     ? hsm_pool_generate_wrap(home->pool, record->label, record->purpose)
                     : hsm_pool_generate(home->pool, record->label, record->purpose, &record->key);
    if (err.code == LW_E_CONFLICT) {
        LW_TRY(hsm_pool_destroy(home->pool, record->label));
        err = wraps(record->purpose)
                  ? hsm_pool_generate_wrap(home->pool, record->label, record->purpose)
                  : hsm_pool_generate(home->pool, record->label, record->purpose, &record->key);
    }
    return err;
}

lw_err home_key_make(struct wallet_home *home, const struct home_key_order *order)
{
    const int64_t now = lw_now(home->env->clock);
    LW_AUTO_BUF cert = LW_BUF(CERT_BYTES_MAX);
    struct wallet_key_record record = {
        .purpose = order->purpose,
        .state = WALLET_KEY_ACTIVE,
        .not_before = now - BACK_DATED_S,
        .not_after = now + CA_LIFE_S,
        .created = now,
    };
    if (order->agency.len >= sizeof(record.agency)) {
        return LW_FAIL(LW_E_LIMIT, "home: the agency's id is too long", LW_NOWHERE);
    }
    memcpy(record.agency, order->agency.len == 0 ? "" : order->agency.ptr, order->agency.len);
    LW_TRY(make_label(home, order, record.label));
    LW_TRY(make_in_token(home, &record));
    if (has_certificate(order->purpose)) {
        LW_TRY(certify(home, order, &record, &cert));
        record.cert = lw_buf_view(&cert);
    }
    struct key_write write = {.record = &record, .now = now};
    return wallet_store_write(home->store, write_key, &write);
}

static lw_err write_crl(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_crl_put(txn, ctx);
}

lw_err home_crl_make(struct wallet_home *home)
{
    const int64_t now = lw_now(home->env->clock);
    LW_AUTO_BUF der = LW_BUF(WALLET_CRL_MAX);
    struct hsm_signer ca;
    uint64_t number = 1;
    {
        WALLET_AUTO_TXN txn = NULL;
        struct wallet_signed_doc last;
        LW_TRY(wallet_read_begin(home->store, &txn));
        const lw_err err = wallet_store_crl_get(txn, &last);
        if (err.code == LW_OK) {
            number = last.version + 1;
        } else if (err.code != LW_E_NOT_FOUND) {
            return err;
        }
    }
    LW_TRY(wallet_home_signer(home, HSM_PURPOSE_CA, LW_STR(""), &ca));
    LW_TRY(hsm_crl_issue(&ca, NULL, 0, number, now, now + CRL_LIFE_S, &der));
    struct wallet_signed_doc crl = {
        .version = number, .iat = now, .exp = now + CRL_LIFE_S, .bytes = lw_buf_view(&der)};
    return wallet_store_write(home->store, write_crl, &crl);
}
