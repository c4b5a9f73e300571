/* An item that holds for its kind has a JSON form, and that form gives the same item again. */
#include "wallet/value.h"

#include <stdlib.h>

enum { FUZZ_MAX = 1 << 20 };

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void round_trip(enum wallet_claim_kind kind, lw_bytes item)
{
    LW_AUTO_BUF json = LW_BUF(FUZZ_MAX);
    LW_AUTO_BUF back = LW_BUF(FUZZ_MAX);
    must(wallet_value_to_json(item, &json).code == LW_OK);
    const lw_err err = wallet_value_from_json(kind, lw_buf_view(&json), &back);
    /* JSON's texts hold no NUL and its objects 64 members here; nothing else may get lost. */
    must(err.code == LW_OK ? lw_bytes_eq(lw_buf_view(&back), item)
                           : err.code == LW_E_SYNTAX || err.code == LW_E_LIMIT);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const lw_bytes in = {.ptr = data, .len = size};
    for (int k = WALLET_KIND_TEXT; k <= WALLET_KIND_OBJECTS; k++) {
        const enum wallet_claim_kind kind = (enum wallet_claim_kind)k;
        LW_AUTO_BUF made = LW_BUF(FUZZ_MAX);
        if (wallet_value_check(kind, in).code == LW_OK) {
            round_trip(kind, in);
        }
        if (wallet_value_from_json(kind, in, &made).code == LW_OK) {
            must(wallet_value_check(kind, lw_buf_view(&made)).code == LW_OK);
            lw_buf_truncate(&made, 0);
        }
        if (wallet_value_from_text(kind, lw_bytes_str(in), &made).code == LW_OK) {
            must(wallet_value_check(kind, lw_buf_view(&made)).code == LW_OK);
        }
    }
    LW_AUTO_BUF json = LW_BUF(FUZZ_MAX);
    (void)wallet_value_to_json(in, &json).code;
    return 0;
}
