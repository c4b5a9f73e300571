/* One authority for the whole run of a fuzz target, and what must hold of any list it reads. */
#ifndef SUPPORT_FUZZ_STATUS_H
#define SUPPORT_FUZZ_STATUS_H

#include "status_bend.h"

enum { FUZZ_STATUS_MAX = 1 << 18 };

struct fuzz_status {
    struct status_place place;
    lw_buf header;    /* of a JWT by the status key */
    lw_buf protected; /* of a CWT by the status key */
};

/** Return the one authority, made at the first call; never freed. */
const struct fuzz_status *fuzz_status(void);

/** Abort the run when `err` is one: for what cannot fail. */
void fuzz_must(lw_err err);

/** Read a token; abort the run when what was read breaks its contract. */
void fuzz_status_read(lw_bytes token);

#endif
