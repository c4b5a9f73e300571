/*
 * Reading Token Status Lists as a relying party (specs/status-list.md section 5). A list is
 * verified once into a value and then asked for entries; three outcomes are kept apart, and what
 * cannot be known is never called revoked. Pure: whoever calls fetches the bytes.
 */
#ifndef WALLET_STATUS_CHECK_H
#define WALLET_STATUS_CHECK_H

#include "wallet/license.h"
#include "wallet/status_publish.h"
#include "wallet/trust.h"
#include "wallet/verified.h"

enum {
    WALLET_STATUS_TOKEN_MAX = 8 * 1024 * 1024, /* bytes of a token (SL-5) */
    WALLET_STATUS_ARRAY_MAX = 4 * 1024 * 1024, /* bytes inflated (SL-9) */
    WALLET_STATUS_LIFE_MAX_S = 7 * 86400,      /* a later exp counts as this much after iat */
    WALLET_STATUS_LIFE_DEFAULT_S = 12 * 3600,  /* without exp */
    WALLET_STATUS_TTL_MIN_S = 60,
    WALLET_STATUS_TTL_MAX_S = 24 * 3600,
};

/* A list whose signature held. Zero it first, free it after; read-only between. */
struct wallet_status_list {
    lw_buf array; /* inflated */
    lw_buf uri;
    unsigned bits;
    int64_t iat;
    int64_t until; /* not to be relied on from here: exp, with the bounds above */
    int64_t ttl_s; /* 0 when the token has none */
    bool same_key; /* signed by the issuer's own key, certificate hash in `signer` */
    uint8_t signer[HSM_SHA256_LEN];
    uint8_t ca[HSM_SHA256_LEN];              /* otherwise: by a status key under this anchor */
    char organization_id[HSM_CERT_NAME_MAX]; /* of this agency */
};
#define WALLET_AUTO_STATUS_LIST                                                                    \
    __attribute__((cleanup(wallet_status_list_free))) struct wallet_status_list
void wallet_status_list_free(struct wallet_status_list *list);

/* What is expected of a list, decided before it is looked at. */
struct wallet_status_expect {
    lw_str uri; /* what the credential names; `sub` must equal it byte for byte */
    const struct wallet_trust *trust;
    const struct wallet_issuer *issuer; /* the credential's */
    int64_t now;                        /* Unix seconds */
    int64_t skew_s;                     /* iat may lie this far ahead */
    int64_t held_iat;                   /* of the list held for this URI; INT64_MIN: none */
};

/**
 * Verify a Status List Token of either form and inflate its array.
 *
 * A token is the issuer's when it is signed by the issuer's own key, or by a certificate it
 * carries (x5c, x5chain) that has the status EKU, is of the issuer's agency, and stands under the
 * anchor that signed the issuer's certificate. A `kid` chooses nothing.
 *
 * token   compact JWS, or CBOR that begins with tag 18; at most WALLET_STATUS_TOKEN_MAX
 * list    zeroed by the caller; owns what it holds; still zero on error
 * errors  LW_E_SYNTAX, LW_E_LIMIT   not well formed, or too large; trailing bytes; a zlib stream
 *                                   that is cut short, false or longer than the bound
 *         LW_E_VALUE                a claim is missing, of another type or out of its range
 *         LW_E_UNSUPPORTED          another type header, algorithm or form
 *         LW_E_DENIED               the URI is not among the issuer's prefixes, or `sub` differs
 *         LW_E_SIGNATURE, LW_E_UNTRUSTED  it does not hold; signed by nobody who may
 *         LW_E_EXPIRED              iat ahead of now, or a certificate outside its time
 *         LW_E_CONFLICT             iat before that of the list held (roll-back)
 * does not check  `until`: wallet_status_lookup() does, so that an old list can be named as such
 * source  SL-3, SL-5 to SL-9
 */
LW_MUST_USE lw_err wallet_status_read(lw_bytes token, const struct wallet_status_expect *expect,
                                      struct wallet_status_list *list);

enum wallet_status_outcome {
    WALLET_STATUS_UNKNOWN = 0, /* no statement possible */
    WALLET_STATUS_VALID,
    WALLET_STATUS_NOT_VALID,
    WALLET_STATUS_NO_ENTRY, /* the list has no such index: refuse the credential (SL-10) */
};

/* What is known of one credential's status. */
struct wallet_status {
    enum wallet_status_outcome outcome;
    unsigned code;           /* enum wallet_status_code, or another; of NOT_VALID */
    enum wallet_state state; /* the license's, where our own store says it; else 0 */
    int64_t as_of;           /* when this was so, Unix seconds; INT64_MIN when not known */
    bool stale;              /* UNKNOWN because the list is past its end */
};

/** Return the status that nobody knows: no list could be had. */
static inline struct wallet_status wallet_status_none(void)
{
    return (struct wallet_status){.outcome = WALLET_STATUS_UNKNOWN, .as_of = INT64_MIN};
}

/** Return the status of a license whose state our own store knows, as of `now`. */
struct wallet_status wallet_status_of_state(enum wallet_state state, int64_t now);

/**
 * Look up one credential.
 *
 * list    NULL, or a list read for another URI or other issuers: UNKNOWN
 * issuer  the credential's; a list read for another issuer counts when it is one of the same
 *         agency and anchor
 * now     Unix seconds; at list->until and after, the outcome is UNKNOWN and stale
 * source  SL-7, SL-10, SL-11, SL-14
 */
struct wallet_status wallet_status_lookup(const struct wallet_status_list *list,
                                          const struct wallet_issuer *issuer,
                                          const struct wallet_status_ref *ref, int64_t now);

/** Return when a list fetched at `fetched_at` is to be fetched again: ttl in its bounds. */
int64_t wallet_status_refresh_at(const struct wallet_status_list *list, int64_t fetched_at);

/** Return "valid", "suspended", "revoked", "not_valid" or "unknown", as answers show it; static. */
const char *wallet_status_name(const struct wallet_status *status);

/**
 * Inflate a whole ZLIB stream.
 *
 * array   appended to, at most its max; unchanged on error
 * errors  LW_E_SYNTAX  not a stream, a wrong Adler-32, cut short, or followed by bytes;
 *         LW_E_LIMIT   longer than array->max; LW_E_NOMEM
 */
LW_MUST_USE lw_err wallet_status_inflate(lw_bytes lst, lw_buf *array);

#endif
