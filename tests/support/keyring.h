/* The keys of a test's home: looked at, rotated, found in the token. Aborts on what must not be. */
#ifndef SUPPORT_KEYRING_H
#define SUPPORT_KEYRING_H

#include "home.h"
#include "wallet/flow_key.h"

enum { SUPPORT_KEYS_MAX = 256 };

/* Whose agency's keys are meant where a purpose has one for each. */
#define SUPPORT_KEY_AGENCY "market-regulation"

struct support_keys {
    struct wallet_key_info list[SUPPORT_KEYS_MAX]; /* without certificates */
    size_t count;
};
void support_keys(struct support_home *h, struct support_keys *keys);

/** Find a key by its label. */
struct wallet_key_info support_key(struct support_home *h, const char *label);
/** Find the active key of a purpose. */
struct wallet_key_info support_active_key(struct support_home *h, enum hsm_purpose purpose);
bool support_key_in_token(struct support_home *h, const char *label);

/** Rotate as `order` says, for SUPPORT_KEY_AGENCY where the purpose has one key for each. */
LW_MUST_USE lw_err support_rotate(struct support_home *h, struct wallet_key_order order,
                                  struct wallet_key_result *result);
/** Take all steps that are due; return how many. */
size_t support_advance(struct support_home *h);
/** Rotate, let the time pass, and have the successor sign. */
void support_rotate_whole(struct support_home *h, enum hsm_purpose purpose);

#endif
