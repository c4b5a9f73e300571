/*
 * Licenses by type and state.
 *
 *   license-state   type NUL state id  ->  nothing; ids are in order of time
 *   license-count   type NUL state     ->  [1, how many]
 */
#include <stdlib.h>

#include "license_row.h"

enum { SMALL_MAX = 32, STATES = WALLET_SUPERSEDED };

static struct wallet_row_key list_key(lw_str type, enum wallet_state state)
{
    struct wallet_row_key key = {0};
    wallet_row_key_text(&key, type);
    wallet_row_key_byte(&key, (uint8_t)state);
    return key;
}

static lw_err read_count(lw_bytes value, uint64_t *count)
{
    struct wallet_cbor r;
    LW_TRY(wallet_row_open(value, 1, &r));
    *count = wallet_cbor_uint(&r);
    return wallet_stored_end(&r);
}

static lw_err get_count(const struct wallet_txn *txn, lw_bytes key, uint64_t *count)
{
    lw_bytes value = {0};
    const lw_err err = wallet_txn_get(txn, WALLET_KS_LICENSE_COUNT, key, &value);
    *count = 0;
    if (err.code == LW_E_NOT_FOUND) {
        return LW_SUCCESS;
    }
    LW_TRY(err);
    return read_count(value, count);
}

static lw_err put_count(struct wallet_txn *txn, lw_bytes key, uint64_t count)
{
    LW_AUTO_BUF value = LW_BUF(SMALL_MAX);
    LW_TRY(wallet_stored_begin(&value, 1, 1));
    LW_TRY(wallet_cbor_put_uint(&value, count));
    return wallet_txn_put(txn, WALLET_KS_LICENSE_COUNT, key, lw_buf_view(&value));
}

lw_err wallet_license_list_add(struct wallet_txn *txn, lw_str type, enum wallet_state state,
                               const uint8_t id[WALLET_UUID_LEN])
{
    struct wallet_row_key key = list_key(type, state);
    uint64_t count = 0;
    LW_TRY(get_count(txn, wallet_row_key_view(&key), &count));
    LW_TRY(put_count(txn, wallet_row_key_view(&key), count + 1));
    wallet_row_key_id(&key, id);
    return wallet_txn_append(txn, WALLET_KS_LICENSE_STATE, wallet_row_key_view(&key),
                             (lw_bytes){0});
}

lw_err wallet_license_list_remove(struct wallet_txn *txn, lw_str type, enum wallet_state state,
                                  const uint8_t id[WALLET_UUID_LEN])
{
    struct wallet_row_key key = list_key(type, state);
    uint64_t count = 0;
    LW_TRY(get_count(txn, wallet_row_key_view(&key), &count));
    if (count == 0) {
        return LW_FAIL(LW_E_CORRUPT, "license: the count by state is wrong", LW_NOWHERE);
    }
    LW_TRY(put_count(txn, wallet_row_key_view(&key), count - 1));
    wallet_row_key_id(&key, id);
    return wallet_txn_delete(txn, WALLET_KS_LICENSE_STATE, wallet_row_key_view(&key));
}

lw_err wallet_store_license_count(const struct wallet_txn *txn, lw_str type,
                                  uint64_t counts[WALLET_SUPERSEDED + 1])
{
    struct wallet_row_key prefix = {0};
    lw_bytes key = {0};
    lw_bytes value = {0};
    memset(counts, 0, (STATES + 1) * sizeof(counts[0]));
    if (type.len > WALLET_ID_TEXT_MAX) {
        return LW_SUCCESS;
    }
    if (type.len > 0) {
        wallet_row_key_text(&prefix, type);
    }
    WALLET_AUTO_SCAN scan = wallet_scan(txn, WALLET_KS_LICENSE_COUNT, wallet_row_key_view(&prefix));
    while (wallet_scan_next(&scan, &key, &value)) {
        uint64_t count = 0;
        const uint8_t state = key.ptr[key.len - 1];
        LW_TRY(read_count(value, &count));
        if (state == 0 || state > STATES) {
            return LW_FAIL(LW_E_CORRUPT, "license: a count of no state", LW_NOWHERE);
        }
        counts[state] += count;
    }
    return scan.err;
}

