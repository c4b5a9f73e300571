#include "flow_common.h"

#include "wallet/cbor.h"
#include "wallet/store_credential.h"

enum { DETAIL_MAX = 128 };

struct wallet_license_ref wallet_license_ref_parse(lw_str text)
{
    struct wallet_license_ref ref = {.type = {NULL, 0}, .number = text};
    lw_str head = {NULL, 0};
    lw_str tail = {NULL, 0};
    if (lw_str_split(text, '/', &head, &tail)) {
        ref = (struct wallet_license_ref){.type = head, .number = tail};
    }
    return ref;
}

lw_err flow_find(const struct wallet_txn *txn, struct wallet_license_ref ref,
                 uint8_t id[WALLET_UUID_LEN])
{
    return wallet_store_license_find(txn, ref.type, ref.number, id);
}

lw_err flow_load(struct wallet_home *home, struct wallet_license_ref ref, enum wallet_load what,
                 struct wallet_stored_license *out)
{
    WALLET_AUTO_TXN txn = NULL;
    uint8_t id[WALLET_UUID_LEN];
    LW_TRY(wallet_read_begin(home->store, &txn));
    LW_TRY(flow_find(txn, ref, id));
    return wallet_store_license_load(txn, id, what, out);
}

lw_err flow_audit_license(struct wallet_txn *txn, int64_t now, enum wallet_audit_kind kind,
                          lw_str actor, const uint8_t id[WALLET_UUID_LEN], uint64_t *index)
{
    const struct wallet_audit_event event = {
        .time = now,
        .kind = kind,
        .actor = actor,
        .subject = {.ptr = id, .len = WALLET_UUID_LEN},
    };
    return wallet_audit_append(txn, &event, index);
}

lw_err flow_supersede(struct wallet_txn *txn, const uint8_t old[WALLET_UUID_LEN],
                      const uint8_t successor[WALLET_UUID_LEN], int64_t now, lw_str actor)
{
    const struct wallet_state_change change = {
        .to = WALLET_SUPERSEDED, .since = now, .successor = successor};
    LW_TRY(wallet_store_license_set_state(txn, old, &change, NULL));
    LW_TRY(wallet_store_credential_set_status(txn, old, WALLET_ENTRY_INVALID, NULL));
    return flow_audit_license(txn, now, WALLET_AUDIT_LICENSE_SUPERSEDED, actor, old, NULL);
}

lw_err flow_mended(struct wallet_txn *txn, const uint8_t old[WALLET_UUID_LEN],
                   const uint8_t successor[WALLET_UUID_LEN], int64_t now, lw_str actor)
{
    LW_TRY(wallet_store_license_mended(txn, old, successor));
    return flow_audit_license(txn, now, WALLET_AUDIT_LICENSE_MENDED, actor, old, NULL);
}

lw_err flow_void_intent(struct wallet_txn *txn, const struct wallet_intent *intent, int64_t now)
{
    LW_AUTO_BUF detail = LW_BUF(DETAIL_MAX);
    LW_TRY(wallet_store_license_void(txn, intent->id));
    LW_TRY(wallet_cbor_put_bytes(&detail, LW_BYTES(intent->signs)));
    const struct wallet_audit_event event = {
        .time = now,
        .kind = WALLET_AUDIT_INTENT_VOIDED,
        .actor = LW_STR("system"),
        .subject = LW_BYTES(intent->id),
        .detail = lw_buf_view(&detail),
    };
    return wallet_audit_append(txn, &event, NULL);
}

struct recover {
    int64_t now;
    size_t stale; /* seen, or voided in a write */
};

/* Those of an import are the import's own to go on with. */
static bool is_stale(const struct wallet_intent *intent, int64_t now)
{
    return intent->import == 0 && intent->created + FLOW_INTENT_STALE_S <= now;
}

/* Claims are kept only with the license, so an intent that a crash left cannot be finished. */
static lw_err each_stale(struct wallet_txn *txn, struct recover *r, bool voids)
{
    struct wallet_page page = {.len = 0};
    r->stale = 0;
    while (!page.end) {
        struct wallet_intent intents[16];
        size_t count = sizeof(intents) / sizeof(intents[0]);
        LW_TRY(wallet_store_license_intents(txn, &page, intents, &count));
        for (size_t i = 0; i < count; i++) {
            if (is_stale(&intents[i], r->now)) {
                LW_TRY(voids ? flow_void_intent(txn, &intents[i], r->now) : LW_SUCCESS);
                r->stale++;
            }
        }
    }
    return LW_SUCCESS;
}

static lw_err write_recover(struct wallet_txn *txn, void *ctx)
{
    return each_stale(txn, ctx, true);
}

/* A start that finds nothing writes nothing. */
static lw_err look_for_stale(struct wallet_home *home, struct recover *r)
{
    WALLET_AUTO_TXN txn = NULL;
    LW_TRY(wallet_read_begin(home->store, &txn));
    return each_stale(txn, r, false);
}

lw_err wallet_flow_recover(struct wallet_home *home, size_t *voided)
{
    struct recover r = {.now = lw_now(home->env->clock)};
    *voided = 0;
    LW_TRY(look_for_stale(home, &r));
    if (r.stale > 0) {
        LW_TRY(wallet_store_write(home->store, write_recover, &r));
    }
    *voided = r.stale;
    return LW_SUCCESS;
}
