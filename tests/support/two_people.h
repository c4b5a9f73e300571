/* Operators and a license type that needs two people, for tests. */
#ifndef SUPPORT_TWO_PEOPLE_H
#define SUPPORT_TWO_PEOPLE_H

#include "home.h"
#include "wallet/flow_operator.h"

struct support_operator {
    const char *name;
    struct hsm_soft_key *key;
    struct hsm_signer signer;
    struct wallet_operator_by by;
};

/** Make an operator's key; the store does not know of it yet. */
void support_operator_make(struct support_operator *who, const char *name);
void support_operator_drop(struct support_operator *who);

/** Add `who` with the signature of `by` (NULL: none); returns what the flow gave. */
lw_err support_operator_add(struct support_home *h, const struct support_operator *who,
                            const struct support_operator *by, enum wallet_operator_state *state);

/**
 * Load the example city with business licenses that need two people, or do not.
 *
 * version  of the type; its document differs from the city's in that and in the approval only
 * returns  what the flow gave
 */
lw_err support_two_people_load(struct support_home *h, int version, bool two_people);

#endif
