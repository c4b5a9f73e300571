/* Imports that need two people: who may approve what, and what is refused. */
#define _GNU_SOURCE

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "importing.h"
#include "two_people.h"
#include "wallet/audit.h"
#include "wallet/flow_approve.h"
#include "wallet/flow_mend.h"
#include "wallet/flow_status.h"
#include "wallet/store_approval.h"
#include "wallet/store_license.h"

enum { MORE_THAN_A_MONTH = 31 * 24 * 3600 };

static struct support_home home;
static struct support_operator anna;
static struct support_operator berta;
static struct support_operator carl;
static struct support_operator stranger;

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

#define ROW(no, street)                                                                            \
    no ",t-" no ",ACC-" no ",Company " no ",2026-01-01,2028-12-31,2026-01-01,AAI," street ",Food"  \
       "\n"

static lw_err ask(const char *rows, const struct support_operator *by, bool dry,
                  struct wallet_import_result *result)
{
    struct support_import import = {
        .order = {.by = by == NULL ? NULL : &by->by, .part = true, .dry_run = dry}};
    LW_AUTO_BUF csv = LW_BUF(SUPPORT_REGISTER_MAX);
    must(lw_buf_put_c(&csv, SUPPORT_IMPORT_HEADER));
    must(lw_buf_put_c(&csv, rows));
    const lw_err err = support_import(home.home, lw_buf_view(&csv), support_import_map, &import);
    *result = import.result;
    return err;
}

static uint64_t waiting(const char *rows, const struct support_operator *by)
{
    struct wallet_import_result result;
    must(ask(rows, by, false, &result));
    assert_true(result.waiting);
    assert_int_equal(result.issued, 0);
    return result.number;
}

struct approving {
    bool says;
    size_t samples;
    size_t asked;
    char sample[256];    /* the last of the field "address" */
    const char *removes; /* an operator who is removed while it is asked; NULL: none */
    uint64_t also;       /* a batch that another approves while it is asked; 0: none */
    lw_err also_err;
    struct wallet_import_result result;
};

static void on_issue(void *ctx, const struct wallet_import_issue *issue)
{
    (void)ctx;
    (void)issue;
}

static void on_sample(void *ctx, const struct wallet_import_sample *s)
{
    struct approving *a = ctx;
    a->samples++;
    if (lw_str_is(s->field, "address")) {
        (void)snprintf(a->sample, sizeof(a->sample), "%s %.*s: %.*s -> %.*s", s->what,
                       (int)s->number.len, s->number.ptr, (int)s->before.len,
                       s->before.len == 0 ? "" : s->before.ptr, (int)s->after.len, s->after.ptr);
    }
}

static bool on_approve(void *ctx, const struct wallet_import_result *found)
{
    struct approving *a = ctx;
    (void)found;
    a->asked++;
    if (a->also != 0) {
        a->also_err = wallet_flow_reject(home.home, a->also, &carl.by, LW_STR("raced"));
    }
    if (a->removes != NULL) {
        enum wallet_operator_state kept;
        must(wallet_flow_operator_remove(home.home, lw_str_c(a->removes), &anna.by, &kept));
        must(wallet_flow_operator_remove(home.home, lw_str_c(a->removes), &carl.by, &kept));
    }
    return a->says;
}

static lw_err approve_as(uint64_t number, const struct wallet_operator_by *by, struct approving *a)
{
    const struct wallet_approve_order order = {.number = number, .by = by};
    const struct wallet_import_watch watch = {
        .issue = on_issue, .sample = on_sample, .approve = on_approve, .ctx = a};
    return wallet_flow_approve(home.home, &order, &watch, &a->result);
}

static lw_err approve(uint64_t number, const struct support_operator *by)
{
    struct approving a = {.says = true};
    return approve_as(number, &by->by, &a);
}

static uint64_t licenses(void)
{
    uint64_t counts[WALLET_SUPERSEDED + 1];
    uint64_t all = 0;
    WALLET_AUTO_TXN txn = NULL;
    must(wallet_read_begin(wallet_home_store(home.home), &txn));
    must(wallet_store_license_count(txn, LW_STR("business-license"), counts));
    for (size_t i = WALLET_ACTIVE; i <= WALLET_SUPERSEDED; i++) {
        all += counts[i];
    }
    return all;
}

