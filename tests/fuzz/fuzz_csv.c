/* Rows come in order, their bytes follow one another, and their cells written anew read alike. */
#include "wallet/csv.h"

#include <stdlib.h>

enum { FUZZ_MAX = 1 << 20 };

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static lw_err put_cell(lw_buf *out, lw_str cell)
{
    LW_TRY(lw_buf_put_byte(out, '"'));
    for (size_t i = 0; i < cell.len; i++) {
        if (cell.ptr[i] == '"') {
            LW_TRY(lw_buf_put_byte(out, '"'));
        }
        LW_TRY(lw_buf_put_byte(out, (uint8_t)cell.ptr[i]));
    }
    return lw_buf_put_byte(out, '"');
}

/* Reads the row again as the only one under a header of as many columns. */
static void reads_alike(const struct wallet_csv_row *row)
{
    LW_AUTO_BUF text = LW_BUF(FUZZ_MAX);
    struct wallet_csv *again = NULL;
    struct wallet_csv_row back;
    size_t line = 0;
    for (size_t i = 0; i < row->count; i++) {
        must(lw_buf_put_int(&text, (int64_t)i).code == LW_OK);
        must(lw_buf_put_byte(&text, i + 1 < row->count ? ',' : '\n').code == LW_OK);
    }
    for (size_t i = 0; i < row->count; i++) {
        must(put_cell(&text, row->cells[i]).code == LW_OK);
        must(lw_buf_put_byte(&text, i + 1 < row->count ? ',' : '\n').code == LW_OK);
    }
    must(wallet_csv_open(&again, lw_buf_view(&text), WALLET_CSV_UTF8, &line).code == LW_OK);
    must(wallet_csv_next(again, &back).code == LW_OK && back.count == row->count);
    for (size_t i = 0; i < row->count; i++) {
        must(lw_str_eq(back.cells[i], row->cells[i]));
    }
    wallet_csv_free(again);
}

static void read_all(lw_bytes in, enum wallet_csv_encoding encoding)
{
    struct wallet_csv *csv = NULL;
    size_t line = 0;
    if (wallet_csv_open(&csv, in, encoding, &line).code != LW_OK) {
        return;
    }
    struct wallet_csv_row row;
    const uint8_t *last = wallet_csv_header_raw(csv).ptr;
    size_t last_line = 0;
    for (;;) {
        const lw_err err = wallet_csv_next(csv, &row);
        if (err.code == LW_E_NOT_FOUND || err.code == LW_E_NOMEM) {
            break;
        }
        must(row.raw.ptr >= last && row.raw.len > 0 && row.line > last_line);
        must(row.raw.ptr + row.raw.len <= in.ptr + in.len);
        last = row.raw.ptr + row.raw.len;
        last_line = row.line;
        if (err.code == LW_OK) {
            must(row.count == wallet_csv_columns(csv));
            reads_alike(&row);
        }
    }
    wallet_csv_free(csv);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const lw_bytes in = {.ptr = data, .len = size};
    read_all(in, WALLET_CSV_AUTO);
    read_all(in, WALLET_CSV_GB18030);
    return 0;
}
