/* A home from within wallet/flow. */
#ifndef WALLET_HOME_INTERNAL_H
#define WALLET_HOME_INTERNAL_H

#include <pthread.h>

#include "wallet/audit.h"
#include "wallet/home.h"
#include "wallet/shortcuts.h"
#include "wallet/store_key.h"

enum {
    HOME_PATH_MAX = 1024,
    HOME_SIGNERS_MAX = 256, /* keys with a signer open at once: agencies times purposes */
    CA_LIFE_S = 10 * 366 * LW_DAY_S,
    LEAF_LIFE_S = 731 * LW_DAY_S,
    /* The longest life of what a leaf key signs: it stops so long before its certificate ends. */
    SIGNED_LIFE_S = 366 * LW_DAY_S,
    BACK_DATED_S = LW_DAY_S, /* certificates begin so long in the past: rounded times fall inside */
};

/* A token key with its certificate, kept while the home is open. */
struct home_signer {
    struct hsm_pool_key key;
    struct hsm_signer signer;
    char label[WALLET_KEY_LABEL_MAX + 1]; /* of the record */
    lw_buf cert;
    struct home_signer *next;
};

struct wallet_home {
    const struct wallet_home_config *config;
    const struct wallet_env *env;
    enum wallet_home_need need;
    struct wallet_store *store;
    struct hsm_pool *pool;
    struct wallet_shortcuts shortcuts;
    pthread_mutex_t lock; /* guards what is below */
    struct home_signer *signers;
    uint64_t signers_generation;
    struct wallet_snapshot *snapshot;
};

/** Fill `path` with "DIR/name"; `config` says DIR. errors  LW_E_LIMIT */
LW_MUST_USE lw_err home_path(const struct wallet_home_config *config, const char *name,
                             char path[HOME_PATH_MAX]);

/** Start the signers of the home's token; `without_token`: though it is absent. */
LW_MUST_USE lw_err home_open_pool(const struct wallet_home_config *config,
                                  const struct wallet_env *env, bool without_token,
                                  struct hsm_pool **pool);

/** Append one audit event without detail, in a write transaction. */
LW_MUST_USE lw_err home_audit(struct wallet_txn *txn, int64_t now, enum wallet_audit_kind kind,
                              lw_str actor, lw_bytes subject);

#endif
