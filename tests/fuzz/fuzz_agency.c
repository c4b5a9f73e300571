/* An agency that reads has a credit code that holds; one that does not says why. */
#include <stdlib.h>

#include "wallet/license_type.h"
#include "wallet/numbering.h"

enum { ERRORS = 4 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wallet_agency_doc *doc = NULL;
    struct wallet_doc_error errors[ERRORS];
    size_t count = ERRORS;
    const lw_err err =
        wallet_agency_read((lw_bytes){.ptr = data, .len = size}, &doc, errors, &count);
    if ((err.code == LW_OK) != (doc != NULL) || (err.code == LW_E_VALUE) != (count > 0)) {
        abort();
    }
    if (doc != NULL && wallet_credit_code_check(wallet_agency_of(doc)->credit_code).code != LW_OK) {
        abort();
    }
    wallet_agency_free(doc);
    return 0;
}
