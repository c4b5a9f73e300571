/* One license: checked, its number and intent durable, signed, then stored with its effects. */
#include <stdio.h>

#include "flow_common.h"
#include "wallet/cbor.h"
#include "wallet/numbering.h"
#include "wallet/record.h"
#include "wallet/store_person.h"
#include "wallet/value.h"

enum { VALUES_MAX = 256 * 1024, VERSIONS_MAX = 999, SERIAL_DIGITS = 10 };

/* A license while it is made: what the slices of `license` borrow stands beside it. */
struct work {
    struct wallet_home *home;
    const struct wallet_issue_order *order;
    const struct wallet_license_type *type;
    const struct wallet_agency *agency;
    struct wallet_license license;
    struct wallet_person_code codes[WALLET_HOLDERS_MAX];
    uint8_t persons[WALLET_HOLDERS_MAX][WALLET_UUID_LEN];
    lw_buf values;
    lw_buf number;
    lw_buf version;
    lw_buf payload;
    lw_buf record;
    struct wallet_intent intent;
    bool has_old;
    uint8_t old[WALLET_UUID_LEN];
    int64_t now;
    uint64_t audit_index;
};

static void free_work(struct work *w)
{
    lw_buf_free(&w->values);
    lw_buf_free(&w->number);
    lw_buf_free(&w->version);
    lw_buf_free(&w->payload);
    lw_buf_free(&w->record);
}
#define AUTO_WORK __attribute__((cleanup(free_work))) struct work

struct faults {
    struct wallet_issue_fault *list;
    size_t max;
    size_t count;
};

static lw_err fault(struct faults *f, const char *prefix, lw_str name, const char *why,
                    lw_code code)
{
    if (f->count < f->max) {
        (void)snprintf(f->list[f->count].field, sizeof(f->list[f->count].field), "%s%.*s", prefix,
                       (int)(name.len > 40 ? 40 : name.len), name.len == 0 ? "" : name.ptr);
        f->list[f->count].why = why;
        f->count++;
    }
    return LW_FAIL(code, why, LW_NOWHERE);
}

static lw_err choose_type(struct work *w, const struct wallet_snapshot *snapshot, struct faults *f)
{
    w->type = wallet_snapshot_type(snapshot, w->order->type);
    if (w->type == NULL) {
        return fault(f, "type", LW_STR(""), "there is no such license type", LW_E_NOT_FOUND);
    }
    if (w->type->two_people) {
        return fault(f, "type", LW_STR(""),
                     "its licenses need two people: give this one as a register of one row, "
                     "`lw license import --part`, for another operator to approve",
                     LW_E_DENIED);
    }
    lw_str issuer = w->order->issuer;
    if (issuer.len == 0 && w->type->issuer_count != 1) {
        return fault(f, "issuer", LW_STR(""), "several agencies issue this type: name one",
                     LW_E_VALUE);
    }
    issuer = issuer.len == 0 ? w->type->issuers[0] : issuer;
    w->agency = wallet_snapshot_agency(snapshot, issuer);
    if (w->agency == NULL) {
        return fault(f, "issuer", LW_STR(""), "there is no such agency", LW_E_NOT_FOUND);
    }
    return LW_SUCCESS;
}

/* Values move while their buffer grows, so places are kept and set as slices at the end. */
static lw_err fill_claims(struct work *w, struct faults *f)
{
    size_t places[WALLET_CLAIMS_MAX] = {0};
    lw_err bad = LW_SUCCESS;
    for (size_t i = 0; i < w->order->claim_count; i++) {
        const struct wallet_claim_text *given = &w->order->claims[i];
        const size_t def = wallet_license_type_claim(w->type, given->path);
        if (def == SIZE_MAX || w->license.claim_count == WALLET_CLAIMS_MAX) {
            bad = fault(f, "claims.", given->path, "the type has no such claim", LW_E_VALUE);
            continue;
        }
        const size_t before = w->values.len;
        const lw_err err =
            wallet_value_from_text(w->type->claims[def].kind, given->text, &w->values);
        if (err.code != LW_OK) {
            bad = fault(f, "claims.", given->path, err.why, LW_E_VALUE);
            continue;
        }
        places[w->license.claim_count] = before;
        w->license.claims[w->license.claim_count++] =
            (struct wallet_claim){.def = def, .value = {NULL, w->values.len - before}};
    }
    for (size_t i = 0; i < w->license.claim_count; i++) {
        w->license.claims[i].value.ptr = w->values.ptr + places[i];
    }
    return bad;
}

