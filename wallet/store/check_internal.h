/* The check of indexes, within wallet/store. */
#ifndef STORE_CHECK_INTERNAL_H
#define STORE_CHECK_INTERNAL_H

#include "license_row.h"
#include "wallet/store_check.h"

struct wallet_checking {
    const struct wallet_txn *txn;
    struct wallet_index_check *check;
    uint64_t leaves; /* of the audit log */
};

/* Looks at one entry; LW_E_CORRUPT is a fault of it, any other error ends the check. */
typedef lw_err wallet_check_fn(struct wallet_checking *c, lw_bytes key, lw_bytes value);

LW_MUST_USE lw_err wallet_check_walk(struct wallet_checking *c, enum wallet_keyspace ks,
                                     wallet_check_fn *entry);

/** Return LW_E_CORRUPT with `why`, static, unless the key exists. */
LW_MUST_USE lw_err wallet_check_has(const struct wallet_checking *c, enum wallet_keyspace ks,
                                    lw_bytes key, const char *why);

/** Return LW_E_CORRUPT with `why`, static. */
lw_err wallet_check_wrong(const char *why);

/* The parts: licenses, intents and their lists; credentials, passes, status; people, grants. */
LW_MUST_USE lw_err wallet_check_licenses(struct wallet_checking *c);
LW_MUST_USE lw_err wallet_check_credentials(struct wallet_checking *c);
LW_MUST_USE lw_err wallet_check_others(struct wallet_checking *c);

#endif
