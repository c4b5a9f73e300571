#include "wallet/flow_person.h"

#include "home_internal.h"
#include "wallet/store_person.h"

struct adding {
    const struct wallet_person_code *code;
    lw_str name;
    lw_str actor;
    int64_t now;
    bool added;
};

static lw_err write_person(struct wallet_txn *txn, void *ctx)
{
    struct adding *a = ctx;
    uint8_t id[WALLET_PERSON_ID_LEN];
    LW_TRY(wallet_store_person_add(txn, a->code, a->name, a->now, id, &a->added));
    return a->added ? home_audit(txn, a->now, WALLET_AUDIT_PERSON_ADDED, a->actor, LW_BYTES(id))
                    : LW_SUCCESS;
}

lw_err wallet_flow_person_add(struct wallet_home *home, const struct wallet_person_code *code,
                              lw_str name, lw_str actor, bool *added)
{
    struct adding a = {.code = code, .name = name, .actor = actor, .now = lw_now(home->env->clock)};
    LW_TRY(wallet_store_write(home->store, write_person, &a));
    *added = a.added;
    return LW_SUCCESS;
}
