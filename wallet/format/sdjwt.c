#include "wallet/sdjwt.h"

#include <stdlib.h>

#include "hsm/digest.h"
#include "wallet/base64.h"
#include "wallet/json_write.h"

enum { ARENA_TIMES = 4, ARENA_MORE = 1024, BINDING_MAX = 16384 };

lw_err wallet_sdjwt_split(lw_str text, struct wallet_sdjwt *sd)
{
    if (text.len > WALLET_SDJWT_MAX) {
        return LW_FAIL(LW_E_LIMIT, "sdjwt: SDJ-2 text too long", LW_NOWHERE);
    }
    lw_str rest;
    lw_str part;
    if (!lw_str_split(text, '~', &sd->issuer_jwt, &rest) || sd->issuer_jwt.len == 0) {
        return LW_FAIL(LW_E_SYNTAX, "sdjwt: SDJ-2 no issuer-signed JWT before a tilde", 0);
    }
    sd->disclosure_count = 0;
    for (lw_str tail; lw_str_split(rest, '~', &part, &tail); rest = tail) {
        if (part.len == 0) {
            return LW_FAIL(LW_E_SYNTAX, "sdjwt: SDJ-2 an empty part", text.len - rest.len);
        }
        if (sd->disclosure_count == WALLET_SDJWT_DISCLOSURES_MAX) {
            return LW_FAIL(LW_E_LIMIT, "sdjwt: SDJ-2 too many disclosures", text.len - rest.len);
        }
        sd->disclosures[sd->disclosure_count++] = part;
    }
    sd->kb_jwt = rest;
    sd->hashed = (lw_str){.ptr = text.ptr, .len = text.len - rest.len};
    return LW_SUCCESS;
}

lw_err wallet_sdjwt_reserve(lw_buf *arena, size_t len)
{
    return wallet_jws_reserve(arena, ARENA_TIMES * len + ARENA_MORE);
}

lw_err wallet_sdjwt_hash(const struct wallet_sdjwt *sd, uint8_t hash[32])
{
    return hsm_sha256(lw_str_bytes(sd->hashed), hash);
}

/* The claims of a key-binding JWT that were there. */
enum { HAS_IAT = 1, HAS_AUD = 2, HAS_NONCE = 4, HAS_HASH = 8, HAS_ALL = 15 };

static unsigned read_kb_claim(struct wallet_json *r, struct wallet_json_text name,
                              struct wallet_sdjwt_kb *kb)
{
    if (wallet_json_is(name, "iat")) {
        kb->iat = wallet_json_seconds(r);
        return HAS_IAT;
    }
    if (wallet_json_is(name, "aud")) {
        kb->aud = wallet_json_string(r);
        return HAS_AUD;
    }
    if (wallet_json_is(name, "nonce")) {
        kb->nonce = wallet_json_string(r);
        return HAS_NONCE;
    }
    if (wallet_json_is(name, "sd_hash")) {
        kb->sd_hash = wallet_json_string(r);
        return HAS_HASH;
    }
    if (wallet_json_is(name, "exp")) {
        kb->exp = wallet_json_seconds(r);
    } else if (wallet_json_is(name, "nbf")) {
        kb->nbf = wallet_json_seconds(r);
    }
    return 0;
}

lw_err wallet_sdjwt_kb_parse(const struct wallet_sdjwt *sd, lw_buf *arena,
                             struct wallet_sdjwt_kb *kb)
{
    *kb = (struct wallet_sdjwt_kb){.nbf = INT64_MIN, .exp = INT64_MAX};
    LW_TRY(wallet_jws_parse(sd->kb_jwt, arena, &kb->jws));
    if (!wallet_json_is(kb->jws.typ, "kb+jwt")) {
        return LW_FAIL(LW_E_VALUE, "sdjwt: SDJ-19 typ is not kb+jwt", LW_NOWHERE);
    }
    struct wallet_json r;
    struct wallet_json_text name;
    unsigned has = 0;
    wallet_json_start(&r, lw_bytes_str(kb->jws.payload));
    wallet_json_object(&r);
    while (wallet_json_member(&r, &name)) {
        has |= read_kb_claim(&r, name, kb);
    }
    LW_TRY(wallet_json_finish(&r));
    if (has != HAS_ALL) {
        return LW_FAIL(LW_E_VALUE, "sdjwt: SDJ-19 iat, aud, nonce or sd_hash is missing",
                       LW_NOWHERE);
    }
    return LW_SUCCESS;
}

