#include "wallet/policy_accept.h"

#include "lw/clock.h"
#include "wallet/cbor.h"

/* One decision in the making: the lines of the answer and, beside each, why it is as it is. */
struct work {
    const struct wallet_policy_input *in;
    struct wallet_checks *checks;
    enum wallet_reason reasons[WALLET_CHECK_COUNT];
};

static void set_line(struct work *w, enum wallet_check check, enum wallet_check_result result,
                     enum wallet_reason reason, const char *detail)
{
    wallet_check_set(w->checks, check, result, detail);
    w->reasons[check] = reason;
}

static void fail(struct work *w, enum wallet_check check, enum wallet_reason reason,
                 const char *detail)
{
    set_line(w, check, WALLET_CHECK_FAILED, reason, detail);
}

static void leave_open(struct work *w, enum wallet_check check, enum wallet_reason reason,
                       const char *detail)
{
    set_line(w, check, WALLET_CHECK_UNKNOWN, reason, detail);
}

static void pass(struct work *w, enum wallet_check check, const char *detail)
{
    set_line(w, check, WALLET_CHECK_OK, WALLET_REASON_NONE, detail);
}

/* wallet_trust_allows() tells these apart by code. */
static enum wallet_reason trust_reason(lw_code code)
{
    if (code == LW_E_DENIED) {
        return WALLET_REASON_ISSUER_NOT_ALLOWED;
    }
    if (code == LW_E_CONFLICT) {
        return WALLET_REASON_ISSUER_REVOKED;
    }
    return code == LW_E_EXPIRED ? WALLET_REASON_ISSUER_EXPIRED : WALLET_REASON_ISSUER_UNKNOWN;
}

/* Both ends of a credential's time have one code; the line's detail names which it is. */
static enum wallet_reason validity_reason(lw_code code, const char *detail)
{
    if (code != LW_E_EXPIRED) {
        return WALLET_REASON_TIMES_INCONSISTENT;
    }
    return detail != NULL && strstr(detail, "expired") != NULL ? WALLET_REASON_EXPIRED
                                                               : WALLET_REASON_NOT_YET_VALID;
}

/* Why a line that decoder, format or replay cache left is not ok. */
static enum wallet_reason given_reason(enum wallet_check check,
                                       const struct wallet_check_line *line, lw_code code)
{
    switch (check) {
    case WALLET_CHECK_DECODE:
    case WALLET_CHECK_PARSE:
        return code == LW_E_UNSUPPORTED ? WALLET_REASON_UNSUPPORTED : WALLET_REASON_MALFORMED;
    case WALLET_CHECK_TRUST:
        return trust_reason(code);
    case WALLET_CHECK_ISSUER_SIGNATURE:
        return WALLET_REASON_SIGNATURE_INVALID;
    case WALLET_CHECK_HOLDER_SIGNATURE:
        return code == LW_E_DENIED ? WALLET_REASON_HOLDER_NOT_PROVEN
                                   : WALLET_REASON_HOLDER_SIGNATURE_INVALID;
    case WALLET_CHECK_FRESHNESS:
        return line->result == WALLET_CHECK_UNKNOWN ? WALLET_REASON_OUT_OF_DATE
                                                    : WALLET_REASON_TIMES_INCONSISTENT;
    case WALLET_CHECK_AUDIENCE:
        return WALLET_REASON_WRONG_AUDIENCE;
    case WALLET_CHECK_REPLAY:
        return WALLET_REASON_REPLAYED;
    case WALLET_CHECK_DISCLOSURES:
        return WALLET_REASON_DISCLOSURES_INVALID;
    case WALLET_CHECK_VALIDITY:
        return validity_reason(code, line->detail);
    case WALLET_CHECK_STATUS:
    case WALLET_CHECK_POLICY:
    case WALLET_CHECK_COUNT:
        break;
    }
    return WALLET_REASON_NOT_DECIDED;
}

/* Whether the fault is ours and says nothing of what was shown. */
static bool is_our_fault(lw_code code)
{
    switch (lw_err_class(code)) {
    case LW_CLASS_MISUSE:
    case LW_CLASS_BUSY:
    case LW_CLASS_ENVIRONMENT:
        return true;
    case LW_CLASS_OK:
    case LW_CLASS_INPUT:
    case LW_CLASS_REFUSED:
    case LW_CLASS_NOT_FOUND:
    case LW_CLASS_LIMIT:
        break;
    }
    return false;
}

/* A clock that is behind finds too new what may be in order, and out of date what may not be. */
static bool depends_on_clock(enum wallet_reason reason)
{
    return reason == WALLET_REASON_NOT_YET_VALID || reason == WALLET_REASON_ISSUER_EXPIRED ||
           reason == WALLET_REASON_OUT_OF_DATE;
}

