/*
 * The sealed part of a license. One holder: holder and claims are sealed under that person's data
 * key. Several: claims under a key of the license, and for each holder one sealed part with the
 * license's key and that holder's own name, so erasing a person takes its name away and leaves the
 * others their license; with the last one the claims go.
 *
 *   value   [1, main, [* part]]        parts only when there are several holders
 *   main    [seed, [* index, value], [? name, salt]], or
 *           [null, [* index, salt, value], [? name, salt]] when the salts follow from no seed
 *   part    [license key, name, salt]
 */
#define _DEFAULT_SOURCE /* explicit_bzero */

#include "hsm/digest.h"
#include "license_row.h"
#include "person_internal.h"
#include "wallet/record.h"

enum { FIELDS = 2, MAIN_FIELDS = 3 };

static struct wallet_seal_name name_of(const char *use, const uint8_t id[WALLET_UUID_LEN],
                                       uint64_t version, const uint8_t owner[WALLET_ROW_ID_LEN])
{
    return (struct wallet_seal_name){.keyspace = lw_str_c(use),
                                     .record = wallet_row_id(id),
                                     .version = version,
                                     .person = wallet_row_id(owner)};
}

static const char main_use[] = "license";
static const char part_use[] = "license/holder";
static const char reason_use[] = "license/reason";

static lw_err put_holder(const struct wallet_holder *holder, lw_buf *out)
{
    LW_TRY(wallet_cbor_put_text(out, holder->name));
    return wallet_cbor_put_bytes(out, LW_BYTES(holder->salt));
}

/* Says whether the claims' salts are those that follow from the license's seed. */
static lw_err seed_holds(const struct wallet_license *l, bool *holds)
{
    struct wallet_license derived = *l;
    *holds = l->salts_seeded;
    if (!*holds) {
        return LW_SUCCESS;
    }
    LW_TRY(wallet_record_derive_salts(&derived));
    for (size_t i = 0; i < l->claim_count; i++) {
        *holds = *holds && hsm_equal(LW_BYTES(l->claims[i].salt), LW_BYTES(derived.claims[i].salt));
    }
    return LW_SUCCESS;
}

static lw_err plain_claims(const struct wallet_license *l, bool seeded, lw_buf *out)
{
    LW_TRY(seeded ? wallet_cbor_put_bytes(out, LW_BYTES(l->salt_seed)) : wallet_cbor_put_null(out));
    LW_TRY(wallet_cbor_put_array(out, (seeded ? 2 : 3) * l->claim_count));
    for (size_t i = 0; i < l->claim_count; i++) {
        LW_TRY(wallet_cbor_put_uint(out, l->claims[i].def));
        if (!seeded) {
            LW_TRY(wallet_cbor_put_bytes(out, LW_BYTES(l->claims[i].salt)));
        }
        LW_TRY(wallet_cbor_put_raw(out, l->claims[i].value));
    }
    return LW_SUCCESS;
}

static lw_err plain_main(const struct wallet_license *l, lw_buf *out)
{
    const bool one = l->holder_count == 1;
    bool seeded = false;
    LW_TRY(seed_holds(l, &seeded));
    LW_TRY(wallet_cbor_put_array(out, MAIN_FIELDS));
    LW_TRY(plain_claims(l, seeded, out));
    LW_TRY(wallet_cbor_put_array(out, one ? 2 : 0));
    return one ? put_holder(&l->holders[0], out) : LW_SUCCESS;
}

static lw_err seal_main(const struct wallet_txn *txn, const struct wallet_license *l,
                        const struct wallet_license_key *key, lw_buf *out)
{
    const struct wallet_seal_name name = name_of(main_use, l->id, 1, key->owner);
    LW_AUTO_BUF plain = LW_BUF(WALLET_LICENSE_ROW_MAX);
    LW_AUTO_BUF sealed = LW_BUF(WALLET_LICENSE_ROW_MAX);
    LW_TRY(plain_main(l, &plain));
    LW_TRY(wallet_seal_record(wallet_txn_seal_ctx(txn), key->key, &name, lw_buf_view(&plain),
                              &sealed));
    LW_TRY(wallet_stored_begin(out, 1, FIELDS));
    return wallet_cbor_put_bytes(out, lw_buf_view(&sealed));
}

