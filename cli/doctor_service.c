/* What is published, and the service that publishes it. */
#define _POSIX_C_SOURCE 200809L

#include <sys/stat.h>

#include "doctor.h"
#include "idp/client.h"
#include "wallet/store_key.h"
#include "wallet/store_status.h"

enum { PAGE = 16, TIMEOUT_MS = 3000, BODY_MAX = 64 * 1024, URI_BYTES = 512 };

static const char run_service[] = "Start the service (`lw serve`): it signs them anew in time.";

static void check_doc(struct doctor *d, const char *what, const struct wallet_signed_doc *doc,
                      const char *advice)
{
    const enum doctor_grade grade = doctor_grade_end(d->now, doc->exp, LW_DAY_S);
    doctor_say(d, grade, grade == DOCTOR_GOOD ? NULL : advice, "%s, version %llu, %s in %lld hours",
               what, (unsigned long long)doc->version, grade == DOCTOR_BAD ? "ended" : "ends",
               (long long)((doc->exp - d->now) / LW_HOUR_S));
}

static void check_status_lists(struct doctor *d, const struct wallet_txn *txn)
{
    struct wallet_page page = {.len = 0};
    size_t fresh = 0;
    size_t ended = 0;
    size_t unsigned_lists = 0;
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
            fresh += good ? 1 : 0;
            ended += signed_once && !good ? 1 : 0;
            unsigned_lists += !signed_once && lists[i].allocated > 0 ? 1 : 0;
        }
    }
    if (ended + unsigned_lists > 0) {
        doctor_say(
            d, DOCTOR_BAD, run_service,
            "%zu status lists have ended and %zu were never signed: their licenses cannot be "
            "verified",
            ended, unsigned_lists);
    } else {
        doctor_say(d, DOCTOR_GOOD, NULL, "%zu status lists are fresh", fresh);
    }
}

void doctor_lists(struct doctor *d)
{
    struct wallet_signed_doc doc;
    struct wallet_key_record key;
    WALLET_AUTO_TXN txn = NULL;
    if (d->home == NULL || wallet_read_begin(wallet_home_store(d->home), &txn).code != LW_OK) {
        return;
    }
    check_status_lists(d, txn);
    if (wallet_store_trust_list_get(txn, 0, &doc).code == LW_OK) {
        check_doc(d, "trust list", &doc, run_service);
    }
    if (wallet_store_key_active(txn, HSM_PURPOSE_CA, LW_STR(""), &key).code == LW_OK &&
        wallet_store_crl_get(txn, lw_str_c(key.label), &doc).code == LW_OK) {
        check_doc(d, "CRL", &doc, run_service);
    }
}

static void check_answer(struct doctor *d, const char *listen)
{
    char uri[URI_BYTES];
    LW_AUTO_BUF body = LW_BUF(BODY_MAX);
    struct idp_fetch_result result;
    const struct idp_fetch_limits limits = {
        .timeout_ms = TIMEOUT_MS, .body_max = BODY_MAX, .loopback_http = true};
    (void)snprintf(uri, sizeof(uri), "http://%s/readyz", listen);
    const lw_err err = idp_fetch(&limits, lw_str_c(uri), "application/json", &body, &result);
    if (err.code == LW_OK) {
        doctor_say(d, DOCTOR_GOOD, NULL, "it runs and is ready, on %s", listen);
    } else if (lw_err_class(err.code) == LW_CLASS_ENVIRONMENT || err.code == LW_E_TIMEOUT) {
        doctor_say(d, DOCTOR_SOON, "Start it: `lw serve`, or the unit license-wallet.service.",
                   "nothing answers on %s", listen);
    } else {
        doctor_say(d, DOCTOR_BAD, "Its log says why; the lines above may, too.",
                   "it runs on %s and is not ready", listen);
    }
}

void doctor_service(struct doctor *d)
{
    const char *listen = d->cli->config.listen;
    struct stat info;
    static const char unix_prefix[] = "unix:";
    if (!d->configured) {
        return;
    }
    if (!lw_str_starts(lw_str_c(listen), lw_str_c(unix_prefix))) {
        check_answer(d, listen);
        return;
    }
    const bool there = stat(listen + sizeof(unix_prefix) - 1, &info) == 0 && S_ISSOCK(info.st_mode);
    doctor_say(d, there ? DOCTOR_GOOD : DOCTOR_SOON,
               there ? NULL : "Start it: `lw serve`, or the unit license-wallet.service.",
               there ? "its socket %s is there" : "its socket %s is not there", listen);
}
