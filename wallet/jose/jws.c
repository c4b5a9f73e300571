#include "wallet/jws.h"

#include "jose_alg.h"
#include "wallet/base64.h"
#include "wallet/json_write.h"

enum { HEADER_MAX = 64 * 1024 };

const char *wallet_jws_alg_name(enum hsm_alg alg)
{
    const struct jose_alg *row = jose_alg_of(alg);
    return row == NULL ? NULL : row->name;
}

lw_err wallet_jws_reserve(lw_buf *arena, size_t n)
{
    uint8_t *room = NULL;
    return lw_buf_reserve(arena, n, &room);
}

static enum hsm_alg alg_named(struct wallet_json_text name)
{
    size_t nth = 0;
    const struct jose_alg *row = jose_alg_row(nth);
    while (row != NULL && (row->curve == NULL || !wallet_json_is(name, row->name))) {
        row = jose_alg_row(++nth);
    }
    return row == NULL ? HSM_ALG_NONE : row->alg;
}

static void read_header_member(struct wallet_json *r, struct wallet_json_text name,
                               struct wallet_jws *jws)
{
    if (wallet_json_is(name, "alg")) {
        jws->alg = alg_named(wallet_json_string(r));
    } else if (wallet_json_is(name, "typ")) {
        jws->typ = wallet_json_string(r);
    } else if (wallet_json_is(name, "kid")) {
        jws->kid = wallet_json_string(r);
    } else if (wallet_json_is(name, "x5c")) {
        if (wallet_json_peek(r) != WALLET_JSON_ARRAY) {
            wallet_json_fail(r, LW_FAIL(LW_E_VALUE, "jws: x5c is no array", LW_NOWHERE));
        }
        jws->x5c = wallet_json_value(r);
    } else if (wallet_json_is(name, "crit") || wallet_json_is(name, "b64")) {
        /* RFC 7515 section 4.1.11, RFC 7797 section 6: no extension is understood here. */
        wallet_json_fail(r, LW_FAIL(LW_E_UNSUPPORTED, "jws: critical header", LW_NOWHERE));
    }
}

