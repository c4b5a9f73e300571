/* Credentials, passes and grants against their ends; status lists against licenses; people. */
#include "check_internal.h"
#include "status_internal.h"
#include "wallet/store_credential.h"
#include "wallet/store_status.h"

enum { TIME_LEN = 8, PLACE_LEN = 16 };

/* Whether the list by end has this entry at `end`. */
static lw_err ends_at(const struct wallet_checking *c, enum wallet_keyspace ks, int64_t end,
                      lw_bytes key)
{
    struct wallet_row_key at = {0};
    if (key.len > WALLET_KEY_MAX - TIME_LEN) {
        return wallet_check_wrong("a key of another length");
    }
    wallet_row_key_time(&at, end);
    wallet_row_key_put(&at, key);
    return wallet_check_has(c, ks, wallet_row_key_view(&at), "not in the list by end");
}

static lw_err leads_to(const struct wallet_checking *c, enum wallet_keyspace ks, lw_bytes key)
{
    if (key.len <= TIME_LEN) {
        return wallet_check_wrong("a key of another length");
    }
    return wallet_check_has(c, ks, (lw_bytes){key.ptr + TIME_LEN, key.len - TIME_LEN},
                            "leads to nothing");
}

/* What a license's state asks of its credentials; one that is invalid stays so. */
static bool status_fits(enum wallet_state state, enum wallet_entry_status status)
{
    if (status == WALLET_ENTRY_INVALID) {
        return true;
    }
    return (state == WALLET_ACTIVE && status == WALLET_ENTRY_VALID) ||
           (state == WALLET_SUSPENDED && status == WALLET_ENTRY_SUSPENDED);
}

static lw_err check_status(const struct wallet_checking *c, struct wallet_status_place place,
                           const struct wallet_stored_license *row)
{
    struct wallet_status_owner owner;
    struct wallet_stored_list list;
    enum wallet_entry_status status = WALLET_ENTRY_VALID;
    lw_err err = wallet_store_status_list_get(c->txn, place.list, &list);
    if (err.code == LW_OK && list.retired) {
        return LW_SUCCESS; /* its credential has ended and waits to be purged */
    }
    err = wallet_store_status_owner(c->txn, place, &owner);
    if (err.code == LW_E_NOT_FOUND) {
        return wallet_check_wrong("its place in a status list is nobody's");
    }
    LW_TRY(err);
    if (memcmp(owner.license, row->license.id, WALLET_UUID_LEN) != 0) {
        return wallet_check_wrong("its place in a status list is another license's");
    }
    LW_TRY(wallet_store_status_get(c->txn, place, &status));
    return status_fits(row->state, status)
               ? LW_SUCCESS
               : wallet_check_wrong("its status is not that of its license");
}

static lw_err read_place(lw_bytes value, struct wallet_status_place *place, bool *there)
{
    struct wallet_cbor r;
    size_t two = 2;
    LW_TRY(wallet_row_open(value, 3, &r));
    (void)wallet_cbor_int(&r);
    *there = wallet_cbor_peek(&r) != WALLET_CBOR_NULL;
    if (*there) {
        two = wallet_cbor_array(&r);
        place->list = wallet_cbor_uint(&r);
        place->idx = wallet_cbor_uint(&r);
    } else {
        wallet_cbor_null(&r);
    }
    (void)wallet_cbor_bytes(&r);
    LW_TRY(wallet_stored_end(&r));
    return two == 2 ? LW_SUCCESS : wallet_check_wrong("its place in a status list is none");
}

static lw_err license_of(const struct wallet_checking *c, lw_bytes id,
                         struct wallet_stored_license *row)
{
    if (id.len < WALLET_UUID_LEN) {
        return wallet_check_wrong("a key of another length");
    }
    const lw_err err = wallet_license_row_get(c->txn, id.ptr, row);
    return err.code == LW_E_NOT_FOUND ? wallet_check_wrong("of a license that is not there") : err;
}

static lw_err check_credential(struct wallet_checking *c, lw_bytes key, lw_bytes value)
{
    struct wallet_stored_license row = {.state = 0};
    struct wallet_status_place place = {0};
    bool has_place = false;
    LW_TRY(license_of(c, key, &row));
    LW_TRY(ends_at(c, WALLET_KS_CREDENTIAL_EXPIRY,
                   wallet_row_key_time_of(key.ptr + key.len - TIME_LEN), key));
    LW_TRY(read_place(value, &place, &has_place));
    return has_place ? check_status(c, place, &row) : LW_SUCCESS;
}

