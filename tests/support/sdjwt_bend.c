#include "sdjwt_bend.h"

#include <stdio.h>
#include <stdlib.h>

#include "hsm/digest.h"
#include "hsm/x509_issue.h"
#include "lw/clock.h"
#include "same_verdict.h"
#include "wallet/base64.h"
#include "wallet/jwk.h"

enum { YEAR_S = 365 * LW_DAY_S, TEXT_MAX = 1 << 20 };

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        (void)fprintf(stderr, "sdjwt_bend: %s\n", err.why);
        abort();
    }
}

static void must_json(int status)
{
    if (status != 0) {
        abort();
    }
}

static json_t *tree(const char *text)
{
    json_error_t error;
    json_t *json = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL) {
        (void)fprintf(stderr, "sdjwt_bend: %s: %s\n", text, error.text);
        abort();
    }
    return json;
}

static void make_issuer(struct vc_bend *b)
{
    struct support_rng seed;
    const struct lw_rng rng = support_rng(&seed, 1);
    const struct support_key_spec ca = {HSM_PURPOSE_CA,  "Test CA",           "city",
                                        HSM_CERT_USE_CA, VC_NOW - 9 * YEAR_S, VC_NOW + 9 * YEAR_S};
    support_key_init(&b->ca, &ca, NULL);
    must(hsm_soft_key_generate(&b->issuer.key));
    hsm_soft_key_signer(b->issuer.key, &b->issuer.signer);
    const struct hsm_cert_request req = {.key = b->issuer.signer.key,
                                         .common_name = LW_STR("Test agency"),
                                         .organization_id = LW_STR("dmv"),
                                         .country = LW_STR("CN"),
                                         .uses = HSM_CERT_USE_SIGN,
                                         .issuer_uri = LW_STR(VC_ISSUER),
                                         .not_before = VC_NOW - YEAR_S,
                                         .not_after = VC_NOW + YEAR_S};
    b->issuer.cert = LW_BUF(HSM_CERT_MAX);
    must(hsm_cert_issue(&b->ca.signer, &req, VC_NOW, &rng, &b->issuer.cert));
    b->issuer.signer.purpose = HSM_PURPOSE_CREDENTIAL;
    b->issuer.signer.cert = lw_buf_view(&b->issuer.cert);
}

struct wallet_trust_entry vc_bend_entry(const struct vc_bend *b)
{
    static const lw_str type = {.ptr = VC_TYPE, .len = sizeof(VC_TYPE) - 1};
    static const lw_str prefix = {.ptr = "https://status.example/", .len = 23};
    return (struct wallet_trust_entry){.cert = lw_buf_view(&b->issuer.cert),
                                       .vcts = &type,
                                       .vct_count = 1,
                                       .not_after = VC_NOW + YEAR_S,
                                       .revoked_since = INT64_MIN,
                                       .status_prefixes = &prefix,
                                       .status_prefix_count = 1};
}

void vc_bend_trust(struct vc_bend *b, struct wallet_trust_entry entry)
{
    wallet_trust_free(b->trust);
    must(wallet_trust_new(&b->trust));
    must(wallet_trust_add_anchor(b->trust, lw_buf_view(&b->ca.cert)));
    must(wallet_trust_add(b->trust, &entry));
    b->expect.trust = b->trust;
}

static json_t *jwk_tree(struct hsm_soft_key *key)
{
    struct hsm_signer signer;
    LW_AUTO_BUF text = LW_BUF(512);
    const char *c = NULL;
    hsm_soft_key_signer(key, &signer);
    must(wallet_jwk_write(&signer.key, &text));
    must(lw_buf_c(&text, &c));
    return tree(c);
}

static void set_cnf(struct vc_bend *b)
{
    json_t *cnf = json_object();
    must_json(json_object_set_new(cnf, "jwk", jwk_tree(b->holder)));
    must_json(json_object_set_new(b->jwt.payload, "cnf", cnf));
}

#define SHOWN_NUMBER "[\"s1\",\"license_number\",\"DL-0001\"]"
#define SHOWN_CATEGORY "[\"s2\",\"category\",\"C1\"]"
#define SHOWN_ELEMENT "[\"s3\",{\"code\":\"A\"}]"
#define HIDDEN_NAME "[\"s4\",\"family_name\",\"Li\"]"
#define HIDDEN_ELEMENT "[\"s5\",{\"code\":\"B\"}]"

static void add_placeholder(json_t *array, const char *disclosure)
{
    json_t *object = json_object();
    must_json(json_object_set_new(object, "...", vc_bend_digest(disclosure)));
    must_json(json_array_append_new(array, object));
}

