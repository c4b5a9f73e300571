/* The only file that sees libmicrohttpd. */
#define _GNU_SOURCE

#include "idp/server.h"

#include <microhttpd.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <unistd.h>

#include "acceptor.h"
#include "deadline.h"
#include "workers.h"

enum {
    THREADS_MAX = 64,
    IDLE_S = 30,               /* a kept connection may be silent so long between requests */
    HEADERS_BYTES = 32 * 1024, /* a connection's memory in the library: request line and headers */
    DRAIN_STEP_MS = 10,
    DRAIN_QUIET = 4,
    MS_PER_S = 1000,
};

struct idp_server {
    struct idp_server_config config;
    struct MHD_Daemon *daemons[THREADS_MAX];
    unsigned daemon_count;
    struct idp_workers *workers;
    struct idp_deadlines *deadlines;
    struct idp_acceptor *acceptor;
    unsigned port;
    unsigned turn; /* of the daemon that gets the next connection */
    atomic_uint connections;
    atomic_uint under_way; /* requests from their headers to the end of their answer */
    atomic_uint awaited;   /* requests whose connections sleep */
    atomic_bool stopping;
    atomic_bool closing; /* no connection may go to sleep any more */
    atomic_size_t body_max;
    _Atomic int64_t deadline_ms;
};

/* One connection, from accept to close. */
struct connection {
    struct idp_server *server;
    struct idp_deadline deadline;
};

/* One request. */
struct exchange {
    struct idp_work work;
    struct idp_server *server;
    struct MHD_Connection *mhd;
    const struct idp_route *route;
    struct idp_request request;
    lw_buf body;
    struct idp_reply reply;
    bool refused; /* the reply is made before the body was read: the connection closes */
    atomic_bool replied;
};

static lw_str mhd_value(void *ctx, enum MHD_ValueKind kind, const char *name)
{
    const struct exchange *x = ctx;
    const char *value = NULL;
    size_t len = 0;
    if (MHD_lookup_connection_value_n(x->mhd, kind, name, strlen(name), &value, &len) != MHD_YES) {
        return (lw_str){NULL, 0};
    }
    return (lw_str){value == NULL ? "" : value, len}; /* "?time" has no value, but is there */
}

static lw_str header_value(void *ctx, const char *name)
{
    return mhd_value(ctx, MHD_HEADER_KIND, name);
}

static lw_str query_value(void *ctx, const char *name)
{
    return mhd_value(ctx, MHD_GET_ARGUMENT_KIND, name);
}

static void drop_later(struct exchange *x)
{
    if (x->reply.later != NULL) {
        x->reply.later->drop(x->reply.later);
        x->reply.later = NULL;
    }
}

static void free_exchange(struct exchange *x)
{
    atomic_fetch_sub(&x->server->under_way, 1);
    drop_later(x);
    lw_buf_free(&x->body);
    lw_buf_free(&x->reply.body);
    free(x);
}

/* A header that may stand only once; two of them are how requests are smuggled (F14). */
struct once {
    const char *name;
    unsigned count;
};

static enum MHD_Result count_header(void *ctx, enum MHD_ValueKind kind, const char *key,
                                    const char *value)
{
    struct once *once = ctx;
    (void)kind;
    (void)value;
    if (strcasecmp(key, once->name) == 0) {
        once->count++;
    }
    return MHD_YES;
}

static unsigned header_count(struct MHD_Connection *mhd, const char *name)
{
    struct once once = {.name = name, .count = 0};
    (void)MHD_get_connection_values(mhd, MHD_HEADER_KIND, count_header, &once);
    return once.count;
}

static void refuse(struct exchange *x, const struct idp_problem *problem)
{
    idp_reply_problem(&x->reply, &x->request, problem);
    x->refused = true;
}

