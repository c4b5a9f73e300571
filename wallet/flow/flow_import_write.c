/* What an import writes: its journal, intents, and the records of a batch with their effects. */
#include "flow_import_internal.h"
#include "wallet/store_person.h"

static bool is_same_person(const struct import_item *a, const struct import_item *b)
{
    return lw_str_eq(wallet_person_code_text(&a->who), wallet_person_code_text(&b->who));
}

/* Rows are sorted, so those of one holder often stand together. */
static lw_err add_person(struct wallet_txn *txn, const struct import_run *run,
                         struct import_item *item, const struct import_item *before)
{
    bool added = false;
    if (before != NULL && is_same_person(item, before)) {
        memcpy(item->person[0], before->person[0], sizeof(item->person[0]));
        return LW_SUCCESS;
    }
    LW_TRY(wallet_store_person_add(txn, &item->who, item->license.holders[0].name, run->now,
                                   item->person[0], &added));
    return added ? home_audit(txn, run->now, WALLET_AUDIT_PERSON_ADDED, run->order->actor,
                              LW_BYTES(item->person[0]))
                 : LW_SUCCESS;
}

static lw_err reserve_one(struct wallet_txn *txn, const struct import_run *run,
                          const struct wallet_license *l, const uint8_t digest[HSM_P256_LEN])
{
    struct wallet_intent intent = {
        .version_is_key = run->keyed, .created = run->now, .import = run->record.number};
    memcpy(intent.id, l->id, sizeof(intent.id));
    memcpy(intent.signs, digest, sizeof(intent.signs));
    LW_TRY(wallet_intent_fill(&intent, l->type, l->number, l->version, l->issuer));
    return wallet_store_license_reserve(txn, &intent);
}

lw_err import_reserve(struct wallet_txn *txn, struct import_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct import_item *item = &batch->items[i];
        LW_TRY(add_person(txn, batch->run, item, i == 0 ? NULL : item - 1));
        LW_TRY(reserve_one(txn, batch->run, &item->license, batch->jobs[i].digest));
    }
    return LW_SUCCESS;
}

/* What was in force may have been revoked since the rows were compared: then it stays so. */
static lw_err supersede(struct wallet_txn *txn, const struct import_run *run,
                        const struct import_row *row)
{
    WALLET_AUTO_LICENSE old = {.state = 0};
    if (!row->supersedes) {
        return LW_SUCCESS;
    }
    LW_TRY(wallet_store_license_load(txn, row->predecessor, WALLET_LOAD_PUBLIC, &old));
    return wallet_state_may_follow(old.state, WALLET_SUPERSEDED)
               ? flow_supersede(txn, row->predecessor, row->id, run->now, run->order->actor)
               : LW_SUCCESS;
}

/* The log names a license's states; that a term has a successor is no event of its own. */
static lw_err log_state(struct wallet_txn *txn, const struct import_run *run,
                        const struct import_row *row)
{
    enum wallet_audit_kind kind = WALLET_AUDIT_LICENSE_SUSPENDED;
    switch ((enum wallet_state)row->state) {
    case WALLET_ACTIVE:
    case WALLET_SUPERSEDED:
        return LW_SUCCESS;
    case WALLET_SUSPENDED:
        break;
    case WALLET_REVOKED:
        kind = WALLET_AUDIT_LICENSE_REVOKED;
        break;
    case WALLET_CANCELLED:
        kind = WALLET_AUDIT_LICENSE_CANCELLED;
        break;
    }
    return flow_audit_license(txn, run->now, kind, run->order->actor, row->id, NULL);
}

static lw_err complete(struct wallet_txn *txn, const struct import_run *run,
                       struct import_item *item)
{
    const struct import_row *row = item->row;
    const bool by_register = row->state != WALLET_ACTIVE && row->state != WALLET_SUPERSEDED;
    uint64_t audit_index = 0;
    LW_TRY(supersede(txn, run, row));
    LW_TRY(flow_audit_license(txn, run->now, WALLET_AUDIT_LICENSE_ISSUED, run->order->actor,
                              row->id, &audit_index));
    const struct wallet_license_put put = {
        .license = &item->license,
        .persons = item->person,
        .state = (enum wallet_state)row->state,
        .since = run->now,
        .reason_code = by_register ? WALLET_REASON_REGISTER : 0,
        .predecessor = row->has_predecessor ? row->predecessor : NULL,
        .successor = row->has_successor ? row->successor : NULL,
        .record = lw_buf_view(&item->record),
        .audit_index = audit_index,
    };
    LW_TRY(wallet_store_license_complete(txn, &put));
    if (row->mends) {
        LW_TRY(flow_mended(txn, row->predecessor, row->id, run->now, run->order->actor));
    }
    return log_state(txn, run, row);
}

static lw_err note_batch(struct wallet_txn *txn, const struct import_batch *batch)
{
    const struct import_run *run = batch->run;
    struct wallet_import_batch entry = {
        .batch = batch->number, .issued = batch->count, .at = run->now};
    memcpy(entry.first, batch->items[0].row->id, sizeof(entry.first));
    memcpy(entry.last, batch->items[0].row->id, sizeof(entry.last));
    for (size_t i = 1; i < batch->count; i++) {
        const uint8_t *id = batch->items[i].row->id;
        if (memcmp(id, entry.first, sizeof(entry.first)) < 0) {
            memcpy(entry.first, id, sizeof(entry.first));
        }
        if (memcmp(id, entry.last, sizeof(entry.last)) > 0) {
            memcpy(entry.last, id, sizeof(entry.last));
        }
    }
    return wallet_store_import_batch_put(txn, run->record.id, &entry);
}

lw_err import_write_batch(struct wallet_txn *txn, void *ctx)
{
    struct import_batch *batch = ctx;
    const struct import_run *run = batch->run;
    for (size_t i = 0; i < batch->count; i++) {
        LW_TRY(complete(txn, run, &batch->items[i]));
    }
    LW_TRY(note_batch(txn, batch));
    return batch->next == NULL ? LW_SUCCESS : import_reserve(txn, batch->next);
}
