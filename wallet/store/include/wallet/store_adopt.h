/*
 * Which file a store is, and what is skipped when an older state or a copy of it goes on: what it
 * gave since, or what the other copy gives, must not be given again.
 */
#ifndef WALLET_STORE_ADOPT_H
#define WALLET_STORE_ADOPT_H

#include "wallet/store.h"

enum { WALLET_MACHINE_LEN = 16, WALLET_SERIAL_SKIP = 10000 };

/* The file that a store lies in: a copy is another. A value; all zero: not recorded. */
struct wallet_store_place {
    uint64_t file;  /* its number in its file system */
    int64_t made_s; /* when it was made, 0 where that is not told */
    uint32_t made_ns;
    uint8_t machine[WALLET_MACHINE_LEN]; /* keyed by the store; zeros: not told */
};

/** Give the place that was recorded last; zeros: none. */
LW_MUST_USE lw_err wallet_store_place_get(const struct wallet_txn *txn,
                                          struct wallet_store_place *place);
LW_MUST_USE lw_err wallet_store_place_put(struct wallet_txn *txn,
                                          const struct wallet_store_place *place);

/* Beneath what nothing is given any more. A value; all zero in a store that was never adopted. */
struct wallet_store_floors {
    uint64_t adoptions; /* how often the store was adopted */
    uint64_t list;      /* the least number of a new status list */
    uint64_t serial;    /* serials of an issuer and type without one begin after it */
    uint64_t trust;     /* the next trust list's version is greater */
};
LW_MUST_USE lw_err wallet_store_floors_get(const struct wallet_txn *txn,
                                           struct wallet_store_floors *floors);

/**
 * Let the store go on as the one that counts: its open status lists take no more entries, and new
 * ones begin at a number drawn at random from those beyond; serials skip WALLET_SERIAL_SKIP.
 *
 * trust   version of the newest trust list known to have been signed
 * errors  LW_E_CRYPTO  the random source failed; LW_E_LIMIT  serials are used up
 */
LW_MUST_USE lw_err wallet_store_adopt(struct wallet_txn *txn, uint64_t trust);

#endif
