/* A batch of an import taken back: looked through, its licenses revoked, those before restored. */
#include "flow_import_internal.h"
#include "flow_reissue.h"
#include "wallet/flow_mend.h"
#include "wallet/flow_status.h"
#include "wallet/store_credential.h"

enum { PAGE = 128, LEAVES = 32 };

struct voiding {
    struct wallet_home *home;
    struct wallet_import_record record;
    struct wallet_import_void by;
    const struct wallet_void_watch *watch;
    struct wallet_void_result *result;
    uint8_t ids[PAGE][WALLET_UUID_LEN];
    size_t count;
    uint64_t revoked; /* in the transaction under way */
};

static lw_err next_page(struct voiding *v, struct wallet_page *page)
{
    WALLET_AUTO_TXN txn = NULL;
    v->count = PAGE;
    LW_TRY(wallet_read_begin(v->home->store, &txn));
    return wallet_store_import_licenses(txn, &v->record, page, v->ids, &v->count);
}

static void tell(struct voiding *v, lw_str number, enum wallet_void_hindrance why, uint64_t by)
{
    v->result->hindered++;
    if (v->watch != NULL) {
        v->watch->hindered(v->watch->ctx, number, why, by);
    }
}

/* Every credential and pass is bound to a holder key, which is never forgotten. */
static lw_err was_presented(const struct wallet_txn *txn, const uint8_t id[WALLET_UUID_LEN],
                            bool *presented)
{
    struct wallet_page page = {.len = 0};
    struct wallet_bound_key key[1];
    size_t count = 1;
    LW_TRY(wallet_store_holder_key_page(txn, id, &page, key, &count));
    *presented = count > 0;
    return LW_SUCCESS;
}

static lw_err is_of_voided_batch(const struct wallet_txn *txn, uint64_t number, bool *voided)
{
    struct wallet_import_record record;
    *voided = false;
    const lw_err err = wallet_store_import_find(txn, number, &record);
    if (err.code == LW_E_NOT_FOUND) { /* issued by itself */
        return LW_SUCCESS;
    }
    LW_TRY(err);
    *voided = record.state == WALLET_IMPORT_VOIDED;
    return LW_SUCCESS;
}

/* A successor of the same batch, or one that was voided, is none. */
static lw_err was_changed(const struct wallet_txn *txn, const struct voiding *v,
                          const struct wallet_stored_license *stored, bool *changed, uint64_t *by)
{
    WALLET_AUTO_LICENSE next = {.state = 0};
    *changed = false;
    if (!stored->has_successor) {
        return LW_SUCCESS;
    }
    const lw_err err = wallet_store_license_load(txn, stored->successor, WALLET_LOAD_PUBLIC, &next);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_SUCCESS;
    }
    LW_TRY(err);
    bool voided = false;
    LW_TRY(is_of_voided_batch(txn, next.import, &voided));
    voided = !import_is_open(next.state) && (voided || next.reason_code == WALLET_REASON_VOIDED);
    *by = next.import;
    *changed = next.import != v->record.number && !voided;
    return LW_SUCCESS;
}

static lw_err look_at(struct voiding *v, const struct wallet_txn *txn,
                      const uint8_t id[WALLET_UUID_LEN])
{
    WALLET_AUTO_LICENSE stored = {.state = 0};
    bool hindered = false;
    uint64_t by = 0;
    LW_TRY(wallet_store_license_load(txn, id, WALLET_LOAD_PUBLIC, &stored));
    LW_TRY(was_presented(txn, id, &hindered));
    if (hindered) {
        tell(v, stored.license.number, WALLET_VOID_PRESENTED, 0);
        return LW_SUCCESS;
    }
    LW_TRY(was_changed(txn, v, &stored, &hindered, &by));
    if (hindered) {
        tell(v, stored.license.number, WALLET_VOID_CHANGED_SINCE, by);
    }
    return LW_SUCCESS;
}

static lw_err look_through(struct voiding *v)
{
    struct wallet_page page = {.len = 0};
    while (!page.end) {
        LW_TRY(next_page(v, &page));
        WALLET_AUTO_TXN txn = NULL;
        LW_TRY(wallet_read_begin(v->home->store, &txn));
        for (size_t i = 0; i < v->count; i++) {
            LW_TRY(look_at(v, txn, v->ids[i]));
        }
    }
    return v->result->hindered == 0
               ? LW_SUCCESS
               : LW_FAIL(LW_E_CONFLICT, "void: licenses of the batch were presented or changed",
                         LW_NOWHERE);
}