void vc_bend_init(struct vc_bend *b)
{
    *b = (struct vc_bend){.kept = LW_BUF(TEXT_MAX)};
    uint8_t *room = NULL;
    must(lw_buf_reserve(&b->kept, TEXT_MAX, &room)); /* what is kept does not move */
    make_issuer(b);
    must(hsm_soft_key_generate(&b->holder));
    must(hsm_soft_key_generate(&b->other));
    b->expect = (struct wallet_expect){.now = VC_NOW,
                                       .aud = LW_STR(VC_AUD),
                                       .nonce = lw_str_bytes(LW_STR(VC_NONCE)),
                                       .window_past_s = 300,
                                       .window_ahead_s = 60,
                                       .skew_s = 60,
                                       .holder_required = true};
    vc_bend_trust(b, vc_bend_entry(b));
    b->jwt.key = b->issuer.key;
    b->jwt.header = tree("{\"alg\":\"ES256\",\"typ\":\"dc+sd-jwt\"}");
    vc_bend_x5c(b, lw_buf_view(&b->issuer.cert));
    b->jwt.payload = tree("{\"vct\":\"" VC_TYPE "\",\"iss\":\"" VC_ISSUER "\",\"iat\":1795046400,"
                          "\"exp\":1797638400,\"status\":{\"status_list\":{\"idx\":12,"
                          "\"uri\":\"" VC_STATUS "\"}},\"issuing_country\":\"CN\","
                          "\"classes\":[{\"code\":\"0\"}],\"_sd_alg\":\"sha-256\"}");
    set_cnf(b);
    vc_bend_hide(b->jwt.payload, SHOWN_NUMBER);
    vc_bend_hide(b->jwt.payload, SHOWN_CATEGORY);
    vc_bend_hide(b->jwt.payload, HIDDEN_NAME);
    add_placeholder(json_object_get(b->jwt.payload, "classes"), SHOWN_ELEMENT);
    add_placeholder(json_object_get(b->jwt.payload, "classes"), HIDDEN_ELEMENT);
    vc_bend_show(b, SHOWN_NUMBER);
    vc_bend_show(b, SHOWN_CATEGORY);
    vc_bend_show(b, SHOWN_ELEMENT);
    b->kb.key = b->holder;
    b->kb.header = tree("{\"alg\":\"ES256\",\"typ\":\"kb+jwt\"}");
    b->kb.payload = tree("{\"aud\":\"" VC_AUD "\",\"nonce\":\"" VC_NONCE "\",\"iat\":1795086400}");
}

void vc_bend_free(struct vc_bend *b)
{
    support_key_free(&b->ca);
    support_key_free(&b->issuer);
    hsm_soft_key_free(b->holder);
    hsm_soft_key_free(b->other);
    wallet_trust_free(b->trust);
    json_decref(b->jwt.header);
    json_decref(b->jwt.payload);
    json_decref(b->kb.header);
    json_decref(b->kb.payload);
    lw_buf_free(&b->kept);
}

void vc_bend_x5c(struct vc_bend *b, lw_bytes der)
{
    LW_AUTO_BUF text = LW_BUF(2 * HSM_CERT_MAX);
    must(wallet_base64_encode(der, &text));
    json_t *chain = json_array();
    must_json(json_array_append_new(chain, json_stringn((const char *)text.ptr, text.len)));
    must_json(json_object_set_new(b->jwt.header, "x5c", chain));
}

json_t *vc_bend_digest(const char *disclosure)
{
    struct wallet_sdjwt_digest digest;
    LW_AUTO_BUF text = LW_BUF(TEXT_MAX);
    must(wallet_base64url_encode(lw_str_bytes(lw_str_c(disclosure)), &text));
    must(wallet_sdjwt_digest_of(lw_buf_text(&text), &digest));
    return json_stringn(digest.text, sizeof(digest.text));
}

void vc_bend_hide(json_t *object, const char *disclosure)
{
    json_t *digests = json_object_get(object, "_sd");
    if (digests == NULL) {
        digests = json_array();
        must_json(json_object_set_new(object, "_sd", digests));
    }
    must_json(json_array_append_new(digests, vc_bend_digest(disclosure)));
}

void vc_bend_show(struct vc_bend *b, const char *disclosure)
{
    if (b->disclosure_count == VC_DISCLOSURES_MAX) {
        abort();
    }
    b->raw[b->disclosure_count] = NULL;
    b->disclosures[b->disclosure_count++] = disclosure;
}

