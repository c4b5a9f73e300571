/* A register from CSV: validated first, journalled, resumed after a crash, no license twice. */
#ifndef WALLET_FLOW_IMPORT_H
#define WALLET_FLOW_IMPORT_H

#include "wallet/home.h"

struct wallet_import_order {
    lw_bytes csv; /* the whole file */
    lw_bytes map; /* MAP.json */
    lw_str type;
    lw_str issuer;      /* empty: the type's only issuer */
    int64_t shift_days; /* added to every date: the demo's; 0 otherwise */
    bool shift_auto;    /* choose shift_days so that most of the newest terms hold today */
    bool dry_run;       /* report only */
    lw_str actor;
};

/* One thing wrong with a row, or noted about it. */
struct wallet_import_issue {
    size_t line;     /* of the file, from 1 */
    lw_str column;   /* header name; empty when the row as a whole is meant */
    const char *why; /* static */
    bool fatal;      /* the row is left out; false: kept, and noted */
};

struct wallet_import_progress {
    size_t done;
    size_t total;
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
    size_t already; /* were there from an earlier run of the same file */
    size_t active;  /* by state, of the good rows as they stand now */
    size_t expired;
    size_t superseded;
    size_t revoked;
    size_t cancelled;
    int64_t shift_days; /* what was added to every date */
    bool resumed;
    bool stopped; /* the watch asked to stop */
};

/**
 * Import a register: every row is checked first, then the good ones are signed in batches by
 * completion and stored with their wallet entries and audit leaves.
 *
 * errors  LW_E_VALUE  the map or the header does not fit: `watch->issue` said why, nothing was
 *         issued; LW_E_NOT_FOUND  unknown type; LW_E_TOKEN, LW_E_NOSPACE: what was done stays,
 *         the same call goes on later
 */
LW_MUST_USE lw_err wallet_flow_import(struct wallet_home *home,
                                      const struct wallet_import_order *order,
                                      const struct wallet_import_watch *watch,
                                      struct wallet_import_result *result);

#endif