static lw_err fill_holders(struct work *w, struct faults *f)
{
    if (w->order->holder_count > WALLET_HOLDERS_MAX) {
        return fault(f, "holders", LW_STR(""), "more than 16 holders", LW_E_VALUE);
    }
    for (size_t i = 0; i < w->order->holder_count; i++) {
        const struct wallet_holder *given = &w->order->holders[i];
        const lw_err err = wallet_person_code(given->code_type, given->code, &w->codes[i]);
        if (err.code != LW_OK) {
            return fault(f, "holders", LW_STR(""), err.why, LW_E_VALUE);
        }
        w->license.holders[i] = *given;
        w->license.holders[i].code_type = wallet_person_code_type(&w->codes[i]);
        w->license.holders[i].code = wallet_person_code_value(&w->codes[i]);
        w->license.holder_count++;
    }
    return LW_SUCCESS;
}

/* A date in the house is tag 100 and days since 1970-01-01 (wallet/license_type.h). */
static lw_err date_days(lw_bytes item, int64_t *days)
{
    struct wallet_cbor r = wallet_cbor_reader(item);
    (void)wallet_cbor_tag(&r);
    *days = wallet_cbor_int(&r);
    return wallet_cbor_finish(&r);
}

static lw_err fill_times(struct work *w)
{
    struct wallet_license *l = &w->license;
    l->issued_at = w->now;
    l->valid_from = w->order->valid_from == INT64_MIN ? w->now : w->order->valid_from;
    l->valid_until = w->order->valid_until;
    if (l->valid_until == INT64_MIN && w->type->validity_days > 0) {
        l->valid_until = l->valid_from + w->type->validity_days * LW_DAY_S;
    }
    if (l->valid_until != INT64_MIN) {
        return LW_SUCCESS;
    }
    l->valid_until = INT64_MAX;
    for (size_t i = 0; i < l->claim_count; i++) {
        if (l->claims[i].def == w->type->validity_claim) {
            int64_t days = 0;
            LW_TRY(date_days(l->claims[i].value, &days));
            l->valid_until = (days + 1) * LW_DAY_S; /* its last day is a whole one */
        }
    }
    return LW_SUCCESS;
}

struct serial {
    lw_str issuer;
    lw_str type;
    uint64_t n;
};

static lw_err write_serial(struct wallet_txn *txn, void *ctx)
{
    struct serial *s = ctx;
    return wallet_store_serial_next(txn, s->issuer, s->type, &s->n);
}

/* Serials are never given twice, so one drawn for an order that fails later is lost: a gap. */
static lw_err make_number(struct work *w)
{
    struct serial serial = {.issuer = w->agency->id, .type = w->type->id};
    char digits[32];
    LW_TRY(wallet_store_write(w->home->store, write_serial, &serial));
    (void)snprintf(digits, sizeof(digits), "%0*llu", SERIAL_DIGITS, (unsigned long long)serial.n);
    const struct wallet_gbt36904 parts = {
        .type = w->type->type_code,
        .issuer = w->agency->credit_code,
        .serial = lw_str_c(digits),
        .version = LW_STR("001"),
    };
    return wallet_gbt36904_build(&parts, &w->number);
}