lw_err wallet_sdjwt_bind(lw_buf *text, size_t from, const struct wallet_sdjwt_binding *binding,
                         const struct hsm_signer *holder)
{
    uint8_t hash[HSM_SHA256_LEN];
    const lw_bytes hashed = {.ptr = text->ptr + from, .len = text->len - from};
    LW_TRY(hsm_sha256(hashed, hash));
    LW_AUTO_BUF payload = LW_BUF(BINDING_MAX);
    struct wallet_json_writer w = wallet_json_writer(&payload);
    wallet_json_put_object(&w);
    wallet_json_member_int(&w, "iat", binding->iat);
    wallet_json_member_text(&w, "aud", binding->aud);
    wallet_json_member_text(&w, "nonce", binding->nonce);
    wallet_json_put_name(&w, "sd_hash");
    wallet_json_put_base64url(&w, LW_BYTES(hash));
    wallet_json_put_end(&w);
    LW_TRY(wallet_json_written(&w));
    const struct wallet_jws_header header = {.typ = "kb+jwt"};
    const struct wallet_jws_signing signing = {
        .signer = holder, .purpose = HSM_PURPOSE_HOLDER, .now = binding->iat};
    return wallet_jws_sign(&header, lw_buf_view(&payload), &signing, text);
}

static void digest_text(const uint8_t hash[HSM_SHA256_LEN], struct wallet_sdjwt_digest *digest)
{
    wallet_base64url_write((lw_bytes){.ptr = hash, .len = HSM_SHA256_LEN}, digest->text);
}

lw_err wallet_sdjwt_digest_of(lw_str text, struct wallet_sdjwt_digest *digest)
{
    uint8_t hash[HSM_SHA256_LEN];
    LW_TRY(hsm_sha256(lw_str_bytes(text), hash));
    digest_text(hash, digest);
    return LW_SUCCESS;
}

lw_err wallet_sdjwt_decoy(const struct lw_rng *rng, struct wallet_sdjwt_digest *digest)
{
    uint8_t random[HSM_SHA256_LEN];
    LW_TRY(lw_rng_fill(rng, random, sizeof(random)));
    digest_text(random, digest);
    return LW_SUCCESS;
}

static lw_err put_disclosure(const struct lw_rng *rng, lw_str name, lw_str value, lw_buf *out)
{
    uint8_t salt[WALLET_SDJWT_SALT_LEN];
    LW_TRY(lw_rng_fill(rng, salt, sizeof(salt)));
    LW_AUTO_BUF json = LW_BUF(WALLET_SDJWT_MAX);
    struct wallet_json_writer w = wallet_json_writer(&json);
    wallet_json_put_array(&w);
    wallet_json_put_base64url(&w, LW_BYTES(salt));
    if (name.len > 0) {
        wallet_json_put_text(&w, name);
    }
    wallet_json_put_raw(&w, value);
    wallet_json_put_end(&w);
    LW_TRY(wallet_json_written(&w));
    return wallet_base64url_encode(lw_buf_view(&json), out);
}

lw_err wallet_sdjwt_disclose(const struct lw_rng *rng, lw_str name, lw_str value, lw_buf *out,
                             struct wallet_sdjwt_digest *digest)
{
    if (lw_str_is(name, "_sd") || lw_str_is(name, "...") || lw_str_is(name, "_sd_alg")) {
        return LW_FAIL(LW_E_VALUE, "sdjwt: a reserved name", LW_NOWHERE);
    }
    const size_t from = out->len;
    LW_TRY(put_disclosure(rng, name, value, out));
    lw_err err = wallet_sdjwt_digest_of(lw_str_from(lw_buf_text(out), from), digest);
    if (err.code == LW_OK) {
        err = lw_buf_put_byte(out, '~');
    }
    if (err.code != LW_OK) {
        lw_buf_truncate(out, from);
    }
    return err;
}

static int compare_digests(const void *a, const void *b)
{
    return memcmp(a, b, sizeof(struct wallet_sdjwt_digest));
}

void wallet_sdjwt_sort(struct wallet_sdjwt_digest *digests, size_t count)
{
    qsort(digests, count, sizeof(*digests), compare_digests);
}
