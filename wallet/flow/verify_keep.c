/* What is kept of a verification: its record, its replay entry, the challenge it answers. */
#include <assert.h>

#include "hsm/digest.h"
#include "verify_job.h"
#include "wallet/cbor.h"
#include "wallet/store_seen.h"

enum { DETAIL_MAX = 4096 };

static lw_err put_detail(const struct wallet_verifying *job, lw_buf *detail)
{
    const struct wallet_decision *decision = job->used ? &job->used_decision : &job->decision;
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
    return wallet_cbor_put_bytes(detail, LW_BYTES(job->digest));
}

/* The first time a passive presentation is seen it is noted for a while (section 5). */
static lw_err note_seen(struct wallet_txn *txn, const struct wallet_verifying *job, bool *seen)
{
    const struct wallet_verified *v = &job->verified;
    int64_t before = INT64_MIN;
    LW_TRY(wallet_store_seen(txn, v->kb_iat, v->presentation_id, job->view.now, &before));
    *seen = before != INT64_MIN;
    return LW_SUCCESS;
}

static lw_err write_audit(struct wallet_txn *txn, const struct wallet_verifying *job)
{
    LW_AUTO_BUF detail = LW_BUF(DETAIL_MAX);
    LW_TRY(put_detail(job, &detail));
    const struct wallet_audit_event event = {
        .time = job->view.now,
        .kind = WALLET_AUDIT_VERIFIED,
        .actor = LW_STR("verifier"),
        .detail = lw_buf_view(&detail),
        .receipt = LW_BYTES(job->id),
    };
    return wallet_audit_append(txn, &event, NULL);
}

static lw_err write_record(struct wallet_txn *txn, void *ctx)
{
    struct wallet_verifying *job = ctx;
    const bool verified = job->err.code == LW_OK;
    job->used = job->challenge == VERIFY_CHALLENGE_USED && verified;
    job->seen = false;
    if (job->challenge == VERIFY_CHALLENGE_LIVE && verified) {
        LW_TRY(verify_challenge_take(txn, LW_BYTES(job->nonce), job->view.now, &job->used));
    }
    if (!job->audit) {
        return LW_SUCCESS;
    }
    if (job->challenge == VERIFY_CHALLENGE_NONE && verified) {
        LW_TRY(note_seen(txn, job, &job->seen));
    }
    if (job->decision.result == WALLET_ACCEPTED) {
        /* Issuer and holder have signed times that agree with this one. */
        LW_TRY(wallet_store_time_seen(txn, job->view.now));
    }
    return write_audit(txn, job);
}

static void settle(struct wallet_verifying *job)
{
    if (job->used) {
        job->checks = job->used_checks;
        job->decision = job->used_decision;
    } else if (job->seen) {
        wallet_check_set(&job->checks, WALLET_CHECK_REPLAY, WALLET_CHECK_UNKNOWN,
                         "seen before, a few minutes ago at most");
    } else if (job->err.code == LW_OK) {
        wallet_check_set(&job->checks, WALLET_CHECK_REPLAY, WALLET_CHECK_OK, NULL);
    }
}

static void refuse_used(const struct wallet_verifying *job, struct wallet_checks *checks,
                        struct wallet_decision *decision)
{
    wallet_check_set(checks, WALLET_CHECK_REPLAY, WALLET_CHECK_FAILED,
                     "the challenge was answered before");
    verify_decide(job, checks, decision);
}

/* With `at` nothing is kept; a challenge is taken even when no record is wanted. */
lw_err verify_keep_prepare(struct wallet_verifying *job)
{
    const bool verified = job->err.code == LW_OK;
    const bool parsed = job->checks.line[WALLET_CHECK_PARSE].result == WALLET_CHECK_OK;
    const bool now = job->request.at == INT64_MIN && job->view.verifier->home != NULL;
    const bool live = verified && job->challenge == VERIFY_CHALLENGE_LIVE;
    const bool used = verified && job->challenge == VERIFY_CHALLENGE_USED;
    job->audit = now && parsed && job->request.record;
    job->kept = job->audit || (now && live);
    if (!job->kept && used) {
        refuse_used(job, &job->checks, &job->decision);
    }
    if (!job->kept) {
        return LW_SUCCESS;
    }
    if (live || used) {
        /* Whether a challenge was answered before is known only in the write that takes it. */
        job->used_checks = job->checks;
        refuse_used(job, &job->used_checks, &job->used_decision);
    }
    job->write.fn = write_record;
    job->write.ctx = job;
    return hsm_sha256(job->presentation, job->digest);
}

bool wallet_verifying_is_kept(const struct wallet_verifying *verifying)
{
    return verifying->kept;
}

static void written(struct wallet_write *w)
{
    struct wallet_verifying *job = w->ctx;
    job->done(job->done_ctx); /* its owner may free it now */
}

lw_err wallet_verifying_submit(struct wallet_verifying *job, void (*done)(void *ctx), void *ctx)
{
    assert(job->kept);
    job->done = done;
    job->done_ctx = ctx;
    job->write.done = written;
    return wallet_store_submit(job->view.verifier->home->store, &job->write);
}

void verify_keep_wait(struct wallet_verifying *job)
{
    if (job->kept) {
        job->write.err =
            wallet_store_write(job->view.verifier->home->store, job->write.fn, job->write.ctx);
    }
}

lw_err verify_keep_settle(struct wallet_verifying *job)
{
    if (!job->kept) {
        return LW_SUCCESS;
    }
    LW_TRY(job->write.err);
    settle(job);
    return LW_SUCCESS;
}
