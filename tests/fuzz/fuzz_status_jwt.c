/*
 * Status lists as JWT: as they come; and, so that more than the signature is reached, a header or
 * a payload that the right key signed.
 */
#include "wallet/status_check.h"

#include "fuzz_status.h"
#include "signed.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0 || size > FUZZ_STATUS_MAX / 4) {
        return 0;
    }
    const struct fuzz_status *f = fuzz_status();
    const struct hsm_signer *signer = &f->place.authority.status.signer;
    const lw_bytes rest = {.ptr = data + 1, .len = size - 1};
    LW_AUTO_BUF token = LW_BUF(FUZZ_STATUS_MAX);
    switch (data[0] % 3) {
    case 0:
        fuzz_must(lw_buf_put(&token, rest));
        break;
    case 1:
        support_jws(lw_buf_text(&f->header), lw_bytes_str(rest), signer, &token);
        break;
    default:
        support_jws(lw_bytes_str(rest), lw_str_c(status_jwt_payload), signer, &token);
        break;
    }
    fuzz_status_read(lw_buf_view(&token));
    return 0;
}
