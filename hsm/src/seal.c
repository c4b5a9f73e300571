#include "hsm/seal.h"

#include <limits.h>

#include "context.h"

static lw_err failed(void)
{
    return LW_FAIL(LW_E_CRYPTO, "seal: the library failed", LW_NOWHERE);
}

/* EVP takes lengths as int. */
static lw_err check_lengths(lw_bytes aad, lw_bytes text)
{
    if (aad.len > INT_MAX || text.len > INT_MAX - HSM_SEAL_OVERHEAD) {
        return LW_FAIL(LW_E_LIMIT, "seal: too long", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

/* Starts a run in one direction (1 seals, 0 opens) and takes in the associated data. */
static bool begin(struct hsm_context *ctx, const uint8_t *key, const uint8_t *nonce, lw_bytes aad,
                  int sealing)
{
    int len = 0;
    return EVP_CipherInit_ex2(ctx->cipher, ctx->gcm, key, nonce, sealing, NULL) == 1 &&
           (aad.len == 0 || EVP_CipherUpdate(ctx->cipher, NULL, &len, aad.ptr, (int)aad.len) == 1);
}

static bool run(struct hsm_context *ctx, lw_bytes in, uint8_t *out)
{
    int len = 0;
    return in.len == 0 || EVP_CipherUpdate(ctx->cipher, out, &len, in.ptr, (int)in.len) == 1;
}

/* The kept context must not keep the key of a record. */
static void forget(struct hsm_context *ctx)
{
    (void)EVP_CIPHER_CTX_reset(ctx->cipher);
}

static bool seal_into(struct hsm_context *ctx, const uint8_t *key, lw_bytes aad, lw_bytes plain,
                      uint8_t *out)
{
    uint8_t *text = out + HSM_SEAL_NONCE_LEN;
    uint8_t none[HSM_SEAL_TAG_LEN]; /* GCM has nothing left to write at its end */
    int len = 0;
    return begin(ctx, key, out, aad, 1) && run(ctx, plain, text) &&
           EVP_CipherFinal_ex(ctx->cipher, none, &len) == 1 &&
           EVP_CIPHER_CTX_ctrl(ctx->cipher, EVP_CTRL_AEAD_GET_TAG, HSM_SEAL_TAG_LEN,
                               text + plain.len) == 1;
}

lw_err hsm_seal(const uint8_t key[HSM_SEAL_KEY_LEN], lw_bytes aad, lw_bytes plain,
                const struct lw_rng *rng, lw_buf *out)
{
    struct hsm_context *ctx = NULL;
    uint8_t *room = NULL;
    LW_TRY(check_lengths(aad, plain));
    LW_TRY(hsm_context(&ctx));
    LW_TRY(lw_buf_reserve(out, plain.len + HSM_SEAL_OVERHEAD, &room));
    LW_TRY(lw_rng_fill(rng, room, HSM_SEAL_NONCE_LEN));
    const bool done = seal_into(ctx, key, aad, plain, room);
    forget(ctx);
    if (!done) {
        return failed();
    }
    lw_buf_commit(out, plain.len + HSM_SEAL_OVERHEAD);
    return LW_SUCCESS;
}

/* Writes plain bytes before the tag is known to hold: the caller wipes them when it does not. */
static bool open_into(struct hsm_context *ctx, const uint8_t *key, lw_bytes aad, lw_bytes sealed,
                      uint8_t *out)
{
    uint8_t tag[HSM_SEAL_TAG_LEN];
    const lw_bytes text = {.ptr = sealed.ptr + HSM_SEAL_NONCE_LEN,
                           .len = sealed.len - HSM_SEAL_OVERHEAD};
    uint8_t none[HSM_SEAL_TAG_LEN];
    int len = 0;
    memcpy(tag, text.ptr + text.len, sizeof(tag));
    return begin(ctx, key, sealed.ptr, aad, 0) && run(ctx, text, out) &&
           EVP_CIPHER_CTX_ctrl(ctx->cipher, EVP_CTRL_AEAD_SET_TAG, HSM_SEAL_TAG_LEN, tag) == 1 &&
           EVP_CipherFinal_ex(ctx->cipher, none, &len) == 1;
}

lw_err hsm_open(const uint8_t key[HSM_SEAL_KEY_LEN], lw_bytes aad, lw_bytes sealed, lw_buf *out)
{
    struct hsm_context *ctx = NULL;
    uint8_t *room = NULL;
    if (sealed.len < HSM_SEAL_OVERHEAD) {
        return LW_FAIL(LW_E_SIGNATURE, "seal: too short", LW_NOWHERE);
    }
    const size_t len = sealed.len - HSM_SEAL_OVERHEAD;
    LW_TRY(check_lengths(aad, sealed));
    LW_TRY(hsm_context(&ctx));
    LW_TRY(lw_buf_reserve(out, len, &room));
    const bool held = open_into(ctx, key, aad, sealed, room);
    forget(ctx);
    if (!held) {
        if (len > 0) {
            OPENSSL_cleanse(room, len);
        }
        return LW_FAIL(LW_E_SIGNATURE, "seal: does not open", LW_NOWHERE);
    }
    lw_buf_commit(out, len);
    return LW_SUCCESS;
}
