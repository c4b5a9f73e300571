#include "workers.h"

#include <pthread.h>
#include <stdlib.h>

struct idp_workers {
    pthread_mutex_t lock;
    pthread_cond_t news;
    struct idp_work *first;
    struct idp_work *last;
    unsigned waiting;
    unsigned queue_max;
    bool stopping;
    unsigned thread_count;
    pthread_t threads[];
};

/* Takes the next piece; NULL when the pool stops and nothing is left. */
static struct idp_work *take(struct idp_workers *w)
{
    (void)pthread_mutex_lock(&w->lock);
    while (w->first == NULL && !w->stopping) {
        (void)pthread_cond_wait(&w->news, &w->lock);
    }
    struct idp_work *work = w->first;
    if (work != NULL) {
        w->first = work->next;
        w->waiting--;
    }
    (void)pthread_mutex_unlock(&w->lock);
    return work;
}

static void *worker(void *arg)
{
    struct idp_workers *w = arg;
    struct idp_work *work = NULL;
    while ((work = take(w)) != NULL) {
        work->run(work);
    }
    return NULL;
}

lw_err idp_workers_start(unsigned threads, unsigned queue_max, struct idp_workers **workers)
{
    struct idp_workers *w = calloc(1, sizeof(*w) + threads * sizeof(w->threads[0]));
    if (w == NULL) {
        return LW_FAIL(LW_E_NOMEM, "workers: out of memory", LW_NOWHERE);
    }
    w->queue_max = queue_max;
    (void)pthread_mutex_init(&w->lock, NULL);
    (void)pthread_cond_init(&w->news, NULL);
    while (w->thread_count < threads) {
        if (pthread_create(&w->threads[w->thread_count], NULL, worker, w) != 0) {
            idp_workers_stop(w);
            return LW_FAIL(LW_E_NOMEM, "workers: cannot start a thread", LW_NOWHERE);
        }
        w->thread_count++;
    }
    *workers = w;
    return LW_SUCCESS;
}

bool idp_workers_put(struct idp_workers *w, struct idp_work *work)
{
    work->next = NULL;
    (void)pthread_mutex_lock(&w->lock);
    const bool room = w->waiting < w->queue_max && !w->stopping;
    if (room) {
        if (w->first == NULL) {
            w->first = work;
        } else {
            w->last->next = work;
        }
        w->last = work;
        w->waiting++;
        (void)pthread_cond_signal(&w->news);
    }
    (void)pthread_mutex_unlock(&w->lock);
    return room;
}

void idp_workers_stop(struct idp_workers *w)
{
    if (w == NULL) {
        return;
    }
    (void)pthread_mutex_lock(&w->lock);
    w->stopping = true;
    (void)pthread_cond_broadcast(&w->news);
    (void)pthread_mutex_unlock(&w->lock);
    for (unsigned i = 0; i < w->thread_count; i++) {
        (void)pthread_join(w->threads[i], NULL);
    }
    (void)pthread_cond_destroy(&w->news);
    (void)pthread_mutex_destroy(&w->lock);
    free(w);
}
