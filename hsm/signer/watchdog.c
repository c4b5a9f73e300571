#define _GNU_SOURCE

#include <pthread.h>
#include <time.h>
#include <unistd.h>

#include "signer.h"

enum { TICKS_PER_DEADLINE = 16, TICK_MIN_MS = 5, TICK_MAX_MS = 250, NS_PER_MS = 1000000 };

static int64_t tick_ms(int64_t deadline_ms)
{
    const int64_t tick = deadline_ms / TICKS_PER_DEADLINE;
    return tick < TICK_MIN_MS ? TICK_MIN_MS : (tick > TICK_MAX_MS ? TICK_MAX_MS : tick);
}

/* While nothing is asked of the token nobody needs to be woken 16 times a deadline. */
static void park(struct watchdog *w, unsigned seen)
{
    atomic_store(&w->parked, true);
    if (atomic_load(&w->calls) != seen && atomic_exchange(&w->parked, false)) {
        return;
    }
    while (sem_wait(&w->wake) != 0) {
        continue; /* a signal */
    }
}

static void *watch(void *arg)
{
    struct watchdog *w = arg;
    const int64_t tick = tick_ms(w->deadline_ms);
    const struct timespec pause = {.tv_sec = 0, .tv_nsec = (long)tick * NS_PER_MS};
    unsigned seen = atomic_load(&w->calls);
    int64_t waited_ms = 0;
    for (;;) {
        (void)nanosleep(&pause, NULL);
        const unsigned now = atomic_load(&w->calls);
        /* Ticks are counted, not clocks compared: a stopped process has not used its time. */
        waited_ms = now == seen ? waited_ms + tick : 0;
        seen = now;
        if (waited_ms < w->deadline_ms) {
            continue;
        }
        if (now % 2 != 0) {
            lw_log_line(w->log, LW_ERROR, "signer_deadline_missed", NULL, 0);
            _exit(HSM_SIGNER_EXIT_DEADLINE);
        }
        park(w, now);
        waited_ms = 0;
    }
    return NULL;
}

bool watchdog_start(struct watchdog *w, int64_t deadline_ms, const struct lw_log *log)
{
    pthread_t thread;
    w->deadline_ms = deadline_ms;
    w->log = log;
    if (sem_init(&w->wake, 0, 0) != 0 || pthread_create(&thread, NULL, watch, w) != 0) {
        return false;
    }
    return pthread_detach(thread) == 0;
}
