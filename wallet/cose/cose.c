#include "wallet/cose.h"

#include "hsm/digest.h"

enum { SIGN1_ELEMENTS = 4, SIG_PARTS = 6, SIG_HEADS_MAX = 64 };

static const uint8_t empty_map[] = {0xa0};

/* Checks that no label of the protected header stands in the unprotected one as well. */
static lw_err check_labels(lw_bytes protected, lw_bytes unprotected)
{
    struct wallet_cbor mine = wallet_cbor_reader(unprotected);
    const size_t mine_count = wallet_cbor_map(&mine);
    for (size_t i = 0; i < mine_count; i++) {
        const lw_bytes label = wallet_cbor_item(&mine);
        (void)wallet_cbor_item(&mine);
        struct wallet_cbor theirs = wallet_cbor_reader(protected);
        const size_t their_count = wallet_cbor_map(&theirs);
        for (size_t k = 0; k < their_count; k++) {
            if (lw_bytes_eq(label, wallet_cbor_item(&theirs))) {
                return LW_FAIL(LW_E_VALUE, "cose: a label stands in both headers", LW_NOWHERE);
            }
            (void)wallet_cbor_item(&theirs);
        }
    }
    return LW_SUCCESS;
}

static lw_err read_protected(struct wallet_cose_sign1 *message)
{
    if (message->protected.len == 0) {
        return LW_FAIL(LW_E_UNSUPPORTED, "cose: no algorithm in the protected header", LW_NOWHERE);
    }
    LW_TRY(wallet_cbor_check(message->protected));
    struct wallet_cbor r = wallet_cbor_reader(message->protected);
    if (wallet_cbor_peek(&r) != WALLET_CBOR_MAP) {
        return LW_FAIL(LW_E_SYNTAX, "cose: protected header is no map", LW_NOWHERE);
    }
    if (wallet_cbor_map_get_int(message->protected, WALLET_COSE_CRIT).len > 0) {
        return LW_FAIL(LW_E_UNSUPPORTED, "cose: critical headers", LW_NOWHERE);
    }
    const lw_bytes alg = wallet_cbor_map_get_int(message->protected, WALLET_COSE_ALG);
    if (alg.len == 0) {
        return LW_FAIL(LW_E_UNSUPPORTED, "cose: no algorithm in the protected header", LW_NOWHERE);
    }
    r = wallet_cbor_reader(alg);
    message->alg = wallet_cbor_int(&r);
    if (!wallet_cbor_ok(&r)) {
        return LW_FAIL(LW_E_UNSUPPORTED, "cose: algorithm is no number", LW_NOWHERE);
    }
    return check_labels(message->protected, message->unprotected);
}

lw_err wallet_cose_sign1_parse(lw_bytes in, struct wallet_cose_sign1 *message)
{
    LW_TRY(wallet_cbor_check(in));
    struct wallet_cbor r = wallet_cbor_reader(in);
    if (wallet_cbor_tag(&r) != WALLET_COSE_TAG_SIGN1) { /* 0 for what is no tag */
        return LW_FAIL(LW_E_SYNTAX, "cose: not tagged as COSE_Sign1", 0);
    }
    if (wallet_cbor_array(&r) != SIGN1_ELEMENTS) {
        return LW_FAIL(LW_E_SYNTAX, "cose: COSE_Sign1 has not four elements", 1);
    }
    *message = (struct wallet_cose_sign1){.protected = wallet_cbor_bytes(&r)};
    if (wallet_cbor_ok(&r) && wallet_cbor_peek(&r) != WALLET_CBOR_MAP) {
        wallet_cbor_fail(&r,
                         LW_FAIL(LW_E_SYNTAX, "cose: unprotected header is no map", LW_NOWHERE));
    }
    message->unprotected = wallet_cbor_item(&r);
    if (wallet_cbor_peek(&r) == WALLET_CBOR_NULL) {
        wallet_cbor_fail(&r, LW_FAIL(LW_E_UNSUPPORTED, "cose: payload is detached", LW_NOWHERE));
    }
    message->payload = wallet_cbor_bytes(&r);
    message->signature = wallet_cbor_bytes(&r);
    LW_TRY(wallet_cbor_finish(&r));
    return read_protected(message);
}

bool wallet_cose_alg_fits(int64_t alg, const struct hsm_public_key *key)
{
    switch (key->alg) {
    case HSM_ES256:
        return alg == WALLET_COSE_ES256 || alg == WALLET_COSE_ESP256;
    case HSM_ES384:
        return alg == WALLET_COSE_ES384 || alg == WALLET_COSE_ESP384;
    case HSM_RS256: /* ID tokens only, which are JWTs */
    case HSM_ALG_NONE:
        break;
    }
    return false;
}

int64_t wallet_cose_alg_of(const struct hsm_public_key *key)
{
    return key->alg == HSM_ES384 ? WALLET_COSE_ESP384 : WALLET_COSE_ESP256;
}

/*
 * Splits the Sig_structure ["Signature1", protected, external, payload] into parts, so that
 * nothing long is copied; `heads` owns the short ones.
 */
