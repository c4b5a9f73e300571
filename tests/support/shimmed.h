/* A home whose token stands behind the shim (shim/shim.h), so that a test can let it misbehave. */
#ifndef SUPPORT_SHIMMED_H
#define SUPPORT_SHIMMED_H

#include "home.h"
#include "shim/shim.h"

struct support_shimmed {
    struct shim_control *control;
    char shim[SUPPORT_PATH_MAX];
    char conf[SUPPORT_PATH_MAX];
};

/** Put the shim before the token of `h` from its next opening on. Call it in place. */
void support_shimmed(struct support_home *h, struct support_shimmed *s);

/** Let C_Sign meet `fault` each `every`-th time from now, until it is SHIM_NONE. */
void support_shimmed_sign(struct support_shimmed *s, enum shim_fault fault, unsigned every);

/** Unmap the control; after the home was dropped. */
void support_shimmed_drop(struct support_shimmed *s);

/** Return whether the store holds a license of that number. */
bool support_has_license(struct support_home *h, const char *number);

/** Write our log into the file `log` of the home's folder from now on; read it back. */
void support_log_to_file(struct support_home *h, struct lw_log *log);
bool support_log_says(const struct support_home *h, const char *what);

#endif
