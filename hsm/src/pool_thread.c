#define _GNU_SOURCE

#include <limits.h>
#include <poll.h>
#include <unistd.h>

#include "pool_private.h"

enum { LIFE_DEADLINES = 4, REAP_TICK_MS = 2, AILMENT_MS = 10000, WAIT_MAX_MS = 60000 };

void pool_finish(struct hsm_pool *pool, struct hsm_job *job, lw_err err)
{
    job->err = err;
    job_list_add(&pool->done, job);
}

/* Tells the callers outside the lock: they may queue their next job at once. */
static void complete(struct hsm_pool *pool)
{
    const size_t count = pool->done.count;
    if (count == 0) {
        return;
    }
    (void)pthread_mutex_lock(&pool->lock);
    pool->outstanding -= count;
    (void)pthread_mutex_unlock(&pool->lock);
    struct hsm_job *job = NULL;
    while ((job = job_list_pop(&pool->done)) != NULL) {
        job->done(job); /* the job may be gone when it returns */
    }
}

static bool is_any_ready(const struct hsm_pool *pool)
{
    bool ready = false;
    for (unsigned i = 0; i < pool->config.processes && !ready; i++) {
        ready = pool->signers[i].state == SIGNER_READY;
    }
    return ready;
}

static void tell_state(struct hsm_pool *pool)
{
    int64_t cpu_us = pool->ended_cpu_us;
    for (unsigned i = 0; i < pool->config.processes; i++) {
        cpu_us += pool->signers[i].cpu_us;
    }
    const bool ready = is_any_ready(pool);
    /* Who sends no work to what is ill would never see it well again. */
    if (pool->ailment.code != LW_OK &&
        lw_mono_ms(pool->config.clock) - pool->ailment_ms >= AILMENT_MS) {
        pool->ailment = LW_SUCCESS;
    }
    lw_err health = ready ? pool->ailment : pool->fault;
    if (!ready && health.code == LW_OK) {
        health = LW_FAIL(LW_E_TOKEN, "pool: the signers are starting", LW_NOWHERE);
    }
    (void)pthread_mutex_lock(&pool->lock);
    pool->health = health;
    pool->cpu_us = cpu_us;
    if (!pool->settled && (ready || pool->fault.code != LW_OK)) {
        pool->settled = true;
        (void)pthread_cond_broadcast(&pool->settled_cond);
    }
    (void)pthread_mutex_unlock(&pool->lock);
}

static void fail_all(struct hsm_pool *pool, struct job_list *list, lw_err err)
{
    struct hsm_job *job = NULL;
    while ((job = job_list_pop(list)) != NULL) {
        pool_finish(pool, job, err);
    }
}

/* Without a token nobody waits for one: the answer is "not now", at once. */
static void fail_without_token(struct hsm_pool *pool)
{
    if (pool->fault.code == LW_OK || is_any_ready(pool)) {
        return;
    }
    const lw_err err = LW_FAIL(LW_E_TOKEN, pool->fault.why, LW_NOWHERE);
    fail_all(pool, &pool->suspects, err);
    fail_all(pool, &pool->waiting, err);
}

static int64_t life_ms(const struct hsm_pool *pool)
{
    return LIFE_DEADLINES * pool->config.deadline_ms;
}

/* Lists are about in the order of birth, so that only the heads need a look. */
static void expire(struct hsm_pool *pool, struct job_list *list, int64_t now_ms)
{
    while (list->head != NULL && now_ms - list->head->born_ms >= life_ms(pool)) {
        pool_finish(pool, job_list_pop(list),
                    LW_FAIL(LW_E_TIMEOUT, "pool: not done in time", LW_NOWHERE));
    }
}

