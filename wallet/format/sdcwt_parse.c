#include "sdcwt_internal.h"

enum {
    KID_LEN = 8,
    X5T_LEN = 32,
    X5T_SHORT_LEN = 8,
    CTI_MAX = 64,
    VCT_EXPERIMENTAL = 65000, /* integers from here are not for operation */
};

static const double TIME_MAX = 9007199254740992.0; /* 2^53: a float below holds whole seconds */

/* What we look for in a protected header, found in one pass. */
enum {
    HEAD_TYP,
    HEAD_KID,
    HEAD_X5T,
    HEAD_X5CHAIN,
    HEAD_X5U,
    HEAD_X5BAG,
    HEAD_KCCS,
    HEAD_KCWT,
    HEAD_SD_ALG,
    HEADS
};

static void find_heads(lw_bytes header, struct wallet_cbor_pick heads[HEADS])
{
    static const struct wallet_cbor_pick labels[HEADS] = {
        [HEAD_TYP] = {.key = WALLET_COSE_TYP},       [HEAD_KID] = {.key = WALLET_COSE_KID},
        [HEAD_X5T] = {.key = WALLET_COSE_X5T},       [HEAD_X5CHAIN] = {.key = WALLET_COSE_X5CHAIN},
        [HEAD_X5U] = {.key = WALLET_COSE_X5U},       [HEAD_X5BAG] = {.key = WALLET_COSE_X5BAG},
        [HEAD_KCCS] = {.key = WALLET_COSE_KCCS},     [HEAD_KCWT] = {.key = WALLET_COSE_KCWT},
        [HEAD_SD_ALG] = {.key = WALLET_COSE_SD_ALG},
    };
    memcpy(heads, labels, sizeof(labels));
    wallet_cbor_map_pick(header, heads, HEADS);
}

/* What we look for among the claims of either token. */
enum {
    CLAIM_ISS,
    CLAIM_SUB,
    CLAIM_AUD,
    CLAIM_EXP,
    CLAIM_NBF,
    CLAIM_IAT,
    CLAIM_CTI,
    CLAIM_CNF,
    CLAIM_VCT,
    CLAIM_CNONCE,
    CLAIM_STATUS,
    CLAIMS
};

static void find_claims(lw_bytes map, struct wallet_cbor_pick claims[CLAIMS])
{
    static const struct wallet_cbor_pick keys[CLAIMS] = {
        [CLAIM_ISS] = {.key = WALLET_CWT_ISS},       [CLAIM_SUB] = {.key = WALLET_CWT_SUB},
        [CLAIM_AUD] = {.key = WALLET_CWT_AUD},       [CLAIM_EXP] = {.key = WALLET_CWT_EXP},
        [CLAIM_NBF] = {.key = WALLET_CWT_NBF},       [CLAIM_IAT] = {.key = WALLET_CWT_IAT},
        [CLAIM_CTI] = {.key = WALLET_CWT_CTI},       [CLAIM_CNF] = {.key = WALLET_CWT_CNF},
        [CLAIM_VCT] = {.key = WALLET_CWT_VCT},       [CLAIM_CNONCE] = {.key = WALLET_CWT_CNONCE},
        [CLAIM_STATUS] = {.key = WALLET_CWT_STATUS},
    };
    memcpy(claims, keys, sizeof(keys));
    wallet_cbor_map_pick(map, claims, CLAIMS);
}

static lw_err refuse(const char *why)
{
    return LW_FAIL(LW_E_VALUE, why, LW_NOWHERE);
}

/* The media type as its number or in full (RFC 9596). */
static lw_err check_typ(lw_bytes typ, uint64_t number, lw_str text)
{
    struct wallet_cbor r = wallet_cbor_reader(typ);
    const bool holds = wallet_cbor_peek(&r) == WALLET_CBOR_TEXT
                           ? lw_str_eq(wallet_cbor_text(&r), text)
                           : wallet_cbor_uint(&r) == number && wallet_cbor_ok(&r);
    return holds ? LW_SUCCESS : LW_FAIL(LW_E_UNSUPPORTED, "sdcwt: another typ", LW_NOWHERE);
}

