/* Operators: the first by whoever holds the home, the second by one, from then on by two. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "two_people.h"
#include "wallet/audit.h"

static struct support_home home;
static struct support_operator anna;
static struct support_operator berta;
static struct support_operator carl;
static struct support_operator dora;

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

static void refused(lw_err err, enum lw_code code, const char *why)
{
    if (err.code != code || strstr(err.why, why) == NULL) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why == NULL ? "" : err.why);
    }
}

static enum wallet_operator_state add(const struct support_operator *who,
                                      const struct support_operator *by)
{
    enum wallet_operator_state state = WALLET_OPERATOR_REMOVED;
    must(support_operator_add(&home, who, by, &state));
    return state;
}

static void add_refused(const struct support_operator *who, const struct support_operator *by,
                        enum lw_code code, const char *why)
{
    enum wallet_operator_state state;
    refused(support_operator_add(&home, who, by, &state), code, why);
}

static void remove_refused(const char *name, const struct support_operator *by, enum lw_code code,
                           const char *why)
{
    enum wallet_operator_state state;
    refused(wallet_flow_operator_remove(home.home, lw_str_c(name), &by->by, &state), code, why);
}

static enum wallet_operator_state removed(const char *name, const struct support_operator *by)
{
    enum wallet_operator_state state = WALLET_OPERATOR_ACTIVE;
    must(wallet_flow_operator_remove(home.home, lw_str_c(name), &by->by, &state));
    return state;
}

static void the_first_two_come_one_by_one(void **state)
{
    (void)state;
    add_refused(&anna, &berta, LW_E_DENIED, "no operators yet");
    assert_int_equal(add(&anna, NULL), WALLET_OPERATOR_ACTIVE);
    add_refused(&berta, NULL, LW_E_DENIED, "must sign");
    add_refused(&berta, &carl, LW_E_DENIED, "none of this name");
    remove_refused("anna", &anna, LW_E_CONFLICT, "the last one");
    assert_int_equal(add(&berta, &anna), WALLET_OPERATOR_ACTIVE);
}

static void a_third_takes_two(void **state)
{
    (void)state;
    assert_int_equal(add(&carl, &anna), WALLET_OPERATOR_PROPOSED);
    add_refused(&carl, &anna, LW_E_CONFLICT, "another operator must confirm");
    add_refused(&carl, NULL, LW_E_DENIED, "must sign");
    add_refused(&dora, &carl, LW_E_DENIED, "none of this name"); /* not confirmed yet */
    assert_int_equal(add(&carl, &berta), WALLET_OPERATOR_ACTIVE);
    add_refused(&carl, &berta, LW_E_CONFLICT, "the name is");
}

static void another_order_is_no_confirmation(void **state)
{
    (void)state;
    enum wallet_operator_state kept;
    const lw_str agency = LW_STR("tax-bureau");
    const struct wallet_operator_order narrow = {
        .name = LW_STR("dora"), .key = dora.signer.key, .agencies = &agency, .agency_count = 1};
    assert_int_equal(add(&dora, &anna), WALLET_OPERATOR_PROPOSED);
    must(wallet_flow_operator_add(home.home, &narrow, &berta.by, &kept));
    assert_int_equal(kept, WALLET_OPERATOR_PROPOSED);
    must(wallet_flow_operator_add(home.home, &narrow, &anna.by, &kept));
    assert_int_equal(kept, WALLET_OPERATOR_ACTIVE);
}

static void who_acts_for_one_agency_adds_nobody_for_more(void **state)
{
    (void)state;
    struct support_operator emil;
    enum wallet_operator_state kept;
    const lw_str other = LW_STR("market-regulation");
    support_operator_make(&emil, "emil");
    const struct wallet_operator_order order = {
        .name = LW_STR("emil"), .key = emil.signer.key, .agencies = &other, .agency_count = 1};
    add_refused(&emil, &dora, LW_E_DENIED, "every agency");
    refused(wallet_flow_operator_add(home.home, &order, &dora.by, &kept), LW_E_DENIED,
            "every agency");
    remove_refused("anna", &dora, LW_E_DENIED, "every agency");
    support_operator_drop(&emil);
}

