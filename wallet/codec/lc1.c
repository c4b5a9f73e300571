#include "wallet/lq1.h"

#include "wallet/base45.h"
#include "wallet/cbor.h"

/* [1, verifier_id, nonce, [* claim key], exp, ? 18(signature)] */
enum {
    VERSION = 1,
    ELEMENTS = 5,
    ELEMENTS_SIGNED = 6,
    TAG_SIGN1 = 18,
    TEXT_MAX = WALLET_LQ1_TEXT_MAX,
    BYTES_MAX = 2 * TEXT_MAX / 3,
};

static const lw_str prefix = {.ptr = "LC1:", .len = 4};

static lw_err put_challenge(const struct wallet_challenge *challenge, lw_buf *out)
{
    const bool is_signed = challenge->signature.len > 0;
    LW_TRY(wallet_cbor_put_array(out, is_signed ? ELEMENTS_SIGNED : ELEMENTS));
    LW_TRY(wallet_cbor_put_uint(out, VERSION));
    LW_TRY(wallet_cbor_put_text(out, challenge->verifier_id));
    LW_TRY(wallet_cbor_put_bytes(out, LW_BYTES(challenge->nonce)));
    LW_TRY(wallet_cbor_put_array(out, challenge->key_count));
    for (size_t i = 0; i < challenge->key_count; i++) {
        LW_TRY(wallet_cbor_put_int(out, challenge->keys[i]));
    }
    LW_TRY(wallet_cbor_put_int(out, challenge->exp));
    return is_signed ? wallet_cbor_put_raw(out, challenge->signature) : LW_SUCCESS;
}

lw_err wallet_lc1_put(const struct wallet_challenge *challenge, lw_buf *text)
{
    LW_AUTO_BUF bytes = LW_BUF(BYTES_MAX);
    LW_TRY(put_challenge(challenge, &bytes));
    const size_t before = text->len;
    LW_TRY(lw_buf_put_str(text, prefix));
    lw_err err = wallet_base45_encode(lw_buf_view(&bytes), text);
    if (err.code == LW_OK && text->len - before > TEXT_MAX) {
        err = LW_FAIL(LW_E_LIMIT, "lc1: too long for one code", LW_NOWHERE);
    }
    if (err.code != LW_OK) {
        lw_buf_truncate(text, before);
    }
    return err;
}

static void read_keys(struct wallet_cbor *r, struct wallet_challenge *challenge)
{
    const size_t count = wallet_cbor_array(r);
    if (count > WALLET_CLAIMS_MAX) {
        wallet_cbor_fail(r, LW_FAIL(LW_E_LIMIT, "lc1: too many claims asked for", LW_NOWHERE));
        return;
    }
    for (size_t i = 0; i < count; i++) {
        challenge->keys[i] = wallet_cbor_int(r);
    }
    challenge->key_count = count;
}

static void read_fields(struct wallet_cbor *r, struct wallet_challenge *challenge)
{
    if (wallet_cbor_uint(r) != VERSION) {
        wallet_cbor_fail(r, LW_FAIL(LW_E_UNSUPPORTED, "lc1: another version", LW_NOWHERE));
    }
    challenge->verifier_id = wallet_cbor_text(r);
    const size_t id_len = challenge->verifier_id.len;
    if (id_len == 0 || id_len > WALLET_LC1_VERIFIER_MAX) {
        wallet_cbor_fail(r, LW_FAIL(LW_E_VALUE, "lc1: length of the verifier's id", LW_NOWHERE));
    }
    const lw_bytes nonce = wallet_cbor_bytes(r);
    if (nonce.len == sizeof(challenge->nonce)) {
        memcpy(challenge->nonce, nonce.ptr, nonce.len);
    } else {
        wallet_cbor_fail(r, LW_FAIL(LW_E_VALUE, "lc1: length of the nonce", LW_NOWHERE));
    }
    read_keys(r, challenge);
    challenge->exp = wallet_cbor_int(r);
}

static void read_signature(struct wallet_cbor *r, struct wallet_challenge *challenge)
{
    struct wallet_cbor ahead = *r;
    if (wallet_cbor_peek(r) == WALLET_CBOR_TAG && wallet_cbor_tag(&ahead) != TAG_SIGN1) {
        wallet_cbor_fail(r, LW_FAIL(LW_E_SYNTAX, "lc1: signature is no COSE_Sign1", LW_NOWHERE));
    }
    if (wallet_cbor_ok(r) && wallet_cbor_peek(r) != WALLET_CBOR_TAG) {
        wallet_cbor_fail(r, LW_FAIL(LW_E_SYNTAX, "lc1: signature is no COSE_Sign1", LW_NOWHERE));
    }
    challenge->signature = wallet_cbor_item(r);
}

lw_err wallet_lc1_read(lw_str text, lw_buf *arena, struct wallet_challenge *challenge)
{
    if (!lw_str_starts(text, prefix)) {
        return LW_FAIL(LW_E_SYNTAX, "lc1: text does not start with LC1:", 0);
    }
    if (text.len > TEXT_MAX) {
        return LW_FAIL(LW_E_LIMIT, "lc1: text too long", TEXT_MAX);
    }
    lw_err err = wallet_base45_decode(lw_str_from(text, prefix.len), arena);
    if (err.code != LW_OK) {
        err.at = err.at == LW_NOWHERE ? err.at : err.at + prefix.len;
        return err;
    }
    struct wallet_cbor r = wallet_cbor_reader(lw_buf_view(arena));
    *challenge = (struct wallet_challenge){.key_count = 0};
    const size_t elements = wallet_cbor_array(&r);
    if (elements != ELEMENTS && elements != ELEMENTS_SIGNED) {
        wallet_cbor_fail(&r, LW_FAIL(LW_E_SYNTAX, "lc1: another number of elements", 0));
    }
    read_fields(&r, challenge);
    if (elements == ELEMENTS_SIGNED) {
        read_signature(&r, challenge);
    }
    return wallet_cbor_finish(&r);
}
