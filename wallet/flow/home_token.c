/* A new SoftHSM token in the place of one that is gone. */
#define _GNU_SOURCE

#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "home_internal.h"
#include "lw/file.h"
#include "wallet/flow_recovery.h"

enum { FILE_MODE = 0600 };

/* What is gone is gone, but a file is not ours to throw away. */
static lw_err put_aside(const struct wallet_home_config *config, const char *name)
{
    char path[HOME_PATH_MAX];
    char aside[HOME_PATH_MAX + 8];
    LW_TRY(home_path(config, name, path));
    (void)snprintf(aside, sizeof(aside), "%s.lost", path);
    if (access(path, F_OK) != 0) {
        return LW_SUCCESS;
    }
    return rename(path, aside) == 0
               ? LW_SUCCESS
               : LW_FAIL(LW_E_IO, "home: cannot write to the folder", LW_NOWHERE);
}

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
    (void)info;
    (void)type;
    (void)walk;
    return remove(path);
}

/*
 * A file that stands while a token is made in the place of a lost one: what a killed run has left
 * is half a token, with nothing in it.
 */
static const char unfinished_mark[] = "token.unfinished";

static lw_err put_mark(const struct wallet_home_config *config)
{
    char path[HOME_PATH_MAX];
    LW_TRY(home_path(config, unfinished_mark, path));
    return lw_file_write(path, (lw_bytes){NULL, 0}, FILE_MODE);
}

static lw_err remove_mark(const struct wallet_home_config *config)
{
    char path[HOME_PATH_MAX];
    LW_TRY(home_path(config, unfinished_mark, path));
    if (unlink(path) != 0) {
        return LW_FAIL(LW_E_IO, "home: cannot write to the folder", LW_NOWHERE);
    }
    return lw_folder_sync(config->dir);
}

static lw_err clear_half(const struct wallet_home_config *config)
{
    static const char *const names[] = {"token", "pin", "so-pin"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        char path[HOME_PATH_MAX];
        LW_TRY(home_path(config, names[i], path));
        if (access(path, F_OK) == 0 && nftw(path, remove_entry, 8, FTW_DEPTH | FTW_PHYS) != 0) {
            return LW_FAIL(LW_E_IO, "home: cannot clear half a token away", LW_NOWHERE);
        }
    }
    return LW_SUCCESS;
}

/* The mark comes after the old PIN files went aside: they are none of the half token's. */
static lw_err begin(const struct wallet_home_config *config, bool unfinished)
{
    if (unfinished) {
        return clear_half(config);
    }
    LW_TRY(put_aside(config, "pin"));
    LW_TRY(put_aside(config, "so-pin"));
    return put_mark(config);
}

static lw_err make(const struct wallet_home_config *config, const struct wallet_env *env,
                   const char *dir, const char *pin_dir)
{
    char pin[HOME_PATH_MAX];
    char so_pin[HOME_PATH_MAX];
    const struct wallet_home_config at = {.dir = pin_dir};
    LW_TRY(home_path(&at, "pin", pin));
    LW_TRY(home_path(&at, "so-pin", so_pin));
    const struct hsm_softhsm_paths paths = {.dir = dir,
                                            .pin_file = pin,
                                            .so_pin_file = so_pin,
                                            .module = hsm_softhsm_module(),
                                            .token_label = config->token_label,
                                            .program = config->signer_program};
    return paths.module == NULL
               ? LW_FAIL(LW_E_TOKEN, "home: SoftHSM 2 is not installed", LW_NOWHERE)
               : hsm_softhsm_init(&paths, env->rng);
}

lw_err wallet_home_token_make(const struct wallet_home_config *config, const struct wallet_env *env,
                              bool *made)
{
    char conf[HOME_PATH_MAX];
    char dir[HOME_PATH_MAX];
    char mark[HOME_PATH_MAX];
    *made = false;
    LW_TRY(home_path(config, "token/softhsm2.conf", conf));
    LW_TRY(home_path(config, "token", dir));
    LW_TRY(home_path(config, unfinished_mark, mark));
    const bool unfinished = access(mark, F_OK) == 0;
    if (config->module != NULL || config->softhsm_conf != NULL || config->pin_file != NULL ||
        (!unfinished && access(conf, F_OK) == 0)) {
        return LW_SUCCESS;
    }
    LW_TRY(begin(config, unfinished));
    LW_TRY(make(config, env, dir, config->dir));
    LW_TRY(remove_mark(config));
    *made = true;
    return LW_SUCCESS;
}

lw_err wallet_standby_token_make(const struct wallet_home_config *config,
                                 const struct wallet_env *env, const char *dir)
{
    return make(config, env, dir, dir);
}
