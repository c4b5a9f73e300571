/* The audit log from outside: checked, its head signed, one license's entries proven. */
#ifndef WALLET_FLOW_AUDIT_H
#define WALLET_FLOW_AUDIT_H

#include "wallet/flow_issue.h"

struct wallet_audit_result {
    uint64_t size; /* leaves */
    uint8_t root[32];
    bool whole;
    uint64_t first_bad; /* index, when not whole */
    const char *why;    /* static, when not whole */
    bool head_signed;   /* the newest signed head holds and is a prefix of the log */
    uint64_t head_size;
};

/** Recompute the log from its first leaf and check the signed heads against it. */
LW_MUST_USE lw_err wallet_flow_audit_check(struct wallet_home *home,
                                           struct wallet_audit_result *result);

/**
 * Sign the present tree head when there is news, and append it (COSE_Sign1) to `head`.
 *
 * errors  LW_E_CORRUPT  the log does not have the root that was signed last: from then on this home
 *         signs no license; as wallet_home_signer(), wallet_store_write()
 */
LW_MUST_USE lw_err wallet_flow_audit_head(struct wallet_home *home, lw_buf *head, uint64_t *size,
                                          uint8_t root[32]);

/**
 * Append JSON: every log entry of a license with its inclusion proof under the signed head, each
 * checked before it is given out.
 */
LW_MUST_USE lw_err wallet_flow_audit_prove(struct wallet_home *home, struct wallet_license_ref ref,
                                           lw_buf *json);

#endif
