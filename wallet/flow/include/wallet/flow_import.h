/* A register from CSV: validated first, journalled, resumed after a crash, no license twice. */
#ifndef WALLET_FLOW_IMPORT_H
#define WALLET_FLOW_IMPORT_H

#include "wallet/csv.h"
#include "wallet/home.h"

struct wallet_import_order {
    lw_bytes csv;                /* the whole file; not UTF-16 (wallet_csv_from_utf16()) */
    struct wallet_csv_form form; /* what it is said to be; zeros: as the map says */
    lw_bytes map;                /* MAP.json */
    lw_str type;
    lw_str issuer;       /* empty: the type's only issuer */
    int64_t shift_days;  /* added to every date: the demo's; 0 otherwise */
    bool shift_auto;     /* choose shift_days so that most of the newest terms hold today */
    bool dry_run;        /* report only; a home opened to read will do */
    uint32_t batch_rows; /* rows a transaction; 0: 1,024 */
    lw_str actor;
};

/* One thing wrong with a row, the file or the map, or noted about a row. Lives for the call. */
struct wallet_import_issue {
    size_t line;     /* of the file, from 1; 0: the map is at fault, or the file as a whole */
    lw_str column;   /* header name, or the license's field; of the map a JSON pointer; or empty */
    const char *why; /* of notes static */
    bool fatal;      /* the row is left out; false: kept, and noted */
    lw_bytes raw;    /* the row's bytes in the file; empty when no row is meant */
};

struct wallet_import_progress {
    size_t done;  /* licenses issued by this run */
    size_t total; /* to be issued by this run */
    int64_t elapsed_ms;
};

struct wallet_import_watch {
    void (*issue)(void *ctx, const struct wallet_import_issue *issue);
    void (*progress)(void *ctx, const struct wallet_import_progress *progress); /* may be NULL */
    bool (*stop)(void *ctx); /* asked between batches; true ends cleanly, to be resumed; or NULL */
    void *ctx;
};

struct wallet_import_result {
    size_t rows; /* data rows of the file */
    size_t good;
    size_t bad;
    size_t issued;  /* by this run */
    size_t already; /* were in the store before this run */
    size_t active;  /* by state, of the good rows in the store as they stand now, or, in a dry */
    size_t expired; /* run, as they would */
    size_t suspended;
    size_t superseded;
    size_t revoked;
    size_t cancelled;
    int64_t shift_days; /* what was added to every date */
    lw_bytes header;    /* the header's bytes in the file, for a copy of only the bad rows */
    bool resumed;       /* an earlier run of the same file was found */
    bool stopped;       /* the watch asked to stop */
};

/**
 * Import a register: every row is checked first, then the good ones are signed in batches by
 * completion and stored with their wallet entries and audit leaves.
 *
 * Rows of one number are one chain: the last term is current, those before it are superseded
 * unless the register has them revoked or cancelled. A row whose number and version are in the
 * store (without versions: number and start) was imported already, and nothing is signed for it;
 * where the register meanwhile has it revoked or cancelled that is noted, never done by itself.
 * The same call goes on after a crash, a stop or an error.
 *
 * home    opened with WALLET_HOME_SIGN unless in a dry run
 * result  set as far as it is known, also on error
 * errors  LW_E_VALUE, LW_E_SYNTAX, LW_E_LIMIT  the map or the file does not fit: `watch->issue`
 *         said why, nothing was issued; LW_E_NOT_FOUND  unknown type or agency;
 *         LW_E_DENIED  the agency may not issue the type, or dates are to be moved in a home that
 *         is not one for development; LW_E_BUSY  another import runs in this home;
 *         LW_E_CONFLICT  a license changed meanwhile; LW_E_TOKEN, LW_E_TIMEOUT, LW_E_NOSPACE:
 *         what was done stays, the same call goes on later
 */
LW_MUST_USE lw_err wallet_flow_import(struct wallet_home *home,
                                      const struct wallet_import_order *order,
                                      const struct wallet_import_watch *watch,
                                      struct wallet_import_result *result);

#endif
