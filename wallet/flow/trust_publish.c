#include "trust_publish.h"

#include <stdlib.h>

#include "home_key.h"
#include "offline_folder.h"
#include "wallet/flow_status.h"
#include "wallet/store_adopt.h"
#include "wallet/store_catalog.h"

enum { PAGE = 16, TRUST_TTL_S = LW_DAY_S, PREFIX_MAX = 512, SIGN_ATTEMPTS = 5 };

void home_catalog_free(struct home_catalog *catalog)
{
    for (size_t i = 0; i < catalog->agency_count; i++) {
        wallet_agency_free(catalog->agencies[i]);
    }
    for (size_t i = 0; i < catalog->type_count; i++) {
        wallet_license_type_free(catalog->types[i]);
    }
    free(catalog->agencies);
    free(catalog->types);
    *catalog = (struct home_catalog){.agencies = NULL};
}

static lw_err grow(void **list, size_t count, size_t size)
{
    void *grown = realloc(*list, (count + 1) * size); /* pointers, no secrets */
    if (grown == NULL) {
        return LW_FAIL(LW_E_NOMEM, "home: out of memory", LW_NOWHERE);
    }
    *list = grown;
    return LW_SUCCESS;
}

/* What was checked when it was loaded must still hold: else the store is not what was written. */
static lw_err read_doc(enum wallet_doc_kind kind, lw_bytes json, struct home_catalog *catalog)
{
    struct wallet_doc_error faults[1];
    size_t fault_count = sizeof(faults) / sizeof(faults[0]);
    lw_err err = LW_SUCCESS;
    if (kind == WALLET_DOC_AGENCY) {
        void *list = catalog->agencies;
        LW_TRY(grow(&list, catalog->agency_count, sizeof(struct wallet_agency_doc *)));
        catalog->agencies = list;
        err = wallet_agency_read(json, &catalog->agencies[catalog->agency_count], faults,
                                 &fault_count);
        catalog->agency_count += err.code == LW_OK ? 1 : 0;
    } else {
        void *list = catalog->types;
        LW_TRY(grow(&list, catalog->type_count, sizeof(struct wallet_type_doc *)));
        catalog->types = list;
        err = wallet_license_type_read(json, &catalog->types[catalog->type_count], faults,
                                       &fault_count);
        catalog->type_count += err.code == LW_OK ? 1 : 0;
    }
    return err.code == LW_OK || err.code == LW_E_NOMEM
               ? err
               : LW_FAIL(LW_E_CORRUPT, "home: a catalogue document does not hold", LW_NOWHERE);
}

static lw_err read_kind(const struct wallet_txn *txn, enum wallet_doc_kind kind,
                        struct home_catalog *catalog)
{
    struct wallet_page page = {.len = 0};
    while (!page.end) {
        struct wallet_doc docs[PAGE];
        size_t count = PAGE;
        LW_TRY(wallet_store_doc_page(txn, kind, &page, docs, &count));
        for (size_t i = 0; i < count; i++) {
            LW_TRY(read_doc(kind, docs[i].json, catalog));
        }
    }
    return LW_SUCCESS;
}

lw_err home_catalog_read(const struct wallet_txn *txn, struct home_catalog *catalog)
{
    *catalog = (struct home_catalog){.agencies = NULL};
    lw_err err = read_kind(txn, WALLET_DOC_AGENCY, catalog);
    err = err.code == LW_OK ? read_kind(txn, WALLET_DOC_LICENSE_TYPE, catalog) : err;
    if (err.code != LW_OK) {
        home_catalog_free(catalog);
    }
    return err;
}

static bool may_issue(const struct wallet_license_type *type, const char *agency)
{
    for (size_t i = 0; i < type->issuer_count; i++) {
        if (lw_str_is(type->issuers[i], agency)) {
            return true;
        }
    }
    return false;
}

