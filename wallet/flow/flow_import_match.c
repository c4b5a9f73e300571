/* Which version of the store a row of the register is, and whether it says the same. */
#include <stdlib.h>

#include "flow_import_internal.h"

enum { PAGE = 16 };

/* With a batch all is voided that never was in force on its own: superseded by others of it, or
 * come as revoked or cancelled. What was ended later stays so. */
static bool is_voided(const struct import_run *run, const struct wallet_stored_license *stored)
{
    const bool batch = stored->import < run->earlier_count && run->earlier[stored->import].voided;
    const bool as_issued = stored->reason_code == WALLET_REASON_REGISTER && stored->changes == 0;
    return !import_is_open(stored->state) &&
           (stored->reason_code == WALLET_REASON_VOIDED ||
            (batch && (stored->state == WALLET_SUPERSEDED || as_issued)));
}

static lw_err push_version(struct import_kept *k, const struct wallet_stored_license *stored)
{
    if (k->count == k->room) {
        const size_t room = k->room == 0 ? PAGE : 2 * k->room;
        struct import_version_kept *more = realloc(k->versions, room * sizeof(*more));
        if (more == NULL) {
            return LW_FAIL(LW_E_NOMEM, "import: out of memory", LW_NOWHERE);
        }
        k->versions = more;
        k->room = room;
    }
    const struct wallet_license *l = &stored->license;
    struct import_version_kept *v = &k->versions[k->count++];
    *v = (struct import_version_kept){.has_successor = stored->has_successor,
                                      .state = stored->state,
                                      .reason_code = stored->reason_code,
                                      .was_set = stored->changes > 0,
                                      .voided = is_voided(k->run, stored),
                                      .import = stored->import,
                                      .valid_from = l->valid_from,
                                      .valid_until = l->valid_until};
    memcpy(v->id, l->id, sizeof(v->id));
    memcpy(v->successor, stored->successor, sizeof(v->successor));
    if (l->version.len >= sizeof(v->text)) {
        return LW_FAIL(LW_E_CORRUPT, "import: a version in the store is too long", LW_NOWHERE);
    }
    memcpy(v->text, l->version.ptr, l->version.len);
    return LW_SUCCESS;
}

lw_err import_load_versions(struct import_kept *k, lw_str number)
{
    struct wallet_page page = {.len = 0};
    k->count = 0;
    while (!page.end) {
        uint8_t ids[PAGE][WALLET_UUID_LEN];
        size_t count = PAGE;
        LW_TRY(wallet_store_license_versions(k->txn, k->run->type->id, number, &page, ids, &count));
        for (size_t i = 0; i < count; i++) {
            WALLET_AUTO_LICENSE stored = {.state = 0};
            LW_TRY(wallet_store_license_load(k->txn, ids[i], WALLET_LOAD_PUBLIC, &stored));
            LW_TRY(push_version(k, &stored));
        }
    }
    return LW_SUCCESS;
}

/* What the store has of a term. SIZE_MAX: none. */
struct found {
    size_t newest;  /* its newest version that was not voided */
    size_t voided;  /* its newest one */
    unsigned count; /* its greatest revision, where the register has keys */
};

/* Without keys of their own the terms of a number are told apart by their start. */
static bool is_of_term(const struct import_run *run, const struct import_row *row,
                       const struct import_version_kept *v, unsigned *revision)
{
    lw_str key;
    *revision = wallet_version_revision(lw_str_c(v->text), &key);
    return run->keyed
               ? key.len == row->version_len &&
                     memcmp(key.ptr, run->text.ptr + row->text + row->number_len, key.len) == 0
               : v->valid_from == row->valid_from;
}

/* Of several versions of a term the last that came is the newest: they are in that order. */
static void find(struct import_kept *k, const struct import_row *row, struct found *f)
{
    *f = (struct found){.newest = SIZE_MAX, .voided = SIZE_MAX};
    for (size_t i = 0; i < k->count; i++) {
        struct import_version_kept *v = &k->versions[i];
        unsigned revision = 0;
        if (!is_of_term(k->run, row, v, &revision)) {
            continue;
        }
        v->covered = true;
        f->count = revision > f->count ? revision : f->count;
        if (v->voided) {
            f->voided = i;
        } else {
            f->newest = i;
        }
    }
}