/* What holds for both tokens: the algorithm, and the length of its signature (QR-4). */
static lw_err check_message(const struct wallet_cose_sign1 *message)
{
    if (message->alg != WALLET_COSE_ESP256 && message->alg != WALLET_COSE_ES256) {
        return LW_FAIL(LW_E_UNSUPPORTED, "sdcwt: alg is neither -9 nor -7", LW_NOWHERE);
    }
    if (message->signature.len != HSM_ES256_SIG_LEN) {
        return refuse("sdcwt: signature is not 64 bytes");
    }
    return LW_SUCCESS;
}

/* Whether the header names a key in a way we do not take: by URI, a bag, or a token. */
static bool has_other_key(const struct wallet_cbor_pick heads[HEADS])
{
    return heads[HEAD_X5U].value.len > 0 || heads[HEAD_X5BAG].value.len > 0 ||
           heads[HEAD_KCCS].value.len > 0;
}

static lw_err read_kid(lw_bytes item, lw_bytes *kid)
{
    struct wallet_cbor r = wallet_cbor_reader(item);
    *kid = wallet_cbor_bytes(&r);
    return wallet_cbor_ok(&r) && kid->len == KID_LEN ? LW_SUCCESS
                                                     : refuse("sdcwt: kid is not 8 bytes");
}

static lw_err read_x5t(lw_bytes item, lw_bytes *hash)
{
    struct wallet_cbor r = wallet_cbor_reader(item);
    const size_t count = wallet_cbor_array(&r);
    const int64_t alg = wallet_cbor_int(&r);
    *hash = wallet_cbor_bytes(&r);
    const bool whole = alg == WALLET_COSE_SHA256 && hash->len == X5T_LEN;
    const bool cut = alg == WALLET_COSE_SHA256_64 && hash->len == X5T_SHORT_LEN;
    return wallet_cbor_ok(&r) && count == 2 && (whole || cut)
               ? LW_SUCCESS
               : refuse("sdcwt: x5t is no SHA-256 hash");
}

static lw_err read_x5chain(lw_bytes item, lw_bytes *chain)
{
    struct wallet_cbor r = wallet_cbor_reader(item);
    const bool many = wallet_cbor_peek(&r) == WALLET_CBOR_ARRAY;
    const size_t count = many ? wallet_cbor_array(&r) : 1;
    for (size_t i = 0; i < count; i++) {
        (void)wallet_cbor_bytes(&r);
    }
    *chain = item;
    return wallet_cbor_ok(&r) && count >= 1 && count <= HSM_CHAIN_MAX
               ? LW_SUCCESS
               : refuse("sdcwt: x5chain is no list of certificates");
}

static lw_err read_key_ref(const struct wallet_cbor_pick heads[HEADS], struct wallet_sdcwt *cwt)
{
    const lw_bytes kid = heads[HEAD_KID].value;
    const lw_bytes x5t = heads[HEAD_X5T].value;
    const lw_bytes chain = heads[HEAD_X5CHAIN].value;
    const int count = (kid.len > 0) + (x5t.len > 0) + (chain.len > 0);
    if (count != 1 || has_other_key(heads) || heads[HEAD_KCWT].value.len > 0) {
        return refuse("sdcwt: not exactly one of kid, x5t and x5chain");
    }
    if (kid.len > 0) {
        cwt->key_ref = WALLET_SDCWT_BY_KID;
        return read_kid(kid, &cwt->key);
    }
    if (x5t.len > 0) {
        cwt->key_ref = WALLET_SDCWT_BY_X5T;
        return read_x5t(x5t, &cwt->key);
    }
    cwt->key_ref = WALLET_SDCWT_BY_X5CHAIN;
    return read_x5chain(chain, &cwt->key);
}

