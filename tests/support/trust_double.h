/*
 * A trust list of a few issuers made by hand, in place of wallet/trust: with it a key identifier
 * need not be the hash of a certificate, as in the vector of specs/qr.md section 12.
 */
#ifndef SUPPORT_TRUST_DOUBLE_H
#define SUPPORT_TRUST_DOUBLE_H

#include "wallet/trust.h"

enum { SUPPORT_ISSUERS_MAX = 4 };

struct wallet_trust {
    struct wallet_issuer issuers[SUPPORT_ISSUERS_MAX];
    size_t count;
    const struct wallet_issuer *chained; /* what a chain leads to; NULL: it is refused */
    size_t chain_len;                    /* how many certificates were given last */
    uint8_t digest[HSM_SHA256_LEN];      /* changed by the test together with what is trusted */
};

/** Add an active issuer of one type, without end; returns it for changes. */
struct wallet_issuer *support_trust_add(struct wallet_trust *trust, const uint8_t kid[8],
                                        const struct hsm_public_key *key, const char *vct);

#endif
