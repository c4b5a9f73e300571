/*
 * Whole programs that are killed (fault F1): `lw` on a home of its own, by the real clock, with the
 * ledger of kill_work.h.
 */
#ifndef SUPPORT_KILL_PROGRAMS_H
#define SUPPORT_KILL_PROGRAMS_H

#include <sys/types.h>

#include "kill_work.h"

enum { KILL_KILLED = -1 };

struct kill_programs {
    struct support_home home; /* opened by the looks only; its dir is the programs' */
    struct kill_ledger *ledger;
    unsigned port;
    char url[64];
    int64_t typical_us; /* of a command that is let be */
    unsigned round;
    /* What else a look must find; may be NULL. */
    void (*also)(struct kill_programs *run, const struct wallet_txn *txn);
    void *ctx;
};

/** Make a home by `lw init` and load the example city; aborts when it cannot. */
void kill_programs_make(struct kill_programs *run);
void kill_programs_drop(struct kill_programs *run);

/** Start `lw` with arguments up to a NULL; what it says is kept in a log beside the home. */
pid_t kill_start(const struct kill_programs *run, const char *const *args);

/** Wait for the end of a process. returns its exit code or KILL_KILLED */
int kill_ended(pid_t pid);

/** Run `lw` and kill it at some moment, or let it be. returns as kill_ended() */
int kill_command(struct kill_programs *run, bool let_be, const char *const *args);

/** Run `lw`, which must succeed. */
void kill_must_run(struct kill_programs *run, const char *const *args);

/** Open the home in a child and check what was told: of this round, or all and whole. */
void kill_look(struct kill_programs *run, bool all);

uint64_t kill_below(uint64_t bound);
int64_t kill_now_us(void);
void kill_pause_us(uint64_t us);

#endif