static lw_err seal_part(const struct wallet_txn *txn, const struct wallet_license_put *put,
                        size_t i, const struct wallet_license_key *key, lw_buf *out)
{
    const struct wallet_seal_name name = name_of(part_use, put->license->id, i, put->persons[i]);
    uint8_t data_key[WALLET_DATA_KEY_LEN];
    LW_AUTO_BUF plain = LW_BUF(1024);
    LW_AUTO_BUF sealed = LW_BUF(1024);
    LW_TRY(wallet_cbor_put_array(&plain, 3));
    LW_TRY(wallet_cbor_put_bytes(&plain, LW_BYTES(key->key)));
    LW_TRY(put_holder(&put->license->holders[i], &plain));
    lw_err err = wallet_person_data_key(txn, put->persons[i], data_key);
    if (err.code == LW_OK) {
        err = wallet_seal_record(wallet_txn_seal_ctx(txn), data_key, &name, lw_buf_view(&plain),
                                 &sealed);
    }
    explicit_bzero(data_key, sizeof(data_key));
    LW_TRY(err);
    return wallet_cbor_put_bytes(out, lw_buf_view(&sealed));
}

lw_err wallet_license_seal(const struct wallet_txn *txn, const struct wallet_license_put *put,
                           struct wallet_license_key *key, lw_buf *value)
{
    const size_t holders = put->license->holder_count;
    if (holders == 1) {
        memcpy(key->owner, put->persons[0], sizeof(key->owner));
        LW_TRY(wallet_person_data_key(txn, put->persons[0], key->key));
    } else {
        memcpy(key->owner, put->license->id, sizeof(key->owner));
        LW_TRY(lw_rng_fill(wallet_txn_rng(txn), key->key, sizeof(key->key)));
    }
    LW_TRY(seal_main(txn, put->license, key, value));
    LW_TRY(wallet_cbor_put_array(value, holders == 1 ? 0 : holders));
    for (size_t i = 0; holders > 1 && i < holders; i++) {
        LW_TRY(seal_part(txn, put, i, key, value));
    }
    return LW_SUCCESS;
}

/* The sealed part as stored; slices borrow from the value. */
struct sealed {
    lw_bytes main;
    size_t part_count;
    lw_bytes parts[WALLET_HOLDERS_MAX];
};

static lw_err read_sealed(const struct wallet_txn *txn, const struct wallet_stored_license *row,
                          struct sealed *sealed)
{
    lw_bytes value = {0};
    struct wallet_cbor r;
    const size_t holders = row->license.holder_count;
    const lw_err err =
        wallet_txn_get(txn, WALLET_KS_LICENSE_SEALED, wallet_row_id(row->license.id), &value);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_FAIL(LW_E_CORRUPT, "license: the sealed part is missing", LW_NOWHERE);
    }
    LW_TRY(err);
    LW_TRY(wallet_row_open(value, FIELDS, &r));
    sealed->main = wallet_cbor_bytes(&r);
    sealed->part_count = wallet_cbor_array(&r);
    if (sealed->part_count != (holders == 1 ? 0 : holders)) {
        return LW_FAIL(LW_E_CORRUPT, "license: not as many sealed parts as holders", LW_NOWHERE);
    }
    for (size_t i = 0; i < sealed->part_count; i++) {
        sealed->parts[i] = wallet_cbor_bytes(&r);
    }
    return wallet_stored_end(&r);
}

/* Opens the part of holder `i` into `plain`. */
static lw_err open_part(const struct wallet_txn *txn, const struct wallet_stored_license *row,
                        const struct sealed *sealed, size_t i,
                        const uint8_t data_key[WALLET_DATA_KEY_LEN], lw_buf *plain)
{
    const struct wallet_seal_name name = name_of(part_use, row->license.id, i, row->persons[i]);
    return wallet_open_record(wallet_txn_seal_ctx(txn), data_key, &name, sealed->parts[i], plain);
}

static lw_err key_from_part(const struct wallet_txn *txn, const struct wallet_stored_license *row,
                            const struct sealed *sealed, size_t i, uint8_t key[WALLET_DATA_KEY_LEN])
{
    uint8_t data_key[WALLET_DATA_KEY_LEN];
    LW_AUTO_BUF plain = LW_BUF(1024);
    lw_err err = wallet_person_data_key(txn, row->persons[i], data_key);
    if (err.code == LW_OK) {
        err = open_part(txn, row, sealed, i, data_key, &plain);
    }
    explicit_bzero(data_key, sizeof(data_key));
    LW_TRY(err);
    struct wallet_cbor r = wallet_cbor_reader(lw_buf_view(&plain));
    (void)wallet_cbor_array(&r);
    wallet_row_read_fixed(&r, key, WALLET_DATA_KEY_LEN);
    return r.err;
}

