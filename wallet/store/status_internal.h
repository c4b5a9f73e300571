/* What store_status.c, status_due.c and status_token.c share. */
#ifndef STORE_STATUS_INTERNAL_H
#define STORE_STATUS_INTERNAL_H

#include "row.h"
#include "wallet/store_status.h"

/** Write a list's record. before  as it was read, or NULL when it is new */
LW_MUST_USE lw_err wallet_status_list_put(struct wallet_txn *txn,
                                          const struct wallet_stored_list *before,
                                          const struct wallet_stored_list *list);

/** Let an open list take no more entries; its record is the caller's to write. */
LW_MUST_USE lw_err wallet_status_list_close(struct wallet_txn *txn,
                                            struct wallet_stored_list *list);

/** Return where a list stands among those due; a key of no length: nowhere. */
struct wallet_row_key wallet_status_due_key(const struct wallet_stored_list *list);

/** Move a list to where it now stands among those due. before  NULL when it is new */
LW_MUST_USE lw_err wallet_status_due_move(struct wallet_txn *txn,
                                          const struct wallet_stored_list *before,
                                          const struct wallet_stored_list *list);

#endif
