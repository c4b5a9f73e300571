/*
 * In `meta`:
 *
 *   place    ->  [1, file, made s, made ns, machine]
 *   floors   ->  [1, adoptions, list, serial, trust]
 */
#include "wallet/store_adopt.h"

#include "license_row.h"
#include "status_internal.h"
#include "wallet/store_status.h"

enum {
    VALUE_MAX = 128,
    PLACE_FIELDS = 4,
    FLOOR_FIELDS = 4,
    LIST_SKIP = 1024, /* status lists that the other copy may still begin */
    LIST_SPREAD = 64512,
    NUMBER_LEN = 8,
};

static const char place_key[] = "place";
static const char floors_key[] = "floors";

static lw_bytes key_of(const char *name)
{
    return lw_str_bytes(lw_str_c(name));
}

lw_err wallet_store_place_get(const struct wallet_txn *txn, struct wallet_store_place *place)
{
    lw_bytes value = {0};
    struct wallet_cbor r;
    *place = (struct wallet_store_place){0};
    const lw_err err = wallet_txn_get(txn, WALLET_KS_META, key_of(place_key), &value);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_SUCCESS;
    }
    LW_TRY(err);
    LW_TRY(wallet_row_open(value, PLACE_FIELDS, &r));
    place->file = wallet_cbor_uint(&r);
    place->made_s = wallet_cbor_int(&r);
    place->made_ns = (uint32_t)wallet_row_read_uint(&r, UINT32_MAX);
    wallet_row_read_fixed(&r, place->machine, sizeof(place->machine));
    return wallet_stored_end(&r);
}

lw_err wallet_store_place_put(struct wallet_txn *txn, const struct wallet_store_place *place)
{
    LW_AUTO_BUF value = LW_BUF(VALUE_MAX);
    LW_TRY(wallet_stored_begin(&value, 1, PLACE_FIELDS));
    LW_TRY(wallet_cbor_put_uint(&value, place->file));
    LW_TRY(wallet_cbor_put_int(&value, place->made_s));
    LW_TRY(wallet_cbor_put_uint(&value, place->made_ns));
    LW_TRY(wallet_cbor_put_bytes(&value, LW_BYTES(place->machine)));
    return wallet_txn_put(txn, WALLET_KS_META, key_of(place_key), lw_buf_view(&value));
}

lw_err wallet_store_floors_get(const struct wallet_txn *txn, struct wallet_store_floors *floors)
{
    lw_bytes value = {0};
    struct wallet_cbor r;
    *floors = (struct wallet_store_floors){0};
    const lw_err err = wallet_txn_get(txn, WALLET_KS_META, key_of(floors_key), &value);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_SUCCESS;
    }
    LW_TRY(err);
    LW_TRY(wallet_row_open(value, FLOOR_FIELDS, &r));
    floors->adoptions = wallet_cbor_uint(&r);
    floors->list = wallet_cbor_uint(&r);
    floors->serial = wallet_cbor_uint(&r);
    floors->trust = wallet_cbor_uint(&r);
    return wallet_stored_end(&r);
}

static lw_err put_floors(struct wallet_txn *txn, const struct wallet_store_floors *floors)
{
    LW_AUTO_BUF value = LW_BUF(VALUE_MAX);
    LW_TRY(wallet_stored_begin(&value, 1, FLOOR_FIELDS));
    LW_TRY(wallet_cbor_put_uint(&value, floors->adoptions));
    LW_TRY(wallet_cbor_put_uint(&value, floors->list));
    LW_TRY(wallet_cbor_put_uint(&value, floors->serial));
    LW_TRY(wallet_cbor_put_uint(&value, floors->trust));
    return wallet_txn_put(txn, WALLET_KS_META, key_of(floors_key), lw_buf_view(&value));
}

static lw_err close_lists(struct wallet_txn *txn)
{
    lw_bytes key = {0};
    lw_bytes value = {0};
    WALLET_AUTO_SCAN scan = wallet_scan(txn, WALLET_KS_STATUS_OPEN, (lw_bytes){0});
    while (wallet_scan_next(&scan, &key, &value)) {
        struct wallet_stored_list list;
        if (key.len <= NUMBER_LEN) {
            return LW_FAIL(LW_E_CORRUPT, "status: a list's key is not a number", LW_NOWHERE);
        }
        LW_TRY(wallet_store_status_list_get(txn, wallet_key_u64(key.ptr + key.len - NUMBER_LEN),
                                            &list));
        const struct wallet_stored_list before = list;
        LW_TRY(wallet_status_list_close(txn, &list));
        LW_TRY(wallet_status_list_put(txn, &before, &list));
    }
    return scan.err;
}

static lw_err last_list(const struct wallet_txn *txn, uint64_t *number)
{
    lw_bytes key = {0};
    lw_bytes value = {0};
    WALLET_AUTO_SCAN scan = wallet_scan_back(txn, WALLET_KS_STATUS_LIST, (lw_bytes){0});
    *number = wallet_scan_next(&scan, &key, &value) && key.len == NUMBER_LEN
                  ? wallet_key_u64(key.ptr)
                  : 0;
    return scan.err;
}

static lw_err skip_serials(struct wallet_txn *txn)
{
    lw_bytes key = {0};
    lw_bytes value = {0};
    WALLET_AUTO_SCAN scan = wallet_scan(txn, WALLET_KS_SERIAL, (lw_bytes){0});
    while (wallet_scan_next(&scan, &key, &value)) {
        struct wallet_row_key row = {0};
        struct wallet_cbor r;
        LW_AUTO_BUF moved = LW_BUF(VALUE_MAX);
        LW_TRY(wallet_row_open(value, 1, &r));
        const uint64_t last = wallet_cbor_uint(&r);
        LW_TRY(wallet_stored_end(&r));
        if (last > UINT64_MAX - WALLET_SERIAL_SKIP) {
            return LW_FAIL(LW_E_LIMIT, "serial: all are used up", LW_NOWHERE);
        }
        wallet_row_key_put(&row, key);
        LW_TRY(wallet_stored_begin(&moved, 1, 1));
        LW_TRY(wallet_cbor_put_uint(&moved, last + WALLET_SERIAL_SKIP));
        LW_TRY(
            wallet_txn_put(txn, WALLET_KS_SERIAL, wallet_row_key_view(&row), lw_buf_view(&moved)));
    }
    return scan.err;
}

lw_err wallet_store_adopt(struct wallet_txn *txn, uint64_t trust)
{
    struct wallet_store_floors floors;
    uint64_t last = 0;
    uint64_t drawn = 0;
    LW_TRY(wallet_store_floors_get(txn, &floors));
    LW_TRY(close_lists(txn));
    LW_TRY(skip_serials(txn));
    LW_TRY(last_list(txn, &last));
    LW_TRY(lw_rng_below(wallet_txn_rng(txn), LIST_SPREAD, &drawn));
    last = last > floors.list ? last : floors.list;
    floors.adoptions++;
    floors.list = last + 1 + LIST_SKIP + drawn;
    floors.serial += WALLET_SERIAL_SKIP;
    floors.trust = trust > floors.trust ? trust : floors.trust;
    LW_TRY(put_floors(txn, &floors));
    return wallet_store_touch(txn);
}
