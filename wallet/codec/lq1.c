#include "wallet/lq1.h"

#include <zlib.h>

#include "wallet/base45.h"

enum { FIRST_TAG_18 = 0xd2, FIRST_ZLIB = 0x78, SCANNED_MAX = 2 * WALLET_LQ1_TEXT_MAX / 3 };

static const lw_str prefix = {.ptr = "LQ1:", .len = 4};

lw_err wallet_lq1_put(lw_bytes payload, lw_buf *text)
{
    const size_t before = text->len;
    if (payload.len == 0 || payload.ptr[0] != FIRST_TAG_18) {
        return LW_FAIL(LW_E_MISUSE, "lq1: payload is no key-binding token", LW_NOWHERE);
    }
    LW_TRY(lw_buf_put_str(text, prefix));
    lw_err err = wallet_base45_encode(payload, text);
    if (err.code == LW_OK && text->len - before > WALLET_LQ1_TEXT_MAX) {
        err = LW_FAIL(LW_E_LIMIT, "lq1: too long for one code", LW_NOWHERE);
    }
    if (err.code != LW_OK) {
        lw_buf_truncate(text, before);
    }
    return err;
}

static void end_inflate(z_stream *stream)
{
    (void)inflateEnd(stream);
}

/* Inflates one whole zlib stream with a cap, so that a small code cannot fill memory. */
static lw_err inflate_all(lw_bytes in, lw_buf *out)
{
    uint8_t *room = NULL;
    LW_TRY(lw_buf_reserve(out, WALLET_LQ1_PAYLOAD_MAX, &room));
    room[0] = 0; /* nothing may be inflated */
    __attribute__((cleanup(end_inflate))) z_stream stream = {.next_in = Z_NULL};
    if (inflateInit(&stream) != Z_OK) {
        return LW_FAIL(LW_E_NOMEM, "lq1: cannot start inflating", LW_NOWHERE);
    }
    /* zlib reads the input only, but its type lacks the const. */
    stream.next_in = (Bytef *)(uintptr_t)in.ptr;
    stream.avail_in = (uInt)in.len;
    stream.next_out = room;
    stream.avail_out = WALLET_LQ1_PAYLOAD_MAX;
    const int result = inflate(&stream, Z_FINISH);
    if (result == Z_MEM_ERROR) {
        return LW_FAIL(LW_E_NOMEM, "lq1: out of memory", LW_NOWHERE);
    }
    if (result != Z_STREAM_END && stream.avail_out == 0) {
        return LW_FAIL(LW_E_LIMIT, "lq1: inflates beyond the limit", LW_NOWHERE);
    }
    if (result != Z_STREAM_END) {
        return LW_FAIL(LW_E_SYNTAX, "lq1: zlib stream is broken or cut off", LW_NOWHERE);
    }
    if (stream.avail_in > 0) {
        return LW_FAIL(LW_E_SYNTAX, "lq1: bytes after the zlib stream", in.len - stream.avail_in);
    }
    if (room[0] != FIRST_TAG_18) {
        return LW_FAIL(LW_E_SYNTAX, "lq1: not a key-binding token", 0);
    }
    lw_buf_commit(out, stream.total_out);
    return LW_SUCCESS;
}

lw_err wallet_lq1_read(lw_str text, lw_buf *payload)
{
    if (!lw_str_starts(text, prefix)) {
        return LW_FAIL(LW_E_SYNTAX, "lq1: text does not start with LQ1:", 0);
    }
    if (text.len > WALLET_LQ1_TEXT_MAX) {
        return LW_FAIL(LW_E_LIMIT, "lq1: text too long", WALLET_LQ1_TEXT_MAX);
    }
    LW_AUTO_BUF bytes = LW_BUF(SCANNED_MAX);
    lw_err err = wallet_base45_decode(lw_str_from(text, prefix.len), &bytes);
    if (err.code != LW_OK) {
        err.at = err.at == LW_NOWHERE ? err.at : err.at + prefix.len;
        return err;
    }
    const uint8_t first = bytes.len == 0 ? 0 : bytes.ptr[0];
    if (first == FIRST_ZLIB) {
        return inflate_all(lw_buf_view(&bytes), payload);
    }
    if (first != FIRST_TAG_18) {
        return LW_FAIL(LW_E_SYNTAX, "lq1: first byte is neither D2 nor 78", 0);
    }
    return lw_buf_put(payload, lw_buf_view(&bytes));
}
