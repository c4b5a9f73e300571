#include <stdio.h>

#include "wallet/license_type.h"

static bool same_meaning(const struct wallet_claim_def *a, const struct wallet_claim_def *b)
{
    if (a->depth != b->depth || a->kind != b->kind) {
        return false;
    }
    for (size_t i = 0; i < a->depth; i++) {
        if (!lw_str_eq(a->path[i], b->path[i])) {
            return false;
        }
    }
    return true;
}

bool wallet_license_type_clashes(const struct wallet_license_type *type,
                                 const struct wallet_license_type *other,
                                 struct wallet_doc_error *error)
{
    const bool same = lw_str_eq(type->id, other->id);
    if (same != lw_str_eq(type->vct, other->vct)) {
        *error = (struct wallet_doc_error){.pointer = "/vct",
                                           .what = same ? "is not that of the type's other version"
                                                        : "is another type's"};
        return true;
    }
    for (size_t i = 0; i < type->claim_count; i++) {
        const size_t k = wallet_license_type_claim_by_key(other, type->claims[i].cwt_key);
        if (k != SIZE_MAX && !same_meaning(&type->claims[i], &other->claims[k])) {
            error->what = "has another meaning in another type or version";
            (void)snprintf(error->pointer, sizeof(error->pointer), "/claims/%zu/cwt_key", i);
            return true;
        }
    }
    return false;
}
