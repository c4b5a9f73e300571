/* Verification over HTTP, with and without record, and in process; the service's idle memory. */
#define _GNU_SOURCE

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "bench.h"
#include "wallet/flow_verify.h"
#include "wallet/shortcuts.h"

enum { YARDSTICK = 2000, YARDSTICK_QUICK = 200, P99 = 99, SETTLE_US = 1500000 };
static const double mebibyte = 1048576;

struct session {
    struct bench *b;
    struct bench_holder *holder;
    struct wallet_verifier *verifier;
    struct bench_server server;
    struct bench_client *client;
    size_t count; /* of presentations in a round */
};

lw_err bench_verify_all(struct wallet_verifier *verifier, const lw_bytes *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        WALLET_AUTO_ANSWER answer = {.result = WALLET_REFUSED};
        struct wallet_verification request = {.text = lw_bytes_str(items[i]),
                                              .at = INT64_MIN,
                                              .nonce = lw_str_c(bench_nonce),
                                              .locale = LW_STR("en")};
        if (lw_str_starts(request.text, LW_STR("LQ1:"))) {
            request.nonce = (lw_str){NULL, 0};
        }
        LW_TRY(wallet_flow_verify(verifier, &request, &answer));
        if (answer.result != WALLET_ACCEPTED) {
            return LW_FAIL(LW_E_VALUE, "bench: a presentation was not accepted", LW_NOWHERE);
        }
    }
    return LW_SUCCESS;
}

/* One thread's share, with the CPU time it took. */
struct share {
    struct wallet_verifier *verifier;
    const lw_bytes *items;
    size_t count;
    pthread_t thread;
    int64_t used_ns;
    lw_err err;
};

static void *take_share(void *arg)
{
    struct share *share = arg;
    const int64_t begin = bench_cpu_thread();
    share->err = bench_verify_all(share->verifier, share->items, share->count);
    share->used_ns = bench_cpu_thread() - begin;
    return NULL;
}

/* How one case of a round is measured: verifications per CPU second. */
struct figure {
    double per_s;
    double p99_ms; /* of requests; 0: there were none */
};

/* What of the shortcuts on issuers' signatures is used: each has a service of its own. */
enum mode { SEEN, TABLES, PLAIN, MODES };

static const struct {
    int64_t key_tables;
    int64_t seen;
    const char *what;
} modes[MODES] = {
    [SEEN] = {WALLET_TABLES_DEFAULT, WALLET_SEEN_DEFAULT,
              "verification of credentials seen before"},
    [TABLES] = {WALLET_TABLES_DEFAULT, 0, "verification with a table for the issuer's key"},
    [PLAIN] = {0, 0, "verification without shortcuts, and in process"},
};

struct kind {
    const char *name;
    enum mode mode;
    enum bench_format format;
    bool http;
    bool record;
    double target; /* of L/2 */
};

static const struct kind kinds[] = {
    {"http_sd_jwt", PLAIN, BENCH_SDJWT, true, false, 0.80},
    {"http_lq1", PLAIN, BENCH_LQ1, true, false, 0.70},
    {"http_sd_jwt_table", TABLES, BENCH_SDJWT, true, false, 1.05},
    {"http_lq1_table", TABLES, BENCH_LQ1, true, false, 0.90},
    {"http_sd_jwt_seen", SEEN, BENCH_SDJWT, true, false, 1.35},
    {"http_lq1_seen", SEEN, BENCH_LQ1, true, false, 1.35},
    {"http_sd_jwt_recorded", TABLES, BENCH_SDJWT, true, true, 0.95},
    {"http_lq1_recorded", TABLES, BENCH_LQ1, true, true, 0.95},
    {"in_process_sd_jwt", PLAIN, BENCH_SDJWT, false, false, 0.92},
    {"in_process_lq1", PLAIN, BENCH_LQ1, false, false, 0.92},
};
enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

