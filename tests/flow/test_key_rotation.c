/*
 * F19: a rotation killed at each of its steps. Verifiers, online and with folders that were synced
 * before and after, find the key of what they are shown at every moment; what was killed goes on.
 * Run with "--child" the program is the one that is killed.
 */
#define _GNU_SOURCE

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "hsm/rng.h"
#include "keyring.h"
#include "syncing.h"
#include "wallet/flow_audit.h"
#include "wallet/flow_key.h"
#include "wallet/flow_status.h"
#include "wallet/trust_list.h"

enum {
    OVERLAP_S = WALLET_TRUST_LIST_LIFE_S + WALLET_TRUST_LIST_GRACE_S,
    STEPS_MAX = 16,
    KILLS = 6,
    WINDOW_MS = 120,
    NS_PER_MS = 1000000,
};

static const char agency[] = "market-regulation"; /* issues business licenses */

static struct support_home home;
static char before[SUPPORT_PATH_MAX]; /* folder synced before a rotation begins */
static char after[SUPPORT_PATH_MAX];  /* synced after each step */
static unsigned numbers;
static char old_number[32]; /* its credential is signed by the key that is rotated */

static void must(lw_err err)
{
    if (err.code != LW_OK) {
        fail_msg("%s: %s", lw_code_name(err.code), err.why);
    }
}

/* --- the one that is killed ---------------------------------------------------------------------
 */

static void end_here(void *ctx, const char *what, const char *label)
{
    (void)ctx;
    (void)what;
    (void)label;
    (void)raise(SIGKILL);
}

/* --child DIR PROGRAM TIME MODE PURPOSE AGENCY ends-at-its-first-step */
static int child(char **argv)
{
    struct lw_clock_fixed clock;
    wallet_key_progress *progress = strcmp(argv[8], "yes") == 0 ? end_here : NULL;
    struct wallet_home *opened = NULL;
    size_t steps = 0;
    lw_clock_fixed_init(&clock, strtoll(argv[4], NULL, 10));
    const struct wallet_env env = {.clock = &clock.clock, .rng = hsm_rng_system()};
    struct wallet_home_config config = home.config;
    config.dir = argv[2];
    config.signer_program = argv[3];
    lw_err err = wallet_home_open(&config, &env, WALLET_HOME_SIGN, &opened);
    if (err.code == LW_OK && strcmp(argv[5], "advance") == 0) {
        err = wallet_flow_key_advance(opened, LW_STR("test"), progress, NULL, &steps);
    } else if (err.code == LW_OK) {
        struct wallet_key_result result;
        const struct wallet_key_order order = {
            .purpose = (enum hsm_purpose)strtol(argv[6], NULL, 10),
            .agency = lw_str_c(argv[7]),
            .same_key = strcmp(argv[5], "renew") == 0,
            .compromised = strcmp(argv[5], "compromised") == 0,
            .actor = LW_STR("test"),
            .progress = progress,
        };
        err = wallet_flow_key_rotate(opened, &order, &result);
    }
    wallet_home_close(opened);
    if (err.code != LW_OK && err.code != LW_E_CONFLICT) {
        fprintf(stderr, "child: %s: %s\n", lw_code_name(err.code), err.why);
        return 1;
    }
    return 0;
}

struct run {
    const char *mode; /* "rotate", "renew", "compromised", "advance" */
    enum hsm_purpose purpose;
    const char *agency;
};

