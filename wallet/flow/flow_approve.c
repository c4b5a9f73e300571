/* A second operator approves or rejects what waits; what was approved goes on after a crash. */
#include "wallet/flow_approve.h"

#include <stdlib.h>

#include "flow_approval.h"
#include "flow_import_internal.h"

enum { TEXT_MAX = 1 << 30, RECORDS = 8 };

static lw_err closed(const char *why)
{
    return LW_FAIL(LW_E_CONFLICT, why, LW_NOWHERE);
}

static lw_err check_state(enum wallet_import_state state, bool *goes_on)
{
    *goes_on = state == WALLET_IMPORT_RUNNING;
    switch (state) {
    case WALLET_IMPORT_WAITING:
    case WALLET_IMPORT_RUNNING:
        return LW_SUCCESS;
    case WALLET_IMPORT_DONE:
    case WALLET_IMPORT_VOIDING:
    case WALLET_IMPORT_VOIDED:
        return closed("approve: the batch is approved already, and carried out");
    case WALLET_IMPORT_REJECTED:
        return closed("approve: the batch is rejected");
    case WALLET_IMPORT_EXPIRED:
        return closed("approve: nobody approved the batch in time: it must be asked for again");
    }
    return closed("approve: the batch is of no known state");
}

static lw_err read_batch(const struct wallet_txn *txn, uint64_t number, struct import_approval *a)
{
    LW_TRY(wallet_store_import_find(txn, number, &a->record));
    const lw_err err = wallet_store_approval_get(txn, a->record.id, &a->kept);
    if (err.code == LW_E_NOT_FOUND) {
        return closed("approve: the batch needs no approval");
    }
    LW_TRY(err);
    return check_state(a->record.state, &a->goes_on);
}

/* What goes on is checked as what is approved: the signatures are kept for that. */
static lw_err check_decided(const struct wallet_home *home, const struct wallet_txn *txn,
                            const struct import_approval *a)
{
    struct wallet_operator second;
    LW_AUTO_BUF text = LW_BUF(WALLET_APPROVAL_STATEMENT_MAX);
    const struct approval_decision decision = {.approval = &a->kept,
                                               .by = lw_str_c(a->kept.decided.by),
                                               .at = a->kept.decided.at,
                                               .approves = true};
    LW_TRY(wallet_store_operator_get(txn, decision.by, &second));
    LW_TRY(approval_decide_text(home, &decision, &text));
    return flow_statement_check(&a->kept.decided, lw_buf_view(&text), &second);
}

/* Who goes on with what two people signed may be either of them, or a third. */
static lw_err check_people(const struct wallet_home *home, const struct wallet_txn *txn,
                           const struct import_approval *a)
{
    struct wallet_operator who;
    const lw_str agency = lw_str_c(a->record.issuer);
    if (a->goes_on) {
        LW_TRY(flow_operator_acts(txn, a->by->name, &a->by->signer->key, agency, &who));
        return check_decided(home, txn, a);
    }
    LW_TRY(approval_check_asked(home, txn, &a->record, &a->kept, &who));
    return approval_check_second(txn, a->by, agency, &who);
}

struct closing {
    struct wallet_approval *approval;
    enum wallet_import_state to;
    int64_t now;
};

static lw_err write_close(struct wallet_txn *txn, void *ctx)
{
    const struct closing *c = ctx;
    const bool rejects = c->to == WALLET_IMPORT_REJECTED;
    const struct flow_statement_entry entry = {
        .now = c->now,
        .kind = rejects ? WALLET_AUDIT_IMPORT_REJECTED : WALLET_AUDIT_IMPORT_EXPIRED,
        .actor = rejects ? lw_str_c(c->approval->decided.by) : (lw_str){NULL, 0},
        .subject = LW_BYTES(c->approval->id),
        .signed_ = {&c->approval->asked, rejects ? &c->approval->decided : NULL}};
    LW_TRY(wallet_store_import_decide(txn, c->approval->id, c->to, c->now));
    LW_TRY(wallet_store_approval_put(txn, c->approval));
    LW_TRY(wallet_store_approval_clear(txn, c->approval->id));
    return flow_statement_audit(txn, &entry);
}

static lw_err close_if_expired(struct wallet_home *home, struct import_approval *a)
{
    struct closing c = {
        .approval = &a->kept, .to = WALLET_IMPORT_EXPIRED, .now = lw_now(home->env->clock)};
    if (a->goes_on || c.now < a->kept.expires) {
        return LW_SUCCESS;
    }
    LW_TRY(wallet_store_write(home->store, write_close, &c));
    return LW_FAIL(LW_E_EXPIRED,
                   "approve: nobody approved the batch in time: it must be asked for again",
                   LW_NOWHERE);
}

static lw_err read_all(struct wallet_home *home, uint64_t number, struct import_approval *a)
{
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(home->store, &txn));
    return read_batch(txn, number, a);
}

static lw_err look_and_open(struct wallet_home *home, const struct import_approval *a, lw_buf *csv,
                            lw_buf *map)
{
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(home->store, &txn));
    LW_TRY(check_people(home, txn, a));
    return wallet_store_approval_open(txn, &a->kept, csv, map);
}

