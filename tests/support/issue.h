/* The license that tests issue: of a bakery, which may be refused or fail. */
#ifndef SUPPORT_ISSUE_H
#define SUPPORT_ISSUE_H

#include "wallet/home.h"

/* The texts are borrowed. */
struct support_order {
    const char *number;
    const char *version; /* NULL or empty: the next */
    lw_str until;        /* the claim `expiry_date`; empty: 2028-01-15 */
};

/** Issue a business license, and say on standard error what is wrong with the order if it is. */
lw_err support_issue(struct wallet_home *home, const struct support_order *order);

/** Issue the next version of business license `number`. */
lw_err support_issue_number(struct wallet_home *home, const char *number);

#endif
