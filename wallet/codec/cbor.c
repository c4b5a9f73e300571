#include "wallet/cbor.h"

#include <assert.h>
#include <math.h>

#include "cbor_head.h"
#include "utf8.h"

/* A map of more pairs must be sorted: duplicates are then found without remembering keys. */
enum { UNSORTED_PAIRS_MAX = 128 };

struct head {
    uint8_t major;
    uint8_t info;
    uint64_t arg;
};

static size_t left(const struct wallet_cbor *r)
{
    return (size_t)(r->end - r->at);
}

struct wallet_cbor wallet_cbor_reader(lw_bytes in)
{
    /* An empty slice may hold NULL, to which nothing can be added. */
    static const uint8_t nothing[1];
    const uint8_t *start = in.len == 0 ? nothing : in.ptr;
    return (struct wallet_cbor){
        .start = start, .at = start, .end = start + in.len, .err = LW_SUCCESS};
}

void wallet_cbor_fail(struct wallet_cbor *r, lw_err err)
{
    if (!wallet_cbor_ok(r)) {
        return;
    }
    r->err = err;
    if (err.at == LW_NOWHERE) {
        r->err.at = (size_t)(r->at - r->start);
    }
}

static void fail_at(struct wallet_cbor *r, const uint8_t *at, lw_code code, const char *why)
{
    wallet_cbor_fail(r, LW_FAIL(code, why, (size_t)(at - r->start)));
}

/* Reads one head and steps over it. On failure nothing is consumed and the error is latched. */
static bool read_head(struct wallet_cbor *r, struct head *head)
{
    static const uint64_t least[] = {24, UINT8_MAX + 1u, UINT16_MAX + 1u, UINT64_C(1) << 32};
    if (!wallet_cbor_ok(r)) {
        return false;
    }
    if (r->at == r->end) {
        fail_at(r, r->at, LW_E_SYNTAX, "cbor: input ends where an item is due");
        return false;
    }
    const uint8_t major = (uint8_t)(*r->at >> 5);
    const uint8_t info = *r->at & 0x1f;
    if (info < CBOR_INFO_ONE_BYTE) {
        *head = (struct head){.major = major, .info = info, .arg = info};
        r->at++;
        return true;
    }
    if (info > CBOR_INFO_EIGHT_BYTES) {
        fail_at(r, r->at, LW_E_SYNTAX,
                info == CBOR_INFO_INDEFINITE ? "cbor: indefinite length" : "cbor: reserved bits");
        return false;
    }
    const size_t width = (size_t)1 << (info - CBOR_INFO_ONE_BYTE);
    if (left(r) - 1 < width) {
        fail_at(r, r->at, LW_E_SYNTAX, "cbor: input ends inside a head");
        return false;
    }
    uint64_t arg = 0;
    for (size_t i = 1; i <= width; i++) {
        arg = arg << 8 | r->at[i];
    }
    /* The bits of a float are no count: each width is its own spelling. */
    if (major != CBOR_MAJOR_SIMPLE && arg < least[info - CBOR_INFO_ONE_BYTE]) {
        fail_at(r, r->at, LW_E_SYNTAX, "cbor: head is not in its shortest form");
        return false;
    }
    if (major == CBOR_MAJOR_SIMPLE && info == CBOR_INFO_ONE_BYTE &&
        arg < CBOR_SIMPLE_TWO_BYTES_FIRST) {
        fail_at(r, r->at, LW_E_SYNTAX, "cbor: simple value is not in its shortest form");
        return false;
    }
    *head = (struct head){.major = major, .info = info, .arg = arg};
    r->at += 1 + width;
    return true;
}

/* Reads a head of `major`; on another type nothing is consumed. */
static bool expect(struct wallet_cbor *r, enum cbor_major major, struct head *head)
{
    const uint8_t *at = r->at;
    if (!read_head(r, head)) {
        return false;
    }
    if (head->major == major) {
        return true;
    }
    r->at = at;
    fail_at(r, at, LW_E_SYNTAX, "cbor: item of another type");
    return false;
}

enum wallet_cbor_type wallet_cbor_peek(const struct wallet_cbor *r)
{
    static const enum wallet_cbor_type by_major[] = {
        WALLET_CBOR_UINT,  WALLET_CBOR_NINT, WALLET_CBOR_BYTES, WALLET_CBOR_TEXT,
        WALLET_CBOR_ARRAY, WALLET_CBOR_MAP,  WALLET_CBOR_TAG,   WALLET_CBOR_SIMPLE};
    if (!wallet_cbor_ok(r) || r->at == r->end) {
        return WALLET_CBOR_END;
    }
    const uint8_t major = (uint8_t)(*r->at >> 5);
    const uint8_t info = *r->at & 0x1f;
    if (major != CBOR_MAJOR_SIMPLE) {
        return by_major[major];
    }
    if (info == CBOR_SIMPLE_FALSE || info == CBOR_SIMPLE_TRUE) {
        return WALLET_CBOR_BOOL;
    }
    if (info == CBOR_SIMPLE_NULL) {
        return WALLET_CBOR_NULL;
    }
    const bool is_float = info > CBOR_INFO_ONE_BYTE && info <= CBOR_INFO_EIGHT_BYTES;
    return is_float ? WALLET_CBOR_FLOAT : WALLET_CBOR_SIMPLE;
}

