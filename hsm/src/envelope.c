#include "hsm/envelope.h"

#include <openssl/crypto.h>

#include "hsm/digest.h"

enum { INFO_MAX = 256 };

static lw_err does_not_open(void)
{
    return LW_FAIL(LW_E_SIGNATURE, "envelope: does not open", LW_NOWHERE);
}

/* Both points go in, so that a key agreed on is good for this pair alone. */
static lw_err derive(const struct hsm_soft_key *ours, const struct hsm_public_key *theirs,
                     const struct hsm_public_key *ephemeral, const struct hsm_public_key *to,
                     uint8_t key[HSM_SEAL_KEY_LEN])
{
    uint8_t shared[HSM_P256_LEN];
    LW_AUTO_BUF info = LW_BUF(INFO_MAX);
    LW_TRY(lw_buf_put_c(&info, "license-wallet envelope 1"));
    LW_TRY(lw_buf_put(&info, (lw_bytes){.ptr = ephemeral->point, .len = ephemeral->point_len}));
    LW_TRY(lw_buf_put(&info, (lw_bytes){.ptr = to->point, .len = to->point_len}));
    lw_err err = hsm_soft_key_agree(ours, theirs, shared);
    if (err.code == LW_OK) {
        err = hsm_derive(LW_BYTES(shared), lw_buf_view(&info), key, HSM_SEAL_KEY_LEN);
    }
    OPENSSL_cleanse(shared, sizeof(shared));
    return err;
}

lw_err hsm_envelope_seal(const struct hsm_public_key *to, lw_bytes aad, lw_bytes plain,
                         const struct lw_rng *rng, lw_buf *out)
{
    HSM_AUTO_SOFT_KEY ephemeral = NULL;
    uint8_t key[HSM_SEAL_KEY_LEN];
    const size_t before = out->len;
    if (to->alg != HSM_ES256) {
        return LW_FAIL(LW_E_UNSUPPORTED, "envelope: not a key of P-256", LW_NOWHERE);
    }
    LW_TRY(hsm_soft_key_generate(&ephemeral));
    const struct hsm_public_key *point = hsm_soft_key_public(ephemeral);
    LW_TRY(lw_buf_put(out, (lw_bytes){.ptr = point->point, .len = point->point_len}));
    lw_err err = derive(ephemeral, to, point, to, key);
    err = err.code == LW_OK ? hsm_seal(key, aad, plain, rng, out) : err;
    OPENSSL_cleanse(key, sizeof(key));
    if (err.code != LW_OK) {
        lw_buf_truncate(out, before);
    }
    return err;
}

lw_err hsm_envelope_open(const struct hsm_soft_key *key, lw_bytes aad, lw_bytes sealed, lw_buf *out)
{
    struct hsm_public_key ephemeral;
    uint8_t agreed[HSM_SEAL_KEY_LEN];
    if (sealed.len < HSM_ENVELOPE_OVERHEAD) {
        return does_not_open();
    }
    const lw_bytes point = {.ptr = sealed.ptr, .len = HSM_ENVELOPE_POINT_LEN};
    if (hsm_public_key_from_point(&ephemeral, HSM_ES256, point).code != LW_OK) {
        return does_not_open();
    }
    lw_err err = derive(key, &ephemeral, &ephemeral, hsm_soft_key_public(key), agreed);
    if (err.code == LW_OK) {
        err = hsm_open(agreed, aad,
                       (lw_bytes){.ptr = sealed.ptr + HSM_ENVELOPE_POINT_LEN,
                                  .len = sealed.len - HSM_ENVELOPE_POINT_LEN},
                       out);
    }
    OPENSSL_cleanse(agreed, sizeof(agreed));
    return err.code == LW_E_SIGNATURE ? does_not_open() : err;
}
