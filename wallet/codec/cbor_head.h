/* One CBOR head: major type, additional information, argument. Shared by the codec's files. */
#ifndef CODEC_CBOR_HEAD_H
#define CODEC_CBOR_HEAD_H

#include "lw/buf.h"

enum cbor_major {
    CBOR_MAJOR_UINT = 0,
    CBOR_MAJOR_NINT = 1,
    CBOR_MAJOR_BYTES = 2,
    CBOR_MAJOR_TEXT = 3,
    CBOR_MAJOR_ARRAY = 4,
    CBOR_MAJOR_MAP = 5,
    CBOR_MAJOR_TAG = 6,
    CBOR_MAJOR_SIMPLE = 7,
};

/* Additional information of an initial byte (RFC 8949 section 3). */
enum {
    CBOR_INFO_ONE_BYTE = 24, /* 25, 26 and 27: two, four and eight */
    CBOR_INFO_EIGHT_BYTES = 27,
    CBOR_INFO_INDEFINITE = 31,
    CBOR_SIMPLE_FALSE = 20,
    CBOR_SIMPLE_TRUE = 21,
    CBOR_SIMPLE_NULL = 22,
    CBOR_SIMPLE_TWO_BYTES_FIRST = 32, /* smaller ones have one spelling, of one byte */
};

enum { CBOR_HEAD_MAX = 9 };

/** Write the shortest head of `major` with `arg`; returns its length. */
size_t codec_cbor_head(enum cbor_major major, uint64_t arg, uint8_t head[CBOR_HEAD_MAX]);

/** Write the integer `n`, which is a head alone; returns its length. */
size_t codec_cbor_int_head(int64_t n, uint8_t head[CBOR_HEAD_MAX]);

#endif
