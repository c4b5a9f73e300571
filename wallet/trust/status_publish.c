#include "wallet/status_publish.h"

#include "status_claims.h"
#include "wallet/cose.h"
#include "wallet/json_write.h"
#include "wallet/jws.h"
#include "wallet/status_check.h"

static lw_err check_parts(const struct wallet_status_parts *parts)
{
    const char *why = NULL;
    if (!wallet_status_bits_ok(parts->bits)) {
        why = "status: bits are none of 1, 2, 4, 8";
    } else if (parts->uri.len == 0) {
        why = "status: no URI";
    } else if (parts->iat <= 0 || parts->exp <= parts->iat || parts->ttl_s <= 0) {
        why = "status: times are not in order";
    }
    return why == NULL ? LW_SUCCESS : LW_FAIL(LW_E_VALUE, why, LW_NOWHERE);
}

static lw_err put_jwt_claims(const struct wallet_status_parts *parts, lw_buf *out)
{
    struct wallet_json_writer w = wallet_json_writer(out);
    wallet_json_put_object(&w);
    wallet_json_member_int(&w, "exp", parts->exp);
    wallet_json_member_int(&w, "iat", parts->iat);
    wallet_json_put_name(&w, "status_list");
    wallet_json_put_object(&w);
    if (parts->aggregation_uri.len > 0) {
        wallet_json_member_text(&w, "aggregation_uri", parts->aggregation_uri);
    }
    wallet_json_member_int(&w, "bits", parts->bits);
    wallet_json_put_name(&w, "lst");
    wallet_json_put_base64url(&w, parts->lst);
    wallet_json_put_end(&w);
    wallet_json_member_text(&w, "sub", parts->uri);
    wallet_json_member_int(&w, "ttl", parts->ttl_s);
    wallet_json_put_end(&w);
    return wallet_json_written(&w);
}

/* Keys in bytewise order of their encodings: 2, 4, 6, 65533, 65534; "lst", "bits", ... */
static lw_err put_cwt_claims(const struct wallet_status_parts *parts, lw_buf *out)
{
    const bool aggregated = parts->aggregation_uri.len > 0;
    LW_TRY(wallet_cbor_put_map(out, 5));
    LW_TRY(wallet_cbor_put_int(out, STATUS_CWT_SUB));
    LW_TRY(wallet_cbor_put_text(out, parts->uri));
    LW_TRY(wallet_cbor_put_int(out, STATUS_CWT_EXP));
    LW_TRY(wallet_cbor_put_int(out, parts->exp));
    LW_TRY(wallet_cbor_put_int(out, STATUS_CWT_IAT));
    LW_TRY(wallet_cbor_put_int(out, parts->iat));
    LW_TRY(wallet_cbor_put_int(out, STATUS_CWT_LIST));
    LW_TRY(wallet_cbor_put_map(out, aggregated ? 3 : 2));
    LW_TRY(wallet_cbor_put_text(out, LW_STR("lst")));
    LW_TRY(wallet_cbor_put_bytes(out, parts->lst));
    LW_TRY(wallet_cbor_put_text(out, LW_STR("bits")));
    LW_TRY(wallet_cbor_put_uint(out, parts->bits));
    if (aggregated) {
        LW_TRY(wallet_cbor_put_text(out, LW_STR("aggregation_uri")));
        LW_TRY(wallet_cbor_put_text(out, parts->aggregation_uri));
    }
    LW_TRY(wallet_cbor_put_int(out, STATUS_CWT_TTL));
    return wallet_cbor_put_int(out, parts->ttl_s);
}

static lw_err put_cwt_header(const struct hsm_signer *signer, lw_buf *out)
{
    const bool certified = signer->cert.len > 0;
    LW_TRY(wallet_cbor_put_map(out, certified ? 3 : 2));
    LW_TRY(wallet_cbor_put_int(out, WALLET_COSE_ALG));
    LW_TRY(wallet_cbor_put_int(out, wallet_cose_alg_of(&signer->key)));
    LW_TRY(wallet_cbor_put_int(out, WALLET_COSE_TYP));
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(STATUS_CWT_TYP)));
    if (certified) {
        LW_TRY(wallet_cbor_put_int(out, WALLET_COSE_X5CHAIN));
        LW_TRY(wallet_cbor_put_bytes(out, signer->cert));
    }
    return LW_SUCCESS;
}

void wallet_status_draft_free(struct wallet_status_draft *draft)
{
    lw_buf_free(&draft->head);
    lw_buf_free(&draft->body);
}
#define AUTO_DRAFT __attribute__((cleanup(wallet_status_draft_free))) struct wallet_status_draft

