/*
 * Status lists as CWT: as they come; and, so that more than the signature is reached, a payload
 * that the right key signed, and whatever stands for the compressed array of a valid list.
 */
#include "wallet/status_check.h"

#include <stdlib.h>

#include "fuzz_status.h"
#include "signed.h"
#include "wallet/cbor.h"

static void read_signed(lw_bytes payload)
{
    const struct fuzz_status *f = fuzz_status();
    LW_AUTO_BUF token = LW_BUF(FUZZ_STATUS_MAX);
    const lw_bytes protected = lw_buf_view(&f->protected);
    const lw_bytes empty = {.ptr = (const uint8_t *)"\xa0", .len = 1};
    fuzz_must(lw_buf_put_byte(&token, 0xd2));
    support_cose(protected, empty, payload, &f->place.authority.status.signer, &token);
    fuzz_status_read(lw_buf_view(&token));
}

static void read_list(lw_bytes lst)
{
    LW_AUTO_BUF claims = LW_BUF(FUZZ_STATUS_MAX);
    fuzz_must(wallet_cbor_put_map(&claims, 3));
    fuzz_must(wallet_cbor_put_int(&claims, 2));
    fuzz_must(wallet_cbor_put_text(&claims, LW_STR(STATUS_URI)));
    fuzz_must(wallet_cbor_put_int(&claims, 6));
    fuzz_must(wallet_cbor_put_int(&claims, STATUS_NOW));
    fuzz_must(wallet_cbor_put_int(&claims, 65533));
    fuzz_must(wallet_cbor_put_map(&claims, 2));
    fuzz_must(wallet_cbor_put_text(&claims, LW_STR("lst")));
    fuzz_must(wallet_cbor_put_bytes(&claims, lst));
    fuzz_must(wallet_cbor_put_text(&claims, LW_STR("bits")));
    fuzz_must(wallet_cbor_put_uint(&claims, 2));
    read_signed(lw_buf_view(&claims));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > FUZZ_STATUS_MAX / 4) {
        return 0;
    }
    const lw_bytes rest = {.ptr = data + 1, .len = size - 1};
    switch (data[0] % 3) {
    case 0:
        fuzz_status_read(rest);
        break;
    case 1:
        read_signed(rest);
        break;
    default:
        read_list(rest);
        break;
    }
    return 0;
}
