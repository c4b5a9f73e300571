/* "Unicode text" as Excel saves it: UTF-16 with its mark. */
#include "csv_internal.h"

enum {
    SURROGATE_FIRST = 0xd800,
    SURROGATE_LOW = 0xdc00,
    SURROGATE_LAST = 0xdfff,
    BEYOND_BMP = 0x10000,
};

/* The mark, or what it was made of, is kept as UTF-8's, so that the text says what it is. */
bool wallet_csv_is_utf16(lw_bytes in)
{
    return in.len >= 2 &&
           ((in.ptr[0] == 0xff && in.ptr[1] == 0xfe) || (in.ptr[0] == 0xfe && in.ptr[1] == 0xff));
}

static uint32_t unit_at(lw_bytes in, size_t at)
{
    const bool little = in.ptr[0] == 0xff;
    return (uint32_t)in.ptr[little ? at + 1 : at] << 8 | in.ptr[little ? at : at + 1];
}

/* Writes 1 to 4 bytes; returns how many. */
static size_t encode(uint32_t c, uint8_t *to)
{
    if (c < 0x80) {
        to[0] = (uint8_t)c;
        return 1;
    }
    if (c < 0x800) {
        to[0] = (uint8_t)(0xc0 | c >> 6);
        to[1] = (uint8_t)(0x80 | (c & 0x3f));
        return 2;
    }
    if (c < BEYOND_BMP) {
        to[0] = (uint8_t)(0xe0 | c >> 12);
        to[1] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
        to[2] = (uint8_t)(0x80 | (c & 0x3f));
        return 3;
    }
    to[0] = (uint8_t)(0xf0 | c >> 18);
    to[1] = (uint8_t)(0x80 | (c >> 12 & 0x3f));
    to[2] = (uint8_t)(0x80 | (c >> 6 & 0x3f));
    to[3] = (uint8_t)(0x80 | (c & 0x3f));
    return 4;
}

/* Reads the character at `*at` and goes past it. */
static lw_err decode(lw_bytes in, size_t *at, uint32_t *c)
{
    const size_t start = *at;
    *c = in.len - start < 2 ? SURROGATE_LAST : unit_at(in, start);
    *at += 2;
    if (*c < SURROGATE_FIRST || *c > SURROGATE_LAST) {
        return LW_SUCCESS;
    }
    const uint32_t low = in.len - start < 4 ? 0 : unit_at(in, start + 2);
    if (*c >= SURROGATE_LOW || low < SURROGATE_LOW || low > SURROGATE_LAST) {
        return LW_FAIL(LW_E_SYNTAX,
                       "csv: half a character of UTF-16: the file is damaged; save the sheet "
                       "anew as CSV UTF-8",
                       start);
    }
    *c = BEYOND_BMP + ((*c - SURROGATE_FIRST) << 10) + (low - SURROGATE_LOW);
    *at += 2;
    return LW_SUCCESS;
}

lw_err wallet_csv_from_utf16(lw_bytes in, lw_buf *out, size_t *line)
{
    const size_t before = out->len;
    uint8_t *to = NULL;
    assert(wallet_csv_is_utf16(in));
    *line = 1;
    /* Two bytes become three at most, four become four. */
    LW_TRY(lw_buf_reserve(out, in.len / 2 * 3 + 4, &to));
    size_t made = 0;
    uint32_t last = 0;
    for (size_t at = 0; at < in.len;) {
        uint32_t c = 0;
        LW_TRY(decode(in, &at, &c));
        *line += c == '\n' || (last == '\r' && c != '\n') ? 1 : 0;
        last = c;
        made += encode(c, to + made);
    }
    lw_buf_commit(out, made);
    assert(out->len == before + made);
    *line = 0;
    return LW_SUCCESS;
}
