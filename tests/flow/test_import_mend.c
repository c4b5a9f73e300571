/* Batches that are voided, and mistakes that are mended. */
#define _GNU_SOURCE /* flock, O_CLOEXEC */

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <unistd.h>

#include <cmocka.h>

#include "importing.h"
#include "wallet/audit.h"
#include "wallet/flow_mend.h"
#include "wallet/flow_person.h"
#include "wallet/flow_status.h"
#include "wallet/store_journal.h"
#include "wallet/store_license.h"
#include "wallet/store_person.h"

static struct support_home home; /* made once for all tests: a token takes its time */
static const char *const map = support_import_map;

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

#define ROW(no, term, until, state, street)                                                        \
    no "," term ",ACC-" no ",Company " no ",2026-01-01," until ",2026-01-01," state "," street     \
       ",Food\n"
#define NOW_ROW(no, term) ROW(no, term, "2028-12-31", "AAI", "Main Street")
#define MOVED_ROW(no, term) ROW(no, term, "2028-12-31", "AAI", "North Street")

#define LATER_ROW(no, term, from, state)                                                           \
    no "," term ",ACC-" no ",Company " no "," from ",2028-12-31," from "," state ",Main Street"    \
       ",Food\n"

static void change(const char *number, enum wallet_state to)
{
    enum wallet_state from = 0;
    const struct wallet_license_ref ref = {LW_STR("business-license"), lw_str_c(number)};
    must(wallet_flow_change_state(home.home, ref, to, LW_STR("inspection"), LW_STR("officer"),
                                  &from));
}

/* How many events of a kind the log has of a license. */
static size_t events(const char *number, const char *version, enum wallet_audit_kind kind)
{
    WALLET_AUTO_LICENSE stored = {.state = 0};
    WALLET_AUTO_TXN txn = NULL;
    uint64_t indexes[32];
    size_t count = 32;
    size_t found = 0;
    support_load_version(&home, number, version, &stored);
    must(wallet_read_begin(wallet_home_store(home.home), &txn));
    must(wallet_audit_find_subject(txn, LW_BYTES(stored.license.id), 0, indexes, &count));
    for (size_t i = 0; i < count; i++) {
        struct wallet_audit_leaf leaf;
        must(wallet_audit_get(txn, indexes[i], &leaf));
        found += leaf.event.kind == kind ? 1 : 0;
    }
    return found;
}

/* What the watch of a voiding was told. */
struct hindrances {
    size_t presented;
    size_t changed;
    uint64_t by;
};

static void on_hindered(void *ctx, lw_str number, enum wallet_void_hindrance why, uint64_t by)
{
    struct hindrances *h = ctx;
    assert_true(number.len > 0);
    h->presented += why == WALLET_VOID_PRESENTED ? 1 : 0;
    h->changed += why == WALLET_VOID_CHANGED_SINCE ? 1 : 0;
    h->by = by;
}

static lw_code void_batch(uint64_t number, struct wallet_void_result *result, struct hindrances *h)
{
    const struct wallet_void_watch watch = {.hindered = on_hindered, .ctx = h};
    *h = (struct hindrances){.presented = 0};
    return wallet_flow_void_import(home.home, number, LW_STR("wrong map"), LW_STR("clerk"), &watch,
                                   result)
        .code;
}

