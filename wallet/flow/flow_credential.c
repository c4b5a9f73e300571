/* Credentials and passes: made when a holder key first needs them, checked before release. */
#include <stdio.h>

#include "flow_common.h"
#include "wallet/format.h"
#include "wallet/jwk.h"
#include "wallet/store_credential.h"
#include "wallet/store_status.h"

enum { ARENA_MAX = 256 * 1024, URI_MAX = 512, REF_MAX = 64 };

/* What is made, for whom, of what. */
struct making {
    struct wallet_home *home;
    const struct wallet_license_type *type;
    const struct wallet_format *format;
    const struct wallet_pass_def *pass; /* NULL: the whole license */
    const struct hsm_public_key *holder;
    const struct wallet_stored_license *stored;
    struct wallet_credential_info info;
    struct wallet_credential_times times;
    int64_t now;
    lw_bytes bytes;                   /* the credential, once made */
    uint8_t cti[WALLET_CTI_LEN];      /* a pass's */
    struct wallet_status_place place; /* a credential's */
};

static lw_err write_place(struct wallet_txn *txn, void *ctx)
{
    struct making *m = ctx;
    const struct wallet_status_owner owner = {.credential = LW_BYTES(m->info.holder),
                                              .exp = m->times.exp};
    struct wallet_status_owner named = owner;
    memcpy(named.license, m->stored->license.id, WALLET_UUID_LEN);
    return wallet_store_status_allocate(txn, m->stored->license.issuer, &named, m->now, &m->place);
}

static lw_err status_uri(const struct wallet_home *home, uint64_t list, lw_buf *uri)
{
    LW_TRY(lw_buf_put_c(uri, home->config->base_url));
    LW_TRY(lw_buf_put_c(uri, "/status/"));
    return lw_buf_put_int(uri, (int64_t)list);
}

/* Verified by the verifier's own code before it is released (specs/sd-jwt-vc.md I-10). */
static lw_err self_check(struct making *m, const struct wallet_snapshot *snapshot)
{
    LW_AUTO_BUF arena = LW_BUF(ARENA_MAX);
    struct wallet_checks checks = {0};
    struct wallet_verified out;
    const struct wallet_shortcuts tables = {.tables = m->home->shortcuts.tables};
    const struct wallet_expect expect = {
        .shortcuts = &tables, /* nobody has shown it yet */
        .now = m->now,
        .trust = wallet_snapshot_trust(snapshot),
        .passive = true,
        .skew_s = FLOW_SKEW_S,
    };
    const lw_err err = m->format->check(m->bytes, &expect, &arena, &checks, &out);
    LW_TRY(err);
    if (!hsm_public_key_eq(&out.holder_key, m->holder)) {
        return LW_FAIL(LW_E_TOKEN, "issue: what was signed is bound to another key", LW_NOWHERE);
    }
    if (m->pass != NULL && out.cti.len != WALLET_CTI_LEN) {
        return LW_FAIL(LW_E_TOKEN, "issue: the pass has no cti", LW_NOWHERE);
    }
    if (m->pass != NULL) {
        memcpy(m->cti, out.cti.ptr, WALLET_CTI_LEN);
    }
    return LW_SUCCESS;
}

static lw_err sign_credential(struct making *m, lw_str uri, lw_buf *out)
{
    struct hsm_signer signer;
    LW_TRY(wallet_home_signer(m->home, HSM_PURPOSE_CREDENTIAL, m->stored->license.issuer, &signer));
    const struct wallet_issue issue = {
        .type = m->type,
        .license = &m->stored->license,
        .holder_key = *m->holder,
        .iat = m->times.iat,
        .exp = m->times.exp,
        .status = {.present = m->pass == NULL, .idx = m->place.idx, .uri = uri},
        .pass = m->pass,
        .issuer_uri = lw_str_c(m->home->config->base_url),
        .rng = m->home->env->rng,
    };
    return m->format->issue(&issue, &signer, m->now, out);
}

