#include "wallet/store_key.h"

#include "row.h"

enum { FIELDS = 17, AGENCY_MAX = 64, VALUE_MAX = WALLET_CERT_STORE_MAX + 1024 };

/* Algorithms as COSE numbers them (RFC 9053, RFC 8812), so that an order of ours is not stored. */
static const struct {
    enum hsm_alg alg;
    int64_t cose;
} algorithms[] = {{HSM_ALG_NONE, 0}, {HSM_ES256, -7}, {HSM_ES384, -35}, {HSM_RS256, -257}};

static const lw_str changes_key = {.ptr = "key-changes", .len = sizeof("key-changes") - 1};

static int64_t cose_of(enum hsm_alg alg)
{
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        if (algorithms[i].alg == alg) {
            return algorithms[i].cose;
        }
    }
    return 0;
}

static bool alg_of(int64_t cose, enum hsm_alg *alg)
{
    for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
        if (algorithms[i].cose == cose) {
            *alg = algorithms[i].alg;
            return true;
        }
    }
    return false;
}

/* A purpose is stored by its name. */
static bool purpose_of(lw_str name, enum hsm_purpose *purpose)
{
    for (unsigned p = HSM_PURPOSE_CA; p <= HSM_PURPOSE_HOLDER; p++) {
        if (lw_str_is(name, hsm_purpose_name((enum hsm_purpose)p))) {
            *purpose = (enum hsm_purpose)p;
            return true;
        }
    }
    return false;
}

const char *wallet_key_state_name(enum wallet_key_state state)
{
    switch (state) {
    case WALLET_KEY_PUBLISHED:
        return "published";
    case WALLET_KEY_ACTIVE:
        return "active";
    case WALLET_KEY_RETIRED:
        return "retired";
    case WALLET_KEY_DESTROYED:
        return "destroyed";
    }
    return "unknown";
}

static lw_err encode(const struct wallet_key_record *record, lw_buf *out)
{
    LW_TRY(wallet_stored_begin(out, 1, FIELDS));
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(hsm_purpose_name(record->purpose))));
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(record->agency)));
    LW_TRY(wallet_cbor_put_int(out, cose_of(record->key.alg)));
    LW_TRY(wallet_cbor_put_bytes(out, (lw_bytes){record->key.point, record->key.point_len}));
    LW_TRY(wallet_cbor_put_uint(out, (uint64_t)record->state));
    LW_TRY(wallet_cbor_put_int(out, record->not_before));
    LW_TRY(wallet_cbor_put_int(out, record->not_after));
    LW_TRY(wallet_cbor_put_int(out, record->created));
    LW_TRY(wallet_cbor_put_bytes(out, record->cert));
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(record->token)));
    LW_TRY(wallet_row_put_opt_int(out, record->listed, WALLET_KEY_NEVER));
    LW_TRY(wallet_row_put_opt_int(out, record->activated, WALLET_KEY_NEVER));
    LW_TRY(wallet_row_put_opt_int(out, record->retired, WALLET_KEY_NEVER));
    LW_TRY(wallet_row_put_opt_int(out, record->destroyed, WALLET_KEY_NEVER));
    LW_TRY(wallet_row_put_opt_int(out, record->compromised, WALLET_KEY_NEVER));
    LW_TRY(wallet_row_put_opt_int(out, record->lost, WALLET_KEY_NEVER));
    return wallet_cbor_put_uint(out, record->standby ? 1 : 0);
}

static lw_err bad_record(void)
{
    return LW_FAIL(LW_E_CORRUPT, "key: a record is not of its form", LW_NOWHERE);
}

/* What is read has been on its curve before, but the bytes may have been altered since. */
static lw_err read_point(int64_t cose, lw_bytes point, struct hsm_public_key *key)
{
    enum hsm_alg alg = HSM_ALG_NONE;
    *key = (struct hsm_public_key){0};
    if (!alg_of(cose, &alg)) {
        return bad_record();
    }
    if (alg == HSM_ALG_NONE) {
        return point.len == 0 ? LW_SUCCESS : bad_record();
    }
    return hsm_public_key_from_bytes(key, alg, point).code == LW_OK ? LW_SUCCESS : bad_record();
}

