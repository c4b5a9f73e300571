/* An input of the accepting policy that is accepted; each test bends one thing of it. */
#ifndef SUPPORT_POLICY_FIXTURE_H
#define SUPPORT_POLICY_FIXTURE_H

#include "wallet/policy_accept.h"

enum { POLICY_NOW = 1795086400 };

struct policy_fixture {
    struct wallet_license_type type;
    struct wallet_verified verified;
    struct wallet_policy_input in;
    struct wallet_checks checks;
    struct wallet_decision decision;
};

/** Fill a license's credential with a valid status. */
void policy_init(struct policy_fixture *f);

/** Fill a pass: a day at most, no status reference, of a type that allows it. */
void policy_init_pass(struct policy_fixture *f);

/** Decide, into f->decision. */
void policy_decide(struct policy_fixture *f);

#endif
