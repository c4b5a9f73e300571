/* The store, short of reading it whole; and the clock against what the store says. */
#define _POSIX_C_SOURCE 200809L

#include <sys/stat.h>

#include "doctor.h"
#include "count.h"
#include "lw/file.h"
#include "wallet/audit.h"
#include "wallet/flow_store.h"
#include "wallet/store_key.h"

enum {
    BACKUP_SOON_S = 2 * LW_DAY_S,
    CHECK_SOON_S = 35 * LW_DAY_S,
    SKEW_S = 300,
    QUIET_S = 48 * LW_HOUR_S,
    LAG_MANY = 10000
};

static void check_standing(struct doctor *d)
{
    static struct wallet_store_standing s;
    const lw_err err = wallet_flow_store_standing(d->home, &s);
    if (err.code != LW_OK) {
        doctor_say(d, DOCTOR_BAD, "Run `lw store check`.", "its log cannot be read: %s", err.why);
    } else if (s.other || s.older) {
        doctor_say(d, DOCTOR_BAD,
                   "Put the newest store back; if it is lost, see lw-store-adopt(1).",
                   s.other ? "it is the store of another home"
                           : "it is older than what this home has seen");
    } else if (s.copied) {
        doctor_say(d, DOCTOR_BAD,
                   "Make sure that the original is not in use, then `lw store adopt`.",
                   "it is a copy of another store");
    } else {
        doctor_say(d, DOCTOR_GOOD, NULL, "it opens, and is the newest: %s in its log",
                   CLI_COUNT_OF(s.size, "entry", "entries"));
    }
}

static void check_readers(struct doctor *d)
{
    static struct wallet_store_stat s;
    if (wallet_store_stat(wallet_home_store(d->home), &s).code != LW_OK) {
        return;
    }
    if (s.oldest_reader_pid != 0 && s.oldest_reader_lag > LAG_MANY) {
        doctor_say(d, DOCTOR_SOON, "End that process: what it reads cannot be used again.",
                   "process %lld has been reading for %s", (long long)s.oldest_reader_pid,
                   CLI_COUNT(s.oldest_reader_lag, "commit"));
    } else {
        doctor_say(d, DOCTOR_GOOD, NULL, "%llu MiB used, %llu of them free; no stale reader",
                   (unsigned long long)(s.used_bytes >> 20),
                   (unsigned long long)(s.free_bytes >> 20));
    }
}

static void check_age(struct doctor *d, const char *what, int64_t last, int64_t soon_s,
                      const char *advice)
{
    if (last == 0) {
        doctor_say(d, DOCTOR_SOON, advice, "no %s yet", what);
        return;
    }
    const int64_t age = d->now - last;
    const int64_t hours = age < 0 ? 0 : age / LW_HOUR_S; /* a clock that was set back is told of */
    doctor_say(d, age > soon_s ? DOCTOR_SOON : DOCTOR_GOOD, age > soon_s ? advice : NULL,
               "last %s: %s ago", what, CLI_COUNT((uint64_t)hours, "hour"));
}

void doctor_store(struct doctor *d)
{
    char path[CLI_PATH_MAX];
    struct stat info = {.st_mtim = {.tv_sec = 0}};
    if (d->home == NULL) {
        return;
    }
    check_standing(d);
    check_readers(d);
    check_age(d, "backup", wallet_flow_last_backup(&d->cli->home_config), BACKUP_SOON_S,
              "Back up every day: `lw store backup DIR`.");
    (void)snprintf(path, sizeof(path), "%.1000s/check.last", d->cli->home_dir);
    (void)stat(path, &info);
    check_age(d, "whole check", info.st_mtim.tv_sec, CHECK_SOON_S,
              "Check every month: `lw store check`.");
}

static void check_not_before(struct doctor *d, int64_t time, const char *what, bool *well)
{
    if (d->now + SKEW_S < time) {
        *well = false;
        doctor_say(d, DOCTOR_BAD, "Set the clock (NTP): nothing can be signed or verified by it.",
                   "the clock is %lld s before %s", (long long)(time - d->now), what);
    }
}

/* Past a home that nobody used for days, or by a jump: only who knows the time can tell. */
static void check_not_far(struct doctor *d, int64_t time, bool *well)
{
    if (d->now - QUIET_S > time) {
        *well = false;
        doctor_say(d, DOCTOR_SOON,
                   "Set the clock if it is wrong (NTP); an hour after `lw serve` starts it is "
                   "believed.",
                   "the clock is %s past the log: nothing is purged or destroyed by it yet",
                   CLI_COUNT((uint64_t)((d->now - time) / LW_DAY_S), "day"));
    }
}

void doctor_clock(struct doctor *d)
{
    struct wallet_audit_signed_head head = {.time = 0};
    struct wallet_signed_doc list = {.iat = 0};
    struct stat info;
    char path[CLI_PATH_MAX];
    bool well = true;
    WALLET_AUTO_TXN txn = NULL;
    if (d->home == NULL || wallet_read_begin(wallet_home_store(d->home), &txn).code != LW_OK) {
        return;
    }
    if (wallet_audit_last_signed(txn, &head).code == LW_OK) {
        check_not_before(d, head.time, "the newest signed head of the log", &well);
        check_not_far(d, head.time, &well);
    }
    if (wallet_store_trust_list_get(txn, 0, &list).code == LW_OK) {
        check_not_before(d, list.iat, "the trust list", &well);
    }
    (void)snprintf(path, sizeof(path), "%.1000s/store/data.mdb", d->cli->home_dir);
    if (stat(path, &info) == 0) {
        check_not_before(d, info.st_mtim.tv_sec, "the last write to the store", &well);
    }
    if (well) {
        doctor_say(d, DOCTOR_GOOD, NULL, "the clock is not before what was signed and written");
    }
}
