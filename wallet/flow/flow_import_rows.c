/* Phase one of an import: every row of the file converted and checked, the good ones in chains. */
#include <stdio.h>
#include <stdlib.h>

#include "flow_import_internal.h"

enum { TEXT_MAX = 1 << 30, ROOM_FIRST = 256, SET_FIRST = 1024, FAULTS_MAX = 8 };

lw_str import_version(const struct import_run *run, const struct import_row *row,
                      char digits[IMPORT_VERSION_TEXT])
{
    if (row->version_len > 0) {
        return (lw_str){(const char *)run->text.ptr + row->text + row->number_len,
                        row->version_len};
    }
    const int n = snprintf(digits, IMPORT_VERSION_TEXT, "%u", row->count);
    return (lw_str){digits, n > 0 ? (size_t)n : 0};
}

static const char *without_layer(const char *why)
{
    const char *at = why;
    while (*at >= 'a' && *at <= 'z') {
        at++;
    }
    return at != why && at[0] == ':' && at[1] == ' ' ? at + 2 : why;
}

void import_tell(struct import_run *run, struct import_place place, const char *why, bool fatal)
{
    const struct wallet_import_issue issue = {.line = place.line,
                                              .column = place.column,
                                              .why = without_layer(why),
                                              .fatal = fatal,
                                              .raw = place.raw};
    run->watch->issue(run->watch->ctx, &issue);
}

void import_tell_row(struct import_run *run, const struct import_row *row, const char *why,
                     bool fatal)
{
    const struct import_place place = {.line = row->line,
                                       .raw = {run->order->csv.ptr + row->at, row->raw_len}};
    import_tell(run, place, why, fatal);
}

/*
 * The rows by what may be given once only: the term's key, or number and start. Open addressing
 * over indexes, from 1.
 */
struct seen {
    uint32_t *slots;
    size_t size; /* a power of two */
};

static lw_str once_key(const struct import_run *run, const struct import_row *row)
{
    const char *text = (const char *)run->text.ptr + row->text;
    return run->keyed ? (lw_str){text + row->number_len, row->version_len}
                      : (lw_str){text, row->number_len};
}

/* FNV-1a. */
static uint64_t hash_of(const struct import_run *run, const struct import_row *row)
{
    const lw_str key = once_key(run, row);
    uint64_t hash = 0xcbf29ce484222325U;
    for (size_t i = 0; i < key.len; i++) {
        hash = (hash ^ (uint8_t)key.ptr[i]) * 0x100000001b3U;
    }
    return run->keyed ? hash : (hash ^ (uint64_t)row->valid_from) * 0x100000001b3U;
}

static bool is_same(const struct import_run *run, const struct import_row *a,
                    const struct import_row *b)
{
    return lw_str_eq(once_key(run, a), once_key(run, b)) &&
           (run->keyed || a->valid_from == b->valid_from);
}

/* Returns the slot of the row like `row`, or the free one where it belongs. */
static uint32_t *find_slot(const struct import_run *run, const struct seen *seen,
                           const struct import_row *row)
{
    const uint64_t hash = hash_of(run, row);
    size_t i = (size_t)(hash ^ (hash >> 32)) & (seen->size - 1);
    while (seen->slots[i] != 0 && !is_same(run, &run->rows[seen->slots[i] - 1], row)) {
        i = (i + 1) & (seen->size - 1);
    }
    return &seen->slots[i];
}

static lw_err grow_seen(const struct import_run *run, struct seen *seen)
{
    struct seen larger = {.size = seen->size == 0 ? SET_FIRST : 2 * seen->size};
    larger.slots = calloc(larger.size, sizeof(*larger.slots));
    if (larger.slots == NULL) {
        return LW_FAIL(LW_E_NOMEM, "import: out of memory", LW_NOWHERE);
    }
    for (size_t i = 0; i < seen->size; i++) {
        if (seen->slots[i] != 0) {
            *find_slot(run, &larger, &run->rows[seen->slots[i] - 1]) = seen->slots[i];
        }
    }
    free(seen->slots);
    *seen = larger;
    return LW_SUCCESS;
}

