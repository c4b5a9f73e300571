#include "wallet/trust_list.h"

#include "trust_list_keys.h"
#include "wallet/cose.h"

enum { HEADER_MAX = 512 };

/* DER up to the point: RFC 5480 section 2, id-ecPublicKey with a named curve. */
static const uint8_t spki_p256[] = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                    0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                    0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
static const uint8_t spki_p384[] = {0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86,
                                    0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b,
                                    0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00};

lw_err wallet_trust_pin(const struct hsm_public_key *key, uint8_t pin[WALLET_PIN_LEN])
{
    lw_bytes parts[2] = {{.len = 0}, {.ptr = key->point, .len = key->point_len}};
    switch (key->alg) {
    case HSM_ES256:
        parts[0] = LW_BYTES(spki_p256);
        break;
    case HSM_ES384:
        parts[0] = LW_BYTES(spki_p384);
        break;
    case HSM_RS256:
    case HSM_ALG_NONE:
        return LW_FAIL(LW_E_UNSUPPORTED, "trust list: key of no known curve", LW_NOWHERE);
    }
    return hsm_sha256_parts(parts, 2, pin);
}

static lw_err bad_value(const char *why)
{
    return LW_FAIL(LW_E_VALUE, why, LW_NOWHERE);
}

/* What is signed is what every reader would take. */
static lw_err check_parts(const struct wallet_trust_list_parts *parts)
{
    WALLET_AUTO_TRUST trust = NULL;
    if (parts->version == 0) {
        return bad_value("trust list: version 0");
    }
    if (parts->iat < 0 || parts->exp <= parts->iat) {
        return bad_value("trust list: times are not in order");
    }
    if (parts->next_pin_count > WALLET_PINS_MAX) {
        return LW_FAIL(LW_E_LIMIT, "trust list: too many pins", LW_NOWHERE);
    }
    LW_TRY(wallet_trust_new(&trust));
    for (size_t i = 0; i < parts->anchor_count; i++) {
        LW_TRY(parts->one_authority && i > 0 ? wallet_trust_join_anchor(trust, parts->anchors[i])
                                             : wallet_trust_add_anchor(trust, parts->anchors[i]));
    }
    for (size_t i = 0; i < parts->entry_count; i++) {
        if (parts->entries[i].kid != NULL) {
            return bad_value("trust list: a kid of its own");
        }
        LW_TRY(wallet_trust_add(trust, &parts->entries[i]));
    }
    return LW_SUCCESS;
}

static lw_err put_texts(const lw_str *texts, size_t count, lw_buf *out)
{
    LW_TRY(wallet_cbor_put_array(out, count));
    for (size_t i = 0; i < count; i++) {
        LW_TRY(wallet_cbor_put_text(out, texts[i]));
    }
    return LW_SUCCESS;
}

static lw_err put_entry(const struct wallet_trust_entry *entry, lw_buf *out)
{
    uint8_t hash[HSM_SHA256_LEN];
    const bool since = entry->revoked_since != INT64_MIN;
    const bool prefixes = entry->status_prefix_count > 0;
    LW_TRY(hsm_sha256(entry->cert, hash));
    LW_TRY(wallet_cbor_put_map(out, 5 + (since ? 1U : 0U) + (prefixes ? 1U : 0U)));
    LW_TRY(wallet_cbor_put_int(out, LTL_ENTRY_KID));
    LW_TRY(wallet_cbor_put_bytes(out, (lw_bytes){.ptr = hash, .len = WALLET_KID_LEN}));
    LW_TRY(wallet_cbor_put_int(out, LTL_ENTRY_CERT));
    LW_TRY(wallet_cbor_put_bytes(out, entry->cert));
    LW_TRY(wallet_cbor_put_int(out, LTL_ENTRY_VCTS));
    LW_TRY(put_texts(entry->vcts, entry->vct_count, out));
    LW_TRY(wallet_cbor_put_int(out, LTL_ENTRY_NOT_AFTER));
    LW_TRY(wallet_cbor_put_int(out, entry->not_after));
    LW_TRY(wallet_cbor_put_int(out, LTL_ENTRY_STATE));
    LW_TRY(wallet_cbor_put_int(out, (int64_t)entry->state));
    if (since) {
        LW_TRY(wallet_cbor_put_int(out, LTL_ENTRY_REVOKED_SINCE));
        LW_TRY(wallet_cbor_put_int(out, entry->revoked_since));
    }
    if (prefixes) {
        LW_TRY(wallet_cbor_put_int(out, LTL_ENTRY_PREFIXES));
        LW_TRY(put_texts(entry->status_prefixes, entry->status_prefix_count, out));
    }
    return LW_SUCCESS;
}

