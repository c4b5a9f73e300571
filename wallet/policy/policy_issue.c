#include "wallet/policy_issue.h"

#include <stdio.h>

#include "lw/clock.h"
#include "wallet/cbor.h"
#include "wallet/image.h"
#include "wallet/numbering.h"
#include "wallet/person.h"
#include "wallet/value.h"

enum { CLAIM_TEXT_MAX = 48, VERSION_MAX = WALLET_NUMBER_MAX, HOURS_MAX = 24 };

/* 1900-01-01, and 9999-12-31 with its last second: what a document can print. */
static const int64_t earliest = -2208988800;
static const int64_t latest = 253402300800;
static const int64_t ahead_max_s = 3653 * (int64_t)LW_DAY_S; /* ten years */

/* An order under examination, and where its faults go. */
struct work {
    const struct wallet_license_type *type;
    const struct wallet_agency *agency;
    const struct wallet_license *license;
    int64_t now;
    struct wallet_issue_fault *faults;
    size_t room;
    size_t put;
    bool denied; /* the agency may not */
    bool bad;
};

/* Where the fault lies, "name", "name[i]" or "name[i].member". */
struct place {
    const char *name;
    size_t index; /* SIZE_MAX: none */
    const char *member;
};

static void add_fault(struct work *w, struct place at, const char *why)
{
    w->bad = true;
    if (w->put == w->room) {
        return;
    }
    struct wallet_issue_fault *fault = &w->faults[w->put++];
    if (at.index == SIZE_MAX) {
        (void)snprintf(fault->field, sizeof(fault->field), "%s", at.name);
    } else {
        (void)snprintf(fault->field, sizeof(fault->field), "%s[%zu]%s%s", at.name, at.index,
                       at.member == NULL ? "" : ".", at.member == NULL ? "" : at.member);
    }
    fault->why = why;
}

static void fault_at(struct work *w, const char *field, const char *why)
{
    add_fault(w, (struct place){.name = field, .index = SIZE_MAX}, why);
}

/* Names a claim by its dotted path, cut to what the field holds. */
static void fault_at_claim(struct work *w, const struct wallet_claim_def *def, const char *why)
{
    char field[sizeof(((struct wallet_issue_fault *)NULL)->field)] = "claims";
    size_t len = strlen(field);
    for (size_t i = 0; i < def->depth && len < sizeof(field) - 1; i++) {
        const int part =
            (int)(def->path[i].len < CLAIM_TEXT_MAX ? def->path[i].len : CLAIM_TEXT_MAX);
        const int made =
            snprintf(field + len, sizeof(field) - len, ".%.*s", part, def->path[i].ptr);
        len += made > 0 ? (size_t)made : 0;
    }
    fault_at(w, field, why);
}

static bool among(const lw_str *list, size_t count, lw_str text)
{
    for (size_t i = 0; i < count; i++) {
        if (lw_str_eq(list[i], text)) {
            return true;
        }
    }
    return false;
}

static void check_issuer(struct work *w)
{
    const struct wallet_license_type *type = w->type;
    const struct wallet_agency *agency = w->agency;
    if (!among(type->issuers, type->issuer_count, agency->id) ||
        !among(agency->issues, agency->issue_count, type->id)) {
        w->denied = true;
        fault_at(w, "issuer", "policy: the agency may not issue this type");
    }
    if (!lw_str_eq(w->license->issuer, agency->id)) {
        fault_at(w, "issuer", "policy: another agency is named as issuer");
    }
    if (!lw_str_eq(w->license->type, type->id) || w->license->type_version != type->version) {
        fault_at(w, "type", "policy: not the current version of the type");
    }
}

/* Printable UTF-8 without controls; what a register writes is taken as it is. */
static bool is_plain(lw_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        const unsigned char c = (unsigned char)text.ptr[i];
        if (c < ' ' || c == 0x7f) {
            return false;
        }
    }
    return text.ptr[0] != ' ' && text.ptr[text.len - 1] != ' ';
}

static void check_gbt36904(struct work *w)
{
    struct wallet_gbt36904 parts;
    if (wallet_gbt36904_parse(w->license->number, &parts).code != LW_OK) {
        fault_at(w, "number", "policy: no GB/T 36904 number, or its check character is wrong");
        return;
    }
    if (!lw_str_eq(parts.type, w->type->type_code)) {
        fault_at(w, "number", "policy: the number is of another type");
    }
    /* Shorter codes of issuing authorities are accepted and say less (DESIGN section 7). */
    if (parts.issuer.len == WALLET_CREDIT_CODE_LEN &&
        !lw_str_eq(parts.issuer, w->agency->credit_code)) {
        fault_at(w, "number", "policy: the number is of another agency");
    }
}

