/* One row on its way from cells to a license: what the parts of the conversion share. */
#ifndef CATALOG_IMPORT_CONVERT_H
#define CATALOG_IMPORT_CONVERT_H

#include "import_plan.h"

/* Days of the years 0001 to 9999. */
static const int64_t import_first_day = -719162;
static const int64_t import_last_day = 2932896;

struct conversion {
    struct wallet_import_plan *plan;
    const struct wallet_csv_row *cells;
    struct wallet_import_row *row;
    size_t faults;   /* all of them; the row keeps the first few */
    size_t value_at; /* where in the arena the value of the claim at hand begins */
};

/* What an expression came to. */
struct import_text {
    lw_str value;  /* trimmed; empty when all its columns are */
    bool has_gaps; /* one of its columns is empty */
};

struct import_date {
    bool present;
    int64_t days;
};

/** Put an error at the expression's first column; the same twice is told once. */
void import_fault(struct conversion *c, const struct import_expr *expr, const char *why);

/**
 * Return the text of an expression; what a spreadsheet damaged in it is told. A template's text is
 * put into the plan's arena, where it stays until the next row.
 */
struct import_text import_text_of(struct conversion *c, const struct import_expr *expr);

/** Return what identifies: every column of it there, in plain letters and digits; else empty. */
lw_str import_key_of(struct conversion *c, const struct import_expr *expr, size_t max);

/** Return `text` with fullwidth letters, digits and the signs of numbers as plain ones; noted. */
lw_str import_plain(struct conversion *c, const struct import_expr *expr, lw_str text);

/** Say whether `s` holds a control character. */
bool import_has_control(lw_str s);

/** Read a date and shift it; one outside the years 0001 to 9999 is an error. */
struct import_date import_date_of(struct conversion *c, const struct import_expr *expr);

#endif
