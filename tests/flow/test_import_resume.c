/*
 * An import that is ended before its end, at every batch and at any moment, and given again: no
 * license is there twice, none is missing, and the log says of each once that it was issued. Run
 * with "--child" the program is the one that is killed.
 */
#define _GNU_SOURCE

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "bytes.h"
#include "hsm/rng.h"
#include "importing.h"
#include "token.h"
#include "wallet/store_license.h"

enum { NUMBERS = 60, BATCH = 8, KILLS = 12, KILLS_MAX = 144, NS_PER_MS = 1000000, WINDOW_MS = 60 };

static struct support_home home; /* made once for all tests: a token takes its time */
static struct shim_control *control;
static char shim[SUPPORT_PATH_MAX];

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

static size_t register_of(const char *prefix, lw_buf *csv)
{
    must(lw_buf_put_c(csv, SUPPORT_IMPORT_HEADER));
    return support_import_rows(csv, prefix, NUMBERS);
}

static struct support_held held_now(bool ended)
{
    struct support_held held;
    support_held(home.home, ended, &held);
    return held;
}

/* Gives the register once more: all must be there now, each once. */
/* `ended`: the interrupted run may have been at its end already, with nothing left to go on with.
 */
static void finish_or_find_ended(const lw_buf *csv, size_t rows, const struct support_held *before,
                                 bool ended)
{
    struct support_import import = {.order = {.batch_rows = BATCH}};
    must(support_import(home.home, lw_buf_view(csv), support_import_map, &import));
    assert_true(import.result.resumed || (ended && import.result.already == rows));
    assert_false(import.result.stopped);
    assert_int_equal(import.result.issued + import.result.already, rows);
    const struct support_held after = held_now(true);
    assert_int_equal(after.licenses - before->licenses, rows);
    assert_int_equal(after.issued - before->issued, rows);
    assert_int_equal(after.intents, 0);
    must(support_import(home.home, lw_buf_view(csv), support_import_map, &import));
    assert_int_equal(import.result.issued, 0);
    assert_int_equal(import.result.already, rows);
}

static void finish(const lw_buf *csv, size_t rows, const struct support_held *before)
{
    finish_or_find_ended(csv, rows, before, false);
}

static void stopped_at_each_batch_it_goes_on_from_there(void **state)
{
    (void)state;
    LW_AUTO_BUF csv = LW_BUF(SUPPORT_REGISTER_MAX);
    const size_t rows = register_of("S", &csv);
    const struct support_held before = held_now(true);
    size_t stops = 0;
    size_t issued = 0;
    for (bool stopped = true; stopped; stops++) {
        struct support_import import = {.order = {.batch_rows = BATCH}, .stop_at = stops % 3 + 1};
        must(support_import(home.home, lw_buf_view(&csv), support_import_map, &import));
        stopped = import.result.stopped;
        assert_int_equal(import.result.already, issued);
        assert_int_equal(import.result.issued,
                         stopped ? (stops % 3 + 2) * (size_t)BATCH : rows - issued);
        issued += import.result.issued;
        const struct support_held held = held_now(false); /* whole, with no intent left */
        assert_int_equal(held.licenses - before.licenses, issued);
        assert_int_equal(held.intents, 0);
    }
    assert_true(stops > 4);
    finish(&csv, rows, &before);
}

static void a_batch_of_another_size_is_not_asked_of_a_resumed_import(void **state)
{
    (void)state;
    LW_AUTO_BUF csv = LW_BUF(SUPPORT_REGISTER_MAX);
    const size_t rows = register_of("Z", &csv);
    const struct support_held before = held_now(true);
    struct support_import first = {.order = {.batch_rows = 5}, .stop_at = 1};
    struct support_import next = {.order = {.batch_rows = 64}};
    must(support_import(home.home, lw_buf_view(&csv), support_import_map, &first));
    assert_true(first.result.stopped);
    must(support_import(home.home, lw_buf_view(&csv), support_import_map, &next));
    assert_int_equal(next.result.issued + first.result.issued, rows);
    finish(&csv, rows, &before);
}

