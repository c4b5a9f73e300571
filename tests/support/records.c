#include "records.h"

#include <stdio.h>
#include <stdlib.h>

#include "row.h"
#include "txn.h"
#include "wallet/record.h"

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fprintf(stderr, "test support: %s: %s\n", lw_code_name(err.code), err.why);
        abort();
    }
}

static lw_err put_epoch(struct wallet_txn *txn, void *ctx)
{
    (void)ctx;
    const struct wallet_epoch epoch = {
        .number = 1, .seal = "seal-1", .in_use = true, .wrapped = lw_str_bytes(LW_STR("wrapped"))};
    const lw_err err = wallet_store_epoch_put(txn, &epoch);
    return err.code == LW_E_CONFLICT ? LW_SUCCESS : err;
}

void support_unlock(struct support_store *f)
{
    static const uint8_t key[WALLET_STORE_KEY_LEN] = {1, 2, 3, 4};
    support_store_write(f, put_epoch, NULL);
    must(wallet_store_unlock(f->store, 1, key));
}

struct add_person {
    unsigned n;
    uint8_t *id;
};

static lw_err add_person(struct wallet_txn *txn, void *ctx)
{
    const struct add_person *add = ctx;
    struct wallet_person_code code;
    char text[32];
    char name[32];
    (void)snprintf(text, sizeof(text), "ACCOUNT-%u", add->n);
    (void)snprintf(name, sizeof(name), "Person %u", add->n);
    LW_TRY(wallet_person_code(LW_STR("999"), lw_str_c(text), &code));
    return wallet_store_person_add(txn, &code, lw_str_c(name), SUPPORT_NOW, add->id, NULL);
}

void support_person(struct support_store *f, unsigned n, uint8_t id[WALLET_PERSON_ID_LEN])
{
    struct add_person add = {.n = n, .id = id};
    support_store_write(f, add_person, &add);
}

static const char *type_of(const struct support_license *what)
{
    return what->type == NULL ? "business-license" : what->type;
}

void support_intent(struct support_store *f, const struct support_license *what,
                    struct wallet_intent *intent)
{
    const char *version = what->version == NULL ? "1" : what->version;
    *intent = (struct wallet_intent){
        .created = SUPPORT_NOW, .import = what->import, .version_is_key = what->version_is_key};
    must(wallet_intent_fill(intent, lw_str_c(type_of(what)), lw_str_c(what->number),
                            lw_str_c(version), LW_STR("city-licensing")));
    must(wallet_store_new_id(f->store, intent->id));
}

/* Claim `i`: the text "value i" under a salt of i. */
static void fill_claims(struct wallet_license *l, size_t count, lw_buf *items)
{
    uint8_t *room = NULL;
    must(lw_buf_reserve(items, count * 32, &room)); /* so that slices stay where they are */
    for (size_t i = 0; i < count; i++) {
        char text[32];
        const size_t at = items->len;
        (void)snprintf(text, sizeof(text), "value %zu", i);
        must(wallet_cbor_put_text(items, lw_str_c(text)));
        l->claims[i].def = i;
        l->claims[i].value = (lw_bytes){items->ptr + at, items->len - at};
        memset(l->claims[i].salt, (int)i, WALLET_SALT_LEN);
    }
    l->claim_count = count;
}

/* A record of the right form; the store does not check its signature. */
static void make_record(const struct wallet_license *l, lw_buf *record)
{
    static const uint8_t kid[8] = {0};
    static const uint8_t signature[64] = {0};
    struct wallet_license_type type = {.claim_count = l->claim_count};
    LW_AUTO_BUF payload = LW_BUF(WALLET_RECORD_MAX);
    for (size_t i = 0; i < l->claim_count; i++) {
        type.claims[i].cwt_key = -71001 - (int64_t)i;
    }
    must(wallet_record_payload(&type, l, &payload));
    must(wallet_record_assemble(kid, lw_buf_view(&payload), LW_BYTES(signature), record));
}

lw_err support_complete(struct wallet_txn *txn, const struct wallet_intent *intent,
                        const struct support_license *what)
{
    static const char *const names[] = {"Wang Wei", "Li Na", "Zhang Min"};
    LW_AUTO_BUF items = LW_BUF(64 * 1024);
    struct wallet_license l = {.type = lw_str_c(intent->type),
                               .type_version = 1,
                               .number = lw_str_c(intent->number),
                               .version = lw_str_c(intent->version),
                               .issuer = lw_str_c(intent->issuer),
                               .holder_count = what->person_count,
                               .issued_at = SUPPORT_NOW,
                               .valid_from = SUPPORT_NOW,
                               .valid_until = INT64_MAX};
    memcpy(l.id, intent->id, WALLET_UUID_LEN);
    for (size_t i = 0; i < what->person_count; i++) {
        l.holders[i] =
            (struct wallet_holder){.role = LW_STR("owner"), .name = lw_str_c(names[i % 3])};
        memset(l.holders[i].salt, (int)(0x80 + i), WALLET_SALT_LEN);
    }
    fill_claims(&l, what->claims == 0 ? 3 : what->claims, &items);
    LW_AUTO_BUF record = LW_BUF(WALLET_RECORD_MAX);
    make_record(&l, &record);
    const struct wallet_license_put put = {.license = &l,
                                           .persons = what->persons,
                                           .state = what->state == 0 ? WALLET_ACTIVE : what->state,
                                           .since = SUPPORT_NOW,
                                           .reason = what->reason == NULL ? (lw_str){0}
                                                                          : lw_str_c(what->reason),
                                           .record = lw_buf_view(&record),
                                           .audit_index = UINT64_MAX};
    return wallet_store_license_complete(txn, &put);
}