static lw_err key_open(const struct wallet_txn *txn, const struct wallet_stored_license *row,
                       const struct sealed *sealed, struct wallet_license_key *key)
{
    lw_err err = LW_FAIL(LW_E_NOT_FOUND, "license: its holders were erased", LW_NOWHERE);
    if (row->license.holder_count == 1) {
        memcpy(key->owner, row->persons[0], sizeof(key->owner));
        const lw_err one = wallet_person_data_key(txn, row->persons[0], key->key);
        return one.code == LW_E_NOT_FOUND ? err : one;
    }
    memcpy(key->owner, row->license.id, sizeof(key->owner));
    for (size_t i = 0; i < sealed->part_count && err.code == LW_E_NOT_FOUND; i++) {
        const lw_err one = key_from_part(txn, row, sealed, i, key->key);
        err = one.code == LW_E_NOT_FOUND ? err : one;
    }
    return err;
}

lw_err wallet_license_key_open(const struct wallet_txn *txn,
                               const struct wallet_stored_license *row,
                               struct wallet_license_key *key)
{
    struct sealed sealed = {0};
    LW_TRY(read_sealed(txn, row, &sealed));
    return key_open(txn, row, &sealed, key);
}

static lw_err not_as_sealed(void)
{
    return LW_FAIL(LW_E_CORRUPT, "license: not of the form that is sealed", LW_NOWHERE);
}

static void read_holder(struct wallet_cbor *r, struct wallet_holder *holder)
{
    holder->name = wallet_cbor_text(r);
    wallet_row_read_fixed(r, holder->salt, WALLET_SALT_LEN);
}

static lw_err read_claims(struct wallet_cbor *r, struct wallet_license *l)
{
    l->salts_seeded = wallet_cbor_peek(r) != WALLET_CBOR_NULL;
    if (l->salts_seeded) {
        wallet_row_read_fixed(r, l->salt_seed, sizeof(l->salt_seed));
    } else {
        wallet_cbor_null(r);
    }
    const size_t each = l->salts_seeded ? 2 : 3;
    const size_t items = wallet_cbor_array(r);
    if (items % each != 0 || items / each > WALLET_CLAIMS_MAX) {
        return not_as_sealed();
    }
    l->claim_count = items / each;
    for (size_t i = 0; i < l->claim_count; i++) {
        l->claims[i].def = (size_t)wallet_row_read_uint(r, WALLET_CLAIMS_MAX - 1);
        if (!l->salts_seeded) {
            wallet_row_read_fixed(r, l->claims[i].salt, WALLET_SALT_LEN);
        }
        l->claims[i].value = wallet_cbor_item(r);
    }
    return l->salts_seeded ? wallet_record_derive_salts(l) : LW_SUCCESS;
}

static lw_err read_main(lw_bytes plain, struct wallet_license *l)
{
    struct wallet_cbor r = wallet_cbor_reader(plain);
    if (wallet_cbor_array(&r) != MAIN_FIELDS) {
        return not_as_sealed();
    }
    LW_TRY(read_claims(&r, l));
    const size_t rest = wallet_cbor_array(&r);
    if (rest != (l->holder_count == 1 ? 2 : 0)) {
        return not_as_sealed();
    }
    if (rest == 2) {
        read_holder(&r, &l->holders[0]);
    }
    return wallet_stored_end(&r);
}

static lw_err read_part(lw_bytes plain, struct wallet_holder *holder)
{
    struct wallet_cbor r = wallet_cbor_reader(plain);
    if (wallet_cbor_array(&r) != 3) {
        return not_as_sealed();
    }
    (void)wallet_cbor_bytes(&r);
    read_holder(&r, holder);
    return wallet_stored_end(&r);
}

/* Copies a holder's code, which stands in the person's own record, into the license's buffer. */
static lw_err open_code(const struct wallet_txn *txn, struct wallet_stored_license *row, size_t i,
                        const uint8_t data_key[WALLET_DATA_KEY_LEN])
{
    struct wallet_stored_person person;
    const size_t at = row->opened_bytes.len;
    LW_TRY(wallet_person_open(txn, row->persons[i], data_key, &person));
    LW_TRY(lw_buf_put_str(&row->opened_bytes, wallet_person_code_text(&person.code)));
    if (person.code.len <= WALLET_CODE_TYPE_LEN + 1) {
        return not_as_sealed();
    }
    const char *text = (const char *)row->opened_bytes.ptr + at;
    struct wallet_holder *holder = &row->license.holders[i];
    holder->code_type = (lw_str){.ptr = text, .len = WALLET_CODE_TYPE_LEN};
    holder->code = lw_str_from((lw_str){text, person.code.len}, WALLET_CODE_TYPE_LEN + 1);
    return LW_SUCCESS;
}

