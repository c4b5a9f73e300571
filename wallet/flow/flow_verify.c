/* The verify path: decode, verify, look the status up, decide, record. */
#include "wallet/flow_verify.h"

#include <stdlib.h>

#include "verify_job.h"
#include "wallet/base64.h"
#include "wallet/lq1.h"
#include "wallet/sdcwt.h"
#include "wallet/sdjwt_vc.h"

enum {
    TEXT_MAX_BYTES = 64 * 1024,
    ARENA_MAX = 4 * TEXT_MAX_BYTES + 4096,
    CLAIMS_MAX = 256 * 1024,
    NAME_MAX_BYTES = 4096,
    LQ1_PAST_S = 45, /* specs/qr.md section 5 */
    LQ1_AHEAD_S = 30,
    MS_PER_S = 1000,
    SDJWT_PAST_S = 300, /* specs/sd-jwt-vc.md SDJ-19 */
    SDJWT_AHEAD_S = 60,
};

static bool is_environment(lw_err err)
{
    const lw_class class = lw_err_class(err.code);
    return class == LW_CLASS_ENVIRONMENT || class == LW_CLASS_BUSY;
}

/* Three parts joined by dots, then a tilde: an SD-JWT, with or without key binding. */
static bool looks_like_sdjwt(lw_str text)
{
    lw_str jwt = {NULL, 0};
    lw_str rest = {NULL, 0};
    size_t dots = 0;
    if (!lw_str_split(text, '~', &jwt, &rest)) {
        return false;
    }
    for (size_t i = 0; i < jwt.len; i++) {
        dots += jwt.ptr[i] == '.' ? 1 : 0;
    }
    return dots == 2;
}

/* A check's detail is the reason without the module's name. */
static const char *detail_of(lw_err err)
{
    const char *colon = err.why == NULL ? NULL : strstr(err.why, ": ");
    return colon == NULL ? err.why : colon + 2;
}

/* What is no presentation at all is refused here; only want of memory is an error. */
static lw_err decode(struct wallet_verifying *job)
{
    const lw_str text = job->request.text;
    lw_err err = LW_SUCCESS;
    if (text.len > TEXT_MAX_BYTES) {
        err = LW_FAIL(LW_E_LIMIT, "verify: the text is too long", LW_NOWHERE);
    } else if (lw_str_starts(text, LW_STR("LQ1:"))) {
        job->lq1 = true;
        err = wallet_lq1_read(text, &job->payload);
        job->presentation = lw_buf_view(&job->payload);
        job->format = wallet_format_by_name(LW_STR("dc+sd-cwt"));
    } else if (looks_like_sdjwt(text)) {
        job->presentation = lw_str_bytes(text);
        job->format = wallet_format_by_name(LW_STR("dc+sd-jwt"));
    } else {
        err = LW_FAIL(LW_E_SYNTAX, "verify: neither an LQ1 text nor an SD-JWT", LW_NOWHERE);
    }
    if (is_environment(err)) {
        return err;
    }
    job->err = err;
    wallet_check_set(&job->checks, WALLET_CHECK_DECODE,
                     err.code == LW_OK ? WALLET_CHECK_OK : WALLET_CHECK_FAILED, detail_of(err));
    return LW_SUCCESS;
}

/*
 * The nonce, perhaps of a challenge of ours, that is to be answered: what the caller expects, else
 * what the presentation says; unverified then, for looking it up only.
 */
static bool read_nonce(struct wallet_verifying *job)
{
    if (job->lq1) {
        lw_bytes cnonce;
        if (wallet_sdkbt_cnonce(job->presentation, &cnonce).code != LW_OK || cnonce.len == 0) {
            return false;
        }
        memcpy(job->nonce, cnonce.ptr, sizeof(job->nonce));
        return true;
    }
    lw_str nonce = job->request.nonce;
    LW_AUTO_BUF arena = LW_BUF(ARENA_MAX);
    if (nonce.len == 0 && wallet_sdjwt_vc_nonce(job->presentation, &arena, &nonce).code != LW_OK) {
        return false;
    }
    return wallet_base64url_decode_exact(nonce, job->nonce, sizeof(job->nonce)).code == LW_OK;
}

