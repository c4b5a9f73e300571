/* Catalogue documents: id NUL version -> [1, loaded, exact bytes]; the current one is the last. */
#include "wallet/store_catalog.h"

#include "row.h"

enum { FIELDS = 2, VERSION_LEN = 8, VALUE_MAX = WALLET_DOC_MAX + 64 };

static enum wallet_keyspace keyspace_of(enum wallet_doc_kind kind)
{
    switch (kind) {
    case WALLET_DOC_AGENCY:
        return WALLET_KS_AGENCY;
    case WALLET_DOC_LICENSE_TYPE:
        return WALLET_KS_LICENSE_TYPE;
    case WALLET_DOC_SERVICE_ITEM:
        return WALLET_KS_SERVICE_ITEM;
    }
    return WALLET_KS_COUNT;
}

static lw_err not_there(void)
{
    return LW_FAIL(LW_E_NOT_FOUND, "catalog: no such document", LW_NOWHERE);
}

static lw_err parse(lw_bytes key, lw_bytes value, struct wallet_doc *doc)
{
    struct wallet_cbor r;
    lw_str id = {0};
    lw_str version = {0};
    (void)lw_str_split(lw_bytes_str(key), '\0', &id, &version);
    if (id.len == 0 || id.len > WALLET_DOC_ID_MAX || version.len != VERSION_LEN) {
        return LW_FAIL(LW_E_CORRUPT, "catalog: a key is not of its form", LW_NOWHERE);
    }
    memcpy(doc->id, id.ptr, id.len);
    doc->id[id.len] = '\0';
    doc->version = wallet_key_u64((const uint8_t *)version.ptr);
    LW_TRY(wallet_row_open(value, FIELDS, &r));
    doc->loaded = wallet_cbor_int(&r);
    doc->json = wallet_cbor_bytes(&r);
    return wallet_stored_end(&r);
}

static lw_err current(const struct wallet_txn *txn, enum wallet_doc_kind kind,
                      const struct wallet_row_key *prefix, struct wallet_doc *doc)
{
    lw_bytes key = {0};
    lw_bytes value = {0};
    WALLET_AUTO_SCAN scan = wallet_scan_back(txn, keyspace_of(kind), wallet_row_key_view(prefix));
    if (wallet_scan_next(&scan, &key, &value)) {
        return parse(key, value, doc);
    }
    LW_TRY(scan.err);
    return not_there();
}

lw_err wallet_store_doc_get(const struct wallet_txn *txn, enum wallet_doc_kind kind, lw_str id,
                            uint64_t version, struct wallet_doc *doc)
{
    struct wallet_row_key key = {0};
    lw_bytes value = {0};
    if (id.len == 0 || id.len > WALLET_DOC_ID_MAX) {
        return not_there();
    }
    wallet_row_key_text(&key, id);
    if (version == 0) {
        return current(txn, kind, &key, doc);
    }
    wallet_row_key_u64(&key, version);
    LW_TRY(wallet_txn_get(txn, keyspace_of(kind), wallet_row_key_view(&key), &value));
    return parse(wallet_row_key_view(&key), value, doc);
}

