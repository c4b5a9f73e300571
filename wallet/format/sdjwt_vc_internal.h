/* An SD-JWT VC as its three files see it: the claims that speak of the token itself. */
#ifndef FORMAT_SDJWT_VC_INTERNAL_H
#define FORMAT_SDJWT_VC_INTERNAL_H

#include "wallet/sdjwt_vc.h"

/* The issuer-signed JWT as received: structure and types hold, nothing is verified. */
struct sdjwt_vc {
    struct wallet_jws jws;
    lw_str vct;
    bool has_iss;
    lw_str iss;
    int64_t iat; /* INT64_MIN when absent */
    int64_t nbf; /* INT64_MIN when absent */
    int64_t exp; /* INT64_MIN when absent */
    bool has_cnf;
    struct hsm_public_key holder_key;
    struct wallet_status_ref status;
};

/* Names that may not be disclosed, nor anything below them (SDJ-16); ends with NULL. */
extern const char *const sdjwt_vc_permanent[];

/** Say whether a top-level claim speaks of the token and is no claim of the license. */
bool sdjwt_vc_is_own(struct wallet_json_text name);

/**
 * Read an issuer-signed JWT.
 *
 * arena   wallet_sdjwt_reserve() was called; gets what `vc` borrows
 * errors  as wallet_jws_parse(); LW_E_VALUE  a rule is broken: `why` names it
 */
LW_MUST_USE lw_err sdjwt_vc_parse(lw_str issuer_jwt, lw_buf *arena, struct sdjwt_vc *vc);

/** Give the text with its escapes undone: itself, or a copy in `arena`, which does not move. */
LW_MUST_USE lw_err sdjwt_vc_text(struct wallet_json_text text, lw_buf *arena, lw_str *plain);

#endif