static lw_err open_holder_with(const struct wallet_txn *txn, struct wallet_stored_license *row,
                               const struct sealed *sealed, size_t i,
                               const uint8_t data_key[WALLET_DATA_KEY_LEN])
{
    LW_TRY(open_code(txn, row, i, data_key));
    if (sealed->part_count == 0) {
        return LW_SUCCESS;
    }
    const size_t at = row->opened_bytes.len;
    LW_TRY(open_part(txn, row, sealed, i, data_key, &row->opened_bytes));
    const lw_bytes plain = {.ptr = row->opened_bytes.ptr + at, .len = row->opened_bytes.len - at};
    return read_part(plain, &row->license.holders[i]);
}

/* A holder who was erased keeps the role that the public part shows. */
static lw_err open_holder(const struct wallet_txn *txn, struct wallet_stored_license *row,
                          const struct sealed *sealed, size_t i)
{
    uint8_t data_key[WALLET_DATA_KEY_LEN];
    lw_err err = wallet_person_data_key(txn, row->persons[i], data_key);
    if (err.code == LW_OK) {
        err = open_holder_with(txn, row, sealed, i, data_key);
    } else if (err.code == LW_E_NOT_FOUND) {
        err = LW_SUCCESS;
    }
    explicit_bzero(data_key, sizeof(data_key));
    return err;
}

static lw_err open_main(const struct wallet_txn *txn, struct wallet_stored_license *row,
                        const struct sealed *sealed, const struct wallet_license_key *key)
{
    const struct wallet_seal_name name = name_of(main_use, row->license.id, 1, key->owner);
    const size_t at = row->opened_bytes.len;
    LW_TRY(wallet_open_record(wallet_txn_seal_ctx(txn), key->key, &name, sealed->main,
                              &row->opened_bytes));
    const lw_bytes plain = {.ptr = row->opened_bytes.ptr + at, .len = row->opened_bytes.len - at};
    return read_main(plain, &row->license);
}

static lw_err open_reason(const struct wallet_txn *txn, struct wallet_stored_license *row,
                          const struct wallet_license_key *key)
{
    const struct wallet_seal_name name =
        name_of(reason_use, row->license.id, row->changes, key->owner);
    const size_t at = row->opened_bytes.len;
    if (row->sealed_reason.len == 0) {
        return LW_SUCCESS;
    }
    LW_TRY(wallet_open_record(wallet_txn_seal_ctx(txn), key->key, &name, row->sealed_reason,
                              &row->opened_bytes));
    row->reason = (lw_str){.ptr = (const char *)row->opened_bytes.ptr + at,
                           .len = row->opened_bytes.len - at};
    return LW_SUCCESS;
}

static lw_err open_all(const struct wallet_txn *txn, struct wallet_stored_license *row,
                       const struct sealed *sealed, const struct wallet_license_key *key)
{
    LW_TRY(open_main(txn, row, sealed, key));
    LW_TRY(open_reason(txn, row, key));
    for (size_t i = 0; i < row->license.holder_count; i++) {
        LW_TRY(open_holder(txn, row, sealed, i));
    }
    return LW_SUCCESS;
}

lw_err wallet_license_unseal(const struct wallet_txn *txn, struct wallet_stored_license *row)
{
    struct sealed sealed = {0};
    struct wallet_license_key key;
    uint8_t *room = NULL;
    LW_TRY(read_sealed(txn, row, &sealed));
    size_t need = sealed.main.len + row->sealed_reason.len;
    for (size_t i = 0; i < row->license.holder_count; i++) {
        need += sizeof(struct wallet_person_code);
        need += i < sealed.part_count ? sealed.parts[i].len : 0;
    }
    /* Room for all, so that slices into the buffer stay where they are. */
    LW_TRY(lw_buf_reserve(&row->opened_bytes, need, &room));
    LW_TRY(key_open(txn, row, &sealed, &key));
    const lw_err err = open_all(txn, row, &sealed, &key);
    explicit_bzero(&key, sizeof(key));
    row->opened = err.code == LW_OK;
    return err;
}

lw_err wallet_license_seal_reason(const struct wallet_txn *txn,
                                  const struct wallet_license_key *key,
                                  const uint8_t id[WALLET_UUID_LEN], uint64_t changes, lw_str text,
                                  lw_buf *out)
{
    const struct wallet_seal_name name = name_of(reason_use, id, changes, key->owner);
    return wallet_seal_record(wallet_txn_seal_ctx(txn), key->key, &name, lw_str_bytes(text), out);
}
