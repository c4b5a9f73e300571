#include "wallet/trust_list.h"

#include "trust_list_keys.h"
#include "wallet/cose.h"

static lw_err bad_value(const char *why)
{
    return LW_FAIL(LW_E_VALUE, why, LW_NOWHERE);
}

/* The value of an integer key, ready to be read; at its end when there is none. */
static struct wallet_cbor value_of(lw_bytes map, int64_t key)
{
    return wallet_cbor_reader(wallet_cbor_map_get_int(map, key));
}

static lw_err check_header(const struct wallet_cose_sign1 *cose)
{
    struct wallet_cbor r = value_of(cose->protected, WALLET_COSE_TYP);
    const lw_str typ = wallet_cbor_text(&r);
    if (!lw_str_is(typ, LTL_TYP)) {
        return LW_FAIL(LW_E_UNSUPPORTED, "trust list: typ is not application/ltl+cwt", LW_NOWHERE);
    }
    if (!wallet_cose_unprotected_empty(cose)) {
        return bad_value("trust list: unprotected headers");
    }
    return LW_SUCCESS;
}

/* The list brings its key; only the pin makes it one to be believed. */
static lw_err find_key(const struct wallet_cose_sign1 *cose,
                       const struct wallet_trust_list_expect *expect, struct hsm_public_key *key,
                       uint8_t pin[WALLET_PIN_LEN])
{
    const lw_bytes kccs = wallet_cbor_map_get_int(cose->protected, WALLET_COSE_KCCS);
    const lw_bytes cnf = wallet_cbor_map_get_int(kccs, LTL_CNF);
    struct wallet_cbor r = value_of(cose->protected, WALLET_COSE_KID);
    const lw_bytes kid = wallet_cbor_bytes(&r);
    LW_TRY(wallet_cose_key_read(wallet_cbor_map_get_int(cnf, LTL_CNF_KEY), key));
    LW_TRY(wallet_trust_pin(key, pin));
    if (!lw_bytes_eq(kid, (lw_bytes){.ptr = pin, .len = WALLET_KID_LEN})) {
        return bad_value("trust list: kid is not the key's");
    }
    for (size_t i = 0; i < expect->pin_count; i++) {
        if (memcmp(expect->pins[i], pin, WALLET_PIN_LEN) == 0) {
            return LW_SUCCESS;
        }
    }
    return LW_FAIL(LW_E_UNTRUSTED, "trust list: its key is not pinned", LW_NOWHERE);
}

static lw_err read_times(lw_bytes claims, struct wallet_trust_list *list)
{
    struct wallet_cbor iat = value_of(claims, LTL_IAT);
    struct wallet_cbor exp = value_of(claims, LTL_EXP);
    struct wallet_cbor ttl = value_of(claims, LTL_TTL);
    struct wallet_cbor version = value_of(claims, LTL_VERSION);
    list->iat = wallet_cbor_int(&iat);
    list->exp = wallet_cbor_int(&exp);
    list->ttl_s = wallet_cbor_uint(&ttl);
    list->version = wallet_cbor_uint(&version);
    if (!wallet_cbor_ok(&iat) || !wallet_cbor_ok(&exp) || !wallet_cbor_ok(&ttl)) {
        return bad_value("trust list: a time is missing or no integer");
    }
    if (list->version == 0) {
        return bad_value("trust list: version is missing or not positive");
    }
    if (list->iat < 0 || list->exp <= list->iat) {
        return bad_value("trust list: times are not in order");
    }
    return LW_SUCCESS;
}

