/* Grey pictures out of strangers' PNG and JPEG bytes, bounded before anything is allocated. */
#ifndef SCAN_IMAGE_H
#define SCAN_IMAGE_H

#include "lw/buf.h"

enum { SCAN_PIXELS_MAX = 40 * 1000 * 1000, SCAN_SIDE_MAX = 20000 };

/* One byte a pixel, rows from the top without padding. */
struct scan_image {
    unsigned width;
    unsigned height;
    lw_buf pixels;
};

/**
 * Decode `in`.
 *
 * image   zeroed by the caller; its pixels are the caller's to free
 * errors  LW_E_SYNTAX  neither PNG nor JPEG, or damaged; LW_E_LIMIT  more pixels than allowed
 */
LW_MUST_USE lw_err scan_image_read(lw_bytes in, struct scan_image *image);

/** Make `out` of `in` with each `factor` x `factor` block averaged to one pixel. */
LW_MUST_USE lw_err scan_image_shrink(const struct scan_image *in, unsigned factor,
                                     struct scan_image *out);

/** Make `out` of `in` with each pixel doubled both ways. */
LW_MUST_USE lw_err scan_image_double(const struct scan_image *in, struct scan_image *out);

#endif
