/* The verify path: decode, verify, look the status up, decide, record. */
#include "wallet/flow_verify.h"

#include "hsm/digest.h"
#include "verify_source.h"
#include "wallet/base64.h"
#include "wallet/cbor.h"
#include "wallet/format.h"
#include "wallet/lq1.h"
#include "wallet/sdcwt.h"
#include "wallet/sdjwt_vc.h"

enum {
    TEXT_MAX_BYTES = 64 * 1024,
    ARENA_MAX = 4 * TEXT_MAX_BYTES + 4096,
    CLAIMS_MAX = 256 * 1024,
    NAME_MAX_BYTES = 4096,
    DETAIL_MAX = 4096,
    LQ1_PAST_S = 45, /* specs/qr.md section 5 */
    LQ1_AHEAD_S = 30,
    LQ1_SEEN_S = 120,
    SDJWT_PAST_S = 300, /* specs/sd-jwt-vc.md SDJ-19 */
    SDJWT_AHEAD_S = 60,
    NONCE_TEXT_LEN = 22, /* base64url of a challenge's nonce */
};

/* One verification while it is made. */
struct job {
    const struct wallet_verification *request;
    struct verify_view view;
    const struct wallet_format *format; /* NULL: the text could not be told */
    bool lq1;
    lw_bytes presentation;
    lw_buf payload; /* of an LQ1 */
    lw_buf arena;
    enum verify_challenge challenge;
    uint8_t nonce[VERIFY_CHALLENGE_LEN]; /* of the challenge that is answered */
    char nonce_text[NONCE_TEXT_LEN + 1];
    lw_err err;
    struct wallet_checks checks;
    struct wallet_verified verified;
    const struct wallet_license_type *type;
    struct wallet_status status;
    struct wallet_decision decision;
};

static void free_job(struct job *job)
{
    verify_view_close(&job->view);
    lw_buf_free(&job->payload);
    lw_buf_free(&job->arena);
}
#define AUTO_JOB __attribute__((cleanup(free_job))) struct job

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
static lw_err decode(struct job *job)
{
    const lw_str text = job->request->text;
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

/* The nonce of ours that the presentation says it answers; unverified, for looking it up only. */
static bool read_nonce(struct job *job)
{
    if (job->lq1) {
        struct wallet_sdkbt kbt;
        if (wallet_sdkbt_parse(job->presentation, &kbt).code != LW_OK ||
            kbt.cnonce.len != sizeof(job->nonce)) {
            return false;
        }
        memcpy(job->nonce, kbt.cnonce.ptr, sizeof(job->nonce));
        return true;
    }
    lw_str nonce = {NULL, 0};
    LW_AUTO_BUF arena = LW_BUF(ARENA_MAX);
    if (wallet_sdjwt_vc_nonce(job->presentation, &arena, &nonce).code != LW_OK) {
        return false;
    }
    return wallet_base64url_decode_exact(nonce, job->nonce, sizeof(job->nonce)).code == LW_OK;
}

static lw_err find_challenge(struct job *job)
{
    if (job->request->nonce.len > 0 || job->view.txn == NULL || !read_nonce(job)) {
        return LW_SUCCESS;
    }
    wallet_base64url_write(LW_BYTES(job->nonce), job->nonce_text);
    return verify_challenge_find(&job->view, LW_BYTES(job->nonce), &job->challenge);
}

static struct wallet_expect expectation(const struct job *job)
{
    const struct wallet_verifier *verifier = job->view.verifier;
    const bool ours = job->challenge != VERIFY_CHALLENGE_NONE;
    struct wallet_expect expect = {
        .now = job->view.now,
        .trust = job->view.trust,
        .skew_s = FLOW_SKEW_S,
    };
    if (job->lq1) {
        expect.passive = true; /* whether that is enough is the policy's to say */
        expect.aud = lw_buf_text(&verifier->qr_aud);
        expect.nonce = ours ? LW_BYTES(job->nonce) : (lw_bytes){NULL, 0};
        expect.window_past_s = LQ1_PAST_S;
        expect.window_ahead_s = LQ1_AHEAD_S;
        return expect;
    }
    expect.aud = job->request->aud;
    if (expect.aud.len == 0 && verifier->home != NULL) {
        expect.aud = lw_str_c(verifier->home->config->base_url);
    }
    expect.nonce = lw_str_bytes(job->request->nonce);
    if (ours) {
        expect.nonce = (lw_bytes){(const uint8_t *)job->nonce_text, NONCE_TEXT_LEN};
    }
    expect.window_past_s = SDJWT_PAST_S;
    expect.window_ahead_s = SDJWT_AHEAD_S;
    return expect;
}

static void doubt(struct job *job, enum wallet_check check, const char *why)
{
    wallet_check_set(&job->checks, check, WALLET_CHECK_UNKNOWN, why);
    job->err = LW_FAIL(LW_E_EXPIRED, why, LW_NOWHERE);
}

static lw_err check_format(struct job *job)
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

static void decide(const struct job *job, struct wallet_checks *checks,
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
                .clock_trusted = job->view.clock_trusted || job->request->at != INT64_MIN,
                .challenge_demanded = job->request->challenge_only,
                .challenge_answered = job->challenge == VERIFY_CHALLENGE_LIVE ||
                                      job->challenge == VERIFY_CHALLENGE_USED ||
                                      (!job->lq1 && job->request->nonce.len > 0),
                .holder_required = true,
                .passes_known = job->view.verifier->home != NULL,
            },
    };
    wallet_policy_decide(&in, checks, decision);
}