static lw_err sig_structure(lw_bytes protected, lw_bytes external, lw_bytes payload, lw_buf *heads,
                            lw_bytes parts[SIG_PARTS])
{
    const lw_bytes contents[] = {protected, external, payload};
    size_t ends[3] = {0};
    LW_TRY(wallet_cbor_put_array(heads, SIGN1_ELEMENTS));
    LW_TRY(wallet_cbor_put_text(heads, LW_STR("Signature1")));
    for (size_t i = 0; i < 3; i++) {
        LW_TRY(wallet_cbor_put_bytes_head(heads, contents[i].len));
        ends[i] = heads->len;
    }
    for (size_t i = 0; i < 3; i++) {
        const size_t from = i == 0 ? 0 : ends[i - 1];
        parts[2 * i] = (lw_bytes){.ptr = heads->ptr + from, .len = ends[i] - from};
        parts[2 * i + 1] = contents[i];
    }
    return LW_SUCCESS;
}

static const lw_bytes nothing = {.ptr = NULL, .len = 0};

lw_err wallet_cose_sign1_hash(const struct wallet_cose_sign1 *message, lw_bytes external,
                              const struct hsm_public_key *key, uint8_t *room, lw_bytes *digest)
{
    LW_AUTO_BUF heads = LW_BUF(SIG_HEADS_MAX);
    lw_bytes parts[SIG_PARTS];
    if (!wallet_cose_alg_fits(message->alg, key)) {
        return LW_FAIL(LW_E_UNSUPPORTED, "cose: the algorithm is not the key's", LW_NOWHERE);
    }
    LW_TRY(sig_structure(message->protected, external, message->payload, &heads, parts));
    return hsm_verify_hash(key, parts, SIG_PARTS, room, digest);
}

lw_err wallet_cose_sign1_verify(const struct wallet_cose_sign1 *message, lw_bytes external,
                                const struct hsm_public_key *key)
{
    uint8_t room[HSM_DIGEST_MAX];
    lw_bytes digest;
    LW_TRY(wallet_cose_sign1_hash(message, external, key, room, &digest));
    return hsm_verify_digest(key, digest, message->signature);
}

lw_err wallet_cose_sign1_digest(const struct wallet_cose_parts *parts, uint8_t digest[32])
{
    LW_AUTO_BUF heads = LW_BUF(SIG_HEADS_MAX);
    lw_bytes signed_parts[SIG_PARTS];
    LW_TRY(sig_structure(parts->protected, nothing, parts->payload, &heads, signed_parts));
    return hsm_sha256_parts(signed_parts, SIG_PARTS, digest);
}

static lw_err put_message(const struct wallet_cose_parts *parts, lw_bytes signature, lw_buf *out)
{
    const bool bare = parts->unprotected.len == 0;
    LW_TRY(wallet_cbor_put_tag(out, WALLET_COSE_TAG_SIGN1));
    LW_TRY(wallet_cbor_put_array(out, SIGN1_ELEMENTS));
    LW_TRY(wallet_cbor_put_bytes(out, parts->protected));
    LW_TRY(wallet_cbor_put_raw(out, bare ? LW_BYTES(empty_map) : parts->unprotected));
    LW_TRY(wallet_cbor_put_bytes(out, parts->payload));
    return wallet_cbor_put_bytes(out, signature);
}

lw_err wallet_cose_sign1_put(const struct wallet_cose_parts *parts, lw_bytes signature, lw_buf *out)
{
    const size_t before = out->len;
    const lw_err err = put_message(parts, signature, out);
    if (err.code != LW_OK) {
        lw_buf_truncate(out, before);
    }
    return err;
}

lw_err wallet_cose_sign1_begin(const struct wallet_cose_parts *parts,
                               const struct hsm_signer *signer, enum hsm_purpose purpose,
                               int64_t now, struct hsm_digest *digest)
{
    LW_AUTO_BUF heads = LW_BUF(SIG_HEADS_MAX);
    lw_bytes signed_parts[SIG_PARTS];
    LW_TRY(sig_structure(parts->protected, nothing, parts->payload, &heads, signed_parts));
    return hsm_sign_begin(signer, purpose, now, signed_parts, SIG_PARTS, digest);
}

lw_err wallet_cose_sign1_sign(const struct wallet_cose_parts *parts,
                              const struct hsm_signer *signer, enum hsm_purpose purpose,
                              int64_t now, lw_buf *out)
{
    LW_AUTO_BUF heads = LW_BUF(SIG_HEADS_MAX);
    lw_bytes signed_parts[SIG_PARTS];
    uint8_t sig[HSM_SIG_MAX];
    LW_TRY(sig_structure(parts->protected, nothing, parts->payload, &heads, signed_parts));
    LW_TRY(hsm_sign_parts(signer, purpose, now, signed_parts, SIG_PARTS, sig));
    const size_t sig_len = hsm_sig_len(&signer->key);
    return wallet_cose_sign1_put(parts, (lw_bytes){.ptr = sig, .len = sig_len}, out);
}
