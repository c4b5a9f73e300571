/* A register from CSV: validated first, journalled, resumed after a crash, no license twice. */
#ifndef WALLET_FLOW_IMPORT_H
#define WALLET_FLOW_IMPORT_H

#include "wallet/csv.h"
#include "wallet/flow_operator.h"
#include "wallet/home.h"
#include "wallet/import_map.h"
#include "wallet/license.h"

/* What becomes of licenses that the register does not list any more. */
enum wallet_import_gone {
    WALLET_GONE_ASK, /* the watch is asked; without one that answers they are kept */
    WALLET_GONE_KEEP,
    WALLET_GONE_REVOKE,
};

struct wallet_import_order {
    lw_bytes csv;                /* the whole file; not UTF-16 (wallet_csv_from_utf16()) */
    struct wallet_csv_form form; /* what it is said to be; zeros: as the map says */
    lw_bytes map;                /* MAP.json */
    const struct wallet_import_photos *photos; /* for image claims; NULL: none */
    lw_str type;
    lw_str issuer;        /* empty: the type's only issuer */
    lw_str register_name; /* which register of this type and issuer; empty: its only one */
    bool part;            /* a part of the register: nothing is gone by it */
    enum wallet_import_gone gone;
    size_t gone_max;     /* with WALLET_GONE_REVOKE: revoke up to so many though they are many */
    bool keep_states;    /* states that differ are noted, not set */
    int64_t shift_days;  /* added to every date: the demo's; 0 otherwise */
    bool shift_auto;     /* choose shift_days so that most of the newest terms hold today */
    bool dry_run;        /* report only; a home opened to read sealed records will do */
    uint32_t batch_rows; /* rows a transaction; 0: 1,024 */
    lw_str actor;
    const struct wallet_operator_by *by; /* who asks, for types that need two people; or NULL */
};

/* The column that a file of bad rows has before all others: why each was left out. A file with it
 * is a part of its register. */
#define WALLET_IMPORT_REASON_COLUMN "lw:reason"

/* One thing wrong with a row, the file or the map, or noted about a row. Lives for the call. */
struct wallet_import_issue {
    size_t line;     /* of the file, from 1; 0: the map is at fault, or the file as a whole */
    size_t other;    /* another line that it is about; 0: none */
    lw_str column;   /* header name, or the license's field; of the map a JSON pointer; or empty */
    const char *why; /* of notes static */
    bool fatal;      /* the row is left out; false: kept, and noted */
    lw_bytes raw;    /* the row's bytes in the file; empty when no row is meant */
};

/* A license in force that the register does not list any more. Lives for the call. */
struct wallet_import_missing {
    lw_str number;
    lw_str version;
    enum wallet_state state;
    int64_t valid_until; /* Unix seconds, exclusive; INT64_MAX: without end */
};

/* A field of a license that would be issued or change: some of them are shown to who approves. */
struct wallet_import_sample {
    lw_str number;
    lw_str version;   /* that would be issued */
    const char *what; /* "new", "changed" or "state"; static */
    lw_str field;     /* "valid_from", "holder", or a claim's path joined with dots */
    lw_str before;    /* JSON; empty: it was not there */
    lw_str after;     /* JSON; empty: it would be there no more */
};

struct wallet_import_progress {
    size_t done;  /* licenses issued by this run */
    size_t total; /* to be issued by this run */
    int64_t elapsed_ms;
};

struct wallet_import_result;

struct wallet_import_watch {
    void (*issue)(void *ctx, const struct wallet_import_issue *issue);
    void (*progress)(void *ctx, const struct wallet_import_progress *progress); /* may be NULL */
    bool (*stop)(void *ctx); /* asked between batches; true ends cleanly, to be resumed; or NULL */
    void (*missing)(void *ctx, const struct wallet_import_missing *missing); /* may be NULL */
    /* Shall those missing be revoked? Asked once, after `missing`; may be NULL. */
    bool (*revoke)(void *ctx, const struct wallet_import_result *found);
    /* Of a type that needs two people: a sample of what would be done; may be NULL. */
    void (*sample)(void *ctx, const struct wallet_import_sample *sample);
    /* Shall what was shown be signed? Asked by wallet_flow_approve() only. */
    bool (*approve)(void *ctx, const struct wallet_import_result *found);
    void *ctx;
};