static lw_err check(const struct wallet_doc *doc)
{
    if (!wallet_row_text_ok(lw_str_c(doc->id), WALLET_DOC_ID_MAX) || doc->json.len == 0) {
        return LW_FAIL(LW_E_VALUE, "catalog: a document without id or bytes", LW_NOWHERE);
    }
    if (doc->json.len > WALLET_DOC_MAX) {
        return LW_FAIL(LW_E_LIMIT, "catalog: a document is too large", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

/* The version the document gets, or LW_E_CONFLICT. `last` is 0 when there is none before. */
static lw_err next_version(uint64_t last, uint64_t own, uint64_t *version)
{
    *version = own == 0 ? last + 1 : own;
    if (last != 0 && *version <= last) {
        return LW_FAIL(LW_E_CONFLICT, "catalog: other bytes under a version that is there",
                       LW_NOWHERE);
    }
    if (last != 0 && *version != last + 1) {
        return LW_FAIL(LW_E_CONFLICT, "catalog: a version is left out", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static lw_err insert(struct wallet_txn *txn, enum wallet_doc_kind kind,
                     struct wallet_row_key *prefix, uint64_t version, const struct wallet_doc *doc)
{
    LW_AUTO_BUF value = LW_BUF(VALUE_MAX);
    wallet_row_key_u64(prefix, version);
    LW_TRY(wallet_stored_begin(&value, 1, FIELDS));
    LW_TRY(wallet_cbor_put_int(&value, doc->loaded));
    LW_TRY(wallet_cbor_put_bytes(&value, doc->json));
    LW_TRY(wallet_txn_insert(txn, keyspace_of(kind), wallet_row_key_view(prefix),
                             lw_buf_view(&value)));
    return wallet_store_touch(txn);
}

lw_err wallet_store_doc_put(struct wallet_txn *txn, enum wallet_doc_kind kind,
                            const struct wallet_doc *doc, uint64_t *stored, bool *changed)
{
    struct wallet_row_key key = {0};
    struct wallet_doc last = {0};
    uint64_t version = 0;
    LW_TRY(check(doc));
    wallet_row_key_text(&key, lw_str_c(doc->id));
    const lw_err err = current(txn, kind, &key, &last);
    if (err.code != LW_OK && err.code != LW_E_NOT_FOUND) {
        return err;
    }
    const bool same = err.code == LW_OK && lw_bytes_eq(doc->json, last.json) &&
                      (doc->version == 0 || doc->version == last.version);
    if (!same) {
        LW_TRY(next_version(last.version, doc->version, &version));
        LW_TRY(insert(txn, kind, &key, version, doc));
    }
    *stored = same ? last.version : version;
    if (changed != NULL) {
        *changed = !same;
    }
    return LW_SUCCESS;
}

/* Finds the id that follows `id` among all documents; an empty one when there is none. */
static lw_err next_id(const struct wallet_txn *txn, enum wallet_doc_kind kind, lw_bytes id,
                      struct wallet_doc *doc)
{
    struct wallet_row_key from = {0};
    lw_bytes key = {0};
    lw_bytes value = {0};
    doc->id[0] = '\0';
    WALLET_AUTO_SCAN scan = wallet_scan(txn, keyspace_of(kind), (lw_bytes){0});
    if (id.len > 0) { /* behind "id NUL ..." */
        wallet_row_key_put(&from, id);
        wallet_row_key_byte(&from, 1);
        wallet_scan_from(&scan, wallet_row_key_view(&from));
    }
    if (wallet_scan_next(&scan, &key, &value)) {
        return parse(key, value, doc);
    }
    return scan.err;
}

static lw_err fill(const struct wallet_txn *txn, enum wallet_doc_kind kind,
                   struct wallet_page *place, struct wallet_doc *docs, size_t *count)
{
    size_t n = 0;
    while (n < *count && !place->end) {
        struct wallet_row_key key = {0};
        LW_TRY(next_id(txn, kind, (lw_bytes){place->at, place->len}, &docs[n]));
        const lw_str id = lw_str_c(docs[n].id);
        place->end = id.len == 0;
        if (!place->end) {
            wallet_row_key_text(&key, id);
            memcpy(place->at, id.ptr, id.len);
            place->len = id.len;
            LW_TRY(current(txn, kind, &key, &docs[n++]));
        }
    }
    *count = n;
    return LW_SUCCESS;
}

lw_err wallet_store_doc_page(const struct wallet_txn *txn, enum wallet_doc_kind kind,
                             struct wallet_page *page, struct wallet_doc *docs, size_t *count)
{
    struct wallet_page place = *page;
    LW_TRY(fill(txn, kind, &place, docs, count));
    *page = place;
    return LW_SUCCESS;
}
