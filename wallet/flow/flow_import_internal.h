/*
 * The import of a register, in parts: rows read and sorted (flow_import_rows.c,
 * flow_import_twice.c), dates moved (flow_import_shift.c), matched with the store's versions and
 * compared (flow_import_match.c), linked to chains (flow_import_chain.c), what the file lacks found
 * (flow_import_gone.c), the run entered into the journal (flow_import_journal.c), batches made
 * ready (flow_import_batch.c), written (flow_import_write.c) and run through signers and writer
 * (flow_import_pipe.c), states set (flow_import_state.c).
 */
#ifndef WALLET_FLOW_IMPORT_INTERNAL_H
#define WALLET_FLOW_IMPORT_INTERNAL_H

#include "flow_common.h"
#include "wallet/flow_import.h"
#include "wallet/import_map.h"
#include "wallet/store_approval.h"

enum {
    IMPORT_BATCH_ROWS = 1024,
    IMPORT_TERMS_MAX = 999, /* of one number */
    IMPORT_VERSION_TEXT = WALLET_VERSION_MAX + 8,
    IMPORT_SALTS = 16 * 1024,
    IMPORT_SLOTS = 4, /* batches at once: one written, one checked, one being signed, one made */
    IMPORT_VALUES_MAX = 128 * 1024, /* bytes of a license's claims */
    IMPORT_TYPES_MAX = 8,           /* versions of the type kept open */
};

/* A good row: where it stands in the file, and what becomes of it. */
struct import_row {
    size_t at; /* of its first byte in the file */
    size_t line;
    size_t text; /* of its number, then its version, in import_run.text */
    int64_t valid_from;
    int64_t valid_until;
    uint32_t raw_len;
    uint32_t count;    /* the version, where the map gives none */
    uint16_t revision; /* of the term's key; 1: the key as it stands */
    uint8_t number_len;
    uint8_t version_len;
    uint8_t by_register; /* enum wallet_state, as the register says */
    uint8_t state;       /* enum wallet_state, what it is or will be in the store */
    uint8_t state_to;    /* enum wallet_state to set in the store; 0: none */
    bool there;          /* in the store, and left there as it is */
    bool kept;           /* there, although the register says otherwise */
    bool changed;        /* in the store with other content */
    bool clash;          /* left out: the term's key is another license's */
    bool twice;          /* left out: another row says otherwise of the same term */
    bool issued;         /* by this run */
    bool mends;          /* its predecessor was voided, and is linked to it */
    bool has_predecessor;
    bool has_successor;
    bool supersedes; /* its predecessor, which is active or suspended */
    uint8_t id[WALLET_UUID_LEN];
    uint8_t predecessor[WALLET_UUID_LEN];
    uint8_t successor[WALLET_UUID_LEN];
};

/* What is known of an import in the journal. */
struct import_earlier {
    bool mine;   /* it was of this register */
    bool voided; /* what it issued is taken back, or being so */
};

/* A license in force that the file does not list. */
struct import_gone {
    uint8_t id[WALLET_UUID_LEN];
};

/* Numbers that stand in bad rows: what they are of is not gone. */
struct import_number {
    size_t at; /* in import_run.bad_text */
    size_t len;
};

/* An earlier version of the license type, under which licenses of the store were issued. */
struct import_type {
    unsigned version;
    struct wallet_type_doc *doc;
};

/* Random bytes drawn in bulk: each draw from the system costs a call. */
struct import_salts {
    const struct lw_rng *from;
    uint8_t bytes[IMPORT_SALTS];
    size_t left;
};

/* What wallet_flow_approve() carries out. */
struct import_approval {
    const struct wallet_operator_by *by;
    struct wallet_import_record record;
    struct wallet_approval kept;
    bool goes_on; /* it was approved before, and not ended */
};

