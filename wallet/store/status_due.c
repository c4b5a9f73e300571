/*
 * Which lists are to be signed, and those that retired.
 *
 *   status-due  standing time number  ->  nothing
 *
 * A list stands first among those that changed, else by the time of its tokens; one that retired
 * stands last until its entries are gone, then nowhere. So what is due is found without a look at
 * the others.
 */
#include "row.h"
#include "status_internal.h"

enum standing { CHANGED = 0, SIGNED = 1, RETIRED = 2 };
enum { KEY_LEN = 1 + 8 + 8, TIME_AT = 1, NUMBER_AT = 9 };

static struct wallet_row_key due_key(enum standing standing, int64_t time, uint64_t number)
{
    struct wallet_row_key key = {0};
    wallet_row_key_byte(&key, (uint8_t)standing);
    wallet_row_key_time(&key, time);
    wallet_row_key_u64(&key, number);
    return key;
}

struct wallet_row_key wallet_status_due_key(const struct wallet_stored_list *list)
{
    if (list->retired) {
        return list->allocated > 0 ? due_key(RETIRED, 0, list->number)
                                   : (struct wallet_row_key){.len = 0};
    }
    return due_key(wallet_status_list_dirty(list) ? CHANGED : SIGNED, list->token_iat,
                   list->number);
}

lw_err wallet_status_due_move(struct wallet_txn *txn, const struct wallet_stored_list *before,
                              const struct wallet_stored_list *list)
{
    const struct wallet_row_key to = wallet_status_due_key(list);
    if (before != NULL) {
        const struct wallet_row_key from = wallet_status_due_key(before);
        if (lw_bytes_eq(wallet_row_key_view(&from), wallet_row_key_view(&to))) {
            return LW_SUCCESS;
        }
        LW_TRY(wallet_txn_delete(txn, WALLET_KS_STATUS_DUE, wallet_row_key_view(&from)));
    }
    return to.len == 0
               ? LW_SUCCESS
               : wallet_txn_put(txn, WALLET_KS_STATUS_DUE, wallet_row_key_view(&to), (lw_bytes){0});
}

static lw_err check_key(lw_bytes key)
{
    return key.len == KEY_LEN && key.ptr[0] <= RETIRED
               ? LW_SUCCESS
               : LW_FAIL(LW_E_CORRUPT, "status: a list stands nowhere it could", LW_NOWHERE);
}

static bool is_due(lw_bytes key, int64_t signed_until)
{
    return key.ptr[0] == CHANGED ||
           (key.ptr[0] == SIGNED && wallet_row_key_time_of(key.ptr + TIME_AT) <= signed_until);
}

lw_err wallet_store_status_due(const struct wallet_txn *txn, int64_t signed_until,
                               struct wallet_page *page, uint64_t *numbers, size_t *count)
{
    const lw_bytes after = {.ptr = page->at, .len = page->len};
    struct wallet_page place = *page;
    lw_bytes key = {0};
    lw_bytes value = {0};
    size_t n = 0;
    WALLET_AUTO_SCAN scan = wallet_scan(txn, WALLET_KS_STATUS_DUE, (lw_bytes){0});
    if (after.len > 0) {
        wallet_scan_from(&scan, after);
    }
    while (!place.end && n < *count && wallet_scan_next(&scan, &key, &value)) {
        LW_TRY(check_key(key));
        if (lw_bytes_eq(key, after)) { /* the last of the page before */
            continue;
        }
        place.end = !is_due(key, signed_until);
        if (!place.end) {
            numbers[n++] = wallet_key_u64(key.ptr + NUMBER_AT);
            memcpy(place.at, key.ptr, key.len);
            place.len = key.len;
        }
    }
    LW_TRY(scan.err);
    place.end = n < *count;
    *page = place;
    *count = n;
    return LW_SUCCESS;
}

/* Deletes what stands under a list's number in a keyspace, at most `max`. */
static lw_err delete_of_list(struct wallet_txn *txn, enum wallet_keyspace ks, uint64_t number,
                             size_t max, size_t *deleted)
{
    struct wallet_row_key prefix = {0};
    lw_bytes key = {0};
    lw_bytes value = {0};
    *deleted = 0;
    wallet_row_key_u64(&prefix, number);
    WALLET_AUTO_SCAN scan = wallet_scan(txn, ks, wallet_row_key_view(&prefix));
    while (*deleted < max && wallet_scan_next(&scan, &key, &value)) {
        struct wallet_row_key at = {0};
        wallet_row_key_put(&at, key); /* the key is gone with the change */
        LW_TRY(wallet_txn_delete(txn, ks, wallet_row_key_view(&at)));
        (*deleted)++;
    }
    return scan.err;
}

lw_err wallet_store_status_retire(struct wallet_txn *txn, uint64_t number, int64_t ended_by)
{
    struct wallet_stored_list list = {0};
    size_t deleted = 0;
    LW_TRY(wallet_store_status_list_get(txn, number, &list));
    if (!wallet_status_list_ended(&list, ended_by)) {
        return LW_FAIL(LW_E_CONFLICT, "status: a credential of the list may still be shown",
                       LW_NOWHERE);
    }
    const struct wallet_stored_list before = list;
    if (list.open) {
        LW_TRY(wallet_status_list_close(txn, &list));
    }
    LW_TRY(delete_of_list(txn, WALLET_KS_STATUS_CHUNK, number, SIZE_MAX, &deleted));
    LW_TRY(delete_of_list(txn, WALLET_KS_STATUS_TOKEN, number, SIZE_MAX, &deleted));
    list.retired = true;
    list.published = UINT64_MAX;
    list.token_iat = 0;
    list.token_exp = 0;
    return wallet_status_list_put(txn, &before, &list);
}

static lw_err purge_list(struct wallet_txn *txn, uint64_t number, size_t max, size_t *purged)
{
    struct wallet_stored_list list = {0};
    LW_TRY(wallet_store_status_list_get(txn, number, &list));
    const struct wallet_stored_list before = list;
    LW_TRY(delete_of_list(txn, WALLET_KS_STATUS_ENTRY, number, max, purged));
    if (*purged > list.allocated || (*purged < max && *purged != list.allocated)) {
        return LW_FAIL(LW_E_CORRUPT, "status: the list had more or fewer entries than it says",
                       LW_NOWHERE);
    }
    list.allocated -= *purged;
    return wallet_status_list_put(txn, &before, &list);
}

lw_err wallet_store_status_purge(struct wallet_txn *txn, size_t max, size_t *purged)
{
    const uint8_t retired[] = {RETIRED};
    lw_bytes key = {0};
    lw_bytes value = {0};
    uint64_t number = 0;
    *purged = 0;
    {
        WALLET_AUTO_SCAN scan = wallet_scan(txn, WALLET_KS_STATUS_DUE, LW_BYTES(retired));
        if (!wallet_scan_next(&scan, &key, &value)) {
            return scan.err;
        }
        LW_TRY(check_key(key));
        number = wallet_key_u64(key.ptr + NUMBER_AT);
    }
    return purge_list(txn, number, max, purged);
}
