/* Licenses and intents against their lists by number, holder and state, and the counts. */
#include "check_internal.h"
#include "wallet/audit.h"

enum { PERSON_AND_ID = 2 * WALLET_UUID_LEN };

/* Whether the entries of a number have one that leads to `id`. */
static lw_err number_leads(const struct wallet_checking *c, lw_str type, lw_str number,
                           const uint8_t id[WALLET_UUID_LEN])
{
    struct wallet_row_key prefix = {0};
    lw_bytes key = {0};
    lw_bytes value = {0};
    bool found = false;
    if (number.len > WALLET_NUMBER_MAX || type.len > WALLET_ID_TEXT_MAX) {
        return wallet_check_wrong("its number or type is too long");
    }
    wallet_row_key_text(&prefix, number);
    wallet_row_key_text(&prefix, type);
    WALLET_AUTO_SCAN scan =
        wallet_scan(c->txn, WALLET_KS_LICENSE_NUMBER, wallet_row_key_view(&prefix));
    while (!found && wallet_scan_next(&scan, &key, &value)) {
        uint8_t leads[WALLET_UUID_LEN];
        found = wallet_license_number_ref(value, leads).code == LW_OK &&
                memcmp(leads, id, sizeof(leads)) == 0;
    }
    LW_TRY(scan.err);
    return found ? LW_SUCCESS : wallet_check_wrong("not found by its number");
}

static struct wallet_row_key state_key(const struct wallet_stored_license *row)
{
    struct wallet_row_key key = {0};
    wallet_row_key_text(&key, row->license.type);
    wallet_row_key_byte(&key, (uint8_t)row->state);
    wallet_row_key_id(&key, row->license.id);
    return key;
}

static struct wallet_row_key holder_key(const struct wallet_stored_license *row, size_t i)
{
    struct wallet_row_key key = {0};
    wallet_row_key_id(&key, row->persons[i]);
    wallet_row_key_id(&key, row->license.id);
    return key;
}

static lw_err check_license(struct wallet_checking *c, lw_bytes key, lw_bytes value)
{
    struct wallet_stored_license row = {.state = 0};
    if (key.len != WALLET_UUID_LEN) {
        return wallet_check_wrong("a key of another length");
    }
    LW_TRY(wallet_license_row_parse(key.ptr, value, &row));
    if (row.license.type.len > WALLET_ID_TEXT_MAX) {
        return wallet_check_wrong("its number or type is too long");
    }
    LW_TRY(wallet_check_has(c, WALLET_KS_LICENSE_SEALED, key, "without its sealed part"));
    LW_TRY(number_leads(c, row.license.type, row.license.number, row.license.id));
    const struct wallet_row_key state = state_key(&row);
    LW_TRY(wallet_check_has(c, WALLET_KS_LICENSE_STATE, wallet_row_key_view(&state),
                            "not in the list of its type and state"));
    for (size_t i = 0; i < row.license.holder_count; i++) {
        const struct wallet_row_key holder = holder_key(&row, i);
        LW_TRY(wallet_check_has(c, WALLET_KS_LICENSE_HOLDER, wallet_row_key_view(&holder),
                                "not in its holder's wallet"));
        LW_TRY(wallet_check_has(c, WALLET_KS_PERSON, wallet_row_id(row.persons[i]),
                                "its holder is not there"));
    }
    return row.audit_index == UINT64_MAX || row.audit_index < c->leaves
               ? LW_SUCCESS
               : wallet_check_wrong("its log entry is not there");
}

static lw_err check_sealed(struct wallet_checking *c, lw_bytes key, lw_bytes value)
{
    (void)value;
    return wallet_check_has(c, WALLET_KS_LICENSE, key, "leads to no license");
}

/* Whether a key of the list by number begins with this number and type. */
static bool is_of(lw_bytes key, lw_str number, lw_str type)
{
    struct wallet_row_key prefix = {0};
    if (number.len > WALLET_NUMBER_MAX || type.len > WALLET_ID_TEXT_MAX) {
        return false;
    }
    wallet_row_key_text(&prefix, number);
    wallet_row_key_text(&prefix, type);
    return lw_str_starts(lw_bytes_str(key), lw_bytes_str(wallet_row_key_view(&prefix)));
}

