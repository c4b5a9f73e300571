/* Two rows of one term: named, and which of them are taken. */
#include <stdlib.h>

#include "flow_import_internal.h"

enum { SET_FIRST = 1024 };

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

static bool is_like(const struct import_run *run, const struct import_row *a,
                    const struct import_row *b)
{
    return lw_str_eq(once_key(run, a), once_key(run, b)) &&
           (run->keyed || a->valid_from == b->valid_from);
}

/* Returns the slot of the row like `row`, or the free one where it belongs. */
static uint32_t *find_slot(const struct import_run *run, const struct import_seen *seen,
                           const struct import_row *row)
{
    const uint64_t hash = hash_of(run, row);
    size_t i = (size_t)(hash ^ (hash >> 32)) & (seen->size - 1);
    while (seen->slots[i] != 0 && !is_like(run, &run->rows[seen->slots[i] - 1], row)) {
        i = (i + 1) & (seen->size - 1);
    }
    return &seen->slots[i];
}

static lw_err grow(const struct import_run *run, struct import_seen *seen)
{
    struct import_seen larger = {.size = seen->size == 0 ? SET_FIRST : 2 * seen->size};
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

static lw_bytes raw_of(const struct import_run *run, const struct import_row *row)
{
    lw_bytes raw = {run->order->csv.ptr + row->at, row->raw_len};
    while (raw.len > 0 && (raw.ptr[raw.len - 1] == '\n' || raw.ptr[raw.len - 1] == '\r')) {
        raw.len--;
    }
    return raw;
}

static void tell(struct import_run *run, const struct import_row *row,
                 const struct import_row *other, const char *why)
{
    const struct import_place place = {.line = row->line,
                                       .other = other->line,
                                       .raw = {run->order->csv.ptr + row->at, row->raw_len}};
    import_tell(run, place, why, true);
}

/* Nobody can say here which of the two holds. */
static lw_err leave_both_out(struct import_run *run, struct import_row *first,
                             const struct import_row *last)
{
    const char *why = run->keyed ? "another line gives the same key of a term with other data"
                                 : "another line gives the same number and start with other data";
    if (!first->twice) {
        tell(run, first, last, why);
        first->twice = true;
        LW_TRY(import_bad_number(run, import_number(run, first)));
    }
    tell(run, last, first, why);
    return import_bad_number(run, import_number(run, last));
}

lw_err import_seen_before(struct import_run *run, struct import_seen *seen, bool *twice)
{
    struct import_row *last = &run->rows[run->count - 1];
    if (2 * run->count >= seen->size) {
        LW_TRY(grow(run, seen));
    }
    uint32_t *slot = find_slot(run, seen, last);
    *twice = *slot != 0;
    if (!*twice) {
        *slot = (uint32_t)run->count;
        return LW_SUCCESS;
    }
    struct import_row *first = &run->rows[*slot - 1];
    if (!lw_bytes_eq(raw_of(run, first), raw_of(run, last))) {
        return leave_both_out(run, first, last);
    }
    tell(run, last, first, "the same row stands on an earlier line");
    return LW_SUCCESS;
}
