#include "issue.h"

#include <stdio.h>

#include "wallet/flow_issue.h"

enum { FAULTS = 8 };

lw_err support_issue(struct wallet_home *home, const struct support_order *order)
{
    const struct wallet_claim_text claims[] = {
        {LW_STR("legal_name"), LW_STR("Corner Bakery Ltd.")},
        {LW_STR("address"), LW_STR("1 Market Street")},
        {LW_STR("category"), LW_STR("Retail Food")},
        {LW_STR("expiry_date"), order->until.len > 0 ? order->until : LW_STR("2028-01-15")},
    };
    const struct wallet_holder holder = {.code_type = LW_STR("999"),
                                         .code = LW_STR("1234-1"),
                                         .role = LW_STR("holder"),
                                         .name = LW_STR("Corner Bakery Ltd.")};
    const struct wallet_issue_order full = {
        .type = LW_STR("business-license"),
        .number = lw_str_c(order->number),
        .version = lw_str_c(order->version == NULL ? "" : order->version),
        .holders = &holder,
        .holder_count = 1,
        .claims = claims,
        .claim_count = sizeof(claims) / sizeof(claims[0]),
        .valid_from = INT64_MIN,
        .valid_until = INT64_MIN,
        .actor = LW_STR("test"),
    };
    struct wallet_issued issued;
    struct wallet_issue_fault faults[FAULTS];
    size_t count = FAULTS;
    const lw_err err = wallet_flow_issue(home, &full, &issued, faults, &count);
    for (size_t i = 0; i < count && i < FAULTS; i++) {
        fprintf(stderr, "test support: %s: %s\n", faults[i].field, faults[i].why);
    }
    return err;
}

lw_err support_issue_number(struct wallet_home *home, const char *number)
{
    const struct support_order order = {.number = number};
    return support_issue(home, &order);
}