/* What can be refused by the headers alone. */
static void check_headers(struct exchange *x, const char *method)
{
    const lw_str length = header_value(x, "Content-Length");
    int64_t announced = 0;
    if (header_count(x->mhd, "Content-Length") > 1 ||
        header_count(x->mhd, "Transfer-Encoding") > 1 ||
        (length.len > 0 && header_count(x->mhd, "Transfer-Encoding") > 0) ||
        (length.len > 0 && lw_str_int(length, &announced).code != LW_OK) || announced < 0) {
        refuse(x, &idp_problem_ambiguous);
        return;
    }
    x->request.method = idp_method_of(method);
    if (!idp_route_take(x->server->config.routes, x->server->config.route_count, &x->request,
                        &x->reply, &x->route)) {
        x->refused = true;
        return;
    }
    const size_t bound = atomic_load(&x->server->body_max);
    const size_t max = bound > 0 && bound < x->route->body_max ? bound : x->route->body_max;
    x->body = LW_BUF(max);
    if ((uint64_t)announced > max) {
        refuse(x, &idp_problem_too_large);
    }
}

static struct exchange *new_exchange(struct idp_server *server, struct MHD_Connection *mhd,
                                     const char *url, const char *method)
{
    struct exchange *x = calloc(1, sizeof(*x));
    if (x == NULL || idp_request_id(server->config.rng, x->request.id).code != LW_OK) {
        free(x);
        return NULL;
    }
    atomic_fetch_add(&server->under_way, 1);
    x->server = server;
    x->mhd = mhd;
    x->reply.body = LW_BUF(IDP_REPLY_MAX);
    x->request.path = lw_str_c(url);
    x->request.now = lw_now(server->config.clock);
    x->request.header = header_value;
    x->request.query = query_value;
    x->request.ctx = x;
    check_headers(x, method);
    return x;
}

/* Hands the reply to the library, which frees the body (it was made by malloc). */
static enum MHD_Result send_reply(struct exchange *x)
{
    lw_buf body = lw_buf_take(&x->reply.body);
    struct MHD_Response *response =
        MHD_create_response_from_buffer(body.len, body.ptr, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        lw_buf_free(&body);
        return MHD_NO;
    }
    bool ok = MHD_add_response_header(response, "X-Content-Type-Options", "nosniff") == MHD_YES;
    if (x->reply.content_type != NULL) {
        ok = MHD_add_response_header(response, "Content-Type", x->reply.content_type) == MHD_YES &&
             ok;
    }
    if (!idp_reply_has(&x->reply, "Cache-Control")) {
        ok = MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_YES && ok;
    }
    if (x->refused || atomic_load(&x->server->stopping)) {
        ok = MHD_add_response_header(response, "Connection", "close") == MHD_YES && ok;
    }
    for (size_t i = 0; i < x->reply.header_count; i++) {
        ok = MHD_add_response_header(response, x->reply.headers[i].name,
                                     x->reply.headers[i].value) == MHD_YES &&
             ok;
    }
    const enum MHD_Result queued =
        ok ? MHD_queue_response(x->mhd, x->reply.status, response) : MHD_NO;
    MHD_destroy_response(response);
    idp_reply_log(x->server->config.log, x->route == NULL ? "-" : x->route->path, &x->request,
                  &x->reply);
    return queued;
}

static void run_handler(struct exchange *x)
{
    x->route->handler(x->server->config.service, &x->request, &x->reply);
}

/* From any thread: a worker's, or the store's writer. */
static void wake(void *ctx)
{
    struct exchange *x = ctx;
    struct idp_server *server = x->server;
    atomic_store(&x->replied, true);
    MHD_resume_connection(x->mhd);         /* `x` may be gone from here on */
    atomic_fetch_sub(&server->awaited, 1); /* last: the server ends when none is awaited */
}

/*
 * Puts the connection to sleep, unless the server is about to end: it counts first and looks then,
 * and the end says so first and counts then, so that one of them sees the other.
 */
static bool go_to_sleep(struct exchange *x)
{
    atomic_fetch_add(&x->server->awaited, 1);
    if (atomic_load(&x->server->closing)) {
        atomic_fetch_sub(&x->server->awaited, 1);
        return false;
    }
    MHD_suspend_connection(x->mhd);
    return true;
}

/* The connection is suspended already: what is queued here may be done before this returns. */
static void go_later(struct exchange *x)
{
    struct idp_later *later = x->reply.later;
    later->wake = wake;
    later->wake_ctx = x;
    const lw_err err = later->start(later);
    if (err.code != LW_OK) {
        drop_later(x);
        idp_reply_error(&x->reply, &x->request, err);
        wake(x);
    }
}

