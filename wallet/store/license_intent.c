/*
 * Intents: what is set aside before it is signed.
 *
 *   intent           id                         ->  what and for whom
 *   license-number   number NUL type NUL order  ->  [1, id]    of intents and licenses alike
 *   license-version  first bytes of SHA-256(type NUL version NUL), for keys of a register's terms
 */
#include "hsm/digest.h"
#include "license_row.h"

enum {
    INTENT_FIELDS = 9,
    INTENT_MAX = 1024,
    VERSION_KEY_LEN = 16,
    ORDER_LEN = 4,
};

static const uint8_t no_digest[HSM_SHA256_LEN] = {0};

/* What is kept beside the intent itself: its place in the order of its number. */
struct placed_intent {
    struct wallet_intent intent;
    uint32_t order;
};

lw_err wallet_intent_fill(struct wallet_intent *intent, lw_str type, lw_str number, lw_str version,
                          lw_str issuer)
{
    LW_TRY(wallet_row_text_copy(type, WALLET_ID_TEXT_MAX, "intent: type", intent->type));
    LW_TRY(wallet_row_text_copy(number, WALLET_NUMBER_MAX, "intent: number", intent->number));
    LW_TRY(wallet_row_text_copy(version, WALLET_NUMBER_MAX, "intent: version", intent->version));
    return wallet_row_text_copy(issuer, WALLET_ID_TEXT_MAX, "intent: issuer", intent->issuer);
}

static lw_err check_intent(const struct wallet_intent *intent)
{
    struct wallet_intent same;
    return wallet_intent_fill(&same, lw_str_c(intent->type), lw_str_c(intent->number),
                              lw_str_c(intent->version), lw_str_c(intent->issuer));
}

/* The beginning of all keys of a number, and of a type when that is not empty. */
static lw_err number_prefix(lw_str type, lw_str number, struct wallet_row_key *key)
{
    if (number.len == 0 || number.len > WALLET_NUMBER_MAX || type.len > WALLET_ID_TEXT_MAX) {
        return LW_FAIL(LW_E_NOT_FOUND, "license: no number of that length", LW_NOWHERE);
    }
    wallet_row_key_text(key, number);
    if (type.len > 0) {
        wallet_row_key_text(key, type);
    }
    return LW_SUCCESS;
}

static lw_err version_key(lw_str type, lw_str version, uint8_t key[HSM_SHA256_LEN])
{
    const lw_bytes end = lw_str_bytes((lw_str){.ptr = "", .len = 1});
    const lw_bytes parts[] = {lw_str_bytes(type), end, lw_str_bytes(version), end};
    return hsm_sha256_parts(parts, sizeof(parts) / sizeof(parts[0]), key);
}

static lw_err intent_version_key(const struct wallet_intent *intent, uint8_t key[HSM_SHA256_LEN])
{
    return version_key(lw_str_c(intent->type), lw_str_c(intent->version), key);
}

static lw_err encode_intent(const struct placed_intent *placed, lw_buf *out)
{
    const struct wallet_intent *intent = &placed->intent;
    LW_TRY(wallet_stored_begin(out, 1, INTENT_FIELDS));
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(intent->type)));
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(intent->number)));
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(intent->version)));
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(intent->issuer)));
    LW_TRY(wallet_cbor_put_bool(out, intent->version_is_key));
    LW_TRY(wallet_cbor_put_int(out, intent->created));
    LW_TRY(wallet_cbor_put_uint(out, intent->import));
    if (lw_bytes_eq(LW_BYTES(intent->signs), LW_BYTES(no_digest))) {
        LW_TRY(wallet_cbor_put_null(out));
    } else {
        LW_TRY(wallet_cbor_put_bytes(out, LW_BYTES(intent->signs)));
    }
    return wallet_cbor_put_uint(out, placed->order);
}

