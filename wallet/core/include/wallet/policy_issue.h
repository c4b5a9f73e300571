/* May this license be issued, and may a credential be made of it? Pure: rules, facts, now. */
#ifndef WALLET_POLICY_ISSUE_H
#define WALLET_POLICY_ISSUE_H

#include "wallet/license.h"

/* Why an order was refused: which field, and a static reason. */
struct wallet_issue_fault {
    char field[64]; /* "claims.category", "holders[0].code" */
    const char *why;
};

/**
 * Check a license that is about to be issued against its type and its issuer.
 *
 * agency   the issuer
 * license  as it will be recorded; ids, salts and text of holders' names are not looked at
 * now      Unix seconds
 * faults   the first `*fault_count` faults are put here, all are counted
 * fault_count  in: room in `faults`; out: how many faults were put
 * errors   LW_E_DENIED  the agency may not issue this type; LW_E_VALUE  anything else
 * does not check  that the number is new
 */
LW_MUST_USE lw_err wallet_policy_issue(const struct wallet_license_type *type,
                                       const struct wallet_agency *agency,
                                       const struct wallet_license *license, int64_t now,
                                       struct wallet_issue_fault *faults, size_t *fault_count);

/* The times of a credential to be made. */
struct wallet_credential_times {
    int64_t iat; /* rounded down to the day, a pass's to the hour (SHAPES) */
    int64_t exp;
};

/**
 * Say whether a credential of `license` may be made now, and how long it lives: to the license's
 * end, at most the type's credential_days; a pass at most its hours.
 *
 * state   the license's
 * format  one of enum wallet_format_bit
 * pass    one of type->passes, or NULL for a credential of the whole license
 * errors  LW_E_DENIED       the license is suspended, revoked, cancelled or superseded: `why`
 *         LW_E_EXPIRED      it has ended, or has not begun
 *         LW_E_UNSUPPORTED  the type is not made in this format, or has no such pass
 */
LW_MUST_USE lw_err wallet_policy_credential(const struct wallet_license_type *type,
                                            const struct wallet_license *license,
                                            enum wallet_state state, enum wallet_format_bit format,
                                            const struct wallet_pass_def *pass, int64_t now,
                                            struct wallet_credential_times *times);

#endif
