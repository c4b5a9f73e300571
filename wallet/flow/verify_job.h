/* One verification while it is made. Private to wallet/flow. */
#ifndef WALLET_VERIFY_JOB_H
#define WALLET_VERIFY_JOB_H

#include "hsm/digest.h"
#include "verify_source.h"
#include "wallet/audit.h"
#include "wallet/format.h"

enum { VERIFY_NONCE_TEXT_LEN = 22 }; /* base64url of a challenge's nonce */

struct wallet_verifying {
    struct wallet_verification request;
    struct verify_view view;
    const struct wallet_format *format; /* NULL: the text could not be told */
    bool lq1;
    lw_bytes presentation;
    lw_buf payload; /* of an LQ1 */
    lw_buf arena;
    enum verify_challenge challenge;
    uint8_t nonce[VERIFY_CHALLENGE_LEN]; /* of the challenge that is answered */
    char nonce_text[VERIFY_NONCE_TEXT_LEN + 1];
    lw_err err;
    struct wallet_checks checks;
    struct wallet_verified verified;
    const struct wallet_license_type *type;
    struct wallet_status status;
    struct wallet_decision decision;
    uint8_t id[WALLET_AUDIT_RECEIPT_LEN];

    /* What is kept of it, and what the write found. */
    bool kept;                        /* something is: it may be answered once that is durable */
    bool audit;                       /* a record is; else only the challenge is taken */
    uint8_t digest[HSM_SHA256_LEN];   /* of the presentation */
    struct wallet_checks used_checks; /* what it comes to when the challenge was answered before */
    struct wallet_decision used_decision;
    bool used;
    bool seen;
    struct wallet_write write;
    void (*done)(void *ctx);
    void *done_ctx;
};

/** Decide by policy, adding to `checks`. */
void verify_decide(const struct wallet_verifying *job, struct wallet_checks *checks,
                   struct wallet_decision *decision);

/** Say what is to be kept, once all is decided that can be without a write. */
LW_MUST_USE lw_err verify_keep_prepare(struct wallet_verifying *job);

/** Keep it, if anything is, and wait until it is durable; what came of it is in `write.err`. */
void verify_keep_wait(struct wallet_verifying *job);

/** Take what the write found into checks and decision. errors  the write's */
LW_MUST_USE lw_err verify_keep_settle(struct wallet_verifying *job);

#endif
