/* Imports that wait for a second operator: approved and carried out, or rejected. */
#ifndef WALLET_FLOW_APPROVE_H
#define WALLET_FLOW_APPROVE_H

#include "wallet/flow_import.h"

struct wallet_approve_order {
    uint64_t number; /* of the batch */
    const struct wallet_operator_by *by;
    const struct wallet_import_photos *photos; /* as the import was given them, or NULL */
    uint32_t batch_rows;                       /* as for an import; 0: 1,024 */
};

/**
 * Compare the register that waits with the store once more, show the watch what would be done, and
 * when it says so (watch->approve) sign that and carry the import out. A batch that was approved
 * and did not end goes on, with nothing asked; no license is issued twice.
 *
 * errors  as wallet_flow_import(), and:
 *         LW_E_NOT_FOUND  no such batch; LW_E_EXPIRED  nobody approved it in time: it is closed now
 *         LW_E_CONFLICT   it needs no approval, or is approved and done, rejected or expired; or
 *         the type or the store changed since it was asked for, so that the differences are not
 *         those which were signed: it must be asked for again
 *         LW_E_DENIED     `by` is no operator, has not that operator's key, may not act for the
 *         agency, or is who asked for it; or who asked is no operator any more; or the watch said
 *         no: it waits on
 *         LW_E_SIGNATURE  what was signed is not about this batch
 */
LW_MUST_USE lw_err wallet_flow_approve(struct wallet_home *home,
                                       const struct wallet_approve_order *order,
                                       const struct wallet_import_watch *watch,
                                       struct wallet_import_result *result);

/**
 * Reject a batch that waits: its file is removed, its record stays. Who asked for it may do so,
 * too.
 *
 * reason  for people; 1 to 256 characters, no personal data
 * errors  as wallet_flow_approve(); LW_E_VALUE  the reason
 */
LW_MUST_USE lw_err wallet_flow_reject(struct wallet_home *home, uint64_t number,
                                      const struct wallet_operator_by *by, lw_str reason);

/**
 * Close what waited longer than it may: files are removed, records stay.
 *
 * closed  set to how many there were; may be NULL
 */
LW_MUST_USE lw_err wallet_flow_approval_expire(struct wallet_home *home, size_t *closed);

#endif
