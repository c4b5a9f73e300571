#include "algorithm.h"

#include <openssl/obj_mac.h>

/*
 * RFC 7518 sections 3.3 and 3.4, RFC 9053 section 2.1: one hash for each curve. RSA signs ID tokens
 * and nothing else: no certificate has such a key or signature.
 */
static const struct hsm_algorithm table[] = {
    {.alg = HSM_ES256,
     .hash = HSM_HASH_SHA256,
     .hash_len = 32,
     .coordinate_len = 32,
     .curve_nid = NID_X9_62_prime256v1,
     .signature_nid = NID_ecdsa_with_SHA256,
     .curve = "P-256",
     .hash_name = "SHA256"},
    {.alg = HSM_ES384,
     .hash = HSM_HASH_SHA384,
     .hash_len = 48,
     .coordinate_len = 48,
     .curve_nid = NID_secp384r1,
     .signature_nid = NID_ecdsa_with_SHA384,
     .curve = "P-384",
     .hash_name = "SHA384"},
    {.alg = HSM_RS256, .hash = HSM_HASH_SHA256, .hash_len = 32, .hash_name = "SHA256"},
};

enum { ROWS = sizeof(table) / sizeof(table[0]) };

const struct hsm_algorithm *hsm_algorithm(enum hsm_alg alg)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (table[i].alg == alg) {
            return &table[i];
        }
    }
    return NULL;
}

const struct hsm_algorithm *hsm_algorithm_by_signature(int nid)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (nid != NID_undef && table[i].signature_nid == nid) {
            return &table[i];
        }
    }
    return NULL;
}

const struct hsm_algorithm *hsm_algorithm_by_curve(int nid)
{
    for (size_t i = 0; i < ROWS; i++) {
        if (nid != NID_undef && table[i].curve_nid == nid) {
            return &table[i];
        }
    }
    return NULL;
}