static lw_err write_begin(struct wallet_txn *txn, void *ctx)
{
    struct voiding *v = ctx;
    LW_TRY(wallet_store_import_void(txn, v->record.number, &v->by, &v->record));
    return home_audit(txn, v->by.now, WALLET_AUDIT_IMPORT_VOIDING, v->by.actor,
                      LW_BYTES(v->record.id));
}

static lw_err write_revoke(struct wallet_txn *txn, void *ctx)
{
    struct voiding *v = ctx;
    const struct wallet_state_change change = {.to = WALLET_REVOKED,
                                               .since = v->by.now,
                                               .reason_code = WALLET_REASON_VOIDED,
                                               .reason = lw_str_c(v->record.void_reason)};
    v->revoked = 0;
    for (size_t i = 0; i < v->count; i++) {
        WALLET_AUTO_LICENSE stored = {.state = 0};
        LW_TRY(wallet_store_license_load(txn, v->ids[i], WALLET_LOAD_PUBLIC, &stored));
        if (import_is_open(stored.state)) {
            LW_TRY(flow_set_state(txn, v->ids[i], &change, v->by.actor, NULL));
            v->revoked++;
        }
    }
    return LW_SUCCESS;
}

static lw_err revoke_all(struct voiding *v)
{
    struct wallet_page page = {.len = 0};
    while (!page.end) {
        LW_TRY(next_page(v, &page));
        if (v->count > 0) {
            LW_TRY(wallet_store_write(v->home->store, write_revoke, v));
            v->result->revoked += v->revoked;
        }
    }
    return LW_SUCCESS;
}

/* What a license was before it was superseded, the log says. */
static lw_err state_before(const struct wallet_txn *txn, const uint8_t id[WALLET_UUID_LEN],
                           enum wallet_state *state)
{
    const lw_bytes subject = {id, WALLET_UUID_LEN};
    uint64_t from = 0;
    size_t count = LEAVES;
    *state = WALLET_ACTIVE;
    while (count == LEAVES) {
        uint64_t indexes[LEAVES];
        LW_TRY(wallet_audit_find_subject(txn, subject, from, indexes, &count));
        for (size_t i = 0; i < count; i++) {
            struct wallet_audit_leaf leaf;
            LW_TRY(wallet_audit_get(txn, indexes[i], &leaf));
            if (!leaf.erased && leaf.event.kind == WALLET_AUDIT_LICENSE_SUSPENDED) {
                *state = WALLET_SUSPENDED;
            } else if (!leaf.erased && leaf.event.kind == WALLET_AUDIT_LICENSE_RESUMED) {
                *state = WALLET_ACTIVE;
            }
            from = indexes[i] + 1;
        }
    }
    return LW_SUCCESS;
}

/* What a license of the batch had taken the place of, by itself or with others of the batch. */
struct restoring {
    uint8_t source[WALLET_UUID_LEN];
    uint8_t id[WALLET_UUID_LEN]; /* of the one that was to come, where its run was killed before */
    bool named;                  /* `id` is set */
    bool wanted;
    enum wallet_state state;
};

/* Says whether what came with the batch ends with this one, which is in force no more by its
 * register or by this voiding, or was to be followed by one that never came. */
static lw_err is_last(const struct wallet_txn *txn, const struct wallet_stored_license *stored,
                      struct restoring *r, bool *last)
{
    WALLET_AUTO_LICENSE next = {.state = 0};
    const bool as_issued = stored->reason_code == WALLET_REASON_REGISTER && stored->changes == 0;
    *last = !stored->has_successor && !import_is_open(stored->state) &&
            (as_issued || stored->reason_code == WALLET_REASON_VOIDED);
    if (stored->state != WALLET_SUPERSEDED || !stored->has_successor) {
        return LW_SUCCESS;
    }
    const lw_err err = wallet_store_license_load(txn, stored->successor, WALLET_LOAD_PUBLIC, &next);
    if (err.code == LW_E_NOT_FOUND) {
        memcpy(r->id, stored->successor, sizeof(r->id));
        r->named = true;
        *last = true;
        return LW_SUCCESS;
    }
    return err;
}

/* Goes back over those of the batch to the one before them: it was in force until they came. */
static lw_err find_source(const struct wallet_txn *txn, const struct voiding *v,
                          const uint8_t id[WALLET_UUID_LEN], struct restoring *r)
{
    uint8_t at[WALLET_UUID_LEN];
    uint8_t after[WALLET_UUID_LEN];
    memcpy(at, id, sizeof(at));
    for (size_t n = 0; n <= IMPORT_TERMS_MAX; n++) {
        WALLET_AUTO_LICENSE stored = {.state = 0};
        LW_TRY(wallet_store_license_load(txn, at, WALLET_LOAD_PUBLIC, &stored));
        if (stored.import != v->record.number) {
            r->wanted = stored.state == WALLET_SUPERSEDED && stored.has_successor &&
                        memcmp(stored.successor, after, sizeof(after)) == 0;
            memcpy(r->source, at, sizeof(r->source));
            return LW_SUCCESS;
        }
        if (!stored.has_predecessor) {
            return LW_SUCCESS;
        }
        memcpy(after, at, sizeof(after));
        memcpy(at, stored.predecessor, sizeof(at));
    }
    return LW_SUCCESS;
}

