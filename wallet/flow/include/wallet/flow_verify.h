/* The verify path (LAYOUT): text in, one answer of three values out. */
#ifndef WALLET_FLOW_VERIFY_H
#define WALLET_FLOW_VERIFY_H

#include "wallet/check.h"
#include "wallet/home.h"
#include "wallet/policy_accept.h"

/* Where keys, lists and types come from: this home's store, or an offline folder. */
struct wallet_verifier;
#define WALLET_AUTO_VERIFIER __attribute__((cleanup(wallet_verifier_auto))) struct wallet_verifier *

/** Verify against this home: its own lists are read from the store; passes by their cti. */
LW_MUST_USE lw_err wallet_verifier_online(struct wallet_home *home,
                                          struct wallet_verifier **verifier);

/**
 * Verify with nothing but what wallet_flow_sync() put into `dir`.
 *
 * errors  LW_E_NOT_FOUND  no trust list there; LW_E_SIGNATURE, LW_E_UNTRUSTED  it does not hold
 */
LW_MUST_USE lw_err wallet_verifier_offline(const char *dir, const struct wallet_env *env,
                                           struct wallet_verifier **verifier);
void wallet_verifier_free(struct wallet_verifier *verifier);
static inline void wallet_verifier_auto(struct wallet_verifier **verifier)
{
    wallet_verifier_free(*verifier);
}

/**
 * Let a verifier do without tables of issuers' keys, and without what it has seen. The verdicts
 * are the same; `lw bench` shows what each saves.
 */
void wallet_verifier_limit(struct wallet_verifier *verifier, bool tables, bool seen);

/* A presentation is known again for so long after it was made: longer than it can be accepted. */
enum { WALLET_SEEN_KEPT_S = 420 };

struct wallet_verification {
    lw_str text;  /* what was scanned or sent: LQ1:, or an SD-JWT+KB */
    int64_t at;   /* INT64_MIN: now; else as of then, with no record and no receipt */
    bool record;  /* false: no record, no receipt, no replay entry; a challenge that is
                     answered is taken all the same */
    lw_str aud;   /* SD-JWT: the audience expected; empty: the home's base URL */
    lw_str nonce; /* SD-JWT: the nonce expected; empty: the base64url text of the nonce of one
                     of our live challenges. One of ours is taken in either case */
    bool challenge_only; /* passive presentations are not enough */
    lw_str locale;       /* "zh" or "en", for the reason's text */
};

/* An answer owns what it says; zero it first, free it after. */
struct wallet_answer {
    enum wallet_result result;
    char id[32];             /* public handle of this verification */
    const char *reason_code; /* static; NULL when accepted */
    const char *reason_text; /* static, in the locale */
    const char *reason_next; /* static, what to do; may be NULL */
    struct wallet_checks checks;
    lw_buf type; /* license type id or vct; may be empty */
    lw_buf agency;
    lw_buf issuer_name;
    bool holder_proven;
    lw_buf claims;            /* JSON object of the claims shown; "{}" unless accepted */
    const char *status_value; /* "valid", "suspended", "revoked", "unknown"; NULL: none */
    int64_t status_as_of;     /* Unix seconds; INT64_MIN when none */
    int64_t status_age_s;
    char receipt[32]; /* its id; "" when no record was made */
};
#define WALLET_AUTO_ANSWER __attribute__((cleanup(wallet_answer_free))) struct wallet_answer

/**
 * Decide on one presentation. Refusals and doubts are answers, not errors. What cannot be decoded
 * and parsed is refused without a record. An answer to a challenge counts once: the challenge is
 * taken in the transaction of the record when all signatures held, so that of many that race one
 * is accepted. A passive presentation seen before keeps its result, and its check
 * `replay` says so.
 *
 * The record's detail is a CBOR map: {1: result as enum wallet_result, 2: reason code or "",
 * 3: format, 4: license type or "", 5: SHA-256 of the presentation}.
 *
 * answer  zeroed by the caller; filled on success
 * errors  environment only: LW_E_NOMEM, LW_E_NOSPACE, LW_E_BUSY, LW_E_CORRUPT
 */
LW_MUST_USE lw_err wallet_flow_verify(struct wallet_verifier *verifier,
                                      const struct wallet_verification *request,
                                      struct wallet_answer *answer);
void wallet_answer_free(struct wallet_answer *answer);

/*
 * The same in steps, for a caller that must not wait for the disk: begin; when something is kept,
 * submit and go on once `done` was called; end, which gives the answer; free. One thread at a
 * time, not the same in each step.
 */
struct wallet_verifying;

/**
 * Decide as far as can be without a write.
 *
 * request    copied; what its slices name stays in place until the verification is freed
 * verifying  the caller's, to be freed; holds no transaction
 * errors     as wallet_flow_verify()
 */
LW_MUST_USE lw_err wallet_verifying_begin(struct wallet_verifier *verifier,
                                          const struct wallet_verification *request,
                                          struct wallet_verifying **verifying);

/** Say whether something is kept: a record, or a challenge that is taken. It is submitted then. */
bool wallet_verifying_is_kept(const struct wallet_verifying *verifying);

/**
 * Queue what is kept.
 *
 * done    called once, in the writer's thread, when it is durable or has failed; must not block;
 *         may be called before this returns, and the verification be freed by then
 * errors  as wallet_store_submit(): `done` is not called then
 */
LW_MUST_USE lw_err wallet_verifying_submit(struct wallet_verifying *verifying,
                                           void (*done)(void *ctx), void *ctx);

/**
 * Give the answer; once, after `done`, or right after begin where nothing is kept.
 *
 * answer  zeroed by the caller; freed by it, also after an error
 * errors  as wallet_flow_verify(), the write's included: nothing was kept then
 */
LW_MUST_USE lw_err wallet_verifying_end(struct wallet_verifying *verifying,
                                        struct wallet_answer *answer);
/** Not between submit and `done`. Accepts NULL. */
void wallet_verifying_free(struct wallet_verifying *verifying);

/** Append the answer as SHAPES "Answers" has it. */
LW_MUST_USE lw_err wallet_answer_json(const struct wallet_answer *answer, lw_buf *json);

/**
 * Make a challenge: 16 random bytes kept for single use until `life_s` from now.
 *
 * requested  dotted claim paths of `type`, may be none
 * text       "LC1:..." is appended
 */
LW_MUST_USE lw_err wallet_flow_challenge(struct wallet_home *home, lw_str type,
                                         const lw_str *requested, size_t count, int64_t life_s,
                                         lw_buf *text);

/**
 * Append a receipt as JSON: the leaf, its opening, the inclusion proof and the signed head, each
 * checked before it is given out.
 *
 * errors  LW_E_NOT_FOUND; LW_E_BUSY  no signed head covers it yet: within a second, where the
 *         service runs; LW_E_CORRUPT  it does not hold
 */
LW_MUST_USE lw_err wallet_flow_receipt(struct wallet_home *home, lw_str id, lw_buf *json);

/**
 * Read the QR code of a PNG or JPEG with `lw-scan`.
 *
 * errors  LW_E_SYNTAX  no image that can be read; LW_E_NOT_FOUND  an image without a code;
 *         LW_E_LIMIT  larger than 16 MiB or 40 million pixels; LW_E_TIMEOUT; LW_E_IO
 */
LW_MUST_USE lw_err wallet_scan_image(const char *scan_program, lw_bytes image, lw_buf *text);

#endif
