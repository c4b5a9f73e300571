#include "hsm/key_pem.h"

#include <openssl/bio.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "auto.h"

enum { POINT_LEN = 1 + 2 * HSM_P256_LEN };

HSM_AUTO_FREE(bio, BIO, BIO_free_all)
HSM_AUTO_FREE(pkey, EVP_PKEY, EVP_PKEY_free)
HSM_AUTO_FREE(pkey_ctx, EVP_PKEY_CTX, EVP_PKEY_CTX_free)

static lw_err failed(void)
{
    ERR_clear_error();
    return LW_FAIL(LW_E_CRYPTO, "public key: the library failed", LW_NOWHERE);
}

/* The point is taken as the file has it, compressed or not, and checked as any other. */
static lw_err from_pkey(const EVP_PKEY *pkey, struct hsm_public_key *key)
{
    char group[32] = "";
    uint8_t point[HSM_POINT_MAX];
    size_t len = 0;
    if (EVP_PKEY_is_a(pkey, "EC") != 1 ||
        EVP_PKEY_get_group_name(pkey, group, sizeof(group), NULL) != 1 ||
        strcmp(group, "prime256v1") != 0) {
        ERR_clear_error();
        return LW_FAIL(LW_E_UNSUPPORTED, "public key: not a key of P-256", LW_NOWHERE);
    }
    if (EVP_PKEY_get_octet_string_param(pkey, OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point),
                                        &len) != 1) {
        return failed();
    }
    return hsm_public_key_from_point(key, HSM_ES256, (lw_bytes){.ptr = point, .len = len});
}

/* What stands around the block would be passed over, and might be another key. */
static bool begins_with_it(lw_bytes pem)
{
    return lw_str_starts(lw_bytes_str(pem), LW_STR("-----BEGIN PUBLIC KEY-----"));
}

lw_err hsm_public_key_from_pem(struct hsm_public_key *key, lw_bytes pem)
{
    if (pem.len == 0 || pem.len > HSM_KEY_PEM_MAX) {
        return LW_FAIL(LW_E_LIMIT, "public key: empty, or more than 4 KiB", LW_NOWHERE);
    }
    if (!begins_with_it(pem)) {
        return LW_FAIL(LW_E_SYNTAX, "public key: no single public key in PEM", LW_NOWHERE);
    }
    HSM_AUTO(bio) BIO *in = BIO_new_mem_buf(pem.ptr, (int)pem.len);
    if (in == NULL) {
        return failed();
    }
    HSM_AUTO(pkey) EVP_PKEY *pkey = PEM_read_bio_PUBKEY(in, NULL, NULL, NULL);
    if (pkey == NULL || BIO_pending(in) != 0) {
        ERR_clear_error();
        return LW_FAIL(LW_E_SYNTAX, "public key: no single public key in PEM", LW_NOWHERE);
    }
    return from_pkey(pkey, key);
}

static EVP_PKEY *pkey_of(const struct hsm_public_key *key)
{
    char group[] = "prime256v1";
    uint8_t point[POINT_LEN];
    EVP_PKEY *pkey = NULL;
    HSM_AUTO(pkey_ctx) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
    memcpy(point, key->point, sizeof(point));
    OSSL_PARAM params[] = {
        OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, group, 0),
        OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, sizeof(point)),
        OSSL_PARAM_construct_end()};
    if (ctx == NULL || EVP_PKEY_fromdata_init(ctx) != 1 ||
        EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1) {
        return NULL;
    }
    return pkey;
}

lw_err hsm_public_key_to_pem(const struct hsm_public_key *key, lw_buf *pem)
{
    char *text = NULL;
    if (key->alg != HSM_ES256) {
        return LW_FAIL(LW_E_UNSUPPORTED, "public key: not a key of P-256", LW_NOWHERE);
    }
    HSM_AUTO(pkey) EVP_PKEY *pkey = pkey_of(key);
    HSM_AUTO(bio) BIO *out = BIO_new(BIO_s_mem());
    if (pkey == NULL || out == NULL || PEM_write_bio_PUBKEY(out, pkey) != 1) {
        return failed();
    }
    const long len = BIO_get_mem_data(out, &text);
    return len <= 0 ? failed() : lw_buf_put(pem, (lw_bytes){(const uint8_t *)text, (size_t)len});
}
