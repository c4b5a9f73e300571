/* What anybody may read: status lists, trust list, CRL, type metadata; health and metrics. */
#include <inttypes.h>
#include <stdio.h>

#include "../service_internal.h"
#include "hsm/digest.h"
#include "wallet/flow_status.h"
#include "wallet/json_write.h"
#include "wallet/store_catalog.h"
#include "wallet/store_key.h"
#include "wallet/type_metadata.h"

enum { TTL_S = 300, TEXT_MAX = 16 * 1024, TYPES_PAGE = 32 };

static void reply_text(struct idp_reply *reply, const struct idp_request *request, unsigned status,
                       const char *text)
{
    LW_AUTO_BUF body = LW_BUF(TEXT_MAX);
    const lw_err err = lw_buf_put_c(&body, text);
    if (err.code != LW_OK) {
        idp_reply_error(reply, request, err);
        return;
    }
    idp_reply_take(reply, status, "text/plain; charset=utf-8", &body);
}

/* Public documents: cached for `max_age` seconds, revalidated by their hash, open to any origin. */
static void reply_public(struct idp_reply *reply, const struct idp_request *request,
                         const char *type, int64_t max_age, lw_buf *body)
{
    uint8_t hash[HSM_SHA256_LEN];
    char cache[64];
    LW_AUTO_BUF tag = LW_BUF(128);
    lw_err err = hsm_sha256(lw_buf_view(body), hash);
    err = err.code == LW_OK ? lw_buf_put_byte(&tag, '"') : err;
    err = err.code == LW_OK ? lw_buf_put_hex(&tag, (lw_bytes){.ptr = hash, .len = 16}) : err;
    err = err.code == LW_OK ? lw_buf_put_byte(&tag, '"') : err;
    if (err.code != LW_OK) {
        idp_reply_error(reply, request, err);
        return;
    }
    (void)snprintf(cache, sizeof(cache), "public, max-age=%" PRId64, max_age < 0 ? 0 : max_age);
    if (idp_tag_matches(idp_header(request, "If-None-Match"), lw_buf_text(&tag))) {
        reply->status = 304;
        reply->content_type = NULL;
    } else {
        idp_reply_take(reply, 200, type, body);
    }
    idp_reply_header(reply, "ETag", lw_buf_text(&tag));
    idp_reply_header(reply, "Cache-Control", lw_str_c(cache));
    idp_reply_header(reply, "Access-Control-Allow-Origin", LW_STR("*"));
    idp_reply_header(reply, "Vary", LW_STR("Accept"));
}

void idp_get_status_list(struct idp_service *service, const struct idp_request *request,
                         struct idp_reply *reply)
{
    static const struct idp_problem not_acceptable = {
        406, "not-acceptable", "Not acceptable",
        "A status list is application/statuslist+jwt or application/statuslist+cwt.", NULL};
    static const struct idp_problem no_history = {
        501, "no-history", "No historical lists",
        "Lists of earlier times are not given out; leave the parameter time away.", NULL};
    static const struct idp_problem retired = {
        410, "retired", "The list has retired",
        "Every credential of this list has ended; none of them can be shown any more.", NULL};
    static const char jwt_type[] = "application/statuslist+jwt";
    static const char cwt_type[] = "application/statuslist+cwt";
    const lw_str accept = idp_header(request, "Accept");
    const unsigned want_jwt = idp_accepts(accept, lw_str_c(jwt_type));
    const unsigned want_cwt = idp_accepts(accept, lw_str_c(cwt_type));
    LW_AUTO_BUF token = LW_BUF(IDP_DOCUMENT_MAX);
    int64_t number = 0;
    int64_t iat = 0;
    int64_t exp = 0;
    if (idp_query(request, "time").ptr != NULL) {
        idp_reply_problem(reply, request, &no_history);
        return;
    }
    if (want_jwt == 0 && want_cwt == 0) {
        idp_reply_problem(reply, request, &not_acceptable);
        return;
    }
    const bool cwt = want_cwt > want_jwt; /* JWT when both are as welcome */
    lw_err err = lw_str_int(request->params[0], &number);
    if (err.code != LW_OK || number < 1) {
        idp_reply_problem(reply, request, &idp_problem_no_path);
        return;
    }
    err = wallet_flow_status_token(service->home, (uint64_t)number, cwt, &token, &iat, &exp);
    if (err.code == LW_E_EXPIRED) {
        idp_reply_problem(reply, request, &retired);
        return;
    }
    if (err.code != LW_OK) {
        idp_reply_error(reply, request, err);
        return;
    }
    reply_public(reply, request, cwt ? cwt_type : jwt_type, TTL_S, &token);
}

