/* Durable writes: many clients that share commits, against one transaction each. */
#define _GNU_SOURCE

#include <pthread.h>
#include <stdlib.h>

#include "bench.h"
#include "wallet/store_grant.h"

enum { CLIENTS = 32, HANDLE_LEN = 16, PAYLOAD_LEN = 300, LIFE_S = 3600, P99 = 99 };

struct client {
    struct bench *b;
    struct wallet_store *store;
    pthread_t thread;
    size_t count;
    int64_t *latency_ns; /* of each write */
    uint8_t handle[HANDLE_LEN];
    uint8_t payload[PAYLOAD_LEN];
    lw_err err;
};

static lw_err put(struct wallet_txn *txn, void *ctx)
{
    const struct client *c = ctx;
    const struct wallet_grant_name name = {.kind = WALLET_GRANT_CODE,
                                           .handle = LW_BYTES(c->handle)};
    const int64_t now = lw_now(c->b->cli->env.clock);
    return wallet_store_grant_put(txn, name, LW_BYTES(c->payload), now, now + LIFE_S);
}

static void *write_many(void *arg)
{
    struct client *c = arg;
    for (size_t i = 0; i < c->count && c->err.code == LW_OK; i++) {
        c->err = lw_rng_fill(c->b->cli->env.rng, c->handle, HANDLE_LEN);
        const int64_t begin = lw_mono_ns(c->b->cli->env.clock);
        c->err = c->err.code == LW_OK ? wallet_store_write(c->store, put, c) : c->err;
        c->latency_ns[i] = lw_mono_ns(c->b->cli->env.clock) - begin;
    }
    return NULL;
}

static lw_err run_clients(struct client *clients)
{
    lw_err err = LW_SUCCESS;
    size_t started = 0;
    for (; started < CLIENTS; started++) {
        if (pthread_create(&clients[started].thread, NULL, write_many, &clients[started]) != 0) {
            err = LW_FAIL(LW_E_NOMEM, "bench: cannot start a thread", LW_NOWHERE);
            break;
        }
    }
    for (size_t i = 0; i < started; i++) {
        (void)pthread_join(clients[i].thread, NULL);
        err = err.code == LW_OK ? clients[i].err : err;
    }
    return err;
}

/* Durable writes a second, by the clock on the wall: they wait for the disk. */
static lw_err measure(struct bench *b, struct wallet_store *store, size_t each, double *per_s,
                      double *p99_ms)
{
    struct client *clients = calloc(CLIENTS, sizeof(*clients));
    int64_t *latency = calloc(CLIENTS * each, sizeof(*latency));
    lw_err err = clients == NULL || latency == NULL
                     ? LW_FAIL(LW_E_NOMEM, "bench: out of memory", LW_NOWHERE)
                     : LW_SUCCESS;
    for (size_t i = 0; i < CLIENTS && err.code == LW_OK; i++) {
        clients[i] = (struct client){
            .b = b, .store = store, .count = each, .latency_ns = latency + i * each};
    }
    const int64_t begin = lw_mono_ns(b->cli->env.clock);
    err = err.code == LW_OK ? run_clients(clients) : err;
    const int64_t took = lw_mono_ns(b->cli->env.clock) - begin;
    if (err.code == LW_OK) {
        *per_s = (double)(CLIENTS * each) * bench_ns_per_s / (double)took;
        *p99_ms = bench_percentile_ms(latency, CLIENTS * each, P99);
    }
    free(clients);
    free(latency);
    return err;
}

static lw_err open_store(struct bench *b, const char *name, unsigned batch,
                         struct wallet_store **store)
{
    char path[CLI_PATH_MAX];
    const struct wallet_store_options options = {
        .clock = b->cli->env.clock, .rng = b->cli->env.rng, .batch_max = batch};
    bench_path(b, name, path);
    return wallet_store_create(path, &options, store);
}

lw_err bench_durable(struct bench *b)
{
    static const struct bench_samples none;
    struct bench_samples rate = none;
    struct bench_samples p99 = none;
    struct bench_samples shared_rates = none;
    WALLET_AUTO_STORE together = NULL;
    WALLET_AUTO_STORE alone = NULL;
    const size_t each = b->quick ? 8 : 100;
    bench_say(b, "durable writes");
    LW_TRY(open_store(b, "together", 0, &together));
    LW_TRY(open_store(b, "alone", 1, &alone));
    for (unsigned round = 0; round < b->rounds; round++) {
        double shared_per_s = 0;
        double alone_per_s = 0;
        double shared_p99 = 0;
        double alone_p99 = 0;
        LW_TRY(bench_go_on());
        LW_TRY(measure(b, together, 4 * each, &shared_per_s, &shared_p99));
        LW_TRY(measure(b, alone, each, &alone_per_s, &alone_p99));
        bench_sample(&rate, shared_per_s / alone_per_s);
        bench_sample(&p99, shared_p99 / alone_p99);
        bench_sample(&shared_rates, shared_per_s);
    }
    struct bench_row *row =
        bench_row_goal(b, "durable_writes", bench_median(&rate), BENCH_AT_LEAST, 3);
    (void)snprintf(row->note, sizeof(row->note),
                   "times the rate of a transaction each; %d clients, %.0f a second", CLIENTS,
                   bench_median(&shared_rates));
    row = bench_row_goal(b, "durable_writes_p99", bench_median(&p99), BENCH_AT_MOST, 1);
    (void)snprintf(row->note, sizeof(row->note), "of the p99 of a transaction each");
    return LW_SUCCESS;
}
