/* An import of a type that needs two people: it waits, is compared again, is approved. */
#include <stdlib.h>

#include "flow_approval.h"
#include "flow_import_internal.h"
#include "wallet/flow_approve.h"

enum { DAYS_DEFAULT = 30 };

static lw_err check_operator(const struct import_run *run, const struct wallet_operator_by *by)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_operator who;
    LW_TRY(wallet_read_begin(run->home->store, &txn));
    return flow_operator_acts(txn, by->name, &by->signer->key, run->agency->id, &who);
}

/* What waited too long is closed on the way, so that its file does not stay. */
lw_err import_check_by(struct import_run *run)
{
    const struct wallet_operator_by *by = run->order->by;
    if (!run->type->two_people || run->order->dry_run || run->approval != NULL) {
        return LW_SUCCESS;
    }
    if (by == NULL) {
        return LW_FAIL(LW_E_DENIED,
                       "import: this type needs two people: say who you are by --operator and "
                       "--operator-key",
                       LW_NOWHERE);
    }
    LW_TRY(check_operator(run, by));
    return wallet_flow_approval_expire(run->home, NULL);
}

struct waiting {
    struct import_run *run;
    struct wallet_import_record record;
    struct wallet_approval approval;
};

/* The same that waits already is not asked for twice; what changed, or waited too long, is. */
static lw_err check_known(struct waiting *w)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_approval kept;
    struct wallet_operator asked;
    struct import_run *run = w->run;
    if (!run->known) {
        return LW_SUCCESS;
    }
    if (run->record.state == WALLET_IMPORT_RUNNING) {
        return LW_FAIL(LW_E_CONFLICT, "import: it is approved already: `lw approve` goes on",
                       LW_NOWHERE);
    }
    LW_TRY(wallet_read_begin(run->home->store, &txn));
    LW_TRY(wallet_store_approval_get(txn, run->record.id, &kept));
    const lw_err err = approval_check_asked(run->home, txn, &run->record, &kept, &asked);
    const bool same =
        memcmp(kept.differences, w->approval.differences, sizeof(kept.differences)) == 0 &&
        kept.revoke == w->approval.revoke && kept.keep_states == w->approval.keep_states;
    if (err.code == LW_OK && same && run->now < kept.expires) {
        run->result->number = run->record.number;
        return LW_FAIL(LW_E_CONFLICT,
                       "import: it waits already for a second operator to approve it", LW_NOWHERE);
    }
    return err.code == LW_OK || err.code == LW_E_DENIED || err.code == LW_E_SIGNATURE ? LW_SUCCESS
                                                                                      : err;
}

static void fill_approval(struct waiting *w)
{
    const struct import_run *run = w->run;
    const int64_t days = run->home->config->approval_days;
    struct wallet_approval *a = &w->approval;
    memcpy(a->id, run->record.id, sizeof(a->id));
    a->type_version = run->type->version;
    a->revoke = run->revoke;
    a->keep_states = run->order->keep_states;
    a->shift_auto = run->order->shift_auto;
    a->encoding = (unsigned)run->order->form.encoding;
    a->delimiter = (unsigned)run->order->form.delimiter;
    a->expires = run->now + (days > 0 ? days : DAYS_DEFAULT) * LW_DAY_S;
    a->csv_len = run->order->csv.len;
    a->map_len = run->order->map.len;
}

static lw_err write_wait(struct wallet_txn *txn, void *ctx)
{
    struct waiting *w = ctx;
    const struct import_run *run = w->run;
    struct wallet_operator who;
    struct wallet_import_record record = run->record;
    const struct flow_statement_entry entry = {.now = run->now,
                                               .kind = WALLET_AUDIT_IMPORT_WAITING,
                                               .actor = run->order->by->name,
                                               .subject = LW_BYTES(run->record.id),
                                               .signed_ = {&w->approval.asked}};
    LW_TRY(flow_operator_acts(txn, run->order->by->name, &run->order->by->signer->key,
                              run->agency->id, &who));
    LW_TRY(wallet_store_import_wait(txn, &record));
    LW_TRY(wallet_store_approval_put(txn, &w->approval));
    LW_TRY(wallet_store_approval_seal(txn, &w->approval, run->order->csv, run->order->map));
    w->record = record;
    return flow_statement_audit(txn, &entry);
}

