/* What several flows share. Private to wallet/flow. */
#ifndef WALLET_FLOW_COMMON_H
#define WALLET_FLOW_COMMON_H

#include "home_internal.h"
#include "wallet/flow_issue.h"
#include "wallet/store_license.h"

enum {
    FLOW_INTENT_STALE_S = 60, /* an intent older than this was left by a crash */
    FLOW_SKEW_S = 60,
};

/* A snapshot that is released at the end of its scope. */
static inline void flow_release(const struct wallet_snapshot **snapshot)
{
    wallet_snapshot_release(*snapshot);
}
#define FLOW_AUTO_SNAPSHOT __attribute__((cleanup(flow_release))) const struct wallet_snapshot *

/** Find the newest license of a reference. Errors as wallet_store_license_find(). */
LW_MUST_USE lw_err flow_find(const struct wallet_txn *txn, struct wallet_license_ref ref,
                             uint8_t id[WALLET_UUID_LEN]);

/** Find and read the newest license of a reference. */
LW_MUST_USE lw_err flow_load(struct wallet_home *home, struct wallet_license_ref ref,
                             enum wallet_load what, struct wallet_stored_license *out);

/** Supersede what stands before a new version: state, credentials' entries and audit event. */
LW_MUST_USE lw_err flow_supersede(struct wallet_txn *txn, const uint8_t old[WALLET_UUID_LEN],
                                  const uint8_t successor[WALLET_UUID_LEN], int64_t now,
                                  lw_str actor);

/** Check that a reason for people has 1 to 256 characters. errors  LW_E_VALUE */
LW_MUST_USE lw_err flow_check_reason(lw_str reason);

/** Link a license that was revoked or cancelled to the one that mends it, and log that. */
LW_MUST_USE lw_err flow_mended(struct wallet_txn *txn, const uint8_t old[WALLET_UUID_LEN],
                               const uint8_t successor[WALLET_UUID_LEN], int64_t now, lw_str actor);

/** Append an event about a license. */
LW_MUST_USE lw_err flow_audit_license(struct wallet_txn *txn, int64_t now,
                                      enum wallet_audit_kind kind, lw_str actor,
                                      const uint8_t id[WALLET_UUID_LEN], uint64_t *index);

/** Void an intent and log the digest that may have been signed under it. */
LW_MUST_USE lw_err flow_void_intent(struct wallet_txn *txn, const struct wallet_intent *intent,
                                    int64_t now);

/** Read the version of its type that a license was issued under; wallet_license_type_free() it. */
LW_MUST_USE lw_err flow_type_version(struct wallet_home *home, const struct wallet_license *license,
                                     struct wallet_type_doc **doc);

/** As wallet_flow_claims_now(), from `then`, the version it was issued under. */
LW_MUST_USE lw_err flow_claims_keep(const struct wallet_license_type *then,
                                    const struct wallet_license_type *type,
                                    struct wallet_license *license);

/** Change a state in a write transaction: the license, its credentials' entries, the log. */
LW_MUST_USE lw_err flow_set_state(struct wallet_txn *txn, const uint8_t id[WALLET_UUID_LEN],
                                  const struct wallet_state_change *change, lw_str actor,
                                  enum wallet_state *from);

/* A credential wanted for a holder key. */
struct flow_credential_order {
    struct wallet_home *home;
    struct wallet_license_ref ref;
    lw_str format; /* "dc+sd-jwt", "dc+sd-cwt", or "lq1" for the latter */
    const struct hsm_public_key *holder_key;
    bool any_state; /* one made earlier will do, though the license is not active now */
};

/** As wallet_flow_credential(). */
LW_MUST_USE lw_err flow_credential_get(const struct flow_credential_order *order,
                                       lw_buf *credential);

#endif