struct import_run {
    struct wallet_home *home;
    const struct wallet_import_order *order;
    const struct wallet_import_watch *watch;
    struct import_approval *approval; /* NULL: of an order of its own */
    struct wallet_import_result *result;
    const struct wallet_snapshot *snapshot;
    const struct wallet_license_type *type;
    const struct wallet_agency *agency;
    struct wallet_import_map *map;
    struct wallet_csv *csv;
    struct wallet_import_plan *plan;
    int lock; /* file descriptor, or -1 */
    int64_t now;
    int64_t checked_at; /* what rows are checked against: when the import that goes on was begun */
    struct wallet_import_record record;
    bool known;      /* `record` is that of an earlier run that did not end */
    bool found;      /* an earlier run of the same file is in the journal */
    bool has_shift;  /* record.shift_days is what earlier imports of the register moved by */
    bool keyed;      /* the map gives versions: the register's own keys of the terms */
    bool superseded; /* licenses of the store were, so their status lists are to be signed */
    size_t bad;
    size_t unread;
    struct import_earlier *earlier; /* by number of an import */
    size_t earlier_count;
    struct import_gone *gone;
    size_t gone_count;
    size_t gone_room;
    bool revoke; /* what is gone */
    lw_buf bad_text;
    struct import_number *bad_numbers;
    size_t bad_count;
    size_t bad_room;
    size_t bad_sorted; /* so many of them are in order */
    struct import_type types[IMPORT_TYPES_MAX];
    size_t type_count;
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
    size_t other; /* another line that it is about; 0: none */
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

/** Keep in mind a number that stands in a bad row. errors  LW_E_NOMEM, LW_E_LIMIT */
LW_MUST_USE lw_err import_bad_number(struct import_run *run, lw_str number);

/*
 * The rows by what may be given once only: the term's key, or number and start. Open addressing
 * over indexes, from 1.
 */
struct import_seen {
    uint32_t *slots;
    size_t size; /* a power of two */
};

/**
 * Look whether the last row is like one before it: it is told and `twice` set. The same row again
 * is left out; of two that differ both are, and the earlier is marked.
 */
LW_MUST_USE lw_err import_seen_before(struct import_run *run, struct import_seen *seen,
                                      bool *twice);

/** Read the row from the file once more, into the scratch row. */
LW_MUST_USE lw_err import_convert(struct import_run *run, const struct import_row *row);

/** Fill `license` from the converted row: slices borrow from it. Ids and salts are not set. */
void import_license(const struct import_run *run, const struct wallet_import_row *row,
                    struct wallet_license *license);

/** Choose the days by which most active newest terms of the rows read hold at `now`. */
LW_MUST_USE lw_err import_choose_shift(const struct import_run *run, int64_t now, int64_t *days);

/**
 * Compare the rows with the store: which are there and the same, how those of one number follow
 * each other and what the store has of it, ids, states, and what of these numbers is gone.
 */
LW_MUST_USE lw_err import_compare(struct import_run *run);

/* A version of a number that is in the store. */
struct import_version_kept {
    uint8_t id[WALLET_UUID_LEN];
    uint8_t successor[WALLET_UUID_LEN];
    bool has_successor;
    enum wallet_state state;
    unsigned reason_code;
    bool was_set; /* its state was changed after it was issued */
    bool voided;  /* it counts as never issued */
    uint64_t import;
    int64_t valid_from;
    int64_t valid_until;
    char text[WALLET_NUMBER_MAX + 1];
    bool covered; /* a row of the file stands for its term */
};

/* The versions that the store has of a number, and the rows of the file. */
struct import_kept {
    struct import_run *run;
    const struct wallet_txn *txn;
    struct import_version_kept *versions;
    size_t count;
    size_t room;
};

/* What a row is in the store. SIZE_MAX: none. */
struct import_match {
    size_t version; /* of the same content, or left as it is */
    size_t base;    /* the version that the row's next one comes after: changed, or voided */
};

/** Read the versions of a number. */
LW_MUST_USE lw_err import_load_versions(struct import_kept *k, lw_str number);

/**
 * Find the row in the store and compare it.
 *
 * alone  it is the only row of its number
 */
LW_MUST_USE lw_err import_match(struct import_kept *k, struct import_row *row, bool alone,
                                struct import_match *match);

/** Compare the states of a row that is in the store; `followed`: a new term takes its place. */
void import_compare_state(struct import_run *run, struct import_row *row,
                          const struct import_version_kept *v, bool followed);

static inline bool import_is_open(enum wallet_state state)
{
    return state == WALLET_ACTIVE || state == WALLET_SUSPENDED;
}

/** Learn which imports were of this register, and which are voided. */
LW_MUST_USE lw_err import_find_others(struct import_run *run, const struct wallet_txn *txn);

/** Put the numbers of bad rows in order, to find them fast. */
void import_sort_bad(struct import_run *run);

/** Take a version in force that no row stands for as gone, if an import of this register brought
 * it and no bad row has its number. */
LW_MUST_USE lw_err import_take_gone(struct import_run *run, lw_str number, uint64_t import,
                                    const uint8_t id[WALLET_UUID_LEN], int64_t valid_until);

/** Find the licenses in force whose numbers the file does not have, tell the watch of all that are
 * gone, and learn whether they are to be revoked. */
LW_MUST_USE lw_err import_find_gone(struct import_run *run);

/** Set the states that the register has changed. */
LW_MUST_USE lw_err import_set_states(struct import_run *run);

/** Revoke what is gone, where that was asked for. */
LW_MUST_USE lw_err import_revoke_gone(struct import_run *run);

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
    uint64_t number; /* in the journal */
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

/** Convert `count` rows that are to be issued, at most those of a batch, up to what is to be
 * signed. */
LW_MUST_USE lw_err import_batch_prepare(struct import_batch *batch, struct import_row *const *rows,
                                        size_t count);

/** Check the signatures that were made and put the records together. */
LW_MUST_USE lw_err import_batch_check(struct import_batch *batch);

/** In a write transaction: set numbers aside and make the holders known; the intents. */
LW_MUST_USE lw_err import_reserve(struct wallet_txn *txn, struct import_batch *batch);

/** In a write transaction: keep the records of `batch`, note it as done, reserve the next. */
LW_MUST_USE lw_err import_write_batch(struct wallet_txn *txn, void *batch);

/** Name the import, and find it when an earlier run is in the journal. */
LW_MUST_USE lw_err import_find_earlier(struct import_run *run);

/** Void the intents that imports left which ended. */
LW_MUST_USE lw_err import_void_left(struct wallet_home *home, int64_t now);

/** Begin the journal, or find it; not when there is nothing to do. */
LW_MUST_USE lw_err import_begin(struct import_run *run);

/** Note in journal and log that all was done. */
LW_MUST_USE lw_err import_end(struct import_run *run);

/** Take `import.lock` of the home. errors  LW_E_BUSY  another import runs; LW_E_IO */
LW_MUST_USE lw_err import_take_lock(const struct wallet_home *home, int *lock);
void import_drop_lock(int lock); /* below 0: none */

/** Fill what the journal will say of this import. errors  LW_E_LIMIT */
LW_MUST_USE lw_err import_fill_record(struct import_run *run);

/** Run an import; `approval`: NULL, or what was approved or is to be. */
LW_MUST_USE lw_err import_execute(struct wallet_home *home, const struct wallet_import_order *order,
                                  const struct wallet_import_watch *watch,
                                  struct import_approval *approval,
                                  struct wallet_import_result *result);

/** Hash all that the comparison found: what would be issued with its content, states, what goes. */
LW_MUST_USE lw_err import_digest_differences(struct import_run *run,
                                             uint8_t digest[WALLET_IMPORT_HASH_LEN]);

/** Tell the watch a sample of what would be done. */
LW_MUST_USE lw_err import_show_sample(struct import_run *run);

/** Refuse an order that cannot wait, before its file is read. errors  LW_E_DENIED */
LW_MUST_USE lw_err import_check_by(struct import_run *run);

/** Let the import wait for a second operator. */
LW_MUST_USE lw_err import_wait(struct import_run *run);

/** Compare with what was asked for, ask the watch, sign, and note the approval. */
LW_MUST_USE lw_err import_approve(struct import_run *run);

/** Sign and store what is not there yet, batch by batch. */
LW_MUST_USE lw_err import_issue(struct import_run *run);

#endif
