/*
 * Whether the store's records and indexes agree: each record in each of its indexes, and no index
 * entry without its record. wallet_store_check() (store.h) reads the form of every entry before.
 */
#ifndef WALLET_STORE_CHECK_H
#define WALLET_STORE_CHECK_H

#include "wallet/store.h"

enum { WALLET_FAULTS_MAX = 16, WALLET_FAULT_KEY_MAX = 96 };

/* One thing that is wrong. `where` and `why` are static. */
struct wallet_fault {
    const char *where; /* keyspace */
    const char *why;
    /* The entry's key, hex, cut after 47 bytes; of entries by number, the id of the license that
     * they lead to: no personal data. NUL-terminated. */
    char key[WALLET_FAULT_KEY_MAX];
};

struct wallet_index_check {
    /* in */
    void (*progress)(void *ctx, const char *what, uint64_t done, uint64_t total); /* may be NULL */
    void *ctx;
    /* out */
    uint64_t checked;     /* entries */
    uint64_t fault_count; /* all of them; the first are kept */
    struct wallet_fault faults[WALLET_FAULTS_MAX];
};

/**
 * Check all indexes of licenses, intents, persons, credentials, passes, grants, status lists and
 * imports, the counts by state, and the status of every credential against its license's state.
 *
 * check   `progress` and `ctx` set, the rest zero, or as another check left it
 * errors  LW_E_CORRUPT  the engine cannot read a page; what is wrong is in `check`, not an error
 * does not check  signatures and seals; that keys of terms (license-version) have their license,
 *         which cannot be told from their hashes
 */
LW_MUST_USE lw_err wallet_store_check_indexes(const struct wallet_txn *txn,
                                              struct wallet_index_check *check);

/** Note a fault. `where`, `why`: static. */
void wallet_check_fault(struct wallet_index_check *check, const char *where, const char *why,
                        lw_bytes key);

/** Tell how far a walk has come, every thousand entries and at its end. */
void wallet_check_progress(struct wallet_index_check *check, const char *what, uint64_t done,
                           uint64_t total);

#endif
