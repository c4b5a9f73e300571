/* A new store in a folder of its own, for tests of what lies in or above it. */
#ifndef SUPPORT_STORE_FIXTURE_H
#define SUPPORT_STORE_FIXTURE_H

#include "folder.h"
#include "lw/clock.h"
#include "wallet/store.h"

enum { SUPPORT_NOW = 1800000000 };

struct support_store {
    char folder[SUPPORT_PATH_MAX];
    char dir[SUPPORT_PATH_MAX];  /* of the store, in `folder` */
    struct lw_clock_fixed clock; /* stands at SUPPORT_NOW */
    struct wallet_store_options options;
    struct wallet_store *store;
};

/** Make the store, with the system's random source; aborts when it cannot. */
void support_store_make(struct support_store *f);

/** Close the store and open it again with f->options; aborts when it cannot. */
void support_store_reopen(struct support_store *f);

/** Close the store and remove its folder. */
void support_store_drop(struct support_store *f);

/** Run `fn` in a write; aborts when it fails. */
void support_store_write(struct support_store *f, wallet_write_fn *fn, void *ctx);

#endif