static struct wallet_import_record batch(uint64_t number)
{
    struct wallet_import_record record;
    WALLET_AUTO_TXN txn = NULL;
    must(wallet_read_begin(wallet_home_store(home.home), &txn));
    must(wallet_store_import_find(txn, number, &record));
    return record;
}

static void read_approval(uint64_t number, struct wallet_approval *approval)
{
    const struct wallet_import_record record = batch(number);
    WALLET_AUTO_TXN txn = NULL;
    must(wallet_read_begin(wallet_home_store(home.home), &txn));
    must(wallet_store_approval_get(txn, record.id, approval));
}

static lw_err write_approval(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_approval_put(txn, ctx);
}

/* Refused, nothing done, and still waiting. */
static void stays(uint64_t number, const struct support_operator *by, enum lw_code code,
                  const char *why)
{
    const uint64_t before = licenses();
    refused(approve(number, by), code, why);
    assert_int_equal(batch(number).state, WALLET_IMPORT_WAITING);
    assert_int_equal(licenses(), before);
}

static void has_no_file(uint64_t number)
{
    struct wallet_approval approval;
    LW_AUTO_BUF csv = LW_BUF(1 << 20);
    LW_AUTO_BUF map = LW_BUF(1 << 20);
    read_approval(number, &approval);
    WALLET_AUTO_TXN txn = NULL;
    must(wallet_read_begin(wallet_home_store(home.home), &txn));
    assert_int_equal(wallet_store_approval_open(txn, &approval, &csv, &map).code, LW_E_NOT_FOUND);
}

/* The last event of a kind about a batch: its actor, and the names in its detail. */
static void assert_logged(uint64_t number, enum wallet_audit_kind kind, const char *actor,
                          const char *first, const char *second)
{
    const struct wallet_import_record record = batch(number);
    WALLET_AUTO_TXN txn = NULL;
    uint64_t indexes[16];
    size_t count = 16;
    bool found = false;
    must(wallet_read_begin(wallet_home_store(home.home), &txn));
    must(wallet_audit_find_subject(txn, LW_BYTES(record.id), 0, indexes, &count));
    for (size_t i = 0; i < count; i++) {
        struct wallet_audit_leaf leaf;
        must(wallet_audit_get(txn, indexes[i], &leaf));
        if (leaf.event.kind != kind) {
            continue;
        }
        found = true;
        assert_true(lw_str_is(leaf.event.actor, actor));
        assert_non_null(memmem(leaf.event.detail.ptr, leaf.event.detail.len, first, strlen(first)));
        assert_non_null(
            memmem(leaf.event.detail.ptr, leaf.event.detail.len, second, strlen(second)));
    }
    assert_true(found);
}

static void what_one_asks_for_another_approves(void **state)
{
    (void)state;
    struct approving a = {.says = true};
    struct wallet_import_result result;
    const uint64_t before = licenses();
    must(ask(ROW("A-1", "Main Street"), NULL, true, &result)); /* a dry run needs nobody */
    const uint64_t number = waiting(ROW("A-1", "Main Street"), &anna);
    assert_int_equal(licenses(), before);
    assert_int_equal(batch(number).state, WALLET_IMPORT_WAITING);
    must(approve_as(number, &berta.by, &a));
    assert_int_equal(a.asked, 1);
    assert_true(a.samples > 0);
    assert_int_equal(a.result.issued, 1);
    assert_int_equal(licenses(), before + 1);
    assert_int_equal(batch(number).state, WALLET_IMPORT_DONE);
    assert_logged(number, WALLET_AUDIT_IMPORT_WAITING, "anna", "anna", "anna");
    assert_logged(number, WALLET_AUDIT_IMPORT_APPROVED, "anna, approved by berta", "anna", "berta");
    has_no_file(number);
    a.sample[0] = '\0';
    must(approve_as(waiting(ROW("A-1", "North Street"), &berta), &carl.by, &a));
    assert_string_equal(a.sample, "changed A-1: \"Main Street\" -> \"North Street\"");
}