static lw_err approve(struct wallet_home *home, const struct wallet_approve_order *by,
                      struct import_approval *a, const struct wallet_import_watch *watch,
                      struct wallet_import_result *result)
{
    LW_AUTO_BUF csv = LW_BUF(TEXT_MAX);
    LW_AUTO_BUF map = LW_BUF(TEXT_MAX);
    char actor[WALLET_IMPORT_ACTOR_MAX + 1];
    LW_TRY(read_all(home, by->number, a));
    LW_TRY(close_if_expired(home, a));
    LW_TRY(look_and_open(home, a, &csv, &map));
    approval_actor(&a->kept, a->goes_on ? lw_str_c(a->kept.decided.by) : by->by->name, actor);
    const struct wallet_import_order order = {
        .csv = lw_buf_view(&csv),
        .form = {.encoding = (enum wallet_csv_encoding)a->kept.encoding,
                 .delimiter = (enum wallet_csv_delimiter)a->kept.delimiter},
        .map = lw_buf_view(&map),
        .photos = by->photos,
        .type = lw_str_c(a->record.type),
        .issuer = lw_str_c(a->record.issuer),
        .register_name = lw_str_c(a->record.register_name),
        .part = a->record.part,
        .gone = a->kept.revoke ? WALLET_GONE_REVOKE : WALLET_GONE_KEEP,
        .gone_max = SIZE_MAX, /* how many is part of what was signed */
        .keep_states = a->kept.keep_states,
        .shift_days = a->kept.shift_auto ? 0 : a->record.shift_days,
        .shift_auto = a->kept.shift_auto,
        .batch_rows = by->batch_rows,
        .actor = lw_str_c(actor)};
    return import_execute(home, &order, watch, a, result);
}

lw_err wallet_flow_approve(struct wallet_home *home, const struct wallet_approve_order *order,
                           const struct wallet_import_watch *watch,
                           struct wallet_import_result *result)
{
    struct import_approval *a = calloc(1, sizeof(*a)); /* large: two statements */
    if (a == NULL) {
        return LW_FAIL(LW_E_NOMEM, "approve: out of memory", LW_NOWHERE);
    }
    a->by = order->by;
    *result = (struct wallet_import_result){.rows = 0};
    const lw_err err = approve(home, order, a, watch, result);
    free(a);
    return err;
}

static lw_err check_may_reject(struct wallet_home *home, const struct import_approval *a)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_operator who;
    LW_TRY(wallet_read_begin(home->store, &txn));
    return flow_operator_acts(txn, a->by->name, &a->by->signer->key, lw_str_c(a->record.issuer),
                              &who);
}

static lw_err reject(struct wallet_home *home, uint64_t number, struct import_approval *a,
                     lw_str reason)
{
    LW_AUTO_BUF text = LW_BUF(WALLET_APPROVAL_STATEMENT_MAX);
    struct closing c = {
        .approval = &a->kept, .to = WALLET_IMPORT_REJECTED, .now = lw_now(home->env->clock)};
    LW_TRY(read_all(home, number, a));
    LW_TRY(check_may_reject(home, a));
    const struct approval_decision decision = {
        .approval = &a->kept, .by = a->by->name, .at = c.now, .reason = reason};
    LW_TRY(approval_decide_text(home, &decision, &text));
    LW_TRY(flow_statement_sign(a->by, c.now, lw_buf_view(&text), &a->kept.decided));
    return wallet_store_write(home->store, write_close, &c);
}

lw_err wallet_flow_reject(struct wallet_home *home, uint64_t number,
                          const struct wallet_operator_by *by, lw_str reason)
{
    LW_TRY(flow_check_reason(reason));
    struct import_approval *a = calloc(1, sizeof(*a));
    if (a == NULL) {
        return LW_FAIL(LW_E_NOMEM, "reject: out of memory", LW_NOWHERE);
    }
    a->by = by;
    const lw_err err = reject(home, number, a, reason);
    free(a);
    return err;
}

/* The numbers of those that wait too long; at most `room`. */
static lw_err find_expired(struct wallet_home *home, uint64_t *numbers, size_t room, size_t *count)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_page page = {.len = 0};
    const int64_t now = lw_now(home->env->clock);
    *count = 0;
    LW_TRY(wallet_read_begin(home->store, &txn));
    while (!page.end && *count < room) {
        struct wallet_import_record records[RECORDS];
        size_t some = RECORDS;
        LW_TRY(wallet_store_import_page(txn, &page, records, &some));
        for (size_t i = 0; i < some && *count < room; i++) {
            struct wallet_approval approval;
            if (records[i].state != WALLET_IMPORT_WAITING) {
                continue;
            }
            LW_TRY(wallet_store_approval_get(txn, records[i].id, &approval));
            if (now >= approval.expires) {
                numbers[(*count)++] = records[i].number;
            }
        }
    }
    return LW_SUCCESS;
}

lw_err wallet_flow_approval_expire(struct wallet_home *home, size_t *closed_count)
{
    uint64_t numbers[RECORDS];
    size_t count = 0;
    LW_TRY(find_expired(home, numbers, RECORDS, &count));
    for (size_t i = 0; i < count; i++) {
        struct import_approval *a = calloc(1, sizeof(*a));
        if (a == NULL) {
            return LW_FAIL(LW_E_NOMEM, "approve: out of memory", LW_NOWHERE);
        }
        lw_err err = read_all(home, numbers[i], a);
        err = err.code == LW_OK ? close_if_expired(home, a) : err;
        free(a);
        if (err.code != LW_OK && err.code != LW_E_EXPIRED) {
            return err;
        }
    }
    if (closed_count != NULL) {
        *closed_count = count;
    }
    return LW_SUCCESS;
}
