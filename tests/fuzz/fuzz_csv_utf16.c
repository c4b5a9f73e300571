/* What comes out of UTF-16 is UTF-8 that reads as a file, or nothing was put. */
#include <stdlib.h>

#include "wallet/csv.h"

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const lw_bytes in = {.ptr = data, .len = size};
    LW_AUTO_BUF out = LW_BUF(2 * size + 8);
    struct wallet_csv *csv = NULL;
    struct wallet_csv_fault fault;
    size_t line = 0;
    if (!wallet_csv_is_utf16(in)) {
        return 0;
    }
    const lw_err err = wallet_csv_from_utf16(in, &out, &line);
    must((err.code == LW_OK) == (line == 0) && (err.code == LW_OK || out.len == 0));
    if (err.code == LW_OK) {
        const struct wallet_csv_form form = {.encoding = WALLET_CSV_AUTO};
        must(lw_str_starts(lw_buf_text(&out), LW_STR("\xef\xbb\xbf")));
        const lw_err opened = wallet_csv_open_as(&csv, lw_buf_view(&out), &form, &fault);
        must(opened.code == LW_OK || strstr(opened.why, "not UTF-8") == NULL);
        wallet_csv_free(csv);
    }
    return 0;
}
