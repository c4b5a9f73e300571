/* Phase one of an import: every row of the file converted and checked, the good ones in chains. */
#include <stdio.h>
#include <stdlib.h>

#include "flow_import_internal.h"

enum { TEXT_MAX = 1 << 30, ROOM_FIRST = 256, FAULTS_MAX = 8 };

lw_str import_version(const struct import_run *run, const struct import_row *row,
                      char digits[IMPORT_VERSION_TEXT])
{
    const lw_str key = {(const char *)run->text.ptr + row->text + row->number_len,
                        row->version_len};
    int n = 0;
    if (key.len > 0 && row->revision <= 1) {
        return key;
    }
    if (key.len > 0) {
        n = snprintf(digits, IMPORT_VERSION_TEXT, "%.*s~%u", (int)key.len, key.ptr, row->revision);
    } else {
        n = snprintf(digits, IMPORT_VERSION_TEXT, "%u", row->count);
    }
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
                                              .other = place.other,
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
        .revision = 1,
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

/* The key that the house counts on from may not look like what it counts. */
static bool key_is_counted(struct import_run *run, const struct wallet_csv_row *cells)
{
    lw_str key;
    if (wallet_version_revision(run->scratch.version, &key) == 1) {
        return false;
    }
    import_tell(run, (struct import_place){.line = cells->line, .raw = cells->raw},
                "the term's key ends in ~ and a number, as changed terms do here", true);
    return true;
}

lw_err import_bad_number(struct import_run *run, lw_str number)
{
    if (run->bad_count == run->bad_room) {
        const size_t room = run->bad_room == 0 ? ROOM_FIRST : 2 * run->bad_room;
        struct import_number *more = realloc(run->bad_numbers, room * sizeof(*more));
        if (more == NULL) {
            return LW_FAIL(LW_E_NOMEM, "import: out of memory", LW_NOWHERE);
        }
        run->bad_numbers = more;
        run->bad_room = room;
    }
    run->bad_numbers[run->bad_count++] =
        (struct import_number){.at = run->bad_text.len, .len = number.len};
    return lw_buf_put_str(&run->bad_text, number);
}

/* Counts a row that is left out; its license, where its number can be read, is not gone. */
static lw_err leave_out(struct import_run *run, lw_str number)
{
    run->bad++;
    if (number.len == 0) {
        run->unread++;
        return LW_SUCCESS;
    }
    return import_bad_number(run, number);
}

/* Converts, checks and keeps a row. */
static lw_err take_row(struct import_run *run, const struct wallet_csv_row *cells,
                       struct import_seen *seen)
{
    bool twice = false;
    if (wallet_import_row(run->plan, cells, &run->scratch).code != LW_OK) {
        tell_errors(run, cells);
        return leave_out(run, run->scratch.number);
    }
    if (key_is_counted(run, cells) || !may_be_issued(run, cells)) {
        return leave_out(run, run->scratch.number);
    }
    LW_TRY(push_row(run, cells));
    LW_TRY(import_seen_before(run, seen, &twice));
    if (twice) {
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

/* Leaves out the earlier ones of rows that contradict each other. */
static void drop_twice(struct import_run *run)
{
    size_t kept = 0;
    for (size_t i = 0; i < run->count; i++) {
        if (run->rows[i].twice) {
            run->bad++;
        } else {
            run->rows[kept++] = run->rows[i];
        }
    }
    run->count = kept;
}

/* Leaves out the numbers that have more terms than a license can have versions. */
static lw_err drop_long_chains(struct import_run *run)
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
                LW_TRY(leave_out(run, number));
            }
        }
    }
    run->count = kept;
    return LW_SUCCESS;
}

static lw_err read_all(struct import_run *run, bool quiet, struct import_seen *seen)
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
            LW_TRY(leave_out(run, LW_STR("")));
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
    run->unread = 0;
    struct import_seen seen = {.slots = NULL};
    const lw_err err = read_all(run, quiet, &seen);
    free(seen.slots);
    LW_TRY(err);
    drop_twice(run);
    LW_TRY(sort_rows(run));
    return quiet ? LW_SUCCESS : drop_long_chains(run);
}

/* It was good when all were read. */
lw_err import_convert(struct import_run *run, const struct import_row *row)
{
    const struct wallet_csv_row at = {.line = row->line,
                                      .raw = {run->order->csv.ptr + row->at, row->raw_len}};
    struct wallet_csv_row cells;
    wallet_csv_seek(run->csv, &at);
    lw_err err = wallet_csv_next(run->csv, &cells);
    err = err.code == LW_OK ? wallet_import_row(run->plan, &cells, &run->scratch) : err;
    return err.code == LW_OK
               ? LW_SUCCESS
               : LW_FAIL(LW_E_CORRUPT, "import: a row reads otherwise than before", LW_NOWHERE);
}
