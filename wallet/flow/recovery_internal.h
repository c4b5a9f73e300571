/* What the files of recovery share. Private to wallet/flow. */
#ifndef WALLET_RECOVERY_INTERNAL_H
#define WALLET_RECOVERY_INTERNAL_H

#include "home_key.h"
#include "hsm/envelope.h"
#include "wallet/flow_recovery.h"

/** Give the id of a recovery key, by which its shares are known. */
LW_MUST_USE lw_err recovery_id(const struct hsm_public_key *key, uint8_t id[WALLET_SHARE_ID_LEN]);

/** Make the commitment to a share of a recovery key. */
LW_MUST_USE lw_err recovery_commit(const struct hsm_public_key *key,
                                   const struct hsm_shamir_share *share,
                                   uint8_t commitment[HSM_SHA256_LEN]);

/** Seal a share to its custodian; errors as hsm_envelope_seal(). */
LW_MUST_USE lw_err recovery_share_seal(const struct hsm_public_key *to,
                                       const uint8_t id[WALLET_SHARE_ID_LEN],
                                       const struct hsm_shamir_share *share,
                                       const struct lw_rng *rng, lw_buf *out);

/**
 * Put the recovery key together and compare it with the store's.
 *
 * key     the caller's, to be freed
 * errors  as wallet_flow_recover_check()
 */
LW_MUST_USE lw_err recovery_join(struct wallet_home *home, const struct wallet_recover_order *order,
                                 struct wallet_recover_result *result, struct hsm_soft_key **key);

#endif
