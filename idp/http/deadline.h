/*
 * Deadlines of connections. The server library's own time-out counts silence only, so a peer that
 * trickles a byte a second would live for ever: here the socket is shut down at the deadline
 * itself. Private to idp/http.
 */
#ifndef IDP_DEADLINE_H
#define IDP_DEADLINE_H

#include "lw/clock.h"

struct idp_deadlines;

/* One connection's; in place from add to remove. */
struct idp_deadline {
    int fd;
    int64_t at_ms; /* on the monotonic clock; INT64_MAX: none */
    struct idp_deadline *prev;
    struct idp_deadline *next;
};

/** Start the thread that watches. `clock` is borrowed. errors  LW_E_NOMEM */
LW_MUST_USE lw_err idp_deadlines_start(const struct lw_clock *clock,
                                       struct idp_deadlines **deadlines);

void idp_deadlines_add(struct idp_deadlines *deadlines, struct idp_deadline *deadline);
void idp_deadlines_move(struct idp_deadlines *deadlines, struct idp_deadline *deadline,
                        int64_t at_ms);

/** After this returns the socket will not be touched any more: call it before closing. */
void idp_deadlines_remove(struct idp_deadlines *deadlines, struct idp_deadline *deadline);

/** Return whether `count` connections are all there are, and none has sent what nobody has read. */
bool idp_deadlines_quiet(struct idp_deadlines *deadlines, unsigned count);

/** End the thread and free; every deadline was removed before. Accepts NULL. */
void idp_deadlines_stop(struct idp_deadlines *deadlines);

#endif
