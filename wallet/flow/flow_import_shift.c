/* By how many days a register of the past is moved, so that it can be shown as if it were now. */
#include <stdlib.h>

#include "flow_import_internal.h"

enum { SHIFT_MAX = 366000 };

static int by_days(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static int64_t bounded(int64_t days)
{
    return days > SHIFT_MAX ? SHIFT_MAX : days < -SHIFT_MAX ? -SHIFT_MAX : days;
}

static bool is_newest(const struct import_run *run, size_t i)
{
    return i + 1 == run->count ||
           !lw_str_eq(import_number(run, &run->rows[i]), import_number(run, &run->rows[i + 1]));
}

/* The moves at which a term begins to hold today, and at which it does so for the last time. */
static size_t fill(const struct import_run *run, int64_t today, int64_t *from, int64_t *to)
{
    size_t count = 0;
    for (size_t i = 0; i < run->count; i++) {
        const struct import_row *row = &run->rows[i];
        if (row->by_register != WALLET_ACTIVE || !is_newest(run, i)) {
            continue;
        }
        from[count] = row->valid_until == INT64_MAX
                          ? -SHIFT_MAX
                          : bounded(today - lw_days_of(row->valid_until) + 1);
        to[count] = bounded(today - lw_days_of(row->valid_from));
        count++;
    }
    return count;
}

/* Sweeps over both: the middle of the first stretch where the most terms hold. */
static int64_t sweep(const int64_t *from, const int64_t *to, size_t count)
{
    int64_t best = 0;
    size_t most = 0;
    size_t holding = 0;
    size_t ended = 0;
    for (size_t begun = 0; begun < count; begun++) {
        while (ended < begun && to[ended] < from[begun]) {
            ended++;
            holding--;
        }
        holding++;
        if (holding > most) {
            most = holding;
            best = from[begun] + (to[ended] - from[begun]) / 2;
        }
    }
    return best;
}

lw_err import_choose_shift(const struct import_run *run, int64_t now, int64_t *days)
{
    int64_t *from = calloc(run->count + 1, sizeof(*from));
    int64_t *to = calloc(run->count + 1, sizeof(*to));
    if (from == NULL || to == NULL) {
        free(from);
        free(to);
        return LW_FAIL(LW_E_NOMEM, "import: out of memory", LW_NOWHERE);
    }
    const size_t count = fill(run, lw_days_of(now), from, to);
    qsort(from, count, sizeof(*from), by_days);
    qsort(to, count, sizeof(*to), by_days);
    *days = sweep(from, to, count);
    free(from);
    free(to);
    return LW_SUCCESS;
}
