/* An approved import that is killed: it goes on, and no license is issued twice. */
#define _GNU_SOURCE

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "hsm/rng.h"
#include "importing.h"
#include "two_people.h"
#include "wallet/flow_approve.h"
#include "wallet/store_approval.h"

enum { NUMBERS = 12, BATCH = 4, BULK = 8 * 1024 };

static struct support_home home;
static struct support_operator anna;
static struct support_operator berta;

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

static bool yes(void *ctx, const struct wallet_import_result *found)
{
    bool *approved = ctx;
    (void)found;
    *approved = true;
    return true;
}

static void on_issue(void *ctx, const struct wallet_import_issue *issue)
{
    (void)ctx;
    (void)issue;
}

static void kill_on_progress(void *ctx, const struct wallet_import_progress *progress)
{
    (void)ctx;
    (void)progress;
    (void)raise(SIGKILL);
}

/* Salts are drawn in bulk once the approval is durable and before anything else is. */
static lw_err kill_on_salts(void *ctx, uint8_t *out, size_t n)
{
    const bool *approved = ctx;
    if (*approved && n >= BULK) {
        (void)raise(SIGKILL);
    }
    return lw_rng_fill(hsm_rng_system(), out, n);
}

static lw_err approve(struct wallet_home *h, uint64_t number, const struct support_operator *by,
                      struct wallet_import_watch watch, struct wallet_import_result *result)
{
    const struct wallet_approve_order order = {
        .number = number, .by = &by->by, .batch_rows = BATCH};
    watch.issue = on_issue;
    return wallet_flow_approve(h, &order, &watch, result);
}

/* The child: the same home, approved until it is killed. */
static int run_child(char **argv)
{
    static bool approved;
    struct lw_clock_fixed clock;
    struct support_operator second = {.name = "berta"};
    struct wallet_import_result result;
    struct wallet_home *h = NULL;
    const bool before = strcmp(argv[5], "salts") == 0;
    const struct lw_rng rng = {.fill = kill_on_salts, .ctx = &approved};
    lw_clock_fixed_init(&clock, SUPPORT_HOME_NOW);
    const struct wallet_env env = {.clock = &clock.clock, .rng = before ? &rng : hsm_rng_system()};
    const struct wallet_home_config config = {.dir = argv[2],
                                              .base_url = SUPPORT_BASE_URL,
                                              .country = "CN",
                                              .authority = "Example City",
                                              .token_label = "test",
                                              .signer_program = argv[6],
                                              .signers = 2,
                                              .token_deadline_ms = 20000};
    const struct wallet_import_watch watch = {
        .progress = before ? NULL : kill_on_progress, .approve = yes, .ctx = &approved};
    if (hsm_soft_key_load(argv[3], &second.key).code != LW_OK) {
        return 2;
    }
    hsm_soft_key_signer(second.key, &second.signer);
    second.by = (struct wallet_operator_by){.name = LW_STR("berta"), .signer = &second.signer};
    if (wallet_home_open(&config, &env, WALLET_HOME_SIGN, &h).code != LW_OK) {
        return 3;
    }
    const lw_err err = approve(h, strtoull(argv[4], NULL, 10), &second, watch, &result);
    fprintf(stderr, "not killed: %s\n", err.why == NULL ? "" : err.why);
    return 4;
}

