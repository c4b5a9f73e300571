/* A copy, or an older state, that goes on: the decision stands in its log. */
#include "flow_common.h"
#include "home_internal.h"
#include "wallet/cbor.h"
#include "wallet/flow_store.h"
#include "wallet/store_adopt.h"

enum {
    DETAIL_MAX = 256,
    DETAIL_FIELDS = 6,
    TRUST_SKIP = 1000, /* trust lists that may have been signed meanwhile */
};

struct adopting {
    const struct wallet_store_standing *standing;
    int64_t now;
};

/* [older, copied, entries then, entries seen, root seen, time seen] */
static lw_err put_detail(const struct wallet_store_standing *s, lw_buf *out)
{
    LW_TRY(wallet_cbor_put_array(out, DETAIL_FIELDS));
    LW_TRY(wallet_cbor_put_bool(out, s->older));
    LW_TRY(wallet_cbor_put_bool(out, s->copied));
    LW_TRY(wallet_cbor_put_uint(out, s->size));
    LW_TRY(wallet_cbor_put_uint(out, s->seen_size));
    LW_TRY(wallet_cbor_put_bytes(out, LW_BYTES(s->seen_root)));
    return wallet_cbor_put_int(out, s->seen_time);
}

static lw_err write_adopted(struct wallet_txn *txn, void *ctx)
{
    const struct adopting *a = ctx;
    LW_AUTO_BUF detail = LW_BUF(DETAIL_MAX);
    struct wallet_signed_doc list = {.version = 0};
    const lw_err found = wallet_store_trust_list_get(txn, 0, &list);
    if (found.code != LW_OK && found.code != LW_E_NOT_FOUND) {
        return found;
    }
    const uint64_t seen = a->standing->seen_trust;
    LW_TRY(wallet_store_adopt(txn, (seen > list.version ? seen : list.version) + TRUST_SKIP));
    LW_TRY(put_detail(a->standing, &detail));
    const struct wallet_audit_event event = {.time = a->now,
                                             .kind = WALLET_AUDIT_STORE_ADOPTED,
                                             .actor = LW_STR("system"),
                                             .detail = lw_buf_view(&detail)};
    return wallet_audit_append(txn, &event, NULL);
}

lw_err home_store_adopt(struct wallet_home *home, const struct wallet_store_standing *standing)
{
    struct adopting a = {.standing = standing, .now = lw_now(home->env->clock)};
    LW_TRY(wallet_store_write(home->store, write_adopted, &a));
    /* In this order: a crash between leaves a store that is refused and can be adopted again. */
    LW_TRY(home_place_record(home));
    return home_seen_note(home, true);
}

lw_err wallet_flow_store_adopt(struct wallet_home *home, bool accept_older,
                               struct wallet_store_standing *standing)
{
    LW_TRY(wallet_flow_store_standing(home, standing));
    if (!standing->older && !standing->copied) {
        return LW_SUCCESS;
    }
    if (standing->older && !accept_older) {
        return LW_FAIL(LW_E_CONFLICT, "adopt: the store is older than what this home has seen",
                       LW_NOWHERE);
    }
    return home_store_adopt(home, standing);
}
