/*
 * Operators: who may bring and approve what needs two people, each with a key of their own.
 *
 * The first operator is added by whoever holds the home, the second with the first one's signature.
 * From then on adding one, and removing one, takes the signatures of two: the first asks, the
 * second gives the same order. Signed statements are kept in the audit log.
 */
#ifndef WALLET_FLOW_OPERATOR_H
#define WALLET_FLOW_OPERATOR_H

#include "hsm/sign.h"
#include "wallet/home.h"
#include "wallet/store_operator.h"

/* An operator who acts. */
struct wallet_operator_by {
    lw_str name;
    const struct hsm_signer *signer; /* with the operator's own key, purpose HSM_PURPOSE_HOLDER */
};

struct wallet_operator_order {
    lw_str name;
    struct hsm_public_key key;
    const lw_str *agencies; /* ids; none: every agency */
    size_t agency_count;
};

/**
 * Add an operator, or ask for it, or confirm what another asked for.
 *
 * by      NULL for the first operator only
 * state   set to WALLET_OPERATOR_ACTIVE, or _PROPOSED: a second operator gives the same order
 * errors  LW_E_DENIED    `by` is no operator, has not that operator's key, or may not act for
 *         these agencies; or one is needed and none was given
 *         LW_E_CONFLICT  the name or the key is or was an operator's, or `by` asked for it already
 *         LW_E_VALUE     a name, key or agency that none can have; LW_E_NOT_FOUND  no such agency
 */
LW_MUST_USE lw_err wallet_flow_operator_add(struct wallet_home *home,
                                            const struct wallet_operator_order *order,
                                            const struct wallet_operator_by *by,
                                            enum wallet_operator_state *state);

/**
 * Remove an operator, or ask for it, or confirm what another asked for. What was only proposed is
 * withdrawn at once.
 *
 * state   set to WALLET_OPERATOR_REMOVED, or _LEAVING: a second operator gives the same order
 * errors  LW_E_DENIED, as above; LW_E_NOT_FOUND; LW_E_CONFLICT  removed already, the last one, or
 *         `by` asked for it already
 */
LW_MUST_USE lw_err wallet_flow_operator_remove(struct wallet_home *home, lw_str name,
                                               const struct wallet_operator_by *by,
                                               enum wallet_operator_state *state);

#endif
