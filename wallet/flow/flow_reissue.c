/* A license issued again as it was: after a mistaken revocation, or the voiding of its successor.
 */
#include "flow_reissue.h"

#include <stdio.h>

#include "flow_import_internal.h"
#include "wallet/flow_mend.h"
#include "wallet/record.h"

enum { PAGE = 16 };

struct reissue {
    struct wallet_home *home;
    const struct reissue_order *order;
    const struct wallet_license_type *type;
    struct wallet_stored_license source;
    struct wallet_license license;
    char version[IMPORT_VERSION_TEXT];
    struct wallet_intent intent;
    lw_buf payload;
    lw_buf record;
    int64_t now;
    uint64_t audit_index;
};

static void free_reissue(struct reissue *r)
{
    wallet_stored_license_free(&r->source);
    lw_buf_free(&r->payload);
    lw_buf_free(&r->record);
}
#define AUTO_REISSUE __attribute__((cleanup(free_reissue))) struct reissue

/* The greatest revision of a key, and the greatest counted version, among those of a number. */
struct versions {
    lw_str key;
    unsigned revision;
    int64_t counted;
};

static lw_err look_at_version(const struct wallet_txn *txn, const uint8_t id[WALLET_UUID_LEN],
                              struct versions *v)
{
    WALLET_AUTO_LICENSE stored = {.state = 0};
    lw_str key;
    int64_t n = 0;
    LW_TRY(wallet_store_license_load(txn, id, WALLET_LOAD_PUBLIC, &stored));
    const unsigned revision = wallet_version_revision(stored.license.version, &key);
    if (lw_str_eq(key, v->key) && revision > v->revision) {
        v->revision = revision;
    }
    if (lw_str_int(stored.license.version, &n).code == LW_OK && n > v->counted) {
        v->counted = n;
    }
    return LW_SUCCESS;
}

/* A register's key gets its next revision, a counted version the next number. */
static lw_err choose_version(struct reissue *r, const struct wallet_txn *txn)
{
    const struct wallet_license *l = &r->source.license;
    struct wallet_page page = {.len = 0};
    struct versions v = {.revision = 1};
    bool keyed = false;
    (void)wallet_version_revision(l->version, &v.key);
    LW_TRY(wallet_store_license_key_taken(txn, l->type, l->version, &keyed));
    while (!page.end) {
        uint8_t ids[PAGE][WALLET_UUID_LEN];
        size_t count = PAGE;
        LW_TRY(wallet_store_license_versions(txn, l->type, l->number, &page, ids, &count));
        for (size_t i = 0; i < count; i++) {
            LW_TRY(look_at_version(txn, ids[i], &v));
        }
    }
    if ((keyed && v.revision >= WALLET_REVISION_MAX) || v.key.len > WALLET_VERSION_MAX) {
        return LW_FAIL(LW_E_LIMIT, "reissue: the license has too many versions", LW_NOWHERE);
    }
    if (keyed) {
        (void)snprintf(r->version, sizeof(r->version), "%.*s~%u", (int)v.key.len, v.key.ptr,
                       v.revision + 1);
    } else {
        (void)snprintf(r->version, sizeof(r->version), "%lld", (long long)v.counted + 1);
    }
    r->intent.version_is_key = keyed;
    return LW_SUCCESS;
}

static lw_err read_source(struct reissue *r)
{
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(r->home->store, &txn));
    LW_TRY(wallet_store_license_load(txn, r->order->source, WALLET_LOAD_ALL, &r->source));
    return choose_version(r, txn);
}

static lw_err check_rules(struct reissue *r, const struct wallet_snapshot *snapshot)
{
    struct wallet_issue_fault faults[1];
    size_t count = 1;
    const struct wallet_agency *agency = wallet_snapshot_agency(snapshot, r->license.issuer);
    if (agency == NULL) {
        return LW_FAIL(LW_E_NOT_FOUND, "reissue: its agency is not there any more", LW_NOWHERE);
    }
    const lw_err err = wallet_policy_issue(r->type, agency, &r->license, r->now, faults, &count);
    return err.code == LW_E_VALUE
               ? LW_FAIL(LW_E_VALUE, "reissue: it does not hold for its license type any more",
                         LW_NOWHERE)
               : err;
}

/* Everything stays as it was, the day of issue too: only number of version and salts are new. */
static lw_err fill(struct reissue *r, const struct wallet_snapshot *snapshot)
{
    r->type = wallet_snapshot_type(snapshot, r->source.license.type);
    if (r->type == NULL) {
        return LW_FAIL(LW_E_NOT_FOUND, "reissue: its license type is not there any more",
                       LW_NOWHERE);
    }
    r->license = r->source.license;
    LW_TRY(wallet_flow_claims_now(r->home, r->type, &r->license));
    r->license.type_version = r->type->version;
    r->license.version = lw_str_c(r->version);
    if (r->order->id != NULL) {
        memcpy(r->license.id, r->order->id, sizeof(r->license.id));
    } else {
        LW_TRY(wallet_store_new_id(r->home->store, r->license.id));
    }
    LW_TRY(r->order->check ? check_rules(r, snapshot) : LW_SUCCESS);
    LW_TRY(wallet_record_draw_salts(&r->license, r->home->env->rng));
    return wallet_record_payload(r->type, &r->license, &r->payload);
}

static lw_err write_reserve(struct wallet_txn *txn, void *ctx)
{
    struct reissue *r = ctx;
    return wallet_store_license_reserve(txn, &r->intent);
}

