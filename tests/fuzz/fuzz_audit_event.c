/* An event that parses is written back as the same bytes: its hash is in the log. */
#include "wallet/audit.h"

#include <stdlib.h>

enum { FUZZ_MAX = 1 << 16 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wallet_audit_event event;
    LW_AUTO_BUF out = LW_BUF(FUZZ_MAX);
    const lw_bytes in = {.ptr = data, .len = size};

    if (wallet_audit_event_parse(in, &event).code != LW_OK) {
        return 0;
    }
    if (wallet_audit_event_encode(&event, &out).code != LW_OK ||
        !lw_bytes_eq(lw_buf_view(&out), in)) {
        abort();
    }
    return 0;
}
