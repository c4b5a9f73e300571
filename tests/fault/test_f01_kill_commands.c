/*
 * F1, whole programs: `lw` commands that change a home are killed at any moment. What a command
 * said is done is there afterwards, and what the next one finds is whole.
 */
#define _GNU_SOURCE

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "fault.h"
#include "hsm/rng.h"
#include "kill_programs.h"
#include "wallet/store_catalog.h"
#include "wallet/store_key.h"
#include "wallet/store_license.h"
#include "wallet/store_person.h"

enum { ROUNDS_SHORT = 12, ROUNDS_FULL = 1000, ALL_EACH = 100 };

struct told {
    unsigned issued; /* slots in use */
    unsigned people; /* person add: the last that was told to be done, or tried */
    bool person;
    unsigned catalogs; /* catalog load, likewise */
    bool catalog;
};

static void unexpected(struct kill_programs *run, const char *what, int code)
{
    if (code != 0 && code != KILL_KILLED) {
        fprintf(stderr, "%s ended with %d\n", what, code);
        kill_violation(run->ledger, what, LW_SUCCESS);
    }
}

/* A license's command: what it says when it is not killed counts as told. */
static void license(struct kill_programs *run, bool let_be)
{
    struct told *told = run->ctx;
    static const char *const verbs[] = {NULL, "resume", "suspend", "revoke", "cancel"};
    const unsigned slot =
        told->issued > 0 && kill_below(2) == 0 ? (unsigned)kill_below(told->issued) : told->issued;
    struct kill_said said = kill_said_get(&run->ledger->slots[slot]);
    char number[32];
    kill_number(slot, number);
    unsigned to = 0; /* issue */
    if (said.state == WALLET_ACTIVE) {
        to = WALLET_SUSPENDED + (unsigned)kill_below(3);
    } else if (said.state == WALLET_SUSPENDED) {
        to = WALLET_ACTIVE;
    }
    const bool fresh = slot == told->issued && slot < KILL_SLOTS - 1;
    if (to == 0 && !fresh) {
        return; /* final, or set aside by one that was killed less than a minute ago */
    }
    told->issued += fresh ? 1 : 0;
    said.pending = to == 0 ? KILL_ISSUES : to;
    kill_said_put(run->ledger, slot, said);
    atomic_store(&run->ledger->slots[slot].round, run->round);
    const char *const issue[] = {"license",  "issue",
                                 "--type",   "business-license",
                                 "--number", number,
                                 "--holder", "999:1234-1",
                                 "--claim",  "legal_name=B",
                                 "--claim",  "address=1 Main Street",
                                 "--claim",  "category=Retail",
                                 "--claim",  "expiry_date=2099-01-15",
                                 NULL};
    const char *const change[] = {"license", to == 0 ? "" : verbs[to], number, "--reason", "a test",
                                  NULL};
    const int code = kill_command(run, let_be, to == 0 ? issue : change);
    unexpected(run, to == 0 ? "lw license issue" : "lw license change", code);
    if (code == 0) {
        said.versions += to == 0 ? 1 : 0;
        said.changes += to == 0 ? 0 : 1;
        said.state = to == 0 ? (unsigned)WALLET_ACTIVE : to;
        said.pending = 0;
        kill_said_put(run->ledger, slot, said);
        (void)atomic_fetch_add(&run->ledger->acked, 1);
    }
}

