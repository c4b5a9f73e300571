/* The offline folder (SHAPES): fetch, pin, refuse roll-back. */
#ifndef WALLET_FLOW_SYNC_H
#define WALLET_FLOW_SYNC_H

#include "wallet/home.h"

/* More than a server can sensibly have: 16,384 lists of a million entries each. */
enum { WALLET_SYNC_TYPES_MAX = 1024, WALLET_SYNC_LISTS_MAX = 16384 };

/*
 * How a document is fetched; given by the caller, for this layer knows no HTTP. `accept` is one
 * media type: an answer of another one is LW_E_NETWORK.
 */
typedef lw_err wallet_fetch(void *ctx, lw_str uri, const char *accept, lw_buf *body);

struct wallet_sync_order {
    lw_str server;   /* base URL */
    const char *dir; /* made when absent, mode 0700 */
    lw_str pin;      /* SHA-256 hex of the first `tl` key; required the first time */
    wallet_fetch *fetch;
    void *fetch_ctx;
};

struct wallet_sync_result {
    uint64_t trust_list_version;
    size_t lists_fetched;
    size_t lists_kept; /* not reachable, the older copy stays */
    size_t types;
};

/**
 * Bring the folder up to date: trust list (pinned, never an older version), types, every list.
 * Each file is written beside and renamed, so a crash leaves the old or the new one.
 *
 * errors  LW_E_UNTRUSTED  not signed by a pinned key; LW_E_CONFLICT  an older or a different
 *         list of the same version; LW_E_NETWORK; LW_E_IO; LW_E_VALUE  no pin given;
 *         LW_E_LIMIT  the server names more types or lists than the bounds above
 */
LW_MUST_USE lw_err wallet_flow_sync(const struct wallet_sync_order *order,
                                    const struct wallet_env *env,
                                    struct wallet_sync_result *result);

#endif