/*
 * A start that was put earlier in the register is no older term: the only row of a number stands
 * for the version that is in force.
 */
static void find_by_number(struct import_kept *k, const struct import_row *row, struct found *f)
{
    for (size_t i = 0; i < k->count && f->newest == SIZE_MAX; i++) {
        struct import_version_kept *v = &k->versions[i];
        if (import_is_open(v->state) && v->valid_from > row->valid_from) {
            v->covered = true;
            f->newest = i;
        }
    }
}

static const struct wallet_claim *find_claim(const struct wallet_license *l, size_t def)
{
    for (size_t i = 0; i < l->claim_count; i++) {
        if (l->claims[i].def == def) {
            return &l->claims[i];
        }
    }
    return NULL;
}

static bool claims_are_same(const struct wallet_license *stored,
                            const struct wallet_import_row *row)
{
    if (stored->claim_count != row->claim_count) {
        return false;
    }
    for (size_t i = 0; i < row->claim_count; i++) {
        const struct wallet_claim *claim = find_claim(stored, row->claims[i].def);
        if (claim == NULL || !lw_bytes_eq(claim->value, row->claims[i].value)) {
            return false;
        }
    }
    return true;
}

static bool holder_is_same(const struct wallet_license *stored, const struct wallet_import_row *row)
{
    const struct wallet_holder *holder = &stored->holders[0];
    return stored->holder_count == 1 && lw_str_eq(holder->role, row->holder.role) &&
           lw_str_eq(holder->name, row->holder.name) &&
           lw_str_eq(holder->code_type, wallet_person_code_type(&row->who)) &&
           lw_str_eq(holder->code, wallet_person_code_value(&row->who));
}

static bool says_the_same(const struct wallet_license *stored, const struct wallet_import_row *row)
{
    return stored->valid_from == row->valid_from && stored->valid_until == row->valid_until &&
           stored->issued_at == row->issued_at && holder_is_same(stored, row) &&
           claims_are_same(stored, row);
}

/* The type as it was when a license was issued; read once for all licenses of its version. */
static lw_err type_of_version(struct import_run *run, const struct wallet_license *stored,
                              const struct wallet_license_type **type)
{
    for (size_t i = 0; i < run->type_count; i++) {
        if (run->types[i].version == stored->type_version) {
            *type = wallet_license_type_of(run->types[i].doc);
            return LW_SUCCESS;
        }
    }
    const size_t last = run->type_count < IMPORT_TYPES_MAX ? run->type_count++ : 0;
    wallet_license_type_free(run->types[last].doc);
    run->types[last] = (struct import_type){.version = stored->type_version};
    LW_TRY(flow_type_version(run->home, stored, &run->types[last].doc));
    *type = wallet_license_type_of(run->types[last].doc);
    return LW_SUCCESS;
}

/* Claims under the present version of the type, which the row was read for. */
static lw_err claims_now(struct import_run *run, struct wallet_license *stored)
{
    const struct wallet_license_type *then = NULL;
    if (stored->type_version == run->type->version) {
        return LW_SUCCESS;
    }
    LW_TRY(type_of_version(run, stored, &then));
    return flow_claims_keep(then, run->type, stored);
}

/* A holder who was erased cannot be compared, and nothing is issued anew. */
static lw_err compare(struct import_kept *k, struct import_row *row, size_t i, bool *same)
{
    WALLET_AUTO_LICENSE stored = {.state = 0};
    const lw_err err =
        wallet_store_license_load(k->txn, k->versions[i].id, WALLET_LOAD_ALL, &stored);
    *same = err.code == LW_E_NOT_FOUND;
    if (*same) {
        row->kept = true;
        import_tell_row(k->run, row, "its holder was erased from the store: left as it is", false);
        return LW_SUCCESS;
    }
    LW_TRY(err);
    LW_TRY(claims_now(k->run, &stored.license));
    LW_TRY(import_convert(k->run, row));
    *same = says_the_same(&stored.license, &k->run->scratch);
    return LW_SUCCESS;
}

/* What officers ended here is not issued anew because a register has it otherwise. */
static bool is_ended_here(const struct import_version_kept *v, const struct import_row *row)
{
    return (v->state == WALLET_REVOKED || v->state == WALLET_CANCELLED) &&
           import_is_open((enum wallet_state)row->by_register);
}

