/* Show a license: the holder signs, the wallet's credential is disclosed in part. */
#ifndef WALLET_FLOW_PRESENT_H
#define WALLET_FLOW_PRESENT_H

#include "wallet/flow_issue.h"

struct wallet_present_order {
    struct wallet_license_ref ref;
    lw_str format;          /* "lq1" or "dc+sd-jwt" */
    lw_str pass_id;         /* not empty: show a pass instead (lq1 only) */
    const lw_str *disclose; /* dotted claim paths; "number" shows the license number */
    size_t disclose_count;
    const struct hsm_signer *holder;
    lw_str aud;       /* dc+sd-jwt */
    lw_str nonce;     /* dc+sd-jwt */
    lw_str challenge; /* an LC1: text to answer, or empty */
    int64_t at;       /* INT64_MIN: now; else the time to sign as of */
    bool any_state;   /* show a credential made earlier though the license is not active */
};

/**
 * Append the text to show: "LQ1:..." or the SD-JWT+KB.
 *
 * errors  as wallet_flow_credential(); LW_E_VALUE  an unknown claim, `*unknown` points at it;
 *         LW_E_EXPIRED  the challenge is over; LW_E_SYNTAX  it is none
 */
LW_MUST_USE lw_err wallet_flow_present(struct wallet_home *home,
                                       const struct wallet_present_order *order, lw_buf *text,
                                       lw_str *unknown);

#endif
