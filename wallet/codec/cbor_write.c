#include "wallet/cbor.h"

#include <stdlib.h>

#include "cbor_head.h"

size_t codec_cbor_head(enum cbor_major major, uint64_t arg, uint8_t head[CBOR_HEAD_MAX])
{
    const uint8_t high = (uint8_t)((unsigned)major << 5);
    if (arg < CBOR_INFO_ONE_BYTE) {
        head[0] = (uint8_t)(high | arg);
        return 1;
    }
    unsigned log2_width = 0;
    while (log2_width < 3 && arg >> (8u << log2_width) != 0) {
        log2_width++;
    }
    const size_t width = (size_t)1 << log2_width;
    head[0] = (uint8_t)(high | (CBOR_INFO_ONE_BYTE + log2_width));
    for (size_t i = 0; i < width; i++) {
        head[width - i] = (uint8_t)(arg >> (8 * i));
    }
    return 1 + width;
}

size_t codec_cbor_int_head(int64_t n, uint8_t head[CBOR_HEAD_MAX])
{
    return n < 0 ? codec_cbor_head(CBOR_MAJOR_NINT, (uint64_t)(-1 - n), head)
                 : codec_cbor_head(CBOR_MAJOR_UINT, (uint64_t)n, head);
}

static lw_err put_head(lw_buf *out, enum cbor_major major, uint64_t arg)
{
    uint8_t head[CBOR_HEAD_MAX];
    const size_t len = codec_cbor_head(major, arg, head);
    return lw_buf_put(out, (lw_bytes){.ptr = head, .len = len});
}

/* Head and contents in one step, so that a failure leaves `out` as it was. */
static lw_err put_string(lw_buf *out, enum cbor_major major, lw_bytes contents)
{
    uint8_t head[CBOR_HEAD_MAX];
    const size_t len = codec_cbor_head(major, contents.len, head);
    uint8_t *room = NULL;
    LW_TRY(lw_buf_reserve(out, len + contents.len, &room));
    memcpy(room, head, len);
    if (contents.len > 0) {
        memcpy(room + len, contents.ptr, contents.len);
    }
    lw_buf_commit(out, len + contents.len);
    return LW_SUCCESS;
}

lw_err wallet_cbor_put_uint(lw_buf *out, uint64_t n)
{
    return put_head(out, CBOR_MAJOR_UINT, n);
}

lw_err wallet_cbor_put_int(lw_buf *out, int64_t n)
{
    uint8_t head[CBOR_HEAD_MAX];
    const size_t len = codec_cbor_int_head(n, head);
    return lw_buf_put(out, (lw_bytes){.ptr = head, .len = len});
}

lw_err wallet_cbor_put_bytes(lw_buf *out, lw_bytes bytes)
{
    return put_string(out, CBOR_MAJOR_BYTES, bytes);
}

lw_err wallet_cbor_put_bytes_head(lw_buf *out, size_t len)
{
    return put_head(out, CBOR_MAJOR_BYTES, len);
}

lw_err wallet_cbor_put_text(lw_buf *out, lw_str text)
{
    return put_string(out, CBOR_MAJOR_TEXT, lw_str_bytes(text));
}

lw_err wallet_cbor_put_array(lw_buf *out, size_t count)
{
    return put_head(out, CBOR_MAJOR_ARRAY, count);
}

lw_err wallet_cbor_put_map(lw_buf *out, size_t pairs)
{
    return put_head(out, CBOR_MAJOR_MAP, pairs);
}

lw_err wallet_cbor_put_tag(lw_buf *out, uint64_t tag)
{
    return put_head(out, CBOR_MAJOR_TAG, tag);
}

lw_err wallet_cbor_put_bool(lw_buf *out, bool value)
{
    return put_head(out, CBOR_MAJOR_SIMPLE, value ? CBOR_SIMPLE_TRUE : CBOR_SIMPLE_FALSE);
}

lw_err wallet_cbor_put_null(lw_buf *out)
{
    return put_head(out, CBOR_MAJOR_SIMPLE, CBOR_SIMPLE_NULL);
}

lw_err wallet_cbor_put_simple(lw_buf *out, uint8_t value)
{
    if (value >= CBOR_INFO_ONE_BYTE && value < CBOR_SIMPLE_TWO_BYTES_FIRST) {
        return LW_FAIL(LW_E_MISUSE, "cbor: reserved simple value", LW_NOWHERE);
    }
    return put_head(out, CBOR_MAJOR_SIMPLE, value);
}

lw_err wallet_cbor_put_raw(lw_buf *out, lw_bytes item)
{
    return lw_buf_put(out, item);
}

static int by_key(const void *a, const void *b)
{
    const struct wallet_cbor_pair *pa = a;
    const struct wallet_cbor_pair *pb = b;
    return lw_bytes_cmp(pa->key, pb->key);
}

lw_err wallet_cbor_put_map_sorted(lw_buf *out, struct wallet_cbor_pair *pairs, size_t count)
{
    const size_t before = out->len;
    if (count > 0) {
        qsort(pairs, count, sizeof(pairs[0]), by_key);
    }
    for (size_t i = 1; i < count; i++) {
        if (lw_bytes_eq(pairs[i - 1].key, pairs[i].key)) {
            return LW_FAIL(LW_E_CONFLICT, "cbor: duplicate map key", LW_NOWHERE);
        }
    }
    lw_err err = wallet_cbor_put_map(out, count);
    for (size_t i = 0; i < count && err.code == LW_OK; i++) {
        err = lw_buf_put(out, pairs[i].key);
        if (err.code == LW_OK) {
            err = lw_buf_put(out, pairs[i].value);
        }
    }
    if (err.code != LW_OK) {
        lw_buf_truncate(out, before);
    }
    return err;
}
