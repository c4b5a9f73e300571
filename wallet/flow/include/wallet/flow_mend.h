/* Mistakes mended, as far as that goes: a final state never goes back, a new license takes over. */
#ifndef WALLET_FLOW_MEND_H
#define WALLET_FLOW_MEND_H

#include "wallet/flow_issue.h"

/**
 * Issue a license that was revoked or cancelled by mistake anew: the next version of its number,
 * with the same holders, claims and validity, active. Old and new are linked, and the log says so.
 *
 * reason  text for people, 1 to 256 characters, kept sealed with the new license
 * errors  LW_E_CONFLICT  it is in force, superseded, or mended before; LW_E_NOT_FOUND  none, or its
 *         holders were erased; LW_E_VALUE  no reason, or what it says does not hold for its type
 * any more; LW_E_BUSY  an import is running; LW_E_DENIED, LW_E_TOKEN, LW_E_NOSPACE
 */
LW_MUST_USE lw_err wallet_flow_reissue(struct wallet_home *home, struct wallet_license_ref ref,
                                       lw_str reason, lw_str actor, struct wallet_issued *issued);

/* Why a batch cannot be voided, license by license. */
enum wallet_void_hindrance {
    WALLET_VOID_PRESENTED = 1, /* a credential or pass was made of it */
    WALLET_VOID_CHANGED_SINCE, /* a later batch, or an officer, issued its next version */
};

struct wallet_void_watch {
    /* A license that hinders it; `by` is the number of the later batch, 0: none. */
    void (*hindered)(void *ctx, lw_str number, enum wallet_void_hindrance why, uint64_t by);
    void *ctx;
};

struct wallet_void_result {
    uint64_t hindered;   /* licenses that hinder it: nothing was done */
    uint64_t revoked;    /* licenses of the batch, by this run */
    uint64_t restored;   /* what they had taken the place of, issued again as the next version */
    uint64_t unrestored; /* not issued again, as the holders were erased */
    uint64_t stays;      /* states that the batch set; they stay as they are */
};

/**
 * Void a batch of an import: its licenses in force are revoked with the reason, and what they had
 * taken the place of is issued again, as it was, as the next version, linked to what was voided.
 * The same call goes on after a crash or an error.
 *
 * number  of the batch
 * watch   may be NULL
 * errors  LW_E_CONFLICT  voided already, or result->hindered; LW_E_NOT_FOUND; LW_E_VALUE  no
 * reason; LW_E_BUSY  an import is running; LW_E_TOKEN, LW_E_NOSPACE  the same call goes on later
 */
LW_MUST_USE lw_err wallet_flow_void_import(struct wallet_home *home, uint64_t number, lw_str reason,
                                           lw_str actor, const struct wallet_void_watch *watch,
                                           struct wallet_void_result *result);

#endif
