/* A DER signature that we read is written again as the same bytes: it has one spelling. */
#include "hsm/verify.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const enum hsm_alg algs[] = {HSM_ES256, HSM_ES384};
    const lw_bytes der = {.ptr = data, .len = size};
    for (size_t i = 0; i < sizeof(algs) / sizeof(algs[0]); i++) {
        uint8_t sig[HSM_SIG_MAX];
        size_t len = 0;
        if (hsm_sig_from_der(algs[i], der, sig, &len).code != LW_OK) {
            continue;
        }
        LW_AUTO_BUF again = LW_BUF(256);
        if (hsm_sig_to_der((lw_bytes){.ptr = sig, .len = len}, &again).code != LW_OK ||
            !lw_bytes_eq(lw_buf_view(&again), der)) {
            abort();
        }
    }
    return 0;
}
