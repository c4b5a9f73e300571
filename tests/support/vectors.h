/*
 * Public test vectors, read where they lie and never committed: $LW_VECTORS, else
 * ../shared/vectors beside the source tree. Where they are not, a set is skipped and counted.
 */
#ifndef SUPPORT_VECTORS_H
#define SUPPORT_VECTORS_H

#include <jansson.h>

#include "lw/buf.h"

/** Return the folder of set `name` ("cose", "wycheproof", ...), static, or NULL when absent. */
const char *support_vectors(const char *name);

/** Read a file of a set; aborts when it cannot. The path is relative to the set's folder. */
void support_vector_file(const char *set, const char *path, lw_buf *out);

/** Read a JSON file of a set; aborts when it cannot. The caller calls json_decref(). */
json_t *support_vector_json(const char *set, const char *path);

/*
 * Print the line a run is judged by, "vectors SET: N cases run, M left out (WHY)", and fail the
 * test when `run + left_out` is not `expected` (a loader that skips files must not pass).
 */
void support_vector_report(const char *set, size_t run, size_t left_out, const char *why,
                           size_t expected);

#endif
