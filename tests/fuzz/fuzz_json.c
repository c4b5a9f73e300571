/*
 * Text that the reader takes, read by the cursor and written again, must be text that the reader
 * takes and that is written again as itself; what the reader refuses, the cursor refuses too.
 */
#include "wallet/json.h"

#include <stdlib.h>

#include "wallet/json_write.h"

enum { FUZZ_MAX = 1 << 16, OUT_MAX = 8 * FUZZ_MAX };

static void copy_text(struct wallet_json_text text, struct wallet_json_writer *w, bool name)
{
    LW_AUTO_BUF plain = LW_BUF(FUZZ_MAX);
    if (wallet_json_unescape(text, &plain).code != LW_OK) {
        abort();
    }
    if (name) {
        wallet_json_put_name_str(w, lw_buf_text(&plain));
    } else {
        wallet_json_put_text(w, lw_buf_text(&plain));
    }
}

static void copy_value(struct wallet_json *r, struct wallet_json_writer *w)
{
    struct wallet_json_text name;
    switch (wallet_json_peek(r)) {
    case WALLET_JSON_OBJECT:
        wallet_json_object(r);
        wallet_json_put_object(w);
        while (wallet_json_member(r, &name)) {
            copy_text(name, w, true);
            copy_value(r, w);
        }
        wallet_json_put_end(w);
        return;
    case WALLET_JSON_ARRAY:
        wallet_json_array(r);
        wallet_json_put_array(w);
        while (wallet_json_element(r)) {
            copy_value(r, w);
        }
        wallet_json_put_end(w);
        return;
    case WALLET_JSON_STRING: {
        const struct wallet_json_text text = wallet_json_string(r);
        if (wallet_json_ok(r)) {
            copy_text(text, w, false);
        }
        return;
    }
    case WALLET_JSON_TRUE:
    case WALLET_JSON_FALSE:
        wallet_json_put_bool(w, wallet_json_bool(r));
        return;
    case WALLET_JSON_NULL:
        wallet_json_null(r);
        wallet_json_put_null(w);
        return;
    case WALLET_JSON_NUMBER:
    case WALLET_JSON_NONE:
        wallet_json_put_raw(w, wallet_json_value(r));
        return;
    }
}

static lw_err copy(lw_str in, lw_buf *out)
{
    struct wallet_json r;
    struct wallet_json_writer w = wallet_json_writer(out);
    wallet_json_start(&r, in);
    copy_value(&r, &w);
    const lw_err err = wallet_json_finish(&r);
    if (err.code == LW_OK && wallet_json_written(&w).code != LW_OK) {
        abort();
    }
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    LW_AUTO_BUF once = LW_BUF(OUT_MAX);
    LW_AUTO_BUF twice = LW_BUF(OUT_MAX);
    const lw_str in = {.ptr = (const char *)data, .len = size < FUZZ_MAX ? size : FUZZ_MAX};
    const lw_err checked = wallet_json_check(in);
    const lw_err copied = copy(in, &once);
    if (checked.code != copied.code || checked.at != copied.at ||
        (checked.code != LW_OK && checked.at > in.len)) {
        abort();
    }
    if (checked.code == LW_OK && (copy(lw_buf_text(&once), &twice).code != LW_OK ||
                                  !lw_bytes_eq(lw_buf_view(&once), lw_buf_view(&twice)))) {
        abort();
    }
    return 0;
}
