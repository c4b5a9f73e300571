/* Imports for tests: small registers made up on the spot, and what the flow said of them. */
#ifndef SUPPORT_IMPORTING_H
#define SUPPORT_IMPORTING_H

#include "home.h"
#include "wallet/flow_import.h"
#include "wallet/store_journal.h"
#include "wallet/store_license.h"

enum { SUPPORT_ISSUES_MAX = 64, SUPPORT_REGISTER_MAX = 4 * 1024 * 1024 };
enum { SUPPORT_MISSING_MAX = 16 };

#define SUPPORT_IMPORT_HEADER "NO,TERM,ACC,NAME,FROM,TO,ISSUED,STATE,ADDR,CAT\n"

/* JSON: a map of that header to a business license, with and without keys of the terms. */
extern const char support_import_map[];
extern const char support_import_map_without_terms[];

struct support_issue {
    size_t line;
    size_t other;
    char column[64];
    char why[256];
    bool fatal;
};

struct support_import {
    struct wallet_import_order order; /* what differs from the usual; csv, map, type are set */
    size_t stop_at;                   /* the watch asks to stop at this question; 0: never */
    void (*progress)(void *ctx, const struct wallet_import_progress *progress); /* or NULL */
    void *ctx;
    bool says_revoke; /* what is answered when the watch is asked */
    /* out */
    struct wallet_import_result result;
    struct support_issue issues[SUPPORT_ISSUES_MAX]; /* the first */
    size_t issue_count;
    size_t asked;    /* how often the watch was asked to stop */
    size_t reported; /* progress */
    char missing[SUPPORT_MISSING_MAX][2 * WALLET_NUMBER_MAX + 2]; /* "NUMBER VERSION", the first */
    size_t missing_count;
    size_t asked_to_revoke; /* how many, when it was asked */
};

/** Import `csv` with `map` as business licenses. */
lw_err support_import(struct wallet_home *home, lw_bytes csv, const char *map,
                      struct support_import *import);

/**
 * Import `rows` as the register `name`: one of its own, so that tests do not miss each other's
 * licenses. Fails the test when the import does.
 *
 * map     NULL: support_import_map
 * import  what differs from the usual, and what the watch was told; NULL: nothing
 */
struct wallet_import_result support_give(struct support_home *home, const char *name,
                                         const char *rows, const char *map,
                                         struct support_import *import);

/** Read batch `number`, which exists. */
struct wallet_import_record support_batch(struct support_home *home, uint64_t number);

/** Load a version of a business license, which exists; free it with wallet_license_free(). */
void support_load_version(struct support_home *home, const char *number, const char *version,
                          struct wallet_stored_license *stored);

/** Fail the test unless that version is in `state`. */
void support_version_is(struct support_home *home, const char *number, const char *version,
                        enum wallet_state state);

/** Append a row of the header; dates as YYYY-MM-DD. */
void support_import_row(lw_buf *csv, const char *number, const char *term, const char *from,
                        const char *until, const char *state);

/**
 * Append `numbers` licenses with 1 to 3 terms each, numbers "PREFIX-1" and so on; some cancelled.
 *
 * returns the rows
 */
size_t support_import_rows(lw_buf *csv, const char *prefix, size_t numbers);

/* What the store has of one type. */
struct support_held {
    uint64_t licenses;
    uint64_t by_state[WALLET_SUPERSEDED + 1];
    uint64_t intents;
    uint64_t issued; /* events in the log that say so */
};

/**
 * Read it all: every chain holds together (one current, the others final, links to and fro), every
 * record verifies and says what is stored, store and log are whole. Aborts when not.
 *
 * ended  no import is under way: every successor is there, and something stands for each number
 */
void support_held(struct wallet_home *home, bool ended, struct support_held *held);

#endif
