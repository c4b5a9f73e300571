/* What is signed about an import that needs two people. Private to wallet/flow. */
#ifndef WALLET_FLOW_APPROVAL_H
#define WALLET_FLOW_APPROVAL_H

#include "flow_statement.h"

/** Append the statement of who asks: all that decides what will be done. */
LW_MUST_USE lw_err approval_ask_text(const struct wallet_home *home,
                                     const struct wallet_import_record *record,
                                     const struct wallet_approval *approval, lw_str by, int64_t at,
                                     lw_buf *out);

/* A decision: approved, or rejected for a reason. */
struct approval_decision {
    const struct wallet_approval *approval;
    lw_str by;
    int64_t at;
    bool approves;
    lw_str reason; /* empty when it approves */
};

/** Append the statement of who decides, about the statement of who asked. */
LW_MUST_USE lw_err approval_decide_text(const struct wallet_home *home,
                                        const struct approval_decision *decision, lw_buf *out);

/** Write "ANNA, approved by BERTA" as the log names who is behind a license. */
void approval_actor(const struct wallet_approval *approval, lw_str approver,
                    char actor[WALLET_IMPORT_ACTOR_MAX + 1]);

/**
 * Check in a transaction that who asked may act still, and that the signature is theirs and about
 * this import.
 *
 * asked   set to who asked
 * errors  LW_E_DENIED, LW_E_SIGNATURE
 */
LW_MUST_USE lw_err approval_check_asked(const struct wallet_home *home,
                                        const struct wallet_txn *txn,
                                        const struct wallet_import_record *record,
                                        const struct wallet_approval *approval,
                                        struct wallet_operator *asked);

/** Check that `by` may decide: an operator for the agency, and a second person. */
LW_MUST_USE lw_err approval_check_second(const struct wallet_txn *txn,
                                         const struct wallet_operator_by *by, lw_str agency,
                                         const struct wallet_operator *asked);

#endif