/* Days later: what had ended by then is issued as it is, what was left out stays so to the end. */
static void gone_on_with_days_later_it_lets_in_the_same_rows(void **state)
{
    (void)state;
    LW_AUTO_BUF csv = LW_BUF(SUPPORT_REGISTER_MAX);
    must(lw_buf_put_c(&csv, SUPPORT_IMPORT_HEADER));
    support_import_row(&csv, "D-1", "T-D-1", "2026-01-01", "2028-12-31", "AAI");
    support_import_row(&csv, "D-2", "T-D-2", "2026-01-01", "2027-01-17", "AAI");
    support_import_row(&csv, "D-3", "T-D-3", "2037-01-17", "2038-12-31", "AAI");
    support_import_row(&csv, "D-4", "T-D-4", "2026-01-01", "2028-12-31", "AAI");
    const struct support_held before = held_now(true);
    struct support_import first = {.order = {.batch_rows = 1}, .stop_at = 1};
    struct support_import next = {.order = {.batch_rows = 1}};
    must(support_import(home.home, lw_buf_view(&csv), support_import_map, &first));
    assert_true(first.result.stopped);
    assert_int_equal(first.result.bad, 1); /* begins more than ten years from now */
    home.clock.now += 5 * LW_DAY_S;
    must(support_import(home.home, lw_buf_view(&csv), support_import_map, &next));
    assert_int_equal(next.result.bad, 1);
    assert_int_equal(next.result.expired, 1);
    assert_int_equal(next.result.active, 2);
    assert_int_equal(next.result.number, first.result.number);
    assert_int_equal(held_now(true).licenses - before.licenses, 3);
    /* It has ended: the same file is now checked as of now. */
    must(support_import(home.home, lw_buf_view(&csv), support_import_map, &next));
    assert_int_equal(next.result.bad, 0);
    assert_int_equal(next.result.issued, 1);
    home.clock.now = SUPPORT_HOME_NOW;
}

/* A mended copy of the file is another import: what is left open of the first does not stop it. */
static void another_file_goes_on_where_the_first_was_left(void **state)
{
    (void)state;
    LW_AUTO_BUF csv = LW_BUF(SUPPORT_REGISTER_MAX);
    LW_AUTO_BUF longer = LW_BUF(SUPPORT_REGISTER_MAX);
    const size_t rows = register_of("L", &csv);
    const struct support_held before = held_now(true);
    struct support_import first = {.order = {.batch_rows = BATCH}, .stop_at = 2};
    struct support_import next = {.order = {.batch_rows = BATCH + 3}};
    must(support_import(home.home, lw_buf_view(&csv), support_import_map, &first));
    must(lw_buf_put(&longer, lw_buf_view(&csv)));
    support_import_row(&longer, "L-1000", "T-L-1000", "2026-01-01", "2028-12-31", "AAI");
    must(support_import(home.home, lw_buf_view(&longer), support_import_map, &next));
    assert_int_equal(next.result.already, first.result.issued);
    assert_int_equal(next.result.issued, rows + 1 - first.result.issued);
    assert_int_equal(held_now(true).licenses - before.licenses, rows + 1);
}

/* The key's time ends while the import runs. */
static void end_of_key(void *ctx, const struct wallet_import_progress *progress)
{
    (void)ctx;
    (void)progress;
    home.clock.now = SUPPORT_HOME_NOW + 800 * LW_DAY_S;
}

static void an_error_in_the_middle_keeps_what_was_done(void **state)
{
    (void)state;
    LW_AUTO_BUF csv = LW_BUF(SUPPORT_REGISTER_MAX);
    const size_t rows = register_of("E", &csv);
    const struct support_held before = held_now(true);
    struct support_import import = {.order = {.batch_rows = BATCH}, .progress = end_of_key};
    const lw_err err = support_import(home.home, lw_buf_view(&csv), support_import_map, &import);
    home.clock.now = SUPPORT_HOME_NOW;
    assert_int_equal(err.code, LW_E_EXPIRED);
    assert_true(import.result.issued >= BATCH && import.result.issued < rows);
    const struct support_held held = held_now(false);
    assert_int_equal(held.licenses - before.licenses, import.result.issued);
    finish(&csv, rows, &before);
}

/* Every `every`th signature meets the fault; returns how the import ended. */
static lw_err import_with_fault(const lw_buf *csv, enum shim_fault fault, unsigned every,
                                struct support_import *import)
{
    control->sign_rv = SHIM_CKR_FUNCTION_FAILED;
    control->sign_every = every;
    control->sign_left = 1000000;
    control->sign_fault = fault;
    const lw_err err = support_import(home.home, lw_buf_view(csv), support_import_map, import);
    control->sign_fault = SHIM_NONE;
    control->sign_left = 0;
    return err;
}

