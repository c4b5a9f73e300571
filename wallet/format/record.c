#include "wallet/record.h"

#include <stdlib.h>

#include "hsm/digest.h"
#include "wallet/sdcwt.h"

enum {
    KEY_TYPE = -70201,
    KEY_TYPE_VERSION = -70202,
    KEY_VERSION = -70203,
    KEY_HOLDERS = -70204,
    HEADER_MAX = 64,
    KEY_ITEM_MAX = 16,
    HOLDER_MAX = 4096,
    KID_LEN = 8,
    CLAIM_DIGEST_LEN = 34,  /* 58 20 and the hash */
    HOLDER_DIGEST_LEN = 36, /* d8 3c 58 20 and the hash */
};

static const lw_str record_typ = {.ptr = "application/license-record+cwt", .len = 30};

lw_err wallet_record_derive_salts(struct wallet_license *license)
{
    const lw_bytes use = lw_str_bytes(LW_STR("license record claim salts"));
    uint8_t salts[WALLET_CLAIMS_MAX][WALLET_SALT_LEN];
    const size_t len = license->claim_count * WALLET_SALT_LEN;
    if (len == 0) {
        return LW_SUCCESS;
    }
    LW_TRY(hsm_derive(LW_BYTES(license->salt_seed), use, salts[0], len));
    for (size_t i = 0; i < license->claim_count; i++) {
        memcpy(license->claims[i].salt, salts[i], WALLET_SALT_LEN);
    }
    return LW_SUCCESS;
}

lw_err wallet_record_draw_salts(struct wallet_license *license, const struct lw_rng *rng)
{
    LW_TRY(lw_rng_fill(rng, license->salt_seed, sizeof(license->salt_seed)));
    license->salts_seeded = true;
    LW_TRY(wallet_record_derive_salts(license));
    for (size_t i = 0; i < license->holder_count; i++) {
        LW_TRY(lw_rng_fill(rng, license->holders[i].salt, sizeof(license->holders[i].salt)));
    }
    return LW_SUCCESS;
}

/* The digest of [salt, value, key], or of [salt, value] when `key` is empty. */
static lw_err digest_of(const uint8_t salt[WALLET_SALT_LEN], lw_bytes value, lw_bytes key,
                        uint8_t digest[HSM_SHA256_LEN])
{
    LW_AUTO_BUF contents = LW_BUF(WALLET_SDCWT_MAX);
    LW_TRY(wallet_sdcwt_disclosure_put(salt, value, key, &contents));
    return wallet_sdcwt_digest(lw_buf_view(&contents), digest);
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, HSM_SHA256_LEN);
}

static bool has_key_twice(const struct wallet_license_type *type,
                          const struct wallet_license *license, size_t nth)
{
    for (size_t i = 0; i < nth; i++) {
        if (type->claims[license->claims[i].def].cwt_key ==
            type->claims[license->claims[nth].def].cwt_key) {
            return true;
        }
    }
    return false;
}

static lw_err put_claims(const struct wallet_license_type *type,
                         const struct wallet_license *license, lw_buf *out)
{
    uint8_t digests[WALLET_CLAIMS_MAX][HSM_SHA256_LEN];
    for (size_t i = 0; i < license->claim_count; i++) {
        const struct wallet_claim *claim = &license->claims[i];
        LW_AUTO_BUF key = LW_BUF(KEY_ITEM_MAX);
        if (has_key_twice(type, license, i)) {
            return LW_FAIL(LW_E_VALUE, "record: two claims have one key", LW_NOWHERE);
        }
        if (wallet_cbor_check(claim->value).code != LW_OK) {
            return LW_FAIL(LW_E_VALUE, "record: claim is no CBOR item", LW_NOWHERE);
        }
        LW_TRY(wallet_cbor_put_int(&key, type->claims[claim->def].cwt_key));
        LW_TRY(digest_of(claim->salt, claim->value, lw_buf_view(&key), digests[i]));
    }
    qsort(digests, license->claim_count, HSM_SHA256_LEN, by_bytes);
    LW_TRY(wallet_cbor_put_simple(out, WALLET_SDCWT_SIMPLE_KEYS));
    LW_TRY(wallet_cbor_put_array(out, license->claim_count));
    for (size_t i = 0; i < license->claim_count; i++) {
        LW_TRY(wallet_cbor_put_bytes(out, LW_BYTES(digests[i])));
    }
    return LW_SUCCESS;
}

