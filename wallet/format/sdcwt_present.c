#include "sdcwt_internal.h"

lw_err format_sdcwt_put_unprotected(lw_bytes disclosures, size_t count, lw_buf *out)
{
    LW_TRY(wallet_cbor_put_map(out, count > 0 ? 1 : 0));
    if (count == 0) {
        return LW_SUCCESS;
    }
    LW_TRY(wallet_cbor_put_int(out, WALLET_COSE_SD_CLAIMS));
    LW_TRY(wallet_cbor_put_array(out, count));
    return lw_buf_put(out, disclosures);
}

/* Whether the disclosure whose contents these are is of the claim `key`. */
static bool discloses(lw_bytes contents, int64_t key)
{
    struct wallet_cbor r = wallet_cbor_reader(contents);
    if (wallet_cbor_array(&r) != 3) {
        return false;
    }
    (void)wallet_cbor_bytes(&r);
    (void)wallet_cbor_item(&r);
    return wallet_cbor_int(&r) == key && wallet_cbor_ok(&r);
}

/* Appends the disclosure of `key`, when it is hidden; `*count` goes up by one. */
static lw_err choose(const struct wallet_sdcwt *cwt, int64_t key, lw_buf *chosen, size_t *count)
{
    struct wallet_cbor r = wallet_cbor_reader(cwt->sd_claims);
    const size_t all = cwt->sd_claims.len > 0 ? wallet_cbor_array(&r) : 0;
    for (size_t i = 0; i < all; i++) {
        const lw_bytes contents = wallet_cbor_bytes(&r);
        if (discloses(contents, key)) {
            *count += 1;
            return wallet_cbor_put_bytes(chosen, contents);
        }
    }
    if (wallet_cbor_map_get_int(cwt->cose.payload, key).len > 0) {
        return LW_SUCCESS;
    }
    return LW_FAIL(LW_E_NOT_FOUND, "sdcwt: the credential lacks a claim to be shown", LW_NOWHERE);
}

/* Appends the SD-CWT with what `show` names, and nothing else, disclosed. */
static lw_err put_shown(const struct wallet_license_type *type, const struct wallet_sdcwt *cwt,
                        const struct wallet_show *show, lw_buf *out)
{
    LW_AUTO_BUF chosen = LW_BUF(WALLET_SDCWT_MAX);
    LW_AUTO_BUF unprotected = LW_BUF(WALLET_SDCWT_MAX);
    size_t count = 0;
    if (show->disclose_number) {
        LW_TRY(choose(cwt, WALLET_CWT_SUB, &chosen, &count));
    }
    for (size_t i = 0; i < show->disclose_count; i++) {
        LW_TRY(choose(cwt, type->claims[show->disclose[i]].cwt_key, &chosen, &count));
    }
    LW_TRY(format_sdcwt_put_unprotected(lw_buf_view(&chosen), count, &unprotected));
    const struct wallet_cose_parts parts = {.protected = cwt->cose.protected,
                                            .unprotected = lw_buf_view(&unprotected),
                                            .payload = cwt->cose.payload};
    return wallet_cose_sign1_put(&parts, cwt->cose.signature, out);
}

static lw_err put_header(const struct hsm_signer *holder, lw_bytes kcwt, lw_buf *out)
{
    LW_TRY(wallet_cbor_put_map(out, 3));
    LW_TRY(wallet_cbor_put_int(out, WALLET_COSE_ALG));
    LW_TRY(wallet_cbor_put_int(out, wallet_cose_alg_of(&holder->key)));
    LW_TRY(wallet_cbor_put_int(out, WALLET_COSE_KCWT));
    LW_TRY(wallet_cbor_put_raw(out, kcwt));
    LW_TRY(wallet_cbor_put_int(out, WALLET_COSE_TYP));
    return wallet_cbor_put_uint(out, FORMAT_TYP_KB_CWT);
}

static lw_err put_claims(const struct wallet_show *show, lw_buf *out)
{
    const bool challenged = show->nonce.len > 0;
    LW_TRY(wallet_cbor_put_map(out, challenged ? 3 : 2));
    LW_TRY(wallet_cbor_put_int(out, WALLET_CWT_AUD));
    LW_TRY(wallet_cbor_put_text(out, show->aud.len > 0 ? show->aud : LW_STR("qr:any")));
    LW_TRY(wallet_cbor_put_int(out, WALLET_CWT_IAT));
    LW_TRY(wallet_cbor_put_int(out, show->iat));
    if (!challenged) {
        return LW_SUCCESS;
    }
    LW_TRY(wallet_cbor_put_int(out, WALLET_CWT_CNONCE));
    return wallet_cbor_put_bytes(out, show->nonce);
}

/* The credential is bound to one key; a signature by another would only be refused later. */
static lw_err check_bound(const struct wallet_sdcwt *cwt, const struct hsm_signer *holder)
{
    struct hsm_public_key bound;
    LW_TRY(wallet_cose_key_read(cwt->cnf_key, &bound));
    if (!hsm_public_key_eq(&bound, &holder->key)) {
        return LW_FAIL(LW_E_DENIED, "sdcwt: the credential is bound to another key", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

lw_err wallet_sdcwt_present(const struct wallet_license_type *type, lw_bytes credential,
                            const struct wallet_show *show, lw_buf *presentation)
{
    struct wallet_sdcwt cwt;
    LW_AUTO_BUF kcwt = LW_BUF(WALLET_SDCWT_MAX);
    LW_AUTO_BUF header = LW_BUF(WALLET_SDCWT_MAX);
    LW_AUTO_BUF claims = LW_BUF(WALLET_SDCWT_MAX);
    if (show->nonce.len != 0 && show->nonce.len != WALLET_SDCWT_NONCE_LEN) {
        return LW_FAIL(LW_E_VALUE, "sdcwt: nonce is not 16 bytes", LW_NOWHERE);
    }
    LW_TRY(wallet_sdcwt_parse(credential, &cwt));
    LW_TRY(check_bound(&cwt, show->holder));
    LW_TRY(put_shown(type, &cwt, show, &kcwt));
    LW_TRY(put_header(show->holder, lw_buf_view(&kcwt), &header));
    LW_TRY(put_claims(show, &claims));
    const struct wallet_cose_parts parts = {.protected = lw_buf_view(&header),
                                            .payload = lw_buf_view(&claims)};
    return wallet_cose_sign1_sign(&parts, show->holder, HSM_PURPOSE_HOLDER, show->iat,
                                  presentation);
}