/* Finds what the new license supersedes, and its version when the order names none. */
static lw_err find_old(struct work *w)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_page page = {.len = 0};
    uint8_t ids[16][WALLET_UUID_LEN];
    size_t versions = 0;
    LW_TRY(wallet_read_begin(w->home->store, &txn));
    while (!page.end) {
        size_t count = sizeof(ids) / sizeof(ids[0]);
        LW_TRY(wallet_store_license_versions(txn, w->type->id, lw_buf_text(&w->number), &page, ids,
                                             &count));
        if (count > 0) {
            memcpy(w->old, ids[count - 1], WALLET_UUID_LEN);
            w->has_old = true;
        }
        versions += count;
    }
    if (w->order->version.len > 0) {
        return lw_buf_put_str(&w->version, w->order->version);
    }
    if (versions >= VERSIONS_MAX) {
        return LW_FAIL(LW_E_LIMIT, "issue: the number has 999 versions", LW_NOWHERE);
    }
    return lw_buf_put_int(&w->version, (int64_t)versions + 1);
}

static lw_err fill_number(struct work *w, struct faults *f)
{
    switch (w->type->number_scheme) {
    case WALLET_NUMBER_GBT36904:
        if (w->order->number.len > 0) {
            return fault(f, "number", LW_STR(""), "numbers of this type are made here: give none",
                         LW_E_VALUE);
        }
        LW_TRY(make_number(w));
        break;
    case WALLET_NUMBER_REGISTER:
        if (w->order->number.len == 0) {
            return fault(f, "number", LW_STR(""), "the register's number is missing", LW_E_VALUE);
        }
        LW_TRY(lw_buf_put_str(&w->number, w->order->number));
        break;
    }
    LW_TRY(find_old(w));
    w->license.number = lw_buf_text(&w->number);
    w->license.version = lw_buf_text(&w->version);
    return LW_SUCCESS;
}

/* Everything that can be checked is checked before a number is drawn. */
static lw_err fill_license(struct work *w, struct faults *f)
{
    size_t room = f->max - f->count;
    w->license.type = w->type->id;
    w->license.type_version = w->type->version;
    w->license.issuer = w->agency->id;
    lw_err err = fill_claims(w, f);
    const lw_err holders = fill_holders(w, f);
    err = err.code == LW_OK ? holders : err;
    LW_TRY(err);
    LW_TRY(fill_times(w));
    LW_TRY(fill_number(w, f));
    err = wallet_policy_issue(w->type, w->agency, &w->license, w->now, f->list + f->count, &room);
    if (err.code != LW_OK) {
        f->count += room;
    }
    return err;
}

static lw_err write_reserve(struct wallet_txn *txn, void *ctx)
{
    struct work *w = ctx;
    struct wallet_intent open;
    for (size_t i = 0; i < w->license.holder_count; i++) {
        bool added = false;
        LW_TRY(wallet_store_person_add(txn, &w->codes[i], w->license.holders[i].name, w->now,
                                       w->persons[i], &added));
        if (added) {
            LW_TRY(home_audit(txn, w->now, WALLET_AUDIT_PERSON_ADDED, w->order->actor,
                              LW_BYTES(w->persons[i])));
        }
    }
    const lw_err found = wallet_store_intent_find(txn, w->license.type, w->license.number,
                                                  w->license.version, &open);
    if (found.code == LW_OK && open.created + FLOW_INTENT_STALE_S <= w->now) {
        LW_TRY(flow_void_intent(txn, &open, w->now));
    }
    return wallet_store_license_reserve(txn, &w->intent);
}

static lw_err reserve(struct work *w, const struct hsm_signer *signer)
{
    LW_TRY(wallet_store_new_id(w->home->store, w->license.id));
    LW_TRY(wallet_record_draw_salts(&w->license, w->home->env->rng));
    LW_TRY(wallet_record_payload(w->type, &w->license, &w->payload));
    memcpy(w->intent.id, w->license.id, WALLET_UUID_LEN);
    w->intent.version_is_key = w->order->version.len > 0;
    w->intent.created = w->now;
    LW_TRY(wallet_intent_fill(&w->intent, w->license.type, w->license.number, w->license.version,
                              w->license.issuer));
    LW_TRY(wallet_record_digest(signer->kid, lw_buf_view(&w->payload), w->intent.signs));
    return wallet_store_write(w->home->store, write_reserve, w);
}

