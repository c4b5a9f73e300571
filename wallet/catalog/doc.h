/* What the documents of the catalogue have in common: ids, names, lists of ids. */
#ifndef CATALOG_DOC_H
#define CATALOG_DOC_H

#include "wallet/json_doc.h"
#include "wallet/license_type.h"

enum { CATALOG_DOC_MAX = 256 * 1024, CATALOG_ID_MAX = 64, CATALOG_TEXT_MAX = 200 };

/** Read an id: lower-case letters, digits and '-', at most 64, with no '-' at its ends. */
lw_str catalog_id(const struct wallet_json_at *at);

/** Read text of 1 to `max` bytes for people to read: no control characters. */
lw_str catalog_text(const struct wallet_json_at *at, size_t max);

/** Read { "zh", "en" }; both are required. */
struct wallet_name catalog_name(const struct wallet_json_at *at);

/** Read an array of `min` to WALLET_LIST_MAX ids, each once; returns how many. */
size_t catalog_ids(const struct wallet_json_at *at, size_t min, lw_str ids[WALLET_LIST_MAX]);

/** End a reading: tells how many faults were kept, and fails when there was one. */
LW_MUST_USE lw_err catalog_verdict(const struct wallet_json_faults *faults, size_t *error_count);

#endif
