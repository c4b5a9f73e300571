/*
 * What an image is, by its header and the bounds of its parts: portraits on licenses. Nothing is
 * decoded: strangers' pictures are decoded by lw-scan alone. Pure.
 */
#ifndef WALLET_IMAGE_H
#define WALLET_IMAGE_H

#include "lw/buf.h"

enum { WALLET_IMAGE_SIDE_MAX = 4096 }; /* pixels */

/* Bits, so that a license type can allow several. */
enum wallet_image_media {
    WALLET_IMAGE_JPEG = 1 << 0, /* "image/jpeg" */
    WALLET_IMAGE_PNG = 1 << 1,  /* "image/png" */
};

struct wallet_image {
    enum wallet_image_media media;
    uint32_t width; /* pixels, 1 to WALLET_IMAGE_SIDE_MAX */
    uint32_t height;
};

/**
 * Read the kind and size of an image, and check that its parts lie within it and end with it.
 *
 * errors  LW_E_UNSUPPORTED  neither JPEG nor PNG; LW_E_SYNTAX  damaged or cut short, at its place;
 *         LW_E_LIMIT  more than WALLET_IMAGE_SIDE_MAX pixels wide or high
 * does not check  the compressed data, CRCs, and what the picture shows
 * source  ITU-T T.81 annex B (JPEG); PNG third edition, sections 5 and 11.2
 */
LW_MUST_USE lw_err wallet_image_check(lw_bytes in, struct wallet_image *image);

#endif