static void a_voided_batch_restores_what_it_had_changed(void **state)
{
    (void)state;
    struct wallet_void_result v;
    struct hindrances h;
    WALLET_AUTO_LICENSE voided = {.state = 0};
    WALLET_AUTO_LICENSE restored = {.state = 0};
    static const char before[] = NOW_ROW("F-1", "f1") NOW_ROW("F-2", "f2") NOW_ROW("F-3", "f3");
    static const char after[] =
        MOVED_ROW("F-1", "f1") MOVED_ROW("F-2", "f2") NOW_ROW("F-3", "f3") NOW_ROW("F-4", "f4");
    const struct wallet_import_result first = support_give(&home, "void", before, NULL, NULL);
    change("F-2", WALLET_SUSPENDED);
    const struct wallet_import_result second = support_give(&home, "void", after, NULL, NULL);
    assert_int_equal(second.changed, 2);
    assert_int_equal(second.fresh, 1);
    assert_int_equal(void_batch(first.number, &v, &h), LW_E_CONFLICT);
    assert_int_equal(h.changed, 2);
    assert_int_equal(h.by, second.number);
    assert_int_equal(support_batch(&home, first.number).state, WALLET_IMPORT_DONE);

    assert_int_equal(void_batch(second.number, &v, &h), LW_OK);
    assert_int_equal(v.revoked, 3);
    assert_int_equal(v.restored, 2);
    assert_int_equal(support_batch(&home, second.number).state, WALLET_IMPORT_VOIDED);
    assert_string_equal(support_batch(&home, second.number).void_reason, "wrong map");
    support_version_is(&home, "F-1", "f1", WALLET_SUPERSEDED);
    support_version_is(&home, "F-1", "f1~2", WALLET_REVOKED);
    support_version_is(&home, "F-1", "f1~3", WALLET_ACTIVE);
    support_version_is(&home, "F-2", "f2~3", WALLET_SUSPENDED); /* as it was */
    support_version_is(&home, "F-4", "f4", WALLET_REVOKED);
    support_load_version(&home, "F-1", "f1~2", &voided);
    support_load_version(&home, "F-1", "f1~3", &restored);
    assert_memory_equal(voided.successor, restored.license.id, WALLET_UUID_LEN);
    assert_memory_equal(restored.predecessor, voided.license.id, WALLET_UUID_LEN);
    assert_int_equal(voided.reason_code, WALLET_REASON_VOIDED);
    assert_int_equal(restored.import, first.number);
    assert_int_equal(events("F-1", "f1~2", WALLET_AUDIT_LICENSE_MENDED), 1);
    assert_int_equal(void_batch(second.number, &v, &h), LW_E_CONFLICT);

    /* The register of before says the same; the one of after is issued anew. */
    struct support_import dry = {.order = {.dry_run = true}};
    struct wallet_import_result r = support_give(&home, "void", before, NULL, &dry);
    assert_int_equal(r.already, 3);
    assert_int_equal(r.changed + r.fresh + r.gone, 0);
    r = support_give(&home, "void", after, NULL, NULL);
    assert_int_equal(r.changed, 2);
    assert_int_equal(r.fresh, 1);
    assert_true(r.number > second.number);
    support_version_is(&home, "F-1", "f1~4", WALLET_ACTIVE);
    support_version_is(&home, "F-4", "f4~2", WALLET_ACTIVE);
    support_load_version(&home, "F-4", "f4", &voided);
    support_load_version(&home, "F-4", "f4~2", &restored);
    assert_memory_equal(voided.successor, restored.license.id, WALLET_UUID_LEN);
    /* One after the other they can all be taken back. */
    assert_int_equal(void_batch(r.number, &v, &h), LW_OK);
    assert_int_equal(void_batch(first.number, &v, &h), LW_OK);
    assert_int_equal(v.revoked, 3);
    assert_int_equal(v.restored, 0);
}

static void a_batch_of_which_something_was_presented_is_not_voided(void **state)
{
    (void)state;
    struct wallet_void_result v;
    struct hindrances h;
    LW_AUTO_BUF credential = LW_BUF(SUPPORT_TEXT_MAX);
    const struct wallet_import_result r =
        support_give(&home, "shown", NOW_ROW("G-1", "g1") NOW_ROW("G-2", "g2"), NULL, NULL);
    must(wallet_flow_credential(home.home, wallet_license_ref_parse(LW_STR("G-2")),
                                LW_STR("dc+sd-cwt"), &home.holder.key, &credential));
    assert_int_equal(void_batch(r.number, &v, &h), LW_E_CONFLICT);
    assert_int_equal(v.hindered, 1);
    assert_int_equal(h.presented, 1);
    support_version_is(&home, "G-1", "g1", WALLET_ACTIVE);
    assert_int_equal(support_batch(&home, r.number).state, WALLET_IMPORT_DONE);
}

static void a_voiding_that_makes_no_sense_is_refused(void **state)
{
    (void)state;
    struct wallet_void_result v;
    struct hindrances h;
    char path[SUPPORT_PATH_MAX];
    const struct wallet_import_result r =
        support_give(&home, "sense", NOW_ROW("H-1", "h1"), NULL, NULL);
    assert_int_equal(void_batch(r.number + 1000, &v, &h), LW_E_NOT_FOUND);
    assert_int_equal(
        wallet_flow_void_import(home.home, r.number, LW_STR(""), LW_STR("clerk"), NULL, &v).code,
        LW_E_VALUE);
    support_path(home.dir, "import.lock", path);
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    assert_int_equal(flock(fd, LOCK_EX), 0);
    assert_int_equal(void_batch(r.number, &v, &h), LW_E_BUSY);
    assert_int_equal(close(fd), 0);
    support_version_is(&home, "H-1", "h1", WALLET_ACTIVE);
}

