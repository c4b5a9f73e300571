#include "wallet/image.h"

enum {
    JPEG_SOI = 0xd8,
    JPEG_EOI = 0xd9,
    JPEG_SOS = 0xda,
    JPEG_FRAME_LEN = 8, /* of a frame header without its components */
    PNG_CHUNK = 12,     /* length, type and CRC around a chunk's data */
    PNG_HEADER_LEN = 13,
};

static lw_err damaged(size_t at)
{
    return LW_FAIL(LW_E_SYNTAX, "image: damaged or cut short", at);
}

static uint32_t big_endian(const uint8_t *at, size_t bytes)
{
    uint32_t n = 0;
    for (size_t i = 0; i < bytes; i++) {
        n = n << 8 | at[i];
    }
    return n;
}

static lw_err check_size(const struct wallet_image *image, size_t at)
{
    if (image->width == 0 || image->height == 0) {
        return damaged(at);
    }
    return image->width > WALLET_IMAGE_SIDE_MAX || image->height > WALLET_IMAGE_SIDE_MAX
               ? LW_FAIL(LW_E_LIMIT, "image: more than 4096 pixels wide or high", at)
               : LW_SUCCESS;
}

/* T.81 table B.1: SOF0 to SOF15 but for DHT, JPG and DAC, which stand among them. */
static bool is_frame(uint8_t marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 && marker != 0xcc;
}

/* Walks the segments up to the first scan, whose data is not looked into. */
static lw_err check_jpeg(lw_bytes in, struct wallet_image *image)
{
    bool framed = false;
    size_t at = 2;
    *image = (struct wallet_image){.media = WALLET_IMAGE_JPEG};
    for (;;) {
        if (in.len - at < 4 || in.ptr[at] != 0xff) {
            return damaged(at);
        }
        const uint8_t marker = in.ptr[at + 1];
        if (marker == 0xff) {
            at++;
            continue;
        }
        const size_t len = big_endian(in.ptr + at + 2, 2);
        if (marker < 0xc0 || (marker >= 0xd0 && marker <= JPEG_EOI) || len < 2 ||
            len > in.len - at - 2) {
            return damaged(at);
        }
        if (is_frame(marker)) {
            if (framed || len < JPEG_FRAME_LEN) {
                return damaged(at);
            }
            framed = true;
            image->height = big_endian(in.ptr + at + 5, 2);
            image->width = big_endian(in.ptr + at + 7, 2);
            LW_TRY(check_size(image, at));
        }
        at += 2 + len;
        if (marker == JPEG_SOS) {
            break;
        }
    }
    const bool ends =
        in.len - at >= 2 && in.ptr[in.len - 2] == 0xff && in.ptr[in.len - 1] == JPEG_EOI;
    return framed && ends ? LW_SUCCESS : damaged(at);
}

static lw_err check_png(lw_bytes in, struct wallet_image *image)
{
    static const uint8_t header[] = {'I', 'H', 'D', 'R'};
    bool has_data = false;
    *image = (struct wallet_image){.media = WALLET_IMAGE_PNG};
    for (size_t at = 8; in.len - at >= PNG_CHUNK;) {
        const size_t len = big_endian(in.ptr + at, 4);
        const uint8_t *type = in.ptr + at + 4;
        if (len > in.len - at - PNG_CHUNK) {
            return damaged(at);
        }
        if (at == 8) {
            if (memcmp(type, header, sizeof(header)) != 0 || len != PNG_HEADER_LEN) {
                return damaged(at);
            }
            image->width = big_endian(type + 4, 4);
            image->height = big_endian(type + 8, 4);
            LW_TRY(check_size(image, at));
        }
        at += PNG_CHUNK + len;
        has_data = has_data || memcmp(type, "IDAT", 4) == 0;
        if (memcmp(type, "IEND", 4) == 0) {
            return has_data && len == 0 && at == in.len ? LW_SUCCESS : damaged(at);
        }
    }
    return damaged(in.len);
}

lw_err wallet_image_check(lw_bytes in, struct wallet_image *image)
{
    static const uint8_t jpeg[] = {0xff, JPEG_SOI, 0xff};
    static const uint8_t png[] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};
    if (in.len >= sizeof(jpeg) && memcmp(in.ptr, jpeg, sizeof(jpeg)) == 0) {
        return check_jpeg(in, image);
    }
    if (in.len >= sizeof(png) && memcmp(in.ptr, png, sizeof(png)) == 0) {
        return check_png(in, image);
    }
    return LW_FAIL(LW_E_UNSUPPORTED, "image: neither JPEG nor PNG", 0);
}
