/*
 * Work that is killed (fault F1): a process does what clients ask for, on several threads, and
 * notes in memory that outlives it what it begins and what it was told is done. The next process
 * checks that all of it stands and that nothing is half done, before it goes on.
 */
#ifndef SUPPORT_KILL_WORK_H
#define SUPPORT_KILL_WORK_H

#include <stdatomic.h>

#include "home.h"

enum {
    KILL_SLOTS = 1500, /* numbers of licenses, each changed by one thread only */
    KILL_THREADS = 3,
    KILL_RECEIPTS = 512, /* of one thread in one round */
    KILL_WHY_MAX = 160,
    KILL_IMPORT_NUMBERS = 9,
};

/* What a client was told of a license; packed into one word, so that no kill splits it. */
struct kill_said {
    unsigned state;    /* enum wallet_state of the newest version; 0: none */
    unsigned versions; /* issued */
    unsigned changes;  /* of the newest version's state */
    unsigned passes;   /* of the newest version, modulo 256 */
    bool credential;   /* of the newest version */
    unsigned pending;  /* begun and not answered: a state, or one of these */
};
enum { KILL_ISSUES = 8, KILL_BINDS, KILL_PASSES, KILL_VERIFIES, KILL_REISSUES };

struct kill_slot {
    atomic_uint_least64_t said;
    atomic_uint round; /* in which it was last worked on */
};

/* Shared between the tester and those it kills. */
struct kill_ledger {
    struct kill_slot slots[KILL_SLOTS];
    char receipts[KILL_THREADS][KILL_RECEIPTS][32];
    atomic_uint receipt_count[KILL_THREADS];
    atomic_uint import_begun;
    atomic_uint import_ended;
    atomic_uint import_done; /* rows of the present import that were reported done */
    atomic_ullong acked;     /* in all, by all */
    atomic_ullong log_size;  /* of the head that was last seen */
    uint8_t log_root[32];
    atomic_uint violations;
    char why[KILL_WHY_MAX]; /* of the first violation */
    /* Called after each change of a field that says what a client was told; may be NULL. */
    void (*noted)(const struct kill_ledger *ledger, const void *field, size_t len);
};

/** Map a ledger that children share; aborts when it cannot. Never unmapped. */
struct kill_ledger *kill_ledger_new(void);

struct kill_said kill_said_get(const struct kill_slot *slot);
void kill_said_put(struct kill_ledger *ledger, size_t slot, struct kill_said said);

/** Count a violation and keep the first one's reason. */
void kill_violation(struct kill_ledger *ledger, const char *what, lw_err err);

/** The number of a slot's license. */
void kill_number(size_t slot, char number[32]);

/** Work on all threads until killed, or for `steps` steps each if not 0. */
void kill_work(struct support_home *h, struct kill_ledger *ledger, unsigned round, unsigned steps);

/**
 * Do one thing to a slot's license and note it when it was answered with success. `way` is a state
 * to change to, or one of KILL_ISSUES and so on. What failed stays noted as pending.
 */
lw_err kill_do(struct support_home *h, struct kill_ledger *ledger, size_t slot, unsigned way);

/** Give the register of the present import, again where it was not ended. */
lw_err kill_import(struct support_home *h, struct kill_ledger *ledger);

/**
 * Check what was said up to now, of the slots worked on in the last round, or of all; then take
 * what the store says of what was pending.
 */
void kill_check(struct support_home *h, struct kill_ledger *ledger, unsigned last_round, bool all);

/** Read store and log whole. */
void kill_check_whole(struct support_home *h, struct kill_ledger *ledger);

#endif