static void take_version(struct import_kept *k, struct import_row *row, size_t i,
                         struct import_match *match)
{
    const struct import_version_kept *v = &k->versions[i];
    match->version = i;
    row->there = true;
    row->state = (uint8_t)v->state;
    row->valid_until = v->valid_until;
    memcpy(row->id, v->id, sizeof(row->id));
}

static lw_err next_revision(struct import_kept *k, struct import_row *row, const struct found *f)
{
    if (!k->run->keyed) {
        return LW_SUCCESS;
    }
    if (f->count >= WALLET_REVISION_MAX) {
        row->clash = true;
        import_tell_row(k->run, row, "the term has been changed 999 times", true);
        return import_bad_number(k->run, import_number(k->run, row));
    }
    row->revision = (uint16_t)(f->count + 1);
    return LW_SUCCESS;
}

/* A key that an import left set aside under this number is the row's own. */
static lw_err check_clash(struct import_kept *k, struct import_row *row)
{
    char digits[IMPORT_VERSION_TEXT];
    struct wallet_intent intent;
    const lw_str type = k->run->type->id;
    const lw_str number = import_number(k->run, row);
    const lw_str version = import_version(k->run, row, digits);
    if (!k->run->keyed) {
        return LW_SUCCESS;
    }
    LW_TRY(wallet_store_license_key_taken(k->txn, type, version, &row->clash));
    if (!row->clash) {
        return LW_SUCCESS;
    }
    const lw_err err = wallet_store_intent_find(k->txn, type, number, version, &intent);
    row->clash = err.code == LW_E_NOT_FOUND;
    if (row->clash) {
        import_tell_row(k->run, row,
                        "the term's key is that of another license in the store, under another "
                        "number",
                        true);
        return import_bad_number(k->run, number);
    }
    return err;
}

static lw_err match_newest(struct import_kept *k, struct import_row *row, const struct found *f,
                           struct import_match *match)
{
    bool same = false;
    LW_TRY(compare(k, row, f->newest, &same));
    if (same || is_ended_here(&k->versions[f->newest], row)) {
        take_version(k, row, f->newest, match);
        return LW_SUCCESS;
    }
    row->changed = true;
    match->base = f->newest;
    return next_revision(k, row, f);
}

lw_err import_match(struct import_kept *k, struct import_row *row, bool alone,
                    struct import_match *match)
{
    struct found f;
    *match = (struct import_match){.version = SIZE_MAX, .base = SIZE_MAX};
    find(k, row, &f);
    if (f.newest == SIZE_MAX && f.voided == SIZE_MAX && !k->run->keyed && alone) {
        find_by_number(k, row, &f);
    }
    if (f.newest != SIZE_MAX) {
        return match_newest(k, row, &f, match);
    }
    if (f.voided == SIZE_MAX) {
        return check_clash(k, row);
    }
    match->base = f.voided;
    row->mends = !k->versions[f.voided].has_successor;
    return next_revision(k, row, &f);
}

static void note_kept(struct import_run *run, struct import_row *row, const char *why)
{
    row->kept = true;
    import_tell_row(run, row, why, false);
}

/* What officers suspended is not resumed by a register that never suspended it. */
static bool may_resume(const struct import_version_kept *v)
{
    return !v->was_set || v->reason_code == WALLET_REASON_REGISTER;
}

void import_compare_state(struct import_run *run, struct import_row *row,
                          const struct import_version_kept *v, bool followed)
{
    const enum wallet_state wanted = (enum wallet_state)row->by_register;
    if (row->kept || v->state == wanted || (followed && import_is_open(wanted))) {
        return;
    }
    if (is_ended_here(v, row)) {
        note_kept(run, row,
                  "revoked or cancelled in the store, not in the register: left so; `lw license "
                  "reissue` mends a mistake");
    } else if (!import_is_open(v->state)) {
        return;
    } else if (run->order->keep_states) {
        note_kept(run, row, "the register has another state: left as it is, as asked");
    } else if (wanted == WALLET_ACTIVE && !may_resume(v)) {
        note_kept(run, row,
                  "suspended in the store, not in the register: left so; `lw license resume` ends "
                  "it");
    } else {
        row->state_to = (uint8_t)wanted;
        row->state = (uint8_t)wanted;
    }
}
