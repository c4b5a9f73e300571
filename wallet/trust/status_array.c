#include "wallet/status_publish.h"

#include "wallet/status_check.h"

#include <limits.h>
#include <zlib.h>

enum { INFLATE_STEP = 16 * 1024, BYTE_BITS = 8, WINDOW_BITS = 15, MEMORY_LEVEL = 9 };

static lw_err bad_bits(void)
{
    return LW_FAIL(LW_E_VALUE, "status: bits are none of 1, 2, 4, 8", LW_NOWHERE);
}

static unsigned mask_of(unsigned bits)
{
    return (1U << bits) - 1;
}

/* Section 1: entries are counted from the least significant bit. */
static void put_entry(unsigned bits, uint8_t *array, uint64_t idx, unsigned value)
{
    const unsigned per_byte = BYTE_BITS / bits;
    const unsigned shift = (unsigned)(idx % per_byte) * bits;
    uint8_t *byte = &array[idx / per_byte];
    *byte = (uint8_t)((*byte & ~(mask_of(bits) << shift)) | value << shift);
}

lw_err wallet_status_pack(unsigned bits, const uint8_t *values, size_t count, lw_buf *array)
{
    uint8_t *room = NULL;
    if (!wallet_status_bits_ok(bits)) {
        return bad_bits();
    }
    for (size_t i = 0; i < count; i++) {
        if (values[i] > mask_of(bits)) {
            return LW_FAIL(LW_E_VALUE, "status: value does not fit its bits", i);
        }
    }
    const size_t per_byte = BYTE_BITS / bits;
    const size_t len = count / per_byte + (count % per_byte == 0 ? 0 : 1);
    LW_TRY(lw_buf_reserve(array, len, &room));
    if (len > 0) {
        memset(room, 0, len);
    }
    for (size_t i = 0; i < count; i++) {
        put_entry(bits, room, i, values[i]);
    }
    lw_buf_commit(array, len);
    return LW_SUCCESS;
}

/* SL-10, without a product that could overflow. */
static lw_err check_index(unsigned bits, size_t len, uint64_t idx)
{
    if (!wallet_status_bits_ok(bits)) {
        return bad_bits();
    }
    if (idx / (BYTE_BITS / bits) >= len) {
        return LW_FAIL(LW_E_LIMIT, "status: index past the end of the list", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

lw_err wallet_status_set(unsigned bits, uint8_t *array, size_t len, uint64_t idx, unsigned value)
{
    LW_TRY(check_index(bits, len, idx));
    if (value > mask_of(bits)) {
        return LW_FAIL(LW_E_VALUE, "status: value does not fit its bits", LW_NOWHERE);
    }
    put_entry(bits, array, idx, value);
    return LW_SUCCESS;
}

lw_err wallet_status_get(unsigned bits, lw_bytes array, uint64_t idx, unsigned *value)
{
    LW_TRY(check_index(bits, array.len, idx));
    const unsigned per_byte = BYTE_BITS / bits;
    const unsigned shift = (unsigned)(idx % per_byte) * bits;
    *value = (unsigned)array.ptr[idx / per_byte] >> shift & mask_of(bits);
    return LW_SUCCESS;
}

/* The bound is enough, so one call does it. */
static lw_err deflate_all(z_stream *z, lw_buf *lst)
{
    const uLong len = deflateBound(z, z->avail_in);
    LW_AUTO_BUF made = LW_BUF(len);
    uint8_t *room = NULL;
    LW_TRY(lw_buf_reserve(&made, len, &room));
    z->next_out = room;
    z->avail_out = (uInt)len; /* of WALLET_STATUS_ARRAY_MAX bytes: far below UINT_MAX */
    if (deflate(z, Z_FINISH) != Z_STREAM_END) {
        return LW_FAIL(LW_E_CRYPTO, "status: zlib fails", LW_NOWHERE);
    }
    lw_buf_commit(&made, z->total_out);
    return lw_buf_put(lst, lw_buf_view(&made));
}

lw_err wallet_status_deflate(lw_bytes array, lw_buf *lst)
{
    if (array.len > WALLET_STATUS_ARRAY_MAX) {
        return LW_FAIL(LW_E_LIMIT, "status: array is too large", LW_NOWHERE);
    }
    /* A list is zeros with a few ones strewn in. Runs of one byte are all there is to match: level
     * 9 takes 200 times as long for a tenth less (decision 0029). */
    z_stream z = {.next_in = (Bytef *)(uintptr_t)array.ptr, /* zlib only reads it */
                  .avail_in = (uInt)array.len};
    if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, WINDOW_BITS, MEMORY_LEVEL, Z_RLE) !=
        Z_OK) {
        return LW_FAIL(LW_E_NOMEM, "status: out of memory", LW_NOWHERE);
    }
    const lw_err err = deflate_all(&z, lst);
    (void)deflateEnd(&z);
    return err;
}

/* Inflates into the room that is left; one byte more tells a full list from a longer one. */
static lw_err inflate_step(z_stream *z, lw_buf *array, int *result)
{
    uint8_t beyond = 0;
    uint8_t *room = &beyond;
    const size_t left = array->max - array->len;
    const size_t step = left < INFLATE_STEP ? left : INFLATE_STEP;
    if (step > 0) {
        LW_TRY(lw_buf_reserve(array, step, &room));
    }
    z->next_out = room;
    z->avail_out = step > 0 ? (uInt)step : 1;
    const uInt before = z->avail_out;
    *result = inflate(z, Z_NO_FLUSH);
    const size_t made = before - z->avail_out;
    if (step == 0 && made > 0) {
        return LW_FAIL(LW_E_LIMIT, "status: list inflates beyond the bound", LW_NOWHERE);
    }
    lw_buf_commit(array, made);
    return LW_SUCCESS;
}

static lw_err inflate_all(z_stream *z, lw_buf *array)
{
    int result = Z_OK;
    while (result == Z_OK) {
        LW_TRY(inflate_step(z, array, &result));
    }
    if (result == Z_MEM_ERROR) {
        return LW_FAIL(LW_E_NOMEM, "status: out of memory", LW_NOWHERE);
    }
    if (result != Z_STREAM_END) {
        return LW_FAIL(LW_E_SYNTAX, "status: zlib stream is false or cut short", LW_NOWHERE);
    }
    if (z->avail_in > 0) {
        return LW_FAIL(LW_E_SYNTAX, "status: bytes follow the zlib stream", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

lw_err wallet_status_inflate(lw_bytes lst, lw_buf *array)
{
    const size_t from = array->len;
    if (lst.len > UINT_MAX) {
        return LW_FAIL(LW_E_LIMIT, "status: list is too large", LW_NOWHERE);
    }
    z_stream z = {.next_in = (Bytef *)(uintptr_t)lst.ptr, /* zlib only reads it */
                  .avail_in = (uInt)lst.len};
    if (inflateInit(&z) != Z_OK) {
        return LW_FAIL(LW_E_NOMEM, "status: out of memory", LW_NOWHERE);
    }
    const lw_err err = inflate_all(&z, array);
    (void)inflateEnd(&z);
    if (err.code != LW_OK) {
        lw_buf_truncate(array, from);
    }
    return err;
}
