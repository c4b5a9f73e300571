#include "trust_publish.h"

#include <stdlib.h>

#include "home_internal.h"
#include "wallet/store_catalog.h"

enum { PAGE = 16, TRUST_TTL_S = LW_DAY_S, PREFIX_MAX = 512 };

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
    issuer->prefix = prefix;
    issuer->entry = (struct wallet_trust_entry){
        .cert = key->cert,
        .vct_count = count,
        .not_after = cert.not_after,
        .state = key->state == WALLET_KEY_RETIRED ? WALLET_ISSUER_NO_NEW : WALLET_ISSUER_ACTIVE,
        .revoked_since = INT64_MIN,
        .status_prefix_count = 1,
    };
    return LW_SUCCESS;
}

static lw_err add_issuer(const struct wallet_key_record *key, const struct home_catalog *catalog,
                         struct home_trust_parts *parts)
{
    if (key->purpose != HSM_PURPOSE_CREDENTIAL || key->state == WALLET_KEY_DESTROYED) {
        return LW_SUCCESS;
    }
    void *list = parts->issuers;
    LW_TRY(grow(&list, parts->issuer_count, sizeof(struct home_issuer)));
    parts->issuers = list;
    LW_TRY(fill_issuer(key, catalog, lw_buf_text(&parts->prefix),
                       &parts->issuers[parts->issuer_count]));
    parts->issuer_count++;
    return LW_SUCCESS;
}

static lw_err gather(struct wallet_home *home, const struct wallet_txn *txn,
                     const struct home_catalog *catalog, struct home_trust_parts *parts)
{
    struct wallet_page page = {.len = 0};
    LW_TRY(lw_buf_put_c(&parts->prefix, home->config->base_url));
    LW_TRY(lw_buf_put_c(&parts->prefix, "/status/"));
    LW_TRY(wallet_store_ca_get(txn, &parts->anchor));
    while (!page.end) {
        struct wallet_key_record keys[PAGE];
        size_t count = PAGE;
        LW_TRY(wallet_store_key_page(txn, &page, keys, &count));
        for (size_t i = 0; i < count; i++) {
            LW_TRY(add_issuer(&keys[i], catalog, parts));
        }
    }
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
    lw_buf_free(&parts->prefix);
    *parts = (struct home_trust_parts){.issuers = NULL};
}

struct list_write {
    const struct wallet_signed_doc *list;
    int64_t now;
};

static lw_err write_list(struct wallet_txn *txn, void *ctx)
{
    const struct list_write *w = ctx;
    LW_TRY(wallet_store_trust_list_put(txn, w->list));
    return home_audit(txn, w->now, WALLET_AUDIT_TRUST_LIST_SIGNED, LW_STR("system"),
                      (lw_bytes){NULL, 0});
}

static lw_err next_version(const struct wallet_txn *txn, uint64_t *version)
{
    struct wallet_signed_doc last;
    const lw_err err = wallet_store_trust_list_get(txn, 0, &last);
    if (err.code == LW_E_NOT_FOUND) {
        *version = 1;
        return LW_SUCCESS;
    }
    LW_TRY(err);
    *version = last.version + 1;
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
        .anchors = &parts->anchor,
        .anchor_count = 1,
    };
    const lw_err err = wallet_trust_list_sign(&list, &signer, now, out);
    free(entries);
    return err;
}

/* Reads all that the list is made of in one transaction, and signs it after its end. */
static lw_err sign_now(struct wallet_home *home, struct home_catalog *catalog, int64_t now,
                       struct wallet_signed_doc *list, lw_buf *bytes)
{
    WALLET_AUTO_TXN txn = NULL;
    struct home_trust_parts parts;
    LW_TRY(wallet_read_begin(home->store, &txn));
    LW_TRY(home_catalog_read(txn, catalog));
    LW_TRY(home_trust_gather(home, txn, catalog, &parts));
    lw_err err = next_version(txn, &list->version);
    err = err.code == LW_OK ? sign_parts(home, &parts, list->version, now, bytes) : err;
    home_trust_parts_free(&parts);
    return err;
}

lw_err home_trust_list_sign(struct wallet_home *home)
{
    const int64_t now = lw_now(home->env->clock);
    LW_AUTO_BUF bytes = LW_BUF(WALLET_TRUST_LIST_MAX);
    struct home_catalog catalog = {.agencies = NULL};
    struct wallet_signed_doc list = {.iat = now, .exp = now + WALLET_TRUST_LIST_LIFE_S};
    const lw_err err = sign_now(home, &catalog, now, &list, &bytes);
    home_catalog_free(&catalog);
    LW_TRY(err);
    list.bytes = lw_buf_view(&bytes);
    struct list_write write = {.list = &list, .now = now};
    return wallet_store_write(home->store, write_list, &write);
}
