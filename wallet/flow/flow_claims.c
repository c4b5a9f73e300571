/* A license outlives the version of its type that it was issued under. */
#include "flow_common.h"
#include "wallet/license_type.h"
#include "wallet/store_catalog.h"

lw_err flow_type_version(struct wallet_home *home, const struct wallet_license *license,
                         struct wallet_type_doc **doc)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_doc stored;
    struct wallet_doc_error faults[1];
    size_t fault_count = 1;
    LW_TRY(wallet_read_begin(home->store, &txn));
    LW_TRY(wallet_store_doc_get(txn, WALLET_DOC_LICENSE_TYPE, license->type, license->type_version,
                                &stored));
    return wallet_license_type_read(stored.json, doc, faults, &fault_count);
}

/* A claim's key stands for its meaning and is never used again for another (SHAPES). */
lw_err flow_claims_keep(const struct wallet_license_type *then,
                        const struct wallet_license_type *type, struct wallet_license *license)
{
    size_t kept = 0;
    for (size_t i = 0; i < license->claim_count; i++) {
        const size_t def = license->claims[i].def;
        if (def >= then->claim_count) {
            return LW_FAIL(LW_E_CORRUPT, "license: a claim that its type does not have",
                           LW_NOWHERE);
        }
        const size_t now = wallet_license_type_claim_by_key(type, then->claims[def].cwt_key);
        if (now != SIZE_MAX && type->claims[now].kind == then->claims[def].kind) {
            license->claims[kept] = license->claims[i];
            license->claims[kept++].def = now;
        }
    }
    license->claim_count = kept;
    return LW_SUCCESS;
}

lw_err wallet_flow_claims_now(struct wallet_home *home, const struct wallet_license_type *type,
                              struct wallet_license *license)
{
    struct wallet_type_doc *doc = NULL;
    if (license->type_version == type->version) {
        return LW_SUCCESS;
    }
    LW_TRY(flow_type_version(home, license, &doc));
    const lw_err err = flow_claims_keep(wallet_license_type_of(doc), type, license);
    wallet_license_type_free(doc);
    return err;
}
