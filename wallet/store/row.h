/*
 * What the records have in common: keys put together from parts, fields of stored values, texts
 * that are checked, and lists read page by page. Private to wallet/store.
 */
#ifndef STORE_ROW_H
#define STORE_ROW_H

#include "txn.h"
#include "wallet/store_page.h"

enum { WALLET_ROW_ID_LEN = 16, WALLET_ROW_SUM_LEN = 8 };

/*
 * A key in the making; begin with {0}. Texts in keys end with a NUL, so that no text is the
 * beginning of another. Parts are bounded by the caller: passing WALLET_KEY_MAX is a bug.
 */
struct wallet_row_key {
    uint8_t bytes[WALLET_KEY_MAX];
    size_t len;
};

void wallet_row_key_put(struct wallet_row_key *key, lw_bytes part);
void wallet_row_key_id(struct wallet_row_key *key, const uint8_t id[WALLET_ROW_ID_LEN]);
void wallet_row_key_text(struct wallet_row_key *key, lw_str text);
void wallet_row_key_byte(struct wallet_row_key *key, uint8_t byte);
void wallet_row_key_u32(struct wallet_row_key *key, uint32_t n);
void wallet_row_key_u64(struct wallet_row_key *key, uint64_t n);
/** Times before 1970 sort before those after it. */
void wallet_row_key_time(struct wallet_row_key *key, int64_t t);

static inline lw_bytes wallet_row_key_view(const struct wallet_row_key *key)
{
    return (lw_bytes){.ptr = key->bytes, .len = key->len};
}

static inline lw_bytes wallet_row_id(const uint8_t id[WALLET_ROW_ID_LEN])
{
    return (lw_bytes){.ptr = id, .len = WALLET_ROW_ID_LEN};
}

/** Read a time that wallet_row_key_time() wrote. */
int64_t wallet_row_key_time_of(const uint8_t part[8]);

/** Say whether `text` is 1 to `max` bytes of UTF-8 without control characters. */
bool wallet_row_text_ok(lw_str text, size_t max);

/** Copy `text` and a NUL into `out`, of room for max + 1. errors  LW_E_VALUE with `why` */
LW_MUST_USE lw_err wallet_row_text_copy(lw_str text, size_t max, const char *why, char *out);

/* Fields of stored values. Readers latch LW_E_CORRUPT in `r` when a field is not of its form. */
void wallet_row_read_fixed(struct wallet_cbor *r, uint8_t *out, size_t len);
void wallet_row_read_text(struct wallet_cbor *r, size_t max, char *out);
/** Read a number of at most `max`. */
uint64_t wallet_row_read_uint(struct wallet_cbor *r, uint64_t max);
/** Read null as `none`, else a time or number. */
int64_t wallet_row_read_opt_int(struct wallet_cbor *r, int64_t none);
LW_MUST_USE lw_err wallet_row_put_opt_int(lw_buf *out, int64_t n, int64_t none);
/** Return whether an id, not null, was read. */
bool wallet_row_read_opt_id(struct wallet_cbor *r, uint8_t id[WALLET_ROW_ID_LEN]);
LW_MUST_USE lw_err wallet_row_put_opt_id(lw_buf *out, const uint8_t *id);

/**
 * Make the check sum of a value that must not be misread when a bit of the disk has changed: the
 * first bytes of SHA-256 over its key and its bytes. It has no key, so it stops faults, not
 * attacks.
 */
LW_MUST_USE lw_err wallet_row_sum(lw_bytes key, lw_bytes value, uint8_t sum[WALLET_ROW_SUM_LEN]);

/** Open a value of version 1 and exactly `fields` fields after it. errors  LW_E_CORRUPT */
LW_MUST_USE lw_err wallet_row_open(lw_bytes value, size_t fields, struct wallet_cbor *r);

/* Entries with a common prefix, as a page gives them. */
struct wallet_row_list {
    const struct wallet_txn *txn;
    enum wallet_keyspace ks;
    lw_bytes prefix;
    bool back; /* from the last key to the first */
    /* Takes the entry into place `i` of the caller's room, or sets `take` to false to pass it. */
    lw_err (*entry)(void *ctx, size_t i, lw_bytes key, lw_bytes value, bool *take);
    void *ctx;
};

/** Fill a page as wallet/store_page.h says; `page` is unchanged on error. */
LW_MUST_USE lw_err wallet_row_page(const struct wallet_row_list *list, struct wallet_page *page,
                                   size_t *count);

#endif
