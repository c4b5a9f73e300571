/* The issue path (LAYOUT): a license record signed, stored and logged; credentials and passes. */
#ifndef WALLET_FLOW_ISSUE_H
#define WALLET_FLOW_ISSUE_H

#include "wallet/home.h"
#include "wallet/license.h"
#include "wallet/policy_issue.h"

/* A claim as given on the command line or by an API: which, and its text. */
struct wallet_claim_text {
    lw_str path; /* dotted */
    lw_str text;
};

struct wallet_issue_order {
    lw_str type;
    lw_str issuer;  /* agency id; empty: the type's only issuer */
    lw_str number;  /* empty: made by the type's scheme */
    lw_str version; /* empty: the next */
    const struct wallet_holder *holders;
    size_t holder_count;
    const struct wallet_claim_text *claims;
    size_t claim_count;
    int64_t valid_from;  /* Unix seconds; INT64_MIN: now */
    int64_t valid_until; /* exclusive; INT64_MIN: by the type's validity */
    lw_str actor;        /* who asks: operator or API client, for the audit log */
};

struct wallet_issued {
    char number[WALLET_NUMBER_MAX + 1];
    char version[WALLET_NUMBER_MAX + 1];
    uint8_t id[WALLET_UUID_LEN];
    uint64_t audit_index;
};

/**
 * Issue one license: permission and claims checked, number and intent durable, record signed in
 * the HSM and checked, then record, wallet entries and audit leaf in one transaction. Holders
 * that are not known are made. A license of the same number is superseded by the new version.
 *
 * errors  LW_E_VALUE, LW_E_DENIED  `faults` says why (up to *fault_count, which is set);
 *         LW_E_CONFLICT  the number's version exists; LW_E_TOKEN, LW_E_BUSY, LW_E_NOSPACE
 */
LW_MUST_USE lw_err wallet_flow_issue(struct wallet_home *home,
                                     const struct wallet_issue_order *order,
                                     struct wallet_issued *issued,
                                     struct wallet_issue_fault *faults, size_t *fault_count);

/**
 * Void the intents that a crash left behind: claims are kept only with the license, so none can be
 * finished. Called at each start that can sign.
 *
 * voided  set to how many
 */
LW_MUST_USE lw_err wallet_flow_recover(struct wallet_home *home, size_t *voided);

/* Names a license: NUMBER, or TYPE/NUMBER where two types share it. */
struct wallet_license_ref {
    lw_str type; /* may be empty */
    lw_str number;
};
struct wallet_license_ref wallet_license_ref_parse(lw_str text);

/**
 * Let the claims of a license that was loaded point into `type`, the present version of its type:
 * they point into the version it was issued under. A claim that the type has no more is left out.
 *
 * errors  LW_E_NOT_FOUND  the store lacks that version; LW_E_CORRUPT
 */
LW_MUST_USE lw_err wallet_flow_claims_now(struct wallet_home *home,
                                          const struct wallet_license_type *type,
                                          struct wallet_license *license);

/**
 * Give the holder's credential of a license in a format, made and kept when this holder key has
 * none yet: status index drawn at random, signed in the HSM, checked by the ordinary verifier
 * before release. Binding a key not seen before is noted in the audit log.
 *
 * format      "dc+sd-jwt" or "dc+sd-cwt"
 * credential  the bytes are appended
 * errors      LW_E_DENIED  the license is not active: `why` is its state; LW_E_NOT_FOUND;
 *             LW_E_CONFLICT  two types share the number
 */
LW_MUST_USE lw_err wallet_flow_credential(struct wallet_home *home, struct wallet_license_ref ref,
                                          lw_str format, const struct hsm_public_key *holder_key,
                                          lw_buf *credential);

/**
 * Make a pass of profile `pass_id`: a fresh credential of a few claims, without redaction or
 * status, for the given holder key, its times rounded down to the hour, looked up by its cti.
 */
LW_MUST_USE lw_err wallet_flow_pass(struct wallet_home *home, struct wallet_license_ref ref,
                                    lw_str pass_id, const struct hsm_public_key *holder_key,
                                    lw_buf *credential);

#endif
