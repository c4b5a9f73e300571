/* White space as spreadsheets hold it: ASCII, non-breaking, fullwidth and of no width. */
#ifndef CODEC_SPACES_H
#define CODEC_SPACES_H

#include "lw/buf.h"

/**
 * Return the bytes of the white space that `s` begins with, one character of it, or 0.
 *
 * source  the characters of White_Space in Unicode's PropList.txt that offices' programs write,
 *         and U+200B, U+2060 and U+FEFF, which show nothing
 */
size_t codec_space_len(lw_str s);

/** Return `s` (UTF-8) without the white space at its start and end. */
lw_str codec_trimmed(lw_str s);

#endif
