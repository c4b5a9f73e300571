/*
 * How a register's rows become licenses: MAP.json of SHAPES "Catalogue documents", checked and
 * bound once to a license type and to the columns of a file, then one pure conversion a row
 * that allocates nothing for most kinds of claims.
 *
 * In a map a text names a column, or is a template when it holds braces:
 * "{ACCOUNT NUMBER}-{SITE NUMBER}"; an object {"constant": ...} is the same for every row, and
 * {"photo": ...} names the photo that fills an image claim.
 */
#ifndef WALLET_IMPORT_MAP_H
#define WALLET_IMPORT_MAP_H

#include "wallet/csv.h"
#include "wallet/license.h"
#include "wallet/person.h"

enum {
    WALLET_MAP_PARTS_MAX = 16,  /* of one template */
    WALLET_MAP_STATES_MAX = 32, /* register values of the state column */
    WALLET_ROW_ERRORS_MAX = 16,
    WALLET_VERSION_MAX = 64, /* bytes of a register's key of a term */
};

struct wallet_import_map;  /* read and checked by itself; owns its text */
struct wallet_import_plan; /* bound to a type and a header; borrows all three */

/**
 * Read and check a map.
 *
 * json    UTF-8, at most 256 KiB; copied
 * errors  filled in up to `*error_count`, which is then set to how many there are in it
 * returns LW_E_SYNTAX  no JSON object or duplicate members; LW_E_VALUE  `errors` says what
 */
LW_MUST_USE lw_err wallet_import_map_read(lw_bytes json, struct wallet_import_map **map,
                                          struct wallet_doc_error *errors, size_t *error_count);
void wallet_import_map_free(struct wallet_import_map *map);

/** Return what the map says the file is, to open it with. */
struct wallet_csv_form wallet_import_map_form(const struct wallet_import_map *map);

/* Where photos come from: one by the name that a row gives. */
struct wallet_import_photos {
    /* Errors: NOT_FOUND: none of that name; else `why` follows the column's name in a sentence. */
    lw_err (*read)(void *ctx, lw_str name, size_t max, lw_bytes *bytes);
    void *ctx;
};

/* What a map is bound to; all but `shift_days` must outlive the plan. */
struct wallet_import_binding {
    const struct wallet_license_type *type;
    const struct wallet_csv *csv;
    const struct wallet_import_photos *photos; /* NULL: none, so the map may not ask for them */
    int64_t shift_days; /* added to every date of a row, claims included (the demo's; else 0) */
};

/**
 * Bind a map to a type and a file: every column must be there, every claim known, every required
 * claim given, every constant of its claim's kind.
 *
 * With photos, an image claim that the map does not name is filled by the license's number.
 *
 * plan    borrows `map`, which must outlive it, and what `binding` names
 * errors  as wallet_import_map_read(): pointers lead into the map
 * returns LW_E_VALUE  `errors` says what; LW_E_LIMIT  more than 366,000 days; LW_E_NOMEM
 */
LW_MUST_USE lw_err wallet_import_plan_new(struct wallet_import_plan **plan,
                                          const struct wallet_import_map *map,
                                          const struct wallet_import_binding *binding,
                                          struct wallet_doc_error *errors, size_t *error_count);
void wallet_import_plan_free(struct wallet_import_plan *plan);

/* What was mended or is odd about a good row. */
enum wallet_row_note {
    WALLET_ROW_START_FROM_ISSUE = 1 << 0, /* empty start date: the issue date stands in */
    WALLET_ROW_ISSUED_AFTER_END = 1 << 1, /* kept as the register has it */
    WALLET_ROW_ISSUE_FROM_START = 1 << 2, /* no issue date: the start date stands in */
    WALLET_ROW_FULLWIDTH = 1 << 3,        /* fullwidth letters or digits read as plain ones */
    WALLET_ROW_NO_PHOTO = 1 << 4,         /* no photo of the license, and none is required */
};

/* One thing wrong with a row. */
struct wallet_row_error {
    lw_str column;   /* header name; empty when no single column is at fault */
    const char *why; /* static, or the plan's own: until the next conversion */
};

/*
 * A converted row. Slices borrow from the CSV row or from the plan's own buffer: they live until
 * the next conversion with the plan or the next call on the reader. Copy what must last.
 */
struct wallet_import_row {
    size_t line;
    lw_str number;
    lw_str version;                /* empty when the map has none */
    struct wallet_person_code who; /* the holder's code, checked */
    struct wallet_holder holder;   /* code slices borrow from `who` of this struct */
    int64_t valid_from;            /* UTC midnight */
    int64_t valid_until;           /* UTC midnight after the last day; INT64_MAX: without end */
    int64_t issued_at;             /* UTC midnight */
    enum wallet_state state;       /* as the register says; never superseded */
    struct wallet_claim claims[WALLET_CLAIMS_MAX]; /* in the type's order; salts are not set */
    size_t claim_count;
    unsigned notes; /* enum wallet_row_note */
    struct wallet_row_error errors[WALLET_ROW_ERRORS_MAX];
    size_t error_count; /* 0: the row is good */
};

/**
 * Convert one row that wallet_csv_next() found good.
 *
 * What spreadsheets do to cells (ends of long numbers, leading zeros, dates as numbers, errors of
 * formulas) is recognised and told with what to do; nothing is guessed.
 *
 * Rules: cells are trimmed; an empty cell gives no claim; an empty start date is replaced by the
 * issue date if that lies before the end; an issue date after the end is kept and noted; the end
 * date is the last day, so the license ends at the midnight after it.
 *
 * returns LW_E_VALUE  the row is bad and `row->errors` says why, in full
 * does not check  numbers and versions against other rows
 */
LW_MUST_USE lw_err wallet_import_row(struct wallet_import_plan *plan,
                                     const struct wallet_csv_row *cells,
                                     struct wallet_import_row *row);

/** Return the English text of one note, for reports; static. */
const char *wallet_row_note_text(enum wallet_row_note note);

/* A term of a license, to be put in order; `row` is the caller's own. */
struct wallet_import_term {
    lw_str number;
    lw_str version;
    int64_t valid_from;
    size_t row;
};

/**
 * Order terms by number, then start, then version (as numbers where both are), then row: the
 * terms of one number stand together and the last of them is the current one.
 */
void wallet_import_terms_sort(struct wallet_import_term *terms, size_t count);

/** Say whether sorted term `i` is the last of its number: the current one. */
bool wallet_import_term_current(const struct wallet_import_term *terms, size_t count, size_t i);

/** Compare two keys of terms: as numbers where both are digits only, else bytewise. */
int wallet_version_cmp(lw_str a, lw_str b);

#endif