static lw_err find_challenge(struct wallet_verifying *job)
{
    if (job->view.txn == NULL || !read_nonce(job)) {
        return LW_SUCCESS;
    }
    wallet_base64url_write(LW_BYTES(job->nonce), job->nonce_text);
    return verify_challenge_find(&job->view, LW_BYTES(job->nonce), &job->challenge);
}

static struct wallet_expect expectation(const struct wallet_verifying *job)
{
    const struct wallet_verifier *verifier = job->view.verifier;
    const bool ours = job->challenge != VERIFY_CHALLENGE_NONE;
    struct wallet_expect expect = {
        .now = job->view.now,
        .trust = job->view.trust,
        .skew_s = FLOW_SKEW_S,
        .shortcuts = &verifier->shortcuts,
    };
    if (job->lq1) {
        expect.passive = true; /* whether that is enough is the policy's to say */
        expect.aud = lw_buf_text(&verifier->qr_aud);
        expect.nonce = ours ? LW_BYTES(job->nonce) : (lw_bytes){NULL, 0};
        expect.window_past_s = LQ1_PAST_S;
        expect.window_ahead_s = LQ1_AHEAD_S;
        return expect;
    }
    expect.aud = job->request.aud;
    if (expect.aud.len == 0 && verifier->home != NULL) {
        expect.aud = lw_str_c(verifier->home->config->base_url);
    }
    expect.nonce = lw_str_bytes(job->request.nonce);
    if (ours) {
        expect.nonce = (lw_bytes){(const uint8_t *)job->nonce_text, VERIFY_NONCE_TEXT_LEN};
    }
    expect.window_past_s = SDJWT_PAST_S;
    expect.window_ahead_s = SDJWT_AHEAD_S;
    return expect;
}

static void doubt(struct wallet_verifying *job, enum wallet_check check, const char *why)
{
    wallet_check_set(&job->checks, check, WALLET_CHECK_UNKNOWN, why);
    job->err = LW_FAIL(LW_E_EXPIRED, why, LW_NOWHERE);
}

static lw_err check_format(struct wallet_verifying *job)
{
    const struct wallet_expect expect = expectation(job);
    job->err =
        job->format->verify(job->presentation, &expect, &job->arena, &job->checks, &job->verified);
    if (is_environment(job->err)) {
        return job->err;
    }
    if (job->view.trust_grace && job->checks.line[WALLET_CHECK_TRUST].result == WALLET_CHECK_OK) {
        job->checks.line[WALLET_CHECK_TRUST].detail =
            "the trust list is past its end, within its grace: synchronise";
    }
    if (job->err.code != LW_OK) {
        return LW_SUCCESS;
    }
    job->type = verify_view_type(&job->view, job->verified.vct);
    LW_TRY(verify_view_status(&job->view, &job->verified, &job->status));
    if (job->challenge == VERIFY_CHALLENGE_OVER) {
        doubt(job, WALLET_CHECK_FRESHNESS, "the challenge is over");
    }
    if (job->view.trust_over) {
        doubt(job, WALLET_CHECK_TRUST, "the trust list is past its end: synchronise");
    }
    return LW_SUCCESS;
}

void verify_decide(const struct wallet_verifying *job, struct wallet_checks *checks,
                   struct wallet_decision *decision)
{
    const bool verified = job->err.code == LW_OK;
    const struct wallet_policy_input in = {
        .err = job->err,
        .verified = verified ? &job->verified : NULL,
        .type = job->type,
        .status = job->status,
        .facts =
            {
                .now = job->view.now,
                .skew_s = FLOW_SKEW_S,
                .clock_trusted = job->view.clock_trusted || job->request.at != INT64_MIN,
                .challenge_demanded = job->request.challenge_only,
                .challenge_answered = job->challenge == VERIFY_CHALLENGE_LIVE ||
                                      job->challenge == VERIFY_CHALLENGE_USED ||
                                      (!job->lq1 && job->request.nonce.len > 0),
                .holder_required = true,
                .passes_known = job->view.verifier->home != NULL,
            },
    };
    wallet_policy_decide(&in, checks, decision);
}

