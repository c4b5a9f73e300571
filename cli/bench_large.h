/* What `lw bench --large` is made of: a store filled with millions of licenses, and what is done.
 */
#ifndef CLI_BENCH_LARGE_H
#define CLI_BENCH_LARGE_H

#include "bench.h"
#include "wallet/flow_verify.h"
#include "wallet/store_license.h"

enum { LARGE_NUMBER_MAX = 32, LARGE_PER_PERSON = 10 };

/* bench_fill.c */

/* How a filling went. */
struct bench_filling {
    size_t count; /* licenses added */
    double wall_s;
    double cpu_s;        /* of this process */
    uint64_t used_bytes; /* that the store takes then */
};

/**
 * Add licenses to the home's store until it has `total` that were filled in, through the store's
 * own functions and in the steps of the flows: people, intents, sealed parts, every index, log
 * entries; one in 97 revoked; every second with a credential that was handed away, and so a status
 * entry. Only their signatures are made up: bytes of the true length.
 */
LW_MUST_USE lw_err bench_fill(struct bench *b, size_t total, struct bench_filling *filling);

/** Write the number of the `n`th license, or the account code of the `n`th person. */
void bench_fill_number(size_t n, char number[LARGE_NUMBER_MAX]);
void bench_fill_account(size_t n, char code[LARGE_NUMBER_MAX]);

/** Say whether the `n`th license is active. */
static inline bool bench_fill_active(size_t n)
{
    return n % 97 != 0;
}

/** Say whether the `n`th license has a credential and a status entry. */
static inline bool bench_fill_shown(size_t n)
{
    return n % 2 == 0;
}

/* bench_large_ops.c */

/* What is measured, and with what. */
struct bench_large {
    struct bench *b;
    struct bench_holder *holder;
    struct wallet_verifier *verifier;
    struct bench_server server;
    struct bench_client *client;
    size_t count;    /* of each operation in a turn */
    uint64_t leaves; /* of the audit log, when the session began */
};

struct bench_large_op {
    const char *name; /* of its row */
    const char *what; /* what one of them is */
    double target;    /* of what it is with few licenses, at least */
    /* Does some and sets how many a CPU second. */
    lw_err (*run)(struct bench_large *l, double *per_s);
};

/** Return the table of operations and set its length; static. */
const struct bench_large_op *bench_large_ops(size_t *count);

/* bench_large_side.c: a store with a process of its own */

struct bench_side {
    pid_t pid; /* 0: none */
    int socket;
};

/* What a side says once it is filled. */
struct bench_ready {
    lw_err err;
    struct bench_filling filling;
};

/* What is asked for beside the places of the table above. */
enum { BENCH_LARGE_START = 0xfe, BENCH_LARGE_TOKEN = 0xff };

/** Start a process that makes a home and fills its store. One thread runs when it is called. */
LW_MUST_USE lw_err bench_side_start(struct bench *b, size_t licenses, struct bench_side *side);

/** Wait until it is filled, and take how that went. */
LW_MUST_USE lw_err bench_side_ready(struct bench_side *side, struct bench_filling *filling);

/** Let it do one measurement: a place of the table (how many a CPU second), BENCH_LARGE_START (ms
 * from the start of the service to its first answer) or BENCH_LARGE_TOKEN (H). */
LW_MUST_USE lw_err bench_side_ask(struct bench_side *side, uint8_t op, double *value);

/** End it, which removes its home. For one that was never started too. */
void bench_side_end(struct bench_side *side);

#endif