static void run_waiting(struct idp_work *work)
{
    struct exchange *x = (struct exchange *)work; /* its first member */
    run_handler(x);
    if (x->reply.later != NULL) {
        go_later(x);
    } else {
        wake(x);
    }
}

static enum MHD_Result dispatch(struct exchange *x)
{
    x->request.body = lw_buf_view(&x->body);
    const bool waits = x->route->waits != NULL && x->route->waits(&x->request);
    if (!waits) {
        run_handler(x);
        if (x->reply.later == NULL) {
            return send_reply(x);
        }
    }
    /* Suspend first, then queue: a worker may be done before the queueing call returns. */
    if (!go_to_sleep(x)) {
        drop_later(x);
        idp_reply_problem(&x->reply, &x->request, &idp_problem_overloaded);
        return send_reply(x);
    }
    if (!waits) {
        go_later(x);
        return MHD_YES;
    }
    x->work.run = run_waiting;
    if (!idp_workers_put(x->server->workers, &x->work)) {
        idp_reply_problem(&x->reply, &x->request, &idp_problem_overloaded);
        wake(x);
    }
    return MHD_YES;
}

static enum MHD_Result reply_now(struct exchange *x)
{
    if (x->reply.later != NULL) {
        x->reply.later->finish(x->reply.later, x->server->config.service, &x->request, &x->reply);
        drop_later(x);
    }
    return send_reply(x);
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *mhd, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *data_size, void **con_cls)
{
    struct exchange *x = *con_cls;
    (void)version;
    if (x == NULL) {
        x = new_exchange(cls, mhd, url, method);
        *con_cls = x;
        if (x == NULL) {
            return MHD_NO;
        }
        return x->refused ? send_reply(x) : MHD_YES;
    }
    if (*data_size > 0) {
        if (!x->refused &&
            lw_buf_put(&x->body, (lw_bytes){.ptr = (const uint8_t *)data, .len = *data_size})
                    .code != LW_OK) {
            refuse(x, &idp_problem_too_large); /* the rest is read and dropped, then it is told */
        }
        *data_size = 0;
        return MHD_YES;
    }
    if (x->refused || atomic_load(&x->replied)) {
        return reply_now(x);
    }
    return dispatch(x);
}

static struct connection *connection_of(struct MHD_Connection *mhd)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info == NULL ? NULL : info->socket_context;
}

static void on_completed(void *cls, struct MHD_Connection *mhd, void **con_cls,
                         enum MHD_RequestTerminationCode why)
{
    struct idp_server *server = cls;
    struct connection *c = connection_of(mhd);
    (void)why;
    if (*con_cls != NULL) {
        free_exchange(*con_cls);
        *con_cls = NULL;
    }
    if (c != NULL) {
        idp_deadlines_move(server->deadlines, &c->deadline,
                           lw_mono_ms(server->config.clock) + (int64_t)IDLE_S * MS_PER_S +
                               atomic_load(&server->deadline_ms));
    }
}