static lw_err wait_for_second(struct waiting *w)
{
    struct import_run *run = w->run;
    LW_AUTO_BUF text = LW_BUF(WALLET_APPROVAL_STATEMENT_MAX);
    LW_TRY(import_digest_differences(run, w->approval.differences));
    fill_approval(w);
    LW_TRY(check_known(w));
    LW_TRY(import_fill_record(run));
    LW_TRY(import_show_sample(run));
    LW_TRY(approval_ask_text(run->home, &run->record, &w->approval, run->order->by->name, run->now,
                             &text));
    LW_TRY(flow_statement_sign(run->order->by, run->now, lw_buf_view(&text), &w->approval.asked));
    LW_TRY(wallet_store_write(run->home->store, write_wait, w));
    run->result->number = w->record.number;
    run->result->waiting = true;
    run->result->expires = w->approval.expires;
    return LW_SUCCESS;
}

lw_err import_wait(struct import_run *run)
{
    struct waiting *w = calloc(1, sizeof(*w)); /* large: two statements */
    if (w == NULL) {
        return LW_FAIL(LW_E_NOMEM, "import: out of memory", LW_NOWHERE);
    }
    w->run = run;
    const lw_err err = wait_for_second(w);
    free(w);
    return err;
}

/* Of two who approve at once one finds it waiting no more. */
static lw_err write_approve(struct wallet_txn *txn, void *ctx)
{
    const struct import_run *run = ctx;
    const struct import_approval *a = run->approval;
    struct wallet_operator asked;
    char actor[WALLET_IMPORT_ACTOR_MAX + 1];
    approval_actor(&a->kept, a->by->name, actor);
    const struct flow_statement_entry entry = {.now = run->now,
                                               .kind = WALLET_AUDIT_IMPORT_APPROVED,
                                               .actor = lw_str_c(actor),
                                               .subject = LW_BYTES(run->record.id),
                                               .signed_ = {&a->kept.asked, &a->kept.decided}};
    LW_TRY(wallet_store_import_decide(txn, run->record.id, WALLET_IMPORT_RUNNING, run->now));
    LW_TRY(approval_check_asked(run->home, txn, &a->record, &a->kept, &asked));
    LW_TRY(approval_check_second(txn, a->by, run->agency->id, &asked));
    LW_TRY(wallet_store_approval_put(txn, &a->kept));
    return flow_statement_audit(txn, &entry);
}

static lw_err check_same(struct import_run *run)
{
    uint8_t differences[WALLET_IMPORT_HASH_LEN];
    LW_TRY(import_digest_differences(run, differences));
    return memcmp(differences, run->approval->kept.differences, sizeof(differences)) == 0
               ? LW_SUCCESS
               : LW_FAIL(LW_E_CONFLICT,
                         "approve: the store or the photos changed since it was asked for, and so "
                         "did what it would do: it must be asked for again",
                         LW_NOWHERE);
}

lw_err import_approve(struct import_run *run)
{
    struct import_approval *a = run->approval;
    LW_AUTO_BUF text = LW_BUF(WALLET_APPROVAL_STATEMENT_MAX);
    const struct approval_decision decision = {
        .approval = &a->kept, .by = a->by->name, .at = run->now, .approves = true};
    run->result->number = a->record.number;
    if (a->goes_on) {
        return LW_SUCCESS;
    }
    LW_TRY(check_same(run));
    LW_TRY(import_show_sample(run));
    if (run->watch->approve == NULL || !run->watch->approve(run->watch->ctx, run->result)) {
        return LW_FAIL(LW_E_DENIED, "approve: not confirmed: the batch waits on", LW_NOWHERE);
    }
    LW_TRY(approval_decide_text(run->home, &decision, &text));
    LW_TRY(flow_statement_sign(a->by, run->now, lw_buf_view(&text), &a->kept.decided));
    return wallet_store_write(run->home->store, write_approve, run);
}
