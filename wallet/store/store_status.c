/*
 * Status lists.
 *
 *   status-list   number               ->  the list's record
 *   status-open   agency NUL number    ->  nothing, while the list takes entries
 *   status-chunk  number place         ->  CHUNK_LEN bytes of statuses, two bits each, and their
 *                                          sum; absent: all zero
 *   status-entry  number index         ->  [1, license, credential, end]; an index without an entry
 *                                          was never given
 */
#include "wallet/store_status.h"

#include "row.h"
#include "status_internal.h"
#include "wallet/store_adopt.h"

enum {
    LIST_FIELDS = 11,
    LIST_MAX = 256,
    ENTRY_FIELDS = 3,
    AGENCY_MAX = 64,
    OPEN_MAX = 64, /* open lists of one agency that are drawn from */
    CHUNK_LEN = 1024,
    STATUS_PER_CHUNK = CHUNK_LEN * 8 / WALLET_STATUS_STORE_BITS,
    STATUS_PER_BYTE = 8 / WALLET_STATUS_STORE_BITS,
    DRAWS_MAX = 256, /* of an index: with 3 of 4 given, all of them fail once in 10^32 times */
};

static struct wallet_row_key number_key(uint64_t number)
{
    struct wallet_row_key key = {0};
    wallet_row_key_u64(&key, number);
    return key;
}

static struct wallet_row_key chunk_key(uint64_t number, uint64_t place)
{
    struct wallet_row_key key = number_key(number);
    wallet_row_key_u32(&key, (uint32_t)place); /* at most SIZE_MAX / STATUS_PER_CHUNK */
    return key;
}

static struct wallet_row_key entry_key(struct wallet_status_place place)
{
    struct wallet_row_key key = number_key(place.list);
    wallet_row_key_u64(&key, place.idx);
    return key;
}

static lw_err encode_list(const struct wallet_stored_list *list, lw_buf *out)
{
    LW_TRY(wallet_stored_begin(out, 1, LIST_FIELDS));
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(list->agency)));
    LW_TRY(wallet_cbor_put_uint(out, list->size));
    LW_TRY(wallet_cbor_put_uint(out, list->allocated));
    LW_TRY(wallet_cbor_put_bool(out, list->open));
    LW_TRY(wallet_cbor_put_bool(out, list->retired));
    LW_TRY(wallet_cbor_put_uint(out, list->version));
    LW_TRY(wallet_cbor_put_uint(out, list->published));
    LW_TRY(wallet_cbor_put_int(out, list->token_iat));
    LW_TRY(wallet_cbor_put_int(out, list->token_exp));
    LW_TRY(wallet_cbor_put_int(out, list->last_exp));
    return wallet_cbor_put_int(out, list->created);
}

static lw_err parse_list(uint64_t number, lw_bytes value, struct wallet_stored_list *list)
{
    struct wallet_cbor r;
    LW_TRY(wallet_row_open(value, LIST_FIELDS, &r));
    list->number = number;
    wallet_row_read_text(&r, AGENCY_MAX, list->agency);
    list->size = wallet_row_read_uint(&r, WALLET_STATUS_SIZE_MAX);
    list->allocated = wallet_row_read_uint(&r, list->size);
    list->open = wallet_cbor_bool(&r);
    list->retired = wallet_cbor_bool(&r);
    list->version = wallet_cbor_uint(&r);
    list->published = wallet_cbor_uint(&r);
    list->token_iat = wallet_cbor_int(&r);
    list->token_exp = wallet_cbor_int(&r);
    list->last_exp = wallet_cbor_int(&r);
    list->created = wallet_cbor_int(&r);
    return wallet_stored_end(&r);
}

lw_err wallet_status_list_put(struct wallet_txn *txn, const struct wallet_stored_list *before,
                              const struct wallet_stored_list *list)
{
    const struct wallet_row_key key = number_key(list->number);
    LW_AUTO_BUF value = LW_BUF(LIST_MAX);
    LW_TRY(encode_list(list, &value));
    LW_TRY(wallet_status_due_move(txn, before, list));
    return wallet_txn_append(txn, WALLET_KS_STATUS_LIST, wallet_row_key_view(&key),
                             lw_buf_view(&value));
}

