/* The checks of one verification, in the order of SHAPES "Answers", and how they ended. */
#ifndef WALLET_CHECK_H
#define WALLET_CHECK_H

#include "lw/err.h"

enum wallet_check {
    WALLET_CHECK_DECODE,
    WALLET_CHECK_PARSE,
    WALLET_CHECK_TRUST,
    WALLET_CHECK_ISSUER_SIGNATURE,
    WALLET_CHECK_HOLDER_SIGNATURE,
    WALLET_CHECK_FRESHNESS,
    WALLET_CHECK_AUDIENCE,
    WALLET_CHECK_REPLAY,
    WALLET_CHECK_DISCLOSURES,
    WALLET_CHECK_VALIDITY,
    WALLET_CHECK_STATUS,
    WALLET_CHECK_POLICY,
    WALLET_CHECK_COUNT,
};

enum wallet_check_result {
    WALLET_CHECK_SKIPPED = 0, /* not reached, or not asked for */
    WALLET_CHECK_OK,
    WALLET_CHECK_FAILED,
    WALLET_CHECK_UNKNOWN, /* cannot be decided now: undetermined */
};

/* `detail` is static English text that names the rule, never input. */
struct wallet_check_line {
    enum wallet_check_result result;
    const char *detail; /* NULL when there is nothing to add */
};

struct wallet_checks {
    struct wallet_check_line line[WALLET_CHECK_COUNT];
};

/** Return the name of `check` as the answer shows it, "issuer_signature"; static. */
const char *wallet_check_name(enum wallet_check check);

/** Return "ok", "failed", "unknown" or "skipped"; static. */
const char *wallet_check_result_name(enum wallet_check_result result);

static inline void wallet_check_set(struct wallet_checks *checks, enum wallet_check check,
                                    enum wallet_check_result result, const char *detail)
{
    checks->line[check] = (struct wallet_check_line){.result = result, .detail = detail};
}

#endif