static lw_err digest_holder(const struct wallet_holder *holder, uint8_t digest[HSM_SHA256_LEN])
{
    LW_AUTO_BUF value = LW_BUF(HOLDER_MAX);
    LW_TRY(wallet_cbor_put_array(&value, 4));
    LW_TRY(wallet_cbor_put_text(&value, holder->code_type));
    LW_TRY(wallet_cbor_put_text(&value, holder->code));
    LW_TRY(wallet_cbor_put_text(&value, holder->role));
    LW_TRY(wallet_cbor_put_text(&value, holder->name));
    return digest_of(holder->salt, lw_buf_view(&value), (lw_bytes){.ptr = NULL, .len = 0}, digest);
}

static lw_err put_holders(const struct wallet_license *license, lw_buf *out)
{
    uint8_t digests[WALLET_HOLDERS_MAX][HSM_SHA256_LEN];
    for (size_t i = 0; i < license->holder_count; i++) {
        LW_TRY(digest_holder(&license->holders[i], digests[i]));
    }
    qsort(digests, license->holder_count, HSM_SHA256_LEN, by_bytes);
    LW_TRY(wallet_cbor_put_int(out, KEY_HOLDERS));
    LW_TRY(wallet_cbor_put_array(out, license->holder_count));
    for (size_t i = 0; i < license->holder_count; i++) {
        LW_TRY(wallet_cbor_put_tag(out, WALLET_SDCWT_TAG_ELEMENT));
        LW_TRY(wallet_cbor_put_bytes(out, LW_BYTES(digests[i])));
    }
    return LW_SUCCESS;
}

static lw_err put_int(lw_buf *out, int64_t key, int64_t value)
{
    LW_TRY(wallet_cbor_put_int(out, key));
    return wallet_cbor_put_int(out, value);
}

static lw_err put_text(lw_buf *out, int64_t key, lw_str value)
{
    if (value.len == 0) {
        return LW_FAIL(LW_E_VALUE, "record: number, version, type or issuer is empty", LW_NOWHERE);
    }
    LW_TRY(wallet_cbor_put_int(out, key));
    return wallet_cbor_put_text(out, value);
}

/* Keys in bytewise order of their encodings (RFC 8949 section 4.2.1). */
static lw_err put_payload(const struct wallet_license_type *type,
                          const struct wallet_license *license, lw_buf *out)
{
    const bool ends = license->valid_until != INT64_MAX;
    LW_TRY(wallet_cbor_put_map(out, ends ? 10 : 9));
    LW_TRY(put_text(out, WALLET_CWT_ISS, license->issuer));
    LW_TRY(put_text(out, WALLET_CWT_SUB, license->number));
    if (ends) {
        LW_TRY(put_int(out, WALLET_CWT_EXP, license->valid_until));
    }
    LW_TRY(put_int(out, WALLET_CWT_NBF, license->valid_from));
    LW_TRY(put_int(out, WALLET_CWT_IAT, license->issued_at));
    LW_TRY(put_text(out, KEY_TYPE, license->type));
    LW_TRY(put_int(out, KEY_TYPE_VERSION, license->type_version));
    LW_TRY(put_text(out, KEY_VERSION, license->version));
    LW_TRY(put_holders(license, out));
    return put_claims(type, license, out);
}

lw_err wallet_record_payload(const struct wallet_license_type *type,
                             const struct wallet_license *license, lw_buf *payload)
{
    const size_t before = payload->len;
    const lw_err err = put_payload(type, license, payload);
    if (err.code != LW_OK) {
        lw_buf_truncate(payload, before);
    }
    return err;
}

static lw_err put_header(const uint8_t kid[KID_LEN], lw_buf *out)
{
    LW_TRY(wallet_cbor_put_map(out, 3));
    LW_TRY(put_int(out, WALLET_COSE_ALG, WALLET_COSE_ESP256));
    LW_TRY(wallet_cbor_put_int(out, WALLET_COSE_KID));
    LW_TRY(wallet_cbor_put_bytes(out, (lw_bytes){.ptr = kid, .len = KID_LEN}));
    LW_TRY(wallet_cbor_put_int(out, WALLET_COSE_TYP));
    return wallet_cbor_put_text(out, record_typ);
}

lw_err wallet_record_digest(const uint8_t kid[KID_LEN], lw_bytes payload, uint8_t digest[32])
{
    LW_AUTO_BUF header = LW_BUF(HEADER_MAX);
    LW_TRY(put_header(kid, &header));
    const struct wallet_cose_parts parts = {.protected = lw_buf_view(&header), .payload = payload};
    return wallet_cose_sign1_digest(&parts, digest);
}

