/* What passes as an image has a kind and sides within bounds, and none of its beginnings passes. */
#include <stdlib.h>

#include "wallet/image.h"

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wallet_image image;
    if (wallet_image_check((lw_bytes){data, size}, &image).code == LW_OK) {
        must(image.media == WALLET_IMAGE_JPEG || image.media == WALLET_IMAGE_PNG);
        must(image.width >= 1 && image.width <= WALLET_IMAGE_SIDE_MAX);
        must(image.height >= 1 && image.height <= WALLET_IMAGE_SIDE_MAX);
        must(image.media != WALLET_IMAGE_PNG ||
             wallet_image_check((lw_bytes){data, size - 1}, &image).code != LW_OK);
    }
    return 0;
}