static lw_err write_credential(struct wallet_txn *txn, void *ctx)
{
    struct making *m = ctx;
    const uint8_t *id = m->stored->license.id;
    WALLET_AUTO_LICENSE now = {.state = 0};
    bool is_new = false;
    LW_TRY(wallet_store_license_load(txn, id, WALLET_LOAD_PUBLIC, &now));
    if (now.state != WALLET_ACTIVE) {
        /* Its state changed while it was signed: what was made is not released. */
        return LW_FAIL(LW_E_DENIED, "issue: the license is not active any more", LW_NOWHERE);
    }
    LW_TRY(wallet_store_holder_key_bind(txn, id, m->info.holder, m->now, &is_new));
    if (is_new) {
        LW_TRY(flow_audit_license(txn, m->now, WALLET_AUDIT_HOLDER_KEY_BOUND, LW_STR("operator"),
                                  id, NULL));
    }
    if (m->pass != NULL) {
        struct wallet_stored_pass pass = {.exp = m->times.exp};
        memcpy(pass.license, id, WALLET_UUID_LEN);
        (void)snprintf(pass.profile, sizeof(pass.profile), "%.*s",
                       (int)(m->pass->id.len > WALLET_FORMAT_NAME_MAX ? WALLET_FORMAT_NAME_MAX
                                                                      : m->pass->id.len),
                       m->pass->id.ptr);
        LW_TRY(wallet_store_pass_put(txn, m->cti, &pass));
        return flow_audit_license(txn, m->now, WALLET_AUDIT_PASS_ISSUED, LW_STR("operator"), id,
                                  NULL);
    }
    LW_TRY(wallet_store_credential_put(txn, &m->info, m->bytes));
    return flow_audit_license(txn, m->now, WALLET_AUDIT_CREDENTIAL_ISSUED, LW_STR("operator"), id,
                              NULL);
}

static lw_err make_credential(struct making *m, const struct wallet_snapshot *snapshot, lw_buf *out)
{
    LW_AUTO_BUF uri = LW_BUF(URI_MAX);
    const size_t before = out->len;
    LW_TRY(wallet_store_write(m->home->store, write_place, m));
    LW_TRY(status_uri(m->home, m->place.list, &uri));
    LW_TRY(sign_credential(m, lw_buf_text(&uri), out));
    m->bytes = (lw_bytes){.ptr = out->ptr + before, .len = out->len - before};
    m->info.iat = m->times.iat;
    m->info.exp = m->times.exp;
    m->info.has_status = true;
    m->info.status = m->place;
    LW_TRY(self_check(m, snapshot));
    return wallet_store_write(m->home->store, write_credential, m);
}

static lw_err prepare(struct making *m, const struct wallet_snapshot *snapshot,
                      struct wallet_license_ref ref, struct wallet_stored_license *stored)
{
    LW_TRY(flow_load(m->home, ref, WALLET_LOAD_ALL, stored));
    m->stored = stored;
    m->type = wallet_snapshot_type(snapshot, stored->license.type);
    if (m->type == NULL) {
        return LW_FAIL(LW_E_CORRUPT, "issue: the license's type is not in the catalogue",
                       LW_NOWHERE);
    }
    LW_TRY(wallet_flow_claims_now(m->home, m->type, &stored->license));
    memcpy(m->info.license, stored->license.id, WALLET_UUID_LEN);
    return wallet_jwk_thumbprint(m->holder, m->info.holder);
}

/* Whether a key of the license's issuer was compromised: what it signed is refused by all. */
static bool had_a_stolen_key(const struct making *m, const struct wallet_trust *trust)
{
    for (size_t i = 0; i < wallet_trust_count(trust); i++) {
        const struct wallet_issuer *issuer = wallet_trust_at(trust, i);
        if (issuer->state == WALLET_ISSUER_REVOKED &&
            lw_str_eq(issuer->agency, m->stored->license.issuer)) {
            return true;
        }
    }
    return false;
}

/* A credential kept earlier serves as long as it has not ended, and its signer is believed. */
static lw_err find_kept(struct making *m, const struct wallet_snapshot *snapshot, lw_buf *out,
                        bool *found)
{
    WALLET_AUTO_TXN txn = NULL;
    const size_t before = out->len;
    struct wallet_credential_info info = m->info;
    *found = false;
    LW_TRY(wallet_read_begin(m->home->store, &txn));
    const lw_err err = wallet_store_credential_get(txn, &info, out);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_SUCCESS;
    }
    LW_TRY(err);
    if (info.exp <= m->now) {
        lw_buf_truncate(out, before);
        return LW_SUCCESS;
    }
    m->bytes = (lw_bytes){.ptr = out->ptr + before, .len = out->len - before};
    if (had_a_stolen_key(m, wallet_snapshot_trust(snapshot)) &&
        self_check(m, snapshot).code != LW_OK) {
        lw_buf_truncate(out, before);
        m->info.replaces = true;
        return LW_SUCCESS;
    }
    *found = true;
    return LW_SUCCESS;
}

