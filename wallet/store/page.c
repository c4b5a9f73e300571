#include "wallet/store_page.h"

#include <string.h>

#include "wallet/base64.h"

lw_err wallet_page_put(const struct wallet_page *page, lw_buf *text)
{
    return wallet_base64url_encode((lw_bytes){.ptr = page->at, .len = page->len}, text);
}

lw_err wallet_page_read(lw_str text, struct wallet_page *page)
{
    LW_AUTO_BUF bytes = LW_BUF(WALLET_PAGE_MAX);
    const lw_err err = wallet_base64url_decode(text, &bytes);
    if (err.code == LW_E_LIMIT) {
        return LW_FAIL(LW_E_VALUE, "page: longer than any place in a list", LW_NOWHERE);
    }
    LW_TRY(err);
    *page = (struct wallet_page){.len = bytes.len};
    if (bytes.len > 0) {
        memcpy(page->at, bytes.ptr, bytes.len);
    }
    return LW_SUCCESS;
}
