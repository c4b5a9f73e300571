/* Tokens of status lists as published: number -> [1, version, iat, exp, jwt, cwt]. */
#include "row.h"
#include "status_internal.h"

enum { FIELDS = 5, TOUCH_PAGE = 16, VALUE_MAX = 2 * WALLET_STATUS_TOKEN_STORE_MAX + 64 };

static struct wallet_row_key token_key(uint64_t number)
{
    struct wallet_row_key key = {0};
    wallet_row_key_u64(&key, number);
    return key;
}

static lw_err check(const struct wallet_stored_list *list,
                    const struct wallet_status_tokens *tokens)
{
    const bool published = list->published != UINT64_MAX;
    if (list->retired) {
        return LW_FAIL(LW_E_CONFLICT, "status: the list has retired", LW_NOWHERE);
    }
    if (tokens->version > list->version) {
        return LW_FAIL(LW_E_VALUE, "status: tokens of a version that never was", LW_NOWHERE);
    }
    if ((tokens->jwt.len == 0 && tokens->cwt.len == 0) || tokens->exp < tokens->iat) {
        return LW_FAIL(LW_E_VALUE, "status: no token, or one that ends before it begins",
                       LW_NOWHERE);
    }
    if (tokens->jwt.len > WALLET_STATUS_TOKEN_STORE_MAX ||
        tokens->cwt.len > WALLET_STATUS_TOKEN_STORE_MAX) {
        return LW_FAIL(LW_E_LIMIT, "status: a token is too large", LW_NOWHERE);
    }
    if (published && (tokens->version < list->published || tokens->iat < list->token_iat)) {
        return LW_FAIL(LW_E_CONFLICT, "status: newer tokens are published", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

lw_err wallet_store_status_publish(struct wallet_txn *txn, uint64_t number,
                                   const struct wallet_status_tokens *tokens)
{
    const struct wallet_row_key key = token_key(number);
    struct wallet_stored_list list = {0};
    LW_AUTO_BUF value = LW_BUF(VALUE_MAX);
    LW_TRY(wallet_store_status_list_get(txn, number, &list));
    LW_TRY(check(&list, tokens));
    LW_TRY(wallet_stored_begin(&value, 1, FIELDS));
    LW_TRY(wallet_cbor_put_uint(&value, tokens->version));
    LW_TRY(wallet_cbor_put_int(&value, tokens->iat));
    LW_TRY(wallet_cbor_put_int(&value, tokens->exp));
    LW_TRY(wallet_cbor_put_bytes(&value, tokens->jwt));
    LW_TRY(wallet_cbor_put_bytes(&value, tokens->cwt));
    LW_TRY(wallet_txn_put(txn, WALLET_KS_STATUS_TOKEN, wallet_row_key_view(&key),
                          lw_buf_view(&value)));
    const struct wallet_stored_list before = list;
    list.published = tokens->version;
    list.token_iat = tokens->iat;
    list.token_exp = tokens->exp;
    return wallet_status_list_put(txn, &before, &list);
}

lw_err wallet_store_status_touch(struct wallet_txn *txn, lw_str agency)
{
    struct wallet_page page = {.len = 0};
    while (!page.end) {
        struct wallet_stored_list lists[TOUCH_PAGE];
        size_t count = TOUCH_PAGE;
        LW_TRY(wallet_store_status_list_page(txn, agency, &page, lists, &count));
        for (size_t i = 0; i < count; i++) {
            const struct wallet_stored_list before = lists[i];
            lists[i].version += lists[i].retired ? 0 : 1;
            LW_TRY(wallet_status_list_put(txn, &before, &lists[i]));
        }
    }
    return LW_SUCCESS;
}

lw_err wallet_store_status_tokens(const struct wallet_txn *txn, uint64_t number,
                                  struct wallet_status_tokens *tokens)
{
    const struct wallet_row_key key = token_key(number);
    lw_bytes value = {0};
    struct wallet_cbor r;
    LW_TRY(wallet_txn_get(txn, WALLET_KS_STATUS_TOKEN, wallet_row_key_view(&key), &value));
    LW_TRY(wallet_row_open(value, FIELDS, &r));
    tokens->version = wallet_cbor_uint(&r);
    tokens->iat = wallet_cbor_int(&r);
    tokens->exp = wallet_cbor_int(&r);
    tokens->jwt = wallet_cbor_bytes(&r);
    tokens->cwt = wallet_cbor_bytes(&r);
    return wallet_stored_end(&r);
}
