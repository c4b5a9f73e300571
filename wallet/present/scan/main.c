/*
 * lw-scan: the text of the QR code in a PNG or JPEG. The image comes on standard input, the text
 * goes to standard output, and how it ended is the exit code. It has no store, network or keys.
 */
#define _GNU_SOURCE

#include <errno.h>
#include <unistd.h>

#include <zbar.h>

#include "image.h"
#include "sandbox.h"
#include "scan.h"

enum { SMALL_SIDE = 800, LARGE_SIDE = 1000 };

static lw_err read_input(lw_buf *in)
{
    uint8_t chunk[65536];
    while (true) {
        const ssize_t got = read(STDIN_FILENO, chunk, sizeof(chunk));
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            return LW_FAIL(LW_E_IO, "scan: cannot read the image", LW_NOWHERE);
        }
        if (got == 0) {
            return LW_SUCCESS;
        }
        LW_TRY(lw_buf_put(in, (lw_bytes){.ptr = chunk, .len = (size_t)got}));
    }
}

/* Of several codes in one picture ours is taken, else the first. */
static lw_err take_text(zbar_image_scanner_t *scanner, lw_buf *text)
{
    const zbar_symbol_set_t *found = zbar_image_scanner_get_results(scanner);
    for (const zbar_symbol_t *symbol = zbar_symbol_set_first_symbol(found); symbol != NULL;
         symbol = zbar_symbol_next(symbol)) {
        const lw_str data = {.ptr = zbar_symbol_get_data(symbol),
                             .len = zbar_symbol_get_data_length(symbol)};
        const bool ours =
            lw_str_starts(data, LW_STR("LQ1:")) || lw_str_starts(data, LW_STR("LC1:"));
        if (text->len == 0 || ours) {
            lw_buf_truncate(text, 0);
            LW_TRY(lw_buf_put_str(text, data));
        }
        if (ours) {
            break;
        }
    }
    return LW_SUCCESS;
}

static lw_err scan_once(const struct scan_image *image, lw_buf *text)
{
    zbar_image_scanner_t *scanner = zbar_image_scanner_create();
    zbar_image_t *picture = zbar_image_create();
    if (scanner == NULL || picture == NULL) {
        return LW_FAIL(LW_E_NOMEM, "scan: out of memory", LW_NOWHERE); /* the program ends */
    }
    (void)zbar_image_scanner_set_config(scanner, ZBAR_NONE, ZBAR_CFG_ENABLE, 0);
    (void)zbar_image_scanner_set_config(scanner, ZBAR_QRCODE, ZBAR_CFG_ENABLE, 1);
    (void)zbar_image_scanner_set_config(scanner, ZBAR_QRCODE, ZBAR_CFG_BINARY, 1);
    zbar_image_set_format(picture, zbar_fourcc('Y', '8', '0', '0'));
    zbar_image_set_size(picture, image->width, image->height);
    zbar_image_set_data(picture, image->pixels.ptr, image->pixels.len, NULL);
    lw_err err = LW_SUCCESS;
    if (zbar_scan_image(scanner, picture) > 0) {
        err = take_text(scanner, text);
    }
    zbar_image_destroy(picture);
    zbar_image_scanner_destroy(scanner);
    return err;
}

/*
 * The reader wants 2 to 4 pixels a module: a large photo is tried smaller first, a small picture
 * larger last.
 */
static lw_err scan_sizes(const struct scan_image *image, lw_buf *text)
{
    static const unsigned factors[] = {4, 3, 2};
    const unsigned side = image->width > image->height ? image->width : image->height;
    for (size_t i = 0; i < sizeof(factors) / sizeof(factors[0]) && text->len == 0; i++) {
        if (side / factors[i] >= LARGE_SIDE / 2) {
            struct scan_image smaller = {.width = 0};
            LW_TRY(scan_image_shrink(image, factors[i], &smaller));
            LW_TRY(scan_once(&smaller, text));
            lw_buf_free(&smaller.pixels);
        }
    }
    if (text->len == 0) {
        LW_TRY(scan_once(image, text));
    }
    if (text->len == 0 && side <= SMALL_SIDE) {
        struct scan_image larger = {.width = 0};
        LW_TRY(scan_image_double(image, &larger));
        LW_TRY(scan_once(&larger, text));
        lw_buf_free(&larger.pixels);
    }
    return LW_SUCCESS;
}

static enum scan_exit exit_of(lw_err err)
{
    switch (lw_err_class(err.code)) {
    case LW_CLASS_OK:
        return SCAN_FOUND;
    case LW_CLASS_INPUT:
        return SCAN_NO_IMAGE;
    case LW_CLASS_LIMIT:
        return SCAN_TOO_LARGE;
    case LW_CLASS_MISUSE:
    case LW_CLASS_REFUSED:
    case LW_CLASS_NOT_FOUND:
    case LW_CLASS_BUSY:
    case LW_CLASS_ENVIRONMENT:
        return SCAN_FAILED;
    }
    return SCAN_FAILED;
}

static enum scan_exit run(void)
{
    lw_buf in = LW_BUF(SCAN_INPUT_MAX);
    lw_buf text = LW_BUF(SCAN_TEXT_MAX);
    struct scan_image image = {.width = 0};
    lw_err err = scan_sandbox_enter();
    err = err.code == LW_OK ? read_input(&in) : err;
    err = err.code == LW_OK ? scan_image_read(lw_buf_view(&in), &image) : err;
    err = err.code == LW_OK ? scan_sizes(&image, &text) : err;
    if (err.code != LW_OK) {
        return exit_of(err);
    }
    if (text.len == 0) {
        return SCAN_NO_CODE;
    }
    return write(STDOUT_FILENO, text.ptr, text.len) == (ssize_t)text.len ? SCAN_FOUND : SCAN_FAILED;
}

int main(void)
{
    _exit((int)run()); /* at once: whatever the image did to the heap, no handler runs on it */
}
