/*
 * Licenses as SD-JWT VC: the row "dc+sd-jwt" of wallet/format.h. Claims that the type always
 * discloses stand in the clear; the license number and each claim of choice are redacted, and
 * for each that the license lacks stands a decoy, so that their number says nothing.
 */
#ifndef WALLET_SDJWT_VC_H
#define WALLET_SDJWT_VC_H

#include "wallet/format.h"
#include "wallet/sdjwt.h"

/* The claim that holds the license number. No type may name a claim so. */
#define WALLET_SDJWT_VC_NUMBER "license_number"

/**
 * Append a credential: issuer-signed JWT with the signer's certificate as "x5c", and all
 * disclosures; it ends with "~".
 *
 * issue   `pass` is NULL; `iat` before `exp`
 * errors  LW_E_UNSUPPORTED  a pass: that is an SD-CWT; LW_E_VALUE  times in the wrong order, or
 *         a claim of the type has a name that means something else here; LW_E_MISUSE  the signer
 *         has no certificate; LW_E_LIMIT  longer than WALLET_SDJWT_MAX; as wallet_jws_sign(),
 *         wallet_value_to_json(). `credential` is then unchanged
 * does not check  that the license satisfies its type; the caller verifies the result
 * source  specs/sd-jwt-vc.md sections 2, 3 and 5
 */
lw_err wallet_sdjwt_vc_issue(const struct wallet_issue *issue, const struct hsm_signer *signer,
                             int64_t now, lw_buf *credential);

/**
 * Append a presentation of `credential`: the disclosures that `show` names, and a key-binding
 * JWT. Claims that the credential shows anyway need not be asked for.
 *
 * show    `aud` and `nonce` are text, for the verifier that asked
 * errors  LW_E_NOT_FOUND  a claim is not in the credential; LW_E_DENIED  it is bound to another
 *         key than the holder's; LW_E_VALUE  it is no SD-JWT VC as issued; as
 *         wallet_sdjwt_process(), wallet_sdjwt_bind(). `presentation` is then unchanged
 * does not check  the issuer's signature
 */
lw_err wallet_sdjwt_vc_present(const struct wallet_license_type *type, lw_bytes credential,
                               const struct wallet_show *show, lw_buf *presentation);

/**
 * Verify a presentation: SDJ-1 to SDJ-19 of specs/sd-jwt-vc.md section 6.
 *
 * expect  `aud` and `nonce` must be answered; where one is empty, it is not compared if
 *         `passive`, and nothing matches it otherwise. Without `holder_required` a text without
 *         key-binding JWT is taken with `holder_proven` false; one that is there must hold
 * arena   its max at least 4 * presentation.len + 1024; what it held before may move
 * checks  DECODE to VALIDITY are set as far as reached, but not REPLAY. The detail of a failed
 *         one begins with the number of its rule where the rule is of SD-JWT. A presentation
 *         outside the window leaves FRESHNESS unknown: LW_E_EXPIRED is returned, unless another
 *         check fails
 * out     claims by their top-level names, with JSON values, without what speaks of the token
 *         itself; `sub` is the license number when shown, else the claim "sub"
 * does not check  status, replay, and whether the type and claims are what was asked for
 */
lw_err wallet_sdjwt_vc_verify(lw_bytes presentation, const struct wallet_expect *expect,
                              lw_buf *arena, struct wallet_checks *checks,
                              struct wallet_verified *out);

/**
 * Read the nonce that a presentation claims to answer, so that the caller can find the challenge
 * it belongs to. Unverified: it is for a look-up only.
 *
 * arena   as in wallet_sdjwt_vc_verify(); `nonce` lives as long
 * errors  as wallet_sdjwt_split(), wallet_sdjwt_kb_parse(); LW_E_NOT_FOUND  no key-binding JWT
 */
LW_MUST_USE lw_err wallet_sdjwt_vc_nonce(lw_bytes presentation, lw_buf *arena, lw_str *nonce);

#endif
