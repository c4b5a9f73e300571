/* A new home: token, store, the authority's own keys and certificates, the first trust list. */
#define _GNU_SOURCE

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "home_key.h"
#include "lw/file.h"
#include "trust_publish.h"
#include "wallet/flow_store.h"

enum { DIR_MODE = 0700, FILE_MODE = 0600 };

static lw_err make_token(const struct wallet_home_config *config, const struct wallet_env *env)
{
    char dir[HOME_PATH_MAX];
    char pin[HOME_PATH_MAX];
    char so_pin[HOME_PATH_MAX];
    if (config->module != NULL) {
        return LW_SUCCESS; /* a token of their own: it is initialised already */
    }
    LW_TRY(home_path(config, "token", dir));
    LW_TRY(home_path(config, "pin", pin));
    LW_TRY(home_path(config, "so-pin", so_pin));
    const struct hsm_softhsm_paths paths = {.dir = dir,
                                            .pin_file = pin,
                                            .so_pin_file = so_pin,
                                            .module = hsm_softhsm_module(),
                                            .token_label = config->token_label,
                                            .program = config->signer_program};
    if (paths.module == NULL) {
        return LW_FAIL(LW_E_TOKEN, "home: SoftHSM 2 is not installed", LW_NOWHERE);
    }
    return hsm_softhsm_init(&paths, env->rng);
}

static lw_err make_keys(struct wallet_home *home)
{
    static const enum hsm_purpose purposes[] = {
        HSM_PURPOSE_SEAL, HSM_PURPOSE_CUSTODY, HSM_PURPOSE_CA,       HSM_PURPOSE_TRUST_LIST,
        HSM_PURPOSE_LOG,  HSM_PURPOSE_ACCESS,  HSM_PURPOSE_ID_TOKEN, HSM_PURPOSE_ID_TOKEN_RSA,
    };
    for (size_t i = 0; i < sizeof(purposes) / sizeof(purposes[0]); i++) {
        const struct home_key_order order = {.purpose = purposes[i],
                                             .agency = LW_STR(""),
                                             .common_name = lw_str_c(home->config->authority),
                                             .organization_id = LW_STR(""),
                                             .state = WALLET_KEY_ACTIVE};
        LW_TRY(home_key_make(home, &order, NULL));
    }
    return LW_SUCCESS;
}

static lw_err fill_home(struct wallet_home *home)
{
    size_t crls = 0;
    LW_TRY(make_keys(home));
    LW_TRY(home_epoch_make(home, "seal-1"));
    LW_TRY(home_crl_sign(home, true, &crls));
    return home_trust_list_sign(home);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

/*
 * A file that stands while a home is made, so that the next run may take away what one that was
 * killed has left. It goes before the store gets its name: beside a store it is never believed.
 */
static const char unfinished_mark[] = "unfinished";

/* Takes away what this run has made: an unfinished home would stand in the next one's way. */
static void undo(const struct wallet_home_config *config, bool own_token)
{
    static const char *const names[] = {"store.new", "token", "pin", "so-pin"};
    for (size_t i = 0; i < (own_token ? sizeof(names) / sizeof(names[0]) : 1); i++) {
        char path[HOME_PATH_MAX];
        if (home_path(config, names[i], path).code == LW_OK) {
            (void)nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
        }
    }
}

static lw_err remove_mark(const struct wallet_home_config *config)
{
    char path[HOME_PATH_MAX];
    LW_TRY(home_path(config, unfinished_mark, path));
    return unlink(path) == 0 ? LW_SUCCESS
                             : LW_FAIL(LW_E_IO, "home: cannot write to the folder", LW_NOWHERE);
}

/* The store gets its name last: where there is one, the home was finished. */
static lw_err make_store(const struct wallet_home_config *config, const struct wallet_env *env)
{
    char unfinished[HOME_PATH_MAX];
    char store[HOME_PATH_MAX];
    LW_TRY(home_path(config, "store.new", unfinished));
    LW_TRY(home_path(config, "store", store));
    struct wallet_home *home = calloc(1, sizeof(*home));
    if (home == NULL) {
        return LW_FAIL(LW_E_NOMEM, "home: out of memory", LW_NOWHERE);
    }
    home->config = config;
    home->env = env;
    home->store_dir = "store.new";
    home->need = WALLET_HOME_SIGN;
    (void)pthread_mutex_init(&home->lock, NULL);
    const struct wallet_store_options options = {.clock = env->clock, .rng = env->rng};
    lw_err err = home_open_pool(config, env, false, &home->pool);
    err = err.code == LW_OK ? wallet_store_create(unfinished, &options, &home->store) : err;
    err = err.code == LW_OK ? fill_home(home) : err;
    wallet_home_close(home);
    err = err.code == LW_OK ? remove_mark(config) : err;
    return err.code == LW_OK ? lw_file_rename(unfinished, store) : err;
}

static lw_err put_mark(const struct wallet_home_config *config, bool *was_there)
{
    char path[HOME_PATH_MAX];
    LW_TRY(home_path(config, unfinished_mark, path));
    const int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, FILE_MODE);
    *was_there = fd < 0 && errno == EEXIST;
    if (fd < 0 && !*was_there) {
        return LW_FAIL(LW_E_IO, "home: cannot write to the folder", LW_NOWHERE);
    }
    if (fd >= 0) {
        (void)close(fd);
    }
    return LW_SUCCESS;
}