struct wallet_import_result {
    size_t rows; /* data rows of the file */
    size_t good;
    size_t bad;
    size_t unread;   /* of the bad rows: those whose number cannot be read */
    size_t fresh;    /* of the good rows: to be issued, not in the store before */
    size_t renewed;  /* of the fresh ones: terms that take the place of one in force */
    size_t changed;  /* in the store with other content: to be issued as the next version */
    size_t already;  /* the same in the store, or left as the store has them: nothing is signed */
    size_t kept;     /* of these: the register says otherwise, and it is not done; noted */
    size_t states;   /* of these: the register has another state now, which is set */
    size_t gone;     /* licenses in force that the register does not list any more */
    size_t lapsed;   /* licenses past their end that it does not list; nothing is asked of them */
    size_t in_force; /* licenses in force that its imports brought, those gone among them */
    bool gone_many;  /* of these more are gone than a register in use loses; see below */
    bool gone_too_many;  /* they were not revoked, as the order does not say that so many may be */
    size_t revoked_gone; /* of those gone: revoked by this run, or to be revoked in a dry one */
    bool revoke_refused; /* they were not revoked, as bad rows without a number may be theirs */
    size_t issued;       /* by this run */
    size_t active;  /* by state, of the good rows in the store as they stand now, or, in a dry */
    size_t expired; /* run, as they would */
    size_t suspended;
    size_t superseded;
    size_t revoked;
    size_t cancelled;
    int64_t shift_days; /* what was added to every date */
    uint64_t number;    /* of the batch in the journal; 0: none, as there was nothing to do */
    bool part;          /* the file is a part of its register, by the order or by its column */
    lw_bytes header;    /* the header's bytes in the file, for a copy of only the bad rows */
    struct wallet_csv_form form; /* what the file was found to be */
    bool resumed;                /* an earlier run of the same file was found */
    bool stopped;                /* the watch asked to stop */
    bool waiting;                /* `number` waits for the approval of a second operator */
    int64_t expires;             /* until then; Unix seconds */
};

/**
 * Import a register: every row is checked first and compared with the store. What is new or has
 * changed is signed in batches by completion and stored with its wallet entries and audit leaves;
 * for what is the same nothing is signed or written.
 *
 * A row is known by its number and the register's key of the term (without keys: number and start).
 * It has changed when validity, issue date, holder or claims differ; the next version then takes
 * the place of the one in the store. Rows of one number are one chain: the last term is current,
 * those before it are superseded unless the register has them revoked or cancelled. A state that
 * the register has changed is set, but what officers suspended stays so, and a final state never
 * goes back: that is noted. Of two rows of one term neither is taken, unless they are the same.
 *
 * Licenses in force that earlier imports of this register brought and that this file does not list
 * are told to the watch and revoked only if the order or the watch says so. When more than a tenth
 * of those in force are gone (and more than five), or no row of the file is good, it is likelier
 * that the file is cut short or another register's: then an order revokes only up to its gone_max.
 * The same call goes on after a crash, a stop or an error.
 *
 * Of a type that needs two people nothing is signed or set aside: file and map are sealed into the
 * store with what `order->by` signed, and wait (result->waiting) for wallet_flow_approve(). The
 * same call again replaces what waits when the differences are not the same any more.
 *
 * home    opened with WALLET_HOME_SIGN unless in a dry run
 * result  set as far as it is known, also on error
 * errors  LW_E_VALUE, LW_E_SYNTAX, LW_E_LIMIT  the map or the file does not fit: `watch->issue`
 *         said why, nothing was issued; LW_E_NOT_FOUND  unknown type or agency;
 *         LW_E_DENIED  the agency may not issue the type, or two people are needed and
 *         `order->by` is missing, no operator or not entitled; or dates are to be moved in a home
 * that is not one for development; LW_E_BUSY  another import runs in this home; LW_E_CONFLICT  a
 * license changed meanwhile, or a batch of this register is half voided, or it waits already, or it
 * is approved and wallet_flow_approve() goes on; LW_E_TOKEN, LW_E_TIMEOUT, LW_E_NOSPACE: what was
 * done stays, the same call goes on later
 */
LW_MUST_USE lw_err wallet_flow_import(struct wallet_home *home,
                                      const struct wallet_import_order *order,
                                      const struct wallet_import_watch *watch,
                                      struct wallet_import_result *result);

#endif