static lw_err write_void(struct wallet_txn *txn, void *ctx)
{
    const struct work *w = ctx;
    return flow_void_intent(txn, &w->intent, w->now);
}

static lw_err write_complete(struct wallet_txn *txn, void *ctx)
{
    struct work *w = ctx;
    if (w->has_old) {
        WALLET_AUTO_LICENSE old = {.state = 0};
        LW_TRY(wallet_store_license_load(txn, w->old, WALLET_LOAD_PUBLIC, &old));
        if (wallet_state_may_follow(old.state, WALLET_SUPERSEDED)) {
            LW_TRY(flow_supersede(txn, w->old, w->license.id, w->now, w->order->actor));
        }
    }
    LW_TRY(flow_audit_license(txn, w->now, WALLET_AUDIT_LICENSE_ISSUED, w->order->actor,
                              w->license.id, &w->audit_index));
    const struct wallet_license_put put = {
        .license = &w->license,
        .persons = w->persons,
        .state = WALLET_ACTIVE,
        .since = w->now,
        .predecessor = w->has_old ? w->old : NULL,
        .record = lw_buf_view(&w->record),
        .audit_index = w->audit_index,
    };
    return wallet_store_license_complete(txn, &put);
}

static lw_err sign_and_store(struct work *w)
{
    struct hsm_signer signer;
    LW_TRY(wallet_home_signer(w->home, HSM_PURPOSE_CREDENTIAL, w->agency->id, &signer));
    LW_TRY(reserve(w, &signer));
    lw_err err = wallet_record_sign(&signer, w->now, lw_buf_view(&w->payload), &w->record);
    err = err.code == LW_OK ? wallet_store_write(w->home->store, write_complete, w) : err;
    if (err.code != LW_OK) {
        /* The number is free again at once; should this fail too, the next start voids it. */
        const lw_err voided = wallet_store_write(w->home->store, write_void, w);
        (void)voided;
    }
    return err;
}

lw_err wallet_flow_issue(struct wallet_home *home, const struct wallet_issue_order *order,
                         struct wallet_issued *issued, struct wallet_issue_fault *faults,
                         size_t *fault_count)
{
    FLOW_AUTO_SNAPSHOT snapshot = NULL;
    AUTO_WORK w = {
        .home = home,
        .order = order,
        .values = LW_BUF(VALUES_MAX),
        .number = LW_BUF(WALLET_NUMBER_MAX),
        .version = LW_BUF(WALLET_NUMBER_MAX),
        .payload = LW_BUF(WALLET_RECORD_MAX),
        .record = LW_BUF(WALLET_RECORD_MAX),
        .now = lw_now(home->env->clock),
    };
    struct faults f = {.list = faults, .max = *fault_count};
    *fault_count = 0;
    LW_TRY(wallet_home_snapshot(home, &snapshot));
    lw_err err = choose_type(&w, snapshot, &f);
    err = err.code == LW_OK ? fill_license(&w, &f) : err;
    *fault_count = f.count;
    LW_TRY(err);
    LW_TRY(sign_and_store(&w));
    (void)snprintf(issued->number, sizeof(issued->number), "%.*s", (int)w.number.len,
                   (const char *)w.number.ptr);
    (void)snprintf(issued->version, sizeof(issued->version), "%.*s", (int)w.version.len,
                   (const char *)w.version.ptr);
    memcpy(issued->id, w.license.id, WALLET_UUID_LEN);
    issued->audit_index = w.audit_index;
    return LW_SUCCESS;
}
