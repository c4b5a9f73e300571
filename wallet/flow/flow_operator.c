/* Operators added and removed: by whoever holds the home, by one of them, then by two. */
#include "wallet/flow_operator.h"

#include <stdio.h>

#include "flow_statement.h"
#include "wallet/cbor.h"

enum { ADD_FIELDS = 7, REMOVE_FIELDS = 5 };

/* A change in the making: read and decided in the transaction that writes it. */
struct change {
    struct wallet_home *home;
    const struct wallet_operator_by *by; /* NULL: whoever holds the home */
    struct wallet_operator wanted;
    int64_t now;
    struct wallet_signed_statement statement;
    enum wallet_operator_state state;
};

static lw_err denied(const char *why)
{
    return LW_FAIL(LW_E_DENIED, why, LW_NOWHERE);
}

static lw_err conflict(const char *why)
{
    return LW_FAIL(LW_E_CONFLICT, why, LW_NOWHERE);
}

static lw_err write_add_text(const struct change *c, lw_buf *out)
{
    const struct wallet_operator *o = &c->wanted;
    LW_TRY(wallet_cbor_put_array(out, ADD_FIELDS));
    LW_TRY(wallet_cbor_put_text(out, LW_STR("license-wallet operator add 1")));
    LW_TRY(wallet_cbor_put_bytes(out,
                                 (lw_bytes){wallet_store_id(c->home->store), WALLET_STORE_ID_LEN}));
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(o->name)));
    LW_TRY(wallet_cbor_put_bytes(out, (lw_bytes){o->key.point, o->key.point_len}));
    LW_TRY(wallet_cbor_put_array(out, o->agency_count));
    for (size_t i = 0; i < o->agency_count; i++) {
        LW_TRY(wallet_cbor_put_text(out, lw_str_c(o->agencies[i])));
    }
    LW_TRY(wallet_cbor_put_text(out, c->by->name));
    return wallet_cbor_put_int(out, c->now);
}

static lw_err write_remove_text(const struct change *c, lw_buf *out)
{
    LW_TRY(wallet_cbor_put_array(out, REMOVE_FIELDS));
    LW_TRY(wallet_cbor_put_text(out, LW_STR("license-wallet operator remove 1")));
    LW_TRY(wallet_cbor_put_bytes(out,
                                 (lw_bytes){wallet_store_id(c->home->store), WALLET_STORE_ID_LEN}));
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(c->wanted.name)));
    LW_TRY(wallet_cbor_put_text(out, c->by->name));
    return wallet_cbor_put_int(out, c->now);
}

static bool same_order(const struct wallet_operator *a, const struct wallet_operator *b)
{
    bool same = hsm_public_key_eq(&a->key, &b->key) && a->agency_count == b->agency_count;
    for (size_t i = 0; same && i < a->agency_count; i++) {
        same = strcmp(a->agencies[i], b->agencies[i]) == 0;
    }
    return same;
}

/* Who may act for some agencies only gives and takes no more than that. */
static lw_err check_by(const struct wallet_txn *txn, const struct change *c,
                       const struct wallet_operator *about)
{
    struct wallet_operator by;
    LW_TRY(flow_operator_acts(txn, c->by->name, &c->by->signer->key, (lw_str){NULL, 0}, &by));
    bool covers = by.agency_count == 0 || about->agency_count > 0;
    for (size_t i = 0; i < about->agency_count; i++) {
        covers = covers && wallet_operator_may(&by, lw_str_c(about->agencies[i]));
    }
    return covers ? LW_SUCCESS
                  : denied("operator: may not act for every agency that the other may");
}

/* Says whether the one who asked is another, who acts still. */
static lw_err check_asked(const struct wallet_txn *txn, const struct change *c,
                          const struct wallet_operator *kept)
{
    struct wallet_operator asked;
    if (lw_str_is(c->by->name, kept->asked_by)) {
        return conflict("operator: you asked for this already; another operator must confirm it");
    }
    const lw_err err =
        flow_operator_acts(txn, lw_str_c(kept->asked_by), NULL, (lw_str){NULL, 0}, &asked);
    return err.code == LW_E_DENIED
               ? denied("operator: who asked for this is no operator any more: ask for it again")
               : err;
}

static lw_err put(struct wallet_txn *txn, struct change *c, struct wallet_operator *o,
                  enum wallet_audit_kind kind)
{
    const struct flow_statement_entry entry = {.now = c->now,
                                               .kind = kind,
                                               .actor =
                                                   c->by == NULL ? LW_STR("operator") : c->by->name,
                                               .subject = lw_str_bytes(lw_str_c(o->name)),
                                               .signed_ = {c->by == NULL ? NULL : &c->statement}};
    o->state = c->state;
    o->changed = c->now;
    (void)snprintf(o->asked_by, sizeof(o->asked_by), "%.*s",
                   c->by == NULL ? 0 : (int)c->by->name.len, c->by == NULL ? "" : c->by->name.ptr);
    LW_TRY(wallet_store_operator_put(txn, o));
    return flow_statement_audit(txn, &entry);
}

