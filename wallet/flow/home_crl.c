/* Certificate revocation lists, one of each CA key. */
#include <stdlib.h>

#include "home_key.h"
#include "hsm/x509_issue.h"
#include "wallet/flow_key.h"

enum { IMPORT_SKEW_S = 60 };

/* The certificates of a CA key's that were revoked: those of keys that are compromised. */
struct revoked {
    struct hsm_revoked *list;
    struct hsm_cert *certs; /* what the list's serial numbers borrow from */
    size_t count;
    int64_t newest;
};

static void free_revoked(struct revoked *revoked)
{
    free(revoked->list);
    free(revoked->certs);
}

static bool issued_by(const struct hsm_cert *cert, const struct hsm_cert *ca)
{
    return lw_bytes_eq(cert->issuer, ca->subject) && ca->key_id_len > 0 &&
           cert->authority_key_id_len == ca->key_id_len &&
           memcmp(cert->authority_key_id, ca->key_id, ca->key_id_len) == 0;
}

static lw_err find_revoked(const struct home_keys *keys, const struct hsm_cert *ca,
                           struct revoked *revoked)
{
    revoked->newest = INT64_MIN;
    revoked->list = calloc(keys->count + 1, sizeof(*revoked->list));
    revoked->certs = calloc(keys->count + 1, sizeof(*revoked->certs));
    if (revoked->list == NULL || revoked->certs == NULL) {
        return LW_FAIL(LW_E_NOMEM, "home: out of memory", LW_NOWHERE);
    }
    for (size_t i = 0; i < keys->count; i++) {
        const struct wallet_key_record *key = &keys->list[i];
        struct hsm_cert *cert = &revoked->certs[revoked->count];
        if (key->compromised == WALLET_KEY_NEVER || key->cert.len == 0) {
            continue;
        }
        LW_TRY(hsm_cert_parse(key->cert, cert));
        if (!cert->is_ca && issued_by(cert, ca)) {
            revoked->list[revoked->count++] =
                (struct hsm_revoked){.serial = cert->serial, .revoked_at = key->compromised};
            revoked->newest =
                key->compromised > revoked->newest ? key->compromised : revoked->newest;
        }
    }
    return LW_SUCCESS;
}

static lw_err last_crl(struct wallet_home *home, lw_str ca, struct wallet_signed_doc *last)
{
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(home->store, &txn));
    const lw_err err = wallet_store_crl_get(txn, ca, last);
    last->bytes = (lw_bytes){NULL, 0};
    if (err.code == LW_E_NOT_FOUND) {
        *last = (struct wallet_signed_doc){.version = 0};
        return LW_SUCCESS;
    }
    return err;
}

struct crl_write {
    lw_str ca;
    lw_str actor;
    int64_t now;
    struct wallet_signed_doc crl;
};

static lw_err write_crl(struct wallet_txn *txn, void *ctx)
{
    const struct crl_write *w = ctx;
    LW_TRY(wallet_store_crl_put(txn, w->ca, &w->crl));
    return home_audit(txn, w->now, WALLET_AUDIT_CRL_SIGNED, w->actor, lw_str_bytes(w->ca));
}

static lw_err sign_revoked(struct wallet_home *home, const struct wallet_key_record *ca,
                           int64_t not_after, const struct revoked *revoked, uint64_t version)
{
    const int64_t now = lw_now(home->env->clock);
    LW_AUTO_BUF der = LW_BUF(WALLET_CRL_MAX);
    struct hsm_signer signer;
    LW_TRY(home_signer_of(home, ca, &signer));
    signer.not_after = not_after; /* it revokes for as long as its certificate holds */
    LW_TRY(hsm_crl_issue(&signer, revoked->list, revoked->count, version, now,
                         now + HOME_CRL_LIFE_S, &der));
    struct crl_write write = {.ca = lw_str_c(ca->token),
                              .actor = LW_STR("system"),
                              .now = now,
                              .crl = {.version = version,
                                      .iat = now,
                                      .exp = now + HOME_CRL_LIFE_S,
                                      .bytes = lw_buf_view(&der)}};
    return wallet_store_write(home->store, write_crl, &write);
}

static lw_err sign_one(struct wallet_home *home, const struct home_keys *keys,
                       const struct wallet_key_record *ca, bool always, size_t *signed_count)
{
    const int64_t now = lw_now(home->env->clock);
    struct revoked revoked = {.count = 0};
    struct wallet_signed_doc last;
    struct hsm_cert cert;
    LW_TRY(hsm_cert_parse(ca->cert, &cert));
    LW_TRY(last_crl(home, lw_str_c(ca->token), &last));
    lw_err err = find_revoked(keys, &cert, &revoked);
    const bool due = always || last.version == 0 || now - last.iat >= HOME_CRL_CADENCE_S ||
                     revoked.newest >= last.iat;
    if (err.code == LW_OK && due) {
        err = sign_revoked(home, ca, cert.not_after, &revoked, last.version + 1);
        *signed_count += err.code == LW_OK ? 1 : 0;
    }
    free_revoked(&revoked);
    return err.code == LW_E_CONFLICT ? LW_SUCCESS : err; /* another process was faster */
}