/* One list of ids in order of time; several are merged. */
struct id_source {
    struct wallet_scan scan;
    size_t prefix_len;
    bool there;
    uint8_t id[WALLET_UUID_LEN];
    lw_bytes value;
};

static lw_err advance(struct id_source *source)
{
    lw_bytes key = {0};
    source->there = wallet_scan_next(&source->scan, &key, &source->value);
    LW_TRY(source->scan.err);
    if (source->there && key.len != source->prefix_len + WALLET_UUID_LEN) {
        return LW_FAIL(LW_E_CORRUPT, "license: a key of another length", LW_NOWHERE);
    }
    if (source->there) {
        memcpy(source->id, key.ptr + source->prefix_len, WALLET_UUID_LEN);
    }
    return LW_SUCCESS;
}

/* Opens a list behind the page's place; `prefix` is empty for the list of all licenses. */
static lw_err start(const struct wallet_txn *txn, enum wallet_keyspace ks,
                    const struct wallet_row_key *prefix, const struct wallet_page *page,
                    bool newest_first, struct id_source *source)
{
    const lw_bytes under = wallet_row_key_view(prefix);
    source->prefix_len = prefix->len;
    source->scan = newest_first ? wallet_scan_back(txn, ks, under) : wallet_scan(txn, ks, under);
    if (page->len == 0) {
        return advance(source);
    }
    struct wallet_row_key from = *prefix;
    wallet_row_key_put(&from, (lw_bytes){.ptr = page->at, .len = page->len});
    wallet_scan_from(&source->scan, wallet_row_key_view(&from));
    LW_TRY(advance(source));
    const bool given = source->there && memcmp(source->id, page->at, WALLET_UUID_LEN) == 0;
    return given ? advance(source) : LW_SUCCESS;
}

struct merge {
    const struct wallet_license_filter *filter;
    struct id_source *sources;
    size_t room;
    size_t count;
};

static void merge_end(struct merge *m)
{
    for (size_t i = 0; i < m->count; i++) {
        wallet_scan_end(&m->sources[i].scan);
    }
    free(m->sources);
}

static lw_err merge_room(struct merge *m, size_t room)
{
    m->sources = calloc(room == 0 ? 1 : room, sizeof(*m->sources));
    m->room = room;
    return m->sources == NULL ? LW_FAIL(LW_E_NOMEM, "license: out of memory", LW_NOWHERE)
                              : LW_SUCCESS;
}

static struct id_source *merge_add(struct merge *m)
{
    return &m->sources[m->count++];
}

/* Of one type: its lists of one state or of all. */
static lw_err start_type(struct merge *m, const struct wallet_txn *txn,
                         const struct wallet_page *page)
{
    const struct wallet_license_filter *f = m->filter;
    LW_TRY(merge_room(m, STATES));
    for (unsigned state = WALLET_ACTIVE; state <= STATES; state++) {
        if (f->state != 0 && state != (unsigned)f->state) {
            continue;
        }
        const struct wallet_row_key prefix = list_key(f->type, (enum wallet_state)state);
        LW_TRY(start(txn, WALLET_KS_LICENSE_STATE, &prefix, page, f->newest_first, merge_add(m)));
    }
    return LW_SUCCESS;
}

/* The types that have or had a license of the state, as the counts name them. */
static lw_err next_of_state(struct wallet_scan *counts, enum wallet_state state, lw_bytes *key,
                            bool *there)
{
    lw_bytes value = {0};
    *there = false;
    while (!*there && wallet_scan_next(counts, key, &value)) {
        *there = key->ptr[key->len - 1] == (uint8_t)state;
    }
    return counts->err;
}

