/* People and companies made known by hand or from a file, with their log entry. */
#ifndef WALLET_FLOW_PERSON_H
#define WALLET_FLOW_PERSON_H

#include "wallet/home.h"
#include "wallet/person.h"

/**
 * Add a person, or find the one that has this code already; what is new is in the audit log.
 *
 * name    may be empty
 * added   set to whether the person is new
 * errors  LW_E_VALUE  as wallet_store_person_add(); LW_E_DENIED  locked; LW_E_NOSPACE
 */
LW_MUST_USE lw_err wallet_flow_person_add(struct wallet_home *home,
                                          const struct wallet_person_code *code, lw_str name,
                                          lw_str actor, bool *added);

#endif
