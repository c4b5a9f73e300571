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

lw_err wallet_status_sign_jwt(const struct wallet_status_parts *parts,
                              const struct hsm_signer *signer, int64_t now, lw_buf *out)
{
    LW_AUTO_BUF claims = LW_BUF(WALLET_STATUS_TOKEN_MAX);
    const struct wallet_jws_header header = {
        .typ = STATUS_JWT_TYP, .x5c = &signer->cert, .x5c_count = signer->cert.len == 0 ? 0 : 1};
    const struct wallet_jws_signing signing = {
        .signer = signer, .purpose = HSM_PURPOSE_STATUS, .now = now};
    LW_TRY(check_parts(parts));
    LW_TRY(put_jwt_claims(parts, &claims));
    return wallet_jws_sign(&header, lw_buf_view(&claims), &signing, out);
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

lw_err wallet_status_sign_cwt(const struct wallet_status_parts *parts,
                              const struct hsm_signer *signer, int64_t now, lw_buf *out)
{
    LW_AUTO_BUF protected = LW_BUF(HSM_CERT_MAX + 128);
    LW_AUTO_BUF claims = LW_BUF(WALLET_STATUS_TOKEN_MAX);
    LW_TRY(check_parts(parts));
    LW_TRY(put_cwt_header(signer, &protected));
    LW_TRY(put_cwt_claims(parts, &claims));
    const struct wallet_cose_parts cose = {.protected = lw_buf_view(&protected),
                                           .payload = lw_buf_view(&claims)};
    return wallet_cose_sign1_sign(&cose, signer, HSM_PURPOSE_STATUS, now, out);
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