lw_err wallet_store_status_list_get(const struct wallet_txn *txn, uint64_t number,
                                    struct wallet_stored_list *list)
{
    const struct wallet_row_key key = number_key(number);
    lw_bytes value = {0};
    LW_TRY(wallet_txn_get(txn, WALLET_KS_STATUS_LIST, wallet_row_key_view(&key), &value));
    return parse_list(number, value, list);
}

/* A bit that changes on the disk must not make an invalid credential valid. */
static lw_err check_chunk(const struct wallet_row_key *key, lw_bytes *chunk)
{
    uint8_t sum[WALLET_ROW_SUM_LEN];
    if (chunk->len != CHUNK_LEN + WALLET_ROW_SUM_LEN) {
        return LW_FAIL(LW_E_CORRUPT, "status: a chunk of another length", LW_NOWHERE);
    }
    chunk->len = CHUNK_LEN;
    LW_TRY(wallet_row_sum(wallet_row_key_view(key), *chunk, sum));
    if (memcmp(sum, chunk->ptr + CHUNK_LEN, sizeof(sum)) != 0) {
        return LW_FAIL(LW_E_CORRUPT, "status: a chunk is not as it was written", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

/* Gives the chunk's bytes, or nothing when no bit of it was ever set. */
static lw_err get_chunk(const struct wallet_txn *txn, const struct wallet_row_key *key,
                        lw_bytes *chunk)
{
    const lw_err err = wallet_txn_get(txn, WALLET_KS_STATUS_CHUNK, wallet_row_key_view(key), chunk);
    if (err.code == LW_E_NOT_FOUND) {
        *chunk = (lw_bytes){0};
        return LW_SUCCESS;
    }
    LW_TRY(err);
    return check_chunk(key, chunk);
}

/* Sets the bits under `mask` of one byte. */
static lw_err set_bits(struct wallet_txn *txn, const struct wallet_row_key *key, size_t at,
                       uint8_t mask, uint8_t bits)
{
    uint8_t bytes[CHUNK_LEN + WALLET_ROW_SUM_LEN] = {0};
    lw_bytes chunk = {0};
    LW_TRY(get_chunk(txn, key, &chunk));
    if (chunk.len > 0) {
        memcpy(bytes, chunk.ptr, CHUNK_LEN);
    }
    bytes[at] = (uint8_t)((bytes[at] & ~mask) | bits);
    LW_TRY(
        wallet_row_sum(wallet_row_key_view(key), (lw_bytes){bytes, CHUNK_LEN}, bytes + CHUNK_LEN));
    return wallet_txn_put(txn, WALLET_KS_STATUS_CHUNK, wallet_row_key_view(key), LW_BYTES(bytes));
}

static lw_err next_number(const struct wallet_txn *txn, uint64_t *number)
{
    lw_bytes key = {0};
    lw_bytes value = {0};
    struct wallet_store_floors floors;
    LW_TRY(wallet_store_floors_get(txn, &floors));
    WALLET_AUTO_SCAN scan = wallet_scan_back(txn, WALLET_KS_STATUS_LIST, (lw_bytes){0});
    *number = 1;
    if (wallet_scan_next(&scan, &key, &value)) {
        if (key.len != sizeof(uint64_t)) {
            return LW_FAIL(LW_E_CORRUPT, "status: a list's key is not a number", LW_NOWHERE);
        }
        *number = wallet_key_u64(key.ptr) + 1;
    }
    *number = *number < floors.list ? floors.list : *number;
    return scan.err;
}

static struct wallet_row_key open_key(lw_str agency, uint64_t number)
{
    struct wallet_row_key key = {0};
    wallet_row_key_text(&key, agency);
    wallet_row_key_u64(&key, number);
    return key;
}

lw_err wallet_store_status_open(struct wallet_txn *txn, lw_str agency, uint64_t size, int64_t now,
                                uint64_t *number)
{
    struct wallet_stored_list list = {
        .size = size, .open = true, .published = UINT64_MAX, .created = now};
    if (size == 0 || size % WALLET_STATUS_SIZE_MIN != 0 || size > WALLET_STATUS_SIZE_MAX) {
        return LW_FAIL(LW_E_VALUE, "status: a list of a size that is not offered", LW_NOWHERE);
    }
    LW_TRY(wallet_row_text_copy(agency, AGENCY_MAX, "status: no agency's id", list.agency));
    LW_TRY(next_number(txn, &list.number));
    const struct wallet_row_key key = open_key(agency, list.number);
    LW_TRY(wallet_status_list_put(txn, NULL, &list));
    LW_TRY(wallet_txn_put(txn, WALLET_KS_STATUS_OPEN, wallet_row_key_view(&key), (lw_bytes){0}));
    *number = list.number;
    return LW_SUCCESS;
}

static lw_err open_lists(const struct wallet_txn *txn, lw_str agency, uint64_t numbers[OPEN_MAX],
                         size_t *count)
{
    struct wallet_row_key prefix = {0};
    lw_bytes key = {0};
    lw_bytes value = {0};
    *count = 0;
    wallet_row_key_text(&prefix, agency);
    WALLET_AUTO_SCAN scan = wallet_scan(txn, WALLET_KS_STATUS_OPEN, wallet_row_key_view(&prefix));
    while (*count < OPEN_MAX && wallet_scan_next(&scan, &key, &value)) {
        if (key.len != prefix.len + sizeof(uint64_t)) {
            return LW_FAIL(LW_E_CORRUPT, "status: a list's key is not a number", LW_NOWHERE);
        }
        numbers[(*count)++] = wallet_key_u64(key.ptr + prefix.len);
    }
    return scan.err;
}

/* Draws one of the agency's open lists, of which there are enough afterwards. */
static lw_err draw_list(struct wallet_txn *txn, lw_str agency, int64_t now,
                        struct wallet_stored_list *list)
{
    uint64_t numbers[OPEN_MAX] = {0};
    size_t count = 0;
    uint64_t drawn = 0;
    LW_TRY(open_lists(txn, agency, numbers, &count));
    for (; count < WALLET_STATUS_OPEN; count++) {
        LW_TRY(wallet_store_status_open(txn, agency, WALLET_STATUS_SIZE_MIN, now, &numbers[count]));
    }
    LW_TRY(lw_rng_below(wallet_txn_rng(txn), count, &drawn));
    return wallet_store_status_list_get(txn, numbers[drawn], list);
}

/* Draws a free index, each equally likely: what is given is drawn again. */
static lw_err draw_index(const struct wallet_txn *txn, const struct wallet_stored_list *list,
                         struct wallet_status_place *place)
{
    bool given = true;
    for (unsigned draws = 0; given; draws++) {
        if (draws == DRAWS_MAX) {
            return LW_FAIL(LW_E_CORRUPT, "status: more entries given than the list says",
                           LW_NOWHERE);
        }
        LW_TRY(lw_rng_below(wallet_txn_rng(txn), list->size, &place->idx));
        const struct wallet_row_key key = entry_key(*place);
        LW_TRY(wallet_txn_has(txn, WALLET_KS_STATUS_ENTRY, wallet_row_key_view(&key), &given));
    }
    return LW_SUCCESS;
}

static lw_err insert_entry(struct wallet_txn *txn, struct wallet_status_place place,
                           const struct wallet_status_owner *owner)
{
    const struct wallet_row_key key = entry_key(place);
    LW_AUTO_BUF value = LW_BUF(LIST_MAX);
    LW_TRY(wallet_stored_begin(&value, 1, ENTRY_FIELDS));
    LW_TRY(wallet_cbor_put_bytes(&value, LW_BYTES(owner->license)));
    LW_TRY(wallet_cbor_put_bytes(&value, owner->credential));
    LW_TRY(wallet_cbor_put_int(&value, owner->exp));
    return wallet_txn_insert(txn, WALLET_KS_STATUS_ENTRY, wallet_row_key_view(&key),
                             lw_buf_view(&value));
}

lw_err wallet_status_list_close(struct wallet_txn *txn, struct wallet_stored_list *list)
{
    const struct wallet_row_key key = open_key(lw_str_c(list->agency), list->number);
    list->open = false;
    return wallet_txn_delete(txn, WALLET_KS_STATUS_OPEN, wallet_row_key_view(&key));
}

static lw_err close_if_filled(struct wallet_txn *txn, struct wallet_stored_list *list)
{
    const uint64_t bound = list->size / WALLET_STATUS_FILL_DEN * WALLET_STATUS_FILL_NUM;
    if (list->allocated < bound) {
        return LW_SUCCESS;
    }
    return wallet_status_list_close(txn, list);
}

lw_err wallet_store_status_allocate(struct wallet_txn *txn, lw_str agency,
                                    const struct wallet_status_owner *owner, int64_t now,
                                    struct wallet_status_place *place)
{
    struct wallet_stored_list list = {0};
    if (!wallet_row_text_ok(agency, AGENCY_MAX)) {
        return LW_FAIL(LW_E_VALUE, "status: no agency's id", LW_NOWHERE);
    }
    if (owner->credential.len > WALLET_STATUS_REF_MAX) {
        return LW_FAIL(LW_E_VALUE, "status: too long a name of a credential", LW_NOWHERE);
    }
    LW_TRY(draw_list(txn, agency, now, &list));
    const struct wallet_stored_list before = list;
    place->list = list.number;
    LW_TRY(draw_index(txn, &list, place));
    LW_TRY(insert_entry(txn, *place, owner));
    list.allocated++;
    list.last_exp = owner->exp > list.last_exp ? owner->exp : list.last_exp;
    LW_TRY(close_if_filled(txn, &list));
    return wallet_status_list_put(txn, &before, &list);
}

lw_err wallet_store_status_owner(const struct wallet_txn *txn, struct wallet_status_place place,
                                 struct wallet_status_owner *owner)
{
    const struct wallet_row_key key = entry_key(place);
    lw_bytes value = {0};
    struct wallet_cbor r;
    LW_TRY(wallet_txn_get(txn, WALLET_KS_STATUS_ENTRY, wallet_row_key_view(&key), &value));
    LW_TRY(wallet_row_open(value, ENTRY_FIELDS, &r));
    wallet_row_read_fixed(&r, owner->license, WALLET_UUID_LEN);
    owner->credential = wallet_cbor_bytes(&r);
    owner->exp = wallet_cbor_int(&r);
    return wallet_stored_end(&r);
}

static lw_err read_status(const struct wallet_txn *txn, struct wallet_status_place place,
                          enum wallet_entry_status *status)
{
    const struct wallet_row_key key = chunk_key(place.list, place.idx / STATUS_PER_CHUNK);
    const size_t at = (size_t)(place.idx % STATUS_PER_CHUNK);
    lw_bytes chunk = {0};
    LW_TRY(get_chunk(txn, &key, &chunk));
    const unsigned byte = chunk.len == 0 ? 0 : chunk.ptr[at / STATUS_PER_BYTE];
    *status =
        (enum wallet_entry_status)(byte >> at % STATUS_PER_BYTE * WALLET_STATUS_STORE_BITS & 3);
    return LW_SUCCESS;
}

/* The statuses of a list that retired are gone, so that nothing of it may be taken for valid. */
static lw_err check_kept(const struct wallet_stored_list *list)
{
    return list->retired ? LW_FAIL(LW_E_NOT_FOUND, "status: the list has retired", LW_NOWHERE)
                         : LW_SUCCESS;
}

lw_err wallet_store_status_get(const struct wallet_txn *txn, struct wallet_status_place place,
                               enum wallet_entry_status *status)
{
    struct wallet_stored_list list = {0};
    LW_TRY(wallet_store_status_list_get(txn, place.list, &list));
    LW_TRY(check_kept(&list));
    if (place.idx >= list.size) {
        return LW_FAIL(LW_E_NOT_FOUND, "status: beyond the end of the list", LW_NOWHERE);
    }
    return read_status(txn, place, status);
}

static lw_err write_status(struct wallet_txn *txn, struct wallet_status_place place,
                           enum wallet_entry_status status)
{
    const struct wallet_row_key key = chunk_key(place.list, place.idx / STATUS_PER_CHUNK);
    const size_t at = (size_t)(place.idx % STATUS_PER_CHUNK);
    const unsigned shift = (unsigned)(at % STATUS_PER_BYTE * WALLET_STATUS_STORE_BITS);
    return set_bits(txn, &key, at / STATUS_PER_BYTE, (uint8_t)(3U << shift),
                    (uint8_t)((unsigned)status << shift));
}

lw_err wallet_store_status_set(struct wallet_txn *txn, struct wallet_status_place place,
                               enum wallet_entry_status status, bool *changed)
{
    struct wallet_stored_list list = {0};
    struct wallet_status_owner owner;
    enum wallet_entry_status is = WALLET_ENTRY_VALID;
    if (status != WALLET_ENTRY_VALID && status != WALLET_ENTRY_INVALID &&
        status != WALLET_ENTRY_SUSPENDED) {
        return LW_FAIL(LW_E_VALUE, "status: no such status", LW_NOWHERE);
    }
    LW_TRY(wallet_store_status_list_get(txn, place.list, &list));
    LW_TRY(check_kept(&list));
    LW_TRY(wallet_store_status_owner(txn, place, &owner));
    LW_TRY(read_status(txn, place, &is));
    if (changed != NULL) {
        *changed = is != status;
    }
    if (is == status) {
        return LW_SUCCESS;
    }
    if (is == WALLET_ENTRY_INVALID) {
        return LW_FAIL(LW_E_CONFLICT, "status: invalid is final", LW_NOWHERE);
    }
    LW_TRY(write_status(txn, place, status));
    const struct wallet_stored_list before = list;
    list.version++;
    return wallet_status_list_put(txn, &before, &list);
}

lw_err wallet_store_status_array(const struct wallet_txn *txn, uint64_t number,
                                 struct wallet_stored_list *list, lw_buf *array)
{
    uint8_t *room = NULL;
    LW_TRY(wallet_store_status_list_get(txn, number, list));
    LW_TRY(check_kept(list));
    const size_t len = (size_t)(list->size / STATUS_PER_BYTE);
    LW_TRY(lw_buf_reserve(array, len, &room));
    memset(room, 0, len);
    for (size_t place = 0; place < len / CHUNK_LEN; place++) {
        const struct wallet_row_key key = chunk_key(number, place);
        lw_bytes chunk = {0};
        LW_TRY(get_chunk(txn, &key, &chunk));
        if (chunk.len > 0) {
            memcpy(room + place * CHUNK_LEN, chunk.ptr, CHUNK_LEN);
        }
    }
    lw_buf_commit(array, len);
    return LW_SUCCESS;
}

struct list_page {
    lw_str agency;
    struct wallet_stored_list *lists;
};

static lw_err take_list(void *ctx, size_t i, lw_bytes key, lw_bytes value, bool *take)
{
    const struct list_page *page = ctx;
    if (key.len != sizeof(uint64_t)) {
        return LW_FAIL(LW_E_CORRUPT, "status: a list's key is not a number", LW_NOWHERE);
    }
    LW_TRY(parse_list(wallet_key_u64(key.ptr), value, &page->lists[i]));
    *take = page->agency.len == 0 || lw_str_is(page->agency, page->lists[i].agency);
    return LW_SUCCESS;
}

lw_err wallet_store_status_list_page(const struct wallet_txn *txn, lw_str agency,
                                     struct wallet_page *page, struct wallet_stored_list *lists,
                                     size_t *count)
{
    struct list_page to = {.agency = agency, .lists = lists};
    const struct wallet_row_list list = {
        .txn = txn, .ks = WALLET_KS_STATUS_LIST, .entry = take_list, .ctx = &to};
    return wallet_row_page(&list, page, count);
}
