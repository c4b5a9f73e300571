/* The open store as the files of wallet/store see it. */
#ifndef STORE_STORE_INTERNAL_H
#define STORE_STORE_INTERNAL_H

#include <pthread.h>

#include "engine.h"
#include "seal_internal.h"
#include "txn.h"
#include "writer.h"

enum { WALLET_SCHEMA = 1 };

struct wallet_txn {
    struct wallet_store *store;
    const struct wallet_engine_ops *ops;
    struct wallet_engine_txn *engine;
    bool write;
    uint64_t changes; /* made in this transaction, undone ones included */
};

struct wallet_store {
    const struct wallet_engine_ops *ops;
    struct wallet_engine *engine;
    const struct lw_clock *clock;
    const struct lw_rng *rng;
    struct wallet_writer *writer;
    struct wallet_seal_ctx seal;
    uint8_t id[WALLET_STORE_ID_LEN];
    pthread_mutex_t id_lock; /* guards what follows: the last identifier made */
    int64_t id_ms;
    uint32_t id_counter;
};

#endif
