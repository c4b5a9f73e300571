#include "utf8.h"

/* The sequence that starts with `first`: its length and the range of its second byte. */
struct sequence {
    size_t len; /* 0: cannot start one */
    uint8_t low;
    uint8_t high;
};

static struct sequence sequence_of(uint8_t first)
{
    if (first < 0x80) {
        return (struct sequence){.len = 1};
    }
    if (first < 0xc2 || first > 0xf4) {
        return (struct sequence){.len = 0};
    }
    if (first < 0xe0) {
        return (struct sequence){.len = 2, .low = 0x80, .high = 0xbf};
    }
    if (first < 0xf0) {
        return (struct sequence){
            .len = 3, .low = first == 0xe0 ? 0xa0 : 0x80, .high = first == 0xed ? 0x9f : 0xbf};
    }
    return (struct sequence){
        .len = 4, .low = first == 0xf0 ? 0x90 : 0x80, .high = first == 0xf4 ? 0x8f : 0xbf};
}

bool codec_utf8_valid(lw_bytes in, size_t *bad)
{
    for (size_t i = 0; i < in.len;) {
        const struct sequence seq = sequence_of(in.ptr[i]);
        bool holds = seq.len > 0 && in.len - i >= seq.len;
        if (holds && seq.len > 1) {
            holds = in.ptr[i + 1] >= seq.low && in.ptr[i + 1] <= seq.high;
        }
        for (size_t k = 2; holds && k < seq.len; k++) {
            holds = (in.ptr[i + k] & 0xc0) == 0x80;
        }
        if (!holds) {
            *bad = i;
            return false;
        }
        i += seq.len;
    }
    return true;
}
