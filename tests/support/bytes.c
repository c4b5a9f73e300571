#include "bytes.h"

#include <stdio.h>
#include <stdlib.h>

#include "lw/rng.h"

static void give_up(const char *what, const char *about)
{
    fprintf(stderr, "test support: %s: %s\n", what, about);
    abort();
}

static int nibble(char c)
{
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    if (c >= 'a' && c <= 'f') {
        return c - 'a' + 10;
    }
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

void support_hex(const char *hex, lw_buf *out)
{
    int high = -1;
    for (const char *c = hex; *c != 0; c++) {
        if (*c == ' ' || *c == '\n' || *c == '\r' || *c == '\t') {
            continue;
        }
        const int value = nibble(*c);
        if (value < 0) {
            give_up("not hex", hex);
        }
        if (high < 0) {
            high = value;
            continue;
        }
        if (lw_buf_put_byte(out, (uint8_t)(high << 4 | value)).code != LW_OK) {
            give_up("buffer too small", hex);
        }
        high = -1;
    }
    if (high >= 0) {
        give_up("odd number of digits", hex);
    }
}

void support_read_file(const char *path, lw_buf *out)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        give_up("cannot open", path);
        return;
    }
    uint8_t chunk[4096];
    size_t got = 0;
    while ((got = fread(chunk, 1, sizeof(chunk), file)) > 0) {
        if (lw_buf_put(out, (lw_bytes){.ptr = chunk, .len = got}).code != LW_OK) {
            give_up("larger than the buffer", path);
        }
    }
    if (ferror(file) != 0) {
        give_up("cannot read", path);
    }
    fclose(file);
}

/* splitmix64: enough to vary test data, and the same on every machine. */
static lw_err fill(void *ctx, uint8_t *out, size_t n)
{
    struct support_rng *rng = ctx;
    for (size_t i = 0; i < n; i++) {
        rng->state += 0x9e3779b97f4a7c15u;
        uint64_t z = rng->state;
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
        z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
        out[i] = (uint8_t)(z ^ (z >> 31));
    }
    return LW_SUCCESS;
}

struct lw_rng support_rng(struct support_rng *rng, uint64_t seed)
{
    rng->state = seed;
    return (struct lw_rng){.fill = fill, .ctx = rng};
}
