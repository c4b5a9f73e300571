/*
 * A copy of only some rows of a file of rows, with a column of its own before the others, so that
 * what the rest of a row looks like, broken or not, stays as it stands in the file.
 */
#ifndef WALLET_CSV_WRITE_H
#define WALLET_CSV_WRITE_H

#include "wallet/csv.h"

/**
 * Append a first cell and the delimiter after it, in quotation marks where it needs them.
 *
 * text    UTF-8, brought into the form's encoding
 * form    as found by the reader: UTF8 or GB18030, and a delimiter
 * errors  LW_E_VALUE  text is no UTF-8; LW_E_IO  the C library has no GB18030; as lw_buf_put()
 */
LW_MUST_USE lw_err wallet_csv_put_first(lw_buf *out, lw_str text,
                                        const struct wallet_csv_form *form);

/** Return the length of the first cell of `row` with the delimiter after it; of a row that ends
 * before one, all of it. Takes quotation marks into account. */
size_t wallet_csv_first_len(lw_bytes row, const struct wallet_csv_form *form);

/** Return where the names begin in what wallet_csv_header_raw() gave: after a byte order mark and
 * Excel's line "sep=;". */
size_t wallet_csv_names_at(lw_bytes header);

#endif
