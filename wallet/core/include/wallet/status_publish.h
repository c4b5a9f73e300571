/*
 * Making Token Status Lists (specs/status-list.md, draft-ietf-oauth-status-list-20): arrays of
 * 1, 2, 4 or 8 bits an entry, compressed once, signed as JWT and as CWT. Pure.
 */
#ifndef WALLET_STATUS_PUBLISH_H
#define WALLET_STATUS_PUBLISH_H

#include "hsm/sign.h"

/* Values of an entry (section 1); others are an application's own, or reserved. */
enum wallet_status_code {
    WALLET_STATUS_CODE_VALID = 0,
    WALLET_STATUS_CODE_INVALID = 1,   /* final */
    WALLET_STATUS_CODE_SUSPENDED = 2, /* needs 2 bits or more */
};

enum {
    WALLET_STATUS_ENTRIES_MIN = 1 << 17, /* of a list we publish: the herd (SI-2) */
    WALLET_STATUS_BITS = 2,              /* of a list we publish */
    WALLET_STATUS_TTL_S = 300,
    WALLET_STATUS_LIFE_S = 24 * 3600,
};

/** Say whether an entry may have `bits` bits: 1, 2, 4 or 8. */
static inline bool wallet_status_bits_ok(uint64_t bits)
{
    return bits == 1 || bits == 2 || bits == 4 || bits == 8;
}

/**
 * Append `count` values, packed from the least significant bit, the last byte filled with zeros.
 *
 * errors  LW_E_VALUE  `bits` is none of 1, 2, 4, 8, or a value does not fit; as lw_buf_put()
 * source  section 1
 */
LW_MUST_USE lw_err wallet_status_pack(unsigned bits, const uint8_t *values, size_t count,
                                      lw_buf *array);

/**
 * Set entry `idx` of a packed array.
 *
 * errors  LW_E_VALUE  as wallet_status_pack(); LW_E_LIMIT  past the end
 */
LW_MUST_USE lw_err wallet_status_set(unsigned bits, uint8_t *array, size_t len, uint64_t idx,
                                     unsigned value);

/** Read entry `idx` of a packed array. Errors as wallet_status_set(). */
LW_MUST_USE lw_err wallet_status_get(unsigned bits, lw_bytes array, uint64_t idx, unsigned *value);

/** Append `array` as a ZLIB stream (RFC 1950). errors  LW_E_LIMIT, LW_E_NOMEM */
LW_MUST_USE lw_err wallet_status_deflate(lw_bytes array, lw_buf *lst);

/* What a Status List Token says. */
struct wallet_status_parts {
    lw_str uri; /* `sub`: exactly the URI that credentials name */
    int64_t iat;
    int64_t exp;
    int64_t ttl_s; /* positive */
    unsigned bits;
    lw_bytes lst;           /* compressed array */
    lw_str aggregation_uri; /* may be empty */
};

/**
 * Append the token as compact JWS, typ "statuslist+jwt", with the signer's certificate as x5c.
 *
 * signer  HSM_PURPOSE_STATUS
 * errors  LW_E_VALUE  `bits`, or a time that is not positive or not before its end; as
 *         hsm_sign(); LW_E_LIMIT; LW_E_NOMEM; `out` is then unchanged
 */
LW_MUST_USE lw_err wallet_status_sign_jwt(const struct wallet_status_parts *parts,
                                          const struct hsm_signer *signer, int64_t now,
                                          lw_buf *out);

/** As wallet_status_sign_jwt(): CWT, tag 18, typ "application/statuslist+cwt", x5chain. */
LW_MUST_USE lw_err wallet_status_sign_cwt(const struct wallet_status_parts *parts,
                                          const struct hsm_signer *signer, int64_t now,
                                          lw_buf *out);

enum wallet_status_form { WALLET_STATUS_JWT, WALLET_STATUS_CWT, WALLET_STATUS_FORMS };

/* A token whose signature is made elsewhere. Zero it first, free it after. */
struct wallet_status_draft {
    enum wallet_status_form form;
    struct hsm_digest digest; /* to be signed */
    lw_buf head;              /* CWT: the protected header */
    lw_buf body;              /* JWT: the token without its signature; CWT: the claims */
};
void wallet_status_draft_free(struct wallet_status_draft *draft);

/**
 * Write a token but for its signature. Errors as wallet_status_sign_jwt(), but for the token's.
 *
 * draft  what it held is overwritten
 */
LW_MUST_USE lw_err wallet_status_draft(const struct wallet_status_parts *parts,
                                       enum wallet_status_form form,
                                       const struct hsm_signer *signer, int64_t now,
                                       struct wallet_status_draft *draft);

/**
 * Check the signature made of draft->digest and append the token.
 *
 * sig     r||s
 * errors  LW_E_TOKEN  it does not verify; `out` is then unchanged, as on every error
 */
LW_MUST_USE lw_err wallet_status_finish(const struct wallet_status_draft *draft,
                                        const struct hsm_signer *signer, lw_bytes sig, lw_buf *out);

/** Append {"status_lists": [uris]} (section 4, aggregation). */
LW_MUST_USE lw_err wallet_status_aggregation(const lw_str *uris, size_t count, lw_buf *json);

#endif
