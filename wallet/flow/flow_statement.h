/* What operators sign: CBOR statements, their signatures, and the log's entries that keep them. */
#ifndef WALLET_FLOW_STATEMENT_H
#define WALLET_FLOW_STATEMENT_H

#include "flow_common.h"
#include "wallet/flow_operator.h"
#include "wallet/store_approval.h"

/**
 * Find an operator who acts: known, not removed, with this key, entitled for `agency`.
 *
 * key     NULL: not looked at
 * agency  empty: any
 * errors  LW_E_DENIED
 */
LW_MUST_USE lw_err flow_operator_acts(const struct wallet_txn *txn, lw_str name,
                                      const struct hsm_public_key *key, lw_str agency,
                                      struct wallet_operator *who);

/**
 * Sign a statement.
 *
 * text    CBOR, at most WALLET_APPROVAL_STATEMENT_MAX bytes
 * errors  as hsm_sign(); LW_E_LIMIT
 */
LW_MUST_USE lw_err flow_statement_sign(const struct wallet_operator_by *by, int64_t now,
                                       lw_bytes text, struct wallet_signed_statement *out);

/**
 * Check that a statement is this text, signed by this operator.
 *
 * errors  LW_E_SIGNATURE  another text, or not signed by that key; LW_E_CRYPTO
 */
LW_MUST_USE lw_err flow_statement_check(const struct wallet_signed_statement *statement,
                                        lw_bytes text, const struct wallet_operator *who);

/* An entry of the log about what one or two operators signed. */
struct flow_statement_entry {
    int64_t now;
    enum wallet_audit_kind kind;
    lw_str actor;
    lw_bytes subject;
    const struct wallet_signed_statement *signed_[2]; /* NULL: none */
};

/** Append it; the detail is [[by, statement, signature], ...]. */
LW_MUST_USE lw_err flow_statement_audit(struct wallet_txn *txn,
                                        const struct flow_statement_entry *entry);

#endif
