/*
 * The import of a register, in parts: rows read and sorted (flow_import_rows.c), dates moved
 * (flow_import_shift.c), compared with the store and linked to chains (flow_import_chain.c),
 * batches made ready (flow_import_batch.c), written (flow_import_write.c) and run through signers
 * and writer (flow_import_pipe.c).
 */
#ifndef WALLET_FLOW_IMPORT_INTERNAL_H
#define WALLET_FLOW_IMPORT_INTERNAL_H

#include "flow_common.h"
#include "wallet/flow_import.h"
#include "wallet/import_map.h"
#include "wallet/store_journal.h"

enum {
    IMPORT_BATCH_ROWS = 1024,
    IMPORT_TERMS_MAX = 999, /* of one number */
    IMPORT_VERSION_TEXT = 12,
    IMPORT_SALTS = 16 * 1024,
    IMPORT_SLOTS = 4, /* batches at once: one written, one checked, one being signed, one made */
    IMPORT_VALUES_MAX = 128 * 1024, /* bytes of a license's claims */
};

/* A good row: where it stands in the file, and what becomes of it. */
struct import_row {
    size_t at; /* of its first byte in the file */
    size_t line;
    size_t text; /* of its number, then its version, in import_run.text */
    int64_t valid_from;
    int64_t valid_until;
    uint32_t raw_len;
    uint32_t count; /* the version, where the map gives none */
    uint8_t number_len;
    uint8_t version_len;
    uint8_t by_register; /* enum wallet_state, as the register says */
    uint8_t state;       /* enum wallet_state, what it is or will be in the store */
    bool there;          /* was in the store */
    bool clash;          /* left out: the term's key is another license's */
    bool issued;         /* by this run */
    bool has_predecessor;
    bool has_successor;
    bool supersedes; /* its predecessor, which is active or suspended */
    uint8_t id[WALLET_UUID_LEN];
    uint8_t predecessor[WALLET_UUID_LEN];
    uint8_t successor[WALLET_UUID_LEN];
};

/* Random bytes drawn in bulk: each draw from the system costs a call. */
struct import_salts {
    const struct lw_rng *from;
    uint8_t bytes[IMPORT_SALTS];
    size_t left;
};

struct import_run {
    struct wallet_home *home;
    const struct wallet_import_order *order;
    const struct wallet_import_watch *watch;
    struct wallet_import_result *result;
    const struct wallet_snapshot *snapshot;
    const struct wallet_license_type *type;
    const struct wallet_agency *agency;
    struct wallet_import_map *map;
    struct wallet_csv *csv;
    struct wallet_import_plan *plan;
    int lock; /* file descriptor, or -1 */
    int64_t now;
    int64_t checked_at; /* what rows are checked against: when the import was begun */
    struct wallet_import_record record;
    bool known;      /* `record` is that of an earlier run */
    bool keyed;      /* the map gives versions: the register's own keys of the terms */
    bool superseded; /* licenses of the store were, so their status lists are to be signed */
    size_t bad;
    size_t seen; /* rows of the file */
    lw_buf text;
    struct import_row *rows;
    size_t count;
    size_t room;
    struct import_salts salts;
    struct wallet_import_row scratch;
    struct wallet_license license; /* what is checked; borrows from `scratch` */
};

static inline lw_str import_number(const struct import_run *run, const struct import_row *row)
{
    return (lw_str){(const char *)run->text.ptr + row->text, row->number_len};
}

/** Return the version; `digits` is where it is written when the map gives none. */
lw_str import_version(const struct import_run *run, const struct import_row *row,
                      char digits[IMPORT_VERSION_TEXT]);

/* Which row, as an issue tells it. */
struct import_place {
    size_t line;
    lw_str column;
    lw_bytes raw;
};

/** Tell the watch; the name of a layer before `why`, "csv: ...", is left away. */
void import_tell(struct import_run *run, struct import_place place, const char *why, bool fatal);

/** As import_tell(), of a row that was read before. */
void import_tell_row(struct import_run *run, const struct import_row *row, const char *why,
                     bool fatal);

/**
 * Convert every row with the plan and keep the good ones, sorted into chains.
 *
 * quiet   nothing is told and counted, and rows are not checked beyond their conversion
 * errors  LW_E_NOMEM, LW_E_LIMIT
 */
LW_MUST_USE lw_err import_read(struct import_run *run, bool quiet);

/** Fill `license` from the converted row: slices borrow from it. Ids and salts are not set. */
void import_license(const struct import_run *run, const struct wallet_import_row *row,
                    struct wallet_license *license);

/** Choose the days by which most active newest terms of the rows read hold at `now`. */
LW_MUST_USE lw_err import_choose_shift(const struct import_run *run, int64_t now, int64_t *days);

/**
 * Compare the rows with the store: which are there, how those of one number follow each other and
 * what the store has of it, ids, states.
 */
LW_MUST_USE lw_err import_compare(struct import_run *run);

/* One license on its way: buffers are used again by later batches. */
struct import_item {
    struct import_row *row;
    struct wallet_license license;
    struct wallet_person_code who;
    uint8_t person[1][WALLET_UUID_LEN];
    char version[IMPORT_VERSION_TEXT];
    lw_buf own; /* what `license` borrows */
    lw_buf payload;
    lw_buf record;
};

struct import_pipe;

struct import_batch {
    struct import_run *run;
    struct import_pipe *pipe;
    uint64_t number;
    struct import_item *items;
    struct hsm_job *jobs; /* of each item */
    size_t count;
    struct hsm_signer signer;
    struct import_batch *next; /* to be reserved in the transaction of this one's records */
    size_t signing;            /* jobs not done; guarded by the pipe's lock, as what follows */
    bool used;
    bool writing;
    struct wallet_write write;
};

LW_MUST_USE lw_err import_batch_make(struct import_batch *batch, size_t rows);
void import_batch_free(struct import_batch *batch, size_t rows);

/** Convert the rows of batch `number` that are to be issued, up to what is to be signed. */
LW_MUST_USE lw_err import_batch_prepare(struct import_batch *batch, uint64_t number);

/** Check the signatures that were made and put the records together. */
LW_MUST_USE lw_err import_batch_check(struct import_batch *batch);

/** In a write transaction: set numbers aside and make the holders known; the intents. */
LW_MUST_USE lw_err import_reserve(struct wallet_txn *txn, struct import_batch *batch);

/** In a write transaction: keep the records of `batch`, note it as done, reserve the next. */
LW_MUST_USE lw_err import_write_batch(struct wallet_txn *txn, void *batch);

/** Void what earlier runs left open, and begin the journal or find it. */
LW_MUST_USE lw_err import_begin(struct import_run *run);

/** Sign and store what is not there yet, batch by batch. */
LW_MUST_USE lw_err import_issue(struct import_run *run);

#endif