static void on_connection(void *cls, struct MHD_Connection *mhd, void **socket_context,
                          enum MHD_ConnectionNotificationCode what)
{
    struct idp_server *server = cls;
    struct connection *c = *socket_context;
    if (what == MHD_CONNECTION_NOTIFY_CLOSED) {
        if (c != NULL) {
            idp_deadlines_remove(server->deadlines, &c->deadline);
            free(c);
            *socket_context = NULL;
        }
        atomic_fetch_sub(&server->connections, 1);
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    c = calloc(1, sizeof(*c));
    if (c != NULL && info != NULL) {
        c->server = server;
        c->deadline.fd = info->connect_fd;
        c->deadline.at_ms = lw_mono_ms(server->config.clock) + atomic_load(&server->deadline_ms);
        idp_deadlines_add(server->deadlines, &c->deadline);
        *socket_context = c;
    } else {
        free(c);
    }
}

/* Counted here, since the library tells of a connection only once a thread of its has taken it. */
static void give_to_daemon(void *ctx, const struct idp_accepted *accepted)
{
    struct idp_server *server = ctx;
    if (atomic_fetch_add(&server->connections, 1) >= server->config.connections) {
        atomic_fetch_sub(&server->connections, 1);
        (void)close(accepted->fd); /* a peer sees the end at once instead of waiting */
        return;
    }
    struct MHD_Daemon *daemon = server->daemons[server->turn++ % server->daemon_count];
    if (MHD_add_connection(daemon, accepted->fd, (const struct sockaddr *)&accepted->from,
                           accepted->from_len) != MHD_YES) { /* it has closed the socket */
        atomic_fetch_sub(&server->connections, 1);
    }
}

static struct MHD_Daemon *start_daemon(struct idp_server *server)
{
    const unsigned limit = server->config.connections + 1; /* ours comes first */
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
            MHD_USE_ITC,
        0, NULL, NULL, on_request, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_CONNECTION_LIMIT, limit,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADERS_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_S, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

static lw_err start_threads(struct idp_server *server)
{
    const struct idp_server_config *config = &server->config;
    const struct idp_acceptor_config acceptor = {
        .listen = config->listen, .take = give_to_daemon, .ctx = server, .log = config->log};
    LW_TRY(idp_deadlines_start(config->clock, &server->deadlines));
    LW_TRY(idp_workers_start(config->workers, config->queue_max, &server->workers));
    while (server->daemon_count < config->threads) {
        struct MHD_Daemon *daemon = start_daemon(server);
        if (daemon == NULL) {
            return LW_FAIL(LW_E_NOMEM, "server: cannot start an HTTP thread", LW_NOWHERE);
        }
        server->daemons[server->daemon_count++] = daemon;
    }
    return idp_acceptor_start(&acceptor, &server->acceptor, &server->port);
}

void idp_server_limit(struct idp_server *server, size_t body_max, int64_t deadline_ms)
{
    atomic_store(&server->body_max, body_max);
    atomic_store(&server->deadline_ms, deadline_ms);
}

lw_err idp_server_start(const struct idp_server_config *config, struct idp_server **server)
{
    if (config->threads == 0 || config->threads > THREADS_MAX) {
        return LW_FAIL(LW_E_MISUSE, "server: 1 to 64 threads", LW_NOWHERE);
    }
    struct idp_server *s = calloc(1, sizeof(*s));
    if (s == NULL) {
        return LW_FAIL(LW_E_NOMEM, "server: out of memory", LW_NOWHERE);
    }
    s->config = *config;
    s->config.connections = idp_acceptor_room(config->connections);
    idp_server_limit(s, config->body_max, config->deadline_ms);
    const lw_err err = start_threads(s);
    if (err.code != LW_OK) {
        idp_server_stop(s, 0);
        return err;
    }
    *server = s;
    return LW_SUCCESS;
}

unsigned idp_server_port(const struct idp_server *server)
{
    return server->port;
}

/*
 * Waits until nothing is under way, nor will be: a connection that no thread has taken yet, or that
 * has sent what none has read, is a request to come. Several times in a row: between reading and
 * counting is a moment.
 */
static void drain(struct idp_server *server, int64_t drain_ms)
{
    const int64_t until = lw_mono_ms(server->config.clock) + drain_ms;
    unsigned quiet = 0;
    while (quiet < DRAIN_QUIET && lw_mono_ms(server->config.clock) < until) {
        (void)poll(NULL, 0, DRAIN_STEP_MS);
        const unsigned connections = atomic_load(&server->connections);
        const bool is_quiet = idp_deadlines_quiet(server->deadlines, connections);
        quiet = is_quiet && atomic_load(&server->under_way) == 0 ? quiet + 1 : 0;
    }
}

void idp_server_stop(struct idp_server *server, int64_t drain_ms)
{
    if (server == NULL) {
        return;
    }
    atomic_store(&server->stopping, true);
    idp_acceptor_stop(server->acceptor);
    drain(server, drain_ms);
    /* A daemon must not end while a connection sleeps, nor the workers while one may need them. */
    atomic_store(&server->closing, true);
    while (atomic_load(&server->awaited) > 0) {
        (void)poll(NULL, 0, DRAIN_STEP_MS); /* a commit ends, well or not */
    }
    idp_workers_stop(server->workers);
    for (unsigned i = 0; i < server->daemon_count; i++) {
        MHD_stop_daemon(server->daemons[i]);
    }
    idp_deadlines_stop(server->deadlines);
    free(server);
}
