/*
 * Operators: the people who bring and approve what needs two of them, by name and public key. A
 * name or a key that was ever an operator's is never another's, so that what the log says stays
 * clear; hence a record is never deleted.
 */
#ifndef WALLET_STORE_OPERATOR_H
#define WALLET_STORE_OPERATOR_H

#include "hsm/verify.h"
#include "wallet/store.h"
#include "wallet/store_page.h"

enum {
    WALLET_OPERATOR_NAME_MAX = 32, /* characters a-z 0-9 . _ - */
    WALLET_OPERATOR_AGENCIES_MAX = 32,
    WALLET_OPERATOR_POINT_LEN = 65,
    WALLET_OPERATORS_MAX = 1000, /* that ever were */
};

enum wallet_operator_state {
    WALLET_OPERATOR_PROPOSED = 1, /* by one operator; a second one is needed */
    WALLET_OPERATOR_ACTIVE,
    WALLET_OPERATOR_LEAVING, /* as active; one operator asked for the removal */
    WALLET_OPERATOR_REMOVED,
};

/** Return "proposed", "active", "leaving" or "removed"; static. */
const char *wallet_operator_state_name(enum wallet_operator_state state);

/* An operator. A value; texts are NUL-terminated. */
struct wallet_operator {
    char name[WALLET_OPERATOR_NAME_MAX + 1];
    enum wallet_operator_state state;
    struct hsm_public_key key; /* of P-256 */
    char agencies[WALLET_OPERATOR_AGENCIES_MAX][64 + 1];
    size_t agency_count;                         /* 0: every agency */
    char asked_by[WALLET_OPERATOR_NAME_MAX + 1]; /* the last change; "": whoever held the home */
    int64_t changed;                             /* Unix seconds */
};

/** Say whether `name` is one that an operator may have. */
bool wallet_operator_name_ok(lw_str name);

/** Say whether the operator may act now: active, or leaving. */
static inline bool wallet_operator_acts(const struct wallet_operator *who)
{
    return who->state == WALLET_OPERATOR_ACTIVE || who->state == WALLET_OPERATOR_LEAVING;
}

/** Say whether the operator may act for `agency`. */
bool wallet_operator_may(const struct wallet_operator *who, lw_str agency);

/**
 * Keep an operator, new or changed.
 *
 * errors  LW_E_VALUE  a name, key or agency that is none; LW_E_CONFLICT  the key is another
 *         operator's, or was; LW_E_LIMIT  too many
 */
LW_MUST_USE lw_err wallet_store_operator_put(struct wallet_txn *txn,
                                             const struct wallet_operator *who);

/** Find an operator, whatever its state. errors  LW_E_NOT_FOUND */
LW_MUST_USE lw_err wallet_store_operator_get(const struct wallet_txn *txn, lw_str name,
                                             struct wallet_operator *who);

/** List operators by name. */
LW_MUST_USE lw_err wallet_store_operator_page(const struct wallet_txn *txn,
                                              struct wallet_page *page,
                                              struct wallet_operator *operators, size_t *count);

/** Count those that may act. */
LW_MUST_USE lw_err wallet_store_operator_count(const struct wallet_txn *txn, size_t *acting);

#endif
