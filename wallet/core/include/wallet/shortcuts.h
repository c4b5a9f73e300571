/*
 * How issuers' signatures are checked with less work and the same verdict: with tables of their
 * keys (hsm/key_tables.h), and by remembering which issuer-signed parts held. Nothing else of a
 * verification is shortened: trust, times, holder, disclosures, status and policy are judged each
 * time. Shared by any number of threads.
 */
#ifndef WALLET_SHORTCUTS_H
#define WALLET_SHORTCUTS_H

#include "hsm/key_tables.h"
#include "wallet/trust.h"

enum {
    WALLET_SEEN_MAX = 1 << 20,   /* parts remembered, at most */
    WALLET_SEEN_HINT_LEN = 32,   /* what may be kept with a part */
    WALLET_SEEN_DEFAULT = 65536, /* 4 MiB */
    WALLET_TABLES_DEFAULT = 32,  /* 5 MiB */
};

/* Names of issuer-signed parts that held, in a fixed number of places. */
struct wallet_seen_parts;

/* Both may be NULL: none. */
struct wallet_shortcuts {
    struct hsm_key_tables *tables;
    struct wallet_seen_parts *seen;
};

/**
 * Make shortcuts.
 *
 * tables  tables of keys at once, at most HSM_KEY_TABLES_MAX; 0: none
 * parts   issuer-signed parts remembered, at most WALLET_SEEN_MAX; 0: none. Their room, 64 bytes
 *         each, is taken from the system as it is used
 * out     the caller's, ended by wallet_shortcuts_end()
 * errors  LW_E_MISUSE  out of range; LW_E_NOMEM; `out` is then empty
 */
LW_MUST_USE lw_err wallet_shortcuts_make(size_t tables, size_t parts, struct wallet_shortcuts *out);

/** Free what was made; nobody uses it any more. */
void wallet_shortcuts_end(struct wallet_shortcuts *shortcuts);

/* An issuer-signed part in question. */
struct wallet_issued_part {
    const struct wallet_trust *trust;   /* under which `issuer` was found and allowed */
    const struct wallet_issuer *issuer; /* whose signature it should be */
    lw_bytes digest;                    /* of the part, by the hash of the issuer's algorithm */
    lw_bytes sig;                       /* r||s */
};

/* What became of it. */
struct wallet_seen {
    bool before; /* it was seen to hold before: `hint` is what was kept then */
    uint8_t name[HSM_SHA256_LEN];
    uint8_t hint[WALLET_SEEN_HINT_LEN];
};

/**
 * Check the signature of `issued`, or find it among those that held.
 *
 * A part is known by the hash of all that the check depends on: digest, signature, the issuer's
 * certificate and key, and the whole content of the trust, so that under another trust nothing
 * counts as seen.
 *
 * shortcuts  NULL: none
 * errors     as hsm_verify_digest()
 * does not check  that the issuer may sign it: the caller has
 */
LW_MUST_USE lw_err wallet_issued_verify(const struct wallet_shortcuts *shortcuts,
                                        const struct wallet_issued_part *issued,
                                        struct wallet_seen *seen);

/**
 * Remember a part that wallet_issued_verify() has just found to hold, in place of an older one.
 * One that was seen before is left as it is.
 *
 * seen  as that set it, and nobody has changed it but for `hint`, which is never to be believed
 */
void wallet_issued_remember(const struct wallet_shortcuts *shortcuts,
                            const struct wallet_seen *seen);

/** Return how many parts are remembered. */
size_t wallet_seen_count(struct wallet_seen_parts *parts);

#endif