static lw_err fill_issuer(const struct wallet_key_record *key, const struct home_catalog *catalog,
                          lw_str prefix, struct home_issuer *issuer)
{
    struct hsm_cert cert;
    size_t count = 0;
    LW_TRY(hsm_cert_parse(key->cert, &cert));
    for (size_t i = 0; i < catalog->type_count && count < WALLET_VCTS_MAX; i++) {
        const struct wallet_license_type *type = wallet_license_type_of(catalog->types[i]);
        if (may_issue(type, key->agency)) {
            issuer->vcts[count++] = type->vct;
        }
    }
    enum wallet_issuer_state state = WALLET_ISSUER_ACTIVE;
    if (key->compromised != WALLET_KEY_NEVER) {
        state = WALLET_ISSUER_REVOKED;
    } else if (key->state == WALLET_KEY_RETIRED) {
        state = WALLET_ISSUER_NO_NEW;
    }
    issuer->prefix = prefix;
    issuer->entry = (struct wallet_trust_entry){
        .cert = key->cert,
        .vct_count = count,
        .not_after = cert.not_after,
        .state = state,
        .revoked_since = INT64_MIN,
        .status_prefix_count = 1,
    };
    return LW_SUCCESS;
}

static lw_err add_issuer(const struct wallet_key_record *key, const struct home_catalog *catalog,
                         struct home_trust_parts *parts)
{
    void *list = parts->issuers;
    LW_TRY(grow(&list, parts->issuer_count, sizeof(struct home_issuer)));
    parts->issuers = list;
    LW_TRY(fill_issuer(key, catalog, lw_buf_text(&parts->prefix),
                       &parts->issuers[parts->issuer_count]));
    parts->issuer_count++;
    return LW_SUCCESS;
}

struct gathering {
    const struct home_catalog *catalog;
    struct home_trust_parts *parts;
};

static lw_err add_anchor(struct home_trust_parts *parts, lw_bytes der)
{
    struct hsm_cert cert;
    for (size_t i = 0; i < parts->anchor_count; i++) {
        if (lw_bytes_eq(parts->anchors[i], der)) {
            return LW_SUCCESS;
        }
    }
    LW_TRY(hsm_cert_parse(der, &cert));
    if (cert.not_after < parts->now) {
        return LW_SUCCESS;
    }
    if (parts->anchor_count == WALLET_ANCHORS_MAX) {
        return LW_FAIL(LW_E_LIMIT, "home: too many CA certificates", LW_NOWHERE);
    }
    parts->anchors[parts->anchor_count++] = der;
    return LW_SUCCESS;
}

/* A list key is known by its pin: one that is to come stands in the lists of the one before. */
static lw_err add_next_pin(struct home_trust_parts *parts, const struct wallet_key_record *key)
{
    if (key->state != WALLET_KEY_PUBLISHED || parts->next_pin_count == WALLET_PINS_MAX) {
        return LW_SUCCESS;
    }
    return wallet_trust_pin(&key->key, parts->next_pins[parts->next_pin_count++]);
}

static lw_err note_unlisted(struct home_trust_parts *parts, const struct wallet_key_record *key)
{
    if (key->listed != WALLET_KEY_NEVER) {
        return LW_SUCCESS;
    }
    void *list = parts->unlisted;
    LW_TRY(grow(&list, parts->unlisted_count, sizeof(*parts->unlisted)));
    parts->unlisted = list;
    memcpy(parts->unlisted[parts->unlisted_count++], key->label, sizeof(key->label));
    return LW_SUCCESS;
}

static lw_err add_key(void *ctx, const struct wallet_key_record *key)
{
    const struct gathering *g = ctx;
    const bool gone = key->state == WALLET_KEY_DESTROYED;
    const bool compromised = key->compromised != WALLET_KEY_NEVER;
    if (!home_key_rule(key->purpose)->listed) {
        return LW_SUCCESS;
    }
    if (key->purpose == HSM_PURPOSE_CREDENTIAL && (!gone || compromised)) {
        LW_TRY(add_issuer(key, g->catalog, g->parts));
    } else if (key->purpose == HSM_PURPOSE_CA && !gone && !compromised) {
        LW_TRY(add_anchor(g->parts, key->cert));
    } else if (key->purpose == HSM_PURPOSE_TRUST_LIST) {
        LW_TRY(add_next_pin(g->parts, key));
    }
    return note_unlisted(g->parts, key);
}

