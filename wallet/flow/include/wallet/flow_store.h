/* The store as a whole: checked, with the seals and signatures that the layer below cannot check.
 */
#ifndef WALLET_FLOW_STORE_H
#define WALLET_FLOW_STORE_H

#include "wallet/flow_audit.h"
#include "wallet/store_check.h"

struct wallet_store_report {
    struct wallet_audit_result log;
    bool whole;
    bool opened; /* seals and signatures were checked, too */
    uint64_t entries;
    uint64_t licenses;
    uint64_t people;
    struct wallet_index_check check; /* what is wrong; in: `progress` and `ctx` */
};

/**
 * Check the form of every entry, the log and its signed heads, every index both ways, status lists
 * against licenses; and, when the home was opened with WALLET_HOME_SEALED or more, the signature of
 * every license record by a key of its issuer and the seal of every license, credential and person.
 *
 * report  `check.progress` and `check.ctx` set, the rest zero
 * errors  LW_E_CORRUPT  the engine cannot read a page; LW_E_IO, LW_E_NOMEM. What is wrong is in
 *         `report`, not an error
 * does not check  that the certificates of keys lead to the authority
 */
LW_MUST_USE lw_err wallet_flow_store_check(struct wallet_home *home,
                                           struct wallet_store_report *report);

/* How a store stands to what its home has seen. A value. */
struct wallet_store_standing {
    bool other;    /* of another home */
    bool older;    /* shorter than what was seen, or of another past; or head.seen is unreadable */
    bool copied;   /* in another file, or on another machine, than was recorded */
    bool recorded; /* its file was recorded */
    uint64_t size; /* entries of its log */
    uint64_t seen_size;
    uint8_t seen_root[32];
    uint64_t seen_trust;
    int64_t seen_time; /* Unix seconds; 0: nothing was seen */
};

/** Compare a home's store, opened `unguarded` or not, with what is noted outside it. */
LW_MUST_USE lw_err wallet_flow_store_standing(struct wallet_home *home,
                                              struct wallet_store_standing *standing);

/**
 * Let the store go on as the one that counts, whatever its standing: status lists and serials skip
 * what its other state may have given (wallet_store_adopt()), the log says so, and what was seen
 * before is replaced. Nothing happens when its standing is good.
 *
 * home         opened `unguarded`
 * accept_older also when it is older than what was seen: what was acknowledged since is lost
 * standing     set to how it stood before
 * errors       LW_E_CONFLICT  older, and that was not accepted; as wallet_store_write()
 */
LW_MUST_USE lw_err wallet_flow_store_adopt(struct wallet_home *home, bool accept_older,
                                           struct wallet_store_standing *standing);

/* What a backup holds, as its manifest.json says. A value. */
struct wallet_backup {
    int64_t made;  /* Unix seconds */
    uint64_t size; /* entries of the log: what they tell of is in it, nothing later */
    uint8_t root[32];
    uint64_t signed_size; /* of the newest signed head; 0: none */
    uint64_t licenses;
    uint64_t trust; /* version of the trust list */
    bool token;     /* the token's folder is in it */
};

/**
 * Back the home up into the new folder `dir` while others read and write: the store as of its last
 * commit, config.json, what is published, and a manifest with the hash of every file. It is written
 * beside under another name, checked (form, log and indexes), synced and then named.
 *
 * with_token  take the SoftHSM token's folder along, never its PIN
 * errors      LW_E_CONFLICT  `dir` exists, or a backup to it was begun by something else;
 *             LW_E_CORRUPT  the copy is not whole; LW_E_NOT_FOUND  no token's folder; LW_E_NOSPACE,
 *             LW_E_IO: what was begun is removed
 */
LW_MUST_USE lw_err wallet_flow_store_backup(struct wallet_home *home, const char *dir,
                                            bool with_token, struct wallet_backup *made);

/** Read a backup's manifest. errors  LW_E_NOT_FOUND  no backup; LW_E_VALUE  no manifest of ours */
LW_MUST_USE lw_err wallet_flow_backup_read(const char *dir, struct wallet_backup *backup);

/**
 * Restore a backup into a home without a store: every hash, the store's form, log and indexes are
 * checked before it gets its name, and it is adopted, however it stands to what the home has seen:
 * the log says so, and what may have been given since is skipped. A run that was cut short leaves a
 * home that is refused until this is called again.
 *
 * config   of the home to be: `dir` is made when absent; config.json and the token's folder are
 *          taken from the backup where the home has none
 * errors   LW_E_CONFLICT  there is a store; LW_E_UNSUPPORTED  a newer schema; LW_E_CORRUPT  a file
 *          is not as it was backed up; as wallet_flow_backup_read()
 */
LW_MUST_USE lw_err wallet_flow_store_restore(const struct wallet_home_config *config,
                                             const struct wallet_env *env, const char *backup,
                                             struct wallet_backup *restored);

/** Say whether a restore into a home was begun and not ended: nothing else may be done with it. */
bool wallet_flow_restore_unfinished(const struct wallet_home_config *config);

/** Say when the last backup of a home was made; 0: never. */
int64_t wallet_flow_last_backup(const struct wallet_home_config *config);

/**
 * Write the store anew without its free pages, while no other process has it open; it is checked
 * before it takes the place of the old one. The home is to be closed then: its store is the old
 * one.
 *
 * before, after  bytes of the data file
 * errors         LW_E_BUSY  another process has it open; LW_E_NOSPACE
 */
LW_MUST_USE lw_err wallet_flow_store_compact(struct wallet_home *home, uint64_t *before,
                                             uint64_t *after);

#endif