void idp_get_status_lists(struct idp_service *service, const struct idp_request *request,
                          struct idp_reply *reply)
{
    LW_AUTO_BUF json = LW_BUF(IDP_DOCUMENT_MAX);
    const lw_err err = wallet_flow_status_aggregation(service->home, &json);
    if (err.code != LW_OK) {
        idp_reply_error(reply, request, err);
        return;
    }
    reply_public(reply, request, "application/json", TTL_S, &json);
}

void idp_get_trust_list(struct idp_service *service, const struct idp_request *request,
                        struct idp_reply *reply)
{
    LW_AUTO_BUF cwt = LW_BUF(IDP_DOCUMENT_MAX);
    const lw_str pin = idp_query(request, "pin"); /* who knows only a key that was succeeded */
    const lw_err err = pin.ptr == NULL ? wallet_flow_trust_list(service->home, &cwt)
                                       : wallet_flow_trust_list_after(service->home, pin, &cwt);
    if (err.code != LW_OK) {
        idp_reply_error(reply, request, err);
        return;
    }
    reply_public(reply, request, "application/ltl+cwt", TTL_S, &cwt);
}

static lw_err read_crl(struct idp_service *service, lw_str ca, lw_buf *der)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_signed_doc crl;
    LW_TRY(wallet_read_begin(wallet_home_store(service->home), &txn));
    LW_TRY(wallet_store_crl_get(txn, ca, &crl));
    return lw_buf_put(der, crl.bytes);
}

void idp_get_crl(struct idp_service *service, const struct idp_request *request,
                 struct idp_reply *reply)
{
    LW_AUTO_BUF der = LW_BUF(IDP_DOCUMENT_MAX);
    const lw_str ca = request->params[0].len > 0 ? request->params[0] : LW_STR("ca-1");
    const lw_err err = read_crl(service, ca, &der);
    if (err.code != LW_OK) {
        idp_reply_error(reply, request, err);
        return;
    }
    reply_public(reply, request, "application/pkix-crl", LW_HOUR_S, &der);
}

void idp_get_type_metadata(struct idp_service *service, const struct idp_request *request,
                           struct idp_reply *reply)
{
    const struct wallet_snapshot *snapshot = NULL;
    LW_AUTO_BUF json = LW_BUF(IDP_DOCUMENT_MAX);
    lw_err err = wallet_home_snapshot(service->home, &snapshot);
    if (err.code == LW_OK) {
        const struct wallet_license_type *type = wallet_snapshot_type(snapshot, request->params[0]);
        err = type == NULL ? LW_FAIL(LW_E_NOT_FOUND, "published: no such type", LW_NOWHERE)
                           : wallet_type_metadata(type, &json);
        wallet_snapshot_release(snapshot);
    }
    if (err.code != LW_OK) {
        idp_reply_error(reply, request, err);
        return;
    }
    reply_public(reply, request, "application/json", LW_DAY_S, &json);
}

static lw_err read_type(struct idp_service *service, lw_str id, lw_buf *json)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_doc doc;
    LW_TRY(wallet_read_begin(wallet_home_store(service->home), &txn));
    LW_TRY(wallet_store_doc_get(txn, WALLET_DOC_LICENSE_TYPE, id, 0, &doc));
    return lw_buf_put(json, doc.json);
}

void idp_get_type(struct idp_service *service, const struct idp_request *request,
                  struct idp_reply *reply)
{
    LW_AUTO_BUF json = LW_BUF(IDP_DOCUMENT_MAX);
    const lw_err err = read_type(service, request->params[0], &json);
    if (err.code != LW_OK) {
        idp_reply_error(reply, request, err);
        return;
    }
    reply_public(reply, request, "application/json", TTL_S, &json);
}

