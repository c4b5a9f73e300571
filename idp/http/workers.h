/* A bounded pool of threads for work that waits. Private to idp/http. */
#ifndef IDP_WORKERS_H
#define IDP_WORKERS_H

#include <stdbool.h>

#include "lw/err.h"

struct idp_workers;

/* One piece of work; the caller keeps it in place until `run` was called. */
struct idp_work {
    void (*run)(struct idp_work *work);
    struct idp_work *next;
};

/** Start `threads` workers with room for `queue_max` pieces waiting. errors  LW_E_NOMEM */
LW_MUST_USE lw_err idp_workers_start(unsigned threads, unsigned queue_max,
                                     struct idp_workers **workers);

/** Queue `work`; false when the queue is full, then it will not run. */
bool idp_workers_put(struct idp_workers *workers, struct idp_work *work);

/** Run what is queued, then end the threads and free. Accepts NULL. */
void idp_workers_stop(struct idp_workers *workers);

#endif