uint64_t wallet_cbor_uint(struct wallet_cbor *r)
{
    struct head head;
    return expect(r, CBOR_MAJOR_UINT, &head) ? head.arg : 0;
}

int64_t wallet_cbor_int(struct wallet_cbor *r)
{
    const uint8_t *at = r->at;
    const bool negative = wallet_cbor_peek(r) == WALLET_CBOR_NINT;
    struct head head;
    if (!expect(r, negative ? CBOR_MAJOR_NINT : CBOR_MAJOR_UINT, &head)) {
        return 0;
    }
    if (head.arg > INT64_MAX) {
        r->at = at;
        fail_at(r, at, LW_E_VALUE, "cbor: integer outside 64 bits");
        return 0;
    }
    return negative ? -1 - (int64_t)head.arg : (int64_t)head.arg;
}

/* Takes the contents of a string whose head was read; `at` is where the head began. */
static lw_bytes take(struct wallet_cbor *r, const uint8_t *at, uint64_t len)
{
    if (len > left(r)) {
        r->at = at;
        fail_at(r, at, LW_E_SYNTAX, "cbor: string is longer than the input");
        return (lw_bytes){.ptr = NULL, .len = 0};
    }
    const lw_bytes bytes = {.ptr = r->at, .len = (size_t)len};
    r->at += bytes.len;
    return bytes;
}

lw_bytes wallet_cbor_bytes(struct wallet_cbor *r)
{
    const uint8_t *at = r->at;
    struct head head;
    if (!expect(r, CBOR_MAJOR_BYTES, &head)) {
        return (lw_bytes){.ptr = NULL, .len = 0};
    }
    return take(r, at, head.arg);
}

/* Takes text whose head was read, and checks that it is UTF-8. */
static lw_str take_text(struct wallet_cbor *r, const uint8_t *at, uint64_t len)
{
    const lw_bytes bytes = take(r, at, len);
    size_t bad = 0;
    if (!codec_utf8_valid(bytes, &bad)) {
        fail_at(r, bytes.ptr + bad, LW_E_SYNTAX, "cbor: text is not UTF-8");
        r->at = at;
        return (lw_str){.ptr = NULL, .len = 0};
    }
    return lw_bytes_str(bytes);
}

lw_str wallet_cbor_text(struct wallet_cbor *r)
{
    const uint8_t *at = r->at;
    struct head head;
    if (!expect(r, CBOR_MAJOR_TEXT, &head)) {
        return (lw_str){.ptr = NULL, .len = 0};
    }
    return take_text(r, at, head.arg);
}

/* An element needs a byte at least, so a count beyond what is left can be refused at once. */
static size_t take_count(struct wallet_cbor *r, const uint8_t *at, uint64_t count,
                         size_t bytes_each)
{
    if (count > left(r) / bytes_each) {
        r->at = at;
        fail_at(r, at, LW_E_SYNTAX, "cbor: more elements than the input can hold");
        return 0;
    }
    return (size_t)count;
}

size_t wallet_cbor_array(struct wallet_cbor *r)
{
    const uint8_t *at = r->at;
    struct head head;
    return expect(r, CBOR_MAJOR_ARRAY, &head) ? take_count(r, at, head.arg, 1) : 0;
}

size_t wallet_cbor_map(struct wallet_cbor *r)
{
    const uint8_t *at = r->at;
    struct head head;
    return expect(r, CBOR_MAJOR_MAP, &head) ? take_count(r, at, head.arg, 2) : 0;
}

uint64_t wallet_cbor_tag(struct wallet_cbor *r)
{
    struct head head;
    return expect(r, CBOR_MAJOR_TAG, &head) ? head.arg : 0;
}

/* Reads an item of major type 7 when the next item is of `type`. */
static bool expect_simple(struct wallet_cbor *r, enum wallet_cbor_type type, struct head *head)
{
    if (wallet_cbor_ok(r) && r->at != r->end && wallet_cbor_peek(r) != type) {
        fail_at(r, r->at, LW_E_SYNTAX, "cbor: item of another type");
    }
    return expect(r, CBOR_MAJOR_SIMPLE, head);
}

