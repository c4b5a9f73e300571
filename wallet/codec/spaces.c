#include "spaces.h"

size_t codec_space_len(lw_str s)
{
    static const lw_str wide[] = {
        {.ptr = "\xc2\xa0", .len = 2},     /* U+00A0 no-break space */
        {.ptr = "\xc2\x85", .len = 2},     /* U+0085 next line */
        {.ptr = "\xe3\x80\x80", .len = 3}, /* U+3000 ideographic space */
        {.ptr = "\xe2\x80\xaf", .len = 3}, /* U+202F narrow no-break space */
        {.ptr = "\xe2\x80\xa8", .len = 3}, /* U+2028 line separator */
        {.ptr = "\xe2\x80\xa9", .len = 3}, /* U+2029 paragraph separator */
        {.ptr = "\xe2\x81\xa0", .len = 3}, /* U+2060 word joiner */
        {.ptr = "\xef\xbb\xbf", .len = 3}, /* U+FEFF byte order mark */
    };
    if (s.len == 0) {
        return 0;
    }
    if (s.ptr[0] == ' ' || (s.ptr[0] >= '\t' && s.ptr[0] <= '\r')) {
        return 1;
    }
    for (size_t i = 0; i < sizeof(wide) / sizeof(wide[0]); i++) {
        if (lw_str_starts(s, wide[i])) {
            return wide[i].len;
        }
    }
    /* U+2000 to U+200B: spaces of printers' widths, and the one of none. */
    const bool general = lw_str_starts(s, LW_STR("\xe2\x80")) && s.len > 2;
    return general && (unsigned char)s.ptr[2] >= 0x80 && (unsigned char)s.ptr[2] <= 0x8b ? 3 : 0;
}

/* Returns the bytes of the white space that `s` ends with. */
static size_t space_before_end(lw_str s)
{
    for (size_t len = 1; len <= 3 && len <= s.len; len++) {
        if (codec_space_len(lw_str_from(s, s.len - len)) == len) {
            return len;
        }
    }
    return 0;
}

lw_str codec_trimmed(lw_str s)
{
    for (size_t len = codec_space_len(s); len > 0; len = codec_space_len(s)) {
        s = lw_str_from(s, len);
    }
    for (size_t len = space_before_end(s); len > 0; len = space_before_end(s)) {
        s.len -= len;
    }
    return s;
}
