/* Shares of a recovery key as text, and their opening by custodians. */
#define _DEFAULT_SOURCE /* explicit_bzero */

#include <string.h>

#include "recovery_internal.h"
#include "wallet/base64.h"

static const char prefix[] = "LWS1:";
enum {
    PREFIX_LEN = sizeof(prefix) - 1,
    KIND_SEALED = 1,
    KIND_OPENED = 2,
    HEAD_LEN = 1 + WALLET_SHARE_ID_LEN + 1, /* kind, id, index */
    AAD_MAX = 64,
};

static lw_err bad_share(lw_code code)
{
    return LW_FAIL(code, "share: it is not of its form", LW_NOWHERE);
}

static lw_err parse(lw_bytes in, struct wallet_share *share)
{
    if (in.len < HEAD_LEN || (in.ptr[0] != KIND_SEALED && in.ptr[0] != KIND_OPENED)) {
        return bad_share(LW_E_VALUE);
    }
    share->opened = in.ptr[0] == KIND_OPENED;
    share->index = in.ptr[HEAD_LEN - 1];
    share->len = in.len - HEAD_LEN;
    const size_t want =
        share->opened ? (size_t)HSM_SHAMIR_LEN : (size_t)HSM_SHAMIR_LEN + HSM_ENVELOPE_OVERHEAD;
    if (share->index == 0 || share->index > WALLET_CUSTODIANS_MAX || share->len != want) {
        return bad_share(LW_E_VALUE);
    }
    memcpy(share->id, in.ptr + 1, sizeof(share->id));
    memcpy(share->bytes, in.ptr + HEAD_LEN, share->len);
    return LW_SUCCESS;
}

static bool is_space(char c)
{
    return c == '\n' || c == '\r' || c == ' ' || c == '\t';
}

lw_err wallet_share_read(lw_str text, struct wallet_share *share)
{
    LW_AUTO_BUF bytes = LW_BUF(WALLET_SHARE_TEXT_MAX);
    while (text.len > 0 && is_space(text.ptr[text.len - 1])) {
        text.len--;
    }
    if (text.len <= PREFIX_LEN || text.len > WALLET_SHARE_TEXT_MAX ||
        memcmp(text.ptr, prefix, PREFIX_LEN) != 0) {
        return bad_share(LW_E_SYNTAX);
    }
    const lw_str body = {.ptr = text.ptr + PREFIX_LEN, .len = text.len - PREFIX_LEN};
    if (wallet_base64url_decode(body, &bytes).code != LW_OK) {
        return bad_share(LW_E_SYNTAX);
    }
    return parse(lw_buf_view(&bytes), share);
}

lw_err wallet_share_write(const struct wallet_share *share, lw_buf *text)
{
    LW_AUTO_BUF bytes = LW_BUF(WALLET_SHARE_TEXT_MAX);
    LW_TRY(lw_buf_put_byte(&bytes, share->opened ? KIND_OPENED : KIND_SEALED));
    LW_TRY(lw_buf_put(&bytes, LW_BYTES(share->id)));
    LW_TRY(lw_buf_put_byte(&bytes, share->index));
    LW_TRY(lw_buf_put(&bytes, (lw_bytes){.ptr = share->bytes, .len = share->len}));
    LW_TRY(lw_buf_put_c(text, prefix));
    LW_TRY(wallet_base64url_encode(lw_buf_view(&bytes), text));
    return lw_buf_put_byte(text, '\n');
}

/* What a share is of: bound to it when it is sealed, so that none passes for another. */
static lw_err put_name(const uint8_t id[WALLET_SHARE_ID_LEN], uint8_t index, lw_buf *aad)
{
    LW_TRY(lw_buf_put_c(aad, "license-wallet share 1"));
    LW_TRY(lw_buf_put(aad, (lw_bytes){.ptr = id, .len = WALLET_SHARE_ID_LEN}));
    return lw_buf_put_byte(aad, index);
}

lw_err recovery_share_seal(const struct hsm_public_key *to, const uint8_t id[WALLET_SHARE_ID_LEN],
                           const struct hsm_shamir_share *share, const struct lw_rng *rng,
                           lw_buf *out)
{
    LW_AUTO_BUF aad = LW_BUF(AAD_MAX);
    LW_TRY(put_name(id, share->index, &aad));
    return hsm_envelope_seal(to, lw_buf_view(&aad), LW_BYTES(share->value), rng, out);
}

lw_err wallet_share_open(const struct wallet_share *sealed, const struct hsm_soft_key *key,
                         struct wallet_share *opened)
{
    LW_AUTO_BUF aad = LW_BUF(AAD_MAX);
    LW_AUTO_BUF plain = LW_BUF(HSM_SHAMIR_LEN);
    if (sealed->opened) {
        return LW_FAIL(LW_E_CONFLICT, "share: it is open already", LW_NOWHERE);
    }
    LW_TRY(put_name(sealed->id, sealed->index, &aad));
    if (hsm_envelope_open(key, lw_buf_view(&aad),
                          (lw_bytes){.ptr = sealed->bytes, .len = sealed->len}, &plain)
            .code != LW_OK) {
        return LW_FAIL(LW_E_SIGNATURE, "share: it was altered, or is another custodian's",
                       LW_NOWHERE);
    }
    *opened = (struct wallet_share){.opened = true, .index = sealed->index, .len = plain.len};
    memcpy(opened->id, sealed->id, sizeof(opened->id));
    memcpy(opened->bytes, plain.ptr, plain.len);
    return LW_SUCCESS;
}

lw_err wallet_recovery_share(const struct wallet_recovery *recovery, size_t i,
                             struct wallet_share *share)
{
    const struct wallet_custodian *c = &recovery->custodians[i];
    *share = (struct wallet_share){.index = (uint8_t)(i + 1), .len = c->sealed.len};
    LW_TRY(recovery_id(&recovery->key, share->id));
    memcpy(share->bytes, c->sealed.ptr, c->sealed.len);
    return LW_SUCCESS;
}

lw_err recovery_id(const struct hsm_public_key *key, uint8_t id[WALLET_SHARE_ID_LEN])
{
    uint8_t hash[HSM_SHA256_LEN];
    LW_TRY(hsm_sha256((lw_bytes){.ptr = key->point, .len = key->point_len}, hash));
    memcpy(id, hash, WALLET_SHARE_ID_LEN);
    return LW_SUCCESS;
}

/* The share is as random as a key, so its hash tells nothing of it. */
lw_err recovery_commit(const struct hsm_public_key *key, const struct hsm_shamir_share *share,
                       uint8_t commitment[HSM_SHA256_LEN])
{
    static const char domain[] = "license-wallet share commitment 1";
    const lw_bytes parts[] = {
        {.ptr = (const uint8_t *)domain, .len = sizeof(domain)},
        {.ptr = key->point, .len = key->point_len},
        {.ptr = &share->index, .len = 1},
        LW_BYTES(share->value),
    };
    return hsm_sha256_parts(parts, sizeof(parts) / sizeof(parts[0]), commitment);
}
