#include "jose_alg.h"

static const struct jose_alg table[] = {
    {.alg = HSM_ES256, .name = "ES256", .curve = "P-256", .coordinate_len = 32},
    {.alg = HSM_ES384, .name = "ES384", .curve = "P-384", .coordinate_len = 48},
    {.alg = HSM_RS256, .name = "RS256", .curve = NULL, .coordinate_len = 0},
};

const struct jose_alg *jose_alg_row(size_t nth)
{
    return nth < sizeof(table) / sizeof(table[0]) ? &table[nth] : NULL;
}

const struct jose_alg *jose_alg_of(enum hsm_alg alg)
{
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (table[i].alg == alg) {
            return &table[i];
        }
    }
    return NULL;
}
