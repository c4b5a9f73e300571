#include "rsa.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

#include "auto.h"

enum { EXPONENT = 65537, TOP_BIT = 0x80 };

const uint8_t hsm_rsa_exponent[3] = {0x01, 0x00, 0x01};

HSM_AUTO_FREE(bn, BIGNUM, BN_free)
HSM_AUTO_FREE(pkey, EVP_PKEY, EVP_PKEY_free)
HSM_AUTO_FREE(pkey_ctx, EVP_PKEY_CTX, EVP_PKEY_CTX_free)
HSM_AUTO_FREE(params, OSSL_PARAM, OSSL_PARAM_free)
HSM_AUTO_FREE(builder, OSSL_PARAM_BLD, OSSL_PARAM_BLD_free)

static lw_err failed(void)
{
    ERR_clear_error();
    return LW_FAIL(LW_E_CRYPTO, "rsa: the library failed", LW_NOWHERE);
}

lw_err hsm_public_key_from_rsa(struct hsm_public_key *key, lw_bytes n, lw_bytes e)
{
    if (!lw_bytes_eq(e, LW_BYTES(hsm_rsa_exponent))) {
        return LW_FAIL(LW_E_UNSUPPORTED, "public key: an exponent other than 65537", LW_NOWHERE);
    }
    if (n.len < HSM_RSA_LEN || n.len > HSM_RSA_LEN_MAX) {
        return LW_FAIL(LW_E_UNSUPPORTED, "public key: a modulus of another size", LW_NOWHERE);
    }
    if (n.ptr[0] == 0 || (n.ptr[n.len - 1] & 1) == 0) {
        return LW_FAIL(LW_E_VALUE, "public key: no modulus", LW_NOWHERE);
    }
    if (n.len == HSM_RSA_LEN && (n.ptr[0] & TOP_BIT) == 0) {
        return LW_FAIL(LW_E_UNSUPPORTED, "public key: a modulus under 2048 bits", LW_NOWHERE);
    }
    *key = (struct hsm_public_key){.alg = HSM_RS256, .point_len = (uint16_t)n.len};
    memcpy(key->point, n.ptr, n.len);
    return LW_SUCCESS;
}

static EVP_PKEY *pkey_of(const struct hsm_public_key *key)
{
    HSM_AUTO(builder) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    HSM_AUTO(bn) BIGNUM *n = BN_bin2bn(key->point, key->point_len, NULL);
    HSM_AUTO(pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
    EVP_PKEY *made = NULL;
    if (builder == NULL || n == NULL || ctx == NULL ||
        OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, n) != 1 ||
        OSSL_PARAM_BLD_push_ulong(builder, OSSL_PKEY_PARAM_RSA_E, EXPONENT) != 1) {
        return NULL;
    }
    HSM_AUTO(params) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    if (params == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &made, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        return NULL;
    }
    return made;
}

lw_err hsm_rsa_verify(const struct hsm_public_key *key, lw_bytes digest, lw_bytes sig)
{
    HSM_AUTO(pkey) EVP_PKEY *pkey = pkey_of(key);
    HSM_AUTO(pkey_ctx)
    EVP_PKEY_CTX *ctx = pkey == NULL ? NULL : EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    if (ctx == NULL || EVP_PKEY_verify_init(ctx) != 1 ||
        EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1 ||
        EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) != 1) {
        return failed();
    }
    /* OpenSSL encodes what should be signed and compares the whole of it. */
    const int held = EVP_PKEY_verify(ctx, sig.ptr, sig.len, digest.ptr, digest.len);
    ERR_clear_error();
    return held == 1 ? LW_SUCCESS
                     : LW_FAIL(LW_E_SIGNATURE, "signature: not by this key", LW_NOWHERE);
}
