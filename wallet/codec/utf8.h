/* UTF-8 as RFC 3629 has it: no overlong forms, no surrogates, nothing above U+10FFFF. */
#ifndef CODEC_UTF8_H
#define CODEC_UTF8_H

#include "lw/buf.h"

/**
 * Say whether `in` is UTF-8.
 *
 * bad     set to the offset of the first byte of what is not, when false
 * source  RFC 3629 section 4
 */
bool codec_utf8_valid(lw_bytes in, size_t *bad);

#endif