static void an_import_without_an_operator_is_refused(void **state)
{
    (void)state;
    struct wallet_import_result result;
    struct wallet_operator_by wrong = {.name = LW_STR("anna"), .signer = &berta.signer};
    struct support_operator as_anna = {.by = wrong};
    refused(ask(ROW("B-1", "Main Street"), NULL, false, &result), LW_E_DENIED, "two people");
    refused(ask(ROW("B-1", "Main Street"), &stranger, false, &result), LW_E_DENIED, "none of this");
    refused(ask(ROW("B-1", "Main Street"), &as_anna, false, &result), LW_E_DENIED,
            "the key is not");
}

static void one_license_by_hand_is_refused(void **state)
{
    (void)state;
    struct wallet_issued issued;
    struct wallet_issue_fault faults[8];
    size_t count = 8;
    const struct wallet_holder holder = {
        .code_type = LW_STR("999"), .code = LW_STR("1"), .role = LW_STR("holder")};
    const struct wallet_issue_order order = {.type = LW_STR("business-license"),
                                             .number = LW_STR("BY-HAND"),
                                             .holders = &holder,
                                             .holder_count = 1,
                                             .valid_from = INT64_MIN,
                                             .valid_until = INT64_MIN,
                                             .actor = LW_STR("test")};
    const lw_err err = wallet_flow_issue(home.home, &order, &issued, faults, &count);
    assert_int_equal(err.code, LW_E_DENIED);
    assert_int_equal(count, 1);
    assert_non_null(strstr(faults[0].why, "two people"));
}

static void only_a_second_person_approves(void **state)
{
    (void)state;
    struct approving a = {.says = true};
    const uint64_t number = waiting(ROW("C-1", "Main Street"), &anna);
    const struct wallet_operator_by wrong_key = {.name = LW_STR("berta"), .signer = &carl.signer};
    stays(number, &anna, LW_E_DENIED, "who asked for it cannot approve it");
    stays(number, &stranger, LW_E_DENIED, "none of this name");
    refused(approve_as(number, &wrong_key, &a), LW_E_DENIED, "the key is not this operator's");
    a.says = false;
    refused(approve_as(number, &berta.by, &a), LW_E_DENIED, "not confirmed");
    assert_int_equal(batch(number).state, WALLET_IMPORT_WAITING);
    must(approve(number, &berta));
    refused(approve(number, &carl), LW_E_CONFLICT, "approved already");
    refused(wallet_flow_reject(home.home, number, &carl.by, LW_STR("late")), LW_E_CONFLICT,
            "approved already");
    refused(approve(9999, &berta), LW_E_NOT_FOUND, "");
}

static void an_operator_of_another_agency_neither_asks_nor_approves(void **state)
{
    (void)state;
    struct wallet_import_result result;
    enum wallet_operator_state kept;
    struct support_operator vets;
    const lw_str agency = LW_STR("tax-bureau");
    support_operator_make(&vets, "vets");
    const struct wallet_operator_order order = {
        .name = LW_STR("vets"), .key = vets.signer.key, .agencies = &agency, .agency_count = 1};
    must(wallet_flow_operator_add(home.home, &order, &anna.by, &kept));
    refused(ask(ROW("D-1", "Main Street"), &vets, false, &result), LW_E_DENIED, "none of this");
    must(wallet_flow_operator_add(home.home, &order, &berta.by, &kept));
    refused(ask(ROW("D-1", "Main Street"), &vets, false, &result), LW_E_DENIED, "this agency");
    const uint64_t number = waiting(ROW("D-1", "Main Street"), &anna);
    stays(number, &vets, LW_E_DENIED, "this agency");
    refused(wallet_flow_reject(home.home, number, &vets.by, LW_STR("no")), LW_E_DENIED,
            "this agency");
    must(approve(number, &berta));
    support_operator_drop(&vets);
}

