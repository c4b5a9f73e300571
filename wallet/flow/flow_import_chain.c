/* Which rows are in the store, and how the terms of each number follow each other there. */
#include <stdlib.h>

#include "flow_import_internal.h"

enum { PAGE = 16 };

/* A version of a number that is in the store. */
struct version {
    uint8_t id[WALLET_UUID_LEN];
    uint8_t successor[WALLET_UUID_LEN];
    bool has_successor;
    enum wallet_state state;
    int64_t valid_from;
    int64_t valid_until;
    char text[WALLET_NUMBER_MAX + 1];
    bool in_file;
};

/* A link of a chain: a row of the file, a version of the store, or both. SIZE_MAX: none. */
struct element {
    size_t row;
    size_t version;
};

struct chain {
    struct import_run *run;
    const struct wallet_txn *txn;
    struct version *versions;
    size_t version_count;
    size_t version_room;
    struct element *elements;
    size_t count;
    size_t room;
};

static lw_err out_of_memory(void)
{
    return LW_FAIL(LW_E_NOMEM, "import: out of memory", LW_NOWHERE);
}

static bool is_open(enum wallet_state state)
{
    return state == WALLET_ACTIVE || state == WALLET_SUSPENDED;
}

static lw_err push_version(struct chain *c, const struct wallet_stored_license *stored)
{
    if (c->version_count == c->version_room) {
        const size_t room = c->version_room == 0 ? PAGE : 2 * c->version_room;
        struct version *more = realloc(c->versions, room * sizeof(*more));
        if (more == NULL) {
            return out_of_memory();
        }
        c->versions = more;
        c->version_room = room;
    }
    const struct wallet_license *l = &stored->license;
    struct version *v = &c->versions[c->version_count++];
    *v = (struct version){.has_successor = stored->has_successor,
                          .state = stored->state,
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

static lw_err load_versions(struct chain *c, lw_str number)
{
    struct wallet_page page = {.len = 0};
    c->version_count = 0;
    while (!page.end) {
        uint8_t ids[PAGE][WALLET_UUID_LEN];
        size_t count = PAGE;
        LW_TRY(wallet_store_license_versions(c->txn, c->run->type->id, number, &page, ids, &count));
        for (size_t i = 0; i < count; i++) {
            WALLET_AUTO_LICENSE stored = {.state = 0};
            LW_TRY(wallet_store_license_load(c->txn, ids[i], WALLET_LOAD_PUBLIC, &stored));
            LW_TRY(push_version(c, &stored));
        }
    }
    return LW_SUCCESS;
}

/* Without keys of their own the terms of a number are told apart by their start. */
static size_t find_version(const struct chain *c, const struct import_row *row)
{
    char digits[IMPORT_VERSION_TEXT];
    for (size_t i = 0; i < c->version_count; i++) {
        const struct version *v = &c->versions[i];
        if (c->run->keyed ? lw_str_is(import_version(c->run, row, digits), v->text)
                          : v->valid_from == row->valid_from) {
            return i;
        }
    }
    return SIZE_MAX;
}

static void tell_difference(struct chain *c, const struct import_row *row, enum wallet_state state)
{
    if (!is_open(state)) {
        return;
    }
    if (row->by_register == WALLET_REVOKED) {
        import_tell_row(c->run, row,
                        "the register has it revoked now, the store has not: `lw license revoke` "
                        "it if that is right",
                        false);
    } else if (row->by_register == WALLET_CANCELLED) {
        import_tell_row(c->run, row,
                        "the register has it cancelled now, the store has not: `lw license "
                        "cancel` it if that is right",
                        false);
    }
}

/* Finds the row in the store; a new one must not bear the key of another number's term. */
static lw_err match(struct chain *c, struct import_row *row, size_t *version)
{
    char digits[IMPORT_VERSION_TEXT];
    *version = find_version(c, row);
    row->there = *version != SIZE_MAX;
    if (row->there) {
        struct version *v = &c->versions[*version];
        v->in_file = true;
        tell_difference(c, row, v->state);
        row->state = (uint8_t)v->state;
        row->valid_until = v->valid_until;
        memcpy(row->id, v->id, sizeof(row->id));
        return LW_SUCCESS;
    }
    if (!c->run->keyed) {
        return LW_SUCCESS;
    }
    LW_TRY(wallet_store_license_key_taken(c->txn, c->run->type->id,
                                          import_version(c->run, row, digits), &row->clash));
    if (row->clash) {
        import_tell_row(c->run, row,
                        "the term's key is that of another license in the store, under another "
                        "number",
                        true);
    }
    return LW_SUCCESS;
}

static lw_err make_room(struct chain *c, size_t count)
{
    if (count > c->room) {
        struct element *more = realloc(c->elements, 2 * count * sizeof(*more));
        if (more == NULL) {
            return out_of_memory();
        }
        c->elements = more;
        c->room = 2 * count;
    }
    return LW_SUCCESS;
}

static bool row_follows(const struct chain *c, const struct element *e, const struct version *v)
{
    char digits[IMPORT_VERSION_TEXT];
    if (e->row == SIZE_MAX) { /* versions of the store are taken in their order */
        return false;
    }
    const struct import_row *row = &c->run->rows[e->row];
    return row->valid_from != v->valid_from
               ? row->valid_from > v->valid_from
               : wallet_version_cmp(import_version(c->run, row, digits), lw_str_c(v->text)) > 0;
}

/* Puts a version that the file does not have where it belongs between the rows. */
static void insert_version(struct chain *c, size_t version)
{
    size_t at = 0;
    while (at < c->count && !row_follows(c, &c->elements[at], &c->versions[version])) {
        at++;
    }
    memmove(&c->elements[at + 1], &c->elements[at], (c->count - at) * sizeof(c->elements[0]));
    c->elements[at] = (struct element){.row = SIZE_MAX, .version = version};
    c->count++;
}

static lw_err build(struct chain *c, size_t begin, size_t end)
{
    c->count = 0;
    LW_TRY(make_room(c, end - begin + c->version_count));
    for (size_t i = begin; i < end; i++) {
        struct element e = {.row = i};
        LW_TRY(match(c, &c->run->rows[i], &e.version));
        if (!c->run->rows[i].clash) {
            c->elements[c->count++] = e;
        }
    }
    for (size_t i = 0; i < c->version_count; i++) {
        if (!c->versions[i].in_file) {
            insert_version(c, i);
        }
    }
    return LW_SUCCESS;
}

/* Versions are counted where the register has no keys for them. */
static void count_versions(struct chain *c)
{
    int64_t last = 0;
    for (size_t i = 0; i < c->version_count; i++) {
        int64_t n = 0;
        if (lw_str_int(lw_str_c(c->versions[i].text), &n).code == LW_OK && n > last) {
            last = n;
        }
    }
    for (size_t i = 0; i < c->count && !c->run->keyed; i++) {
        if (c->elements[i].version == SIZE_MAX && last < UINT32_MAX) {
            c->run->rows[c->elements[i].row].count = (uint32_t)++last;
        }
    }
}

static const uint8_t *id_of(const struct chain *c, const struct element *e)
{
    return e->version == SIZE_MAX ? c->run->rows[e->row].id : c->versions[e->version].id;
}

static lw_err is_there(const struct wallet_txn *txn, const uint8_t id[WALLET_UUID_LEN], bool *there)
{
    WALLET_AUTO_LICENSE stored = {.state = 0};
    struct wallet_intent intent;
    lw_err err = wallet_store_license_load(txn, id, WALLET_LOAD_PUBLIC, &stored);
    if (err.code == LW_E_NOT_FOUND) {
        err = wallet_store_intent_get(txn, id, &intent);
    }
    *there = err.code == LW_OK;
    return err.code == LW_E_NOT_FOUND ? LW_SUCCESS : err;
}

/*
 * A run that was killed between two terms of a number left the earlier one with a successor that
 * never came: it comes now, under the id that was meant for it.
 */
static lw_err choose_id(const struct chain *c, size_t i, uint8_t id[WALLET_UUID_LEN])
{
    const size_t before = i == 0 ? SIZE_MAX : c->elements[i - 1].version;
    if (before != SIZE_MAX && c->versions[before].has_successor) {
        bool there = false;
        LW_TRY(is_there(c->txn, c->versions[before].successor, &there));
        if (!there) {
            memcpy(id, c->versions[before].successor, WALLET_UUID_LEN);
            return LW_SUCCESS;
        }
    }
    return wallet_store_new_id(c->run->home->store, id);
}

/* The first new term after the version that is in force takes its place. */
static lw_err link_back(struct chain *c)
{
    size_t open = SIZE_MAX;
    for (size_t i = 0; i < c->count; i++) {
        const struct element *e = &c->elements[i];
        if (e->version != SIZE_MAX) {
            open = is_open(c->versions[e->version].state) ? i : open;
            continue;
        }
        struct import_row *row = &c->run->rows[e->row];
        LW_TRY(choose_id(c, i, row->id));
        row->has_predecessor = i > 0;
        if (i > 0) {
            const size_t before = open != SIZE_MAX ? open : i - 1;
            memcpy(row->predecessor, id_of(c, &c->elements[before]), sizeof(row->predecessor));
        }
        row->supersedes = open != SIZE_MAX;
        open = SIZE_MAX;
    }
    return LW_SUCCESS;
}

static void link_forward(struct chain *c)
{
    for (size_t i = 0; i < c->count; i++) {
        if (c->elements[i].version != SIZE_MAX) {
            continue;
        }
        struct import_row *row = &c->run->rows[c->elements[i].row];
        const enum wallet_state by_register = (enum wallet_state)row->by_register;
        const bool last = i + 1 == c->count;
        row->state = (uint8_t)(last || !is_open(by_register) ? by_register : WALLET_SUPERSEDED);
        row->has_successor = row->state == WALLET_SUPERSEDED;
        if (row->has_successor) {
            memcpy(row->successor, id_of(c, &c->elements[i + 1]), sizeof(row->successor));
        }
    }
}

static lw_err compare_all(struct chain *c)
{
    struct import_run *run = c->run;
    size_t end = 0;
    for (size_t i = 0; i < run->count; i = end) {
        const lw_str number = import_number(run, &run->rows[i]);
        for (end = i; end < run->count && lw_str_eq(import_number(run, &run->rows[end]), number);
             end++) {
        }
        LW_TRY(load_versions(c, number));
        LW_TRY(build(c, i, end));
        count_versions(c);
        LW_TRY(link_back(c));
        link_forward(c);
    }
    return LW_SUCCESS;
}

lw_err import_compare(struct import_run *run)
{
    WALLET_AUTO_TXN txn = NULL;
    struct chain c = {.run = run};
    LW_TRY(wallet_read_begin(run->home->store, &txn));
    c.txn = txn;
    const lw_err err = compare_all(&c);
    free(c.versions);
    free(c.elements);
    return err;
}
