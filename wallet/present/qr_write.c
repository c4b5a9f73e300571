#include "wallet/qr_write.h"

#include <errno.h>
#include <png.h>
#include <qrencode.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>

enum { TEXT_MAX = 4296, MODULE_MAX = 32 };

#define AUTO_QR __attribute__((cleanup(free_qr))) QRcode *
static void free_qr(QRcode **qr)
{
    QRcode_free(*qr);
}

static bool alphanumeric(lw_str text)
{
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == 0 || strchr(alphabet, text.ptr[i]) == NULL) {
            return false;
        }
    }
    return true;
}

static QRcode *encode_at(lw_str text, QRecLevel level)
{
    QRinput *input = QRinput_new2(0, level);
    const QRencodeMode mode = alphanumeric(text) ? QR_MODE_AN : QR_MODE_8;
    QRcode *qr = NULL;
    if (input == NULL) {
        return NULL;
    }
    if (QRinput_append(input, mode, (int)text.len, (const unsigned char *)text.ptr) == 0) {
        qr = QRcode_encodeInput(input);
    }
    const int saved = errno;
    QRinput_free(input);
    errno = saved;
    return qr;
}

/* Level M while a phone still reads it well, else L (specs/qr.md section 2). */
static lw_err encode(lw_str text, QRcode **qr, char *level)
{
    if (text.len == 0) {
        return LW_FAIL(LW_E_VALUE, "qr: nothing to show", LW_NOWHERE);
    }
    if (text.len > TEXT_MAX) {
        return LW_FAIL(LW_E_LIMIT, "qr: too long for one code", LW_NOWHERE);
    }
    *level = 'M';
    *qr = encode_at(text, QR_ECLEVEL_M);
    if (*qr == NULL || (*qr)->version > WALLET_QR_VERSION_M_MAX) {
        QRcode_free(*qr);
        *level = 'L';
        *qr = encode_at(text, QR_ECLEVEL_L);
    }
    if (*qr == NULL) {
        return errno == ERANGE ? LW_FAIL(LW_E_LIMIT, "qr: too long for one code", LW_NOWHERE)
                               : LW_FAIL(LW_E_NOMEM, "qr: cannot encode", LW_NOWHERE);
    }
    if ((*qr)->version > WALLET_QR_VERSION_MAX) {
        return LW_FAIL(LW_E_LIMIT, "qr: would need more than version 25", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

/* Says whether the module is dark; outside the code lies the quiet zone. */
static bool dark(const QRcode *qr, int x, int y)
{
    return x >= 0 && y >= 0 && x < qr->width && y < qr->width &&
           (qr->data[(size_t)y * (size_t)qr->width + (size_t)x] & 1) != 0;
}

struct png_sink {
    lw_buf *out;
    lw_err err;
};

static void png_put(png_structp png, png_bytep data, size_t len)
{
    struct png_sink *sink = png_get_io_ptr(png);
    if (sink->err.code == LW_OK) {
        sink->err = lw_buf_put(sink->out, (lw_bytes){.ptr = data, .len = len});
    }
}

static void png_flush_nothing(png_structp png)
{
    (void)png;
}

/* Fills one row of pixels, a bit each, 1 is white. */
static void fill_row(const QRcode *qr, int y, unsigned module, uint8_t *row, size_t row_bytes)
{
    memset(row, 0xff, row_bytes);
    for (int x = 0; x < qr->width; x++) {
        if (!dark(qr, x, y)) {
            continue;
        }
        for (unsigned p = 0; p < module; p++) {
            const size_t bit = (size_t)(x + WALLET_QR_QUIET) * module + p;
            row[bit / 8] &= (uint8_t) ~(0x80u >> (bit % 8));
        }
    }
}

/* libpng returns from an error by longjmp: nothing here may be lost by it. */
static lw_err write_rows(png_structp png, png_infop info, const QRcode *qr, unsigned module,
                         uint8_t *row)
{
    const unsigned side = (unsigned)(qr->width + 2 * WALLET_QR_QUIET) * module;
    if (setjmp(png_jmpbuf(png)) != 0) {
        return LW_FAIL(LW_E_NOMEM, "qr: cannot write PNG", LW_NOWHERE);
    }
    png_set_IHDR(png, info, side, side, 1, PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int y = -WALLET_QR_QUIET; y < qr->width + WALLET_QR_QUIET; y++) {
        fill_row(qr, y, module, row, (side + 7) / 8);
        for (unsigned p = 0; p < module; p++) {
            png_write_row(png, row);
        }
    }
    png_write_end(png, NULL);
    return LW_SUCCESS;
}

static lw_err write_png(const QRcode *qr, unsigned module, lw_buf *out)
{
    struct png_sink sink = {.out = out, .err = LW_SUCCESS};
    const size_t row_bytes = ((size_t)(qr->width + 2 * WALLET_QR_QUIET) * module + 7) / 8;
    LW_AUTO_BUF row = LW_BUF(row_bytes);
    uint8_t *room = NULL;
    LW_TRY(lw_buf_reserve(&row, row_bytes, &room));
    png_structp png = png_create_write_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, NULL);
    png_infop info = png == NULL ? NULL : png_create_info_struct(png);
    lw_err err = LW_FAIL(LW_E_NOMEM, "qr: out of memory", LW_NOWHERE);
    if (info != NULL) {
        png_set_write_fn(png, &sink, png_put, png_flush_nothing);
        err = write_rows(png, info, qr, module, room);
        err = err.code == LW_OK ? sink.err : err;
    }
    png_destroy_write_struct(&png, &info);
    return err;
}

/* One path of horizontal runs: small, and sharp at any size. */
static lw_err write_svg(const QRcode *qr, unsigned module, lw_buf *out)
{
    char text[256];
    const int side = qr->width + 2 * WALLET_QR_QUIET;
    (void)snprintf(text, sizeof(text),
                   "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%u\" height=\"%u\" "
                   "viewBox=\"0 0 %d %d\" shape-rendering=\"crispEdges\">"
                   "<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/><path fill=\"#000\" d=\"",
                   (unsigned)side * module, (unsigned)side * module, side, side, side, side);
    LW_TRY(lw_buf_put_c(out, text));
    for (int y = 0; y < qr->width; y++) {
        for (int x = 0; x < qr->width; x++) {
            int run = 0;
            while (dark(qr, x + run, y)) {
                run++;
            }
            if (run > 0) {
                (void)snprintf(text, sizeof(text), "M%d %dh%dv1h-%dz", x + WALLET_QR_QUIET,
                               y + WALLET_QR_QUIET, run, run);
                LW_TRY(lw_buf_put_c(out, text));
                x += run;
            }
        }
    }
    return lw_buf_put_c(out, "\"/></svg>\n");
}

/*
 * Two modules a character, by half blocks. Colours are set, so that the code is dark on light on
 * terminals of either kind.
 */
static lw_err write_terminal(const QRcode *qr, lw_buf *out)
{
    for (int y = -WALLET_QR_QUIET; y < qr->width + WALLET_QR_QUIET; y += 2) {
        LW_TRY(lw_buf_put_c(out, "\033[30;107m"));
        for (int x = -WALLET_QR_QUIET; x < qr->width + WALLET_QR_QUIET; x++) {
            const bool above = dark(qr, x, y);
            const bool below = dark(qr, x, y + 1);
            const char *block = above ? (below ? "\u2588" : "\u2580") : (below ? "\u2584" : " ");
            LW_TRY(lw_buf_put_c(out, block));
        }
        LW_TRY(lw_buf_put_c(out, "\033[0m\n"));
    }
    return LW_SUCCESS;
}

lw_err wallet_qr_write(lw_str text, enum wallet_qr_form form, unsigned module, lw_buf *out,
                       struct wallet_qr_info *info)
{
    AUTO_QR qr = NULL;
    char level = 'M';
    if (module < 1 || module > MODULE_MAX) {
        return LW_FAIL(LW_E_MISUSE, "qr: 1 to 32 pixels a module", LW_NOWHERE);
    }
    LW_TRY(encode(text, &qr, &level));
    const size_t before = out->len;
    lw_err err = LW_SUCCESS;
    switch (form) {
    case WALLET_QR_PNG:
        err = write_png(qr, module, out);
        break;
    case WALLET_QR_SVG:
        err = write_svg(qr, module, out);
        break;
    case WALLET_QR_TERMINAL:
        err = write_terminal(qr, out);
        break;
    }
    if (err.code != LW_OK) {
        lw_buf_truncate(out, before);
        return err;
    }
    if (info != NULL) {
        *info = (struct wallet_qr_info){
            .version = (unsigned)qr->version, .level = level, .modules = (unsigned)qr->width};
    }
    return LW_SUCCESS;
}