/* Returns whether it was killed; after `ms`, when that is not negative. */
static bool run_child(const struct run *run, bool at_step, long ms)
{
    char now[32];
    char purpose[16];
    int status = 0;
    (void)snprintf(now, sizeof(now), "%lld", (long long)home.clock.now);
    (void)snprintf(purpose, sizeof(purpose), "%d", (int)run->purpose);
    const pid_t pid = fork();
    if (pid == 0) {
        (void)execl("/proc/self/exe", "child", "--child", home.dir, home.program, now, run->mode,
                    purpose, run->agency, at_step ? "yes" : "no", (char *)NULL);
        _exit(127);
    }
    assert_true(pid > 0);
    if (ms >= 0) {
        const struct timespec wait = {.tv_nsec = ms * NS_PER_MS};
        (void)nanosleep(&wait, NULL);
        (void)kill(pid, SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFSIGNALED(status)) {
        assert_int_equal(WTERMSIG(status), SIGKILL);
        return true;
    }
    assert_int_equal(WEXITSTATUS(status), 0);
    return false;
}

/* --- verifiers ----------------------------------------------------------------------------------
 */

static void expect_of(struct wallet_verifier *verifier, lw_str text, const char *who)
{
    WALLET_AUTO_ANSWER answer = {.result = WALLET_REFUSED};
    const struct wallet_verification request = {
        .text = text, .at = INT64_MIN, .record = false, .locale = LW_STR("en")};
    must(wallet_flow_verify(verifier, &request, &answer));
    if (answer.result != WALLET_ACCEPTED) {
        fail_msg("%s: %s", who, answer.reason_code);
    }
}

static void expect_offline(const char *folder, lw_str text)
{
    WALLET_AUTO_VERIFIER verifier = NULL;
    must(wallet_verifier_offline(folder, &home.env, &verifier));
    expect_of(verifier, text, folder);
}

static void show(const char *number, const char *pass, lw_buf *text)
{
    const struct support_show how = {.number = number,
                                     .format = "dc+sd-cwt",
                                     .pass = pass,
                                     .claims = pass == NULL ? "legal_name" : ""};
    must(support_home_show(&home, &how, text));
}

static const char *new_license(char number[32])
{
    (void)snprintf(number, 32, "K-%u", ++numbers);
    support_home_issue(&home, number);
    return number;
}

/*
 * A credential of before, and one that is issued now. The folder of before knows the keys of both,
 * of the status it knows as much as its lists tell: a pass asks for none.
 */
static void nobody_fails(void)
{
    char number[32];
    struct wallet_sync_result result;
    LW_AUTO_BUF old = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF fresh = LW_BUF(SUPPORT_TEXT_MAX);
    LW_AUTO_BUF pass = LW_BUF(SUPPORT_TEXT_MAX);
    show(old_number, NULL, &old);
    show(new_license(number), NULL, &fresh);
    show(number, "storefront", &pass);
    expect_of(home.verifier, lw_buf_text(&old), "online, of before");
    expect_of(home.verifier, lw_buf_text(&fresh), "online, of now");
    must(support_sync(&home, after, LW_STR(""), &result));
    assert_int_equal(result.lists_kept, 0);
    expect_offline(after, lw_buf_text(&old));
    expect_offline(after, lw_buf_text(&fresh));
    expect_offline(after, lw_buf_text(&pass));
    expect_offline(before, lw_buf_text(&pass));
}

/* --- a rotation ---------------------------------------------------------------------------------
 */

struct seen {
    enum hsm_purpose purpose;
    const char *agency;
    struct wallet_key_info active;
    struct wallet_key_info published;
    size_t active_count;
    size_t published_count;
    size_t retired_count;
    size_t destroyed_count;
    size_t compromised_count;
};

static lw_err see(void *ctx, const struct wallet_key_info *info)
{
    struct seen *seen = ctx;
    if (info->record.purpose != seen->purpose || strcmp(info->record.agency, seen->agency) != 0) {
        return LW_SUCCESS;
    }
    seen->compromised_count += info->record.compromised != WALLET_KEY_NEVER ? 1 : 0;
    switch (info->record.state) {
    case WALLET_KEY_PUBLISHED:
        seen->published = *info;
        seen->published_count++;
        break;
    case WALLET_KEY_ACTIVE:
        seen->active = *info;
        seen->active_count++;
        break;
    case WALLET_KEY_RETIRED:
        seen->retired_count++;
        break;
    case WALLET_KEY_DESTROYED:
        seen->destroyed_count++;
        break;
    }
    return LW_SUCCESS;
}

static struct seen seen_of(const struct run *run)
{
    struct seen seen = {.purpose = run->purpose, .agency = run->agency};
    must(wallet_flow_key_each(home.home, see, &seen));
    assert_int_equal(seen.active_count, 1);
    return seen;
}

/* Runs it again and again, each time killed after one more step, until nothing is left to do. */
static void killed_at_each_step(const struct run *run)
{
    size_t kills = 0;
    while (run_child(run, true, -1)) {
        assert_true(++kills < STEPS_MAX);
        nobody_fails();
    }
    assert_true(kills > 0);
    nobody_fails();
}

static void advance(void)
{
    size_t steps = 0;
    must(wallet_flow_key_advance(home.home, LW_STR("test"), NULL, NULL, &steps));
}

static void sync_before(void)
{
    struct wallet_sync_result result;
    must(support_sync(&home, before, LW_STR(""), &result));
}

static int64_t ready_at(const struct run *run)
{
    const struct seen seen = seen_of(run);
    assert_int_equal(seen.published_count, 1);
    assert_int_equal(seen.published.next, WALLET_KEY_STEP_ACTIVATE);
    return seen.published.next_at;
}

/* From the first step to the retirement of the old key; returns its label's state at the end. */
static void rotate(const struct run *run, int64_t overlap)
{
    const struct run go_on = {.mode = "advance", .agency = ""};
    (void)new_license(old_number);
    sync_before();
    const struct seen first = seen_of(run);
    killed_at_each_step(run);
    const int64_t at = ready_at(run);
    assert_true(at >= home.clock.now + overlap);
    home.clock.now = at - 1;
    advance();
    assert_string_equal(seen_of(run).active.record.label, first.active.record.label);
    sync_before();
    home.clock.now = at;
    killed_at_each_step(&go_on);
    const struct seen last = seen_of(run);
    assert_string_not_equal(last.active.record.label, first.active.record.label);
    assert_int_equal(last.published_count, 0);
    assert_int_equal(last.retired_count, first.retired_count + 1);
}

static void rotates(enum hsm_purpose purpose, const char *of)
{
    const struct run run = {.mode = "rotate", .purpose = purpose, .agency = of};
    struct hsm_public_key key;
    const struct seen first = seen_of(&run);
    rotate(&run, OVERLAP_S);
    assert_true(hsm_pool_find(wallet_home_pool(home.home), first.active.record.token, &key).code ==
                LW_OK); /* until what it signed is over */
}

static void the_signer_of_credentials_rotates(void **state)
{
    (void)state;
    rotates(HSM_PURPOSE_CREDENTIAL, agency);
}

static void the_signer_of_status_lists_rotates(void **state)
{
    (void)state;
    rotates(HSM_PURPOSE_STATUS, agency);
}

static void the_list_key_rotates(void **state)
{
    (void)state;
    rotates(HSM_PURPOSE_TRUST_LIST, "");
}

static void the_ca_rotates_and_certifies_what_comes_after(void **state)
{
    (void)state;
    rotates(HSM_PURPOSE_CA, "");
    rotates(HSM_PURPOSE_STATUS, agency);
    rotates(HSM_PURPOSE_CREDENTIAL, agency);
}

static void the_other_signers_rotate(void **state)
{
    (void)state;
    struct wallet_audit_result found;
    LW_AUTO_BUF head = LW_BUF(SUPPORT_TEXT_MAX);
    uint64_t size = 0;
    uint8_t root[32];
    must(wallet_flow_audit_head(home.home, &head, &size, root));
    rotates(HSM_PURPOSE_LOG, "");
    rotates(HSM_PURPOSE_ACCESS, "");
    rotates(HSM_PURPOSE_ID_TOKEN, "");
    rotates(HSM_PURPOSE_ID_TOKEN_RSA, "");
    head.len = 0;
    must(wallet_flow_audit_head(home.home, &head, &size, root));
    must(wallet_flow_audit_check(home.home, &found));
    assert_true(found.whole); /* heads under the old key, and under the new */
    assert_true(found.head_signed);
    assert_int_equal(found.head_size, size);
}

static void the_signer_of_mobile_documents_rotates(void **state)
{
    (void)state;
    rotates(HSM_PURPOSE_MDOC, agency);
}

/* What the store seals is read all the while, and the old key stays for backups of before. */
static void the_keys_that_wrap_rotate(void **state)
{
    (void)state;
    static const enum hsm_purpose purposes[] = {HSM_PURPOSE_SEAL, HSM_PURPOSE_CUSTODY};
    for (size_t i = 0; i < 2; i++) {
        const struct run run = {.mode = "rotate", .purpose = purposes[i], .agency = ""};
        const struct seen first = seen_of(&run);
        rotate(&run, LW_DAY_S);
        assert_true(support_key_in_token(&home, first.active.record.token));
    }
}

static void a_certificate_is_renewed_and_the_old_one_verifies_on(void **state)
{
    (void)state;
    const struct run run = {.mode = "renew", .purpose = HSM_PURPOSE_CREDENTIAL, .agency = agency};
    const struct seen first = seen_of(&run);
    rotate(&run, OVERLAP_S);
    const struct seen last = seen_of(&run);
    assert_string_equal(last.active.record.token, first.active.record.token);
    assert_true(hsm_public_key_eq(&last.active.record.key, &first.active.record.key));
    assert_memory_not_equal(last.active.id, first.active.id, 32);
    assert_true(last.active.record.not_before <= home.clock.now - LW_DAY_S);
}

static void killed_at_any_moment_it_goes_on(void **state)
{
    (void)state;
    const struct run run = {.mode = "rotate", .purpose = HSM_PURPOSE_CREDENTIAL, .agency = agency};
    const struct run go_on = {.mode = "advance", .agency = ""};
    size_t killed = 0;
    (void)new_license(old_number);
    sync_before();
    for (long i = 0; i < KILLS; i++) {
        killed += run_child(&run, false, (i + 1) * WINDOW_MS / KILLS) ? 1 : 0;
        nobody_fails();
    }
    assert_true(killed > 0);
    (void)run_child(&run, false, -1);
    advance();
    home.clock.now = ready_at(&run);
    sync_before();
    for (long i = 0; i < KILLS; i++) {
        (void)run_child(&go_on, false, (i + 1) * WINDOW_MS / KILLS);
        nobody_fails();
    }
    advance();
    assert_int_equal(seen_of(&run).published_count, 0);
    nobody_fails();
}

static int make(void **state)
{
    (void)state;
    LW_AUTO_BUF pin = LW_BUF(128);
    struct wallet_sync_result result;
    support_home_make(&home);
    support_path(home.folder, "before", before);
    support_path(home.folder, "after", after);
    support_pin(&home, &pin);
    must(support_sync(&home, before, lw_buf_text(&pin), &result));
    must(support_sync(&home, after, lw_buf_text(&pin), &result));
    return 0;
}

static int drop(void **state)
{
    (void)state;
    support_home_drop(&home);
    return 0;
}

static int run_as_child(char **argv)
{
    home.config = (struct wallet_home_config){.base_url = SUPPORT_BASE_URL,
                                              .country = "CN",
                                              .authority = "Example City",
                                              .token_label = "test",
                                              .signers = 1,
                                              .token_deadline_ms = 20000,
                                              .development = true};
    return child(argv);
}

int main(int argc, char **argv)
{
    if (argc == 9 && strcmp(argv[1], "--child") == 0) {
        return run_as_child(argv);
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_signer_of_credentials_rotates),
        cmocka_unit_test(the_signer_of_status_lists_rotates),
        cmocka_unit_test(the_list_key_rotates),
        cmocka_unit_test(the_ca_rotates_and_certifies_what_comes_after),
        cmocka_unit_test(the_other_signers_rotate),
        cmocka_unit_test(the_signer_of_mobile_documents_rotates),
        cmocka_unit_test(the_keys_that_wrap_rotate),
        cmocka_unit_test(a_certificate_is_renewed_and_the_old_one_verifies_on),
        cmocka_unit_test(killed_at_any_moment_it_goes_on),
    };
    return cmocka_run_group_tests(tests, make, drop);
}
