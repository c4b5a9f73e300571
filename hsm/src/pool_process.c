#define _GNU_SOURCE

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pool_private.h"

enum {
    BACKOFF_FIRST_MS = 10,
    BACKOFF_MAX_MS = 2000,
    BACKOFF_DOUBLINGS = 8,
    START_SLACK_MS = 2000, /* loading a module, beside its token calls */
    ENDING_MS = 200,       /* from the end of the socket to that of the process */
    CLOSING_TRIES = 100,   /* of CLOSING_TICK_MS, when the pool is closed */
    CLOSING_TICK_MS = 5,
    SILENT_DEATHS_MAX = 3, /* starts that end without a word before the token counts as absent */
    ATTEMPTS_MAX = 2,
};

/* The first restart is at once: a signer that was killed is back in milliseconds. */
static int64_t backoff_ms(unsigned failures)
{
    if (failures <= 1) {
        return 0;
    }
    const unsigned doublings = failures - 2 < BACKOFF_DOUBLINGS ? failures - 2 : BACKOFF_DOUBLINGS;
    const int64_t ms = (int64_t)BACKOFF_FIRST_MS << doublings;
    return ms < BACKOFF_MAX_MS ? ms : BACKOFF_MAX_MS;
}

void pool_fault(struct hsm_pool *pool, lw_err fault, uint64_t rv)
{
    char text[SIGNER_NUMBER_MAX];
    (void)snprintf(text, sizeof(text), "%#llx", (unsigned long long)rv);
    lw_log_err(pool->config.log, LW_ERROR, "token_unavailable", fault,
               (struct lw_field){.key = "rv", .value = lw_str_c(text)});
    pool->fault = fault;
}

static void start(struct hsm_pool *pool, struct signer_process *signer, int64_t now_ms)
{
    const struct hsm_pool_config *c = &pool->config;
    char deadline[SIGNER_NUMBER_MAX];
    char level[SIGNER_NUMBER_MAX];
    struct signer_command command = {
        .mode = "--serve",
        .program = c->program,
        .softhsm_conf = c->softhsm_conf,
        .stderr_fd = c->log == NULL ? -1 : c->log->fd,
    };
    signer_number(deadline, c->deadline_ms);
    signer_number(level, c->log == NULL ? -1 : (int64_t)c->log->least);
    signer_arg(&command, "--module", c->module);
    signer_arg(&command, "--token", c->token_label);
    signer_arg(&command, "--pin-file", c->pin_file);
    signer_arg(&command, "--deadline-ms", deadline);
    signer_arg(&command, "--log-level", level);
    if (c->softhsm_conf != NULL) {
        signer_arg(&command, "--softhsm-conf", c->softhsm_conf);
    }
    pid_t pid = 0;
    int fd = -1;
    const lw_err err = signer_spawn(&command, &pid, &fd);
    if (err.code != LW_OK) {
        signer->failures++;
        signer->when_ms = now_ms + backoff_ms(signer->failures);
        pool_fault(pool, err, 0);
        return;
    }
    signer->pid = pid;
    signer->fd = fd;
    signer->state = SIGNER_STARTING;
    signer->greeted = false;
    signer->killed = false;
    signer->solo = false;
    signer->when_ms = now_ms + 2 * c->deadline_ms + START_SLACK_MS;
}

void pool_start_due(struct hsm_pool *pool, int64_t now_ms)
{
    struct signer_process *due = NULL;
    for (unsigned i = 0; i < pool->config.processes; i++) {
        struct signer_process *signer = &pool->signers[i];
        if (signer->state == SIGNER_STARTING) {
            return;
        }
        if (due == NULL && signer->state == SIGNER_DOWN && now_ms >= signer->when_ms) {
            due = signer;
        }
    }
    if (due != NULL && !pool->pin_refused) {
        start(pool, due, now_ms);
    }
}

void pool_lose(struct hsm_pool *pool, struct signer_process *signer, int64_t now_ms, bool kill_it)
{
    if (kill_it) {
        lw_log_line(pool->config.log, LW_ERROR, "signer_killed", NULL, 0);
        (void)kill(signer->pid, SIGKILL);
        signer->killed = true;
    }
    if (kill_it && !signer->greeted) {
        pool_fault(pool, LW_FAIL(LW_E_TIMEOUT, "pool: the module hangs", LW_NOWHERE), 0);
    }
    signer->failures++;
    (void)close(signer->fd);
    signer->fd = -1;
    signer->state = SIGNER_ENDING;
    signer->when_ms = now_ms + ENDING_MS;
}