/* What is kept of a verification, and what the write found. */
struct record {
    struct job *job;
    const uint8_t *id;
    uint8_t digest[HSM_SHA256_LEN];   /* of the presentation */
    struct wallet_checks used_checks; /* what it comes to when the challenge was answered before */
    struct wallet_decision used_decision;
    bool audit; /* false: only the challenge is taken */
    bool used;
    bool seen;
};

static lw_err put_detail(const struct record *r, lw_buf *detail)
{
    const struct job *job = r->job;
    const struct wallet_decision *decision = r->used ? &r->used_decision : &job->decision;
    const char *code = wallet_reason_code(decision->reason);
    const bool verified = job->err.code == LW_OK;
    LW_TRY(wallet_cbor_put_map(detail, 5));
    LW_TRY(wallet_cbor_put_uint(detail, 1));
    LW_TRY(wallet_cbor_put_uint(detail, (uint64_t)decision->result));
    LW_TRY(wallet_cbor_put_uint(detail, 2));
    LW_TRY(wallet_cbor_put_text(detail, lw_str_c(code == NULL ? "" : code)));
    LW_TRY(wallet_cbor_put_uint(detail, 3));
    LW_TRY(wallet_cbor_put_text(detail,
                                lw_str_c(verified ? job->verified.format : job->format->name)));
    LW_TRY(wallet_cbor_put_uint(detail, 4));
    LW_TRY(wallet_cbor_put_text(detail, job->type == NULL ? LW_STR("") : job->type->id));
    LW_TRY(wallet_cbor_put_uint(detail, 5));
    return wallet_cbor_put_bytes(detail, LW_BYTES(r->digest));
}

/* The first time a passive presentation is seen it is noted for a while (section 5). */
static lw_err note_seen(struct wallet_txn *txn, const struct job *job, bool *seen)
{
    const struct wallet_grant_name name = {.kind = WALLET_GRANT_REPLAY,
                                           .handle = LW_BYTES(job->verified.presentation_id)};
    const int64_t now = job->view.now;
    const lw_err err = wallet_store_grant_peek(txn, name, now, NULL);
    *seen = err.code == LW_OK;
    if (err.code == LW_E_NOT_FOUND || err.code == LW_E_EXPIRED) {
        return wallet_store_grant_put(txn, name, (lw_bytes){NULL, 0}, now, now + LQ1_SEEN_S);
    }
    return err;
}

static lw_err write_audit(struct wallet_txn *txn, const struct record *r)
{
    LW_AUTO_BUF detail = LW_BUF(DETAIL_MAX);
    LW_TRY(put_detail(r, &detail));
    const struct wallet_audit_event event = {
        .time = r->job->view.now,
        .kind = WALLET_AUDIT_VERIFIED,
        .actor = LW_STR("verifier"),
        .detail = lw_buf_view(&detail),
        .receipt = {.ptr = r->id, .len = WALLET_AUDIT_RECEIPT_LEN},
    };
    return wallet_audit_append(txn, &event, NULL);
}

static lw_err write_record(struct wallet_txn *txn, void *ctx)
{
    struct record *r = ctx;
    const struct job *job = r->job;
    const bool verified = job->err.code == LW_OK;
    r->used = job->challenge == VERIFY_CHALLENGE_USED && verified;
    r->seen = false;
    if (job->challenge == VERIFY_CHALLENGE_LIVE && verified) {
        LW_TRY(verify_challenge_take(txn, LW_BYTES(job->nonce), job->view.now, &r->used));
    }
    if (!r->audit) {
        return LW_SUCCESS;
    }
    if (job->challenge == VERIFY_CHALLENGE_NONE && verified) {
        LW_TRY(note_seen(txn, job, &r->seen));
    }
    if (job->decision.result == WALLET_ACCEPTED) {
        /* Issuer and holder have signed times that agree with this one. */
        LW_TRY(wallet_store_time_seen(txn, job->view.now));
    }
    return write_audit(txn, r);
}

