/* Load agencies and license types; make the signing keys of an agency that has none. */
#ifndef WALLET_FLOW_CATALOG_H
#define WALLET_FLOW_CATALOG_H

#include "wallet/home.h"

/* One document of a folder: what was found wrong, or what became of it. */
struct wallet_catalog_result {
    const char *path;
    const char *kind; /* "agency", "license type", "service item" */
    lw_str id;
    unsigned version;
    bool changed; /* false: the same document was there already */
    struct wallet_doc_error errors[32];
    size_t error_count; /* 0 when the document holds */
};
typedef void wallet_catalog_report(void *ctx, const struct wallet_catalog_result *result);

/**
 * Check every document under `dir` (agencies/, license-types/, service-items/) with each other.
 *
 * errors  LW_E_VALUE  at least one document does not hold: `report` said which; LW_E_IO
 */
LW_MUST_USE lw_err wallet_flow_catalog_check(const char *dir, wallet_catalog_report *report,
                                             void *ctx);

/**
 * Check, then load all of them in one transaction, make `ds-vc` and `status` keys and
 * certificates for agencies that have none, open their status lists, and publish a new trust list.
 * Nothing is loaded when one document does not hold.
 *
 * home    opened with WALLET_HOME_SIGN
 */
LW_MUST_USE lw_err wallet_flow_catalog_load(struct wallet_home *home, const char *dir,
                                            wallet_catalog_report *report, void *ctx);

#endif