static void check_number(struct work *w)
{
    const lw_str number = w->license->number;
    const lw_str version = w->license->version;
    if (number.len == 0 || number.len > WALLET_NUMBER_MAX || !is_plain(number)) {
        fault_at(w, "number", "policy: number is empty, too long or not plain text");
        return;
    }
    if (version.len == 0 || version.len > VERSION_MAX || !is_plain(version)) {
        fault_at(w, "version", "policy: version is empty, too long or not plain text");
    }
    switch (w->type->number_scheme) {
    case WALLET_NUMBER_GBT36904:
        check_gbt36904(w);
        break;
    case WALLET_NUMBER_REGISTER:
        break;
    }
}

static bool is_same_holder(const struct wallet_holder *a, const struct wallet_holder *b)
{
    return lw_str_eq(a->code_type, b->code_type) && lw_str_eq(a->code, b->code) &&
           lw_str_eq(a->role, b->role);
}

static void check_holder(struct work *w, size_t i)
{
    const struct wallet_holder *holder = &w->license->holders[i];
    struct wallet_person_code code;
    if (wallet_person_code(holder->code_type, holder->code, &code).code != LW_OK) {
        add_fault(w, (struct place){"holders", i, "code"}, "policy: code is not a valid one");
    }
    if (!among(w->type->holder_roles, w->type->holder_role_count, holder->role)) {
        add_fault(w, (struct place){"holders", i, "role"}, "policy: the type has no such role");
    }
    for (size_t k = 0; k < i; k++) {
        if (is_same_holder(holder, &w->license->holders[k])) {
            add_fault(w, (struct place){"holders", i, NULL}, "policy: holder is named twice");
            return;
        }
    }
}

static void check_holders(struct work *w)
{
    const size_t count = w->license->holder_count;
    if (count == 0 || count > WALLET_HOLDERS_MAX) {
        fault_at(w, "holders", "policy: 1 to 16 holders are needed");
        return;
    }
    for (size_t i = 0; i < count; i++) {
        check_holder(w, i);
    }
}

/* A claim with media is an image of one of them; `value` is one item of bytes. */
static void check_image(struct work *w, const struct wallet_claim_def *def, lw_bytes value)
{
    struct wallet_cbor r = wallet_cbor_reader(value);
    struct wallet_image image;
    const lw_bytes bytes = wallet_cbor_bytes(&r);
    if (bytes.len > def->max_bytes) {
        fault_at_claim(w, def, "policy: image is larger than the type allows");
    } else if (wallet_image_check(bytes, &image).code != LW_OK ||
               ((unsigned)image.media & def->media) == 0) {
        fault_at_claim(w, def, "policy: no whole image of a media type that the type allows");
    }
}

static void check_claims(struct work *w)
{
    bool seen[WALLET_CLAIMS_MAX] = {false};
    if (w->license->claim_count > WALLET_CLAIMS_MAX) {
        fault_at(w, "claims", "policy: too many claims");
        return;
    }
    for (size_t i = 0; i < w->license->claim_count; i++) {
        const struct wallet_claim *claim = &w->license->claims[i];
        if (claim->def >= w->type->claim_count) {
            add_fault(w, (struct place){"claims", i, NULL}, "policy: the type has no such claim");
            continue;
        }
        const struct wallet_claim_def *def = &w->type->claims[claim->def];
        if (seen[claim->def]) {
            fault_at_claim(w, def, "policy: claim is given twice");
        }
        seen[claim->def] = true;
        if (wallet_value_check(def->kind, claim->value).code != LW_OK) {
            fault_at_claim(w, def, "policy: value is not of the claim's kind");
        } else if (def->media != 0) {
            check_image(w, def, claim->value);
        }
    }
    for (size_t i = 0; i < w->type->claim_count; i++) {
        if (w->type->claims[i].required && !seen[i]) {
            fault_at_claim(w, &w->type->claims[i], "policy: claim is required");
        }
    }
}

static bool in_range(int64_t t)
{
    return t >= earliest && t < latest;
}

/* The claim that says when the license ends, and its end, may not differ by more than a day. */
static void check_validity_claim(struct work *w)
{
    for (size_t i = 0; i < w->license->claim_count; i++) {
        const struct wallet_claim *claim = &w->license->claims[i];
        if (claim->def != w->type->validity_claim || claim->def >= w->type->claim_count) {
            continue;
        }
        struct wallet_cbor r = wallet_cbor_reader(claim->value);
        (void)wallet_cbor_tag(&r);
        const int64_t days = wallet_cbor_int(&r);
        const int64_t end = lw_days_of(w->license->valid_until);
        if (wallet_cbor_ok(&r) && (end < days || end > days + 1)) {
            fault_at_claim(w, &w->type->claims[claim->def],
                           "policy: the claim and the license end on different days");
        }
    }
}