static lw_err parse_intent(const uint8_t id[WALLET_UUID_LEN], lw_bytes value,
                           struct placed_intent *placed)
{
    struct wallet_intent *intent = &placed->intent;
    struct wallet_cbor r;
    LW_TRY(wallet_row_open(value, INTENT_FIELDS, &r));
    *placed = (struct placed_intent){0};
    memcpy(intent->id, id, WALLET_UUID_LEN);
    wallet_row_read_text(&r, WALLET_ID_TEXT_MAX, intent->type);
    wallet_row_read_text(&r, WALLET_NUMBER_MAX, intent->number);
    wallet_row_read_text(&r, WALLET_NUMBER_MAX, intent->version);
    wallet_row_read_text(&r, WALLET_ID_TEXT_MAX, intent->issuer);
    intent->version_is_key = wallet_cbor_bool(&r);
    intent->created = wallet_cbor_int(&r);
    intent->import = wallet_cbor_uint(&r);
    if (wallet_cbor_peek(&r) == WALLET_CBOR_NULL) {
        wallet_cbor_null(&r);
    } else {
        wallet_row_read_fixed(&r, intent->signs, sizeof(intent->signs));
    }
    placed->order = (uint32_t)wallet_row_read_uint(&r, UINT32_MAX);
    return wallet_stored_end(&r);
}

static lw_err get_intent(const struct wallet_txn *txn, const uint8_t id[WALLET_UUID_LEN],
                         struct placed_intent *placed)
{
    lw_bytes value = {0};
    LW_TRY(wallet_txn_get(txn, WALLET_KS_INTENT, wallet_row_id(id), &value));
    return parse_intent(id, value, placed);
}

lw_err wallet_store_intent_get(const struct wallet_txn *txn, const uint8_t id[WALLET_UUID_LEN],
                               struct wallet_intent *intent)
{
    struct placed_intent placed;
    LW_TRY(get_intent(txn, id, &placed));
    *intent = placed.intent;
    return LW_SUCCESS;
}

/* What an entry of the index by number must be found to be. */
struct version_name {
    lw_str type;
    lw_str number;
    lw_str version;
};

static lw_err leads_astray(void)
{
    return LW_FAIL(LW_E_CORRUPT, "license: a number leads to nothing of its own", LW_NOWHERE);
}

/* Says whether the id stands for this version, and whether it is an intent. */
static lw_err is_version(const struct wallet_txn *txn, const uint8_t id[WALLET_UUID_LEN],
                         const struct version_name *name, bool *same, bool *open)
{
    struct wallet_stored_license row;
    struct placed_intent placed;
    lw_err err = wallet_license_row_get(txn, id, &row);
    *open = err.code == LW_E_NOT_FOUND;
    if (err.code == LW_OK) {
        *same = lw_str_eq(row.license.version, name->version);
        const bool of_number =
            lw_str_eq(row.license.number, name->number) && lw_str_eq(row.license.type, name->type);
        return of_number ? LW_SUCCESS : leads_astray();
    }
    if (err.code != LW_E_NOT_FOUND) {
        return err;
    }
    err = get_intent(txn, id, &placed);
    if (err.code == LW_E_NOT_FOUND) {
        return leads_astray();
    }
    LW_TRY(err);
    *same = lw_str_is(name->version, placed.intent.version);
    const bool of_number =
        lw_str_is(name->number, placed.intent.number) && lw_str_is(name->type, placed.intent.type);
    return of_number ? LW_SUCCESS : leads_astray();
}

/* What a walk over the versions of a number finds. */
struct version_found {
    bool there;
    bool open; /* an intent */
    uint8_t id[WALLET_UUID_LEN];
    uint32_t last_order; /* of all versions; 0: there are none */
};

