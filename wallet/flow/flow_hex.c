#include "flow_hex.h"

enum { HEX_MAX = 2 * 4096 };

void flow_member_hex(struct wallet_json_writer *w, const char *name, lw_bytes bytes)
{
    LW_AUTO_BUF hex = LW_BUF(HEX_MAX);
    const lw_err err = lw_buf_put_hex(&hex, bytes);
    if (err.code != LW_OK) {
        wallet_json_put_fail(w, err);
    }
    wallet_json_member_text(w, name, lw_buf_text(&hex));
}

static unsigned digit(char c)
{
    return c >= '0' && c <= '9'   ? (unsigned)(c - '0')
           : c >= 'a' && c <= 'f' ? (unsigned)(c - 'a') + 10
                                  : 16;
}

lw_err flow_read_hex(const struct wallet_json_at *at, const char *name, uint8_t *out, size_t len)
{
    const struct wallet_json_at member = wallet_json_at_member(at, name);
    const lw_str text = wallet_json_at_text(&member, 2 * len, 2 * len);
    const lw_err bad = LW_FAIL(LW_E_VALUE, "json: no bytes in hexadecimal", LW_NOWHERE);
    if (text.len != 2 * len) {
        return bad;
    }
    for (size_t i = 0; i < len; i++) {
        const unsigned high = digit(text.ptr[2 * i]);
        const unsigned low = digit(text.ptr[2 * i + 1]);
        if (high > 15 || low > 15) {
            return bad;
        }
        out[i] = (uint8_t)(high << 4 | low);
    }
    return LW_SUCCESS;
}
