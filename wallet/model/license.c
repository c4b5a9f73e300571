#include "wallet/license.h"

static const struct {
    enum wallet_state state;
    const char *name;
} states[] = {
    {WALLET_ACTIVE, "active"},       {WALLET_SUSPENDED, "suspended"},   {WALLET_REVOKED, "revoked"},
    {WALLET_CANCELLED, "cancelled"}, {WALLET_SUPERSEDED, "superseded"},
};

const char *wallet_state_name(enum wallet_state state)
{
    return states[state - WALLET_ACTIVE].name;
}

lw_err wallet_state_parse(lw_str name, enum wallet_state *state)
{
    for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++) {
        if (lw_str_is(name, states[i].name)) {
            *state = states[i].state;
            return LW_SUCCESS;
        }
    }
    return LW_FAIL(LW_E_VALUE, "license: unknown state", LW_NOWHERE);
}

bool wallet_state_may_follow(enum wallet_state from, enum wallet_state to)
{
    switch (from) {
    case WALLET_ACTIVE:
        return to != WALLET_ACTIVE;
    case WALLET_SUSPENDED:
        return to != WALLET_SUSPENDED;
    case WALLET_REVOKED:
    case WALLET_CANCELLED:
    case WALLET_SUPERSEDED:
        return false;
    }
    return false;
}

unsigned wallet_version_revision(lw_str version, lw_str *key)
{
    unsigned revision = 0;
    unsigned weight = 1;
    size_t at = version.len;
    *key = version;
    while (at > 0 && version.ptr[at - 1] >= '0' && version.ptr[at - 1] <= '9' &&
           weight <= WALLET_REVISION_MAX) {
        at--;
        revision += weight * (unsigned)(version.ptr[at] - '0');
        weight *= 10;
    }
    const bool has = at > 1 && at < version.len && version.ptr[at - 1] == '~' &&
                     version.ptr[at] != '0' && revision > 1;
    if (!has) {
        return 1;
    }
    key->len = at - 1;
    return revision;
}
