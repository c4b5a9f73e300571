#include "hsm/sign.h"

#include "algorithm.h"

const char *hsm_purpose_name(enum hsm_purpose purpose)
{
    switch (purpose) {
    case HSM_PURPOSE_NONE:
        return "none";
    case HSM_PURPOSE_CA:
        return "ca";
    case HSM_PURPOSE_CREDENTIAL:
        return "ds-vc";
    case HSM_PURPOSE_MDOC:
        return "ds-mdoc";
    case HSM_PURPOSE_STATUS:
        return "status";
    case HSM_PURPOSE_ACCESS:
        return "access";
    case HSM_PURPOSE_ID_TOKEN:
        return "id";
    case HSM_PURPOSE_ID_TOKEN_RSA:
        return "id-rsa";
    case HSM_PURPOSE_LOG:
        return "log";
    case HSM_PURPOSE_TRUST_LIST:
        return "tl";
    case HSM_PURPOSE_SEAL:
        return "seal";
    case HSM_PURPOSE_CUSTODY:
        return "custody";
    case HSM_PURPOSE_HOLDER:
        return "holder";
    }
    return "unknown";
}

enum hsm_alg hsm_purpose_alg(enum hsm_purpose purpose)
{
    return purpose == HSM_PURPOSE_ID_TOKEN_RSA ? HSM_RS256 : HSM_ES256;
}

static bool signs_nothing(enum hsm_purpose purpose)
{
    return purpose == HSM_PURPOSE_NONE || purpose == HSM_PURPOSE_SEAL ||
           purpose == HSM_PURPOSE_CUSTODY;
}

static lw_err check_allowed(const struct hsm_signer *signer, enum hsm_purpose purpose, int64_t now)
{
    if (purpose != signer->purpose || signs_nothing(purpose)) {
        return LW_FAIL(LW_E_DENIED, "sign: the key is for another purpose", LW_NOWHERE);
    }
    if ((signer->key.alg == HSM_RS256) != (purpose == HSM_PURPOSE_ID_TOKEN_RSA)) {
        return LW_FAIL(LW_E_DENIED, "sign: RSA signs ID tokens only", LW_NOWHERE);
    }
    if (now < signer->not_before || now >= signer->not_after) {
        return LW_FAIL(LW_E_EXPIRED, "sign: outside the signer's time", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

lw_err hsm_sign_begin(const struct hsm_signer *signer, enum hsm_purpose purpose, int64_t now,
                      const lw_bytes *parts, size_t count, struct hsm_digest *digest)
{
    _Static_assert(sizeof(digest->bytes) >= HSM_HASH_MAX, "room for every hash");
    LW_TRY(check_allowed(signer, purpose, now));
    const struct hsm_algorithm *row = hsm_algorithm(signer->key.alg);
    if (row == NULL) {
        return LW_FAIL(LW_E_UNSUPPORTED, "sign: no such algorithm", LW_NOWHERE);
    }
    if (hsm_sig_len(&signer->key) > HSM_SIG_MAX) {
        return LW_FAIL(LW_E_UNSUPPORTED, "sign: signatures longer than are made here", LW_NOWHERE);
    }
    digest->len = row->hash_len;
    return hsm_hash_parts(row->hash, parts, count, digest->bytes);
}

/* A fault in the token must not leave the house: it can betray the key. */
lw_err hsm_sign_end(const struct hsm_signer *signer, const struct hsm_digest *digest, lw_bytes sig)
{
    const lw_err err =
        hsm_verify_digest(&signer->key, (lw_bytes){.ptr = digest->bytes, .len = digest->len}, sig);
    return err.code != LW_E_SIGNATURE
               ? err
               : LW_FAIL(LW_E_TOKEN, "sign: the signature made does not hold", LW_NOWHERE);
}

lw_err hsm_sign_parts(const struct hsm_signer *signer, enum hsm_purpose purpose, int64_t now,
                      const lw_bytes *parts, size_t count, uint8_t sig[HSM_SIG_MAX])
{
    struct hsm_digest digest;
    LW_TRY(hsm_sign_begin(signer, purpose, now, parts, count, &digest));
    LW_TRY(
        signer->sign_digest(signer->ctx, (lw_bytes){.ptr = digest.bytes, .len = digest.len}, sig));
    return hsm_sign_end(signer, &digest, (lw_bytes){.ptr = sig, .len = hsm_sig_len(&signer->key)});
}

lw_err hsm_sign(const struct hsm_signer *signer, enum hsm_purpose purpose, int64_t now,
                lw_bytes message, uint8_t sig[HSM_SIG_MAX])
{
    return hsm_sign_parts(signer, purpose, now, &message, 1, sig);
}
