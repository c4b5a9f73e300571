/* Shortcuts must change no verdict: what a test verified is verified again with them. */
#ifndef SUPPORT_SAME_VERDICT_H
#define SUPPORT_SAME_VERDICT_H

#include "wallet/verified.h"

/* A format's verify(), and what it was given. */
struct support_verified {
    lw_err (*verify)(lw_bytes presentation, const struct wallet_expect *expect, lw_buf *arena,
                     struct wallet_checks *checks, struct wallet_verified *out);
    lw_bytes presentation;
    const struct wallet_expect *expect; /* without shortcuts */
    struct wallet_checks before;        /* the checks as they were given */
};

/**
 * Verify again with shortcuts, as never seen and as seen before, and abort unless error, checks
 * and what is said of the credential are the same.
 */
void support_same_verdict(const struct support_verified *v, lw_err err,
                          const struct wallet_checks *checks, const struct wallet_verified *out);

#endif