static lw_err count_of_state(const struct wallet_txn *txn, enum wallet_state state, size_t *count)
{
    lw_bytes key = {0};
    bool there = true;
    WALLET_AUTO_SCAN counts = wallet_scan(txn, WALLET_KS_LICENSE_COUNT, (lw_bytes){0});
    for (*count = 0; there; *count += there ? 1 : 0) {
        LW_TRY(next_of_state(&counts, state, &key, &there));
    }
    return LW_SUCCESS;
}

/* Of one state: the list of each type. A page costs its entries and the types, not the licenses. */
static lw_err start_state(struct merge *m, const struct wallet_txn *txn,
                          const struct wallet_page *page)
{
    const struct wallet_license_filter *f = m->filter;
    size_t room = 0;
    lw_bytes key = {0};
    bool there = false;
    LW_TRY(count_of_state(txn, f->state, &room));
    LW_TRY(merge_room(m, room));
    WALLET_AUTO_SCAN counts = wallet_scan(txn, WALLET_KS_LICENSE_COUNT, (lw_bytes){0});
    LW_TRY(next_of_state(&counts, f->state, &key, &there));
    while (there && m->count < m->room) {
        struct wallet_row_key prefix = {0};
        wallet_row_key_put(&prefix, key);
        LW_TRY(start(txn, WALLET_KS_LICENSE_STATE, &prefix, page, f->newest_first, merge_add(m)));
        LW_TRY(next_of_state(&counts, f->state, &key, &there));
    }
    return LW_SUCCESS;
}

static lw_err merge_start(struct merge *m, const struct wallet_txn *txn,
                          const struct wallet_page *page)
{
    const struct wallet_license_filter *f = m->filter;
    const struct wallet_row_key all = {0};
    if (f->type.len > 0) {
        return start_type(m, txn, page);
    }
    if (f->state != 0) {
        return start_state(m, txn, page);
    }
    LW_TRY(merge_room(m, 1));
    return start(txn, WALLET_KS_LICENSE, &all, page, f->newest_first, merge_add(m));
}

/* The source whose id comes next, or NULL at the end. */
static struct id_source *merge_next(struct merge *m)
{
    struct id_source *best = NULL;
    for (size_t i = 0; i < m->count; i++) {
        struct id_source *one = &m->sources[i];
        if (!one->there) {
            continue;
        }
        const int order = best == NULL ? 0 : memcmp(one->id, best->id, WALLET_UUID_LEN);
        if (best == NULL || (m->filter->newest_first ? order > 0 : order < 0)) {
            best = one;
        }
    }
    return best;
}

static lw_err merge_fill(struct merge *m, struct wallet_page *page, uint8_t (*ids)[WALLET_UUID_LEN],
                         size_t *count)
{
    struct wallet_page place = *page;
    struct id_source *source = NULL;
    size_t n = 0;
    while (n < *count && (source = merge_next(m)) != NULL) {
        memcpy(place.at, source->id, WALLET_UUID_LEN);
        place.len = WALLET_UUID_LEN;
        memcpy(ids[n++], source->id, WALLET_UUID_LEN);
        LW_TRY(advance(source));
    }
    place.end = n < *count;
    *page = place;
    *count = n;
    return LW_SUCCESS;
}

lw_err wallet_store_license_page(const struct wallet_txn *txn,
                                 const struct wallet_license_filter *filter,
                                 struct wallet_page *page, uint8_t (*ids)[WALLET_UUID_LEN],
                                 size_t *count)
{
    struct merge m = {.filter = filter};
    if (page->end || filter->type.len > WALLET_ID_TEXT_MAX) {
        page->end = true;
        *count = 0;
        return LW_SUCCESS;
    }
    if (page->len != 0 && page->len != WALLET_UUID_LEN) {
        return LW_FAIL(LW_E_VALUE, "license: no place in a list of licenses", LW_NOWHERE);
    }
    lw_err err = merge_start(&m, txn, page);
    if (err.code == LW_OK) {
        err = merge_fill(&m, page, ids, count);
    }
    merge_end(&m);
    return err;
}