static lw_err check_sd_alg(lw_bytes item)
{
    struct wallet_cbor r = wallet_cbor_reader(item);
    if (item.len > 0 && (wallet_cbor_int(&r) != WALLET_COSE_SHA256 || !wallet_cbor_ok(&r))) {
        return LW_FAIL(LW_E_UNSUPPORTED, "sdcwt: sd_alg is not SHA-256", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

/* The unprotected header holds disclosures and nothing else. */
static lw_err read_sd_claims(lw_bytes header, struct wallet_sdcwt *cwt)
{
    struct wallet_cbor r = wallet_cbor_reader(header);
    const size_t labels = wallet_cbor_map(&r);
    cwt->sd_claims = wallet_cbor_map_get_int(header, WALLET_COSE_SD_CLAIMS);
    if (labels != (cwt->sd_claims.len > 0 ? 1 : 0)) {
        return refuse("sdcwt: unprotected header holds more than disclosures");
    }
    if (labels == 0) {
        return LW_SUCCESS;
    }
    r = wallet_cbor_reader(cwt->sd_claims);
    const size_t count = wallet_cbor_array(&r);
    for (size_t i = 0; i < count; i++) {
        (void)wallet_cbor_bytes(&r);
    }
    if (!wallet_cbor_ok(&r)) {
        return refuse("sdcwt: sd_claims is no array of byte strings");
    }
    return count > 0 ? LW_SUCCESS : refuse("sdcwt: sd_claims is empty");
}

static lw_err read_text(lw_bytes item, const char *why, lw_str *text)
{
    *text = (lw_str){.ptr = NULL, .len = 0};
    if (item.len == 0) {
        return LW_SUCCESS;
    }
    struct wallet_cbor r = wallet_cbor_reader(item);
    *text = wallet_cbor_text(&r);
    return wallet_cbor_ok(&r) && text->len > 0 ? LW_SUCCESS : refuse(why);
}

/* A NumericDate: an integer, or a finite float rounded `up` or down to a second. */
static bool read_time(lw_bytes item, bool up, int64_t *t)
{
    struct wallet_cbor r = wallet_cbor_reader(item);
    if (wallet_cbor_peek(&r) != WALLET_CBOR_FLOAT) {
        *t = wallet_cbor_int(&r);
        return wallet_cbor_ok(&r);
    }
    const double value = wallet_cbor_float(&r);
    if (!(value > -TIME_MAX && value < TIME_MAX)) { /* also what is not a number */
        return false;
    }
    *t = (int64_t)value;
    if (up && (double)*t < value) {
        *t += 1;
    }
    if (!up && (double)*t > value) {
        *t -= 1;
    }
    return true;
}

static lw_err read_times(const struct wallet_cbor_pick claims[CLAIMS], struct wallet_sdcwt *cwt)
{
    const lw_bytes nbf = claims[CLAIM_NBF].value;
    cwt->nbf = INT64_MIN;
    if (!read_time(claims[CLAIM_EXP].value, false, &cwt->exp)) {
        return refuse("sdcwt: exp is missing or no finite number");
    }
    if (!read_time(claims[CLAIM_IAT].value, true, &cwt->iat)) {
        return refuse("sdcwt: iat is missing or no finite number");
    }
    if (nbf.len > 0 && !read_time(nbf, true, &cwt->nbf)) {
        return refuse("sdcwt: nbf is no finite number");
    }
    return LW_SUCCESS;
}

static lw_err read_vct(lw_bytes item, struct wallet_sdcwt *cwt)
{
    struct wallet_cbor r = wallet_cbor_reader(item);
    cwt->vct_number = wallet_cbor_peek(&r) == WALLET_CBOR_UINT;
    if (!cwt->vct_number) {
        return read_text(item, "sdcwt: vct is neither text nor number", &cwt->vct);
    }
    return wallet_cbor_uint(&r) < VCT_EXPERIMENTAL ? LW_SUCCESS
                                                   : refuse("sdcwt: vct is experimental");
}

static lw_err read_cnf(lw_bytes cnf, struct wallet_sdcwt *cwt)
{
    cwt->cnf_key = wallet_cbor_map_get_int(cnf, FORMAT_CNF_COSE_KEY);
    struct wallet_cbor r = wallet_cbor_reader(cwt->cnf_key);
    return wallet_cbor_peek(&r) == WALLET_CBOR_MAP ? LW_SUCCESS : refuse("sdcwt: cnf holds no key");
}

static lw_err read_cti(lw_bytes item, struct wallet_sdcwt *cwt)
{
    struct wallet_cbor r = wallet_cbor_reader(item);
    if (item.len == 0) {
        return LW_SUCCESS;
    }
    cwt->cti = wallet_cbor_bytes(&r);
    return cwt->cti.len >= 1 && cwt->cti.len <= CTI_MAX ? LW_SUCCESS
                                                        : refuse("sdcwt: cti is no identifier");
}

/* {"status_list": {"idx": uint, "uri": text}} (draft-ietf-oauth-status-list section 6.3). */
static lw_err read_status(lw_bytes item, struct wallet_sdcwt *cwt)
{
    if (item.len == 0) {
        return LW_SUCCESS;
    }
    const lw_bytes list = wallet_cbor_map_get_text(item, LW_STR("status_list"));
    struct wallet_cbor idx = wallet_cbor_reader(wallet_cbor_map_get_text(list, LW_STR("idx")));
    struct wallet_cbor uri = wallet_cbor_reader(wallet_cbor_map_get_text(list, LW_STR("uri")));
    cwt->status = (struct wallet_status_ref){
        .present = true, .idx = wallet_cbor_uint(&idx), .uri = wallet_cbor_text(&uri)};
    const bool holds = wallet_cbor_ok(&idx) && wallet_cbor_ok(&uri) && cwt->status.uri.len > 0;
    return holds ? LW_SUCCESS : refuse("sdcwt: status is no status_list reference");
}

/* Checks that `claims` is one map and that redaction stands in its places. */
static lw_err check_claims(lw_bytes claims, bool *redacted)
{
    LW_TRY(wallet_cbor_check(claims));
    struct wallet_cbor r = wallet_cbor_reader(claims);
    if (wallet_cbor_peek(&r) != WALLET_CBOR_MAP) {
        return LW_FAIL(LW_E_SYNTAX, "sdcwt: claims are no map", 0);
    }
    return format_sdcwt_scan(claims, redacted);
}

static lw_err read_claims(lw_bytes map, struct wallet_sdcwt *cwt)
{
    struct wallet_cbor_pick claims[CLAIMS];
    lw_str sub;
    LW_TRY(check_claims(map, &cwt->redacted));
    find_claims(map, claims);
    if (claims[CLAIM_AUD].value.len > 0 || claims[CLAIM_CNONCE].value.len > 0) {
        return refuse("sdcwt: aud or cnonce outside the key-binding token");
    }
    LW_TRY(read_text(claims[CLAIM_ISS].value, "sdcwt: iss is no text", &cwt->iss));
    LW_TRY(read_text(claims[CLAIM_SUB].value, "sdcwt: sub is no text", &sub));
    LW_TRY(read_times(claims, cwt));
    LW_TRY(read_vct(claims[CLAIM_VCT].value, cwt));
    LW_TRY(read_cti(claims[CLAIM_CTI].value, cwt));
    LW_TRY(read_cnf(claims[CLAIM_CNF].value, cwt));
    return read_status(claims[CLAIM_STATUS].value, cwt);
}

lw_err wallet_sdcwt_parse(lw_bytes in, struct wallet_sdcwt *cwt)
{
    *cwt = (struct wallet_sdcwt){.redacted = false};
    if (in.len > WALLET_SDCWT_MAX) {
        return LW_FAIL(LW_E_LIMIT, "sdcwt: token too long", WALLET_SDCWT_MAX);
    }
    LW_TRY(wallet_cose_sign1_parse(in, &cwt->cose));
    struct wallet_cbor_pick heads[HEADS];
    LW_TRY(check_message(&cwt->cose));
    find_heads(cwt->cose.protected, heads);
    LW_TRY(check_typ(heads[HEAD_TYP].value, FORMAT_TYP_SD_CWT, LW_STR("application/sd-cwt")));
    LW_TRY(read_key_ref(heads, cwt));
    LW_TRY(check_sd_alg(heads[HEAD_SD_ALG].value));
    LW_TRY(read_sd_claims(cwt->cose.unprotected, cwt));
    return read_claims(cwt->cose.payload, cwt);
}

static lw_err read_kbt_times(const struct wallet_cbor_pick claims[CLAIMS], struct wallet_sdkbt *kbt)
{
    const lw_bytes items[] = {claims[CLAIM_IAT].value, claims[CLAIM_NBF].value,
                              claims[CLAIM_EXP].value};
    int64_t *const times[] = {&kbt->iat, &kbt->nbf, &kbt->exp};
    kbt->nbf = INT64_MIN;
    kbt->exp = INT64_MAX;
    if (items[0].len == 0) {
        return refuse("sdcwt: key binding lacks iat");
    }
    for (size_t i = 0; i < 3; i++) {
        const lw_bytes item = items[i];
        struct wallet_cbor r = wallet_cbor_reader(item);
        if (item.len > 0) {
            *times[i] = wallet_cbor_int(&r);
        }
        if (item.len > 0 && !wallet_cbor_ok(&r)) {
            return refuse("sdcwt: time of the key binding is no integer");
        }
    }
    return LW_SUCCESS;
}

/* The nonce that is answered; empty when there is none. */
static lw_err read_cnonce(lw_bytes item, lw_bytes *cnonce)
{
    struct wallet_cbor r = wallet_cbor_reader(item);
    *cnonce = item.len > 0 ? wallet_cbor_bytes(&r) : item;
    return item.len == 0 || cnonce->len == WALLET_SDCWT_NONCE_LEN
               ? LW_SUCCESS
               : refuse("sdcwt: cnonce is not 16 bytes");
}

static lw_err read_kbt_claims(lw_bytes map, struct wallet_sdkbt *kbt)
{
    struct wallet_cbor_pick claims[CLAIMS];
    bool redacted = false;
    LW_TRY(check_claims(map, &redacted));
    find_claims(map, claims);
    if (redacted) {
        return refuse("sdcwt: redaction in the key binding");
    }
    if (claims[CLAIM_ISS].value.len > 0 || claims[CLAIM_SUB].value.len > 0) {
        return refuse("sdcwt: iss or sub in the key binding");
    }
    LW_TRY(read_text(claims[CLAIM_AUD].value, "sdcwt: aud is no text", &kbt->aud));
    if (kbt->aud.len == 0) {
        return refuse("sdcwt: key binding lacks aud");
    }
    LW_TRY(read_cnonce(claims[CLAIM_CNONCE].value, &kbt->cnonce));
    return read_kbt_times(claims, kbt);
}

lw_err wallet_sdkbt_parse(lw_bytes in, struct wallet_sdkbt *kbt)
{
    *kbt = (struct wallet_sdkbt){.iat = 0};
    if (in.len > WALLET_SDCWT_MAX) {
        return LW_FAIL(LW_E_LIMIT, "sdcwt: token too long", WALLET_SDCWT_MAX);
    }
    LW_TRY(wallet_cose_sign1_parse(in, &kbt->cose));
    struct wallet_cbor_pick heads[HEADS];
    LW_TRY(check_message(&kbt->cose));
    find_heads(kbt->cose.protected, heads);
    LW_TRY(check_typ(heads[HEAD_TYP].value, FORMAT_TYP_KB_CWT, LW_STR("application/kb+cwt")));
    if (!wallet_cose_unprotected_empty(&kbt->cose)) {
        return refuse("sdcwt: unprotected header of the key binding is not empty");
    }
    if (has_other_key(heads) || heads[HEAD_KID].value.len > 0 || heads[HEAD_X5T].value.len > 0 ||
        heads[HEAD_X5CHAIN].value.len > 0) {
        return refuse("sdcwt: key binding names a key of its own");
    }
    const lw_bytes kcwt = heads[HEAD_KCWT].value;
    if (kcwt.len == 0) {
        return refuse("sdcwt: key binding holds no SD-CWT");
    }
    LW_TRY(wallet_sdcwt_parse(kcwt, &kbt->cwt));
    return read_kbt_claims(kbt->cose.payload, kbt);
}

lw_err wallet_sdkbt_cnonce(lw_bytes in, lw_bytes *cnonce)
{
    struct wallet_cose_sign1 cose;
    if (in.len > WALLET_SDCWT_MAX) {
        return LW_FAIL(LW_E_LIMIT, "sdcwt: token too long", WALLET_SDCWT_MAX);
    }
    LW_TRY(wallet_cose_sign1_parse(in, &cose));
    LW_TRY(wallet_cbor_check(cose.payload));
    return read_cnonce(wallet_cbor_map_get_int(cose.payload, WALLET_CWT_CNONCE), cnonce);
}
