/* A type that reads holds what its struct promises: indexes in range, every claim to be found. */
#include "wallet/license_type.h"

#include <stdlib.h>

enum { ERRORS = 4, DOTTED_MAX = 512 };

static void must(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void found_by_its_path(const struct wallet_license_type *type, size_t i)
{
    LW_AUTO_BUF dotted = LW_BUF(DOTTED_MAX);
    for (size_t k = 0; k < type->claims[i].depth; k++) {
        must(k == 0 || lw_buf_put_byte(&dotted, '.').code == LW_OK);
        must(lw_buf_put_str(&dotted, type->claims[i].path[k]).code == LW_OK);
    }
    must(wallet_license_type_claim(type, lw_buf_text(&dotted)) == i);
    must(wallet_license_type_claim_by_key(type, type->claims[i].cwt_key) == i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct wallet_type_doc *doc = NULL;
    struct wallet_doc_error errors[ERRORS];
    size_t count = ERRORS;
    const lw_err err =
        wallet_license_type_read((lw_bytes){.ptr = data, .len = size}, &doc, errors, &count);
    must((err.code == LW_OK) == (doc != NULL) && count <= ERRORS);
    must(err.code != LW_E_VALUE || count > 0);
    for (size_t i = 0; i < count; i++) {
        must(strlen(errors[i].pointer) < sizeof(errors[i].pointer) && errors[i].what != NULL);
    }
    if (doc == NULL) {
        return 0;
    }
    const struct wallet_license_type *type = wallet_license_type_of(doc);
    must(type->claim_count >= 1 && type->claim_count <= WALLET_CLAIMS_MAX);
    must(type->validity_claim == SIZE_MAX || type->validity_claim < type->claim_count);
    for (size_t i = 0; i < type->claim_count; i++) {
        found_by_its_path(type, i);
    }
    for (size_t i = 0; i < type->pass_count; i++) {
        must(wallet_license_type_pass(type, type->passes[i].id) == &type->passes[i]);
        for (size_t k = 0; k < type->passes[i].claim_count; k++) {
            must(type->passes[i].claims[k] < type->claim_count);
        }
    }
    wallet_license_type_free(doc);
    return 0;
}
