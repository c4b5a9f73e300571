/* The yardstick must not change when p256.c becomes faster, so it stands alone, on EC_KEY. */
#define OPENSSL_SUPPRESS_DEPRECATED

#include "hsm/bench.h"

#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/obj_mac.h>
#include <stdlib.h>

enum { SIGNATURES = 64, DIGEST_LEN = 32 };

struct hsm_bench {
    EC_KEY *key;
    uint8_t digest[SIGNATURES][DIGEST_LEN];
    ECDSA_SIG *sig[SIGNATURES];
};

static lw_err failed(void)
{
    ERR_clear_error();
    return LW_FAIL(LW_E_CRYPTO, "bench: the library failed", LW_NOWHERE);
}

static lw_err make(struct hsm_bench *bench)
{
    bench->key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    if (bench->key == NULL || EC_KEY_generate_key(bench->key) != 1) {
        return failed();
    }
    for (size_t i = 0; i < SIGNATURES; i++) {
        memset(bench->digest[i], (int)(i + 1), DIGEST_LEN);
        bench->sig[i] = ECDSA_do_sign(bench->digest[i], DIGEST_LEN, bench->key);
        if (bench->sig[i] == NULL) {
            return failed();
        }
    }
    return hsm_bench_verify(bench, SIGNATURES);
}

lw_err hsm_bench_new(struct hsm_bench **bench)
{
    struct hsm_bench *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return LW_FAIL(LW_E_NOMEM, "bench: out of memory", LW_NOWHERE);
    }
    const lw_err err = make(made);
    if (err.code != LW_OK) {
        hsm_bench_free(made);
        return err;
    }
    *bench = made;
    return LW_SUCCESS;
}

void hsm_bench_free(struct hsm_bench *bench)
{
    if (bench != NULL) {
        for (size_t i = 0; i < SIGNATURES; i++) {
            ECDSA_SIG_free(bench->sig[i]);
        }
        EC_KEY_free(bench->key);
        free(bench);
    }
}

lw_err hsm_bench_verify(struct hsm_bench *bench, unsigned count)
{
    for (unsigned n = 0; n < count; n++) {
        const size_t i = n % SIGNATURES;
        if (ECDSA_do_verify(bench->digest[i], DIGEST_LEN, bench->sig[i], bench->key) != 1) {
            return failed();
        }
    }
    return LW_SUCCESS;
}
