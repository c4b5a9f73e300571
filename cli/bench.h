/*
 * What the parts of `lw bench` share. All figures are in CPU seconds of the processes involved,
 * taken in short rounds between rounds of L and H within one run, so that noise cancels; a row is
 * the median of its rounds.
 */
#ifndef CLI_BENCH_H
#define CLI_BENCH_H

#include <sys/types.h>

#include "cli.h"
#include "hsm/bench.h"
#include "hsm/key_soft.h"

enum { BENCH_ROWS_MAX = 32, BENCH_SAMPLES_MAX = 256, BENCH_NOTE_MAX = 96 };

static const double bench_ns_per_s = 1e9;

/* Figures of one thing, one a round. */
struct bench_samples {
    double value[BENCH_SAMPLES_MAX];
    size_t count; /* past the room the oldest are overwritten */
};

enum bench_goal { BENCH_NO_GOAL, BENCH_AT_LEAST, BENCH_AT_MOST };

struct bench_row {
    const char *name; /* stable, snake_case; static */
    const char *unit; /* static */
    double value;
    enum bench_goal goal;
    double target; /* unless BENCH_NO_GOAL */
    char note[BENCH_NOTE_MAX];
};

struct bench {
    struct cli *cli;
    bool quick;
    size_t import_rows;
    size_t large;  /* licenses to fill the store with; 0: the other measurements */
    size_t filled; /* that many there are by now (bench_large.h) */
    unsigned rounds;
    char dir[CLI_PATH_MAX / 2]; /* the temporary folder */
    struct wallet_home *home;
    struct hsm_pool_config pool; /* what the home's pool was opened with */
    char pin_file[CLI_PATH_MAX];
    char softhsm_conf[CLI_PATH_MAX];
    char label[HSM_LABEL_MAX]; /* a token key that signs credentials */
    struct hsm_public_key key; /* its public key */
    struct hsm_bench *yardstick;
    struct bench_samples l; /* all that were taken in this run */
    struct bench_samples h;
    struct bench_row table[BENCH_ROWS_MAX];
    size_t row_count;
};

/* bench_cpu.c */

/** Return the CPU time of this process, of the calling thread, or of a process by its id, in ns. */
int64_t bench_cpu_self(void);
int64_t bench_cpu_thread(void);
int64_t bench_cpu_of(pid_t pid);

/** Return the CPU time of a process and of its living children (its signers), in ns. */
int64_t bench_cpu_family(pid_t pid);

/** Return the resident memory of a process in bytes, 0 when it cannot be read. */
int64_t bench_resident(pid_t pid);

void bench_sample(struct bench_samples *samples, double value);
double bench_median(const struct bench_samples *samples);

/** Return the time that `percent` of the `count` times (at least one) do not pass, in ms; sorts
 * them. */
double bench_percentile_ms(int64_t *ns, size_t count, unsigned percent);

/** Measure L or H once: per CPU second. Also kept in the run's own samples. */
LW_MUST_USE lw_err bench_take_l(struct bench *b, unsigned count, double *per_s);
LW_MUST_USE lw_err bench_take_h(struct bench *b, unsigned count, double *per_s);

/** Fail with LW_E_BUSY once SIGINT or SIGTERM, which are blocked meanwhile, has come. */
LW_MUST_USE lw_err bench_go_on(void);

/* bench_home.c */

/** Make the temporary folder and in it a home with the bench's own catalogue, and open it. */
LW_MUST_USE lw_err bench_home_make(struct bench *b);

/** Close the home and remove the folder with all that is in it. */
void bench_home_remove(struct bench *b);

/** Let the services that are started from now on have so much of the shortcuts. */
LW_MUST_USE lw_err bench_home_shortcuts(const struct bench *b, int64_t key_tables, int64_t seen);

/** Write "DIR/name" of the temporary folder into `path`; it has 256 bytes at most. */
void bench_path(const struct bench *b, const char *name, char path[CLI_PATH_MAX]);