static lw_err begin_voiding(struct wallet_txn *txn, void *ctx)
{
    struct wallet_import_record record;
    const struct wallet_import_void by = {
        .actor = LW_STR("clerk"), .reason = LW_STR("wrong map"), .now = SUPPORT_HOME_NOW};
    return wallet_store_import_void(txn, *(const uint64_t *)ctx, &by, &record);
}

/* As a crash leaves it: begun, one license revoked, nothing restored. */
static void a_voiding_that_was_ended_goes_on(void **state)
{
    (void)state;
    struct wallet_void_result v;
    struct hindrances h;
    struct support_import refused = {.order = {.register_name = LW_STR("half")}};
    LW_AUTO_BUF csv = LW_BUF(SUPPORT_REGISTER_MAX);
    (void)support_give(&home, "half", NOW_ROW("I-1", "i1") NOW_ROW("I-2", "i2"), NULL, NULL);
    struct wallet_import_result r =
        support_give(&home, "half", MOVED_ROW("I-1", "i1") MOVED_ROW("I-2", "i2"), NULL, NULL);
    must(wallet_store_write(wallet_home_store(home.home), begin_voiding, &r.number));
    must(lw_buf_put_c(&csv, SUPPORT_IMPORT_HEADER NOW_ROW("I-1", "i1")));
    assert_int_equal(support_import(home.home, lw_buf_view(&csv), map, &refused).code,
                     LW_E_CONFLICT);
    assert_int_equal(void_batch(r.number, &v, &h), LW_OK);
    assert_int_equal(v.revoked, 2);
    assert_int_equal(v.restored, 2);
    support_version_is(&home, "I-1", "i1~3", WALLET_ACTIVE);
    support_version_is(&home, "I-2", "i2~3", WALLET_ACTIVE);
}

/* Two terms at once took the place of one: it is in force again, as often as it happens. */
static void a_voided_batch_restores_what_several_terms_had_taken_the_place_of(void **state)
{
    (void)state;
    struct wallet_void_result v;
    struct hindrances h;
    static const char before[] = NOW_ROW("L-1", "l1") NOW_ROW("L-2", "l3");
    static const char after[] = NOW_ROW("L-1", "l1") LATER_ROW("L-1", "l2", "2026-02-01", "AAI")
        LATER_ROW("L-1", "l2b", "2026-03-01", "AAI") NOW_ROW("L-2", "l3")
            LATER_ROW("L-2", "l4", "2026-02-01", "AAC");
    const struct wallet_import_result first = support_give(&home, "terms", before, NULL, NULL);
    const struct wallet_import_result second = support_give(&home, "terms", after, NULL, NULL);
    assert_int_equal(second.fresh, 3);
    assert_int_equal(void_batch(second.number, &v, &h), LW_OK);
    assert_int_equal(v.revoked, 1);
    assert_int_equal(v.restored, 2);
    support_version_is(&home, "L-1", "l2", WALLET_SUPERSEDED);
    support_version_is(&home, "L-1", "l2b", WALLET_REVOKED);
    support_version_is(&home, "L-1", "l1~2", WALLET_ACTIVE);
    support_version_is(&home, "L-2", "l4", WALLET_CANCELLED); /* as it came */
    support_version_is(&home, "L-2", "l3~2", WALLET_ACTIVE);

    /* What was voided stands in the way of nothing that the register says later. */
    struct wallet_import_result r =
        support_give(&home, "terms", MOVED_ROW("L-1", "l1") NOW_ROW("L-2", "l3"), NULL, NULL);
    assert_int_equal(r.changed, 1);
    support_version_is(&home, "L-1", "l1~2", WALLET_SUPERSEDED);
    support_version_is(&home, "L-1", "l1~3", WALLET_ACTIVE);
    assert_int_equal(void_batch(r.number, &v, &h), LW_OK);
    support_version_is(&home, "L-1", "l1~4", WALLET_ACTIVE);
    assert_int_equal(void_batch(first.number, &v, &h), LW_OK);
    support_version_is(&home, "L-1", "l1~4", WALLET_REVOKED);

    /* All of it is voided, superseded terms as well: given again all is issued again. */
    r = support_give(&home, "terms", before, NULL, NULL);
    assert_int_equal(r.kept, 0);
    support_version_is(&home, "L-1", "l1~5", WALLET_ACTIVE);
    support_version_is(&home, "L-2", "l3~3", WALLET_ACTIVE);
}