static void what_was_signed_about_another_batch_is_refused(void **state)
{
    (void)state;
    struct wallet_approval one;
    struct wallet_approval other;
    const uint64_t first = waiting(ROW("E-1", "Main Street"), &anna);
    const uint64_t second = waiting(ROW("E-2", "Main Street"), &anna);
    read_approval(first, &one);
    read_approval(second, &other);
    other.asked = one.asked;
    must(wallet_store_write(wallet_home_store(home.home), write_approval, &other));
    stays(second, &berta, LW_E_SIGNATURE, "not about this");
    one.asked.sig[5] ^= 1;
    must(wallet_store_write(wallet_home_store(home.home), write_approval, &one));
    stays(first, &berta, LW_E_SIGNATURE, "");
    must(wallet_flow_reject(home.home, first, &anna.by, LW_STR("test")));
    must(wallet_flow_reject(home.home, second, &anna.by, LW_STR("test")));
}

static void when_the_store_moved_on_it_must_be_asked_for_again(void **state)
{
    (void)state;
    struct wallet_import_result result;
    must(approve(waiting(ROW("F-1", "Main Street"), &anna), &berta));
    const uint64_t one = waiting(ROW("F-1", "North Street"), &anna);
    refused(ask(ROW("F-1", "North Street"), &anna, false, &result), LW_E_CONFLICT, "waits already");
    must(approve(waiting(ROW("F-1", "South Street"), &anna), &carl));
    stays(one, &berta, LW_E_CONFLICT, "asked for again");
    assert_int_equal(waiting(ROW("F-1", "North Street"), &carl), one);
    must(approve(one, &berta));
    assert_logged(one, WALLET_AUDIT_IMPORT_APPROVED, "carl, approved by berta", "carl", "berta");
}

static void a_rejected_batch_is_logged_and_its_file_removed(void **state)
{
    (void)state;
    const uint64_t number = waiting(ROW("G-1", "Main Street"), &anna);
    assert_int_equal(wallet_flow_reject(home.home, number, &berta.by, LW_STR("")).code, LW_E_VALUE);
    refused(wallet_flow_reject(home.home, number, &stranger.by, LW_STR("no")), LW_E_DENIED, "none");
    must(wallet_flow_reject(home.home, number, &berta.by, LW_STR("last year's map")));
    assert_int_equal(batch(number).state, WALLET_IMPORT_REJECTED);
    assert_logged(number, WALLET_AUDIT_IMPORT_REJECTED, "berta", "anna", "last year's map");
    has_no_file(number);
    refused(approve(number, &carl), LW_E_CONFLICT, "rejected");
    struct wallet_void_result voided;
    refused(wallet_flow_void_import(home.home, number, LW_STR("no"), LW_STR("test"), NULL, &voided),
            LW_E_CONFLICT, "never carried out");
    assert_int_not_equal(waiting(ROW("G-1", "Main Street"), &anna), number);
}

static void of_two_who_decide_at_once_one_does(void **state)
{
    (void)state;
    const uint64_t number = waiting(ROW("H-1", "Main Street"), &anna);
    const uint64_t before = licenses();
    struct approving a = {.says = true, .also = number};
    refused(approve_as(number, &berta.by, &a), LW_E_CONFLICT, "does not wait");
    must(a.also_err);
    assert_int_equal(batch(number).state, WALLET_IMPORT_REJECTED);
    assert_int_equal(licenses(), before);
}

static void what_waits_too_long_is_closed(void **state)
{
    (void)state;
    size_t closed = 0;
    const uint64_t one = waiting(ROW("I-1", "Main Street"), &anna);
    const uint64_t other = waiting(ROW("I-2", "Main Street"), &anna);
    home.clock.now += MORE_THAN_A_MONTH;
    refused(approve(one, &berta), LW_E_EXPIRED, "in time");
    assert_int_equal(batch(one).state, WALLET_IMPORT_EXPIRED);
    has_no_file(one);
    refused(approve(one, &berta), LW_E_CONFLICT, "in time");
    must(wallet_flow_approval_expire(home.home, &closed));
    assert_true(closed >= 1);
    assert_int_equal(batch(other).state, WALLET_IMPORT_EXPIRED);
    home.clock.now -= MORE_THAN_A_MONTH;
}