struct issue {
    const struct support_license *what;
    const struct wallet_intent *intent;
};

static lw_err issue(struct wallet_txn *txn, void *ctx)
{
    const struct issue *i = ctx;
    LW_TRY(wallet_store_license_reserve(txn, i->intent));
    return support_complete(txn, i->intent, i->what);
}

lw_err support_license(struct support_store *f, const struct support_license *what,
                       uint8_t id[WALLET_UUID_LEN])
{
    struct wallet_intent intent;
    struct issue i = {.what = what, .intent = &intent};
    support_intent(f, what, &intent);
    memcpy(id, intent.id, WALLET_UUID_LEN);
    return wallet_store_write(f->store, issue, &i);
}

struct set_state {
    const uint8_t *id;
    struct wallet_state_change change;
};

static lw_err set_state(struct wallet_txn *txn, void *ctx)
{
    const struct set_state *s = ctx;
    return wallet_store_license_set_state(txn, s->id, &s->change, NULL);
}

lw_err support_state(struct support_store *f, const uint8_t id[WALLET_UUID_LEN],
                     enum wallet_state to, const char *reason)
{
    struct set_state s = {.id = id,
                          .change = {.to = to,
                                     .since = SUPPORT_NOW,
                                     .reason = reason == NULL ? (lw_str){0} : lw_str_c(reason)}};
    return wallet_store_write(f->store, set_state, &s);
}

static enum wallet_keyspace keyspace_named(const char *name)
{
    unsigned ks = 0;
    while (ks < WALLET_KS_COUNT && strcmp(wallet_ks((enum wallet_keyspace)ks)->name, name) != 0) {
        ks++;
    }
    if (ks == WALLET_KS_COUNT) {
        must(LW_FAIL(LW_E_MISUSE, "no such keyspace", LW_NOWHERE));
    }
    return (enum wallet_keyspace)ks;
}

void support_get(const struct support_store *f, const char *keyspace, lw_bytes key, lw_buf *value)
{
    WALLET_AUTO_TXN txn = NULL;
    lw_bytes found = {0};
    must(wallet_read_begin(f->store, &txn));
    must(wallet_txn_get(txn, keyspace_named(keyspace), key, &found));
    must(lw_buf_put(value, found));
}

bool support_there(const struct support_store *f, const char *keyspace, lw_bytes key)
{
    WALLET_AUTO_TXN txn = NULL;
    bool there = false;
    must(wallet_read_begin(f->store, &txn));
    must(wallet_txn_has(txn, keyspace_named(keyspace), key, &there));
    return there;
}

uint64_t support_count(const struct support_store *f, const char *keyspace)
{
    WALLET_AUTO_TXN txn = NULL;
    uint64_t count = 0;
    must(wallet_read_begin(f->store, &txn));
    must(wallet_txn_count(txn, keyspace_named(keyspace), &count));
    return count;
}

struct raw {
    enum wallet_keyspace ks;
    lw_bytes key;
    lw_bytes value;
};

static lw_err put_raw(struct wallet_txn *txn, void *ctx)
{
    const struct raw *raw = ctx;
    return wallet_txn_put(txn, raw->ks, raw->key, raw->value);
}

static lw_err delete_raw(struct wallet_txn *txn, void *ctx)
{
    const struct raw *raw = ctx;
    return wallet_txn_delete(txn, raw->ks, raw->key);
}

void support_put(struct support_store *f, const char *keyspace, lw_bytes key, lw_bytes value)
{
    struct raw raw = {.ks = keyspace_named(keyspace), .key = key, .value = value};
    support_store_write(f, put_raw, &raw);
}

void support_delete(struct support_store *f, const char *keyspace, lw_bytes key)
{
    struct raw raw = {.ks = keyspace_named(keyspace), .key = key};
    support_store_write(f, delete_raw, &raw);
}

void support_put_summed(struct support_store *f, const char *keyspace, lw_bytes key, lw_bytes value)
{
    const bool cbor = wallet_ks(keyspace_named(keyspace))->form == WALLET_KS_CBOR;
    const size_t body = value.len - WALLET_ROW_SUM_LEN - (cbor ? 1 : 0);
    LW_AUTO_BUF copy = LW_BUF(1 << 20);
    must(lw_buf_put(&copy, value));
    must(
        wallet_row_sum(key, (lw_bytes){copy.ptr, body}, copy.ptr + value.len - WALLET_ROW_SUM_LEN));
    support_put(f, keyspace, key, lw_buf_view(&copy));
}

void support_flip(struct support_store *f, const char *keyspace, lw_bytes key, size_t from_end)
{
    LW_AUTO_BUF value = LW_BUF(1 << 20);
    support_get(f, keyspace, key, &value);
    value.ptr[value.len - 1 - from_end] ^= 1;
    support_put(f, keyspace, key, lw_buf_view(&value));
}
