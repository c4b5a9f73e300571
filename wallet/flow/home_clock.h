/*
 * Is the clock to be believed where a step cannot be taken back? Lists that retire, what is purged
 * and keys that are destroyed go by the time alone: a clock that shows 2038 for two seconds must
 * not end them. Private to wallet/flow.
 *
 * The clock is believed when an hour bears it out, in one of two ways:
 *
 *   the log    when the home is opened, the newest entry that is more than an hour old is at most
 *              48 hours old. Younger ones do not count: a clock that has jumped dates those of
 *              this opening, and of restarts since. 48 hours let a quiet weekend pass, and are far
 *              less than the jumps that end much at once.
 *   the watch  the wall clock has kept within an hour of the monotonic one for an hour. So a
 *              service that was off for a week, a machine that slept and a clock that was set right
 *              go on by themselves: what is put off so is never urgent, and an hour is time for
 * NTP.
 *
 * It does not help against a clock that stays wrong for more than an hour: `lw doctor` tells of it.
 */
#ifndef WALLET_HOME_CLOCK_H
#define WALLET_HOME_CLOCK_H

#include "home_internal.h"

/**
 * Begin the watch of a home that asks for it (watch_clock), before anything is written to its log.
 * A log that cannot be read bears nothing out.
 */
void home_clock_start(struct wallet_home *home);

#endif