lw_err wallet_record_assemble(const uint8_t kid[KID_LEN], lw_bytes payload, lw_bytes signature,
                              lw_buf *record)
{
    LW_AUTO_BUF header = LW_BUF(HEADER_MAX);
    LW_TRY(put_header(kid, &header));
    const struct wallet_cose_parts parts = {.protected = lw_buf_view(&header), .payload = payload};
    return wallet_cose_sign1_put(&parts, signature, record);
}

lw_err wallet_record_sign(const struct hsm_signer *signer, int64_t now, lw_bytes payload,
                          lw_buf *record)
{
    LW_AUTO_BUF header = LW_BUF(HEADER_MAX);
    LW_TRY(put_header(signer->kid, &header));
    const struct wallet_cose_parts parts = {.protected = lw_buf_view(&header), .payload = payload};
    return wallet_cose_sign1_sign(&parts, signer, HSM_PURPOSE_CREDENTIAL, now, record);
}

static lw_err refuse(const char *why)
{
    return LW_FAIL(LW_E_VALUE, why, LW_NOWHERE);
}

static lw_err read_header(const struct wallet_cose_sign1 *message, struct wallet_record *record)
{
    struct wallet_cbor kid =
        wallet_cbor_reader(wallet_cbor_map_get_int(message->protected, WALLET_COSE_KID));
    struct wallet_cbor typ =
        wallet_cbor_reader(wallet_cbor_map_get_int(message->protected, WALLET_COSE_TYP));
    const lw_bytes id = wallet_cbor_bytes(&kid);
    if (!lw_str_eq(wallet_cbor_text(&typ), record_typ)) {
        return LW_FAIL(LW_E_UNSUPPORTED, "record: another typ", LW_NOWHERE);
    }
    if (message->alg != WALLET_COSE_ESP256) {
        return LW_FAIL(LW_E_UNSUPPORTED, "record: alg is not -9", LW_NOWHERE);
    }
    if (!wallet_cose_unprotected_empty(message)) {
        return refuse("record: unprotected header is not empty");
    }
    if (id.len != KID_LEN) {
        return refuse("record: kid is not 8 bytes");
    }
    memcpy(record->kid, id.ptr, KID_LEN);
    return LW_SUCCESS;
}

/* Reads the integer key that must come next. */
static bool next_key(struct wallet_cbor *r, int64_t key)
{
    return wallet_cbor_int(r) == key && wallet_cbor_ok(r);
}

static lw_str next_text(struct wallet_cbor *r, int64_t key)
{
    const lw_str text = next_key(r, key) ? wallet_cbor_text(r) : (lw_str){.ptr = NULL, .len = 0};
    if (text.len == 0) {
        wallet_cbor_fail(r, refuse("record: a text is missing or empty"));
    }
    return text;
}

static int64_t next_int(struct wallet_cbor *r, int64_t key)
{
    if (!next_key(r, key)) {
        wallet_cbor_fail(r, refuse("record: a number is missing"));
    }
    return wallet_cbor_int(r);
}

/* Reads digests, each `len` bytes long with its head, that must be in ascending order. */
static lw_bytes next_digests(struct wallet_cbor *r, bool tagged, size_t len, size_t *count)
{
    *count = wallet_cbor_array(r);
    const uint8_t *from = r->at;
    const uint8_t *last = NULL;
    for (size_t i = 0; i < *count && wallet_cbor_ok(r); i++) {
        if (tagged && wallet_cbor_tag(r) != WALLET_SDCWT_TAG_ELEMENT) {
            wallet_cbor_fail(r, refuse("record: holder is no redacted element"));
        }
        const lw_bytes digest = wallet_cbor_bytes(r);
        if (digest.len != HSM_SHA256_LEN) {
            wallet_cbor_fail(r, refuse("record: digest is not 32 bytes"));
        } else if (last != NULL && memcmp(last, digest.ptr, HSM_SHA256_LEN) >= 0) {
            wallet_cbor_fail(r, refuse("record: digests are not sorted"));
        }
        last = digest.ptr;
    }
    return (lw_bytes){.ptr = from, .len = *count * len};
}

