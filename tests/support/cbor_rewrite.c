#include "cbor_rewrite.h"

#include <stdlib.h>

void support_cbor_rewrite(struct wallet_cbor *r, lw_buf *out)
{
    size_t count = 0;
    lw_err err = LW_SUCCESS;
    switch (wallet_cbor_peek(r)) {
    case WALLET_CBOR_UINT:
        err = wallet_cbor_put_uint(out, wallet_cbor_uint(r));
        break;
    case WALLET_CBOR_NINT:
        err = wallet_cbor_put_int(out, wallet_cbor_int(r));
        break;
    case WALLET_CBOR_BYTES:
        err = wallet_cbor_put_bytes(out, wallet_cbor_bytes(r));
        break;
    case WALLET_CBOR_TEXT:
        err = wallet_cbor_put_text(out, wallet_cbor_text(r));
        break;
    case WALLET_CBOR_ARRAY:
        count = wallet_cbor_array(r);
        err = wallet_cbor_put_array(out, count);
        break;
    case WALLET_CBOR_MAP:
        count = wallet_cbor_map(r);
        err = wallet_cbor_put_map(out, count);
        count *= 2;
        break;
    case WALLET_CBOR_TAG:
        err = wallet_cbor_put_tag(out, wallet_cbor_tag(r));
        count = 1;
        break;
    case WALLET_CBOR_BOOL:
        err = wallet_cbor_put_bool(out, wallet_cbor_bool(r));
        break;
    case WALLET_CBOR_NULL:
        wallet_cbor_null(r);
        err = wallet_cbor_put_null(out);
        break;
    case WALLET_CBOR_SIMPLE:
        err = wallet_cbor_put_simple(out, wallet_cbor_simple(r));
        break;
    case WALLET_CBOR_FLOAT:
        err = wallet_cbor_put_raw(out, wallet_cbor_item(r));
        break;
    case WALLET_CBOR_END:
        abort();
    }
    if (err.code != LW_OK) {
        abort();
    }
    for (size_t i = 0; i < count; i++) {
        support_cbor_rewrite(r, out);
    }
}
