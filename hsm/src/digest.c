#include "hsm/digest.h"

#include <openssl/crypto.h>

#include "context.h"

static lw_err failed(void)
{
    return LW_FAIL(LW_E_CRYPTO, "digest: the library failed", LW_NOWHERE);
}

lw_err hsm_hash_parts(enum hsm_hash hash, const lw_bytes *parts, size_t count, uint8_t *digest)
{
    struct hsm_context *ctx = NULL;
    LW_TRY(hsm_context(&ctx));
    EVP_MD_CTX *md = ctx->digest[hash];
    if (EVP_DigestInit_ex2(md, ctx->md[hash], NULL) != 1) {
        return failed();
    }
    for (size_t i = 0; i < count; i++) {
        if (EVP_DigestUpdate(md, parts[i].ptr, parts[i].len) != 1) {
            return failed();
        }
    }
    return EVP_DigestFinal_ex(md, digest, NULL) == 1 ? LW_SUCCESS : failed();
}

lw_err hsm_sha256_parts(const lw_bytes *parts, size_t count, uint8_t digest[HSM_SHA256_LEN])
{
    return hsm_hash_parts(HSM_HASH_SHA256, parts, count, digest);
}

lw_err hsm_sha256(lw_bytes in, uint8_t digest[HSM_SHA256_LEN])
{
    return hsm_hash_parts(HSM_HASH_SHA256, &in, 1, digest);
}

lw_err hsm_sha384(lw_bytes in, uint8_t digest[HSM_SHA384_LEN])
{
    return hsm_hash_parts(HSM_HASH_SHA384, &in, 1, digest);
}

lw_err hsm_hmac_sha256(lw_bytes key, const lw_bytes *parts, size_t count,
                       uint8_t mac[HSM_SHA256_LEN])
{
    static const uint8_t empty_key[1] = {0}; /* a null key would mean the one before */
    struct hsm_context *ctx = NULL;
    LW_TRY(hsm_context(&ctx));
    if (EVP_MAC_init(ctx->hmac, key.len == 0 ? empty_key : key.ptr, key.len, NULL) != 1) {
        return failed();
    }
    for (size_t i = 0; i < count; i++) {
        if (EVP_MAC_update(ctx->hmac, parts[i].ptr, parts[i].len) != 1) {
            return failed();
        }
    }
    size_t len = 0;
    return EVP_MAC_final(ctx->hmac, mac, &len, HSM_SHA256_LEN) == 1 ? LW_SUCCESS : failed();
}

/* RFC 5869 section 2.3: T(i) = HMAC(PRK, T(i-1) | info | i), cut to `len`. */
static lw_err expand(const uint8_t prk[HSM_SHA256_LEN], lw_bytes info, uint8_t *out, size_t len)
{
    uint8_t block[HSM_SHA256_LEN];
    lw_err err = LW_SUCCESS;
    size_t done = 0;
    for (uint8_t i = 1; done < len && err.code == LW_OK; i++) {
        const lw_bytes parts[] = {
            {.ptr = block, .len = i == 1 ? 0 : sizeof(block)}, info, {.ptr = &i, .len = 1}};
        err = hsm_hmac_sha256((lw_bytes){.ptr = prk, .len = HSM_SHA256_LEN}, parts, 3, block);
        const size_t part = len - done < sizeof(block) ? len - done : sizeof(block);
        memcpy(out + done, block, part);
        done += part;
    }
    OPENSSL_cleanse(block, sizeof(block));
    return err;
}

lw_err hsm_derive(lw_bytes key, lw_bytes info, uint8_t *out, size_t len)
{
    static const uint8_t no_salt[HSM_SHA256_LEN] = {0}; /* RFC 5869 section 2.2 */
    if (len > 255 * (size_t)HSM_SHA256_LEN) {
        return LW_FAIL(LW_E_MISUSE, "digest: more bytes than HKDF can derive", LW_NOWHERE);
    }
    uint8_t prk[HSM_SHA256_LEN];
    lw_err err = hsm_hmac_sha256(LW_BYTES(no_salt), &key, 1, prk);
    if (err.code == LW_OK) {
        err = expand(prk, info, out, len);
    }
    OPENSSL_cleanse(prk, sizeof(prk));
    return err;
}

bool hsm_equal(lw_bytes a, lw_bytes b)
{
    return a.len == b.len && (a.len == 0 || CRYPTO_memcmp(a.ptr, b.ptr, a.len) == 0);
}
