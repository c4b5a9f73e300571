/* A home from within wallet/flow. */
#ifndef WALLET_HOME_INTERNAL_H
#define WALLET_HOME_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

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

/* The wall clock against the monotonic one (home_clock.h); seconds. */
struct home_watch {
    bool believed;   /* the log or an hour of watch has borne out `ahead` */
    int64_t ahead;   /* of the wall clock over the monotonic one */
    bool doubts;     /* the clock is `doubted` ahead instead, since then */
    int64_t doubted; /* of the wall clock over the monotonic one */
    int64_t since;   /* by the monotonic one */
    bool told;       /* the log says that it is doubted */
};

struct wallet_home {
    const struct wallet_home_config *config;
    const struct wallet_env *env;
    enum wallet_home_need need;
    struct wallet_store *store;
    const char *store_dir;  /* its folder's name within the home; static */
    atomic_bool log_broken; /* the log does not chain with its signed head: no license is signed */
    bool guarded;           /* home_guard() found it to be the one and the newest */
    _Atomic uint64_t seen;  /* size of the log when it was last noted as seen, durably */
    struct hsm_pool *pool;
    struct wallet_shortcuts shortcuts;
    pthread_mutex_t lock; /* guards what is below */
    struct home_signer *signers;
    uint64_t signers_generation;
    struct wallet_snapshot *snapshot;
    struct home_watch watch;
};

/** Fill `path` with "DIR/name"; `config` says DIR. errors  LW_E_LIMIT */
LW_MUST_USE lw_err home_path(const struct wallet_home_config *config, const char *name,
                             char path[HOME_PATH_MAX]);

/* A home's file beside the store: the newest head of its log that was seen. */
struct home_seen {
    bool there;
    uint8_t store[WALLET_STORE_ID_LEN];
    uint64_t size;
    uint8_t root[WALLET_HASH_LEN];
    uint64_t trust; /* version of the newest trust list */
    int64_t time;
};

/** Read the file. errors  LW_E_CORRUPT  not of its form; LW_E_IO */
LW_MUST_USE lw_err home_seen_read(const struct wallet_home_config *config, struct home_seen *seen);

/**
 * Note the store's head as seen, durably; one that was seen before and is longer stays. For any
 * thread, and beside other processes.
 *
 * replace  whatever was seen before: the store was adopted
 */
LW_MUST_USE lw_err home_seen_note(struct wallet_home *home, bool replace);

/** Refuse a store that is not the one, or the newest, as wallet_home_open() says. */
LW_MUST_USE lw_err home_guard(struct wallet_home *home);

/* A file of a home that stands while it is restored. */
extern const char home_restore_mark[];

/** Open the store in `home->store_dir`. */
LW_MUST_USE lw_err home_open_store(struct wallet_home *home);

/** Record in the store which file it lies in. errors  as wallet_store_write(); LW_E_IO */
LW_MUST_USE lw_err home_place_record(struct wallet_home *home);

struct wallet_store_standing;
/** Adopt the store, however it stands: `standing` is what the log says of it. */
LW_MUST_USE lw_err home_store_adopt(struct wallet_home *home,
                                    const struct wallet_store_standing *standing);

/** Start the signers of the home's token; `without_token`: though it is absent. */
LW_MUST_USE lw_err home_open_pool(const struct wallet_home_config *config,
                                  const struct wallet_env *env, bool without_token,
                                  struct hsm_pool **pool);

/** Append one audit event without detail, in a write transaction. */
LW_MUST_USE lw_err home_audit(struct wallet_txn *txn, int64_t now, enum wallet_audit_kind kind,
                              lw_str actor, lw_bytes subject);

#endif