static void a_token_that_fails_ends_the_run_and_the_same_call_goes_on(void **state)
{
    (void)state;
    LW_AUTO_BUF csv = LW_BUF(SUPPORT_REGISTER_MAX);
    const size_t rows = register_of("T", &csv);
    const struct support_held before = held_now(true);
    struct support_import import = {.order = {.batch_rows = BATCH}};
    const lw_err err = import_with_fault(&csv, SHIM_FAIL, 1, &import);
    assert_true(err.code == LW_E_TOKEN || err.code == LW_E_TIMEOUT);
    assert_int_equal(import.result.issued, 0);
    const struct support_held held = held_now(false);
    assert_int_equal(held.licenses, before.licenses);
    assert_true(held.intents > 0); /* durable before anything was signed */
    finish(&csv, rows, &before);
}

static void a_signature_that_does_not_hold_is_never_stored(void **state)
{
    (void)state;
    LW_AUTO_BUF csv = LW_BUF(SUPPORT_REGISTER_MAX);
    const size_t rows = register_of("W", &csv);
    const struct support_held before = held_now(true);
    struct support_import import = {.order = {.batch_rows = BATCH}};
    assert_int_equal(import_with_fault(&csv, SHIM_WRONG, 5, &import).code, LW_E_TOKEN);
    const struct support_held held = held_now(false); /* which checks every record */
    assert_int_equal(held.licenses - before.licenses, import.result.issued);
    finish(&csv, rows, &before);
}

static void signers_that_crash_cost_nothing(void **state)
{
    (void)state;
    LW_AUTO_BUF csv = LW_BUF(SUPPORT_REGISTER_MAX);
    const size_t rows = register_of("Q", &csv);
    const struct support_held before = held_now(true);
    struct support_import import = {.order = {.batch_rows = BATCH}};
    control->sign_every = 30;
    control->sign_left = 2;
    control->sign_fault = SHIM_CRASH;
    const lw_err err = support_import(home.home, lw_buf_view(&csv), support_import_map, &import);
    control->sign_fault = SHIM_NONE;
    must(err);
    assert_int_equal(import.result.issued, rows);
    finish(&csv, rows, &before);
}

static void write_file(const char *name, const lw_buf *csv, char path[SUPPORT_PATH_MAX])
{
    support_path(home.folder, name, path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(csv->ptr, 1, csv->len, file), csv->len);
    assert_int_equal(fclose(file), 0);
}

