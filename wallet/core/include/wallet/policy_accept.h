/*
 * What one verification comes to: from the checks, the error, the verified credential, its status
 * and the facts of the place, an answer of three values with its reason. Pure: the whole mapping
 * lives here, so that nothing above decides.
 */
#ifndef WALLET_POLICY_ACCEPT_H
#define WALLET_POLICY_ACCEPT_H

#include "wallet/reason.h"
#include "wallet/status_check.h"

enum wallet_result { WALLET_ACCEPTED, WALLET_REFUSED, WALLET_UNDETERMINED };

enum { WALLET_STATUSLESS_LIFE_MAX_S = 24 * 3600 };

/* What holds where the verification is made, and what the verifier asks for. */
struct wallet_policy_facts {
    int64_t now;              /* Unix seconds */
    int64_t skew_s;           /* on the credential's own times: at most 60 */
    bool clock_trusted;       /* false: earlier than the newest time ever verified */
    bool challenge_demanded;  /* passive presentations are not enough */
    bool challenge_answered;  /* the presentation answers our nonce */
    bool holder_required;     /* "genuine, bearer not proven" is not enough */
    bool passes_known;        /* every pass is in the store that was asked: one that is not there
                                 is of unknown status, not accepted as of its issue */
    int64_t pass_age_max_s;   /* of a pass, from its iat; 0: no bound */
    int64_t status_age_max_s; /* of the status, from its as_of; 0: no bound */
    const lw_str *vcts;       /* types taken; vct_count 0: all */
    size_t vct_count;
};

struct wallet_policy_input {
    lw_err err;                             /* how decoding, parsing and verifying ended */
    const struct wallet_verified *verified; /* not NULL when err is LW_SUCCESS */
    const struct wallet_license_type *type; /* NULL: the catalogue has none of this vct */
    /*
     * From the list, or of a pass from our own store by its cti. wallet_status_none() when
     * nothing is known; what the credential's own status reference demands is decided here.
     */
    struct wallet_status status;
    struct wallet_policy_facts facts;
};

struct wallet_decision {
    enum wallet_result result;
    enum wallet_check check;   /* the check that decided; of no meaning when accepted */
    enum wallet_reason reason; /* WALLET_REASON_NONE when accepted */
    const char *status_value;  /* "valid", "suspended", ..., "unknown"; NULL: no status; static */
    int64_t status_as_of;      /* INT64_MIN when not known */
};

/**
 * Decide.
 *
 * A failed check refuses, whatever else is unknown; an unknown one leaves the answer open; the
 * first in the order of SHAPES "Answers" gives the reason. What is merely not known is never
 * reported as revoked.
 *
 * checks  as the decoder, the format's verify and the replay cache left them; the lines VALIDITY,
 *         STATUS and POLICY are set here when in->err is LW_SUCCESS, and FRESHNESS when the clock
 *         cannot be trusted
 */
void wallet_policy_decide(const struct wallet_policy_input *in, struct wallet_checks *checks,
                          struct wallet_decision *decision);

#endif
