/* Publishing status lists. Private to wallet/flow. */
#ifndef WALLET_FLOW_PUBLISH_H
#define WALLET_FLOW_PUBLISH_H

#include "flow_common.h"

/** Append the URI of a list, as credentials name it. */
LW_MUST_USE lw_err flow_status_uri(const struct wallet_home *home, uint64_t number, lw_buf *uri);

#endif
