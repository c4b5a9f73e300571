/*
 * Registers that are given again and again while the process is killed (fault F1): imports that
 * change, end and revoke, batches that are voided, batches that wait for a second operator. What
 * was told to be done and what is asked for outlives the process; each next one checks that every
 * number is as it was told, or as it was asked to become, and goes on with what was asked.
 */
#ifndef SUPPORT_KILL_REGISTER_H
#define SUPPORT_KILL_REGISTER_H

#include "kill_work.h"
#include "two_people.h"

enum { KILL_NUMBERS_MAX = 320, KILL_REGISTERS = 3 };

/* What a register says of a number; packed into one word, so that no kill splits it. */
struct kill_entry {
    unsigned life;     /* what is gone stays so: then the number's name is another */
    unsigned terms;    /* 0: nothing is in force */
    unsigned content;  /* of the newest term */
    unsigned versions; /* licenses of this life */
    bool suspended;    /* by the register */
    bool fixed;        /* no more terms come: some of those to come were voided */
};

/* What is asked for and not answered. */
enum kill_asked {
    KILL_NOTHING = 0,
    KILL_IMPORTS,
    KILL_WAITS, /* an import of a type that needs two people */
    KILL_APPROVES,
    KILL_REJECTS,
    KILL_VOIDS,
    KILL_VOIDS_HALF, /* the batch of an import that was killed */
};

struct kill_register {
    char name[8];
    unsigned count;
    atomic_uint_least64_t told[KILL_NUMBERS_MAX];
    atomic_uint_least64_t asked[KILL_NUMBERS_MAX];
    atomic_uint_least64_t base[KILL_NUMBERS_MAX]; /* told before the last batch */
    atomic_uint doing;                            /* enum kill_asked */
    atomic_uint_least64_t batch;                  /* the last one's number in the journal */
    atomic_bool voidable;
};

/* Shared between the tester and those it kills. */
struct kill_registers {
    struct kill_register list[KILL_REGISTERS];
    bool two_people;
    atomic_ullong done[KILL_VOIDS_HALF + 1]; /* how often each came to its end */
};

/** Map registers that children share; aborts when it cannot. Never unmapped. */
struct kill_registers *kill_registers_new(bool two_people);

struct kill_entry kill_entry_get(const atomic_uint_least64_t *word);
void kill_entry_put(atomic_uint_least64_t *word, struct kill_entry entry);

/* Who asks for imports, and who approves them. */
struct kill_people {
    struct support_operator asks;
    struct support_operator approves;
};

/**
 * Do what the register `r` is asked for, or ask for something new and do it; note that it was done.
 *
 * random  what is asked for follows from it
 */
void kill_register_step(struct support_home *h, struct kill_ledger *ledger,
                        struct kill_registers *all, size_t r, const struct kill_people *people,
                        uint64_t random);

/** The name of a number of a register. */
void kill_register_number(const struct kill_register *reg, unsigned i, unsigned life,
                          char number[32]);

/** Say whether something is under way for which numbers may be set aside. */
bool kill_registers_busy(const struct kill_registers *all);

/** What the store has of a number. */
struct kill_seen {
    struct kill_entry entry; /* of its life; versions: all there are */
    bool voided;             /* nothing is in force, as the newest was voided */
};

/** Read a number's licenses and check how they hang together; `ended`: nothing is under way.
 * errors  LW_E_CORRUPT  they do not */
LW_MUST_USE lw_err kill_register_see(struct support_home *h, const struct wallet_txn *txn,
                                     const char *number, bool ended, struct kill_seen *seen);

/** Check every number of every register against what was told and asked. */
void kill_registers_check(struct support_home *h, struct kill_ledger *ledger,
                          const struct kill_registers *all);

/** Append the register as asked for, as CSV. */
void kill_register_csv(const struct kill_register *reg, lw_buf *csv);

/* What a term's last day says: the first of them, so many days on. */
#define KILL_UNTIL "2090-01-01"

#endif
