/* The figures at millions of licenses, against the same with ten thousand. */
#define _GNU_SOURCE

#include <stdlib.h>

#include "bench_large.h"
#include "wallet/audit.h"
#include "wallet/flow_status.h"

enum { SMALL = 10000, SMALL_QUICK = 1000, STARTS = 3, YARDSTICK = 1000, YARDSTICK_QUICK = 100 };
enum { OPS_MAX = 16, COUNT = 2000, COUNT_QUICK = 100, START_MS = 200, ROUNDS_MAX = 5 };

/* What was measured at one size. */
struct figures {
    struct bench_samples of_l[OPS_MAX]; /* operations a CPU second, by L of the same moment */
    struct bench_samples per_s[OPS_MAX];
    struct bench_samples start_ms;
};

static lw_err first_answer(struct bench_large *l)
{
    BENCH_AUTO_SHOWN request = {.count = 0};
    LW_TRY(bench_show_requests(l->holder, BENCH_SDJWT, false, 1, &request));
    const int64_t begin = lw_mono_ns(l->b->cli->env.clock);
    LW_TRY(bench_server_start(l->b, &l->server));
    LW_TRY(bench_client_open(l->server.port, &l->client));
    LW_TRY(bench_client_run(l->client, request.items, request.count, NULL));
    bench_sample(l->start_ms, (double)(lw_mono_ns(l->b->cli->env.clock) - begin) / 1e6);
    return LW_SUCCESS;
}

static void end_server(struct bench_large *l)
{
    bench_client_close(l->client);
    l->client = NULL;
    bench_server_stop(&l->server);
}

static lw_err read_size(struct bench_large *l)
{
    WALLET_AUTO_TXN txn = NULL;
    uint8_t root[WALLET_HASH_LEN];
    LW_TRY(wallet_read_begin(wallet_home_store(l->b->home), &txn));
    return wallet_audit_head(txn, &l->leaves, root);
}

static lw_err begin(struct bench_large *l)
{
    size_t published = 0;
    LW_TRY(wallet_flow_publish_status(l->b->home, &published));
    LW_TRY(bench_holder_new(l->b, &l->holder));
    LW_TRY(wallet_verifier_online(l->b->home, &l->verifier));
    for (unsigned i = 0; i < STARTS; i++) {
        LW_TRY(bench_go_on());
        end_server(l);
        LW_TRY(first_answer(l));
    }
    return read_size(l);
}

static lw_err run_round(struct bench_large *l, struct figures *figures)
{
    const unsigned yardstick = l->b->quick ? YARDSTICK_QUICK : YARDSTICK;
    size_t count = 0;
    const struct bench_large_op *ops = bench_large_ops(&count);
    for (size_t i = 0; i < count; i++) {
        double before = 0;
        double after = 0;
        double per_s = 0;
        LW_TRY(bench_go_on());
        LW_TRY(bench_take_l(l->b, yardstick, &before));
        LW_TRY(ops[i].run(l, &per_s));
        LW_TRY(bench_take_l(l->b, yardstick, &after));
        bench_sample(&figures->of_l[i], per_s / ((before + after) / 2));
        bench_sample(&figures->per_s[i], per_s);
    }
    return LW_SUCCESS;
}

static lw_err measure_with(struct bench_large *l, struct figures *figures)
{
    const unsigned rounds = l->b->rounds < ROUNDS_MAX ? l->b->rounds : ROUNDS_MAX;
    l->start_ms = &figures->start_ms;
    LW_TRY(begin(l));
    for (unsigned round = 0; round < rounds; round++) {
        LW_TRY(run_round(l, figures));
    }
    return LW_SUCCESS;
}

static lw_err measure(struct bench *b, struct figures *figures)
{
    struct bench_large l = {.b = b, .count = b->quick ? COUNT_QUICK : COUNT};
    fprintf(stderr, "lw %s: measuring with %zu licenses\n", b->cli->command->name, b->filled);
    const lw_err err = measure_with(&l, figures);
    end_server(&l);
    wallet_verifier_free(l.verifier);
    bench_holder_free(l.holder);
    return err;
}

static void add_ratios(struct bench *b, const struct figures *small, const struct figures *large)
{
    size_t count = 0;
    const struct bench_large_op *ops = bench_large_ops(&count);
    for (size_t i = 0; i < count; i++) {
        const double ratio = bench_median(&large->of_l[i]) / bench_median(&small->of_l[i]);
        struct bench_row *row =
            bench_row_goal(b, ops[i].name, ratio, BENCH_AT_LEAST, ops[i].target);
        (void)snprintf(row->note, sizeof(row->note), "%.0f a CPU second (%.0f) %s",
                       bench_median(&large->per_s[i]), bench_median(&small->per_s[i]), ops[i].what);
    }
}

static lw_err add_rows(struct bench *b, const struct figures *small, const struct figures *large,
                       const struct bench_filling *filling)
{
    struct wallet_store_stat stat;
    LW_TRY(wallet_store_stat(wallet_home_store(b->home), &stat));
    add_ratios(b, small, large);
    struct bench_row *row = bench_row_goal(b, "start_to_first_answer",
                                           bench_median(&large->start_ms), BENCH_AT_MOST, START_MS);
    row->unit = "ms";
    (void)snprintf(row->note, sizeof(row->note),
                   "%.0f with %d licenses; the target is for 1 million",
                   bench_median(&small->start_ms), b->quick ? SMALL_QUICK : SMALL);
    row = bench_row_add(b, "large_bytes", "bytes a license",
                        (double)stat.used_bytes / (double)b->filled);
    (void)snprintf(row->note, sizeof(row->note), "every second with a credential; %.1f GB",
                   (double)stat.used_bytes / 1e9);
    row = bench_row_add(b, "large_fill", "a second", (double)filling->count / filling->wall_s);
    (void)snprintf(row->note, sizeof(row->note),
                   "%zu licenses, made-up signatures; %.0f a CPU second", filling->count,
                   (double)filling->count / filling->cpu_s);
    return LW_SUCCESS;
}

static lw_err run(struct bench *b, struct figures *small, struct figures *large)
{
    struct bench_filling filling;
    double h = 0;
    LW_TRY(bench_take_h(b, b->quick ? YARDSTICK_QUICK : YARDSTICK, &h));
    LW_TRY(bench_fill(b, b->quick ? SMALL_QUICK : SMALL, &filling));
    LW_TRY(measure(b, small));
    bench_say(b, "filling the store");
    LW_TRY(bench_fill(b, b->large, &filling));
    LW_TRY(measure(b, large));
    return add_rows(b, small, large, &filling);
}

lw_err bench_large(struct bench *b)
{
    struct figures *figures = calloc(2, sizeof(*figures));
    const lw_err err = figures == NULL ? LW_FAIL(LW_E_NOMEM, "bench: out of memory", LW_NOWHERE)
                                       : run(b, &figures[0], &figures[1]);
    free(figures);
    return err;
}
