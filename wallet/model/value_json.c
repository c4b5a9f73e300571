#include "value_json.h"

#include "lw/clock.h"
#include "wallet/base64.h"
#include "wallet/cbor.h"
#include "wallet/json_doc.h"
#include "wallet/json_write.h"

enum {
    TAG_TIME = 1,
    TAG_DATE = 100,
    TAG_FULL_DATE = 1004,
    OBJECT_MEMBERS_MAX = 64,
    LIST_MAX = 256,
    DATE_LEN_MAX = 32,
    URI_MAX = 2 * WALLET_VALUE_MAX,
    WRAPPED_MAX = 2 * WALLET_VALUE_MAX + 2,
};

static lw_err wrong(const char *why)
{
    return LW_FAIL(LW_E_VALUE, why, LW_NOWHERE);
}

/* The media type that the first bytes tell; a claim of bytes is mostly a portrait. */
static const char *media_type(lw_bytes bytes)
{
    static const struct {
        const char *magic;
        const char *type;
    } types[] = {{"\xff\xd8\xff", "image/jpeg"}, {"\x89PNG\r\n\x1a\n", "image/png"}};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (lw_str_starts(lw_bytes_str(bytes), lw_str_c(types[i].magic))) {
            return types[i].type;
        }
    }
    return "application/octet-stream";
}

static lw_err write_data_uri(lw_bytes bytes, struct wallet_json_writer *w)
{
    LW_AUTO_BUF uri = LW_BUF(URI_MAX);
    LW_TRY(lw_buf_put_c(&uri, "data:"));
    LW_TRY(lw_buf_put_c(&uri, media_type(bytes)));
    LW_TRY(lw_buf_put_c(&uri, ";base64,"));
    LW_TRY(wallet_base64_encode(bytes, &uri));
    wallet_json_put_text(w, lw_buf_text(&uri));
    return LW_SUCCESS;
}

static lw_err write_tagged(struct wallet_cbor *r, struct wallet_json_writer *w)
{
    const uint64_t tag = wallet_cbor_tag(r);
    LW_AUTO_BUF text = LW_BUF(DATE_LEN_MAX);
    if (tag == TAG_FULL_DATE) {
        wallet_json_put_text(w, wallet_cbor_text(r));
        return LW_SUCCESS;
    }
    const int64_t n = wallet_cbor_int(r);
    if (tag == TAG_DATE) {
        LW_TRY(lw_date_put(&text, n));
    } else if (tag == TAG_TIME) {
        LW_TRY(lw_time_put(&text, n));
    } else {
        return wrong("value: a tag that no claim uses");
    }
    wallet_json_put_text(w, lw_buf_text(&text));
    return LW_SUCCESS;
}

static lw_err write_item(struct wallet_cbor *r, struct wallet_json_writer *w);

static lw_err write_array(struct wallet_cbor *r, struct wallet_json_writer *w)
{
    const size_t count = wallet_cbor_array(r);
    wallet_json_put_array(w);
    for (size_t i = 0; i < count; i++) {
        LW_TRY(write_item(r, w));
    }
    wallet_json_put_end(w);
    return LW_SUCCESS;
}

static lw_err write_map(struct wallet_cbor *r, struct wallet_json_writer *w)
{
    const size_t pairs = wallet_cbor_map(r);
    wallet_json_put_object(w);
    for (size_t i = 0; i < pairs; i++) {
        wallet_json_put_name_str(w, wallet_cbor_text(r));
        LW_TRY(write_item(r, w));
    }
    wallet_json_put_end(w);
    return LW_SUCCESS;
}

/* The item was checked before: depth, lengths and texts hold. */
static lw_err write_item(struct wallet_cbor *r, struct wallet_json_writer *w)
{
    switch (wallet_cbor_peek(r)) {
    case WALLET_CBOR_UINT:
    case WALLET_CBOR_NINT:
        wallet_json_put_int(w, wallet_cbor_int(r));
        break;
    case WALLET_CBOR_BYTES:
        LW_TRY(write_data_uri(wallet_cbor_bytes(r), w));
        break;
    case WALLET_CBOR_TEXT:
        wallet_json_put_text(w, wallet_cbor_text(r));
        break;
    case WALLET_CBOR_ARRAY:
        return write_array(r, w);
    case WALLET_CBOR_MAP:
        return write_map(r, w);
    case WALLET_CBOR_TAG:
        LW_TRY(write_tagged(r, w));
        break;
    case WALLET_CBOR_BOOL:
        wallet_json_put_bool(w, wallet_cbor_bool(r));
        break;
    case WALLET_CBOR_NULL:
        wallet_cbor_null(r);
        wallet_json_put_null(w);
        break;
    case WALLET_CBOR_END:
    case WALLET_CBOR_SIMPLE:
    case WALLET_CBOR_FLOAT:
        return wrong("value: of a type that no claim uses");
    }
    return wallet_cbor_ok(r) ? LW_SUCCESS : r->err;
}

lw_err wallet_value_to_json(lw_bytes item, lw_buf *json)
{
    const size_t before = json->len;
    if (item.len > WALLET_VALUE_MAX) {
        return LW_FAIL(LW_E_LIMIT, "value: longer than 64 KiB", LW_NOWHERE);
    }
    LW_TRY(wallet_cbor_check(item));
    struct wallet_cbor r = wallet_cbor_reader(item);
    struct wallet_json_writer w = wallet_json_writer(json);
    const lw_err err = write_item(&r, &w);
    if (err.code != LW_OK) {
        lw_buf_truncate(json, before);
        return err;
    }
    return wallet_json_written(&w);
}

