/* What licenses need of people: data keys, and codes opened with them. Private to wallet/store. */
#ifndef STORE_PERSON_INTERNAL_H
#define STORE_PERSON_INTERNAL_H

#include "txn.h"
#include "wallet/store_person.h"

/**
 * Give a person's data key; wipe it after use.
 *
 * errors  LW_E_NOT_FOUND  no such person, or erased; LW_E_DENIED; LW_E_SIGNATURE; LW_E_CORRUPT
 */
LW_MUST_USE lw_err wallet_person_data_key(const struct wallet_txn *txn,
                                          const uint8_t id[WALLET_PERSON_ID_LEN],
                                          uint8_t key[WALLET_DATA_KEY_LEN]);

/** As wallet_store_person_get(), with the data key at hand. */
LW_MUST_USE lw_err wallet_person_open(const struct wallet_txn *txn,
                                      const uint8_t id[WALLET_PERSON_ID_LEN],
                                      const uint8_t key[WALLET_DATA_KEY_LEN],
                                      struct wallet_stored_person *person);

#endif