/* The same person again until it was told to be added. */
static void person(struct kill_programs *run, bool let_be)
{
    struct told *told = run->ctx;
    char code[32];
    told->people += told->person || told->people == 0 ? 1 : 0;
    (void)snprintf(code, sizeof(code), "999:P-%u", told->people);
    const char *const args[] = {"person", "add", code, "--name", "A Person", NULL};
    const int exit = kill_command(run, let_be, args);
    unexpected(run, "lw person add", exit);
    told->person = exit == 0;
    (void)atomic_fetch_add(&run->ledger->acked, exit == 0 ? 1 : 0);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

/* One more agency, for which keys and certificates are made: again until it was told to be loaded.
 */
static void catalog(struct kill_programs *run, bool let_be)
{
    struct told *told = run->ctx;
    char dir[SUPPORT_PATH_MAX];
    char path[SUPPORT_PATH_MAX];
    char text[512];
    told->catalogs += told->catalog || told->catalogs == 0 ? 1 : 0;
    support_path(run->home.folder, "catalog", dir);
    support_path(dir, "agencies/one.json", path);
    (void)snprintf(
        text, sizeof(text),
        "{\"id\":\"agency-%u\",\"name\":{\"zh\":\"局\",\"en\":\"Bureau\"},\"credit_code\":"
        "\"1132990001402031XC\",\"contact\":\"a@example.org\",\"issues\":[],"
        "\"keeper\":false}",
        told->catalogs);
    write_text(path, text);
    const char *const args[] = {"catalog", "load", dir, NULL};
    const int exit = kill_command(run, let_be, args);
    unexpected(run, "lw catalog load", exit);
    told->catalog = exit == 0;
    (void)atomic_fetch_add(&run->ledger->acked, exit == 0 ? 1 : 0);
}

static void hold(struct kill_programs *run, const char *what, lw_err err)
{
    if (err.code != LW_OK) {
        kill_violation(run->ledger, what, err);
    }
}

static void look_at_person(struct kill_programs *run, const struct wallet_txn *txn)
{
    const struct told *told = run->ctx;
    char text[32];
    uint8_t id[WALLET_PERSON_ID_LEN];
    struct wallet_person_code code;
    (void)snprintf(text, sizeof(text), "P-%u", told->people);
    hold(run, "code", wallet_person_code(LW_STR("999"), lw_str_c(text), &code));
    hold(run, "a person is lost", wallet_store_person_find(txn, &code, id));
}

static void look_at_agency(struct kill_programs *run, const struct wallet_txn *txn)
{
    const struct told *told = run->ctx;
    char id[32];
    struct wallet_doc doc;
    struct wallet_key_record key;
    struct hsm_signer signer;
    (void)snprintf(id, sizeof(id), "agency-%u", told->catalogs);
    const lw_str agency = lw_str_c(id);
    hold(run, "an agency is lost", wallet_store_doc_get(txn, WALLET_DOC_AGENCY, agency, 0, &doc));
    hold(run, "an agency's key is lost",
         wallet_store_key_active(txn, HSM_PURPOSE_STATUS, agency, &key));
    hold(run, "an agency's key is lost",
         wallet_home_signer(run->home.home, HSM_PURPOSE_CREDENTIAL, agency, &signer));
}

static void look_also(struct kill_programs *run, const struct wallet_txn *txn)
{
    const struct told *told = run->ctx;
    if (told->person) {
        look_at_person(run, txn);
    }
    if (told->catalog) {
        look_at_agency(run, txn);
    }
}

static void make_catalog(const struct kill_programs *run)
{
    char path[SUPPORT_PATH_MAX];
    support_path(run->home.folder, "catalog", path);
    assert_int_equal(mkdir(path, 0700), 0);
    support_path(run->home.folder, "catalog/agencies", path);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void commands_killed_at_any_moment_leave_all_or_nothing(void **state)
{
    (void)state;
    static struct kill_programs run;
    static struct told told;
    size_t done = 0;
    const size_t rounds = support_fault_rounds(ROUNDS_SHORT, ROUNDS_FULL);
    kill_programs_make(&run);
    make_catalog(&run);
    run.also = look_also;
    run.ctx = &told;
    for (run.round = 1; run.round <= rounds; run.round++) {
        done++;
        const bool let_be = run.round % 4 == 1;
        const uint64_t which = kill_below(8);
        if (which == 0) {
            person(&run, let_be);
        } else if (which == 1) {
            catalog(&run, let_be);
        } else {
            license(&run, let_be);
        }
        kill_look(&run, run.round % ALL_EACH == 0 || run.round == rounds);
        if (atomic_load(&run.ledger->violations) > 0) {
            break;
        }
    }
    char what[160];
    (void)snprintf(what, sizeof(what),
                   "kill -9 of lw license issue, suspend, resume, revoke, cancel, person add, "
                   "catalog load: %llu acknowledged",
                   atomic_load(&run.ledger->acked));
    const unsigned violations = atomic_load(&run.ledger->violations);
    support_fault_report("F1", what, done, violations);
    kill_programs_drop(&run);
    if (violations > 0) {
        fail_msg("%u violations, the first: %s", violations, run.ledger->why);
    }
}

struct intent_of {
    struct wallet_intent intent;
    int64_t created;
};

static lw_err write_intent(struct wallet_txn *txn, void *ctx)
{
    struct intent_of *i = ctx;
    i->intent.created = i->created;
    return wallet_store_license_reserve(txn, &i->intent);
}

/* Sets a number aside, unless `created` is 0, and says whether it is. */
static void hold_open(const char *dir, int64_t created, const char *number, bool expected)
{
    const struct wallet_store_options options = {.clock = lw_clock_system(),
                                                 .rng = hsm_rng_system()};
    char path[SUPPORT_PATH_MAX];
    struct intent_of intent = {.created = created};
    WALLET_AUTO_STORE store = NULL;
    support_path(dir, "store", path);
    assert_int_equal(wallet_store_open(path, &options, &store).code, LW_OK);
    assert_int_equal(wallet_intent_fill(&intent.intent, LW_STR("business-license"),
                                        lw_str_c(number), LW_STR("1"), LW_STR("tax-bureau"))
                         .code,
                     LW_OK);
    if (created != 0) {
        assert_int_equal(wallet_store_new_id(store, intent.intent.id).code, LW_OK);
        assert_int_equal(wallet_store_write(store, write_intent, &intent).code, LW_OK);
    }
    struct wallet_intent found;
    WALLET_AUTO_TXN txn = NULL;
    assert_int_equal(wallet_read_begin(store, &txn).code, LW_OK);
    assert_int_equal(wallet_store_intent_find(txn, LW_STR("business-license"), lw_str_c(number),
                                              LW_STR("1"), &found)
                         .code,
                     expected ? LW_OK : LW_E_NOT_FOUND);
}

static void a_command_that_signs_voids_what_a_killed_one_left(void **state)
{
    (void)state;
    static struct kill_programs run;
    kill_programs_make(&run);
    const char *const head[] = {"audit", "head", NULL};
    const int64_t now = lw_now(lw_clock_system());
    hold_open(run.home.dir, now - LW_HOUR_S, "OLD", true);
    hold_open(run.home.dir, now, "YOUNG", true);
    kill_must_run(&run, head);
    hold_open(run.home.dir, 0, "OLD", false);
    hold_open(run.home.dir, 0, "YOUNG", true); /* may be another's that runs just now */
    kill_programs_drop(&run);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_command_that_signs_voids_what_a_killed_one_left),
        cmocka_unit_test(commands_killed_at_any_moment_leave_all_or_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
