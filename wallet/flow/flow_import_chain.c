/* How the terms of each number follow each other: rows of the file and versions of the store. */
#include <stdlib.h>

#include "flow_import_internal.h"

/* A link of a chain: a row of the file, a version of the store, or both. SIZE_MAX: none. */
struct element {
    size_t row;
    size_t version; /* what the store has and keeps */
    size_t base;    /* the version that the row's next one comes after */
};

struct chain {
    struct import_kept kept;
    struct element *elements;
    size_t count;
    size_t room;
};

static struct import_row *row_of(const struct chain *c, const struct element *e)
{
    return &c->kept.run->rows[e->row];
}

static lw_err make_room(struct chain *c, size_t count)
{
    if (count > c->room) {
        struct element *more = realloc(c->elements, 2 * count * sizeof(*more));
        if (more == NULL) {
            return LW_FAIL(LW_E_NOMEM, "import: out of memory", LW_NOWHERE);
        }
        c->elements = more;
        c->room = 2 * count;
    }
    return LW_SUCCESS;
}

static bool row_follows(const struct chain *c, const struct element *e,
                        const struct import_version_kept *v)
{
    char digits[IMPORT_VERSION_TEXT];
    if (e->row == SIZE_MAX) { /* versions of the store are taken in their order */
        return false;
    }
    const struct import_row *row = row_of(c, e);
    return row->valid_from != v->valid_from
               ? row->valid_from > v->valid_from
               : wallet_version_cmp(import_version(c->kept.run, row, digits), lw_str_c(v->text)) >
                     0;
}

/* Puts a version that the file does not have where it belongs between the rows. */
static void insert_version(struct chain *c, size_t version)
{
    size_t at = 0;
    while (at < c->count && !row_follows(c, &c->elements[at], &c->kept.versions[version])) {
        at++;
    }
    memmove(&c->elements[at + 1], &c->elements[at], (c->count - at) * sizeof(c->elements[0]));
    c->elements[at] = (struct element){.row = SIZE_MAX, .version = version, .base = SIZE_MAX};
    c->count++;
}

static lw_err build(struct chain *c, size_t begin, size_t end)
{
    c->count = 0;
    LW_TRY(make_room(c, end - begin + c->kept.count));
    for (size_t i = begin; i < end; i++) {
        struct import_row *row = &c->kept.run->rows[i];
        struct import_match match;
        LW_TRY(import_match(&c->kept, row, end - begin == 1, &match));
        if (!row->clash) {
            c->elements[c->count++] =
                (struct element){.row = i, .version = match.version, .base = match.base};
        }
    }
    for (size_t i = 0; i < c->kept.count; i++) {
        if (!c->kept.versions[i].covered && !c->kept.versions[i].voided) {
            insert_version(c, i);
        }
    }
    return LW_SUCCESS;
}

/* Versions are counted where the register has no keys for them. */
static void count_versions(struct chain *c)
{
    int64_t last = 0;
    for (size_t i = 0; i < c->kept.count; i++) {
        int64_t n = 0;
        if (lw_str_int(lw_str_c(c->kept.versions[i].text), &n).code == LW_OK && n > last) {
            last = n;
        }
    }
    for (size_t i = 0; i < c->count && !c->kept.run->keyed; i++) {
        if (c->elements[i].version == SIZE_MAX && last < UINT32_MAX) {
            row_of(c, &c->elements[i])->count = (uint32_t)++last;
        }
    }
}

