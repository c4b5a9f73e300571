/*
 * SD-CWT with key-binding token (specs/qr.md): what an LQ1 code shows, and passes, its form
 * without redaction. Parsed tokens are unverified; only wallet_sdcwt_verify() makes a
 * struct wallet_verified of one. Pure: clock and random source by parameter.
 */
#ifndef WALLET_SDCWT_H
#define WALLET_SDCWT_H

#include "wallet/cose.h"
#include "wallet/format.h"

enum {
    WALLET_SDCWT_MAX = WALLET_CREDENTIAL_MAX, /* bytes of a token */
    WALLET_SDCWT_DISCLOSURES_MAX = 128,       /* in one token */
    WALLET_SDCWT_NONCE_LEN = 16,
    WALLET_SDCWT_TAG_ELEMENT = 60, /* a redacted array element */
    WALLET_SDCWT_SIMPLE_KEYS = 59, /* the key of a map's redacted claims */
};

/* Keys of claims (RFC 8392, draft-ietf-spice-sd-cwt, draft-ietf-oauth-status-list). */
enum wallet_cwt_key {
    WALLET_CWT_ISS = 1,
    WALLET_CWT_SUB = 2,
    WALLET_CWT_AUD = 3,
    WALLET_CWT_EXP = 4,
    WALLET_CWT_NBF = 5,
    WALLET_CWT_IAT = 6,
    WALLET_CWT_CTI = 7,
    WALLET_CWT_CNF = 8,
    WALLET_CWT_VCT = 11,
    WALLET_CWT_CNONCE = 39,
    WALLET_CWT_STATUS = 65535,
};

enum wallet_sdcwt_key_ref {
    WALLET_SDCWT_BY_KID,     /* 8 bytes */
    WALLET_SDCWT_BY_X5T,     /* SHA-256 of the certificate, or its first 8 bytes */
    WALLET_SDCWT_BY_X5CHAIN, /* one byte string, or an array of them */
};

/* An SD-CWT as received: structure and types hold, nothing is verified. */
struct wallet_sdcwt {
    struct wallet_cose_sign1 cose;
    enum wallet_sdcwt_key_ref key_ref;
    lw_bytes key;       /* the kid, the hash, or the item of x5chain */
    lw_bytes sd_claims; /* array of disclosures, one item; empty when there is none */
    lw_str iss;         /* empty when absent */
    lw_str vct;         /* empty when absent or a number */
    bool vct_number;
    int64_t iat;
    int64_t nbf; /* INT64_MIN when absent */
    int64_t exp;
    lw_bytes cti;
    lw_bytes cnf_key; /* COSE_Key, one item; not yet read */
    struct wallet_status_ref status;
    bool redacted; /* something in it can be disclosed */
};

/* A key-binding token as received: unverified. */
struct wallet_sdkbt {
    struct wallet_cose_sign1 cose;
    struct wallet_sdcwt cwt;
    lw_str aud;
    lw_bytes cnonce; /* 16 bytes, or empty */
    int64_t iat;
    int64_t nbf; /* INT64_MIN when absent */
    int64_t exp; /* INT64_MAX when absent */
};

/**
 * Read an SD-CWT.
 *
 * errors  LW_E_SYNTAX, LW_E_LIMIT  not well formed; LW_E_UNSUPPORTED  another algorithm, type,
 *         or hash; LW_E_VALUE  a rule of structure is broken: `why` names it
 * does not check  the disclosures, signatures, times, or whom the key belongs to
 * source  specs/qr.md sections 3 and 8, QR-5
 */
LW_MUST_USE lw_err wallet_sdcwt_parse(lw_bytes in, struct wallet_sdcwt *cwt);

/** As wallet_sdcwt_parse(), for a key-binding token and the SD-CWT within it (QR-4, QR-5). */
LW_MUST_USE lw_err wallet_sdkbt_parse(lw_bytes in, struct wallet_sdkbt *kbt);

