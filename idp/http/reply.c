/* Replies, and the one place where an error becomes an HTTP status. */
#include "idp/http.h"

#include <assert.h>
#include <stdio.h>
#include <strings.h>

#include "wallet/json_write.h"

enum { PROBLEM_MAX = 8192 };

const struct idp_problem idp_problem_no_path = {404, "not-found", "Not found",
                                                "There is nothing at this address.", NULL};
const struct idp_problem idp_problem_no_method = {
    405, "method-not-allowed", "Method not allowed",
    "This address does not take that method; GET and POST are used here.", NULL};
const struct idp_problem idp_problem_ambiguous = {
    400, "ambiguous-length", "Ambiguous length",
    "The length of the body is stated more than once; send one Content-Length.", NULL};
const struct idp_problem idp_problem_too_large = {
    413, "too-large", "Body too large", "The body is larger than this address takes.", NULL};
const struct idp_problem idp_problem_overloaded = {
    503, "busy", "Too many requests at once", "Every worker is busy; try again shortly.", NULL};

void idp_reply_header(struct idp_reply *reply, const char *name, lw_str value)
{
    assert(reply->header_count < IDP_HEADERS_MAX && value.len < IDP_HEADER_VALUE_MAX);
    struct idp_reply_header *header = &reply->headers[reply->header_count++];
    header->name = name;
    memcpy(header->value, value.ptr, value.len);
    header->value[value.len] = 0;
}

bool idp_reply_has(const struct idp_reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->header_count; i++) {
        if (strcasecmp(reply->headers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
}

void idp_reply_take(struct idp_reply *reply, unsigned status, const char *content_type,
                    lw_buf *body)
{
    lw_buf_free(&reply->body);
    reply->status = status;
    reply->content_type = content_type;
    reply->body = lw_buf_take(body);
}

unsigned idp_status_of(lw_err err)
{
    switch (lw_err_class(err.code)) {
    case LW_CLASS_OK:
        return 200;
    case LW_CLASS_MISUSE:
        return 500;
    case LW_CLASS_INPUT:
        return 400;
    case LW_CLASS_REFUSED:
        return err.code == LW_E_CONFLICT ? 409 : 403;
    case LW_CLASS_NOT_FOUND:
        return 404;
    case LW_CLASS_LIMIT:
        return 413;
    case LW_CLASS_BUSY:
        return 503;
    case LW_CLASS_ENVIRONMENT:
        return err.code == LW_E_CORRUPT || err.code == LW_E_CRYPTO || err.code == LW_E_NOMEM ? 500
                                                                                             : 503;
    }
    return 500;
}

static void put_problem(struct wallet_json_writer *w, const struct idp_request *request,
                        const struct idp_problem *problem)
{
    char type[128];
    (void)snprintf(type, sizeof(type), "urn:license-wallet:problem:%s", problem->type);
    wallet_json_put_object(w);
    wallet_json_member_c(w, "type", type);
    wallet_json_member_c(w, "title", problem->title);
    wallet_json_member_int(w, "status", problem->status);
    wallet_json_member_c(w, "detail", problem->detail);
    char instance[64];
    (void)snprintf(instance, sizeof(instance), "urn:license-wallet:request:%s", request->id);
    wallet_json_member_c(w, "instance", instance);
    if (problem->pointer != NULL) {
        wallet_json_put_name(w, "errors");
        wallet_json_put_array(w);
        wallet_json_put_object(w);
        wallet_json_member_c(w, "pointer", problem->pointer);
        wallet_json_member_c(w, "detail", problem->detail);
        wallet_json_put_end(w);
        wallet_json_put_end(w);
    }
    wallet_json_put_end(w);
}

void idp_reply_problem(struct idp_reply *reply, const struct idp_request *request,
                       const struct idp_problem *problem)
{
    LW_AUTO_BUF body = LW_BUF(PROBLEM_MAX);
    struct wallet_json_writer w = wallet_json_writer(&body);
    put_problem(&w, request, problem);
    if (wallet_json_written(&w).code != LW_OK) {
        lw_buf_free(&reply->body); /* no memory left: the status alone must do */
        reply->status = 500;
        reply->content_type = NULL;
        return;
    }
    idp_reply_take(reply, problem->status, "application/problem+json", &body);
    if (problem->status == 503) {
        idp_reply_header(reply, "Retry-After", LW_STR("1"));
    }
}

void idp_reply_later(struct idp_reply *reply, struct idp_later *later)
{
    reply->later = later;
}

void idp_reply_error(struct idp_reply *reply, const struct idp_request *request, lw_err err)
{
    static const struct idp_problem by_status[] = {
        {400, "malformed", "The request is malformed",
         "It is not of the form that this address takes; see the API's description.", NULL},
        {403, "refused", "Refused", "A rule does not allow this.", NULL},
        {404, "not-found", "Not found", "There is no such thing here.", NULL},
        {409, "conflict", "Conflict", "Its present state does not allow this.", NULL},
        {413, "too-large", "Too large", "It is larger than this address takes.", NULL},
        {500, "internal", "Internal error",
         "The service could not do this; its log has the request's identifier.", NULL},
        {503, "unavailable", "Not available now",
         "The service cannot do this at the moment; try again shortly.", NULL},
    };
    const unsigned status = idp_status_of(err);
    reply->cause = err;
    for (size_t i = 0; i < sizeof(by_status) / sizeof(by_status[0]); i++) {
        if (by_status[i].status == status) {
            idp_reply_problem(reply, request, &by_status[i]);
            return;
        }
    }
}

void idp_reply_log(const struct lw_log *log, const char *route, const struct idp_request *request,
                   const struct idp_reply *reply)
{
    char status[8];
    const lw_err cause = reply->cause;
    (void)snprintf(status, sizeof(status), "%u", reply->status);
    const struct lw_field fields[] = {
        {"req", lw_str_c(request->id)},
        {"route", lw_str_c(route)},
        {"status", lw_str_c(status)},
        {"code", lw_str_c(lw_code_name(cause.code))},
        {"why", lw_str_c(cause.why == NULL ? "-" : cause.why)},
    };
    const size_t count = sizeof(fields) / sizeof(fields[0]);
    lw_log_line(log, reply->status >= 500 ? LW_WARN : LW_DEBUG, "http", fields,
                cause.code == LW_OK ? count - 2 : count);
}

lw_err idp_request_id(const struct lw_rng *rng, char id[IDP_REQUEST_ID_LEN + 1])
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    uint8_t random[IDP_REQUEST_ID_LEN];
    LW_TRY(lw_rng_fill(rng, random, sizeof(random)));
    for (size_t i = 0; i < IDP_REQUEST_ID_LEN; i++) {
        id[i] = alphabet[random[i] % 64];
    }
    id[IDP_REQUEST_ID_LEN] = '\0';
    return LW_SUCCESS;
}
