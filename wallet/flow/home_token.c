/* A new SoftHSM token in the place of one that is gone. */
#define _GNU_SOURCE

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "home_internal.h"
#include "lw/file.h"
#include "wallet/flow_recovery.h"

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

lw_err wallet_home_token_make(const struct wallet_home_config *config, const struct wallet_env *env,
                              bool *made)
{
    char conf[HOME_PATH_MAX];
    char dir[HOME_PATH_MAX];
    char pin[HOME_PATH_MAX];
    char so_pin[HOME_PATH_MAX];
    *made = false;
    LW_TRY(home_path(config, "token/softhsm2.conf", conf));
    if (config->module != NULL || config->softhsm_conf != NULL || config->pin_file != NULL ||
        access(conf, F_OK) == 0) {
        return LW_SUCCESS;
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
    LW_TRY(put_aside(config, "pin"));
    LW_TRY(put_aside(config, "so-pin"));
    LW_TRY(hsm_softhsm_init(&paths, env->rng));
    *made = true;
    return lw_folder_sync(config->dir);
}
