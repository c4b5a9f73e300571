/* Serial numbers of issuers, counted in the store: issuer NUL type NUL -> [1, the last given]. */
#include "license_row.h"
#include "wallet/store_adopt.h"

static lw_err last_serial(const struct wallet_txn *txn, lw_bytes key, uint64_t *serial)
{
    lw_bytes value = {0};
    struct wallet_cbor r;
    const lw_err err = wallet_txn_get(txn, WALLET_KS_SERIAL, key, &value);
    if (err.code == LW_E_NOT_FOUND) {
        struct wallet_store_floors floors;
        LW_TRY(wallet_store_floors_get(txn, &floors));
        *serial = floors.serial;
        return LW_SUCCESS;
    }
    LW_TRY(err);
    LW_TRY(wallet_row_open(value, 1, &r));
    *serial = wallet_cbor_uint(&r);
    return wallet_stored_end(&r);
}

lw_err wallet_store_serial_next(struct wallet_txn *txn, lw_str issuer, lw_str type,
                                uint64_t *serial)
{
    struct wallet_row_key key = {0};
    uint64_t last = 0;
    LW_AUTO_BUF value = LW_BUF(32);
    if (!wallet_row_text_ok(issuer, WALLET_ID_TEXT_MAX) ||
        !wallet_row_text_ok(type, WALLET_ID_TEXT_MAX)) {
        return LW_FAIL(LW_E_VALUE, "serial: issuer or type is no plain text", LW_NOWHERE);
    }
    wallet_row_key_text(&key, issuer);
    wallet_row_key_text(&key, type);
    LW_TRY(last_serial(txn, wallet_row_key_view(&key), &last));
    if (last == UINT64_MAX) {
        return LW_FAIL(LW_E_LIMIT, "serial: all are used up", LW_NOWHERE);
    }
    LW_TRY(wallet_stored_begin(&value, 1, 1));
    LW_TRY(wallet_cbor_put_uint(&value, last + 1));
    LW_TRY(wallet_txn_put(txn, WALLET_KS_SERIAL, wallet_row_key_view(&key), lw_buf_view(&value)));
    *serial = last + 1;
    return LW_SUCCESS;
}
