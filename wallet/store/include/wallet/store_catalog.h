/*
 * Catalogue documents as they were loaded: exact bytes, in versions. What they say is read by
 * wallet/license_type.h. Each change moves the store's generation on.
 */
#ifndef WALLET_STORE_CATALOG_H
#define WALLET_STORE_CATALOG_H

#include "wallet/store.h"
#include "wallet/store_page.h"

enum { WALLET_DOC_MAX = 256 * 1024, WALLET_DOC_ID_MAX = 64 };

enum wallet_doc_kind {
    WALLET_DOC_AGENCY,
    WALLET_DOC_LICENSE_TYPE,
    WALLET_DOC_SERVICE_ITEM,
};

/* A document. `json` is borrowed; when read, from the transaction. */
struct wallet_doc {
    char id[WALLET_DOC_ID_MAX + 1]; /* NUL-terminated when read */
    uint64_t version;
    int64_t loaded; /* Unix seconds */
    lw_bytes json;  /* exact bytes */
};

/**
 * Load a document. Bytes equal to the current version's change nothing.
 *
 * version  the document's own, one more than the current (the first may be any); 0: documents of
 *          this kind have none, and the store counts
 * stored   set to the version it has now
 * changed  set to whether it is new; may be NULL
 * errors   LW_E_CONFLICT  other bytes under a version that is there, or a version left out;
 *          LW_E_VALUE  id, or no bytes; LW_E_LIMIT  over WALLET_DOC_MAX
 */
LW_MUST_USE lw_err wallet_store_doc_put(struct wallet_txn *txn, enum wallet_doc_kind kind,
                                        const struct wallet_doc *doc, uint64_t *stored,
                                        bool *changed);

/** Give a document; version 0: the current one. errors  LW_E_NOT_FOUND */
LW_MUST_USE lw_err wallet_store_doc_get(const struct wallet_txn *txn, enum wallet_doc_kind kind,
                                        lw_str id, uint64_t version, struct wallet_doc *doc);

/** List the current version of each document of a kind, in order of their ids. */
LW_MUST_USE lw_err wallet_store_doc_page(const struct wallet_txn *txn, enum wallet_doc_kind kind,
                                         struct wallet_page *page, struct wallet_doc *docs,
                                         size_t *count);

#endif
