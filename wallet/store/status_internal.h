/* What store_status.c and status_token.c share. */
#ifndef STORE_STATUS_INTERNAL_H
#define STORE_STATUS_INTERNAL_H

#include "wallet/store_status.h"

/** Write a list's record. */
LW_MUST_USE lw_err wallet_status_list_put(struct wallet_txn *txn,
                                          const struct wallet_stored_list *list);

#endif
