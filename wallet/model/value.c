#include "wallet/value.h"

#include "../codec/utf8.h"
#include "lw/clock.h"
#include "value_json.h"
#include "wallet/base64.h"
#include "wallet/cbor.h"

enum { TAG_TIME = 1, TAG_DATE = 100, LIST_MAX = 256 };

/* Days and seconds of the years 0001 to 9999, which text forms can show. */
static const int64_t first_day = -719162;
static const int64_t last_day = 2932896;

static lw_err not_of_kind(void)
{
    return LW_FAIL(LW_E_VALUE, "value: not of the claim's kind", LW_NOWHERE);
}

/* Latches unless the next item is of `type`. */
static bool expect(struct wallet_cbor *r, enum wallet_cbor_type type)
{
    if (wallet_cbor_ok(r) && wallet_cbor_peek(r) != type) {
        wallet_cbor_fail(r, not_of_kind());
    }
    return wallet_cbor_ok(r);
}

static void check_text(struct wallet_cbor *r)
{
    if (expect(r, WALLET_CBOR_TEXT) && wallet_cbor_text(r).len > WALLET_TEXT_CLAIM_MAX) {
        wallet_cbor_fail(r, LW_FAIL(LW_E_LIMIT, "value: text is too long", LW_NOWHERE));
    }
}

static void check_integer(struct wallet_cbor *r)
{
    if (wallet_cbor_peek(r) != WALLET_CBOR_NINT) {
        (void)expect(r, WALLET_CBOR_UINT);
    }
    (void)wallet_cbor_int(r);
}

static void check_tagged(struct wallet_cbor *r, uint64_t tag, int64_t least, int64_t most)
{
    if (expect(r, WALLET_CBOR_TAG) && wallet_cbor_tag(r) != tag) {
        wallet_cbor_fail(r, not_of_kind());
    }
    if (wallet_cbor_peek(r) != WALLET_CBOR_NINT) {
        (void)expect(r, WALLET_CBOR_UINT);
    }
    const int64_t n = wallet_cbor_int(r);
    if (wallet_cbor_ok(r) && (n < least || n > most)) {
        wallet_cbor_fail(r, LW_FAIL(LW_E_VALUE, "value: year outside 0001-9999", LW_NOWHERE));
    }
}

static size_t check_list(struct wallet_cbor *r)
{
    const size_t count = expect(r, WALLET_CBOR_ARRAY) ? wallet_cbor_array(r) : 0;
    if (count > LIST_MAX) {
        wallet_cbor_fail(r, LW_FAIL(LW_E_LIMIT, "value: more than 256 elements", LW_NOWHERE));
        return 0;
    }
    return count;
}

static void check_texts(struct wallet_cbor *r)
{
    const size_t count = check_list(r);
    for (size_t i = 0; i < count && wallet_cbor_ok(r); i++) {
        check_text(r);
    }
}

static void check_item(struct wallet_cbor *r);

/* Keys are texts in bytewise order of their encodings (RFC 8949 section 4.2.1). */
static void check_map(struct wallet_cbor *r)
{
    const size_t pairs = wallet_cbor_map(r);
    lw_bytes last = {0};
    for (size_t i = 0; i < pairs && wallet_cbor_ok(r); i++) {
        const uint8_t *start = r->at;
        check_text(r);
        const lw_bytes key = {.ptr = start, .len = (size_t)(r->at - start)};
        if (i > 0 && wallet_cbor_ok(r) && lw_bytes_cmp(last, key) >= 0) {
            wallet_cbor_fail(r, LW_FAIL(LW_E_SYNTAX, "value: keys out of order", LW_NOWHERE));
        }
        last = key;
        check_item(r);
    }
}

/* Objects hold what JSON holds, dates as text; wallet_cbor_check() bounded the depth before. */
static void check_item(struct wallet_cbor *r)
{
    size_t count = 0;
    switch (wallet_cbor_peek(r)) {
    case WALLET_CBOR_TEXT:
        check_text(r);
        return;
    case WALLET_CBOR_UINT:
    case WALLET_CBOR_NINT:
        (void)wallet_cbor_int(r);
        return;
    case WALLET_CBOR_BOOL:
        (void)wallet_cbor_bool(r);
        return;
    case WALLET_CBOR_ARRAY:
        count = check_list(r);
        for (size_t i = 0; i < count && wallet_cbor_ok(r); i++) {
            check_item(r);
        }
        return;
    case WALLET_CBOR_MAP:
        check_map(r);
        return;
    case WALLET_CBOR_END:
    case WALLET_CBOR_BYTES:
    case WALLET_CBOR_TAG:
    case WALLET_CBOR_NULL:
    case WALLET_CBOR_SIMPLE:
    case WALLET_CBOR_FLOAT:
        wallet_cbor_fail(r, not_of_kind());
        return;
    }
}

static void check_objects(struct wallet_cbor *r)
{
    const size_t count = check_list(r);
    for (size_t i = 0; i < count && expect(r, WALLET_CBOR_MAP); i++) {
        check_map(r);
    }
}

