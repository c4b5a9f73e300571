#include "hsm/key_soft.h"

#include <assert.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <stdlib.h>

#include "auto.h"
#include "context.h"
#include "pem_file.h"

enum { SECRET_LEN = HSM_P256_LEN };

struct hsm_soft_key {
    EVP_PKEY *pkey;
    struct hsm_public_key key;
};

HSM_AUTO_FREE(bn, BIGNUM, BN_clear_free)
HSM_AUTO_FREE(pkey, EVP_PKEY, EVP_PKEY_free)
HSM_AUTO_FREE(pkey_ctx, EVP_PKEY_CTX, EVP_PKEY_CTX_free)
HSM_AUTO_FREE(params, OSSL_PARAM, OSSL_PARAM_free)
HSM_AUTO_FREE(builder, OSSL_PARAM_BLD, OSSL_PARAM_BLD_free)

static lw_err failed(void)
{
    ERR_clear_error();
    return LW_FAIL(LW_E_CRYPTO, "soft key: the library failed", LW_NOWHERE);
}

static OSSL_PARAM *key_params(const uint8_t *d, const struct hsm_public_key *key)
{
    HSM_AUTO(builder) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    HSM_AUTO(bn) BIGNUM *secret = BN_secure_new();
    if (builder == NULL || secret == NULL || BN_bin2bn(d, SECRET_LEN, secret) == NULL ||
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, key->point,
                                         key->point_len) != 1 ||
        OSSL_PARAM_BLD_push_BN_pad(builder, OSSL_PKEY_PARAM_PRIV_KEY, secret, SECRET_LEN) != 1) {
        return NULL;
    }
    return OSSL_PARAM_BLD_to_param(builder);
}

static EVP_PKEY *pkey_of(const uint8_t *d, const struct hsm_public_key *key)
{
    HSM_AUTO(params) OSSL_PARAM *params = key_params(d, key);
    HSM_AUTO(pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *pkey = NULL;
    if (params == NULL || ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_KEYPAIR, params) != 1) {
        return NULL;
    }
    return pkey;
}

lw_err hsm_soft_key_from_secret(const uint8_t d[32], struct hsm_soft_key **key)
{
    struct hsm_context *ctx = NULL;
    struct hsm_public_key public_key = {.alg = HSM_ES256, .point_len = 1 + 2 * SECRET_LEN};
    LW_TRY(hsm_context(&ctx));
    LW_TRY(hsm_ec_public(ctx->ec[HSM_ES256], (lw_bytes){.ptr = d, .len = SECRET_LEN},
                         public_key.point));
    struct hsm_soft_key *made = calloc(1, sizeof(*made));
    if (made == NULL) {
        return LW_FAIL(LW_E_NOMEM, "soft key: out of memory", LW_NOWHERE);
    }
    made->key = public_key;
    made->pkey = pkey_of(d, &public_key);
    if (made->pkey == NULL) {
        free(made);
        return failed();
    }
    *key = made;
    return LW_SUCCESS;
}

static lw_err secret_of(const EVP_PKEY *pkey, uint8_t d[SECRET_LEN])
{
    BIGNUM *taken = NULL;
    (void)EVP_PKEY_get_bn_param(pkey, OSSL_PKEY_PARAM_PRIV_KEY, &taken);
    HSM_AUTO(bn) BIGNUM *secret = taken;
    return secret != NULL && BN_bn2binpad(secret, d, SECRET_LEN) == SECRET_LEN ? LW_SUCCESS
                                                                               : failed();
}

/* The public half is computed anew, so that a file whose halves do not match is mended. */
static lw_err from_pkey(const EVP_PKEY *pkey, struct hsm_soft_key **key)
{
    char group[32] = "";
    uint8_t d[SECRET_LEN];
    if (EVP_PKEY_is_a(pkey, "EC") != 1 ||
        EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) != 1 ||
        strcmp(group, "prime256v1") != 0) {
        ERR_clear_error();
        return LW_FAIL(LW_E_UNSUPPORTED, "soft key: not a key of P-256", LW_NOWHERE);
    }
    lw_err err = secret_of(pkey, d);
    err = err.code == LW_OK ? hsm_soft_key_from_secret(d, key) : err;
    OPENSSL_cleanse(d, sizeof(d));
    return err;
}

