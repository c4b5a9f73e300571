/* A stored license that is read is written as it was, whatever bytes the store holds. */
#include <stdlib.h>

#include "license_row.h"

/* The input lacks the sum at its end, which no chance would find. */
static void with_sum(const uint8_t id[WALLET_UUID_LEN], lw_bytes in, lw_buf *value)
{
    uint8_t sum[WALLET_ROW_SUM_LEN];
    if (lw_buf_put(value, in).code != LW_OK ||
        wallet_row_sum(wallet_row_id(id), in, sum).code != LW_OK ||
        wallet_cbor_put_bytes(value, LW_BYTES(sum)).code != LW_OK) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t id[WALLET_UUID_LEN] = {0};
    struct wallet_stored_license row = {.state = 0};
    LW_AUTO_BUF value = LW_BUF(WALLET_LICENSE_ROW_MAX);
    LW_AUTO_BUF again = LW_BUF(WALLET_LICENSE_ROW_MAX);

    if (size > WALLET_LICENSE_ROW_MAX / 2) {
        return 0;
    }
    with_sum(id, (lw_bytes){.ptr = data, .len = size}, &value);
    if (wallet_license_row_parse(id, lw_buf_view(&value), &row).code != LW_OK ||
        row.audit_index == UINT64_MAX) { /* two spellings, of which null is the one written */
        return 0;
    }
    if (wallet_license_row_encode(&row, &again).code != LW_OK ||
        !lw_bytes_eq(lw_buf_view(&again), lw_buf_view(&value))) {
        abort();
    }
    return 0;
}
