#include "csv_iconv.h"

#include <errno.h>

/* Written through `out` at once: held by a variable, (iconv_t)-1 counts as leaked memory. */
lw_err csv_iconv_open(const char *to, const char *from, iconv_t *out)
{
    *out = iconv_open(to, from);
    if (*out != (iconv_t)-1) {
        return LW_SUCCESS;
    }
    return LW_FAIL(errno == ENOMEM ? LW_E_NOMEM : LW_E_IO,
                   "csv: the C library has no GB18030 converter", LW_NOWHERE);
}
