/* Text that decodes must encode back to itself, in either alphabet: one spelling each. */
#include "wallet/base64.h"

#include <stdlib.h>

enum { FUZZ_MAX = 1 << 16 };

typedef lw_err coder(lw_bytes in, lw_buf *out);
typedef lw_err decoder(lw_str in, lw_buf *out);

static void check(lw_bytes given, coder *encode, decoder *decode)
{
    LW_AUTO_BUF bytes = LW_BUF(FUZZ_MAX);
    LW_AUTO_BUF text = LW_BUF(2 * FUZZ_MAX);
    if (decode(lw_bytes_str(given), &bytes).code == LW_OK &&
        (encode(lw_buf_view(&bytes), &text).code != LW_OK ||
         !lw_bytes_eq(lw_buf_view(&text), given))) {
        abort();
    }
    lw_buf_truncate(&bytes, 0);
    lw_buf_truncate(&text, 0);
    if (encode(given, &text).code != LW_OK || decode(lw_buf_text(&text), &bytes).code != LW_OK ||
        !lw_bytes_eq(lw_buf_view(&bytes), given)) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const lw_bytes given = {.ptr = data, .len = size < FUZZ_MAX ? size : FUZZ_MAX};
    check(given, wallet_base64url_encode, wallet_base64url_decode);
    check(given, wallet_base64_encode, wallet_base64_decode);
    return 0;
}
