#include "wallet/base64.h"

static const char url_alphabet[65] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char standard_alphabet[65] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* What the two alphabets share; one more than the value, so that 0 stands for every other
 * character. */
/* clang-format off */
#define COMMON_DIGITS                                                                              \
    ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,        \
    ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15,             \
    ['P'] = 16, ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22,            \
    ['W'] = 23, ['X'] = 24, ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29,            \
    ['d'] = 30, ['e'] = 31, ['f'] = 32, ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36,            \
    ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40, ['o'] = 41, ['p'] = 42, ['q'] = 43,            \
    ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48, ['w'] = 49, ['x'] = 50,            \
    ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56, ['4'] = 57,            \
    ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62
/* clang-format on */

static const uint8_t url_digits[256] = {COMMON_DIGITS, ['-'] = 63, ['_'] = 64};
static const uint8_t standard_digits[256] = {COMMON_DIGITS, ['+'] = 63, ['/'] = 64};

static uint8_t *encode(const char *alphabet, lw_bytes in, uint8_t *dst)
{
    size_t i = 0;
    for (; in.len - i >= 3; i += 3) {
        const uint32_t v = (uint32_t)in.ptr[i] << 16 | (uint32_t)in.ptr[i + 1] << 8 | in.ptr[i + 2];
        *dst++ = (uint8_t)alphabet[v >> 18];
        *dst++ = (uint8_t)alphabet[v >> 12 & 63];
        *dst++ = (uint8_t)alphabet[v >> 6 & 63];
        *dst++ = (uint8_t)alphabet[v & 63];
    }
    if (in.len - i == 0) {
        return dst;
    }
    const bool two = in.len - i == 2;
    const uint32_t v = (uint32_t)in.ptr[i] << 16 | (two ? (uint32_t)in.ptr[i + 1] << 8 : 0);
    *dst++ = (uint8_t)alphabet[v >> 18];
    *dst++ = (uint8_t)alphabet[v >> 12 & 63];
    if (two) {
        *dst++ = (uint8_t)alphabet[v >> 6 & 63];
    }
    return dst;
}

/* Says which of the four characters at `at` is outside the alphabet; some are. */
static lw_err outside(const uint8_t *digits, lw_str in, size_t at)
{
    while (at < in.len && digits[(uint8_t)in.ptr[at]] != 0) {
        at++;
    }
    return LW_FAIL(LW_E_SYNTAX, "base64: character outside the alphabet", at);
}

/* The tail of 2 or 3 characters stands for 1 or 2 bytes; what is left over must be zero. */
static lw_err decode_tail(const uint8_t *digits, lw_str in, size_t at, uint8_t *dst)
{
    const bool two = in.len - at == 3;
    const uint32_t a = digits[(uint8_t)in.ptr[at]];
    const uint32_t b = digits[(uint8_t)in.ptr[at + 1]];
    const uint32_t c = two ? digits[(uint8_t)in.ptr[at + 2]] : 1;
    if (a == 0 || b == 0 || c == 0) {
        return outside(digits, in, at);
    }
    const uint32_t v = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6;
    if ((v & (two ? 0xff : 0xffff)) != 0) {
        return LW_FAIL(LW_E_SYNTAX, "base64: unused bits are not zero", in.len - 1);
    }
    dst[0] = (uint8_t)(v >> 16);
    if (two) {
        dst[1] = (uint8_t)(v >> 8 & 0xff);
    }
    return LW_SUCCESS;
}

/* `in` is without padding; `dst` has room for decoded_len(in.len) bytes. */
static lw_err decode(const uint8_t *digits, lw_str in, uint8_t *dst)
{
    size_t i = 0;
    for (; in.len - i >= 4; i += 4) {
        const uint32_t a = digits[(uint8_t)in.ptr[i]];
        const uint32_t b = digits[(uint8_t)in.ptr[i + 1]];
        const uint32_t c = digits[(uint8_t)in.ptr[i + 2]];
        const uint32_t d = digits[(uint8_t)in.ptr[i + 3]];
        if (a == 0 || b == 0 || c == 0 || d == 0) {
            return outside(digits, in, i);
        }
        const uint32_t v = (a - 1) << 18 | (b - 1) << 12 | (c - 1) << 6 | (d - 1);
        *dst++ = (uint8_t)(v >> 16);
        *dst++ = (uint8_t)(v >> 8 & 0xff);
        *dst++ = (uint8_t)(v & 0xff);
    }
    if (in.len - i == 1) {
        return LW_FAIL(LW_E_SYNTAX, "base64: length is 1 modulo 4", i);
    }
    return in.len - i == 0 ? LW_SUCCESS : decode_tail(digits, in, i, dst);
}

static size_t decoded_len(size_t text_len)
{
    return text_len / 4 * 3 + (text_len % 4 == 0 ? 0 : text_len % 4 - 1);
}

static lw_err decode_append(const uint8_t *digits, lw_str in, lw_buf *out)
{
    const size_t len = decoded_len(in.len);
    uint8_t *dst = NULL;
    LW_TRY(lw_buf_reserve(out, len, &dst));
    LW_TRY(decode(digits, in, dst));
    lw_buf_commit(out, len);
    return LW_SUCCESS;
}

lw_err wallet_base64url_encode(lw_bytes in, lw_buf *out)
{
    uint8_t *dst = NULL;
    LW_TRY(lw_buf_reserve(out, wallet_base64url_len(in.len), &dst));
    (void)encode(url_alphabet, in, dst);
    lw_buf_commit(out, wallet_base64url_len(in.len));
    return LW_SUCCESS;
}

void wallet_base64url_write(lw_bytes in, char *out)
{
    (void)encode(url_alphabet, in, (uint8_t *)out);
}

lw_err wallet_base64url_decode(lw_str in, lw_buf *out)
{
    return decode_append(url_digits, in, out);
}

lw_err wallet_base64url_decode_exact(lw_str in, uint8_t *out, size_t len)
{
    if (in.len % 4 == 1) {
        return LW_FAIL(LW_E_SYNTAX, "base64: length is 1 modulo 4", in.len - 1);
    }
    if (decoded_len(in.len) != len) {
        return LW_FAIL(LW_E_VALUE, "base64: stands for another length", LW_NOWHERE);
    }
    return decode(url_digits, in, out);
}

lw_err wallet_base64_encode(lw_bytes in, lw_buf *out)
{
    const size_t text_len = in.len / 3 * 4 + (in.len % 3 == 0 ? 0 : 4);
    uint8_t *dst = NULL;
    LW_TRY(lw_buf_reserve(out, text_len, &dst));
    uint8_t *end = encode(standard_alphabet, in, dst);
    while (end < dst + text_len) {
        *end++ = '=';
    }
    lw_buf_commit(out, text_len);
    return LW_SUCCESS;
}

lw_err wallet_base64_decode(lw_str in, lw_buf *out)
{
    if (in.len % 4 != 0) {
        return LW_FAIL(LW_E_SYNTAX, "base64: length is no multiple of 4", in.len);
    }
    size_t pad = 0;
    while (pad < 2 && pad < in.len && in.ptr[in.len - 1 - pad] == '=') {
        pad++;
    }
    return decode_append(standard_digits, (lw_str){.ptr = in.ptr, .len = in.len - pad}, out);
}