static lw_err over_http(struct session *s, const struct kind *kind, struct figure *figure)
{
    BENCH_AUTO_SHOWN shown = {.items = NULL};
    LW_TRY(bench_show_requests(s->holder, kind->format, kind->record, s->count, &shown));
    int64_t *latency = calloc(s->count, sizeof(*latency));
    if (latency == NULL) {
        return LW_FAIL(LW_E_NOMEM, "bench: out of memory", LW_NOWHERE);
    }
    /* Opened each time: the service closes what is silent for long. */
    lw_err err = bench_client_open(s->server.port, &s->client);
    const int64_t begin = bench_cpu_family(s->server.pid);
    err = err.code == LW_OK ? bench_client_run(s->client, shown.items, s->count, latency) : err;
    const int64_t used = bench_cpu_family(s->server.pid) - begin;
    bench_client_close(s->client);
    s->client = NULL;
    figure->per_s = used > 0 ? (double)s->count * bench_ns_per_s / (double)used : 0;
    figure->p99_ms = bench_percentile_ms(latency, s->count, P99);
    free(latency);
    return err;
}

static lw_err in_process(struct session *s, const struct kind *kind, struct figure *figure)
{
    BENCH_AUTO_SHOWN shown = {.items = NULL};
    LW_TRY(bench_show(s->holder, kind->format, s->count, &shown));
    struct share share = {.verifier = s->verifier, .items = shown.items, .count = s->count};
    (void)take_share(&share);
    figure->per_s = (double)s->count * bench_ns_per_s / (double)share.used_ns;
    figure->p99_ms = 0;
    return share.err;
}

/* Two threads at once against one, each with as many presentations: per CPU second. */
static lw_err two_threads(struct session *s, double *ratio)
{
    BENCH_AUTO_SHOWN shown = {.items = NULL};
    LW_TRY(bench_show(s->holder, BENCH_LQ1, 2 * s->count, &shown));
    struct share first = {.verifier = s->verifier, .items = shown.items, .count = s->count};
    struct share second = first;
    second.items += s->count;
    struct share alone = first;
    (void)take_share(&alone);
    if (pthread_create(&second.thread, NULL, take_share, &second) != 0) {
        return LW_FAIL(LW_E_NOMEM, "bench: cannot start a thread", LW_NOWHERE);
    }
    (void)take_share(&first);
    (void)pthread_join(second.thread, NULL);
    *ratio = 2.0 * (double)alone.used_ns / (double)(first.used_ns + second.used_ns);
    LW_TRY(alone.err);
    LW_TRY(first.err);
    return second.err;
}

struct results {
    struct bench_samples ratio[KINDS]; /* to L/2 of the same round */
    struct bench_samples rate[KINDS];
    struct bench_samples p99[KINDS];
    struct bench_samples threads;
};

static lw_err run_round(struct session *s, enum mode mode, struct results *results)
{
    const unsigned yardstick = s->b->quick ? YARDSTICK_QUICK : YARDSTICK;
    for (size_t i = 0; i < KINDS; i++) {
        struct figure figure = {.per_s = 0};
        double before = 0;
        double after = 0;
        if (kinds[i].mode != mode) {
            continue;
        }
        LW_TRY(bench_go_on());
        LW_TRY(bench_take_l(s->b, yardstick, &before));
        LW_TRY(kinds[i].http ? over_http(s, &kinds[i], &figure)
                             : in_process(s, &kinds[i], &figure));
        LW_TRY(bench_take_l(s->b, yardstick, &after));
        bench_sample(&results->ratio[i], figure.per_s / ((before + after) / 4));
        bench_sample(&results->rate[i], figure.per_s);
        bench_sample(&results->p99[i], figure.p99_ms);
    }
    return LW_SUCCESS;
}

/* In process with all shortcuts, whose locks the threads share. */
static lw_err run_threads(struct session *s, struct results *results)
{
    wallet_verifier_limit(s->verifier, true, true);
    for (unsigned round = 0; round <= s->b->rounds; round++) {
        double ratio = 0;
        LW_TRY(bench_go_on());
        LW_TRY(two_threads(s, &ratio));
        if (round > 0) { /* the first warms up */
            bench_sample(&results->threads, ratio);
        }
    }
    return LW_SUCCESS;
}

