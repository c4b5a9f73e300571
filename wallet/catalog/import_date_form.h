/* How registers write dates: the forms a map can name, and what else a cell may be. Pure. */
#ifndef CATALOG_IMPORT_DATE_FORM_H
#define CATALOG_IMPORT_DATE_FORM_H

#include "lw/buf.h"

enum import_date_kind {
    IMPORT_DATE_PATTERN,    /* as lw_date_parse_as() reads */
    IMPORT_DATE_YEAR_FIRST, /* "year-first": 2024-01-05, 2024/1/5, 2024.1.5, 20240105, 2024年1月5日
                             */
    IMPORT_DATE_EXCEL,      /* "excel-serial": 45296 */
    IMPORT_DATE_EXCEL_1904, /* "excel-serial-1904": of a workbook in the 1904 system */
};

struct import_date_form {
    enum import_date_kind kind;
    lw_str pattern;
};

/* What a cell looks like, whatever form the map says. */
enum import_date_shape {
    IMPORT_SHAPE_NONE,
    IMPORT_SHAPE_YEAR_FIRST,
    IMPORT_SHAPE_DAY_FIRST,   /* 25/12/2024: nothing else can be meant */
    IMPORT_SHAPE_MONTH_FIRST, /* 12/25/2024 */
    IMPORT_SHAPE_AMBIGUOUS,   /* 01/05/2024 */
    IMPORT_SHAPE_SHORT_YEAR,  /* 24/1/5 */
    IMPORT_SHAPE_TIMED,       /* a date with a time of day that is not midnight */
    IMPORT_SHAPE_MONTH_NAME,  /* 5-Jan-24 */
    IMPORT_SHAPE_NO_DAY,      /* 2024-01 */
    IMPORT_SHAPE_SERIAL,      /* a day number of a spreadsheet, 1927 to 2099 */
    IMPORT_SHAPE_ZERO,        /* 0, 1900-01-00, 0:00: an empty cell */
};

/** Read a form's name or pattern; false: it is none. `form` borrows `text`. */
bool import_date_form_parse(lw_str text, struct import_date_form *form);

/**
 * Read a date, trimmed; a time of midnight after a year-first date is passed over.
 *
 * errors  LW_E_SYNTAX  not of the form; LW_E_VALUE  no such day
 */
LW_MUST_USE lw_err import_date_read(const struct import_date_form *form, lw_str text,
                                    int64_t *days);

/** Say what a trimmed cell looks like. */
enum import_date_shape import_date_shape(lw_str text);

#endif
