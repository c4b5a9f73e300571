/* A license issued again as it was. Private to wallet/flow. */
#ifndef WALLET_FLOW_REISSUE_H
#define WALLET_FLOW_REISSUE_H

#include "flow_common.h"

/* What is issued again, and why. */
struct reissue_order {
    const uint8_t *source; /* the license whose content it gets */
    const uint8_t *mends; /* the revoked or cancelled one it is linked to; may be the source. Or one
                             that is superseded by `id`, which never came */
    const uint8_t *id;    /* NULL: a new one */
    bool check;           /* hold it against its type's rules of today */
    enum wallet_state state;
    lw_str reason;
    lw_str actor;
};

/** Issue it as the next version; the import lock of the home is held. */
LW_MUST_USE lw_err flow_reissue(struct wallet_home *home, const struct reissue_order *order,
                                struct wallet_issued *issued);

#endif
