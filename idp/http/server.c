/* The only file that sees libmicrohttpd. */
#define _GNU_SOURCE

#include "idp/server.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deadline.h"
#include "listener.h"
#include "workers.h"

enum {
    THREADS_MAX = 64,
    IDLE_S = 30,               /* a kept connection may be silent so long between requests */
    HEADERS_BYTES = 32 * 1024, /* a connection's memory in the library: request line and headers */
    DRAIN_STEP_MS = 10,
    MS_PER_S = 1000,
};

struct idp_server {
    struct idp_server_config config;
    struct MHD_Daemon *daemons[THREADS_MAX];
    unsigned daemon_count;
    struct idp_workers *workers;
    struct idp_deadlines *deadlines;
    int listen_fd;
    int wake_fd; /* ends the accept loop */
    unsigned port;
    pthread_t acceptor;
    bool accepting;
    atomic_uint connections;
    atomic_uint under_way; /* requests whose handler runs or waits */
    atomic_bool stopping;
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
    bool counted;
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

static void free_exchange(struct exchange *x)
{
    if (x->counted) {
        atomic_fetch_sub(&x->server->under_way, 1);
    }
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
    if (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0) {
        x->request.method = IDP_GET;
    } else if (strcmp(method, "POST") == 0) {
        x->request.method = IDP_POST;
    } else {
        x->request.method = IDP_OTHER;
    }
    switch (idp_route_find(x->server->config.routes, x->server->config.route_count, &x->request,
                           &x->route)) {
    case IDP_NO_PATH:
        refuse(x, &idp_problem_no_path);
        return;
    case IDP_NO_METHOD:
        refuse(x, &idp_problem_no_method);
        idp_reply_header(&x->reply, "Allow",
                         lw_str_c(idp_route_allows(x->server->config.routes,
                                                   x->server->config.route_count, &x->request)));
        return;
    case IDP_FOUND:
        break;
    }
    const size_t bound = x->server->config.body_max;
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

static void log_request(const struct exchange *x)
{
    char status[8];
    (void)snprintf(status, sizeof(status), "%u", x->reply.status);
    const struct lw_field fields[] = {
        {"req", lw_str_c(x->request.id)},
        {"route", lw_str_c(x->route == NULL ? "-" : x->route->path)},
        {"status", lw_str_c(status)},
    };
    lw_log_line(x->server->config.log, x->reply.status >= 500 ? LW_WARN : LW_DEBUG, "http", fields,
                sizeof(fields) / sizeof(fields[0]));
}

static bool has_header(const struct idp_reply *reply, const char *name)
{
    for (size_t i = 0; i < reply->header_count; i++) {
        if (strcasecmp(reply->headers[i].name, name) == 0) {
            return true;
        }
    }
    return false;
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
    if (!has_header(&x->reply, "Cache-Control")) {
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
    log_request(x);
    return queued;
}

static void run_handler(struct exchange *x)
{
    x->route->handler(x->server->config.service, &x->request, &x->reply);
}

static void run_waiting(struct idp_work *work)
{
    struct exchange *x = (struct exchange *)work; /* its first member */
    struct MHD_Connection *mhd = x->mhd;
    run_handler(x);
    atomic_store(&x->replied, true);
    MHD_resume_connection(mhd); /* `x` may be gone from here on */
}

static enum MHD_Result dispatch(struct exchange *x)
{
    if (!x->counted) {
        x->counted = true;
        atomic_fetch_add(&x->server->under_way, 1);
    }
    x->request.body = lw_buf_view(&x->body);
    if (x->route->waits == NULL || !x->route->waits(&x->request)) {
        run_handler(x);
        return send_reply(x);
    }
    /* Suspend first, then queue: a worker may be done before the queueing call returns. */
    x->work.run = run_waiting;
    MHD_suspend_connection(x->mhd);
    if (!idp_workers_put(x->server->workers, &x->work)) {
        idp_reply_problem(&x->reply, &x->request, &idp_problem_overloaded);
        atomic_store(&x->replied, true);
        MHD_resume_connection(x->mhd);
    }
    return MHD_YES;
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
        return send_reply(x);
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
                               server->config.deadline_ms);
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
            atomic_fetch_sub(&server->connections, 1);
        }
        return;
    }
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD);
    c = calloc(1, sizeof(*c));
    if (c != NULL && info != NULL) {
        c->server = server;
        c->deadline.fd = info->connect_fd;
        c->deadline.at_ms = lw_mono_ms(server->config.clock) + server->config.deadline_ms;
        idp_deadlines_add(server->deadlines, &c->deadline);
        *socket_context = c;
        atomic_fetch_add(&server->connections, 1);
    } else {
        free(c);
    }
}

