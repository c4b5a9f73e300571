/*
 * The files of a backup and the manifest that lists them. Private to wallet/flow.
 *
 *   manifest.json          {"format": "license-wallet backup 1", ...}: written last
 *   store/data.mdb         the store
 *   config.json
 *   public/                ca.der, ca.crl, trust-list.cwt: what is published, for use without lw
 *   token/...              the SoftHSM token's folder, when it was asked for
 */
#ifndef WALLET_BACKUP_SET_H
#define WALLET_BACKUP_SET_H

#include "home_internal.h"
#include "lw/file.h"
#include "wallet/flow_store.h"

enum { BACKUP_PATH_MAX = 256, BACKUP_FILES_MAX = 4096, BACKUP_DIR_MODE = 0700 };

struct backup_file {
    char path[BACKUP_PATH_MAX]; /* within the backup; no "..", not absolute */
    uint64_t size;
    uint8_t hash[32]; /* SHA-256 */
};

/* A manifest in memory; zero it first, backup_set_free() after. */
struct backup_set {
    struct wallet_backup about;
    uint8_t store[WALLET_STORE_ID_LEN];
    uint64_t schema;
    lw_buf signed_head;        /* COSE_Sign1, may be empty */
    lw_buf room;               /* what `files` lie in */
    struct backup_file *files; /* BACKUP_FILES_MAX, once there is one */
    size_t count;
};
#define AUTO_BACKUP_SET __attribute__((cleanup(backup_set_free))) struct backup_set

void backup_set_free(struct backup_set *set);

/** Make room for files, once. errors  LW_E_NOMEM */
LW_MUST_USE lw_err backup_set_room(struct backup_set *set);

/** Fill `path` with "dir/name". errors  LW_E_LIMIT */
LW_MUST_USE lw_err backup_path(const char *dir, const char *name, char path[LW_PATH_MAX]);

/**
 * Copy a file durably to "dir/name", whose folder is there, mode 0600.
 *
 * errors  LW_E_NOT_FOUND, LW_E_CONFLICT  it exists; LW_E_NOSPACE, LW_E_IO
 */
LW_MUST_USE lw_err backup_copy(const char *from, const char *to);

/** Note the file "dir/name" with its size and hash. errors  LW_E_LIMIT  too many files */
LW_MUST_USE lw_err backup_note(struct backup_set *set, const char *dir, const char *name);

/**
 * Copy the folder `from` and what is in it, `depth` folders deep, to "dir/name", and note it. What
 * changes while it is copied is copied once more.
 *
 * errors  LW_E_BUSY  it changes all the time; LW_E_NOT_FOUND  it is not there; LW_E_LIMIT, LW_E_IO
 */
LW_MUST_USE lw_err backup_copy_folder(struct backup_set *set, const char *from, const char *dir,
                                      const char *name, unsigned depth);

/** Make a folder, mode 0700; one that is there is fine. */
LW_MUST_USE lw_err backup_make_folder(const char *path);

/** Remove a folder with all that is in it, where it is there. */
void backup_remove(const char *path);

/** Write "dir/manifest.json", durably. */
LW_MUST_USE lw_err backup_manifest_write(const char *dir, const struct backup_set *set);

/** Read a manifest. errors  LW_E_NOT_FOUND  none; LW_E_VALUE  not of this form */
LW_MUST_USE lw_err backup_manifest_read(const char *dir, struct backup_set *set);

/** Check that "dir/name" is as it was noted. errors  LW_E_CORRUPT */
LW_MUST_USE lw_err backup_verify(const char *dir, const struct backup_file *file);

/**
 * Check the store in `dir` without a token: form, log, indexes; gives its head and license count.
 * What that leaves beside the data file is removed.
 *
 * errors  LW_E_CORRUPT  it is not whole; as wallet_store_open()
 */
LW_MUST_USE lw_err backup_check_store(const char *dir, const struct wallet_env *env,
                                      struct backup_set *set);

#endif
