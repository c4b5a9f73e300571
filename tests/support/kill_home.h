/*
 * What of a home as a whole must outlive a kill (fault F1): keys and their states, lists as they
 * are published, backups. The ledger outlives the process.
 */
#ifndef SUPPORT_KILL_HOME_H
#define SUPPORT_KILL_HOME_H

#include "kill_work.h"
#include "wallet/store_key.h"

enum { KILL_KEYS_MAX = 256 };

struct kill_key {
    char label[WALLET_KEY_LABEL_MAX + 1];
    atomic_uint state; /* enum wallet_key_state as it was seen; 0: an empty place */
};

struct kill_home {
    struct kill_key keys[KILL_KEYS_MAX];
    atomic_uint key_count;
    atomic_uint rotations;     /* begun and acknowledged */
    atomic_uint steps;         /* of keys, acknowledged */
    atomic_uint published;     /* calls that were acknowledged */
    atomic_uint backup_begun;  /* the name of the one under way, or of the last */
    atomic_uint backup_done;   /* of the last that was acknowledged */
    atomic_uint backups;       /* that were acknowledged */
    atomic_uint restored;      /* backups that were restored and compared */
    atomic_ullong backup_size; /* entries of the log when it was begun */
    atomic_llong skipped_s;    /* by which the clock of the next process is on */
};

/** Map one that children share; aborts when it cannot. Never unmapped. */
struct kill_home *kill_home_new(void);

/** Begin the next rotation of a key, or go on with those under way; note what is seen. */
void kill_home_rotate(struct support_home *h, struct kill_ledger *ledger, struct kill_home *home,
                      uint64_t random);

/** Publish status lists. */
void kill_home_publish(struct support_home *h, struct kill_ledger *ledger, struct kill_home *home);

/** Back the home up beside it, again where the last was not acknowledged. */
void kill_home_backup(struct support_home *h, struct kill_ledger *ledger, struct kill_home *home);

/**
 * Check that no key that was seen is lost or went back, that each purpose has one that signs, which
 * is in the token; that each list that is published says what the store says.
 */
void kill_home_check(struct support_home *h, struct kill_ledger *ledger, struct kill_home *home,
                     bool all);

/** Restore the last backup on an empty home and hold it against the store. */
void kill_home_restore(struct support_home *h, struct kill_ledger *ledger, struct kill_home *home);

#endif
