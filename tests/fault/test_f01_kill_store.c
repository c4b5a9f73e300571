/*
 * F1, the store as a whole: `lw store backup`, `restore` and `compact` are killed at any moment.
 * The home that is left is whole, or says what to do; the same command again ends it.
 */
#define _GNU_SOURCE

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "bytes.h"
#include "fault.h"
#include "kill_programs.h"

enum { ROUNDS_SHORT = 12, ROUNDS_FULL = 200, LICENSES = 12, CLI_DONE_EXIT = 0 };

struct run {
    struct kill_programs at; /* its home is backed up and compacted */
    struct kill_programs to; /* its home is restored into */
    char backup[SUPPORT_PATH_MAX];
    unsigned killed;
    unsigned whole;
    unsigned told;
};

static void wrong(struct run *run, const char *what, int code)
{
    fprintf(stderr, "%s: exit %d\n", what, code);
    kill_violation(run->at.ledger, what, LW_SUCCESS);
}

static bool is_there(const char *folder, const char *name)
{
    char path[SUPPORT_PATH_MAX];
    support_path(folder, name, path);
    return access(path, F_OK) == 0;
}

/* What the last command said. */
static bool was_said(const struct kill_programs *at, const char *text)
{
    char path[SUPPORT_PATH_MAX];
    LW_AUTO_BUF said = LW_BUF(SUPPORT_TEXT_MAX);
    support_path(at->home.folder, "log", path);
    support_read_file(path, &said);
    return lw_buf_put_byte(&said, '\0').code == LW_OK &&
           strstr((const char *)said.ptr, text) != NULL;
}

static int run_fresh(struct kill_programs *at, const char *const *args)
{
    char path[SUPPORT_PATH_MAX];
    support_path(at->home.folder, "log", path);
    (void)unlink(path);
    return kill_ended(kill_start(at, args));
}

/* All of it: form, indexes, log, and with the token signatures and seals. */
static void must_be_whole(struct run *run, struct kill_programs *at, const char *what)
{
    static const char *const check[] = {"store", "check", NULL};
    static const char *const audit[] = {"audit", "check", NULL};
    static const char *const last[] = {"license", "show", "W-11", NULL};
    int code = run_fresh(at, check);
    code = code == CLI_DONE_EXIT ? run_fresh(at, audit) : code;
    code = code == CLI_DONE_EXIT ? run_fresh(at, last) : code;
    if (code != CLI_DONE_EXIT) {
        wrong(run, what, code);
    }
}

static void back_up(struct run *run, bool let_be)
{
    const char *const args[] = {"store", "backup", run->backup, "--with-token", NULL};
    support_remove(run->backup);
    int code = kill_command(&run->at, let_be, args);
    run->killed += code == KILL_KILLED ? 1 : 0;
    if (code == KILL_KILLED && access(run->backup, F_OK) != 0) {
        code = run_fresh(&run->at, args);
    }
    if ((code != CLI_DONE_EXIT && code != KILL_KILLED) || !is_there(run->backup, "manifest.json")) {
        wrong(run, "a backup that was killed is not made again", code);
    }
}

