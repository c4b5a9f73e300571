/* The home's own trust: its entries, made from keys and catalogue. Private to wallet/flow. */
#ifndef WALLET_TRUST_PUBLISH_H
#define WALLET_TRUST_PUBLISH_H

#include "wallet/home.h"
#include "wallet/store_key.h"
#include "wallet/trust_list.h"

/* The catalogue as the store has it. Owned by who read it. */
struct home_catalog {
    struct wallet_agency_doc **agencies;
    size_t agency_count;
    struct wallet_type_doc **types;
    size_t type_count;
};

/** Read the current version of every agency and license type. */
LW_MUST_USE lw_err home_catalog_read(const struct wallet_txn *txn, struct home_catalog *catalog);
void home_catalog_free(struct home_catalog *catalog);

/* One issuer of ours. Texts borrow from the catalogue, certificates from the transaction. */
struct home_issuer {
    struct wallet_trust_entry entry;
    lw_str vcts[WALLET_VCTS_MAX];
    lw_str prefix;
};

/* What goes into the trust list; free it before what it borrows. */
struct home_trust_parts {
    struct home_issuer *issuers;
    size_t issuer_count;
    lw_bytes anchors[WALLET_ANCHORS_MAX]; /* certificates of the CA, oldest key first */
    size_t anchor_count;
    uint8_t next_pins[WALLET_PINS_MAX][WALLET_PIN_LEN]; /* of list keys that sign later */
    size_t next_pin_count;
    char (*unlisted)[WALLET_KEY_LABEL_MAX + 1]; /* labels of keys that no list has named yet */
    size_t unlisted_count;
    uint64_t basis; /* wallet_store_key_changes() */
    int64_t now;
    lw_buf prefix; /* "BASE/status/" */
};

/**
 * Gather the issuers: each ds-vc key that was not destroyed, or is compromised, with the types it
 * may sign; the CA's certificates; list keys to come.
 */
LW_MUST_USE lw_err home_trust_gather(struct wallet_home *home, const struct wallet_txn *txn,
                                     const struct home_catalog *catalog,
                                     struct home_trust_parts *parts);
void home_trust_parts_free(struct home_trust_parts *parts);

/** Sign the next version of the trust list from keys and catalogue as they stand, and keep it. */
LW_MUST_USE lw_err home_trust_list_sign(struct wallet_home *home);

/**
 * Sign the trust list when a store that was adopted has only versions that verifiers may know newer
 * ones of: those would refuse it.
 */
LW_MUST_USE lw_err home_trust_catch_up(struct wallet_home *home);

#endif