/* No way back, and one version says one thing (specs/qr.md section 6). */
static lw_err check_version(const struct wallet_trust_list *list,
                            const struct wallet_trust_list_expect *expect)
{
    if (list->version < expect->held_version) {
        return LW_FAIL(LW_E_CONFLICT, "trust list: older than the one held", LW_NOWHERE);
    }
    if (list->version == expect->held_version && expect->held_id != NULL &&
        memcmp(list->id, expect->held_id, sizeof(list->id)) != 0) {
        return LW_FAIL(LW_E_CONFLICT, "trust list: another list of the same version", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static lw_err check_times(struct wallet_trust_list *list,
                          const struct wallet_trust_list_expect *expect)
{
    if (list->iat > expect->now + expect->skew_s) {
        return LW_FAIL(LW_E_EXPIRED, "trust list: dated ahead", LW_NOWHERE);
    }
    list->in_grace = expect->now >= list->exp;
    if (list->in_grace && expect->now - list->exp >= expect->grace_s) {
        return LW_FAIL(LW_E_EXPIRED, "trust list: past its end", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static lw_err read_texts(lw_bytes item, lw_str *texts, size_t max, size_t *count)
{
    struct wallet_cbor r = wallet_cbor_reader(item);
    const size_t n = wallet_cbor_array(&r);
    if (n > max) {
        return LW_FAIL(LW_E_LIMIT, "trust list: too many types or prefixes", LW_NOWHERE);
    }
    for (size_t i = 0; i < n; i++) {
        texts[i] = wallet_cbor_text(&r);
    }
    *count = n;
    return wallet_cbor_ok(&r) ? LW_SUCCESS
                              : bad_value("trust list: types or prefixes are no texts");
}

static lw_err check_kid(lw_bytes entry, lw_bytes cert)
{
    uint8_t hash[HSM_SHA256_LEN];
    struct wallet_cbor r = value_of(entry, LTL_ENTRY_KID);
    const lw_bytes kid = wallet_cbor_bytes(&r);
    LW_TRY(hsm_sha256(cert, hash));
    if (!lw_bytes_eq(kid, (lw_bytes){.ptr = hash, .len = WALLET_KID_LEN})) {
        return bad_value("trust list: a kid is not its certificate's");
    }
    return LW_SUCCESS;
}

static lw_err read_state(lw_bytes item, struct wallet_trust_entry *entry)
{
    struct wallet_cbor not_after = value_of(item, LTL_ENTRY_NOT_AFTER);
    struct wallet_cbor state = value_of(item, LTL_ENTRY_STATE);
    const lw_bytes since_item = wallet_cbor_map_get_int(item, LTL_ENTRY_REVOKED_SINCE);
    const uint64_t n = wallet_cbor_uint(&state);
    entry->not_after = wallet_cbor_int(&not_after);
    if (!wallet_cbor_ok(&not_after) || !wallet_cbor_ok(&state) || n > WALLET_ISSUER_REVOKED) {
        return bad_value("trust list: an entry's end or state");
    }
    entry->state = (enum wallet_issuer_state)n;
    entry->revoked_since = INT64_MIN;
    if (since_item.len > 0) {
        struct wallet_cbor since = wallet_cbor_reader(since_item);
        entry->revoked_since = wallet_cbor_int(&since);
        if (!wallet_cbor_ok(&since)) {
            return bad_value("trust list: revoked_since is no integer");
        }
    }
    return LW_SUCCESS;
}

static lw_err read_entry(lw_bytes item, struct wallet_trust *trust)
{
    lw_str vcts[WALLET_VCTS_MAX];
    lw_str prefixes[WALLET_STATUS_PREFIXES_MAX];
    struct wallet_trust_entry entry = {.vcts = vcts, .status_prefixes = prefixes};
    struct wallet_cbor cert = value_of(item, LTL_ENTRY_CERT);
    const lw_bytes prefix_item = wallet_cbor_map_get_int(item, LTL_ENTRY_PREFIXES);
    entry.cert = wallet_cbor_bytes(&cert);
    if (!wallet_cbor_ok(&cert)) {
        return bad_value("trust list: an entry without certificate");
    }
    LW_TRY(check_kid(item, entry.cert));
    LW_TRY(read_state(item, &entry));
    LW_TRY(read_texts(wallet_cbor_map_get_int(item, LTL_ENTRY_VCTS), vcts, WALLET_VCTS_MAX,
                      &entry.vct_count));
    if (prefix_item.len > 0) {
        LW_TRY(read_texts(prefix_item, prefixes, WALLET_STATUS_PREFIXES_MAX,
                          &entry.status_prefix_count));
    }
    return wallet_trust_add(trust, &entry);
}

/* One certificate, or several of one authority. */
static lw_err read_authority(struct wallet_cbor *r, struct wallet_trust *trust)
{
    const bool many = wallet_cbor_peek(r) == WALLET_CBOR_ARRAY;
    const size_t n = many ? wallet_cbor_array(r) : 1;
    for (size_t i = 0; i < n; i++) {
        const lw_bytes cert = wallet_cbor_bytes(r);
        if (!wallet_cbor_ok(r)) {
            return LW_SUCCESS; /* told at the end */
        }
        LW_TRY(i == 0 ? wallet_trust_add_anchor(trust, cert)
                      : wallet_trust_join_anchor(trust, cert));
    }
    return LW_SUCCESS;
}

static lw_err read_anchors(lw_bytes claims, struct wallet_trust *trust)
{
    const lw_bytes item = wallet_cbor_map_get_int(claims, LTL_ANCHORS);
    if (item.len == 0) {
        return LW_SUCCESS;
    }
    struct wallet_cbor r = wallet_cbor_reader(item);
    const size_t n = wallet_cbor_array(&r);
    for (size_t i = 0; i < n && wallet_cbor_ok(&r); i++) {
        LW_TRY(read_authority(&r, trust));
    }
    return wallet_cbor_ok(&r) ? LW_SUCCESS : bad_value("trust list: anchors are no byte strings");
}

static lw_err read_entries(lw_bytes claims, struct wallet_trust *trust)
{
    struct wallet_cbor r = value_of(claims, LTL_ENTRIES);
    const size_t n = wallet_cbor_array(&r);
    for (size_t i = 0; i < n; i++) {
        LW_TRY(read_entry(wallet_cbor_item(&r), trust));
    }
    return wallet_cbor_ok(&r) ? LW_SUCCESS : bad_value("trust list: entries are no array");
}

static lw_err read_next_pins(lw_bytes claims, struct wallet_trust_list *list)
{
    const lw_bytes item = wallet_cbor_map_get_int(claims, LTL_NEXT_PINS);
    list->next_pin_count = 0;
    if (item.len == 0) {
        return LW_SUCCESS;
    }
    struct wallet_cbor r = wallet_cbor_reader(item);
    const size_t n = wallet_cbor_array(&r);
    if (n > WALLET_PINS_MAX) {
        return LW_FAIL(LW_E_LIMIT, "trust list: too many pins", LW_NOWHERE);
    }
    for (size_t i = 0; i < n; i++) {
        const lw_bytes pin = wallet_cbor_bytes(&r);
        if (pin.len != WALLET_PIN_LEN) {
            return bad_value("trust list: a pin is no SHA-256 hash");
        }
        memcpy(list->next_pins[i], pin.ptr, WALLET_PIN_LEN);
    }
    list->next_pin_count = n;
    return wallet_cbor_ok(&r) ? LW_SUCCESS : bad_value("trust list: pins are no array");
}

static lw_err read_claims(lw_bytes claims, const struct wallet_trust_list_expect *expect,
                          struct wallet_trust_list *list, struct wallet_trust *trust)
{
    LW_TRY(wallet_cbor_check(claims));
    struct wallet_cbor iss = value_of(claims, LTL_ISS);
    (void)wallet_cbor_text(&iss);
    if (!wallet_cbor_ok(&iss)) {
        return bad_value("trust list: issuer is missing or no text");
    }
    LW_TRY(read_times(claims, list));
    LW_TRY(check_version(list, expect));
    LW_TRY(check_times(list, expect));
    LW_TRY(read_next_pins(claims, list));
    LW_TRY(read_anchors(claims, trust)); /* first: issuers are found under them */
    return read_entries(claims, trust);
}

lw_err wallet_trust_list_read(lw_bytes cwt, const struct wallet_trust_list_expect *expect,
                              struct wallet_trust_list *list, struct wallet_trust **trust)
{
    struct wallet_cose_sign1 cose;
    struct hsm_public_key key;
    const lw_bytes nothing = {.ptr = NULL, .len = 0};
    WALLET_AUTO_TRUST made = NULL;
    if (cwt.len > WALLET_TRUST_LIST_MAX) {
        return LW_FAIL(LW_E_LIMIT, "trust list: too large", LW_NOWHERE);
    }
    LW_TRY(wallet_cose_sign1_parse(cwt, &cose));
    LW_TRY(check_header(&cose));
    LW_TRY(find_key(&cose, expect, &key, list->pin));
    LW_TRY(wallet_cose_sign1_verify(&cose, nothing, &key));
    LW_TRY(hsm_sha256(cwt, list->id));
    LW_TRY(wallet_trust_new(&made));
    LW_TRY(read_claims(cose.payload, expect, list, made));
    *trust = made;
    made = NULL;
    return LW_SUCCESS;
}
