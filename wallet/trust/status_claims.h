/* What both forms of a Status List Token say, and how they name it (specs/status-list.md). */
#ifndef STATUS_CLAIMS_H
#define STATUS_CLAIMS_H

#include "wallet/status_check.h"

#define STATUS_JWT_TYP "statuslist+jwt"
#define STATUS_CWT_TYP "application/statuslist+cwt"

enum status_cwt_key {
    STATUS_CWT_SUB = 2,
    STATUS_CWT_EXP = 4,
    STATUS_CWT_NBF = 5,
    STATUS_CWT_IAT = 6,
    STATUS_CWT_LIST = 65533,
    STATUS_CWT_TTL = 65534,
};

/* The claims as read; slices borrow from the token or from `owned`. */
struct status_claims {
    lw_str sub;
    int64_t iat;
    int64_t exp;   /* INT64_MAX when absent */
    int64_t nbf;   /* INT64_MIN when absent */
    int64_t ttl_s; /* 0 when absent */
    unsigned bits;
    lw_bytes lst;     /* compressed */
    lw_buf owned_sub; /* JWT: what is not in the token as such */
    lw_buf owned_lst;
};

/* Who signed a token, found and allowed before its claims are read. */
struct status_signer {
    struct hsm_public_key key;
    bool same_key; /* the issuer's own */
    uint8_t sha256[HSM_SHA256_LEN];
};

/**
 * Find the key of a token by the chain it carries: the issuer's own, or that of a status
 * certificate of the issuer's agency under the issuer's anchor.
 *
 * count   0: the token carries none, so it can only be the issuer's own
 * errors  LW_E_UNTRUSTED, LW_E_EXPIRED; LW_E_SYNTAX and others as hsm_cert_check_path()
 */
LW_MUST_USE lw_err status_signer_find(const struct wallet_status_expect *expect,
                                      const lw_bytes *chain, size_t count,
                                      struct status_signer *signer);

/** Read and verify the compact JWS. `claims` zeroed by the caller, who frees what it owns. */
LW_MUST_USE lw_err status_read_jwt(lw_str token, const struct wallet_status_expect *expect,
                                   struct status_signer *signer, struct status_claims *claims);

/** As status_read_jwt(), for the tagged COSE_Sign1; nothing is owned. */
LW_MUST_USE lw_err status_read_cwt(lw_bytes token, const struct wallet_status_expect *expect,
                                   struct status_signer *signer, struct status_claims *claims);

#endif
