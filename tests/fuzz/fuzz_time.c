/* Times, dates and numbers that are read, written and read again are the same. */
#include "lw/clock.h"

#include <stdlib.h>

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const lw_str in = {.ptr = (const char *)data, .len = size};
    int64_t first = 0;
    int64_t again = 0;
    LW_AUTO_BUF out = LW_BUF(64);
    if (lw_time_parse(in, &first).code == LW_OK && lw_time_put(&out, first).code == LW_OK) {
        must(lw_time_parse(lw_buf_text(&out), &again).code == LW_OK && again == first);
    }
    lw_buf_truncate(&out, 0);
    if (lw_date_parse(in, &first).code == LW_OK) {
        must(lw_date_put(&out, first).code == LW_OK && lw_str_eq(lw_buf_text(&out), in));
    }
    lw_buf_truncate(&out, 0);
    if (lw_str_int(in, &first).code == LW_OK) {
        must(lw_buf_put_int(&out, first).code == LW_OK);
        must(lw_str_int(lw_buf_text(&out), &again).code == LW_OK && again == first);
    }
    lw_str format = {0};
    lw_str text = {0};
    if (lw_str_split(in, '|', &format, &text) &&
        lw_date_parse_as(format, text, &first).code == LW_OK) {
        lw_buf_truncate(&out, 0);
        must(lw_date_put(&out, first).code == LW_OK);
    }
    return 0;
}