static int64_t sooner(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t end_of_head(const struct hsm_pool *pool, const struct job_list *list)
{
    return list->head == NULL || list->head->op == HSM_WIRE_PING
               ? INT64_MAX
               : list->head->born_ms + life_ms(pool);
}

/* When something is due though nobody calls, as a time to wait. */
static int wait_ms(const struct hsm_pool *pool, int64_t now_ms)
{
    int64_t due = now_ms + WAIT_MAX_MS;
    due = sooner(due, end_of_head(pool, &pool->waiting));
    due = sooner(due, end_of_head(pool, &pool->suspects));
    bool starting = pool->pin_refused;
    for (unsigned i = 0; i < pool->config.processes; i++) {
        starting = starting || pool->signers[i].state == SIGNER_STARTING;
    }
    for (unsigned i = 0; i < pool->config.processes; i++) {
        const struct signer_process *signer = &pool->signers[i];
        due = sooner(due, end_of_head(pool, &signer->flying));
        switch (signer->state) {
        case SIGNER_ENDING:
            due = sooner(due, now_ms + REAP_TICK_MS);
            break;
        case SIGNER_DOWN:
            due = starting ? due : sooner(due, signer->when_ms);
            break;
        case SIGNER_STARTING:
        case SIGNER_READY:
            due = sooner(due, signer->when_ms);
            break;
        }
    }
    return due <= now_ms ? 0 : (int)(due - now_ms);
}

/* returns whether the pool is to stop */
static bool take_queue(struct hsm_pool *pool, bool *empty)
{
    (void)pthread_mutex_lock(&pool->lock);
    const bool stopping = pool->stopping;
    *empty = pool->queue.count == 0;
    job_list_join(&pool->waiting, &pool->queue);
    pool->worth = pool_worth(pool);
    (void)pthread_mutex_unlock(&pool->lock);
    return stopping;
}

static void listen_and_watch(struct hsm_pool *pool, const struct pollfd *fds, int64_t now_ms)
{
    for (unsigned i = 0; i < pool->config.processes; i++) {
        struct signer_process *signer = &pool->signers[i];
        if (signer->fd < 0) {
            continue;
        }
        if (fds[i].fd == signer->fd && fds[i].revents != 0) {
            if (!pool_listen(pool, signer, now_ms)) {
                pool_lose(pool, signer, now_ms, false);
            }
        } else if (now_ms >= signer->when_ms &&
                   (signer->state == SIGNER_STARTING || signer->flying.count > 0)) {
            pool_lose(pool, signer, now_ms, true);
        }
        expire(pool, &signer->flying, now_ms);
    }
}

/* Waits for the signers, for callers, or until something is due. */
static void wait_for_news(struct hsm_pool *pool, struct pollfd *fds, int64_t now_ms)
{
    bool empty = false;
    const unsigned processes = pool->config.processes;
    for (unsigned i = 0; i < processes; i++) {
        fds[i] = (struct pollfd){.fd = pool->signers[i].fd, .events = POLLIN};
    }
    fds[processes] = (struct pollfd){.fd = pool->wake_fd, .events = POLLIN};
    /* First announced, then looked: who queues after the look finds us asleep and wakes us. */
    atomic_store(&pool->asleep, true);
    const bool stopping = take_queue(pool, &empty);
    const int timeout = stopping || !empty ? 0 : wait_ms(pool, now_ms);
    if (poll(fds, processes + 1, timeout) < 0) {
        for (unsigned i = 0; i <= processes; i++) {
            fds[i].revents = 0;
        }
    }
    atomic_store(&pool->asleep, false);
    if (fds[processes].revents != 0) {
        uint64_t wakes = 0;
        const ssize_t got = read(pool->wake_fd, &wakes, sizeof(wakes));
        (void)got; /* non-blocking; only its being readable matters */
    }
}

void *pool_thread(void *arg)
{
    struct hsm_pool *pool = arg;
    struct pollfd fds[HSM_PROCESSES_MAX + 1];
    bool empty = false;
    while (!take_queue(pool, &empty)) {
        const int64_t now_ms = lw_mono_ms(pool->config.clock);
        pool_reap(pool, now_ms);
        pool_start_due(pool, now_ms);
        expire(pool, &pool->waiting, now_ms);
        expire(pool, &pool->suspects, now_ms);
        fail_without_token(pool);
        pool_feed(pool, now_ms);
        tell_state(pool);
        complete(pool);
        wait_for_news(pool, fds, now_ms);
        listen_and_watch(pool, fds, lw_mono_ms(pool->config.clock));
    }
    const lw_err closed = LW_FAIL(LW_E_TOKEN, "pool: closed", LW_NOWHERE);
    for (unsigned i = 0; i < pool->config.processes; i++) {
        struct signer_process *signer = &pool->signers[i];
        struct hsm_job *job = NULL;
        while ((job = job_list_pop(&signer->flying)) != NULL) {
            if (job->op != HSM_WIRE_PING) {
                pool_finish(pool, job, closed);
            }
        }
    }
    fail_all(pool, &pool->suspects, closed);
    fail_all(pool, &pool->waiting, closed);
    pool_end_all(pool);
    complete(pool);
    return NULL;
}
