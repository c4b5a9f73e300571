/* What the check passes can be read whole and is written again to the same bytes. */
#include "wallet/cbor.h"

#include <stdlib.h>

#include "cbor_rewrite.h"

/* Reads as the input says and looks for a cursor outside the input. */
static void read_at_random(lw_bytes in)
{
    struct wallet_cbor r = wallet_cbor_reader(in);
    for (size_t i = 0; i < in.len; i++) {
        switch (in.ptr[i] % 12) {
        case 0:
            (void)wallet_cbor_uint(&r);
            break;
        case 1:
            (void)wallet_cbor_int(&r);
            break;
        case 2:
            (void)wallet_cbor_bytes(&r);
            break;
        case 3:
            (void)wallet_cbor_text(&r);
            break;
        case 4:
            (void)wallet_cbor_array(&r);
            break;
        case 5:
            (void)wallet_cbor_map(&r);
            break;
        case 6:
            (void)wallet_cbor_tag(&r);
            break;
        case 7:
            (void)wallet_cbor_bool(&r);
            break;
        case 8:
            wallet_cbor_null(&r);
            break;
        case 9:
            (void)wallet_cbor_simple(&r);
            break;
        case 10:
            (void)wallet_cbor_float(&r);
            break;
        default:
            (void)wallet_cbor_item(&r);
            break;
        }
        if (r.at < r.start || r.at > r.end) {
            abort();
        }
    }
}

/* Integers below INT64_MIN cannot be written by our writers: such input is only checked. */
static bool has_deep_negative(lw_bytes in)
{
    for (size_t i = 0; in.len - i >= 2 && i < in.len; i++) {
        if (in.ptr[i] == 0x3b && in.ptr[i + 1] >= 0x80) {
            return true;
        }
    }
    return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const lw_bytes in = {.ptr = data, .len = size};
    LW_AUTO_BUF out = LW_BUF(1 << 20);
    read_at_random(in);
    (void)wallet_cbor_map_get_int(in, 1);
    (void)wallet_cbor_map_get_text(in, LW_STR("a"));
    const lw_err err = wallet_cbor_check(in);
    if (err.code != LW_OK) {
        if (err.at > size) {
            abort();
        }
        return 0;
    }
    if (has_deep_negative(in)) {
        return 0;
    }
    struct wallet_cbor r = wallet_cbor_reader(in);
    support_cbor_rewrite(&r, &out);
    if (wallet_cbor_finish(&r).code != LW_OK || !lw_bytes_eq(lw_buf_view(&out), in)) {
        abort();
    }
    return 0;
}