/* A CA whose key is elsewhere has no record, only its certificate. */
static lw_err add_stored_ca(const struct wallet_txn *txn, struct home_trust_parts *parts)
{
    lw_bytes der = {NULL, 0};
    if (parts->anchor_count > 0) {
        return LW_SUCCESS;
    }
    LW_TRY(wallet_store_ca_get(txn, &der));
    return add_anchor(parts, der);
}

static lw_err gather(struct wallet_home *home, const struct wallet_txn *txn,
                     const struct home_catalog *catalog, struct home_trust_parts *parts)
{
    struct gathering g = {.catalog = catalog, .parts = parts};
    parts->now = lw_now(home->env->clock);
    LW_TRY(lw_buf_put_c(&parts->prefix, home->config->base_url));
    LW_TRY(lw_buf_put_c(&parts->prefix, "/status/"));
    LW_TRY(wallet_store_key_changes(txn, &parts->basis));
    LW_TRY(home_key_each(txn, add_key, &g));
    LW_TRY(add_stored_ca(txn, parts));
    /* The list may have moved while it grew, so what points into it is set last. */
    for (size_t i = 0; i < parts->issuer_count; i++) {
        parts->issuers[i].entry.vcts = parts->issuers[i].vcts;
        parts->issuers[i].entry.status_prefixes = &parts->issuers[i].prefix;
    }
    return LW_SUCCESS;
}

lw_err home_trust_gather(struct wallet_home *home, const struct wallet_txn *txn,
                         const struct home_catalog *catalog, struct home_trust_parts *parts)
{
    *parts = (struct home_trust_parts){.prefix = LW_BUF(PREFIX_MAX)};
    const lw_err err = gather(home, txn, catalog, parts);
    if (err.code != LW_OK) {
        home_trust_parts_free(parts);
    }
    return err;
}

void home_trust_parts_free(struct home_trust_parts *parts)
{
    free(parts->issuers);
    free(parts->unlisted);
    lw_buf_free(&parts->prefix);
    *parts = (struct home_trust_parts){.issuers = NULL};
}

struct list_write {
    struct wallet_signed_doc list;
    struct home_trust_parts parts;
    struct home_catalog catalog;
    lw_buf bytes;
};

static void free_list_write(struct list_write *w)
{
    home_trust_parts_free(&w->parts);
    home_catalog_free(&w->catalog);
    lw_buf_free(&w->bytes);
}
#define AUTO_LIST_WRITE __attribute__((cleanup(free_list_write))) struct list_write

/* The time from which a key is known to verifiers is that of the first list that names it. */
static lw_err write_list(struct wallet_txn *txn, void *ctx)
{
    const struct list_write *w = ctx;
    LW_TRY(wallet_store_trust_list_put(txn, &w->list));
    for (size_t i = 0; i < w->parts.unlisted_count; i++) {
        LW_TRY(wallet_store_key_listed(txn, lw_str_c(w->parts.unlisted[i]), w->list.iat));
    }
    return home_audit(txn, w->list.iat, WALLET_AUDIT_TRUST_LIST_SIGNED, LW_STR("system"),
                      (lw_bytes){NULL, 0});
}

static lw_err next_version(const struct wallet_txn *txn, uint64_t *version)
{
    struct wallet_signed_doc last = {.version = 0};
    struct wallet_store_floors floors;
    const lw_err err = wallet_store_trust_list_get(txn, 0, &last);
    if (err.code != LW_OK && err.code != LW_E_NOT_FOUND) {
        return err;
    }
    LW_TRY(wallet_store_floors_get(txn, &floors));
    *version = (last.version > floors.trust ? last.version : floors.trust) + 1;
    return LW_SUCCESS;
}

