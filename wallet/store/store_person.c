#define _DEFAULT_SOURCE /* explicit_bzero */

#include "wallet/store_person.h"

#include "person_internal.h"
#include "row.h"

enum {
    PERSON_FIELDS = 4, /* created, erased, revisions, sealed code and name */
    VALUE_MAX = 1024,
    CODE_KEY_LEN = 16, /* of the keyed hash: enough that no two codes meet */
};

static lw_err check_name(lw_str name)
{
    if (name.len > 0 && !wallet_row_text_ok(name, WALLET_NAME_MAX)) {
        return LW_FAIL(LW_E_VALUE, "person: the name is too long or holds no plain text",
                       LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static lw_err code_key(const struct wallet_txn *txn, const struct wallet_person_code *code,
                       uint8_t key[WALLET_LOOKUP_LEN])
{
    const lw_bytes text = lw_str_bytes(wallet_person_code_text(code));
    return wallet_lookup(wallet_txn_seal_ctx(txn), WALLET_LOOKUP_HOLDER_CODE, &text, 1, key);
}

static struct wallet_seal_name seal_name(const uint8_t id[WALLET_PERSON_ID_LEN], uint64_t revision)
{
    return (struct wallet_seal_name){.keyspace = LW_STR("person"),
                                     .record = wallet_row_id(id),
                                     .version = revision,
                                     .person = wallet_row_id(id)};
}

/* The value as it is before the sealed part is opened. */
struct person_row {
    int64_t created;
    int64_t erased;
    uint64_t revisions;
    lw_bytes sealed; /* empty when erased */
};

static lw_err parse(lw_bytes value, struct person_row *row)
{
    struct wallet_cbor r;
    LW_TRY(wallet_row_open(value, PERSON_FIELDS, &r));
    row->created = wallet_cbor_int(&r);
    row->erased = wallet_cbor_int(&r);
    row->revisions = wallet_cbor_uint(&r);
    row->sealed = wallet_cbor_bytes(&r);
    return wallet_stored_end(&r);
}

static lw_err encode(const struct person_row *row, lw_buf *out)
{
    LW_TRY(wallet_stored_begin(out, 1, PERSON_FIELDS));
    LW_TRY(wallet_cbor_put_int(out, row->created));
    LW_TRY(wallet_cbor_put_int(out, row->erased));
    LW_TRY(wallet_cbor_put_uint(out, row->revisions));
    return wallet_cbor_put_bytes(out, row->sealed);
}

static lw_err seal(const struct wallet_txn *txn, const struct wallet_stored_person *person,
                   const uint8_t key[WALLET_DATA_KEY_LEN], lw_buf *value)
{
    const struct wallet_seal_name name = seal_name(person->id, person->revisions);
    LW_AUTO_BUF plain = LW_BUF(VALUE_MAX);
    LW_AUTO_BUF sealed = LW_BUF(VALUE_MAX);
    LW_TRY(wallet_cbor_put_array(&plain, 2));
    LW_TRY(wallet_cbor_put_text(&plain, wallet_person_code_text(&person->code)));
    LW_TRY(wallet_cbor_put_text(&plain, (lw_str){person->name, person->name_len}));
    LW_TRY(wallet_seal_record(wallet_txn_seal_ctx(txn), key, &name, lw_buf_view(&plain), &sealed));
    const struct person_row row = {.created = person->created,
                                   .erased = person->erased,
                                   .revisions = person->revisions,
                                   .sealed = lw_buf_view(&sealed)};
    return encode(&row, value);
}

static lw_err read_plain(lw_bytes plain, struct wallet_stored_person *person)
{
    struct wallet_cbor r = wallet_cbor_reader(plain);
    const size_t fields = wallet_cbor_array(&r);
    wallet_row_read_text(&r, sizeof(person->code.text) - 1, person->code.text);
    wallet_row_read_text(&r, WALLET_NAME_MAX, person->name);
    LW_TRY(wallet_stored_end(&r));
    if (fields != 2) {
        return LW_FAIL(LW_E_CORRUPT, "person: not of the form that is sealed", LW_NOWHERE);
    }
    person->code.len = strlen(person->code.text);
    person->name_len = strlen(person->name);
    return LW_SUCCESS;
}

static lw_err read_row(const struct wallet_txn *txn, const uint8_t id[WALLET_PERSON_ID_LEN],
                       struct person_row *row)
{
    lw_bytes value = {0};
    LW_TRY(wallet_txn_get(txn, WALLET_KS_PERSON, wallet_row_id(id), &value));
    return parse(value, row);
}

lw_err wallet_person_data_key(const struct wallet_txn *txn, const uint8_t id[WALLET_PERSON_ID_LEN],
                              uint8_t key[WALLET_DATA_KEY_LEN])
{
    lw_bytes wrapped = {0};
    LW_TRY(wallet_txn_get(txn, WALLET_KS_PERSON_KEY, wallet_row_id(id), &wrapped));
    return wallet_data_key_open(wallet_txn_seal_ctx(txn), wallet_row_id(id), wrapped, key);
}

lw_err wallet_person_open(const struct wallet_txn *txn, const uint8_t id[WALLET_PERSON_ID_LEN],
                          const uint8_t key[WALLET_DATA_KEY_LEN],
                          struct wallet_stored_person *person)
{
    struct person_row row = {0};
    LW_AUTO_BUF plain = LW_BUF(VALUE_MAX);
    LW_TRY(read_row(txn, id, &row));
    const struct wallet_seal_name name = seal_name(id, row.revisions);
    LW_TRY(wallet_open_record(wallet_txn_seal_ctx(txn), key, &name, row.sealed, &plain));
    *person = (struct wallet_stored_person){.created = row.created, .revisions = row.revisions};
    memcpy(person->id, id, WALLET_PERSON_ID_LEN);
    return read_plain(lw_buf_view(&plain), person);
}

lw_err wallet_store_person_get(const struct wallet_txn *txn, const uint8_t id[WALLET_PERSON_ID_LEN],
                               struct wallet_stored_person *person)
{
    struct person_row row = {0};
    uint8_t key[WALLET_DATA_KEY_LEN];
    LW_TRY(read_row(txn, id, &row));
    if (row.erased != 0) {
        *person = (struct wallet_stored_person){
            .created = row.created, .erased = row.erased, .revisions = row.revisions};
        memcpy(person->id, id, WALLET_PERSON_ID_LEN);
        return LW_SUCCESS;
    }
    lw_err err = wallet_person_data_key(txn, id, key);
    if (err.code == LW_OK) {
        err = wallet_person_open(txn, id, key, person);
    }
    explicit_bzero(key, sizeof(key));
    if (err.code == LW_E_NOT_FOUND) { /* the row is there, so its key must be */
        return LW_FAIL(LW_E_CORRUPT, "person: the data key is missing", LW_NOWHERE);
    }
    return err;
}

/* Writes a person whose text changed, under the key that it has. */
static lw_err write_again(struct wallet_txn *txn, const struct wallet_stored_person *person)
{
    uint8_t key[WALLET_DATA_KEY_LEN];
    LW_AUTO_BUF value = LW_BUF(VALUE_MAX);
    lw_err err = wallet_person_data_key(txn, person->id, key);
    if (err.code == LW_OK) {
        err = seal(txn, person, key, &value);
    }
    explicit_bzero(key, sizeof(key));
    LW_TRY(err);
    return wallet_txn_put(txn, WALLET_KS_PERSON, wallet_row_id(person->id), lw_buf_view(&value));
}

static void set_name(struct wallet_stored_person *person, lw_str name)
{
    memset(person->name, 0, sizeof(person->name));
    if (name.len > 0) {
        memcpy(person->name, name.ptr, name.len);
    }
    person->name_len = name.len;
}

lw_err wallet_store_person_rename(struct wallet_txn *txn, const uint8_t id[WALLET_PERSON_ID_LEN],
                                  lw_str name)
{
    struct wallet_stored_person person;
    LW_TRY(check_name(name));
    LW_TRY(wallet_store_person_get(txn, id, &person));
    if (person.erased != 0) {
        return LW_FAIL(LW_E_NOT_FOUND, "person: was erased", LW_NOWHERE);
    }
    set_name(&person, name);
    person.revisions++;
    return write_again(txn, &person);
}

static lw_err find(const struct wallet_txn *txn, const uint8_t key[WALLET_LOOKUP_LEN],
                   uint8_t id[WALLET_PERSON_ID_LEN])
{
    lw_bytes value = {0};
    struct wallet_cbor r;
    LW_TRY(wallet_txn_get(txn, WALLET_KS_PERSON_CODE, (lw_bytes){.ptr = key, .len = CODE_KEY_LEN},
                          &value));
    LW_TRY(wallet_row_open(value, 1, &r));
    wallet_row_read_fixed(&r, id, WALLET_PERSON_ID_LEN);
    return wallet_stored_end(&r);
}

lw_err wallet_store_person_find(const struct wallet_txn *txn, const struct wallet_person_code *code,
                                uint8_t id[WALLET_PERSON_ID_LEN])
{
    uint8_t key[WALLET_LOOKUP_LEN];
    LW_TRY(code_key(txn, code, key));
    return find(txn, key, id);
}

static lw_err name_if_none(struct wallet_txn *txn, const uint8_t id[WALLET_PERSON_ID_LEN],
                           lw_str name)
{
    struct wallet_stored_person person;
    if (name.len == 0) {
        return LW_SUCCESS;
    }
    LW_TRY(wallet_store_person_get(txn, id, &person));
    return person.name_len > 0 ? LW_SUCCESS : wallet_store_person_rename(txn, id, name);
}

static lw_err insert(struct wallet_txn *txn, const struct wallet_stored_person *person,
                     const uint8_t code[WALLET_LOOKUP_LEN])
{
    const lw_bytes id = wallet_row_id(person->id);
    uint8_t key[WALLET_DATA_KEY_LEN];
    LW_AUTO_BUF wrapped = LW_BUF(VALUE_MAX);
    LW_AUTO_BUF value = LW_BUF(VALUE_MAX);
    LW_AUTO_BUF ref = LW_BUF(VALUE_MAX);
    lw_err err = wallet_data_key_make(wallet_txn_seal_ctx(txn), id, key, &wrapped);
    if (err.code == LW_OK) {
        err = seal(txn, person, key, &value);
    }
    explicit_bzero(key, sizeof(key));
    LW_TRY(err);
    LW_TRY(wallet_stored_begin(&ref, 1, 1));
    LW_TRY(wallet_cbor_put_bytes(&ref, id));
    LW_TRY(wallet_txn_append(txn, WALLET_KS_PERSON, id, lw_buf_view(&value)));
    LW_TRY(wallet_txn_append(txn, WALLET_KS_PERSON_KEY, id, lw_buf_view(&wrapped)));
    return wallet_txn_insert(txn, WALLET_KS_PERSON_CODE,
                             (lw_bytes){.ptr = code, .len = CODE_KEY_LEN}, lw_buf_view(&ref));
}

lw_err wallet_store_person_add(struct wallet_txn *txn, const struct wallet_person_code *code,
                               lw_str name, int64_t now, uint8_t id[WALLET_PERSON_ID_LEN],
                               bool *added)
{
    uint8_t key[WALLET_LOOKUP_LEN];
    struct wallet_stored_person person = {.code = *code, .created = now};
    LW_TRY(check_name(name));
    LW_TRY(code_key(txn, code, key));
    const lw_err err = find(txn, key, id);
    if (added != NULL) {
        *added = err.code == LW_E_NOT_FOUND;
    }
    if (err.code == LW_OK) {
        return name_if_none(txn, id, name);
    }
    if (err.code != LW_E_NOT_FOUND) {
        return err;
    }
    LW_TRY(wallet_store_new_id(wallet_txn_store(txn), person.id));
    set_name(&person, name);
    LW_TRY(insert(txn, &person, key));
    memcpy(id, person.id, WALLET_PERSON_ID_LEN);
    return LW_SUCCESS;
}

struct people_page {
    const struct wallet_txn *txn;
    struct wallet_stored_person *people;
};

static lw_err take_person(void *ctx, size_t i, lw_bytes key, lw_bytes value, bool *take)
{
    const struct people_page *page = ctx;
    (void)value;
    (void)take;
    if (key.len != WALLET_PERSON_ID_LEN) {
        return LW_FAIL(LW_E_CORRUPT, "person: an id of another length", LW_NOWHERE);
    }
    return wallet_store_person_get(page->txn, key.ptr, &page->people[i]);
}

lw_err wallet_store_person_page(const struct wallet_txn *txn, struct wallet_page *page,
                                struct wallet_stored_person *people, size_t *count)
{
    struct people_page to = {.txn = txn, .people = people};
    const struct wallet_row_list list = {
        .txn = txn, .ks = WALLET_KS_PERSON, .entry = take_person, .ctx = &to};
    return wallet_row_page(&list, page, count);
}

lw_err wallet_store_person_count(const struct wallet_txn *txn, uint64_t *count)
{
    return wallet_txn_count(txn, WALLET_KS_PERSON, count);
}

lw_err wallet_store_person_erase(struct wallet_txn *txn, const uint8_t id[WALLET_PERSON_ID_LEN],
                                 int64_t now)
{
    struct wallet_stored_person person;
    uint8_t code[WALLET_LOOKUP_LEN];
    LW_AUTO_BUF value = LW_BUF(VALUE_MAX);
    LW_TRY(wallet_store_person_get(txn, id, &person));
    if (person.erased != 0) {
        return LW_FAIL(LW_E_NOT_FOUND, "person: was erased before", LW_NOWHERE);
    }
    LW_TRY(code_key(txn, &person.code, code));
    const struct person_row row = {
        .created = person.created, .erased = now, .revisions = person.revisions};
    LW_TRY(encode(&row, &value));
    LW_TRY(wallet_txn_delete(txn, WALLET_KS_PERSON_KEY, wallet_row_id(id)));
    LW_TRY(wallet_txn_delete(txn, WALLET_KS_PERSON_CODE,
                             (lw_bytes){.ptr = code, .len = CODE_KEY_LEN}));
    return wallet_txn_put(txn, WALLET_KS_PERSON, wallet_row_id(id), lw_buf_view(&value));
}

static lw_err take_license(void *ctx, size_t i, lw_bytes key, lw_bytes value, bool *take)
{
    uint8_t(*licenses)[WALLET_ROW_ID_LEN] = ctx;
    (void)value;
    (void)take;
    if (key.len != WALLET_PERSON_ID_LEN + WALLET_ROW_ID_LEN) {
        return LW_FAIL(LW_E_CORRUPT, "person: a key of another length", LW_NOWHERE);
    }
    memcpy(licenses[i], key.ptr + WALLET_PERSON_ID_LEN, WALLET_ROW_ID_LEN);
    return LW_SUCCESS;
}

lw_err wallet_store_wallet_page(const struct wallet_txn *txn,
                                const uint8_t id[WALLET_PERSON_ID_LEN], struct wallet_page *page,
                                uint8_t (*licenses)[16], size_t *count)
{
    const struct wallet_row_list list = {.txn = txn,
                                         .ks = WALLET_KS_LICENSE_HOLDER,
                                         .prefix = wallet_row_id(id),
                                         .entry = take_license,
                                         .ctx = licenses};
    return wallet_row_page(&list, page, count);
}
