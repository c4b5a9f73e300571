/* Changes of state, and what the lists published say of them; the trust list. */
#include "wallet/flow_status.h"

#include <stdlib.h>

#include "flow_common.h"
#include "flow_publish.h"
#include "trust_publish.h"
#include "wallet/status_publish.h"
#include "wallet/store_credential.h"
#include "wallet/store_status.h"

enum {
    LIST_PAGE = 16,
    LISTS_MAX = 65536, /* in the aggregation */
    URI_MAX = 512,
    REASON_CHARS_MAX = 256,
};

struct change {
    struct wallet_license_ref ref;
    struct wallet_state_change to;
    lw_str actor;
    enum wallet_state from;
};

static enum wallet_audit_kind kind_of(enum wallet_state to)
{
    switch (to) {
    case WALLET_ACTIVE:
        return WALLET_AUDIT_LICENSE_RESUMED;
    case WALLET_SUSPENDED:
        return WALLET_AUDIT_LICENSE_SUSPENDED;
    case WALLET_REVOKED:
        return WALLET_AUDIT_LICENSE_REVOKED;
    case WALLET_CANCELLED:
        return WALLET_AUDIT_LICENSE_CANCELLED;
    case WALLET_SUPERSEDED:
        break;
    }
    return WALLET_AUDIT_LICENSE_SUPERSEDED;
}

static enum wallet_entry_status entry_of(enum wallet_state to)
{
    switch (to) {
    case WALLET_ACTIVE:
        return WALLET_ENTRY_VALID;
    case WALLET_SUSPENDED:
        return WALLET_ENTRY_SUSPENDED;
    case WALLET_REVOKED:
    case WALLET_CANCELLED:
    case WALLET_SUPERSEDED:
        break;
    }
    return WALLET_ENTRY_INVALID;
}

lw_err flow_set_state(struct wallet_txn *txn, const uint8_t id[WALLET_UUID_LEN],
                      const struct wallet_state_change *change, lw_str actor,
                      enum wallet_state *from)
{
    LW_TRY(wallet_store_license_set_state(txn, id, change, from));
    LW_TRY(wallet_store_credential_set_status(txn, id, entry_of(change->to), NULL));
    return flow_audit_license(txn, change->since, kind_of(change->to), actor, id, NULL);
}

static lw_err write_change(struct wallet_txn *txn, void *ctx)
{
    struct change *c = ctx;
    uint8_t id[WALLET_UUID_LEN];
    c->from = (enum wallet_state)0;
    LW_TRY(flow_find(txn, c->ref, id));
    return flow_set_state(txn, id, &c->to, c->actor, &c->from);
}

/* Characters of UTF-8 text, which the store checks to be such. */
static size_t characters(lw_str text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        count += ((uint8_t)text.ptr[i] & 0xC0U) == 0x80U ? 0 : 1;
    }
    return count;
}

lw_err flow_check_reason(lw_str reason)
{
    const size_t count = characters(reason);
    return count >= 1 && count <= REASON_CHARS_MAX
               ? LW_SUCCESS
               : LW_FAIL(LW_E_VALUE, "status: the reason has 1 to 256 characters", LW_NOWHERE);
}

lw_err wallet_flow_change_state(struct wallet_home *home, struct wallet_license_ref ref,
                                enum wallet_state to, lw_str reason, lw_str actor,
                                enum wallet_state *from)
{
    struct change change = {
        .ref = ref,
        .to = {.to = to, .since = lw_now(home->env->clock), .reason = reason},
        .actor = actor,
    };
    size_t published = 0;
    LW_TRY(flow_check_reason(reason));
    if (to == WALLET_SUPERSEDED) {
        return LW_FAIL(LW_E_VALUE, "status: a license is superseded by issuing its successor",
                       LW_NOWHERE);
    }
    const lw_err err = wallet_store_write(home->store, write_change, &change);
    *from = change.from;
    LW_TRY(err);
    if (home->pool != NULL) {
        /* The change is made, whatever becomes of the list: the service signs it in a second. */
        const struct wallet_publish_order order = {.cadence_s = WALLET_STATUS_LIFE_S / 2};
        const lw_err signing = wallet_flow_publish(home, &order, &published);
        if (signing.code != LW_OK) {
            lw_log_err(home->env->log, LW_WARN, "status_list_unsigned", signing,
                       (struct lw_field){.key = NULL});
        }
    }
    return LW_SUCCESS;
}