static lw_err find_version(const struct wallet_txn *txn, lw_str type, lw_str number, lw_str version,
                           struct version_found *found)
{
    const struct version_name name = {.type = type, .number = number, .version = version};
    struct wallet_row_key prefix = {0};
    lw_bytes key = {0};
    lw_bytes value = {0};
    *found = (struct version_found){0};
    LW_TRY(number_prefix(type, number, &prefix));
    WALLET_AUTO_SCAN scan =
        wallet_scan(txn, WALLET_KS_LICENSE_NUMBER, wallet_row_key_view(&prefix));
    while (wallet_scan_next(&scan, &key, &value)) {
        uint8_t id[WALLET_UUID_LEN];
        bool same = false;
        bool open = false;
        if (key.len != prefix.len + ORDER_LEN) {
            return LW_FAIL(LW_E_CORRUPT, "license: a number's key is too long", LW_NOWHERE);
        }
        const uint8_t *order = key.ptr + prefix.len;
        found->last_order = (uint32_t)order[0] << 24 | (uint32_t)order[1] << 16 |
                            (uint32_t)order[2] << 8 | order[3];
        LW_TRY(wallet_license_number_ref(value, id));
        LW_TRY(is_version(txn, id, &name, &same, &open));
        if (same) {
            found->there = true;
            found->open = open;
            memcpy(found->id, id, sizeof(id));
        }
    }
    return scan.err;
}

static struct wallet_row_key number_key(const struct placed_intent *placed)
{
    struct wallet_row_key key = {0};
    wallet_row_key_text(&key, lw_str_c(placed->intent.number));
    wallet_row_key_text(&key, lw_str_c(placed->intent.type));
    wallet_row_key_u32(&key, placed->order);
    return key;
}

static lw_err taken(void)
{
    return LW_FAIL(LW_E_CONFLICT, "license: this version of the number is taken", LW_NOWHERE);
}

static lw_err insert_version_key(struct wallet_txn *txn, const struct wallet_intent *intent)
{
    uint8_t digest[HSM_SHA256_LEN];
    if (!intent->version_is_key) {
        return LW_SUCCESS;
    }
    LW_TRY(intent_version_key(intent, digest));
    const lw_err err = wallet_txn_insert(txn, WALLET_KS_LICENSE_VERSION,
                                         (lw_bytes){digest, VERSION_KEY_LEN}, (lw_bytes){0});
    if (err.code == LW_E_CONFLICT) {
        return LW_FAIL(LW_E_CONFLICT, "license: the term's key is given within its type",
                       LW_NOWHERE);
    }
    return err;
}

static lw_err insert_intent(struct wallet_txn *txn, const struct placed_intent *placed)
{
    const lw_bytes id = wallet_row_id(placed->intent.id);
    const struct wallet_row_key number = number_key(placed);
    bool there = false;
    LW_AUTO_BUF ref = LW_BUF(INTENT_MAX);
    LW_AUTO_BUF value = LW_BUF(INTENT_MAX);
    LW_TRY(wallet_txn_has(txn, WALLET_KS_LICENSE, id, &there));
    if (there) {
        return LW_FAIL(LW_E_CONFLICT, "license: the id is a license's", LW_NOWHERE);
    }
    LW_TRY(wallet_stored_begin(&ref, 1, 1));
    LW_TRY(wallet_cbor_put_bytes(&ref, id));
    LW_TRY(encode_intent(placed, &value));
    LW_TRY(wallet_txn_insert(txn, WALLET_KS_INTENT, id, lw_buf_view(&value)));
    return wallet_txn_append(txn, WALLET_KS_LICENSE_NUMBER, wallet_row_key_view(&number),
                             lw_buf_view(&ref));
}

lw_err wallet_store_license_reserve(struct wallet_txn *txn, const struct wallet_intent *intent)
{
    struct version_found found;
    LW_TRY(check_intent(intent));
    LW_TRY(find_version(txn, lw_str_c(intent->type), lw_str_c(intent->number),
                        lw_str_c(intent->version), &found));
    if (found.there) {
        return taken();
    }
    if (found.last_order == UINT32_MAX) {
        return LW_FAIL(LW_E_LIMIT, "license: too many versions of a number", LW_NOWHERE);
    }
    LW_TRY(insert_version_key(txn, intent));
    const struct placed_intent placed = {.intent = *intent, .order = found.last_order + 1};
    return insert_intent(txn, &placed);
}

