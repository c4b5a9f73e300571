#define _DEFAULT_SOURCE /* explicit_bzero */

#include "lw/buf.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

enum { FIRST_CAP = 64, INT64_TEXT_MAX = 21 };

lw_err lw_buf_reserve(lw_buf *b, size_t n, uint8_t **room)
{
    if (n > b->max - b->len) {
        return LW_FAIL(LW_E_LIMIT, "buffer: limit reached", LW_NOWHERE);
    }
    const size_t need = b->len + n;
    if (b->ptr == NULL || need > b->cap) {
        size_t cap = b->cap > b->max / 2 ? b->max : b->cap * 2;
        cap = cap < FIRST_CAP ? FIRST_CAP : cap;
        cap = cap < need ? need : cap;
        cap = cap > b->max ? b->max : cap;

        /* Not realloc: the old block may hold a secret and must be wiped. */
        uint8_t *grown = malloc(cap);
        if (grown == NULL) {
            return LW_FAIL(LW_E_NOMEM, "buffer: out of memory", LW_NOWHERE);
        }
        const lw_buf old = *b;
        if (old.len > 0) {
            memcpy(grown, old.ptr, old.len);
        }
        lw_buf_free(b);
        *b = (lw_buf){.ptr = grown, .len = old.len, .cap = cap, .max = old.max};
    }
    *room = b->ptr + b->len;
    return LW_SUCCESS;
}

void lw_buf_commit(lw_buf *b, size_t n)
{
    assert(n <= b->cap - b->len);
    b->len += n;
}

lw_err lw_buf_put(lw_buf *b, lw_bytes in)
{
    uint8_t *room = NULL;
    LW_TRY(lw_buf_reserve(b, in.len, &room));
    if (in.len > 0) {
        memcpy(room, in.ptr, in.len);
        lw_buf_commit(b, in.len);
    }
    return LW_SUCCESS;
}

lw_err lw_buf_put_str(lw_buf *b, lw_str in)
{
    return lw_buf_put(b, lw_str_bytes(in));
}

lw_err lw_buf_put_c(lw_buf *b, const char *in)
{
    return lw_buf_put_str(b, lw_str_c(in));
}

lw_err lw_buf_put_byte(lw_buf *b, uint8_t in)
{
    return lw_buf_put(b, (lw_bytes){.ptr = &in, .len = 1});
}

lw_err lw_buf_put_int(lw_buf *b, int64_t n)
{
    char text[INT64_TEXT_MAX];
    const int len = snprintf(text, sizeof(text), "%" PRId64, n);
    return lw_buf_put_str(b, (lw_str){.ptr = text, .len = (size_t)len});
}

lw_err lw_buf_put_hex(lw_buf *b, lw_bytes in)
{
    static const char digits[] = "0123456789abcdef";
    uint8_t *room = NULL;
    if (in.len > SIZE_MAX / 2) {
        return LW_FAIL(LW_E_LIMIT, "buffer: limit reached", LW_NOWHERE);
    }
    LW_TRY(lw_buf_reserve(b, in.len * 2, &room));
    for (size_t i = 0; i < in.len; i++) {
        room[2 * i] = (uint8_t)digits[in.ptr[i] >> 4];
        room[2 * i + 1] = (uint8_t)digits[in.ptr[i] & 0xf];
    }
    lw_buf_commit(b, in.len * 2);
    return LW_SUCCESS;
}

void lw_buf_truncate(lw_buf *b, size_t len)
{
    assert(len <= b->len);
    if (len < b->len) {
        explicit_bzero(b->ptr + len, b->len - len);
        b->len = len;
    }
}

void lw_buf_free(lw_buf *b)
{
    if (b->ptr != NULL) {
        explicit_bzero(b->ptr, b->cap);
        free(b->ptr);
    }
    *b = LW_BUF(b->max);
}

lw_buf lw_buf_take(lw_buf *b)
{
    const lw_buf taken = *b;
    *b = LW_BUF(taken.max);
    return taken;
}

lw_err lw_buf_c(lw_buf *b, const char **text)
{
    if (b->len > 0 && memchr(b->ptr, 0, b->len) != NULL) {
        return LW_FAIL(LW_E_VALUE, "buffer: text holds a NUL", LW_NOWHERE);
    }
    uint8_t *room = NULL;
    LW_TRY(lw_buf_reserve(b, 1, &room));
    *room = 0;
    *text = (const char *)b->ptr;
    return LW_SUCCESS;
}

int lw_bytes_cmp(lw_bytes a, lw_bytes b)
{
    const size_t common = a.len < b.len ? a.len : b.len;
    const int order = common == 0 ? 0 : memcmp(a.ptr, b.ptr, common);
    if (order != 0) {
        return order;
    }
    return a.len == b.len ? 0 : (a.len < b.len ? -1 : 1);
}

bool lw_str_split(lw_str s, char mark, lw_str *head, lw_str *tail)
{
    const char *hit = s.len == 0 ? NULL : memchr(s.ptr, mark, s.len);
    if (hit == NULL) {
        *head = s;
        *tail = (lw_str){.ptr = NULL, .len = 0};
        return false;
    }
    const size_t before = (size_t)(hit - s.ptr);
    *head = (lw_str){.ptr = s.ptr, .len = before};
    *tail = lw_str_from(s, before + 1);
    return true;
}

lw_err lw_str_int(lw_str s, int64_t *n)
{
    const bool minus = s.len > 0 && s.ptr[0] == '-';
    int64_t sum = 0;
    if (s.len == (minus ? 1 : 0)) {
        return LW_FAIL(LW_E_SYNTAX, "number: no digits", s.len);
    }
    for (size_t i = minus ? 1 : 0; i < s.len; i++) {
        const char c = s.ptr[i];
        if (c < '0' || c > '9') {
            return LW_FAIL(LW_E_SYNTAX, "number: not a digit", i);
        }
        const int64_t digit = c - '0';
        if (sum < (INT64_MIN + digit) / 10) {
            return LW_FAIL(LW_E_VALUE, "number: too large", i);
        }
        sum = sum * 10 - digit; /* kept negative, so that the smallest number fits */
    }
    if (!minus && sum == INT64_MIN) {
        return LW_FAIL(LW_E_VALUE, "number: too large", LW_NOWHERE);
    }
    *n = minus ? sum : -sum;
    return LW_SUCCESS;
}