static void a_key_is_one_persons_for_ever(void **state)
{
    (void)state;
    struct support_operator twin = {.name = "twin", .signer = anna.signer};
    struct support_operator no_name = {.name = "No Name", .signer = home.holder};
    enum wallet_operator_state kept;
    const lw_str nowhere = LW_STR("nowhere");
    const struct wallet_operator_order order = {
        .name = LW_STR("emil"), .key = home.holder.key, .agencies = &nowhere, .agency_count = 1};
    add_refused(&twin, &berta, LW_E_CONFLICT, "the key is another operator's");
    add_refused(&no_name, &berta, LW_E_VALUE, "a name is");
    refused(wallet_flow_operator_add(home.home, &order, &berta.by, &kept), LW_E_NOT_FOUND,
            "no such agency");
}

/* None of them is there, so that what is not refused for being too many is refused for that. */
static void an_operator_acts_for_32_agencies_at_most(void **state)
{
    (void)state;
    enum wallet_operator_state kept;
    lw_str agencies[WALLET_OPERATOR_AGENCIES_MAX + 1];
    struct wallet_operator_order order = {
        .name = LW_STR("emil"), .key = home.holder.key, .agencies = agencies};
    for (size_t i = 0; i <= WALLET_OPERATOR_AGENCIES_MAX; i++) {
        agencies[i] = LW_STR("nowhere");
    }
    order.agency_count = WALLET_OPERATOR_AGENCIES_MAX;
    refused(wallet_flow_operator_add(home.home, &order, &berta.by, &kept), LW_E_NOT_FOUND,
            "no such agency");
    order.agency_count = WALLET_OPERATOR_AGENCIES_MAX + 1;
    refused(wallet_flow_operator_add(home.home, &order, &berta.by, &kept), LW_E_LIMIT,
            "more than 32 agencies");
}

static void removing_takes_two(void **state)
{
    (void)state;
    assert_int_equal(removed("carl", &anna), WALLET_OPERATOR_LEAVING);
    remove_refused("carl", &anna, LW_E_CONFLICT, "another operator must confirm");
    assert_int_equal(removed("carl", &berta), WALLET_OPERATOR_REMOVED);
    remove_refused("carl", &berta, LW_E_CONFLICT, "removed already");
    remove_refused("nobody", &berta, LW_E_NOT_FOUND, "");
    remove_refused("berta", &carl, LW_E_DENIED, "not any more");
    struct support_operator carl_again = {.name = "carl2", .signer = carl.signer};
    add_refused(&carl_again, &anna, LW_E_CONFLICT, "or was");
    add_refused(&carl, &anna, LW_E_CONFLICT, "the name is");
}

/* An order of one who was removed since is confirmed by nobody. */
static void what_a_removed_operator_asked_for_is_asked_for_again(void **state)
{
    (void)state;
    struct support_operator emil;
    support_operator_make(&emil, "emil");
    struct support_operator frida;
    support_operator_make(&frida, "frida");
    assert_int_equal(add(&emil, &anna), WALLET_OPERATOR_PROPOSED);
    assert_int_equal(add(&emil, &berta), WALLET_OPERATOR_ACTIVE);
    assert_int_equal(add(&frida, &emil), WALLET_OPERATOR_PROPOSED);
    assert_int_equal(removed("emil", &anna), WALLET_OPERATOR_LEAVING);
    assert_int_equal(removed("emil", &berta), WALLET_OPERATOR_REMOVED);
    add_refused(&frida, &anna, LW_E_DENIED, "who asked for this is no operator");
    assert_int_equal(removed("frida", &anna), WALLET_OPERATOR_REMOVED); /* withdrawn at once */
    support_operator_drop(&emil);
    support_operator_drop(&frida);
}

static int make(void **state)
{
    (void)state;
    support_home_make(&home);
    support_operator_make(&anna, "anna");
    support_operator_make(&berta, "berta");
    support_operator_make(&carl, "carl");
    support_operator_make(&dora, "dora");
    return 0;
}

static int drop(void **state)
{
    (void)state;
    support_operator_drop(&anna);
    support_operator_drop(&berta);
    support_operator_drop(&carl);
    support_operator_drop(&dora);
    support_home_drop(&home);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_two_come_one_by_one),
        cmocka_unit_test(a_third_takes_two),
        cmocka_unit_test(another_order_is_no_confirmation),
        cmocka_unit_test(who_acts_for_one_agency_adds_nobody_for_more),
        cmocka_unit_test(a_key_is_one_persons_for_ever),
        cmocka_unit_test(an_operator_acts_for_32_agencies_at_most),
        cmocka_unit_test(removing_takes_two),
        cmocka_unit_test(what_a_removed_operator_asked_for_is_asked_for_again),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
