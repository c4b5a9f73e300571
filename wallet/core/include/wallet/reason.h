/*
 * Why a verification was refused or left open: codes that stay, and for people a text and a next
 * step in each language. Answers, logs and tests name the code.
 */
#ifndef WALLET_REASON_H
#define WALLET_REASON_H

#include "lw/text.h"

enum wallet_reason {
    WALLET_REASON_NONE = 0,
    /* what was shown is not well formed, or altered */
    WALLET_REASON_MALFORMED,
    WALLET_REASON_UNSUPPORTED,
    WALLET_REASON_SIGNATURE_INVALID,
    WALLET_REASON_HOLDER_SIGNATURE_INVALID,
    WALLET_REASON_DISCLOSURES_INVALID,
    WALLET_REASON_TIMES_INCONSISTENT,
    /* who issued it */
    WALLET_REASON_ISSUER_UNKNOWN,
    WALLET_REASON_ISSUER_NOT_ALLOWED,
    WALLET_REASON_ISSUER_REVOKED,
    WALLET_REASON_ISSUER_EXPIRED,
    /* when and for whom it was shown */
    WALLET_REASON_OUT_OF_DATE,
    WALLET_REASON_WRONG_AUDIENCE,
    WALLET_REASON_REPLAYED,
    WALLET_REASON_CHALLENGE_REQUIRED,
    WALLET_REASON_CLOCK_UNTRUSTED,
    WALLET_REASON_HOLDER_NOT_PROVEN,
    /* whether the license holds */
    WALLET_REASON_EXPIRED,
    WALLET_REASON_NOT_YET_VALID,
    WALLET_REASON_REVOKED,
    WALLET_REASON_SUSPENDED,
    WALLET_REASON_CANCELLED,
    WALLET_REASON_SUPERSEDED,
    WALLET_REASON_STATUS_NOT_VALID,
    WALLET_REASON_STATUS_NO_ENTRY,
    WALLET_REASON_STATUS_MISSING,
    WALLET_REASON_STATUS_UNKNOWN,
    WALLET_REASON_STATUS_STALE,
    /* what the verifier takes */
    WALLET_REASON_TYPE_NOT_ACCEPTED,
    WALLET_REASON_TYPE_UNKNOWN,
    WALLET_REASON_PASS_TOO_OLD,
    WALLET_REASON_NOT_DECIDED,
    WALLET_REASON_COUNT,
};

/** Return the stable code, such as "out_of_date", or NULL for WALLET_REASON_NONE; static. */
const char *wallet_reason_code(enum wallet_reason reason);

/** Return the sentence for people in the language of `tag`, or NULL for NONE; static. */
const char *wallet_reason_text(enum wallet_reason reason, lw_str tag);

/** Return what to do next in the language of `tag`, or NULL when there is nothing; static. */
const char *wallet_reason_next(enum wallet_reason reason, lw_str tag);

/** Return the table behind them: "reason.CODE" and "next.CODE"; static. */
const struct lw_catalogue *wallet_reason_catalogue(void);

#endif