static lw_str text_of(const json_t *value)
{
    return (lw_str){.ptr = json_string_value(value), .len = json_string_length(value)};
}

static bool ends_with(lw_str s, lw_str end)
{
    return s.len >= end.len && lw_str_eq((lw_str){s.ptr + (s.len - end.len), end.len}, end);
}

static lw_err read_data_uri(lw_str uri, lw_buf *item)
{
    const lw_str scheme = LW_STR("data:");
    const lw_str mark = LW_STR(";base64");
    lw_str head = {0};
    lw_str tail = {0};
    if (!lw_str_starts(uri, scheme) || !lw_str_split(uri, ',', &head, &tail) ||
        !ends_with(head, mark)) {
        return wrong("value: no data URI in base64");
    }
    LW_AUTO_BUF bytes = LW_BUF(WALLET_VALUE_MAX);
    LW_TRY(wallet_base64_decode(tail, &bytes));
    return wallet_cbor_put_bytes(item, lw_buf_view(&bytes));
}

static lw_err read_any(const json_t *value, lw_buf *item);

static lw_err read_list(const json_t *value, lw_buf *item)
{
    const size_t count = json_array_size(value);
    if (count > LIST_MAX) {
        return LW_FAIL(LW_E_LIMIT, "value: more than 256 elements", LW_NOWHERE);
    }
    LW_TRY(wallet_cbor_put_array(item, count));
    for (size_t i = 0; i < count; i++) {
        LW_TRY(read_any(json_array_get(value, i), item));
    }
    return LW_SUCCESS;
}

/* Text keys in the order of their encodings: the shorter first, then bytewise. */
static bool key_before(lw_str a, lw_str b)
{
    return a.len != b.len ? a.len < b.len : lw_bytes_cmp(lw_str_bytes(a), lw_str_bytes(b)) < 0;
}

static lw_err read_object(const json_t *value, lw_buf *item)
{
    lw_str keys[OBJECT_MEMBERS_MAX];
    size_t count = 0;
    if (json_object_size(value) > OBJECT_MEMBERS_MAX) {
        return LW_FAIL(LW_E_LIMIT, "value: more than 64 members", LW_NOWHERE);
    }
    for (const char *name = wallet_json_name_after(value, NULL); name != NULL;
         name = wallet_json_name_after(value, name)) {
        const lw_str key = lw_str_c(name);
        size_t at = count++;
        for (; at > 0 && key_before(key, keys[at - 1]); at--) {
            keys[at] = keys[at - 1];
        }
        keys[at] = key;
    }
    LW_TRY(wallet_cbor_put_map(item, count));
    for (size_t i = 0; i < count; i++) {
        LW_TRY(wallet_cbor_put_text(item, keys[i]));
        LW_TRY(read_any(json_object_get(value, keys[i].ptr), item));
    }
    return LW_SUCCESS;
}

/* What stands inside a claim of objects: texts stay texts, dates too. */
static lw_err read_any(const json_t *value, lw_buf *item)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return read_object(value, item);
    case JSON_ARRAY:
        return read_list(value, item);
    case JSON_STRING:
        return wallet_cbor_put_text(item, text_of(value));
    case JSON_INTEGER:
        return wallet_cbor_put_int(item, json_integer_value(value));
    case JSON_TRUE:
    case JSON_FALSE:
        return wallet_cbor_put_bool(item, json_is_true(value));
    case JSON_REAL:
    case JSON_NULL:
        break;
    }
    return wrong("value: neither fractions nor null are claims");
}

static lw_err read_by_kind(enum wallet_claim_kind kind, const json_t *value, lw_buf *item)
{
    bool fits = false;
    switch (kind) {
    case WALLET_KIND_TEXT:
        fits = json_is_string(value);
        break;
    case WALLET_KIND_INTEGER:
        fits = json_is_integer(value);
        break;
    case WALLET_KIND_BOOLEAN:
        fits = json_is_boolean(value);
        break;
    case WALLET_KIND_TEXTS:
    case WALLET_KIND_OBJECTS:
        fits = json_is_array(value); /* of what: the check of the item says */
        break;
    case WALLET_KIND_DATE:
    case WALLET_KIND_TIME:
        return json_is_string(value) ? wallet_value_from_text(kind, text_of(value), item)
                                     : wrong("value: not of the claim's kind");
    case WALLET_KIND_BYTES:
        return json_is_string(value) ? read_data_uri(text_of(value), item)
                                     : wrong("value: not of the claim's kind");
    }
    return fits ? read_any(value, item) : wrong("value: not of the claim's kind");
}

lw_err value_from_json(enum wallet_claim_kind kind, lw_bytes json, lw_buf *item)
{
    /* A document is an object or an array; in brackets one value of any type is one. */
    LW_AUTO_BUF wrapped = LW_BUF(WRAPPED_MAX);
    const size_t before = item->len;
    LW_TRY(lw_buf_put_byte(&wrapped, '['));
    LW_TRY(lw_buf_put(&wrapped, json));
    LW_TRY(lw_buf_put_byte(&wrapped, ']'));
    WALLET_AUTO_JSON doc = NULL;
    LW_TRY(wallet_json_doc_parse(lw_buf_view(&wrapped), wrapped.max, &doc));
    if (json_array_size(doc) != 1) {
        return LW_FAIL(LW_E_SYNTAX, "value: not one JSON value", LW_NOWHERE);
    }
    LW_TRY(read_by_kind(kind, json_array_get(doc, 0), item));
    return wallet_value_check(kind,
                              (lw_bytes){.ptr = item->ptr + before, .len = item->len - before});
}