static void check_times(struct work *w)
{
    const struct wallet_license *license = w->license;
    if (!in_range(license->issued_at)) {
        fault_at(w, "issued", "policy: date is outside 1900 to 9999");
    }
    if (!in_range(license->valid_from)) {
        fault_at(w, "valid_from", "policy: date is outside 1900 to 9999");
    } else if (license->valid_from > w->now + ahead_max_s) {
        fault_at(w, "valid_from", "policy: begins more than ten years from now");
    }
    if (license->valid_until != INT64_MAX && !in_range(license->valid_until)) {
        fault_at(w, "valid_until", "policy: date is outside 1900 to 9999");
    } else if (license->valid_until <= license->valid_from) {
        fault_at(w, "valid_until", "policy: ends before it begins");
    } else {
        check_validity_claim(w);
    }
}

lw_err wallet_policy_issue(const struct wallet_license_type *type,
                           const struct wallet_agency *agency, const struct wallet_license *license,
                           int64_t now, struct wallet_issue_fault *faults, size_t *fault_count)
{
    struct work w = {.type = type,
                     .agency = agency,
                     .license = license,
                     .now = now,
                     .faults = faults,
                     .room = *fault_count};
    check_issuer(&w);
    check_number(&w);
    check_holders(&w);
    check_claims(&w);
    check_times(&w);
    *fault_count = w.put;
    if (w.denied) {
        return LW_FAIL(LW_E_DENIED, "policy: the agency may not issue this type", LW_NOWHERE);
    }
    return w.bad ? LW_FAIL(LW_E_VALUE, "policy: the license may not be issued so", LW_NOWHERE)
                 : LW_SUCCESS;
}

static const char *state_refusal(enum wallet_state state)
{
    switch (state) {
    case WALLET_ACTIVE:
        return NULL;
    case WALLET_SUSPENDED:
        return "policy: the license is suspended";
    case WALLET_REVOKED:
        return "policy: the license is revoked";
    case WALLET_CANCELLED:
        return "policy: the license is cancelled";
    case WALLET_SUPERSEDED:
        return "policy: the license is superseded";
    }
    return "policy: the license is in no known state";
}

static bool has_pass(const struct wallet_license_type *type, const struct wallet_pass_def *pass)
{
    for (size_t i = 0; i < type->pass_count; i++) {
        if (pass == &type->passes[i]) {
            return pass->hours >= 1 && pass->hours <= HOURS_MAX;
        }
    }
    return false;
}

static int64_t round_down(int64_t t, int64_t step)
{
    const int64_t over = t % step;
    return t - (over < 0 ? over + step : over);
}

lw_err wallet_policy_credential(const struct wallet_license_type *type,
                                const struct wallet_license *license, enum wallet_state state,
                                enum wallet_format_bit format, const struct wallet_pass_def *pass,
                                int64_t now, struct wallet_credential_times *times)
{
    const char *refusal = state_refusal(state);
    if (refusal != NULL) {
        return LW_FAIL(LW_E_DENIED, refusal, LW_NOWHERE);
    }
    if (wallet_license_expired(license, now)) {
        return LW_FAIL(LW_E_EXPIRED, "policy: the license has expired", LW_NOWHERE);
    }
    if (now < license->valid_from) {
        return LW_FAIL(LW_E_EXPIRED, "policy: the license has not begun", LW_NOWHERE);
    }
    if ((type->formats & (unsigned)format) == 0) {
        return LW_FAIL(LW_E_UNSUPPORTED, "policy: the type is not made in this format", LW_NOWHERE);
    }
    if (pass != NULL && (format != WALLET_FORMAT_BIT_SDCWT || !has_pass(type, pass))) {
        return LW_FAIL(LW_E_UNSUPPORTED, "policy: the type has no such pass", LW_NOWHERE);
    }
    const int64_t life =
        pass != NULL ? (int64_t)pass->hours * LW_HOUR_S : type->credential_days * LW_DAY_S;
    times->iat = round_down(now, pass != NULL ? LW_HOUR_S : LW_DAY_S);
    times->exp = times->iat + life;
    if (times->exp > license->valid_until) {
        times->exp = license->valid_until;
    }
    return LW_SUCCESS;
}
