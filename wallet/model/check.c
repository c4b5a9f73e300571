#include "wallet/check.h"

const char *wallet_check_name(enum wallet_check check)
{
    static const char *const names[WALLET_CHECK_COUNT] = {
        [WALLET_CHECK_DECODE] = "decode",
        [WALLET_CHECK_PARSE] = "parse",
        [WALLET_CHECK_TRUST] = "trust",
        [WALLET_CHECK_ISSUER_SIGNATURE] = "issuer_signature",
        [WALLET_CHECK_HOLDER_SIGNATURE] = "holder_signature",
        [WALLET_CHECK_FRESHNESS] = "freshness",
        [WALLET_CHECK_AUDIENCE] = "audience",
        [WALLET_CHECK_REPLAY] = "replay",
        [WALLET_CHECK_DISCLOSURES] = "disclosures",
        [WALLET_CHECK_VALIDITY] = "validity",
        [WALLET_CHECK_STATUS] = "status",
        [WALLET_CHECK_POLICY] = "policy",
    };
    return names[check];
}

const char *wallet_check_result_name(enum wallet_check_result result)
{
    switch (result) {
    case WALLET_CHECK_SKIPPED:
        return "skipped";
    case WALLET_CHECK_OK:
        return "ok";
    case WALLET_CHECK_FAILED:
        return "failed";
    case WALLET_CHECK_UNKNOWN:
        return "unknown";
    }
    return "unknown";
}