/* Says whether the last row is like one before it, and keeps it in mind if not. */
static lw_err is_twice(const struct import_run *run, struct seen *seen, bool *twice)
{
    if (2 * run->count >= seen->size) {
        LW_TRY(grow_seen(run, seen));
    }
    uint32_t *slot = find_slot(run, seen, &run->rows[run->count - 1]);
    *twice = *slot != 0;
    if (!*twice) {
        *slot = (uint32_t)run->count;
    }
    return LW_SUCCESS;
}

void import_license(const struct import_run *run, const struct wallet_import_row *row,
                    struct wallet_license *license)
{
    license->type = run->type->id;
    license->type_version = run->type->version;
    license->issuer = run->agency->id;
    license->number = row->number;
    license->version = row->version.len > 0 ? row->version : LW_STR("1");
    license->holders[0] = row->holder;
    license->holder_count = 1;
    memcpy(license->claims, row->claims, row->claim_count * sizeof(row->claims[0]));
    license->claim_count = row->claim_count;
    license->issued_at = row->issued_at;
    license->valid_from = row->valid_from;
    license->valid_until = row->valid_until;
}

/* Applies the rules of issuing; tells what they say. */
static bool may_be_issued(struct import_run *run, const struct wallet_csv_row *cells)
{
    struct wallet_issue_fault faults[FAULTS_MAX];
    size_t count = FAULTS_MAX;
    size_t bytes = 0;
    const struct import_place whole = {.line = cells->line, .raw = cells->raw};
    import_license(run, &run->scratch, &run->license);
    for (size_t i = 0; i < run->license.claim_count; i++) {
        bytes += run->license.claims[i].value.len;
    }
    if (bytes > IMPORT_VALUES_MAX) {
        import_tell(run, whole, "the claims are larger than a license may be", true);
        return false;
    }
    const lw_err err =
        wallet_policy_issue(run->type, run->agency, &run->license, run->checked_at, faults, &count);
    for (size_t i = 0; err.code != LW_OK && i < count; i++) {
        struct import_place place = whole;
        place.column = lw_str_c(faults[i].field);
        import_tell(run, place, faults[i].why, true);
    }
    return err.code == LW_OK;
}

static lw_err push_row(struct import_run *run, const struct wallet_csv_row *cells)
{
    const struct wallet_import_row *r = &run->scratch;
    if (run->count == run->room) {
        const size_t room = run->room == 0 ? ROOM_FIRST : 2 * run->room;
        struct import_row *rows =
            room > UINT32_MAX ? NULL : realloc(run->rows, room * sizeof(*rows));
        if (rows == NULL) {
            return LW_FAIL(LW_E_NOMEM, "import: out of memory", LW_NOWHERE);
        }
        run->rows = rows;
        run->room = room;
    }
    run->rows[run->count] = (struct import_row){
        .at = (size_t)(cells->raw.ptr - run->order->csv.ptr),
        .line = cells->line,
        .raw_len = (uint32_t)cells->raw.len,
        .text = run->text.len,
        .number_len = (uint8_t)r->number.len,
        .version_len = (uint8_t)r->version.len,
        .valid_from = r->valid_from,
        .valid_until = r->valid_until,
        .by_register = (uint8_t)r->state,
    };
    LW_TRY(lw_buf_put_str(&run->text, r->number));
    LW_TRY(lw_buf_put_str(&run->text, r->version));
    run->keyed = r->version.len > 0;
    run->count++;
    return LW_SUCCESS;
}

static void tell_notes(struct import_run *run, const struct wallet_csv_row *cells)
{
    const struct import_place whole = {.line = cells->line, .raw = cells->raw};
    for (unsigned note = 1; note <= run->scratch.notes; note <<= 1) {
        if ((run->scratch.notes & note) != 0) {
            import_tell(run, whole, wallet_row_note_text((enum wallet_row_note)note), false);
        }
    }
}

static void tell_errors(struct import_run *run, const struct wallet_csv_row *cells)
{
    for (size_t i = 0; i < run->scratch.error_count; i++) {
        const struct import_place place = {
            .line = cells->line, .column = run->scratch.errors[i].column, .raw = cells->raw};
        import_tell(run, place, run->scratch.errors[i].why, true);
    }
}

