/*
 * Operators.
 *
 *   operator  name  ->  [1, state, point, [agencies], asked by, changed]
 */
#include "wallet/store_operator.h"

#include "row.h"

enum { FIELDS = 5, VALUE_MAX = 4096, ID_TEXT_MAX = 64, PAGE = 4 };

const char *wallet_operator_state_name(enum wallet_operator_state state)
{
    static const char *const names[] = {"", "proposed", "active", "leaving", "removed"};
    return names[state];
}

bool wallet_operator_name_ok(lw_str name)
{
    bool ok = name.len > 0 && name.len <= WALLET_OPERATOR_NAME_MAX;
    for (size_t i = 0; ok && i < name.len; i++) {
        const char c = name.ptr[i];
        ok = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' || c == '-';
    }
    return ok;
}

bool wallet_operator_may(const struct wallet_operator *who, lw_str agency)
{
    for (size_t i = 0; i < who->agency_count; i++) {
        if (lw_str_is(agency, who->agencies[i])) {
            return true;
        }
    }
    return who->agency_count == 0;
}

static lw_err encode(const struct wallet_operator *o, lw_buf *out)
{
    LW_TRY(wallet_stored_begin(out, 1, FIELDS));
    LW_TRY(wallet_cbor_put_uint(out, (uint64_t)o->state));
    LW_TRY(wallet_cbor_put_bytes(out, (lw_bytes){o->key.point, o->key.point_len}));
    LW_TRY(wallet_cbor_put_array(out, o->agency_count));
    for (size_t i = 0; i < o->agency_count; i++) {
        LW_TRY(wallet_cbor_put_text(out, lw_str_c(o->agencies[i])));
    }
    LW_TRY(wallet_cbor_put_text(out, lw_str_c(o->asked_by)));
    return wallet_cbor_put_int(out, o->changed);
}

static lw_err corrupt(void)
{
    return LW_FAIL(LW_E_CORRUPT, "operator: a record is not of its form", LW_NOWHERE);
}

static lw_err parse(lw_bytes key, lw_bytes value, struct wallet_operator *o)
{
    struct wallet_cbor r;
    uint8_t point[WALLET_OPERATOR_POINT_LEN];
    LW_TRY(wallet_row_open(value, FIELDS, &r));
    *o = (struct wallet_operator){
        .state = (enum wallet_operator_state)wallet_row_read_uint(&r, WALLET_OPERATOR_REMOVED)};
    wallet_row_read_fixed(&r, point, sizeof(point));
    o->agency_count = wallet_cbor_array(&r);
    for (size_t i = 0; i < o->agency_count && i < WALLET_OPERATOR_AGENCIES_MAX; i++) {
        wallet_row_read_text(&r, ID_TEXT_MAX, o->agencies[i]);
    }
    wallet_row_read_text(&r, WALLET_OPERATOR_NAME_MAX, o->asked_by);
    o->changed = wallet_cbor_int(&r);
    LW_TRY(wallet_stored_end(&r));
    if (o->state == 0 || key.len > WALLET_OPERATOR_NAME_MAX ||
        o->agency_count > WALLET_OPERATOR_AGENCIES_MAX) {
        return corrupt();
    }
    memcpy(o->name, key.ptr, key.len);
    return hsm_public_key_from_point(&o->key, HSM_ES256, LW_BYTES(point)).code == LW_OK ? LW_SUCCESS
                                                                                        : corrupt();
}

static lw_err take(void *ctx, size_t i, lw_bytes key, lw_bytes value, bool *take_it)
{
    struct wallet_operator *operators = ctx;
    (void)take_it;
    return parse(key, value, &operators[i]);
}

lw_err wallet_store_operator_page(const struct wallet_txn *txn, struct wallet_page *page,
                                  struct wallet_operator *operators, size_t *count)
{
    const struct wallet_row_list list = {
        .txn = txn, .ks = WALLET_KS_OPERATOR, .entry = take, .ctx = operators};
    return wallet_row_page(&list, page, count);
}

/* How many there are and act, and whether the key is one of another name. */
struct seen {
    const struct wallet_operator *new_one; /* NULL: none */
    size_t all;
    size_t acting;
    bool key_taken;
};

static lw_err look_through(const struct wallet_txn *txn, struct seen *seen)
{
    struct wallet_page page = {.len = 0};
    while (!page.end) {
        struct wallet_operator some[PAGE];
        size_t count = PAGE;
        LW_TRY(wallet_store_operator_page(txn, &page, some, &count));
        for (size_t i = 0; i < count; i++) {
            seen->all++;
            seen->acting += wallet_operator_acts(&some[i]) ? 1 : 0;
            seen->key_taken =
                seen->key_taken ||
                (seen->new_one != NULL && strcmp(some[i].name, seen->new_one->name) != 0 &&
                 hsm_public_key_eq(&some[i].key, &seen->new_one->key));
        }
    }
    return LW_SUCCESS;
}

static lw_err check(const struct wallet_operator *o)
{
    bool ok = wallet_operator_name_ok(lw_str_c(o->name)) && o->key.alg == HSM_ES256 &&
              o->agency_count <= WALLET_OPERATOR_AGENCIES_MAX;
    for (size_t i = 0; ok && i < o->agency_count; i++) {
        ok = wallet_row_text_ok(lw_str_c(o->agencies[i]), ID_TEXT_MAX);
    }
    return ok ? LW_SUCCESS
              : LW_FAIL(LW_E_VALUE, "operator: not a name, key or agency that one can have",
                        LW_NOWHERE);
}

lw_err wallet_store_operator_put(struct wallet_txn *txn, const struct wallet_operator *who)
{
    struct seen seen = {.new_one = who};
    LW_AUTO_BUF value = LW_BUF(VALUE_MAX);
    LW_TRY(check(who));
    LW_TRY(look_through(txn, &seen));
    if (seen.key_taken) {
        return LW_FAIL(LW_E_CONFLICT, "operator: the key is another operator's, or was",
                       LW_NOWHERE);
    }
    if (seen.all >= WALLET_OPERATORS_MAX) {
        return LW_FAIL(LW_E_LIMIT, "operator: more than 1,000", LW_NOWHERE);
    }
    LW_TRY(encode(who, &value));
    return wallet_txn_put(txn, WALLET_KS_OPERATOR, lw_str_bytes(lw_str_c(who->name)),
                          lw_buf_view(&value));
}

lw_err wallet_store_operator_get(const struct wallet_txn *txn, lw_str name,
                                 struct wallet_operator *who)
{
    lw_bytes value = {0};
    if (!wallet_operator_name_ok(name)) {
        return LW_FAIL(LW_E_NOT_FOUND, "operator: there is none of this name", LW_NOWHERE);
    }
    LW_TRY(wallet_txn_get(txn, WALLET_KS_OPERATOR, lw_str_bytes(name), &value));
    return parse(lw_str_bytes(name), value, who);
}

lw_err wallet_store_operator_count(const struct wallet_txn *txn, size_t *acting)
{
    struct seen seen = {.new_one = NULL};
    LW_TRY(look_through(txn, &seen));
    *acting = seen.acting;
    return LW_SUCCESS;
}
