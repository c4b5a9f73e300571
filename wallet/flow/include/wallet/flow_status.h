/* Suspend, resume, revoke, cancel; build, sign and publish status lists. */
#ifndef WALLET_FLOW_STATUS_H
#define WALLET_FLOW_STATUS_H

#include "wallet/flow_issue.h"

/**
 * Change a license's state: the license, all its credentials' status entries and the audit leaf
 * in one transaction; then the changed lists are signed and published.
 *
 * to      WALLET_ACTIVE (resume), WALLET_SUSPENDED, WALLET_REVOKED or WALLET_CANCELLED
 * reason  text for people, 1 to 256 characters, kept in the store
 * errors  LW_E_CONFLICT  the state does not allow it, `*from` says which state it is in;
 *         LW_E_NOT_FOUND; LW_E_VALUE  no reason
 */
LW_MUST_USE lw_err wallet_flow_change_state(struct wallet_home *home, struct wallet_license_ref ref,
                                            enum wallet_state to, lw_str reason, lw_str actor,
                                            enum wallet_state *from);

/* What is published by one call. */
struct wallet_publish_order {
    int64_t cadence_s; /* sign again what is unchanged when its tokens are so old, in seconds */
    size_t max;        /* lists at most; 0: all that are due */
};

/**
 * Sign every list that changed or whose tokens are as old as the cadence, changed ones first, and
 * retire those whose credentials have all ended a day ago. Costs what is due, not what exists. A
 * list that cannot be signed does not hold up the others, and does not count for the order's `max`:
 * the first such error is returned, and the log names its agency, of which no further list is tried
 * in this call.
 *
 * published  set to how many lists were signed
 * source     specs/status-list.md SI-4 to SI-6
 */
LW_MUST_USE lw_err wallet_flow_publish(struct wallet_home *home,
                                       const struct wallet_publish_order *order, size_t *published);

/** As wallet_flow_publish(), with half the ttl as cadence, and all that are due. */
LW_MUST_USE lw_err wallet_flow_publish_status(struct wallet_home *home, size_t *published);

/**
 * Append the published token of list `number` and say until when it holds; from the store.
 *
 * errors  LW_E_NOT_FOUND  no such list; LW_E_BUSY  not signed yet; LW_E_EXPIRED  it has retired
 */
LW_MUST_USE lw_err wallet_flow_status_token(struct wallet_home *home, uint64_t number, bool cwt,
                                            lw_buf *token, int64_t *iat, int64_t *exp);

/** Append the aggregation document, {"status_lists": [...]}, without lists that retired. */
LW_MUST_USE lw_err wallet_flow_status_aggregation(struct wallet_home *home, lw_buf *json);

/** Append the signed trust list, signing a new one when the last is past half its life. */
LW_MUST_USE lw_err wallet_flow_trust_list(struct wallet_home *home, lw_buf *cwt);

/**
 * Append the last trust list of a list key that was succeeded, which names its successor.
 *
 * pin     64 hex digits
 * errors  LW_E_NOT_FOUND  no such key, or it signs still, or it is compromised; LW_E_VALUE  no pin
 */
LW_MUST_USE lw_err wallet_flow_trust_list_after(struct wallet_home *home, lw_str pin, lw_buf *cwt);

#endif
