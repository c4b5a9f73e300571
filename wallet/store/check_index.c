/* Every index both ways. */
#include "check_internal.h"

#include <stdio.h>

enum { PROGRESS_EACH = 1024 };

void wallet_check_fault(struct wallet_index_check *check, const char *where, const char *why,
                        lw_bytes key)
{
    if (check->fault_count < WALLET_FAULTS_MAX) {
        struct wallet_fault *f = &check->faults[check->fault_count];
        f->where = where;
        f->why = why;
        f->key[0] = '\0';
        for (size_t i = 0; i < key.len && 2 * i + 2 < sizeof(f->key); i++) {
            (void)snprintf(f->key + 2 * i, 3, "%02x", key.ptr[i]);
        }
    }
    check->fault_count++;
}

void wallet_check_progress(struct wallet_index_check *check, const char *what, uint64_t done,
                           uint64_t total)
{
    if (check->progress != NULL && (done % PROGRESS_EACH == 0 || done == total)) {
        check->progress(check->ctx, what, done, total);
    }
}

lw_err wallet_check_has(const struct wallet_checking *c, enum wallet_keyspace ks, lw_bytes key,
                        const char *why)
{
    bool there = false;
    LW_TRY(wallet_txn_has(c->txn, ks, key, &there));
    return there ? LW_SUCCESS : LW_FAIL(LW_E_CORRUPT, why, LW_NOWHERE);
}

lw_err wallet_check_wrong(const char *why)
{
    return LW_FAIL(LW_E_CORRUPT, why, LW_NOWHERE);
}

/* The key that names an entry: a number may be somebody's, so its license's id stands for it. */
static lw_bytes name_of(enum wallet_keyspace ks, lw_bytes key, lw_bytes value,
                        uint8_t id[WALLET_ROW_ID_LEN])
{
    if (ks != WALLET_KS_LICENSE_NUMBER) {
        return key;
    }
    return wallet_license_number_ref(value, id).code == LW_OK ? wallet_row_id(id) : (lw_bytes){0};
}

lw_err wallet_check_walk(struct wallet_checking *c, enum wallet_keyspace ks, wallet_check_fn *entry)
{
    const char *name = wallet_ks(ks)->name;
    lw_bytes key = {0};
    lw_bytes value = {0};
    uint64_t total = 0;
    uint64_t done = 0;
    LW_TRY(wallet_txn_count(c->txn, ks, &total));
    WALLET_AUTO_SCAN scan = wallet_scan(c->txn, ks, (lw_bytes){0});
    while (wallet_scan_next(&scan, &key, &value)) {
        const lw_err err = entry(c, key, value);
        if (err.code == LW_E_CORRUPT || err.code == LW_E_UNSUPPORTED ||
            err.code == LW_E_NOT_FOUND) {
            uint8_t id[WALLET_ROW_ID_LEN];
            wallet_check_fault(c->check, name, err.why, name_of(ks, key, value, id));
        } else {
            LW_TRY(err);
        }
        c->check->checked++;
        wallet_check_progress(c->check, name, ++done, total);
    }
    return scan.err;
}

lw_err wallet_store_check_indexes(const struct wallet_txn *txn, struct wallet_index_check *check)
{
    struct wallet_checking c = {.txn = txn, .check = check};
    LW_TRY(wallet_check_licenses(&c));
    LW_TRY(wallet_check_credentials(&c));
    return wallet_check_others(&c);
}
