#include "row.h"

#include <assert.h>

#include "hsm/digest.h"

void wallet_row_key_put(struct wallet_row_key *key, lw_bytes part)
{
    assert(part.len <= WALLET_KEY_MAX - key->len);
    if (part.len > 0) {
        memcpy(key->bytes + key->len, part.ptr, part.len);
        key->len += part.len;
    }
}

void wallet_row_key_id(struct wallet_row_key *key, const uint8_t id[WALLET_ROW_ID_LEN])
{
    wallet_row_key_put(key, wallet_row_id(id));
}

void wallet_row_key_text(struct wallet_row_key *key, lw_str text)
{
    wallet_row_key_put(key, lw_str_bytes(text));
    wallet_row_key_byte(key, 0);
}

void wallet_row_key_byte(struct wallet_row_key *key, uint8_t byte)
{
    wallet_row_key_put(key, (lw_bytes){.ptr = &byte, .len = 1});
}

void wallet_row_key_u32(struct wallet_row_key *key, uint32_t n)
{
    uint8_t part[8];
    wallet_key_put_u64(part, n);
    wallet_row_key_put(key, (lw_bytes){.ptr = part + 4, .len = 4});
}

void wallet_row_key_u64(struct wallet_row_key *key, uint64_t n)
{
    uint8_t part[8];
    wallet_key_put_u64(part, n);
    wallet_row_key_put(key, LW_BYTES(part));
}

static const uint64_t sign_bit = (uint64_t)1 << 63;

void wallet_row_key_time(struct wallet_row_key *key, int64_t t)
{
    wallet_row_key_u64(key, (uint64_t)t ^ sign_bit);
}

int64_t wallet_row_key_time_of(const uint8_t part[8])
{
    const uint64_t n = wallet_key_u64(part) ^ sign_bit;
    return n < sign_bit ? (int64_t)n : -(int64_t)(UINT64_MAX - n) - 1;
}

/* The CBOR checker knows what UTF-8 is; plain ASCII needs no asking. */
static bool utf8_ok(lw_str text)
{
    LW_AUTO_BUF item = LW_BUF(text.len + 16);
    return wallet_cbor_put_text(&item, text).code == LW_OK &&
           wallet_cbor_check(lw_buf_view(&item)).code == LW_OK;
}

bool wallet_row_text_ok(lw_str text, size_t max)
{
    bool ascii = true;
    if (text.len == 0 || text.len > max) {
        return false;
    }
    for (size_t i = 0; i < text.len; i++) {
        const uint8_t c = (uint8_t)text.ptr[i];
        if (c < 0x20 || c == 0x7f) {
            return false;
        }
        ascii = ascii && c < 0x80;
    }
    return ascii || utf8_ok(text);
}

lw_err wallet_row_text_copy(lw_str text, size_t max, const char *why, char *out)
{
    if (!wallet_row_text_ok(text, max)) {
        return LW_FAIL(LW_E_VALUE, why, LW_NOWHERE);
    }
    memcpy(out, text.ptr, text.len);
    out[text.len] = '\0';
    return LW_SUCCESS;
}

static void corrupt(struct wallet_cbor *r)
{
    wallet_cbor_fail(r, LW_FAIL(LW_E_CORRUPT, "store: a field is not of its form", LW_NOWHERE));
}

void wallet_row_read_fixed(struct wallet_cbor *r, uint8_t *out, size_t len)
{
    const lw_bytes in = wallet_cbor_bytes(r);
    if (in.len == len && len > 0) {
        memcpy(out, in.ptr, len);
        return;
    }
    memset(out, 0, len);
    corrupt(r);
}

void wallet_row_read_text(struct wallet_cbor *r, size_t max, char *out)
{
    const lw_str in = wallet_cbor_text(r);
    out[0] = '\0';
    if (in.len > max) {
        corrupt(r);
    } else if (in.len > 0) {
        memcpy(out, in.ptr, in.len);
        out[in.len] = '\0';
    }
}

uint64_t wallet_row_read_uint(struct wallet_cbor *r, uint64_t max)
{
    const uint64_t n = wallet_cbor_uint(r);
    if (n > max) {
        corrupt(r);
        return 0;
    }
    return n;
}

int64_t wallet_row_read_opt_int(struct wallet_cbor *r, int64_t none)
{
    if (wallet_cbor_peek(r) == WALLET_CBOR_NULL) {
        wallet_cbor_null(r);
        return none;
    }
    return wallet_cbor_int(r);
}

lw_err wallet_row_put_opt_int(lw_buf *out, int64_t n, int64_t none)
{
    return n == none ? wallet_cbor_put_null(out) : wallet_cbor_put_int(out, n);
}

bool wallet_row_read_opt_id(struct wallet_cbor *r, uint8_t id[WALLET_ROW_ID_LEN])
{
    if (wallet_cbor_peek(r) == WALLET_CBOR_NULL) {
        wallet_cbor_null(r);
        memset(id, 0, WALLET_ROW_ID_LEN);
        return false;
    }
    wallet_row_read_fixed(r, id, WALLET_ROW_ID_LEN);
    return true;
}

lw_err wallet_row_put_opt_id(lw_buf *out, const uint8_t *id)
{
    return id == NULL ? wallet_cbor_put_null(out) : wallet_cbor_put_bytes(out, wallet_row_id(id));
}

lw_err wallet_row_sum(lw_bytes key, lw_bytes value, uint8_t sum[WALLET_ROW_SUM_LEN])
{
    const lw_bytes parts[] = {key, value};
    uint8_t digest[HSM_SHA256_LEN];
    LW_TRY(hsm_sha256_parts(parts, 2, digest));
    memcpy(sum, digest, WALLET_ROW_SUM_LEN);
    return LW_SUCCESS;
}

lw_err wallet_row_open(lw_bytes value, size_t fields, struct wallet_cbor *r)
{
    size_t count = 0;
    LW_TRY(wallet_stored_open(value, 1, r, NULL, &count));
    if (count != fields) {
        return LW_FAIL(LW_E_CORRUPT, "store: a value with another number of fields", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static lw_err fill(const struct wallet_row_list *list, struct wallet_page *page, size_t *count)
{
    const lw_bytes after = {.ptr = page->at, .len = page->len};
    struct wallet_page place = *page;
    lw_bytes key = {0};
    lw_bytes value = {0};
    size_t n = 0;
    WALLET_AUTO_SCAN scan = list->back ? wallet_scan_back(list->txn, list->ks, list->prefix)
                                       : wallet_scan(list->txn, list->ks, list->prefix);
    if (after.len > 0) {
        wallet_scan_from(&scan, after);
    }
    while (n < *count && wallet_scan_next(&scan, &key, &value)) {
        bool take = true;
        if (lw_bytes_eq(key, after)) { /* the last of the page before */
            continue;
        }
        if (key.len > WALLET_PAGE_MAX) {
            return LW_FAIL(LW_E_CORRUPT, "store: a key longer than any made", LW_NOWHERE);
        }
        memcpy(place.at, key.ptr, key.len);
        place.len = key.len;
        LW_TRY(list->entry(list->ctx, n, key, value, &take));
        n += take ? 1 : 0;
    }
    LW_TRY(scan.err);
    place.end = n < *count;
    *page = place;
    *count = n;
    return LW_SUCCESS;
}

lw_err wallet_row_page(const struct wallet_row_list *list, struct wallet_page *page, size_t *count)
{
    if (page->end) {
        *count = 0;
        return LW_SUCCESS;
    }
    return fill(list, page, count);
}