static bool was_killed_by_others(const struct signer_process *signer, int status)
{
    return !signer->killed && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

/* Made twice they would be two keys, or tell that one is gone that was there. */
static bool may_replay(const struct hsm_job *job)
{
    return job->op != HSM_WIRE_GENERATE && job->op != HSM_WIRE_GENERATE_WRAP &&
           job->op != HSM_WIRE_DESTROY;
}

/*
 * Each job in flight may be the one that ended the signer, unless somebody else killed it. Next
 * time it flies alone; a second end is then its own doing.
 */
static void suspect(struct hsm_pool *pool, struct signer_process *signer, int status)
{
    const bool by_others = was_killed_by_others(signer, status);
    const bool late =
        signer->killed || (WIFEXITED(status) && WEXITSTATUS(status) == HSM_SIGNER_EXIT_DEADLINE);
    struct hsm_job *job = NULL;
    while ((job = job_list_pop(&signer->flying)) != NULL) {
        job->attempts += by_others ? 0 : 1;
        if (job->op == HSM_WIRE_PING) {
            continue;
        }
        if (job->op == HSM_WIRE_LIST) {
            ((struct pool_call *)job)->keys_count = 0;
        }
        if (job->attempts >= ATTEMPTS_MAX && late) {
            pool_finish(pool, job, LW_FAIL(LW_E_TIMEOUT, "pool: the token hangs", LW_NOWHERE));
        } else if (job->attempts >= ATTEMPTS_MAX || !may_replay(job)) {
            pool_finish(pool, job,
                        LW_FAIL(LW_E_TOKEN, "pool: the request ended the signer", LW_NOWHERE));
        } else {
            job_list_add(&pool->suspects, job);
        }
    }
}

void pool_reap(struct hsm_pool *pool, int64_t now_ms)
{
    for (unsigned i = 0; i < pool->config.processes; i++) {
        struct signer_process *signer = &pool->signers[i];
        int status = 0;
        if (signer->state != SIGNER_ENDING) {
            continue;
        }
        const pid_t got = waitpid(signer->pid, &status, WNOHANG);
        if (got == 0 || (got < 0 && errno == EINTR)) {
            if (now_ms >= signer->when_ms) {
                (void)kill(signer->pid, SIGKILL);
                signer->killed = true;
                signer->when_ms = now_ms + ENDING_MS;
            }
            continue;
        }
        suspect(pool, signer, status);
        if (!signer->greeted && !signer->killed && !was_killed_by_others(signer, status) &&
            signer->failures >= SILENT_DEATHS_MAX) {
            pool_fault(pool, LW_FAIL(LW_E_TOKEN, "pool: lw-signer dies at start", LW_NOWHERE), 0);
        }
        pool->ended_cpu_us += signer->cpu_us;
        signer->cpu_us = 0;
        signer->state = SIGNER_DOWN;
        signer->when_ms = now_ms + backoff_ms(signer->failures);
    }
}

void pool_end_all(struct hsm_pool *pool)
{
    int tries_left = CLOSING_TRIES;
    for (unsigned i = 0; i < pool->config.processes; i++) {
        struct signer_process *signer = &pool->signers[i];
        if (signer->fd >= 0) {
            (void)close(signer->fd);
            signer->fd = -1;
            signer->state = SIGNER_ENDING;
        }
    }
    for (unsigned i = 0; i < pool->config.processes; i++) {
        struct signer_process *signer = &pool->signers[i];
        if (signer->state != SIGNER_ENDING) {
            continue;
        }
        pid_t got = waitpid(signer->pid, NULL, WNOHANG);
        while (got == 0 && tries_left > 0) {
            (void)poll(NULL, 0, CLOSING_TICK_MS);
            tries_left--; /* all of them together have half a second */
            got = waitpid(signer->pid, NULL, WNOHANG);
        }
        if (got == 0) {
            (void)kill(signer->pid, SIGKILL);
            (void)waitpid(signer->pid, NULL, 0);
        }
        signer->state = SIGNER_DOWN;
    }
}
