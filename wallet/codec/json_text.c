#include "json_text.h"

#include "utf8.h"

enum { HIGH_FIRST = 0xd800, LOW_FIRST = 0xdc00, LOW_LAST = 0xdfff, PLANE_1 = 0x10000 };

/* Bytes of a word: the lowest flagged one is exact, those above it may be false. */
static const uint64_t ONES = UINT64_C(0x0101010101010101);
static const uint64_t TOPS = UINT64_C(0x8080808080808080);

/* Eight bytes as a word whose lowest byte is the first. */
static uint64_t load8(const char *at)
{
    uint64_t word;
    memcpy(&word, at, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

static uint64_t below(uint64_t word, uint8_t limit)
{
    return (word - ONES * limit) & ~word & TOPS;
}

static bool is_special(uint8_t c)
{
    return c == '"' || c == '\\' || c < 0x20;
}

/* Returns the first byte at or after `at` that is a quote, a backslash or a control character;
 * notes in `high` whether a byte above 0x7f may have been passed. */
static const char *plain_end(const char *at, const char *end, uint64_t *high)
{
    while (end - at >= 8) {
        const uint64_t word = load8(at);
        *high |= word & TOPS;
        const uint64_t found =
            below(word, 0x20) | below(word ^ ONES * '"', 1) | below(word ^ ONES * '\\', 1);
        if (found != 0) {
            return at + __builtin_ctzll(found) / 8;
        }
        at += 8;
    }
    while (at < end && !is_special((uint8_t)*at)) {
        *high |= (uint8_t)*at & 0x80;
        at++;
    }
    return at;
}

static bool read_hex4(const char *at, const char *end, uint32_t *unit)
{
    if (end - at < 4) {
        return false;
    }
    *unit = 0;
    for (size_t i = 0; i < 4; i++) {
        const char c = at[i];
        const char lower = (char)(c | 0x20);
        uint32_t digit = 0;
        if (c >= '0' && c <= '9') {
            digit = (uint32_t)(c - '0');
        } else if (lower >= 'a' && lower <= 'f') {
            digit = (uint32_t)(lower - 'a') + 10;
        } else {
            return false;
        }
        *unit = *unit << 4 | digit;
    }
    return true;
}

/*
 * Reads the escape whose backslash is at `*at` and moves past it; false when it is none.
 * A high surrogate without its low one, or a low one alone, stands for no character: RFC 8259
 * section 8.2 calls what readers make of it unpredictable, so it is refused.
 */
static bool read_escape(const char **at, const char *end, uint32_t *point)
{
    static const char marks[] = "\"\\/bfnrt";
    static const char meant[] = "\"\\/\b\f\n\r\t";
    const char *p = *at + 1;
    if (p == end) {
        return false;
    }
    const char *mark = *p == '\0' ? NULL : strchr(marks, *p);
    if (mark != NULL) {
        *point = (uint8_t)meant[mark - marks];
        *at = p + 1;
        return true;
    }
    if (*p != 'u' || !read_hex4(p + 1, end, point)) {
        return false;
    }
    p += 5;
    if (*point < HIGH_FIRST || *point > LOW_LAST) {
        *at = p;
        return true;
    }
    uint32_t low = 0;
    if (*point >= LOW_FIRST || end - p < 6 || p[0] != '\\' || p[1] != 'u' ||
        !read_hex4(p + 2, end, &low) || low < LOW_FIRST || low > LOW_LAST) {
        return false;
    }
    *point = PLANE_1 + ((*point - HIGH_FIRST) << 10) + (low - LOW_FIRST);
    *at = p + 6;
    return true;
}

/* Goes over plain characters and escapes to the closing quote. */
static const char *scan_to_quote(const char **at, const char *end, uint64_t *high, bool *escaped)
{
    const char *p = *at;
    const char *why = NULL;
    while (why == NULL) {
        uint32_t point = 0;
        p = plain_end(p, end, high);
        if (p == end) {
            why = "json: a string without end";
        } else if (*p == '"') {
            break;
        } else if (*p != '\\') {
            why = "json: control character";
        } else if (!read_escape(&p, end, &point)) {
            why = "json: bad escape";
        } else {
            *escaped = true;
        }
    }
    *at = p;
    return why;
}

const char *json_text_scan(const char **at, const char *end, struct wallet_json_text *text)
{
    const char *const from = *at + 1;
    const char *p = from;
    bool escaped = false;
    uint64_t high = 0;
    const char *why = scan_to_quote(&p, end, &high, &escaped);
    if (why != NULL) {
        *at = p;
        return why;
    }
    const lw_str raw = {.ptr = from, .len = (size_t)(p - from)};
    size_t bad = 0;
    if (high != 0 && !codec_utf8_valid(lw_str_bytes(raw), &bad)) {
        *at = from + bad;
        return "json: not UTF-8";
    }
    *text = (struct wallet_json_text){.raw = raw, .escaped = escaped};
    *at = p + 1;
    return NULL;
}

/* Characters of a string that was scanned, one after the other. */
struct walk {
    const char *at;
    const char *end;
    bool escaped;
};

static struct walk walk_of(struct wallet_json_text text)
{
    const char *at = text.raw.len == 0 ? "" : text.raw.ptr;
    return (struct walk){.at = at, .end = at + text.raw.len, .escaped = text.escaped};
}

/* Reads one character above 0x7f of text that is UTF-8. */
static uint32_t read_utf8(struct walk *w)
{
    const uint8_t first = (uint8_t)*w->at++;
    const size_t more = first >= 0xf0 ? 3 : first >= 0xe0 ? 2 : 1;
    uint32_t point = first & (0x3fU >> more);
    for (size_t i = 0; i < more && w->at < w->end; i++) {
        point = point << 6 | ((uint8_t)*w->at++ & 0x3f);
    }
    return point;
}

static bool next_point(struct walk *w, uint32_t *point)
{
    if (w->at == w->end) {
        return false;
    }
    if (w->escaped && *w->at == '\\') {
        return read_escape(&w->at, w->end, point);
    }
    if ((uint8_t)*w->at >= 0x80) {
        *point = read_utf8(w);
        return true;
    }
    *point = (uint8_t)*w->at++;
    return true;
}

static uint32_t load4(const char *at)
{
    uint32_t word;
    memcpy(&word, at, sizeof(word));
    return word;
}

/* Length, head and tail tell names apart; names that agree in them are compared. */
uint32_t json_text_hash(lw_str raw)
{
    uint64_t head = 0;
    uint64_t tail = 0;
    if (raw.len >= 8) {
        head = load8(raw.ptr);
        tail = load8(raw.ptr + raw.len - 8);
    } else if (raw.len >= 4) {
        head = load4(raw.ptr);
        tail = load4(raw.ptr + raw.len - 4);
    } else if (raw.len > 0) {
        head = (uint8_t)raw.ptr[0];
        tail = (uint64_t)(uint8_t)raw.ptr[raw.len / 2] << 8 | (uint8_t)raw.ptr[raw.len - 1];
    }
    const uint64_t hash =
        (head + raw.len) * UINT64_C(0x9e3779b97f4a7c15) ^ tail * UINT64_C(0xc2b2ae3d27d4eb4f);
    return (uint32_t)(hash >> 32) | 1;
}

bool wallet_json_same(struct wallet_json_text a, struct wallet_json_text b)
{
    if (!a.escaped && !b.escaped) {
        return lw_str_eq(a.raw, b.raw);
    }
    struct walk left = walk_of(a);
    struct walk right = walk_of(b);
    for (;;) {
        uint32_t l = 0;
        uint32_t r = 0;
        const bool more = next_point(&left, &l);
        if (more != next_point(&right, &r) || (more && l != r)) {
            return false;
        }
        if (!more) {
            return true;
        }
    }
}

static size_t utf8_len(uint32_t point)
{
    return point < 0x80 ? 1 : point < 0x800 ? 2 : point < PLANE_1 ? 3 : 4;
}

static uint8_t *write_utf8(uint32_t point, uint8_t *dst)
{
    static const uint8_t heads[] = {0, 0, 0xc0, 0xe0, 0xf0};
    const size_t len = utf8_len(point);
    dst[0] = (uint8_t)(heads[len] | point >> (6 * (len - 1)));
    for (size_t i = 1; i < len; i++) {
        dst[i] = (uint8_t)(0x80 | (point >> (6 * (len - 1 - i)) & 0x3f));
    }
    return dst + len;
}

lw_err wallet_json_unescape(struct wallet_json_text text, lw_buf *out)
{
    if (!text.escaped) {
        return lw_buf_put_str(out, text.raw);
    }
    uint32_t point = 0;
    size_t len = 0;
    for (struct walk w = walk_of(text); next_point(&w, &point);) {
        len += utf8_len(point);
    }
    uint8_t *dst = NULL;
    LW_TRY(lw_buf_reserve(out, len, &dst));
    for (struct walk w = walk_of(text); next_point(&w, &point);) {
        dst = write_utf8(point, dst);
    }
    lw_buf_commit(out, len);
    return LW_SUCCESS;
}
