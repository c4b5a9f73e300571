/*
 * A SoftHSM token in a temporary folder and the configuration of a pool on it, with the shim
 * (shim/shim.h) between when asked for. Aborts the test when it cannot be made.
 */
#ifndef SUPPORT_TOKEN_H
#define SUPPORT_TOKEN_H

#include <sys/types.h>

#include "folder.h"
#include "hsm/pool.h"
#include "shim/shim.h"

struct support_token {
    char folder[SUPPORT_PATH_MAX]; /* holds all of it; removed by support_token_free() */
    char conf[SUPPORT_PATH_MAX];
    char pin_file[SUPPORT_PATH_MAX];
    char so_pin_file[SUPPORT_PATH_MAX];
    char shim[SUPPORT_PATH_MAX];
    char program[SUPPORT_PATH_MAX];
    struct shim_control *control;  /* NULL without the shim */
    struct hsm_pool_config config; /* two processes, deadline 5 s, no log */
};

/** Initialise a token labelled "test". Call it in place: `config` points into `t`. */
void support_token_make(struct support_token *t, bool with_shim);

/**
 * Put the shim before `module`: a link to it and its control file in `folder`, which is mapped.
 *
 * shim     set to the link, the module to name instead
 * returns  the control, mapped until the process ends or it is unmapped
 */
struct shim_control *support_shim(const char *folder, const char *module,
                                  char shim[SUPPORT_PATH_MAX]);

/** Remove the folder. The pool must be closed. */
void support_token_free(struct support_token *t);

/** Make the folder only, with PIN files unmade: for tests of the making. */
void support_token_folder(struct support_token *t);

/** Fill in the process ids of our running children. returns how many, at most `max` */
size_t support_children(pid_t *pids, size_t max);

#endif
