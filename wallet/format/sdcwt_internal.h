/* What the files of the SD-CWT format share and nobody else sees. */
#ifndef FORMAT_SDCWT_INTERNAL_H
#define FORMAT_SDCWT_INTERNAL_H

#include "wallet/sdcwt.h"

/* Media types as numbers (CoAP Content-Formats), and the member of `cnf` we use (RFC 8747). */
enum { FORMAT_TYP_SD_CWT = 293, FORMAT_TYP_KB_CWT = 294, FORMAT_CNF_COSE_KEY = 1 };

/**
 * Check the rules of structure for claims: keys are numbers or texts, redaction stands only in
 * its places, nothing of a token before issue is left.
 *
 * item      one item that wallet_cbor_check() has passed
 * redacted  set to true when something in it is hidden; else left alone
 * errors    LW_E_VALUE  `why` names the rule
 * source    specs/qr.md section 3
 */
LW_MUST_USE lw_err format_sdcwt_scan(lw_bytes item, bool *redacted);

/** As wallet_sdcwt_reveal(); sets `hidden` to how many digests of the outermost map are left. */
LW_MUST_USE lw_err format_sdcwt_reveal(lw_bytes claims, lw_bytes sd_claims, lw_buf *out,
                                       size_t *hidden);

/** Append the unprotected header that holds `count` disclosures, byte strings end to end. */
LW_MUST_USE lw_err format_sdcwt_put_unprotected(lw_bytes disclosures, size_t count, lw_buf *out);

#endif
