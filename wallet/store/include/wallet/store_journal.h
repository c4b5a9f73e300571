/*
 * The journal of imports. An import is known by what is imported, so the same command given again
 * finds it and goes on. Its rows are done in batches, in an order that the file alone decides; a
 * batch is noted in the transaction that stores its licenses, so none exists twice and none is
 * missing, whenever the process was killed.
 */
#ifndef WALLET_STORE_JOURNAL_H
#define WALLET_STORE_JOURNAL_H

#include "wallet/store.h"
#include "wallet/store_page.h"

enum { WALLET_IMPORT_ID_LEN = 32, WALLET_IMPORT_ACTOR_MAX = 128 };

enum wallet_import_state {
    WALLET_IMPORT_RUNNING = 1, /* begun, and not ended: also after a crash */
    WALLET_IMPORT_DONE,
};

/* An import. A value; texts are NUL-terminated. */
struct wallet_import_record {
    uint8_t id[WALLET_IMPORT_ID_LEN];
    uint64_t number; /* 1, 2, ... in the order they were begun; licenses bear it */
    char type[64 + 1];
    char issuer[64 + 1];
    char actor[WALLET_IMPORT_ACTOR_MAX + 1];
    enum wallet_import_state state;
    uint64_t rows;       /* data rows of the file */
    uint64_t good;       /* rows to be issued */
    uint64_t bad;        /* rows left out */
    uint32_t batch_size; /* good rows a batch, the last excepted */
    uint64_t batches;    /* done so far */
    uint64_t done;       /* good rows in the batches done */
    uint64_t issued;     /* licenses made by them; the others were there before */
    int64_t begun;       /* Unix seconds */
    int64_t updated;
    int64_t shift_days; /* added to every date; kept, as a run may have chosen it by its clock */
};

/**
 * Make an import's id: SHA-256 over the parts, each preceded by its length.
 *
 * parts   at most 8: the hash of the file, of the map, type, issuer, what else decides the rows
 */
LW_MUST_USE lw_err wallet_import_id(const lw_bytes *parts, size_t count,
                                    uint8_t id[WALLET_IMPORT_ID_LEN]);

/**
 * Begin an import, or find the one of that id.
 *
 * record  in: all but number, state, batches, done, issued, updated. Out: as kept
 * resumed set to whether it was there
 * errors  LW_E_CONFLICT  it was there with other rows, good, bad or batch_size: not the same
 *         import; LW_E_VALUE  a text, or good + bad over rows, or no batch_size
 */
LW_MUST_USE lw_err wallet_store_import_begin(struct wallet_txn *txn,
                                             struct wallet_import_record *record, bool *resumed);

/** Read an import. errors  LW_E_NOT_FOUND */
LW_MUST_USE lw_err wallet_store_import_get(const struct wallet_txn *txn,
                                           const uint8_t id[WALLET_IMPORT_ID_LEN],
                                           struct wallet_import_record *record);

/** List imports in the order they were begun. */
LW_MUST_USE lw_err wallet_store_import_page(const struct wallet_txn *txn, struct wallet_page *page,
                                            struct wallet_import_record *records, size_t *count);

/** Say whether batch `batch`, from 0, was done. */
LW_MUST_USE lw_err wallet_store_import_batch_done(const struct wallet_txn *txn,
                                                  const uint8_t id[WALLET_IMPORT_ID_LEN],
                                                  uint64_t batch, bool *done);

/**
 * Note a batch as done, in the transaction that stores its licenses. Batches may be done in any
 * order. The last one ends the import.
 *
 * issued  licenses it made, at most its rows
 * errors  LW_E_CONFLICT  done before: nothing of this transaction may be kept; LW_E_NOT_FOUND;
 *         LW_E_VALUE  no such batch, or more issued than it has rows
 */
LW_MUST_USE lw_err wallet_store_import_batch_put(struct wallet_txn *txn,
                                                 const uint8_t id[WALLET_IMPORT_ID_LEN],
                                                 uint64_t batch, uint64_t issued, int64_t now);

/* A batch that was done. */
struct wallet_import_batch {
    uint64_t batch;
    uint64_t rows;
    uint64_t issued;
    int64_t at; /* Unix seconds */
};

/** List the batches done, in order of their numbers. */
LW_MUST_USE lw_err wallet_store_import_batch_page(const struct wallet_txn *txn,
                                                  const uint8_t id[WALLET_IMPORT_ID_LEN],
                                                  struct wallet_page *page,
                                                  struct wallet_import_batch *batches,
                                                  size_t *count);

#endif