extern const char bench_type[];    /* id of the type that registers are of */
extern const char bench_qr_type[]; /* id of the type of specs/qr.md section 12 */
extern const char bench_agency[];
extern const char bench_base_url[];

/* bench_serve.c: `lw serve` as a process of its own */

struct bench_server {
    pid_t pid;
    unsigned port;
};
LW_MUST_USE lw_err bench_server_start(struct bench *b, struct bench_server *server);
void bench_server_stop(struct bench_server *server);

/* bench_load.c: a client with many connections kept alive */

enum { BENCH_CONNECTIONS = 32 };

struct bench_client;
LW_MUST_USE lw_err bench_client_open(unsigned port, struct bench_client **client);
void bench_client_close(struct bench_client *client); /* accepts NULL */

/**
 * Send `requests`, each whole and prepared, over all connections at once, and wait for the
 * answers, each of which must be an accepted verification.
 *
 * latency_ns  set for each request; may be NULL
 * errors      LW_E_NETWORK, LW_E_TIMEOUT; LW_E_VALUE  an answer was not "accepted"
 */
LW_MUST_USE lw_err bench_client_run(struct bench_client *client, const lw_bytes *requests,
                                    size_t count, int64_t *latency_ns);

/* bench_show.c: presentations made in bulk */

enum bench_format { BENCH_LQ1, BENCH_SDJWT, BENCH_FORMATS };

struct bench_holder; /* a soft key and credentials of several licenses bound to it: of licenses made
                        for it, or of those that the store was filled with */
LW_MUST_USE lw_err bench_holder_new(struct bench *b, struct bench_holder **holder);
void bench_holder_free(struct bench_holder *holder); /* accepts NULL */

/* Many presentations made now, one after the other in a buffer; `items` borrow from it. */
struct bench_shown {
    lw_buf bytes;
    lw_bytes *items;
    size_t count;
};
#define BENCH_AUTO_SHOWN __attribute__((cleanup(bench_shown_free))) struct bench_shown
void bench_shown_free(struct bench_shown *shown);

/** Make `count` presentations, none the same as another. */
LW_MUST_USE lw_err bench_show(struct bench_holder *holder, enum bench_format format, size_t count,
                              struct bench_shown *shown);

/** Make `count` HTTP requests, each to verify a presentation of its own. */
LW_MUST_USE lw_err bench_show_requests(struct bench_holder *holder, enum bench_format format,
                                       bool record, size_t count, struct bench_shown *shown);

/** Verify in process; each must be accepted. errors  LW_E_VALUE  one was not */
struct wallet_verifier;
LW_MUST_USE lw_err bench_verify_all(struct wallet_verifier *verifier, const lw_bytes *items,
                                    size_t count);

extern const char bench_nonce[]; /* what SD-JWT presentations answer */

/* bench_report.c */

/** Add a row; its note, what the value means in numbers, may be written into the result. */
struct bench_row *bench_row_add(struct bench *b, const char *name, const char *unit, double value);

/** As bench_row_add(), with a goal. */
struct bench_row *bench_row_goal(struct bench *b, const char *name, double value,
                                 enum bench_goal goal, double target);
bool bench_reached(const struct bench_row *row);

/** Print the table, or with --json the object. */
LW_MUST_USE lw_err bench_print(const struct bench *b);

/** Say on standard error what is done now. */
void bench_say(const struct bench *b, const char *what);

/* The measurements: each adds its rows. */
LW_MUST_USE lw_err bench_qr(struct bench *b);      /* bench_qr.c */
LW_MUST_USE lw_err bench_signing(struct bench *b); /* bench_sign.c */
LW_MUST_USE lw_err bench_durable(struct bench *b); /* bench_store.c */
LW_MUST_USE lw_err bench_import(struct bench *b);  /* bench_import.c */
LW_MUST_USE lw_err bench_verify(struct bench *b);  /* bench_verify.c */
LW_MUST_USE lw_err bench_large(struct bench *b);   /* bench_large.c */

#endif
