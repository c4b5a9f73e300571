/* Changes of state that an import makes: what the register says, and what it lists no more. */
#include <stdio.h>

#include "flow_import_internal.h"

enum { CHUNK = 256, REASON_TEXT = 96 };

/* Some changes, made in one transaction. */
struct changes {
    struct import_run *run;
    size_t at; /* where to go on */
    size_t end;
    size_t done;
};

/* What was changed meanwhile by officers stays as they have it. */
static lw_err set_one(struct wallet_txn *txn, struct import_run *run,
                      const uint8_t id[WALLET_UUID_LEN], enum wallet_state to, const char *why)
{
    char reason[REASON_TEXT];
    WALLET_AUTO_LICENSE stored = {.state = 0};
    LW_TRY(wallet_store_license_load(txn, id, WALLET_LOAD_PUBLIC, &stored));
    if (!wallet_state_may_follow(stored.state, to)) {
        return LW_SUCCESS;
    }
    (void)snprintf(reason, sizeof(reason), "%s (import %llu)", why,
                   (unsigned long long)run->record.number);
    const struct wallet_state_change change = {.to = to,
                                               .since = run->now,
                                               .reason_code = WALLET_REASON_REGISTER,
                                               .reason = lw_str_c(reason)};
    return flow_set_state(txn, id, &change, run->order->actor, NULL);
}

static lw_err write_states(struct wallet_txn *txn, void *ctx)
{
    struct changes *c = ctx;
    size_t done = 0;
    for (c->end = c->at; c->end < c->run->count && done < CHUNK; c->end++) {
        const struct import_row *row = &c->run->rows[c->end];
        if (row->state_to != 0) {
            LW_TRY(set_one(txn, c->run, row->id, (enum wallet_state)row->state_to,
                           "the register says so"));
            done++;
        }
    }
    c->done = done;
    return LW_SUCCESS;
}

lw_err import_set_states(struct import_run *run)
{
    struct changes c = {.run = run};
    if (run->result->states == 0) {
        return LW_SUCCESS;
    }
    run->superseded = true; /* the lists are to be signed */
    for (; c.at < run->count; c.at = c.end) {
        LW_TRY(wallet_store_write(run->home->store, write_states, &c));
    }
    return LW_SUCCESS;
}

static lw_err write_gone(struct wallet_txn *txn, void *ctx)
{
    struct changes *c = ctx;
    const size_t left = c->run->gone_count - c->at;
    c->end = c->at + (left < CHUNK ? left : CHUNK);
    for (size_t i = c->at; i < c->end; i++) {
        LW_TRY(
            set_one(txn, c->run, c->run->gone[i].id, WALLET_REVOKED, "no longer in the register"));
    }
    return LW_SUCCESS;
}

lw_err import_revoke_gone(struct import_run *run)
{
    struct changes c = {.run = run};
    if (!run->revoke) {
        return LW_SUCCESS;
    }
    run->superseded = true;
    for (; c.at < run->gone_count; c.at = c.end) {
        LW_TRY(wallet_store_write(run->home->store, write_gone, &c));
    }
    return LW_SUCCESS;
}