static lw_err check_credential_end(struct wallet_checking *c, lw_bytes key, lw_bytes value)
{
    (void)value;
    return leads_to(c, WALLET_KS_CREDENTIAL, key);
}

static lw_err check_bound(struct wallet_checking *c, lw_bytes key, lw_bytes value)
{
    struct wallet_stored_license row = {.state = 0};
    (void)value;
    return license_of(c, key, &row);
}

static lw_err check_pass(struct wallet_checking *c, lw_bytes key, lw_bytes value)
{
    struct wallet_stored_pass pass;
    struct wallet_stored_license row = {.state = 0};
    (void)value;
    if (key.len != WALLET_CTI_LEN) {
        return wallet_check_wrong("a key of another length");
    }
    LW_TRY(wallet_store_pass_get(c->txn, key.ptr, &pass));
    LW_TRY(license_of(c, LW_BYTES(pass.license), &row));
    return ends_at(c, WALLET_KS_PASS_EXPIRY, pass.exp, key);
}

static lw_err check_pass_end(struct wallet_checking *c, lw_bytes key, lw_bytes value)
{
    (void)value;
    return leads_to(c, WALLET_KS_PASS, key);
}

static struct wallet_status_place place_of(lw_bytes key)
{
    return (struct wallet_status_place){.list = wallet_key_u64(key.ptr),
                                        .idx = wallet_key_u64(key.ptr + TIME_LEN)};
}

static lw_err check_entry(struct wallet_checking *c, lw_bytes key, lw_bytes value)
{
    struct wallet_status_owner owner;
    struct wallet_stored_list list;
    struct wallet_stored_license row = {.state = 0};
    (void)value;
    if (key.len != PLACE_LEN) {
        return wallet_check_wrong("a key of another length");
    }
    const struct wallet_status_place place = place_of(key);
    const lw_err err = wallet_store_status_list_get(c->txn, place.list, &list);
    if (err.code == LW_E_NOT_FOUND || (err.code == LW_OK && place.idx >= list.size)) {
        return wallet_check_wrong("of a list that is not there, or beyond its end");
    }
    LW_TRY(err);
    LW_TRY(wallet_store_status_owner(c->txn, place, &owner));
    return license_of(c, LW_BYTES(owner.license), &row);
}

/* What stands there is signed again, or purged, by this index alone. */
static lw_err check_stands(const struct wallet_checking *c, const struct wallet_stored_list *list)
{
    const struct wallet_row_key due = wallet_status_due_key(list);
    return due.len == 0 ? LW_SUCCESS
                        : wallet_check_has(c, WALLET_KS_STATUS_DUE, wallet_row_key_view(&due),
                                           "not where it stands among those due");
}

static lw_err check_due(struct wallet_checking *c, lw_bytes key, lw_bytes value)
{
    struct wallet_stored_list list;
    (void)value;
    if (key.len <= TIME_LEN) {
        return wallet_check_wrong("a key of another length");
    }
    const lw_err err =
        wallet_store_status_list_get(c->txn, wallet_key_u64(key.ptr + key.len - TIME_LEN), &list);
    if (err.code == LW_E_NOT_FOUND) {
        return wallet_check_wrong("leads to no list");
    }
    LW_TRY(err);
    const struct wallet_row_key due = wallet_status_due_key(&list);
    return lw_bytes_eq(key, wallet_row_key_view(&due))
               ? LW_SUCCESS
               : wallet_check_wrong("its list stands elsewhere");
}