/* A key certified anew signs one list for all its certificates: the newest record stands for it. */
static bool stands_for_its_key(const struct home_keys *keys, size_t at)
{
    const struct wallet_key_record *ca = &keys->list[at];
    if (ca->purpose != HSM_PURPOSE_CA || ca->state == WALLET_KEY_DESTROYED ||
        ca->compromised != WALLET_KEY_NEVER || ca->lost != WALLET_KEY_NEVER || ca->standby) {
        return false;
    }
    for (size_t i = 0; i < keys->count; i++) {
        const struct wallet_key_record *other = &keys->list[i];
        if (i != at && strcmp(other->token, ca->token) == 0 &&
            other->state != WALLET_KEY_DESTROYED && other->created > ca->created) {
            return false;
        }
    }
    return true;
}

lw_err home_crl_sign(struct wallet_home *home, bool all, size_t *signed_count)
{
    HOME_AUTO_KEYS keys = {.list = NULL};
    lw_err first = LW_SUCCESS;
    *signed_count = 0;
    LW_TRY(home_keys_read(home, &keys));
    for (size_t i = 0; i < keys.count; i++) {
        if (stands_for_its_key(&keys, i)) {
            const lw_err err = sign_one(home, &keys, &keys.list[i], all, signed_count);
            first = first.code == LW_OK ? err : first;
        }
    }
    return first;
}

/* What this home revokes, a list from elsewhere must revoke too, or be signed over. */
static lw_err revokes_each(const struct hsm_crl *crl, const struct revoked *revoked)
{
    for (size_t i = 0; i < revoked->count; i++) {
        bool found = false;
        LW_TRY(hsm_crl_revokes(crl, revoked->list[i].serial, &found));
        if (!found) {
            return LW_FAIL(LW_E_CONFLICT, "crl: it lacks a certificate that is revoked here",
                           LW_NOWHERE);
        }
    }
    return LW_SUCCESS;
}

static lw_err revokes_all(const struct home_keys *keys, const struct hsm_cert *ca,
                          const struct hsm_crl *crl)
{
    struct revoked revoked = {.count = 0};
    lw_err err = find_revoked(keys, ca, &revoked);
    if (err.code == LW_OK) {
        err = revokes_each(crl, &revoked);
    }
    free_revoked(&revoked);
    return err;
}

static lw_err check_times(const struct hsm_crl *crl, const struct wallet_signed_doc *last,
                          int64_t now)
{
    if (crl->this_update > now + IMPORT_SKEW_S) {
        return LW_FAIL(LW_E_VALUE, "crl: dated in the future", LW_NOWHERE);
    }
    if (crl->next_update <= now) {
        return LW_FAIL(LW_E_EXPIRED, "crl: it has ended", LW_NOWHERE);
    }
    return last->version > 0 && crl->this_update < last->iat
               ? LW_FAIL(LW_E_CONFLICT, "crl: older than the one held", LW_NOWHERE)
               : LW_SUCCESS;
}

static lw_err keep_import(struct wallet_home *home, const struct home_keys *keys, lw_str token,
                          const struct hsm_cert *ca, struct crl_write *write)
{
    struct wallet_signed_doc last;
    struct hsm_crl crl;
    LW_TRY(hsm_crl_check(write->crl.bytes, ca, &crl));
    LW_TRY(last_crl(home, token, &last));
    LW_TRY(check_times(&crl, &last, write->now));
    LW_TRY(revokes_all(keys, ca, &crl));
    write->ca = token;
    write->crl.version = crl.number;
    write->crl.iat = crl.this_update;
    write->crl.exp = crl.next_update;
    return wallet_store_write(home->store, write_crl, write);
}

lw_err wallet_flow_crl_import(struct wallet_home *home, lw_bytes der, lw_str actor,
                              char label[WALLET_KEY_LABEL_MAX + 1])
{
    HOME_AUTO_KEYS keys = {.list = NULL};
    struct crl_write write = {
        .actor = actor, .now = lw_now(home->env->clock), .crl = {.bytes = der}};
    lw_err err = LW_FAIL(LW_E_UNTRUSTED, "crl: by none of the CA keys", LW_NOWHERE);
    LW_TRY(home_keys_read(home, &keys));
    for (size_t i = 0; i < keys.count && err.code == LW_E_UNTRUSTED; i++) {
        struct hsm_cert cert;
        if (stands_for_its_key(&keys, i)) {
            LW_TRY(hsm_cert_parse(keys.list[i].cert, &cert));
            err = keep_import(home, &keys, lw_str_c(keys.list[i].token), &cert, &write);
            memcpy(label, keys.list[i].token, sizeof(keys.list[i].token));
        }
    }
    return err;
}