static void settle(struct job *job, const struct record *r)
{
    if (r->used) {
        job->checks = r->used_checks;
        job->decision = r->used_decision;
    } else if (r->seen) {
        wallet_check_set(&job->checks, WALLET_CHECK_REPLAY, WALLET_CHECK_UNKNOWN,
                         "seen before, less than two minutes ago");
    } else if (job->err.code == LW_OK) {
        wallet_check_set(&job->checks, WALLET_CHECK_REPLAY, WALLET_CHECK_OK, NULL);
    }
}

/* Whether a challenge was answered before is known only in the write that takes it. */
static lw_err record(struct job *job, const uint8_t id[WALLET_AUDIT_RECEIPT_LEN], bool audit)
{
    struct record r = {.job = job, .id = id, .used_checks = job->checks, .audit = audit};
    LW_TRY(hsm_sha256(job->presentation, r.digest));
    wallet_check_set(&r.used_checks, WALLET_CHECK_REPLAY, WALLET_CHECK_FAILED,
                     "the challenge was answered before");
    decide(job, &r.used_checks, &r.used_decision);
    verify_view_end_reading(&job->view);
    LW_TRY(wallet_store_write(job->view.verifier->home->store, write_record, &r));
    settle(job, &r);
    return LW_SUCCESS;
}

/* With `at` nothing is kept; a challenge is taken even when no record is wanted. */
static lw_err keep(struct job *job, const uint8_t id[WALLET_AUDIT_RECEIPT_LEN], bool *audit)
{
    const bool parsed = job->checks.line[WALLET_CHECK_PARSE].result == WALLET_CHECK_OK;
    const bool now = job->request->at == INT64_MIN && job->view.verifier->home != NULL;
    *audit = now && parsed && job->request->record;
    if (*audit || (now && job->err.code == LW_OK && job->challenge == VERIFY_CHALLENGE_LIVE)) {
        return record(job, id, *audit);
    }
    if (job->err.code == LW_OK && job->challenge == VERIFY_CHALLENGE_USED) {
        wallet_check_set(&job->checks, WALLET_CHECK_REPLAY, WALLET_CHECK_FAILED,
                         "the challenge was answered before");
        decide(job, &job->checks, &job->decision);
    }
    return LW_SUCCESS;
}

static lw_err fill_answer(const struct job *job, struct wallet_answer *answer)
{
    const struct wallet_decision *decision = &job->decision;
    answer->result = decision->result;
    answer->reason_code = wallet_reason_code(decision->reason);
    answer->reason_text = wallet_reason_text(decision->reason, job->request->locale);
    answer->reason_next = wallet_reason_next(decision->reason, job->request->locale);
    answer->checks = job->checks;
    answer->status_value = decision->status_value;
    answer->status_as_of = decision->status_as_of;
    answer->status_age_s =
        decision->status_as_of == INT64_MIN ? 0 : job->view.now - decision->status_as_of;
    return job->err.code == LW_OK ? answer_describe(&job->verified, job->type, answer) : LW_SUCCESS;
}

static lw_err run(struct job *job, struct wallet_answer *answer)
{
    uint8_t id[WALLET_AUDIT_RECEIPT_LEN];
    bool audit = false;
    LW_TRY(lw_rng_fill(job->view.verifier->env->rng, id, sizeof(id)));
    wallet_base64url_write(LW_BYTES(id), answer->id);
    LW_TRY(decode(job));
    if (job->err.code == LW_OK) {
        LW_TRY(find_challenge(job));
        LW_TRY(check_format(job));
    }
    decide(job, &job->checks, &job->decision);
    LW_TRY(keep(job, id, &audit));
    if (audit) {
        memcpy(answer->receipt, answer->id, sizeof(answer->receipt));
    }
    return fill_answer(job, answer);
}

lw_err wallet_flow_verify(struct wallet_verifier *verifier,
                          const struct wallet_verification *request, struct wallet_answer *answer)
{
    const int64_t now = request->at == INT64_MIN ? lw_now(verifier->env->clock) : request->at;
    AUTO_JOB job = {
        .request = request,
        .payload = LW_BUF(WALLET_LQ1_PAYLOAD_MAX),
        .arena = LW_BUF(ARENA_MAX),
        .err = LW_SUCCESS,
        .status = wallet_status_none(),
    };
    *answer = (struct wallet_answer){
        .result = WALLET_UNDETERMINED,
        .type = LW_BUF(NAME_MAX_BYTES),
        .agency = LW_BUF(NAME_MAX_BYTES),
        .issuer_name = LW_BUF(NAME_MAX_BYTES),
        .claims = LW_BUF(CLAIMS_MAX),
        .status_as_of = INT64_MIN,
    };
    LW_TRY(verify_view_open(verifier, now, &job.view));
    return run(&job, answer);
}
