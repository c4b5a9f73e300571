/* One writer thread of an open store, many waiters, one commit for those that wait together. */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include "wallet/store.h"

struct wallet_writer;

LW_MUST_USE lw_err wallet_writer_new(struct wallet_store *store, size_t queue_max,
                                     unsigned batch_max, struct wallet_writer **writer);
/** Take no more writes, do those queued, end the thread. Safe to repeat. */
void wallet_writer_drain(struct wallet_writer *writer);
/** Drain and free. Accepts NULL. */
void wallet_writer_free(struct wallet_writer *writer);
/** As wallet_store_submit(). */
LW_MUST_USE lw_err wallet_writer_submit(struct wallet_writer *writer, struct wallet_write *w);

#endif
