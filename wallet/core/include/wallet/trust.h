/*
 * Who may sign which type, when: the issuers of a trust list (specs/qr.md section 6) and the
 * anchors for certificates. Read-only once built; shared between threads.
 */
#ifndef WALLET_TRUST_H
#define WALLET_TRUST_H

#include "hsm/digest.h"
#include "hsm/x509.h"

enum {
    WALLET_VCTS_MAX = 64,
    WALLET_STATUS_PREFIXES_MAX = 8,
    WALLET_KID_LEN = 8,
    WALLET_ISSUERS_MAX = 4096,
    WALLET_ANCHORS_MAX = 64,
    WALLET_TRUST_TEXT_MAX = 1024, /* a type or a status prefix */
};

enum wallet_issuer_state {
    WALLET_ISSUER_ACTIVE = 0,
    WALLET_ISSUER_NO_NEW = 1, /* signs no new credentials; older ones verify */
    WALLET_ISSUER_REVOKED = 2,
};

/* One entry of the trust list. Slices borrow from the trust; not to be copied. */
struct wallet_issuer {
    uint8_t kid[8];
    bool has_ca;
    uint8_t ca[HSM_SHA256_LEN];   /* the authority that signed `cert`, when has_ca: SHA-256 of its
                                     first anchor */
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
#define WALLET_AUTO_TRUST __attribute__((cleanup(wallet_trust_auto))) struct wallet_trust *

/* What is said of an issuer when a trust is built; all of it is copied. */
struct wallet_trust_entry {
    lw_bytes cert;      /* DER */
    const uint8_t *kid; /* 8 bytes; NULL: the first ones of SHA-256(cert), as qr.md has it */
    const lw_str *vcts;
    size_t vct_count;
    int64_t not_after; /* Unix seconds */
    enum wallet_issuer_state state;
    int64_t revoked_since; /* Unix seconds; INT64_MIN when absent */
    const lw_str *status_prefixes;
    size_t status_prefix_count;
};

/** Make an empty trust. Built by one thread, it is read by many and not changed any more. */
LW_MUST_USE lw_err wallet_trust_new(struct wallet_trust **trust);

/**
 * Trust `cert`, a CA certificate (DER, copied), as the end of paths. Anchors come before the
 * issuers they signed: an issuer added earlier has no `ca`.
 *
 * errors  LW_E_SYNTAX, LW_E_UNSUPPORTED, LW_E_LIMIT as hsm_cert_parse(); LW_E_VALUE  no CA
 *         certificate, or a byte-equal one is there; LW_E_LIMIT  more than WALLET_ANCHORS_MAX
 * does not check  its time: hsm_cert_check_path() does when it is used
 */
LW_MUST_USE lw_err wallet_trust_add_anchor(struct wallet_trust *trust, lw_bytes cert);

/**
 * As wallet_trust_add_anchor(), a further certificate of the authority whose anchor was added
 * last: a new key of it, or a new certificate of the same key. What either signs is the
 * authority's.
 *
 * errors  LW_E_VALUE  besides: there is no anchor yet
 */
LW_MUST_USE lw_err wallet_trust_join_anchor(struct wallet_trust *trust, lw_bytes cert);

/** Give the anchors of an issuer's authority, one after the other; NULL when it has none. */
const struct hsm_cert *wallet_trust_authority(const struct wallet_trust *trust,
                                              const struct wallet_issuer *issuer, size_t *count);

/**
 * Add an issuer.
 *
 * errors  LW_E_SYNTAX, LW_E_UNSUPPORTED, LW_E_LIMIT as hsm_cert_parse(); LW_E_VALUE  the
 *         certificate is a CA's or a status signer's, may not sign or is there already, a type is
 *         empty or too long, a prefix is no http(s) URI with a host, or the state is unknown;
 * LW_E_LIMIT  too many issuers, types or prefixes; `trust` is then unchanged
 */
LW_MUST_USE lw_err wallet_trust_add(struct wallet_trust *trust,
                                    const struct wallet_trust_entry *entry);
void wallet_trust_free(struct wallet_trust *trust);
static inline void wallet_trust_auto(struct wallet_trust **trust)
{
    wallet_trust_free(*trust);
}

size_t wallet_trust_count(const struct wallet_trust *trust);

/** Return issuer `i` (less than the count), in the order they were added. */
const struct wallet_issuer *wallet_trust_at(const struct wallet_trust *trust, size_t i);

/**
 * Return the hash of all that was added, in its order (32 bytes; as long as `trust` lives): of
 * two trusts with the same hash both say the same.
 */
const uint8_t *wallet_trust_digest(const struct wallet_trust *trust);

/** Return the anchors, `*count` of them; they live as long as `trust`. */
const struct hsm_cert *wallet_trust_anchors(const struct wallet_trust *trust, size_t *count);

/**
 * Find the `nth` (from 0) issuer with key identifier `kid`: kids of 8 bytes can collide, so the
 * caller tries each.
 *
 * returns NULL when there are no more; the entry lives as long as `trust`
 */
const struct wallet_issuer *wallet_trust_by_kid(const struct wallet_trust *trust,
                                                const uint8_t kid[8], size_t nth);

/** As wallet_trust_by_kid(), by the certificate's SHA-256 hash (whole, or its first 8 bytes). */
const struct wallet_issuer *wallet_trust_by_x5t(const struct wallet_trust *trust, lw_bytes hash,
                                                size_t nth);

/**
 * Find the issuer whose certificate is the first of `chain` (DER, leaf first): keys are chosen
 * only through the list (specs/qr.md section 6). When the list does not name the leaf, the path
 * is checked so that the error says whether the certificate is false or merely not listed.
 *
 * errors  LW_E_UNTRUSTED  the list does not name the leaf; LW_E_EXPIRED  the leaf is outside its
 *         time; LW_E_SYNTAX, LW_E_UNSUPPORTED, LW_E_LIMIT as hsm_cert_check_path()
 */
LW_MUST_USE lw_err wallet_trust_by_chain(const struct wallet_trust *trust, const lw_bytes *chain,
                                         size_t count, int64_t now,
                                         const struct wallet_issuer **issuer);

/**
 * Say whether `issuer` may have signed a credential of type `vct` at `issued_at`, seen at `now`.
 *
 * issued_at  the credential's iat, Unix seconds; INT64_MIN when it has none
 * errors     LW_E_DENIED    it may not sign this type
 *            LW_E_CONFLICT  revoked, and signed since then or nobody knows when
 *            LW_E_EXPIRED   after not_after, or now or issued_at outside the certificate's time
 */
LW_MUST_USE lw_err wallet_trust_allows(const struct wallet_issuer *issuer, lw_str vct,
                                       int64_t issued_at, int64_t now);

/**
 * Say whether status lists under `uri` are `issuer`'s (SL-3): `uri` equals one of its prefixes
 * or goes on with a path below it, without query, fragment, dot segments, escapes or controls.
 */
bool wallet_trust_status_uri(const struct wallet_issuer *issuer, lw_str uri);

#endif