static lw_err put_anchors(const struct wallet_trust_list_parts *parts, lw_buf *out)
{
    const bool joined = parts->one_authority && parts->anchor_count > 1;
    if (parts->anchor_count == 0) {
        return LW_SUCCESS;
    }
    LW_TRY(wallet_cbor_put_int(out, LTL_ANCHORS));
    LW_TRY(wallet_cbor_put_array(out, joined ? 1 : parts->anchor_count));
    if (joined) {
        LW_TRY(wallet_cbor_put_array(out, parts->anchor_count));
    }
    for (size_t i = 0; i < parts->anchor_count; i++) {
        LW_TRY(wallet_cbor_put_bytes(out, parts->anchors[i]));
    }
    return LW_SUCCESS;
}

static lw_err put_entries(const struct wallet_trust_list_parts *parts, lw_buf *out)
{
    LW_TRY(wallet_cbor_put_int(out, LTL_ENTRIES));
    LW_TRY(wallet_cbor_put_array(out, parts->entry_count));
    for (size_t i = 0; i < parts->entry_count; i++) {
        LW_TRY(put_entry(&parts->entries[i], out));
    }
    LW_TRY(put_anchors(parts, out));
    if (parts->next_pin_count > 0) {
        LW_TRY(wallet_cbor_put_int(out, LTL_NEXT_PINS));
        LW_TRY(wallet_cbor_put_array(out, parts->next_pin_count));
    }
    for (size_t i = 0; i < parts->next_pin_count; i++) {
        LW_TRY(wallet_cbor_put_bytes(out, LW_BYTES(parts->next_pins[i])));
    }
    return LW_SUCCESS;
}

static lw_err put_claims(const struct wallet_trust_list_parts *parts, lw_buf *out)
{
    const size_t more = (parts->anchor_count > 0 ? 1U : 0U) + (parts->next_pin_count > 0 ? 1U : 0U);
    LW_TRY(wallet_cbor_put_map(out, 6 + more));
    LW_TRY(wallet_cbor_put_int(out, LTL_ISS));
    LW_TRY(wallet_cbor_put_text(out, parts->issuer));
    LW_TRY(wallet_cbor_put_int(out, LTL_EXP));
    LW_TRY(wallet_cbor_put_int(out, parts->exp));
    LW_TRY(wallet_cbor_put_int(out, LTL_IAT));
    LW_TRY(wallet_cbor_put_int(out, parts->iat));
    LW_TRY(wallet_cbor_put_int(out, LTL_TTL));
    LW_TRY(wallet_cbor_put_uint(out, parts->ttl_s));
    LW_TRY(wallet_cbor_put_int(out, LTL_VERSION));
    LW_TRY(wallet_cbor_put_uint(out, parts->version));
    return put_entries(parts, out);
}

static lw_err put_header(const struct hsm_public_key *key, lw_buf *out)
{
    uint8_t pin[WALLET_PIN_LEN];
    LW_TRY(wallet_trust_pin(key, pin));
    LW_TRY(wallet_cbor_put_map(out, 4));
    LW_TRY(wallet_cbor_put_int(out, WALLET_COSE_ALG));
    LW_TRY(wallet_cbor_put_int(out, wallet_cose_alg_of(key)));
    LW_TRY(wallet_cbor_put_int(out, WALLET_COSE_KID));
    LW_TRY(wallet_cbor_put_bytes(out, (lw_bytes){.ptr = pin, .len = WALLET_KID_LEN}));
    LW_TRY(wallet_cbor_put_int(out, WALLET_COSE_KCCS));
    LW_TRY(wallet_cbor_put_map(out, 1));
    LW_TRY(wallet_cbor_put_int(out, LTL_CNF));
    LW_TRY(wallet_cbor_put_map(out, 1));
    LW_TRY(wallet_cbor_put_int(out, LTL_CNF_KEY));
    LW_TRY(wallet_cose_key_put(key, false, out));
    LW_TRY(wallet_cbor_put_int(out, WALLET_COSE_TYP));
    return wallet_cbor_put_text(out, LW_STR(LTL_TYP));
}

lw_err wallet_trust_list_sign(const struct wallet_trust_list_parts *parts,
                              const struct hsm_signer *signer, int64_t now, lw_buf *out)
{
    LW_AUTO_BUF header = LW_BUF(HEADER_MAX);
    LW_AUTO_BUF claims = LW_BUF(WALLET_TRUST_LIST_MAX - 2 * HEADER_MAX);
    LW_TRY(check_parts(parts));
    LW_TRY(put_header(&signer->key, &header));
    LW_TRY(put_claims(parts, &claims));
    const struct wallet_cose_parts cose = {.protected = lw_buf_view(&header),
                                           .payload = lw_buf_view(&claims)};
    return wallet_cose_sign1_sign(&cose, signer, HSM_PURPOSE_TRUST_LIST, now, out);
}
