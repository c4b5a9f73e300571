/* A challenge that can be read is written again to the same text. */
#include "wallet/lq1.h"

#include <stdlib.h>

enum { SPACE = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const lw_str text = {.ptr = (const char *)data, .len = size};
    struct wallet_challenge challenge;
    LW_AUTO_BUF arena = LW_BUF(SPACE);
    LW_AUTO_BUF again = LW_BUF(SPACE);
    if (wallet_lc1_read(text, &arena, &challenge).code != LW_OK) {
        return 0;
    }
    if (wallet_lc1_put(&challenge, &again).code != LW_OK || !lw_str_eq(lw_buf_text(&again), text)) {
        abort();
    }
    return 0;
}
