#include "store_fixture.h"

#include <stdio.h>
#include <stdlib.h>

#include "hsm/rng.h"

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fprintf(stderr, "test support: %s: %s\n", lw_code_name(err.code), err.why);
        abort();
    }
}

void support_store_make(struct support_store *f)
{
    *f = (struct support_store){.store = NULL};
    support_folder(f->folder);
    support_path(f->folder, "store", f->dir);
    lw_clock_fixed_init(&f->clock, SUPPORT_NOW);
    f->options = (struct wallet_store_options){.clock = &f->clock.clock, .rng = hsm_rng_system()};
    must(wallet_store_create(f->dir, &f->options, &f->store));
}

void support_store_reopen(struct support_store *f)
{
    wallet_store_close(f->store);
    f->store = NULL;
    must(wallet_store_open(f->dir, &f->options, &f->store));
}

void support_store_drop(struct support_store *f)
{
    wallet_store_close(f->store);
    f->store = NULL;
    support_remove(f->folder);
}

void support_store_write(struct support_store *f, wallet_write_fn *fn, void *ctx)
{
    must(wallet_store_write(f->store, fn, ctx));
}
