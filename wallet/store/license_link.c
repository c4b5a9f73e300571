/* Licenses that others stand in for, and places in the list of all. */
#include "license_row.h"
#include "wallet/store_journal.h"

lw_err wallet_store_license_mended(struct wallet_txn *txn, const uint8_t id[WALLET_UUID_LEN],
                                   const uint8_t successor[WALLET_UUID_LEN])
{
    WALLET_AUTO_LICENSE row = {.state = 0};
    LW_AUTO_BUF value = LW_BUF(WALLET_LICENSE_ROW_MAX);
    LW_TRY(wallet_store_license_load(txn, id, WALLET_LOAD_PUBLIC, &row));
    if ((row.state != WALLET_REVOKED && row.state != WALLET_CANCELLED) || row.has_successor) {
        return LW_FAIL(LW_E_CONFLICT, "license: nothing to mend, or mended before", LW_NOWHERE);
    }
    row.has_successor = true;
    memcpy(row.successor, successor, sizeof(row.successor));
    LW_TRY(wallet_license_row_encode(&row, &value));
    return wallet_txn_put(txn, WALLET_KS_LICENSE, wallet_row_id(id), lw_buf_view(&value));
}

/* The id that comes before in the order of bytes; the first has none. */
struct wallet_page wallet_store_license_before(const uint8_t id[WALLET_UUID_LEN])
{
    struct wallet_page page = {.len = WALLET_UUID_LEN};
    bool borrow = true;
    for (size_t i = WALLET_UUID_LEN; i-- > 0;) {
        page.at[i] = (uint8_t)(id[i] - (borrow ? 1 : 0));
        borrow = borrow && id[i] == 0;
    }
    page.len = borrow ? 0 : page.len;
    return page;
}

/* Takes those of the import; says whether the last of them was passed. */
static lw_err take_mine(const struct wallet_txn *txn, const struct wallet_import_record *record,
                        uint8_t (*ids)[16], size_t *count, bool *passed)
{
    size_t taken = 0;
    for (size_t i = 0; i < *count && !*passed; i++) {
        struct wallet_stored_license row;
        *passed = memcmp(ids[i], record->last, WALLET_UUID_LEN) > 0;
        if (*passed) {
            break;
        }
        LW_TRY(wallet_license_row_get(txn, ids[i], &row));
        if (row.import == record->number) {
            memmove(ids[taken++], ids[i], WALLET_UUID_LEN);
        }
    }
    *count = taken;
    return LW_SUCCESS;
}

lw_err wallet_store_import_licenses(const struct wallet_txn *txn,
                                    const struct wallet_import_record *record,
                                    struct wallet_page *page, uint8_t (*ids)[16], size_t *count)
{
    const struct wallet_license_filter all = {.newest_first = false};
    size_t filled = 0;
    page->end = page->end || record->issued == 0;
    if (page->len == 0) {
        const bool end = page->end;
        *page = wallet_store_license_before(record->first);
        page->end = end;
    }
    while (filled < *count && !page->end) {
        size_t got = *count - filled;
        bool passed = false;
        LW_TRY(wallet_store_license_page(txn, &all, page, ids + filled, &got));
        LW_TRY(take_mine(txn, record, ids + filled, &got, &passed));
        filled += got;
        page->end = page->end || passed;
    }
    *count = filled;
    return LW_SUCCESS;
}
