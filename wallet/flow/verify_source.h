/*
 * Where a verification takes trust, types and status from: a home's store, or an offline folder.
 * Private to wallet/flow.
 */
#ifndef WALLET_VERIFY_SOURCE_H
#define WALLET_VERIFY_SOURCE_H

#include "flow_common.h"
#include "wallet/flow_verify.h"
#include "wallet/store_grant.h"

enum {
    VERIFY_AUD_MAX = 512,
    VERIFY_CHALLENGE_LEN = 16, /* bytes of a challenge's nonce */
};

struct verify_offline; /* what an offline folder gave */

struct wallet_verifier {
    const struct wallet_env *env;
    struct wallet_home *home;          /* NULL: offline */
    struct verify_offline *offline;    /* NULL: online */
    struct wallet_shortcuts own;       /* offline */
    struct wallet_shortcuts shortcuts; /* what is used of its own ones, or of the home's */
    lw_buf status_prefix;              /* BASE/status/, of our own lists */
    lw_buf qr_aud;                     /* "qr:" and this verifier's id; empty offline */
};

/* What one verification sees, unchanged while it lasts. */
struct verify_view {
    struct wallet_verifier *verifier;
    int64_t now;
    const struct wallet_snapshot *snapshot; /* online */
    struct wallet_txn *txn;                 /* online; ended before anything is written */
    const struct wallet_trust *trust;
    bool trust_over;    /* the trust list is past its end and grace */
    bool trust_grace;   /* past its end, within its grace */
    bool clock_trusted; /* not earlier than the newest time that is known to have been */
};

LW_MUST_USE lw_err verify_view_open(struct wallet_verifier *verifier, int64_t now,
                                    struct verify_view *view);
/** End the view's transaction; the rest stays. */
void verify_view_end_reading(struct verify_view *view);
void verify_view_close(struct verify_view *view);
#define VERIFY_AUTO_VIEW __attribute__((cleanup(verify_view_close))) struct verify_view

/** Find the type of a vct, or NULL. */
const struct wallet_license_type *verify_view_type(const struct verify_view *view, lw_str vct);

/** Say what is known of the status. errors  environment only */
LW_MUST_USE lw_err verify_view_status(const struct verify_view *view,
                                      const struct wallet_verified *verified,
                                      struct wallet_status *status);

/* Of an offline folder: its parts, as the functions above use them. */
LW_MUST_USE lw_err verify_offline_open(const char *dir, const struct wallet_env *env,
                                       struct verify_offline **offline);
void verify_offline_free(struct verify_offline *offline);
void verify_offline_view(struct verify_offline *offline, struct verify_view *view);
const struct wallet_license_type *verify_offline_type(const struct verify_offline *offline,
                                                      lw_str vct);
struct wallet_status verify_offline_status(const struct verify_view *view,
                                           const struct wallet_verified *verified);

/* A challenge as the store has it. */
enum verify_challenge {
    VERIFY_CHALLENGE_NONE, /* none of ours, or purged */
    VERIFY_CHALLENGE_LIVE,
    VERIFY_CHALLENGE_OVER, /* its time is past */
    VERIFY_CHALLENGE_USED, /* answered before */
};

/** Look a nonce up, without taking it. */
LW_MUST_USE lw_err verify_challenge_find(const struct verify_view *view, lw_bytes nonce,
                                         enum verify_challenge *found);

/**
 * Take a challenge for an answer and note that it was answered.
 *
 * used  set to whether another answer was first
 */
LW_MUST_USE lw_err verify_challenge_take(struct wallet_txn *txn, lw_bytes nonce, int64_t now,
                                         bool *used);

/** Fill in what the answer says of a verified presentation; claims only when it was accepted. */
LW_MUST_USE lw_err answer_describe(const struct wallet_verified *verified,
                                   const struct wallet_license_type *type,
                                   struct wallet_answer *answer);

#endif