/* How many act decides whose signatures it takes. */
static lw_err choose_add(const struct wallet_txn *txn, struct change *c)
{
    struct wallet_operator kept;
    size_t acting = 0;
    LW_TRY(wallet_store_operator_count(txn, &acting));
    const lw_err found = wallet_store_operator_get(txn, lw_str_c(c->wanted.name), &kept);
    if (found.code != LW_OK && found.code != LW_E_NOT_FOUND) {
        return found;
    }
    if (found.code == LW_OK && kept.state != WALLET_OPERATOR_PROPOSED) {
        return conflict("operator: the name is an operator's, or was");
    }
    c->state = WALLET_OPERATOR_ACTIVE;
    if (acting == 0) {
        return c->by == NULL ? LW_SUCCESS
                             : denied("operator: there are no operators yet to sign this");
    }
    if (c->by == NULL) {
        return denied("operator: an operator must sign this: give --operator and --operator-key");
    }
    LW_TRY(check_by(txn, c, &c->wanted));
    if (acting == 1) {
        return LW_SUCCESS;
    }
    if (found.code == LW_OK && same_order(&kept, &c->wanted)) {
        return check_asked(txn, c, &kept);
    }
    c->state = WALLET_OPERATOR_PROPOSED;
    return LW_SUCCESS;
}

static lw_err write_add(struct wallet_txn *txn, void *ctx)
{
    struct change *c = ctx;
    struct wallet_operator o = c->wanted;
    LW_TRY(choose_add(txn, c));
    return put(txn, c, &o,
               c->state == WALLET_OPERATOR_ACTIVE ? WALLET_AUDIT_OPERATOR_ADDED
                                                  : WALLET_AUDIT_OPERATOR_PROPOSED);
}

static lw_err fill_agencies(struct wallet_home *home, const struct wallet_operator_order *order,
                            struct wallet_operator *o)
{
    FLOW_AUTO_SNAPSHOT snapshot = NULL;
    LW_TRY(wallet_home_snapshot(home, &snapshot));
    if (order->agency_count > WALLET_OPERATOR_AGENCIES_MAX) {
        return LW_FAIL(LW_E_LIMIT, "operator: more than 32 agencies", LW_NOWHERE);
    }
    for (size_t i = 0; i < order->agency_count; i++) {
        const lw_str id = order->agencies[i];
        if (wallet_snapshot_agency(snapshot, id) == NULL || id.len >= sizeof(o->agencies[0])) {
            return LW_FAIL(LW_E_NOT_FOUND, "operator: there is no such agency", LW_NOWHERE);
        }
        memcpy(o->agencies[i], id.ptr, id.len);
    }
    o->agency_count = order->agency_count;
    return LW_SUCCESS;
}

static lw_err fill_name(lw_str name, struct wallet_operator *o)
{
    if (!wallet_operator_name_ok(name)) {
        return LW_FAIL(LW_E_VALUE,
                       "operator: a name is 1 to 32 of a to z, 0 to 9, full stop, _ and -",
                       LW_NOWHERE);
    }
    memcpy(o->name, name.ptr, name.len);
    return LW_SUCCESS;
}

lw_err wallet_flow_operator_add(struct wallet_home *home, const struct wallet_operator_order *order,
                                const struct wallet_operator_by *by,
                                enum wallet_operator_state *state)
{
    struct change c = {.home = home, .by = by, .now = lw_now(home->env->clock)};
    LW_AUTO_BUF text = LW_BUF(WALLET_APPROVAL_STATEMENT_MAX);
    c.wanted.key = order->key;
    LW_TRY(fill_name(order->name, &c.wanted));
    LW_TRY(fill_agencies(home, order, &c.wanted));
    if (by != NULL) {
        LW_TRY(write_add_text(&c, &text));
        LW_TRY(flow_statement_sign(by, c.now, lw_buf_view(&text), &c.statement));
    }
    LW_TRY(wallet_store_write(home->store, write_add, &c));
    *state = c.state;
    return LW_SUCCESS;
}

static lw_err choose_remove(const struct wallet_txn *txn, struct change *c,
                            const struct wallet_operator *kept)
{
    size_t acting = 0;
    LW_TRY(wallet_store_operator_count(txn, &acting));
    LW_TRY(check_by(txn, c, kept));
    switch (kept->state) {
    case WALLET_OPERATOR_REMOVED:
        return conflict("operator: is removed already");
    case WALLET_OPERATOR_PROPOSED:
        c->state = WALLET_OPERATOR_REMOVED;
        return LW_SUCCESS;
    case WALLET_OPERATOR_ACTIVE:
        c->state = WALLET_OPERATOR_LEAVING;
        return acting > 1 ? LW_SUCCESS : conflict("operator: the last one is not removed");
    case WALLET_OPERATOR_LEAVING:
        break;
    }
    c->state = WALLET_OPERATOR_REMOVED;
    return check_asked(txn, c, kept);
}

static lw_err write_remove(struct wallet_txn *txn, void *ctx)
{
    struct change *c = ctx;
    struct wallet_operator kept;
    LW_TRY(wallet_store_operator_get(txn, lw_str_c(c->wanted.name), &kept));
    LW_TRY(choose_remove(txn, c, &kept));
    return put(txn, c, &kept,
               c->state == WALLET_OPERATOR_REMOVED ? WALLET_AUDIT_OPERATOR_REMOVED
                                                   : WALLET_AUDIT_OPERATOR_REMOVING);
}

lw_err wallet_flow_operator_remove(struct wallet_home *home, lw_str name,
                                   const struct wallet_operator_by *by,
                                   enum wallet_operator_state *state)
{
    struct change c = {.home = home, .by = by, .now = lw_now(home->env->clock)};
    LW_AUTO_BUF text = LW_BUF(WALLET_APPROVAL_STATEMENT_MAX);
    LW_TRY(fill_name(name, &c.wanted));
    LW_TRY(write_remove_text(&c, &text));
    LW_TRY(flow_statement_sign(by, c.now, lw_buf_view(&text), &c.statement));
    LW_TRY(wallet_store_write(home->store, write_remove, &c));
    *state = c.state;
    return LW_SUCCESS;
}