static void write_own(const char *folder, const char *name)
{
    char path[SUPPORT_PATH_MAX];
    support_path(folder, name, path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_true(fputs("mine", file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void copy_pin(struct run *run)
{
    char from[SUPPORT_PATH_MAX];
    char to[SUPPORT_PATH_MAX];
    LW_AUTO_BUF pin = LW_BUF(SUPPORT_TEXT_MAX);
    support_path(run->at.home.dir, "pin", from);
    support_path(run->to.home.dir, "pin", to);
    support_read_file(from, &pin);
    (void)unlink(to);
    FILE *file = fopen(to, "wb");
    assert_non_null(file);
    assert_int_equal(chmod(to, 0600), 0);
    assert_int_equal(fwrite(pin.ptr, 1, pin.len, file), pin.len);
    assert_int_equal(fclose(file), 0);
}

/* A home that was cut short is refused with what to do, unless all of it is there, or nothing. */
static void look_at_half(struct run *run)
{
    static const char *const list[] = {"license", "list", NULL};
    const bool begun = is_there(run->to.home.dir, "restore.unfinished");
    const int code = run_fresh(&run->to, list);
    if (code == CLI_DONE_EXIT) {
        run->whole++;
        if (begun) {
            wrong(run, "a half restored home is used", code);
        }
    } else if (begun && was_said(&run->to, "lw store restore")) {
        run->told++;
    } else if (begun || is_there(run->to.home.dir, "store")) {
        wrong(run, "a half restored home does not say what to do", code);
    }
}

/* Into an empty home, or one where the owner has put the token. */
static void restore(struct run *run, bool let_be, bool own)
{
    const char *const args[] = {"store", "restore", run->backup, NULL};
    const char *dir = run->to.home.dir;
    char token[SUPPORT_PATH_MAX];
    support_remove(dir);
    if (own) {
        support_path(dir, "token", token);
        assert_int_equal(mkdir(dir, 0700), 0);
        assert_int_equal(mkdir(token, 0700), 0);
        write_own(token, "softhsm2.conf");
    }
    int code = kill_command(&run->to, let_be, args);
    run->killed += code == KILL_KILLED ? 1 : 0;
    if (code == KILL_KILLED) {
        look_at_half(run);
        code = is_there(dir, "store") && !is_there(dir, "restore.unfinished")
                   ? CLI_DONE_EXIT
                   : run_fresh(&run->to, args);
    }
    if (code != CLI_DONE_EXIT) {
        wrong(run, "a restore that was killed does not go on", code);
        return;
    }
    if (own) {
        char path[SUPPORT_PATH_MAX];
        LW_AUTO_BUF kept = LW_BUF(SUPPORT_TEXT_MAX);
        support_path(token, "softhsm2.conf", path);
        support_read_file(path, &kept);
        if (!lw_str_is(lw_buf_text(&kept), "mine")) {
            wrong(run, "the owner's token was replaced", code);
        }
        return;
    }
    copy_pin(run);
    must_be_whole(run, &run->to, "a restored home is not whole");
}

static void compact(struct run *run, bool let_be)
{
    static const char *const args[] = {"store", "compact", NULL};
    const int code = kill_command(&run->at, let_be, args);
    run->killed += code == KILL_KILLED ? 1 : 0;
    if (code != CLI_DONE_EXIT && code != KILL_KILLED) {
        wrong(run, "compacting", code);
    }
    must_be_whole(run, &run->at, "a compacted home is not whole");
}

static void issue(struct run *run, unsigned i)
{
    char number[32];
    (void)snprintf(number, sizeof(number), "W-%u", i);
    const char *const args[] = {"license",  "issue",
                                "--type",   "business-license",
                                "--number", number,
                                "--holder", "999:1234-1",
                                "--claim",  "legal_name=B",
                                "--claim",  "address=1 Main Street",
                                "--claim",  "category=Retail",
                                "--claim",  "expiry_date=2099-01-15",
                                NULL};
    kill_must_run(&run->at, args);
}

/* What is restored into is beside: another home, with a log of its own. */
static void make(struct run *run)
{
    kill_programs_make(&run->at);
    for (unsigned i = 0; i < LICENSES; i++) {
        issue(run, i);
    }
    run->to = run->at;
    support_folder(run->to.home.folder);
    support_path(run->to.home.folder, "home", run->to.home.dir);
    support_path(run->at.home.folder, "backup", run->backup);
}

static void one_round(struct run *run, unsigned round)
{
    const bool let_be = round % 7 == 1;
    switch (round % 4) {
    case 0:
        back_up(run, let_be);
        break;
    case 1:
        compact(run, let_be);
        break;
    default:
        restore(run, let_be, round % 8 == 3);
        break;
    }
}

static void a_store_that_is_backed_up_restored_and_compacted_survives_kills(void **state)
{
    (void)state;
    static struct run run;
    char what[256];
    size_t done = 0;
    const size_t rounds = support_fault_rounds(ROUNDS_SHORT, ROUNDS_FULL);
    make(&run);
    back_up(&run, true);
    while (done < rounds && atomic_load(&run.at.ledger->violations) == 0) {
        one_round(&run, (unsigned)++done);
    }
    (void)snprintf(
        what, sizeof(what),
        "kill -9 of lw store backup, restore, compact: %u killed; of homes half restored "
        "%u said what to do, %u were whole",
        run.killed, run.told, run.whole);
    const unsigned violations = atomic_load(&run.at.ledger->violations);
    support_fault_report("F1", what, done, violations);
    support_remove(run.to.home.folder);
    kill_programs_drop(&run.at);
    if (violations > 0) {
        fail_msg("%u violations, the first: %s", violations, run.at.ledger->why);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_store_that_is_backed_up_restored_and_compacted_survives_kills),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
