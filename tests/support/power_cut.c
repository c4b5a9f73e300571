#include "power_cut.h"

#include <stdlib.h>

enum { SECTOR = 512, PAGE = 4096, WAYS = 8 };

/* How the writes after the last sync came out; above these each fares by itself. */
enum way { WAY_NONE, WAY_ALL, WAY_ALL_BUT_LAST, WAY_ONLY_LAST };

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        abort();
    }
}

static void put(lw_buf *file, uint64_t offset, const uint8_t *bytes, size_t len)
{
    static const uint8_t zeros[PAGE];
    while (file->len < offset + len) {
        const uint64_t lack = offset + len - file->len;
        must(lw_buf_put(file, (lw_bytes){.ptr = zeros, .len = lack < PAGE ? lack : PAGE}));
    }
    if (len > 0) {
        memcpy(file->ptr + offset, bytes, len);
    }
}

static void apply(lw_buf *file, const struct support_io_event *e)
{
    put(file, e->offset, e->bytes, e->len);
}

void support_cut_begin(struct support_cut *cut, const struct support_io_event *events, size_t count,
                       lw_bytes file)
{
    *cut = (struct support_cut){.events = events, .count = count, .durable = LW_BUF(SIZE_MAX / 2)};
    must(lw_buf_put(&cut->durable, file));
    cut->open = calloc(count + 1, sizeof(*cut->open));
    if (cut->open == NULL) {
        abort();
    }
}

void support_cut_end(struct support_cut *cut)
{
    lw_buf_free(&cut->durable);
    free(cut->open);
    cut->open = NULL;
}

static void pass(struct support_cut *cut, size_t i)
{
    const struct support_io_event *e = &cut->events[i];
    switch (e->kind) {
    case SUPPORT_IO_WROTE:
        if (e->durable) {
            apply(&cut->durable, e);
            return;
        }
        cut->open[cut->open_count++] = i;
        return;
    case SUPPORT_IO_SIZED:
        cut->open[cut->open_count++] = i;
        return;
    case SUPPORT_IO_SYNCED:
        for (size_t k = 0; k < cut->open_count; k++) {
            apply(&cut->durable, &cut->events[cut->open[k]]);
        }
        cut->open_count = 0;
        return;
    case SUPPORT_IO_MARKED:
        if (cut->marked != NULL) {
            cut->marked(cut->ctx, e);
        }
        return;
    }
}

void support_cut_to(struct support_cut *cut, size_t at)
{
    while (cut->at < at && cut->at < cut->count) {
        pass(cut, cut->at++);
    }
}

static uint64_t below(const struct lw_rng *rng, uint64_t bound)
{
    uint64_t n = 0;
    must(lw_rng_below(rng, bound, &n));
    return n;
}

/* Any of its parts reached the disk, or only the first. Parts lie on the file's own boundaries. */
static void apply_torn(lw_buf *file, const struct support_io_event *e, const struct lw_rng *rng)
{
    const size_t unit = below(rng, 2) == 0 ? SECTOR : PAGE;
    const bool prefix = below(rng, 2) == 0;
    const uint64_t keep = below(rng, e->len / unit + 2) * unit;
    for (size_t at = 0; at < e->len;) {
        const size_t to_boundary = unit - (size_t)((e->offset + at) % unit);
        const size_t part = to_boundary < e->len - at ? to_boundary : e->len - at;
        if (prefix ? at < keep : below(rng, 2) == 0) {
            put(file, e->offset + at, e->bytes + at, part);
        }
        at += part;
    }
}

static void apply_some(lw_buf *file, const struct support_io_event *e, const struct lw_rng *rng)
{
    const uint64_t fate = below(rng, 4);
    if (fate < 2 || (fate == 2 && e->len == 0)) {
        apply(file, e);
    } else if (fate == 2) {
        apply_torn(file, e, rng);
    }
}

void support_cut_file(const struct support_cut *cut, const struct lw_rng *rng, lw_buf *file)
{
    const uint64_t way = below(rng, WAYS);
    lw_buf_truncate(file, 0);
    must(lw_buf_put(file, lw_buf_view(&cut->durable)));
    for (size_t k = 0; k < cut->open_count; k++) {
        const struct support_io_event *e = &cut->events[cut->open[k]];
        const bool last = k + 1 == cut->open_count;
        if (way == WAY_ALL || (way == WAY_ALL_BUT_LAST && !last) ||
            (way == WAY_ONLY_LAST && last)) {
            apply(file, e);
        } else if (way > WAY_ONLY_LAST) {
            apply_some(file, e, rng);
        }
    }
    /* The write that was under way when the power went. */
    if (cut->at < cut->count && cut->events[cut->at].kind == SUPPORT_IO_WROTE) {
        apply_some(file, &cut->events[cut->at], rng);
    }
}