static void who_is_removed_while_it_is_decided_has_no_part_in_it(void **state)
{
    (void)state;
    static const char *const names[] = {"emil", "frida"};
    for (size_t i = 0; i < 2; i++) {
        const bool asks = i == 0;
        struct support_operator who;
        enum wallet_operator_state kept;
        struct approving a = {.says = true, .removes = names[i]};
        support_operator_make(&who, names[i]);
        must(support_operator_add(&home, &who, &anna, &kept));
        must(support_operator_add(&home, &who, &berta, &kept));
        const uint64_t number = waiting(
            asks ? ROW("L-1", "Main Street") : ROW("L-2", "Main Street"), asks ? &who : &berta);
        refused(approve_as(number, asks ? &berta.by : &who.by, &a), LW_E_DENIED,
                asks ? "who asked for it is no operator" : "not any more");
        assert_int_equal(batch(number).state, WALLET_IMPORT_WAITING);
        support_operator_drop(&who);
    }
}

static void who_was_removed_neither_asks_nor_approves(void **state)
{
    (void)state;
    enum wallet_operator_state kept;
    struct wallet_import_result result;
    const uint64_t by_carl = waiting(ROW("J-1", "Main Street"), &carl);
    const uint64_t by_anna = waiting(ROW("J-2", "Main Street"), &anna);
    must(wallet_flow_operator_remove(home.home, LW_STR("carl"), &anna.by, &kept));
    assert_int_equal(kept, WALLET_OPERATOR_LEAVING);
    must(wallet_flow_operator_remove(home.home, LW_STR("carl"), &berta.by, &kept));
    assert_int_equal(kept, WALLET_OPERATOR_REMOVED);
    stays(by_carl, &anna, LW_E_DENIED, "who asked for it is no operator");
    stays(by_anna, &carl, LW_E_DENIED, "not any more");
    refused(ask(ROW("J-3", "Main Street"), &carl, false, &result), LW_E_DENIED, "not any more");
    assert_int_equal(waiting(ROW("J-1", "Main Street"), &berta), by_carl);
    must(approve(by_carl, &anna));
    must(approve(by_anna, &berta));
}

/* Last: nothing that waits is of the new version. */
static void when_the_type_changed_it_must_be_asked_for_again(void **state)
{
    (void)state;
    const uint64_t number = waiting(ROW("K-1", "Main Street"), &anna);
    assert_int_equal(support_two_people_load(&home, 3, false).code, LW_E_VALUE);
    must(support_two_people_load(&home, 3, true));
    stays(number, &berta, LW_E_CONFLICT, "the license type changed");
    must(approve(waiting(ROW("K-1", "Main Street"), &anna), &berta));
}

static int make(void **state)
{
    enum wallet_operator_state kept;
    (void)state;
    support_home_make(&home);
    support_operator_make(&anna, "anna");
    support_operator_make(&berta, "berta");
    support_operator_make(&carl, "carl");
    support_operator_make(&stranger, "stranger");
    must(support_two_people_load(&home, 2, true));
    must(support_operator_add(&home, &anna, NULL, &kept));
    must(support_operator_add(&home, &berta, &anna, &kept));
    must(support_operator_add(&home, &carl, &anna, &kept));
    must(support_operator_add(&home, &carl, &berta, &kept));
    return 0;
}

static int drop(void **state)
{
    struct support_held held;
    (void)state;
    support_held(home.home, true, &held);
    support_operator_drop(&anna);
    support_operator_drop(&berta);
    support_operator_drop(&carl);
    support_operator_drop(&stranger);
    support_home_drop(&home);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_one_asks_for_another_approves),
        cmocka_unit_test(an_import_without_an_operator_is_refused),
        cmocka_unit_test(one_license_by_hand_is_refused),
        cmocka_unit_test(only_a_second_person_approves),
        cmocka_unit_test(an_operator_of_another_agency_neither_asks_nor_approves),
        cmocka_unit_test(what_was_signed_about_another_batch_is_refused),
        cmocka_unit_test(when_the_store_moved_on_it_must_be_asked_for_again),
        cmocka_unit_test(a_rejected_batch_is_logged_and_its_file_removed),
        cmocka_unit_test(of_two_who_decide_at_once_one_does),
        cmocka_unit_test(what_waits_too_long_is_closed),
        cmocka_unit_test(who_is_removed_while_it_is_decided_has_no_part_in_it),
        cmocka_unit_test(who_was_removed_neither_asks_nor_approves),
        cmocka_unit_test(when_the_type_changed_it_must_be_asked_for_again),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