/* What an officer ended since is not put back into force. */
static void a_voided_batch_restores_nothing_that_an_officer_ended(void **state)
{
    (void)state;
    struct wallet_void_result v;
    struct hindrances h;
    (void)support_give(&home, "ended", NOW_ROW("M-1", "m1"), NULL, NULL);
    const struct wallet_import_result r =
        support_give(&home, "ended", MOVED_ROW("M-1", "m1"), NULL, NULL);
    change("M-1", WALLET_REVOKED);
    assert_int_equal(void_batch(r.number, &v, &h), LW_OK);
    assert_int_equal(v.restored, 0);
    support_version_is(&home, "M-1", "m1", WALLET_SUPERSEDED);
    support_version_is(&home, "M-1", "m1~2", WALLET_REVOKED);
}

/* Nor what a later register has ended. */
static void a_voided_batch_restores_nothing_that_its_register_ended_later(void **state)
{
    (void)state;
    struct wallet_void_result v;
    struct hindrances h;
    (void)support_give(&home, "later", NOW_ROW("N-1", "n1"), NULL, NULL);
    const struct wallet_import_result r =
        support_give(&home, "later", MOVED_ROW("N-1", "n1"), NULL, NULL);
    (void)support_give(&home, "later", ROW("N-1", "n1", "2028-12-31", "REV", "North Street"), NULL,
                       NULL);
    support_version_is(&home, "N-1", "n1~2", WALLET_REVOKED);
    assert_int_equal(void_batch(r.number, &v, &h), LW_OK);
    assert_int_equal(v.restored, 0);
    support_version_is(&home, "N-1", "n1~2", WALLET_REVOKED);
}

/* Stopped between two terms, the first has a successor that never came: what is restored is that
 * successor. */
static void a_batch_that_was_stopped_between_two_terms_is_voided(void **state)
{
    (void)state;
    struct wallet_void_result v;
    struct hindrances h;
    char last[8];
    WALLET_AUTO_LICENSE stopped = {.state = 0};
    WALLET_AUTO_LICENSE restored = {.state = 0};
    struct support_import stop = {.order = {.batch_rows = 1}, .stop_at = 1};
    (void)support_give(&home, "stopped", NOW_ROW("O-1", "o1"), NULL, NULL);
    const struct wallet_import_result r = support_give(
        &home, "stopped",
        NOW_ROW("O-1", "o1") LATER_ROW("O-1", "o2", "2026-02-01", "AAI")
            LATER_ROW("O-1", "o3", "2026-03-01", "AAI") LATER_ROW("O-1", "o4", "2026-04-01", "AAI")
                LATER_ROW("O-1", "o5", "2026-05-01", "AAI")
                    LATER_ROW("O-1", "o6", "2026-06-01", "AAI")
                        LATER_ROW("O-1", "o7", "2026-07-01", "AAI"),
        NULL, &stop);
    assert_true(r.stopped);
    assert_true(r.issued > 0 && r.issued < r.fresh);
    (void)snprintf(last, sizeof(last), "o%zu", r.issued + 1);
    support_version_is(&home, "O-1", "o1", WALLET_SUPERSEDED);
    assert_int_equal(void_batch(r.number, &v, &h), LW_OK);
    assert_int_equal(v.restored, 1);
    support_load_version(&home, "O-1", last, &stopped);
    support_load_version(&home, "O-1", "o1~2", &restored);
    assert_int_equal(restored.state, WALLET_ACTIVE);
    assert_memory_equal(stopped.successor, restored.license.id, WALLET_UUID_LEN);
    assert_memory_equal(restored.predecessor, stopped.license.id, WALLET_UUID_LEN);
    assert_int_equal(void_batch(r.number, &v, &h), LW_E_CONFLICT);
}

static lw_code reissue(const char *number, struct wallet_issued *issued)
{
    return wallet_flow_reissue(home.home, wallet_license_ref_parse(lw_str_c(number)),
                               LW_STR("revoked by mistake"), LW_STR("officer"), issued)
        .code;
}