static lw_err check_number(struct wallet_checking *c, lw_bytes key, lw_bytes value)
{
    uint8_t id[WALLET_UUID_LEN];
    struct wallet_stored_license row = {.state = 0};
    struct wallet_intent intent;
    LW_TRY(wallet_license_number_ref(value, id));
    lw_err err = wallet_license_row_get(c->txn, id, &row);
    if (err.code == LW_OK) {
        return is_of(key, row.license.number, row.license.type)
                   ? LW_SUCCESS
                   : wallet_check_wrong("leads to another number's license");
    }
    if (err.code != LW_E_NOT_FOUND) {
        return err;
    }
    err = wallet_store_intent_get(c->txn, id, &intent);
    if (err.code == LW_E_NOT_FOUND) {
        return wallet_check_wrong("leads to no license");
    }
    LW_TRY(err);
    return is_of(key, lw_str_c(intent.number), lw_str_c(intent.type))
               ? LW_SUCCESS
               : wallet_check_wrong("leads to another number's intent");
}

static lw_err check_intent(struct wallet_checking *c, lw_bytes key, lw_bytes value)
{
    struct wallet_intent intent;
    (void)value;
    if (key.len != WALLET_UUID_LEN) {
        return wallet_check_wrong("a key of another length");
    }
    LW_TRY(wallet_store_intent_get(c->txn, key.ptr, &intent));
    return number_leads(c, lw_str_c(intent.type), lw_str_c(intent.number), intent.id);
}

static lw_err check_holder(struct wallet_checking *c, lw_bytes key, lw_bytes value)
{
    struct wallet_stored_license row = {.state = 0};
    (void)value;
    if (key.len != PERSON_AND_ID) {
        return wallet_check_wrong("a key of another length");
    }
    const lw_err err = wallet_license_row_get(c->txn, key.ptr + WALLET_UUID_LEN, &row);
    if (err.code == LW_E_NOT_FOUND) {
        return wallet_check_wrong("leads to no license");
    }
    LW_TRY(err);
    for (size_t i = 0; i < row.license.holder_count; i++) {
        if (memcmp(row.persons[i], key.ptr, WALLET_UUID_LEN) == 0) {
            return LW_SUCCESS;
        }
    }
    return wallet_check_wrong("leads to another holder's license");
}

static lw_err check_state(struct wallet_checking *c, lw_bytes key, lw_bytes value)
{
    struct wallet_stored_license row = {.state = 0};
    (void)value;
    if (key.len <= WALLET_UUID_LEN) {
        return wallet_check_wrong("a key of another length");
    }
    const lw_err err = wallet_license_row_get(c->txn, key.ptr + key.len - WALLET_UUID_LEN, &row);
    if (err.code == LW_E_NOT_FOUND) {
        return wallet_check_wrong("leads to no license");
    }
    LW_TRY(err);
    const struct wallet_row_key is = state_key(&row);
    return lw_bytes_eq(wallet_row_key_view(&is), key)
               ? LW_SUCCESS
               : wallet_check_wrong("its license is of another type or state");
}

static lw_err check_count(struct wallet_checking *c, lw_bytes key, lw_bytes value)
{
    struct wallet_cbor r;
    uint64_t counted = 0;
    lw_bytes at = {0};
    lw_bytes nothing = {0};
    LW_TRY(wallet_row_open(value, 1, &r));
    const uint64_t told = wallet_cbor_uint(&r);
    LW_TRY(wallet_stored_end(&r));
    WALLET_AUTO_SCAN scan = wallet_scan(c->txn, WALLET_KS_LICENSE_STATE, key);
    while (wallet_scan_next(&scan, &at, &nothing)) {
        counted++;
    }
    LW_TRY(scan.err);
    return counted == told ? LW_SUCCESS
                           : wallet_check_wrong("the count of a type and state is wrong");
}

lw_err wallet_check_licenses(struct wallet_checking *c)
{
    static const struct {
        enum wallet_keyspace ks;
        wallet_check_fn *entry;
    } walks[] = {
        {WALLET_KS_LICENSE, check_license},       {WALLET_KS_LICENSE_SEALED, check_sealed},
        {WALLET_KS_LICENSE_NUMBER, check_number}, {WALLET_KS_INTENT, check_intent},
        {WALLET_KS_LICENSE_HOLDER, check_holder}, {WALLET_KS_LICENSE_STATE, check_state},
        {WALLET_KS_LICENSE_COUNT, check_count},
    };
    uint8_t root[WALLET_HASH_LEN];
    LW_TRY(wallet_audit_head(c->txn, &c->leaves, root));
    for (size_t i = 0; i < sizeof(walks) / sizeof(walks[0]); i++) {
        LW_TRY(wallet_check_walk(c, walks[i].ks, walks[i].entry));
    }
    return LW_SUCCESS;
}
