/*
 * The figures at millions of licenses, against the same with ten thousand. Both stores are there
 * at once, each with a process of its own, and are asked in turns: a row is the median of what one
 * gave by what the other gave a moment before or after, so that load cancels.
 */
#define _GNU_SOURCE

#include <stdlib.h>

#include "bench_large.h"

enum { SMALL = 10000, SMALL_QUICK = 1000, YARDSTICK = 1000, YARDSTICK_QUICK = 100 };
enum { OPS_MAX = 16, START_MS = 200 };

struct figures {
    struct bench_samples ratio[OPS_MAX];
    struct bench_samples small[OPS_MAX]; /* a CPU second */
    struct bench_samples large[OPS_MAX];
    struct bench_samples small_ms; /* from the start to the first answer */
    struct bench_samples large_ms;
    struct bench_side of_small;
    struct bench_side of_large;
    struct bench_filling filling; /* of the large one */
};

/* Asks both the same, the small one first in every second turn. */
static lw_err ask_both(struct figures *f, uint8_t op, unsigned turn, double *small, double *large)
{
    if (turn % 2 == 0) {
        LW_TRY(bench_side_ask(&f->of_small, op, small));
        return bench_side_ask(&f->of_large, op, large);
    }
    LW_TRY(bench_side_ask(&f->of_large, op, large));
    return bench_side_ask(&f->of_small, op, small);
}

static lw_err run_turn(struct bench *b, struct figures *f, unsigned turn)
{
    double small = 0;
    double large = 0;
    size_t count = 0;
    (void)bench_large_ops(&count);
    LW_TRY(bench_take_l(b, b->quick ? YARDSTICK_QUICK : YARDSTICK, &small));
    LW_TRY(bench_side_ask(&f->of_small, BENCH_LARGE_TOKEN, &small));
    bench_sample(&b->h, small);
    LW_TRY(ask_both(f, BENCH_LARGE_START, turn, &small, &large));
    bench_sample(&f->small_ms, small);
    bench_sample(&f->large_ms, large);
    for (size_t i = 0; i < count; i++) {
        LW_TRY(ask_both(f, (uint8_t)i, turn, &small, &large));
        bench_sample(&f->small[i], small);
        bench_sample(&f->large[i], large);
        bench_sample(&f->ratio[i], small > 0 ? large / small : 0);
    }
    return LW_SUCCESS;
}

static void add_ratios(struct bench *b, const struct figures *f)
{
    size_t count = 0;
    const struct bench_large_op *ops = bench_large_ops(&count);
    for (size_t i = 0; i < count; i++) {
        struct bench_row *row = bench_row_goal(b, ops[i].name, bench_median(&f->ratio[i]),
                                               BENCH_AT_LEAST, ops[i].target);
        (void)snprintf(row->note, sizeof(row->note), "%.0f a CPU second (%.0f) %s",
                       bench_median(&f->large[i]), bench_median(&f->small[i]), ops[i].what);
    }
}

static void add_rows(struct bench *b, const struct figures *f)
{
    const struct bench_filling *filling = &f->filling;
    add_ratios(b, f);
    struct bench_row *row = bench_row_goal(b, "start_to_first_answer", bench_median(&f->large_ms),
                                           BENCH_AT_MOST, START_MS);
    row->unit = "ms";
    (void)snprintf(row->note, sizeof(row->note),
                   "%.0f with %d licenses; the target is for 1 million", bench_median(&f->small_ms),
                   b->quick ? SMALL_QUICK : SMALL);
    row = bench_row_add(b, "large_bytes", "bytes a license",
                        (double)filling->used_bytes / (double)filling->count);
    (void)snprintf(row->note, sizeof(row->note), "every second with a credential; %.1f GB",
                   (double)filling->used_bytes / 1e9);
    row = bench_row_add(b, "large_fill", "a second", (double)filling->count / filling->wall_s);
    (void)snprintf(row->note, sizeof(row->note),
                   "%zu licenses, made-up signatures; %.0f a CPU second", filling->count,
                   (double)filling->count / filling->cpu_s);
}

/* The large one is filled first, so that less time passes between the two. */
static lw_err start_both(struct bench *b, struct figures *f)
{
    struct bench_filling filling;
    bench_say(b, "filling the stores");
    LW_TRY(bench_side_start(b, b->large, &f->of_large));
    LW_TRY(bench_side_ready(&f->of_large, &f->filling));
    LW_TRY(bench_side_start(b, b->quick ? SMALL_QUICK : SMALL, &f->of_small));
    return bench_side_ready(&f->of_small, &filling);
}

/* The first turn is not counted: what was never read before is read then. */
static lw_err measure(struct bench *b, struct figures *f)
{
    LW_TRY(start_both(b, f));
    LW_TRY(hsm_bench_new(&b->yardstick));
    bench_say(b, "measuring both in turns");
    LW_TRY(run_turn(b, f, 0));
    const struct bench_side of_small = f->of_small;
    const struct bench_side of_large = f->of_large;
    const struct bench_filling filling = f->filling;
    *f = (struct figures){.of_small = of_small, .of_large = of_large, .filling = filling};
    for (unsigned turn = 0; turn < b->rounds; turn++) {
        LW_TRY(run_turn(b, f, turn));
    }
    return LW_SUCCESS;
}

lw_err bench_large(struct bench *b)
{
    struct figures *f = calloc(1, sizeof(*f));
    if (f == NULL) {
        return LW_FAIL(LW_E_NOMEM, "bench: out of memory", LW_NOWHERE);
    }
    const lw_err err = measure(b, f);
    if (err.code == LW_OK) {
        add_rows(b, f);
    }
    bench_side_end(&f->of_large);
    bench_side_end(&f->of_small);
    free(f);
    return err;
}