static lw_err parse(lw_bytes label, lw_bytes value, struct wallet_key_record *record)
{
    struct wallet_cbor r;
    LW_TRY(wallet_row_open(value, FIELDS, &r));
    if (label.len == 0 || label.len > WALLET_KEY_LABEL_MAX) {
        return bad_record();
    }
    memcpy(record->label, label.ptr, label.len);
    record->label[label.len] = '\0';
    const lw_str purpose = wallet_cbor_text(&r);
    wallet_row_read_text(&r, AGENCY_MAX, record->agency);
    const int64_t cose = wallet_cbor_int(&r);
    const lw_bytes point = wallet_cbor_bytes(&r);
    record->state = (enum wallet_key_state)wallet_row_read_uint(&r, WALLET_KEY_DESTROYED);
    record->not_before = wallet_cbor_int(&r);
    record->not_after = wallet_cbor_int(&r);
    record->created = wallet_cbor_int(&r);
    record->cert = wallet_cbor_bytes(&r);
    wallet_row_read_text(&r, WALLET_KEY_LABEL_MAX, record->token);
    record->listed = wallet_row_read_opt_int(&r, WALLET_KEY_NEVER);
    record->activated = wallet_row_read_opt_int(&r, WALLET_KEY_NEVER);
    record->retired = wallet_row_read_opt_int(&r, WALLET_KEY_NEVER);
    record->destroyed = wallet_row_read_opt_int(&r, WALLET_KEY_NEVER);
    record->compromised = wallet_row_read_opt_int(&r, WALLET_KEY_NEVER);
    record->lost = wallet_row_read_opt_int(&r, WALLET_KEY_NEVER);
    record->standby = wallet_row_read_uint(&r, 1) == 1;
    LW_TRY(wallet_stored_end(&r));
    if (record->state == 0 || !purpose_of(purpose, &record->purpose)) {
        return bad_record();
    }
    return read_point(cose, point, &record->key);
}