static lw_err put_types(struct idp_service *service, struct wallet_json_writer *w)
{
    WALLET_AUTO_TXN txn = NULL;
    struct wallet_page page = {.len = 0};
    LW_TRY(wallet_read_begin(wallet_home_store(service->home), &txn));
    while (!page.end) {
        struct wallet_doc docs[TYPES_PAGE];
        size_t count = TYPES_PAGE;
        LW_TRY(wallet_store_doc_page(txn, WALLET_DOC_LICENSE_TYPE, &page, docs, &count));
        for (size_t i = 0; i < count; i++) {
            wallet_json_put_object(w);
            wallet_json_member_c(w, "id", docs[i].id);
            wallet_json_member_int(w, "version", (int64_t)docs[i].version);
            wallet_json_put_end(w);
        }
    }
    return LW_SUCCESS;
}

void idp_get_types(struct idp_service *service, const struct idp_request *request,
                   struct idp_reply *reply)
{
    LW_AUTO_BUF json = LW_BUF(IDP_DOCUMENT_MAX);
    struct wallet_json_writer w = wallet_json_writer(&json);
    wallet_json_put_object(&w);
    wallet_json_put_name(&w, "types");
    wallet_json_put_array(&w);
    wallet_json_put_fail(&w, put_types(service, &w));
    wallet_json_put_end(&w);
    wallet_json_put_end(&w);
    const lw_err err = wallet_json_written(&w);
    if (err.code != LW_OK) {
        idp_reply_error(reply, request, err);
        return;
    }
    reply_public(reply, request, "application/json", TTL_S, &json);
}

void idp_get_health(struct idp_service *service, const struct idp_request *request,
                    struct idp_reply *reply)
{
    (void)service;
    reply_text(reply, request, 200, "ok\n");
}

/*
 * Ready is more than alive: the store takes writes and the token signs. Each line says which. A key
 * that ends soon is told of, and harms nobody yet.
 */
void idp_get_ready(struct idp_service *service, const struct idp_request *request,
                   struct idp_reply *reply)
{
    const lw_err store = wallet_store_health(wallet_home_store(service->home));
    const lw_err token = hsm_pool_health(wallet_home_pool(service->home));
    char keys[256];
    char text[768];
    idp_keys_line(service, keys);
    (void)snprintf(text, sizeof(text), "store %s\ntoken %s\nkeys %s\n",
                   store.code == LW_OK ? "ok" : store.why, token.code == LW_OK ? "ok" : token.why,
                   keys);
    reply_text(reply, request, store.code == LW_OK && token.code == LW_OK ? 200 : 503, text);
}

void idp_get_metrics(struct idp_service *service, const struct idp_request *request,
                     struct idp_reply *reply)
{
    struct idp_counters *c = &service->counters;
    struct wallet_store_stat stat = {.entries = 0};
    char text[2048];
    lw_err err = wallet_store_stat(wallet_home_store(service->home), &stat);
    if (err.code != LW_OK) {
        idp_reply_error(reply, request, err);
        return;
    }
    (void)snprintf(text, sizeof(text),
                   "# TYPE lw_verifications_total counter\n"
                   "lw_verifications_total{result=\"accepted\"} %lu\n"
                   "lw_verifications_total{result=\"refused\"} %lu\n"
                   "lw_verifications_total{result=\"undetermined\"} %lu\n"
                   "lw_verifications_total{result=\"error\"} %lu\n"
                   "# TYPE lw_status_lists_signed_total counter\n"
                   "lw_status_lists_signed_total %lu\n"
                   "# TYPE lw_background_errors_total counter\n"
                   "lw_background_errors_total %lu\n"
                   "# TYPE lw_store_entries gauge\n"
                   "lw_store_entries %" PRIu64 "\n"
                   "# TYPE lw_store_used_bytes gauge\n"
                   "lw_store_used_bytes %" PRIu64 "\n",
                   atomic_load(&c->accepted), atomic_load(&c->refused),
                   atomic_load(&c->undetermined), atomic_load(&c->failed),
                   atomic_load(&c->lists_signed), atomic_load(&c->background_errors), stat.entries,
                   stat.used_bytes);
    LW_AUTO_BUF body = LW_BUF(IDP_DOCUMENT_MAX);
    err = lw_buf_put_c(&body, text);
    err = err.code == LW_OK ? idp_keys_metrics(service, &body) : err;
    if (err.code != LW_OK) {
        idp_reply_error(reply, request, err);
        return;
    }
    idp_reply_take(reply, 200, "text/plain; version=0.0.4; charset=utf-8", &body);
}
