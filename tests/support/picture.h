/* Pictures that tests send: JPEG made of the PNG of a code, and pictures without a code. */
#ifndef SUPPORT_PICTURE_H
#define SUPPORT_PICTURE_H

#include "lw/buf.h"

/** Append the JPEG of a PNG; aborts the test when it cannot. */
void support_png_to_jpeg(lw_bytes png, lw_buf *jpeg);

/** Append a PNG of `width` x `height` pixels of one grey. */
void support_png_grey(unsigned width, unsigned height, lw_buf *png);

#endif