static void a_mistaken_revocation_is_mended_by_a_license_linked_to_it(void **state)
{
    (void)state;
    struct wallet_issued issued;
    WALLET_AUTO_LICENSE old = {.state = 0};
    WALLET_AUTO_LICENSE now = {.state = 0};
    (void)support_give(&home, "mend", NOW_ROW("J-1", "j1"), NULL, NULL);
    assert_int_equal(reissue("J-1", &issued), LW_E_CONFLICT); /* it is in force */
    change("J-1", WALLET_REVOKED);
    assert_int_equal(wallet_flow_reissue(home.home, wallet_license_ref_parse(LW_STR("J-1")),
                                         LW_STR(""), LW_STR("officer"), &issued)
                         .code,
                     LW_E_VALUE);
    assert_int_equal(reissue("J-1", &issued), LW_OK);
    assert_string_equal(issued.version, "j1~2");
    support_load_version(&home, "J-1", "j1", &old);
    support_load_version(&home, "J-1", "j1~2", &now);
    assert_int_equal(old.state, WALLET_REVOKED);
    assert_int_equal(now.state, WALLET_ACTIVE);
    assert_memory_equal(old.successor, now.license.id, WALLET_UUID_LEN);
    assert_memory_equal(now.predecessor, old.license.id, WALLET_UUID_LEN);
    assert_true(lw_str_is(now.reason, "revoked by mistake"));
    assert_int_equal(now.license.claim_count, old.license.claim_count);
    assert_int_equal(events("J-1", "j1", WALLET_AUDIT_LICENSE_MENDED), 1);
    assert_int_equal(events("J-1", "j1~2", WALLET_AUDIT_LICENSE_ISSUED), 1);
    assert_int_equal(reissue("J-1", &issued), LW_E_CONFLICT);
    assert_int_equal(reissue("J-9", &issued), LW_E_NOT_FOUND);
    /* The register says the same of it as before. */
    const struct wallet_import_result r =
        support_give(&home, "mend", NOW_ROW("J-1", "j1"), NULL, NULL);
    assert_int_equal(r.already, 1);
    assert_int_equal(r.kept + r.states + r.gone, 0);
}

static void a_counted_version_is_mended_by_the_next_number(void **state)
{
    (void)state;
    struct wallet_issued issued;
    support_home_issue(&home, "K-1");
    change("K-1", WALLET_CANCELLED);
    assert_int_equal(reissue("K-1", &issued), LW_OK);
    assert_string_equal(issued.version, "2");
    support_version_is(&home, "K-1", "1", WALLET_CANCELLED);
    support_version_is(&home, "K-1", "2", WALLET_ACTIVE);
}

static void a_person_who_is_added_stands_in_the_log(void **state)
{
    (void)state;
    struct wallet_person_code code;
    uint8_t id[WALLET_PERSON_ID_LEN];
    uint64_t indexes[4];
    must(wallet_person_parse(LW_STR("999:ADDED-1"), &code));
    for (int i = 0; i < 2; i++) { /* once, however often */
        bool added = false;
        must(wallet_flow_person_add(home.home, &code, LW_STR("Company"), LW_STR("clerk"), &added));
        assert_int_equal(added, i == 0);
    }
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_audit_leaf leaf;
    size_t count = 4;
    must(wallet_read_begin(wallet_home_store(home.home), &txn));
    must(wallet_store_person_find(txn, &code, id));
    must(wallet_audit_find_subject(txn, LW_BYTES(id), 0, indexes, &count));
    assert_int_equal(count, 1);
    must(wallet_audit_get(txn, indexes[0], &leaf));
    assert_int_equal(leaf.event.kind, WALLET_AUDIT_PERSON_ADDED);
    assert_true(lw_str_is(leaf.event.actor, "clerk"));
}

static int make(void **state)
{
    (void)state;
    support_home_make(&home);
    return 0;
}

static int drop(void **state)
{
    struct support_held held;
    (void)state;
    support_held(home.home, true, &held); /* everything holds together to the end */
    support_home_drop(&home);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_voided_batch_restores_what_it_had_changed),
        cmocka_unit_test(a_batch_of_which_something_was_presented_is_not_voided),
        cmocka_unit_test(a_voiding_that_makes_no_sense_is_refused),
        cmocka_unit_test(a_voiding_that_was_ended_goes_on),
        cmocka_unit_test(a_voided_batch_restores_what_several_terms_had_taken_the_place_of),
        cmocka_unit_test(a_voided_batch_restores_nothing_that_an_officer_ended),
        cmocka_unit_test(a_voided_batch_restores_nothing_that_its_register_ended_later),
        cmocka_unit_test(a_batch_that_was_stopped_between_two_terms_is_voided),
        cmocka_unit_test(a_mistaken_revocation_is_mended_by_a_license_linked_to_it),
        cmocka_unit_test(a_person_who_is_added_stands_in_the_log),
        cmocka_unit_test(a_counted_version_is_mended_by_the_next_number),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
