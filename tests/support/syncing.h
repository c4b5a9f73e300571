/* `lw sync` from a home in the same process: what its service would answer, without HTTP. */
#ifndef SUPPORT_SYNCING_H
#define SUPPORT_SYNCING_H

#include "home.h"
#include "wallet/flow_sync.h"

/** Answer as the service of `h` (a struct support_home) would; a wallet_fetch. */
LW_MUST_USE lw_err support_fetch(void *h, lw_str uri, const char *accept, lw_buf *body);

/** Bring `dir` up to date. `pin` is 64 hex digits, or empty once the folder is pinned. */
LW_MUST_USE lw_err support_sync(struct support_home *h, const char *dir, lw_str pin,
                                struct wallet_sync_result *result);

/** Append the pin of the list key that signs now, as hex. */
void support_pin(struct support_home *h, lw_buf *hex);

#endif