lw_err wallet_value_check(enum wallet_claim_kind kind, lw_bytes item)
{
    if (item.len > WALLET_VALUE_MAX) {
        return LW_FAIL(LW_E_LIMIT, "value: longer than 64 KiB", LW_NOWHERE);
    }
    LW_TRY(wallet_cbor_check(item));
    struct wallet_cbor r = wallet_cbor_reader(item);
    switch (kind) {
    case WALLET_KIND_TEXT:
        check_text(&r);
        break;
    case WALLET_KIND_INTEGER:
        check_integer(&r);
        break;
    case WALLET_KIND_BOOLEAN:
        (void)(expect(&r, WALLET_CBOR_BOOL) && wallet_cbor_bool(&r));
        break;
    case WALLET_KIND_DATE:
        check_tagged(&r, TAG_DATE, first_day, last_day);
        break;
    case WALLET_KIND_TIME:
        check_tagged(&r, TAG_TIME, first_day * LW_DAY_S, (last_day + 1) * LW_DAY_S - 1);
        break;
    case WALLET_KIND_TEXTS:
        check_texts(&r);
        break;
    case WALLET_KIND_BYTES:
        if (expect(&r, WALLET_CBOR_BYTES)) {
            (void)wallet_cbor_bytes(&r);
        }
        break;
    case WALLET_KIND_OBJECTS:
        check_objects(&r);
        break;
    }
    return wallet_cbor_finish(&r);
}

static lw_str trimmed(lw_str s)
{
    while (s.len > 0 && s.ptr[0] == ' ') {
        s = lw_str_from(s, 1);
    }
    while (s.len > 0 && s.ptr[s.len - 1] == ' ') {
        s.len--;
    }
    return s;
}

static lw_err put_text(lw_str text, lw_buf *item)
{
    size_t bad = 0;
    if (text.len > WALLET_TEXT_CLAIM_MAX) {
        return LW_FAIL(LW_E_LIMIT, "value: text is too long", WALLET_TEXT_CLAIM_MAX);
    }
    if (!codec_utf8_valid(lw_str_bytes(text), &bad)) {
        return LW_FAIL(LW_E_SYNTAX, "value: not UTF-8", bad);
    }
    return wallet_cbor_put_text(item, text);
}

static lw_err put_integer(lw_str text, lw_buf *item)
{
    int64_t n = 0;
    LW_TRY(lw_str_int(text, &n));
    return wallet_cbor_put_int(item, n);
}

static lw_err put_boolean(lw_str text, lw_buf *item)
{
    if (!lw_str_is(text, "true") && !lw_str_is(text, "false")) {
        return LW_FAIL(LW_E_SYNTAX, "value: neither true nor false", 0);
    }
    return wallet_cbor_put_bool(item, lw_str_is(text, "true"));
}

static lw_err put_date(lw_str text, lw_buf *item)
{
    int64_t days = 0;
    LW_TRY(lw_date_parse(text, &days));
    LW_TRY(wallet_cbor_put_tag(item, TAG_DATE));
    return wallet_cbor_put_int(item, days);
}

static lw_err put_time(lw_str text, lw_buf *item)
{
    int64_t t = 0;
    LW_TRY(lw_time_parse(text, &t));
    LW_TRY(wallet_cbor_put_tag(item, TAG_TIME));
    return wallet_cbor_put_int(item, t);
}

/* Parts are trimmed, and empty ones dropped: registers write "a | b" and "a | ". */
static lw_err put_texts(lw_str text, lw_buf *item)
{
    size_t count = 0;
    lw_str part = {0};
    for (lw_str rest = text; rest.len > 0;) {
        (void)lw_str_split(rest, '|', &part, &rest);
        count += trimmed(part).len > 0 ? 1 : 0;
    }
    if (count > LIST_MAX) {
        return LW_FAIL(LW_E_LIMIT, "value: more than 256 elements", LW_NOWHERE);
    }
    LW_TRY(wallet_cbor_put_array(item, count));
    for (lw_str rest = text; rest.len > 0;) {
        (void)lw_str_split(rest, '|', &part, &rest);
        part = trimmed(part);
        if (part.len > 0) {
            LW_TRY(put_text(part, item));
        }
    }
    return LW_SUCCESS;
}

static lw_err put_bytes(lw_str text, lw_buf *item)
{
    LW_AUTO_BUF bytes = LW_BUF(WALLET_VALUE_MAX);
    LW_TRY(wallet_base64_decode(text, &bytes));
    return wallet_cbor_put_bytes(item, lw_buf_view(&bytes));
}

static lw_err put_by_kind(enum wallet_claim_kind kind, lw_str text, lw_buf *item)
{
    switch (kind) {
    case WALLET_KIND_TEXT:
        return put_text(text, item);
    case WALLET_KIND_INTEGER:
        return put_integer(text, item);
    case WALLET_KIND_BOOLEAN:
        return put_boolean(text, item);
    case WALLET_KIND_DATE:
        return put_date(text, item);
    case WALLET_KIND_TIME:
        return put_time(text, item);
    case WALLET_KIND_TEXTS:
        return put_texts(text, item);
    case WALLET_KIND_BYTES:
        return put_bytes(text, item);
    case WALLET_KIND_OBJECTS:
        return value_from_json(kind, lw_str_bytes(text), item);
    }
    return not_of_kind();
}

/* Cuts `item` back to what it held when nothing sound was appended. */
static lw_err settled(lw_err err, lw_buf *item, size_t before)
{
    if (err.code == LW_OK && item->len - before > WALLET_VALUE_MAX) {
        err = LW_FAIL(LW_E_LIMIT, "value: longer than 64 KiB", LW_NOWHERE);
    }
    if (err.code != LW_OK) {
        lw_buf_truncate(item, before);
    }
    return err;
}

lw_err wallet_value_from_text(enum wallet_claim_kind kind, lw_str text, lw_buf *item)
{
    const size_t before = item->len;
    return settled(put_by_kind(kind, text, item), item, before);
}

lw_err wallet_value_from_json(enum wallet_claim_kind kind, lw_bytes json, lw_buf *item)
{
    const size_t before = item->len;
    return settled(value_from_json(kind, json, item), item, before);
}