lw_err wallet_home_init_check(const struct wallet_home_config *config)
{
    char path[HOME_PATH_MAX];
    struct stat info;
    if (wallet_flow_restore_unfinished(config)) {
        return LW_FAIL(LW_E_CONFLICT,
                       "home: a restore into it was not finished: run `lw store restore` again",
                       LW_NOWHERE);
    }
    LW_TRY(home_path(config, "store", path));
    if (stat(path, &info) == 0) {
        return LW_FAIL(LW_E_CONFLICT, "home: there is a store already", LW_NOWHERE);
    }
    LW_TRY(home_path(config, unfinished_mark, path));
    if (stat(path, &info) == 0) {
        return LW_SUCCESS; /* what is there, a run that was killed has left */
    }
    LW_TRY(home_path(config, "token", path));
    if (config->module == NULL && stat(path, &info) == 0) {
        return LW_FAIL(LW_E_CONFLICT,
                       "home: there is a token without a store: restore the store, or move the "
                       "folder token and the files pin and so-pin away",
                       LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static lw_err init_locked(const struct wallet_home_config *config, const struct wallet_env *env)
{
    bool was_there = false;
    LW_TRY(wallet_home_init_check(config));
    LW_TRY(put_mark(config, &was_there));
    undo(config, was_there && config->module == NULL);
    lw_err err = make_token(config, env);
    err = err.code == LW_OK ? lw_folder_sync(config->dir) : err; /* the PIN files' names */
    err = err.code == LW_OK ? make_store(config, env) : err;
    if (err.code != LW_OK) {
        undo(config, config->module == NULL);
        const lw_err left = remove_mark(config);
        (void)left; /* then the next run takes it for what it is */
    }
    return err;
}

/* The folder is locked meanwhile: a second run would take this one's token for its own to undo. */
lw_err wallet_home_init(const struct wallet_home_config *config, const struct wallet_env *env)
{
    LW_TRY(wallet_home_init_check(config));
    if (mkdir(config->dir, DIR_MODE) != 0 && errno != EEXIST) {
        return LW_FAIL(LW_E_IO, "home: cannot make the folder", LW_NOWHERE);
    }
    const int fd = open(config->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0) {
        return LW_FAIL(LW_E_IO, "home: cannot open the folder", LW_NOWHERE);
    }
    const lw_err err =
        flock(fd, LOCK_EX | LOCK_NB) == 0
            ? init_locked(config, env)
            : LW_FAIL(LW_E_CONFLICT, "home: it is being made by another process", LW_NOWHERE);
    (void)close(fd);
    return err;
}