static lw_err check(const struct wallet_key_record *record)
{
    const char *purpose = hsm_purpose_name(record->purpose);
    enum hsm_purpose same = HSM_PURPOSE_NONE;
    if (!wallet_row_text_ok(lw_str_c(record->label), WALLET_KEY_LABEL_MAX) ||
        (record->agency[0] != '\0' && !wallet_row_text_ok(lw_str_c(record->agency), AGENCY_MAX))) {
        return LW_FAIL(LW_E_VALUE, "key: a label or agency is no plain text", LW_NOWHERE);
    }
    if (!purpose_of(lw_str_c(purpose), &same) || record->state < WALLET_KEY_PUBLISHED ||
        record->state > WALLET_KEY_DESTROYED) {
        return LW_FAIL(LW_E_VALUE, "key: no such purpose or state", LW_NOWHERE);
    }
    if (record->not_after < record->not_before) {
        return LW_FAIL(LW_E_VALUE, "key: ends before it begins", LW_NOWHERE);
    }
    if (record->cert.len > WALLET_CERT_STORE_MAX) {
        return LW_FAIL(LW_E_LIMIT, "key: the certificate is too large", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

lw_err wallet_store_key_active(const struct wallet_txn *txn, enum hsm_purpose purpose,
                               lw_str agency, struct wallet_key_record *record)
{
    lw_bytes key = {0};
    lw_bytes value = {0};
    WALLET_AUTO_SCAN scan = wallet_scan(txn, WALLET_KS_KEY, (lw_bytes){0});
    while (wallet_scan_next(&scan, &key, &value)) {
        LW_TRY(parse(key, value, record));
        if (record->state == WALLET_KEY_ACTIVE && record->purpose == purpose &&
            lw_str_is(agency, record->agency)) {
            return LW_SUCCESS;
        }
    }
    LW_TRY(scan.err);
    return LW_FAIL(LW_E_NOT_FOUND, "key: none is active for this purpose and agency", LW_NOWHERE);
}

static lw_err check_only_active(const struct wallet_txn *txn,
                                const struct wallet_key_record *record)
{
    struct wallet_key_record other;
    if (record->state != WALLET_KEY_ACTIVE) {
        return LW_SUCCESS;
    }
    const lw_err err =
        wallet_store_key_active(txn, record->purpose, lw_str_c(record->agency), &other);
    if (err.code == LW_OK) {
        return LW_FAIL(LW_E_CONFLICT, "key: another is active for this purpose and agency",
                       LW_NOWHERE);
    }
    return err.code == LW_E_NOT_FOUND ? LW_SUCCESS : err;
}

lw_err wallet_store_key_changes(const struct wallet_txn *txn, uint64_t *changes)
{
    lw_bytes value = {0};
    struct wallet_cbor r;
    *changes = 0;
    const lw_err err = wallet_txn_get(txn, WALLET_KS_META, lw_str_bytes(changes_key), &value);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_SUCCESS;
    }
    LW_TRY(err);
    LW_TRY(wallet_row_open(value, 1, &r));
    *changes = wallet_cbor_uint(&r);
    return wallet_stored_end(&r);
}

/* Trust lists and CRLs that were made before are out of date from now on, and caches end. */
static lw_err count_change(struct wallet_txn *txn)
{
    LW_AUTO_BUF value = LW_BUF(64);
    uint64_t changes = 0;
    LW_TRY(wallet_store_key_changes(txn, &changes));
    LW_TRY(wallet_stored_begin(&value, 1, 1));
    LW_TRY(wallet_cbor_put_uint(&value, changes + 1));
    LW_TRY(wallet_txn_put(txn, WALLET_KS_META, lw_str_bytes(changes_key), lw_buf_view(&value)));
    return wallet_store_touch(txn);
}

/* When a key came to its state, WALLET_KEY_NEVER where it has not come to it. */
static void set_times(struct wallet_key_record *record)
{
    const bool signs = record->state == WALLET_KEY_ACTIVE;
    record->listed = WALLET_KEY_NEVER;
    record->compromised = WALLET_KEY_NEVER;
    record->lost = WALLET_KEY_NEVER;
    record->activated = signs ? record->created : WALLET_KEY_NEVER;
    record->retired = record->state >= WALLET_KEY_RETIRED ? record->created : WALLET_KEY_NEVER;
    record->destroyed = record->state == WALLET_KEY_DESTROYED ? record->created : WALLET_KEY_NEVER;
    if (record->token[0] == '\0') {
        memcpy(record->token, record->label, sizeof(record->token));
    }
}

lw_err wallet_store_key_add(struct wallet_txn *txn, const struct wallet_key_record *record)
{
    LW_AUTO_BUF value = LW_BUF(VALUE_MAX);
    struct wallet_key_record made = *record;
    LW_TRY(check(record));
    LW_TRY(check_only_active(txn, record));
    set_times(&made);
    LW_TRY(encode(&made, &value));
    LW_TRY(wallet_txn_insert(txn, WALLET_KS_KEY, lw_str_bytes(lw_str_c(record->label)),
                             lw_buf_view(&value)));
    return count_change(txn);
}

lw_err wallet_store_key_get(const struct wallet_txn *txn, lw_str label,
                            struct wallet_key_record *record)
{
    lw_bytes value = {0};
    if (label.len == 0 || label.len > WALLET_KEY_LABEL_MAX) {
        return LW_FAIL(LW_E_NOT_FOUND, "key: no such label", LW_NOWHERE);
    }
    LW_TRY(wallet_txn_get(txn, WALLET_KS_KEY, lw_str_bytes(label), &value));
    return parse(lw_str_bytes(label), value, record);
}

/* Writes a record over the one it was read from: its slices are copied before the change. */
static lw_err write_again(struct wallet_txn *txn, const struct wallet_key_record *record)
{
    LW_AUTO_BUF value = LW_BUF(VALUE_MAX);
    LW_TRY(encode(record, &value));
    return wallet_txn_put(txn, WALLET_KS_KEY, lw_str_bytes(lw_str_c(record->label)),
                          lw_buf_view(&value));
}

lw_err wallet_store_key_set_state(struct wallet_txn *txn, lw_str label, enum wallet_key_state state,
                                  int64_t now)
{
    struct wallet_key_record record;
    LW_TRY(wallet_store_key_get(txn, label, &record));
    if (state <= record.state || state > WALLET_KEY_DESTROYED ||
        (record.state == WALLET_KEY_ACTIVE && state == WALLET_KEY_DESTROYED)) {
        return LW_FAIL(LW_E_CONFLICT, "key: its state does not allow that", LW_NOWHERE);
    }
    record.state = state;
    LW_TRY(check_only_active(txn, &record));
    record.activated = state == WALLET_KEY_ACTIVE ? now : record.activated;
    record.standby = record.standby && state != WALLET_KEY_ACTIVE;
    record.retired = state == WALLET_KEY_RETIRED ? now : record.retired;
    record.destroyed = state == WALLET_KEY_DESTROYED ? now : record.destroyed;
    LW_TRY(write_again(txn, &record));
    return count_change(txn);
}

lw_err wallet_store_key_listed(struct wallet_txn *txn, lw_str label, int64_t now)
{
    struct wallet_key_record record;
    LW_TRY(wallet_store_key_get(txn, label, &record));
    if (record.listed != WALLET_KEY_NEVER) {
        return LW_SUCCESS;
    }
    record.listed = now;
    LW_TRY(write_again(txn, &record));
    return wallet_store_touch(txn);
}

lw_err wallet_store_key_compromise(struct wallet_txn *txn, lw_str label, int64_t now)
{
    struct wallet_key_record record;
    LW_TRY(wallet_store_key_get(txn, label, &record));
    if (record.state < WALLET_KEY_RETIRED) {
        record.state = WALLET_KEY_RETIRED;
        record.retired = now;
    }
    record.compromised = record.compromised == WALLET_KEY_NEVER ? now : record.compromised;
    LW_TRY(write_again(txn, &record));
    return count_change(txn);
}

lw_err wallet_store_key_lost(struct wallet_txn *txn, lw_str label, int64_t now)
{
    struct wallet_key_record record;
    LW_TRY(wallet_store_key_get(txn, label, &record));
    if (record.lost != WALLET_KEY_NEVER) {
        return LW_SUCCESS;
    }
    record.lost = now;
    if (record.state == WALLET_KEY_PUBLISHED) {
        record.state = WALLET_KEY_DESTROYED;
        record.destroyed = now;
    }
    LW_TRY(write_again(txn, &record));
    return count_change(txn);
}

lw_err wallet_store_key_certify(struct wallet_txn *txn, lw_str label, lw_bytes cert,
                                int64_t not_before, int64_t not_after)
{
    struct wallet_key_record record;
    LW_TRY(wallet_store_key_get(txn, label, &record));
    record.cert = cert;
    record.not_before = not_before;
    record.not_after = not_after;
    LW_TRY(check(&record));
    LW_TRY(write_again(txn, &record));
    return count_change(txn);
}

static lw_err take_record(void *ctx, size_t i, lw_bytes key, lw_bytes value, bool *take)
{
    struct wallet_key_record *records = ctx;
    (void)take;
    return parse(key, value, &records[i]);
}

lw_err wallet_store_key_page(const struct wallet_txn *txn, struct wallet_page *page,
                             struct wallet_key_record *records, size_t *count)
{
    const struct wallet_row_list list = {
        .txn = txn, .ks = WALLET_KS_KEY, .entry = take_record, .ctx = records};
    return wallet_row_page(&list, page, count);
}
