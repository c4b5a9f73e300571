#include "image.h"

#include <setjmp.h>
#include <stdio.h>

#include <jpeglib.h>
#include <png.h>

static lw_err check_size(uint64_t width, uint64_t height)
{
    if (width == 0 || height == 0) {
        return LW_FAIL(LW_E_SYNTAX, "scan: an image without pixels", LW_NOWHERE);
    }
    if (width > SCAN_SIDE_MAX || height > SCAN_SIDE_MAX || width * height > SCAN_PIXELS_MAX) {
        return LW_FAIL(LW_E_LIMIT, "scan: more pixels than allowed", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

/* Makes room for width x height pixels and counts them. */
static lw_err make_room(struct scan_image *image, unsigned width, unsigned height, uint8_t **pixels)
{
    const size_t count = (size_t)width * height;
    image->width = width;
    image->height = height;
    image->pixels = LW_BUF(count);
    LW_TRY(lw_buf_reserve(&image->pixels, count, pixels));
    lw_buf_commit(&image->pixels, count);
    return LW_SUCCESS;
}

static lw_err read_png(lw_bytes in, struct scan_image *image)
{
    static const png_color white = {.red = 255, .green = 255, .blue = 255};
    png_image png = {.version = PNG_IMAGE_VERSION};
    if (png_image_begin_read_from_memory(&png, in.ptr, in.len) == 0) {
        return LW_FAIL(LW_E_SYNTAX, "scan: damaged PNG", LW_NOWHERE);
    }
    lw_err err = check_size(png.width, png.height);
    uint8_t *pixels = NULL;
    png.format = PNG_FORMAT_GRAY;
    err = err.code == LW_OK ? make_room(image, png.width, png.height, &pixels) : err;
    if (err.code == LW_OK && png_image_finish_read(&png, &white, pixels, 0, NULL) == 0) {
        err = LW_FAIL(LW_E_SYNTAX, "scan: damaged PNG", LW_NOWHERE);
    }
    png_image_free(&png);
    return err;
}

struct jpeg_trap {
    struct jpeg_error_mgr base; /* first, for the library hands this back */
    jmp_buf jump;
};

static void jpeg_fail(j_common_ptr jpeg)
{
    struct jpeg_trap *trap = (struct jpeg_trap *)(void *)jpeg->err;
    longjmp(trap->jump, 1);
}

static void jpeg_silent(j_common_ptr jpeg)
{
    (void)jpeg;
}

static lw_err read_jpeg_rows(struct jpeg_decompress_struct *jpeg, struct jpeg_trap *trap,
                             lw_bytes in, struct scan_image *image)
{
    uint8_t *pixels = NULL;
    if (setjmp(trap->jump) != 0) {
        return LW_FAIL(LW_E_SYNTAX, "scan: damaged JPEG", LW_NOWHERE);
    }
    jpeg_mem_src(jpeg, in.ptr, in.len);
    (void)jpeg_read_header(jpeg, TRUE);
    LW_TRY(check_size(jpeg->image_width, jpeg->image_height));
    jpeg->out_color_space = JCS_GRAYSCALE;
    (void)jpeg_start_decompress(jpeg);
    LW_TRY(make_room(image, jpeg->output_width, jpeg->output_height, &pixels));
    while (jpeg->output_scanline < jpeg->output_height) {
        JSAMPROW row = image->pixels.ptr + (size_t)jpeg->output_scanline * image->width;
        (void)jpeg_read_scanlines(jpeg, &row, 1);
    }
    return LW_SUCCESS;
}

static lw_err read_jpeg(lw_bytes in, struct scan_image *image)
{
    struct jpeg_decompress_struct jpeg = {0};
    struct jpeg_trap trap = {0};
    jpeg.err = jpeg_std_error(&trap.base);
    trap.base.error_exit = jpeg_fail;
    trap.base.output_message = jpeg_silent;
    jpeg_create_decompress(&jpeg);
    const lw_err err = read_jpeg_rows(&jpeg, &trap, in, image);
    jpeg_destroy_decompress(&jpeg);
    return err;
}

lw_err scan_image_read(lw_bytes in, struct scan_image *image)
{
    static const uint8_t png_magic[] = {0x89, 'P', 'N', 'G', 0x0d, 0x0a, 0x1a, 0x0a};
    static const uint8_t jpeg_magic[] = {0xff, 0xd8, 0xff};
    if (in.len >= sizeof(png_magic) && memcmp(in.ptr, png_magic, sizeof(png_magic)) == 0) {
        return read_png(in, image);
    }
    if (in.len >= sizeof(jpeg_magic) && memcmp(in.ptr, jpeg_magic, sizeof(jpeg_magic)) == 0) {
        return read_jpeg(in, image);
    }
    return LW_FAIL(LW_E_SYNTAX, "scan: neither PNG nor JPEG", 0);
}

lw_err scan_image_shrink(const struct scan_image *in, unsigned factor, struct scan_image *out)
{
    const unsigned width = in->width / factor;
    const unsigned height = in->height / factor;
    uint8_t *pixels = NULL;
    LW_TRY(check_size(width, height));
    LW_TRY(make_room(out, width, height, &pixels));
    for (size_t y = 0; y < height; y++) {
        for (size_t x = 0; x < width; x++) {
            unsigned sum = 0;
            for (size_t k = 0; k < (size_t)factor * factor; k++) {
                const size_t row = y * factor + k / factor;
                sum += in->pixels.ptr[row * in->width + x * factor + k % factor];
            }
            pixels[y * width + x] = (uint8_t)(sum / (factor * factor));
        }
    }
    return LW_SUCCESS;
}

lw_err scan_image_double(const struct scan_image *in, struct scan_image *out)
{
    const size_t width = (size_t)in->width * 2;
    uint8_t *pixels = NULL;
    LW_TRY(check_size(width, (uint64_t)in->height * 2));
    LW_TRY(make_room(out, in->width * 2, in->height * 2, &pixels));
    for (size_t y = 0; y < (size_t)in->height * 2; y++) {
        for (size_t x = 0; x < width; x++) {
            pixels[y * width + x] = in->pixels.ptr[y / 2 * in->width + x / 2];
        }
    }
    return LW_SUCCESS;
}
