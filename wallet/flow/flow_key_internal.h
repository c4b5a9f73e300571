/* What the files of the keys' rotation share. Private to wallet/flow. */
#ifndef WALLET_FLOW_KEY_INTERNAL_H
#define WALLET_FLOW_KEY_INTERNAL_H

#include "home_key.h"
#include "wallet/flow_key.h"

/**
 * Let a published key sign from now on, and retire the one that signed, in one transaction with
 * all that hangs on it: the bridge of a list key, the epochs of a seal key, the lists of a status
 * key.
 *
 * compromised  label of the key that is not to be believed any more, or NULL
 * changed      set to whether it was published until now
 * errors       LW_E_EXPIRED  it is outside its time; LW_E_TOKEN
 * does not check  whether it was published long enough
 */
LW_MUST_USE lw_err flow_key_activate(struct wallet_home *home, const struct wallet_key_record *key,
                                     const char *compromised, lw_str actor, bool *changed);

#endif
