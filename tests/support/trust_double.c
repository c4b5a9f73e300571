#include "trust_double.h"

#include <stdlib.h>

/* A test that builds a real trust gets the real look-ups. */
#define WEAK __attribute__((weak))

struct wallet_issuer *support_trust_add(struct wallet_trust *trust, const uint8_t kid[8],
                                        const struct hsm_public_key *key, const char *vct)
{
    if (trust->count == SUPPORT_ISSUERS_MAX) {
        abort();
    }
    struct wallet_issuer *issuer = &trust->issuers[trust->count++];
    *issuer = (struct wallet_issuer){
        .agency = LW_STR("agency-1"),
        .name = LW_STR("lic.example"),
        .vcts = {lw_str_c(vct)},
        .vct_count = 1,
        .not_after = INT64_MAX,
        .state = WALLET_ISSUER_ACTIVE,
        .revoked_since = INT64_MIN,
    };
    memcpy(issuer->kid, kid, sizeof(issuer->kid));
    memcpy(issuer->cert.sha256, kid, sizeof(issuer->kid)); /* the rest is zeros */
    issuer->cert.key = *key;
    return issuer;
}

WEAK const struct wallet_issuer *wallet_trust_by_kid(const struct wallet_trust *trust,
                                                     const uint8_t kid[8], size_t nth)
{
    for (size_t i = 0; i < trust->count; i++) {
        if (memcmp(trust->issuers[i].kid, kid, 8) == 0 && nth-- == 0) {
            return &trust->issuers[i];
        }
    }
    return NULL;
}

WEAK const struct wallet_issuer *wallet_trust_by_x5t(const struct wallet_trust *trust,
                                                     lw_bytes hash, size_t nth)
{
    for (size_t i = 0; i < trust->count; i++) {
        const lw_bytes own = {trust->issuers[i].cert.sha256, hash.len};
        if (lw_bytes_eq(own, hash) && nth-- == 0) {
            return &trust->issuers[i];
        }
    }
    return NULL;
}

WEAK const uint8_t *wallet_trust_digest(const struct wallet_trust *trust)
{
    return trust->digest;
}

WEAK lw_err wallet_trust_by_chain(const struct wallet_trust *trust, const lw_bytes *chain,
                                  size_t count, int64_t now, const struct wallet_issuer **issuer)
{
    (void)chain;
    (void)now;
    /* Tests look at what was asked for; the struct they gave is not constant. */
    ((struct wallet_trust *)(uintptr_t)trust)->chain_len = count;
    *issuer = trust->chained;
    return trust->chained != NULL ? LW_SUCCESS
                                  : LW_FAIL(LW_E_UNTRUSTED, "double: no path", LW_NOWHERE);
}

WEAK lw_err wallet_trust_allows(const struct wallet_issuer *issuer, lw_str vct, int64_t issued_at,
                                int64_t now)
{
    bool named = false;
    for (size_t i = 0; i < issuer->vct_count; i++) {
        named = named || lw_str_eq(issuer->vcts[i], vct);
    }
    if (!named) {
        return LW_FAIL(LW_E_UNTRUSTED, "double: another type", LW_NOWHERE);
    }
    if (issuer->state == WALLET_ISSUER_REVOKED &&
        (issuer->revoked_since == INT64_MIN || issued_at >= issuer->revoked_since)) {
        return LW_FAIL(LW_E_UNTRUSTED, "double: revoked", LW_NOWHERE);
    }
    return now < issuer->not_after ? LW_SUCCESS
                                   : LW_FAIL(LW_E_EXPIRED, "double: ended", LW_NOWHERE);
}

WEAK bool wallet_trust_status_uri(const struct wallet_issuer *issuer, lw_str uri)
{
    for (size_t i = 0; i < issuer->status_prefix_count; i++) {
        if (lw_str_starts(uri, issuer->status_prefixes[i])) {
            return true;
        }
    }
    return false;
}