static lw_err write_void(struct wallet_txn *txn, void *ctx)
{
    const struct reissue *r = ctx;
    return flow_void_intent(txn, &r->intent, r->now);
}

static lw_err write_complete(struct wallet_txn *txn, void *ctx)
{
    struct reissue *r = ctx;
    const struct reissue_order *order = r->order;
    LW_TRY(flow_audit_license(txn, r->now, WALLET_AUDIT_LICENSE_ISSUED, order->actor, r->license.id,
                              &r->audit_index));
    const struct wallet_license_put put = {
        .license = &r->license,
        .persons = r->source.persons,
        .state = order->state,
        .since = r->now,
        .reason = order->reason,
        .predecessor = order->mends,
        .record = lw_buf_view(&r->record),
        .audit_index = r->audit_index,
    };
    LW_TRY(wallet_store_license_complete(txn, &put));
    if (order->id == NULL) { /* else it names this one already */
        LW_TRY(flow_mended(txn, order->mends, r->license.id, r->now, order->actor));
    }
    if (r->intent.import != 0) {
        LW_TRY(wallet_store_import_adopt(txn, r->intent.import, r->license.id));
    }
    return order->state == WALLET_SUSPENDED
               ? flow_audit_license(txn, r->now, WALLET_AUDIT_LICENSE_SUSPENDED, order->actor,
                                    r->license.id, NULL)
               : LW_SUCCESS;
}

static lw_err sign_and_store(struct reissue *r)
{
    struct hsm_signer signer;
    const struct wallet_license *l = &r->license;
    LW_TRY(wallet_home_signer(r->home, HSM_PURPOSE_CREDENTIAL, l->issuer, &signer));
    memcpy(r->intent.id, l->id, WALLET_UUID_LEN);
    r->intent.created = r->now;
    r->intent.import = r->source.import;
    LW_TRY(wallet_intent_fill(&r->intent, l->type, l->number, l->version, l->issuer));
    LW_TRY(wallet_record_digest(signer.kid, lw_buf_view(&r->payload), r->intent.signs));
    LW_TRY(wallet_store_write(r->home->store, write_reserve, r));
    lw_err err = wallet_record_sign(&signer, r->now, lw_buf_view(&r->payload), &r->record);
    err = err.code == LW_OK ? wallet_store_write(r->home->store, write_complete, r) : err;
    if (err.code != LW_OK) {
        /* Should this fail too, the next import or reissue voids it. */
        const lw_err voided = wallet_store_write(r->home->store, write_void, r);
        (void)voided;
    }
    return err;
}

lw_err flow_reissue(struct wallet_home *home, const struct reissue_order *order,
                    struct wallet_issued *issued)
{
    FLOW_AUTO_SNAPSHOT snapshot = NULL;
    AUTO_REISSUE r = {.home = home,
                      .order = order,
                      .payload = LW_BUF(WALLET_RECORD_MAX),
                      .record = LW_BUF(WALLET_RECORD_MAX),
                      .now = lw_now(home->env->clock)};
    LW_TRY(wallet_home_snapshot(home, &snapshot));
    LW_TRY(read_source(&r));
    LW_TRY(fill(&r, snapshot));
    LW_TRY(sign_and_store(&r));
    (void)snprintf(issued->number, sizeof(issued->number), "%.*s", (int)r.license.number.len,
                   r.license.number.ptr);
    (void)snprintf(issued->version, sizeof(issued->version), "%s", r.version);
    memcpy(issued->id, r.license.id, WALLET_UUID_LEN);
    issued->audit_index = r.audit_index;
    return LW_SUCCESS;
}

static lw_err find_ended(struct wallet_home *home, struct wallet_license_ref ref,
                         uint8_t id[WALLET_UUID_LEN])
{
    WALLET_AUTO_TXN txn = NULL;
    WALLET_AUTO_LICENSE stored = {.state = 0};
    LW_TRY(wallet_read_begin(home->store, &txn));
    LW_TRY(flow_find(txn, ref, id));
    LW_TRY(wallet_store_license_load(txn, id, WALLET_LOAD_PUBLIC, &stored));
    if (stored.state != WALLET_REVOKED && stored.state != WALLET_CANCELLED) {
        return LW_FAIL(LW_E_CONFLICT, "reissue: the license is neither revoked nor cancelled",
                       LW_NOWHERE);
    }
    return stored.has_successor
               ? LW_FAIL(LW_E_CONFLICT, "reissue: another license mends it already", LW_NOWHERE)
               : LW_SUCCESS;
}

static lw_err reissue_locked(struct wallet_home *home, struct wallet_license_ref ref, lw_str reason,
                             lw_str actor, struct wallet_issued *issued)
{
    uint8_t id[WALLET_UUID_LEN];
    LW_TRY(import_void_left(home, lw_now(home->env->clock)));
    LW_TRY(find_ended(home, ref, id));
    const struct reissue_order order = {.source = id,
                                        .mends = id,
                                        .check = true,
                                        .state = WALLET_ACTIVE,
                                        .reason = reason,
                                        .actor = actor};
    return flow_reissue(home, &order, issued);
}

lw_err wallet_flow_reissue(struct wallet_home *home, struct wallet_license_ref ref, lw_str reason,
                           lw_str actor, struct wallet_issued *issued)
{
    int lock = -1;
    LW_TRY(flow_check_reason(reason));
    lw_err err = import_take_lock(home, &lock);
    err = err.code == LW_OK ? reissue_locked(home, ref, reason, actor, issued) : err;
    import_drop_lock(lock);
    return err;
}
