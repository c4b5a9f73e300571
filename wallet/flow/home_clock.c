/* The watch over the clock. */
#include "home_clock.h"

enum { STEADY_S = LW_HOUR_S, QUIET_S = 48 * LW_HOUR_S, MS_PER_S = 1000 };

/* An erased entry tells no time and counts as young: that can only make the log seem older. */
static lw_err entry_is_old(const struct wallet_txn *txn, uint64_t index, int64_t before,
                           int64_t *time, bool *old)
{
    struct wallet_audit_leaf leaf;
    LW_TRY(wallet_audit_get(txn, index, &leaf));
    *old = !leaf.erased && leaf.event.time < before;
    *time = *old ? leaf.event.time : *time;
    return LW_SUCCESS;
}

/*
 * The newest entry before a time, by halves. Where times go back in the log, another old entry that
 * a younger one follows may be found; that costs an hour of watch at most.
 */
static lw_err newest_old(const struct wallet_txn *txn, int64_t before, int64_t *time, bool *found)
{
    uint8_t root[WALLET_HASH_LEN];
    uint64_t low = 0;
    uint64_t high = 0;
    *found = false;
    LW_TRY(wallet_audit_head(txn, &high, root));
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;
        bool old = false;
        LW_TRY(entry_is_old(txn, middle, before, time, &old));
        *found = *found || old;
        low = old ? middle + 1 : low;
        high = old ? high : middle;
    }
    return LW_SUCCESS;
}

/* A log without an old entry is a new home's: nothing in it has ended. */
static bool log_bears_out(struct wallet_home *home, int64_t now)
{
    WALLET_AUTO_TXN txn = NULL;
    int64_t time = now;
    bool found = false;
    return wallet_read_begin(home->store, &txn).code == LW_OK &&
           newest_old(txn, now - STEADY_S, &time, &found).code == LW_OK &&
           (!found || time >= now - QUIET_S);
}

void home_clock_start(struct wallet_home *home)
{
    if (!home->config->watch_clock) {
        return;
    }
    const int64_t now = lw_now(home->env->clock);
    const int64_t mono = lw_mono_ms(home->env->clock) / MS_PER_S;
    const bool believed = log_bears_out(home, now);
    home->watch = (struct home_watch){.believed = believed,
                                      .ahead = now - mono,
                                      .doubts = !believed,
                                      .doubted = now - mono,
                                      .since = mono};
}

static bool near(int64_t a, int64_t b)
{
    return a - b <= STEADY_S && b - a <= STEADY_S;
}

static bool look(struct home_watch *w, int64_t now, int64_t mono)
{
    const int64_t ahead = now - mono;
    if (w->believed && near(ahead, w->ahead)) {
        w->doubts = false;
        return true;
    }
    if (!w->doubts || !near(ahead, w->doubted)) {
        w->doubts = true;
        w->doubted = ahead;
        w->since = mono;
    }
    if (mono - w->since < STEADY_S) {
        return false;
    }
    w->believed = true;
    w->ahead = ahead;
    w->doubts = false;
    return true;
}

bool wallet_home_clock_holds(struct wallet_home *home, int64_t now)
{
    if (!home->config->watch_clock) {
        return true;
    }
    (void)pthread_mutex_lock(&home->lock);
    const bool holds = look(&home->watch, now, lw_mono_ms(home->env->clock) / MS_PER_S);
    const bool news = home->watch.told == holds;
    home->watch.told = !holds;
    (void)pthread_mutex_unlock(&home->lock);
    if (news) {
        lw_log_line(home->env->log, holds ? LW_INFO : LW_WARN,
                    holds ? "clock_believed" : "clock_doubted", NULL, 0);
    }
    return holds;
}
