/* Converters of the C library between UTF-8 and GB18030, opened with errors of ours. */
#ifndef CODEC_CSV_ICONV_H
#define CODEC_CSV_ICONV_H

#include <iconv.h>

#include "lw/err.h"

/**
 * Open a converter.
 *
 * to, from  names of encodings that iconv_open() takes
 * out       iconv_close() it
 * errors    LW_E_NOMEM; LW_E_IO  the C library has no GB18030
 */
LW_MUST_USE lw_err csv_iconv_open(const char *to, const char *from, iconv_t *out);

#endif