static lw_err check_list(struct wallet_checking *c, lw_bytes key, lw_bytes value)
{
    struct wallet_stored_list list;
    struct wallet_row_key open = {0};
    lw_bytes at = {0};
    uint64_t given = 0;
    bool listed = false;
    if (key.len != TIME_LEN) {
        return wallet_check_wrong("a key of another length");
    }
    LW_TRY(wallet_store_status_list_get(c->txn, wallet_key_u64(key.ptr), &list));
    wallet_row_key_text(&open, lw_str_c(list.agency));
    wallet_row_key_put(&open, key);
    LW_TRY(wallet_txn_has(c->txn, WALLET_KS_STATUS_OPEN, wallet_row_key_view(&open), &listed));
    if (listed != list.open) {
        return wallet_check_wrong("open and not among the open ones, or the other way round");
    }
    LW_TRY(check_stands(c, &list));
    WALLET_AUTO_SCAN scan = wallet_scan(c->txn, WALLET_KS_STATUS_ENTRY, key);
    while (wallet_scan_next(&scan, &at, &value)) {
        given++;
    }
    LW_TRY(scan.err);
    return given == list.allocated ? LW_SUCCESS
                                   : wallet_check_wrong("entries given are not as many as it says");
}

static lw_err check_open(struct wallet_checking *c, lw_bytes key, lw_bytes value)
{
    (void)value;
    if (key.len <= TIME_LEN) {
        return wallet_check_wrong("a key of another length");
    }
    return wallet_check_has(c, WALLET_KS_STATUS_LIST,
                            (lw_bytes){key.ptr + key.len - TIME_LEN, TIME_LEN}, "leads to no list");
}

static lw_err check_grant(struct wallet_checking *c, lw_bytes key, lw_bytes value)
{
    struct wallet_cbor r;
    LW_TRY(wallet_row_open(value, 3, &r));
    const int64_t end = wallet_cbor_int(&r);
    (void)wallet_cbor_bytes(&r);
    (void)wallet_cbor_int(&r);
    LW_TRY(wallet_stored_end(&r));
    return ends_at(c, WALLET_KS_GRANT_EXPIRY, end, key);
}

static lw_err check_grant_end(struct wallet_checking *c, lw_bytes key, lw_bytes value)
{
    (void)value;
    return leads_to(c, WALLET_KS_GRANT, key);
}

static lw_err check_person_code(struct wallet_checking *c, lw_bytes key, lw_bytes value)
{
    struct wallet_cbor r;
    (void)key;
    LW_TRY(wallet_row_open(value, 1, &r));
    const lw_bytes id = wallet_cbor_bytes(&r);
    LW_TRY(wallet_stored_end(&r));
    if (id.len != WALLET_ROW_ID_LEN) {
        return wallet_check_wrong("leads to no person");
    }
    LW_TRY(wallet_check_has(c, WALLET_KS_PERSON, id, "leads to no person"));
    return wallet_check_has(c, WALLET_KS_PERSON_KEY, id, "leads to a person without a key");
}

static lw_err check_person_key(struct wallet_checking *c, lw_bytes key, lw_bytes value)
{
    (void)value;
    return wallet_check_has(c, WALLET_KS_PERSON, key, "leads to no person");
}

struct walk {
    enum wallet_keyspace ks;
    wallet_check_fn *entry;
};

static lw_err walk_all(struct wallet_checking *c, const struct walk *walks, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        LW_TRY(wallet_check_walk(c, walks[i].ks, walks[i].entry));
    }
    return LW_SUCCESS;
}

lw_err wallet_check_credentials(struct wallet_checking *c)
{
    static const struct walk walks[] = {
        {WALLET_KS_CREDENTIAL, check_credential},
        {WALLET_KS_CREDENTIAL_EXPIRY, check_credential_end},
        {WALLET_KS_HOLDER_KEY, check_bound},
        {WALLET_KS_PASS, check_pass},
        {WALLET_KS_PASS_EXPIRY, check_pass_end},
        {WALLET_KS_STATUS_LIST, check_list},
        {WALLET_KS_STATUS_OPEN, check_open},
        {WALLET_KS_STATUS_DUE, check_due},
        {WALLET_KS_STATUS_ENTRY, check_entry},
    };
    return walk_all(c, walks, sizeof(walks) / sizeof(walks[0]));
}

lw_err wallet_check_others(struct wallet_checking *c)
{
    static const struct walk walks[] = {
        {WALLET_KS_GRANT, check_grant},
        {WALLET_KS_GRANT_EXPIRY, check_grant_end},
        {WALLET_KS_PERSON_CODE, check_person_code},
        {WALLET_KS_PERSON_KEY, check_person_key},
    };
    return walk_all(c, walks, sizeof(walks) / sizeof(walks[0]));
}
