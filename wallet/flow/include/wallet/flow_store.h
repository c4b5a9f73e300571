/* The store as a whole: checked, with the seals and signatures that the layer below cannot check.
 */
#ifndef WALLET_FLOW_STORE_H
#define WALLET_FLOW_STORE_H

#include "wallet/flow_audit.h"
#include "wallet/store_check.h"

struct wallet_store_report {
    struct wallet_audit_result log;
    bool whole;
    bool opened; /* seals and signatures were checked, too */
    uint64_t entries;
    uint64_t licenses;
    uint64_t people;
    struct wallet_check check; /* what is wrong; in: `progress` and `ctx` */
};

/**
 * Check the form of every entry, the log and its signed heads, every index both ways, status lists
 * against licenses; and, when the home was opened with WALLET_HOME_SEALED or more, the signature of
 * every license record by a key of its issuer and the seal of every license, credential and person.
 *
 * report  `check.progress` and `check.ctx` set, the rest zero
 * errors  LW_E_CORRUPT  the engine cannot read a page; LW_E_IO, LW_E_NOMEM. What is wrong is in
 *         `report`, not an error
 * does not check  that the certificates of keys lead to the authority
 */
LW_MUST_USE lw_err wallet_flow_store_check(struct wallet_home *home,
                                           struct wallet_store_report *report);

#endif