static void run_killed(const char *key, uint64_t number, const char *when)
{
    char text[32];
    int status = 0;
    (void)snprintf(text, sizeof(text), "%llu", (unsigned long long)number);
    const pid_t pid = fork();
    if (pid == 0) {
        (void)execl("/proc/self/exe", "flow_approve_resume", "--child", home.dir, key, text, when,
                    home.program, (char *)NULL);
        _exit(127);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

static struct wallet_import_record batch(uint64_t number)
{
    struct wallet_import_record record;
    WALLET_AUTO_TXN txn = NULL;
    must(wallet_read_begin(wallet_home_store(home.home), &txn));
    must(wallet_store_import_find(txn, number, &record));
    return record;
}

static lw_err write_approval(struct wallet_txn *txn, void *ctx)
{
    return wallet_store_approval_put(txn, ctx);
}

/* A change to what was signed is found before anything goes on. */
static void altered_it_does_not_go_on(uint64_t number)
{
    struct wallet_approval approval;
    struct wallet_import_result result;
    const struct wallet_import_record record = batch(number);
    {
        WALLET_AUTO_TXN txn = NULL;
        must(wallet_read_begin(wallet_home_store(home.home), &txn));
        must(wallet_store_approval_get(txn, record.id, &approval));
    }
    approval.decided.sig[3] ^= 1;
    must(wallet_store_write(wallet_home_store(home.home), write_approval, &approval));
    const struct wallet_import_watch watch = {.ctx = NULL};
    assert_int_equal(approve(home.home, number, &anna, watch, &result).code, LW_E_SIGNATURE);
    approval.decided.sig[3] ^= 1;
    must(wallet_store_write(wallet_home_store(home.home), write_approval, &approval));
}

/* The next month's is asked for, but not carried out before what is under way has ended. */
static void next_of_the_register_waits(const char *prefix)
{
    struct support_import next = {.order = {.by = &anna.by, .part = true}};
    struct wallet_import_result result;
    bool approved = false;
    const struct wallet_import_watch watch = {.approve = yes, .ctx = &approved};
    LW_AUTO_BUF csv = LW_BUF(SUPPORT_REGISTER_MAX);
    char number[32];
    next.order.register_name = lw_str_c(prefix);
    (void)snprintf(number, sizeof(number), "%s-NEXT", prefix);
    must(lw_buf_put_c(&csv, SUPPORT_IMPORT_HEADER));
    support_import_row(&csv, number, number, "2026-01-01", "2028-12-31", "AAI");
    must(support_import(home.home, lw_buf_view(&csv), support_import_map, &next));
    const lw_err err = approve(home.home, next.result.number, &berta, watch, &result);
    assert_int_equal(err.code, LW_E_CONFLICT);
    assert_non_null(strstr(err.why, "end it first"));
    assert_int_equal(batch(next.result.number).state, WALLET_IMPORT_WAITING);
}

static void killed_at(const char *prefix, const char *when, bool some)
{
    struct support_import import = {.order = {.by = &anna.by}};
    struct support_import again = {.order = {.by = &anna.by}};
    struct support_held before;
    struct support_held after;
    struct wallet_import_result result;
    char key[SUPPORT_PATH_MAX];
    LW_AUTO_BUF csv = LW_BUF(SUPPORT_REGISTER_MAX);
    import.order.register_name = lw_str_c(prefix);
    again.order.register_name = lw_str_c(prefix);
    support_path(home.folder, "berta.pem", key);
    must(lw_buf_put_c(&csv, SUPPORT_IMPORT_HEADER));
    const size_t rows = support_import_rows(&csv, prefix, NUMBERS);
    support_held(home.home, true, &before);
    must(support_import(home.home, lw_buf_view(&csv), support_import_map, &import));
    assert_true(import.result.waiting);
    const uint64_t number = import.result.number;
    run_killed(key, number, when);
    assert_int_equal(batch(number).state, WALLET_IMPORT_RUNNING);
    assert_int_equal(batch(number).issued > 0, some);
    assert_true(batch(number).issued < rows);
    /* Only `lw approve` goes on: by other options of the import more could be done. */
    lw_err err = support_import(home.home, lw_buf_view(&csv), support_import_map, &again);
    assert_int_equal(err.code, LW_E_CONFLICT);
    assert_non_null(strstr(err.why, "goes on"));
    next_of_the_register_waits(prefix);
    altered_it_does_not_go_on(number);
    const struct wallet_import_watch watch = {.ctx = NULL}; /* nothing is asked */
    must(approve(home.home, number, &anna, watch, &result));
    assert_int_equal(batch(number).state, WALLET_IMPORT_DONE);
    support_held(home.home, true, &after);
    assert_int_equal(after.licenses - before.licenses, rows);
    assert_int_equal(after.issued - before.issued, rows);
    assert_int_equal(after.intents, 0);
}

static void killed_right_after_the_approval_it_goes_on(void **state)
{
    (void)state;
    killed_at("S", "salts", false);
}

static void killed_after_a_batch_it_goes_on_and_issues_none_twice(void **state)
{
    (void)state;
    killed_at("P", "progress", true);
}

static int make(void **state)
{
    enum wallet_operator_state kept;
    char key[SUPPORT_PATH_MAX];
    (void)state;
    support_home_make(&home);
    support_operator_make(&anna, "anna");
    support_path(home.folder, "berta.pem", key);
    berta.name = "berta";
    must(hsm_soft_key_create(key, &berta.key));
    hsm_soft_key_signer(berta.key, &berta.signer);
    berta.by = (struct wallet_operator_by){.name = LW_STR("berta"), .signer = &berta.signer};
    must(support_two_people_load(&home, 2, true));
    must(support_operator_add(&home, &anna, NULL, &kept));
    must(support_operator_add(&home, &berta, &anna, &kept));
    return 0;
}

static int drop(void **state)
{
    (void)state;
    support_operator_drop(&anna);
    support_operator_drop(&berta);
    support_home_drop(&home);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_right_after_the_approval_it_goes_on),
        cmocka_unit_test(killed_after_a_batch_it_goes_on_and_issues_none_twice),
    };
    if (argc == 7 && strcmp(argv[1], "--child") == 0) {
        return run_child(argv);
    }
    return cmocka_run_group_tests(tests, make, drop);
}
