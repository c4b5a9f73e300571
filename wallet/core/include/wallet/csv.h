/*
 * Spreadsheets as offices save them: RFC 4180 rows from UTF-8 (with or without a byte order
 * mark) or GB18030, with the line each row begins on and its columns by header name. A bad row
 * is reported and reading goes on. Works over a slice; nothing but memory can fail besides it.
 */
#ifndef WALLET_CSV_H
#define WALLET_CSV_H

#include "lw/buf.h"

enum {
    WALLET_CSV_COLUMNS_MAX = 256,
    WALLET_CSV_CELL_MAX = 64 * 1024, /* bytes of UTF-8 */
    WALLET_CSV_ROW_MAX = 256 * 1024, /* bytes as they stand in the file, and of UTF-8 */
};

enum wallet_csv_encoding {
    WALLET_CSV_AUTO, /* UTF-8 where all of the text is, else GB18030 */
    WALLET_CSV_UTF8,
    WALLET_CSV_GB18030,
};

/** Read "auto", "utf-8" or "gb18030". errors  LW_E_UNSUPPORTED  another name */
LW_MUST_USE lw_err wallet_csv_encoding_parse(lw_str name, enum wallet_csv_encoding *encoding);

struct wallet_csv;

/* One row. Cells and the array live until the next call on the reader; `raw` as the input. */
struct wallet_csv_row {
    size_t line;         /* the row's first line in the file, from 1 */
    const lw_str *cells; /* UTF-8, unquoted, as they stand: spaces are kept */
    size_t count;        /* cells; of a good row, as many as the header has */
    lw_bytes raw;        /* its bytes in the file, line end included where there is one */
};

/**
 * Check the encoding of all of `in` and read its header.
 *
 * csv       set to the reader, which borrows `in`; wallet_csv_free() it; NULL on error
 * in        the whole file
 * encoding  AUTO picks; the choice is told by wallet_csv_encoding_of()
 * line      set to the line at fault when there is one, else 0
 * errors    LW_E_SYNTAX  a NUL, UTF-16, text of no offered encoding, no header, or a header
 *           with broken quotes: err.at is the byte in its line, from 0; LW_E_VALUE  two columns
 *           of one name; LW_E_LIMIT; LW_E_NOMEM
 */
LW_MUST_USE lw_err wallet_csv_open(struct wallet_csv **csv, lw_bytes in,
                                   enum wallet_csv_encoding encoding, size_t *line);

void wallet_csv_free(struct wallet_csv *csv);

/** Return the encoding in use: UTF8 or GB18030. */
enum wallet_csv_encoding wallet_csv_encoding_of(const struct wallet_csv *csv);

/** Return the number of columns of the header. */
size_t wallet_csv_columns(const struct wallet_csv *csv);

/** Return the name of column `i`, trimmed; it lives as long as the reader. */
lw_str wallet_csv_column_name(const struct wallet_csv *csv, size_t i);

/** Find a column by its name; SIZE_MAX when there is none. */
size_t wallet_csv_column(const struct wallet_csv *csv, lw_str name);

/** Return the header's bytes in the file, for a copy of only the bad rows. */
lw_bytes wallet_csv_header_raw(const struct wallet_csv *csv);

/**
 * Read the next row; rows without any text are passed over.
 *
 * row     `line` and `raw` are set for bad rows too, cells for those of a wrong count
 * errors  LW_E_NOT_FOUND  no more rows; LW_E_SYNTAX  broken quotes; LW_E_VALUE  too few or too
 *         many cells; LW_E_LIMIT  a cell or the row is too long. After these three the next
 *         call goes on with the next row. LW_E_NOMEM ends the reading.
 */
LW_MUST_USE lw_err wallet_csv_next(struct wallet_csv *csv, struct wallet_csv_row *row);

/**
 * Go to a row that was read before: wallet_csv_next() gives it again, then those after it.
 *
 * row  `raw` and `line` as they were given; the rest is not looked at
 */
void wallet_csv_seek(struct wallet_csv *csv, const struct wallet_csv_row *row);

/** Go back to the row after the header. */
void wallet_csv_rewind(struct wallet_csv *csv);

#define WALLET_AUTO_CSV __attribute__((cleanup(wallet_csv_free_at))) struct wallet_csv
static inline void wallet_csv_free_at(struct wallet_csv **csv)
{
    wallet_csv_free(*csv);
}

#endif