static lw_err fill_answer(const struct wallet_verifying *job, struct wallet_answer *answer)
{
    const struct wallet_decision *decision = &job->decision;
    answer->result = decision->result;
    answer->reason_code = wallet_reason_code(decision->reason);
    answer->reason_text = wallet_reason_text(decision->reason, job->request.locale);
    answer->reason_next = wallet_reason_next(decision->reason, job->request.locale);
    answer->checks = job->checks;
    answer->status_value = decision->status_value;
    answer->status_as_of = decision->status_as_of;
    answer->status_age_s =
        decision->status_as_of == INT64_MIN ? 0 : job->view.now - decision->status_as_of;
    return job->err.code == LW_OK ? answer_describe(&job->verified, job->type, answer) : LW_SUCCESS;
}

/* The time is only for the order of receipts in the store; the rest cannot be guessed. */
static lw_err draw_id(struct wallet_verifying *job)
{
    const struct wallet_env *env = job->view.verifier->env;
    const int64_t ms = job->view.now * MS_PER_S + lw_mono_ms(env->clock) % MS_PER_S;
    for (unsigned i = 0; i < WALLET_AUDIT_RECEIPT_TIME_LEN; i++) {
        job->id[WALLET_AUDIT_RECEIPT_TIME_LEN - 1 - i] = (uint8_t)((uint64_t)ms >> (8 * i));
    }
    return lw_rng_fill(env->rng, job->id + WALLET_AUDIT_RECEIPT_TIME_LEN,
                       sizeof(job->id) - WALLET_AUDIT_RECEIPT_TIME_LEN);
}

static lw_err run(struct wallet_verifying *job)
{
    LW_TRY(draw_id(job));
    LW_TRY(decode(job));
    if (job->err.code == LW_OK) {
        LW_TRY(find_challenge(job));
        LW_TRY(check_format(job));
    }
    verify_decide(job, &job->checks, &job->decision);
    LW_TRY(verify_keep_prepare(job));
    verify_view_end_reading(&job->view); /* a thread that waits for a write must not read */
    return LW_SUCCESS;
}

lw_err wallet_verifying_begin(struct wallet_verifier *verifier,
                              const struct wallet_verification *request,
                              struct wallet_verifying **verifying)
{
    const int64_t now = request->at == INT64_MIN ? lw_now(verifier->env->clock) : request->at;
    struct wallet_verifying *job = calloc(1, sizeof(*job));
    if (job == NULL) {
        return LW_FAIL(LW_E_NOMEM, "verify: out of memory", LW_NOWHERE);
    }
    job->request = *request;
    job->payload = LW_BUF(WALLET_LQ1_PAYLOAD_MAX);
    job->arena = LW_BUF(ARENA_MAX);
    job->status = wallet_status_none();
    lw_err err = verify_view_open(verifier, now, &job->view);
    err = err.code == LW_OK ? run(job) : err;
    if (err.code != LW_OK) {
        wallet_verifying_free(job);
        return err;
    }
    *verifying = job;
    return LW_SUCCESS;
}

lw_err wallet_verifying_end(struct wallet_verifying *job, struct wallet_answer *answer)
{
    *answer = (struct wallet_answer){
        .result = WALLET_UNDETERMINED,
        .type = LW_BUF(NAME_MAX_BYTES),
        .agency = LW_BUF(NAME_MAX_BYTES),
        .issuer_name = LW_BUF(NAME_MAX_BYTES),
        .claims = LW_BUF(CLAIMS_MAX),
        .status_as_of = INT64_MIN,
    };
    LW_TRY(verify_keep_settle(job));
    wallet_base64url_write(LW_BYTES(job->id), answer->id);
    if (job->audit) {
        memcpy(answer->receipt, answer->id, sizeof(answer->receipt));
    }
    return fill_answer(job, answer);
}

void wallet_verifying_free(struct wallet_verifying *job)
{
    if (job != NULL) {
        verify_view_close(&job->view);
        lw_buf_free(&job->payload);
        lw_buf_free(&job->arena);
        free(job);
    }
}

static void free_job(struct wallet_verifying **job)
{
    wallet_verifying_free(*job);
}

lw_err wallet_flow_verify(struct wallet_verifier *verifier,
                          const struct wallet_verification *request, struct wallet_answer *answer)
{
    __attribute__((cleanup(free_job))) struct wallet_verifying *job = NULL;
    LW_TRY(wallet_verifying_begin(verifier, request, &job));
    verify_keep_wait(job);
    return wallet_verifying_end(job, answer);
}