static void take_given(struct work *w)
{
    const lw_code code = w->in->err.code;
    bool explained = code == LW_OK;
    for (int i = 0; i < WALLET_CHECK_COUNT; i++) {
        const enum wallet_check check = (enum wallet_check)i;
        const struct wallet_check_line *line = &w->checks->line[check];
        if (line->result == WALLET_CHECK_OK || line->result == WALLET_CHECK_SKIPPED) {
            continue;
        }
        explained = true;
        w->reasons[check] = given_reason(check, line, code);
        if (is_our_fault(code)) {
            leave_open(w, check, WALLET_REASON_NOT_DECIDED, "could not be carried out");
        } else if (!w->in->facts.clock_trusted && depends_on_clock(w->reasons[check])) {
            leave_open(w, check, WALLET_REASON_CLOCK_UNTRUSTED, "clock cannot be trusted");
        }
    }
    if (explained) {
        return;
    }
    if (is_our_fault(code)) {
        leave_open(w, WALLET_CHECK_DECODE, WALLET_REASON_NOT_DECIDED, "could not be carried out");
    } else {
        fail(w, WALLET_CHECK_DECODE, given_reason(WALLET_CHECK_DECODE, NULL, code), NULL);
    }
}

/* Days since 1970-01-01 of a date as the format carries it. */
static bool read_date(enum wallet_encoding encoding, lw_bytes value, int64_t *days)
{
    if (encoding == WALLET_ENCODING_JSON) {
        const lw_str text = lw_bytes_str(value);
        return text.len >= 2 && text.ptr[0] == '"' &&
               lw_date_parse((lw_str){.ptr = text.ptr + 1, .len = text.len - 2}, days).code ==
                   LW_OK;
    }
    struct wallet_cbor r = wallet_cbor_reader(value);
    const uint64_t tag = wallet_cbor_tag(&r);
    *days = wallet_cbor_int(&r);
    return tag == 100 && wallet_cbor_finish(&r).code == LW_OK;
}

/* QR-14: the license's own end, where its type names the claim and the holder shows it. */
static bool license_has_ended(const struct wallet_policy_input *in)
{
    const struct wallet_verified *v = in->verified;
    if (in->type == NULL || in->type->validity_claim == SIZE_MAX) {
        return false;
    }
    for (size_t i = 0; i < v->claim_count; i++) {
        const struct wallet_shown *shown = &v->claims[i];
        const size_t def = shown->name.len > 0
                               ? wallet_license_type_claim(in->type, shown->name)
                               : wallet_license_type_claim_by_key(in->type, shown->cwt_key);
        int64_t days = 0;
        if (def == in->type->validity_claim && read_date(v->encoding, shown->value, &days)) {
            return days < lw_days_of(in->facts.now);
        }
    }
    return false;
}

static void decide_validity(struct work *w)
{
    const struct wallet_verified *v = w->in->verified;
    const struct wallet_policy_facts *facts = &w->in->facts;
    if (v->exp <= facts->now) {
        fail(w, WALLET_CHECK_VALIDITY, WALLET_REASON_EXPIRED, "credential has expired");
    } else if (license_has_ended(w->in)) {
        fail(w, WALLET_CHECK_VALIDITY, WALLET_REASON_EXPIRED, "license has expired");
    } else if (!facts->clock_trusted) {
        leave_open(w, WALLET_CHECK_VALIDITY, WALLET_REASON_CLOCK_UNTRUSTED,
                   "clock cannot be trusted");
    } else if (v->nbf > facts->now + facts->skew_s || v->iat > facts->now + facts->skew_s) {
        fail(w, WALLET_CHECK_VALIDITY, WALLET_REASON_NOT_YET_VALID, "credential does not hold yet");
    } else {
        pass(w, WALLET_CHECK_VALIDITY, NULL);
    }
}

static enum wallet_reason status_reason(const struct wallet_status *status)
{
    switch (status->state) {
    case WALLET_SUSPENDED:
        return WALLET_REASON_SUSPENDED;
    case WALLET_REVOKED:
        return WALLET_REASON_REVOKED;
    case WALLET_CANCELLED:
        return WALLET_REASON_CANCELLED;
    case WALLET_SUPERSEDED:
        return WALLET_REASON_SUPERSEDED;
    case WALLET_ACTIVE:
        break;
    }
    if (status->code == WALLET_STATUS_CODE_INVALID) {
        return WALLET_REASON_REVOKED;
    }
    return status->code == WALLET_STATUS_CODE_SUSPENDED ? WALLET_REASON_SUSPENDED
                                                        : WALLET_REASON_STATUS_NOT_VALID;
}

/* DESIGN section 7: only what lives a day at most, and only where its type allows it. */
static bool may_go_without_status(const struct wallet_policy_input *in)
{
    const struct wallet_verified *v = in->verified;
    return in->type != NULL && in->type->offline_without_status && v->iat != INT64_MIN &&
           v->exp - v->iat <= WALLET_STATUSLESS_LIFE_MAX_S;
}

static bool is_too_old(const struct wallet_policy_input *in)
{
    return in->facts.status_age_max_s > 0 &&
           in->facts.now - in->status.as_of > in->facts.status_age_max_s;
}