static lw_err draft_jwt(const struct wallet_status_parts *parts, const struct hsm_signer *signer,
                        int64_t now, struct wallet_status_draft *draft)
{
    LW_AUTO_BUF claims = LW_BUF(WALLET_STATUS_TOKEN_MAX);
    const struct wallet_jws_header header = {
        .typ = STATUS_JWT_TYP, .x5c = &signer->cert, .x5c_count = signer->cert.len == 0 ? 0 : 1};
    const struct wallet_jws_signing signing = {
        .signer = signer, .purpose = HSM_PURPOSE_STATUS, .now = now};
    LW_TRY(put_jwt_claims(parts, &claims));
    return wallet_jws_begin(&header, lw_buf_view(&claims), &signing, &draft->body, &draft->digest);
}

static struct wallet_cose_parts cose_parts(const struct wallet_status_draft *draft)
{
    return (struct wallet_cose_parts){.protected = lw_buf_view(&draft->head),
                                      .payload = lw_buf_view(&draft->body)};
}

static lw_err draft_cwt(const struct wallet_status_parts *parts, const struct hsm_signer *signer,
                        int64_t now, struct wallet_status_draft *draft)
{
    LW_TRY(put_cwt_header(signer, &draft->head));
    LW_TRY(put_cwt_claims(parts, &draft->body));
    const struct wallet_cose_parts cose = cose_parts(draft);
    return wallet_cose_sign1_begin(&cose, signer, HSM_PURPOSE_STATUS, now, &draft->digest);
}

lw_err wallet_status_draft(const struct wallet_status_parts *parts, enum wallet_status_form form,
                           const struct hsm_signer *signer, int64_t now,
                           struct wallet_status_draft *draft)
{
    wallet_status_draft_free(draft);
    *draft = (struct wallet_status_draft){
        .form = form, .head = LW_BUF(HSM_CERT_MAX + 128), .body = LW_BUF(WALLET_STATUS_TOKEN_MAX)};
    LW_TRY(check_parts(parts));
    return form == WALLET_STATUS_JWT ? draft_jwt(parts, signer, now, draft)
                                     : draft_cwt(parts, signer, now, draft);
}

static lw_err finish_jwt(const struct wallet_status_draft *draft, lw_bytes sig, lw_buf *out)
{
    const size_t start = out->len;
    LW_TRY(lw_buf_put(out, lw_buf_view(&draft->body)));
    const lw_err err = wallet_jws_end(sig, out);
    if (err.code != LW_OK) {
        lw_buf_truncate(out, start);
    }
    return err;
}

lw_err wallet_status_finish(const struct wallet_status_draft *draft,
                            const struct hsm_signer *signer, lw_bytes sig, lw_buf *out)
{
    LW_TRY(hsm_sign_end(signer, &draft->digest, sig));
    if (draft->form == WALLET_STATUS_JWT) {
        return finish_jwt(draft, sig, out);
    }
    const struct wallet_cose_parts cose = cose_parts(draft);
    return wallet_cose_sign1_put(&cose, sig, out);
}

static lw_err sign(const struct wallet_status_parts *parts, enum wallet_status_form form,
                   const struct hsm_signer *signer, int64_t now, lw_buf *out)
{
    AUTO_DRAFT draft = {.form = form};
    uint8_t sig[HSM_SIG_MAX];
    LW_TRY(wallet_status_draft(parts, form, signer, now, &draft));
    LW_TRY(signer->sign_digest(
        signer->ctx, (lw_bytes){.ptr = draft.digest.bytes, .len = draft.digest.len}, sig));
    const size_t len = hsm_sig_len(&signer->key);
    return wallet_status_finish(&draft, signer, (lw_bytes){.ptr = sig, .len = len}, out);
}

lw_err wallet_status_sign_jwt(const struct wallet_status_parts *parts,
                              const struct hsm_signer *signer, int64_t now, lw_buf *out)
{
    return sign(parts, WALLET_STATUS_JWT, signer, now, out);
}

lw_err wallet_status_sign_cwt(const struct wallet_status_parts *parts,
                              const struct hsm_signer *signer, int64_t now, lw_buf *out)
{
    return sign(parts, WALLET_STATUS_CWT, signer, now, out);
}

lw_err wallet_status_aggregation(const lw_str *uris, size_t count, lw_buf *json)
{
    struct wallet_json_writer w = wallet_json_writer(json);
    wallet_json_put_object(&w);
    wallet_json_put_name(&w, "status_lists");
    wallet_json_put_array(&w);
    for (size_t i = 0; i < count; i++) {
        wallet_json_put_text(&w, uris[i]);
    }
    wallet_json_put_end(&w);
    wallet_json_put_end(&w);
    return wallet_json_written(&w);
}
