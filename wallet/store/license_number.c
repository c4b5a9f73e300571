/*
 * Licenses by number.
 *
 *   license-number  number NUL type NUL order  ->  [1, id]    of intents and licenses alike
 */
#include "license_row.h"

lw_err wallet_license_number_ref(lw_bytes value, uint8_t id[WALLET_UUID_LEN])
{
    struct wallet_cbor r;
    LW_TRY(wallet_row_open(value, 1, &r));
    wallet_row_read_fixed(&r, id, WALLET_UUID_LEN);
    return wallet_stored_end(&r);
}

/*
 * Follows an entry to its license; `there` is false when it is an intent's. An index that leads to
 * another number's license, or nowhere, is damage: never a wrong license.
 */
static lw_err follow(const struct wallet_txn *txn, lw_bytes value, lw_str type, lw_str number,
                     struct wallet_stored_license *row, bool *there)
{
    uint8_t id[WALLET_UUID_LEN];
    bool open = false;
    LW_TRY(wallet_license_number_ref(value, id));
    const lw_err err = wallet_license_row_get(txn, id, row);
    *there = err.code == LW_OK;
    if (err.code == LW_E_NOT_FOUND) {
        LW_TRY(wallet_txn_has(txn, WALLET_KS_INTENT, wallet_row_id(id), &open));
        return open ? LW_SUCCESS
                    : LW_FAIL(LW_E_CORRUPT, "license: a number leads nowhere", LW_NOWHERE);
    }
    LW_TRY(err);
    if (!lw_str_eq(row->license.type, type) || !lw_str_eq(row->license.number, number)) {
        return LW_FAIL(LW_E_CORRUPT, "license: a number leads to another's license", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

/* Reads the type out of the key of a number; false when there is none. */
static bool type_of_key(lw_bytes key, size_t at, struct wallet_type_id *type)
{
    const lw_str rest = lw_str_from(lw_bytes_str(key), at);
    lw_str text = {0};
    lw_str order = {0};
    if (!lw_str_split(rest, '\0', &text, &order) || text.len == 0 ||
        text.len > WALLET_ID_TEXT_MAX) {
        return false;
    }
    memcpy(type->text, text.ptr, text.len);
    type->text[text.len] = '\0';
    return true;
}

/* What a walk over the versions of a number, newest first, found. */
struct newest {
    bool there;
    enum wallet_state state;
    struct wallet_type_id type;
    uint8_t id[WALLET_UUID_LEN];
};

static bool is_of(const struct newest *best, const struct wallet_type_id *type)
{
    return best->there && strcmp(best->type.text, type->text) == 0;
}

/* A version in force comes before the others, one that is superseded after them. */
static bool comes_before(enum wallet_state state, const struct newest *best)
{
    return !best->there || !wallet_state_is_final(state) ||
           (best->state == WALLET_SUPERSEDED && state != WALLET_SUPERSEDED);
}

static lw_err weigh(const struct wallet_txn *txn, lw_bytes value, const struct wallet_type_id *type,
                    lw_str number, struct newest *best)
{
    struct wallet_stored_license row;
    bool there = false;
    LW_TRY(follow(txn, value, lw_str_c(type->text), number, &row, &there));
    if (!there) {
        return LW_SUCCESS;
    }
    if (best->there && !is_of(best, type)) {
        return LW_FAIL(LW_E_CONFLICT, "license: several types have the number", LW_NOWHERE);
    }
    if (comes_before(row.state, best)) {
        *best = (struct newest){.there = true, .state = row.state, .type = *type};
        memcpy(best->id, row.license.id, WALLET_UUID_LEN);
    }
    return LW_SUCCESS;
}

/*
 * Gives the version that stands for its number, of all types when `type` is empty: no intent, and
 * not always the last that came, since a register's older term may be mended and imported after
 * the newer ones. Once one in force was found, no other of its type is read.
 */
static lw_err newest(const struct wallet_txn *txn, lw_str type, lw_str number, struct newest *best)
{
    struct wallet_row_key prefix = {0};
    lw_bytes key = {0};
    lw_bytes value = {0};
    wallet_row_key_text(&prefix, number);
    const size_t type_at = prefix.len;
    if (type.len > 0) {
        wallet_row_key_text(&prefix, type);
    }
    WALLET_AUTO_SCAN scan =
        wallet_scan_back(txn, WALLET_KS_LICENSE_NUMBER, wallet_row_key_view(&prefix));
    while (wallet_scan_next(&scan, &key, &value)) {
        struct wallet_type_id its;
        if (!type_of_key(key, type_at, &its)) {
            return LW_FAIL(LW_E_CORRUPT, "license: a number without its type", LW_NOWHERE);
        }
        const bool found = is_of(best, &its) && !wallet_state_is_final(best->state);
        if (found && type.len > 0) {
            break;
        }
        if (!found) {
            LW_TRY(weigh(txn, value, &its, number, best));
        }
    }
    return scan.err;
}

static bool lengths_ok(lw_str type, lw_str number)
{
    return number.len > 0 && number.len <= WALLET_NUMBER_MAX && type.len <= WALLET_ID_TEXT_MAX;
}

lw_err wallet_store_license_find(const struct wallet_txn *txn, lw_str type, lw_str number,
                                 uint8_t id[WALLET_UUID_LEN])
{
    if (!lengths_ok(type, number)) {
        return LW_FAIL(LW_E_NOT_FOUND, "license: no such number", LW_NOWHERE);
    }
    struct newest best = {.there = false};
    LW_TRY(newest(txn, type, number, &best));
    if (!best.there) {
        return LW_FAIL(LW_E_NOT_FOUND, "license: no such number", LW_NOWHERE);
    }
    memcpy(id, best.id, sizeof(best.id));
    return LW_SUCCESS;
}

lw_err wallet_store_license_types(const struct wallet_txn *txn, lw_str number,
                                  struct wallet_type_id *types, size_t *count)
{
    struct wallet_row_key prefix = {0};
    struct wallet_type_id last = {{0}};
    lw_bytes key = {0};
    lw_bytes value = {0};
    size_t found = 0;
    const size_t room = *count;
    *count = 0;
    if (!lengths_ok((lw_str){0}, number)) {
        return LW_SUCCESS;
    }
    wallet_row_key_text(&prefix, number);
    WALLET_AUTO_SCAN scan =
        wallet_scan(txn, WALLET_KS_LICENSE_NUMBER, wallet_row_key_view(&prefix));
    while (wallet_scan_next(&scan, &key, &value)) {
        struct wallet_type_id type;
        struct wallet_stored_license row;
        bool there = false;
        if (!type_of_key(key, prefix.len, &type)) {
            return LW_FAIL(LW_E_CORRUPT, "license: a number without its type", LW_NOWHERE);
        }
        if (strcmp(type.text, last.text) == 0) {
            continue;
        }
        LW_TRY(follow(txn, value, lw_str_c(type.text), number, &row, &there));
        if (there) {
            last = type;
            if (found < room) {
                types[found] = type;
            }
            found++;
        }
    }
    *count = found;
    return scan.err;
}

struct chain_page {
    const struct wallet_txn *txn;
    lw_str type;
    lw_str number;
    uint8_t (*ids)[WALLET_UUID_LEN];
};

static lw_err take_version(void *ctx, size_t i, lw_bytes key, lw_bytes value, bool *take)
{
    const struct chain_page *page = ctx;
    struct wallet_stored_license row;
    (void)key;
    LW_TRY(follow(page->txn, value, page->type, page->number, &row, take));
    if (*take) {
        memcpy(page->ids[i], row.license.id, WALLET_UUID_LEN);
    }
    return LW_SUCCESS;
}

lw_err wallet_store_license_versions(const struct wallet_txn *txn, lw_str type, lw_str number,
                                     struct wallet_page *page, uint8_t (*ids)[WALLET_UUID_LEN],
                                     size_t *count)
{
    struct wallet_row_key prefix = {0};
    struct chain_page to = {.txn = txn, .type = type, .number = number, .ids = ids};
    if (type.len == 0 || !lengths_ok(type, number)) {
        page->end = true;
        *count = 0;
        return LW_SUCCESS;
    }
    wallet_row_key_text(&prefix, number);
    wallet_row_key_text(&prefix, type);
    const struct wallet_row_list list = {.txn = txn,
                                         .ks = WALLET_KS_LICENSE_NUMBER,
                                         .prefix = wallet_row_key_view(&prefix),
                                         .entry = take_version,
                                         .ctx = &to};
    return wallet_row_page(&list, page, count);
}

lw_err wallet_license_other_open(const struct wallet_txn *txn, lw_str type, lw_str number,
                                 const uint8_t id[WALLET_UUID_LEN], bool *other)
{
    struct wallet_row_key prefix = {0};
    lw_bytes key = {0};
    lw_bytes value = {0};
    *other = false;
    wallet_row_key_text(&prefix, number);
    wallet_row_key_text(&prefix, type);
    WALLET_AUTO_SCAN scan =
        wallet_scan(txn, WALLET_KS_LICENSE_NUMBER, wallet_row_key_view(&prefix));
    while (!*other && wallet_scan_next(&scan, &key, &value)) {
        struct wallet_stored_license row;
        bool there = false;
        LW_TRY(follow(txn, value, type, number, &row, &there));
        *other = there && !wallet_state_is_final(row.state) &&
                 memcmp(row.license.id, id, WALLET_UUID_LEN) != 0;
    }
    return scan.err;
}
