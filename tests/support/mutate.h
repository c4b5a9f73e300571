/* Changes to valid bytes, driven by a fuzzer's input, so that it starts from what is accepted. */
#ifndef SUPPORT_MUTATE_H
#define SUPPORT_MUTATE_H

#include "lw/buf.h"

/**
 * Append `valid` with the edits of `script` to `out`: four bytes each, of which two say where,
 * one what to do (replace, insert, remove, double the rest) and one the value.
 */
void support_mutate(lw_bytes valid, lw_bytes script, lw_buf *out);

#endif
