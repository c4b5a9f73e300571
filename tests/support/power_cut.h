/*
 * A file as a power cut would leave it, made again from what was recorded (io_fault.h): everything
 * before the last sync, and of what came after any part: whole, torn or not at all.
 */
#ifndef SUPPORT_POWER_CUT_H
#define SUPPORT_POWER_CUT_H

#include "io_fault.h"
#include "lw/buf.h"
#include "lw/rng.h"

struct support_cut {
    const struct support_io_event *events;
    size_t count;
    size_t at;      /* events before it happened before the cut */
    lw_buf durable; /* the file, as far as it is durable at `at` */
    size_t *open;   /* writes that no sync covers yet */
    size_t open_count;
    void (*marked)(void *ctx, const struct support_io_event *mark); /* for each mark passed */
    void *ctx;
};

/** Begin before the first event, with the file as it stood when recording began. */
void support_cut_begin(struct support_cut *cut, const struct support_io_event *events, size_t count,
                       lw_bytes file);

/** Go on to just before event `at`; only forwards. */
void support_cut_to(struct support_cut *cut, size_t at);

/** Replace `file` by one that the cut could leave, drawn at random. */
void support_cut_file(const struct support_cut *cut, const struct lw_rng *rng, lw_buf *file);

void support_cut_end(struct support_cut *cut);

#endif