static lw_err find_restoring(const struct voiding *v, const uint8_t id[WALLET_UUID_LEN],
                             struct restoring *r)
{
    WALLET_AUTO_TXN txn = NULL;
    WALLET_AUTO_LICENSE stored = {.state = 0};
    bool last = false;
    LW_TRY(wallet_read_begin(v->home->store, &txn));
    LW_TRY(wallet_store_license_load(txn, id, WALLET_LOAD_PUBLIC, &stored));
    LW_TRY(is_last(txn, &stored, r, &last));
    LW_TRY(last ? find_source(txn, v, id, r) : LW_SUCCESS);
    return r->wanted ? state_before(txn, r->source, &r->state) : LW_SUCCESS;
}

static lw_err restore(struct voiding *v, const uint8_t id[WALLET_UUID_LEN])
{
    struct wallet_issued issued;
    struct restoring r = {.wanted = false};
    LW_TRY(find_restoring(v, id, &r));
    if (!r.wanted) {
        return LW_SUCCESS;
    }
    const struct reissue_order order = {.source = r.source,
                                        .mends = id,
                                        .id = r.named ? r.id : NULL,
                                        .state = r.state,
                                        .reason = lw_str_c(v->record.void_reason),
                                        .actor = v->by.actor};
    const lw_err err = flow_reissue(v->home, &order, &issued);
    v->result->restored += err.code == LW_OK ? 1 : 0;
    v->result->unrestored += err.code == LW_E_NOT_FOUND ? 1 : 0;
    return err.code == LW_E_NOT_FOUND ? LW_SUCCESS : err;
}

static lw_err restore_all(struct voiding *v)
{
    struct wallet_page page = {.len = 0};
    while (!page.end) {
        LW_TRY(next_page(v, &page));
        for (size_t i = 0; i < v->count; i++) {
            LW_TRY(restore(v, v->ids[i]));
        }
    }
    return LW_SUCCESS;
}

/* An approved batch that had not ended holds its register still. */
static lw_err write_end(struct wallet_txn *txn, void *ctx)
{
    const struct voiding *v = ctx;
    LW_TRY(wallet_store_import_void_end(txn, v->record.number, v->by.now));
    LW_TRY(wallet_store_approval_clear(txn, v->record.id));
    return home_audit(txn, v->by.now, WALLET_AUDIT_IMPORT_VOIDED, v->by.actor,
                      LW_BYTES(v->record.id));
}

static lw_err read_record(struct voiding *v, uint64_t number)
{
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(v->home->store, &txn));
    return wallet_store_import_find(txn, number, &v->record);
}

/* Once begun it is gone through with: nothing is looked at twice. */
static lw_err void_locked(struct voiding *v, uint64_t number)
{
    size_t published = 0;
    LW_TRY(read_record(v, number));
    LW_TRY(import_void_left(v->home, v->by.now));
    if (v->record.state == WALLET_IMPORT_RUNNING || v->record.state == WALLET_IMPORT_DONE) {
        LW_TRY(look_through(v));
    }
    if (v->record.state != WALLET_IMPORT_VOIDING) {
        LW_TRY(wallet_store_write(v->home->store, write_begin, v));
    }
    v->result->stays = v->record.counts.states + v->record.counts.revoked;
    LW_TRY(revoke_all(v));
    LW_TRY(restore_all(v));
    LW_TRY(wallet_store_write(v->home->store, write_end, v));
    return wallet_flow_publish_status(v->home, &published);
}

lw_err wallet_flow_void_import(struct wallet_home *home, uint64_t number, lw_str reason,
                               lw_str actor, const struct wallet_void_watch *watch,
                               struct wallet_void_result *result)
{
    int lock = -1;
    struct voiding v = {.home = home, .watch = watch, .result = result};
    *result = (struct wallet_void_result){.hindered = 0};
    LW_TRY(flow_check_reason(reason));
    v.by = (struct wallet_import_void){
        .actor = actor, .reason = reason, .now = lw_now(home->env->clock)};
    lw_err err = import_take_lock(home, &lock);
    err = err.code == LW_OK ? void_locked(&v, number) : err;
    import_drop_lock(lock);
    return err;
}
