#include "policy_fixture.h"

#include "lw/clock.h"

void policy_init(struct policy_fixture *f)
{
    *f = (struct policy_fixture){.decision = {.check = WALLET_CHECK_COUNT}};
    f->type.validity_claim = SIZE_MAX;
    f->verified.vct = LW_STR("https://lic.example/dl");
    f->verified.iat = POLICY_NOW - LW_DAY_S;
    f->verified.nbf = INT64_MIN;
    f->verified.exp = POLICY_NOW + LW_DAY_S;
    f->verified.holder_proven = true;
    f->verified.status = (struct wallet_status_ref){.present = true};
    f->in.err = LW_SUCCESS;
    f->in.verified = &f->verified;
    f->in.type = &f->type;
    f->in.status =
        (struct wallet_status){.outcome = WALLET_STATUS_VALID, .as_of = POLICY_NOW - 100};
    f->in.facts =
        (struct wallet_policy_facts){.now = POLICY_NOW, .skew_s = 60, .clock_trusted = true};
}

void policy_init_pass(struct policy_fixture *f)
{
    policy_init(f);
    f->type.offline_without_status = true;
    f->verified.status.present = false;
    f->verified.iat = POLICY_NOW - 3600;
    f->verified.exp = f->verified.iat + 24 * 3600;
    f->in.status = wallet_status_none();
}

void policy_decide(struct policy_fixture *f)
{
    wallet_policy_decide(&f->in, &f->checks, &f->decision);
}
