/* What a file of rows is, before its rows are read: kind, encoding, delimiter, places. */
#ifndef CODEC_CSV_INTERNAL_H
#define CODEC_CSV_INTERNAL_H

#include "wallet/csv.h"

enum { CSV_CONVERTED_MAX = 16 * 1024 };

struct csv_gb18030; /* GB18030 to UTF-8 */

/* What is known of the bytes before a row is read. */
struct csv_text {
    enum wallet_csv_encoding encoding; /* UTF8 or GB18030 */
    size_t begin;                      /* after the byte order mark */
    size_t bad;                        /* of the first byte that is wrong, on error */
    struct csv_gb18030 *gb18030;       /* csv_gb18030_free() it; NULL where it is not needed */
};

/**
 * Settle what `in` is, and check the encoding of all of it.
 *
 * wanted  AUTO picks where it is certain
 * text    set as far as it is known, on error too
 * errors  LW_E_SYNTAX  no text, not of the encoding, or one that is not certain; LW_E_NOMEM;
 *         LW_E_IO  the C library has no GB18030
 */
LW_MUST_USE lw_err csv_text_check(struct csv_text *text, lw_bytes in,
                                  enum wallet_csv_encoding wanted);

void csv_gb18030_free(struct csv_gb18030 *cd);

/** Convert from `*in` until its end, a full `out` of CSV_CONVERTED_MAX, or false: bad bytes. */
bool csv_convert_some(struct csv_gb18030 *cd, lw_bytes *in, char *out, size_t *out_len);

/** Return the length of the physical line at the start of `in`: "\n", "\r\n" or "\r" ends it. */
size_t csv_line_len(lw_bytes in);

/** Return the line that holds byte `offset` of `in`, from 1, and the byte in that line. */
size_t csv_line_of(lw_bytes in, size_t offset, size_t *byte);

/** Return how many cells of its row end before byte `offset` of `in`, which begins a row. */
size_t csv_cells_before(lw_bytes in, size_t offset, char delimiter);

/**
 * Settle what parts the cells by the header and the rows that follow it.
 *
 * in         from the header on
 * delimiter  ANY picks; set to what it is
 * errors     LW_E_VALUE  two could
 */
LW_MUST_USE lw_err csv_delimiter_find(lw_bytes in, enum wallet_csv_delimiter *delimiter);

/** Return the character: ',', ';' or '\t'. */
char csv_delimiter_char(enum wallet_csv_delimiter delimiter);

/** Return the length of Excel's line "sep=;" at the start of `in`, setting `delimiter`, or 0. */
size_t csv_sep_line(lw_bytes in, enum wallet_csv_delimiter *delimiter);

#endif