static void give_to_daemon(struct idp_server *server, int fd, struct sockaddr_storage *from,
                           socklen_t from_len, unsigned turn)
{
    if (atomic_load(&server->connections) >= server->config.connections) {
        (void)close(fd); /* a peer sees the end at once instead of waiting */
        return;
    }
    (void)MHD_add_connection(server->daemons[turn % server->daemon_count], fd,
                             (struct sockaddr *)from, from_len); /* closes what it cannot take */
}

/* Ours rather than the library's: with a shared listener two threads can fall to one's speed. */
static void *accept_loop(void *arg)
{
    struct idp_server *server = arg;
    unsigned turn = 0;
    while (!atomic_load(&server->stopping)) {
        struct pollfd fds[] = {{.fd = server->listen_fd, .events = POLLIN},
                               {.fd = server->wake_fd, .events = POLLIN}};
        if (poll(fds, 2, -1) < 0 || (fds[0].revents & POLLIN) == 0) {
            continue;
        }
        struct sockaddr_storage from = {0};
        socklen_t from_len = sizeof(from);
        const int fd = accept4(server->listen_fd, (struct sockaddr *)&from, &from_len,
                               SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd >= 0) {
            give_to_daemon(server, fd, &from, from_len, turn++);
        } else if (errno == EMFILE || errno == ENFILE) {
            (void)poll(NULL, 0, DRAIN_STEP_MS); /* no descriptors left: some will be closed */
        }
    }
    return NULL;
}

static struct MHD_Daemon *start_daemon(struct idp_server *server)
{
    const unsigned share = server->config.connections / server->config.threads + 1;
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_NO_LISTEN_SOCKET | MHD_ALLOW_SUSPEND_RESUME |
            MHD_USE_ITC,
        0, NULL, NULL, on_request, server, MHD_OPTION_NOTIFY_COMPLETED, on_completed, server,
        MHD_OPTION_NOTIFY_CONNECTION, on_connection, server, MHD_OPTION_CONNECTION_LIMIT, share,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEADERS_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
        (unsigned)IDLE_S, MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_END);
}

static lw_err start_threads(struct idp_server *server)
{
    const struct idp_server_config *config = &server->config;
    LW_TRY(idp_listener_open(config->listen, &server->listen_fd, &server->port));
    server->wake_fd = eventfd(0, EFD_CLOEXEC);
    LW_TRY(idp_deadlines_start(config->clock, &server->deadlines));
    LW_TRY(idp_workers_start(config->workers, config->queue_max, &server->workers));
    while (server->daemon_count < config->threads) {
        struct MHD_Daemon *daemon = start_daemon(server);
        if (daemon == NULL) {
            return LW_FAIL(LW_E_NOMEM, "server: cannot start an HTTP thread", LW_NOWHERE);
        }
        server->daemons[server->daemon_count++] = daemon;
    }
    if (server->wake_fd < 0 || pthread_create(&server->acceptor, NULL, accept_loop, server) != 0) {
        return LW_FAIL(LW_E_NOMEM, "server: cannot start the accept loop", LW_NOWHERE);
    }
    server->accepting = true;
    return LW_SUCCESS;
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
    s->listen_fd = -1;
    s->wake_fd = -1;
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

static void end_accepting(struct idp_server *server)
{
    atomic_store(&server->stopping, true);
    if (server->accepting) {
        const uint64_t one = 1;
        const ssize_t written = write(server->wake_fd, &one, sizeof(one));
        (void)written; /* an eventfd takes it */
        (void)pthread_join(server->acceptor, NULL);
        server->accepting = false;
    }
    if (server->listen_fd >= 0) {
        (void)close(server->listen_fd);
        server->listen_fd = -1;
    }
}

void idp_server_stop(struct idp_server *server, int64_t drain_ms)
{
    if (server == NULL) {
        return;
    }
    end_accepting(server);
    const int64_t until = lw_mono_ms(server->config.clock) + drain_ms;
    while (atomic_load(&server->under_way) > 0 && lw_mono_ms(server->config.clock) < until) {
        (void)poll(NULL, 0, DRAIN_STEP_MS);
    }
    /* Workers end first: they resume their connections, which a daemon must see before it ends. */
    idp_workers_stop(server->workers);
    for (unsigned i = 0; i < server->daemon_count; i++) {
        MHD_stop_daemon(server->daemons[i]);
    }
    idp_deadlines_stop(server->deadlines);
    if (server->wake_fd >= 0) {
        (void)close(server->wake_fd);
    }
    free(server);
}
