#define _GNU_SOURCE

#include "deadline.h"

#include <pthread.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>

enum { TICK_MS = 100, NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

struct idp_deadlines {
    const struct lw_clock *clock;
    pthread_mutex_t lock;
    pthread_cond_t news;
    struct idp_deadline *first;
    bool stopping;
    pthread_t thread;
};

static void shut_late(struct idp_deadlines *d, int64_t now_ms)
{
    for (struct idp_deadline *one = d->first; one != NULL; one = one->next) {
        if (one->at_ms <= now_ms) {
            (void)shutdown(one->fd, SHUT_RDWR); /* the library sees the end and closes it */
            one->at_ms = INT64_MAX;
        }
    }
}

/* The condition variable counts on CLOCK_MONOTONIC, whichever clock the deadlines are on. */
static void wait_tick(struct idp_deadlines *d)
{
    const int64_t until = lw_clock_system()->mono_ns(NULL) + (int64_t)TICK_MS * NS_PER_MS;
    const struct timespec ts = {.tv_sec = (time_t)(until / NS_PER_S),
                                .tv_nsec = (long)(until % NS_PER_S)};
    (void)pthread_cond_timedwait(&d->news, &d->lock, &ts);
}

static void *watch(void *arg)
{
    struct idp_deadlines *d = arg;
    (void)pthread_mutex_lock(&d->lock);
    while (!d->stopping) {
        wait_tick(d);
        shut_late(d, lw_mono_ms(d->clock));
    }
    (void)pthread_mutex_unlock(&d->lock);
    return NULL;
}

lw_err idp_deadlines_start(const struct lw_clock *clock, struct idp_deadlines **deadlines)
{
    struct idp_deadlines *d = calloc(1, sizeof(*d));
    if (d == NULL) {
        return LW_FAIL(LW_E_NOMEM, "deadline: out of memory", LW_NOWHERE);
    }
    pthread_condattr_t attributes;
    d->clock = clock;
    (void)pthread_mutex_init(&d->lock, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&d->news, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    if (pthread_create(&d->thread, NULL, watch, d) != 0) {
        free(d);
        return LW_FAIL(LW_E_NOMEM, "deadline: cannot start a thread", LW_NOWHERE);
    }
    *deadlines = d;
    return LW_SUCCESS;
}

void idp_deadlines_add(struct idp_deadlines *d, struct idp_deadline *one)
{
    (void)pthread_mutex_lock(&d->lock);
    one->prev = NULL;
    one->next = d->first;
    if (d->first != NULL) {
        d->first->prev = one;
    }
    d->first = one;
    (void)pthread_mutex_unlock(&d->lock);
}

void idp_deadlines_move(struct idp_deadlines *d, struct idp_deadline *one, int64_t at_ms)
{
    (void)pthread_mutex_lock(&d->lock);
    one->at_ms = at_ms;
    (void)pthread_mutex_unlock(&d->lock);
}

void idp_deadlines_remove(struct idp_deadlines *d, struct idp_deadline *one)
{
    (void)pthread_mutex_lock(&d->lock);
    if (one->prev != NULL) {
        one->prev->next = one->next;
    } else {
        d->first = one->next;
    }
    if (one->next != NULL) {
        one->next->prev = one->prev;
    }
    (void)pthread_mutex_unlock(&d->lock);
}

bool idp_deadlines_quiet(struct idp_deadlines *d, unsigned count)
{
    unsigned there = 0;
    bool unread = false;
    (void)pthread_mutex_lock(&d->lock);
    for (const struct idp_deadline *one = d->first; one != NULL; one = one->next) {
        int bytes = 0;
        unread = unread || (ioctl(one->fd, FIONREAD, &bytes) == 0 && bytes > 0);
        there++;
    }
    (void)pthread_mutex_unlock(&d->lock);
    return there == count && !unread;
}

void idp_deadlines_stop(struct idp_deadlines *d)
{
    if (d == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&d->lock);
    d->stopping = true;
    (void)pthread_cond_signal(&d->news);
    (void)pthread_mutex_unlock(&d->lock);
    (void)pthread_join(d->thread, NULL);
    (void)pthread_cond_destroy(&d->news);
    (void)pthread_mutex_destroy(&d->lock);
    free(d);
}