bool wallet_cbor_bool(struct wallet_cbor *r)
{
    struct head head;
    return expect_simple(r, WALLET_CBOR_BOOL, &head) && head.arg == CBOR_SIMPLE_TRUE;
}

void wallet_cbor_null(struct wallet_cbor *r)
{
    struct head head;
    (void)expect_simple(r, WALLET_CBOR_NULL, &head);
}

uint8_t wallet_cbor_simple(struct wallet_cbor *r)
{
    struct head head;
    return expect_simple(r, WALLET_CBOR_SIMPLE, &head) ? (uint8_t)head.arg : 0;
}

/* RFC 8949 appendix D. */
static double half_value(uint64_t bits)
{
    const int exponent = (int)(bits >> 10 & 0x1f);
    const double mantissa = (double)(bits & 0x3ff);
    double value = 0;
    if (exponent == 0) {
        value = mantissa / (1 << 24);
    } else if (exponent != 31) {
        value = (mantissa + 1024) * (1 << exponent) / (1 << 25);
    } else {
        value = mantissa == 0 ? HUGE_VAL : (double)NAN;
    }
    return (bits & 0x8000) != 0 ? -value : value;
}

double wallet_cbor_float(struct wallet_cbor *r)
{
    struct head head;
    if (!expect_simple(r, WALLET_CBOR_FLOAT, &head)) {
        return 0;
    }
    if (head.info == CBOR_INFO_ONE_BYTE + 1) {
        return half_value(head.arg);
    }
    if (head.info == CBOR_INFO_ONE_BYTE + 2) {
        const uint32_t bits = (uint32_t)head.arg;
        float value = 0;
        memcpy(&value, &bits, sizeof(value));
        return (double)value;
    }
    double value = 0;
    memcpy(&value, &head.arg, sizeof(value));
    return value;
}

static void check_item(struct wallet_cbor *r, unsigned depth);

/* Each key must be new: greater than the one before, or unlike all those remembered. */
static void check_map(struct wallet_cbor *r, size_t pairs, unsigned depth)
{
    lw_bytes keys[UNSORTED_PAIRS_MAX];
    lw_bytes last = {.ptr = NULL, .len = 0};
    bool sorted = true;
    for (size_t i = 0; i < pairs && wallet_cbor_ok(r); i++) {
        const uint8_t *at = r->at;
        check_item(r, depth);
        const lw_bytes key = {.ptr = at, .len = (size_t)(r->at - at)};
        sorted = sorted && (i == 0 || lw_bytes_cmp(last, key) < 0);
        if (!sorted && pairs > UNSORTED_PAIRS_MAX) {
            const bool same = lw_bytes_eq(last, key);
            fail_at(r, at, same ? LW_E_SYNTAX : LW_E_LIMIT,
                    same ? "cbor: duplicate map key" : "cbor: large map is not sorted");
        }
        for (size_t k = 0; !sorted && k < i && wallet_cbor_ok(r); k++) {
            if (lw_bytes_eq(keys[k], key)) {
                fail_at(r, at, LW_E_SYNTAX, "cbor: duplicate map key");
            }
        }
        if (i < UNSORTED_PAIRS_MAX) {
            keys[i] = key;
        }
        last = key;
        check_item(r, depth);
    }
}

/* Recursion is bounded by `depth`, which each array, map and tag lowers by one. */
static void check_item(struct wallet_cbor *r, unsigned depth)
{
    const uint8_t *at = r->at;
    struct head head;
    if (!read_head(r, &head)) {
        return;
    }
    if (head.major == CBOR_MAJOR_BYTES) {
        (void)take(r, at, head.arg);
        return;
    }
    if (head.major == CBOR_MAJOR_TEXT) {
        (void)take_text(r, at, head.arg);
        return;
    }
    if (head.major < CBOR_MAJOR_ARRAY || head.major == CBOR_MAJOR_SIMPLE) {
        return;
    }
    if (depth == 0) {
        fail_at(r, at, LW_E_LIMIT, "cbor: nested too deep");
        return;
    }
    if (head.major == CBOR_MAJOR_MAP) {
        check_map(r, take_count(r, at, head.arg, 2), depth - 1);
        return;
    }
    const size_t count = head.major == CBOR_MAJOR_TAG ? 1 : take_count(r, at, head.arg, 1);
    for (size_t i = 0; i < count && wallet_cbor_ok(r); i++) {
        check_item(r, depth - 1);
    }
}

lw_bytes wallet_cbor_item(struct wallet_cbor *r)
{
    const uint8_t *at = r->at;
    check_item(r, WALLET_CBOR_DEPTH_MAX);
    if (!wallet_cbor_ok(r)) {
        return (lw_bytes){.ptr = NULL, .len = 0};
    }
    return (lw_bytes){.ptr = at, .len = (size_t)(r->at - at)};
}

