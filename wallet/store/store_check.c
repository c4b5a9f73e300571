/* The store read whole, and copied. */
#define _POSIX_C_SOURCE 200809L

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store_internal.h"
#include "wallet/audit.h"

static bool well_formed(enum wallet_ks_form form, lw_bytes value)
{
    struct wallet_cbor r;
    switch (form) {
    case WALLET_KS_RAW:
        return true;
    case WALLET_KS_EMPTY:
        return value.len == 0;
    case WALLET_KS_CBOR:
        return wallet_cbor_check(value).code == LW_OK &&
               wallet_stored_open(value, UINT16_MAX, &r, NULL, NULL).code == LW_OK;
    }
    return false;
}

static void fault(struct wallet_store_found *found, const char *where, const char *why)
{
    found->whole = false;
    found->where = where;
    found->why = why;
    found->index = found->entries;
}

static lw_err check_keyspace(const struct wallet_txn *txn, enum wallet_keyspace ks,
                             struct wallet_store_found *found)
{
    const struct wallet_ks_row *row = wallet_ks(ks);
    uint8_t before[WALLET_KEY_MAX];
    lw_bytes last = {.ptr = before, .len = 0};
    lw_bytes key = {0};
    lw_bytes value = {0};
    uint64_t entries = 0;
    uint64_t told = 0;
    LW_TRY(wallet_txn_count(txn, ks, &told));
    WALLET_AUTO_SCAN scan = wallet_scan(txn, ks, (lw_bytes){0});
    /* A damaged page can lead in circles: no further than the keyspace says it goes. */
    while (found->whole && entries <= told && wallet_scan_next(&scan, &key, &value)) {
        entries++;
        found->entries++;
        if (lw_bytes_cmp(last, key) >= 0) {
            fault(found, row->name, "keys are out of order");
        } else if (!well_formed(row->form, value)) {
            fault(found, row->name, "a value is not of its form");
        }
        memcpy(before, key.ptr, key.len);
        last.len = key.len;
    }
    LW_TRY(scan.err);
    if (found->whole && told != entries) {
        fault(found, row->name, "entries are missing");
    }
    return LW_SUCCESS;
}

static lw_err check_audit(const struct wallet_txn *txn, struct wallet_store_found *found)
{
    struct wallet_audit_found audit = {0};
    LW_TRY(wallet_audit_check(txn, &audit));
    found->leaves = audit.size;
    if (!audit.whole) {
        fault(found, wallet_ks(WALLET_KS_AUDIT_LEAF)->name, audit.why);
        found->index = audit.first_bad;
    }
    return LW_SUCCESS;
}

lw_err wallet_store_check(struct wallet_store *store, struct wallet_store_found *found)
{
    WALLET_AUTO_TXN txn = NULL;
    *found = (struct wallet_store_found){.whole = true};
    LW_TRY(wallet_read_begin(store, &txn));
    for (size_t i = 0; i < WALLET_KS_COUNT && found->whole; i++) {
        LW_TRY(check_keyspace(txn, (enum wallet_keyspace)i, found));
    }
    return found->whole ? check_audit(txn, found) : LW_SUCCESS;
}

static lw_err system_fault(int rc)
{
    switch (rc) {
    case ENOSPC:
    case EDQUOT:
        return LW_FAIL(LW_E_NOSPACE, "store: no space left for the copy", LW_NOWHERE);
    case EACCES:
    case EPERM:
    case EROFS:
        return LW_FAIL(LW_E_DENIED, "store: no permission to make the copy's folder", LW_NOWHERE);
    case EEXIST:
        return LW_FAIL(LW_E_CONFLICT, "store: the copy's folder is not empty", LW_NOWHERE);
    default:
        return LW_FAIL(LW_E_IO, "store: the copy's folder cannot be made", LW_NOWHERE);
    }
}

/* Makes the folder, or finds it empty; says in `made` which. */
static int make_folder(const char *dir, bool *made)
{
    *made = mkdir(dir, 0700) == 0;
    if (*made || errno != EEXIST) {
        return *made ? 0 : errno;
    }
    DIR *folder = opendir(dir);
    if (folder == NULL) {
        return errno;
    }
    int rc = 0;
    for (const struct dirent *e = readdir(folder); e != NULL; e = readdir(folder)) {
        if (!lw_str_is(lw_str_c(e->d_name), ".") && !lw_str_is(lw_str_c(e->d_name), "..")) {
            rc = EEXIST;
        }
    }
    (void)closedir(folder);
    return rc;
}

static lw_err not_whole(void)
{
    return LW_FAIL(LW_E_CORRUPT, "store: the copy is not whole", LW_NOWHERE);
}

static lw_err head_of(struct wallet_store *store, uint64_t *size, uint8_t root[WALLET_HASH_LEN])
{
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(store, &txn));
    return wallet_audit_head(txn, size, root);
}

/* The copy must hold the log as it stood here at its size, and no less than when it was begun. */
static lw_err compare(struct wallet_store *store, struct wallet_store *copy, uint64_t least)
{
    uint64_t size = 0;
    uint8_t root[WALLET_HASH_LEN];
    uint8_t here[WALLET_HASH_LEN];
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(head_of(copy, &size, root));
    LW_TRY(wallet_read_begin(store, &txn));
    LW_TRY(wallet_audit_root_at(txn, size, here));
    const bool same = lw_bytes_eq(LW_BYTES(root), LW_BYTES(here)) &&
                      memcmp(store->id, copy->id, sizeof(store->id)) == 0;
    return same && size >= least ? LW_SUCCESS : not_whole();
}

static lw_err check_copy(struct wallet_store *store, const char *dir, uint64_t least)
{
    const struct wallet_store_options options = {.clock = store->clock, .rng = store->rng};
    WALLET_AUTO_STORE copy = NULL;
    LW_TRY(wallet_store_open(dir, &options, &copy));
    return compare(store, copy, least);
}

static lw_err copy(struct wallet_store *store, const char *dir, bool compact)
{
    uint64_t least = 0;
    uint8_t root[WALLET_HASH_LEN];
    bool made = false;
    LW_TRY(head_of(store, &least, root));
    const int rc = make_folder(dir, &made);
    if (rc != 0) {
        return system_fault(rc);
    }
    lw_err err = store->ops->copy(store->engine, dir, compact);
    if (err.code == LW_OK) {
        err = check_copy(store, dir, least);
    }
    if (err.code != LW_OK) {
        store->ops->discard(dir);
        if (made) {
            (void)rmdir(dir);
        }
    }
    return err;
}

lw_err wallet_store_backup(struct wallet_store *store, const char *dir)
{
    return copy(store, dir, false);
}

lw_err wallet_store_copy_compact(struct wallet_store *store, const char *dir)
{
    return copy(store, dir, true);
}