static const uint8_t *id_of(const struct chain *c, const struct element *e)
{
    return e->version == SIZE_MAX ? row_of(c, e)->id : c->kept.versions[e->version].id;
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

/* Says whether a version names a successor that never came, as its run was killed before. */
static lw_err lacks_successor(const struct chain *c, size_t version, bool *lacks)
{
    *lacks = false;
    if (version == SIZE_MAX || !c->kept.versions[version].has_successor) {
        return LW_SUCCESS;
    }
    LW_TRY(is_there(c->kept.txn, c->kept.versions[version].successor, lacks));
    *lacks = !*lacks;
    return LW_SUCCESS;
}

/* Of the versions of one term. */
static uint16_t greatest_revision(const struct chain *c, size_t version)
{
    unsigned greatest = 1;
    lw_str key;
    (void)wallet_version_revision(lw_str_c(c->kept.versions[version].text), &key);
    for (size_t i = 0; i < c->kept.count; i++) {
        lw_str other;
        const unsigned one = wallet_version_revision(lw_str_c(c->kept.versions[i].text), &other);
        greatest = lw_str_eq(key, other) && one > greatest ? one : greatest;
    }
    return (uint16_t)greatest;
}

/*
 * The last term of the register is in force: should the store have it superseded by one that never
 * came, and that the register has no more, it is issued once again.
 */
static lw_err revive_last(struct chain *c)
{
    struct element *last = c->count == 0 ? NULL : &c->elements[c->count - 1];
    bool lacks = false;
    if (last == NULL || last->row == SIZE_MAX || last->version == SIZE_MAX ||
        c->kept.versions[last->version].state != WALLET_SUPERSEDED || row_of(c, last)->kept) {
        return LW_SUCCESS;
    }
    LW_TRY(lacks_successor(c, last->version, &lacks));
    if (lacks) {
        struct import_row *row = row_of(c, last);
        row->there = false;
        row->changed = true;
        row->revision = greatest_revision(c, last->version) + 1;
        last->base = last->version;
        last->version = SIZE_MAX;
    }
    return LW_SUCCESS;
}

/*
 * A run that was killed between two terms of a number left the earlier one with a successor that
 * never came: it comes now, under the id that was meant for it.
 */
static lw_err choose_id(const struct chain *c, size_t i, uint8_t id[WALLET_UUID_LEN])
{
    const struct element *before = i == 0 ? NULL : &c->elements[i - 1];
    size_t version = c->elements[i].base;
    bool lacks = false;
    LW_TRY(lacks_successor(c, version, &lacks));
    if (!lacks && before != NULL) {
        version = before->version != SIZE_MAX ? before->version : before->base;
        LW_TRY(lacks_successor(c, version, &lacks));
        lacks = lacks && (before->version != SIZE_MAX ||
                          memcmp(row_of(c, before)->id, c->kept.versions[version].successor,
                                 WALLET_UUID_LEN) != 0);
    }
    if (lacks) {
        memcpy(id, c->kept.versions[version].successor, WALLET_UUID_LEN);
        return LW_SUCCESS;
    }
    return wallet_store_new_id(c->kept.run->home->store, id);
}

static void set_predecessor(struct import_row *row, const uint8_t *id)
{
    row->has_predecessor = id != NULL;
    if (id != NULL) {
        memcpy(row->predecessor, id, sizeof(row->predecessor));
    }
}

/* What a new version comes after, and whether that is in force and is superseded by it. */
static void link_one(struct chain *c, size_t i, size_t *open)
{
    const struct element *e = &c->elements[i];
    struct import_row *row = row_of(c, e);
    const struct import_version_kept *base =
        e->base == SIZE_MAX ? NULL : &c->kept.versions[e->base];
    if (base != NULL && import_is_open(base->state)) {
        set_predecessor(row, base->id);
        row->supersedes = true;
    } else if (*open != SIZE_MAX) {
        set_predecessor(row, id_of(c, &c->elements[*open]));
        row->supersedes = true;
        row->mends = false;
    } else if (base != NULL) {
        set_predecessor(row, base->id);
    } else {
        set_predecessor(row, i == 0 ? NULL : id_of(c, &c->elements[i - 1]));
    }
    *open = SIZE_MAX;
}

/* The first new term after the version that is in force takes its place. */
static lw_err link_back(struct chain *c)
{
    size_t open = SIZE_MAX;
    for (size_t i = 0; i < c->count; i++) {
        const struct element *e = &c->elements[i];
        if (e->version != SIZE_MAX) {
            open = import_is_open(c->kept.versions[e->version].state) ? i : open;
            continue;
        }
        LW_TRY(choose_id(c, i, row_of(c, e)->id));
        link_one(c, i, &open);
    }
    return LW_SUCCESS;
}

/* A change of what a license says is no reason to resume it. */
static bool stays_suspended(const struct chain *c, const struct element *e)
{
    const struct import_version_kept *base =
        e->base == SIZE_MAX ? NULL : &c->kept.versions[e->base];
    return base != NULL && base->state == WALLET_SUSPENDED && base->was_set &&
           base->reason_code != WALLET_REASON_REGISTER;
}

static void link_forward(struct chain *c)
{
    for (size_t i = 0; i < c->count; i++) {
        const struct element *e = &c->elements[i];
        if (e->version != SIZE_MAX) {
            continue;
        }
        struct import_row *row = row_of(c, e);
        const enum wallet_state by_register = (enum wallet_state)row->by_register;
        const bool last = i + 1 == c->count;
        row->state =
            (uint8_t)(last || !import_is_open(by_register) ? by_register : WALLET_SUPERSEDED);
        if (row->state == WALLET_ACTIVE && stays_suspended(c, e)) {
            row->state = WALLET_SUSPENDED;
        }
        row->has_successor = row->state == WALLET_SUPERSEDED;
        if (row->has_successor) {
            memcpy(row->successor, id_of(c, &c->elements[i + 1]), sizeof(row->successor));
        }
    }
}

/* Says whether a new term takes the place of the version at `i`. */
static bool is_followed(const struct chain *c, size_t i)
{
    for (size_t n = i + 1; n < c->count; n++) {
        const struct element *e = &c->elements[n];
        if (e->version == SIZE_MAX && row_of(c, e)->supersedes &&
            memcmp(row_of(c, e)->predecessor, id_of(c, &c->elements[i]), WALLET_UUID_LEN) == 0) {
            return true;
        }
    }
    return false;
}

/* States that differ, and versions in force whose term the file has no more. */
static lw_err compare_rest(struct chain *c, lw_str number)
{
    struct import_run *run = c->kept.run;
    for (size_t i = 0; i < c->count; i++) {
        const struct element *e = &c->elements[i];
        const struct import_version_kept *v =
            e->version == SIZE_MAX ? NULL : &c->kept.versions[e->version];
        if (v == NULL) {
            continue;
        }
        const bool followed = import_is_open(v->state) && is_followed(c, i);
        if (e->row != SIZE_MAX) {
            import_compare_state(run, row_of(c, e), v, followed);
        } else if (import_is_open(v->state) && !followed) {
            LW_TRY(import_take_gone(run, number, v->import, v->id, v->valid_until));
        }
    }
    return LW_SUCCESS;
}

static lw_err compare_all(struct chain *c)
{
    struct import_run *run = c->kept.run;
    size_t end = 0;
    for (size_t i = 0; i < run->count; i = end) {
        const lw_str number = import_number(run, &run->rows[i]);
        for (end = i; end < run->count && lw_str_eq(import_number(run, &run->rows[end]), number);
             end++) {
        }
        LW_TRY(import_load_versions(&c->kept, number));
        LW_TRY(build(c, i, end));
        LW_TRY(revive_last(c));
        count_versions(c);
        LW_TRY(link_back(c));
        link_forward(c);
        LW_TRY(compare_rest(c, number));
    }
    return LW_SUCCESS;
}

lw_err import_compare(struct import_run *run)
{
    WALLET_AUTO_TXN txn = NULL;
    struct chain c = {.kept = {.run = run}};
    LW_TRY(wallet_read_begin(run->home->store, &txn));
    LW_TRY(import_find_others(run, txn));
    c.kept.txn = txn;
    const lw_err err = compare_all(&c);
    free(c.kept.versions);
    free(c.elements);
    return err;
}
