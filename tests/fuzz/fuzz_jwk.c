/* A key that is read must be written and read again as the same key. */
#include "wallet/jwk.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct hsm_public_key key;
    struct hsm_public_key again;
    LW_AUTO_BUF text = LW_BUF(1024);
    const lw_str in = {.ptr = (const char *)data, .len = size};
    if (wallet_jwk_parse(in, &key).code != LW_OK) {
        return 0;
    }
    if (wallet_jwk_write(&key, &text).code != LW_OK ||
        wallet_jwk_parse(lw_buf_text(&text), &again).code != LW_OK ||
        !hsm_public_key_eq(&key, &again)) {
        abort();
    }
    return 0;
}