void vc_bend_unshow(struct vc_bend *b, size_t nth)
{
    for (size_t i = nth; i + 1 < b->disclosure_count; i++) {
        b->disclosures[i] = b->disclosures[i + 1];
        b->raw[i] = b->raw[i + 1];
    }
    b->disclosure_count--;
}

const char *vc_bend_keep(struct vc_bend *b, lw_str text)
{
    const size_t from = b->kept.len;
    must(lw_buf_put_str(&b->kept, text));
    must(lw_buf_put_byte(&b->kept, 0));
    return (const char *)b->kept.ptr + from;
}

static void put_part(const char *part, const char *text, const json_t *json, lw_buf *out)
{
    if (part != NULL) {
        must(lw_buf_put_c(out, part));
        return;
    }
    char *dumped = text != NULL ? NULL : json_dumps(json, JSON_COMPACT);
    const lw_str plain = lw_str_c(text != NULL ? text : dumped);
    must(wallet_base64url_encode(lw_str_bytes(plain), out));
    free(dumped);
}

static void put_jwt(const struct vc_jwt *jwt, lw_buf *out)
{
    const size_t from = out->len;
    put_part(jwt->header_part, jwt->header_text, jwt->header, out);
    must(lw_buf_put_byte(out, '.'));
    put_part(jwt->payload_part, jwt->payload_text, jwt->payload, out);
    const lw_bytes message = {.ptr = out->ptr + from, .len = out->len - from};
    if (jwt->sig_part != NULL) {
        must(lw_buf_put_byte(out, '.'));
        must(lw_buf_put_c(out, jwt->sig_part));
        return;
    }
    struct hsm_signer signer;
    uint8_t sig[HSM_SIG_MAX];
    hsm_soft_key_signer(jwt->key, &signer);
    must(hsm_sign(&signer, HSM_PURPOSE_HOLDER, VC_NOW, message, sig));
    must(lw_buf_put_byte(out, '.'));
    must(wallet_base64url_encode((lw_bytes){sig, HSM_ES256_SIG_LEN}, out));
}

void vc_bend_build_hashed(const struct vc_bend *b, lw_buf *out)
{
    put_jwt(&b->jwt, out);
    must(lw_buf_put_byte(out, '~'));
    for (size_t i = 0; i < b->disclosure_count; i++) {
        put_part(b->raw[i], b->disclosures[i], NULL, out);
        must(lw_buf_put_byte(out, '~'));
    }
}

void vc_bend_build(const struct vc_bend *b, lw_buf *out)
{
    const size_t from = out->len;
    vc_bend_build_hashed(b, out);
    if (!b->unbound) {
        /* The hash is made here unless the test gave one, or took the payload over. */
        struct vc_jwt kb = b->kb;
        uint8_t hash[HSM_SHA256_LEN];
        LW_AUTO_BUF text = LW_BUF(64);
        must(hsm_sha256((lw_bytes){out->ptr + from, out->len - from}, hash));
        must(wallet_base64url_encode(LW_BYTES(hash), &text));
        kb.payload = json_deep_copy(b->kb.payload);
        if (json_object_get(kb.payload, "sd_hash") == NULL) {
            must_json(json_object_set_new(kb.payload, "sd_hash",
                                          json_stringn((const char *)text.ptr, text.len)));
        }
        put_jwt(&kb, out);
        json_decref(kb.payload);
    }
    if (b->tail != NULL) {
        must(lw_buf_put_c(out, b->tail));
    }
}

lw_err vc_bend_verify(const struct vc_bend *b, lw_buf *arena, struct wallet_checks *checks,
                      struct wallet_verified *out)
{
    LW_AUTO_BUF text = LW_BUF(TEXT_MAX);
    vc_bend_build(b, &text);
    /* The verified slices may borrow from the text, so it is kept in the arena. */
    const size_t room = 6 * text.len + 4096;
    uint8_t *at = NULL;
    must(lw_buf_reserve(arena, room, &at));
    const size_t from = arena->len;
    must(lw_buf_put(arena, lw_buf_view(&text)));
    const lw_bytes kept = {.ptr = arena->ptr + from, .len = text.len};
    const struct support_verified asked = {.verify = wallet_sdjwt_vc_verify,
                                           .presentation = kept,
                                           .expect = &b->expect,
                                           .before = *checks};
    const lw_err err = wallet_sdjwt_vc_verify(kept, &b->expect, arena, checks, out);
    if (b->expect.shortcuts == NULL) {
        support_same_verdict(&asked, err, checks, out);
    }
    return err;
}