/* Converts, checks and keeps a row. */
static lw_err take_row(struct import_run *run, const struct wallet_csv_row *cells,
                       struct seen *seen)
{
    bool twice = false;
    if (wallet_import_row(run->plan, cells, &run->scratch).code != LW_OK) {
        tell_errors(run, cells);
        run->bad++;
        return LW_SUCCESS;
    }
    if (!may_be_issued(run, cells)) {
        run->bad++;
        return LW_SUCCESS;
    }
    LW_TRY(push_row(run, cells));
    LW_TRY(is_twice(run, seen, &twice));
    if (twice) {
        import_tell_row(run, &run->rows[run->count - 1],
                        run->keyed ? "the term's key is given on an earlier line"
                                   : "number and start date are given on an earlier line",
                        true);
        run->count--;
        run->bad++;
        return LW_SUCCESS;
    }
    tell_notes(run, cells);
    return LW_SUCCESS;
}

static lw_err take_quietly(struct import_run *run, const struct wallet_csv_row *cells)
{
    return wallet_import_row(run->plan, cells, &run->scratch).code == LW_OK ? push_row(run, cells)
                                                                            : LW_SUCCESS;
}

static lw_err sort_rows(struct import_run *run)
{
    struct wallet_import_term *terms = calloc(run->count + 1, sizeof(*terms));
    struct import_row *sorted = calloc(run->count + 1, sizeof(*sorted));
    if (terms == NULL || sorted == NULL) {
        free(terms);
        free(sorted);
        return LW_FAIL(LW_E_NOMEM, "import: out of memory", LW_NOWHERE);
    }
    for (size_t i = 0; i < run->count; i++) {
        const struct import_row *row = &run->rows[i];
        const char *text = (const char *)run->text.ptr + row->text;
        terms[i] = (struct wallet_import_term){
            .number = {text, row->number_len},
            .version = {text + row->number_len, row->version_len},
            .valid_from = row->valid_from,
            .row = i,
        };
    }
    wallet_import_terms_sort(terms, run->count);
    for (size_t i = 0; i < run->count; i++) {
        sorted[i] = run->rows[terms[i].row];
    }
    free(terms);
    free(run->rows);
    run->rows = sorted;
    run->room = run->count + 1;
    return LW_SUCCESS;
}

/* Leaves out the numbers that have more terms than a license can have versions. */
static void drop_long_chains(struct import_run *run)
{
    size_t kept = 0;
    size_t end = 0;
    for (size_t i = 0; i < run->count; i = end) {
        const lw_str number = import_number(run, &run->rows[i]);
        for (end = i; end < run->count && lw_str_eq(import_number(run, &run->rows[end]), number);
             end++) {
        }
        for (size_t k = i; k < end; k++) {
            if (end - i <= IMPORT_TERMS_MAX) {
                run->rows[kept++] = run->rows[k];
            } else {
                import_tell_row(run, &run->rows[k], "the number has more than 999 terms", true);
                run->bad++;
            }
        }
    }
    run->count = kept;
}

static lw_err read_all(struct import_run *run, bool quiet, struct seen *seen)
{
    for (;;) {
        struct wallet_csv_row cells;
        const lw_err err = wallet_csv_next(run->csv, &cells);
        if (err.code == LW_E_NOT_FOUND) {
            return LW_SUCCESS;
        }
        if (err.code == LW_E_NOMEM) {
            return err;
        }
        run->seen++;
        if (err.code == LW_OK) {
            LW_TRY(quiet ? take_quietly(run, &cells) : take_row(run, &cells, seen));
        } else if (!quiet) {
            import_tell(run, (struct import_place){.line = cells.line, .raw = cells.raw}, err.why,
                        true);
            run->bad++;
        }
    }
}

lw_err import_read(struct import_run *run, bool quiet)
{
    wallet_csv_rewind(run->csv);
    lw_buf_free(&run->text);
    run->text = LW_BUF(TEXT_MAX);
    run->count = 0;
    run->seen = 0;
    run->bad = 0;
    struct seen seen = {.slots = NULL};
    const lw_err err = read_all(run, quiet, &seen);
    free(seen.slots);
    LW_TRY(err);
    LW_TRY(sort_rows(run));
    if (!quiet) {
        drop_long_chains(run);
    }
    return LW_SUCCESS;
}
