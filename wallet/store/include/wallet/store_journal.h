/*
 * The journal of imports: the batches of licenses that registers brought. An import is known by
 * what is imported, so the same command given again finds it and goes on; which rows it still has
 * to issue the licenses themselves tell. The journal says who brought what and when, what came of
 * it, and between which ids its licenses lie, so that it can be shown and voided.
 */
#ifndef WALLET_STORE_JOURNAL_H
#define WALLET_STORE_JOURNAL_H

#include "wallet/store.h"
#include "wallet/store_page.h"

enum {
    WALLET_IMPORT_ID_LEN = 32,
    WALLET_IMPORT_ACTOR_MAX = 128,
    WALLET_IMPORT_HASH_LEN = 32,
    WALLET_IMPORT_REASON_MAX = 1024, /* bytes: 256 characters */
};

enum wallet_import_state {
    WALLET_IMPORT_RUNNING = 1, /* begun, and not ended: also after a crash */
    WALLET_IMPORT_DONE,
    WALLET_IMPORT_VOIDING, /* being taken back, and not ended: also after a crash */
    WALLET_IMPORT_VOIDED,
    WALLET_IMPORT_WAITING, /* for a second operator: nothing is signed or set aside */
    WALLET_IMPORT_REJECTED,
    WALLET_IMPORT_EXPIRED, /* nobody approved it in time */
};

/** Return "running", "done", "voiding", "voided", "waiting", "rejected" or "expired"; static. */
const char *wallet_import_state_name(enum wallet_import_state state);

/* What an import found when it compared the register with the store, and what was asked of it. */
struct wallet_import_counts {
    uint64_t rows; /* data rows of the file: good and bad */
    uint64_t good;
    uint64_t bad;     /* left out */
    uint64_t fresh;   /* of the good rows: not in the store before */
    uint64_t changed; /* in the store with other content: issued as the next version */
    uint64_t same;    /* nothing was signed or written for them */
    uint64_t states;  /* of the same: the register has another state now, which is set */
    uint64_t gone;    /* licenses in force that the register does not list any more */
    uint64_t revoked; /* of those gone: to be revoked, as the operator asked */
};

