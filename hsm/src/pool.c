#define _GNU_SOURCE

#include "hsm/pool.h"

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "pool_private.h"

enum { DEADLINE_DEFAULT_MS = 5000, DEADLINE_MIN_MS = 100, DEADLINE_MAX_MS = 600000 };

static lw_err check_config(const struct hsm_pool_config *config)
{
    assert(config->program != NULL && config->module != NULL && config->token_label != NULL);
    assert(config->pin_file != NULL && config->clock != NULL);
    if (config->processes < 1 || config->processes > HSM_PROCESSES_MAX) {
        return LW_FAIL(LW_E_VALUE, "pool: number of processes outside 1 to 64", LW_NOWHERE);
    }
    if (config->deadline_ms != 0 &&
        (config->deadline_ms < DEADLINE_MIN_MS || config->deadline_ms > DEADLINE_MAX_MS)) {
        return LW_FAIL(LW_E_VALUE, "pool: deadline outside 100 to 600000 ms", LW_NOWHERE);
    }
    return LW_SUCCESS;
}

static const char *copy_text(const char *text, bool *whole)
{
    char *copy = text == NULL ? NULL : strdup(text);
    *whole = *whole && (text == NULL || copy != NULL);
    return copy;
}

static void free_text(const char *text)
{
    char *own = NULL;
    memcpy(&own, &text, sizeof(own)); /* ours since copy_text() */
    free(own);
}

static void free_pool(struct hsm_pool *pool)
{
    free_text(pool->config.program);
    free_text(pool->config.module);
    free_text(pool->config.token_label);
    free_text(pool->config.pin_file);
    free_text(pool->config.softhsm_conf);
    if (pool->wake_fd >= 0) {
        (void)close(pool->wake_fd);
    }
    (void)pthread_cond_destroy(&pool->settled_cond);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static struct hsm_pool *make_pool(const struct hsm_pool_config *config)
{
    struct hsm_pool *pool = calloc(1, sizeof(*pool));
    if (pool == NULL) {
        return NULL;
    }
    bool whole = true;
    pool->config = *config;
    pool->config.program = copy_text(config->program, &whole);
    pool->config.module = copy_text(config->module, &whole);
    pool->config.token_label = copy_text(config->token_label, &whole);
    pool->config.pin_file = copy_text(config->pin_file, &whole);
    pool->config.softhsm_conf = copy_text(config->softhsm_conf, &whole);
    if (pool->config.deadline_ms == 0) {
        pool->config.deadline_ms = DEADLINE_DEFAULT_MS;
    }
    pool->fault = LW_SUCCESS;
    pool->ailment = LW_SUCCESS;
    pool->health = LW_FAIL(LW_E_TOKEN, "pool: the signers are starting", LW_NOWHERE);
    for (unsigned i = 0; i < HSM_PROCESSES_MAX; i++) {
        pool->signers[i].fd = -1;
    }
    pool->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    whole = pthread_mutex_init(&pool->lock, NULL) == 0 && whole;
    whole = pthread_cond_init(&pool->settled_cond, NULL) == 0 && whole;
    if (!whole || pool->wake_fd < 0) {
        free_pool(pool);
        return NULL;
    }
    return pool;
}

/* A service's signals are for its own threads; those that report a fault are for the faulty. */
static int start_thread(struct hsm_pool *pool)
{
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    sigset_t blocked;
    sigset_t before;
    (void)sigfillset(&blocked);
    for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
        (void)sigdelset(&blocked, faults[i]);
    }
    (void)pthread_sigmask(SIG_SETMASK, &blocked, &before);
    const int rc = pthread_create(&pool->thread, NULL, pool_thread, pool);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    return rc;
}

lw_err hsm_pool_open(const struct hsm_pool_config *config, struct hsm_pool **pool)
{
    *pool = NULL;
    LW_TRY(check_config(config));
    struct hsm_pool *made = make_pool(config);
    if (made == NULL) {
        return LW_FAIL(LW_E_NOMEM, "pool: out of memory", LW_NOWHERE);
    }
    /* Signers are children of this thread: the kernel ends them should it ever end. */
    if (start_thread(made) != 0) {
        free_pool(made);
        return LW_FAIL(LW_E_IO, "pool: no thread", LW_NOWHERE);
    }
    (void)pthread_mutex_lock(&made->lock);
    while (!made->settled) {
        (void)pthread_cond_wait(&made->settled_cond, &made->lock);
    }
    const lw_err health = made->health;
    (void)pthread_mutex_unlock(&made->lock);
    if (health.code != LW_OK && !config->without_token) {
        hsm_pool_close(made);
        return health;
    }
    *pool = made;
    return LW_SUCCESS;
}

static void wake(struct hsm_pool *pool)
{
    if (atomic_load(&pool->asleep) && atomic_exchange(&pool->asleep, false)) {
        const uint64_t one = 1;
        const ssize_t put = write(pool->wake_fd, &one, sizeof(one));
        (void)put; /* fails only when the counter is full, and then it is readable */
    }
}

void hsm_pool_close(struct hsm_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&pool->lock);
    pool->stopping = true;
    (void)pthread_mutex_unlock(&pool->lock);
    wake(pool);
    (void)pthread_join(pool->thread, NULL);
    free_pool(pool);
}

static lw_err enqueue(struct hsm_pool *pool, struct job_list *list)
{
    const size_t count = list->count;
    (void)pthread_mutex_lock(&pool->lock);
    const bool full = count > HSM_QUEUE_MAX - pool->outstanding;
    if (!full) {
        pool->outstanding += count;
        job_list_join(&pool->queue, list);
    }
    const bool worth = pool->queue.count >= pool->worth;
    (void)pthread_mutex_unlock(&pool->lock);
    if (full) {
        return LW_FAIL(LW_E_BUSY, "pool: the signing queue is full", LW_NOWHERE);
    }
    if (worth) {
        wake(pool);
    }
    return LW_SUCCESS;
}

lw_err hsm_pool_submit(struct hsm_pool *pool, struct hsm_job *jobs, size_t count)
{
    const int64_t now_ms = lw_mono_ms(pool->config.clock);
    struct job_list list = {0};
    if (count == 0) {
        return LW_SUCCESS;
    }
    for (size_t i = 0; i < count; i++) {
        assert(jobs[i].done != NULL);
        jobs[i].op = HSM_WIRE_SIGN;
        jobs[i].attempts = 0;
        jobs[i].born_ms = now_ms;
        jobs[i].sig_len = 0;
        job_list_add(&list, &jobs[i]);
    }
    return enqueue(pool, &list);
}

lw_err pool_submit_call(struct hsm_pool *pool, struct pool_call *call)
{
    struct job_list list = {0};
    call->job.op = call->request.op;
    call->job.born_ms = lw_mono_ms(pool->config.clock);
    job_list_add(&list, &call->job);
    return enqueue(pool, &list);
}

lw_err hsm_pool_health(struct hsm_pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    const lw_err health = pool->health;
    (void)pthread_mutex_unlock(&pool->lock);
    return health;
}

int64_t hsm_pool_cpu_us(struct hsm_pool *pool)
{
    (void)pthread_mutex_lock(&pool->lock);
    const int64_t cpu_us = pool->cpu_us;
    (void)pthread_mutex_unlock(&pool->lock);
    return cpu_us;
}
