/* What is published, and the service that publishes it. */
#include <stdio.h>

#include "doctor.h"
#include "count.h"
#include "idp/client.h"
#include "wallet/status_publish.h"
#include "wallet/store_key.h"
#include "wallet/store_status.h"

enum {
    PAGE = 16,
    TIMEOUT_MS = 3000,
    BODY_MAX = 64 * 1024,
    URI_BYTES = 512,
    CRL_LATE_S = 8 * LW_DAY_S, /* a day after it was due */
    LIST_LATE_S = 2 * WALLET_STATUS_TTL_S,
};

static const char run_service[] = "Start the service (`lw serve`): it signs them anew in time.";

static void check_doc(struct doctor *d, const char *what, const struct wallet_signed_doc *doc,
                      const char *advice)
{
    const enum doctor_grade grade = doctor_grade_end(d->now, doc->exp, LW_DAY_S);
    const bool over = grade == DOCTOR_BAD;
    const int64_t hours = (over ? d->now - doc->exp : doc->exp - d->now) / LW_HOUR_S;
    doctor_say(d, grade, grade == DOCTOR_GOOD ? NULL : advice, "%s, version %llu, %s %s%s", what,
               (unsigned long long)doc->version, over ? "ended" : "ends in",
               CLI_COUNT((uint64_t)hours, "hour"), over ? " ago" : "");
}

/* Used, and not signed for two times its ttl, which is the slowest cadence. */
static bool is_late(const struct wallet_stored_list *list, int64_t now)
{
    return list->allocated > 0 && now - list->token_iat > LIST_LATE_S;
}

static void say_late(struct doctor *d, const struct wallet_stored_list *late)
{
    if (late->number != 0) {
        doctor_say(d, DOCTOR_SOON,
                   "`lw serve` signs it; if that runs, its log and the keys above say why not.",
                   "status list %llu of %s, and perhaps others, waits to be signed anew",
                   (unsigned long long)late->number, late->agency);
    }
}

static void check_status_lists(struct doctor *d, const struct wallet_txn *txn)
{
    struct wallet_page page = {.len = 0};
    size_t fresh = 0;
    size_t ended = 0;
    size_t unsigned_lists = 0;
    struct wallet_stored_list late = {.agency = ""}; /* the first that waits */
    while (!page.end) {
        struct wallet_stored_list lists[PAGE];
        size_t count = PAGE;
        if (wallet_store_status_list_page(txn, LW_STR(""), &page, lists, &count).code != LW_OK) {
            doctor_say(d, DOCTOR_BAD, "Run `lw store check`.", "the status lists are damaged");
            return;
        }
        for (size_t i = 0; i < count; i++) {
            if (lists[i].retired) {
                continue;
            }
            const bool signed_once = lists[i].token_exp != 0;
            const bool good = signed_once && lists[i].token_exp > d->now;
            if (late.number == 0 && is_late(&lists[i], d->now)) {
                late = lists[i];
            }
            fresh += good ? 1 : 0;
            ended += signed_once && !good ? 1 : 0;
            unsigned_lists += !signed_once && lists[i].allocated > 0 ? 1 : 0;
        }
    }
    if (ended + unsigned_lists > 0) {
        doctor_say(d, DOCTOR_BAD, run_service,
                   "%s ended and %s never signed: their licenses cannot be verified",
                   CLI_COUNT_OF(ended, "status list has", "status lists have"),
                   CLI_COUNT_OF(unsigned_lists, "was", "were"));
    } else {
        doctor_say(d, DOCTOR_GOOD, NULL, "%s fresh",
                   CLI_COUNT_OF(fresh, "status list is", "status lists are"));
    }
    say_late(d, &late);
}

/* A list that is read under the CA key's label, once for all certificates of the key. */
static void check_crl(struct doctor *d, const struct wallet_txn *txn,
                      const struct wallet_key_record *ca)
{
    struct wallet_signed_doc doc;
    char what[URI_BYTES];
    if (wallet_store_crl_get(txn, lw_str_c(ca->token), &doc).code != LW_OK) {
        doctor_say(d, DOCTOR_BAD, "Sign it: `lw cert crl`.", "there is no CRL of the key %s",
                   ca->token);
        return;
    }
    const int64_t age = (d->now - doc.iat) / LW_DAY_S;
    (void)snprintf(what, sizeof(what), "CRL, of the key %s", ca->token);
    if (d->now - doc.iat > CRL_LATE_S && doc.exp - d->now >= LW_DAY_S) {
        doctor_say(d, DOCTOR_SOON, "It is signed anew every 7 days: `lw cert crl`, or `lw serve`.",
                   "%s, was signed %s ago", what, CLI_COUNT((uint64_t)age, "day"));
        return;
    }
    check_doc(d, what, &doc, "Sign it anew: `lw cert crl`, or start the service (`lw serve`).");
}

static void check_crls(struct doctor *d, const struct wallet_txn *txn)
{
    struct wallet_page page = {.len = 0};
    while (!page.end) {
        struct wallet_key_record keys[PAGE];
        size_t count = PAGE;
        if (wallet_store_key_page(txn, &page, keys, &count).code != LW_OK) {
            return; /* the keys' family tells */
        }
        for (size_t i = 0; i < count; i++) {
            const bool signs =
                keys[i].state == WALLET_KEY_ACTIVE || keys[i].state == WALLET_KEY_RETIRED;
            if (keys[i].purpose == HSM_PURPOSE_CA && signs &&
                keys[i].compromised == WALLET_KEY_NEVER &&
                strcmp(keys[i].label, keys[i].token) == 0) {
                check_crl(d, txn, &keys[i]);
            }
        }
    }
}

void doctor_lists(struct doctor *d)
{
    struct wallet_signed_doc doc;
    WALLET_AUTO_TXN txn = NULL;
    if (d->home == NULL || wallet_read_begin(wallet_home_store(d->home), &txn).code != LW_OK) {
        return;
    }
    check_status_lists(d, txn);
    if (wallet_store_trust_list_get(txn, 0, &doc).code == LW_OK) {
        check_doc(d, "trust list", &doc, run_service);
    }
    check_crls(d, txn);
}

static const char unix_prefix[] = "unix:";

static void check_answer(struct doctor *d, const char *listen)
{
    char uri[URI_BYTES];
    LW_AUTO_BUF body = LW_BUF(BODY_MAX);
    struct idp_fetch_result result;
    const bool local = lw_str_starts(lw_str_c(listen), lw_str_c(unix_prefix));
    const struct idp_fetch_limits limits = {.timeout_ms = TIMEOUT_MS,
                                            .body_max = BODY_MAX,
                                            .loopback_http = true,
                                            .socket =
                                                local ? listen + sizeof(unix_prefix) - 1 : NULL};
    (void)snprintf(uri, sizeof(uri), "http://%s/readyz", local ? "localhost" : listen);
    const lw_err err = idp_fetch(&limits, lw_str_c(uri), "application/json", &body, &result);
    if (err.code == LW_OK) {
        doctor_say(d, DOCTOR_GOOD, NULL, "it runs and is ready, on %s", listen);
    } else if (result.status != 0) {
        doctor_say(d, DOCTOR_BAD, "Its log says why; the lines above may, too.",
                   "it runs on %s and is not ready", listen);
    } else {
        doctor_say(d, DOCTOR_SOON, "Start it: `lw serve`, or the unit license-wallet.service.",
                   "nothing answers on %s", listen);
    }
}

void doctor_service(struct doctor *d)
{
    if (d->configured) {
        check_answer(d, d->cli->config.listen);
    }
}
