/*
 * Who may sign which type, when: the issuers of a trust list (specs/qr.md section 6) and the
 * anchors for certificates. Read-only once built; shared between threads.
 */
#ifndef WALLET_TRUST_H
#define WALLET_TRUST_H

#include "hsm/x509.h"

enum { WALLET_VCTS_MAX = 64, WALLET_STATUS_PREFIXES_MAX = 8 };

enum wallet_issuer_state {
    WALLET_ISSUER_ACTIVE = 0,
    WALLET_ISSUER_NO_NEW = 1, /* signs no new credentials; older ones verify */
    WALLET_ISSUER_REVOKED = 2,
};

/* One entry of the trust list. Slices borrow from the list. */
struct wallet_issuer {
    uint8_t kid[8];
    struct hsm_cert cert;         /* parsed once; its key verifies */
    lw_str agency;                /* id: the certificate's organization identifier */
    lw_str name;                  /* the certificate's common name */
    lw_str vcts[WALLET_VCTS_MAX]; /* types it may sign; none means none */
    size_t vct_count;
    int64_t not_after; /* Unix seconds */
    enum wallet_issuer_state state;
    int64_t revoked_since; /* Unix seconds; INT64_MIN when absent: all refused */
    lw_str status_prefixes[WALLET_STATUS_PREFIXES_MAX];
    size_t status_prefix_count;
};

struct wallet_trust;

/**
 * Find the `nth` (from 0) issuer with key identifier `kid`: kids of 8 bytes can collide, so the
 * caller tries each.
 *
 * returns NULL when there are no more; the entry lives as long as `trust`
 */
const struct wallet_issuer *wallet_trust_by_kid(const struct wallet_trust *trust,
                                                const uint8_t kid[8], size_t nth);

/** Find the issuer whose certificate has this SHA-256 hash (whole, or its first 8 bytes). */
const struct wallet_issuer *wallet_trust_by_x5t(const struct wallet_trust *trust, lw_bytes hash,
                                                size_t nth);

/**
 * Find the issuer whose certificate is the first of `chain` (DER, leaf first), checking the path
 * to an anchor when the list itself does not name the leaf.
 *
 * errors  LW_E_UNTRUSTED, LW_E_EXPIRED, LW_E_SYNTAX as hsm_cert_check_path()
 */
LW_MUST_USE lw_err wallet_trust_by_chain(const struct wallet_trust *trust, const lw_bytes *chain,
                                         size_t count, int64_t now,
                                         const struct wallet_issuer **issuer);

/**
 * Say whether `issuer` may have signed a credential of type `vct` at `issued_at`, seen at `now`.
 *
 * issued_at  the credential's iat, Unix seconds
 * errors     LW_E_UNTRUSTED  another type, or revoked; LW_E_EXPIRED  after not_after
 */
LW_MUST_USE lw_err wallet_trust_allows(const struct wallet_issuer *issuer, lw_str vct,
                                       int64_t issued_at, int64_t now);

/** Say whether status lists under `uri` are `issuer`'s (SL-3). */
bool wallet_trust_status_uri(const struct wallet_issuer *issuer, lw_str uri);

#endif