/* A record has one spelling, so its map is read in order. */
static lw_err read_payload(lw_bytes payload, struct wallet_record *record)
{
    struct wallet_cbor r = wallet_cbor_reader(payload);
    const size_t pairs = wallet_cbor_map(&r);
    if (pairs != 9 && pairs != 10) {
        wallet_cbor_fail(&r, refuse("record: another number of members"));
    }
    record->issuer = next_text(&r, WALLET_CWT_ISS);
    record->number = next_text(&r, WALLET_CWT_SUB);
    record->valid_until = pairs == 10 ? next_int(&r, WALLET_CWT_EXP) : INT64_MAX;
    record->valid_from = next_int(&r, WALLET_CWT_NBF);
    record->issued_at = next_int(&r, WALLET_CWT_IAT);
    record->type = next_text(&r, KEY_TYPE);
    const int64_t type_version = next_int(&r, KEY_TYPE_VERSION);
    if (type_version < 0 || type_version > UINT32_MAX) {
        wallet_cbor_fail(&r, refuse("record: type version out of range"));
    }
    record->type_version = (unsigned)type_version;
    record->version = next_text(&r, KEY_VERSION);
    if (!next_key(&r, KEY_HOLDERS)) {
        wallet_cbor_fail(&r, refuse("record: holders are missing"));
    }
    record->holder_digests = next_digests(&r, true, HOLDER_DIGEST_LEN, &record->holder_count);
    if (wallet_cbor_simple(&r) != WALLET_SDCWT_SIMPLE_KEYS) {
        wallet_cbor_fail(&r, refuse("record: claims are missing"));
    }
    record->claim_digests = next_digests(&r, false, CLAIM_DIGEST_LEN, &record->claim_count);
    if (record->holder_count > WALLET_HOLDERS_MAX || record->claim_count > WALLET_CLAIMS_MAX) {
        wallet_cbor_fail(&r, LW_FAIL(LW_E_LIMIT, "record: too many digests", LW_NOWHERE));
    }
    return wallet_cbor_finish(&r);
}

lw_err wallet_record_parse(lw_bytes in, struct wallet_record *record)
{
    struct wallet_cose_sign1 message;
    *record = (struct wallet_record){.bytes = in};
    if (in.len > WALLET_RECORD_MAX) {
        return LW_FAIL(LW_E_LIMIT, "record: too long", WALLET_RECORD_MAX);
    }
    LW_TRY(wallet_cose_sign1_parse(in, &message));
    LW_TRY(read_header(&message, record));
    return read_payload(message.payload, record);
}

lw_err wallet_record_verify(const struct wallet_record *record, const struct hsm_public_key *key)
{
    struct wallet_cose_sign1 message;
    LW_TRY(wallet_cose_sign1_parse(record->bytes, &message));
    return wallet_cose_sign1_verify(&message, (lw_bytes){.ptr = NULL, .len = 0}, key);
}

/* Names the first of the open members that differs, or returns NULL. */
static const char *difference(const struct wallet_record *record,
                              const struct wallet_license *license)
{
    if (!lw_str_eq(record->type, license->type) || record->type_version != license->type_version) {
        return "record: of another type";
    }
    if (!lw_str_eq(record->number, license->number) ||
        !lw_str_eq(record->version, license->version)) {
        return "record: of another number or version";
    }
    if (!lw_str_eq(record->issuer, license->issuer)) {
        return "record: of another issuer";
    }
    if (record->issued_at != license->issued_at || record->valid_from != license->valid_from ||
        record->valid_until != license->valid_until) {
        return "record: its times differ";
    }
    return record->holder_count != license->holder_count ? "record: its holders differ" : NULL;
}

lw_err wallet_record_matches(const struct wallet_record *record,
                             const struct wallet_license_type *type,
                             const struct wallet_license *license)
{
    struct wallet_cose_sign1 message;
    LW_AUTO_BUF payload = LW_BUF(WALLET_RECORD_MAX);
    const char *why = difference(record, license);
    if (why != NULL) {
        return LW_FAIL(LW_E_CORRUPT, why, LW_NOWHERE);
    }
    LW_TRY(wallet_cose_sign1_parse(record->bytes, &message));
    /* One license has one payload, so equal bytes mean equal claims and holders. */
    LW_TRY(wallet_record_payload(type, license, &payload));
    if (!lw_bytes_eq(lw_buf_view(&payload), message.payload)) {
        return LW_FAIL(LW_E_CORRUPT, "record: its claims or holders differ", LW_NOWHERE);
    }
    return LW_SUCCESS;
}