static const struct wallet_format *format_named(lw_str name)
{
    return wallet_format_by_name(lw_str_is(name, "lq1") ? LW_STR("dc+sd-cwt") : name);
}

lw_err flow_credential_get(const struct flow_credential_order *order, lw_buf *credential)
{
    FLOW_AUTO_SNAPSHOT snapshot = NULL;
    WALLET_AUTO_LICENSE stored = {.state = 0};
    struct making m = {.home = order->home,
                       .format = format_named(order->format),
                       .holder = order->holder_key,
                       .now = lw_now(order->home->env->clock)};
    bool found = false;
    if (m.format == NULL || m.format->bit == 0) {
        return LW_FAIL(LW_E_UNSUPPORTED, "issue: there is no such format", LW_NOWHERE);
    }
    LW_TRY(wallet_home_snapshot(order->home, &snapshot));
    LW_TRY(prepare(&m, snapshot, order->ref, &stored));
    (void)snprintf(m.info.format, sizeof(m.info.format), "%s", m.format->name);
    const lw_err may =
        wallet_policy_credential(m.type, &stored.license, stored.state,
                                 (enum wallet_format_bit)m.format->bit, NULL, m.now, &m.times);
    if (may.code == LW_OK || order->any_state) {
        LW_TRY(find_kept(&m, snapshot, credential, &found));
    }
    if (found) {
        return LW_SUCCESS;
    }
    LW_TRY(may);
    const size_t before = credential->len;
    const lw_err err = make_credential(&m, snapshot, credential);
    if (err.code == LW_OK) {
        return LW_SUCCESS;
    }
    lw_buf_truncate(credential, before); /* nothing unchecked is released */
    if (err.code == LW_E_CONFLICT) {
        /* Asked for twice at once: what the other has stored is the one that counts. */
        LW_TRY(find_kept(&m, snapshot, credential, &found));
    }
    return found ? LW_SUCCESS : err;
}

lw_err wallet_flow_credential(struct wallet_home *home, struct wallet_license_ref ref,
                              lw_str format, const struct hsm_public_key *holder_key,
                              lw_buf *credential)
{
    const struct flow_credential_order order = {
        .home = home, .ref = ref, .format = format, .holder_key = holder_key};
    return flow_credential_get(&order, credential);
}

lw_err wallet_flow_pass(struct wallet_home *home, struct wallet_license_ref ref, lw_str pass_id,
                        const struct hsm_public_key *holder_key, lw_buf *credential)
{
    FLOW_AUTO_SNAPSHOT snapshot = NULL;
    WALLET_AUTO_LICENSE stored = {.state = 0};
    struct making m = {.home = home,
                       .format = wallet_format_by_name(LW_STR("pass")),
                       .holder = holder_key,
                       .now = lw_now(home->env->clock)};
    const size_t before = credential->len;
    LW_TRY(wallet_home_snapshot(home, &snapshot));
    LW_TRY(prepare(&m, snapshot, ref, &stored));
    m.pass = wallet_license_type_pass(m.type, pass_id);
    if (m.pass == NULL) {
        return LW_FAIL(LW_E_NOT_FOUND, "issue: the type has no such pass", LW_NOWHERE);
    }
    LW_TRY(wallet_policy_credential(m.type, &stored.license, stored.state, WALLET_FORMAT_BIT_SDCWT,
                                    m.pass, m.now, &m.times));
    LW_TRY(sign_credential(&m, LW_STR(""), credential));
    m.bytes = (lw_bytes){.ptr = credential->ptr + before, .len = credential->len - before};
    lw_err err = self_check(&m, snapshot);
    err = err.code == LW_OK ? wallet_store_write(home->store, write_credential, &m) : err;
    if (err.code != LW_OK) {
        lw_buf_truncate(credential, before);
    }
    return err;
}
