/* lw bench: the figures of the design, measured here and now, each with its target. */
#define _GNU_SOURCE

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "bench.h"
#include "cli_table.h"

enum { LARGE = 10000000, LARGE_QUICK = 20000, LARGE_MIN = 20000, LARGE_MAX = 100000000 };
enum { ROWS = 100000, ROWS_QUICK = 2000, ROWS_MIN = 100, ROWS_MAX = 10000000 };
enum { ROUNDS = 9, ROUNDS_QUICK = 2 };

static const struct cli_option options[] = {
    {"rows", "N", "Rows of the register that is imported; 100000 unless given.", false},
    {"large", NULL, "Instead: a store filled with millions of licenses, against 10000.", false},
    {"licenses", "N", "How many, with --large; 10000000 unless given.", false},
    {"quick", NULL, "A few seconds in all: shows that it runs, not how fast.", false},
    {NULL, NULL, NULL, false},
};

static lw_err measure(struct bench *b)
{
    if (b->large > 0) {
        return bench_large(b);
    }
    bench_say(b, "a home of its own");
    LW_TRY(bench_home_make(b));
    LW_TRY(bench_signing(b));
    LW_TRY(bench_import(b));
    LW_TRY(bench_verify(b));
    LW_TRY(bench_durable(b));
    return bench_qr(b);
}

/* L and H head the table, but are known only at the end. */
static lw_err print(struct bench *b)
{
    struct bench_row *l = &b->table[0];
    struct bench_row *h = &b->table[1];
    l->value = bench_median(&b->l);
    h->value = bench_median(&b->h);
    (void)snprintf(l->note, sizeof(l->note), "P-256 verifications of OpenSSL");
    (void)snprintf(h->note, sizeof(h->note), "C_SignInit and C_Sign of the token");
    return bench_print(b);
}

static enum cli_exit read_large(struct cli *cli, struct bench *b)
{
    const char *licenses = cli_get(cli, "licenses");
    int64_t n = b->quick ? LARGE_QUICK : LARGE;
    if (licenses != NULL && !cli_has(cli, "large")) {
        return cli_usage(cli, "--licenses goes with --large");
    }
    if (licenses != NULL &&
        (lw_str_int(lw_str_c(licenses), &n).code != LW_OK || n < LARGE_MIN || n > LARGE_MAX)) {
        return cli_usage(cli, "--licenses is a number from 20000 to 100000000");
    }
    b->large = cli_has(cli, "large") ? (size_t)n : 0;
    return CLI_DONE;
}

static enum cli_exit read_options(struct cli *cli, struct bench *b)
{
    const char *rows = cli_get(cli, "rows");
    int64_t n = b->quick ? ROWS_QUICK : ROWS;
    const enum cli_exit exit = read_large(cli, b);
    if (exit != CLI_DONE) {
        return exit;
    }
    if (rows != NULL &&
        (lw_str_int(lw_str_c(rows), &n).code != LW_OK || n < ROWS_MIN || n > ROWS_MAX)) {
        return cli_usage(cli, "--rows is a number from 100 to 10000000");
    }
    b->import_rows = (size_t)n;
    return CLI_DONE;
}

static const char *advice(lw_err err)
{
    switch (err.code) {
    case LW_E_TOKEN:
        return "Is SoftHSM 2 installed (package softhsm2)?";
    case LW_E_NOSPACE:
    case LW_E_IO:
        return "Name a folder with some gigabytes of room in $TMPDIR.";
    case LW_E_BUSY:
        return NULL;
    default:
        return "The measurement ended; nothing of it was kept.";
    }
}

static enum cli_exit run_bench(struct cli *cli)
{
    struct bench *b = calloc(1, sizeof(*b));
    sigset_t signals;
    if (b == NULL) {
        return cli_fail(cli, LW_FAIL(LW_E_NOMEM, "bench: out of memory", LW_NOWHERE),
                        "cannot measure", NULL);
    }
    b->cli = cli;
    b->quick = cli_has(cli, "quick");
    b->rounds = b->quick ? ROUNDS_QUICK : ROUNDS;
    enum cli_exit exit = read_options(cli, b);
    if (exit == CLI_DONE) {
        /* Ctrl-C ends between rounds, so that what was made is removed. */
        (void)sigemptyset(&signals);
        (void)sigaddset(&signals, SIGINT);
        (void)sigaddset(&signals, SIGTERM);
        (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
        (void)bench_row_add(b, "L", "a CPU second", 0);
        (void)bench_row_add(b, "H", "a CPU second", 0);
        lw_err err = measure(b);
        err = err.code == LW_OK ? print(b) : err;
        if (err.code != LW_OK) {
            exit = cli_fail(cli, err, "cannot measure", advice(err));
        }
        bench_home_remove(b);
    }
    free(b);
    return exit;
}

const struct cli_command cli_bench_commands[] = {
    {.name = "bench",
     .args = "",
     .summary = "measure the figures of the design, each with its target",
     .text =
         "Makes a home of its own with a SoftHSM token in $TMPDIR, measures, prints a row for\n"
         "each figure with its target, and removes what it made. Times are CPU seconds of\n"
         "the processes involved, taken in short rounds between rounds of two yardsticks, so\n"
         "that noise cancels: L, what OpenSSL checks of P-256 signatures, and H, what the\n"
         "token signs. Durable writes and latencies go by the clock on the wall.\n"
         "\n"
         "With --large two stores are filled with licenses through their own functions, all as\n"
         "in earnest but for their signatures, which are made up, and for syncing, which is\n"
         "done at the end. Both are there at once and are measured in turns: a row is what one\n"
         "thing costs with 10,000 against what it costs with all, 1 when it costs the same.\n"
         "Ten million take some 25 GB in $TMPDIR and a quarter of an hour.\n"
         "\n"
         "It exits with 0 also when a target is not reached. Takes a few minutes.",
     .examples = "  lw bench\n  lw bench --quick --json\n  lw bench --large --licenses 1000000",
     .options = options,
     .run = run_bench},
    {.name = NULL},
};
