/* A share that is read is written as the same text, white space at its end apart. */
#include <stdlib.h>

#include "wallet/flow_recovery.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const lw_bytes given = {.ptr = data, .len = size};
    struct wallet_share share;
    LW_AUTO_BUF text = LW_BUF(2 * WALLET_SHARE_TEXT_MAX);
    if (wallet_share_read(lw_bytes_str(given), &share).code != LW_OK) {
        return 0;
    }
    if (wallet_share_write(&share, &text).code != LW_OK || text.len - 1 > size ||
        memcmp(text.ptr, data, text.len - 1) != 0) {
        abort();
    }
    return 0;
}
