/* Bend one place of a JSON document, for tests that show each refusal of a reader. */
#ifndef SUPPORT_EDIT_H
#define SUPPORT_EDIT_H

#include "lw/buf.h"

/**
 * Append the document `json` to `out` with the value at `pointer` (RFC 6901; member names without
 * '~' and '/') replaced by, or, where there is none yet, set to `value` (JSON text); NULL removes
 * it; "-" as an array's index appends. Aborts the test when that cannot be done.
 */
void support_edit(const char *json, const char *pointer, const char *value, lw_buf *out);

#endif
