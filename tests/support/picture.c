#include "picture.h"

#include <stdio.h>
#include <stdlib.h>

#include <jpeglib.h>
#include <png.h>

enum { QUALITY = 85, GREY = 0xc0 };

static void must(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "test support: picture: %s\n", what);
        abort();
    }
}

static void write_jpeg(uint8_t *pixels, unsigned width, unsigned height, lw_buf *jpeg)
{
    struct jpeg_compress_struct c;
    struct jpeg_error_mgr errors; /* its default ends the program, which a test may */
    unsigned char *out = NULL;
    unsigned long len = 0;
    c.err = jpeg_std_error(&errors);
    jpeg_create_compress(&c);
    jpeg_mem_dest(&c, &out, &len);
    c.image_width = width;
    c.image_height = height;
    c.input_components = 1;
    c.in_color_space = JCS_GRAYSCALE;
    jpeg_set_defaults(&c);
    jpeg_set_quality(&c, QUALITY, TRUE);
    jpeg_start_compress(&c, TRUE);
    while (c.next_scanline < height) {
        JSAMPROW row = pixels + (size_t)c.next_scanline * width;
        (void)jpeg_write_scanlines(&c, &row, 1);
    }
    jpeg_finish_compress(&c);
    jpeg_destroy_compress(&c);
    must(lw_buf_put(jpeg, (lw_bytes){.ptr = out, .len = len}).code == LW_OK, "no room for a JPEG");
    free(out);
}

void support_png_to_jpeg(lw_bytes png, lw_buf *jpeg)
{
    png_image image = {.version = PNG_IMAGE_VERSION};
    must(png_image_begin_read_from_memory(&image, png.ptr, png.len) != 0, "no PNG");
    image.format = PNG_FORMAT_GRAY;
    uint8_t *pixels = malloc(PNG_IMAGE_SIZE(image));
    must(pixels != NULL && png_image_finish_read(&image, NULL, pixels, 0, NULL) != 0,
         "a PNG that cannot be read");
    write_jpeg(pixels, image.width, image.height, jpeg);
    free(pixels);
}

void support_png_grey(unsigned width, unsigned height, lw_buf *png)
{
    png_image image = {
        .version = PNG_IMAGE_VERSION, .width = width, .height = height, .format = PNG_FORMAT_GRAY};
    png_alloc_size_t len = 0;
    uint8_t *room = NULL;
    uint8_t *pixels = malloc(PNG_IMAGE_SIZE(image));
    must(pixels != NULL, "no memory");
    memset(pixels, GREY, PNG_IMAGE_SIZE(image));
    must(png_image_write_get_memory_size(image, len, 0, pixels, 0, NULL) != 0, "no PNG made");
    must(lw_buf_reserve(png, len, &room).code == LW_OK, "no room for a PNG");
    must(png_image_write_to_memory(&image, room, &len, 0, pixels, 0, NULL) != 0, "no PNG written");
    lw_buf_commit(png, len);
    free(pixels);
}