lw_err hsm_soft_key_load(const char *path, struct hsm_soft_key **key)
{
    EVP_PKEY *read = NULL;
    LW_TRY(hsm_pem_read(path, &read));
    HSM_AUTO(pkey) EVP_PKEY *pkey = read;
    return from_pkey(pkey, key);
}

lw_err hsm_soft_key_generate(struct hsm_soft_key **key)
{
    HSM_AUTO(pkey) EVP_PKEY *pkey = EVP_EC_gen("P-256");
    return pkey == NULL ? failed() : from_pkey(pkey, key);
}

lw_err hsm_soft_key_create(const char *path, struct hsm_soft_key **key)
{
    struct hsm_soft_key *made = NULL;
    LW_TRY(hsm_soft_key_generate(&made));
    assert(made != NULL);
    const lw_err err = hsm_pem_create(path, made->pkey);
    if (err.code != LW_OK) {
        hsm_soft_key_free(made);
        return err;
    }
    *key = made;
    return LW_SUCCESS;
}

void hsm_soft_key_free(struct hsm_soft_key *key)
{
    if (key != NULL) {
        EVP_PKEY_free(key->pkey); /* wipes the secret */
        free(key);
    }
}

const struct hsm_public_key *hsm_soft_key_public(const struct hsm_soft_key *key)
{
    return &key->key;
}

/* A context of its own for each call: the key is shared by threads, a context cannot be. */
static lw_err sign_digest(void *ctx, lw_bytes digest, uint8_t sig[HSM_SIG_MAX])
{
    const struct hsm_soft_key *key = ctx;
    uint8_t der[HSM_SIG_MAX];
    size_t len = sizeof(der);
    size_t sig_len = 0;
    HSM_AUTO(pkey_ctx) EVP_PKEY_CTX *sign = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    if (sign == NULL || EVP_PKEY_sign_init(sign) != 1 ||
        EVP_PKEY_sign(sign, der, &len, digest.ptr, digest.len) != 1) {
        return failed();
    }
    return hsm_sig_from_der(HSM_ES256, (lw_bytes){.ptr = der, .len = len}, sig, &sig_len);
}

void hsm_soft_key_signer(struct hsm_soft_key *key, struct hsm_signer *signer)
{
    *signer = (struct hsm_signer){.purpose = HSM_PURPOSE_HOLDER,
                                  .key = key->key,
                                  .not_before = INT64_MIN,
                                  .not_after = INT64_MAX,
                                  .sign_digest = sign_digest,
                                  .ctx = key};
}

lw_err hsm_soft_key_secret(const struct hsm_soft_key *key, uint8_t secret[HSM_P256_LEN])
{
    return secret_of(key->pkey, secret);
}

static EVP_PKEY *peer_of(const struct hsm_public_key *peer)
{
    HSM_AUTO(builder) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
    HSM_AUTO(pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    EVP_PKEY *pkey = NULL;
    if (builder == NULL || ctx == NULL ||
        OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) != 1 ||
        OSSL_PARAM_BLD_push_octet_string(builder, OSSL_PKEY_PARAM_PUB_KEY, peer->point,
                                         peer->point_len) != 1) {
        return NULL;
    }
    HSM_AUTO(params) OSSL_PARAM *params = OSSL_PARAM_BLD_to_param(builder);
    if (params == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        return NULL;
    }
    return pkey;
}

lw_err hsm_soft_key_agree(const struct hsm_soft_key *key, const struct hsm_public_key *peer,
                          uint8_t shared[HSM_P256_LEN])
{
    size_t len = HSM_P256_LEN;
    if (peer->alg != HSM_ES256) {
        return LW_FAIL(LW_E_UNSUPPORTED, "soft key: not a key of P-256", LW_NOWHERE);
    }
    HSM_AUTO(pkey) EVP_PKEY *theirs = peer_of(peer);
    HSM_AUTO(pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key->pkey, NULL);
    if (theirs == NULL || ctx == NULL || EVP_PKEY_derive_init(ctx) != 1 ||
        EVP_PKEY_derive_set_peer(ctx, theirs) != 1 || EVP_PKEY_derive(ctx, shared, &len) != 1 ||
        len != HSM_P256_LEN) {
        return failed();
    }
    return LW_SUCCESS;
}