static lw_err read_header(struct wallet_jws *jws)
{
    struct wallet_json r;
    struct wallet_json_text name;
    wallet_json_start(&r, lw_bytes_str(jws->header));
    wallet_json_object(&r);
    while (wallet_json_member(&r, &name)) {
        read_header_member(&r, name, jws);
    }
    LW_TRY(wallet_json_finish(&r));
    if (jws->alg == HSM_ALG_NONE) {
        return LW_FAIL(LW_E_UNSUPPORTED, "jws: no algorithm that is offered here", LW_NOWHERE);
    }
    if (jws->kid.raw.len > WALLET_JWS_KID_MAX) {
        return LW_FAIL(LW_E_LIMIT, "jws: kid too long", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

/* Appends what `text` stands for to the arena and gives its range. */
static lw_err decode_part(lw_str text, lw_buf *arena, lw_bytes *part)
{
    const size_t from = arena->len;
    LW_TRY(wallet_base64url_decode(text, arena));
    *part = (lw_bytes){.ptr = arena->ptr + from, .len = arena->len - from};
    return LW_SUCCESS;
}

static lw_err decode_signature(lw_str text, struct wallet_jws *jws)
{
    if (text.len == 0) {
        return LW_FAIL(LW_E_SIGNATURE, "jws: not signed", LW_NOWHERE);
    }
    if (text.len > wallet_base64url_len(HSM_PAIR_MAX)) {
        return LW_FAIL(LW_E_SIGNATURE, "jws: signature too long", LW_NOWHERE);
    }
    const size_t len = text.len / 4 * 3 + (text.len % 4 == 0 ? 0 : text.len % 4 - 1);
    LW_TRY(wallet_base64url_decode_exact(text, jws->sig, len));
    jws->sig_len = len;
    return LW_SUCCESS;
}

lw_err wallet_jws_parse(lw_str compact, lw_buf *arena, struct wallet_jws *jws)
{
    lw_str header;
    lw_str rest;
    lw_str payload;
    lw_str sig;
    *jws = (struct wallet_jws){.alg = HSM_ALG_NONE};
    if (!lw_str_split(compact, '.', &header, &rest) || !lw_str_split(rest, '.', &payload, &sig) ||
        (sig.len > 0 && memchr(sig.ptr, '.', sig.len) != NULL)) {
        return LW_FAIL(LW_E_SYNTAX, "jws: not three parts", LW_NOWHERE);
    }
    jws->signed_part =
        (lw_bytes){.ptr = (const uint8_t *)compact.ptr, .len = header.len + 1 + payload.len};
    LW_TRY(wallet_jws_reserve(arena, compact.len));
    LW_TRY(decode_part(header, arena, &jws->header));
    LW_TRY(decode_part(payload, arena, &jws->payload));
    LW_TRY(read_header(jws));
    return decode_signature(sig, jws);
}

lw_err wallet_jws_digest(const struct wallet_jws *jws, const struct hsm_public_key *key,
                         uint8_t *room, lw_bytes *digest)
{
    if (jws->alg != key->alg) {
        return LW_FAIL(LW_E_SIGNATURE, "jws: the header claims another algorithm than the key's",
                       LW_NOWHERE);
    }
    return hsm_verify_hash(key, &jws->signed_part, 1, room, digest);
}

lw_err wallet_jws_verify(const struct wallet_jws *jws, const struct hsm_public_key *key)
{
    uint8_t room[HSM_DIGEST_MAX];
    lw_bytes digest;
    LW_TRY(wallet_jws_digest(jws, key, room, &digest));
    const lw_err err =
        hsm_verify_digest(key, digest, (lw_bytes){.ptr = jws->sig, .len = jws->sig_len});
    return err.code == LW_E_SIGNATURE
               ? LW_FAIL(LW_E_SIGNATURE, "jws: the signature does not hold", LW_NOWHERE)
               : err;
}

/* Decodes one element of x5c. A writer may escape its slashes, so it is unescaped first. */
static lw_err decode_cert(struct wallet_json_text text, lw_buf *der, lw_bytes *cert)
{
    lw_str base64 = text.raw;
    if (text.escaped) {
        const size_t start = der->len;
        LW_TRY(wallet_json_unescape(text, der));
        base64 = lw_str_from(lw_buf_text(der), start);
    }
    const size_t from = der->len;
    LW_TRY(wallet_base64_decode(base64, der));
    *cert = (lw_bytes){.ptr = der->ptr + from, .len = der->len - from};
    return LW_SUCCESS;
}

lw_err wallet_jws_chain(const struct wallet_jws *jws, lw_buf *der,
                        lw_bytes chain[WALLET_JWS_CHAIN_MAX], size_t *count)
{
    if (jws->x5c.len == 0) {
        return LW_FAIL(LW_E_NOT_FOUND, "jws: no x5c", LW_NOWHERE);
    }
    struct wallet_json r;
    *count = 0;
    wallet_json_start(&r, jws->x5c);
    wallet_json_array(&r);
    while (wallet_json_element(&r)) {
        const struct wallet_json_text text = wallet_json_string(&r);
        if (!wallet_json_ok(&r)) {
            break;
        }
        if (*count == WALLET_JWS_CHAIN_MAX) {
            return LW_FAIL(LW_E_LIMIT, "jws: x5c too long", LW_NOWHERE);
        }
        LW_TRY(decode_cert(text, der, &chain[*count]));
        (*count)++;
    }
    LW_TRY(wallet_json_finish(&r));
    return *count > 0 ? LW_SUCCESS : LW_FAIL(LW_E_SYNTAX, "jws: x5c is empty", LW_NOWHERE);
}

static lw_err write_header(const struct wallet_jws_header *header, const char *alg, lw_buf *out)
{
    struct wallet_json_writer w = wallet_json_writer(out);
    wallet_json_put_object(&w);
    wallet_json_member_c(&w, "alg", alg);
    if (header->typ != NULL) {
        wallet_json_member_c(&w, "typ", header->typ);
    }
    if (header->kid.len > 0) {
        wallet_json_member_text(&w, "kid", header->kid);
    }
    if (header->x5c_count > 0) {
        wallet_json_put_name(&w, "x5c");
        wallet_json_put_array(&w);
    }
    for (size_t i = 0; i < header->x5c_count; i++) {
        LW_AUTO_BUF base64 = LW_BUF(HEADER_MAX);
        wallet_json_put_fail(&w, wallet_base64_encode(header->x5c[i], &base64));
        wallet_json_put_text(&w, lw_buf_text(&base64));
    }
    if (header->x5c_count > 0) {
        wallet_json_put_end(&w);
    }
    wallet_json_put_end(&w);
    return wallet_json_written(&w);
}

static lw_err put_signed_part(lw_bytes header, lw_bytes payload, lw_buf *out)
{
    LW_TRY(wallet_base64url_encode(header, out));
    LW_TRY(lw_buf_put_byte(out, '.'));
    return wallet_base64url_encode(payload, out);
}

lw_err wallet_jws_begin(const struct wallet_jws_header *header, lw_bytes payload,
                        const struct wallet_jws_signing *signing, lw_buf *out,
                        struct hsm_digest *digest)
{
    const char *alg = wallet_jws_alg_name(signing->signer->key.alg);
    if (alg == NULL) {
        return LW_FAIL(LW_E_UNSUPPORTED, "jws: the signer's algorithm has no name", LW_NOWHERE);
    }
    const size_t start = out->len;
    LW_AUTO_BUF json = LW_BUF(HEADER_MAX);
    LW_TRY(write_header(header, alg, &json));
    lw_err err = put_signed_part(lw_buf_view(&json), payload, out);
    if (err.code == LW_OK) {
        const lw_bytes message = {.ptr = out->ptr + start, .len = out->len - start};
        err = hsm_sign_begin(signing->signer, signing->purpose, signing->now, &message, 1, digest);
    }
    if (err.code != LW_OK) {
        lw_buf_truncate(out, start);
    }
    return err;
}

lw_err wallet_jws_end(lw_bytes sig, lw_buf *out)
{
    const size_t start = out->len;
    lw_err err = lw_buf_put_byte(out, '.');
    err = err.code == LW_OK ? wallet_base64url_encode(sig, out) : err;
    if (err.code != LW_OK) {
        lw_buf_truncate(out, start);
    }
    return err;
}

lw_err wallet_jws_sign(const struct wallet_jws_header *header, lw_bytes payload,
                       const struct wallet_jws_signing *signing, lw_buf *out)
{
    const struct hsm_signer *signer = signing->signer;
    const size_t start = out->len;
    struct hsm_digest digest;
    uint8_t sig[HSM_SIG_MAX];
    LW_TRY(wallet_jws_begin(header, payload, signing, out, &digest));
    const lw_bytes made = {.ptr = sig, .len = hsm_sig_len(&signer->key)};
    lw_err err =
        signer->sign_digest(signer->ctx, (lw_bytes){.ptr = digest.bytes, .len = digest.len}, sig);
    err = err.code == LW_OK ? hsm_sign_end(signer, &digest, made) : err;
    err = err.code == LW_OK ? wallet_jws_end(made, out) : err;
    if (err.code != LW_OK) {
        lw_buf_truncate(out, start);
    }
    return err;
}