static lw_err sign_parts(struct wallet_home *home, const struct home_trust_parts *parts,
                         uint64_t version, int64_t now, lw_buf *out)
{
    struct hsm_signer signer;
    struct wallet_trust_entry *entries = NULL;
    LW_TRY(wallet_home_signer(home, HSM_PURPOSE_TRUST_LIST, LW_STR(""), &signer));
    if (parts->issuer_count > 0) {
        entries = calloc(parts->issuer_count, sizeof(*entries));
        if (entries == NULL) {
            return LW_FAIL(LW_E_NOMEM, "home: out of memory", LW_NOWHERE);
        }
        for (size_t i = 0; i < parts->issuer_count; i++) {
            entries[i] = parts->issuers[i].entry;
        }
    }
    const struct wallet_trust_list_parts list = {
        .issuer = lw_str_c(home->config->base_url),
        .iat = now,
        .exp = now + WALLET_TRUST_LIST_LIFE_S,
        .ttl_s = TRUST_TTL_S,
        .version = version,
        .entries = entries,
        .entry_count = parts->issuer_count,
        .anchors = parts->anchors,
        .anchor_count = parts->anchor_count,
        .one_authority = true,
        .next_pins = (const uint8_t(*)[WALLET_PIN_LEN])parts->next_pins,
        .next_pin_count = parts->next_pin_count,
    };
    const lw_err err = wallet_trust_list_sign(&list, &signer, now, out);
    free(entries);
    return err;
}

/* What borrows from the transaction, the signed bytes have copied by its end. */
static lw_err sign_now(struct wallet_home *home, struct list_write *w)
{
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(home->store, &txn));
    LW_TRY(home_catalog_read(txn, &w->catalog));
    LW_TRY(home_trust_gather(home, txn, &w->catalog, &w->parts));
    LW_TRY(next_version(txn, &w->list.version));
    return sign_parts(home, &w->parts, w->list.version, w->list.iat, &w->bytes);
}

static lw_err sign_once(struct wallet_home *home)
{
    const int64_t now = lw_now(home->env->clock);
    AUTO_LIST_WRITE w = {.list = {.iat = now, .exp = now + WALLET_TRUST_LIST_LIFE_S},
                         .bytes = LW_BUF(WALLET_TRUST_LIST_MAX)};
    LW_TRY(sign_now(home, &w));
    w.list.basis = w.parts.basis;
    w.list.bytes = lw_buf_view(&w.bytes);
    return wallet_store_write(home->store, write_list, &w);
}

/* Another process may take the version first; its list may not tell what is to be told. */
lw_err home_trust_list_sign(struct wallet_home *home)
{
    lw_err err = sign_once(home);
    for (int attempt = 1; err.code == LW_E_CONFLICT && attempt < SIGN_ATTEMPTS; attempt++) {
        err = sign_once(home);
    }
    return err;
}

lw_err wallet_flow_trust_list_after(struct wallet_home *home, lw_str pin, lw_buf *cwt)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_signed_doc list;
    uint8_t key[WALLET_PIN_LEN];
    LW_TRY(offline_pin_parse(pin, key));
    LW_TRY(wallet_read_begin(home->store, &txn));
    LW_TRY(wallet_store_bridge_get(txn, key, &list));
    return lw_buf_put(cwt, list.bytes);
}

lw_err home_trust_catch_up(struct wallet_home *home)
{
    struct wallet_store_floors floors;
    struct wallet_signed_doc last = {.version = 0};
    {
        WALLET_AUTO_TXN txn = NULL;
        LW_TRY(wallet_read_begin(home->store, &txn));
        LW_TRY(wallet_store_floors_get(txn, &floors));
        const lw_err err = wallet_store_trust_list_get(txn, 0, &last);
        if (err.code != LW_OK) {
            return err.code == LW_E_NOT_FOUND ? LW_SUCCESS : err;
        }
    }
    return last.version > floors.trust ? LW_SUCCESS : home_trust_list_sign(home);
}