/* Starts the import in a process of its own, which ends itself after `batches`, if not 0. */
static pid_t start_child(const char *path, unsigned batches, int *ready)
{
    char text[16];
    int ends[2];
    (void)snprintf(text, sizeof(text), "%u", batches);
    assert_int_equal(pipe(ends), 0);
    const pid_t pid = fork();
    if (pid == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)close(ends[0]);
        (void)execl("/proc/self/exe", "flow_import_resume", "--child", home.dir, path, text,
                    (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    *ready = ends[0];
    return pid;
}

static void wait_ready(int ready)
{
    char c = 0;
    while (read(ready, &c, 1) == 1 && c != '!') {
    }
    (void)close(ready);
}

static int wait_child(pid_t pid)
{
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void killed_after_any_batch_it_goes_on_from_there(void **state)
{
    (void)state;
    LW_AUTO_BUF csv = LW_BUF(SUPPORT_REGISTER_MAX);
    char path[SUPPORT_PATH_MAX];
    const size_t rows = register_of("K", &csv);
    const struct support_held before = held_now(true);
    write_file("killed.csv", &csv, path);
    uint64_t licenses = before.licenses;
    for (unsigned batches = 1; batches <= 3; batches++) {
        int ready = -1;
        const pid_t pid = start_child(path, batches, &ready);
        wait_ready(ready);
        const int status = wait_child(pid);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        WALLET_AUTO_TXN txn = NULL;
        uint64_t counts[WALLET_SUPERSEDED + 1];
        uint64_t now = 0;
        must(wallet_read_begin(wallet_home_store(home.home), &txn));
        must(wallet_store_license_count(txn, LW_STR("business-license"), counts));
        for (size_t i = WALLET_ACTIVE; i <= WALLET_SUPERSEDED; i++) {
            now += counts[i];
        }
        assert_true(now >= licenses + (uint64_t)batches * BATCH && now < before.licenses + rows);
        licenses = now;
    }
    finish(&csv, rows, &before);
}

static bool has_begun(const struct support_held *before)
{
    const struct support_held held = held_now(false);
    return held.intents > 0 || held.licenses > before->licenses;
}

static void killed_at_any_moment_it_goes_on_from_there(void **state)
{
    (void)state;
    LW_AUTO_BUF csv = LW_BUF(SUPPORT_REGISTER_MAX);
    char path[SUPPORT_PATH_MAX];
    const size_t rows = register_of("J", &csv);
    const struct support_held before = held_now(true);
    write_file("killed.csv", &csv, path);
    /* On a busy machine a child may need longer until there is something to go on from. */
    for (unsigned i = 0; i < KILLS || (i < KILLS_MAX && !has_begun(&before)); i++) {
        int ready = -1;
        uint64_t ms = 0;
        must(lw_rng_below(hsm_rng_system(), (uint64_t)WINDOW_MS * (1 + i / KILLS), &ms));
        const pid_t pid = start_child(path, 0, &ready);
        wait_ready(ready);
        const struct timespec pause = {.tv_nsec = (long)ms * NS_PER_MS};
        (void)nanosleep(&pause, NULL);
        (void)kill(pid, SIGKILL);
        const int status = wait_child(pid);
        assert_true(WIFSIGNALED(status) || (WIFEXITED(status) && WEXITSTATUS(status) == 0));
    }
    finish_or_find_ended(&csv, rows, &before, true);
}

/* The child: the same home, a clock of its own that stands where ours does. */
static void count_down(void *ctx, const struct wallet_import_progress *progress)
{
    unsigned *batches = ctx;
    (void)progress;
    if (*batches > 0 && --*batches == 0) {
        (void)raise(SIGKILL);
    }
}

static int run_child(char **argv)
{
    struct lw_clock_fixed clock;
    unsigned batches = (unsigned)strtoul(argv[4], NULL, 10);
    lw_clock_fixed_init(&clock, SUPPORT_HOME_NOW);
    const struct wallet_env env = {.clock = &clock.clock, .rng = hsm_rng_system()};
    const struct wallet_home_config config = {.dir = argv[2],
                                              .base_url = SUPPORT_BASE_URL,
                                              .country = "CN",
                                              .authority = "Example City",
                                              .token_label = "test",
                                              .signer_program = LW_BIN_DIR "/lw-signer",
                                              .signers = 2,
                                              .token_deadline_ms = 20000,
                                              .development = true};
    struct support_import import = {
        .order = {.batch_rows = BATCH}, .progress = count_down, .ctx = &batches};
    LW_AUTO_BUF csv = LW_BUF(SUPPORT_REGISTER_MAX);
    WALLET_AUTO_HOME child = NULL;
    lw_err err = wallet_home_open(&config, &env, WALLET_HOME_SIGN, &child);
    support_read_file(argv[3], &csv);
    const ssize_t told = write(STDOUT_FILENO, "!", 1);
    (void)told; /* a parent that hears nothing fails its own test */
    err = err.code == LW_OK ? support_import(child, lw_buf_view(&csv), support_import_map, &import)
                            : err;
    if (err.code != LW_OK) {
        fprintf(stderr, "child: %s: %s\n", lw_code_name(err.code), err.why);
    }
    return err.code == LW_OK ? 0 : 1;
}

static int make(void **state)
{
    (void)state;
    static char conf[SUPPORT_PATH_MAX + 32];
    support_home_make(&home);
    control = support_shim(home.folder, hsm_softhsm_module(), shim);
    (void)snprintf(conf, sizeof(conf), "%s/token/softhsm2.conf", home.dir);
    home.config.module = shim;
    home.config.softhsm_conf = conf;
    support_home_reopen(&home, WALLET_HOME_SIGN);
    return 0;
}

static int drop(void **state)
{
    (void)state;
    support_home_drop(&home);
    (void)munmap(control, sizeof(*control));
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stopped_at_each_batch_it_goes_on_from_there),
        cmocka_unit_test(a_batch_of_another_size_is_not_asked_of_a_resumed_import),
        cmocka_unit_test(gone_on_with_days_later_it_lets_in_the_same_rows),
        cmocka_unit_test(another_file_goes_on_where_the_first_was_left),
        cmocka_unit_test(an_error_in_the_middle_keeps_what_was_done),
        cmocka_unit_test(a_token_that_fails_ends_the_run_and_the_same_call_goes_on),
        cmocka_unit_test(a_signature_that_does_not_hold_is_never_stored),
        cmocka_unit_test(signers_that_crash_cost_nothing),
        cmocka_unit_test(killed_after_any_batch_it_goes_on_from_there),
        cmocka_unit_test(killed_at_any_moment_it_goes_on_from_there),
    };
    if (argc == 5 && strcmp(argv[1], "--child") == 0) {
        return run_child(argv);
    }
    return cmocka_run_group_tests(tests, make, drop);
}
