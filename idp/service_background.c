/*
 * Once a second: tree heads, status lists on their cadence, the trust list, what has expired. Once
 * an hour: imports that nobody approved in time.
 */
#include "service_internal.h"
#include "wallet/flow_approve.h"
#include "wallet/flow_audit.h"
#include "wallet/merkle.h"
#include "wallet/flow_status.h"
#include "wallet/store_credential.h"
#include "wallet/store_grant.h"
#include "wallet/store_seen.h"
#include "wallet/store_status.h"

enum { PURGE_MAX = 256, PURGE_ROUNDS = 256, HEAD_MAX = 4096, LISTS_MAX = 256, LISTS_FIRST = 16 };
enum { HOUR_MS = 3600000 };

static void note(struct idp_service *service, const char *what, lw_err err)
{
    if (err.code != LW_OK) {
        atomic_fetch_add(&service->counters.background_errors, 1);
        lw_log_err(wallet_home_env(service->home)->log, LW_WARN, "background_failed", err,
                   (struct lw_field){.key = "what", .value = lw_str_c(what)});
    }
}

/* A verification of ours goes to the log at once; its head follows within a second. */
static lw_err sign_head(struct idp_service *service)
{
    LW_AUTO_BUF head = LW_BUF(HEAD_MAX);
    uint64_t size = 0;
    uint8_t root[WALLET_HASH_LEN];
    return wallet_flow_audit_head(service->home, &head, &size, root);
}

/* After a standstill every list is due: then a part each second, those that changed first. */
static lw_err publish(struct idp_service *service, size_t max)
{
    const struct wallet_publish_order order = {.cadence_s = atomic_load(&service->status_cadence_s),
                                               .max = max};
    size_t published = 0;
    LW_TRY(wallet_flow_publish(service->home, &order, &published));
    atomic_fetch_add(&service->counters.lists_signed, published);
    return LW_SUCCESS;
}

struct purging {
    int64_t now;
    bool holds; /* the clock: without it nothing has expired for good */
    bool more;  /* a part of what has expired is left */
};

static lw_err purge_expired(struct wallet_txn *txn, struct purging *p)
{
    size_t grants = 0;
    size_t passes = 0;
    size_t credentials = 0;
    size_t seen = 0;
    LW_TRY(wallet_store_grant_purge(txn, p->now, PURGE_MAX, &grants));
    LW_TRY(wallet_store_seen_purge(txn, p->now - WALLET_SEEN_KEPT_S, PURGE_MAX, &seen));
    LW_TRY(wallet_store_pass_purge(txn, p->now - LW_DAY_S, PURGE_MAX, &passes));
    LW_TRY(wallet_store_credential_purge(txn, p->now - LW_DAY_S, PURGE_MAX, &credentials));
    p->more =
        grants == PURGE_MAX || passes == PURGE_MAX || credentials == PURGE_MAX || seen == PURGE_MAX;
    return LW_SUCCESS;
}

static lw_err write_purge(struct wallet_txn *txn, void *ctx)
{
    struct purging *p = ctx;
    size_t entries = 0;
    p->more = false;
    if (p->holds) {
        LW_TRY(purge_expired(txn, p));
    }
    LW_TRY(wallet_store_status_purge(txn, PURGE_MAX, &entries)); /* of lists that have retired */
    p->more = p->more || entries == PURGE_MAX;
    return LW_SUCCESS;
}

/* In small writes, so that others come between; enough of them to keep up with what is made. */
static lw_err purge(struct idp_service *service)
{
    const int64_t now = lw_now(wallet_home_env(service->home)->clock);
    struct purging p = {
        .now = now, .holds = wallet_home_clock_holds(service->home, now), .more = true};
    for (size_t round = 0; p.more && round < PURGE_ROUNDS; round++) {
        LW_TRY(wallet_store_write(wallet_home_store(service->home), write_purge, &p));
    }
    return LW_SUCCESS;
}

/* Their registers lie sealed in the store until then, whether anybody calls a command or not. */
static lw_err close_late_approvals(struct idp_service *service)
{
    const struct lw_clock *clock = wallet_home_env(service->home)->clock;
    const int64_t now_ms = lw_mono_ms(clock);
    size_t closed = 0;
    if (now_ms < service->approvals_next_ms ||
        !wallet_home_clock_holds(service->home, lw_now(clock))) {
        return LW_SUCCESS;
    }
    service->approvals_next_ms = now_ms + HOUR_MS;
    LW_TRY(wallet_flow_approval_expire(service->home, &closed));
    if (closed > 0) { /* a few at a time: in a second the next */
        service->approvals_next_ms = now_ms;
    }
    return LW_SUCCESS;
}

/* A process that was killed while it read keeps pages from being used again. */
static lw_err tend(struct idp_service *service)
{
    unsigned cleared = 0;
    LW_TRY(wallet_store_tend(wallet_home_store(service->home), &cleared));
    if (cleared > 0) {
        lw_log_line(wallet_home_env(service->home)->log, LW_INFO, "dead_readers_cleared", NULL, 0);
    }
    return LW_SUCCESS;
}

void idp_background_first(struct idp_service *service)
{
    note(service, "status lists", publish(service, LISTS_FIRST));
}

void idp_background_step(struct idp_service *service)
{
    note(service, "keys", idp_keys_step(service)); /* first: the others sign */
    note(service, "tree head", sign_head(service));
    note(service, "status lists", publish(service, LISTS_MAX));
    note(service, "purge", purge(service));
    note(service, "approvals", close_late_approvals(service));
    note(service, "readers", tend(service));
}