static void decide_unknown_status(struct work *w)
{
    if (w->in->status.stale) {
        leave_open(w, WALLET_CHECK_STATUS, WALLET_REASON_STATUS_STALE, "list is past its end");
    } else if (w->in->verified->status.present) {
        leave_open(w, WALLET_CHECK_STATUS, WALLET_REASON_STATUS_UNKNOWN, "no list could be had");
    } else if (w->in->facts.passes_known && w->in->verified->cti.len > 0) {
        leave_open(w, WALLET_CHECK_STATUS, WALLET_REASON_STATUS_UNKNOWN, "pass is not known here");
    } else if (may_go_without_status(w->in)) {
        pass(w, WALLET_CHECK_STATUS, "as of its issue");
    } else {
        fail(w, WALLET_CHECK_STATUS, WALLET_REASON_STATUS_MISSING, "no status reference");
    }
}

/* SL-11, SL-12: three outcomes kept apart. */
static void decide_status(struct work *w)
{
    const struct wallet_status *status = &w->in->status;
    switch (status->outcome) {
    case WALLET_STATUS_UNKNOWN:
        decide_unknown_status(w);
        break;
    case WALLET_STATUS_NO_ENTRY:
        fail(w, WALLET_CHECK_STATUS, WALLET_REASON_STATUS_NO_ENTRY, "list has no such entry");
        break;
    case WALLET_STATUS_NOT_VALID:
        fail(w, WALLET_CHECK_STATUS, status_reason(status), "list or register says not valid");
        break;
    case WALLET_STATUS_VALID:
        if (is_too_old(w->in)) {
            leave_open(w, WALLET_CHECK_STATUS, WALLET_REASON_STATUS_STALE,
                       "list is older than this matter allows");
        } else {
            pass(w, WALLET_CHECK_STATUS, NULL);
        }
        break;
    }
}

static bool takes_type(const struct wallet_policy_facts *facts, lw_str vct)
{
    for (size_t i = 0; i < facts->vct_count; i++) {
        if (lw_str_eq(facts->vcts[i], vct)) {
            return true;
        }
    }
    return facts->vct_count == 0;
}

static bool pass_is_too_old(const struct wallet_policy_input *in)
{
    const struct wallet_verified *v = in->verified;
    return in->facts.pass_age_max_s > 0 && !v->status.present &&
           (v->iat == INT64_MIN || in->facts.now - v->iat > in->facts.pass_age_max_s);
}

static void decide_policy(struct work *w)
{
    const struct wallet_policy_facts *facts = &w->in->facts;
    if (!takes_type(facts, w->in->verified->vct)) {
        fail(w, WALLET_CHECK_POLICY, WALLET_REASON_TYPE_NOT_ACCEPTED, "type is not accepted");
    } else if (facts->holder_required && !w->in->verified->holder_proven) {
        fail(w, WALLET_CHECK_POLICY, WALLET_REASON_HOLDER_NOT_PROVEN, "holder is not proven");
    } else if (pass_is_too_old(w->in)) {
        fail(w, WALLET_CHECK_POLICY, WALLET_REASON_PASS_TOO_OLD, "pass is too old");
    } else if (w->in->type == NULL) {
        leave_open(w, WALLET_CHECK_POLICY, WALLET_REASON_TYPE_UNKNOWN, "type is not known");
    } else if (facts->challenge_demanded && !facts->challenge_answered) {
        leave_open(w, WALLET_CHECK_POLICY, WALLET_REASON_CHALLENGE_REQUIRED,
                   "a challenge is demanded");
    } else {
        pass(w, WALLET_CHECK_POLICY, NULL);
    }
}

/* What the answer says of the status; a credential that needs none held when it was issued. */
static void tell_status(const struct work *w, struct wallet_decision *decision)
{
    const struct wallet_policy_input *in = w->in;
    const bool known = in->status.outcome != WALLET_STATUS_UNKNOWN;
    if (known || in->verified->status.present) {
        decision->status_value = wallet_status_name(&in->status);
        decision->status_as_of = in->status.as_of;
    } else if (w->checks->line[WALLET_CHECK_STATUS].result == WALLET_CHECK_OK) {
        decision->status_value = "valid";
        decision->status_as_of = in->verified->iat;
    }
}

static bool find_first(const struct work *w, enum wallet_check_result result,
                       struct wallet_decision *decision)
{
    for (int i = 0; i < WALLET_CHECK_COUNT; i++) {
        if (w->checks->line[i].result == result) {
            decision->check = (enum wallet_check)i;
            decision->reason = w->reasons[i];
            return true;
        }
    }
    return false;
}

void wallet_policy_decide(const struct wallet_policy_input *in, struct wallet_checks *checks,
                          struct wallet_decision *decision)
{
    struct work w = {.in = in, .checks = checks};
    *decision = (struct wallet_decision){.result = WALLET_ACCEPTED, .status_as_of = INT64_MIN};
    take_given(&w);
    if (in->err.code == LW_OK) {
        decide_validity(&w);
        decide_status(&w);
        decide_policy(&w);
        tell_status(&w, decision);
    }
    if (find_first(&w, WALLET_CHECK_FAILED, decision)) {
        decision->result = WALLET_REFUSED;
    } else if (find_first(&w, WALLET_CHECK_UNKNOWN, decision)) {
        decision->result = WALLET_UNDETERMINED;
    }
}
