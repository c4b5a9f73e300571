#include "mutate.h"

#include <stdlib.h>

enum { EDIT_BYTES = 4, KINDS = 4, GROWTH_MAX = 1 << 14 };

static void put(lw_buf *out, lw_bytes bytes)
{
    if (lw_buf_put(out, bytes).code != LW_OK) {
        abort();
    }
}

static void edit(lw_buf *b, size_t at, uint8_t kind, uint8_t value)
{
    LW_AUTO_BUF rest = LW_BUF(b->max);
    put(&rest, (lw_bytes){b->ptr + at, b->len - at});
    const size_t skip = (kind == 0 || kind == 2) && rest.len > 0 ? 1 : 0;
    lw_buf_truncate(b, at);
    if (kind < 2) {
        put(b, (lw_bytes){&value, 1});
    }
    put(b, (lw_bytes){rest.ptr + skip, rest.len - skip});
    if (kind == 3 && b->len + rest.len <= GROWTH_MAX) {
        put(b, lw_buf_view(&rest));
    }
}

void support_mutate(lw_bytes valid, lw_bytes script, lw_buf *out)
{
    put(out, valid);
    for (size_t i = 0; script.len - i >= EDIT_BYTES && out->len > 0; i += EDIT_BYTES) {
        const uint8_t *p = script.ptr + i;
        const size_t at = (size_t)(p[0] << 8 | p[1]) % out->len;
        edit(out, at, p[2] % KINDS, p[3]);
    }
}
