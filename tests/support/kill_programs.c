#define _GNU_SOURCE

#include "kill_programs.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fault.h"
#include "hsm/rng.h"
#include "wallet/flow_issue.h"

enum { NS_PER_US = 1000, US_PER_S = 1000000, ARGS_MAX = 24 };

static void hold_that(bool condition, const char *what)
{
    if (!condition) {
        fprintf(stderr, "test support: %s\n", what);
        abort();
    }
}

uint64_t kill_below(uint64_t bound)
{
    uint64_t n = 0;
    hold_that(lw_rng_below(hsm_rng_system(), bound, &n).code == LW_OK, "no random bytes");
    return n;
}

int64_t kill_now_us(void)
{
    return lw_mono_ns(lw_clock_system()) / NS_PER_US;
}

void kill_pause_us(uint64_t us)
{
    const struct timespec pause = {.tv_sec = (time_t)(us / US_PER_S),
                                   .tv_nsec = (long)(us % US_PER_S) * NS_PER_US};
    (void)nanosleep(&pause, NULL);
}

/* Starts `lw` with arguments up to NULL; what it says goes to log files in the folder. */
pid_t kill_start(const struct kill_programs *run, const char *const *args)
{
    char log[SUPPORT_PATH_MAX];
    const char *argv[ARGS_MAX] = {LW_BIN_DIR "/lw"};
    size_t n = 1;
    for (; args[n - 1] != NULL; n++) {
        hold_that(n < ARGS_MAX - 1, "a program of the test");
        argv[n] = args[n - 1];
    }
    support_path(run->home.folder, "log", log);
    const pid_t pid = support_fault_fork();
    hold_that(pid >= 0, "a program of the test");
    if (pid == 0) {
        const int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
        (void)dup2(fd, STDOUT_FILENO);
        (void)dup2(fd, STDERR_FILENO);
        (void)setenv("LW_HOME", run->home.dir, 1);
        union {
            const char *const *in;
            char *const *out;
        } p = {.in = argv};
        (void)execv(argv[0], p.out);
        _exit(127);
    }
    return pid;
}

int kill_ended(pid_t pid)
{
    int status = 0;
    hold_that(waitpid(pid, &status, 0) == pid, "a program of the test");
    return WIFEXITED(status) ? WEXITSTATUS(status) : KILL_KILLED;
}

/* Runs a command and kills it after a while, or lets it be. returns its exit code or KILL_KILLED */
int kill_command(struct kill_programs *run, bool let_be, const char *const *args)
{
    const int64_t begun = kill_now_us();
    const pid_t pid = kill_start(run, args);
    if (!let_be) {
        kill_pause_us(kill_below((uint64_t)run->typical_us * 3 / 2));
        (void)kill(pid, SIGKILL);
    }
    const int code = kill_ended(pid);
    if (let_be) {
        run->typical_us = kill_now_us() - begun;
    }
    return code;
}

void kill_must_run(struct kill_programs *run, const char *const *args)
{
    hold_that(kill_command(run, true, args) == 0, "a program of the test");
}

/* The next start, in this test's own child. */
static void look(struct kill_programs *run, bool all)
{
    struct support_home *h = &run->home;
    size_t voided = 0;
    /* The clock stands, so that what is stale for the check was so when it could be voided. */
    lw_clock_fixed_init(&h->clock, lw_now(lw_clock_system()));
    h->env.clock = &h->clock.clock;
    lw_err err = wallet_home_open(&h->config, &h->env, WALLET_HOME_SIGN, &h->home);
    err = err.code == LW_OK ? wallet_flow_recover(h->home, &voided) : err;
    if (err.code != LW_OK) {
        kill_violation(run->ledger, "the next start fails", err);
        _exit(1);
    }
    kill_check(h, run->ledger, run->round, all);
    if (all) {
        kill_check_whole(h, run->ledger);
    }
    WALLET_AUTO_TXN txn = NULL;
    if (wallet_read_begin(wallet_home_store(h->home), &txn).code != LW_OK) {
        _exit(1);
    }
    if (run->also != NULL) {
        run->also(run, txn);
    }
    wallet_txn_end(txn);
    txn = NULL;
    _exit(0);
}

void kill_look(struct kill_programs *run, bool all)
{
    const pid_t pid = support_fault_fork();
    hold_that(pid >= 0, "a program of the test");
    if (pid == 0) {
        look(run, all);
    }
    if (kill_ended(pid) != 0) {
        kill_violation(run->ledger, "the look failed", LW_SUCCESS);
    }
}

void kill_programs_make(struct kill_programs *run)
{
    char listen[64];
    struct support_home *h = &run->home;
    *run =
        (struct kill_programs){.port = 20000 + (unsigned)kill_below(20000), .typical_us = 200000};
    run->ledger = kill_ledger_new();
    (void)snprintf(run->url, sizeof(run->url), "http://localhost:%u", run->port);
    (void)snprintf(listen, sizeof(listen), "127.0.0.1:%u", run->port);
    support_folder(h->folder);
    support_path(h->folder, "home", h->dir);
    (void)snprintf(h->program, sizeof(h->program), "%s/lw-signer", LW_BIN_DIR);
    h->env = (struct wallet_env){.clock = lw_clock_system(), .rng = hsm_rng_system()};
    h->config = (struct wallet_home_config){.dir = h->dir,
                                            .base_url = run->url,
                                            .country = "CN",
                                            .authority = "Example City",
                                            .token_label = "license-wallet",
                                            .signer_program = h->program,
                                            .signers = 1,
                                            .token_deadline_ms = 20000,
                                            .development = true};
    const char *const init[] = {"init", "--url",         run->url, "--listen",
                                listen, "--development", NULL};
    const char *const load[] = {"catalog", "load", LW_SOURCE_DIR "/docs/example-city", NULL};
    kill_must_run(run, init);
    kill_must_run(run, load);
}

void kill_programs_drop(struct kill_programs *run)
{
    support_remove(run->home.folder);
}
