/*
 * Spreadsheets as offices save them: RFC 4180 rows, parted by commas, semicolons or tabs, from
 * UTF-8 (with or without a byte order mark) or GB18030, with the line each row begins on and its
 * columns by header name. What the file is, is recognised where it is certain, and asked else. A
 * bad row is reported and reading goes on. Works over a slice; nothing but memory can fail
 * besides it.
 */
#ifndef WALLET_CSV_H
#define WALLET_CSV_H

#include "lw/buf.h"

enum {
    WALLET_CSV_COLUMNS_MAX = 256,
    WALLET_CSV_CELL_MAX = 64 * 1024, /* bytes of UTF-8 */
    WALLET_CSV_ROW_MAX = 256 * 1024, /* bytes as they stand in the file, and of UTF-8 */
    WALLET_CSV_SHOWN_MAX = 64,       /* of a column's name in a fault, with its NUL */
};

enum wallet_csv_encoding {
    WALLET_CSV_AUTO, /* UTF-8 or GB18030 where that is certain, else refused */
    WALLET_CSV_UTF8,
    WALLET_CSV_GB18030, /* and what it grew from: GBK, GB 2312 */
};

enum wallet_csv_delimiter {
    WALLET_CSV_ANY, /* what parts the header, where that is certain; a line "sep=;" says it */
    WALLET_CSV_COMMA,
    WALLET_CSV_SEMICOLON,
    WALLET_CSV_TAB,
};

/* What a file is said to be; all zeros: to be recognised. */
struct wallet_csv_form {
    enum wallet_csv_encoding encoding;
    enum wallet_csv_delimiter delimiter;
};

/* Where a file is at fault. */
struct wallet_csv_fault {
    size_t line;                       /* from 1; 0: none, or the file as a whole */
    size_t cell;                       /* of its row, from 1; 0: not known */
    char column[WALLET_CSV_SHOWN_MAX]; /* the cell's header name, cut short; or empty */
};

/** Read "auto", "utf-8" or "gb18030". errors  LW_E_UNSUPPORTED  another name */
LW_MUST_USE lw_err wallet_csv_encoding_parse(lw_str name, enum wallet_csv_encoding *encoding);

/** Read "auto", "comma", "semicolon" or "tab". errors  LW_E_UNSUPPORTED  another name */
LW_MUST_USE lw_err wallet_csv_delimiter_parse(lw_str name, enum wallet_csv_delimiter *delimiter);

/** Return the names that the two above read; static. */
const char *wallet_csv_encoding_name(enum wallet_csv_encoding encoding);
const char *wallet_csv_delimiter_name(enum wallet_csv_delimiter delimiter);

/** Say whether a file begins with the mark of UTF-16, as what Excel saves as "Unicode text". */
bool wallet_csv_is_utf16(lw_bytes in);

/**
 * Append `in`, which has that mark, as UTF-8 with its own mark: a file for wallet_csv_open().
 *
 * line    set to the line at fault when there is one, else 0
 * errors  LW_E_SYNTAX  half a character, at its place; as lw_buf_put()
 */
LW_MUST_USE lw_err wallet_csv_from_utf16(lw_bytes in, lw_buf *out, size_t *line);

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
 * csv     set to the reader, which borrows `in`; wallet_csv_free() it; NULL on error
 * in      the whole file
 * form    what it is said to be; what it was found to be is told by wallet_csv_encoding_of() and
 *         wallet_csv_delimiter_of()
 * fault   set to the place at fault as far as there is one
 * errors  LW_E_SYNTAX  a NUL, UTF-16, a workbook, text of no offered encoding, or one that is not
 *         certain, no header, or a header with broken quotes: err.at is the byte in its line, from
 *         0; LW_E_VALUE  two columns of one name, or delimiters that are not certain; LW_E_LIMIT;
 *         LW_E_NOMEM
 */
LW_MUST_USE lw_err wallet_csv_open_as(struct wallet_csv **csv, lw_bytes in,
                                      const struct wallet_csv_form *form,
                                      struct wallet_csv_fault *fault);

/** As wallet_csv_open_as() with any delimiter; `line` is set to the fault's line, or 0. */
LW_MUST_USE lw_err wallet_csv_open(struct wallet_csv **csv, lw_bytes in,
                                   enum wallet_csv_encoding encoding, size_t *line);

void wallet_csv_free(struct wallet_csv *csv);

/** Return the encoding in use: UTF8 or GB18030. */
enum wallet_csv_encoding wallet_csv_encoding_of(const struct wallet_csv *csv);

/** Return the delimiter in use: COMMA, SEMICOLON or TAB. */
enum wallet_csv_delimiter wallet_csv_delimiter_of(const struct wallet_csv *csv);

/** Return the number of columns of the header. */
size_t wallet_csv_columns(const struct wallet_csv *csv);

/**
 * Return the name of column `i`, trimmed, with one space for each run of spaces and line breaks in
 * it; it lives as long as the reader.
 */
lw_str wallet_csv_column_name(const struct wallet_csv *csv, size_t i);

/** Find a column by its name; SIZE_MAX when there is none. */
size_t wallet_csv_column(const struct wallet_csv *csv, lw_str name);

/**
 * Return the file's bytes up to the first row: byte order mark and header, for a copy of only the
 * bad rows that reads as the file does.
 */
lw_bytes wallet_csv_header_raw(const struct wallet_csv *csv);

/**
 * Read the next row; rows without any text but spaces are passed over. Empty cells beyond the
 * header are left away, and missing ones that have no name in it are empty.
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