/**
 * Read the nonce that a key-binding token says it answers, so that the caller can find the
 * challenge it belongs to. Unverified, and the rest is hardly looked at: it is for a look-up only.
 *
 * cnonce  16 bytes, or empty when there is none; borrows from `in`
 * errors  LW_E_SYNTAX, LW_E_LIMIT, LW_E_UNSUPPORTED, LW_E_VALUE  as wallet_sdkbt_parse()
 */
LW_MUST_USE lw_err wallet_sdkbt_cnonce(lw_bytes in, lw_bytes *cnonce);

/**
 * Append `claims` with all that `sd_claims` discloses, and without what stays hidden.
 *
 * claims     one map, as signed
 * sd_claims  array of byte strings, one item; empty stands for none
 * out        the map in deterministic encoding; unchanged on error
 * errors     LW_E_SYNTAX, LW_E_LIMIT  a disclosure is not well formed, or there are too many;
 *            LW_E_SIGNATURE  a disclosure matches no digest, or twice; LW_E_VALUE  a claim that
 *            may not be hidden, or that is there already, is disclosed
 * source     specs/qr.md QR-11 and QR-12
 */
LW_MUST_USE lw_err wallet_sdcwt_reveal(lw_bytes claims, lw_bytes sd_claims, lw_buf *out);

/**
 * Hash a disclosure: SHA-256 over its byte string, head included.
 *
 * disclosure  contents of the byte string
 */
LW_MUST_USE lw_err wallet_sdcwt_digest(lw_bytes disclosure, uint8_t digest[32]);

/**
 * Append the disclosure [salt, value, key] (contents, without the byte string's head).
 *
 * key    one item; empty for an element of an array
 * value  one item
 */
LW_MUST_USE lw_err wallet_sdcwt_disclosure_put(const uint8_t salt[WALLET_SALT_LEN], lw_bytes value,
                                               lw_bytes key, lw_buf *out);

/*
 * The functions of the table in wallet/format.h, rows "dc+sd-cwt" and "pass". A license's
 * credential redacts the license number (`sub`) and each claim of WALLET_DISCLOSE_CHOICE; a pass
 * redacts nothing, has a random `sub` and `cti` and no status. The issued bytes hold every
 * disclosure; present() keeps those that are shown. A presentation is the token's bytes, which
 * wallet/lq1.h carries as text.
 *
 * present() is passive (`aud` "qr:any") when show->aud is empty. Claims that a credential shows
 * anyway need not be asked for. errors  LW_E_NOT_FOUND  a claim is not in the credential.
 *
 * check() verifies a credential as it was issued, with every disclosure and no holder signature:
 * PARSE, TRUST, ISSUER_SIGNATURE, DISCLOSURES and VALIDITY; a holder key that could never sign
 * fails HOLDER_SIGNATURE, which is else skipped.
 *
 * verify() sets the checks from PARSE to VALIDITY (not REPLAY). When expect->nonce is not empty
 * and the token answers it, the nonce proves freshness in place of `iat` (specs/qr.md section 5).
 * A passive presentation outside the window leaves FRESHNESS unknown: LW_E_EXPIRED is returned,
 * unless another check fails. The issuer is found by kid, x5t or x5chain; `iss`, when present,
 * must be the issuer's agency or name. Not checked: status, replay, policy, and claim types
 * beyond those of the shared keys -70001 to -70007.
 */
lw_err wallet_sdcwt_issue(const struct wallet_issue *issue, const struct hsm_signer *signer,
                          int64_t now, lw_buf *credential);
lw_err wallet_pass_issue(const struct wallet_issue *issue, const struct hsm_signer *signer,
                         int64_t now, lw_buf *credential);
lw_err wallet_sdcwt_present(const struct wallet_license_type *type, lw_bytes credential,
                            const struct wallet_show *show, lw_buf *presentation);
lw_err wallet_sdcwt_check(lw_bytes credential, const struct wallet_expect *expect, lw_buf *arena,
                          struct wallet_checks *checks, struct wallet_verified *out);
lw_err wallet_sdcwt_verify(lw_bytes presentation, const struct wallet_expect *expect, lw_buf *arena,
                           struct wallet_checks *checks, struct wallet_verified *out);

#endif
