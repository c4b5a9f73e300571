/* Small helpers of tests: hex, and bytes from text. */
#ifndef SUPPORT_BYTES_H
#define SUPPORT_BYTES_H

#include "lw/buf.h"

/** Append the bytes of hex text (spaces and line breaks skipped); aborts the test on bad hex. */
void support_hex(const char *hex, lw_buf *out);

/** Read a whole file of the source tree or of a vector set; aborts the test when it cannot. */
void support_read_file(const char *path, lw_buf *out);

/** Return a seeded, reproducible random source's fill function context (not for secrets). */
struct support_rng {
    uint64_t state;
};
struct lw_rng;
struct lw_rng support_rng(struct support_rng *rng, uint64_t seed);

#endif
