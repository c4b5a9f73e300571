/*
 * HTTP as handlers see it: a request that was read whole, a reply to fill, a table of routes.
 * The server library is seen by idp/http/server.c alone.
 */
#ifndef IDP_HTTP_H
#define IDP_HTTP_H

#include "lw/buf.h"
#include "lw/log.h"
#include "lw/rng.h"

enum {
    IDP_PARAMS_MAX = 4,
    IDP_HEADERS_MAX = 8,
    IDP_HEADER_VALUE_MAX = 256,
    IDP_REPLY_MAX = 64 * 1024 * 1024,
    IDP_REQUEST_ID_LEN = 22, /* base64url of 16 random bytes */
};

enum idp_method { IDP_OTHER, IDP_GET, IDP_POST };

/* One request; all slices live until the handler returns. */
struct idp_request {
    enum idp_method method;
    lw_str path;
    lw_str params[IDP_PARAMS_MAX]; /* what stood for each {name} of the route, in order */
    size_t param_count;
    lw_bytes body;
    char id[IDP_REQUEST_ID_LEN + 1];               /* in the log and in problem details */
    int64_t now;                                   /* Unix seconds when the headers were read */
    lw_str (*header)(void *ctx, const char *name); /* empty when absent */
    lw_str (*query)(void *ctx, const char *name);
    void *ctx;
};

static inline lw_str idp_header(const struct idp_request *request, const char *name)
{
    return request->header(request->ctx, name);
}

static inline lw_str idp_query(const struct idp_request *request, const char *name)
{
    return request->query(request->ctx, name);
}

struct idp_reply_header {
    const char *name; /* static */
    char value[IDP_HEADER_VALUE_MAX];
};

/* What goes back. A handler fills it through the functions below. */
struct idp_reply {
    unsigned status;
    const char *content_type; /* static; NULL: no body */
    lw_buf body;
    struct idp_reply_header headers[IDP_HEADERS_MAX];
    size_t header_count;
    lw_err cause;            /* of an error reply, for the log; LW_OK: none */
    struct idp_later *later; /* what the reply waits for; NULL: it is made */
};

/** Set a header; a value that is too long, or a header past the room, is a bug. */
void idp_reply_header(struct idp_reply *reply, const char *name, lw_str value);

/** Return whether a header is set; names in any case of letters. */
bool idp_reply_has(const struct idp_reply *reply, const char *name);

/** Send `body` (moved out of the caller's buffer) with a status and content type. */
void idp_reply_take(struct idp_reply *reply, unsigned status, const char *content_type,
                    lw_buf *body);

/*
 * Problem details (RFC 9457). `detail` is static text that says what happened and what to do;
 * it holds nothing of the request.
 */
struct idp_problem {
    unsigned status;
    const char *type; /* the last part of its URI, "too-large" */
    const char *title;
    const char *detail;
    const char *pointer; /* JSON pointer of the field that is wrong, or NULL */
};
void idp_reply_problem(struct idp_reply *reply, const struct idp_request *request,
                       const struct idp_problem *problem);

/* Refusals that the server itself makes. */
extern const struct idp_problem idp_problem_no_path;
extern const struct idp_problem idp_problem_no_method;
extern const struct idp_problem idp_problem_ambiguous;
extern const struct idp_problem idp_problem_too_large;
extern const struct idp_problem idp_problem_overloaded;

/** Draw a request identifier, for the log and problem details; also for other public handles. */
LW_MUST_USE lw_err idp_request_id(const struct lw_rng *rng, char id[IDP_REQUEST_ID_LEN + 1]);

/**
 * Reply with the problem that an error's class stands for; 503 gets Retry-After. The error's code
 * and reason go to the log with the request's identifier, never to the client.
 */
void idp_reply_error(struct idp_reply *reply, const struct idp_request *request, lw_err err);

/**
 * Log what a request came to: request identifier, route, status, and of an error its code and
 * reason. Reasons are static texts, so the line holds nothing that a client sent.
 *
 * log    may be NULL
 * route  as the table has it, or "-"
 */
void idp_reply_log(const struct lw_log *log, const char *route, const struct idp_request *request,
                   const struct idp_reply *reply);

/** Return the HTTP status of an error. */
unsigned idp_status_of(lw_err err);

struct idp_service;
typedef void idp_handler(struct idp_service *service, const struct idp_request *request,
                         struct idp_reply *reply);

/*
 * A reply that waits for a commit, made by a handler that queues what is to be written and
 * returns: the connection sleeps meanwhile, and no thread does. The first member of what the
 * handler keeps for it; everything of the request stays in place until `drop`.
 */
struct idp_later {
    /* Queue what is awaited. `wake` is called once with `wake_ctx`, from any thread, when it is
     * there or has failed; not when `start` returns an error, which then is the reply. */
    lw_err (*start)(struct idp_later *later);
    /* Fill the reply, in a thread that serves HTTP. Left out when the client is gone. */
    void (*finish)(struct idp_later *later, struct idp_service *service,
                   const struct idp_request *request, struct idp_reply *reply);
    /* Free, last of all and in any case; never between `start` and `wake`. */
    void (*drop)(struct idp_later *later);
    /* The server's, set before `start`. */
    void (*wake)(void *ctx);
    void *wake_ctx;
};

/** Have the reply wait: the handler returns, and the server goes on with `later`, now its own. */
void idp_reply_later(struct idp_reply *reply, struct idp_later *later);

struct idp_route {
    enum idp_method method;
    const char *path; /* "/status/{n}": a part in braces takes one path segment */
    idp_handler *handler;
    /* Says whether this request runs in the worker pool, because it signs, scans or waits for a
     * write. NULL: never; it is then answered right in the thread that read it, or later. */
    bool (*waits)(const struct idp_request *request);
    size_t body_max; /* bytes; 0: takes no body */
};

/** Answers yes: for routes whose every request waits. */
bool idp_waits_always(const struct idp_request *request);

enum idp_match { IDP_FOUND, IDP_NO_PATH, IDP_NO_METHOD };

/**
 * Find the route of a method and path and fill the request's parameters.
 *
 * path    percent-encoding undone already; segments of parameters are 1 to 128 characters of
 *         [A-Za-z0-9_.~-]
 * returns IDP_NO_METHOD when the path exists with another method
 */
enum idp_match idp_route_find(const struct idp_route *routes, size_t count,
                              struct idp_request *request, const struct idp_route **route);

/** Return the methods that a path takes, as the header Allow names them, or NULL; static. */
const char *idp_route_allows(const struct idp_route *routes, size_t count,
                             const struct idp_request *request);

/** Return the method of a request line's first word; a HEAD is a GET whose body is not sent. */
enum idp_method idp_method_of(const char *name);

/** As idp_route_find(); false: there is none, and `reply` says so. */
bool idp_route_take(const struct idp_route *routes, size_t count, struct idp_request *request,
                    struct idp_reply *reply, const struct idp_route **route);

/**
 * Say whether an If-None-Match names the entity tag: in a list, weak or not, or by "*".
 *
 * tag     with its quotes
 * source  RFC 9110 section 13.1.2
 */
bool idp_tag_matches(lw_str if_none_match, lw_str tag);

/** Compare media types, or tokens of any kind, in any case of letters. */
bool idp_same_type(lw_str a, lw_str b);

/**
 * Say how much a client wants a media type by its Accept header: 0 (not acceptable) to 1000.
 *
 * accept  the header's value; empty means everything
 * source  RFC 9110 section 12.5.1
 */
unsigned idp_accepts(lw_str accept, lw_str media_type);

#endif