lw_err wallet_cbor_finish(const struct wallet_cbor *r)
{
    if (wallet_cbor_ok(r) && r->at != r->end) {
        return LW_FAIL(LW_E_SYNTAX, "cbor: bytes after the item", (size_t)(r->at - r->start));
    }
    return r->err;
}

lw_err wallet_cbor_check(lw_bytes in)
{
    struct wallet_cbor r = wallet_cbor_reader(in);
    (void)wallet_cbor_item(&r);
    return wallet_cbor_finish(&r);
}

/* Steps over one item that was checked before. */
static lw_bytes skip(struct wallet_cbor *r)
{
    const uint8_t *at = r->at;
    struct head head;
    for (uint64_t due = 1; due > 0 && read_head(r, &head); due--) {
        if (head.major == CBOR_MAJOR_BYTES || head.major == CBOR_MAJOR_TEXT) {
            (void)take(r, r->at, head.arg);
        } else if (head.major == CBOR_MAJOR_ARRAY) {
            due += take_count(r, r->at, head.arg, 1);
        } else if (head.major == CBOR_MAJOR_MAP) {
            due += 2 * take_count(r, r->at, head.arg, 2);
        } else if (head.major == CBOR_MAJOR_TAG) {
            due += 1;
        }
    }
    return (lw_bytes){.ptr = at, .len = wallet_cbor_ok(r) ? (size_t)(r->at - at) : 0};
}

/* Finds the value whose key is encoded as `head` followed by `tail`. */
static lw_bytes map_get(lw_bytes map, lw_bytes head, lw_bytes tail)
{
    struct wallet_cbor r = wallet_cbor_reader(map);
    if (wallet_cbor_peek(&r) != WALLET_CBOR_MAP) {
        return (lw_bytes){.ptr = NULL, .len = 0};
    }
    const size_t pairs = wallet_cbor_map(&r);
    for (size_t i = 0; i < pairs && wallet_cbor_ok(&r); i++) {
        const lw_bytes key = skip(&r);
        const lw_bytes value = skip(&r);
        if (wallet_cbor_ok(&r) && key.len == head.len + tail.len &&
            lw_bytes_eq((lw_bytes){key.ptr, head.len}, head) &&
            lw_bytes_eq((lw_bytes){key.ptr + head.len, tail.len}, tail)) {
            return value;
        }
    }
    return (lw_bytes){.ptr = NULL, .len = 0};
}

lw_bytes wallet_cbor_map_get_int(lw_bytes map, int64_t key)
{
    uint8_t head[CBOR_HEAD_MAX];
    const size_t len = codec_cbor_int_head(key, head);
    return map_get(map, (lw_bytes){.ptr = head, .len = len}, (lw_bytes){.ptr = NULL, .len = 0});
}

/* A key as it is encoded. */
struct coded_key {
    uint8_t head[CBOR_HEAD_MAX];
    size_t len;
};

static void take_pick(const struct coded_key *keys, struct wallet_cbor_pick *picks, size_t count,
                      lw_bytes key, lw_bytes value)
{
    for (size_t i = 0; i < count; i++) {
        if (key.len == keys[i].len && memcmp(key.ptr, keys[i].head, key.len) == 0) {
            picks[i].value = picks[i].value.len == 0 ? value : picks[i].value;
        }
    }
}

void wallet_cbor_map_pick(lw_bytes map, struct wallet_cbor_pick *picks, size_t count)
{
    struct coded_key keys[WALLET_CBOR_PICKS_MAX];
    struct wallet_cbor r = wallet_cbor_reader(map);
    assert(count <= WALLET_CBOR_PICKS_MAX);
    for (size_t i = 0; i < count; i++) {
        picks[i].value = (lw_bytes){.ptr = NULL, .len = 0};
        keys[i].len = codec_cbor_int_head(picks[i].key, keys[i].head);
    }
    const size_t pairs = wallet_cbor_peek(&r) == WALLET_CBOR_MAP ? wallet_cbor_map(&r) : 0;
    for (size_t i = 0; i < pairs && wallet_cbor_ok(&r); i++) {
        const lw_bytes key = skip(&r);
        const lw_bytes value = skip(&r);
        if (wallet_cbor_ok(&r)) {
            take_pick(keys, picks, count, key, value);
        }
    }
}

lw_bytes wallet_cbor_map_get_text(lw_bytes map, lw_str key)
{
    uint8_t head[CBOR_HEAD_MAX];
    const size_t len = codec_cbor_head(CBOR_MAJOR_TEXT, key.len, head);
    return map_get(map, (lw_bytes){.ptr = head, .len = len}, lw_str_bytes(key));
}