static void add_rows(struct bench *b, const struct results *results)
{
    for (size_t i = 0; i < KINDS; i++) {
        const struct kind *kind = &kinds[i];
        struct bench_row *row = bench_row_goal(b, kind->name, bench_median(&results->ratio[i]),
                                               BENCH_AT_LEAST, kind->target);
        (void)snprintf(row->note, sizeof(row->note), "of L/2, %.0f a CPU second",
                       bench_median(&results->rate[i]));
        if (kind->record) {
            row = bench_row_goal(
                b, kind->format == BENCH_LQ1 ? "http_lq1_recorded_p99" : "http_sd_jwt_recorded_p99",
                bench_median(&results->p99[i]), BENCH_AT_MOST, 6);
            row->unit = "ms";
            (void)snprintf(row->note, sizeof(row->note), "with %d connections", BENCH_CONNECTIONS);
        }
    }
    struct bench_row *row =
        bench_row_goal(b, "two_threads", bench_median(&results->threads), BENCH_AT_LEAST, 0.95);
    (void)snprintf(row->note, sizeof(row->note), "of one thread, in process, per CPU second");
}

/* All rounds with a service of its own; a round to warm up first, which is not counted. */
static lw_err run_mode(struct session *s, enum mode mode, struct results *results)
{
    struct results *unused = calloc(1, sizeof(*unused));
    if (unused == NULL) {
        return LW_FAIL(LW_E_NOMEM, "bench: out of memory", LW_NOWHERE);
    }
    wallet_verifier_limit(s->verifier, modes[mode].key_tables > 0, modes[mode].seen > 0);
    lw_err err = LW_SUCCESS;
    for (unsigned round = 0; round <= s->b->rounds && err.code == LW_OK; round++) {
        err = run_round(s, mode, round == 0 ? unused : results);
    }
    free(unused);
    return err;
}

static void add_idle_memory(struct session *s)
{
    (void)usleep(SETTLE_US); /* past the first turn of what it does every second */
    struct bench_row *row = bench_row_goal(
        s->b, "idle_memory", (double)bench_resident(s->server.pid) / mebibyte, BENCH_AT_MOST, 30);
    row->unit = "MiB";
}

static lw_err measure(struct session *s, struct results *results)
{
    for (int mode = 0; mode < MODES; mode++) {
        bench_say(s->b, modes[mode].what);
        LW_TRY(bench_home_shortcuts(s->b, modes[mode].key_tables, modes[mode].seen));
        LW_TRY(bench_server_start(s->b, &s->server));
        if (mode == 0) {
            add_idle_memory(s);
        }
        LW_TRY(run_mode(s, (enum mode)mode, results));
        bench_server_stop(&s->server);
    }
    bench_say(s->b, "verification by two threads");
    return run_threads(s, results);
}

static lw_err run(struct session *s)
{
    struct results *results = calloc(1, sizeof(*results));
    if (results == NULL) {
        return LW_FAIL(LW_E_NOMEM, "bench: out of memory", LW_NOWHERE);
    }
    lw_err err = bench_holder_new(s->b, &s->holder);
    err = err.code == LW_OK ? wallet_verifier_online(s->b->home, &s->verifier) : err;
    err = err.code == LW_OK ? measure(s, results) : err;
    if (err.code == LW_OK) {
        add_rows(s->b, results);
    }
    free(results);
    return err;
}

lw_err bench_verify(struct bench *b)
{
    struct session s = {.b = b, .count = b->quick ? 64 : 4000};
    const lw_err err = run(&s);
    bench_client_close(s.client);
    bench_server_stop(&s.server);
    wallet_verifier_free(s.verifier);
    bench_holder_free(s.holder);
    return err;
}