/* An import. A value; texts are NUL-terminated. */
struct wallet_import_record {
    uint8_t id[WALLET_IMPORT_ID_LEN];
    uint64_t number; /* 1, 2, ... in the order they were begun; licenses bear it */
    char type[64 + 1];
    char issuer[64 + 1];
    char register_name[64 + 1]; /* which register of this type and issuer; "": its only one */
    char actor[WALLET_IMPORT_ACTOR_MAX + 1];
    enum wallet_import_state state;
    bool part; /* the file is a part of the register: nothing is gone by it */
    uint8_t file_hash[WALLET_IMPORT_HASH_LEN]; /* SHA-256 */
    uint8_t map_hash[WALLET_IMPORT_HASH_LEN];
    struct wallet_import_counts counts; /* as the first run found them */
    uint64_t batches;                   /* written so far */
    uint64_t issued;                    /* licenses made by them */
    uint8_t first[16];                  /* least and greatest id of those licenses */
    uint8_t last[16];
    int64_t begun; /* Unix seconds */
    int64_t updated;
    int64_t shift_days; /* added to every date; kept, as a run may have chosen it by its clock */
    char voided_by[WALLET_IMPORT_ACTOR_MAX + 1]; /* "" unless voiding or voided */
    char void_reason[WALLET_IMPORT_REASON_MAX + 1];
    int64_t voided; /* Unix seconds; when that was begun */
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
 * record  in: all but number, state, batches, issued, first, last, updated, voiding. Out: as kept
 * resumed set to whether it was there
 * errors  LW_E_CONFLICT  it was there with another type, issuer or register, or is not running any
 *         more; LW_E_VALUE  a text, or counts that do not fit
 */
LW_MUST_USE lw_err wallet_store_import_begin(struct wallet_txn *txn,
                                             struct wallet_import_record *record, bool *resumed);

/**
 * Keep an import that waits for approval; one of that id that waits already is replaced, but for
 * its number and the time when it was begun.
 *
 * record  as for wallet_store_import_begin()
 * errors  as wallet_store_import_begin(); LW_E_CONFLICT  it was there and does not wait
 */
LW_MUST_USE lw_err wallet_store_import_wait(struct wallet_txn *txn,
                                            struct wallet_import_record *record);

/**
 * End the waiting of an import.
 *
 * to      WALLET_IMPORT_RUNNING when it was approved, _REJECTED or _EXPIRED
 * errors  LW_E_NOT_FOUND; LW_E_CONFLICT  it does not wait (any more)
 */
LW_MUST_USE lw_err wallet_store_import_decide(struct wallet_txn *txn,
                                              const uint8_t id[WALLET_IMPORT_ID_LEN],
                                              enum wallet_import_state to, int64_t now);

/** Read an import. errors  LW_E_NOT_FOUND */
LW_MUST_USE lw_err wallet_store_import_get(const struct wallet_txn *txn,
                                           const uint8_t id[WALLET_IMPORT_ID_LEN],
                                           struct wallet_import_record *record);

/** Find an import by its number. errors  LW_E_NOT_FOUND */
LW_MUST_USE lw_err wallet_store_import_find(const struct wallet_txn *txn, uint64_t number,
                                            struct wallet_import_record *record);

/** List imports in the order they were begun. */
LW_MUST_USE lw_err wallet_store_import_page(const struct wallet_txn *txn, struct wallet_page *page,
                                            struct wallet_import_record *records, size_t *count);

/** As wallet_store_import_page(), the import that was begun last first. */
LW_MUST_USE lw_err wallet_store_import_newest(const struct wallet_txn *txn,
                                              struct wallet_page *page,
                                              struct wallet_import_record *records, size_t *count);

/* Licenses of an import that were written together. */
struct wallet_import_batch {
    uint64_t batch; /* 0, 1, ... */
    uint64_t issued;
    int64_t at;        /* Unix seconds */
    uint8_t first[16]; /* least and greatest id of its licenses */
    uint8_t last[16];
};

/**
 * Note a batch in the transaction that stores its licenses.
 *
 * errors  LW_E_CONFLICT  noted before, or another is to come first: nothing of this transaction may
 *         be kept; LW_E_NOT_FOUND; LW_E_VALUE  nothing issued, or the import is not running
 */
LW_MUST_USE lw_err wallet_store_import_batch_put(struct wallet_txn *txn,
                                                 const uint8_t id[WALLET_IMPORT_ID_LEN],
                                                 const struct wallet_import_batch *batch);

/** List the batches of an import in the order they were written. */
LW_MUST_USE lw_err wallet_store_import_batch_page(const struct wallet_txn *txn,
                                                  const uint8_t id[WALLET_IMPORT_ID_LEN],
                                                  struct wallet_page *page,
                                                  struct wallet_import_batch *batches,
                                                  size_t *count);

/**
 * Count a license as one of an import that ended, though another command issued it: so that it is
 * found among that import's licenses.
 *
 * errors  LW_E_NOT_FOUND  no such import
 */
LW_MUST_USE lw_err wallet_store_import_adopt(struct wallet_txn *txn, uint64_t number,
                                             const uint8_t license[16]);

/** List the ids of an import's licenses, oldest first; `record` says which and between which ids.
 */
LW_MUST_USE lw_err wallet_store_import_licenses(const struct wallet_txn *txn,
                                                const struct wallet_import_record *record,
                                                struct wallet_page *page, uint8_t (*ids)[16],
                                                size_t *count);

/** End an import: all it had to do is done. errors  LW_E_NOT_FOUND; LW_E_CONFLICT  not running */
LW_MUST_USE lw_err wallet_store_import_end(struct wallet_txn *txn,
                                           const uint8_t id[WALLET_IMPORT_ID_LEN], int64_t now);

/* Who voids an import, and why. */
struct wallet_import_void {
    lw_str actor;
    lw_str reason; /* for people; 1 to 256 characters, no personal data */
    int64_t now;
};

/**
 * Begin to void an import, whether it ended or not, or go on: then who and why stay as they were.
 *
 * errors  LW_E_NOT_FOUND; LW_E_CONFLICT  it is voided, or was never carried out; LW_E_VALUE  a text
 */
LW_MUST_USE lw_err wallet_store_import_void(struct wallet_txn *txn, uint64_t number,
                                            const struct wallet_import_void *by,
                                            struct wallet_import_record *record);

/** Note that all of an import is voided. errors  LW_E_NOT_FOUND; LW_E_CONFLICT  not voiding */
LW_MUST_USE lw_err wallet_store_import_void_end(struct wallet_txn *txn, uint64_t number,
                                                int64_t now);

#endif