lw_err wallet_flow_status_token(struct wallet_home *home, uint64_t number, bool cwt, lw_buf *token,
                                int64_t *iat, int64_t *exp)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_stored_list list;
    struct wallet_status_tokens tokens;
    LW_TRY(wallet_read_begin(home->store, &txn));
    LW_TRY(wallet_store_status_list_get(txn, number, &list));
    if (list.retired) {
        return LW_FAIL(LW_E_EXPIRED, "status: all credentials of the list have ended", LW_NOWHERE);
    }
    const lw_err err = wallet_store_status_tokens(txn, number, &tokens);
    if (err.code == LW_E_NOT_FOUND) {
        return LW_FAIL(LW_E_BUSY, "status: the list is new and not signed yet; ask in a second",
                       LW_NOWHERE);
    }
    LW_TRY(err);
    *iat = tokens.iat;
    *exp = tokens.exp;
    return lw_buf_put(token, cwt ? tokens.cwt : tokens.jwt);
}

/* The URIs of all lists that are published, one a line. */
static lw_err put_uris(struct wallet_home *home, lw_buf *lines, size_t *count)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_page page = {.len = 0};
    *count = 0;
    LW_TRY(wallet_read_begin(home->store, &txn));
    while (!page.end) {
        struct wallet_stored_list lists[LIST_PAGE];
        size_t got = LIST_PAGE;
        LW_TRY(wallet_store_status_list_page(txn, LW_STR(""), &page, lists, &got));
        for (size_t i = 0; i < got && *count < LISTS_MAX; i++) {
            if (!lists[i].retired) {
                LW_TRY(flow_status_uri(home, lists[i].number, lines));
                LW_TRY(lw_buf_put_byte(lines, '\n'));
                (*count)++;
            }
        }
    }
    return LW_SUCCESS;
}

lw_err wallet_flow_status_aggregation(struct wallet_home *home, lw_buf *json)
{
    LW_AUTO_BUF lines = LW_BUF((size_t)LISTS_MAX * URI_MAX);
    size_t count = 0;
    LW_TRY(put_uris(home, &lines, &count));
    lw_str *uris = calloc(count + 1, sizeof(*uris));
    if (uris == NULL) {
        return LW_FAIL(LW_E_NOMEM, "status: out of memory", LW_NOWHERE);
    }
    lw_str rest = lw_buf_text(&lines);
    for (size_t i = 0; i < count; i++) {
        (void)lw_str_split(rest, '\n', &uris[i], &rest);
    }
    const lw_err err = wallet_status_aggregation(uris, count, json);
    free(uris);
    return err;
}

static lw_err read_trust_list(struct wallet_home *home, lw_buf *cwt, int64_t *half_life)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_signed_doc list;
    LW_TRY(wallet_read_begin(home->store, &txn));
    LW_TRY(wallet_store_trust_list_get(txn, 0, &list));
    *half_life = list.iat + (list.exp - list.iat) / 2;
    return lw_buf_put(cwt, list.bytes);
}

lw_err wallet_flow_trust_list(struct wallet_home *home, lw_buf *cwt)
{
    const size_t before = cwt->len;
    int64_t half_life = 0;
    LW_TRY(read_trust_list(home, cwt, &half_life));
    if (home->pool == NULL || lw_now(home->env->clock) < half_life) {
        return LW_SUCCESS;
    }
    const lw_err err = home_trust_list_sign(home);
    if (err.code != LW_OK && err.code != LW_E_CONFLICT) {
        /* The one there is holds on for the other half of its life. */
        lw_log_err(home->env->log, LW_WARN, "trust_list_unsigned", err,
                   (struct lw_field){.key = NULL});
        return LW_SUCCESS;
    }
    lw_buf_truncate(cwt, before);
    return read_trust_list(home, cwt, &half_life);
}