lw_err wallet_store_intent_find(const struct wallet_txn *txn, lw_str type, lw_str number,
                                lw_str version, struct wallet_intent *intent)
{
    struct version_found found;
    if (type.len > 0) {
        LW_TRY(find_version(txn, type, number, version, &found));
        if (found.there && found.open) {
            return wallet_store_intent_get(txn, found.id, intent);
        }
    }
    return LW_FAIL(LW_E_NOT_FOUND, "license: no such intent", LW_NOWHERE);
}

lw_err wallet_store_license_find_version(const struct wallet_txn *txn, lw_str type, lw_str number,
                                         lw_str version, uint8_t id[WALLET_UUID_LEN])
{
    struct version_found found = {0};
    if (type.len > 0) {
        LW_TRY(find_version(txn, type, number, version, &found));
    }
    if (!found.there || found.open) {
        return LW_FAIL(LW_E_NOT_FOUND, "license: no such version of the number", LW_NOWHERE);
    }
    memcpy(id, found.id, WALLET_UUID_LEN);
    return LW_SUCCESS;
}

lw_err wallet_store_license_key_taken(const struct wallet_txn *txn, lw_str type, lw_str version,
                                      bool *taken)
{
    uint8_t digest[HSM_SHA256_LEN];
    LW_TRY(version_key(type, version, digest));
    return wallet_txn_has(txn, WALLET_KS_LICENSE_VERSION, (lw_bytes){digest, VERSION_KEY_LEN},
                          taken);
}

lw_err wallet_store_license_signs(struct wallet_txn *txn, const uint8_t id[WALLET_UUID_LEN],
                                  const uint8_t digest[HSM_SHA256_LEN])
{
    struct placed_intent placed;
    LW_AUTO_BUF value = LW_BUF(INTENT_MAX);
    LW_TRY(get_intent(txn, id, &placed));
    memcpy(placed.intent.signs, digest, sizeof(placed.intent.signs));
    LW_TRY(encode_intent(&placed, &value));
    return wallet_txn_put(txn, WALLET_KS_INTENT, wallet_row_id(id), lw_buf_view(&value));
}

lw_err wallet_store_license_void(struct wallet_txn *txn, const uint8_t id[WALLET_UUID_LEN])
{
    struct placed_intent placed;
    uint8_t digest[HSM_SHA256_LEN];
    LW_TRY(get_intent(txn, id, &placed));
    const struct wallet_row_key number = number_key(&placed);
    if (placed.intent.version_is_key) {
        LW_TRY(intent_version_key(&placed.intent, digest));
        LW_TRY(
            wallet_txn_delete(txn, WALLET_KS_LICENSE_VERSION, (lw_bytes){digest, VERSION_KEY_LEN}));
    }
    LW_TRY(wallet_txn_delete(txn, WALLET_KS_LICENSE_NUMBER, wallet_row_key_view(&number)));
    return wallet_txn_delete(txn, WALLET_KS_INTENT, wallet_row_id(id));
}

static lw_err take_intent(void *ctx, size_t i, lw_bytes key, lw_bytes value, bool *take)
{
    struct wallet_intent *intents = ctx;
    struct placed_intent placed;
    (void)take;
    if (key.len != WALLET_UUID_LEN) {
        return LW_FAIL(LW_E_CORRUPT, "license: an id of another length", LW_NOWHERE);
    }
    LW_TRY(parse_intent(key.ptr, value, &placed));
    intents[i] = placed.intent;
    return LW_SUCCESS;
}

lw_err wallet_store_license_intents(const struct wallet_txn *txn, struct wallet_page *page,
                                    struct wallet_intent *intents, size_t *count)
{
    const struct wallet_row_list list = {
        .txn = txn, .ks = WALLET_KS_INTENT, .entry = take_intent, .ctx = intents};
    return wallet_row_page(&list, page, count);
}
